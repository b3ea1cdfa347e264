//! Dialogs (RFC 3261 12): the state two user agents share, the route set, and the order of requests within.
//!
//! What this layer does not do: it sends nothing and knows no timer. What happens within a dialog (calls, transfers,
//! subscriptions) is the endpoint's.

mod history;
mod names;
mod routing;
mod state;

pub use history::{DialogCause, DialogStep};
pub(crate) use names::{Names, Text};
pub use routing::{NextHop, route};
pub use state::{Dialog, DialogError, DialogParts, DialogState};
