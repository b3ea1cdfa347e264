//! Tags of calls, which this endpoint knows again without keeping them.

use super::Endpoint;
use crate::hashing::KeyedHash;

/// Characters that nobody can foretell, and those that show that they are ours.
const RANDOM: usize = 12;
const PROOF: usize = 8;
const LENGTH: usize = RANDOM + PROOF;
/// The digits of base 32 (RFC 4648 6), in lower case.
const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

impl Endpoint {
    /// A tag for a call: 60 random bits, and 40 that only this endpoint can make of them and the Call-ID.
    pub(super) fn call_tag(&mut self, call_id: &str) -> Box<str> {
        let hash = &self.hash;
        self.entropy.drawn(|entropy| {
            let mut tag = String::with_capacity(LENGTH);
            entropy.token(&mut tag, RANDOM);
            push_proof(hash, &mut tag, call_id);
            tag
        })
    }

    /// Whether a tag is one of ours for this Call-ID. A late 2xx that nobody remembers is answered only then: otherwise
    /// anybody could make this endpoint send requests to anywhere.
    pub(super) fn is_call_tag(&self, call_id: &str, tag: &str) -> bool {
        let Some(random) = tag.get(..RANDOM) else { return false };
        let mut expected = String::from(random);
        push_proof(&self.hash, &mut expected, call_id);
        expected == tag
    }
}

fn push_proof(hash: &KeyedHash, tag: &mut String, call_id: &str) {
    let mut identity = hash.of(&["tag", call_id, tag]);
    for _ in 0..PROOF {
        tag.extend(DIGITS.get((identity & 31) as usize).map(|digit| char::from(*digit)));
        identity >>= 5;
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    #[test]
    fn a_tag_is_known_again_for_its_call_alone() {
        let config = Config::new("sip:alice@example.com").expect("a config");
        let mut endpoint = Endpoint::new(config.clone(), [1; 32]);
        let tag = endpoint.call_tag("a-call");
        assert!(endpoint.is_call_tag("a-call", &tag));
        assert!(!endpoint.is_call_tag("another", &tag));
        assert!(!Endpoint::new(config, [2; 32]).is_call_tag("a-call", &tag));
        for tag in ["", "x", "abcdefghijklmnopqrst", "äöüäöüäöüäöüäöüäöüäöü"] {
            assert!(!endpoint.is_call_tag("a-call", tag), "{tag}");
        }
    }
}
