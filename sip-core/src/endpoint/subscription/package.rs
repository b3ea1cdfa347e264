//! Event packages: which subscription an Event value means, and what the well-known ones want.

use crate::message::EventRef;

/// What a subscription is to: package and `id` tell several in a dialog apart (RFC 6665 8.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Package {
    pub(in super::super) name: Box<str>,
    pub(in super::super) id: Option<Box<str>>,
    /// The Event value as it is sent.
    pub(in super::super) value: Box<str>,
}

impl Package {
    pub(in super::super) fn of(event: &EventRef<'_>) -> Package {
        Package { name: event.package.into(), id: event.id().map(Into::into), value: event.as_str().into() }
    }

    /// Whether an Event value means this subscription. Of a REFER's the `id` may be left out where there is but one
    /// (RFC 3515 2.4.6).
    pub(super) fn matches(&self, event: &EventRef<'_>) -> bool {
        let same = self.id.as_deref() == event.id() || (event.id().is_none() && &*self.name == "refer");
        *self.name == *event.package && same
    }

    /// The media type of its documents, for Accept.
    pub(super) fn accept(&self) -> Option<&'static str> {
        media_type(&self.name)
    }

    /// Whether one SUBSCRIBE may make several subscriptions: not where one agent has the whole state (RFC 3856 6.9,
    /// RFC 3680 4.9, RFC 3857 4.9, RFC 4575 3.9).
    pub(super) fn forks(&self) -> bool {
        !matches!(&*self.name, "presence" | "reg" | "conference") && !self.name.ends_with(".winfo")
    }
}

/// The media type of the documents of a package, if it is one we know.
pub(in super::super) fn media_type(package: &str) -> Option<&'static str> {
    Some(match package {
        "message-summary" => "application/simple-message-summary",
        "presence" => "application/pidf+xml",
        "dialog" => "application/dialog-info+xml",
        "reg" => "application/reginfo+xml",
        "conference" => "application/conference-info+xml",
        "refer" => "message/sipfrag",
        name if name.ends_with(".winfo") => "application/watcherinfo+xml",
        _ => return None,
    })
}
