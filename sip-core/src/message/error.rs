//! Why a message or a field could not be read.

/// What was wrong, where: the field (a header name, `"start line"`, `"body"`, `"Request-URI"` …) and the byte offset into what was parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError { field: &'static str, offset: usize, kind: ErrorKind }
/// The kinds of parse errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind { Missing, Duplicate, Syntax(&'static str), TooLong, TooMany, NotUtf8, Incomplete, Version, OutOfRange }
impl ParseError {
    pub fn field(&self) -> &'static str { self.field }
    pub fn offset(&self) -> usize { self.offset }
    pub fn kind(&self) -> ErrorKind { self.kind }
}
impl std::fmt::Display for ParseError { fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { todo!() } }
impl std::error::Error for ParseError {}
