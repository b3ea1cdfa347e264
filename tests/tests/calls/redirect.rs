//! Redirections of a call (RFC 3261 8.1.3.4): what the application is told, and how they are followed.

use offhook_core::endpoint::{CallId, CallOptions, Error, Event};
use offhook_tests::endpoint::{ANSWER, OFFER, Solo, response};
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

fn call(solo: &mut Solo, target: &str, follow: u8) -> (CallId, Text) {
    let options = CallOptions::with_sdp(OFFER).header("X-Mine", "1").following_redirects(follow);
    let call = solo.act(|endpoint, now| endpoint.call(now, target, options)).expect("a call");
    (call, solo.last("INVITE"))
}

fn redirect(solo: &mut Solo, invite: &Text, status: u16, contacts: &[&str]) {
    let mut redirection = response(invite, status, "moved", "").without("Contact");
    for contact in contacts {
        redirection = redirection.add("Contact", contact);
    }
    solo.receive(&redirection);
}

fn target(invite: &Text) -> &str {
    invite.start.split(' ').nth(1).expect("a URI")
}

fn invites(solo: &Solo) -> usize {
    solo.times("INVITE").len()
}

/// The contacts in the error that the call ended with.
fn told(solo: &mut Solo) -> Vec<String> {
    let ended = solo.events().into_iter().find_map(|event| match event {
        Event::Call { event: offhook_core::endpoint::CallEvent::Ended(end), .. } => end.error,
        _ => None,
    });
    match ended {
        Some(Error::Status(refusal)) => refusal.contacts.iter().map(|contact| contact.as_str().to_owned()).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_application_is_told_where_else_the_best_first() {
    let mut solo = Solo::new();
    let (_, invite) = solo.call();
    let contacts =
        ["<sip:low@192.0.2.1>;q=0.1, <sip:no-q@192.0.2.1>", "\"High\" <sip:high@192.0.2.1>;q=0.9", "not;;readable<"];
    redirect(&mut solo, &invite, 302, &contacts);
    let expected = ["<sip:no-q@192.0.2.1>", "\"High\" <sip:high@192.0.2.1>;q=0.9", "<sip:low@192.0.2.1>;q=0.1"];
    assert_eq!(told(&mut solo), expected);
    assert_eq!(invites(&solo), 1);

    let mut solo = Solo::new();
    let (_, invite) = solo.call();
    redirect(&mut solo, &invite, 485, &["<sip:bob.one@192.0.2.1>"]);
    assert_eq!(told(&mut solo), ["<sip:bob.one@192.0.2.1>"]);
    // Of another refusal a contact says nothing.
    let mut solo = Solo::new();
    let (_, invite) = solo.call();
    redirect(&mut solo, &invite, 486, &["<sip:bob@192.0.2.1>"]);
    assert_eq!(told(&mut solo), Vec::<String>::new());
}

#[test]
fn a_redirection_is_followed_within_the_call() {
    let mut solo = Solo::new();
    let (id, first) = call(&mut solo, "sip:alice@192.0.2.1", 1);
    solo.respond(&first, 180, "early", "");
    redirect(&mut solo, &first, 302, &["<sip:carol@192.0.2.1;method=BYE?Subject=evil>"]);
    assert_eq!(solo.last("ACK").get("To"), format!("{};tag=moved", first.get("To")));
    let second = solo.last("INVITE");
    assert_eq!(target(&second), "sip:carol@192.0.2.1");
    for name in ["From", "To", "Call-ID", "X-Mine", "Session-Expires"] {
        assert_eq!(second.get(name), first.get(name), "{name}");
    }
    assert_eq!((second.get("CSeq"), &*second.body), ("2 INVITE", OFFER));
    assert_ne!(second.get("Via"), first.get("Via"));
    // What comes late for the first is of no use: neither is its dialog.
    solo.respond(&first, 180, "early", "");
    assert_eq!(solo.endpoint.census().dialogs, 0);
    solo.respond(&second, 200, "carol", ANSWER);
    assert_eq!(solo.last("ACK").get("CSeq"), "2 ACK");
    solo.act(|endpoint, now| endpoint.hangup(now, id, None));
    assert_eq!(solo.last("BYE").get("CSeq"), "3 BYE");
    expect(
        &solo.log(),
        "
            0  calling (INVITE sent)
            0  ringing (180 Whatever)
            0  progress 180 Whatever
            0  calling (sent elsewhere)
            0  redirected to sip:carol@192.0.2.1 (302 Whatever)
            0  answered (200 Whatever)
            0  answered with sdp
            0  established (ACK sent)
            0  ending (BYE sent)
        ",
    );
}

#[test]
fn no_more_are_followed_than_the_application_wants() {
    let mut solo = Solo::with(|config| config.follow_redirects = 2);
    let (_, mut invite) = solo.call();
    for place in ["one", "two", "three"] {
        redirect(&mut solo, &invite, 302, &[&format!("<sip:{place}@192.0.2.1>")]);
        invite = solo.last("INVITE");
    }
    assert_eq!((target(&invite), invites(&solo)), ("sip:two@192.0.2.1", 3));
    assert_eq!(told(&mut solo), ["<sip:three@192.0.2.1>"]);
    solo.finish();
}

#[test]
fn nobody_is_called_twice() {
    let mut solo = Solo::new();
    let (_, first) = call(&mut solo, "sip:alice@192.0.2.1", 9);
    redirect(&mut solo, &first, 302, &["<sip:alice@192.0.2.1>, <sip:%61lice@192.0.2.1>, <sip:bob@192.0.2.1>"]);
    let second = solo.last("INVITE");
    assert_eq!(target(&second), "sip:bob@192.0.2.1");
    redirect(&mut solo, &second, 301, &["<sip:alice@192.0.2.1>", "<sip:bob@192.0.2.1>"]);
    assert_eq!(invites(&solo), 2);
    assert_eq!(told(&mut solo).len(), 2);
    solo.finish();
}

#[test]
fn a_secure_call_stays_secure() {
    let mut solo = Solo::with(|config| {
        config.server = Some(offhook_core::endpoint::Server::parse("sips:192.0.2.1").expect("a server"));
    });
    let options = CallOptions::with_sdp(OFFER).following_redirects(5);
    solo.act(|endpoint, now| endpoint.call(now, "sips:alice@example.com", options)).expect("a call");
    solo.connect(false);
    let invite = solo.last("INVITE");
    let contacts = ["<sip:alice@192.0.2.7>, <tel:+1201>, <mailto:alice@example.com>", "<sips:alice@example.org>;q=0.1"];
    redirect(&mut solo, &invite, 302, &contacts);
    assert_eq!(target(&solo.last("INVITE")), "sips:alice@example.org");
    let invite = solo.last("INVITE");
    redirect(&mut solo, &invite, 302, &["<sip:alice@192.0.2.7>"]);
    assert_eq!(invites(&solo), 2, "not to where it was not secure");
    assert_eq!(told(&mut solo), ["<sip:alice@192.0.2.7>"]);
}

#[test]
fn what_is_no_place_of_the_callee_is_not_followed() {
    for status in [305, 380] {
        let mut solo = Solo::new();
        let (_, invite) = call(&mut solo, "sip:alice@192.0.2.1", 5);
        redirect(&mut solo, &invite, status, &["<sip:proxy@192.0.2.1>"]);
        assert_eq!((invites(&solo), told(&mut solo).len()), (1, 1), "{status}");
    }
    let mut solo = Solo::new();
    let (_, invite) = call(&mut solo, "sip:alice@192.0.2.1", 5);
    redirect(&mut solo, &invite, 300, &["<mailto:alice@example.com>", "*"]);
    assert_eq!(told(&mut solo), ["<mailto:alice@example.com>"]);
}

#[test]
fn the_next_place_is_tried_unless_nobody_anywhere_wants_the_call() {
    let places = ["<sip:one@192.0.2.1>, <sip:two@192.0.2.1>, <sip:three@192.0.2.1>"];
    let mut solo = Solo::new();
    let (_, invite) = call(&mut solo, "sip:alice@192.0.2.1", 9);
    redirect(&mut solo, &invite, 302, &places);
    let one = solo.last("INVITE");
    solo.respond(&one, 404, "one", "");
    let two = solo.last("INVITE");
    assert_eq!(target(&two), "sip:two@192.0.2.1");
    // Silence is an answer, too.
    solo.at(32_000);
    let three = solo.last("INVITE");
    assert_eq!(target(&three), "sip:three@192.0.2.1");
    solo.respond(&three, 486, "three", "");
    let log = solo.log();
    assert!(log.contains("redirected to sip:two@192.0.2.1 (404 Whatever)"), "{log}");
    assert!(log.contains("redirected to sip:three@192.0.2.1 (408 Request Timeout)"), "{log}");
    assert!(log.ends_with("over, by remote, 486 Whatever: 486 Whatever\n"), "{log}");
    solo.finish();

    let mut solo = Solo::new();
    let (_, invite) = call(&mut solo, "sip:alice@192.0.2.1", 9);
    redirect(&mut solo, &invite, 302, &places);
    let one = solo.last("INVITE");
    solo.respond(&one, 603, "one", "");
    assert_eq!(invites(&solo), 2);
    solo.finish();
}

#[test]
fn a_call_that_was_given_up_goes_nowhere() {
    let mut solo = Solo::new();
    let (id, invite) = call(&mut solo, "sip:alice@192.0.2.1", 9);
    solo.respond(&invite, 180, "alice", "");
    solo.act(|endpoint, now| endpoint.hangup(now, id, None));
    redirect(&mut solo, &invite, 302, &["<sip:carol@192.0.2.1>"]);
    assert_eq!(invites(&solo), 1);
    let cancel = solo.last("CANCEL");
    solo.respond(&cancel, 200, "", "");
    solo.finish();

    // Given up on the way: the INVITE there is cancelled.
    let mut solo = Solo::new();
    let (id, invite) = call(&mut solo, "sip:alice@192.0.2.1", 9);
    redirect(&mut solo, &invite, 302, &["<sip:carol@192.0.2.1>"]);
    let second = solo.last("INVITE");
    solo.respond(&second, 180, "carol", "");
    solo.act(|endpoint, now| endpoint.hangup(now, id, None));
    let cancel = solo.last("CANCEL");
    assert_eq!((cancel.get("CSeq"), target(&cancel)), ("2 CANCEL", "sip:carol@192.0.2.1"));
    solo.respond(&cancel, 200, "", "");
    solo.respond(&second, 487, "carol", "");
    assert!(solo.log().contains("over, by local, 487"));
    solo.finish();
}

#[test]
fn what_waited_on_the_first_place_is_over_with_it() {
    let mut solo = Solo::new();
    let (id, invite) = call(&mut solo, "sip:alice@192.0.2.1", 9);
    let early = response(&invite, 183, "early", ANSWER).add("Require", "100rel").add("RSeq", "1");
    solo.receive(&early);
    let prack = solo.last("PRACK");
    assert_eq!(prack.get("CSeq"), "2 PRACK");
    solo.respond(&prack, 200, "", "");
    solo.act(|endpoint, now| endpoint.update(now, id, Some(OFFER.replace("4000", "4444").into())));
    solo.log();
    redirect(&mut solo, &invite, 302, &["<sip:carol@192.0.2.1>"]);
    assert!(solo.log().contains("failed: that fork is over"));
    let second = solo.last("INVITE");
    assert_eq!(second.get("CSeq"), "2 INVITE");
    solo.respond(&second, 200, "carol", ANSWER);
    assert!(solo.log().contains("established"));
}

#[test]
fn a_prack_counts_from_the_invite_that_was_sent_again() {
    let mut solo = Solo::new();
    let (_, invite) = call(&mut solo, "sip:alice@192.0.2.1", 9);
    redirect(&mut solo, &invite, 302, &["<sip:carol@192.0.2.1>"]);
    let second = solo.last("INVITE");
    solo.receive(&response(&second, 183, "carol", ANSWER).add("Require", "100rel").add("RSeq", "1"));
    let prack = solo.last("PRACK");
    assert_eq!((prack.get("CSeq"), prack.get("RAck")), ("3 PRACK", "1 2 INVITE"));
}
