//! Forks of an INVITE (RFC 3261 13.2.2.4): of several answers one stays, the others are acknowledged and ended.

use offhook_tests::endpoint::{ANSWER, Solo, response};
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

#[test]
fn the_second_answer_of_a_fork_is_acknowledged_and_ended() {
    let mut solo = Solo::new();
    let (_, invite) = solo.call();
    for (tag, status) in [("alice", 180), ("carol", 183), ("dave", 180)] {
        solo.respond(&invite, status, tag, "");
    }
    let carol = response(&invite, 200, "carol", ANSWER).set("Contact", "<sip:carol@192.0.2.3>");
    solo.respond(&invite, 200, "alice", ANSWER);
    solo.at(10);
    solo.receive(&carol);
    let (ack, bye) = (solo.last("ACK"), solo.last("BYE"));
    assert_eq!(ack.start, "ACK sip:carol@192.0.2.3 SIP/2.0");
    assert_eq!((ack.get("CSeq"), bye.get("CSeq")), ("1 ACK", "2 BYE"));
    assert_eq!(bye.start, "BYE sip:carol@192.0.2.3 SIP/2.0");
    assert!(bye.get("To").ends_with(";tag=carol"), "the other leg lives: {}", bye.get("To"));
    solo.receive(&carol); // a retransmission: acknowledged again, ended once
    assert_eq!((solo.times("ACK").len(), solo.times("BYE").len()), (3, 1));
    let done = Text::response(&bye.bytes(), 200, "");
    solo.receive(&done);
    solo.respond(&invite, 200, "alice", ANSWER);
    assert!(solo.last("ACK").get("To").ends_with(";tag=alice"));
    expect(
        &solo.log(),
        "
            0  calling (INVITE sent)
            0  ringing (180 Whatever)
            0  progress 180 Whatever
            0  progress 183 Whatever
            0  progress 180 Whatever
            0  answered (200 Whatever)
            0  answered with sdp
            0  established (ACK sent)
        ",
    );
    solo.at(100_000);
    let census = solo.endpoint.census();
    assert_eq!((census.calls, census.dialogs, census.acks, census.outgoing), (1, 1, 0, 0));
}

#[test]
fn an_answer_that_comes_when_all_is_over_is_ended() {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    solo.respond(&invite, 180, "alice", "");
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    solo.at(33_000); // the CANCEL and the INVITE are given up
    expect(
        &solo.log(),
        "
                0  calling (INVITE sent)
                0  ringing (180 Whatever)
                0  progress 180 Whatever
                0  ending (CANCEL sent)
            32000  ended (no answer in time (timer B))
            32000  done
            32000  over, by local, no answer in time (timer B): no answer in time (timer B)
        ",
    );
    solo.fresh();
    solo.at(60_000);
    solo.respond(&invite, 200, "alice", ANSWER);
    assert_eq!(solo.fresh(), ["ACK", "BYE"]);
    let bye = solo.last("BYE");
    solo.receive(&Text::response(&bye.bytes(), 200, ""));
    solo.finish();
}

#[test]
fn an_answer_to_nothing_of_ours_is_answered_by_nothing() {
    let mut solo = Solo::new();
    let stray = Text::new("SIP/2.0 200 OK")
        .add("Via", "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKforged")
        .add("From", "<sip:bob@example.com>;tag=aaaaaaaaaaaaaaaaaaaa")
        .add("To", "<sip:victim@198.51.100.1>;tag=x")
        .add("Call-ID", "forged")
        .add("CSeq", "1 INVITE")
        .add("Contact", "<sip:victim@198.51.100.1>");
    solo.receive(&stray);
    assert!(solo.sent().is_empty(), "{:?}", solo.sent());
}

#[test]
fn forks_without_end_are_not_remembered() {
    let mut solo = Solo::new();
    let (_, invite) = solo.call();
    for fork in 0..200 {
        solo.respond(&invite, 180, &format!("fork{fork}"), "");
    }
    assert_eq!(solo.endpoint.census().dialogs, 32);
    solo.respond(&invite, 200, "fork199", ANSWER);
    assert!(solo.last("ACK").get("To").ends_with(";tag=fork199"));
    assert_eq!(solo.endpoint.census().dialogs, 1);
}
