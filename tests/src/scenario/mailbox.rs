//! Where the messages of a scripted peer come in and go out.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use offhook_core::time::Instant;
use offhook_core::transport::{FlowChange, FlowError, FlowId, FlowInfo, Machine, Output, Path, QueryId};

/// A [`Machine`] that keeps what comes and sends what it is given, whole messages both ways (UDP and WebSocket).
#[derive(Debug, Default)]
pub struct Mailbox {
    flows: u64,
    socket: Option<FlowId>,
    accepted: Option<Path>,
    outputs: VecDeque<Output<(Path, Bytes)>>,
}

impl Mailbox {
    /// Sends a message.
    pub fn post(&mut self, path: Path, bytes: Bytes) {
        self.outputs.push_back(Output::Transmit { path, bytes });
    }

    /// The way to an address: by the socket, else by the connection that was accepted last.
    pub fn path(&self, remote: SocketAddr) -> Option<Path> {
        let datagram = self.socket.map(|flow| Path { flow, remote });
        datagram.or(self.accepted)
    }
}

impl Machine for Mailbox {
    type Event = (Path, Bytes);

    fn flow_opened(&mut self, _now: Instant, info: FlowInfo) -> FlowId {
        self.flows += 1;
        let flow = FlowId::from_number(self.flows);
        match info.remote {
            None => self.socket = Some(flow),
            Some(remote) => self.accepted = Some(Path { flow, remote }),
        }
        flow
    }

    fn flow_changed(&mut self, _now: Instant, _flow: FlowId, _change: FlowChange) {}

    fn receive(&mut self, _now: Instant, path: Path, bytes: Bytes) {
        self.outputs.push_back(Output::Event((path, bytes)));
    }

    fn resolved(&mut self, _now: Instant, _query: QueryId, _result: Result<Vec<IpAddr>, FlowError>) {}

    fn handle_timeout(&mut self, _now: Instant) {}

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn poll_output(&mut self) -> Option<Output<(Path, Bytes)>> {
        self.outputs.pop_front()
    }
}
