//! One way to a server: the places it may lead to are tried in turn, and tried again after a while once it has been up.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::locate::{Found, Search};
use super::super::{ConnectionState, Endpoint, Error, Outcome, Timer};
use crate::arena::Key;
use crate::time::Instant;
use crate::timer::TimerId;
use crate::transport::{Finder, FlowError, FlowErrorKind, FlowId, Path, Target};

/// The first wait before the servers are tried again, and the longest (RFC 5626 4.5, with times of our own).
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// The same while another way is up (RFC 5626 4.5).
const LEISURE: (Duration, Duration) = (Duration::from_secs(90), Duration::from_secs(1800));

#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    Idle,
    Resolving,
    Connecting(Path),
    Up(Path),
    /// Lost; a timer runs until the next try.
    Waiting,
}

/// One way to a server.
#[derive(Debug)]
pub(super) struct Link {
    /// Which servers, in order.
    order: Vec<usize>,
    /// The searches for them that go on, one after another, while one is used as well: it may fail.
    finders: VecDeque<Finder>,
    /// The place that is tried or used.
    pub(super) place: Option<Target>,
    pub(super) state: State,
    /// It has been up: a loss is then answered by trying again.
    established: bool,
    /// Rounds in which none could be reached.
    failures: u32,
    /// Runs until the next round.
    pub(super) timer: Option<TimerId>,
    /// Requests that wait for the server's address.
    pub(super) waiting: Vec<Key>,
}

impl Link {
    pub(super) fn new(order: Vec<usize>) -> Link {
        Link {
            order,
            finders: VecDeque::new(),
            place: None,
            state: State::Idle,
            established: false,
            failures: 0,
            timer: None,
            waiting: Vec::new(),
        }
    }

    /// Where it leads, be it up or not yet.
    pub(super) fn path(&self) -> Option<Path> {
        match self.state {
            State::Connecting(path) | State::Up(path) => Some(path),
            State::Idle | State::Resolving | State::Waiting => None,
        }
    }

    pub(super) fn up(&self) -> Option<Path> {
        match self.state {
            State::Up(path) => Some(path),
            _ => None,
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.state == State::Waiting
    }

    pub(super) fn was_up(&self) -> bool {
        self.established
    }

    /// What failed before was for a reason that may be gone.
    pub(super) fn forgive(&mut self) {
        self.failures = 0;
    }

    pub(super) fn is_resolving(&self) -> bool {
        self.state == State::Resolving
    }

    pub(super) fn finder(&mut self) -> Option<&mut Finder> {
        self.finders.front_mut()
    }

    pub(super) fn next_finder(&mut self) -> bool {
        self.finders.pop_front();
        !self.finders.is_empty()
    }

    /// Whether there is a place that has not been tried in this round.
    pub(super) fn has_more(&self) -> bool {
        self.finders.iter().any(Finder::has_more)
    }
}

impl Endpoint {
    /// Begins a round, unless one is under way or it is up.
    pub(super) fn open_link(&mut self, now: Instant, index: usize) {
        let (able, leads) = (self.able(), self.is_leading());
        let Some(link) = self.connection.links.get_mut(index) else { return };
        if link.path().is_some() || link.is_resolving() {
            return;
        }
        if !leads {
            return self.await_way(now, index);
        }
        if link.finders.is_empty() {
            let servers = &self.connection.servers;
            let servers = link.order.iter().filter_map(|server| servers.get(*server));
            link.finders = servers.map(|server| server.finder(&able)).collect();
        }
        self.stop_link_timer(index);
        self.next_place(now, index);
    }

    /// Goes to the next place there is to try.
    pub(super) fn next_place(&mut self, now: Instant, index: usize) {
        let Some(link) = self.connection.links.get_mut(index) else { return };
        link.state = State::Idle;
        match self.search(now, Search::Server(index)) {
            Found::Asked => {
                if let Some(link) = self.connection.links.get_mut(index) {
                    link.state = State::Resolving;
                }
            }
            Found::Nowhere(error) => self.link_exhausted(now, index, error),
            Found::Target(target) => {
                if let Some(link) = self.connection.links.get_mut(index) {
                    link.place = Some(target.clone());
                }
                match self.own_path(now, index, &target) {
                    Err(error) => self.link_exhausted(now, index, error),
                    Ok(path) if self.transactions.flows().is_up(path.flow) => {
                        self.link_up(now, index, path);
                        self.on_connected(now, index);
                        self.resume_over_link(now);
                    }
                    Ok(path) => {
                        if let Some(link) = self.connection.links.get_mut(index) {
                            link.state = State::Connecting(path);
                        }
                        self.tell_connection(now, index, ConnectionState::Connecting);
                    }
                }
            }
        }
    }

    /// The path to a place, over a connection that no other way takes.
    fn own_path(&mut self, now: Instant, index: usize, target: &Target) -> Result<Path, FlowError> {
        let path = self.path_to(now, target)?;
        let mut others = self.connection.links.iter().enumerate().filter(|(other, _)| *other != index);
        let taken = target.transport.is_reliable() && others.any(|(_, other)| other.path() == Some(path));
        if taken { Ok(self.open_path(now, target)) } else { Ok(path) }
    }

    /// The resolver answered.
    pub(in super::super) fn server_found(&mut self, now: Instant, index: usize) {
        if self.connection.links.get(index).is_some_and(Link::is_resolving) {
            self.next_place(now, index);
        }
    }

    /// The link whose connection came up.
    pub(super) fn link_connected(&mut self, now: Instant, flow: FlowId) -> Option<usize> {
        let connecting = |link: &Link| matches!(link.state, State::Connecting(path) if path.flow == flow);
        let index = self.connection.links.iter().position(connecting)?;
        let path = self.connection.links.get(index)?.path()?;
        self.link_up(now, index, path);
        Some(index)
    }

    pub(super) fn link_up(&mut self, now: Instant, index: usize, path: Path) {
        self.stop_link_timer(index);
        let Some(link) = self.connection.links.get_mut(index) else { return };
        link.state = State::Up(path);
        link.established = true;
        link.failures = 0;
        let waiting = std::mem::take(&mut link.waiting);
        if let Some(Target { transport, addr: Some(addr), .. }) = &link.place
            && transport.is_reliable()
        {
            self.dead.revive(*transport, *addr);
        }
        self.tell_connection(now, index, ConnectionState::Connected);
        for op in std::mem::take(&mut self.connection.ops) {
            self.done(op, Ok(Outcome::Done));
        }
        self.end_checks(&Ok(()));
        for key in waiting {
            self.try_request(now, key);
        }
    }

    /// Whether it is lost, and will be tried again.
    pub(in super::super) fn is_link_waiting(&self, index: usize) -> bool {
        self.connection.links.get(index).is_some_and(Link::is_waiting)
    }

    /// Whether there is another place that this way could lead to, tried already or not.
    pub(super) fn has_another(&self, index: usize) -> bool {
        let Some(link) = self.connection.links.get(index) else { return false };
        let mut servers = link.order.iter().filter_map(|server| self.connection.servers.get(*server));
        link.has_more() || link.order.len() > 1 || servers.any(|server| server.target.addr.is_none())
    }

    /// The place it leads to could not be reached, or is lost.
    pub(in super::super) fn link_failed(&mut self, now: Instant, index: usize, error: FlowError) {
        if let Some(place) = self.connection.links.get(index).and_then(|link| link.place.clone()) {
            self.bury(now, &place, None);
        }
        let Some(link) = self.connection.links.get_mut(index) else { return };
        let was_up = link.up().is_some();
        link.state = State::Idle;
        if was_up {
            // Another server at once, another address of the same in the next round.
            let more = link.next_finder() && link.has_more();
            self.tell_connection(now, index, ConnectionState::Disconnected(Some(error.message)));
            match more {
                true => self.next_place(now, index),
                false => self.wait_for_link(now, index, true),
            }
        } else if link.has_more() {
            self.next_place(now, index);
        } else {
            self.link_exhausted(now, index, error);
        }
    }

    /// The same place is to be gone to anew: what was there is no flow of ours any more.
    #[cfg(feature = "stun")]
    pub(in super::super) fn renew_link(&mut self, now: Instant, index: usize, error: FlowError) {
        let Some(link) = self.connection.links.get_mut(index) else { return };
        link.state = State::Idle;
        self.tell_connection(now, index, ConnectionState::Disconnected(Some(error.message)));
        self.wait_for_link(now, index, true);
    }

    /// None could be reached in this round.
    pub(super) fn link_exhausted(&mut self, now: Instant, index: usize, error: FlowError) {
        self.stop_link_timer(index);
        let Some(link) = self.connection.links.get_mut(index) else { return };
        link.state = State::Idle;
        link.finders.clear();
        let waiting = std::mem::take(&mut link.waiting);
        self.tell_connection(now, index, ConnectionState::Disconnected(Some(error.message.clone())));
        if !self.has_hope(None) {
            for op in std::mem::take(&mut self.connection.ops) {
                self.done(op, Err(Error::Transport(error.clone())));
            }
            self.end_checks(&Err(error.clone()));
        }
        self.wait_for_link(now, index, false);
        for key in waiting {
            self.try_elsewhere(now, key, &error);
        }
    }

    /// A way that has been up is tried again after a while.
    fn wait_for_link(&mut self, now: Instant, index: usize, lost: bool) {
        let permille = self.entropy.below(1000);
        let (others, leads) = (self.is_connected(), self.is_leading());
        let Some(link) = self.connection.links.get_mut(index) else { return };
        link.finders.clear();
        // With another way up, one that has never been up is worth another try too.
        if !(link.established || others) || self.shutdown.is_some() {
            return;
        }
        link.state = State::Waiting;
        if !leads {
            return;
        }
        let wait = match lost || !others {
            true => backoff(link.failures, permille),
            false => leisure(link.failures.max(1), permille),
        };
        link.failures = link.failures.saturating_add(1);
        link.timer = Some(self.timers.insert(now + wait, Timer::Reconnect(index)));
    }

    pub(in super::super) fn on_reconnect_timer(&mut self, now: Instant, index: usize) {
        if let Some(link) = self.connection.links.get_mut(index) {
            link.timer = None;
        }
        if !self.is_leading() {
            let error = FlowError::new(FlowErrorKind::Timeout, "no way to the server in time");
            return self.link_exhausted(now, index, error);
        }
        self.open_link(now, index);
    }

    pub(super) fn stop_link_timer(&mut self, index: usize) {
        if let Some(timer) = self.connection.links.get_mut(index).and_then(|link| link.timer.take()) {
            self.timers.cancel(timer);
        }
    }
}

/// The first wait, doubled by each failure up to the longest, and up to a half more by chance so that not all come at
/// once.
fn backoff(failures: u32, permille: u64) -> Duration {
    let base = doubled(BACKOFF, failures);
    base.saturating_add(base.mul_f64(permille as f64 / 2000.0))
}

/// Half to the whole of the first wait doubled by each failure (RFC 5626 4.5).
fn leisure(failures: u32, permille: u64) -> Duration {
    doubled(LEISURE, failures).mul_f64(0.5 + permille as f64 / 2000.0)
}

fn doubled((first, longest): (Duration, Duration), failures: u32) -> Duration {
    first.saturating_mul(1_u32.checked_shl(failures.min(16)).unwrap_or(u32::MAX)).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_waits_grow_to_their_longest() {
        let waits: Vec<u64> = (0..8).map(|failures| backoff(failures, 0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(leisure(1, 0), Duration::from_secs(90));
        assert_eq!(leisure(u32::MAX, 1000), Duration::from_secs(1800));
    }
}
