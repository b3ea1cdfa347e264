//! A load as a picture: calls a second, how many at once, set-up times over time, and their percentiles.

use std::fmt::Write;
use std::time::Duration;

use super::report::{Words, lasted, reached};
use super::tally::{Counts, Second};
use crate::print::time;

/// Sizes, in pixels.
const WIDTH: f64 = 860.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const PANEL: f64 = 150.0;
const GAP: f64 = 60.0;
const TOP: f64 = 70.0;

const STYLE: &str = "\
text { font: 12px ui-monospace, Menlo, Consolas, monospace; fill: #1f2328 } .title { font-size: 14px; font-weight: bold }
.paper { fill: #ffffff } .axis { stroke: #d1d9e0 } .small { fill: #59636e } .end { text-anchor: end }
polyline { fill: none; stroke-width: 1.8 }
.a { stroke: #0969da } .b { stroke: #1a7f37 } .c { stroke: #cf222e } .d { stroke: #8250df }
.ta { fill: #0969da } .tb { fill: #1a7f37 } .tc { fill: #cf222e } .td { fill: #8250df }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .paper { fill: #0d1117 } .axis { stroke: #3d444d } .small { fill: #9198a1 }
.a { stroke: #4493f8 } .b { stroke: #3fb950 } .c { stroke: #f85149 } .d { stroke: #ab7df8 }
.ta { fill: #4493f8 } .tb { fill: #3fb950 } .tc { fill: #f85149 } .td { fill: #ab7df8 }
}";

/// One line of a panel: its class and name, and its points.
type Line<'a> = (char, &'a str, Vec<(f64, f64)>);

pub(super) fn draw(counts: &Counts, target: &str, words: Words) -> String {
    // The last second is not whole, unless there is no other.
    let whole = counts.seconds.len().saturating_sub(1).max(1);
    let seconds = counts.seconds.get(..whole).unwrap_or_default();
    let over = |value: fn(&Second) -> f64| -> Vec<(f64, f64)> {
        seconds.iter().enumerate().map(|(at, second)| (at as f64, value(second))).collect()
    };
    // There are no times where nothing was answered.
    let times = |value: fn(&Second) -> Duration| -> Vec<(f64, f64)> {
        let answered = seconds.iter().enumerate().filter(|(_, second)| second.answered > 0);
        answered.map(|(at, second)| (at as f64, value(second).as_secs_f64() * 1000.0)).collect()
    };
    let end = seconds.len().saturating_sub(1).max(1) as f64;
    let height = TOP + 4.0 * (PANEL + GAP);
    let mut svg = String::new();
    // Writing to a String does not fail.
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\">\n\
         <style>{STYLE}</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>"
    );
    let title = format!("{} {} at {:.0}/s, {target}", counts.placed, words.placed, reached(counts));
    let failed = counts.failed + counts.lost;
    let below = format!("answered {}, failed {failed}, in {}", counts.answered, time(lasted(counts)));
    let _ = writeln!(svg, "<text class=\"title\" x=\"16\" y=\"26\">{}</text>", escaped(&title));
    let _ = writeln!(svg, "<text class=\"small\" x=\"16\" y=\"46\">{below}</text>");
    let rates = [
        ('a', words.placed, over(|second| second.placed as f64)),
        ('b', "answered", over(|second| second.answered as f64)),
        ('c', "failed", over(|second| second.failed as f64)),
    ];
    let ticks = |unit: &'static str| move |value: f64| format!("{value:.0}{unit}");
    let plain = ticks("");
    let along = [0.0, end / 2.0, end].map(|at| (at / end, format!("{at:.0} s")));
    panel(&mut svg, 0, "a second", &rates, end, &plain, &along);
    let at_once = [('d', "at once", over(|second| second.at_once as f64))];
    panel(&mut svg, 1, "at once", &at_once, end, &plain, &along);
    let set_up = [('a', "p50", times(|second| second.p50)), ('c', "p99", times(|second| second.p99))];
    let in_millis = |value: f64| if value < 10.0 { format!("{value:.2} ms") } else { format!("{value:.0} ms") };
    panel(&mut svg, 2, words.set_up, &set_up, end, &in_millis, &along);
    if counts.set_up.count() > 0 {
        // The axis stretches the end, where the slow ones are.
        let stretch = |percent: f64| (1.0 / (1.0 - percent.min(99.995) / 100.0)).log10();
        let curve = counts.set_up.curve();
        let points = curve.iter().map(|(percent, time)| (stretch(*percent), time.as_secs_f64() * 1000.0)).collect();
        let far = stretch(100.0);
        let marks = [0.0, 50.0, 90.0, 99.0, 99.9, 99.99].map(|percent| (stretch(percent) / far, format!("{percent}%")));
        let name = format!("{} by percentile", words.set_up);
        panel(&mut svg, 3, &name, &[('a', words.set_up, points)], far, &in_millis, &marks);
    }
    svg + "</svg>\n"
}

fn panel(
    svg: &mut String,
    row: usize,
    name: &str,
    lines: &[Line<'_>],
    end: f64,
    tick: &dyn Fn(f64) -> String,
    along: &[(f64, String)],
) {
    let top = TOP + row as f64 * (PANEL + GAP) + 16.0;
    let bottom = top + PANEL;
    let most = lines.iter().flat_map(|(_, _, points)| points).map(|(_, y)| *y).fold(0.0, f64::max);
    let most = nice(most);
    let across = WIDTH - LEFT - RIGHT;
    let _ = writeln!(svg, "<text x=\"16\" y=\"{}\">{}</text>", top - 10.0, escaped(name));
    for part in [0.0, 0.5, 1.0] {
        let y = bottom - part * PANEL;
        let _ = writeln!(svg, "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\"/>", LEFT + across);
        let words = tick(most * part);
        let _ = writeln!(svg, "<text class=\"small end\" x=\"{}\" y=\"{}\">{words}</text>", LEFT - 8.0, y + 4.0);
    }
    for (part, words) in along {
        let x = LEFT + part * across;
        let anchor = if *part > 0.95 { " end" } else { "" };
        let _ = writeln!(svg, "<text class=\"small{anchor}\" x=\"{x:.1}\" y=\"{}\">{words}</text>", bottom + 18.0);
    }
    let mut right = LEFT + across;
    for (class, name, points) in lines.iter().rev() {
        let _ = writeln!(svg, "<text class=\"t{class} end\" x=\"{right}\" y=\"{}\">{name}</text>", top - 10.0);
        right -= name.len() as f64 * 7.5 + 18.0;
        let mut path = String::new();
        for (x, y) in points {
            let (x, y) = (LEFT + x / end * across, bottom - (y / most).min(1.0) * PANEL);
            let _ = write!(path, "{x:.1},{y:.1} ");
        }
        let _ = writeln!(svg, "<polyline class=\"{class}\" points=\"{}\"/>", path.trim_end());
    }
}

/// The end of an axis: a round number that is not less.
fn nice(most: f64) -> f64 {
    if most <= 0.0 {
        return 1.0;
    }
    let unit = 10_f64.powf(most.log10().floor());
    let steps = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * unit).find(|end| *end >= most).unwrap_or(10.0 * unit)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        assert_eq!([nice(0.0), nice(7.0), nice(100.0), nice(101.0), nice(0.034)], [1.0, 8.0, 100.0, 150.0, 0.04]);
    }
}
