//! A protection space: one realm, what it asked for last, and the answers to that.
use super::challenge::{Challenge, DigestChallenge, Kind};
use super::client::Sending;
use super::digest::{Algorithm, Input, Qop, hash, response};
use super::params::{push_extended, push_hex, push_quoted, push_token};
use super::secret::{Credential, Secret};
use std::collections::VecDeque;

/// How many dialogs of a realm are remembered; one that is forgotten is asked again.
const DIALOGS: usize = 64;

/// A protection space: one realm of origin servers or of proxies, and the challenge it gave last.
#[derive(Clone, Debug)]
pub(super) struct Space {
    pub(super) id: u32,
    pub(super) challenge: Challenge,
    /// The serial of the credential that answers.
    pub(super) credential: u32,
    pub(super) count: u32,
    /// Kept per nonce for the -sess algorithms.
    pub(super) cnonce: String,
    /// The Request-URI it asked for last.
    pub(super) uri: String,
    /// The Call-IDs it asked in.
    dialogs: VecDeque<Box<str>>,
    /// False after a rejection.
    pub(super) usable: bool,
}

/// What went out to one space in the last try of a request.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) space: u32,
    pub(super) proxy: bool,
    pub(super) credential: u32,
    /// What the response was calculated from; `None` for a token.
    pub(super) digest: Option<Box<SentDigest>>,
}

#[derive(Clone, Debug)]
pub(super) struct SentDigest {
    pub(super) nonce: String,
    algorithm: Algorithm,
    qop: Qop,
    realm: String,
    nc: String,
    cnonce: String,
    uri: String,
}

impl SentDigest {
    /// What a server that knows the secret says in `rspauth` (RFC 7616 3.5).
    pub(super) fn rspauth(&self, credential: &Credential, body: &[u8]) -> Option<String> {
        Some(response(&Input {
            algorithm: self.algorithm,
            qop: self.qop,
            ha1: &credential.secret.ha1(self.algorithm, &credential.username, &self.realm)?,
            nonce: &self.nonce,
            nc: &self.nc,
            cnonce: &self.cnonce,
            method: "",
            uri: &self.uri,
            body,
        }))
    }
}

impl Space {
    pub(super) fn new(id: u32, challenge: Challenge, credential: u32) -> Space {
        Space {
            id,
            challenge,
            credential,
            count: 0,
            cnonce: String::new(),
            uri: String::new(),
            dialogs: VecDeque::new(),
            usable: true,
        }
    }

    /// Takes a new challenge.
    pub(super) fn renew(&mut self, challenge: Challenge, credential: u32) {
        let same = match (self.challenge.digest(), challenge.digest()) {
            (Some(old), Some(new)) => old.nonce == new.nonce && old.algorithm == new.algorithm,
            _ => false,
        };
        if !same {
            self.count = 0;
            self.cnonce.clear();
        }
        self.challenge = challenge;
        self.credential = credential;
        self.usable = true;
    }

    /// It asked in this dialog, for a request to this URI.
    pub(super) fn asked_in(&mut self, call_id: &str, uri: &str) {
        self.uri.clear();
        self.uri.push_str(uri);
        if !self.is_of(call_id) {
            if self.dialogs.len() >= DIALOGS {
                self.dialogs.pop_front();
            }
            self.dialogs.push_back(call_id.into());
        }
    }

    pub(super) fn is_of(&self, call_id: &str) -> bool {
        self.dialogs.iter().any(|known| **known == *call_id)
    }

    /// The header value that answers this space's challenge, and what to remember of it.
    pub(super) fn answer(
        &mut self,
        credential: &Credential,
        request: &Sending<'_>,
        entropy: &mut dyn FnMut() -> u64,
    ) -> Option<(String, Sent)> {
        let sent = |digest| Sent { space: self.id, proxy: self.challenge.proxy, credential: self.credential, digest };
        let (value, sent) = match &self.challenge.kind {
            Kind::Bearer(_) => {
                let Secret::Token(token) = &credential.secret else { return None };
                let mut value = String::from("Bearer ");
                value.push_str(token.reveal());
                (value, sent(None))
            }
            Kind::Digest(challenge) => {
                self.count = self.count.checked_add(1)?;
                if self.cnonce.is_empty() || !challenge.algorithm.is_session() {
                    self.cnonce.clear();
                    push_hex(&mut self.cnonce, entropy(), 16);
                    push_hex(&mut self.cnonce, entropy(), 16);
                }
                let realm = &self.challenge.realm;
                let (value, digest) = digest(challenge, realm, self.count, &self.cnonce, credential, request)?;
                (value, sent(Some(Box::new(digest))))
            }
        };
        Some((value, sent))
    }
}

fn digest(
    challenge: &DigestChallenge,
    realm: &str,
    count: u32,
    cnonce: &str,
    credential: &Credential,
    request: &Sending<'_>,
) -> Option<(String, SentDigest)> {
    let algorithm = challenge.algorithm;
    let mut nc = String::new();
    push_hex(&mut nc, u64::from(count), 8);
    let response = response(&Input {
        algorithm,
        qop: challenge.qop,
        ha1: &credential.secret.ha1(algorithm, &credential.username, realm)?,
        nonce: &challenge.nonce,
        nc: &nc,
        cnonce,
        method: request.method,
        uri: request.uri,
        body: request.body,
    });
    let mut out = String::with_capacity(320);
    out.push_str("Digest ");
    if challenge.userhash {
        push_quoted(&mut out, "username", &hash(algorithm, &[&credential.username, ":", realm]));
        push_token(&mut out, "userhash", "true");
    } else if credential.username.chars().any(char::is_control) {
        push_extended(&mut out, "username*", &credential.username);
    } else {
        push_quoted(&mut out, "username", &credential.username);
    }
    push_quoted(&mut out, "realm", realm);
    push_quoted(&mut out, "nonce", &challenge.nonce);
    push_quoted(&mut out, "uri", request.uri);
    push_quoted(&mut out, "response", &response);
    if challenge.names_algorithm {
        push_token(&mut out, "algorithm", algorithm.as_str());
    }
    if challenge.qop != Qop::None || algorithm.is_session() {
        push_quoted(&mut out, "cnonce", cnonce);
    }
    if let Some(qop) = challenge.qop.as_str() {
        push_token(&mut out, "qop", qop);
        push_token(&mut out, "nc", &nc);
    }
    if let Some(opaque) = &challenge.opaque {
        push_quoted(&mut out, "opaque", opaque);
    }
    let sent = SentDigest {
        nonce: challenge.nonce.clone(),
        algorithm,
        qop: challenge.qop,
        realm: realm.into(),
        nc,
        cnonce: cnonce.into(),
        uri: request.uri.into(),
    };
    Some((out, sent))
}
