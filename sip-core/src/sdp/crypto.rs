//! Keys for SRTP in a description: `a=crypto` (RFC 4568). Whoever reads the description reads the keys: use it over
//! signalling that is itself secret.
use super::base64;
use std::fmt;

/// How packets are encrypted and authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CryptoSuite {
    /// AES in counter mode with a key of 128 bits, and HMAC-SHA1 of 80 bits: what everybody has (RFC 4568 6.2.1).
    AesCm128HmacSha1_80,
    /// The same with HMAC-SHA1 of 32 bits in RTP packets (RFC 4568 6.2.2).
    AesCm128HmacSha1_32,
    /// A key of 256 bits (RFC 6188 5.1).
    AesCm256HmacSha1_80,
    /// A key of 256 bits, and HMAC-SHA1 of 32 bits in RTP packets (RFC 6188 5.1).
    AesCm256HmacSha1_32,
    /// AES-GCM with a key of 128 bits (RFC 7714 14.2).
    AeadAes128Gcm,
    /// AES-GCM with a key of 256 bits (RFC 7714 14.2).
    AeadAes256Gcm,
}

/// An `a=crypto` attribute: a suite and the key with which its writer encrypts.
///
/// ```
/// use offhook_core::sdp::{Crypto, CryptoSuite};
/// let line = "1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20";
/// let crypto = Crypto::parse(line).unwrap();
/// assert_eq!((crypto.tag, crypto.suite), (1, CryptoSuite::AesCm128HmacSha1_80));
/// assert_eq!((crypto.master_key().len(), crypto.master_salt().len()), (16, 14));
/// assert!(!format!("{crypto:?}").contains("WVNf"), "keys are not shown");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Crypto {
    /// Its number, with which an answer names the offer's.
    pub tag: u32,
    /// How.
    pub suite: CryptoSuite,
    /// The master key and after it the master salt.
    key: Box<[u8]>,
}

impl CryptoSuite {
    /// All that are known, the best first.
    pub const ALL: [CryptoSuite; 6] = [
        CryptoSuite::AeadAes256Gcm,
        CryptoSuite::AeadAes128Gcm,
        CryptoSuite::AesCm256HmacSha1_80,
        CryptoSuite::AesCm128HmacSha1_80,
        CryptoSuite::AesCm256HmacSha1_32,
        CryptoSuite::AesCm128HmacSha1_32,
    ];

    /// The registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            CryptoSuite::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            CryptoSuite::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            CryptoSuite::AesCm256HmacSha1_80 => "AES_256_CM_HMAC_SHA1_80",
            CryptoSuite::AesCm256HmacSha1_32 => "AES_256_CM_HMAC_SHA1_32",
            CryptoSuite::AeadAes128Gcm => "AEAD_AES_128_GCM",
            CryptoSuite::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// The length of the master key in bytes.
    pub const fn key_length(self) -> usize {
        match self {
            CryptoSuite::AesCm128HmacSha1_80 | CryptoSuite::AesCm128HmacSha1_32 | CryptoSuite::AeadAes128Gcm => 16,
            CryptoSuite::AesCm256HmacSha1_80 | CryptoSuite::AesCm256HmacSha1_32 | CryptoSuite::AeadAes256Gcm => 32,
        }
    }

    /// The length of the master salt in bytes.
    pub const fn salt_length(self) -> usize {
        match self {
            CryptoSuite::AeadAes128Gcm | CryptoSuite::AeadAes256Gcm => 12,
            _ => 14,
        }
    }

    /// How many bytes of key material an attribute has: master key and master salt.
    pub const fn material_length(self) -> usize {
        self.key_length().saturating_add(self.salt_length())
    }

    fn parse(name: &str) -> Option<CryptoSuite> {
        // RFC 6188 has both orders of the words, and so do agents.
        let name = match name {
            "AES_CM_256_HMAC_SHA1_80" => "AES_256_CM_HMAC_SHA1_80",
            "AES_CM_256_HMAC_SHA1_32" => "AES_256_CM_HMAC_SHA1_32",
            name => name,
        };
        CryptoSuite::ALL.into_iter().find(|suite| suite.as_str().eq_ignore_ascii_case(name))
    }
}

impl Crypto {
    /// An attribute of one's own. The material is random, new for each call and each direction, and of
    /// [`CryptoSuite::material_length`]; `None` if it has another length.
    pub fn new(tag: u32, suite: CryptoSuite, material: &[u8]) -> Option<Crypto> {
        (material.len() == suite.material_length()).then(|| Crypto { tag, suite, key: material.into() })
    }

    /// The value of an attribute. `None` for what cannot be used: unknown suites, several keys, identifiers of keys (MKI),
    /// and session parameters that change how packets look (RFC 4568 6.3).
    pub fn parse(value: &str) -> Option<Crypto> {
        let mut words = value.split_ascii_whitespace();
        let tag = words.next().filter(|tag| tag.len() <= 9)?.parse().ok()?;
        let suite = CryptoSuite::parse(words.next()?)?;
        let inline = words.next()?.strip_prefix("inline:")?;
        // What is known and changes nothing for the receiver; the rest, unless it begins with `-`, must be understood.
        let harmless = |word: &str| word.starts_with('-') || word.starts_with("WSH=");
        if inline.contains(';') || !words.all(harmless) {
            return None;
        }
        let mut parts = inline.split('|');
        let key = base64::decode(parts.next()?)?;
        // A lifetime is all that may follow: nobody reaches 2^31 packets within a call.
        if parts.any(|part| part.contains(':')) {
            return None;
        }
        Crypto::new(tag, suite, &key)
    }

    /// The master key.
    pub fn master_key(&self) -> &[u8] {
        self.key.get(..self.suite.key_length()).unwrap_or_default()
    }

    /// The master salt.
    pub fn master_salt(&self) -> &[u8] {
        self.key.get(self.suite.key_length()..).unwrap_or_default()
    }

    /// The same under the number of the offer that it answers.
    pub(super) fn answering(&self, tag: u32) -> Crypto {
        Crypto { tag, suite: self.suite, key: self.key.clone() }
    }

    /// The value of the attribute, key included.
    pub(super) fn to_value(&self) -> String {
        format!("{} {} inline:{}", self.tag, self.suite.as_str(), base64::encode(&self.key))
    }
}

impl fmt::Debug for Crypto {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crypto").field("tag", &self.tag).field("suite", &self.suite).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for (tag, suite) in (1..).zip(CryptoSuite::ALL) {
            let material: Vec<u8> = (0..).take(suite.material_length()).collect();
            let crypto = Crypto::new(tag, suite, &material).unwrap();
            assert_eq!(Crypto::parse(&crypto.to_value()), Some(crypto.clone()));
            assert_eq!([crypto.master_key(), crypto.master_salt()].concat(), material);
            assert_eq!(Crypto::new(tag, suite, &material[1..]), None);
        }
    }

    #[test]
    fn what_cannot_be_used_is_left_out() {
        let key = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
        let parse = |text: String| Crypto::parse(&text);
        let suite = "AES_CM_128_HMAC_SHA1_80";
        for good in ["", "|2^20", "|1048576", " WSH=128", " -EXTRA=1"] {
            assert!(parse(format!("1 {suite} {key}{good}")).is_some(), "{good}");
        }
        for bad in ["|2^20|1:4", "|1:4", ";inline:x", " UNENCRYPTED_SRTP", " KDR=1", " FEC_ORDER=FEC_SRTP", " MORE"] {
            assert_eq!(parse(format!("1 {suite} {key}{bad}")), None, "{bad}");
        }
        assert_eq!(parse(format!("1 F8_128_HMAC_SHA1_80 {key}")), None);
        assert_eq!(parse(format!("x {suite} {key}")), None);
        assert_eq!(parse(format!("1 {suite} inline:AAAA")), None);
        assert_eq!(parse(format!("1 {suite}")), None);
    }
}
