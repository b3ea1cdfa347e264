//! Calls that outlive their endpoint: an established call as data, with which another endpoint goes on, e.g. after its page
//! was loaded anew or its process was started again. The dialog stays as it was (RFC 3261 12); the media are others, so the
//! application offers anew.
//!
//! What is not saved: credentials, addresses and keys of the media, and whatever is under way.

use bytes::Bytes;

use super::call::Call;
use super::callee::GONE;
use super::event::{CallEvent, CallId, CallState, Direction, Hold, Transition};
use super::identity::Party;
use super::recovery::Recovery;
use super::session_timer::SessionTimer;
use super::{Endpoint, Error};
use crate::dialog::{Dialog, DialogParts};
use crate::message::{NameAddrRef, UriRef};
use crate::sdp::{self, SdpRef, SessionDescription};
use crate::time::Instant;

/// The form that is written and read here.
const VERSION: u32 = 1;
/// How long a text may be, in bytes.
const TEXT: usize = 2048;
/// How many routes or streams there may be.
const LIST: usize = 32;
/// Requests of ours that may have been sent after it was saved: the next have numbers beyond those (RFC 3261 12.2.1.1).
const UNSEEN: u32 = 64;

/// An established call as data. It names the dialog, and who knows that can end the call: keep it where only the
/// application reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedCall {
    /// Which form this has.
    pub version: u32,
    /// The other side called.
    pub incoming: bool,
    /// Call-ID.
    pub call_id: String,
    /// Our address in the dialog, with its tag.
    pub local: String,
    /// The other side's, with its tag.
    pub remote: String,
    /// The other side's Contact.
    pub target: String,
    /// The route set, nearest hop first.
    pub route_set: Vec<String>,
    /// The number of our last request.
    pub local_cseq: u32,
    /// The number of the other side's last request.
    pub remote_cseq: Option<u32>,
    /// This side holds the other.
    pub holding: bool,
    /// The other side holds this one.
    pub held: bool,
    /// Whether the other side takes UPDATE, once it said what it takes.
    pub takes_update: Option<bool>,
    /// The packages of INFO that it takes.
    pub takes_info: String,
    /// When the call was established, in milliseconds of the driver's clock, which must go on where it was.
    pub since: u64,
    /// When the session expires, if it does.
    pub session: Option<SavedSession>,
    /// The origin of our description in force (RFC 8866 5.2), with which the next goes on (RFC 3264 8).
    pub origin: Option<String>,
    /// What our requests say in Privacy (RFC 3323).
    pub privacy: Option<String>,
    /// What its streams are: `audio`, `video` …, in order; an offer must have them all again (RFC 3264 8).
    pub streams: Vec<String>,
}

/// A session that expires (RFC 4028).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedSession {
    /// How long it lasts, in seconds.
    pub interval: u32,
    /// The longest Min-SE heard of, in seconds.
    pub min_se: u32,
    /// This side refreshes it.
    pub local: bool,
    /// When it is over, in milliseconds of the driver's clock.
    pub deadline: u64,
}

/// What our descriptions of a restored call go on with.
#[derive(Debug)]
pub(super) struct Resumed {
    origin: Option<Box<str>>,
    streams: Vec<String>,
}

impl Endpoint {
    /// An established call as data, to go on with it in another endpoint. Ask again whenever it has changed: its
    /// requests are numbered.
    ///
    /// # Errors
    ///
    /// [`Error::State`] unless the call is established.
    pub fn save_call(&self, call: CallId) -> Result<SavedCall, Error> {
        let entry = self.calls.get(call.0).ok_or(GONE)?;
        if entry.state != CallState::Established {
            return Err(Error::State("the call is not established"));
        }
        let dialog = entry.dialog().ok_or(GONE)?;
        let since = entry.history.iter().rev().find(|step| step.state == CallState::Established);
        let (origin, streams) = match entry.local_sdp.as_deref().map(SdpRef::parse) {
            Some(Ok(local)) => (
                local.session().first('o').map(str::to_owned),
                local.media().map(|media| media.kind().to_owned()).collect(),
            ),
            _ => entry.resumed.as_ref().map_or((None, Vec::new()), |resumed| {
                (resumed.origin.as_deref().map(str::to_owned), resumed.streams.clone())
            }),
        };
        Ok(SavedCall {
            version: VERSION,
            incoming: entry.direction == Direction::Incoming,
            call_id: dialog.call_id().into(),
            local: dialog.local().into(),
            remote: dialog.remote().into(),
            target: dialog.target().into(),
            route_set: dialog.route_set().iter().map(|route| String::from(&**route)).collect(),
            local_cseq: dialog.local_cseq(),
            remote_cseq: dialog.remote_cseq(),
            holding: entry.hold.local,
            held: entry.hold.remote,
            takes_update: entry.takes_update,
            takes_info: entry.takes_info.as_ref().into(),
            since: since.map_or(0, |step| step.at.as_millis()),
            session: entry.session_timer.save(),
            origin,
            privacy: entry.party.privacy.as_deref().map(str::to_owned),
            streams,
        })
    }

    /// Goes on with a call that another endpoint has saved and has no more. It is established at once; offer anew
    /// ([`renegotiate`](Endpoint::renegotiate)) to have media, and to tell the other side where we are now.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] for what cannot be a call of this version, [`Error::State`] if its session has expired or it is
    /// here already, [`Error::Limit`] with too many calls.
    pub fn restore_call(&mut self, now: Instant, saved: &SavedCall) -> Result<CallId, Error> {
        self.may_begin()?;
        let (local_tag, remote_tag) = saved.check()?;
        if self.calls.len() >= self.config.limits.calls {
            return Err(Error::Limit("too many calls"));
        }
        if saved.session.as_ref().is_some_and(|session| session.deadline <= now.as_millis()) {
            return Err(Error::State("the session has expired"));
        }
        let identity = self.dialog_identity(&saved.call_id, local_tag);
        if self.by_dialog.contains_key(&identity) {
            return Err(Error::State("the call is here already"));
        }
        let dialog = Dialog::resume(
            now,
            DialogParts {
                call_id: &saved.call_id,
                local_tag,
                remote_tag,
                local: &saved.local,
                remote: &saved.remote,
                target: &saved.target,
                route_set: &saved.route_set,
                local_cseq: saved.local_cseq.saturating_add(UNSEEN),
                remote_cseq: saved.remote_cseq,
            },
        );
        let direction = if saved.incoming { Direction::Incoming } else { Direction::Outgoing };
        let at = Instant::from_millis(saved.since).min(now);
        let step = Transition { at, state: CallState::Established, cause: "restored".into() };
        let hold = Hold { local: saved.holding, remote: saved.held };
        let (names, party) = (dialog.names().clone(), Party::resumed(saved.privacy.as_deref()));
        let key = self.calls.insert(Call {
            history: vec![step.clone()],
            dialogs: vec![dialog],
            takes_update: saved.takes_update,
            takes_info: saved.takes_info.as_str().into(),
            hold,
            // The other side does not know yet where we are. What each side is, is said again by whoever says it.
            recovery: Some(Recovery::default()),
            resumed: Some(Box::new(Resumed {
                origin: saved.origin.as_deref().map(Into::into),
                streams: saved.streams.clone(),
            })),
            ..Call::new(direction, CallState::Established, names, party, identity)
        });
        self.begin_span(key);
        self.by_dialog.insert(identity, key);
        self.totals.count(direction, CallState::Established, true);
        self.resume_session(now, key, saved.session.as_ref());
        self.tell_call(now, key, CallEvent::State(step));
        if hold != Hold::default() {
            self.tell_call(now, key, CallEvent::Hold(hold));
        }
        self.pump(now);
        Ok(CallId(key))
    }

    /// Our description of a restored call, as the successor of the one before: media that are new begin with another origin.
    pub(super) fn with_origin(&self, call: CallId, sdp: Bytes) -> Bytes {
        let Some(entry) = self.calls.get(call.0) else { return sdp };
        let Some(origin) = entry.resumed.as_ref().and_then(|resumed| resumed.origin.as_deref()) else { return sdp };
        let Ok(mut next) = SessionDescription::parse(&sdp) else { return sdp };
        let first = ["v=0\r\no=", origin, "\r\ns=-\r\nt=0 0\r\n"].concat();
        let before = entry.local_sdp.as_deref().unwrap_or(first.as_bytes());
        let Ok(before) = SdpRef::parse(before) else { return sdp };
        sdp::continue_session(&before, &mut next);
        next.to_bytes()
    }
}

impl SavedCall {
    /// The tags of both sides, if it can be a dialog.
    fn check(&self) -> Result<(&str, &str), Error> {
        if self.version != VERSION {
            return Err(Error::input("version", 0, "saved by another version"));
        }
        let texts = [
            ("callId", &self.call_id),
            ("local", &self.local),
            ("remote", &self.remote),
            ("target", &self.target),
            ("takesInfo", &self.takes_info),
        ];
        let routes = self.route_set.iter().map(|text| ("routeSet", text));
        let streams = self.streams.iter().map(|text| ("streams", text));
        let origin = self.origin.iter().map(|text| ("origin", text));
        let privacy = self.privacy.iter().map(|text| ("privacy", text));
        for (field, text) in texts.into_iter().chain(routes).chain(streams).chain(origin).chain(privacy) {
            check_text(field, text)?;
        }
        for (field, length) in [("routeSet", self.route_set.len()), ("streams", self.streams.len())] {
            if length > LIST {
                return Err(Error::input(field, LIST, "too many of them"));
            }
        }
        if self.call_id.is_empty() || self.call_id.contains(' ') {
            return Err(Error::input("callId", 0, "one word"));
        }
        UriRef::parse(&self.target).map_err(|error| Error::unparsable("target", &error))?;
        for route in &self.route_set {
            NameAddrRef::parse(route).map_err(|error| Error::unparsable("routeSet", &error))?;
        }
        let local = tag("local", &self.local)?.filter(|tag| !tag.is_empty());
        let local = local.ok_or_else(|| Error::input("local", self.local.len(), "without a tag"))?;
        // A peer of RFC 2543 may have no tag.
        Ok((local, tag("remote", &self.remote)?.unwrap_or_default()))
    }
}

fn check_text(field: &str, text: &str) -> Result<(), Error> {
    if text.len() > TEXT {
        return Err(Error::input(field, TEXT, "too long"));
    }
    match text.bytes().position(|byte| byte < b' ' || byte == 0x7f) {
        Some(at) => Err(Error::input(field, at, "a control character")),
        None => Ok(()),
    }
}

fn tag<'a>(field: &str, value: &'a str) -> Result<Option<&'a str>, Error> {
    let address = NameAddrRef::parse(value).map_err(|error| Error::unparsable(field, &error))?;
    Ok(address.tag())
}

impl SessionTimer {
    fn save(&self) -> Option<SavedSession> {
        let running = self.running.as_ref()?;
        Some(SavedSession {
            interval: running.interval,
            min_se: self.min_se,
            local: running.ours,
            deadline: running.deadline.as_millis(),
        })
    }
}
