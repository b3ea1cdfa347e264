//! IP packets around a text, as they might have carried it.

use std::net::{IpAddr, SocketAddr};

/// The numbers of the protocols.
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;

/// The address as one of IPv6.
pub(super) fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// A datagram.
pub(super) fn datagram(from: SocketAddr, to: SocketAddr, text: &[u8]) -> Vec<u8> {
    let mut segment = Vec::with_capacity(text.len() + 8);
    segment.extend_from_slice(&from.port().to_be_bytes());
    segment.extend_from_slice(&to.port().to_be_bytes());
    segment.extend_from_slice(&(text.len() as u16 + 8).to_be_bytes());
    segment.extend_from_slice(&[0, 0]);
    segment.extend_from_slice(text);
    // A checksum of 0 would mean that there is none.
    let sum = match checksum(from, to, UDP, &segment) {
        0 => 0xffff,
        sum => sum,
    };
    segment[6..8].copy_from_slice(&sum.to_be_bytes());
    packet(from, to, UDP, &segment)
}

/// A piece of a connection.
pub(super) fn segment(from: SocketAddr, to: SocketAddr, number: u32, acknowledged: u32, text: &[u8]) -> Vec<u8> {
    let mut segment = Vec::with_capacity(text.len() + 20);
    segment.extend_from_slice(&from.port().to_be_bytes());
    segment.extend_from_slice(&to.port().to_be_bytes());
    segment.extend_from_slice(&number.to_be_bytes());
    segment.extend_from_slice(&acknowledged.to_be_bytes());
    // Five words of header; PSH and ACK; the widest window; no checksum yet, nothing urgent.
    segment.extend_from_slice(&[0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend_from_slice(text);
    let sum = checksum(from, to, TCP, &segment);
    segment[16..18].copy_from_slice(&sum.to_be_bytes());
    packet(from, to, TCP, &segment)
}

fn packet(from: SocketAddr, to: SocketAddr, protocol: u8, segment: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(segment.len() + 40);
    match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            packet.extend_from_slice(&[0x45, 0]);
            packet.extend_from_slice(&(segment.len() as u16 + 20).to_be_bytes());
            packet.extend_from_slice(&[0, 0, 0x40, 0, 64, protocol, 0, 0]);
            packet.extend_from_slice(&from.octets());
            packet.extend_from_slice(&to.octets());
            let sum = fold(sum(&packet));
            packet[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        (from, to) => {
            packet.extend_from_slice(&[0x60, 0, 0, 0]);
            packet.extend_from_slice(&(segment.len() as u16).to_be_bytes());
            packet.extend_from_slice(&[protocol, 64]);
            packet.extend_from_slice(&octets(from));
            packet.extend_from_slice(&octets(to));
        }
    }
    packet.extend_from_slice(segment);
    packet
}

/// That of a segment with its pseudo header (RFC 768, RFC 9293 3.1, RFC 8200 8.1).
fn checksum(from: SocketAddr, to: SocketAddr, protocol: u8, segment: &[u8]) -> u16 {
    let addresses = match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => sum(&from.octets()) + sum(&to.octets()),
        (from, to) => sum(&octets(from)) + sum(&octets(to)),
    };
    fold(addresses + u32::from(protocol) + segment.len() as u32 + sum(segment))
}

/// The sum of all words; less than 2^32 for anything as short as a packet.
fn sum(bytes: &[u8]) -> u32 {
    bytes.chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0))).sum()
}

fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
