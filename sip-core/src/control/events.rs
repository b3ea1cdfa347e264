//! Subscriptions and publications as plain messages.

use super::json::writes;
use super::notification::text;
use super::{Command, Control, ErrorValue, Kind, Notification, ResultValue, missing, status};
use crate::body::MessageSummary;
use crate::endpoint::{
    AcceptOptions, Error, Notice, OpId, PublicationId, PublicationState, PublishOptions, SubscribeOptions,
    SubscriptionEnd, SubscriptionEvent, SubscriptionId, SubscriptionRequest,
};
use crate::message::StatusCode;
use crate::time::Instant;
use bytes::Bytes;

/// Why a subscription ended.
#[derive(Clone, Debug)]
pub struct SubscriptionEndValue {
    /// `local`, `remote` or `network`.
    pub by: &'static str,
    /// The notifier's reason, or other words.
    pub reason: String,
    /// After how many seconds it may be tried again.
    pub retry_after: Option<u32>,
    /// The error, unless it ended in order.
    pub error: Option<ErrorValue>,
}

/// How many messages of a class wait.
#[derive(Clone, Debug)]
pub struct CountsValue {
    /// `Voice-Message`, `Fax-Message` ….
    pub class: String,
    /// New ones.
    pub new: u32,
    /// Old ones.
    pub old: u32,
}

/// The body of `message-summary` (RFC 3842).
#[derive(Clone, Debug)]
pub struct SummaryValue {
    /// Whether there are new messages.
    pub waiting: bool,
    /// The URI to call to hear them.
    pub account: Option<String>,
    /// How many there are.
    pub counts: Vec<CountsValue>,
}

impl SummaryValue {
    fn of(notice: &Notice) -> Option<SummaryValue> {
        let summary = notice.message_summary()?.ok()?;
        let MessageSummary { waiting, account, counts } = summary;
        Some(SummaryValue {
            waiting,
            account: account.map(String::from),
            counts: counts
                .into_iter()
                .map(|(class, counts)| CountsValue { class: class.into(), new: counts.new, old: counts.old })
                .collect(),
        })
    }
}

impl From<SubscriptionEnd> for SubscriptionEndValue {
    fn from(end: SubscriptionEnd) -> SubscriptionEndValue {
        SubscriptionEndValue {
            by: end.by.name(),
            reason: end.reason.into(),
            retry_after: end.retry_after,
            error: end.error.map(ErrorValue::from),
        }
    }
}

impl Notification {
    pub(super) fn unsolicited(from: &crate::message::NameAddr, notice: Notice, at: Instant) -> Notification {
        Notification::Unsolicited {
            from: from.into(),
            summary: SummaryValue::of(&notice),
            package: notice.package.into(),
            content_type: notice.content_type.into(),
            body: text(notice.body),
            at: at.as_millis(),
        }
    }

    fn notice(subscription: u32, notice: Notice, at: Instant) -> Notification {
        Notification::Notice {
            subscription,
            summary: SummaryValue::of(&notice),
            package: notice.package.into(),
            state: notice.state.name(),
            content_type: notice.content_type.into(),
            body: text(notice.body),
            at: at.as_millis(),
        }
    }
}

impl Control {
    /// The commands about subscriptions and publications.
    pub(super) fn carry_out_event(&mut self, now: Instant, mut command: Command) -> Result<Option<OpId>, ErrorValue> {
        Ok(Some(match command.kind {
            Kind::Subscribe => return self.begin_subscription(now, command),
            // One that is over already has been ended.
            Kind::Unsubscribe | Kind::TerminateSubscription
                if command.subscription.is_some_and(|number| self.subscriptions.find(number).is_none()) =>
            {
                self.answer(command.id, ResultValue::Null(()));
                return Ok(None);
            }
            Kind::Unsubscribe => self.endpoint.unsubscribe(now, self.subscription(&command)?),
            Kind::RefreshSubscription => self.endpoint.refresh_subscription(now, self.subscription(&command)?),
            Kind::AcceptSubscription => {
                let subscription = self.subscription(&command)?;
                let (pending, expires) = (command.pending, command.expires);
                let options = AcceptOptions { pending, expires, content: content(&mut command)? };
                self.endpoint.accept_subscription(now, subscription, options)
            }
            Kind::RejectSubscription => {
                let (subscription, status) = (self.subscription(&command)?, status(&command, StatusCode::DECLINE)?);
                self.endpoint.reject_subscription(now, subscription, status, command.reason.as_deref())
            }
            Kind::Notify => {
                let subscription = self.subscription(&command)?;
                let (content_type, body) = command.content()?;
                self.endpoint.notify(now, subscription, &content_type, body)
            }
            Kind::TerminateSubscription => {
                let subscription = self.subscription(&command)?;
                let content = content(&mut command)?;
                let reason = command.reason.as_deref().unwrap_or("noresource");
                self.endpoint.terminate_subscription(now, subscription, reason, command.retry_after, content)
            }
            Kind::Publish => {
                let event = command.event.take().ok_or_else(|| missing("event"))?;
                let (content_type, body) = command.content()?;
                let usual = PublishOptions::default();
                let options = PublishOptions {
                    target: command.target.take(),
                    headers: command.headers.take().unwrap_or_default(),
                    expires: command.expires.unwrap_or(usual.expires),
                };
                self.endpoint.publish(now, &event, &content_type, body, options)
            }
            Kind::UpdatePublication => {
                let publication = self.publication(&command)?.ok_or(Error::State("the publication is over"))?;
                let (content_type, body) = command.content()?;
                self.endpoint.update_publication(now, publication, &content_type, body)
            }
            // One that is over already has been taken back.
            _ => match self.publication(&command)? {
                Some(publication) => self.endpoint.remove_publication(now, publication),
                None => {
                    self.answer(command.id, ResultValue::Null(()));
                    return Ok(None);
                }
            },
        }))
    }

    fn begin_subscription(&mut self, now: Instant, mut command: Command) -> Result<Option<OpId>, ErrorValue> {
        let target = command.target.take().ok_or_else(|| missing("target"))?;
        let event = command.event.take().ok_or_else(|| missing("event"))?;
        let mut options = SubscribeOptions::new(&event);
        options.expires = command.expires.unwrap_or(options.expires);
        options.accept = command.accept.take();
        options.forks = command.forks;
        options.renew = command.renew.unwrap_or(options.renew);
        options.body = content(&mut command)?;
        options.headers = command.headers.take().unwrap_or_default();
        let id = self.endpoint.subscribe(now, &target, options)?;
        let subscription = self.subscriptions.of(id);
        self.answer(command.id, ResultValue::Subscription { subscription });
        Ok(None)
    }

    fn subscription(&self, command: &Command) -> Result<SubscriptionId, ErrorValue> {
        let number = command.subscription.ok_or_else(|| missing("subscription"))?;
        self.subscriptions.find(number).ok_or_else(|| Error::State("the subscription is over").into())
    }

    /// `None`: it is over.
    fn publication(&self, command: &Command) -> Result<Option<PublicationId>, ErrorValue> {
        let number = command.publication.ok_or_else(|| missing("publication"))?;
        Ok(self.publications.find(number))
    }

    pub(super) fn on_incoming_subscription(
        &mut self,
        id: SubscriptionId,
        request: SubscriptionRequest,
        at: Instant,
    ) -> Notification {
        Notification::IncomingSubscription {
            subscription: self.subscriptions.of(id),
            call: request.call.map(|call| self.number(call)),
            from: (&request.from).into(),
            to: (&request.to).into(),
            package: request.package.into(),
            event: request.event.into(),
            expires: request.expires,
            content_type: request.content_type.into(),
            body: text(request.body),
            headers: request.headers,
            at: at.as_millis(),
        }
    }

    pub(super) fn on_subscription(
        &mut self,
        id: SubscriptionId,
        event: SubscriptionEvent,
        at: Instant,
    ) -> Option<Notification> {
        let subscription = self.subscriptions.of(id);
        let millis = at.as_millis();
        Some(match event {
            // `subscriptionEnded` says it.
            SubscriptionEvent::State { state: crate::endpoint::SubscriptionState::Terminated, .. } => return None,
            SubscriptionEvent::State { state, expires, cause } => Notification::Subscription {
                subscription,
                state: state.name(),
                expires,
                cause: cause.map(String::from),
                at: millis,
            },
            SubscriptionEvent::Notice(notice) => Notification::notice(subscription, notice, at),
            SubscriptionEvent::Forked(fork) => {
                Notification::Forked { subscription, fork: self.subscriptions.of(fork), at: millis }
            }
            SubscriptionEvent::Refreshed { expires } => Notification::Refreshed { subscription, expires, at: millis },
            SubscriptionEvent::Ended(end) => {
                self.subscriptions.forget(id);
                Notification::SubscriptionEnded { subscription, end: end.into(), at: millis }
            }
        })
    }

    pub(super) fn on_publication(&mut self, id: PublicationId, state: PublicationState, at: Instant) -> Notification {
        let publication = self.publications.of(id);
        let (state, expires, error) = match state {
            PublicationState::Published { expires } => ("published", Some(expires), None),
            PublicationState::Lost(error) => ("lost", None, Some(error)),
            PublicationState::Ended(error) => {
                self.publications.forget(id);
                ("ended", None, error)
            }
        };
        Notification::Publication {
            publication,
            state,
            expires,
            error: error.map(ErrorValue::from),
            at: at.as_millis(),
        }
    }
}

/// A body, if there is one.
fn content(command: &mut Command) -> Result<Option<(String, Bytes)>, ErrorValue> {
    match command.body.is_some() || command.content_type.is_some() {
        true => command.content().map(Some),
        false => Ok(None),
    }
}

writes!(SubscriptionEndValue { by, reason, retry_after, error });

writes!(CountsValue { class, new, old });

writes!(SummaryValue { waiting, account, counts });
