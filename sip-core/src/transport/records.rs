//! Records of the domain name system that lead to servers: what they say, and in which order they count.

use super::Transport;

/// A kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// Where a service is (RFC 2782).
    Srv,
    /// Which services a domain has (RFC 3403).
    Naptr,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Where a service is.
    Srv(Srv),
    /// Which services a domain has.
    Naptr(Naptr),
}

/// Where a service is (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srv {
    /// Lower ones are tried first.
    pub priority: u16,
    /// The share of what goes to this priority.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host; `.` says that there is no such service.
    pub target: Box<str>,
}

/// Which services a domain has (RFC 3403).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naptr {
    /// Lower ones count first.
    pub order: u16,
    /// The same among those of one order.
    pub preference: u16,
    /// What the replacement is; `s`: the name of SRV records.
    pub flags: Box<str>,
    /// The service, e.g. `SIPS+D2T`.
    pub service: Box<str>,
    /// The name to ask for next.
    pub replacement: Box<str>,
}

impl Naptr {
    /// The transport of a service with SRV records (RFC 3263 4.1, RFC 7118 9).
    pub(super) fn transport(&self) -> Option<Transport> {
        const SERVICES: [(&str, Transport); 5] = [
            ("SIP+D2U", Transport::Udp),
            ("SIP+D2T", Transport::Tcp),
            ("SIPS+D2T", Transport::Tls),
            ("SIP+D2W", Transport::Ws),
            ("SIPS+D2W", Transport::Wss),
        ];
        let known = SERVICES.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(&self.service));
        known.filter(|_| self.flags.eq_ignore_ascii_case("s")).map(|(_, transport)| transport)
    }
}

/// The order in which servers are tried: by priority, among those of one priority by chance and weight (RFC 2782).
/// `below` gives a number by chance below another.
pub(super) fn in_order(mut records: Vec<Srv>, below: &mut dyn FnMut(u64) -> u64) -> Vec<Srv> {
    // Those without weight come first, so that they have their small chance.
    records.sort_by_key(|record| (record.priority, record.weight));
    let mut ordered = Vec::with_capacity(records.len());
    while let Some(priority) = records.first().map(|record| record.priority) {
        let group = || records.iter().take_while(|record| record.priority == priority);
        let total: u64 = group().map(|record| u64::from(record.weight)).sum();
        let mut chosen = below(total.saturating_add(1));
        let reached = |record: &Srv| {
            let weight = u64::from(record.weight);
            let reached = weight >= chosen;
            chosen = chosen.saturating_sub(weight);
            reached
        };
        let at = group().position(reached).unwrap_or_default();
        ordered.push(records.remove(at));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn srv(priority: u16, weight: u16, target: &str) -> Srv {
        Srv { priority, weight, port: 5060, target: target.into() }
    }

    fn order(records: &[Srv], chance: &mut dyn FnMut(u64) -> u64) -> String {
        let ordered = in_order(records.to_vec(), chance);
        ordered.iter().map(|record| &*record.target).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn priority_comes_before_weight() {
        let records = [srv(20, 1000, "c"), srv(10, 0, "a"), srv(15, 1, "b")];
        assert_eq!(order(&records, &mut |_| 0), "a b c");
    }

    #[test]
    fn chance_picks_by_running_sums() {
        let records = [srv(1, 10, "a"), srv(1, 0, "zero"), srv(1, 30, "c"), srv(1, 20, "b")];
        assert_eq!(order(&records, &mut |_| 0), "zero a b c");
        // 61 numbers: 0 is zero's, 1 to 10 a's, 11 to 30 b's, 31 to 60 c's.
        for (number, first) in [(1, "a"), (10, "a"), (11, "b"), (30, "b"), (31, "c"), (60, "c")] {
            let mut numbers = [number, 0, 0, 0].into_iter();
            let mut bounds = Vec::new();
            let ordered = order(&records, &mut |bound| {
                bounds.push(bound);
                numbers.next().unwrap_or_default()
            });
            assert!(ordered.starts_with(first), "{number}: {ordered}");
            assert_eq!(bounds.first(), Some(&61));
        }
    }

    #[test]
    fn shares_follow_weights() {
        let records = [srv(1, 1, "small"), srv(1, 3, "large")];
        let mut state = 1_u64;
        let mut chance = |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % bound
        };
        let first = (0..10_000).filter(|_| order(&records, &mut chance).starts_with("large")).count();
        // Of the five numbers 0 and 1 are the small one's.
        assert!((5_800..6_200).contains(&first), "{first}");
    }

    #[test]
    fn services_are_known_by_name_and_flag() {
        let naptr = |service: &str, flags: &str| Naptr {
            order: 1,
            preference: 1,
            flags: flags.into(),
            service: service.into(),
            replacement: "x".into(),
        };
        assert_eq!(naptr("sips+d2t", "S").transport(), Some(Transport::Tls));
        assert_eq!(naptr("SIP+D2S", "s").transport(), None);
        assert_eq!(naptr("SIP+D2U", "u").transport(), None);
        assert_eq!(naptr("SIP+E2U", "s").transport(), None);
    }
}
