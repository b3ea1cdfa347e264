//! The line ends of a message, one after the other, and whether there was anything but ASCII on the way.

use super::bits::{self, BLOCK};

/// Finds line feeds a block at a time.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    /// Where the block ends that was read last, were it whole.
    next: usize,
    /// Its line feeds that have not been told yet.
    ends: u64,
    /// The first block with bytes that are no ASCII ends here.
    beyond: usize,
}

impl Lines {
    /// From `start` on.
    #[inline]
    pub(super) fn from(start: usize) -> Lines {
        Lines { next: start, ends: 0, beyond: usize::MAX }
    }

    /// Where the next line feed is; the bytes are always the same ones.
    #[inline]
    pub(super) fn next_end(&mut self, bytes: &[u8]) -> Option<usize> {
        while self.ends == 0 {
            let rest = bytes.get(self.next..)?;
            let (ends, beyond) = match rest.first_chunk::<BLOCK>() {
                Some(block) => bits::line_ends(block),
                None => bits::line_ends(&padded(rest)),
            };
            // Nothing is longer than half of all addresses.
            self.next = self.next.wrapping_add(BLOCK);
            self.ends = ends;
            if beyond && self.beyond == usize::MAX {
                self.beyond = self.next;
            }
        }
        let end = self.next.wrapping_sub(BLOCK).wrapping_add(bits::lowest(self.ends));
        self.ends = bits::without_lowest(self.ends);
        Some(end)
    }

    /// Whether all is ASCII from the start to `end`, which was told last, or to the end if there was none any more.
    #[inline]
    pub(super) fn is_ascii_up_to(&self, bytes: &[u8], end: usize) -> bool {
        self.beyond == usize::MAX || is_ascii_in_block(bytes, self.beyond.saturating_sub(BLOCK), end)
    }
}

#[cold]
fn is_ascii_in_block(bytes: &[u8], block: usize, end: usize) -> bool {
    let length = end.saturating_sub(block).min(BLOCK);
    bits::above_ascii(&padded(bytes.get(block..).unwrap_or(&[]))) & bits::first(length) == 0
}

/// As much as fits of the bytes, zeros behind them.
fn padded(bytes: &[u8]) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    for (place, byte) in block.iter_mut().zip(bytes) {
        *place = *byte;
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_every_end_wherever_blocks_end() {
        for length in 0..200 {
            let bytes: Vec<u8> = (0..length).map(|at| if at % 7 == 3 { b'\n' } else { b'x' }).collect();
            for start in 0..=length {
                let mut lines = Lines::from(start);
                let found: Vec<usize> = std::iter::from_fn(|| lines.next_end(&bytes)).collect();
                assert_eq!(found, (start..length).filter(|at| at % 7 == 3).collect::<Vec<_>>());
                assert!(lines.is_ascii_up_to(&bytes, length));
            }
        }
    }

    #[test]
    fn knows_of_what_is_no_ascii_and_stands_in_front() {
        for at in 0..200 {
            let mut bytes = [b'x'; 200];
            bytes[at] = 0xc3;
            for end in 0..200 {
                bytes[end] = b'\n';
                let mut lines = Lines::from(0);
                let told = lines.next_end(&bytes).unwrap();
                assert_eq!((told, lines.is_ascii_up_to(&bytes, told + 1)), (end, at >= end));
                bytes[end] = if at == end { 0xc3 } else { b'x' };
            }
        }
    }
}
