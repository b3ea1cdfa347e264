//! Messages for logs and people: the secrets in them masked.

/// The message as text, with what must not be shown masked: the answers and tokens of `Authorization` and
/// `Proxy-Authorization`, SRTP keys (`a=crypto`) and ICE passwords (`a=ice-pwd`). Bytes that are no UTF-8 are replaced.
pub fn redacted(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message);
    let mut out = String::with_capacity(text.len());
    let mut secret = false;
    for line in text.split_inclusive('\n') {
        if !line.starts_with([' ', '\t']) {
            secret = is_credentials(line);
        }
        if secret {
            push_credentials(&mut out, line);
        } else if let Some(rest) = line.strip_prefix("a=crypto:") {
            push_masked_after(&mut out, line, rest.find("inline:").map(|at| at + 16));
        } else if line.starts_with("a=ice-pwd:") {
            push_masked_after(&mut out, line, Some(10));
        } else {
            out.push_str(line);
        }
    }
    out
}

fn is_credentials(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or_default().trim();
    name.eq_ignore_ascii_case("authorization") || name.eq_ignore_ascii_case("proxy-authorization")
}

/// Digest credentials keep what helps to find a fault (user name, realm, nonce); the answer goes. Any other scheme
/// keeps its name only.
fn push_credentials(out: &mut String, line: &str) {
    let ending = line_ending(line);
    let content = line.strip_suffix(ending).unwrap_or(line);
    let value = content.split_once(':').map_or(content, |(_, value)| value).trim_start();
    let folded = content.starts_with([' ', '\t']);
    if !folded && !value.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("digest")) {
        let scheme_end = content.len().saturating_sub(value.len()) + value.find(' ').unwrap_or(value.len());
        out.push_str(content.get(..scheme_end).unwrap_or_default());
        out.push_str(" ***");
        out.push_str(ending);
        return;
    }
    for (index, part) in content.split(',').enumerate() {
        if index > 0 {
            out.push(',');
        }
        let name = part.split('=').next().unwrap_or_default().trim();
        let name = name.rsplit(' ').next().unwrap_or(name);
        if name.eq_ignore_ascii_case("response") {
            out.push_str(part.split('=').next().unwrap_or_default());
            out.push_str("=\"***\"");
        } else {
            out.push_str(part);
        }
    }
    out.push_str(ending);
}

fn push_masked_after(out: &mut String, line: &str, at: Option<usize>) {
    let ending = line_ending(line);
    out.push_str(at.and_then(|at| line.get(..at)).unwrap_or_default());
    out.push_str("***");
    out.push_str(ending);
}

fn line_ending(line: &str) -> &'static str {
    if line.ends_with("\r\n") {
        "\r\n"
    } else if line.ends_with('\n') {
        "\n"
    } else {
        ""
    }
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
    fn a_folded_answer_is_masked() {
        let shown = redacted(b"Authorization: Digest username=\"a\",\r\n response=\"feed\"\r\n\r\n");
        assert!(!shown.contains("feed"), "{shown}");
    }
}
