//! Measuring one turn of some work.

use std::time::{Duration, Instant};

use offhook_workload::counting::Heap;
use serde_json::{Map, Value};

use crate::peers::Turn;

/// What one turn took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// Nanoseconds on the wall.
    pub wall: f64,
    /// Nanoseconds of CPU time.
    pub cpu: f64,
    pub allocations: f64,
    pub instructions: Option<u64>,
}

impl Sample {
    pub fn json(&self) -> Value {
        let mut map = Map::new();
        map.insert("wall".into(), round(self.wall, 1));
        map.insert("cpu".into(), round(self.cpu, 1));
        map.insert("instructions".into(), self.instructions.map_or(Value::Null, Value::from));
        map.insert("allocations".into(), round(self.allocations, 2));
        Value::Object(map)
    }
}

/// A number with so many digits behind the point, an integer if there are none.
pub fn round(value: f64, digits: i32) -> Value {
    let scale = 10_f64.powi(digits);
    let rounded = (value * scale).round() / scale;
    if rounded.fract() == 0.0 && rounded.abs() < 1e15 { Value::from(rounded as i64) } else { Value::from(rounded) }
}

/// CPU time of this process, nanoseconds.
pub fn cpu_time() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // Safety: the structure is there and of the right type.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Bytes of this process in memory.
pub fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * 4096
}

/// Turns that are measured side by side: each gets a share of every round, so that what else the machine does strikes all
/// alike. What is told of each is its median round.
pub fn side_by_side(mut work: Vec<Turn>, rounds: usize, share: Duration) -> Vec<Sample> {
    let counts: Vec<u64> = work.iter_mut().map(|turn| calibrate(turn, share)).collect();
    let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); work.len()];
    for _ in 0..rounds {
        for ((turn, count), samples) in work.iter_mut().zip(&counts).zip(&mut samples) {
            samples.push(measure(turn, *count));
        }
    }
    samples.into_iter().map(median).collect()
}

/// So many turns, now.
pub fn measure(turn: &mut Turn, count: u64) -> Sample {
    let (heap, cpu, wall) = (Heap::now(), cpu_time(), Instant::now());
    for _ in 0..count {
        turn();
    }
    let (wall, cpu) = (wall.elapsed().as_nanos() as f64, (cpu_time() - cpu) as f64);
    let (allocations, _, _) = Heap::now().since(heap);
    let count = count as f64;
    Sample { wall: wall / count, cpu: cpu / count, allocations: allocations as f64 / count, instructions: None }
}

fn calibrate(turn: &mut Turn, share: Duration) -> u64 {
    let mut count = 1;
    loop {
        let start = Instant::now();
        (0..count).for_each(|_| turn());
        let took = start.elapsed();
        if took > share / 4 {
            return ((count as f64 * share.as_secs_f64() / took.as_secs_f64()) as u64).max(1);
        }
        count *= 4;
    }
}

fn median(mut samples: Vec<Sample>) -> Sample {
    samples.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
    samples[samples.len() / 2]
}
