//! The key only this switchboard knows: what it signs, and where its tags and branches come from.

use std::fmt;

use sha2::{Digest, Sha256};

const BLOCK: usize = 64;

/// A key made from the seed, and a counter.
#[derive(Clone)]
pub(super) struct Secret {
    key: [u8; 32],
    counter: u64,
}

impl Secret {
    pub(super) fn new(seed: [u8; 32]) -> Secret {
        Secret { key: hmac(&seed, &[b"switchboard"]), counter: 0 }
    }

    /// A seed made of a text that others must not know.
    pub(super) fn seed_of(text: &str) -> [u8; 32] {
        Sha256::digest(text).into()
    }

    /// A keyed hash of the parts for a purpose (HMAC-SHA-256, RFC 2104).
    pub(super) fn mac(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut all: Vec<&[u8]> = vec![purpose.as_bytes(), b"\0"];
        all.extend(parts);
        hmac(&self.key, &all)
    }

    /// A seed for something else that needs one.
    pub(super) fn seed(&self, purpose: &str) -> [u8; 32] {
        self.mac("seed", &[purpose.as_bytes()])
    }

    /// 16 hexadecimal digits nobody can foresee, different each time.
    pub(super) fn unique(&mut self) -> String {
        self.counter = self.counter.wrapping_add(1);
        let mac = self.mac("unique", &[&self.counter.to_be_bytes()]);
        let mut text = String::with_capacity(16);
        push_hex(&mut text, mac.get(..8).unwrap_or_default());
        text
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let pad = |with: u8| {
        let mut block = [with; BLOCK];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let mut inner = Sha256::new();
    inner.update(pad(0x36));
    parts.iter().for_each(|part| inner.update(part));
    let mut outer = Sha256::new();
    outer.update(pad(0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

/// Appends two lower-case digits a byte.
pub(super) fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0')); // four bits are a digit
        }
    }
}

/// The bytes that `text` spells; `None` if it is not an even number of hexadecimal digits.
pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair.first()?)? << 4 | digit(pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keyed_hash_is_hmac() {
        // RFC 4231 4.2, the key of 20 bytes filled up with zeros, which HMAC itself does.
        let mut key = [0; 32];
        key.iter_mut().take(20).for_each(|byte| *byte = 0x0b);
        let mut text = String::new();
        push_hex(&mut text, &hmac(&key, &[b"Hi ", b"There"]));
        assert_eq!(text, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    }

    #[test]
    fn hex_goes_both_ways() {
        let mut text = String::new();
        push_hex(&mut text, &[0, 0x7f, 0xff]);
        assert_eq!(text, "007fff");
        assert_eq!(from_hex("007FFF"), Some(vec![0, 0x7f, 0xff]));
        assert_eq!(from_hex("0"), None);
        assert_eq!(from_hex("0g"), None);
    }
}
