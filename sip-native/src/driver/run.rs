//! The task that owns the machine: waits, feeds it, carries out its outputs.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use offhook_core::time::Instant;
use offhook_core::transport::{
    FlowChange, FlowError, FlowErrorKind, FlowId, FlowInfo, Machine, Output, Path, Target, Transport,
};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep_until, timeout};

use super::batch::Datagram;
use super::capture::Recorder;
use super::clock::Clock;
use super::connection::{Link, lost};
use super::datagrams::UdpFlow;
use super::dns::Dns;
use super::handle::Command;
use super::input::Input;
use super::limits::Limits;
use super::listen::Listener;
use super::queue::{self, QueueError};
use super::sample::Sample;
use super::sources::Sources;
use super::tls::Connector;
use super::udp::reachable;
use super::{connect, icmp};
use crate::metrics::{Meters, refused};

/// How much is taken from one source before the others have their turn.
const BATCH: usize = 32;

/// How many turns are taken before other tasks of the runtime have theirs.
const ROUNDS: usize = 16;

/// How many inputs of connections may wait for the machine; their tasks wait beyond that.
const INPUTS: usize = 1024;

/// A machine, everything open for it, and everything that may come in.
pub(super) struct Run<M: Machine, F> {
    machine: M,
    on_event: F,
    clock: Clock,
    limits: Arc<Limits>,
    dns: Dns,
    tls: Connector,
    orders: mpsc::UnboundedReceiver<Command<M>>,
    inputs: mpsc::Receiver<Input>,
    /// Where tasks send their inputs.
    inbox: mpsc::Sender<Input>,
    /// What carrying out an output brought at once.
    own_inputs: VecDeque<Input>,
    flows: HashMap<FlowId, Flow>,
    udp: Vec<UdpFlow>,
    listeners: Vec<Listener>,
    meters: Meters,
    sample: Option<Sample<M>>,
    capture: Option<Recorder>,
    tasks: JoinSet<()>,
    sources: Sources,
    sleep: Option<(Instant, Pin<Box<Sleep>>)>,
    /// Datagrams that were read and not taken in yet.
    datagrams: VecDeque<Datagram>,
    detached: bool,
    stopping: bool,
}

/// A flow that is not over.
struct Flow {
    transport: Transport,
    /// A connection that has come up.
    up: bool,
    way: Way,
}

/// How a flow's bytes get out.
enum Way {
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
    ) -> Run<M, F> {
        let (inbox, inputs) = mpsc::channel(INPUTS);
        Run {
            machine,
            on_event,
            clock: Clock::start(),
            limits,
            dns,
            tls,
            orders,
            inputs,
            inbox,
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

    /// Takes in a socket that the owner asked for.
    pub(super) fn add_udp(&mut self, socket: UdpSocket, local: SocketAddr) {
        let info = FlowInfo { transport: Transport::Udp, local: reachable(local), remote: None };
        let flow = self.machine.flow_opened(self.clock.now(), info);
        self.flows.insert(flow, Flow { transport: Transport::Udp, up: false, way: Way::Udp });
        self.note_opened(flow, Transport::Udp, info.local, None);
        self.insert_udp(flow, socket);
    }

    /// Copies what passes.
    pub(super) fn add_capture(&mut self, capture: Recorder) {
        self.capture = Some(capture);
    }

    fn note_opened(&mut self, flow: FlowId, transport: Transport, local: SocketAddr, remote: Option<SocketAddr>) {
        if let Some(capture) = &mut self.capture {
            capture.opened(flow, transport, local, remote);
        }
    }

    /// Looks at the machine now and again.
    pub(super) fn add_sample(&mut self, sample: Sample<M>) {
        self.sample = Some(sample);
    }

    fn insert_udp(&mut self, flow: FlowId, socket: UdpSocket) {
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
        poll_fn(|cx| self.poll(cx)).await;
        if let Some(sample) = self.sample.take() {
            sample.finish(&self.machine);
        }
        self.close().await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..ROUNDS {
            let mut busy = self.poll_orders(cx);
            busy |= self.poll_inputs(cx);
            busy |= self.poll_machine(cx);
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
                self.flows.insert(flow, Flow { transport: info.transport, up: true, way: Way::Connection(queue) });
                self.meters.came_up(info.transport, true);
                self.note_opened(flow, info.transport, info.local, info.remote);
                // Its task is there, or the flow will be found gone when something is sent.
                let _ = answer.send(flow);
            }
            Input::Bound { flow, socket, local, remote } => {
                if let Some(Flow { way: way @ Way::Binding, .. }) = self.flows.get_mut(&flow) {
                    *way = Way::Udp;
                    self.note_opened(flow, Transport::Udp, local, None);
                    self.insert_udp(flow, socket);
                    self.machine.flow_changed(now, flow, FlowChange::Connected { local, remote });
                }
            }
            Input::Undelivered { path, quoted, error } => {
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

    /// The machine's own inbox and timers.
    fn poll_machine(&mut self, cx: &mut Context<'_>) -> bool {
        let mut busy = false;
        if self.machine.poll_inbox(cx, self.clock.now()).is_ready() {
            self.carry_out();
            busy = true;
        }
        let Some(at) = self.machine.poll_timeout() else {
            self.sleep = None;
            return busy;
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
                return busy;
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

    /// Carries out everything the machine wants.
    fn carry_out(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Transmit { path, bytes } => self.transmit(path, bytes),
                Output::OpenFlow { flow, target } => self.open(flow, target),
                Output::CloseFlow { flow } => {
                    self.forget(flow);
                }
                Output::Resolve { query, name } => {
                    let (dns, within) = (self.dns.clone(), self.limits.connect);
                    self.ask(async move { Input::Resolved { query, result: dns.addresses(&name, within).await } });
                }
                Output::Lookup { query, name, kind } => {
                    let (dns, within) = (self.dns.clone(), self.limits.connect);
                    self.ask(async move { Input::LookedUp { query, result: dns.records(&name, kind, within).await } });
                }
                Output::Event(event) => (self.on_event)(event),
                other => {
                    tracing::error!(output = ?std::mem::discriminant(&other), "this driver is too old for an output")
                }
            }
        }
    }

    /// Waits for an answer beside everything else.
    fn ask(&mut self, answer: impl Future<Output = Input> + Send + 'static) {
        let inbox = self.inbox.clone();
        self.tasks.spawn(async move {
            let input = tokio::select! {
                input = answer => input,
                () = inbox.closed() => return,
            };
            // Nobody is left to hear it if the driver has stopped.
            let _ = inbox.send(input).await;
        });
    }

    fn transmit(&mut self, path: Path, bytes: Bytes) {
        let length = bytes.len();
        let Some(Flow { transport, way, .. }) = self.flows.get(&path.flow) else { return };
        let transport = *transport;
        if let Some(capture) = &mut self.capture {
            capture.sent(path, &bytes);
        }
        match way {
            Way::Connection(queue) => match queue.send(bytes) {
                Ok(()) => self.meters.sent(transport, length),
                Err(QueueError::Gone) => self.lose(path.flow, "the connection is gone"),
                Err(QueueError::Full) => self.lose(path.flow, "the peer does not read what is sent"),
            },
            Way::Udp => {
                if let Some(socket) = self.udp.iter_mut().find(|socket| socket.flow == path.flow) {
                    self.meters.sent(transport, length);
                    socket.send(path.remote, bytes, self.limits.queue, &self.meters, &mut self.own_inputs);
                }
            }
            Way::Binding | Way::Lost => {
                tracing::debug!(flow = path.flow.number(), "nothing is sent on a flow that is not open");
            }
        }
    }

    /// Drops a connection at once and tells the machine.
    fn lose(&mut self, flow: FlowId, words: &str) {
        if let Some(entry) = self.flows.get_mut(&flow)
            && let Way::Connection(queue) = std::mem::replace(&mut entry.way, Way::Lost)
        {
            queue.reset();
        }
        let change = FlowChange::Failed(FlowError::new(FlowErrorKind::Lost, words));
        self.own_inputs.push_back(Input::Changed { flow, change });
    }

    fn open(&mut self, flow: FlowId, target: Target) {
        let (inbox, limits) = (self.inbox.clone(), self.limits.clone());
        if target.transport == Transport::Udp {
            self.flows.insert(flow, Flow { transport: target.transport, up: false, way: Way::Binding });
            self.tasks.spawn(connect::bind(target, flow, inbox, limits, self.dns.clone()));
            return;
        }
        let (sender, queue) = queue::queue(limits.queue);
        self.flows.insert(flow, Flow { transport: target.transport, up: false, way: Way::Connection(sender) });
        let remote = target.addr.unwrap_or(Path::UNKNOWN);
        let link = Link { flow, remote, queue, inputs: inbox, limits };
        self.tasks.spawn(connect::open(target, link, self.dns.clone(), self.tls.clone()));
    }

    /// Forgets a flow; its connection closes after what waits was sent. Whether it was known.
    fn forget(&mut self, flow: FlowId) -> bool {
        if let Some(capture) = &mut self.capture {
            capture.closed(flow);
        }
        if let Some(at) = self.udp.iter().position(|socket| socket.flow == flow) {
            // What was sent before leaves before; nobody hears of failures any more.
            self.udp.remove(at).flush(&mut VecDeque::new());
        }
        let Some(flow) = self.flows.remove(&flow) else { return false };
        if flow.up {
            self.meters.went_down(flow.transport);
        }
        true
    }

    /// A flow asked for is there. Whether it is still wanted.
    fn came_up(&mut self, id: FlowId, local: SocketAddr, remote: SocketAddr) -> bool {
        let Some(flow) = self.flows.get_mut(&id) else { return false };
        let transport = flow.transport;
        if transport.is_reliable() {
            flow.up = true;
            self.meters.came_up(transport, false);
            self.note_opened(id, transport, local, Some(remote));
        }
        true
    }

    /// A flow failed, or its peer closed it. Whether it was known.
    fn ended(&mut self, id: FlowId, reason: Option<FlowErrorKind>) -> bool {
        if let Some(flow) = self.flows.get(&id) {
            self.meters.failed(flow.transport, flow.up, reason);
        }
        self.forget(id)
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
