//! The sending clock: when the next frame is due, and its number.

use std::time::{Duration, Instant};

/// Counts frames in samples.
#[derive(Debug)]
pub(super) struct Clock {
    due: Instant,
    time: u64,
    rate: u32,
    period: Duration,
}

impl Clock {
    /// A clock whose first frame is due at once and has the number `time`. `rate` is in hertz.
    pub(super) fn new(now: Instant, time: u64, rate: u32, period: Duration) -> Self {
        Clock { due: now, time, rate, period }
    }

    /// When the next frame is due.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// The number of the next frame's first sample.
    pub(super) fn time(&self) -> u64 {
        self.time
    }

    /// The samples of a frame.
    pub(super) fn samples(&self) -> u64 {
        u64::from(self.rate) * self.period.as_millis() as u64 / 1000
    }

    pub(super) fn period(&self) -> Duration {
        self.period
    }

    /// The number of the next frame if it is due, with the instant at which it was, moving on to the one after it.
    ///
    /// After a stall (a suspended machine, a starved thread) the frames that would be much too late are left out: the
    /// number shows the gap, and the receiver is spared a burst.
    pub(super) fn tick(&mut self, now: Instant) -> Option<(u64, Instant)> {
        let late = now.checked_duration_since(self.due)?;
        if late > MOST_LATE {
            let missed = (late.as_nanos() / self.period.as_nanos()).min(u128::from(u32::MAX)) as u32;
            self.due += self.period * missed;
            self.time += self.samples() * u64::from(missed);
        }
        let tick = (self.time, self.due);
        self.due += self.period;
        self.time += self.samples();
        Some(tick)
    }
}

/// Up to this much delay is caught up with.
const MOST_LATE: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_millis(20);

    #[test]
    fn ticks_every_twenty_milliseconds() {
        let start = Instant::now();
        let mut clock = Clock::new(start, 1000, 8000, PERIOD);
        assert_eq!(clock.tick(start), Some((1000, start)));
        assert_eq!(clock.tick(start + Duration::from_millis(19)), None);
        assert_eq!(clock.tick(start + Duration::from_millis(25)), Some((1160, start + PERIOD)));
        assert_eq!(clock.due(), start + Duration::from_millis(40));
    }

    #[test]
    fn catches_up_after_a_short_delay() {
        let start = Instant::now();
        let mut clock = Clock::new(start, 0, 48_000, PERIOD);
        let now = start + Duration::from_millis(50);
        let times: Vec<u64> = std::iter::from_fn(|| clock.tick(now)).map(|(time, _)| time).collect();
        assert_eq!(times, [0, 960, 1920]);
    }

    #[test]
    fn leaves_out_what_is_much_too_late() {
        let start = Instant::now();
        let mut clock = Clock::new(start, 0, 8000, PERIOD);
        let now = start + Duration::from_secs(10);
        let times: Vec<u64> = std::iter::from_fn(|| clock.tick(now)).map(|(time, _)| time).collect();
        assert_eq!(times, [80_000]);
    }
}
