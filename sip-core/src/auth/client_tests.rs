use super::*;
use crate::auth::ha1;
use crate::auth::testing::unauthorized;

const URI: &str = "sip:example.com";

fn client() -> DigestClient {
    DigestClient::new(vec![Credential::password("alice", "secret")])
}

fn put(client: &mut DigestClient, values: &[(bool, &str)], attempt: &mut Attempt) -> Result<(), AuthError> {
    client.challenged(&unauthorized(values), attempt)
}

fn go(client: &mut DigestClient, attempt: &mut Attempt) -> Vec<(Name, String)> {
    let mut number = 0;
    client.authorize(attempt, "REGISTER", URI, b"", &mut || {
        number += 1;
        number
    })
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
    assert_eq!(client.authorize(&mut Attempt::default(), "INVITE", "sip:bob@example.net", b"", &mut || 1), []);
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
        (false, r#"Bearer realm="r""#),
        (false, r#"Digest realm="r", nonce="n", qop="auth", algorithm=MD5"#),
        (false, r#"Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256"#),
    ];
    let mut client = client();
    let mut attempt = Attempt::default();
    put(&mut client, &challenges, &mut attempt).unwrap();
    assert_eq!(value(&go(&mut client, &mut attempt), "algorithm"), "SHA-256");

    // A stored MD5 HA1 can answer the MD5 challenge only.
    let stored = ha1(Algorithm::Md5, "alice", "r", "secret");
    let mut client = DigestClient::new(vec![Credential::ha1("alice", "r", Algorithm::Md5, stored)]);
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

    let mut strict = super::tests::client().with_minimum(Algorithm::Sha256);
    assert_eq!(put(&mut strict, &weaker, &mut Attempt::default()), Err(refused));
}

#[test]
fn one_request_answers_401_and_407_of_several_realms() {
    let mut client = DigestClient::new(vec![
        Credential::password("anyone", "a"),
        Credential::password("alice", "b").for_realm("home"),
    ]);
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
    // Later requests elsewhere carry the proxies' only.
    let later = client.authorize(&mut Attempt::default(), "BYE", "sip:bob@192.0.2.1", b"", &mut || 7);
    assert_eq!(later.len(), 2);
}

#[test]
fn a_realm_without_credential_does_not_hinder_the_others() {
    let mut client = DigestClient::new(vec![Credential::password("alice", "b").for_realm("home")]);
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
