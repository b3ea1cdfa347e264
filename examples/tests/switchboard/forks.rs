//! Requests that go to several phones of one user.

use offhook_core::message::{Name, Request};

use crate::world::{Dialog, Id, Out, World, seconds};

struct Fork {
    world: World,
    alice: Id,
    desk: Id,
    browser: Id,
    sent: Out,
    at_desk: Request,
    at_browser: Request,
}

/// Alice calls Bob, who has a desk phone and a browser, and both have said 180.
fn ringing() -> Fork {
    let mut world = World::new();
    let alice = world.ws("alice", 40001);
    let (desk, browser) = (world.udp("bob", 6001), world.ws("bob", 40002));
    world.register(desk, &[]);
    world.register(browser, &[]);
    let out = world.out(alice, "INVITE", "sip:bob@localhost");
    let sent = world.authorized(alice, &out);
    let (at_desk, at_browser) = (world.request(desk, "INVITE"), world.request(browser, "INVITE"));
    assert_ne!(at_desk.via().unwrap().branch(), at_browser.via().unwrap().branch());
    for (phone, invite) in [(desk, &at_desk), (browser, &at_browser)] {
        world.respond(phone, invite, 180);
        world.response(alice, 180);
    }
    Fork { world, alice, desk, browser, sent, at_desk, at_browser }
}

/// The phone is told that the call is over for it.
fn expect_cancel(world: &mut World, phone: Id, invite: &Request) -> Request {
    let cancel = world.request(phone, "CANCEL");
    world.respond(phone, &cancel, 200);
    world.respond(phone, invite, 487);
    world.request(phone, "ACK");
    cancel
}

#[test]
fn who_answers_first_gets_the_call() {
    let Fork { mut world, alice, desk, browser, sent, at_desk, at_browser } = ringing();
    world.respond(browser, &at_browser, 200);
    let answered = world.response(alice, 200);
    let cancel = expect_cancel(&mut world, desk, &at_desk);
    assert_eq!(cancel.text(Name::Reason), Ok(Some("SIP;cause=200;text=\"Call completed elsewhere\"")));
    let mut dialog = Dialog::of_caller(&sent, &answered);
    let ack = dialog.out(&mut world, alice, "ACK");
    world.send(alice, &ack);
    world.request(browser, "ACK");
    world.nothing(desk);
    world.nothing(alice);
    world.ended();
}

#[test]
fn two_who_answer_at_once_both_get_through() {
    let Fork { mut world, alice, desk, browser, sent, at_desk, at_browser } = ringing();
    // Neither has heard of the other's answer when it answers.
    world.respond(browser, &at_browser, 200);
    world.respond(desk, &at_desk, 200);
    world.request(desk, "CANCEL");
    let answers = [browser, desk].map(|phone| (phone, world.response(alice, 200)));
    for (phone, answered) in answers {
        let mut dialog = Dialog::of_caller(&sent, &answered);
        let ack = dialog.out(&mut world, alice, "ACK");
        world.send(alice, &ack);
        world.request(phone, "ACK");
        let bye = dialog.out(&mut world, alice, "BYE");
        world.send(alice, &bye);
        let came = world.request(phone, "BYE");
        world.respond(phone, &came, 200);
        world.response(alice, 200);
    }
    world.nothing(alice);
    world.ended();
}

#[test]
fn one_who_declines_for_good_ends_it_for_all() {
    let Fork { mut world, alice, desk, browser, at_desk, at_browser, .. } = ringing();
    world.respond(browser, &at_browser, 603);
    world.request(browser, "ACK");
    world.nothing(alice);
    expect_cancel(&mut world, desk, &at_desk);
    world.response(alice, 603);
    world.ended();
}

#[test]
fn the_best_of_two_failures_goes_back_when_both_are_there() {
    let Fork { mut world, alice, desk, browser, sent, at_desk, at_browser } = ringing();
    world.respond(browser, &at_browser, 480);
    world.request(browser, "ACK");
    world.nothing(alice);
    world.respond(desk, &at_desk, 486);
    let ended = world.response(alice, 486);
    world.ack_failure(alice, &sent, &ended);
    world.ended();
}

#[test]
fn challenges_of_all_branches_go_back_together() {
    let Fork { mut world, alice, desk, browser, at_desk, at_browser, .. } = ringing();
    world.respond(browser, &at_browser, 407);
    world.respond(desk, &at_desk, 407);
    let response = world.response(alice, 407);
    assert_eq!(response.challenges(Name::ProxyAuthenticate).count(), 2);
    world.ended();
}

#[test]
fn a_cancel_reaches_all() {
    let Fork { mut world, alice, desk, browser, sent, at_desk, at_browser } = ringing();
    world.cancel(alice, &sent);
    world.response(alice, 200);
    expect_cancel(&mut world, desk, &at_desk);
    world.nothing(alice);
    expect_cancel(&mut world, browser, &at_browser);
    world.response(alice, 487);
    world.ended();
}

#[test]
fn one_dead_phone_does_not_keep_the_call_from_the_other() {
    let Fork { mut world, alice, desk, browser, at_desk, .. } = ringing();
    world.close(browser);
    world.nothing(alice);
    world.respond(desk, &at_desk, 200);
    world.response(alice, 200);
    world.ended();
}

#[test]
fn a_message_is_answered_once() {
    let mut world = World::new();
    let alice = world.udp("alice", 6001);
    let (desk, browser) = (world.udp("bob", 6002), world.ws("bob", 40002));
    world.register(desk, &[]);
    world.register(browser, &[]);
    let mut out = world.out(alice, "MESSAGE", "sip:bob@localhost");
    out.lines = vec!["Content-Type: text/plain".to_owned()];
    out.body = "hello".to_owned();
    world.authorized(alice, &out);
    let (at_desk, at_browser) = (world.request(desk, "MESSAGE"), world.request(browser, "MESSAGE"));
    assert_eq!(at_desk.body(), b"hello");
    assert!(!at_desk.contains(Name::RecordRoute));
    world.respond(desk, &at_desk, 200);
    world.respond(browser, &at_browser, 200);
    world.response(alice, 200);
    world.nothing(alice);
    world.ended();
}

#[test]
fn a_request_nobody_answers_ends_without_a_408() {
    let mut world = World::new();
    let (alice, bob) = (world.udp("alice", 6001), world.udp("bob", 6002));
    world.register(bob, &[]);
    let out = world.out(alice, "MESSAGE", "sip:bob@localhost");
    world.authorized(alice, &out);
    world.advance(seconds(100));
    world.response(alice, 100);
    world.nothing(alice);
    world.ended();
}
