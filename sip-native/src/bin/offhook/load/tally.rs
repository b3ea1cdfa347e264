//! What is counted while the load runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use offhook::Error;
use offhook::core::transport::FlowErrorKind;

/// The longest time that is told apart, in microseconds: five minutes.
const LONGEST: u64 = 300_000_000;

/// The counts, shared by all who call.
#[derive(Clone, Debug)]
pub(super) struct Tally(Arc<Mutex<Counts>>);

/// Why something failed: the kind, and which.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cause {
    /// `status`, `timeout`, `transport` or `other`.
    pub(super) kind: &'static str,
    pub(super) words: String,
}

impl Cause {
    pub(super) fn of(error: &Error) -> Cause {
        let (kind, words) = match error {
            Error::Status(refusal) => ("status", format!("{} {}", refusal.status.code(), refusal.phrase)),
            Error::Authentication { status, .. } => ("status", format!("{} {}", status.code(), status.reason())),
            Error::Timeout(timer) => ("timeout", format!("timer {}", timer.name())),
            Error::Transport(error) => ("transport", transport(error.kind).to_owned()),
            error => ("other", error.to_string()),
        };
        Cause { kind, words }
    }
}

fn transport(kind: FlowErrorKind) -> &'static str {
    match kind {
        FlowErrorKind::Avoided => "left alone after failures",
        kind => kind.name(),
    }
}

/// Times in microseconds.
#[derive(Clone, Debug)]
pub(super) struct Times(Histogram<u32>);

impl Times {
    fn new() -> Times {
        // Three digits from 1 µs on: these are bounds that the library takes.
        Times(Histogram::new_with_bounds(1, LONGEST, 3).expect("the bounds are good"))
    }

    fn record(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(LONGEST);
        self.0.saturating_record(micros);
    }

    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The time that so many of a hundred did not exceed.
    pub(super) fn percentile(&self, percent: f64) -> Duration {
        Duration::from_micros(self.0.value_at_percentile(percent))
    }

    pub(super) fn mean(&self) -> Duration {
        Duration::from_nanos((self.0.mean() * 1000.0) as u64)
    }

    pub(super) fn most(&self) -> Duration {
        Duration::from_micros(self.0.max())
    }

    /// The shape of the curve for a picture: percentiles that lie closer and closer to 100.
    pub(super) fn curve(&self) -> Vec<(f64, Duration)> {
        let percentiles = [0.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 98.0, 99.0, 99.5, 99.9, 99.95, 99.99, 100.0];
        percentiles.into_iter().map(|percent| (percent, self.percentile(percent))).collect()
    }
}

/// One second of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Second {
    pub(super) placed: u64,
    pub(super) answered: u64,
    pub(super) failed: u64,
    /// How many were going on, at most.
    pub(super) at_once: u64,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
}

#[derive(Clone, Debug)]
pub(super) struct Counts {
    /// When the first was due.
    pub(super) begin: Option<Instant>,
    /// When something was counted last.
    pub(super) last: Option<Instant>,
    pub(super) placed: u64,
    pub(super) answered: u64,
    /// Ended in order after the answer.
    pub(super) completed: u64,
    /// Answered, and then not ended in order.
    pub(super) lost: u64,
    /// Not answered.
    pub(super) failed: u64,
    pub(super) causes: BTreeMap<Cause, u64>,
    /// Given up because the load was interrupted.
    pub(super) given_up: u64,
    pub(super) going: u64,
    pub(super) at_once: u64,
    /// From the INVITE to its answer.
    pub(super) set_up: Times,
    /// From when it was due to its answer.
    pub(super) from_due: Times,
    /// From the INVITE to its ringing.
    pub(super) ringing: Times,
    /// How late calls were placed.
    pub(super) late: Times,
    pub(super) seconds: Vec<Second>,
    now: Second,
    times_now: Times,
}

impl Tally {
    pub(super) fn new() -> Tally {
        Tally(Arc::new(Mutex::new(Counts {
            begin: None,
            last: None,
            placed: 0,
            answered: 0,
            completed: 0,
            lost: 0,
            failed: 0,
            causes: BTreeMap::new(),
            given_up: 0,
            going: 0,
            at_once: 0,
            set_up: Times::new(),
            from_due: Times::new(),
            ringing: Times::new(),
            late: Times::new(),
            seconds: Vec::new(),
            now: Second::default(),
            times_now: Times::new(),
        })))
    }

    /// The counts, held for a moment.
    pub(super) fn counts(&self) -> MutexGuard<'_, Counts> {
        // Nothing panics while it is held; if it did, the counts are still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// Closes the seconds that are over, and gives the one that runs.
    fn second(&mut self, now: Instant) -> &mut Second {
        let begin = *self.begin.get_or_insert(now);
        self.last = Some(now);
        let current = usize::try_from(now.saturating_duration_since(begin).as_secs()).unwrap_or(usize::MAX);
        while self.seconds.len() < current {
            self.close_second();
        }
        &mut self.now
    }

    pub(super) fn close_second(&mut self) {
        let mut closed = std::mem::take(&mut self.now);
        closed.at_once = closed.at_once.max(self.going);
        closed.p50 = self.times_now.percentile(50.0);
        closed.p99 = self.times_now.percentile(99.0);
        self.times_now.0.reset();
        self.seconds.push(closed);
    }

    /// A call was placed, or came in, so late.
    pub(super) fn placed(&mut self, now: Instant, late: Duration) {
        self.placed += 1;
        self.going += 1;
        self.at_once = self.at_once.max(self.going);
        self.late.record(late);
        let going = self.going;
        let second = self.second(now);
        second.placed += 1;
        second.at_once = second.at_once.max(going);
    }

    pub(super) fn rang(&mut self, after: Duration) {
        self.ringing.record(after);
    }

    /// It was answered so long after its INVITE, and after it was due.
    pub(super) fn answered(&mut self, now: Instant, after: Duration, from_due: Duration) {
        self.answered += 1;
        self.set_up.record(after);
        self.from_due.record(from_due);
        self.second(now).answered += 1;
        self.times_now.record(after);
    }

    /// It is over, in order.
    pub(super) fn completed(&mut self, now: Instant) {
        self.completed += 1;
        self.over(now);
    }

    /// It was not answered.
    pub(super) fn failed(&mut self, now: Instant, cause: Cause) {
        self.failed += 1;
        *self.causes.entry(cause).or_default() += 1;
        self.second(now).failed += 1;
        self.over(now);
    }

    /// It was answered, but not ended in order.
    pub(super) fn lost(&mut self, now: Instant, cause: Cause) {
        self.lost += 1;
        *self.causes.entry(Cause { words: format!("{}, within the call", cause.words), ..cause }).or_default() += 1;
        self.second(now).failed += 1;
        self.over(now);
    }

    /// The load was interrupted before its answer.
    pub(super) fn given_up(&mut self, now: Instant) {
        self.given_up += 1;
        self.over(now);
    }

    fn over(&mut self, now: Instant) {
        self.going = self.going.saturating_sub(1);
        self.second(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_closed_when_they_are_over() {
        let tally = Tally::new();
        let begin = Instant::now();
        let mut counts = tally.counts();
        counts.begin = Some(begin);
        let at = |millis| begin + Duration::from_millis(millis);
        counts.placed(at(0), Duration::ZERO);
        counts.placed(at(10), Duration::from_millis(3));
        counts.answered(at(20), Duration::from_millis(20), Duration::from_millis(20));
        counts.completed(at(900));
        counts.failed(at(2100), Cause { kind: "timeout", words: "timer B".into() });
        counts.close_second();
        let told: Vec<_> = counts.seconds.iter().map(|s| (s.placed, s.answered, s.failed, s.at_once)).collect();
        assert_eq!(told, [(2, 1, 0, 2), (0, 0, 0, 1), (0, 0, 1, 0)]);
        assert_eq!(counts.seconds[0].p50.as_millis(), 20);
        assert_eq!((counts.going, counts.at_once), (0, 2));
    }
}
