//! The table of flows: who is connected, what waits for a connection, and the framing of streams.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use bytes::Bytes;

use super::{FlowChange, FlowError, FlowErrorKind, FlowId, FlowInfo, Output, Path, Target, Transport};
#[cfg(feature = "stun")]
use super::{Stun, is_stun};
use crate::hashing::IdMap;
use crate::message::{Frame, Limits, ParseError, StreamDecoder, Wire};

/// How many messages may wait for a connection that is being opened.
const WAITING: usize = 64;

/// Every flow of one machine. Knows which bytes go where; knows nothing of what they mean beyond framing.
#[derive(Debug)]
pub struct Flows {
    next: u64,
    table: IdMap<FlowId, Flow>,
    /// The oldest flow that leads to each place.
    places: HashMap<Place, FlowId>,
    outputs: VecDeque<Output<std::convert::Infallible>>,
    limits: Limits,
    /// Stands for our address where the runtime does not tell it (RFC 7118 5: a host that does not resolve).
    invalid_host: Box<str>,
}

#[derive(Debug)]
struct Flow {
    transport: Transport,
    local: SocketAddr,
    /// What a Via's sent-by says of it; empty: it is not known.
    sent_by: Box<str>,
    remote: SocketAddr,
    target: Option<Target>,
    state: State,
    decoder: Option<StreamDecoder>,
}

/// Where flows lead, for finding one again.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Place {
    /// Anywhere by UDP, over IPv4 or not.
    Udp { ipv4: bool },
    /// A server by the names it was connected by.
    Server { transport: Transport, host: Box<str>, port: u16, resource: Box<str> },
    /// A peer that connected to us.
    Peer { transport: Transport, remote: SocketAddr },
}

impl Place {
    fn of_target(target: &Target) -> Place {
        Place::Server {
            transport: target.transport,
            host: target.host.clone(),
            port: target.port,
            resource: target.resource.clone(),
        }
    }
}

impl Flow {
    fn place(&self) -> Place {
        match &self.target {
            Some(target) => Place::of_target(target),
            None if self.transport == Transport::Udp => Place::Udp { ipv4: self.local.is_ipv4() },
            None => Place::Peer { transport: self.transport, remote: self.remote },
        }
    }
}

impl Flow {
    /// Whether it leads to another address than the one that is meant.
    fn is_elsewhere(&self, target: &Target) -> bool {
        let there = self.target.as_ref().and_then(|target| target.addr);
        there.zip(target.addr).is_some_and(|(there, wanted)| there != wanted)
    }
}

#[derive(Debug)]
enum State {
    Connecting(Vec<(Path, Wire)>),
    Up,
}

/// What bytes on a flow turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A whole message, not yet parsed.
    Message(Bytes),
    /// A keep-alive; on streams and WebSockets it has been answered (RFC 5626 4.4.1).
    Ping,
    /// The answer to a keep-alive of ours.
    Pong,
    /// A keep-alive over UDP, or the answer to one (RFC 5626 8).
    #[cfg(feature = "stun")]
    Stun(Stun),
}

/// A browser tells no address that others could use.
fn sent_by(transport: Transport, local: SocketAddr) -> Box<str> {
    let usable = !local.ip().is_unspecified() && !transport.is_websocket();
    if usable { local.to_string().into() } else { Box::default() }
}

impl Flows {
    /// An empty table. `invalid_host` stands in Via and Contact where our address is not known.
    pub fn new(limits: Limits, invalid_host: &str) -> Flows {
        Flows {
            next: 1,
            table: IdMap::default(),
            places: HashMap::new(),
            outputs: VecDeque::new(),
            limits,
            invalid_host: invalid_host.into(),
        }
    }

    fn insert(&mut self, flow: Flow) -> FlowId {
        let id = FlowId(self.next);
        self.next = self.next.wrapping_add(1);
        self.places.entry(flow.place()).or_insert(id);
        self.table.insert(id, flow);
        id
    }

    /// Returns whether the flow was known.
    fn forget(&mut self, id: FlowId) -> bool {
        let Some(flow) = self.table.remove(&id) else { return false };
        let place = flow.place();
        if self.places.get(&place) == Some(&id) {
            // Two flows to one server are rare, two from one peer's port impossible: no need to look for those.
            let next = match place {
                Place::Peer { .. } => None,
                _ => self.table.iter().filter(|(_, flow)| flow.place() == place).map(|(id, _)| *id).min(),
            };
            match next {
                Some(next) => self.places.insert(place, next),
                None => self.places.remove(&place),
            };
        }
        true
    }

    /// A flow the driver opened by itself.
    pub fn opened(&mut self, info: FlowInfo) -> FlowId {
        let decoder = info.transport.is_stream().then(|| StreamDecoder::new(&self.limits));
        self.insert(Flow {
            transport: info.transport,
            local: info.local,
            sent_by: sent_by(info.transport, info.local),
            remote: info.remote.unwrap_or(Path::UNKNOWN),
            target: None,
            state: State::Up,
            decoder,
        })
    }

    /// A flow that another endpoint of the same user agent has, with its number. Its bytes come cut into messages.
    pub fn shared(&mut self, id: FlowId, info: FlowInfo) {
        if self.table.contains_key(&id) {
            return;
        }
        let flow = Flow {
            transport: info.transport,
            local: info.local,
            sent_by: sent_by(info.transport, info.local),
            remote: info.remote.unwrap_or(Path::UNKNOWN),
            target: None,
            state: State::Up,
            decoder: info.transport.is_stream().then(|| StreamDecoder::new(&self.limits)),
        };
        self.places.entry(flow.place()).or_insert(id);
        self.table.insert(id, flow);
    }

    /// Flows that are opened from now on are numbered from here.
    pub fn number_from(&mut self, first: u64) {
        self.next = first.wrapping_add(1);
    }

    /// No flow has the number of one of another table.
    pub fn number_after(&mut self, other: &Flows) {
        self.next = self.next.max(other.next);
    }

    /// What stands for our host where it is not known.
    pub fn invalid_host(&self) -> &str {
        &self.invalid_host
    }

    /// Another host that is to stand for ours.
    pub fn set_invalid_host(&mut self, host: &str) {
        if *self.invalid_host != *host {
            self.invalid_host = host.into();
        }
    }

    /// The path to a target: the UDP socket of its address family, or the connection that leads there, opened now if
    /// there is none. `None`: it is a UDP target and no socket of that family is bound.
    pub fn path(&mut self, target: &Target) -> Option<Path> {
        if target.transport == Transport::Udp {
            let remote = target.addr?;
            let flow = *self.places.get(&Place::Udp { ipv4: remote.is_ipv4() })?;
            return Some(Path { flow, remote });
        }
        let peer = target.addr.map(|remote| Place::Peer { transport: target.transport, remote });
        let known = [Some(Place::of_target(target)), peer];
        let mut found = known.into_iter().flatten().filter_map(|place| self.places.get(&place)).min().copied();
        // Of several servers of one name it must be the right one.
        if found.and_then(|id| self.table.get(&id)).is_some_and(|flow| flow.is_elsewhere(target)) {
            let there = |flow: &Flow| flow.place() == Place::of_target(target) && !flow.is_elsewhere(target);
            found = self.table.iter().filter(|(_, flow)| there(flow)).map(|(id, _)| *id).min();
        }
        Some(match found.and_then(|id| Some((id, self.table.get(&id)?))) {
            Some((id, flow)) => Path { flow: id, remote: flow.remote },
            None => self.open(target.clone()),
        })
    }

    /// Opens a new connection, even if one leads to the same place.
    pub fn open(&mut self, target: Target) -> Path {
        let remote = target.addr.unwrap_or(Path::UNKNOWN);
        let decoder = target.transport.is_stream().then(|| StreamDecoder::for_opener(&self.limits));
        let flow = self.insert(Flow {
            transport: target.transport,
            local: Path::UNKNOWN,
            sent_by: Box::default(),
            remote,
            target: Some(target.clone()),
            state: State::Connecting(Vec::new()),
            decoder,
        });
        self.outputs.push_back(Output::OpenFlow { flow, target });
        Path { flow, remote }
    }

    /// Whether there is a UDP socket.
    pub fn has_udp(&self) -> bool {
        [true, false].into_iter().any(|ipv4| self.places.contains_key(&Place::Udp { ipv4 }))
    }

    /// Closes a flow; what was sent before still goes out.
    pub fn close(&mut self, flow: FlowId) {
        if self.forget(flow) {
            self.outputs.push_back(Output::CloseFlow { flow });
        }
    }

    /// Closes a flow that is already forgotten here but that the driver still opens.
    pub fn abandon(&mut self, flow: FlowId) {
        self.forget(flow);
        self.outputs.push_back(Output::CloseFlow { flow });
    }

    /// Something for the driver that is not about a flow.
    pub fn push_output(&mut self, output: Output<std::convert::Infallible>) {
        self.outputs.push_back(output);
    }

    /// Every flow's id.
    pub fn ids(&self) -> Vec<FlowId> {
        let mut ids: Vec<FlowId> = self.table.keys().copied().collect();
        ids.sort();
        ids
    }

    /// Takes in what happened to a flow. Returns whether it was known.
    pub fn changed(&mut self, flow: FlowId, change: &FlowChange) -> bool {
        match change {
            FlowChange::Connected { local, remote } => {
                let Some(entry) = self.table.get_mut(&flow) else { return false };
                entry.local = *local;
                entry.sent_by = sent_by(entry.transport, *local);
                entry.remote = *remote;
                if let State::Connecting(waiting) = std::mem::replace(&mut entry.state, State::Up) {
                    for (path, bytes) in waiting {
                        let path = Path { flow: path.flow, remote: *remote };
                        self.outputs.push_back(Output::Transmit { path, bytes: Bytes::clone(&bytes) });
                    }
                }
                true
            }
            FlowChange::Failed(_) | FlowChange::Closed => self.forget(flow),
        }
    }

    /// Whether the flow is there (connecting counts).
    pub fn contains(&self, flow: FlowId) -> bool {
        self.table.contains_key(&flow)
    }

    /// Whether the flow is connected.
    pub fn is_up(&self, flow: FlowId) -> bool {
        matches!(self.table.get(&flow), Some(Flow { state: State::Up, .. }))
    }

    /// How bytes travel on the flow.
    pub fn transport(&self, flow: FlowId) -> Option<Transport> {
        self.table.get(&flow).map(|flow| flow.transport)
    }

    /// The host a connection was opened to, as it was named.
    pub fn host(&self, flow: FlowId) -> Option<&str> {
        self.table.get(&flow)?.target.as_ref().map(|target| &*target.host)
    }

    /// The other end of a connection that was opened from here and is up.
    pub fn opened_to(&self, flow: FlowId) -> Option<SocketAddr> {
        let entry = self.table.get(&flow)?;
        (entry.target.is_some() && matches!(entry.state, State::Up)).then_some(entry.remote)
    }

    /// Appends what a Via's sent-by or a Contact's host and port should be on this flow.
    pub fn push_sent_by(&self, flow: FlowId, text: &mut String) {
        text.push_str(self.sent_by(flow));
    }

    /// The same to look at.
    pub fn sent_by(&self, flow: FlowId) -> &str {
        let known = self.table.get(&flow).map(|entry| &*entry.sent_by).filter(|sent_by| !sent_by.is_empty());
        known.unwrap_or(&self.invalid_host)
    }

    /// Sends, or queues while the connection is being opened.
    pub fn transmit(&mut self, path: Path, bytes: Bytes) -> Result<(), FlowError> {
        let Some(flow) = self.table.get_mut(&path.flow) else {
            return Err(FlowError::new(FlowErrorKind::Lost, "the connection is gone"));
        };
        match &mut flow.state {
            State::Up => self.outputs.push_back(Output::Transmit { path, bytes }),
            State::Connecting(waiting) if waiting.len() < WAITING => waiting.push((path, bytes.into())),
            State::Connecting(_) => {
                return Err(FlowError::new(FlowErrorKind::Timeout, "too many messages wait for the connection"));
            }
        }
        Ok(())
    }

    /// Hands bytes in. Whole messages then come out of [`next_received`](Flows::next_received).
    pub fn push(&mut self, path: Path, bytes: &Bytes) {
        if let Some(Flow { decoder: Some(decoder), .. }) = self.table.get_mut(&path.flow) {
            decoder.push(bytes);
        }
    }

    /// Whether the flow is a stream, whose bytes go through [`push`](Flows::push).
    pub fn is_stream(&self, flow: FlowId) -> bool {
        matches!(self.table.get(&flow), Some(Flow { decoder: Some(_), .. }))
    }

    /// Whether a message has begun on a stream and is not whole yet. (Up to three bytes may be a keep-alive.)
    pub fn is_midway(&self, flow: FlowId) -> bool {
        matches!(self.table.get(&flow), Some(Flow { decoder: Some(decoder), .. }) if decoder.pending() > 3)
    }

    /// The next whole thing a stream carried.
    pub fn next_received(&mut self, flow: FlowId) -> Result<Option<Received>, ParseError> {
        let Some(Flow { decoder: Some(decoder), .. }) = self.table.get_mut(&flow) else { return Ok(None) };
        Ok(match decoder.next_frame()? {
            None => None,
            Some(Frame::Message(bytes)) => Some(Received::Message(bytes)),
            Some(Frame::Pong) => Some(Received::Pong),
            Some(Frame::Ping) => Some(Received::Ping),
        })
    }

    /// The head of the message with which the framing of a stream ended, if it came whole.
    pub fn refused(&self, flow: FlowId) -> Option<Bytes> {
        self.table.get(&flow)?.decoder.as_ref()?.refused().cloned()
    }

    /// What a datagram or a WebSocket message is.
    pub fn classify(&self, flow: FlowId, bytes: Bytes) -> Option<Received> {
        #[cfg(feature = "stun")]
        if is_stun(&bytes) && self.transport(flow) == Some(Transport::Udp) {
            return Stun::parse(&bytes).map(Received::Stun);
        }
        if !self.contains(flow) {
            // What was still on its way on a flow that is gone is nobody's.
            return None;
        }
        if bytes.iter().any(|byte| !matches!(byte, b'\r' | b'\n' | 0)) {
            return Some(Received::Message(bytes));
        }
        match bytes.len() {
            4 => Some(Received::Ping),
            2 => Some(Received::Pong),
            _ => None,
        }
    }

    /// The next thing for the driver.
    pub fn poll_output(&mut self) -> Option<Output<std::convert::Infallible>> {
        self.outputs.pop_front()
    }
}
