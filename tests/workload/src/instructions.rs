//! Instructions, counted by callgrind: the same on every run of the same program, whatever else the machine does.

use std::process::Command;

/// How many instructions one turn of `program ARGUMENTS… TURNS` takes: the difference of a run with twice the turns and
/// one with `turns`, so that start and end of the program do not count.
///
/// # Errors
///
/// In words: valgrind is not there, or the program failed.
pub fn per_turn(program: &str, arguments: &[&str], turns: u64) -> Result<u64, String> {
    let (once, twice) = (total(program, arguments, turns)?, total(program, arguments, turns * 2)?);
    Ok(twice.saturating_sub(once) / turns)
}

fn total(program: &str, arguments: &[&str], turns: u64) -> Result<u64, String> {
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", program])
        .args(arguments)
        .arg(turns.to_string())
        .output()
        .map_err(|error| format!("valgrind: {error} (scripts/setup.sh test installs it)"))?;
    let told = String::from_utf8_lossy(&run.stderr);
    let line = told.lines().find_map(|line| line.split_once("Collected : ")).filter(|_| run.status.success());
    match line.and_then(|(_, number)| number.split_whitespace().next()?.parse().ok()) {
        Some(number) => Ok(number),
        None => Err(format!("{program} {} under valgrind: {}\n{told}", arguments.join(" "), run.status)),
    }
}
