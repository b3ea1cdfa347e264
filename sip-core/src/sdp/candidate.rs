//! ICE candidates as they stand in a description or in a trickled fragment (RFC 8839 5.1).
use std::fmt;

/// An `a=candidate` value, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// Equal for candidates of the same kind from the same base and server.
    pub foundation: &'a str,
    /// 1 for RTP, 2 for RTCP.
    pub component: u16,
    /// `UDP` or `TCP`, in any case.
    pub transport: &'a str,
    /// The priority (RFC 8445 5.1.2).
    pub priority: u32,
    /// An IP address, or a `.local` name.
    pub address: &'a str,
    /// The port.
    pub port: u16,
    /// `host`, `srflx`, `prflx`, `relay`, …
    pub kind: &'a str,
    /// The related address.
    pub related_address: Option<&'a str>,
    /// The related port.
    pub related_port: Option<u16>,
    /// Further name-value pairs as written, such as `generation 0 ufrag abcd`.
    pub extensions: &'a str,
}

impl<'a> Candidate<'a> {
    /// Reads the value of an `a=candidate` line, also with `candidate:` or `a=candidate:` before it as in trickled
    /// fragments; `None` if it is not one. Printed it is the value again.
    ///
    /// ```
    /// use offhook_core::sdp::{Candidate, Section};
    /// let value = "1 1 udp 2130706431 192.0.2.3 9 typ host";
    /// let trickled = ["candidate:", value].concat();
    /// let candidate = Candidate::parse(&trickled).unwrap();
    /// assert_eq!((candidate.kind, candidate.port), ("host", 9));
    /// let mut audio = Section::media("audio", 9, "RTP/AVP", "0");
    /// audio.push_attribute("candidate", Some(&candidate.to_string()));
    /// assert_eq!(audio.view().attribute("candidate"), Some(value));
    /// ```
    pub fn parse(value: &'a str) -> Option<Candidate<'a>> {
        let value = value.trim();
        let value = value.strip_prefix("a=").unwrap_or(value);
        let mut rest = value.strip_prefix("candidate:").unwrap_or(value);
        let mut candidate = Candidate {
            foundation: word(&mut rest)?,
            component: word(&mut rest)?.parse().ok()?,
            transport: word(&mut rest)?,
            priority: word(&mut rest)?.parse().ok()?,
            address: word(&mut rest)?,
            port: word(&mut rest)?.parse().ok()?,
            kind: word(&mut rest).filter(|&typ| typ == "typ").and_then(|_| word(&mut rest))?,
            related_address: None,
            related_port: None,
            extensions: "",
        };
        candidate.related_address = option(&mut rest, "raddr");
        candidate.related_port = match option(&mut rest, "rport") {
            Some(port) => Some(port.parse().ok()?),
            None => None,
        };
        candidate.extensions = rest.trim();
        Some(candidate)
    }
}

impl fmt::Display for Candidate<'_> {
    /// The value of an `a=candidate` line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Candidate { foundation, component, transport, priority, address, port, kind, .. } = self;
        write!(f, "{foundation} {component} {transport} {priority} {address} {port} typ {kind}")?;
        if let Some(address) = self.related_address {
            write!(f, " raddr {address}")?;
        }
        if let Some(port) = self.related_port {
            write!(f, " rport {port}")?;
        }
        if self.extensions.is_empty() { Ok(()) } else { write!(f, " {}", self.extensions) }
    }
}

fn word<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let text = rest.trim_start();
    let (word, after) = text.split_once(' ').unwrap_or((text, ""));
    *rest = after;
    (!word.is_empty()).then_some(word)
}

fn option<'a>(rest: &mut &'a str, name: &str) -> Option<&'a str> {
    let mut ahead = *rest;
    if word(&mut ahead) != Some(name) {
        return None;
    }
    let value = word(&mut ahead)?;
    *rest = ahead;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn host_and_reflexive_candidates() {
        let text = "2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998 generation 0";
        let candidate = Candidate::parse(text).unwrap();
        assert_eq!(
            (candidate.kind, candidate.related_port, candidate.extensions),
            ("srflx", Some(8998), "generation 0")
        );
        assert_eq!(candidate.to_string(), text);
        let host = Candidate::parse("candidate:1 1 udp 2130706431 a1b2.local 9 typ host").unwrap();
        assert_eq!((host.address, host.related_address), ("a1b2.local", None));
        assert_eq!(Candidate::parse("1 1 UDP 1 192.0.2.3 9 host"), None);
        assert_eq!(Candidate::parse("1 1 UDP 1 192.0.2.3 99999 typ host"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn what_was_read_reads_the_same_again(text in "[0-9a-z]{1,3} [0-9]{1,2} udp [0-9]{1,9} [a-z.0-9]{1,9} [0-9]{1,4} typ [a-z]{1,5}( raddr [a-z0-9.]{1,5})?( rport [0-9]{1,4})?( [a-z ]{0,9})?") {
            let candidate = Candidate::parse(&text).unwrap();
            let printed = candidate.to_string();
            prop_assert_eq!(Candidate::parse(&printed), Some(candidate));
        }

        #[test]
        fn any_text_is_survived(text in ".*") {
            Candidate::parse(&text);
        }
    }
}
