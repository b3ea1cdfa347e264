//! Time as the core sees it: milliseconds the driver hands in.
use std::time::Duration;

/// A point in time: milliseconds since an origin the driver chooses once and keeps (drivers of this project count
/// from the Unix epoch at their start and go on monotonically, so that histories carry readable times).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// The point `millis` milliseconds after the origin.
    pub const fn from_millis(millis: u64) -> Instant {
        Instant(millis)
    }
    /// Milliseconds since the origin.
    pub const fn as_millis(self) -> u64 {
        self.0
    }
    /// The time that has passed since `earlier`; zero if `earlier` is later.
    pub fn since(self, earlier: Instant) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// An n-th of a duration, and nothing for `n` zero.
pub(crate) fn part_of(duration: Duration, n: u32) -> Duration {
    duration.checked_div(n).unwrap_or_default()
}

impl std::ops::Add<Duration> for Instant {
    type Output = Instant;
    fn add(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}
