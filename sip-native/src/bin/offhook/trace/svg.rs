//! Ladders as SVG: for reports and issues. They follow the reader's light or dark.

use std::fmt::Write;

use super::ladder::summary;
use super::talks::Talk;

/// Sizes, in pixels.
const TIMES: usize = 90;
const MARGIN: usize = 110;
const STEP: usize = 260;
const ROW: usize = 30;
const HEAD: usize = 70;

const STYLE: &str = "\
text { font: 13px ui-monospace, Menlo, Consolas, monospace; fill: #1f2328 }
.title { font-weight: bold } .time { fill: #59636e; text-anchor: end } .place, .label { text-anchor: middle }
.column { stroke: #d1d9e0 } .paper { fill: #ffffff }
.request { stroke: #0969da; fill: #0969da } .provisional { stroke: #6e7781; fill: #6e7781 }
.success { stroke: #1a7f37; fill: #1a7f37 } .failure, .unreadable { stroke: #cf222e; fill: #cf222e }
.again { stroke-dasharray: 5 4 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .time { fill: #9198a1 } .column { stroke: #3d444d } .paper { fill: #0d1117 }
.request { stroke: #4493f8; fill: #4493f8 } .success { stroke: #3fb950; fill: #3fb950 }
.failure, .unreadable { stroke: #f85149; fill: #f85149 }
}";

/// All talks in one picture, one under the other.
pub(super) fn draw(talks: &[Talk]) -> String {
    let most = talks.iter().map(|talk| talk.places().len()).max().unwrap_or(1);
    let longest = talks.iter().map(|talk| summary(talk).chars().count() * 8 + 20).max().unwrap_or(0);
    let width = (TIMES + 2 * MARGIN + most.saturating_sub(1) * STEP).max(longest);
    let height: usize = talks.iter().map(|talk| HEAD + ROW * (talk.messages.len() + 1)).sum();
    let mut svg = String::new();
    // Writing to a String does not fail.
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <style>{STYLE}</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>"
    );
    let mut top = 0;
    for talk in talks {
        one(&mut svg, talk, top);
        top += HEAD + ROW * (talk.messages.len() + 1);
    }
    svg + "</svg>\n"
}

fn one(svg: &mut String, talk: &Talk, top: usize) {
    let places = talk.places();
    let x = |index: usize| TIMES + MARGIN + index * STEP;
    let (first, last) = (top + HEAD - 14, top + HEAD + ROW * talk.messages.len());
    let _ = writeln!(svg, "<text class=\"title\" x=\"10\" y=\"{}\">{}</text>", top + 24, escaped(&summary(talk)));
    for (index, place) in places.iter().enumerate() {
        let x = x(index);
        let _ = writeln!(svg, "<text class=\"place\" x=\"{x}\" y=\"{}\">{}</text>", top + 48, escaped(&place.0));
        let _ = writeln!(svg, "<line class=\"column\" x1=\"{x}\" x2=\"{x}\" y1=\"{first}\" y2=\"{last}\"/>");
    }
    let begin = talk.begin();
    for (row, recorded) in talk.messages.iter().enumerate() {
        let seen = &recorded.seen;
        let at = |place| places.iter().position(|known| known == place).unwrap_or_default();
        let (from, to) = (x(at(&seen.from)), x(at(&seen.to)));
        let y = top + HEAD + ROW * row + 14;
        let since = seen.at.saturating_sub(begin).as_secs_f64();
        let label = recorded.label();
        let _ = writeln!(svg, "<text class=\"time\" x=\"{}\" y=\"{}\">{since:.3}</text>", TIMES - 10, y + 4);
        let (class, again) = (seen.kind().name(), if recorded.again { " again" } else { "" });
        if from == to {
            let words = escaped(&format!("{label} (to itself)"));
            let _ = writeln!(svg, "<text x=\"{}\" y=\"{}\">{words}</text>", from + 8, y + 4);
            continue;
        }
        let _ = writeln!(svg, "<line class=\"{class}{again}\" x1=\"{from}\" x2=\"{to}\" y1=\"{y}\" y2=\"{y}\"/>");
        let back = if from < to { to - 8 } else { to + 8 };
        let (above, below) = (y - 4, y + 4);
        let _ = writeln!(svg, "<path class=\"{class}\" d=\"M{to} {y}L{back} {above}L{back} {below}z\"/>");
        let middle = usize::midpoint(from, to);
        let _ = writeln!(svg, "<text class=\"label\" x=\"{middle}\" y=\"{}\">{}</text>", y - 5, escaped(&label));
    }
}

/// Text for XML. Control characters have no place in it.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            letter if letter.is_control() => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out
}
