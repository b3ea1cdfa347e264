//! Handles of subscriptions, ours and those of others (RFC 6665).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::events::{Listener, follow, tell};
use super::{Events, Line};
use crate::endpoint::{
    AcceptOptions, Error, Notice, SubscriptionEnd, SubscriptionEvent, SubscriptionId, SubscriptionRequest,
    SubscriptionState,
};
use crate::message::StatusCode;

/// Events of a subscription kept for listeners that come later; of a long life the latest.
const LOG: usize = 64;

/// What the handles of one subscription share. The lock is this subscription's alone and is held for moments.
#[derive(Clone, Debug)]
pub(super) struct SubscriptionHub(Arc<Mutex<View>>);

#[derive(Debug)]
struct View {
    state: SubscriptionState,
    notice: Option<Notice>,
    end: Option<SubscriptionEnd>,
    log: VecDeque<SubscriptionEvent>,
    listeners: Vec<Listener<SubscriptionEvent>>,
    /// Without their line, which would keep the agent alive.
    forks: Vec<(SubscriptionId, SubscriptionHub)>,
    fork_listeners: Vec<Listener<Subscription>>,
}

impl SubscriptionHub {
    pub(super) fn new() -> SubscriptionHub {
        SubscriptionHub(Arc::new(Mutex::new(View {
            state: SubscriptionState::Subscribing,
            notice: None,
            end: None,
            log: VecDeque::new(),
            listeners: Vec::new(),
            forks: Vec::new(),
            fork_listeners: Vec::new(),
        })))
    }

    fn view(&self) -> MutexGuard<'_, View> {
        // Nothing panics while it is held; if it did, the view is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell(&self, event: SubscriptionEvent) {
        let mut view = self.view();
        match &event {
            SubscriptionEvent::State { state, .. } => view.state = *state,
            SubscriptionEvent::Notice(notice) => view.notice = Some(notice.clone()),
            SubscriptionEvent::Ended(end) => view.end = Some(end.clone()),
            _ => {}
        }
        if view.log.len() >= LOG {
            view.log.pop_front();
        }
        view.log.push_back(event.clone());
        tell(&mut view.listeners, &event);
        if matches!(event, SubscriptionEvent::Ended(_)) {
            view.listeners = Vec::new();
            view.forks = Vec::new();
            view.fork_listeners = Vec::new();
        }
    }

    pub(super) fn add_fork(&self, fork: &Subscription) {
        let mut view = self.view();
        tell(&mut view.fork_listeners, fork);
        view.forks.push((fork.id, fork.hub.clone()));
    }

    fn events(&self) -> Events<SubscriptionEvent> {
        let mut view = self.view();
        let View { log, listeners, end, .. } = &mut *view;
        follow(log.iter().cloned(), end.is_none().then_some(listeners))
    }

    async fn ended(&self) -> Option<SubscriptionEnd> {
        let mut events = self.events();
        loop {
            if let Some(end) = self.view().end.clone() {
                return Some(end);
            }
            match events.next().await {
                Some(SubscriptionEvent::Ended(end)) => return Some(end),
                Some(_) => {}
                None => return None,
            }
        }
    }
}

/// A subscription of ours. Clones name the same; dropping them does not unsubscribe.
#[derive(Clone, Debug)]
pub struct Subscription {
    id: SubscriptionId,
    line: Line,
    hub: SubscriptionHub,
}

/// What a subscription brings: the stream of its notifications.
#[derive(Debug)]
pub struct Notices(Events<SubscriptionEvent>);

impl Notices {
    /// The next notification; `None` when the subscription is over.
    pub async fn next(&mut self) -> Option<Notice> {
        loop {
            if let SubscriptionEvent::Notice(notice) = self.0.next().await? {
                return Some(notice);
            }
        }
    }
}

impl Subscription {
    pub(super) fn new(id: SubscriptionId, line: Line, hub: SubscriptionHub) -> Subscription {
        Subscription { id, line, hub }
    }

    /// The endpoint's name for it.
    pub fn id(&self) -> SubscriptionId {
        self.id
    }

    /// The state now.
    pub fn state(&self) -> SubscriptionState {
        self.hub.view().state
    }

    /// The latest notification.
    pub fn notice(&self) -> Option<Notice> {
        self.hub.view().notice.clone()
    }

    /// The notifications: first those so far (of a long life the latest), then what comes next.
    pub fn notices(&self) -> Notices {
        Notices(self.hub.events())
    }

    /// Everything that happens to it: first what has happened so far, then what happens next.
    pub fn events(&self) -> Events<SubscriptionEvent> {
        self.hub.events()
    }

    /// Subscriptions that other notifiers made of the same SUBSCRIBE (RFC 6665 4.4.1). They end with this one's
    /// [`unsubscribe`](Subscription::unsubscribe).
    pub fn forks(&self) -> Events<Subscription> {
        let mut view = self.hub.view();
        let View { forks, fork_listeners, end, .. } = &mut *view;
        let so_far = forks.iter().map(|(id, hub)| Subscription::new(*id, self.line.clone(), hub.clone()));
        follow(so_far, end.is_none().then_some(fork_listeners))
    }

    /// The first notification is here; or the error it ended with before.
    ///
    /// # Errors
    ///
    /// [`Error::Status`] if it was refused, [`Error::Timeout`] (timer N: no notification came), [`Error::Transport`],
    /// [`Error::Cancelled`] if this side gave up.
    pub async fn established(&self) -> Result<(), Error> {
        let mut events = self.events();
        loop {
            match events.next().await {
                Some(SubscriptionEvent::Notice(_)) => return Ok(()),
                Some(SubscriptionEvent::Ended(end)) => return Err(end.error.unwrap_or(Error::Cancelled)),
                Some(_) => {}
                None => return Err(super::STOPPED),
            }
        }
    }

    /// The end, whoever brings it about.
    pub async fn ended(&self) -> Option<SubscriptionEnd> {
        self.hub.ended().await
    }

    /// Asks for the whole state at once. Done when its notification is here.
    ///
    /// # Errors
    ///
    /// See [`Endpoint::refresh_subscription`](crate::endpoint::Endpoint::refresh_subscription).
    pub async fn refresh(&self) -> Result<(), Error> {
        let id = self.id;
        self.line.operate(move |endpoint, now| endpoint.refresh_subscription(now, id)).await.map(drop)
    }

    /// Ends it. Done when it is over.
    ///
    /// # Errors
    ///
    /// [`Error::State`] if the agent has stopped.
    pub async fn unsubscribe(&self) -> Result<(), Error> {
        let id = self.id;
        self.line.operate(move |endpoint, now| endpoint.unsubscribe(now, id)).await.map(drop)
    }
}

/// A subscription of somebody else, which waits for [`accept`](IncomingSubscription::accept) or
/// [`reject`](IncomingSubscription::reject); without a word within 4 × T1 it is pending. Clones name the same.
#[derive(Clone, Debug)]
pub struct IncomingSubscription {
    id: SubscriptionId,
    line: Line,
    hub: SubscriptionHub,
    request: Arc<SubscriptionRequest>,
}

impl IncomingSubscription {
    pub(super) fn new(
        id: SubscriptionId,
        line: Line,
        hub: SubscriptionHub,
        request: SubscriptionRequest,
    ) -> IncomingSubscription {
        IncomingSubscription { id, line, hub, request: Arc::new(request) }
    }

    /// The endpoint's name for it.
    pub fn id(&self) -> SubscriptionId {
        self.id
    }

    /// The SUBSCRIBE: who, to what, for how long.
    pub fn request(&self) -> &SubscriptionRequest {
        &self.request
    }

    /// The state now.
    pub fn state(&self) -> SubscriptionState {
        self.hub.view().state
    }

    /// Everything that happens to it: first what has happened so far, then what happens next.
    pub fn events(&self) -> Events<SubscriptionEvent> {
        self.hub.events()
    }

    /// The end, whoever brings it about.
    pub async fn ended(&self) -> Option<SubscriptionEnd> {
        self.hub.ended().await
    }

    /// Accepts it with its first state. Done when the subscriber has that.
    ///
    /// # Errors
    ///
    /// See [`Endpoint::accept_subscription`](crate::endpoint::Endpoint::accept_subscription).
    pub async fn accept(&self, options: AcceptOptions) -> Result<(), Error> {
        let id = self.id;
        self.line.operate(move |endpoint, now| endpoint.accept_subscription(now, id, options)).await.map(drop)
    }

    /// Refuses it.
    ///
    /// # Errors
    ///
    /// See [`Endpoint::reject_subscription`](crate::endpoint::Endpoint::reject_subscription).
    pub async fn reject(&self, status: StatusCode) -> Result<(), Error> {
        let id = self.id;
        self.line.operate(move |endpoint, now| endpoint.reject_subscription(now, id, status, None)).await.map(drop)
    }

    /// Tells the subscriber the state. Done when it has it.
    ///
    /// # Errors
    ///
    /// See [`Endpoint::notify`](crate::endpoint::Endpoint::notify).
    pub async fn notify(&self, content_type: &str, body: impl Into<Bytes>) -> Result<(), Error> {
        let (id, content_type, body) = (self.id, content_type.to_owned(), body.into());
        self.line.operate(move |endpoint, now| endpoint.notify(now, id, &content_type, body)).await.map(drop)
    }

    /// Ends it for a reason of RFC 6665 4.1.3, e.g. `noresource`. Done when the subscriber has it.
    ///
    /// # Errors
    ///
    /// See [`Endpoint::terminate_subscription`](crate::endpoint::Endpoint::terminate_subscription).
    pub async fn terminate(&self, reason: &str, retry_after: Option<u32>) -> Result<(), Error> {
        let (id, reason) = (self.id, reason.to_owned());
        let end = self
            .line
            .operate(move |endpoint, now| endpoint.terminate_subscription(now, id, &reason, retry_after, None));
        end.await.map(drop)
    }
}
