//! skeleton
use super::{Fields, Method, Name, StatusCode};
use bytes::Bytes;
/// Writes one message into one buffer. Values with CR, LF or NUL are refused at `finish`, naming the field.
#[derive(Debug)]
pub struct Builder { buf: Vec<u8>, error: Option<BuildError> }
/// The application passed something that cannot stand in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError { pub field: Box<str>, pub offset: usize, pub reason: &'static str }
impl std::fmt::Display for BuildError { fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { todo!() } }
impl std::error::Error for BuildError {}
impl Builder {
    pub fn request(_method: &Method, _uri: &str) -> Builder { Builder { buf: Vec::new(), error: None } }
    pub fn response(_status: StatusCode, _reason: Option<&str>) -> Builder { todo!() }
    pub fn header(&mut self, _name: Name, _value: &str) -> &mut Self { todo!() }
    /// The value is the concatenation of the parts; nothing is allocated.
    pub fn parts(&mut self, _name: Name, _parts: &[&str]) -> &mut Self { todo!() }
    pub fn number(&mut self, _name: Name, _value: u32) -> &mut Self { todo!() }
    /// A header by its text name.
    pub fn named(&mut self, _name: &str, _value: &str) -> &mut Self { todo!() }
    /// Copies every line of that header from a received message, in order (unfolded).
    pub fn copy(&mut self, _name: Name, _from: &Fields) -> &mut Self { todo!() }
    /// Ends the header section: Content-Type and Content-Length and the body.
    pub fn body(self, _content_type: &str, _body: &[u8]) -> Result<Bytes, BuildError> { let _ = (self.buf, self.error); todo!() }
    /// Ends the message with `Content-Length: 0`.
    pub fn finish(self) -> Result<Bytes, BuildError> { todo!() }
}
