//! skeleton
/// A header field name the core knows; others are reached by text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Name { Via, From, To, CallId, CSeq, Contact, MaxForwards, Route, RecordRoute, Expires, MinExpires, Allow, Supported, Require, ProxyRequire, Unsupported, ContentType, ContentLength, WwwAuthenticate, ProxyAuthenticate, Authorization, ProxyAuthorization, AuthenticationInfo, UserAgent, Server, Subject, Reason, RetryAfter, Warning, Event, Other }
impl Name { pub fn as_str(self) -> &'static str { todo!() } pub fn parse(_name: &[u8]) -> Name { todo!() } }
