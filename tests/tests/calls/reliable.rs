//! Reliable provisional responses (RFC 3262) between two of us, and where we are called: PRACK, order, retransmission, and the
//! descriptions that travel with them (RFC 6337).

use std::time::Duration;

use offhook_core::endpoint::{AnswerOptions, CallId, CallOptions, Config, Reliability};
use offhook_core::message::StatusCode;
use offhook_tests::endpoint::{ANSWER, OFFER, Pair, Solo};
use offhook_tests::net::Conditions;
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

const MS: Duration = Duration::from_millis(1);

/// Both sides rewrite descriptions themselves.
fn automatic() -> Pair {
    Pair::with(1, Conditions::default(), |config| config.automatic_media = true)
}

/// Descriptions are the applications'.
fn manual() -> Pair {
    Pair::with(1, Conditions::default(), |_| {})
}

fn invite() -> Text {
    Text::request("INVITE", "z9hG4bK-invite")
        .add("Contact", "<sip:alice@192.0.2.1:5060>")
        .add("Supported", "100rel")
        .sdp(OFFER)
}

fn ring(solo: &mut Solo, call: CallId, sdp: Option<&'static str>) {
    solo.act(|endpoint, now| endpoint.ring(now, call, sdp.map(Into::into)));
}

fn answer(solo: &mut Solo, call: CallId) {
    solo.act(|endpoint, now| endpoint.answer(now, call, AnswerOptions::with_sdp(ANSWER)));
}

// ---- two of us

#[test]
fn ringing_is_acknowledged() {
    let mut pair = automatic();
    let (here, there) = pair.called();
    pair.ring(there);
    pair.net.run_for(1000 * MS);
    pair.answer(there);
    pair.net.run_for(100 * MS);
    expect(
        &pair.net.ladder(),
        "
              ms  alice               bob
               0  |------INVITE------>|
              10  |<---180 INVITE-----|
              20  |-------PRACK------>|
              30  |<----200 PRACK-----|
            1010  |<---200 INVITE-----|
            1020  |--------ACK------->|
        ",
    );
    expect(
        &pair.log(pair.alice),
        "
               0  calling (INVITE sent)
              20  ringing (180 Ringing)
              20  progress 180 Ringing
            1020  answered (200 OK)
            1020  answered with sdp
            1020  established (ACK sent)
        ",
    );
    expect(
        &pair.log(pair.bob),
        "
              10  incoming from sip:alice@10.0.0.1 with sdp
              10  ringing (INVITE received)
              30  done
            1010  answered (200 sent)
            1030  answered
            1030  established (ACK received)
            1030  done
        ",
    );
    pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, None));
    pair.finish();
}

#[test]
fn an_answer_in_183_is_the_answer() {
    let mut pair = automatic();
    let (here, there) = pair.called();
    let early = ANSWER.replace("sendrecv", "sendonly");
    pair.net.with(pair.bob, |bob, now| bob.ring(now, there, Some(early.into())));
    pair.net.run_for(50 * MS);
    pair.answer(there);
    pair.net.run_for(50 * MS);
    let last = |label: &str| {
        let hop = pair.net.trace().iter().rev().find(|hop| hop.label() == label).expect("sent");
        Text::parse(hop.bytes().expect("a message"))
    };
    assert!(last("183 INVITE").body.contains("sendonly"));
    assert_eq!(last("200 INVITE").body, "", "the answer is not given twice");
    expect(
        &pair.log(pair.alice),
        "
             0  calling (INVITE sent)
            20  ringing (183 Session Progress)
            20  progress 183 Session Progress with sdp
            70  answered (200 OK)
            70  answered with sdp
            70  established (ACK sent)
            70  hold: remote
        ",
    );
    assert!(pair.info(pair.bob, there).expect("a call").hold.local);
    pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, None));
    pair.finish();
}

#[test]
fn an_answer_waits_for_the_acknowledgement_of_a_description() {
    let mut pair = automatic();
    let (here, there) = pair.called();
    pair.net.lose(1, |packet| packet.label() == "183 INVITE");
    pair.net.with(pair.bob, |bob, now| bob.ring(now, there, Some(ANSWER.into())));
    pair.answer(there);
    pair.answer(there);
    pair.net.run_for(1000 * MS);
    expect(
        &pair.net.ladder(),
        "
             ms  alice               bob
              0  |------INVITE------>|
             10  |    x--183 INVITE--|      lost
            500  |------INVITE------>|
            510  |<---183 INVITE-----|
            510  |<---183 INVITE-----|
            520  |-------PRACK------>|
            530  |<----200 PRACK-----|
            530  |<---200 INVITE-----|
            540  |--------ACK------->|
        ",
    );
    expect(
        &pair.log(pair.bob),
        "
             10  incoming from sip:alice@10.0.0.1 with sdp
             10  ringing (INVITE received)
             10  failed: the call does not wait for an answer
            530  done
            530  answered (200 sent)
            550  answered
            550  established (ACK received)
            550  done
        ",
    );
    pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, None));
    pair.finish();
}

#[test]
fn an_offer_in_183_is_answered_with_the_prack() {
    let mut pair = manual();
    let (here, there) = pair.called_with(CallOptions::default());
    pair.net.with(pair.bob, |bob, now| bob.ring(now, there, Some(ANSWER.into())));
    pair.net.run_for(90 * MS);
    pair.net.with(pair.alice, |alice, now| alice.accept_offer(now, here, OFFER.into()));
    pair.net.run_for(100 * MS);
    pair.net.with(pair.bob, |bob, now| bob.answer(now, there, AnswerOptions::default()));
    pair.net.run_for(100 * MS);
    expect(
        &pair.net.ladder(),
        "
             ms  alice               bob
              0  |------INVITE------>|
             10  |<---183 INVITE-----|
            100  |-------PRACK------>|
            110  |<----200 PRACK-----|
            200  |<---200 INVITE-----|
            210  |--------ACK------->|
        ",
    );
    expect(
        &pair.log(pair.alice),
        "
              0  calling (INVITE sent)
             20  ringing (183 Session Progress)
             20  progress 183 Session Progress
             20  offer with sdp
            120  done
            210  answered (200 OK)
            210  answered with sdp
            210  established (ACK sent)
        ",
    );
    expect(
        &pair.log(pair.bob),
        "
             10  incoming from sip:alice@10.0.0.1
             10  ringing (INVITE received)
            110  done
            110  negotiated
            200  answered (200 sent)
            220  answered
            220  established (ACK received)
            220  done
        ",
    );
    // Both know what was agreed on: a hold rewrites it.
    pair.net.take_events(pair.alice);
    pair.net.with(pair.alice, |alice, now| alice.hold(now, here, None));
    pair.net.run_for(50 * MS);
    pair.net.with(pair.bob, |bob, now| bob.accept_offer(now, there, ANSWER.replace("sendrecv", "recvonly").into()));
    pair.net.run_for(50 * MS);
    assert!(pair.log(pair.alice).contains("hold: local"), "{}", pair.log(pair.alice));
    pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, None));
    pair.finish();
}

#[test]
fn an_offer_in_183_that_is_refused_ends_the_call() {
    let mut pair = manual();
    let (here, there) = pair.called_with(CallOptions::default());
    pair.net.with(pair.bob, |bob, now| bob.ring(now, there, Some(ANSWER.into())));
    pair.net.run_for(50 * MS);
    pair.net.with(pair.alice, |alice, now| alice.reject_offer(now, here, StatusCode::NOT_ACCEPTABLE_HERE));
    pair.net.run_for(100 * MS);
    assert!(pair.log(pair.alice).contains("over, by local"), "{}", pair.log(pair.alice));
    assert!(pair.log(pair.bob).contains("failed: the call is over") || pair.log(pair.bob).contains("over, by remote"));
    pair.finish();
}

#[test]
fn calls_over_a_lossy_network_ring_and_are_answered() {
    for seed in 1..=30 {
        let lossy = Conditions { loss: 200, ..Conditions::bad() };
        let mut pair = Pair::with(seed, lossy, |config| config.automatic_media = true);
        let here = pair.call();
        let there = pair.incoming(pair.bob);
        pair.net.with(pair.bob, |bob, now| bob.ring(now, there, (seed % 2 == 0).then(|| ANSWER.into())));
        pair.net.run_for(1000 * MS);
        pair.answer(there);
        pair.net.run_for(40_000 * MS);
        for (node, call) in [(pair.alice, here), (pair.bob, there)] {
            let state = pair.info(node, call).map(|info| info.state.name());
            assert_eq!(state, Some("established"), "seed {seed}\n{}", pair.net.ladder());
            let log = pair.log(node);
            assert!(!log.contains("failed") && log.matches("progress").count() <= 1, "seed {seed}\n{log}");
        }
        pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, None));
        pair.net.run_for(100_000 * MS);
        pair.finish();
    }
}

// ---- we are called

#[test]
fn a_response_nobody_acknowledges_is_sent_again_and_then_the_call_is_refused() {
    let mut solo = Solo::new();
    let call = solo.called(&invite());
    ring(&mut solo, call, None);
    let ringing = solo.last("180 INVITE");
    assert_eq!(ringing.get("Require"), "100rel");
    assert!((1..0x8000_0000).contains(&ringing.get("RSeq").parse::<u64>().expect("a number")));
    solo.at(31_999);
    assert_eq!(solo.times("180 INVITE"), [0, 500, 1500, 3500, 7500, 15_500, 31_500]);
    assert_eq!(solo.last("180 INVITE"), ringing);
    assert_eq!(solo.log(), "");
    solo.at(32_000);
    assert_eq!(solo.times("504 INVITE"), [32_000]);
    expect(
        &solo.log(),
        "
            32000  ended (no answer in time (timer PRACK))
            32000  failed: no answer in time (timer PRACK)
            32000  over, by network, no answer in time (timer PRACK): no answer in time (timer PRACK)
        ",
    );
    solo.receive(&Text::ack(&invite(), "x").set("To", ringing.get("To")));
    solo.finish();
}

#[test]
fn a_prack_names_what_it_acknowledges() {
    let mut solo = Solo::new();
    let call = solo.called(&invite());
    ring(&mut solo, call, None);
    let ringing = solo.last("180 INVITE");
    let rseq: u32 = ringing.get("RSeq").parse().expect("a number");
    for (cseq, rack, status) in [
        (8, format!("{} 7 INVITE", rseq + 1), "481 PRACK"),
        (9, format!("{rseq} 8 INVITE"), "481 PRACK"),
        (10, format!("{rseq} 7 UPDATE"), "481 PRACK"),
        (11, "nonsense".into(), "400 PRACK"),
        (12, format!("{rseq} 7 INVITE"), "200 PRACK"),
        (13, format!("{rseq} 7 INVITE"), "481 PRACK"),
    ] {
        solo.fresh();
        solo.receive(&Text::prack(&ringing, cseq).set("RAck", &rack));
        assert_eq!(solo.fresh(), [status], "{rack}");
    }
    solo.receive(&Text::prack(&ringing, 14).without("RAck"));
    solo.last("400 PRACK");
    solo.at(60_000);
    assert_eq!(solo.times("180 INVITE"), [0]);
}

#[test]
fn one_response_at_a_time_waits_for_its_acknowledgement() {
    let mut solo = Solo::new();
    let call = solo.called(&invite());
    ring(&mut solo, call, None);
    ring(&mut solo, call, Some(ANSWER));
    ring(&mut solo, call, None);
    assert!(solo.times("183 INVITE").is_empty());
    let first = solo.last("180 INVITE");
    solo.at(100);
    solo.receive(&Text::prack(&first, 8));
    let second = solo.last("183 INVITE");
    let rseq = |text: &Text| text.get("RSeq").parse::<u32>().expect("a number");
    assert_eq!(rseq(&second), rseq(&first) + 1);
    solo.at(200);
    solo.receive(&Text::prack(&second, 9));
    assert_eq!(rseq(&solo.last("180 INVITE")), rseq(&first) + 2);
    solo.at(300);
    answer(&mut solo, call);
    assert_eq!(solo.last("200 INVITE").body, "");
    expect(
        &solo.log(),
        "
            100  done
            200  done
            300  done
            300  answered (200 sent)
        ",
    );
    solo.at(10_000);
    assert_eq!(solo.times("180 INVITE"), [0, 200], "the answer has overtaken the last");
    let late = Text::prack(&solo.last("180 INVITE"), 10);
    solo.receive(&late);
    solo.last("200 PRACK");
}

#[test]
fn an_answer_does_not_wait_for_ringing() {
    let mut solo = Solo::new();
    let call = solo.called(&invite());
    ring(&mut solo, call, None);
    answer(&mut solo, call);
    let (ringing, answer) = (solo.last("180 INVITE"), solo.last("200 INVITE"));
    assert_eq!(answer.body, ANSWER);
    solo.receive(&Text::prack(&ringing, 8));
    solo.last("200 PRACK");
    solo.receive(
        &Text::ack(&invite(), "x").set("To", answer.get("To")).set("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa"),
    );
    assert!(solo.log().contains("established"));
}

#[test]
fn ringing_goes_on_with_another_response_in_time_for_proxies() {
    let mut solo = Solo::with(|config| config.ring_timeout = Duration::ZERO);
    let call = solo.called(&invite());
    ring(&mut solo, call, None);
    solo.receive(&Text::prack(&solo.last("180 INVITE"), 8));
    solo.at(150_000);
    assert_eq!(solo.times("180 INVITE"), [0, 150_000]);
    solo.receive(&Text::prack(&solo.last("180 INVITE"), 9));
    solo.at(300_000);
    assert_eq!(solo.times("180 INVITE"), [0, 150_000, 300_000]);
}

#[test]
fn who_does_not_know_it_is_rung_without() {
    let mut solo = Solo::new();
    let call = solo.called(&invite().without("Supported"));
    ring(&mut solo, call, Some(ANSWER));
    assert_eq!(solo.last("183 INVITE").get("Require"), "");
    answer(&mut solo, call);
    assert_eq!(solo.last("200 INVITE").body, ANSWER);
    expect(&solo.log(), "\n 0  done\n 0  answered (200 sent)\n");
}

#[test]
fn the_first_response_to_an_invite_without_offer_must_bring_one() {
    let bare = || Text { body: String::new(), ..invite() }.without("Content-Type").set("Content-Length", "0");
    let mut solo = Solo::new();
    let call = solo.called(&bare());
    ring(&mut solo, call, None);
    assert_eq!(solo.last("180 INVITE").get("Require"), "", "it is not reliable then");
    ring(&mut solo, call, Some(OFFER));
    assert_eq!(solo.last("183 INVITE").get("Require"), "100rel");

    let mut solo = Solo::new();
    let call = solo.called(&bare().set("Supported", "").add("Require", "100rel"));
    ring(&mut solo, call, None);
    assert_eq!(solo.log(), "     0  failed: sdp: the caller requires an offer in the first response\n");
}

#[test]
fn it_is_required_or_refused_by_configuration() {
    let with = |reliable| Solo::with(|config: &mut Config| config.reliable = reliable);
    let required = || invite().set("Supported", "").add("Require", "100rel");
    let mut solo = with(Reliability::Never);
    solo.receive(&required());
    assert_eq!(solo.last("420 INVITE").get("Unsupported"), "100rel");
    let mut solo = with(Reliability::Never);
    let call = solo.called(&invite());
    ring(&mut solo, call, None);
    assert_eq!(solo.last("180 INVITE").get("RSeq"), "");
    assert!(!solo.call().1.get("Supported").contains("100rel"));

    let mut solo = with(Reliability::Required);
    solo.receive(&invite().without("Supported"));
    assert_eq!(solo.last("421 INVITE").get("Require"), "100rel");
    assert_eq!(solo.call().1.get("Require"), "100rel");

    let mut solo = with(Reliability::Supported);
    let call = solo.called(&required());
    ring(&mut solo, call, None);
    assert_eq!(solo.last("180 INVITE").get("Require"), "100rel");
    let invite = solo.call().1;
    assert!(invite.get("Supported").contains("100rel") && invite.get("Require").is_empty());
}

#[test]
fn an_offer_with_the_prack_is_answered_with_its_200() {
    let offer = OFFER.replace("4000", "4100");
    let mut solo = Solo::new();
    let call = solo.called(&invite());
    ring(&mut solo, call, Some(ANSWER));
    let progress = solo.last("183 INVITE");
    solo.receive(&Text::prack(&progress, 8).sdp(&offer));
    answer(&mut solo, call);
    assert!(solo.times("200 PRACK").is_empty() && solo.times("200 INVITE").is_empty());
    let second = ANSWER.replace("4002", "4102");
    solo.act(|endpoint, now| endpoint.accept_offer(now, call, second.clone().into()));
    assert_eq!(solo.last("200 PRACK").body, second);
    assert_eq!(solo.last("200 INVITE").body, "");
    expect(
        &solo.log(),
        "
            0  done
            0  offer with sdp
            0  done
            0  answered (200 sent)
        ",
    );
}

#[test]
fn an_offer_with_the_prack_can_be_refused_and_does_not_wait_for_ever() {
    let mut solo = Solo::new();
    let call = solo.called(&invite());
    ring(&mut solo, call, Some(ANSWER));
    solo.receive(&Text::prack(&solo.last("183 INVITE"), 8).sdp(OFFER));
    solo.act(|endpoint, now| endpoint.reject_offer(now, call, StatusCode::NOT_ACCEPTABLE_HERE));
    solo.last("488 PRACK");

    let mut solo = Solo::new();
    let call = solo.called(&invite());
    ring(&mut solo, call, Some(ANSWER));
    solo.receive(&Text::prack(&solo.last("183 INVITE"), 8).sdp(OFFER));
    solo.at(20_000);
    assert_eq!(solo.times("504 PRACK"), [16_000]);
    answer(&mut solo, call);
    solo.last("200 INVITE");
}

#[test]
fn a_call_that_ends_while_it_waits_for_an_acknowledgement_leaves_nothing() {
    for end in ["cancel", "reject"] {
        let mut solo = Solo::new();
        let call = solo.called(&invite());
        ring(&mut solo, call, Some(ANSWER));
        ring(&mut solo, call, None);
        answer(&mut solo, call);
        if end == "cancel" {
            solo.receive(&invite().method("CANCEL"));
        } else {
            solo.act(|endpoint, now| endpoint.reject(now, call, StatusCode::BUSY_HERE, None));
        }
        let tag = solo.last("183 INVITE").get("To").to_owned();
        solo.receive(&Text::ack(&invite(), "x").set("To", &tag));
        let log = solo.log();
        assert_eq!((log.matches("failed").count(), log.matches("done").count() >= 2), (1, true), "{log}");
        solo.finish();
    }
}
