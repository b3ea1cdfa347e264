//! The crate `rvoip-sip-core`.

use std::hint::black_box;

use offhook_workload::messages;
use rvoip_sip_core::types::sip_response::Response;
use rvoip_sip_core::{Message, StatusCode, TypedHeader, parse_message};

use super::Turn;

pub fn parse() -> Turn {
    let invite = messages::invite();
    Box::new(move || drop(black_box(parse_message(black_box(&invite)).expect("a message"))))
}

pub fn build_200() -> Turn {
    let Ok(Message::Request(request)) = parse_message(&messages::invite()) else { panic!("an INVITE") };
    // What is the same in every response is made once, as its own builders have it.
    let own: Vec<TypedHeader> = own_headers();
    Box::new(move || {
        let mut response = Response::new(StatusCode::Ok);
        for header in &black_box(&request).headers {
            match header {
                TypedHeader::Via(_)
                | TypedHeader::RecordRoute(_)
                | TypedHeader::From(_)
                | TypedHeader::CallId(_)
                | TypedHeader::CSeq(_) => response = response.with_header(header.clone()),
                TypedHeader::To(to) => {
                    response = response.with_header(TypedHeader::To(to.clone().with_tag("314159")));
                }
                _ => {}
            }
        }
        for header in &own {
            response = response.with_header(header.clone());
        }
        let message = Message::Response(response.with_body(messages::ANSWER.to_vec()));
        black_box(message.to_bytes());
    })
}

fn own_headers() -> Vec<TypedHeader> {
    let text = format!(
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n\
         Call-ID: 1\r\nCSeq: 1 INVITE\r\nContact: <sip:bob@192.0.2.9:5060>\r\nAllow: {}\r\n\
         Supported: 100rel, timer, replaces\r\nContent-Type: application/sdp\r\nContent-Length: 0\r\n\r\n",
        messages::ALLOW
    );
    let Ok(Message::Response(response)) = parse_message(text.as_bytes()) else { panic!("a response") };
    let own = |header: &TypedHeader| {
        matches!(
            header,
            TypedHeader::Contact(_) | TypedHeader::Allow(_) | TypedHeader::Supported(_) | TypedHeader::ContentType(_)
        )
    };
    response.headers.into_iter().filter(own).collect()
}
