//! The calling side of an INVITE (RFC 3261 13.2): progress, forks, the answer and its ACK.

use std::hash::Hash;
use std::time::Duration;

use bytes::Bytes;

use super::call::{Call, Negotiation, Setup};
use super::capabilities::RELIABLE;
use super::config::Reliability;
use super::connection::Hop;
use super::event::{CallEvent, CallId, CallState, Direction, End, EndedBy, Event, Hold};
use super::features::{Features, written};
use super::identity::{Party, privacy_of};
use super::join::JOIN;
use super::outgoing::{Outgoing, Purpose};
use super::patience::Patience;
use super::provisional::Provisional;
use super::redirect::Redirection;
use super::reliable::{Agreed, Heard, reliable};
use super::replaces::REPLACES;
use super::session_timer::SessionTimer;
use super::{Endpoint, Error, Refusal, Replacement, StoredAck, Timer, media};
use crate::arena::Key;
use crate::auth::SecretText;
use crate::dialog::{Dialog, DialogState, Names, route};
use crate::hashing::Identity;
use crate::message::{Builder, Method, Name, NameAddr, Privacy, Response, StatusCode, Uri, UriRef};
use crate::time::Instant;
use crate::transport::Path;

/// What an outgoing call is made with.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CallOptions {
    /// The offer. Without one the other side is asked to offer.
    pub sdp: Option<Bytes>,
    /// Further header fields.
    pub headers: Vec<(String, String)>,
    /// Take the place of one side of another call: the INVITE names and requires it (RFC 3891).
    pub replaces: Option<Replacement>,
    /// Be mixed with another call of the callee: the INVITE names and requires it (RFC 3911).
    pub joins: Option<Replacement>,
    /// What our Contact says of us (RFC 3840); see [`Endpoint::set_features`].
    pub features: Features,
    /// How many redirections (3xx) are followed, in place of [`Config::follow_redirects`](super::Config).
    pub follow_redirects: Option<u8>,
    /// Which of our identities the network is to assert (P-Preferred-Identity, RFC 3325 9.2), e.g. one of several numbers.
    /// It goes only to a server that is trusted.
    pub preferred_identity: Option<NameAddr>,
    /// What the network is asked to keep private (RFC 3323 4.2).
    pub privacy: Privacy,
    /// Nobody is to know who calls: From is anonymous (RFC 3323 4.1.1.3), Contact without our name, and `privacy` asks for
    /// `id` as well.
    pub anonymous: bool,
    /// How long the other side may take to answer, in place of [`Config::answer_timeout`](super::Config::answer_timeout).
    /// An Expires among `headers` says the same, in seconds.
    pub answer_timeout: Option<Duration>,
}

impl CallOptions {
    /// With an offer.
    pub fn with_sdp(sdp: impl Into<Bytes>) -> CallOptions {
        CallOptions { sdp: Some(sdp.into()), ..CallOptions::default() }
    }

    /// With one more header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> CallOptions {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Following up to so many redirections by itself (8.1.3.4).
    #[must_use]
    pub fn following_redirects(mut self, at_most: u8) -> CallOptions {
        self.follow_redirects = Some(at_most);
        self
    }

    /// As this one of our identities.
    #[must_use]
    pub fn preferring(mut self, identity: NameAddr) -> CallOptions {
        self.preferred_identity = Some(identity);
        self
    }

    /// With this kept private by the network.
    #[must_use]
    pub fn with_privacy(mut self, privacy: Privacy) -> CallOptions {
        self.privacy = privacy;
        self
    }

    /// As nobody knows who.
    #[must_use]
    pub fn anonymously(mut self) -> CallOptions {
        self.anonymous = true;
        self
    }

    /// Mixed with another call of the callee.
    #[must_use]
    pub fn joining(mut self, other: Replacement) -> CallOptions {
        self.joins = Some(other);
        self
    }

    /// With one more feature in the Contact.
    #[must_use]
    pub fn feature(mut self, name: &str, value: Option<&str>) -> CallOptions {
        self.features.push((name.into(), value.map(str::to_owned)));
        self
    }

    /// Given up if it is not answered in this time (13.2.1).
    #[must_use]
    pub fn answered_within(mut self, time: Duration) -> CallOptions {
        self.answer_timeout = Some(time);
        self
    }

    /// In the place of one side of another call.
    #[must_use]
    pub fn replacing(mut self, replacement: Replacement) -> CallOptions {
        self.replaces = Some(replacement);
        self
    }
}

/// Header fields that the endpoint writes itself: an application's would break the message.
const OWN: [&str; 19] = [
    "via",
    "v",
    "from",
    "f",
    "to",
    "t",
    "call-id",
    "i",
    "cseq",
    "content-length",
    "l",
    "content-type",
    "c",
    "contact",
    "m",
    "max-forwards",
    "session-expires",
    "x",
    "min-se",
];

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
            outgoing = outgoing.body("application/sdp", sdp.clone());
        }
        let hold = Hold { local: options.sdp.as_deref().is_some_and(media::is_held), remote: false };
        let key = self.calls.insert(Call {
            direction: Direction::Outgoing,
            state: CallState::Calling,
            history: Vec::new(),
            names: Names::new([&call_id, &local_tag, "", &local, &to, target.as_str()]),
            party: Party::called(privacy),
            dialogs: Vec::new(),
            setup: Setup::Over,
            negotiation: Negotiation::Idle,
            glare: None,
            waiting: None,
            updating: false,
            takes_update: None,
            takes_info: Box::default(),
            trickle: Default::default(),
            features,
            their_features: Vec::new(),
            accepted: None,
            ringing: None,
            redirection: Redirection::new(options.follow_redirects.unwrap_or(self.config.follow_redirects), target),
            session_timer: SessionTimer::default(),
            recovery: None,
            provisional: Provisional::default(),
            legs: Vec::new(),
            moved: None,
            patience: Patience::default(),
            exchange: None,
            progress: Identity::default(),
            local_sdp: options.sdp,
            remote_sdp: None,
            hold,
            replaces: None,
            referral: None,
            hangups: Vec::new(),
            bye_after_ack: None,
            end: None,
            bye: None,
            identity,
            resumed: None,
        });
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

    /// Our From value with a tag.
    pub(super) fn local_address(&self, tag: &str) -> Box<str> {
        let address = NameAddr::new(self.config.display_name.as_deref(), &self.config.aor);
        let mut text = String::with_capacity(address.as_str().len().saturating_add(5).saturating_add(tag.len()));
        text.push_str(address.as_str());
        text.push_str(";tag=");
        text.push_str(tag);
        text.into()
    }

    /// `bob` means bob at our own domain.
    pub(super) fn complete_target(&self, target: &str) -> Result<Uri, Error> {
        let target = target.trim();
        if target.is_empty() {
            return Err(Error::input("target", 0, "no target was given"));
        }
        let has_scheme = target.split_once(':').is_some_and(|(scheme, _)| {
            scheme.eq_ignore_ascii_case("sip")
                || scheme.eq_ignore_ascii_case("sips")
                || scheme.eq_ignore_ascii_case("tel")
        });
        let mut text = String::new();
        if !has_scheme {
            text.push_str(if self.config.is_sips() { "sips:" } else { "sip:" });
        }
        let shift = text.len();
        text.push_str(target);
        if !has_scheme && !target.contains('@') {
            text.push('@');
            let registrar = self.config.registrar();
            text.push_str(registrar.split_once(':').map_or("", |(_, host)| host));
        }
        let uri = Uri::parse(&text)
            .map_err(|error| Error::input("target", error.offset().saturating_sub(shift), &error.to_string()))?;
        match uri.view() {
            UriRef::Sip(_) | UriRef::Tel { .. } => Ok(uri),
            _ => Err(Error::input("target", 0, "only sip:, sips: and tel: addresses can be called")),
        }
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
                    let made =
                        Dialog::from_response(call.target(), call.local(), call.local_tag(), cseq, response, source);
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
                    phrase: refusal.phrase,
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
            Some(dialog) => dialog.confirm(response, source).map(|()| dialog.clone()),
            None => {
                Dialog::from_response(call.target(), call.local(), call.local_tag(), outgoing.cseq, response, source)
            }
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

    /// Sends the ACK for a 2xx (13.2.2.4), and keeps it to answer retransmissions of that 2xx.
    pub(super) fn acknowledge(
        &mut self,
        now: Instant,
        key: Key,
        cseq: u32,
        authorization: &[(Name, SecretText)],
        sdp: Option<Bytes>,
    ) {
        let Some(dialog) = self.calls.get(key).and_then(Call::dialog).cloned() else { return };
        let path = self.dialog_path(&dialog);
        let branch = self.entropy.branch();
        let Some(bytes) = self.write_ack(&dialog, path, &branch, cseq, authorization, sdp.as_ref()) else { return };
        let identity = self.ack_identity(dialog.call_id(), dialog.local_tag(), dialog.remote_tag(), cseq);
        let timer = self.timers.insert(now + self.config.timers.timeout(), Timer::Ack(identity));
        if let Some(old) = self.acks.insert(identity, StoredAck { bytes: bytes.clone().into(), path, timer }) {
            self.timers.cancel(old.timer);
        }
        // If the flow is gone the peer retransmits its 2xx, and the ACK goes then.
        let _ = self.transactions.send(path, bytes);
    }

    fn write_ack(
        &self,
        dialog: &Dialog,
        path: Path,
        branch: &str,
        cseq: u32,
        authorization: &[(Name, SecretText)],
        sdp: Option<&Bytes>,
    ) -> Option<Bytes> {
        let hop = route(dialog.target(), dialog.route_set());
        let mut builder = Builder::request(&Method::Ack, &hop.request_uri);
        self.push_via(&mut builder, path, branch, false);
        builder.number(Name::MaxForwards, 70);
        for value in &hop.routes {
            builder.header(Name::Route, value);
        }
        if let Some(target) = hop.appended {
            builder.parts(Name::Route, &["<", target, ">"]);
        }
        builder.header(Name::From, dialog.local());
        builder.header(Name::To, dialog.remote());
        builder.header(Name::CallId, dialog.call_id());
        builder.parts(Name::CSeq, &[&cseq.to_string(), " ACK"]);
        for (name, value) in authorization {
            builder.header(*name, value.reveal());
        }
        match sdp {
            Some(sdp) => builder.body("application/sdp", sdp).ok(),
            None => builder.finish().ok(),
        }
    }

    fn ack_identity(&self, call_id: &str, local_tag: &str, remote_tag: &str, cseq: u32) -> crate::hashing::Identity {
        self.hash.of(&["ack", call_id, local_tag, remote_tag, &cseq.to_string()])
    }

    /// A 2xx to an INVITE outside of its transaction's first: a retransmission is acknowledged again, another fork's
    /// answer is acknowledged and ended (13.2.2.4).
    pub(super) fn on_stray(&mut self, now: Instant, response: &Response, source: Path) {
        if !response.status().is_success() {
            return;
        }
        let (Ok(call_id), Ok(from), Ok(to), Ok(cseq)) =
            (response.call_id(), response.from(), response.to(), response.cseq())
        else {
            return;
        };
        if cseq.method != Method::Invite {
            return;
        }
        let (local_tag, remote_tag) = (from.tag().unwrap_or_default(), to.tag().unwrap_or_default());
        let identity = self.ack_identity(call_id, local_tag, remote_tag, cseq.number);
        if let Some(ack) = self.acks.get(&identity) {
            let (path, bytes) = (self.living(ack.path), ack.bytes.clone());
            // As above: a lost flow brings the 2xx again.
            let _ = self.transactions.send(path, bytes.into());
            return;
        }
        if let Some(call) =
            self.by_dialog.get(&self.dialog_identity(call_id, local_tag)).and_then(|key| self.calls.get_mut(*key))
            && call
                .dialog()
                .is_some_and(|dialog| dialog.state() == DialogState::Confirmed && dialog.remote_tag() == remote_tag)
        {
            return; // its ACK waits for the application's answer
        }
        if !self.is_call_tag(call_id, local_tag) {
            return;
        }
        self.refuse_fork(now, response, source);
    }

    /// A 2xx nobody waits for any more: the ACK alone, so that the peer stops sending it. Returns its dialog.
    pub(super) fn acknowledge_stray(&mut self, now: Instant, response: &Response, source: Path) -> Option<Dialog> {
        if !response.status().is_success() {
            return None;
        }
        let (from, to, cseq) = (response.from().ok()?, response.to().ok()?, response.cseq().ok()?.number);
        let dialog = Dialog::from_response(to.uri_text(), from.as_str(), from.tag()?, cseq, response, source).ok()?;
        let path = self.dialog_path(&dialog);
        let branch = self.entropy.branch();
        let bytes = self.write_ack(&dialog, path, &branch, cseq, &[], None)?;
        let identity = self.ack_identity(dialog.call_id(), dialog.local_tag(), dialog.remote_tag(), cseq);
        // One that has forks without end gets each ACK made anew.
        if self.acks.len() < self.config.limits.outgoing {
            let timer = self.timers.insert(now + self.config.timers.timeout(), Timer::Ack(identity));
            if let Some(old) = self.acks.insert(identity, StoredAck { bytes: bytes.clone().into(), path, timer }) {
                self.timers.cancel(old.timer);
            }
        }
        // A flow that is gone cannot be told more; the peer's own timers end its side.
        let _ = self.transactions.send(path, bytes);
        Some(dialog)
    }

    /// The answer of a fork that came second: ACK and BYE.
    fn refuse_fork(&mut self, now: Instant, response: &Response, source: Path) {
        if let Some(mut dialog) = self.acknowledge_stray(now, response, source) {
            let bye = self.dialog_request(&mut dialog, Purpose::Nobody, Method::Bye);
            self.send_request(now, bye);
        }
    }

    /// A request within a dialog: target, route set, tags and the next CSeq.
    pub(super) fn dialog_request(&self, dialog: &mut Dialog, purpose: Purpose, method: Method) -> Outgoing {
        let cseq = dialog.next_cseq();
        let hop = route(dialog.target(), dialog.route_set());
        let mut outgoing =
            Outgoing::new(purpose, method, &hop.request_uri, dialog.local(), dialog.remote(), dialog.call_id(), cseq);
        outgoing.routes = hop.routes.iter().map(|value| (*value).into()).collect();
        if let Some(target) = hop.appended {
            let mut value = String::from("<");
            value.push_str(target);
            value.push('>');
            outgoing.routes.push(value.into());
        }
        outgoing.hop = Hop::Path(self.dialog_path(dialog));
        outgoing.next = hop.next.into();
        outgoing
    }

    /// Where a dialog's requests go: along its connection; over UDP to the next hop its route set names, if that is an
    /// address, else to where the peer was last heard.
    pub(super) fn dialog_path(&self, dialog: &Dialog) -> Path {
        let path = dialog.path();
        let flows = self.transactions.flows();
        let reliable = flows.transport(path.flow).is_some_and(|transport| transport.is_reliable());
        if reliable {
            return path;
        }
        if !flows.contains(path.flow) {
            return self.living(path);
        }
        let hop = route(dialog.target(), dialog.route_set());
        match self.udp_address(hop.next) {
            Some(remote) => Path { flow: path.flow, remote },
            None => path,
        }
    }
}

/// The status and phrase of a response, for a history.
pub(super) fn status_line(response: &Response) -> String {
    let mut text = response.status().code().to_string();
    text.push(' ');
    text.push_str(response.reason());
    text
}

pub(super) fn check_headers(headers: &[(String, String)]) -> Result<(), Error> {
    match headers.iter().find(|(name, _)| OWN.iter().any(|own| own.eq_ignore_ascii_case(name))) {
        Some((name, _)) => Err(Error::input(name, 0, "this header field is written by the endpoint itself")),
        None => check_values(headers),
    }
}

/// What the builder would refuse is refused here, before the call exists.
pub(super) fn check_values(headers: &[(String, String)]) -> Result<(), Error> {
    if headers.is_empty() {
        return Ok(());
    }
    let mut builder = Builder::request(&Method::Invite, "sip:check.invalid");
    for (name, value) in headers {
        builder.named(name, value);
    }
    builder.finish()?;
    Ok(())
}
