//! SIP messages: bytes to [`Request`] and [`Response`] and back.

mod builder;
mod error;
mod fields;
mod framing;
mod name;
mod method;
mod status;
mod uri;
mod values;

pub use builder::{BuildError, Builder};
pub use error::{ErrorKind, ParseError};
pub use fields::{Fields, Limits, Message, Request, Response};
pub use framing::{Frame, StreamDecoder};
pub use method::Method;
pub use name::Name;
pub use status::StatusCode;
pub use uri::{Host, Params, SipUri, Uri, UriRef};
pub use values::{CSeq, Challenge, ContactValue, Credentials, NameAddr, NameAddrRef, TokenList, Via};
