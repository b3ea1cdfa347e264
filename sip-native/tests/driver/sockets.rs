//! The driver's own behaviour: time, commands, UDP, TCP, resolving, and its end.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::echo::{Echo, Node, Seen, localhost, soon, target};
use offhook::core::transport::{FlowChange, FlowErrorKind, FlowId, Output, Path, QueryId, Target, Transport};
use offhook::{Limits, Stopped};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

#[tokio::test]
async fn udp_is_echoed() {
    let mut server = Node::start(Echo::echoing(), |driver| driver.udp(localhost()));
    let mut client = Node::start(Echo::silent(), |driver| driver.udp(localhost()));
    let (flow, info) = client.opened().await;
    assert_eq!((info.transport, info.local, info.remote), (Transport::Udp, client.addr(), None));
    client.send(Path { flow, remote: server.addr() }, "hello").await;
    let (path, bytes) = client.received().await;
    assert_eq!((path, &bytes[..]), (Path { flow, remote: server.addr() }, &b"hello"[..]));
    server.opened().await;
    assert_eq!(server.received().await.0.remote, client.addr());
}

#[tokio::test]
async fn udp_works_over_ipv6_beside_ipv4_on_the_same_port() {
    if UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).await.is_err() {
        return; // A machine without IPv6 has nothing to show here.
    }
    let v4 = Node::start(Echo::echoing(), |driver| driver.udp(([0, 0, 0, 0], 0).into()));
    let port = v4.addr().port();
    let v6 = Node::start(Echo::echoing(), |driver| driver.udp((Ipv6Addr::UNSPECIFIED, port).into()));
    let mut client = Node::start(Echo::silent(), |driver| driver.udp((Ipv6Addr::LOCALHOST, 0).into()));
    let (flow, _) = client.opened().await;
    let remote = SocketAddr::from((Ipv6Addr::LOCALHOST, v6.addr().port()));
    client.send(Path { flow, remote }, "hello").await;
    assert_eq!(client.received().await.0.remote, remote);
}

#[tokio::test]
async fn a_burst_of_datagrams_keeps_its_order() {
    let server = Node::start(Echo::echoing(), |driver| driver.udp(localhost()));
    let mut client = Node::start(Echo::silent(), |driver| driver.udp(localhost()));
    let (flow, _) = client.opened().await;
    let path = Path { flow, remote: server.addr() };
    client.run(move |machine, _| (0..100u8).for_each(|n| machine.send(path, vec![n; 1000]))).await;
    for n in 0..100u8 {
        assert_eq!(client.received().await.1, vec![n; 1000]);
    }
}

#[tokio::test]
async fn a_closed_port_does_not_stop_the_loop() {
    let closed = UdpSocket::bind(localhost()).await.unwrap().local_addr().unwrap();
    let server = Node::start(Echo::echoing(), |driver| driver.udp(localhost()));
    let mut client = Node::start(Echo::silent(), |driver| driver.udp(localhost()));
    let (flow, _) = client.opened().await;
    let path = Path { flow, remote: closed };
    client.run(move |machine, _| (0..200).for_each(|_| machine.send(path, "anyone?"))).await;
    client.send(Path { flow, remote: server.addr() }, "hello").await;
    loop {
        match client.next().await {
            Seen::Undelivered(lost, ..) => assert_eq!(lost, path),
            Seen::Received(_, bytes) => break assert_eq!(&bytes[..], b"hello"),
            other => panic!("{other:?}"),
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_datagram_nobody_takes_is_told_with_its_text() {
    for any in [localhost(), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))] {
        let Ok(closed) = UdpSocket::bind(any).await else { continue };
        let remote = closed.local_addr().unwrap();
        drop(closed);
        let mut client = Node::start(Echo::silent(), |driver| driver.udp(any));
        let (flow, _) = client.opened().await;
        let path = Path { flow, remote };
        for text in ["anyone?", "still nobody?"] {
            client.send(path, text).await;
            let (lost, quoted, error) = client.undelivered().await;
            assert_eq!((lost, &quoted[..], error.kind), (path, text.as_bytes(), FlowErrorKind::Refused));
        }
    }
}

#[tokio::test]
async fn a_datagram_that_cannot_be_sent_is_told() {
    let mut client = Node::start(Echo::silent(), |driver| driver.udp(localhost()));
    let (flow, _) = client.opened().await;
    // No way leads from the loopback to the other family.
    let path = Path { flow, remote: SocketAddr::from((Ipv6Addr::LOCALHOST, 9)) };
    client.send(path, "hello").await;
    let (lost, quoted, _) = client.undelivered().await;
    assert_eq!((lost, &quoted[..]), (path, &b"hello"[..]));
}

#[tokio::test]
async fn a_datagram_too_long_to_send_harms_nobody() {
    let server = Node::start(Echo::echoing(), |driver| driver.udp(localhost()));
    let mut client = Node::start(Echo::silent(), |driver| driver.udp(localhost()));
    let (flow, _) = client.opened().await;
    let path = Path { flow, remote: server.addr() };
    client.send(path, vec![b'x'; 70_000]).await;
    assert_eq!(client.undelivered().await.0, path);
    client.send(path, vec![b'y'; 60_000]).await;
    assert_eq!(client.received().await.1, vec![b'y'; 60_000]);
}

#[tokio::test]
async fn a_udp_flow_can_be_opened() {
    let server = Node::start(Echo::echoing(), |driver| driver.udp(localhost()));
    let mut client = Node::client();
    let path = client.connect(target(Transport::Udp, server.addr())).await;
    client.send(path, "hello").await;
    assert_eq!(client.received().await.0, path);
}

#[tokio::test]
async fn tcp_is_echoed_and_ends_as_closed() {
    let server = Node::start(Echo::echoing(), |driver| driver.tcp(localhost()));
    let mut client = Node::client();
    let path = client.connect(target(Transport::Tcp, server.addr())).await;
    assert_eq!(path.remote, server.addr());
    client.send(path, "hello").await;
    assert_eq!(&client.received().await.1[..], b"hello");
    server.handle.stop();
    assert_eq!(client.changed().await, FlowChange::Closed);
}

#[tokio::test]
async fn what_was_sent_before_the_connection_is_up_and_before_it_closes_arrives() {
    let listener = TcpListener::bind(localhost()).await.unwrap();
    let to = target(Transport::Tcp, listener.local_addr().unwrap());
    let client = Node::client();
    client
        .run(move |machine, _| {
            let flow = machine.open(to);
            let path = Path { flow, remote: Path::UNKNOWN };
            (0..50).for_each(|_| machine.send(path, vec![b'x'; 20_000]));
            machine.close(flow);
        })
        .await;
    let (mut stream, _) = soon(listener.accept()).await.unwrap();
    let mut all = Vec::new();
    soon(stream.read_to_end(&mut all)).await.unwrap();
    assert_eq!(all.len(), 1_000_000);
}

#[tokio::test]
async fn a_connection_nobody_reads_is_lost_and_no_other() {
    let listener = TcpListener::bind(localhost()).await.unwrap();
    let server = Node::start(Echo::echoing(), |driver| driver.tcp(localhost()));
    let mut client = Node::client();
    let stuck = client.connect(target(Transport::Tcp, listener.local_addr().unwrap())).await;
    let _unread = soon(listener.accept()).await.unwrap();
    let well = client.connect(target(Transport::Tcp, server.addr())).await;
    client.run(move |machine, _| (0..2000).for_each(|_| machine.send(stuck, vec![b'x'; 50_000]))).await;
    match client.next().await {
        Seen::Changed(flow, FlowChange::Failed(error)) => {
            assert_eq!((flow, error.kind), (stuck.flow, FlowErrorKind::Lost));
        }
        other => panic!("expected the stuck flow to fail, saw {other:?}"),
    }
    client.send(well, "hello").await;
    assert_eq!(client.received().await.0, well);
}

#[tokio::test]
async fn refusals_are_told_by_kind() {
    let closed = TcpListener::bind(localhost()).await.unwrap().local_addr().unwrap();
    let mut client = Node::client();
    assert_eq!(client.refused(target(Transport::Tcp, closed)).await, FlowErrorKind::Refused);
    assert_eq!(client.refused(target(Transport::Ws, closed)).await, FlowErrorKind::Refused);
    let nowhere = Target { host: "no such name".into(), addr: None, ..target(Transport::Tcp, closed) };
    assert_eq!(client.refused(nowhere).await, FlowErrorKind::Unresolved);
}

#[tokio::test]
async fn a_reset_connection_is_lost() {
    let listener = TcpListener::bind(localhost()).await.unwrap();
    let mut client = Node::client();
    client.connect(target(Transport::Tcp, listener.local_addr().unwrap())).await;
    let (stream, _) = soon(listener.accept()).await.unwrap();
    stream.set_zero_linger().unwrap();
    drop(stream);
    assert_eq!(client.failed().await, FlowErrorKind::Lost);
}

#[tokio::test]
async fn names_are_resolved() {
    let mut client = Node::client();
    let ask = |name: &'static str, number| Output::Resolve { query: QueryId::from_number(number), name: name.into() };
    client.run(move |machine, _| machine.outputs.push_back(ask("localhost", 7))).await;
    let Seen::Resolved(query, Ok(found)) = client.next().await else { panic!("localhost has an address") };
    assert_eq!(query.number(), 7);
    assert!(found.iter().all(IpAddr::is_loopback) && !found.is_empty());
    client.run(move |machine, _| machine.outputs.push_back(ask("no such name", 8))).await;
    let Seen::Resolved(_, Err(error)) = client.next().await else { panic!("it has no address") };
    assert_eq!(error.kind, FlowErrorKind::Unresolved);
}

#[tokio::test(start_paused = true)]
async fn timeouts_come_at_their_millisecond() {
    let mut node = Node::client();
    for wait in [1, 500, 32_000, 3_600_000] {
        let at = node
            .run(move |machine, now| {
                let at = now + Duration::from_millis(wait);
                machine.timeout = Some(at);
                at
            })
            .await;
        let Some(Seen::Timeout(now)) = node.seen.recv().await else { panic!("expected the timeout") };
        assert_eq!(now, at);
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_can_be_moved_and_taken_away() {
    let mut node = Node::client();
    let set = |wait: u64| {
        move |machine: &mut Echo, now| {
            machine.timeout = Some(now + Duration::from_millis(wait));
            machine.timeout
        }
    };
    node.run(set(10_000)).await;
    let earlier = node.run(set(100)).await;
    let Some(Seen::Timeout(now)) = node.seen.recv().await else { panic!("expected the timeout") };
    assert_eq!(Some(now), earlier);
    node.run(set(100)).await;
    node.run(|machine, _| machine.timeout = None).await;
    let later = node.run(set(5_000)).await;
    let Some(Seen::Timeout(now)) = node.seen.recv().await else { panic!("expected the timeout") };
    assert_eq!(Some(now), later);
}

#[tokio::test]
async fn the_inbox_wakes_the_driver() {
    let machine = Echo::silent();
    let inbox = machine.inbox.clone();
    let mut node = Node::start(machine, |driver| driver);
    for _ in 0..3 {
        inbox.put();
        assert!(matches!(node.next().await, Seen::Inbox));
    }
}

#[tokio::test]
async fn a_finished_machine_ends_the_driver() {
    let node = Node::start(Echo::silent(), |driver| driver.udp(localhost()).tcp(localhost()));
    node.run(|machine, _| machine.finished = true).await;
    soon(node.handle.stopped()).await;
    assert_eq!(node.handle.run(|_, _| ()).await, Err(Stopped));
    assert_eq!(node.handle.post(|_, _| ()), Err(Stopped));
}

#[tokio::test]
async fn the_last_handle_takes_everything_with_it() {
    let mut server = Node::start(Echo::silent(), |driver| driver.udp(localhost()).tcp(localhost()).ws(localhost()));
    let addresses: Vec<_> = server.handle.local_addrs().iter().map(|listen| listen.addr).collect();
    let mut peer = TcpStream::connect(addresses[1]).await.unwrap();
    // One that never finishes its handshake, and a flow that never comes up.
    let mut silent = TcpStream::connect(addresses[2]).await.unwrap();
    let deaf = TcpListener::bind(localhost()).await.unwrap();
    let to = target(Transport::Ws, deaf.local_addr().unwrap());
    server.run(move |machine, _| machine.open(to)).await;
    let (mut waiting, _) = soon(deaf.accept()).await.unwrap();
    server.opened().await;
    server.opened().await;

    let (clone, stopped) = (server.handle.clone(), server.handle.stopped());
    drop(server);
    assert_eq!(clone.run(|_, _| 1).await, Ok(1));
    drop(clone);
    let mut rest = Vec::new();
    assert_eq!(soon(peer.read_to_end(&mut rest)).await.unwrap(), 0);
    drop(peer);
    assert_eq!(soon(silent.read_to_end(&mut rest)).await.unwrap(), 0);
    soon(waiting.read_to_end(&mut rest)).await.unwrap();
    soon(stopped).await;
    UdpSocket::bind(addresses[0]).await.unwrap();
    TcpListener::bind(addresses[1]).await.unwrap();
    TcpListener::bind(addresses[2]).await.unwrap();
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
}

#[tokio::test]
async fn a_detached_driver_goes_on_until_its_machine_is_finished() {
    let mut server = Node::start(Echo::echoing(), |driver| driver.udp(localhost()));
    let addr = server.addr();
    server.handle.detach();
    let socket = UdpSocket::bind(localhost()).await.unwrap();
    socket.send_to(b"hello", addr).await.unwrap();
    let mut buffer = [0; 16];
    assert_eq!(soon(socket.recv_from(&mut buffer)).await.unwrap(), (5, addr));
    assert!(matches!(server.seen.recv().await, Some(Seen::Opened(..))));
}

#[tokio::test]
async fn a_peer_that_does_not_close_holds_the_end_up_for_the_linger_at_most() {
    let mut limits = Limits::default();
    limits.linger = Duration::from_millis(20);
    let server = Node::start(Echo::silent(), |driver| driver.tcp(localhost()).limits(limits));
    let mut peer = TcpStream::connect(server.addr()).await.unwrap();
    peer.write_all(b"hello").await.unwrap();
    server.handle.stop();
    soon(server.handle.stopped()).await;
}

#[tokio::test]
async fn a_flow_closed_while_it_is_opened_is_given_up() {
    let deaf = TcpListener::bind(localhost()).await.unwrap();
    let to = target(Transport::Ws, deaf.local_addr().unwrap());
    let client = Node::client();
    let flow: FlowId = client.run(move |machine, _| machine.open(to)).await;
    let (mut stream, _) = soon(deaf.accept()).await.unwrap();
    client.run(move |machine, _| machine.close(flow)).await;
    soon(stream.read_to_end(&mut Vec::new())).await.unwrap();
}

#[tokio::test]
async fn a_handshake_that_takes_too_long_is_a_timeout() {
    let deaf = TcpListener::bind(localhost()).await.unwrap();
    let mut limits = Limits::default();
    limits.connect = Duration::from_millis(20);
    let mut client = Node::start(Echo::silent(), |driver| driver.limits(limits));
    let to = target(Transport::Ws, deaf.local_addr().unwrap());
    assert_eq!(client.refused(to).await, FlowErrorKind::Timeout);
}
