//! A piece of audio made longer or shorter by one period of its voice, without a change of pitch: how the jitter buffer
//! gets the delay that it wants.

/// Takes out a period of 2.5 to 10 ms from a frame of 20 ms or more. Returns nothing where that would be heard: the frame
/// is loud and not like itself a period later.
pub(in crate::media) fn shorten(frame: &[i16], rate: u32) -> Option<Vec<i16>> {
    let (lag, window) = best_lag(frame, rate)?;
    let mut shorter = fade(&frame[..window], &frame[lag..lag + window]);
    shorter.extend_from_slice(&frame[lag + window..]);
    Some(shorter)
}

/// Puts in a period, as [`shorten`] takes one out.
pub(in crate::media) fn lengthen(frame: &[i16], rate: u32) -> Option<Vec<i16>> {
    let (lag, window) = best_lag(frame, rate)?;
    let mut longer = frame[..lag].to_vec();
    longer.extend(fade(&frame[lag..lag + window], &frame[..window]));
    longer.extend_from_slice(&frame[window..]);
    Some(longer)
}

/// From one to the other.
fn fade(from: &[i16], to: &[i16]) -> Vec<i16> {
    let length = from.len() as f32 + 1.0;
    let mix = |(index, (from, to)): (usize, (&i16, &i16))| {
        let new = (index + 1) as f32 / length;
        (f32::from(*from) * (1.0 - new) + f32::from(*to) * new) as i16
    };
    from.iter().zip(to).enumerate().map(mix).collect()
}

/// By how many samples the frame has to be moved to look most like itself, and the length over which that was compared.
fn best_lag(frame: &[i16], rate: u32) -> Option<(usize, usize)> {
    let rate = rate as usize;
    let (shortest, longest, window) = (rate / 400, rate / 100, rate / 100);
    if frame.len() < longest + window {
        return None;
    }
    let energy = |samples: &[i16]| samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>();
    let first = &frame[..window];
    let here = energy(first);
    // At a high rate every other lag will do: the voice is far below that.
    let step = (rate / 16_000).max(1);
    let likeness = |lag: usize| {
        let there = &frame[lag..lag + window];
        let product: f64 = first.iter().zip(there).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        (lag, product / (here * energy(there)).sqrt().max(1.0))
    };
    let (lag, best) = (shortest..=longest).step_by(step).map(likeness).max_by(|a, b| a.1.total_cmp(&b.1))?;
    let silent = here < window as f64 * SILENT * SILENT;
    (silent || best > ALIKE).then_some((lag, window))
}

/// Where two pieces correlate less than this, one cannot take the other's place.
const ALIKE: f64 = 0.7;

/// Up to this amplitude nobody hears a joint.
const SILENT: f64 = 60.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Tone, tone_level};

    #[test]
    fn a_tone_stays_a_tone() {
        for (rate, length) in [(8000, 160), (48_000, 960)] {
            let tone: Vec<i16> = Tone::new(400.0).source(rate).take(50 * length).collect();
            let (mut shorter, mut longer) = (Vec::new(), Vec::new());
            for frame in tone.chunks(length) {
                shorter.extend(shorten(frame, rate).expect("a tone can be shortened"));
                longer.extend(lengthen(frame, rate).expect("a tone can be lengthened"));
            }
            assert!(shorter.len() <= tone.len() * 9 / 10 && longer.len() >= tone.len() * 11 / 10);
            for changed in [shorter, longer] {
                let level = tone_level(&changed[length..], rate, 400.0);
                assert!((level + 20.0).abs() < 1.5, "{level}");
            }
        }
    }

    #[test]
    fn noise_and_fragments_are_left_alone() {
        let mut state = 1_u32;
        let noise: Vec<i16> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as i16 / 4
        })
        .take(160)
        .collect();
        assert_eq!(shorten(&noise, 8000), None);
        assert_eq!(lengthen(&noise, 8000), None);
        assert_eq!(shorten(&noise[..100], 8000), None);
        assert_eq!(shorten(&[0; 160], 8000).map(|shorter| shorter.len() < 160), Some(true), "silence always can");
    }
}
