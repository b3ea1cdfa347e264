//! The crate `rsip`.

use std::hint::black_box;

use ::rsip::prelude::*;
use ::rsip::{Header, Headers, Request, Response, StatusCode, Version};
use offhook_workload::messages;

use super::Turn;

fn read(message: &[u8]) -> Request {
    Request::try_from(message).expect("a request")
}

pub fn parse_index() -> Turn {
    let invite = messages::invite();
    Box::new(move || drop(black_box(read(black_box(&invite)))))
}

pub fn parse_typed() -> Turn {
    let invite = messages::invite();
    Box::new(move || {
        let request = read(black_box(&invite));
        black_box(request.via_header().expect("a Via").typed().expect("a Via"));
        black_box(request.from_header().expect("a From").typed().expect("a From"));
        black_box(request.to_header().expect("a To").typed().expect("a To"));
        black_box(request.call_id_header().expect("a Call-ID").value());
        black_box(request.cseq_header().expect("a CSeq").typed().expect("a CSeq"));
        black_box(request.contact_header().expect("a Contact").typed().expect("a Contact"));
        black_box(&request);
    })
}

pub fn build_200() -> Turn {
    let request = read(&messages::invite());
    Box::new(move || {
        let mut headers = Headers::default();
        for header in black_box(&request).headers.iter() {
            match header {
                Header::Via(_) | Header::RecordRoute(_) | Header::From(_) | Header::CallId(_) | Header::CSeq(_) => {
                    headers.push(header.clone())
                }
                Header::To(to) => {
                    headers.push(::rsip::headers::To::new(format!("{};tag=314159", to.value())).into());
                }
                _ => {}
            }
        }
        headers.push(::rsip::headers::Contact::new("<sip:bob@192.0.2.9:5060>").into());
        headers.push(::rsip::headers::Allow::new(messages::ALLOW).into());
        headers.push(::rsip::headers::Supported::new("100rel, timer, replaces").into());
        headers.push(::rsip::headers::ContentType::new("application/sdp").into());
        headers.push(::rsip::headers::ContentLength::new(messages::ANSWER.len().to_string()).into());
        let response =
            Response { status_code: StatusCode::OK, version: Version::V2, headers, body: messages::ANSWER.to_vec() };
        let bytes: Vec<u8> = response.into();
        black_box(bytes);
    })
}
