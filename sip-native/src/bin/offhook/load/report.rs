//! What a load came to: in words, and as JSON.

use std::fmt::Write;
use std::io::{self, IsTerminal, Write as _};
use std::time::Duration;

use serde_json::{Value, json};

use super::tally::{Counts, Times};
use crate::print::{clock, millis, time};

/// The percentiles that are told.
const PERCENTILES: [f64; 5] = [50.0, 90.0, 95.0, 99.0, 99.9];

/// Seconds are told to the nearest.
const HALF: Duration = Duration::from_millis(500);

/// How the two sides speak of what they count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    pub(super) placed: &'static str,
    pub(super) set_up: &'static str,
}

/// The line that tells how it goes: over itself on a terminal, else one after the other.
pub(super) struct Progress {
    terminal: bool,
    quiet: bool,
    before: u64,
}

impl Progress {
    pub(super) fn new(quiet: bool) -> Progress {
        Progress { terminal: io::stderr().is_terminal(), quiet, before: 0 }
    }

    /// A second has passed.
    pub(super) fn show(&mut self, counts: &Counts, since: Duration) {
        if self.quiet {
            return;
        }
        let rate = counts.placed - self.before;
        self.before = counts.placed;
        let failed = counts.failed + counts.lost;
        let mut line = format!(
            "{:>6}  {rate:>5}/s  placed {}  answered {}  up {}  failed {failed}",
            clock(since + HALF),
            counts.placed,
            counts.answered,
            counts.going,
        );
        if counts.set_up.count() > 0 {
            let (p50, p99) = (counts.set_up.percentile(50.0), counts.set_up.percentile(99.0));
            // Writing to a String does not fail.
            let _ = write!(line, "  p50 {}  p99 {}", time(p50), time(p99));
        }
        let mut err = io::stderr().lock();
        // A terminal that has gone misses nothing.
        let _ = if self.terminal { write!(err, "\r{line}\x1b[K") } else { writeln!(err, "{line}") };
        let _ = err.flush();
    }

    pub(super) fn end(&self) {
        if self.terminal && !self.quiet {
            eprintln!();
        }
    }
}

/// How long it lasted, until the last thing that was counted.
pub(super) fn lasted(counts: &Counts) -> Duration {
    match (counts.begin, counts.last) {
        (Some(begin), Some(last)) => last.saturating_duration_since(begin),
        _ => Duration::ZERO,
    }
}

/// The rate at which calls were placed, from the first to the last.
pub(super) fn reached(counts: &Counts) -> f64 {
    let last = counts.seconds.iter().rposition(|second| second.placed > 0).map_or(0, |at| at + 1);
    let whole: u64 = counts.seconds.iter().take(last.saturating_sub(1)).map(|second| second.placed).sum();
    // The last second is not whole, unless there is no other.
    if last > 1 { whole as f64 / (last - 1) as f64 } else { counts.placed as f64 }
}

pub(super) fn words(counts: &Counts, words: Words) -> String {
    let mut text = String::new();
    let Words { placed, set_up } = words;
    let share = |part: u64| if counts.placed == 0 { 0.0 } else { part as f64 * 100.0 / counts.placed as f64 };
    // Writing to a String does not fail.
    let _ = writeln!(
        text,
        "{placed} {} in {}, {:.1}/s, at most {} at once",
        counts.placed,
        time(lasted(counts)),
        reached(counts),
        counts.at_once
    );
    let _ = writeln!(
        text,
        "answered {} ({:.2}%), ended in order {}",
        counts.answered,
        share(counts.answered),
        counts.completed
    );
    let failed = counts.failed + counts.lost;
    let _ = writeln!(text, "failed {failed} ({:.2}%)", share(failed));
    for (cause, count) in &counts.causes {
        let _ = writeln!(text, "  {count:>6}  {}: {}", cause.kind, cause.words);
    }
    if counts.given_up > 0 {
        let _ = writeln!(text, "given up {} when it was interrupted", counts.given_up);
    }
    let mut row = |name: &str, times: &Times| {
        if times.count() > 0 {
            let shown = PERCENTILES.map(|percent| format!("p{percent} {}", time(times.percentile(percent))));
            let _ = writeln!(text, "{name:<14} {}  max {}", shown.join("  "), time(times.most()));
        }
    };
    row("ringing", &counts.ringing);
    row(set_up, &counts.set_up);
    if counts.late.most() > Duration::ZERO {
        row("  from due", &counts.from_due);
        row("placed late", &counts.late);
    }
    text
}

fn times(times: &Times) -> Value {
    if times.count() == 0 {
        return Value::Null;
    }
    let mut value = json!({ "count": times.count(), "mean": millis(times.mean()), "max": millis(times.most()) });
    for percent in PERCENTILES {
        value[format!("p{percent}")] = json!(millis(times.percentile(percent)));
    }
    value
}

/// Times are in milliseconds.
pub(super) fn json(counts: &Counts, target: &str) -> Value {
    let mut causes = json!({ "status": {}, "timeout": {}, "transport": {}, "other": {} });
    for (cause, count) in &counts.causes {
        causes[cause.kind][&cause.words] = json!(count);
    }
    let seconds: Vec<Value> = counts
        .seconds
        .iter()
        .map(|second| {
            json!({
                "placed": second.placed, "answered": second.answered, "failed": second.failed,
                "atOnce": second.at_once, "p50": millis(second.p50), "p99": millis(second.p99),
            })
        })
        .collect();
    json!({
        "target": target,
        "seconds": lasted(counts).as_secs_f64(),
        "rate": reached(counts),
        "placed": counts.placed,
        "answered": counts.answered,
        "completed": counts.completed,
        "failed": counts.failed,
        "lost": counts.lost,
        "givenUp": counts.given_up,
        "atOnce": counts.at_once,
        "causes": causes,
        "ringing": times(&counts.ringing),
        "setUp": times(&counts.set_up),
        "setUpFromDue": times(&counts.from_due),
        "late": times(&counts.late),
        "bySecond": seconds,
    })
}
