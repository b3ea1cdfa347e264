//! TLS and WSS to a server with a certificate made for these tests (for a hundred years, self-signed); without the feature, that they fail as they should.

use offhook::core::transport::{FlowErrorKind, Transport};
use tokio::net::TcpListener;

use crate::echo::{Node, localhost, target};

#[cfg(not(feature = "tls"))]
#[tokio::test]
async fn without_the_feature_secure_transports_are_unsupported() {
    let listener = TcpListener::bind(localhost()).await.unwrap();
    let mut client = Node::client();
    for transport in [Transport::Tls, Transport::Wss] {
        let to = target(transport, listener.local_addr().unwrap());
        assert_eq!(client.refused(to).await, FlowErrorKind::Unsupported);
    }
}

#[cfg(feature = "tls")]
mod secure {
    use std::sync::Arc;

    use futures_util::{SinkExt, StreamExt};
    use offhook::core::transport::{FlowChange, Target};
    use offhook::rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use offhook::rustls::{ClientConfig, RootCertStore, ServerConfig, crypto::ring};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::server::TlsStream;
    use tokio_tungstenite::accept_hdr_async;
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
    use tokio_tungstenite::tungstenite::http::HeaderValue;

    use super::*;
    use crate::echo::{Echo, soon};

    /// A server that is `sip.example` and the client's configuration that trusts it.
    fn certified() -> (TlsAcceptor, Arc<ClientConfig>) {
        let certificate = CertificateDer::from(&include_bytes!("certificate/certificate.der")[..]);
        let key = PrivateKeyDer::try_from(&include_bytes!("certificate/key.der")[..]).unwrap();
        let provider = Arc::new(ring::default_provider());
        let server = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate).unwrap();
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        (TlsAcceptor::from(Arc::new(server)), Arc::new(client))
    }

    fn named(host: &str, transport: Transport, listener: &TcpListener) -> Target {
        Target { host: host.into(), ..target(transport, listener.local_addr().unwrap()) }
    }

    async fn accept(listener: &TcpListener, acceptor: &TlsAcceptor) -> std::io::Result<TlsStream<TcpStream>> {
        let (stream, _) = soon(listener.accept()).await?;
        soon(acceptor.accept(stream)).await
    }

    #[tokio::test]
    async fn bytes_travel_both_ways_over_tls() {
        let listener = TcpListener::bind(localhost()).await.unwrap();
        let (acceptor, config) = certified();
        let mut client = Node::start(Echo::silent(), |driver| driver.tls(config));
        let to = named("sip.example", Transport::Tls, &listener);
        let (peer, path) = tokio::join!(accept(&listener, &acceptor), client.connect(to));
        let mut peer = peer.unwrap();
        client.send(path, "hello").await;
        let mut buffer = [0; 5];
        soon(peer.read_exact(&mut buffer)).await.unwrap();
        assert_eq!(&buffer, b"hello");
        peer.write_all(b"hello yourself").await.unwrap();
        assert_eq!(&client.received().await.1[..], b"hello yourself");
        peer.shutdown().await.unwrap();
        assert_eq!(client.changed().await, FlowChange::Closed);
    }

    #[tokio::test]
    async fn messages_travel_over_wss_with_the_subprotocol() {
        let listener = TcpListener::bind(localhost()).await.unwrap();
        let (acceptor, config) = certified();
        let mut client = Node::start(Echo::silent(), |driver| driver.tls(config));
        let to = named("sip.example", Transport::Wss, &listener);
        #[allow(clippy::result_large_err)]
        let serve = async {
            let stream = accept(&listener, &acceptor).await.unwrap();
            let answer = |request: &Request, mut response: Response| {
                assert_eq!(request.headers()["sec-websocket-protocol"], "sip");
                response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("sip"));
                Ok(response)
            };
            soon(accept_hdr_async(stream, answer)).await.unwrap()
        };
        let (mut peer, path) = tokio::join!(serve, client.connect(to));
        client.send(path, "hello").await;
        assert_eq!(soon(peer.next()).await.unwrap().unwrap(), Message::text("hello"));
        peer.send(Message::text("hello yourself")).await.unwrap();
        assert_eq!(&client.received().await.1[..], b"hello yourself");
    }

    #[tokio::test]
    async fn a_certificate_for_another_name_or_from_a_stranger_fails() {
        let listener = TcpListener::bind(localhost()).await.unwrap();
        let (acceptor, config) = certified();
        let mut client = Node::start(Echo::silent(), |driver| driver.tls(config));
        let to = named("other.example", Transport::Wss, &listener);
        let (peer, kind) = tokio::join!(accept(&listener, &acceptor), client.refused(to));
        assert_eq!((peer.is_err(), kind), (true, FlowErrorKind::Tls));

        // What the system trusts knows nothing of this certificate.
        let mut client = Node::client();
        let to = named("sip.example", Transport::Tls, &listener);
        let (peer, kind) = tokio::join!(accept(&listener, &acceptor), client.refused(to));
        assert_eq!((peer.is_err(), kind), (true, FlowErrorKind::Tls));
    }

    #[tokio::test]
    async fn a_server_that_speaks_no_tls_fails() {
        let server = Node::start(Echo::echoing(), |driver| driver.tcp(localhost()));
        let mut client = Node::client();
        assert_eq!(client.refused(target(Transport::Tls, server.addr())).await, FlowErrorKind::Tls);
    }
}
