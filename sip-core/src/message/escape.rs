//! `%` escapes of URIs (RFC 3261 section 19.1.2) and backslash escapes of quoted strings (section 25.1).

use std::borrow::Cow;

/// Escapes a text so that it can stand as the user part of a SIP URI. Nothing is allocated if nothing needs it.
///
/// ```
/// use offhook_core::message::escape_user;
/// assert_eq!(escape_user("+1-201-555;ext=1"), "+1-201-555;ext=1");
/// assert_eq!(escape_user("J. Müller@home:1"), "J.%20M%C3%BCller%40home%3A1");
/// ```
pub fn escape_user(user: &str) -> Cow<'_, str> {
    escape(user, |byte| is_unreserved(byte) || matches!(byte, b'&' | b'=' | b'+' | b'$' | b',' | b';' | b'?' | b'/'))
}

/// Escapes the name or value of a URI parameter.
pub(super) fn escape_param(text: &str) -> Cow<'_, str> {
    escape(text, |byte| is_unreserved(byte) || matches!(byte, b'[' | b']' | b'/' | b':' | b'&' | b'+' | b'$'))
}

/// Undoes `%` escapes, once. What is no escape stays; what does not decode to UTF-8 is replaced (U+FFFD).
///
/// ```
/// use offhook_core::message::unescape;
/// assert_eq!(unescape("v%61lue%25%34%31"), "value%41");
/// assert_eq!(unescape("100%"), "100%");
/// ```
pub fn unescape(text: &str) -> Cow<'_, str> {
    if !text.as_bytes().contains(&b'%') {
        return Cow::Borrowed(text);
    }
    let bytes: Vec<u8> = octets(text).map(|octet| octet.byte).collect();
    Cow::Owned(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

/// Undoes backslash escapes of the inside of a quoted string.
pub(super) fn unquote_inner(text: &str) -> Cow<'_, str> {
    if !text.as_bytes().contains(&b'\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(character) = chars.next() {
        match character {
            '\\' => plain.extend(chars.next()),
            other => plain.push(other),
        }
    }
    Cow::Owned(plain)
}

/// Appends the text as a quoted string. Line ends cannot stand in one (RFC 3261 section 25.1), a NUL nobody expects there:
/// they become spaces.
pub(super) fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '\r' | '\n' | '\0' => out.push(' '),
            '\t' => out.push('\t'),
            escaped if escaped.is_ascii_control() || matches!(escaped, '"' | '\\') => {
                out.push('\\');
                out.push(escaped);
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// One octet of an escaped text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Octet {
    pub(super) byte: u8,
    /// It was escaped, and escaping matters: it is one of the reserved characters (RFC 2396 section 2.2).
    pub(super) reserved_escape: bool,
}

/// The octets of an escaped text, in order; two texts are the same to RFC 3261 section 19.1.4 if these are.
pub(super) fn octets(text: &str) -> impl Iterator<Item = Octet> + '_ {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        if let [b'%', high, low, after @ ..] = rest
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            rest = after;
            let byte = (high << 4) | low;
            return Some(Octet { byte, reserved_escape: is_reserved(byte) });
        }
        let (byte, after) = rest.split_first()?;
        rest = after;
        Some(Octet { byte: *byte, reserved_escape: false })
    })
}

fn escape(text: &str, plain: impl Fn(u8) -> bool) -> Cow<'_, str> {
    if text.bytes().all(&plain) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len().saturating_mul(2));
    for byte in text.bytes() {
        if plain(byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push('%');
            escaped.push(digit(byte >> 4));
            escaped.push(digit(byte & 15));
        }
    }
    Cow::Owned(escaped)
}

fn digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).unwrap_or('0').to_ascii_uppercase()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')')
}

fn is_reserved(byte: u8) -> bool {
    matches!(byte, b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=' | b'+' | b'$' | b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unescaping_happens_once_and_keeps_nulls() {
        assert_eq!(unescape("null-%00-null"), "null-\0-null");
        assert_eq!(unescape("%2525"), "%25");
        assert_eq!(unescape("%zz%4"), "%zz%4");
        assert_eq!(unescape("%ff"), "\u{fffd}");
    }

    #[test]
    fn escapes_come_back() {
        for text in ["", "alice", "a b", "ä@ö:%", "\0\r\n"] {
            assert_eq!(unescape(&escape_user(text)), text);
            assert_eq!(unescape(&escape_param(text)), text);
        }
        assert_eq!(escape_param("a;b=c"), "a%3Bb%3Dc");
    }

    #[test]
    fn quoting_comes_back() {
        let mut quoted = String::new();
        push_quoted(&mut quoted, "J \"Rosenberg\" \\ ");
        assert_eq!(quoted, "\"J \\\"Rosenberg\\\" \\\\ \"");
        assert_eq!(unquote_inner(quoted.trim_matches('"')), "J \"Rosenberg\" \\ ");
    }
}
