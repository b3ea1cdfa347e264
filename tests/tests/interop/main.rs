//! Offhook with real servers and clients: `offhook agent` processes that reach each other through Kamailio and through
//! Asterisk over every transport, and that speak with SIPp and baresip. `UPDATE=1` writes what came of it into README.md.

mod baresip;
mod behaviours;
mod exchange;
mod sipp;
mod table;

use libtest_mimic::{Arguments, Trial};
use offhook_core::transport::Transport;
use offhook_tests::programs::offhook;

use behaviours::BEHAVIOURS;
use exchange::Kind;
use table::{Cell, Table};

const TRANSPORTS: [Transport; 5] = [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss];

fn main() {
    let mut arguments = Arguments::from_args();
    // Most of it is waiting, and every case has servers of its own.
    arguments.test_threads = arguments.test_threads.or(Some(8));
    let table = Table::default();
    let mut trials = Vec::new();
    for kind in Kind::ALL {
        for (behaviour, play) in BEHAVIOURS {
            for transport in TRANSPORTS {
                let cell = Cell::new(kind.name(), behaviour, transport);
                trials.push(trial(&table, cell, move || play(&exchange::Exchange::start(kind, transport))));
            }
        }
    }
    for transport in [Transport::Udp, Transport::Tcp] {
        for (behaviour, play) in sipp::BEHAVIOURS {
            trials.push(trial(&table, Cell::new("SIPp", behaviour, transport), move || play(transport)));
        }
    }
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
        for (behaviour, play) in baresip::BEHAVIOURS {
            trials.push(trial(&table, Cell::new("baresip", behaviour, transport), move || play(transport)));
        }
    }
    if !arguments.list {
        offhook();
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    if std::env::var_os("UPDATE").is_some() {
        table.write();
    }
    conclusion.exit();
}

/// The rows of the table.
fn rows() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut rows: Vec<_> =
        Kind::ALL.iter().map(|kind| (kind.name(), BEHAVIOURS.iter().map(|(name, _)| *name).collect())).collect();
    rows.push(("SIPp", sipp::BEHAVIOURS.iter().map(|(name, _)| *name).collect()));
    rows.push(("baresip", baresip::BEHAVIOURS.iter().map(|(name, _)| *name).collect()));
    rows
}

fn trial(table: &Table, cell: Cell, play: impl FnOnce() + Send + 'static) -> Trial {
    let table = table.clone();
    Trial::test(cell.to_string(), move || {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(play));
        table.note(&cell, result.is_ok());
        result.map_err(|panic| {
            let words = panic.downcast_ref::<String>().cloned();
            words.or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned())).unwrap_or_default().into()
        })
    })
}
