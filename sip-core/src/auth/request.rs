//! Credentials that are asked of the application when a server wants them.
use super::challenge::{Challenge, Kind, Scheme};
use super::digest::Algorithm;

/// What a server wants and nobody has given yet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CredentialRequest {
    /// The realm that asks; to be shown to people, and what the credential will be for.
    pub realm: Box<str>,
    /// A proxy asks (407), not a server or the other side (401).
    pub proxy: bool,
    /// What it takes; any of them will do.
    pub schemes: Vec<Scheme>,
    /// The digest algorithms it takes: a stored HA1 must be of one of them.
    pub algorithms: Vec<Algorithm>,
    /// Where tokens come from (RFC 8898 4). Check it against those you trust before you go there.
    pub authz_server: Option<Box<str>>,
    /// What the token must allow.
    pub scope: Option<Box<str>>,
    /// Why it asks.
    pub why: Why,
}

/// Why credentials are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Why {
    /// There are none for this realm.
    First,
    /// Those there are were refused.
    Rejected,
    /// The token is not valid any more.
    Expired,
}

impl Why {
    /// The reason in one word.
    pub const fn name(self) -> &'static str {
        match self {
            Why::First => "first",
            Why::Rejected => "rejected",
            Why::Expired => "expired",
        }
    }
}

impl CredentialRequest {
    pub(super) fn new(challenge: &Challenge, why: Why) -> CredentialRequest {
        let mut request = CredentialRequest {
            realm: challenge.realm.as_str().into(),
            proxy: challenge.proxy,
            schemes: Vec::new(),
            algorithms: Vec::new(),
            authz_server: None,
            scope: None,
            why,
        };
        request.add(challenge, why);
        request
    }

    /// Another challenge of the same realm.
    pub(super) fn add(&mut self, challenge: &Challenge, why: Why) {
        if !self.schemes.contains(&challenge.scheme()) {
            self.schemes.push(challenge.scheme());
        }
        match &challenge.kind {
            Kind::Digest(digest) if !self.algorithms.contains(&digest.algorithm) => {
                self.algorithms.push(digest.algorithm);
            }
            Kind::Digest(_) => {}
            Kind::Bearer(bearer) => {
                self.authz_server = self.authz_server.take().or_else(|| bearer.authz_server.clone());
                self.scope = self.scope.take().or_else(|| bearer.scope.clone());
            }
        }
        if self.why == Why::First {
            self.why = why;
        }
    }
}
