//! The crate `ezk-sip-types`, read as `ezk-sip-core` reads a datagram.

use std::fmt::Write as _;
use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use ezk_sip_types::header::typed::{CSeq, CallID, Contact, FromTo, Via};
use ezk_sip_types::msg::{Line, MessageLine, PullParser, StatusLine};
use ezk_sip_types::parse::Parse as _;
use ezk_sip_types::{Headers, Name, StatusCode};
use offhook_workload::messages;

use super::Turn;

fn read(buffer: &Bytes) -> (MessageLine, Headers) {
    let mut parser = PullParser::new(buffer, 0);
    let mut first = None;
    let mut headers = Headers::new();
    for line in &mut parser {
        let line = std::str::from_utf8(line.expect("a line")).expect("text");
        if first.is_none() {
            first = Some(MessageLine::parse(buffer)(line).expect("a request line").1);
        } else {
            let (_, line) = Line::parse(buffer, line).expect("a field");
            headers.insert(line.name, line.value);
        }
    }
    (first.expect("a request line"), headers)
}

pub fn parse_index() -> Turn {
    let invite = messages::invite();
    Box::new(move || drop(black_box(read(&Bytes::copy_from_slice(black_box(&invite))))))
}

pub fn parse_typed() -> Turn {
    let invite = messages::invite();
    Box::new(move || {
        let (line, headers) = read(&Bytes::copy_from_slice(black_box(&invite)));
        black_box(headers.get_named::<Vec<Via>>().expect("a Via"));
        black_box(headers.get::<FromTo>(Name::FROM).expect("a From"));
        black_box(headers.get::<FromTo>(Name::TO).expect("a To"));
        black_box(headers.get_named::<CallID>().expect("a Call-ID"));
        black_box(headers.get_named::<CSeq>().expect("a CSeq"));
        black_box(headers.get_named::<Contact>().expect("a Contact"));
        black_box((line, headers));
    })
}

pub fn build_200() -> Turn {
    let (_, request) = read(&Bytes::from(messages::invite()));
    Box::new(move || {
        let mut headers = Headers::new();
        for name in [Name::VIA, Name::RECORD_ROUTE, Name::FROM, Name::CALL_ID, Name::CSEQ] {
            black_box(&request).clone_into(&mut headers, name).expect("it is there");
        }
        let mut to: FromTo = request.get(Name::TO).expect("a To");
        to.tag = Some("314159".into());
        headers.insert_type(Name::TO, &to);
        headers.insert(Name::CONTACT, "<sip:bob@192.0.2.9:5060>");
        headers.insert(Name::ALLOW, messages::ALLOW);
        headers.insert(Name::SUPPORTED, "100rel, timer, replaces");
        headers.insert(Name::CONTENT_TYPE, "application/sdp");
        headers.insert(Name::CONTENT_LENGTH, messages::ANSWER.len().to_string());
        let line = StatusLine { code: StatusCode::OK, reason: Some("OK".into()) };
        let mut buffer = BytesMut::with_capacity(1280);
        write!(buffer, "{line}\r\n{headers}\r\n").expect("room");
        buffer.extend_from_slice(messages::ANSWER);
        black_box(buffer.freeze());
    })
}
