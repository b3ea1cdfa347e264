//! UDP sockets: bound for both address families apart, read in batches, with a bounded queue for what cannot go yet.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use offhook_core::transport::{FlowError, FlowErrorKind, FlowId, Path};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::task::AbortHandle;
use tokio::time::{Sleep, sleep};

use super::icmp;
use super::input::Input;
use crate::metrics::Meters;

/// The longest datagram there is.
pub(super) const DATAGRAM: usize = 65_536;

/// What the kernel is asked to hold for a socket while the machine is busy; it grants what it likes.
const KERNEL_BUFFER: usize = 4 << 20;

/// A socket that fails so often without one good datagram between is given up.
const FAILURES: u32 = 100;

/// How often sending a datagram is tried before its error counts.
const ATTEMPTS: usize = 4;

/// How long a full socket rests.
const REST: Duration = Duration::from_millis(2);

/// Binds a socket; IPv6 ones carry IPv6 alone, so that addresses are what they seem.
pub(super) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Smaller buffers only lose more under load.
    let _ = socket.set_recv_buffer_size(KERNEL_BUFFER);
    let _ = socket.set_send_buffer_size(KERNEL_BUFFER);
    icmp::listen(&socket, address.is_ipv6());
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

/// Our address on the way to `remote`. Nothing is sent.
pub(super) fn address_towards(remote: SocketAddr) -> io::Result<IpAddr> {
    let any = if remote.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
    let socket = std::net::UdpSocket::bind((any, 0))?;
    socket.connect(remote)?;
    Ok(socket.local_addr()?.ip())
}

/// What a Via or Contact may name for a socket bound to `local`: where that is the unspecified address, the one on
/// the default route, else the loopback.
pub(super) fn reachable(local: SocketAddr) -> SocketAddr {
    if !local.ip().is_unspecified() {
        return local;
    }
    // Documentation addresses (RFC 5737, RFC 3849): routed like any far one.
    let (far, loopback): (SocketAddr, IpAddr) = match local {
        SocketAddr::V4(_) => (([192, 0, 2, 1], 9).into(), Ipv4Addr::LOCALHOST.into()),
        SocketAddr::V6(_) => ((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 9).into(), Ipv6Addr::LOCALHOST.into()),
    };
    SocketAddr::new(address_towards(far).unwrap_or(loopback), local.port())
}

/// A bound socket as one flow.
#[derive(Debug)]
pub(super) struct UdpFlow {
    pub(super) flow: FlowId,
    socket: Arc<UdpSocket>,
    waiting: VecDeque<(SocketAddr, Bytes)>,
    waiting_bytes: usize,
    /// Runs until what waits is tried again.
    resting: Option<Pin<Box<Sleep>>>,
    failures: u32,
    /// The task that hears of its errors, and holds the socket as well.
    watch: AbortHandle,
}

impl Drop for UdpFlow {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

/// What came of sending one datagram.
enum Sent {
    Done,
    /// The system's buffer is full.
    Later,
    Failed(io::Error),
}

/// What came of reading one datagram.
pub(super) enum Datagram {
    /// So many bytes of the buffer, from there.
    Here(usize, SocketAddr),
    /// A passing error, e.g. that a peer's port is closed.
    Nothing,
    /// No more for now.
    Empty,
    /// The socket is of no use any more.
    Dead(io::Error),
}

impl UdpFlow {
    pub(super) fn new(flow: FlowId, socket: Arc<UdpSocket>, watch: AbortHandle) -> UdpFlow {
        UdpFlow { flow, socket, waiting: VecDeque::new(), waiting_bytes: 0, resting: None, failures: 0, watch }
    }

    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        // An error shows again when reading.
        self.socket.poll_recv_ready(cx).map(drop)
    }

    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> Datagram {
        match self.socket.try_recv_from(buffer) {
            Ok((length, from)) => {
                self.failures = 0;
                Datagram::Here(length, from)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Datagram::Empty,
            Err(error) => {
                tracing::debug!(flow = self.flow.number(), %error, "receiving failed");
                self.failures += 1;
                if self.failures < FAILURES { Datagram::Nothing } else { Datagram::Dead(error) }
            }
        }
    }

    /// Sends now or, where the system's buffer is full, as soon as it can; beyond `limit` waiting bytes not at all. What to
    /// tell the machine if that is known to have failed.
    pub(super) fn send(&mut self, to: SocketAddr, bytes: Bytes, limit: usize, meters: &Meters) -> Option<Input> {
        if self.waiting.is_empty() {
            match self.try_send(to, &bytes) {
                Sent::Done => return None,
                Sent::Later => {}
                Sent::Failed(error) => return Some(self.undelivered(to, bytes, &error)),
            }
        }
        if self.waiting_bytes + bytes.len() > limit {
            // Like any loss on the way: what matters is sent again.
            tracing::debug!(flow = self.flow.number(), %to, "datagram dropped: the socket is congested");
            meters.congested.increment(1);
            return None;
        }
        self.waiting_bytes += bytes.len();
        self.waiting.push_back((to, bytes));
        None
    }

    /// Sends what waits; ready when nothing does.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>, failed: &mut VecDeque<Input>) -> Poll<()> {
        while let Some((to, bytes)) = self.waiting.front() {
            match &mut self.resting {
                Some(rest) => ready!(rest.as_mut().poll(cx)),
                // An error shows again when sending.
                None => ready!(self.socket.poll_send_ready(cx).map(drop)),
            }
            self.resting = None;
            let to = *to;
            let sent = self.try_send(to, bytes);
            if let Sent::Later = sent {
                // A socket that had errors counts as writable for ever, so it is not asked alone.
                self.resting = Some(Box::pin(sleep(REST)));
                continue;
            }
            let Some((_, bytes)) = self.waiting.pop_front() else { break };
            self.waiting_bytes -= bytes.len();
            if let Sent::Failed(error) = sent {
                failed.push_back(self.undelivered(to, bytes, &error));
            }
        }
        Poll::Ready(())
    }

    fn try_send(&self, to: SocketAddr, bytes: &[u8]) -> Sent {
        let mut failure = None;
        // The first errors may be those of earlier datagrams, told late; the last is this one's own.
        for _ in 0..ATTEMPTS {
            match self.socket.try_send_to(bytes, to) {
                Ok(_) => return Sent::Done,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Sent::Later,
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Sent::Done, Sent::Failed)
    }

    fn undelivered(&self, remote: SocketAddr, quoted: Bytes, error: &io::Error) -> Input {
        tracing::debug!(flow = self.flow.number(), %remote, %error, "sending failed");
        let error = FlowError::new(FlowErrorKind::Refused, &format!("{remote}: {error}"));
        Input::Undelivered { path: Path { flow: self.flow, remote }, quoted, error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unspecified_address_becomes_one_that_can_be_named() {
        let any = reachable(([0, 0, 0, 0], 5060).into());
        assert!(!any.ip().is_unspecified());
        assert_eq!(any.port(), 5060);
        let bound: SocketAddr = ([127, 0, 0, 1], 5060).into();
        assert_eq!(reachable(bound), bound);
    }

    #[test]
    fn the_way_to_the_loopback_is_the_loopback() {
        assert_eq!(address_towards(([127, 0, 0, 1], 9).into()).unwrap(), IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
}
