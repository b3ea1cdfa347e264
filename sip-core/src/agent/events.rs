//! Streams of what happens.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures_core::Stream;

/// A stream of events. It ends when nothing more can come.
#[derive(Debug)]
pub struct Events<T>(pub(super) UnboundedReceiver<T>);

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

/// A stream of what has happened so far, and of what these listeners are told from now on; `None`: nothing follows.
pub(super) fn follow<T>(
    past: impl IntoIterator<Item = T>,
    listeners: Option<&mut Vec<UnboundedSender<T>>>,
) -> Events<T> {
    let (sender, receiver) = unbounded();
    for event in past {
        // The receiver is right here.
        let _ = sender.unbounded_send(event);
    }
    if let Some(listeners) = listeners {
        listeners.push(sender);
    }
    Events(receiver)
}
