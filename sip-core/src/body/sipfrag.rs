//! `message/sipfrag` (RFC 3420): pieces of SIP messages, such as the status line a NOTIFY of a REFER carries.

use crate::message::{self, Fields, Limits, Message, ParseError, Request, Response, StatusCode};
use bytes::Bytes;

/// A fragment of a message: any of start line, header fields and body.
#[derive(Clone, Debug)]
pub enum Fragment {
    /// It starts with a request line.
    Request(Request),
    /// It starts with a status line.
    Response(Response),
    /// It has no start line.
    Fields(Fields),
}

impl Fragment {
    /// Reads a fragment. The end of the last line may be missing; a Content-Length that promises more than there is, as
    /// the fragment of a message with a body has one, is passed over.
    ///
    /// # Errors
    ///
    /// A first line that is neither a start line nor a header field, header fields beyond the default [`Limits`].
    /// Offsets count from the start of the fragment.
    ///
    /// ```
    /// use offhook_core::body::Fragment;
    /// let fragment = Fragment::parse("SIP/2.0 503 Service Unavailable\r\nRetry-After: 5".into())?;
    /// assert_eq!(fragment.status().unwrap().code(), 503);
    /// assert_eq!(fragment.fields().retry_after()?.unwrap().seconds, 5);
    /// # Ok::<(), offhook_core::message::ParseError>(())
    /// ```
    pub fn parse(bytes: Bytes) -> Result<Fragment, ParseError> {
        let limits = Limits::default();
        if !message::has_start_line(&bytes) {
            return message::fragment_fields(bytes, &limits).map(Fragment::Fields);
        }
        Ok(match message::fragment_message(bytes, &limits)? {
            Message::Request(request) => Fragment::Request(request),
            Message::Response(response) => Fragment::Response(response),
        })
    }

    /// The header fields and the body, maybe empty.
    pub fn fields(&self) -> &Fields {
        match self {
            Fragment::Request(request) => request,
            Fragment::Response(response) => response,
            Fragment::Fields(fields) => fields,
        }
    }

    /// The status, if the fragment starts with a status line.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Fragment::Response(response) => Some(response.status()),
            _ => None,
        }
    }
}

/// The status code and reason phrase of a fragment that starts with a status line (RFC 3515 section 2.4.5), and nothing
/// else of it.
///
/// ```
/// use offhook_core::body::fragment_status;
/// let (status, reason) = fragment_status(b"SIP/2.0 180 Ringing").unwrap();
/// assert_eq!((status.code(), reason), (180, "Ringing"));
/// ```
pub fn fragment_status(body: &[u8]) -> Option<(StatusCode, &str)> {
    let line = body.trim_ascii_start().split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
    let line = std::str::from_utf8(line).ok()?;
    let (version, rest) = line.split_once(' ')?;
    let rest = rest.trim_start();
    let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    if !version.eq_ignore_ascii_case("SIP/2.0") || code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((StatusCode::new(code.parse().ok()?)?, reason.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{ErrorKind, Method, Name};

    fn parse(text: &str) -> Fragment {
        Fragment::parse(Bytes::from(text.replace('\n', "\r\n"))).unwrap()
    }

    #[test]
    fn the_examples_of_rfc_3420() {
        let Fragment::Request(invite) = parse("INVITE sip:alice@atlanta.com SIP/2.0\nTo: a\nCall-ID: b") else {
            panic!()
        };
        assert_eq!((invite.method(), invite.call_id()), (&Method::Invite, Ok("b")));
        let identity = parse(
            "From: Alice <sip:alice@atlanta.com>\nTo: Bob <sip:bob@biloxi.com>\nContact: <sip:alice@pc33.atlanta.com>\n\
             Date: Thu, 21 Feb 2002 13:02:03 GMT\nCall-ID: a84b4c76e66710\nCseq: 314159 INVITE\n",
        );
        assert!(matches!(identity, Fragment::Fields(_)));
        assert_eq!(identity.fields().cseq().unwrap().number, 314_159);
        let ringing = parse("SIP/2.0 603 Declined\n");
        assert_eq!(ringing.status(), Some(StatusCode::DECLINE));
        let with_body = parse("INVITE sip:a SIP/2.0\nContent-Length: 999\n\nv=0\n");
        assert_eq!(with_body.fields().body(), b"v=0\r\n");
    }

    #[test]
    fn bodies_without_a_start_line() {
        let fragment = parse("Content-Type: text/plain\n\nSIP/2.0 200 OK");
        assert_eq!((fragment.status(), fragment.fields().body()), (None, &b"SIP/2.0 200 OK"[..]));
        assert_eq!(parse("\nbody").fields().body(), b"body");
        assert_eq!(parse("f : <sip:a@b>").fields().from().unwrap().uri_text(), "sip:a@b");
        assert_eq!(parse("").fields().count(Name::Via), 0);
    }

    #[test]
    fn status_lines() {
        assert_eq!(fragment_status(b"\r\nsip/2.0 200\r\nTo: x"), Some((StatusCode::OK, "")));
        assert_eq!(fragment_status(b"SIP/2.0 486  Busy Here \n"), Some((StatusCode::BUSY_HERE, "Busy Here")));
        for bad in [&b"SIP/2.0 99 No"[..], b"SIP/2.0 0200 OK", b"SIP/2.0", b"", b"SIP/3.0 200 OK", b"SIP/2.0 2x0 OK"] {
            assert_eq!(fragment_status(bad), None);
        }
    }

    #[test]
    fn errors_say_where() {
        let of = |text: &'static str| Fragment::parse(Bytes::from(text)).unwrap_err();
        assert_eq!(of("hello world").to_string(), "start line: expected a Request-URI and SIP/2.0 at byte 11");
        assert_eq!(of("SIP/2.0 20 OK").kind(), ErrorKind::OutOfRange);
    }
}
