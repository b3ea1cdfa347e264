//! A whole run replays from its seed: two user agents call each other over a bad network, twice, and every byte is sent
//! at the same millisecond.

use std::time::Duration;

use offhook_core::endpoint::{AnswerOptions, CallOptions, Config, Endpoint, Event};
use offhook_core::transport::Transport;
use offhook_tests::net::{Conditions, Network, Node};

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n";

fn agent(net: &mut Network, name: &str) -> Node<Endpoint> {
    let config = Config::new(&format!("sip:{name}@{name}")).expect("an address");
    let seed = net.rng().seed();
    let node = net.add(name, Endpoint::new(config, seed));
    net.bind_udp(node, 5060);
    net.listen(node, Transport::Tcp, 5060);
    node
}

/// Three calls at once, answered after a while, half of them ended by the callee.
fn run(seed: u64, target: &str) -> Network {
    let mut net = Network::new(seed, Conditions { segment: 100, ..Conditions::bad() });
    let (alice, bob) = (agent(&mut net, "alice"), agent(&mut net, "bob"));
    for _ in 0..3 {
        let call = net.with(alice, |agent, now| agent.call(now, target, CallOptions::with_sdp(SDP)));
        call.expect("a call");
    }
    net.run_for(Duration::from_secs(4));
    for (index, (_, event)) in net.take_events(bob).into_iter().enumerate() {
        if let Event::Incoming { call, .. } = event {
            net.with(bob, |agent, now| agent.ring(now, call, None));
            net.run_for(Duration::from_millis(700));
            net.with(bob, |agent, now| agent.answer(now, call, AnswerOptions::with_sdp(SDP)));
            net.run_for(Duration::from_secs(3));
            if index % 2 == 0 {
                net.with(bob, |agent, now| agent.hangup(now, call, None));
            }
        }
    }
    for call in net.machine(alice).calls() {
        net.with(alice, |agent, now| agent.hangup(now, call, None));
    }
    net.run_until_idle();
    for node in [alice, bob] {
        assert!(net.machine(node).calls().is_empty(), "every call ended\n{}", net.ladder());
    }
    net
}

#[test]
fn the_same_seed_gives_the_same_calls_byte_by_byte() {
    for target in ["sip:bob@10.0.0.2", "sip:bob@10.0.0.2;transport=tcp"] {
        for seed in 0..20 {
            let (first, second) = (run(seed, target), run(seed, target));
            assert!(first.trace().len() > 12, "something happened\n{}", first.ladder());
            assert!(first.trace() == second.trace(), "{}\n{}", first.ladder(), second.ladder());
        }
    }
}

#[test]
fn another_seed_gives_other_calls() {
    assert!(run(1, "sip:bob@10.0.0.2").trace() != run(2, "sip:bob@10.0.0.2").trace());
}
