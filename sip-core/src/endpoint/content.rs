//! Whether the body of a request can be understood, and what to answer when not (RFC 3261 8.2.3, RFC 5621).

use std::borrow::Cow;

use crate::body::not_understood;
use crate::message::{Item, Method, Name, ParseError, Request, StatusCode};
use crate::sdp::SdpRef;
use crate::time::Instant;
use crate::transaction::ServerId;
use crate::transport::Path;

use super::{Endpoint, media};

/// The media type of session descriptions.
pub(super) const SDP: &str = "application/sdp";
/// Bodies we can read, for Accept.
pub(super) const ACCEPT: &str = "application/sdp, multipart/mixed, multipart/alternative, multipart/related, application/dtmf-relay, application/dtmf, \
     text/plain";
/// For Accept-Encoding.
pub(super) const ENCODING: &str = "identity";

/// Why a body cannot be understood.
#[derive(Debug, PartialEq, Eq)]
enum Unfit {
    /// It is compressed, or worse.
    Encoding,
    /// A type that is not read here, and must be.
    MediaType,
    /// What is wrong with it, as a reason phrase.
    Malformed(String),
}

impl Endpoint {
    /// Answers a request whose body cannot be understood; `false` if it can.
    pub(super) fn refuse_content(&mut self, now: Instant, server: ServerId, request: &Request, source: Path) -> bool {
        let Err(unfit) = check(request) else { return false };
        let unsupported = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        match unfit {
            Unfit::Encoding => {
                self.refuse(now, server, request, source, unsupported, &[("Accept-Encoding", ENCODING)]);
            }
            Unfit::MediaType => self.refuse(now, server, request, source, unsupported, &[("Accept", ACCEPT)]),
            Unfit::Malformed(phrase) => {
                self.refuse_with(now, server, request, source, StatusCode::BAD_REQUEST, Some(&phrase), &[]);
            }
        }
        true
    }
}

impl Endpoint {
    /// Answers an INVITE whose sender takes no session description in return (RFC 4475 3.3.15); `false` if it does.
    pub(super) fn refuse_taste(&mut self, now: Instant, server: ServerId, request: &Request, source: Path) -> bool {
        if *request.method() != Method::Invite || takes_descriptions(request) {
            return false;
        }
        let warning = [("Warning", "399 - \"the answer would be application/sdp, which Accept does not list\"")];
        self.refuse(now, server, request, source, StatusCode::NOT_ACCEPTABLE, &warning);
        true
    }
}

/// Without Accept descriptions are taken; an empty one takes nothing (20.1).
fn takes_descriptions(request: &Request) -> bool {
    let fits = |item: Item<'_>| {
        let (kind, subtype) = item.value.split_once('/').unwrap_or((item.value, ""));
        let whole = kind == "*" || kind.eq_ignore_ascii_case("multipart");
        whole || (kind.eq_ignore_ascii_case("application") && (subtype == "*" || subtype.eq_ignore_ascii_case("sdp")))
    };
    !request.contains(Name::Accept) || request.items(Name::Accept).any(fits)
}

/// A call ends whatever the body of the BYE is. Of requests that carry an offer or an answer the description is read; the
/// bodies of others are for who asked for them, once they are not encoded.
fn check(request: &Request) -> Result<(), Unfit> {
    if request.body().is_empty() || matches!(request.method(), Method::Ack | Method::Bye | Method::Cancel) {
        return Ok(());
    }
    if !request.tokens(Name::ContentEncoding).all(|coding| coding.eq_ignore_ascii_case(ENCODING)) {
        return Err(Unfit::Encoding);
    }
    if !matches!(request.method(), Method::Invite | Method::Update | Method::Prack) {
        return Ok(());
    }
    if not_understood(request, |media_type| media_type == SDP)?.is_some() {
        return Err(Unfit::MediaType);
    }
    let Some(description) = media::description_in(request) else { return Ok(()) };
    // Some write names in the character sets of their countries: those are not needed.
    let text = str::from_utf8(&description).map_or_else(|_| String::from_utf8_lossy(&description), Cow::Borrowed);
    match SdpRef::parse(text.as_bytes()) {
        Ok(_) => Ok(()),
        Err(error) => Err(Unfit::Malformed(["Bad ", &error.to_string()].concat())),
    }
}

impl From<ParseError> for Unfit {
    fn from(error: ParseError) -> Unfit {
        Unfit::Malformed(["Bad Request: ", &error.to_string()].concat())
    }
}
