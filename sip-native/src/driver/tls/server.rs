//! TLS on connections this side accepts.

use std::fmt;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::super::connection::Io;
use super::error::explain;
use super::identity::provider;
use super::{Identity, TlsError};

/// How connections over TLS and WSS are accepted: who we are, and whom to ask who they are. A cheap clone of the same.
#[derive(Clone)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    shown: Option<Arc<Shown>>,
}

impl ServerTls {
    /// Shows this certificate to everybody and asks nobody for theirs.
    ///
    /// # Errors
    ///
    /// [`TlsError`] if TLS cannot be spoken with it.
    pub fn new(identity: Identity) -> Result<ServerTls, TlsError> {
        ServerTls::build(identity, None)
    }

    /// Shows this certificate, and lets in only who shows one issued by these authorities (RFC 5922 7.4).
    ///
    /// # Errors
    ///
    /// [`TlsError`] if there are no authorities.
    pub fn with_clients_of(identity: Identity, roots: RootCertStore) -> Result<ServerTls, TlsError> {
        ServerTls::build(identity, Some(roots))
    }

    fn build(identity: Identity, clients: Option<RootCertStore>) -> Result<ServerTls, TlsError> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::new("protocol versions", &error))?;
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(roots) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build();
                builder.with_client_cert_verifier(
                    verifier.map_err(|error| TlsError::new("root certificates of clients", &error))?,
                )
            }
        };
        let shown = Arc::new(Shown(RwLock::new(identity.0)));
        Ok(ServerTls { config: Arc::new(builder.with_cert_resolver(shown.clone())), shown: Some(shown) })
    }

    /// Shows another certificate from now on, e.g. a renewed one; connections that are up go on. `false`: these are the
    /// application's own settings, which it changes itself.
    pub fn renew(&self, identity: Identity) -> bool {
        let Some(shown) = &self.shown else { return false };
        *shown.0.write().unwrap_or_else(PoisonError::into_inner) = identity.0;
        true
    }

    /// Opens TLS on an accepted stream.
    pub(in super::super) async fn accept(&self, stream: TcpStream) -> io::Result<Box<dyn Io>> {
        match TlsAcceptor::from(self.config.clone()).accept(stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(io::Error::new(error.kind(), explain(&error).1)),
        }
    }
}

/// The application's own settings.
impl From<Arc<ServerConfig>> for ServerTls {
    fn from(config: Arc<ServerConfig>) -> ServerTls {
        ServerTls { config, shown: None }
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

/// The certificate that is shown now.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}
