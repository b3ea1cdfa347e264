//! How a transaction came to its state, for people who ask.

use std::fmt;

use super::traffic::MethodName;
use super::{ClientState, ServerState, Timer};
use crate::message::StatusCode;
use crate::time::Instant;

/// A transaction's state, whichever its kind, by the RFC's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names are the RFC's: 3261 figures 5 to 8, 6026 figures 3 and 5")]
pub enum TransactionState {
    Calling,
    Trying,
    Proceeding,
    Accepted,
    Completed,
    Confirmed,
    Terminated,
}

impl TransactionState {
    /// The RFC's name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            TransactionState::Calling => "calling",
            TransactionState::Trying => "trying",
            TransactionState::Proceeding => "proceeding",
            TransactionState::Accepted => "accepted",
            TransactionState::Completed => "completed",
            TransactionState::Confirmed => "confirmed",
            TransactionState::Terminated => "terminated",
        }
    }
}

impl From<ClientState> for TransactionState {
    fn from(state: ClientState) -> TransactionState {
        match state {
            ClientState::Calling => TransactionState::Calling,
            ClientState::Trying => TransactionState::Trying,
            ClientState::Proceeding => TransactionState::Proceeding,
            ClientState::Accepted => TransactionState::Accepted,
            ClientState::Completed => TransactionState::Completed,
            ClientState::Terminated => TransactionState::Terminated,
        }
    }
}

impl From<ServerState> for TransactionState {
    fn from(state: ServerState) -> TransactionState {
        match state {
            ServerState::Trying => TransactionState::Trying,
            ServerState::Proceeding => TransactionState::Proceeding,
            ServerState::Accepted => TransactionState::Accepted,
            ServerState::Completed => TransactionState::Completed,
            ServerState::Confirmed => TransactionState::Confirmed,
            ServerState::Terminated => TransactionState::Terminated,
        }
    }
}

/// What took a transaction into a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransactionCause {
    /// It began with its request.
    Request,
    /// This response came, or was sent.
    Response(StatusCode),
    /// The ACK came.
    Ack,
    /// This timer fired.
    Timer(Timer),
}

impl fmt::Display for TransactionCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TransactionCause::Request => f.write_str("request"),
            TransactionCause::Response(status) => status.fmt(f),
            TransactionCause::Ack => f.write_str("ACK"),
            TransactionCause::Timer(timer) => {
                f.write_str("timer ")?;
                f.write_str(timer.name())
            }
        }
    }
}

/// One step of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransactionStep {
    /// When.
    pub at: Instant,
    /// Into which state.
    pub state: TransactionState,
    /// What did it.
    pub cause: TransactionCause,
}

/// A transaction as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransactionInfo {
    /// The request is ours; else it came from somebody else.
    pub client: bool,
    /// The method of the request; `OTHER` for one that is none of the RFCs'.
    pub method: &'static str,
    /// The state now.
    pub state: TransactionState,
    /// How it came to this, the first step first.
    pub history: Vec<TransactionStep>,
}

/// What is kept of that: a machine leaves its first state, and then one more, before it terminates.
#[derive(Debug)]
pub(super) struct History {
    began: Instant,
    method: MethodName,
    later: [Option<Later>; 2],
}

/// A step, by the milliseconds since the first.
#[derive(Clone, Copy, Debug)]
struct Later {
    after: u32,
    state: TransactionState,
    cause: TransactionCause,
}

impl History {
    pub(super) fn new(now: Instant, method: MethodName) -> History {
        History { began: now, method, later: [None; 2] }
    }

    /// The machine has come into a state, or is in it still.
    pub(super) fn note(&mut self, now: Instant, state: TransactionState, cause: TransactionCause) {
        let after = u32::try_from(now.since(self.began).as_millis()).unwrap_or(u32::MAX);
        if let Some(place) = self.later.iter_mut().find(|place| place.is_none()) {
            *place = Some(Later { after, state, cause });
        }
    }

    pub(super) fn info(&self, client: bool, first: TransactionState, state: TransactionState) -> TransactionInfo {
        let began = TransactionStep { at: self.began, state: first, cause: TransactionCause::Request };
        let later = self.later.iter().flatten().map(|step| TransactionStep {
            at: self.began + std::time::Duration::from_millis(step.after.into()),
            state: step.state,
            cause: step.cause,
        });
        let history = std::iter::once(began).chain(later).collect();
        TransactionInfo { client, method: self.method.as_str(), state, history }
    }
}
