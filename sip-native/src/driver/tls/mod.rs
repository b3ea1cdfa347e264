//! TLS under connections, both ways (RFC 3261 26.2.1, RFC 5922). Without the feature `tls` none.

#[cfg(feature = "tls")]
mod client;
#[cfg(feature = "tls")]
mod error;
#[cfg(feature = "tls")]
mod identity;
#[cfg(feature = "tls")]
mod names;
#[cfg(feature = "tls")]
mod server;

#[cfg(feature = "tls")]
pub use {client::ClientTls, error::TlsError, identity::Identity, identity::roots_from_pem, server::ServerTls};

#[cfg(feature = "tls")]
pub(super) use {client::Connector, server::ServerTls as Acceptor};

#[cfg(not(feature = "tls"))]
pub(super) use without::{Acceptor, Connector};

#[cfg(not(feature = "tls"))]
mod without {
    use std::convert::Infallible;
    use std::io;

    use offhook_core::transport::{FlowError, FlowErrorKind, Target};
    use tokio::net::TcpStream;

    use super::super::connection::Io;

    /// Opens nothing.
    #[derive(Clone, Debug, Default)]
    pub(in super::super) struct Connector;

    impl Connector {
        pub(in super::super) async fn connect(&self, _: TcpStream, target: &Target) -> Result<Box<dyn Io>, FlowError> {
            let words = format!("this build cannot connect over {}", target.transport);
            Err(FlowError::new(FlowErrorKind::Unsupported, &words))
        }
    }

    /// There is none.
    #[derive(Clone, Debug)]
    pub(in super::super) struct Acceptor(Infallible);

    impl Acceptor {
        pub(in super::super) async fn accept(&self, _: TcpStream) -> io::Result<Box<dyn Io>> {
            match self.0 {}
        }
    }
}
