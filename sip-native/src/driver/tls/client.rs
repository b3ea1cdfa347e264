//! TLS on connections this side opens.

use std::sync::{Arc, OnceLock};

use offhook_core::transport::{FlowError, FlowErrorKind, Target};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::sign::SingleCertAndKey;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::super::connection::Io;
use super::super::dns::unbracketed;
use super::error::explain;
use super::identity::provider;
use super::names::SipNames;
use super::{Identity, TlsError};

/// How connections over TLS and WSS are opened: whom to trust, and who we are.
///
/// By default servers are trusted whose certificates the system trusts. Over TLS the certificate must be for the host
/// that the target names, as a SIP domain (RFC 5922 7: a `sip:` URI, else a DNS name, no wildcards); over WSS as on the
/// web.
#[derive(Clone, Debug, Default)]
pub struct ClientTls {
    roots: Option<Arc<RootCertStore>>,
    identity: Option<Identity>,
    wildcards: bool,
    own: Option<Arc<ClientConfig>>,
}

impl ClientTls {
    /// Trusts whom the system trusts.
    pub fn new() -> ClientTls {
        ClientTls::default()
    }

    /// Trusts these authorities alone; see [`roots_from_pem`](super::roots_from_pem).
    #[must_use]
    pub fn roots(mut self, roots: RootCertStore) -> ClientTls {
        self.roots = Some(Arc::new(roots));
        self
    }

    /// Shows this certificate to servers that ask for one.
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> ClientTls {
        self.identity = Some(identity);
        self
    }

    /// Takes `*.example.com` for `sip.example.com` also over TLS. RFC 5922 7.2 forbids it; many servers need it.
    #[must_use]
    pub fn wildcards(mut self) -> ClientTls {
        self.wildcards = true;
        self
    }

    fn trust(&self) -> Result<(Arc<dyn ServerCertVerifier>, bool), TlsError> {
        let failed = |error: &dyn std::fmt::Display| TlsError::new("root certificates", &error.to_string());
        match &self.roots {
            Some(roots) => {
                let verifier = WebPkiServerVerifier::builder_with_provider(roots.clone(), provider()).build();
                Ok((verifier.map_err(|error| failed(&error))?, true))
            }
            None => {
                let verifier = Verifier::new(provider()).map_err(|error| failed(&error))?;
                let asks_the_system = cfg!(any(windows, target_vendor = "apple", target_os = "android"));
                Ok((Arc::new(verifier), !asks_the_system))
            }
        }
    }

    fn configs(&self) -> Result<Configs, TlsError> {
        if let Some(own) = &self.own {
            return Ok(Configs { sip: own.clone(), web: own.clone() });
        }
        let (trust, name_last) = self.trust()?;
        let names = SipNames { trust: trust.clone(), wildcards: self.wildcards, name_last };
        Ok(Configs { sip: self.config(Arc::new(names))?, web: self.config(trust)? })
    }

    fn config(&self, verifier: Arc<dyn ServerCertVerifier>) -> Result<Arc<ClientConfig>, TlsError> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::new("protocol versions", &error))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        Ok(Arc::new(match &self.identity {
            Some(Identity(certified)) => {
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified.clone())))
            }
            None => builder.with_no_client_auth(),
        }))
    }
}

/// The application's own settings, with its own verifier, for TLS and WSS alike.
impl From<Arc<ClientConfig>> for ClientTls {
    fn from(config: Arc<ClientConfig>) -> ClientTls {
        ClientTls { own: Some(config), ..ClientTls::default() }
    }
}

/// What is made of the settings once: sessions are resumed and certificate stores read only where the configuration is
/// the same.
#[derive(Clone, Debug)]
struct Configs {
    sip: Arc<ClientConfig>,
    web: Arc<ClientConfig>,
}

/// Opens TLS for one driver.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Connector {
    settings: ClientTls,
    configs: Arc<OnceLock<Configs>>,
}

impl Connector {
    /// Checks what was set. What the system trusts is read by the first connection.
    pub(in super::super) fn new(settings: ClientTls) -> Result<Connector, TlsError> {
        let configs = match settings.roots.is_some() || settings.own.is_some() {
            true => OnceLock::from(settings.configs()?),
            false => OnceLock::new(),
        };
        Ok(Connector { settings, configs: Arc::new(configs) })
    }

    /// Opens TLS on a connected stream.
    pub(in super::super) async fn connect(&self, stream: TcpStream, target: &Target) -> Result<Box<dyn Io>, FlowError> {
        let failed = |kind, words: String| FlowError::new(kind, &format!("{}: {words}", target.host));
        let configs = match self.configs.get() {
            Some(configs) => configs.clone(),
            None => {
                let configs = self.settings.configs().map_err(|error| failed(FlowErrorKind::Tls, error.to_string()))?;
                self.configs.get_or_init(|| configs).clone()
            }
        };
        let name = ServerName::try_from(unbracketed(&target.host).to_owned());
        let name = name.map_err(|_| failed(FlowErrorKind::Tls, "not a name a certificate can be for".to_owned()))?;
        let config = if target.transport.is_websocket() { configs.web } else { configs.sip };
        match TlsConnector::from(config).connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => {
                let (kind, words) = explain(&error);
                Err(failed(kind, words))
            }
        }
    }
}
