//! The two UDP sockets of plain RTP.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::UdpSocket;

use super::options::Options;

/// RTP on an even port, RTCP on the next (RFC 3550 11).
#[derive(Debug)]
pub(super) struct Ports {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    local: SocketAddr,
}

impl Ports {
    /// Opens a pair on `address`, in the range of the options if there is one.
    pub(super) fn bind(address: IpAddr, options: &Options, random: u64) -> io::Result<Ports> {
        let candidates = match &options.ports {
            Some(range) => {
                let (first, last) = (range.start().next_multiple_of(2), range.end().saturating_sub(1));
                let pairs = (u32::from(last.saturating_sub(first)) / 2 + 1) as u64;
                // From a place by chance, so that a port which was just left is not taken at once.
                let at = move |index: u64| first + 2 * ((random.wrapping_add(index) % pairs) as u16);
                (0..if last >= first { pairs } else { 0 }).map(at).collect()
            }
            None => vec![0; ATTEMPTS],
        };
        let mut failure = io::Error::from(io::ErrorKind::AddrInUse);
        for port in candidates {
            match pair(address, port) {
                Ok(ports) => return Ok(ports),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => failure = error,
                Err(error) => return Err(error),
            }
        }
        Err(failure)
    }

    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Sends a datagram, or drops it: networks may.
    pub(super) fn send(&self, rtcp: bool, to: SocketAddr, bytes: &[u8]) {
        let socket = if rtcp { &self.rtcp } else { &self.rtp };
        if let Err(error) = socket.try_send_to(bytes, to) {
            tracing::trace!(%to, %error, "datagram dropped");
        }
    }

    /// Waits for the next datagram on either.
    pub(super) async fn receive(&self, rtp: &mut [u8], rtcp: &mut [u8]) -> io::Result<(bool, usize, SocketAddr)> {
        tokio::select! {
            received = self.rtp.recv_from(rtp) => received.map(|(length, from)| (false, length, from)),
            received = self.rtcp.recv_from(rtcp) => received.map(|(length, from)| (true, length, from)),
        }
    }
}

fn pair(address: IpAddr, port: u16) -> io::Result<Ports> {
    let open = |port| {
        let socket = std::net::UdpSocket::bind((address, port))?;
        socket.set_nonblocking(true)?;
        io::Result::Ok(socket)
    };
    let rtp = open(port)?;
    let local = rtp.local_addr()?;
    // Of an odd port of the system's choice, the one before it may be free.
    let (rtp, rtcp) = match local.port() % 2 {
        0 => (rtp, open(local.port() + 1)?),
        _ => (open(local.port() - 1)?, rtp),
    };
    let local = rtp.local_addr()?;
    Ok(Ports { rtp: UdpSocket::from_std(rtp)?, rtcp: UdpSocket::from_std(rtcp)?, local })
}

/// How often the system is asked for two ports in a row.
const ATTEMPTS: usize = 64;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[tokio::test]
    async fn ports_come_in_pairs_of_the_range() {
        let any = Ports::bind(Ipv4Addr::LOCALHOST.into(), &Options::default(), 1).expect("two ports");
        assert_eq!(any.local().port() % 2, 0);
        let first = any.local().port();
        drop(any);
        let options = Options { ports: Some(first..=first + 1), ..Options::default() };
        let taken = Ports::bind(Ipv4Addr::LOCALHOST.into(), &options, 7).expect("the same two");
        assert_eq!(taken.local().port(), first);
        assert!(Ports::bind(Ipv4Addr::LOCALHOST.into(), &options, 7).is_err());
        let none = Options { ports: Some(first..=first), ..Options::default() };
        assert!(Ports::bind(Ipv4Addr::LOCALHOST.into(), &none, 7).is_err());
    }
}
