//! The notifier's side (RFC 6665 4.2): what the application decides about subscriptions of others, and tells them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::super::{Endpoint, Error, OpId, Outcome};
use super::package::Package;
use super::{AcceptOptions, EndedBy, GONE, Purpose, Role, Seat, SubscriptionEnd, SubscriptionId, SubscriptionState};
use crate::arena::Key;
use crate::hashing::Identity;
use crate::message::{EndReason, Request, StatusCode, SubscriptionPhase, SubscriptionStateRef};
use crate::time::Instant;
use crate::transaction::ServerId;
use crate::transport::Path;

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
pub(super) struct Queued {
    pub(super) said: Said,
    pub(super) content: Option<Content>,
    pub(super) op: Option<OpId>,
}

/// The SUBSCRIBE that waits for the application.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) server: ServerId,
    pub(super) request: Arc<Request>,
    pub(super) source: Path,
    pub(super) expires: u32,
}

#[derive(Debug, Default)]
pub(super) struct Notifier {
    pub(super) asked: Option<Asked>,
    pub(super) queue: VecDeque<Queued>,
    pub(super) in_flight: Option<Queued>,
    /// The way to the subscriber is lost: the queue waits for another.
    pub(super) stalled: bool,
    /// The state told last, told again when the subscriber refreshes.
    pub(super) last: Option<Content>,
    /// Who subscribes.
    pub(super) peer: Identity,
    /// What the application is told when the last NOTIFY is answered.
    pub(super) end: Option<SubscriptionEnd>,
}

impl Endpoint {
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

    pub(super) fn notifier_mut(&mut self, key: Key) -> Option<&mut Notifier> {
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
    pub(super) fn expire(&mut self, now: Instant, key: Key, by: EndedBy) {
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
}

impl Said {
    /// The Subscription-State value with so many seconds left.
    pub(super) fn header(&self, left: Option<u32>) -> String {
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
    super::super::headers::check_values(&[("Content-Type".into(), content_type.clone())])?;
    Ok(Some((content_type.into(), body)))
}

fn check_reason(reason: &str) -> Result<(), Error> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte);
    match reason.bytes().position(|byte| !is_token(byte)) {
        None if !reason.is_empty() => Ok(()),
        position => Err(Error::input("reason", position.unwrap_or_default(), "no character of a token")),
    }
}
