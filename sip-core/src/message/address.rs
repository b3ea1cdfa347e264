//! From, To, Contact, Route and their kind: `name-addr` or `addr-spec` with parameters (RFC 3261 section 20.10).

use super::error::{Fault, ParseError};
use super::escape;
use super::grammar::{self, BREAK, Out, fail, find, is, skip_ws, split, trim, trim_end};
use super::params::{end_of_value, strip_quotes};
use super::{Name, NameAddr, Params, UriRef};
use std::borrow::Cow;
use std::fmt;

/// An address with a display name and parameters, as in From, To, Contact and Route.
///
/// A display name may hold more than tokens without quotation marks (letters beyond ASCII, parentheses), white space
/// around the URI in angle brackets is passed over, and so are empty parameters.
#[derive(Clone, Copy, Debug)]
pub struct NameAddrRef<'a> {
    /// As written, with its quotation marks.
    display: Option<&'a str>,
    uri: &'a str,
    /// Parameters of the field, such as `tag` and `q`; not those of the URI.
    pub params: Params<'a>,
    text: &'a str,
    /// Where the URI stands.
    uri_at: usize,
    name: Name,
}

impl<'a> NameAddrRef<'a> {
    /// Reads one value.
    ///
    /// # Errors
    ///
    /// The field is `address`, the offset counts from the start of the text. The URI is only found, not read: see
    /// [`uri`](NameAddrRef::uri).
    ///
    /// ```
    /// use offhook_core::message::NameAddrRef;
    /// let bob = NameAddrRef::parse("\"Bob \\\"B\\\"\" <sip:bob@example.com;lr>;tag=1")?;
    /// assert_eq!(bob.display_name().as_deref(), Some("Bob \"B\""));
    /// assert_eq!((bob.uri_text(), bob.tag()), ("sip:bob@example.com;lr", Some("1")));
    /// # Ok::<(), offhook_core::message::ParseError>(())
    /// ```
    pub fn parse(text: &'a str) -> Result<NameAddrRef<'a>, ParseError> {
        single(text, Name::Other, text.len())
    }

    /// A URI with nothing around it.
    pub(super) fn of_uri(uri: &'a str) -> NameAddrRef<'a> {
        NameAddrRef { display: None, uri, params: Params::default(), text: uri, uri_at: 0, name: Name::Other }
    }

    /// The display name with quotation marks and escapes undone; `None` if there is none or it is empty.
    pub fn display_name(&self) -> Option<Cow<'a, str>> {
        let display = self.display?;
        let name = if display.starts_with('"') {
            escape::unquote_inner(strip_quotes(display))
        } else {
            Cow::Borrowed(display)
        };
        (!name.is_empty()).then_some(name)
    }

    /// The URI as written.
    pub fn uri_text(&self) -> &'a str {
        self.uri
    }

    /// The URI taken apart.
    ///
    /// # Errors
    ///
    /// A text that is no URI; the field and the offset are those of the header field it stands in.
    pub fn uri(&self) -> Result<UriRef<'a>, ParseError> {
        UriRef::parse_in(self.uri, field(self.name), self.uri_at)
    }

    /// The tag, if there is one that is not empty.
    #[inline]
    pub fn tag(&self) -> Option<&'a str> {
        self.params.value("tag").filter(|tag| !tag.is_empty())
    }

    /// The value as written.
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// An owned copy without the parameters of the field: no tag.
    pub(crate) fn bare(&self) -> NameAddr {
        NameAddr::bare_of(self)
    }

    /// An owned copy.
    pub fn to_owned(&self) -> NameAddr {
        NameAddr::of_text(self.text)
    }
}

impl fmt::Display for NameAddrRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

/// A Contact value.
#[derive(Clone, Copy, Debug)]
pub enum ContactValue<'a> {
    /// `*`: every contact, in a REGISTER that removes them (RFC 3261 section 10.2.2).
    Star,
    /// An address.
    Address(NameAddrRef<'a>),
}

impl<'a> ContactValue<'a> {
    /// The address, if it is not `*`.
    pub fn address(&self) -> Option<&NameAddrRef<'a>> {
        match self {
            ContactValue::Star => None,
            ContactValue::Address(address) => Some(address),
        }
    }
}

/// A whole value that is one address. `end` is where it ends in the message.
pub(super) fn single(text: &str, name: Name, end: usize) -> Result<NameAddrRef<'_>, ParseError> {
    match address(text, name, end) {
        Ok(("", address)) => Ok(address),
        Ok((rest, _)) => Err(Fault::new(rest, "the end of the value").at(field(name), end)),
        Err(error) => Err(Fault::from(error).at(field(name), end)),
    }
}

/// A Contact value; stops at a comma or at the end.
pub(super) fn contact(input: &str, name: Name, end: usize) -> Out<'_, ContactValue<'_>> {
    let start = skip_ws(input);
    if let Some(rest) = start.strip_prefix('*') {
        let rest = skip_ws(rest);
        if rest.is_empty() || rest.starts_with(',') {
            return Ok((rest, ContactValue::Star));
        }
    }
    address(start, name, end).map(|(rest, address)| (rest, ContactValue::Address(address)))
}

/// One address; stops at a comma or at the end. `end` is where the input ends in the message.
#[inline]
pub(super) fn address(input: &str, name: Name, end: usize) -> Out<'_, NameAddrRef<'_>> {
    let start = skip_ws(input);
    let (rest, display) = display(start)?;
    let uri_end = match display {
        Some(_) => find(rest, [b'>']),
        None => Some(find(rest, [b';', b',', b'?']).unwrap_or(rest.len())),
    };
    let Some(uri_end) = uri_end else { return fail("", "a closing angle bracket") };
    let (uri, after) = split(rest, uri_end);
    let after = match display {
        Some(_) => split(after, 1).1,
        None if after.starts_with('?') => return fail(after, "angle brackets around a URI with a question mark"),
        None => after,
    };
    let inner = skip_ws(uri);
    let uri_at = end.saturating_sub(rest.len()).saturating_add(uri.len().saturating_sub(inner.len()));
    let uri = trim_end(inner);
    if find(uri, [b':']).is_none() {
        return fail(rest, "a URI");
    }
    let after = skip_ws(after);
    if !matches!(after.as_bytes().first(), None | Some(b';' | b',')) {
        return fail(after, "a parameter, a comma or the end of the value");
    }
    let (params, after) = split(after, end_of_value(after, b','));
    let text = trim_end(split(start, start.len().saturating_sub(after.len())).0);
    let params = Params::of_field(trim_end(params));
    let display = display.filter(|display| !display.is_empty());
    Ok((after, NameAddrRef { display, uri, params, text, uri_at, name }))
}

/// The display name and the opening angle bracket; `None` if there is no bracket, so the URI stands by itself.
#[inline]
fn display(start: &str) -> Out<'_, Option<&str>> {
    match start.as_bytes().first() {
        Some(b'<') => return Ok((split(start, 1).1, Some(""))),
        Some(b'"') => {
            let (rest, display) = grammar::quoted(start)?;
            let (rest, ()) = grammar::separator(b'<', "an opening angle bracket")(rest)?;
            return Ok((rest, Some(display)));
        }
        _ => {}
    }
    match start.bytes().position(|byte| is(byte, BREAK)).map(|at| split(start, at)) {
        Some((display, rest)) if rest.starts_with('<') => Ok((split(rest, 1).1, Some(trim(display)))),
        Some((_, rest)) if rest.starts_with(['>', '"']) => fail(rest, "a URI"),
        _ => Ok((start, None)),
    }
}

fn field(name: Name) -> &'static str {
    match name {
        Name::Other => "address",
        known => known.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> NameAddrRef<'_> {
        NameAddrRef::parse(text).unwrap()
    }

    #[test]
    fn forms() {
        let address = parse(" caller<sip:caller@example.com>;tag=323 ");
        assert_eq!(address.display_name().as_deref(), Some("caller"));
        assert_eq!(address.as_str(), "caller<sip:caller@example.com>;tag=323");
        let address = parse("sip:caller@example.com;tag=323;x");
        assert_eq!((address.uri_text(), address.tag()), ("sip:caller@example.com", Some("323")));
        assert_eq!(address.params.as_str(), ";tag=323;x");
        assert_eq!(address.display_name(), None);
        let address = parse("A. Bell <sip:a@b;x=1> ; tag = 1");
        assert_eq!(address.display_name().as_deref(), Some("A. Bell"));
        assert_eq!(address.uri().unwrap().as_sip().unwrap().params.value("x"), Some("1"));
        assert_eq!(parse("\"\" <sip:a@b>").display_name(), None);
        assert_eq!(parse("< sip:t.watson@example.org >").uri_text(), "sip:t.watson@example.org");
    }

    #[test]
    fn quoted_names() {
        let address = parse("\"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>  ;  tag = 98asjd8");
        assert_eq!(address.display_name().as_deref(), Some("J Rosenberg \\\""));
        assert_eq!(address.tag(), Some("98asjd8"));
        assert_eq!(parse("\"Watson, T. <x>\" <sip:a@b>").display_name().as_deref(), Some("Watson, T. <x>"));
    }

    #[test]
    fn an_empty_tag_is_no_tag() {
        assert_eq!(parse("<sip:a@b>;tag=").tag(), None);
        assert_eq!(parse("<sip:a@b>;tag").tag(), None);
        assert_eq!(parse("<sip:a@b;tag=1>").tag(), None);
    }

    #[test]
    fn a_hash_does_no_harm() {
        let address = parse("<sip:bob#1@example.com;x=#;ob>;+sip.instance=\"<urn:uuid:1>\"");
        assert!(address.uri().unwrap().as_sip().unwrap().params.contains("ob"));
        assert_eq!(address.params.value("+sip.instance"), Some("<urn:uuid:1>"));
    }

    #[test]
    fn errors_say_where() {
        let of = |text| NameAddrRef::parse(text).unwrap_err().to_string();
        assert_eq!(of("\"open <sip:a@b>"), "address: expected a closing quotation mark at byte 15");
        assert_eq!(of("\"x\" sip:a@b"), "address: expected an opening angle bracket at byte 4");
        assert_eq!(of("<sip:a@b"), "address: expected a closing angle bracket at byte 8");
        assert_eq!(of("<sip:a@b> x"), "address: expected a parameter, a comma or the end of the value at byte 10");
        assert_eq!(of("Bell, Alexander <sip:a@b>"), "address: expected a URI at byte 0");
        assert_eq!(of("sip:a@b?x=y"), "address: expected angle brackets around a URI with a question mark at byte 7");
        assert_eq!(of("a \"b\" <sip:a@b>"), "address: expected a URI at byte 2");
        assert_eq!(of(""), "address: expected a URI at byte 0");
        assert_eq!(of("<>"), "address: expected a URI at byte 1");
        assert_eq!(of("<sip:a@b>, <sip:c@d>"), "address: expected the end of the value at byte 9");
        let bad = parse("x < sip:a b>").uri().unwrap_err();
        assert_eq!(bad.to_string(), "address: expected a URI character at byte 9");
    }
}
