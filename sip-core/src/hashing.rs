//! Keyed hashes as identities: no string is kept, and without the key nobody can choose values that collide.

use std::collections::HashMap;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher};

/// 64 bits that stand for a tuple of strings: among a million of them two are the same once in forty million tables.
pub(crate) type Identity = u64;

/// A table by identities, or by numbers we gave out ourselves: neither has to be hashed again.
pub(crate) type IdMap<K, V> = HashMap<K, V, Plain>;

/// The room that an empty table keeps.
const KEPT: usize = 1024;

/// Takes an entry out. A table that is empty after a burst gives its memory back.
pub(crate) fn take_out<K: Hash + Eq, V, S: BuildHasher>(table: &mut HashMap<K, V, S>, key: &K) -> Option<V> {
    let value = table.remove(key);
    if table.is_empty() && table.capacity() > KEPT {
        table.shrink_to(0);
    }
    value
}

#[derive(Debug)]
pub(crate) struct KeyedHash {
    /// With the keys in it.
    keyed: DefaultHasher,
}

impl KeyedHash {
    pub(crate) fn new(keys: [u64; 2]) -> KeyedHash {
        let mut keyed = DefaultHasher::new();
        keys.into_iter().for_each(|key| keyed.write_u64(key));
        KeyedHash { keyed }
    }

    /// The identity of whatever `write` puts in.
    pub(crate) fn with(&self, write: impl Fn(&mut DefaultHasher)) -> Identity {
        let mut hasher = self.keyed.clone();
        write(&mut hasher);
        hasher.finish()
    }

    /// The identity of a list of strings.
    pub(crate) fn of(&self, parts: &[&str]) -> Identity {
        self.with(|hasher| parts.hash(hasher))
    }
}

/// Takes a key for its own hash.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Plain;

#[derive(Clone, Copy, Debug)]
pub(crate) struct PlainHasher(u64);

impl BuildHasher for Plain {
    type Hasher = PlainHasher;

    fn build_hasher(&self) -> PlainHasher {
        PlainHasher(0)
    }
}

impl Hasher for PlainHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        // Numbers given out in order differ in their low bits alone; tables look at the high ones as well.
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_a_burst_is_given_back_when_it_is_over() {
        let mut table: IdMap<Identity, u32> = (0..5000).map(|number| (number, 7)).collect();
        for number in 0..4999 {
            assert_eq!(take_out(&mut table, &number), Some(7));
        }
        assert!(table.capacity() >= 5000, "not before");
        assert_eq!(take_out(&mut table, &4998), None);
        assert_eq!(take_out(&mut table, &4999), Some(7));
        assert_eq!(table.capacity(), 0);
    }
}
