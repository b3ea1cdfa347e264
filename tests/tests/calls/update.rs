//! UPDATE (RFC 3311) on both sides: new offers, targets, and offers that meet.

use std::time::Duration;

use offhook_core::endpoint::{AnswerOptions, CallId, CallOptions, Event};
use offhook_core::message::StatusCode;
use offhook_tests::endpoint::{ANSWER, OFFER, Pair, Solo, response};
use offhook_tests::net::Conditions;
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

const MS: Duration = Duration::from_millis(1);

fn automatic() -> Pair {
    Pair::with(1, Conditions::default(), |config| config.automatic_media = true)
}

fn manual() -> Pair {
    Pair::with(1, Conditions::default(), |_| {})
}

pub(super) fn version(sdp: &str, version: u32) -> String {
    sdp.replace(" 1 1 IN", &format!(" 1 {version} IN"))
}

/// The peer's UPDATE in the dialog of our INVITE, as seen in `tag`'s fork.
pub(super) fn update(invite: &Text, tag: &str, cseq: u32) -> Text {
    Text::request("UPDATE", &format!("z9hG4bK-update-{cseq}"))
        .set("From", &format!("{};tag={tag}", invite.get("To")))
        .set("To", invite.get("From"))
        .set("Call-ID", invite.get("Call-ID"))
        .set("CSeq", &format!("{cseq} UPDATE"))
        .add("Contact", "<sip:alice@192.0.2.1:5060>")
}

pub(super) fn send_update(solo: &mut Solo, call: CallId, sdp: Option<&str>) {
    let sdp = sdp.map(|sdp| sdp.to_owned().into());
    solo.act(|endpoint, now| endpoint.update(now, call, sdp));
}

// ---- two of us

#[test]
fn an_offer_is_agreed_on_in_an_established_call_by_either_side() {
    let mut pair = automatic();
    let (here, there) = pair.established();
    let held = version(&OFFER.replace("sendrecv", "sendonly"), 2);
    pair.net.with(pair.alice, |alice, now| alice.update(now, here, Some(held.into())));
    pair.net.run_for(100 * MS);
    pair.net.with(pair.bob, |bob, now| bob.update(now, there, None));
    pair.net.run_for(100 * MS);
    expect(
        &pair.net.ladder(),
        "
             ms  alice               bob
             40  |------UPDATE------>|
             50  |<---200 UPDATE-----|
            140  |<-----UPDATE-------|
            150  |----200 UPDATE---->|
        ",
    );
    expect(
        &pair.log(pair.alice),
        "
             60  hold: local
             60  done: negotiated with sdp
        ",
    );
    expect(
        &pair.log(pair.bob),
        "
             50  hold: remote
            160  done: negotiated
        ",
    );
    pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, None));
    pair.finish();
}

#[test]
fn the_session_changes_before_the_call_is_answered() {
    let mut pair = manual();
    let (here, there) = pair.called();
    pair.net.with(pair.bob, |bob, now| bob.ring(now, there, Some(ANSWER.into())));
    pair.net.run_for(100 * MS);
    let offer = version(&OFFER.replace("4000", "4444"), 2);
    pair.net.with(pair.alice, |alice, now| alice.update(now, here, Some(offer.into())));
    pair.net.run_for(30 * MS);
    pair.net.with(pair.bob, |bob, now| bob.accept_offer(now, there, version(ANSWER, 2).into()));
    pair.net.run_for(60 * MS);
    let offer = version(&ANSWER.replace("sendrecv", "sendonly"), 3);
    pair.net.with(pair.bob, |bob, now| bob.update(now, there, Some(offer.into())));
    pair.net.run_for(30 * MS);
    let answer = version(&OFFER.replace("sendrecv", "recvonly"), 3);
    pair.net.with(pair.alice, |alice, now| alice.accept_offer(now, here, answer.into()));
    pair.net.run_for(70 * MS);
    pair.net.with(pair.bob, |bob, now| bob.answer(now, there, AnswerOptions::default()));
    pair.net.run_for(100 * MS);
    expect(
        &pair.net.ladder(),
        "
             ms  alice               bob
              0  |------INVITE------>|
             10  |<---183 INVITE-----|
             20  |-------PRACK------>|
             30  |<----200 PRACK-----|
            110  |------UPDATE------>|
            140  |<---200 UPDATE-----|
            200  |<-----UPDATE-------|
            230  |----200 UPDATE---->|
            300  |<---200 INVITE-----|
            310  |--------ACK------->|
        ",
    );
    expect(
        &pair.log(pair.alice),
        "
              0  calling (INVITE sent)
             20  ringing (183 Session Progress)
             20  progress 183 Session Progress with sdp
            150  done: negotiated with sdp
            210  offer with sdp
            230  done
            310  answered (200 OK)
            310  answered with sdp
            310  established (ACK sent)
            310  hold: remote
        ",
    );
    let answered = pair.net.events(pair.alice).iter().find_map(|(_, event)| match event {
        Event::Call { event: offhook_core::endpoint::CallEvent::Answered { sdp }, .. } => sdp.clone(),
        _ => None,
    });
    assert!(String::from_utf8_lossy(&answered.expect("a description")).contains("o=bob 1 3"), "what was said last");
    let bob = pair.info(pair.bob, there).expect("a call");
    assert!(bob.hold.local && !bob.hold.remote);
    pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, None));
    pair.finish();
}

#[test]
fn two_updates_that_meet_both_come_through() {
    for seed in 1..=10 {
        let mut pair = Pair::with(seed, Conditions::default(), |config| config.automatic_media = true);
        let (here, there) = pair.established();
        let (ours, theirs) = (version(&OFFER.replace("4000", "4444"), 2), version(&ANSWER.replace("4002", "4446"), 2));
        pair.net.with(pair.alice, |alice, now| alice.update(now, here, Some(ours.into())));
        pair.net.with(pair.bob, |bob, now| bob.update(now, there, Some(theirs.into())));
        pair.net.run_for(10_000 * MS);
        for node in [pair.alice, pair.bob] {
            let log = pair.log(node);
            assert_eq!(log.matches("done: negotiated with sdp").count(), 1, "{log}\n{}", pair.net.ladder());
            assert!(!log.contains("failed"), "{log}");
        }
        assert_eq!(pair.net.trace().iter().filter(|hop| hop.label() == "491 UPDATE").count(), 2);
        pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, None));
        pair.finish();
    }
}

#[test]
fn an_update_meets_a_re_invite() {
    let mut pair = automatic();
    let (here, there) = pair.established();
    pair.net.with(pair.alice, |alice, now| alice.hold(now, here, None));
    let theirs = version(&ANSWER.replace("4002", "4446"), 2);
    pair.net.with(pair.bob, |bob, now| bob.update(now, there, Some(theirs.into())));
    pair.net.run_for(10_000 * MS);
    assert!(pair.info(pair.alice, here).expect("a call").hold.local);
    for node in [pair.alice, pair.bob] {
        let log = pair.log(node);
        assert_eq!(log.matches("done: negotiated with sdp").count(), 1, "{log}\n{}", pair.net.ladder());
    }
    pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, None));
    pair.finish();
}

#[test]
fn an_update_waits_for_the_one_before() {
    let mut pair = automatic();
    let (here, _) = pair.established();
    pair.net.with(pair.alice, |alice, now| alice.update(now, here, None));
    pair.net.with(pair.alice, |alice, now| alice.update(now, here, Some(version(OFFER, 2).into())));
    pair.net.run_for(100 * MS);
    expect(
        &pair.net.ladder(),
        "
             ms  alice               bob
             40  |------UPDATE------>|
             50  |<---200 UPDATE-----|
             60  |------UPDATE------>|
             70  |<---200 UPDATE-----|
        ",
    );
    pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, None));
    pair.finish();
}

// ---- theirs

#[test]
fn an_update_without_offer_moves_the_target_and_tells_nobody() {
    let mut solo = Solo::new();
    let (call, invite) = solo.established();
    solo.receive(&update(&invite, "alice", 1).set("Contact", "<sip:elsewhere@192.0.2.1:5080>"));
    let answer = solo.last("200 UPDATE");
    assert!(answer.get("Contact").starts_with("<sip:bob@192.0.2.9"));
    assert!(answer.get("Allow").contains("UPDATE"));
    assert_eq!(solo.log(), "");
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    assert_eq!(solo.last("BYE").start, "BYE sip:elsewhere@192.0.2.1:5080 SIP/2.0");
}

#[test]
fn an_offer_waits_for_the_application_half_the_time_and_no_longer() {
    let mut solo = Solo::new();
    let (call, invite) = solo.established();
    solo.receive(&update(&invite, "alice", 1).sdp(&version(OFFER, 2)));
    assert_eq!(solo.log(), "     0  offer with sdp\n");
    solo.at(15_999);
    assert!(solo.times("504 UPDATE").is_empty());
    solo.at(16_000);
    assert_eq!(solo.times("504 UPDATE"), [16_000]);
    solo.act(|endpoint, now| endpoint.accept_offer(now, call, ANSWER.into()));
    assert_eq!(solo.log(), " 16000  failed: no offer waits for an answer\n");
}

#[test]
fn an_offer_is_refused_and_the_call_goes_on() {
    let mut solo = Solo::new();
    let (call, invite) = solo.established();
    solo.receive(&update(&invite, "alice", 1).sdp(&version(OFFER, 2)));
    solo.act(|endpoint, now| endpoint.reject_offer(now, call, StatusCode::NOT_ACCEPTABLE_HERE));
    solo.last("488 UPDATE");
    solo.receive(&update(&invite, "alice", 2).sdp(&version(OFFER, 2)));
    solo.act(|endpoint, now| endpoint.accept_offer(now, call, version(ANSWER, 2).into()));
    assert_eq!(solo.last("200 UPDATE").body, version(ANSWER, 2));
    assert!(!solo.log().contains("failed"));
}

#[test]
fn another_while_one_is_not_answered_must_wait() {
    let mut solo = Solo::new();
    let (_, invite) = solo.established();
    solo.receive(&update(&invite, "alice", 1).sdp(&version(OFFER, 2)));
    for (cseq, next) in [(2, update(&invite, "alice", 2)), (3, update(&invite, "alice", 3).sdp(&version(OFFER, 3)))] {
        solo.receive(&next);
        let refusal = solo.last("500 UPDATE");
        assert_eq!(refusal.get("CSeq"), format!("{cseq} UPDATE"));
        assert!(refusal.get("Retry-After").parse::<u32>().is_ok_and(|seconds| seconds <= 10));
    }
    let re_invite = update(&invite, "alice", 4).method("INVITE").set("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-re");
    solo.receive(&re_invite.sdp(&version(OFFER, 3)));
    assert!(!solo.last("500 INVITE").get("Retry-After").is_empty());
}

#[test]
fn an_offer_while_ours_is_open_is_refused_with_491() {
    let mut solo = Solo::with(|config| config.automatic_media = true);
    let (call, invite) = solo.established();
    solo.act(|endpoint, now| endpoint.hold(now, call, None));
    solo.receive(&update(&invite, "alice", 1).sdp(&version(OFFER, 2)));
    solo.last("491 UPDATE");
    solo.receive(&update(&invite, "alice", 2));
    solo.last("200 UPDATE");
}

#[test]
fn an_unchanged_offer_is_answered_without_a_word() {
    for re_invite in [false, true] {
        let mut solo = Solo::new();
        let (_, invite) = solo.established();
        let mut again = update(&invite, "alice", 1);
        if re_invite {
            again = again.method("INVITE");
        }
        for cseq in [1, 2] {
            let method = if re_invite { "INVITE" } else { "UPDATE" };
            let next = again.clone().set("CSeq", &format!("{cseq} {method}"));
            let branch = format!("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-again-{cseq}");
            solo.receive(&next.set("Via", &branch).sdp(ANSWER));
            assert_eq!(solo.last(&format!("200 {method}")).body, OFFER, "not even the version is another");
            let ack = again.clone().method("ACK").set("CSeq", &format!("{cseq} ACK"));
            solo.receive(&ack.set("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-ack"));
        }
        assert_eq!(solo.log(), "");
        assert!(solo.times("BYE").is_empty());
    }
}

#[test]
fn an_unchanged_offer_keeps_the_role_in_dtls() {
    let mut solo = Solo::new();
    let ours = format!("{OFFER}a=setup:actpass\r\n");
    let call = |endpoint: &mut offhook_core::endpoint::Endpoint, now| {
        endpoint.call(now, "sip:alice@192.0.2.1", CallOptions::with_sdp(ours.clone()))
    };
    solo.act(call).expect("a call");
    let invite = solo.last("INVITE");
    let theirs = format!("{ANSWER}a=setup:active\r\n");
    solo.respond(&invite, 200, "alice", &theirs);
    solo.log();
    solo.receive(&update(&invite, "alice", 1).sdp(&theirs));
    assert!(solo.last("200 UPDATE").body.contains("a=setup:passive\r\n"));
    // An offer that leaves the choice open is another one: the application answers it.
    solo.receive(&update(&invite, "alice", 2).sdp(&theirs.replace("active", "actpass")));
    assert_eq!(solo.log(), "     0  offer with sdp\n");
}

#[test]
fn an_update_for_a_call_that_ends_or_is_not_there() {
    let mut solo = Solo::new();
    let (call, invite) = solo.established();
    solo.receive(&update(&invite, "nobody", 1));
    solo.last("481 UPDATE");
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    solo.receive(&update(&invite, "alice", 2).sdp(OFFER));
    assert_eq!(solo.times("481 UPDATE").len(), 2);
    solo.receive(&Text::request("UPDATE", "z9hG4bK-new"));
    assert_eq!(solo.times("481 UPDATE").len(), 3);
}

#[test]
fn an_update_with_another_body_is_refused() {
    let mut solo = Solo::new();
    let (_, invite) = solo.established();
    solo.receive(&update(&invite, "alice", 1).body("text/plain", "hello"));
    assert!(solo.last("415 UPDATE").get("Accept").contains("application/sdp"));
}

// ---- ours

#[test]
fn what_the_other_side_does_not_take_is_not_sent() {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    solo.receive(&response(&invite, 200, "alice", ANSWER).add("Allow", "INVITE, ACK, BYE"));
    solo.log();
    send_update(&mut solo, call, None);
    assert!(solo.times("UPDATE").is_empty());
    assert_eq!(solo.log(), "     0  failed: the other side does not take UPDATE\n");
    // It may learn.
    solo.receive(&update(&invite, "alice", 1).add("Allow", "INVITE, ACK, BYE, UPDATE"));
    send_update(&mut solo, call, None);
    solo.last("UPDATE");
}

#[test]
fn the_answer_may_bring_another_target() {
    let mut solo = Solo::new();
    let (call, _) = solo.established();
    send_update(&mut solo, call, None);
    let update = solo.last("UPDATE");
    assert!(update.get("Contact").starts_with("<sip:bob@192.0.2.9"));
    solo.receive(&response(&update, 200, "", "").set("Contact", "<sip:moved@192.0.2.1:5070>"));
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    assert_eq!(solo.last("BYE").start, "BYE sip:moved@192.0.2.1:5070 SIP/2.0");
    assert_eq!(solo.last("BYE").get("CSeq"), "3 BYE");
}

#[test]
fn a_refusal_changes_nothing() {
    let mut solo = Solo::with(|config| config.automatic_media = true);
    let (call, _) = solo.established();
    let held = version(&OFFER.replace("sendrecv", "sendonly"), 2);
    send_update(&mut solo, call, Some(&held));
    let update = solo.last("UPDATE");
    solo.respond(&update, 488, "", "");
    assert_eq!(solo.log(), "     0  failed: 488 Whatever\n");
    assert!(!solo.endpoint.call_info(call).expect("a call").hold.local);
    solo.act(|endpoint, now| endpoint.hold(now, call, None));
    assert!(solo.last("INVITE").body.contains("o=alice 1 2 "), "made of what is in force");
}

#[test]
fn a_500_with_a_time_is_tried_again_then_and_not_for_ever() {
    let mut solo = Solo::new();
    let (call, _) = solo.established();
    send_update(&mut solo, call, Some(&version(OFFER, 2)));
    for round in 1..=22_u64 {
        let update = solo.last("UPDATE");
        assert_eq!(update.get("CSeq"), format!("{} UPDATE", round + 1));
        solo.receive(&response(&update, 500, "", "").add("Retry-After", "3 (busy)"));
        assert_eq!(solo.log(), "");
        solo.at(round * 3000);
    }
    let update = solo.last("UPDATE");
    solo.receive(&response(&update, 500, "", "").add("Retry-After", "3"));
    assert_eq!(solo.log(), " 66000  failed: 500 Whatever\n");
    // One that names no time, or too long a time, is a refusal.
    send_update(&mut solo, call, Some(&version(OFFER, 2)));
    let update = solo.last("UPDATE");
    solo.receive(&response(&update, 500, "", "").add("Retry-After", "3600"));
    assert_eq!(solo.log(), " 66000  failed: 500 Whatever\n");
}

#[test]
fn a_491_without_end_ends() {
    let mut solo = Solo::new();
    let (call, _) = solo.established();
    send_update(&mut solo, call, Some(&version(OFFER, 2)));
    let mut round = 0;
    while solo.log().is_empty() {
        round += 1;
        let update = solo.until("UPDATE", round);
        solo.respond(&update, 491, "", "");
    }
    assert!((64_000..68_000).contains(&solo.now()), "{round} times, until {}", solo.now());
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    let bye = solo.last("BYE");
    solo.respond(&bye, 200, "", "");
    solo.finish();
}

#[test]
fn an_agreement_without_an_answer_is_none() {
    let mut solo = Solo::new();
    let (call, _) = solo.established();
    send_update(&mut solo, call, Some(&version(OFFER, 2)));
    let update = solo.last("UPDATE");
    solo.respond(&update, 200, "", "");
    assert_eq!(solo.log(), "     0  failed: the other side agreed without a description\n");
}

#[test]
fn no_answer_or_no_dialog_ends_the_call() {
    for (status, byes) in [(408, 1), (481, 0)] {
        let mut solo = Solo::new();
        let (call, _) = solo.established();
        send_update(&mut solo, call, None);
        let update = solo.last("UPDATE");
        solo.respond(&update, status, "", "");
        assert_eq!(solo.times("BYE").len(), byes, "{status}");
        solo.finish();
        assert!(solo.log().contains(&format!("over, by remote, {status} Whatever")));
    }
    let mut solo = Solo::new();
    let (call, _) = solo.established();
    send_update(&mut solo, call, Some(&version(OFFER, 2)));
    solo.finish();
    let log = solo.log();
    assert!(log.contains("32000  failed: no answer in time (timer F)"), "{log}");
    assert!(log.contains("over, by network, no answer in time (timer F)"), "{log}");
}

#[test]
fn ends_with_the_call() {
    let mut solo = Solo::new();
    let (call, _) = solo.established();
    send_update(&mut solo, call, Some(&version(OFFER, 2)));
    send_update(&mut solo, call, None);
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    let bye = solo.last("BYE");
    solo.respond(&bye, 200, "", "");
    let log = solo.log();
    assert_eq!(log.matches("failed: given up by this side").count(), 2, "{log}");
    solo.finish();
    assert_eq!(solo.log(), "");
}
