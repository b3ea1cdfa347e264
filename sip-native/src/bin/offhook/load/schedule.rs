//! When each call is due. The times are fixed before the first one: a target that is slow is not spared (open loop).

use std::time::Duration;

/// A rate that is reached in a straight line and then kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Schedule {
    /// Calls a second, in the end.
    rate: f64,
    /// How long it takes to get there, in seconds.
    ramp: f64,
    /// How many; `None`: no limit but the time.
    count: Option<u64>,
    /// How long, in seconds.
    length: Option<f64>,
}

impl Schedule {
    pub(super) fn new(rate: f64, ramp: Duration, count: Option<u64>, length: Option<Duration>) -> Schedule {
        Schedule { rate, ramp: ramp.as_secs_f64(), count, length: length.map(|length| length.as_secs_f64()) }
    }

    /// When the call of that number is due, from 0; `None`: it is one too many.
    pub(super) fn at(&self, number: u64) -> Option<Duration> {
        if self.count.is_some_and(|count| number >= count) {
            return None;
        }
        let number = number as f64;
        // Within the ramp the calls so far grow with the square of the time.
        let in_ramp = self.rate * self.ramp / 2.0;
        let at = if number < in_ramp {
            (2.0 * number * self.ramp / self.rate).sqrt()
        } else {
            self.ramp + (number - in_ramp) / self.rate
        };
        if self.length.is_some_and(|length| at >= length) {
            return None;
        }
        Duration::try_from_secs_f64(at).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_due_at_their_rate() {
        let schedule = Schedule::new(50.0, Duration::ZERO, Some(3), None);
        let at: Vec<_> = (0..4).map(|number| schedule.at(number).map(|at| at.as_millis())).collect();
        assert_eq!(at, [Some(0), Some(20), Some(40), None]);
    }

    #[test]
    fn a_ramp_begins_slowly_and_ends_at_the_rate() {
        let schedule = Schedule::new(100.0, Duration::from_secs(10), None, Some(Duration::from_secs(20)));
        let by =
            |seconds: f64| (0..).take_while(|n| schedule.at(*n).is_some_and(|at| at.as_secs_f64() < seconds)).count();
        // Half of what the rate alone would have made, then all of it.
        assert_eq!((by(5.0), by(10.0), by(20.0)), (125, 500, 1500));
        assert_eq!(schedule.at(1500), None);
        let last = schedule.at(1499).unwrap() - schedule.at(1498).unwrap();
        assert!((last.as_secs_f64() - 0.01).abs() < 1e-6, "{last:?}");
    }
}
