//! Each way to end a call, with the whole ladder.

use std::time::Duration;

use offhook_core::endpoint::CallOptions;
use offhook_core::message::StatusCode;
use offhook_tests::endpoint::Pair;
use offhook_tests::text::expect;

const MS: Duration = Duration::from_millis(1);

#[test]
fn the_called_side_hangs_up() {
    let mut pair = Pair::new();
    let (_, there) = pair.established();
    pair.net.with(pair.bob, |bob, now| bob.hangup(now, there, None));
    pair.net.run_for(100 * MS);
    expect(
        &pair.net.ladder(),
        "
            ms  alice               bob
            40  |<-------BYE--------|
            50  |------200 BYE----->|
        ",
    );
    expect(
        &pair.log(pair.alice),
        "
            50  ended (BYE received)
            50  over, by remote, 200 BYE received
        ",
    );
    expect(
        &pair.log(pair.bob),
        "
            40  ending (BYE sent)
            60  ended (hung up)
            60  done
            60  over, by local, 200 hung up
        ",
    );
    pair.finish();
}

#[test]
fn both_sides_hang_up_at_once() {
    let mut pair = Pair::new();
    let (here, there) = pair.established();
    pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, None));
    pair.net.with(pair.bob, |bob, now| bob.hangup(now, there, None));
    pair.net.run_for(100 * MS);
    expect(
        &pair.net.ladder(),
        "
            ms  alice               bob
            40  |--------BYE------->|
            40  |<-------BYE--------|
            50  |<-----200 BYE------|
            50  |------200 BYE----->|
        ",
    );
    expect(
        &pair.log(pair.alice),
        "
            40  ending (BYE sent)
            50  ended (BYE received)
            50  done
            50  over, by local, 200 BYE received
        ",
    );
    expect(
        &pair.log(pair.bob),
        "
            40  ending (BYE sent)
            50  ended (BYE received)
            50  done
            50  over, by local, 200 BYE received
        ",
    );
    pair.finish();
}

#[test]
fn an_offer_in_the_answer_can_be_refused_by_ending_the_call() {
    let mut pair = Pair::new();
    let (here, there) = pair.called_with(CallOptions::default());
    pair.answer(there);
    pair.net.run_for(50 * MS);
    pair.net.with(pair.alice, |alice, now| alice.reject_offer(now, here, StatusCode::NOT_ACCEPTABLE_HERE));
    pair.net.run_for(100 * MS);
    expect(
        &pair.net.ladder(),
        "
            ms  alice               bob
             0  |------INVITE------>|
            10  |<---200 INVITE-----|
            60  |--------ACK------->|
            60  |--------BYE------->|
            70  |<-----200 BYE------|
        ",
    );
    expect(
        &pair.log(pair.alice),
        "
             0  calling (INVITE sent)
            20  answered (200 OK)
            20  offer with sdp
            60  ending (BYE sent)
            60  done
            80  ended (hung up)
            80  over, by local, 200 hung up
        ",
    );
    pair.finish();
}

#[test]
fn cancelled_before_anything_was_heard() {
    // 9.1: the CANCEL waits for a provisional response.
    let mut pair = Pair::new();
    let here = pair.call();
    pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, None));
    pair.net.run_for(1000 * MS);
    expect(
        &pair.net.ladder(),
        "
             ms  alice               bob
              0  |------INVITE------>|
            210  |<---100 INVITE-----|
            220  |------CANCEL------>|
            230  |<---200 CANCEL-----|
            230  |<---487 INVITE-----|
            240  |--------ACK------->|
        ",
    );
    expect(
        &pair.log(pair.alice),
        "
              0  calling (INVITE sent)
              0  ending (CANCEL sent)
            240  ended (487 Request Terminated)
            240  done
            240  over, by local, 487 Request Terminated: given up by this side
        ",
    );
    expect(
        &pair.log(pair.bob),
        "
             10  incoming from sip:alice@10.0.0.1 with sdp
             10  ringing (INVITE received)
            230  ended (487 Request Terminated)
            230  over, by remote, 487 Request Terminated: given up by this side
        ",
    );
    pair.finish();
}

#[test]
fn cancelled_while_it_rings() {
    let mut pair = Pair::new();
    let (here, there) = pair.called();
    pair.ring(there);
    pair.net.run_for(1000 * MS);
    pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, Some("SIP;cause=200;text=\"elsewhere\"")));
    pair.net.run_for(1000 * MS);
    expect(
        &pair.net.ladder(),
        "
              ms  alice               bob
               0  |------INVITE------>|
              10  |<---180 INVITE-----|
            1010  |------CANCEL------>|
            1020  |<---200 CANCEL-----|
            1020  |<---487 INVITE-----|
            1030  |--------ACK------->|
        ",
    );
    expect(
        &pair.log(pair.alice),
        "
               0  calling (INVITE sent)
              20  ringing (180 Ringing)
              20  progress 180 Ringing
            1010  ending (CANCEL sent)
            1030  ended (487 Request Terminated)
            1030  done
            1030  over, by local, 487 Request Terminated: given up by this side
        ",
    );
    expect(
        &pair.log(pair.bob),
        "
              10  incoming from sip:alice@10.0.0.1 with sdp
              10  ringing (INVITE received)
              10  done
            1020  ended (487 Request Terminated)
            1020  over, by remote, 487 Request Terminated, SIP Some(200): given up by this side
        ",
    );
    pair.finish();
}

#[test]
fn a_cancel_that_crosses_the_answer_ends_the_call_with_bye() {
    let mut pair = Pair::new();
    let (here, there) = pair.called();
    pair.ring(there);
    pair.net.run_for(100 * MS);
    pair.answer(there);
    pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, None));
    pair.net.run_for(1000 * MS);
    expect(
        &pair.net.ladder(),
        "
             ms  alice               bob
              0  |------INVITE------>|
             10  |<---180 INVITE-----|
            110  |<---200 INVITE-----|
            110  |------CANCEL------>|
            120  |--------ACK------->|
            120  |--------BYE------->|
            120  |<---200 CANCEL-----|
            130  |<-----200 BYE------|
        ",
    );
    expect(
        &pair.log(pair.alice),
        "
              0  calling (INVITE sent)
             20  ringing (180 Ringing)
             20  progress 180 Ringing
            110  ending (CANCEL sent)
            140  ended (hung up)
            140  done
            140  over, by local, 200 hung up
        ",
    );
    expect(
        &pair.log(pair.bob),
        "
             10  incoming from sip:alice@10.0.0.1 with sdp
             10  ringing (INVITE received)
             10  done
            110  answered (200 sent)
            130  answered
            130  established (ACK received)
            130  done
            130  ended (BYE received)
            130  over, by remote, 200 BYE received
        ",
    );
    pair.finish();
}

#[test]
fn a_call_is_refused_with_any_class() {
    for (status, phrase) in [(404, None), (486, Some("On the phone")), (500, None), (603, None)] {
        let mut pair = Pair::new();
        pair.call();
        let there = pair.incoming(pair.bob);
        let status = StatusCode::new(status).expect("a status");
        pair.net.with(pair.bob, |bob, now| bob.reject(now, there, status, phrase));
        pair.net.run_for(100 * MS);
        let text = format!("{} {}", status.code(), phrase.unwrap_or(status.reason()));
        let log = pair.log(pair.alice);
        assert!(log.contains(&format!("    20  ended ({text})\n")), "{log}");
        assert!(log.contains(&format!("over, by remote, {text}: {text}")), "{log}");
        assert!(pair.net.ladder().contains("ACK"));
        pair.finish();
    }
}

#[test]
fn an_answer_without_ack_ends_with_bye() {
    let mut pair = Pair::new();
    let (_, there) = pair.called();
    pair.net.lose(100, |packet| packet.label() == "ACK");
    pair.answer(there);
    pair.net.run_for(40_000 * MS);
    let answers: Vec<u64> = pair
        .net
        .sent(pair.bob, pair.alice)
        .into_iter()
        .filter(|(_, what)| what == "200 INVITE")
        .map(|(at, _)| at)
        .collect();
    assert_eq!(answers, [10, 510, 1510, 3510, 7510, 11_510, 15_510, 19_510, 23_510, 27_510, 31_510]);
    expect(
        &pair.log(pair.alice),
        "
                0  calling (INVITE sent)
               20  answered (200 OK)
               20  answered with sdp
               20  established (ACK sent)
            32020  ended (BYE received)
            32020  over, by remote, 200 BYE received
        ",
    );
    expect(
        &pair.log(pair.bob),
        "
               10  incoming from sip:alice@10.0.0.1 with sdp
               10  ringing (INVITE received)
               10  answered (200 sent)
            32010  failed: no answer in time (timer H)
            32010  ending (BYE sent)
            32030  ended (no answer in time (timer H))
            32030  over, by network, no answer in time (timer H): no answer in time (timer H)
        ",
    );
    pair.finish();
}

#[test]
fn who_answered_waits_with_bye_for_the_ack() {
    // 15: the called side must not send BYE before the ACK is here.
    let mut pair = Pair::new();
    let (_, there) = pair.called();
    pair.net.lose(1, |packet| packet.label() == "ACK");
    pair.answer(there);
    pair.net.run_for(25 * MS);
    pair.net.with(pair.bob, |bob, now| bob.hangup(now, there, Some("Q.850;cause=16")));
    pair.net.run_for(1000 * MS);
    expect(
        &pair.net.ladder(),
        "
             ms  alice               bob
              0  |------INVITE------>|
             10  |<---200 INVITE-----|
             20  |------ACK-----x    |      lost
            510  |<---200 INVITE-----|
            520  |--------ACK------->|
            530  |<-------BYE--------|
            540  |------200 BYE----->|
        ",
    );
    expect(
        &pair.log(pair.bob),
        "
             10  incoming from sip:alice@10.0.0.1 with sdp
             10  ringing (INVITE received)
             10  answered (200 sent)
             35  ending (hung up, the ACK is awaited)
            530  failed: given up by this side
            550  ended (hung up)
            550  done
            550  over, by local, 200 hung up, Q.850 Some(16)
        ",
    );
    pair.finish();
}

#[test]
fn a_lost_bye_is_sent_again() {
    let mut pair = Pair::new();
    let (here, _) = pair.established();
    pair.net.lose(2, |packet| packet.label() == "BYE");
    pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, None));
    pair.net.run_for(5000 * MS);
    expect(
        &pair.net.ladder(),
        "
              ms  alice               bob
              40  |------BYE-----x    |      lost
             540  |------BYE-----x    |      lost
            1540  |--------BYE------->|
            1550  |<-----200 BYE------|
        ",
    );
    pair.finish();
}

#[test]
fn a_bye_that_nobody_answers_ends_the_call_all_the_same() {
    let mut pair = Pair::new();
    let (here, _) = pair.established();
    pair.net.cut(pair.alice, pair.bob);
    pair.net.with(pair.alice, |alice, now| {
        alice.hangup(now, here, None);
        alice.hangup(now, here, None);
    });
    pair.net.run_for(40_000 * MS);
    expect(
        &pair.log(pair.alice),
        "
               40  ending (BYE sent)
            32040  ended (hung up)
            32040  done
            32040  done
            32040  over, by local, 200 hung up
        ",
    );
}

#[test]
fn a_call_that_reaches_nobody_ends_after_32_seconds() {
    let mut pair = Pair::new();
    pair.net.cut(pair.alice, pair.bob);
    pair.call();
    pair.net.run_for(40_000 * MS);
    let invites: Vec<u64> = pair.net.sent(pair.alice, pair.bob).into_iter().map(|(at, _)| at).collect();
    assert_eq!(invites, [0, 500, 1500, 3500, 7500, 15_500, 31_500]);
    expect(
        &pair.log(pair.alice),
        "
                0  calling (INVITE sent)
            32000  ended (no answer in time (timer B))
            32000  over, by network, no answer in time (timer B): no answer in time (timer B)
        ",
    );
    pair.finish();
}

#[test]
fn a_call_that_is_over_is_hung_up_already() {
    let mut pair = Pair::new();
    let (here, there) = pair.established();
    pair.net.with(pair.bob, |bob, now| bob.hangup(now, there, None));
    pair.net.run_for(100 * MS);
    pair.net.take_events(pair.alice);
    pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, None));
    pair.net.with(pair.alice, |alice, now| alice.hold(now, here, None));
    expect(
        &pair.log(pair.alice),
        "
            140  done
            140  failed: the call is over
        ",
    );
    assert_eq!(pair.info(pair.alice, here), None);
}
