//! URIs taken apart: `sip:`, `sips:` (RFC 3261 section 19.1), `tel:` (RFC 3966) and any other scheme as it is.

use super::error::{Fault, ParseError};
use super::escape;
use super::grammar::{self, fail, find, split};
use super::{Host, Params};
use nom::Parser;
use nom::combinator::{cut, opt};
use nom::sequence::preceded;
use std::borrow::Cow;

/// A URI, borrowed and taken apart.
///
/// Reading is lenient where there is no doubt what is meant: besides what the grammar allows, any visible character but
/// `<`, `>` and `"` may stand unescaped, so `#` and letters beyond ASCII pass.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum UriRef<'a> {
    /// `sip:` or `sips:`.
    Sip(SipUri<'a>),
    /// `tel:` (RFC 3966).
    Tel {
        /// The number as written, visual separators included.
        number: &'a str,
        /// `phone-context`, `ext` and others.
        params: Params<'a>,
    },
    /// Any other scheme.
    Other {
        /// Without the colon, as written.
        scheme: &'a str,
        /// What follows the colon.
        rest: &'a str,
    },
}

/// A `sip:` or `sips:` URI (RFC 3261 section 19.1.1).
#[derive(Clone, Copy, Debug)]
pub struct SipUri<'a> {
    /// `sips:`.
    pub secure: bool,
    /// The user part as written, escapes included; never empty.
    pub user: Option<&'a str>,
    /// What follows the colon in the user part, as written.
    pub password: Option<&'a str>,
    /// The host.
    pub host: Host<'a>,
    /// The port, if there is one.
    pub port: Option<u16>,
    /// The URI's own parameters.
    pub params: Params<'a>,
    /// What follows the question mark, as written: `name=value&name=value`.
    pub headers: Option<&'a str>,
}

impl<'a> UriRef<'a> {
    /// Reads a URI.
    ///
    /// # Errors
    ///
    /// The field is `URI`, the offset counts from the start of the text.
    ///
    /// ```
    /// use offhook_core::message::{Host, UriRef};
    /// let uri = UriRef::parse("sips:alice@[2001:db8::1]:5061;transport=tcp")?;
    /// let sip = uri.as_sip().unwrap();
    /// assert_eq!((sip.secure, sip.user, sip.port), (true, Some("alice"), Some(5061)));
    /// # Ok::<(), offhook_core::message::ParseError>(())
    /// ```
    pub fn parse(text: &'a str) -> Result<UriRef<'a>, ParseError> {
        UriRef::parse_in(text, "URI", 0)
    }

    /// Reads a URI that stands at `start` in a message.
    pub(super) fn parse_in(text: &'a str, field: &'static str, start: usize) -> Result<UriRef<'a>, ParseError> {
        uri(text).map_err(|error| Fault::from(error).at(field, start.saturating_add(text.len())))
    }

    /// The `sip:` or `sips:` URI, if it is one.
    pub fn as_sip(&self) -> Option<&SipUri<'a>> {
        match self {
            UriRef::Sip(uri) => Some(uri),
            _ => None,
        }
    }

    /// The scheme in lower case for those the core knows, as written for others.
    pub fn scheme(&self) -> &'a str {
        match self {
            UriRef::Sip(SipUri { secure: false, .. }) => "sip",
            UriRef::Sip(SipUri { secure: true, .. }) => "sips",
            UriRef::Tel { .. } => "tel",
            UriRef::Other { scheme, .. } => scheme,
        }
    }
}

impl<'a> SipUri<'a> {
    /// The user part with escapes undone.
    pub fn user_decoded(&self) -> Option<Cow<'a, str>> {
        self.user.map(escape::unescape)
    }

    /// The `transport` parameter.
    pub fn transport(&self) -> Option<&'a str> {
        self.params.value("transport")
    }

    /// Whether the `lr` parameter is there: a loose router (RFC 3261 section 19.1.1).
    pub fn is_loose_router(&self) -> bool {
        self.params.contains("lr")
    }

    /// The header components, names and values with escapes undone (RFC 3261 section 19.1.1).
    pub fn header_fields(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a> {
        self.headers.unwrap_or("").split('&').filter(|header| !header.is_empty()).map(|header| {
            let (name, value) = header.split_once('=').unwrap_or((header, ""));
            (escape::unescape(name), escape::unescape(value))
        })
    }
}

/// The whole text as a URI.
fn uri(text: &str) -> Result<UriRef<'_>, nom::Err<Fault>> {
    // Without an early way out this loop takes many bytes at a time.
    if text.bytes().fold(false, |bad, byte| bad | !grammar::is_uri_byte(byte)) {
        let bad = text.bytes().position(|byte| !grammar::is_uri_byte(byte)).unwrap_or(0);
        return fail(split(text, bad).1, "a URI character");
    }
    let Some((scheme, rest)) = find(text, [b':']).map(|colon| {
        let (scheme, rest) = split(text, colon);
        (scheme, split(rest, 1).1)
    }) else {
        return fail(text, "a URI with a scheme");
    };
    if scheme.eq_ignore_ascii_case("sip") {
        sip(rest, false).map(UriRef::Sip)
    } else if scheme.eq_ignore_ascii_case("sips") {
        sip(rest, true).map(UriRef::Sip)
    } else if scheme.eq_ignore_ascii_case("tel") {
        tel(rest)
    } else if is_scheme(scheme) && !rest.is_empty() {
        Ok(UriRef::Other { scheme, rest })
    } else {
        fail(text, "a URI with a scheme")
    }
}

/// What follows `sip:` or `sips:`.
fn sip(text: &str, secure: bool) -> Result<SipUri<'_>, nom::Err<Fault>> {
    let (user, password, rest) = match find(text, [b'@']) {
        Some(at) => {
            let (info, rest) = split(text, at);
            let (user, password) = match find(info, [b':']) {
                Some(colon) => {
                    let (user, password) = split(info, colon);
                    (user, Some(split(password, 1).1))
                }
                None => (info, None),
            };
            if user.is_empty() {
                return fail(text, "a user name");
            }
            (Some(user), password, split(rest, 1).1)
        }
        None => (None, None, text),
    };
    // After a colon there is no way back: a bad port is the error.
    let port = opt(preceded(grammar::byte(b':', "a colon"), cut(grammar::port)));
    let (rest, (host, port)) = (grammar::host, port).parse(rest)?;
    let (params, headers) = match find(rest, [b'?']) {
        Some(mark) => {
            let (params, headers) = split(rest, mark);
            (params, Some(split(headers, 1).1))
        }
        None => (rest, None),
    };
    if !params.is_empty() && !params.starts_with(';') {
        return fail(rest, "a port, a parameter or the end of the URI");
    }
    Ok(SipUri { secure, user, password, host, port, params: Params::of_uri(params), headers })
}

/// What follows `tel:`.
fn tel(text: &str) -> Result<UriRef<'_>, nom::Err<Fault>> {
    let (number, params) = split(text, find(text, [b';']).unwrap_or(text.len()));
    let digits = number.strip_prefix('+').unwrap_or(number);
    let is_digit = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b'*' | b'#' | b'-' | b'.' | b'(' | b')');
    if digits.is_empty() || !digits.bytes().all(is_digit) {
        return fail(text, "a telephone number");
    }
    Ok(UriRef::Tel { number, params: Params::of_uri(params) })
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sip(text: &str) -> SipUri<'_> {
        *UriRef::parse(text).unwrap().as_sip().unwrap()
    }

    #[test]
    fn all_parts() {
        let uri = sip("SIP:alice:secret@example.com:5070;transport=tcp;lr?Subject=a%20b&x=");
        assert_eq!((uri.user, uri.password), (Some("alice"), Some("secret")));
        assert_eq!((uri.host, uri.port), (Host::Name("example.com"), Some(5070)));
        assert_eq!((uri.transport(), uri.is_loose_router()), (Some("tcp"), true));
        let headers: Vec<_> = uri.header_fields().collect();
        assert_eq!(headers, [("Subject".into(), "a b".into()), ("x".into(), "".into())]);
    }

    #[test]
    fn users_may_hold_semicolons_question_marks_and_hashes() {
        assert_eq!(sip("sip:user;par=u%40example.net@example.com").user, Some("user;par=u%40example.net"));
        assert_eq!(sip("sip:*21#@example.com").user, Some("*21#"));
        assert_eq!(sip("sip:a?b/c@example.com").headers, None);
        assert_eq!(sip("sip:b%C3%B6b@example.com").user_decoded().as_deref(), Some("böb"));
        assert_eq!(sip("sip:example.com;x=a#b").params.value("x"), Some("a#b"));
    }

    #[test]
    fn other_schemes() {
        let tel = UriRef::parse("tel:+1-(201)-555.0123;phone-context=example.com").unwrap();
        let UriRef::Tel { number, params } = tel else { panic!("{tel:?}") };
        assert_eq!((number, params.value("phone-context")), ("+1-(201)-555.0123", Some("example.com")));
        let other = UriRef::parse("soap.beep://192.0.2.103:3002").unwrap();
        assert_eq!(other.scheme(), "soap.beep");
        assert!(matches!(UriRef::parse("urn:service:sos").unwrap(), UriRef::Other { rest: "service:sos", .. }));
    }

    #[test]
    fn errors_say_where() {
        let of = |text| UriRef::parse(text).unwrap_err().to_string();
        assert_eq!(of("sip:bob@example.com:70000"), "URI: number out of range at byte 20");
        assert_eq!(of("sip:bob@example.com:"), "URI: expected a port number at byte 20");
        assert_eq!(of("sip:bob@"), "URI: expected a host at byte 8");
        assert_eq!(of("sip:@example.com"), "URI: expected a user name at byte 4");
        assert_eq!(of("sip:a@b; lr"), "URI: expected a URI character at byte 8");
        assert_eq!(of("<sip:a@b>"), "URI: expected a URI character at byte 0");
        assert_eq!(of("sip:a@b/c"), "URI: expected a port, a parameter or the end of the URI at byte 7");
        assert_eq!(of("bob"), "URI: expected a URI with a scheme at byte 0");
        assert_eq!(of("tel:bob"), "URI: expected a telephone number at byte 4");
        assert_eq!(of("sip:[::1"), "URI: expected a closing bracket at byte 8");
    }
}
