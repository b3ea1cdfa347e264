use super::*;
use crate::auth::digest::hash;
use crate::auth::testing::unauthorized;
use crate::auth::{Why, ha1};

const URI: &str = "sip:example.com";

fn client() -> AuthClient {
    AuthClient::new(vec![Credential::password("alice", "secret")], "example.com")
}

/// A request in a dialog of its own.
fn sending(method: &'static str, uri: &'static str, call_id: &'static str) -> Sending<'static> {
    Sending { method, uri, call_id, body: b"", protected: true }
}

const MESSAGE: Sending<'static> =
    Sending { method: "MESSAGE", uri: URI, call_id: "a-call", body: b"", protected: true };

fn put(client: &mut AuthClient, values: &[(bool, &str)], attempt: &mut Attempt) -> Result<(), AuthError> {
    client.challenged(&unauthorized(values), &MESSAGE, attempt).map(|verdict| assert_eq!(verdict, Verdict::Retry))
}

fn go(client: &mut AuthClient, attempt: &mut Attempt) -> Vec<(Name, String)> {
    let mut number = 0;
    let fields = client.authorize(attempt, &MESSAGE, &mut || {
        number += 1;
        number
    });
    fields.into_iter().map(|(name, value)| (name, value.reveal().to_owned())).collect()
}

fn value(fields: &[(Name, String)], name: &str) -> String {
    assert_eq!(fields.len(), 1, "{fields:?}");
    AuthParams::new(fields[0].1.strip_prefix("Digest ").unwrap()).get(name).unwrap().into_owned()
}

fn realm(name: &str) -> Box<str> {
    name.into()
}

#[test]
fn answers_and_then_goes_ahead_with_a_growing_count() {
    let mut client = client();
    let mut first = Attempt::default();
    assert_eq!(go(&mut client, &mut first), []);
    let challenge = r#"Digest realm="r", nonce="n1", qop="auth,auth-int", opaque="o\"o", algorithm=SHA-256"#;
    put(&mut client, &[(false, challenge)], &mut first).unwrap();
    let fields = go(&mut client, &mut first);
    assert_eq!(fields[0].0, Name::Authorization);
    assert_eq!(value(&fields, "nc"), "00000001");
    assert_eq!(value(&fields, "qop"), "auth");
    assert_eq!(value(&fields, "opaque"), "o\"o");
    assert_eq!(value(&fields, "cnonce"), "00000000000000010000000000000002");
    assert_eq!(value(&fields, "algorithm"), "SHA-256");

    let mut second = Attempt::default();
    assert_eq!(value(&go(&mut client, &mut second), "nc"), "00000002");
    // Another server's own realm is not answered ahead.
    assert_eq!(
        client.authorize(&mut Attempt::default(), &sending("INVITE", "sip:bob@example.net", "b"), &mut || 1),
        []
    );
}

#[test]
fn a_second_challenge_means_a_wrong_password() {
    let mut client = client();
    let mut attempt = Attempt::default();
    put(&mut client, &[(false, r#"Digest realm="r", nonce="n1", qop="auth""#)], &mut attempt).unwrap();
    go(&mut client, &mut attempt);
    let again = put(&mut client, &[(false, r#"Digest realm="r", nonce="n2", qop="auth""#)], &mut attempt);
    assert_eq!(again, Err(AuthError::Rejected { realm: realm("r") }));
    assert_eq!(go(&mut client, &mut attempt), []);
    assert_eq!(go(&mut client, &mut Attempt::default()), [], "refused credentials are not sent ahead");
}

#[test]
fn an_expired_nonce_is_not_a_wrong_password() {
    let mut client = client();
    let mut first = Attempt::default();
    put(&mut client, &[(false, r#"Digest realm="r", nonce="n1", qop="auth""#)], &mut first).unwrap();
    go(&mut client, &mut first);

    // Sent ahead with n1; the server has forgotten it, with and without saying stale.
    let mut second = Attempt::default();
    assert_eq!(value(&go(&mut client, &mut second), "nonce"), "n1");
    put(&mut client, &[(false, r#"Digest realm="r", nonce="n2", qop="auth""#)], &mut second).unwrap();
    let fields = go(&mut client, &mut second);
    assert_eq!((value(&fields, "nonce"), value(&fields, "nc")), ("n2".into(), "00000001".into()));
    put(&mut client, &[(false, r#"Digest realm="r", nonce="n3", qop="auth", stale=TRUE"#)], &mut second).unwrap();
    assert_eq!(value(&go(&mut client, &mut second), "nonce"), "n3");

    // The same nonce again, not stale: it was the password after all.
    let mut third = Attempt::default();
    go(&mut client, &mut third);
    let same = put(&mut client, &[(false, r#"Digest realm="r", nonce="n3", qop="auth""#)], &mut third);
    assert_eq!(same, Err(AuthError::Rejected { realm: realm("r") }));
}

#[test]
fn a_server_that_always_says_stale_is_given_up() {
    let mut client = client();
    let mut attempt = Attempt::default();
    let mut rounds = 0;
    let error = loop {
        match put(&mut client, &[(false, r#"Digest realm="r", nonce="n", stale=true"#)], &mut attempt) {
            Ok(()) => drop(go(&mut client, &mut attempt)),
            Err(error) => break error,
        }
        rounds += 1;
    };
    assert_eq!((error, rounds), (AuthError::TooManyRounds, MAX_ROUNDS));
}

// RFC 8760 2.4
#[test]
fn of_several_challenges_the_strongest_known_is_taken() {
    let challenges = [
        (false, r#"Digest realm="r", nonce="n", qop="auth", algorithm=SHA3-512"#),
        (false, r#"Negotiate realm="r""#),
        (false, r#"Digest realm="r", nonce="n", qop="auth", algorithm=MD5"#),
        (false, r#"Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256"#),
    ];
    let mut client = client();
    let mut attempt = Attempt::default();
    put(&mut client, &challenges, &mut attempt).unwrap();
    assert_eq!(value(&go(&mut client, &mut attempt), "algorithm"), "SHA-256");

    // A stored MD5 HA1 can answer the MD5 challenge only.
    let stored = ha1(Algorithm::Md5, "alice", "r", "secret");
    let mut client = AuthClient::new(vec![Credential::ha1("alice", "r", Algorithm::Md5, stored)], "");
    let mut attempt = Attempt::default();
    put(&mut client, &challenges, &mut attempt).unwrap();
    assert_eq!(value(&go(&mut client, &mut attempt), "algorithm"), "MD5");

    let error = put(&mut client, &challenges[..1], &mut Attempt::default());
    assert_eq!(error, Err(AuthError::Unsupported("SHA3-512".into())));
    assert_eq!(put(&mut client, &[], &mut Attempt::default()), Err(AuthError::NoChallenge));
}

#[test]
fn a_weaker_algorithm_than_before_is_refused() {
    let mut client = client();
    let mut attempt = Attempt::default();
    put(&mut client, &[(false, r#"Digest realm="r", nonce="n", algorithm=SHA-256"#)], &mut attempt).unwrap();
    go(&mut client, &mut attempt);
    let weaker = [(false, r#"Digest realm="r", nonce="m""#)];
    let refused = AuthError::Downgrade { realm: realm("r"), offered: Algorithm::Md5, required: Algorithm::Sha256 };
    assert_eq!(put(&mut client, &weaker, &mut Attempt::default()), Err(refused.clone()));

    let mut strict = super::tests::client().with_minimum(Some(Algorithm::Sha256));
    assert_eq!(put(&mut strict, &weaker, &mut Attempt::default()), Err(refused));
}

#[test]
fn one_request_answers_401_and_407_of_several_realms() {
    let credentials = vec![Credential::password("anyone", "a"), Credential::password("alice", "b").for_realm("home")];
    let mut client = AuthClient::new(credentials, "p1");
    let mut attempt = Attempt::default();
    let proxies =
        [(true, r#"Digest realm="p1", nonce="1", qop="auth""#), (true, r#"Digest realm="p2", nonce="2", qop="auth""#)];
    put(&mut client, &proxies, &mut attempt).unwrap();
    assert_eq!(go(&mut client, &mut attempt).len(), 2);
    put(&mut client, &[(false, r#"Digest realm="home", nonce="3", qop="auth""#)], &mut attempt).unwrap();
    let fields = go(&mut client, &mut attempt);
    let names: Vec<Name> = fields.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, [Name::ProxyAuthorization, Name::ProxyAuthorization, Name::Authorization]);
    assert!(fields[2].1.contains("\"alice\"") && fields[0].1.contains("\"anyone\""));
    // Later requests of the dialog carry all, those of other dialogs to other places our own proxy's only (22.3).
    let mut later = |call_id| {
        let request = sending("BYE", "sip:bob@192.0.2.1", call_id);
        client.authorize(&mut Attempt::default(), &request, &mut || 7).len()
    };
    assert_eq!((later("a-call"), later("another")), (3, 1));
}

#[test]
fn a_realm_without_credential_does_not_hinder_the_others() {
    let mut client = AuthClient::new(vec![Credential::password("alice", "b").for_realm("home")], "");
    let mut attempt = Attempt::default();
    let home = (false, r#"Digest realm="home", nonce="3", qop="auth""#);
    let other = (true, r#"Digest realm="away", nonce="3", qop="auth""#);
    put(&mut client, &[other, home], &mut attempt).unwrap();
    assert_eq!(go(&mut client, &mut attempt).len(), 1);
    let error = put(&mut client, &[other, home], &mut attempt);
    assert_eq!(error, Err(AuthError::Rejected { realm: realm("home") }));
    let error = put(&mut client, &[other], &mut Attempt::default());
    assert_eq!(error, Err(AuthError::NoCredential { realm: realm("away") }));
}

#[test]
fn the_next_nonce_is_taken_up_where_it_is_clear_whose_it_is() {
    let mut client = client();
    let mut attempt = Attempt::default();
    put(&mut client, &[(false, r#"Digest realm="r", nonce="n1", qop="auth""#)], &mut attempt).unwrap();
    go(&mut client, &mut attempt);
    client.next_nonce(true, AuthParams::new(r#"nextnonce="p""#), &attempt);
    client.next_nonce(false, AuthParams::new(r#"nextnonce="n2", qop=auth"#), &attempt);
    let fields = go(&mut client, &mut Attempt::default());
    assert_eq!((value(&fields, "nonce"), value(&fields, "nc")), ("n2".into(), "00000001".into()));
}

#[test]
fn old_servers_get_the_old_calculation() {
    let mut client = client();
    let mut attempt = Attempt::default();
    put(&mut client, &[(false, r#"Digest realm="r", nonce="n1""#)], &mut attempt).unwrap();
    let fields = go(&mut client, &mut attempt);
    for name in ["qop=", "cnonce=", "nc=", "algorithm=", "opaque="] {
        assert!(!fields[0].1.contains(name), "{fields:?}");
    }
}

#[test]
fn a_hashed_user_name_is_sent_where_asked() {
    let mut client = client();
    let mut attempt = Attempt::default();
    let challenge = r#"Digest realm="r", nonce="n1", qop="auth", algorithm=SHA-256, userhash=true"#;
    put(&mut client, &[(false, challenge)], &mut attempt).unwrap();
    let fields = go(&mut client, &mut attempt);
    assert_eq!(value(&fields, "username"), hash(Algorithm::Sha256, &["alice", ":", "r"]));
    assert_eq!(value(&fields, "userhash"), "true");
}

fn authorization(client: &mut AuthClient, request: &Sending<'_>) -> Option<String> {
    client.authorize(&mut Attempt::default(), request, &mut || 7).pop().map(|(_, value)| value.reveal().to_owned())
}

#[test]
fn a_user_name_that_cannot_be_quoted_is_sent_in_the_extended_notation() {
    let mut client = AuthClient::new(vec![Credential::password("a\tb", "secret")], "");
    let mut attempt = Attempt::default();
    put(&mut client, &[(false, r#"Digest realm="r", nonce="n1", qop="auth""#)], &mut attempt).unwrap();
    let fields = go(&mut client, &mut attempt);
    assert_eq!(value(&fields, "username*"), "UTF-8''a%09b");
}

// RFC 7616 3.5
#[test]
fn a_server_that_does_not_know_the_password_is_found_out() {
    let mut client = client();
    let mut attempt = Attempt::default();
    put(&mut client, &[(false, r#"Digest realm="r", nonce="n1", qop="auth-int", algorithm=SHA-256"#)], &mut attempt)
        .unwrap();
    let fields = go(&mut client, &mut attempt);
    let proof = crate::auth::digest::response(&crate::auth::digest::Input {
        algorithm: Algorithm::Sha256,
        qop: crate::auth::Qop::AuthInt,
        ha1: &ha1(Algorithm::Sha256, "alice", "r", "secret"),
        nonce: "n1",
        nc: "00000001",
        cnonce: &value(&fields, "cnonce"),
        method: "",
        uri: URI,
        body: b"hello",
    });
    let mut accepted = |rspauth: &str, body: &[u8]| {
        let text = format!("SIP/2.0 200 OK\r\nAuthentication-Info: {rspauth}\r\n\r\n");
        match crate::message::Message::parse(text.into(), &crate::message::Limits::default()) {
            Ok(crate::message::Message::Response(response)) => client.accepted(&response, body, &attempt),
            other => panic!("{other:?}"),
        }
    };
    let right = format!("rspauth=\"{}\", qop=auth-int", proof.to_uppercase());
    assert_eq!(accepted(&right, b"hello"), Ok(()));
    assert_eq!(accepted(&right, b"hullo"), Err(AuthError::Impostor), "the body is protected");
    assert_eq!(accepted("rspauth=\"00\", nextnonce=\"n2\"", b"hello"), Err(AuthError::Impostor));
    assert_eq!(accepted("nextnonce=\"n3\"", b"hello"), Ok(()), "a proof need not be given");
    let ahead = authorization(&mut client, &MESSAGE).unwrap();
    assert!(ahead.contains("\"n3\""), "{ahead}");
}

#[test]
fn strength_is_remembered_longer_than_the_realm() {
    let mut client = client();
    let strong = |name: usize| format!(r#"Digest realm="r{name}", nonce="n", algorithm=SHA-256"#);
    let weak = |name: usize| format!(r#"Digest realm="r{name}", nonce="n""#);
    let mut ask =
        |value: String| client.challenged(&unauthorized(&[(false, &value)]), &MESSAGE, &mut Attempt::default());
    for name in 0..40 {
        ask(strong(name)).unwrap();
    }
    assert!(matches!(ask(weak(3)), Err(AuthError::Downgrade { .. })));
    assert_eq!(ask(weak(40)), Ok(Verdict::Retry));
    for name in 41..1100 {
        ask(strong(name)).unwrap();
    }
    assert!(matches!(ask(weak(2000)), Err(AuthError::Downgrade { .. })), "what might have been forgotten is not weak");
}

// ---- tokens (RFC 8898)

const BEARER: (bool, &str) =
    (false, r#"Bearer realm="example.com", authz_server="https://as.example.com", scope="sip""#);

fn with_token() -> AuthClient {
    AuthClient::new(vec![Credential::token("abc.def")], "example.com")
}

#[test]
fn a_token_is_sent_where_it_is_asked_for_and_then_ahead() {
    let mut client = with_token();
    let mut attempt = Attempt::default();
    put(&mut client, &[BEARER], &mut attempt).unwrap();
    assert_eq!(go(&mut client, &mut attempt), [(Name::Authorization, "Bearer abc.def".into())]);
    assert_eq!(authorization(&mut client, &MESSAGE).as_deref(), Some("Bearer abc.def"));
    // In the clear neither ahead nor when asked.
    let open = Sending { protected: false, ..MESSAGE };
    assert_eq!(authorization(&mut client, &open), None);
    let error = client.challenged(&unauthorized(&[BEARER]), &open, &mut Attempt::default());
    assert_eq!(error, Err(AuthError::Unprotected { realm: realm("example.com") }));
}

#[test]
fn a_token_without_realm_is_for_our_own_servers() {
    let mut client = with_token();
    let stranger = (false, r#"Bearer realm="elsewhere", authz_server="https://evil.example""#);
    let refused = Err(AuthError::NoCredential { realm: realm("elsewhere") });
    assert_eq!(put(&mut client, &[stranger], &mut Attempt::default()), refused);
    // Who asks when we register is ours.
    let register = sending("REGISTER", URI, "r");
    let verdict = client.challenged(&unauthorized(&[stranger]), &register, &mut Attempt::default());
    assert_eq!(verdict, Ok(Verdict::Retry));
    put(&mut client, &[stranger], &mut Attempt::default()).unwrap();
}

#[test]
fn a_refused_token_says_why() {
    let mut client = with_token();
    let mut attempt = Attempt::default();
    put(&mut client, &[BEARER], &mut attempt).unwrap();
    go(&mut client, &mut attempt);
    let again = (false, r#"Bearer realm="example.com", error="invalid_token""#);
    let error = AuthError::TokenRejected { realm: realm("example.com"), error: "invalid_token".into() };
    assert_eq!(put(&mut client, &[again], &mut attempt), Err(error.clone()));
    assert_eq!(error.to_string(), "the token for \"example.com\" is not accepted: invalid_token");
    assert_eq!(authorization(&mut client, &MESSAGE), None, "it is not sent ahead any more");
}

#[test]
fn a_password_does_where_a_token_would_do_too() {
    let digest = (false, r#"Digest realm="example.com", nonce="n", algorithm=SHA-256"#);
    let mut client = client();
    let mut attempt = Attempt::default();
    put(&mut client, &[BEARER, digest], &mut attempt).unwrap();
    assert!(go(&mut client, &mut attempt)[0].1.starts_with("Digest "));
    let both = vec![Credential::password("alice", "secret"), Credential::token("abc")];
    let mut client = AuthClient::new(both, "example.com");
    let mut attempt = Attempt::default();
    put(&mut client, &[digest, BEARER], &mut attempt).unwrap();
    assert_eq!(go(&mut client, &mut attempt)[0].1, "Bearer abc");
    // The token is refused: now the password.
    put(&mut client, &[digest, BEARER], &mut attempt).unwrap();
    assert!(go(&mut client, &mut attempt)[0].1.starts_with("Digest "));
}

// ---- credentials that are asked for

fn asking() -> AuthClient {
    let mut client = AuthClient::new(Vec::new(), "example.com");
    client.set_asks(true);
    client
}

fn asked(client: &mut AuthClient, values: &[(bool, &str)], attempt: &mut Attempt) -> Vec<CredentialRequest> {
    match client.challenged(&unauthorized(values), &MESSAGE, attempt) {
        Ok(Verdict::Ask(requests)) => requests,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_missing_is_asked_for_realm_by_realm() {
    let mut client = asking();
    let mut attempt = Attempt::default();
    let digest = (false, r#"Digest realm="example.com", nonce="n", algorithm=SHA-256"#);
    let proxy = (true, r#"Digest realm="p", nonce="n""#);
    let requests = asked(&mut client, &[BEARER, digest, proxy], &mut attempt);
    assert_eq!(requests.len(), 2);
    let [server, other] = [&requests[0], &requests[1]];
    assert_eq!((&*server.realm, &*other.realm, server.proxy, other.proxy), ("example.com", "p", false, true));
    assert_eq!(server.schemes, [crate::auth::Scheme::Bearer, crate::auth::Scheme::Digest]);
    assert_eq!(
        (server.authz_server.as_deref(), server.scope.as_deref()),
        (Some("https://as.example.com"), Some("sip"))
    );
    assert_eq!((&*server.algorithms, server.why), (&[Algorithm::Sha256][..], Why::First));

    // One is known, the other nobody has: what can be answered is.
    client.provide("example.com", Credential::token("t1"));
    attempt.decline("p");
    client.resume(&MESSAGE, &mut attempt).unwrap();
    assert_eq!(go(&mut client, &mut attempt), [(Name::Authorization, "Bearer t1".into())]);
}

#[test]
fn a_token_that_ran_out_is_asked_for_anew() {
    let mut client = asking();
    client.provide("example.com", Credential::token("t1"));
    let mut attempt = Attempt::default();
    put(&mut client, &[BEARER], &mut attempt).unwrap();
    go(&mut client, &mut attempt);
    // Another request is under way with the same token.
    let mut second = Attempt::default();
    go(&mut client, &mut second);
    let expired = (false, r#"Bearer realm="example.com", error="invalid_token""#);
    assert_eq!(asked(&mut client, &[expired], &mut attempt)[0].why, Why::Expired);
    client.provide("example.com", Credential::token("t2"));
    client.resume(&MESSAGE, &mut attempt).unwrap();
    assert_eq!(go(&mut client, &mut attempt)[0].1, "Bearer t2");
    // It is refused for the old one only: no question.
    put(&mut client, &[expired], &mut second).unwrap();
    assert_eq!(go(&mut client, &mut second)[0].1, "Bearer t2");
}

#[test]
fn the_same_wrong_password_again_is_not_tried_again() {
    let mut client = asking();
    let mut attempt = Attempt::default();
    let challenge = |nonce: u32| format!(r#"Digest realm="r", nonce="n{nonce}", qop="auth""#);
    asked(&mut client, &[(false, &challenge(1))], &mut attempt);
    client.provide("r", Credential::password("alice", "wrong"));
    client.resume(&MESSAGE, &mut attempt).unwrap();
    go(&mut client, &mut attempt);
    assert_eq!(asked(&mut client, &[(false, &challenge(2))], &mut attempt)[0].why, Why::Rejected);
    client.provide("r", Credential::password("alice", "wrong"));
    assert_eq!(client.resume(&MESSAGE, &mut attempt), Err(AuthError::Rejected { realm: realm("r") }));
    client.provide("r", Credential::password("alice", "right"));
    put(&mut client, &[(false, &challenge(3))], &mut attempt).unwrap();
    assert_eq!(value(&go(&mut client, &mut attempt), "nonce"), "n3");
}
