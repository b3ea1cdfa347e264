//! Challenges of requests that make or use a call (RFC 3261 22): each is answered with right credentials, the next CSeq
//! and a new branch; an ACK repeats those of its INVITE. The test plays the peers.

use offhook_core::auth::{Credential, Qop, Refusal, Secret, Verifier};
use offhook_core::endpoint::{CallId, Endpoint};
use offhook_core::message::{Limits, Message};
use offhook_core::time::Instant;
use offhook_tests::endpoint::{ANSWER, OFFER, Solo, response};
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

const NOW: Instant = Instant::from_millis(0);

fn solo() -> Solo {
    Solo::with(|config| config.credentials = vec![Credential::password("bob", "secret")])
}

/// The peer challenges a request, as a server or a proxy.
fn challenge(solo: &mut Solo, verifier: &mut Verifier, request: &Text, status: u16) {
    let name = if status == 407 { "Proxy-Authenticate" } else { "WWW-Authenticate" };
    let tag = if request.get("To").contains(";tag=") { "" } else { "challenger" };
    let mut response = Text::response(&request.bytes(), status, tag);
    for value in verifier.challenges(NOW, false) {
        response = response.add(name, &value);
    }
    solo.receive(&response);
}

fn verify(verifier: &mut Verifier, request: &Text, status: u16) {
    let Ok(Message::Request(request)) = Message::parse(request.bytes(), &Limits::default()) else {
        panic!("no request: {request:?}");
    };
    let lookup = &mut |user: &str| (user == "bob").then(|| Secret::Password("secret".into()));
    verifier.check(NOW, &request, status == 407, lookup).expect("right credentials");
}

fn branch(request: &Text) -> String {
    request.get("Via").split("branch=").nth(1).unwrap_or_default().to_owned()
}

#[test]
fn an_invite_is_sent_again_with_credentials_and_its_ack_repeats_them() {
    for status in [401, 407] {
        let (mut solo, mut verifier) = (solo(), Verifier::new("a realm", "key"));
        let (call, first) = solo.call();
        challenge(&mut solo, &mut verifier, &first, status);
        assert_eq!(branch(&solo.last("ACK")), branch(&first), "the ACK of a refusal is of its transaction");
        let second = solo.last("INVITE");
        verify(&mut verifier, &second, status);
        assert_eq!(second.get("CSeq"), "2 INVITE");
        for same in ["From", "To", "Call-ID"] {
            assert_eq!(second.get(same), first.get(same));
        }
        assert_ne!(branch(&second), branch(&first));
        assert_eq!(second.body, OFFER);
        solo.respond(&second, 200, "alice", ANSWER);
        let ack = solo.last("ACK");
        let name = if status == 407 { "Proxy-Authorization" } else { "Authorization" };
        assert_eq!(ack.get(name), second.get(name));
        assert!(!ack.get(name).is_empty());
        assert_eq!(ack.get("CSeq"), "2 ACK");
        solo.act(|endpoint, now| endpoint.hangup(now, call, None));
        assert_eq!(solo.last("BYE").get("CSeq"), "3 BYE", "raised above the retry");
    }
}

#[test]
fn a_proxy_and_then_the_server_may_both_ask() {
    let mut solo = solo();
    let (mut proxy, mut server) = (Verifier::new("proxy", "key"), Verifier::new("server", "key"));
    let (_, first) = solo.call();
    challenge(&mut solo, &mut proxy, &first, 407);
    let second = solo.last("INVITE");
    verify(&mut proxy, &second, 407);
    challenge(&mut solo, &mut server, &second, 401);
    let third = solo.last("INVITE");
    verify(&mut proxy, &third, 407);
    verify(&mut server, &third, 401);
    assert_eq!(third.get("CSeq"), "3 INVITE");
    solo.respond(&third, 200, "alice", ANSWER);
    let ack = solo.last("ACK");
    assert!(!ack.get("Authorization").is_empty() && !ack.get("Proxy-Authorization").is_empty());
}

#[test]
fn where_only_auth_int_is_offered_the_body_is_proven_as_it_is_sent() {
    let (mut solo, mut verifier) = (solo(), Verifier::new("a realm", "key").with_qops(&[Qop::AuthInt]));
    let (_, first) = solo.call();
    challenge(&mut solo, &mut verifier, &first, 407);
    let second = solo.last("INVITE");
    assert!(second.get("Proxy-Authorization").contains("qop=auth-int") && second.body == OFFER);
    verify(&mut verifier, &second, 407);
    let rewritten = second.clone().sdp(&second.body.replace("4000", "4002"));
    let Ok(Message::Request(rewritten)) = Message::parse(rewritten.bytes(), &Limits::default()) else {
        panic!("a request")
    };
    let lookup = &mut |_: &str| Some(Secret::Password("secret".into()));
    assert_eq!(verifier.check(NOW, &rewritten, true, lookup).err(), Some(Refusal::Denied));
}

#[test]
fn wrong_credentials_end_the_call() {
    let mut solo = Solo::with(|config| config.credentials = vec![Credential::password("bob", "wrong")]);
    let mut verifier = Verifier::new("a realm", "key");
    let (_, first) = solo.call();
    challenge(&mut solo, &mut verifier, &first, 401);
    let second = solo.last("INVITE");
    challenge(&mut solo, &mut verifier, &second, 401);
    expect(
        &solo.log(),
        r#"
            0  calling (INVITE sent)
            0  ended (401 Unauthorized)
            0  over, by remote, 401 Unauthorized: 401 Unauthorized: wrong user name or password for "a realm"
        "#,
    );
    solo.finish();
}

#[test]
fn without_credentials_a_challenge_ends_the_call() {
    let mut solo = Solo::new();
    let (_, first) = solo.call();
    challenge(&mut solo, &mut Verifier::new("a realm", "key"), &first, 407);
    expect(
        &solo.log(),
        r#"
            0  calling (INVITE sent)
            0  ended (407 Proxy Authentication Required)
            0  over, by remote, 407 Proxy Authentication Required: 407 Proxy Authentication Required: no credential for realm "a realm"
        "#,
    );
    solo.finish();
}

#[test]
fn a_call_that_is_being_cancelled_is_not_tried_again() {
    let mut solo = solo();
    let (call, first) = solo.call();
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    challenge(&mut solo, &mut Verifier::new("a realm", "key"), &first, 401);
    expect(
        &solo.log(),
        "
            0  calling (INVITE sent)
            0  ending (CANCEL sent)
            0  ended (401 Whatever)
            0  done
            0  over, by local, 401 Whatever: given up by this side
        ",
    );
    assert_eq!(solo.times("INVITE").len(), 1);
    solo.finish();
}

/// Sends a request within an established call, challenges it, and gives it and its next try.
fn within(solo: &mut Solo, what: &str, act: impl FnOnce(&mut Endpoint, Instant, CallId)) -> (Text, Text) {
    let (call, _) = solo.established();
    solo.act(|endpoint, now| act(endpoint, now, call));
    let first = solo.last(what);
    let mut verifier = Verifier::new("a realm", "key");
    challenge(solo, &mut verifier, &first, 407);
    let second = solo.last(what);
    verify(&mut verifier, &second, 407);
    assert_eq!((first.get("CSeq"), second.get("CSeq")), (&*format!("2 {what}"), &*format!("3 {what}")));
    assert_eq!(second.get("To"), first.get("To"));
    (first, second)
}

#[test]
fn a_bye_is_sent_again_with_credentials() {
    let mut solo = solo();
    let (_, second) = within(&mut solo, "BYE", |endpoint, now, call| {
        endpoint.hangup(now, call, Some("SIP;cause=200"));
    });
    assert_eq!(second.get("Reason"), "SIP;cause=200");
    solo.receive(&Text::response(&second.bytes(), 200, ""));
    assert!(solo.log().contains("over, by local"));
    solo.finish();
}

#[test]
fn a_re_invite_is_sent_again_with_credentials_and_its_ack_repeats_them() {
    let mut solo = solo();
    let (_, second) = within(&mut solo, "INVITE", |endpoint, now, call| {
        endpoint.renegotiate(now, call, OFFER.into());
    });
    solo.receive(&response(&second, 200, "", ANSWER));
    let ack = solo.last("ACK");
    assert_eq!(ack.get("Proxy-Authorization"), second.get("Proxy-Authorization"));
    assert_eq!(ack.get("CSeq"), "3 ACK");
    assert!(solo.log().contains("done: negotiated with sdp"));
}

#[test]
fn an_info_that_was_challenged_counts_for_what_follows() {
    let mut solo = solo();
    let mut id = None;
    let (_, second) = within(&mut solo, "INFO", |endpoint, now, call| {
        endpoint.dtmf(now, call, '1', 100);
        id = Some(call);
    });
    solo.receive(&Text::response(&second.bytes(), 200, ""));
    let call = id.expect("a call");
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    assert_eq!(solo.last("BYE").get("CSeq"), "4 BYE");
    assert!(!solo.last("BYE").get("Proxy-Authorization").is_empty(), "the proxy need not ask again");
}
