//! One open connection: bytes in to the machine's task, bytes out from the queue, both at once, until either side ends.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use offhook_core::transport::{FlowChange, FlowError, FlowErrorKind, FlowId, FlowInfo, Path};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::tungstenite::{Error, Utf8Bytes, error::ProtocolError};

use super::activity::Activity;
use super::input::Input;
use super::limits::Limits;
use super::queue;
use super::shards::{Inbox, Incoming, Kind, News};

/// How much of a stream is read at once.
const CHUNK: usize = 16 * 1024;

/// When the system asks a silent peer whether it is still there, and how often again.
const PROBE_AFTER: Duration = Duration::from_secs(60);
const PROBE_EVERY: Duration = Duration::from_secs(15);

/// How long a message may take to come where connections are shared: as long as a transaction lasts. (Else its machine
/// sees to it.)
const MESSAGE: Duration = Duration::from_secs(32);

/// How long what was sent may stay unacknowledged before the connection counts as lost: as long as a transaction lasts.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNACKNOWLEDGED: Duration = Duration::from_secs(32);

/// A byte stream under a connection.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// A connection that is ready for messages.
pub(super) enum Opened {
    Stream(Box<dyn Io>),
    WebSocket(Box<WebSocketStream<Box<dyn Io>>>),
}

/// What every TCP socket is told. Without it messages are only slower, and dead peers found later.
pub(super) fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let socket = SockRef::from(stream);
    let probes = TcpKeepalive::new().with_time(PROBE_AFTER).with_interval(PROBE_EVERY);
    let _ = socket.set_tcp_keepalive(&probes);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
}

/// What a connection's task knows of its flow.
pub(super) struct Link {
    pub(super) flow: FlowId,
    pub(super) remote: SocketAddr,
    pub(super) queue: queue::Receiver,
    pub(super) inputs: Inbox,
    pub(super) limits: Arc<Limits>,
    /// For the other machines, which send on it as well.
    pub(super) sender: queue::WeakSender,
    /// Whether this side opened it.
    pub(super) opened: bool,
}

impl Link {
    /// Makes an accepted connection known to the machine; `None` if the driver has stopped.
    pub(super) async fn accepted(info: FlowInfo, inputs: Inbox, limits: Arc<Limits>) -> Option<Link> {
        let (sender, queue) = queue::queue(limits.queue);
        let weak = sender.downgrade();
        let (answer, flow) = oneshot::channel();
        inputs.send(Input::Accepted { info, queue: sender, answer }).await.ok()?;
        let remote = info.remote.unwrap_or(Path::UNKNOWN);
        let link = Link { flow: flow.await.ok()?, remote, queue, inputs, limits, sender: weak, opened: false };
        link.share(info);
        Some(link)
    }

    /// Makes the connection known to the other machines, before anything comes over it.
    pub(super) fn share(&self, info: FlowInfo) {
        if let Some(queue) = self.sender.upgrade() {
            self.inputs.tell(|| News::Shared { flow: self.flow, info, queue: queue.clone() });
        }
    }

    /// Runs the connection until it ends.
    pub(super) async fn run(mut self, opened: Opened) {
        let change = match opened {
            Opened::Stream(io) => self.run_stream(io).await,
            Opened::WebSocket(socket) => self.run_websocket(*socket).await,
        };
        self.report(change).await;
    }

    async fn run_stream(&mut self, io: Box<dyn Io>) -> Option<FlowChange> {
        let (mut reader, mut writer) = split(io);
        let kind = if self.opened { Kind::Opened } else { Kind::Accepted };
        let (mut incoming, signal) = (self.incoming(kind), self.queue.signal());
        let active = Activity::new();
        let read = async {
            let mut buffer = BytesMut::new();
            // By when the rest of a message must be here.
            let mut rest: Option<Instant> = None;
            loop {
                buffer.reserve(CHUNK);
                let reading = reader.read_buf(&mut buffer);
                let read = match rest {
                    None => reading.await,
                    Some(at) => timeout_at(at, reading).await.unwrap_or_else(|_| Err(slow())),
                };
                match read {
                    Ok(0) => return FlowChange::Closed,
                    Ok(_) => {
                        active.note();
                        incoming.deliver(buffer.split().freeze()).await;
                        rest = incoming.is_midway().then(|| rest.unwrap_or_else(|| Instant::now() + MESSAGE));
                    }
                    Err(error) => return lost(&error),
                }
            }
        };
        let queue = &mut self.queue;
        let write = async {
            while let Some(bytes) = queue.recv().await {
                writer.write_all(&bytes).await.map_err(|error| lost(&error))?;
                active.note();
            }
            writer.shutdown().await.map_err(|error| lost(&error))
        };
        both(read, write, unused(&active, &self.limits), signal, &self.limits).await
    }

    async fn run_websocket(&mut self, socket: WebSocketStream<Box<dyn Io>>) -> Option<FlowChange> {
        let (mut sink, mut stream) = socket.split();
        let (mut incoming, signal) = (self.incoming(Kind::Messages), self.queue.signal());
        // Messages either way; anything at all from the peer.
        let (active, heard) = (Activity::new(), Activity::new());
        let read = async {
            let mut closing = false;
            loop {
                let message = stream.next().await;
                heard.note();
                let bytes: Bytes = match message {
                    Some(Ok(Message::Text(text))) => text.into(),
                    Some(Ok(Message::Binary(bytes))) => bytes,
                    // Pings and a close are answered by the reading itself.
                    Some(Ok(control)) => {
                        closing |= control.is_close();
                        continue;
                    }
                    Some(Err(error)) if !closing => return broken(error),
                    // Once both have said goodbye it does not matter how the stream beneath ends.
                    Some(Err(_)) | None => return FlowChange::Closed,
                };
                active.note();
                incoming.deliver(bytes).await;
                heard.note();
            }
        };
        let (queue, limits) = (&mut self.queue, &self.limits);
        let write = async {
            let mut asked = Activity::new();
            loop {
                let ask = async {
                    tokio::join!(heard.silence(limits.ping), asked.silence(limits.ping));
                };
                let bytes = tokio::select! {
                    bytes = queue.recv() => bytes,
                    () = ask => {
                        // Whether it answers is seen to below.
                        sink.send(Message::Ping(Bytes::new())).await.map_err(broken)?;
                        asked = Activity::new();
                        continue;
                    }
                };
                let Some(bytes) = bytes else { break };
                sink.feed(frame(bytes)).await.map_err(broken)?;
                while let Some(bytes) = queue.try_recv() {
                    sink.feed(frame(bytes)).await.map_err(broken)?;
                }
                sink.flush().await.map_err(broken)?;
                active.note();
            }
            sink.close().await.map_err(broken)
        };
        let given_up = async {
            tokio::select! {
                change = unused(&active, limits) => change,
                () = heard.silence(limits.ping.saturating_mul(2)) => {
                    let words = "the peer does not answer pings";
                    FlowChange::Failed(FlowError::new(FlowErrorKind::Lost, words))
                }
            }
        };
        both(read, write, given_up, signal, limits).await
    }

    /// Tells the machine how the flow ended, where it does not know yet.
    pub(super) async fn report(self, change: Option<FlowChange>) {
        if let Some(change) = change {
            self.inputs.tell_changed(self.flow, change).await;
        }
    }

    fn incoming(&self, kind: Kind) -> Incoming {
        self.inputs.incoming(Path { flow: self.flow, remote: self.remote }, kind)
    }
}

/// Returns what becomes of a connection that nobody uses.
async fn unused(active: &Activity, limits: &Limits) -> FlowChange {
    active.silence(limits.idle).await;
    FlowChange::Failed(FlowError::new(FlowErrorKind::Lost, "nothing was sent or received for too long"))
}

/// Reads and writes at once. `None` if the driver closed the flow, else what became of it.
async fn both(
    read: impl Future<Output = FlowChange>,
    write: impl Future<Output = Result<(), FlowChange>>,
    given_up: impl Future<Output = FlowChange>,
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
        change = given_up => Some(change),
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

fn slow() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "a message did not come to its end in time")
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
