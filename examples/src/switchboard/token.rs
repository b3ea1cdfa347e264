//! Flow tokens (RFC 5626 5.2): paths as text that only this switchboard can have written. A Record-Route carries the
//! two ends of a dialog, a Via branch the way back of a response.

use std::net::{IpAddr, SocketAddr};

use offhook_core::transport::Path;

use super::secret::{Secret, from_hex, push_hex};

/// How much of the keyed hash a token carries: 80 bits, as RFC 5626 has it.
const SEAL: usize = 10;

/// A path as a token names it: the flow may be gone by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) flow: u64,
    pub(super) remote: SocketAddr,
}

impl From<Path> for Place {
    fn from(path: Path) -> Place {
        Place { flow: path.flow.number(), remote: path.remote }
    }
}

/// Writes a token that is good for this purpose and this subject (a Call-ID, say) alone.
pub(super) fn seal(secret: &Secret, purpose: &str, subject: &str, places: &[Place]) -> String {
    let mut bytes = Vec::with_capacity(places.len() * 9 + SEAL);
    for place in places {
        push_place(&mut bytes, place);
    }
    let mac = secret.mac(purpose, &[&bytes, subject.as_bytes()]);
    bytes.extend(mac.iter().take(SEAL));
    let mut text = String::with_capacity(bytes.len() * 2);
    push_hex(&mut text, &bytes);
    text
}

/// Reads a token; `None` if this switchboard has not written it for this purpose and subject.
pub(super) fn open(secret: &Secret, purpose: &str, subject: &str, token: &str) -> Option<Vec<Place>> {
    let bytes = from_hex(token)?;
    let (mut bytes, mac) = bytes.split_at_checked(bytes.len().checked_sub(SEAL)?)?;
    let expected = secret.mac(purpose, &[bytes, subject.as_bytes()]);
    let difference = expected.iter().zip(mac).fold(0, |difference, (a, b)| difference | (a ^ b));
    if difference != 0 {
        return None;
    }
    let mut places = Vec::new();
    while !bytes.is_empty() {
        places.push(take_place(&mut bytes)?);
    }
    Some(places)
}

/// Flow number (seven bits a byte), address length, address, port.
fn push_place(bytes: &mut Vec<u8>, place: &Place) {
    let mut flow = place.flow;
    while flow >= 0x80 {
        bytes.push((flow & 0x7f) as u8 | 0x80);
        flow >>= 7;
    }
    bytes.push(flow as u8);
    match place.remote.ip() {
        IpAddr::V4(ip) => {
            bytes.push(4);
            bytes.extend(ip.octets());
        }
        IpAddr::V6(ip) => {
            bytes.push(16);
            bytes.extend(ip.octets());
        }
    }
    bytes.extend(place.remote.port().to_be_bytes());
}

fn take_place(bytes: &mut &[u8]) -> Option<Place> {
    let mut flow = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = take::<1>(bytes)?[0];
        flow |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let ip = match take::<1>(bytes)? {
        [4] => IpAddr::from(take::<4>(bytes)?),
        [16] => IpAddr::from(take::<16>(bytes)?),
        _ => return None,
    };
    Some(Place { flow, remote: SocketAddr::new(ip, u16::from_be_bytes(take::<2>(bytes)?)) })
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_at_checked(N)?;
    *bytes = rest;
    taken.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_for_what_it_was_written_for() {
        let secret = Secret::new([1; 32]);
        let places = [
            Place { flow: 1, remote: "127.0.0.1:5060".parse().unwrap() },
            Place { flow: u64::MAX, remote: "[2001:db8::1]:65535".parse().unwrap() },
        ];
        let token = seal(&secret, "route", "call", &places);
        assert_eq!(open(&secret, "route", "call", &token).as_deref(), Some(&places[..]));
        assert_eq!(open(&secret, "route", "call", &token.to_uppercase()).as_deref(), Some(&places[..]));
        assert_eq!(open(&secret, "route", "other", &token), None);
        assert_eq!(open(&secret, "via", "call", &token), None);
        assert_eq!(open(&Secret::new([2; 32]), "route", "call", &token), None);
    }

    #[test]
    fn what_is_no_token_does_not_open() {
        let secret = Secret::new([1; 32]);
        let token = seal(&secret, "route", "call", &[Place { flow: 300, remote: "10.0.0.1:1".parse().unwrap() }]);
        for wrong in ["", "00", "zz", &token[2..], &token[..token.len() - 2], &token.replacen('4', "5", 1)] {
            assert_eq!(open(&secret, "route", "call", wrong), None, "{wrong}");
        }
    }
}
