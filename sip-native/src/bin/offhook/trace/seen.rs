//! One message that passed, wherever it was recorded.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use offhook::core::message::{Limits, Message, Method, redacted};

/// The longest start line that is looked for, in bytes.
const START_LINE: usize = 4096;

/// Where a message came from or went to: an address, or a name where the record has none.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place(pub(super) Box<str>);

impl From<SocketAddr> for Place {
    fn from(address: SocketAddr) -> Place {
        Place(address.to_string().into())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A message as it was recorded.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Since the Unix epoch.
    pub(super) at: Duration,
    pub(super) from: Place,
    pub(super) to: Place,
    /// `UDP`, `TCP`, `WS` …
    pub(super) transport: &'static str,
    bytes: Bytes,
    /// What of it can be read; the words say why not more.
    message: Result<Message, Box<str>>,
}

/// What kind of message it is, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    Provisional,
    Success,
    Failure,
    Unreadable,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Request => "request",
            Kind::Provisional => "provisional",
            Kind::Success => "success",
            Kind::Failure => "failure",
            Kind::Unreadable => "unreadable",
        }
    }
}

impl Seen {
    pub(super) fn new(at: Duration, from: Place, to: Place, transport: &'static str, bytes: Bytes) -> Seen {
        let message = Message::parse(bytes.clone(), &Limits::default()).map_err(|error| error.to_string().into());
        Seen { at, from, to, transport, bytes, message }
    }

    pub(super) fn kind(&self) -> Kind {
        match &self.message {
            Err(_) => Kind::Unreadable,
            Ok(Message::Request(_)) => Kind::Request,
            Ok(Message::Response(response)) => match response.status().code() {
                100..=199 => Kind::Provisional,
                200..=299 => Kind::Success,
                _ => Kind::Failure,
            },
        }
    }

    /// What stands on its arrow.
    pub(super) fn label(&self) -> String {
        let mut label = match &self.message {
            Ok(Message::Request(request)) => request.method().as_str().to_owned(),
            Ok(Message::Response(response)) => format!("{} {}", response.status().code(), response.reason()),
            Err(error) => return format!("unreadable: {error}"),
        };
        if let Some(kind) = self.body_kind() {
            label += &format!(" ({kind})");
        }
        label
    }

    /// What its body is, in a word.
    fn body_kind(&self) -> Option<&str> {
        let fields = self.message.as_ref().ok()?.fields();
        if fields.body().is_empty() {
            return None;
        }
        let media = fields.content_type().ok()??.split(';').next()?.trim();
        Some(match media {
            "application/sdp" => "SDP",
            other => other.rsplit('/').next().unwrap_or(other),
        })
    }

    pub(super) fn call_id(&self) -> Option<&str> {
        self.message.as_ref().ok()?.fields().call_id().ok()
    }

    /// The method of the transaction it belongs to.
    pub(super) fn method(&self) -> Option<Method> {
        self.message.as_ref().ok()?.fields().cseq().ok().map(|cseq| cseq.method)
    }

    pub(super) fn request_method(&self) -> Option<&Method> {
        match &self.message {
            Ok(Message::Request(request)) => Some(request.method()),
            _ => None,
        }
    }

    pub(super) fn status(&self) -> Option<u16> {
        match &self.message {
            Ok(Message::Response(response)) => Some(response.status().code()),
            _ => None,
        }
    }

    pub(super) fn reason(&self) -> &str {
        match &self.message {
            Ok(Message::Response(response)) => response.reason(),
            _ => "",
        }
    }

    /// Who and whom, without tags.
    pub(super) fn parties(&self) -> Option<(String, String)> {
        let fields = self.message.as_ref().ok()?.fields();
        Some((fields.from().ok()?.uri_text().to_owned(), fields.to().ok()?.uri_text().to_owned()))
    }

    /// Its text, secrets masked.
    pub(super) fn text(&self) -> String {
        redacted(&self.bytes)
    }

    /// To find copies of it.
    pub(super) fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// Whether that is a SIP message, as far as its first line says.
pub(super) fn is_sip(bytes: &[u8]) -> bool {
    let start = bytes.get(..START_LINE.min(bytes.len())).unwrap_or_default();
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    line.starts_with(b"SIP/2.0 ") || line.ends_with(b" SIP/2.0")
}
