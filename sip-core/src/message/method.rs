//! Request methods (RFC 3261 section 7.1 and the extensions).

use super::grammar::is_token;
use std::fmt;

/// A request method. Methods are compared case-sensitively (RFC 3261 section 7.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// RFC 3261.
    Invite,
    /// RFC 3261.
    Ack,
    /// RFC 3261.
    Bye,
    /// RFC 3261.
    Cancel,
    /// RFC 3261.
    Register,
    /// RFC 3261.
    Options,
    /// RFC 3262.
    Prack,
    /// RFC 3311.
    Update,
    /// RFC 6086.
    Info,
    /// RFC 3515.
    Refer,
    /// RFC 6665.
    Subscribe,
    /// RFC 6665.
    Notify,
    /// RFC 3428.
    Message,
    /// RFC 3903.
    Publish,
    /// Any other token, as written.
    Extension(Box<str>),
}

impl Method {
    /// Reads a method; `None` if the text is not a token.
    ///
    /// ```
    /// use offhook_core::message::Method;
    /// assert_eq!(Method::parse(b"INVITE"), Some(Method::Invite));
    /// assert_eq!(Method::parse(b"invite"), Some(Method::Extension("invite".into())));
    /// assert_eq!(Method::parse(b"IN VITE"), None);
    /// ```
    pub fn parse(text: &[u8]) -> Option<Method> {
        let extension = || is_token(text).then(|| std::str::from_utf8(text).ok().map(Into::into)).flatten();
        Method::known(text).or_else(|| extension().map(Method::Extension))
    }

    /// Those that are no extensions.
    #[inline]
    pub(super) fn known(text: &[u8]) -> Option<Method> {
        Some(match text {
            b"INVITE" => Method::Invite,
            b"ACK" => Method::Ack,
            b"BYE" => Method::Bye,
            b"CANCEL" => Method::Cancel,
            b"REGISTER" => Method::Register,
            b"OPTIONS" => Method::Options,
            b"PRACK" => Method::Prack,
            b"UPDATE" => Method::Update,
            b"INFO" => Method::Info,
            b"REFER" => Method::Refer,
            b"SUBSCRIBE" => Method::Subscribe,
            b"NOTIFY" => Method::Notify,
            b"MESSAGE" => Method::Message,
            b"PUBLISH" => Method::Publish,
            _ => return None,
        })
    }

    /// The method as it stands in a message.
    pub fn as_str(&self) -> &str {
        match self {
            Method::Invite => "INVITE",
            Method::Ack => "ACK",
            Method::Bye => "BYE",
            Method::Cancel => "CANCEL",
            Method::Register => "REGISTER",
            Method::Options => "OPTIONS",
            Method::Prack => "PRACK",
            Method::Update => "UPDATE",
            Method::Info => "INFO",
            Method::Refer => "REFER",
            Method::Subscribe => "SUBSCRIBE",
            Method::Notify => "NOTIFY",
            Method::Message => "MESSAGE",
            Method::Publish => "PUBLISH",
            Method::Extension(text) => text,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_method_reads_back() {
        let all = "INVITE ACK BYE CANCEL REGISTER OPTIONS PRACK UPDATE INFO REFER SUBSCRIBE NOTIFY MESSAGE PUBLISH";
        for text in all.split(' ') {
            let method = Method::parse(text.as_bytes()).unwrap();
            assert!(!matches!(method, Method::Extension(_)), "{text}");
            assert_eq!(method.to_string(), text);
        }
    }

    #[test]
    fn a_percent_is_not_an_escape() {
        assert_eq!(Method::parse(b"RE%47IST%45R").unwrap().as_str(), "RE%47IST%45R");
    }

    #[test]
    fn refuses_what_is_not_a_token() {
        for text in [&b""[..], b"A B", b"A/B", b"A\0", b"\xc3\xa4"] {
            assert_eq!(Method::parse(text), None);
        }
    }
}
