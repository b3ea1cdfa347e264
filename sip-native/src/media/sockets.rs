//! The UDP sockets of a session, one for each address.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::Poll;

use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

/// A set of sockets, each on a port the system chose.
#[derive(Debug)]
pub(super) struct Sockets(Vec<(SocketAddr, UdpSocket)>);

/// A datagram that came in, its bytes being in the caller's buffer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Received {
    pub(super) source: SocketAddr,
    /// The socket it came in on.
    pub(super) destination: SocketAddr,
    pub(super) length: usize,
}

impl Sockets {
    /// Opens sockets on all of `addresses` that work; an error if none does.
    pub(super) fn bind(addresses: &[IpAddr]) -> io::Result<Self> {
        let mut sockets = Sockets(Vec::new());
        let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in addresses {
            if let Err(error) = sockets.add(*address) {
                tracing::debug!(%address, %error, "no media socket");
                failure = error;
            }
        }
        if sockets.0.is_empty() { Err(failure) } else { Ok(sockets) }
    }

    /// Opens a socket on `address` unless there is one.
    pub(super) fn add(&mut self, address: IpAddr) -> io::Result<Option<SocketAddr>> {
        if self.addresses().any(|existing| existing.ip() == address) {
            return Ok(None);
        }
        let socket = std::net::UdpSocket::bind((address, 0))?;
        socket.set_nonblocking(true)?;
        let socket = UdpSocket::from_std(socket)?;
        let local = socket.local_addr()?;
        self.0.push((local, socket));
        Ok(Some(local))
    }

    /// The addresses the sockets are bound to.
    pub(super) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.0.iter().map(|(address, _)| *address)
    }

    /// Sends a datagram, or drops it: networks may, and the protocols above repeat what matters.
    pub(super) fn send(&self, source: SocketAddr, destination: SocketAddr, bytes: &[u8]) {
        let Some((_, socket)) = self.0.iter().find(|(address, _)| *address == source) else {
            return;
        };
        if let Err(error) = socket.try_send_to(bytes, destination) {
            tracing::trace!(%source, %destination, %error, "datagram dropped");
        }
    }

    /// Waits for the next datagram on any socket.
    pub(super) async fn receive(&self, buffer: &mut [u8]) -> io::Result<Received> {
        poll_fn(|context| {
            for (destination, socket) in &self.0 {
                let mut buffer = ReadBuf::new(buffer);
                if let Poll::Ready(result) = socket.poll_recv_from(context, &mut buffer) {
                    let length = buffer.filled().len();
                    return Poll::Ready(result.map(|source| Received { source, destination: *destination, length }));
                }
            }
            Poll::Pending
        })
        .await
    }
}
