//! The async handles of transfers: asked for and waited for later, followed, refused, and dropped on the way.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use offhook_core::agent::{Call, Engine, TransferRequest, UserAgent};
use offhook_core::endpoint::{
    AnswerOptions, CallOptions, Census, Config, Error, FollowOptions, TransferEvent, TransferOptions,
};
use offhook_core::message::StatusCode;
use offhook_tests::endpoint::{ANSWER, OFFER};
use offhook_tests::net::{Conditions, Network, Node};

struct Agents {
    net: Network,
    alice: UserAgent,
    bob: UserAgent,
    carol: UserAgent,
    nodes: [Node<Engine>; 3],
}

impl Agents {
    fn new() -> Agents {
        let mut net = Network::new(5, Conditions::default());
        let mut agent = |name: &str, host: &str, number: u8| {
            let mut config = Config::new(&format!("sip:{name}@{host}")).expect("an address of record");
            config.automatic_media = true;
            let (agent, engine) = UserAgent::new(config, [number; 32]);
            let node = net.add(name, engine);
            net.bind_udp(node, 5060);
            (agent, node)
        };
        let (alice, at_alice) = agent("alice", "10.0.0.1", 1);
        let (bob, at_bob) = agent("bob", "10.0.0.2", 2);
        let (carol, at_carol) = agent("carol", "10.0.0.3", 3);
        Agents { net, alice, bob, carol, nodes: [at_alice, at_bob, at_carol] }
    }

    /// Runs the network until a future is ready.
    #[track_caller]
    fn wait<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..20_000 {
            if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                return value;
            }
            self.net.run_for(Duration::from_millis(10));
        }
        panic!("it never comes to an end\n{}", self.net.ladder());
    }

    fn run(&mut self, millis: u64) {
        self.net.run_for(Duration::from_millis(millis));
    }

    /// A call from Alice to Bob that is established.
    #[track_caller]
    fn call(&mut self) -> (Call, Call) {
        let (alice, bob) = (self.alice.clone(), self.bob.clone());
        let mut incoming = bob.incoming();
        let here = self.wait(alice.call("sip:bob@10.0.0.2", CallOptions::with_sdp(OFFER))).expect("on its way");
        let there = self.wait(incoming.next()).expect("a call");
        self.wait(there.answer(AnswerOptions::with_sdp(ANSWER))).expect("answered");
        self.wait(here.established()).expect("established");
        (here, there)
    }

    /// Bob is asked to call Carol, in the call with Alice.
    #[track_caller]
    fn asked(&mut self, here: &Call, there: &Call) -> (offhook_core::agent::Transfer, TransferRequest) {
        let mut requests = there.transfer_requests();
        let transfer = self.wait(here.transfer("sip:carol@10.0.0.3", TransferOptions::default())).expect("on its way");
        let request = self.wait(requests.next()).expect("a request");
        (transfer, request)
    }

    /// All handles are gone: the engines end what is left, and nothing remains.
    #[track_caller]
    fn finish(mut self) {
        drop((self.alice, self.bob, self.carol));
        self.net.run_until_idle();
        for node in self.nodes {
            let census = self.net.machine(node).endpoint().census();
            let mut expected = Census::default();
            // What is left of transactions goes with the engine.
            expected.client_transactions = census.client_transactions;
            expected.server_transactions = census.server_transactions;
            assert_eq!(census, expected);
        }
    }
}

#[test]
fn one_is_asked_for_and_its_outcome_is_awaited_later() {
    let mut agents = Agents::new();
    let (here, there) = agents.call();
    let carol = agents.carol.clone();
    let mut incoming = carol.incoming();
    let (transfer, request) = agents.asked(&here, &there);
    // Meanwhile Alice does something else in the call.
    agents.wait(here.hold()).expect("held");
    let new = agents.wait(request.accept(FollowOptions::with_sdp(OFFER))).expect("on its way");
    let at_carol = agents.wait(incoming.next()).expect("a call");
    agents.wait(at_carol.ring()).expect("it rings");
    agents.wait(at_carol.answer(AnswerOptions::with_sdp(ANSWER))).expect("answered");
    agents.wait(new.established()).expect("established");
    agents.run(5000);
    // Long done; nobody has listened so far.
    agents.wait(transfer.accepted()).expect("taken");
    let outcome = agents.wait(transfer.done()).expect("transferred");
    assert_eq!((outcome.status, &*outcome.phrase), (Some(StatusCode::OK), "OK"));
    assert_eq!(agents.wait(transfer.clone().done()).expect("the same again"), outcome);
    let mut events = transfer.events();
    let mut told = Vec::new();
    while let Some(event) = agents.wait(events.next()) {
        told.push(match event {
            TransferEvent::Accepted => 202,
            TransferEvent::Progress { status, .. } => status.code(),
            TransferEvent::Ended(Ok(_)) => 0,
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(told, [202, 100, 180, 200, 0]);
    agents.wait(here.ended()).expect("the call that was transferred is over");
    drop((here, there, transfer, request, new, at_carol, carol, incoming));
    agents.finish();
}

#[test]
fn one_that_is_refused_says_so_to_whoever_asks() {
    let mut agents = Agents::new();
    let (here, there) = agents.call();
    let (transfer, request) = agents.asked(&here, &there);
    agents.wait(request.reject(StatusCode::DECLINE)).expect("refused");
    for result in [agents.wait(transfer.accepted()).err(), agents.wait(transfer.done()).err()] {
        match result {
            Some(Error::Status(refusal)) => assert_eq!(refusal.status, StatusCode::DECLINE),
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(agents.wait(request.accept(FollowOptions::with_sdp(OFFER))), Err(Error::State(_))));
    assert_eq!(here.state().name(), "established");
    drop((here, there, transfer, request));
    agents.finish();
}

#[test]
fn a_handle_that_is_dropped_stops_nothing() {
    let mut agents = Agents::new();
    let (here, there) = agents.call();
    let carol = agents.carol.clone();
    let mut incoming = carol.incoming();
    let (transfer, request) = agents.asked(&here, &there);
    drop(transfer);
    let new = agents.wait(request.accept(FollowOptions::with_sdp(OFFER))).expect("on its way");
    drop(request);
    let at_carol = agents.wait(incoming.next()).expect("a call");
    agents.wait(at_carol.answer(AnswerOptions::with_sdp(ANSWER))).expect("answered");
    agents.wait(new.established()).expect("established");
    // The transfer was done all the same: the first call is over by itself.
    agents.wait(here.ended()).expect("an end");
    agents.wait(there.ended()).expect("an end");
    assert_eq!(new.state().name(), "established");
    drop((here, there, new, at_carol, carol, incoming));
    agents.finish();
}

#[test]
fn a_request_that_is_dropped_is_refused_in_time() {
    let mut agents = Agents::new();
    let (here, there) = agents.call();
    let (transfer, request) = agents.asked(&here, &there);
    drop(request);
    match agents.wait(transfer.done()) {
        Err(Error::Status(refusal)) => assert!(refusal.status.code() >= 400),
        other => panic!("{other:?}"),
    }
    assert_eq!((here.state().name(), there.state().name()), ("established", "established"));
    drop((here, there, transfer));
    agents.finish();
}

#[test]
fn nobody_who_decides_is_no() {
    let mut agents = Agents::new();
    let (here, there) = agents.call();
    let transfer = agents.wait(here.transfer("sip:carol@10.0.0.3", TransferOptions::default())).expect("on its way");
    assert!(matches!(agents.wait(transfer.done()), Err(Error::Status(_))));
    drop((here, there, transfer));
    agents.finish();
}

#[test]
fn a_wait_that_is_given_up_changes_nothing() {
    let mut agents = Agents::new();
    let (here, there) = agents.call();
    let (transfer, request) = agents.asked(&here, &there);
    {
        let mut done = pin!(transfer.done());
        let mut context = Context::from_waker(Waker::noop());
        assert!(done.as_mut().poll(&mut context).is_pending());
    }
    agents.wait(request.reject(StatusCode::BUSY_HERE)).expect("refused");
    match agents.wait(transfer.done()) {
        Err(Error::Status(refusal)) => assert_eq!(refusal.status, StatusCode::BUSY_HERE),
        other => panic!("{other:?}"),
    }
    drop((here, there, transfer, request));
    agents.finish();
}

#[test]
fn all_handles_dropped_in_the_middle_leave_nothing() {
    let mut agents = Agents::new();
    let (here, there) = agents.call();
    let (transfer, request) = agents.asked(&here, &there);
    let new = agents.wait(request.accept(FollowOptions::with_sdp(OFFER))).expect("on its way");
    drop((here, there, transfer, request, new));
    agents.finish();
}
