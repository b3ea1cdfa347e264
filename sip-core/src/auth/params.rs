//! The parameter lists of the authentication headers: `name=token, name="quoted string"`.
use std::borrow::Cow;

/// The value of a parameter, unquoted, from a list without a scheme (Authentication-Info).
pub(super) fn param<'a>(list: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let mut rest = list;
    loop {
        let (key, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => {
                let end = quoted_end(quoted)?;
                (unescape(quoted.get(..end)?), quoted.get(end + 1..)?)
            }
            None => {
                let end = after.find(',').unwrap_or(after.len());
                (Cow::Borrowed(after.get(..end)?.trim_end()), after.get(end..)?)
            }
        };
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = next.trim_start().strip_prefix(',')?;
    }
}

/// Writes `name="value"`, escaped (RFC 3261 25.1, quoted-string), with `, ` before it unless it comes first.
pub(super) fn push_quoted(out: &mut String, name: &str, value: &str) {
    push_name(out, name);
    out.push('"');
    for character in value.chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
}

/// Writes `name=value`, with `, ` before it unless it comes first.
pub(super) fn push_token(out: &mut String, name: &str, value: &str) {
    push_name(out, name);
    out.push_str(value);
}

/// Writes the low `digits` hexadecimal digits of a number.
pub(super) fn push_hex(out: &mut String, value: u64, digits: u32) {
    for digit in (0..digits).rev() {
        let nibble = value.checked_shr(digit * 4).unwrap_or(0) & 0xf;
        out.extend(char::from_digit(nibble as u32, 16));
    }
}

fn push_name(out: &mut String, name: &str) {
    if !out.is_empty() && !out.ends_with(' ') {
        out.push_str(", ");
    }
    out.push_str(name);
    out.push('=');
}

fn quoted_end(quoted: &str) -> Option<usize> {
    let mut escaped = false;
    for (position, byte) in quoted.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(position),
            _ => {}
        }
    }
    None
}

fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        out.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_tokens_and_quoted_strings() {
        let list = r#"nextnonce="a, \"b\"" , QOP = auth,nc=00000001"#;
        assert_eq!(param(list, "nextnonce").as_deref(), Some(r#"a, "b""#));
        assert_eq!(param(list, "qop").as_deref(), Some("auth"));
        assert_eq!(param(list, "nc").as_deref(), Some("00000001"));
        assert_eq!(param(list, "rspauth"), None);
    }

    #[test]
    fn hexadecimal_has_a_fixed_width() {
        let mut out = String::new();
        push_hex(&mut out, 0x1f, 8);
        push_hex(&mut out, u64::MAX, 17);
        assert_eq!(out, "0000001f0ffffffffffffffff");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn quoting_round_trips(first in ".*", second in "[\"\\\\ ,=a-z]*") {
            let mut list = String::new();
            push_quoted(&mut list, "username", &first);
            push_token(&mut list, "nc", "00000001");
            push_quoted(&mut list, "realm", &second);
            prop_assert_eq!(param(&list, "username"), Some(Cow::Owned(first)));
            prop_assert_eq!(param(&list, "realm"), Some(Cow::Owned(second)));
        }

        #[test]
        fn any_text_is_survived(list in ".*", name in ".*") {
            param(&list, &name);
        }
    }
}
