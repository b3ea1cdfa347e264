//! The work that is measured, by the gate of `make test` and by `make bench`: the same messages and the same calls,
//! through the public API of the core.

pub mod callee;
pub mod counting;
pub mod cycle;
pub mod instructions;
pub mod messages;

use std::hint::black_box;

use bytes::Bytes;
use offhook_core::message::{Builder, Limits, Message, Name, Request, StatusCode};
use offhook_core::transaction::respond_to;

/// Reads the INVITE: the index.
pub fn parse_index(message: &Bytes, limits: &Limits) -> Message {
    Message::parse(message.clone(), limits).expect("a message")
}

/// Reads the INVITE, then Via, From, To, Call-ID, CSeq and Contact with their types.
pub fn parse_typed(message: &Bytes, limits: &Limits) -> Message {
    let read = parse_index(message, limits);
    let fields = read.fields();
    black_box(fields.via().expect("a Via"));
    black_box(fields.from().expect("a From").tag());
    black_box(fields.to().expect("a To").tag());
    black_box(fields.call_id().expect("a Call-ID"));
    black_box(fields.cseq().expect("a CSeq"));
    black_box(fields.contacts().next().expect("a Contact").expect("an address"));
    read
}

/// Builds and writes the 200 to the INVITE: with a Contact, what is supported, and a description.
pub fn build_200(invite: &Request) -> Bytes {
    let source = ([192, 0, 2, 4], 5060).into();
    let mut builder: Builder = respond_to(invite, source, StatusCode::OK, None, Some("314159"));
    builder.copy(Name::RecordRoute, invite);
    builder.header(Name::Contact, "<sip:bob@192.0.2.9:5060>");
    builder.header(Name::Allow, messages::ALLOW);
    builder.header(Name::Supported, "100rel, timer, replaces");
    builder.body("application/sdp", messages::ANSWER).expect("a message")
}
