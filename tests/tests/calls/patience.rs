//! Nobody waits for ever (RFC 3261 13.2.1, 13.3.1, 16.8): calls that are not answered, and offers within a call.

use std::time::Duration;

use offhook_core::endpoint::{CallId, CallOptions};
use offhook_tests::endpoint::{ANSWER, OFFER, Pair, Solo, response};
use offhook_tests::net::Conditions;
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

const MS: Duration = Duration::from_millis(1);
const S: Duration = Duration::from_secs(1);

fn invite() -> Text {
    Text::request("INVITE", "z9hG4bK-invite").add("Contact", "<sip:alice@192.0.2.1:5060>").sdp(OFFER)
}

/// The peer's re-INVITE in the dialog of our INVITE.
fn re_invite(invite: &Text, cseq: u32) -> Text {
    Text::request("INVITE", &format!("z9hG4bK-re-{cseq}"))
        .set("From", &format!("{};tag=alice", invite.get("To")))
        .set("To", invite.get("From"))
        .set("Call-ID", invite.get("Call-ID"))
        .set("CSeq", &format!("{cseq} INVITE"))
        .add("Contact", "<sip:alice@192.0.2.1:5060>")
}

fn hold(solo: &mut Solo, call: CallId) -> Text {
    solo.act(|endpoint, now| endpoint.hold(now, call, None));
    solo.last("INVITE")
}

fn is_held(solo: &Solo, call: CallId) -> bool {
    solo.endpoint.call_info(call).expect("a call").hold.local
}

// ---- incoming calls

#[test]
fn a_call_that_nobody_answers_and_whose_caller_has_vanished_ends_after_five_minutes() {
    let mut solo = Solo::new();
    let call = solo.called(&invite());
    solo.act(|endpoint, now| endpoint.ring(now, call, None));
    solo.at(299_999);
    assert_eq!(solo.endpoint.census().calls, 1);
    solo.at(300_000);
    let refusal = solo.last("480 INVITE");
    assert_eq!(refusal.get("Reason"), "Q.850;cause=19;text=\"not answered in time\"");
    assert_eq!(refusal.get("To"), solo.last("180 INVITE").get("To"));
    expect(
        &solo.log(),
        "
                 0  done
            300000  ended (480 not answered in time)
            300000  over, by network, 480 not answered in time: no answer in time (timer ring)
        ",
    );
    solo.finish();
}

#[test]
fn how_long_it_rings_is_a_setting_and_the_caller_is_told() {
    let mut pair = Pair::with(1, Conditions::default(), |config| config.ring_timeout = 20 * S);
    pair.call();
    pair.incoming(pair.bob);
    pair.net.run_for(30 * S);
    expect(
        &pair.net.ladder(),
        "
               ms  alice               bob
                0  |------INVITE------>|
              210  |<---100 INVITE-----|
            20010  |<---480 INVITE-----|
            20020  |--------ACK------->|
        ",
    );
    assert!(pair.log(pair.alice).contains("over, by remote, 480 Temporarily Unavailable, Q.850 Some(19)"));
    pair.finish();

    let mut solo = Solo::with(|config| config.ring_timeout = Duration::ZERO);
    solo.called(&invite());
    solo.at(86_400_000);
    assert_eq!(solo.endpoint.census().calls, 1, "as long as the caller likes");
}

#[test]
fn an_invitation_that_expires_is_answered_487() {
    for (expires, at) in [("30", 30_000), ("0", 0), ("4000000000", 300_000), ("soon", 300_000)] {
        let mut solo = Solo::new();
        solo.receive(&invite().add("Expires", expires));
        solo.at(at);
        let label = if at == 300_000 { "480 INVITE" } else { "487 INVITE" };
        assert_eq!(solo.times(label), [at], "{expires}");
        if at == 30_000 {
            assert!(
                solo.log()
                    .contains("30000  over, by network, 487 not answered in time: no answer in time (timer Expires)")
            );
        }
        solo.finish();
    }
}

#[test]
fn an_answer_or_a_cancel_ends_the_waiting() {
    let mut pair = Pair::with(1, Conditions::default(), |config| config.ring_timeout = 20 * S);
    let (here, there) = pair.called();
    pair.net.run_for(19 * S);
    pair.answer(there);
    pair.net.run_for(60 * S);
    assert_eq!(pair.info(pair.bob, there).expect("a call").state.name(), "established");
    pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, None));
    pair.finish();

    let mut solo = Solo::new();
    solo.called(&invite());
    solo.receive(&invite().method("CANCEL"));
    assert!(solo.finish() < 300_000, "no timer is left of it");
}

#[test]
fn an_answer_that_waits_for_an_acknowledgement_is_not_overtaken() {
    let mut solo = Solo::with(|config| config.ring_timeout = S);
    let call = solo.called(&invite().add("Supported", "100rel"));
    solo.act(|endpoint, now| endpoint.ring(now, call, Some(ANSWER.into())));
    solo.at(900);
    solo.act(|endpoint, now| endpoint.answer(now, call, Default::default()));
    solo.at(1500);
    let progress = solo.last("183 INVITE");
    solo.receive(&Text::prack(&progress, 8));
    assert_eq!(solo.times("200 INVITE"), [1500]);
    assert!(solo.times("480 INVITE").is_empty());
}

// ---- outgoing calls

#[test]
fn a_call_is_given_up_when_it_is_not_answered_in_the_time_it_has() {
    let mut pair = Pair::with(1, Conditions::default(), |_| {});
    let options = CallOptions::with_sdp(OFFER).answered_within(20_500 * MS);
    pair.net.with(pair.alice, |alice, now| alice.call(now, "sip:bob@10.0.0.2", options)).expect("a call");
    pair.net.run_for(MS * 20);
    let there = pair.incoming(pair.bob);
    pair.ring(there);
    pair.net.run_for(30 * S);
    expect(
        &pair.net.ladder(),
        "
               ms  alice               bob
                0  |------INVITE------>|
               20  |<---180 INVITE-----|
               30  |-------PRACK------>|
               40  |<----200 PRACK-----|
            20500  |------CANCEL------>|
            20510  |<---200 CANCEL-----|
            20510  |<---487 INVITE-----|
            20520  |--------ACK------->|
        ",
    );
    expect(
        &pair.log(pair.alice),
        "
                0  calling (INVITE sent)
               30  ringing (180 Ringing)
               30  progress 180 Ringing
            20500  ending (CANCEL sent)
            20520  ended (no answer in time (timer answer))
            20520  over, by network, no answer in time (timer answer): no answer in time (timer answer)
        ",
    );
    assert!(pair.log(pair.bob).contains("over, by remote, 487 Request Terminated, SIP Some(408)"));
    pair.finish();
}

#[test]
fn the_invite_says_how_long_it_is_good() {
    let expires = |options: CallOptions, setting: Option<Duration>| {
        let mut solo = Solo::with(|config| config.answer_timeout = setting);
        solo.act(|endpoint, now| endpoint.call(now, "sip:alice@192.0.2.1", options)).expect("a call");
        let invite = solo.last("INVITE");
        solo.respond(&invite, 180, "alice", "");
        solo.at(59_999);
        let cancelled = |solo: &Solo| solo.times("CANCEL").first().copied();
        let early = cancelled(&solo);
        solo.at(60_000);
        (invite.all("Expires").join("|"), early.or(cancelled(&solo)))
    };
    let plain = CallOptions::default;
    assert_eq!(expires(plain(), None), (String::new(), None));
    assert_eq!(expires(plain(), Some(60 * S)), ("60".into(), Some(60_000)));
    assert_eq!(expires(plain().answered_within(1_200 * MS), Some(60 * S)), ("2".into(), Some(1_200)));
    assert_eq!(expires(plain().answered_within(Duration::ZERO), Some(60 * S)), (String::new(), None));
    assert_eq!(expires(plain().header("Expires", "30"), None), ("30".into(), Some(30_000)));
    assert_eq!(expires(plain().header("Expires", "30").answered_within(10 * S), None), ("30".into(), Some(10_000)));
}

#[test]
fn a_call_that_was_rung_once_and_then_never_heard_of_is_given_up() {
    let mut solo = Solo::new();
    let (_, invite) = solo.call();
    solo.respond(&invite, 180, "alice", "");
    solo.at(200_000);
    solo.respond(&invite, 180, "alice", "");
    solo.at(499_999);
    assert!(solo.times("CANCEL").is_empty(), "the second response began another five minutes");
    solo.at(500_000);
    assert_eq!(solo.times("CANCEL")[0], 500_000);
    assert_eq!(solo.last("CANCEL").get("Reason"), "SIP;cause=408;text=\"not answered in time\"");
    // Nobody answers the CANCEL either (9.1).
    solo.finish();
    assert!(solo.log().ends_with(
        "532000  ended (no answer in time (timer C))\n532000  over, by network, no answer in time (timer C): no answer \
         in time (timer C)\n"
    ));
}

#[test]
fn an_answer_that_crosses_the_end_of_patience_is_acknowledged_and_ended() {
    let mut solo = Solo::with(|config| config.answer_timeout = Some(10 * S));
    let (_, invite) = solo.call();
    solo.respond(&invite, 180, "alice", "");
    solo.at(10_000);
    solo.last("CANCEL");
    solo.respond(&invite, 200, "alice", ANSWER);
    solo.last("ACK");
    let bye = solo.last("BYE");
    solo.respond(&bye, 200, "", "");
    assert!(solo.log().contains("over, by network, no answer in time (timer answer)"));
    solo.finish();
}

#[test]
fn a_call_that_never_left_is_given_up_too() {
    // The name is never resolved: the search ends by its own time; here the call is given up before.
    let mut solo = Solo::with(|config| config.answer_timeout = Some(2 * S));
    solo.act(|endpoint, now| endpoint.call(now, "sip:alice@example.org", CallOptions::with_sdp(OFFER)))
        .expect("a call");
    solo.at(2_000);
    assert!(solo.log().contains("2000  over, by network, no answer in time (timer answer)"));
    assert!(solo.times("INVITE").is_empty());
    solo.finish();
}

#[test]
fn the_time_goes_on_over_redirections() {
    let mut solo = Solo::with(|config| (config.answer_timeout, config.follow_redirects) = (Some(60 * S), 2));
    let (_, invite) = solo.call();
    solo.respond(&invite, 180, "alice", "");
    solo.at(40_000);
    solo.receive(&response(&invite, 302, "alice", "").set("Contact", "<sip:carol@192.0.2.1>"));
    let second = solo.last("INVITE");
    solo.respond(&second, 180, "carol", "");
    solo.at(60_000);
    assert_eq!(solo.times("CANCEL"), [60_000]);
}

#[test]
fn an_offer_in_the_answer_that_the_application_does_not_take_ends_the_call() {
    let mut solo = Solo::new();
    solo.act(|endpoint, now| endpoint.call(now, "sip:alice@192.0.2.1", CallOptions::default())).expect("a call");
    let invite = solo.last("INVITE");
    solo.respond(&invite, 200, "alice", OFFER);
    solo.at(31_999);
    assert!(solo.times("ACK").is_empty());
    solo.at(32_000);
    assert_eq!((solo.times("ACK"), solo.times("BYE")), (vec![32_000], vec![32_000]));
    solo.finish();
}

// ---- offers within a call

#[test]
fn a_re_invite_that_is_tried_and_never_answered_fails_and_the_call_goes_on() {
    for answers in [true, false] {
        let mut solo = Solo::with(|config| config.automatic_media = true);
        let (call, _) = solo.established();
        let offer = hold(&mut solo, call);
        solo.respond(&offer, 100, "", "");
        solo.at(30_000);
        solo.respond(&offer, 100, "", ""); // however often
        solo.at(59_999);
        assert!(solo.times("CANCEL").is_empty());
        solo.at(60_000);
        let cancel = solo.last("CANCEL");
        assert_eq!(cancel.get("CSeq"), "2 CANCEL");
        if answers {
            solo.respond(&cancel, 200, "", "");
            solo.respond(&offer, 487, "", "");
            solo.last("ACK");
        } else {
            solo.at(92_000);
        }
        let at = if answers { "60000" } else { "92000" };
        assert!(solo.log().ends_with(&format!("{at}  failed: no answer in time (timer offer)\n")), "{answers}");
        assert!(!is_held(&solo, call), "as it was");
        assert!(solo.times("BYE").is_empty(), "somebody is there: the dialog stays");
        // And it can be held again.
        let again = hold(&mut solo, call);
        solo.respond(&again, 200, "", &ANSWER.replace("sendrecv", "recvonly"));
        assert!(is_held(&solo, call));
        solo.act(|endpoint, now| endpoint.hangup(now, call, None));
        let bye = solo.last("BYE");
        solo.respond(&bye, 200, "", "");
        solo.finish();
    }
}

#[test]
fn an_agreement_that_crosses_the_cancel_of_a_re_invite_counts() {
    let mut solo = Solo::with(|config| (config.automatic_media, config.offer_timeout) = (true, 5 * S));
    let (call, _) = solo.established();
    let offer = hold(&mut solo, call);
    solo.respond(&offer, 100, "", "");
    solo.at(5_000);
    let cancel = solo.last("CANCEL");
    solo.respond(&offer, 200, "", &ANSWER.replace("sendrecv", "recvonly"));
    solo.respond(&cancel, 200, "", "");
    assert_eq!(solo.last("ACK").get("CSeq"), "2 ACK");
    assert!(solo.log().contains("done: negotiated with sdp"));
    assert!(is_held(&solo, call));
}

#[test]
fn a_re_invite_that_is_given_up_is_not_tried_again() {
    for status in [401, 491, 500] {
        let mut solo = Solo::with(|config| (config.automatic_media, config.offer_timeout) = (true, 5 * S));
        let (call, _) = solo.established();
        let offer = hold(&mut solo, call);
        solo.respond(&offer, 100, "", "");
        solo.at(5_000);
        let refusal = response(&offer, status, "", "")
            .add("Retry-After", "1")
            .add("WWW-Authenticate", "Digest realm=\"r\", nonce=\"n\"");
        solo.receive(&refusal);
        assert!(solo.log().contains("5000  failed: no answer in time (timer offer)"), "{status}");
        solo.at(20_000);
        assert_eq!(solo.times("INVITE").len(), 2, "{status}");
    }
}

#[test]
fn a_refresh_that_is_tried_and_never_answered_is_tried_again_until_the_session_expires() {
    let mut solo = Solo::with(|config| (config.automatic_media, config.offer_timeout) = (true, 5 * S));
    let (_, invite) = solo.call();
    let answer =
        response(&invite, 200, "alice", ANSWER).add("Session-Expires", "90;refresher=uac").add("Require", "timer");
    solo.receive(&answer);
    solo.log();
    let refresh = solo.until("INVITE", 2);
    assert_eq!(solo.now(), 45_000);
    solo.respond(&refresh, 100, "", "");
    solo.at(50_000);
    solo.last("CANCEL");
    solo.respond(&refresh, 487, "", "");
    let again = solo.until("INVITE", 3);
    solo.respond(&again, 200, "", ANSWER);
    assert_eq!(solo.log(), "", "nobody has to know");
}

#[test]
fn an_update_an_info_and_a_refer_that_are_tried_and_never_answered_fail_and_the_call_goes_on() {
    for tried in [true, false] {
        for method in ["UPDATE", "INFO", "REFER"] {
            let mut solo = Solo::new();
            let (call, _) = solo.established();
            solo.act(|endpoint, now| match method {
                "UPDATE" => drop(endpoint.update(now, call, Some(OFFER.into()))),
                "INFO" => drop(endpoint.info(now, call, "text/plain", "x".into())),
                _ => drop(endpoint.transfer(now, call, "sip:carol@192.0.2.1", Default::default())),
            });
            let request = solo.last(method);
            if tried {
                solo.respond(&request, 100, "", "");
            }
            solo.at(32_000);
            assert!(solo.log().contains("no answer in time (timer F)"), "{method}");
            assert_eq!(solo.times("BYE").is_empty(), tried, "{method}: ended where nobody is there");
        }
    }
}

#[test]
fn an_offer_that_the_application_does_not_answer_is_refused() {
    let mut solo = Solo::new();
    let (call, invite) = solo.established();
    solo.receive(&re_invite(&invite, 1).sdp(OFFER));
    solo.at(59_999);
    assert!(solo.times("480 INVITE").is_empty());
    solo.at(60_000);
    assert_eq!(solo.times("480 INVITE"), [60_000]);
    solo.receive(&re_invite(&invite, 1).method("ACK"));
    solo.act(|endpoint, now| endpoint.accept_offer(now, call, ANSWER.into()));
    expect(
        &solo.log(),
        "
                0  offer with sdp
            60000  failed: no offer waits for an answer
        ",
    );
    solo.receive(&re_invite(&invite, 2).sdp(OFFER));
    solo.act(|endpoint, now| endpoint.accept_offer(now, call, ANSWER.into()));
    solo.last("200 INVITE");
    solo.receive(&re_invite(&invite, 2).method("ACK"));
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    let bye = solo.last("BYE");
    solo.respond(&bye, 200, "", "");
    solo.finish();
}
