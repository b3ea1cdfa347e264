//! The memory of calls: what a callee holds.

use std::time::Duration;

use offhook_workload::callee::Callee;
use offhook_workload::counting::Heap;

use crate::Options;
use crate::figure::Figure;
use crate::measure::{cpu_time, resident, round};

/// Until no transaction of a call is left.
const QUIET: Duration = Duration::from_secs(40);

/// Confirmed dialogs: what each holds once its transactions are over, its share of the tables included.
pub fn dialog(options: &Options) -> Figure {
    let count = if options.quick { 1000 } else { 10_000 };
    let before = Heap::now();
    let mut callee = Callee::new(count);
    for _ in 0..count {
        callee.confirm();
    }
    callee.run_for(QUIET);
    let (_, blocks, bytes) = Heap::now().since(before);
    let whole = bytes as f64 / count as f64;
    Figure::new("dialog_heap", whole - Callee::descriptions() as f64)
        .with("blocks", round(blocks as f64 / count as f64, 2))
        .with("with_descriptions", round(whole, 0))
        .with("dialogs", count)
}

/// Calls that are over while their timers run.
pub fn finished(options: &Options) -> Figure {
    let count = if options.quick { 1000 } else { 10_000 };
    let before = Heap::now();
    let mut callee = Callee::new(count);
    for _ in 0..count {
        let call = callee.confirm();
        callee.hangup(call);
    }
    let (_, blocks, bytes) = Heap::now().since(before);
    let census = callee.census();
    assert_eq!((census.calls, census.server_transactions), (0, 2 * count), "the calls are over, their timers run");
    callee.run_for(QUIET);
    Figure::new("finished_heap", bytes as f64 / count as f64)
        .with("blocks", round(blocks as f64 / count as f64, 2))
        .with("calls", count)
}

/// 100,000 dialogs, and what the next call costs among them.
pub fn held(options: &Options) -> Figure {
    let count = if options.quick { 2000 } else { 100_000 };
    let before = Heap::now();
    let mut callee = Callee::new(count + 2000);
    let mut made = 0;
    let mut costs = Vec::new();
    for held in [count / 100, count / 10, count] {
        while made < held {
            callee.confirm();
            made += 1;
            if made % 1000 == 0 {
                callee.run_for(QUIET);
            }
        }
        costs.push((held, next_call(&mut callee)));
    }
    callee.run_for(QUIET);
    let (_, _, bytes) = Heap::now().since(before);
    let mut figure = Figure::new("held_100k", bytes as f64).with("dialogs", count).with("resident", resident());
    for (held, cost) in &costs {
        figure = figure.with(&format!("next_call_among_{held}"), round(*cost, 0));
    }
    // 1 is flat.
    let growth = costs.last().map_or(0.0, |(_, cost)| *cost) / costs.first().map_or(1.0, |(_, cost)| *cost);
    figure.with("next_call_growth", round(growth, 2))
}

/// CPU time of a call from INVITE to the BYE's answer, the median of rounds.
fn next_call(callee: &mut Callee) -> f64 {
    const CALLS: u32 = 100;
    let mut rounds: Vec<f64> = Vec::new();
    for _ in 0..11 {
        callee.run_for(QUIET);
        let start = cpu_time();
        for _ in 0..CALLS {
            let call = callee.confirm();
            callee.hangup(call);
        }
        rounds.push((cpu_time() - start) as f64 / f64::from(CALLS));
    }
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}
