//! The subscriber's requests (RFC 6665 4.1.2): subscribing, refreshing, unsubscribing, and their answers.

use std::time::Duration;

use bytes::Bytes;

use super::super::outgoing::{self, Outgoing};
use super::super::registration::refresh_after;
use super::super::{Endpoint, Error, OpId, Outcome, Refusal, Timer};
use super::package::Package;
use super::{
    Awaited, Event, GONE, Purpose, Role, Seat, SubscribeOptions, SubscriptionEnd, SubscriptionEvent, SubscriptionId,
    SubscriptionState, is_over, read_event,
};
use crate::arena::Key;
use crate::message::{Method, Name, Response, StatusCode};
use crate::time::Instant;
use crate::timer::TimerId;
use crate::transaction;
use crate::transport::Path;

/// A notifier that answers 423 again and again is not followed for ever.
const INTERVAL_ROUNDS: u32 = 3;
/// Header fields that come from options of their own.
const FROM_OPTIONS: [&str; 4] = ["event", "o", "expires", "accept"];
/// A lifetime that is told again and differs by less is the same (milliseconds).
const SAME_LIFETIME: u64 = 2000;

/// Which SUBSCRIBE waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Initial,
    Refresh,
    End,
}

#[derive(Clone, Debug)]
pub(super) struct Subscriber {
    /// What initial requests are sent to.
    target: Box<str>,
    /// Seconds to ask for; raised by 423.
    pub(super) expires: u32,
    accept: Option<Box<str>>,
    headers: Vec<(String, String)>,
    body: Option<(String, Bytes)>,
    pub(super) forks: bool,
    pub(super) renew: bool,
    /// Made by a fork of this one's SUBSCRIBE.
    pub(super) origin: Option<Key>,
    pub(super) in_flight: Option<Sent>,
    /// Timer N: the NOTIFY that must follow a SUBSCRIBE.
    timer_n: Option<TimerId>,
    /// Until then a NOTIFY with another tag is a fork.
    pub(super) forks_until: Instant,
    rounds: u32,
    /// Operations that want the state told once more.
    pub(super) refreshes: Vec<OpId>,
    /// Granted by a 2xx whose NOTIFY is not here yet.
    pub(super) granted: Option<u32>,
    /// When it became active or pending; it lasts, and a loss is answered by subscribing again.
    pub(super) since: Option<Instant>,
    /// Tries since it was lost.
    pub(super) failures: u32,
    /// It waits because nobody could be reached, which a new connection may change.
    pub(super) unreachable: bool,
}

impl Subscriber {
    fn new(target: &str, expires: u32) -> Subscriber {
        Subscriber {
            target: target.into(),
            expires,
            accept: None,
            headers: Vec::new(),
            body: None,
            forks: false,
            renew: false,
            origin: None,
            in_flight: None,
            timer_n: None,
            forks_until: Instant::default(),
            rounds: 0,
            refreshes: Vec::new(),
            granted: None,
            since: None,
            failures: 0,
            unreachable: false,
        }
    }

    /// The same for another notifier that answered. What was lost is subscribed to again by the first alone.
    pub(super) fn fork(&self, origin: Key) -> Subscriber {
        let refreshes = Vec::new();
        let origin = Some(origin);
        Subscriber { origin, refreshes, renew: false, in_flight: None, timer_n: None, since: None, ..self.clone() }
    }
}

impl Endpoint {
    /// Subscribes to an event package at a target. The SUBSCRIBE is on its way when this returns; it is refreshed, and
    /// made again after a loss, by itself.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] for what cannot be sent, [`Error::Limit`] with too many subscriptions, [`Error::Transport`] if
    /// no flow leads there, [`Error::State`] while shutting down.
    pub fn subscribe(
        &mut self,
        now: Instant,
        target: &str,
        options: SubscribeOptions,
    ) -> Result<SubscriptionId, Error> {
        self.may_begin()?;
        let target = self.complete_target(target)?.request_uri();
        let package = read_event(&options.event)?;
        check(&options)?;
        if self.subscriptions.len() >= self.config.limits.subscriptions {
            return Err(Error::Limit("too many subscriptions"));
        }
        let seat = Seat::Awaited(self.awaited(target.as_str()));
        let forks = options.forks.unwrap_or(package.forks());
        let key = self.begin_subscriber(now, seat, package, Purpose::Application, options.expires);
        if let Some(subscriber) = self.subscriber_mut(key) {
            subscriber.accept = options.accept.map(Into::into);
            subscriber.headers = options.headers;
            subscriber.body = options.body;
            subscriber.forks = forks;
            subscriber.renew = options.renew && options.expires > 0;
        }
        let state = SubscriptionEvent::State { state: SubscriptionState::Subscribing, expires: None, cause: None };
        self.tell_subscription(now, key, state);
        self.send_subscribe(now, key, Sent::Initial);
        self.pump(now);
        match self.subscriptions.get(key) {
            Some(_) => Ok(SubscriptionId(key)),
            None => Err(self.forget_subscription(SubscriptionId(key))),
        }
    }

    /// Begins a subscription whose request is sent by whoever calls this; timer N runs from now on.
    pub(in super::super) fn begin_subscriber(
        &mut self,
        now: Instant,
        seat: Seat,
        package: Package,
        purpose: Purpose,
        expires: u32,
    ) -> Key {
        let target = match &seat {
            Seat::Awaited(awaited) => awaited.target.clone(),
            Seat::Own(_) | Seat::Call(..) => "".into(),
        };
        let role = Role::Subscriber(Box::new(Subscriber::new(&target, expires)));
        let key = self.insert_subscription(seat, package, purpose, role);
        self.start_timer_n(now, key);
        key
    }

    /// One that failed before anybody had its handle: its events are taken back, its error is all there is to tell.
    fn forget_subscription(&mut self, id: SubscriptionId) -> Error {
        let mut error = Error::Cancelled;
        self.events.retain(|event| match event {
            Event::Subscription { subscription, event, .. } if *subscription == id => {
                if let SubscriptionEvent::Ended(SubscriptionEnd { error: Some(cause), .. }) = event {
                    error = cause.clone();
                }
                false
            }
            _ => true,
        });
        error
    }

    /// A dialog that a request to this target may make.
    pub(in super::super) fn awaited(&mut self, target: &str) -> Awaited {
        let call_id = self.entropy.call_id();
        let local_tag = self.entropy.tag();
        let local = self.local_address(&local_tag);
        Awaited { call_id, local_tag, local, target: target.into(), cseq: 0 }
    }

    pub(super) fn subscriber_mut(&mut self, key: Key) -> Option<&mut Subscriber> {
        self.subscriptions.get_mut(key)?.subscriber()
    }

    /// Ends a subscription: SUBSCRIBE with Expires 0 (RFC 6665 4.1.2.3). Done when it is over; one that is over already is
    /// no error. Those that its forks made end with it.
    pub fn unsubscribe(&mut self, now: Instant, subscription: SubscriptionId) -> OpId {
        let op = self.op();
        match self.subscriptions.get_mut(subscription.0) {
            None => self.done(op, Ok(Outcome::Done)),
            Some(entry) => match entry.role {
                Role::Subscriber(_) => {
                    entry.ops.push(op);
                    self.begin_unsubscribe(now, subscription.0);
                }
                Role::Notifier(_) => {
                    self.done(op, Err(Error::State("the subscription is the other side's: terminate it")));
                }
            },
        }
        self.pump(now);
        op
    }

    /// Asks for the whole state at once (RFC 6665 4.4.3), e.g. where a partial document does not fit what was known. Done
    /// when the notification is here.
    ///
    /// # Errors
    ///
    /// [`Error::State`] unless the subscription is active or pending; [`Error::Status`], [`Error::Timeout`].
    pub fn refresh_subscription(&mut self, now: Instant, subscription: SubscriptionId) -> OpId {
        let op = self.op();
        let entry = self.subscriptions.get_mut(subscription.0);
        let idle = entry.filter(|entry| entry.is_up()).and_then(|entry| entry.subscriber()).map(|subscriber| {
            subscriber.refreshes.push(op);
            subscriber.in_flight.is_none()
        });
        match idle {
            None => self.done(op, Err(Error::State("the subscription is not active"))),
            Some(true) => self.send_subscribe(now, subscription.0, Sent::Refresh),
            Some(false) => {}
        }
        self.pump(now);
        op
    }

    /// Who waits for the state has it, or will not get it.
    pub(super) fn end_refreshes(&mut self, key: Key, result: Result<(), Error>) {
        let ops = self.subscriber_mut(key).map(|subscriber| std::mem::take(&mut subscriber.refreshes));
        for op in ops.unwrap_or_default() {
            self.done(op, result.clone().map(|()| Outcome::Done));
        }
    }

    pub(in super::super) fn begin_unsubscribe(&mut self, now: Instant, key: Key) {
        let of_origin = |entry: &super::Subscription| match &entry.role {
            Role::Subscriber(subscriber) => subscriber.origin == Some(key),
            Role::Notifier(_) => false,
        };
        let forks: Vec<_> =
            self.subscriptions.iter().filter(|(_, entry)| of_origin(entry)).map(|(fork, _)| fork).collect();
        for fork in forks {
            self.begin_unsubscribe(now, fork);
        }
        let Some(entry) = self.subscriptions.get_mut(key) else { return };
        let (state, has_dialog) = (entry.state, !matches!(entry.seat, Seat::Awaited(_)));
        let Some(idle) = entry.subscriber().map(|subscriber| subscriber.in_flight.is_none()) else { return };
        match state {
            SubscriptionState::Ending | SubscriptionState::Terminated => return,
            SubscriptionState::Waiting => {
                return self.end_subscription(now, key, SubscriptionEnd::local("unsubscribed"));
            }
            // Where nothing has come yet the first NOTIFY shows where to end it, or timer N that there is nothing.
            SubscriptionState::Subscribing | SubscriptionState::Pending | SubscriptionState::Active => {}
        }
        self.set_subscription_state(now, key, SubscriptionState::Ending);
        if has_dialog && idle {
            self.send_subscribe(now, key, Sent::End);
        }
    }

    pub(super) fn send_subscribe(&mut self, now: Instant, key: Key, sent: Sent) {
        self.stop_subscription_timer(key);
        let purpose = outgoing::Purpose::Subscribe(key);
        let Some(entry) = self.subscriptions.get_mut(key) else { return };
        let outgoing = match &mut entry.seat {
            Seat::Awaited(awaited) => {
                awaited.cseq = awaited.cseq.saturating_add(1);
                let mut to = String::from("<");
                to.push_str(&awaited.target);
                to.push('>');
                let (target, local, call_id) = (&awaited.target, &awaited.local, &awaited.call_id);
                let mut outgoing = Outgoing::new(purpose, Method::Subscribe, target, local, &to, call_id, awaited.cseq);
                outgoing.contact = true;
                Some(outgoing)
            }
            Seat::Own(_) | Seat::Call(..) => self.subscription_request(key, purpose, Method::Subscribe),
        };
        let Some(mut outgoing) = outgoing else {
            return self.end_subscription(now, key, SubscriptionEnd::failed(GONE));
        };
        self.start_timer_n(now, key);
        let Some(entry) = self.subscriptions.get_mut(key) else { return };
        outgoing = outgoing.header("Event", &entry.package.value);
        let default = entry.package.accept();
        let Some(subscriber) = entry.subscriber() else { return };
        subscriber.in_flight = Some(sent);
        let expires = if sent == Sent::End { 0 } else { subscriber.expires };
        outgoing = outgoing.header("Expires", &expires.to_string());
        if let Some(accept) = subscriber.accept.as_deref().or(default) {
            outgoing = outgoing.header("Accept", accept);
        }
        for (name, value) in &subscriber.headers {
            outgoing = outgoing.header(name, value);
        }
        if let Some((content_type, body)) = subscriber.body.as_ref().filter(|_| sent != Sent::End) {
            outgoing = outgoing.body(content_type, body.clone());
        }
        self.send_request(now, outgoing);
    }

    pub(in super::super) fn on_subscribed(
        &mut self,
        now: Instant,
        key: Key,
        outgoing: Outgoing,
        result: Result<(&Response, Path), Error>,
    ) {
        let Some(entry) = self.subscriptions.get_mut(key) else { return };
        let given_up = match &entry.seat {
            Seat::Awaited(awaited) => awaited.call_id != outgoing.call_id,
            Seat::Own(dialog) => *dialog.call_id() != *outgoing.call_id,
            Seat::Call(..) => false,
        };
        if given_up {
            return; // it was subscribed again meanwhile
        }
        let Some(sent) = entry.subscriber().and_then(|subscriber| subscriber.in_flight.take()) else { return };
        match result {
            Ok((response, _)) if response.status().is_success() => {
                self.on_subscribe_accepted(now, key, sent, response);
            }
            Ok((response, _))
                if response.status() == StatusCode::INTERVAL_TOO_BRIEF && self.raise_interval_of(key, response) =>
            {
                self.send_subscribe(now, key, sent);
            }
            Ok((response, _)) => {
                let refusal = Refusal::of(response.status(), response.reason(), response);
                self.on_subscribe_failed(now, key, sent, Error::Status(refusal));
            }
            Err(error) => {
                if matches!(error, Error::Timeout(_)) {
                    self.suspect_server(now);
                }
                self.on_subscribe_failed(now, key, sent, error);
            }
        }
    }

    fn on_subscribe_accepted(&mut self, now: Instant, key: Key, sent: Sent, response: &Response) {
        if response.status().code() == 204 {
            self.stop_timer_n(key); // no NOTIFY will come (RFC 5839)
        }
        let Some(entry) = self.subscriptions.get_mut(key) else { return };
        let (state, has_dialog) = (entry.state, !matches!(entry.seat, Seat::Awaited(_)));
        let known = entry.expiry.is_some();
        let Some(subscriber) = entry.subscriber() else { return };
        subscriber.rounds = 0;
        let asked = subscriber.expires;
        let granted = response.expires().ok().flatten().unwrap_or(asked).min(asked);
        match (state, sent) {
            (_, Sent::End) => {} // the last NOTIFY follows, or timer N
            (SubscriptionState::Ending, _) if has_dialog => self.send_subscribe(now, key, Sent::End),
            (SubscriptionState::Ending, _) => {}
            (_, Sent::Refresh) => {
                subscriber.failures = 0;
                self.set_lifetime(now, key, granted);
            }
            (SubscriptionState::Subscribing, Sent::Initial) => subscriber.granted = Some(granted),
            // The NOTIFY came first, and what it says counts.
            (_, Sent::Initial) if known => self.plan_refresh(now, key),
            (_, Sent::Initial) => self.set_lifetime(now, key, granted),
        }
    }

    /// 423: ask for the notifier's minimum.
    fn raise_interval_of(&mut self, key: Key, response: &Response) -> bool {
        let Ok(Some(minimum)) = response.number(Name::MinExpires) else { return false };
        let Some(subscriber) = self.subscriber_mut(key) else { return false };
        subscriber.rounds = subscriber.rounds.saturating_add(1);
        if minimum <= subscriber.expires || subscriber.expires == 0 || subscriber.rounds > INTERVAL_ROUNDS {
            return false;
        }
        subscriber.expires = minimum;
        true
    }

    fn on_subscribe_failed(&mut self, now: Instant, key: Key, sent: Sent, error: Error) {
        let Some(entry) = self.subscriptions.get_mut(key) else { return };
        let (state, expiry) = (entry.state, entry.expiry);
        let Some(subscriber) = entry.subscriber() else { return };
        let (failures, lasting) = (subscriber.failures, subscriber.since.is_some() && subscriber.renew);
        match (state, sent) {
            (SubscriptionState::Ending, _) | (_, Sent::End) => {
                self.end_subscription(now, key, SubscriptionEnd::local("unsubscribed"));
            }
            (SubscriptionState::Subscribing, Sent::Initial) if lasting && may_recover(&error) => {
                self.renew_later(now, key, &error);
            }
            (SubscriptionState::Subscribing, Sent::Initial) => {
                self.end_subscription(now, key, SubscriptionEnd::failed(error));
            }
            // A NOTIFY came: one of several notifiers has accepted.
            (_, Sent::Initial) => {
                self.end_refreshes(key, Err(error));
                self.plan_refresh(now, key);
            }
            (_, Sent::Refresh) if is_over(&error) => match lasting && may_recover(&error) {
                true if is_unknown(&error) => self.renew(now, key, Some(&error)),
                true => self.renew_later(now, key, &error),
                false => self.end_subscription(now, key, SubscriptionEnd::failed(error)),
            },
            (_, Sent::Refresh) => {
                // It goes on for its time (4.1.2.2), and is tried again within.
                subscriber.failures = failures.saturating_add(1);
                self.stop_timer_n(key);
                self.end_refreshes(key, Err(error.clone()));
                let at = now + self.wait_after(failures, &error);
                self.set_subscription_timer(key, expiry.map_or(at, |expiry| at.min(expiry)));
            }
        }
    }

    /// How long it lasts from now on, and with it when it is refreshed.
    pub(super) fn set_lifetime(&mut self, now: Instant, key: Key, seconds: u32) {
        let Some(entry) = self.subscriptions.get_mut(key) else { return };
        let expiry = now + Duration::from_secs(seconds.into());
        let known = entry.expiry.replace(expiry);
        let same = known.is_some_and(|known| known.as_millis().abs_diff(expiry.as_millis()) < SAME_LIFETIME);
        if !same || entry.timer.is_none() {
            self.plan_refresh(now, key);
        }
    }

    /// Sets the time of the next refresh, unless one waits for its answer, which does that then.
    fn plan_refresh(&mut self, now: Instant, key: Key) {
        let permille = self.entropy.below(1000);
        let Some(entry) = self.subscriptions.get_mut(key) else { return };
        let left = entry.left(now);
        let Some(subscriber) = entry.subscriber() else { return };
        if let (None, Some(left)) = (subscriber.in_flight, left) {
            self.set_subscription_timer(key, now + refresh_after(left, permille));
        }
    }

    fn start_timer_n(&mut self, now: Instant, key: Key) {
        self.stop_timer_n(key);
        let at = now + self.config.timers.timeout();
        let timer = self.timers.insert(at, Timer::Notify(key));
        match self.subscriber_mut(key) {
            Some(subscriber) => {
                subscriber.timer_n = Some(timer);
                subscriber.forks_until = at;
            }
            None => _ = self.timers.cancel(timer),
        }
    }

    pub(super) fn stop_timer_n(&mut self, key: Key) {
        if let Some(timer) = self.subscriber_mut(key).and_then(|subscriber| subscriber.timer_n.take()) {
            self.timers.cancel(timer);
        }
    }

    /// Timer N: no NOTIFY came (RFC 6665 4.1.2.4).
    pub(in super::super) fn on_notify_timer(&mut self, now: Instant, key: Key) {
        let Some(entry) = self.subscriptions.get_mut(key) else { return };
        let state = entry.state;
        let Some(subscriber) = entry.subscriber() else { return };
        subscriber.timer_n = None;
        subscriber.in_flight = None;
        let lasting = subscriber.since.is_some() && subscriber.renew;
        let error = Error::Timeout(transaction::Timer::N);
        match state {
            SubscriptionState::Ending => self.end_subscription(now, key, SubscriptionEnd::local("unsubscribed")),
            SubscriptionState::Subscribing if lasting => self.renew_later(now, key, &error),
            SubscriptionState::Active | SubscriptionState::Pending if lasting => self.renew(now, key, Some(&error)),
            _ => self.end_subscription(now, key, SubscriptionEnd::failed(error)),
        }
    }

    /// The same subscription by a request of its own: with a new Call-ID and tag (RFC 6665 4.1.2.2).
    pub(super) fn renew(&mut self, now: Instant, key: Key, cause: Option<&Error>) {
        self.stop_timer_n(key);
        self.end_refreshes(key, Err(cause.cloned().unwrap_or(GONE)));
        let Some(subscriber) = self.subscriber_mut(key) else { return };
        subscriber.in_flight = None;
        subscriber.granted = None;
        subscriber.unreachable = false;
        let target = subscriber.target.clone();
        let seat = Seat::Awaited(self.awaited(&target));
        self.reseat(key, seat);
        if let Some(entry) = self.subscriptions.get_mut(key) {
            entry.expiry = None;
        }
        self.set_subscription_state_for(now, key, SubscriptionState::Subscribing, cause.map(words));
        self.send_subscribe(now, key, Sent::Initial);
    }
}

fn check(options: &SubscribeOptions) -> Result<(), Error> {
    super::super::headers::check_headers(&options.headers)?;
    if let Some((name, _)) =
        options.headers.iter().find(|(name, _)| FROM_OPTIONS.iter().any(|own| own.eq_ignore_ascii_case(name)))
    {
        return Err(Error::input(name, 0, "this header field has an option of its own"));
    }
    let mut own = vec![("Event".to_owned(), options.event.clone())];
    own.extend(options.accept.clone().map(|accept| ("Accept".to_owned(), accept)));
    own.extend(options.body.as_ref().map(|(content_type, _)| ("Content-Type".to_owned(), content_type.clone())));
    super::super::headers::check_values(&own)
}

/// Whether the same request may succeed later.
pub(in super::super) fn may_recover(error: &Error) -> bool {
    match error {
        Error::Status(refusal) => {
            let code = refusal.status.code();
            matches!(code, 408 | 430 | 480 | 481 | 486 | 491 | 500 | 502..=504 | 600) || refusal.retry_after.is_some()
        }
        Error::Timeout(_) | Error::Transport(_) | Error::Limit(_) => true,
        _ => false,
    }
}

/// The notifier has forgotten us: it is subscribed to anew at once.
fn is_unknown(error: &Error) -> bool {
    matches!(error, Error::Status(refusal) if refusal.status == StatusCode::CALL_DOES_NOT_EXIST)
}

pub(super) fn words(error: &Error) -> Box<str> {
    error.to_string().into()
}
