//! Small values: CSeq, RAck, Replaces and everything of the form `value;param=…`.

use super::error::{Fault, ParseError};
use super::grammar::{Out, TOKEN, fail, lws, number, run, skip_ws, split, trim, trim_end};
use super::params::end_of_value;
use super::{Method, Name, Params};
use nom::Parser;
use nom::sequence::separated_pair;
use std::fmt;

/// A CSeq value (RFC 3261 section 20.16).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CSeq {
    /// The sequence number. The RFC wants it below 2³¹; any 32-bit number is read.
    pub number: u32,
    /// The method.
    pub method: Method,
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

/// A RAck value (RFC 3262 section 7.2): what a PRACK acknowledges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RAck {
    /// The RSeq of the provisional response.
    pub rseq: u32,
    /// The CSeq of the provisional response.
    pub cseq: CSeq,
}

/// A Replaces, Join or Target-Dialog value (RFC 3891, RFC 3911, RFC 4538): which dialog is meant.
#[derive(Clone, Copy, Debug)]
pub struct Replaces<'a> {
    /// The Call-ID.
    pub call_id: &'a str,
    /// The local tag, seen from who receives this (in Target-Dialog the parameter is `local-tag`).
    pub to_tag: &'a str,
    /// The remote tag, seen from who receives this (`remote-tag`).
    pub from_tag: &'a str,
    /// Replace only a dialog that is not yet answered.
    pub early_only: bool,
}

/// A value with parameters, as in Event, Subscription-State, Session-Expires, Reason, Content-Type, Accept.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// What stands before the first semicolon.
    pub value: &'a str,
    /// What follows it.
    pub params: Params<'a>,
}

impl<'a> Item<'a> {
    /// Reads one value; there is nothing it refuses.
    ///
    /// ```
    /// use offhook_core::message::Item;
    /// let state = Item::parse("active ; expires=600");
    /// assert_eq!((state.value, state.params.value("expires")), ("active", Some("600")));
    /// ```
    pub fn parse(text: &'a str) -> Item<'a> {
        let text = trim(text);
        let (value, params) = split(text, end_of_value(text, b';'));
        Item { value: trim_end(value), params: Params::of_field(params) }
    }

    /// Whether this is the value, in any case.
    pub fn is(&self, value: &str) -> bool {
        self.value.eq_ignore_ascii_case(value)
    }
}

impl<'a> Replaces<'a> {
    /// Reads a value, as it stands in a Replaces header field or, unescaped, in the URI of a Refer-To.
    ///
    /// # Errors
    ///
    /// The Call-ID or one of the tags is missing. The field is `Replaces`, the offset counts from the start of the text.
    pub fn parse(text: &'a str) -> Result<Replaces<'a>, ParseError> {
        Replaces::parse_in(text, Name::Replaces, text.len())
    }

    pub(super) fn parse_in(text: &'a str, name: Name, end: usize) -> Result<Replaces<'a>, ParseError> {
        let item = Item::parse(text);
        let tag = |one, other| item.params.value(one).or(item.params.value(other));
        let expected = match (tag("to-tag", "local-tag"), tag("from-tag", "remote-tag")) {
            _ if item.value.is_empty() => "a Call-ID",
            (None, _) => "a to-tag",
            (_, None) => "a from-tag",
            (Some(to_tag), Some(from_tag)) => {
                let early_only = item.params.contains("early-only");
                return Ok(Replaces { call_id: item.value, to_tag, from_tag, early_only });
            }
        };
        Err(Fault::new("", expected).at(name.as_str(), end))
    }
}

/// `1*DIGIT LWS Method`, the whole value.
#[inline]
pub(super) fn cseq(input: &str) -> Out<'_, CSeq> {
    let (rest, number) = number(skip_ws(input))?;
    // As nearly everybody writes it.
    if let Some(method) = rest.strip_prefix(' ').and_then(|name| Method::known(name.as_bytes())) {
        return Ok(("", CSeq { number, method }));
    }
    let (rest, ()) = lws(rest)?;
    let (rest, method) = method(rest)?;
    let rest = skip_ws(rest);
    if rest.is_empty() { Ok((rest, CSeq { number, method })) } else { fail(rest, "the end of the value") }
}

/// `response-num LWS CSeq-num LWS Method`, the whole value.
pub(super) fn rack(input: &str) -> Out<'_, RAck> {
    let (rest, (rseq, cseq)) = separated_pair(number, lws, cseq).parse(skip_ws(input))?;
    Ok((rest, RAck { rseq, cseq }))
}

/// `1*DIGIT "." 1*DIGIT`, the whole value.
pub(super) fn mime_version(input: &str) -> Out<'_, (u32, u32)> {
    let (rest, major) = number(skip_ws(input))?;
    let Some(rest) = rest.strip_prefix('.') else { return fail(rest, "a point") };
    let (rest, minor) = number(rest)?;
    let rest = skip_ws(rest);
    if rest.is_empty() { Ok((rest, (major, minor))) } else { fail(rest, "the end of the value") }
}

/// `delta-seconds` and the like: a number that white space, parameters or a comment may follow.
pub(super) fn leading_number(input: &str) -> Out<'_, u32> {
    let (rest, value) = number(skip_ws(input))?;
    match skip_ws(rest).as_bytes().first() {
        None | Some(b';' | b'(' | b',') => Ok((rest, value)),
        _ => fail(rest, "the end of the number"),
    }
}

#[inline]
fn method(input: &str) -> Out<'_, Method> {
    let (token, rest) = run(input, TOKEN);
    match Method::parse(token.as_bytes()) {
        Some(method) => Ok((rest, method)),
        None => fail(input, "a method"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers() {
        assert_eq!(cseq("0009    INVITE").unwrap().1, CSeq { number: 9, method: Method::Invite });
        for bad in ["", "1", "1 ", "INVITE 1", "1INVITE", "36893488147419103232 REGISTER", "-1 ACK", "1 ACK x", "1 (x)"]
        {
            assert!(cseq(bad).is_err(), "{bad}");
        }
        let expected = RAck { rseq: 776656, cseq: CSeq { number: 1, method: Method::Invite } };
        assert_eq!(rack("776656 1 INVITE").unwrap().1, expected);
        assert!(rack("1 INVITE").is_err());
    }

    #[test]
    fn numbers_before_something_else() {
        assert_eq!(leading_number("18000;duration=3600").unwrap().1, 18000);
        assert_eq!(leading_number("120 (I'm in a meeting)").unwrap().1, 120);
        assert!(leading_number("12a").is_err());
        assert!(leading_number("").is_err());
    }

    #[test]
    fn dialogs_meant() {
        let replaces = Replaces::parse("425928@phone.example.org;to-tag=7743;from-tag=6472;early-only").unwrap();
        assert_eq!(
            (replaces.call_id, replaces.to_tag, replaces.from_tag),
            ("425928@phone.example.org", "7743", "6472")
        );
        assert!(replaces.early_only);
        let error = Replaces::parse("a;from-tag=1").unwrap_err().to_string();
        assert_eq!(error, "Replaces: expected a to-tag at byte 12");
        assert!(Replaces::parse("").is_err());
    }

    #[test]
    fn items() {
        let reason = Item::parse(" SIP ;cause=200 ;text=\"Call completed; elsewhere\"");
        assert!(reason.is("sip"));
        assert_eq!(reason.params.value("text"), Some("Call completed; elsewhere"));
    }
}
