//! One call: its state, history, dialogs and descriptions.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::caller::line_of;
use super::event::{CallEvent, CallId, CallState, Direction, End, Event, Hold, OpId, Transition};
use super::features::{Features, features_of};
use super::identity::{Party, RemoteIdentity};
use super::patience::Patience;
use super::provisional::Provisional;
use super::recovery::Recovery;
use super::redirect::Redirection;
use super::reliable::Leg;
use super::saved::Resumed;
use super::session_timer::SessionTimer;
use super::target::Moved;
use super::trickle::Trickle;
use super::{Endpoint, Error};
use crate::arena::Key;
use crate::auth::SecretText;
use crate::dialog::{Dialog, Names, Text};
use crate::hashing::{Identity, take_out};
use crate::message::{Fields, Name, NameAddr, NameAddrRef, Request, Uri};
use crate::time::Instant;
use crate::timer::TimerId;
use crate::transaction::ServerId;
use crate::transport::Path;

/// What a call looks like when asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallInfo {
    /// Its handle.
    pub call: CallId,
    /// Who called.
    pub direction: Direction,
    /// The state now.
    pub state: CallState,
    /// The Call-ID.
    pub call_id: Box<str>,
    /// This side, without its tag.
    pub local: NameAddr,
    /// The other side, without its tag.
    pub remote: NameAddr,
    /// Who that is, as far as it may be believed.
    pub identity: RemoteIdentity,
    /// Who holds.
    pub hold: Hold,
    /// When the session expires unless it is refreshed (RFC 4028); `None`: it does not.
    pub session_timer: Option<SessionInterval>,
    /// What the other side's Contact says of it (RFC 3840), e.g. `isfocus`.
    pub features: Features,
    /// How it came to this.
    pub history: Vec<Transition>,
}

/// How long a session lasts unless it is refreshed, and who does that (RFC 4028).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionInterval {
    /// How long.
    pub length: Duration,
    /// This side refreshes it; else the other.
    pub local: bool,
}

/// The INVITE that makes the call, while it is not acknowledged.
#[derive(Debug)]
pub(super) enum Setup {
    /// Ours waits for its final response.
    Calling { outgoing: Key },
    /// Theirs waits for the application.
    Called { server: ServerId, request: Arc<Request>, source: Path },
    /// Acknowledged, or on the way to it.
    Over,
}

/// What is going on about the descriptions of an established call.
#[derive(Debug)]
pub(super) enum Negotiation {
    Idle,
    /// Our re-INVITE, or UPDATE with an offer, waits for its final response.
    Offering(Offer),
    /// Their re-INVITE, or an offer in PRACK or UPDATE, waits for the application.
    Offered {
        server: ServerId,
        request: Arc<Request>,
        source: Path,
    },
    /// Their 2xx brought the offer (our INVITE had none): the ACK waits for the application's answer.
    Answering {
        cseq: u32,
        authorization: Vec<(Name, SecretText)>,
    },
    /// A reliable provisional response of this fork brought the offer: the PRACK waits for the application's answer.
    Acknowledging {
        tag: Box<str>,
    },
}

/// How an offer of ours travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    Reinvite,
    Update,
}

/// A re-INVITE or UPDATE of ours.
#[derive(Debug)]
pub(super) struct Offer {
    /// `None`: it only keeps the session from expiring.
    pub(super) op: Option<OpId>,
    pub(super) carrier: Carrier,
    /// When it was asked to wait first.
    pub(super) waits_since: Option<Instant>,
    /// Its request while that is on its way.
    pub(super) request: Option<Key>,
    pub(super) sdp: Option<Bytes>,
    /// The description is ours to write, and to write anew when it is offered again.
    pub(super) rewrites: bool,
    /// What it makes of our hold, if it is about that.
    pub(super) hold: Option<bool>,
    /// It took too long and was cancelled.
    pub(super) given_up: bool,
}

impl Offer {
    /// An offer of a description, or of none; `op` waits for its end.
    pub(super) fn new(op: Option<OpId>, carrier: Carrier, sdp: Option<Bytes>) -> Offer {
        Offer { op, carrier, waits_since: None, request: None, sdp, rewrites: false, hold: None, given_up: false }
    }
}

/// A 2xx of ours that waits for its ACK (13.3.1.4).
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) message: Bytes,
    pub(super) path: Path,
    pub(super) cseq: u32,
    pub(super) interval: Duration,
    pub(super) timer: TimerId,
    pub(super) give_up: Instant,
    pub(super) op: Option<OpId>,
    /// It carried our offer: the ACK must bring the answer.
    pub(super) offered: bool,
}

#[derive(Debug)]
pub(super) struct Call {
    /// What is logged of it is in there.
    pub(super) span: tracing::Span,
    pub(super) direction: Direction,
    pub(super) state: CallState,
    pub(super) history: Vec<Transition>,
    /// Its own before there is a dialog: the other side's value is then the target called, the target the URI the INVITE
    /// was sent to. Else the dialog's.
    pub(super) names: Names,
    /// Who the other side is.
    pub(super) party: Party,
    /// Early dialogs while an INVITE forks; then the one that was confirmed.
    pub(super) dialogs: Vec<Dialog>,
    pub(super) setup: Setup,
    pub(super) negotiation: Negotiation,
    /// Our re-INVITE met one of theirs (491): it is tried again when the timer fires.
    pub(super) glare: Option<(Offer, TimerId)>,
    /// Our re-INVITE or UPDATE that waits for the ACK of theirs, or for the answer to an UPDATE of ours.
    pub(super) waiting: Option<Offer>,
    /// An UPDATE of ours is not answered yet: the next must wait (RFC 3311 5.2).
    pub(super) updating: bool,
    /// Whether the other side takes UPDATE, once it said what it takes.
    pub(super) takes_update: Option<bool>,
    /// The packages of INFO that the other side takes, as it listed them.
    pub(super) takes_info: Box<str>,
    /// Candidates that follow their descriptions.
    pub(super) trickle: Trickle,
    /// What our Contact says of us, as it is written, and theirs of them.
    pub(super) features: Box<str>,
    pub(super) their_features: Features,
    pub(super) accepted: Option<Accepted>,
    pub(super) ringing: Option<(TimerId, Bytes)>,
    /// Where it may go if it is sent elsewhere.
    pub(super) redirection: Redirection,
    /// When the session expires.
    pub(super) session_timer: SessionTimer,
    /// Its connection is gone, and the other side does not know the new one yet.
    pub(super) recovery: Option<Recovery>,
    /// Our reliable provisional responses.
    pub(super) provisional: Provisional,
    /// Theirs, by fork.
    pub(super) legs: Vec<Leg>,
    /// Their request that moved the target is not answered yet.
    pub(super) moved: Option<Moved>,
    /// How long it may go on unanswered.
    pub(super) patience: Patience,
    /// The time an offer may take: ours at the other side, theirs at the application.
    pub(super) exchange: Option<TimerId>,
    /// The provisional response told last, so that a copy of it tells nothing.
    pub(super) progress: Identity,
    pub(super) local_sdp: Option<Bytes>,
    pub(super) remote_sdp: Option<Bytes>,
    pub(super) hold: Hold,
    /// The call whose place it takes when it is established.
    pub(super) replaces: Option<Key>,
    /// The request for a transfer that it follows, while its outcome is open.
    pub(super) referral: Option<Key>,
    /// Operations that are done when the call is over.
    pub(super) hangups: Vec<OpId>,
    /// A hang-up that waits for the ACK (15: a callee must not send BYE before).
    pub(super) bye_after_ack: Option<Option<Box<str>>>,
    /// The end to tell once the last message about it is answered.
    pub(super) end: Option<End>,
    /// The request on its way that ends it.
    pub(super) bye: Option<Key>,
    pub(super) identity: Identity,
    /// It was begun by another endpoint.
    pub(super) resumed: Option<Box<Resumed>>,
}

impl Call {
    /// A call that begins, before anything is known of it but who it is with.
    pub(super) fn new(direction: Direction, state: CallState, names: Names, party: Party, identity: Identity) -> Call {
        Call {
            span: tracing::Span::none(),
            direction,
            state,
            history: Vec::new(),
            names,
            party,
            dialogs: Vec::new(),
            setup: Setup::Over,
            negotiation: Negotiation::Idle,
            glare: None,
            waiting: None,
            updating: false,
            takes_update: None,
            takes_info: Box::default(),
            trickle: Trickle::default(),
            features: Box::default(),
            their_features: Vec::new(),
            accepted: None,
            ringing: None,
            redirection: Redirection::default(),
            session_timer: SessionTimer::default(),
            recovery: None,
            provisional: Provisional::default(),
            legs: Vec::new(),
            moved: None,
            patience: Patience::default(),
            exchange: None,
            progress: Identity::default(),
            local_sdp: None,
            remote_sdp: None,
            hold: Hold::default(),
            replaces: None,
            referral: None,
            hangups: Vec::new(),
            bye_after_ack: None,
            end: None,
            bye: None,
            identity,
            resumed: None,
        }
    }

    pub(super) fn local_tag(&self) -> &str {
        self.names.get(Text::LocalTag)
    }

    /// The other side, as far as it is known.
    pub(super) fn remote_value(&self) -> &str {
        self.dialog().map_or(self.names.get(Text::Remote), Dialog::remote)
    }

    /// Our From or To value, with the tag.
    pub(super) fn local(&self) -> &str {
        self.names.get(Text::Local)
    }

    /// Their From or To value, with the tag once it is known.
    pub(super) fn remote(&self) -> &str {
        self.dialog().map_or(self.names.get(Text::Remote), Dialog::remote)
    }

    fn session_interval(&self) -> Option<SessionInterval> {
        let running = self.session_timer.running.as_ref()?;
        Some(SessionInterval { length: Duration::from_secs(running.interval.into()), local: running.ours })
    }

    /// Where the INVITE was sent.
    pub(super) fn target(&self) -> &str {
        self.names.get(Text::Target)
    }

    /// The dialog that requests go through: the confirmed one, or the newest early one.
    pub(super) fn dialog(&self) -> Option<&Dialog> {
        self.dialogs.last()
    }

    pub(super) fn dialog_mut(&mut self) -> Option<&mut Dialog> {
        self.dialogs.last_mut()
    }

    pub(super) fn dialog_with(&mut self, remote_tag: &str) -> Option<&mut Dialog> {
        self.dialogs.iter_mut().find(|dialog| dialog.remote_tag() == remote_tag)
    }

    /// The dialog with the tag of that To value: the rest of it may have changed (RFC 4916).
    pub(super) fn dialog_to(&mut self, remote: &str) -> Option<&mut Dialog> {
        let remote = NameAddrRef::parse(remote).ok()?;
        self.dialog_with(remote.tag().unwrap_or_default())
    }

    /// Whether a new offer of ours may go out as far as other offers are concerned.
    pub(super) fn is_free(&self) -> Result<(), Error> {
        match (&self.negotiation, &self.glare, &self.waiting) {
            (Negotiation::Idle, None, None) => Ok(()),
            // A refresh is over soon.
            (Negotiation::Offering(Offer { op: None, .. }), None, None) => Ok(()),
            (Negotiation::Offered { .. }, ..) => Err(Error::Glare),
            _ => Err(Error::State("another negotiation is going on")),
        }
    }

    /// The session with the other side: with one fork of it while our INVITE is not answered.
    pub(super) fn session(&mut self, tag: &str) -> (Option<Bytes>, Option<Bytes>) {
        let (local, remote) = (self.local_sdp.clone(), self.remote_sdp.clone());
        if let Setup::Calling { .. } = self.setup {
            let agreed = self.agreed(tag);
            return agreed.map_or((None, None), |agreed| (agreed.local.clone().or(local), Some(agreed.remote.clone())));
        }
        (local, remote)
    }

    /// What was agreed on, with one fork of the other side while our INVITE is not answered.
    pub(super) fn agree(&mut self, tag: &str, local: Option<Bytes>, remote: Option<Bytes>) {
        if let Setup::Calling { .. } = self.setup {
            if let Some(agreed) = self.agreed(tag) {
                agreed.local = local.or(agreed.local.take());
                agreed.remote = remote.unwrap_or(std::mem::take(&mut agreed.remote));
            }
            return;
        }
        self.local_sdp = local.or(self.local_sdp.take());
        self.remote_sdp = remote.or(self.remote_sdp.take());
    }

    /// Takes note of what the other side says it takes.
    pub(super) fn hear_allow(&mut self, fields: &Fields) {
        if let Some(features) = features_of(fields) {
            self.their_features = features;
        }
        let mut allowed = fields.tokens(Name::Allow).peekable();
        if allowed.peek().is_some() {
            self.takes_update = Some(allowed.any(|method| method.eq_ignore_ascii_case("UPDATE")));
        }
        if fields.contains(Name::RecvInfo) {
            let packages: Vec<&str> = fields.items(Name::RecvInfo).map(|item| item.value).collect();
            self.takes_info = packages.join(",").into();
        }
        self.hear_trickle(fields);
    }

    pub(super) fn is_ending(&self) -> bool {
        matches!(self.state, CallState::Ending | CallState::Ended)
    }

    /// Whether an offer of ours took too long and is being cancelled.
    pub(super) fn has_given_up(&self) -> bool {
        matches!(&self.negotiation, Negotiation::Offering(offer) if offer.given_up)
    }

    /// The offer of ours that waits for its final response, taken out.
    pub(super) fn take_offer(&mut self) -> Option<Offer> {
        match std::mem::replace(&mut self.negotiation, Negotiation::Idle) {
            Negotiation::Offering(offer) => Some(offer),
            other => {
                self.negotiation = other;
                None
            }
        }
    }
}

impl Endpoint {
    /// What is known of a call; `None` once it is over and told.
    pub fn call_info(&self, call: CallId) -> Option<CallInfo> {
        let entry = self.calls.get(call.0)?;
        Some(CallInfo {
            call,
            direction: entry.direction,
            state: entry.state,
            call_id: entry.names.get(Text::CallId).into(),
            local: address(entry.local())?,
            remote: address(entry.remote())?,
            identity: entry.identity()?,
            hold: entry.hold,
            session_timer: entry.session_interval(),
            features: entry.their_features.clone(),
            history: entry.history.clone(),
        })
    }

    /// Brings what was known of a call up to date; nothing is new once it is over and told.
    pub(crate) fn refresh_info(&self, info: &mut CallInfo) {
        let Some(entry) = self.calls.get(info.call.0) else { return };
        info.state = entry.state;
        info.hold = entry.hold;
        info.session_timer = entry.session_interval();
        if info.features != entry.their_features {
            info.features = entry.their_features.clone();
        }
        refresh_address(&mut info.local, entry.local());
        refresh_address(&mut info.remote, entry.remote());
        if !entry.is_known_as(&info.identity, &info.remote)
            && let Some(identity) = entry.identity()
        {
            info.identity = identity;
        }
        // Mostly something was added.
        let known = info.history.len();
        match entry.history.split_at_checked(known) {
            Some((known, new)) if known.last() == info.history.last() => info.history.extend_from_slice(new),
            _ => info.history.clone_from(&entry.history),
        }
        debug_assert_eq!(Some(&*info), self.call_info(info.call).as_ref(), "what is new and what is so");
    }

    /// The calls that are not over, oldest first.
    pub fn calls(&self) -> Vec<CallId> {
        let mut calls: Vec<_> = self.calls.iter().map(|(key, call)| (call.history.first(), CallId(key))).collect();
        calls.sort_by_key(|(first, _)| first.map(|step| step.at));
        calls.into_iter().map(|(_, call)| call).collect()
    }

    pub(super) fn tell_call(&mut self, now: Instant, key: Key, event: CallEvent) {
        if let Some(call) = self.calls.get(key) {
            super::span::log_told(&call.span, &event);
        }
        self.events.push_back(Event::Call { call: CallId(key), event, at: now });
    }

    /// Takes a call into a state, with the cause in its history.
    pub(super) fn set_state(&mut self, now: Instant, key: Key, state: CallState, cause: impl Into<Cow<'static, str>>) {
        let limit = self.config.limits.history.max(2);
        let Some(call) = self.calls.get_mut(key) else { return };
        if call.state == state && !call.history.is_empty() {
            return;
        }
        self.totals.count(call.direction, state, call.history.is_empty());
        call.state = state;
        if !state.waits()
            && let Some(timer) = call.patience.take_timer()
        {
            self.timers.cancel(timer);
        }
        let transition = Transition { at: now, state, cause: cause.into() };
        if call.history.len() >= limit {
            call.history.remove(1);
        }
        call.history.push(transition.clone());
        self.tell_call(now, key, CallEvent::State(transition));
        if self.transfers() > 0 || !self.consultations.is_empty() {
            self.on_call_state(now, key, state);
        }
        if state == CallState::Established {
            self.begin_trickling(now, key);
        }
    }

    /// The call is over: told, its operations answered, everything it held freed.
    pub(super) fn end_call(&mut self, now: Instant, key: Key, end: End) {
        let cause = cause_of(&end);
        self.set_state(now, key, CallState::Ended, cause);
        let Some(mut call) = self.calls.remove(key) else { return };
        take_out(&mut self.by_dialog, &call.identity);
        self.remember_ended(now, &call.dialogs);
        self.keep_dialogs(&mut call);
        if let Some((timer, _)) = call.ringing.take() {
            self.timers.cancel(timer);
        }
        if let Some(running) = call.session_timer.running.take() {
            self.timers.cancel(running.timer);
        }
        let failure = Error::from_end(&end);
        if let Some(accepted) = call.accepted.take() {
            self.timers.cancel(accepted.timer);
            if let Some(op) = accepted.op {
                self.done(op, Err(failure.clone()));
            }
        }
        if let Some((offer, timer)) = call.glare.take() {
            self.timers.cancel(timer);
            self.done_offer(offer.op, Err(failure.clone()));
        }
        if let Some(offer) = call.waiting.take() {
            self.done_offer(offer.op, Err(failure.clone()));
        }
        self.drop_provisional(&mut call, &failure);
        if let Some(offer) = call.take_offer() {
            // Heard but not answered a re-INVITE would wait for ever.
            let request = offer.request.filter(|_| offer.carrier == Carrier::Reinvite);
            let request = request.and_then(|request| self.outgoing.get(request));
            if let Some(client) = request.and_then(|request| request.client) {
                self.transactions.cancel(now, client, None);
            }
            self.done_offer(offer.op, Err(failure));
        }
        self.refuse_pending_offer(now, &mut call);
        for op in std::mem::take(&mut call.hangups) {
            self.done(op, Ok(super::Outcome::Done));
        }
        if let Some(referral) = call.referral {
            self.report_end(now, referral, &end);
        }
        self.tell_call(now, key, CallEvent::Ended(end));
    }

    /// Changes who holds, told only if it is new.
    pub(super) fn set_hold(&mut self, now: Instant, key: Key, change: impl FnOnce(&mut Hold)) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let before = call.hold;
        change(&mut call.hold);
        let after = call.hold;
        if before != after {
            self.tell_call(now, key, CallEvent::Hold(after));
        }
    }
}

/// A From or To value without its tag.
fn address(value: &str) -> Option<NameAddr> {
    let value = NameAddrRef::parse(value).ok()?;
    let uri = Uri::parse(value.uri_text()).ok()?;
    Some(NameAddr::new(value.display_name().as_deref(), &uri))
}

/// The same, where it was read before and may be another now.
fn refresh_address(known: &mut NameAddr, value: &str) {
    if !is_address(known.as_str(), value)
        && let Some(new) = address(value)
    {
        *known = new;
    }
}

/// Whether that is what [`address`] makes of a value, without reading it: it is mostly written so.
fn is_address(address: &str, value: &str) -> bool {
    let rest = value.strip_prefix(address).or_else(|| {
        // A name that is a token needs no quotes.
        let (name, uri) = address.strip_prefix('"')?.split_once("\" ")?;
        value.strip_prefix(name)?.trim_start_matches(' ').strip_prefix(uri)
    });
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(';'))
}

/// What a history says of an end: words of our own alone, a refusal with its status.
fn cause_of(end: &End) -> Cow<'static, str> {
    match end.status {
        Some(status) if !status.is_success() => line_of(status, &end.phrase),
        _ => end.phrase.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_again_only_where_it_is_another_or_written_otherwise() {
        let known = |value: &str| address(value).expect("an address");
        for value in ["<sip:a@b>;tag=1", "<sip:a@b>", "a <sip:a@b>;tag=1", "\"A \\\" B\" <sip:a@b>;tag=x"] {
            assert!(is_address(known(value).as_str(), value), "{value}");
        }
        for (value, other) in [
            ("<sip:a@b>;tag=1", "<sip:a@b.c>;tag=1"),
            ("<sip:a@b>;tag=1", "a <sip:a@b>;tag=1"),
            ("a <sip:a@b>", "<sip:a@b>"),
            ("a <sip:a@b>", "ab <sip:a@b>"),
            ("<sip:a@b>", "<sip:a@b>x"),
            ("sip:a@b;tag=1", "sip:a@b;tag=1"),
        ] {
            assert!(!is_address(known(value).as_str(), other), "{value} {other}");
        }
    }
}
