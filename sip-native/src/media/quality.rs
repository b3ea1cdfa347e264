//! How good a call sounds: what is lost, late and delayed, and what that comes to by the E-model (ITU-T G.107).

use std::time::Duration;

use super::codec::Codec;

/// The quality of what is heard, as measured at this end.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Quality {
    /// The mean opinion score that listeners would give, from 1 (bad) to 4.4 (as good as a telephone gets), by the E-model.
    pub mos: f64,
    /// The rating of the E-model from which it comes, from 0 to 93.2.
    pub rating: f64,
    /// The share of packets the network lost, from 0 to 1.
    pub loss: f64,
    /// The share of packets that came too late to be heard, from 0 to 1.
    pub late: f64,
    /// How unevenly packets come (RFC 3550 6.4.1).
    pub jitter: Duration,
    /// To the other side and back, once it is known from RTCP.
    pub round_trip: Option<Duration>,
    /// From its coming in until a packet is heard: the jitter buffer.
    pub buffered: Duration,
}

/// What the E-model is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    pub(super) codec: Codec,
    /// Packets that should have come.
    pub(super) expected: u64,
    pub(super) lost: u64,
    pub(super) late: u64,
    /// How often packets were missing, one or several in a row.
    pub(super) gaps: u64,
    pub(super) jitter: Duration,
    pub(super) round_trip: Option<Duration>,
    pub(super) buffered: Duration,
}

impl Quality {
    pub(super) fn of(measured: &Measured) -> Quality {
        let share = |count: u64| count as f64 / measured.expected.max(1) as f64;
        let (loss, late) = (share(measured.lost).min(1.0), share(measured.late).min(1.0));
        let missing = (loss + late).min(1.0);
        // How much longer the gaps are than they would be by chance (G.107 7.2, BurstR).
        let gap = (measured.lost + measured.late) as f64 / measured.gaps.max(1) as f64;
        let burst = (gap * (1.0 - missing)).max(1.0);
        // By equipment (G.113 I): G.711 with concealment; opus is at least as robust.
        let robustness = match measured.codec {
            Codec::Pcmu | Codec::Pcma => 25.1,
            Codec::Opus => 30.0,
        };
        let coding = match measured.codec {
            Codec::Pcmu | Codec::Pcma => Duration::from_millis(20),
            Codec::Opus => Duration::from_micros(26_500),
        };
        let percent = missing * 100.0;
        let equipment = 95.0 * percent / (percent / burst + robustness);
        let delay = measured.round_trip.unwrap_or_default() / 2 + measured.buffered + coding;
        let delay = delay.as_secs_f64() * 1000.0;
        let delayed = 0.024 * delay + 0.11 * (delay - 177.3).max(0.0);
        let rating = (BEST - delayed - equipment).clamp(0.0, BEST);
        let mos = 1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6;
        Quality {
            mos: mos.max(1.0),
            rating,
            loss,
            late,
            jitter: measured.jitter,
            round_trip: measured.round_trip,
            buffered: measured.buffered,
        }
    }
}

/// The rating of a call without delay and loss, everything else as G.107 assumes it.
const BEST: f64 = 93.2;

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(lost: u64, gaps: u64, delay: u64) -> Quality {
        Quality::of(&Measured {
            codec: Codec::Pcmu,
            expected: 1000,
            lost,
            late: 0,
            gaps,
            jitter: Duration::ZERO,
            round_trip: Some(Duration::from_millis(2 * delay)),
            buffered: Duration::ZERO,
        })
    }

    #[test]
    fn the_scores_are_those_of_the_recommendation() {
        // G.107 B: a rating of 93.2 is a MOS of 4.41.
        assert!((measured(0, 0, 0).mos - 4.40).abs() < 0.02, "{:?}", measured(0, 0, 0));
        let lost: Vec<f64> = [10, 30, 100, 200].map(|lost| measured(lost, lost, 0).mos).to_vec();
        for (mos, expected) in lost.iter().zip([4.33, 4.13, 3.39, 2.61]) {
            assert!((mos - expected).abs() < 0.05, "{lost:?}");
        }
        assert!(measured(0, 0, 300).mos < measured(0, 0, 150).mos - 0.3, "beyond 177 ms delay is felt");
        assert!(measured(100, 20, 0).mos < measured(100, 100, 0).mos, "losses in a row are worse");
        assert_eq!(measured(1000, 1, 2000).mos, 1.0);
    }
}
