//! Which of our addresses a peer can reach us at.
//!
//! The operating system is asked for its route to an address by connecting a UDP socket to it, which sends nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

/// The addresses to open sockets on for a peer, best first. See [`Options::bind`](super::Options::bind) for the rules.
///
/// `description` is the peer's session description, if there is one yet.
pub(super) fn to_listen_on(bind: IpAddr, description: Option<&str>) -> Vec<IpAddr> {
    let everybody = bind.is_unspecified();
    let first = if everybody { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { bind };
    let mut addresses = vec![first];
    if !everybody && !bind.is_loopback() {
        return addresses;
    }

    let candidates = candidates(description.unwrap_or_default());
    let hidden = candidates.is_empty() || candidates.contains(&None);
    let routes = candidates
        .into_iter()
        .flatten()
        .filter_map(|remote| route(remote).filter(|local| everybody || *local == remote));
    let defaults = ELSEWHERE.into_iter().filter(|_| everybody || hidden).filter_map(route);
    for address in routes.chain(defaults) {
        if usable(address) && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

/// The addresses of the UDP candidates in a session description; `None` for a name.
fn candidates(description: &str) -> Vec<Option<IpAddr>> {
    let lines = description.lines().filter_map(|line| line.strip_prefix("a=candidate:"));
    lines
        .filter_map(|line| {
            let mut fields = line.split_ascii_whitespace().skip(2);
            let udp = fields.next()?.eq_ignore_ascii_case("udp");
            udp.then(|| fields.nth(1).map(|address| address.parse().ok())).flatten()
        })
        .collect()
}

/// The first address that a description states for its media.
pub(super) fn of_description(description: &str) -> Option<IpAddr> {
    let mut lines = description.lines().filter_map(|line| line.strip_prefix("c=IN IP"));
    lines
        .find_map(|line| line.get(2..)?.split('/').next()?.trim().parse().ok())
        .filter(|ip: &IpAddr| !ip.is_unspecified())
}

/// The local address from which packets to `remote` would go.
pub(super) fn route(remote: IpAddr) -> Option<IpAddr> {
    let any = if remote.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((remote, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// The address from which packets to far away would go.
pub(super) fn default_route() -> Option<IpAddr> {
    ELSEWHERE.into_iter().filter_map(route).find(|address| usable(*address))
}

/// Link-local IPv6 addresses mean nothing without their interface, which a candidate does not carry.
fn usable(address: IpAddr) -> bool {
    !address.is_unspecified() && !matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

/// Public addresses, to learn the default routes (of a.root-servers.net).
const ELSEWHERE: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(198, 41, 0, 4)), IpAddr::V6(Ipv6Addr::new(0x2001, 0x503, 0xba3e, 0, 0, 0, 2, 0x30))];

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn reads_the_candidates() {
        let description = "v=0\r\n\
            a=candidate:1 1 udp 2122260223 192.0.2.7 50028 typ host generation 0\r\n\
            a=candidate:2 1 UDP 2122260222 fd00::2 50029 typ host\r\n\
            a=candidate:3 1 udp 2122260221 6f1e.local 50030 typ host\r\n\
            a=candidate:4 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active\r\n\
            a=candidate:5 1 udp\r\n";
        let expected = [Some("192.0.2.7".parse().ok()), Some("fd00::2".parse().ok()), Some(None)].map(Option::flatten);
        assert_eq!(candidates(description), expected);
    }

    #[test]
    fn a_peer_on_loopback_needs_nothing_else() {
        let description = "a=candidate:1 1 udp 1 127.0.0.1 5000 typ host\r\n";
        assert_eq!(to_listen_on(LOOPBACK, Some(description)), [LOOPBACK]);
    }

    #[test]
    fn a_peer_elsewhere_gets_no_socket_of_a_loopback_session() {
        let description = "a=candidate:1 1 udp 1 198.51.100.7 5000 typ host\r\n";
        assert_eq!(to_listen_on(LOOPBACK, Some(description)), [LOOPBACK]);
    }

    #[test]
    fn a_chosen_address_is_used_alone() {
        let chosen = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9));
        assert_eq!(to_listen_on(chosen, None), [chosen]);
    }

    #[test]
    fn without_candidates_the_default_route_is_added() {
        let default: Vec<IpAddr> = ELSEWHERE.into_iter().filter_map(route).filter(|address| usable(*address)).collect();
        for bind in [LOOPBACK, IpAddr::V4(Ipv4Addr::UNSPECIFIED)] {
            let addresses = to_listen_on(bind, None);
            assert_eq!(addresses[0], LOOPBACK);
            assert!(default.iter().all(|address| addresses.contains(address)), "{addresses:?}");
        }
    }
}
