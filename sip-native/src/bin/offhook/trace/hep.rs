//! HEP version 3: a message as a capture server gets it, in chunks of a vendor, a type, a length and a value.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;

use super::seen::{Place, Seen};

/// What a datagram of HEP3 begins with.
pub(super) const MAGIC: &[u8; 4] = b"HEP3";

/// Magic and length.
const HEADER: usize = 6;

/// The kind of payload that is SIP.
const SIP: u8 = 1;

const UDP: u8 = 17;

/// The length of the datagram that begins here; `None`: it is not all here, or is none.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    let length = bytes.get(4..HEADER).and_then(|length| length.try_into().ok()).map(u16::from_be_bytes)?;
    Some(usize::from(length)).filter(|length| *length >= HEADER && bytes.starts_with(MAGIC))
}

/// The SIP message of one datagram; `None` if it has none, or is not whole.
pub(super) fn decode(datagram: &[u8]) -> Option<Seen> {
    let mut rest = datagram.get(HEADER..length(datagram)?)?;
    let (mut protocol, mut kind) = (UDP, SIP);
    let (mut from, mut to) = (None::<IpAddr>, None::<IpAddr>);
    let (mut from_port, mut to_port) = (0, 0);
    let (mut seconds, mut micros) = (0, 0);
    let mut payload = None;
    while let Some((chunk, value, after)) = chunk(rest) {
        rest = after;
        match chunk {
            // Only chunks of no vendor are known.
            (0, 2) => protocol = *value.first()?,
            (0, 3) => from = Some(Ipv4Addr::from(<[u8; 4]>::try_from(value).ok()?).into()),
            (0, 4) => to = Some(Ipv4Addr::from(<[u8; 4]>::try_from(value).ok()?).into()),
            (0, 5) => from = Some(Ipv6Addr::from(<[u8; 16]>::try_from(value).ok()?).into()),
            (0, 6) => to = Some(Ipv6Addr::from(<[u8; 16]>::try_from(value).ok()?).into()),
            (0, 7) => from_port = u16::from_be_bytes(value.try_into().ok()?),
            (0, 8) => to_port = u16::from_be_bytes(value.try_into().ok()?),
            (0, 9) => seconds = u32::from_be_bytes(value.try_into().ok()?),
            (0, 10) => micros = u32::from_be_bytes(value.try_into().ok()?),
            (0, 11) => kind = *value.first()?,
            (0, 15) => payload = Some(value),
            _ => {}
        }
    }
    let payload = payload.filter(|_| kind == SIP)?;
    let place = |address: Option<IpAddr>, port| Some(Place::from(SocketAddr::new(address?, port)));
    let at = Duration::from_secs(seconds.into()) + Duration::from_micros(micros.into());
    let transport = if protocol == UDP { "UDP" } else { "TCP" };
    Some(Seen::new(at, place(from, from_port)?, place(to, to_port)?, transport, Bytes::copy_from_slice(payload)))
}

type Chunk<'a> = ((u16, u16), &'a [u8], &'a [u8]);

/// The first chunk: its vendor and type, its value, and what follows.
fn chunk(bytes: &[u8]) -> Option<Chunk<'_>> {
    let number = |at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let length = usize::from(number(4)?);
    Some(((number(0)?, number(2)?), bytes.get(HEADER..length)?, bytes.get(length..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_anywhere_is_no_message_and_does_no_harm() {
        let mut datagram = b"HEP3\0\0".to_vec();
        let mut add = |number: u16, value: &[u8]| {
            datagram.extend_from_slice(&[0, 0]);
            datagram.extend_from_slice(&number.to_be_bytes());
            datagram.extend_from_slice(&(value.len() as u16 + 6).to_be_bytes());
            datagram.extend_from_slice(value);
        };
        add(1, &[2]);
        add(3, &[192, 0, 2, 1]);
        add(4, &[192, 0, 2, 2]);
        add(7, &5060_u16.to_be_bytes());
        add(8, &5062_u16.to_be_bytes());
        add(9, &100_u32.to_be_bytes());
        add(10, &7_u32.to_be_bytes());
        add(15, b"OPTIONS sip:b SIP/2.0\r\n\r\n");
        let length = (datagram.len() as u16).to_be_bytes();
        datagram[4..6].copy_from_slice(&length);
        let seen = decode(&datagram).unwrap();
        assert_eq!((&*seen.from.0, &*seen.to.0), ("192.0.2.1:5060", "192.0.2.2:5062"));
        assert_eq!(seen.at, Duration::from_micros(100_000_007));
        for cut in 0..datagram.len() {
            assert!(decode(&datagram[..cut]).is_none(), "{cut}");
        }
        for at in 0..datagram.len() {
            for wrong in [0, 1, 0x7f, 0xff] {
                let mut spoilt = datagram.clone();
                spoilt[at] = wrong;
                let _ = decode(&spoilt);
            }
        }
    }
}
