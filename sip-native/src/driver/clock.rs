//! A machine's time: milliseconds since the Unix epoch when the driver started, monotonic from there.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use offhook_core::time::Instant;
use tokio::time;

/// The farthest a timer is set; a machine that waits longer is called early, which is harmless.
const FARTHEST: Duration = Duration::from_secs(24 * 3600);

#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    origin: Instant,
    start: time::Instant,
}

impl Clock {
    pub(super) fn start() -> Clock {
        // A system clock set before 1970 only makes histories unreadable.
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock { origin: Instant::default() + epoch, start: time::Instant::now() }
    }

    pub(super) fn now(&self) -> Instant {
        self.origin + self.start.elapsed()
    }

    /// When a sleep has to end so that `now` has reached `at`.
    pub(super) fn deadline(&self, at: Instant) -> time::Instant {
        let farthest = time::Instant::now() + FARTHEST;
        self.start.checked_add(at.since(self.origin)).map_or(farthest, |deadline| deadline.min(farthest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_sleep_to_a_deadline_ends_at_that_millisecond() {
        let clock = Clock::start();
        let at = clock.now() + Duration::from_millis(1234);
        time::sleep_until(clock.deadline(at)).await;
        assert_eq!(clock.now(), at);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_time_is_no_overflow() {
        let clock = Clock::start();
        assert!(clock.deadline(Instant::from_millis(u64::MAX)) > time::Instant::now());
    }
}
