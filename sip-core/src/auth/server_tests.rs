use super::*;
use crate::auth::testing::unauthorized;
use crate::auth::{Attempt, AuthClient, Credential, Sending, ha1};
use proptest::prelude::*;

const NOW: Instant = Instant::from_millis(1_700_000_000_000);

fn lookup(username: &str) -> Option<Secret> {
    (username == "alice").then(|| Secret::Password("secret".into()))
}

fn verify(verifier: &mut Verifier, now: Instant, value: &str, body: &[u8]) -> Result<Verified, Refusal> {
    let list = value.strip_prefix("Digest ").unwrap();
    verifier.verify_params(now, AuthParams::new(list), "MESSAGE", body, &mut lookup)
}

fn answer(client: &mut AuthClient, challenges: &[String], body: &[u8]) -> String {
    let mut attempt = Attempt::default();
    let challenges: Vec<(bool, &str)> = challenges.iter().map(|value| (false, &**value)).collect();
    let request = Sending { method: "MESSAGE", uri: "sip:bob@example.com", call_id: "c", body, protected: true };
    client.challenged(&unauthorized(&challenges), &request, &mut attempt).unwrap();
    let mut number = 0;
    let mut fields = client.authorize(&mut attempt, &request, &mut || {
        number += 7;
        number
    });
    fields.pop().unwrap().1.reveal().to_owned()
}

fn client(password: &str) -> AuthClient {
    AuthClient::new(vec![Credential::password("alice", password)], "")
}

#[test]
fn client_and_server_agree_on_every_algorithm_and_qop() {
    for algorithm in Algorithm::ALL {
        for qop in [Qop::None, Qop::Auth, Qop::AuthInt] {
            let mut verifier = Verifier::new("r", "key").with_algorithms(&[algorithm]).with_qops(&[qop]);
            let value = answer(&mut client("secret"), &verifier.challenges(NOW, false), b"hello");
            let verified = verify(&mut verifier, NOW, &value, b"hello").unwrap();
            assert_eq!((&*verified.username, verified.algorithm), ("alice", algorithm));
            let tampered = verify(&mut verifier, NOW, &value, b"bye");
            match qop {
                Qop::None => assert!(tampered.is_ok()),
                Qop::Auth => assert_eq!(tampered, Err(Refusal::Stale), "the count was used"),
                Qop::AuthInt => assert_eq!(tampered, Err(Refusal::Denied), "the body is protected"),
            }
            let value = answer(&mut client("guess"), &verifier.challenges(NOW, false), b"");
            assert_eq!(verify(&mut verifier, NOW, &value, b""), Err(Refusal::Denied));
        }
    }
}

#[test]
fn a_stored_ha1_does_as_well() {
    let mut verifier = Verifier::new("r", "key");
    let value = answer(&mut client("secret"), &verifier.challenges(NOW, false), b"");
    let list = value.strip_prefix("Digest ").unwrap();
    let stored = Secret::Ha1(vec![(Algorithm::Sha256, ha1(Algorithm::Sha256, "alice", "r", "secret").into())]);
    let result = verifier.verify_params(NOW, AuthParams::new(list), "MESSAGE", b"", &mut |_| Some(stored.clone()));
    assert!(result.is_ok());
}

#[test]
fn nonces_expire_and_stale_is_said_to_the_rightful_only() {
    let mut verifier = Verifier::new("r", "key").with_lifetime(Duration::from_secs(10));
    let challenges = verifier.challenges(NOW, false);
    let (right, wrong) = (answer(&mut client("secret"), &challenges, b""), answer(&mut client("x"), &challenges, b""));
    let late = NOW + Duration::from_millis(10_001);
    assert_eq!(verify(&mut verifier, late, &right, b""), Err(Refusal::Stale));
    assert_eq!(verify(&mut verifier, late, &wrong, b""), Err(Refusal::Denied));
    assert!(verify(&mut verifier, NOW + Duration::from_secs(10), &right, b"").is_ok());

    // Another server's nonce, or one of ours before a restart.
    let mut other = Verifier::new("r", "other key");
    assert_eq!(verify(&mut other, NOW, &right, b""), Err(Refusal::Stale));
    assert!(verifier.challenges(NOW, true).iter().all(|challenge| challenge.ends_with("stale=true")));
}

#[test]
fn the_room_for_nonces_is_bounded() {
    let mut verifier = Verifier::new("r", "key");
    for number in 0..MAX_NONCES as u64 + 10 {
        assert!(verifier.use_count((NOW.as_millis(), number), 1, NOW));
    }
    assert_eq!(verifier.used.len(), MAX_NONCES);
    assert!(!verifier.use_count((NOW.as_millis(), 3), 2, NOW), "what was forgotten is not taken for new");
    assert!(verifier.use_count((NOW.as_millis(), 500), 2, NOW));
    assert!(!verifier.use_count((NOW.as_millis(), 500), 2, NOW));
    verifier.use_count((NOW.as_millis() + 400_000, 0), 1, NOW + Duration::from_secs(400));
    assert_eq!(verifier.used.len(), 1, "expired ones go");
}

#[test]
fn improper_parameters_are_named() {
    let mut verifier = Verifier::new("r", "key");
    let value = answer(&mut client("secret"), &verifier.challenges(NOW, false), b"");
    let bad = value.replace("nc=00000001", "nc=1");
    assert_eq!(verify(&mut verifier, NOW, &bad, b""), Err(Refusal::Malformed("nc")));
    let bad = value.replace("cnonce=", "x=");
    assert_eq!(verify(&mut verifier, NOW, &bad, b""), Err(Refusal::Malformed("cnonce")));
    let bad = value.replace("realm=\"r\"", "realm=\"s\"");
    assert_eq!(verify(&mut verifier, NOW, &bad, b""), Err(Refusal::Missing));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]
    #[test]
    fn any_realm_user_and_password_work(
        realm in "[\"\\\\ a-z,=é]{0,12}",
        user in "[\"\\\\ a-z,=é\t\n]{0,12}",
        password in "\\PC*",
        key in ".*",
    ) {
        let mut verifier = Verifier::new(&realm, key);
        let mut client = AuthClient::new(vec![Credential::password(user.clone(), password.clone())], "");
        let value = answer(&mut client, &verifier.challenges(NOW, false), b"");
        let list = value.strip_prefix("Digest ").unwrap();
        let mut secret = |name: &str| (name == user).then(|| Secret::Password(password.clone().into()));
        let verified = verifier.verify_params(NOW, AuthParams::new(list), "MESSAGE", b"", &mut secret).unwrap();
        prop_assert_eq!(verified.username, user);
        prop_assert_eq!(verified.uri, "sip:bob@example.com");
    }

    #[test]
    fn any_credentials_are_survived(list in ".*", nonce in "[0-9a-fé]{0,70}") {
        let mut verifier = Verifier::new("r", "key");
        let _ = verifier.verify_params(NOW, AuthParams::new(&list), "MESSAGE", b"", &mut lookup);
        verifier.stamp(&nonce);
    }
}
