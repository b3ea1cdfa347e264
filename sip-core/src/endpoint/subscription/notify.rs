//! NOTIFYs of ours (RFC 6665 4.2.2): one after the other, and what becomes of the last.

use super::super::outgoing::{self, Outgoing};
use super::super::{Endpoint, Error, OpId, Outcome, Refusal};
use super::notifier::{Asked, Content, Queued, Said};
use super::{GONE, SubscriptionEnd, SubscriptionState, is_over};
use crate::arena::Key;
use crate::message::{Method, Response, StatusCode};
use crate::time::Instant;
use crate::transport::Path;

/// NOTIFYs of one subscription that wait for the one before.
const QUEUE: usize = 64;

impl Endpoint {
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

    /// The last NOTIFY takes the place of those that still wait.
    pub(super) fn end_notifier(
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

    pub(super) fn push_notify(&mut self, now: Instant, key: Key, queued: Queued) {
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

    pub(super) fn finish_notifier(&mut self, now: Instant, key: Key) {
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
}
