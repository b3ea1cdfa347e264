//! Pictures of the figures: one line over one axis, as SVG that reads on light and dark pages.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 80.0;
const BOTTOM: f64 = 250.0;
const RIGHT: f64 = 620.0;
const TOP: f64 = 40.0;

/// What a picture shows.
struct Plot<'a> {
    title: &'a str,
    across: &'a str,
    up: &'a str,
    points: Vec<(f64, f64)>,
}

/// Draws what the figures hold: throughput and memory against load.
pub fn draw(figures: &Map<String, Value>, directory: &Path) -> Result<(), String> {
    std::fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let udp = &figures["uas_udp"];
    let memory = Plot {
        title: "Memory of the user agent that is called, over UDP",
        across: "calls answered",
        up: "MB resident",
        points: points(&udp["memory_by_calls"], 0, 1, 1e-6),
    };
    let throughput = Plot {
        title: "Calls answered a second, over UDP",
        across: "calls offered a second",
        up: "calls/s",
        points: points(&udp["by_rate"], 0, 1, 1.0),
    };
    let cost = Plot {
        title: "CPU time a call, over UDP",
        across: "calls offered a second",
        up: "µs",
        points: points(&udp["by_rate"], 0, 2, 1e-3),
    };
    for (name, plot) in [("memory", memory), ("throughput", throughput), ("cost", cost)] {
        if plot.points.len() > 1 {
            let file = directory.join(format!("{name}.svg"));
            std::fs::write(&file, svg(&plot)).map_err(|error| format!("{}: {error}", file.display()))?;
        }
    }
    Ok(())
}

fn points(rows: &Value, x: usize, y: usize, scale: f64) -> Vec<(f64, f64)> {
    let rows = rows.as_array().into_iter().flatten();
    rows.filter_map(|row| Some((row.get(x)?.as_f64()?, row.get(y)?.as_f64()? * scale))).collect()
}

fn svg(plot: &Plot<'_>) -> String {
    let most = |of: fn(&(f64, f64)) -> f64| nice(plot.points.iter().map(of).fold(1e-9, f64::max));
    let (width, height) = (most(|point| point.0), most(|point| point.1));
    let at = |(x, y): (f64, f64)| (LEFT + (RIGHT - LEFT) * x / width, BOTTOM - (BOTTOM - TOP) * y / height);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\" fill=\"#808080\">\n<text x=\"{LEFT}\" y=\"20\" font-size=\"14\">{}</text>\n",
        plot.title
    );
    for step in 0..=4 {
        let part = f64::from(step) / 4.0;
        let (x, y) = at((width * part, height * part));
        let _ = writeln!(
            out,
            "<path d=\"M{LEFT} {y:.1}H{RIGHT}\" stroke=\"#808080\" stroke-opacity=\"0.3\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            LEFT - 8.0,
            y + 4.0,
            number(height * part),
            BOTTOM + 18.0,
            number(width * part)
        );
    }
    let line: Vec<String> = plot.points.iter().map(|point| at(*point)).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ = write!(
        out,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#2f6fdf\" stroke-width=\"2\"/>\n\
         <text x=\"{RIGHT}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n\
         <text x=\"{LEFT}\" y=\"{:.1}\">{}</text>\n</svg>\n",
        line.join(" "),
        BOTTOM + 36.0,
        plot.across,
        TOP - 6.0,
        plot.up
    );
    out
}

/// The next round number.
fn nice(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 4.0, 5.0, 8.0, 10.0].into_iter().map(|step| step * power).find(|round| *round >= value).unwrap_or(value)
}

fn number(value: f64) -> String {
    if value >= 1000.0 { format!("{},{:03}", value as u64 / 1000, value as u64 % 1000) } else { format!("{value}") }
}
