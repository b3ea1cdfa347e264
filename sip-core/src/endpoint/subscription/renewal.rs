//! What keeps a subscription alive: refreshes, and subscribing again after its end (RFC 6665 4.1.3) or a loss.

use std::time::Duration;

use super::super::registration::retry_after;
use super::super::{EndedBy, Endpoint, Error};
use super::subscriber::{Sent, words};
use super::{GONE, SubscriptionEnd, SubscriptionState};
use crate::arena::Key;
use crate::message::EndReason;
use crate::time::Instant;

/// One that lasted so long may be made again at once; one that ends sooner waits, longer each time.
const STEADY: Duration = Duration::from_secs(30);

impl Endpoint {
    pub(super) fn on_subscriber_timer(&mut self, now: Instant, key: Key) {
        let Some(entry) = self.subscriptions.get_mut(key) else { return };
        let (state, expiry) = (entry.state, entry.expiry);
        let Some(subscriber) = entry.subscriber() else { return };
        let (idle, lasting) = (subscriber.in_flight.is_none(), subscriber.renew);
        match state {
            SubscriptionState::Waiting => self.renew(now, key, None),
            SubscriptionState::Active | SubscriptionState::Pending if idle => {
                match expiry.is_some_and(|expiry| expiry <= now) {
                    false => self.send_subscribe(now, key, Sent::Refresh),
                    true if lasting => self.renew(now, key, None),
                    true => {
                        let end = SubscriptionEnd { by: EndedBy::Network, ..SubscriptionEnd::local("expired") };
                        self.end_subscription(now, key, end);
                    }
                }
            }
            _ => {}
        }
    }

    /// How long to wait after a failure, the longer the more there were.
    pub(super) fn wait_after(&mut self, failures: u32, error: &Error) -> Duration {
        match error {
            Error::Status(super::super::Refusal { retry_after: Some(seconds), .. }) => {
                Duration::from_secs((*seconds).into())
            }
            _ => retry_after(failures, self.entropy.below(1000)),
        }
    }

    /// Subscribes again after a failure.
    pub(super) fn renew_later(&mut self, now: Instant, key: Key, error: &Error) {
        let failures = self.subscriber_mut(key).map(|subscriber| subscriber.failures).unwrap_or_default();
        let wait = self.wait_after(failures, error);
        if let Some(subscriber) = self.subscriber_mut(key) {
            subscriber.unreachable = matches!(error, Error::Timeout(_) | Error::Transport(_));
        }
        self.wait_to_renew(now, key, wait, words(error));
    }

    fn wait_to_renew(&mut self, now: Instant, key: Key, wait: Duration, cause: Box<str>) {
        self.stop_timer_n(key);
        self.end_refreshes(key, Err(GONE));
        if let Some(subscriber) = self.subscriber_mut(key) {
            subscriber.failures = subscriber.failures.saturating_add(1);
            subscriber.in_flight = None;
        }
        self.set_subscription_state_for(now, key, SubscriptionState::Waiting, Some(cause));
        self.set_subscription_timer(key, now + wait);
    }

    /// The notifier ended it: what its reason asks for (RFC 6665 4.1.3).
    pub(super) fn on_terminated(
        &mut self,
        now: Instant,
        key: Key,
        reason: Option<EndReason<'_>>,
        retry_after: Option<u32>,
    ) {
        let Some(entry) = self.subscriptions.get_mut(key) else { return };
        let ours = entry.state == SubscriptionState::Ending;
        let words: Box<str> = reason.map_or("", |reason| reason.as_str()).into();
        let Some(subscriber) = entry.subscriber() else { return };
        let steady = subscriber.since.is_some_and(|since| now.since(since) >= STEADY);
        if steady {
            subscriber.failures = 0;
        }
        let (failures, renew) = (subscriber.failures, subscriber.renew && !ours && self.shutdown.is_none());
        let told = |seconds: u32| Duration::from_secs(seconds.into());
        let later = super::super::registration::retry_after(failures, self.entropy.below(1000));
        let wait = match reason {
            _ if !renew => None,
            Some(EndReason::Rejected | EndReason::NoResource | EndReason::Invariant) => None,
            Some(EndReason::Deactivated | EndReason::Timeout) => Some(if failures == 0 { told(0) } else { later }),
            Some(EndReason::Probation | EndReason::GiveUp | EndReason::Other(_)) | None => {
                Some(retry_after.map_or(later, told))
            }
        };
        match wait {
            Some(wait) => self.wait_to_renew(now, key, wait, words),
            None => {
                let by = if ours { EndedBy::Local } else { EndedBy::Remote };
                let reason = if ours { "unsubscribed".into() } else { words };
                self.end_subscription(now, key, SubscriptionEnd { by, reason, retry_after, error: None });
            }
        }
    }

    /// The way to the server is up again: what was lost with the old one is made good at once.
    pub(super) fn resume_subscriber(&mut self, now: Instant, key: Key) {
        let lost = match self.subscription_dialog(key) {
            Some(dialog) => {
                let flow = dialog.path().flow;
                !self.transactions.flows().contains(flow)
            }
            None => false,
        };
        let Some(entry) = self.subscriptions.get_mut(key) else { return };
        let state = entry.state;
        let Some(subscriber) = entry.subscriber() else { return };
        let idle = subscriber.in_flight.is_none();
        match state {
            SubscriptionState::Waiting if subscriber.unreachable => self.renew(now, key, None),
            // A refresh brings our new Contact along; one that is not known any more is made anew.
            SubscriptionState::Active | SubscriptionState::Pending if lost && idle => {
                self.send_subscribe(now, key, Sent::Refresh);
            }
            _ => {}
        }
    }
}
