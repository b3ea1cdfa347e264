//! Why a challenge cannot be answered.
use super::digest::Algorithm;
use crate::message::ParseError;

/// Why a challenge cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The response carries no challenge.
    #[error("the response carries no challenge")]
    NoChallenge,
    /// The peer's only challenge cannot be read.
    #[error("unreadable challenge: {0}")]
    Malformed(#[from] ParseError),
    /// A challenge lacks a parameter that it must have.
    #[error("challenge without {0}")]
    Incomplete(&'static str),
    /// Only schemes, algorithms or qop values that this library or the credential's stored form does not know.
    #[error("unsupported challenge: {0}")]
    Unsupported(Box<str>),
    /// A token is asked for on a connection where others could read it (RFC 8898 2.1.2).
    #[error("a token for realm \"{realm}\" is not sent over a connection that is not encrypted")]
    Unprotected {
        /// The realm of the challenge.
        realm: Box<str>,
    },
    /// The application gave no credential for this realm.
    #[error("no credential for realm \"{realm}\"")]
    NoCredential {
        /// The realm of the challenge.
        realm: Box<str>,
    },
    /// The algorithm is weaker than what this realm used before, or than the configured minimum.
    #[error("realm \"{realm}\" offers only {}, at least {} is required", .offered.as_str(), .required.as_str())]
    Downgrade {
        /// The realm of the challenge.
        realm: Box<str>,
        /// The strongest algorithm offered.
        offered: Algorithm,
        /// The weakest that would have been accepted.
        required: Algorithm,
    },
    /// The server read the credentials and refused them: wrong user name or password.
    #[error("wrong user name or password for \"{realm}\"")]
    Rejected {
        /// The realm of the challenge.
        realm: Box<str>,
    },
    /// The server refused the token.
    #[error("the token for \"{realm}\" is not accepted{}{error}", if .error.is_empty() { "" } else { ": " })]
    TokenRejected {
        /// The realm of the challenge.
        realm: Box<str>,
        /// Its `error` parameter, e.g. `invalid_token`; empty if there was none.
        error: Box<str>,
    },
    /// The request was challenged again and again, each time with a new reason to retry.
    #[error("challenged too many times")]
    TooManyRounds,
    /// The response accepts our credentials, but proves wrongly that its sender knows the password (RFC 7616 3.5).
    #[error("the server does not know the password it accepts")]
    Impostor,
}

impl AuthError {
    /// Keeps the error that tells the application most.
    pub(super) fn explain_better(&mut self, other: AuthError) {
        fn weight(error: &AuthError) -> u8 {
            match error {
                AuthError::NoChallenge => 0,
                AuthError::Malformed(_) | AuthError::Incomplete(_) => 1,
                AuthError::Unsupported(_) => 2,
                AuthError::Unprotected { .. } | AuthError::NoCredential { .. } => 3,
                AuthError::Downgrade { .. } => 4,
                AuthError::Rejected { .. }
                | AuthError::TokenRejected { .. }
                | AuthError::TooManyRounds
                | AuthError::Impostor => 5,
            }
        }
        if weight(&other) > weight(self) {
            *self = other;
        }
    }
}
