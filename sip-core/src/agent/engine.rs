//! The machine behind the handles: an endpoint, and who waits for what.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_channel::mpsc::UnboundedReceiver;
use futures_channel::oneshot;
use futures_core::Stream;

use super::call::{Call, Hub};
use super::credentials::{Asker, Callback};
use super::events::{Listener, tell};
use super::publication::Publication;
use super::subscription::{IncomingSubscription, Subscription};
use super::transfer::{self, Transfer, TransferRequest};
use super::watched::Watched;
use super::{AgentEvent, Job, WeakLine};
use crate::endpoint::{
    self, CallEvent, CallId, Config, Endpoint, Error, Event, Invitation, OpId, Outcome, PublicationId, SubscriptionId,
    TransferEvent, TransferId, TransferRequestId,
};
use crate::hashing::take_out;
use crate::message::StatusCode;
use crate::time::Instant;
use crate::transport::{FlowChange, FlowError, FlowId, FlowInfo, Machine, Note, Output, Path, QueryId, Record};

/// Incoming calls kept for an application that does not listen yet.
const BACKLOG: usize = 64;
/// How long an agent that nobody holds any more takes to end in order.
const FAREWELL: Duration = Duration::from_secs(2);

/// What a driver runs for a [`UserAgent`](super::UserAgent) and its calls.
#[derive(Debug)]
pub struct Engine {
    endpoint: Endpoint,
    inbox: UnboundedReceiver<Job>,
    /// Weak: when the last handle is gone the inbox ends, and with it the agent.
    line: WeakLine,
    waiting: HashMap<OpId, oneshot::Sender<Result<Outcome, Error>>>,
    calls: HashMap<CallId, Hub>,
    transfers: HashMap<TransferId, transfer::Hub>,
    /// Who decides about transfers: of one call, or of all.
    deciders: Vec<(Option<CallId>, Listener<TransferRequest>)>,
    incoming: Vec<Listener<Call>>,
    backlog: VecDeque<Call>,
    watchers: Vec<Listener<AgentEvent>>,
    watched: Watched,
    asker: Asker,
    abandoned: bool,
    /// It was begun anew, and was to be registered before.
    resumes: Option<bool>,
}

impl Engine {
    pub(super) fn new(config: Config, seed: [u8; 32], inbox: UnboundedReceiver<Job>, line: WeakLine) -> Engine {
        Engine {
            endpoint: Endpoint::new(config, seed),
            inbox,
            line,
            waiting: HashMap::new(),
            calls: HashMap::new(),
            transfers: HashMap::new(),
            deciders: Vec::new(),
            incoming: Vec::new(),
            backlog: VecDeque::new(),
            watchers: Vec::new(),
            watched: Watched::default(),
            asker: Asker::default(),
            abandoned: false,
            resumes: None,
        }
    }

    /// The endpoint, to look at.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn begin(
        &mut self,
        now: Instant,
        begin: impl FnOnce(&mut Endpoint, Instant) -> OpId,
        sender: oneshot::Sender<Result<Outcome, Error>>,
    ) {
        let op = begin(&mut self.endpoint, now);
        self.waiting.insert(op, sender);
    }

    pub(super) fn endpoint_mut(&mut self) -> &mut Endpoint {
        &mut self.endpoint
    }

    /// A handle for a call, with its hub.
    pub(super) fn handle(&mut self, id: CallId, invitation: Option<Box<Invitation>>) -> Option<Call> {
        let info = self.endpoint.call_info(id)?;
        let line = self.line.upgrade()?;
        let (hub, span) = (Hub::new(info), self.endpoint.call_span(id));
        self.calls.insert(id, hub.clone());
        Some(Call::new(id, line, hub, invitation, span))
    }

    pub(super) fn listen(&mut self, mut listener: Listener<Call>) {
        for call in self.backlog.drain(..) {
            // It was made a moment ago and is there.
            listener.tell(call);
        }
        self.incoming.push(listener);
    }

    pub(super) fn subscription(&mut self, id: SubscriptionId) -> Option<Subscription> {
        let line = self.line.upgrade()?;
        Some(self.watched.subscription(id, line))
    }

    pub(super) fn publication(&mut self, id: PublicationId) -> Option<Publication> {
        let line = self.line.upgrade()?;
        self.watched.publication(id, line)
    }

    pub(super) fn listen_for_subscriptions(&mut self, listener: Listener<IncomingSubscription>) {
        self.watched.listen(self.line.upgrade(), listener);
    }

    pub(super) fn ask_for_credentials(&mut self, callback: Callback) {
        self.asker.set(callback);
        self.endpoint.set_ask_credentials(true);
    }

    pub(super) fn watch(&mut self, listener: Listener<AgentEvent>) {
        self.watchers.push(listener);
    }

    /// A handle for a transfer.
    pub(super) fn transfer(&mut self, id: TransferId) -> Transfer {
        let hub = transfer::Hub::default();
        self.transfers.insert(id, hub.clone());
        Transfer::new(id, hub)
    }

    pub(super) fn listen_to_transfers(&mut self, call: Option<CallId>, listener: Listener<TransferRequest>) {
        if call.is_none_or(|call| self.calls.contains_key(&call)) {
            self.deciders.push((call, listener));
        }
    }

    /// Whoever listens for the call decides, else whoever listens for all; nobody is a no.
    fn on_transfer_requested(&mut self, now: Instant, id: TransferRequestId, asked: endpoint::TransferRequest) {
        let call = asked.call;
        self.deciders.retain(|(_, decider)| !decider.is_closed());
        let own = call.is_some() && self.deciders.iter().any(|(of, _)| *of == call);
        let decider = self.deciders.iter_mut().find(|(of, _)| if own { *of == call } else { of.is_none() });
        match (decider, self.line.upgrade()) {
            (Some((_, decider)), Some(line)) => {
                // It was open a moment ago; one that is not decides nothing, and time does.
                decider.tell(TransferRequest::new(id, line, asked));
            }
            _ => _ = self.endpoint.reject_transfer(now, id, StatusCode::DECLINE, None),
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Done { op, result } => {
                if let Some(sender) = take_out(&mut self.waiting, &op) {
                    // Whoever gave up waiting does not want the answer.
                    let _ = sender.send(result);
                }
            }
            Event::Incoming { call, invitation, at } => self.on_incoming(at, call, invitation),
            Event::Call { call, event, .. } => self.on_call_event(call, event),
            Event::IncomingSubscription { subscription, request, .. } => {
                self.watched.on_incoming(subscription, request, self.line.upgrade());
            }
            Event::Subscription { subscription, event, .. } => {
                self.watched.on_subscription(subscription, event, self.line.upgrade());
            }
            Event::Publication { publication, state, .. } => self.watched.on_publication(publication, state),
            Event::CredentialsNeeded { query, request, .. } => self.asker.ask(query, *request),
            Event::Transfer { transfer, event, .. } => {
                let over = matches!(event, TransferEvent::Ended(_));
                if let Some(hub) = self.transfers.get(&transfer) {
                    hub.tell(event);
                }
                if over {
                    self.transfers.remove(&transfer);
                }
            }
            Event::TransferRequested { request, asked, at } => self.on_transfer_requested(at, request, *asked),
            // There is one connection and one registration, of which the first shard tells.
            Event::Connection { .. } | Event::Registration { .. } if !self.endpoint.is_leading() => {}
            other => {
                if let Some(event) = AgentEvent::of(other) {
                    tell(&mut self.watchers, &event);
                }
            }
        }
    }

    fn on_incoming(&mut self, now: Instant, id: CallId, invitation: Box<Invitation>) {
        // None: the caller gave up within the same input, or nobody holds this agent any more.
        let Some(call) = self.handle(id, Some(invitation)) else {
            self.endpoint.reject(now, id, StatusCode::TEMPORARILY_UNAVAILABLE, None);
            return;
        };
        tell(&mut self.incoming, &call);
        if !self.incoming.is_empty() {
            return;
        }
        if self.backlog.len() < BACKLOG {
            self.backlog.push_back(call);
        } else {
            self.endpoint.reject(now, id, StatusCode::BUSY_HERE, None);
        }
    }

    fn on_call_event(&mut self, id: CallId, event: CallEvent) {
        let over = matches!(event, CallEvent::Ended(_));
        let Some(hub) = self.calls.get(&id) else { return };
        hub.tell(event, |info| self.endpoint.refresh_info(info));
        if over {
            take_out(&mut self.calls, &id);
            self.backlog.retain(|call| call.id() != id);
            self.deciders.retain(|(of, _)| *of != Some(id));
        }
    }
}

impl Engine {
    /// The endpoint has failed: another takes its place. Its calls are over, and what was under way has failed; who listens
    /// goes on listening.
    fn revive(&mut self, now: Instant) {
        let error = Error::BEGUN_ANEW;
        self.resumes = Some(self.endpoint.wants_registration());
        self.endpoint = self.endpoint.successor();
        for (_, sender) in self.waiting.drain() {
            // Whoever gave up waiting does not want the answer.
            let _ = sender.send(Err(error.clone()));
        }
        for (_, hub) in self.calls.drain() {
            hub.fail(now);
        }
        for (_, hub) in self.transfers.drain() {
            hub.tell(TransferEvent::Ended(Err(error.clone())));
        }
        self.backlog.clear();
        self.deciders.retain(|(of, _)| of.is_none());
        self.watched.forget();
        if self.asker.forget() {
            self.endpoint.set_ask_credentials(true);
        }
        if self.abandoned {
            self.endpoint.shutdown(now, FAREWELL);
        }
    }
}

impl Machine for Engine {
    type Event = Infallible;

    fn flow_opened(&mut self, now: Instant, info: FlowInfo) -> FlowId {
        self.endpoint.flow_opened(now, info)
    }

    fn flow_shared(&mut self, now: Instant, flow: FlowId, info: FlowInfo) {
        self.endpoint.flow_shared(now, flow, info);
    }

    fn noted(&mut self, now: Instant, note: Note) {
        self.endpoint.noted(now, note);
    }

    fn begin_anew(&mut self, now: Instant) -> bool {
        self.revive(now);
        true
    }

    fn flow_changed(&mut self, now: Instant, flow: FlowId, change: FlowChange) {
        self.endpoint.flow_changed(now, flow, change);
    }

    fn receive(&mut self, now: Instant, path: Path, bytes: Bytes) {
        self.endpoint.receive(now, path, bytes);
    }

    fn undelivered(&mut self, now: Instant, path: Path, quoted: Bytes, error: FlowError) {
        self.endpoint.undelivered(now, path, quoted, error);
    }

    fn resolved(&mut self, now: Instant, query: QueryId, result: Result<Vec<IpAddr>, FlowError>) {
        self.endpoint.resolved(now, query, result);
    }

    fn looked_up(&mut self, now: Instant, query: QueryId, result: Result<Vec<Record>, FlowError>) {
        self.endpoint.looked_up(now, query, result);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.endpoint.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.endpoint.poll_timeout()
    }

    fn poll_output(&mut self) -> Option<Output<Infallible>> {
        while let Some(output) = self.endpoint.poll_output() {
            match output.into_event() {
                Ok(event) => self.on_event(event),
                Err(output) => return Some(output),
            }
        }
        if self.endpoint.is_finished() {
            // Handles that still wait are told that it is over by their channels closing.
            self.line = WeakLine::default();
            self.waiting.clear();
            self.incoming.clear();
            self.watchers.clear();
            self.backlog.clear();
            self.transfers.clear();
            self.deciders.clear();
            self.watched = Watched::default();
        }
        None
    }

    fn poll_inbox(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        let mut taken = Poll::Pending;
        if let Some(registered) = self.resumes.take() {
            self.endpoint.begin_again(now, registered);
            taken = Poll::Ready(());
        }
        while let Some((query, credential)) = self.asker.poll(cx) {
            // One that cannot be sent is none; one that comes too late is not needed.
            if self.endpoint.credentials(now, query, credential).is_err() {
                let _ = self.endpoint.credentials(now, query, None);
            }
            taken = Poll::Ready(());
        }
        loop {
            match Pin::new(&mut self.inbox).poll_next(cx) {
                Poll::Ready(Some(job)) => {
                    job(self, now);
                    taken = Poll::Ready(());
                }
                Poll::Ready(None) if !self.abandoned => {
                    self.abandoned = true;
                    self.endpoint.shutdown(now, FAREWELL);
                    return Poll::Ready(());
                }
                Poll::Ready(None) | Poll::Pending => return taken,
            }
        }
    }

    fn is_finished(&self) -> bool {
        self.endpoint.is_finished()
    }
}
