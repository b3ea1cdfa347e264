//! Bytes looked at many at a time: the answer is a word of bits, one for each byte.
//!
//! On x86-64 by the vector instructions every such processor has, elsewhere by arithmetic on words that hold eight bytes.
//! Both say the same; a test holds them to what a loop over the bytes finds.

pub(super) use imp::{BLOCK, above_ascii, is_in, is_one_of, line_ends};

/// How many bytes [`is_one_of`] and [`is_in`] look at.
pub(super) const CHUNK: usize = 16;

/// Fewer bytes than a chunk has, zeros behind them.
#[inline]
pub(super) fn padded(bytes: &[u8]) -> [u8; CHUNK] {
    // The first and the last eight or four, which may overlap, put together.
    let chunk = match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => {
            let last = u64::from_le_bytes(*last) as u128;
            let before = (bytes.len() as u32).wrapping_sub(8).wrapping_mul(8);
            u64::from_le_bytes(*first) as u128 | last.checked_shl(before).unwrap_or(0)
        }
        _ => match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(first), Some(last)) => {
                let last = u32::from_le_bytes(*last) as u128;
                let before = (bytes.len() as u32).wrapping_sub(4).wrapping_mul(8);
                u32::from_le_bytes(*first) as u128 | last.checked_shl(before).unwrap_or(0)
            }
            _ => bytes.iter().rev().fold(0, |chunk, byte| chunk << 8 | u128::from(*byte)),
        },
    };
    chunk.to_le_bytes()
}

/// Which byte of a block the lowest bit of `found` stands for.
#[inline]
pub(super) fn lowest(found: u64) -> usize {
    (found.trailing_zeros() >> imp::SHIFT) as usize
}

/// Without its lowest bit.
#[inline]
pub(super) fn without_lowest(found: u64) -> u64 {
    found & found.wrapping_sub(1)
}

/// The bits of the first `count` bytes of a block.
#[inline]
pub(super) fn first(count: usize) -> u64 {
    let bits = u32::try_from(count).map_or(u64::BITS, |count| count << imp::SHIFT);
    1_u64.checked_shl(bits).map_or(u64::MAX, |bit| bit.wrapping_sub(1))
}

#[cfg(target_arch = "x86_64")]
mod imp {
    use safe_arch::{
        bitor_m128i, cmp_eq_mask_i8_m128i, load_unaligned_m128i, m128i, min_u8_m128i, move_mask_i8_m128i,
        set_splat_i8_m128i, sub_i8_m128i, zeroed_m128i,
    };

    /// How many bytes are looked at together.
    pub(in super::super) const BLOCK: usize = 64;
    /// A bit a byte.
    pub(super) const SHIFT: u32 = 0;

    /// The line feeds, and whether there is a byte that is no ASCII.
    #[inline]
    pub(in super::super) fn line_ends(block: &[u8; BLOCK]) -> (u64, bool) {
        let (a, b, c, d) = quarters(block);
        let all = bitor_m128i(bitor_m128i(a, b), bitor_m128i(c, d));
        let is_end = |quarter| mask(cmp_eq_mask_i8_m128i(quarter, set_splat_i8_m128i(b'\n' as i8)));
        (is_end(a) | is_end(b) << 16 | is_end(c) << 32 | is_end(d) << 48, mask(all) != 0)
    }

    /// The bytes that are no ASCII.
    pub(in super::super) fn above_ascii(block: &[u8; BLOCK]) -> u64 {
        let (a, b, c, d) = quarters(block);
        mask(a) | mask(b) << 16 | mask(c) << 32 | mask(d) << 48
    }

    /// The bytes that are one of the wanted ones; as many bits as bytes.
    #[inline]
    pub(in super::super) fn is_one_of<const N: usize>(chunk: &[u8; super::CHUNK], wanted: [u8; N]) -> u32 {
        let chunk = load_unaligned_m128i(chunk);
        let found = wanted.into_iter().fold(zeroed_m128i(), |found, byte| {
            bitor_m128i(found, cmp_eq_mask_i8_m128i(chunk, set_splat_i8_m128i(byte as i8)))
        });
        move_mask_i8_m128i(found) as u32
    }

    /// The bytes that are in one of the ranges, first and last byte of each; as many bits as bytes.
    #[inline]
    pub(in super::super) fn is_in<const N: usize>(chunk: &[u8; super::CHUNK], ranges: [(u8, u8); N]) -> u32 {
        let chunk = load_unaligned_m128i(chunk);
        let found = ranges.into_iter().fold(zeroed_m128i(), |found, (first, last)| {
            let above = sub_i8_m128i(chunk, set_splat_i8_m128i(first as i8));
            let within = min_u8_m128i(above, set_splat_i8_m128i(last.wrapping_sub(first) as i8));
            bitor_m128i(found, cmp_eq_mask_i8_m128i(above, within))
        });
        move_mask_i8_m128i(found) as u32
    }

    #[inline]
    fn quarters(block: &[u8; BLOCK]) -> (m128i, m128i, m128i, m128i) {
        let load = load_unaligned_m128i;
        match block.as_chunks::<{ super::CHUNK }>().0 {
            [a, b, c, d] => (load(a), load(b), load(c), load(d)),
            _ => (zeroed_m128i(), zeroed_m128i(), zeroed_m128i(), zeroed_m128i()),
        }
    }

    #[inline]
    fn mask(vector: m128i) -> u64 {
        u64::from(move_mask_i8_m128i(vector) as u32)
    }
}

#[cfg(not(target_arch = "x86_64"))]
use swar as imp;

#[cfg(any(test, not(target_arch = "x86_64")))]
mod swar {
    /// How many bytes are looked at together.
    pub(in super::super) const BLOCK: usize = 8;
    /// The highest bit of a byte stands for it.
    #[cfg(not(target_arch = "x86_64"))]
    pub(super) const SHIFT: u32 = 3;

    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);

    /// The line feeds, and whether there is a byte that is no ASCII.
    #[inline]
    pub(in super::super) fn line_ends(block: &[u8; BLOCK]) -> (u64, bool) {
        let word = u64::from_le_bytes(*block);
        (equal(word, b'\n'), word & HIGHS != 0)
    }

    /// The bytes that are no ASCII.
    pub(in super::super) fn above_ascii(block: &[u8; BLOCK]) -> u64 {
        u64::from_le_bytes(*block) & HIGHS
    }

    /// The bytes that are one of the wanted ones; as many bits as bytes.
    #[inline]
    pub(in super::super) fn is_one_of<const N: usize>(chunk: &[u8; super::CHUNK], wanted: [u8; N]) -> u32 {
        let word = u128::from_le_bytes(*chunk);
        let of = |word: u64| wanted.into_iter().fold(0, |found, byte| found | equal(word, byte));
        gather(of(word as u64)) | gather(of((word >> 64) as u64)) << 8
    }

    /// The bytes that are in one of the ranges, first and last byte of each; as many bits as bytes.
    #[inline]
    pub(in super::super) fn is_in<const N: usize>(chunk: &[u8; super::CHUNK], ranges: [(u8, u8); N]) -> u32 {
        chunk.iter().rev().fold(0, |found, byte| {
            let within = ranges.iter().any(|(first, last)| (*first..=*last).contains(byte));
            found << 1 | u32::from(within)
        })
    }

    /// The highest bit of each byte that equals `byte`; no carry goes from one byte into the next.
    #[inline]
    fn equal(word: u64, byte: u8) -> u64 {
        let zero = word ^ u64::from_ne_bytes([byte; 8]);
        !((zero & !HIGHS).wrapping_add(!HIGHS) | zero) & HIGHS
    }

    /// The highest bits of eight bytes as one byte.
    #[inline]
    fn gather(highs: u64) -> u32 {
        ((highs >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every kind of byte next to every other: what borrows or carries between bytes would show.
    fn texts() -> impl Iterator<Item = [u8; 64]> {
        (0..=u8::MAX).map(|seed| {
            let mut byte = seed;
            std::array::from_fn(|at| {
                byte = byte.wrapping_mul(13).wrapping_add(at as u8 ^ 0x5a);
                if at % 3 == 0 { [b'\n', b':', 0x0b, 0x8a, 0][byte as usize % 5] } else { byte }
            })
        })
    }

    #[test]
    fn a_short_text_is_padded() {
        for text in texts() {
            for length in 0..CHUNK {
                let mut expected = [0; CHUNK];
                expected[..length].copy_from_slice(&text[..length]);
                assert_eq!(padded(&text[..length]), expected);
            }
        }
    }

    #[test]
    fn both_ways_find_what_a_loop_finds() {
        for text in texts() {
            for at in 0..48 {
                let chunk: &[u8; CHUNK] = text[at..].first_chunk().unwrap();
                let expected =
                    (0..CHUNK).filter(|at| [b':', b'\n', 0].contains(&chunk[*at])).map(|at| 1 << at).sum::<u32>();
                assert_eq!(is_one_of(chunk, [b':', b'\n', 0]), expected);
                assert_eq!(swar::is_one_of(chunk, [b':', b'\n', 0]), expected);
            }
            for at in 0..48 {
                let chunk: &[u8; CHUNK] = text[at..].first_chunk().unwrap();
                let ranges = [(0, b' '), (b'0', b'9'), (0x8a, 0xff)];
                let within = |byte: u8| ranges.iter().any(|(first, last)| (*first..=*last).contains(&byte));
                let expected = (0..CHUNK).filter(|at| within(chunk[*at])).map(|at| 1 << at).sum();
                assert_eq!((is_in(chunk, ranges), swar::is_in(chunk, ranges)), (expected, expected));
            }
            for block in text.as_chunks::<{ swar::BLOCK }>().0 {
                let bits = |wanted: fn(u8) -> bool| -> u64 {
                    (0..8).filter(|at| wanted(block[*at])).map(|at| 0x80 << (at * 8)).sum()
                };
                let beyond = bits(|byte| !byte.is_ascii());
                assert_eq!(swar::line_ends(block), (bits(|byte| byte == b'\n'), beyond != 0));
                assert_eq!(swar::above_ascii(block), beyond);
            }
            let block: &[u8; BLOCK] = text.first_chunk().unwrap();
            let (mut ends, any) = line_ends(block);
            let mut found = Vec::new();
            while ends != 0 {
                found.push(lowest(ends));
                ends = without_lowest(ends);
            }
            assert_eq!(found, (0..BLOCK).filter(|at| block[*at] == b'\n').collect::<Vec<_>>());
            let plain = block.iter().take_while(|byte| byte.is_ascii()).count();
            assert_eq!((any, above_ascii(block) & first(plain)), (plain < BLOCK, 0));
            assert_eq!(above_ascii(block) & first(plain + 1) != 0, plain < BLOCK);
        }
    }
}
