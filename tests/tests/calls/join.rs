//! A call that joins another (RFC 3911), what Contact says of a side (RFC 3840), and calls that are handed over.

use std::time::Duration;

use offhook_core::endpoint::{
    AnswerOptions, CallId, CallOptions, Endpoint, Error, Event, Invitation, Replacement, Replacing, TransferOptions,
};
use offhook_tests::endpoint::{ANSWER, OFFER, Solo, Trio, response};
use offhook_tests::sip::Text;

const MS: Duration = Duration::from_millis(1);

fn invite() -> Text {
    Text::request("INVITE", "z9hG4bK-invite").add("Contact", "<sip:alice@192.0.2.1:5060>").sdp(OFFER)
}

/// An INVITE of somebody else, with a Join value.
fn other(call_id: &str, join: &str) -> Text {
    invite()
        .set("Via", &format!("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-{call_id}"))
        .set("From", "Carol <sip:carol@example.com>;tag=carol")
        .set("Call-ID", call_id)
        .add("Join", join)
}

/// Bob may be joined; the call from Alice, ringing, and the value that names it.
fn ringing(joining: Replacing) -> (Solo, CallId, String) {
    let mut solo = Solo::with(|config| config.joining = joining);
    let call = solo.called(&invite());
    solo.act(|endpoint, now| endpoint.ring(now, call, None));
    let tag = solo.last("180 INVITE").get("To").rsplit_once("tag=").expect("a tag").1.to_owned();
    solo.log();
    (solo, call, format!("a-call;to-tag={tag};from-tag=alice"))
}

fn answered(joining: Replacing) -> (Solo, CallId, String) {
    let (mut solo, call, value) = ringing(joining);
    solo.act(|endpoint, now| endpoint.answer(now, call, AnswerOptions::with_sdp(ANSWER)));
    let answer = solo.last("200 INVITE");
    solo.receive(
        &invite().method("ACK").set("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-ack").set("To", answer.get("To")),
    );
    assert!(solo.log().contains("established"));
    (solo, call, value)
}

fn invitation(solo: &mut Solo) -> Option<Box<Invitation>> {
    solo.events().into_iter().find_map(|event| match event {
        Event::Incoming { invitation, .. } => Some(invitation),
        _ => None,
    })
}

#[track_caller]
fn refused(solo: &mut Solo, invite: &Text, status: u16) {
    let calls = solo.endpoint.census().calls;
    solo.receive(invite);
    assert_eq!(solo.last(&format!("{status} INVITE")).get("Call-ID"), invite.get("Call-ID"), "{status}");
    assert_eq!(solo.log(), "");
    assert_eq!(solo.endpoint.census().calls, calls);
}

// ---- Join

#[test]
fn a_call_joins_another_and_both_go_on() {
    let (mut solo, call, value) = answered(Replacing::Asked);
    assert!(solo.last("200 INVITE").get("Supported").contains("join"));
    solo.receive(&other("third", &value).add("Require", "join"));
    let event = solo.events().into_iter().find_map(|event| match event {
        Event::Incoming { call, invitation, .. } => Some((call, invitation)),
        _ => None,
    });
    let (third, invitation) = event.expect("an invitation");
    assert_eq!((invitation.joins, invitation.replaces), (Some(call), None));
    solo.act(|endpoint, now| endpoint.answer(now, third, AnswerOptions::with_sdp(ANSWER)));
    let answer = solo.last("200 INVITE");
    let ack = other("third", &value).method("ACK").set("To", answer.get("To"));
    solo.receive(&ack.set("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-ack2"));
    assert!(solo.log().contains("established"));
    assert_eq!(solo.times("BYE").len(), 0, "nobody is sent away");
    assert_eq!(solo.endpoint.census().calls, 2);
}

#[test]
fn a_call_that_rings_may_be_joined_too() {
    let (mut solo, call, value) = ringing(Replacing::Asked);
    solo.receive(&other("third", &value));
    assert_eq!(invitation(&mut solo).expect("an invitation").joins, Some(call));
}

#[test]
fn what_cannot_be_joined() {
    let (mut solo, call, value) = answered(Replacing::Asked);
    refused(&mut solo, &other("nobody", "another;to-tag=1;from-tag=2"), 481);
    refused(&mut solo, &other("tags", "a-call;from-tag=alice"), 400);
    refused(&mut solo, &other("twice", &value).add("Join", &value), 400);
    refused(&mut solo, &other("both", &value).add("Replaces", &value), 400);
    let again = invite().set("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-again").set("CSeq", "5 INVITE");
    let again = again.set("To", solo.last("200 INVITE").get("To")).add("Join", &value);
    refused(&mut solo, &again, 400);
    let options = other("options", &value).method("OPTIONS");
    solo.receive(&options);
    assert!(solo.last("400 OPTIONS").get("Call-ID").contains("options"));
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    let bye = solo.last("BYE");
    solo.receive(&Text::response(&bye.bytes(), 200, "alice"));
    solo.log();
    refused(&mut solo, &other("late", &value), 603);
}

#[test]
fn who_is_not_to_be_joined_says_so() {
    let (mut solo, _, value) = answered(Replacing::Never);
    assert!(!solo.last("200 INVITE").get("Supported").contains("join"));
    solo.receive(&other("third", &value).add("Require", "join"));
    assert_eq!(solo.last("420 INVITE").get("Unsupported"), "join");
    solo.receive(&other("plain", &value));
    assert_eq!(invitation(&mut solo).expect("a call like any other").joins, None);
}

#[test]
fn only_the_other_side_may_send_somebody_to_join() {
    let (mut solo, call, value) = answered(Replacing::Referred);
    refused(&mut solo, &other("stranger", &value), 403);
    solo.receive(&other("sent", &value).add("Referred-By", "<sip:alice@example.com>"));
    assert_eq!(invitation(&mut solo).expect("an invitation").joins, Some(call));
}

#[test]
fn what_an_invite_that_joins_says() {
    let mut solo = Solo::new();
    let named = || Replacement { call_id: "x@y".into(), to_tag: "7".into(), from_tag: "8".into(), early_only: false };
    let call =
        |options: CallOptions| move |endpoint: &mut Endpoint, now| endpoint.call(now, "sip:alice@192.0.2.1", options);
    solo.act(call(CallOptions::with_sdp(OFFER).joining(named()))).expect("a call");
    let invite = solo.last("INVITE");
    assert_eq!((invite.get("Join"), invite.all("Require")), ("x@y;to-tag=7;from-tag=8", vec!["join"]));
    let both = CallOptions::with_sdp(OFFER).joining(named()).replacing(named());
    assert!(matches!(solo.act(call(both)), Err(Error::Input { .. })));
}

// ---- features

#[test]
fn a_side_says_what_it_is_from_the_next_message_on() {
    let (mut solo, call, _) = ringing(Replacing::Never);
    assert!(!solo.last("180 INVITE").get("Contact").contains("isfocus"));
    let focus = [("isfocus".to_owned(), None), ("+sip.rendering".to_owned(), Some("no".to_owned()))];
    solo.act(|endpoint, _| endpoint.set_features(call, &focus)).expect("features");
    solo.act(|endpoint, now| endpoint.answer(now, call, AnswerOptions::with_sdp(ANSWER)));
    let answer = solo.last("200 INVITE");
    assert!(answer.get("Contact").ends_with(">;isfocus;+sip.rendering=\"no\""), "{}", answer.get("Contact"));
    solo.receive(
        &invite().method("ACK").set("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-ack").set("To", answer.get("To")),
    );
    solo.act(|endpoint, _| endpoint.set_features(call, &focus[..1])).expect("features");
    solo.act(|endpoint, now| endpoint.renegotiate(now, call, OFFER.into()));
    assert!(solo.last("INVITE").get("Contact").ends_with(">;isfocus"));
    let bad = [("is focus".to_owned(), None)];
    assert!(matches!(solo.act(|endpoint, _| endpoint.set_features(call, &bad)), Err(Error::Input { .. })));
}

#[test]
fn what_the_other_side_says_it_is_can_be_asked_for() {
    let mut solo = Solo::new();
    let call = solo.called(&invite().set("Contact", "<sip:alice@192.0.2.1>;automaton;+sip.rendering=\"no\";expires=3"));
    let features = solo.endpoint.call_info(call).expect("a call").features;
    assert_eq!(features, [("automaton".to_owned(), None), ("+sip.rendering".to_owned(), Some("no".to_owned()))]);
}

#[test]
fn an_invite_says_what_its_sender_is() {
    let mut solo = Solo::new();
    let options = CallOptions::with_sdp(OFFER).feature("isfocus", None);
    solo.act(|endpoint, now| endpoint.call(now, "sip:alice@192.0.2.1", options)).expect("a call");
    assert!(solo.last("INVITE").get("Contact").ends_with(">;isfocus"));
}

// ---- handed over

#[test]
fn a_call_is_handed_over() {
    let mut trio = Trio::new();
    let (alice, bob, carol) = (trio.alice, trio.bob, trio.carol);
    let (here, there) = trio.established(alice, bob);
    let target = trio.address("carol");
    let options = TransferOptions::default();
    trio.net.with(bob, |bob, now| bob.hand_over(now, there, &target, options)).expect("asked");
    let find = |trio: &Trio| {
        trio.net.events(carol).iter().rev().find_map(|(_, event)| match event {
            Event::TransferRequested { request, asked, .. } => Some((*request, (**asked).clone())),
            _ => None,
        })
    };
    trio.net.run_for(200 * MS);
    let (request, asked) = find(&trio).expect("a request");
    assert_eq!(asked.call, None);
    assert!(asked.target.replaces().is_some());
    let follow = offhook_core::endpoint::FollowOptions::with_sdp(OFFER);
    let new = trio.net.with(carol, |carol, now| carol.accept_transfer(now, request, follow)).expect("a call");
    let replacing = trio.incoming(alice);
    trio.answer(alice, replacing);
    trio.net.run_for(500 * MS);
    assert_eq!((trio.state(alice, here), trio.state(bob, there)), ("over", "over"));
    assert_eq!((trio.state(alice, replacing), trio.state(carol, new)), ("established", "established"));
    let log = trio.log(bob);
    assert!(log.contains("transferred: 200 OK") && log.contains("over, by remote"), "{log}");
    trio.net.with(carol, |carol, now| carol.hangup(now, new, None));
    trio.finish();
}

#[test]
fn a_call_that_nobody_takes_over_goes_on() {
    let mut trio = Trio::new();
    let (alice, bob, carol) = (trio.alice, trio.bob, trio.carol);
    let (here, there) = trio.established(alice, bob);
    let target = trio.address("carol");
    trio.net.with(bob, |bob, now| bob.hand_over(now, there, &target, TransferOptions::default())).expect("asked");
    trio.net.run_for(200 * MS);
    let request = trio.net.events(carol).iter().rev().find_map(|(_, event)| match event {
        Event::TransferRequested { request, .. } => Some(*request),
        _ => None,
    });
    let request = request.expect("a request");
    let declined = offhook_core::message::StatusCode::DECLINE;
    trio.net.with(carol, |carol, now| carol.reject_transfer(now, request, declined, None));
    trio.net.run_for(200 * MS);
    assert_eq!((trio.state(alice, here), trio.state(bob, there)), ("established", "established"));
    trio.net.with(alice, |alice, now| alice.hangup(now, here, None));
    trio.finish();
}

#[test]
fn the_contact_is_named_where_the_address_of_record_leads_elsewhere() {
    let mut solo = Solo::with(|config| {
        config.server = Some(offhook_core::endpoint::Server::parse("192.0.2.1").expect("a server"));
    });
    let (first, invite) = solo.call();
    solo.receive(&response(&invite, 200, "alice", ANSWER).set("Contact", "<sip:alice@198.51.100.9>"));
    assert!(solo.log().contains("established"));
    for (options, wanted) in [
        (TransferOptions::default(), "<sip:alice@192.0.2.1?"),
        (TransferOptions::default().to_contact(), "<sip:alice@198.51.100.9?"),
    ] {
        let options = options.timeout(1000 * MS);
        solo.act(|endpoint, now| endpoint.hand_over(now, first, "sip:park@example.com", options)).expect("asked");
        let refer = solo.last("REFER").get("Refer-To").to_owned();
        assert!(refer.starts_with(wanted) && refer.contains("Replaces="), "{refer}");
    }
}
