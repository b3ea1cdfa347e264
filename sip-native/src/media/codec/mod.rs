//! The audio formats that are spoken, and what encodes and decodes them.

mod conceal;
mod g711;
mod opus;
mod stretch;

use offhook_core::sdp::OpusParameters;
use offhook_core::sdp::negotiate;

use conceal::Concealer;
pub(super) use stretch::{lengthen, shorten};

/// An audio format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// G.711 with µ-law: 64 kbit/s, 8 kHz.
    Pcmu,
    /// G.711 with A-law: 64 kbit/s, 8 kHz.
    Pcma,
    /// Opus (RFC 6716, RFC 7587): 32 kbit/s here, 48 kHz.
    Opus,
}

impl Codec {
    /// All of them, the best first.
    pub const ALL: [Codec; 3] = [Codec::Opus, Codec::Pcmu, Codec::Pcma];

    /// Samples per second, which is also the rate of its RTP timestamps, in hertz.
    pub const fn rate(self) -> u32 {
        match self {
            Codec::Pcmu | Codec::Pcma => 8000,
            Codec::Opus => 48_000,
        }
    }

    /// The encoding name (RFC 3551, RFC 7587).
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
            Codec::Opus => "opus",
        }
    }

    /// As descriptions have it.
    pub(super) fn in_sdp(self) -> negotiate::Codec {
        match self {
            Codec::Pcmu => negotiate::Codec::pcmu(),
            Codec::Pcma => negotiate::Codec::pcma(),
            Codec::Opus => negotiate::Codec::opus(OPUS),
        }
    }

    /// The one that a description means.
    pub(super) fn of_sdp(codec: &negotiate::Codec) -> Option<Codec> {
        Codec::ALL.into_iter().find(|known| known.in_sdp().map().is_same_format(&codec.map()))
    }
}

/// The payload type of opus in our offers, as browsers have it.
const OPUS: u8 = 111;

/// Encodes for one direction of a session.
#[derive(Debug)]
pub(super) enum Encoder {
    Law(fn(i16) -> u8),
    Opus(Box<opus::Encoder>),
}

impl Encoder {
    /// For what the other side would like, as the parameters in its description say.
    pub(super) fn new(codec: Codec, wanted: OpusParameters) -> Encoder {
        match codec {
            Codec::Pcmu => Encoder::Law(g711::encode_mu),
            Codec::Pcma => Encoder::Law(g711::encode_a),
            Codec::Opus => Encoder::Opus(Box::new(opus::Encoder::new(wanted))),
        }
    }

    /// Encodes a frame of 10, 20, 40 or 60 ms in the place of what is in `payload`.
    pub(super) fn encode(&mut self, frame: &[i16], payload: &mut Vec<u8>) {
        payload.clear();
        match self {
            Encoder::Law(encode) => payload.extend(frame.iter().map(|sample| encode(*sample))),
            Encoder::Opus(encoder) => encoder.encode(frame, payload),
        }
    }

    /// The share of packets the other side does not get, from 0 to 1: what opus repeats for it depends on that.
    pub(super) fn expect_loss(&mut self, share: f32) {
        if let Encoder::Opus(encoder) = self {
            encoder.expect_loss(share);
        }
    }
}

/// Decodes one direction of a session, and makes up for what does not come.
#[derive(Debug)]
pub(super) enum Decoder {
    Law { decode: fn(u8) -> i16, concealer: Concealer },
    Opus(Box<opus::Decoder>),
}

impl Decoder {
    pub(super) fn new(codec: Codec) -> Decoder {
        match codec {
            Codec::Pcmu => Decoder::Law { decode: g711::decode_mu, concealer: Concealer::new(codec.rate()) },
            Codec::Pcma => Decoder::Law { decode: g711::decode_a, concealer: Concealer::new(codec.rate()) },
            Codec::Opus => Decoder::Opus(Box::new(opus::Decoder::new())),
        }
    }

    /// Decodes a packet behind `samples`. Returns how many samples it had; none if it makes no sense.
    pub(super) fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) -> usize {
        match self {
            Decoder::Law { decode, concealer } => {
                let start = samples.len();
                samples.extend(payload.iter().take(LONGEST_LAW).map(|byte| decode(*byte)));
                let decoded = samples.get_mut(start..).unwrap_or_default();
                concealer.heard(decoded);
                decoded.len()
            }
            Decoder::Opus(decoder) => decoder.decode(payload, samples),
        }
    }

    /// Puts something in the place of `missing` samples behind `samples`; `next` is the packet that comes after them, if
    /// that is here: opus may have a copy in it.
    pub(super) fn conceal(&mut self, missing: usize, next: Option<&[u8]>, samples: &mut Vec<i16>) {
        match self {
            Decoder::Law { concealer, .. } => concealer.conceal(missing, samples),
            Decoder::Opus(decoder) => decoder.conceal(missing, next, samples),
        }
    }
}

/// A fifth of a second: nobody sends longer packets of G.711.
const LONGEST_LAW: usize = 1600;
