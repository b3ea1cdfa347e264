//! The called side of an INVITE (RFC 3261 13.3): ringing, answering, refusing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::call::{Accepted, Call, Setup};
use super::capabilities::RELIABLE;
use super::config::Reliability;
use super::content::SDP;
use super::event::{CallEvent, CallId, CallState, Direction, End, EndedBy, Event, Hold, Invitation, OpId, Outcome};
use super::headers::check_values;
use super::identity::{Party, RemoteIdentity};
use super::provisional::Waiting;
use super::received::Headers;
use super::{Endpoint, Error, Owner, Timer, media};
use crate::arena::Key;
use crate::dialog::Dialog;
use crate::message::{Name, Request, StatusCode};
use crate::time::Instant;
use crate::transaction::ServerId;
use crate::transport::Path;

/// A provisional response is sent again each minute (13.3.1), before proxies give up at three.
const RING_AGAIN: Duration = Duration::from_secs(60);

/// What an incoming call is answered with.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct AnswerOptions {
    /// The answer, or the offer where the INVITE had none.
    pub sdp: Option<Bytes>,
    /// Further header fields of the 200.
    pub headers: Vec<(String, String)>,
}

impl AnswerOptions {
    /// With a description.
    pub fn with_sdp(sdp: impl Into<Bytes>) -> AnswerOptions {
        AnswerOptions { sdp: Some(sdp.into()), headers: Vec::new() }
    }
}

impl Endpoint {
    pub(super) fn on_invite(&mut self, now: Instant, server: ServerId, request: Arc<Request>, source: Path) {
        if self.shutdown.is_some() || self.calls.len() >= self.config.limits.calls {
            return self.refuse(now, server, &request, source, StatusCode::BUSY_HERE, &[]);
        }
        let reliable = |name| request.tokens(name).contains(RELIABLE);
        if self.config.reliable == Reliability::Required && !reliable(Name::Supported) && !reliable(Name::Require) {
            let headers = [("Require", RELIABLE)];
            return self.refuse(now, server, &request, source, StatusCode::EXTENSION_REQUIRED, &headers);
        }
        let replaces = match self.replaced_by(now, &request) {
            Ok(replaces) => replaces,
            Err(status) => return self.refuse(now, server, &request, source, status, &[]),
        };
        let joins = match self.joined_by(now, &request) {
            Ok(joins) => joins.map(CallId),
            Err(status) => return self.refuse(now, server, &request, source, status, &[]),
        };
        if self.is_too_short(now, server, &request, source) {
            return;
        }
        let local_tag = self.call_tag(request.call_id().unwrap_or_default());
        let made = Dialog::from_request(now, &request, &local_tag, source);
        let (Ok(dialog), Ok(from), Ok(to)) = (made, request.from(), request.to()) else {
            return self.refuse(now, server, &request, source, StatusCode::BAD_REQUEST, &[]);
        };
        let sdp = media::sdp_of(&request);
        let mut invitation = Invitation {
            call_id: dialog.call_id().into(),
            from: from.to_owned(),
            to: to.to_owned(),
            identity: RemoteIdentity::claimed(from.bare()),
            trusted: false,
            diversions: Vec::new(),
            targets: Vec::new(),
            sdp: sdp.clone(),
            replaces: replaces.map(CallId),
            joins,
            referred_by: request.referred_by().ok().flatten().map(|by| by.referrer.to_owned()),
            trickle: false,
            headers: Headers::of(request.clone()),
        };
        self.identify(&mut invitation, &request, source);
        let party = Party::calling(&invitation.identity, dialog.remote_tag());
        let identity = self.dialog_identity(dialog.call_id(), &local_tag);
        let (invite, names) = (request.clone(), dialog.names().clone());
        let key = self.calls.insert(Call {
            dialogs: vec![dialog],
            setup: Setup::Called { server, request, source },
            hold: Hold { local: false, remote: sdp.as_deref().is_some_and(media::holds_us) },
            remote_sdp: sdp,
            replaces,
            ..Call::new(Direction::Incoming, CallState::Ringing, names, party, identity)
        });
        self.begin_span(key);
        if let Some(call) = self.calls.get_mut(key) {
            call.hear_allow(&invite);
        }
        invitation.trickle = self.may_trickle(key);
        self.by_dialog.insert(identity, key);
        self.transactions.attach(server, Owner::Call(key));
        let invitation = Box::new(invitation);
        self.events.push_back(Event::Incoming { call: CallId(key), invitation, at: now });
        self.set_state(now, key, CallState::Ringing, "INVITE received");
        self.wait_for_application(now, key, &invite);
    }

    /// Lets the caller know that it rings here: 180, or 183 with early media where `sdp` is given. Where both sides know
    /// RFC 3262 it is done when the caller has acknowledged it, or the call went on or ended meanwhile, and `sdp` is the
    /// answer already (or the offer, where the INVITE had none); else it is done at once, and the 200 repeats `sdp`.
    ///
    /// # Errors
    ///
    /// [`Error::State`] unless the call is incoming and not answered; [`Error::Timeout`] if the acknowledgement does not
    /// come in 64 × T1, the call is then refused.
    pub fn ring(&mut self, now: Instant, call: CallId, sdp: Option<Bytes>) -> OpId {
        let op = self.op();
        match self.rings_reliably(call.0, sdp.is_some()) {
            Ok(true) => {
                let status = if sdp.is_some() { StatusCode::SESSION_PROGRESS } else { StatusCode::RINGING };
                self.ring_reliably(now, call.0, Waiting { status, sdp, op: Some(op) });
            }
            Ok(false) => {
                let result = self.try_ring(now, call.0, sdp);
                self.done(op, result.map(|()| Outcome::Done));
            }
            Err(error) => self.done(op, Err(error)),
        }
        self.pump(now);
        op
    }

    fn try_ring(&mut self, now: Instant, key: Key, sdp: Option<Bytes>) -> Result<(), Error> {
        let (server, request, source) = self.called(key)?;
        let status = if sdp.is_some() { StatusCode::SESSION_PROGRESS } else { StatusCode::RINGING };
        let call = self.calls.get(key).ok_or(GONE)?;
        let mut builder = self.dialog_response(&request, source, status, Some(call.local_tag()));
        self.push_call_contact(&mut builder, &request, source, key);
        let message = match &sdp {
            Some(sdp) => builder.body(SDP, sdp)?,
            None => builder.finish()?,
        };
        self.transactions.respond(now, server, status, message.clone()).map_err(Error::Transport)?;
        let timer = self.timers.insert(now + RING_AGAIN, Timer::Ringing(key));
        let Some(call) = self.calls.get_mut(key) else { return Ok(()) };
        // What was sent early is what the 200 must say as well (13.2.1).
        call.local_sdp = sdp.or(call.local_sdp.take());
        if let Some((old, _)) = call.ringing.replace((timer, message)) {
            self.timers.cancel(old);
        }
        Ok(())
    }

    pub(super) fn on_ringing_timer(&mut self, now: Instant, key: Key) {
        if self.ring_on(now, key) {
            return;
        }
        let timer = self.timers.insert(now + RING_AGAIN, Timer::Ringing(key));
        let Some(call) = self.calls.get_mut(key) else { return };
        if let (Setup::Called { server, .. }, Some((slot, message))) = (&call.setup, &mut call.ringing) {
            *slot = timer;
            // If the flow is gone the caller cannot be told that it still rings.
            let _ = self.transactions.respond(now, *server, StatusCode::RINGING, message.clone());
        } else {
            self.timers.cancel(timer);
        }
    }

    /// Answers an incoming call. Done when the ACK is here.
    ///
    /// # Errors
    ///
    /// [`Error::State`] unless the call is incoming and not answered; [`Error::Timeout`] if no ACK comes in 64 × T1, the
    /// call is then ended.
    pub fn answer(&mut self, now: Instant, call: CallId, options: AnswerOptions) -> OpId {
        let op = self.op();
        if let Err(error) = self.try_answer(now, call.0, options, op) {
            self.done(op, Err(error));
        }
        self.pump(now);
        op
    }

    pub(super) fn try_answer(&mut self, now: Instant, key: Key, options: AnswerOptions, op: OpId) -> Result<(), Error> {
        check_values(&options.headers)?;
        let (server, request, source) = self.called(key)?;
        let call = self.calls.get(key).ok_or(GONE)?;
        if call.provisional.holds_answer() {
            return Err(Error::State("the call does not wait for an answer"));
        }
        let Some(options) = self.hold_back(key, options, op) else { return Ok(()) };
        let call = self.calls.get(key).ok_or(GONE)?;
        let (agreed, early) = (call.provisional.agreed, call.local_sdp.clone());
        let sdp = match options.sdp.or(early.clone()) {
            // What was answered reliably is not answered again (RFC 6337 3.1.1).
            _ if agreed => None,
            Some(sdp) => Some(sdp),
            None if self.config.automatic_media => {
                return Err(Error::input("sdp", 0, "a call is answered with a description"));
            }
            None => None,
        };
        self.accept(now, key, server, &request, source, sdp.clone(), &options.headers, Some(op))?;
        self.stop_ringing(key);
        let held = sdp.or(early).as_deref().is_some_and(media::is_held);
        if let Some(call) = self.calls.get_mut(key) {
            call.setup = Setup::Over;
            call.hold.local = held && !call.hold.remote;
        }
        self.set_state(now, key, CallState::Answered, "200 sent");
        Ok(())
    }

    /// Sends a 2xx to an INVITE or re-INVITE and keeps it until the ACK comes.
    #[allow(clippy::too_many_arguments, reason = "the INVITE's three parts and what the 2xx is made of")]
    pub(super) fn accept(
        &mut self,
        now: Instant,
        key: Key,
        server: ServerId,
        request: &Request,
        source: Path,
        sdp: Option<Bytes>,
        headers: &[(String, String)],
        op: Option<OpId>,
    ) -> Result<(), Error> {
        let call = self.calls.get(key).ok_or(GONE)?;
        let mut builder = self.dialog_response(request, source, StatusCode::OK, Some(call.local_tag()));
        self.push_call_contact(&mut builder, request, source, key);
        self.push_capabilities(&mut builder);
        let session = self.push_session(&mut builder, key, request);
        for (name, value) in headers {
            builder.named(name, value);
        }
        let message = match &sdp {
            Some(sdp) => builder.body(SDP, sdp)?,
            None => builder.finish()?,
        };
        let path = self.transactions.response_path(server).unwrap_or(source);
        if self.transactions.respond(now, server, StatusCode::OK, message.clone()).is_err() {
            // The flow is gone; there may be a new one. If not, the missing ACK ends the call.
            let _ = self.transactions.send(self.living(path), message.clone());
        }
        self.target_taken(key);
        self.agree_on_session(now, key, request, session);
        self.hear_request_identity(now, key, request, source);
        let timers = self.config.timers;
        let timer = self.timers.insert(now + timers.t1, Timer::Accepted(key));
        let cseq = request.cseq().map_or(0, |cseq| cseq.number);
        let offered = sdp.is_some() && media::description_in(request).is_none();
        let call = self.calls.get_mut(key).ok_or(GONE)?;
        if let Some(dialog) = call.dialog_mut() {
            dialog.confirm_local(now, StatusCode::OK);
        }
        if sdp.is_some() {
            call.local_sdp = sdp;
        }
        let give_up = now + timers.timeout();
        let accepted = Accepted { message, path, cseq, interval: timers.t1, timer, give_up, op, offered };
        if let Some(old) = call.accepted.replace(accepted) {
            self.timers.cancel(old.timer);
        }
        Ok(())
    }

    pub(super) fn on_accepted_timer(&mut self, now: Instant, key: Key) {
        let t2 = self.config.timers.t2;
        let Some(call) = self.calls.get_mut(key) else { return };
        let Some(accepted) = &mut call.accepted else { return };
        if now >= accepted.give_up {
            // 13.3.1.4: the dialog is confirmed, but the session is ended with a BYE.
            if let Some(accepted) = call.accepted.take()
                && let Some(op) = accepted.op
            {
                self.done(op, Err(Error::Timeout(crate::transaction::Timer::H)));
            }
            let end = End::failed(Error::Timeout(crate::transaction::Timer::H), false);
            return self.send_bye(now, key, Some(end));
        }
        accepted.interval = accepted.interval.saturating_mul(2).min(t2);
        let at = (now + accepted.interval).min(accepted.give_up);
        accepted.timer = self.timers.insert(at, Timer::Accepted(key));
        let (path, message) = (accepted.path, accepted.message.clone());
        let path = self.living(path);
        // On reliable transports too: a proxy between may have an unreliable hop (13.3.1.4). A lost flow ends by time.
        let _ = self.transactions.send(path, message);
    }

    /// An ACK for a 2xx: the call, or the re-INVITE, is agreed.
    pub(super) fn on_ack(&mut self, now: Instant, request: &Request, source: Path) {
        let (Ok(call_id), Ok(to), Ok(cseq)) = (request.call_id(), request.to(), request.cseq()) else { return };
        let Some(tag) = to.tag() else { return };
        let Some(key) = self.by_dialog.get(&self.dialog_identity(call_id, tag)).copied() else { return };
        let Some(call) = self.calls.get_mut(key) else { return };
        if call.accepted.as_ref().is_none_or(|accepted| accepted.cseq != cseq.number) {
            return;
        }
        let Some(accepted) = call.accepted.take() else { return };
        self.note_way_back(key);
        let Some(call) = self.calls.get_mut(key) else { return };
        if let Some(dialog) = call.dialog_mut() {
            dialog.set_path(source);
        }
        self.timers.cancel(accepted.timer);
        let first = call.state == CallState::Answered;
        let sdp = media::sdp_of(request);
        if accepted.offered && sdp.is_some() {
            call.remote_sdp = sdp.clone();
        }
        if let Some(reason) = call.bye_after_ack.take() {
            if let Some(op) = accepted.op {
                self.done(op, Err(Error::Cancelled));
            }
            return self.send_bye_with(now, key, None, reason.as_deref());
        }
        if first {
            let answer = if accepted.offered { sdp.clone() } else { None };
            self.tell_call(now, key, CallEvent::Answered { sdp: answer });
            self.set_state(now, key, CallState::Established, "ACK received");
            self.take_place(now, key);
        } else if let (true, Some(sdp)) = (accepted.offered, &sdp) {
            self.tell_call(now, key, CallEvent::Negotiated { sdp: sdp.clone() });
        }
        if accepted.offered {
            let held = sdp.as_deref().is_some_and(media::holds_us);
            self.set_hold(now, key, |hold| hold.remote = held);
        }
        if let Some(op) = accepted.op {
            self.done(op, Ok(Outcome::Done));
        }
        self.recovered(now, key);
        self.send_waiting(now, key);
    }

    /// Refuses an incoming call with a final status of 400 to 699.
    ///
    /// # Errors
    ///
    /// [`Error::State`] unless the call is incoming and not answered; [`Error::Input`] for another status.
    pub fn reject(&mut self, now: Instant, call: CallId, status: StatusCode, reason: Option<&str>) -> OpId {
        let op = self.op();
        let result = if status.code() < 400 {
            Err(Error::input("status", 0, "a call is rejected with a status from 400 to 699"))
        } else {
            self.try_refuse(now, call.0, status, reason, &[])
        };
        self.done(op, result.map(|()| Outcome::Done));
        self.pump(now);
        op
    }

    /// Sends the caller elsewhere: 302 with these contacts (8.3).
    ///
    /// # Errors
    ///
    /// [`Error::State`] unless the call is incoming and not answered; [`Error::Input`] for contacts that are no URIs.
    pub fn redirect(&mut self, now: Instant, call: CallId, contacts: &[&str]) -> OpId {
        let op = self.op();
        let result =
            contacts.iter().map(|contact| self.complete_target(contact)).collect::<Result<Vec<_>, _>>().and_then(
                |contacts| {
                    if contacts.is_empty() {
                        return Err(Error::input("contacts", 0, "a redirection names at least one contact"));
                    }
                    self.try_refuse(now, call.0, StatusCode::MOVED_TEMPORARILY, None, &contacts)
                },
            );
        self.done(op, result.map(|()| Outcome::Done));
        self.pump(now);
        op
    }

    pub(super) fn try_refuse(
        &mut self,
        now: Instant,
        key: Key,
        status: StatusCode,
        reason: Option<&str>,
        contacts: &[crate::message::Uri],
    ) -> Result<(), Error> {
        let (server, request, source) = self.called(key)?;
        let call = self.calls.get(key).ok_or(GONE)?;
        let tag = Some(call.local_tag());
        let mut builder = crate::transaction::respond_to(&request, source.remote, status, reason, tag);
        for contact in contacts {
            builder.parts(crate::message::Name::Contact, &["<", contact.as_str(), ">"]);
        }
        self.push_server(&mut builder);
        let message = builder.finish()?;
        // If the flow is gone the caller's own timers end its side.
        let _ = self.transactions.respond(now, server, status, message);
        let phrase = reason.map_or(status.reason().into(), |reason| reason.to_owned().into());
        let end = End { by: EndedBy::Local, status: Some(status), phrase, reason: None, error: None };
        self.end_call(now, key, end);
        Ok(())
    }

    /// The INVITE of a call that waits for the application.
    pub(super) fn called(&self, key: Key) -> Result<(ServerId, Arc<Request>, Path), Error> {
        match self.calls.get(key).map(|call| &call.setup) {
            Some(Setup::Called { server, request, source }) => Ok((*server, request.clone(), *source)),
            Some(_) => Err(Error::State("the call does not wait for an answer")),
            None => Err(GONE),
        }
    }

    /// The other side gave its INVITE up (9.2), which is answered 487: the one that makes the call, which is over with
    /// it, or a re-INVITE, after which the call goes on as it was.
    pub(super) fn on_cancelled(&mut self, now: Instant, key: Key, cancel: &Request) {
        self.refuse_offer(now, key, StatusCode::REQUEST_TERMINATED);
        if !self.calls.get(key).is_some_and(|call| matches!(call.setup, Setup::Called { .. })) {
            return;
        }
        let status = StatusCode::REQUEST_TERMINATED;
        self.answer_finally(now, key, status);
        let end = End {
            by: EndedBy::Remote,
            status: Some(status),
            phrase: status.reason().into(),
            reason: super::Reason::of(cancel),
            error: Some(Error::Cancelled),
        };
        self.end_call(now, key, end);
    }
}

pub(super) const GONE: Error = Error::State("the call is over");
