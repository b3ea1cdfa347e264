//! Transactions (RFC 3261 17, RFC 6026): the four state machines, their timers, matching, and the table that runs
//! them over flows. A user agent and a proxy stand on the same layer.
//!
//! What this layer does not do: it knows no dialog, chooses no target, answers no challenge.

mod client;
mod event;
mod history;
mod invite_client;
mod invite_server;
mod key;
mod layer;
mod non_invite_client;
mod non_invite_server;
mod receive;
mod requests;
mod response;
mod server;
mod steps;
mod timers;
mod traffic;
mod undelivered;

pub use client::{ClientId, ClientState};
pub use event::{Event, Failure};
pub use history::{TransactionCause, TransactionInfo, TransactionState, TransactionStep};
pub use layer::{LINGERING, Transactions};
pub use response::{respond_to, top_via};
pub use server::{ServerId, ServerState};
pub use timers::{Timer, TimerConfig};
pub use traffic::{Kind, Traffic};

use timers::{Change, Step};

/// Takes a machine to its next state and hands on what is to be done.
fn apply<S>(state: &mut S, (next, step): (S, Step)) -> Step {
    *state = next;
    step
}
