//! Writing multipart bodies.

use super::multipart::boundary_param;
use crate::message::{BuildError, Name};
use bytes::Bytes;

/// Writes a multipart body.
///
/// ```
/// use offhook_core::body::{Multipart, MultipartWriter};
/// use offhook_core::message::Name;
/// let mut writer = MultipartWriter::new("mixed", "offhook");
/// writer.part("application/sdp", &[], b"v=0\r\n");
/// writer.part("text/plain", &[(Name::ContentDisposition, "render;handling=optional")], b"hello");
/// let (content_type, body) = writer.finish()?;
/// assert_eq!(content_type, "multipart/mixed;boundary=offhook");
/// assert_eq!(Multipart::parse(&content_type, body).unwrap().parts()[1].body(), "hello");
/// # Ok::<(), offhook_core::message::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct MultipartWriter {
    subtype: Box<str>,
    boundary: String,
    parts: Vec<(Vec<u8>, Vec<u8>)>,
    error: Option<BuildError>,
}

impl MultipartWriter {
    /// A body of that subtype: `mixed`, `alternative`, `related` …
    ///
    /// `boundary` is what to use; where it stands in the content of a part, something is added to it.
    pub fn new(subtype: &str, boundary: &str) -> MultipartWriter {
        MultipartWriter { subtype: subtype.into(), boundary: boundary.to_owned(), parts: Vec::new(), error: None }
    }

    /// Adds a part.
    pub fn part(&mut self, content_type: &str, fields: &[(Name, &str)], body: &[u8]) -> &mut Self {
        let mut head = Vec::new();
        for (name, value) in [(Name::ContentType, content_type)].iter().chain(fields) {
            if let Some(offset) = value.bytes().position(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
                self.refuse(name.as_str(), offset, "a line end or NUL");
            }
            for text in [name.as_str(), ": ", value, "\r\n"] {
                head.extend_from_slice(text.as_bytes());
            }
        }
        self.parts.push((head, body.to_owned()));
        self
    }

    /// The value of Content-Type and the body.
    ///
    /// # Errors
    ///
    /// A value with CR, LF or NUL; a boundary that is empty, longer than 60 characters or holds other characters than
    /// letters, digits and `'()+_,-./:=?`; a subtype that is no token.
    pub fn finish(mut self) -> Result<(String, Bytes), BuildError> {
        let is_boundary = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&byte);
        if self.boundary.is_empty() || self.boundary.len() > 60 || !self.boundary.bytes().all(is_boundary) {
            self.refuse("boundary", 0, "no boundary of 1 to 60 characters");
        }
        if self.subtype.is_empty() || !self.subtype.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            self.refuse("Content-Type", 0, "no subtype");
        }
        if let Some(error) = self.error {
            return Err(error);
        }
        let boundary = free(&self.boundary, &self.parts);
        let mut body = Vec::new();
        for (head, content) in &self.parts {
            for bytes in [b"--", boundary.as_bytes(), b"\r\n", head, b"\r\n", content, b"\r\n"] {
                body.extend_from_slice(bytes);
            }
        }
        for bytes in [&b"--"[..], boundary.as_bytes(), b"--\r\n"] {
            body.extend_from_slice(bytes);
        }
        let content_type = ["multipart/", &self.subtype, ";boundary=", &boundary_param(&boundary)].concat();
        Ok((content_type, body.into()))
    }

    fn refuse(&mut self, field: &str, offset: usize, reason: &'static str) {
        if self.error.is_none() {
            self.error = Some(BuildError { field: field.into(), offset, reason });
        }
    }
}

/// The boundary, or the first of `boundary-1`, `boundary-2` … that stands in no part. Each part holds but a finite number
/// of them.
fn free(boundary: &str, parts: &[(Vec<u8>, Vec<u8>)]) -> String {
    let stands =
        |boundary: &str| parts.iter().any(|(_, body)| memchr::memmem::find(body, boundary.as_bytes()).is_some());
    let mut candidate = boundary.to_owned();
    let mut number = 0_u32;
    while stands(&candidate) && number < u32::MAX {
        number = number.saturating_add(1);
        candidate = [boundary, "-", &number.to_string()].concat();
    }
    candidate
}

#[cfg(test)]
mod tests {
    use super::super::Multipart;
    use super::*;

    #[test]
    fn a_boundary_that_stands_in_a_part_is_changed() {
        let mut inner = MultipartWriter::new("alternative", "b");
        inner.part("text/plain", &[], b"--b-1\r\n");
        let (inner_type, inner_body) = inner.finish().unwrap();
        assert_eq!(inner_type, "multipart/alternative;boundary=b-2");
        let mut outer = MultipartWriter::new("mixed", "b");
        outer.part(&inner_type, &[(Name::ContentId, "<1@a>")], &inner_body).part("text/plain", &[], b"");
        let (content_type, body) = outer.finish().unwrap();
        let multipart = Multipart::parse(&content_type, body).unwrap();
        assert_eq!(multipart.parts()[0].body(), &inner_body);
        assert_eq!(multipart.find(|part| part.is("TEXT/plain")).unwrap().body(), "--b-1\r\n");
    }

    #[test]
    fn what_cannot_stand_in_a_part_is_refused() {
        let error = |subtype: &str, boundary: &str, content_type: &str| {
            let mut writer = MultipartWriter::new(subtype, boundary);
            writer.part(content_type, &[], b"");
            writer.finish().unwrap_err().to_string()
        };
        assert_eq!(error("mixed", "b", "a/b\r\nX: y"), "Content-Type: a line end or NUL at byte 3");
        assert_eq!(error("mixed", "a\"", "a/b"), "boundary: no boundary of 1 to 60 characters at byte 0");
        assert_eq!(error("m x", "a", "a/b"), "Content-Type: no subtype at byte 0");
    }
}
