//! How loud a piece of audio is.

/// The level of digital silence, and the lowest there is (RFC 6464).
pub(crate) const SILENCE: f32 = -127.0;

/// The level of linear samples in dBov: 0 is the loudest possible, [`SILENCE`] the lowest.
pub(crate) fn dbov(samples: &[i16]) -> f32 {
    let sum: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    let rms = (sum / samples.len().max(1) as f64).sqrt() / f64::from(i16::MAX);
    (20.0 * rms.log10()).clamp(f64::from(SILENCE), 0.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_known_signals() {
        assert_eq!(dbov(&[]), SILENCE);
        assert_eq!(dbov(&[0; 160]), SILENCE);
        assert_eq!(dbov(&[i16::MAX; 160]), 0.0);
        assert_eq!(dbov(&[i16::MIN; 160]), 0.0);
        let half = dbov(&[16_384, -16_384]);
        assert!((half + 6.02).abs() < 0.01, "{half}");
    }
}
