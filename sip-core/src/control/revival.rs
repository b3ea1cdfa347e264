//! What becomes of an agent in plain messages whose endpoint has failed: another takes its place, and all that was under way
//! is told to be over, with the error `internal`.

use super::Control;
use super::Notification;
use crate::endpoint::{CallEvent, End, Error, PublicationState, SubscriptionEnd, SubscriptionEvent, TransferEvent};
use crate::time::Instant;

impl Control {
    /// Begins anew on the same flows; handles of what there was name nothing any more.
    pub(super) fn revive(&mut self, now: Instant) {
        let error = Error::BEGUN_ANEW;
        self.resumes = Some(self.endpoint.wants_registration());
        self.endpoint = self.endpoint.successor();
        let mut waiting: Vec<u32> = std::mem::take(&mut self.waiting).into_values().collect();
        waiting.sort_unstable();
        for id in waiting {
            self.notifications.push_back(Notification::Error { id, error: error.clone().into() });
        }
        for id in self.transfers.open() {
            let told = self.on_transfer(id, TransferEvent::Ended(Err(error.clone())), now);
            self.notifications.extend(told);
        }
        for request in self.transfers.asked() {
            let told = self.on_transfer_expired(request, now);
            self.notifications.extend(told);
        }
        for id in self.subscriptions.ids() {
            let ended = SubscriptionEvent::Ended(SubscriptionEnd::failed(error.clone()));
            let told = self.on_subscription(id, ended, now);
            self.notifications.extend(told);
        }
        for id in self.publications.ids() {
            let told = self.on_publication(id, PublicationState::Ended(Some(error.clone())), now);
            self.notifications.push_back(told);
        }
        self.numbers.clear();
        let mut calls: Vec<u32> = std::mem::take(&mut self.calls).into_keys().collect();
        calls.sort_unstable();
        for call in calls {
            let ended = CallEvent::Ended(End::with_its_endpoint());
            self.notifications.extend(Notification::of_call(call, ended, now));
        }
        if let Some(saved) = &mut self.saved {
            saved.clear();
        }
    }
}
