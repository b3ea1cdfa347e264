//! Going in order: calls ended, unregistered, flows closed, at the latest by a deadline.

use std::time::Duration;

use super::event::{Event, OpId, Outcome};
use super::{Endpoint, Error, Timer};
use crate::time::Instant;
use crate::timer::{TimerId, TimerQueue};

#[derive(Debug)]
pub(super) struct Shutdown {
    ops: Vec<OpId>,
    timer: TimerId,
}

impl Endpoint {
    /// Ends all calls, takes the registration back, closes the flows; at the latest after `deadline`. Nothing new is
    /// begun from now on; incoming calls are answered 486. Done when all is over, and then the endpoint is finished.
    pub fn shutdown(&mut self, now: Instant, deadline: Duration) -> OpId {
        let op = self.op();
        if self.finished {
            self.done(op, Ok(Outcome::Done));
            return op;
        }
        match &mut self.shutdown {
            Some(shutdown) => shutdown.ops.push(op),
            None => {
                let timer = self.timers.insert(now + deadline, Timer::Shutdown);
                self.shutdown = Some(Shutdown { ops: vec![op], timer });
                self.end_transfers(now);
                let calls: Vec<_> = self.calls.iter().map(|(key, _)| key).collect();
                for key in calls {
                    self.begin_hang_up(now, key, None);
                }
                self.end_subscriptions(now);
                self.remove_publications(now);
                // What one shard has is the first one's to take back.
                if self.is_leading() {
                    self.unregister(now);
                }
            }
        }
        self.pump(now);
        op
    }

    /// Nothing new is begun while shutting down.
    pub(super) fn may_begin(&self) -> Result<(), Error> {
        match self.shutdown.is_some() || self.finished {
            true => Err(Error::State("the user agent is shutting down")),
            false => Ok(()),
        }
    }

    pub(super) fn check_shutdown(&mut self, now: Instant) {
        let left = [self.calls.len(), self.subscriptions.len(), self.publications.len(), self.outgoing.len()];
        if self.shutdown.is_some() && left == [0; 4] && (!self.registration.is_bound() || !self.is_leading()) {
            self.finish(now);
        }
    }

    pub(super) fn on_shutdown_timer(&mut self, now: Instant) {
        self.finish(now);
    }

    fn finish(&mut self, now: Instant) {
        let Some(shutdown) = self.shutdown.take() else { return };
        self.timers.cancel(shutdown.timer);
        self.finished = true;
        let outgoing: Vec<_> = self.outgoing.iter().map(|(key, _)| key).collect();
        for key in outgoing {
            self.on_failure(now, key, Error::Cancelled);
        }
        let calls: Vec<_> = self.calls.iter().map(|(key, _)| key).collect();
        for key in calls {
            self.drop_call(now, key, Error::Cancelled);
        }
        self.end_transfers(now);
        self.drop_subscriptions(now);
        self.drop_publications(now);
        self.stop_connecting();
        for flow in self.transactions.flows().ids() {
            self.end_keep_alive(flow);
            self.transactions.flows_mut().close(flow);
        }
        #[cfg(feature = "stun")]
        self.stun.clear();
        // Nobody hears what comes any more, so nothing waits for it.
        self.transactions.clear();
        self.acks.clear();
        self.timers = TimerQueue::new();
        for op in shutdown.ops {
            self.done(op, Ok(Outcome::Done));
        }
        self.events.push_back(Event::Stopped { at: now });
    }
}
