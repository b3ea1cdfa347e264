//! What the typed values share: reading one value of a header field, with faults that know their place.

use super::error::{ErrorKind, Fault, ParseError};
use super::field_list::{ValueParser, Values};
use super::grammar::{self, Out, split, trim, trim_end};
use super::params::end_of_value;
use super::{Fields, Item, Name, Params};

/// Reads a value that stands by itself. Its text goes to the end of what is being read, white space around it excluded.
pub(super) type Read<'a, T> = fn(&'a str) -> Result<T, Fault>;

/// The first value of a header field that may stand once.
pub(super) fn one<'a, T>(fields: &'a Fields, name: Name, read: Read<'a, T>) -> Result<Option<T>, ParseError> {
    let Some(entry) = fields.lines(name).next() else { return Ok(None) };
    let (text, end) = fields.value_of(entry);
    read(text).map(Some).map_err(|fault| fault.at(name.as_str(), end))
}

/// The values of a header field that may be a list.
pub(super) fn list<'a, T>(
    fields: &'a Fields,
    name: Name,
    parse: ValueParser<'a, T>,
) -> impl Iterator<Item = Result<T, ParseError>> + use<'a, T> {
    Values::new(fields, name, parse)
}

/// A text that is one value; offsets count from its start.
pub(super) fn alone<'a, T>(text: &'a str, name: Name, read: Read<'a, T>) -> Result<T, ParseError> {
    read(trim(text)).map_err(|fault| fault.at(name.as_str(), trim_end(text).len()))
}

/// One value of a list: what stands before the next comma is read by itself.
pub(super) fn element<'a, T>(input: &'a str, read: Read<'a, T>) -> Out<'a, T> {
    let (value, rest) = split(input, end_of_value(input, b','));
    let value = trim_end(value);
    match read(value) {
        Ok(read) => Ok((rest, read)),
        Err(fault) => {
            let behind = input.len().saturating_sub(value.len());
            Err(nom::Err::Error(Fault { left: fault.left.saturating_add(behind), kind: fault.kind }))
        }
    }
}

/// `token *(SEMI param)`: the token must be there.
pub(super) fn token_item<'a>(text: &'a str, expected: &'static str) -> Result<Item<'a>, Fault> {
    let item = Item::parse(text);
    if grammar::is_token(item.value.as_bytes()) { Ok(item) } else { Err(Fault::new(text, expected)) }
}

/// A parameter that is a number, if it is there. `text` is the value it stands in.
pub(super) fn number_param(text: &str, params: &Params<'_>, name: &str) -> Result<Option<u32>, Fault> {
    let Some(value) = params.value(name) else {
        return if params.contains(name) { Err(fault_at(text, params.as_str(), "a number")) } else { Ok(None) };
    };
    number_at(text, value).map(Some)
}

/// The number that `part`, which is borrowed from `text`, is: digits and nothing else.
pub(super) fn number_at(text: &str, part: &str) -> Result<u32, Fault> {
    if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(fault_at(text, part, "a number"));
    }
    match grammar::decimal(part.as_bytes()) {
        Some(number) => Ok(number),
        None => Err(Fault { kind: ErrorKind::OutOfRange, ..fault_at(text, part, "") }),
    }
}

/// A fault where `part`, which is borrowed from `text`, starts.
pub(super) fn fault_at(text: &str, part: &str, expected: &'static str) -> Fault {
    let before = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    Fault { left: text.len().saturating_sub(before), kind: ErrorKind::Syntax(expected) }
}
