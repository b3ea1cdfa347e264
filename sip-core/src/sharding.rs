//! Several endpoints side by side for one user agent. Each draws its Call-IDs and its tags until their keyed hash names it, so
//! that whose a message is can be told from the message alone (see [`Router`](crate::transport::Router)).

use std::fmt;

use sha2::{Digest, Sha256};

use crate::hashing::KeyedHash;

/// How many shards there are, and the key by which they share. Nobody without it can choose messages that all go to one.
#[derive(Clone, Copy)]
pub struct Sharding {
    keys: [u64; 2],
    count: u32,
}

/// One of several shards.
#[derive(Clone, Copy, Debug)]
pub struct Shard {
    /// Among how many.
    pub sharding: Sharding,
    /// Which, from 0.
    pub index: usize,
    /// How many there were before it in its place, which have failed.
    pub(crate) incarnation: u8,
}

impl Sharding {
    /// The most shards there can be.
    pub const MOST: usize = 256;

    /// So many shards, at least one and at most [`MOST`](Sharding::MOST). The seed must be unpredictable outside of tests.
    pub fn new(count: usize, seed: [u8; 32]) -> Sharding {
        let mut hash = Sha256::new();
        hash.update("shards");
        hash.update(seed);
        let digest = hash.finalize();
        let key = |from: usize| digest.iter().skip(from).take(8).fold(0, |key, byte| key << 8 | u64::from(*byte));
        let count = u32::try_from(count.clamp(1, Sharding::MOST)).unwrap_or(1);
        Sharding { keys: [key(0), key(8)], count }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count as usize
    }

    /// Each of them.
    pub fn shards(&self) -> impl Iterator<Item = Shard> {
        let sharding = *self;
        (0..self.count()).map(move |index| Shard { sharding, index, incarnation: 0 })
    }

    /// The shard that a Call-ID or one of our tags names.
    pub fn of(&self, identity: &str) -> usize {
        let hash = KeyedHash::new(self.keys).of(&[identity]);
        hash.checked_rem(u64::from(self.count)).unwrap_or(0) as usize
    }
}

impl Shard {
    /// Whether a Call-ID or one of our tags names this one.
    pub fn owns(&self, identity: &str) -> bool {
        self.sharding.of(identity) == self.index
    }
}

impl fmt::Debug for Sharding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sharding").field("count", &self.count).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_share_alike() {
        let sharding = Sharding::new(4, [1; 32]);
        let mut counts = [0; 4];
        for number in 0..4000 {
            counts[sharding.of(&number.to_string())] += 1;
        }
        assert!(counts.iter().all(|count| (900..1100).contains(count)), "{counts:?}");
        assert_eq!(Sharding::new(0, [1; 32]).count(), 1);
        assert_eq!(Sharding::new(1000, [1; 32]).count(), Sharding::MOST);
    }
}
