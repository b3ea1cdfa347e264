//! Between sampling rates: a filter by windowed sinc, in as many phases as the two rates need.

use std::collections::VecDeque;
use std::f64::consts::PI;

/// Converts a stream of samples from one rate to another.
#[derive(Debug)]
pub(super) struct Resampler {
    /// The filter, phase by phase; empty where nothing has to be done.
    phases: Vec<Vec<f32>>,
    /// The input that the filter still covers.
    history: VecDeque<f32>,
    /// By how much the next output is ahead of the input, in steps of one output.
    position: u32,
    step: u32,
}

impl Resampler {
    /// Rates are in hertz.
    pub(super) fn new(from: u32, to: u32) -> Resampler {
        let (from, to) = (from.max(1), to.max(1));
        let common = gcd(from, to);
        let (up, down) = (to / common, from / common);
        let phases = if from == to { Vec::new() } else { filter(up, down) };
        let taps = phases.first().map_or(0, Vec::len);
        Resampler { phases, history: VecDeque::from(vec![0.0; taps]), position: 0, step: down }
    }

    /// Converts what comes next. Over time the output is as long as the input; a call may give a sample more or less.
    pub(super) fn push(&mut self, input: &[i16], output: &mut Vec<i16>) {
        if self.phases.is_empty() {
            output.extend_from_slice(input);
            return;
        }
        let up = self.phases.len() as u32;
        for sample in input {
            self.history.pop_front();
            self.history.push_back(f32::from(*sample));
            while self.position < up {
                let taps = &self.phases[self.position as usize];
                let sum: f32 = taps.iter().zip(self.history.iter().rev()).map(|(tap, sample)| tap * sample).sum();
                output.push(sum.round().clamp(f32::from(i16::MIN), f32::from(i16::MAX)) as i16);
                self.position += self.step;
            }
            self.position -= up;
        }
    }
}

/// The phases of a low pass at nine tenths of the lower rate's half.
fn filter(up: u32, down: u32) -> Vec<Vec<f32>> {
    let (up_of, down_of) = (f64::from(up), f64::from(down));
    // In units of the input rate.
    let cutoff = (up_of / down_of).min(1.0) * 0.9;
    let taps = (f64::from(ZEROES) * 2.0 / cutoff).ceil() as usize;
    let center = taps as f64 / 2.0;
    let phase = |phase: u32| {
        let weight = |tap: usize| {
            let at = tap as f64 + f64::from(phase) / up_of - center;
            let sinc = if at == 0.0 { 1.0 } else { (PI * at * cutoff).sin() / (PI * at * cutoff) };
            // By Blackman.
            let x = (at / center).clamp(-1.0, 1.0);
            let window = 0.42 + 0.5 * (PI * x).cos() + 0.08 * (2.0 * PI * x).cos();
            sinc * window * cutoff
        };
        let weights: Vec<f64> = (0..taps).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|weight| (weight / sum) as f32).collect()
    };
    (0..up).map(phase).collect()
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// How many zero crossings the filter has on each side.
const ZEROES: u32 = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Tone, tone_level};

    #[test]
    fn a_tone_keeps_its_frequency_and_its_level() {
        for (from, to) in
            [(8000, 48_000), (48_000, 8000), (16_000, 48_000), (44_100, 8000), (48_000, 44_100), (8000, 8000)]
        {
            let tone: Vec<i16> = Tone::new(1000.0).source(from).take(from as usize).collect();
            let mut resampler = Resampler::new(from, to);
            let mut output = Vec::new();
            for frame in tone.chunks(from as usize / 50) {
                resampler.push(frame, &mut output);
            }
            assert!((output.len() as i64 - i64::from(to)).abs() <= 1, "{from} to {to}: {}", output.len());
            let settled = &output[output.len() / 10..];
            let level = tone_level(settled, to, 1000.0);
            assert!((level + 20.0).abs() < 0.2, "{from} to {to}: {level}");
            for other in [500.0, 2000.0, 3000.0] {
                assert!(tone_level(settled, to, other) < -75.0, "{from} to {to}: {other} Hz");
            }
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_carry_is_taken_away() {
        let tone: Vec<i16> = Tone::new(6000.0).source(48_000).take(48_000).collect();
        let mut output = Vec::new();
        Resampler::new(48_000, 8000).push(&tone, &mut output);
        assert!(tone_level(&output[800..], 8000, 2000.0) < -70.0, "it would be heard at 2000 Hz");
    }
}
