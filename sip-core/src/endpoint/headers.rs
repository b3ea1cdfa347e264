//! Header fields of the application: which it may write, and with what.

use super::Error;
use crate::message::{Builder, Method};

/// Header fields that the endpoint writes itself: an application's would break the message.
const OWN: [&str; 19] = [
    "via",
    "v",
    "from",
    "f",
    "to",
    "t",
    "call-id",
    "i",
    "cseq",
    "content-length",
    "l",
    "content-type",
    "c",
    "contact",
    "m",
    "max-forwards",
    "session-expires",
    "x",
    "min-se",
];

pub(super) fn check_headers(headers: &[(String, String)]) -> Result<(), Error> {
    match headers.iter().find(|(name, _)| OWN.iter().any(|own| own.eq_ignore_ascii_case(name))) {
        Some((name, _)) => Err(Error::input(name, 0, "this header field is written by the endpoint itself")),
        None => check_values(headers),
    }
}

/// What the builder would refuse is refused here, before the call exists.
pub(super) fn check_values(headers: &[(String, String)]) -> Result<(), Error> {
    if headers.is_empty() {
        return Ok(());
    }
    let mut builder = Builder::request(&Method::Invite, "sip:check.invalid");
    for (name, value) in headers {
        builder.named(name, value);
    }
    builder.finish()?;
    Ok(())
}
