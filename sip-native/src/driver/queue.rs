//! What waits to be sent on one connection: bounded in bytes, closed in order by dropping the sender.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::sleep;

/// What a queued message costs beside its bytes.
const OVERHEAD: usize = 64;

/// A queue that holds up to `limit` bytes, or one message that is longer.
pub(super) fn queue(limit: usize) -> (Sender, Receiver) {
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    let (messages, waiting) = mpsc::unbounded_channel();
    let (reset, was_reset) = watch::channel(false);
    let reset = Arc::new(reset);
    let room = Room { free: Arc::new(Semaphore::new(limit as usize)), limit };
    let sender = Sender { messages, reset, room: room.clone() };
    (sender, Receiver { waiting, room, signal: Signal { was_reset } })
}

/// The bytes that a queue has room for: each is a permit of a semaphore.
#[derive(Clone, Debug)]
struct Room {
    free: Arc<Semaphore>,
    limit: u32,
}

impl Room {
    /// What a message takes; one always fits, or a small limit would allow none.
    fn cost(&self, bytes: &Bytes) -> u32 {
        u32::try_from(bytes.len() + OVERHEAD).unwrap_or(u32::MAX).min(self.limit)
    }
}

/// The driver's end. Dropping all of them closes the connection in order.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    messages: mpsc::UnboundedSender<Bytes>,
    reset: Arc<watch::Sender<bool>>,
    room: Room,
}

/// What makes another of the driver's ends as long as there is one.
#[derive(Debug)]
pub(super) struct WeakSender {
    messages: mpsc::WeakUnboundedSender<Bytes>,
    reset: Weak<watch::Sender<bool>>,
    room: Room,
}

impl WeakSender {
    pub(super) fn upgrade(&self) -> Option<Sender> {
        let (messages, reset) = (self.messages.upgrade()?, self.reset.upgrade()?);
        Some(Sender { messages, reset, room: self.room.clone() })
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
        let taken = self.room.free.try_acquire_many(self.room.cost(&bytes)).map_err(|_| QueueError::Full)?;
        self.messages.send(bytes).map_err(|_| QueueError::Gone)?;
        // It is given back when the message is taken.
        taken.forget();
        Ok(())
    }

    pub(super) fn downgrade(&self) -> WeakSender {
        let (messages, reset) = (self.messages.downgrade(), Arc::downgrade(&self.reset));
        WeakSender { messages, reset, room: self.room.clone() }
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
    room: Room,
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
        self.room.free.add_permits(self.room.cost(&bytes) as usize);
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
