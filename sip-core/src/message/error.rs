//! Why a message or a field could not be read.

use std::fmt;

/// What was wrong, and where: the field (a header name, `start line`, `Request-URI`, `body`, `URI` …) and a byte offset.
///
/// For anything read from a message the offset counts from the first byte of the message's buffer; for a text parsed by
/// itself ([`UriRef::parse`](super::UriRef::parse) and the like) from the first byte of that text.
///
/// ```
/// use offhook_core::message::Uri;
/// let error = Uri::parse("sip:bob@example.com:none").unwrap_err();
/// assert_eq!(error.to_string(), "URI: expected a port number at byte 20");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    field: &'static str,
    offset: usize,
    kind: ErrorKind,
}

/// The kinds of parse errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The field is mandatory and not there.
    Missing,
    /// The field may stand once and came more than once.
    Duplicate,
    /// The grammar asks for something else here: what it asks for.
    Syntax(&'static str),
    /// Longer than the limits allow.
    TooLong,
    /// More header fields than the limits allow.
    TooMany,
    /// Not UTF-8.
    NotUtf8,
    /// The message ends before it is complete.
    Incomplete,
    /// A SIP version other than 2.0.
    Version,
    /// A number outside its range.
    OutOfRange,
}

impl ParseError {
    pub(crate) const fn new(field: &'static str, offset: usize, kind: ErrorKind) -> ParseError {
        ParseError { field, offset, kind }
    }

    /// The field that could not be read.
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// The byte where reading stopped.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// What was wrong there.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.field)?;
        match self.kind {
            ErrorKind::Missing => return f.write_str(" is missing"),
            ErrorKind::Duplicate => f.write_str(": stands more than once, again")?,
            ErrorKind::Syntax(expected) => write!(f, ": expected {expected}")?,
            ErrorKind::TooLong => f.write_str(": too long")?,
            ErrorKind::TooMany => f.write_str(": too many")?,
            ErrorKind::NotUtf8 => f.write_str(": not UTF-8")?,
            ErrorKind::Incomplete => f.write_str(": ends too early")?,
            ErrorKind::Version => f.write_str(": not SIP/2.0")?,
            ErrorKind::OutOfRange => f.write_str(": number out of range")?,
        }
        write!(f, " at byte {}", self.offset)
    }
}

impl std::error::Error for ParseError {}

/// An error inside a text being parsed: how many bytes of the text were still unread. The callers know where the text
/// stands and which field it belongs to, and turn this into a [`ParseError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) left: usize,
    pub(super) kind: ErrorKind,
}

impl Fault {
    pub(super) fn new(rest: &str, expected: &'static str) -> Fault {
        Fault { left: rest.len(), kind: ErrorKind::Syntax(expected) }
    }

    pub(super) fn range(rest: &str) -> Fault {
        Fault { left: rest.len(), kind: ErrorKind::OutOfRange }
    }

    /// `end` is where the text being parsed ends.
    pub(super) fn at(self, field: &'static str, end: usize) -> ParseError {
        ParseError::new(field, end.saturating_sub(self.left), self.kind)
    }
}

/// A nom error that had no words of its own.
impl<'a> nom::error::ParseError<&'a str> for Fault {
    fn from_error_kind(input: &'a str, _: nom::error::ErrorKind) -> Fault {
        Fault::new(input, "something else")
    }

    fn append(_: &'a str, _: nom::error::ErrorKind, other: Fault) -> Fault {
        other
    }
}

impl From<nom::Err<Fault>> for Fault {
    fn from(error: nom::Err<Fault>) -> Fault {
        match error {
            nom::Err::Error(fault) | nom::Err::Failure(fault) => fault,
            nom::Err::Incomplete(_) => Fault { left: 0, kind: ErrorKind::Incomplete },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_a_sentence() {
        let of = |kind| ParseError::new("Via", 41, kind).to_string();
        assert_eq!(of(ErrorKind::Syntax("a port number")), "Via: expected a port number at byte 41");
        assert_eq!(of(ErrorKind::Missing), "Via is missing");
        assert_eq!(of(ErrorKind::OutOfRange), "Via: number out of range at byte 41");
        assert_eq!(of(ErrorKind::Duplicate), "Via: stands more than once, again at byte 41");
    }

    #[test]
    fn counts_from_the_end_of_the_text() {
        let fault = Fault::new("xyz", "a digit");
        assert_eq!(fault.at("CSeq", 100).offset(), 97);
    }
}
