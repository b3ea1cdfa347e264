//! skeleton
use super::*;
use bytes::Bytes;
/// Limits
#[derive(Clone, Debug)]
pub struct Limits { pub message: usize, pub headers: usize, pub line: usize }
impl Default for Limits { fn default() -> Self { Limits { message: 65_535, headers: 256, line: 16_384 } } }

/// A whole message.
#[derive(Clone, Debug)]
pub enum Message { Request(Request), Response(Response) }
/// A request: method, Request-URI and header fields.
#[derive(Clone, Debug)]
pub struct Request { fields: Fields, method: Method }
/// A response
#[derive(Clone, Debug)]
pub struct Response { fields: Fields, status: StatusCode }
/// The header fields and the body: one buffer and an index into it.
#[derive(Clone, Debug)]
pub struct Fields { buf: Bytes }

impl Message {
    /// Reads one datagram, one WebSocket message or one framed stream message.
    pub fn parse(_bytes: Bytes, _limits: &Limits) -> Result<Message, ParseError> { todo!() }
    pub fn fields(&self) -> &Fields { todo!() }
}
impl Request {
    pub fn method(&self) -> &Method { &self.method }
    /// The Request-URI as written.
    pub fn uri_text(&self) -> &str { todo!() }
    pub fn uri(&self) -> Result<UriRef<'_>, ParseError> { todo!() }
}
impl std::ops::Deref for Request { type Target = Fields; fn deref(&self) -> &Fields { &self.fields } }
impl Response {
    pub fn status(&self) -> StatusCode { self.status }
    pub fn reason(&self) -> &str { todo!() }
}
impl std::ops::Deref for Response { type Target = Fields; fn deref(&self) -> &Fields { &self.fields } }

impl Fields {
    /// The whole message as it came.
    pub fn bytes(&self) -> &Bytes { &self.buf }
    pub fn body(&self) -> &[u8] { todo!() }
    /// Each field's (name as written, raw value) in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> { std::iter::empty() }
    /// Raw values of the known header, one per line.
    pub fn raw(&self, _name: Name) -> impl Iterator<Item = &[u8]> { std::iter::empty() }
    pub fn contains(&self, _name: Name) -> bool { todo!() }
    /// First value of the header as text, if there.
    pub fn text(&self, _name: Name) -> Result<Option<&str>, ParseError> { todo!() }
    /// First value of a header by its name as text (any case, any header, known or not).
    pub fn named(&self, _name: &str) -> Option<&str> { todo!() }
    pub fn via(&self) -> Result<Via<'_>, ParseError> { todo!() }
    pub fn vias(&self) -> impl Iterator<Item = Result<Via<'_>, ParseError>> { std::iter::empty() }
    pub fn from(&self) -> Result<NameAddrRef<'_>, ParseError> { todo!() }
    pub fn to(&self) -> Result<NameAddrRef<'_>, ParseError> { todo!() }
    pub fn call_id(&self) -> Result<&str, ParseError> { todo!() }
    pub fn cseq(&self) -> Result<CSeq<'_>, ParseError> { todo!() }
    pub fn max_forwards(&self) -> Result<Option<u32>, ParseError> { todo!() }
    pub fn expires(&self) -> Result<Option<u32>, ParseError> { todo!() }
    pub fn number(&self, _name: Name) -> Result<Option<u32>, ParseError> { todo!() }
    pub fn contacts(&self) -> impl Iterator<Item = Result<ContactValue<'_>, ParseError>> { std::iter::empty() }
    /// Comma separated name-addr list headers: Route, Record-Route, Path, Service-Route, P-Asserted-Identity…
    pub fn addresses(&self, _name: Name) -> impl Iterator<Item = Result<NameAddrRef<'_>, ParseError>> { std::iter::empty() }
    /// Require, Supported, Allow …: all tokens over all lines.
    pub fn tokens(&self, _name: Name) -> TokenList<'_> { todo!() }
    pub fn content_type(&self) -> Result<Option<&str>, ParseError> { todo!() }
    /// WWW-Authenticate or Proxy-Authenticate: all challenges over all lines.
    pub fn challenges(&self, _name: Name) -> impl Iterator<Item = Result<Challenge<'_>, ParseError>> { std::iter::empty() }
    /// Authorization or Proxy-Authorization.
    pub fn credentials(&self, _name: Name) -> impl Iterator<Item = Result<Credentials<'_>, ParseError>> { std::iter::empty() }
}
