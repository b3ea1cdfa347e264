//! Places that are not asked any more for a while, because nothing came of it several times in a row: a circuit breaker for
//! each.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::Transport;
use crate::time::Instant;

/// How many places are remembered.
const PLACES: usize = 1024;

/// How many failures in a row open one.
const FAILURES: u32 = 5;

/// How long it stays open at first; twice as long after each attempt that fails, up to the longest.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(60);

/// How long an attempt may take before another is let through: longer than any transaction.
const ATTEMPT: Duration = Duration::from_secs(60);

/// Where requests have failed.
#[derive(Debug, Default)]
pub struct Breakers {
    places: HashMap<(Transport, SocketAddr), Breaker>,
}

#[derive(Clone, Copy, Debug)]
struct Breaker {
    /// In a row.
    failures: u32,
    /// Nothing is sent there until then.
    closed_at: Instant,
    pause: Duration,
}

impl Breakers {
    /// Whether a request may go there. While it is open none may; then one, and what becomes of that decides.
    pub fn admit(&mut self, now: Instant, transport: Transport, addr: SocketAddr) -> bool {
        let Some(breaker) = self.places.get_mut(&(transport, addr)).filter(|breaker| breaker.failures >= FAILURES)
        else {
            return true;
        };
        if now < breaker.closed_at {
            return false;
        }
        breaker.closed_at = now + ATTEMPT;
        true
    }

    /// Nothing came of a request there.
    pub fn failed(&mut self, now: Instant, transport: Transport, addr: SocketAddr) {
        if self.places.len() >= PLACES {
            self.places.retain(|_, breaker| breaker.closed_at > now);
        }
        // Forgetting all costs a few tries each.
        if self.places.len() >= PLACES {
            self.places.clear();
        }
        let new = Breaker { failures: 0, closed_at: now, pause: FIRST };
        let breaker = self.places.entry((transport, addr)).or_insert(new);
        breaker.failures = breaker.failures.saturating_add(1);
        // What had begun before it opened, and fails now, says nothing new.
        let attempted = breaker.failures > FAILURES && breaker.closed_at > now + breaker.pause;
        if breaker.failures == FAILURES || attempted {
            if attempted {
                breaker.pause = breaker.pause.saturating_mul(2).min(LONGEST);
            }
            breaker.closed_at = now + breaker.pause;
        }
    }

    /// Somebody answers there.
    pub fn succeeded(&mut self, transport: Transport, addr: SocketAddr) {
        if !self.places.is_empty() {
            self.places.remove(&(transport, addr));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(number: u32) -> SocketAddr {
        (std::net::Ipv4Addr::from(number), 5060).into()
    }

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(seconds * 1000)
    }

    fn admitted(breakers: &mut Breakers, now: u64) -> bool {
        breakers.admit(at(now), Transport::Udp, addr(1))
    }

    #[test]
    fn it_opens_lets_one_through_and_closes_when_that_is_answered() {
        let mut breakers = Breakers::default();
        for _ in 0..5 {
            assert!(admitted(&mut breakers, 0));
            breakers.failed(at(0), Transport::Udp, addr(1));
        }
        assert!(!admitted(&mut breakers, 0) && !admitted(&mut breakers, 4));
        assert!(breakers.admit(at(0), Transport::Tcp, addr(1)) && breakers.admit(at(0), Transport::Udp, addr(2)));
        // One that was under way all the time makes it no longer.
        breakers.failed(at(4), Transport::Udp, addr(1));
        assert!(admitted(&mut breakers, 5), "one attempt");
        assert!(!admitted(&mut breakers, 6), "and no other meanwhile");
        breakers.failed(at(7), Transport::Udp, addr(1));
        assert!(!admitted(&mut breakers, 16), "twice as long");
        assert!(admitted(&mut breakers, 17));
        breakers.succeeded(Transport::Udp, addr(1));
        assert!(admitted(&mut breakers, 17) && admitted(&mut breakers, 17));
        assert!(breakers.places.is_empty());
    }

    #[test]
    fn the_pause_has_an_end_and_an_attempt_nobody_speaks_of_too() {
        let mut breakers = Breakers::default();
        let mut now = 0;
        for _ in 0..5 {
            breakers.failed(at(now), Transport::Udp, addr(1));
        }
        let mut pauses = Vec::new();
        for _ in 0..6 {
            let from = now;
            while !admitted(&mut breakers, now) {
                now += 1;
            }
            pauses.push(now - from);
            breakers.failed(at(now), Transport::Udp, addr(1));
        }
        assert_eq!(pauses, [5, 10, 20, 40, 60, 60]);
        now += 60;
        assert!(
            admitted(&mut breakers, now) && !admitted(&mut breakers, now + 59) && admitted(&mut breakers, now + 60)
        );
    }

    #[test]
    fn successes_between_failures_keep_it_closed_and_the_memory_is_bounded() {
        let mut breakers = Breakers::default();
        for _ in 0..100 {
            for _ in 0..4 {
                breakers.failed(at(0), Transport::Udp, addr(1));
            }
            breakers.succeeded(Transport::Udp, addr(1));
        }
        assert!(admitted(&mut breakers, 0));
        for number in 0..5000 {
            breakers.failed(at(0), Transport::Udp, addr(number));
        }
        assert!(breakers.places.len() <= PLACES);
    }
}
