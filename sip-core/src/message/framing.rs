//! Cutting a stream into messages (RFC 3261 section 18.3) and keep-alives (RFC 5626 section 4.4.1).

use super::Limits;
use super::error::{ErrorKind, ParseError};
use super::index::Index;
use super::lines::Lines;
use bytes::Bytes;

/// What a stream carried next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A whole message, ready for [`Message::parse`](super::Message::parse).
    Message(Bytes),
    /// A double CRLF: answer it with a single one.
    Ping,
    /// A single CRLF: the answer to a ping.
    Pong,
}

/// Cuts a TCP or TLS stream into messages and keep-alives. The frames do not depend on how the bytes were cut on the way.
///
/// Who opened a connection sends pings over it, who accepted it answers with pongs, and a CRLF by itself does not say
/// which it is; so [`new`](StreamDecoder::new) is for accepted connections and
/// [`for_opener`](StreamDecoder::for_opener) for those this side opened.
///
/// Push what was read, then call [`next_frame`](StreamDecoder::next_frame) until it has no more: what is pushed in between
/// is kept, so the memory is bounded by one message of the limits and what is pushed at a time.
///
/// ```
/// use offhook_core::message::{Frame, Limits, StreamDecoder};
/// let mut decoder = StreamDecoder::new(&Limits::default());
/// decoder.push(b"\r\n\r\nSIP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nh");
/// assert_eq!(decoder.next_frame()?, Some(Frame::Ping));
/// assert_eq!(decoder.next_frame()?, None);
/// decoder.push(b"i");
/// assert!(matches!(decoder.next_frame()?, Some(Frame::Message(_))));
/// # Ok::<(), offhook_core::message::ParseError>(())
/// ```
#[derive(Debug)]
pub struct StreamDecoder {
    limits: Limits,
    opener: bool,
    buf: Vec<u8>,
    /// Where the next frame starts in `buf`; what is before it has been handed out.
    start: usize,
    /// How far the search for the blank line got: no line end before it needs another look.
    searched: usize,
    /// Where the message ends, once its head is complete.
    end: Option<usize>,
    error: Option<ParseError>,
    /// The head of the message that cannot be followed.
    refused: Option<Bytes>,
}

impl StreamDecoder {
    /// For a connection this side accepted: a double CRLF is a [`Frame::Ping`], a single one is passed over.
    pub fn new(limits: &Limits) -> StreamDecoder {
        StreamDecoder {
            limits: limits.clone(),
            opener: false,
            buf: Vec::new(),
            start: 0,
            searched: 0,
            end: None,
            error: None,
            refused: None,
        }
    }

    /// For a connection this side opened: each CRLF between messages is a [`Frame::Pong`].
    pub fn for_opener(limits: &Limits) -> StreamDecoder {
        StreamDecoder { opener: true, ..StreamDecoder::new(limits) }
    }

    /// Adds bytes that were read. After an error they are dropped.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.error.is_none() {
            self.discard_used();
            self.buf.extend_from_slice(bytes);
        }
    }

    /// The next whole frame, or `None` until more bytes come.
    ///
    /// # Errors
    ///
    /// A message without a Content-Length, with one that is no number, or longer than the limits. There is no way to find
    /// the next message then: the connection is to be closed, and every further call returns the same error.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, ParseError> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let result = self.advance();
        if let Err(error) = &result {
            self.error = Some(error.clone());
            self.buf = Vec::new();
        }
        result
    }

    /// After an error: the head of the message that cannot be followed, if it came whole. It may be a request, which can be
    /// answered ([`Request::salvage`](super::Request::salvage)) before the connection is closed.
    pub fn refused(&self) -> Option<&Bytes> {
        self.refused.as_ref()
    }

    /// How many bytes wait for the rest of their message.
    pub fn pending(&self) -> usize {
        self.buf.len().saturating_sub(self.start)
    }

    fn advance(&mut self) -> Result<Option<Frame>, ParseError> {
        if self.end.is_none() {
            if let Some(keep_alive) = self.keep_alive() {
                return Ok(keep_alive);
            }
            self.end = self.find_end()?;
        }
        let Some(message) = self.end.and_then(|end| self.buf.get(self.start..end)) else { return Ok(None) };
        let message = Bytes::copy_from_slice(message);
        self.take(message.len());
        self.end = None;
        Ok(Some(Frame::Message(message)))
    }

    /// Line ends in front of a message: `Some(None)` if it takes more bytes to tell, `None` if there are none.
    fn keep_alive(&mut self) -> Option<Option<Frame>> {
        loop {
            let rest = self.buf.get(self.start..).unwrap_or(&[]);
            let (used, frame) = match (rest, self.opener) {
                ([], _) | ([b'\r'], _) => return Some(None),
                ([b'\r', b'\n', ..], true) => (2, Some(Frame::Pong)),
                ([b'\r', b'\n'] | [b'\r', b'\n', b'\r'], false) => return Some(None),
                ([b'\r', b'\n', b'\r', b'\n', ..], false) => (4, Some(Frame::Ping)),
                ([b'\r', b'\n', ..], false) => (2, None),
                ([b'\r' | b'\n', ..], _) => (1, None),
                _ => return None,
            };
            self.take(used);
            if frame.is_some() {
                return Some(frame);
            }
        }
    }

    /// Where the message in front ends, if its head is complete. Goes on where it left off.
    fn find_end(&mut self) -> Result<Option<usize>, ParseError> {
        while let Some(found) = self.buf.get(self.searched..).and_then(|rest| memchr::memchr(b'\n', rest)) {
            let newline = self.searched.saturating_add(found);
            let next = newline.saturating_add(1);
            let blank = match self.buf.get(next..) {
                Some([b'\n', ..]) => 1,
                Some([b'\r', b'\n', ..]) => 2,
                // It takes another byte to tell: come back to this line end.
                None | Some([] | [b'\r']) => {
                    self.searched = newline;
                    return self.unless_too_long();
                }
                Some(_) => 0,
            };
            self.searched = next;
            if blank > 0 {
                let head = self.buf.get(self.start..next.saturating_add(blank)).unwrap_or(&[]);
                return match self.length(head) {
                    Ok(length) => Ok(Some(self.start.saturating_add(length))),
                    Err(error) => {
                        self.refused = Some(Bytes::copy_from_slice(head));
                        Err(error)
                    }
                };
            }
        }
        self.searched = self.buf.len();
        self.unless_too_long()
    }

    /// More bytes are needed, if there may be more.
    fn unless_too_long(&self) -> Result<Option<usize>, ParseError> {
        if self.pending() > self.limits.message { Err(self.too_long()) } else { Ok(None) }
    }

    fn too_long(&self) -> ParseError {
        ParseError::new("message", self.limits.message, ErrorKind::TooLong)
    }

    /// Of the whole message.
    fn length(&self, head: &[u8]) -> Result<usize, ParseError> {
        let length = head.len().saturating_add(self.content_length(head)?);
        match length > self.limits.message {
            true if head.len() > self.limits.message => Err(self.too_long()),
            true => Err(ParseError::new("body", head.len(), ErrorKind::TooLong)),
            false => Ok(length),
        }
    }

    fn content_length(&self, head: &[u8]) -> Result<usize, ParseError> {
        let mut lines = Lines::from(0);
        let headers = lines.next_end(head).map_or(head.len(), |newline| newline.saturating_add(1));
        let mut index = Index::new();
        index.scan(head, lines, headers, &self.limits)?;
        index.content_length(head)?.ok_or_else(|| ParseError::new("Content-Length", head.len(), ErrorKind::Missing))
    }

    fn take(&mut self, used: usize) {
        self.start = self.start.saturating_add(used);
        self.searched = self.start;
    }

    /// Makes room: everything before `start` has been handed out.
    fn discard_used(&mut self) {
        if self.start == 0 {
            return;
        }
        self.buf.drain(..self.start.min(self.buf.len()));
        self.searched = self.searched.saturating_sub(self.start);
        self.end = self.end.map(|end| end.saturating_sub(self.start));
        self.start = 0;
        // A rare large message does not keep its room for ever.
        if self.buf.is_empty() && self.buf.capacity() > IDLE_CAPACITY {
            self.buf = Vec::new();
        }
    }
}

/// What an idle decoder may keep, in bytes.
const IDLE_CAPACITY: usize = 4096;

/// Whether a datagram is a keep-alive: nothing but line ends and NULs (RFC 3261 section 7.5, RFC 5626 section 3.5.1).
pub fn is_keep_alive(datagram: &[u8]) -> bool {
    datagram.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(decoder: &mut StreamDecoder) -> Result<Vec<Frame>, ParseError> {
        std::iter::from_fn(|| decoder.next_frame().transpose()).collect()
    }

    fn message(body: &str) -> String {
        format!("A b SIP/2.0\r\nTo:\r\n x\r\nl: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn byte_by_byte_or_all_at_once() {
        let stream = format!("\r\n{}\r\n\r\n\r\n{}\r\n\r\n", message("hello"), message(""));
        let expected =
            [Frame::Message(message("hello").into()), Frame::Ping, Frame::Message(message("").into()), Frame::Ping];
        let mut decoder = StreamDecoder::new(&Limits::default());
        decoder.push(stream.as_bytes());
        assert_eq!(frames(&mut decoder).unwrap(), expected);
        let mut one_by_one = Vec::new();
        for byte in stream.bytes() {
            decoder.push(&[byte]);
            one_by_one.extend(frames(&mut decoder).unwrap());
        }
        assert_eq!(one_by_one, expected);
        assert_eq!(decoder.pending(), 0);
    }

    #[test]
    fn pongs_are_for_who_opened() {
        let mut decoder = StreamDecoder::for_opener(&Limits::default());
        decoder.push(b"\r");
        assert_eq!(decoder.next_frame(), Ok(None));
        decoder.push(b"\n");
        assert_eq!(decoder.next_frame(), Ok(Some(Frame::Pong)));
        assert_eq!(decoder.next_frame(), Ok(None));
    }

    #[test]
    fn a_stream_needs_a_content_length() {
        let of = |text: &str| {
            let mut decoder = StreamDecoder::new(&Limits::default());
            decoder.push(text.as_bytes());
            let error = frames(&mut decoder).unwrap_err();
            decoder.push(b"\r\n\r\n");
            assert_eq!(decoder.next_frame(), Err(error.clone()), "there is no way back");
            assert_eq!(decoder.pending(), 0);
            error.to_string()
        };
        assert_eq!(of("A b SIP/2.0\r\n\r\n"), "Content-Length is missing");
        assert_eq!(of("A b SIP/2.0\r\nl: -1\r\n\r\n"), "Content-Length: expected a number at byte 16");
        assert_eq!(
            of("A b SIP/2.0\r\nl: 1\r\nl: 2\r\n\r\n"),
            "Content-Length: stands more than once, again at byte 22"
        );
        assert_eq!(of("A b SIP/2.0\r\nl: 70000\r\n\r\n"), "body: too long at byte 25");
        assert_eq!(of(&"x".repeat(65_536)), "message: too long at byte 65535");
    }

    #[test]
    fn nothing_is_searched_twice() {
        let mut decoder = StreamDecoder::new(&Limits::default());
        for text in ["A b SIP/2.0", "\r\nTo: a very long value", "X: y\r\n", "\r"] {
            decoder.push(text.as_bytes());
            assert_eq!(decoder.next_frame(), Ok(None));
            let last = decoder.buf.iter().rposition(|byte| *byte == b'\n').filter(|at| at + 3 > decoder.buf.len());
            assert_eq!(decoder.searched, last.unwrap_or(decoder.buf.len()));
        }
    }

    #[test]
    fn large_messages_do_not_keep_their_room() {
        let mut decoder = StreamDecoder::new(&Limits::default());
        decoder.push(message(&"x".repeat(60_000)).as_bytes());
        assert_eq!(frames(&mut decoder).unwrap().len(), 1);
        decoder.push(b"");
        assert!(decoder.buf.capacity() <= IDLE_CAPACITY);
    }

    #[test]
    fn keep_alive_datagrams() {
        assert!(is_keep_alive(b"\r\n\r\n") && is_keep_alive(b"\0\0\0\0") && is_keep_alive(b""));
        assert!(!is_keep_alive(b"\r\nx"));
    }
}
