//! What went over the network, as data and as a ladder to read.

use std::fmt::Write as _;

use bytes::Bytes;
use offhook_core::time::Instant;
use offhook_core::transport::{Stun, Transport};

use super::NodeId;

/// One thing that one node sent to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// When it left.
    pub sent: Instant,
    /// When it arrives (the first time); `None` if it does not. What waits on a cut connection arrives later.
    pub arrives: Option<Instant>,
    /// Who sent it.
    pub from: NodeId,
    /// To whom; `None`: nobody has that address.
    pub to: Option<NodeId>,
    /// How.
    pub transport: Transport,
    /// What.
    pub what: What,
    /// What became of it.
    pub fate: Fate,
}

/// What a [`Hop`] carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A datagram, a WebSocket message, or what was written to a stream in one go.
    Bytes(Bytes),
    /// The wish for a connection.
    Open,
    /// The other side does not accept the connection.
    Refuse,
    /// The orderly end of a connection.
    Close,
    /// The connection was broken by the test.
    Break,
}

/// What became of a [`Hop`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives.
    Arrives,
    /// It arrives, and a copy of it.
    Twice,
    /// It is lost.
    Lost,
    /// The two are cut off from each other.
    Cut,
    /// Nobody takes it there.
    Nobody,
}

impl Hop {
    /// The bytes, if it was a message.
    pub fn bytes(&self) -> Option<&Bytes> {
        match &self.what {
            What::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// A few words for what it carried: see [`label`].
    pub fn label(&self) -> String {
        let transport = self.transport;
        match &self.what {
            What::Bytes(bytes) => label(bytes),
            What::Open => format!("{transport} open"),
            What::Refuse => format!("{transport} refused"),
            What::Close => format!("{transport} close"),
            What::Break => format!("{transport} broken"),
        }
    }
}

/// The hops so far. Numbers of hops stay good when the trace is cleared.
#[derive(Debug, Default)]
pub(super) struct Trace {
    first: usize,
    hops: Vec<Hop>,
}

impl Trace {
    pub(super) fn hops(&self) -> &[Hop] {
        &self.hops
    }

    /// Adds a hop and returns its number.
    pub(super) fn push(&mut self, hop: Hop) -> usize {
        self.hops.push(hop);
        self.first + self.hops.len() - 1
    }

    /// Corrects a hop that did not arrive after all.
    pub(super) fn undo(&mut self, number: usize, fate: Fate) {
        if let Some(hop) = number.checked_sub(self.first).and_then(|at| self.hops.get_mut(at)) {
            hop.fate = fate;
            hop.arrives = None;
        }
    }

    pub(super) fn clear(&mut self) {
        self.first += self.hops.len();
        self.hops.clear();
    }
}

/// A few words for a message: `INVITE`, `180 INVITE`, `ping`, or the start of what is no SIP in quotes.
pub fn label(bytes: &[u8]) -> String {
    match bytes {
        b"\r\n\r\n" => return "ping".into(),
        b"\r\n" => return "pong".into(),
        _ => {}
    }
    match Stun::parse(bytes) {
        Some(Stun::Request { .. }) => return "STUN".into(),
        Some(_) => return "STUN answer".into(),
        None => {}
    }
    let text = String::from_utf8_lossy(bytes);
    let first = text.lines().next().unwrap_or_default();
    if let Some(status) = first.strip_prefix("SIP/2.0 ") {
        let code = status.split(' ').next().unwrap_or_default();
        return format!("{code} {}", cseq_method(&text).unwrap_or("?"));
    }
    if first.ends_with(" SIP/2.0") {
        return first.split(' ').next().unwrap_or_default().into();
    }
    let mut start: String = first.chars().take(16).collect();
    if first.chars().count() > 16 {
        start.push('…');
    }
    format!("{start:?}")
}

fn cseq_method(text: &str) -> Option<&str> {
    let is_cseq = |line: &&str| line.get(..5).is_some_and(|name| name.eq_ignore_ascii_case("cseq:"));
    text.lines().find(is_cseq)?.rsplit(' ').next()
}

/// Draws hops between columns, one a line, at the time each was sent:
///
/// ```text
///      ms  alice               bob
///       0  |-------INVITE----->|
///      10  |<----180 INVITE----|
///     510  |----MESSAGE---x    |      lost
///    1010  |------MESSAGE----->|      twice
/// ```
pub(super) fn ladder(names: &[&str], hops: &[Hop]) -> String {
    let widest = hops.iter().map(|hop| hop.label().chars().count()).chain(names.iter().map(|name| name.len())).max();
    let width = widest.unwrap_or(0).saturating_add(8).max(20);
    let mut text = format!("{:>8}  ", "ms");
    for name in names {
        let _ = write!(text, "{name:<width$}");
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    for hop in hops {
        let mut line = rails(names.len(), width);
        let mark = match hop.to {
            Some(to) => {
                arrow(&mut line, width, hop, to);
                match hop.fate {
                    Fate::Arrives => "",
                    Fate::Twice => "twice",
                    Fate::Lost => "lost",
                    Fate::Cut => "cut off",
                    Fate::Nobody => "nobody there",
                }
            }
            None => {
                half_arrow(&mut line, width, hop);
                "nobody there"
            }
        };
        let drawn: String = line.into_iter().collect();
        let line = format!("{:>8}  {drawn}{}{mark}", hop.sent.as_millis(), " ".repeat(6));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn rails(nodes: usize, width: usize) -> Vec<char> {
    let length = nodes.saturating_sub(1) * width + 1;
    (0..length).map(|at| if at % width == 0 { '|' } else { ' ' }).collect()
}

fn arrow(line: &mut [char], width: usize, hop: &Hop, to: NodeId) {
    let (from, to) = (hop.from.0 * width, to.0 * width);
    let (low, high) = (from.min(to), from.max(to));
    if low == high {
        return; // a node that talks to itself: the label alone would overwrite others
    }
    let rightward = from < to;
    let arrives = matches!(hop.fate, Fate::Arrives | Fate::Twice);
    for (at, cell) in line.iter_mut().enumerate().take(high).skip(low + 1) {
        let from_head = if rightward { high - at } else { at - low };
        *cell = match (from_head, arrives, rightward) {
            (1, true, true) => '>',
            (1, true, false) => '<',
            (1..=4, false, _) => ' ',
            (5, false, _) => 'x',
            _ => '-',
        };
    }
    let (low, high) = match (arrives, rightward) {
        (true, _) => (low, high),
        (false, true) => (low, high - 5),
        (false, false) => (low + 5, high),
    };
    write_at(line, (low + high).div_ceil(2), &hop.label());
}

fn half_arrow(line: &mut Vec<char>, width: usize, hop: &Hop) {
    let start = hop.from.0 * width + 1;
    let text = format!("--{}--x", hop.label());
    if line.len() < start + text.chars().count() {
        line.resize(start + text.chars().count(), ' ');
    }
    for (at, char) in text.chars().enumerate() {
        line[start + at] = char;
    }
}

fn write_at(line: &mut [char], middle: usize, label: &str) {
    let start = middle.saturating_sub(label.chars().count() / 2);
    for (at, char) in label.chars().enumerate() {
        if let Some(cell) = line.get_mut(start + at) {
            *cell = char;
        }
    }
}
