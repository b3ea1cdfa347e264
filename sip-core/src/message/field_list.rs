//! Header fields that are lists, in one line or in many (RFC 3261 section 7.3.1).

use super::error::{Fault, ParseError};
use super::grammar::{self, Out, is_ws, skip_ws, split};
use super::index::Entry;
use super::params::end_of_value;
use super::{Fields, Name};

/// One value of a list: a parser that stops at the comma. It is told where its input ends in the message.
pub(super) type ValueParser<'a, T> = fn(&'a str, Name, usize) -> Out<'a, T>;

/// The values of all lines of a header field. A value that cannot be read is one error; the next value follows it.
pub(super) struct Values<'a, T> {
    lines: Lines<'a>,
    parse: ValueParser<'a, T>,
    rest: &'a str,
    end: usize,
}

impl<'a, T> Values<'a, T> {
    pub(super) fn new(fields: &'a Fields, name: Name, parse: ValueParser<'a, T>) -> Values<'a, T> {
        Values { lines: Lines::new(fields, name), parse, rest: "", end: 0 }
    }
}

impl<T> Iterator for Values<'_, T> {
    type Item = Result<T, ParseError>;

    fn next(&mut self) -> Option<Result<T, ParseError>> {
        loop {
            // Empty list elements are passed over.
            self.rest = skip_empty(self.rest);
            if !self.rest.is_empty() {
                break;
            }
            (self.rest, self.end) = self.lines.next()?;
        }
        match (self.parse)(self.rest, self.lines.name, self.end) {
            Ok((rest, value)) => {
                self.rest = rest;
                Some(Ok(value))
            }
            Err(error) => {
                self.rest = split(self.rest, end_of_value(self.rest, b',')).1;
                Some(Err(Fault::from(error).at(self.lines.name.as_str(), self.end)))
            }
        }
    }
}

/// Comma separated values of all lines of a header field, trimmed; commas in quotation marks do not separate.
#[derive(Clone, Debug)]
pub struct TokenList<'a> {
    lines: Lines<'a>,
    rest: &'a str,
}

impl<'a> TokenList<'a> {
    pub(super) fn new(fields: &'a Fields, name: Name) -> TokenList<'a> {
        TokenList { lines: Lines::new(fields, name), rest: "" }
    }

    /// Whether the token is in the list, in any case.
    pub fn contains(mut self, token: &str) -> bool {
        self.any(|found| found.eq_ignore_ascii_case(token))
    }
}

impl<'a> Iterator for TokenList<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            self.rest = skip_empty(self.rest);
            if !self.rest.is_empty() {
                break;
            }
            self.rest = self.lines.next()?.0;
        }
        let (token, rest) = split(self.rest, end_of_value(self.rest, b','));
        self.rest = rest;
        Some(grammar::trim_end(token))
    }
}

fn skip_empty(rest: &str) -> &str {
    let start = rest.bytes().position(|byte| byte != b',' && !is_ws(byte)).unwrap_or(rest.len());
    split(rest, start).1
}

/// The values of a header field, a line each, and where they end.
#[derive(Clone, Debug)]
struct Lines<'a> {
    fields: &'a Fields,
    entries: std::slice::Iter<'a, Entry>,
    name: Name,
}

impl<'a> Lines<'a> {
    fn new(fields: &'a Fields, name: Name) -> Lines<'a> {
        Lines { fields, entries: fields.starting_with(name).iter(), name }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (&'a str, usize);

    fn next(&mut self) -> Option<(&'a str, usize)> {
        let entry = self.entries.find(|entry| entry.name == self.name)?;
        let (text, end) = self.fields.value_of(entry);
        Some((skip_ws(text), end))
    }
}
