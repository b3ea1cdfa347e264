//! User agents call each other through the switchboard on the simulated network: good, bad, and behind a NAT.

use std::net::IpAddr;
use std::time::Duration;

use offhook_core::auth::Credential;
use offhook_core::endpoint::{AnswerOptions, CallId, CallOptions, Config, Endpoint, Event, Server};
use offhook_core::transport::Transport;
use offhook_examples::switchboard::{Config as BoardConfig, Counts, Switchboard};
use offhook_tests::endpoint::{ANSWER, OFFER};
use offhook_tests::net::{Conditions, Network, Node};

const UDP: &str = "sip:board:5060;transport=udp";
const TCP: &str = "sip:board:5060;transport=tcp";
const WS: &str = "ws://board:8080/ws";
/// Longer than any transaction: a request that got through at all has its answer by then.
const SOON: Duration = Duration::from_secs(70);

struct House {
    net: Network,
    board: Node<Switchboard>,
}

impl House {
    fn new(seed: u64, conditions: Conditions) -> House {
        let mut net = Network::new(seed, conditions);
        let seed = net.rng().seed();
        let board = net.add("board", Switchboard::new(BoardConfig::default(), seed));
        net.bind_udp(board, 5060);
        net.listen(board, Transport::Tcp, 5060);
        net.listen(board, Transport::Ws, 8080);
        House { net, board }
    }

    /// A phone of this user that uses this way to the switchboard; one that uses WebSocket is a browser.
    fn phone(&mut self, name: &str, user: &str, server: &str) -> Node<Endpoint> {
        let mut config = Config::new(&format!("sip:{user}@offhook.test")).unwrap();
        config.server = Some(Server::parse(server).unwrap());
        config.credentials = vec![Credential::password(user, format!("{user}-secret"))];
        config.automatic_media = true;
        let seed = self.net.rng().seed();
        let node = self.net.add(name, Endpoint::new(config, seed));
        match server {
            WS => self.net.is_browser(node),
            TCP => {}
            _ => drop(self.net.bind_udp(node, 5060)),
        }
        node
    }

    #[track_caller]
    fn register(&mut self, phone: Node<Endpoint>) {
        let before = self.net.machine(self.board).counts().bindings;
        self.net.with(phone, |endpoint, now| endpoint.register(now));
        let board = self.board;
        let registered = self.net.drive(|net| net.machine(board).counts().bindings > before, SOON);
        assert!(registered, "not registered\n{}", self.net.ladder());
    }

    #[track_caller]
    fn call(&mut self, from: Node<Endpoint>, to: &str) -> CallId {
        let call = |endpoint: &mut Endpoint, now| endpoint.call(now, to, CallOptions::with_sdp(OFFER));
        self.net.with(from, call).unwrap()
    }

    #[track_caller]
    fn incoming(&mut self, phone: Node<Endpoint>) -> CallId {
        let came = |net: &Network| {
            net.events(phone).iter().rev().find_map(|(_, event)| match event {
                Event::Incoming { call, .. } => Some(*call),
                _ => None,
            })
        };
        assert!(self.net.drive(|net| came(net).is_some(), SOON), "no call came\n{}", self.net.ladder());
        came(&self.net).unwrap()
    }

    fn answer(&mut self, phone: Node<Endpoint>, call: CallId) {
        self.net.with(phone, |endpoint, now| endpoint.ring(now, call, None));
        self.net.run_for(Duration::from_millis(500));
        self.net.with(phone, |endpoint, now| endpoint.answer(now, call, AnswerOptions::with_sdp(ANSWER)));
    }

    #[track_caller]
    fn is_established(&mut self, phone: Node<Endpoint>, call: CallId) {
        let state = |net: &Network| net.machine(phone).call_info(call).map(|info| info.state.name());
        let done = self.net.drive(|net| state(net) == Some("established"), SOON);
        assert!(done, "{:?}\n{}", state(&self.net), self.net.ladder());
    }

    fn hangup(&mut self, phone: Node<Endpoint>, call: CallId) {
        self.net.with(phone, |endpoint, now| endpoint.hangup(now, call, None));
    }

    #[track_caller]
    fn has_no_call(&mut self, phone: Node<Endpoint>) {
        let done = self.net.drive(|net| net.machine(phone).calls().is_empty(), SOON);
        assert!(done, "a call is left\n{}", self.net.ladder());
    }

    /// All phones leave; then nothing is left of them.
    #[track_caller]
    fn close(mut self, phones: &[Node<Endpoint>]) {
        for phone in phones {
            self.net.with(*phone, |endpoint, now| endpoint.shutdown(now, Duration::from_secs(40)));
        }
        self.net.run_until_idle();
        let counts = self.net.machine(self.board).counts();
        let nothing = (0, 0, 0, 0, 0);
        let Counts { bindings, contexts, clients, servers, timers, .. } = counts;
        assert_eq!((bindings, contexts, clients, servers, timers), nothing, "{}", self.net.ladder());
    }
}

/// A call from one to the other, held and resumed by the callee, ended by either.
fn talk(seed: u64, conditions: Conditions, from: &str, to: &str) {
    let mut house = House::new(seed, conditions);
    let (alice, bob) = (house.phone("alice", "alice", from), house.phone("bob", "bob", to));
    house.register(bob);
    let here = house.call(alice, "sip:bob@offhook.test");
    let there = house.incoming(bob);
    house.answer(bob, there);
    house.is_established(alice, here);
    house.is_established(bob, there);
    house.net.with(bob, |endpoint, now| endpoint.hold(now, there, None));
    house.net.run_for(Duration::from_secs(40));
    let (phone, call) = if seed.is_multiple_of(2) { (alice, here) } else { (bob, there) };
    house.hangup(phone, call);
    house.has_no_call(alice);
    house.has_no_call(bob);
    house.close(&[alice, bob]);
}

#[test]
fn calls_over_every_pair_of_transports() {
    for (seed, from) in [UDP, TCP, WS].into_iter().enumerate() {
        for to in [UDP, TCP, WS] {
            talk(seed as u64, Conditions::default(), from, to);
        }
    }
}

#[test]
fn calls_on_a_bad_network() {
    for seed in 0..15 {
        for (from, to) in [(UDP, UDP), (UDP, WS), (WS, UDP), (TCP, UDP)] {
            talk(seed, Conditions::bad(), from, to);
        }
    }
}

#[test]
fn a_phone_behind_a_nat_is_called_where_it_was_seen() {
    let mut house = House::new(1, Conditions::default());
    let (alice, bob) = (house.phone("alice", "alice", WS), house.phone("bob", "bob", UDP));
    house.net.behind_nat(bob, IpAddr::from([198, 51, 100, 7]));
    house.register(bob);
    let here = house.call(alice, "sip:bob@offhook.test");
    let there = house.incoming(bob);
    house.answer(bob, there);
    house.is_established(alice, here);
    house.is_established(bob, there);
    house.hangup(alice, here);
    house.has_no_call(bob);
    house.close(&[alice, bob]);
}

#[test]
fn one_of_three_phones_answers_on_a_bad_network() {
    for seed in 0..15 {
        let mut house = House::new(seed, Conditions::bad());
        let alice = house.phone("alice", "alice", UDP);
        let phones = [("desk", UDP), ("browser", WS), ("laptop", TCP)].map(|(name, server)| {
            let phone = house.phone(name, "bob", server);
            house.register(phone);
            phone
        });
        let here = house.call(alice, "sip:bob@offhook.test");
        let calls = phones.map(|phone| house.incoming(phone));
        let answers = (seed % 3) as usize;
        house.answer(phones[answers], calls[answers]);
        house.is_established(alice, here);
        house.is_established(phones[answers], calls[answers]);
        for (index, phone) in phones.into_iter().enumerate() {
            if index != answers {
                house.has_no_call(phone);
            }
        }
        house.hangup(alice, here);
        house.has_no_call(alice);
        house.has_no_call(phones[answers]);
        let [desk, browser, laptop] = phones;
        house.close(&[alice, desk, browser, laptop]);
    }
}

#[test]
fn a_caller_gives_up_on_a_bad_network() {
    for seed in 0..15 {
        let mut house = House::new(seed, Conditions::bad());
        let (alice, bob) = (house.phone("alice", "alice", UDP), house.phone("bob", "bob", UDP));
        house.register(bob);
        let here = house.call(alice, "sip:bob@offhook.test");
        let there = house.incoming(bob);
        house.net.with(bob, |endpoint, now| endpoint.ring(now, there, None));
        house.hangup(alice, here);
        house.has_no_call(alice);
        house.has_no_call(bob);
        house.close(&[alice, bob]);
    }
}
