//! `make bench`: Offhook and its peers on the same work, in one run. A table on the terminal, figures in a JSON file.
//!
//!     bench [--out FILE] [--pictures FOLDER] [--quick] [FIGURE...]     no figure: all of them
//!     bench work FIGURE WHO TURNS                  some work alone, as callgrind runs it
//!     bench soak CALLS                             calls in virtual time, with flat memory
//!     bench serve TRANSPORT                        the user agent that is called; see `serve.rs`

mod c_peers;
mod caller;
mod cycle;
mod figure;
mod heap;
mod measure;
mod messages;
mod peers;
mod picture;
mod serve;
mod server;
mod shards;
mod soak;
mod table;
mod uas;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use figure::{Figure, IN_BROWSER, KEYS};
use mimalloc::MiMalloc;
use offhook_workload::counting::Counting;

#[global_allocator]
static COUNTING: Counting<MiMalloc> = Counting(MiMalloc);

/// How a run goes.
pub struct Options {
    out: PathBuf,
    /// Less of everything: to see that it runs.
    quick: bool,
    only: Vec<String>,
    /// Where pictures go; beside the results unless it is said.
    pictures: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("work") => messages::work_alone(&arguments[1..]),
        Some("serve") => serve::serve(arguments.get(1).map_or("udp", String::as_str)),
        Some("soak") => {
            let calls = arguments.get(1).and_then(|calls| calls.parse().ok()).unwrap_or(1_000_000);
            match soak::run(calls) {
                Ok(told) => println!("{told}"),
                Err(words) => {
                    eprintln!("soak: {words}");
                    return ExitCode::FAILURE;
                }
            }
        }
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
    let mut options =
        Options { out: "target/bench/results.json".into(), quick: false, only: Vec::new(), pictures: None };
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--out" => options.out = arguments.next().ok_or("--out wants a file")?.into(),
            "--pictures" => options.pictures = Some(arguments.next().ok_or("--pictures wants a folder")?.into()),
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
        let wanted = options.only.is_empty() || options.only.iter().any(|only| only == key);
        if !wanted || IN_BROWSER.contains(&key) {
            continue;
        }
        eprintln!("measuring {key} …");
        let figure = match key {
            "parse_index" | "parse_typed" | "build_200" => messages::measure(key, options, directory),
            "cycle" => cycle::measure(options),
            "dialog_heap" => heap::dialog(options),
            "finished_heap" => heap::finished(options),
            "held_100k" => heap::held(options),
            "uas_udp" => uas::udp(options, directory),
            "uas_tcp" => uas::tcp(options, directory),
            "uas_ws" => uas::ws(options),
            "setup_p99" => uas::setup(options),
            "shards_2" => shards::measure(options),
            _ => Figure::absent(key, "nobody measures it"),
        };
        figures.push(figure);
    }
    let merged = figure::write(&options.out, figures)?;
    table::print(&merged);
    picture::draw(&merged, &options.pictures.clone().unwrap_or_else(|| directory.to_owned()))?;
    println!("\nfigures: {}", options.out.display());
    Ok(())
}
