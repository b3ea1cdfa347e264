//! The calling side of an INVITE (RFC 3261 13.2): progress, forks, the answer and its ACK.

use std::borrow::Cow;
use std::hash::Hash;
use std::time::Duration;

use super::CallOptions;
use super::call::{Call, Negotiation, Setup};
use super::capabilities::RELIABLE;
use super::config::Reliability;
use super::event::{CallEvent, CallId, CallState, Direction, End, EndedBy, Event, Hold};
use super::features::written;
use super::headers::{check_headers, check_values};
use super::identity::{Party, privacy_of};
use super::join::JOIN;
use super::outgoing::{Outgoing, Purpose};
use super::redirect::Redirection;
use super::reliable::{Agreed, Heard, reliable};
use super::replaces::REPLACES;
use super::{Endpoint, Error, Refusal, Replacement, media};
use crate::arena::Key;
use crate::dialog::{Dialog, Names};
use crate::message::{Method, Name, Response, StatusCode};
use crate::time::Instant;
use crate::transport::Path;

/// How many forks of an INVITE may ring at a time; those beyond are heard, but only their 2xx makes a dialog.
const EARLY_DIALOGS: usize = 32;

impl Endpoint {
    /// Calls a target: a SIP URI, or a user of our own domain by name alone. The INVITE is on its way when this returns.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] for a target or header that cannot be sent, [`Error::Limit`] with too many calls,
    /// [`Error::Transport`] if no flow leads there, [`Error::State`] while shutting down.
    pub fn call(&mut self, now: Instant, target: &str, options: CallOptions) -> Result<CallId, Error> {
        self.may_begin()?;
        let target = self.complete_target(target)?.request_uri();
        check_headers(&options.headers)?;
        let replaces = options.replaces.as_ref().map(Replacement::value);
        if let Some(value) = &replaces {
            check_values(&[("Replaces".into(), value.clone())])?;
        }
        let (privacy, preferred) = (privacy_of(&options)?, self.preferred_identity(&options)?);
        let joins = options.joins.as_ref().map(Replacement::value);
        if let Some(value) = &joins {
            check_values(&[("Join".into(), value.clone())])?;
            if replaces.is_some() {
                return Err(Error::input("joins", 0, "a call takes the place of another or joins it"));
            }
        }
        let features = written(&options.features)?;
        if self.calls.len() >= self.config.limits.calls {
            return Err(Error::Limit("too many calls"));
        }
        let call_id = self.entropy.call_id();
        let local_tag = self.call_tag(&call_id);
        let local = match options.anonymous {
            true => self.anonymous_address(&local_tag),
            false => self.local_address(&local_tag),
        };
        let mut to = String::with_capacity(target.as_str().len().saturating_add(2));
        to.push('<');
        to.push_str(target.as_str());
        to.push('>');
        let identity = self.dialog_identity(&call_id, &local_tag);
        let mut outgoing = Outgoing::new(Purpose::Nobody, Method::Invite, target.as_str(), &local, &to, &call_id, 1);
        outgoing.contact = true;
        if self.config.reliable == Reliability::Required {
            outgoing = outgoing.header("Require", RELIABLE);
        }
        if let Some(value) = &replaces {
            outgoing = outgoing.header("Require", REPLACES).header("Replaces", value);
        }
        if let Some(value) = &joins {
            outgoing = outgoing.header("Require", JOIN).header("Join", value);
        }
        outgoing = self.ask_for_session(outgoing);
        if let Some(preferred) = &preferred {
            outgoing = outgoing.header("P-Preferred-Identity", preferred);
        }
        if privacy.critical {
            // RFC 3323 4.3: who does not know of it refuses the call.
            outgoing = outgoing.header("Proxy-Require", "privacy");
        }
        let (total, outgoing_expires) = self.answer_time(&options);
        if let Some(seconds) = outgoing_expires {
            outgoing = outgoing.header("Expires", &seconds.to_string());
        }
        for (name, value) in &options.headers {
            outgoing = outgoing.header(name, value);
        }
        if let Some(sdp) = &options.sdp {
            outgoing = outgoing.described(sdp.clone());
        }
        let hold = Hold { local: options.sdp.as_deref().is_some_and(media::is_held), remote: false };
        let names = Names::new([&call_id, &local_tag, "", &local, &to, target.as_str()]);
        let key = self.calls.insert(Call {
            features,
            redirection: Redirection::new(options.follow_redirects.unwrap_or(self.config.follow_redirects), target),
            local_sdp: options.sdp,
            hold,
            ..Call::new(Direction::Outgoing, CallState::Calling, names, Party::called(privacy), identity)
        });
        self.begin_span(key);
        self.by_dialog.insert(identity, key);
        self.set_state(now, key, CallState::Calling, "INVITE sent");
        outgoing.purpose = Purpose::Invite(key);
        let request = self.outgoing.insert(outgoing);
        if let Some(call) = self.calls.get_mut(key) {
            call.setup = Setup::Calling { outgoing: request };
        }
        self.wait_for_answer(now, key, total);
        self.try_request(now, request);
        self.pump(now);
        match self.calls.get(key) {
            Some(_) => Ok(CallId(key)),
            None => Err(self.forget_call(CallId(key))),
        }
    }

    /// A call that failed before anybody had its handle: its events are taken back, its error is all there is to tell.
    fn forget_call(&mut self, id: CallId) -> Error {
        let mut error = Error::Cancelled;
        self.events.retain(|event| match event {
            Event::Call { call, event, .. } if *call == id => {
                if let CallEvent::Ended(End { error: Some(cause), .. }) = event {
                    error = cause.clone();
                }
                false
            }
            _ => true,
        });
        error
    }

    /// How long the other side may take to answer, and the seconds that the INVITE says of it unless the application's
    /// header fields do.
    fn answer_time(&self, options: &CallOptions) -> (Option<Duration>, Option<u64>) {
        let said = options.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("Expires"));
        let said = said.and_then(|(_, value)| value.trim().parse().ok()).map(Duration::from_secs);
        let wanted = options.answer_timeout.or(self.config.answer_timeout).filter(|time| !time.is_zero());
        let seconds = wanted.map(|time| time.as_millis().div_ceil(1000) as u64);
        (wanted.into_iter().chain(said).min(), seconds.filter(|_| said.is_none()))
    }

    pub(super) fn on_invite_progress(&mut self, now: Instant, key: Key, response: &Response, source: Path) {
        let Some(call) = self.calls.get_mut(key) else { return };
        if call.is_ending() {
            return;
        }
        call.hear_allow(response);
        self.wait_for_progress(now, key, true);
        let Some(call) = self.calls.get_mut(key) else { return };
        if response.status().code() == 100 {
            if call.state == CallState::Calling {
                self.set_state(now, key, CallState::Proceeding, "100 Trying");
            }
            return;
        }
        if let Ok(to) = response.to()
            && let Some(tag) = to.tag()
        {
            let full = call.dialogs.len() >= EARLY_DIALOGS;
            match call.dialog_with(tag) {
                // One that may get lost must not move the target (RFC 6141 4.9).
                Some(dialog) if reliable(response).is_some() => {
                    // A Contact that cannot be read leaves the target as it is.
                    let _ = dialog.refresh_target(response);
                }
                Some(_) => {}
                // A provisional response that makes no dialog is still progress.
                None if full => {}
                None => {
                    let cseq = response.cseq().map_or(1, |cseq| cseq.number);
                    let made = Dialog::from_response(
                        now,
                        call.target(),
                        call.local(),
                        call.local_tag(),
                        cseq,
                        response,
                        source,
                    );
                    if let Ok(dialog) = made {
                        call.dialogs.push(dialog);
                    }
                }
            }
        }
        let offered = self.has_offered(key);
        let (sdp, offer) = match self.hear(now, key, response, offered) {
            Heard::Again => return,
            Heard::Progress(sdp) => (sdp, None),
            Heard::Offer(offer) => (None, Some(offer)),
        };
        let (status, phrase) = (response.status(), response.reason());
        if status == StatusCode::EARLY_DIALOG_TERMINATED {
            self.end_fork(now, key, response);
            return self.tell_call(now, key, CallEvent::Progress { status, phrase: phrase.into(), sdp: None });
        }
        self.hear_response_identity(now, key, response, source);
        let told = self.hash.with(|hasher| {
            let tag = response.to().ok().and_then(|to| to.tag().map(str::to_owned));
            // Reliable ones are told apart by their number, and copies of those were found above.
            let number = response.number(Name::RSeq).ok().flatten();
            (status, phrase, tag, number, response.body()).hash(hasher);
        });
        let Some(call) = self.calls.get_mut(key) else { return };
        if offer.is_none() && call.progress == told {
            return;
        }
        call.progress = told;
        self.set_state(now, key, CallState::Ringing, status_line(response));
        self.tell_call(now, key, CallEvent::Progress { status, phrase: phrase.into(), sdp });
        self.report_call(now, key, status, phrase);
        if let (Some(offer), Ok(to)) = (offer, response.to()) {
            self.offer_early(now, key, to.tag().unwrap_or_default(), offer);
        }
    }

    pub(super) fn on_invited(
        &mut self,
        now: Instant,
        key: Key,
        outgoing: Outgoing,
        result: Result<(&Response, Path), Error>,
    ) {
        let ending = self.calls.get(key).is_some_and(Call::is_ending);
        match result {
            Ok((response, source)) if response.status().is_success() => {
                self.on_invite_accepted(now, key, &outgoing, response, source);
            }
            Ok((response, _)) => {
                if let Some(target) = self.next_target(key, &outgoing, Some(response)) {
                    let cause = (response.status(), response.reason());
                    return self.go_elsewhere(now, key, outgoing, &target, cause);
                }
                let refusal = Refusal::of(response.status(), response.reason(), response);
                let by = if ending { EndedBy::Local } else { EndedBy::Remote };
                let error = if ending { Error::Cancelled } else { Error::Status(refusal.clone()) };
                let end = self.given_up(key).unwrap_or(End {
                    by,
                    status: Some(refusal.status),
                    phrase: String::from(refusal.phrase).into(),
                    reason: refusal.reason,
                    error: Some(error),
                });
                self.end_call(now, key, end);
            }
            Err(error) => {
                // No answer is one, too (8.1.3.1).
                let unanswered = matches!(error, Error::Timeout(_) | Error::Transport(_));
                if unanswered && let Some(target) = self.next_target(key, &outgoing, None) {
                    let status = StatusCode::REQUEST_TIMEOUT;
                    return self.go_elsewhere(now, key, outgoing, &target, (status, status.reason()));
                }
                let end = self.given_up(key).unwrap_or_else(|| End::failed(error, ending));
                self.end_call(now, key, end);
            }
        }
    }

    /// What is told of a call of ours that took too long, whatever the last word about it was.
    fn given_up(&mut self, key: Key) -> Option<End> {
        self.calls.get_mut(key)?.end.take()
    }

    fn on_invite_accepted(&mut self, now: Instant, key: Key, outgoing: &Outgoing, response: &Response, source: Path) {
        let Some(call) = self.calls.get_mut(key) else {
            return self.on_stray(now, response, source);
        };
        call.setup = Setup::Over;
        let tag = response.to().ok().and_then(|to| to.tag().map(str::to_owned)).unwrap_or_default();
        let confirmed = match call.dialog_with(&tag) {
            Some(dialog) => dialog.confirm(now, response, source).map(|()| dialog.clone()),
            None => Dialog::from_response(
                now,
                call.target(),
                call.local(),
                call.local_tag(),
                outgoing.cseq,
                response,
                source,
            ),
        };
        let mut dialog = match confirmed {
            Ok(dialog) => dialog,
            Err(error) => return self.end_call(now, key, End::protocol(&error.to_string())),
        };
        dialog.raise_cseq(outgoing.cseq);
        call.names = dialog.names().clone();
        call.dialogs = vec![dialog];
        call.hear_allow(response);
        let hung_up = call.is_ending();
        if !hung_up {
            self.hear_session(now, key, outgoing, response);
            self.hear_response_identity(now, key, response, source);
        }
        self.drop_fork_offers(now, key, &tag, false);
        let Some(call) = self.calls.get_mut(key) else { return };
        let told = matches!(&call.negotiation, Negotiation::Acknowledging { tag: told } if **told == *tag);
        let (early, sdp) = match self.settle_early(key, &tag) {
            Ok(Some(Agreed { local, remote })) => (Some(local), Some(remote)),
            Ok(None) => (None, media::sdp_of(response)),
            Err(offer) => (None, Some(offer)),
        };
        let Some(call) = self.calls.get_mut(key) else { return };
        if early.is_none() && outgoing.body.is_none() && sdp.is_some() && !hung_up {
            // They offer: the ACK carries our answer, which the application has to make.
            call.negotiation =
                Negotiation::Answering { cseq: outgoing.cseq, authorization: outgoing.authorization.clone() };
            call.remote_sdp = sdp.clone();
            self.set_state(now, key, CallState::Answered, status_line(response));
            self.report_call(now, key, response.status(), response.reason());
            self.wait_for_acceptance(now, key);
            if !told {
                self.tell_call(now, key, CallEvent::Offer { sdp });
            }
            return;
        }
        let holds = early.flatten().map(|local| call.local_sdp.insert(local)).map(|local| media::is_held(local));
        if sdp.is_some() {
            call.remote_sdp = sdp.clone();
        }
        self.acknowledge(now, key, outgoing.cseq, &outgoing.authorization, None);
        if hung_up {
            // The CANCEL came too late (9.1): the call is up and must be ended as such.
            let end = self.given_up(key);
            return self.send_bye(now, key, end);
        }
        self.set_state(now, key, CallState::Answered, status_line(response));
        self.tell_call(now, key, CallEvent::Answered { sdp: sdp.clone() });
        self.set_state(now, key, CallState::Established, "ACK sent");
        self.report_call(now, key, response.status(), response.reason());
        let held = sdp.as_deref().is_some_and(media::holds_us);
        self.set_hold(now, key, |hold| *hold = Hold { local: holds.unwrap_or(hold.local), remote: held });
    }
}

/// The status and phrase of a response, for a history.
fn status_line(response: &Response) -> Cow<'static, str> {
    line_of(response.status(), response.reason())
}

/// Status and phrase; there is nothing to write where the phrase is the registered one.
pub(super) fn line_of(status: StatusCode, phrase: &str) -> Cow<'static, str> {
    match status.line() {
        Some(line) if line.get(4..) == Some(phrase) => line.into(),
        _ => format!("{} {phrase}", status.code()).into(),
    }
}
