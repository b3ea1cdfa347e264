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
    }
}
