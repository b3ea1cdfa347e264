//! When something last happened on a connection, and what follows when nothing does.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// When something last happened.
#[derive(Debug)]
pub(super) struct Activity {
    start: Instant,
    last: AtomicU64,
}

impl Activity {
    pub(super) fn new() -> Activity {
        Activity { start: Instant::now(), last: AtomicU64::new(0) }
    }

    /// Something happened now.
    pub(super) fn note(&self) {
        let millis = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(millis, Relaxed);
    }

    /// Returns when nothing has happened for so long.
    pub(super) async fn silence(&self, long: Duration) {
        loop {
            let last = self.start + Duration::from_millis(self.last.load(Relaxed));
            let Some(at) = last.checked_add(long) else { return std::future::pending().await };
            if at <= Instant::now() {
                return;
            }
            sleep_until(at).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_is_counted_from_the_last_thing_that_happened() {
        let activity = Activity::new();
        let begin = Instant::now();
        let second = Duration::from_secs(1);
        let noisy = async {
            for _ in 0..5 {
                tokio::time::sleep(second).await;
                activity.note();
            }
        };
        tokio::join!(noisy, activity.silence(2 * second));
        assert_eq!(begin.elapsed(), 7 * second);
    }
}
