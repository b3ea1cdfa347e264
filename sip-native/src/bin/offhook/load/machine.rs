//! What both sides of a load have in common: an endpoint that is driven from within, without a task for each call.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::net::IpAddr;

use bytes::Bytes;
use offhook::Error;
use offhook::core::endpoint::{Endpoint, Event, OpId};
use offhook::core::time::Instant;
use offhook::core::transport::{FlowChange, FlowError, FlowId, FlowInfo, Machine, Note, Output, Path, QueryId, Record};

/// What a side of a load does with its endpoint.
pub(super) trait Role: Send + 'static {
    /// Something that is due at a time.
    type Due: Ord + Send;

    /// The endpoint told something.
    fn on_event(&mut self, event: Event, now: Instant, desk: &mut Desk<Self::Due>);

    /// The time of something has come.
    fn on_due(&mut self, due: Self::Due, now: Instant, desk: &mut Desk<Self::Due>);

    /// Another shard of the same user has [told](Desk::tell_others) that it has come to the end.
    fn on_news(&mut self, _desk: &mut Desk<Self::Due>) {}
}

/// What shards tell each other.
struct News;

/// What a role works with.
pub(super) struct Desk<D> {
    pub(super) endpoint: Endpoint,
    due: BinaryHeap<Reverse<(Instant, D)>>,
    told: VecDeque<Told>,
    /// The other shards are to hear of it.
    news: bool,
}

/// What the owner of the machine is told.
#[derive(Debug)]
pub(super) enum Told {
    /// An operation that the owner began is over.
    Done(OpId, Result<(), Error>),
    /// There is nothing more to do.
    Finished,
}

impl<D: Ord> Desk<D> {
    /// Has something come up at a time.
    pub(super) fn at(&mut self, time: Instant, due: D) {
        self.due.push(Reverse((time, due)));
    }

    pub(super) fn tell(&mut self, told: Told) {
        self.told.push_back(told);
    }

    /// Tells the other shards of the user, if there are any.
    pub(super) fn tell_others(&mut self) {
        self.news = true;
    }
}

/// A role with its desk: what a driver runs.
pub(super) struct Worker<R: Role> {
    pub(super) role: R,
    pub(super) desk: Desk<R::Due>,
    /// The time of the latest input.
    now: Instant,
}

impl<R: Role> Worker<R> {
    pub(super) fn new(role: R, endpoint: Endpoint) -> Worker<R> {
        let desk = Desk { endpoint, due: BinaryHeap::new(), told: VecDeque::new(), news: false };
        Worker { role, desk, now: Instant::default() }
    }
}

impl<R: Role> Machine for Worker<R> {
    type Event = Told;

    fn flow_opened(&mut self, now: Instant, info: FlowInfo) -> FlowId {
        self.now = now;
        self.desk.endpoint.flow_opened(now, info)
    }

    fn flow_shared(&mut self, now: Instant, flow: FlowId, info: FlowInfo) {
        self.now = now;
        self.desk.endpoint.flow_shared(now, flow, info);
    }

    fn noted(&mut self, now: Instant, note: Note) {
        self.now = now;
        match note.is::<News>() {
            true => self.role.on_news(&mut self.desk),
            false => self.desk.endpoint.noted(now, note),
        }
    }

    fn flow_changed(&mut self, now: Instant, flow: FlowId, change: FlowChange) {
        self.now = now;
        self.desk.endpoint.flow_changed(now, flow, change);
    }

    fn receive(&mut self, now: Instant, path: Path, bytes: Bytes) {
        self.now = now;
        self.desk.endpoint.receive(now, path, bytes);
    }

    fn undelivered(&mut self, now: Instant, path: Path, quoted: Bytes, error: FlowError) {
        self.now = now;
        self.desk.endpoint.undelivered(now, path, quoted, error);
    }

    fn resolved(&mut self, now: Instant, query: QueryId, result: Result<Vec<IpAddr>, FlowError>) {
        self.now = now;
        self.desk.endpoint.resolved(now, query, result);
    }

    fn looked_up(&mut self, now: Instant, query: QueryId, result: Result<Vec<Record>, FlowError>) {
        self.now = now;
        self.desk.endpoint.looked_up(now, query, result);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.desk.endpoint.handle_timeout(now);
        while let Some(Reverse((at, _))) = self.desk.due.peek()
            && *at <= now
        {
            let Some(Reverse((_, due))) = self.desk.due.pop() else { break };
            self.role.on_due(due, now, &mut self.desk);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let own = self.desk.due.peek().map(|Reverse((at, _))| *at);
        [self.desk.endpoint.poll_timeout(), own].into_iter().flatten().min()
    }

    fn poll_output(&mut self) -> Option<Output<Told>> {
        while let Some(output) = self.desk.endpoint.poll_output() {
            match output.into_event() {
                Ok(event) => self.role.on_event(event, self.now, &mut self.desk),
                Err(output) => return Some(output.lift()),
            }
        }
        if std::mem::take(&mut self.desk.news) {
            return Some(Output::Tell(Note::new(News)));
        }
        self.desk.told.pop_front().map(Output::Event)
    }

    fn is_finished(&self) -> bool {
        self.desk.endpoint.is_finished() && self.desk.told.is_empty()
    }
}
