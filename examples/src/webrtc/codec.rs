//! The audio codecs a session can speak.

use super::g711;

/// An audio codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// G.711 with µ-law.
    Pcmu,
    /// G.711 with A-law.
    Pcma,
    /// Opus. Its frames are sent back as they came; nothing here encodes or decodes them.
    Opus,
}

impl Codec {
    /// The rate of the RTP timestamps, in hertz.
    pub(super) fn rate(self) -> u32 {
        match self {
            Codec::Pcmu | Codec::Pcma => 8000,
            Codec::Opus => 48_000,
        }
    }

    /// How to decode and encode a sample, for the codecs that have one byte a sample.
    pub(super) fn law(self) -> Option<Law> {
        match self {
            Codec::Pcmu => Some(Law { decode: g711::decode_mu, encode: g711::encode_mu }),
            Codec::Pcma => Some(Law { decode: g711::decode_a, encode: g711::encode_a }),
            Codec::Opus => None,
        }
    }
}

/// A way to put a linear sample into one byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct Law {
    pub(super) decode: fn(u8) -> i16,
    pub(super) encode: fn(i16) -> u8,
}
