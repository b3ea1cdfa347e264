//! Places that could not be reached lately (RFC 3263 4.3).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::Transport;
use crate::time::Instant;

/// How many are remembered.
const PLACES: usize = 1024;

/// Remembers for a while where nobody could be reached, so that others are tried first.
#[derive(Debug, Default)]
pub struct Dead {
    until: HashMap<(Transport, SocketAddr), Instant>,
}

impl Dead {
    /// Nobody was reached there; that is believed for so long.
    pub fn bury(&mut self, now: Instant, transport: Transport, addr: SocketAddr, long: Duration) {
        if self.until.len() >= PLACES {
            self.until.retain(|_, until| *until > now);
        }
        // Forgetting all costs a try each.
        if self.until.len() >= PLACES {
            self.until.clear();
        }
        self.until.insert((transport, addr), now + long);
    }

    /// Somebody answers there.
    pub fn revive(&mut self, transport: Transport, addr: SocketAddr) {
        self.until.remove(&(transport, addr));
    }

    /// Whether nobody was reached there lately.
    pub fn contains(&self, now: Instant, transport: Transport, addr: SocketAddr) -> bool {
        self.until.get(&(transport, addr)).is_some_and(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(number: u32) -> SocketAddr {
        (std::net::Ipv4Addr::from(number), 5060).into()
    }

    #[test]
    fn the_dead_are_forgotten_in_time_or_when_they_answer() {
        let (mut dead, start) = (Dead::default(), Instant::from_millis(0));
        dead.bury(start, Transport::Udp, addr(1), Duration::from_secs(30));
        assert!(dead.contains(start, Transport::Udp, addr(1)));
        assert!(!dead.contains(start, Transport::Tcp, addr(1)));
        assert!(!dead.contains(start + Duration::from_secs(30), Transport::Udp, addr(1)));
        dead.revive(Transport::Udp, addr(1));
        assert!(!dead.contains(start, Transport::Udp, addr(1)));
    }

    #[test]
    fn their_number_is_bounded() {
        let (mut dead, start) = (Dead::default(), Instant::from_millis(0));
        for number in 0..5000 {
            dead.bury(start, Transport::Udp, addr(number), Duration::from_secs(30));
        }
        assert!(dead.until.len() <= PLACES);
        assert!(dead.contains(start, Transport::Udp, addr(4999)));
    }
}
