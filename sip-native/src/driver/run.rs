//! The task that owns the machine: waits, feeds it, carries out its outputs.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use offhook_core::time::Instant;
use offhook_core::transport::{
    FlowChange, FlowError, FlowErrorKind, FlowId, FlowInfo, Machine, Path, Router, Transport,
};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep_until, timeout};

use super::batch::Datagram;
use super::capture::Recorder;
use super::clock::Clock;
use super::connection::lost;
use super::datagrams::UdpFlow;
use super::dns::Dns;
use super::handle::Command;
use super::icmp;
use super::input::Input;
use super::limits::Limits;
use super::listen::Listener;
use super::queue;
use super::sample::Sample;
use super::shards::{Inbox, Mailbox, News};
use super::sources::Sources;
use super::tls::Connector;
use super::udp::reachable;
use crate::metrics::{Meters, refused, restarted};

/// How much is taken from one source before the others have their turn.
const BATCH: usize = 32;

/// How many turns are taken before other tasks of the runtime have theirs.
const ROUNDS: usize = 16;

/// How many inputs of connections may wait for the machine; their tasks wait beyond that.
const INPUTS: usize = 1024;

/// What comes to a machine's task.
pub(super) struct Mail {
    inputs: mpsc::Receiver<Input>,
    news: mpsc::UnboundedReceiver<News>,
}

/// A mailbox for one machine.
pub(super) fn mailbox() -> (Mailbox, Mail) {
    let (inputs, waiting) = mpsc::channel(INPUTS);
    let (news, told) = mpsc::unbounded_channel();
    (Mailbox { inputs, news }, Mail { inputs: waiting, news: told })
}

/// A machine, everything open for it, and everything that may come in.
pub(super) struct Run<M: Machine, F> {
    pub(super) machine: M,
    pub(super) on_event: F,
    clock: Clock,
    pub(super) limits: Arc<Limits>,
    pub(super) dns: Dns,
    pub(super) tls: Connector,
    orders: mpsc::UnboundedReceiver<Command<M>>,
    inputs: mpsc::Receiver<Input>,
    /// Where tasks send their inputs.
    pub(super) inbox: Inbox,
    /// What the other machines tell.
    news: mpsc::UnboundedReceiver<News>,
    /// Tells whose a datagram is.
    router: Option<Router>,
    /// Connections that were closed here while the machine was being drained.
    pub(super) closed: Vec<FlowId>,
    /// What carrying out an output brought at once.
    pub(super) own_inputs: VecDeque<Input>,
    pub(super) flows: HashMap<FlowId, Flow>,
    pub(super) udp: Vec<UdpFlow>,
    listeners: Vec<Listener>,
    pub(super) meters: Meters,
    sample: Option<Sample<M>>,
    pub(super) capture: Option<Recorder>,
    pub(super) tasks: JoinSet<()>,
    sources: Sources,
    sleep: Option<(Instant, Pin<Box<Sleep>>)>,
    /// Datagrams that were read and not taken in yet.
    datagrams: VecDeque<Datagram>,
    detached: bool,
    stopping: bool,
}

/// A flow that is not over.
pub(super) struct Flow {
    pub(super) transport: Transport,
    /// A connection that has come up here, and is counted.
    pub(super) up: bool,
    /// What it is, once it can be used.
    pub(super) info: Option<FlowInfo>,
    pub(super) way: Way,
}

/// How a flow's bytes get out.
pub(super) enum Way {
    Connection(queue::Sender),
    Udp,
    /// The UDP socket is being bound.
    Binding,
    /// It broke while the machine was being drained, and the machine will be told.
    Lost,
}

impl<M, F> Run<M, F>
where
    M: Machine,
    F: FnMut(M::Event),
{
    pub(super) fn new(
        machine: M,
        on_event: F,
        orders: mpsc::UnboundedReceiver<Command<M>>,
        limits: Arc<Limits>,
        dns: Dns,
        tls: Connector,
        (inbox, Mail { inputs, news }): (Inbox, Mail),
    ) -> Run<M, F> {
        Run {
            machine,
            on_event,
            clock: Clock::start(),
            limits,
            dns,
            tls,
            orders,
            inputs,
            router: inbox.router(),
            inbox,
            news,
            closed: Vec::new(),
            own_inputs: VecDeque::new(),
            flows: HashMap::new(),
            udp: Vec::new(),
            listeners: Vec::new(),
            meters: Meters::new(),
            sample: None,
            capture: None,
            tasks: JoinSet::new(),
            sources: Sources::default(),
            sleep: None,
            datagrams: VecDeque::new(),
            detached: false,
            stopping: false,
        }
    }

    /// Takes in a socket that the owner asked for. Another machine's has a number already.
    pub(super) fn add_udp(&mut self, socket: UdpSocket, local: SocketAddr, number: Option<FlowId>) -> FlowId {
        let info = FlowInfo { transport: Transport::Udp, local: reachable(local), remote: None };
        let now = self.clock.now();
        let flow = number.unwrap_or_else(|| self.machine.flow_opened(now, info));
        if number.is_some() {
            self.machine.flow_shared(now, flow, info);
        }
        self.flows.insert(flow, Flow { transport: Transport::Udp, up: false, info: Some(info), way: Way::Udp });
        self.note_opened(flow, Transport::Udp, info.local, None);
        self.insert_udp(flow, socket);
        flow
    }

    /// Copies what passes.
    pub(super) fn add_capture(&mut self, capture: Recorder) {
        self.capture = Some(capture);
    }

    pub(super) fn note_opened(
        &mut self,
        flow: FlowId,
        transport: Transport,
        local: SocketAddr,
        remote: Option<SocketAddr>,
    ) {
        if let Some(capture) = &mut self.capture {
            capture.opened(flow, transport, local, remote);
        }
    }

    /// Looks at the machine now and again.
    pub(super) fn add_sample(&mut self, sample: Sample<M>) {
        self.sample = Some(sample);
    }

    pub(super) fn insert_udp(&mut self, flow: FlowId, socket: UdpSocket) {
        let socket = Arc::new(socket);
        let watch = self.tasks.spawn(icmp::watch(flow, socket.clone(), self.inbox.clone()));
        self.udp.push(UdpFlow::new(flow, socket, watch));
    }

    pub(super) fn add_listener(&mut self, listener: Listener) {
        self.listeners.push(listener);
    }

    /// Runs the machine until there is nothing to run it for, then closes everything.
    pub(super) async fn until_stopped(mut self) {
        // What it wants after hearing of its sockets.
        self.carry_out();
        poll_fn(|cx| self.poll_or_begin_anew(cx)).await;
        if let Some(sample) = self.sample.take() {
            sample.finish(&self.machine);
        }
        self.close().await;
    }

    /// A machine that panics begins anew, and its sockets and connections with it go on.
    fn poll_or_begin_anew(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match catch_unwind(AssertUnwindSafe(|| self.poll(cx))) {
            Ok(poll) => poll,
            Err(panic) => {
                if !self.begin_anew() {
                    resume_unwind(panic);
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn begin_anew(&mut self) -> bool {
        let now = self.clock.now();
        if !self.machine.begin_anew(now) {
            return false;
        }
        tracing::error!("the machine has panicked, and begins anew without what it had");
        restarted();
        self.closed.clear();
        let mut flows: Vec<_> = self.flows.iter().map(|(flow, entry)| (*flow, entry.info)).collect();
        flows.sort_by_key(|(flow, _)| flow.number());
        for (flow, info) in flows {
            match info {
                Some(info) => self.machine.flow_shared(now, flow, info),
                // Nobody waits for it any more.
                None => _ = self.forget(flow),
            }
        }
        self.carry_out();
        true
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..ROUNDS {
            let mut busy = self.poll_news(cx);
            busy |= self.poll_orders(cx);
            // What the application asked for before something came is done before it is taken in.
            busy |= self.poll_inbox(cx);
            busy |= self.poll_inputs(cx);
            busy |= self.poll_timers(cx);
            if let Some(sample) = &mut self.sample {
                sample.poll(cx, &self.machine);
            }
            busy |= self.poll_udp(cx);
            busy |= self.poll_listeners(cx);
            if self.stopping || self.machine.is_finished() {
                return Poll::Ready(());
            }
            if !busy {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_news(&mut self, cx: &mut Context<'_>) -> bool {
        let mut busy = false;
        while let Poll::Ready(Some(news)) = self.news.poll_recv(cx) {
            self.hear(news);
            busy = true;
        }
        busy
    }

    /// What another machine tells.
    fn hear(&mut self, news: News) {
        let now = self.clock.now();
        match news {
            News::Shared { flow, info, queue } => {
                let entry =
                    Flow { transport: info.transport, up: false, info: Some(info), way: Way::Connection(queue) };
                self.flows.insert(flow, entry);
                self.note_opened(flow, info.transport, info.local, info.remote);
                self.machine.flow_shared(now, flow, info);
            }
            News::Closed { flow } => {
                if self.forget(flow) {
                    let error = FlowError::new(FlowErrorKind::Lost, "the connection was given up");
                    self.machine.flow_changed(now, flow, FlowChange::Failed(error));
                }
            }
            News::Undelivered { path, quoted, error } => self.machine.undelivered(now, path, quoted, error),
            News::Note(note) => self.machine.noted(now, note),
        }
        self.carry_out();
    }

    fn poll_orders(&mut self, cx: &mut Context<'_>) -> bool {
        for _ in 0..BATCH {
            match self.orders.poll_recv(cx) {
                Poll::Ready(Some(Command::Run(f))) => {
                    f(&mut self.machine, self.clock.now());
                    self.carry_out();
                }
                Poll::Ready(Some(Command::Detach)) => self.detached = true,
                Poll::Ready(Some(Command::Stop)) => self.stopping = true,
                Poll::Ready(None) => {
                    self.stopping |= !self.detached;
                    return false;
                }
                Poll::Pending => return false,
            }
        }
        true
    }

    fn poll_inputs(&mut self, cx: &mut Context<'_>) -> bool {
        for _ in 0..BATCH {
            let input = match self.own_inputs.pop_front() {
                Some(input) => input,
                None => match self.inputs.poll_recv(cx) {
                    Poll::Ready(Some(input)) => input,
                    Poll::Ready(None) | Poll::Pending => return false,
                },
            };
            self.take_in(input);
        }
        true
    }

    fn take_in(&mut self, input: Input) {
        // What it is about may have been told a moment ago.
        while let Ok(news) = self.news.try_recv() {
            self.hear(news);
        }
        let now = self.clock.now();
        match input {
            Input::Received { path, bytes } => {
                // Bytes of a flow that the machine has closed are nobody's.
                if let Some(flow) = self.flows.get(&path.flow) {
                    self.meters.received(flow.transport, bytes.len());
                    if let Some(capture) = &mut self.capture {
                        capture.received(path, &bytes);
                    }
                    self.machine.receive(now, path, bytes);
                }
            }
            Input::Changed { flow, change } => {
                let known = match &change {
                    FlowChange::Connected { local, remote } => self.came_up(flow, *local, *remote),
                    FlowChange::Failed(error) => self.ended(flow, Some(error.kind)),
                    FlowChange::Closed => self.ended(flow, None),
                };
                if known {
                    self.machine.flow_changed(now, flow, change);
                }
            }
            Input::Accepted { info, queue, answer } => {
                let flow = self.machine.flow_opened(now, info);
                let entry = Flow { transport: info.transport, up: true, info: Some(info), way: Way::Connection(queue) };
                self.flows.insert(flow, entry);
                self.meters.came_up(info.transport, true);
                self.note_opened(flow, info.transport, info.local, info.remote);
                // Its task is there, or the flow will be found gone when something is sent.
                let _ = answer.send(flow);
            }
            Input::Bound { flow, socket, local, remote } => {
                if let Some(entry @ Flow { way: Way::Binding, .. }) = self.flows.get_mut(&flow) {
                    entry.way = Way::Udp;
                    entry.info = Some(FlowInfo { transport: Transport::Udp, local, remote: None });
                    self.note_opened(flow, Transport::Udp, local, None);
                    self.insert_udp(flow, socket);
                    self.machine.flow_changed(now, flow, FlowChange::Connected { local, remote });
                }
            }
            Input::Undelivered { path, quoted, error } => {
                // Whose it was is not always quoted; whose it was not passes over it.
                self.inbox.tell(|| News::Undelivered { path, quoted: quoted.clone(), error: error.clone() });
                if self.flows.contains_key(&path.flow) {
                    self.meters.undelivered.increment(1);
                    self.machine.undelivered(now, path, quoted, error);
                }
            }
            Input::Resolved { query, result } => self.machine.resolved(now, query, result),
            Input::LookedUp { query, result } => self.machine.looked_up(now, query, result),
        }
        self.carry_out();
    }

    /// The machine's own inbox.
    fn poll_inbox(&mut self, cx: &mut Context<'_>) -> bool {
        let ready = self.machine.poll_inbox(cx, self.clock.now()).is_ready();
        if ready {
            self.carry_out();
        }
        ready
    }

    fn poll_timers(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(at) = self.machine.poll_timeout() else {
            self.sleep = None;
            return false;
        };
        let now = self.clock.now();
        if at > now {
            let deadline = self.clock.deadline(at);
            match &mut self.sleep {
                Some((set, sleep)) if *set != at => {
                    *set = at;
                    sleep.as_mut().reset(deadline);
                }
                Some(_) => {}
                none => *none = Some((at, Box::pin(sleep_until(deadline)))),
            }
            if self.sleep.as_mut().is_some_and(|(_, sleep)| sleep.as_mut().poll(cx).is_pending()) {
                return false;
            }
        }
        self.sleep = None;
        let now = self.clock.now();
        self.meters.timer_served(now.since(at));
        self.machine.handle_timeout(now);
        self.carry_out();
        true
    }

    fn poll_udp(&mut self, cx: &mut Context<'_>) -> bool {
        let mut busy = false;
        let mut index = 0;
        // Carrying out an output may close a socket, so each is looked up anew.
        while let Some(socket) = self.udp.get_mut(index) {
            if socket.poll_readable(cx).is_ready() {
                busy = true;
                self.read_datagrams(index);
            }
            index += 1;
        }
        // What all the datagrams were answered with, and whatever else there was to say in this turn.
        for socket in &mut self.udp {
            // Pending means its waker is set, which is all there is to do.
            let _ = socket.poll_flush(cx, &mut self.own_inputs);
        }
        busy || !self.own_inputs.is_empty()
    }

    fn read_datagrams(&mut self, index: usize) {
        let Some(socket) = self.udp.get_mut(index) else { return };
        let flow = socket.flow;
        if let Err(error) = socket.receive(&mut self.datagrams) {
            self.own_inputs.push_back(Input::Changed { flow, change: lost(&error) });
        }
        while let Some((remote, bytes)) = self.datagrams.pop_front() {
            let path = Path { flow, remote };
            if let Some(router) = &mut self.router {
                let shard = router.shard_of(&bytes);
                if !self.inbox.is_own(shard) {
                    if !self.inbox.hand_over(shard, Input::Received { path, bytes }) {
                        self.meters.congested.increment(1);
                    }
                    continue;
                }
            }
            // Bytes of a flow that the machine has closed meanwhile are nobody's.
            if self.flows.contains_key(&flow) {
                self.meters.received(Transport::Udp, bytes.len());
                if let Some(capture) = &mut self.capture {
                    capture.received(path, &bytes);
                }
                self.machine.receive(self.clock.now(), path, bytes);
                self.carry_out();
            }
        }
    }

    fn poll_listeners(&mut self, cx: &mut Context<'_>) -> bool {
        while let Poll::Ready(Some(ended)) = self.tasks.poll_join_next(cx) {
            if let Err(error) = ended {
                tracing::error!(%error, "a connection's task failed");
            }
        }
        let mut busy = false;
        for listener in &mut self.listeners {
            for _ in 0..BATCH {
                let Poll::Ready((stream, remote)) = listener.poll_accept(cx) else {
                    break;
                };
                busy = true;
                if self.tasks.len() >= self.limits.connections.saturating_add(self.udp.len()) {
                    tracing::warn!(%remote, "connection refused: the limit is reached");
                    refused("limit");
                    continue;
                }
                let Some(slot) = self.sources.admit(remote, self.limits.connections_per_source) else {
                    tracing::debug!(%remote, "connection refused: its source has too many");
                    refused("source");
                    continue;
                };
                let accept = listener.accept.clone();
                self.tasks.spawn(accept.serve(stream, slot, self.inbox.clone(), self.limits.clone()));
            }
        }
        busy
    }

    /// Closes everything in order, by force what does not close in time.
    async fn close(mut self) {
        self.listeners.clear();
        for flow in self.flows.drain().filter(|(_, flow)| flow.up) {
            self.meters.went_down(flow.1.transport);
        }
        self.orders.close();
        while self.orders.try_recv().is_ok() {}
        // Tasks whose connection is no flow yet see that it will never be one.
        self.inputs.close();
        while self.inputs.try_recv().is_ok() {}
        let linger = self.limits.linger;
        let orderly = async {
            let mut nobody = VecDeque::new();
            for mut socket in self.udp.drain(..) {
                poll_fn(|cx| socket.poll_flush(cx, &mut nobody)).await;
            }
            while self.tasks.join_next().await.is_some() {}
        };
        if timeout(linger, orderly).await.is_err() {
            self.tasks.shutdown().await;
        }
    }
}
