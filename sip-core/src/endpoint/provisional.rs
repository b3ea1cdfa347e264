//! Our provisional responses that are sent until the caller has acknowledged them (RFC 3262 3), and the answer that may
//! have to wait for that.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::call::{Call, Negotiation, Setup};
use super::callee::{AnswerOptions, GONE};
use super::capabilities::RELIABLE;
use super::config::Reliability;
use super::content::SDP;
use super::event::{CallEvent, End, OpId, Outcome};
use super::{Endpoint, Error, Timer, media};
use crate::arena::Key;
use crate::message::{Method, Name, Request, StatusCode};
use crate::time::Instant;
use crate::timer::TimerId;
use crate::transaction::{self, ServerId};
use crate::transport::Path;

/// An acknowledged provisional response is followed by another after this time, before proxies give up at three minutes.
pub(super) const AGAIN: Duration = Duration::from_secs(150);

/// Our reliable provisional responses to one INVITE.
#[derive(Debug, Default)]
pub(super) struct Provisional {
    /// The number of the last one; 0: there was none.
    last: u32,
    /// Its status.
    status: Option<StatusCode>,
    outstanding: Option<Outstanding>,
    /// Those after it: one at a time.
    queue: VecDeque<Waiting>,
    /// A 2xx must not overtake a description that is not acknowledged (RFC 3262 5).
    answer: Option<(AnswerOptions, OpId)>,
    /// Offer and answer are through: what follows carries no description (RFC 6337 3.1).
    pub(super) agreed: bool,
}

#[derive(Debug)]
struct Outstanding {
    rseq: u32,
    /// The INVITE's number.
    cseq: u32,
    status: StatusCode,
    message: Bytes,
    interval: Duration,
    give_up: Instant,
    /// `None`: a final response went out, nothing is sent again.
    timer: Option<TimerId>,
    described: bool,
    /// Its description is our offer.
    offered: bool,
    op: Option<OpId>,
}

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) status: StatusCode,
    pub(super) sdp: Option<Bytes>,
    pub(super) op: Option<OpId>,
}

impl Provisional {
    /// A response of ours has made the dialog for sure.
    pub(super) fn rang(&self) -> bool {
        self.last != 0
    }

    /// Whether the caller's offer is answered, reliably though perhaps not acknowledged; or, `Some(false)`, ours is open.
    pub(super) fn answered(&self) -> Option<bool> {
        match &self.outstanding {
            _ if self.agreed => Some(true),
            Some(outstanding) if outstanding.described => Some(!outstanding.offered),
            _ => None,
        }
    }

    /// An answer waits for an acknowledgement.
    pub(super) fn holds_answer(&self) -> bool {
        self.answer.is_some()
    }
}

impl Endpoint {
    /// Whether a provisional response to this call's INVITE is to be acknowledged.
    pub(super) fn rings_reliably(&self, key: Key, described: bool) -> Result<bool, Error> {
        let (_, request, _) = self.called(key)?;
        let call = self.calls.get(key).ok_or(GONE)?;
        if call.provisional.holds_answer() {
            return Err(Error::State("the call does not wait for an answer"));
        }
        let required = request.tokens(Name::Require).contains(RELIABLE);
        if self.config.reliable == Reliability::Never
            || !(required || request.tokens(Name::Supported).contains(RELIABLE))
        {
            return Ok(false);
        }
        // The first one must bring the offer where the INVITE had none (RFC 3262 5).
        let bare = call.provisional.last == 0 && !described && media::description_in(&request).is_none();
        match (bare, required) {
            (true, true) => Err(Error::input("sdp", 0, "the caller requires an offer in the first response")),
            (bare, _) => Ok(!bare),
        }
    }

    /// Sends a provisional response once those before it are acknowledged.
    pub(super) fn ring_reliably(&mut self, now: Instant, key: Key, waiting: Waiting) {
        let Some(call) = self.calls.get_mut(key) else { return };
        if call.provisional.outstanding.is_some() {
            call.provisional.queue.push_back(waiting);
            return;
        }
        let op = waiting.op;
        if let Err(error) = self.send_provisional(now, key, waiting)
            && let Some(op) = op
        {
            self.done(op, Err(error));
        }
    }

    fn send_provisional(&mut self, now: Instant, key: Key, waiting: Waiting) -> Result<(), Error> {
        let (server, request, source) = self.called(key)?;
        let first = (self.entropy.below(0x7fff_fffe) as u32).saturating_add(1);
        let call = self.calls.get(key).ok_or(GONE)?;
        let provisional = &call.provisional;
        let rseq = if provisional.last == 0 { first } else { provisional.last.saturating_add(1) };
        let sdp = waiting.sdp.filter(|_| !provisional.agreed);
        let status = waiting.status;
        let mut builder = self.dialog_response(&request, source, status, Some(call.local_tag()));
        self.push_call_contact(&mut builder, &request, source, key);
        self.push_capabilities(&mut builder);
        builder.header(Name::Require, RELIABLE).number(Name::RSeq, rseq);
        let message = match &sdp {
            Some(sdp) => builder.body(SDP, sdp)?,
            None => builder.finish()?,
        };
        self.transactions.respond(now, server, status, message.clone()).map_err(Error::Transport)?;
        let timers = self.config.timers;
        let timer = self.timers.insert(now + timers.t1, Timer::Provisional(key));
        let again = self.timers.insert(now + AGAIN, Timer::Ringing(key));
        let call = self.calls.get_mut(key).ok_or(GONE)?;
        call.provisional.last = rseq;
        call.provisional.status = Some(status);
        call.provisional.outstanding = Some(Outstanding {
            rseq,
            cseq: request.cseq().map_or(0, |cseq| cseq.number),
            status,
            message: message.clone(),
            interval: timers.t1,
            give_up: now + timers.timeout(),
            timer: Some(timer),
            described: sdp.is_some(),
            offered: sdp.is_some() && media::description_in(&request).is_none(),
            op: waiting.op,
        });
        if sdp.is_some() {
            call.local_sdp = sdp;
        }
        if let Some((old, _)) = call.ringing.replace((again, message)) {
            self.timers.cancel(old);
        }
        Ok(())
    }

    /// The caller has not acknowledged: once more, at doubling intervals, for 64 × T1; then the call is refused.
    pub(super) fn on_provisional_timer(&mut self, now: Instant, key: Key) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let Some(outstanding) = &mut call.provisional.outstanding else { return };
        outstanding.timer = None;
        let Setup::Called { server, .. } = call.setup else { return };
        if now >= outstanding.give_up {
            let error = Error::Timeout(transaction::Timer::Prack);
            self.answer_finally(now, key, StatusCode::SERVER_TIMEOUT);
            return self.end_call(now, key, End::failed(error, false));
        }
        outstanding.interval = outstanding.interval.saturating_mul(2);
        let at = (now + outstanding.interval).min(outstanding.give_up);
        outstanding.timer = Some(self.timers.insert(at, Timer::Provisional(key)));
        let (status, message) = (outstanding.status, outstanding.message.clone());
        // A lost flow ends by time.
        let _ = self.transactions.respond(now, server, status, message);
    }

    /// After a while another one keeps proxies from giving up (RFC 3262 3). False: this call does not ring reliably.
    pub(super) fn ring_on(&mut self, now: Instant, key: Key) -> bool {
        let Some(call) = self.calls.get_mut(key) else { return false };
        let Some(status) = call.provisional.status else { return false };
        call.ringing = None;
        // One that is not acknowledged yet is sent again by itself.
        if call.provisional.outstanding.is_none() && matches!(call.setup, Setup::Called { .. }) {
            self.ring_reliably(now, key, Waiting { status, sdp: None, op: None });
        }
        true
    }

    /// PRACK: the caller has our response.
    pub(super) fn on_prack(&mut self, now: Instant, key: Key, server: ServerId, request: Arc<Request>, source: Path) {
        let Ok(rack) = request.rack() else {
            return self.refuse(now, server, &request, source, StatusCode::BAD_REQUEST, &[]);
        };
        let Some(call) = self.calls.get_mut(key) else { return };
        let meant = |outstanding: &mut Outstanding| {
            (outstanding.rseq, outstanding.cseq) == (rack.rseq, rack.cseq.number) && rack.cseq.method == Method::Invite
        };
        let Some(outstanding) = call.provisional.outstanding.take_if(meant) else {
            return self.refuse(now, server, &request, source, StatusCode::CALL_DOES_NOT_EXIST, &[]);
        };
        let sdp = media::sdp_of(&request);
        let agreed = call.provisional.agreed;
        call.provisional.agreed |= outstanding.described && (!outstanding.offered || sdp.is_some());
        if let Some(timer) = outstanding.timer {
            self.timers.cancel(timer);
        }
        if let Some(op) = outstanding.op {
            self.done(op, Ok(Outcome::Done));
        }
        match sdp {
            // Its offer or answer is through, so this is an offer (RFC 3262 5); the answer goes with the 200.
            Some(offer) if agreed || (outstanding.described && !outstanding.offered) => {
                self.on_exchange(now, key, server, request, source, offer);
            }
            Some(answer) if outstanding.offered => {
                self.reply(now, server, &request, source, StatusCode::OK);
                self.take_early_answer(now, key, answer);
            }
            _ => {
                if outstanding.offered
                    && let Some(call) = self.calls.get_mut(key)
                {
                    call.local_sdp = None; // an offer nobody answered: the 2xx offers anew
                }
                self.reply(now, server, &request, source, StatusCode::OK);
            }
        }
        self.go_on_ringing(now, key);
    }

    fn take_early_answer(&mut self, now: Instant, key: Key, sdp: Bytes) {
        let held = media::holds_us(&sdp);
        if let Some(call) = self.calls.get_mut(key) {
            call.remote_sdp = Some(sdp.clone());
        }
        self.tell_call(now, key, CallEvent::Negotiated { sdp });
        self.set_hold(now, key, |hold| hold.remote = held);
    }

    /// What waited for an acknowledgement: the answer, or else the next provisional response.
    pub(super) fn go_on_ringing(&mut self, now: Instant, key: Key) {
        let Some(call) = self.calls.get_mut(key) else { return };
        if call.provisional.outstanding.is_some() || !matches!(call.negotiation, Negotiation::Idle) {
            return;
        }
        if let Some((options, op)) = call.provisional.answer.take() {
            if let Err(error) = self.try_answer(now, key, options, op) {
                self.done(op, Err(error));
            }
        } else if let Some(next) = call.provisional.queue.pop_front() {
            self.ring_reliably(now, key, next);
        }
    }

    /// Keeps an answer back while a description of ours is not acknowledged. Gives it back if it may go.
    pub(super) fn hold_back(&mut self, key: Key, options: AnswerOptions, op: OpId) -> Option<AnswerOptions> {
        let Some(call) = self.calls.get_mut(key) else { return Some(options) };
        let unacknowledged = call.provisional.outstanding.as_ref().is_some_and(|outstanding| outstanding.described);
        if unacknowledged || (call.provisional.last != 0 && !matches!(call.negotiation, Negotiation::Idle)) {
            call.provisional.answer = Some((options, op));
            return None;
        }
        Some(options)
    }

    /// A final response goes out: nothing provisional is sent any more, but a late PRACK is still understood. Whoever
    /// wanted to ring has been overtaken.
    pub(super) fn stop_ringing(&mut self, key: Key) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let mut ops: Vec<OpId> = call.provisional.queue.drain(..).filter_map(|waiting| waiting.op).collect();
        if let Some(outstanding) = &mut call.provisional.outstanding {
            outstanding.message = Bytes::new();
            ops.extend(outstanding.op.take());
            if let Some(timer) = outstanding.timer.take() {
                self.timers.cancel(timer);
            }
        }
        if let Some((timer, _)) = call.ringing.take() {
            self.timers.cancel(timer);
        }
        for op in ops {
            self.done(op, Ok(Outcome::Done));
        }
    }

    /// The call is over, which overtakes whoever wanted to ring, unless it ends because nobody heard it.
    pub(super) fn drop_provisional(&mut self, call: &mut Call, failure: &Error) {
        let provisional = std::mem::take(&mut call.provisional);
        let mut ops: Vec<OpId> = provisional.queue.into_iter().filter_map(|waiting| waiting.op).collect();
        if let Some((_, op)) = provisional.answer {
            self.done(op, Err(failure.clone()));
        }
        if let Some(outstanding) = provisional.outstanding {
            ops.extend(outstanding.op);
            if let Some(timer) = outstanding.timer {
                self.timers.cancel(timer);
            }
        }
        let unheard = matches!(failure, Error::Timeout(transaction::Timer::Prack));
        for op in ops {
            self.done(op, if unheard { Err(failure.clone()) } else { Ok(Outcome::Done) });
        }
    }
}
