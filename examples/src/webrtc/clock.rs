//! The sending clock: when the next packet is due, and its timestamp.

use std::time::{Duration, Instant};

/// The length of a packet.
pub(super) const PERIOD: Duration = Duration::from_millis(20);

/// Counts packets of [`PERIOD`] in the units of an RTP clock.
#[derive(Debug)]
pub(super) struct Clock {
    due: Instant,
    time: u64,
    step: u64,
}

impl Clock {
    /// A clock whose first packet is due at once and has the timestamp `time`. `rate` is in hertz.
    pub(super) fn new(now: Instant, time: u64, rate: u32) -> Self {
        Clock { due: now, time, step: u64::from(rate) * PERIOD.as_millis() as u64 / 1000 }
    }

    /// When the next packet is due.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// The timestamp of the next packet.
    pub(super) fn time(&self) -> u64 {
        self.time
    }

    /// The timestamp of the next packet if it is due, moving on to the one after it.
    ///
    /// After a stall (a suspended machine, a starved thread) the packets that would be much too late are left out: the
    /// timestamp shows the gap, and the receiver is spared a burst.
    pub(super) fn tick(&mut self, now: Instant) -> Option<u64> {
        let late = now.checked_duration_since(self.due)?;
        if late > MOST_LATE {
            let missed = (late.as_millis() / PERIOD.as_millis()) as u32;
            self.due += PERIOD * missed;
            self.time += self.step * u64::from(missed);
        }
        let time = self.time;
        self.due += PERIOD;
        self.time += self.step;
        Some(time)
    }
}

/// Up to this much delay is caught up with.
const MOST_LATE: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_every_twenty_milliseconds() {
        let start = Instant::now();
        let mut clock = Clock::new(start, 1000, 8000);
        assert_eq!(clock.tick(start), Some(1000));
        assert_eq!(clock.tick(start + Duration::from_millis(19)), None);
        assert_eq!(clock.tick(start + Duration::from_millis(25)), Some(1160));
        assert_eq!(clock.due(), start + Duration::from_millis(40));
    }

    #[test]
    fn catches_up_after_a_short_delay() {
        let start = Instant::now();
        let mut clock = Clock::new(start, 0, 48_000);
        let now = start + Duration::from_millis(50);
        let times: Vec<u64> = std::iter::from_fn(|| clock.tick(now)).collect();
        assert_eq!(times, [0, 960, 1920]);
    }

    #[test]
    fn leaves_out_what_is_much_too_late() {
        let start = Instant::now();
        let mut clock = Clock::new(start, 0, 8000);
        let now = start + Duration::from_secs(10);
        let times: Vec<u64> = std::iter::from_fn(|| clock.tick(now)).collect();
        assert_eq!(times, [80_000]);
    }
}
