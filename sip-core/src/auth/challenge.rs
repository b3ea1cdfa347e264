//! What a server asks for, read.
use super::digest::{Algorithm, Qop};
use super::error::AuthError;
use crate::message::AuthParams;
use std::borrow::Cow;

/// An authentication scheme we answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// A password, proven without being sent (RFC 7616, RFC 8760).
    Digest,
    /// A token of an authorization server, sent as it is (RFC 8898).
    Bearer,
}

impl Scheme {
    /// The name in a challenge.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scheme::Digest => "Digest",
            Scheme::Bearer => "Bearer",
        }
    }
}

/// One challenge of one realm.
#[derive(Clone, Debug)]
pub(super) struct Challenge {
    pub(super) proxy: bool,
    pub(super) realm: String,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Digest(DigestChallenge),
    Bearer(BearerChallenge),
}

#[derive(Clone, Debug)]
pub(super) struct DigestChallenge {
    pub(super) nonce: String,
    pub(super) opaque: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) names_algorithm: bool,
    pub(super) qop: Qop,
    pub(super) stale: bool,
    pub(super) userhash: bool,
}

#[derive(Clone, Debug)]
pub(super) struct BearerChallenge {
    pub(super) authz_server: Option<Box<str>>,
    pub(super) scope: Option<Box<str>>,
    pub(super) error: Box<str>,
}

impl Challenge {
    /// Reads a challenge.
    pub(super) fn read(proxy: bool, scheme: &str, params: AuthParams<'_>) -> Result<Challenge, AuthError> {
        if scheme.eq_ignore_ascii_case("Digest") {
            let realm = params.get("realm").ok_or(AuthError::Incomplete("realm"))?.into_owned();
            Ok(Challenge { proxy, realm, kind: Kind::Digest(DigestChallenge::read(params)?) })
        } else if scheme.eq_ignore_ascii_case("Bearer") {
            let text = |name| params.get(name).map(|value| value.into_owned().into_boxed_str());
            let bearer = BearerChallenge {
                authz_server: text("authz_server"),
                scope: text("scope"),
                error: text("error").unwrap_or_default(),
            };
            // RFC 8898 4 lets it be left out.
            let realm = params.get("realm").unwrap_or_default().into_owned();
            Ok(Challenge { proxy, realm, kind: Kind::Bearer(bearer) })
        } else {
            Err(AuthError::Unsupported(scheme.into()))
        }
    }

    pub(super) fn scheme(&self) -> Scheme {
        match self.kind {
            Kind::Digest(_) => Scheme::Digest,
            Kind::Bearer(_) => Scheme::Bearer,
        }
    }

    pub(super) fn digest(&self) -> Option<&DigestChallenge> {
        match &self.kind {
            Kind::Digest(digest) => Some(digest),
            Kind::Bearer(_) => None,
        }
    }

    pub(super) fn is_same_space(&self, other: &Challenge) -> bool {
        self.proxy == other.proxy && self.realm == other.realm
    }

    /// Which of two challenges of one realm is rather answered: a token says least about a password, then the stronger
    /// hash.
    pub(super) fn is_weaker_than(&self, other: &Challenge) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::Digest(ours), Kind::Digest(theirs)) => ours.algorithm.is_weaker_than(theirs.algorithm),
            (ours, theirs) => matches!((ours, theirs), (Kind::Digest(_), Kind::Bearer(_))),
        }
    }
}

impl DigestChallenge {
    fn read(params: AuthParams<'_>) -> Result<DigestChallenge, AuthError> {
        let is_true = |name| params.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let algorithm = params.get("algorithm");
        Ok(DigestChallenge {
            nonce: params.get("nonce").ok_or(AuthError::Incomplete("nonce"))?.into_owned(),
            opaque: params.get("opaque").map(Cow::into_owned),
            names_algorithm: algorithm.is_some(),
            algorithm: match algorithm {
                None => Algorithm::Md5,
                Some(name) => Algorithm::parse(&name).ok_or_else(|| AuthError::Unsupported((*name).into()))?,
            },
            qop: match params.get("qop") {
                None => Qop::None,
                Some(offered) => {
                    let mut offered_qops = offered.split(',').filter_map(Qop::parse);
                    let first = offered_qops.next().ok_or_else(|| AuthError::Unsupported((*offered).into()))?;
                    // Middleboxes rewrite bodies: auth-int only where nothing else is offered.
                    if offered_qops.any(|qop| qop == Qop::Auth) { Qop::Auth } else { first }
                }
            },
            stale: is_true("stale"),
            userhash: is_true("userhash"),
        })
    }
}
