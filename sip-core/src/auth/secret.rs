//! What the application knows about an account, kept out of logs.
use super::digest::{Algorithm, ha1};
use std::borrow::Cow;
use std::fmt;

/// Text that is never printed; its memory is overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> SecretText {
        SecretText(text)
    }
}

impl From<&str> for SecretText {
    fn from(text: &str) -> SecretText {
        SecretText(text.into())
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Drop for SecretText {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.0).into_bytes();
        bytes.fill(0);
        std::hint::black_box(&bytes); // keeps the compiler from leaving the write out
    }
}

/// A password, what a server may store in its place, or a token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Secret {
    /// The password itself; works with every algorithm and realm.
    Password(SecretText),
    /// H(username ":" realm ":" password) in hexadecimal, one for each base algorithm (see [`ha1`]). Works for that realm and
    /// those algorithms, and their `-sess` variants, only.
    Ha1(Vec<(Algorithm, SecretText)>),
    /// An access token, sent as it is (RFC 8898). It answers `Bearer` challenges only.
    Token(SecretText),
}

impl Secret {
    /// The HA1 for an algorithm; `None` if only other algorithms' are known.
    pub(super) fn ha1(&self, algorithm: Algorithm, username: &str, realm: &str) -> Option<Cow<'_, str>> {
        match self {
            Secret::Password(password) => Some(Cow::Owned(ha1(algorithm, username, realm, password.reveal()))),
            Secret::Ha1(known) => known
                .iter()
                .find(|(stored, _)| stored.base() == algorithm.base())
                .map(|(_, text)| Cow::Owned(text.reveal().to_ascii_lowercase())),
            Secret::Token(_) => None,
        }
    }

    pub(super) fn serves(&self, algorithm: Algorithm) -> bool {
        match self {
            Secret::Password(_) => true,
            Secret::Ha1(known) => known.iter().any(|(stored, _)| stored.base() == algorithm.base()),
            Secret::Token(_) => false,
        }
    }
}

/// A user name with its secret, for one realm or for any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The authentication user name; not used with a token.
    pub username: String,
    /// The realm this credential is for, compared exactly; `None` answers any realm that has no credential of its own. A
    /// token without a realm goes to our own servers only: to the realm of our domain, and to those that ask for it when
    /// we register.
    pub realm: Option<String>,
    /// The password or its stored form.
    pub secret: Secret,
}

impl Credential {
    /// A user name and password for any realm.
    pub fn password(username: impl Into<String>, password: impl Into<SecretText>) -> Credential {
        Credential { username: username.into(), realm: None, secret: Secret::Password(password.into()) }
    }

    /// A user name and one stored HA1 (hexadecimal, see [`ha1`]) for a realm.
    pub fn ha1(
        username: impl Into<String>,
        realm: impl Into<String>,
        algorithm: Algorithm,
        ha1: impl Into<SecretText>,
    ) -> Credential {
        let secret = Secret::Ha1(vec![(algorithm, ha1.into())]);
        Credential { username: username.into(), realm: Some(realm.into()), secret }
    }

    /// An access token (RFC 8898).
    pub fn token(token: impl Into<SecretText>) -> Credential {
        Credential { username: String::new(), realm: None, secret: Secret::Token(token.into()) }
    }

    /// Whether it can be written into a request; else what is wrong with it, and where.
    pub(crate) fn check(&self) -> Result<(), (&'static str, usize, &'static str)> {
        match &self.secret {
            Secret::Token(token) => {
                let token = token.reveal();
                let body = token.trim_end_matches('=');
                let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
                match body.bytes().position(|byte| !allowed(byte)) {
                    Some(at) => Err(("token", at, "a token is letters, digits and -._~+/")),
                    None if body.is_empty() => Err(("token", 0, "an empty token")),
                    None => Ok(()),
                }
            }
            Secret::Ha1(known) => {
                for (algorithm, text) in known {
                    let hex = text.reveal();
                    if let Some(at) = hex.bytes().position(|byte| !byte.is_ascii_hexdigit()) {
                        return Err(("ha1", at, "no hexadecimal digit"));
                    }
                    if hex.len() != algorithm.digits() {
                        return Err(("ha1", hex.len(), "not as long as this algorithm's hash"));
                    }
                }
                Ok(())
            }
            Secret::Password(_) => Ok(()),
        }
    }

    /// Restricts the credential to a realm.
    #[must_use]
    pub fn for_realm(mut self, realm: impl Into<String>) -> Credential {
        self.realm = Some(realm.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_printed() {
        let credentials = [
            Credential::password("alice", "wonderland"),
            Credential::ha1("alice", "r", Algorithm::Md5, "deadbeef"),
            Credential::token("eyJhbGciOi"),
        ];
        let printed = format!("{credentials:?}");
        assert!(printed.contains("alice") && printed.contains("***"));
        assert!(!printed.contains("wonderland") && !printed.contains("deadbeef") && !printed.contains("eyJ"));
    }

    #[test]
    fn what_cannot_be_a_secret_is_named() {
        let check = |credential: Credential| credential.check().map_err(|(field, at, _)| (field, at));
        assert_eq!(check(Credential::token("abc.DEF-1~/+==")), Ok(()));
        assert_eq!(check(Credential::token("abc\r\nX: y")), Err(("token", 3)));
        assert_eq!(check(Credential::token("=")), Err(("token", 0)));
        assert_eq!(check(Credential::ha1("a", "r", Algorithm::Md5, "0".repeat(32))), Ok(()));
        assert_eq!(check(Credential::ha1("a", "r", Algorithm::Sha256, "0".repeat(32))), Err(("ha1", 32)));
        assert_eq!(check(Credential::ha1("a", "r", Algorithm::Md5, "xyz")), Err(("ha1", 0)));
    }

    #[test]
    fn a_stored_ha1_serves_its_own_algorithm_only() {
        let secret = Secret::Ha1(vec![(Algorithm::Sha256, "00".into())]);
        assert!(secret.serves(Algorithm::Sha256Sess));
        assert!(!secret.serves(Algorithm::Md5));
        assert_eq!(secret.ha1(Algorithm::Sha256, "a", "b").as_deref(), Some("00"));
        assert_eq!(secret.ha1(Algorithm::Md5, "a", "b"), None);
    }
}
