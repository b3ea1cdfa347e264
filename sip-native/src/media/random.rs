//! Entropy of the system.

/// A random number, for what RFC 3550 wants unpredictable.
pub(super) fn number() -> u64 {
    // Without a source of entropy keys have failed before; a constant is then as good as anything.
    getrandom::u64().unwrap_or(0x9e37_79b9_7f4a_7c15)
}

/// Random bytes, for keys.
pub(super) fn bytes(length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).ok().map(|()| bytes)
}
