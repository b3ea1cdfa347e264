//! Calls outlive the connection they were made over. Once there is a way to the server again, and this user agent is
//! registered over it where that is wanted, a re-INVITE tells the other side of each call where this one is reached from
//! now on (RFC 3261 14, RFC 5626 4.4). What the application wanted meanwhile goes then.

use std::time::Duration;

use super::call::{Call, Carrier, Negotiation, Offer};
use super::event::{CallEvent, CallState};
use super::{Endpoint, Error, Timer};
use crate::arena::Key;
use crate::time::Instant;

/// How long after a try that found nobody the next one follows; twice as long each time, up to the second.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(8));

/// What a proxy says where the other side is not back yet itself (430: RFC 5626 11.6).
const NOT_BACK: [u16; 7] = [404, 408, 430, 480, 502, 503, 504];

/// A call whose connection is gone, until the other side has agreed over a new one.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    tries: u32,
}

impl Endpoint {
    /// There is a way to the server, perhaps another than before: calls whose connection is gone take it.
    pub(super) fn recover_calls(&mut self, now: Instant) {
        if !self.is_connected() {
            return;
        }
        let lost: Vec<Key> = self.calls.iter().map(|(key, _)| key).filter(|key| self.is_cut_off(*key)).collect();
        for key in lost {
            self.recover(now, key);
        }
    }

    /// Whether a call goes on without a connection of its own.
    pub(super) fn is_cut_off(&self, key: Key) -> bool {
        let Some(call) = self.calls.get(key).filter(|call| call.state == CallState::Established) else { return false };
        call.dialog().is_some_and(|dialog| !self.transactions.flows().contains(dialog.path().flow))
    }

    /// A request of the other side came to us over another connection than the one that was lost: it knows the way.
    pub(super) fn found_by_peer(&mut self, now: Instant, key: Key) {
        if let Some(call) = self.calls.get_mut(key) {
            call.recovery.get_or_insert_default();
        }
        self.recovered(now, key);
    }

    /// A request or answer of the other side in this call came. Where the call had no connection of its own any more, it came
    /// over the next one: what is agreed on by it tells the other side where we are, though nothing was sent to that end.
    pub(super) fn note_way_back(&mut self, key: Key) {
        if self.is_cut_off(key)
            && let Some(call) = self.calls.get_mut(key)
        {
            call.recovery.get_or_insert_default();
        }
    }

    fn recover(&mut self, now: Instant, key: Key) {
        let Some(call) = self.calls.get_mut(key) else { return };
        call.recovery.get_or_insert_default();
        // Whatever is under way says it as well.
        if !matches!(call.negotiation, Negotiation::Idle) || call.accepted.is_some() || call.waiting.is_some() {
            return;
        }
        if let Some((offer, timer)) = call.glare.take() {
            self.timers.cancel(timer);
            return self.send_offer(now, key, offer);
        }
        let Some(sdp) = call.local_sdp.clone() else { return };
        self.send_offer(now, key, Offer::new(None, Carrier::Reinvite, Some(sdp)));
    }

    /// The other side has agreed to something: it knows where we are.
    pub(super) fn recovered(&mut self, now: Instant, key: Key) {
        let Some(call) = self.calls.get_mut(key) else { return };
        if call.recovery.take().is_some() {
            self.tell_call(now, key, CallEvent::Recovered);
            self.send_candidates(now, key);
        }
    }

    /// An offer that came to nothing because a connection is gone, ours or the other side's, is made again when that may
    /// be back. Gives it back if it was refused, or for too long.
    pub(super) fn offer_when_back(
        &mut self,
        now: Instant,
        key: Key,
        mut offer: Offer,
        error: &Error,
    ) -> Result<(), Offer> {
        let patience = self.config.timers.timeout();
        let comes_back = self.comes_back();
        let going_on = |call: &&mut Call| call.state == CallState::Established && !offer.given_up;
        let Some(call) = self.calls.get_mut(key).filter(going_on) else {
            return Err(offer);
        };
        let broken = matches!(error, Error::Transport(_)) && comes_back;
        let wait = match (error, &mut call.recovery) {
            // The next connection sends it at once.
            _ if broken => {
                call.recovery.get_or_insert_default();
                patience
            }
            (Error::Status(refusal), Some(recovery)) if NOT_BACK.contains(&refusal.status.code()) => {
                recovery.next_wait()
            }
            (Error::Timeout(_), Some(recovery)) => recovery.next_wait(),
            _ => return Err(offer),
        };
        if now >= *offer.waits_since.get_or_insert(now) + patience {
            call.recovery = None;
            return Err(offer);
        }
        let timer = self.timers.insert(now + wait, Timer::Glare(key));
        if let Some(call) = self.calls.get_mut(key) {
            call.glare = Some((offer, timer));
        }
        Ok(())
    }
}

impl Recovery {
    fn next_wait(&mut self) -> Duration {
        let wait = WAITS.0.saturating_mul(1_u32.checked_shl(self.tries.min(8)).unwrap_or(1)).min(WAITS.1);
        self.tries = self.tries.saturating_add(1);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_waits_grow() {
        let mut recovery = Recovery::default();
        let waits: Vec<u64> = (0..6).map(|_| recovery.next_wait().as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 8, 8]);
    }
}
