//! What can be wrong with TLS: the application's settings, or what the peer shows.

use std::fmt;
use std::io;

use offhook_core::transport::FlowErrorKind;
use tokio_rustls::rustls::{CertificateError, Error};

/// TLS settings that cannot be used: which, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}")]
pub struct TlsError {
    what: &'static str,
    why: Box<str>,
}

impl TlsError {
    pub(super) fn new(what: &'static str, why: &impl fmt::Display) -> TlsError {
        TlsError { what, why: why.to_string().into() }
    }
}

/// What went wrong in a handshake: a kind to decide by, and the verifier's words rather than those of the stream.
pub(super) fn explain(error: &io::Error) -> (FlowErrorKind, String) {
    let Some(inner) = error.get_ref() else { return (FlowErrorKind::Tls, error.to_string()) };
    match inner.downcast_ref::<Error>() {
        Some(Error::InvalidCertificate(wrong)) => (kind(wrong), wrong.to_string()),
        _ => (FlowErrorKind::Tls, inner.to_string()),
    }
}

fn kind(wrong: &CertificateError) -> FlowErrorKind {
    match wrong {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            FlowErrorKind::CertificateName
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => FlowErrorKind::CertificateExpired,
        CertificateError::UnknownIssuer
        | CertificateError::Revoked
        | CertificateError::UnknownRevocationStatus
        | CertificateError::BadSignature => FlowErrorKind::CertificateUntrusted,
        _ => FlowErrorKind::Tls,
    }
}
