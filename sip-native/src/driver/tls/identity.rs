//! Who somebody is in TLS: certificates and their keys, read from PEM.

use std::fmt;
use std::sync::Arc;

use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::TlsError;

/// A certificate with the chain to its root and the key that belongs to it. A cheap clone; never shows the key.
#[derive(Clone)]
pub struct Identity(pub(super) Arc<CertifiedKey>);

impl Identity {
    /// From what a certificate authority gives out: the certificate first, then the chain; and the key, in PKCS #8,
    /// PKCS #1 or SEC1.
    ///
    /// # Errors
    ///
    /// [`TlsError`] where they cannot be read, or do not belong together.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Identity, TlsError> {
        let chain = certificates(chain)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| TlsError::new("private key", &error))?;
        Identity::new(chain, key)
    }

    /// The same from DER.
    ///
    /// # Errors
    ///
    /// [`TlsError`] where they cannot be used, or do not belong together.
    pub fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Identity, TlsError> {
        let certified = CertifiedKey::from_der(chain, key, &provider());
        certified.map(|certified| Identity(Arc::new(certified))).map_err(|error| TlsError::new("certificate", &error))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("chain", &self.0.cert.len()).finish_non_exhaustive()
    }
}

/// The authorities in a PEM file, to trust them and nobody else.
///
/// # Errors
///
/// [`TlsError`] where there is none, or one cannot be read.
pub fn roots_from_pem(pem: &[u8]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem)? {
        roots.add(certificate).map_err(|error| TlsError::new("root certificate", &error))?;
    }
    Ok(roots)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(list) if list.is_empty() => Err(TlsError::new("certificate", &"no certificate in the PEM text")),
        read => read.map_err(|error| TlsError::new("certificate", &error)),
    }
}

/// The provider is named, since the process's default is the application's.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
