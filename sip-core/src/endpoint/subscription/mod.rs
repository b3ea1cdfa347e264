//! Subscriptions (RFC 6665) of either role: whose dialog they use, which request is for which, and their end.
//!
//! What this does not know: REFER. Its implicit subscriptions are made with [`Endpoint::begin_subscriber`] and
//! [`Endpoint::begin_notifier`], and their [`Purpose`] says who hears of them.

mod asked;
mod document;
mod event;
mod incoming;
mod notifier;
mod notify;
mod package;
mod renewal;
mod subscriber;

pub use document::Document;
pub use event::{
    AcceptOptions, Notice, SubscribeOptions, SubscriptionEnd, SubscriptionEvent, SubscriptionId, SubscriptionRequest,
    SubscriptionState,
};

use super::call::Call;
use super::event::{Event, OpId, Outcome};
use super::outgoing::{self, Outgoing};
use super::{EndedBy, Endpoint, Error, Timer};
use crate::arena::Key;
use crate::dialog::Dialog;
use crate::hashing::{Identity, take_out};
use crate::message::{EventRef, Method};
use crate::time::Instant;
use crate::timer::TimerId;
use notifier::Notifier;
pub(super) use notifier::Said;
pub(super) use package::{Package, media_type};
use subscriber::Subscriber;
pub(super) use subscriber::may_recover;

/// Whose dialog a subscription uses.
#[derive(Debug)]
pub(super) enum Seat {
    /// Our request is on its way; the first NOTIFY makes the dialog (RFC 6665 4.4.1).
    Awaited(Awaited),
    /// Its own.
    Own(Box<Dialog>),
    /// That of a call, by the other side's tag (RFC 5057). When the call ends first it goes on with a copy.
    Call(Key, Box<str>),
}

/// What is known of a dialog before its first NOTIFY.
#[derive(Debug)]
pub(super) struct Awaited {
    pub(super) call_id: Box<str>,
    pub(super) local_tag: Box<str>,
    /// Our From value, with the tag.
    pub(super) local: Box<str>,
    /// The URI the request was sent to.
    pub(super) target: Box<str>,
    pub(super) cseq: u32,
}

/// Who hears of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Application,
    /// A transfer of ours: what becomes of it.
    Transfer(Key),
    /// The other side's transfer, which this side reports.
    Referral(Key),
}

#[derive(Debug)]
enum Role {
    Subscriber(Box<Subscriber>),
    Notifier(Box<Notifier>),
}

#[derive(Debug)]
pub(super) struct Subscription {
    seat: Seat,
    identity: Identity,
    package: Package,
    purpose: Purpose,
    role: Role,
    state: SubscriptionState,
    /// When it ends unless it is refreshed.
    expiry: Option<Instant>,
    /// Runs until the next refresh or try; for a notifier until the end.
    timer: Option<TimerId>,
    /// Operations that are done when it is over.
    ops: Vec<OpId>,
}

impl Subscription {
    fn subscriber(&mut self) -> Option<&mut Subscriber> {
        match &mut self.role {
            Role::Subscriber(subscriber) => Some(subscriber),
            Role::Notifier(_) => None,
        }
    }

    fn notifier(&mut self) -> Option<&mut Notifier> {
        match &mut self.role {
            Role::Notifier(notifier) => Some(notifier),
            Role::Subscriber(_) => None,
        }
    }

    fn is_up(&self) -> bool {
        matches!(self.state, SubscriptionState::Active | SubscriptionState::Pending)
    }

    /// Seconds left, rounded up.
    fn left(&self, now: Instant) -> Option<u32> {
        let millis = self.expiry?.since(now).as_millis();
        Some(u32::try_from(millis.div_ceil(1000)).unwrap_or(u32::MAX))
    }
}

/// What a NOTIFY may use after a subscription is over.
const GONE: Error = Error::State("the subscription is over");

impl Subscription {
    /// Its own dialog, if it has one.
    pub(super) fn dialog(&self) -> Option<&Dialog> {
        match &self.seat {
            Seat::Own(dialog) => Some(dialog),
            Seat::Awaited(_) | Seat::Call(..) => None,
        }
    }
}

impl Endpoint {
    fn insert_subscription(&mut self, seat: Seat, package: Package, purpose: Purpose, role: Role) -> Key {
        let identity = self.seat_identity(&seat);
        let state = SubscriptionState::Subscribing;
        let entry =
            Subscription { seat, identity, package, purpose, role, state, expiry: None, timer: None, ops: Vec::new() };
        let key = self.subscriptions.insert(entry);
        self.usages.entry(identity).or_default().push(key);
        key
    }

    fn seat_identity(&self, seat: &Seat) -> Identity {
        match seat {
            Seat::Awaited(awaited) => self.dialog_identity(&awaited.call_id, &awaited.local_tag),
            Seat::Own(dialog) => self.dialog_identity(dialog.call_id(), dialog.local_tag()),
            Seat::Call(call, _) => self.calls.get(*call).map(|call| call.identity).unwrap_or_default(),
        }
    }

    /// Moves a subscription to another dialog.
    fn reseat(&mut self, key: Key, seat: Seat) {
        let identity = self.seat_identity(&seat);
        let Some(entry) = self.subscriptions.get_mut(key) else { return };
        let old = std::mem::replace(&mut entry.identity, identity);
        entry.seat = seat;
        if old != identity {
            self.forget_usage(old, key);
            self.usages.entry(identity).or_default().push(key);
        }
    }

    fn forget_usage(&mut self, identity: Identity, key: Key) {
        if let Some(keys) = self.usages.get_mut(&identity) {
            keys.retain(|other| *other != key);
            if keys.is_empty() {
                take_out(&mut self.usages, &identity);
            }
        }
    }

    /// The subscriptions whose dialogs have this Call-ID and tag of ours, oldest first.
    fn usages_of(&self, call_id: &str, local_tag: &str) -> &[Key] {
        self.usages.get(&self.dialog_identity(call_id, local_tag)).map_or(&[], Vec::as_slice)
    }

    /// The dialog of a subscription, if there is one.
    fn subscription_dialog(&mut self, key: Key) -> Option<&mut Dialog> {
        match &mut self.subscriptions.get_mut(key)?.seat {
            Seat::Awaited(_) => None,
            Seat::Own(dialog) => Some(dialog),
            Seat::Call(call, tag) => self.calls.get_mut(*call)?.dialog_with(tag),
        }
    }

    /// A request within the dialog of a subscription.
    fn subscription_request(&mut self, key: Key, purpose: outgoing::Purpose, method: Method) -> Option<Outgoing> {
        let mut dialog = self.subscription_dialog(key)?.clone();
        let mut outgoing = self.dialog_request(&mut dialog, purpose, method);
        outgoing.contact = true;
        self.share_cseq(key, dialog.local_cseq());
        Some(outgoing)
    }

    /// The next number for a request that is sent once more.
    pub(super) fn next_subscription_cseq(&mut self, key: Key, last: u32) -> u32 {
        let next = match self.subscription_dialog(key) {
            Some(dialog) => dialog.next_cseq(),
            None => last.saturating_add(1),
        };
        self.share_cseq(key, next);
        next
    }

    /// What a dialog has sent is known to all that use it: copies of one dialog count on together.
    fn share_cseq(&mut self, key: Key, cseq: u32) {
        let Some(entry) = self.subscriptions.get_mut(key) else { return };
        if let Seat::Awaited(awaited) = &mut entry.seat {
            awaited.cseq = awaited.cseq.max(cseq);
        }
        let identity = entry.identity;
        let Some(tag) = self.subscription_dialog(key).map(|dialog| Box::<str>::from(dialog.remote_tag())) else {
            return;
        };
        for other in self.usages.get(&identity).cloned().unwrap_or_default() {
            if let Some(dialog) = self.subscription_dialog(other).filter(|dialog| dialog.remote_tag() == &*tag) {
                dialog.raise_cseq(cseq);
            }
        }
    }

    /// Its request went once more: its Event value names that one.
    pub(super) fn set_subscription_package(&mut self, key: Key, package: Package) {
        if let Some(entry) = self.subscriptions.get_mut(key) {
            entry.package = package;
        }
    }

    /// A call ends: what goes on in its dialog has a copy of it from now on (RFC 5057 4.1).
    pub(super) fn keep_dialogs(&mut self, call: &mut Call) {
        for key in self.usages.get(&call.identity).cloned().unwrap_or_default() {
            let Some(entry) = self.subscriptions.get_mut(key) else { continue };
            if let Seat::Call(_, tag) = &entry.seat
                && let Some(dialog) = call.dialog_with(tag)
            {
                entry.seat = Seat::Own(Box::new(dialog.clone()));
            }
        }
    }

    fn set_subscription_state(&mut self, now: Instant, key: Key, state: SubscriptionState) {
        self.set_subscription_state_for(now, key, state, None);
    }

    fn set_subscription_state_for(
        &mut self,
        now: Instant,
        key: Key,
        state: SubscriptionState,
        cause: Option<Box<str>>,
    ) {
        let Some(entry) = self.subscriptions.get_mut(key) else { return };
        if std::mem::replace(&mut entry.state, state) == state {
            return;
        }
        let expires = match state {
            SubscriptionState::Pending | SubscriptionState::Active => entry.left(now),
            _ => None,
        };
        self.tell_subscription(now, key, SubscriptionEvent::State { state, expires, cause });
    }

    /// Tells whom it concerns.
    fn tell_subscription(&mut self, now: Instant, key: Key, event: SubscriptionEvent) {
        let Some(entry) = self.subscriptions.get(key) else { return };
        match (entry.purpose, event) {
            (Purpose::Application, event) => {
                let subscription = SubscriptionId(key);
                self.events.push_back(Event::Subscription { subscription, event, at: now });
            }
            (Purpose::Transfer(transfer), SubscriptionEvent::Notice(notice)) => {
                self.on_refer_notice(now, transfer, &notice);
            }
            (Purpose::Transfer(transfer), SubscriptionEvent::Ended(end)) => self.on_refer_over(now, transfer, &end),
            (Purpose::Referral(referral), SubscriptionEvent::Ended(_)) => self.on_report_over(referral),
            (Purpose::Transfer(_) | Purpose::Referral(_), _) => {}
        }
    }

    /// It is over: told, its operations answered, everything it held freed.
    fn end_subscription(&mut self, now: Instant, key: Key, end: SubscriptionEnd) {
        self.stop_subscription_timer(key);
        self.stop_timer_n(key);
        self.end_refreshes(key, Err(GONE));
        self.drop_notifier(now, key);
        self.set_subscription_state(now, key, SubscriptionState::Terminated);
        let ops = self.subscriptions.get_mut(key).map(|entry| std::mem::take(&mut entry.ops)).unwrap_or_default();
        for op in ops {
            self.done(op, Ok(Outcome::Done));
        }
        self.tell_subscription(now, key, SubscriptionEvent::Ended(end));
        if let Some(entry) = self.subscriptions.remove(key) {
            self.forget_usage(entry.identity, key);
        }
    }

    fn set_subscription_timer(&mut self, key: Key, at: Instant) {
        self.stop_subscription_timer(key);
        let timer = self.timers.insert(at, Timer::Subscription(key));
        match self.subscriptions.get_mut(key) {
            Some(entry) => entry.timer = Some(timer),
            None => _ = self.timers.cancel(timer),
        }
    }

    fn stop_subscription_timer(&mut self, key: Key) {
        if let Some(timer) = self.subscriptions.get_mut(key).and_then(|entry| entry.timer.take()) {
            self.timers.cancel(timer);
        }
    }

    pub(super) fn on_subscription_timer(&mut self, now: Instant, key: Key) {
        let Some(entry) = self.subscriptions.get_mut(key) else { return };
        entry.timer = None;
        match entry.role {
            Role::Subscriber(_) => self.on_subscriber_timer(now, key),
            Role::Notifier(_) => self.on_notifier_timer(now, key),
        }
    }

    /// The way to the server is up again.
    pub(super) fn resume_subscriptions(&mut self, now: Instant) {
        let keys: Vec<_> = self.subscriptions.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.resume_subscriber(now, key);
            self.send_next_notify(now, key, true);
        }
    }

    /// This side goes: every subscription is given up in order.
    pub(super) fn end_subscriptions(&mut self, now: Instant) {
        let keys: Vec<_> = self.subscriptions.iter().map(|(key, _)| key).collect();
        for key in keys {
            match self.subscriptions.get(key).map(|entry| &entry.role) {
                Some(Role::Subscriber(_)) => self.begin_unsubscribe(now, key),
                Some(Role::Notifier(_)) => self.retire_notifier(now, key),
                None => {}
            }
        }
    }

    /// Ends one without a word to anybody: the other side has none.
    pub(super) fn drop_subscription(&mut self, now: Instant, key: Key) {
        self.end_subscription(now, key, SubscriptionEnd::failed(Error::Cancelled));
    }

    /// Ends all subscriptions without a word to anybody.
    pub(super) fn drop_subscriptions(&mut self, now: Instant) {
        let keys: Vec<_> = self.subscriptions.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.end_subscription(now, key, SubscriptionEnd::failed(Error::Cancelled));
        }
    }
}

impl SubscriptionEnd {
    fn local(reason: &str) -> SubscriptionEnd {
        SubscriptionEnd { by: EndedBy::Local, reason: reason.into(), retry_after: None, error: None }
    }

    pub(crate) fn failed(error: Error) -> SubscriptionEnd {
        let (by, reason, retry_after) = match &error {
            Error::Status(refusal) => (EndedBy::Remote, refusal.phrase.clone(), refusal.retry_after),
            Error::Authentication { status, .. } => (EndedBy::Remote, status.reason().into(), None),
            Error::Cancelled => (EndedBy::Local, error.to_string().into(), None),
            _ => (EndedBy::Network, error.to_string().into(), None),
        };
        SubscriptionEnd { by, reason, retry_after, error: Some(error) }
    }
}

/// Whether a failed SUBSCRIBE or NOTIFY within a dialog ends the subscription (RFC 6665 4.1.2.2 and 4.2.2, RFC 5057 5.1).
fn is_over(error: &Error) -> bool {
    match error {
        Error::Status(refusal) => {
            matches!(refusal.status.code(), 404 | 405 | 410 | 416 | 480..=485 | 489 | 501 | 604)
        }
        Error::Authentication { .. } => true,
        _ => false,
    }
}

/// An Event value of the application, read.
pub(super) fn read_event(value: &str) -> Result<Package, Error> {
    EventRef::parse(value).map(|event| Package::of(&event)).map_err(|error| Error::unparsable("event", &error))
}
