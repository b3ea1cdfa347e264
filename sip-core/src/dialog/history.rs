//! How a dialog came to its state, for people who ask.

use std::fmt;

use super::DialogState;
use crate::message::{Method, StatusCode};
use crate::time::Instant;

/// What took a dialog into a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DialogCause {
    /// The other side answered with this.
    Heard(StatusCode),
    /// This side answered with this.
    Sent(StatusCode),
    /// A request of the other side that begins one: INVITE, SUBSCRIBE, REFER, or the NOTIFY that comes first.
    Invite,
    /// As above.
    Subscribe,
    /// As above.
    Refer,
    /// As above.
    Notify,
    /// It was kept elsewhere.
    Restored,
}

impl DialogCause {
    /// A request of the other side that begins a dialog.
    pub(crate) fn of(method: &Method) -> DialogCause {
        match method {
            Method::Subscribe => DialogCause::Subscribe,
            Method::Refer => DialogCause::Refer,
            Method::Notify => DialogCause::Notify,
            _ => DialogCause::Invite,
        }
    }
}

impl fmt::Display for DialogCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DialogCause::Heard(status) => return write!(f, "{status} heard"),
            DialogCause::Sent(status) => return write!(f, "{status} sent"),
            DialogCause::Invite => "INVITE received",
            DialogCause::Subscribe => "SUBSCRIBE received",
            DialogCause::Refer => "REFER received",
            DialogCause::Notify => "NOTIFY received",
            DialogCause::Restored => "restored",
        })
    }
}

/// One step of a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DialogStep {
    /// When.
    pub at: Instant,
    /// Into which state.
    pub state: DialogState,
    /// What did it.
    pub cause: DialogCause,
}

/// Its steps: made, and confirmed if it was early before. One that is over is gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct History {
    made: DialogStep,
    confirmed: Option<DialogStep>,
}

impl History {
    pub(super) fn new(at: Instant, state: DialogState, cause: DialogCause) -> History {
        History { made: DialogStep { at, state, cause }, confirmed: None }
    }

    pub(super) fn confirm(&mut self, at: Instant, cause: DialogCause) {
        if self.made.state == DialogState::Early && self.confirmed.is_none() {
            self.confirmed = Some(DialogStep { at, state: DialogState::Confirmed, cause });
        }
    }

    pub(super) fn confirm_at_once(&mut self) {
        self.made.state = DialogState::Confirmed;
    }

    pub(super) fn steps(&self) -> impl Iterator<Item = DialogStep> + use<> {
        std::iter::once(self.made).chain(self.confirmed)
    }
}
