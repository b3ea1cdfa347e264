//! The smallest machine: it says things and answers what it hears. For tests of the network itself.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use offhook_core::message::Limits;
use offhook_core::time::Instant;
use offhook_core::transport::{
    FlowChange, FlowError, FlowId, FlowInfo, Flows, Machine, Output, Path, QueryId, Target, Transport,
};

/// Answers whatever does not begin with `re:` by `re: …`.
#[derive(Debug)]
pub struct Echo {
    words: Box<str>,
    flows: Flows,
    events: VecDeque<Heard>,
    /// When to say the words again, to whom.
    alarm: Option<(Instant, SocketAddr)>,
}

/// What an [`Echo`] tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Somebody connected.
    Opened(FlowInfo),
    /// A flow changed.
    Changed(FlowId, FlowChange),
    /// Something was said.
    Words(SocketAddr, Box<str>),
}

impl Echo {
    /// A machine that says these words.
    pub fn new(words: &str) -> Echo {
        let flows = Flows::new(Limits::default(), "echo.invalid");
        Echo { words: words.into(), flows, events: VecDeque::new(), alarm: None }
    }

    /// Says the words over UDP.
    pub fn say(&mut self, _now: Instant, to: SocketAddr) {
        let host = to.ip().to_string().into();
        let addr = Some(to);
        let target = Target { transport: Transport::Udp, host, port: to.port(), addr, resource: "".into() };
        if let Some(path) = self.flows.path(&target) {
            self.say_on(path);
        }
    }

    /// Says the words over UDP at a later time.
    pub fn say_at(&mut self, at: Instant, to: SocketAddr) {
        self.alarm = Some((at, to));
    }

    /// Opens a connection and says the words on it.
    pub fn connect(&mut self, transport: Transport, host: &str, port: u16) -> Path {
        let target = Target { transport, host: host.into(), port, addr: None, resource: "/".into() };
        let path = self.flows.open(target);
        self.say_on(path);
        path
    }

    /// Says the words on a flow.
    pub fn say_on(&mut self, path: Path) {
        let _ = self.flows.transmit(path, Bytes::from(self.words.to_string()));
    }

    /// Closes a flow.
    pub fn close(&mut self, flow: FlowId) {
        self.flows.close(flow);
    }
}

impl Machine for Echo {
    type Event = Heard;

    fn flow_opened(&mut self, _now: Instant, info: FlowInfo) -> FlowId {
        if info.remote.is_some() {
            self.events.push_back(Heard::Opened(info));
        }
        self.flows.opened(info)
    }

    fn flow_changed(&mut self, _now: Instant, flow: FlowId, change: FlowChange) {
        if self.flows.changed(flow, &change) {
            self.events.push_back(Heard::Changed(flow, change));
        }
    }

    fn receive(&mut self, _now: Instant, path: Path, bytes: Bytes) {
        let words = String::from_utf8_lossy(&bytes);
        self.events.push_back(Heard::Words(path.remote, words.as_ref().into()));
        if !words.starts_with("re:") {
            let _ = self.flows.transmit(path, Bytes::from(format!("re: {words}")));
        }
    }

    fn resolved(&mut self, _now: Instant, _query: QueryId, _result: Result<Vec<IpAddr>, FlowError>) {}

    fn handle_timeout(&mut self, now: Instant) {
        if let Some((at, to)) = self.alarm
            && at <= now
        {
            self.alarm = None;
            self.say(now, to);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.alarm.map(|(at, _)| at)
    }

    fn poll_output(&mut self) -> Option<Output<Heard>> {
        if let Some(event) = self.events.pop_front() {
            return Some(Output::Event(event));
        }
        self.flows.poll_output().map(Output::lift)
    }
}
