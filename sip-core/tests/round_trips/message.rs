//! Whole messages.

use bytes::Bytes;
use offhook_core::message::{Builder, Frame, Limits, Message, Method, Name, StatusCode, StreamDecoder};
use proptest::prelude::*;

use super::field::{Field, fields, method, status};
use super::person::{Address, address};
use super::text::line;

#[derive(Clone, Debug)]
enum Start {
    Request(Method, Address),
    Response(StatusCode, String),
}

impl Start {
    fn builder(&self) -> Builder {
        match self {
            Start::Request(method, address) => Builder::request(method, address.uri().as_str()),
            Start::Response(status, phrase) => Builder::response(*status, Some(phrase)),
        }
    }

    fn check(&self, message: &Message) {
        match (self, message) {
            (Start::Request(method, address), Message::Request(request)) => {
                assert_eq!((request.method(), request.uri_text()), (method, address.uri().as_str()));
                address.check(&request.uri().unwrap());
            }
            (Start::Response(status, phrase), Message::Response(response)) => {
                assert_eq!((response.status(), response.reason()), (*status, &**phrase));
            }
            _ => panic!("{self:?} became {message:?}"),
        }
    }
}

fn start() -> impl Strategy<Value = Start> {
    prop_oneof![
        (method(), address()).prop_map(|(method, address)| Start::Request(method, address)),
        (status(), line()).prop_map(|(status, phrase)| Start::Response(status, phrase)),
    ]
}

/// As generous as whoever made the message up.
fn limits() -> Limits {
    Limits { message: 1 << 20, line: 1 << 16, ..Limits::default() }
}

/// The same message with its names written otherwise, white space where it may stand, and lines folded.
fn disfigured(bytes: &Bytes, how: u8) -> Bytes {
    let head_end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = std::str::from_utf8(&bytes[..head_end]).unwrap();
    let mut lines = head.split("\r\n");
    let mut text = lines.next().unwrap().to_owned();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        let name = match how & 3 {
            0 => compact(name).unwrap_or(name).to_owned(),
            1 => name.to_uppercase(),
            2 => name.to_lowercase(),
            _ => name.to_owned(),
        };
        let before = if how & 4 == 0 { "" } else { " \t" };
        let after = ["", "  ", "\r\n ", "\t\r\n\t \r\n "][usize::from(how >> 3 & 3)];
        let behind = if how & 32 == 0 { "" } else { " \r\n\t " };
        text += &format!("\r\n{name}{before}:{after}{value}{behind}");
    }
    let mut all = text.into_bytes();
    all.extend_from_slice(&bytes[head_end..]);
    all.into()
}

fn compact(name: &str) -> Option<&'static str> {
    let known = Name::parse(name.as_bytes());
    let letters = ["a", "b", "c", "d", "e", "f", "i", "j", "k", "l", "m", "n", "o", "r", "s", "t", "u", "v", "x", "y"];
    letters.into_iter().find(|letter| Name::parse(letter.as_bytes()) == known)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whole_messages_read_back(
        start in start(),
        fields in fields(),
        body in prop::collection::vec(any::<u8>(), 0..200),
        how in any::<u8>(),
    ) {
        let mut builder = start.builder();
        fields.iter().for_each(|field| field.write(&mut builder));
        let bytes = builder.body("application/octet-stream", &body).unwrap();
        let check = |bytes: &Bytes| {
            let message = Message::parse(bytes.clone(), &limits()).unwrap();
            start.check(&message);
            fields.iter().for_each(|field: &Field| field.check(message.fields()));
            assert_eq!(message.fields().body(), body);
            assert_eq!(message.fields().content_type(), Ok(Some("application/octet-stream")));
            message
        };

        let message = check(&bytes);
        let disfigured = disfigured(&bytes, how);
        check(&disfigured);

        // Written once more it is the same, byte for byte.
        let mut again = start.builder();
        let count = fields.len();
        for (name, value) in message.fields().iter().take(count) {
            again.named(std::str::from_utf8(name).unwrap(), std::str::from_utf8(value).unwrap());
        }
        prop_assert_eq!(again.body("application/octet-stream", &body).unwrap(), bytes.clone());

        let mut decoder = StreamDecoder::new(&limits());
        for bytes in [disfigured, bytes] {
            decoder.push(&bytes);
            prop_assert_eq!(decoder.next_frame().unwrap(), Some(Frame::Message(bytes)));
        }
    }
}
