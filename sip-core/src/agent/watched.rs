//! The subscriptions and publications that handles name.

use std::collections::{HashMap, VecDeque};

use super::Line;
use super::events::{Listener, tell};
use super::publication::{Publication, PublicationHub};
use super::subscription::{IncomingSubscription, Subscription, SubscriptionHub};
use crate::endpoint::{PublicationId, PublicationState, SubscriptionEvent, SubscriptionId, SubscriptionRequest};

/// Incoming subscriptions kept for an application that does not listen yet; others stay pending.
const BACKLOG: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Watched {
    subscriptions: HashMap<SubscriptionId, SubscriptionHub>,
    publications: HashMap<PublicationId, PublicationHub>,
    incoming: Vec<Listener<IncomingSubscription>>,
    backlog: VecDeque<(SubscriptionId, Box<SubscriptionRequest>)>,
}

impl Watched {
    /// Everything is lost but who listens.
    pub(super) fn forget(&mut self) {
        *self = Watched { incoming: std::mem::take(&mut self.incoming), ..Watched::default() };
    }

    pub(super) fn subscription(&mut self, id: SubscriptionId, line: Line) -> Subscription {
        Subscription::new(id, line, self.hub(id))
    }

    fn hub(&mut self, id: SubscriptionId) -> SubscriptionHub {
        self.subscriptions.entry(id).or_insert_with(SubscriptionHub::new).clone()
    }

    pub(super) fn publication(&mut self, id: PublicationId, line: Line) -> Option<Publication> {
        Some(Publication::new(id, line, self.publications.get(&id)?.clone()))
    }

    pub(super) fn listen(&mut self, line: Option<Line>, mut listener: Listener<IncomingSubscription>) {
        for (id, request) in std::mem::take(&mut self.backlog) {
            if let Some(line) = line.clone() {
                // It was made a moment ago and is there.
                listener.tell(IncomingSubscription::new(id, line, self.hub(id), *request));
            }
        }
        self.incoming.push(listener);
    }

    pub(super) fn on_incoming(&mut self, id: SubscriptionId, request: Box<SubscriptionRequest>, line: Option<Line>) {
        let hub = self.hub(id);
        let Some(line) = line.filter(|_| !self.incoming.is_empty()) else {
            if self.backlog.len() < BACKLOG {
                self.backlog.push_back((id, request));
            }
            return;
        };
        let subscription = IncomingSubscription::new(id, line, hub, *request);
        tell(&mut self.incoming, &subscription);
    }

    pub(super) fn on_subscription(&mut self, id: SubscriptionId, event: SubscriptionEvent, line: Option<Line>) {
        let hub = self.hub(id);
        if let (SubscriptionEvent::Forked(fork), Some(line)) = (&event, line) {
            hub.add_fork(&self.subscription(*fork, line));
        }
        let over = matches!(event, SubscriptionEvent::Ended(_));
        hub.tell(event);
        if over {
            self.subscriptions.remove(&id);
            self.backlog.retain(|(waiting, _)| *waiting != id);
        }
    }

    pub(super) fn on_publication(&mut self, id: PublicationId, state: PublicationState) {
        let over = matches!(state, PublicationState::Ended(_));
        match self.publications.get(&id) {
            Some(hub) => hub.tell(state),
            None if over => {}
            None => _ = self.publications.insert(id, PublicationHub::new(state)),
        }
        if over {
            self.publications.remove(&id);
        }
    }
}
