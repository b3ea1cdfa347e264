//! Keep-alives on the connections this side opened (RFC 5626 4.4.1, RFC 6223, RFC 7118 6): they hold doors in firewalls
//! open, and tell a connection that is dead from one that is silent.
//!
//! A ping can always be sent, but not everybody answers it. So its answer is waited for only where it is known to come:
//! one came before on this connection, or the server said so (`keep`, Flow-Timer). The first ping goes soon, to learn that.
//!
//! Over UDP CRLF must not be used; what goes there is in `stun`.

use std::time::Duration;

use super::connection::PATIENCE;
use super::outgoing::Purpose;
use super::{Endpoint, Error, Timer};
use crate::arena::Key;
use crate::dialog::Dialog;
use crate::message::{Name, Response};
use crate::time::{Instant, part_of};
use crate::timer::TimerId;
use crate::transport::{FlowError, FlowErrorKind, FlowId, Path};

/// When the first ping goes.
pub(super) const FIRST: Duration = Duration::from_secs(1);
/// Whatever a server asks for, it does not get more.
pub(super) const LEAST: Duration = Duration::from_secs(1);
/// After so long a silence whoever sends something wants to know whether the connection is alive.
const QUIET: Duration = Duration::from_secs(5);

/// The keep-alives of one connection.
#[derive(Debug)]
pub(super) struct KeepAlive {
    timer: TimerId,
    path: Path,
    /// A ping is out.
    waits: bool,
    /// Something came since then.
    heard: bool,
    /// When something came last.
    last: Instant,
    /// The peer answers pings.
    answers: bool,
    /// How often the server wants them.
    recommended: Option<Duration>,
}

impl Endpoint {
    /// A connection is up, or is used anew.
    pub(super) fn begin_keep_alive(&mut self, now: Instant, flow: FlowId) {
        let flows = self.transactions.flows();
        let Some(remote) = flows.opened_to(flow) else { return };
        if self.keep_alives.contains_key(&flow) || self.config.keep_alive.is_zero() {
            return;
        }
        if !flows.transport(flow).is_some_and(|transport| transport.is_reliable()) {
            return;
        }
        let timer = self.timers.insert(now + FIRST.min(self.config.keep_alive), Timer::KeepAlive(flow));
        let path = Path { flow, remote };
        let keep = KeepAlive { timer, path, waits: false, heard: false, last: now, answers: false, recommended: None };
        self.keep_alives.insert(flow, keep);
    }

    /// Whether keep-alives are sent along a path, or would be if the server asked for them.
    pub(super) fn would_keep_alive(&self, path: Path) -> bool {
        #[cfg(feature = "stun")]
        if self.would_ask_binding(path) {
            return true;
        }
        self.keep_alives.contains_key(&path.flow)
    }

    /// Whether a connection is of use: it leads to the server, or a dialog is on it.
    fn is_in_use(&self, flow: FlowId) -> bool {
        let on = |dialog: &Dialog| dialog.path().flow == flow;
        self.is_to_server(flow)
            || self.calls.iter().any(|(_, call)| call.dialogs.iter().any(on))
            || self.subscriptions.iter().any(|(_, subscription)| subscription.dialog().is_some_and(on))
    }

    /// A connection is gone.
    pub(super) fn end_keep_alive(&mut self, flow: FlowId) {
        if let Some(keep) = self.keep_alives.remove(&flow) {
            self.timers.cancel(keep.timer);
        }
    }

    /// Whatever comes shows that the peer is there.
    pub(super) fn heard_on(&mut self, now: Instant, flow: FlowId) {
        if let Some(keep) = self.keep_alives.get_mut(&flow) {
            (keep.heard, keep.last) = (true, now);
        }
    }

    pub(super) fn on_pong(&mut self, flow: FlowId) {
        if let Some(keep) = self.keep_alives.get_mut(&flow) {
            keep.answers = true;
        }
        if self.is_to_server(flow) {
            self.end_checks(&Ok(()));
        }
    }

    /// What a server says of keep-alives: `keep` in our Via (RFC 6223 4.3), Flow-Timer when we register (RFC 5626 4.4).
    pub(super) fn note_keep_alive(&mut self, response: &Response, source: Path) {
        let Some(keep) = self.keep_alives.get_mut(&source.flow) else { return };
        let (asked, timer) = asked_by(response);
        if asked.is_none() && timer.is_none() {
            return;
        }
        keep.answers = true;
        // Zero: at our discretion.
        let seconds = timer.or(asked).filter(|seconds| *seconds > 0);
        keep.recommended = seconds.map(|seconds| Duration::from_secs(seconds.into()));
    }

    /// Something is about to be sent: after a while of silence the connection is asked whether it is alive, so that one
    /// that is not is found when it matters.
    pub(super) fn probe(&mut self, now: Instant, flow: FlowId) {
        let patience = self.config.pong_timeout;
        let quiet = |keep: &KeepAlive| (!keep.waits || keep.heard) && now >= keep.last + QUIET;
        if self.keep_alives.get(&flow).is_some_and(quiet) {
            self.ping_within(now, flow, patience);
        }
    }

    /// Pings a connection that is known to answer, which has less time for that than usual; false: it is not.
    pub(super) fn ping_at_once(&mut self, now: Instant, flow: FlowId) -> bool {
        self.ping_within(now, flow, self.config.pong_timeout.min(PATIENCE))
    }

    fn ping_within(&mut self, now: Instant, flow: FlowId, patience: Duration) -> bool {
        let Some(keep) = self.keep_alives.get_mut(&flow).filter(|keep| keep.answers) else { return false };
        (keep.waits, keep.heard) = (true, false);
        // A connection that breaks here is told by its driver.
        let _ = self.transactions.ping(keep.path);
        self.timers.cancel(keep.timer);
        keep.timer = self.timers.insert(now + patience, Timer::KeepAlive(flow));
        true
    }

    /// A request within a call has had no answer on a connection over which nothing at all came all the time: then it is
    /// the connection that is gone, not the other side.
    pub(super) fn blame_connection(&mut self, now: Instant, key: Key, error: Error) -> Error {
        let Some(outgoing) = self.outgoing.get(key) else { return error };
        let within = matches!(outgoing.purpose, Purpose::Reinvite(_) | Purpose::Update(..) | Purpose::Info(..));
        let Some(path) = outgoing.path.filter(|_| within && matches!(error, Error::Timeout(_))) else { return error };
        let silent = |keep: &KeepAlive| now >= keep.last + self.config.timers.timeout();
        if !self.is_to_server(path.flow) || !self.keep_alives.get(&path.flow).is_some_and(silent) {
            return error;
        }
        let error = FlowError::new(FlowErrorKind::Timeout, "the connection is dead: nothing came over it any more");
        self.abandon_flow(path.flow, error.clone());
        Error::Transport(error)
    }

    pub(super) fn on_keep_alive_timer(&mut self, now: Instant, flow: FlowId) {
        if !self.transactions.flows().contains(flow) || !self.is_in_use(flow) {
            self.keep_alives.remove(&flow);
            return;
        }
        let permille = self.entropy.below(1000);
        let Some(keep) = self.keep_alives.get_mut(&flow) else { return };
        let every = self.config.keep_alive.min(keep.recommended.unwrap_or(Duration::MAX)).max(LEAST);
        let deadline = self.config.pong_timeout.min(part_of(every, 2));
        let wait = if !keep.waits {
            (keep.waits, keep.heard) = (true, false);
            // A connection that breaks here is told by its driver.
            let _ = self.transactions.ping(keep.path);
            deadline
        } else if keep.answers && !keep.heard {
            self.keep_alives.remove(&flow);
            let error = FlowError::new(FlowErrorKind::Timeout, "the connection is dead: nothing answers a keep-alive");
            return self.abandon_flow(flow, error);
        } else {
            keep.waits = false;
            spread(every, permille).saturating_sub(deadline)
        };
        keep.timer = self.timers.insert(now + wait, Timer::KeepAlive(flow));
    }
}

/// The seconds that a server asks for in our Via, and in Flow-Timer.
pub(super) fn asked_by(response: &Response) -> (Option<u32>, Option<u32>) {
    let keep = response.via().ok().and_then(|via| via.params.value("keep")?.trim_matches('"').parse().ok());
    (keep, response.number(Name::FlowTimer).ok().flatten())
}

/// Four fifths of it up to the whole, by chance (RFC 5626 4.4).
pub(super) fn spread(every: Duration, permille: u64) -> Duration {
    every.mul_f64(0.8 + 0.2 * (permille as f64 / 1000.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keep_alives_come_as_often_as_asked_for() {
        let every = Duration::from_secs(30);
        assert_eq!(spread(every, 0), Duration::from_secs(24));
        assert!(spread(every, 999) < every);
    }
}
