//! A SIP registrar and proxy in one process: the server of the demo and of tests.
//!
//! [`Switchboard`] is a [`Machine`]: it opens no socket and reads no clock. A test moves its bytes by hand, the
//! `switchboard` program runs it on the native driver ([`Server`]). It registers users with digest and several contacts each
//! (RFC 3261 10), and forwards everything else as a transaction-stateful, record-routing, parallel forking proxy
//! (RFC 3261 16), between UDP, TCP and WebSocket. Contacts belong to the flow they were registered over and requests in
//! dialogs find their flow by a signed token in the Record-Route (RFC 5626), so that browsers, which nobody can
//! connect to, are called like everybody else. Of the flows of one user agent, which are told apart by its instance and
//! their number, one is tried after the other, and a dialog whose flow is lost goes on over another.
//!
//! What it does not do: it looks up no DNS name and opens no connection, relays for nobody but its own users, keeps nothing on disk, and
//! knows no presence. Users that nobody registers help testing: `status-486` (any 300 to 699) and `busy` answer at
//! once, `decline` with 603, `ringing` rings for ever, `blackhole` says 100 and no more.

mod access;
mod config;
mod links;
mod location;
mod notice;
mod proxy;
mod registrar;
mod rewrite;
mod secret;
mod server;
mod targets;
mod token;
pub mod web;

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use offhook_core::auth::Verifier;
use offhook_core::message::{Method, Name, ParseError, Rejection, Request, StatusCode};
use offhook_core::time::Instant;
use offhook_core::timer::TimerQueue;
use offhook_core::transaction::{Event, ServerId, Transactions, respond_to};
use offhook_core::transport::{FlowChange, FlowError, FlowId, FlowInfo, Machine, Output, Path, QueryId, Transport};

pub use config::{Config, ConfigError, DEFAULT_DOMAINS, DEFAULT_USERS, Expires, Limits, parse_user};
pub use location::Binding;
pub use notice::{Gone, Notice, Step};
pub use server::{Listen, Server};

use links::Links;
use location::Location;
use proxy::{Context, Leg};
use secret::{Secret, push_hex};

/// What the Server header field says.
const SERVER: &str = concat!("offhook-switchboard/", env!("CARGO_PKG_VERSION"));
/// The methods it takes for itself.
const OWN_METHODS: &str = "OPTIONS, REGISTER";

/// The machine: see the [module](self).
#[derive(Debug)]
pub struct Switchboard {
    config: Config,
    transactions: Transactions<Leg>,
    secret: Secret,
    /// What signs the routes of dialogs.
    routes: Secret,
    /// Tells this run from those before it with the same `routes`.
    run: u64,
    verifier: Verifier,
    links: Links,
    location: Location,
    contexts: HashMap<u64, Context>,
    next_context: u64,
    queue: TimerQueue<Deadline>,
    notices: VecDeque<Notice>,
}

/// How much a switchboard holds at the moment. All but `flows` and `bindings` come back to zero when traffic ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Open flows, UDP sockets among them.
    pub flows: usize,
    /// Registered contacts of all users.
    pub bindings: usize,
    /// Requests being proxied (RFC 3261 16: response contexts).
    pub contexts: usize,
    /// Client transactions.
    pub clients: usize,
    /// Server transactions.
    pub servers: usize,
    /// Timers of the proxy itself.
    pub timers: usize,
}

/// The proxy's own timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deadline {
    /// Timer C of a branch.
    TimerC(Leg),
    /// A test target has waited long enough.
    Target(u64),
}

/// A request with its server transaction.
#[derive(Clone, Debug)]
struct Incoming {
    server: ServerId,
    request: Arc<Request>,
    source: Path,
}

/// Why a request goes no further, and what its sender is told.
#[derive(Clone, Debug)]
struct Refusal {
    status: StatusCode,
    reason: Option<String>,
    headers: Vec<(Name, String)>,
}

impl Refusal {
    fn new(code: u16) -> Refusal {
        Refusal { status: status(code), reason: None, headers: Vec::new() }
    }

    fn because(code: u16, reason: &str) -> Refusal {
        Refusal { reason: Some(reason.to_owned()), ..Refusal::new(code) }
    }

    fn with(mut self, name: Name, value: impl Into<String>) -> Refusal {
        self.headers.push((name, value.into()));
        self
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Refusal {
        Refusal { status: rejection.status, reason: Some(rejection.reason.into_owned()), headers: Vec::new() }
    }
}

impl From<ParseError> for Refusal {
    fn from(error: ParseError) -> Refusal {
        Rejection::from(error).into()
    }
}

/// A status code written in this program: they all are between 100 and 699.
fn status(code: u16) -> StatusCode {
    StatusCode::new(code).unwrap_or(StatusCode::OK)
}

impl Switchboard {
    /// A switchboard without flows. The seed must be unguessable: nonces and flow tokens are signed with what is made
    /// from it.
    pub fn new(config: Config, seed: [u8; 32]) -> Switchboard {
        let secret = Secret::new(seed);
        let mut key = String::with_capacity(64);
        push_hex(&mut key, &secret.seed("digest"));
        let mut transactions = Transactions::new(
            config.timers,
            config.limits.message.clone(),
            config.limits.transactions,
            secret.seed("transactions"),
        );
        transactions.set_trace(config.trace);
        let routes = config.secret.as_deref().map_or_else(|| secret.seed("routes"), Secret::seed_of);
        let run = secret.mac("run", &[]).iter().take(8).fold(0, |run, byte| run << 8 | u64::from(*byte));
        Switchboard {
            verifier: Verifier::new(config.realm(), key).with_algorithms(&config.algorithms),
            links: Links::new(&config.domains),
            location: Location::new(),
            contexts: HashMap::new(),
            next_context: 0,
            queue: TimerQueue::new(),
            notices: VecDeque::new(),
            transactions,
            routes: Secret::new(routes),
            run,
            secret,
            config,
        }
    }

    /// How much it holds.
    pub fn counts(&self) -> Counts {
        let (clients, servers) = self.transactions.len();
        Counts {
            flows: self.links.len(),
            bindings: self.location.len(),
            contexts: self.contexts.len(),
            clients,
            servers,
            timers: self.queue.len(),
        }
    }

    /// Where a user is reached, the contact that was refreshed last at the end.
    pub fn bindings(&self, user: &str) -> impl Iterator<Item = &Binding> {
        self.location.bindings(user)
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    fn notice(&mut self, notice: Notice) {
        self.notices.push_back(notice);
    }

    /// Works off what the transaction layer has to say.
    fn pump(&mut self, now: Instant) {
        while let Some(event) = self.transactions.poll_event() {
            match event {
                Event::Request { server, request, source, cancels } => {
                    self.on_request(now, &Incoming { server, request, source }, cancels.map(|(_, leg)| leg));
                }
                Event::Ack { request, source } => self.on_ack(&request, source),
                Event::Response { user, response, .. } => self.on_response(now, user, &response),
                Event::Stray { response, .. } => self.send_back(&response),
                Event::Failed { user, failure, .. } => self.on_failure(now, user, &failure),
                Event::FlowDown { flow, error } => self.on_flow_down(now, flow, error),
                Event::Malformed { source, error, bytes } => {
                    let answered = self.answer_malformed(source, &error, bytes);
                    self.notice(Notice::Malformed { source: source.remote, error: error.to_string(), answered });
                }
                Event::Trace { outgoing, path, bytes } => {
                    self.notice(Notice::Message { outgoing, path, bytes: bytes.into() })
                }
                // Nothing here waits for an ACK or a pong, and no connection is opened.
                _ => {}
            }
        }
    }

    /// Answers what is no message but can be seen to be a request (RFC 3261 21.4.1); says whether it did.
    fn answer_malformed(&mut self, source: Path, error: &ParseError, bytes: Bytes) -> bool {
        let Some(request) = Request::salvage(bytes, &self.config.limits.message) else { return false };
        if *request.method() == Method::Ack {
            return false;
        }
        let rejection = Rejection::from(error.clone());
        let tag = self.local_tag(&request);
        let builder = respond_to(&request, source.remote, rejection.status, Some(&rejection.reason), Some(&tag));
        builder.finish().is_ok_and(|message| self.transactions.send(source, message).is_ok())
    }

    fn on_flow_down(&mut self, now: Instant, flow: FlowId, error: Option<FlowError>) {
        self.links.closed(flow);
        self.notice(Notice::Disconnected { flow: flow.number(), error: error.map(|error| error.to_string()) });
        for (user, binding) in self.location.drop_flow(flow) {
            self.notice(Notice::Unregistered { user, contact: binding.contact, cause: Gone::FlowLost });
        }
        self.caller_lost(now, flow);
    }

    /// Answers a request by ourselves.
    fn reply(
        &mut self,
        now: Instant,
        incoming: &Incoming,
        status: StatusCode,
        reason: Option<&str>,
        headers: &[(Name, String)],
    ) {
        let tag = self.local_tag(&incoming.request);
        let mut builder = respond_to(&incoming.request, incoming.source.remote, status, reason, Some(&tag));
        headers.iter().for_each(|(name, value)| {
            builder.header(*name, value);
        });
        builder.header(Name::Server, SERVER);
        match builder.finish() {
            // A flow that is gone needs no answer.
            Ok(message) => drop(self.transactions.respond(now, incoming.server, status, message)),
            // What the request says cannot stand in a response.
            Err(_) => self.transactions.abandon(incoming.server),
        }
    }

    /// The To tag of our own responses, the same for all to one request.
    fn local_tag(&self, request: &Request) -> String {
        let branch = request.via().ok().and_then(|via| via.branch()).unwrap_or_default();
        let call_id = request.call_id().unwrap_or_default();
        let mac = self.secret.mac("tag", &[call_id.as_bytes(), b"\0", branch.as_bytes()]);
        let mut tag = String::with_capacity(16);
        push_hex(&mut tag, mac.get(..8).unwrap_or_default());
        tag
    }

    fn refuse(&mut self, now: Instant, incoming: &Incoming, refusal: Refusal) {
        self.reply(now, incoming, refusal.status, refusal.reason.as_deref(), &refusal.headers);
        // A challenge is how every conversation begins.
        if !matches!(refusal.status.code(), 401 | 407) {
            self.notice(Notice::Refused {
                method: incoming.request.method().as_str().to_owned(),
                target: incoming.request.uri_text().to_owned(),
                status: refusal.status,
                reason: refusal.reason.unwrap_or_else(|| refusal.status.reason().to_owned()),
                source: incoming.source.remote,
            });
        }
    }
}

impl Machine for Switchboard {
    type Event = Notice;

    fn flow_opened(&mut self, _now: Instant, info: FlowInfo) -> FlowId {
        let flow = self.transactions.flow_opened(info);
        self.links.opened(flow, &info);
        if info.transport != Transport::Udp {
            let (transport, remote) = (info.transport, info.remote);
            self.notice(Notice::Connected { transport, flow: flow.number(), remote });
        }
        flow
    }

    fn flow_changed(&mut self, now: Instant, flow: FlowId, change: FlowChange) {
        self.transactions.flow_changed(flow, change);
        self.pump(now);
    }

    fn receive(&mut self, now: Instant, path: Path, bytes: Bytes) {
        self.transactions.receive(now, path, bytes);
        self.pump(now);
    }

    fn undelivered(&mut self, now: Instant, path: Path, quoted: Bytes, error: FlowError) {
        self.transactions.undelivered(path, &quoted, error);
        self.pump(now);
    }

    fn resolved(&mut self, _now: Instant, _query: QueryId, _result: Result<Vec<IpAddr>, FlowError>) {}

    fn handle_timeout(&mut self, now: Instant) {
        for (user, binding) in self.location.expire(now) {
            self.notice(Notice::Unregistered { user, contact: binding.contact, cause: Gone::Expired });
        }
        while let Some((deadline, _)) = self.queue.pop(now) {
            match deadline {
                Deadline::TimerC(leg) => self.on_timer_c(now, leg),
                Deadline::Target(context) => self.on_target_timeout(now, context),
            }
        }
        self.transactions.handle_timeout(now);
        self.pump(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        [self.transactions.poll_timeout(), self.queue.next(), self.location.next_expiry()].into_iter().flatten().min()
    }

    fn poll_output(&mut self) -> Option<Output<Notice>> {
        match self.notices.pop_front() {
            Some(notice) => Some(Output::Event(notice)),
            None => self.transactions.poll_output().map(Output::lift),
        }
    }
}
