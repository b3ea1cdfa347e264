//! How many messages one source may send.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use crate::time::Instant;

/// How many sources are remembered.
const SOURCES: usize = 4096;

/// What one message costs. A bucket holds thousandths, so that a millisecond adds something at any rate.
const MESSAGE: u64 = 1000;

/// How many messages are taken from one source: so many a second in the long run, and so many at once. A source is an IPv4
/// address or the first 64 bits of an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageRate {
    /// In the long run.
    pub per_second: u32,
    /// After a silence.
    pub burst: u32,
}

impl MessageRate {
    /// So many a second, and five times as many at once.
    pub const fn per_second(per_second: u32) -> MessageRate {
        MessageRate { per_second, burst: per_second.saturating_mul(5) }
    }

    fn capacity(self) -> u64 {
        u64::from(self.burst.max(1)).saturating_mul(MESSAGE)
    }
}

/// 1,000 a second: far more than any phone or proxy sends to one user agent, far less than takes its time away.
impl Default for MessageRate {
    fn default() -> MessageRate {
        MessageRate::per_second(1000)
    }
}

/// A bucket of tokens for each source.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    rate: Option<MessageRate>,
    sources: HashMap<IpAddr, Bucket>,
    refused: u64,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: u64,
    at: Instant,
}

impl Bucket {
    fn filled(self, now: Instant, rate: MessageRate) -> u64 {
        let millis = u64::try_from(now.since(self.at).as_millis()).unwrap_or(u64::MAX);
        let more = millis.saturating_mul(rate.per_second.into());
        self.left.saturating_add(more).min(rate.capacity())
    }
}

impl Buckets {
    pub(crate) fn new(rate: Option<MessageRate>) -> Buckets {
        Buckets { rate, ..Buckets::default() }
    }

    /// Whether one more message is taken from there.
    pub(crate) fn admit(&mut self, now: Instant, from: IpAddr) -> bool {
        let Some(rate) = self.rate else { return true };
        let from = source(from);
        if self.sources.len() >= SOURCES && !self.sources.contains_key(&from) {
            // A full bucket is as good as none.
            self.sources.retain(|_, bucket| bucket.filled(now, rate) < rate.capacity());
            if self.sources.len() >= SOURCES {
                // Forgetting all costs a burst each.
                self.sources.clear();
            }
        }
        let bucket = self.sources.entry(from).or_insert(Bucket { left: rate.capacity(), at: now });
        let left = bucket.filled(now, rate);
        bucket.at = now;
        bucket.left = left.saturating_sub(MESSAGE);
        if left < MESSAGE {
            bucket.left = left;
            self.refused = self.refused.saturating_add(1);
        }
        left >= MESSAGE
    }

    /// How many messages were not taken.
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }
}

/// What counts as one peer: who has an IPv6 network has 2^64 addresses.
fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(number: u32) -> IpAddr {
        std::net::Ipv4Addr::from(number).into()
    }

    fn taken(buckets: &mut Buckets, at: u64, from: IpAddr, sent: usize) -> usize {
        (0..sent).filter(|_| buckets.admit(Instant::from_millis(at), from)).count()
    }

    #[test]
    fn a_burst_and_then_the_rate_and_a_burst_again_after_a_silence() {
        let mut buckets = Buckets::new(Some(MessageRate { per_second: 100, burst: 20 }));
        assert_eq!(taken(&mut buckets, 0, ip(1), 1000), 20);
        assert_eq!(taken(&mut buckets, 9, ip(1), 1000), 0);
        assert_eq!(taken(&mut buckets, 10, ip(1), 1000), 1);
        let slowly: usize = (11..1010).map(|at| taken(&mut buckets, at, ip(1), 10)).sum();
        assert_eq!(slowly, 99, "one each ten milliseconds, whatever is sent in between");
        assert_eq!(taken(&mut buckets, 100_000, ip(1), 1000), 20);
        assert_eq!(taken(&mut buckets, 100_000, ip(2), 1000), 20, "each has its own");
        assert_eq!(buckets.refused(), 1000 - 20 + 1000 + 999 + 9990 - 99 + 980 + 980);
    }

    #[test]
    fn a_network_of_ipv6_is_one_source_and_an_ipv4_address_is_one_however_it_is_written() {
        let mut buckets = Buckets::new(Some(MessageRate { per_second: 1, burst: 1 }));
        let now = Instant::from_millis(0);
        for (address, admitted) in [
            ("2001:db8::1", true),
            ("2001:db8::2:3", false),
            ("2001:db8:0:1::1", true),
            ("::ffff:10.0.0.1", true),
            ("10.0.0.1", false),
        ] {
            assert_eq!(buckets.admit(now, address.parse().unwrap()), admitted, "{address}");
        }
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut buckets = Buckets::new(Some(MessageRate::default()));
        for number in 0..100_000 {
            assert!(buckets.admit(Instant::from_millis(number.into()), ip(number)));
        }
        assert!(buckets.sources.len() <= SOURCES);
        assert!(taken(&mut Buckets::default(), 0, ip(1), 100_000) == 100_000, "without a rate all is taken");
    }
}
