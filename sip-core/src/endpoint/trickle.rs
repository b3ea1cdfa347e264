//! Candidates that follow their description within the dialog, by INFO (RFC 8838, RFC 8840): where both sides have said
//! that they take the package. Each INFO repeats all there are; one is on its way at a time.

use bytes::Bytes;

use super::call::{Call, Negotiation};
use super::capabilities::TRICKLE;
use super::event::{CallEvent, CallId, CallState, OpId, Outcome};
use super::outgoing::Purpose;
use super::{Endpoint, Error, Refusal, media};
use crate::arena::Key;
use crate::message::{Fields, Method, Name, Response};
use crate::sdp::{Candidate, FRAGMENT_TYPE, Fragment, SdpRef, TrickledCandidate, compose_fragment, read_fragment};
use crate::time::Instant;
use crate::transport::Path;

/// So many candidates of either side are taken in an ICE session; browsers have some twenty at most.
const LIMIT: usize = 128;

/// The candidates of one call.
#[derive(Debug, Default)]
pub(super) struct Trickle {
    /// The other side takes them one by one.
    taken: bool,
    /// All of ours that are not in the description, or were not when it was made.
    ours: Vec<TrickledCandidate>,
    /// There will be no more.
    complete: bool,
    /// There is something to be told.
    changed: bool,
    /// An INFO is on its way.
    sending: bool,
    /// Those of the other side that were told, in the ICE session of these credentials.
    theirs: Vec<Box<str>>,
    session: Box<str>,
}

impl Endpoint {
    /// Takes the candidates of this side that the application has found, all that there are by now in the ICE session of
    /// its last description; `end`: there are no more. They are told to the other side as soon as there is a dialog, if
    /// it takes them one by one ([`CallEvent::Trickle`]), else it has to do with those in the description. What the
    /// description has already may be repeated here. Done at once.
    ///
    /// # Errors
    ///
    /// [`Error::State`] if the call is over; [`Error::Input`] for something that is no candidate; [`Error::Limit`] for
    /// more than 128.
    pub fn trickle(&mut self, now: Instant, call: CallId, candidates: Vec<TrickledCandidate>, end: bool) -> OpId {
        let op = self.op();
        let result = self.take_candidates(call.0, candidates, end);
        self.done(op, result.map(|()| Outcome::Done));
        self.send_candidates(now, call.0);
        self.pump(now);
        op
    }

    fn take_candidates(&mut self, key: Key, candidates: Vec<TrickledCandidate>, end: bool) -> Result<(), Error> {
        if candidates.len() > LIMIT {
            return Err(Error::Limit("too many candidates"));
        }
        if candidates.iter().any(|one| !is_line(&one.candidate) || Candidate::parse(&one.candidate).is_none()) {
            return Err(Error::input("candidates", 0, "not a candidate"));
        }
        let entry = self.calls.get_mut(key).ok_or(super::callee::GONE)?;
        entry.trickle.changed |= entry.trickle.ours != candidates || entry.trickle.complete != end;
        (entry.trickle.ours, entry.trickle.complete) = (candidates, end);
        Ok(())
    }

    /// Whether the answer to an INVITE may come before its candidates.
    pub(super) fn may_trickle(&self, key: Key) -> bool {
        let Some(call) = self.calls.get(key).filter(|call| call.trickle.taken) else { return false };
        let offers = |sdp: &Bytes| SdpRef::parse(sdp).is_ok_and(|sdp| is_trickled(&sdp));
        self.takes_info(TRICKLE) && call.remote_sdp.as_ref().is_some_and(offers)
    }

    /// The call is established: what was found meanwhile is told.
    pub(super) fn begin_trickling(&mut self, now: Instant, key: Key) {
        if self.takes_info(TRICKLE) && self.calls.get(key).is_some_and(|call| call.trickle.taken) {
            self.tell_call(now, key, CallEvent::Trickle);
            self.send_candidates(now, key);
        }
    }

    pub(super) fn send_candidates(&mut self, now: Instant, key: Key) {
        let able = self.takes_info(TRICKLE);
        let Some(call) = self.calls.get_mut(key) else { return };
        let Trickle { taken, changed, sending, .. } = call.trickle;
        if !able || !taken || !changed || sending || call.state != CallState::Established {
            return;
        }
        let Some(fragment) = call.fragment() else { return };
        let Some(mut dialog) = call.dialog().cloned() else { return };
        (call.trickle.changed, call.trickle.sending) = (false, true);
        let outgoing = self.dialog_request(&mut dialog, Purpose::Trickle(key), Method::Info);
        let outgoing = outgoing.header("Info-Package", TRICKLE).header("Content-Disposition", "Info-Package");
        let outgoing = outgoing.body(FRAGMENT_TYPE, fragment.into());
        if let Some(slot) = self.calls.get_mut(key).and_then(|call| call.dialog_mut()) {
            slot.raise_cseq(dialog.local_cseq());
        }
        self.send_request(now, outgoing);
    }

    /// An INFO with candidates was answered. The next one repeats all, so what became of it hardly matters.
    pub(super) fn on_trickled(
        &mut self,
        now: Instant,
        key: Key,
        heard: bool,
        result: Result<(&Response, Path), Error>,
    ) {
        let result = result.and_then(|(response, _)| match response.status().is_success() {
            true => Ok(()),
            false => Err(Error::Status(Refusal::of(response.status(), response.reason(), response))),
        });
        let Some(call) = self.calls.get_mut(key) else { return };
        call.trickle.sending = false;
        match result {
            Ok(()) => self.send_candidates(now, key),
            Err(Error::Status(refusal)) if matches!(refusal.status.code(), 405 | 415 | 469 | 501) => {
                call.trickle.taken = false;
            }
            // It goes again when the connection is back.
            Err(Error::Transport(_)) => call.trickle.changed = true,
            Err(error) => self.end_if_gone(now, key, error, heard),
        }
    }

    /// The other side's candidates.
    pub(super) fn on_candidates(&mut self, now: Instant, key: Key, body: &[u8]) {
        let fragment = Fragment::new(body);
        let Some(call) = self.calls.get_mut(key) else { return };
        let remote: Option<Bytes> = match &call.negotiation {
            Negotiation::Offered { request, .. } => media::sdp_of(request),
            _ => call.remote_sdp.clone(),
        };
        let Some(remote) = remote else { return };
        // What cannot be read tells nothing; those in the description are still there.
        let (Ok(fragment), Ok(remote)) = (fragment.read(), SdpRef::parse(&remote)) else { return };
        let session = remote.media().find_map(|media| media.ice_ufrag()).unwrap_or_default();
        if *call.trickle.session != *session {
            call.trickle.session = session.into();
            call.trickle.theirs.clear();
        }
        let (candidates, end) = read_fragment(&fragment, &remote, &mut call.trickle.theirs, LIMIT);
        if end || !candidates.is_empty() {
            self.tell_call(now, key, CallEvent::Candidates { candidates, end });
        }
    }
}

impl Call {
    /// Takes note of whether the other side takes candidates one by one: the option and the package (RFC 8840 4, 10).
    pub(super) fn hear_trickle(&mut self, fields: &Fields) {
        let is = |token: &str| token.eq_ignore_ascii_case(TRICKLE);
        let packaged = self.takes_info.split(',').any(is);
        let optional = fields.tokens(Name::Supported).chain(fields.tokens(Name::Require)).any(is);
        if fields.contains(Name::RecvInfo) {
            self.trickle.taken = packaged && optional;
        }
    }

    /// What there is to tell beyond the description that goes on, or is on its way.
    fn fragment(&self) -> Option<String> {
        let description = match &self.negotiation {
            Negotiation::Offering(offer) if offer.sdp.is_some() => offer.sdp.as_ref(),
            _ => self.local_sdp.as_ref(),
        };
        let description = SdpRef::parse(description?).ok()?;
        compose_fragment(&description, &self.trickle.ours, self.trickle.complete)
    }
}

/// Whether a description says so (RFC 8840 4.1.1).
fn is_trickled(sdp: &SdpRef<'_>) -> bool {
    let says =
        |options: Option<&str>| options.is_some_and(|all| all.split_ascii_whitespace().any(|one| one == "trickle"));
    says(sdp.session().attribute("ice-options"))
        || sdp.media().any(|media| says(media.section().attribute("ice-options")))
}

fn is_line(text: &str) -> bool {
    !text.chars().any(char::is_control)
}
