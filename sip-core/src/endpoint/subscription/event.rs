//! What subscriptions are made with, and what they tell.

use bytes::Bytes;

use super::super::{CallId, EndedBy, Error};
use crate::arena::Key;
use crate::message::NameAddr;

/// Names a subscription of one endpoint, of either role; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubscriptionId(pub(crate) Key);

impl SubscriptionId {
    /// The number behind it, the same in every language's handles.
    pub const fn number(self) -> u64 {
        self.0.to_u64()
    }
}

/// A subscription's state (RFC 6665 4.1.2 and 4.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubscriptionState {
    /// SUBSCRIBE sent, no NOTIFY yet (`notify_wait`). An incoming one waits for the application.
    Subscribing,
    /// Received by the notifier, but not decided about.
    Pending,
    /// Accepted.
    Active,
    /// Lost; subscribed again after a while.
    Waiting,
    /// Given up by this side, which the other side is being told.
    Ending,
    /// Over.
    Terminated,
}

impl SubscriptionState {
    /// The state in one word.
    pub const fn name(self) -> &'static str {
        match self {
            SubscriptionState::Subscribing => "subscribing",
            SubscriptionState::Pending => "pending",
            SubscriptionState::Active => "active",
            SubscriptionState::Waiting => "waiting",
            SubscriptionState::Ending => "ending",
            SubscriptionState::Terminated => "terminated",
        }
    }
}

/// What a subscription is made with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SubscribeOptions {
    /// The Event value: a package, perhaps with parameters, e.g. `presence`, `dialog;sla`.
    pub event: String,
    /// Seconds to ask for; 3600. Zero fetches the state once (RFC 6665 4.4.3).
    pub expires: u32,
    /// The Accept value; by default the media type of the package.
    pub accept: Option<String>,
    /// Whether notifiers other than the first that answer a forked SUBSCRIBE make subscriptions of their own
    /// (RFC 6665 4.4.1); else they are answered 481. By default as the package has it.
    pub forks: Option<bool>,
    /// Subscribe again after a loss, as the notifier's reason says (RFC 6665 4.1.3); else every end is the last. True.
    pub renew: bool,
    /// Content-Type and body, e.g. a filter.
    pub body: Option<(String, Bytes)>,
    /// Further header fields.
    pub headers: Vec<(String, String)>,
}

impl SubscribeOptions {
    /// To a package, with the defaults.
    pub fn new(event: &str) -> SubscribeOptions {
        SubscribeOptions {
            event: event.into(),
            expires: 3600,
            accept: None,
            forks: None,
            renew: true,
            body: None,
            headers: Vec::new(),
        }
    }

    /// With so many seconds.
    #[must_use]
    pub fn expires(mut self, seconds: u32) -> SubscribeOptions {
        self.expires = seconds;
        self
    }
}

/// What one NOTIFY brought.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notice {
    /// The event package.
    pub package: Box<str>,
    /// The state it tells: pending, active or terminated.
    pub state: SubscriptionState,
    /// Content-Type; empty without a body.
    pub content_type: Box<str>,
    /// The body as it came.
    pub body: Bytes,
}

/// A SUBSCRIBE of somebody else that waits for the application.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SubscriptionRequest {
    /// Call-ID.
    pub call_id: Box<str>,
    /// Who wants to know.
    pub from: NameAddr,
    /// What about.
    pub to: NameAddr,
    /// The event package.
    pub package: Box<str>,
    /// The Event value as written.
    pub event: Box<str>,
    /// Seconds that it can last; zero asks for the state once (RFC 6665 4.4.3).
    pub expires: u32,
    /// The call in whose dialog it came.
    pub call: Option<CallId>,
    /// Content-Type of the body; empty without.
    pub content_type: Box<str>,
    /// The body, e.g. a filter.
    pub body: Bytes,
    /// Every header field, in order.
    pub headers: Vec<(String, String)>,
}

/// How a subscription of somebody else is accepted.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct AcceptOptions {
    /// Received, but not decided about: the subscriber waits for a second accept or reject.
    pub pending: bool,
    /// Seconds, no more than were asked for.
    pub expires: Option<u32>,
    /// Content-Type and body of the first NOTIFY, which goes at once.
    pub content: Option<(String, Bytes)>,
}

impl AcceptOptions {
    /// With the state the subscriber gets at once.
    pub fn with(content_type: &str, body: impl Into<Bytes>) -> AcceptOptions {
        AcceptOptions { content: Some((content_type.into(), body.into())), ..AcceptOptions::default() }
    }

    /// Received, but not decided about.
    pub fn pending() -> AcceptOptions {
        AcceptOptions { pending: true, ..AcceptOptions::default() }
    }

    /// For so many seconds.
    #[must_use]
    pub fn expires(mut self, seconds: u32) -> AcceptOptions {
        self.expires = Some(seconds);
        self
    }
}

/// Why a subscription is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionEnd {
    /// Whose doing.
    pub by: EndedBy,
    /// The notifier's reason (`deactivated`, `rejected`, `timeout` …), or other words.
    pub reason: Box<str>,
    /// After how many seconds it may be tried again, if that was said.
    pub retry_after: Option<u32>,
    /// The error, unless it ended in order.
    pub error: Option<Error>,
}

/// What happened to one subscription, of either role.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SubscriptionEvent {
    /// The state changed.
    State {
        /// Into which.
        state: SubscriptionState,
        /// Seconds left, where the state has a lifetime.
        expires: Option<u32>,
        /// What was lost, where it is waited and subscribed again.
        cause: Option<Box<str>>,
    },
    /// A NOTIFY came.
    Notice(Notice),
    /// Another notifier answered the same SUBSCRIBE: a subscription of its own.
    Forked(SubscriptionId),
    /// The subscriber asked for more time. The last state was sent again.
    Refreshed {
        /// Seconds granted.
        expires: u32,
    },
    /// It is over; nothing follows.
    Ended(SubscriptionEnd),
}
