//! What `offhook agent --json --trace` printed: lines of JSON, of which those of the type `trace` are messages.

use std::io::BufRead;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;

use super::seen::{Place, Seen};

/// What the side that wrote the log is called, whose address it does not say.
const OWN: &str = "offhook";

/// The longest line taken, in bytes.
const LONGEST: u64 = 1 << 20;

#[derive(Deserialize)]
struct Line {
    r#type: String,
    #[serde(default)]
    direction: String,
    #[serde(default)]
    transport: String,
    #[serde(default)]
    remote: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    at: u64,
}

/// The next message of the log; lines of other types are passed over.
pub(super) fn next(input: &mut impl BufRead) -> std::io::Result<Option<Seen>> {
    loop {
        let mut text = Vec::new();
        let read = std::io::Read::take(&mut *input, LONGEST).read_until(b'\n', &mut text)?;
        if read == 0 {
            return Ok(None);
        }
        let Ok(line) = serde_json::from_slice::<Line>(&text) else { continue };
        if line.r#type != "trace" || line.text.is_empty() {
            continue;
        }
        let (own, other) = (Place(OWN.into()), Place(line.remote.into()));
        let (from, to) = if line.direction == "out" { (own, other) } else { (other, own) };
        let transport = ["UDP", "TCP", "TLS", "WS", "WSS"].into_iter().find(|name| *name == line.transport);
        let at = Duration::from_millis(line.at);
        return Ok(Some(Seen::new(at, from, to, transport.unwrap_or("UDP"), Bytes::from(line.text))));
    }
}
