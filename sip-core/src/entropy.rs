//! Randomness from a seed: the core's only source of tags, branches, Call-IDs, client nonces and jitter.

use sha2::{Digest, Sha256};

use crate::sharding::Shard;

/// A deterministic generator: SHA-256 over the seed and a counter. Nobody who sees its output can foretell the next
/// without the seed (RFC 3261 19.3 asks for cryptographic randomness in tags); the same seed gives the same calls.
#[derive(Clone)]
pub(crate) struct Entropy {
    seed: [u8; 32],
    counter: u64,
    block: [u8; 32],
    used: usize,
    /// Whose tags and Call-IDs are to be.
    shard: Option<Shard>,
}

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

impl Entropy {
    pub(crate) fn new(seed: [u8; 32]) -> Entropy {
        Entropy { seed, counter: 0, block: [0; 32], used: 32, shard: None }
    }

    /// Another generator of the same seed that has nothing in common with this one.
    pub(crate) fn apart(&self, purpose: &str) -> Entropy {
        let mut hash = Sha256::new();
        hash.update(purpose);
        hash.update(self.seed);
        Entropy::new(hash.finalize().into())
    }

    fn byte(&mut self) -> u8 {
        if let Some(byte) = self.block.get(self.used) {
            self.used = self.used.saturating_add(1);
            return *byte;
        }
        let mut hash = Sha256::new();
        hash.update(self.seed);
        hash.update(self.counter.to_le_bytes());
        self.block = hash.finalize().into();
        self.counter = self.counter.wrapping_add(1);
        self.used = 1;
        self.block[0]
    }

    /// A seed for another generator.
    pub(crate) fn seed(&mut self) -> [u8; 32] {
        std::array::from_fn(|_| self.byte())
    }

    pub(crate) fn u64(&mut self) -> u64 {
        (0..8).fold(0, |sum, _| sum << 8 | u64::from(self.byte()))
    }

    /// Keys for a hash that nobody else can tell.
    pub(crate) fn keys(&mut self) -> [u64; 2] {
        [self.u64(), self.u64()]
    }

    /// A number below `bound`, 0 if that is zero; the bias is below 2^-32 for the small bounds used here.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.u64().checked_rem(bound).unwrap_or(0)
    }

    /// Appends `length` characters of `a-z2-7`, five random bits each.
    pub(crate) fn token(&mut self, text: &mut String, length: usize) {
        text.reserve(length);
        for _ in 0..length {
            let index = usize::from(self.byte() & 31);
            text.push(ALPHABET.get(index).map_or('a', |letter| char::from(*letter)));
        }
    }

    /// From now on tags and Call-IDs are those of one of several shards.
    pub(crate) fn belong_to(&mut self, shard: Option<Shard>) {
        self.shard = shard;
    }

    /// Draws until what was drawn names our shard, if there are several.
    pub(crate) fn drawn(&mut self, mut draw: impl FnMut(&mut Entropy) -> String) -> Box<str> {
        let mut text = draw(self);
        if let Some(shard) = self.shard {
            // One of so many fits; that none does among so many draws is out of the question.
            for _ in 0..shard.sharding.count().saturating_mul(64) {
                if shard.owns(&text) {
                    break;
                }
                text = draw(self);
            }
        }
        text.into()
    }

    /// A tag: 16 characters, 80 bits.
    pub(crate) fn tag(&mut self) -> Box<str> {
        self.drawn(|entropy| {
            let mut text = String::with_capacity(16);
            entropy.token(&mut text, 16);
            text
        })
    }

    /// A random UUID as a URN (RFC 9562 5.4).
    pub(crate) fn uuid(&mut self) -> Box<str> {
        let mut text = String::from("urn:uuid:");
        for at in 0..16_u8 {
            let byte = self.byte();
            let byte = match at {
                6 => byte & 0x0f | 0x40,
                8 => byte & 0x3f | 0x80,
                _ => byte,
            };
            if matches!(at, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            text.extend([byte >> 4, byte & 15].into_iter().filter_map(|nibble| char::from_digit(nibble.into(), 16)));
        }
        text.into()
    }

    /// A Via branch with the magic cookie (RFC 3261 8.1.1.7).
    pub(crate) fn branch(&mut self) -> String {
        let mut text = String::with_capacity(7 + 16);
        text.push_str("z9hG4bK");
        self.token(&mut text, 16);
        text
    }

    /// A Call-ID: 24 characters, 120 bits, no host name in it.
    pub(crate) fn call_id(&mut self) -> Box<str> {
        self.drawn(|entropy| {
            let mut text = String::with_capacity(24);
            entropy.token(&mut text, 24);
            text
        })
    }
}

impl std::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entropy(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_values_and_another_seed_others() {
        let tags = |seed| {
            let mut entropy = Entropy::new([seed; 32]);
            (0..100).map(|_| entropy.tag()).collect::<Vec<_>>()
        };
        assert_eq!(tags(1), tags(1));
        assert!(tags(1).iter().all(|tag| !tags(2).contains(tag)));
    }
}
