//! Writing a message, once, into one buffer.

use super::index::{Entry, is_blank};
use super::{Fields, Method, Name, StatusCode, grammar};
use bytes::Bytes;
use std::cell::Cell;
use std::fmt;

/// Room for a typical request or response with a session description.
const CAPACITY: usize = 1280;
/// The largest buffer that is kept for the next message.
const KEPT: usize = 4 * 1024;
/// How many digits a `usize` can have.
const DIGITS: usize = 20;

thread_local! {
    /// What the last message of this thread was written in, for the next one: a message that is done is copied out of it, and so
    /// is as large as it has to be.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Writes one message into one buffer. Header fields stand in the order they are written in.
///
/// Values with CR, LF or NUL are refused when the message is finished, naming the field; nothing is written of them.
/// Neither the presence nor the meaning of header fields is checked.
///
/// ```
/// use offhook_core::message::{Builder, Method, Name};
/// let mut builder = Builder::request(&Method::Options, "sip:bob@example.com");
/// builder.header(Name::CallId, "1").parts(Name::To, &["<", "sip:bob@example.com", ">"]).number(Name::MaxForwards, 70);
/// let bytes = builder.finish()?;
/// assert!(bytes.starts_with(b"OPTIONS sip:bob@example.com SIP/2.0\r\nCall-ID: 1\r\nTo: <sip:bob@example.com>\r\n"));
/// assert!(bytes.ends_with(b"\r\nContent-Length: 0\r\n\r\n"));
/// # Ok::<(), offhook_core::message::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    buf: Vec<u8>,
    error: Option<BuildError>,
}

/// The application passed something that cannot stand in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    /// The header field, `Request-URI`, `reason phrase` or `header field name`.
    pub field: Box<str>,
    /// The byte of the value that cannot stand there.
    pub offset: usize,
    /// What it was.
    pub reason: &'static str,
}

impl Builder {
    /// Starts a request.
    pub fn request(method: &Method, uri: &str) -> Builder {
        let mut builder = Builder::start();
        builder.put(method.as_str());
        builder.put(" ");
        let bad = uri.bytes().position(|byte| byte <= b' ' || byte == 0x7f);
        if let Some(offset) = bad.or(uri.is_empty().then_some(0)) {
            builder.refuse("Request-URI", offset, "white space or a control character");
        } else {
            builder.put(uri);
        }
        builder.put(" SIP/2.0\r\n");
        builder
    }

    /// Starts a response, with the registered reason phrase if none is given.
    pub fn response(status: StatusCode, reason: Option<&str>) -> Builder {
        let mut builder = Builder::start();
        builder.put("SIP/2.0 ");
        builder.put_number(usize::from(status.code()));
        builder.put(" ");
        builder.put_value("reason phrase", 0, reason.unwrap_or(status.reason()));
        builder.put("\r\n");
        builder
    }

    /// Adds a header field.
    pub fn header(&mut self, name: Name, value: &str) -> &mut Self {
        self.parts(name, &[value])
    }

    /// Adds a header field whose value is the concatenation of the parts.
    pub fn parts(&mut self, name: Name, parts: &[&str]) -> &mut Self {
        if name == Name::Other {
            self.refuse("header field name", 0, "a name nobody knows");
            return self;
        }
        self.field(name.as_str(), parts)
    }

    /// Adds a header field whose value is a number.
    pub fn number(&mut self, name: Name, value: u32) -> &mut Self {
        self.put(name.as_str());
        self.put(": ");
        self.put_number(value as usize);
        self.put("\r\n");
        self
    }

    /// Adds the CSeq.
    pub(crate) fn cseq(&mut self, number: u32, method: &Method) -> &mut Self {
        self.put(Name::CSeq.as_str());
        self.put(": ");
        self.put_number(number as usize);
        self.put(" ");
        self.put(method.as_str());
        self.put("\r\n");
        self
    }

    /// Adds a header field by its text name, which must be a token.
    pub fn named(&mut self, name: &str, value: &str) -> &mut Self {
        if !grammar::is_token(name.as_bytes()) {
            let offset = name.bytes().position(|byte| !grammar::is(byte, grammar::TOKEN)).unwrap_or(0);
            self.refuse("header field name", offset, "no character of a token");
            return self;
        }
        self.field(name, &[value])
    }

    /// Copies every line of that header field from a received message, in order. What a value may not hold (a stray CR)
    /// becomes a space; an escaped NUL stays.
    pub fn copy(&mut self, name: Name, from: &Fields) -> &mut Self {
        for entry in from.lines(name) {
            self.put_line(name, entry, from.bytes());
        }
        self
    }

    /// Copies the lines of that header field but for the first.
    pub(crate) fn copy_further(&mut self, name: Name, from: &Fields) {
        for entry in from.lines(name).skip(1) {
            self.put_line(name, entry, from.bytes());
        }
    }

    fn put_line(&mut self, name: Name, entry: &Entry, bytes: &[u8]) {
        let line = entry.line_in(bytes);
        if is_as_written_here(line, name) {
            self.buf.extend_from_slice(line);
            self.put("\r\n");
        } else {
            self.begin_received(name);
            self.put_clean(entry.value_in(bytes));
            self.end_received();
        }
    }

    /// Adds a header field whose value is the concatenation of parts of what was received: a response must not fail
    /// because of what its request holds. What a value may not hold becomes a space, as in [`copy`](Builder::copy).
    pub fn received(&mut self, name: Name, parts: &[&str]) -> &mut Self {
        self.begin_received(name);
        for part in parts {
            self.put_received_part(part);
        }
        self.end_received();
        self
    }

    /// Begins a header field as [`received`](Builder::received) adds it, for a value that is written piece by piece.
    pub(crate) fn begin_received(&mut self, name: Name) {
        self.put(name.as_str());
        self.put(": ");
    }

    /// A piece of our own.
    pub(crate) fn put_part(&mut self, part: &str) {
        self.put(part);
    }

    /// A piece of what was received.
    pub(crate) fn put_received_part(&mut self, part: &str) {
        self.put_clean(part.as_bytes());
    }

    pub(crate) fn end_received(&mut self) {
        self.put("\r\n");
    }

    /// Ends the header section, with Content-Type and Content-Length, and adds the body.
    ///
    /// # Errors
    ///
    /// The first value that was refused.
    pub fn body(mut self, content_type: &str, body: &[u8]) -> Result<Bytes, BuildError> {
        self.header(Name::ContentType, content_type);
        self.end(body)
    }

    /// Ends the message with `Content-Length: 0`.
    ///
    /// # Errors
    ///
    /// The first value that was refused.
    pub fn finish(self) -> Result<Bytes, BuildError> {
        self.end(b"")
    }

    fn start() -> Builder {
        // While the thread ends there is none.
        let mut buf = BUFFER.try_with(Cell::take).unwrap_or_default();
        buf.clear();
        buf.reserve(CAPACITY);
        Builder { buf, error: None }
    }

    fn end(mut self, body: &[u8]) -> Result<Bytes, BuildError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        self.put("Content-Length: ");
        self.put_number(body.len());
        self.put("\r\n\r\n");
        self.buf.extend_from_slice(body);
        // What is kept for retransmission takes no more room than it needs.
        let bytes = Bytes::copy_from_slice(&self.buf);
        if self.buf.capacity() <= KEPT {
            let _ = BUFFER.try_with(|buffer| buffer.set(self.buf));
        }
        Ok(bytes)
    }

    fn field(&mut self, name: &str, parts: &[&str]) -> &mut Self {
        self.put(name);
        self.put(": ");
        let mut written = 0_usize;
        for part in parts {
            self.put_value(name, written, part);
            written = written.saturating_add(part.len());
        }
        self.put("\r\n");
        self
    }

    fn put(&mut self, text: &str) {
        self.buf.extend_from_slice(text.as_bytes());
    }

    /// Part of a value that starts `before` bytes into it.
    fn put_value(&mut self, field: &str, before: usize, text: &str) {
        match grammar::find(text, [b'\r', b'\n', 0]) {
            None => self.put(text),
            Some(at) => self.refuse(field, before.saturating_add(at), "a line end or NUL"),
        }
    }

    fn put_clean(&mut self, value: &[u8]) {
        let start = self.buf.len();
        self.buf.extend_from_slice(value);
        if grammar::find_byte(value, [b'\r', b'\n']).is_none() {
            return;
        }
        for byte in self.buf.get_mut(start..).unwrap_or(&mut []) {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
    }

    fn put_number(&mut self, mut value: usize) {
        let mut digits = [b'0'; DIGITS];
        let mut start = DIGITS;
        for (at, digit) in digits.iter_mut().enumerate().rev() {
            *digit = b'0'.wrapping_add((value % 10) as u8);
            start = at;
            value /= 10;
            if value == 0 {
                break;
            }
        }
        self.buf.extend_from_slice(digits.get(start..).unwrap_or(&[]));
    }

    fn refuse(&mut self, field: &str, offset: usize, reason: &'static str) {
        if self.error.is_none() {
            self.error = Some(BuildError { field: field.into(), offset, reason });
        }
    }
}

/// Whether a received line is what would be written of its value: `Name: value`, nothing in it to be replaced.
#[inline]
fn is_as_written_here(line: &[u8], name: Name) -> bool {
    let value = line.strip_prefix(name.as_str().as_bytes()).and_then(|rest| rest.strip_prefix(b": "));
    value.is_some_and(|value| {
        !is_blank(value.first())
            && !is_blank(value.last())
            && !value.is_empty()
            && grammar::find_byte(value, [b'\r', b'\n']).is_none()
    })
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} at byte {}", self.field, self.reason, self.offset)
    }
}

impl std::error::Error for BuildError {}

#[cfg(test)]
mod tests {
    use super::super::{Limits, Message};
    use super::*;

    #[test]
    fn a_response_copies_what_came() {
        let request =
            b"INVITE sip:a SIP/2.0\r\nv: SIP/2.0/UDP b;x=\r\n  y\r\nVia: SIP/2.0/UDP c\r\nTo: \"\\\0\" <sip:d>\r\n\r\n";
        let request = Message::parse(Bytes::from_static(request), &Limits::default()).unwrap();
        let mut builder = Builder::response(StatusCode::OK, None);
        builder.copy(Name::Via, request.fields()).copy(Name::To, request.fields()).copy(Name::From, request.fields());
        let bytes = builder.body("text/plain", b"hi").unwrap();
        let expected =
            b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP b;x=    y\r\nVia: SIP/2.0/UDP c\r\nTo: \"\\\0\" <sip:d>\r\n\
            Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi";
        assert_eq!(bytes, &expected[..]);
    }

    #[test]
    fn stray_line_ends_do_not_survive_a_copy() {
        let request = Bytes::from_static(b"ACK a SIP/2.0\r\nTo: a\rb\r\n\r\n");
        let request = Message::parse(request, &Limits::default()).unwrap();
        let mut builder = Builder::response(StatusCode::OK, Some(""));
        builder.copy(Name::To, request.fields());
        builder.received(Name::From, &["<a\r\n>", "\n;tag=", "b"]);
        let expected = b"SIP/2.0 200 \r\nTo: a b\r\nFrom: <a  > ;tag=b\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(builder.finish().unwrap(), &expected[..]);
    }

    #[test]
    fn what_cannot_stand_in_a_message_is_refused() {
        let of = |fill: fn(&mut Builder) -> &mut Builder| {
            let mut builder = Builder::request(&Method::Bye, "sip:a");
            fill(&mut builder);
            builder.finish().unwrap_err().to_string()
        };
        assert_eq!(of(|b| b.header(Name::Subject, "a\r\nX: y")), "Subject: a line end or NUL at byte 1");
        assert_eq!(of(|b| b.parts(Name::Subject, &["abc", "\0"])), "Subject: a line end or NUL at byte 3");
        assert_eq!(of(|b| b.named("X Y", "")), "header field name: no character of a token at byte 1");
        assert_eq!(of(|b| b.named("", "")), "header field name: no character of a token at byte 0");
        assert_eq!(of(|b| b.header(Name::Other, "")), "header field name: a name nobody knows at byte 0");
        let uri = Builder::request(&Method::Bye, "sip:a b").finish().unwrap_err();
        assert_eq!((&*uri.field, uri.offset), ("Request-URI", 5));
        assert!(Builder::response(StatusCode::OK, Some("a\nb")).finish().is_err());
        let builder = Builder::request(&Method::Bye, "sip:a");
        assert!(builder.body("a/b\r\nX: y", b"").is_err());
    }

    #[test]
    fn numbers() {
        for value in [0, 7, 10, 4_294_967_295] {
            let mut builder = Builder::request(&Method::Bye, "sip:a");
            builder.number(Name::Expires, value);
            let bytes = builder.finish().unwrap();
            assert!(std::str::from_utf8(&bytes).unwrap().contains(&format!("Expires: {value}\r\n")));
        }
    }
}
