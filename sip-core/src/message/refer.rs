//! Refer-To (RFC 3515) and Referred-By (RFC 3892): whom to call instead, and who says so.

use super::error::{ErrorKind, ParseError};
use super::escape::{self, escape_param};
use super::grammar::{is_uri_byte, trim};
use super::{Fields, Method, Name, NameAddrRef, ParseError as Error, Replaces, Uri, UriRef};
use std::borrow::Cow;
use std::fmt;

/// Header fields nobody may put into a request through a URI (RFC 3261 section 19.1.5): they would speak for the user
/// agent itself, or change where its requests go.
const UNSAFE: [Name; 26] = [
    Name::From,
    Name::To,
    Name::CallId,
    Name::CSeq,
    Name::Via,
    Name::Route,
    Name::RecordRoute,
    Name::Path,
    Name::ServiceRoute,
    Name::Contact,
    Name::MaxForwards,
    Name::ContentLength,
    Name::ContentType,
    Name::ContentEncoding,
    Name::Authorization,
    Name::ProxyAuthorization,
    Name::WwwAuthenticate,
    Name::ProxyAuthenticate,
    Name::PAssertedIdentity,
    Name::PPreferredIdentity,
    Name::RemotePartyId,
    Name::Identity,
    Name::IdentityInfo,
    Name::ReferredBy,
    Name::Supported,
    Name::Allow,
];

/// Where a REFER sends us: the URI by itself, the method, and the header fields that stood in the URI.
///
/// ```
/// use offhook_core::message::{Method, ReferTarget};
/// let target = ReferTarget::parse(
///     "<sip:dave@denver.example.org?Replaces=12345%40192.168.118.3%3Bto-tag%3D12345%3Bfrom-tag%3D5FFE-3994>",
/// )?;
/// assert_eq!((target.uri.as_str(), &target.method), ("sip:dave@denver.example.org", &Method::Invite));
/// assert_eq!(target.replaces().unwrap()?.call_id, "12345@192.168.118.3");
/// # Ok::<(), offhook_core::message::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferTarget {
    /// The URI to send the request to: without headers and without a `method` parameter.
    pub uri: Uri,
    /// The method; INVITE unless the URI says otherwise (RFC 3515 section 2.1).
    pub method: Method,
    /// The name beside the URI.
    pub display_name: Option<Box<str>>,
    /// Header fields for the request, escapes undone, in order. See [`wanted`](ReferTarget::wanted) for those that may be
    /// followed.
    pub headers: Vec<(Box<str>, Box<str>)>,
}

impl ReferTarget {
    /// A target without header fields.
    pub fn new(uri: &Uri, method: Method) -> ReferTarget {
        ReferTarget { uri: uri.request_uri(), method, display_name: None, headers: Vec::new() }
    }

    /// Reads a Refer-To value. A URI with headers but without angle brackets is forgiven.
    ///
    /// # Errors
    ///
    /// No address, an address that is no URI, a `method` that is no token. The field is `Refer-To`, the offset counts
    /// from the start of the text.
    pub fn parse(text: &str) -> Result<ReferTarget, ParseError> {
        read(text, text.len())
    }

    /// The same with one more header field for the request.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> ReferTarget {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The first header field of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// The dialog to replace (RFC 3891), if there is one.
    ///
    /// # Errors
    ///
    /// A Replaces value that lacks something; the offset counts in that value.
    pub fn replaces(&self) -> Option<Result<Replaces<'_>, ParseError>> {
        self.header("Replaces").map(Replaces::parse)
    }

    /// The header fields that may be put into the request: none that would speak for the user agent or its routes
    /// (RFC 3261 section 19.1.5), none whose value cannot stand in a message, and no `body`.
    pub fn wanted(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (&**name, &**value)).filter(|(name, value)| {
            super::grammar::is_token(name.as_bytes())
                && !name.eq_ignore_ascii_case("body")
                && !UNSAFE.contains(&Name::parse(name.as_bytes()))
                && !value.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
        })
    }
}

impl fmt::Display for ReferTarget {
    /// The Refer-To value: always with angle brackets, headers escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.display_name {
            let mut quoted = String::with_capacity(name.len().saturating_add(2));
            escape::push_quoted(&mut quoted, name);
            f.write_str(&quoted)?;
            f.write_str(" ")?;
        }
        f.write_str("<")?;
        f.write_str(self.uri.as_str())?;
        if self.method != Method::Invite {
            f.write_str(";method=")?;
            f.write_str(&escape_param(self.method.as_str()))?;
        }
        for (at, (name, value)) in self.headers.iter().enumerate() {
            f.write_str(if at == 0 { "?" } else { "&" })?;
            f.write_str(&escape_header(name))?;
            f.write_str("=")?;
            f.write_str(&escape_header(value))?;
        }
        f.write_str(">")
    }
}

/// A Referred-By value (RFC 3892).
#[derive(Clone, Copy, Debug)]
pub struct ReferredBy<'a> {
    /// Who refers.
    pub referrer: NameAddrRef<'a>,
    /// The Content-ID, without its angle brackets, of the body part that proves it.
    pub cid: Option<&'a str>,
}

impl Fields {
    /// Refer-To.
    ///
    /// # Errors
    ///
    /// Those of [`ReferTarget::parse`]; offsets count from the start of the message.
    pub fn refer_to(&self) -> Result<Option<ReferTarget>, ParseError> {
        let Some(entry) = self.lines(Name::ReferTo).next() else { return Ok(None) };
        let (text, end) = self.value_of(entry);
        read(text, end).map(Some)
    }

    /// Referred-By.
    ///
    /// # Errors
    ///
    /// Not readable, or more than one address in the line.
    pub fn referred_by(&self) -> Result<Option<ReferredBy<'_>>, ParseError> {
        let found = self.address(Name::ReferredBy)?;
        Ok(found.map(|referrer| ReferredBy { referrer, cid: referrer.params.value("cid") }))
    }

    /// Whether a subscription is wanted with a REFER, or was made (RFC 4488 section 3): `None` if nothing is said.
    pub fn refer_sub(&self) -> Option<bool> {
        let item = self.item(Name::ReferSub)?;
        if item.is("false") { Some(false) } else { item.is("true").then_some(true) }
    }
}

/// `end` is where the text ends in the message.
fn read(text: &str, end: usize) -> Result<ReferTarget, Error> {
    let field = Name::ReferTo.as_str();
    let text_end = end.saturating_sub(text.len().saturating_sub(super::grammar::trim_end(text).len()));
    let text = trim(text);
    let start = text_end.saturating_sub(text.len());
    // A bare URI to the end of the value: what angle brackets would have been around.
    let (display_name, uri, uri_at) = if text.contains('?') && !text.is_empty() && text.bytes().all(is_uri_byte) {
        (None, text, start)
    } else {
        let address = super::address::single(text, Name::ReferTo, text_end)?;
        let uri = address.uri_text();
        let at = uri.as_ptr().addr().saturating_sub(text.as_ptr().addr());
        (address.display_name().map(|name| Box::from(&*name)), uri, start.saturating_add(at))
    };
    let view = UriRef::parse_in(uri, field, uri_at)?;
    let (mut method, mut headers) = (Method::Invite, Vec::new());
    if let UriRef::Sip(sip) = &view {
        if let Some(found) = sip.params.decoded("method") {
            method = Method::parse(found.as_bytes()).ok_or(ParseError::new(
                field,
                uri_at,
                ErrorKind::Syntax("a method that is a token"),
            ))?;
        }
        headers = sip.header_fields().map(|(name, value)| (Box::from(&*name), Box::from(&*value))).collect();
    }
    Ok(ReferTarget { uri: Uri::of_text(uri).request_uri(), method, display_name, headers })
}

/// Escapes the name or value of a URI header (`hname`, `hvalue`).
fn escape_header(text: &str) -> Cow<'_, str> {
    // What may stand in a parameter may stand here, but for `&`.
    let escaped = escape_param(text);
    if escaped.contains('&') { Cow::Owned(escaped.replace('&', "%26")) } else { escaped }
}

#[cfg(test)]
mod tests {
    use super::super::fields_of_test;
    use super::*;

    fn parse(text: &str) -> ReferTarget {
        ReferTarget::parse(text).unwrap()
    }

    #[test]
    fn the_examples_of_rfc_3515() {
        assert_eq!(parse("sip:alice@atlanta.example.com").uri.as_str(), "sip:alice@atlanta.example.com");
        let bob = parse(
            "<sip:bob@biloxi.example.net?Accept-Contact=sip:bobsdesk@biloxi.example.net&Call-ID%3D55432%40alicepc.atlanta.example.com>",
        );
        assert_eq!(bob.header("accept-contact"), Some("sip:bobsdesk@biloxi.example.net"));
        assert_eq!(bob.headers.len(), 2);
        let carol = parse("<sip:carol@cleveland.example.org;method=SUBSCRIBE>");
        assert_eq!(carol.method, Method::Subscribe);
        assert_eq!(carol.uri.as_str(), "sip:carol@cleveland.example.org");
        assert_eq!(carol.to_string(), "<sip:carol@cleveland.example.org;method=SUBSCRIBE>");
        assert_eq!(parse("http://www.ietf.org").uri.as_str(), "http://www.ietf.org");
        let tel = parse("\"T\" <tel:+1-201-555>");
        assert_eq!((tel.uri.as_str(), tel.display_name.as_deref()), ("tel:+1-201-555", Some("T")));
    }

    #[test]
    fn brackets_may_be_forgotten() {
        let target = parse("sip:b@c;transport=tcp?Replaces=1%40a%3Bto-tag%3Dx%3Bfrom-tag%3Dy");
        assert_eq!(target.uri.as_str(), "sip:b@c;transport=tcp");
        let replaces = target.replaces().unwrap().unwrap();
        assert_eq!((replaces.call_id, replaces.to_tag, replaces.from_tag), ("1@a", "x", "y"));
        assert!(parse("sip:b@c?Replaces=1").replaces().unwrap().is_err());
    }

    #[test]
    fn header_fields_that_may_be_followed() {
        let target =
            parse("<sip:b@c?Replaces=1&From=x&Subject=a%0D%0AX:%20y&Require=replaces&body=z&P%20Q=1&X-Mine=%26>");
        assert_eq!(target.headers.len(), 7);
        assert_eq!(target.wanted().collect::<Vec<_>>(), [("Replaces", "1"), ("Require", "replaces"), ("X-Mine", "&")]);
    }

    #[test]
    fn what_is_printed_reads_back() {
        let uri = Uri::parse("sip:b@c;transport=tcp").unwrap();
        let target = ReferTarget::new(&uri, Method::Bye)
            .with_header("Replaces", "a&b=c@d;to-tag=1;from-tag=2")
            .with_header("Subject", "ä?%\"<>");
        let named = ReferTarget { display_name: Some("B \"b\"".into()), ..target.clone() };
        assert_eq!(ReferTarget::parse(&target.to_string()), Ok(target));
        assert_eq!(ReferTarget::parse(&named.to_string()), Ok(named));
    }

    #[test]
    fn errors_say_where() {
        let of = |fields: &str| fields_of_test(fields).refer_to().unwrap_err().to_string();
        assert_eq!(of("r: <sip:b@c:x>"), "Refer-To: expected a port number at byte 28");
        assert_eq!(of("r: sip:b@c:x?a=b"), "Refer-To: expected a port number at byte 27");
        assert_eq!(of("r: \"B\" <sip:b@c;method=(x)>"), "Refer-To: expected a method that is a token at byte 24");
        assert_eq!(of("r: bob"), "Refer-To: expected a URI at byte 19");
        assert_eq!(fields_of_test("X-None: y").refer_to(), Ok(None));
    }

    #[test]
    fn referrers() {
        let fields = fields_of_test(
            "b: <sip:referrer@referrer.example>;cid=\"20398823.2UWQFN309shb3@referrer.example\"|Refer-Sub: False",
        );
        let by = fields.referred_by().unwrap().unwrap();
        assert_eq!(by.referrer.uri_text(), "sip:referrer@referrer.example");
        assert_eq!(by.cid, Some("20398823.2UWQFN309shb3@referrer.example"));
        assert_eq!(fields.refer_sub(), Some(false));
        assert_eq!(fields_of_test("Refer-Sub: x").refer_sub(), None);
    }
}
