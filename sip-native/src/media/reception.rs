//! What is known of a stream that comes in: how many packets are missing, how unevenly they come (RFC 3550 A.1, A.3, A.8).

use std::time::{Duration, Instant};

#[derive(Debug, Clone)]
pub(super) struct Reception {
    rate: u32,
    began: Instant,
    first: Option<u64>,
    /// The highest sequence number, with its rollovers.
    highest: u64,
    received: u64,
    /// Sequence numbers left out, when they were, and how often: some may come later.
    gaps: u64,
    transit: Option<i64>,
    /// In sixteenths of a sample.
    jitter: i64,
    /// What was expected and received at the last report.
    reported: (u64, u64),
}

/// What a report says (RFC 3550 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Report {
    /// The share that was lost since the last report, in 256ths.
    pub(super) fraction: u8,
    pub(super) lost: u32,
    pub(super) highest: u32,
    /// In samples.
    pub(super) jitter: u32,
}

impl Reception {
    pub(super) fn new(rate: u32, now: Instant) -> Reception {
        Reception {
            rate,
            began: now,
            first: None,
            highest: 0,
            received: 0,
            gaps: 0,
            transit: None,
            jitter: 0,
            reported: (0, 0),
        }
    }

    /// Notes a packet. `timed` is its timestamp, unless it is of an event, whose packets all have the same.
    pub(super) fn note(&mut self, now: Instant, sequence: u16, timed: Option<u32>) {
        self.received += 1;
        match self.first {
            None => {
                self.highest = u64::from(sequence) + (1 << 16);
                self.first = Some(self.highest);
            }
            Some(_) => {
                let step = i64::from(sequence.wrapping_sub(self.highest as u16) as i16);
                if step > 0 {
                    self.gaps += u64::from(step > 1);
                    self.highest += step as u64;
                }
            }
        }
        let Some(timestamp) = timed else { return };
        let elapsed = now.saturating_duration_since(self.began).as_nanos() * u128::from(self.rate) / 1_000_000_000;
        // Both wrap; their difference says how long the packet was on its way.
        let transit = i64::from((elapsed as u32).wrapping_sub(timestamp));
        if let Some(before) = self.transit.replace(transit) {
            let change = i64::from((transit.wrapping_sub(before)) as i32).abs();
            // A sender whose clock starts over is not jitter.
            if change < i64::from(self.rate) {
                self.jitter += change - ((self.jitter + 8) >> 4);
            }
        }
    }

    pub(super) fn expected(&self) -> u64 {
        self.first.map_or(0, |first| self.highest - first + 1)
    }

    pub(super) fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.received)
    }

    pub(super) fn gaps(&self) -> u64 {
        self.gaps
    }

    pub(super) fn jitter(&self) -> Duration {
        Duration::from_micros((self.jitter.max(0) as u64 >> 4) * 1_000_000 / u64::from(self.rate))
    }

    /// What to report now; the next report counts from here.
    pub(super) fn report(&mut self) -> Report {
        let (expected, received) = (self.expected(), self.received);
        let (expected_new, received_new) = (expected - self.reported.0, received - self.reported.1);
        self.reported = (expected, received);
        let lost = expected_new.saturating_sub(received_new);
        let fraction = (lost * 256).checked_div(expected_new).unwrap_or_default().min(255) as u8;
        Report {
            fraction,
            lost: self.lost().min(0x7f_ffff) as u32,
            highest: (self.highest.saturating_sub(1 << 16)) as u32,
            jitter: (self.jitter.max(0) >> 4) as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_counted_over_rollovers_and_reports() {
        let start = Instant::now();
        let mut reception = Reception::new(8000, start);
        for index in 0..200_u32 {
            if index % 10 != 3 {
                let now = start + Duration::from_millis(20) * index;
                reception.note(now, 65_500_u16.wrapping_add(index as u16), Some(160 * index));
            }
        }
        assert_eq!((reception.expected(), reception.lost(), reception.gaps()), (200, 20, 20));
        assert_eq!(reception.jitter(), Duration::ZERO);
        let report = reception.report();
        assert_eq!((report.fraction, report.lost, report.highest), (25, 20, 65_699));
        assert_eq!(reception.report().fraction, 0, "nothing came since");
    }

    #[test]
    fn jitter_is_the_mean_change_of_the_transit_time() {
        let start = Instant::now();
        let mut reception = Reception::new(8000, start);
        for index in 0..500_u32 {
            let late = Duration::from_millis(if index % 2 == 0 { 10 } else { 0 });
            reception.note(start + Duration::from_millis(20) * index + late, index as u16, Some(160 * index));
        }
        let jitter = reception.jitter().as_millis();
        assert!((9..=10).contains(&jitter), "{jitter} ms");
    }

    #[test]
    fn packets_out_of_order_and_twice_are_no_loss() {
        let start = Instant::now();
        let mut reception = Reception::new(8000, start);
        for sequence in [10, 12, 11, 13, 13] {
            reception.note(start, sequence, None);
        }
        assert_eq!((reception.expected(), reception.lost()), (4, 0));
    }
}
