//! A call from the first message to the last: the whole ladder, and both sides' states.

use std::time::Duration;

use offhook_core::endpoint::{AnswerOptions, CallOptions, Endpoint};
use offhook_core::message::StatusCode;
use offhook_core::transport::Transport;
use offhook_tests::endpoint::{ANSWER, OFFER, Pair};
use offhook_tests::net::{Conditions, Verdict};
use offhook_tests::text::expect;

const MS: Duration = Duration::from_millis(1);

#[test]
fn a_call_from_ringing_to_goodbye() {
    let mut pair = Pair::new();
    let (here, there) = pair.called();
    pair.net.run_for(300 * MS);
    pair.ring(there);
    pair.net.run_for(1000 * MS);
    pair.answer(there);
    pair.net.run_for(2000 * MS);
    pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, Some("Q.850;cause=16;text=\"Bye\"")));
    pair.net.run_for(100 * MS);
    expect(
        &pair.net.ladder(),
        "
              ms  alice               bob
               0  |------INVITE------>|
             210  |<---100 INVITE-----|
             310  |<---180 INVITE-----|
            1310  |<---200 INVITE-----|
            1320  |--------ACK------->|
            3310  |--------BYE------->|
            3320  |<-----200 BYE------|
        ",
    );
    expect(
        &pair.log(pair.alice),
        "
               0  calling (INVITE sent)
             220  proceeding (100 Trying)
             320  ringing (180 Ringing)
             320  progress 180 Ringing
            1320  answered (200 OK)
            1320  answered with sdp
            1320  established (ACK sent)
            3310  ending (BYE sent)
            3330  ended (hung up)
            3330  done
            3330  over, by local, 200 hung up, Q.850 Some(16)
        ",
    );
    expect(
        &pair.log(pair.bob),
        "
              10  incoming from sip:alice@10.0.0.1 with sdp
              10  ringing (INVITE received)
             310  done
            1310  answered (200 sent)
            1330  answered
            1330  established (ACK received)
            1330  done
            3320  ended (BYE received)
            3320  over, by remote, 200 BYE received, Q.850 Some(16)
        ",
    );
    pair.finish();
}

#[test]
fn the_history_of_a_call_tells_its_times_and_causes() {
    let mut pair = Pair::new();
    let (here, there) = pair.established();
    let history = |pair: &Pair, node, call| {
        let info = pair.info(node, call).expect("a call");
        let step = |step: &offhook_core::endpoint::Transition| {
            format!("{} {} ({})\n", step.at.as_millis(), step.state.name(), step.cause)
        };
        info.history.iter().map(step).collect::<String>()
    };
    expect(
        &history(&pair, pair.alice, here),
        "
            0 calling (INVITE sent)
            20 answered (200 OK)
            20 established (ACK sent)
        ",
    );
    expect(
        &history(&pair, pair.bob, there),
        "
            10 ringing (INVITE received)
            10 answered (200 sent)
            30 established (ACK received)
        ",
    );
}

#[test]
fn early_media_comes_with_183() {
    let mut pair = Pair::new();
    let (_, there) = pair.called();
    pair.net.with(pair.bob, |bob, now| bob.ring(now, there, Some(ANSWER.into())));
    pair.net.run_for(50 * MS);
    pair.answer(there);
    pair.net.run_for(50 * MS);
    expect(
        &pair.net.ladder(),
        "
            ms  alice               bob
             0  |------INVITE------>|
            10  |<---183 INVITE-----|
            60  |<---200 INVITE-----|
            70  |--------ACK------->|
        ",
    );
    expect(
        &pair.log(pair.alice),
        "
             0  calling (INVITE sent)
            20  ringing (183 Session Progress)
            20  progress 183 Session Progress with sdp
            70  answered (200 OK)
            70  answered with sdp
            70  established (ACK sent)
        ",
    );
}

#[test]
fn ringing_is_told_again_each_minute() {
    let mut pair = Pair::new();
    let (_, there) = pair.called();
    pair.ring(there);
    pair.net.run_for(150_000 * MS);
    pair.answer(there);
    pair.net.run_for(100_000 * MS);
    expect(
        &pair.net.ladder(),
        "
                ms  alice               bob
                 0  |------INVITE------>|
                10  |<---180 INVITE-----|
             60010  |<---180 INVITE-----|
            120010  |<---180 INVITE-----|
            150010  |<---200 INVITE-----|
            150020  |--------ACK------->|
        ",
    );
}

#[test]
fn an_invite_without_offer_asks_the_other_side_to_offer() {
    let mut pair = Pair::new();
    let (here, there) = pair.called_with(CallOptions::default());
    pair.answer(there);
    pair.net.run_for(700 * MS);
    pair.net.with(pair.alice, |alice, now| alice.accept_offer(now, here, OFFER.into()));
    pair.net.run_for(100 * MS);
    expect(
        &pair.net.ladder(),
        "
             ms  alice               bob
              0  |------INVITE------>|
             10  |<---200 INVITE-----|
            510  |<---200 INVITE-----|
            710  |--------ACK------->|
        ",
    );
    expect(
        &pair.log(pair.alice),
        "
              0  calling (INVITE sent)
             20  answered (200 OK)
             20  offer with sdp
            710  answered
            710  established (ACK sent)
            710  done
        ",
    );
    expect(
        &pair.log(pair.bob),
        "
             10  incoming from sip:alice@10.0.0.1
             10  ringing (INVITE received)
             10  answered (200 sent)
            720  answered with sdp
            720  established (ACK received)
            720  done
        ",
    );
    pair.net.with(pair.bob, |bob, now| bob.hangup(now, there, None));
    pair.finish();
}

#[test]
fn a_call_is_sent_elsewhere() {
    let mut pair = Pair::new();
    let (_, there) = pair.called();
    pair.net.with(pair.bob, |bob, now| bob.redirect(now, there, &["sip:carol@10.0.0.3", "dave"]));
    pair.net.run_for(100 * MS);
    let answer = pair.net.trace().iter().find(|hop| hop.label() == "302 INVITE").and_then(|hop| hop.bytes());
    let answer = String::from_utf8_lossy(answer.expect("an answer")).into_owned();
    assert!(answer.contains("Contact: <sip:carol@10.0.0.3>\r\nContact: <sip:dave@10.0.0.2>\r\n"), "{answer}");
    expect(
        &pair.log(pair.alice),
        "
             0  calling (INVITE sent)
            20  ended (302 Moved Temporarily)
            20  over, by remote, 302 Moved Temporarily: 302 Moved Temporarily
        ",
    );
    expect(
        &pair.log(pair.bob),
        "
            10  incoming from sip:alice@10.0.0.1 with sdp
            10  ringing (INVITE received)
            10  ended (302 Moved Temporarily)
            10  over, by local, 302 Moved Temporarily
            10  done
        ",
    );
    pair.finish();
}

#[test]
fn a_lost_ack_comes_again_with_the_answer() {
    let mut pair = Pair::new();
    let (_, there) = pair.called();
    pair.net.lose(2, |packet| packet.label() == "ACK");
    pair.answer(there);
    pair.net.run_for(5000 * MS);
    expect(
        &pair.net.ladder(),
        "
              ms  alice               bob
               0  |------INVITE------>|
              10  |<---200 INVITE-----|
              20  |------ACK-----x    |      lost
             510  |<---200 INVITE-----|
             520  |------ACK-----x    |      lost
            1510  |<---200 INVITE-----|
            1520  |--------ACK------->|
        ",
    );
    expect(
        &pair.log(pair.bob),
        "
              10  incoming from sip:alice@10.0.0.1 with sdp
              10  ringing (INVITE received)
              10  answered (200 sent)
            1530  answered
            1530  established (ACK received)
            1530  done
        ",
    );
}

#[test]
fn a_call_waits_for_what_the_application_does_not_allow() {
    let mut pair = Pair::new();
    let (here, there) = pair.called();
    pair.net.take_events(pair.alice);
    pair.net.take_events(pair.bob);
    pair.net.with(pair.alice, |alice, now| {
        alice.answer(now, here, AnswerOptions::default());
        alice.ring(now, here, None);
        alice.reject(now, here, StatusCode::BUSY_HERE, None);
        alice.hold(now, here, None);
        alice.dtmf(now, here, '5', 100);
        alice.dtmf(now, here, 'x', 100);
        alice.accept_offer(now, here, ANSWER.into());
    });
    pair.net.with(pair.bob, |bob, now| {
        bob.reject(now, there, StatusCode::OK, None);
        bob.redirect(now, there, &[]);
        bob.redirect(now, there, &["sip:a b@c"]);
        bob.answer(now, there, AnswerOptions::default());
        bob.reject_offer(now, there, StatusCode::NOT_ACCEPTABLE_HERE);
    });
    expect(
        &pair.log(pair.alice),
        "
            10  failed: the call does not wait for an answer
            10  failed: the call does not wait for an answer
            10  failed: the call does not wait for an answer
            10  failed: the call is not established
            10  failed: the call is not established
            10  failed: tone: a digit is one of 0-9, *, #, A-D
            10  failed: no offer waits for an answer
        ",
    );
    expect(
        &pair.log(pair.bob),
        "
            10  failed: status: a call is rejected with a status from 400 to 699
            10  failed: contacts: a redirection names at least one contact
            10  failed: target: URI: expected a URI character at byte 5
            10  failed: sdp: a call is answered with a description
            10  failed: no offer waits for an answer
        ",
    );
}

#[test]
fn copies_and_late_copies_change_nothing() {
    let mut pair = Pair::new();
    pair.net.interfere(|_| Verdict::Twice);
    let (here, _) = pair.established();
    pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, None));
    pair.net.run_for(100 * MS);
    expect(
        &pair.log(pair.alice),
        "
            40  ending (BYE sent)
            60  ended (hung up)
            60  done
            60  over, by local, 200 hung up
        ",
    );
    expect(
        &pair.log(pair.bob),
        "
            50  ended (BYE received)
            50  over, by remote, 200 BYE received
        ",
    );
    pair.finish();
}

#[test]
fn a_call_over_tcp_stays_on_its_connection_and_comes_back_on_a_new_one() {
    let mut pair = Pair::with(1, Conditions { segment: 7, ..Conditions::default() }, |config| {
        config.automatic_media = true;
    });
    pair.net.listen(pair.bob, Transport::Tcp, 5060);
    let call =
        |alice: &mut Endpoint, now| alice.call(now, "sip:bob@10.0.0.2;transport=tcp", CallOptions::with_sdp(OFFER));
    let here = pair.net.with(pair.alice, call).expect("a call");
    let there = pair.incoming(pair.bob);
    pair.answer(there);
    pair.net.run_for(100 * MS);
    pair.net.with(pair.bob, |bob, now| bob.hold(now, there, None));
    pair.net.run_for(100 * MS);
    let flow = pair.net.connections(pair.alice)[0];
    pair.net.break_connection(pair.alice, flow);
    pair.net.with(pair.alice, |alice, now| alice.hangup(now, here, None));
    pair.net.run_for(100 * MS);
    expect(
        &pair.net.ladder(),
        "
             ms  alice               bob
              0  |-----TCP open----->|
             20  |------INVITE------>|
             30  |<---200 INVITE-----|
             40  |--------ACK------->|
            130  |<-----INVITE-------|
            140  |----200 INVITE---->|
            150  |<-------ACK--------|
            230  |----TCP broken---->|
            230  |-----TCP open----->|
            250  |--------BYE------->|
            260  |<-----200 BYE------|
        ",
    );
    pair.finish();
}
