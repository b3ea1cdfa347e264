//! Reliable provisional responses (RFC 3262) on both sides: PRACK, order, retransmission, and the descriptions that
//! travel with them (RFC 6337).

use std::time::Duration;

use offhook_core::endpoint::{AnswerOptions, CallId, CallOptions, Config, Reliability};
use offhook_core::message::StatusCode;
use offhook_tests::endpoint::{ANSWER, OFFER, Pair, Solo, response};
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

/// The caller's PRACK for a response of ours, with another number for each.
fn prack(to: &Text, cseq: u32) -> Text {
    Text::request("PRACK", &format!("z9hG4bK-prack-{cseq}"))
        .set("To", to.get("To"))
        .set("CSeq", &format!("{cseq} PRACK"))
        .add("RAck", &format!("{} 7 INVITE", to.get("RSeq")))
}

/// The callee's reliable response to our INVITE.
fn reliable(invite: &Text, status: u16, tag: &str, rseq: u32, sdp: &str) -> Text {
    response(invite, status, tag, sdp).add("Require", "100rel").add("RSeq", &rseq.to_string())
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
    let here = pair.call();
    let there = pair.incoming(pair.bob);
    pair.net.with(pair.bob, |bob, now| bob.ring(now, there, None));
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
    let here = pair.call();
    let there = pair.incoming(pair.bob);
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
    let here = pair.call();
    let there = pair.incoming(pair.bob);
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
    let call =
        |alice: &mut offhook_core::endpoint::Endpoint, now| alice.call(now, "sip:bob@10.0.0.2", CallOptions::default());
    let here = pair.net.with(pair.alice, call).expect("a call");
    let there = pair.incoming(pair.bob);
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
    let call =
        |alice: &mut offhook_core::endpoint::Endpoint, now| alice.call(now, "sip:bob@10.0.0.2", CallOptions::default());
    let here = pair.net.with(pair.alice, call).expect("a call");
    let there = pair.incoming(pair.bob);
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
        solo.receive(&prack(&ringing, cseq).set("RAck", &rack));
        assert_eq!(solo.fresh(), [status], "{rack}");
    }
    solo.receive(&prack(&ringing, 14).without("RAck"));
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
    solo.receive(&prack(&first, 8));
    let second = solo.last("183 INVITE");
    let rseq = |text: &Text| text.get("RSeq").parse::<u32>().expect("a number");
    assert_eq!(rseq(&second), rseq(&first) + 1);
    solo.at(200);
    solo.receive(&prack(&second, 9));
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
    let late = prack(&solo.last("180 INVITE"), 10);
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
    solo.receive(&prack(&ringing, 8));
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
    solo.receive(&prack(&solo.last("180 INVITE"), 8));
    solo.at(150_000);
    assert_eq!(solo.times("180 INVITE"), [0, 150_000]);
    solo.receive(&prack(&solo.last("180 INVITE"), 9));
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
    solo.receive(&prack(&progress, 8).sdp(&offer));
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
    solo.receive(&prack(&solo.last("183 INVITE"), 8).sdp(OFFER));
    solo.act(|endpoint, now| endpoint.reject_offer(now, call, StatusCode::NOT_ACCEPTABLE_HERE));
    solo.last("488 PRACK");

    let mut solo = Solo::new();
    let call = solo.called(&invite());
    ring(&mut solo, call, Some(ANSWER));
    solo.receive(&prack(&solo.last("183 INVITE"), 8).sdp(OFFER));
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

// ---- we call

#[test]
fn each_response_is_acknowledged_once_and_in_order() {
    let mut solo = Solo::new();
    let (_, invite) = solo.call();
    solo.receive(&reliable(&invite, 180, "alice", 100, "").add("Record-Route", "<sip:192.0.2.1;lr>"));
    let prack = solo.last("PRACK");
    assert_eq!((prack.get("RAck"), prack.get("CSeq")), ("100 1 INVITE", "2 PRACK"));
    assert_eq!((&*prack.start, prack.get("Route")), ("PRACK sip:alice@192.0.2.1:5060 SIP/2.0", "<sip:192.0.2.1;lr>"));
    assert_eq!((prack.get("Contact"), &*prack.body), ("", ""));
    solo.receive(&Text::response(&prack.bytes(), 200, ""));
    for (rseq, sent) in [(100, 1), (102, 1), (99, 1), (101, 2), (101, 2), (100, 2), (102, 3)] {
        solo.receive(&reliable(&invite, 183, "alice", rseq, ""));
        let pracks = solo.sent().iter().filter(|(_, label)| label == "PRACK").count();
        assert_eq!(pracks, sent, "{rseq}");
        if pracks > 1 {
            solo.receive(&Text::response(&solo.last("PRACK").bytes(), 200, ""));
        }
    }
    assert_eq!(solo.last("PRACK").get("RAck"), "102 1 INVITE");
    assert_eq!(solo.last("PRACK").get("CSeq"), "4 PRACK");
    assert_eq!(solo.log().matches("progress").count(), 3);
    solo.respond(&invite, 200, "alice", ANSWER);
    assert_eq!(solo.last("ACK").get("CSeq"), "1 ACK");
}

#[test]
fn each_fork_has_an_order_and_a_session_of_its_own() {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    let carol = ANSWER.replace("4002", "5002");
    solo.receive(&reliable(&invite, 183, "alice", 100, ANSWER));
    solo.receive(&reliable(&invite, 183, "carol", 7, &carol));
    solo.receive(&reliable(&invite, 180, "alice", 101, ""));
    let racks: Vec<_> = solo.sent().iter().filter(|(_, label)| label == "PRACK").map(|_| ()).collect();
    assert_eq!(racks.len(), 3);
    assert!(solo.last("PRACK").get("To").ends_with(";tag=alice"));
    solo.respond(&invite, 200, "alice", "");
    let answered = solo.events().into_iter().rev().find_map(|event| match event {
        offhook_core::endpoint::Event::Call { event: offhook_core::endpoint::CallEvent::Answered { sdp }, .. } => sdp,
        _ => None,
    });
    assert_eq!(answered.as_deref(), Some(ANSWER.as_bytes()), "the answer is that of the fork that answered");
    assert_eq!(solo.endpoint.call_info(call).expect("a call").state.name(), "established");
}

#[test]
fn a_description_after_the_answer_says_nothing() {
    let mut solo = Solo::new();
    let (_, invite) = solo.call();
    solo.receive(&reliable(&invite, 183, "alice", 1, ANSWER));
    solo.receive(&reliable(&invite, 183, "alice", 2, &ANSWER.replace("sendrecv", "sendonly")));
    solo.respond(&invite, 183, "alice", &ANSWER.replace("sendrecv", "sendonly"));
    solo.respond(&invite, 200, "alice", &ANSWER.replace("sendrecv", "sendonly"));
    expect(
        &solo.log(),
        "
            0  calling (INVITE sent)
            0  ringing (183 Whatever)
            0  progress 183 Whatever with sdp
            0  progress 183 Whatever
            0  progress 183 Whatever
            0  answered (200 Whatever)
            0  answered with sdp
            0  established (ACK sent)
        ",
    );
}

#[test]
fn a_prack_that_failed_is_sent_anew_with_the_next_retransmission() {
    let mut solo = Solo::new();
    let (_, invite) = solo.call();
    let ringing = reliable(&invite, 180, "alice", 100, "");
    solo.receive(&ringing);
    solo.receive(&Text::response(&solo.last("PRACK").bytes(), 500, ""));
    solo.at(500);
    solo.receive(&ringing);
    assert_eq!(solo.last("PRACK").get("CSeq"), "3 PRACK");
    solo.receive(&Text::response(&solo.last("PRACK").bytes(), 200, ""));
    solo.at(1500);
    solo.receive(&ringing);
    assert_eq!(solo.times("PRACK"), [0, 500]);
}

#[test]
fn a_prack_is_sent_again_with_credentials() {
    let password = offhook_core::auth::Credential::password("bob", "secret");
    let mut solo = Solo::with(|config| config.credentials.push(password));
    let (_, invite) = solo.call();
    solo.receive(&reliable(&invite, 180, "alice", 100, ""));
    solo.receive(&reliable(&invite, 180, "carol", 1, ""));
    let first = solo.sent().iter().position(|(_, label)| label == "PRACK").map(|_| solo.last("PRACK")).expect("one");
    let challenge =
        Text::response(&first.bytes(), 407, "").add("Proxy-Authenticate", "Digest realm=\"x\", nonce=\"y\"");
    solo.receive(&challenge);
    let again = solo.last("PRACK");
    assert!(again.get("Proxy-Authorization").contains("username=\"bob\""));
    assert_eq!((again.get("CSeq"), again.get("RAck")), ("3 PRACK", "1 1 INVITE"));
}

#[test]
fn what_is_not_reliable_is_not_acknowledged() {
    let mut solo = Solo::new();
    let (_, invite) = solo.call();
    solo.receive(&reliable(&invite, 100, "", 1, ""));
    solo.receive(&response(&invite, 180, "alice", "").add("RSeq", "5"));
    solo.receive(&response(&invite, 180, "alice", "").add("Require", "100rel"));
    solo.receive(&reliable(&invite, 180, "alice", 0, ""));
    solo.receive(&reliable(&invite, 180, "", 1, "").without("Contact"));
    assert!(solo.times("PRACK").len() <= 1, "{:?}", solo.sent());
}

#[test]
fn a_fork_that_ended_is_forgotten() {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    solo.respond(&invite, 180, "alice", "");
    solo.respond(&invite, 180, "carol", "");
    assert_eq!(solo.endpoint.census().dialogs, 2);
    solo.receive(&reliable(&invite, 199, "alice", 1, ""));
    assert_eq!(solo.last("PRACK").get("RAck"), "1 1 INVITE");
    assert_eq!(solo.endpoint.census().dialogs, 1);
    solo.respond(&invite, 199, "carol", "");
    assert_eq!(solo.endpoint.census().dialogs, 0);
    assert_eq!(solo.endpoint.call_info(call).expect("a call").state.name(), "ringing");
    solo.respond(&invite, 200, "dave", ANSWER);
    assert!(solo.log().contains("established"));
}

#[test]
fn an_answer_to_a_re_invite_may_come_early() {
    let mut solo = Solo::with(|config| config.automatic_media = true);
    let (call, _) = solo.established();
    solo.act(|endpoint, now| endpoint.hold(now, call, None));
    let offer = solo.last("INVITE");
    solo.receive(&reliable(&offer, 183, "", 50, &ANSWER.replace("sendrecv", "recvonly")));
    assert_eq!(solo.last("PRACK").get("RAck"), "50 2 INVITE");
    assert_eq!(solo.last("PRACK").get("CSeq"), "3 PRACK");
    solo.respond(&offer, 200, "", "");
    assert_eq!(solo.last("ACK").get("CSeq"), "2 ACK");
    expect(
        &solo.log(),
        "
            0  hold: local
            0  done: negotiated with sdp
        ",
    );
}

#[test]
fn an_offer_that_is_still_open_when_the_call_is_answered_is_answered_with_the_ack() {
    let mut solo = Solo::new();
    let call = solo.act(|endpoint, now| endpoint.call(now, "sip:alice@192.0.2.1", CallOptions::default()));
    let invite = solo.last("INVITE");
    solo.receive(&reliable(&invite, 183, "alice", 1, ANSWER));
    solo.respond(&invite, 200, "alice", "");
    assert!(solo.times("PRACK").is_empty() && solo.times("ACK").is_empty());
    solo.act(|endpoint, now| endpoint.accept_offer(now, call.expect("a call"), OFFER.into()));
    assert_eq!(solo.last("ACK").body, OFFER);
    expect(
        &solo.log(),
        "
            0  calling (INVITE sent)
            0  ringing (183 Whatever)
            0  progress 183 Whatever
            0  offer with sdp
            0  answered (200 Whatever)
            0  answered
            0  established (ACK sent)
            0  done
        ",
    );
}

#[test]
fn two_forks_that_offer_are_answered_one_after_the_other() {
    let mut solo = Solo::new();
    let call = solo.act(|endpoint, now| endpoint.call(now, "sip:alice@192.0.2.1", CallOptions::default()));
    let call = call.expect("a call");
    let invite = solo.last("INVITE");
    solo.receive(&reliable(&invite, 183, "alice", 1, ANSWER));
    solo.receive(&reliable(&invite, 183, "carol", 9, ANSWER));
    assert_eq!(solo.log().matches("offer").count(), 1);
    solo.act(|endpoint, now| endpoint.accept_offer(now, call, OFFER.into()));
    let prack = solo.last("PRACK");
    assert_eq!((prack.get("RAck"), &*prack.body), ("1 1 INVITE", OFFER));
    assert_eq!(solo.log().matches("offer").count(), 1);
    solo.act(|endpoint, now| endpoint.accept_offer(now, call, OFFER.into()));
    assert_eq!(solo.last("PRACK").get("RAck"), "9 1 INVITE");
    solo.respond(&invite, 200, "carol", "");
    assert!(solo.log().contains("established"));
}
