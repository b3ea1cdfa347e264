//! The ways to the servers as the other shards of a user agent use them: the first opens them, and tells.

use super::super::{Endpoint, Timer};
use super::Link;
use super::link::State;
use crate::time::Instant;
use crate::transport::{FlowError, Path, Target};

impl Endpoint {
    /// Each way: where it leads, if that is known; its path, if it is up; whether it is being opened.
    pub(in super::super) fn ways(&self) -> impl Iterator<Item = (Option<Target>, Option<Path>, bool)> {
        let way = |link: &Link| {
            let trying = link.up().is_none() && (link.path().is_some() || link.is_resolving());
            (link.place.clone(), link.up(), trying)
        };
        self.connection.links.iter().map(way)
    }

    /// Asks the first shard for a way that is not up, and waits for it as long as a connection may take, and the search for
    /// its server.
    pub(super) fn await_way(&mut self, now: Instant, index: usize) {
        self.stop_link_timer(index);
        let patience = self.config.connect_timeout.saturating_mul(2);
        let timer = self.timers.insert(now + patience, Timer::Reconnect(index));
        if let Some(link) = self.connection.links.get_mut(index) {
            link.state = State::Resolving;
            link.timer = Some(timer);
        }
        self.want_lead();
    }

    /// A way is up, perhaps along another path.
    pub(in super::super) fn follow_way(&mut self, now: Instant, index: usize, path: Path, place: Option<Target>) {
        if self.link_path(index) == Some(path) {
            return;
        }
        if let Some(link) = self.connection.links.get_mut(index) {
            link.place = place;
        }
        self.link_up(now, index, path);
        self.recover_calls(now);
        self.resume_subscriptions(now);
        self.resume_publications(now);
    }

    /// A way is not up. Who waits for it goes on waiting while it is being opened.
    pub(in super::super) fn lose_way(&mut self, now: Instant, index: usize, trying: bool, error: FlowError) {
        if self.link_path(index).is_some() {
            #[cfg(feature = "stun")]
            self.cut_off(index);
            self.link_failed(now, index, error);
            self.recover_calls(now);
        } else if !trying && self.connection.links.get(index).is_some_and(Link::is_resolving) {
            self.link_exhausted(now, index, error);
        }
    }
}
