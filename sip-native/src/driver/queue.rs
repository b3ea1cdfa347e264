//! What waits to be sent on one connection: bounded in bytes, closed in order by dropping the sender.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

/// What a queued message costs beside its bytes.
const OVERHEAD: usize = 64;

/// A queue that holds up to `limit` bytes.
pub(super) fn queue(limit: usize) -> (Sender, Receiver) {
    let (messages, waiting) = mpsc::unbounded_channel();
    let (reset, was_reset) = watch::channel(false);
    let reset = Arc::new(reset);
    let size = Arc::new(AtomicUsize::new(0));
    let sender = Sender { messages, reset, size: size.clone(), limit };
    (sender, Receiver { waiting, size, signal: Signal { was_reset } })
}

/// The driver's end. Dropping all of them closes the connection in order.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    messages: mpsc::UnboundedSender<Bytes>,
    reset: Arc<watch::Sender<bool>>,
    size: Arc<AtomicUsize>,
    limit: usize,
}

/// What makes another of the driver's ends as long as there is one.
#[derive(Debug)]
pub(super) struct WeakSender {
    messages: mpsc::WeakUnboundedSender<Bytes>,
    reset: Weak<watch::Sender<bool>>,
    size: Arc<AtomicUsize>,
    limit: usize,
}

impl WeakSender {
    pub(super) fn upgrade(&self) -> Option<Sender> {
        let (messages, reset) = (self.messages.upgrade()?, self.reset.upgrade()?);
        Some(Sender { messages, reset, size: self.size.clone(), limit: self.limit })
    }
}

/// Why nothing more can be queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueueError {
    /// The peer does not read fast enough.
    Full,
    /// The connection is gone.
    Gone,
}

impl Sender {
    pub(super) fn send(&self, bytes: Bytes) -> Result<(), QueueError> {
        let cost = bytes.len() + OVERHEAD;
        // One message always fits, or a small limit would allow none.
        let before = self.size.fetch_add(cost, Relaxed);
        if before > 0 && before + cost > self.limit {
            self.size.fetch_sub(cost, Relaxed);
            return Err(QueueError::Full);
        }
        self.messages.send(bytes).map_err(|_| QueueError::Gone)
    }

    pub(super) fn downgrade(&self) -> WeakSender {
        let (messages, reset) = (self.messages.downgrade(), Arc::downgrade(&self.reset));
        WeakSender { messages, reset, size: self.size.clone(), limit: self.limit }
    }

    /// Closes the connection without sending what waits.
    pub(super) fn reset(self) {
        self.reset.send_replace(true);
    }
}

/// The connection's end.
#[derive(Debug)]
pub(super) struct Receiver {
    waiting: mpsc::UnboundedReceiver<Bytes>,
    size: Arc<AtomicUsize>,
    signal: Signal,
}

impl Receiver {
    /// The next message; `None` once the sender is gone and everything was taken.
    pub(super) async fn recv(&mut self) -> Option<Bytes> {
        let bytes = self.waiting.recv().await?;
        Some(self.taken(bytes))
    }

    /// The next message if one waits.
    pub(super) fn try_recv(&mut self) -> Option<Bytes> {
        let bytes = self.waiting.try_recv().ok()?;
        Some(self.taken(bytes))
    }

    /// Tells when the driver has lost interest, apart from the messages.
    pub(super) fn signal(&self) -> Signal {
        self.signal.clone()
    }

    /// Returns when a connection that is not up yet need not come up: reset, or closed with nothing to send, or
    /// `linger` after it was closed.
    pub(super) async fn unwanted(&self, linger: Duration) {
        let mut signal = self.signal();
        if signal.closing().await && !self.waiting.is_empty() {
            sleep(linger).await;
        }
    }

    fn taken(&self, bytes: Bytes) -> Bytes {
        self.size.fetch_sub(bytes.len() + OVERHEAD, Relaxed);
        bytes
    }
}

/// When to give up on a connection.
#[derive(Clone, Debug)]
pub(super) struct Signal {
    was_reset: watch::Receiver<bool>,
}

impl Signal {
    /// Returns at once when the connection is reset, `linger` after it was closed.
    pub(super) async fn abandoned(&mut self, linger: Duration) {
        if self.closing().await {
            sleep(linger).await;
        }
    }

    /// Whether it is closed in order (`true`) or reset, once it is either.
    async fn closing(&mut self) -> bool {
        self.was_reset.wait_for(|reset| *reset).await.is_err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn is_bounded_in_bytes_and_frees_what_was_taken() {
        let (sender, mut receiver) = queue(2 * (100 + OVERHEAD));
        let message = Bytes::from(vec![b'x'; 100]);
        assert_eq!(sender.send(message.clone()), Ok(()));
        assert_eq!(sender.send(message.clone()), Ok(()));
        assert_eq!(sender.send(message.clone()), Err(QueueError::Full));
        assert_eq!(receiver.recv().await, Some(message.clone()));
        assert_eq!(sender.send(message), Ok(()));
    }

    #[tokio::test]
    async fn one_message_over_the_limit_passes_alone() {
        let (sender, _receiver) = queue(10);
        assert_eq!(sender.send(Bytes::from_static(b"longer than the limit")), Ok(()));
        assert_eq!(sender.send(Bytes::from_static(b"x")), Err(QueueError::Full));
    }

    #[tokio::test(start_paused = true)]
    async fn dropped_lingers_and_reset_does_not() {
        const LINGER: Duration = Duration::from_secs(2);
        let start = tokio::time::Instant::now();
        let (sender, receiver) = queue(10);
        sender.reset();
        receiver.signal().abandoned(LINGER).await;
        assert_eq!(start.elapsed(), Duration::ZERO);

        let (sender, mut receiver) = queue(10);
        sender.send(Bytes::from_static(b"x")).unwrap();
        drop(sender);
        receiver.unwanted(LINGER).await;
        assert_eq!(start.elapsed(), LINGER);
        assert_eq!(receiver.recv().await.as_deref(), Some(&b"x"[..]));
        receiver.unwanted(LINGER).await;
        assert_eq!(start.elapsed(), LINGER);
        assert_eq!(receiver.recv().await, None);
    }
}
