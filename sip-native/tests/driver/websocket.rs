//! SIP over WebSocket (RFC 7118): both sides of the driver, each also against a peer of another making.

use crate::echo::{Echo, Node, localhost, soon, target};
use futures_util::{SinkExt, StreamExt};
use offhook::core::transport::{FlowChange, FlowErrorKind, Transport};
use offhook::{Limits, Origins};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async, client_async};

/// A server's side of tungstenite that answers with this subprotocol.
#[allow(clippy::result_large_err)]
async fn accept(listener: &TcpListener, subprotocol: Option<&'static str>) -> WebSocketStream<TcpStream> {
    let (stream, _) = soon(listener.accept()).await.unwrap();
    let answer = |request: &Request, mut response: Response| {
        assert_eq!(request.headers()["sec-websocket-protocol"], "sip");
        if let Some(subprotocol) = subprotocol {
            response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(subprotocol));
        }
        Ok(response)
    };
    soon(accept_hdr_async(stream, answer)).await.unwrap()
}

/// A client's side of tungstenite.
async fn dial(node: &Node, headers: &[(&'static str, &'static str)]) -> Result<WebSocketStream<TcpStream>, Error> {
    let stream = TcpStream::connect(node.addr()).await.unwrap();
    let mut request = format!("ws://{}/ws", node.addr()).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, HeaderValue::from_static(value));
    }
    soon(client_async(request, stream)).await.map(|(socket, _)| socket)
}

fn refusal<T>(dialed: Result<T, Error>) -> u16 {
    match dialed {
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(other) => panic!("expected a refusal, got {other}"),
        Ok(_) => panic!("expected a refusal"),
    }
}

const SIP: (&str, &str) = ("sec-websocket-protocol", "sip");

#[tokio::test]
async fn messages_are_echoed_between_two_drivers() {
    let mut server = Node::start(Echo::echoing(), |driver| driver.ws(localhost()));
    let mut client = Node::client();
    let path = client.connect(target(Transport::Ws, server.addr())).await;
    let (_, info) = server.opened().await;
    assert_eq!((info.transport, info.local), (Transport::Ws, server.addr()));
    client.send(path, "hello").await;
    client.send(path, &b"not UTF-8: \xff"[..]).await;
    assert_eq!(&client.received().await.1[..], b"hello");
    assert_eq!(&client.received().await.1[..], b"not UTF-8: \xff");
    assert_eq!(server.received().await.0.remote, info.remote.unwrap());
}

#[tokio::test]
async fn text_goes_out_and_both_kinds_come_in() {
    let listener = TcpListener::bind(localhost()).await.unwrap();
    let mut client = Node::client();
    let to = target(Transport::Ws, listener.local_addr().unwrap());
    let (mut peer, path) = tokio::join!(accept(&listener, Some("sip")), client.connect(to));
    client.send(path, "hello").await;
    assert_eq!(soon(peer.next()).await.unwrap().unwrap(), Message::text("hello"));
    peer.send(Message::text("text")).await.unwrap();
    peer.send(Message::binary("binary")).await.unwrap();
    assert_eq!(&client.received().await.1[..], b"text");
    assert_eq!(&client.received().await.1[..], b"binary");
    peer.send(Message::Ping("alive?".into())).await.unwrap();
    assert_eq!(soon(peer.next()).await.unwrap().unwrap(), Message::Pong("alive?".into()));
}

#[tokio::test]
async fn a_server_of_another_subprotocol_fails_the_handshake() {
    for subprotocol in [None, Some("chat")] {
        let listener = TcpListener::bind(localhost()).await.unwrap();
        let mut client = Node::client();
        let to = target(Transport::Ws, listener.local_addr().unwrap());
        let (_peer, kind) = tokio::join!(accept(&listener, subprotocol), client.refused(to));
        assert_eq!(kind, FlowErrorKind::Handshake, "{subprotocol:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_no_websocket_fails_the_handshake() {
    for answer in [&b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"[..], b"SSH-2.0-x\r\n\r\n", b""] {
        let listener = TcpListener::bind(localhost()).await.unwrap();
        let mut client = Node::client();
        let to = target(Transport::Ws, listener.local_addr().unwrap());
        let serve = async {
            let (mut stream, _) = soon(listener.accept()).await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await.unwrap();
            stream.write_all(answer).await.unwrap();
        };
        let ((), kind) = tokio::join!(serve, client.refused(to));
        assert_eq!(kind, FlowErrorKind::Handshake, "{answer:?}");
    }
}

#[tokio::test]
async fn a_peer_that_closes_in_order_is_closed_and_one_that_vanishes_is_lost() {
    let mut server = Node::start(Echo::silent(), |driver| driver.ws(localhost()));
    let mut orderly = dial(&server, &[SIP]).await.unwrap();
    server.opened().await;
    orderly.close(None).await.unwrap();
    assert_eq!(server.changed().await, FlowChange::Closed);

    let vanishing = dial(&server, &[SIP]).await.unwrap();
    server.opened().await;
    drop(vanishing);
    assert_eq!(server.failed().await, FlowErrorKind::Lost);
}

#[tokio::test]
async fn closing_comes_after_what_was_sent() {
    let mut server = Node::start(Echo::silent(), |driver| driver.ws(localhost()));
    let mut peer = dial(&server, &[SIP]).await.unwrap();
    let (flow, info) = server.opened().await;
    let path = offhook::core::transport::Path { flow, remote: info.remote.unwrap() };
    server
        .run(move |machine, _| {
            (0..100).for_each(|n| machine.send(path, format!("{n}")));
            machine.close(flow);
        })
        .await;
    for n in 0..100 {
        assert_eq!(soon(peer.next()).await.unwrap().unwrap(), Message::text(format!("{n}")));
    }
    assert!(matches!(soon(peer.next()).await, Some(Ok(Message::Close(_)))));
}

#[tokio::test]
async fn a_message_over_the_limit_fails_the_flow() {
    let mut limits = Limits::default();
    limits.message = 1000;
    let mut server = Node::start(Echo::silent(), |driver| driver.ws(localhost()).limits(limits));
    let mut peer = dial(&server, &[SIP]).await.unwrap();
    server.opened().await;
    peer.send(Message::text("x".repeat(1000))).await.unwrap();
    assert_eq!(server.received().await.1.len(), 1000);
    peer.send(Message::text("x".repeat(1001))).await.unwrap();
    assert_eq!(server.failed().await, FlowErrorKind::Framing);
}

#[tokio::test]
async fn clients_without_the_subprotocol_or_from_a_foreign_page_stay_outside() {
    let origins = Origins::Only(vec!["https://phone.example".to_owned()]);
    let node = Node::start(Echo::silent(), |driver| driver.ws(localhost()).origins(origins));
    assert_eq!(refusal(dial(&node, &[]).await), 400);
    assert_eq!(refusal(dial(&node, &[("sec-websocket-protocol", "chat")]).await), 400);
    assert_eq!(refusal(dial(&node, &[SIP, ("origin", "https://evil.example")]).await), 403);
    dial(&node, &[SIP, ("origin", "https://phone.example")]).await.unwrap();
    dial(&node, &[SIP]).await.unwrap();
}

#[cfg(feature = "http")]
mod http {
    use offhook::HttpService;
    use offhook::http::{Method, Request, Response, StatusCode};

    use super::*;

    fn server() -> Node {
        let service = HttpService::new("/ws", |request: Request<()>| {
            let mut response = Response::new("<h1>phone</h1>".into());
            if request.method() != Method::GET || request.uri().path() != "/" {
                *response.status_mut() = StatusCode::NOT_FOUND;
            }
            response
        });
        Node::start(Echo::echoing(), |driver| driver.http(localhost(), service).origins(Origins::SameHost))
    }

    async fn exchange(node: &Node, request: &str) -> String {
        let mut stream = TcpStream::connect(node.addr()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon(stream.read_to_string(&mut answer)).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn pages_and_sip_share_a_port() {
        let mut server = server();
        let page = exchange(&server, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.ends_with("\r\n\r\n<h1>phone</h1>"), "{page}");
        let none = exchange(&server, "GET /favicon.ico HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        assert!(none.starts_with("HTTP/1.1 404"), "{none}");

        let mut client = Node::client();
        let to = offhook::core::transport::Target { resource: "/ws".into(), ..target(Transport::Ws, server.addr()) };
        let path = client.connect(to.clone()).await;
        assert_eq!(server.opened().await.1.transport, Transport::Ws);
        client.send(path, "hello").await;
        assert_eq!(&client.received().await.1[..], b"hello");
        let elsewhere = offhook::core::transport::Target { resource: "/".into(), ..to };
        assert_eq!(client.refused(elsewhere).await, FlowErrorKind::Handshake);
    }

    #[tokio::test]
    async fn what_is_no_websocket_is_told_so() {
        let server = server();
        let plain = exchange(&server, "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        assert!(plain.starts_with("HTTP/1.1 426"), "{plain}");
        let garbage = exchange(&server, "INVITE sip:x SIP/2.0\r\n\r\n").await;
        assert!(garbage.starts_with("HTTP/1.1 400"), "{garbage}");
        assert_eq!(refusal(dial(&server, &[]).await), 400);
        assert_eq!(refusal(dial(&server, &[SIP, ("origin", "https://evil.example")]).await), 403);
        let stopped = server.handle.stopped();
        drop(server);
        soon(stopped).await;
    }
}
