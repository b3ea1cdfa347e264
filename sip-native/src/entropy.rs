//! Randomness for a machine's seed.

use std::io;

/// 32 bytes from the operating system, to seed a machine: tags, branches and Call-IDs are made from it.
///
/// # Errors
///
/// Where the system has no randomness to give, which ordinary systems never report after boot.
pub fn seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(seed)
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_differ() {
        assert_ne!(super::seed().unwrap(), super::seed().unwrap());
    }
}
