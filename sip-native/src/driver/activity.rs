//! When something last happened on a connection, and what follows when nothing does.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// When something last happened.
#[derive(Debug)]
pub(super) struct Activity(Mutex<Instant>);

impl Activity {
    pub(super) fn new() -> Activity {
        Activity(Mutex::new(Instant::now()))
    }

    /// Something happened now.
    pub(super) fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when nothing has happened for so long.
    pub(super) async fn silence(&self, long: Duration) {
        loop {
            let Some(at) = self.last().checked_add(long) else { return std::future::pending().await };
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
