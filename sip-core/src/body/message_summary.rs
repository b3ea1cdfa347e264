//! `application/simple-message-summary` (RFC 3842): is there voice mail, and how much.

use crate::message::{ErrorKind, ParseError};

/// Where errors of this module are.
const FIELD: &str = "message-summary";

/// A message summary.
///
/// ```
/// use offhook_core::body::MessageSummary;
/// let body = b"Messages-Waiting: yes\r\nMessage-Account: sip:alice@vmail.example.com\r\nVoice-Message: 2/8 (0/2)\r\n";
/// let summary = MessageSummary::parse(body)?;
/// assert!(summary.waiting);
/// assert_eq!(summary.account, Some("sip:alice@vmail.example.com"));
/// assert_eq!(summary.voice().unwrap().new, 2);
/// # Ok::<(), offhook_core::message::ParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageSummary<'a> {
    /// Whether there are new messages.
    pub waiting: bool,
    /// The URI to call to hear them.
    pub account: Option<&'a str>,
    /// How many there are of each class, in order: `Voice-Message`, `Fax-Message` …, as written.
    pub counts: Vec<(&'a str, MessageCounts)>,
}

/// How many messages of a class there are. Numbers beyond 32 bits read as the largest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageCounts {
    /// New ones, urgent ones among them.
    pub new: u32,
    /// Old ones, urgent ones among them.
    pub old: u32,
    /// New and old urgent ones, if that is said.
    pub urgent: Option<(u32, u32)>,
}

impl<'a> MessageSummary<'a> {
    /// Reads a summary. Lines it does not know, and the optional headers of messages after a blank line, are passed over.
    ///
    /// # Errors
    ///
    /// Messages-Waiting is missing or neither `yes` nor `no`, or the text is not UTF-8.
    pub fn parse(body: &'a [u8]) -> Result<MessageSummary<'a>, ParseError> {
        let text = std::str::from_utf8(body)
            .map_err(|error| ParseError::new(FIELD, error.valid_up_to(), ErrorKind::NotUtf8))?;
        let mut summary = MessageSummary::default();
        let mut waiting = None;
        for line in text.trim_start().lines().take_while(|line| !line.trim().is_empty()) {
            let Some((name, value)) = line.split_once(':') else { continue };
            let (name, value) = (name.trim(), value.trim());
            if name.eq_ignore_ascii_case("Messages-Waiting") {
                let offset = value.as_ptr().addr().saturating_sub(text.as_ptr().addr());
                waiting = Some(match value {
                    _ if value.eq_ignore_ascii_case("yes") => true,
                    _ if value.eq_ignore_ascii_case("no") => false,
                    _ => return Err(ParseError::new(FIELD, offset, ErrorKind::Syntax("yes or no"))),
                });
            } else if name.eq_ignore_ascii_case("Message-Account") {
                summary.account = Some(value).filter(|value| !value.is_empty());
            } else if let Some(counts) = counts(value) {
                summary.counts.push((name, counts));
            }
        }
        summary.waiting = waiting.ok_or(ParseError::new(FIELD, 0, ErrorKind::Missing))?;
        Ok(summary)
    }

    /// How many messages of a class there are, in any case: `Voice-Message`.
    pub fn count(&self, class: &str) -> Option<MessageCounts> {
        self.counts.iter().find(|(found, _)| found.eq_ignore_ascii_case(class)).map(|(_, counts)| *counts)
    }

    /// How many voice messages there are.
    pub fn voice(&self) -> Option<MessageCounts> {
        self.count("Voice-Message")
    }
}

impl std::fmt::Display for MessageSummary<'_> {
    /// The body.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.waiting { "Messages-Waiting: yes\r\n" } else { "Messages-Waiting: no\r\n" })?;
        if let Some(account) = self.account {
            write!(f, "Message-Account: {account}\r\n")?;
        }
        for (class, counts) in &self.counts {
            write!(f, "{class}: {}/{}", counts.new, counts.old)?;
            if let Some((new, old)) = counts.urgent {
                write!(f, " ({new}/{old})")?;
            }
            f.write_str("\r\n")?;
        }
        Ok(())
    }
}

/// `new/old (urgent new/urgent old)`.
fn counts(value: &str) -> Option<MessageCounts> {
    let (all, urgent) = match value.split_once('(') {
        Some((all, urgent)) => (all, pair(urgent.trim().strip_suffix(')')?)),
        None => (value, None),
    };
    let (new, old) = pair(all)?;
    Some(MessageCounts { new, old, urgent })
}

fn pair(text: &str) -> Option<(u32, u32)> {
    let (new, old) = text.split_once('/')?;
    Some((number(new.trim())?, number(old.trim())?))
}

fn number(digits: &str) -> Option<u32> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_3842() {
        let body = "Messages-Waiting: yes\r\nMessage-Account: sip:alice@vmail.example.com\r\n\
            Voice-Message: 4/8 (1/2)\r\n\r\nTo: alice@atlanta.example.com\r\nFrom: bob@biloxi.example.com\r\n\
            Subject: carpool tomorrow?\r\n";
        let summary = MessageSummary::parse(body.as_bytes()).unwrap();
        assert_eq!(summary.voice(), Some(MessageCounts { new: 4, old: 8, urgent: Some((1, 2)) }));
        assert_eq!(summary.counts.len(), 1);
        assert!(body.starts_with(&summary.to_string()));
    }

    #[test]
    fn what_peers_send() {
        let of = |body: &'static str| MessageSummary::parse(body.as_bytes());
        let bare = of("Messages-Waiting:no").unwrap();
        assert!(!bare.waiting && bare.counts.is_empty() && bare.voice().is_none());
        let odd =
            of("\nmessages-waiting : YES\nvoice-message: 99999999999 / 0(0/0)\nFax-Message: x/1\nhello\n").unwrap();
        assert_eq!(odd.counts, [("voice-message", MessageCounts { new: u32::MAX, old: 0, urgent: Some((0, 0)) })]);
        assert_eq!(of("Message-Account:\nMessages-Waiting: no\n").unwrap().account, None);
    }

    #[test]
    fn errors_say_where() {
        let of = |body: &'static [u8]| MessageSummary::parse(body).unwrap_err().to_string();
        assert_eq!(of(b""), "message-summary is missing");
        assert_eq!(of(b"Messages-Waiting: maybe\r\n"), "message-summary: expected yes or no at byte 18");
        assert_eq!(of(b"\xff"), "message-summary: not UTF-8 at byte 0");
    }
}
