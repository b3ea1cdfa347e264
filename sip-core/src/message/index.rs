//! The index of a message: where each header field stands, found in one pass over the line ends.
//!
//! Written by hand over memchr, because it runs for every message. It looks at field names only; values are looked at
//! when somebody asks. Lines may end in CRLF or in a bare LF, and a header section may be closed by the end of the data
//! (each line must be whole). What is not a header field at all (no colon) stays in the index under no name.

use super::error::{ErrorKind, ParseError};
use super::grammar;
use super::name::{KEY_BYTES, Name};
use super::parse::Limits;
use std::ops::Range;

/// How many header fields fit without allocating.
const INLINE: usize = 32;

/// Where one header field stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// The first byte of the name.
    start: u32,
    /// One past the last byte of the value, the line end not counted.
    end: u32,
    /// Length of the name; 0 if the line has none.
    name_len: u16,
    pub(super) name: Name,
}

impl Entry {
    /// A place not yet taken; all zeros, so that an index starts with a single fill.
    const NONE: Entry = Entry { start: 0, end: 0, name_len: 0, name: Name::Via };

    /// The name as written.
    pub(super) fn name_in<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let start = self.start as usize;
        bytes.get(start..start.saturating_add(usize::from(self.name_len))).unwrap_or(&[])
    }

    /// Where the value stands, white space around it left out.
    #[inline]
    pub(super) fn value_range(&self, bytes: &[u8]) -> Range<usize> {
        let mut start = (self.start as usize).saturating_add(usize::from(self.name_len));
        let mut end = self.end as usize;
        while start < end && is_ws(bytes.get(start)) {
            start = start.saturating_add(1);
        }
        if self.name_len > 0 && start < end {
            start = start.saturating_add(1); // the colon
        }
        while start < end && is_blank(bytes.get(start)) {
            start = start.saturating_add(1);
        }
        while start < end && is_blank(bytes.get(end.saturating_sub(1))) {
            end = end.saturating_sub(1);
        }
        start..end
    }

    /// The value, white space around it left out.
    #[inline]
    pub(super) fn value_in<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.value_range(bytes)).unwrap_or(&[])
    }
}

/// Where the header fields stand, in order.
#[derive(Clone, Debug)]
pub(super) struct Index {
    inline: [Entry; INLINE],
    count: usize,
    /// All the entries, once they are more than `INLINE`.
    spilled: Vec<Entry>,
    /// Which entry is the first Content-Length.
    first_length: Option<usize>,
}

/// What a scan found out beside the entries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// The first byte after the blank line.
    pub(super) end: usize,
    /// A field goes on in a second line, so [`flatten`] has something to do.
    pub(super) folded: bool,
}

impl Index {
    pub(super) const fn new() -> Index {
        Index { inline: [Entry::NONE; INLINE], count: 0, spilled: Vec::new(), first_length: None }
    }

    #[inline]
    pub(super) fn entries(&self) -> &[Entry] {
        if self.spilled.is_empty() { self.inline.get(..self.count).unwrap_or(&[]) } else { &self.spilled }
    }

    #[inline]
    fn push(&mut self, entry: Entry) {
        if entry.name == Name::ContentLength && self.first_length.is_none() {
            self.first_length = Some(self.count);
        }
        if let Some(place) = self.inline.get_mut(self.count) {
            *place = entry;
        } else {
            if self.spilled.is_empty() {
                self.spilled.extend_from_slice(&self.inline);
            }
            self.spilled.push(entry);
        }
        self.count = self.count.saturating_add(1);
    }

    /// Indexes the header fields from `start` (the first byte after the start line) to the blank line. Done in place: an
    /// index is too large to be handed around without need.
    pub(super) fn scan(&mut self, bytes: &[u8], start: usize, limits: &Limits) -> Result<Head, ParseError> {
        let mut folded = false;
        let mut line = start;
        for found in memchr::memchr_iter(b'\n', bytes.get(start..).unwrap_or(&[])) {
            let newline = start.saturating_add(found);
            let next = newline.saturating_add(1);
            let end = if newline > line && bytes.get(newline.wrapping_sub(1)) == Some(&b'\r') {
                newline.wrapping_sub(1)
            } else {
                newline
            };
            if end == line {
                return Ok(Head { end: next, folded });
            }
            if is_ws(bytes.get(next)) {
                folded = true;
                continue;
            }
            if end.saturating_sub(line) > limits.line {
                return Err(ParseError::new("header field", line, ErrorKind::TooLong));
            }
            if self.count >= limits.headers {
                return Err(ParseError::new("header fields", line, ErrorKind::TooMany));
            }
            self.push(entry(bytes, line, end));
            line = next;
        }
        if line < bytes.len() {
            return Err(ParseError::new("header fields", bytes.len(), ErrorKind::Incomplete));
        }
        Ok(Head { end: bytes.len(), folded })
    }

    /// The Content-Length, if there is one. Several must agree (RFC 4475 section 3.3.9).
    pub(super) fn content_length(&self, bytes: &[u8]) -> Result<Option<usize>, ParseError> {
        let field = Name::ContentLength.as_str();
        let mut found = None;
        let Some(entries) = self.first_length.and_then(|first| self.entries().get(first..)) else { return Ok(None) };
        for entry in entries.iter().filter(|entry| entry.name == Name::ContentLength) {
            let mut range = entry.value_range(bytes);
            // Continuation lines are not joined yet.
            while range.start < range.end && bytes.get(range.start).is_some_and(u8::is_ascii_whitespace) {
                range.start = range.start.saturating_add(1);
            }
            let start = range.start;
            let digits = bytes.get(range).unwrap_or(&[]).trim_ascii_end();
            if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                return Err(ParseError::new(field, start, ErrorKind::Syntax("a number")));
            }
            let length =
                grammar::decimal(digits).ok_or_else(|| ParseError::new(field, start, ErrorKind::OutOfRange))?;
            if found.is_some_and(|other| other != length) {
                return Err(ParseError::new(field, start, ErrorKind::Duplicate));
            }
            found = Some(length);
        }
        Ok(found.map(|length| length as usize))
    }
}

/// Turns the line ends inside folded fields into spaces, which means the same (RFC 3261 section 7.3.1) and keeps every
/// byte in its place. The index stays true.
pub(super) fn flatten(head: &mut [u8], start: usize) {
    let mut from = start;
    while let Some(found) = head.get(from..).and_then(|rest| memchr::memchr(b'\n', rest)) {
        let newline = from.saturating_add(found);
        from = newline.saturating_add(1);
        if is_ws(head.get(from)) {
            if let Some(byte) = head.get_mut(newline) {
                *byte = b' ';
            }
            if let Some(byte) = newline.checked_sub(1).and_then(|at| head.get_mut(at)).filter(|byte| **byte == b'\r') {
                *byte = b' ';
            }
        }
    }
}

/// Replaces what is not UTF-8 by question marks, byte for byte.
pub(super) fn repair_utf8(head: &mut [u8]) {
    let mut from = 0;
    while let Some(rest) = head.get_mut(from..) {
        let Err(error) = std::str::from_utf8(rest) else { return };
        let bad = error.valid_up_to();
        let length = error.error_len().unwrap_or(rest.len().saturating_sub(bad));
        let end = bad.saturating_add(length);
        if let Some(bytes) = rest.get_mut(bad..end) {
            bytes.fill(b'?');
        }
        from = from.saturating_add(end);
    }
}

/// The field in this line. Its name is read from one load of sixteen bytes where they are there.
#[inline]
fn entry(bytes: &[u8], line: usize, end: usize) -> Entry {
    let text = bytes.get(line..end).unwrap_or(&[]);
    let (name, known) = match bytes.get(line..).and_then(<[u8]>::first_chunk::<KEY_BYTES>).and_then(colon_in) {
        Some((colon, key)) => match text.get(..colon) {
            Some(name @ ([] | [.., b' ' | b'\t'])) => slow_name(name),
            Some(name) => (name, Name::of_key(key, name)),
            None => (&[][..], Name::Other),
        },
        None => slow_name(memchr::memchr(b':', text).and_then(|colon| text.get(..colon)).unwrap_or(&[])),
    };
    let start = u32::try_from(line).unwrap_or(u32::MAX);
    let end = u32::try_from(end).unwrap_or(u32::MAX);
    match u16::try_from(name.len()) {
        Ok(name_len) => Entry { start, end, name_len, name: known },
        Err(_) => Entry { start, end, name_len: 0, name: Name::Other },
    }
}

/// Where the first colon is, and what stands before it, as [`Name::of_key`] wants it.
#[inline]
fn colon_in(chunk: &[u8; KEY_BYTES]) -> Option<(usize, u128)> {
    const ONES: u128 = u128::from_ne_bytes([1; KEY_BYTES]);
    const HIGHS: u128 = u128::from_ne_bytes([0x80; KEY_BYTES]);
    const COLONS: u128 = u128::from_ne_bytes([b':'; KEY_BYTES]);
    let word = u128::from_le_bytes(*chunk);
    let zero = word ^ COLONS;
    // The lowest set bit is the high bit of the first byte that is a colon.
    let found = zero.wrapping_sub(ONES) & !zero & HIGHS;
    if found == 0 {
        return None;
    }
    let before = found.trailing_zeros() & !7;
    Some((before as usize / 8, word & (1_u128 << before).wrapping_sub(1)))
}

/// White space before the colon, a long name, or the end of the message near.
#[cold]
fn slow_name(name: &[u8]) -> (&[u8], Name) {
    let name = trim_end(name);
    (name, Name::parse(name))
}

#[inline]
fn trim_end(mut name: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = name {
        name = rest;
    }
    name
}

#[inline]
fn is_ws(byte: Option<&u8>) -> bool {
    matches!(byte, Some(b' ' | b'\t'))
}

/// White space around a value, and a stray CR, as those leave who end lines with CR CR LF.
#[inline]
fn is_blank(byte: Option<&u8>) -> bool {
    matches!(byte, Some(b' ' | b'\t' | b'\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(bytes: &[u8], limits: &Limits) -> Result<(Index, Head), ParseError> {
        let mut index = Index::new();
        let head = index.scan(bytes, 0, limits)?;
        Ok((index, head))
    }

    fn pairs(text: &str) -> Vec<(Name, &str, &str)> {
        let bytes = text.as_bytes();
        let (index, _) = scan(bytes, &Limits::default()).unwrap();
        let as_text = |bytes| std::str::from_utf8(bytes).unwrap();
        index.entries().iter().map(|e| (e.name, as_text(e.name_in(bytes)), as_text(e.value_in(bytes)))).collect()
    }

    #[test]
    fn names_colons_and_white_space() {
        let found = pairs("v:a\r\nTo : \t b \t\r\nX-y  :\r\nSubject:c:d\r\n\r\nbody: no\r\n");
        assert_eq!(
            found,
            [(Name::Via, "v", "a"), (Name::To, "To", "b"), (Name::Other, "X-y", ""), (Name::Subject, "Subject", "c:d")]
        );
    }

    #[test]
    fn bare_line_feeds_and_a_missing_blank_line() {
        assert_eq!(pairs("To:a\nFrom:b\n\nX:1\n").len(), 2);
        assert_eq!(pairs("To:a\r\nFrom:b\r\n").len(), 2);
        assert!(scan(b"To:a\r\nFrom:b", &Limits::default()).is_err());
    }

    #[test]
    fn a_line_without_a_colon_has_no_name() {
        assert_eq!(pairs("Foobar roobar\r\nTo:a\r\n\r\n")[0], (Name::Other, "", "Foobar roobar"));
        assert_eq!(pairs(": x\r\n\r\n")[0], (Name::Other, "", ": x"));
        assert_eq!(pairs("To:\r a\r\r\n\r\n")[0], (Name::To, "To", "a"));
    }

    #[test]
    fn folds_become_spaces_in_place() {
        let mut bytes = *b"To:\r\n a\n\tb\r\n \r\nX: y\r\n\r\n z";
        let (index, head) = scan(&bytes, &Limits::default()).unwrap();
        assert!(head.folded);
        assert_eq!(index.entries().len(), 2);
        flatten(bytes.get_mut(..head.end).unwrap(), 0);
        assert_eq!(index.entries()[0].value_in(&bytes), b"a \tb");
        assert_eq!(&bytes[bytes.len() - 4..], b"\r\n z");
    }

    #[test]
    fn many_fields_spill_and_stay_in_order() {
        let text: String = (0..100).map(|n| format!("X-{n}: {n}\r\n")).collect::<String>() + "\r\n";
        let found = pairs(&text);
        assert_eq!(found.len(), 100);
        assert!(found.iter().enumerate().all(|(n, (_, _, value))| *value == n.to_string()));
        let limits = Limits { headers: 99, ..Limits::default() };
        assert_eq!(scan(text.as_bytes(), &limits).unwrap_err().kind(), ErrorKind::TooMany);
    }

    #[test]
    fn a_field_may_not_outgrow_its_limit() {
        let limits = Limits { line: 10, ..Limits::default() };
        assert!(scan(b"To: 123456\r\n\r\n", &limits).is_ok());
        assert_eq!(scan(b"To: 1234567\r\n\r\n", &limits).unwrap_err().kind(), ErrorKind::TooLong);
        assert_eq!(scan(b"To: 12\r\n 3456\r\n\r\n", &limits).unwrap_err().kind(), ErrorKind::TooLong);
    }

    #[test]
    fn repairs_text_byte_for_byte() {
        let mut text = *b"M\xfcller \xc3\xa4 \xe2\x82";
        repair_utf8(&mut text);
        assert_eq!(std::str::from_utf8(&text), Ok("M?ller ä ??"));
    }

    #[test]
    fn lengths_must_agree() {
        let of = |text: &[u8]| scan(text, &Limits::default()).unwrap().0.content_length(text);
        assert_eq!(of(b"l: 5\r\nContent-Length: 05\r\n\r\n"), Ok(Some(5)));
        assert_eq!(of(b"l:\r\n \t5\r\n \r\n\r\n"), Ok(Some(5)));
        assert_eq!(of(b"l: 5\r\nl: 13\r\n\r\n").unwrap_err().kind(), ErrorKind::Duplicate);
        assert_eq!(of(b"l: -999\r\n\r\n").unwrap_err().to_string(), "Content-Length: expected a number at byte 3");
        assert_eq!(of(b"l: 99999999999\r\n\r\n").unwrap_err().kind(), ErrorKind::OutOfRange);
        assert_eq!(of(b"To: x\r\n\r\n"), Ok(None));
    }
}
