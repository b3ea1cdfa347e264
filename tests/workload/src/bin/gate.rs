//! Fails when reading a message, building one or a whole call takes more instructions or allocations than the file
//! `tests/workload/baseline.txt` says.
//!
//!     cargo run --release -p offhook-workload --bin gate             # compares
//!     UPDATE=1 cargo run --release -p offhook-workload --bin gate    # writes the file
//!
//! Allocations must be those of the file: fewer are a reason to write it anew. Instructions may differ by
//! `TOLERANCE`, since compilers differ. Time is never looked at.

use std::fmt::Write as _;
use std::hint::black_box;
use std::process::ExitCode;

use bytes::Bytes;
use offhook_core::message::{Limits, Message};
use offhook_workload::counting::{Counting, Heap, SYSTEM};
use offhook_workload::cycle::Pair;
use offhook_workload::{build_200, instructions, messages, parse_index, parse_typed};

#[global_allocator]
static COUNTING: Counting = SYSTEM;

/// What is measured, and how many turns under callgrind.
const WORK: [(&str, u64); 4] = [("parse_index", 2000), ("parse_typed", 2000), ("build_200", 2000), ("cycle", 500)];

/// In thousandths.
const TOLERANCE: u64 = 30;

const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/baseline.txt");

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [name, turns] = &arguments[..] {
        work(name, turns.parse().expect("a number of turns"));
        return ExitCode::SUCCESS;
    }
    match gate() {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => {
            eprintln!("gate: {words}");
            ExitCode::FAILURE
        }
    }
}

/// Does something so many times and gives the allocations of one turn.
fn work(name: &str, turns: u64) -> u64 {
    let limits = Limits::default();
    let invite = Bytes::from(messages::invite());
    let Message::Request(request) = parse_index(&invite, &limits) else { panic!("a request") };
    // The first clone of a buffer makes it a shared one.
    drop(invite.clone());
    let counted = |turn: &mut dyn FnMut()| {
        turn();
        let before = Heap::now();
        (0..turns).for_each(|_| turn());
        let (allocations, _, _) = Heap::now().since(before);
        (allocations as u64 + turns / 2) / turns
    };
    match name {
        "parse_index" => counted(&mut || drop(black_box(parse_index(black_box(&invite), &limits)))),
        "parse_typed" => counted(&mut || drop(black_box(parse_typed(black_box(&invite), &limits)))),
        "build_200" => counted(&mut || drop(black_box(build_200(black_box(&request))))),
        "cycle" => {
            // Tables and queues have their size when it counts: five calls a second of virtual time for a minute.
            let mut pair = Pair::new();
            (0..250).for_each(|_| pair.calls(1));
            counted(&mut || pair.calls(1))
        }
        other => panic!("no work is called {other}"),
    }
}

fn gate() -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let program = program.to_str().ok_or("the program's path is no text")?;
    let update = std::env::var_os("UPDATE").is_some();
    let baseline = std::fs::read_to_string(BASELINE).unwrap_or_default();
    let mut file = String::from("# what, allocations, instructions; see src/bin/gate.rs\n");
    let mut faults = Vec::new();
    for (name, turns) in WORK {
        let allocations = work(name, turns);
        let instructions = instructions::per_turn(program, &[name], turns)?;
        println!("{name:<12} {allocations:>4} allocations {instructions:>8} instructions");
        let _ = writeln!(file, "{name} {allocations} {instructions}");
        let Some((allowed, expected)) = known(&baseline, name) else {
            faults.push(format!("{name} is not in {BASELINE}"));
            continue;
        };
        if allocations != allowed {
            faults.push(format!("{name}: {allocations} allocations, {allowed} are known"));
        }
        if instructions.abs_diff(expected) * 1000 > expected * TOLERANCE {
            faults.push(format!("{name}: {instructions} instructions, {expected} are known"));
        }
    }
    if update {
        return std::fs::write(BASELINE, file).map_err(|error| format!("{BASELINE}: {error}"));
    }
    if faults.is_empty() { Ok(()) } else { Err(format!("{}\nif that is meant: UPDATE=1", faults.join("\n"))) }
}

fn known(baseline: &str, name: &str) -> Option<(u64, u64)> {
    let mut words = baseline.lines().map(str::split_whitespace).find(|words| words.clone().next() == Some(name))?;
    let mut number = || words.find_map(|word| word.parse().ok());
    Some((number()?, number()?))
}
