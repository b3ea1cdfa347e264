//! 199 Early Dialog Terminated (RFC 6228): a fork is over though the INVITE goes on.

use offhook_core::endpoint::CallId;
use offhook_tests::endpoint::{ANSWER, Solo, response};
use offhook_tests::sip::Text;

fn ended(invite: &Text, tag: &str) -> Text {
    response(invite, 199, tag, "").add("Reason", "SIP;cause=486")
}

fn reliable(message: Text, rseq: u32) -> Text {
    message.add("Require", "100rel").add("RSeq", &rseq.to_string())
}

fn state(solo: &Solo, call: CallId) -> &'static str {
    solo.endpoint.call_info(call).expect("a call").state.name()
}

#[test]
fn the_invite_says_that_it_is_understood() {
    let mut solo = Solo::new();
    let (_, invite) = solo.call();
    assert!(invite.get("Supported").split(", ").any(|tag| tag == "199"), "RFC 6228 4");
    assert!(invite.all("Require").is_empty(), "RFC 6228 4: it must not be required");
}

#[test]
fn one_of_two_ends_and_the_other_is_answered() {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    solo.respond(&invite, 180, "alice", "");
    solo.respond(&invite, 180, "carol", "");
    assert_eq!(solo.endpoint.census().dialogs, 2);
    solo.receive(&ended(&invite, "alice"));
    assert_eq!(solo.endpoint.census().dialogs, 1);
    assert!(solo.log().contains("progress 199"), "told");
    solo.respond(&invite, 200, "carol", ANSWER);
    assert_eq!(state(&solo, call), "established");
    assert!(solo.last("ACK").get("To").ends_with(";tag=carol"));
}

#[test]
fn one_that_is_reliable_is_acknowledged_in_the_dialog_that_ends() {
    let mut solo = Solo::new();
    let (_, invite) = solo.call();
    solo.receive(&reliable(response(&invite, 183, "alice", ANSWER), 1));
    solo.receive(&reliable(ended(&invite, "alice"), 2));
    let prack = solo.last("PRACK");
    assert_eq!((prack.get("RAck"), solo.times("PRACK").len()), ("2 1 INVITE", 2));
    solo.respond(&prack, 200, "", "");
    assert_eq!(solo.endpoint.census().dialogs, 0);
}

#[test]
fn one_that_nobody_heard_of_changes_nothing() {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    solo.respond(&invite, 180, "alice", "");
    solo.receive(&ended(&invite, "dave"));
    solo.receive(&response(&invite, 199, "", ""));
    assert_eq!((state(&solo, call), solo.endpoint.census().dialogs), ("ringing", 1));
    solo.respond(&invite, 200, "alice", ANSWER);
    assert_eq!(state(&solo, call), "established");
}

#[test]
fn the_last_of_them_is_not_the_end_of_the_call() {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    solo.respond(&invite, 180, "alice", "");
    solo.receive(&ended(&invite, "alice"));
    assert_eq!(state(&solo, call), "ringing", "RFC 6228 4: the proxy goes on searching");
    solo.respond(&invite, 486, "alice", "");
    assert!(solo.log().contains("over, by remote, 486"));
    solo.finish();
}

#[test]
fn one_that_answers_after_its_199_is_in_the_call_all_the_same() {
    // Something on the way reordered them, or was wrong about it.
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    solo.respond(&invite, 180, "alice", "");
    solo.receive(&ended(&invite, "alice"));
    solo.respond(&invite, 200, "alice", ANSWER);
    assert_eq!(state(&solo, call), "established");
}
