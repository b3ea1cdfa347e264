//! What comes in: flows that open and break, bytes, requests and responses.

use std::sync::Arc;

use bytes::Bytes;

use super::client::Cancel;
use super::history::History;
use super::key::MatchKey;
use super::layer::TimerKey;
use super::response::{respond_to, response_path};
use super::server::{Held, Machine, Server};
use super::traffic::MethodName;
use super::{
    ClientId, ClientState, Event, Failure, ServerId, Transactions, invite_server, non_invite_server, requests,
};
use crate::arena::Key;
use crate::message::{Message, Method, ParseError, Rejection, Request, Response, StatusCode, Wire};
use crate::time::Instant;
#[cfg(feature = "stun")]
use crate::transport::Stun;
use crate::transport::{FlowChange, FlowError, FlowErrorKind, FlowId, FlowInfo, Path, Received};

impl<U: Copy> Transactions<U> {
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

    pub(super) fn flow_lost(&mut self, flow: FlowId, error: Option<FlowError>) {
        let cause =
            error.clone().unwrap_or_else(|| FlowError::new(FlowErrorKind::Lost, "the peer closed the connection"));
        self.message_over(flow);
        self.fail_pending(flow, &cause);
        self.events.push_back(Event::FlowDown { flow, error });
    }

    pub(super) fn fail_pending(&mut self, flow: FlowId, cause: &FlowError) {
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

    pub(super) fn fail(&mut self, key: Key, failure: Failure) {
        if let Some(client) = self.drop_client(key)
            && let Some(user) = client.user
        {
            self.events.push_back(Event::Failed { client: ClientId(key), user, failure });
        }
    }

    /// See [`Machine::receive`](crate::transport::Machine::receive).
    pub fn receive(&mut self, now: Instant, path: Path, bytes: Bytes) {
        self.receive_within(now, path, bytes, false);
    }

    /// The same; `limited`: no more messages are taken than the [rate](Transactions::set_message_rate) of one source.
    pub fn receive_within(&mut self, now: Instant, path: Path, bytes: Bytes, limited: bool) {
        if self.flows.is_stream(path.flow) {
            self.flows.push(path, &bytes);
            loop {
                match self.flows.next_received(path.flow) {
                    Ok(Some(received)) => {
                        self.message_over(path.flow);
                        if self.takes(now, path, &received, limited) {
                            self.received(now, path, received);
                        }
                    }
                    Ok(None) => return self.message_goes_on(now, path.flow),
                    Err(error) => {
                        // Where the next message begins cannot be known any more (18.3): the connection is of no use but
                        // for saying so.
                        self.refuse_unframed(path, &error);
                        self.events.push_back(Event::Malformed { source: path, error, bytes: Bytes::new() });
                        self.flows.close(path.flow);
                        let cause = FlowError::new(FlowErrorKind::Framing, "the peer broke the framing of the stream");
                        return self.flow_lost(path.flow, Some(cause));
                    }
                }
            }
        }
        if let Some(received) = self.flows.classify(path.flow, bytes)
            && self.takes(now, path, &received, limited)
        {
            self.received(now, path, received);
        }
    }

    /// Not what one source sends beyond its share: it is passed over before anybody reads it.
    fn takes(&mut self, now: Instant, path: Path, received: &Received, limited: bool) -> bool {
        let counts = match received {
            Received::Message(_) => true,
            Received::Ping | Received::Pong => false,
            #[cfg(feature = "stun")]
            Received::Stun(_) => true,
        };
        !limited || !counts || self.buckets.admit(now, path.remote.ip())
    }

    /// A message that has begun has as long as a transaction to come whole: who sends a byte now and again holds nothing.
    fn message_goes_on(&mut self, now: Instant, flow: FlowId) {
        if self.flows.is_midway(flow) {
            let at = now + self.timers.timeout();
            self.midway.entry(flow).or_insert_with(|| self.queue.insert(at, TimerKey::Stream(flow)));
        }
    }

    pub(super) fn message_over(&mut self, flow: FlowId) {
        if let Some(timer) = self.midway.remove(&flow) {
            self.queue.cancel(timer);
        }
    }

    pub(super) fn message_late(&mut self, flow: FlowId) {
        self.midway.remove(&flow);
        self.flows.close(flow);
        let cause = FlowError::new(FlowErrorKind::Timeout, "a message did not come whole in time");
        self.flow_lost(flow, Some(cause));
    }

    pub(super) fn received(&mut self, now: Instant, path: Path, received: Received) {
        match received {
            Received::Message(mut bytes) => {
                self.note(false, path, &bytes);
                match Message::take_from(&mut bytes, &self.limits) {
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
            #[cfg(feature = "stun")]
            Received::Stun(Stun::Request { id, unknown }) => {
                let answer = Stun::answer(&id, &unknown, path.remote);
                // A socket that is gone answers nobody.
                let _ = self.flows.transmit(path, answer);
            }
            #[cfg(feature = "stun")]
            Received::Stun(stun) => self.events.push_back(Event::Stun { source: path, stun }),
        }
    }

    pub(super) fn received_request(&mut self, now: Instant, source: Path, request: Request) {
        let read = request.via().and_then(|via| {
            let key = self.matcher.server(&request, &via, request.method().as_str())?;
            let transport = self.flows.transport(source.flow);
            Ok((key, transport.map_or(source, |transport| response_path(&via, source, transport))))
        });
        let (key, path) = match read {
            Ok(read) => read,
            Err(error) => {
                let bytes = request.bytes().clone();
                return self.events.push_back(Event::Malformed { source, error, bytes });
            }
        };
        if let Some(id) = self.server_keys.get(&key).copied() {
            let Some(server) = self.servers.get_mut(id) else { return };
            let step = if *request.method() == Method::Ack {
                server.on_ack(now, &self.timers)
            } else {
                server.on_retransmission()
            };
            if let (true, Some(status)) = (step.send, server.plain) {
                if let Some(message) = self.plain_response(&request, source, status) {
                    // As the first: the client sends its request again if this is lost.
                    let _ = self.send(self.path_back(&request, source), message);
                }
                return;
            }
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
        let full = self.pending >= self.server_limit
            || self.servers.len() >= self.server_limit.saturating_mul(super::LINGERING);
        if full && self.cancelled_by(&request).is_none() {
            return self.refuse(source, &request, key);
        }
        self.begin_server(now, source, path, request, key);
    }

    /// Over the limit: a stateless 503 (RFC 3261 21.5.4), so that no memory is spent. Its To tag is the same for every
    /// retransmission of the request (8.2.7).
    pub(super) fn refuse(&mut self, source: Path, request: &Request, key: MatchKey) {
        let Some(status) = StatusCode::new(503) else { return };
        let tag = format!("{key:016x}");
        let mut builder = respond_to(request, source.remote, status, None, Some(&tag));
        builder.number(crate::message::Name::RetryAfter, 5);
        if let Ok(message) = builder.finish() {
            // Overload: if the flow is gone as well nobody waits for the answer.
            let _ = self.send(self.path_back(request, source), message);
        }
    }

    /// Answers a request whose end in the stream cannot be known, if its head can be read.
    fn refuse_unframed(&mut self, source: Path, error: &ParseError) {
        let head = self.flows.refused(source.flow);
        let request = head.and_then(|head| Request::salvage(head, &self.limits));
        let Some(request) = request.filter(|request| *request.method() != Method::Ack) else { return };
        let key = request.via().and_then(|via| self.matcher.server(&request, &via, request.method().as_str()));
        let Ok(key) = key else { return };
        let rejection = Rejection::from(error.clone());
        let (phrase, tag) = (Some(&*rejection.reason), format!("{key:016x}"));
        let mut builder = respond_to(&request, source.remote, rejection.status, phrase, Some(&tag));
        self.push_server(&mut builder);
        if let Ok(message) = builder.finish() {
            // It is closed next.
            let _ = self.send(source, message);
        }
    }

    /// Where responses to a request go that came from `source`.
    pub fn path_back(&self, request: &Request, source: Path) -> Path {
        match (request.via(), self.flows.transport(source.flow)) {
            (Ok(via), Some(transport)) => response_path(&via, source, transport),
            _ => source,
        }
    }

    fn begin_server(&mut self, now: Instant, source: Path, path: Path, request: Arc<Request>, key: MatchKey) {
        let transport = self.flows.transport(source.flow);
        let (machine, step) = if *request.method() == Method::Invite {
            let (state, step) = invite_server::start();
            (Machine::Invite(state), step)
        } else {
            let (state, step) = non_invite_server::start(&self.timers);
            (Machine::NonInvite(state), step)
        };
        let cancels = self.cancelled_by(&request);
        // Within a dialog a copy that came another way does no harm: 8.2.2.2 is about requests without a To tag.
        let in_dialog = request.to().is_ok_and(|to| to.tag().is_some());
        let merged = if in_dialog { None } else { self.matcher.merged(&request).ok() };
        let id = self.servers.insert(Server {
            machine,
            key,
            merged,
            held: Some(Box::new(Held {
                path,
                source_port: source.remote.port(),
                request: Some(request.clone()),
                message: Wire::default(),
            })),
            plain: None,
            reliable: transport.is_none_or(|transport| transport.is_reliable()),
            retransmit: None,
            bound: None,
            history: History::new(now, MethodName::of(request.method())),
            user: None,
        });
        self.pending = self.pending.saturating_add(1);
        self.server_keys.insert(key, id);
        if let Some(merged) = merged {
            self.merged_keys.entry(merged).or_insert(id);
        }
        self.server_step(now, id, step);
        self.events.push_back(Event::Request { server: ServerId(id), request, source, cancels });
    }

    pub(super) fn cancelled_by(&self, request: &Request) -> Option<(ServerId, Option<U>)> {
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

    pub(super) fn received_response(&mut self, now: Instant, source: Path, response: Response) {
        let key = response
            .via()
            .and_then(|via| Ok((via.branch().unwrap_or_default(), response.cseq()?)))
            .map(|(branch, cseq)| (self.matcher.client(branch, cseq.method.as_str()), cseq.method));
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
        let step = client.on_response(now, response.status(), &self.timers);
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
            if let Ok(Message::Request(invite)) = Message::parse(Bytes::clone(&client.message), &self.limits)
                && let Some(ack) = requests::ack(&invite, &response)
            {
                client.message = ack.clone().into();
                let path = client.path;
                // A flow that broke under us fails the transaction by itself.
                let _ = self.send(path, ack);
            }
        } else if step.pass_up && response.status().is_final() {
            client.message = Wire::default();
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
}
