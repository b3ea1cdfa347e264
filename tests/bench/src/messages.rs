//! Reading and writing messages: everybody in this process side by side, then the C peers, then callgrind.

use std::path::Path;
use std::time::Duration;

use offhook_workload::instructions;
use serde_json::{Map, Value};

use crate::figure::Figure;
use crate::measure::{Sample, measure as measure_turns, side_by_side};
use crate::peers::{FLOOR, LEFT_OUT, OURS, WORK};
use crate::{Options, c_peers};

/// How many turns callgrind sees.
const COUNTED: u64 = 500;

pub fn measure(key: &str, options: &Options, directory: &Path) -> Figure {
    let work: Vec<_> = WORK.iter().filter(|(figure, ..)| *figure == key).collect();
    let (rounds, share) = if options.quick { (3, 5) } else { (15, 30) };
    let turns = work.iter().map(|(_, _, make)| make()).collect();
    let samples = side_by_side(turns, rounds, Duration::from_millis(share));
    let program = std::env::current_exe().unwrap_or_default().display().to_string();
    let mut all: Vec<(&str, Sample)> = work.iter().map(|(_, who, _)| *who).zip(samples).collect();
    let mut reason = None;
    for (who, sample) in &mut all {
        match instructions::per_turn(&program, &["work", key, who], COUNTED) {
            Ok(count) => sample.instructions = Some(count),
            Err(words) => reason = Some(words),
        }
    }
    match c_peers::measure(key, directory, options.quick) {
        Ok(peers) => all.extend(peers),
        Err(words) => reason = Some(words),
    }
    let of = |name: &str| all.iter().find(|(who, _)| *who == name).map(|(_, sample)| sample.cpu);
    let mut figure = Figure::new(key, of(OURS).unwrap_or_default());
    figure.floor = of(FLOOR);
    figure.peers = all
        .iter()
        .filter(|(who, _)| ![OURS, FLOOR].contains(who))
        .map(|(who, sample)| ((*who).to_owned(), Some(sample.cpu)))
        .collect();
    figure.peers.extend(LEFT_OUT.iter().map(|who| ((*who).to_owned(), None)));
    if !LEFT_OUT.is_empty() {
        figure = figure.with("peer_reason", format!("the crates of {} could not be built", LEFT_OUT.join(", ")));
    }
    figure.reason = reason;
    let detail: Map<String, Value> = all.iter().map(|(who, sample)| ((*who).to_owned(), sample.json())).collect();
    figure.with("detail", detail)
}

/// `work FIGURE WHO TURNS`.
pub fn work_alone(arguments: &[String]) {
    let [figure, who, turns] = arguments else { panic!("work FIGURE WHO TURNS") };
    let found = WORK.iter().find(|(key, name, _)| key == figure && name == who);
    let (_, _, make) = found.expect("somebody who does that");
    measure_turns(&mut make(), turns.parse().expect("a number of turns"));
}
