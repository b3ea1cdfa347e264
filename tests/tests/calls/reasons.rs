//! Reason (RFC 3326) in BYE, CANCEL and responses: what is said, and what is heard.

use offhook_core::endpoint::{CallEvent, CallId, End, Event, Reason};
use offhook_tests::endpoint::{ANSWER, OFFER, Solo, response};
use offhook_tests::sip::Text;

fn invite() -> Text {
    Text::request("INVITE", "z9hG4bK-invite").add("Contact", "<sip:alice@192.0.2.1:5060>").sdp(OFFER)
}

/// A request of the peer in the dialog of our INVITE.
fn bye(invite: &Text) -> Text {
    Text::request("BYE", "z9hG4bK-bye")
        .set("From", &format!("{};tag=alice", invite.get("To")))
        .set("To", invite.get("From"))
        .set("Call-ID", invite.get("Call-ID"))
        .set("CSeq", "1 BYE")
}

fn end(solo: &mut Solo) -> End {
    let ends = solo.events().into_iter().filter_map(|event| match event {
        Event::Call { event: CallEvent::Ended(end), .. } => Some(end),
        _ => None,
    });
    let ends: Vec<End> = ends.collect();
    assert_eq!(ends.len(), 1, "told once");
    ends.into_iter().next().expect("one")
}

fn of(protocol: &str, cause: Option<u32>, text: Option<&str>) -> Option<Reason> {
    Some(Reason { protocol: protocol.into(), cause, text: text.map(Into::into) })
}

fn hangup(solo: &mut Solo, call: CallId, reason: &str) {
    solo.act(|endpoint, now| endpoint.hangup(now, call, Some(reason)));
}

#[test]
fn a_bye_says_why() {
    for (lines, expected) in [
        (&["Q.850;cause=16;text=\"Normal call clearing\""][..], of("Q.850", Some(16), Some("Normal call clearing"))),
        (&["Q.850 ;cause=16", "SIP;cause=200"], of("Q.850", Some(16), None)),
        (&["SIP;cause=200;text=\"a, b; c\", Q.850;cause=16"], of("SIP", Some(200), Some("a, b; c"))),
        (&["Preemption;cause=1;text=\"UA \\\"Preemption\\\"\""], of("Preemption", Some(1), Some("UA \"Preemption\""))),
        (&["X.Y"], of("X.Y", None, None)),
        // One that cannot be read does not hide the next, and none ends nothing less.
        (&["Q.850;cause=lots, SIP;cause=480"], of("SIP", Some(480), None)),
        (&[";cause=16"], None),
        (&["Q.850;cause=99999999999"], None),
        (&[], None),
    ] {
        let mut solo = Solo::new();
        let (_, invite) = solo.established();
        solo.receive(&lines.iter().fold(bye(&invite), |bye, line| bye.add("Reason", line)));
        solo.last("200 BYE");
        assert_eq!(end(&mut solo).reason, expected, "{lines:?}");
    }
}

#[test]
fn a_cancel_and_a_refusal_say_why() {
    let mut solo = Solo::new();
    solo.called(&invite());
    solo.receive(&invite().method("CANCEL").add("Reason", "SIP;cause=200;text=\"Call completed elsewhere\""));
    assert_eq!(end(&mut solo).reason, of("SIP", Some(200), Some("Call completed elsewhere")));

    // RFC 6432: a gateway's cause in a response.
    let mut solo = Solo::new();
    let (_, invite) = solo.call();
    solo.receive(&response(&invite, 404, "alice", "").add("Reason", "Q.850;cause=1;text=\"Unallocated number\""));
    assert_eq!(end(&mut solo).reason, of("Q.850", Some(1), Some("Unallocated number")));
}

#[test]
fn ours_goes_with_what_ends_the_call() {
    let why = "Q.850;cause=16;text=\"done; really\"";
    let mut solo = Solo::new();
    let (call, _) = solo.established();
    hangup(&mut solo, call, why);
    let request = solo.last("BYE");
    assert_eq!(request.get("Reason"), why);
    solo.respond(&request, 200, "", "");
    assert_eq!(end(&mut solo).reason, of("Q.850", Some(16), Some("done; really")), "and is told here, too");

    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    solo.respond(&invite, 180, "alice", "");
    hangup(&mut solo, call, why);
    assert_eq!(solo.last("CANCEL").get("Reason"), why);

    // A CANCEL that comes too late leaves it to the BYE to end the call.
    solo.respond(&invite, 200, "alice", ANSWER);
    solo.last("BYE");
}

#[test]
fn what_cannot_stand_in_a_header_is_not_sent() {
    let mut solo = Solo::new();
    let (call, _) = solo.established();
    hangup(&mut solo, call, "Q.850\r\nX: y");
    assert!(solo.times("BYE").is_empty());
    assert!(solo.log().contains("failed: Reason"));
}
