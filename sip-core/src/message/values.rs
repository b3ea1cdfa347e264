//! skeleton
use super::{Host, Method, Params, ParseError, Uri, UriRef};
/// One Via value.
#[derive(Clone, Copy, Debug)]
pub struct Via<'a> { pub transport: &'a str, pub host: Host<'a>, pub port: Option<u16>, pub params: Params<'a> }
impl<'a> Via<'a> { pub fn branch(&self) -> Option<&'a str> { self.params.value("branch") } }
/// From, To, Contact, Route…
#[derive(Clone, Copy, Debug)]
pub struct NameAddrRef<'a> { display: Option<&'a str>, uri: &'a str, pub params: Params<'a>, text: &'a str }
impl<'a> NameAddrRef<'a> {
    pub fn parse(_text: &'a str) -> Result<NameAddrRef<'a>, ParseError> { todo!() }
    /// The display name with quotes and escapes undone.
    pub fn display_name(&self) -> Option<std::borrow::Cow<'a, str>> { let _ = self.display; todo!() }
    pub fn uri_text(&self) -> &'a str { self.uri }
    pub fn uri(&self) -> Result<UriRef<'a>, ParseError> { todo!() }
    /// A non-empty tag.
    pub fn tag(&self) -> Option<&'a str> { self.params.value("tag").filter(|t| !t.is_empty()) }
    /// The value as written.
    pub fn as_str(&self) -> &'a str { self.text }
    pub fn to_owned(&self) -> NameAddr { todo!() }
}
/// An owned name-addr with parameters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameAddr { text: Box<str> }
impl NameAddr {
    pub fn parse(_text: &str) -> Result<NameAddr, ParseError> { todo!() }
    pub fn new(_display: Option<&str>, _uri: &Uri) -> NameAddr { todo!() }
    pub fn view(&self) -> NameAddrRef<'_> { todo!() }
    pub fn as_str(&self) -> &str { &self.text }
    /// `"Bob" <sip:…>` without header parameters (no tag)
    pub fn uri(&self) -> Uri { todo!() }
}
/// A Contact value.
#[derive(Clone, Copy, Debug)]
pub enum ContactValue<'a> { Star, Address(NameAddrRef<'a>) }
/// A CSeq value.
#[derive(Clone, Debug)]
pub struct CSeq<'a> { pub number: u32, pub method: Method, #[doc(hidden)] pub _a: std::marker::PhantomData<&'a ()> }
/// A challenge or credentials: scheme and parameters.
#[derive(Clone, Copy, Debug)]
pub struct Challenge<'a> { pub scheme: &'a str, raw: &'a str }
impl<'a> Challenge<'a> {
    /// A parameter, unquoted.
    pub fn param(&self, _name: &str) -> Option<std::borrow::Cow<'a, str>> { let _ = self.raw; todo!() }
}
/// Same shape as a challenge.
pub type Credentials<'a> = Challenge<'a>;
/// Iterator over comma separated tokens.
#[derive(Clone, Debug)]
pub struct TokenList<'a> { _raw: &'a str }
impl<'a> Iterator for TokenList<'a> { type Item = &'a str; fn next(&mut self) -> Option<&'a str> { todo!() } }
