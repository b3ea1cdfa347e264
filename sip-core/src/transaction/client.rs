//! What a client transaction holds while it lives.

use super::history::{History, TransactionCause};
use super::key::MatchKey;
use super::{Step, Timer, TimerConfig, apply, invite_client, non_invite_client};
use crate::arena::Key;
use crate::message::{StatusCode, Wire};
use crate::time::Instant;
use crate::timer::TimerId;
use crate::transport::Path;

/// Names a client transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientId(pub(super) Key);

/// A client transaction's state by the RFC's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the RFC's: 3261 figures 5 and 6, 6026 figure 3")]
pub enum ClientState {
    Calling,
    Trying,
    Proceeding,
    Accepted,
    Completed,
    Terminated,
}

#[derive(Debug)]
pub(super) enum Machine {
    Invite(invite_client::State),
    NonInvite(non_invite_client::State),
}

/// What became of a wish to cancel (RFC 3261 9.1).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cancel {
    No,
    /// Nothing provisional was heard: the CANCEL waits. Holds the value of its Reason header.
    Wanted(Option<Box<str>>),
    Sent,
}

#[derive(Debug)]
pub(super) struct Client<U> {
    pub(super) machine: Machine,
    pub(super) key: MatchKey,
    pub(super) path: Path,
    pub(super) reliable: bool,
    /// The last message of this transaction: the request, later the ACK. Emptied once nothing can be sent again.
    pub(super) message: Wire,
    pub(super) retransmit: Option<TimerId>,
    pub(super) bound: Option<TimerId>,
    pub(super) cancel: Cancel,
    pub(super) history: History,
    /// Whom events belong to; a CANCEL belongs to nobody.
    pub(super) user: Option<U>,
}

impl<U> Client<U> {
    pub(super) fn on_response(&mut self, now: Instant, status: StatusCode, timers: &TimerConfig) -> Step {
        let before = self.state();
        let step = match &mut self.machine {
            Machine::Invite(state) => apply(state, invite_client::on_response(*state, status, timers, self.reliable)),
            Machine::NonInvite(state) => {
                apply(state, non_invite_client::on_response(*state, status, timers, self.reliable))
            }
        };
        self.note(now, before, TransactionCause::Response(status));
        step
    }

    pub(super) fn on_timer(&mut self, now: Instant, timer: Timer, timers: &TimerConfig) -> Step {
        let before = self.state();
        let step = match &mut self.machine {
            Machine::Invite(state) => apply(state, invite_client::on_timer(*state, timer)),
            Machine::NonInvite(state) => apply(state, non_invite_client::on_timer(*state, timer, timers)),
        };
        self.note(now, before, TransactionCause::Timer(timer));
        step
    }

    fn note(&mut self, now: Instant, before: ClientState, cause: TransactionCause) {
        let state = self.state();
        if state != before {
            self.history.note(now, state.into(), cause);
        }
    }

    pub(super) fn state(&self) -> ClientState {
        match self.machine {
            Machine::Invite(state) => match state {
                invite_client::State::Calling { .. } => ClientState::Calling,
                invite_client::State::Proceeding => ClientState::Proceeding,
                invite_client::State::Accepted => ClientState::Accepted,
                invite_client::State::Completed => ClientState::Completed,
                invite_client::State::Terminated => ClientState::Terminated,
            },
            Machine::NonInvite(state) => match state {
                non_invite_client::State::Trying { .. } => ClientState::Trying,
                non_invite_client::State::Proceeding => ClientState::Proceeding,
                non_invite_client::State::Completed => ClientState::Completed,
                non_invite_client::State::Terminated => ClientState::Terminated,
            },
        }
    }

    pub(super) fn is_invite(&self) -> bool {
        matches!(self.machine, Machine::Invite(_))
    }

    /// Whether a final response is still owed.
    pub(super) fn is_pending(&self) -> bool {
        matches!(self.state(), ClientState::Calling | ClientState::Trying | ClientState::Proceeding)
    }
}
