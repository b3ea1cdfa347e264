//! Peers that mean ill, or are not there any more; and what runs out.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use offhook::Limits;
use offhook::core::transport::{FlowErrorKind, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::echo::{Echo, Node, localhost, soon, target};

const SHORT: Duration = Duration::from_millis(100);

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

/// Reads until the other side has closed, however it did.
async fn closed(stream: &mut TcpStream) {
    let _ = soon(stream.read_to_end(&mut Vec::new())).await;
}

async fn websocket(node: &Node) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(node.addr()).await.unwrap();
    let mut request = format!("ws://{}/", node.addr()).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "sip".parse().unwrap());
    soon(client_async(request, stream)).await.unwrap().0
}

/// Writes a byte now and again until the server has had enough.
async fn drip(addr: SocketAddr, bytes: &[u8]) {
    let (mut reader, mut writer) = TcpStream::connect(addr).await.unwrap().into_split();
    let dripping = async {
        for byte in bytes.iter().cycle() {
            if writer.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let mut rest = Vec::new();
    tokio::select! {
        () = dripping => {}
        _ = reader.read_to_end(&mut rest) => {}
    }
}

#[tokio::test]
async fn a_handshake_a_byte_at_a_time_ends_at_its_deadline() {
    let limits = limits(|limits| limits.handshake = SHORT);
    let server = Node::start(Echo::silent(), |driver| driver.limits(limits).ws(localhost()));
    soon(drip(server.addr(), b"GET / HTTP/1.1\r\nHost: example.com\r\nX-Long: ........................")).await;
    assert!(server.seen.is_empty());
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn a_tls_handshake_has_the_same_deadline() {
    let limits = limits(|limits| limits.handshake = SHORT);
    let tls = crate::authority::Authority::new().server(&["sip.example"]);
    let server =
        Node::start(Echo::silent(), |driver| driver.limits(limits).tls(localhost(), tls.clone()).wss(localhost(), tls));
    for listen in server.handle.local_addrs() {
        // The record header of a long ClientHello, then nothing but its bytes.
        soon(drip(listen.addr, b"\x16\x03\x01\x3f\xff\x01\x00\x3f\xfb\x03\x03")).await;
        // One that says nothing at all.
        closed(&mut TcpStream::connect(listen.addr).await.unwrap()).await;
    }
    assert!(server.seen.is_empty());
}

#[tokio::test]
async fn one_source_has_its_share_of_connections_and_gets_it_back() {
    let limits = limits(|limits| limits.connections_per_source = 2);
    let mut server = Node::start(Echo::silent(), |driver| driver.limits(limits).tcp(localhost()));
    let first = TcpStream::connect(server.addr()).await.unwrap();
    server.opened().await;
    let _second = TcpStream::connect(server.addr()).await.unwrap();
    server.opened().await;
    closed(&mut TcpStream::connect(server.addr()).await.unwrap()).await;
    drop(first);
    server.changed().await;
    // Its task ends after it has told so.
    let again = async {
        loop {
            let mut stream = TcpStream::connect(server.addr()).await.unwrap();
            tokio::select! {
                seen = server.seen.recv() => return seen.is_some(),
                _ = stream.read_u8() => {}
            }
        }
    };
    assert!(soon(again).await);
}

#[tokio::test]
async fn more_connections_than_allowed_are_closed_at_once() {
    let limits = limits(|limits| limits.connections = 1);
    let mut server = Node::start(Echo::echoing(), |driver| driver.limits(limits).tcp(localhost()));
    let mut first = TcpStream::connect(server.addr()).await.unwrap();
    server.opened().await;
    closed(&mut TcpStream::connect(server.addr()).await.unwrap()).await;
    first.write_all(b"still here").await.unwrap();
    let mut answer = [0; 10];
    soon(first.read_exact(&mut answer)).await.unwrap();
}

#[tokio::test]
async fn a_websocket_that_answers_no_pings_is_lost() {
    let limits = limits(|limits| limits.ping = SHORT);
    let mut server = Node::start(Echo::silent(), |driver| driver.limits(limits).ws(localhost()));
    // Nobody reads it, so nobody answers.
    let _deaf = websocket(&server).await;
    server.opened().await;
    assert_eq!(server.failed().await, FlowErrorKind::Lost);
}

#[tokio::test]
async fn a_websocket_that_answers_pings_lives_on() {
    let limits = limits(|limits| limits.ping = SHORT);
    let mut server = Node::start(Echo::echoing(), |driver| driver.limits(limits).ws(localhost()));
    let mut peer = websocket(&server).await;
    server.opened().await;
    for _ in 0..5 {
        assert!(matches!(soon(peer.next()).await, Some(Ok(Message::Ping(_)))));
    }
    peer.send(Message::text("hello")).await.unwrap();
    let echoed = async {
        while let Some(Ok(message)) = peer.next().await {
            if message == Message::text("hello") {
                return true;
            }
        }
        false
    };
    assert!(soon(echoed).await);
}

#[tokio::test]
async fn a_connection_nobody_uses_is_closed() {
    let limits = limits(|limits| limits.idle = SHORT);
    let mut server = Node::start(Echo::silent(), |driver| driver.limits(limits).tcp(localhost()));
    let mut client = Node::client();
    client.connect(target(Transport::Tcp, server.addr())).await;
    server.opened().await;
    assert_eq!(server.failed().await, FlowErrorKind::Lost);
    client.changed().await;
}

/// `offhook agent` that may hold only so many files open.
#[cfg(unix)]
struct Poor(Child);

#[cfg(unix)]
impl Drop for Poor {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(target_os = "linux")]
impl Poor {
    /// Processor time it has taken, in hundredths of a second.
    fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn without_file_descriptors_it_rests_and_then_goes_on() {
    let program = env!("CARGO_BIN_EXE_offhook");
    let script = format!("ulimit -n 24; exec {program} agent --json --aor sip:poor@example.com --bind tcp:127.0.0.1:0");
    let mut child =
        Command::new("sh").args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let output = child.stdout.take().unwrap();
    let _input = child.stdin.take();
    let poor = Poor(child);
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).unwrap();
    let listening: serde_json::Value = serde_json::from_str(&line).unwrap();
    let addr: SocketAddr = listening["local"].as_str().unwrap().parse().unwrap();

    let ping = async |stream: &mut TcpStream| {
        stream.write_all(b"\r\n\r\n").await.unwrap();
        stream.read_exact(&mut [0; 2]).await
    };
    let mut held = Vec::new();
    for _ in 0..40 {
        held.push(TcpStream::connect(addr).await.unwrap());
    }
    soon(ping(&mut held[0])).await.unwrap();
    // The last ones are in the system's queue and nobody takes them.
    let waiting = held.last_mut().unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(500), ping(waiting)).await.is_err());
    let before = poor.ticks();
    assert!(tokio::time::timeout(Duration::from_secs(1), waiting.read_u8()).await.is_err());
    let took = poor.ticks() - before;
    assert!(took < 50, "it took {took} hundredths of a second to do nothing for one");
    let mut last = held.pop().unwrap();
    drop(held);
    soon(last.read_exact(&mut [0; 2])).await.unwrap();
}
