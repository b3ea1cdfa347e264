//! Owned URIs and addresses: validated texts.

use super::address::NameAddrRef;
use super::error::ParseError;
use super::escape::{self, push_quoted};
use super::{Host, Params, UriRef, grammar};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// An owned, validated URI: its text, and nothing else.
///
/// Two are equal if their texts are; see [`UriRef::equivalent`] for what SIP calls equal.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Uri {
    text: Box<str>,
}

impl Uri {
    /// Reads a URI.
    ///
    /// # Errors
    ///
    /// See [`UriRef::parse`].
    pub fn parse(text: &str) -> Result<Uri, ParseError> {
        UriRef::parse(text).map(|_| Uri { text: text.into() })
    }

    /// `sip:user@host`, the user escaped. The host may have a port.
    ///
    /// # Errors
    ///
    /// A host that is none; the offset counts in the URI that would have been.
    ///
    /// ```
    /// use offhook_core::message::Uri;
    /// assert_eq!(Uri::sip(Some("J. B"), "example.com:5070")?.as_str(), "sip:J.%20B@example.com:5070");
    /// # Ok::<(), offhook_core::message::ParseError>(())
    /// ```
    pub fn sip(user: Option<&str>, host: &str) -> Result<Uri, ParseError> {
        Uri::build("sip:", user, host)
    }

    /// `sips:user@host`, otherwise as [`sip`](Uri::sip).
    ///
    /// # Errors
    ///
    /// As [`sip`](Uri::sip).
    pub fn sips(user: Option<&str>, host: &str) -> Result<Uri, ParseError> {
        Uri::build("sips:", user, host)
    }

    /// The same URI with one more parameter, escaped, in front of any headers. One of the same name is replaced.
    #[must_use]
    pub fn with_param(&self, name: &str, value: Option<&str>) -> Uri {
        let mut text = String::with_capacity(self.text.len().saturating_add(name.len()).saturating_add(16));
        let (params, headers) = self.keep(&mut text, |found| !found.eq_ignore_ascii_case(name));
        text.push_str(&params);
        text.push(';');
        text.push_str(&escape::escape_param(name));
        if let Some(value) = value {
            text.push('=');
            text.push_str(&escape::escape_param(value));
        }
        text.push_str(headers);
        Uri { text: text.into() }
    }

    /// The same URI without the parameters of that name.
    #[must_use]
    pub fn without_param(&self, name: &str) -> Uri {
        let mut text = String::with_capacity(self.text.len());
        let (params, headers) = self.keep(&mut text, |found| !found.eq_ignore_ascii_case(name));
        text.push_str(&params);
        text.push_str(headers);
        Uri { text: text.into() }
    }

    /// What may stand as Request-URI of a request to this URI: without headers and without the `method` parameter
    /// (RFC 3261 section 19.1.5).
    #[must_use]
    pub fn request_uri(&self) -> Uri {
        let mut text = String::with_capacity(self.text.len());
        let (params, _) = self.keep(&mut text, |found| !found.eq_ignore_ascii_case("method"));
        text.push_str(&params);
        Uri { text: text.into() }
    }

    /// The URI taken apart.
    pub fn view(&self) -> UriRef<'_> {
        // The text was read once; `Other` is never the answer to a text that was read as something else.
        UriRef::parse(&self.text).unwrap_or(UriRef::Other { scheme: "", rest: &self.text })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// A text that was read before.
    pub(super) fn of_text(text: &str) -> Uri {
        Uri { text: text.into() }
    }

    fn build(scheme: &str, user: Option<&str>, host: &str) -> Result<Uri, ParseError> {
        let mut text = String::with_capacity(scheme.len().saturating_add(host.len()).saturating_add(32));
        text.push_str(scheme);
        if let Some(user) = user {
            text.push_str(&escape::escape_user(user));
            text.push('@');
        }
        let host_at = text.len();
        text.push_str(host);
        // Nothing but a host and a port: no `@`, no parameters.
        if let Some(stray) = host.find(['@', ';', '?']) {
            let at = host_at.saturating_add(stray);
            return Err(ParseError::new("URI", at, super::ErrorKind::Syntax("the end of the host")));
        }
        Uri::parse(&text)
    }

    /// Appends what stands before the parameters; returns those that are kept, and the headers with their mark.
    fn keep(&self, out: &mut String, keep: impl Fn(&str) -> bool) -> (String, &str) {
        let (all, headers) = match self.view() {
            UriRef::Sip(uri) => (uri.params, uri.headers.map_or(0, |headers| headers.len().saturating_add(1))),
            UriRef::Tel { params, .. } => (params, 0),
            UriRef::Other { .. } => (Params::default(), 0),
        };
        let (front, headers) = grammar::split(&self.text, self.text.len().saturating_sub(headers));
        out.push_str(grammar::split(front, front.len().saturating_sub(all.as_str().len())).0);
        let mut kept = String::new();
        for (name, value) in all.iter().filter(|(name, _)| keep(name)) {
            kept.push(';');
            kept.push_str(name);
            if let Some(value) = value {
                kept.push('=');
                kept.push_str(value);
            }
        }
        (kept, headers)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Uri {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Uri, ParseError> {
        Uri::parse(text)
    }
}

/// An owned address with its display name and parameters: a validated text. Copies share it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct NameAddr {
    text: Arc<str>,
}

impl NameAddr {
    /// Reads one address, as it stands in From, To, Contact or Route. Its URI is read too.
    ///
    /// # Errors
    ///
    /// See [`NameAddrRef::parse`] and [`NameAddrRef::uri`].
    pub fn parse(text: &str) -> Result<NameAddr, ParseError> {
        let address = NameAddrRef::parse(text)?;
        address.uri()?;
        Ok(address.to_owned())
    }

    /// `"display" <uri>`, the display name quoted and escaped.
    ///
    /// ```
    /// use offhook_core::message::{NameAddr, Uri};
    /// let bob = NameAddr::new(Some("Bob \"B\""), &Uri::parse("sip:bob@example.com")?);
    /// assert_eq!(bob.with_param("tag", Some("1")).as_str(), "\"Bob \\\"B\\\"\" <sip:bob@example.com>;tag=1");
    /// # Ok::<(), offhook_core::message::ParseError>(())
    /// ```
    pub fn new(display: Option<&str>, uri: &Uri) -> NameAddr {
        let mut text =
            String::with_capacity(uri.text.len().saturating_add(display.map_or(0, str::len)).saturating_add(8));
        if let Some(display) = display.filter(|display| !display.is_empty()) {
            push_quoted(&mut text, display);
            text.push(' ');
        }
        text.push('<');
        text.push_str(&uri.text);
        text.push('>');
        NameAddr { text: text.into() }
    }

    /// The same address with one more parameter. A value that is no token and no host is quoted. One of the same name is
    /// replaced; one whose name is no token, which only garbage has, is left out.
    #[must_use]
    pub fn with_param(&self, name: &str, value: Option<&str>) -> NameAddr {
        let view = self.view();
        let mut text = self.bare();
        let keeps = |found: &str| !found.eq_ignore_ascii_case(name) && grammar::is_token(found.as_bytes());
        let kept = view.params.iter().filter(|(found, _)| keeps(found));
        for (name, value) in kept {
            push_param(&mut text, name, value.map(escape::unquote_inner).as_deref());
        }
        push_param(&mut text, name, value);
        NameAddr { text: text.into() }
    }

    /// The same display name and URI without any parameters of the field: no tag.
    #[must_use]
    pub fn without_params(&self) -> NameAddr {
        NameAddr { text: self.bare().into() }
    }

    /// The address taken apart.
    pub fn view(&self) -> NameAddrRef<'_> {
        match NameAddrRef::parse(&self.text) {
            Ok(view) => view,
            // The text was read once, so this is never reached.
            Err(_) => NameAddrRef::of_uri(&self.text),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URI.
    pub fn uri(&self) -> Uri {
        Uri::of_text(self.view().uri_text())
    }

    /// A text that was read before.
    pub(super) fn of_text(text: &str) -> NameAddr {
        NameAddr { text: text.into() }
    }

    /// Display name and URI of an address that was read.
    pub(super) fn bare_of(view: &NameAddrRef<'_>) -> NameAddr {
        let (text, uri) = (view.as_str(), view.uri_text());
        // As most are written, without a display name.
        let plain =
            text.get(..uri.len().saturating_add(2)).filter(|front| text.starts_with('<') && front.ends_with('>'));
        NameAddr { text: plain.map_or_else(|| bare(view).into(), Into::into) }
    }

    /// Display name and URI, always with angle brackets.
    fn bare(&self) -> String {
        bare(&self.view())
    }
}

/// Display name and URI, always with angle brackets.
fn bare(view: &NameAddrRef<'_>) -> String {
    let mut text = String::with_capacity(view.as_str().len().saturating_add(32));
    if let Some(display) = view.display_name() {
        push_quoted(&mut text, &display);
        text.push(' ');
    }
    text.push('<');
    text.push_str(view.uri_text());
    text.push('>');
    text
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for NameAddr {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<NameAddr, ParseError> {
        NameAddr::parse(text)
    }
}

fn push_param(text: &mut String, name: &str, value: Option<&str>) {
    text.push(';');
    text.push_str(name);
    if let Some(value) = value {
        text.push('=');
        if grammar::is_token(value.as_bytes()) || Host::parse(value).is_some() {
            text.push_str(value);
        } else {
            push_quoted(text, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_from_parts() {
        assert_eq!(Uri::sip(None, "example.com").unwrap().as_str(), "sip:example.com");
        assert_eq!(Uri::sips(Some("a@b"), "[::1]:5061").unwrap().as_str(), "sips:a%40b@[::1]:5061");
        for host in ["", "a b", "a@b", "a;lr", "a?x", "a:b", "a\r\nX: y"] {
            assert!(Uri::sip(Some("x"), host).is_err(), "{host}");
        }
        assert!(Uri::sip(Some(""), "example.com").is_err());
    }

    #[test]
    fn uri_parameters() {
        let uri = Uri::parse("sip:a@b:5070;x=%20;method=BYE;LR?Subject=x").unwrap();
        assert_eq!(uri.with_param("lr", None).as_str(), "sip:a@b:5070;x=%20;method=BYE;lr?Subject=x");
        assert_eq!(uri.without_param("X").as_str(), "sip:a@b:5070;method=BYE;LR?Subject=x");
        assert_eq!(uri.request_uri().as_str(), "sip:a@b:5070;x=%20;LR");
        let tel = Uri::parse("tel:+1").unwrap().with_param("ext", Some("a;b"));
        assert_eq!(tel.as_str(), "tel:+1;ext=a%3Bb");
    }

    #[test]
    fn addresses() {
        let uri = Uri::parse("sip:a@b;lr").unwrap();
        let address = NameAddr::new(Some("Ä\r\n\"\\"), &uri);
        assert_eq!(address.as_str(), "\"Ä  \\\"\\\\\" <sip:a@b;lr>");
        assert_eq!(address.view().display_name().as_deref(), Some("Ä  \"\\"));
        assert_eq!(address.uri(), uri);
        let tagged = address.with_param("tag", Some("1")).with_param("+sip.instance", Some("<urn:uuid:1>"));
        assert_eq!(tagged.view().tag(), Some("1"));
        let retagged = tagged.with_param("TAG", Some("2"));
        assert!(retagged.as_str().ends_with("<sip:a@b;lr>;+sip.instance=\"<urn:uuid:1>\";TAG=2"));
        assert_eq!(retagged.without_params(), address);
        let odd = NameAddr::parse("sip:a@b;x\"y;ob;z=\"").unwrap().with_param("tag", Some("1"));
        assert_eq!(odd.view().tag(), Some("1"));
        let bare = NameAddr::parse("sip:a@b;tag=1").unwrap();
        assert_eq!(bare.without_params().as_str(), "<sip:a@b>");
        assert_eq!(NameAddr::new(None, &uri).as_str(), "<sip:a@b;lr>");
        assert!(NameAddr::parse("<sip:>").is_err());
    }
}
