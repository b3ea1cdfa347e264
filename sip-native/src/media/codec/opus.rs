//! Opus, by `opus-pure`: libopus 1.6 in Rust.

use std::fmt;

use offhook_core::sdp::OpusParameters;
use opus_pure::{Application, MAX_PACKET_BYTES, OpusDecoder, OpusEncoder};

const RATE: i32 = 48_000;

/// The longest packet there is: 120 ms.
const LONGEST: usize = 5760;

/// What speech in full bandwidth takes, in bit/s.
const BITRATE: i32 = 32_000;

/// Mono: what a call is.
pub(in crate::media) struct Encoder {
    encoder: Option<OpusEncoder>,
    wants_fec: bool,
}

impl Encoder {
    pub(super) fn new(wanted: OpusParameters) -> Encoder {
        // These arguments are among those it takes; if not, packets are empty, which means silence.
        let mut encoder = OpusEncoder::new(RATE, 1, Application::Voip).ok();
        if let Some(encoder) = &mut encoder {
            let most = wanted.max_average_bitrate.and_then(|rate| i32::try_from(rate).ok()).unwrap_or(BITRATE);
            encoder.bitrate_bps = BITRATE.min(most);
            encoder.complexity = 5;
            encoder.use_inband_fec = wanted.inband_fec;
            encoder.use_dtx = false;
            if wanted.constant_bitrate {
                encoder.rate_control = opus_pure::RateControl::Cbr;
            }
            encoder.max_bandwidth = match wanted.max_playback_rate {
                ..12_000 => opus_pure::Bandwidth::Narrowband,
                12_000..16_000 => opus_pure::Bandwidth::Mediumband,
                16_000..24_000 => opus_pure::Bandwidth::Wideband,
                24_000..48_000 => opus_pure::Bandwidth::Superwideband,
                _ => opus_pure::Bandwidth::Fullband,
            };
        }
        Encoder { encoder, wants_fec: wanted.inband_fec }
    }

    pub(super) fn encode(&mut self, frame: &[i16], payload: &mut Vec<u8>) {
        payload.resize(MAX_PACKET_BYTES, 0);
        let encoded = self.encoder.as_mut().and_then(|encoder| encoder.encode_s16(frame, frame.len(), payload).ok());
        payload.truncate(encoded.unwrap_or_default());
    }

    pub(super) fn expect_loss(&mut self, share: f32) {
        if let Some(encoder) = self.encoder.as_mut().filter(|_| self.wants_fec) {
            encoder.packet_loss_perc = (share * 100.0).clamp(0.0, 30.0).round() as i32;
        }
    }
}

/// Mono, whatever the packets are.
pub(in crate::media) struct Decoder {
    decoder: Option<OpusDecoder>,
}

impl Decoder {
    pub(super) fn new() -> Decoder {
        // As above: if it could not be made, all is silence.
        Decoder { decoder: OpusDecoder::new(RATE, 1).ok() }
    }

    pub(super) fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) -> usize {
        // To the decoder an empty packet is a lost one.
        if payload.is_empty() {
            return 0;
        }
        self.run(samples, LONGEST, |decoder, room| decoder.decode_s16(payload, LONGEST, room))
    }

    pub(super) fn conceal(&mut self, missing: usize, next: Option<&[u8]>, samples: &mut Vec<i16>) {
        let mut left = missing;
        while left > 0 {
            // It makes up multiples of 2.5 ms, 20 ms at a time.
            let length = left.clamp(120, 960) / 120 * 120;
            let made = self.run(samples, length, |decoder, room| match next.filter(|_| left <= 960) {
                Some(next) => decoder.decode_fec_s16(next, length, room),
                None => decoder.decode_s16(&[], length, room),
            });
            if made == 0 {
                samples.resize(samples.len() + left, 0);
                return;
            }
            if made > left {
                samples.truncate(samples.len() - (made - left));
            }
            left = left.saturating_sub(made);
        }
    }

    /// Lets the decoder write behind `samples`; what it does not write is taken away again.
    fn run(
        &mut self,
        samples: &mut Vec<i16>,
        room: usize,
        decode: impl FnOnce(&mut OpusDecoder, &mut [i16]) -> opus_pure::Result<usize>,
    ) -> usize {
        let start = samples.len();
        samples.resize(start + room, 0);
        let decoded = self.decoder.as_mut().and_then(|decoder| decode(decoder, &mut samples[start..]).ok());
        let decoded = decoded.unwrap_or_default().min(room);
        samples.truncate(start + decoded);
        decoded
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("opus encoder")
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("opus decoder")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Tone, tone_level};

    #[test]
    fn a_tone_comes_through_and_a_lost_packet_is_made_up_for() {
        let mut encoder = Encoder::new(OpusParameters { inband_fec: true, ..OpusParameters::default() });
        encoder.expect_loss(0.1);
        let mut decoder = Decoder::new();
        let tone: Vec<i16> = Tone::new(1000.0).source(48_000).take(960 * 50).collect();
        let (mut heard, mut payload) = (Vec::new(), Vec::new());
        for (index, frame) in tone.chunks(960).enumerate() {
            encoder.encode(frame, &mut payload);
            assert!((20..400).contains(&payload.len()), "{} bytes", payload.len());
            match index % 10 {
                9 => decoder.conceal(960, None, &mut heard),
                _ => assert_eq!(decoder.decode(&payload, &mut heard), 960),
            }
        }
        assert_eq!(heard.len(), tone.len());
        for (index, part) in heard.chunks(9600).enumerate().skip(1) {
            // The last packet of each ten was lost.
            let level = tone_level(&part[960..8000], 48_000, 1000.0);
            assert!((level + 20.0).abs() < 1.5, "{index}: {level}");
        }
    }

    #[test]
    fn whatever_comes_does_no_harm() {
        let mut decoder = Decoder::new();
        let mut state = 7_u64;
        let mut random = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize
        };
        let mut samples = Vec::new();
        for _ in 0..2000 {
            samples.clear();
            let payload: Vec<u8> = (0..random() % 200).map(|_| random() as u8).collect();
            assert!(decoder.decode(&payload, &mut samples) <= LONGEST);
            decoder.conceal(random() % 3000, Some(&payload), &mut samples);
        }
    }
}
