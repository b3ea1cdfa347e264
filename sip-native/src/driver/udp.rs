//! UDP sockets: bound for both address families apart, and how they are called.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::icmp;

/// What the kernel is asked to hold for a socket while the machine is busy; it grants what it likes.
const KERNEL_BUFFER: usize = 4 << 20;

/// Binds a socket; IPv6 ones carry IPv6 alone, so that addresses are what they seem.
pub(super) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    bind_as(address, false)
}

fn bind_as(address: SocketAddr, _beside: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Smaller buffers only lose more under load.
    let _ = socket.set_recv_buffer_size(KERNEL_BUFFER);
    let _ = socket.set_send_buffer_size(KERNEL_BUFFER);
    icmp::listen(&socket, address.is_ipv6());
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if _beside {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

/// Binds as many sockets to one address as are asked for: the system shares what comes among them by where it comes from, or
/// each takes what it finds. Nobody else can have bound it.
pub(super) fn bind_several(address: SocketAddr, count: usize) -> io::Result<Vec<UdpSocket>> {
    let first = bind(address)?;
    let bound = first.local_addr()?;
    let mut sockets = Vec::with_capacity(count);
    for _ in 1..count {
        sockets.push(beside(&first, bound)?);
    }
    sockets.insert(0, first);
    Ok(sockets)
}

/// Another socket on the address of the first, which lets it in only now.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn beside(first: &UdpSocket, bound: SocketAddr) -> io::Result<UdpSocket> {
    socket2::SockRef::from(first).set_reuse_port(true)?;
    bind_as(bound, true)
}

/// Elsewhere sockets on one address do not share what comes; the same socket is read by all.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn beside(first: &UdpSocket, _: SocketAddr) -> io::Result<UdpSocket> {
    let socket = socket2::SockRef::from(first).try_clone()?;
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
