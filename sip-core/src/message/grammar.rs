//! Character classes and the small parsers the typed values are made of.
//!
//! Header text reaches these parsers unfolded (see [`super::index`]), so linear white space is spaces and tabs. A stray CR
//! counts as such: it is a space in what is copied into an answer, where it must not mean something else.
//! All of them are nom parsers over `&str`: zero-copy, the rest of the input first.

use super::bits::{self, CHUNK};
use super::error::Fault;
use super::host::Host;
use nom::IResult;
use std::net::{Ipv4Addr, Ipv6Addr};

/// What a parser here returns: the rest of the input and the value.
pub(super) type Out<'a, T> = IResult<&'a str, T, Fault>;

/// `token` (RFC 3261 section 25.1).
pub(super) const TOKEN: u8 = 1;
/// What stands in a host name, and `_`, which some do.
pub(super) const HOST: u8 = 2;
/// Decimal digits.
pub(super) const DIGIT: u8 = 4;
/// What a parameter value may be made of when it is not quoted: leniently, anything visible but `,`, `;` and `"`.
pub(super) const VALUE: u8 = 8;

/// What ends a display name or a URI without brackets.
pub(super) const BREAK: u8 = 16;

static CLASSES: [u8; 256] = classes();

/// Whether the byte is of one of the classes.
#[inline]
pub(super) fn is(byte: u8, class: u8) -> bool {
    CLASSES.get(usize::from(byte)).is_some_and(|classes| classes & class != 0)
}

/// What a URI may be made of: leniently, anything visible but `<`, `>` and `"`.
#[inline]
pub(super) fn is_uri_byte(byte: u8) -> bool {
    byte > b' ' && byte != 0x7f && byte != b'<' && byte != b'>' && byte != b'"'
}

/// Whether the whole text is one token.
pub(super) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is(*byte, TOKEN))
}

/// The longest run of the class (maybe empty), and what follows it: `(run, rest)`.
#[inline]
pub(super) fn run(input: &str, class: u8) -> (&str, &str) {
    let end = input.bytes().position(|byte| !is(byte, class)).unwrap_or(input.len());
    split(input, end)
}

/// Where the first of a few ASCII characters is.
#[inline]
pub(super) fn find<const N: usize>(text: &str, wanted: [u8; N]) -> Option<usize> {
    find_byte(text.as_bytes(), wanted)
}

/// Where the first of a few bytes is.
#[inline]
pub(super) fn find_byte<const N: usize>(bytes: &[u8], wanted: [u8; N]) -> Option<usize> {
    let end = scan(bytes, |chunk| bits::is_one_of(chunk, wanted));
    (end < bytes.len()).then_some(end)
}

/// Where the first white space or control character is.
#[inline]
pub(super) fn find_blank(text: &str) -> Option<usize> {
    let end = scan(text.as_bytes(), |chunk| bits::is_in(chunk, [(0, b' '), (0x7f, 0x7f)]));
    (end < text.len()).then_some(end)
}

/// Where the first byte is that is wanted, or where the text ends. Values are short: as many bytes at a time as may be, without
/// a call.
#[inline]
fn scan(bytes: &[u8], wanted: impl Fn(&[u8; CHUNK]) -> u32) -> usize {
    let mut rest = bytes;
    loop {
        let (found, after) = match rest.split_first_chunk() {
            Some((chunk, after)) => (wanted(chunk), after),
            None => (wanted(&bits::padded(rest)) | 1 << rest.len(), &[][..]),
        };
        if found != 0 {
            let before = bytes.len().wrapping_sub(rest.len());
            return before.wrapping_add(found.trailing_zeros() as usize).min(bytes.len());
        }
        rest = after;
    }
}

/// The same as [`run`] of [`HOST`] for names, which are longer.
#[inline]
fn host_name(input: &str) -> (&str, &str) {
    let ranges = [(b'a', b'z'), (b'A', b'Z'), (b'0', b'9'), (b'-', b'.'), (b'_', b'_')];
    split(input, scan(input.as_bytes(), |chunk| !bits::is_in(chunk, ranges) & 0xffff))
}

/// The same as [`run`] of [`VALUE`].
#[inline]
pub(super) fn value(input: &str) -> (&str, &str) {
    let ranges = [(0, b' '), (b',', b','), (b';', b';'), (b'"', b'"'), (0x7f, 0x7f)];
    split(input, scan(input.as_bytes(), |chunk| bits::is_in(chunk, ranges)))
}

/// Splits without panicking; an impossible position leaves the first part empty.
#[inline]
pub(super) fn split(input: &str, at: usize) -> (&str, &str) {
    input.split_at_checked(at).unwrap_or(("", input))
}

/// Linear white space, or a stray CR.
#[inline]
pub(super) fn is_ws(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

/// Drops white space in front.
#[inline]
pub(super) fn skip_ws(input: &str) -> &str {
    match input.as_bytes().first() {
        Some(byte) if is_ws(*byte) => {
            let start = input.bytes().position(|byte| !is_ws(byte)).unwrap_or(input.len());
            split(input, start).1
        }
        _ => input,
    }
}

/// Drops white space behind.
#[inline]
pub(super) fn trim_end(input: &str) -> &str {
    match input.as_bytes().last() {
        Some(byte) if is_ws(*byte) => input.trim_end_matches([' ', '\t', '\r']),
        _ => input,
    }
}

/// Drops white space on both sides.
#[inline]
pub(super) fn trim(input: &str) -> &str {
    trim_end(skip_ws(input))
}

/// A failure at this place, with what was expected.
pub(super) fn fail<T>(rest: &str, expected: &'static str) -> Result<T, nom::Err<Fault>> {
    Err(nom::Err::Error(Fault::new(rest, expected)))
}

/// At least one space, tab or stray CR.
#[inline]
pub(super) fn lws(input: &str) -> Out<'_, ()> {
    let rest = skip_ws(input);
    if rest.len() == input.len() { fail(input, "white space") } else { Ok((rest, ())) }
}

/// One or more of the class.
#[inline]
pub(super) fn class<'a>(class: u8, expected: &'static str) -> impl Fn(&'a str) -> Out<'a, &'a str> {
    move |input| {
        let (taken, rest) = run(input, class);
        if taken.is_empty() { fail(input, expected) } else { Ok((rest, taken)) }
    }
}

/// A token.
#[inline]
pub(super) fn token(input: &str) -> Out<'_, &str> {
    class(TOKEN, "a token")(input)
}

/// One ASCII character.
#[inline]
pub(super) fn byte<'a>(byte: u8, expected: &'static str) -> impl Fn(&'a str) -> Out<'a, ()> {
    move |input| match input.as_bytes().first() {
        Some(first) if *first == byte => Ok((split(input, 1).1, ())),
        _ => fail(input, expected),
    }
}

/// One ASCII character with optional white space on both sides (`SLASH`, `COLON`, `SEMI`, `EQUAL` …).
#[inline]
pub(super) fn separator<'a>(byte: u8, expected: &'static str) -> impl Fn(&'a str) -> Out<'a, ()> {
    move |input| {
        let rest = skip_ws(input);
        match rest.as_bytes().first() {
            Some(first) if *first == byte => Ok((skip_ws(split(rest, 1).1), ())),
            _ => fail(rest, expected),
        }
    }
}

/// A quoted string with its quotes, escapes left as they are.
pub(super) fn quoted(input: &str) -> Out<'_, &str> {
    let bytes = input.as_bytes();
    if bytes.first() != Some(&b'"') {
        return fail(input, "a quotation mark");
    }
    let mut from = 1;
    while let Some(found) = input.get(from..).and_then(|rest| find(rest, [b'"', b'\\'])) {
        let at = from.saturating_add(found);
        if bytes.get(at) == Some(&b'"') {
            let (taken, rest) = split(input, at.saturating_add(1));
            return Ok((rest, taken));
        }
        // The character after a backslash may be more than one byte.
        let escaped = input.get(at.saturating_add(1)..).and_then(|rest| rest.chars().next());
        from = at.saturating_add(1).saturating_add(escaped.map_or(0, char::len_utf8));
    }
    fail("", "a closing quotation mark")
}

/// `1*DIGIT` that fits 32 bits.
#[inline]
pub(super) fn number(input: &str) -> Out<'_, u32> {
    digits(input, "a number")
}

/// A port number.
#[inline]
pub(super) fn port(input: &str) -> Out<'_, u16> {
    let (rest, value) = digits(input, "a port number")?;
    match u16::try_from(value) {
        Ok(value) => Ok((rest, value)),
        Err(_) => Err(nom::Err::Error(Fault::range(input))),
    }
}

#[inline]
fn digits<'a>(input: &'a str, expected: &'static str) -> Out<'a, u32> {
    let mut value: u64 = 0;
    let mut count = 0_usize;
    for digit in input.bytes().map(|byte| byte.wrapping_sub(b'0')).take_while(|digit| *digit <= 9) {
        // Beyond 32 bits it stays there, however many digits follow.
        value = value.min(u64::from(u32::MAX)).wrapping_mul(10).wrapping_add(u64::from(digit));
        count = count.wrapping_add(1);
    }
    match u32::try_from(value) {
        _ if count == 0 => fail(input, expected),
        Ok(value) => Ok((split(input, count).1, value)),
        Err(_) => Err(nom::Err::Error(Fault::range(input))),
    }
}

/// The value of ASCII digits, if it fits 32 bits.
#[inline]
pub(super) fn decimal(digits: &[u8]) -> Option<u32> {
    let mut value: u32 = 0;
    for byte in digits {
        value = value.checked_mul(10)?.checked_add(u32::from(digit(*byte)?))?;
    }
    if digits.is_empty() { None } else { Some(value) }
}

/// A host name, an IPv4 address or an IPv6 reference.
#[inline]
pub(super) fn host(input: &str) -> Out<'_, Host<'_>> {
    if input.as_bytes().first() == Some(&b'[') {
        let inside = split(input, 1).1;
        let Some(end) = find(inside, [b']']) else { return fail("", "a closing bracket") };
        let (address, rest) = split(inside, end);
        return match address.parse::<Ipv6Addr>() {
            Ok(address) => Ok((split(rest, 1).1, Host::V6(address))),
            Err(_) => fail(inside, "an IPv6 address"),
        };
    }
    let (name, rest) = host_name(input);
    if name.is_empty() { fail(input, "a host") } else { Ok((rest, Host::of_name(name))) }
}

/// `IPv4address`: four numbers up to 255, none with a zero in front that could mean octal.
#[inline]
pub(super) fn ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0_u8; 4];
    let mut rest = text;
    for (index, octet) in octets.iter_mut().enumerate() {
        if index > 0 {
            rest = rest.strip_prefix(b".")?;
        }
        let (first, behind) = rest.split_first()?;
        let mut number = u16::from(digit(*first)?);
        rest = behind;
        for _ in 0..2 {
            let Some((next, behind)) = rest.split_first() else { break };
            let Some(next) = digit(*next) else { break };
            if number == 0 {
                return None;
            }
            number = number.wrapping_mul(10).wrapping_add(u16::from(next));
            rest = behind;
        }
        *octet = u8::try_from(number).ok()?;
    }
    rest.is_empty().then(|| Ipv4Addr::from(octets))
}

#[inline]
fn digit(byte: u8) -> Option<u8> {
    let digit = byte.wrapping_sub(b'0');
    (digit <= 9).then_some(digit)
}

/// Filled when the crate is compiled.
const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut rest: &mut [u8] = &mut table;
    let mut byte: u8 = 0;
    while let Some((place, behind)) = rest.split_first_mut() {
        *place = classes_of(byte);
        byte = byte.wrapping_add(1);
        rest = behind;
    }
    table
}

const fn classes_of(byte: u8) -> u8 {
    let mut classes = 0;
    if byte.is_ascii_digit() {
        classes |= DIGIT;
    }
    if byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
    {
        classes |= TOKEN;
    }
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_') {
        classes |= HOST;
    }
    if byte > b' ' && byte != 0x7f && !matches!(byte, b',' | b';' | b'"') {
        classes |= VALUE;
    }
    if matches!(byte, b'<' | b'>' | b'"' | b',' | b';' | b'?') {
        classes |= BREAK;
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_strings() {
        assert_eq!(quoted("\"a\\\"b\\\\\" c"), Ok((" c", "\"a\\\"b\\\\\"")));
        assert!(quoted("\"open").is_err());
        assert!(quoted("\"open\\").is_err());
        assert!(quoted("\"open\\\"").is_err());
        assert!(quoted("none").is_err());
        assert_eq!(quoted("\"ä\\ä\"").unwrap().1, "\"ä\\ä\"");
    }

    #[test]
    fn numbers() {
        assert_eq!(number("0009 x"), Ok((" x", 9)));
        assert_eq!(number("4294967295"), Ok(("", u32::MAX)));
        assert!(number("4294967296").is_err());
        assert!(number("-1").is_err());
        assert!(port("65536").is_err());
    }

    #[test]
    fn ipv4_addresses_are_those_of_the_standard_library() {
        let octets = [
            "0", "1", "9", "10", "99", "100", "199", "255", "256", "300", "999", "1000", "00", "01", "010", "", "a",
            "1a", "-1", "+1",
        ];
        for one in octets {
            for other in octets {
                for text in [
                    format!("{one}.2.3.{other}"),
                    format!("1.{one}.{other}.4"),
                    format!("{one}.{other}.3"),
                    format!("1.2.{one}.4.{other}"),
                ] {
                    assert_eq!(ipv4(text.as_bytes()), text.parse().ok(), "{text}");
                }
            }
        }
        for text in ["", ".", "1", "1.2.3.4.", ".1.2.3.4", "1..2.3", "1.2.3.4 ", "example.com", "1und1.de"] {
            assert_eq!(ipv4(text.as_bytes()), text.parse().ok(), "{text}");
        }
    }

    #[test]
    fn hosts() {
        assert_eq!(host("[2001:db8::1]:5060").unwrap(), (":5060", Host::V6("2001:db8::1".parse().unwrap())));
        assert_eq!(host("192.0.2.1;x").unwrap(), (";x", Host::V4([192, 0, 2, 1].into())));
        assert_eq!(host("a-b.example.com>").unwrap(), (">", Host::Name("a-b.example.com")));
        for bad in ["", "[::1", "[x]", ":5060", "[::1%eth0]"] {
            assert!(host(bad).is_err(), "{bad}");
        }
    }
}
