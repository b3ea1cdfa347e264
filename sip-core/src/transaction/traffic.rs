//! How many messages have passed, of each kind.

use std::collections::HashMap;

/// What a message is, for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A request, by its method; `OTHER` for one that has none of the RFCs'.
    Request(&'static str),
    /// A response, by its status code; 0 for what is none.
    Response(u16),
}

/// Messages that have passed, retransmissions and unreadable ones included.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    counts: HashMap<(bool, Kind), u64>,
}

const METHODS: [&str; 14] = [
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "REGISTER",
    "OPTIONS",
    "PRACK",
    "UPDATE",
    "INFO",
    "REFER",
    "SUBSCRIBE",
    "NOTIFY",
    "MESSAGE",
    "PUBLISH",
];

impl Traffic {
    pub(super) fn count(&mut self, outgoing: bool, bytes: &[u8]) {
        let count = self.counts.entry((outgoing, Kind::of(bytes))).or_default();
        *count = count.saturating_add(1);
    }

    /// Each kind that has passed: whether it went out, what it was, how often.
    pub fn iter(&self) -> impl Iterator<Item = (bool, Kind, u64)> {
        self.counts.iter().map(|((outgoing, kind), count)| (*outgoing, *kind, *count))
    }
}

impl Kind {
    /// By the first words of a message.
    pub fn of(bytes: &[u8]) -> Kind {
        if let Some(rest) = bytes.strip_prefix(b"SIP/2.0 ") {
            let code = rest.get(..3).and_then(|code| std::str::from_utf8(code).ok()?.parse().ok());
            return Kind::Response(code.filter(|code| (100..700).contains(code)).unwrap_or(0));
        }
        let word = bytes.iter().position(|byte| *byte == b' ').and_then(|end| bytes.get(..end)).unwrap_or_default();
        let method = METHODS.into_iter().find(|method| method.as_bytes() == word);
        Kind::Request(method.unwrap_or("OTHER"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_few_whatever_comes() {
        assert_eq!(Kind::of(b"INVITE sip:x SIP/2.0\r\n"), Kind::Request("INVITE"));
        assert_eq!(Kind::of(b"SIP/2.0 486 Busy Here\r\n"), Kind::Response(486));
        for strange in [&b"SIP/2.0 +86 x"[..], b"SIP/2.0 999 x", b"SIP/2.0 "] {
            assert_eq!(Kind::of(strange), Kind::Response(0));
        }
        for strange in [&b""[..], b"FLY sip:x SIP/2.0", b"invite sip:x", b" ", b"\xff\xff"] {
            assert_eq!(Kind::of(strange), Kind::Request("OTHER"));
        }
    }
}
