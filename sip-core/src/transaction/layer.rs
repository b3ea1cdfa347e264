//! The table of transactions: what the transaction user asks of it.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::client::{Cancel, Client, Machine};
use super::history::{History, TransactionInfo, TransactionState};
use super::key::{MatchKey, Matcher};
use super::response::respond_to;
use super::server::Server;
use super::traffic::MethodName;
use super::{
    ClientId, ClientState, Event, ServerId, ServerState, Timer, TimerConfig, Traffic, invite_client, non_invite_client,
    requests,
};
use crate::arena::{Arena, Key};
use crate::entropy::Entropy;
use crate::hashing::IdMap;
use crate::message::{Builder, Limits, Message, Method, Name, Request, StatusCode};
use crate::time::Instant;
use crate::timer::{TimerId, TimerQueue};
use crate::transport::{Buckets, FlowError, FlowErrorKind, FlowId, Flows, MessageRate, Output, Path};

/// How many server transactions may linger after their final response for each that may be worked on.
pub const LINGERING: usize = 50;

#[derive(Clone, Copy, Debug)]
pub(super) enum TimerKey {
    Client(Key, Timer),
    Server(Key, Timer),
    /// A message on a stream takes too long.
    Stream(FlowId),
}

/// The transaction layer. `U` is what the user attaches to a transaction to know it again.
#[derive(Debug)]
pub struct Transactions<U> {
    pub(super) timers: TimerConfig,
    pub(super) limits: Limits,
    pub(super) server_limit: usize,
    /// Server transactions that wait for their final response.
    pub(super) pending: usize,
    pub(super) trace: bool,
    server_name: Box<str>,
    pub(super) traffic: Traffic,
    pub(super) flows: Flows,
    pub(super) queue: TimerQueue<TimerKey>,
    pub(super) matcher: Matcher,
    pub(super) clients: Arena<Client<U>>,
    pub(super) client_keys: IdMap<MatchKey, Key>,
    pub(super) servers: Arena<Server<U>>,
    pub(super) server_keys: IdMap<MatchKey, Key>,
    pub(super) merged_keys: IdMap<MatchKey, Key>,
    pub(super) events: VecDeque<Event<U>>,
    /// Streams in the middle of a message.
    pub(super) midway: IdMap<FlowId, TimerId>,
    /// What each source may still send.
    pub(super) buckets: Buckets,
}

impl<U: Copy> Transactions<U> {
    /// An empty layer. At most `server_limit` requests of peers are worked on at a time, and [`LINGERING`] times as many
    /// kept for retransmissions after their final response; more are answered 503.
    pub fn new(timers: TimerConfig, limits: Limits, server_limit: usize, seed: [u8; 32]) -> Transactions<U> {
        let mut entropy = Entropy::new(seed);
        let mut invalid_host = String::with_capacity(24);
        entropy.token(&mut invalid_host, 12);
        invalid_host.push_str(".invalid");
        Transactions {
            timers,
            flows: Flows::new(limits.clone(), &invalid_host),
            limits,
            server_limit,
            pending: 0,
            trace: false,
            server_name: Box::default(),
            traffic: Traffic::default(),
            queue: TimerQueue::new(),
            matcher: Matcher::new(&mut entropy),
            clients: Arena::new(),
            client_keys: IdMap::default(),
            servers: Arena::new(),
            server_keys: IdMap::default(),
            merged_keys: IdMap::default(),
            events: VecDeque::new(),
            midway: IdMap::default(),
            buckets: Buckets::default(),
        }
    }

    /// How many messages are taken from one source; see [`receive_within`](Transactions::receive_within).
    pub fn set_message_rate(&mut self, rate: Option<MessageRate>) {
        self.buckets = Buckets::new(rate);
    }

    /// How many messages were not taken because their source had sent too many.
    pub fn refused_messages(&self) -> u64 {
        self.buckets.refused()
    }

    /// Whether every message is reported by [`Event::Trace`].
    pub fn set_trace(&mut self, trace: bool) {
        self.trace = trace;
    }

    /// Forgets every transaction, for a user that has stopped.
    pub fn clear(&mut self) {
        (self.clients, self.servers) = (Arena::new(), Arena::new());
        self.pending = 0;
        for keys in [&mut self.client_keys, &mut self.server_keys, &mut self.merged_keys] {
            keys.clear();
        }
        self.midway.clear();
        self.queue = TimerQueue::new();
    }

    /// How many messages have passed.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// The timers in force.
    pub fn timers(&self) -> &TimerConfig {
        &self.timers
    }

    /// The flows below.
    pub fn flows(&self) -> &Flows {
        &self.flows
    }

    /// The flows below, to open and close.
    pub fn flows_mut(&mut self) -> &mut Flows {
        &mut self.flows
    }

    /// How many client and server transactions live.
    pub fn len(&self) -> (usize, usize) {
        (self.clients.len(), self.servers.len())
    }

    /// Whether no transaction lives.
    pub fn is_empty(&self) -> bool {
        self.len() == (0, 0)
    }

    /// A client transaction's state; `None` once it is gone.
    pub fn client_state(&self, client: ClientId) -> Option<ClientState> {
        self.clients.get(client.0).map(Client::state)
    }

    /// A server transaction's state; `None` once it is gone.
    pub fn server_state(&self, server: ServerId) -> Option<ServerState> {
        self.servers.get(server.0).map(Server::state)
    }

    /// Every transaction as it is now, in no order, with what its user attached.
    pub fn inspect(&self) -> impl Iterator<Item = (Option<U>, TransactionInfo)> {
        let clients = self.clients.iter().map(|(_, client)| {
            let first = if client.is_invite() { TransactionState::Calling } else { TransactionState::Trying };
            (client.user, client.history.info(true, first, client.state().into()))
        });
        let servers = self.servers.iter().map(|(_, server)| {
            let first = if server.is_invite() { TransactionState::Proceeding } else { TransactionState::Trying };
            (server.user, server.history.info(false, first, server.state().into()))
        });
        clients.chain(servers)
    }

    /// Begins a client transaction with a whole request (any method but ACK) whose top Via carries `branch`.
    pub fn request(
        &mut self,
        now: Instant,
        path: Path,
        method: &Method,
        branch: &str,
        message: Bytes,
        user: U,
    ) -> ClientId {
        self.begin(now, path, method, branch, message, Some(user))
    }

    pub(super) fn begin(
        &mut self,
        now: Instant,
        path: Path,
        method: &Method,
        branch: &str,
        message: Bytes,
        user: Option<U>,
    ) -> ClientId {
        let reliable = self.flows.transport(path.flow).is_none_or(|transport| transport.is_reliable());
        let (machine, step) = if *method == Method::Invite {
            let (state, step) = invite_client::start(&self.timers, reliable);
            (Machine::Invite(state), step)
        } else {
            let (state, step) = non_invite_client::start(&self.timers, reliable);
            (Machine::NonInvite(state), step)
        };
        let key = self.matcher.client(branch, method.as_str());
        let id = self.clients.insert(Client {
            machine,
            key,
            path,
            reliable,
            message: message.into(),
            retransmit: None,
            bound: None,
            cancel: Cancel::No,
            history: History::new(now, MethodName::of(method)),
            user,
        });
        self.client_keys.insert(key, id);
        self.client_step(now, id, step);
        ClientId(id)
    }

    /// Cancels an INVITE (RFC 3261 9.1): at once if something provisional was heard, else when it is; not at all once a
    /// final response came. The INVITE then ends by its own final response, or fails after 64 × T1.
    pub fn cancel(&mut self, now: Instant, client: ClientId, reason: Option<&str>) {
        let Some(entry) = self.clients.get_mut(client.0) else { return };
        if entry.cancel != Cancel::No {
            return;
        }
        match entry.state() {
            ClientState::Calling => entry.cancel = Cancel::Wanted(reason.map(Into::into)),
            ClientState::Proceeding => self.send_cancel(now, client.0, reason),
            _ => {}
        }
    }

    pub(super) fn send_cancel(&mut self, now: Instant, id: Key, reason: Option<&str>) {
        let Some(entry) = self.clients.get_mut(id) else { return };
        entry.cancel = Cancel::Sent;
        let path = entry.path;
        // The message is the INVITE we wrote: it parses, and has what a CANCEL takes over.
        let built = Message::parse(Bytes::clone(&entry.message), &self.limits).ok().and_then(|message| match message {
            Message::Request(invite) => requests::cancel(&invite, reason),
            Message::Response(_) => None,
        });
        if let Some((branch, message)) = built {
            self.begin(now, path, &Method::Cancel, &branch, message, None);
        }
        let at = now + self.timers.timeout();
        if let Some(entry) = self.clients.get_mut(id) {
            if let Some(timer) = entry.bound.take() {
                self.queue.cancel(timer);
            }
            entry.bound = Some(self.queue.insert(at, TimerKey::Client(id, Timer::B)));
        }
    }

    /// Attaches something of the user's to a server transaction.
    pub fn attach(&mut self, server: ServerId, user: U) {
        if let Some(entry) = self.servers.get_mut(server.0) {
            entry.user = Some(user);
        }
    }

    /// Answers a request. `message` is a whole response with this status. Errors mean that it could not be handed to the
    /// flow; the transaction lives on by its timers.
    pub fn respond(
        &mut self,
        now: Instant,
        server: ServerId,
        status: StatusCode,
        message: Bytes,
    ) -> Result<(), FlowError> {
        let gone = || FlowError::new(FlowErrorKind::Lost, "the transaction is over");
        let entry = self.servers.get_mut(server.0).ok_or_else(gone)?;
        let step = entry.on_respond(now, status, &self.timers);
        if !step.send {
            return Ok(());
        }
        let held = entry.held.as_mut().ok_or_else(gone)?;
        held.message = message.into();
        if status.is_final() && held.request.take().is_some() {
            self.pending = self.pending.saturating_sub(1);
        }
        let path = held.path;
        let up = self.flows.contains(path.flow);
        self.server_step(now, server.0, step);
        if up { Ok(()) } else { Err(FlowError::new(FlowErrorKind::Lost, "the connection is gone")) }
    }

    /// Answers a request within a dialog with a final status and nothing else to tell. Over UDP such a response is not kept
    /// for retransmissions of the request: each brings all that it is made of.
    ///
    /// # Errors
    ///
    /// As [`respond`](Transactions::respond).
    pub fn reply(
        &mut self,
        now: Instant,
        server: ServerId,
        request: &Request,
        source: Path,
        status: StatusCode,
    ) -> Result<(), FlowError> {
        let message = self.plain_response(request, source, status);
        let result = self.respond(now, server, status, message.unwrap_or_default());
        if let Some(entry) = self.servers.get_mut(server.0)
            && !entry.is_invite()
            && entry.state() == ServerState::Completed
        {
            entry.plain = Some(status);
            entry.held = None;
        }
        result
    }

    /// The response to a request that has a To tag; `None` if the name of this side cannot stand in it.
    pub(super) fn plain_response(&self, request: &Request, source: Path, status: StatusCode) -> Option<Bytes> {
        let mut builder = respond_to(request, source.remote, status, None, None);
        self.push_server(&mut builder);
        builder.finish().ok()
    }

    pub(super) fn push_server(&self, builder: &mut Builder) {
        if !self.server_name.is_empty() {
            builder.header(Name::Server, &self.server_name);
        }
    }

    /// The Server header field of what the layer answers by itself; empty: none.
    pub fn set_server_name(&mut self, name: &str) {
        self.server_name = name.into();
    }

    /// Closes a flow. What was sent before still goes out; client transactions that wait for a final response on it fail.
    pub fn close_flow(&mut self, flow: FlowId) {
        self.flows.close(flow);
        self.message_over(flow);
        self.fail_pending(flow, &FlowError::new(FlowErrorKind::Lost, "the connection was closed on this side"));
    }

    /// Ends a server transaction without an answer: where no answer is right, as none with 408 is to anything but an
    /// INVITE (RFC 4320 4.2).
    pub fn abandon(&mut self, server: ServerId) {
        self.drop_server(server.0);
    }

    /// The request of a server transaction that still waits for its final response.
    pub fn pending_request(&self, server: ServerId) -> Option<(Arc<Request>, Path)> {
        let entry = self.servers.get(server.0)?;
        let held = entry.held.as_ref()?;
        Some((held.request.clone()?, held.source()))
    }

    /// Sends outside of any transaction: an ACK for a 2xx, a stateless response, a 2xx of the user's own retransmission.
    pub fn send(&mut self, path: Path, message: Bytes) -> Result<(), FlowError> {
        self.note(true, path, &message);
        self.flows.transmit(path, message)
    }

    /// Sends a keep-alive; [`Event::Pong`] tells of its answer (RFC 5626 4.4.1).
    pub fn ping(&mut self, path: Path) -> Result<(), FlowError> {
        self.flows.transmit(path, Bytes::from_static(b"\r\n\r\n"))
    }

    /// Sends a keep-alive over UDP; [`Event::Stun`] tells of its answer (RFC 5626 4.4.2).
    #[cfg(feature = "stun")]
    pub fn ask_binding(&mut self, path: Path, id: &crate::transport::StunId) -> Result<(), FlowError> {
        self.flows.transmit(path, crate::transport::Stun::request(id))
    }

    /// Where responses of this server transaction go; `None` when it has nothing more to send.
    pub fn response_path(&self, server: ServerId) -> Option<Path> {
        self.servers.get(server.0)?.held.as_ref().map(|held| held.path)
    }

    pub(super) fn note(&mut self, outgoing: bool, path: Path, bytes: &Bytes) {
        self.traffic.count(outgoing, bytes);
        if self.trace {
            self.events.push_back(Event::Trace { outgoing, path, bytes: bytes.clone().into() });
        }
    }

    /// The next event for the transaction user.
    pub fn poll_event(&mut self) -> Option<Event<U>> {
        self.events.pop_front()
    }

    /// The next thing for the driver.
    pub fn poll_output(&mut self) -> Option<Output<std::convert::Infallible>> {
        self.flows.poll_output()
    }

    /// Whether a server transaction is an INVITE's.
    pub fn is_invite(&self, server: ServerId) -> bool {
        self.servers.get(server.0).is_some_and(Server::is_invite)
    }
}
