//! The server's side: making challenges and checking what comes back.
use super::digest::{Algorithm, Input, Qop, hash, response};
use super::params::{push_hex, push_quoted, push_token, read_extended};
use super::secret::{Secret, SecretText};
use crate::message::{AuthParams, Credentials, Name, Request};
use crate::time::Instant;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

const TIME_DIGITS: usize = 12;
const STAMP_DIGITS: usize = 28;
const MAC_DIGITS: usize = 32;
const MAX_NONCES: usize = 65_536;

/// Challenges requests for one realm and verifies the answers (RFC 8760 2.3, RFC 7616 3.3 and 3.4).
///
/// A nonce carries the time it was made and a keyed hash over it, so challenging costs no memory and a flood of
/// unauthenticated requests cannot fill any. Only nonces that were used correctly are remembered, for their lifetime
/// and at most 65 536 of them, to see that each nonce count is used once.
#[derive(Clone, Debug)]
pub struct Verifier {
    realm: Box<str>,
    key: SecretText,
    algorithms: Vec<Algorithm>,
    qops: Vec<Qop>,
    lifetime: Duration,
    counter: u64,
    used: BTreeMap<Stamp, u32>,
    /// Nonces up to here were forgotten for lack of room and are stale.
    forgotten: Option<Stamp>,
}

type Stamp = (u64, u64);

/// Credentials that were right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Who it is.
    pub username: String,
    /// The `uri` parameter, which need not equal the Request-URI (RFC 8760 2.6, bullet 6); the caller decides.
    pub uri: String,
    /// The algorithm that was used.
    pub algorithm: Algorithm,
}

/// Why a request is not authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It carries no credentials for this realm: challenge it.
    #[error("no credentials for this realm")]
    Missing,
    /// The credentials are right but the nonce has expired or its count was used: challenge with `stale`.
    #[error("stale nonce")]
    Stale,
    /// Unknown user, wrong password, or an algorithm that was not offered: challenge again or answer 403.
    #[error("wrong user name or password")]
    Denied,
    /// A parameter is missing or improper: answer 400.
    #[error("improper {0} parameter")]
    Malformed(&'static str),
}

impl Verifier {
    /// A verifier that offers SHA-256 and MD5 with `qop=auth` and lets a nonce live five minutes. `key` is a secret
    /// only this server knows; verifiers that share it accept each other's nonces.
    pub fn new(realm: &str, key: impl Into<SecretText>) -> Verifier {
        Verifier {
            realm: realm.into(),
            key: key.into(),
            algorithms: vec![Algorithm::Sha256, Algorithm::Md5],
            qops: vec![Qop::Auth],
            lifetime: Duration::from_secs(300),
            counter: 0,
            used: BTreeMap::new(),
            forgotten: None,
        }
    }

    /// Sets the algorithms to offer, the preferred first.
    #[must_use]
    pub fn with_algorithms(mut self, algorithms: &[Algorithm]) -> Verifier {
        self.algorithms = algorithms.to_vec();
        self
    }

    /// Sets the qop values to offer. [`Qop::None`] among them also accepts credentials without qop, which cannot be
    /// protected against replay within the nonce's lifetime; alone it leaves the parameter out.
    #[must_use]
    pub fn with_qops(mut self, qops: &[Qop]) -> Verifier {
        self.qops = qops.to_vec();
        self
    }

    /// Sets how long a nonce may be used.
    #[must_use]
    pub fn with_lifetime(mut self, lifetime: Duration) -> Verifier {
        self.lifetime = lifetime;
        self
    }

    /// The realm.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// The values of the WWW-Authenticate or Proxy-Authenticate fields of a 401 or 407, one for each algorithm, in
    /// the order they must have. `stale` says that the refused credentials were right ([`Refusal::Stale`]).
    pub fn challenges(&mut self, now: Instant, stale: bool) -> Vec<String> {
        let nonce = self.new_nonce(now);
        let mut qops = String::new();
        for name in self.qops.iter().filter_map(|qop| qop.as_str()) {
            if !qops.is_empty() {
                qops.push(',');
            }
            qops.push_str(name);
        }
        let challenge = |algorithm: &Algorithm| {
            let mut out = String::with_capacity(192);
            out.push_str("Digest ");
            push_quoted(&mut out, "realm", &self.realm);
            push_quoted(&mut out, "nonce", &nonce);
            push_token(&mut out, "algorithm", algorithm.as_str());
            if !qops.is_empty() {
                push_quoted(&mut out, "qop", &qops);
            }
            if stale {
                push_token(&mut out, "stale", "true");
            }
            out
        };
        self.algorithms.iter().map(challenge).collect()
    }

    /// The value of an Authentication-Info field that gives the client its next nonce (RFC 7616 3.5).
    pub fn next_nonce(&mut self, now: Instant) -> String {
        let nonce = self.new_nonce(now);
        let mut out = String::new();
        push_quoted(&mut out, "nextnonce", &nonce);
        out
    }

    /// Checks the Authorization (or, for a proxy, Proxy-Authorization) fields of a request. `lookup` gives the secret
    /// of a user name.
    ///
    /// # Errors
    ///
    /// See [`Refusal`]: each variant says how to answer.
    pub fn check(
        &mut self,
        now: Instant,
        request: &Request,
        proxy: bool,
        lookup: &mut dyn FnMut(&str) -> Option<Secret>,
    ) -> Result<Verified, Refusal> {
        let name = if proxy { Name::ProxyAuthorization } else { Name::Authorization };
        let ours = request
            .credentials(name)
            .filter_map(Result::ok)
            .find(|credentials| credentials.param("realm").is_some_and(|realm| *realm == *self.realm));
        match ours {
            Some(credentials) => self.verify(now, &credentials, request.method().as_str(), request.body(), lookup),
            None => Err(Refusal::Missing),
        }
    }

    /// Checks one set of credentials for a request with this method and body.
    ///
    /// # Errors
    ///
    /// See [`Refusal`]: each variant says how to answer.
    pub fn verify(
        &mut self,
        now: Instant,
        credentials: &Credentials<'_>,
        method: &str,
        body: &[u8],
        lookup: &mut dyn FnMut(&str) -> Option<Secret>,
    ) -> Result<Verified, Refusal> {
        if !credentials.scheme.eq_ignore_ascii_case("Digest") {
            return Err(Refusal::Missing);
        }
        self.verify_params(now, credentials.params(), method, body, lookup)
    }

    fn verify_params(
        &mut self,
        now: Instant,
        params: AuthParams<'_>,
        method: &str,
        body: &[u8],
        lookup: &mut dyn FnMut(&str) -> Option<Secret>,
    ) -> Result<Verified, Refusal> {
        let required = |name| params.get(name).ok_or(Refusal::Malformed(name));
        if *required("realm")? != *self.realm {
            return Err(Refusal::Missing);
        }
        let username = match (params.get("username"), params.get("username*")) {
            (Some(name), None) => name,
            (None, Some(name)) => read_extended(&name).map(Cow::Owned).ok_or(Refusal::Malformed("username*"))?,
            (None, None) => return Err(Refusal::Malformed("username")),
            (Some(_), Some(_)) => return Err(Refusal::Malformed("username*")), // RFC 7616 3.4
        };
        let uri = required("uri")?;
        let (nonce, given) = (required("nonce")?, required("response")?);
        let algorithm = match params.get("algorithm") {
            None => Algorithm::Md5,
            Some(name) => Algorithm::parse(&name).ok_or(Refusal::Denied)?,
        };
        let qop = match params.get("qop") {
            None => Qop::None,
            Some(name) => Qop::parse(&name).ok_or(Refusal::Malformed("qop"))?,
        };
        if !self.algorithms.contains(&algorithm) || !self.qops.contains(&qop) {
            return Err(Refusal::Denied);
        }
        let cnonce = if qop == Qop::None { params.get("cnonce").unwrap_or_default() } else { required("cnonce")? };
        let nc = if qop == Qop::None { Cow::Borrowed("00000000") } else { required("nc")? };
        let count = u32::from_str_radix(&nc, 16).ok().filter(|_| nc.len() == 8).ok_or(Refusal::Malformed("nc"))?;
        let secret = lookup(&username).ok_or(Refusal::Denied)?;
        let ha1 = secret.ha1(algorithm, &username, &self.realm).ok_or(Refusal::Denied)?;
        let expected = response(&Input {
            algorithm,
            qop,
            ha1: &ha1,
            nonce: &nonce,
            nc: &nc,
            cnonce: &cnonce,
            method,
            uri: &uri,
            body,
        });
        if !same(&expected, &given.to_ascii_lowercase()) {
            return Err(Refusal::Denied);
        }
        // Only now, so that `stale` is said to those alone who know the password (RFC 7616 3.3).
        let stamp = self.stamp(&nonce).filter(|&stamp| self.is_alive(stamp, now)).ok_or(Refusal::Stale)?;
        if qop != Qop::None && !self.use_count(stamp, count, now) {
            return Err(Refusal::Stale);
        }
        Ok(Verified { username: username.into_owned(), uri: uri.into_owned(), algorithm })
    }

    fn new_nonce(&mut self, now: Instant) -> String {
        self.counter = self.counter.wrapping_add(1);
        let mut nonce = String::with_capacity(STAMP_DIGITS + MAC_DIGITS);
        push_hex(&mut nonce, now.as_millis(), TIME_DIGITS as u32);
        push_hex(&mut nonce, self.counter, (STAMP_DIGITS - TIME_DIGITS) as u32);
        let mac = self.mac(&nonce);
        nonce.extend(mac.get(..MAC_DIGITS));
        nonce
    }

    fn mac(&self, stamp: &str) -> String {
        let inner = hash(Algorithm::Sha256, &[self.key.reveal(), ":", &self.realm, ":", stamp]);
        hash(Algorithm::Sha256, &[self.key.reveal(), ":", &inner])
    }

    /// Time and number of a nonce that this key made.
    fn stamp(&self, nonce: &str) -> Option<Stamp> {
        let (text, mac) = (nonce.get(..STAMP_DIGITS)?, nonce.get(STAMP_DIGITS..)?);
        if !same(self.mac(text).get(..MAC_DIGITS)?, mac) {
            return None;
        }
        let number = |digits: Option<&str>| u64::from_str_radix(digits?, 16).ok();
        Some((number(text.get(..TIME_DIGITS))?, number(text.get(TIME_DIGITS..))?))
    }

    fn is_alive(&self, stamp: Stamp, now: Instant) -> bool {
        let made = Instant::from_millis(stamp.0);
        made <= now && now.since(made) <= self.lifetime && self.forgotten.is_none_or(|forgotten| stamp > forgotten)
    }

    fn use_count(&mut self, stamp: Stamp, count: u32, now: Instant) -> bool {
        while let Some((&oldest, _)) = self.used.first_key_value() {
            let alive = self.is_alive(oldest, now);
            if alive && self.used.len() < MAX_NONCES {
                break;
            }
            self.used.pop_first();
            if alive {
                self.forgotten = self.forgotten.max(Some(oldest));
            }
        }
        if !self.is_alive(stamp, now) {
            return false; // it was forgotten just now
        }
        let last = self.used.entry(stamp).or_insert(0);
        let is_new = count > *last;
        *last = count.max(*last);
        is_new
    }
}

/// Compares without revealing by its duration where the difference is.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
