//! Datagrams many at a time: on Linux one system call moves a batch, elsewhere each takes its own.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use tokio::net::UdpSocket;

/// How many datagrams are moved at once.
pub(super) const BATCH: usize = 32;

/// The longest datagram there is.
const DATAGRAM: usize = 65_536;

/// A datagram, and where it came from or goes to.
pub(super) type Datagram = (SocketAddr, Bytes);

/// Takes what waits on a socket of IPv6 or not, at most a [`BATCH`]. `WouldBlock`: nothing did. An error is told only where
/// nothing was taken before it.
pub(super) fn receive(socket: &UdpSocket, ipv6: bool, into: &mut VecDeque<Datagram>) -> io::Result<()> {
    system::receive(socket, ipv6, into)
}

/// Sends the first of what waits, at most a [`BATCH`], and says how many went. An error is that of the first, or of an
/// earlier datagram, told late.
pub(super) fn send(socket: &UdpSocket, waiting: &VecDeque<Datagram>) -> io::Result<usize> {
    match waiting.front() {
        None => Ok(0),
        // A batch of one costs more than a call of its own.
        Some((to, bytes)) if waiting.len() == 1 => socket.try_send_to(bytes, *to).map(|_| 1),
        Some(_) => system::send(socket, waiting),
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
use linux as system;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
use portable as system;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::array::from_fn;
    use std::cell::RefCell;
    use std::io::{IoSlice, IoSliceMut};
    use std::os::fd::AsRawFd;

    use nix::sys::socket::{
        ControlMessage, MsgFlags, MultiHeaders, SockaddrIn, SockaddrIn6, SockaddrLike, SockaddrStorage, recvmmsg,
        sendmmsg,
    };
    use tokio::io::Interest;

    use super::{BATCH, Bytes, DATAGRAM, Datagram, SocketAddr, UdpSocket, VecDeque, io};

    /// What the system reads into. Pages that no datagram was long enough for take no memory.
    struct Receiving {
        buffers: Box<[u8]>,
        v4: MultiHeaders<SockaddrIn>,
        v6: MultiHeaders<SockaddrIn6>,
    }

    // They hold pointers, so they stay with their thread while the driver's task wanders.
    thread_local! {
        static RECEIVING: RefCell<Receiving> = RefCell::new(Receiving {
            buffers: vec![0; BATCH * DATAGRAM].into(),
            v4: MultiHeaders::preallocate(BATCH, None),
            v6: MultiHeaders::preallocate(BATCH, None),
        });
        static SENDING: RefCell<MultiHeaders<SockaddrStorage>> = RefCell::new(MultiHeaders::preallocate(BATCH, None));
    }

    pub(super) fn receive(socket: &UdpSocket, ipv6: bool, into: &mut VecDeque<Datagram>) -> io::Result<()> {
        let mut taken = 0;
        let result = socket.try_io(Interest::READABLE, || {
            taken = RECEIVING.with_borrow_mut(|receiving| {
                let Receiving { buffers, v4, v6 } = receiving;
                match ipv6 {
                    false => read(socket, buffers, v4, into),
                    true => read(socket, buffers, v6, into),
                }
            })?;
            // No more waited a moment ago: without asking again we wait for the next.
            if taken < BATCH { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        if taken > 0 { Ok(()) } else { result }
    }

    fn read<S>(
        socket: &UdpSocket,
        buffers: &mut [u8],
        headers: &mut MultiHeaders<S>,
        into: &mut VecDeque<Datagram>,
    ) -> io::Result<usize>
    where
        S: SockaddrLike + Copy + Into<SocketAddr>,
    {
        let mut found = [(0, None); BATCH];
        let mut taken = 0;
        {
            let mut rest = buffers.chunks_exact_mut(DATAGRAM);
            let mut parts: [_; BATCH] = from_fn(|_| [IoSliceMut::new(rest.next().unwrap_or_default())]);
            let received = recvmmsg(socket.as_raw_fd(), headers, &mut parts, MsgFlags::MSG_DONTWAIT, None)?;
            for (message, found) in received.zip(&mut found) {
                *found = (message.bytes, message.address);
                taken += 1;
            }
        }
        for (buffer, (length, from)) in buffers.chunks_exact(DATAGRAM).zip(found).take(taken) {
            // One allocation of the right size: a message that is kept keeps no more than itself.
            let bytes = buffer.get(..length).map(Bytes::copy_from_slice);
            into.extend(from.map(S::into).zip(bytes));
        }
        Ok(taken)
    }

    pub(super) fn send(socket: &UdpSocket, waiting: &VecDeque<Datagram>) -> io::Result<usize> {
        let addresses: [Option<SockaddrStorage>; BATCH] = from_fn(|n| waiting.get(n).map(|(to, _)| (*to).into()));
        let parts: [_; BATCH] = from_fn(|n| [IoSlice::new(waiting.get(n).map_or(&[], |(_, bytes)| bytes))]);
        let parts = parts.iter().take(waiting.len());
        socket.try_io(Interest::WRITABLE, || {
            SENDING.with_borrow_mut(|headers| {
                let nothing_more: [ControlMessage<'_>; 0] = [];
                let flags = MsgFlags::MSG_DONTWAIT;
                let sent = sendmmsg(socket.as_raw_fd(), headers, parts, addresses, nothing_more, flags)?;
                Ok(sent.count())
            })
        })
    }
}

#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
mod portable {
    use std::cell::RefCell;

    use super::{BATCH, Bytes, DATAGRAM, Datagram, UdpSocket, VecDeque, io};

    thread_local! {
        static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; DATAGRAM].into());
    }

    pub(super) fn receive(socket: &UdpSocket, _ipv6: bool, into: &mut VecDeque<Datagram>) -> io::Result<()> {
        BUFFER.with_borrow_mut(|buffer| {
            for taken in 0..BATCH {
                match socket.try_recv_from(buffer) {
                    Ok((length, from)) => {
                        into.extend(buffer.get(..length).map(|bytes| (from, Bytes::copy_from_slice(bytes))));
                    }
                    Err(error) if taken == 0 => return Err(error),
                    Err(_) => break,
                }
            }
            Ok(())
        })
    }

    pub(super) fn send(socket: &UdpSocket, waiting: &VecDeque<Datagram>) -> io::Result<usize> {
        for (sent, (to, bytes)) in waiting.iter().take(BATCH).enumerate() {
            match socket.try_send_to(bytes, *to) {
                Ok(_) => {}
                Err(error) if sent == 0 => return Err(error),
                Err(_) => return Ok(sent),
            }
        }
        Ok(waiting.len().min(BATCH))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    type Receive = fn(&UdpSocket, bool, &mut VecDeque<Datagram>) -> io::Result<()>;
    type Send = fn(&UdpSocket, &VecDeque<Datagram>) -> io::Result<usize>;

    /// This system's way and the one of all others.
    const WAYS: [(Receive, Send); 2] = [(receive, send), (portable::receive, portable::send)];

    #[tokio::test]
    async fn batches_arrive_whole_in_order_and_with_their_senders() {
        for ip in [Ipv4Addr::LOCALHOST.into(), std::net::IpAddr::from(Ipv6Addr::LOCALHOST)] {
            for (receive, send) in WAYS {
                let Ok(from) = UdpSocket::bind((ip, 0)).await else { continue };
                let to = UdpSocket::bind((ip, 0)).await.unwrap();
                let message = |n: usize| Bytes::from(vec![n as u8; 1 + n * 10]);
                let mut waiting: VecDeque<Datagram> =
                    (0..2 * BATCH + 1).map(|n| (to.local_addr().unwrap(), message(n))).collect();
                let mut received = VecDeque::new();
                while received.len() < 2 * BATCH + 1 {
                    if !waiting.is_empty() {
                        from.writable().await.unwrap();
                        let sent = send(&from, &waiting).unwrap();
                        assert!((1..=BATCH).contains(&sent));
                        waiting.drain(..sent);
                    }
                    to.readable().await.unwrap();
                    match receive(&to, ip.is_ipv6(), &mut received) {
                        Ok(()) => {}
                        Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
                    }
                }
                for (n, (sender, bytes)) in received.into_iter().enumerate() {
                    assert_eq!((sender, bytes), (from.local_addr().unwrap(), message(n)));
                }
                assert_eq!(
                    receive(&to, ip.is_ipv6(), &mut VecDeque::new()).unwrap_err().kind(),
                    io::ErrorKind::WouldBlock
                );
            }
        }
    }

    #[tokio::test]
    async fn what_the_system_does_not_send_is_the_first_that_is_left() {
        for (_, send) in WAYS {
            let from = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let to = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
            from.writable().await.unwrap();
            let lengths = [10, 70_000, 10];
            let mut waiting: VecDeque<Datagram> =
                lengths.into_iter().map(|length| (to, Bytes::from(vec![b'x'; length]))).collect();
            assert_eq!(send(&from, &waiting).unwrap(), 1);
            waiting.pop_front();
            assert!(send(&from, &waiting).is_err());
            waiting.pop_front();
            assert_eq!(send(&from, &waiting).unwrap(), 1);
        }
    }
}
