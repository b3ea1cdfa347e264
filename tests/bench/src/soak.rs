//! A million calls in virtual time: nothing is left of them, and memory stays where it was.

use offhook_workload::counting::Heap;
use offhook_workload::cycle::Pair;
use serde_json::{Value, json};

/// How many calls go on at the same time.
const TOGETHER: usize = 20;

/// Makes so many calls and gives the bytes in use after each tenth; in words what is wrong.
pub fn run(calls: usize) -> Result<Value, String> {
    let before = Heap::now();
    let mut pair = Pair::new();
    let mut samples: Vec<i64> = Vec::new();
    for part in 0..10 {
        for _ in 0..calls / 10 / TOGETHER {
            pair.calls(TOGETHER);
        }
        let (_, _, bytes) = Heap::now().since(before);
        samples.push(bytes);
        eprintln!("  {} calls, {bytes} bytes in use", calls / 10 * (part + 1));
    }
    let (messages, ended) = pair.totals();
    pair.finish();
    let made = calls / 10 / TOGETHER * 10 * TOGETHER;
    if ended != 2 * made as u64 || messages != 7 * made as u64 {
        return Err(format!("{made} calls, but {messages} messages and {ended} ends"));
    }
    // From the second tenth on nothing may grow but what chance does to the tables.
    let (second, last) = (samples[1], samples[9]);
    if last > second + second / 10 {
        return Err(format!("memory grows: {samples:?}"));
    }
    Ok(json!({ "calls": made, "messages": messages, "bytes_after_each_tenth": samples }))
}
