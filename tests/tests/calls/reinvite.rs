//! What a re-INVITE that fails leaves behind (RFC 6141): the session, and where the other side is reached.

use offhook_core::endpoint::{CallId, CallOptions};
use offhook_core::message::StatusCode;
use offhook_tests::endpoint::{ANSWER, OFFER, Solo, response};
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

const ELSEWHERE: &str = "<sip:alice@192.0.2.77:5077>";

fn automatic() -> Solo {
    Solo::with(|config| config.automatic_media = true)
}

/// A request of the peer in the dialog of our INVITE.
fn of_peer(invite: &Text, method: &str, cseq: u32) -> Text {
    Text::request(method, &format!("z9hG4bK-{method}-{cseq}"))
        .set("From", &format!("{};tag=alice", invite.get("To")))
        .set("To", invite.get("From"))
        .set("Call-ID", invite.get("Call-ID"))
        .set("CSeq", &format!("{cseq} {method}"))
        .add("Contact", "<sip:alice@192.0.2.1:5060>")
}

/// A call of ours that is established with a peer that takes UPDATE, or does not.
fn established(solo: &mut Solo, update: bool) -> (CallId, Text) {
    let (call, invite) = solo.call();
    let allow = if update { "INVITE, ACK, BYE, CANCEL, UPDATE, PRACK" } else { "INVITE, ACK, BYE, CANCEL, PRACK" };
    solo.receive(&response(&invite, 200, "alice", ANSWER).add("Allow", allow));
    solo.log();
    (call, invite)
}

fn hold(solo: &mut Solo, call: CallId) -> Text {
    solo.act(|endpoint, now| endpoint.hold(now, call, None));
    solo.last("INVITE")
}

/// Agrees to being held by a reliable 183, and answers its PRACK.
fn agree_early(solo: &mut Solo, offer: &Text) {
    let agreed = response(offer, 183, "", &held()).add("Require", "100rel").add("RSeq", "50");
    solo.receive(&agreed);
    let prack = solo.last("PRACK");
    solo.respond(&prack, 200, "", "");
}

fn held() -> String {
    ANSWER.replace("sendrecv", "recvonly").replace(" 1 1 IN", " 1 2 IN")
}

fn hangup(solo: &mut Solo, call: CallId) -> Text {
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    solo.last("BYE")
}

fn version(message: &Text) -> &str {
    let origin = message.body.lines().find(|line| line.starts_with("o=")).expect("an origin");
    origin.split(' ').nth(2).expect("a version")
}

// ---- the session

#[test]
fn a_refusal_after_an_agreement_is_followed_by_what_was_in_force() {
    for update in [true, false] {
        let mut solo = automatic();
        let (call, invite) = established(&mut solo, update);
        let offer = hold(&mut solo, call);
        assert!(offer.body.contains("a=sendonly"));
        agree_early(&mut solo, &offer);
        solo.respond(&offer, 488, "", "");
        assert!(solo.log().contains("failed: 488"));
        // Both must know that it is as it was (3.4).
        let again = solo.last(if update { "UPDATE" } else { "INVITE" });
        assert!(again.body.contains("a=sendrecv"), "{}", again.body);
        let versions = [&invite, &offer, &again].map(version);
        assert!(versions[0] < versions[1] && versions[1] < versions[2], "each says something else: {versions:?}");
        solo.respond(&again, 200, "", ANSWER);
        let hold = solo.endpoint.call_info(call).expect("a call").hold;
        assert!(!hold.local && !hold.remote);
        assert_eq!(solo.log(), "", "nothing has changed for the application");
        // The next offer goes on from there.
        let next = self::hold(&mut solo, call);
        assert!(version(&again) < version(&next));
    }
}

#[test]
fn a_refusal_without_an_agreement_is_followed_by_nothing() {
    let mut solo = automatic();
    let (call, _) = established(&mut solo, true);
    let offer = hold(&mut solo, call);
    // A preview in a response that may get lost is no agreement.
    solo.respond(&offer, 183, "", &held());
    solo.respond(&offer, 488, "", "");
    assert!(solo.times("UPDATE").is_empty());
    assert_eq!(solo.times("INVITE").len(), 2);
}

#[test]
fn an_agreement_that_is_then_never_answered_is_taken_back() {
    let mut solo = automatic();
    let (call, _) = established(&mut solo, true);
    let offer = hold(&mut solo, call);
    agree_early(&mut solo, &offer);
    solo.at(60_000);
    let cancel = solo.last("CANCEL");
    solo.respond(&cancel, 200, "", "");
    solo.respond(&offer, 487, "", "");
    assert!(solo.log().contains("60000  failed: no answer in time (timer offer)"));
    assert!(solo.last("UPDATE").body.contains("a=sendrecv"));
    assert!(!solo.endpoint.call_info(call).expect("a call").hold.local);
}

#[test]
fn what_is_offered_meanwhile_waits_for_what_was_in_force() {
    let mut solo = automatic();
    let (call, _) = established(&mut solo, true);
    let offer = hold(&mut solo, call);
    agree_early(&mut solo, &offer);
    solo.respond(&offer, 488, "", "");
    let again = solo.last("UPDATE");
    hold(&mut solo, call);
    assert_eq!(solo.times("INVITE").len(), 2, "one at a time");
    solo.respond(&again, 200, "", ANSWER);
    assert_eq!(solo.times("INVITE").len(), 3);
}

#[test]
fn an_agreement_that_was_not_kept_with_a_peer_that_is_gone_is_left() {
    let mut solo = automatic();
    let (call, _) = established(&mut solo, true);
    let offer = hold(&mut solo, call);
    agree_early(&mut solo, &offer);
    solo.respond(&offer, 481, "", "");
    assert!(solo.times("UPDATE").is_empty());
    solo.finish();
}

#[test]
fn their_update_within_our_re_invite_waits_until_the_offer_is_answered() {
    let mut solo = automatic();
    let (call, invite) = established(&mut solo, true);
    let offer = hold(&mut solo, call);
    // RFC 3311 5.2: our offer is open.
    solo.receive(&of_peer(&invite, "UPDATE", 1).sdp(OFFER));
    solo.last("491 UPDATE");
    // One without an offer is about the target alone.
    solo.receive(&of_peer(&invite, "UPDATE", 2));
    solo.last("200 UPDATE");
    solo.respond(&offer, 200, "", &held());
    assert!(solo.endpoint.call_info(call).expect("a call").hold.local);
}

#[test]
fn their_update_within_their_re_invite_must_wait() {
    let mut solo = Solo::new();
    let (call, invite) = established(&mut solo, true);
    solo.receive(&of_peer(&invite, "INVITE", 1).sdp(OFFER));
    solo.receive(&of_peer(&invite, "UPDATE", 2).sdp(OFFER));
    assert!(!solo.last("500 UPDATE").get("Retry-After").is_empty());
    solo.act(|endpoint, now| endpoint.accept_offer(now, call, ANSWER.into()));
    solo.last("200 INVITE");
}

#[test]
fn a_cancelled_re_invite_of_theirs_changes_nothing() {
    let mut solo = Solo::new();
    let (call, invite) = established(&mut solo, true);
    let offer = of_peer(&invite, "INVITE", 1).set("Contact", ELSEWHERE).sdp(&OFFER.replace("sendrecv", "sendonly"));
    solo.receive(&offer);
    solo.receive(&offer.clone().method("CANCEL"));
    solo.last("487 INVITE");
    solo.receive(&offer.method("ACK"));
    assert!(!solo.endpoint.call_info(call).expect("a call").hold.remote);
    assert_eq!(hangup(&mut solo, call).start, "BYE sip:alice@192.0.2.1:5060 SIP/2.0");
    expect(&solo.log(), "     0  offer with sdp\n     0  ending (BYE sent)\n");
}

#[test]
fn a_stream_that_they_end_is_ended_in_the_answer() {
    // RFC 3264 6: the port of an answer to a port of zero is zero.
    let mut solo = automatic();
    let video = "m=video 4010 RTP/AVP 31\r\na=sendrecv\r\n";
    let options = CallOptions::with_sdp([OFFER, video].concat());
    let call = solo.act(|endpoint, now| endpoint.call(now, "sip:alice@192.0.2.1", options)).expect("a call");
    let invite = solo.last("INVITE");
    solo.respond(&invite, 200, "alice", &[ANSWER, video].concat());
    let ended = [ANSWER, &video.replace("4010", "0")].concat().replace(" 1 1 IN", " 1 2 IN");
    solo.receive(&of_peer(&invite, "INVITE", 1).sdp(&ended));
    let answer = solo.last("200 INVITE").body;
    assert!(answer.contains("m=audio 4000 ") && answer.contains("m=video 0 "), "{answer}");
    assert!(!solo.endpoint.call_info(call).expect("a call").hold.remote, "what has ended holds nobody");
}

// ---- the target

#[test]
fn a_target_of_a_refused_request_is_not_kept() {
    for method in ["INVITE", "UPDATE"] {
        for automatic in [true, false] {
            let mut solo = Solo::with(|config| config.automatic_media = automatic);
            let (call, invite) = established(&mut solo, true);
            let video = format!("{OFFER}m=video 4004 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n");
            solo.receive(&of_peer(&invite, method, 1).set("Contact", ELSEWHERE).sdp(&video));
            if !automatic {
                solo.act(|endpoint, now| endpoint.reject_offer(now, call, StatusCode::NOT_ACCEPTABLE_HERE));
            }
            solo.last(&format!("488 {method}"));
            assert_eq!(hangup(&mut solo, call).start, "BYE sip:alice@192.0.2.1:5060 SIP/2.0", "{method} (4.6)");
        }
    }
}

#[test]
fn a_target_that_a_request_of_ours_went_to_is_kept() {
    let mut solo = Solo::new();
    let (call, invite) = established(&mut solo, true);
    solo.receive(&of_peer(&invite, "INVITE", 1).set("Contact", ELSEWHERE).sdp(OFFER));
    solo.act(|endpoint, now| endpoint.info(now, call, "text/plain", "x".into()));
    assert_eq!(solo.last("INFO").start, "INFO sip:alice@192.0.2.77:5077 SIP/2.0", "who has moved is reached there");
    solo.act(|endpoint, now| endpoint.reject_offer(now, call, StatusCode::NOT_ACCEPTABLE_HERE));
    assert_eq!(hangup(&mut solo, call).start, "BYE sip:alice@192.0.2.77:5077 SIP/2.0");
}

#[test]
fn a_target_of_an_accepted_request_is_kept_whatever_is_refused_later() {
    let mut solo = Solo::new();
    let (call, invite) = established(&mut solo, true);
    let offer = of_peer(&invite, "INVITE", 1).set("Contact", ELSEWHERE).sdp(OFFER);
    solo.receive(&offer);
    solo.act(|endpoint, now| endpoint.accept_offer(now, call, ANSWER.into()));
    solo.receive(&offer.method("ACK"));
    let second = of_peer(&invite, "INVITE", 2).set("Contact", "<sip:alice@192.0.2.88:5088>");
    solo.receive(&second.sdp(&OFFER.replace(" 1 1 IN", " 1 2 IN")));
    solo.act(|endpoint, now| endpoint.reject_offer(now, call, StatusCode::NOT_ACCEPTABLE_HERE));
    assert_eq!(hangup(&mut solo, call).start, "BYE sip:alice@192.0.2.77:5077 SIP/2.0");
}

#[test]
fn a_target_in_a_reliable_response_stays_though_the_re_invite_fails() {
    let answered = |reliable: bool| {
        let mut solo = automatic();
        let (call, _) = established(&mut solo, false);
        let offer = hold(&mut solo, call);
        let mut progress = response(&offer, 183, "", "").set("Contact", ELSEWHERE);
        if reliable {
            progress = progress.add("Require", "100rel").add("RSeq", "50");
        }
        solo.receive(&progress);
        solo.respond(&offer, 488, "", "");
        hangup(&mut solo, call).start
    };
    assert_eq!(answered(true), "BYE sip:alice@192.0.2.77:5077 SIP/2.0", "4.7");
    assert_eq!(answered(false), "BYE sip:alice@192.0.2.1:5060 SIP/2.0", "it may have got lost (4.7)");
}

#[test]
fn a_target_of_an_early_dialog_moves_reliably_or_not_at_all() {
    let moved = |reliable: bool| {
        let mut solo = Solo::new();
        let (call, invite) = solo.call();
        let progress = |solo: &mut Solo, contact: &str, rseq: &str| {
            let progress = response(&invite, 183, "alice", "").set("Contact", contact);
            let progress = progress.add("Require", "100rel").add("RSeq", rseq);
            solo.receive(&if reliable { progress } else { progress.without("Require").without("RSeq") });
        };
        progress(&mut solo, "<sip:alice@192.0.2.1:5060>", "1");
        progress(&mut solo, ELSEWHERE, "2");
        solo.act(|endpoint, now| endpoint.update(now, call, None));
        solo.last("UPDATE").start
    };
    assert_eq!(moved(true), "UPDATE sip:alice@192.0.2.77:5077 SIP/2.0", "4.9");
    assert_eq!(moved(false), "UPDATE sip:alice@192.0.2.1:5060 SIP/2.0", "4.9");
}
