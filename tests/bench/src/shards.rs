//! Two endpoints side by side, each on a thread of its own, against one: what they share costs.

use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use offhook_workload::cycle::Pair;

use crate::Options;
use crate::figure::Figure;
use crate::measure::round;

pub fn measure(options: &Options) -> Figure {
    let time = Duration::from_millis(if options.quick { 100 } else { 1000 });
    let rounds = if options.quick { 1 } else { 7 };
    let mut ratios: Vec<(f64, f64)> = (0..rounds)
        .map(|_| {
            let (one, two) = (rate(1, time), rate(2, time));
            (two / one, one)
        })
        .collect();
    ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ratio, one) = ratios[ratios.len() / 2];
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    Figure::new("shards_2", ratio)
        .with("calls_per_second_of_one", round(one, 0))
        .with("cores", cores)
        .with("best_round", round(ratios.last().map_or(ratio, |(ratio, _)| *ratio), 2))
}

/// Calls a second of so many threads together, on the wall.
fn rate(threads: usize, time: Duration) -> f64 {
    let barrier = Arc::new(Barrier::new(threads));
    let running: Vec<_> = (0..threads)
        .map(|_| {
            let barrier = barrier.clone();
            std::thread::spawn(move || {
                let mut pair = Pair::new();
                (0..20).for_each(|_| pair.calls(20));
                barrier.wait();
                let (start, mut calls) = (Instant::now(), 0);
                while start.elapsed() < time {
                    pair.calls(20);
                    calls += 20;
                }
                f64::from(calls) / start.elapsed().as_secs_f64()
            })
        })
        .collect();
    running.into_iter().map(|thread| thread.join().unwrap_or(0.0)).sum()
}
