//! Bodies: what a message carries beside its header fields.
//!
//! [`Multipart`] takes MIME bodies of several parts apart and writes them (RFC 2046, RFC 5621), [`Fragment`] reads
//! `message/sipfrag` (RFC 3420), [`MessageSummary`] reads and writes `application/simple-message-summary` (RFC 3842).
//! [`find`] looks a body up wherever it stands in a message.
//!
//! ```
//! use bytes::Bytes;
//! use offhook_core::body;
//! use offhook_core::message::{Limits, Message};
//!
//! let invite = "INVITE sip:bob@example.com SIP/2.0\r\nContent-Type: multipart/mixed;boundary=x\r\n\r\n\
//!     --x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--x\r\nContent-Type: image/png\r\n\r\n(a face)\r\n--x--\r\n";
//! let message = Message::parse(Bytes::from(invite), &Limits::default())?;
//! let sdp = body::find(message.fields(), "application/sdp")?.unwrap();
//! assert_eq!(sdp, "v=0\r\n");
//! # Ok::<(), offhook_core::message::ParseError>(())
//! ```
//!
//! This layer does not interpret descriptions (see [`crate::sdp`]) nor the XML of event packages, and neither encrypts nor
//! verifies.

mod message_summary;
mod multipart;
mod part;
mod sipfrag;
mod writer;

pub use message_summary::{MessageCounts, MessageSummary};
pub use multipart::{MAX_DEPTH, MAX_PARTS, Multipart};
pub use part::Part;
pub use sipfrag::{Fragment, fragment_status};
pub use writer::MultipartWriter;

use crate::message::{Fields, ParseError};
use bytes::Bytes;

/// The body of that media type, in any case: the message's own, or the first such part of its multipart body at any depth
/// (up to [`MAX_DEPTH`]).
///
/// # Errors
///
/// Content-Type is no media type, or the multipart body cannot be taken apart.
pub fn find(fields: &Fields, media_type: &str) -> Result<Option<Bytes>, ParseError> {
    if fields.body().is_empty() {
        return Ok(None);
    }
    if fields.content_type()?.is_some_and(|found| found.eq_ignore_ascii_case(media_type)) {
        return Ok(Some(fields.body_bytes()));
    }
    let Some(multipart) = Multipart::of(fields)? else { return Ok(None) };
    Ok(multipart.find(|part| part.is(media_type)).map(|part| part.body().clone()))
}

/// The media type of the first body or part of a body that must be understood and is not: answer it with 415
/// (RFC 3261 section 8.2.3, RFC 5621 section 5). `understood` is asked for each media type, in lower case.
///
/// A part with `handling=optional` may be ignored; of `multipart/alternative` one part is enough; of
/// `multipart/related` the root counts.
///
/// # Errors
///
/// As of [`find`].
pub fn not_understood(fields: &Fields, mut understood: impl FnMut(&str) -> bool) -> Result<Option<String>, ParseError> {
    if fields.body().is_empty() {
        return Ok(None);
    }
    let Some(media_type) = fields.content_type()? else { return Ok(None) };
    match Multipart::of(fields)? {
        Some(multipart) => Ok(multipart.not_understood(&mut understood)),
        None => {
            let media_type = media_type.to_ascii_lowercase();
            let optional = part::is_optional(fields);
            Ok(Some(media_type).filter(|media_type| !optional && !understood(media_type)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Limits, Message};

    fn fields(text: &str) -> Fields {
        let text = ["INVITE sip:a SIP/2.0\r\n", &text.replace('\n', "\r\n")].concat();
        Message::parse(Bytes::from(text), &Limits::default()).unwrap().fields().clone()
    }

    #[test]
    fn a_body_is_found_wherever_it_stands() {
        let alone = fields("c: Application/SDP;x=y\n\nv=0");
        assert_eq!(find(&alone, "application/sdp"), Ok(Some("v=0".into())));
        assert_eq!(find(&alone, "text/plain"), Ok(None));
        let nested = fields(
            "c: multipart/mixed; boundary=\"a\"\n\n--a\nc: text/plain\n\nhi\n--a\nContent-Type: multipart/alternative;\n \
             boundary=b\n\n--b\nc: text/html\n\n<p>\n--b\nc: application/sdp\n\nv=0\n--b--\n--a--",
        );
        assert_eq!(find(&nested, "application/SDP"), Ok(Some("v=0".into())));
        assert_eq!(find(&fields("c: application/sdp\n\n"), "application/sdp"), Ok(None));
        assert!(find(&fields("c: multipart/mixed\n\nx"), "application/sdp").is_err());
    }

    #[test]
    fn what_must_be_understood() {
        let of = |text: &str, known: &[&str]| not_understood(&fields(text), |found| known.contains(&found)).unwrap();
        assert_eq!(of("c: text/PLAIN\n\nx", &[]).as_deref(), Some("text/plain"));
        assert_eq!(of("c: text/plain\nContent-Disposition: render;handling=optional\n\nx", &[]), None);
        assert_eq!(of("c: text/plain\n\n", &[]), None);
        let mixed = "c: multipart/mixed;boundary=a\n\n--a\nc: application/sdp\n\n1\n--a\nc: image/png\n\
                     Content-Disposition: icon ; handling=Optional\n\n2\n--a\nc: x/y\n\n3\n--a--";
        assert_eq!(of(mixed, &["application/sdp"]).as_deref(), Some("x/y"));
        assert_eq!(of(mixed, &["application/sdp", "x/y"]), None);
        let alternative = mixed.replace("mixed", "alternative");
        assert_eq!(of(&alternative, &["application/sdp"]), None);
        assert_eq!(of(&alternative, &["text/plain"]).as_deref(), Some("multipart/alternative"));
        let related = mixed.replace("mixed", "related");
        assert_eq!(of(&related, &["application/sdp"]), None);
        assert_eq!(of(&related, &["x/y"]).as_deref(), Some("application/sdp"));
    }
}
