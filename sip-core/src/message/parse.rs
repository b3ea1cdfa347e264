//! From bytes to a message: the start line, the limits and the body's extent.

use super::error::{ErrorKind, ParseError};
use super::fields::extent;
use super::index::Index;
use super::lines::Lines;
use super::uri::UriRef;
use super::{Fields, Method, Name, StatusCode, bits, grammar};
use bytes::Bytes;
use std::ops::{Deref, Range};

/// How large a received message may be. What is larger is refused with `TooLong` or `TooMany`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a whole message, body included. Default 65,535.
    pub message: usize,
    /// Header fields of a message, at most 65,535. Default 256.
    pub headers: usize,
    /// Bytes of the start line or of one header field with its continuation lines. Default 65,535: registrars list all contacts
    /// in one.
    pub line: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { message: 65_535, headers: 256, line: 65_535 }
    }
}

/// A whole message.
#[derive(Clone, Debug)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

/// A request: method, Request-URI, header fields and body (RFC 3261 section 7.1). Dereferences to its [`Fields`].
#[derive(Clone, Debug)]
pub struct Request {
    fields: Fields,
    method: Method,
    uri: Range<u32>,
}

/// A response: status, header fields and body (RFC 3261 section 7.2). Dereferences to its [`Fields`].
#[derive(Clone, Debug)]
pub struct Response {
    fields: Fields,
    status: StatusCode,
    reason: Range<u32>,
}

impl Message {
    /// Reads one datagram, one WebSocket message or one framed stream message (RFC 3261 sections 7 and 18.3).
    ///
    /// Line ends in front are skipped. A `Content-Length` smaller than what came drops the surplus; without one the body
    /// goes to the end. Header fields are not looked into: see [`Request::check`] and [`Response::check`].
    ///
    /// # Errors
    ///
    /// A start line that is none, a SIP version other than 2.0, a status outside 100 to 699, header fields that end in
    /// the middle of a line, a `Content-Length` that is no number, contradicts another one or promises more than came, and
    /// whatever exceeds the limits. A request refused here can still be answered: see [`Request::salvage`].
    pub fn parse(bytes: Bytes, limits: &Limits) -> Result<Message, ParseError> {
        let mut bytes = bytes;
        read(&mut bytes, limits, true)
    }

    /// The same, for who still needs the bytes where they are no message: a message takes them.
    pub(crate) fn take_from(bytes: &mut Bytes, limits: &Limits) -> Result<Message, ParseError> {
        read(bytes, limits, true)
    }

    /// The header fields and the body.
    pub fn fields(&self) -> &Fields {
        match self {
            Message::Request(request) => &request.fields,
            Message::Response(response) => &response.fields,
        }
    }
}

impl Request {
    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The Request-URI as written.
    pub fn uri_text(&self) -> &str {
        self.fields.text_at(&self.uri)
    }

    /// The Request-URI taken apart.
    ///
    /// # Errors
    ///
    /// A text that is no URI; the offset counts from the start of the message.
    pub fn uri(&self) -> Result<UriRef<'_>, ParseError> {
        UriRef::parse_in(self.uri_text(), "Request-URI", self.uri.start as usize)
    }

    /// What can be read of a request that [`Message::parse`] refused, to answer it with the status of the error
    /// ([`Rejection`](super::Rejection)): any SIP version, and a body as long as it came and the limits allow.
    ///
    /// `None` if it is no request, or lacks one of the fields a response is made of (Via, From, To, Call-ID, CSeq). A Via
    /// that cannot be read is given back as it came (RFC 4475 3.1.2.1).
    pub fn salvage(bytes: Bytes, limits: &Limits) -> Option<Request> {
        let mut bytes = bytes.slice(..bytes.len().min(limits.message));
        let Ok(Message::Request(request)) = read(&mut bytes, limits, false) else { return None };
        let needed = [Name::Via, Name::From, Name::To, Name::CallId, Name::CSeq];
        needed.into_iter().all(|name| request.contains(name)).then_some(request)
    }
}

impl Deref for Request {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.fields
    }
}

impl Response {
    /// The status code.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The reason phrase as written; may be empty.
    pub fn reason(&self) -> &str {
        self.fields.text_at(&self.reason)
    }
}

impl Deref for Response {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.fields
    }
}

/// The start line, its texts as ranges of the message.
enum StartLine {
    Request { method: Method, uri: Range<u32> },
    Response { status: StatusCode, reason: Range<u32> },
}

/// Takes the bytes where they are a message. `strict` asks for SIP/2.0 and for a Content-Length that fits.
pub(super) fn read(buf: &mut Bytes, limits: &Limits, strict: bool) -> Result<Message, ParseError> {
    if buf.len() > limits.message || u32::try_from(buf.len()).is_err() {
        return Err(too_long(buf, limits));
    }
    let mut index = Index::new();
    let start = buf.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(buf.len());
    let mut lines = Lines::from(start);
    let (line, headers) = first_line(buf, &mut lines, start)?;
    if line.len() > limits.line {
        return Err(ParseError::new("start line", start, ErrorKind::TooLong));
    }
    let start_line = start_line(buf, line, strict)?;
    let body = extent(buf, &mut index, lines, headers, limits, strict)?;
    let buf = std::mem::take(buf);
    Ok(match start_line {
        StartLine::Request { method, uri } => {
            Message::Request(Request { fields: Fields::found(buf, index, body), method, uri })
        }
        StartLine::Response { status, reason } => {
            Message::Response(Response { fields: Fields::found(buf, index, body), status, reason })
        }
    })
}

/// It is the body that is too long where the head is not.
fn too_long(bytes: &[u8], limits: &Limits) -> ParseError {
    let front = bytes.get(..limits.message).unwrap_or(bytes);
    let found = [&b"\r\n\r\n"[..], b"\n\n"]
        .into_iter()
        .find_map(|blank| memchr::memmem::find(front, blank).map(|at| at.saturating_add(blank.len())));
    match found {
        Some(end) => ParseError::new("body", end, ErrorKind::TooLong),
        None => ParseError::new("message", limits.message, ErrorKind::TooLong),
    }
}

/// The first line without its end, and where the next one starts.
fn first_line(bytes: &[u8], lines: &mut Lines, start: usize) -> Result<(Range<usize>, usize), ParseError> {
    if start >= bytes.len() {
        return Err(ParseError::new("start line", start, ErrorKind::Missing));
    }
    let Some(newline) = lines.next_end(bytes) else {
        return Err(ParseError::new("start line", bytes.len(), ErrorKind::Incomplete));
    };
    let end = match newline.checked_sub(1) {
        Some(before) if bytes.get(before) == Some(&b'\r') => before,
        _ => newline,
    };
    Ok((start..end, newline.saturating_add(1)))
}

fn start_line(bytes: &[u8], line: Range<usize>, strict: bool) -> Result<StartLine, ParseError> {
    let text = bytes.get(line.clone()).unwrap_or(&[]);
    if text.get(..4).is_some_and(|front| front.eq_ignore_ascii_case(b"SIP/")) {
        status_line(text, line.start)
    } else {
        request_line(text, line.start, strict)
    }
}

/// `SIP-Version SP Status-Code SP Reason-Phrase`; the last space is not insisted on.
fn status_line(text: &[u8], start: usize) -> Result<StartLine, ParseError> {
    let error = |at: usize, kind| Err(ParseError::new("start line", start.saturating_add(at), kind));
    let (version, rest) = cut(text);
    if !version.eq_ignore_ascii_case(b"SIP/2.0") {
        return error(0, ErrorKind::Version);
    }
    let (code, reason) = cut(rest);
    let at = text.len().saturating_sub(rest.len());
    if code.is_empty() || !code.iter().all(u8::is_ascii_digit) {
        return error(at, ErrorKind::Syntax("a status code"));
    }
    let status = grammar::decimal(code).and_then(|code| u16::try_from(code).ok()).and_then(StatusCode::new);
    let (Some(status), 3) = (status, code.len()) else { return error(at, ErrorKind::OutOfRange) };
    Ok(StartLine::Response {
        status,
        reason: range(start.saturating_add(text.len().saturating_sub(reason.len())), reason.len()),
    })
}

/// `Method SP Request-URI SP SIP-Version`; more spaces than one are forgiven (RFC 4475 sections 3.1.2.9 and 3.1.2.10).
/// The Request-URI is taken as it is: [`Request::check`](super::Request::check) looks at it.
fn request_line(text: &[u8], start: usize, strict: bool) -> Result<StartLine, ParseError> {
    if let Some((method, uri)) = plain_request_line(text) {
        let place = text.len().saturating_sub(VERSION_BEHIND.len()).saturating_sub(uri.len());
        return Ok(StartLine::Request { method, uri: range(start.saturating_add(place), uri.len()) });
    }
    let text = text.trim_ascii_end();
    // Where in the message a tail of the line starts.
    let place = |tail: &[u8]| start.saturating_add(text.len().saturating_sub(tail.len()));
    let error = |tail: &[u8], kind| Err(ParseError::new("start line", place(tail), kind));
    let (method, rest) = cut(text);
    let Some(method) = Method::parse(method) else { return error(text, ErrorKind::Syntax("a method")) };
    let Some(space) = memchr::memrchr2(b' ', b'\t', rest) else {
        return error(&[], ErrorKind::Syntax("a Request-URI and SIP/2.0"));
    };
    let (uri, version) = rest.split_at_checked(space).unwrap_or((rest, &[]));
    let (uri, version) = (uri.trim_ascii_end(), version.trim_ascii_start());
    if !version.get(..4).is_some_and(|front| front.eq_ignore_ascii_case(b"SIP/")) {
        return error(version, ErrorKind::Syntax("SIP/2.0"));
    }
    if strict && !version.eq_ignore_ascii_case(b"SIP/2.0") {
        return error(version, ErrorKind::Version);
    }
    Ok(StartLine::Request { method, uri: range(place(rest), uri.len()) })
}

const VERSION_BEHIND: &[u8] = b" SIP/2.0";

/// The line as nearly everybody writes it, single spaces between its parts.
#[inline]
fn plain_request_line(text: &[u8]) -> Option<(Method, &[u8])> {
    let front = text.strip_suffix(VERSION_BEHIND)?;
    let space = bits::is_one_of(text.first_chunk()?, [b' ', b'\t']).trailing_zeros() as usize;
    let (method, uri) = front.split_at_checked(space)?;
    match uri {
        [b' ', uri @ ..] if uri.trim_ascii().len() == uri.len() => Some((Method::parse(method)?, uri)),
        _ => None,
    }
}

/// The first word, and what follows the white space after it.
fn cut(text: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr2(b' ', b'\t', text).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, &[]));
    (word, rest.trim_ascii_start())
}

/// Messages are known to be shorter than 4 GiB here.
fn range(start: usize, length: usize) -> Range<u32> {
    let end = start.saturating_add(length);
    u32::try_from(start).unwrap_or(u32::MAX)..u32::try_from(end).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Message, ParseError> {
        Message::parse(Bytes::copy_from_slice(text.as_bytes()), &Limits::default())
    }

    fn request(text: &str) -> Request {
        match parse(text) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    fn response(text: &str) -> Response {
        match parse(text) {
            Ok(Message::Response(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn start_lines() {
        let invite = request("\r\n\r\nINVITE sip:bob@example.com SIP/2.0\r\n\r\n");
        assert_eq!((invite.method(), invite.uri_text()), (&Method::Invite, "sip:bob@example.com"));
        let spaced = request("OPTIONS   sip:a@b ; c   sip/2.0  \r\n\r\n");
        assert_eq!(spaced.uri_text(), "sip:a@b ; c");
        let busy = response("SIP/2.0 486 Busy  Here\r\n\r\n");
        assert_eq!((busy.status(), busy.reason()), (StatusCode::BUSY_HERE, "Busy  Here"));
        for bare in ["SIP/2.0 100 \r\n\r\n", "sip/2.0 100\n\n"] {
            assert_eq!(response(bare).reason(), "");
        }
    }

    #[test]
    fn bad_start_lines_say_where() {
        let of = |line: &str| parse(&format!("{line}\r\n\r\n")).unwrap_err().to_string();
        assert_eq!(of("INVITE sip:a@b"), "start line: expected a Request-URI and SIP/2.0 at byte 14");
        assert_eq!(of("INVITE"), "start line: expected a Request-URI and SIP/2.0 at byte 6");
        assert_eq!(of("IN(VITE sip:a@b SIP/2.0"), "start line: expected a method at byte 0");
        assert_eq!(of("INVITE sip:a@b SIP/3.0"), "start line: not SIP/2.0 at byte 15");
        assert_eq!(of("SIP/7.0 200 OK"), "start line: not SIP/2.0 at byte 0");
        assert_eq!(of("SIP/2.0 4294967301 no"), "start line: number out of range at byte 8");
        assert_eq!(of("SIP/2.0 0200 no"), "start line: number out of range at byte 8");
        assert_eq!(of("SIP/2.0 700 no"), "start line: number out of range at byte 8");
        assert_eq!(of("SIP/2.0 OK"), "start line: expected a status code at byte 8");
        assert_eq!(parse("\r\n\r\n").unwrap_err().to_string(), "start line is missing");
        assert_eq!(parse("INVITE").unwrap_err().kind(), ErrorKind::Incomplete);
    }

    #[test]
    fn the_body_is_as_long_as_content_length_says() {
        assert_eq!(request("A b SIP/2.0\r\nl: 2\r\n\r\nabcd").body(), b"ab");
        assert_eq!(request("A b SIP/2.0\r\n\r\nabcd").body(), b"abcd");
        assert_eq!(request("A b SIP/2.0\r\nX: y\r\n").body(), b"");
        let error = parse("A b SIP/2.0\r\nl: 5\r\n\r\nabcd").unwrap_err();
        assert_eq!((error.field(), error.kind()), ("Content-Length", ErrorKind::Incomplete));
    }

    #[test]
    fn limits() {
        let limits = Limits { message: 40, line: 16, ..Limits::default() };
        let of = |text: &str| Message::parse(Bytes::copy_from_slice(text.as_bytes()), &limits);
        assert!(of("A b SIP/2.0\r\n\r\n").is_ok());
        assert_eq!(of("A bbbbbbbbb SIP/2.0\r\n\r\n").unwrap_err().to_string(), "start line: too long at byte 0");
        let long = format!("A b SIP/2.0\r\n\r\n{}", "x".repeat(26));
        assert_eq!(of(&long).unwrap_err().to_string(), "body: too long at byte 15");
    }

    #[test]
    fn heads_are_plain_text_whatever_came() {
        let bytes = Bytes::from_static(b"SIP/2.0 200 \xff\r\nTo:\r\n a\xc3\xa4\r\nX: \xfc\r\n\r\n\xff");
        let Ok(Message::Response(response)) = Message::parse(bytes, &Limits::default()) else { panic!() };
        assert_eq!(response.reason(), "?");
        assert_eq!(response.text(Name::To), Ok(Some("aä")));
        assert_eq!(response.named("x"), Some("?"));
        assert_eq!(response.body(), b"\xff");
    }

    #[test]
    fn a_refused_request_can_still_be_answered() {
        let fields = "Via: SIP/2.0/UDP a\r\nFrom: <sip:a@b>\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 A\r\n";
        let salvage = |text: String| Request::salvage(Bytes::from(text), &Limits::default());
        let version = salvage(format!("A sip:b SIP/7.0\r\n{fields}\r\n")).unwrap();
        assert_eq!(version.call_id(), Ok("1"));
        let short = salvage(format!("A sip:b SIP/2.0\r\n{fields}l: 99\r\n\r\nabc")).unwrap();
        assert_eq!(short.body(), b"abc");
        let limits = Limits { message: 120, ..Limits::default() };
        let long = Bytes::from(format!("A sip:b SIP/2.0\r\n{fields}\r\n{}", "x".repeat(200)));
        assert_eq!(Message::parse(long.clone(), &limits).unwrap_err().kind(), ErrorKind::TooLong);
        assert_eq!(Request::salvage(long, &limits).unwrap().bytes().len(), 120);
        assert!(salvage("A sip:b SIP/7.0\r\n\r\n".to_owned()).is_none());
        assert!(salvage(format!("SIP/7.0 200 OK\r\n{fields}\r\n")).is_none());
    }
}
