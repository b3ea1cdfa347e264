//! SIP messages: bytes to [`Request`] and [`Response`] and back (RFC 3261 sections 7, 19, 20 and 25).
//!
//! A received message is one buffer and an index of its header fields; a field is parsed when somebody asks for it, with
//! an error that names the field and the byte. A message to send is written once, by [`Builder`], into one buffer.
//!
//! ```
//! use bytes::Bytes;
//! use offhook_core::message::{Limits, Message};
//!
//! let datagram = Bytes::from_static(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nCSeq: 1 INVITE\r\n\r\n");
//! let message = Message::parse(datagram, &Limits::default())?;
//! assert_eq!(message.fields().cseq()?.number, 1);
//! # Ok::<(), offhook_core::message::ParseError>(())
//! ```
//!
//! This layer does not know transactions, dialogs or transports, does not parse bodies (see [`crate::sdp`]), and does not
//! invent values: tags, branches and Call-IDs come from whoever builds the message.

mod address;
mod auth_value;
mod bits;
mod builder;
mod error;
mod escape;
mod events;
mod field_list;
mod fields;
mod fragment;
mod framing;
mod grammar;
mod history;
mod host;
mod identity;
mod index;
mod lines;
mod method;
mod name;
mod notices;
mod owned;
mod params;
mod parse;
mod preferences;
mod privacy;
mod reason;
mod redact;
mod refer;
mod session_timer;
mod status;
mod typed;
mod uri;
mod uri_compare;
mod uui;
mod validate;
mod values;
mod via;
mod when;

pub use address::{ContactValue, NameAddrRef};
pub use auth_value::{AuthParams, Challenge, Credentials};
pub use builder::{BuildError, Builder};
pub use error::{ErrorKind, ParseError};
pub use escape::{escape_user, unescape};
pub use events::{EndReason, EventRef, SubscriptionPhase, SubscriptionStateRef};
pub use field_list::TokenList;
pub use fields::Fields;
pub(crate) use fragment::{fields as fragment_fields, has_start_line, message as fragment_message};
pub use framing::{Frame, StreamDecoder, is_keep_alive};
pub use history::{Diversion, HistoryEntry, TargetKind};
pub use host::Host;
pub use identity::{Identity, IdentitySource};
pub use method::Method;
pub use name::Name;
pub use notices::{Priority, WarningRef};
pub use owned::{NameAddr, Uri};
pub use params::Params;
pub use parse::{Limits, Message, Request, Response};
pub use preferences::Preference;
pub use privacy::Privacy;
pub use reason::{ReasonRef, reason_value};
pub use redact::{Wire, redacted};
pub use refer::{ReferTarget, ReferredBy};
pub use session_timer::{Refresher, SessionExpires};
pub use status::StatusCode;
pub use uri::{SipUri, UriRef};
pub use uui::UserToUser;
pub use validate::Rejection;
pub use values::{CSeq, Item, RAck, Replaces};
pub use via::Via;
pub use when::{Date, RetryAfter, Timestamp};

/// A response with these header fields, `|` between them.
#[cfg(test)]
fn fields_of_test(fields: &str) -> Fields {
    let text = ["SIP/2.0 200 OK\r\n", &fields.replace('|', "\r\n"), "\r\n\r\n"].concat();
    Message::parse(bytes::Bytes::from(text), &Limits::default()).unwrap().fields().clone()
}
