//! `make bench`: Offhook and its peers on the same work, in one run. A table on the terminal, figures in a JSON file.
//!
//!     bench [--out FILE] [--quick] [FIGURE...]     no figure: all of them
//!     bench work FIGURE WHO TURNS                  some work alone, as callgrind runs it
//!     bench serve …                                the user agent that is called; see `serve.rs`

mod c_peers;
mod cycle;
mod figure;
mod heap;
mod measure;
mod messages;
mod peers;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use figure::{Figure, KEYS};
use offhook_workload::counting::Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

/// How a run goes.
pub struct Options {
    out: PathBuf,
    /// Less of everything: to see that it runs.
    quick: bool,
    only: Vec<String>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("work") => messages::work_alone(&arguments[1..]),
        _ => match options(arguments).and_then(|options| run(&options)) {
            Ok(()) => {}
            Err(words) => {
                eprintln!("bench: {words}");
                return ExitCode::FAILURE;
            }
        },
    }
    ExitCode::SUCCESS
}

fn options(arguments: Vec<String>) -> Result<Options, String> {
    let mut options = Options { out: "target/bench/results.json".into(), quick: false, only: Vec::new() };
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--out" => options.out = arguments.next().ok_or("--out wants a file")?.into(),
            "--quick" => options.quick = true,
            name if KEYS.contains(&name) => options.only.push(name.into()),
            other => return Err(format!("there is no figure {other}; there are: {}", KEYS.join(" "))),
        }
    }
    Ok(options)
}

fn run(options: &Options) -> Result<(), String> {
    let directory = options.out.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let mut figures = Vec::new();
    for key in KEYS {
        if !options.only.is_empty() && !options.only.iter().any(|only| only == key) {
            continue;
        }
        eprintln!("measuring {key} …");
        let figure = match key {
            "parse_index" | "parse_typed" | "build_200" => messages::measure(key, options, directory),
            "cycle" => cycle::measure(options),
            "dialog_heap" => heap::dialog(options),
            "finished_heap" => heap::finished(options),
            "held_100k" => heap::held(options),
            _ => Figure::absent(key, figure::unit(key), "not measured yet"),
        };
        figures.push(figure);
    }
    let merged = figure::write(&options.out, figures)?;
    table::print(&merged);
    println!("\nfigures: {}", options.out.display());
    Ok(())
}
