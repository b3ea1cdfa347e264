//! Whole calls between two endpoints in virtual time, without a network: INVITE, 100, 180, 200, ACK, BYE, 200.

use std::time::Duration;

use offhook_core::endpoint::{AnswerOptions, CallId, CallOptions, Census, Config, Endpoint, Event, Reliability};
use offhook_core::time::Instant;
use offhook_core::transport::{FlowInfo, Machine, Output, Path, Transport};

use crate::messages::{ANSWER, OFFER};

/// Until the 100 of the transaction layer is due (RFC 3261 17.2.1).
const TRYING: Duration = Duration::from_millis(200);

/// One of the two.
struct Side {
    endpoint: Endpoint,
    path: Path,
    /// The calls that came in.
    called: Vec<CallId>,
}

/// Alice, who calls, and Bob, who answers.
pub struct Pair {
    alice: Side,
    bob: Side,
    now: Instant,
    messages: u64,
    /// Calls that have ended on each side.
    ended: u64,
    offer: bytes::Bytes,
    answer: bytes::Bytes,
}

impl Side {
    fn new(name: &str, number: u8, other: u8) -> Side {
        let mut config = Config::new(&format!("sip:{name}@10.0.0.{number}")).expect("an address of record");
        // With its default both would acknowledge the 180 by PRACK, which the cycle does not have.
        config.reliable = Reliability::Never;
        let mut endpoint = Endpoint::new(config, [number; 32]);
        let local = ([10, 0, 0, number], 5060).into();
        let info = FlowInfo { transport: Transport::Udp, local, remote: None };
        let flow = endpoint.flow_opened(Instant::from_millis(0), info);
        Side { endpoint, path: Path { flow, remote: ([10, 0, 0, other], 5060).into() }, called: Vec::new() }
    }
}

impl Pair {
    /// Two that have not called yet.
    pub fn new() -> Pair {
        Pair {
            alice: Side::new("alice", 1, 2),
            bob: Side::new("bob", 2, 1),
            now: Instant::from_millis(0),
            messages: 0,
            ended: 0,
            offer: bytes::Bytes::from_static(OFFER.as_bytes()),
            answer: bytes::Bytes::from_static(ANSWER),
        }
    }

    /// So many calls at the same time, from the first message to the last. They take 200 ms.
    pub fn calls(&mut self, count: usize) {
        let mut calls = Vec::with_capacity(count);
        for _ in 0..count {
            let options = CallOptions::with_sdp(self.offer.clone());
            let call = self.alice.endpoint.call(self.now, "sip:bob@10.0.0.2", options).expect("a call");
            calls.push(call);
            self.exchange();
        }
        self.run_for(TRYING);
        let called = std::mem::take(&mut self.bob.called);
        assert_eq!(called.len(), count, "every call came");
        for call in &called {
            self.bob.endpoint.ring(self.now, *call, None);
            self.exchange();
            self.bob.endpoint.answer(self.now, *call, AnswerOptions::with_sdp(self.answer.clone()));
            self.exchange();
        }
        for call in calls {
            self.alice.endpoint.hangup(self.now, call, None);
            self.exchange();
        }
    }

    /// Lets time pass: what is due happens when it is.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let due = [&self.alice, &self.bob].into_iter().filter_map(|side| side.endpoint.poll_timeout()).min();
            let Some(due) = due.filter(|due| *due <= end) else { break };
            self.now = self.now.max(due);
            self.alice.endpoint.handle_timeout(self.now);
            self.bob.endpoint.handle_timeout(self.now);
            self.exchange();
        }
        self.now = end;
    }

    /// Until nothing is left to do anywhere.
    pub fn finish(&mut self) {
        self.run_for(Duration::from_secs(120));
        assert_eq!(self.census(), [Census::default(); 2], "nothing is left");
    }

    /// What both hold.
    pub fn census(&self) -> [Census; 2] {
        [self.alice.endpoint.census(), self.bob.endpoint.census()]
    }

    /// How many messages were exchanged, and how often a side was told that a call has ended.
    pub fn totals(&self) -> (u64, u64) {
        (self.messages, self.ended)
    }

    /// Carries messages until nobody has anything to say.
    fn exchange(&mut self) {
        loop {
            let said = self.carry(true) + self.carry(false);
            if said == 0 {
                return;
            }
            self.messages += said;
        }
    }

    fn carry(&mut self, from_alice: bool) -> u64 {
        let (from, to) = match from_alice {
            true => (&mut self.alice, &mut self.bob),
            false => (&mut self.bob, &mut self.alice),
        };
        let mut said = 0;
        while let Some(output) = from.endpoint.poll_output() {
            match output {
                Output::Transmit { bytes, .. } => {
                    said += 1;
                    // A copy, as a socket would make one.
                    let bytes = bytes::Bytes::copy_from_slice(&bytes);
                    to.endpoint.receive(self.now, to.path, bytes);
                }
                Output::Event(Event::Incoming { call, .. }) => from.called.push(call),
                Output::Event(Event::Call { event: offhook_core::endpoint::CallEvent::Ended(_), .. }) => {
                    self.ended += 1;
                }
                Output::Event(_) => {}
                other => panic!("not part of a call: {other:?}"),
            }
        }
        said
    }
}

impl Default for Pair {
    fn default() -> Pair {
        Pair::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_has_seven_messages() {
        let mut pair = Pair::new();
        pair.calls(10);
        assert_eq!(pair.totals(), (70, 20));
        pair.finish();
        assert_eq!(pair.totals(), (70, 20));
    }
}
