//! TLS on connections this side opens; the peer's certificate must be for the host the target names (RFC 5922 7.3).

use offhook_core::transport::{FlowError, FlowErrorKind, Target};
use tokio::net::TcpStream;

use super::connection::Io;

/// How TLS is spoken; without the feature `tls` not at all.
#[derive(Clone, Debug, Default)]
pub(super) struct Tls {
    /// `None`: what the system trusts.
    #[cfg(feature = "tls")]
    pub(super) config: Option<std::sync::Arc<tokio_rustls::rustls::ClientConfig>>,
}

#[cfg(not(feature = "tls"))]
impl Tls {
    pub(super) async fn secure(&self, _: TcpStream, target: &Target) -> Result<Box<dyn Io>, FlowError> {
        let words = format!("this build cannot connect over {}", target.transport);
        Err(FlowError::new(FlowErrorKind::Unsupported, &words))
    }
}

#[cfg(feature = "tls")]
mod rustls {
    use std::io;
    use std::sync::Arc;

    use rustls_platform_verifier::BuilderVerifierExt;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::pki_types::ServerName;
    use tokio_rustls::rustls::{ClientConfig, Error};

    use super::super::resolve::unbracketed;
    use super::{FlowError, FlowErrorKind, Io, Target, TcpStream, Tls};

    impl Tls {
        /// Opens TLS on a connected stream.
        pub(in super::super) async fn secure(
            &self,
            stream: TcpStream,
            target: &Target,
        ) -> Result<Box<dyn Io>, FlowError> {
            let failed = |words: String| FlowError::new(FlowErrorKind::Tls, &format!("{}: {words}", target.host));
            let config = match &self.config {
                Some(config) => config.clone(),
                None => Arc::new(trusted_by_the_system().map_err(|error| failed(error.to_string()))?),
            };
            let name = ServerName::try_from(unbracketed(&target.host).to_owned());
            let name = name.map_err(|_| failed("not a name a certificate can be for".to_owned()))?;
            match TlsConnector::from(config).connect(name, stream).await {
                Ok(stream) => Ok(Box::new(stream)),
                Err(error) => Err(failed(reason(&error))),
            }
        }
    }

    fn trusted_by_the_system() -> Result<ClientConfig, Error> {
        // The provider is named, since the process's default is the application's.
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_platform_verifier()
            .map(|builder| builder.with_no_client_auth())
    }

    /// The verifier's words, not those of the stream around it.
    fn reason(error: &io::Error) -> String {
        error.get_ref().map_or_else(|| error.to_string(), ToString::to_string)
    }
}
