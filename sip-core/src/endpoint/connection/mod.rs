//! The ways to the server: connecting, and coming back after a loss. Most endpoints keep one; with several servers it
//! moves to the next when one cannot be reached, and as many as are asked for are kept at a time (RFC 5626).

mod check;
mod follow;
mod link;
mod opening;
mod weight;

use std::net::SocketAddr;

use super::config::{Server, address_of};
use super::{Config, ConnectionState, Endpoint, Error, Event, OpId, Outcome};
use crate::entropy::Entropy;
use crate::message::UriRef;
use crate::time::Instant;
use crate::transport::{Finder, FlowError, FlowErrorKind, FlowId, Path, Target, Transport};
pub(super) use check::PATIENCE;
use link::Link;
pub(super) use opening::Opening;

/// Where a request goes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hop {
    /// To a configured server, or where the Request-URI says if none is configured.
    Server,
    /// Over this one of the ways to the servers.
    Link(usize),
    /// Along a known path; if that is gone, as [`Hop::Server`].
    Path(Path),
}

/// The ways to the configured servers.
#[derive(Debug)]
pub(super) struct Connection {
    servers: Vec<Server>,
    links: Vec<Link>,
    ops: Vec<OpId>,
    /// Who wants to know whether it is of use.
    checks: Vec<OpId>,
}

impl Connection {
    pub(super) fn new(config: &Config, entropy: &mut Entropy) -> Connection {
        let servers = weight::drawn(config.servers().cloned().collect(), entropy);
        let count = config.flows.clamp(1, servers.len().max(1)).min(servers.len());
        // Each begins with a server of its own, and goes on with those that are nobody's.
        let order = |first: usize| std::iter::once(first).chain(count..servers.len()).collect();
        let links = (0..count).map(|first| Link::new(order(first))).collect();
        Connection { servers, links, ops: Vec::new(), checks: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.links.len()
    }

    fn paths(&self) -> impl Iterator<Item = Path> {
        self.links.iter().filter_map(Link::path)
    }

    /// The way that is up, the first in order; else one that is being opened.
    fn path(&self) -> Option<Path> {
        self.links.iter().find_map(Link::up).or_else(|| self.paths().next())
    }

    /// Every way that is up, in order.
    pub(super) fn ups(&self) -> impl Iterator<Item = Path> {
        self.links.iter().filter_map(Link::up)
    }

    pub(super) fn has_server(&self) -> bool {
        !self.links.is_empty()
    }

    /// The search of one way for its servers.
    pub(super) fn finder(&mut self, link: usize) -> Option<&mut Finder> {
        self.links.get_mut(link).and_then(Link::finder)
    }

    /// Whether that way has a further server to search for.
    pub(super) fn next_finder(&mut self, link: usize) -> bool {
        self.links.get_mut(link).is_some_and(Link::next_finder)
    }

    /// The place of a server that a path leads to.
    fn place_at(&self, path: Path) -> Option<Target> {
        self.link_at(path).and_then(|link| self.links.get(link)).and_then(|link| link.place.clone())
    }

    pub(super) fn link_at(&self, path: Path) -> Option<usize> {
        self.links.iter().position(|link| link.path() == Some(path))
    }

    pub(super) fn link_of(&self, flow: FlowId) -> Option<usize> {
        self.links.iter().position(|link| link.path().is_some_and(|path| path.flow == flow))
    }
}

impl Endpoint {
    /// Opens the way to the server. Done when it is up; of several, when the first is.
    pub fn connect(&mut self, now: Instant) -> OpId {
        let op = self.op();
        if let Err(error) = self.may_begin() {
            self.done(op, Err(error));
        } else if self.connection.links.is_empty() || self.is_connected() {
            self.done(op, Ok(Outcome::Done));
        } else {
            self.connection.ops.push(op);
            self.open_links(now);
            self.pump(now);
        }
        op
    }

    /// Whether a way to a server is up.
    pub fn is_connected(&self) -> bool {
        self.connection.links.iter().any(|link| link.up().is_some())
    }

    pub(super) fn is_to_server(&self, flow: FlowId) -> bool {
        self.connection.link_of(flow).is_some()
    }

    /// Whether it is the path to a server.
    pub(super) fn is_server(&self, path: Path) -> bool {
        self.connection.link_at(path).is_some()
    }

    /// The path of a way that is up.
    pub(super) fn link_path(&self, link: usize) -> Option<Path> {
        self.connection.links.get(link).and_then(Link::up)
    }

    /// The address a URI names without asking anybody, if UDP leads there.
    pub(super) fn udp_address(&self, uri: &str) -> Option<SocketAddr> {
        let parsed = UriRef::parse(uri).ok()?;
        let sip = parsed.as_sip()?;
        if sip.params.value("transport").is_some_and(|transport| !transport.eq_ignore_ascii_case("udp")) {
            return None;
        }
        address_of(&sip.host, sip.port, Transport::Udp)
    }

    /// The server did not answer: the connection may be dead without anybody having said so. Over UDP there may be another
    /// address.
    pub(super) fn suspect_connection(&mut self, now: Instant, link: usize) {
        let Some(path) = self.link_path(link) else { return };
        let error = FlowError::new(FlowErrorKind::Timeout, "the server does not answer any more");
        if self.transactions.flows().transport(path.flow).is_some_and(|transport| transport.is_reliable()) {
            self.abandon_flow(path.flow, error.clone());
        } else if !self.has_another(link) {
            return;
        }
        self.link_failed(now, link, error);
    }

    /// As [`suspect_connection`](Endpoint::suspect_connection), for the way that requests take.
    pub(super) fn suspect_server(&mut self, now: Instant) {
        if let Some(link) = self.connection.path().and_then(|path| self.connection.link_at(path)) {
            self.suspect_connection(now, link);
        }
    }

    /// Whether a request to a server that failed at this place has another one to go to: that which is used by now, or the
    /// next. Dialogs stay where they are.
    pub(super) fn leave_server(&mut self, now: Instant, only: Option<usize>, place: &Target) -> bool {
        let at = |link: &Link| link.place.as_ref() == Some(place);
        let index = match only {
            Some(only) => self.connection.links.get(only).filter(|link| at(link)).map(|_| only),
            None => self.connection.links.iter().position(at),
        };
        if let Some(link) = index.and_then(|index| self.connection.links.get_mut(index)) {
            if !link.has_more() {
                return false;
            }
            if link.path().is_some() {
                self.next_place(now, index.unwrap_or_default());
            }
        }
        self.has_hope(only.or(index))
    }

    /// The same path, or the one to the server where that flow is gone.
    pub(super) fn living(&self, path: Path) -> Path {
        match self.transactions.flows().contains(path.flow) {
            true => path,
            false => self.connection.path().unwrap_or(path),
        }
    }

    /// Nobody is told of a connection any more.
    pub(super) fn stop_connecting(&mut self) {
        let checks = std::mem::take(&mut self.connection.checks);
        for op in std::mem::take(&mut self.connection.ops).into_iter().chain(checks) {
            self.done(op, Err(Error::Cancelled));
        }
    }

    /// Whether some way to a server will be tried again by itself, or is being tried.
    pub(super) fn comes_back(&self) -> bool {
        self.shutdown.is_none() && (self.has_hope(None) || self.connection.links.iter().any(Link::is_waiting))
    }

    /// Whether a way to a server, or this one of them, is up or being opened.
    fn has_hope(&self, only: Option<usize>) -> bool {
        let mut links = self.connection.links.iter().enumerate();
        links.any(|(index, link)| {
            only.is_none_or(|only| only == index) && (link.path().is_some() || link.is_resolving())
        })
    }

    /// Opens every way that is not open.
    pub(super) fn open_links(&mut self, now: Instant) {
        for link in 0..self.connection.links.len() {
            self.open_link(now, link);
        }
    }

    /// Tells what changed for the application, which knows of one connection: whether there is any.
    fn tell_connection(&mut self, now: Instant, link: usize, state: ConnectionState) {
        self.lead_changed();
        let mut others = self.connection.links.iter().enumerate().filter(|(other, _)| *other != link);
        let told = match state {
            ConnectionState::Connected => !others.any(|(_, other)| other.up().is_some()),
            _ => !others.any(|(_, other)| other.path().is_some()),
        };
        if told {
            self.events.push_back(Event::Connection { state, at: now });
        }
    }
}
