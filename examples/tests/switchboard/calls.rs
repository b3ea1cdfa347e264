//! Calls between two phones, over every pair of transports.

use offhook_core::message::{Name, Request};

use crate::world::{Dialog, Id, Out, UDP, WS, World, seconds};

/// Registers the callee and has the caller invite it; the INVITE as it was sent and as it came.
fn invite(world: &mut World, caller: Id, callee: Id) -> (Out, Request) {
    assert_eq!(world.register(callee, &[]).status().code(), 200);
    let mut out = world.out(caller, "INVITE", &format!("sip:{}@localhost", world.phones[callee].user));
    out.lines.push("Content-Type: application/sdp".to_owned());
    out.body = "v=0\r\n".to_owned();
    let sent = world.authorized(caller, &out);
    let came = world.request(callee, "INVITE");
    (sent, came)
}

/// The whole call: ringing, answer, ACK, re-INVITE by the callee, BYE by one or the other.
fn whole_call(world: &mut World, caller: Id, callee: Id, callee_hangs_up: bool) {
    let (sent, came) = invite(world, caller, callee);
    assert_eq!(came.uri_text(), world.phones[callee].contact);
    assert_eq!(came.body(), b"v=0\r\n");
    assert_eq!(came.max_forwards(), Ok(Some(69)));
    assert_eq!(came.vias().count(), 2);
    assert!(!came.contains(Name::ProxyAuthorization));
    let ringing = world.respond(callee, &came, 180);
    let early = world.response(caller, 180);
    assert_eq!(early.vias().count(), 1);
    assert_eq!(ringing.to().unwrap().tag(), early.to().unwrap().tag());
    let answer = world.respond(callee, &came, 200);
    let answered = world.response(caller, 200);
    let mut near = Dialog::of_caller(&sent, &answered);
    let mut far = Dialog::of_callee(&came, &answer);

    let ack = near.out(world, caller, "ACK");
    world.send(caller, &ack);
    let acked = world.request(callee, "ACK");
    assert!(!acked.contains(Name::Route));
    assert_eq!(acked.uri_text(), world.phones[callee].contact);

    let update = far.out(world, callee, "INVITE");
    world.send(callee, &update);
    let reinvite = world.request(caller, "INVITE");
    assert!(!reinvite.contains(Name::Route) && !reinvite.contains(Name::RecordRoute));
    assert_eq!(reinvite.uri_text(), world.phones[caller].contact);
    world.respond(caller, &reinvite, 488);
    let refused = world.response(callee, 488);
    world.ack_failure(callee, &update, &refused);
    assert_eq!(world.request(caller, "ACK").cseq().unwrap().number, 1);

    let (from, to, dialog) = if callee_hangs_up { (callee, caller, &mut far) } else { (caller, callee, &mut near) };
    let bye = dialog.out(world, from, "BYE");
    world.send(from, &bye);
    let came = world.request(to, "BYE");
    world.respond(to, &came, 200);
    world.response(from, 200);
    world.nothing(from);
    world.nothing(to);
    world.ended();
}

#[test]
fn udp_to_udp() {
    for callee_hangs_up in [false, true] {
        let mut world = World::new();
        let (alice, bob) = (world.udp("alice", 6001), world.udp("bob", 6002));
        whole_call(&mut world, alice, bob, callee_hangs_up);
    }
}

#[test]
fn udp_to_websocket() {
    for callee_hangs_up in [false, true] {
        let mut world = World::new();
        let (alice, bob) = (world.udp("alice", 6001), world.ws("bob", 40001));
        whole_call(&mut world, alice, bob, callee_hangs_up);
    }
}

#[test]
fn websocket_to_udp() {
    for callee_hangs_up in [false, true] {
        let mut world = World::new();
        let (alice, bob) = (world.ws("alice", 40001), world.udp("bob", 6002));
        whole_call(&mut world, alice, bob, callee_hangs_up);
    }
}

#[test]
fn websocket_to_websocket() {
    for callee_hangs_up in [false, true] {
        let mut world = World::new();
        let (alice, bob) = (world.ws("alice", 40001), world.ws("bob", 40002));
        whole_call(&mut world, alice, bob, callee_hangs_up);
    }
}

#[test]
fn the_record_route_leads_back_from_either_side() {
    let mut world = World::new();
    let (alice, bob) = (world.udp("alice", 6001), world.ws("bob", 40001));
    let (sent, came) = invite(&mut world, alice, bob);
    let answer = world.respond(bob, &came, 200);
    let answered = world.response(alice, 200);
    let near = Dialog::of_caller(&sent, &answered).routes().to_vec();
    let far = Dialog::of_callee(&came, &answer).routes().to_vec();
    assert_eq!(near.len(), 2);
    assert!(near[0].ends_with(&format!("@{UDP};lr>")), "{near:?}");
    assert!(far[0].ends_with(&format!("@{WS};transport=ws;lr>")), "{far:?}");
}

#[test]
fn a_route_nobody_signed_leads_nowhere() {
    let mut world = World::new();
    let (alice, bob) = (world.udp("alice", 6001), world.ws("bob", 40001));
    let (sent, came) = invite(&mut world, alice, bob);
    world.respond(bob, &came, 200);
    let answered = world.response(alice, 200);
    let mut dialog = Dialog::of_caller(&sent, &answered);
    let good = dialog.out(&mut world, alice, "BYE");
    let mut forged = good.clone();
    let swap = |line: &String| line.replacen("sip:0", "sip:1", 1);
    forged.lines = forged.lines.iter().map(swap).collect();
    assert_ne!(forged.lines, good.lines);
    world.send(alice, &forged);
    world.response(alice, 403);
    // Another call's is no better.
    let mut other = good.clone();
    other.call_id = "another".to_owned();
    other.branch.push('x');
    world.send(alice, &other);
    world.response(alice, 403);
    world.nothing(bob);
}

#[test]
fn the_2xx_is_passed_on_as_often_as_it_comes_and_long_after() {
    let mut world = World::new();
    let (alice, bob) = (world.udp("alice", 6001), world.udp("bob", 6002));
    let (_, came) = invite(&mut world, alice, bob);
    for wait in [0, 1, 31, 60] {
        world.advance(seconds(wait));
        world.respond(bob, &came, 200);
        world.response(alice, 200);
        world.nothing(alice);
    }
    world.ended();
}

#[test]
fn a_retransmitted_invite_is_not_sent_on_again() {
    let mut world = World::new();
    let (alice, bob) = (world.udp("alice", 6001), world.udp("bob", 6002));
    let (sent, came) = invite(&mut world, alice, bob);
    world.respond(bob, &came, 180);
    world.response(alice, 180);
    world.send(alice, &sent);
    world.response(alice, 180);
    world.nothing(bob);
}

#[test]
fn the_caller_cancels() {
    let mut world = World::new();
    let (alice, bob) = (world.udp("alice", 6001), world.ws("bob", 40001));
    let (sent, came) = invite(&mut world, alice, bob);
    world.respond(bob, &came, 180);
    world.response(alice, 180);
    world.cancel(alice, &sent);
    world.response(alice, 200);
    let cancel = world.request(bob, "CANCEL");
    assert_eq!(cancel.via().unwrap().branch(), came.via().unwrap().branch());
    assert_eq!(cancel.text(Name::Reason), Ok(Some("SIP;cause=487")));
    world.respond(bob, &cancel, 200);
    world.respond(bob, &came, 487);
    world.request(bob, "ACK");
    let ended = world.response(alice, 487);
    world.ack_failure(alice, &sent, &ended);
    world.nothing(bob);
    world.ended();
}

#[test]
fn a_cancel_waits_for_the_callee_to_be_heard() {
    let mut world = World::new();
    let (alice, bob) = (world.ws("alice", 40001), world.ws("bob", 40002));
    let (sent, came) = invite(&mut world, alice, bob);
    world.cancel(alice, &sent);
    world.response(alice, 200);
    world.nothing(bob);
    world.respond(bob, &came, 100);
    world.request(bob, "CANCEL");
    // The answer crosses the CANCEL: it counts.
    world.respond(bob, &came, 200);
    world.response(alice, 200);
    world.ended();
}

#[test]
fn a_cancel_of_nothing_is_told_so() {
    let mut world = World::new();
    let alice = world.udp("alice", 6001);
    let out = world.out(alice, "INVITE", "sip:bob@localhost");
    world.cancel(alice, &out);
    world.response(alice, 481);
    world.ended();
}

#[test]
fn a_caller_who_is_gone_leaves_no_phone_ringing() {
    let mut world = World::new();
    let (alice, bob) = (world.ws("alice", 40001), world.udp("bob", 6002));
    let (_, came) = invite(&mut world, alice, bob);
    world.respond(bob, &came, 180);
    world.response(alice, 180);
    world.close(alice);
    let cancel = world.request(bob, "CANCEL");
    world.respond(bob, &cancel, 200);
    world.respond(bob, &came, 487);
    world.request(bob, "ACK");
    world.ended();
}

#[test]
fn a_callee_who_is_gone_is_not_available() {
    let mut world = World::new();
    let (alice, bob) = (world.udp("alice", 6001), world.ws("bob", 40001));
    let (sent, came) = invite(&mut world, alice, bob);
    world.respond(bob, &came, 180);
    world.response(alice, 180);
    world.close(bob);
    let ended = world.response(alice, 480);
    world.ack_failure(alice, &sent, &ended);
    world.ended();
}

#[test]
fn a_dialog_whose_flow_is_gone_gets_430_until_the_user_agent_is_back() {
    let mut world = World::new();
    let (alice, bob) = (world.udp("alice", 6001), world.ws("bob", 40001));
    let (sent, came) = invite(&mut world, alice, bob);
    let answer = world.respond(bob, &came, 200);
    let answered = world.response(alice, 200);
    let mut near = Dialog::of_caller(&sent, &answered);
    let mut far = Dialog::of_callee(&came, &answer);
    world.close(bob);
    let info = near.out(&mut world, alice, "INFO");
    world.send(alice, &info);
    world.response(alice, 430);

    // Bob's page is on the network again and talks first; then Alice reaches it too.
    world.phones[bob].path = world.connect(40009);
    world.register(bob, &[]);
    let update = far.out(&mut world, bob, "UPDATE");
    world.send(bob, &update);
    let came = world.request(alice, "UPDATE");
    world.respond(alice, &came, 200);
    world.response(bob, 200);
    let bye = near.out(&mut world, alice, "BYE");
    world.send(alice, &bye);
    let came = world.request(bob, "BYE");
    world.respond(bob, &came, 200);
    world.response(alice, 200);
    world.ended();
}

#[test]
fn a_phone_that_never_answers_is_given_up() {
    let mut world = World::new();
    let (alice, bob) = (world.udp("alice", 6001), world.udp("bob", 6002));
    let (_, came) = invite(&mut world, alice, bob);
    world.respond(bob, &came, 180);
    world.response(alice, 180);
    world.advance(seconds(184));
    world.nothing(alice);
    world.nothing(bob);
    world.advance(seconds(1));
    let cancel = world.request(bob, "CANCEL");
    world.respond(bob, &cancel, 200);
    world.respond(bob, &came, 487);
    world.request(bob, "ACK");
    world.response(alice, 408);
    world.ended();
}

#[test]
fn a_phone_that_is_off_is_given_up_sooner() {
    let mut world = World::new();
    let (alice, bob) = (world.udp("alice", 6001), world.udp("bob", 6002));
    let (_, _) = invite(&mut world, alice, bob);
    world.advance(seconds(32));
    world.response(alice, 100);
    world.response(alice, 408);
    world.ended();
}

#[test]
fn the_strict_router_of_old_is_served() {
    let mut world = World::new();
    let (alice, bob) = (world.udp("alice", 6001), world.udp("bob", 6002));
    let (sent, came) = invite(&mut world, alice, bob);
    world.respond(bob, &came, 200);
    let answered = world.response(alice, 200);
    let mut dialog = Dialog::of_caller(&sent, &answered);
    let mut bye = dialog.out(&mut world, alice, "BYE");
    // It puts the first Route into the Request-URI and the target at the end.
    let target = std::mem::replace(&mut bye.uri, dialog.routes()[0].trim_matches(['<', '>']).to_owned());
    bye.lines = vec![format!("Route: <{target}>")];
    world.send(alice, &bye);
    let came = world.request(bob, "BYE");
    assert_eq!(came.uri_text(), world.phones[bob].contact);
    assert!(!came.contains(Name::Route));
}
