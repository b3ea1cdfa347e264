//! What a session says: frames of its source, encoded, and digits in their place.
//!
//! No network here and no clock: the time comes in, packets come out, each when it is due.

use std::time::{Duration, Instant};

use offhook_core::sdp::OpusParameters;

use super::clock::Clock;
use super::codec::{Codec, Encoder};
use super::digits::{Speaking, event_of};
use super::frame::{Filled, Silence, Source, Stamp};
use super::level::{SILENCE, dbov};
use super::resample::Resampler;

/// The sending half of a session's audio.
pub(super) struct Speaker {
    format: Format,
    encoder: Encoder,
    clock: Clock,
    /// Added to the clock's numbers: what RFC 3550 5.1 wants unpredictable.
    offset: u32,
    source: Box<dyn Source>,
    /// Whether the source has said its last.
    over: bool,
    /// The source's own clock, in its samples.
    asked: u64,
    resampler: Resampler,
    /// Samples of the source that were converted and not yet sent.
    pending: Vec<i16>,
    frame: Vec<i16>,
    payload: Vec<u8>,
    digits: Speaking,
    muted: bool,
    /// Whether the next packet is the first after a pause (RFC 3551 4.1).
    spurt: bool,
}

/// How audio is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Format {
    pub(super) codec: Codec,
    pub(super) wanted: OpusParameters,
    /// The length of a packet.
    pub(super) period: Duration,
}

/// A packet to send.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Packet<'a> {
    pub(super) kind: Kind,
    /// The RTP timestamp.
    pub(super) timestamp: u32,
    /// The RTP marker bit.
    pub(super) marker: bool,
    pub(super) payload: &'a [u8],
    /// In dBov.
    pub(super) level: f32,
}

/// What a packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Audio(Codec),
    Event,
}

impl Speaker {
    /// Audio that starts now with the RTP timestamp `offset`.
    pub(super) fn new(format: Format, source: Box<dyn Source>, now: Instant, offset: u32) -> Self {
        let rate = format.codec.rate();
        Speaker {
            format,
            encoder: Encoder::new(format.codec, format.wanted),
            clock: Clock::new(now, 0, rate, format.period),
            offset,
            over: false,
            asked: 0,
            resampler: Resampler::new(source.rate(), rate),
            source,
            pending: Vec::new(),
            frame: Vec::new(),
            payload: Vec::new(),
            digits: Speaking::default(),
            muted: false,
            spurt: true,
        }
    }

    /// Changes how audio is sent; the source goes on.
    pub(super) fn set_format(&mut self, format: Format, now: Instant) {
        if format == self.format {
            return;
        }
        let (before, rate) = (self.format.codec.rate(), format.codec.rate());
        self.encoder = Encoder::new(format.codec, format.wanted);
        // The timestamp goes on from where it was, in the units of the new clock.
        self.offset = self.offset.wrapping_add(self.clock.time() as u32);
        self.clock = Clock::new(self.clock.due().max(now), 0, rate, format.period);
        if before != rate {
            self.resampler = Resampler::new(self.source.rate(), rate);
            self.pending.clear();
        }
        self.format = format;
    }

    pub(super) fn codec(&self) -> Codec {
        self.format.codec
    }

    pub(super) fn period(&self) -> Duration {
        self.clock.period()
    }

    /// Takes another source from the next frame on.
    pub(super) fn set_source(&mut self, source: Box<dyn Source>) {
        self.resampler = Resampler::new(source.rate(), self.format.codec.rate());
        self.source = source;
        (self.over, self.asked) = (false, 0);
        self.pending.clear();
    }

    /// Whether the source has said its last, and that was sent.
    pub(super) fn is_over(&self) -> bool {
        self.over && self.pending.is_empty()
    }

    pub(super) fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
    }

    /// The share of packets that do not arrive, from 0 to 1.
    pub(super) fn expect_loss(&mut self, share: f32) {
        self.encoder.expect_loss(share);
    }

    /// Says a digit as soon as those before it are said. Returns whether that can be.
    pub(super) fn press(&mut self, tone: char, duration: Duration) -> bool {
        event_of(tone).is_some_and(|code| self.digits.push(code, duration))
    }

    /// Whether all digits are said.
    pub(super) fn is_silent(&self) -> bool {
        self.digits.is_done()
    }

    /// When to call [`Speaker::poll`] next.
    pub(super) fn due(&self) -> Instant {
        self.clock.due()
    }

    /// The RTP timestamp of this instant (RFC 3550 6.4.1).
    pub(super) fn timestamp_at(&self, now: Instant) -> u32 {
        let (due, time) = (self.clock.due(), self.clock.time() as i64);
        let rate = i128::from(self.format.codec.rate());
        let ahead = due.saturating_duration_since(now).as_nanos() as i128 * rate / 1_000_000_000;
        let behind = now.saturating_duration_since(due).as_nanos() as i128 * rate / 1_000_000_000;
        self.offset.wrapping_add((i128::from(time) - ahead + behind) as u32)
    }

    /// The next packet to send by now. Call until there is none.
    ///
    /// While the other side does not want to hear (`sending` is false) time goes on, and so do the timestamps; the source
    /// waits.
    pub(super) fn poll(&mut self, now: Instant, sending: bool, events: bool) -> Option<Packet<'_>> {
        loop {
            let samples = self.clock.samples();
            let (time, at) = self.clock.tick(now)?;
            let timestamp = self.offset.wrapping_add(time as u32);
            if !sending {
                self.spurt = true;
                continue;
            }
            self.fill(at, samples as usize);
            if events && let Some(event) = self.digits.next(timestamp, samples, self.format.codec.rate()) {
                self.spurt = true;
                self.payload.clear();
                self.payload.extend_from_slice(&event.payload);
                let (timestamp, marker) = (event.timestamp, event.marker);
                return Some(Packet { kind: Kind::Event, timestamp, marker, payload: &self.payload, level: SILENCE });
            }
            self.encoder.encode(&self.frame, &mut self.payload);
            let marker = std::mem::take(&mut self.spurt);
            let (kind, level) = (Kind::Audio(self.format.codec), dbov(&self.frame));
            return Some(Packet { kind, timestamp, marker, payload: &self.payload, level });
        }
    }

    /// Gets a frame from the source.
    fn fill(&mut self, at: Instant, samples: usize) {
        let rate = self.source.rate();
        while self.pending.len() < samples && !self.over {
            // Twenty milliseconds of the source's own samples, or what comes nearest.
            self.frame.clear();
            self.frame.resize((rate / 50).max(1) as usize, 0);
            let stamp = Stamp { rate, time: self.asked, at };
            match self.source.fill(stamp, &mut self.frame) {
                Filled::Audio => {}
                Filled::Silence => self.frame.fill(0),
                Filled::Over => self.over = true,
            }
            self.asked += self.frame.len() as u64;
            self.resampler.push(&self.frame, &mut self.pending);
            if self.over {
                self.source = Box::new(Silence);
            }
        }
        self.frame.clear();
        let ready = self.pending.len().min(samples);
        self.frame.extend(self.pending.drain(..ready));
        self.frame.resize(samples, 0);
        if self.muted {
            self.frame.fill(0);
        }
    }
}

impl std::fmt::Debug for Speaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Speaker").field("format", &self.format).field("clock", &self.clock).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Tone, tone_level};

    const PERIOD: Duration = Duration::from_millis(20);

    fn speaker(codec: Codec, source: impl Source + 'static, now: Instant) -> Speaker {
        let format = Format { codec, wanted: OpusParameters::default(), period: PERIOD };
        Speaker::new(format, Box::new(source), now, 7)
    }

    #[test]
    fn plays_its_source_packet_by_packet() {
        let start = Instant::now();
        let mut speaker = speaker(Codec::Pcmu, Tone::new(1000.0).source(16_000), start);
        let mut heard = Vec::new();
        let mut decoder = super::super::codec::Decoder::new(Codec::Pcmu);
        for tick in 0..50_u32 {
            let now = start + PERIOD * tick;
            let packet = speaker.poll(now, true, true).expect("one packet a tick");
            assert_eq!((packet.timestamp, packet.marker, packet.payload.len()), (7 + 160 * tick, tick == 0, 160));
            decoder.decode(packet.payload, &mut heard);
            assert_eq!(speaker.poll(now, true, true), None);
        }
        assert!((tone_level(&heard[800..], 8000, 1000.0) + 20.0).abs() < 0.3);
    }

    #[test]
    fn the_timestamps_go_on_while_nothing_is_sent() {
        let start = Instant::now();
        let mut speaker = speaker(Codec::Pcma, Silence, start);
        assert_eq!(speaker.poll(start, true, true).map(|packet| packet.timestamp), Some(7));
        for tick in 1..100 {
            assert_eq!(speaker.poll(start + PERIOD * tick, false, true), None);
        }
        let packet = speaker.poll(start + PERIOD * 100, true, true).expect("a packet after the pause");
        assert_eq!((packet.timestamp, packet.marker), (16_007, true));
        assert_eq!(speaker.timestamp_at(start + PERIOD * 100), 16_007);
        assert_eq!(speaker.poll(start + PERIOD * 101, true, true).map(|packet| packet.marker), Some(false));
    }

    #[test]
    fn digits_take_the_place_of_audio_and_a_muted_source_is_silent() {
        let start = Instant::now();
        let mut speaker = speaker(Codec::Pcmu, Tone::new(1000.0).source(8000), start);
        assert!(speaker.press('5', Duration::from_millis(60)) && !speaker.press('x', PERIOD));
        let kinds: Vec<Kind> =
            (0..8).map(|tick| speaker.poll(start + PERIOD * tick, true, true).unwrap().kind).collect();
        assert_eq!(kinds[..5], [Kind::Event; 5]);
        assert_eq!(kinds[5..], [Kind::Audio(Codec::Pcmu); 3]);
        assert!(speaker.is_silent());
        speaker.set_muted(true);
        assert!(speaker.poll(start + PERIOD * 8, true, true).unwrap().level < -90.0);
        speaker.set_muted(false);
        assert!(speaker.poll(start + PERIOD * 9, true, true).unwrap().level > -25.0);
    }

    #[test]
    fn a_source_that_is_over_is_followed_by_silence() {
        let start = Instant::now();
        let tone = Tone { duration: Some(Duration::from_millis(50)), ..Tone::default() };
        let mut speaker = speaker(Codec::Pcmu, tone.source(8000), start);
        let levels: Vec<f32> =
            (0..5).map(|tick| speaker.poll(start + PERIOD * tick, true, true).unwrap().level).collect();
        assert!(levels[0] > -30.0 && levels[4] < -90.0 && speaker.is_over(), "{levels:?}");
    }

    #[test]
    fn the_format_changes_in_the_midst_of_it() {
        let start = Instant::now();
        let mut speaker = speaker(Codec::Pcmu, Tone::new(1000.0).source(8000), start);
        speaker.poll(start, true, true);
        let period = Duration::from_millis(60);
        speaker.set_format(Format { codec: Codec::Opus, wanted: OpusParameters::default(), period }, start);
        let packet = speaker.poll(start + PERIOD, true, true).expect("a packet");
        assert_eq!((packet.kind, packet.timestamp), (Kind::Audio(Codec::Opus), 7 + 160));
        assert_eq!(speaker.poll(start + PERIOD + PERIOD, true, true), None);
        assert_eq!(
            speaker.poll(start + PERIOD + period, true, true).map(|packet| packet.timestamp),
            Some(7 + 160 + 2880)
        );
    }
}
