//! One node of the network: a machine of any event type, its sockets and its events.

use std::any::Any;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use offhook_core::time::Instant;
use offhook_core::transport::{
    FlowChange, FlowError, FlowId, FlowInfo, Machine, Output, Path, QueryId, Record, Transport,
};

/// Names a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) usize);

/// Names a node and knows what machine it runs, so that [`Network::with`](super::Network::with) hands out the machine
/// itself.
#[derive(Debug)]
pub struct Node<M> {
    id: NodeId,
    machine: PhantomData<fn() -> M>,
}

impl<M> Node<M> {
    pub(super) fn new(id: NodeId) -> Node<M> {
        Node { id, machine: PhantomData }
    }

    /// The id alone.
    pub fn id(self) -> NodeId {
        self.id
    }
}

impl<M> Clone for Node<M> {
    fn clone(&self) -> Node<M> {
        *self
    }
}

impl<M> Copy for Node<M> {}

impl<M> From<Node<M>> for NodeId {
    fn from(node: Node<M>) -> NodeId {
        node.id
    }
}

/// A [`Machine`] whose event type is put away: its events are kept with their times.
pub(super) trait AnyMachine {
    fn flow_opened(&mut self, now: Instant, info: FlowInfo) -> FlowId;
    fn flow_changed(&mut self, now: Instant, flow: FlowId, change: FlowChange);
    fn receive(&mut self, now: Instant, path: Path, bytes: Bytes);
    fn resolved(&mut self, now: Instant, query: QueryId, result: Result<Vec<IpAddr>, FlowError>);
    fn looked_up(&mut self, now: Instant, query: QueryId, result: Result<Vec<Record>, FlowError>);
    fn handle_timeout(&mut self, now: Instant);
    fn poll_timeout(&self) -> Option<Instant>;
    /// The next output that is not an event.
    fn poll_output(&mut self, now: Instant) -> Option<Output<Infallible>>;
    fn poll_inbox(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()>;
    fn is_finished(&self) -> bool;
    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

pub(super) struct Kept<M: Machine> {
    pub(super) machine: M,
    pub(super) events: Vec<(Instant, M::Event)>,
}

impl<M: Machine + 'static> AnyMachine for Kept<M>
where
    M::Event: 'static,
{
    fn flow_opened(&mut self, now: Instant, info: FlowInfo) -> FlowId {
        self.machine.flow_opened(now, info)
    }
    fn flow_changed(&mut self, now: Instant, flow: FlowId, change: FlowChange) {
        self.machine.flow_changed(now, flow, change);
    }
    fn receive(&mut self, now: Instant, path: Path, bytes: Bytes) {
        self.machine.receive(now, path, bytes);
    }
    fn resolved(&mut self, now: Instant, query: QueryId, result: Result<Vec<IpAddr>, FlowError>) {
        self.machine.resolved(now, query, result);
    }
    fn looked_up(&mut self, now: Instant, query: QueryId, result: Result<Vec<Record>, FlowError>) {
        self.machine.looked_up(now, query, result);
    }
    fn handle_timeout(&mut self, now: Instant) {
        self.machine.handle_timeout(now);
    }
    fn poll_timeout(&self) -> Option<Instant> {
        self.machine.poll_timeout()
    }
    fn poll_output(&mut self, now: Instant) -> Option<Output<Infallible>> {
        loop {
            return Some(match self.machine.poll_output()? {
                Output::Event(event) => {
                    self.events.push((now, event));
                    continue;
                }
                Output::Transmit { path, bytes } => Output::Transmit { path, bytes },
                Output::OpenFlow { flow, target } => Output::OpenFlow { flow, target },
                Output::CloseFlow { flow } => Output::CloseFlow { flow },
                Output::Resolve { query, name } => Output::Resolve { query, name },
                Output::Lookup { query, name, kind } => Output::Lookup { query, name, kind },
                _ => panic!("the simulated network does not know this output yet"),
            });
        }
    }
    fn poll_inbox(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        self.machine.poll_inbox(cx, now)
    }
    fn is_finished(&self) -> bool {
        self.machine.is_finished()
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// What a flow of a node is on the network's side.
#[derive(Clone, Copy, Debug)]
pub(super) enum Socket {
    Udp(SocketAddr),
    /// An end of a connection.
    End(usize, usize),
}

pub(super) struct Host {
    pub(super) name: Box<str>,
    pub(super) address: IpAddr,
    /// The address the others see, if the node is behind a NAT.
    pub(super) public: Option<IpAddr>,
    /// A browser: its runtime tells no addresses.
    pub(super) browser: bool,
    pub(super) machine: Box<dyn AnyMachine>,
    pub(super) sockets: BTreeMap<FlowId, Socket>,
    pub(super) listening: Vec<(Transport, u16)>,
    /// UDP ports that sent something out, which is what lets answers in through a NAT.
    pub(super) opened: Vec<u16>,
    pub(super) next_port: u16,
    pub(super) timeout: Option<Instant>,
    pub(super) waker: Arc<Flag>,
    pub(super) stopped: bool,
}

impl Host {
    /// The UDP flow bound to this port.
    pub(super) fn udp(&self, port: u16) -> Option<FlowId> {
        let bound = |socket: &Socket| matches!(socket, Socket::Udp(address) if address.port() == port);
        self.sockets.iter().find(|(_, socket)| bound(socket)).map(|(flow, _)| *flow)
    }
}

/// A waker that remembers that it was woken.
#[derive(Debug)]
pub(super) struct Flag(AtomicBool);

impl Flag {
    /// A flag that is up, so that what waits for it is asked once from the start.
    pub(super) fn up() -> Arc<Flag> {
        Arc::new(Flag(AtomicBool::new(true)))
    }

    pub(super) fn take(&self) -> bool {
        self.0.swap(false, Ordering::AcqRel)
    }

    pub(super) fn waker(self: &Arc<Flag>) -> Waker {
        Waker::from(self.clone())
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Flag>) {
        self.0.store(true, Ordering::Release);
    }
}
