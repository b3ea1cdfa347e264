//! Parameters: `;name=value;flag`, of URIs and of header fields, read on demand.

use super::escape;
use super::grammar::{self, trim, trim_end};
use std::borrow::Cow;

/// `;name=value;flag` parameters. Nothing is parsed until asked for; empty parameters (`;;`) are passed over.
///
/// Names are compared without regard to case, and in a URI with `%` escapes undone (RFC 3261 section 19.1.4).
#[derive(Clone, Copy, Debug, Default)]
pub struct Params<'a> {
    raw: &'a str,
    in_uri: bool,
}

impl<'a> Params<'a> {
    /// Parameters of a header field: quoted values and white space may occur.
    pub(super) fn of_field(raw: &'a str) -> Params<'a> {
        Params { raw, in_uri: false }
    }

    /// Parameters of a URI: names and values may be escaped.
    pub(super) fn of_uri(raw: &'a str) -> Params<'a> {
        Params { raw, in_uri: true }
    }

    /// The parameter of that name: `None` if there is none, `Some(None)` if it has no value. A quoted value comes without
    /// its quotation marks, escapes as written.
    #[inline]
    pub fn get(&self, name: &str) -> Option<Option<&'a str>> {
        // What is asked for (a tag, a branch) is mostly the first.
        let first = self.raw.strip_prefix(';').and_then(|raw| raw.strip_prefix(name)?.strip_prefix('='));
        if let Some(rest) = first.filter(|_| !name.is_empty()) {
            return Some(Some(value_in_front(rest).0));
        }
        self.iter().find(|(found, _)| self.names(found, name)).map(|(_, value)| value)
    }

    /// The value of the parameter, if it is there and has one.
    #[inline]
    pub fn value(&self, name: &str) -> Option<&'a str> {
        self.get(name).flatten()
    }

    /// The value with escapes undone: backslashes in a header field, `%` escapes in a URI.
    pub fn decoded(&self, name: &str) -> Option<Cow<'a, str>> {
        let value = self.value(name)?;
        Some(if self.in_uri { escape::unescape(value) } else { escape::unquote_inner(value) })
    }

    /// Whether the parameter is there, with or without a value.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// All parameters in order: name and value as [`get`](Params::get) gives it.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> + Clone + use<'a> {
        ParamIter { rest: self.raw }
    }

    /// Each parameter as written, with its quotation marks, white space around it left out.
    pub(crate) fn as_written(&self) -> impl Iterator<Item = &'a str> {
        let mut rest = self.raw;
        std::iter::from_fn(move || {
            loop {
                let (param, after) = grammar::split(rest, end_of_value(rest, b';'));
                if param.is_empty() && after.is_empty() {
                    return None;
                }
                rest = after.strip_prefix(';').unwrap_or(after);
                let param = trim(param);
                if !param.is_empty() {
                    return Some(param);
                }
            }
        })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// As written, from the first semicolon on; empty if there are none.
    pub fn as_str(&self) -> &'a str {
        self.raw
    }

    #[inline]
    fn names(&self, found: &str, name: &str) -> bool {
        found.eq_ignore_ascii_case(name)
            || (self.in_uri && found.contains('%') && escape::unescape(found).eq_ignore_ascii_case(name))
    }
}

#[derive(Clone)]
struct ParamIter<'a> {
    rest: &'a str,
}

impl<'a> Iterator for ParamIter<'a> {
    type Item = (&'a str, Option<&'a str>);

    #[inline]
    fn next(&mut self) -> Option<(&'a str, Option<&'a str>)> {
        loop {
            let rest = self.rest;
            let start = rest.bytes().position(|byte| byte != b';' && !grammar::is_ws(byte))?;
            let rest = grammar::split(rest, start).1;
            let name_end = grammar::find(rest, [b';', b'=']).unwrap_or(rest.len());
            let (name, after) = grammar::split(rest, name_end);
            let name = trim_end(name);
            let value = after.strip_prefix('=').map(|after| {
                let (value, after) = value_in_front(after);
                self.rest = after;
                value
            });
            if value.is_none() {
                self.rest = after;
            }
            if !name.is_empty() {
                return Some((name, value));
            }
        }
    }
}

/// The value up to the next parameter, and the rest.
#[inline]
fn value_in_front(text: &str) -> (&str, &str) {
    let (value, rest) = grammar::split(text, end_of_value(text, b';'));
    (strip_quotes(trim(value)), rest)
}

/// Where a value ends: at the separator outside quotation marks, or with the text.
#[inline]
pub(super) fn end_of_value(text: &str, separator: u8) -> usize {
    match grammar::find(text, [separator, b'"']) {
        Some(at) if text.as_bytes().get(at) == Some(&b'"') => end_of_quoted(text, at, separator),
        Some(at) => at,
        None => text.len(),
    }
}

/// The same, from a quotation mark on.
fn end_of_quoted(text: &str, mut at: usize, separator: u8) -> usize {
    loop {
        let Ok((rest, _)) = grammar::quoted(grammar::split(text, at).1) else { return text.len() };
        at = text.len().saturating_sub(rest.len());
        match grammar::find(rest, [separator, b'"']) {
            Some(found) => at = at.saturating_add(found),
            None => return text.len(),
        }
        if text.as_bytes().get(at) == Some(&separator) {
            return at;
        }
    }
}

/// The inside of a quoted string; anything else stays as it is.
#[inline]
pub(super) fn strip_quotes(value: &str) -> &str {
    match value.as_bytes() {
        [b'"', .., b'"'] => value.get(1..value.len().saturating_sub(1)).unwrap_or(value),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_values_and_white_space() {
        let params = Params::of_field("; tag = 1 ;lr ;; x=\"a;b=\\\"c\" ;=v;e=");
        assert_eq!(params.get("TAG"), Some(Some("1")));
        assert_eq!(params.get("lr"), Some(None));
        assert_eq!(params.get("none"), None);
        assert_eq!(Params::of_field(";tag= \"1\" ;x").get("tag"), Some(Some("1")));
        assert_eq!(Params::of_field(";tags=1;tag=2").get("tag"), Some(Some("2")));
        assert_eq!(Params::of_field(";=1").get(""), None);
        assert_eq!(params.value("x"), Some("a;b=\\\"c"));
        assert_eq!(params.decoded("x").as_deref(), Some("a;b=\"c"));
        assert_eq!(params.get("e"), Some(Some("")));
        assert_eq!(params.iter().count(), 4);
    }

    #[test]
    fn a_stray_line_end_is_the_space_that_it_becomes_in_a_copy() {
        let params = Params::of_field(";\r tag \r = \r1\r ;\rlr\r");
        assert_eq!((params.get("tag"), params.get("lr")), (Some(Some("1")), Some(None)));
    }

    #[test]
    fn uri_parameters_are_unescaped_to_compare() {
        let params = Params::of_uri(";%6C%72;n%61me=v%61lue%25%34%31");
        assert!(params.contains("lr"));
        assert_eq!(params.decoded("name").as_deref(), Some("value%41"));
        assert!(!Params::of_field(";%6C%72").contains("lr"));
    }

    #[test]
    fn an_open_quote_ends_with_the_text() {
        let params = Params::of_field(";a=\"b;c=d");
        assert_eq!(params.iter().collect::<Vec<_>>(), [("a", Some("\"b;c=d"))]);
        assert!(Params::default().is_empty());
    }

    #[test]
    fn instance_ids() {
        let params = Params::of_field(";+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>\";reg-id=1");
        assert_eq!(params.value("+sip.instance"), Some("<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"));
        assert_eq!(params.value("reg-id"), Some("1"));
    }
}
