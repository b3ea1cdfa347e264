//! The notifier's side (RFC 6665 4.2): SUBSCRIBE accepted with the application's consent, NOTIFY one after the other.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::super::outgoing::{self, Outgoing};
use super::super::{CallId, Endpoint, Error, OpId, Outcome, Refusal};
use super::package::Package;
use super::{
    AcceptOptions, EndedBy, Event, GONE, Purpose, Role, Seat, SubscriptionEnd, SubscriptionEvent, SubscriptionId,
    SubscriptionRequest, SubscriptionState, is_over,
};
use crate::arena::Key;
use crate::dialog::Dialog;
use crate::hashing::Identity;
use crate::message::{
    EndReason, EventRef, Method, Name, Request, Response, StatusCode, SubscriptionPhase, SubscriptionStateRef,
};
use crate::time::Instant;
use crate::transaction::ServerId;
use crate::transport::Path;

/// NOTIFYs of one subscription that wait for the one before.
const QUEUE: usize = 64;
/// What a SUBSCRIBE without Expires asks for, in seconds.
const USUAL: u32 = 3600;
/// An interval from this on is never too brief (RFC 6665 4.2.1.1).
const NEVER_BRIEF: u32 = 3600;

/// Content-Type and body.
pub(in super::super) type Content = (Box<str>, Bytes);

/// What a NOTIFY says of the subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Said {
    Pending,
    Active,
    Terminated { reason: Box<str>, retry_after: Option<u32> },
}

/// A NOTIFY that waits or is on its way.
#[derive(Debug)]
struct Queued {
    said: Said,
    content: Option<Content>,
    op: Option<OpId>,
}

/// The SUBSCRIBE that waits for the application.
#[derive(Debug)]
struct Asked {
    server: ServerId,
    request: Arc<Request>,
    source: Path,
    expires: u32,
}

#[derive(Debug, Default)]
pub(super) struct Notifier {
    asked: Option<Asked>,
    queue: VecDeque<Queued>,
    in_flight: Option<Queued>,
    /// The way to the subscriber is lost: the queue waits for another.
    stalled: bool,
    /// The state told last, told again when the subscriber refreshes.
    last: Option<Content>,
    /// Who subscribes.
    peer: Identity,
    /// What the application is told when the last NOTIFY is answered.
    end: Option<SubscriptionEnd>,
}

impl Endpoint {
    /// A SUBSCRIBE outside of any dialog.
    pub(in super::super) fn on_subscribe(
        &mut self,
        now: Instant,
        server: ServerId,
        request: Arc<Request>,
        source: Path,
    ) {
        let local_tag = self.entropy.tag();
        match Dialog::from_request(&request, &local_tag, source) {
            Ok(mut dialog) => {
                dialog.confirm_local();
                self.on_new_subscription(now, server, request.clone(), source, Seat::Own(Box::new(dialog)));
            }
            Err(_) => self.refuse(now, server, &request, source, StatusCode::BAD_REQUEST, &[]),
        }
    }

    /// A SUBSCRIBE to something new: in a dialog of its own, or in that of a call.
    pub(super) fn on_new_subscription(
        &mut self,
        now: Instant,
        server: ServerId,
        request: Arc<Request>,
        source: Path,
        seat: Seat,
    ) {
        let package = match request.event() {
            Ok(event) => event.as_ref().map(Package::of),
            Err(error) => return self.refuse_unreadable(now, server, &request, source, &error),
        };
        if package.as_ref().is_some_and(|package| *package.name == *"refer") {
            // A REFER alone makes one (RFC 3515 2.4.4).
            return self.refuse(now, server, &request, source, StatusCode::FORBIDDEN, &[]);
        }
        let served = |package: &Package| self.config.packages.contains(&package.name);
        let Some(package) = package.filter(served) else {
            return self.refuse_event(now, server, &request, source);
        };
        let Ok(expires) = self.offered(now, server, &request, source) else { return };
        let (Ok(from), Ok(to)) = (request.from(), request.to()) else { return };
        let peer = self.hash.of(&[from.uri_text()]);
        if let Some(status) = self.no_room(peer) {
            return self.refuse(now, server, &request, source, status, &[("Retry-After", "60")]);
        }
        let (call, call_id) = match &seat {
            Seat::Call(call, _) => (Some(CallId(*call)), request.call_id().unwrap_or_default()),
            _ => (None, request.call_id().unwrap_or_default()),
        };
        let told = SubscriptionRequest {
            call_id: call_id.into(),
            from: from.to_owned(),
            to: to.to_owned(),
            package: package.name.clone(),
            event: package.value.clone(),
            expires,
            call,
            content_type: request.content_type().ok().flatten().unwrap_or_default().into(),
            body: request.body_bytes(),
            headers: super::super::callee::headers_of(&request),
        };
        let key = self.begin_notifier(seat, package, Purpose::Application);
        // Nobody may be waited for long (4.2.1.1): what takes a person's time is pending.
        self.set_subscription_timer(key, now + self.config.timers.t1.saturating_mul(4));
        if let Some(notifier) = self.notifier_mut(key) {
            notifier.peer = peer;
            notifier.asked = Some(Asked { server, request, source, expires });
        }
        let request = Box::new(told);
        self.events.push_back(Event::IncomingSubscription { subscription: SubscriptionId(key), request, at: now });
    }

    /// 489, with what may be subscribed to (RFC 6665 8.3.2).
    fn refuse_event(&mut self, now: Instant, server: ServerId, request: &Request, source: Path) {
        let events = self.allow_events();
        let headers = [("Allow-Events", events.as_str())];
        let headers = if events.is_empty() { &[][..] } else { &headers[..] };
        self.refuse(now, server, request, source, StatusCode::BAD_EVENT, headers);
    }

    /// The seconds a SUBSCRIBE can get; one that asks for too few is answered 423.
    fn offered(&mut self, now: Instant, server: ServerId, request: &Request, source: Path) -> Result<u32, ()> {
        let asked = match request.expires() {
            Ok(asked) => asked.unwrap_or(USUAL),
            Err(error) => {
                self.refuse_unreadable(now, server, request, source, &error);
                return Err(());
            }
        };
        let seconds = |duration: Duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
        let (least, most) = self.config.limits.subscription_expires;
        if asked > 0 && asked < NEVER_BRIEF && asked < seconds(least) {
            let least = seconds(least).to_string();
            let headers = [("Min-Expires", least.as_str())];
            self.refuse(now, server, request, source, StatusCode::INTERVAL_TOO_BRIEF, &headers);
            return Err(());
        }
        Ok(asked.min(seconds(most)))
    }

    /// How a SUBSCRIBE is refused for which there is no room.
    fn no_room(&self, peer: Identity) -> Option<StatusCode> {
        let of_peer = |entry: &super::Subscription| match &entry.role {
            Role::Notifier(notifier) => notifier.peer == peer,
            Role::Subscriber(_) => false,
        };
        if self.shutdown.is_some() {
            return Some(StatusCode::TEMPORARILY_UNAVAILABLE);
        }
        let limits = &self.config.limits;
        let full = self.subscriptions.len() >= limits.subscriptions
            || self.subscriptions.iter().filter(|(_, entry)| of_peer(entry)).count() >= limits.subscriptions_per_peer;
        full.then_some(StatusCode::SERVICE_UNAVAILABLE)
    }

    /// Begins a subscription of the other side; its state is told by [`Endpoint::send_notify`].
    pub(in super::super) fn begin_notifier(&mut self, seat: Seat, package: Package, purpose: Purpose) -> Key {
        self.insert_subscription(seat, package, purpose, Role::Notifier(Box::default()))
    }

    /// How long it lasts from now on.
    pub(in super::super) fn set_notifier_lifetime(&mut self, now: Instant, key: Key, seconds: u32) {
        let expiry = now + Duration::from_secs(seconds.into());
        if let Some(entry) = self.subscriptions.get_mut(key) {
            entry.expiry = Some(expiry);
        }
        self.set_subscription_timer(key, expiry);
    }

    fn notifier_mut(&mut self, key: Key) -> Option<&mut Notifier> {
        self.subscriptions.get_mut(key)?.notifier()
    }

    /// Accepts a subscription of somebody else: 200, and a NOTIFY at once with what `options` say of the state. One that
    /// is pending becomes active. Done when the subscriber has the NOTIFY.
    ///
    /// # Errors
    ///
    /// [`Error::State`] if it waits for no decision.
    pub fn accept_subscription(&mut self, now: Instant, subscription: SubscriptionId, options: AcceptOptions) -> OpId {
        let op = self.op();
        if let Err(error) = self.try_accept_subscription(now, subscription.0, options, op) {
            self.done(op, Err(error));
        }
        self.pump(now);
        op
    }

    fn try_accept_subscription(
        &mut self,
        now: Instant,
        key: Key,
        options: AcceptOptions,
        op: OpId,
    ) -> Result<(), Error> {
        let content = content_of(options.content)?;
        let entry = self.subscriptions.get_mut(key).ok_or(GONE)?;
        let pending = entry.state == SubscriptionState::Pending;
        let waits = entry.notifier().is_some_and(|notifier| notifier.asked.is_some());
        if !waits && !pending {
            return Err(Error::State("the subscription waits for no decision"));
        }
        if waits {
            let granted = self.grant(now, key, options.expires)?;
            if granted == 0 {
                let said = Said::Terminated { reason: EndReason::Timeout.as_str().into(), retry_after: None };
                let end = SubscriptionEnd { by: EndedBy::Remote, ..SubscriptionEnd::local("timeout") };
                return self.end_notifier(now, key, said, content, end, Some(op));
            }
        }
        let said = if options.pending { Said::Pending } else { Said::Active };
        self.enqueue_notify(now, key, said, content, Some(op))
    }

    /// The 200; gives the seconds it says.
    fn grant(&mut self, now: Instant, key: Key, wanted: Option<u32>) -> Result<u32, Error> {
        let asked = self.notifier_mut(key).and_then(|notifier| notifier.asked.take()).ok_or(GONE)?;
        let expires = wanted.unwrap_or(asked.expires).min(asked.expires);
        self.confirm_subscription(now, key, asked.server, &asked.request, asked.source, expires)?;
        Ok(expires)
    }

    fn confirm_subscription(
        &mut self,
        now: Instant,
        key: Key,
        server: ServerId,
        request: &Request,
        source: Path,
        expires: u32,
    ) -> Result<(), Error> {
        let tag = self.subscription_dialog(key).map(|dialog| Box::<str>::from(dialog.local_tag()));
        let mut builder = self.dialog_response(request, source, StatusCode::OK, tag.as_deref());
        self.push_contact(&mut builder, request, source);
        builder.number(Name::Expires, expires);
        self.push_events(&mut builder);
        let message = builder.finish()?;
        // If the flow is gone the request comes again, and finds this answer.
        let _ = self.transactions.respond(now, server, StatusCode::OK, message);
        if expires > 0 {
            self.set_notifier_lifetime(now, key, expires);
        }
        Ok(())
    }

    /// Refuses a subscription of somebody else: with a final status of 300 to 699, or, where it is pending already, with
    /// a last NOTIFY (`rejected`).
    ///
    /// # Errors
    ///
    /// [`Error::State`] if it waits for no decision; [`Error::Input`] for another status.
    pub fn reject_subscription(
        &mut self,
        now: Instant,
        subscription: SubscriptionId,
        status: StatusCode,
        reason: Option<&str>,
    ) -> OpId {
        let op = self.op();
        match self.try_reject_subscription(now, subscription.0, status, reason, op) {
            Ok(true) => self.done(op, Ok(Outcome::Done)),
            Ok(false) => {} // when the NOTIFY is answered
            Err(error) => self.done(op, Err(error)),
        }
        self.pump(now);
        op
    }

    fn try_reject_subscription(
        &mut self,
        now: Instant,
        key: Key,
        status: StatusCode,
        reason: Option<&str>,
        op: OpId,
    ) -> Result<bool, Error> {
        if status.code() < 300 {
            return Err(Error::input("status", 0, "a subscription is refused with a status from 300 to 699"));
        }
        let entry = self.subscriptions.get_mut(key).ok_or(GONE)?;
        let pending = entry.state == SubscriptionState::Pending;
        let waits = entry.notifier().and_then(|notifier| notifier.asked.take());
        match waits {
            Some(Asked { server, request, source, .. }) => {
                self.refuse_with(now, server, &request, source, status, reason, &[]);
                self.end_subscription(now, key, SubscriptionEnd::local(EndReason::Rejected.as_str()));
                Ok(true)
            }
            None if pending => {
                self.terminate(now, key, EndReason::Rejected.as_str(), None, None, Some(op))?;
                Ok(false)
            }
            None => Err(Error::State("the subscription waits for no decision")),
        }
    }

    /// Tells a subscriber the state. Done when it has it; NOTIFYs go one after the other, in order.
    ///
    /// # Errors
    ///
    /// [`Error::State`] unless the subscription was accepted, [`Error::Limit`] if too many wait, [`Error::Status`] if it
    /// was refused.
    pub fn notify(&mut self, now: Instant, subscription: SubscriptionId, content_type: &str, body: Bytes) -> OpId {
        let op = self.op();
        if let Err(error) = self.try_notify(now, subscription.0, content_type, body, op) {
            self.done(op, Err(error));
        }
        self.pump(now);
        op
    }

    fn try_notify(&mut self, now: Instant, key: Key, content_type: &str, body: Bytes, op: OpId) -> Result<(), Error> {
        let content = content_of(Some((content_type.into(), body)))?;
        let entry = self.subscriptions.get(key).ok_or(GONE)?;
        let said = match entry.state {
            SubscriptionState::Active => Said::Active,
            SubscriptionState::Pending => Said::Pending,
            SubscriptionState::Subscribing => return Err(Error::State("the subscription is not accepted yet")),
            _ => return Err(GONE),
        };
        self.enqueue_notify(now, key, said, content, Some(op))
    }

    /// Ends a subscription of somebody else with a last NOTIFY: for what reason (RFC 6665 4.1.3), after how many seconds
    /// it may be tried again, and the last state. Done when the subscriber has it; one that is over already is no error.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] for a reason that is no token.
    pub fn terminate_subscription(
        &mut self,
        now: Instant,
        subscription: SubscriptionId,
        reason: &str,
        retry_after: Option<u32>,
        content: Option<(String, Bytes)>,
    ) -> OpId {
        let op = self.op();
        let result = match content_of(content).and_then(|content| check_reason(reason).map(|()| content)) {
            Ok(_) if self.subscriptions.get(subscription.0).is_none() => {
                self.done(op, Ok(Outcome::Done));
                Ok(())
            }
            Ok(content) => self.try_terminate(now, subscription.0, reason, retry_after, content, op),
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            self.done(op, Err(error));
        }
        self.pump(now);
        op
    }

    fn try_terminate(
        &mut self,
        now: Instant,
        key: Key,
        reason: &str,
        retry_after: Option<u32>,
        content: Option<Content>,
        op: OpId,
    ) -> Result<(), Error> {
        let entry = self.subscriptions.get_mut(key).ok_or(GONE)?;
        let state = entry.state;
        let Some(notifier) = entry.notifier() else {
            return Err(Error::State("the subscription is this side's: unsubscribe"));
        };
        if notifier.asked.is_some() {
            self.try_reject_subscription(now, key, StatusCode::DECLINE, None, op)?;
            self.done(op, Ok(Outcome::Done));
            return Ok(());
        }
        if state == SubscriptionState::Ending {
            entry.ops.push(op);
            return Ok(());
        }
        self.terminate(now, key, reason, retry_after, content, Some(op))
    }

    /// The last NOTIFY, by our own wish.
    pub(in super::super) fn terminate(
        &mut self,
        now: Instant,
        key: Key,
        reason: &str,
        retry_after: Option<u32>,
        content: Option<Content>,
        op: Option<OpId>,
    ) -> Result<(), Error> {
        let said = Said::Terminated { reason: reason.into(), retry_after };
        let end = SubscriptionEnd { retry_after, ..SubscriptionEnd::local(reason) };
        self.end_notifier(now, key, said, content, end, op)
    }

    /// The last NOTIFY takes the place of those that still wait.
    fn end_notifier(
        &mut self,
        now: Instant,
        key: Key,
        said: Said,
        content: Option<Content>,
        end: SubscriptionEnd,
        op: Option<OpId>,
    ) -> Result<(), Error> {
        self.stop_subscription_timer(key);
        let Some(notifier) = self.notifier_mut(key) else { return Err(GONE) };
        notifier.end = Some(end);
        let stalled = notifier.stalled;
        let dropped: Vec<_> = notifier.queue.drain(..).filter_map(|queued| queued.op).collect();
        for op in dropped {
            self.done(op, Err(GONE));
        }
        self.set_subscription_state(now, key, SubscriptionState::Ending);
        if stalled {
            // The way to the subscriber has its time to come back.
            self.set_subscription_timer(key, now + self.config.timers.timeout());
        }
        self.push_notify(now, key, Queued { said, content, op });
        Ok(())
    }

    /// Tells a subscriber what a transfer or the application has to say. One NOTIFY is on its way at a time.
    pub(in super::super) fn enqueue_notify(
        &mut self,
        now: Instant,
        key: Key,
        said: Said,
        content: Option<Content>,
        op: Option<OpId>,
    ) -> Result<(), Error> {
        let state = match &said {
            Said::Pending => SubscriptionState::Pending,
            Said::Active => SubscriptionState::Active,
            Said::Terminated { .. } => SubscriptionState::Ending,
        };
        let Some(notifier) = self.notifier_mut(key) else { return Err(GONE) };
        if notifier.queue.len() >= QUEUE {
            return Err(Error::Limit("too many notifications wait"));
        }
        if content.is_some() {
            notifier.last = content.clone();
        }
        self.set_subscription_state(now, key, state);
        self.push_notify(now, key, Queued { said, content, op });
        Ok(())
    }

    fn push_notify(&mut self, now: Instant, key: Key, queued: Queued) {
        let Some(notifier) = self.notifier_mut(key) else { return };
        notifier.queue.push_back(queued);
        self.send_next_notify(now, key, false);
    }

    /// Sends what waits next; `again`: the way may be there again.
    pub(super) fn send_next_notify(&mut self, now: Instant, key: Key, again: bool) {
        let Some(entry) = self.subscriptions.get_mut(key) else { return };
        let left = entry.left(now);
        let event = entry.package.value.clone();
        let Some(notifier) = entry.notifier() else { return };
        notifier.stalled &= !again;
        if notifier.in_flight.is_some() || notifier.stalled {
            return;
        }
        let Some(queued) = notifier.queue.pop_front() else { return };
        let state = queued.said.header(left);
        let content = queued.content.clone();
        notifier.in_flight = Some(queued);
        let purpose = outgoing::Purpose::Notify(key);
        let Some(mut outgoing) = self.subscription_request(key, purpose, Method::Notify) else {
            return self.end_subscription(now, key, SubscriptionEnd::failed(GONE));
        };
        outgoing = outgoing.header("Event", &event).header("Subscription-State", &state);
        if let Some((content_type, body)) = content {
            outgoing = outgoing.body(&content_type, body);
        }
        self.send_request(now, outgoing);
    }

    pub(in super::super) fn on_notified(
        &mut self,
        now: Instant,
        key: Key,
        _outgoing: Outgoing,
        result: Result<(&Response, Path), Error>,
    ) {
        let server = self.config.server.is_some();
        let Some(notifier) = self.notifier_mut(key) else { return };
        let Some(queued) = notifier.in_flight.take() else { return };
        let last = matches!(queued.said, Said::Terminated { .. });
        let result = result.and_then(|(response, _)| match response.status().is_success() {
            true => Ok(Outcome::Done),
            false => Err(Error::Status(Refusal::of(response.status(), response.reason(), response))),
        });
        if let (Err(Error::Transport(_)), true, true) = (&result, server, self.shutdown.is_none()) {
            // Told when the way is there again, or not at all when its time is over before.
            let Some(notifier) = self.notifier_mut(key) else { return };
            notifier.stalled = true;
            notifier.queue.push_front(queued);
            let ending = self.subscriptions.get(key).is_some_and(|entry| entry.state == SubscriptionState::Ending);
            if ending {
                self.set_subscription_timer(key, now + self.config.timers.timeout());
            }
            return;
        }
        if let Some(op) = queued.op {
            self.done(op, result.clone());
        }
        match result {
            _ if last => self.finish_notifier(now, key),
            Err(error)
                if is_over(&error) || matches!(error, Error::Timeout(_) | Error::Transport(_) | Error::Cancelled) =>
            {
                self.end_subscription(now, key, SubscriptionEnd::failed(error));
            }
            _ => self.send_next_notify(now, key, false),
        }
    }

    fn finish_notifier(&mut self, now: Instant, key: Key) {
        let Some(notifier) = self.notifier_mut(key) else { return };
        let end = notifier.end.take().unwrap_or_else(|| SubscriptionEnd::local("noresource"));
        self.end_subscription(now, key, end);
    }

    /// What an ended subscription of somebody else leaves: its operations, and a SUBSCRIBE not answered.
    pub(super) fn drop_notifier(&mut self, now: Instant, key: Key) {
        let Some(notifier) = self.notifier_mut(key) else { return };
        let asked = notifier.asked.take();
        let left: Vec<_> = notifier
            .in_flight
            .take()
            .into_iter()
            .chain(notifier.queue.drain(..))
            .filter_map(|queued| queued.op)
            .collect();
        for op in left {
            self.done(op, Err(GONE));
        }
        if let Some(Asked { server, request, source, .. }) = asked {
            self.refuse(now, server, &request, source, StatusCode::TEMPORARILY_UNAVAILABLE, &[]);
        }
    }

    pub(super) fn on_notifier_timer(&mut self, now: Instant, key: Key) {
        let Some(entry) = self.subscriptions.get_mut(key) else { return };
        let state = entry.state;
        let Some(notifier) = entry.notifier() else { return };
        if notifier.asked.is_some() {
            // The application takes its time: pending is the answer until it has decided.
            if self.grant(now, key, None).is_ok_and(|granted| granted > 0) {
                // There is room in the queue of one that was told nothing yet.
                let _ = self.enqueue_notify(now, key, Said::Pending, None, None);
            } else {
                // A fetch that nobody answered: there is nothing to tell.
                let _ = self.terminate(now, key, EndReason::Timeout.as_str(), None, None, None);
            }
            return;
        }
        if state == SubscriptionState::Ending {
            return self.finish_notifier(now, key);
        }
        self.expire(now, key, EndedBy::Network);
    }

    /// Its time is over, or the subscriber wants no more: a last NOTIFY with the last state (4.2.1.4).
    fn expire(&mut self, now: Instant, key: Key, by: EndedBy) {
        let Some(notifier) = self.notifier_mut(key) else { return };
        let (stalled, content) = (notifier.stalled, notifier.last.take());
        let reason = EndReason::Timeout.as_str();
        let end = SubscriptionEnd { by, ..SubscriptionEnd::local(reason) };
        if stalled {
            return self.end_subscription(now, key, end); // nobody can be told
        }
        let said = Said::Terminated { reason: reason.into(), retry_after: None };
        // It is a notifier: there is nothing that could fail.
        let _ = self.end_notifier(now, key, said, content, end, None);
    }

    /// This side goes.
    pub(super) fn retire_notifier(&mut self, now: Instant, key: Key) {
        let Some(entry) = self.subscriptions.get_mut(key) else { return };
        let ending = entry.state == SubscriptionState::Ending;
        if entry.notifier().is_some_and(|notifier| notifier.asked.is_some() || notifier.stalled) {
            self.end_subscription(now, key, SubscriptionEnd::local("shut down"));
        } else if !ending {
            // It may be tried again when this side is back (4.1.3).
            let _ = self.terminate(now, key, EndReason::Probation.as_str(), None, None, None);
        }
    }

    /// A SUBSCRIBE within a dialog: a refresh, the end, or something new in the dialog of a call.
    pub(super) fn on_resubscribe(
        &mut self,
        now: Instant,
        server: ServerId,
        request: &Arc<Request>,
        source: Path,
        local_tag: &str,
        event: Option<EventRef<'_>>,
    ) {
        let is_meant = |entry: &super::Subscription| {
            matches!(entry.role, Role::Notifier(_))
                && entry.state != SubscriptionState::Ending
                && event.is_none_or(|event| entry.package.matches(&event))
        };
        let Some(key) = self.usage_with(request, local_tag, is_meant) else {
            return self.on_subscribe_in_call(now, server, request, source, local_tag);
        };
        if let Some(Err(status)) = self.accept_in(key, request, source) {
            return self.refuse(now, server, request, source, status, &[]);
        }
        if self.notifier_mut(key).is_some_and(|notifier| notifier.asked.is_some()) {
            let headers = [("Retry-After", "5")];
            return self.refuse(now, server, request, source, StatusCode::SERVER_INTERNAL_ERROR, &headers);
        }
        let Ok(expires) = self.offered(now, server, request, source) else { return };
        if self.confirm_subscription(now, key, server, request, source, expires).is_err() {
            return;
        }
        if expires == 0 {
            return self.expire(now, key, EndedBy::Remote);
        }
        self.tell_subscription(now, key, SubscriptionEvent::Refreshed { expires });
        let pending = self.subscriptions.get(key).is_some_and(|entry| entry.state == SubscriptionState::Pending);
        let Some(notifier) = self.notifier_mut(key) else { return };
        // What waits tells the state anyhow.
        if notifier.queue.is_empty() {
            let content = notifier.last.clone();
            let said = if pending { Said::Pending } else { Said::Active };
            self.push_notify(now, key, Queued { said, content, op: None });
        }
    }

    fn on_subscribe_in_call(
        &mut self,
        now: Instant,
        server: ServerId,
        request: &Arc<Request>,
        source: Path,
        local_tag: &str,
    ) {
        let remote_tag: Box<str> = request.from().ok().and_then(|from| from.tag()).unwrap_or_default().into();
        let identity = self.dialog_identity(request.call_id().unwrap_or_default(), local_tag);
        let call = self.by_dialog.get(&identity).copied();
        let dialog = call.and_then(|call| self.calls.get_mut(call)).and_then(|call| call.dialog_with(&remote_tag));
        match (call, dialog.map(|dialog| dialog.accept(request, source))) {
            (Some(call), Some(Ok(()))) => {
                self.on_new_subscription(now, server, request.clone(), source, Seat::Call(call, remote_tag));
            }
            (_, Some(Err(_))) => {
                self.refuse(now, server, request, source, StatusCode::SERVER_INTERNAL_ERROR, &[]);
            }
            _ => self.refuse(now, server, request, source, StatusCode::CALL_DOES_NOT_EXIST, &[]),
        }
    }
}

impl Said {
    /// The Subscription-State value with so many seconds left.
    fn header(&self, left: Option<u32>) -> String {
        let (state, reason, retry_after) = match self {
            Said::Pending => (SubscriptionPhase::Pending, None, None),
            Said::Active => (SubscriptionPhase::Active, None, None),
            Said::Terminated { reason, retry_after } => {
                (SubscriptionPhase::Terminated, Some(EndReason::parse(reason)), *retry_after)
            }
        };
        let expires = left.filter(|_| state != SubscriptionPhase::Terminated);
        SubscriptionStateRef { state, expires, reason, retry_after }.to_string()
    }
}

/// What can stand in a message.
fn content_of(content: Option<(String, Bytes)>) -> Result<Option<Content>, Error> {
    let Some((content_type, body)) = content else { return Ok(None) };
    super::super::caller::check_values(&[("Content-Type".into(), content_type.clone())])?;
    Ok(Some((content_type.into(), body)))
}

fn check_reason(reason: &str) -> Result<(), Error> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte);
    match reason.bytes().position(|byte| !is_token(byte)) {
        None if !reason.is_empty() => Ok(()),
        position => Err(Error::input("reason", position.unwrap_or_default(), "no character of a token")),
    }
}
