//! skeleton
/// A request method.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method { Invite, Ack, Bye, Cancel, Register, Options, Prack, Update, Info, Refer, Subscribe, Notify, Message, Publish, Extension(Box<str>) }
impl Method { pub fn parse(_text: &[u8]) -> Option<Method> { todo!() } pub fn as_str(&self) -> &str { todo!() } }
