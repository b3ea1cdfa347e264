//! Writing the parameter lists of the authentication headers; [`AuthParams`](crate::message::AuthParams) reads them.

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

/// Writes `name=UTF-8''value` with everything but letters and digits escaped (RFC 5987), with `, ` before it unless it
/// comes first.
pub(super) fn push_extended(out: &mut String, name: &str, value: &str) {
    push_name(out, name);
    out.push_str("UTF-8''");
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            out.push('%');
            push_hex(out, u64::from(byte), 2);
        }
    }
}

/// Reads what [`push_extended`] writes; `None` if it is in another character set or broken.
pub(super) fn read_extended(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_language, text) = rest.split_once('\'')?;
    if !charset.eq_ignore_ascii_case("UTF-8") {
        return None;
    }
    let mut parts = text.split('%');
    let mut bytes = Vec::from(parts.next()?);
    for part in parts {
        let (digits, plain) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(plain.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

/// Writes the low `digits` hexadecimal digits of a number.
pub(super) fn push_hex(out: &mut String, value: u64, digits: u32) {
    for digit in (0..digits).rev() {
        let nibble = value.checked_shr(digit.saturating_mul(4)).unwrap_or(0) & 0xf;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::AuthParams;
    use proptest::prelude::*;

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
        fn quoting_round_trips(first in "\\PC*", second in "[\"\\\\ ,=a-z]*") {
            let mut list = String::new();
            push_quoted(&mut list, "username", &first);
            push_token(&mut list, "nc", "00000001");
            push_quoted(&mut list, "realm", &second);
            let read = AuthParams::new(&list);
            prop_assert_eq!(read.get("username"), Some(first.into()));
            prop_assert_eq!(read.get("nc"), Some("00000001".into()));
            prop_assert_eq!(read.get("realm"), Some(second.into()));
        }

        #[test]
        fn the_extended_notation_round_trips(value in ".*") {
            let mut list = String::new();
            push_extended(&mut list, "username*", &value);
            prop_assert!(list.bytes().all(|byte| byte.is_ascii_graphic()));
            let read = AuthParams::new(&list).get("username*").unwrap();
            prop_assert_eq!(read_extended(&read), Some(value));
        }

        #[test]
        fn any_extended_value_is_survived(value in "(UTF-8|x)?'?'?[%0-9a-fé']*") {
            read_extended(&value);
        }
    }
}
