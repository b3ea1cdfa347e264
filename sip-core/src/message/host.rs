//! Hosts: a name or an address (RFC 3261 section 25.1).

use super::grammar;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host as it stands in a URI or a Via.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host<'a> {
    /// A domain name, as written.
    Name(&'a str),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, written in brackets.
    V6(Ipv6Addr),
}

impl<'a> Host<'a> {
    /// Reads a host by itself: `example.com`, `192.0.2.1`, `[2001:db8::1]`. `None` if the text is none of these.
    pub fn parse(text: &'a str) -> Option<Host<'a>> {
        match grammar::host(text) {
            Ok(("", host)) => Some(host),
            _ => None,
        }
    }

    /// The address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Host::Name(_) => None,
            Host::V4(address) => Some(IpAddr::V4(*address)),
            Host::V6(address) => Some(IpAddr::V6(*address)),
        }
    }

    /// The same host: names regardless of case, addresses by value.
    pub fn equivalent(&self, other: &Host<'_>) -> bool {
        match (self, other) {
            (Host::Name(one), Host::Name(other)) => one.eq_ignore_ascii_case(other),
            (Host::V4(one), Host::V4(other)) => one == other,
            (Host::V6(one), Host::V6(other)) => one == other,
            _ => false,
        }
    }

    /// A run of host characters: an IPv4 address if it reads as one.
    #[inline]
    pub(super) fn of_name(name: &'a str) -> Host<'a> {
        grammar::ipv4(name.as_bytes()).map_or(Host::Name(name), Host::V4)
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::V4(address) => address.fmt(f),
            Host::V6(address) => write!(f, "[{address}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_what_it_reads() {
        for text in ["example.com", "192.0.2.1", "[2001:db8::1]", "1und1.de", "df7jal23ls0d.invalid"] {
            assert_eq!(Host::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Host::parse("example.com:5060"), None);
        assert_eq!(Host::parse("2001:db8::1"), None);
    }

    #[test]
    fn names_ignore_case_and_never_match_addresses() {
        assert!(Host::Name("A.example").equivalent(&Host::Name("a.EXAMPLE")));
        assert!(!Host::Name("192.0.2.1").equivalent(&Host::V4([192, 0, 2, 1].into())));
    }
}
