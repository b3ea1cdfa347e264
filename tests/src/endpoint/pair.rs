//! Alice and Bob, two endpoints that reach each other over UDP by address.

use std::time::Duration;

use offhook_core::endpoint::{
    AnswerOptions, CallId, CallInfo, CallOptions, Census, Config, Endpoint, Event, Reliability, SessionTimerMode,
};
use offhook_core::time::Instant;

use super::{ANSWER, OFFER, log};
use crate::net::{Conditions, Network, Node};

/// The network and the two on it: Alice at 10.0.0.1, Bob at 10.0.0.2, both at port 5060.
pub struct Pair {
    /// The network.
    pub net: Network,
    /// Usually calls.
    pub alice: Node<Endpoint>,
    /// Usually is called.
    pub bob: Node<Endpoint>,
}

impl Pair {
    /// 10 ms each way, nothing lost, descriptions rewritten by the endpoints themselves, no extensions in use.
    pub fn new() -> Pair {
        Pair::with(1, Conditions::default(), |config| {
            config.automatic_media = true;
            config.reliable = Reliability::Never;
            config.session_timers.mode = SessionTimerMode::Never;
        })
    }

    /// With other conditions and settings.
    pub fn with(seed: u64, conditions: Conditions, set: impl Fn(&mut Config)) -> Pair {
        let mut net = Network::new(seed, conditions);
        let endpoint = |name: &str, host: &str, number: u8| {
            let mut config = Config::new(&format!("sip:{name}@{host}")).expect("an address of record");
            set(&mut config);
            let mut bytes = [number; 32];
            bytes[..8].copy_from_slice(&seed.to_le_bytes());
            Endpoint::new(config, bytes)
        };
        let alice = net.add("alice", endpoint("alice", "10.0.0.1", 1));
        let bob = net.add("bob", endpoint("bob", "10.0.0.2", 2));
        net.bind_udp(alice, 5060);
        net.bind_udp(bob, 5060);
        Pair { net, alice, bob }
    }

    /// Alice calls Bob with an offer.
    #[track_caller]
    pub fn call(&mut self) -> CallId {
        self.call_with(CallOptions::with_sdp(OFFER))
    }

    /// Alice calls Bob.
    #[track_caller]
    pub fn call_with(&mut self, options: CallOptions) -> CallId {
        let call = |alice: &mut Endpoint, now| alice.call(now, "sip:bob@10.0.0.2", options);
        self.net.with(self.alice, call).expect("a call")
    }

    /// Alice calls Bob with an offer, and it has come to him.
    #[track_caller]
    pub fn called(&mut self) -> (CallId, CallId) {
        self.called_with(CallOptions::with_sdp(OFFER))
    }

    /// Alice calls Bob, and it has come to him.
    #[track_caller]
    pub fn called_with(&mut self, options: CallOptions) -> (CallId, CallId) {
        (self.call_with(options), self.incoming(self.bob))
    }

    /// The call that came in at a node last; the network runs until it is there.
    #[track_caller]
    pub fn incoming(&mut self, node: Node<Endpoint>) -> CallId {
        let came = |net: &mut Network| last_incoming(net.events(node)).is_some();
        assert!(self.net.drive(came, Duration::from_secs(40)), "no call came\n{}", self.net.ladder());
        last_incoming(self.net.events(node)).expect("driven until it was there")
    }

    /// It rings at Bob's.
    pub fn ring(&mut self, call: CallId) {
        self.net.with(self.bob, |bob, now| bob.ring(now, call, None));
    }

    /// Bob answers.
    pub fn answer(&mut self, call: CallId) {
        self.net.with(self.bob, |bob, now| bob.answer(now, call, AnswerOptions::with_sdp(ANSWER)));
    }

    /// A call from Alice to Bob that both sides take for established, at 40 ms on a perfect network; what was sent and
    /// told until then is forgotten.
    #[track_caller]
    pub fn established(&mut self) -> (CallId, CallId) {
        let (here, there) = self.called();
        self.answer(there);
        self.net.run_for(Duration::from_millis(30));
        for (node, call) in [(self.alice, here), (self.bob, there)] {
            let state = self.info(node, call).map(|info| info.state.name());
            assert_eq!(state, Some("established"), "{}", self.net.ladder());
        }
        self.net.clear_trace();
        self.net.take_events(self.alice);
        self.net.take_events(self.bob);
        (here, there)
    }

    /// What a node knows of a call.
    pub fn info(&self, node: Node<Endpoint>, call: CallId) -> Option<CallInfo> {
        self.net.machine(node).call_info(call)
    }

    /// Everything a node told, in words.
    pub fn log(&self, node: Node<Endpoint>) -> String {
        log(self.net.events(node).iter().map(|(at, event)| (*at, event)))
    }

    /// Runs until no timer is left; then nothing may be left on either side.
    #[track_caller]
    pub fn finish(&mut self) -> Instant {
        self.net.run_until_idle();
        for node in [self.alice, self.bob] {
            assert_eq!(self.net.machine(node).census(), Census::default(), "{} keeps something", self.net.name(node));
        }
        self.net.now()
    }
}

impl Default for Pair {
    fn default() -> Pair {
        Pair::new()
    }
}

fn last_incoming(events: &[(Instant, Event)]) -> Option<CallId> {
    events.iter().rev().find_map(|(_, event)| match event {
        Event::Incoming { call, .. } => Some(*call),
        _ => None,
    })
}
