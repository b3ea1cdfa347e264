//! A tone: to be played, and to be found again in what is heard.

use std::f64::consts::TAU;
use std::time::Duration;

use super::frame::{Filled, Source, Stamp};

/// A sine that swells and fades.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tone {
    /// In hertz.
    pub frequency: f64,
    /// How long; `None`: until the call ends.
    pub duration: Option<Duration>,
    /// In dBov: 0 is the loudest possible square wave, -3 the loudest sine.
    pub level: f64,
}

impl Tone {
    /// A tone without end, at -20 dBov.
    pub fn new(frequency: f64) -> Tone {
        Tone { frequency, duration: None, ..Tone::default() }
    }

    /// As a source at `rate` samples a second.
    pub fn source(self, rate: u32) -> ToneSource {
        let rate_of = f64::from(rate);
        let amplitude = f64::from(i16::MAX) * 10f64.powf(self.level / 20.0) * std::f64::consts::SQRT_2;
        let length = self.duration.map(|duration| (duration.as_secs_f64() * rate_of) as u64);
        let edge = (EDGE.as_secs_f64() * rate_of) as u64;
        ToneSource {
            rate,
            step: self.frequency / rate_of,
            amplitude: amplitude.min(f64::from(i16::MAX)),
            position: 0,
            length,
            edge: length.map_or(edge, |length| edge.min(length / 2)).max(1),
        }
    }
}

impl Default for Tone {
    /// 440 Hz for 600 ms at -20 dBov.
    fn default() -> Self {
        Tone { frequency: 440.0, duration: Some(Duration::from_millis(600)), level: -20.0 }
    }
}

/// A [`Tone`] that is played.
#[derive(Debug, Clone)]
pub struct ToneSource {
    rate: u32,
    /// Periods a sample.
    step: f64,
    amplitude: f64,
    position: u64,
    length: Option<u64>,
    edge: u64,
}

impl Iterator for ToneSource {
    type Item = i16;

    fn next(&mut self) -> Option<i16> {
        let left = match self.length {
            Some(length) => length.checked_sub(self.position).filter(|left| *left > 0)?,
            None => self.edge,
        };
        let edge = (self.position.min(left) as f64 / self.edge as f64).min(1.0);
        // The phase is taken from the position, not summed up: after an hour it is still exact.
        let phase = (self.position as f64 * self.step).fract() * TAU;
        self.position += 1;
        Some((phase.sin() * self.amplitude * edge).round() as i16)
    }
}

impl Source for ToneSource {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn fill(&mut self, _: Stamp, frame: &mut [i16]) -> Filled {
        for sample in frame {
            match self.next() {
                Some(next) => *sample = next,
                None => return Filled::Over,
            }
        }
        Filled::Audio
    }
}

/// How loud one frequency is in a piece of audio, in dBov, by the algorithm of Goertzel: a tone that fills it measures as
/// its own level.
///
/// ```
/// # use offhook::media::{Tone, tone_level};
/// let samples: Vec<i16> = Tone { level: -20.0, ..Tone::new(1000.0) }.source(8000).take(8000).collect();
/// assert!((tone_level(&samples, 8000, 1000.0) + 20.0).abs() < 0.2);
/// assert!(tone_level(&samples, 8000, 1250.0) < -50.0);
/// ```
pub fn tone_level(samples: &[i16], rate: u32, frequency: f64) -> f64 {
    let coefficient = 2.0 * (TAU * frequency / f64::from(rate)).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for (index, sample) in samples.iter().enumerate() {
        // A window by Hann: what begins and ends in the midst of a period does not spill into other frequencies.
        let window = 1.0 - (TAU * (index as f64 + 0.5) / samples.len() as f64).cos();
        (last, before) = (f64::from(*sample) * window + coefficient * last - before, last);
    }
    let power = last * last + before * before - coefficient * last * before;
    let mean = 2.0 * power / (samples.len().max(1) as f64).powi(2);
    let level = 10.0 * (mean / f64::from(i16::MAX).powi(2)).log10();
    level.max(f64::from(super::level::SILENCE))
}

/// How long the tone takes to swell, and to fade.
const EDGE: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::level::dbov;

    #[test]
    fn the_power_is_at_the_frequency() {
        let samples: Vec<i16> = Tone::default().source(8000).collect();
        assert_eq!(samples.len(), 4800);
        assert!((tone_level(&samples, 8000, 440.0) + 20.0).abs() < 0.3);
        for other in [300.0, 400.0, 480.0, 880.0, 1320.0] {
            assert!(tone_level(&samples, 8000, other) < -60.0, "{other} Hz");
        }
    }

    #[test]
    fn the_level_is_the_one_asked_for() {
        for level in [-40.0, -20.0, -6.0] {
            let samples: Vec<i16> = Tone { level, ..Tone::default() }.source(8000).collect();
            let measured = dbov(&samples[400..4400]);
            assert!((f64::from(measured) - level).abs() < 0.2, "{measured} instead of {level}");
        }
    }

    #[test]
    fn it_starts_and_ends_softly() {
        let samples: Vec<i16> = Tone { level: 0.0, ..Tone::default() }.source(8000).collect();
        let loudest = |part: &[i16]| part.iter().map(|sample| sample.unsigned_abs()).max();
        assert!(loudest(&samples[..4]) < Some(2000));
        assert!(loudest(&samples[4796..]) < Some(2000));
        assert!(loudest(&samples[400..4400]) > Some(32_000));
    }

    #[test]
    fn one_without_end_stays_what_it_is() {
        let mut tone = Tone::new(1000.0).source(8000);
        let hour: Vec<i16> = (&mut tone).skip(8000 * 3600).take(8000).collect();
        assert!((tone_level(&hour, 8000, 1000.0) + 20.0).abs() < 0.2);
    }
}
