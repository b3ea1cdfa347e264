//! SUBSCRIBEs of others (RFC 6665 4.2.1): to something new, refreshes, and the end.

use std::sync::Arc;
use std::time::Duration;

use super::super::{CallId, Endpoint, Error};
use super::notifier::{Asked, Queued, Said};
use super::package::Package;
use super::{
    EndedBy, Event, GONE, Purpose, Role, Seat, SubscriptionEvent, SubscriptionId, SubscriptionRequest,
    SubscriptionState,
};
use crate::arena::Key;
use crate::dialog::Dialog;
use crate::hashing::Identity;
use crate::message::{EventRef, Name, Request, StatusCode};
use crate::time::Instant;
use crate::transaction::ServerId;
use crate::transport::Path;

/// What a SUBSCRIBE without Expires asks for, in seconds.
const USUAL: u32 = 3600;
/// An interval from this on is never too brief (RFC 6665 4.2.1.1).
const NEVER_BRIEF: u32 = 3600;

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
        match Dialog::from_request(now, &request, &local_tag, source) {
            Ok(mut dialog) => {
                dialog.confirm_at_once();
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
            headers: super::super::received::headers_of(&request),
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

    /// The 200; gives the seconds it says.
    pub(super) fn grant(&mut self, now: Instant, key: Key, wanted: Option<u32>) -> Result<u32, Error> {
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
}
