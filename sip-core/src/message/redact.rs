//! Messages for logs and people: the secrets in them masked.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;

/// The message as text, with what must not be shown masked: the answers and tokens of `Authorization` and
/// `Proxy-Authorization`, SRTP keys (`a=crypto`) and ICE passwords (`a=ice-pwd`). Bytes that are no UTF-8 are replaced.
pub fn redacted(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message);
    let mut out = String::with_capacity(text.len());
    let mut field = Field::Open;
    for line in text.split_inclusive('\n') {
        let (content, ending) = cut_ending(line);
        let folded = line.starts_with([' ', '\t']);
        if !folded {
            field = Field::of(content);
        }
        match field {
            Field::Open => out.push_str(content),
            Field::Digest => push_digest(&mut out, content),
            Field::Masked(_) if folded => out.push_str(" ***"),
            Field::Masked(shown) => {
                out.push_str(content.get(..shown).unwrap_or_default());
                out.push_str("***");
            }
        }
        out.push_str(ending);
    }
    out
}

/// A message as it goes over the wire, credentials and keys in it. Its `Debug` shows it [`redacted`].
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Wire(Bytes);

impl From<Bytes> for Wire {
    fn from(bytes: Bytes) -> Wire {
        Wire(bytes)
    }
}

impl From<Wire> for Bytes {
    fn from(wire: Wire) -> Bytes {
        wire.0
    }
}

impl Deref for Wire {
    type Target = Bytes;

    fn deref(&self) -> &Bytes {
        &self.0
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted(&self.0))
    }
}

/// What a line, with those that continue it, holds.
#[derive(Clone, Copy)]
enum Field {
    Open,
    /// Digest credentials keep what helps to find a fault (user name, realm, nonce); the answer goes.
    Digest,
    /// So many bytes may be shown.
    Masked(usize),
}

impl Field {
    fn of(line: &str) -> Field {
        if let Some(key) = line.strip_prefix("a=crypto:").and_then(|rest| rest.split_once("inline:")) {
            return Field::Masked(line.len().saturating_sub(key.1.len()));
        }
        if line.starts_with("a=ice-pwd:") {
            return Field::Masked("a=ice-pwd:".len());
        }
        let Some((name, value)) = line.split_once(':') else { return Field::Open };
        let name = name.trim_end();
        if !name.eq_ignore_ascii_case("authorization") && !name.eq_ignore_ascii_case("proxy-authorization") {
            return Field::Open;
        }
        let value = value.trim_start();
        let scheme = value.split([' ', '\t']).next().unwrap_or_default();
        if scheme.eq_ignore_ascii_case("digest") {
            return Field::Digest;
        }
        // The scheme, and the space after it.
        let hidden = value.len().saturating_sub(scheme.len()).saturating_sub(1);
        Field::Masked(line.len().saturating_sub(hidden))
    }
}

fn push_digest(out: &mut String, content: &str) {
    for (index, part) in content.split(',').enumerate() {
        if index > 0 {
            out.push(',');
        }
        let front = part.split('=').next().unwrap_or_default();
        let name = front.trim().rsplit([' ', '\t']).next().unwrap_or_default();
        if name.eq_ignore_ascii_case("response") {
            out.push_str(front);
            out.push_str("=\"***\"");
        } else {
            out.push_str(part);
        }
    }
}

fn cut_ending(line: &str) -> (&str, &str) {
    let content = line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line));
    (content, line.get(content.len()..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_a_challenge_is_masked_and_the_rest_stays() {
        let message = "REGISTER sip:a SIP/2.0\r\nAuthorization: Digest username=\"alice\", response=\"0a4f113b\", \
                       nonce=\"n\"\r\nCSeq: 1 REGISTER\r\n\r\n";
        let shown = redacted(message.as_bytes());
        assert!(!shown.contains("0a4f113b"), "{shown}");
        assert!(shown.contains("username=\"alice\"") && shown.contains("nonce=\"n\"\r\nCSeq"), "{shown}");
    }

    #[test]
    fn tokens_and_keys_are_masked() {
        let message = "A sip:b SIP/2.0\r\nProxy-Authorization: Bearer abc.def\r\n\r\na=crypto:1 \
                       AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkg\r\na=ice-pwd:secret\r\n";
        let shown = redacted(message.as_bytes());
        for secret in ["abc.def", "WVNf", "secret"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(
            shown.contains("Bearer ***\r\n") && shown.contains("a=crypto:1") && shown.ends_with("a=ice-pwd:***\r\n"),
            "{shown}"
        );
    }

    #[test]
    fn a_folded_token_is_masked() {
        let shown = redacted(b"Authorization:\r\n Bearer abc\r\n def\r\nTo: x\r\n");
        assert!(!shown.contains("abc") && !shown.contains("def") && shown.ends_with("To: x\r\n"), "{shown}");
    }

    #[test]
    fn a_folded_answer_is_masked() {
        let shown = redacted(b"Authorization: Digest username=\"a\",\r\n response=\"feed\"\r\n\r\n");
        assert!(!shown.contains("feed"), "{shown}");
    }
}
