//! The async handles of subscriptions and publications, on the simulated network.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use offhook_core::agent::{Engine, UserAgent};
use offhook_core::endpoint::{
    AcceptOptions, Census, Config, Document, EndedBy, Error, PublishOptions, SubscribeOptions, SubscriptionState,
};
use offhook_core::message::StatusCode;
use offhook_tests::net::{Conditions, Network, Node};

struct Agents {
    net: Network,
    alice: UserAgent,
    bob: UserAgent,
    nodes: [Node<Engine>; 2],
}

impl Agents {
    fn new() -> Agents {
        let mut net = Network::new(3, Conditions::default());
        let mut agent = |name: &str, host: &str, number: u8| {
            let mut config = Config::new(&format!("sip:{name}@{host}")).expect("an address of record");
            config.packages = vec!["message-summary".into()];
            let (agent, engine) = UserAgent::new(config, [number; 32]);
            let node = net.add(name, engine);
            net.bind_udp(node, 5060);
            (agent, node)
        };
        let (alice, at_alice) = agent("alice", "10.0.0.1", 1);
        let (bob, at_bob) = agent("bob", "10.0.0.2", 2);
        Agents { net, alice, bob, nodes: [at_alice, at_bob] }
    }

    /// Runs the network until a future is ready.
    #[track_caller]
    fn wait<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..10_000 {
            if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                return value;
            }
            self.net.run_for(Duration::from_millis(10));
        }
        panic!("it never comes to an end\n{}", self.net.ladder());
    }

    /// All handles are gone: the engines end what is left, and nothing remains.
    #[track_caller]
    fn finish(mut self) {
        drop((self.alice, self.bob));
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

const SUMMARY: &str = "Messages-Waiting: yes\r\nVoice-Message: 2/8\r\n";

#[test]
fn a_subscription_from_its_beginning_to_its_end() {
    let mut agents = Agents::new();
    let (alice, bob) = (agents.alice.clone(), agents.bob.clone());
    let mut incoming = bob.incoming_subscriptions();
    let options = SubscribeOptions::new("message-summary").expires(600);
    let ours = agents.wait(alice.subscribe("sip:bob@10.0.0.2", options)).expect("on its way");
    let theirs = agents.wait(incoming.next()).expect("alice subscribes");
    assert_eq!((&*theirs.request().package, theirs.request().expires), ("message-summary", 600));
    let first = AcceptOptions::with("application/simple-message-summary", SUMMARY);
    agents.wait(theirs.accept(first)).expect("she has it");
    agents.wait(ours.established()).expect("it is here");
    assert_eq!((ours.state(), theirs.state()), (SubscriptionState::Active, SubscriptionState::Active));
    let notice = ours.notice().expect("a notice");
    match notice.parse().expect("a summary") {
        Document::MessageSummary(summary) => assert_eq!(summary.voice().map(|voice| voice.new), Some(2)),
        other => panic!("{other:?}"),
    }
    agents.wait(theirs.notify("text/plain", "more")).expect("she has it");
    agents.wait(ours.refresh()).expect("told again");
    agents.wait(ours.unsubscribe()).expect("over");
    let (end, ended) = (agents.wait(ours.ended()).expect("an end"), agents.wait(theirs.ended()).expect("an end"));
    assert_eq!((end.by, ended.by, &*ended.reason), (EndedBy::Local, EndedBy::Remote, "timeout"));
    let mut notices = ours.notices();
    let mut bodies = Vec::new();
    while let Some(notice) = agents.wait(notices.next()) {
        bodies.push(String::from_utf8_lossy(&notice.body).into_owned());
    }
    assert_eq!(bodies, [SUMMARY, "more", "more", "more"]);
    assert!(matches!(agents.wait(theirs.notify("text/plain", "late")), Err(Error::State(_))));
    drop((ours, theirs, alice, bob));
    agents.finish();
}

#[test]
fn one_that_is_rejected_says_so() {
    let mut agents = Agents::new();
    let (alice, bob) = (agents.alice.clone(), agents.bob.clone());
    let ours = agents.wait(alice.subscribe("sip:bob@10.0.0.2", SubscribeOptions::new("message-summary")));
    let ours = ours.expect("on its way");
    // It waits for who listens.
    agents.net.run_for(Duration::from_millis(100));
    let theirs = agents.wait(bob.incoming_subscriptions().next()).expect("alice subscribes");
    agents.wait(theirs.reject(StatusCode::FORBIDDEN)).expect("rejected");
    match agents.wait(ours.established()) {
        Err(Error::Status(refusal)) => assert_eq!(refusal.status, StatusCode::FORBIDDEN),
        other => panic!("{other:?}"),
    }
    drop((ours, theirs, alice, bob));
    agents.finish();
}

#[test]
fn nobody_takes_publications_here() {
    let mut agents = Agents::new();
    let alice = agents.alice.clone();
    let options = PublishOptions::default().target("sip:bob@10.0.0.2");
    match agents.wait(alice.publish("presence", "text/plain", "here", options)) {
        Err(Error::Status(refusal)) => assert_eq!(refusal.status, StatusCode::METHOD_NOT_ALLOWED),
        other => panic!("{other:?}"),
    }
    drop(alice);
    agents.finish();
}

#[test]
fn handles_that_are_dropped_leave_nothing() {
    let mut agents = Agents::new();
    let (alice, bob) = (agents.alice.clone(), agents.bob.clone());
    let mut incoming = bob.incoming_subscriptions();
    let ours = agents.wait(alice.subscribe("sip:bob@10.0.0.2", SubscribeOptions::new("message-summary")));
    let theirs = agents.wait(incoming.next()).expect("alice subscribes");
    agents.wait(theirs.accept(AcceptOptions::default())).expect("accepted");
    drop((ours, theirs, alice, bob, incoming));
    agents.finish();
}
