//! What the network says of datagrams it did not deliver: on Linux, the error queue of a socket. Elsewhere it is not told
//! which datagram it was, and so nothing is said.

use std::sync::Arc;

use offhook_core::transport::FlowId;
use tokio::net::UdpSocket;

#[cfg(any(target_os = "linux", target_os = "android"))]
use super::input::Input;
use super::shards::Inbox;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) use linux::{listen, watch};

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn listen(_: &socket2::Socket, _: bool) {}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) async fn watch(_: FlowId, _: Arc<UdpSocket>, _: Inbox) {}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::io::{self, IoSliceMut};
    use std::net::SocketAddr;
    use std::os::fd::AsRawFd;

    use bytes::Bytes;
    use nix::libc::{self, sock_extended_err};
    use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
    use offhook_core::transport::{FlowError, FlowErrorKind, Path};
    use socket2::Socket;
    use tokio::io::Interest;

    use super::{Arc, FlowId, Inbox, Input, UdpSocket};

    /// More than any network quotes.
    const QUOTED: usize = 1500;

    /// Asks for errors to be kept with the datagram they are about. A system that refuses only says less.
    pub(in super::super) fn listen(socket: &Socket, ipv6: bool) {
        let _ = match ipv6 {
            true => setsockopt(socket, sockopt::Ipv6RecvErr, &true),
            false => setsockopt(socket, sockopt::Ipv4RecvErr, &true),
        };
    }

    /// Tells of each datagram of a socket that was not delivered, until it is dropped.
    pub(in super::super) async fn watch(flow: FlowId, socket: Arc<UdpSocket>, inputs: Inbox) {
        let mut buffer = vec![0; QUOTED];
        while socket.ready(Interest::ERROR).await.is_ok() {
            while let Ok(report) = socket.try_io(Interest::ERROR, || read(&socket, &mut buffer)) {
                let Some((remote, quoted, error)) = report else { continue };
                let error = FlowError::new(FlowErrorKind::Refused, &format!("{remote}: {error}"));
                let input = Input::Undelivered { path: Path { flow, remote }, quoted, error };
                if inputs.send(input).await.is_err() {
                    return;
                }
            }
        }
    }

    /// To whom a datagram went, its beginning, and what became of it.
    type Report = (SocketAddr, Bytes, io::Error);

    /// The oldest error; `Ok(None)` if it says nothing of delivery.
    fn read(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Option<Report>> {
        let mut control = nix::cmsg_space!(sock_extended_err, libc::sockaddr_in6);
        let (remote, error, length) = {
            let mut parts = [IoSliceMut::new(buffer)];
            let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
            let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags)?;
            let error = message.cmsgs()?.find_map(|control| match control {
                ControlMessageOwned::Ipv4RecvErr(error, _) => undelivered_v4(&error),
                ControlMessageOwned::Ipv6RecvErr(error, _) => undelivered_v6(&error),
                _ => None,
            });
            (message.address.as_ref().and_then(to_std), error, message.bytes)
        };
        let quoted = buffer.get(..length).map(Bytes::copy_from_slice).unwrap_or_default();
        Ok(remote.zip(error).map(|(remote, error)| (remote, quoted, error)))
    }

    /// Destination unreachable and parameter problem; not that a fragment would have been needed, which the system sees
    /// to, nor source quench or time exceeded (RFC 3261 18.4).
    fn undelivered_v4(error: &sock_extended_err) -> Option<io::Error> {
        let counts = error.ee_origin == libc::SO_EE_ORIGIN_ICMP
            && matches!((error.ee_type, error.ee_code), (3, 0..=3 | 5..) | (12, _));
        counts.then(|| io::Error::from_raw_os_error(error.ee_errno.cast_signed()))
    }

    fn undelivered_v6(error: &sock_extended_err) -> Option<io::Error> {
        let counts = error.ee_origin == libc::SO_EE_ORIGIN_ICMP6 && matches!(error.ee_type, 1 | 4);
        counts.then(|| io::Error::from_raw_os_error(error.ee_errno.cast_signed()))
    }

    fn to_std(address: &SockaddrStorage) -> Option<SocketAddr> {
        let v4 = address.as_sockaddr_in().map(|v4| SocketAddr::from((v4.ip(), v4.port())));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| SocketAddr::from((v6.ip(), v6.port()))))
    }
}
