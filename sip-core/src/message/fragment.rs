//! Pieces of messages: header fields without a start line, as in a MIME part, and `message/sipfrag` (RFC 3420).

use super::error::{ErrorKind, ParseError};
use super::fields::extent;
use super::index::Index;
use super::lines::Lines;
use super::{Fields, Limits, Message, grammar, parse};
use bytes::{Bytes, BytesMut};

/// Header fields and what follows the blank line after them.
///
/// A last line without its end is forgiven.
pub(crate) fn fields(bytes: Bytes, limits: &Limits) -> Result<Fields, ParseError> {
    let mut bytes = closed(bytes);
    if bytes.len() > limits.message {
        return Err(ParseError::new("body", limits.message, ErrorKind::TooLong));
    }
    let mut index = Index::new();
    let body = extent(&mut bytes, &mut index, Lines::from(0), 0, limits, false)?;
    Ok(Fields::found(bytes, index, body))
}

/// A message, whole or not, that has a start line; its body is as long as it came.
pub(crate) fn message(bytes: Bytes, limits: &Limits) -> Result<Message, ParseError> {
    parse::read(&mut closed(bytes), limits, false)
}

/// Whether the first line of the fragment is a start line rather than a header field: what stands before its first
/// colon is no name.
pub(crate) fn has_start_line(bytes: &[u8]) -> bool {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or(&[]);
    match memchr::memchr(b':', line).and_then(|colon| line.get(..colon)) {
        Some(name) => !grammar::is_token(name.trim_ascii_end()),
        None => !line.trim_ascii().is_empty(),
    }
}

/// The bytes, with a line end if the header section does not have its last.
fn closed(bytes: Bytes) -> Bytes {
    if bytes.is_empty() || bytes.ends_with(b"\n") || has_blank_line(&bytes) {
        return bytes;
    }
    let mut longer = BytesMut::with_capacity(bytes.len().saturating_add(2));
    longer.extend_from_slice(&bytes);
    longer.extend_from_slice(b"\r\n");
    longer.freeze()
}

fn has_blank_line(bytes: &[u8]) -> bool {
    let mut before: &[u8] = b"x";
    for line in bytes.split(|byte| *byte == b'\n') {
        // The first line of a MIME part may be the blank one.
        if matches!(before, b"" | b"\r") {
            return true;
        }
        before = line;
    }
    false
}
