//! What several machines of one user agent share of a driver. Each runs on a task of its own with sockets of its own; a
//! message that came in where it does not belong is handed to the task it belongs to (see [`Router`]), and connections are
//! used by all. There is no lock: each has a mailbox.

use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use offhook_core::message::{Frame, Limits, StreamDecoder};
use offhook_core::transport::{FlowChange, FlowError, FlowId, FlowInfo, Note, Path, Router, Sharding};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::SendError;

use super::input::Input;
use super::queue;

/// What one of them tells another, ahead of anything that comes over the flows it is about.
#[derive(Debug)]
pub(super) enum News {
    /// There is a connection to use.
    Shared { flow: FlowId, info: FlowInfo, queue: queue::Sender },
    /// It is not to be used any more.
    Closed { flow: FlowId },
    /// A datagram was not delivered.
    Undelivered { path: Path, quoted: Bytes, error: FlowError },
    /// For the machine.
    Note(Note),
}

/// The ways to one task that owns a machine.
#[derive(Clone, Debug)]
pub(super) struct Mailbox {
    pub(super) inputs: mpsc::Sender<Input>,
    pub(super) news: mpsc::UnboundedSender<News>,
}

/// The way to the machine that a task works for, and to the others where there are several.
#[derive(Clone, Debug)]
pub(super) struct Inbox {
    own: mpsc::Sender<Input>,
    peers: Option<Peers>,
}

/// All the machines, and which of them is one's own.
#[derive(Clone, Debug)]
struct Peers {
    index: usize,
    sharding: Sharding,
    all: Arc<[Mailbox]>,
}

impl Inbox {
    /// To a machine that is alone.
    pub(super) fn alone(own: mpsc::Sender<Input>) -> Inbox {
        Inbox { own, peers: None }
    }

    /// To one of several.
    pub(super) fn of_several(index: usize, sharding: Sharding, all: Arc<[Mailbox]>) -> Option<Inbox> {
        let own = all.get(index)?.inputs.clone();
        Some(Inbox { own, peers: Some(Peers { index, sharding, all }) })
    }

    pub(super) async fn send(&self, input: Input) -> Result<(), SendError<Input>> {
        self.own.send(input).await
    }

    /// Returns when the machine has stopped.
    pub(super) async fn closed(&self) {
        self.own.closed().await;
    }

    /// What tells whose a message is, if there are several.
    pub(super) fn router(&self) -> Option<Router> {
        self.peers.as_ref().map(|peers| Router::new(peers.sharding))
    }

    /// Whether a message for this one came in here.
    pub(super) fn is_own(&self, index: usize) -> bool {
        self.peers.as_ref().is_none_or(|peers| peers.index == index)
    }

    /// Hands a datagram to whose it is; false: that one does not keep up, or has stopped.
    pub(super) fn hand_over(&self, index: usize, input: Input) -> bool {
        let peer = self.peers.as_ref().and_then(|peers| peers.all.get(index));
        peer.is_some_and(|peer| peer.inputs.try_send(input).is_ok())
    }

    fn others(&self) -> impl Iterator<Item = &Mailbox> {
        self.peers.iter().flat_map(|peers| {
            peers.all.iter().enumerate().filter(|(index, _)| *index != peers.index).map(|(_, other)| other)
        })
    }

    /// Tells the others something. One that has stopped need not know.
    pub(super) fn tell(&self, mut news: impl FnMut() -> News) {
        for other in self.others() {
            let _ = other.news.send(news());
        }
    }

    /// Tells all what became of a flow, after what came over it.
    pub(super) async fn tell_changed(&self, flow: FlowId, change: FlowChange) {
        for other in self.others() {
            let _ = other.inputs.send(Input::Changed { flow, change: change.clone() }).await;
        }
        // The driver may have stopped; then nobody wants to know.
        let _ = self.own.send(Input::Changed { flow, change }).await;
    }

    /// The way of what comes over a connection.
    pub(super) fn incoming(&self, path: Path, kind: Kind) -> Incoming {
        let cut = self.router().map(|router| Cut {
            router,
            decoder: match kind {
                Kind::Messages => None,
                Kind::Accepted => Some(StreamDecoder::new(&Limits::default())),
                Kind::Opened => Some(StreamDecoder::for_opener(&Limits::default())),
            },
            rest: BytesMut::new(),
        });
        Incoming { path, inbox: self.clone(), cut }
    }
}

/// What comes over a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Whole messages.
    Messages,
    /// A stream that was accepted.
    Accepted,
    /// A stream that was opened.
    Opened,
}

/// The way of what comes over a connection to whose it is. It holds back a peer that sends faster than that one takes in.
pub(super) struct Incoming {
    path: Path,
    inbox: Inbox,
    cut: Option<Cut>,
}

/// What a connection of several machines is cut into messages by.
struct Cut {
    router: Router,
    /// Of a stream.
    decoder: Option<StreamDecoder>,
    /// What it has not cut yet.
    rest: BytesMut,
}

impl Incoming {
    pub(super) async fn deliver(&mut self, bytes: Bytes) {
        let (path, inbox) = (self.path, &self.inbox);
        let Some(Cut { router, decoder, rest }) = &mut self.cut else {
            // A driver that has stopped still sends what waits, and reads to hear the peer close.
            let _ = inbox.send(Input::Received { path, bytes }).await;
            return;
        };
        let Some(decoder) = decoder else {
            let shard = router.shard_of(&bytes);
            return hand(inbox, path, Some(shard), bytes).await;
        };
        rest.extend_from_slice(&bytes);
        decoder.push(&bytes);
        loop {
            let frame = decoder.next_frame();
            if let Err(error) = frame {
                // Whose connection it is finds the same, says so to the peer, and closes it.
                tracing::debug!(flow = path.flow.number(), %error, "a stream cannot be cut into messages any more");
                return hand(inbox, path, None, rest.split().freeze()).await;
            }
            rest.advance(rest.len() - decoder.pending());
            match frame {
                Ok(Some(Frame::Message(bytes))) => {
                    let shard = router.shard_of(&bytes);
                    hand(inbox, path, Some(shard), bytes).await;
                }
                // Keep-alives are the affair of whose connection it is.
                Ok(Some(Frame::Ping)) => hand(inbox, path, None, Bytes::from_static(b"\r\n\r\n")).await,
                Ok(Some(Frame::Pong)) => hand(inbox, path, None, Bytes::from_static(b"\r\n")).await,
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// Whether the rest of a message is waited for here. (Up to three bytes may be a keep-alive.)
    pub(super) fn is_midway(&self) -> bool {
        let decoder = self.cut.as_ref().and_then(|cut| cut.decoder.as_ref());
        decoder.is_some_and(|decoder| decoder.pending() > 3)
    }
}

/// Hands bytes to a machine, or to one's own.
async fn hand(inbox: &Inbox, path: Path, index: Option<usize>, bytes: Bytes) {
    let peer = inbox.peers.as_ref().zip(index).and_then(|(peers, index)| peers.all.get(index));
    let inputs = peer.map_or(&inbox.own, |peer| &peer.inputs);
    // One that has stopped does not want it.
    let _ = inputs.send(Input::Received { path, bytes }).await;
}
