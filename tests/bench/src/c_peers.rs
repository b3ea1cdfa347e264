//! sofia-sip and osip2, measured by a small C program of their own.

use std::path::Path;
use std::process::Command;

use offhook_workload::{instructions, messages};

use crate::measure::Sample;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/c/peers.c");
const PEERS: [&str; 2] = ["sofia-sip", "osip2"];
const COUNTED: u64 = 500;

/// Both peers; in words why not.
pub fn measure(key: &str, directory: &Path, quick: bool) -> Result<Vec<(&'static str, Sample)>, String> {
    let program = build(directory)?;
    let message = directory.join("invite.sip");
    std::fs::write(&message, messages::invite()).map_err(|error| error.to_string())?;
    let message = message.display().to_string();
    // Both read all fields they know with their types at once: one figure for both kinds of reading.
    let work = if key == "build_200" { "build_200" } else { "parse" };
    let (rounds, turns) = if quick { (1, 1000) } else { (7, 20_000) };
    let mut all = Vec::new();
    for who in PEERS {
        let mut samples = Vec::new();
        for _ in 0..rounds {
            samples.push(run(&program, &[who, work, &message], turns)?);
        }
        samples.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
        let mut sample = samples[rounds / 2];
        sample.instructions = instructions::per_turn(&program, &[who, work, &message], COUNTED).ok();
        all.push((who, sample));
    }
    Ok(all)
}

fn build(directory: &Path) -> Result<String, String> {
    let program = directory.join("c-peers").display().to_string();
    let script = format!("cc -O2 -o '{program}' '{SOURCE}' $(pkg-config --cflags --libs sofia-sip-ua libosip2)");
    let built = Command::new("sh").args(["-c", &script]).output().map_err(|error| error.to_string())?;
    if built.status.success() {
        return Ok(program);
    }
    let words = String::from_utf8_lossy(&built.stderr);
    Err(format!("sofia-sip and osip2 are not measured: {}", words.lines().next().unwrap_or("cc failed")))
}

fn run(program: &str, arguments: &[&str], turns: u64) -> Result<Sample, String> {
    let run = Command::new(program).args(arguments).arg(turns.to_string()).output();
    let run = run.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&run.stdout);
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match numbers[..] {
        [wall, cpu, allocations] => Ok(Sample { wall, cpu, allocations, instructions: None }),
        _ => Err(String::from_utf8_lossy(&run.stderr).into_owned()),
    }
}
