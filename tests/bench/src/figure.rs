//! One line of the results.

use std::path::Path;

use serde_json::{Map, Value};

use crate::measure::round;

/// The keys of the results, in their order.
pub const KEYS: [&str; 17] = [
    "parse_index",
    "parse_typed",
    "build_200",
    "cycle",
    "uas_udp",
    "uas_tcp",
    "uas_ws",
    "dialog_heap",
    "finished_heap",
    "held_100k",
    "setup_p99",
    "shards_2",
    "wasm_parse",
    "wasm_cycle",
    "wasm_heap",
    "wasm_ready",
    "bundle_brotli",
];

/// Those that the browser's part has measured (`web/`): they are in the file already.
pub const IN_BROWSER: [&str; 5] = ["wasm_parse", "wasm_cycle", "wasm_heap", "wasm_ready", "bundle_brotli"];

/// The unit of a figure: times in ns, sizes in bytes, rates a second.
pub fn unit(key: &str) -> &'static str {
    match key {
        "cycle" => "calls/s",
        "dialog_heap" | "finished_heap" | "held_100k" | "wasm_heap" | "bundle_brotli" => "B",
        "shards_2" => "times one shard",
        _ => "ns",
    }
}

/// A figure with those of the peers.
#[derive(Clone, Debug)]
pub struct Figure {
    pub key: String,
    pub value: Option<f64>,
    pub peers: Vec<(String, Option<f64>)>,
    pub floor: Option<f64>,
    /// Why something is absent.
    pub reason: Option<String>,
    /// Whatever else is worth telling.
    pub more: Map<String, Value>,
}

impl Figure {
    pub fn new(key: &str, value: f64) -> Figure {
        Figure { value: Some(value), ..Figure::absent(key, "") }
    }

    /// One that is not there.
    pub fn absent(key: &str, reason: &str) -> Figure {
        Figure {
            key: key.into(),
            value: None,
            peers: Vec::new(),
            floor: None,
            reason: Some(reason).filter(|reason| !reason.is_empty()).map(Into::into),
            more: Map::new(),
        }
    }

    /// With what somebody else needs.
    #[must_use]
    pub fn peer(mut self, name: &str, value: Option<f64>) -> Figure {
        self.peers.push((name.into(), value));
        self
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Figure {
        self.more.insert(name.into(), value.into());
        self
    }

    fn json(&self) -> Value {
        let number = |value: Option<f64>| value.map_or(Value::Null, |value| round(value, 1));
        let mut map = Map::new();
        map.insert("value".into(), number(self.value));
        map.insert("unit".into(), unit(&self.key).into());
        let peers = self.peers.iter().map(|(name, value)| (name.clone(), number(*value)));
        map.insert("peers".into(), Value::Object(peers.collect()));
        if self.floor.is_some() {
            map.insert("floor".into(), number(self.floor));
        }
        if let Some(reason) = &self.reason {
            map.insert("reason".into(), reason.as_str().into());
        }
        map.extend(self.more.clone());
        Value::Object(map)
    }
}

/// Writes the figures into the file beside those that are in it, and gives all of them in their order.
pub fn write(file: &Path, figures: Vec<Figure>) -> Result<Map<String, Value>, String> {
    let known = std::fs::read_to_string(file).ok().and_then(|text| serde_json::from_str::<Map<_, _>>(&text).ok());
    let mut known = known.unwrap_or_default();
    for figure in figures {
        let json = figure.json();
        known.insert(figure.key, json);
    }
    let absent = |key: &str| Figure::absent(key, "not part of this run").json();
    let mut all: Map<String, Value> =
        KEYS.iter().map(|key| ((*key).into(), known.remove(*key).unwrap_or_else(|| absent(key)))).collect();
    all.append(&mut known);
    let text = serde_json::to_string_pretty(&all).map_err(|error| error.to_string())?;
    std::fs::write(file, text + "\n").map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(all)
}
