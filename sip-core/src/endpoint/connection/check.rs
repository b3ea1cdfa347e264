//! A look at the connections at once, when something outside says that the network may have changed.

use std::time::Duration;

use super::super::{Endpoint, Error, OpId, Outcome};
use crate::time::Instant;
use crate::transport::{FlowError, FlowErrorKind};

/// How long the answer to a ping may take then.
pub(in super::super) const PATIENCE: Duration = Duration::from_secs(5);

impl Endpoint {
    /// Sees at once whether the connections to the servers are of use, e.g. because the network has changed or the
    /// computer was asleep: one that is lost is tried without waiting any longer, one that seems to be up is pinged and
    /// has 5 s to answer (RFC 5626 4.4), if it is known to answer keep-alives. Done when a way to a server is up.
    ///
    /// # Errors
    ///
    /// [`Error::Transport`] if none can be reached, which is tried again by itself; [`Error::State`] if none has ever
    /// been.
    pub fn check_connection(&mut self, now: Instant) -> OpId {
        let op = self.op();
        match self.try_check(now) {
            Err(error) => self.done(op, Err(error)),
            Ok(true) => self.connection.checks.push(op),
            Ok(false) => self.done(op, Ok(Outcome::Done)),
        }
        self.pump(now);
        op
    }

    /// Whether something is to be waited for.
    fn try_check(&mut self, now: Instant) -> Result<bool, Error> {
        self.may_begin()?;
        if self.connection.links.is_empty() {
            return Ok(false);
        }
        let mut waits = false;
        for index in 0..self.connection.links.len() {
            if self.is_link_waiting(index) {
                if let Some(link) = self.connection.links.get_mut(index) {
                    link.forgive();
                }
                self.open_link(now, index);
            }
            match self.link_path(index) {
                #[cfg(feature = "stun")]
                Some(_) if self.ask_binding_at_once(now, index) => waits = true,
                Some(path) => waits |= self.ping_at_once(now, path.flow),
                None => waits |= self.has_hope(Some(index)),
            }
        }
        if waits || self.is_connected() {
            return Ok(waits);
        }
        match self.connection.links.iter().any(super::Link::was_up) {
            true => Err(Error::Transport(FlowError::new(FlowErrorKind::Refused, "the server cannot be reached"))),
            false => Err(Error::State("connect first")),
        }
    }

    /// A way to a server is up, or none can be reached.
    pub(in super::super) fn end_checks(&mut self, result: &Result<(), FlowError>) {
        for op in std::mem::take(&mut self.connection.checks) {
            self.done(op, result.clone().map(|()| Outcome::Done).map_err(Error::Transport));
        }
    }
}
