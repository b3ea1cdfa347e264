//! Why a session description could not be read.

/// What is wrong with a description, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("session description line {line}, byte {offset}: {kind}")]
pub struct SdpError {
    line: usize,
    offset: usize,
    kind: SdpErrorKind,
}

/// The kinds of [`SdpError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SdpErrorKind {
    /// The line is not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// The line does not have the form `<letter>=<value>`.
    #[error("not of the form <letter>=<value>")]
    NotALine,
    /// The description does not begin with `v=0`.
    #[error("does not begin with v=0")]
    Version,
    /// The value of this line (`"o="`, `"c="`, `"m="`) is not what RFC 8866 says.
    #[error("bad {0} line")]
    Syntax(&'static str),
}

impl SdpError {
    pub(super) fn new(line: usize, offset: usize, kind: SdpErrorKind) -> SdpError {
        SdpError { line, offset, kind }
    }

    /// The line, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The byte at which the line starts (or, if it is not UTF-8, the offending byte), counted from 0.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// What is wrong.
    pub fn kind(&self) -> SdpErrorKind {
        self.kind
    }
}
