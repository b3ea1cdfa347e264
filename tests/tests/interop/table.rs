//! What came of it, as a table in README.md.

use std::fmt;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use offhook_core::transport::Transport;

const BEGIN: &str = "<!-- interop -->\n";
const END: &str = "<!-- /interop -->";

/// One case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    peer: &'static str,
    behaviour: &'static str,
    transport: Transport,
}

impl Cell {
    pub(crate) fn new(peer: &'static str, behaviour: &'static str, transport: Transport) -> Cell {
        Cell { peer, behaviour, transport }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.peer, self.transport, self.behaviour)
    }
}

/// All cases that were tried, and whether they passed.
#[derive(Clone, Default)]
pub(crate) struct Table(Arc<Mutex<Vec<(Cell, bool)>>>);

impl Table {
    pub(crate) fn note(&self, cell: &Cell, passed: bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((cell.clone(), passed));
    }

    /// Writes it; cases that were not tried this time are shown as not tried.
    pub(crate) fn write(&self) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
        let readme = std::fs::read_to_string(&path).expect("the README");
        let (before, rest) = readme.split_once(BEGIN).expect("where the table begins");
        let (_, after) = rest.split_once(END).expect("where the table ends");
        std::fs::write(&path, format!("{before}{BEGIN}{}{END}{after}", self.text()))
            .expect("the README can be written");
    }

    fn text(&self) -> String {
        let cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::from("\n| with | | UDP | TCP | TLS | WS | WSS |\n|---|---|---|---|---|---|---|\n");
        for (peer, behaviours) in crate::rows() {
            for behaviour in behaviours {
                let _ = write!(text, "| {peer} | {behaviour} |");
                for transport in crate::TRANSPORTS {
                    let cell = Cell::new(peer, behaviour, transport);
                    let mark = match cells.iter().find(|(other, _)| *other == cell) {
                        Some((_, true)) => " ✓ |",
                        Some((_, false)) => " fails |",
                        None => " |",
                    };
                    text.push_str(mark);
                }
                text.push('\n');
            }
        }
        text.push('\n');
        text
    }
}
