//! What a program prints, as a picture for the documentation.

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use crate::programs::root;

/// One character of a screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// What stands there, perhaps nothing.
    pub text: String,
    /// The number of its colour among the sixteen of a terminal; `None`: that of plain text.
    pub colour: Option<u8>,
    /// Bold.
    pub bold: bool,
    /// Light on dark and dark on light changed about.
    pub inverse: bool,
}

/// The colours of a terminal, on a dark ground.
const COLOURS: [&str; 16] = [
    "#6e7681", "#ff7b72", "#3fb950", "#d29922", "#58a6ff", "#bc8cff", "#39c5cf", "#b1bac4", "#8b949e", "#ffa198",
    "#56d364", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#f0f6fc",
];

/// Sizes, in pixels.
const WIDTH: f64 = 7.8;
const HEIGHT: usize = 18;
const MARGIN: usize = 12;

/// Where the picture of that name is.
pub fn path(name: &str) -> PathBuf {
    root().join("docs/images/command-line").join(format!("{name}.svg"))
}

/// Keeps what a command printed as a picture, with `UPDATE=1`; otherwise there must be one.
pub fn keep(name: &str, command: &str, printed: &str) {
    let plain = |text: &str, colour: Option<u8>, bold| -> Vec<Cell> {
        text.chars().map(|letter| Cell { text: letter.into(), colour, bold, inverse: false }).collect()
    };
    let mut lines = vec![plain(&format!("$ {command}"), Some(10), true)];
    lines.extend(printed.trim_end().lines().map(|line| plain(line, None, false)));
    keep_cells(name, &lines);
}

/// The same for a screen whose characters have colours.
pub fn keep_cells(name: &str, lines: &[Vec<Cell>]) {
    let path = path(name);
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, draw(lines)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    assert!(path.exists(), "there is no {}: run this test with UPDATE=1", path.display());
}

/// The picture: a text for each run of characters that look the same.
pub fn draw(lines: &[Vec<Cell>]) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0).max(40);
    let width = (columns as f64 * WIDTH) as usize + 2 * MARGIN;
    let height = lines.len() * HEIGHT + 2 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <style>text {{ white-space: pre }}</style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"#0d1117\"/>\n\
         <g font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"13\" fill=\"#e6edf3\">\n"
    );
    for (row, line) in lines.iter().enumerate() {
        let y = MARGIN + row * HEIGHT + 13;
        let mut column = 0;
        while column < line.len() {
            let first = &line[column];
            let same =
                |cell: &&Cell| (cell.colour, cell.bold, cell.inverse) == (first.colour, first.bold, first.inverse);
            let run: Vec<&Cell> = line[column..].iter().take_while(same).collect();
            let text: String = run.iter().map(|cell| if cell.text.is_empty() { " " } else { &cell.text }).collect();
            let x = MARGIN as f64 + column as f64 * WIDTH;
            let long = run.len() as f64 * WIDTH;
            if first.inverse {
                let top = y - 13;
                let _ = writeln!(
                    svg,
                    "<rect x=\"{x:.1}\" y=\"{top}\" width=\"{long:.1}\" height=\"{HEIGHT}\" fill=\"#30363d\"/>"
                );
            }
            if !text.trim().is_empty() {
                let colour = first.colour.and_then(|colour| COLOURS.get(usize::from(colour)));
                let colour = colour.map_or(String::new(), |colour| format!(" fill=\"{colour}\""));
                let bold = if first.bold { " font-weight=\"bold\"" } else { "" };
                let text = escaped(text.trim_end());
                let long = text_width(&text);
                let _ =
                    writeln!(svg, "<text x=\"{x:.1}\" y=\"{y}\" textLength=\"{long:.1}\"{colour}{bold}>{text}</text>");
            }
            column += run.len();
        }
    }
    svg + "</g>\n</svg>\n"
}

/// How wide text stands that may have entities in it.
fn text_width(escaped: &str) -> f64 {
    let plain = escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    plain.chars().count() as f64 * WIDTH
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
