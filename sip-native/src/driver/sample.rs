//! Looking at a machine now and again.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// What looks at a machine, and when next.
pub(super) struct Sample<M> {
    every: Duration,
    look: Box<dyn FnMut(&M) + Send>,
    sleep: Pin<Box<Sleep>>,
}

impl<M> Sample<M> {
    pub(super) fn new(every: Duration, look: Box<dyn FnMut(&M) + Send>) -> Sample<M> {
        Sample { every, look, sleep: Box::pin(sleep(every)) }
    }

    /// Looks if it is time.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, machine: &M) {
        if let Poll::Ready(()) = self.sleep.as_mut().poll(cx) {
            (self.look)(machine);
            self.sleep.as_mut().reset(Instant::now() + self.every);
            // Wakes this task when it is time again.
            let _ = self.sleep.as_mut().poll(cx);
        }
    }

    /// Looks a last time.
    pub(super) fn finish(mut self, machine: &M) {
        (self.look)(machine);
    }
}
