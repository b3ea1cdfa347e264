//! One part of a multipart body.

use super::multipart::Multipart;
use crate::message::{self, Fields, Item, Limits, Name, ParseError};
use bytes::Bytes;

/// What RFC 2045 section 5.2 takes a part without Content-Type for.
const DEFAULT_TYPE: &str = "text/plain";

/// One part of a multipart body: header fields and content.
#[derive(Clone, Debug)]
pub struct Part {
    fields: Fields,
    body: Bytes,
    offset: usize,
}

impl Part {
    /// Reads what stands between two delimiters. `head` and `body` are what the blank line divides.
    pub(super) fn read(head: Bytes, body: Bytes, offset: usize, limits: &Limits) -> Result<Part, ParseError> {
        Ok(Part { fields: message::fragment_fields(head, limits)?, body, offset })
    }

    /// The header fields of the part, without its content: Content-Type, Content-ID, Content-Disposition …
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The content; it shares the message's memory.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Where the part starts in the multipart body it was taken from.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Content-Type without its parameters, as written; `text/plain` if there is none that can be read
    /// (RFC 2045 section 5.2).
    pub fn content_type(&self) -> &str {
        self.fields.content_type().ok().flatten().unwrap_or(DEFAULT_TYPE)
    }

    /// Whether this is the media type, in any case.
    pub fn is(&self, media_type: &str) -> bool {
        self.content_type().eq_ignore_ascii_case(media_type)
    }

    /// Content-Disposition, if there is one: `session`, `render`, `icon` …
    pub fn disposition(&self) -> Option<Item<'_>> {
        self.fields.item(Name::ContentDisposition)
    }

    /// Whether the part may be ignored by who does not understand it: `handling=optional` (RFC 5621 section 5).
    pub fn is_optional(&self) -> bool {
        is_optional(&self.fields)
    }

    /// Content-ID without its angle brackets.
    pub fn content_id(&self) -> Option<&str> {
        let id = self.fields.text(Name::ContentId).ok().flatten()?.trim();
        let id = id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or(id);
        (!id.is_empty()).then_some(id)
    }

    /// The parts of this part, if it is multipart itself.
    ///
    /// # Errors
    ///
    /// As of [`Multipart::parse`]; offsets count from the start of this part's content.
    pub fn multipart(&self) -> Result<Option<Multipart>, ParseError> {
        Multipart::within(&self.fields, &self.body)
    }
}

/// `handling=optional`; the default is `required`.
pub(super) fn is_optional(fields: &Fields) -> bool {
    fields
        .item(Name::ContentDisposition)
        .and_then(|item| item.params.value("handling"))
        .is_some_and(|handling| handling.eq_ignore_ascii_case("optional"))
}
