//! What is heard in the place of packets that did not come, for formats that have no means of their own: the last period
//! of the voice again, fading, after the manner of ITU-T G.711 Appendix I.

/// Keeps what was heard last, to go on from there.
#[derive(Debug)]
pub(in crate::media) struct Concealer {
    rate: usize,
    /// The last 50 ms.
    history: Vec<i16>,
    /// The period that is repeated while packets are missing.
    cycle: Vec<i16>,
    /// How many samples have been made up in a row.
    made: usize,
}

impl Concealer {
    pub(super) fn new(rate: u32) -> Concealer {
        Concealer { rate: rate as usize, history: Vec::new(), cycle: Vec::new(), made: 0 }
    }

    /// Samples that came in. After a gap their beginning is blended with what was made up.
    pub(super) fn heard(&mut self, samples: &mut [i16]) {
        if self.made > 0 {
            let blend = samples.len().min(self.rate / 200);
            for (index, sample) in samples.iter_mut().take(blend).enumerate() {
                let new = (index + 1) as f32 / (blend + 1) as f32;
                *sample = (f32::from(*sample) * new + f32::from(self.next()) * (1.0 - new)) as i16;
            }
            self.made = 0;
        }
        self.remember(samples);
    }

    /// Makes up samples behind `samples`.
    pub(super) fn conceal(&mut self, missing: usize, samples: &mut Vec<i16>) {
        if self.made == 0 {
            self.begin();
        }
        samples.extend((0..missing).map(|_| self.next()));
    }

    /// Chooses the period to repeat: where the last 20 ms look most like themselves a little earlier.
    fn begin(&mut self) {
        self.cycle.clear();
        let (window, shortest, longest) = (self.rate / 100, self.rate / 200, self.rate / 60);
        let Some(start) = self.history.len().checked_sub(window) else { return };
        let last = &self.history[start..];
        let likeness = |lag: usize| {
            let before = start.checked_sub(lag).map(|from| &self.history[from..from + window])?;
            let (mut product, mut energy) = (0.0_f64, 1.0_f64);
            for (a, b) in last.iter().zip(before) {
                product += f64::from(*a) * f64::from(*b);
                energy += f64::from(*b) * f64::from(*b);
            }
            Some((lag, product / energy.sqrt()))
        };
        let best = (shortest..=longest).filter_map(likeness).max_by(|a, b| a.1.total_cmp(&b.1));
        let Some((period, _)) = best else { return };
        let end = self.history.len();
        self.cycle.extend_from_slice(&self.history[end - period..]);
        // The end of the period goes over into what came before its beginning, so that it can follow itself.
        let blend = period / 4;
        for index in 0..blend {
            let new = (index + 1) as f32 / (blend + 1) as f32;
            let at = period - blend + index;
            let Some(before) = (end - period).checked_sub(blend - index).and_then(|at| self.history.get(at)) else {
                break;
            };
            self.cycle[at] = (f32::from(self.cycle[at]) * (1.0 - new) + f32::from(*before) * new) as i16;
        }
    }

    fn next(&mut self) -> i16 {
        if self.cycle.is_empty() {
            self.made += 1;
            return 0;
        }
        let (full, silent) = (self.rate / 100, self.rate * 6 / 100);
        let gain = 1.0 - self.made.saturating_sub(full) as f32 / (silent - full) as f32;
        let sample = self.cycle[self.made % self.cycle.len()];
        // Beyond silence it does not count on, so that it never runs out of numbers.
        self.made = if self.made > silent { self.made } else { self.made + 1 };
        (f32::from(sample) * gain.max(0.0)) as i16
    }

    fn remember(&mut self, samples: &[i16]) {
        let most = self.rate / 20;
        let new = &samples[samples.len().saturating_sub(most)..];
        let keep = most - new.len();
        self.history.drain(..self.history.len().saturating_sub(keep));
        self.history.extend_from_slice(new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::level::dbov;
    use crate::media::{Tone, tone_level};

    #[test]
    fn a_gap_in_a_tone_is_hardly_heard_and_a_long_one_fades() {
        let tone: Vec<i16> = Tone::new(200.0).source(8000).take(1600).collect();
        let mut concealer = Concealer::new(8000);
        let mut heard = Vec::new();
        for (index, frame) in tone.chunks(160).enumerate() {
            let mut frame = frame.to_vec();
            if index == 5 {
                concealer.conceal(160, &mut heard);
            } else {
                concealer.heard(&mut frame);
                heard.extend(frame);
            }
        }
        assert_eq!(heard.len(), 1600);
        assert!((tone_level(&heard[400..], 8000, 200.0) + 20.0).abs() < 0.5);
        let error: Vec<i16> = heard.iter().zip(&tone).map(|(a, b)| a - b).collect();
        assert!(dbov(&error[800..960]) < -30.0, "{}", dbov(&error[800..960]));

        let mut gap = Vec::new();
        concealer.conceal(8000, &mut gap);
        assert!(dbov(&gap[..80]) > -22.0 && dbov(&gap[500..]) < -90.0);
    }

    #[test]
    fn with_nothing_heard_yet_there_is_silence() {
        let mut concealer = Concealer::new(8000);
        let mut samples = Vec::new();
        concealer.conceal(160, &mut samples);
        assert_eq!(samples, [0; 160]);
        let mut short = [5; 3];
        concealer.heard(&mut short);
        concealer.conceal(160, &mut samples);
        assert_eq!(samples.len(), 320);
    }
}
