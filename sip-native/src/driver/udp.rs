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
