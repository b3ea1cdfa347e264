//! The way to the server and to other targets: connecting, name queries, and coming back after a loss.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::config::{Server, target_of};
use super::{ConnectionState, Endpoint, Error, Event, OpId, Outcome, Timer};
use crate::arena::Key;
use crate::message::{Host, UriRef};
use crate::time::Instant;
use crate::timer::TimerId;
use crate::transport::{FlowChange, FlowError, FlowErrorKind, FlowId, Output, Path, QueryId, Target, Transport};

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

/// Who asked the resolver.
#[derive(Debug)]
pub(super) enum Query {
    /// The server's own address.
    Server,
    /// A request that waits for it, and the target whose host was asked for.
    Request(Key, Target),
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
        let target = server.target.clone();
        self.stop_connection_timer();
        if target.transport == Transport::Udp && target.addr.is_none() {
            self.connection.state = State::Resolving;
            self.ask(now, target.host.clone(), Query::Server);
        } else {
            self.open_target(now, target);
        }
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
    fn path_to(&mut self, now: Instant, target: &Target) -> Result<Path, FlowError> {
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
        self.tell_connection(now, ConnectionState::Disconnected(Some(error.message.clone())));
        for op in std::mem::take(&mut self.connection.ops) {
            self.done(op, Err(Error::Transport(error.clone())));
        }
        for key in std::mem::take(&mut self.connection.waiting) {
            self.on_failure(now, key, Error::Transport(error.clone()));
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
        if self.connection.path().is_some_and(|path| path.flow == flow) {
            self.connection_failed(now, error.clone());
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
                match self.connection.path() {
                    Some(path) => Some(path),
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
            Hop::Server | Hop::Path(_) => {
                let uri = outgoing.next.clone();
                self.locate_uri(now, &uri, key)?
            }
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

    fn locate_uri(&mut self, now: Instant, uri: &str, key: Key) -> Result<Option<Path>, Error> {
        let parsed = UriRef::parse(uri).map_err(|error| Error::unparsable("target", &error))?;
        let Some(sip) = parsed.as_sip() else {
            return Err(Error::input("target", 0, "no server is set, and only sip: and sips: addresses name one"));
        };
        let named = sip.params.value("transport").and_then(Transport::from_name);
        let transport = match (sip.secure, named) {
            (true, Some(Transport::Ws)) => Transport::Wss,
            (true, _) => Transport::Tls,
            (false, named) => named.unwrap_or(Transport::Udp),
        };
        let host = match sip.params.value("maddr") {
            Some(maddr) => Host::Name(maddr),
            None => sip.host,
        };
        let target = target_of(&host, sip.port, transport);
        if transport == Transport::Udp && target.addr.is_none() {
            self.ask(now, target.host.clone(), Query::Request(key, target));
            return Ok(None);
        }
        self.path_to(now, &target).map(Some).map_err(Error::Transport)
    }

    fn ask(&mut self, now: Instant, name: Box<str>, query: Query) {
        self.next_query += 1;
        let id = QueryId(self.next_query);
        let timer = self.timers.insert(now + self.config.connect_timeout, Timer::Resolve(id));
        self.queries.insert(id, (query, timer));
        self.transactions.flows_mut().push_output(Output::Resolve { query: id, name });
    }

    pub(super) fn on_resolve_timer(&mut self, now: Instant, query: QueryId) {
        let error = FlowError::new(FlowErrorKind::Timeout, "the host name was not resolved in time");
        self.on_resolved(now, query, Err(error));
    }

    pub(super) fn on_resolved(&mut self, now: Instant, query: QueryId, result: Result<Vec<IpAddr>, FlowError>) {
        let Some((query, timer)) = self.queries.remove(&query) else { return };
        self.timers.cancel(timer);
        let result = result.and_then(|addresses| {
            let error = || FlowError::new(FlowErrorKind::Unresolved, "the host name has no address");
            if addresses.is_empty() { Err(error()) } else { Ok(addresses) }
        });
        match query {
            Query::Server => {
                if self.connection.state != State::Resolving {
                    return;
                }
                self.connection.state = State::Idle;
                let target = self.connection.server.as_ref().map(|server| server.target.clone());
                match (result, target) {
                    (Ok(addresses), Some(target)) => {
                        let target = self.with_address(target, &addresses);
                        self.open_target(now, target);
                    }
                    (Err(error), _) => self.connection_failed(now, error),
                    (Ok(_), None) => {}
                }
            }
            Query::Request(key, target) => {
                let path = match result {
                    Ok(addresses) => {
                        let target = self.with_address(target, &addresses);
                        self.path_to(now, &target)
                    }
                    Err(error) => Err(error),
                };
                match path {
                    Ok(path) => {
                        if let Some(outgoing) = self.outgoing.get_mut(key) {
                            outgoing.hop = Hop::Path(path);
                        }
                        self.try_request(now, key);
                    }
                    Err(error) => self.on_failure(now, key, Error::Transport(error)),
                }
            }
        }
    }

    /// The first address for which there is a socket; else the first.
    fn with_address(&mut self, target: Target, addresses: &[IpAddr]) -> Target {
        let at = |ip: &IpAddr| Target { addr: Some(SocketAddr::new(*ip, target.port)), ..target.clone() };
        let usable = addresses.iter().map(at).find(|target| self.transactions.flows_mut().path(target).is_some());
        usable.or_else(|| addresses.first().map(at)).unwrap_or(target)
    }
}

/// One second, doubled by each failure up to thirty, and up to a half more by chance so that not all come at once.
fn backoff(failures: u32, permille: u64) -> Duration {
    let base = BACKOFF.0.saturating_mul(1 << failures.min(5)).min(BACKOFF.1);
    base + base.mul_f64(permille as f64 / 2000.0)
}
