//! A sine tone, with soft edges so that it does not click.

use std::f64::consts::TAU;
use std::time::Duration;

/// A tone to play once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tone {
    /// Frequency in hertz.
    pub frequency: f64,
    /// How long it sounds. Zero means no tone.
    pub duration: Duration,
    /// Loudness in dBov: 0 is the loudest that can be sent (a square wave at full scale), a full sine has -3.
    pub level: f64,
}

impl Tone {
    /// No tone at all.
    pub const SILENT: Tone = Tone { frequency: 0.0, duration: Duration::ZERO, level: -127.0 };

    /// The samples of the tone at `rate` samples a second.
    pub(super) fn samples(&self, rate: u32) -> Samples {
        let rate = f64::from(rate);
        let amplitude = f64::from(i16::MAX) * 10f64.powf(self.level / 20.0) * std::f64::consts::SQRT_2;
        let length = (self.duration.as_secs_f64() * rate) as u64;
        Samples {
            step: TAU * self.frequency / rate,
            amplitude: amplitude.min(f64::from(i16::MAX)),
            position: 0,
            length,
            edge: ((EDGE.as_secs_f64() * rate) as u64).min(length / 2).max(1),
        }
    }
}

impl Default for Tone {
    /// 440 Hz for 600 ms at -20 dBov.
    fn default() -> Self {
        Tone { frequency: 440.0, duration: Duration::from_millis(600), level: -20.0 }
    }
}

/// The samples of a [`Tone`], linear 16 bit.
#[derive(Debug, Clone)]
pub(super) struct Samples {
    step: f64,
    amplitude: f64,
    position: u64,
    length: u64,
    edge: u64,
}

impl Iterator for Samples {
    type Item = i16;

    fn next(&mut self) -> Option<i16> {
        let left = self.length.checked_sub(self.position).filter(|left| *left > 0)?;
        let edge = (self.position.min(left) as f64 / self.edge as f64).min(1.0);
        let sample = (self.step * self.position as f64).sin() * self.amplitude * edge;
        self.position += 1;
        Some(sample as i16)
    }
}

/// How long the tone takes to swell, and to fade.
const EDGE: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webrtc::level::dbov;

    #[test]
    fn the_power_is_at_the_frequency() {
        let tone = Tone::default();
        let samples: Vec<i16> = tone.samples(8000).collect();
        assert_eq!(samples.len(), 4800);
        let total: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / samples.len() as f64;
        assert!(goertzel(&samples, 440.0) > 0.97 * total);
        for other in [300.0, 400.0, 480.0, 880.0, 1320.0] {
            assert!(goertzel(&samples, other) < 0.001 * total, "{other} Hz");
        }
    }

    #[test]
    fn the_level_is_the_one_asked_for() {
        for level in [-40.0, -20.0, -6.0] {
            let samples: Vec<i16> = Tone { level, ..Tone::default() }.samples(8000).collect();
            let measured = dbov(&samples[400..4400]);
            assert!((f64::from(measured) - level).abs() < 0.2, "{measured} instead of {level}");
        }
    }

    #[test]
    fn it_starts_and_ends_softly() {
        let samples: Vec<i16> = Tone { level: 0.0, ..Tone::default() }.samples(8000).collect();
        let loudest = |part: &[i16]| part.iter().map(|sample| sample.unsigned_abs()).max();
        assert!(loudest(&samples[..4]) < Some(2000));
        assert!(loudest(&samples[4796..]) < Some(2000));
        assert!(loudest(&samples[400..4400]) > Some(32_000));
    }

    #[test]
    fn silence_has_no_samples() {
        assert_eq!(Tone::SILENT.samples(8000).count(), 0);
    }

    /// The mean power of `samples` at one frequency.
    fn goertzel(samples: &[i16], frequency: f64) -> f64 {
        let coefficient = 2.0 * (TAU * frequency / 8000.0).cos();
        let (mut last, mut before) = (0.0, 0.0);
        for sample in samples {
            (last, before) = (f64::from(*sample) + coefficient * last - before, last);
        }
        let power = last * last + before * before - coefficient * last * before;
        2.0 * power / (samples.len() as f64).powi(2)
    }
}
