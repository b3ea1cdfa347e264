//! How much an endpoint has done since it began.

use super::event::{CallState, Direction};

/// How many calls there have been, and what was not done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Calls to others.
    pub calls_made: u64,
    /// Calls of others.
    pub calls_received: u64,
    /// Calls to others that were answered and acknowledged.
    pub made_established: u64,
    /// Calls of others that were answered and acknowledged.
    pub received_established: u64,
    /// Messages that were not taken because their source had sent too many
    /// ([`EndpointLimits::message_rate`](super::EndpointLimits::message_rate)).
    pub messages_refused: u64,
}

impl Totals {
    /// A call comes into a state; `first`: it is its first.
    pub(super) fn count(&mut self, direction: Direction, state: CallState, first: bool) {
        let (calls, established) = match direction {
            Direction::Outgoing => (&mut self.calls_made, &mut self.made_established),
            Direction::Incoming => (&mut self.calls_received, &mut self.received_established),
        };
        if first {
            *calls = calls.saturating_add(1);
        }
        if state == CallState::Established {
            *established = established.saturating_add(1);
        }
    }
}
