//! How long calls and offers wait for their answer (RFC 3261 13.2.1, 13.3.1, 16.8). Nothing waits for ever for somebody who
//! has vanished.

use std::time::Duration;

use super::call::{Call, Negotiation, Setup};
use super::event::{CallState, End};
use super::{Endpoint, Error, Timer};
use crate::arena::Key;
use crate::message::{Method, Name, Request, StatusCode, reason_value};
use crate::time::Instant;
use crate::timer::TimerId;
use crate::transaction;

/// The words for a call that was not answered in time.
const UNANSWERED: &str = "not answered in time";

/// ISUP's "no answer from user", which 480 stands for (RFC 3398 7.2.4.1).
const NO_ANSWER: u32 = 19;

/// How long a call may go on unanswered.
#[derive(Debug, Default)]
pub(super) struct Patience {
    timer: Option<TimerId>,
    /// The end of it however often it rings, and what says so.
    end: Option<(Instant, transaction::Timer)>,
}

impl Patience {
    pub(super) fn take_timer(&mut self) -> Option<TimerId> {
        self.timer.take()
    }
}

impl Endpoint {
    /// An incoming call waits for the application.
    pub(super) fn wait_for_application(&mut self, now: Instant, key: Key, invite: &Request) {
        let ring = self.config.ring_timeout;
        let ring = (!ring.is_zero()).then_some((ring, transaction::Timer::Ring));
        let expires = invite.expires().ok().flatten().map(|seconds| Duration::from_secs(seconds.into()));
        let expires = expires.map(|wait| (wait, transaction::Timer::Expires));
        let least = ring.into_iter().chain(expires).min_by_key(|(wait, _)| *wait);
        self.wait_until(key, least.map(|(wait, timer)| (now + wait, timer)));
    }

    /// A call of ours waits for the other side, in all so long.
    pub(super) fn wait_for_answer(&mut self, now: Instant, key: Key, total: Option<Duration>) {
        self.wait_until(key, total.map(|wait| (now + wait, transaction::Timer::Answer)));
    }

    /// An offer in a 2xx, which is repeated for 64 × T1, waits for the application.
    pub(super) fn wait_for_acceptance(&mut self, now: Instant, key: Key) {
        self.wait_until(key, Some((now + self.config.timers.timeout(), transaction::Timer::Offer)));
    }

    fn wait_until(&mut self, key: Key, end: Option<(Instant, transaction::Timer)>) {
        let timer = end.map(|(at, _)| self.timers.insert(at, Timer::Patience(key)));
        let old = self.calls.get_mut(key).map(|call| std::mem::replace(&mut call.patience, Patience { timer, end }));
        if let Some(old) = old.and_then(|old| old.timer) {
            self.timers.cancel(old);
        }
    }

    /// A call of ours goes on: the next provisional response is owed in time. `heard` is false for an INVITE that was
    /// just sent elsewhere, of which its transaction takes care.
    pub(super) fn wait_for_progress(&mut self, now: Instant, key: Key, heard: bool) {
        let silence = self.config.progress_timeout;
        let next = (heard && !silence.is_zero()).then(|| now + silence);
        let Some(call) = self.calls.get_mut(key) else { return };
        let at = next.into_iter().chain(call.patience.end.map(|(at, _)| at)).min();
        let timer = at.map(|at| self.timers.insert(at, Timer::Patience(key)));
        if let Some(old) = std::mem::replace(&mut call.patience.timer, timer) {
            self.timers.cancel(old);
        }
    }

    pub(super) fn on_patience_timer(&mut self, now: Instant, key: Key) {
        let Some(call) = self.calls.get_mut(key) else { return };
        call.patience.timer = None;
        let reached = call.patience.end.filter(|(at, _)| *at <= now);
        let timer = reached.map_or(transaction::Timer::C, |(_, timer)| timer);
        match &call.setup {
            // An answer that waits for a PRACK ends by that.
            Setup::Called { .. } if call.provisional.holds_answer() => {}
            Setup::Called { .. } => self.give_up_ringing(now, key, timer),
            Setup::Calling { outgoing } if !call.is_ending() => {
                let outgoing = *outgoing;
                call.end = Some(End::failed(Error::Timeout(timer), false));
                let reason = reason_value("SIP", StatusCode::REQUEST_TIMEOUT.code().into(), Some(UNANSWERED));
                self.cancel_call(now, key, outgoing, Some(&reason));
            }
            Setup::Over if matches!(call.negotiation, Negotiation::Answering { .. }) => {
                self.send_bye(now, key, Some(End::failed(Error::Timeout(timer), false)));
            }
            _ => {}
        }
    }

    /// Nobody answers here: 487 where the invitation has expired (13.3.1), else 480.
    fn give_up_ringing(&mut self, now: Instant, key: Key, timer: transaction::Timer) {
        let status = match timer {
            transaction::Timer::Expires => StatusCode::REQUEST_TERMINATED,
            _ => StatusCode::TEMPORARILY_UNAVAILABLE,
        };
        let reason = reason_value("Q.850", NO_ANSWER, Some(UNANSWERED));
        self.answer_finally_with(now, key, status, &[(Name::Reason, &reason)]);
        let mut end = End::failed(Error::Timeout(timer), false);
        (end.status, end.phrase) = (Some(status), UNANSWERED.into());
        self.end_call(now, key, end);
    }

    // ---- offers within a call

    /// An offer within a call waits: theirs for the application, or a re-INVITE of ours that was heard for its answer.
    pub(super) fn time_offer(&mut self, now: Instant, key: Key, wait: Duration) {
        if wait.is_zero() {
            return;
        }
        let timer = self.timers.insert(now + wait, Timer::Exchange(key));
        match self.calls.get_mut(key).map(|call| call.exchange.replace(timer)) {
            Some(Some(old)) => self.timers.cancel(old).map(drop),
            Some(None) => None,
            None => self.timers.cancel(timer).map(drop),
        };
    }

    pub(super) fn on_exchange_timer(&mut self, now: Instant, key: Key) {
        let Some(call) = self.calls.get_mut(key) else { return };
        call.exchange = None;
        match &call.negotiation {
            Negotiation::Offering(_) => self.give_up_offer(now, key),
            Negotiation::Offered { request, .. } => {
                let status = match request.method() {
                    Method::Invite => StatusCode::TEMPORARILY_UNAVAILABLE,
                    _ => StatusCode::SERVER_TIMEOUT, // RFC 3311 5.2
                };
                self.refuse_offer(now, key, status);
                self.go_on_ringing(now, key);
            }
            _ => {}
        }
    }

    /// A re-INVITE of ours gets provisional responses and nothing else: CANCEL. A 2xx that crosses it still counts.
    fn give_up_offer(&mut self, now: Instant, key: Key) {
        let Some(Call { negotiation: Negotiation::Offering(offer), .. }) = self.calls.get_mut(key) else { return };
        let Some(request) = offer.request else { return };
        offer.given_up = true;
        match self.outgoing.get(request).and_then(|request| request.client) {
            Some(client) if self.transactions.client_state(client).is_some() => {
                self.transactions.cancel(now, client, None);
            }
            // It waits for something else, e.g. for credentials.
            _ => self.on_failure(now, request, Error::Cancelled),
        }
    }

    pub(super) fn stop_exchange(&mut self, key: Key) {
        if let Some(timer) = self.calls.get_mut(key).and_then(|call| call.exchange.take()) {
            self.timers.cancel(timer);
        }
    }
}

impl CallState {
    /// Whether a call in this state still waits for its answer.
    pub(super) const fn waits(self) -> bool {
        matches!(self, CallState::Calling | CallState::Proceeding | CallState::Ringing)
    }
}
