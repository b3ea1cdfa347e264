//! What the switchboard answers by itself.

use bytes::Bytes;
use offhook_core::message::Name;

use crate::world::{World, seconds};

#[test]
fn options_to_the_switchboard_are_answered() {
    let mut world = World::new();
    let alice = world.udp("alice", 6001);
    for uri in ["sip:localhost", "sip:127.0.0.1:5060", "sip:127.0.0.1"] {
        let out = world.out(alice, "OPTIONS", uri);
        world.send(alice, &out);
        let response = world.response(alice, 200);
        assert_eq!(response.tokens(Name::Allow).collect::<Vec<_>>(), ["OPTIONS", "REGISTER"]);
    }
    let out = world.out(alice, "INVITE", "sip:localhost");
    world.send(alice, &out);
    world.response(alice, 405);
}

#[test]
fn test_targets_answer_as_asked() {
    let mut world = World::new();
    let alice = world.udp("alice", 6001);
    for (user, code) in
        [("busy", 486), ("decline", 603), ("status-302", 302), ("status-503", 503), ("nobody", 404), ("bob", 480)]
    {
        let out = world.out(alice, "INVITE", &format!("sip:{user}@localhost"));
        let sent = world.authorized(alice, &out);
        let response = world.response(alice, code);
        assert_eq!(response.contains(Name::RetryAfter), code == 503);
        assert_eq!(response.contains(Name::Contact), code == 302);
        world.ack_failure(alice, &sent, &response);
    }
    world.ended();
}

#[test]
fn the_black_hole_says_100_and_can_be_cancelled() {
    let mut world = World::new();
    let alice = world.udp("alice", 6001);
    let out = world.out(alice, "INVITE", "sip:blackhole@localhost");
    let sent = world.authorized(alice, &out);
    world.response(alice, 100);
    world.advance(seconds(100));
    world.nothing(alice);
    world.cancel(alice, &sent);
    world.response(alice, 200);
    world.response(alice, 487);
    world.ended();
}

#[test]
fn the_ringing_phone_rings_until_timer_c() {
    let mut world = World::new();
    let alice = world.udp("alice", 6001);
    let out = world.out(alice, "INVITE", "sip:ringing@localhost");
    world.authorized(alice, &out);
    let ringing = world.response(alice, 180);
    world.advance(seconds(185));
    let ended = world.response(alice, 408);
    assert_eq!(ringing.to().unwrap().tag(), ended.to().unwrap().tag());
    world.ended();
}

#[test]
fn a_black_hole_swallows_other_requests_for_good() {
    let mut world = World::new();
    let alice = world.udp("alice", 6001);
    let out = world.out(alice, "MESSAGE", "sip:blackhole@localhost");
    world.authorized(alice, &out);
    world.advance(seconds(40));
    world.response(alice, 100);
    world.nothing(alice);
    world.ended();
}

#[test]
fn who_says_to_be_a_user_must_prove_it() {
    let mut world = World::new();
    let (alice, bob) = (world.udp("alice", 6001), world.udp("bob", 6002));
    world.register(bob, &[]);
    let mut out = world.out(alice, "INVITE", "sip:bob@localhost");
    out.from = "<sip:carol@localhost>;tag=1".to_owned();
    world.authorized(alice, &out);
    world.response(alice, 403);
    world.nothing(bob);
}

#[test]
fn strangers_reach_our_users_and_nobody_else() {
    let mut world = World::new();
    let (stranger, bob) = (world.udp("mallory", 6001), world.udp("bob", 6002));
    world.register(bob, &[]);
    let mut out = world.out(stranger, "INVITE", "sip:bob@localhost");
    out.from = "<sip:mallory@elsewhere.example>;tag=1".to_owned();
    world.send(stranger, &out);
    world.request(bob, "INVITE");
    let mut out = world.out(stranger, "INVITE", "sip:127.0.0.1:6002");
    out.from = "<sip:mallory@elsewhere.example>;tag=1".to_owned();
    world.send(stranger, &out);
    world.response(stranger, 403);
    world.nothing(bob);
}

#[test]
fn our_users_reach_addresses_outside() {
    let mut world = World::new();
    let (alice, outside) = (world.ws("alice", 40001), world.udp("outside", 6002));
    let out = world.out(alice, "INVITE", "sip:anybody@127.0.0.1:6002");
    world.authorized(alice, &out);
    assert_eq!(world.request(outside, "INVITE").uri_text(), "sip:anybody@127.0.0.1:6002");
    for nowhere in ["sip:anybody@elsewhere.example", "sip:a@127.0.0.1:6002;transport=tcp", "sips:a@127.0.0.1:6002"] {
        let out = world.out(alice, "INVITE", nowhere);
        world.authorized(alice, &out);
        world.response(alice, 404);
    }
}

#[test]
fn hops_are_counted() {
    let mut world = World::new();
    let (alice, bob) = (world.udp("alice", 6001), world.udp("bob", 6002));
    world.register(bob, &[]);
    let mut out = world.out(alice, "MESSAGE", "sip:bob@localhost");
    out.from = "<sip:x@elsewhere.example>;tag=1".to_owned();
    let text = world.text(alice, &out);
    world.raw(alice, text.replace("Max-Forwards: 70", "Max-Forwards: 0"));
    world.response(alice, 483);
    let text = world.text(alice, &out).replace("phone", "other");
    world.raw(alice, text.replace("Max-Forwards: 70\r\n", ""));
    assert_eq!(world.request(bob, "MESSAGE").max_forwards(), Ok(Some(70)));
}

#[test]
fn a_loop_is_seen_and_a_spiral_is_not_a_loop() {
    let mut world = World::new();
    let (alice, bob) = (world.udp("alice", 6001), world.udp("bob", 6002));
    world.register(bob, &[]);
    let mut out = world.out(alice, "MESSAGE", "sip:bob@localhost");
    out.from = "<sip:x@elsewhere.example>;tag=1".to_owned();
    world.send(alice, &out);
    let came = world.request(bob, "MESSAGE");
    let text = String::from_utf8(came.bytes().to_vec()).unwrap();
    // Bob's phone sends it back unchanged but for its Via, then to somebody else.
    let back = |uri: &str, branch: &str| {
        text.replacen(came.uri_text(), uri, 1).replacen(
            "\r\n",
            &format!("\r\nVia: SIP/2.0/UDP 127.0.0.1:6002;branch={branch}\r\n"),
            1,
        )
    };
    world.raw(bob, back("sip:bob@localhost", "z9hG4bKloop"));
    world.response(bob, 482);
    world.raw(bob, back("sip:carol@localhost", "z9hG4bKspiral"));
    world.response(bob, 480);
}

#[test]
fn unknown_extensions_and_schemes_are_refused() {
    let mut world = World::new();
    let alice = world.udp("alice", 6001);
    let out = world.out(alice, "INVITE", "sip:bob@localhost").line("Proxy-Require: foo, bar");
    world.send(alice, &out);
    let response = world.response(alice, 420);
    assert_eq!(response.tokens(Name::Unsupported).collect::<Vec<_>>(), ["foo", "bar"]);
    for uri in ["tel:+1234", "http://example.com"] {
        let out = world.out(alice, "OPTIONS", uri);
        world.send(alice, &out);
        world.response(alice, 416);
    }
}

#[test]
fn what_is_malformed_is_answered_where_it_can_be() {
    let mut world = World::new();
    let alice = world.udp("alice", 6001);
    let out = world.out(alice, "OPTIONS", "sip:localhost");
    let good = world.text(alice, &out);
    for (bad, code) in [
        (good.replace("CSeq: 1 OPTIONS", "CSeq: x OPTIONS"), 400),
        (good.replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia"), 505),
        (good.replace("Content-Length: 0", "Content-Length: 9999"), 400),
        (good.replace("From: <sip:", "From: \"<sip:"), 400),
    ] {
        world.raw(alice, bad);
        world.response(alice, code);
    }
    for hopeless in [&b"OPTIONS\r\n\r\n"[..], b"\xff\xfe\x00", b"SIP/2.0 2x0 OK\r\n\r\n", b"\r\n\r\n", b""] {
        world.raw(alice, Bytes::copy_from_slice(hopeless));
        world.nothing(alice);
    }
    world.ended();
}

#[test]
fn no_cut_or_bent_message_does_harm() {
    let mut world = World::new();
    let (alice, bob) = (world.udp("alice", 6001), world.udp("bob", 6002));
    world.register(bob, &[]);
    let mut out = world.out(alice, "INVITE", "sip:bob@localhost");
    out.from = "<sip:x@elsewhere.example>;tag=1".to_owned();
    let good = world.text(alice, &out).into_bytes();
    for at in 0..good.len() {
        world.raw(alice, good[..at].to_vec());
        let mut bent = good.clone();
        bent[at] ^= 0x11;
        world.raw(alice, bent);
        while world.try_next(alice).or_else(|| world.try_next(bob)).is_some() {}
    }
    world.advance(seconds(100));
    world.ended();
}

#[test]
fn the_torture_tests_do_no_harm() {
    let mut world = World::new();
    let (alice, bob) = (world.udp("alice", 6001), world.ws("bob", 40001));
    world.strict = false;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/rfc4475");
    let mut messages: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    messages.sort();
    assert!(messages.len() > 40);
    for message in messages {
        let message = Bytes::from(std::fs::read(message).unwrap());
        for phone in [alice, bob] {
            world.raw(phone, message.clone());
            while world.try_next(phone).is_some() {}
        }
    }
    world.ended();
}

#[test]
fn what_does_not_fit_into_a_datagram_goes_to_the_connection_alone() {
    let mut config = offhook_examples::switchboard::Config::default();
    config.limits.message.message = 1 << 20;
    let mut world = World::with(config);
    let alice = world.ws("alice", 40001);
    let (desk, browser) = (world.udp("bob", 6002), world.ws("bob", 40002));
    world.register(desk, &[]);
    let mut out = world.out(alice, "MESSAGE", "sip:bob@localhost");
    out.body = "x".repeat(70_000);
    world.authorized(alice, &out);
    world.response(alice, 513);
    world.register(browser, &[]);
    let mut again = world.again(&out);
    again.cseq += 1;
    world.authorized(alice, &again);
    world.request(browser, "MESSAGE");
    world.nothing(desk);
}

#[test]
fn too_much_at_once_is_refused_without_being_kept() {
    let mut config = offhook_examples::switchboard::Config::default();
    config.limits.transactions = 3;
    let mut world = World::with(config);
    let alice = world.udp("alice", 6001);
    for n in 0..5 {
        let mut out = world.out(alice, "INVITE", "sip:blackhole@localhost");
        out.from = "<sip:x@elsewhere.example>;tag=1".to_owned();
        world.send(alice, &out);
        world.response(alice, if n < 3 { 100 } else { 503 });
    }
    world.ended();
}
