//! Streams as captures have them: segments in order again, cut into messages. SIP over TCP, and over WebSocket in the clear.

use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;

use bytes::Bytes;
use offhook::core::message::{Frame, Limits, StreamDecoder};
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::packets::{Ends, Segment};
use super::seen::is_sip;

/// How many bytes wait for a segment that is missing; then the stream goes on without it.
const WAITING: usize = 1 << 18;

/// The longest WebSocket message, and the longest handshake.
const LONGEST: usize = 1 << 20;

/// All streams, each direction by itself.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: HashMap<Ends, Stream>,
}

#[derive(Debug)]
struct Stream {
    /// The number of the next byte.
    next: u32,
    /// Segments that came too early, by their distance from `next` when they came.
    early: BTreeMap<u32, Vec<u8>>,
    waiting: usize,
    framing: Framing,
}

/// What is spoken.
#[derive(Debug)]
enum Framing {
    /// Nothing yet that tells.
    Unknown,
    Sip(Box<StreamDecoder>),
    /// The head of a request or a response of HTTP.
    Handshake(Vec<u8>),
    WebSocket(WebSocket),
    /// TLS, or something else.
    Other,
}

#[derive(Debug, Default)]
struct WebSocket {
    buffer: Vec<u8>,
    /// The fragments of a message so far.
    message: Vec<u8>,
}

impl Streams {
    /// Takes a segment in; gives the messages that are whole by it, and how they travel.
    pub(super) fn push(&mut self, ends: Ends, segment: &Segment<'_>) -> (Vec<Bytes>, &'static str) {
        if segment.syn {
            self.open.insert(ends, Stream::new(segment.number.wrapping_add(1)));
        }
        if segment.bytes.is_empty() {
            if segment.last {
                self.open.remove(&ends);
            }
            return (Vec::new(), "TCP");
        }
        // One that was there before the capture began.
        let stream = self.open.entry(ends).or_insert_with(|| Stream::new(segment.number));
        stream.push(segment.number, segment.bytes);
        let messages = stream.messages();
        let transport = if matches!(stream.framing, Framing::WebSocket(_)) { "WS" } else { "TCP" };
        if segment.last {
            self.open.remove(&ends);
        }
        (messages, transport)
    }
}

impl Stream {
    fn new(next: u32) -> Stream {
        Stream { next, early: BTreeMap::new(), waiting: 0, framing: Framing::Unknown }
    }

    fn push(&mut self, number: u32, bytes: &[u8]) {
        self.waiting += bytes.len();
        // Of copies the longest is kept.
        let kept = self.early.entry(number).or_default();
        if kept.len() < bytes.len() {
            *kept = bytes.to_vec();
        }
    }

    /// What is in order now, and whether something is missing before it.
    fn ready(&mut self) -> Vec<(bool, Vec<u8>)> {
        let mut ready = Vec::new();
        let mut missing = false;
        loop {
            // Numbers go round: what is less than half of them ahead is still to come.
            let ahead = |number: u32| number.wrapping_sub(self.next).cast_signed();
            let found = self.early.keys().copied().min_by_key(|number| ahead(*number));
            let Some(first) = found else { break };
            let distance = ahead(first);
            if distance > 0 {
                if self.waiting <= WAITING {
                    break;
                }
                // What is missing was not captured.
                self.next = first;
                missing = true;
                continue;
            }
            let bytes = self.early.remove(&first).unwrap_or_default();
            self.waiting = self.early.values().map(Vec::len).sum();
            let known = usize::try_from(distance.unsigned_abs()).unwrap_or(usize::MAX);
            if let Some(new) = bytes.get(known..).filter(|new| !new.is_empty()) {
                self.next = self.next.wrapping_add(u32::try_from(new.len()).unwrap_or(0));
                ready.push((std::mem::take(&mut missing), new.to_vec()));
            }
        }
        ready
    }

    fn messages(&mut self) -> Vec<Bytes> {
        let mut messages = Vec::new();
        for (missing, bytes) in self.ready() {
            if missing {
                self.framing = Framing::Unknown;
            }
            self.framing.take(&bytes, &mut messages);
        }
        messages
    }
}

impl Framing {
    fn take(&mut self, bytes: &[u8], messages: &mut Vec<Bytes>) {
        match self {
            Framing::Unknown => {
                *self = Framing::of(bytes);
                match self {
                    Framing::Unknown => {}
                    _ => self.take(bytes, messages),
                }
            }
            Framing::Sip(decoder) => {
                decoder.push(bytes);
                loop {
                    match decoder.next_frame() {
                        Ok(Some(Frame::Message(message))) => messages.push(message),
                        Ok(Some(Frame::Ping | Frame::Pong)) => {}
                        Ok(None) => break,
                        // The next segment may begin with a message.
                        Err(_) => {
                            *self = Framing::Unknown;
                            break;
                        }
                    }
                }
            }
            Framing::Handshake(head) => {
                head.extend_from_slice(bytes);
                let end = head.windows(4).position(|four| four == b"\r\n\r\n");
                match end.and_then(|end| head.get(end + 4..)) {
                    Some(rest) => {
                        let rest = rest.to_vec();
                        *self = Framing::WebSocket(WebSocket::default());
                        self.take(&rest, messages);
                    }
                    None if head.len() > LONGEST => *self = Framing::Other,
                    None => {}
                }
            }
            Framing::WebSocket(websocket) => {
                if websocket.take(bytes, messages).is_none() {
                    *self = Framing::Other;
                }
            }
            Framing::Other => {}
        }
    }

    /// By what a stream begins with, or a segment of one whose beginning is not known.
    fn of(bytes: &[u8]) -> Framing {
        let start = bytes.trim_ascii_start();
        if start.is_empty() {
            Framing::Unknown
        } else if is_sip(start) {
            Framing::Sip(Box::new(StreamDecoder::new(&Limits::default())))
        } else if start.starts_with(b"GET ") || start.starts_with(b"HTTP/1.1 101") {
            Framing::Handshake(Vec::new())
        } else if bytes.starts_with(&[0x16, 3]) {
            Framing::Other
        } else {
            Framing::Unknown
        }
    }
}

impl WebSocket {
    /// `None`: that is no WebSocket.
    fn take(&mut self, bytes: &[u8], messages: &mut Vec<Bytes>) -> Option<()> {
        self.buffer.extend_from_slice(bytes);
        loop {
            let mut cursor = Cursor::new(&self.buffer);
            let Some((header, length)) = FrameHeader::parse(&mut cursor).ok()? else { return Some(()) };
            let start = usize::try_from(cursor.position()).ok()?;
            let length = usize::try_from(length).ok().filter(|length| *length <= LONGEST)?;
            let Some(payload) = self.buffer.get(start..start + length) else { return Some(()) };
            let mut payload = payload.to_vec();
            if let Some(mask) = header.mask {
                payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
            }
            self.buffer.drain(..start + length);
            if let OpCode::Data(Data::Text | Data::Binary | Data::Continue) = header.opcode {
                self.message.extend_from_slice(&payload);
                if header.is_final {
                    let message = std::mem::take(&mut self.message);
                    if is_sip(&message) {
                        messages.push(message.into());
                    }
                } else if self.message.len() > LONGEST {
                    return None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends() -> Ends {
        Ends { from: ([192, 0, 2, 1], 5060).into(), to: ([192, 0, 2, 2], 5060).into() }
    }

    fn message(number: usize) -> Vec<u8> {
        format!("OPTIONS sip:b SIP/2.0\r\nCall-ID: {number}\r\nContent-Length: 2\r\n\r\nhi").into_bytes()
    }

    fn read(segments: &[(u32, &[u8])]) -> Vec<Bytes> {
        let mut streams = Streams::default();
        let push = |&(number, bytes): &(u32, &[u8])| {
            streams.push(ends(), &Segment { number, syn: false, last: false, bytes }).0
        };
        segments.iter().flat_map(push).collect()
    }

    #[test]
    fn segments_come_in_any_order_and_twice() {
        let stream: Vec<u8> = (0..3).flat_map(message).collect();
        let expected: Vec<Bytes> = (0..3).map(|number| message(number).into()).collect();
        // The numbers go round within the stream.
        let begin = u32::MAX - 20;
        let cut = |from: usize, to: usize| (begin.wrapping_add(from as u32), &stream[from..to]);
        let all = stream.len();
        assert_eq!(read(&[cut(0, 30), cut(30, 90), cut(90, all)]), expected);
        assert_eq!(read(&[cut(0, 30), cut(90, all), cut(0, 30), cut(20, 95)]), expected);
        assert_eq!(read(&[cut(0, all), cut(0, all)]), expected);
    }

    #[test]
    fn a_capture_that_begins_within_a_message_goes_on_with_the_next() {
        let (first, second) = (message(1), message(2));
        let begin = 1000;
        let read = read(&[(begin, &first[20..]), (begin + first.len() as u32 - 20, &second)]);
        assert_eq!(read, [Bytes::from(second)]);
    }

    #[test]
    fn what_was_not_captured_is_passed_over() {
        let stream: Vec<u8> = (0..10_000).flat_map(message).collect();
        let cut = |from: usize, to: usize| (from as u32, &stream[from..to]);
        let one = message(0).len();
        let mut segments = vec![cut(0, one)];
        // Of the second message the first half is missing, for ever.
        segments.extend((one + 20..stream.len()).step_by(1000).map(|from| cut(from, stream.len().min(from + 1000))));
        let read = read(&segments);
        assert!(read.len() > 9000, "{}", read.len());
        assert_eq!(read[0], message(0));
    }

    #[test]
    fn websocket_messages_are_unmasked_and_put_together() {
        let mut stream = b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n".to_vec();
        let mask = [1, 2, 3, 4];
        let mut frame = |first: u8, text: &[u8]| {
            stream.extend_from_slice(&[first, 0x80 | text.len() as u8]);
            stream.extend_from_slice(&mask);
            stream.extend(text.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        };
        let text = message(7);
        frame(0x81, &text);
        frame(0x89, b"ping");
        frame(0x01, &text[..10]);
        frame(0x80, &text[10..]);
        let bytes: Vec<(u32, &[u8])> = stream.chunks(7).enumerate().map(|(at, part)| (at as u32 * 7, part)).collect();
        assert_eq!(read(&bytes), [Bytes::from(text.clone()), Bytes::from(text)]);
    }

    #[test]
    fn tls_is_left_alone() {
        assert!(read(&[(0, &[0x16, 3, 1, 0, 5]), (5, b"OPTIONS sip:b SIP/2.0\r\n\r\n")]).is_empty());
    }
}
