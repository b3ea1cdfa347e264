//! The table of transactions, and the timers and flows they run on.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::client::{Cancel, Client, Machine as ClientMachine};
use super::key::{MatchKey, Matcher};
use super::response::{respond_to, response_path};
use super::server::{Machine as ServerMachine, Server};
use super::{
    Change, ClientId, ClientState, ServerId, ServerState, Step, Timer, TimerConfig, invite_client, invite_server,
    non_invite_client, non_invite_server, requests,
};
use crate::arena::{Arena, Key};
use crate::entropy::Entropy;
use crate::message::{Limits, Message, Method, ParseError, Request, Response, StatusCode};
use crate::time::Instant;
use crate::timer::TimerQueue;
use crate::transport::{FlowChange, FlowError, FlowErrorKind, FlowId, FlowInfo, Flows, Output, Path, Received};

/// What the transaction layer tells its user. `U` is what the user attached to the transaction.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<U> {
    /// A request that begins a new server transaction. Answer it with [`Transactions::respond`].
    Request {
        /// The transaction.
        server: ServerId,
        /// The request.
        request: Arc<Request>,
        /// Where it came from.
        source: Path,
        /// For a CANCEL: the INVITE transaction it matches, and what the user attached to that.
        cancels: Option<(ServerId, Option<U>)>,
    },
    /// An ACK for a 2xx: its own transaction, so it comes up by itself.
    Ack {
        /// The ACK.
        request: Arc<Request>,
        /// Where it came from.
        source: Path,
    },
    /// A response for a client transaction.
    Response {
        /// The transaction.
        client: ClientId,
        /// Whose it is.
        user: U,
        /// The response.
        response: Arc<Response>,
        /// Where it came from.
        source: Path,
    },
    /// A 2xx to an INVITE whose transaction is over or has ended by another final response: a late fork or a
    /// retransmission (RFC 3261 13.2.2.4).
    Stray {
        /// The response.
        response: Arc<Response>,
        /// Where it came from.
        source: Path,
    },
    /// A client transaction ended without a final response.
    Failed {
        /// The transaction.
        client: ClientId,
        /// Whose it is.
        user: U,
        /// Why.
        failure: Failure,
    },
    /// No ACK came for a final response other than 2xx (timer H).
    Unacknowledged {
        /// The transaction.
        server: ServerId,
        /// Whose it is.
        user: Option<U>,
    },
    /// Something came that is no message. The flow goes on, unless it is a stream whose framing is lost: that is closed.
    Malformed {
        /// Where it came from.
        source: Path,
        /// What was wrong, where.
        error: ParseError,
        /// What came.
        bytes: Bytes,
    },
    /// A connection is up.
    FlowUp {
        /// Which.
        flow: FlowId,
    },
    /// A connection failed or closed; its client transactions have failed before this.
    FlowDown {
        /// Which.
        flow: FlowId,
        /// Why, if it did not close in order.
        error: Option<FlowError>,
    },
    /// A keep-alive was answered.
    Pong {
        /// On which flow.
        flow: FlowId,
    },
    /// A message passed (only if tracing is on).
    Trace {
        /// True: it went out.
        outgoing: bool,
        /// From or to whom.
        path: Path,
        /// The message.
        bytes: Bytes,
    },
}

/// Why a client transaction ended without a final response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Timer B or F.
    Timeout(Timer),
    /// The flow could not be opened or was lost.
    Transport(FlowError),
}

#[derive(Clone, Copy, Debug)]
enum TimerKey {
    Client(Key, Timer),
    Server(Key, Timer),
}

/// The transaction layer. `U` is what the user attaches to a transaction to know it again.
#[derive(Debug)]
pub struct Transactions<U> {
    timers: TimerConfig,
    limits: Limits,
    server_limit: usize,
    trace: bool,
    flows: Flows,
    queue: TimerQueue<TimerKey>,
    matcher: Matcher,
    clients: Arena<Client<U>>,
    client_keys: HashMap<MatchKey, Key>,
    servers: Arena<Server<U>>,
    server_keys: HashMap<MatchKey, Key>,
    merged_keys: HashMap<MatchKey, Key>,
    events: VecDeque<Event<U>>,
}

impl<U: Copy> Transactions<U> {
    /// An empty layer. At most `server_limit` requests of peers are worked on at a time; more are answered 503.
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
            trace: false,
            queue: TimerQueue::new(),
            matcher: Matcher::new(&mut entropy),
            clients: Arena::new(),
            client_keys: HashMap::new(),
            servers: Arena::new(),
            server_keys: HashMap::new(),
            merged_keys: HashMap::new(),
            events: VecDeque::new(),
        }
    }

    /// Whether every message is reported by [`Event::Trace`].
    pub fn set_trace(&mut self, trace: bool) {
        self.trace = trace;
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

    // ---- down: from the transaction user

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

    fn begin(
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
            (ClientMachine::Invite(state), step)
        } else {
            let (state, step) = non_invite_client::start(&self.timers, reliable);
            (ClientMachine::NonInvite(state), step)
        };
        let key = self.matcher.client(branch, method.as_str());
        let id = self.clients.insert(Client {
            machine,
            key,
            path,
            reliable,
            message,
            retransmit: None,
            bound: None,
            cancel: Cancel::No,
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

    fn send_cancel(&mut self, now: Instant, id: Key, reason: Option<&str>) {
        let Some(entry) = self.clients.get_mut(id) else { return };
        entry.cancel = Cancel::Sent;
        let path = entry.path;
        // The message is the INVITE we wrote: it parses, and has what a CANCEL takes over.
        let built = Message::parse(entry.message.clone(), &self.limits).ok().and_then(|message| match message {
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
        let step = entry.on_respond(status, &self.timers);
        if !step.send {
            return Ok(());
        }
        entry.message = message;
        if status.is_final() {
            entry.request = None;
        }
        let path = entry.path;
        let up = self.flows.contains(path.flow);
        self.server_step(now, server.0, step);
        if up { Ok(()) } else { Err(FlowError::new(FlowErrorKind::Lost, "the connection is gone")) }
    }

    /// Closes a flow. What was sent before still goes out; client transactions that wait for a final response on it fail.
    pub fn close_flow(&mut self, flow: FlowId) {
        self.flows.close(flow);
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
        Some((entry.request.clone()?, entry.source))
    }

    /// Sends outside of any transaction: an ACK for a 2xx, a stateless response, a 2xx of the user's own retransmission.
    pub fn send(&mut self, path: Path, message: Bytes) -> Result<(), FlowError> {
        self.note(true, path, &message);
        self.flows.transmit(path, message)
    }

    /// Where responses of this server transaction go.
    pub fn response_path(&self, server: ServerId) -> Option<Path> {
        self.servers.get(server.0).map(|entry| entry.path)
    }

    // ---- up: from the driver

    /// See [`Machine::flow_opened`](crate::transport::Machine::flow_opened).
    pub fn flow_opened(&mut self, info: FlowInfo) -> FlowId {
        self.flows.opened(info)
    }

    /// See [`Machine::flow_changed`](crate::transport::Machine::flow_changed).
    pub fn flow_changed(&mut self, flow: FlowId, change: FlowChange) {
        if !self.flows.changed(flow, &change) {
            return;
        }
        let error = match change {
            FlowChange::Connected { .. } => {
                self.events.push_back(Event::FlowUp { flow });
                return;
            }
            FlowChange::Failed(error) => Some(error),
            FlowChange::Closed => None,
        };
        self.flow_lost(flow, error);
    }

    fn flow_lost(&mut self, flow: FlowId, error: Option<FlowError>) {
        let cause =
            error.clone().unwrap_or_else(|| FlowError::new(FlowErrorKind::Lost, "the peer closed the connection"));
        self.fail_pending(flow, &cause);
        self.events.push_back(Event::FlowDown { flow, error });
    }

    fn fail_pending(&mut self, flow: FlowId, cause: &FlowError) {
        let lost: Vec<Key> = self
            .clients
            .iter()
            .filter(|(_, client)| client.path.flow == flow && client.is_pending())
            .map(|(key, _)| key)
            .collect();
        for key in lost {
            self.fail(key, Failure::Transport(cause.clone()));
        }
    }

    fn fail(&mut self, key: Key, failure: Failure) {
        if let Some(client) = self.drop_client(key)
            && let Some(user) = client.user
        {
            self.events.push_back(Event::Failed { client: ClientId(key), user, failure });
        }
    }

    /// See [`Machine::receive`](crate::transport::Machine::receive).
    pub fn receive(&mut self, now: Instant, path: Path, bytes: Bytes) {
        if self.flows.is_stream(path.flow) {
            self.flows.push(path, &bytes);
            loop {
                match self.flows.next_received(path.flow) {
                    Ok(Some(received)) => self.received(now, path, received),
                    Ok(None) => return,
                    Err(error) => {
                        // Where the next message begins cannot be known any more (18.3): the connection is of no use.
                        self.events.push_back(Event::Malformed { source: path, error, bytes });
                        self.flows.close(path.flow);
                        let cause = FlowError::new(FlowErrorKind::Framing, "the peer broke the framing of the stream");
                        return self.flow_lost(path.flow, Some(cause));
                    }
                }
            }
        }
        // What was still on its way on a flow that is gone is nobody's.
        if let Some(received) = self.flows.classify(bytes).filter(|_| self.flows.contains(path.flow)) {
            self.received(now, path, received);
        }
    }

    fn received(&mut self, now: Instant, path: Path, received: Received) {
        match received {
            Received::Message(bytes) => {
                self.note(false, path, &bytes);
                match Message::parse(bytes.clone(), &self.limits) {
                    Ok(Message::Request(request)) => self.received_request(now, path, request),
                    Ok(Message::Response(response)) => self.received_response(now, path, response),
                    Err(error) => self.events.push_back(Event::Malformed { source: path, error, bytes }),
                }
            }
            Received::Ping => {
                if self.flows.transport(path.flow).is_some_and(|transport| transport.is_reliable()) {
                    // A flow that is gone needs no pong.
                    let _ = self.flows.transmit(path, Bytes::from_static(b"\r\n"));
                }
            }
            Received::Pong => self.events.push_back(Event::Pong { flow: path.flow }),
        }
    }

    fn received_request(&mut self, now: Instant, source: Path, request: Request) {
        let key = match request.via().and_then(|via| self.matcher.server(&request, &via, request.method().as_str())) {
            Ok(key) => key,
            Err(error) => {
                let bytes = request.bytes().clone();
                return self.events.push_back(Event::Malformed { source, error, bytes });
            }
        };
        if let Some(id) = self.server_keys.get(&key).copied() {
            let Some(server) = self.servers.get_mut(id) else { return };
            let step =
                if *request.method() == Method::Ack { server.on_ack(&self.timers) } else { server.on_retransmission() };
            if step.pass_up {
                self.events.push_back(Event::Ack { request: Arc::new(request), source });
            }
            return self.server_step(now, id, step);
        }
        let request = Arc::new(request);
        if *request.method() == Method::Ack {
            return self.events.push_back(Event::Ack { request, source });
        }
        // The CANCEL of a call that is being worked on is let in: it ends work, and there is one for each call at most.
        if self.servers.len() >= self.server_limit && self.cancelled_by(&request).is_none() {
            return self.refuse(source, &request, key);
        }
        self.begin_server(now, source, request, key);
    }

    /// Over the limit: a stateless 503 (RFC 3261 21.5.4), so that no memory is spent. Its To tag is the same for every
    /// retransmission of the request (8.2.7).
    fn refuse(&mut self, source: Path, request: &Request, key: MatchKey) {
        let Some(status) = StatusCode::new(503) else { return };
        let tag = format!("{:016x}", key as u64);
        let mut builder = respond_to(request, source.remote, status, None, Some(&tag));
        builder.number(crate::message::Name::RetryAfter, 5);
        if let Ok(message) = builder.finish() {
            // Overload: if the flow is gone as well nobody waits for the answer.
            let _ = self.send(self.path_back(request, source), message);
        }
    }

    /// Where responses to a request go that came from `source`.
    pub fn path_back(&self, request: &Request, source: Path) -> Path {
        match (request.via(), self.flows.transport(source.flow)) {
            (Ok(via), Some(transport)) => response_path(&via, source, transport),
            _ => source,
        }
    }

    fn begin_server(&mut self, now: Instant, source: Path, request: Arc<Request>, key: MatchKey) {
        let transport = self.flows.transport(source.flow);
        let path = self.path_back(&request, source);
        let (machine, step) = if *request.method() == Method::Invite {
            let (state, step) = invite_server::start();
            (ServerMachine::Invite(state), step)
        } else {
            let (state, step) = non_invite_server::start(&self.timers);
            (ServerMachine::NonInvite(state), step)
        };
        let cancels = self.cancelled_by(&request);
        let merged = self.matcher.merged(&request).ok();
        let id = self.servers.insert(Server {
            machine,
            key,
            merged,
            source,
            path,
            reliable: transport.is_none_or(|transport| transport.is_reliable()),
            request: Some(request.clone()),
            message: Bytes::new(),
            retransmit: None,
            bound: None,
            user: None,
        });
        self.server_keys.insert(key, id);
        if let Some(merged) = merged {
            self.merged_keys.entry(merged).or_insert(id);
        }
        self.server_step(now, id, step);
        self.events.push_back(Event::Request { server: ServerId(id), request, source, cancels });
    }

    fn cancelled_by(&self, request: &Request) -> Option<(ServerId, Option<U>)> {
        if *request.method() != Method::Cancel {
            return None;
        }
        let key = self.matcher.server(request, &request.via().ok()?, "INVITE").ok()?;
        let id = *self.server_keys.get(&key)?;
        self.servers.get(id).map(|server| (ServerId(id), server.user))
    }

    /// Whether this request is another copy of one that came first by another way and is still being worked on
    /// (RFC 3261 8.2.2.2). A user agent answers such a request 482.
    pub fn is_merged(&self, server: ServerId) -> bool {
        let Some(entry) = self.servers.get(server.0) else { return false };
        entry.merged.and_then(|key| self.merged_keys.get(&key)).is_some_and(|first| *first != server.0)
    }

    fn received_response(&mut self, now: Instant, source: Path, response: Response) {
        let key = response
            .via()
            .and_then(|via| Ok((via.branch().unwrap_or_default().to_owned(), response.cseq()?)))
            .map(|(branch, cseq)| (self.matcher.client(&branch, cseq.method.as_str()), cseq.method));
        let (key, method) = match key {
            Ok(key) => key,
            Err(error) => {
                let bytes = response.bytes().clone();
                return self.events.push_back(Event::Malformed { source, error, bytes });
            }
        };
        let Some(id) = self.client_keys.get(&key).copied() else {
            if method == Method::Invite && response.status().is_success() {
                self.events.push_back(Event::Stray { response: Arc::new(response), source });
            }
            return;
        };
        let Some(client) = self.clients.get_mut(id) else { return };
        if client.is_invite() && client.state() == ClientState::Completed && response.status().is_success() {
            // A fork answered although a proxy had given up (16.7): somebody must acknowledge and end that call.
            return self.events.push_back(Event::Stray { response: Arc::new(response), source });
        }
        let step = client.on_response(response.status(), &self.timers);
        let user = client.user;
        let wanted = match &mut client.cancel {
            // One that comes after a final response says nothing: the machine does not pass it up.
            cancel @ Cancel::Wanted(_) if step.pass_up && response.status().is_provisional() => {
                std::mem::replace(cancel, Cancel::No)
            }
            _ => Cancel::No,
        };
        if step.ack {
            // What was sent is our own INVITE: it parses.
            if let Ok(Message::Request(invite)) = Message::parse(client.message.clone(), &self.limits)
                && let Some(ack) = requests::ack(&invite, &response)
            {
                client.message = ack.clone();
                let path = client.path;
                // A flow that broke under us fails the transaction by itself.
                let _ = self.send(path, ack);
            }
        } else if step.pass_up && response.status().is_final() {
            client.message = Bytes::new();
        }
        if step.pass_up
            && let Some(user) = user
        {
            let response = Arc::new(response);
            self.events.push_back(Event::Response { client: ClientId(id), user, response, source });
        }
        self.client_step(now, id, step);
        if let Cancel::Wanted(reason) = wanted {
            self.send_cancel(now, id, reason.as_deref());
        }
    }

    // ---- time

    /// See [`Machine::poll_timeout`](crate::transport::Machine::poll_timeout).
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.queue.next()
    }

    /// See [`Machine::handle_timeout`](crate::transport::Machine::handle_timeout).
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((key, _)) = self.queue.pop(now) {
            match key {
                TimerKey::Client(id, timer) => {
                    let Some(client) = self.clients.get_mut(id) else { continue };
                    let step = client.on_timer(timer, &self.timers);
                    self.client_step(now, id, step);
                }
                TimerKey::Server(id, Timer::Trying) => self.send_trying(now, id),
                TimerKey::Server(id, timer) => {
                    let Some(server) = self.servers.get_mut(id) else { continue };
                    let step = server.on_timer(timer, &self.timers);
                    self.server_step(now, id, step);
                }
            }
        }
    }

    fn send_trying(&mut self, now: Instant, id: Key) {
        let Some(server) = self.servers.get(id) else { return };
        let Some(request) = &server.request else { return };
        let built = respond_to(request, server.source.remote, StatusCode::TRYING, None, None).finish();
        if let Ok(message) = built {
            // A flow that is gone needs no 100.
            let _ = self.respond(now, ServerId(id), StatusCode::TRYING, message);
        }
    }

    // ---- the steps of the machines carried out

    fn client_step(&mut self, now: Instant, id: Key, step: Step) {
        let Some(client) = self.clients.get_mut(id) else { return };
        let timer = |timer| TimerKey::Client(id, timer);
        change(&mut self.queue, now, &mut client.retransmit, step.retransmit, timer);
        change(&mut self.queue, now, &mut client.bound, step.bound, timer);
        let over = client.state() == ClientState::Terminated;
        if step.send {
            let (path, message) = (client.path, client.message.clone());
            if let Err(error) = self.send(path, message) {
                return self.fail(id, Failure::Transport(error));
            }
        }
        if let Some(timer) = step.timed_out {
            return self.fail(id, Failure::Timeout(timer));
        }
        if over {
            self.drop_client(id);
        }
    }

    fn server_step(&mut self, now: Instant, id: Key, step: Step) {
        let Some(server) = self.servers.get_mut(id) else { return };
        let timer = |timer| TimerKey::Server(id, timer);
        change(&mut self.queue, now, &mut server.retransmit, step.retransmit, timer);
        change(&mut self.queue, now, &mut server.bound, step.bound, timer);
        let state = server.state();
        let user = server.user;
        if step.send && !server.message.is_empty() {
            let (path, message) = (server.path, server.message.clone());
            if state == ServerState::Accepted {
                server.message = Bytes::new(); // the 2xx is the user's to retransmit
            }
            // The client retransmits its request if this is lost; a broken flow is reported by FlowDown.
            let _ = self.send(path, message);
        }
        if step.timed_out.is_some() {
            self.events.push_back(Event::Unacknowledged { server: ServerId(id), user });
        }
        if state == ServerState::Terminated {
            self.drop_server(id);
        }
    }

    fn drop_client(&mut self, id: Key) -> Option<Client<U>> {
        let client = self.clients.remove(id)?;
        for timer in [client.retransmit, client.bound].into_iter().flatten() {
            self.queue.cancel(timer);
        }
        self.client_keys.remove(&client.key);
        Some(client)
    }

    fn drop_server(&mut self, id: Key) {
        let Some(server) = self.servers.remove(id) else { return };
        for timer in [server.retransmit, server.bound].into_iter().flatten() {
            self.queue.cancel(timer);
        }
        self.server_keys.remove(&server.key);
        if let Some(merged) = server.merged
            && self.merged_keys.get(&merged) == Some(&id)
        {
            self.merged_keys.remove(&merged);
        }
    }

    fn note(&mut self, outgoing: bool, path: Path, bytes: &Bytes) {
        if self.trace {
            self.events.push_back(Event::Trace { outgoing, path, bytes: bytes.clone() });
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

fn change(
    queue: &mut TimerQueue<TimerKey>,
    now: Instant,
    slot: &mut Option<crate::timer::TimerId>,
    change: Change,
    key: impl Fn(Timer) -> TimerKey,
) {
    if change == Change::Keep {
        return;
    }
    if let Some(old) = slot.take() {
        queue.cancel(old);
    }
    if let Change::Start(timer, after) = change {
        *slot = Some(queue.insert(now + after, key(timer)));
    }
}
