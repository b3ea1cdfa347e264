//! What a server transaction holds while it lives.

use std::sync::Arc;

use super::history::{History, TransactionCause};
use super::key::MatchKey;
use super::{Step, Timer, TimerConfig, apply, invite_server, non_invite_server};
use crate::arena::Key;
use crate::message::{Request, StatusCode, Wire};
use crate::time::Instant;
use crate::timer::TimerId;
use crate::transport::Path;

/// Names a server transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ServerId(pub(super) Key);

/// A server transaction's state by the RFC's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the RFC's: 3261 figures 7 and 8, 6026 figure 5")]
pub enum ServerState {
    Trying,
    Proceeding,
    Accepted,
    Completed,
    Confirmed,
    Terminated,
}

#[derive(Debug)]
pub(super) enum Machine {
    Invite(invite_server::State),
    NonInvite(non_invite_server::State),
}

#[derive(Debug)]
pub(super) struct Server<U> {
    pub(super) machine: Machine,
    pub(super) key: MatchKey,
    /// The key under which copies of the request that came another way are found (8.2.2.2).
    pub(super) merged: Option<MatchKey>,
    pub(super) reliable: bool,
    /// What it answers with; nothing where `plain` is all.
    pub(super) held: Option<Box<Held>>,
    /// The final response said no more than this status: it is made anew from a retransmission of the request.
    pub(super) plain: Option<StatusCode>,
    pub(super) retransmit: Option<TimerId>,
    pub(super) bound: Option<TimerId>,
    pub(super) history: History,
    pub(super) user: Option<U>,
}

/// What a server transaction needs to answer, while it may have to.
#[derive(Debug)]
pub(super) struct Held {
    /// Where responses go (18.2.2, RFC 3581).
    pub(super) path: Path,
    /// The port the request came from; the rest of its source is as in `path`.
    pub(super) source_port: u16,
    /// The request, until a final response is sent.
    pub(super) request: Option<Arc<Request>>,
    /// The last response sent; empty before the first.
    pub(super) message: Wire,
}

impl Held {
    /// Where the request came from.
    pub(super) fn source(&self) -> Path {
        let mut remote = self.path.remote;
        remote.set_port(self.source_port);
        Path { flow: self.path.flow, remote }
    }
}

impl<U> Server<U> {
    /// Whether its final response is still to come.
    pub(super) fn is_pending(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.request.is_some())
    }

    pub(super) fn on_retransmission(&mut self) -> Step {
        match &mut self.machine {
            Machine::Invite(state) => apply(state, invite_server::on_retransmission(*state)),
            Machine::NonInvite(state) => apply(state, non_invite_server::on_retransmission(*state)),
        }
    }

    pub(super) fn on_ack(&mut self, now: Instant, timers: &TimerConfig) -> Step {
        let before = self.state();
        let step = match &mut self.machine {
            Machine::Invite(state) => apply(state, invite_server::on_ack(*state, timers, self.reliable)),
            Machine::NonInvite(_) => Step::none(),
        };
        self.note(now, before, TransactionCause::Ack);
        step
    }

    pub(super) fn on_respond(&mut self, now: Instant, status: StatusCode, timers: &TimerConfig) -> Step {
        let before = self.state();
        let step = match &mut self.machine {
            Machine::Invite(state) => apply(state, invite_server::on_respond(*state, status, timers, self.reliable)),
            Machine::NonInvite(state) => {
                apply(state, non_invite_server::on_respond(*state, status, timers, self.reliable))
            }
        };
        self.note(now, before, TransactionCause::Response(status));
        step
    }

    pub(super) fn on_timer(&mut self, now: Instant, timer: Timer, timers: &TimerConfig) -> Step {
        let before = self.state();
        let step = match &mut self.machine {
            Machine::Invite(state) => apply(state, invite_server::on_timer(*state, timer, timers)),
            Machine::NonInvite(state) => apply(state, non_invite_server::on_timer(*state, timer)),
        };
        self.note(now, before, TransactionCause::Timer(timer));
        step
    }

    fn note(&mut self, now: Instant, before: ServerState, cause: TransactionCause) {
        let state = self.state();
        if state != before {
            self.history.note(now, state.into(), cause);
        }
    }

    pub(super) fn state(&self) -> ServerState {
        match self.machine {
            Machine::Invite(state) => match state {
                invite_server::State::Proceeding => ServerState::Proceeding,
                invite_server::State::Accepted => ServerState::Accepted,
                invite_server::State::Completed { .. } => ServerState::Completed,
                invite_server::State::Confirmed => ServerState::Confirmed,
                invite_server::State::Terminated => ServerState::Terminated,
            },
            Machine::NonInvite(state) => match state {
                non_invite_server::State::Trying => ServerState::Trying,
                non_invite_server::State::Proceeding => ServerState::Proceeding,
                non_invite_server::State::Completed => ServerState::Completed,
                non_invite_server::State::Terminated => ServerState::Terminated,
            },
        }
    }

    pub(super) fn is_invite(&self) -> bool {
        matches!(self.machine, Machine::Invite(_))
    }
}
