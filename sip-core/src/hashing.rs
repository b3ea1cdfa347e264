//! Keyed hashes as identities: no string is kept, and without the key nobody can choose values that collide.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::entropy::Entropy;

/// 128 bits that stand for a tuple of strings.
pub(crate) type Identity = u128;

#[derive(Debug)]
pub(crate) struct KeyedHash {
    keys: [u64; 2],
}

impl KeyedHash {
    pub(crate) fn new(entropy: &mut Entropy) -> KeyedHash {
        KeyedHash { keys: [entropy.u64(), entropy.u64()] }
    }

    /// The identity of whatever `write` puts in.
    pub(crate) fn with(&self, write: impl Fn(&mut DefaultHasher)) -> Identity {
        self.keys.iter().fold(0, |sum, key| {
            let mut hasher = DefaultHasher::new();
            hasher.write_u64(*key);
            write(&mut hasher);
            sum << 64 | u128::from(hasher.finish())
        })
    }

    /// The identity of a list of strings.
    pub(crate) fn of(&self, parts: &[&str]) -> Identity {
        self.with(|hasher| parts.hash(hasher))
    }
}
