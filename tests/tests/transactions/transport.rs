//! What transactions and transports have to do with each other: where responses go (RFC 3261 18.2, RFC 3581), flows that
//! fail, streams, keep-alives, garbage, overload.

use bytes::Bytes;
use offhook_core::transaction::{Event, LINGERING, TimerConfig};
use offhook_core::transport::{FlowChange, FlowError, FlowErrorKind, FlowInfo, Path, Transport};
use offhook_tests::layer::Layer;
use offhook_tests::sip::Text;

fn heard(layer: &mut Layer) -> Vec<String> {
    layer.heard().into_iter().map(|(_, words)| words).collect()
}

fn options(via: &str) -> Text {
    Text::request("OPTIONS", "x").set("Via", via)
}

/// The Vias of the 200 to a request that came this way, and where it went.
fn answered(layer: &mut Layer, source: Path, request: &Text) -> (Vec<String>, Path) {
    layer.receive(source, request);
    let server = layer.server();
    layer.respond(server, 200);
    let vias = layer.last().all("Via").into_iter().map(str::to_owned).collect();
    (vias, layer.last_path())
}

fn from(path: Path, ip: [u8; 4], port: u16) -> Path {
    Path { remote: (ip, port).into(), ..path }
}

// ---- the Via and the way of a response

#[test]
fn over_udp_a_response_goes_to_the_source_address_and_the_port_of_sent_by() {
    let mut layer = Layer::new();
    let path = layer.udp();
    let source = from(path, [192, 0, 2, 1], 40_000);
    let (vias, to) = answered(&mut layer, source, &options("SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK1"));
    assert_eq!(vias, ["SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK1"]);
    assert_eq!(to, from(path, [192, 0, 2, 1], 5070));

    let (vias, to) = answered(&mut layer, source, &options("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2"));
    assert_eq!(vias, ["SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2"]);
    assert_eq!(to, from(path, [192, 0, 2, 1], 5060), "the default port");
}

#[test]
fn received_is_added_where_sent_by_is_not_the_source() {
    let mut layer = Layer::new();
    let path = layer.udp();
    let source = from(path, [198, 51, 100, 7], 40_000);
    let (vias, to) = answered(&mut layer, source, &options("SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1"));
    assert_eq!(vias, ["SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1;received=198.51.100.7"]);
    assert_eq!(to, from(path, [198, 51, 100, 7], 5070));
    let (vias, _) = answered(&mut layer, source, &options("SIP/2.0/UDP pc.example.com;branch=z9hG4bK2"));
    assert_eq!(vias, ["SIP/2.0/UDP pc.example.com;branch=z9hG4bK2;received=198.51.100.7"]);
}

#[test]
fn rport_gets_the_source_port_and_the_response_goes_there() {
    let mut layer = Layer::new();
    let path = layer.udp();
    let source = from(path, [198, 51, 100, 7], 40_000);
    let (vias, to) = answered(&mut layer, source, &options("SIP/2.0/UDP 10.0.0.1:5070;rport;branch=z9hG4bK1"));
    assert_eq!(vias, ["SIP/2.0/UDP 10.0.0.1:5070;rport=40000;branch=z9hG4bK1;received=198.51.100.7"]);
    assert_eq!(to, source);
    // RFC 3581 4: received also where it says the same as sent-by.
    let (vias, to) = answered(&mut layer, source, &options("SIP/2.0/UDP 198.51.100.7:40000;branch=z9hG4bK2;rport"));
    assert_eq!(vias, ["SIP/2.0/UDP 198.51.100.7:40000;branch=z9hG4bK2;rport=40000;received=198.51.100.7"]);
    assert_eq!(to, source);
}

#[test]
fn a_received_or_rport_the_peer_made_up_is_replaced() {
    let mut layer = Layer::new();
    let path = layer.udp();
    let source = from(path, [198, 51, 100, 7], 40_000);
    let via = "SIP/2.0/UDP 10.0.0.1;received=203.0.113.66;rport=1;branch=z9hG4bK1";
    let (vias, to) = answered(&mut layer, source, &options(via));
    assert_eq!(vias, ["SIP/2.0/UDP 10.0.0.1;rport=40000;branch=z9hG4bK1;received=198.51.100.7"]);
    assert_eq!(to, source);
}

#[test]
fn the_rest_of_the_vias_comes_back_as_it_was() {
    let mut layer = Layer::new();
    let path = layer.udp();
    let top = "SIP / 2.0 / UDP  192.0.2.1:5060 ;  branch = z9hG4bK1 ;x=\"a, b; \\\" c\";Y;z";
    let below = ["SIP/2.0/TCP b.example.com;branch=z9hG4bK0;received=1.2.3.4", "SIP/2.0/UDP c.example.com;q=\"d,e\""];
    let request = options(&format!("{top} ,  {}", below[0])).add("Via", below[1]);
    let (vias, to) = answered(&mut layer, path, &request);
    let joined = vias.join(", ");
    let parts = [top.split("  branch").next().unwrap_or_default().trim_end_matches([' ', ';']), below[0], below[1]];
    assert!(joined.starts_with(parts[0]), "{joined}");
    assert!(joined.ends_with(&parts[1..].join(", ")), "{joined}");
    assert!(joined.contains("x=\"a, b; \\\" c\""), "quoted values stay quoted: {joined}");
    assert!(joined.contains("branch = z9hG4bK1") || joined.contains("branch=z9hG4bK1"), "{joined}");
    assert_eq!(to, path);
}

#[test]
fn over_ipv6_received_has_no_brackets() {
    let mut layer = Layer::new();
    let local = "[2001:db8::9]:5060".parse().expect("an address");
    let flow = layer.transactions.flow_opened(FlowInfo { transport: Transport::Udp, local, remote: None });
    let remote = "[2001:db8::1]:40000".parse().expect("an address");
    let source = Path { flow, remote };
    let (vias, to) = answered(&mut layer, source, &options("SIP/2.0/UDP [2001:db8::2]:5070;branch=z9hG4bK1"));
    assert_eq!(vias, ["SIP/2.0/UDP [2001:db8::2]:5070;branch=z9hG4bK1;received=2001:db8::1"]);
    assert_eq!(to.remote, "[2001:db8::1]:5070".parse().expect("an address"));
    let (vias, _) = answered(&mut layer, source, &options("SIP/2.0/UDP [2001:DB8:0::1]:5070;branch=z9hG4bK2"));
    assert_eq!(vias, ["SIP/2.0/UDP [2001:DB8:0::1]:5070;branch=z9hG4bK2"], "the same address written otherwise");
}

#[test]
fn over_a_connection_a_response_goes_back_on_it_whatever_the_via_says() {
    for transport in [Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss] {
        let mut layer = Layer::new();
        let path = layer.flow(transport);
        let via = format!("SIP/2.0/{transport} df7jal23ls0d.invalid:9;branch=z9hG4bK1");
        let (vias, to) = answered(&mut layer, path, &options(&via));
        assert_eq!(vias, [format!("{via};received=192.0.2.1")]);
        assert_eq!(to, path);
    }
}

#[test]
fn where_the_peers_address_is_not_known_the_via_stays_as_it_was() {
    let mut layer = Layer::new();
    let path = layer.open(Transport::Wss);
    layer.change(path, FlowChange::Connected { local: Path::UNKNOWN, remote: Path::UNKNOWN });
    let source = Path { flow: path.flow, remote: Path::UNKNOWN };
    let via = "SIP/2.0/WSS proxy.example.com;branch=z9hG4bK1;rport";
    let (vias, to) = answered(&mut layer, source, &options(via));
    assert_eq!((vias, to), (vec![via.to_owned()], source));
}

#[test]
fn retransmitted_responses_go_the_same_way() {
    let mut layer = Layer::new();
    let path = layer.udp();
    let source = from(path, [198, 51, 100, 7], 40_000);
    let request = Text::request("INVITE", "x").set("Via", "SIP/2.0/UDP 10.0.0.1;rport;branch=z9hG4bK1");
    layer.receive(source, &request);
    layer.at(200);
    assert_eq!(layer.last_path(), source);
    assert_eq!(layer.last().get("Via"), "SIP/2.0/UDP 10.0.0.1;rport=40000;branch=z9hG4bK1;received=198.51.100.7");
    let server = layer.server();
    layer.respond(server, 486);
    layer.at(700);
    assert_eq!(layer.times("486 INVITE"), [200, 700]);
    assert_eq!(layer.last_path(), source);
}

#[test]
fn the_to_tag_is_added_once() {
    for (to, expected) in [
        ("Bob <sip:bob@example.com>", "Bob <sip:bob@example.com>;tag=bob"),
        ("sip:bob@example.com", "sip:bob@example.com;tag=bob"),
        ("<sip:bob@example.com;tag=no>;x", "<sip:bob@example.com;tag=no>;x;tag=bob"),
        ("<sip:bob@example.com>;tag=theirs", "<sip:bob@example.com>;tag=theirs"),
        ("<sip:bob@example.com>;tag=", "<sip:bob@example.com>;tag=bob"),
    ] {
        let mut layer = Layer::new();
        let path = layer.udp();
        layer.receive(path, &Text::request("OPTIONS", "z9hG4bK1").set("To", to));
        let server = layer.server();
        layer.respond(server, 200);
        assert_eq!(layer.last().get("To"), expected);
    }
}

// ---- flows that fail

#[test]
fn a_lost_flow_fails_what_waits_on_it_at_once() {
    let lost = FlowError::new(FlowErrorKind::Lost, "connection reset");
    for (change, down) in [(FlowChange::Closed, "down"), (FlowChange::Failed(lost), "down Lost")] {
        let mut layer = Layer::new();
        let (path, other) = (layer.flow(Transport::Tcp), layer.flow(Transport::Tcp));
        layer.request(path, &Text::request("INVITE", "z9hG4bK1"), 1);
        layer.request(path, &Text::request("OPTIONS", "z9hG4bK2"), 2);
        let ringing = layer.request(path, &Text::request("INVITE", "z9hG4bK3"), 3);
        layer.answer(path, 180, "b");
        layer.cancel(ringing, None);
        layer.request(path, &Text::request("INVITE", "z9hG4bK4"), 4);
        layer.answer(path, 200, "b");
        layer.request(other, &Text::request("OPTIONS", "z9hG4bK5"), 5);
        layer.heard();
        layer.at(1000);
        layer.change(path, change);
        assert_eq!(heard(&mut layer), ["Lost for 1", "Lost for 2", "Lost for 3", down]);
        assert_eq!(layer.transactions.len(), (2, 0), "the answered call and the other flow");
        assert_eq!(layer.finish(), 32_000);
        assert_eq!(heard(&mut layer), ["timer F for 5"]);
    }
}

#[test]
fn what_waits_for_a_connection_goes_out_in_order_when_it_is_up() {
    let mut layer = Layer::new();
    let path = layer.open(Transport::Tcp);
    assert_eq!(layer.flows().0, [path.flow]);
    layer.request(path, &Text::request("OPTIONS", "z9hG4bK1"), 1);
    layer.request(path, &Text::request("INVITE", "z9hG4bK2"), 2);
    assert!(layer.sent().is_empty());
    layer.at(80);
    layer.connected(path);
    assert_eq!(layer.sent(), [(80, "OPTIONS".to_owned()), (80, "INVITE".to_owned())]);
    assert_eq!(layer.last_path(), path);
}

#[test]
fn a_connection_that_does_not_come_up_fails_what_waits_for_it() {
    for kind in [FlowErrorKind::Refused, FlowErrorKind::Timeout, FlowErrorKind::Tls, FlowErrorKind::Unresolved] {
        let mut layer = Layer::new();
        let path = layer.open(Transport::Tls);
        layer.request(path, &Text::request("OPTIONS", "z9hG4bK1"), 1);
        layer.at(80);
        layer.change(path, FlowChange::Failed(FlowError::new(kind, "no")));
        assert_eq!(heard(&mut layer), [format!("{kind:?} for 1"), format!("down {kind:?}")]);
        assert_eq!(layer.finish(), 80);
        assert!(layer.sent().is_empty());
        layer.connected(path);
        assert!(heard(&mut layer).is_empty(), "the flow is forgotten");
    }
}

#[test]
fn a_request_on_a_flow_that_is_gone_fails_at_once() {
    let mut layer = Layer::new();
    let path = layer.flow(Transport::Ws);
    layer.change(path, FlowChange::Closed);
    layer.request(path, &Text::request("OPTIONS", "z9hG4bK1"), 1);
    assert_eq!(heard(&mut layer), ["down", "Lost for 1"]);
    assert_eq!(layer.finish(), 0);
}

#[test]
fn a_flow_the_user_closes_fails_what_waits_on_it_at_once() {
    let mut layer = Layer::new();
    let path = layer.flow(Transport::Ws);
    layer.request(path, &Text::request("OPTIONS", "z9hG4bK1"), 1);
    layer.at(10);
    layer.close(path);
    assert_eq!(layer.flows().1, [path.flow]);
    assert_eq!(heard(&mut layer), ["Lost for 1"], "the user closed it: no event says so");
    assert_eq!(layer.finish(), 10);
}

// ---- streams

#[test]
fn a_stream_is_cut_into_messages_wherever_its_bytes_are_cut() {
    let mut stream = Vec::new();
    stream.extend_from_slice(b"\r\n\r\n");
    stream.extend_from_slice(&Text::request("OPTIONS", "z9hG4bK1").bytes());
    let mut with_body =
        Text::request("MESSAGE", "z9hG4bK2").set("Content-Length", "11").add("Content-Type", "text/plain");
    with_body.body = "hello\r\n\r\nyo".into();
    stream.extend_from_slice(&with_body.bytes());
    stream.extend_from_slice(b"\r\n\r\n");
    stream.extend_from_slice(&Text::request("INFO", "z9hG4bK3").bytes());
    for piece in [1, 2, 3, 7, 64, 311, 312, stream.len()] {
        let mut layer = Layer::new();
        let path = layer.flow(Transport::Tcp);
        for chunk in stream.chunks(piece) {
            layer.bytes(path, Bytes::copy_from_slice(chunk));
        }
        let events = layer.events();
        let body = |event: &Event<u32>| match event {
            Event::Request { request, .. } => request.body().to_vec(),
            other => panic!("{other:?}"),
        };
        let bodies: Vec<Vec<u8>> = events.iter().map(body).collect();
        assert_eq!(bodies, [&b""[..], b"hello\r\n\r\nyo", b""], "pieces of {piece}");
        assert_eq!(layer.bytes_sent(), [&b"\r\n"[..], b"\r\n"], "a pong each");
    }
}

#[test]
fn a_message_in_a_stream_that_cannot_be_read_does_not_stop_the_next() {
    let mut layer = Layer::new();
    let path = layer.flow(Transport::Tcp);
    layer.bytes(path, Bytes::from_static(b"what is this\r\nContent-Length: 3\r\n\r\nabc"));
    layer.receive(path, &Text::request("OPTIONS", "z9hG4bK1"));
    assert_eq!(heard(&mut layer), ["malformed start line", "OPTIONS"]);
    assert!(layer.flows().1.is_empty());
}

#[test]
fn a_stream_whose_framing_is_lost_is_closed() {
    let mut layer = Layer::new();
    let path = layer.flow(Transport::Tcp);
    layer.request(path, &Text::request("INVITE", "z9hG4bK1"), 1);
    layer.receive(path, &Text::request("OPTIONS", "z9hG4bK1").without("Content-Length"));
    assert_eq!(heard(&mut layer), ["malformed Content-Length", "Framing for 1", "down Framing"]);
    assert_eq!(layer.flows().1, [path.flow]);
    layer.receive(path, &Text::request("OPTIONS", "z9hG4bK2"));
    assert!(heard(&mut layer).is_empty(), "what still comes on it is dropped");
    assert_eq!(layer.finish(), 0);
}

#[test]
fn a_message_longer_than_the_limit_ends_a_stream() {
    let mut layer = Layer::new();
    let path = layer.flow(Transport::Tcp);
    layer.receive(path, &Text::request("MESSAGE", "z9hG4bK1").set("Content-Length", "70000"));
    assert_eq!(heard(&mut layer), ["malformed body", "down Framing"]);
}

#[test]
fn a_message_that_comes_a_byte_at_a_time_ends_its_stream_after_32_seconds() {
    let mut layer = Layer::new();
    let path = layer.flow(Transport::Tcp);
    layer.bytes(path, Bytes::from_static(b"\r\n"));
    layer.at(100_000);
    assert!(layer.flows().1.is_empty(), "the half of a keep-alive is no message");
    let message = Text::request("OPTIONS", "z9hG4bK1").bytes();
    for (second, byte) in message.chunks(1).enumerate() {
        if layer.flows().1.is_empty() {
            layer.bytes(path, Bytes::copy_from_slice(byte));
            layer.at(100_000 + 1000 * (second as u64 + 1));
        }
    }
    assert_eq!(heard(&mut layer), ["down Timeout"]);
    assert_eq!(layer.flows().1, [path.flow]);
    assert_eq!(layer.finish(), 135_000, "counted from its fourth byte");
}

#[test]
fn a_stream_with_a_message_under_way_all_the_time_goes_on_as_long_as_each_comes_in_time() {
    let mut layer = Layer::new();
    let path = layer.flow(Transport::Tcp);
    let messages: Vec<Bytes> = (0..20).map(|n| Text::request("OPTIONS", &format!("z9hG4bK{n}")).bytes()).collect();
    let stream = messages.concat();
    let half = messages[0].len() / 2;
    layer.bytes(path, Bytes::copy_from_slice(&stream[..half]));
    for (n, piece) in stream[half..].chunks(half * 2).enumerate() {
        layer.at(5000 * (n as u64 + 1));
        layer.bytes(path, Bytes::copy_from_slice(piece));
    }
    assert!(layer.flows().1.is_empty());
    assert!(heard(&mut layer).iter().filter(|words| *words == "OPTIONS").count() >= 19);
}

// ---- keep-alives

#[test]
fn pings_are_answered_on_connections_and_pongs_reported() {
    for transport in [Transport::Ws, Transport::Wss, Transport::Tcp, Transport::Tls] {
        let mut layer = Layer::new();
        let accepted = layer.flow(transport);
        layer.bytes(accepted, Bytes::from_static(b"\r\n\r\n"));
        assert_eq!(layer.bytes_sent(), [&b"\r\n"[..]]);
        assert!(heard(&mut layer).is_empty());

        let opened = layer.open(transport);
        layer.connected(opened);
        layer.heard();
        layer.bytes(opened, Bytes::from_static(b"\r\n"));
        assert_eq!(heard(&mut layer), ["pong"], "{transport}");
    }
}

#[test]
fn line_ends_and_nothing_in_a_datagram_are_no_message() {
    let mut layer = Layer::new();
    let path = layer.udp();
    for nothing in [&b"\r\n\r\n"[..], b"\0\0\0\0", b"", b"\r", b"\r\n\r\n\r\n"] {
        layer.bytes(path, Bytes::from_static(nothing));
    }
    assert!(layer.sent().is_empty());
    assert!(heard(&mut layer).iter().all(|words| words == "pong"));
}

// ---- garbage

#[test]
fn garbage_is_reported_and_life_goes_on() {
    let mut layer = Layer::new();
    let path = layer.udp();
    layer.request(path, &Text::request("OPTIONS", "z9hG4bKmine"), 1);
    let good = Text::request("OPTIONS", "z9hG4bK1");
    let garbage = [
        Bytes::from_static(b"\x16\x03\x01\x02\x00\x01\x00"),
        Bytes::from_static(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        Bytes::from_static(b"SIP/2.0 2000 OK\r\n\r\n"),
        good.clone().set("Content-Length", "50").bytes(),
        good.clone().without("Via").bytes(),
        good.clone().set("Via", "nonsense").bytes(),
        good.clone().set("Via", "SIP/2.0/UDP 192.0.2.1").without("CSeq").bytes(),
        Text::response(&good.clone().without("CSeq").bytes(), 200, "b").bytes(),
        Text::response(&good.clone().without("Via").bytes(), 200, "b").bytes(),
        Text::response(&good.clone().set("CSeq", "x").bytes(), 200, "b").bytes(),
    ];
    for bytes in &garbage {
        layer.bytes(path, bytes.clone());
        let heard = heard(&mut layer);
        assert!(heard.len() == 1 && heard[0].starts_with("malformed"), "{heard:?} for {bytes:?}");
    }
    assert_eq!(layer.transactions.len(), (1, 0));
    layer.receive(path, &good);
    layer.receive(path, &Text::response(&Text::request("OPTIONS", "z9hG4bKmine").bytes(), 200, "b"));
    assert_eq!(heard(&mut layer), ["OPTIONS", "200 OPTIONS for 1"]);
}

#[test]
fn a_bad_field_nobody_needs_drops_no_message() {
    let mut layer = Layer::new();
    let path = layer.udp();
    let request = Text::request("OPTIONS", "z9hG4bK1").add("Contact", "<<<").add("Date", "never").add("X", "\u{1F4DE}");
    layer.receive(path, &request);
    assert_eq!(heard(&mut layer), ["OPTIONS"]);
}

// ---- overload

#[test]
fn over_the_limit_requests_are_answered_503_without_a_transaction() {
    let mut layer = Layer::with(TimerConfig::default(), 2);
    let path = layer.udp();
    layer.receive(path, &Text::request("OPTIONS", "z9hG4bK1"));
    layer.receive(path, &Text::request("INVITE", "z9hG4bK2"));
    layer.heard();
    let source = from(path, [192, 0, 2, 1], 40_000);
    layer.receive(source, &Text::request("INVITE", "z9hG4bK3"));
    assert!(heard(&mut layer).is_empty());
    assert_eq!(layer.transactions.len(), (0, 2));
    let refused = layer.last();
    assert!(refused.start.starts_with("SIP/2.0 503 "));
    assert_eq!(refused.get("Retry-After"), "5");
    assert_eq!(layer.last_path(), from(path, [192, 0, 2, 1], 5060), "where sent-by says");
    let (_, tag) = refused.get("To").split_once(";tag=").expect("a To tag (8.2.6.2)");
    assert!(!tag.is_empty());
    layer.receive(source, &Text::request("INVITE", "z9hG4bK3"));
    assert_eq!(layer.last(), refused, "a retransmission gets the same (8.2.7)");
    layer.receive(source, &Text::ack(&Text::request("INVITE", "z9hG4bK3"), tag));
    assert_eq!(layer.times("503 INVITE").len(), 2, "an ACK is never answered");

    // What is being worked on goes on: retransmissions, and the CANCEL of a call.
    layer.receive(path, &Text::request("INVITE", "z9hG4bK2"));
    layer.heard();
    layer.receive(path, &Text::request("CANCEL", "z9hG4bK2"));
    assert_eq!(heard(&mut layer), ["CANCEL of somebody"]);
    layer.receive(path, &Text::request("CANCEL", "z9hG4bK3"));
    assert!(heard(&mut layer).is_empty());
    assert!(layer.last().start.starts_with("SIP/2.0 503 "));
}

#[test]
fn room_comes_back_when_requests_are_answered() {
    let mut layer = Layer::with(TimerConfig::default(), 1);
    let path = layer.udp();
    layer.receive(path, &Text::request("OPTIONS", "z9hG4bK1"));
    let server = layer.server();
    layer.receive(path, &Text::request("OPTIONS", "z9hG4bK2"));
    assert_eq!(layer.times("503 OPTIONS").len(), 1);
    layer.respond(server, 200);
    layer.receive(path, &Text::request("OPTIONS", "z9hG4bK3"));
    assert_eq!(layer.heard(), [(0, "OPTIONS".to_owned())]);
}

#[test]
fn what_lingers_for_retransmissions_has_a_limit_of_its_own() {
    let mut layer = Layer::with(TimerConfig::default(), 1);
    let path = layer.udp();
    for number in 0..LINGERING {
        layer.receive(path, &Text::request("OPTIONS", &format!("z9hG4bK{number}")));
        let server = layer.server();
        layer.respond(server, 200);
        layer.heard();
    }
    layer.at(31_999);
    layer.receive(path, &Text::request("OPTIONS", "z9hG4bK-early"));
    assert_eq!(layer.times("503 OPTIONS"), [31_999]);
    layer.at(32_000);
    layer.receive(path, &Text::request("OPTIONS", "z9hG4bK-late"));
    assert_eq!(layer.heard(), [(32_000, "OPTIONS".to_owned())]);
}

// ---- tracing

#[test]
fn every_message_is_reported_if_tracing_is_on() {
    let mut layer = Layer::new();
    layer.transactions.set_trace(true);
    let path = layer.udp();
    layer.request(path, &Text::request("INVITE", "z9hG4bK1"), 1);
    layer.at(500);
    layer.answer(path, 486, "b");
    layer.bytes(path, Bytes::from_static(b"garbage"));
    let expected =
        ["> INVITE", "> INVITE", "< 486 INVITE", "> ACK", "486 INVITE for 1", "< \"garbage\"", "malformed start line"];
    assert_eq!(heard(&mut layer), expected);
}
