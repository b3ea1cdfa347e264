//! The two requests a transaction makes by itself: ACK for a final response other than 2xx (RFC 3261 17.1.1.3) and
//! CANCEL (9.1). Both are made of the INVITE that was sent.

use bytes::Bytes;

use crate::message::{Builder, Method, Name, Request, Response};

/// The ACK for a final response other than 2xx.
pub(super) fn ack(invite: &Request, response: &Response) -> Option<Bytes> {
    let mut builder = start(invite, &Method::Ack)?;
    builder.copy(Name::To, response);
    finish(builder, invite, Method::Ack)
}

/// The CANCEL and its branch, which is the INVITE's.
pub(super) fn cancel(invite: &Request, reason: Option<&str>) -> Option<(String, Bytes)> {
    let branch = invite.via().ok()?.branch()?.to_owned();
    let mut builder = start(invite, &Method::Cancel)?;
    builder.copy(Name::To, invite);
    if let Some(reason) = reason {
        builder.header(Name::Reason, reason);
    }
    Some((branch, finish(builder, invite, Method::Cancel)?))
}

fn start(invite: &Request, method: &Method) -> Option<Builder> {
    let mut builder = Builder::request(method, invite.uri_text());
    let via = invite.raw(Name::Via).next().and_then(|line| std::str::from_utf8(line).ok())?;
    builder.header(Name::Via, via);
    builder.copy(Name::MaxForwards, invite);
    builder.copy(Name::Route, invite);
    builder.copy(Name::From, invite);
    Some(builder)
}

fn finish(mut builder: Builder, invite: &Request, method: Method) -> Option<Bytes> {
    builder.copy(Name::CallId, invite);
    let number = invite.cseq().ok()?.number.to_string();
    builder.parts(Name::CSeq, &[&number, " ", method.as_str()]);
    builder.finish().ok()
}
