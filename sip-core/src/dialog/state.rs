//! The dialog itself.

use std::borrow::Cow;

use super::history::{DialogCause, DialogStep, History};
use super::names::{Names, Text};
use crate::message::{ContactValue, Fields, Name, ParseError, Request, Response, StatusCode};
use crate::time::Instant;
use crate::transport::{FlowId, Path};

/// A dialog's state (RFC 3261 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialogState {
    /// Made by a provisional response.
    Early,
    /// Made or confirmed by a 2xx.
    Confirmed,
    /// Over.
    Terminated,
}

/// What is wrong with a message that should make or use a dialog.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DialogError {
    /// A field it needs cannot be read.
    #[error(transparent)]
    Field(#[from] ParseError),
    /// A field it needs is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A request older than one seen before (12.2.2): answered 500.
    #[error("CSeq {received} is below {expected}")]
    OutOfOrder {
        /// The request's number.
        received: u32,
        /// The highest number seen.
        expected: u32,
    },
}

/// One dialog. Tags, targets and the route set are its own: the message they came in is not kept.
#[derive(Clone, Debug)]
pub struct Dialog {
    names: Names,
    route_set: Box<[Box<str>]>,
    local_cseq: u32,
    remote_cseq: Option<u32>,
    state: DialogState,
    path: Path,
    history: History,
}

/// What a confirmed dialog is made of, kept elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct DialogParts<'a> {
    /// The Call-ID.
    pub call_id: &'a str,
    /// Our tag.
    pub local_tag: &'a str,
    /// The peer's tag; empty for a peer that has none.
    pub remote_tag: &'a str,
    /// Our From value, with its tag.
    pub local: &'a str,
    /// The peer's To value, with its tag.
    pub remote: &'a str,
    /// The peer's last Contact.
    pub target: &'a str,
    /// The route set, nearest hop first.
    pub route_set: &'a [String],
    /// The number of our last request.
    pub local_cseq: u32,
    /// The number of the peer's last request.
    pub remote_cseq: Option<u32>,
}

impl Dialog {
    /// A confirmed dialog that was kept elsewhere; no path of it is known.
    pub fn resume(now: Instant, parts: DialogParts<'_>) -> Dialog {
        Dialog {
            names: Names::new([
                parts.call_id,
                parts.local_tag,
                parts.remote_tag,
                parts.local,
                parts.remote,
                parts.target,
            ]),
            route_set: parts.route_set.iter().map(|route| route.as_str().into()).collect(),
            local_cseq: parts.local_cseq,
            remote_cseq: parts.remote_cseq,
            state: DialogState::Confirmed,
            path: Path { flow: FlowId::NONE, remote: Path::UNKNOWN },
            history: History::new(now, DialogState::Confirmed, DialogCause::Restored),
        }
    }

    /// The caller's side (12.1.2): made from a response. `request_uri` is that of the request, the target where the
    /// response brings no Contact that can be read; `local` is the From value that was sent and `local_cseq` the
    /// request's number.
    pub fn from_response(
        now: Instant,
        request_uri: &str,
        local: &str,
        local_tag: &str,
        local_cseq: u32,
        response: &Response,
        path: Path,
    ) -> Result<Dialog, DialogError> {
        let to = response.to()?;
        let mut route_set = record_route(response)?;
        route_set.reverse();
        // A peer of RFC 2543 may have no tag: null counts as one.
        let remote_tag = to.tag().unwrap_or_default();
        let target = contact(response).ok().flatten().unwrap_or(request_uri);
        let remote = clean(to.as_str());
        let status = response.status();
        let state = if status.is_success() { DialogState::Confirmed } else { DialogState::Early };
        Ok(Dialog {
            names: Names::new([response.call_id()?, local_tag, remote_tag, local, &remote, target]),
            route_set: route_set.into(),
            local_cseq,
            remote_cseq: None,
            state,
            path,
            history: History::new(now, state, DialogCause::Heard(status)),
        })
    }

    /// The callee's side (12.1.1): made from a request we answer with our tag.
    pub fn from_request(now: Instant, request: &Request, local_tag: &str, path: Path) -> Result<Dialog, DialogError> {
        let (from, to) = (request.from()?, request.to()?);
        let to_text = to.as_str();
        let mut local = String::with_capacity(to_text.len().saturating_add(5).saturating_add(local_tag.len()));
        local.push_str(&clean(to_text.strip_suffix(";tag=").unwrap_or(to_text)));
        local.push_str(";tag=");
        local.push_str(local_tag);
        // A peer of RFC 2543 may have no tag: null counts as one.
        let remote_tag = from.tag().unwrap_or_default();
        // Such a peer may have no Contact either: it is reached where it says it is.
        let said = Some(from.uri_text()).filter(|uri| from.tag().is_none() && is_request_uri(uri));
        let target = contact(request)?.or(said).ok_or(DialogError::Missing("Contact"))?;
        let remote = clean(from.as_str());
        Ok(Dialog {
            names: Names::new([request.call_id()?, local_tag, remote_tag, &local, &remote, target]),
            route_set: record_route(request)?.into(),
            local_cseq: 0,
            remote_cseq: Some(request.cseq()?.number),
            state: DialogState::Early,
            path,
            history: History::new(now, DialogState::Early, DialogCause::of(request.method())),
        })
    }

    /// The subscriber's side (RFC 6665 4.4.1): made from a NOTIFY, whose route set it has. `target` is what our SUBSCRIBE
    /// was sent to, for a NOTIFY without a Contact; `local` its From value and `local_cseq` its number.
    pub fn from_notify(
        now: Instant,
        notify: &Request,
        local: &str,
        local_tag: &str,
        local_cseq: u32,
        target: &str,
        path: Path,
    ) -> Result<Dialog, DialogError> {
        let from = notify.from()?;
        let (remote_tag, remote) = (from.tag().unwrap_or_default(), clean(from.as_str()));
        let target = contact(notify)?.unwrap_or(target);
        Ok(Dialog {
            names: Names::new([notify.call_id()?, local_tag, remote_tag, local, &remote, target]),
            route_set: record_route(notify)?.into(),
            local_cseq,
            remote_cseq: None,
            state: DialogState::Confirmed,
            path,
            history: History::new(now, DialogState::Confirmed, DialogCause::Notify),
        })
    }

    /// The Call-ID.
    pub fn call_id(&self) -> &str {
        self.names.get(Text::CallId)
    }

    /// Our tag.
    pub fn local_tag(&self) -> &str {
        self.names.get(Text::LocalTag)
    }

    /// The peer's tag; empty for a peer that has none.
    pub fn remote_tag(&self) -> &str {
        self.names.get(Text::RemoteTag)
    }

    /// Our From value, with its tag.
    pub fn local(&self) -> &str {
        self.names.get(Text::Local)
    }

    /// The peer's To value, with its tag.
    pub fn remote(&self) -> &str {
        self.names.get(Text::Remote)
    }

    /// The remote target: the peer's last Contact.
    pub fn target(&self) -> &str {
        self.names.get(Text::Target)
    }

    /// All its texts.
    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    /// The route set, nearest hop first.
    pub fn route_set(&self) -> &[Box<str>] {
        &self.route_set
    }

    /// The state.
    pub fn state(&self) -> DialogState {
        self.state
    }

    /// How it came to this, the first step first.
    pub fn history(&self) -> impl Iterator<Item = DialogStep> + use<> {
        self.history.steps()
    }

    /// The path its messages last took.
    pub fn path(&self) -> Path {
        self.path
    }

    /// The path leads nowhere any more; the next is not known yet.
    #[cfg(feature = "stun")]
    pub fn leave_path(&mut self) {
        self.path = Path { flow: FlowId::NONE, remote: Path::UNKNOWN };
    }

    /// Moves the dialog to another path: the peer was heard from there, or the old flow is gone.
    pub fn set_path(&mut self, path: Path) {
        self.path = path;
    }

    /// The number for the next request of ours (12.2.1.1): counts up by one, apart from the peer's.
    pub fn next_cseq(&mut self) -> u32 {
        self.local_cseq = self.local_cseq.saturating_add(1);
        self.local_cseq
    }

    /// Takes over the number of a request that was sent for this dialog by other means, e.g. an INVITE with credentials.
    pub fn raise_cseq(&mut self, number: u32) {
        self.local_cseq = self.local_cseq.max(number);
    }

    /// The number of the last request of ours.
    pub fn local_cseq(&self) -> u32 {
        self.local_cseq
    }

    /// The number of the peer's last request.
    pub fn remote_cseq(&self) -> Option<u32> {
        self.remote_cseq
    }

    /// A 2xx to the request that made the dialog (13.2.2.4): confirmed, and the route set computed anew from it, the
    /// only time it may change.
    pub fn confirm(&mut self, now: Instant, response: &Response, path: Path) -> Result<(), DialogError> {
        if self.state == DialogState::Early {
            let mut route_set = record_route(response)?;
            route_set.reverse();
            self.route_set = route_set.into();
        }
        self.state = DialogState::Confirmed;
        self.history.confirm(now, DialogCause::Heard(response.status()));
        self.path = path;
        // A Contact that cannot be read leaves the target as it is.
        let _ = self.refresh_target(response);
        Ok(())
    }

    /// One that is never early: it began with a request that has no provisional responses.
    pub fn confirm_at_once(&mut self) {
        self.state = DialogState::Confirmed;
        self.history.confirm_at_once();
    }

    /// The callee sent a 2xx.
    pub fn confirm_local(&mut self, now: Instant, status: StatusCode) {
        self.state = DialogState::Confirmed;
        self.history.confirm(now, DialogCause::Sent(status));
    }

    /// The peer goes by another name from now on (RFC 4916 4.4.2): its From value, the tag as before.
    pub fn set_remote(&mut self, remote: &str) {
        self.names.set(Text::Remote, &clean(remote));
    }

    /// The dialog is over.
    pub fn terminate(&mut self) {
        self.state = DialogState::Terminated;
    }

    /// A request of the peer within the dialog (12.2.2): its number must not go back. An ACK has its INVITE's number and
    /// is not asked.
    pub fn accept(&mut self, request: &Request, path: Path) -> Result<(), DialogError> {
        let received = request.cseq()?.number;
        if let Some(expected) = self.remote_cseq
            && received < expected
        {
            return Err(DialogError::OutOfOrder { received, expected });
        }
        self.remote_cseq = Some(received);
        self.path = path;
        Ok(())
    }

    /// Sets the remote target, e.g. back to what it was before a target refresh that was refused (RFC 6141 4.6).
    pub fn set_target(&mut self, target: &str) {
        self.names.set(Text::Target, target);
    }

    /// A target refresh (12.2): a re-INVITE or UPDATE, or the 2xx to one of ours, may bring a new Contact.
    pub fn refresh_target(&mut self, fields: &Fields) -> Result<(), DialogError> {
        if let Some(target) = contact(fields)? {
            self.names.set(Text::Target, target);
        }
        Ok(())
    }
}

fn is_request_uri(uri: &str) -> bool {
    !uri.is_empty() && !uri.bytes().any(|byte| byte <= b' ' || byte == 0x7f)
}

fn record_route(fields: &Fields) -> Result<Vec<Box<str>>, ParseError> {
    fields.addresses(Name::RecordRoute).map(|value| value.map(|value| clean(value.as_str()).into())).collect()
}

/// What came within a header field, fit for one of ours: stray line ends become spaces.
fn clean(text: &str) -> Cow<'_, str> {
    match memchr::memchr3(b'\r', b'\n', 0, text.as_bytes()) {
        None => text.into(),
        Some(_) => text.replace(['\r', '\n', '\0'], " ").into(),
    }
}

fn contact(fields: &Fields) -> Result<Option<&str>, ParseError> {
    match fields.contacts().next() {
        // What cannot stand in a Request-URI is no target.
        Some(Ok(ContactValue::Address(address))) => Ok(Some(address.uri_text()).filter(|uri| is_request_uri(uri))),
        Some(Ok(ContactValue::Star)) | None => Ok(None),
        Some(Err(error)) => Err(error),
    }
}
