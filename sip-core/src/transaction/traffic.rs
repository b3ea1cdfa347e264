//! How many messages have passed, of each kind.

use crate::message::Method;

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
    received: Counts,
    sent: Counts,
}

/// Those of one direction.
#[derive(Clone, Debug, Default)]
struct Counts {
    /// By the place of the method in the list; the last are the others.
    requests: [u64; METHODS.len() + 1],
    /// By status code, in no order; seldom more than a dozen.
    responses: Vec<(u16, u64)>,
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

/// A method by its place in the list; the last are the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct MethodName(u8);

impl MethodName {
    pub(super) fn of(method: &Method) -> MethodName {
        MethodName(match method {
            Method::Invite => 0,
            Method::Ack => 1,
            Method::Bye => 2,
            Method::Cancel => 3,
            Method::Register => 4,
            Method::Options => 5,
            Method::Prack => 6,
            Method::Update => 7,
            Method::Info => 8,
            Method::Refer => 9,
            Method::Subscribe => 10,
            Method::Notify => 11,
            Method::Message => 12,
            Method::Publish => 13,
            Method::Extension(_) => u8::MAX,
        })
    }

    pub(super) fn as_str(self) -> &'static str {
        METHODS.get(usize::from(self.0)).copied().unwrap_or("OTHER")
    }
}

impl Traffic {
    pub(super) fn count(&mut self, outgoing: bool, bytes: &[u8]) {
        let counts = if outgoing { &mut self.sent } else { &mut self.received };
        let count = match Kind::of(bytes) {
            Kind::Request(method) => {
                let place = METHODS.iter().position(|known| *known == method).unwrap_or(METHODS.len());
                counts.requests.get_mut(place)
            }
            Kind::Response(code) => {
                let place = counts.responses.iter().position(|(known, _)| *known == code);
                let place = place.unwrap_or_else(|| {
                    counts.responses.push((code, 0));
                    counts.responses.len().saturating_sub(1)
                });
                counts.responses.get_mut(place).map(|(_, count)| count)
            }
        };
        if let Some(count) = count {
            *count = count.saturating_add(1);
        }
    }

    /// Each kind that has passed: whether it went out, what it was, how often.
    pub fn iter(&self) -> impl Iterator<Item = (bool, Kind, u64)> {
        [(false, &self.received), (true, &self.sent)].into_iter().flat_map(|(outgoing, counts)| {
            let methods = METHODS.into_iter().chain(["OTHER"]).map(Kind::Request).zip(counts.requests);
            let codes = counts.responses.iter().map(|(code, count)| (Kind::Response(*code), *count));
            methods.chain(codes).filter(|(_, count)| *count > 0).map(move |(kind, count)| (outgoing, kind, count))
        })
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
    fn methods_keep_their_names() {
        for method in METHODS {
            let known = Method::parse(method.as_bytes()).expect("a token");
            assert_eq!(MethodName::of(&known).as_str(), method);
        }
        assert_eq!(MethodName::of(&Method::Extension("FLY".into())).as_str(), "OTHER");
    }

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
