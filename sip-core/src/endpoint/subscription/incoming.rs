//! SUBSCRIBE and NOTIFY of others: which subscription each is for (RFC 6665 4.1.3 and 4.4.1).

use std::sync::Arc;

use super::super::{Endpoint, Event};
use super::subscriber::Sent;
use super::{Notice, Role, Seat, Subscription, SubscriptionEnd, SubscriptionEvent, SubscriptionId, SubscriptionState};
use crate::arena::Key;
use crate::dialog::{Dialog, DialogError};
use crate::message::{
    EventRef, Method, Name, ParseError, Request, StatusCode, SubscriptionPhase, SubscriptionStateRef,
};
use crate::time::Instant;
use crate::transaction::ServerId;
use crate::transport::Path;

/// Notifiers that one SUBSCRIBE may reach.
const FORKS: usize = 32;

impl Endpoint {
    /// A request within a dialog that is SUBSCRIBE or NOTIFY, or whose dialog is a subscription's alone.
    pub(in super::super) fn on_usage_request(
        &mut self,
        now: Instant,
        server: ServerId,
        request: Arc<Request>,
        source: Path,
        local_tag: &str,
    ) {
        let event = match request.event() {
            Ok(event) => event,
            Err(error) => return self.refuse_unreadable(now, server, &request, source, &error),
        };
        match request.method() {
            Method::Notify => self.on_notify(now, server, &request, source, local_tag, event),
            Method::Subscribe => self.on_resubscribe(now, server, &request, source, local_tag, event),
            method => {
                let key = self.usage_with(&request, local_tag, |_| true);
                let accepted = key.and_then(|key| self.accept_in(key, &request, source));
                match (accepted, method) {
                    (None, _) => {
                        self.refuse(now, server, &request, source, StatusCode::CALL_DOES_NOT_EXIST, &[]);
                    }
                    (Some(Err(status)), _) => self.refuse(now, server, &request, source, status, &[]),
                    (Some(Ok(())), Method::Options) => self.on_options(now, server, &request, source),
                    // No usage of this dialog takes it.
                    (Some(Ok(())), _) => {
                        self.refuse(now, server, &request, source, StatusCode::CALL_DOES_NOT_EXIST, &[]);
                    }
                }
            }
        }
    }

    pub(in super::super) fn refuse_unreadable(
        &mut self,
        now: Instant,
        server: ServerId,
        request: &Request,
        source: Path,
        error: &ParseError,
    ) {
        let phrase = error.to_string();
        self.refuse_with(now, server, request, source, StatusCode::BAD_REQUEST, Some(&phrase), &[]);
    }

    /// The subscription in the dialog of a request that is the one looked for.
    pub(super) fn usage_with(
        &self,
        request: &Request,
        local_tag: &str,
        wanted: impl Fn(&Subscription) -> bool,
    ) -> Option<Key> {
        let remote_tag = request.from().ok()?.tag().unwrap_or_default();
        let is = |key: &&Key| {
            self.subscriptions.get(**key).is_some_and(|entry| {
                let same = match &entry.seat {
                    Seat::Awaited(_) => false,
                    Seat::Own(dialog) => dialog.remote_tag() == remote_tag,
                    Seat::Call(_, tag) => **tag == *remote_tag,
                };
                same && wanted(entry)
            })
        };
        self.usages_of(request.call_id().ok()?, local_tag).iter().find(is).copied()
    }

    /// The order of requests in the dialog of a subscription, and its target (12.2.2). `None`: there is no dialog.
    pub(super) fn accept_in(&mut self, key: Key, request: &Request, source: Path) -> Option<Result<(), StatusCode>> {
        let dialog = self.subscription_dialog(key)?;
        Some(match dialog.accept(request, source) {
            Ok(()) => {
                if matches!(request.method(), Method::Notify | Method::Subscribe) {
                    // A Contact that cannot be read leaves the target as it was.
                    let _ = dialog.refresh_target(request);
                }
                Ok(())
            }
            Err(DialogError::OutOfOrder { .. }) => Err(StatusCode::SERVER_INTERNAL_ERROR),
            Err(_) => Err(StatusCode::BAD_REQUEST),
        })
    }

    fn on_notify(
        &mut self,
        now: Instant,
        server: ServerId,
        request: &Request,
        source: Path,
        local_tag: &str,
        event: Option<EventRef<'_>>,
    ) {
        let Some(key) = self.notified(now, request, source, local_tag, event) else {
            return self.refuse(now, server, request, source, StatusCode::CALL_DOES_NOT_EXIST, &[]);
        };
        let state = match request.subscription_state() {
            Ok(Some(state)) => state,
            Ok(None) => {
                let phrase = Some("Subscription-State is missing");
                return self.refuse_with(now, server, request, source, StatusCode::BAD_REQUEST, phrase, &[]);
            }
            Err(error) => return self.refuse_unreadable(now, server, request, source, &error),
        };
        if let Some(Err(status)) = self.accept_in(key, request, source) {
            return self.refuse(now, server, request, source, status, &[]);
        }
        self.reply(now, server, request, source, StatusCode::OK);
        self.on_notice(now, key, request, state);
    }

    /// The subscription a NOTIFY is for. The first one makes its dialog, others of the same SUBSCRIBE a subscription each.
    fn notified(
        &mut self,
        now: Instant,
        request: &Request,
        source: Path,
        local_tag: &str,
        event: Option<EventRef<'_>>,
    ) -> Option<Key> {
        // Some send none where there is but one subscription.
        let is_meant = |entry: &Subscription| {
            matches!(entry.role, Role::Subscriber(_)) && event.is_none_or(|event| entry.package.matches(&event))
        };
        if let Some(key) = self.usage_with(request, local_tag, is_meant) {
            return Some(key);
        }
        let keys = self.usages_of(request.call_id().ok()?, local_tag);
        let all = keys.len();
        let first = keys.iter().find_map(|key| {
            let entry = self.subscriptions.get(*key).filter(|entry| is_meant(entry))?;
            match (&entry.role, &entry.seat) {
                (_, Seat::Call(..)) | (Role::Notifier(_), _) => None,
                (Role::Subscriber(subscriber), _) => subscriber.origin.is_none().then_some(*key),
            }
        })?;
        let entry = self.subscriptions.get_mut(first)?;
        let (local, target, cseq) = match &entry.seat {
            Seat::Awaited(awaited) => (awaited.local.clone(), awaited.target.clone(), awaited.cseq),
            Seat::Own(dialog) => (dialog.local().into(), dialog.target().into(), dialog.local_cseq()),
            Seat::Call(..) => return None,
        };
        let (is_first, ending) = (matches!(entry.seat, Seat::Awaited(_)), entry.state == SubscriptionState::Ending);
        let (package, purpose) = (entry.package.clone(), entry.purpose);
        let dialog = Dialog::from_notify(now, request, &local, local_tag, cseq, &target, source).ok()?;
        let seat = Seat::Own(Box::new(dialog));
        if is_first {
            entry.seat = seat;
            return Some(first);
        }
        let room = all < FORKS && self.subscriptions.len() < self.config.limits.subscriptions;
        let subscriber = self.subscriber_mut(first)?;
        if !subscriber.forks || ending || now > subscriber.forks_until || !room {
            return None;
        }
        let fork = subscriber.fork(first);
        let key = self.insert_subscription(seat, package, purpose, Role::Subscriber(Box::new(fork)));
        self.tell_subscription(now, first, SubscriptionEvent::Forked(SubscriptionId(key)));
        Some(key)
    }

    /// What a NOTIFY says.
    fn on_notice(&mut self, now: Instant, key: Key, request: &Request, said: SubscriptionStateRef<'_>) {
        let Some(entry) = self.subscriptions.get_mut(key) else { return };
        let (before, known) = (entry.state, entry.expiry.is_some());
        let state = match said.state {
            SubscriptionPhase::Terminated => SubscriptionState::Terminated,
            SubscriptionPhase::Pending => SubscriptionState::Pending,
            SubscriptionPhase::Active | SubscriptionPhase::Other(_) => SubscriptionState::Active,
        };
        let notice = notice_of(request, &entry.package.name, state);
        // At the end only the last one is waited for.
        if before != SubscriptionState::Ending {
            self.stop_timer_n(key);
        }
        let Some(entry) = self.subscriptions.get_mut(key) else { return };
        let Some(subscriber) = entry.subscriber() else { return };
        let once = subscriber.expires == 0;
        // The 2xx may be still to come, and say it.
        let asked = subscriber.in_flight.is_none().then_some(subscriber.expires);
        let fallback = subscriber.granted.take().or(asked);
        if state == SubscriptionState::Terminated {
            self.tell_subscription(now, key, SubscriptionEvent::Notice(notice));
            return self.on_terminated(now, key, said.reason, said.retry_after);
        }
        if before == SubscriptionState::Subscribing {
            subscriber.since = Some(now);
        }
        if before == SubscriptionState::Ending {
            self.tell_subscription(now, key, SubscriptionEvent::Notice(notice));
            let idle = self.subscriber_mut(key).is_some_and(|subscriber| subscriber.in_flight.is_none());
            if idle {
                self.send_subscribe(now, key, Sent::End);
            }
            return;
        }
        self.end_refreshes(key, Ok(()));
        if let Some(seconds) = said.expires.or(fallback.filter(|_| !known)).filter(|_| !once) {
            self.set_lifetime(now, key, seconds);
        }
        self.set_subscription_state(now, key, state);
        self.tell_subscription(now, key, SubscriptionEvent::Notice(notice));
        if once {
            // Asked for once, and here it is, whatever the notifier calls it.
            self.end_subscription(now, key, SubscriptionEnd::local("fetched"));
        }
    }

    /// A NOTIFY outside of any dialog: what nobody subscribed to, as many servers tell of waiting messages.
    pub(in super::super) fn on_unsolicited(&mut self, now: Instant, server: ServerId, request: &Request, source: Path) {
        let event = match request.event() {
            Ok(event) => event,
            Err(error) => return self.refuse_unreadable(now, server, request, source, &error),
        };
        let summary = request
            .content_type()
            .ok()
            .flatten()
            .is_some_and(|content_type| content_type.eq_ignore_ascii_case("application/simple-message-summary"));
        let package = match event {
            Some(event) => event.package,
            // Some leave the package to be guessed.
            None if summary => "message-summary",
            None => "",
        };
        let wanted = self.config.unsolicited.iter().any(|wanted| **wanted == *package);
        let Ok(from) = request.from() else { return };
        if !wanted {
            return self.refuse(now, server, request, source, StatusCode::CALL_DOES_NOT_EXIST, &[]);
        }
        let notice = notice_of(request, package, SubscriptionState::Active);
        let event = Event::Notice { from: from.to_owned(), notice, at: now };
        self.reply(now, server, request, source, StatusCode::OK);
        self.events.push_back(event);
    }
}

fn notice_of(request: &Request, package: &str, state: SubscriptionState) -> Notice {
    let body = request.body_bytes();
    let content_type = match body.is_empty() {
        true => "",
        false => request.text(Name::ContentType).ok().flatten().unwrap_or_default(),
    };
    Notice { package: package.into(), state, content_type: content_type.into(), body }
}
