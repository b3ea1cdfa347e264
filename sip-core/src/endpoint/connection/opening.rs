//! Connections that are opened, come up and break, and the requests that wait for them.

use std::time::Duration;

use super::super::outgoing::Purpose;
use super::super::{Endpoint, Error, Timer};
use super::{Hop, Link};
use crate::arena::Key;
use crate::time::Instant;
use crate::timer::TimerId;
use crate::transport::{FlowChange, FlowError, FlowErrorKind, FlowId, Path, Target};

/// A connection that is being opened, and the requests that wait for it: what they say of our address is known once it
/// is up.
#[derive(Debug)]
pub(in super::super) struct Opening {
    timer: TimerId,
    waiting: Vec<Key>,
}

impl Endpoint {
    /// The path to a target, on a connection opened for it if need be, which then has its time to come up.
    pub(in super::super) fn path_to(&mut self, now: Instant, target: &Target) -> Result<Path, FlowError> {
        self.path_within(now, target, self.config.connect_timeout)
    }

    pub(in super::super) fn path_within(
        &mut self,
        now: Instant,
        target: &Target,
        patience: Duration,
    ) -> Result<Path, FlowError> {
        let Some(path) = self.transactions.flows_mut().path(target) else {
            let message = "no UDP socket of the target's address family is bound";
            return Err(FlowError::new(FlowErrorKind::Unsupported, message));
        };
        self.bound_opening(now, path.flow, patience);
        Ok(path)
    }

    /// A new connection to a target, also if there is one.
    pub(super) fn open_path(&mut self, now: Instant, target: &Target) -> Path {
        let path = self.transactions.flows_mut().open(target.clone());
        self.bound_opening(now, path.flow, self.config.connect_timeout);
        path
    }

    /// A connection that is not up has its time to come up.
    fn bound_opening(&mut self, now: Instant, flow: FlowId, patience: Duration) {
        if !self.transactions.flows().is_up(flow) && !self.opening.contains_key(&flow) {
            let timer = self.timers.insert(now + patience, Timer::Connect(flow));
            self.opening.insert(flow, Opening { timer, waiting: Vec::new() });
        }
    }

    pub(in super::super) fn on_flow_up(&mut self, now: Instant, flow: FlowId) {
        self.begin_keep_alive(now, flow);
        let waiting = self.opening_over(flow);
        let link = self.link_connected(now, flow);
        for key in waiting {
            self.try_request(now, key);
        }
        if let Some(link) = link {
            self.on_connected(now, link);
            self.resume_over_link(now);
        }
    }

    /// What waited for a way to a server goes on.
    pub(super) fn resume_over_link(&mut self, now: Instant) {
        if !self.is_registering() {
            self.recover_calls(now);
        }
        self.resume_subscriptions(now);
        self.resume_publications(now);
    }

    pub(in super::super) fn on_flow_down(&mut self, now: Instant, flow: FlowId, error: Option<FlowError>) {
        let error = error.unwrap_or_else(|| FlowError::new(FlowErrorKind::Lost, "the peer closed the connection"));
        self.end_keep_alive(flow);
        let waiting = self.opening_over(flow);
        let mut to_server = false;
        // Over UDP one socket may serve several.
        while let Some(link) = self.connection.link_of(flow) {
            to_server = true;
            self.link_failed(now, link, error.clone());
        }
        for key in waiting {
            match to_server {
                true => self.try_elsewhere(now, key, &error),
                false => self.on_failure(now, key, Error::Transport(error.clone())),
            }
        }
        // What the first shard tells of the way may have come before this; then its calls were not cut off yet.
        let told = self.connection.has_server() && !self.is_leading();
        if to_server || told {
            self.recover_calls(now);
        }
    }

    /// A request waited for a way to a server that could not be opened: it takes another, if there is hope for one.
    pub(super) fn try_elsewhere(&mut self, now: Instant, key: Key, error: &FlowError) {
        let Some(outgoing) = self.outgoing.get(key) else { return };
        let only = match outgoing.hop {
            Hop::Link(link) => Some(link),
            Hop::Server | Hop::Path(_) => None,
        };
        match self.has_hope(only) {
            true => self.try_request(now, key),
            false if self.may_wait(now, key) => {
                let waiting = self.connection.links.iter_mut().find(|link| link.is_waiting());
                if let Some(link) = waiting {
                    link.waiting.push(key);
                }
            }
            false => {
                let error = self.last_failure(key, error.clone());
                self.on_failure(now, key, error);
            }
        }
    }

    /// What the application wants within a call waits for the next connection, as long as a request waits for its answer
    /// (64 × T1), and the try that is under way then.
    fn may_wait(&mut self, now: Instant, key: Key) -> bool {
        let patience = self.config.timers.timeout();
        let comes_back = self.shutdown.is_none() && self.connection.links.iter().any(Link::is_waiting);
        let Some(outgoing) = self.outgoing.get_mut(key) else { return false };
        let within = matches!(
            outgoing.purpose,
            Purpose::Reinvite(_) | Purpose::Update(..) | Purpose::Info(..) | Purpose::Bye(_)
        );
        within && comes_back && now < *outgoing.waits_since.get_or_insert(now) + patience
    }

    /// A connection is not being opened any more; who waited for it.
    fn opening_over(&mut self, flow: FlowId) -> Vec<Key> {
        let Some(opening) = self.opening.remove(&flow) else { return Vec::new() };
        self.timers.cancel(opening.timer);
        opening.waiting
    }

    pub(in super::super) fn on_connect_timer(&mut self, flow: FlowId) {
        self.abandon_flow(flow, FlowError::new(FlowErrorKind::Timeout, "no connection in time"));
    }

    /// A flow is of no use: it fails with all that waits on it.
    pub(in super::super) fn abandon_flow(&mut self, flow: FlowId, error: FlowError) {
        self.transactions.flow_changed(flow, FlowChange::Failed(error));
        self.transactions.flows_mut().abandon(flow);
    }

    /// The path for a request: known now, or later when the resolver has answered or the connection is up (`None`).
    pub(in super::super) fn locate(&mut self, now: Instant, key: Key) -> Result<Option<Path>, Error> {
        let Some(outgoing) = self.outgoing.get(key) else { return Ok(None) };
        let path = match outgoing.hop {
            Hop::Path(path) if self.transactions.flows().contains(path.flow) => Some(path),
            _ if !self.connection.links.is_empty() => {
                let only = match outgoing.hop {
                    Hop::Link(link) => Some(link),
                    Hop::Server | Hop::Path(_) => None,
                };
                match self.server_path(now, only) {
                    Ok(path) => {
                        let place = self.connection.place_at(path);
                        if let Some(outgoing) = self.outgoing.get_mut(key) {
                            outgoing.whereabouts.place = place;
                        }
                        Some(path)
                    }
                    Err(Some(link)) => {
                        if let Some(link) = self.connection.links.get_mut(link) {
                            link.waiting.push(key);
                        }
                        None
                    }
                    Err(None) => {
                        let error = FlowError::new(FlowErrorKind::Refused, "the server cannot be reached");
                        return Err(Error::Transport(error));
                    }
                }
            }
            _ => self.locate_uri(now, key)?,
        };
        let Some(path) = path else { return Ok(None) };
        match self.opening.get_mut(&path.flow) {
            None => Ok(Some(path)),
            Some(opening) => {
                opening.waiting.push(key);
                Ok(None)
            }
        }
    }

    /// The path to a server, or over one way only; else the way whose server's address is being asked for.
    fn server_path(&mut self, now: Instant, only: Option<usize>) -> Result<Path, Option<usize>> {
        let links = match only {
            Some(link) => link..link.saturating_add(1),
            None => 0..self.connection.len(),
        };
        let known = match only {
            Some(link) => self.connection.links.get(link).and_then(Link::path),
            None => self.connection.path(),
        };
        if let Some(path) = known {
            return Ok(path);
        }
        for link in links.clone() {
            self.open_link(now, link);
        }
        let links = self.connection.links.get(links).unwrap_or_default();
        match links.iter().find_map(Link::up).or_else(|| links.iter().find_map(Link::path)) {
            Some(path) => Ok(path),
            None => Err(links.iter().position(Link::is_resolving).map(|at| only.unwrap_or(at))),
        }
    }
}
