//! HEP version 3: one message a datagram, as chunks of a vendor, a type, a length and a value, all in network order.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use super::packet::{TCP, UDP};
use super::{Passed, is_datagram, socket_towards};

/// The longest text that fits with the other chunks.
const LONGEST: usize = 65_000;

/// That the payload is SIP.
const SIP: u8 = 1;

// The numbers of the chunks; their vendor is 0.
const FAMILY: u16 = 1;
const PROTOCOL: u16 = 2;
const IPV4_SOURCE: u16 = 3;
const IPV4_DESTINATION: u16 = 4;
const IPV6_SOURCE: u16 = 5;
const IPV6_DESTINATION: u16 = 6;
const SOURCE_PORT: u16 = 7;
const DESTINATION_PORT: u16 = 8;
const SECONDS: u16 = 9;
const MICROSECONDS: u16 = 10;
const PAYLOAD_KIND: u16 = 11;
const AGENT: u16 = 12;
const PAYLOAD: u16 = 15;

/// A capture server.
#[derive(Debug)]
pub(super) struct Hep {
    socket: UdpSocket,
    agent: u32,
}

impl Hep {
    pub(super) fn new(server: SocketAddr, agent: u32) -> io::Result<Hep> {
        Ok(Hep { socket: socket_towards(server)?, agent })
    }

    pub(super) fn send(&self, passed: &Passed, text: &[u8]) -> io::Result<()> {
        let datagram = self.datagram(passed, text);
        // An error may be that of the last one, told late: the server was not there then.
        self.socket.send(&datagram).or_else(|_| self.socket.send(&datagram)).map(drop)
    }

    fn datagram(&self, passed: &Passed, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len() + 128);
        out.extend_from_slice(b"HEP3\0\0");
        let protocol = if is_datagram(passed.transport) { UDP } else { TCP };
        match (passed.from.ip(), passed.to.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                chunk(&mut out, FAMILY, &[2]);
                chunk(&mut out, PROTOCOL, &[protocol]);
                chunk(&mut out, IPV4_SOURCE, &from.octets());
                chunk(&mut out, IPV4_DESTINATION, &to.octets());
            }
            (from, to) => {
                chunk(&mut out, FAMILY, &[10]);
                chunk(&mut out, PROTOCOL, &[protocol]);
                chunk(&mut out, IPV6_SOURCE, &super::packet::octets(from));
                chunk(&mut out, IPV6_DESTINATION, &super::packet::octets(to));
            }
        }
        chunk(&mut out, SOURCE_PORT, &passed.from.port().to_be_bytes());
        chunk(&mut out, DESTINATION_PORT, &passed.to.port().to_be_bytes());
        chunk(&mut out, SECONDS, &(passed.at.as_secs() as u32).to_be_bytes());
        chunk(&mut out, MICROSECONDS, &passed.at.subsec_micros().to_be_bytes());
        chunk(&mut out, PAYLOAD_KIND, &[SIP]);
        chunk(&mut out, AGENT, &self.agent.to_be_bytes());
        chunk(&mut out, PAYLOAD, text.get(..LONGEST).unwrap_or(text));
        let length = (out.len() as u16).to_be_bytes();
        out[4..6].copy_from_slice(&length);
        out
    }
}

fn chunk(out: &mut Vec<u8>, number: u16, value: &[u8]) {
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&number.to_be_bytes());
    out.extend_from_slice(&(value.len() as u16 + 6).to_be_bytes());
    out.extend_from_slice(value);
}
