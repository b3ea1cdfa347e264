//! Standard output: words for people, or one JSON object a line for programs.

use std::fmt::Display;
use std::io::{self, Write, stdout};
use std::time::Duration;

use serde_json::Value;

/// Where a subcommand tells what happens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Out {
    json: bool,
    quiet: bool,
}

impl Out {
    pub(crate) fn new(json: bool) -> Out {
        Out { json, quiet: false }
    }

    /// Without the words; JSON is printed all the same.
    pub(crate) fn quiet(self, quiet: bool) -> Out {
        Out { quiet, ..self }
    }

    /// One thing that happened, in words or as JSON.
    pub(crate) fn say(self, words: impl Display, json: impl FnOnce() -> Value) {
        if self.json {
            line(&json());
        } else if !self.quiet {
            line(&words);
        }
    }

    /// Words that programs do not need.
    pub(crate) fn words(self, words: impl Display) {
        if !self.json && !self.quiet {
            line(&words);
        }
    }

    pub(crate) fn is_json(self) -> bool {
        self.json
    }
}

/// Prints a line. A reader that has gone has had enough: the program ends as others do then.
pub(crate) fn line(text: &impl Display) {
    let mut out = stdout().lock();
    let printed = writeln!(out, "{text}").and_then(|()| out.flush());
    if let Err(error) = printed {
        if error.kind() != io::ErrorKind::BrokenPipe {
            eprintln!("offhook: standard output cannot be written: {error}");
        }
        std::process::exit(1);
    }
}

/// A time in the unit that fits: `0.412 ms`, `31 ms`, `2.50 s`.
pub(crate) fn time(time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        0..1_000 => format!("0.{micros:03} ms"),
        1_000..10_000 => format!("{:.2} ms", time.as_secs_f64() * 1000.0),
        10_000..1_000_000 => format!("{} ms", time.as_millis()),
        _ => format!("{:.2} s", time.as_secs_f64()),
    }
}

/// Milliseconds with three digits after the point, for JSON.
pub(crate) fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// How long something lasts, as a clock shows it: `0:07`, `1:02:03`.
pub(crate) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_or_so() {
        let shown = |micros| time(Duration::from_micros(micros));
        assert_eq!(
            [shown(412), shown(1_234), shown(31_400), shown(2_500_000)],
            ["0.412 ms", "1.23 ms", "31 ms", "2.50 s"]
        );
        assert_eq!(clock(Duration::from_secs(3723)), "1:02:03");
        assert_eq!(clock(Duration::from_millis(7900)), "0:07");
    }
}
