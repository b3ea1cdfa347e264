//! Each moment at which a CANCEL can come (RFC 3261 9), on both sides. The test plays the peer.

use offhook_core::endpoint::{AnswerOptions, CallId};
use offhook_core::message::StatusCode;
use offhook_tests::endpoint::{ANSWER, OFFER, Solo, response};
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

fn invite() -> Text {
    Text::request("INVITE", "z9hG4bK-invite").add("Contact", "<sip:alice@192.0.2.1:5060>").sdp(OFFER)
}

fn hangup(solo: &mut Solo, call: CallId) {
    solo.act(|endpoint, now| endpoint.hangup(now, call, Some("Q.850;cause=31;text=\"gone; really\"")));
}

fn answer(solo: &mut Solo, call: CallId) {
    solo.act(|endpoint, now| endpoint.answer(now, call, AnswerOptions::with_sdp(ANSWER)));
}

/// The peer answers CANCEL and INVITE as it should.
fn terminate(solo: &mut Solo, invite: &Text, tag: &str) {
    let cancel = solo.last("CANCEL");
    solo.respond(&cancel, 200, "", "");
    solo.respond(invite, 487, tag, "");
    assert_eq!(solo.last("ACK").get("CSeq"), "1 ACK");
}

// ---- ours

#[test]
fn before_anything_was_heard_it_waits() {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    hangup(&mut solo, call);
    assert!(solo.times("CANCEL").is_empty());
    solo.at(300);
    solo.respond(&invite, 100, "", "");
    let cancel = solo.last("CANCEL");
    // 9.1: of the INVITE it has Request-URI, Call-ID, To, From, CSeq's number and one Via.
    assert_eq!(cancel.start, invite.start.replace("INVITE", "CANCEL"));
    for name in ["Call-ID", "To", "From", "Via"] {
        assert_eq!(cancel.all(name), invite.all(name), "{name}");
    }
    assert_eq!(cancel.get("CSeq"), "1 CANCEL");
    assert_eq!(cancel.get("Reason"), "Q.850;cause=31;text=\"gone; really\"");
    assert!(cancel.all("Require").is_empty() && cancel.body.is_empty());
    terminate(&mut solo, &invite, "alice");
    assert!(solo.log().contains("over, by local, 487"));
    solo.finish();
}

#[test]
fn of_an_invite_that_nobody_hears_it_is_never_sent() {
    let mut solo = Solo::new();
    let (call, _) = solo.call();
    hangup(&mut solo, call);
    solo.finish();
    assert!(solo.times("CANCEL").is_empty());
    assert!(solo.log().ends_with("over, by local, no answer in time (timer B): no answer in time (timer B)\n"));
}

#[test]
fn an_answer_before_it_could_go_is_acknowledged_and_ended() {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    hangup(&mut solo, call);
    solo.respond(&invite, 200, "alice", ANSWER);
    assert_eq!((solo.times("ACK").len(), solo.times("BYE").len(), solo.times("CANCEL").len()), (1, 1, 0));
    let bye = solo.last("BYE");
    solo.respond(&bye, 200, "", "");
    solo.finish();
}

#[test]
fn a_refusal_before_it_could_go_is_the_end() {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    hangup(&mut solo, call);
    solo.respond(&invite, 486, "alice", "");
    assert!(solo.times("CANCEL").is_empty());
    assert!(solo.log().contains("over, by local, 486"));
    solo.finish();
}

#[test]
fn between_100_and_180_it_goes_at_once_and_once() {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    solo.respond(&invite, 100, "", "");
    hangup(&mut solo, call);
    assert_eq!(solo.times("CANCEL"), [0]);
    // It rings all the same: they cross.
    solo.respond(&invite, 180, "alice", "");
    hangup(&mut solo, call);
    terminate(&mut solo, &invite, "alice");
    assert_eq!(solo.times("CANCEL"), [0], "hung up twice");
    expect(
        &solo.log(),
        "
            0  calling (INVITE sent)
            0  proceeding (100 Trying)
            0  ending (CANCEL sent)
            0  ended (487 Whatever)
            0  done
            0  done
            0  over, by local, 487 Whatever: given up by this side
        ",
    );
    solo.finish();
}

#[test]
fn a_refusal_that_crosses_it_is_acknowledged_and_the_end() {
    for status in [404, 486, 503, 603] {
        let mut solo = Solo::new();
        let (call, invite) = solo.call();
        solo.respond(&invite, 180, "alice", "");
        hangup(&mut solo, call);
        solo.respond(&invite, status, "alice", "");
        let cancel = solo.last("CANCEL");
        solo.respond(&cancel, 481, "", "");
        assert_eq!(solo.times("ACK"), [0], "{status}");
        assert!(solo.log().contains(&format!("over, by local, {status}")));
        solo.finish();
    }
}

#[test]
fn a_challenge_that_crosses_it_is_not_answered() {
    let mut solo = Solo::with(|config| {
        config.credentials = vec![offhook_core::auth::Credential::password("bob", "secret")];
    });
    let (call, invite) = solo.call();
    solo.respond(&invite, 100, "", "");
    hangup(&mut solo, call);
    let challenge = response(&invite, 407, "proxy", "")
        .add("Proxy-Authenticate", "Digest realm=\"example.com\", nonce=\"n\", qop=\"auth\"");
    solo.receive(&challenge);
    assert_eq!(solo.times("INVITE"), [0], "nobody is called again");
    assert!(solo.log().contains("over, by local"));
    solo.finish();
}

#[test]
fn an_answer_that_crosses_it_is_acknowledged_and_ended_also_again() {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    solo.respond(&invite, 180, "alice", "");
    hangup(&mut solo, call);
    solo.respond(&invite, 200, "alice", ANSWER);
    solo.at(500);
    solo.respond(&invite, 200, "alice", ANSWER);
    assert_eq!(solo.times("ACK"), [0, 500], "the answer came twice");
    let bye = solo.last("BYE");
    assert_eq!(bye.get("CSeq"), "2 BYE");
    solo.respond(&bye, 200, "", "");
    solo.finish();
}

#[test]
fn after_a_reliable_183_it_ends_the_early_session() {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    solo.receive(&response(&invite, 183, "alice", ANSWER).add("Require", "100rel").add("RSeq", "1"));
    let prack = solo.last("PRACK");
    hangup(&mut solo, call);
    // The PRACK's answer comes after it: nothing follows from it.
    solo.respond(&prack, 200, "", "");
    // And so does another response, which nobody wants any more: it is not acknowledged.
    solo.receive(&response(&invite, 180, "alice", "").add("Require", "100rel").add("RSeq", "2"));
    assert_eq!(solo.times("PRACK").len(), 1);
    terminate(&mut solo, &invite, "alice");
    solo.finish();
}

#[test]
fn before_a_response_that_offers_is_answered_it_ends_that_too() {
    let mut solo = Solo::new();
    let call = solo.act(|endpoint, now| endpoint.call(now, "sip:alice@192.0.2.1", Default::default())).expect("a call");
    let invite = solo.last("INVITE");
    solo.receive(&response(&invite, 183, "alice", OFFER).add("Require", "100rel").add("RSeq", "1"));
    hangup(&mut solo, call);
    solo.act(|endpoint, now| endpoint.accept_offer(now, call, ANSWER.into()));
    terminate(&mut solo, &invite, "alice");
    solo.finish();
}

#[test]
fn forks_are_cancelled_by_one_and_those_that_answer_are_ended() {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    for tag in ["alice", "carol", "dave"] {
        solo.respond(&invite, 180, tag, "");
    }
    assert_eq!(solo.endpoint.census().dialogs, 3);
    hangup(&mut solo, call);
    assert_eq!(solo.times("CANCEL"), [0]);
    // Two of them had picked up.
    for tag in ["carol", "dave"] {
        solo.respond(&invite, 200, tag, ANSWER);
        let bye = solo.last("BYE");
        assert!(bye.get("To").ends_with(&format!(";tag={tag}")));
        solo.respond(&bye, 200, "", "");
    }
    assert_eq!((solo.times("ACK").len(), solo.times("BYE").len()), (2, 2));
    assert_eq!(solo.log().matches("over").count(), 1);
    solo.finish();
}

#[test]
fn one_that_nobody_answers_ends_after_64_t1() {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    solo.respond(&invite, 180, "alice", "");
    solo.at(1000);
    hangup(&mut solo, call);
    solo.at(32_999);
    assert_eq!(solo.endpoint.census().calls, 1);
    solo.at(33_000);
    assert_eq!(solo.endpoint.census().calls, 0, "9.1");
    // And who picks up later still is not left with it.
    solo.respond(&invite, 200, "alice", ANSWER);
    solo.last("ACK");
    let bye = solo.last("BYE");
    solo.respond(&bye, 200, "", "");
    solo.finish();
}

// ---- theirs

#[test]
fn theirs_ends_the_call_whatever_was_sent_to_it() {
    for ring in [false, true] {
        let mut solo = Solo::new();
        let call = solo.called(&invite());
        if ring {
            solo.act(|endpoint, now| endpoint.ring(now, call, None));
        }
        solo.log();
        solo.receive(&invite().method("CANCEL").add("Reason", "SIP;cause=200;text=\"elsewhere; there\""));
        let (okay, terminated) = (solo.last("200 CANCEL"), solo.last("487 INVITE"));
        assert_eq!(okay.get("To"), terminated.get("To"), "9.2: the same tag");
        assert!(solo.log().contains("over, by remote, 487 Request Terminated, SIP Some(200)"));
        answer(&mut solo, call);
        assert!(solo.log().contains("failed: the call is over"));
        solo.receive(&Text::ack(&invite(), terminated.get("To").rsplit("tag=").next().expect("a tag")));
        solo.finish();
    }
}

#[test]
fn a_second_one_is_answered_and_ends_nothing_more() {
    let mut solo = Solo::new();
    solo.called(&invite());
    solo.receive(&invite().method("CANCEL"));
    solo.receive(&invite().method("CANCEL"));
    assert_eq!(solo.times("200 CANCEL").len(), 2, "a copy gets the same answer");
    assert_eq!(solo.times("487 INVITE").len(), 1);
    assert_eq!(solo.log().matches("over").count(), 1);
}

#[test]
fn one_that_crosses_our_answer_changes_nothing() {
    let mut solo = Solo::new();
    let call = solo.called(&invite());
    answer(&mut solo, call);
    solo.receive(&invite().method("CANCEL"));
    solo.last("200 CANCEL");
    assert!(solo.times("487 INVITE").is_empty());
    let tag = solo.last("200 INVITE").get("To").rsplit("tag=").next().expect("a tag").to_owned();
    solo.receive(&Text::ack(&invite(), &tag));
    assert!(solo.log().contains("established"));
    assert_eq!(solo.endpoint.census().calls, 1);
}

#[test]
fn one_that_crosses_our_refusal_changes_nothing() {
    let mut solo = Solo::new();
    let call = solo.called(&invite());
    solo.act(|endpoint, now| endpoint.reject(now, call, StatusCode::BUSY_HERE, None));
    solo.receive(&invite().method("CANCEL"));
    solo.last("200 CANCEL");
    assert_eq!(solo.times("486 INVITE"), [0]);
    assert!(solo.times("487 INVITE").is_empty());
    let tag = solo.last("486 INVITE").get("To").rsplit("tag=").next().expect("a tag").to_owned();
    solo.receive(&Text::ack(&invite(), &tag));
    solo.finish();
}

#[test]
fn one_after_our_reliable_183_ends_what_waits_for_its_acknowledgement() {
    let mut solo = Solo::new();
    let call = solo.called(&invite().add("Supported", "100rel"));
    solo.act(|endpoint, now| endpoint.ring(now, call, Some(ANSWER.into())));
    answer(&mut solo, call);
    solo.log();
    solo.receive(&invite().method("CANCEL"));
    solo.last("487 INVITE");
    let log = solo.log();
    assert!(log.contains("over, by remote, 487"), "{log}");
    assert_eq!(log.matches("done").count() + log.matches("failed").count(), 2, "the ringing and the answer: {log}");
    // Its PRACK, sent before, is for nobody.
    let progress = solo.last("183 INVITE");
    solo.receive(&Text::prack(&progress, 8));
    solo.last("481 PRACK");
    assert_eq!(solo.times("183 INVITE"), [0]);
}

#[test]
fn one_for_nothing_is_answered_481() {
    let mut solo = Solo::new();
    solo.receive(&invite().method("CANCEL"));
    solo.last("481 CANCEL");
    // One before its INVITE, as a network may have it, ends nothing that comes later.
    solo.called(&invite().set("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-later"));
    assert_eq!(solo.endpoint.census().calls, 1);
}
