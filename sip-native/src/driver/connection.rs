//! One open connection: bytes in to the machine's task, bytes out from the queue, both at once, until either side ends.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use offhook_core::transport::{FlowChange, FlowError, FlowErrorKind, FlowId, FlowInfo, Path};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::tungstenite::{Error, Utf8Bytes, error::ProtocolError};

use super::input::Input;
use super::limits::Limits;
use super::queue;

/// How much of a stream is read at once.
const CHUNK: usize = 16 * 1024;

/// A byte stream under a connection.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// What a connection's task knows of its flow.
pub(super) struct Link {
    pub(super) flow: FlowId,
    pub(super) remote: SocketAddr,
    pub(super) queue: queue::Receiver,
    pub(super) inputs: mpsc::Sender<Input>,
    pub(super) limits: Arc<Limits>,
}

impl Link {
    /// Makes an accepted connection known to the machine; `None` if the driver has stopped.
    pub(super) async fn accepted(info: FlowInfo, inputs: mpsc::Sender<Input>, limits: Arc<Limits>) -> Option<Link> {
        let (sender, queue) = queue::queue(limits.queue);
        let (answer, flow) = oneshot::channel();
        inputs.send(Input::Accepted { info, queue: sender, answer }).await.ok()?;
        let remote = info.remote.unwrap_or(Path::UNKNOWN);
        Some(Link { flow: flow.await.ok()?, remote, queue, inputs, limits })
    }

    /// Runs a byte stream until it ends.
    pub(super) async fn run_stream(mut self, io: impl Io) {
        let (mut reader, mut writer) = split(io);
        let incoming = self.incoming();
        let read = async move {
            let mut buffer = BytesMut::new();
            loop {
                buffer.reserve(CHUNK);
                match reader.read_buf(&mut buffer).await {
                    Ok(0) => return FlowChange::Closed,
                    Ok(_) => incoming.deliver(buffer.split().freeze()).await,
                    Err(error) => return lost(&error),
                }
            }
        };
        let signal = self.queue.signal();
        let queue = &mut self.queue;
        let write = async move {
            while let Some(bytes) = queue.recv().await {
                writer.write_all(&bytes).await.map_err(|error| lost(&error))?;
            }
            writer.shutdown().await.map_err(|error| lost(&error))
        };
        let change = both(read, write, signal, &self.limits).await;
        self.report(change).await;
    }

    /// Runs a WebSocket until it ends.
    pub(super) async fn run_websocket<S: Io>(mut self, socket: WebSocketStream<S>) {
        let (mut sink, mut stream) = socket.split();
        let incoming = self.incoming();
        let read = async move {
            loop {
                match stream.next().await {
                    Some(Ok(Message::Text(text))) => incoming.deliver(text.into()).await,
                    Some(Ok(Message::Binary(bytes))) => incoming.deliver(bytes).await,
                    // Pings and a close are answered by the reading itself.
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return broken(error),
                    None => return FlowChange::Closed,
                }
            }
        };
        let signal = self.queue.signal();
        let queue = &mut self.queue;
        let write = async move {
            while let Some(bytes) = queue.recv().await {
                sink.feed(frame(bytes)).await.map_err(broken)?;
                while let Some(bytes) = queue.try_recv() {
                    sink.feed(frame(bytes)).await.map_err(broken)?;
                }
                sink.flush().await.map_err(broken)?;
            }
            sink.close().await.map_err(broken)
        };
        let change = both(read, write, signal, &self.limits).await;
        self.report(change).await;
    }

    /// Tells the machine how the flow ended, where it does not know yet.
    pub(super) async fn report(self, change: Option<FlowChange>) {
        if let Some(change) = change {
            // The driver may have stopped; then nobody wants to know.
            let _ = self.inputs.send(Input::Changed { flow: self.flow, change }).await;
        }
    }

    fn incoming(&self) -> Incoming {
        Incoming { path: Path { flow: self.flow, remote: self.remote }, inputs: self.inputs.clone() }
    }
}

/// The way of received bytes to the machine. It holds back a peer that sends faster than the machine takes in.
struct Incoming {
    path: Path,
    inputs: mpsc::Sender<Input>,
}

impl Incoming {
    async fn deliver(&self, bytes: Bytes) {
        // A driver that has stopped still sends what waits, and reads to hear the peer close.
        let _ = self.inputs.send(Input::Received { path: self.path, bytes }).await;
    }
}

/// Reads and writes at once. `None` if the driver closed the flow, else what became of it.
async fn both(
    read: impl Future<Output = FlowChange>,
    write: impl Future<Output = Result<(), FlowChange>>,
    mut signal: queue::Signal,
    limits: &Limits,
) -> Option<FlowChange> {
    tokio::pin!(read);
    let ended = async {
        tokio::select! {
            biased;
            change = &mut read => Some(change),
            written = write => match written {
                Ok(()) => {
                    read.await;
                    None
                }
                Err(change) => Some(change),
            },
        }
    };
    tokio::select! {
        change = ended => change,
        () = signal.abandoned(limits.linger) => None,
    }
}

/// SIP goes as text, which browsers show; bytes that are no UTF-8 cannot (RFC 7118 5.2).
fn frame(bytes: Bytes) -> Message {
    match Utf8Bytes::try_from(bytes.clone()) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Binary(bytes),
    }
}

pub(super) fn lost(error: &io::Error) -> FlowChange {
    FlowChange::Failed(FlowError::new(FlowErrorKind::Lost, &error.to_string()))
}

fn broken(error: Error) -> FlowChange {
    let kind = match &error {
        Error::ConnectionClosed | Error::AlreadyClosed => return FlowChange::Closed,
        Error::Protocol(ProtocolError::SendAfterClosing) => return FlowChange::Closed,
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => FlowErrorKind::Lost,
        Error::Protocol(_) | Error::Capacity(_) | Error::Utf8(_) | Error::AttackAttempt => FlowErrorKind::Framing,
        _ => FlowErrorKind::Lost,
    };
    FlowChange::Failed(FlowError::new(kind, &error.to_string()))
}
