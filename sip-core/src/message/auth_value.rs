//! Challenges and credentials: a scheme and its parameters (RFC 3261 sections 20.7 and 20.44).
//!
//! Only the shape is read here; [`crate::auth`] knows what digests are.

use super::escape;
use super::grammar::{Out, TOKEN, fail, run, skip_ws, split, trim, trim_end};
use super::params::{end_of_value, strip_quotes};
use std::borrow::Cow;

/// A challenge or credentials: scheme and parameters.
#[derive(Clone, Copy, Debug)]
pub struct Challenge<'a> {
    /// `Digest` and the like, as written.
    pub scheme: &'a str,
    params: AuthParams<'a>,
}

/// Credentials have the same shape as a challenge.
pub type Credentials<'a> = Challenge<'a>;

impl<'a> Challenge<'a> {
    /// A parameter, quotation marks and escapes undone; names in any case.
    pub fn param(&self, name: &str) -> Option<Cow<'a, str>> {
        self.params.get(name)
    }

    /// All the parameters.
    pub fn params(&self) -> AuthParams<'a> {
        self.params
    }

    /// Whether this is the scheme, in any case.
    pub fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }
}

/// `name=value, name="value"`: what follows a scheme, or a whole Authentication-Info.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuthParams<'a> {
    raw: &'a str,
}

impl<'a> AuthParams<'a> {
    /// Takes the text as it is; what is no parameter is passed over.
    pub fn new(raw: &'a str) -> AuthParams<'a> {
        AuthParams { raw }
    }

    /// A parameter, quotation marks and escapes undone; names in any case.
    pub fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        self.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| unquote(value))
    }

    /// Name and value as written, quotation marks included.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        items(self.raw).filter_map(|item| {
            let (name, value) = item.split_once('=')?;
            Some((trim_end(name), skip_ws(value)))
        })
    }

    /// As written.
    pub fn as_str(&self) -> &'a str {
        self.raw
    }
}

/// One challenge; stops where another begins in the same line (as HTTP allows) or at the end.
pub(super) fn challenge(input: &str) -> Out<'_, Challenge<'_>> {
    let start = skip_ws(input);
    let (scheme, rest) = run(start, TOKEN);
    if scheme.is_empty() {
        return fail(start, "an authentication scheme");
    }
    let rest = skip_ws(rest);
    let mut end = 0;
    let mut from = 0;
    while from <= rest.len() {
        let tail = split(rest, from).1;
        let length = end_of_value(tail, b',');
        if end > 0 && starts_challenge(split(tail, length).0) {
            break;
        }
        end = from.saturating_add(length);
        from = end.saturating_add(1);
    }
    let (raw, after) = split(rest, end);
    Ok((after, Challenge { scheme, params: AuthParams { raw: trim_end(raw) } }))
}

/// `scheme SP name=` rather than `name=`.
fn starts_challenge(item: &str) -> bool {
    let (word, rest) = run(skip_ws(item), TOKEN);
    let next = skip_ws(rest);
    let (name, after) = run(next, TOKEN);
    !word.is_empty() && next.len() < rest.len() && !name.is_empty() && skip_ws(after).starts_with('=')
}

/// The items between commas, trimmed; empty ones left out.
fn items(raw: &str) -> impl Iterator<Item = &str> {
    let mut rest = raw;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let (item, after) = split(rest, end_of_value(rest, b','));
            rest = split(after, 1).1;
            let item = trim(item);
            if !item.is_empty() {
                return Some(item);
            }
        }
        None
    })
}

fn unquote(value: &str) -> Cow<'_, str> {
    if value.starts_with('"') { escape::unquote_inner(strip_quotes(value)) } else { Cow::Borrowed(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters() {
        let text = "Digest realm=\"a, \\\"b\\\"\", qop=\"auth,auth-int\",algorithm=SHA-256 , stale = TRUE,, nonce=\"\"";
        let (rest, challenge) = challenge(text).unwrap();
        assert_eq!(rest, "");
        assert!(challenge.is("digest"));
        assert_eq!(challenge.param("REALM").as_deref(), Some("a, \"b\""));
        assert_eq!(challenge.param("qop").as_deref(), Some("auth,auth-int"));
        assert_eq!(challenge.param("algorithm").as_deref(), Some("SHA-256"));
        assert_eq!(challenge.param("stale").as_deref(), Some("TRUE"));
        assert_eq!(challenge.param("nonce").as_deref(), Some(""));
        assert_eq!(challenge.param("opaque"), None);
        assert_eq!(challenge.params().iter().count(), 5);
    }

    #[test]
    fn several_in_one_line() {
        let (rest, first) = challenge("Digest realm=\"a\", nonce=\"1\", Digest realm=\"b\", x=y").unwrap();
        assert_eq!((first.param("realm").as_deref(), first.param("x")), (Some("a"), None));
        let (rest, second) = challenge(split(rest, 1).1).unwrap();
        assert_eq!((rest, second.param("realm").as_deref()), ("", Some("b")));
        let (rest, first) = challenge("Basic realm=\"a\"").unwrap();
        assert_eq!((rest, first.scheme), ("", "Basic"));
    }

    #[test]
    fn other_schemes() {
        let (_, bearer) = challenge("Bearer abc/def==").unwrap();
        assert_eq!((bearer.scheme, bearer.params().as_str()), ("Bearer", "abc/def=="));
        let (_, bare) = challenge("Negotiate").unwrap();
        assert_eq!((bare.scheme, bare.params().as_str()), ("Negotiate", ""));
        assert!(challenge("").is_err());
    }
}
