//! The registration (RFC 3261 10.2): with and without credentials, its lifetime, and what refuses or loses it. The test
//! plays the registrar.

use std::time::Duration;

use bytes::Bytes;
use offhook_core::auth::{Algorithm, Credential, Secret, Verifier};
use offhook_core::endpoint::{Config, Endpoint, Server};
use offhook_core::message::{Limits, Message, Request};
use offhook_core::time::Instant;
use offhook_core::transport::Machine;
use offhook_tests::endpoint::Solo;
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

const CONTACT: &str = "<sip:bob@192.0.2.9:5060>";

fn solo() -> Solo {
    Solo::with(|config| {
        config.server = Some(Server::parse("192.0.2.1").expect("a server"));
        config.credentials = vec![Credential::password("bob", "secret")];
    })
}

fn register(solo: &mut Solo) -> Text {
    solo.act(Endpoint::register);
    solo.last("REGISTER")
}

fn grant(solo: &mut Solo, request: &Text, expires: u32) {
    let contact = format!("{CONTACT};expires={expires}");
    solo.receive(&Text::response(&request.bytes(), 200, "r").add("Contact", &contact));
}

fn parsed(request: &Text) -> Request {
    match Message::parse(request.bytes(), &Limits::default()) {
        Ok(Message::Request(request)) => request,
        other => panic!("no request: {other:?}"),
    }
}

fn challenge(verifier: &mut Verifier, request: &Text) -> Text {
    let mut response = Text::response(&request.bytes(), 401, "r");
    for value in verifier.challenges(Instant::from_millis(0), false) {
        response = response.add("WWW-Authenticate", &value);
    }
    response
}

fn verify(verifier: &mut Verifier, request: &Text) -> Algorithm {
    let lookup = &mut |user: &str| (user == "bob").then(|| Secret::Password("secret".into()));
    verifier.check(Instant::from_millis(0), &parsed(request), false, lookup).expect("right credentials").algorithm
}

#[test]
fn a_registration_without_credentials() {
    let mut solo = solo();
    let request = register(&mut solo);
    assert_eq!(request.start, "REGISTER sip:example.com SIP/2.0");
    assert_eq!(request.get("To"), "<sip:bob@example.com>");
    assert!(request.get("From").starts_with("<sip:bob@example.com>;tag="));
    let contact = request.get("Contact").strip_prefix(CONTACT).expect("our address");
    let instance = contact
        .strip_prefix(";+sip.instance=\"<urn:uuid:")
        .and_then(|urn| urn.strip_suffix(">\";reg-id=1"))
        .expect(contact);
    assert_eq!((request.get("CSeq"), instance.len()), ("1 REGISTER", 36));
    assert!(request.get("Supported").ends_with(", path, outbound"), "{}", request.get("Supported"));
    assert_eq!((request.get("Expires"), request.get("Max-Forwards")), ("300", "70"));
    grant(&mut solo, &request, 300);
    expect(
        &solo.log(),
        "
            0  registering
            0  connected
            0  registered for 300 s
            0  done: registered for 300 s
        ",
    );
    assert!(solo.endpoint.is_registered());
}

#[test]
fn the_strongest_algorithm_is_answered() {
    use Algorithm::{Md5, Sha256};
    for (offered, used) in [
        (vec![Md5], Md5),
        (vec![Sha256], Sha256),
        (vec![Sha256, Md5], Sha256),
        (vec![Md5, Sha256], Sha256),
        (vec![Algorithm::Sha512_256, Md5], Algorithm::Sha512_256),
    ] {
        let mut solo = solo();
        let mut verifier = Verifier::new("example.com", "key").with_algorithms(&offered);
        let first = register(&mut solo);
        let response = challenge(&mut verifier, &first);
        solo.receive(&response);
        let second = solo.last("REGISTER");
        assert_eq!(verify(&mut verifier, &second), used, "{offered:?}");
        assert_eq!((second.get("CSeq"), second.get("Call-ID")), ("2 REGISTER", first.get("Call-ID")));
        assert_eq!(second.get("From"), first.get("From"));
        assert_ne!(second.get("Via"), first.get("Via"), "a new transaction");
        grant(&mut solo, &second, 300);
        assert!(solo.log().ends_with("done: registered for 300 s\n"));
    }
}

#[test]
fn a_refresh_brings_its_credentials_along() {
    let mut solo = solo();
    let mut verifier = Verifier::new("example.com", "key").with_lifetime(Duration::from_secs(3600));
    let first = register(&mut solo);
    let response = challenge(&mut verifier, &first);
    solo.receive(&response);
    let second = solo.last("REGISTER");
    verify(&mut verifier, &second);
    grant(&mut solo, &second, 300);
    let refresh = solo.until("REGISTER", 3);
    assert_eq!(refresh.get("CSeq"), "3 REGISTER");
    verify(&mut verifier, &refresh);
}

#[test]
fn a_wrong_password_fails_at_once() {
    let mut solo = Solo::with(|config| {
        config.server = Some(Server::parse("192.0.2.1").expect("a server"));
        config.credentials = vec![Credential::password("bob", "wrong")];
    });
    let mut verifier = Verifier::new("example.com", "key");
    let first = register(&mut solo);
    let response = challenge(&mut verifier, &first);
    solo.receive(&response);
    let second = solo.last("REGISTER");
    let response = challenge(&mut verifier, &second);
    solo.receive(&response);
    expect(
        &solo.log(),
        r#"
            0  registering
            0  connected
            0  registration failed: 401 Unauthorized: wrong user name or password for "example.com"
            0  failed: 401 Unauthorized: wrong user name or password for "example.com"
        "#,
    );
    solo.finish();
    assert_eq!(solo.times("REGISTER").len(), 2, "it is not tried again");
}

#[test]
fn a_realm_nobody_knows_is_not_answered() {
    let mut solo = Solo::with(|config| {
        config.server = Some(Server::parse("192.0.2.1").expect("a server"));
        config.credentials = vec![Credential::password("bob", "secret").for_realm("elsewhere.example")];
    });
    let request = register(&mut solo);
    let response = challenge(&mut Verifier::new("example.com", "key"), &request);
    solo.receive(&response);
    expect(
        &solo.log(),
        r#"
            0  registering
            0  connected
            0  registration failed: 401 Unauthorized: no credential for realm "example.com"
            0  failed: 401 Unauthorized: no credential for realm "example.com"
        "#,
    );
    solo.finish();
}

#[test]
fn an_interval_that_is_too_brief_is_raised() {
    let mut solo = solo();
    let first = register(&mut solo);
    solo.receive(&Text::response(&first.bytes(), 423, "r").add("Min-Expires", "1800"));
    let second = solo.last("REGISTER");
    assert_eq!((second.get("CSeq"), second.get("Expires")), ("2 REGISTER", "1800"));
    grant(&mut solo, &second, 1800);
    expect(
        &solo.log(),
        "
            0  registering
            0  connected
            0  registering
            0  registered for 1800 s
            0  done: registered for 1800 s
        ",
    );
}

#[test]
fn a_registrar_that_is_never_content_is_given_up() {
    let mut solo = solo();
    register(&mut solo);
    for minimum in ["600", "1200", "2400", "4800"] {
        let request = solo.last("REGISTER");
        solo.receive(&Text::response(&request.bytes(), 423, "r").add("Min-Expires", minimum));
    }
    assert_eq!(solo.times("REGISTER").len(), 4);
    expect(
        &solo.log(),
        "
            0  registering
            0  connected
            0  registering
            0  registering
            0  registering
            0  registration failed: 423 Whatever
            0  failed: 423 Whatever
        ",
    );
    solo.finish();

    let mut solo = self::solo();
    let request = register(&mut solo);
    solo.receive(&Text::response(&request.bytes(), 423, "r").add("Min-Expires", "300"));
    assert!(solo.log().contains("failed: 423"), "what it asks for was given");
    solo.finish();
}

#[test]
fn a_refresh_comes_in_time() {
    for expires in [60_u64, 300, 3600] {
        let mut solo = solo();
        let request = register(&mut solo);
        grant(&mut solo, &request, expires as u32);
        solo.at(expires * 1000);
        let again = solo.times("REGISTER")[1];
        assert!((expires * 800..expires * 900).contains(&again), "{again} of {expires} s");
    }
}

#[test]
fn a_list_of_contacts_as_long_as_a_message_may_be_is_read() {
    let mut solo = solo();
    let request = register(&mut solo);
    let others: Vec<String> =
        (0..1000).map(|n| format!("<sip:bob@198.51.100.7:{}>;expires=3000", 10_000 + n)).collect();
    let others = others.join(", ");
    assert!(others.len() > 40_000, "{}", others.len());
    let response = Text::response(&request.bytes(), 200, "r")
        .add("Contact", &others)
        .add("Contact", "<sip:bob@192.0.2.9:5060>;expires=120");
    solo.receive(&response);
    assert!(solo.log().ends_with("done: registered for 120 s\n"), "{}", solo.log());
}

#[test]
fn the_lifetime_is_that_of_our_own_contact() {
    let mut solo = solo();
    let request = register(&mut solo);
    let response = Text::response(&request.bytes(), 200, "r")
        .add("Contact", "<sip:bob@198.51.100.7>;expires=3000, <sip:bob@198.51.100.8>;expires=20")
        .add("Contact", "\"Bob\" <sip:bob@192.0.2.9>;q=0.5;expires=77, <sip:bob@192.0.2.9:5060>;expires=120")
        .add("Expires", "900");
    solo.receive(&response);
    assert!(solo.log().ends_with("done: registered for 120 s\n"));

    let request = solo.until("REGISTER", 2);
    solo.receive(&Text::response(&request.bytes(), 200, "r").add("Expires", "900"));
    assert!(solo.log().ends_with("registered for 900 s\n"), "no contact: that of the whole answer");
}

#[test]
fn an_unregistration() {
    let mut solo = solo();
    let first = register(&mut solo);
    grant(&mut solo, &first, 300);
    solo.log();
    solo.at(1000);
    solo.act(Endpoint::unregister);
    let second = solo.last("REGISTER");
    assert_eq!((second.get("Expires"), second.get("CSeq")), ("0", "2 REGISTER"));
    assert_eq!((second.get("Contact"), second.get("Call-ID")), (first.get("Contact"), first.get("Call-ID")));
    solo.receive(&Text::response(&second.bytes(), 200, "r"));
    expect(
        &solo.log(),
        "
            1000  unregistered
            1000  done
        ",
    );
    solo.act(Endpoint::unregister);
    expect(
        &solo.log(),
        "
            1000  done
        ",
    );
    solo.finish();
}

#[test]
fn wishes_that_cross_all_come_to_their_end() {
    let mut solo = solo();
    let first = register(&mut solo);
    solo.act(Endpoint::unregister); // while the first is on its way
    expect(
        &solo.log(),
        "
            0  registering
            0  connected
            0  failed: given up by this side
        ",
    );
    grant(&mut solo, &first, 300);
    let second = solo.last("REGISTER");
    assert_eq!(second.get("Expires"), "0");
    solo.act(Endpoint::register); // while the second is on its way
    solo.receive(&Text::response(&second.bytes(), 200, "r"));
    let third = solo.last("REGISTER");
    assert_eq!((third.get("Expires"), third.get("CSeq")), ("300", "3 REGISTER"));
    grant(&mut solo, &third, 300);
    expect(
        &solo.log(),
        "
            0  unregistered
            0  done
            0  registering
            0  registered for 300 s
            0  done: registered for 300 s
        ",
    );
}

#[test]
fn what_is_taken_back_while_it_fails_is_not_registered() {
    let mut solo = solo();
    let request = register(&mut solo);
    solo.act(Endpoint::unregister);
    solo.receive(&Text::response(&request.bytes(), 500, "r"));
    expect(
        &solo.log(),
        "
            0  registering
            0  connected
            0  failed: given up by this side
            0  unregistered
            0  done
        ",
    );
    solo.finish();
}

#[test]
fn a_refusal_is_not_tried_again() {
    let mut solo = solo();
    let request = register(&mut solo);
    solo.receive(&Text::response(&request.bytes(), 403, "r"));
    expect(
        &solo.log(),
        "
            0  registering
            0  connected
            0  registration failed: 403 Whatever
            0  failed: 403 Whatever
        ",
    );
    solo.finish();
}

#[test]
fn a_lost_registration_is_made_again() {
    let mut solo = solo();
    let request = register(&mut solo);
    grant(&mut solo, &request, 60);
    let refresh = solo.until("REGISTER", 2);
    solo.log();
    solo.receive(&Text::response(&refresh.bytes(), 503, "r").add("Retry-After", "7"));
    let again = solo.until("REGISTER", 3);
    grant(&mut solo, &again, 60);
    let sent = solo.times("REGISTER");
    assert_eq!(sent[2] - sent[1], 7000, "when the registrar said");
    expect(
        &solo.log(),
        "
            53214  registration failed: 503 Whatever
            60214  registering
            60214  registered for 60 s
        ",
    );
}

#[test]
fn a_lost_register_is_sent_again() {
    let mut solo = solo();
    register(&mut solo);
    solo.at(3400);
    assert_eq!(solo.times("REGISTER"), [0, 500, 1500]);
    let request = solo.last("REGISTER");
    grant(&mut solo, &request, 300);
    solo.at(30_000);
    assert_eq!(solo.times("REGISTER").len(), 3);
}

#[test]
fn a_dead_server_is_given_up_after_32_seconds() {
    let mut solo = solo();
    register(&mut solo);
    solo.at(31_999);
    solo.log();
    solo.at(32_000);
    expect(
        &solo.log(),
        "
            32000  registration failed: no answer in time (timer F)
            32000  failed: no answer in time (timer F)
        ",
    );
    solo.finish();
}

#[test]
fn a_server_that_dies_later_is_asked_again_and_again_but_ever_less() {
    let mut solo = solo();
    let request = register(&mut solo);
    grant(&mut solo, &request, 60);
    solo.at(1_000_000);
    // The tries themselves take 32 s each; the waits between them double from 2 s and have up to a half more.
    let starts: Vec<u64> = tries(&solo);
    let waits: Vec<u64> = starts.windows(2).skip(1).map(|pair| pair[1] - pair[0] - 32_000).collect();
    for (number, wait) in waits.iter().enumerate() {
        let base = (2000 << number).min(120_000);
        assert!((base..=base * 3 / 2).contains(wait), "wait {number} was {wait} ms of {waits:?}");
    }
}

/// When each REGISTER that is no retransmission was sent.
fn tries(solo: &Solo) -> Vec<u64> {
    let mut starts = Vec::new();
    for at in solo.times("REGISTER") {
        if starts.last().is_none_or(|last| at - last >= 32_000) {
            starts.push(at);
        }
    }
    starts
}

#[test]
fn a_user_name_and_realm_come_back_as_they_are_meant() {
    let mut solo = Solo::with(|config: &mut Config| {
        config.server = Some(Server::parse("192.0.2.1").expect("a server"));
        config.credentials = vec![Credential::password("bob \"b\"", "secret")];
    });
    let request = register(&mut solo);
    let challenge = "Digest realm=\"a \\\"realm\\\"\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256";
    solo.receive(&Text::response(&request.bytes(), 401, "r").add("WWW-Authenticate", challenge));
    let value = solo.last("REGISTER").get("Authorization").to_owned();
    assert!(value.starts_with("Digest username=\"bob \\\"b\\\"\", realm=\"a \\\"realm\\\"\", nonce=\"n\""), "{value}");
    assert!(Bytes::from(value).is_ascii());
}

#[test]
fn a_day_of_registrations_is_quiet() {
    let mut solo = solo();
    let request = register(&mut solo);
    grant(&mut solo, &request, 300);
    solo.log();
    let timers = solo.endpoint.census().timers;
    let mut answered = 1;
    while let Some(due) = solo.endpoint.poll_timeout().filter(|due| due.as_millis() <= 86_400_000) {
        solo.at(due.as_millis());
        if solo.times("REGISTER").len() > answered {
            answered += 1;
            let request = solo.last("REGISTER");
            assert_eq!(request.get("CSeq"), format!("{answered} REGISTER"));
            grant(&mut solo, &request, 300);
        }
    }
    let times = solo.times("REGISTER");
    assert!(times.windows(2).all(|pair| (240_000..=270_000).contains(&(pair[1] - pair[0]))), "{times:?}");
    assert!(times.len() > 320 && times.last() > Some(&86_000_000), "{}", times.len());
    assert_eq!(solo.sent().len(), times.len(), "nothing else is sent");
    assert!(solo.log().lines().all(|line| line.ends_with("registered for 300 s")), "and nothing else is told");
    assert_eq!(solo.endpoint.census().timers, timers);
    solo.act(Endpoint::unregister);
    let request = solo.last("REGISTER");
    solo.receive(&Text::response(&request.bytes(), 200, "r"));
    solo.finish();
}
