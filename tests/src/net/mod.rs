//! A simulated network in virtual time, for any number of [`Machine`]s of any event types.
//!
//! Every datagram, connection, name lookup and timer happens at an exact millisecond; chance comes from the seed, so the
//! same seed and the same calls give the same trace. Nothing sleeps and no clock is read.
//!
//! ```
//! # use offhook_tests::net::{Conditions, Network, echo::Echo};
//! let mut net = Network::new(7, Conditions::default()); // 10 ms each way, no faults
//! let alice = net.add("alice", Echo::new("hello"));
//! let bob = net.add("bob", Echo::new("hello yourself"));
//! net.bind_udp(alice, 5060);
//! net.bind_udp(bob, 5060);
//! let to = net.address(bob, 5060);
//! net.with(alice, |echo, now| echo.say(now, to));
//! net.run_until_idle();
//! assert_eq!(net.now().as_millis(), 20);
//! assert_eq!(net.events(alice).len(), 1);
//! ```
//!
//! What it does not do: bandwidth, congestion, MTU, TLS (a TLS connection is one that says it is).

mod answerer;
mod conditions;
pub mod echo;
mod host;
mod queue;
mod resolver;
mod rng;
mod run;
mod trace;
mod wire;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use offhook_core::time::Instant;
use offhook_core::transport::{FlowId, FlowInfo, Machine, Record, Transport};

pub use answerer::Answerer;
pub use conditions::Conditions;
pub use host::{Node, NodeId};
pub use resolver::Answer;
pub use rng::Rng;
pub use trace::{Fate, Hop, What, label};

use conditions::Links;
use host::{Flag, Host, Kept, Socket};
use queue::Queue;
use resolver::Resolver;
use trace::Trace;
use wire::Connection;

/// The network, its nodes and its clock.
pub struct Network {
    now: Instant,
    rng: Rng,
    links: Links,
    hosts: Vec<Host>,
    connections: Vec<Connection>,
    /// When the latest datagram between two nodes arrives that is not held back.
    latest: BTreeMap<(NodeId, NodeId), Instant>,
    /// How many copies of a datagram were lost, where that is bounded.
    lost: BTreeMap<(NodeId, NodeId, Bytes), u8>,
    queue: Queue,
    resolver: Resolver,
    connect_timeout: Duration,
    trace: Trace,
    /// How much happened at the present millisecond.
    spins: usize,
    meddler: Option<Meddler>,
}

type Meddler = Box<dyn FnMut(&Packet<'_>) -> Verdict>;

/// A message about to be sent, as a test sees it that wants to interfere.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// When it is sent.
    pub sent: Instant,
    /// By whom.
    pub from: NodeId,
    /// To whom.
    pub to: NodeId,
    /// How.
    pub transport: Transport,
    /// The message.
    pub bytes: &'a Bytes,
}

impl Packet<'_> {
    /// A few words: see [`label`].
    pub fn label(&self) -> String {
        label(self.bytes)
    }
}

/// What happens to a [`Packet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// What the conditions of the link say.
    Pass,
    /// It is lost. A connection repairs that, after [`Conditions::RECOVERY`].
    Lose,
    /// It takes this much longer; later datagrams may overtake it.
    Delay(Duration),
    /// It arrives twice at the same time (on a connection: once).
    Twice,
}

impl Network {
    /// An empty network at time zero.
    pub fn new(seed: u64, conditions: Conditions) -> Network {
        Network {
            now: Instant::from_millis(0),
            rng: Rng::new(seed),
            links: Links::new(conditions),
            hosts: Vec::new(),
            connections: Vec::new(),
            latest: BTreeMap::new(),
            lost: BTreeMap::new(),
            queue: Queue::default(),
            resolver: Resolver::new(),
            connect_timeout: Duration::from_secs(20),
            trace: Trace::default(),
            spins: 0,
            meddler: None,
        }
    }

    // ---- nodes

    /// Adds a node at the next address of 10.0.0.0/8. It has no socket yet; its name resolves to its address.
    pub fn add<M: Machine + 'static>(&mut self, name: &str, machine: M) -> Node<M>
    where
        M::Event: 'static,
    {
        let number = u32::try_from(self.hosts.len() + 1).expect("nodes of a test are few");
        let address = Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() + number);
        self.add_at(name, IpAddr::V4(address), machine)
    }

    /// Adds a node at this address, which no other has.
    pub fn add_at<M: Machine + 'static>(&mut self, name: &str, address: IpAddr, machine: M) -> Node<M>
    where
        M::Event: 'static,
    {
        assert!(self.hosts.iter().all(|host| host.address != address), "{address} is taken");
        let id = NodeId(self.hosts.len());
        self.resolver.set(name, Answer::Addresses(vec![address]));
        self.hosts.push(Host {
            name: name.into(),
            address,
            public: None,
            browser: false,
            machine: Box::new(Kept { machine, events: Vec::new() }),
            sockets: Default::default(),
            listening: Vec::new(),
            opened: Vec::new(),
            next_port: 40_000,
            timeout: None,
            waker: Flag::up(),
            stopped: false,
        });
        self.drain(id);
        Node::new(id)
    }

    /// The address of a node, with a port.
    pub fn address(&self, node: impl Into<NodeId>, port: u16) -> SocketAddr {
        SocketAddr::new(self.host(node.into()).address, port)
    }

    /// The node's name.
    pub fn name(&self, node: impl Into<NodeId>) -> &str {
        &self.host(node.into()).name
    }

    /// Binds a UDP port and tells the machine.
    pub fn bind_udp(&mut self, node: impl Into<NodeId>, port: u16) -> FlowId {
        let node = node.into();
        let local = self.address(node, port);
        assert!(self.host(node).udp(port).is_none(), "{local} is bound");
        let info = FlowInfo { transport: Transport::Udp, local, remote: None };
        let now = self.now;
        let host = &mut self.hosts[node.0];
        let flow = host.machine.flow_opened(now, info);
        host.sockets.insert(flow, Socket::Udp(local));
        self.drain(node);
        flow
    }

    /// Accepts connections on a port from now on.
    pub fn listen(&mut self, node: impl Into<NodeId>, transport: Transport, port: u16) {
        assert!(transport.is_reliable(), "datagrams are bound, not listened for");
        self.hosts[node.into().0].listening.push((transport, port));
    }

    /// Accepts no more connections on a port; those that are up stay.
    pub fn stop_listening(&mut self, node: impl Into<NodeId>, transport: Transport, port: u16) {
        self.hosts[node.into().0].listening.retain(|entry| *entry != (transport, port));
    }

    /// The node's runtime is a browser: it tells the machine no addresses, only that a connection is up.
    pub fn is_browser(&mut self, node: impl Into<NodeId>) {
        self.hosts[node.into().0].browser = true;
    }

    /// Puts the node behind a NAT: others see `public` and a port 10 000 higher, and reach a UDP port of the node only
    /// once it has sent something.
    pub fn behind_nat(&mut self, node: impl Into<NodeId>, public: IpAddr) {
        self.hosts[node.into().0].public = Some(public);
    }

    /// Calls into a machine at the present time, then carries out what it wants.
    pub fn with<M, R>(&mut self, node: Node<M>, act: impl FnOnce(&mut M, Instant) -> R) -> R
    where
        M: Machine + 'static,
        M::Event: 'static,
    {
        let now = self.now;
        let result = act(&mut self.kept_mut(node).machine, now);
        self.drain(node.id());
        result
    }

    /// The machine, to look at.
    pub fn machine<M: Machine + 'static>(&self, node: Node<M>) -> &M
    where
        M::Event: 'static,
    {
        &self.kept(node).machine
    }

    /// The machine, to set something up that has no outputs; [`with`](Network::with) carries out outputs.
    pub fn machine_mut<M: Machine + 'static>(&mut self, node: Node<M>) -> &mut M
    where
        M::Event: 'static,
    {
        &mut self.kept_mut(node).machine
    }

    /// The events of a node so far, with their times.
    pub fn events<M: Machine + 'static>(&self, node: Node<M>) -> &[(Instant, M::Event)]
    where
        M::Event: 'static,
    {
        &self.kept(node).events
    }

    /// Takes the events of a node out.
    pub fn take_events<M: Machine + 'static>(&mut self, node: Node<M>) -> Vec<(Instant, M::Event)>
    where
        M::Event: 'static,
    {
        std::mem::take(&mut self.kept_mut(node).events)
    }

    /// The node's connections that are up or being opened, oldest first.
    pub fn connections(&self, node: impl Into<NodeId>) -> Vec<FlowId> {
        let sockets = self.host(node.into()).sockets.iter();
        sockets.filter(|(_, socket)| matches!(socket, Socket::End(..))).map(|(flow, _)| *flow).collect()
    }

    /// Whether the machine said it is finished, or the test stopped it.
    pub fn is_stopped(&self, node: impl Into<NodeId>) -> bool {
        self.host(node.into()).stopped
    }

    // ---- the network's faults

    /// Changes the conditions of all links; those set for single links are forgotten.
    pub fn set_conditions(&mut self, conditions: Conditions) {
        self.links.set_common(conditions);
    }

    /// The conditions between two nodes, both ways.
    pub fn set_link(&mut self, a: impl Into<NodeId>, b: impl Into<NodeId>, conditions: Conditions) {
        let (a, b) = (a.into(), b.into());
        self.links.set(a, b, conditions);
        self.links.set(b, a, conditions);
    }

    /// The conditions from one node to another.
    pub fn set_link_one_way(&mut self, from: impl Into<NodeId>, to: impl Into<NodeId>, conditions: Conditions) {
        self.links.set(from.into(), to.into(), conditions);
    }

    /// Cuts two nodes off from each other: datagrams are lost, connections stand still.
    pub fn cut(&mut self, a: impl Into<NodeId>, b: impl Into<NodeId>) {
        let (a, b) = (a.into(), b.into());
        self.links.cut(a, b);
        self.links.cut(b, a);
    }

    /// Undoes [`cut`](Network::cut): what stood still on connections moves on.
    pub fn heal(&mut self, a: impl Into<NodeId>, b: impl Into<NodeId>) {
        let (a, b) = (a.into(), b.into());
        self.links.heal(a, b);
        self.links.heal(b, a);
        self.release(a, b);
    }

    /// Cuts a node off from all others.
    pub fn isolate(&mut self, node: impl Into<NodeId>) {
        let node = node.into();
        self.others(node).for_each(|other| self.cut(node, other));
    }

    /// Undoes [`isolate`](Network::isolate), and any cut with this node.
    pub fn rejoin(&mut self, node: impl Into<NodeId>) {
        let node = node.into();
        self.others(node).for_each(|other| self.heal(node, other));
    }

    /// Asks `meddler` about every message from now on, before chance has its turn.
    pub fn interfere(&mut self, meddler: impl FnMut(&Packet<'_>) -> Verdict + 'static) {
        self.meddler = Some(Box::new(meddler));
    }

    /// Loses the next `times` messages that `which` says yes to.
    pub fn lose(&mut self, mut times: usize, mut which: impl FnMut(&Packet<'_>) -> bool + 'static) {
        self.interfere(move |packet| {
            if times > 0 && which(packet) {
                times -= 1;
                return Verdict::Lose;
            }
            Verdict::Pass
        });
    }

    /// Puts records into the domain name system.
    pub fn publish(&mut self, name: &str, records: Vec<Record>) {
        self.resolver.publish(name, records);
    }

    /// What the resolver says of a name.
    pub fn set_name(&mut self, name: &str, answer: Answer) {
        self.resolver.set(name, answer);
    }

    /// How long until a connection that gets no answer is given up; 20 s unless told.
    pub fn set_connect_timeout(&mut self, timeout: Duration) {
        self.connect_timeout = timeout;
    }

    // ---- looking at it

    /// The present time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The network's own randomness, for tests that need some.
    pub fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    /// Everything sent so far, in the order of sending.
    pub fn trace(&self) -> &[Hop] {
        self.trace.hops()
    }

    /// The messages (no openings and closings) one node sent to another: when and what, by [`label`].
    pub fn sent(&self, from: impl Into<NodeId>, to: impl Into<NodeId>) -> Vec<(u64, String)> {
        let (from, to) = (from.into(), to.into());
        let hops =
            self.trace.hops().iter().filter(|hop| hop.from == from && hop.to == Some(to) && hop.bytes().is_some());
        hops.map(|hop| (hop.sent.as_millis(), hop.label())).collect()
    }

    /// Forgets what was sent so far, so that a ladder shows only what comes.
    pub fn clear_trace(&mut self) {
        self.trace.clear();
    }

    /// The trace as a ladder, one column a node, one line a message.
    pub fn ladder(&self) -> String {
        let names: Vec<&str> = self.hosts.iter().map(|host| &*host.name).collect();
        trace::ladder(&names, self.trace.hops())
    }

    fn others(&self, node: NodeId) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.hosts.len()).map(NodeId).filter(move |other| *other != node)
    }

    fn host(&self, node: NodeId) -> &Host {
        &self.hosts[node.0]
    }

    fn kept<M: Machine + 'static>(&self, node: Node<M>) -> &Kept<M>
    where
        M::Event: 'static,
    {
        let any = self.host(node.id()).machine.as_any();
        any.downcast_ref().expect("a node of this network: its handle knows the machine's type")
    }

    fn kept_mut<M: Machine + 'static>(&mut self, node: Node<M>) -> &mut Kept<M>
    where
        M::Event: 'static,
    {
        let any = self.hosts[node.id().0].machine.as_any_mut();
        any.downcast_mut().expect("a node of this network: its handle knows the machine's type")
    }
}
