//! skeleton
use super::ParseError;
/// A URI, borrowed and taken apart.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum UriRef<'a> { Sip(SipUri<'a>), Tel { number: &'a str, params: Params<'a> }, Other { scheme: &'a str, rest: &'a str } }
/// sip: or sips:
#[derive(Clone, Copy, Debug)]
pub struct SipUri<'a> { pub secure: bool, pub user: Option<&'a str>, pub password: Option<&'a str>, pub host: Host<'a>, pub port: Option<u16>, pub params: Params<'a>, pub headers: Option<&'a str> }
/// A host
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host<'a> { Name(&'a str), V4(std::net::Ipv4Addr), V6(std::net::Ipv6Addr) }
/// `;name=value;flag` parameters, parsed on demand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Params<'a> { raw: &'a str }
impl<'a> Params<'a> {
    /// None: no such parameter; Some(None): a flag; values unquoted are borrowed as written.
    pub fn get(&self, _name: &str) -> Option<Option<&'a str>> { let _ = self.raw; todo!() }
    pub fn value(&self, name: &str) -> Option<&'a str> { self.get(name).flatten() }
    pub fn contains(&self, name: &str) -> bool { self.get(name).is_some() }
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> + use<'a> { std::iter::empty() }
    pub fn as_str(&self) -> &'a str { self.raw }
}
impl<'a> UriRef<'a> {
    pub fn parse(_text: &'a str) -> Result<UriRef<'a>, ParseError> { todo!() }
    pub fn as_sip(&self) -> Option<&SipUri<'a>> { todo!() }
    /// RFC 3261 19.1.4
    pub fn equivalent(&self, _other: &UriRef<'_>) -> bool { todo!() }
}
/// An owned, validated URI.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Uri { text: Box<str> }
impl Uri {
    pub fn parse(_text: &str) -> Result<Uri, ParseError> { todo!() }
    pub fn view(&self) -> UriRef<'_> { todo!() }
    pub fn as_str(&self) -> &str { &self.text }
}
impl std::fmt::Display for Uri { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(&self.text) } }
impl std::str::FromStr for Uri { type Err = ParseError; fn from_str(s: &str) -> Result<Uri, ParseError> { Uri::parse(s) } }
