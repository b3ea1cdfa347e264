//! The way to the server and to other targets: connecting, name queries, and coming back after a loss.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use super::config::{Server, target_of};
use super::locate::{Found, Search};
use super::{ConnectionState, Endpoint, Error, Event, OpId, Outcome, Timer};
use crate::arena::Key;
use crate::message::UriRef;
use crate::time::Instant;
use crate::timer::TimerId;
use crate::transport::{Finder, FlowChange, FlowError, FlowErrorKind, FlowId, Path, Target, Transport};

/// The first wait before the server is tried again, and the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Where a request goes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hop {
    /// To the configured server, or where the Request-URI says if none is configured.
    Server,
    /// Along a known path; if that is gone, as [`Hop::Server`].
    Path(Path),
}

/// A connection that is being opened, and the requests that wait for it: what they say of our address is known once it
/// is up.
#[derive(Debug)]
pub(super) struct Opening {
    timer: TimerId,
    waiting: Vec<Key>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Idle,
    Resolving,
    Connecting(Path),
    Up(Path),
    /// Lost; a timer runs until the next try.
    Waiting,
}

/// The way to the configured server.
#[derive(Debug)]
pub(super) struct Connection {
    server: Option<Server>,
    /// The searches for it that go on, one after another, while it is used as well: it may fail.
    finders: VecDeque<Finder>,
    /// The place that is tried or used.
    place: Option<Target>,
    state: State,
    /// It has been up: a loss is then answered by trying again.
    established: bool,
    failures: u32,
    /// Runs until the next try.
    timer: Option<TimerId>,
    ops: Vec<OpId>,
    /// Requests that wait for the server's address.
    waiting: Vec<Key>,
}

impl Connection {
    pub(super) fn new(server: Option<Server>) -> Connection {
        Connection {
            server,
            finders: VecDeque::new(),
            place: None,
            state: State::Idle,
            established: false,
            failures: 0,
            timer: None,
            ops: Vec::new(),
            waiting: Vec::new(),
        }
    }

    fn path(&self) -> Option<Path> {
        match self.state {
            State::Connecting(path) | State::Up(path) => Some(path),
            State::Idle | State::Resolving | State::Waiting => None,
        }
    }

    pub(super) fn has_server(&self) -> bool {
        self.server.is_some()
    }

    pub(super) fn finder(&mut self) -> Option<&mut Finder> {
        self.finders.front_mut()
    }

    /// Whether there is a further search.
    pub(super) fn next_finder(&mut self) -> bool {
        self.finders.pop_front();
        !self.finders.is_empty()
    }

    fn has_more(&self) -> bool {
        self.finders.iter().any(Finder::has_more)
    }
}

impl Endpoint {
    /// Opens the way to the server. Done when it is up.
    pub fn connect(&mut self, now: Instant) -> OpId {
        let op = self.op();
        if let Err(error) = self.may_begin() {
            self.done(op, Err(error));
        } else if self.connection.server.is_none() || matches!(self.connection.state, State::Up(_)) {
            self.done(op, Ok(Outcome::Done));
        } else {
            self.connection.ops.push(op);
            self.open_server(now);
            self.pump(now);
        }
        op
    }

    /// Whether the way to the server is up.
    pub fn is_connected(&self) -> bool {
        matches!(self.connection.state, State::Up(_))
    }

    pub(super) fn is_to_server(&self, flow: FlowId) -> bool {
        self.connection.path().is_some_and(|path| path.flow == flow)
    }

    /// The address a URI names without asking anybody, if UDP leads there.
    pub(super) fn udp_address(&self, uri: &str) -> Option<SocketAddr> {
        let parsed = UriRef::parse(uri).ok()?;
        let sip = parsed.as_sip()?;
        if sip.params.value("transport").is_some_and(|transport| !transport.eq_ignore_ascii_case("udp")) {
            return None;
        }
        target_of(&sip.host, sip.port, Transport::Udp).addr
    }

    fn open_server(&mut self, now: Instant) {
        if self.connection.path().is_some() || self.connection.state == State::Resolving {
            return;
        }
        let Some(server) = &self.connection.server else { return };
        if self.connection.finders.is_empty() {
            let finder = server.finder(&self.able());
            self.connection.finders.push_back(finder);
        }
        self.stop_connection_timer();
        self.try_server(now);
    }

    /// Goes to the next place of the server there is to try.
    fn try_server(&mut self, now: Instant) {
        match self.search(now, Search::Server) {
            Found::Asked => self.connection.state = State::Resolving,
            Found::Target(target) => {
                self.connection.place = Some(target.clone());
                self.open_target(now, target);
            }
            Found::Nowhere(error) => self.connection_failed(now, error),
        }
    }

    /// The resolver answered.
    pub(super) fn server_found(&mut self, now: Instant) {
        if self.connection.state == State::Resolving {
            self.connection.state = State::Idle;
            self.try_server(now);
        }
    }

    /// Whether a request to the server that failed at this place has another one to go to: that which is used by now, or the
    /// next. Dialogs stay where they are.
    pub(super) fn leave_server(&mut self, now: Instant, place: &Target) -> bool {
        if self.connection.place.as_ref() == Some(place) {
            if !self.connection.has_more() {
                return false;
            }
            if self.connection.path().is_some() {
                self.connection.state = State::Idle;
                self.try_server(now);
            }
        }
        self.connection.path().is_some() || self.connection.state == State::Resolving
    }

    fn open_target(&mut self, now: Instant, target: Target) {
        match self.path_to(now, &target) {
            Err(error) => self.connection_failed(now, error),
            Ok(path) if self.transactions.flows().is_up(path.flow) => self.connection_up(now, path),
            Ok(path) => {
                self.connection.state = State::Connecting(path);
                self.tell_connection(now, ConnectionState::Connecting);
            }
        }
    }

    /// The path to a target, on a connection opened for it if need be, which then has its time to come up.
    pub(super) fn path_to(&mut self, now: Instant, target: &Target) -> Result<Path, FlowError> {
        self.path_within(now, target, self.config.connect_timeout)
    }

    pub(super) fn path_within(&mut self, now: Instant, target: &Target, patience: Duration) -> Result<Path, FlowError> {
        let Some(path) = self.transactions.flows_mut().path(target) else {
            let message = "no UDP socket of the target's address family is bound";
            return Err(FlowError::new(FlowErrorKind::Unsupported, message));
        };
        if !self.transactions.flows().is_up(path.flow) && !self.opening.contains_key(&path.flow) {
            let timer = self.timers.insert(now + patience, Timer::Connect(path.flow));
            self.opening.insert(path.flow, Opening { timer, waiting: Vec::new() });
        }
        Ok(path)
    }

    fn connection_up(&mut self, now: Instant, path: Path) {
        self.stop_connection_timer();
        self.connection.state = State::Up(path);
        self.connection.established = true;
        self.connection.failures = 0;
        if let Some(Target { transport, addr: Some(addr), .. }) = &self.connection.place
            && transport.is_reliable()
        {
            self.dead.revive(*transport, *addr);
        }
        self.tell_connection(now, ConnectionState::Connected);
        for op in std::mem::take(&mut self.connection.ops) {
            self.done(op, Ok(Outcome::Done));
        }
        for key in std::mem::take(&mut self.connection.waiting) {
            self.try_request(now, key);
        }
    }

    fn connection_failed(&mut self, now: Instant, error: FlowError) {
        self.stop_connection_timer();
        self.connection.state = State::Idle;
        self.connection.finders.clear();
        self.tell_connection(now, ConnectionState::Disconnected(Some(error.message.clone())));
        for op in std::mem::take(&mut self.connection.ops) {
            self.done(op, Err(Error::Transport(error.clone())));
        }
        for key in std::mem::take(&mut self.connection.waiting) {
            let error = self.last_failure(key, error.clone());
            self.on_failure(now, key, error);
        }
        if self.connection.established && self.shutdown.is_none() {
            self.connection.state = State::Waiting;
            let wait = backoff(self.connection.failures, self.entropy.below(1000));
            self.connection.failures = self.connection.failures.saturating_add(1);
            self.connection.timer = Some(self.timers.insert(now + wait, Timer::Reconnect));
        }
    }

    pub(super) fn on_flow_up(&mut self, now: Instant, flow: FlowId) {
        self.begin_keep_alive(now, flow);
        let waiting = self.opening_over(flow);
        let server = match self.connection.state {
            State::Connecting(path) if path.flow == flow => Some(path),
            _ => None,
        };
        if let Some(path) = server {
            self.connection_up(now, path);
        }
        for key in waiting {
            self.try_request(now, key);
        }
        if server.is_some() {
            self.on_connected(now);
            self.resume_subscriptions(now);
            self.resume_publications(now);
        }
    }

    pub(super) fn on_flow_down(&mut self, now: Instant, flow: FlowId, error: Option<FlowError>) {
        let error = error.unwrap_or_else(|| FlowError::new(FlowErrorKind::Lost, "the peer closed the connection"));
        self.end_keep_alive(flow);
        let waiting = self.opening_over(flow);
        if self.is_to_server(flow) {
            if let Some(place) = self.connection.place.clone() {
                self.bury(now, &place, None);
            }
            if matches!(self.connection.state, State::Connecting(_)) && self.connection.has_more() {
                self.connection.state = State::Idle;
                self.try_server(now);
            } else {
                self.connection_failed(now, error.clone());
            }
        }
        for key in waiting {
            self.on_failure(now, key, Error::Transport(error.clone()));
        }
    }

    /// A connection is not being opened any more; who waited for it.
    fn opening_over(&mut self, flow: FlowId) -> Vec<Key> {
        let Some(opening) = self.opening.remove(&flow) else { return Vec::new() };
        self.timers.cancel(opening.timer);
        opening.waiting
    }

    pub(super) fn on_connect_timer(&mut self, flow: FlowId) {
        self.abandon_flow(flow, FlowError::new(FlowErrorKind::Timeout, "no connection in time"));
    }

    /// A flow is of no use: it fails with all that waits on it.
    pub(super) fn abandon_flow(&mut self, flow: FlowId, error: FlowError) {
        self.transactions.flow_changed(flow, FlowChange::Failed(error));
        self.transactions.flows_mut().abandon(flow);
    }

    /// The server did not answer: a connection may be dead without anybody having said so. UDP has nothing to open anew.
    pub(super) fn suspect_connection(&mut self) {
        if let State::Up(path) = self.connection.state
            && self.transactions.flows().transport(path.flow).is_some_and(|transport| transport.is_reliable())
        {
            self.abandon_flow(path.flow, FlowError::new(FlowErrorKind::Timeout, "the server does not answer any more"));
        }
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
        for op in std::mem::take(&mut self.connection.ops) {
            self.done(op, Err(Error::Cancelled));
        }
    }

    pub(super) fn on_reconnect_timer(&mut self, now: Instant) {
        self.connection.timer = None;
        self.open_server(now);
    }

    fn stop_connection_timer(&mut self) {
        if let Some(timer) = self.connection.timer.take() {
            self.timers.cancel(timer);
        }
    }

    fn tell_connection(&mut self, now: Instant, state: ConnectionState) {
        self.events.push_back(Event::Connection { state, at: now });
    }

    /// The path for a request: known now, or later when the resolver has answered or the connection is up (`None`).
    pub(super) fn locate(&mut self, now: Instant, key: Key) -> Result<Option<Path>, Error> {
        let Some(outgoing) = self.outgoing.get(key) else { return Ok(None) };
        let path = match outgoing.hop {
            Hop::Path(path) if self.transactions.flows().contains(path.flow) => Some(path),
            Hop::Server | Hop::Path(_) if self.connection.server.is_some() => {
                self.open_server(now);
                let place = self.connection.place.clone();
                match self.connection.path() {
                    Some(path) => {
                        if let Some(outgoing) = self.outgoing.get_mut(key) {
                            outgoing.whereabouts.place = place;
                        }
                        Some(path)
                    }
                    None if self.connection.state == State::Resolving => {
                        self.connection.waiting.push(key);
                        None
                    }
                    None => {
                        let error = FlowError::new(FlowErrorKind::Refused, "the server cannot be reached");
                        return Err(Error::Transport(error));
                    }
                }
            }
            Hop::Server | Hop::Path(_) => self.locate_uri(now, key)?,
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
}

/// One second, doubled by each failure up to thirty, and up to a half more by chance so that not all come at once.
fn backoff(failures: u32, permille: u64) -> Duration {
    let base = BACKOFF.0.saturating_mul(1 << failures.min(5)).min(BACKOFF.1);
    base + base.mul_f64(permille as f64 / 2000.0)
}
