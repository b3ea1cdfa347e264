//! How many connections each peer holds.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

/// Accepted connections by where they come from.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One accepted connection's place; given back when dropped.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) remote: SocketAddr,
    sources: Sources,
}

impl Sources {
    /// A place for one more connection from there, if fewer than `limit` are taken.
    pub(super) fn admit(&self, remote: SocketAddr, limit: usize) -> Option<Slot> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(source(remote.ip())).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Slot { remote, sources: self.clone() })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.sources.0.lock().unwrap_or_else(PoisonError::into_inner);
        let source = source(self.remote.ip());
        if let Some(count) = counts.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&source);
            }
        }
    }
}

/// Whose address it is: of IPv6 the first 64 bits, since the others are one host's to choose.
pub(super) fn source(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => {
            let prefix = u128::from(v6) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(prefix))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_and_given_back() {
        let sources = Sources::default();
        let remote = |text: &str| text.parse::<SocketAddr>().unwrap();
        let first = sources.admit(remote("192.0.2.1:1"), 2);
        let second = sources.admit(remote("192.0.2.1:2"), 2);
        assert!(first.is_some() && second.is_some());
        assert!(sources.admit(remote("192.0.2.1:3"), 2).is_none());
        assert!(sources.admit(remote("192.0.2.2:3"), 2).is_some());
        drop(first);
        assert!(sources.admit(remote("192.0.2.1:3"), 2).is_some());
        drop(second);
        assert!(sources.0.lock().unwrap().is_empty());
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let one = source("2001:db8:1:2:3:4:5:6".parse().unwrap());
        assert_eq!(one, source("2001:db8:1:2::1".parse().unwrap()));
        assert_ne!(one, source("2001:db8:1:3::1".parse().unwrap()));
    }
}
