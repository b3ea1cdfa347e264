//! Join (RFC 3911): a new call that is to be mixed with another, on both sides. Which media go where is the application's.

use super::replaces::may_take_part;
use super::{Endpoint, Replacing};
use crate::arena::Key;
use crate::message::{Method, Name, Request, StatusCode};
use crate::time::Instant;

/// The option tag.
pub(super) const JOIN: &str = "join";

impl Endpoint {
    /// The call that a new INVITE joins, if it wants to join one.
    ///
    /// # Errors
    ///
    /// The status to refuse it with (section 4).
    pub(super) fn joined_by(&self, now: Instant, request: &Request) -> Result<Option<Key>, StatusCode> {
        if self.config.joining == Replacing::Never || request.count(Name::Join) == 0 {
            return Ok(None);
        }
        if request.count(Name::Join) > 1 || request.contains(Name::Replaces) {
            return Err(StatusCode::BAD_REQUEST);
        }
        let Ok(Some(wanted)) = request.replaces(Name::Join) else { return Err(StatusCode::BAD_REQUEST) };
        let Some((key, dialog)) = self.dialog_named(&wanted) else {
            let ended = self.has_ended(now, &wanted);
            return Err(if ended { StatusCode::DECLINE } else { StatusCode::CALL_DOES_NOT_EXIST });
        };
        if self.calls.get(key).is_none_or(|call| call.is_ending()) {
            return Err(StatusCode::DECLINE);
        }
        if self.config.joining == Replacing::Referred && !may_take_part(request, dialog, &self.config.aor) {
            return Err(StatusCode::FORBIDDEN);
        }
        Ok(Some(key))
    }

    /// Only a new INVITE may join something (section 4).
    pub(super) fn joins_in_vain(&self, request: &Request, within: bool) -> bool {
        self.config.joining != Replacing::Never
            && (within || *request.method() != Method::Invite)
            && request.contains(Name::Join)
    }
}
