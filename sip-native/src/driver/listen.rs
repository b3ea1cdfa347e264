//! Listening sockets: accept, handshake, hand over as a flow.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use offhook_core::transport::{FlowInfo, Transport};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep, sleep, timeout_at};

use super::connection::{Io, Link, Opened, prepare};
use super::limits::Limits;
use super::shards::Inbox;
use super::sources::Slot;
use super::tls::Acceptor;
use super::websocket::{self, Origins};
use crate::metrics::{accept_failed, handshake_failed};

/// How long accepting rests after an error, e.g. when file descriptors have run out.
const REST: Duration = Duration::from_millis(100);

const BACKLOG: i32 = 1024;

/// What a listener speaks.
pub(super) struct Accept {
    pub(super) speaks: Speaks,
    pub(super) tls: Option<Acceptor>,
    pub(super) origins: Origins,
}

/// What is spoken above TCP or TLS.
pub(super) enum Speaks {
    /// SIP on a byte stream.
    Sip,
    /// SIP over WebSocket, whatever path is asked for.
    WebSocket,
    /// HTTP, with SIP over WebSocket at one path.
    #[cfg(feature = "http")]
    Http(super::http::HttpService),
}

impl Accept {
    pub(super) fn transport(&self) -> Transport {
        match (&self.speaks, &self.tls) {
            (Speaks::Sip, None) => Transport::Tcp,
            (Speaks::Sip, Some(_)) => Transport::Tls,
            (_, None) => Transport::Ws,
            (_, Some(_)) => Transport::Wss,
        }
    }

    /// Serves one accepted connection to its end.
    pub(super) async fn serve(self: Arc<Accept>, stream: TcpStream, slot: Slot, inputs: Inbox, limits: Arc<Limits>) {
        prepare(&stream);
        let remote = slot.remote;
        let Ok(local) = stream.local_addr() else { return };
        let info = FlowInfo { transport: self.transport(), local, remote: Some(remote) };
        let opened = tokio::select! {
            opened = self.open(stream, &limits) => opened,
            // A connection that is no flow yet goes with the driver.
            () = inputs.closed() => return,
        };
        match opened {
            Ok(Some(opened)) => {
                if let Some(link) = Link::accepted(info, inputs, limits).await {
                    link.run(opened).await;
                }
            }
            Ok(None) => {}
            Err(error) => {
                handshake_failed(info.transport);
                tracing::debug!(%remote, transport = %info.transport, %error, "a handshake failed");
            }
        }
    }

    /// The handshakes, in their time. `None`: it was served without becoming a flow.
    async fn open(&self, stream: TcpStream, limits: &Limits) -> io::Result<Option<Opened>> {
        let deadline = Instant::now() + limits.handshake;
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, "not done in time");
        let io: Box<dyn Io> = match &self.tls {
            Some(tls) => timeout_at(deadline, tls.accept(stream)).await.map_err(late)??,
            None => Box::new(stream),
        };
        match &self.speaks {
            Speaks::Sip => Ok(Some(Opened::Stream(io))),
            Speaks::WebSocket => {
                let accepted = timeout_at(deadline, websocket::accept(io, &self.origins, limits)).await;
                let socket = accepted.map_err(late)?.map_err(io::Error::other)?;
                Ok(Some(Opened::WebSocket(Box::new(socket))))
            }
            #[cfg(feature = "http")]
            Speaks::Http(service) => {
                let upgraded = super::http::serve(io, service, &self.origins, limits).await;
                Ok(upgraded.map(|socket| Opened::WebSocket(Box::new(socket))))
            }
        }
    }
}

/// A listening socket.
pub(super) struct Listener {
    socket: TcpListener,
    pub(super) accept: Arc<Accept>,
    resting: Option<Pin<Box<Sleep>>>,
}

impl Listener {
    pub(super) fn bind(address: SocketAddr, accept: Accept) -> io::Result<Listener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // A restarted server may listen while old connections still die. (Elsewhere the option means something else.)
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(Listener { socket: TcpListener::from_std(socket.into())?, accept: Arc::new(accept), resting: None })
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub(super) fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<(TcpStream, SocketAddr)> {
        loop {
            if let Some(rest) = &mut self.resting {
                ready!(rest.as_mut().poll(cx));
                self.resting = None;
            }
            match ready!(self.socket.poll_accept(cx)) {
                Ok(accepted) => return Poll::Ready(accepted),
                // The one connection is gone, the listener is well.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::warn!(%error, "accepting failed");
                    accept_failed();
                    self.resting = Some(Box::pin(sleep(REST)));
                }
            }
        }
    }
}
