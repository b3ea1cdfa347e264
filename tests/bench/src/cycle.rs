//! Whole calls between two endpoints, without a network.

use std::time::Duration;

use offhook_workload::cycle::Pair;
use serde_json::Value;

use crate::Options;
use crate::figure::Figure;
use crate::measure::{round, side_by_side};
use crate::peers::Turn;

/// How many calls go on at the same time.
const TOGETHER: usize = 20;

pub fn measure(options: &Options) -> Figure {
    let mut pair = Pair::new();
    // Until tables and timers are as full as they stay.
    (0..250).for_each(|_| pair.calls(TOGETHER));
    let turn: Turn = Box::new(move || pair.calls(TOGETHER));
    let (rounds, share) = if options.quick { (3, 20) } else { (15, 200) };
    let sample = side_by_side(vec![turn], rounds, Duration::from_millis(share))[0];
    let calls = TOGETHER as f64;
    // Only the whole measurement soaks.
    let soaked = if options.quick { Ok(Value::Null) } else { crate::soak::run(1_000_000) };
    Figure::new("cycle", 1e9 * calls / sample.cpu)
        .with("cpu", round(sample.cpu / calls, 0))
        .with("wall", round(sample.wall / calls, 0))
        .with("allocations", round(sample.allocations / calls, 1))
        .with("soak", soaked.unwrap_or_else(Value::from))
        .with("peer_reason", Value::from("no peer has a sans-I/O core to make a call with"))
}
