//! What a capture writes, read again byte by byte.

use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;

use offhook::Capture;
use offhook::core::transport::Transport;

use crate::echo::{Echo, Node, localhost, soon, target};

const REGISTER: &str = "REGISTER sip:sip.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
    Authorization: Digest username=\"alice\", realm=\"sip.test\", response=\"0a4f113b\"\r\nContent-Length: 0\r\n\r\n";

/// A file of its own, gone with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        Scratch(std::env::temp_dir().join(format!("offhook-{}-{name}.pcap", std::process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn be16(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}

fn le32(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// One packet of a file: seconds, protocol, source, destination, the bytes above the protocol's header.
struct Packet {
    seconds: u32,
    protocol: u8,
    from: SocketAddr,
    to: SocketAddr,
    /// Of TCP.
    sequence: u32,
    text: String,
}

/// The sum over all words, folded: 0xffff where a checksum is right.
fn folded(parts: &[&[u8]]) -> u32 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let mut sum: u32 = words.map(|word| u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum
}

fn packets(file: &[u8]) -> Vec<Packet> {
    assert_eq!(le32(file), 0xa1b2_c3d4);
    assert_eq!((file[4], file[6]), (2, 4), "the version");
    assert_eq!(le32(&file[20..]), 101, "raw IP");
    let mut rest = &file[24..];
    let mut packets = Vec::new();
    while !rest.is_empty() {
        let (seconds, kept, length) = (le32(rest), le32(&rest[8..]) as usize, le32(&rest[12..]) as usize);
        assert_eq!(kept, length, "nothing is cut");
        let packet = &rest[16..16 + kept];
        rest = &rest[16 + kept..];
        assert_eq!((packet[0], be16(&packet[2..]) as usize), (0x45, length));
        assert_eq!(folded(&[&packet[..20]]), 0xffff, "the checksum of the header");
        let (protocol, segment) = (packet[9], &packet[20..]);
        let pseudo = [&packet[12..20], &[0, protocol], &(segment.len() as u16).to_be_bytes()[..]].concat();
        assert_eq!(folded(&[&pseudo, segment]), 0xffff, "the checksum of the segment");
        let address = |at: usize, port: usize| {
            let ip: [u8; 4] = packet[at..at + 4].try_into().unwrap();
            SocketAddr::from((ip, be16(&segment[port..])))
        };
        let (from, to) = (address(12, 0), address(16, 2));
        let header = if protocol == 17 { 8 } else { usize::from(segment[12] >> 4) * 4 };
        let sequence = u32::from_be_bytes(segment[4..8].try_into().unwrap());
        let text = String::from_utf8(segment[header..].to_vec()).unwrap();
        packets.push(Packet { seconds, protocol, from, to, sequence, text });
    }
    packets
}

fn masked(text: &str) -> bool {
    text.starts_with("REGISTER sip:sip.test SIP/2.0\r\n") && text.contains("response=\"***\"") && !text.contains("0a4f")
}

#[tokio::test]
async fn datagrams_and_streams_are_written_as_packets() {
    let scratch = Scratch::new("packets");
    let capture = Capture::new().pcap(&scratch.0).unwrap();
    let mut server = Node::start(Echo::silent(), |driver| driver.udp(localhost()).tcp(localhost()).capture(capture));
    let (udp, tcp) = (server.handle.local_addrs()[0].addr, server.handle.local_addrs()[1].addr);

    let peer = UdpSocket::bind(localhost()).unwrap();
    peer.send_to(REGISTER.as_bytes(), udp).unwrap();
    peer.send_to(b"\r\n\r\n", udp).unwrap();
    server.opened().await;
    server.received().await;
    server.received().await;

    let mut client = Node::client();
    let flow = client.connect(target(Transport::Tcp, tcp)).await;
    server.opened().await;
    // In pieces, with a ping between the messages: two whole ones all the same.
    let both = format!("{REGISTER}\r\n\r\n{REGISTER}");
    for part in both.as_bytes().chunks(100) {
        client.send(flow, part.to_vec()).await;
    }
    let mut heard = 0;
    while heard < both.len() {
        heard += server.received().await.1.len();
    }
    server.handle.stop();
    soon(server.handle.stopped()).await;

    let packets = packets(&std::fs::read(&scratch.0).unwrap());
    assert_eq!(packets.len(), 3, "keep-alives are no messages");
    assert!(packets.iter().all(|packet| masked(&packet.text) && packet.seconds > 1_700_000_000));
    assert_eq!((packets[0].protocol, packets[0].from, packets[0].to), (17, peer.local_addr().unwrap(), udp));
    assert_eq!((packets[1].protocol, packets[1].to), (6, tcp));
    assert_eq!((packets[1].sequence, packets[2].sequence), (1, 1 + packets[1].text.len() as u32));
    assert_eq!(packets[1].from, packets[2].from);
}

#[tokio::test]
async fn a_capture_server_is_sent_each_message_with_its_addresses() {
    let homer = tokio::net::UdpSocket::bind(localhost()).await.unwrap();
    let capture = Capture::new().hep(homer.local_addr().unwrap(), 2001).unwrap();
    let server = Node::start(Echo::echoing(), |driver| driver.udp(localhost()).capture(capture));
    let at = server.handle.local_addrs()[0].addr;
    let peer = UdpSocket::bind(localhost()).unwrap();
    peer.send_to(REGISTER.as_bytes(), at).unwrap();
    // It came, and went back.
    for (from, to) in [(peer.local_addr().unwrap(), at), (at, peer.local_addr().unwrap())] {
        let mut datagram = [0; 4096];
        let length = soon(homer.recv(&mut datagram)).await.unwrap();
        let datagram = &datagram[..length];
        assert_eq!((&datagram[..4], be16(&datagram[4..]) as usize), (&b"HEP3"[..], length));
        let mut chunks = std::collections::BTreeMap::new();
        let mut rest = &datagram[6..];
        while !rest.is_empty() {
            assert_eq!(be16(rest), 0, "the vendor");
            let length = usize::from(be16(&rest[4..]));
            chunks.insert(be16(&rest[2..]), &rest[6..length]);
            rest = &rest[length..];
        }
        let address = |ip: u16, port: u16| {
            let ip: [u8; 4] = chunks[&ip].try_into().unwrap();
            SocketAddr::from((ip, be16(chunks[&port])))
        };
        assert_eq!((chunks[&1], chunks[&2]), (&[2][..], &[17][..]), "IPv4 and UDP");
        assert_eq!((address(3, 7), address(4, 8)), (from, to));
        assert!(u32::from_be_bytes(chunks[&9].try_into().unwrap()) > 1_700_000_000);
        assert_eq!((chunks[&11], chunks[&12]), (&[1][..], &2001_u32.to_be_bytes()[..]), "SIP, and who we are");
        assert!(masked(std::str::from_utf8(chunks[&15]).unwrap()));
    }
}
