//! Re-INVITE on both sides (RFC 3261 14): hold, resume, new offers, and what happens when two meet.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::call::{Call, Carrier, Negotiation, Offer, Setup};
use super::callee::GONE;
use super::event::{CallEvent, CallId, CallState, Direction, OpId, Outcome};
use super::outgoing::{Outgoing, Purpose};
use super::reliable::Leg;
use super::{Endpoint, Error, Refusal, Timer, media, reliable};
use crate::arena::Key;
use crate::message::{Method, Request, Response, StatusCode};
use crate::time::Instant;
use crate::transaction::{self, ServerId};
use crate::transport::Path;

/// Of an offer that got provisional responses alone.
const LATE: Error = Error::Timeout(transaction::Timer::Offer);

impl Endpoint {
    /// Holds the other side by a re-INVITE with direction `sendonly` or `inactive` (RFC 3264 8.4). Without `sdp` the
    /// description in force is rewritten. Done when the other side agreed; refused means that the call goes on as it was.
    pub fn hold(&mut self, now: Instant, call: CallId, sdp: Option<Bytes>) -> OpId {
        self.offer(now, call, sdp, Some(true))
    }

    /// Takes the other side off hold again.
    pub fn resume(&mut self, now: Instant, call: CallId, sdp: Option<Bytes>) -> OpId {
        self.offer(now, call, sdp, Some(false))
    }

    /// Offers a new description by a re-INVITE. Done with the other side's answer.
    pub fn renegotiate(&mut self, now: Instant, call: CallId, sdp: Bytes) -> OpId {
        self.offer(now, call, Some(sdp), None)
    }

    fn offer(&mut self, now: Instant, call: CallId, sdp: Option<Bytes>, hold: Option<bool>) -> OpId {
        let op = self.op();
        let sdp = sdp.map(|sdp| self.with_origin(call, sdp));
        let offer = Offer { rewrites: sdp.is_none(), hold, ..Offer::new(Some(op), Carrier::Reinvite, sdp) };
        match self.may_offer(call) {
            Err(error) => self.done(op, Err(error)),
            // Theirs is agreed on, but until its ACK is here no other may be offered (14.1); a refresh of ours is over soon.
            Ok(entry) if entry.accepted.is_some() || entry.is_refreshing() => entry.waiting = Some(offer),
            Ok(_) => self.send_offer(now, call.0, offer),
        }
        self.pump(now);
        op
    }

    fn may_offer(&mut self, call: CallId) -> Result<&mut Call, Error> {
        self.drop_refresh(call.0);
        let entry = self.calls.get_mut(call.0).ok_or(GONE)?;
        if entry.state != CallState::Established {
            return Err(Error::State("the call is not established"));
        }
        entry.is_free()?;
        Ok(entry)
    }

    /// The end of an offer of ours, if anybody waits for it.
    pub(super) fn done_offer(&mut self, op: Option<OpId>, result: Result<Outcome, Error>) {
        if let Some(op) = op {
            self.done(op, result);
        }
    }

    /// A refresh that waits gives way to what the application wants, which refreshes the session as well.
    pub(super) fn drop_refresh(&mut self, key: Key) {
        let Some(call) = self.calls.get_mut(key) else { return };
        if let Some((_, timer)) = call.glare.take_if(|(offer, _)| offer.op.is_none()) {
            self.timers.cancel(timer);
        }
    }

    /// The description in force as a new offer.
    fn rewritten(&self, key: Key, hold: Option<bool>) -> Result<Bytes, Error> {
        let call = self.calls.get(key).ok_or(GONE)?;
        let local = call.local_sdp.as_deref().ok_or(Error::State("the call has no description to rewrite"))?;
        let hold = hold.unwrap_or(call.hold.local);
        media::offer_with_hold(local, hold).ok_or(Error::State("the description in force cannot be rewritten"))
    }

    /// An offer of ours that waited, unless it still has to.
    pub(super) fn send_waiting(&mut self, now: Instant, key: Key) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let (idle, going_on) = (matches!(call.negotiation, Negotiation::Idle), call.state == CallState::Established);
        let ready = |offer: &mut Offer| match offer.carrier {
            Carrier::Update => !call.updating,
            Carrier::Reinvite => going_on,
        };
        match call.waiting.take_if(ready) {
            Some(offer) if idle || offer.sdp.is_none() => self.send_offer(now, key, offer),
            Some(offer) => self.wait_for_glare(now, key, offer),
            None => {}
        }
    }

    pub(super) fn send_offer(&mut self, now: Instant, key: Key, mut offer: Offer) {
        if offer.carrier == Carrier::Update {
            return self.send_update(now, key, offer);
        }
        if offer.rewrites {
            match self.rewritten(key, offer.hold) {
                Ok(sdp) => offer.sdp = Some(sdp),
                Err(error) => return self.done_offer(offer.op, Err(error)),
            }
        }
        let Some(mut dialog) = self.calls.get(key).and_then(Call::dialog).cloned() else {
            return self.done_offer(offer.op, Err(GONE));
        };
        let mut outgoing = self.dialog_request(&mut dialog, Purpose::Reinvite(key), Method::Invite);
        outgoing.contact = true;
        outgoing = self.ask_to_go_on(key, outgoing);
        if let Some(sdp) = &offer.sdp {
            outgoing = outgoing.described(sdp.clone());
        }
        if let Some(call) = self.calls.get_mut(key) {
            if let Some(slot) = call.dialog_mut() {
                slot.raise_cseq(dialog.local_cseq());
            }
            call.negotiation = Negotiation::Offering(offer);
        }
        let request = self.send_request(now, outgoing);
        if let Some(Call { negotiation: Negotiation::Offering(offer), .. }) = self.calls.get_mut(key) {
            offer.request = Some(request);
        }
    }

    /// A provisional response to our re-INVITE: one that is reliable is acknowledged, and may bring the answer.
    pub(super) fn on_reinvite_progress(&mut self, now: Instant, key: Key, response: &Response) {
        let begun = self.calls.get(key).is_some_and(|call| call.exchange.is_none() && !call.has_given_up());
        if begun {
            self.time_offer(now, key, self.config.offer_timeout);
        }
        if response.status() == StatusCode::TRYING {
            return;
        }
        // A target that came reliably stays, whatever becomes of the re-INVITE (RFC 6141 4.7).
        if reliable::reliable(response).is_some()
            && let Some(dialog) = self.calls.get_mut(key).and_then(Call::dialog_mut)
        {
            // A Contact that cannot be read leaves the target as it was.
            let _ = dialog.refresh_target(response);
        }
        self.hear(now, key, response, true);
    }

    pub(super) fn on_reinvited(
        &mut self,
        now: Instant,
        key: Key,
        outgoing: Outgoing,
        result: Result<(&Response, Path), Error>,
    ) {
        let Some(call) = self.calls.get_mut(key) else {
            if let Ok((response, source)) = result {
                self.acknowledge_stray(now, response, source);
            }
            return;
        };
        let legs = std::mem::take(&mut call.legs);
        let Some(offer) = call.take_offer() else { return };
        self.stop_exchange(key);
        match result {
            Ok((response, source)) if response.status().is_success() => {
                self.note_way_back(key);
                let Some(call) = self.calls.get_mut(key) else { return };
                if let Some(dialog) = call.dialog_mut() {
                    // A Contact that cannot be read leaves the target as it was.
                    let _ = dialog.refresh_target(response);
                    dialog.set_path(source);
                }
                call.hear_allow(response);
                let sdp = reliable::agreed(legs).or(media::sdp_of(response));
                self.acknowledge(now, key, outgoing.cseq, &outgoing.authorization, None);
                self.hear_session(now, key, &outgoing, response);
                self.hear_response_identity(now, key, response, source);
                self.conclude(now, key, offer, sdp);
                self.recovered(now, key);
            }
            Ok((response, _)) => {
                let offer = match self.offer_later(now, key, offer, response) {
                    Ok(()) => return,
                    Err(offer) => offer,
                };
                let error = Error::Status(Refusal::of(response.status(), response.reason(), response));
                let Err(offer) = self.offer_when_back(now, key, offer, &error) else { return };
                self.done_offer(offer.op, Err(if offer.given_up { LATE } else { error.clone() }));
                self.end_if_gone(now, key, error, true);
                self.fall_back(now, key, legs, &offer);
            }
            Err(error) => {
                // A flow that broke may come back: the call goes on.
                let Err(offer) = self.offer_when_back(now, key, offer, &error) else { return };
                self.done_offer(offer.op, Err(if offer.given_up { LATE } else { error.clone() }));
                self.end_if_gone(now, key, error, outgoing.heard);
                self.fall_back(now, key, legs, &offer);
            }
        }
        self.send_waiting(now, key);
    }

    /// A re-INVITE failed after the other side had agreed reliably: what was in force before is offered once more, so that
    /// both know (RFC 6141 3.4).
    fn fall_back(&mut self, now: Instant, key: Key, legs: Vec<Leg>, failed: &Offer) {
        if reliable::agreed(legs).is_none() {
            return;
        }
        let Some(call) = self.calls.get(key).filter(|call| !call.is_ending()) else { return };
        let carrier = if call.takes_update == Some(true) { Carrier::Update } else { Carrier::Reinvite };
        let sdp = call.local_sdp.as_deref().and_then(|local| media::offer_again(local, failed.sdp.as_deref()?));
        if sdp.is_none() || call.updating || call.accepted.is_some() || !matches!(call.negotiation, Negotiation::Idle) {
            return;
        }
        self.send_offer(now, key, Offer::new(None, carrier, sdp));
    }

    /// An offer of ours was agreed on, in an established call.
    pub(super) fn conclude(&mut self, now: Instant, key: Key, offer: Offer, sdp: Option<Bytes>) {
        let Some(call) = self.calls.get_mut(key) else { return self.done_offer(offer.op, Err(GONE)) };
        if offer.sdp.is_some() {
            call.local_sdp = offer.sdp;
        }
        let before = call.remote_sdp.clone();
        if sdp.is_some() {
            call.remote_sdp = sdp.clone();
        }
        let local = call.local_sdp.clone().unwrap_or_default();
        if let (None, Some(before), Some(after)) = (offer.op, before, &sdp)
            && !media::says_same(&local, &before, after)
        {
            // What only kept the session from expiring was answered with something new.
            self.tell_call(now, key, CallEvent::Negotiated { sdp: after.clone() });
        }
        // Where nothing flows either way a direction tells nothing of the other side's hold.
        let silent = media::is_inactive(&local);
        let answered = sdp.as_deref().map(media::holds_us);
        self.set_hold(now, key, |hold| {
            hold.local = offer.hold.unwrap_or(if silent { hold.local } else { media::is_held(&local) });
            hold.remote = answered.filter(|_| !silent).unwrap_or(hold.remote);
        });
        self.done_offer(offer.op, Ok(Outcome::Negotiated { sdp }));
    }

    /// What the other side asks to be offered later: 491 (14.1, RFC 3311 5.3), or 500 with the seconds to wait, up to
    /// ten (14.2, RFC 3311 5.2). Gives the offer back if it was refused for good.
    pub(super) fn offer_later(
        &mut self,
        now: Instant,
        key: Key,
        mut offer: Offer,
        response: &Response,
    ) -> Result<(), Offer> {
        // Whatever keeps the other side from taking it ends within 64 × T1: it does not wait for ever.
        let since = *offer.waits_since.get_or_insert(now);
        let late = now > since + self.config.timers.timeout().saturating_mul(2);
        let seconds = || response.retry_after().ok().flatten().map(|wait| wait.seconds).filter(|wait| *wait <= 10);
        if late || offer.given_up || (response.status() == StatusCode::SERVER_INTERNAL_ERROR && seconds().is_none()) {
            return Err(offer);
        }
        match response.status() {
            StatusCode::REQUEST_PENDING => self.wait_for_glare(now, key, offer),
            StatusCode::SERVER_INTERNAL_ERROR => {
                let wait = Duration::from_secs(seconds().unwrap_or_default().into());
                self.wait_for(now, key, offer, wait);
            }
            _ => return Err(offer),
        }
        Ok(())
    }

    /// The owner of the Call-ID waits 2.1 to 4 s, the other side up to 2 s, in steps of 10 ms (14.1).
    fn wait_for_glare(&mut self, now: Instant, key: Key, offer: Offer) {
        let steps = match self.calls.get(key).map(|call| call.direction) {
            Some(Direction::Outgoing) => self.entropy.below(191).saturating_add(210),
            _ => self.entropy.below(201),
        };
        self.wait_for(now, key, offer, Duration::from_millis(steps.saturating_mul(10)));
    }

    fn wait_for(&mut self, now: Instant, key: Key, offer: Offer, wait: Duration) {
        if self.calls.get(key).is_none() {
            return self.done_offer(offer.op, Err(GONE));
        }
        let timer = self.timers.insert(now + wait, Timer::Glare(key));
        if let Some(call) = self.calls.get_mut(key) {
            call.glare = Some((offer, timer));
        }
    }

    pub(super) fn on_glare_timer(&mut self, now: Instant, key: Key) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let Some((offer, _)) = call.glare.take() else { return };
        let update = offer.carrier == Carrier::Update;
        if call.is_ending() || (call.state != CallState::Established && !update) {
            self.done_offer(offer.op, Err(Error::Cancelled));
        } else if call.accepted.is_some() || !matches!(call.negotiation, Negotiation::Idle) || (call.updating && update)
        {
            self.wait_for_glare(now, key, offer); // theirs, which came first, is not agreed on yet
        } else {
            self.send_offer(now, key, offer);
        }
    }

    /// The other side offers anew.
    pub(super) fn on_reinvite(
        &mut self,
        now: Instant,
        key: Key,
        server: ServerId,
        request: Arc<Request>,
        source: Path,
    ) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let busy = call.accepted.is_some()
            || matches!(call.negotiation, Negotiation::Offering(_) | Negotiation::Answering { .. });
        let offered =
            matches!(call.setup, Setup::Called { .. }) || matches!(call.negotiation, Negotiation::Offered { .. });
        if call.is_ending() {
            return self.refuse(now, server, &request, source, StatusCode::CALL_DOES_NOT_EXIST, &[]);
        }
        if !offered && (call.state != CallState::Established || busy) {
            return self.refuse(now, server, &request, source, StatusCode::REQUEST_PENDING, &[]);
        }
        if offered {
            return self.ask_to_wait(now, server, &request, source); // 14.2
        }
        if self.is_too_short(now, server, &request, source) {
            return;
        }
        self.move_target(key, &request);
        let Some(call) = self.calls.get_mut(key) else { return };
        call.hear_allow(&request);
        let sdp = media::sdp_of(&request);
        if self.answer_unchanged(now, key, server, &request, source, sdp.as_ref()) {
            return;
        }
        if self.config.automatic_media {
            return self.answer_by_rule(now, key, server, &request, source, sdp);
        }
        self.stop_glare(key);
        if let Some(call) = self.calls.get_mut(key) {
            call.negotiation = Negotiation::Offered { server, request, source };
        }
        self.time_offer(now, key, self.config.offer_timeout);
        self.transactions.attach(server, super::Owner::Call(key));
        self.tell_call(now, key, CallEvent::Offer { sdp });
    }

    /// One at a time: the peer must wait for its first to be answered.
    pub(super) fn ask_to_wait(&mut self, now: Instant, server: ServerId, request: &Request, source: Path) {
        let wait = self.entropy.below(11).to_string();
        let headers = [("Retry-After", wait.as_str())];
        self.refuse(now, server, request, source, StatusCode::SERVER_INTERNAL_ERROR, &headers);
    }

    /// An offer of what is agreed on already, e.g. one that only keeps the session from expiring (RFC 4028 7.4): it is
    /// answered with the description in force, and nobody has to know. False: it offers something else.
    #[allow(clippy::too_many_arguments, reason = "the request's three parts and its offer")]
    pub(super) fn answer_unchanged(
        &mut self,
        now: Instant,
        key: Key,
        server: ServerId,
        request: &Request,
        source: Path,
        offer: Option<&Bytes>,
    ) -> bool {
        let Some(offer) = offer else { return false };
        let tag = request.from().ok().and_then(|from| from.tag().map(str::to_owned)).unwrap_or_default();
        let Some((Some(local), Some(remote))) = self.calls.get_mut(key).map(|call| call.session(&tag)) else {
            return false;
        };
        let Some(answer) = media::answer_to_same(&local, &remote, offer) else { return false };
        let answered = match request.method() {
            Method::Invite => self.accept(now, key, server, request, source, Some(answer), &[], None),
            _ => self.answer_exchange(now, key, server, request, source, Some(answer), None),
        };
        if answered.is_ok()
            && let Some(call) = self.calls.get_mut(key)
        {
            call.agree(&tag, None, Some(offer.clone()));
        }
        true
    }

    /// The application's offer that waits after 491 gives way to one of theirs that comes first: it was made for a session
    /// that will not be any more. What the endpoint writes itself is written anew.
    pub(super) fn stop_glare(&mut self, key: Key) {
        let Some(call) = self.calls.get_mut(key) else { return };
        if let Some((offer, timer)) = call.glare.take_if(|(offer, _)| !offer.rewrites) {
            self.timers.cancel(timer);
            self.done_offer(offer.op, Err(Error::Glare));
        }
    }

    /// Without an application that negotiates: the description in force, with the direction the offer asks for.
    pub(super) fn answer_by_rule(
        &mut self,
        now: Instant,
        key: Key,
        server: ServerId,
        request: &Request,
        source: Path,
        offer: Option<Bytes>,
    ) {
        let tag = request.from().ok().and_then(|from| from.tag().map(str::to_owned)).unwrap_or_default();
        let Some(call) = self.calls.get_mut(key) else { return };
        let (local, hold) = (call.session(&tag).0.unwrap_or_default(), call.hold);
        let answer = match &offer {
            Some(offer) => media::answer_with_hold(&local, offer, hold.local),
            None => media::offer_with_hold(&local, hold.local),
        };
        let Some(answer) = answer else {
            self.target_refused(key);
            return self.refuse(now, server, request, source, StatusCode::NOT_ACCEPTABLE_HERE, &[]);
        };
        let accepted = match request.method() {
            Method::Invite => self.accept(now, key, server, request, source, Some(answer), &[], None),
            _ => self.answer_exchange(now, key, server, request, source, Some(answer), None),
        };
        if accepted.is_ok() {
            self.take_remote_offer(now, key, &tag, offer);
        }
    }

    fn take_remote_offer(&mut self, now: Instant, key: Key, tag: &str, offer: Option<Bytes>) {
        let (Some(offer), Some(call)) = (offer, self.calls.get_mut(key)) else { return };
        let held = media::holds_us(&offer);
        call.agree(tag, None, Some(offer));
        // Of several forks nobody knows yet which one will talk.
        if !matches!(call.setup, Setup::Calling { .. }) {
            self.set_hold(now, key, |hold| hold.remote = held);
        }
    }

    /// Accepts the other side's offer with our answer (or, where it asked for ours, with our offer). Done when the ACK is
    /// here. For an offer that came in the answer to a call without one, the ACK carries the answer and done is at once.
    ///
    /// # Errors
    ///
    /// [`Error::State`] if no offer waits.
    pub fn accept_offer(&mut self, now: Instant, call: CallId, sdp: Bytes) -> OpId {
        let op = self.op();
        let sdp = self.with_origin(call, sdp);
        if let Err(error) = self.try_accept_offer(now, call.0, sdp, op) {
            self.done(op, Err(error));
        }
        self.pump(now);
        op
    }

    fn try_accept_offer(&mut self, now: Instant, key: Key, sdp: Bytes, op: OpId) -> Result<(), Error> {
        let call = self.calls.get_mut(key).ok_or(GONE)?;
        match std::mem::replace(&mut call.negotiation, Negotiation::Idle) {
            Negotiation::Offered { server, request, source } => {
                self.stop_exchange(key);
                match request.method() {
                    Method::Invite => self.accept(now, key, server, &request, source, Some(sdp), &[], Some(op))?,
                    _ => self.answer_exchange(now, key, server, &request, source, Some(sdp), Some(op))?,
                }
                let tag = request.from().ok().and_then(|from| from.tag().map(str::to_owned)).unwrap_or_default();
                self.take_remote_offer(now, key, &tag, media::sdp_of(&request));
                Ok(())
            }
            Negotiation::Answering { cseq, authorization } => {
                call.local_sdp = Some(sdp.clone());
                let held = call.remote_sdp.as_deref().is_some_and(media::holds_us);
                self.acknowledge(now, key, cseq, &authorization, Some(sdp));
                self.tell_call(now, key, CallEvent::Answered { sdp: None });
                self.set_state(now, key, CallState::Established, "ACK sent");
                self.set_hold(now, key, |hold| hold.remote = held);
                self.done(op, Ok(Outcome::Done));
                Ok(())
            }
            Negotiation::Acknowledging { tag } => {
                self.accept_early(now, key, &tag, sdp, op);
                Ok(())
            }
            other => {
                call.negotiation = other;
                Err(Error::State("no offer waits for an answer"))
            }
        }
    }

    /// Refuses the other side's offer; the call goes on as it was (14.2). The default status is 488.
    ///
    /// # Errors
    ///
    /// [`Error::State`] if no offer waits.
    pub fn reject_offer(&mut self, now: Instant, call: CallId, status: StatusCode) -> OpId {
        let op = self.op();
        let result = self.try_reject_offer(now, call.0, status);
        self.done(op, result.map(|()| Outcome::Done));
        self.pump(now);
        op
    }

    fn try_reject_offer(&mut self, now: Instant, key: Key, status: StatusCode) -> Result<(), Error> {
        if status.code() < 400 {
            return Err(Error::input("status", 0, "an offer is refused with a status from 400 to 699"));
        }
        let call = self.calls.get_mut(key).ok_or(GONE)?;
        match std::mem::replace(&mut call.negotiation, Negotiation::Idle) {
            Negotiation::Offered { server, request, source } => {
                self.refuse(now, server, &request, source, status, &[]);
                self.target_refused(key);
                self.stop_exchange(key);
                self.go_on_ringing(now, key);
                Ok(())
            }
            // As little can an offer in a provisional response (RFC 6337 2.3).
            Negotiation::Acknowledging { .. } => {
                self.begin_hang_up(now, key, None);
                Ok(())
            }
            // An offer in a 2xx cannot be refused but by ending the call (13.2.2.4): ACK, then BYE.
            Negotiation::Answering { cseq, authorization } => {
                self.acknowledge(now, key, cseq, &authorization, None);
                self.send_bye(now, key, None);
                Ok(())
            }
            other => {
                call.negotiation = other;
                Err(Error::State("no offer waits for an answer"))
            }
        }
    }

    /// Their re-INVITE that waits for the application, if there is one, is answered with this status.
    pub(super) fn refuse_offer(&mut self, now: Instant, key: Key, status: StatusCode) {
        let Some(call) = self.calls.get_mut(key) else { return };
        if let Negotiation::Offered { server, request, source } = &call.negotiation {
            let (server, request, source) = (*server, request.clone(), *source);
            call.negotiation = Negotiation::Idle;
            self.refuse(now, server, &request, source, status, &[]);
            self.target_refused(key);
            self.stop_exchange(key);
        }
    }

    /// A call that ends answers their re-INVITE that still waited.
    pub(super) fn refuse_pending_offer(&mut self, now: Instant, call: &mut Call) {
        if let Some(timer) = call.exchange.take() {
            self.timers.cancel(timer);
        }
        if let Negotiation::Offered { server, request, source } =
            std::mem::replace(&mut call.negotiation, Negotiation::Idle)
        {
            self.refuse(now, server, &request, source, StatusCode::REQUEST_TERMINATED, &[]);
        }
    }
}
