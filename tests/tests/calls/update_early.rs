//! UPDATE (RFC 3311 5.1, 5.2) before the INVITE is answered, on both sides and with several forks.

use offhook_core::endpoint::{AnswerOptions, CallId};
use offhook_tests::endpoint::{ANSWER, OFFER, Solo, response};
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

use super::reliable_caller::reliable;
use super::update::{send_update, update, version};

/// An outgoing call whose offer is answered in an acknowledged 183; the INVITE.
fn early(solo: &mut Solo) -> (CallId, Text) {
    let (call, invite) = solo.call();
    solo.receive(&reliable(&invite, 183, "alice", 1, ANSWER));
    let prack = solo.last("PRACK");
    solo.respond(&prack, 200, "", "");
    solo.log();
    (call, invite)
}

/// An incoming call whose offer we answered in an acknowledged 183.
fn ringing(solo: &mut Solo) -> CallId {
    let invite = Text::request("INVITE", "z9hG4bK-invite")
        .add("Contact", "<sip:alice@192.0.2.1:5060>")
        .add("Supported", "100rel")
        .sdp(OFFER);
    let call = solo.called(&invite);
    solo.act(|endpoint, now| endpoint.ring(now, call, Some(ANSWER.into())));
    let progress = solo.last("183 INVITE");
    solo.receive(&Text::prack(&progress, 8));
    solo.log();
    call
}

/// The caller's UPDATE to an incoming call of ours.
fn from_caller(solo: &Solo, cseq: u32) -> Text {
    Text::request("UPDATE", &format!("z9hG4bK-update-{cseq}"))
        .set("To", solo.last("183 INVITE").get("To"))
        .set("CSeq", &format!("{cseq} UPDATE"))
        .add("Contact", "<sip:alice@192.0.2.1:5060>")
}

#[test]
fn an_offer_before_the_invite_is_answered_is_refused() {
    // Our INVITE's offer is open, and a preview of the answer does not close it.
    let mut solo = Solo::new();
    let (_, invite) = solo.call();
    solo.receive(&response(&invite, 183, "alice", ANSWER));
    solo.receive(&update(&invite, "alice", 1).sdp(&version(ANSWER, 2)));
    solo.last("491 UPDATE");
    solo.receive(&update(&invite, "alice", 2));
    solo.last("200 UPDATE");

    // We were asked for an offer, and have made it.
    let mut solo = Solo::new();
    let offerless = Text::request("INVITE", "z9hG4bK-invite")
        .add("Contact", "<sip:alice@192.0.2.1:5060>")
        .add("Supported", "100rel");
    let call = solo.called(&offerless);
    solo.act(|endpoint, now| endpoint.ring(now, call, Some(OFFER.into())));
    solo.receive(&from_caller(&solo, 8).sdp(ANSWER));
    solo.last("491 UPDATE");

    // Their INVITE's offer is open.
    let mut solo = Solo::new();
    let call = solo.called(&offerless.add("X-Other", "1").sdp(OFFER));
    solo.act(|endpoint, now| endpoint.ring(now, call, None));
    let update = Text::request("UPDATE", "z9hG4bK-u").set("To", solo.last("180 INVITE").get("To"));
    solo.receive(&update.set("CSeq", "8 UPDATE").add("Contact", "<sip:alice@192.0.2.1>").sdp(OFFER));
    assert!(!solo.last("500 UPDATE").get("Retry-After").is_empty());
}

#[test]
fn an_answered_call_can_be_updated_before_it_is_picked_up() {
    let mut solo = Solo::new();
    let call = ringing(&mut solo);
    solo.receive(&from_caller(&solo, 9).sdp(&version(&OFFER.replace("sendrecv", "sendonly"), 2)));
    // The answer waits until that is agreed on.
    solo.act(|endpoint, now| endpoint.answer(now, call, AnswerOptions::default()));
    assert!(solo.times("200 INVITE").is_empty());
    solo.act(|endpoint, now| endpoint.accept_offer(now, call, version(ANSWER, 2).into()));
    assert_eq!(solo.last("200 UPDATE").body, version(ANSWER, 2));
    assert_eq!(solo.last("200 INVITE").body, "");
    expect(
        &solo.log(),
        "
            0  offer with sdp
            0  done
            0  answered (200 sent)
            0  hold: remote
        ",
    );
}

#[test]
fn before_the_answer_an_offer_needs_the_first_to_be_answered() {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    send_update(&mut solo, call, None);
    solo.receive(&response(&invite, 183, "alice", ANSWER));
    send_update(&mut solo, call, Some(&version(OFFER, 2)));
    let failures: Vec<_> =
        solo.log().lines().filter_map(|line| line.split_once("failed: ")).map(|found| found.1.to_owned()).collect();
    assert_eq!(failures, ["the call has no dialog", "the offer of the INVITE is not answered yet"]);
    send_update(&mut solo, call, None);
    let update = solo.last("UPDATE");
    assert!(update.get("To").ends_with(";tag=alice"));
    solo.respond(&update, 200, "", "");
    solo.receive(&reliable(&invite, 183, "alice", 1, ANSWER));
    let prack = solo.last("PRACK");
    solo.respond(&prack, 200, "", "");
    send_update(&mut solo, call, Some(&version(OFFER, 2)));
    assert_eq!(solo.last("UPDATE").body, version(OFFER, 2));
}

#[test]
fn a_callee_updates_before_it_answers() {
    let mut solo = Solo::new();
    let call = ringing(&mut solo);
    send_update(&mut solo, call, Some(&version(ANSWER, 2)));
    // Its answer waits for the caller's.
    solo.act(|endpoint, now| endpoint.answer(now, call, AnswerOptions::default()));
    assert!(solo.times("200 INVITE").is_empty());
    let update = solo.last("UPDATE");
    assert_eq!(update.get("CSeq"), "1 UPDATE");
    solo.respond(&update, 200, "", &version(OFFER, 2));
    solo.last("200 INVITE");
    expect(
        &solo.log(),
        "
            0  done: negotiated with sdp
            0  answered (200 sent)
        ",
    );
}

#[test]
fn a_callee_without_a_dialog_sends_none() {
    let mut solo = Solo::new();
    let invite = Text::request("INVITE", "z9hG4bK-i").add("Contact", "<sip:alice@192.0.2.1:5060>").sdp(OFFER);
    let call = solo.called(&invite);
    send_update(&mut solo, call, None);
    assert_eq!(solo.log(), "     0  failed: the call has no dialog\n");
}

#[test]
fn each_fork_has_its_own_session() {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    for (tag, port) in [("one", "5001"), ("two", "5002")] {
        solo.receive(&reliable(&invite, 183, tag, 1, &ANSWER.replace("4002", port)));
        let prack = solo.last("PRACK");
        solo.respond(&prack, 200, "", "");
    }
    solo.log();
    // The first fork offers anew, and so do we to the second.
    solo.receive(&update(&invite, "one", 1).sdp(&version(&ANSWER.replace("4002", "6001"), 2)));
    solo.act(|endpoint, now| endpoint.accept_offer(now, call, version(OFFER, 2).into()));
    send_update(&mut solo, call, Some(&version(&OFFER.replace("4000", "4400"), 3)));
    let update = solo.last("UPDATE");
    assert!(update.get("To").ends_with(";tag=two"));
    solo.log();
    // The first one answers: what the other was asked for is of no use.
    solo.respond(&invite, 200, "one", "");
    expect(
        &solo.log(),
        "
            0  failed: that fork is over
            0  answered (200 Whatever)
            0  answered with sdp
            0  established (ACK sent)
        ",
    );
    solo.respond(&update, 200, "", ANSWER);
    assert_eq!(solo.log(), "");
    solo.act(|endpoint, now| endpoint.hold(now, call, None));
    assert!(solo.last("INVITE").body.contains("o=alice 1 3 "), "made of what was agreed on with this fork");
    assert!(solo.last("INVITE").body.contains("m=audio 4000 "));
}

#[test]
fn an_offer_of_a_fork_that_is_over_waits_for_nobody() {
    let mut solo = Solo::new();
    let (_, invite) = solo.call();
    solo.receive(&reliable(&invite, 183, "one", 1, ANSWER));
    solo.receive(&update(&invite, "one", 1).sdp(&version(&ANSWER.replace("4002", "4444"), 2)));
    solo.respond(&invite, 200, "two", ANSWER);
    solo.last("481 UPDATE");
}

#[test]
fn challenged_in_an_early_dialog_it_is_sent_again_there() {
    let mut solo = Solo::with(|config| {
        config.credentials.push(offhook_core::auth::Credential::password("bob", "secret"));
    });
    let (call, _) = early(&mut solo);
    send_update(&mut solo, call, Some(&version(OFFER, 2)));
    let first = solo.last("UPDATE");
    let challenge = "Digest realm=\"x\", nonce=\"n\", algorithm=SHA-256, qop=\"auth\"";
    solo.receive(&response(&first, 407, "", "").add("Proxy-Authenticate", challenge));
    let second = solo.last("UPDATE");
    assert_ne!(second.get("CSeq"), first.get("CSeq"));
    assert!(second.get("Proxy-Authorization").starts_with("Digest "));
    solo.respond(&second, 200, "", &version(ANSWER, 2));
    assert_eq!(solo.log(), "     0  done: negotiated with sdp\n");
}
