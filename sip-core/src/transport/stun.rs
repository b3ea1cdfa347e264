//! STUN as far as it keeps UDP flows alive (RFC 5626 8, RFC 5389): Binding requests, and what answers them, on the socket
//! that SIP is spoken over. The two topmost bits of its first byte are zero, as those of no SIP message are.
//!
//! What it does not do: credentials, fingerprints, other methods.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

/// In every message, at the same place (RFC 5389 6).
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER: usize = 20;

const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;

const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;

/// The attributes of RFC 5389 that a request may have and that need not be understood for an answer without credentials.
const KNOWN: [u16; 8] = [0x0001, 0x0006, 0x0008, ERROR_CODE, UNKNOWN_ATTRIBUTES, 0x0014, 0x0015, XOR_MAPPED_ADDRESS];
/// From here on attributes may be passed over (RFC 5389 15).
const OPTIONAL: u16 = 0x8000;
/// How many unknown attributes are named in an answer, so that it is not much longer than what it answers.
const NAMED: usize = 4;

/// Tells an answer's request (RFC 5389 6).
pub type StunId = [u8; 12];

/// A STUN message of the method Binding.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stun {
    /// Somebody wants to know whether we are there, and how we see them.
    Request {
        /// Which.
        id: StunId,
        /// Attributes that had to be understood, and are not: the first few.
        unknown: Vec<u16>,
    },
    /// The answer to a request.
    Success {
        /// Which.
        id: StunId,
        /// As whom the other side sees us (XOR-MAPPED-ADDRESS).
        mapped: Option<SocketAddr>,
    },
    /// A request was refused.
    Error {
        /// Which.
        id: StunId,
    },
}

/// Whether a datagram is a STUN message rather than a SIP one.
pub fn is_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| first & 0xc0 == 0) && datagram.get(4..8) == Some(&COOKIE)
}

impl Stun {
    /// Reads a datagram; `None` for what is no whole message of the method Binding.
    pub fn parse(datagram: &[u8]) -> Option<Stun> {
        if !is_stun(datagram) {
            return None;
        }
        let (kind, rest) = number(datagram)?;
        let (length, rest) = number(rest)?;
        let id: StunId = *rest.get(COOKIE.len()..)?.first_chunk()?;
        let attributes = datagram.get(HEADER..)?;
        if attributes.len() != usize::from(length) {
            return None;
        }
        let (mut mapped, mut unknown) = (None, Vec::new());
        let mut rest = attributes;
        while !rest.is_empty() {
            let (name, value, after) = attribute(rest)?;
            rest = after;
            if name == XOR_MAPPED_ADDRESS {
                mapped = mapped.or(unmask(value, &id));
            } else if name < OPTIONAL && !KNOWN.contains(&name) && unknown.len() < NAMED {
                unknown.push(name);
            }
        }
        match kind {
            BINDING_REQUEST => Some(Stun::Request { id, unknown }),
            BINDING_SUCCESS => Some(Stun::Success { id, mapped }),
            BINDING_ERROR => Some(Stun::Error { id }),
            _ => None,
        }
    }

    /// A request as a datagram.
    pub fn request(id: &StunId) -> Bytes {
        message(BINDING_REQUEST, id, &[])
    }

    /// What answers a request that came from there: how it is seen, or which of its attributes are not understood (420,
    /// RFC 5389 7.3.1).
    pub fn answer(id: &StunId, unknown: &[u16], source: SocketAddr) -> Bytes {
        let mut attributes = Vec::new();
        if unknown.is_empty() {
            push_attribute(&mut attributes, XOR_MAPPED_ADDRESS, &masked(source, id));
            return message(BINDING_SUCCESS, id, &attributes);
        }
        push_attribute(&mut attributes, ERROR_CODE, &[0, 0, 4, 20]);
        let names: Vec<u8> = unknown.iter().flat_map(|name| name.to_be_bytes()).collect();
        push_attribute(&mut attributes, UNKNOWN_ATTRIBUTES, &names);
        message(BINDING_ERROR, id, &attributes)
    }
}

/// A number of two bytes, and what follows it.
fn number(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u16::from_be_bytes(*number), rest))
}

/// An attribute's name and value, and what follows its padding.
fn attribute(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (name, rest) = number(bytes)?;
    let (length, rest) = number(rest)?;
    let value = rest.get(..usize::from(length))?;
    Some((name, value, rest.get(usize::from(length).next_multiple_of(4)..)?))
}

fn push_attribute(attributes: &mut Vec<u8>, name: u16, value: &[u8]) {
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    attributes.extend_from_slice(&name.to_be_bytes());
    attributes.extend_from_slice(&length.to_be_bytes());
    attributes.extend_from_slice(value);
    attributes.resize(attributes.len().next_multiple_of(4), 0);
}

fn message(kind: u16, id: &StunId, attributes: &[u8]) -> Bytes {
    let length = u16::try_from(attributes.len()).unwrap_or(u16::MAX);
    [&kind.to_be_bytes()[..], &length.to_be_bytes(), &COOKIE, id, attributes].concat().into()
}

/// What addresses are masked with, so that nobody on the way rewrites them (RFC 5389 15.2).
fn mask(id: &StunId) -> [u8; 16] {
    let mut mask = [0; 16];
    let bytes = COOKIE.iter().chain(id);
    mask.iter_mut().zip(bytes).for_each(|(mask, byte)| *mask = *byte);
    mask
}

fn masked(address: SocketAddr, id: &StunId) -> Vec<u8> {
    let mask = mask(id);
    let (family, octets) = match address.ip() {
        IpAddr::V4(v4) => (1, v4.octets().to_vec()),
        IpAddr::V6(v6) => (2, v6.octets().to_vec()),
    };
    let port = address.port().to_be_bytes();
    let hidden = |bytes: Vec<u8>| bytes.into_iter().zip(mask).map(|(byte, mask)| byte ^ mask);
    [0, family].into_iter().chain(hidden(port.to_vec())).chain(hidden(octets)).collect()
}

fn unmask(value: &[u8], id: &StunId) -> Option<SocketAddr> {
    let mask = mask(id);
    let [_, family, value @ ..] = value else { return None };
    let (port, octets) = value.split_first_chunk::<2>()?;
    let shown = |bytes: &[u8]| -> Vec<u8> { bytes.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect() };
    let octets = shown(octets);
    let ip: IpAddr = match (family, octets.len()) {
        (1, 4) => <[u8; 4]>::try_from(octets).ok()?.into(),
        (2, 16) => <[u8; 16]>::try_from(octets).ok()?.into(),
        _ => return None,
    };
    let port = <[u8; 2]>::try_from(shown(port)).ok()?;
    Some(SocketAddr::new(ip, u16::from_be_bytes(port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: StunId = *b"twelve bytes";

    // RFC 5769 2.2 and 2.3
    const SOFTWARE_AND_ADDRESS: &[u8] =
        b"\x01\x01\x00\x3c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
        \x80\x22\x00\x0b\x74\x65\x73\x74\x20\x76\x65\x63\x74\x6f\x72\x20\
        \x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43\
        \x00\x08\x00\x14\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\x8c\x74\x89\xf9\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7\
        \x80\x28\x00\x04\xc0\x7d\x4c\x96";
    const ADDRESS_OF_IPV6: &[u8] = b"\x01\x01\x00\x48\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
        \x80\x22\x00\x0b\x74\x65\x73\x74\x20\x76\x65\x63\x74\x6f\x72\x20\
        \x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9\
        \x00\x08\x00\x14\xa3\x82\x95\x4e\x4b\xe6\x7b\xf1\x17\x84\xc9\x7c\x82\x92\xc2\x75\xbf\xe3\xed\x41\
        \x80\x28\x00\x04\xc8\xfb\x0b\x4c";

    #[test]
    fn responses_of_the_rfc_are_read() {
        for (bytes, address) in [
            (SOFTWARE_AND_ADDRESS, "192.0.2.1:32853"),
            (ADDRESS_OF_IPV6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"),
        ] {
            let Some(Stun::Success { id, mapped }) = Stun::parse(bytes) else { panic!("no answer") };
            assert_eq!(id, *b"\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae");
            assert_eq!(mapped, Some(address.parse().expect("an address")));
        }
    }

    #[test]
    fn a_request_and_its_answers_read_back() {
        let request = Stun::request(&ID);
        assert_eq!((request.len(), &request[..4]), (20, &[0, 1, 0, 0][..]));
        assert_eq!(Stun::parse(&request), Some(Stun::Request { id: ID, unknown: Vec::new() }));
        for address in ["192.0.2.1:5060", "[2001:db8::1]:65535"] {
            let address: SocketAddr = address.parse().expect("an address");
            let answer = Stun::answer(&ID, &[], address);
            assert_eq!(Stun::parse(&answer), Some(Stun::Success { id: ID, mapped: Some(address) }));
        }
    }

    #[test]
    fn what_must_be_understood_and_is_not_is_refused() {
        let mut attributes = Vec::new();
        for name in [0x8022, 0x0024, 0x7fff, 0x0006] {
            push_attribute(&mut attributes, name, b"odd");
        }
        let Some(Stun::Request { id, unknown }) = Stun::parse(&message(BINDING_REQUEST, &ID, &attributes)) else {
            panic!("no request")
        };
        assert_eq!((id, &unknown[..]), (ID, &[0x0024, 0x7fff][..]));
        let refusal = Stun::answer(&id, &unknown, ([192, 0, 2, 1], 1).into());
        assert_eq!(Stun::parse(&refusal), Some(Stun::Error { id: ID }));
        assert_eq!(refusal[20..], *b"\x00\x09\x00\x04\x00\x00\x04\x14\x00\x0a\x00\x04\x00\x24\x7f\xff");
    }

    #[test]
    fn garbage_is_nothing() {
        for bytes in [SOFTWARE_AND_ADDRESS, ADDRESS_OF_IPV6] {
            for end in 0..bytes.len() {
                assert_eq!(Stun::parse(&bytes[..end]), None, "cut at {end}");
            }
            for at in 0..bytes.len() {
                for value in [0, 1, 3, 0x7f, 0x80, 0xff] {
                    let mut changed = bytes.to_vec();
                    changed[at] = value;
                    // Whatever it is, it is read to its end.
                    let _ = Stun::parse(&changed);
                }
            }
        }
        let indication = message(0x0011, &ID, &[]);
        assert!(is_stun(&indication) && Stun::parse(&indication).is_none());
        for sip in [&b"OPTIONS sip:a SIP/2.0\r\n"[..], b"\r\n\r\n", b"\0\0\0\0", b"", b"\0\x01\0\0"] {
            assert!(!is_stun(sip));
        }
    }
}
