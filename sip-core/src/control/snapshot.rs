//! A call as plain data.

use super::command::ReplacementValue;
use super::identity::IdentityValue;
use super::json::writes;
use super::notification::AddressValue;
use crate::endpoint::{CallInfo, Direction, Hold, Replacement};
use crate::time::Instant;

/// A call as it is now.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Its number.
    pub call: u32,
    /// `outgoing` or `incoming`.
    pub direction: &'static str,
    /// The state's name.
    pub state: &'static str,
    /// Call-ID.
    pub call_id: String,
    /// This side.
    pub local: AddressValue,
    /// The other side.
    pub remote: AddressValue,
    /// Who that is.
    pub identity: IdentityValue,
    /// Who holds.
    pub hold: HoldValue,
    /// When the session expires unless it is refreshed; absent: it does not.
    pub session_timer: Option<SessionTimerValue>,
    /// What takes this side's place in it, once the other side was heard of.
    pub replacement: Option<ReplacementValue>,
    /// What the other side's Contact says of it.
    pub features: Vec<(String, Option<String>)>,
    /// How it came to this.
    pub history: Vec<TransitionValue>,
}

impl Snapshot {
    pub(super) fn new(call: u32, info: &CallInfo, replacement: Option<Replacement>) -> Snapshot {
        Snapshot {
            call,
            direction: match info.direction {
                Direction::Outgoing => "outgoing",
                Direction::Incoming => "incoming",
            },
            state: info.state.name(),
            call_id: info.call_id.to_string(),
            local: (&info.local).into(),
            remote: (&info.remote).into(),
            identity: (&info.identity).into(),
            hold: info.hold.into(),
            session_timer: info.session_timer.map(|timer| SessionTimerValue {
                expires: timer.length.as_secs(),
                refresher: if timer.local { "local" } else { "remote" },
            }),
            replacement: replacement.map(Into::into),
            features: info.features.clone(),
            history: history(info.history.iter().map(|step| (step.at, step.state.name(), &step.cause))),
        }
    }
}

/// How long a session lasts unless it is refreshed (RFC 4028).
#[derive(Clone, Copy, Debug)]
pub struct SessionTimerValue {
    /// Seconds.
    pub expires: u64,
    /// Who refreshes it: `local` or `remote`.
    pub refresher: &'static str,
}

/// One step of a history.
#[derive(Clone, Debug)]
pub struct TransitionValue {
    /// When.
    pub at: u64,
    /// Into which state.
    pub state: &'static str,
    /// What did it.
    pub cause: String,
}

/// A history of its steps: when, into which state, and what did it.
pub(super) fn history<C: ToString>(steps: impl Iterator<Item = (Instant, &'static str, C)>) -> Vec<TransitionValue> {
    steps.map(|(at, state, cause)| TransitionValue { at: at.as_millis(), state, cause: cause.to_string() }).collect()
}

/// Who holds.
#[derive(Clone, Copy, Debug)]
pub struct HoldValue {
    /// This side.
    pub local: bool,
    /// The other side.
    pub remote: bool,
}

impl From<Hold> for HoldValue {
    fn from(hold: Hold) -> HoldValue {
        HoldValue { local: hold.local, remote: hold.remote }
    }
}

writes!(Snapshot {
    call,
    direction,
    state,
    call_id,
    local,
    remote,
    identity,
    hold,
    session_timer,
    replacement,
    features,
    history,
});

writes!(SessionTimerValue { expires, refresher });

writes!(TransitionValue { at, state, cause });

writes!(HoldValue { local, remote });
