//! Taking multipart bodies apart (RFC 2046 section 5.1, RFC 5621).

use super::part::Part;
use crate::message::{ErrorKind, Fields, Item, Limits, Name, ParseError};
use bytes::Bytes;
use std::borrow::Cow;

/// How many parts a multipart body may have.
pub const MAX_PARTS: usize = 64;
/// How deep multipart bodies are looked into.
pub const MAX_DEPTH: usize = 4;
/// The longest boundary (RFC 2046 section 5.1.1).
const MAX_BOUNDARY: usize = 70;

/// A multipart body taken apart.
///
/// Lines may end in CRLF or a bare LF. A delimiter is a whole line, white space behind it aside, so a boundary may start
/// with another one. What stands before the first delimiter and after the closing one is passed over; a body whose closing
/// delimiter is missing ends with the data.
#[derive(Clone, Debug)]
pub struct Multipart {
    subtype: Box<str>,
    /// `start` of multipart/related, without angle brackets.
    root: Option<Box<str>>,
    parts: Vec<Part>,
}

impl Multipart {
    /// The parts of a message's body, if Content-Type says it is multipart.
    ///
    /// # Errors
    ///
    /// As of [`parse`](Multipart::parse); a Content-Type that is no media type.
    pub fn of(fields: &Fields) -> Result<Option<Multipart>, ParseError> {
        Multipart::within(fields, &fields.body_bytes())
    }

    /// Takes a body apart. `content_type` is the whole value: `multipart/mixed;boundary=xyz`.
    ///
    /// # Errors
    ///
    /// No multipart type, no boundary or one that cannot be any (field `Content-Type`), a body in which it never stands
    /// (`body`, missing), more than [`MAX_PARTS`] parts, and header fields of a part beyond the default [`Limits`].
    /// Offsets count from the start of the text or of the body.
    ///
    /// ```
    /// use offhook_core::body::Multipart;
    /// let body = "--x\r\nContent-ID: <a@b>\r\n\r\nhello\r\n--x\r\n\r\nworld\r\n--x--";
    /// let multipart = Multipart::parse("multipart/mixed;boundary=x", body.into())?;
    /// assert_eq!(multipart.parts()[1].body(), "world");
    /// assert_eq!(multipart.by_content_id("a@b").unwrap().body(), "hello");
    /// # Ok::<(), offhook_core::message::ParseError>(())
    /// ```
    pub fn parse(content_type: &str, body: Bytes) -> Result<Multipart, ParseError> {
        let item = Item::parse(content_type);
        let error = |offset, kind| Err(ParseError::new(Name::ContentType.as_str(), offset, kind));
        let Some(subtype) = subtype(&item) else { return error(0, ErrorKind::Syntax("a multipart media type")) };
        let Some(boundary) = item.params.decoded("boundary") else {
            return error(content_type.len(), ErrorKind::Syntax("a boundary"));
        };
        if boundary.is_empty() || boundary.len() > MAX_BOUNDARY || boundary.bytes().any(|byte| byte < b' ') {
            return error(content_type.len(), ErrorKind::Syntax("a boundary of 1 to 70 characters"));
        }
        let root = item.params.decoded("start").map(|root| Box::from(root.trim_matches(['<', '>'])));
        Ok(Multipart { subtype: subtype.into(), root, parts: split(&body, &boundary)? })
    }

    /// `mixed`, `alternative`, `related` …, as written.
    pub fn subtype(&self) -> &str {
        &self.subtype
    }

    /// Whether this is the subtype, in any case.
    pub fn is(&self, subtype: &str) -> bool {
        self.subtype.eq_ignore_ascii_case(subtype)
    }

    /// The parts in order; multipart ones are not taken apart: see [`Part::multipart`].
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The first part that is wanted, at any depth up to [`MAX_DEPTH`]. A multipart part that cannot be taken apart has no
    /// parts.
    pub fn find(&self, mut wanted: impl FnMut(&Part) -> bool) -> Option<Part> {
        self.search(&mut wanted, MAX_DEPTH)
    }

    /// The part with that Content-ID, as a `cid:` URL names it (RFC 2392): without angle brackets, escapes undone.
    pub fn by_content_id(&self, id: &str) -> Option<Part> {
        self.find(|part| part.content_id() == Some(id))
    }

    /// The root of a compound object: the part that `start` names, or the first (RFC 2387 section 3.2).
    pub fn root(&self) -> Option<&Part> {
        let named =
            self.root.as_deref().and_then(|root| self.parts.iter().find(|part| part.content_id() == Some(root)));
        named.or(self.parts.first())
    }

    /// The media type of the first part that must be understood and is not: see [`super::not_understood`].
    pub(super) fn not_understood(&self, understood: &mut dyn FnMut(&str) -> bool) -> Option<String> {
        self.check(understood, MAX_DEPTH)
    }

    /// The body described by the fields, if it is multipart.
    pub(super) fn within(fields: &Fields, body: &Bytes) -> Result<Option<Multipart>, ParseError> {
        fields.content_type()?;
        match fields.item(Name::ContentType).filter(|item| subtype(item).is_some()) {
            Some(item) => {
                let value = [item.value, item.params.as_str()].concat();
                Multipart::parse(&value, body.clone()).map(Some)
            }
            None => Ok(None),
        }
    }

    fn search(&self, wanted: &mut dyn FnMut(&Part) -> bool, depth: usize) -> Option<Part> {
        let depth = depth.checked_sub(1)?;
        for part in &self.parts {
            if wanted(part) {
                return Some(part.clone());
            }
            if let Ok(Some(inner)) = part.multipart()
                && let Some(found) = inner.search(wanted, depth)
            {
                return Some(found);
            }
        }
        None
    }

    fn check(&self, understood: &mut dyn FnMut(&str) -> bool, depth: usize) -> Option<String> {
        let Some(depth) = depth.checked_sub(1) else { return Some(self.media_type()) };
        let mut missing = |part: &Part| match part.multipart() {
            Ok(Some(inner)) => inner.check(understood, depth),
            _ => Some(part.content_type().to_ascii_lowercase()).filter(|media_type| !understood(media_type)),
        };
        if self.is("alternative") {
            let none = self.parts.iter().all(|part| missing(part).is_some());
            return none.then(|| self.media_type());
        }
        let needed = |part: &&Part| !part.is_optional();
        if self.is("related") {
            self.root().filter(needed).and_then(missing)
        } else {
            self.parts.iter().filter(needed).find_map(missing)
        }
    }

    fn media_type(&self) -> String {
        ["multipart/", &self.subtype].concat().to_ascii_lowercase()
    }
}

fn subtype<'a>(item: &Item<'a>) -> Option<&'a str> {
    let (kind, subtype) = item.value.split_once('/')?;
    (kind.eq_ignore_ascii_case("multipart") && !subtype.is_empty()).then_some(subtype)
}

/// What stands between the delimiters.
fn split(body: &Bytes, boundary: &str) -> Result<Vec<Part>, ParseError> {
    let limits = Limits { message: usize::MAX, ..Limits::default() };
    let mut parts = Vec::new();
    // Where the part that is being read starts, and where it would end and its blank line is.
    let mut open: Option<Open> = None;
    let mut at = 0_usize;
    let mut closed = false;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let next = at.saturating_add(line.len());
        match delimiter(line, boundary.as_bytes()) {
            Some(closing) => {
                if let Some(part) = open.take() {
                    if parts.len() >= MAX_PARTS {
                        return Err(ParseError::new("body", at, ErrorKind::TooMany));
                    }
                    parts.push(part.close(body, at, &limits)?);
                }
                if closing {
                    closed = true;
                    break;
                }
                open = Some(Open { start: next, content: None });
            }
            None => {
                if let Some(part) = open.as_mut().filter(|part| part.content.is_none() && is_blank(line)) {
                    part.content = Some(next);
                }
            }
        }
        at = next;
    }
    match open {
        Some(part) if !closed && parts.len() < MAX_PARTS => parts.push(part.end(body, body.len(), &limits)?),
        Some(_) => return Err(ParseError::new("body", at, ErrorKind::TooMany)),
        None if parts.is_empty() && !closed => {
            return Err(ParseError::new("body", body.len(), ErrorKind::Syntax("a delimiter with the boundary")));
        }
        None => {}
    }
    Ok(parts)
}

/// A part whose end has not been found.
struct Open {
    start: usize,
    /// Where its content starts, once the blank line was there.
    content: Option<usize>,
}

impl Open {
    /// The part ends before the delimiter that starts at `delimiter`, to which the line end before it belongs.
    fn close(self, body: &Bytes, delimiter: usize, limits: &Limits) -> Result<Part, ParseError> {
        let before = body.get(..delimiter).unwrap_or(&[]);
        let before = before.strip_suffix(b"\n").unwrap_or(before);
        let end = before.strip_suffix(b"\r").unwrap_or(before).len();
        self.end(body, end, limits)
    }

    fn end(self, body: &Bytes, end: usize, limits: &Limits) -> Result<Part, ParseError> {
        // The line end before a delimiter may be that of the blank line, or of the delimiter before.
        let slice = |from: usize, to: usize| body.slice(from.min(to).min(body.len())..to.min(body.len()));
        let content = self.content.unwrap_or(end);
        let head = slice(self.start, if self.content.is_some() { content } else { end });
        Part::read(head, slice(content.min(end), end), self.start, limits)
            .map_err(|error| ParseError::new(error.field(), self.start.saturating_add(error.offset()), error.kind()))
    }
}

/// Whether the line is a delimiter: `Some(true)` if it is the closing one.
fn delimiter(line: &[u8], boundary: &[u8]) -> Option<bool> {
    let rest = line.strip_prefix(b"--")?.strip_prefix(boundary)?;
    let (closing, rest) = match rest.strip_prefix(b"--") {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    rest.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).then_some(closing)
}

fn is_blank(line: &[u8]) -> bool {
    matches!(line, b"\r\n" | b"\n")
}

/// The parameter value for a boundary: quoted unless it is a token.
pub(super) fn boundary_param(boundary: &str) -> Cow<'_, str> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'+' | b'\'');
    if boundary.bytes().all(is_token) { Cow::Borrowed(boundary) } else { Cow::Owned(["\"", boundary, "\""].concat()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Multipart {
        Multipart::parse("multipart/mixed; boundary=\"x y\"", Bytes::from(body.replace('\n', "\r\n"))).unwrap()
    }

    fn bodies(multipart: &Multipart) -> Vec<&str> {
        multipart.parts().iter().map(|part| std::str::from_utf8(part.body()).unwrap()).collect()
    }

    #[test]
    fn the_example_of_rfc_2046() {
        let body = "This is the preamble.\r\n--simple boundary\r\n\r\nThis is implicitly typed plain US-ASCII text.\r\n\
            It does NOT end with a linebreak.\r\n--simple boundary\r\nContent-type: text/plain; charset=us-ascii\r\n\r\n\
            This is explicitly typed plain US-ASCII text.\r\nIt DOES end with a linebreak.\r\n\r\n--simple boundary--\r\n\
            \r\nThis is the epilogue.  It is also to be ignored.\r\n";
        let multipart = Multipart::parse("multipart/mixed; boundary=\"simple boundary\"", body.into()).unwrap();
        assert_eq!(
            bodies(&multipart),
            [
                "This is implicitly typed plain US-ASCII text.\r\nIt does NOT end with a linebreak.",
                "This is explicitly typed plain US-ASCII text.\r\nIt DOES end with a linebreak.\r\n"
            ]
        );
        assert_eq!(multipart.parts()[0].content_type(), "text/plain");
        assert_eq!(multipart.parts()[1].fields().named("content-type"), Some("text/plain; charset=us-ascii"));
        assert_eq!(multipart.parts()[1].offset(), 145);
    }

    #[test]
    fn delimiters_are_whole_lines() {
        let body = "--x y  \n\n--x yz\n --x y\n--x\n--x y\t\n\nb\n--x y-- \n--x y\n\nc";
        assert_eq!(bodies(&parse(body)), ["--x yz\r\n --x y\r\n--x", "b"]);
    }

    #[test]
    fn odd_parts() {
        let empty = parse("--x y\n--x y\n\n--x y\nA: b\n--x y\nA: b\n\n--x y\n\n\n--x y--");
        assert_eq!(bodies(&empty), ["", "", "", "", ""]);
        assert_eq!(empty.parts()[2].fields().named("a"), Some("b"));
        assert_eq!(bodies(&parse("--x y\n\nno end\n")), ["no end\r\n"]);
        assert_eq!(bodies(&parse("--x y\n\nno end")), ["no end"]);
        assert_eq!(bodies(&parse("--x y")), [""]);
        assert_eq!(bodies(&parse("--x y--")), [""; 0]);
        let unix = Multipart::parse("multipart/mixed;boundary=a", "--a\nA: b\n c\n\nx\n\n--a--\n".into()).unwrap();
        assert_eq!(bodies(&unix), ["x\n"]);
        assert_eq!(unix.parts()[0].fields().named("A"), Some("b  c"));
    }

    #[test]
    fn a_content_length_in_a_part_says_nothing() {
        assert_eq!(bodies(&parse("--x y\nContent-Length: 1\n\nabc\n--x y--")), ["abc"]);
    }

    #[test]
    fn roots_and_content_ids() {
        let body = "--b\r\nContent-ID: <1@a>\r\n\r\none\r\n--b\r\nContent-ID: 2@a\r\n\r\ntwo\r\n--b--";
        let related = Multipart::parse("multipart/related;start=\"<2@a>\";boundary=b", body.into()).unwrap();
        assert_eq!(related.root().unwrap().body(), "two");
        assert_eq!(related.by_content_id("1@a").unwrap().body(), "one");
        assert!(related.by_content_id("3@a").is_none());
        let plain = Multipart::parse("multipart/related;boundary=b", body.into()).unwrap();
        assert_eq!(plain.root().unwrap().body(), "one");
    }

    #[test]
    fn depth_ends() {
        let mut body = String::from("deep");
        for _ in 0..10 {
            let boundary = "b".repeat(1 + body.len() / 40 % 60);
            body = [
                "--",
                &boundary,
                "\r\nc: multipart/mixed;boundary=",
                &boundary,
                "\r\n\r\n",
                &body,
                "\r\n--",
                &boundary,
                "--",
            ]
            .concat();
        }
        let outer = body[2..].split("\r\n").next().unwrap();
        let multipart = Multipart::parse(&["multipart/mixed;boundary=", outer].concat(), body.clone().into()).unwrap();
        assert!(multipart.find(|part| part.body() == "deep").is_none());
    }

    #[test]
    fn errors_say_where() {
        let of = |content_type: &str, body: &str| {
            Multipart::parse(content_type, Bytes::from(body.to_owned())).unwrap_err().to_string()
        };
        assert_eq!(of("text/plain;boundary=x", ""), "Content-Type: expected a multipart media type at byte 0");
        assert_eq!(of("multipart/mixed", ""), "Content-Type: expected a boundary at byte 15");
        let long = ["multipart/mixed;boundary=", &"x".repeat(71)].concat();
        assert_eq!(of(&long, ""), "Content-Type: expected a boundary of 1 to 70 characters at byte 96");
        assert_eq!(of("multipart/mixed;boundary=x", "abc"), "body: expected a delimiter with the boundary at byte 3");
        let many = "--x\n".repeat(MAX_PARTS + 2);
        assert_eq!(of("multipart/mixed;boundary=x", &many), "body: too many at byte 260");
        let head = ["--x\nA: b\n", &"A: b\n".repeat(300)].concat();
        assert_eq!(of("multipart/mixed;boundary=x", &head), "header fields: too many at byte 1284");
    }
}
