//! Failures and ends as plain data.

use super::json::{self, Bad, writes, writes_tagged};
use super::notification::AddressValue;
use crate::endpoint::{End, Error, Reason};

/// A Reason header's value (RFC 3326).
#[derive(Clone, Debug)]
pub struct ReasonValue {
    /// `SIP`, `Q.850` ….
    pub protocol: String,
    /// The number.
    pub cause: Option<u32>,
    /// Words.
    pub text: Option<String>,
}

/// A typed failure: [`Error`] as plain data.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are those of Error")]
pub enum ErrorValue {
    Status {
        status: u16,
        reason: String,
        cause: Option<ReasonValue>,
        retry_after: Option<u32>,
        contacts: Vec<AddressValue>,
    },
    Authentication {
        status: u16,
        message: String,
    },
    Timeout {
        timer: &'static str,
    },
    Transport {
        message: String,
    },
    Input {
        field: String,
        offset: usize,
        message: String,
    },
    State {
        message: String,
    },
    Glare,
    Protocol {
        message: String,
    },
    Cancelled,
    Limit {
        message: String,
    },
    Internal {
        message: String,
    },
}

/// Why a call ended.
#[derive(Clone, Debug)]
pub struct EndValue {
    /// `local`, `remote` or `network`.
    pub by: &'static str,
    /// The final status.
    pub status: Option<u16>,
    /// The phrase.
    pub reason: String,
    /// The Reason header.
    pub cause: Option<ReasonValue>,
    /// The error, unless it ended in order.
    pub error: Option<ErrorValue>,
}

impl From<Reason> for ReasonValue {
    fn from(reason: Reason) -> ReasonValue {
        ReasonValue { protocol: reason.protocol.into(), cause: reason.cause, text: reason.text.map(String::from) }
    }
}

impl From<End> for EndValue {
    fn from(end: End) -> EndValue {
        EndValue {
            by: end.by.name(),
            status: end.status.map(|status| status.code()),
            reason: end.phrase.into_owned(),
            cause: end.reason.map(ReasonValue::from),
            error: end.error.map(ErrorValue::from),
        }
    }
}

impl From<Bad> for ErrorValue {
    fn from(bad: Bad) -> ErrorValue {
        ErrorValue::Input { field: bad.field, offset: bad.offset, message: bad.message }
    }
}

impl ErrorValue {
    /// As JSON, the way `js/src/protocol/` describes it.
    pub fn to_json(&self) -> String {
        json::to_json(self)
    }
}

impl From<Error> for ErrorValue {
    fn from(error: Error) -> ErrorValue {
        match error {
            Error::Status(refusal) => ErrorValue::Status {
                status: refusal.status.code(),
                reason: refusal.phrase.into(),
                cause: refusal.reason.map(ReasonValue::from),
                retry_after: refusal.retry_after,
                contacts: refusal.contacts.iter().map(AddressValue::from).collect(),
            },
            Error::Authentication { status, cause } => {
                ErrorValue::Authentication { status: status.code(), message: cause.to_string() }
            }
            Error::Timeout(timer) => ErrorValue::Timeout { timer: timer.name() },
            Error::Transport(error) => ErrorValue::Transport { message: error.message.into() },
            Error::Input(input) => {
                ErrorValue::Input { field: input.field.into(), offset: input.offset, message: input.message.into() }
            }
            Error::State(message) => ErrorValue::State { message: message.into() },
            Error::Glare => ErrorValue::Glare,
            Error::Protocol(message) => ErrorValue::Protocol { message: message.into() },
            Error::Cancelled => ErrorValue::Cancelled,
            Error::Limit(message) => ErrorValue::Limit { message: message.into() },
            Error::Internal(message) => ErrorValue::Internal { message: message.into() },
        }
    }
}

writes!(ReasonValue { protocol, cause, text });

writes_tagged!(ErrorValue, "kind":
    Status { status, reason, cause, retry_after, contacts },
    Authentication { status, message },
    Timeout { timer },
    Transport { message },
    Input { field, offset, message },
    State { message },
    Glare,
    Protocol { message },
    Cancelled,
    Limit { message },
    Internal { message }
);

writes!(EndValue { by, status, reason, cause, error });
