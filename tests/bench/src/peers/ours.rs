//! Ourselves.

use std::hint::black_box;

use bytes::Bytes;
use offhook_core::message::{Limits, Message, Request};
use offhook_workload::messages;

use super::Turn;

fn invite() -> Bytes {
    let invite = Bytes::from(messages::invite());
    // The first clone of a buffer makes it a shared one.
    drop(invite.clone());
    invite
}

fn request() -> Request {
    match offhook_workload::parse_index(&invite(), &Limits::default()) {
        Message::Request(request) => request,
        Message::Response(_) => panic!("an INVITE"),
    }
}

/// The 200 itself.
pub fn response() -> Bytes {
    offhook_workload::build_200(&request())
}

pub fn parse_index() -> Turn {
    let (invite, limits) = (invite(), Limits::default());
    Box::new(move || drop(black_box(offhook_workload::parse_index(black_box(&invite), &limits))))
}

pub fn parse_typed() -> Turn {
    let (invite, limits) = (invite(), Limits::default());
    Box::new(move || drop(black_box(offhook_workload::parse_typed(black_box(&invite), &limits))))
}

pub fn build_200() -> Turn {
    let request = request();
    Box::new(move || drop(black_box(offhook_workload::build_200(black_box(&request)))))
}
