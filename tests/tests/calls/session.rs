//! Re-INVITEs (RFC 3261 14): hold and resume, the application's own offers, refusals, and two that meet.

use std::time::Duration;

use offhook_core::endpoint::{CallId, Endpoint, Hold};
use offhook_core::message::StatusCode;
use offhook_tests::endpoint::{ANSWER, OFFER, Pair, Solo, response};
use offhook_tests::net::{Conditions, Node};
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

const MS: Duration = Duration::from_millis(1);

/// Descriptions are the application's.
fn manual() -> Pair {
    Pair::with(1, Conditions::default(), |_| {})
}

fn holds(pair: &Pair, node: Node<Endpoint>, call: CallId) -> Hold {
    pair.info(node, call).expect("a call").hold
}

fn hold(local: bool, remote: bool) -> Hold {
    let mut hold = Hold::default();
    (hold.local, hold.remote) = (local, remote);
    hold
}

/// The direction in the description of the n-th message of this label, counted from the end.
fn direction(pair: &Pair, label: &str, from_end: usize) -> String {
    let mut found = pair.net.trace().iter().rev().filter(|hop| hop.label() == label).skip(from_end);
    let bytes = found.next().and_then(|hop| hop.bytes()).expect("a message").clone();
    let text = Text::parse(&bytes);
    let line = text.body.lines().find(|line| ["a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"].contains(line));
    line.unwrap_or("none").to_owned()
}

#[test]
fn hold_and_resume_by_either_side() {
    let mut pair = Pair::new();
    let (here, there) = pair.established();
    let directions = |pair: &Pair| (direction(pair, "INVITE", 0), direction(pair, "200 INVITE", 0));
    let said = |offer: &str, answer: &str| (format!("a={offer}"), format!("a={answer}"));

    pair.net.with(pair.alice, |alice, now| alice.hold(now, here, None));
    pair.net.run_for(100 * MS);
    assert_eq!(directions(&pair), said("sendonly", "recvonly"));
    assert_eq!(holds(&pair, pair.alice, here), hold(true, false));
    assert_eq!(holds(&pair, pair.bob, there), hold(false, true));

    pair.net.with(pair.bob, |bob, now| bob.hold(now, there, None));
    pair.net.run_for(100 * MS);
    assert_eq!(directions(&pair).0, "a=inactive");
    assert_eq!(holds(&pair, pair.alice, here), hold(true, true));
    assert_eq!(holds(&pair, pair.bob, there), hold(true, true));

    pair.net.with(pair.alice, |alice, now| alice.resume(now, here, None));
    pair.net.run_for(100 * MS);
    assert_eq!(holds(&pair, pair.alice, here), hold(false, true));
    assert_eq!(holds(&pair, pair.bob, there), hold(true, false));

    pair.net.with(pair.bob, |bob, now| bob.resume(now, there, None));
    pair.net.run_for(100 * MS);
    assert_eq!(directions(&pair), said("sendrecv", "sendrecv"));
    assert_eq!(holds(&pair, pair.alice, here), hold(false, false));
    assert_eq!(holds(&pair, pair.bob, there), hold(false, false));
    expect(
        &pair.net.ladder(),
        "
             ms  alice               bob
             40  |------INVITE------>|
             50  |<---200 INVITE-----|
             60  |--------ACK------->|
            140  |<-----INVITE-------|
            150  |----200 INVITE---->|
            160  |<-------ACK--------|
            240  |------INVITE------>|
            250  |<---200 INVITE-----|
            260  |--------ACK------->|
            340  |<-----INVITE-------|
            350  |----200 INVITE---->|
            360  |<-------ACK--------|
        ",
    );
    expect(
        &pair.log(pair.alice),
        "
             60  hold: local
             60  done: negotiated with sdp
            150  hold: both
            260  hold: remote
            260  done: negotiated with sdp
            350  nobody holds
        ",
    );
    expect(
        &pair.log(pair.bob),
        "
             50  hold: remote
            160  hold: both
            160  done: negotiated with sdp
            250  hold: local
            360  nobody holds
            360  done: negotiated with sdp
        ",
    );
}

#[test]
fn the_application_offers_and_answers() {
    let mut pair = manual();
    let (here, there) = pair.established();
    let offer = OFFER.replace("sendrecv", "sendonly");
    pair.net.with(pair.alice, |alice, now| alice.hold(now, here, Some(offer.into())));
    pair.net.run_for(500 * MS);
    let answer = ANSWER.replace("sendrecv", "recvonly");
    pair.net.with(pair.bob, |bob, now| bob.accept_offer(now, there, answer.into()));
    pair.net.run_for(100 * MS);
    expect(
        &pair.net.ladder(),
        "
             ms  alice               bob
             40  |------INVITE------>|
            250  |<---100 INVITE-----|
            540  |<---200 INVITE-----|
            550  |--------ACK------->|
        ",
    );
    expect(
        &pair.log(pair.alice),
        "
            550  hold: local
            550  done: negotiated with sdp
        ",
    );
    expect(
        &pair.log(pair.bob),
        "
             50  offer with sdp
            540  hold: remote
            560  done
        ",
    );
    pair.net.with(pair.bob, |bob, now| bob.hangup(now, there, None));
    pair.finish();
}

#[test]
fn a_refused_offer_leaves_the_call_as_it_was() {
    let mut pair = manual();
    let (here, there) = pair.established();
    pair.net.with(pair.alice, |alice, now| alice.hold(now, here, None));
    pair.net.run_for(50 * MS);
    pair.net.with(pair.bob, |bob, now| bob.reject_offer(now, there, StatusCode::NOT_ACCEPTABLE_HERE));
    pair.net.run_for(100 * MS);
    expect(
        &pair.net.ladder(),
        "
             ms  alice               bob
             40  |------INVITE------>|
             90  |<---488 INVITE-----|
            100  |--------ACK------->|
        ",
    );
    expect(
        &pair.log(pair.alice),
        "
            100  failed: 488 Not Acceptable Here
        ",
    );
    expect(
        &pair.log(pair.bob),
        "
            50  offer with sdp
            90  done
        ",
    );
    assert_eq!(holds(&pair, pair.alice, here), hold(false, false));
    pair.net.take_events(pair.alice);
    pair.net.with(pair.alice, |alice, now| alice.hold(now, here, None));
    pair.net.run_for(50 * MS);
    pair.net.with(pair.bob, |bob, now| bob.accept_offer(now, there, ANSWER.replace("sendrecv", "recvonly").into()));
    pair.net.run_for(100 * MS);
    assert_eq!(holds(&pair, pair.alice, here), hold(true, false), "it can be tried again");
    pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, None));
    pair.finish();
}

#[test]
fn a_re_invite_without_offer_asks_us_to_offer() {
    let mut solo = Solo::new();
    let (_, invite) = solo.established();
    solo.receive(&re_invite(&invite, 1));
    let call = solo.endpoint.calls()[0];
    solo.act(|endpoint, now| endpoint.accept_offer(now, call, ANSWER.into()));
    assert_eq!(solo.last("200 INVITE").body, ANSWER);
    let ack = re_invite(&invite, 1).method("ACK").set("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-ack");
    solo.receive(&ack.sdp(&OFFER.replace("sendrecv", "sendonly")));
    expect(
        &solo.log(),
        "
            0  offer
            0  negotiated
            0  hold: remote
            0  done
        ",
    );
}

/// The peer's re-INVITE in the call of our INVITE, without an offer.
fn re_invite(invite: &Text, cseq: u32) -> Text {
    Text::request("INVITE", &format!("z9hG4bK-re-{cseq}"))
        .set("From", &format!("{};tag=alice", invite.get("To")))
        .set("To", invite.get("From"))
        .set("Call-ID", invite.get("Call-ID"))
        .set("CSeq", &format!("{cseq} INVITE"))
        .add("Contact", "<sip:alice@192.0.2.1:5060>")
}

#[test]
fn two_holds_that_meet_both_come_through() {
    for seed in 1..=20 {
        let mut pair = Pair::with(seed, Conditions::default(), |config| config.automatic_media = true);
        let (here, there) = pair.established();
        pair.net.with(pair.alice, |alice, now| alice.hold(now, here, None));
        pair.net.with(pair.bob, |bob, now| bob.hold(now, there, None));
        pair.net.run_for(10_000 * MS);
        for (node, call) in [(pair.alice, here), (pair.bob, there)] {
            assert_eq!(holds(&pair, node, call), hold(true, true), "seed {seed}\n{}", pair.net.ladder());
            let log = pair.log(node);
            assert_eq!(log.matches("done: negotiated").count(), 1, "{log}");
            assert!(!log.contains("failed"), "{log}");
        }
        let invites = |from, to| {
            let hops = pair.net.trace().iter().filter(move |hop| hop.from == from && hop.to == Some(to));
            let invites = hops.filter(|hop| hop.label() == "INVITE").map(|hop| {
                let text = Text::parse(hop.bytes().expect("a message"));
                (hop.sent.as_millis(), text.get("CSeq").to_owned())
            });
            invites.collect::<Vec<_>>()
        };
        // 14.1: who owns the Call-ID tries again 2.1 to 4 s after the 491, the other at once to 2 s; in steps of 10 ms.
        let (alice, bob) = (invites(pair.alice.id(), pair.bob.id()), invites(pair.bob.id(), pair.alice.id()));
        for (of, range, numbers) in
            [(&alice, 2100..=4000, ["2 INVITE", "3 INVITE"]), (&bob, 0..=2000, ["1 INVITE", "2 INVITE"])]
        {
            assert_eq!(of.iter().map(|(_, cseq)| &**cseq).collect::<Vec<_>>(), numbers);
            let wait = of[1].0 - of[0].0 - 20;
            assert!(range.contains(&wait) && wait % 10 == 0, "{wait} ms");
        }
        pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, None));
        pair.finish();
    }
}

#[test]
fn what_is_offered_again_is_made_of_what_was_agreed_meanwhile() {
    let mut pair = Pair::new();
    let (here, there) = pair.established();
    pair.net.with(pair.alice, |alice, now| alice.hold(now, here, None));
    pair.net.with(pair.bob, |bob, now| bob.hold(now, there, None));
    pair.net.run_for(10_000 * MS);
    let versions = |from| {
        let hops = pair.net.trace().iter().filter(move |hop| hop.from == from);
        let bodies = hops.filter_map(|hop| hop.bytes()).map(|bytes| Text::parse(bytes).body);
        let version = |body: String| body.lines().nth(1)?.split(' ').nth(2)?.parse::<u64>().ok();
        bodies.filter_map(version).collect::<Vec<_>>()
    };
    // The offer that was refused, the answer to the other's, the offer again: each with a version above what was sent.
    for node in [pair.alice, pair.bob] {
        let versions = versions(node.id());
        assert!(versions.is_sorted() && versions.first() < versions.last(), "{versions:?}");
    }
    expect(
        &pair.net.ladder(),
        "
              ms  alice               bob
              40  |------INVITE------>|
              40  |<-----INVITE-------|
              50  |<---491 INVITE-----|
              50  |----491 INVITE---->|
              60  |--------ACK------->|
              60  |<-------ACK--------|
            1260  |<-----INVITE-------|
            1270  |----200 INVITE---->|
            1280  |<-------ACK--------|
            3350  |------INVITE------>|
            3360  |<---200 INVITE-----|
            3370  |--------ACK------->|
        ",
    );
}

#[test]
fn an_application_offer_gives_way_to_one_that_comes_first() {
    let mut pair = manual();
    let (here, there) = pair.established();
    pair.net.with(pair.alice, |alice, now| alice.renegotiate(now, here, OFFER.into()));
    pair.net.with(pair.bob, |bob, now| bob.renegotiate(now, there, ANSWER.replace("4002", "4444").into()));
    pair.net.run_for(2100 * MS);
    pair.net.with(pair.alice, |alice, now| alice.accept_offer(now, here, OFFER.into()));
    pair.net.run_for(5000 * MS);
    expect(
        &pair.log(pair.alice),
        "
            1270  failed: the other side's offer came first
            1270  offer with sdp
            2160  done
        ",
    );
    expect(
        &pair.log(pair.bob),
        "
            2150  done: negotiated with sdp
        ",
    );
}

#[test]
fn an_offer_waits_for_the_ack_of_theirs() {
    let mut pair = Pair::new();
    let (here, there) = pair.established();
    pair.net.with(pair.alice, |alice, now| alice.hold(now, here, None));
    pair.net.run_for(10 * MS);
    pair.net.with(pair.bob, |bob, now| bob.hold(now, there, None));
    pair.net.with(pair.bob, |bob, now| bob.resume(now, there, None));
    pair.net.run_for(100 * MS);
    expect(
        &pair.net.ladder(),
        "
             ms  alice               bob
             40  |------INVITE------>|
             50  |<---200 INVITE-----|
             60  |--------ACK------->|
             70  |<-----INVITE-------|
             80  |----200 INVITE---->|
             90  |<-------ACK--------|
        ",
    );
    expect(
        &pair.log(pair.bob),
        "
             50  hold: remote
             50  failed: another negotiation is going on
             90  hold: both
             90  done: negotiated with sdp
        ",
    );
    pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, None));
    pair.finish();
}

#[test]
fn an_offer_that_waits_ends_with_the_call() {
    let mut pair = Pair::new();
    let (here, there) = pair.established();
    pair.net.with(pair.alice, |alice, now| alice.hold(now, here, None));
    pair.net.run_for(10 * MS);
    pair.net.with(pair.bob, |bob, now| bob.hold(now, there, None));
    pair.net.with(pair.bob, |bob, now| bob.hangup(now, there, None));
    pair.net.run_for(100 * MS);
    expect(
        &pair.net.ladder(),
        "
            ms  alice               bob
            40  |------INVITE------>|
            50  |<---200 INVITE-----|
            50  |<-------BYE--------|
            60  |--------ACK------->|
            60  |------200 BYE----->|
        ",
    );
    expect(
        &pair.log(pair.bob),
        "
            50  hold: remote
            50  ending (BYE sent)
            70  ended (hung up)
            70  failed: given up by this side
            70  done
            70  over, by local, 200 hung up
        ",
    );
    pair.finish();
}

#[test]
fn a_hang_up_during_a_glare_ends_everything() {
    let mut pair = Pair::new();
    let (here, there) = pair.established();
    pair.net.with(pair.alice, |alice, now| alice.hold(now, here, None));
    pair.net.with(pair.bob, |bob, now| bob.hold(now, there, None));
    pair.net.run_for(25 * MS);
    pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, None));
    pair.net.run_for(100 * MS);
    expect(
        &pair.log(pair.alice),
        "
            65  ending (BYE sent)
            85  ended (hung up)
            85  failed: given up by this side
            85  done
            85  over, by local, 200 hung up
        ",
    );
    expect(
        &pair.log(pair.bob),
        "
            75  ended (BYE received)
            75  failed: the call is over
            75  over, by remote, 200 BYE received
        ",
    );
    pair.finish();
}

#[test]
fn a_re_invite_without_answer_ends_the_call() {
    let mut pair = Pair::new();
    let (here, _) = pair.established();
    pair.net.lose(100, |packet| packet.label() == "INVITE");
    pair.net.with(pair.alice, |alice, now| alice.hold(now, here, None));
    pair.net.run_for(40_000 * MS);
    expect(
        &pair.log(pair.alice),
        "
            32040  failed: no answer in time (timer B)
            32040  ending (BYE sent)
            32060  ended (no answer in time (timer B))
            32060  over, by network, no answer in time (timer B): no answer in time (timer B)
        ",
    );
    pair.finish();
}

#[test]
fn a_re_invite_that_runs_out_of_time_after_the_bye_sends_no_other() {
    let mut solo = Solo::with(|config| config.automatic_media = true);
    let (call, _) = solo.established();
    solo.act(|endpoint, now| endpoint.hold(now, call, None));
    solo.at(10_000);
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    solo.finish();
    let byes: Vec<String> = solo.times("BYE").iter().map(u64::to_string).collect();
    assert_eq!(byes.first().map(String::as_str), Some("10000"));
    assert_eq!(byes.len(), 11, "one BYE and its ten retransmissions: {byes:?}");
    assert_eq!(solo.last("BYE").get("CSeq"), "3 BYE");
}

#[test]
fn a_re_invite_answered_408_or_481_ends_the_call() {
    for (status, byes) in [(408, 1), (481, 0)] {
        let mut solo = Solo::with(|config| config.automatic_media = true);
        let (call, _) = solo.established();
        solo.act(|endpoint, now| endpoint.hold(now, call, None));
        let invite = solo.last("INVITE");
        solo.receive(&Text::response(&invite.bytes(), status, ""));
        assert_eq!(solo.times("BYE").len(), byes, "{status}");
        solo.finish();
        assert!(solo.log().contains(&format!("over, by remote, {status} Whatever: {status} Whatever")));
    }
}

#[test]
fn a_re_invite_that_is_cancelled_is_terminated_and_the_call_goes_on() {
    let mut solo = Solo::new();
    let (_, invite) = solo.established();
    let offer = re_invite(&invite, 1).sdp(OFFER);
    solo.receive(&offer);
    solo.receive(&offer.clone().method("CANCEL"));
    solo.last("200 CANCEL");
    solo.last("487 INVITE");
    let call = solo.endpoint.calls()[0];
    solo.act(|endpoint, now| endpoint.accept_offer(now, call, ANSWER.into()));
    expect(
        &solo.log(),
        "
            0  offer with sdp
            0  failed: no offer waits for an answer
        ",
    );
    solo.receive(&re_invite(&invite, 2).sdp(OFFER));
    assert!(solo.log().contains("offer with sdp"));
}

#[test]
fn a_second_re_invite_waits_for_the_first() {
    let mut solo = Solo::new();
    let (_, invite) = solo.established();
    solo.receive(&re_invite(&invite, 1).sdp(OFFER));
    solo.receive(&re_invite(&invite, 2).sdp(OFFER));
    let refusal = solo.last("500 INVITE");
    assert!(refusal.get("Retry-After").parse::<u32>().is_ok_and(|seconds| seconds <= 10));
}

#[test]
fn a_second_invite_before_the_answer_waits_for_the_first() {
    let mut solo = Solo::new();
    let invite = Text::request("INVITE", "z9hG4bK-1").add("Contact", "<sip:alice@192.0.2.1:5060>").sdp(OFFER);
    let call = solo.called(&invite);
    solo.act(|endpoint, now| endpoint.ring(now, call, None));
    let to = solo.last("180 INVITE").get("To").to_owned();
    let second = invite.set("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-2").set("To", &to);
    solo.receive(&second.set("CSeq", "8 INVITE"));
    assert!(!solo.last("500 INVITE").get("Retry-After").is_empty());
    assert_eq!(solo.endpoint.census().calls, 1);
}

#[test]
fn a_re_invite_that_crosses_our_bye_is_for_nobody() {
    let mut solo = Solo::new();
    let (call, invite) = solo.established();
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    solo.receive(&re_invite(&invite, 1).sdp(OFFER));
    solo.last("481 INVITE");
}

#[test]
fn a_call_that_ends_answers_the_re_invite_that_waits() {
    let mut solo = Solo::new();
    let (call, invite) = solo.established();
    solo.receive(&re_invite(&invite, 1).sdp(OFFER));
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    let bye = solo.last("BYE");
    solo.receive(&Text::response(&bye.bytes(), 200, ""));
    solo.last("487 INVITE");
    solo.receive(&re_invite(&invite, 1).method("ACK"));
    solo.finish();
}

#[test]
fn a_re_invite_whose_answer_is_not_acknowledged_ends_the_call() {
    let mut solo = Solo::with(|config| config.automatic_media = true);
    let (_, invite) = solo.established();
    solo.receive(&re_invite(&invite, 1).sdp(OFFER));
    solo.at(31_999);
    assert_eq!(solo.times("200 INVITE"), [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    assert!(solo.times("BYE").is_empty());
    solo.at(32_000);
    assert_eq!(solo.times("BYE"), [32_000]);
    solo.finish();
}

#[test]
fn an_offer_that_cannot_be_answered_by_rule_is_refused() {
    let mut solo = Solo::with(|config| config.automatic_media = true);
    let (_, invite) = solo.established();
    let video = format!("{OFFER}m=video 4004 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n");
    solo.receive(&re_invite(&invite, 1).sdp(&video));
    solo.last("488 INVITE");
    solo.receive(&re_invite(&invite, 1).method("ACK"));
    solo.receive(&re_invite(&invite, 2).sdp("v=0\r\nnonsense"));
    solo.last("488 INVITE");
    assert_eq!(solo.endpoint.census().calls, 1);
    assert_eq!(solo.log(), "");
}

#[test]
fn a_late_answer_to_a_re_invite_is_acknowledged() {
    let mut solo = Solo::with(|config| config.automatic_media = true);
    let (call, _) = solo.established();
    solo.act(|endpoint, now| endpoint.hold(now, call, None));
    let invite = solo.last("INVITE");
    let answer = response(&invite, 200, "", &ANSWER.replace("sendrecv", "recvonly"));
    solo.receive(&answer);
    solo.at(500);
    solo.receive(&answer);
    assert_eq!(solo.last("ACK").get("CSeq"), "2 ACK");
    assert_eq!(solo.times("ACK"), [0, 0, 500]);
}
