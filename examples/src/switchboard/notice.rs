//! What a switchboard tells whoever runs it: one line a happening.

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use offhook_core::message::StatusCode;
use offhook_core::transport::{Path, Transport};

/// Something that happened. `Display` makes a line for a log of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Notice {
    /// A contact was registered or refreshed.
    Registered {
        /// The user.
        user: String,
        /// The contact's URI.
        contact: String,
        /// For how many seconds.
        expires: u32,
        /// The transport it is reached over.
        transport: Option<Transport>,
        /// Where from.
        source: SocketAddr,
    },
    /// A contact is no more.
    Unregistered {
        /// The user.
        user: String,
        /// The contact's URI.
        contact: String,
        /// Why.
        cause: Gone,
    },
    /// A request was refused by the switchboard itself.
    Refused {
        /// The method.
        method: String,
        /// The Request-URI.
        target: String,
        /// With what.
        status: StatusCode,
        /// In which words.
        reason: String,
        /// Where it came from.
        source: SocketAddr,
    },
    /// A call or another request outside of calls went a step further.
    Progress {
        /// The method.
        method: String,
        /// The From URI.
        from: String,
        /// The Request-URI as it came.
        to: String,
        /// The Call-ID.
        call_id: String,
        /// What happened.
        step: Step,
    },
    /// Something came that is no message.
    Malformed {
        /// Where from.
        source: SocketAddr,
        /// What was wrong.
        error: String,
        /// Whether it could be answered 400.
        answered: bool,
    },
    /// A connection was accepted.
    Connected {
        /// What it speaks.
        transport: Transport,
        /// Its number.
        flow: u64,
        /// Its other end.
        remote: Option<SocketAddr>,
    },
    /// A connection ended.
    Disconnected {
        /// Its number.
        flow: u64,
        /// Why, if not in order.
        error: Option<String>,
    },
    /// A message passed (only if [`Config::trace`](super::Config::trace) is on).
    Message {
        /// True: it went out.
        outgoing: bool,
        /// From or to whom.
        path: Path,
        /// The message.
        bytes: Bytes,
    },
}

/// Why a contact is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// The client took it back.
    Removed,
    /// Its time was over.
    Expired,
    /// The connection it was registered over closed.
    FlowLost,
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It went to so many places.
    Forwarded(usize),
    /// Somebody's phone rings.
    Ringing,
    /// It was answered with this final status.
    Answered(StatusCode),
    /// The caller gave up.
    Cancelled,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Registered { user, contact, expires, transport, source } => {
                let transport = transport.map_or("?", Transport::via);
                write!(f, "{user} registered {contact} for {expires} s over {transport} from {source}")
            }
            Notice::Unregistered { user, contact, cause } => {
                let cause = match cause {
                    Gone::Removed => "unregistered",
                    Gone::Expired => "expired",
                    Gone::FlowLost => "lost its connection",
                };
                write!(f, "{user}: {contact} {cause}")
            }
            Notice::Refused { method, target, status, reason, source } => {
                write!(f, "{method} {target} from {source} refused: {} {reason}", status.code())
            }
            Notice::Progress { method, from, to, call_id, step } => {
                write!(f, "{method} {from} -> {to} ")?;
                match step {
                    Step::Forwarded(1) => write!(f, "forwarded")?,
                    Step::Forwarded(branches) => write!(f, "forked to {branches} contacts")?,
                    Step::Ringing => write!(f, "rings")?,
                    Step::Answered(status) => write!(f, "answered {} {}", status.code(), status.reason())?,
                    Step::Cancelled => write!(f, "cancelled")?,
                }
                write!(f, " [{call_id}]")
            }
            Notice::Malformed { source, error, answered } => {
                let answer = if *answered { "answered 400" } else { "dropped" };
                write!(f, "malformed message from {source} {answer}: {error}")
            }
            Notice::Connected { transport, flow, remote } => {
                write!(f, "{transport} connection {flow}")?;
                remote.map_or(Ok(()), |remote| write!(f, " with {remote}"))
            }
            Notice::Disconnected { flow, error: None } => write!(f, "connection {flow} closed"),
            Notice::Disconnected { flow, error: Some(error) } => write!(f, "connection {flow} lost: {error}"),
            Notice::Message { outgoing, path, bytes } => {
                let direction = if *outgoing { "to" } else { "from" };
                write!(f, "{direction} {}\n{}", path.remote, String::from_utf8_lossy(bytes))
            }
        }
    }
}
