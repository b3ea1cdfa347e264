//! The table on the terminal.

use serde_json::{Map, Value};

/// What is to be reached, in words, with what it is told by.
const REACH: &[(&str, &str)] = &[
    ("parse_index", "≤ 2.2 × floor, 0 allocations"),
    ("parse_typed", "≤ 4 × floor, ≤ 1 allocation"),
    ("build_200", "≤ 400 ns, 1 allocation"),
    ("cycle", "≥ 50,000 calls/s"),
    ("uas_udp", "≤ 40 µs a call"),
    ("uas_tcp", "≤ 1.5 × UDP"),
    ("uas_ws", "≤ 1.5 × UDP"),
    ("dialog_heap", "≤ 3 kB, ≤ 8 blocks"),
    ("finished_heap", "≤ 700 B"),
    ("held_100k", "≤ 300 MB"),
    ("setup_p99", "< 1 ms"),
    ("shards_2", "≥ 1.8"),
    ("wasm_parse", "≤ 6 µs"),
    ("wasm_cycle", "≤ 0.3 ms"),
    ("wasm_ready", "< 15 ms"),
    ("bundle_brotli", "≤ 64 kB"),
];

/// Ours, the floor, the peers with their ratios, and what is to be reached.
pub fn print(figures: &Map<String, Value>) {
    println!("\n{:<14} {:>16} {:>8}  {:<30} peers", "", "offhook", "floor", "reach");
    for (key, figure) in figures {
        let reach = REACH.iter().find(|(of, _)| of == key).map_or("", |(_, words)| words);
        let unit = figure["unit"].as_str().unwrap_or_default();
        let Some(value) = figure["value"].as_f64() else {
            println!("{key:<14} {:>16} {:>8}  {reach:<30} {}", "-", "", figure["reason"].as_str().unwrap_or_default());
            continue;
        };
        let floor = figure["floor"].as_f64().map(|floor| format!("× {:.2}", value / floor)).unwrap_or_default();
        // A rate is better when it is higher.
        let better = |peer: f64| if unit == "calls/s" { value / peer } else { peer / value };
        let peers = figure["peers"].as_object().into_iter().flatten();
        let peers: Vec<String> = peers
            .map(|(name, peer)| match peer.as_f64() {
                Some(peer) => format!("{name} {} ({:.1}×)", short(peer), better(peer)),
                None => format!("{name} -"),
            })
            .collect();
        println!("{key:<14} {:>16} {floor:>8}  {reach:<30} {}", format!("{} {unit}", short(value)), peers.join(", "));
    }
}

fn short(value: f64) -> String {
    let digits = format!("{value:.0}");
    if value.abs() < 10.0 {
        return format!("{value:.2}");
    }
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
