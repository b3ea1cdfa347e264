//! Alice, Bob and Carol, three endpoints that reach each other over UDP by address: for calls that go from one to
//! another.

use std::time::Duration;

use offhook_core::endpoint::{
    AnswerOptions, CallEvent, CallId, CallOptions, Census, Config, Endpoint, Event, Reliability, SessionTimerMode,
};
use offhook_core::time::Instant;

use super::{ANSWER, OFFER, log};
use crate::net::{Conditions, Network, Node};

/// The network and the three on it: Alice at 10.0.0.1, Bob at 10.0.0.2, Carol at 10.0.0.3, all at port 5060.
pub struct Trio {
    /// The network.
    pub net: Network,
    /// Usually transfers.
    pub alice: Node<Endpoint>,
    /// Usually is transferred.
    pub bob: Node<Endpoint>,
    /// Usually is the target.
    pub carol: Node<Endpoint>,
}

impl Trio {
    /// 10 ms each way, nothing lost, descriptions rewritten by the endpoints themselves, no 100rel.
    pub fn new() -> Trio {
        Trio::with(1, Conditions::default(), |_| {})
    }

    /// With other conditions and settings.
    pub fn with(seed: u64, conditions: Conditions, set: impl Fn(&mut Config)) -> Trio {
        let mut net = Network::new(seed, conditions);
        let mut endpoint = |name: &str, number: u8| {
            let mut config = Config::new(&format!("sip:{name}@10.0.0.{number}")).expect("an address of record");
            config.automatic_media = true;
            config.reliable = Reliability::Never;
            config.session_timers.mode = SessionTimerMode::Never;
            set(&mut config);
            let mut bytes = [number; 32];
            bytes[..8].copy_from_slice(&seed.to_le_bytes());
            let node = net.add(name, Endpoint::new(config, bytes));
            net.bind_udp(node, 5060);
            node
        };
        let (alice, bob, carol) = (endpoint("alice", 1), endpoint("bob", 2), endpoint("carol", 3));
        Trio { net, alice, bob, carol }
    }

    /// Somebody calls somebody, with an offer.
    #[track_caller]
    pub fn call(&mut self, from: Node<Endpoint>, to: &str) -> CallId {
        self.call_with(from, to, CallOptions::with_sdp(OFFER))
    }

    /// Somebody calls somebody.
    #[track_caller]
    pub fn call_with(&mut self, from: Node<Endpoint>, to: &str, options: CallOptions) -> CallId {
        let target = self.address(to);
        self.net.with(from, |endpoint, now| endpoint.call(now, &target, options)).expect("a call")
    }

    /// Somebody's address of record.
    pub fn address(&self, name: &str) -> String {
        let number = ["alice", "bob", "carol"].iter().position(|known| *known == name).expect("one of the three") + 1;
        format!("sip:{name}@10.0.0.{number}")
    }

    /// The call that came in at a node last; the network runs until one is there that was not there before.
    #[track_caller]
    pub fn incoming(&mut self, node: Node<Endpoint>) -> CallId {
        let came = |net: &mut Network| net.events(node).iter().rev().find_map(|(_, event)| called(event)).is_some();
        assert!(self.net.drive(came, Duration::from_secs(40)), "no call came\n{}", self.net.ladder());
        self.net.events(node).iter().rev().find_map(|(_, event)| called(event)).expect("driven until it was there")
    }

    /// Somebody answers.
    pub fn answer(&mut self, node: Node<Endpoint>, call: CallId) {
        self.net.with(node, |endpoint, now| endpoint.answer(now, call, AnswerOptions::with_sdp(ANSWER)));
    }

    /// A call that both sides take for established; what was sent and told until then is forgotten.
    #[track_caller]
    pub fn established(&mut self, from: Node<Endpoint>, to: Node<Endpoint>) -> (CallId, CallId) {
        let name = self.net.name(to.id()).to_owned();
        let here = self.call(from, &name);
        let there = self.incoming(to);
        self.answer(to, there);
        self.net.run_for(Duration::from_millis(30));
        for (node, call) in [(from, here), (to, there)] {
            assert_eq!(self.state(node, call), "established", "{}", self.net.ladder());
        }
        self.forget();
        (here, there)
    }

    /// A call's state in a word; `over` for one that is gone.
    pub fn state(&self, node: Node<Endpoint>, call: CallId) -> &'static str {
        self.net.machine(node).call_info(call).map_or("over", |info| info.state.name())
    }

    /// What was sent and told until now is forgotten.
    pub fn forget(&mut self) {
        self.net.clear_trace();
        for node in [self.alice, self.bob, self.carol] {
            self.net.take_events(node);
        }
    }

    /// Everything a node told of anything but the states of its calls, in words.
    pub fn log(&self, node: Node<Endpoint>) -> String {
        let told = self
            .net
            .events(node)
            .iter()
            .filter(|(_, event)| !matches!(event, Event::Call { event: CallEvent::State(_), .. }));
        log(told.map(|(at, event)| (*at, event)))
    }

    /// Runs until no timer is left; then nothing may be left anywhere.
    #[track_caller]
    pub fn finish(&mut self) -> Instant {
        self.net.run_until_idle();
        for node in [self.alice, self.bob, self.carol] {
            let name = self.net.name(node.id());
            assert_eq!(self.net.machine(node).census(), Census::default(), "{name} keeps something");
        }
        self.net.now()
    }
}

impl Default for Trio {
    fn default() -> Trio {
        Trio::new()
    }
}

fn called(event: &Event) -> Option<CallId> {
    match event {
        Event::Incoming { call, .. } => Some(*call),
        _ => None,
    }
}
