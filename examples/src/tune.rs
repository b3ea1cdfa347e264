//! A tune without end, for callers who wait: plucked notes over a slow bass, made sample by sample.

use std::f64::consts::TAU;

use offhook::media::{Filled, Source, Stamp};

/// The samples of the tune, linear 16 bit.
#[derive(Debug, Clone)]
pub(crate) struct Tune {
    hertz: u32,
    rate: f64,
    position: u64,
}

/// Half a beat, in seconds: 92 beats a minute.
const STEP: f64 = 60.0 / 92.0 / 2.0;
/// One bar of four beats for each chord: the notes that are plucked one after the other, as semitones above A3; the first is
/// the bass, an octave below.
const CHORDS: [[i32; 4]; 4] = [[3, 10, 15, 19], [0, 7, 12, 15], [-4, 3, 8, 12], [-2, 5, 10, 14]];
/// Which of them, in the eight half beats of a bar.
const PATTERN: [usize; 8] = [1, 2, 3, 2, 1, 2, 3, 2];
/// How fast a note fades, a second.
const DECAY: f64 = 4.5;
const LOUDNESS: f64 = 5200.0;

impl Tune {
    pub(crate) fn new(rate: u32) -> Self {
        Tune { hertz: rate, rate: f64::from(rate), position: 0 }
    }
}

impl Iterator for Tune {
    type Item = i16;

    fn next(&mut self) -> Option<i16> {
        let time = self.position as f64 / self.rate;
        self.position += 1;
        let step = (time / STEP) as u64;
        let mut sample = 0.0;
        // A note sounds on under the two that follow.
        for back in 0..3 {
            let Some(begun) = step.checked_sub(back) else { break };
            let chord = CHORDS[(begun / 8) as usize % CHORDS.len()];
            let note = chord[PATTERN[(begun % 8) as usize]];
            sample += plucked(pitch(note), time - begun as f64 * STEP);
        }
        let bar = step / 8;
        let bass = CHORDS[bar as usize % CHORDS.len()][0] - 12;
        sample += 0.8 * plucked(pitch(bass), (time - bar as f64 * 8.0 * STEP) / 2.0);
        Some((sample * LOUDNESS).clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i16)
    }
}

impl Source for Tune {
    fn rate(&self) -> u32 {
        self.hertz
    }

    fn fill(&mut self, _: Stamp, frame: &mut [i16]) -> Filled {
        frame.iter_mut().zip(self).for_each(|(sample, next)| *sample = next);
        Filled::Audio
    }
}

/// The frequency of a note so many semitones above A3.
fn pitch(semitones: i32) -> f64 {
    220.0 * 2f64.powf(f64::from(semitones) / 12.0)
}

/// A string that was plucked `time` seconds ago.
fn plucked(frequency: f64, time: f64) -> f64 {
    let attack = (time / 0.006).min(1.0);
    let phase = TAU * frequency * time;
    let strings = phase.sin()
        + 0.4 * (2.0 * phase).sin() * (-3.0 * time).exp()
        + 0.15 * (3.0 * phase).sin() * (-6.0 * time).exp();
    attack * strings * (-DECAY * time).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The level of samples in dBov.
    fn dbov(samples: &[i16]) -> f64 {
        let sum: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        10.0 * (sum / samples.len() as f64 / f64::from(i16::MAX).powi(2)).log10()
    }

    #[test]
    fn it_sounds_all_the_time_and_is_never_cut_off() {
        let samples: Vec<i16> = Tune::new(8000).take(8000 * 30).collect();
        let loudest = samples.iter().map(|sample| sample.unsigned_abs()).max();
        assert!(loudest < Some(20_000), "{loudest:?}");
        // No silence longer than half a beat.
        for (index, part) in samples.chunks(2600).enumerate() {
            assert!(dbov(part) > -40.0, "{} at {index}", dbov(part));
        }
    }

    #[test]
    fn it_comes_again() {
        let bars = (STEP * 32.0 * 8000.0).round() as usize;
        let samples: Vec<i16> = Tune::new(8000).take(bars + 16_000).collect();
        let [first, again] = [&samples[2000..10_000], &samples[bars + 2000..bars + 10_000]];
        let far = first.iter().zip(again).map(|(a, b)| (i32::from(*a) - i32::from(*b)).abs()).max();
        assert!(far < Some(2500), "{far:?}");
    }
}
