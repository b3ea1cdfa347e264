//! Reliable provisional responses (RFC 3262) to calls of ours: each is acknowledged once and in order, fork by fork, and the
//! descriptions that travel with them (RFC 6337).

use offhook_core::endpoint::CallOptions;
use offhook_tests::endpoint::{ANSWER, OFFER, Solo, response};
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

/// The callee's reliable response to our INVITE.
pub(super) fn reliable(invite: &Text, status: u16, tag: &str, rseq: u32, sdp: &str) -> Text {
    response(invite, status, tag, sdp).add("Require", "100rel").add("RSeq", &rseq.to_string())
}

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
