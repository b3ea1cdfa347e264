//! Credentials that are asked of the application, tokens (RFC 8898), and what is never shown. The test plays the servers.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use offhook_core::agent::UserAgent;
use offhook_core::auth::{Credential, Secret, Verifier, Why};
use offhook_core::control::{AgentConfig, Command, Control};
use offhook_core::endpoint::{Config, CredentialQuery, Endpoint, Event, Server};
use offhook_core::message::{Limits, Message};
use offhook_core::time::Instant;
use offhook_core::transport::Path;
use offhook_tests::endpoint::{ANSWER, Solo};
use offhook_tests::net::{Answerer, Conditions, Network};
use offhook_tests::sip::Text;
use offhook_tests::text::expect;
use serde_json::json;

const NOW: Instant = Instant::from_millis(0);
const BEARER: &str = r#"Bearer realm="example.com", authz_server="https://as.example.com", scope="sip""#;
const EXPIRED: &str = r#"Bearer realm="example.com", error="invalid_token""#;

fn solo(set: impl FnOnce(&mut Config)) -> Solo {
    Solo::with(|config| {
        config.server = Some(Server::parse("192.0.2.1").expect("a server"));
        config.ask_credentials = true;
        set(config);
    })
}

/// Connected over TLS.
fn over_tls(set: impl FnOnce(&mut Config)) -> Solo {
    let mut solo = solo(|config| {
        config.server = Some(Server::parse("sips:pbx.example.com").expect("a server"));
        set(config);
    });
    solo.act(Endpoint::connect);
    solo.connect(false);
    solo.log();
    solo
}

fn digest(verifier: &mut Verifier) -> String {
    verifier.challenges(NOW, false).remove(0)
}

fn challenge(solo: &mut Solo, request: &Text, value: &str) {
    solo.receive(&Text::response(&request.bytes(), 401, "r").add("WWW-Authenticate", value));
}

fn register(solo: &mut Solo) -> Text {
    solo.act(Endpoint::register);
    solo.last("REGISTER")
}

fn grant(solo: &mut Solo, request: &Text) {
    solo.receive(
        &Text::response(&request.bytes(), 200, "r").add("Contact", &format!("{};expires=300", request.get("Contact"))),
    );
}

/// The questions since the last look.
fn questions(solo: &mut Solo) -> Vec<(CredentialQuery, String, Why)> {
    let events = solo.events();
    let question = |event| match event {
        Event::CredentialsNeeded { query, request, .. } => Some((query, request.realm.to_string(), request.why)),
        _ => None,
    };
    events.into_iter().filter_map(question).collect()
}

#[track_caller]
fn question(solo: &mut Solo) -> (CredentialQuery, Why) {
    let questions = questions(solo);
    let [(query, _, why)] = &questions[..] else { panic!("{questions:?}") };
    (*query, *why)
}

fn give(solo: &mut Solo, query: CredentialQuery, credential: Option<Credential>) {
    solo.act(|endpoint, now| endpoint.credentials(now, query, credential)).expect("an open question");
}

fn is_right(verifier: &mut Verifier, request: &Text) -> bool {
    let Ok(Message::Request(request)) = Message::parse(request.bytes(), &Limits::default()) else {
        panic!("no request: {request:?}");
    };
    let lookup = &mut |user: &str| (user == "bob").then(|| Secret::Password("secret".into()));
    verifier.check(NOW, &request, false, lookup).is_ok()
}

#[test]
fn a_request_waits_for_the_password() {
    let (mut solo, mut verifier) = (solo(|_| {}), Verifier::new("example.com", "key"));
    let first = register(&mut solo);
    let value = digest(&mut verifier);
    challenge(&mut solo, &first, &value);
    let (query, why) = question(&mut solo);
    assert_eq!(why, Why::First);
    solo.at(20_000);
    assert_eq!(solo.times("REGISTER").len(), 1);
    give(&mut solo, query, Some(Credential::password("bob", "secret")));
    let second = solo.last("REGISTER");
    assert!(is_right(&mut verifier, &second));
    assert_eq!(second.get("CSeq"), "2 REGISTER");
    grant(&mut solo, &second);
    assert!(solo.log().ends_with("done: registered for 300 s\n"));
    // It is known now.
    let third = solo.until("REGISTER", 3);
    assert!(is_right(&mut verifier, &third));
}

#[test]
fn a_wrong_password_is_asked_for_again() {
    let (mut solo, mut verifier) = (solo(|_| {}), Verifier::new("example.com", "key"));
    let first = register(&mut solo);
    let value = digest(&mut verifier);
    challenge(&mut solo, &first, &value);
    let (query, _) = question(&mut solo);
    give(&mut solo, query, Some(Credential::password("bob", "wrong")));
    let second = solo.last("REGISTER");
    let value = digest(&mut verifier);
    challenge(&mut solo, &second, &value);
    let (query, why) = question(&mut solo);
    assert_eq!(why, Why::Rejected);
    give(&mut solo, query, None);
    expect(
        &solo.log(),
        r#"
            0  registration failed: 401 Unauthorized: wrong user name or password for "example.com"
            0  failed: 401 Unauthorized: wrong user name or password for "example.com"
        "#,
    );
    solo.finish();
}

#[test]
fn requests_that_want_the_same_share_a_question() {
    let (mut solo, mut verifier) = (solo(|_| {}), Verifier::new("example.com", "key"));
    let value = digest(&mut verifier);
    let first = register(&mut solo);
    challenge(&mut solo, &first, &value);
    for target in ["sip:a@example.com", "sip:b@example.com"] {
        solo.act(|endpoint, now| endpoint.options(now, target));
        let request = solo.last("OPTIONS");
        challenge(&mut solo, &request, &value);
    }
    let (query, _) = question(&mut solo);
    give(&mut solo, query, Some(Credential::password("bob", "secret")));
    assert_eq!((solo.times("REGISTER").len(), solo.times("OPTIONS").len()), (2, 4));
    assert!(is_right(&mut verifier, &solo.last("OPTIONS")));
    let again = solo.act(|endpoint, now| endpoint.credentials(now, query, None));
    assert!(again.is_err(), "it is not open any more");
}

#[test]
fn a_question_nobody_answers_ends_in_time() {
    let mut solo = solo(|config| config.credentials_timeout = Duration::from_secs(10));
    let first = register(&mut solo);
    let value = digest(&mut Verifier::new("example.com", "key"));
    challenge(&mut solo, &first, &value);
    let (query, _) = question(&mut solo);
    solo.at(9_999);
    assert_eq!(solo.log(), "");
    solo.at(10_000);
    expect(
        &solo.log(),
        r#"
            10000  registration failed: 401 Unauthorized: no credential for realm "example.com"
            10000  failed: 401 Unauthorized: no credential for realm "example.com"
        "#,
    );
    assert!(solo.act(|endpoint, now| endpoint.credentials(now, query, None)).is_err());
    solo.finish();
}

#[test]
fn a_call_that_waits_for_a_password_can_be_hung_up() {
    let mut solo = solo(|_| {});
    let (call, invite) = solo.call();
    let value = digest(&mut Verifier::new("example.com", "key"));
    challenge(&mut solo, &invite, &value);
    let (query, _) = question(&mut solo);
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    expect(
        &solo.log(),
        "
            0  ended (given up by this side)
            0  done
            0  over, by local, given up by this side: given up by this side
        ",
    );
    give(&mut solo, query, Some(Credential::password("bob", "secret")));
    assert_eq!(solo.times("INVITE").len(), 1);
    solo.finish();
}

#[test]
fn a_call_goes_on_with_the_password() {
    let (mut solo, mut verifier) = (solo(|_| {}), Verifier::new("example.com", "key"));
    let (_, invite) = solo.call();
    let value = digest(&mut verifier);
    challenge(&mut solo, &invite, &value);
    let (query, _) = question(&mut solo);
    give(&mut solo, query, Some(Credential::password("bob", "secret")));
    let second = solo.last("INVITE");
    assert!(is_right(&mut verifier, &second));
    solo.respond(&second, 200, "alice", ANSWER);
    assert_eq!(solo.last("ACK").get("Authorization"), second.get("Authorization"));
}

#[test]
fn a_shutdown_does_not_wait_for_a_password() {
    let mut solo = solo(|_| {});
    let first = register(&mut solo);
    let value = digest(&mut Verifier::new("example.com", "key"));
    challenge(&mut solo, &first, &value);
    question(&mut solo);
    solo.act(|endpoint, now| endpoint.shutdown(now, Duration::from_secs(2)));
    solo.at(2_000);
    assert!(solo.log().ends_with("stopped\n"));
}

#[test]
fn a_flood_of_realms_is_bounded() {
    let mut solo = solo(|_| {});
    for number in 0..200 {
        solo.act(|endpoint, now| endpoint.options(now, "sip:a@example.com"));
        let request = solo.last("OPTIONS");
        challenge(&mut solo, &request, &format!(r#"Digest realm="r{number}", nonce="n""#));
    }
    assert_eq!(questions(&mut solo).len(), 64);
    solo.finish();
}

// ---- tokens

// JsSIP#1051
#[test]
fn a_token_that_ran_out_is_refreshed() {
    let mut solo = over_tls(|config| config.credentials = vec![Credential::token("first")]);
    let request = register(&mut solo);
    challenge(&mut solo, &request, BEARER);
    let request = solo.last("REGISTER");
    assert_eq!(request.get("Authorization"), "Bearer first");
    grant(&mut solo, &request);
    let refresh = solo.until("REGISTER", 3);
    assert_eq!(refresh.get("Authorization"), "Bearer first", "sent ahead");
    solo.log();
    challenge(&mut solo, &refresh, EXPIRED);
    let (query, why) = question(&mut solo);
    assert_eq!(why, Why::Expired);
    give(&mut solo, query, Some(Credential::token("second")));
    let request = solo.last("REGISTER");
    assert_eq!(request.get("Authorization"), "Bearer second");
    grant(&mut solo, &request);
    assert!(solo.log().contains("registered for 300 s"));
    assert!(solo.endpoint.is_registered());
}

#[test]
fn a_token_is_not_sent_in_the_clear() {
    let token = |config: &mut Config| {
        config.ask_credentials = false;
        config.credentials = vec![Credential::token("secret-token")];
    };
    let mut plain = solo(token);
    let request = register(&mut plain);
    challenge(&mut plain, &request, BEARER);
    assert!(
        plain.log().contains("a token for realm \"example.com\" is not sent over a connection that is not encrypted")
    );
    assert_eq!(plain.times("REGISTER").len(), 1);

    let mut allowed = solo(|config| {
        token(config);
        config.allow_unprotected_tokens = true;
    });
    let request = register(&mut allowed);
    challenge(&mut allowed, &request, BEARER);
    assert_eq!(allowed.last("REGISTER").get("Authorization"), "Bearer secret-token");

    // To this machine, also from a browser, which tells no addresses.
    for (server, goes) in [("ws://localhost:8080", true), ("ws://127.0.0.1", true), ("ws://127.example.com", false)] {
        let mut local = solo(|config| {
            token(config);
            config.server = Some(Server::parse(server).expect("a server"));
        });
        local.act(Endpoint::register);
        assert_eq!(local.connect(true).remote, Path::UNKNOWN);
        let request = local.last("REGISTER");
        challenge(&mut local, &request, BEARER);
        assert_eq!(local.times("REGISTER").len() == 2, goes, "{server}");
    }
}

#[test]
fn a_credential_that_cannot_be_sent_is_refused_and_the_question_stays_open() {
    let mut solo = over_tls(|_| {});
    let request = register(&mut solo);
    challenge(&mut solo, &request, BEARER);
    let (query, _) = question(&mut solo);
    let bad = solo.act(|endpoint, now| endpoint.credentials(now, query, Some(Credential::token("a\r\nX: y"))));
    assert!(bad.is_err());
    assert_eq!(solo.times("REGISTER").len(), 1);
    give(&mut solo, query, Some(Credential::token("good")));
    assert_eq!(solo.last("REGISTER").get("Authorization"), "Bearer good");
}

// ---- servers that prove themselves

#[test]
fn a_registrar_that_does_not_know_the_password_is_not_believed() {
    let mut solo = solo(|config| config.credentials = vec![Credential::password("bob", "secret")]);
    let request = register(&mut solo);
    let value = digest(&mut Verifier::new("example.com", "key"));
    challenge(&mut solo, &request, &value);
    let second = solo.last("REGISTER");
    let info = r#"rspauth="00000000000000000000000000000000", qop=auth"#;
    solo.receive(&Text::response(&second.bytes(), 200, "r").add("Authentication-Info", info));
    assert!(solo.log().contains("failed: 200 OK: the server does not know the password it accepts"));
    assert!(!solo.endpoint.is_registered());
}

#[test]
fn a_call_answered_by_an_impostor_is_ended() {
    let mut solo = solo(|config| config.credentials = vec![Credential::password("bob", "secret")]);
    let (_, invite) = solo.call();
    let value = digest(&mut Verifier::new("example.com", "key"));
    challenge(&mut solo, &invite, &value);
    let second = solo.last("INVITE");
    solo.receive(
        &offhook_tests::endpoint::response(&second, 200, "alice", ANSWER).add("Authentication-Info", "rspauth=\"00\""),
    );
    assert_eq!(solo.last("BYE").get("Reason"), "SIP;cause=403;text=\"Wrong rspauth\"");
}

// ---- on the way to the application

/// A registrar that wants one token and says so.
fn token_server(accepts: &'static str) -> Answerer {
    Answerer::new(move |request| {
        let answer = |status| Text::response(&request.bytes(), status, "r");
        Some(match request.get("Authorization") {
            "" => answer(401).add("WWW-Authenticate", BEARER),
            token if token == accepts => answer(200).add("Contact", request.get("Contact")).add("Expires", "300"),
            _ => answer(401).add("WWW-Authenticate", EXPIRED),
        })
    })
}

/// What a person types in some time.
#[derive(Clone, Default)]
struct Typed(Arc<Mutex<(Option<Credential>, Option<Waker>)>>);

impl Typed {
    fn enter(&self, credential: Credential) {
        let mut typed = self.0.lock().expect("no panic");
        typed.0 = Some(credential);
        typed.1.take().expect("somebody waits").wake();
    }
}

impl Future for Typed {
    type Output = Option<Credential>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Credential>> {
        let mut typed = self.0.lock().expect("no panic");
        typed.1 = Some(cx.waker().clone());
        typed.0.take().map_or(Poll::Pending, |credential| Poll::Ready(Some(credential)))
    }
}

#[test]
fn a_future_of_the_application_gives_the_token() {
    let mut net = Network::new(1, Conditions::default());
    let mut config = Config::new("sip:alice@example.com").expect("a config");
    config.server = Some(Server::parse("10.0.0.2").expect("a server"));
    config.allow_unprotected_tokens = true;
    let (agent, engine) = UserAgent::new(config, [1; 32]);
    let (typed, asked) = (Typed::default(), Arc::new(Mutex::new(Vec::new())));
    let (reply, note) = (typed.clone(), asked.clone());
    agent.credentials(move |request| {
        note.lock().expect("no panic").push((request.realm.to_string(), request.why));
        reply.clone()
    });
    let node = net.add("alice", engine);
    net.bind_udp(node, 5060);
    let server = net.add("server", token_server("Bearer fresh"));
    net.bind_udp(server, 5060);
    let mut registering = Box::pin(agent.register());
    let mut poll = || registering.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(poll().is_pending());
    net.run_for(Duration::from_secs(5));
    assert_eq!(*asked.lock().expect("no panic"), [("example.com".to_owned(), Why::First)]);
    assert!(poll().is_pending());
    typed.enter(Credential::token("fresh"));
    net.run_for(Duration::from_millis(500));
    assert_eq!(poll(), Poll::Ready(Ok(Duration::from_secs(300))));
}

#[test]
fn nothing_secret_is_shown() {
    let mut config = AgentConfig::new("sip:bob@example.com");
    config.server = Some("192.0.2.1".into());
    config.password = Some("s3cret-password".into());
    config.token = Some("s3cret-token".into());
    config.allow_unprotected_tokens = true;
    config.ask_credentials = true;
    config.trace = true;
    let mut shown = format!("{config:?}");
    let command = json!({ "id": 1, "type": "credentials", "query": 1, "password": "s3cret-password", "token": "s3cret-token",
        "ha1": { "algorithm": "MD5", "realm": "r", "hex": "s3cret-hash" } });
    let command = Command::from_json(&command.to_string()).expect("a command");
    shown += &format!("{command:?}");
    let mut net = Network::new(1, Conditions::default());
    config.server = Some("10.0.0.2".into());
    let bob = net.add("bob", Control::new(config, [1; 32]).expect("an agent"));
    net.bind_udp(bob, 5060);
    let server = net.add("server", token_server("Bearer another"));
    net.bind_udp(server, 5060);
    let register = Command::from_json(r#"{ "id": 1, "type": "register" }"#).expect("a command");
    net.with(bob, |control, now| control.command(now, register));
    net.run_for(Duration::from_secs(1));
    let node = net.with(bob, |control, _| format!("{control:?}"));
    for (_, notification) in net.events(bob) {
        shown += &notification.to_json();
        shown += &format!("{notification:?}");
    }
    shown += &node;
    assert!(shown.contains("Authorization: Bearer ***"), "{shown}");
    assert!(shown.contains("credentialsNeeded") && shown.contains("expired"), "{shown}");
    assert!(!shown.contains("s3cret"), "{shown}");
}
