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
use tokio::sync::mpsc;
use tokio::time::{Sleep, sleep, timeout};

use super::connection::Link;
use super::input::Input;
use super::limits::Limits;
use super::websocket::{self, Origins};

/// How long accepting rests after an error, e.g. when file descriptors have run out.
const REST: Duration = Duration::from_millis(100);

const BACKLOG: i32 = 1024;

/// What a listener speaks.
#[derive(Clone)]
pub(super) enum Accept {
    /// SIP on a byte stream.
    Tcp,
    /// SIP over WebSocket, whatever path is asked for.
    Ws(Origins),
    /// HTTP, with SIP over WebSocket at one path.
    #[cfg(feature = "http")]
    Http(super::http::HttpService, Origins),
}

impl Accept {
    pub(super) fn transport(&self) -> Transport {
        match self {
            Accept::Tcp => Transport::Tcp,
            _ => Transport::Ws,
        }
    }

    /// Serves one accepted connection to its end.
    pub(super) async fn serve(
        self,
        stream: TcpStream,
        remote: SocketAddr,
        inputs: mpsc::Sender<Input>,
        limits: Arc<Limits>,
    ) {
        // Without it messages are only slower.
        let _ = stream.set_nodelay(true);
        let Ok(local) = stream.local_addr() else { return };
        let info = FlowInfo { transport: self.transport(), local, remote: Some(remote) };
        // A connection that is no flow yet goes with the driver.
        let stopped = inputs.clone();
        let stopped = stopped.closed();
        match self {
            Accept::Tcp => {
                if let Some(link) = Link::accepted(info, inputs, limits).await {
                    link.run_stream(stream).await;
                }
            }
            Accept::Ws(origins) => {
                let accepted = timeout(limits.handshake, websocket::accept(stream, &origins, &limits));
                let accepted = tokio::select! { accepted = accepted => accepted, () = stopped => return };
                match accepted {
                    Ok(Ok(socket)) => {
                        if let Some(link) = Link::accepted(info, inputs, limits).await {
                            link.run_websocket(socket).await;
                        }
                    }
                    Ok(Err(error)) => tracing::debug!(%remote, %error, "no WebSocket"),
                    Err(_) => tracing::debug!(%remote, "no WebSocket in time"),
                }
            }
            #[cfg(feature = "http")]
            Accept::Http(service, origins) => {
                let upgraded = tokio::select! {
                    upgraded = super::http::serve(stream, service, origins, &limits) => upgraded,
                    () = stopped => return,
                };
                if let Some(socket) = upgraded
                    && let Some(link) = Link::accepted(info, inputs, limits).await
                {
                    link.run_websocket(socket).await;
                }
            }
        }
    }
}

/// A listening socket.
pub(super) struct Listener {
    socket: TcpListener,
    pub(super) accept: Accept,
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
        Ok(Listener { socket: TcpListener::from_std(socket.into())?, accept, resting: None })
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
                    self.resting = Some(Box::pin(sleep(REST)));
                }
            }
        }
    }
}
