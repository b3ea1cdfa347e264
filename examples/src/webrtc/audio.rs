//! What a session says and hears: first the tone, then the echo.
//!
//! No network here and no clock; packets and the time come in, packets come out.

use std::sync::Arc;
use std::time::Instant;

use super::clock::{Clock, PERIOD};
use super::codec::{Codec, Law};
use super::echo::{FrameLine, SampleLine};
use super::level::{SILENCE, dbov};
use super::options::Options;
use super::tone::Samples;
use super::tune::Tune;

/// The audio of one session.
#[derive(Debug)]
pub(super) struct Audio {
    options: Options,
    codec: Codec,
    source: Source,
    clock: Clock,
    /// Whether the next packet is the first after a pause (RFC 3551, section 4.1).
    spurt: bool,
}

/// A packet to send.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Packet {
    /// Extended RTP timestamp.
    pub(super) time: u64,
    /// The RTP marker bit.
    pub(super) marker: bool,
    pub(super) payload: Arc<[u8]>,
    /// In dBov, where it is known.
    pub(super) level: Option<f32>,
}

#[derive(Debug)]
enum Source {
    /// Decoded audio.
    Samples { law: Law, tone: Samples, tune: Option<Tune>, line: SampleLine },
    /// Frames passed on.
    Frames(FrameLine),
}

impl Audio {
    /// Audio that starts now with the RTP timestamp `time`.
    pub(super) fn new(options: &Options, codec: Codec, now: Instant, time: u32) -> Self {
        let rate = codec.rate();
        let delay = options.delay.min(Options::LONGEST_DELAY).as_millis() as u64 * u64::from(rate) / 1000;
        let source = match codec.law() {
            Some(law) => Source::Samples {
                law,
                tone: options.tone.samples(rate),
                tune: options.tune.then(|| Tune::new(rate)),
                line: SampleLine::new(delay),
            },
            None => Source::Frames(FrameLine::new(delay)),
        };
        Audio { options: options.clone(), codec, source, clock: Clock::new(now, u64::from(time), rate), spurt: true }
    }

    /// Changes the codec to send. Between the two laws of G.711 nothing else changes; otherwise the line starts over.
    pub(super) fn set_codec(&mut self, codec: Codec, now: Instant) {
        if codec == self.codec {
            return;
        }
        match (&mut self.source, codec.law()) {
            (Source::Samples { law, .. }, Some(new)) => {
                *law = new;
                self.codec = codec;
            }
            _ => *self = Audio::new(&self.options, codec, now, self.clock.time() as u32),
        }
    }

    /// Takes a packet that was heard; `level` is what its sender says. Returns its level in dBov, where it is known.
    pub(super) fn receive(&mut self, codec: Codec, time: u64, payload: &Arc<[u8]>, level: Option<f32>) -> Option<f32> {
        match (&mut self.source, codec.law()) {
            (Source::Samples { line, .. }, Some(law)) => {
                let samples: Vec<i16> = payload.iter().map(|byte| (law.decode)(*byte)).collect();
                line.write(time, samples.iter().copied());
                Some(dbov(&samples))
            }
            (Source::Frames(line), None) => {
                line.write(self.clock.time(), time, payload.clone(), level);
                level
            }
            // A codec that is not the negotiated one.
            _ => None,
        }
    }

    /// When to call [`Audio::poll`] next.
    pub(super) fn due(&self) -> Instant {
        self.clock.due()
    }

    /// The next packet to send by now. Call until there is none.
    ///
    /// While the other side does not want to hear (`sending` is false) time goes on, and so do the timestamps.
    pub(super) fn poll(&mut self, now: Instant, sending: bool) -> Option<Packet> {
        loop {
            let packet = match &mut self.source {
                Source::Samples { law, tone, tune, line } => {
                    let time = self.clock.tick(now)?;
                    let mut samples = [0; SAMPLES];
                    line.read(&mut samples);
                    for sample in &mut samples {
                        let played = sending.then(|| tone.next()).flatten().or_else(|| tune.as_mut()?.next());
                        *sample = played.unwrap_or_else(|| (f32::from(*sample) * self.options.gain) as i16);
                    }
                    let payload = samples.iter().map(|sample| (law.encode)(*sample)).collect();
                    Packet { time, marker: self.spurt, payload, level: Some(dbov(&samples)) }
                }
                Source::Frames(line) => match line.read(self.clock.time()) {
                    Some(frame) => {
                        Packet { time: frame.time, marker: self.spurt, payload: frame.payload, level: frame.level }
                    }
                    None => {
                        self.clock.tick(now)?;
                        continue;
                    }
                },
            };
            self.spurt = !sending;
            if sending {
                return Some(packet);
            }
        }
    }
}

/// The level to tell the other side in the header extension (RFC 6464), and whether somebody speaks.
pub(super) fn stated_level(level: f32) -> (i8, bool) {
    (level.clamp(SILENCE, 0.0).round() as i8, level > SPEECH)
}

/// Louder than this counts as speech, in dBov.
const SPEECH: f32 = -60.0;

/// The samples of a packet at 8000 a second.
const SAMPLES: usize = 8 * PERIOD.as_millis() as usize;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::webrtc::Tone;
    use crate::webrtc::g711;

    fn options(tone: Tone) -> Options {
        Options { tone, delay: Duration::from_millis(100), gain: 0.5, ..Options::default() }
    }

    fn level(packet: &Packet) -> f32 {
        packet.level.unwrap_or(SILENCE)
    }

    #[test]
    fn plays_the_tone_then_the_echo() {
        let start = Instant::now();
        let mut audio = Audio::new(
            &options(Tone { duration: Duration::from_millis(200), ..Tone::default() }),
            Codec::Pcmu,
            start,
            7,
        );
        let heard: Arc<[u8]> = vec![g711::encode_a(8000); 160].into();
        let packets: Vec<Packet> = (0..20)
            .map(|tick| {
                audio.receive(Codec::Pcma, 160 * tick, &heard, None);
                let now = start + PERIOD * tick as u32;
                let packet = audio.poll(now, true).expect("one packet a tick");
                assert_eq!(audio.poll(now, true), None);
                packet
            })
            .collect();
        assert!(packets.iter().enumerate().all(|(index, packet)| packet.time == 7 + 160 * index as u64));
        assert!(packets.iter().enumerate().all(|(index, packet)| packet.marker == (index == 0)));
        assert!((level(&packets[5]) + 20.0).abs() < 1.0, "the tone: {}", level(&packets[5]));
        // 8000 at half the gain.
        assert!((level(&packets[15]) + 18.3).abs() < 0.3, "the echo: {}", level(&packets[15]));
        assert!((i32::from(g711::decode_mu(packets[15].payload[0])) - 4000).abs() < 150);
    }

    #[test]
    fn the_timestamps_go_on_while_nothing_is_sent() {
        let start = Instant::now();
        let mut audio = Audio::new(&options(Tone::SILENT), Codec::Pcma, start, 0);
        assert_eq!(audio.poll(start, true).map(|packet| packet.time), Some(0));
        for tick in 1..100 {
            assert_eq!(audio.poll(start + PERIOD * tick, false), None);
        }
        let packet = audio.poll(start + PERIOD * 100, true).expect("a packet after the pause");
        assert_eq!((packet.time, packet.marker), (16_000, true));
        assert_eq!(audio.poll(start + PERIOD * 101, true).map(|packet| packet.marker), Some(false));
    }

    #[test]
    fn the_tone_waits_until_somebody_listens() {
        let start = Instant::now();
        let mut audio = Audio::new(&options(Tone::default()), Codec::Pcmu, start, 0);
        for tick in 0..100 {
            assert_eq!(audio.poll(start + PERIOD * tick, false), None);
        }
        let packets: Vec<Packet> = (100..105).filter_map(|tick| audio.poll(start + PERIOD * tick, true)).collect();
        assert!((level(&packets[4]) + 20.0).abs() < 1.0);
    }

    #[test]
    fn opus_is_passed_on_unchanged() {
        let start = Instant::now();
        let mut audio = Audio::new(&options(Tone::default()), Codec::Opus, start, 0);
        let mut sent = Vec::new();
        for tick in 0..20u8 {
            audio.receive(Codec::Opus, 5_000_000 + 960 * u64::from(tick), &Arc::from([tick; 40]), Some(-30.0));
            sent.extend(std::iter::from_fn(|| audio.poll(start + PERIOD * u32::from(tick), true)));
        }
        assert!(sent.len() >= 14, "{}", sent.len());
        for (index, pair) in sent.windows(2).enumerate() {
            assert_eq!(pair[1].time - pair[0].time, 960);
            assert_eq!(pair[0].payload[0], index as u8);
        }
        assert_eq!(sent[0].level, Some(-30.0));
    }

    #[test]
    fn changing_the_law_keeps_the_line() {
        let start = Instant::now();
        let mut audio = Audio::new(&options(Tone::SILENT), Codec::Pcmu, start, 0);
        audio.receive(Codec::Pcmu, 0, &vec![g711::encode_mu(8000); 160].into(), None);
        audio.set_codec(Codec::Pcma, start);
        let packets: Vec<Packet> = (0..8).filter_map(|tick| audio.poll(start + PERIOD * tick, true)).collect();
        assert!((i32::from(g711::decode_a(packets[5].payload[0])) - 4000).abs() < 150);
    }
}
