//! Session timers (RFC 4028): what is asked for and agreed on, refreshes over a day, and calls that nobody refreshes.

use std::time::Duration;

use offhook_core::endpoint::{
    AnswerOptions, CallId, CallOptions, Config, Endpoint, Error, Event, Hold, SessionInterval, SessionTimerMode,
};
use offhook_core::transport::Machine;
use offhook_tests::endpoint::{ANSWER, OFFER, Pair, Solo, response};
use offhook_tests::net::{Conditions, Network};
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

const MS: Duration = Duration::from_millis(1);
const DAY: u64 = 86_400_000;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn manual() -> Pair {
    Pair::with(1, Conditions::default(), |_| {})
}

fn timer(endpoint: &Endpoint, call: CallId) -> Option<(u64, bool)> {
    let info = endpoint.call_info(call).expect("a call");
    info.session_timer.map(|SessionInterval { length, local }| (length.as_secs(), local))
}

fn sent(net: &Network, label: &str) -> usize {
    net.trace().iter().filter(|hop| hop.label() == label).count()
}

/// A call to the peer that agreed on an interval; the INVITE.
fn agreed(solo: &mut Solo, expires: &str, allow: &str) -> (CallId, Text) {
    let (call, invite) = solo.call();
    let mut answer = response(&invite, 200, "alice", ANSWER).add("Session-Expires", expires).add("Require", "timer");
    if !allow.is_empty() {
        answer = answer.add("Allow", allow);
    }
    solo.receive(&answer);
    solo.log();
    (call, invite)
}

/// The peer's answer to a refresh.
fn refreshed(request: &Text, expires: &str, sdp: &str) -> Text {
    response(request, 200, "", sdp).add("Session-Expires", expires).add("Require", "timer")
}

/// The peer's request in the dialog of our INVITE.
fn in_dialog(method: &str, invite: &Text, cseq: u32) -> Text {
    Text::request(method, &format!("z9hG4bK-{method}-{cseq}"))
        .set("From", &format!("{};tag=alice", invite.get("To")))
        .set("To", invite.get("From"))
        .set("Call-ID", invite.get("Call-ID"))
        .set("CSeq", &format!("{cseq} {method}"))
        .add("Contact", "<sip:alice@192.0.2.1:5060>")
}

fn their_invite(lines: &[(&str, &str)]) -> Text {
    let invite = Text::request("INVITE", "z9hG4bK-invite").add("Contact", "<sip:alice@192.0.2.1:5060>").sdp(OFFER);
    lines.iter().fold(invite, |invite, (name, value)| invite.add(name, value))
}

/// Answers their INVITE; our 200.
fn answered(solo: &mut Solo, lines: &[(&str, &str)]) -> (CallId, Text) {
    let call = solo.called(&their_invite(lines));
    solo.act(|endpoint, now| endpoint.answer(now, call, AnswerOptions::with_sdp(ANSWER)));
    let ok = solo.last("200 INVITE");
    solo.receive(&Text::request("ACK", "z9hG4bK-ack").set("To", ok.get("To")).set("CSeq", "7 ACK"));
    solo.log();
    (call, ok)
}

// ---- a day

#[test]
fn a_day_of_refreshes_by_update_disturbs_nobody() {
    let mut pair = manual();
    let (here, there) = pair.established();
    assert_eq!(timer(pair.net.machine(pair.alice), here), Some((1800, true)));
    assert_eq!(timer(pair.net.machine(pair.bob), there), Some((1800, false)));
    let held = OFFER.replace("sendrecv", "sendonly").replace(" 1 1 IN", " 1 2 IN");
    pair.net.with(pair.alice, |alice, now| alice.hold(now, here, Some(held.into())));
    pair.net.run_for(20 * MS);
    pair.net.with(pair.bob, |bob, now| bob.accept_offer(now, there, ANSWER.replace("sendrecv", "recvonly").into()));
    pair.net.run_for(100 * MS);
    pair.net.clear_trace();
    pair.net.take_events(pair.alice);
    pair.net.take_events(pair.bob);
    pair.net.run_for(secs(86_400));
    assert_eq!((sent(&pair.net, "UPDATE"), sent(&pair.net, "200 UPDATE")), (95, 95));
    assert_eq!(pair.net.trace().len(), 190, "nothing else is sent");
    assert_eq!((pair.log(pair.alice), pair.log(pair.bob)), (String::new(), String::new()));
    let hold = |node, call| pair.info(node, call).expect("a call").hold;
    let (alice, bob): (Hold, Hold) = (hold(pair.alice, here), hold(pair.bob, there));
    assert!(alice.local && !alice.remote && !bob.local && bob.remote);
    pair.net.with(pair.bob, |bob, now| bob.hangup(now, there, None));
    pair.finish();
}

#[test]
fn a_day_of_refreshes_on_a_bad_network() {
    let conditions = Conditions { loss: 200, duplication: 50, ..Conditions::default() };
    let mut pair = Pair::with(3, conditions, |config| config.automatic_media = true);
    let (here, there) = pair.called();
    pair.answer(there);
    pair.net.run_for(secs(40));
    pair.net.take_events(pair.alice);
    pair.net.take_events(pair.bob);
    pair.net.run_for(secs(86_400));
    assert_eq!((pair.log(pair.alice), pair.log(pair.bob)), (String::new(), String::new()));
    assert_eq!(pair.info(pair.alice, here).map(|info| info.state.name()), Some("established"));
    pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, None));
    pair.finish();
}

#[test]
fn a_day_of_refreshes_by_re_invite_offers_the_same_again() {
    let mut solo = Solo::new();
    let (call, _) = agreed(&mut solo, "1800;refresher=uac", "INVITE, ACK, BYE, CANCEL");
    let mut at = 0;
    for round in 1..96 {
        at += 900_000;
        solo.at(at);
        let invite = solo.last("INVITE");
        assert_eq!(solo.times("INVITE").len(), round + 1);
        assert_eq!(invite.body, OFFER, "the same, with the same version");
        assert_eq!(invite.get("Session-Expires"), "1800;refresher=uac");
        solo.receive(&refreshed(&invite, "1800;refresher=uac", ANSWER));
    }
    assert_eq!(at, DAY - 900_000);
    assert_eq!((solo.log(), solo.times("UPDATE").len()), (String::new(), 0));
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    let bye = solo.last("BYE");
    solo.respond(&bye, 200, "", "");
    solo.finish();
}

// ---- what is asked for and agreed on

#[test]
fn an_invite_asks_for_an_interval() {
    let mut solo = Solo::new();
    let (_, invite) = solo.call();
    assert_eq!((invite.get("Session-Expires"), invite.get("Min-SE")), ("1800", ""));
    assert!(invite.get("Supported").contains("timer"));

    let mut solo = Solo::with(|config| {
        config.session_timers.expires = secs(3600);
        config.session_timers.min_se = secs(600);
    });
    let (_, invite) = solo.call();
    assert_eq!((invite.get("Session-Expires"), invite.get("Min-SE")), ("3600", "600"));

    let mut solo = Solo::with(|config| config.session_timers.mode = SessionTimerMode::Never);
    let (call, invite) = solo.call();
    assert!(invite.get("Session-Expires").is_empty() && !invite.get("Supported").contains("timer"));
    solo.receive(&response(&invite, 200, "alice", ANSWER).add("Session-Expires", "90;refresher=uac"));
    assert_eq!(timer(&solo.endpoint, call), None);
}

#[test]
fn who_refreshes_is_agreed_on_as_in_table_2() {
    let supported = ("Supported", "timer");
    for (lines, expected, ours) in [
        // Not known there, asked for on the way.
        (vec![("Session-Expires", "1200")], "1200;refresher=uas", true),
        (vec![supported, ("Session-Expires", "1200")], "1200;refresher=uac", false),
        (vec![supported, ("Session-Expires", "1200;refresher=uac")], "1200;refresher=uac", false),
        (vec![supported, ("Session-Expires", "1200;refresher=uas")], "1200;refresher=uas", true),
        (vec![("Require", "timer"), ("x", "1200;refresher=uas")], "1200;refresher=uas", true),
        // Longer than we like, but not below what somebody on the way needs.
        (vec![supported, ("Session-Expires", "7200")], "1800;refresher=uac", false),
        (vec![supported, ("Session-Expires", "7200"), ("Min-SE", "3600")], "3600;refresher=uac", false),
        // Not asked for: so it is ours to do.
        (vec![supported], "1800;refresher=uas", true),
        (vec![supported, ("Min-SE", "2400")], "2400;refresher=uas", true),
    ] {
        let mut solo = Solo::new();
        let (call, ok) = answered(&mut solo, &lines);
        assert_eq!(ok.get("Session-Expires"), expected, "{lines:?}");
        let knows = lines.iter().any(|(_, value)| *value == "timer");
        assert_eq!(ok.get("Require"), if knows { "timer" } else { "" }, "{lines:?}");
        assert_eq!(timer(&solo.endpoint, call).map(|(_, ours)| ours), Some(ours), "{lines:?}");
    }
    let mut solo = Solo::new();
    let (call, ok) = answered(&mut solo, &[]);
    assert_eq!((ok.get("Session-Expires"), timer(&solo.endpoint, call)), ("", None));
}

#[test]
fn who_does_not_support_it_refuses_who_requires_it() {
    let mut solo = Solo::with(|config| config.session_timers.mode = SessionTimerMode::Never);
    solo.receive(&their_invite(&[("Require", "timer"), ("Session-Expires", "1800")]));
    assert_eq!(solo.last("420 INVITE").get("Unsupported"), "timer");
    let mut solo = Solo::with(|config| config.session_timers.mode = SessionTimerMode::Never);
    let (call, ok) = answered(&mut solo, &[("Supported", "timer"), ("Session-Expires", "1800")]);
    assert_eq!((ok.get("Session-Expires"), timer(&solo.endpoint, call)), ("", None));
}

#[test]
fn an_interval_that_is_too_short_is_refused_with_422() {
    let mut solo = Solo::with(|config| config.session_timers.min_se = secs(300));
    solo.receive(&their_invite(&[("Supported", "timer"), ("Session-Expires", "299")]));
    assert_eq!(solo.last("422 INVITE").get("Min-SE"), "300");
    assert_eq!((solo.log(), solo.endpoint.census().calls), (String::new(), 0));
    // Who does not know of it cannot do better.
    let mut solo = Solo::with(|config| config.session_timers.min_se = secs(300));
    let (_, ok) = answered(&mut solo, &[("Session-Expires", "299")]);
    assert_eq!(ok.get("Session-Expires"), "299;refresher=uas");
    // In a call as well, which goes on.
    let mut solo = Solo::new();
    let (call, invite) = agreed(&mut solo, "1800;refresher=uas", "");
    for (cseq, method) in [(1, "UPDATE"), (2, "INVITE")] {
        let short = in_dialog(method, &invite, cseq).add("Supported", "timer").add("Session-Expires", "60");
        solo.receive(&short.sdp(&ANSWER.replace("4002", "5002")));
        assert_eq!(solo.last(&format!("422 {method}")).get("Min-SE"), "90");
    }
    assert_eq!((solo.log(), timer(&solo.endpoint, call)), (String::new(), Some((1800, false))));
}

#[test]
fn a_422_is_answered_with_a_longer_interval() {
    let mut solo = Solo::with(|config| config.session_timers.expires = secs(100));
    let (call, first) = solo.call();
    solo.receive(&response(&first, 422, "proxy", "").without("Contact").add("Min-SE", "600"));
    let second = solo.last("INVITE");
    assert_eq!((second.get("Session-Expires"), second.get("Min-SE")), ("600", "600"));
    assert_eq!((second.get("Call-ID"), second.get("From")), (first.get("Call-ID"), first.get("From")));
    assert_eq!((second.get("CSeq"), second.get("To")), ("2 INVITE", first.get("To")));
    assert_eq!(second.body, OFFER);
    solo.receive(&response(&second, 200, "alice", ANSWER).add("Session-Expires", "600;refresher=uac"));
    assert_eq!(timer(&solo.endpoint, call), Some((600, true)));
    assert!(!solo.log().contains("over"));
}

#[test]
fn a_422_without_end_ends() {
    let mut solo = Solo::new();
    let (_, mut invite) = solo.call();
    for round in 1..=6_u32 {
        let longer = (1800 + round * 10).to_string();
        solo.receive(&response(&invite, 422, "proxy", "").without("Contact").add("Min-SE", &longer));
        invite = solo.last("INVITE");
    }
    assert_eq!(invite.get("CSeq"), "6 INVITE");
    assert!(solo.log().contains("over, by remote, 422 Whatever"));
    // One that asks for nothing longer is a refusal at once.
    for (name, value) in [("Min-SE", "1800"), ("X-Other", "1"), ("Min-SE", "x")] {
        let mut solo = Solo::new();
        let (_, invite) = solo.call();
        solo.receive(&response(&invite, 422, "proxy", "").without("Contact").add(name, value));
        assert!(solo.log().contains("over, by remote, 422 Whatever"), "{name}");
    }
}

// ---- refreshing

#[test]
fn a_refresh_by_update_has_no_offer() {
    let mut solo = Solo::new();
    let (call, _) = agreed(&mut solo, "200;refresher=uac", "INVITE, UPDATE");
    solo.at(99_999);
    assert!(solo.times("UPDATE").is_empty());
    solo.at(100_000);
    let update = solo.last("UPDATE");
    assert_eq!((update.get("Session-Expires"), &*update.body), ("200;refresher=uac", ""));
    assert!(update.get("Supported").contains("timer"));
    // The other side wants it longer, and the roles the other way round.
    solo.receive(&refreshed(&update, "300;refresher=uas", ""));
    assert_eq!(timer(&solo.endpoint, call), Some((300, false)));
    assert_eq!(solo.log(), "");
}

#[test]
fn a_refresh_that_wants_a_longer_interval_gets_it() {
    let mut solo = Solo::new();
    let (call, _) = agreed(&mut solo, "200;refresher=uac", "INVITE, UPDATE");
    solo.at(100_000);
    let update = solo.last("UPDATE");
    solo.receive(&response(&update, 422, "", "").add("Min-SE", "400"));
    let again = solo.last("UPDATE");
    assert_eq!((again.get("Session-Expires"), again.get("Min-SE")), ("400;refresher=uac", "400"));
    solo.receive(&refreshed(&again, "400;refresher=uac", ""));
    assert_eq!(timer(&solo.endpoint, call), Some((400, true)));
    // What was asked for once is asked for from then on.
    solo.at(300_000);
    assert_eq!(solo.last("UPDATE").get("Min-SE"), "400");
}

#[test]
fn who_takes_no_update_after_all_gets_a_re_invite() {
    for status in [405, 501] {
        let mut solo = Solo::new();
        agreed(&mut solo, "200;refresher=uac", "INVITE, UPDATE");
        solo.at(100_000);
        let update = solo.last("UPDATE");
        solo.respond(&update, status, "", "");
        let invite = solo.last("INVITE");
        assert_eq!((invite.get("Session-Expires"), &*invite.body), ("200;refresher=uac", OFFER));
        solo.receive(&refreshed(&invite, "200;refresher=uac", ANSWER));
        solo.at(200_000);
        assert_eq!((solo.times("UPDATE").len(), solo.times("INVITE").len()), (1, 3));
        assert_eq!(solo.log(), "");
    }
}

#[test]
fn a_refresh_that_fails_is_tried_again_until_it_is_too_late() {
    let mut solo = Solo::new();
    agreed(&mut solo, "1800;refresher=uac", "INVITE, UPDATE");
    let mut tried = Vec::new();
    while solo.times("BYE").is_empty() {
        let update = solo.until("UPDATE", tried.len() + 1);
        tried.push(solo.now() / 1000);
        solo.respond(&update, 503, "", "");
        let due = solo.endpoint.poll_timeout().expect("a timer");
        solo.at(due.as_millis());
    }
    assert_eq!(tried, [900, 1334, 1551, 1659, 1713, 1740, 1754, 1761, 1766]);
    assert_eq!(solo.times("BYE"), [1_768_000]);
    let bye = solo.last("BYE");
    assert_eq!(bye.get("Reason"), "SIP;cause=408;text=\"session expired\"");
    solo.respond(&bye, 200, "", "");
    expect(
        &solo.log(),
        "
            1768000  ending (BYE sent)
            1768000  ended (the session expired)
            1768000  over, by network, the session expired: no answer in time (timer Session-Expires)
        ",
    );
    solo.finish();
}

#[test]
fn a_refresh_that_finds_no_call_ends_it() {
    for status in [408, 481] {
        let mut solo = Solo::new();
        agreed(&mut solo, "1800;refresher=uac", "INVITE, UPDATE");
        solo.at(900_000);
        let update = solo.last("UPDATE");
        solo.respond(&update, status, "", "");
        assert!(solo.log().contains(if status == 481 { "over, by remote, 481" } else { "ending (BYE sent)" }));
    }
    let mut solo = Solo::new();
    agreed(&mut solo, "1800;refresher=uac", "");
    solo.finish();
    let log = solo.log();
    assert!(log.contains("932000  ending (BYE sent)"), "a re-INVITE that nobody answers: {log}");
}

#[test]
fn a_call_that_nobody_refreshes_ends_before_its_session_expires() {
    // A third of the interval before, but no more than 32 s.
    for (interval, end) in [(90, 60), (1800, 1768)] {
        let mut solo = Solo::new();
        agreed(&mut solo, &format!("{interval};refresher=uas"), "");
        solo.at(end * 1000 - 1);
        assert!(solo.times("BYE").is_empty());
        solo.at(end * 1000);
        assert_eq!(solo.times("BYE"), [end * 1000]);
        let bye = solo.last("BYE");
        solo.respond(&bye, 200, "", "");
        solo.finish();
    }
}

#[test]
fn a_refresh_of_theirs_counts_from_its_answer() {
    let mut solo = Solo::new();
    let (call, invite) = agreed(&mut solo, "1800;refresher=uas", "");
    solo.at(1_000_000);
    let update = in_dialog("UPDATE", &invite, 1).add("Supported", "timer");
    solo.receive(&update.add("Session-Expires", "1800;refresher=uac").add("Min-SE", "200"));
    let ok = solo.last("200 UPDATE");
    assert_eq!((ok.get("Session-Expires"), ok.get("Require")), ("1800;refresher=uac", "timer"));
    assert_eq!(timer(&solo.endpoint, call), Some((1800, false)));
    solo.at(2_767_999);
    assert!(solo.times("BYE").is_empty());
    // Any re-INVITE does it, too; the answer says that it goes on as it was.
    solo.receive(&in_dialog("INVITE", &invite, 2).add("Supported", "timer").sdp(ANSWER));
    assert_eq!(solo.last("200 INVITE").get("Session-Expires"), "1800;refresher=uac");
    assert_eq!(timer(&solo.endpoint, call), Some((1800, false)));
    assert_eq!(solo.log(), "");
    solo.at(2_768_001);
    assert!(solo.times("BYE").is_empty());
}

#[test]
fn roles_stay_whoever_sends() {
    let mut pair = Pair::with(1, Conditions::default(), |config| config.automatic_media = true);
    let (here, there) = pair.established();
    pair.net.with(pair.bob, |bob, now| bob.hold(now, there, None));
    pair.net.run_for(100 * MS);
    pair.net.with(pair.bob, |bob, now| bob.update(now, there, None));
    pair.net.run_for(100 * MS);
    let said: Vec<String> = pair
        .net
        .trace()
        .iter()
        .filter_map(|hop| hop.bytes().map(|bytes| Text::parse(bytes).get("Session-Expires").to_owned()))
        .filter(|value| !value.is_empty())
        .collect();
    assert_eq!(said, ["1800;refresher=uas"; 4]);
    assert_eq!(timer(pair.net.machine(pair.alice), here), Some((1800, true)));
    assert_eq!(timer(pair.net.machine(pair.bob), there), Some((1800, false)));
    pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, None));
    pair.finish();
}

#[test]
fn an_answer_without_an_interval_turns_it_off() {
    let mut solo = Solo::new();
    let (call, _) = agreed(&mut solo, "200;refresher=uac", "INVITE, UPDATE");
    solo.at(100_000);
    let update = solo.last("UPDATE");
    solo.respond(&update, 200, "", "");
    assert_eq!(timer(&solo.endpoint, call), None);
    solo.at(DAY);
    assert_eq!(solo.times("UPDATE").len(), 1);
    assert_eq!(solo.log(), "");
}

#[test]
fn always_refreshes_alone_where_the_other_side_does_not_know_of_it() {
    let always = |config: &mut Config| config.session_timers.mode = SessionTimerMode::Always;
    let mut solo = Solo::with(always);
    let (call, invite) = solo.call();
    solo.respond(&invite, 200, "alice", ANSWER);
    assert_eq!(timer(&solo.endpoint, call), Some((1800, true)));
    solo.log();
    for round in 1..=3 {
        let again = solo.until("INVITE", round + 1);
        solo.respond(&again, 200, "", ANSWER);
    }
    assert_eq!((solo.now(), solo.log()), (2_700_000, String::new()));

    let mut solo = Solo::with(always);
    let (call, ok) = answered(&mut solo, &[]);
    assert_eq!((ok.get("Session-Expires"), ok.get("Require")), ("1800;refresher=uas", ""));
    assert_eq!(timer(&solo.endpoint, call), Some((1800, true)));
}

// ---- refreshes that meet something

#[test]
fn what_the_application_wants_waits_for_a_refresh() {
    let mut solo = Solo::with(|config| config.automatic_media = true);
    let (call, _) = agreed(&mut solo, "200;refresher=uac", "");
    solo.at(100_000);
    let refresh = solo.last("INVITE");
    solo.act(|endpoint, now| endpoint.hold(now, call, None));
    assert_eq!(solo.times("INVITE").len(), 2);
    solo.receive(&refreshed(&refresh, "200;refresher=uac", ANSWER));
    let hold = solo.last("INVITE");
    assert!(hold.body.contains("a=sendonly"));
    solo.receive(&refreshed(&hold, "200;refresher=uac", &ANSWER.replace("sendrecv", "recvonly")));
    expect(
        &solo.log(),
        "
            100000  hold: local
            100000  done: negotiated with sdp
        ",
    );
    // Held is held: the next refresh says nothing else.
    solo.at(200_000);
    let refresh = solo.last("INVITE");
    assert_eq!(refresh.body, hold.body);
    solo.receive(&refreshed(&refresh, "200;refresher=uac", &ANSWER.replace("sendrecv", "recvonly")));
    assert_eq!(solo.log(), "");
}

#[test]
fn a_refresh_that_was_asked_to_wait_gives_way_to_the_application() {
    let mut solo = Solo::with(|config| config.automatic_media = true);
    let (call, _) = agreed(&mut solo, "200;refresher=uac", "");
    solo.at(100_000);
    let refresh = solo.last("INVITE");
    solo.respond(&refresh, 491, "", "");
    solo.act(|endpoint, now| endpoint.hold(now, call, None));
    let hold = solo.last("INVITE");
    assert!(hold.body.contains("a=sendonly"));
    solo.receive(&refreshed(&hold, "200;refresher=uac", &ANSWER.replace("sendrecv", "recvonly")));
    solo.at(199_999);
    assert_eq!(solo.times("INVITE").len(), 3, "no other refresh before its time");
}

#[test]
fn a_refresh_that_meets_theirs_comes_through_later() {
    let mut solo = Solo::new();
    let (call, invite) = agreed(&mut solo, "200;refresher=uac", "");
    solo.at(100_000);
    let refresh = solo.last("INVITE");
    solo.receive(&in_dialog("INVITE", &invite, 1).sdp(&ANSWER.replace("4002", "5002")));
    solo.last("491 INVITE");
    solo.respond(&refresh, 491, "", "");
    let again = solo.until("INVITE", 3);
    assert!((102_100..=104_000).contains(&solo.now()));
    solo.receive(&refreshed(&again, "200;refresher=uac", ANSWER));
    assert_eq!((solo.log(), timer(&solo.endpoint, call)), (String::new(), Some((200, true))));
}

#[test]
fn two_that_refresh_at_the_same_moment() {
    let mut pair = manual();
    let (here, there) = pair.established();
    pair.net.with(pair.alice, |alice, now| alice.update(now, here, None));
    pair.net.with(pair.bob, |bob, now| bob.update(now, there, None));
    pair.net.run_for(100 * MS);
    assert_eq!((sent(&pair.net, "UPDATE"), sent(&pair.net, "200 UPDATE")), (2, 2), "nothing to quarrel about");
    pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, None));
    pair.finish();
}

#[test]
fn a_refresh_that_is_answered_with_something_new_is_told() {
    let mut solo = Solo::new();
    agreed(&mut solo, "200;refresher=uac", "");
    solo.at(100_000);
    let refresh = solo.last("INVITE");
    // Another version of the same is nothing new.
    solo.receive(&refreshed(&refresh, "200;refresher=uac", &ANSWER.replace(" 1 1 IN", " 1 2 IN")));
    assert_eq!(solo.log(), "");
    solo.at(200_000);
    let refresh = solo.last("INVITE");
    solo.receive(&refreshed(&refresh, "200;refresher=uac", &ANSWER.replace("4002", "5002")));
    assert_eq!(solo.log(), "200000  negotiated\n");
}

#[test]
fn a_call_that_ends_leaves_no_timer() {
    let mut solo = Solo::new();
    let (_, invite) = agreed(&mut solo, "1800;refresher=uac", "INVITE, UPDATE");
    solo.at(900_000);
    solo.receive(&in_dialog("BYE", &invite, 1));
    assert!(solo.log().contains("over, by remote"));
    assert!(solo.finish() < 900_000 + 64_000);
}

// ---- settings

#[test]
fn settings_that_cannot_be_used_are_refused() {
    let check = |expires: u64, min_se: u64| {
        let mut config = Config::new("sip:alice@example.com").expect("a config");
        config.session_timers.expires = secs(expires);
        config.session_timers.min_se = secs(min_se);
        match config.check() {
            Ok(()) => String::new(),
            Err(Error::Input(error)) => error.field.into(),
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(check(90, 90), "");
    assert_eq!(check(1800, 89), "sessionTimers.minSe");
    assert_eq!(check(300, 301), "sessionTimers.expires");
}

#[test]
fn the_headers_are_the_endpoints_own() {
    let mut solo = Solo::new();
    for name in ["Session-Expires", "x", "min-se"] {
        let options = CallOptions::with_sdp(OFFER).header(name, "100");
        let refused = solo.act(|endpoint, now| endpoint.call(now, "sip:alice@192.0.2.1", options));
        assert!(matches!(refused, Err(Error::Input(_))), "{name}");
    }
    assert!(solo.events().iter().all(|event| !matches!(event, Event::Call { .. })));
}
