//! Seeded randomness.

use std::time::Duration;

/// SplitMix64: tiny, fast, the same on every platform. Not for secrets.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator; the same seed gives the same numbers.
    pub const fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    /// Any number.
    pub fn u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 if that is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.u64() % bound }
    }

    /// True with a chance of `permille` in a thousand. Nothing is drawn for 0, so that a condition that is off does not
    /// change what the others do.
    pub fn chance(&mut self, permille: u16) -> bool {
        permille > 0 && self.below(1000) < u64::from(permille)
    }

    /// Whole milliseconds from zero to `most`, both included.
    pub fn up_to(&mut self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX - 1);
        if most == 0 { Duration::ZERO } else { Duration::from_millis(self.below(most + 1)) }
    }

    /// Thirty-two bytes, for machines that want a seed of their own.
    pub fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        for chunk in seed.chunks_mut(8) {
            chunk.copy_from_slice(&self.u64().to_le_bytes());
        }
        seed
    }
}
