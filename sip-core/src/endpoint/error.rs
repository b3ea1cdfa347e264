//! What can go wrong, told apart by whose doing it was: the application's, the peer's, or time's and the transport's.

use std::fmt;

use crate::auth::AuthError;
use crate::message::{BuildError, Fields, NameAddr, ParseError, ReasonRef, StatusCode};
use crate::transaction::{Failure, Timer};
use crate::transport::FlowError;

/// Why an operation did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The other side refused.
    Status(Refusal),
    /// Wrong credentials, or a challenge that cannot be answered.
    Authentication {
        /// 401 or 407.
        status: StatusCode,
        /// What is wrong with it.
        cause: AuthError,
    },
    /// No answer in time; which timer said so.
    Timeout(Timer),
    /// No flow could be opened, or it was lost.
    Transport(FlowError),
    /// What the application passed cannot be used.
    Input(InputError),
    /// Not possible in this state.
    State(&'static str),
    /// The other side's offer came first: answer it, then offer anew if that is still wanted.
    Glare,
    /// The peer sent something that cannot be used.
    Protocol(Box<str>),
    /// Given up by this side before it was done.
    Cancelled,
    /// A limit of the configuration was reached.
    Limit(&'static str),
    /// This program failed at something else (it panicked), and what was under way there is lost.
    Internal(&'static str),
}

/// A final response that is no success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status code.
    pub status: StatusCode,
    /// The reason phrase as it came.
    pub phrase: Box<str>,
    /// The Reason header (RFC 3326), if there was one.
    pub reason: Option<Reason>,
    /// Retry-After in seconds, if there was one.
    pub retry_after: Option<u32>,
    /// Where to try instead, the best first: the contacts of a 3xx (RFC 3261 8.1.3.4) or a 485 (21.4.23).
    pub contacts: Vec<NameAddr>,
}

/// A Reason header value (RFC 3326): e.g. `Q.850;cause=16;text="Terminated"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// `SIP`, `Q.850` or another protocol.
    pub protocol: Box<str>,
    /// The number in that protocol.
    pub cause: Option<u32>,
    /// Words.
    pub text: Option<Box<str>>,
}

/// A value of the application that cannot be used: which, where, why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputError {
    /// What the value was for, e.g. `target`, or the header's name.
    pub field: Box<str>,
    /// The byte at which it is wrong.
    pub offset: usize,
    /// What is wrong.
    pub message: Box<str>,
}

impl Error {
    /// Another endpoint has taken the place of one that failed.
    pub(crate) const BEGUN_ANEW: Error = Error::Internal("the user agent has failed, and was begun anew");

    pub(crate) fn input(field: &str, offset: usize, message: &str) -> Error {
        Error::Input(InputError { field: field.into(), offset, message: message.into() })
    }

    /// The SIP status that says it, if one did.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Error::Status(refusal) => Some(refusal.status),
            Error::Authentication { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// An application's value that did not parse.
    pub(crate) fn unparsable(field: &str, error: &ParseError) -> Error {
        Error::input(field, error.offset(), &error.to_string())
    }
}

impl Refusal {
    pub(crate) fn of(status: StatusCode, phrase: &str, fields: &Fields) -> Refusal {
        Refusal {
            status,
            phrase: phrase.into(),
            reason: Reason::of(fields),
            retry_after: fields.retry_after().ok().flatten().map(|wait| wait.seconds),
            contacts: match status.code() {
                300..=399 | 485 => super::redirect::contacts(fields),
                _ => Vec::new(),
            },
        }
    }
}

impl Reason {
    /// The first Reason of a message that can be read.
    pub(crate) fn of(fields: &Fields) -> Option<Reason> {
        fields.reasons().flatten().next().map(Reason::read)
    }

    /// Reads one Reason value (RFC 3326 2); `None` if it cannot be read, see [`ReasonRef::parse`].
    pub fn parse(value: &str) -> Option<Reason> {
        ReasonRef::parse(value).ok().map(Reason::read)
    }

    fn read(value: ReasonRef<'_>) -> Reason {
        Reason { protocol: value.protocol.into(), cause: value.cause, text: value.text().map(Into::into) }
    }
}

impl From<BuildError> for Error {
    fn from(error: BuildError) -> Error {
        Error::Input(InputError { field: error.field, offset: error.offset, message: error.reason.into() })
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        match failure {
            Failure::Timeout(timer) => Error::Timeout(timer),
            Failure::Transport(error) => Error::Transport(error),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Status(refusal) => write_status(f, refusal.status, &refusal.phrase),
            Error::Authentication { status, cause } => {
                write_status(f, *status, status.reason())?;
                f.write_str(": ")?;
                fmt::Display::fmt(cause, f)
            }
            Error::Timeout(timer) => {
                f.write_str("no answer in time (timer ")?;
                f.write_str(timer.name())?;
                f.write_str(")")
            }
            Error::Transport(error) => fmt::Display::fmt(error, f),
            Error::Input(input) => {
                f.write_str(&input.field)?;
                f.write_str(": ")?;
                f.write_str(&input.message)
            }
            Error::State(message) | Error::Limit(message) | Error::Internal(message) => f.write_str(message),
            Error::Glare => f.write_str("the other side's offer came first"),
            Error::Protocol(message) => f.write_str(message),
            Error::Cancelled => f.write_str("given up by this side"),
        }
    }
}

fn write_status(f: &mut fmt::Formatter<'_>, status: StatusCode, phrase: &str) -> fmt::Result {
    fmt::Display::fmt(&status.code(), f)?;
    f.write_str(" ")?;
    f.write_str(phrase)
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_q850_reason() {
        let reason = Reason::parse("Q.850 ;cause=16;text=\"Terminated\"").expect("a reason");
        assert_eq!((&*reason.protocol, reason.cause, reason.text.as_deref()), ("Q.850", Some(16), Some("Terminated")));
    }

    #[test]
    fn words_in_quotes_are_left_whole() {
        let reason = Reason::parse(r#"SIP;text="on hold; \"later\", maybe";cause=480"#).expect("a reason");
        assert_eq!((reason.cause, reason.text.as_deref()), (Some(480), Some("on hold; \"later\", maybe")));
    }

    #[test]
    fn a_reason_without_protocol_is_none() {
        assert_eq!(Reason::parse(";cause=1"), None);
    }
}
