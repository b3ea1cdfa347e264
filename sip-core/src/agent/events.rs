//! Streams of what happens.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_channel::mpsc::{Receiver, Sender, channel};
use futures_core::Stream;

/// How many events wait in a stream for whoever reads it.
const WAITING: usize = 4096;

/// A stream of events. It ends when nothing more can come, and when it is not read: 4,096 events may wait in one, and with the
/// next it is given up, after those that wait.
#[derive(Debug)]
pub struct Events<T>(Receiver<T>);

impl<T> Events<T> {
    /// The next event; `None` at the end.
    pub async fn next(&mut self) -> Option<T> {
        std::future::poll_fn(|cx| Pin::new(&mut self.0).poll_next(cx)).await
    }
}

impl<T> Stream for Events<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        Pin::new(&mut self.0).poll_next(cx)
    }
}

/// Where the events of a stream are put in. The stream ends when the last listener of it is gone.
#[derive(Debug)]
pub(super) struct Listener<T>(Sender<T>);

impl<T> Listener<T> {
    /// Tells it. `false`: it does not listen any more, or never did for long.
    pub(super) fn tell(&mut self, event: T) -> bool {
        let told = self.0.try_send(event);
        if told.as_ref().is_err_and(|error| error.is_full()) {
            tracing::warn!(waiting = WAITING, "a stream of events is given up, since nobody reads it");
            // For those of other shards too.
            self.0.close_channel();
        }
        told.is_ok()
    }

    /// Whether nobody has the stream any more.
    pub(super) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

impl<T> Clone for Listener<T> {
    fn clone(&self) -> Self {
        Listener(self.0.clone())
    }
}

/// A stream, and its listener.
pub(super) fn stream<T>() -> (Listener<T>, Events<T>) {
    let (sender, receiver) = channel(WAITING);
    (Listener(sender), Events(receiver))
}

/// Tells all, and forgets those that do not listen any more.
pub(super) fn tell<T: Clone>(listeners: &mut Vec<Listener<T>>, event: &T) {
    listeners.retain_mut(|listener| listener.tell(event.clone()));
}

/// A stream of what has happened so far, and of what these listeners are told from now on; `None`: nothing follows.
pub(super) fn follow<T>(past: impl IntoIterator<Item = T>, listeners: Option<&mut Vec<Listener<T>>>) -> Events<T> {
    let (mut listener, events) = stream();
    for event in past {
        listener.tell(event);
    }
    if let Some(listeners) = listeners {
        listeners.push(listener);
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_nobody_reads_holds_what_came_first_and_ends() {
        let mut listeners = Vec::new();
        let mut unread = follow([], Some(&mut listeners));
        let mut read = follow([], Some(&mut listeners));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut next = |events: &mut Events<usize>| Pin::new(events).poll_next(&mut cx);
        for event in 0..2 * WAITING {
            tell(&mut listeners, &event);
            assert_eq!(next(&mut read), Poll::Ready(Some(event)));
        }
        assert_eq!(listeners.len(), 1);
        let waited = std::iter::from_fn(|| match next(&mut unread) {
            Poll::Ready(event) => event,
            Poll::Pending => panic!("it goes on"),
        });
        assert!((WAITING..WAITING + 2).contains(&waited.count()));
    }
}
