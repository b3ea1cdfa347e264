//! A peer over datagrams that answers each request by a function.

use std::convert::Infallible;
use std::net::IpAddr;

use bytes::Bytes;
use offhook_core::message::Limits;
use offhook_core::time::Instant;
use offhook_core::transport::{FlowChange, FlowError, FlowId, FlowInfo, Flows, Machine, Output, Path, QueryId};

use crate::sip::Text;

/// Answers what comes by what the function makes of it.
pub struct Answerer {
    flows: Flows,
    answer: Box<Answer>,
}

type Answer = dyn FnMut(&Text) -> Option<Text>;

impl Answerer {
    /// A peer that answers so.
    pub fn new(answer: impl FnMut(&Text) -> Option<Text> + 'static) -> Answerer {
        Answerer { flows: Flows::new(Limits::default(), "answerer.invalid"), answer: Box::new(answer) }
    }
}

impl Machine for Answerer {
    type Event = Infallible;

    fn flow_opened(&mut self, _now: Instant, info: FlowInfo) -> FlowId {
        self.flows.opened(info)
    }

    fn flow_changed(&mut self, _now: Instant, flow: FlowId, change: FlowChange) {
        self.flows.changed(flow, &change);
    }

    fn receive(&mut self, _now: Instant, path: Path, bytes: Bytes) {
        if let Some(answer) = (self.answer)(&Text::parse(&bytes)) {
            self.flows.transmit(path, answer.bytes()).expect("a flow");
        }
    }

    fn resolved(&mut self, _now: Instant, _query: QueryId, _result: Result<Vec<IpAddr>, FlowError>) {}

    fn handle_timeout(&mut self, _now: Instant) {}

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn poll_output(&mut self) -> Option<Output<Infallible>> {
        self.flows.poll_output().map(Output::lift)
    }
}
