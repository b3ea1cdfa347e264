//! TLS and WSS, both ways, with certificates made for each test; without the feature, that they fail as they should.

use crate::echo::{Node, localhost, target};
use offhook::core::transport::{FlowErrorKind, Transport};

#[cfg(not(feature = "tls"))]
#[tokio::test]
async fn without_the_feature_secure_transports_are_unsupported() {
    let listener = tokio::net::TcpListener::bind(localhost()).await.unwrap();
    let mut client = Node::client();
    for transport in [Transport::Tls, Transport::Wss] {
        let to = target(transport, listener.local_addr().unwrap());
        assert_eq!(client.refused(to).await, FlowErrorKind::Unsupported);
    }
}

#[cfg(feature = "tls")]
mod secure {
    use std::sync::Arc;

    use offhook::core::transport::{FlowChange, Target};
    use offhook::rustls::crypto::ring;
    use offhook::rustls::{ClientConfig, RootCertStore};
    use offhook::{ClientTls, Identity, ServerTls};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::pki_types::ServerName;

    use super::*;
    use crate::authority::Authority;
    use crate::echo::{Echo, soon};

    const BOTH: [Transport; 2] = [Transport::Tls, Transport::Wss];

    /// Echoes over TLS and WSS.
    fn server(tls: &ServerTls) -> Node {
        Node::start(Echo::echoing(), |driver| driver.tls(localhost(), tls.clone()).wss(localhost(), tls.clone()))
    }

    fn client(tls: impl Into<ClientTls>) -> Node {
        Node::start(Echo::silent(), |driver| driver.client_tls(tls))
    }

    /// The server under a name.
    fn named(host: &str, transport: Transport, server: &Node) -> Target {
        let listens = server.handle.local_addrs().iter().find(|listen| listen.transport == transport).unwrap();
        Target { host: host.into(), ..target(transport, listens.addr) }
    }

    async fn echoes(client: &mut Node, to: Target) {
        let path = client.connect(to).await;
        client.send(path, "hello").await;
        assert_eq!(&client.received().await.1[..], b"hello");
    }

    #[tokio::test]
    async fn bytes_travel_both_ways_until_one_side_closes() {
        let authority = Authority::new();
        let mut server = server(&authority.server(&["sip.example"]));
        let mut client = client(authority.trusted());
        for transport in BOTH {
            let to = named("sip.example", transport, &server);
            let path = client.connect(to).await;
            let (flow, info) = server.opened().await;
            assert_eq!(info.transport, transport);
            client.send(path, vec![b'x'; 50_000]).await;
            for node in [&mut server, &mut client] {
                let mut got = 0;
                while got < 50_000 {
                    got += node.received().await.1.len();
                }
            }
            server.run(move |machine, _| machine.close(flow)).await;
            assert_eq!(client.changed().await, FlowChange::Closed, "{transport}");
        }
    }

    #[tokio::test]
    async fn a_certificate_for_another_name_is_told_as_that() {
        let authority = Authority::new();
        let server = server(&authority.server(&["sip.example", "sip:voice.example"]));
        let mut client = client(authority.trusted());
        for transport in BOTH {
            let to = named("other.example", transport, &server);
            assert_eq!(client.refused(to).await, FlowErrorKind::CertificateName, "{transport}");
        }
    }

    #[tokio::test]
    async fn an_expired_certificate_is_told_as_that() {
        let authority = Authority::new();
        let server = server(&ServerTls::new(authority.expired("sip.example")).unwrap());
        let mut client = client(authority.trusted());
        for transport in BOTH {
            let to = named("sip.example", transport, &server);
            assert_eq!(client.refused(to).await, FlowErrorKind::CertificateExpired, "{transport}");
        }
    }

    #[tokio::test]
    async fn an_unknown_authority_is_told_as_that() {
        let server = server(&Authority::new().server(&["sip.example"]));
        // Neither another authority nor the system knows it.
        for mut client in [client(Authority::new().trusted()), client(ClientTls::new())] {
            for transport in BOTH {
                let to = named("sip.example", transport, &server);
                assert_eq!(client.refused(to).await, FlowErrorKind::CertificateUntrusted, "{transport}");
            }
        }
    }

    #[tokio::test]
    async fn the_error_says_what_was_asked_for_and_what_was_shown() {
        let authority = Authority::new();
        let server = server(&authority.server(&["sip.example"]));
        let mut client = client(authority.trusted());
        let to = named("other.example", Transport::Tls, &server);
        client.run(move |machine, _| machine.open(to)).await;
        let FlowChange::Failed(error) = client.changed().await else { panic!("expected a failure") };
        assert!(error.message.starts_with("other.example: "), "{error}");
        assert!(error.message.contains("sip.example"), "{error}");
    }

    #[tokio::test]
    async fn a_sip_uri_names_a_domain_and_then_dns_names_do_not() {
        let authority = Authority::new();
        let server = server(&authority.server(&["host.example", "sip:sip.example"]));
        let mut client = client(authority.trusted());
        echoes(&mut client, named("SIP.example", Transport::Tls, &server)).await;
        let host = named("host.example", Transport::Tls, &server);
        assert_eq!(client.refused(host).await, FlowErrorKind::CertificateName);
        // The web knows DNS names alone.
        echoes(&mut client, named("host.example", Transport::Wss, &server)).await;
        let sip = named("sip.example", Transport::Wss, &server);
        assert_eq!(client.refused(sip).await, FlowErrorKind::CertificateName);
    }

    #[tokio::test]
    async fn wildcards_are_for_the_web_unless_asked_for() {
        let authority = Authority::new();
        let server = server(&authority.server(&["*.voice.example"]));
        let mut strict = client(authority.trusted());
        let to = |transport| named("sip.voice.example", transport, &server);
        assert_eq!(strict.refused(to(Transport::Tls)).await, FlowErrorKind::CertificateName);
        echoes(&mut strict, to(Transport::Wss)).await;
        let mut lenient = client(authority.trusted().wildcards());
        echoes(&mut lenient, to(Transport::Tls)).await;
    }

    #[tokio::test]
    async fn an_address_can_be_a_name() {
        let authority = Authority::new();
        let server = server(&authority.server(&["127.0.0.1"]));
        let mut client = client(authority.trusted());
        for transport in BOTH {
            echoes(&mut client, named("127.0.0.1", transport, &server)).await;
        }
    }

    #[tokio::test]
    async fn a_server_that_asks_for_certificates_lets_in_only_who_has_one() {
        let (authority, other) = (Authority::new(), Authority::new());
        let tls = ServerTls::with_clients_of(authority.identity(&["sip.example"]), authority.roots()).unwrap();
        let mut server = server(&tls);
        let to = named("sip.example", Transport::Tls, &server);
        let stranger = authority.trusted().identity(other.identity(&["mallory.example"]));
        for refused in [authority.trusted(), stranger] {
            let mut client = client(refused);
            let to = to.clone();
            client.run(move |machine, _| machine.open(to)).await;
            // In TLS 1.3 the client is done before the server looks at its certificate.
            while let FlowChange::Connected { .. } = client.changed().await {}
        }
        let mut client = client(authority.trusted().identity(authority.identity(&["alice.example"])));
        echoes(&mut client, to).await;
        // It is the only one the server has heard of.
        server.opened().await;
        server.received().await;
        assert!(server.seen.is_empty());
    }

    #[tokio::test]
    async fn a_renewed_certificate_is_shown_from_then_on() {
        let authority = Authority::new();
        let tls = ServerTls::new(authority.expired("sip.example")).unwrap();
        let server = server(&tls);
        let mut client = client(authority.trusted());
        let to = named("sip.example", Transport::Tls, &server);
        assert_eq!(client.refused(to.clone()).await, FlowErrorKind::CertificateExpired);
        assert!(tls.renew(authority.identity(&["sip.example"])));
        echoes(&mut client, to).await;
    }

    #[tokio::test]
    async fn the_applications_own_settings_are_taken_as_they_are() {
        let authority = Authority::new();
        let server = server(&authority.server(&["*.voice.example"]));
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(authority.roots())
            .with_no_client_auth();
        // A verifier of the web, so wildcards are good for TLS as well.
        let mut client = client(Arc::new(config));
        echoes(&mut client, named("sip.voice.example", Transport::Tls, &server)).await;
    }

    #[tokio::test]
    async fn settings_that_cannot_work_are_refused_before_anything_starts() {
        let nobody = ClientTls::new().roots(RootCertStore::empty());
        let error = offhook::Driver::builder(Echo::silent()).client_tls(nobody).spawn(|_| ()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        assert!(Identity::from_pem(b"no PEM", b"no PEM").is_err());
        assert!(offhook::roots_from_pem(b"").is_err());
    }

    #[tokio::test]
    async fn a_server_that_speaks_no_tls_fails() {
        let server = Node::start(Echo::echoing(), |driver| driver.tcp(localhost()));
        let mut client = Node::client();
        assert_eq!(client.refused(target(Transport::Tls, server.addr())).await, FlowErrorKind::Tls);
    }

    #[tokio::test]
    async fn a_client_that_speaks_no_tls_is_no_flow() {
        let authority = Authority::new();
        let mut server = server(&authority.server(&["sip.example"]));
        let mut plain = TcpStream::connect(server.addr()).await.unwrap();
        plain.write_all(b"OPTIONS sip:sip.example SIP/2.0\r\n\r\n").await.unwrap();
        let mut rest = Vec::new();
        // It is told so by an alert, or simply closed.
        let _ = soon(plain.read_to_end(&mut rest)).await;
        let mut client = client(authority.trusted());
        echoes(&mut client, named("sip.example", Transport::Tls, &server)).await;
        assert_eq!(server.opened().await.1.transport, Transport::Tls);
    }

    #[tokio::test]
    async fn a_peer_of_another_making_is_heard_when_it_goes() {
        let authority = Authority::new();
        let mut server = server(&authority.server(&["sip.example"]));
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(authority.roots())
            .with_no_client_auth();
        let stream = TcpStream::connect(server.addr()).await.unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let mut peer = soon(connector.connect(ServerName::try_from("sip.example").unwrap(), stream)).await.unwrap();
        peer.write_all(b"hello").await.unwrap();
        peer.flush().await.unwrap();
        server.opened().await;
        assert_eq!(&server.received().await.1[..], b"hello");
        // Without a word: whether something was cut off cannot be known.
        drop(peer);
        assert_eq!(server.failed().await, FlowErrorKind::Lost);
    }

    #[tokio::test]
    async fn every_transport_listens_beside_the_others_over_both_families() {
        let authority = Authority::new();
        let tls = authority.server(&["sip.example"]);
        let v6 = "[::1]:0".parse().unwrap();
        let families = match TcpListener::bind("[::1]:0").await {
            Ok(_) => vec![localhost(), v6],
            Err(_) => vec![localhost()], // a machine without IPv6 shows the half of it
        };
        for any in families {
            let tls = tls.clone();
            let server = Node::start(Echo::echoing(), |driver| {
                driver.udp(any).tcp(any).tls(any, tls.clone()).ws(any).wss(any, tls)
            });
            let listens: Vec<_> = server.handle.local_addrs().to_vec();
            assert_eq!(listens.len(), 5);
            let mut client = client(authority.trusted());
            for listen in listens {
                let to = Target { host: "sip.example".into(), ..target(listen.transport, listen.addr) };
                echoes(&mut client, to).await;
            }
        }
    }
}
