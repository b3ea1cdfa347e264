//! Provisional responses of the other side that want to be acknowledged (RFC 3262 4): in order, each once, by PRACK.
//!
//! One that answers our offer settles it. One that brings an offer (our INVITE had none) is acknowledged with the
//! application's answer. Each fork has an order and a session of its own.

use bytes::Bytes;

use super::call::{Call, Negotiation, Setup};
use super::capabilities::RELIABLE;
use super::event::{CallEvent, OpId, Outcome};
use super::outgoing::{Outgoing, Purpose};
use super::{Endpoint, Error, Refusal, media};
use crate::arena::Key;
use crate::message::{Method, Name, NameAddrRef, Response};
use crate::time::Instant;
use crate::transport::Path;

/// What one fork of an INVITE of ours has said reliably.
#[derive(Debug)]
pub(super) struct Leg {
    tag: Box<str>,
    /// The INVITE's number: another INVITE counts anew.
    cseq: u32,
    /// The last response in order; 0: none was reliable yet.
    rseq: u32,
    /// The PRACK for the last response failed, with this body: the next retransmission gets another.
    failed: Option<Option<Bytes>>,
    /// Their offer, until the application answers it.
    offer: Option<Bytes>,
    /// The session of this fork, once agreed on.
    agreed: Option<Agreed>,
}

/// A session two sides agreed on while the INVITE was not answered yet.
#[derive(Clone, Debug)]
pub(super) struct Agreed {
    /// Ours, unless it is the INVITE's own offer.
    pub(super) local: Option<Bytes>,
    pub(super) remote: Bytes,
}

/// What a provisional response is to us.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Seen before, or out of order: nothing is done about it.
    Again,
    /// New, with the description that counts in it.
    Progress(Option<Bytes>),
    /// New, and its description is an offer.
    Offer(Bytes),
}

impl Call {
    fn leg(&mut self, tag: &str) -> Option<&mut Leg> {
        self.legs.iter_mut().find(|leg| &*leg.tag == tag)
    }

    /// The leg of that fork, for this INVITE.
    fn leg_for(&mut self, tag: &str, cseq: u32) -> Option<&mut Leg> {
        let known = self.legs.iter().position(|leg| &*leg.tag == tag);
        let at = known.unwrap_or(self.legs.len());
        if self.legs.get(at).is_none_or(|leg| leg.cseq != cseq) {
            self.legs.truncate(if known.is_some() { self.legs.len() } else { at });
            let fresh = Leg { tag: tag.into(), cseq, rseq: 0, failed: None, offer: None, agreed: None };
            match self.legs.get_mut(at) {
                Some(slot) => *slot = fresh,
                None => self.legs.push(fresh),
            }
        }
        self.legs.get_mut(at)
    }

    /// Whether there is a session with a fork that has not answered the INVITE yet.
    pub(super) fn has_agreed(&self, tag: &str) -> bool {
        self.legs.iter().any(|leg| &*leg.tag == tag && leg.agreed.is_some())
    }

    /// The session agreed on with a fork before it answered the INVITE.
    pub(super) fn agreed(&mut self, tag: &str) -> Option<&mut Agreed> {
        self.leg(tag)?.agreed.as_mut()
    }
}

impl Endpoint {
    /// Takes in a provisional response to our INVITE or re-INVITE, `offered` if that had a description, within the
    /// dialog it made; a reliable one is acknowledged, but for one with an offer.
    pub(super) fn hear(&mut self, now: Instant, key: Key, response: &Response, offered: bool) -> Heard {
        let sdp = media::sdp_of(response);
        let (Ok(to), Ok(cseq)) = (response.to(), response.cseq()) else { return Heard::Progress(sdp) };
        let tag = to.tag().unwrap_or_default();
        let Some(call) = self.calls.get_mut(key) else { return Heard::Again };
        let rseq = match reliable(response) {
            Some(rseq) if call.dialog_with(tag).is_some() => rseq,
            // A preview of the answer; once the answer is here it says nothing any more (RFC 6337 3.1.1).
            _ => return Heard::Progress(sdp.filter(|_| call.agreed(tag).is_none())),
        };
        let Some(leg) = call.leg_for(tag, cseq.number) else { return Heard::Again };
        if leg.rseq != 0 && Some(rseq) != leg.rseq.checked_add(1) {
            if rseq == leg.rseq
                && let Some(body) = leg.failed.take()
            {
                self.send_prack(now, key, tag, body, None);
            }
            return Heard::Again;
        }
        leg.rseq = rseq;
        leg.failed = None;
        let heard = match sdp {
            Some(_) if leg.agreed.is_some() || leg.offer.is_some() => Heard::Progress(None),
            Some(answer) if offered => {
                leg.agreed = Some(Agreed { local: None, remote: answer.clone() });
                Heard::Progress(Some(answer))
            }
            Some(offer) => {
                leg.offer = Some(offer.clone());
                return Heard::Offer(offer);
            }
            None => Heard::Progress(None),
        };
        self.send_prack(now, key, tag, None, None);
        heard
    }

    /// Tells the application of an offer in a reliable provisional response, one fork at a time.
    pub(super) fn offer_early(&mut self, now: Instant, key: Key, tag: &str, sdp: Bytes) {
        let Some(call) = self.calls.get_mut(key) else { return };
        if matches!(call.negotiation, Negotiation::Idle) {
            call.negotiation = Negotiation::Acknowledging { tag: tag.into() };
            self.tell_call(now, key, CallEvent::Offer { sdp: Some(sdp) });
        }
    }

    /// The application's answer to that offer goes with the PRACK.
    pub(super) fn accept_early(&mut self, now: Instant, key: Key, tag: &str, sdp: Bytes, op: OpId) {
        let Some(call) = self.calls.get_mut(key) else { return self.done(op, Err(super::callee::GONE)) };
        if let Some(leg) = call.leg(tag)
            && let Some(remote) = leg.offer.take()
        {
            leg.agreed = Some(Agreed { local: Some(sdp.clone()), remote });
        }
        self.send_prack(now, key, tag, Some(sdp), Some(op));
        let next = self
            .calls
            .get(key)
            .and_then(|call| call.legs.iter().find_map(|leg| Some((leg.tag.clone(), leg.offer.clone()?))));
        if let Some((tag, offer)) = next {
            self.offer_early(now, key, &tag, offer);
        }
    }

    /// A fork's 2xx: what was agreed on with it before, and the other forks forgotten. `Err`: its offer still waits for
    /// the application, which was told of it.
    pub(super) fn settle_early(&mut self, key: Key, tag: &str) -> Result<Option<Agreed>, Bytes> {
        let Some(call) = self.calls.get_mut(key) else { return Ok(None) };
        let legs = std::mem::take(&mut call.legs);
        if matches!(call.negotiation, Negotiation::Acknowledging { .. }) {
            call.negotiation = Negotiation::Idle;
        }
        match legs.into_iter().find(|leg| &*leg.tag == tag) {
            Some(Leg { offer: Some(offer), .. }) => Err(offer),
            Some(leg) => Ok(leg.agreed),
            None => Ok(None),
        }
    }

    /// Acknowledges the last reliable response of a fork.
    fn send_prack(&mut self, now: Instant, key: Key, tag: &str, sdp: Option<Bytes>, op: Option<OpId>) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let numbers = call.leg(tag).map(|leg| (leg.rseq, leg.cseq));
        let (Some((rseq, cseq)), Some(mut dialog)) = (numbers, call.dialog_with(tag).cloned()) else {
            if let Some(op) = op {
                self.done(op, Err(super::callee::GONE));
            }
            return;
        };
        let mut value = rseq.to_string();
        for part in [" ", &cseq.to_string(), " INVITE"] {
            value.push_str(part);
        }
        let purpose = Purpose::Prack(key, op);
        let mut prack = self.dialog_request(&mut dialog, purpose, Method::Prack).header("RAck", &value);
        if let Some(sdp) = sdp {
            prack = prack.described(sdp);
        }
        if let Some(slot) = self.calls.get_mut(key).and_then(|call| call.dialog_with(tag)) {
            slot.raise_cseq(dialog.local_cseq());
        }
        self.send_request(now, prack);
    }

    pub(super) fn on_pracked(
        &mut self,
        key: Key,
        op: Option<OpId>,
        outgoing: Outgoing,
        result: Result<(&Response, Path), Error>,
    ) {
        let error = match result {
            Ok((response, _)) if response.status().is_success() => None,
            Ok((response, _)) => Some(Error::Status(Refusal::of(response.status(), response.reason(), response))),
            Err(error) => Some(error),
        };
        if error.is_some()
            && let Some(call) = self.calls.get_mut(key)
            && let Some(tag) = NameAddrRef::parse(&outgoing.to).ok().as_ref().and_then(|to| to.tag())
            && let Some(leg) = call.leg(tag)
        {
            leg.failed = Some(outgoing.body.map(|(_, body)| body));
        }
        if let Some(op) = op {
            self.done(op, error.map_or(Ok(Outcome::Done), Err));
        }
    }

    /// 199: a fork is over though the INVITE goes on (RFC 6228 4).
    pub(super) fn end_fork(&mut self, now: Instant, key: Key, response: &Response) {
        let Ok(to) = response.to() else { return };
        let tag = to.tag().unwrap_or_default();
        self.drop_fork_offers(now, key, tag, true);
        let Some(call) = self.calls.get_mut(key) else { return };
        call.dialogs.retain(|dialog| dialog.remote_tag() != tag);
        call.legs.retain(|leg| &*leg.tag != tag);
        if matches!(&call.negotiation, Negotiation::Acknowledging { tag: told } if **told == *tag) {
            call.negotiation = Negotiation::Idle;
        }
    }

    /// Whether the INVITE that makes this call has an offer.
    pub(super) fn has_offered(&self, key: Key) -> bool {
        match self.calls.get(key).map(|call| &call.setup) {
            Some(Setup::Calling { outgoing }) => {
                self.outgoing.get(*outgoing).is_some_and(|invite| invite.body.is_some())
            }
            _ => false,
        }
    }
}

/// The answer that a reliable provisional response to our re-INVITE brought.
pub(super) fn agreed(legs: Vec<Leg>) -> Option<Bytes> {
    legs.into_iter().find_map(|leg| leg.agreed).map(|agreed| agreed.remote)
}

/// The RSeq of a response that is to be acknowledged. In a 100 it means nothing.
pub(super) fn reliable(response: &Response) -> Option<u32> {
    let required = response.status().code() != 100 && response.tokens(Name::Require).contains(RELIABLE);
    response.number(Name::RSeq).ok().flatten().filter(|rseq| required && *rseq != 0)
}
