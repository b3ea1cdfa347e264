//! Where packets of the other side may come from, and where to send ours: symmetric RTP (RFC 4961), within limits.
//!
//! Many devices sit behind translators of addresses and are heard from another port than their description says. Anybody
//! could claim that, so that what is followed is limited by what the description says; where packets are authenticated
//! (SRTP), whoever has the key may come from anywhere.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// Whom to follow to another address than the other side's description says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Latching {
    /// Nobody: packets are taken from the described host, and sent where the description says.
    Never,
    /// The described host to another port.
    #[default]
    SameHost,
    /// The described host to another port; and if its description has a private address, whoever sends first: a phone
    /// behind a translator of addresses that does not know of it. Use it where callers are known.
    Private,
}

#[derive(Debug)]
pub(super) struct Latch {
    policy: Latching,
    described: Option<SocketAddr>,
    /// From where packets come, if that is elsewhere, and when the last did.
    followed: Option<(SocketAddr, Instant)>,
}

impl Latch {
    pub(super) fn new(policy: Latching) -> Latch {
        Latch { policy, described: None, followed: None }
    }

    /// A new description. One that says the same as before changes nothing.
    pub(super) fn describe(&mut self, described: Option<SocketAddr>) {
        if self.described != described {
            self.described = described;
            self.followed = None;
        }
    }

    /// Where to send; nowhere while nothing is known.
    pub(super) fn target(&self) -> Option<SocketAddr> {
        self.followed.map(|(followed, _)| followed).or(self.described)
    }

    /// Whether to take a packet from there; `proven`: it was authenticated.
    pub(super) fn accepts(&mut self, now: Instant, source: SocketAddr, proven: bool) -> bool {
        let Some(described) = self.described else { return false };
        if source == described {
            // Who sends from where he said is believed at once.
            self.followed = None;
            return true;
        }
        if let Some((followed, last)) = &mut self.followed {
            if *followed == source {
                *last = now;
                return true;
            }
            if !proven && now.saturating_duration_since(*last) < FAITHFUL {
                return false;
            }
        }
        let same = source.ip() == described.ip();
        let follow = match self.policy {
            Latching::Never => proven,
            Latching::SameHost => same || proven,
            Latching::Private => same || proven || is_private(described.ip()),
        };
        if follow {
            self.followed = Some((source, now));
        }
        follow || same
    }
}

/// Addresses that mean something within a network alone.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [a, b, ..] = address.octets();
            address.is_private() || address.is_link_local() || (a == 100 && b & 0xc0 == 64)
        }
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    }
}

/// How long a source that was followed has to be silent before another is.
const FAITHFUL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    fn latch(policy: Latching, described: &str) -> Latch {
        let mut latch = Latch::new(policy);
        latch.describe(Some(address(described)));
        latch
    }

    #[test]
    fn the_described_host_is_followed_to_another_port_and_nobody_else() {
        let now = Instant::now();
        let mut latch = latch(Latching::SameHost, "192.0.2.1:4000");
        assert!(!latch.accepts(now, address("198.51.100.9:4000"), false));
        assert_eq!(latch.target(), Some(address("192.0.2.1:4000")));
        assert!(latch.accepts(now, address("192.0.2.1:5000"), false));
        assert_eq!(latch.target(), Some(address("192.0.2.1:5000")));
        assert!(!latch.accepts(now, address("192.0.2.1:6000"), false), "while the first is heard");
        assert!(latch.accepts(now + FAITHFUL, address("192.0.2.1:6000"), false));
        assert!(latch.accepts(now + FAITHFUL, address("192.0.2.1:4000"), false));
        assert_eq!(latch.target(), Some(address("192.0.2.1:4000")));
        latch.describe(Some(address("192.0.2.7:4000")));
        assert!(!latch.accepts(now, address("192.0.2.1:4000"), false), "the description has changed");
    }

    #[test]
    fn a_stranger_is_followed_where_that_is_wanted_or_proven() {
        let now = Instant::now();
        let stranger = address("198.51.100.9:7000");
        assert!(!latch(Latching::SameHost, "10.0.0.5:4000").accepts(now, stranger, false));
        assert!(latch(Latching::Private, "10.0.0.5:4000").accepts(now, stranger, false));
        assert!(!latch(Latching::Private, "192.0.2.1:4000").accepts(now, stranger, false));
        assert!(latch(Latching::SameHost, "192.0.2.1:4000").accepts(now, stranger, true));
        assert!(!Latch::new(Latching::Private).accepts(now, stranger, true), "nothing is known of anybody yet");
    }

    #[test]
    fn without_latching_packets_go_where_the_description_says() {
        let mut latch = latch(Latching::Never, "192.0.2.1:4000");
        assert!(latch.accepts(Instant::now(), address("192.0.2.1:5000"), false));
        assert_eq!(latch.target(), Some(address("192.0.2.1:4000")));
    }
}
