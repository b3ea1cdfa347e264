//! The index of a message: where each header field stands, found in one pass over the line ends.
//!
//! Written by hand, because it runs for every message. It looks at field names only; values are looked at
//! when somebody asks. Lines may end in CRLF or in a bare LF, and a header section may be closed by the end of the data
//! (each line must be whole). What is not a header field at all (no colon) stays in the index under no name.

use super::bits;
use super::error::{ErrorKind, ParseError};
use super::grammar;
use super::lines::Lines;
use super::name::{KEY_BYTES, Name};
use super::parse::Limits;
use std::ops::Range;

/// How many header fields fit without allocating.
const INLINE: usize = 32;
/// How many header fields can be counted.
const MOST: usize = u16::MAX as usize;
/// How many names, the first ones of [`Name`], are found without a search.
const OFTEN: usize = 16;

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

    /// The whole line without its end.
    #[inline]
    pub(super) fn line_in<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.start as usize..self.end as usize).unwrap_or(&[])
    }

    /// Where the value stands, white space around it left out.
    #[inline]
    pub(super) fn value_range(&self, bytes: &[u8]) -> Range<usize> {
        let name_end = (self.start as usize).saturating_add(usize::from(self.name_len));
        let (start, end) = (name_end.saturating_add(2), self.end as usize);
        // As nearly everybody writes it: `Name: value`.
        if self.name_len > 0
            && let Some([b':', b' ', value @ ..]) = bytes.get(name_end..end)
            && let [first, .., last] | [first @ last] = value
            && !is_blank(Some(first))
            && !is_blank(Some(last))
        {
            return start..end;
        }
        self.odd_value_range(bytes, name_end)
    }

    fn odd_value_range(&self, bytes: &[u8], name_end: usize) -> Range<usize> {
        let (mut start, mut end) = (name_end, self.end as usize);
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
    /// Where the first one of each name stands that is asked for often: one more than its place, 0 where there is none.
    firsts: [u16; OFTEN],
    /// Which of these names, a bit each, stand more than once.
    repeated: u16,
}

/// The bit of a name that is asked for often.
#[inline]
fn bit(name: Name) -> u16 {
    1_u16.wrapping_shl(name as u32)
}

/// What a scan found out beside the entries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// The first byte after the blank line.
    pub(super) end: usize,
    /// A field goes on in a second line, so [`flatten`] has something to do.
    pub(super) folded: bool,
    /// All of it is ASCII.
    pub(super) ascii: bool,
}

impl Index {
    pub(super) const fn new() -> Index {
        Index { inline: [Entry::NONE; INLINE], count: 0, spilled: Vec::new(), firsts: [0; OFTEN], repeated: 0 }
    }

    #[inline]
    pub(super) fn entries(&self) -> &[Entry] {
        if self.spilled.is_empty() { self.inline.get(..self.count).unwrap_or(&[]) } else { &self.spilled }
    }

    /// The fields from the first one of that name on, as far as there may be more of it; none if there is none.
    #[inline]
    pub(super) fn starting_with(&self, name: Name) -> &[Entry] {
        let entries = self.entries();
        let found = match self.firsts.get(name as usize) {
            Some(0) => None,
            Some(count) if self.repeated & bit(name) == 0 => {
                entries.get(usize::from(*count).wrapping_sub(1)..(*count).into())
            }
            Some(count) => entries.get(usize::from(*count).wrapping_sub(1)..),
            None => entries.iter().position(|entry| entry.name == name).and_then(|first| entries.get(first..)),
        };
        found.unwrap_or(&[])
    }

    /// There is room for it, or `scan` would not have let it come.
    #[inline]
    fn push(&mut self, start: u32, end: u32, name_len: u16, name: Name) {
        let place = self.count;
        self.count = place.wrapping_add(1);
        match self.firsts.get_mut(name as usize) {
            Some(first @ 0) => *first = self.count as u16,
            Some(_) => self.repeated |= bit(name),
            None => {}
        }
        match self.inline.get_mut(place) {
            Some(place) => *place = Entry { start, end, name_len, name },
            None => self.spill(start, end, name_len, name),
        }
    }

    #[cold]
    fn spill(&mut self, start: u32, end: u32, name_len: u16, name: Name) {
        if self.spilled.is_empty() {
            self.spilled.extend_from_slice(&self.inline);
        }
        self.spilled.push(Entry { start, end, name_len, name });
    }

    /// Indexes the header fields from `start` (the first byte after the start line) to the blank line; `lines` tells the
    /// line ends from there on. Done in place: an index is too large to be handed around without need.
    pub(super) fn scan(
        &mut self,
        bytes: &[u8],
        mut lines: Lines,
        start: usize,
        limits: &Limits,
    ) -> Result<Head, ParseError> {
        let mut folded = false;
        let mut line = start;
        let most = limits.headers.min(MOST);
        while let Some(newline) = lines.next_end(bytes) {
            let next = newline.wrapping_add(1);
            // Where a line is empty, the line end of the one before it stands there, or nothing.
            let before = newline.wrapping_sub(1);
            let end = if bytes.get(before) == Some(&b'\r') { before } else { newline };
            if end == line {
                return Ok(Head { end: next, folded, ascii: lines.is_ascii_up_to(bytes, next) });
            }
            if is_ws(bytes.get(next)) {
                folded = true;
                continue;
            }
            let length = end.wrapping_sub(line);
            if length > limits.line {
                return Err(ParseError::new("header field", line, ErrorKind::TooLong));
            }
            if self.count >= most {
                return Err(ParseError::new("header fields", line, ErrorKind::TooMany));
            }
            let known = bytes.get(line..).and_then(<[u8]>::first_chunk).and_then(|chunk| name_in(chunk, length));
            let (name_len, name) = known.unwrap_or_else(|| odd_name(bytes.get(line..end).unwrap_or(&[])));
            // Messages are known to be shorter than 4 GiB here.
            self.push(line as u32, end as u32, name_len, name);
            line = next;
        }
        if line < bytes.len() {
            return Err(ParseError::new("header fields", bytes.len(), ErrorKind::Incomplete));
        }
        Ok(Head { end: bytes.len(), folded, ascii: lines.is_ascii_up_to(bytes, bytes.len()) })
    }

    /// The Content-Length, if there is one. Several must agree (RFC 4475 section 3.3.9).
    pub(super) fn content_length(&self, bytes: &[u8]) -> Result<Option<usize>, ParseError> {
        let field = Name::ContentLength.as_str();
        let mut found = None;
        let entries = self.starting_with(Name::ContentLength);
        for entry in entries.iter().filter(|entry| entry.name == Name::ContentLength) {
            let mut range = entry.value_range(bytes);
            // Continuation lines are not joined yet.
            while range.start < range.end && bytes.get(range.start).is_some_and(u8::is_ascii_whitespace) {
                range.start = range.start.saturating_add(1);
            }
            let start = range.start;
            let digits = bytes.get(range).unwrap_or(&[]).trim_ascii_end();
            let length = grammar::decimal(digits).ok_or_else(|| {
                let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
                let kind = if is_number { ErrorKind::OutOfRange } else { ErrorKind::Syntax("a number") };
                ParseError::new(field, start, kind)
            })?;
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

/// The known name in front of the colon and how long it is; `chunk` is how the line starts, of that length, and what follows
/// a short one.
#[inline]
fn name_in(chunk: &[u8; KEY_BYTES], length: usize) -> Option<(u16, Name)> {
    let colon = bits::is_one_of(chunk, [b':']).trailing_zeros();
    if colon as usize >= length {
        return None;
    }
    Some((colon as u16, Name::in_front(chunk, colon)?))
}

/// White space before the colon, a long or unknown name, a line without a colon, or the end of the message near.
fn odd_name(text: &[u8]) -> (u16, Name) {
    let name = trim_end(memchr::memchr(b':', text).and_then(|colon| text.get(..colon)).unwrap_or(&[]));
    u16::try_from(name.len()).map_or((0, Name::Other), |length| (length, Name::parse(name)))
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
    // Nearly nothing is below a space.
    byte.is_some_and(|byte| *byte <= b' ' && matches!(byte, b' ' | b'\t'))
}

/// White space around a value, and a stray CR, as those leave who end lines with CR CR LF.
#[inline]
pub(super) fn is_blank(byte: Option<&u8>) -> bool {
    matches!(byte, Some(b' ' | b'\t' | b'\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(bytes: &[u8], limits: &Limits) -> Result<(Index, Head), ParseError> {
        let mut index = Index::new();
        let head = index.scan(bytes, Lines::from(0), 0, limits)?;
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
