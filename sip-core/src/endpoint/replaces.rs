//! Replaces (RFC 3891): a new call that takes the place of another, on both sides.
//!
//! Who may do that: by default the application is asked, as for any call; see [`Replacing`].

use super::callee::GONE;
use super::event::{CallId, CallState, Direction, End, EndedBy};
use super::{Endpoint, Reason};
use crate::arena::Key;
use crate::dialog::{Dialog, DialogState};
use crate::hashing::Identity;
use crate::message::{Method, Name, NameAddrRef, Replaces, Request, StatusCode, Uri, UriRef};
use crate::time::Instant;

/// The option tag.
pub(super) const REPLACES: &str = "replaces";

/// Ended dialogs remembered so that nobody rings to replace them (section 3).
const REMEMBERED: usize = 64;

/// Why the old call is ended: phones that ring for it do not count it as missed (RFC 3326 2).
const REASON: &str = "SIP;cause=200;text=\"Replaced by another call\"";

/// Who may replace a call of this user agent by another (RFC 3891 3), or join it (RFC 3911 4). None of it proves who the caller is: it is worth
/// as much as the server that let the INVITE through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Replacing {
    /// Whoever knows the call's identifiers; the application decides when it answers.
    #[default]
    Asked,
    /// Only whom the other side of that call sent, by Referred-By (RFC 3892), or another user agent of that side or of
    /// ours, by From; others are answered 403. The application still decides.
    Referred,
    /// Nobody: that is not supported, and an INVITE that does not require it is a call like any other.
    Never,
}

impl Replacing {
    /// Reads `asked`, `referred` or `never`.
    pub fn parse(text: &str) -> Option<Replacing> {
        match text {
            "asked" => Some(Replacing::Asked),
            "referred" => Some(Replacing::Referred),
            "never" => Some(Replacing::Never),
            _ => None,
        }
    }
}

/// A call of somebody else's that is to be replaced or joined, as that one names it: e.g. from its dialog event package (RFC 4235).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The Call-ID.
    pub call_id: Box<str>,
    /// The tag of the side that is called now.
    pub to_tag: Box<str>,
    /// The tag of the other side, whose place is taken.
    pub from_tag: Box<str>,
    /// Only while it is not answered (call pickup).
    pub early_only: bool,
}

impl Replacement {
    /// As it stands in a Replaces header field.
    pub(super) fn value(&self) -> String {
        let mut text = value_of(&self.call_id, &self.to_tag, &self.from_tag);
        if self.early_only {
            text.push_str(";early-only");
        }
        text
    }
}

/// A Replaces value. A side without a tag, as RFC 2543 had it, is named 0.
pub(super) fn value_of(call_id: &str, to_tag: &str, from_tag: &str) -> String {
    let mut text = String::from(call_id);
    for (name, tag) in [(";to-tag=", to_tag), (";from-tag=", from_tag)] {
        text.push_str(name);
        text.push_str(if tag.is_empty() { "0" } else { tag });
    }
    text
}

/// The dialogs that ended last.
#[derive(Debug, Default)]
pub(super) struct Ended(std::collections::VecDeque<(Identity, Instant)>);

impl Endpoint {
    /// The call that a new INVITE replaces, if it wants to replace one.
    ///
    /// # Errors
    ///
    /// The status to refuse it with (section 3).
    pub(super) fn replaced_by(&self, now: Instant, request: &Request) -> Result<Option<Key>, StatusCode> {
        if self.config.replacing == Replacing::Never || request.count(Name::Replaces) == 0 {
            return Ok(None);
        }
        if request.count(Name::Replaces) > 1 || request.contains(Name::Join) {
            return Err(StatusCode::BAD_REQUEST);
        }
        let Ok(Some(wanted)) = request.replaces(Name::Replaces) else { return Err(StatusCode::BAD_REQUEST) };
        let Some((key, dialog)) = self.dialog_named(&wanted) else {
            let ended = self.has_ended(now, &wanted);
            return Err(if ended { StatusCode::DECLINE } else { StatusCode::CALL_DOES_NOT_EXIST });
        };
        let Some(call) = self.calls.get(key) else { return Err(StatusCode::CALL_DOES_NOT_EXIST) };
        if call.is_ending() {
            return Err(StatusCode::DECLINE);
        }
        if dialog.state() == DialogState::Confirmed && wanted.early_only {
            return Err(StatusCode::BUSY_HERE);
        }
        if dialog.state() != DialogState::Confirmed && call.direction == Direction::Incoming {
            return Err(StatusCode::CALL_DOES_NOT_EXIST);
        }
        if self.config.replacing == Replacing::Referred && !may_take_part(request, dialog, &self.config.aor) {
            return Err(StatusCode::FORBIDDEN);
        }
        Ok(Some(key))
    }

    /// The call of ours, and its dialog, that a Replaces or Target-Dialog value names.
    pub(super) fn dialog_named(&self, wanted: &Replaces<'_>) -> Option<(Key, &Dialog)> {
        let key = *self.by_dialog.get(&self.dialog_identity(wanted.call_id, wanted.to_tag))?;
        let mut dialogs = self.calls.get(key)?.dialogs.iter();
        dialogs.find(|dialog| is_tag(dialog.remote_tag(), wanted.from_tag)).map(|dialog| (key, dialog))
    }

    /// Only a new INVITE may replace something (section 3): anything else that wants to is refused.
    pub(super) fn replaces_in_vain(&self, request: &Request, within: bool) -> bool {
        self.config.replacing != Replacing::Never
            && (within || *request.method() != Method::Invite)
            && request.count(Name::Replaces) > 0
    }

    /// The new call is up: the one it replaces makes room for it. Nothing was done about that one before.
    pub(super) fn take_place(&mut self, now: Instant, key: Key) {
        let Some(old) = self.calls.get_mut(key).and_then(|call| call.replaces.take()) else { return };
        let established = self.calls.get(old).is_some_and(|call| call.state == CallState::Established);
        if !established {
            return self.begin_hang_up(now, old, Some(REASON));
        }
        let end = End {
            by: EndedBy::Local,
            status: Some(StatusCode::OK),
            phrase: "replaced by another call".into(),
            reason: Reason::parse(REASON),
            error: None,
        };
        self.send_bye_with(now, old, Some(end), Some(REASON));
    }

    /// What another user agent puts into Replaces to take our place in a call: its dialog seen from the other side.
    /// `None` while the other side has not been heard of.
    ///
    /// # Errors
    ///
    /// [`Error::State`](super::Error::State) if the call is over.
    pub fn replacement(&self, call: CallId) -> Result<Option<Replacement>, super::Error> {
        let entry = self.calls.get(call.0).ok_or(GONE)?;
        Ok(entry.dialog().map(|dialog| Replacement {
            call_id: dialog.call_id().into(),
            to_tag: dialog.remote_tag().into(),
            from_tag: dialog.local_tag().into(),
            early_only: false,
        }))
    }

    /// Keeps in mind that these dialogs are over.
    pub(super) fn remember_ended(&mut self, now: Instant, dialogs: &[Dialog]) {
        for dialog in dialogs {
            if self.ended.0.len() >= REMEMBERED {
                self.ended.0.pop_front();
            }
            let identity = self.hash.of(&["ended", dialog.call_id(), dialog.local_tag(), dialog.remote_tag()]);
            self.ended.0.push_back((identity, now + self.config.timers.timeout()));
        }
    }

    pub(super) fn has_ended(&self, now: Instant, wanted: &Replaces<'_>) -> bool {
        let identity = self.hash.of(&["ended", wanted.call_id, wanted.to_tag, wanted.from_tag]);
        self.ended.0.iter().any(|(ended, until)| *ended == identity && now < *until)
    }
}

/// Whether the request comes from the other side of the dialog, or from ours, or was sent by the other side.
pub(super) fn may_take_part(request: &Request, dialog: &Dialog, aor: &Uri) -> bool {
    let peer = NameAddrRef::parse(dialog.remote());
    let peer = peer.as_ref().map_or("", |peer| peer.uri_text());
    let from = request.from().ok();
    let from = from.as_ref().map_or("", |from| from.uri_text());
    let referrer = request.referred_by().ok().flatten();
    same_user(from, peer)
        || same_user(from, aor.as_str())
        || referrer.is_some_and(|by| same_user(by.referrer.uri_text(), peer))
}

/// Whether that is the tag a Replaces value names; 0 also names none.
fn is_tag(tag: &str, named: &str) -> bool {
    tag == named || (tag.is_empty() && named == "0")
}

/// Whether two URIs name the same user at the same host, whatever else they say.
pub(super) fn same_user(one: &str, other: &str) -> bool {
    let (Ok(UriRef::Sip(one)), Ok(UriRef::Sip(other))) = (UriRef::parse(one), UriRef::parse(other)) else {
        return false;
    };
    one.user_decoded() == other.user_decoded() && one.host.equivalent(&other.host)
}
