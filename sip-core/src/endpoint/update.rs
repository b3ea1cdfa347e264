//! UPDATE (RFC 3311) on both sides, in early and in established dialogs: a new offer that is answered at once, or, with
//! none, where to reach us from now on.

use std::sync::Arc;

use bytes::Bytes;

use super::call::{Call, Carrier, Negotiation, Offer, Setup};
use super::callee::GONE;
use super::event::{CallId, CallState, OpId, Outcome};
use super::outgoing::{Outgoing, Purpose};
use super::{Endpoint, Error, Refusal, media};
use crate::arena::Key;
use crate::dialog::Dialog;
use crate::message::{Method, NameAddrRef, Request, Response, StatusCode};
use crate::time::Instant;
use crate::transaction::ServerId;
use crate::transport::Path;

/// Whose fault an UPDATE's offer at the wrong time is.
enum Conflict {
    /// An offer of ours is open: 491.
    Ours,
    /// One of theirs is not answered yet: 500, and they must wait.
    Theirs,
}

impl Endpoint {
    /// Sends an UPDATE (RFC 3311), also while the call is not answered yet: with `sdp` a new offer, which the other side
    /// must answer at once, without asking anybody; else only where to reach us. Before the call is answered an offer
    /// needs the one of the INVITE to be answered in an acknowledged provisional response. Done with the other side's
    /// answer; refused means that the call goes on as it was. In an established call
    /// [`renegotiate`](Endpoint::renegotiate) leaves the other side time to ask its user.
    ///
    /// # Errors
    ///
    /// [`Error::State`] without a dialog, while another negotiation is going on, or if the other side does not take
    /// UPDATE; [`Error::Glare`] if an offer of the other side waits for an answer; [`Error::Status`] if it was refused.
    pub fn update(&mut self, now: Instant, call: CallId, sdp: Option<Bytes>) -> OpId {
        let op = self.op();
        let sdp = sdp.map(|sdp| self.with_origin(call, sdp));
        let offer = Offer::new(Some(op), Carrier::Update, sdp);
        match self.may_update(call.0, offer.sdp.is_some()) {
            Err(error) => self.done(op, Err(error)),
            Ok(entry)
                if entry.updating || (offer.sdp.is_some() && (entry.accepted.is_some() || entry.is_refreshing())) =>
            {
                entry.waiting = Some(offer);
            }
            Ok(_) => self.send_update(now, call.0, offer),
        }
        self.pump(now);
        op
    }

    fn may_update(&mut self, key: Key, offers: bool) -> Result<&mut Call, Error> {
        self.drop_refresh(key);
        let call = self.calls.get_mut(key).ok_or(GONE)?;
        if call.takes_update == Some(false) {
            return Err(Error::State("the other side does not take UPDATE"));
        }
        if call.is_ending() || call.update_dialog(false).is_none() {
            return Err(Error::State("the call has no dialog"));
        }
        if offers {
            call.is_free()?;
            if call.update_dialog(true).is_none() {
                return Err(Error::State("the offer of the INVITE is not answered yet"));
            }
        } else if call.waiting.is_some() {
            return Err(Error::State("another negotiation is going on"));
        }
        Ok(call)
    }

    pub(super) fn send_update(&mut self, now: Instant, key: Key, offer: Offer) {
        let found = self.calls.get_mut(key).and_then(|call| call.update_dialog(offer.sdp.is_some()).cloned());
        let Some(mut dialog) = found else { return self.done_offer(offer.op, Err(GONE)) };
        let op = offer.op.filter(|_| offer.sdp.is_none());
        let mut outgoing = self.dialog_request(&mut dialog, Purpose::Update(key, op), Method::Update);
        outgoing.contact = true;
        outgoing = self.ask_to_go_on(key, outgoing);
        let offers = offer.sdp.is_some();
        if let Some(sdp) = &offer.sdp {
            outgoing = outgoing.described(sdp.clone());
        }
        if let Some(call) = self.calls.get_mut(key) {
            if let Some(slot) = call.dialog_to(dialog.remote()) {
                slot.raise_cseq(dialog.local_cseq());
            }
            call.updating = true;
            if offers {
                call.negotiation = Negotiation::Offering(offer);
            }
        }
        let request = self.send_request(now, outgoing);
        if let Some(Call { negotiation: Negotiation::Offering(offer), .. }) = self.calls.get_mut(key)
            && offers
        {
            offer.request = Some(request);
        }
    }

    pub(super) fn on_updated(
        &mut self,
        now: Instant,
        key: Key,
        op: Option<OpId>,
        outgoing: Outgoing,
        result: Result<(&Response, Path), Error>,
    ) {
        let offered = outgoing.body.is_some();
        let mut offer = None;
        if let Some(call) = self.calls.get_mut(key) {
            call.updating = false;
            if offered {
                offer = call.take_offer();
            }
        }
        let result = match result {
            Ok((response, source)) if response.status().is_success() => {
                Ok(self.take_update(now, key, &outgoing, response, source))
            }
            Ok((response, _)) => {
                if let Some(waits) = offer.take() {
                    match self.offer_later(now, key, waits, response) {
                        Ok(()) => return,
                        Err(refused) => offer = Some(refused),
                    }
                }
                Err(Error::Status(Refusal::of(response.status(), response.reason(), response)))
            }
            Err(error) => Err(error),
        };
        let agreed = result.is_ok();
        match (result, offer, op) {
            (Ok(Some(answer)), Some(offer), _) => self.conclude_update(now, key, &outgoing, offer, answer),
            (Ok(None), Some(offer), _) => {
                self.done_offer(offer.op, Err(Error::Protocol("the other side agreed without a description".into())));
            }
            (Ok(_), None, Some(op)) => self.done(op, Ok(Outcome::Negotiated { sdp: None })),
            (Err(error), offer, op) => {
                if let Some(op) = offer.and_then(|offer| offer.op).or(op) {
                    self.done(op, Err(error.clone()));
                }
                let refresh = !offered && op.is_none();
                let unknown = matches!(&error, Error::Status(refusal) if matches!(refusal.status.code(), 405 | 501));
                self.end_if_established(now, key, error, outgoing.heard);
                if let Some(call) = self.calls.get_mut(key).filter(|_| refresh && unknown) {
                    // It takes no UPDATE though it said so.
                    call.takes_update = Some(false);
                    self.refresh(now, key);
                }
            }
            (Ok(_), None, None) => {}
        }
        if agreed {
            self.recovered(now, key);
        }
        self.send_waiting(now, key);
        self.go_on_ringing(now, key);
    }

    /// A 2xx to our UPDATE: the target it brings, and its answer.
    fn take_update(
        &mut self,
        now: Instant,
        key: Key,
        outgoing: &Outgoing,
        response: &Response,
        source: Path,
    ) -> Option<Bytes> {
        self.note_way_back(key);
        let call = self.calls.get_mut(key)?;
        call.hear_allow(response);
        if let Some(dialog) = call.dialog_to(&outgoing.to) {
            // A Contact that cannot be read leaves the target as it was.
            let _ = dialog.refresh_target(response);
            dialog.set_path(source);
        }
        if call.state == CallState::Established {
            self.hear_session(now, key, outgoing, response);
        }
        self.hear_response_identity(now, key, response, source);
        media::sdp_of(response)
    }

    fn conclude_update(&mut self, now: Instant, key: Key, outgoing: &Outgoing, offer: Offer, answer: Bytes) {
        match self.calls.get_mut(key) {
            Some(call) if matches!(call.setup, Setup::Calling { .. }) => {
                let to = NameAddrRef::parse(&outgoing.to);
                let tag = to.as_ref().ok().and_then(|to| to.tag()).unwrap_or_default();
                call.agree(tag, offer.sdp, Some(answer.clone()));
                self.done_offer(offer.op, Ok(Outcome::Negotiated { sdp: Some(answer) }));
            }
            _ => self.conclude(now, key, offer, Some(answer)),
        }
    }

    /// What a failed UPDATE says of the call (12.2.1.2). One that is not answered yet ends by its INVITE.
    fn end_if_established(&mut self, now: Instant, key: Key, error: Error, heard: bool) {
        if self.calls.get(key).is_some_and(|call| call.state == CallState::Established) {
            self.end_if_gone(now, key, error, heard);
        }
    }

    /// The other side's UPDATE.
    pub(super) fn on_update(&mut self, now: Instant, key: Key, server: ServerId, request: Arc<Request>, source: Path) {
        let tag = request.from().ok().and_then(|from| from.tag().map(str::to_owned)).unwrap_or_default();
        let sdp = media::sdp_of(&request);
        let Some(call) = self.calls.get_mut(key) else { return };
        if call.is_ending() {
            return self.refuse(now, server, &request, source, StatusCode::CALL_DOES_NOT_EXIST, &[]);
        }
        let waits =
            matches!(&call.negotiation, Negotiation::Offered { request, .. } if *request.method() == Method::Update);
        if waits {
            return self.ask_to_wait(now, server, &request, source);
        }
        let established = call.state == CallState::Established;
        if established && self.is_too_short(now, server, &request, source) {
            return;
        }
        if sdp.is_some() {
            match self.conflict(key, &tag) {
                Some(Conflict::Ours) => {
                    return self.refuse(now, server, &request, source, StatusCode::REQUEST_PENDING, &[]);
                }
                Some(Conflict::Theirs) => return self.ask_to_wait(now, server, &request, source),
                None => {}
            }
        }
        self.move_target(key, &request);
        let Some(call) = self.calls.get_mut(key) else { return };
        call.hear_allow(&request);
        match sdp {
            None => {
                // It is answered whatever becomes of the flow: a retransmission finds the answer.
                let _ = self.answer_exchange(now, key, server, &request, source, None, None);
            }
            Some(offer) => {
                if !self.answer_unchanged(now, key, server, &request, source, Some(&offer)) {
                    self.on_exchange(now, key, server, request, source, offer);
                }
            }
        }
    }

    /// Whether an offer of the other side may not come now (RFC 3311 5.2).
    fn conflict(&mut self, key: Key, tag: &str) -> Option<Conflict> {
        let invited = self.has_offered(key);
        let call = self.calls.get_mut(key)?;
        match &call.negotiation {
            Negotiation::Offering(_) => return Some(Conflict::Ours),
            Negotiation::Idle => {}
            _ => return Some(Conflict::Theirs),
        }
        match &call.setup {
            Setup::Calling { .. } if call.has_agreed(tag) => None,
            Setup::Calling { .. } => Some(if invited { Conflict::Ours } else { Conflict::Theirs }),
            Setup::Called { .. } => match call.provisional.answered() {
                Some(true) => None,
                Some(false) => Some(Conflict::Ours),
                None => Some(Conflict::Theirs),
            },
            // The ACK is to bring the answer.
            Setup::Over if call.accepted.as_ref().is_some_and(|accepted| accepted.offered) => Some(Conflict::Ours),
            Setup::Over => None,
        }
    }

    /// A fork of our INVITE is over, that with this tag or all but that: what was offered to or by it is so, too.
    pub(super) fn drop_fork_offers(&mut self, now: Instant, key: Key, tag: &str, this: bool) {
        let Some(call) = self.calls.get_mut(key) else { return };
        match &call.negotiation {
            Negotiation::Offered { request, .. }
                if request.from().is_ok_and(|from| (from.tag() == Some(tag)) == this) =>
            {
                self.refuse_offer(now, key, StatusCode::CALL_DOES_NOT_EXIST);
            }
            Negotiation::Offering(Offer { request: Some(request), .. }) => {
                let to = self.outgoing.get(*request).and_then(|request| NameAddrRef::parse(&request.to).ok());
                if to.is_some_and(|to| (to.tag() == Some(tag)) == this)
                    && let Some(offer) = call.take_offer()
                {
                    self.done_offer(offer.op, Err(Error::State("that fork is over")));
                }
            }
            _ => {}
        }
    }
}

impl Call {
    /// The dialog an UPDATE goes through: one with a session already, where it brings an offer.
    fn update_dialog(&self, offers: bool) -> Option<&Dialog> {
        match self.setup {
            Setup::Calling { .. } if offers => {
                self.dialogs.iter().rev().find(|dialog| self.has_agreed(dialog.remote_tag()))
            }
            Setup::Called { .. } if offers && !self.provisional.agreed => None,
            // A dialog is there only once the caller has our tag.
            Setup::Called { .. } if !self.provisional.rang() && self.ringing.is_none() => None,
            _ => self.dialog(),
        }
    }
}
