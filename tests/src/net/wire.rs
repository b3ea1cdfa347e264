//! Carries out what machines want, and what is on its way.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use offhook_core::time::Instant;
use offhook_core::transport::{
    FlowChange, FlowError, FlowErrorKind, FlowId, FlowInfo, Output, Path, Target, Transport,
};

use super::host::{AnyMachine, Socket};
use super::queue::{Arrival, Item};
use super::{Conditions, Fate, Hop, Network, NodeId, Packet, Verdict, What};

/// What the port of a node behind a NAT is raised by.
const NAT_SHIFT: u16 = 10_000;

/// A connection: end 0 asked for it, end 1 accepts it.
#[derive(Debug)]
pub(super) struct Connection {
    transport: Transport,
    ends: [End; 2],
}

#[derive(Debug)]
struct End {
    node: NodeId,
    /// The flow's id at this end; none once it is closed there, or not accepted yet.
    flow: Option<FlowId>,
    /// The address the node itself knows.
    local: SocketAddr,
    /// The address the other end sees.
    seen: SocketAddr,
    /// When the latest thing for this end arrives: nothing overtakes it.
    latest: Instant,
    /// What waits for the cut between the two to heal.
    held: Vec<Item>,
}

/// What becomes of a message on its way.
struct Journey {
    fate: Fate,
    delay: Duration,
    /// How much later than the first the copy comes.
    copy: Option<Duration>,
}

impl Network {
    /// Carries out everything a machine wants: the rule every driver follows after each call.
    pub(super) fn drain(&mut self, node: NodeId) {
        let now = self.now;
        while let Some(output) = self.hosts[node.0].machine.poll_output(now) {
            if !self.hosts[node.0].stopped {
                self.carry_out(node, output);
            }
        }
        let host = &mut self.hosts[node.0];
        if !host.stopped {
            host.timeout = host.machine.poll_timeout();
            if host.machine.is_finished() {
                self.stop(node);
            }
        }
    }

    fn carry_out(&mut self, node: NodeId, output: Output<Infallible>) {
        match output {
            Output::Transmit { path, bytes } => match self.hosts[node.0].sockets.get(&path.flow).copied() {
                Some(Socket::Udp(local)) => self.send_datagram(node, local, path.remote, bytes),
                Some(Socket::End(connection, end)) => self.send_stream(connection, end, bytes),
                None => {} // the flow broke in the same moment; the machine hears of it
            },
            Output::OpenFlow { flow, target } => self.open(node, flow, &target),
            Output::CloseFlow { flow } => self.close(node, flow),
            Output::Resolve { query, name } => {
                if let Some(result) = self.resolver.ask(&name) {
                    let at = self.now + self.resolver.latency;
                    self.queue.push(at, Arrival::Resolved { node, query, result });
                }
            }
            Output::Lookup { query, name, kind } => {
                if let Some(result) = self.resolver.look_up(&name, kind) {
                    // Where no test has put a record there is no zone to ask.
                    let latency = if self.resolver.has_records() { self.resolver.latency } else { Duration::ZERO };
                    self.queue.push(self.now + latency, Arrival::LookedUp { node, query, result });
                }
            }
            _ => unreachable!("events are kept apart, and the network knows the rest"),
        }
    }

    // ---- datagrams

    fn send_datagram(&mut self, from: NodeId, local: SocketAddr, remote: SocketAddr, bytes: Bytes) {
        let host = &mut self.hosts[from.0];
        if !host.opened.contains(&local.port()) {
            host.opened.push(local.port());
        }
        let source = host.public.map_or(local, |public| behind(public, local.port()));
        let found = self.find(remote).map(|(to, port)| (to, port, self.judge(from, to, Transport::Udp, &bytes)));
        let mut hop = Hop {
            sent: self.now,
            arrives: None,
            from,
            to: None,
            transport: Transport::Udp,
            what: What::Bytes(bytes.clone()),
            fate: Fate::Nobody,
        };
        let Some((to, port, journey)) = found else {
            self.trace.push(hop);
            return;
        };
        let at = self.now + journey.delay;
        hop.to = Some(to);
        hop.fate = journey.fate;
        hop.arrives = matches!(hop.fate, Fate::Arrives | Fate::Twice).then_some(at);
        let arrives = hop.arrives.is_some();
        let hop = self.trace.push(hop);
        if arrives {
            if let Some(later) = journey.copy {
                let bytes = bytes.clone();
                self.queue.push(at + later, Arrival::Datagram { from, to, source, port, bytes, hop });
            }
            self.queue.push(at, Arrival::Datagram { from, to, source, port, bytes, hop });
        }
    }

    /// The node an address belongs to, and the port there.
    fn find(&self, address: SocketAddr) -> Option<(NodeId, u16)> {
        for (index, host) in self.hosts.iter().enumerate() {
            if host.public == Some(address.ip()) {
                return address.port().checked_sub(NAT_SHIFT).map(|port| (NodeId(index), port));
            }
            if host.public.is_none() && host.address == address.ip() {
                return Some((NodeId(index), address.port()));
            }
        }
        None
    }

    fn judge(&mut self, from: NodeId, to: NodeId, transport: Transport, bytes: &Bytes) -> Journey {
        let link = self.links.between(from, to);
        let mut journey =
            Journey { fate: Fate::Arrives, delay: link.latency + self.rng.up_to(link.jitter), copy: None };
        let packet = Packet { sent: self.now, from, to, transport, bytes };
        let meddler = self.meddler.as_mut().filter(|_| !bytes.is_empty());
        let verdict = meddler.map_or(Verdict::Pass, |meddler| meddler(&packet));
        if transport.is_reliable() {
            // A connection repairs losses and sorts what comes: all that is left is delay.
            match verdict {
                Verdict::Lose => journey.delay += Conditions::RECOVERY,
                Verdict::Delay(more) => journey.delay += more,
                _ => {}
            }
            while self.rng.chance(link.loss.min(900)) {
                journey.delay += Conditions::RECOVERY;
            }
            return journey;
        }
        let held_back = self.rng.chance(link.reordering);
        let more = if held_back { self.rng.up_to(link.reorder_by) } else { Duration::ZERO };
        let lost = self.rng.chance(link.loss) && self.may_lose(from, to, bytes, link.streak);
        let twice = self.rng.chance(link.duplication);
        let by = if twice { self.rng.up_to(link.reorder_by) } else { Duration::ZERO };
        journey.copy = twice.then_some(by);
        if !held_back {
            // Jitter alone does not let one overtake another.
            let at = self.now + journey.delay;
            let latest = self.latest.entry((from, to)).or_insert(at);
            *latest = at.max(*latest);
            journey.delay = latest.since(self.now);
        }
        journey.delay += more;
        match verdict {
            Verdict::Pass => {}
            Verdict::Lose => journey.fate = Fate::Lost,
            Verdict::Delay(more) => journey.delay += more,
            Verdict::Twice => journey.copy = Some(journey.copy.unwrap_or(Duration::ZERO)),
        }
        if lost {
            journey.fate = Fate::Lost;
        }
        if self.links.is_cut(from, to) {
            journey.fate = Fate::Cut;
        }
        if journey.fate == Fate::Arrives && journey.copy.is_some() {
            journey.fate = Fate::Twice;
        }
        journey
    }

    /// Whether one more copy of this datagram may be lost.
    fn may_lose(&mut self, from: NodeId, to: NodeId, bytes: &Bytes, streak: u8) -> bool {
        if streak == 0 {
            return true;
        }
        let lost = self.lost.entry((from, to, bytes.clone())).or_default();
        *lost = if *lost < streak { *lost + 1 } else { 0 };
        *lost > 0
    }

    // ---- connections

    fn open(&mut self, from: NodeId, flow: FlowId, target: &Target) {
        let connection = self.connections.len();
        let host = &mut self.hosts[from.0];
        let local = SocketAddr::new(host.address, host.next_port);
        host.next_port += 1;
        let seen = host.public.map_or(local, |public| behind(public, local.port()));
        host.sockets.insert(flow, Socket::End(connection, 0));
        let remote = target.addr.or_else(|| Some(SocketAddr::new(self.resolver.first(&target.host)?, target.port)));
        let to = remote.and_then(|remote| self.find(remote)).map(|(to, _)| to);
        let transport = target.transport;
        let end = |node, flow, local, seen| End { node, flow, local, seen, latest: self.now, held: Vec::new() };
        let there = remote.unwrap_or(Path::UNKNOWN);
        let ends = [end(from, Some(flow), local, seen), end(to.unwrap_or(from), None, there, there)];
        self.connections.push(Connection { transport, ends });
        let delay = to.map_or(Duration::ZERO, |to| self.judge(from, to, transport, &Bytes::new()).delay);
        let cut = to.is_some_and(|to| self.links.is_cut(from, to));
        let arrives = (to.is_some() && !cut).then(|| self.now + delay);
        let fate = if cut {
            Fate::Cut
        } else if to.is_some() {
            Fate::Arrives
        } else {
            Fate::Nobody
        };
        self.trace.push(Hop { sent: self.now, arrives, from, to, transport, what: What::Open, fate });
        let failure = match (remote, arrives) {
            (_, Some(at)) => return self.queue.push(at, Arrival::Knock { connection }),
            (None, _) => (self.resolver.latency, FlowErrorKind::Unresolved, "the host name has no address"),
            (Some(_), None) => (self.connect_timeout, FlowErrorKind::Timeout, "no answer"),
        };
        let item = Item::Change(FlowChange::Failed(FlowError::new(failure.1, failure.2)));
        self.queue.push(self.now + failure.0, Arrival::Stream { connection, end: 0, item });
    }

    /// The wish for a connection arrived.
    fn knock(&mut self, connection: usize) {
        let Connection { transport, ends: [asks, accepts] } = &self.connections[connection];
        let (transport, from, to) = (*transport, asks.node, accepts.node);
        let (local, seen) = (accepts.local, asks.seen);
        if asks.flow.is_none() {
            return; // closed meanwhile
        }
        if self.links.is_cut(from, to) {
            let item = Item::Change(FlowChange::Failed(FlowError::new(FlowErrorKind::Timeout, "no answer")));
            let at = self.now + self.connect_timeout;
            return self.queue.push(at, Arrival::Stream { connection, end: 0, item });
        }
        let host = &self.hosts[to.0];
        if host.stopped || !host.listening.contains(&(transport, local.port())) {
            self.note(to, from, transport, What::Refuse);
            let error = FlowError::new(FlowErrorKind::Refused, "nobody listens there");
            return self.tell(connection, 0, Item::Change(FlowChange::Failed(error)));
        }
        let browser = self.hosts[from.0].browser;
        let (mine, theirs) =
            if browser { (Path::UNKNOWN, Path::UNKNOWN) } else { (self.connections[connection].ends[0].local, local) };
        self.tell(connection, 0, Item::Change(FlowChange::Connected { local: mine, remote: theirs }));
        let local = SocketAddr::new(self.hosts[to.0].address, local.port());
        let now = self.now;
        let flow = self.hosts[to.0].machine.flow_opened(now, FlowInfo { transport, local, remote: Some(seen) });
        self.hosts[to.0].sockets.insert(flow, Socket::End(connection, 1));
        self.connections[connection].ends[1].flow = Some(flow);
        self.drain(to);
    }

    fn send_stream(&mut self, connection: usize, end: usize, bytes: Bytes) {
        let Connection { transport, ends } = &self.connections[connection];
        let (transport, from, to) = (*transport, ends[end].node, ends[1 - end].node);
        let open = ends[1 - end].flow.is_some();
        let at = self.when(connection, 1 - end, &bytes);
        let (what, fate) = (What::Bytes(bytes.clone()), if open { Fate::Arrives } else { Fate::Nobody });
        let arrives = open.then_some(at);
        self.trace.push(Hop { sent: self.now, arrives, from, to: Some(to), transport, what, fate });
        let segment = self.links.between(from, to).segment;
        let piece = if transport.is_stream() && segment > 0 { segment } else { bytes.len().max(1) };
        let mut rest = bytes;
        while !rest.is_empty() {
            let item = Item::Data(rest.split_to(piece.min(rest.len())));
            self.queue.push(at, Arrival::Stream { connection, end: 1 - end, item });
        }
    }

    /// Something else than bytes for one end, after what was sent to it before.
    fn tell(&mut self, connection: usize, end: usize, item: Item) {
        let at = self.when(connection, end, &Bytes::new());
        self.queue.push(at, Arrival::Stream { connection, end, item });
    }

    /// When something sent now to this end arrives.
    fn when(&mut self, connection: usize, end: usize, bytes: &Bytes) -> Instant {
        let Connection { transport, ends } = &self.connections[connection];
        let journey = self.judge(ends[1 - end].node, ends[end].node, *transport, bytes);
        let at = self.now + journey.delay;
        let end = &mut self.connections[connection].ends[end];
        end.latest = end.latest.max(at);
        end.latest
    }

    fn note(&mut self, from: NodeId, to: NodeId, transport: Transport, what: What) {
        let (sent, to, fate) = (self.now, Some(to), Fate::Arrives);
        self.trace.push(Hop { sent, arrives: None, from, to, transport, what, fate });
    }

    pub(super) fn close(&mut self, node: NodeId, flow: FlowId) {
        if let Some(Socket::End(connection, end)) = self.hosts[node.0].sockets.remove(&flow) {
            let Connection { transport, ends } = &mut self.connections[connection];
            ends[end].flow = None;
            let (transport, peer) = (*transport, ends[1 - end].node);
            if ends[1 - end].flow.is_some() {
                self.note(node, peer, transport, What::Close);
                self.tell(connection, 1 - end, Item::Change(FlowChange::Closed));
            }
        }
    }

    /// Breaks a connection: both sides hear of it now.
    pub fn break_connection(&mut self, node: impl Into<NodeId>, flow: FlowId) {
        self.break_ends(node.into(), flow, true);
    }

    /// Breaks a connection for this node alone: the other side believes in it, and what it sends leads nowhere.
    pub fn break_one_side(&mut self, node: impl Into<NodeId>, flow: FlowId) {
        self.break_ends(node.into(), flow, false);
    }

    fn break_ends(&mut self, node: NodeId, flow: FlowId, both: bool) {
        let Some(Socket::End(connection, end)) = self.hosts[node.0].sockets.get(&flow).copied() else {
            panic!("{} has no such connection", self.name(node));
        };
        let Connection { transport, ends } = &self.connections[connection];
        let (transport, peer) = (*transport, ends[1 - end].node);
        self.note(node, peer, transport, What::Break);
        let failed = || Item::Change(FlowChange::Failed(FlowError::new(FlowErrorKind::Lost, "connection reset")));
        self.stream_arrives(connection, end, failed());
        if both {
            self.stream_arrives(connection, 1 - end, failed());
        }
    }

    /// Stops a node as a crash of its process would: its connections close, its ports are free, it is never called
    /// again.
    pub fn stop(&mut self, node: impl Into<NodeId>) {
        let node = node.into();
        self.hosts[node.0].stopped = true;
        self.hosts[node.0].timeout = None;
        let flows: Vec<FlowId> = self.hosts[node.0].sockets.keys().copied().collect();
        for flow in flows {
            self.close(node, flow);
        }
    }

    /// What stood still between two nodes moves on.
    pub(super) fn release(&mut self, a: NodeId, b: NodeId) {
        for connection in 0..self.connections.len() {
            for end in 0..2 {
                let ends = &mut self.connections[connection].ends;
                let between = (ends[end].node, ends[1 - end].node);
                if (between == (a, b) || between == (b, a)) && !ends[end].held.is_empty() {
                    let at = self.when(connection, end, &Bytes::new());
                    self.queue.push(at, Arrival::Release { connection, end });
                }
            }
        }
    }

    // ---- arrivals

    pub(super) fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Datagram { from, to, source, port, bytes, hop } => {
                let host = &self.hosts[to.0];
                let flow = host.udp(port).filter(|_| host.public.is_none() || host.opened.contains(&port));
                if self.links.is_cut(from, to) {
                    return self.trace.undo(hop, Fate::Cut);
                }
                let Some(flow) = flow else { return self.trace.undo(hop, Fate::Nobody) };
                let now = self.now;
                self.hosts[to.0].machine.receive(now, Path { flow, remote: source }, bytes);
                self.drain(to);
            }
            Arrival::Knock { connection } => self.knock(connection),
            Arrival::Stream { connection, end, item } => {
                let ends = &mut self.connections[connection].ends;
                let (from, to) = (ends[1 - end].node, ends[end].node);
                let local = matches!(&item, Item::Change(FlowChange::Failed(_)));
                if !local && (self.links.is_cut(from, to) || !ends[end].held.is_empty()) {
                    return ends[end].held.push(item);
                }
                self.stream_arrives(connection, end, item);
            }
            Arrival::Release { connection, end } => {
                let ends = &mut self.connections[connection].ends;
                let (from, to) = (ends[1 - end].node, ends[end].node);
                if !self.links.is_cut(from, to) {
                    for item in std::mem::take(&mut ends[end].held) {
                        self.stream_arrives(connection, end, item);
                    }
                }
            }
            Arrival::Resolved { node, query, result } => {
                self.answer(node, |machine, now| machine.resolved(now, query, result));
            }
            Arrival::LookedUp { node, query, result } => {
                self.answer(node, |machine, now| machine.looked_up(now, query, result));
            }
        }
    }

    fn stream_arrives(&mut self, connection: usize, end: usize, item: Item) {
        let End { node, flow, .. } = self.connections[connection].ends[end];
        let Some(flow) = flow else { return };
        let remote = self.connections[connection].ends[1 - end].seen;
        let now = self.now;
        match item {
            Item::Data(bytes) => {
                let browser = self.hosts[node.0].browser;
                let remote = if browser { Path::UNKNOWN } else { remote };
                self.hosts[node.0].machine.receive(now, Path { flow, remote }, bytes);
            }
            Item::Change(change) => {
                if !matches!(change, FlowChange::Connected { .. }) {
                    self.connections[connection].ends[end].flow = None;
                    self.hosts[node.0].sockets.remove(&flow);
                }
                self.hosts[node.0].machine.flow_changed(now, flow, change);
            }
        }
        self.drain(node);
    }

    fn answer(&mut self, node: NodeId, give: impl FnOnce(&mut dyn AnyMachine, Instant)) {
        if !self.hosts[node.0].stopped {
            let now = self.now;
            give(&mut *self.hosts[node.0].machine, now);
            self.drain(node);
        }
    }
}

fn behind(public: std::net::IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(public, port.checked_add(NAT_SHIFT).expect("ports behind a NAT stay below 55536"))
}
