//! A call that takes another's place (RFC 3891): on the wire, on the network of three, and each way to refuse it.

use std::time::Duration;

use offhook_core::endpoint::{AnswerOptions, CallId, CallOptions, Event, Invitation, Replacement, Replacing};
use offhook_core::message::StatusCode;
use offhook_tests::endpoint::{ANSWER, OFFER, Solo, Trio, response};
use offhook_tests::net::Verdict;
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

const MS: Duration = Duration::from_millis(1);

fn invite() -> Text {
    Text::request("INVITE", "z9hG4bK-invite").add("Contact", "<sip:alice@192.0.2.1:5060>").sdp(OFFER)
}

/// An INVITE of somebody else, with a Replaces value.
fn other(replaces: &str) -> Text {
    named_other("another", replaces)
}

fn named_other(call_id: &str, replaces: &str) -> Text {
    invite()
        .set("Via", &format!("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-{call_id}"))
        .set("From", "Carol <sip:carol@example.com>;tag=carol")
        .set("Call-ID", call_id)
        .add("Replaces", replaces)
}

/// Bob's call from Alice, and the value that names it.
fn answered(solo: &mut Solo) -> (CallId, String) {
    let call = solo.called(&invite());
    solo.act(|endpoint, now| endpoint.answer(now, call, AnswerOptions::with_sdp(ANSWER)));
    let answer = solo.last("200 INVITE");
    solo.receive(
        &invite().method("ACK").set("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-ack").set("To", answer.get("To")),
    );
    assert!(solo.log().contains("established"));
    (call, named(&answer))
}

/// The Replaces value for the dialog of a response of Bob's.
fn named(response: &Text) -> String {
    let tag = response.get("To").rsplit_once("tag=").expect("a tag").1;
    format!("a-call;to-tag={tag};from-tag=alice")
}

fn invitation(solo: &mut Solo) -> Option<Box<Invitation>> {
    solo.events().into_iter().find_map(|event| match event {
        Event::Incoming { invitation, .. } => Some(invitation),
        _ => None,
    })
}

/// What an INVITE with that value is answered with; nothing may be told of it, and the call goes on.
#[track_caller]
fn refused(solo: &mut Solo, invite: &Text, status: u16) {
    let calls = solo.endpoint.census().calls;
    solo.receive(invite);
    assert_eq!(solo.last(&format!("{status} INVITE")).get("Call-ID"), invite.get("Call-ID"), "{status}");
    assert_eq!(solo.log(), "");
    assert_eq!(solo.endpoint.census().calls, calls);
}

#[test]
fn a_call_takes_the_place_of_another() {
    let mut trio = Trio::new();
    let (here, there) = trio.established(trio.alice, trio.bob);
    let replaced = trio.net.machine(trio.alice).replacement(here).expect("a call").expect("a dialog");
    let options = CallOptions::with_sdp(OFFER).replacing(replaced);
    trio.call_with(trio.carol, "bob", options);
    let new = trio.incoming(trio.bob);
    let Some((_, Event::Incoming { invitation, .. })) = trio.net.events(trio.bob).first() else { panic!() };
    assert_eq!(invitation.replaces, Some(there));
    trio.net.run_for(1000 * MS);
    assert_eq!(trio.state(trio.bob, there), "established", "nothing happens to it before the new one is answered");
    trio.answer(trio.bob, new);
    trio.net.run_for(100 * MS);
    expect(
        &trio.net.ladder(),
        "
              ms  alice               bob                 carol
              40  |                   |<-----INVITE-------|
             250  |                   |----100 INVITE---->|
            1050  |                   |----200 INVITE---->|
            1060  |                   |<-------ACK--------|
            1070  |<-------BYE--------|                   |
            1080  |------200 BYE----->|                   |
        ",
    );
    let bye = trio.net.trace().iter().find(|hop| hop.label() == "BYE").and_then(|hop| hop.bytes()).expect("a BYE");
    assert_eq!(Text::parse(bye).get("Reason"), "SIP;cause=200;text=\"Replaced by another call\"");
    expect(
        &trio.log(trio.bob),
        "
              50  incoming from sip:carol@10.0.0.3 with sdp
            1070  answered
            1070  done
            1090  over, by local, 200 replaced by another call, SIP Some(200)
        ",
    );
    expect(&trio.log(trio.alice), "  1080  over, by remote, 200 BYE received, SIP Some(200)");
    trio.net.with(trio.bob, |bob, now| bob.hangup(now, new, None));
    trio.finish();
}

/// A new call that is not taken leaves the old one as it was (baresip#3819).
#[test]
fn a_replacement_that_is_refused_changes_nothing() {
    let mut solo = Solo::new();
    let (call, replaces) = answered(&mut solo);
    let new = solo.called(&other(&replaces));
    solo.act(|endpoint, now| endpoint.reject(now, new, StatusCode::NOT_ACCEPTABLE_HERE, None));
    solo.last("488 INVITE");
    assert!(solo.times("BYE").is_empty());
    assert_eq!(solo.endpoint.call_info(call).expect("a call").state.name(), "established");
}

/// An answer whose ACK never comes has not replaced anything either.
#[test]
fn a_replacement_that_is_never_acknowledged_changes_nothing() {
    let mut trio = Trio::new();
    let (here, there) = trio.established(trio.alice, trio.bob);
    let replaced = trio.net.machine(trio.alice).replacement(here).expect("a call").expect("a dialog");
    trio.call_with(trio.carol, "bob", CallOptions::with_sdp(OFFER).replacing(replaced));
    let new = trio.incoming(trio.bob);
    trio.net.interfere(|packet| if packet.label() == "ACK" { Verdict::Lose } else { Verdict::Pass });
    trio.answer(trio.bob, new);
    trio.net.run_for(40_000 * MS);
    assert_eq!(trio.state(trio.bob, new), "over");
    assert_eq!(trio.state(trio.bob, there), "established");
    trio.net.with(trio.bob, |bob, now| bob.hangup(now, there, None));
    trio.finish();
}

/// Call pickup (RFC 3891 7.1): Bob rings at Alice's, and the call comes back to him from Carol.
#[test]
fn an_early_dialog_of_ours_is_cancelled() {
    let mut solo = Solo::new();
    let (call, ours) = solo.call();
    solo.respond(&ours, 180, "alice", "");
    let tag = ours.get("From").rsplit_once("tag=").expect("a tag").1.to_owned();
    let value = format!("{};to-tag={tag};from-tag=alice;early-only", ours.get("Call-ID"));
    solo.log();
    let new = solo.called(&other(&value).set("From", "Carol <sip:carol@example.com>;tag=carol"));
    solo.act(|endpoint, now| endpoint.answer(now, new, AnswerOptions::with_sdp(ANSWER)));
    assert!(solo.times("CANCEL").is_empty(), "not before the ACK");
    let to = solo.last("200 INVITE").get("To").to_owned();
    solo.receive(&other(&value).method("ACK").set("To", &to).without("Replaces"));
    assert_eq!(solo.last("CANCEL").get("Reason"), "SIP;cause=200;text=\"Replaced by another call\"");
    solo.receive(&response(&ours, 487, "alice", ""));
    assert!(solo.endpoint.call_info(call).is_none());
    assert_eq!(solo.endpoint.call_info(new).expect("a call").state.name(), "established");
}

#[test]
fn what_cannot_be_replaced() {
    let mut solo = Solo::new();
    let (call, replaces) = answered(&mut solo);
    let wrong = |from: &str, to: &str| replaces.replace(from, to);
    let early = format!("{replaces};early-only");
    for (number, (value, status)) in [
        ("unknown;to-tag=x;from-tag=y", 481),
        (&wrong("from-tag=alice", "from-tag=mallory"), 481),
        (&wrong("from-tag=alice", "from-tag=0"), 481),
        (&wrong("a-call", "b-call"), 481),
        (&early, 486),
        // Tags are the identity of a dialog: without them anybody could be meant (baresip#3367).
        ("a-call", 400),
        ("a-call;to-tag=x", 400),
        ("a-call;from-tag=alice", 400),
        ("", 400),
    ]
    .into_iter()
    .enumerate()
    {
        refused(&mut solo, &named_other(&format!("wrong{number}"), value), status);
    }
    refused(&mut solo, &named_other("two", &replaces).add("Replaces", &replaces), 400);
    refused(&mut solo, &named_other("both", &replaces).add("Join", &replaces), 400);
    let message = Text::request("MESSAGE", "z9hG4bK-message").set("Call-ID", "another").add("Replaces", &replaces);
    solo.receive(&message);
    solo.last("400 MESSAGE");
    assert_eq!(solo.log(), "");
    // One that is being ended, and one that has ended.
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    solo.log();
    refused(&mut solo, &named_other("ending", &replaces), 603);
    let bye = solo.last("BYE");
    solo.respond(&bye, 200, "", "");
    solo.log();
    refused(&mut solo, &named_other("ended", &replaces), 603);
    solo.at(40_000);
    refused(&mut solo, &named_other("forgotten", &replaces), 481);
    solo.finish();
}

/// An early dialog can be taken over only by whom it was made by (section 3): a ringing call stays where it is.
#[test]
fn a_call_that_rings_here_cannot_be_replaced() {
    let mut solo = Solo::new();
    let call = solo.called(&invite());
    solo.act(|endpoint, now| endpoint.ring(now, call, None));
    solo.log();
    let replaces = named(&solo.last("180 INVITE"));
    refused(&mut solo, &other(&replaces), 481);
}

#[test]
fn a_re_invite_replaces_nothing() {
    let mut solo = Solo::with(|config| config.automatic_media = true);
    let (_, replaces) = answered(&mut solo);
    let to = solo.last("200 INVITE").get("To").to_owned();
    let again = invite().set("CSeq", "9 INVITE").set("To", &to).add("Replaces", &replaces);
    solo.receive(&again.set("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-again"));
    solo.last("400 INVITE");
}

#[test]
fn only_the_other_side_may_send_somebody() {
    let referred = |set: fn(Text) -> Text| {
        let mut solo = Solo::with(|config| config.replacing = Replacing::Referred);
        let (_, replaces) = answered(&mut solo);
        solo.receive(&set(other(&replaces)));
        let told = invitation(&mut solo);
        assert_eq!(told.is_none(), !solo.times("403 INVITE").is_empty());
        told
    };
    assert!(referred(|invite| invite).is_none());
    assert!(referred(|invite| invite.add("Referred-By", "<sip:mallory@example.com>")).is_none());
    let told = referred(|invite| invite.add("Referred-By", "<sip:alice@EXAMPLE.com;x=y>")).expect("told");
    assert_eq!(told.referred_by.expect("a referrer").uri().as_str(), "sip:alice@EXAMPLE.com;x=y");
    // The other side's own phones, and ours.
    assert!(referred(|invite| invite.set("From", "<sip:alice@example.com>;tag=carol")).is_some());
    assert!(referred(|invite| invite.set("From", "<sip:bob@example.com>;tag=carol")).is_some());
}

#[test]
fn who_does_not_replace_says_so() {
    let mut solo = Solo::with(|config| config.replacing = Replacing::Never);
    let (call, replaces) = answered(&mut solo);
    assert!(!solo.last("200 INVITE").get("Supported").contains("replaces"));
    solo.receive(&other(&replaces).add("Require", "replaces"));
    assert_eq!(solo.last("420 INVITE").get("Unsupported"), "replaces");
    solo.receive(&named_other("plain", &replaces));
    assert_eq!(invitation(&mut solo).expect("a call like any other").replaces, None);
    assert!(solo.endpoint.call_info(call).is_some());
}

#[test]
fn what_an_invite_that_replaces_says() {
    let mut solo = Solo::new();
    let options = || CallOptions::with_sdp(OFFER);
    let replacement = Replacement {
        call_id: "425928@bobster.example.org".into(),
        to_tag: "7743".into(),
        from_tag: "".into(),
        early_only: true,
    };
    let call = |options| {
        move |endpoint: &mut offhook_core::endpoint::Endpoint, now| endpoint.call(now, "sip:alice@192.0.2.1", options)
    };
    solo.act(call(options().replacing(replacement.clone()))).expect("a call");
    let invite = solo.last("INVITE");
    assert_eq!(invite.get("Replaces"), "425928@bobster.example.org;to-tag=7743;from-tag=0;early-only");
    assert_eq!(invite.all("Require"), ["replaces"]);
    let bad = Replacement { call_id: "a\r\nb".into(), ..replacement };
    assert!(solo.act(call(options().replacing(bad))).unwrap_err().to_string().starts_with("Replaces: "));
    assert_eq!(solo.endpoint.census().calls, 1);
}
