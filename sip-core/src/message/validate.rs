//! Whether a message is fit for processing (RFC 3261 sections 8.1.3, 8.2.2 and 16.3): the checks that need no state.

use super::error::{ErrorKind, ParseError};
use super::{Fields, Method, Name, Request, Response, StatusCode, UriRef};
use std::borrow::Cow;
use std::fmt;

/// A request that cannot be processed: the answer it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// 400, 413, 416, 501, 505 or 513.
    pub status: StatusCode,
    /// The reason phrase: what is wrong, where. Fit for a status line.
    pub reason: Cow<'static, str>,
    /// The field that could not be read, where that was the cause.
    pub error: Option<ParseError>,
}

impl Request {
    /// Whether the request is fit for processing: the top Via, From, To, Call-ID and CSeq are there, all but Via once, and can be read; the
    /// methods agree; Max-Forwards, if there, is within 0 to 255; the Request-URI is a URI of a scheme SIP can serve,
    /// without header components; a Contact that sets up or moves a dialog or a binding can be read.
    ///
    /// Left to others: Require (420), the content (413, 415), loops (482), authorization. What only RFC 3261 made
    /// mandatory (a branch, a From tag, Max-Forwards) may be missing: RFC 2543 elements are served.
    ///
    /// # Errors
    ///
    /// The response to send. An ACK is not answered: drop it.
    pub fn check(&self) -> Result<(), Rejection> {
        common(self)?;
        let cseq = self.cseq()?;
        if cseq.method != *self.method() {
            // Nobody knows how to route an unknown method: 501 says more (RFC 4475 section 3.1.2.18).
            return Err(match self.method() {
                Method::Extension(_) => Rejection::new(StatusCode::NOT_IMPLEMENTED, "Not Implemented"),
                _ => Rejection::new(StatusCode::BAD_REQUEST, "CSeq Method Does Not Match"),
            });
        }
        if self.max_forwards()?.is_some_and(|hops| hops > 255) {
            return Err(Rejection::new(StatusCode::BAD_REQUEST, "Max-Forwards Out of Range"));
        }
        match self.uri()? {
            UriRef::Sip(uri) if uri.headers.is_some() => {
                return Err(Rejection::new(StatusCode::BAD_REQUEST, "Headers in Request-URI"));
            }
            UriRef::Other { .. } => {
                let status = StatusCode::UNSUPPORTED_URI_SCHEME;
                return Err(Rejection::new(status, status.reason()));
            }
            _ => {}
        }
        if matches!(
            self.method(),
            Method::Invite | Method::Update | Method::Subscribe | Method::Refer | Method::Register
        ) {
            for contact in self.contacts() {
                contact?;
            }
        }
        Ok(())
    }
}

impl Response {
    /// Whether the response is fit for processing by a user agent: one Via (RFC 3261 section 8.1.3.3), and From, To,
    /// Call-ID and CSeq there, once, and readable.
    ///
    /// # Errors
    ///
    /// What is wrong. There is no answer to a response: drop it.
    pub fn check(&self) -> Result<(), ParseError> {
        let behind = common(self)?;
        self.cseq()?;
        if behind.is_empty() && self.count(Name::Via) == 1 {
            return Ok(());
        }
        match self.vias().nth(1) {
            None => Ok(()),
            Some(Ok(second)) => Err(ParseError::new("Via", self.offset_of(second.as_str()), ErrorKind::Duplicate)),
            Some(Err(error)) => Err(error),
        }
    }
}

/// What requests and responses have in common; CSeq is left to the caller. Gives what stands behind the topmost Via value in its
/// line.
fn common(fields: &Fields) -> Result<&str, ParseError> {
    let mut seen = 0_u8;
    for entry in fields.entries() {
        let bit = single(entry.name);
        if seen & bit != 0 {
            let start = entry.value_range(fields.bytes()).start;
            return Err(ParseError::new(entry.name.as_str(), start, ErrorKind::Duplicate));
        }
        seen |= bit;
    }
    let (_, behind) = fields.via_and_rest()?;
    fields.from()?;
    fields.to()?;
    fields.call_id()?;
    Ok(behind)
}

/// A bit for each header field that may stand once (RFC 3261 section 7.3.1) and matters to everyone; 0 for others.
fn single(name: Name) -> u8 {
    match name {
        Name::From => 1,
        Name::To => 2,
        Name::CallId => 4,
        Name::CSeq => 8,
        Name::MaxForwards => 16,
        Name::ContentType => 32,
        _ => 0,
    }
}

impl Rejection {
    /// A rejection with a reason phrase.
    pub fn new(status: StatusCode, reason: impl Into<Cow<'static, str>>) -> Rejection {
        Rejection { status, reason: reason.into(), error: None }
    }
}

impl From<ParseError> for Rejection {
    /// The answer to a request with this error: 505 for the version, 413 for a body that is too large, 513 for any other
    /// part that is, else 400 with the error as its reason phrase.
    fn from(error: ParseError) -> Rejection {
        let status = match error.kind() {
            ErrorKind::Version => StatusCode::VERSION_NOT_SUPPORTED,
            ErrorKind::TooLong if error.field() == "body" => StatusCode::REQUEST_ENTITY_TOO_LARGE,
            ErrorKind::TooLong | ErrorKind::TooMany => StatusCode::MESSAGE_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        };
        let reason = match status {
            StatusCode::BAD_REQUEST => ["Bad Request: ", &error.to_string()].concat().into(),
            _ => status.reason().into(),
        };
        Rejection { status, reason, error: Some(error) }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status.code(), self.reason)
    }
}

impl std::error::Error for Rejection {}

#[cfg(test)]
mod tests {
    use super::super::{Limits, Message};
    use bytes::Bytes;

    const GOOD: &str = "OPTIONS sip:b@c SIP/2.0\nVia: SIP/2.0/UDP a\nFrom: <sip:a@b>;tag=1\nTo: <sip:b@c>\n\
        Call-ID: 1\nCSeq: 1 OPTIONS\nMax-Forwards: 70\n\n";

    fn check(text: &str) -> String {
        match Message::parse(Bytes::copy_from_slice(text.as_bytes()), &Limits::default()).unwrap() {
            Message::Request(request) => {
                request.check().map_or_else(|rejection| rejection.to_string(), |()| String::new())
            }
            Message::Response(response) => response.check().map_or_else(|error| error.to_string(), |()| String::new()),
        }
    }

    #[test]
    fn requests() {
        assert_eq!(check(GOOD), "");
        let with = |from: &str, to: &str| check(&GOOD.replacen(from, to, 1));
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            assert_eq!(with(&format!("{name}:"), "X:"), format!("400 Bad Request: {name} is missing"));
        }
        assert_eq!(with("Max-Forwards: 70\n", ""), "");
        assert_eq!(with("70", "256"), "400 Max-Forwards Out of Range");
        assert_eq!(with("70", "x"), "400 Bad Request: Max-Forwards: expected a number at byte 120");
        assert_eq!(with("1 OPTIONS", "1 INVITE"), "400 CSeq Method Does Not Match");
        assert_eq!(check(&GOOD.replace("OPTIONS sip", "OPTION sip")), "501 Not Implemented");
        assert_eq!(with("sip:b@c ", "mailto:b@c "), "416 Unsupported URI Scheme");
        assert_eq!(with("sip:b@c ", "tel:+1 "), "");
        assert_eq!(with("sip:b@c ", "sip:b@c?x=y "), "400 Headers in Request-URI");
        assert_eq!(with("sip:b@c ", "b@c "), "400 Bad Request: Request-URI: expected a URI with a scheme at byte 8");
        assert!(
            with("Call-ID: 1\n", "Call-ID: 1\ni: 1\n").starts_with("400 Bad Request: Call-ID: stands more than once")
        );
        let invite = GOOD.replace("OPTIONS", "INVITE");
        assert!(
            check(&invite.replace("Max-F", "Contact: x\nMax-F"))
                .starts_with("400 Bad Request: Contact: expected a URI")
        );
    }

    #[test]
    fn responses() {
        let good = GOOD.replacen("OPTIONS sip:b@c SIP/2.0", "SIP/2.0 200 OK", 1);
        assert_eq!(check(&good), "");
        assert_eq!(
            check(&good.replace("UDP a", "UDP a, SIP/2.0/UDP b")),
            "Via: stands more than once, again at byte 35"
        );
        assert_eq!(check(&good.replace("CSeq: 1", "CSeq: 99999999999")), "CSeq: number out of range at byte 87");
    }
}
