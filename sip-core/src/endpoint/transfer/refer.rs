//! REFER of others: what is refused at once, before anybody is asked (RFC 3515 2.4.2).

use std::sync::Arc;

use super::super::received::headers_of;
use super::super::replaces::same_user;
use super::super::{CallId, CallState, Endpoint};
use super::{LIMIT, TransferRequest};
use crate::arena::Key;
use crate::message::{Method, Name, ReferTarget, Replaces, Request, StatusCode, UriRef};
use crate::time::Instant;
use crate::transaction::ServerId;
use crate::transport::Path;

impl Endpoint {
    /// A REFER, within the call given or outside of any.
    pub(in super::super) fn on_refer(
        &mut self,
        now: Instant,
        server: ServerId,
        request: Arc<Request>,
        source: Path,
        within: Option<Key>,
    ) {
        if request.count(Name::ReferTo) != 1 {
            let phrase = Some("One Refer-To Is Needed");
            return self.refuse_with(now, server, &request, source, StatusCode::BAD_REQUEST, phrase, &[]);
        }
        let target = match request.refer_to() {
            Ok(Some(target)) => target,
            Ok(None) => return self.refuse(now, server, &request, source, StatusCode::BAD_REQUEST, &[]),
            Err(error) => return self.refuse_unreadable(now, server, &request, source, &error),
        };
        if let Err((status, phrase)) = self.may_follow(&target, source) {
            return self.refuse_with(now, server, &request, source, status, phrase, &[]);
        }
        // One that names no call of ours stands for itself (RFC 4538 4).
        let named = request.replaces(Name::TargetDialog).ok().flatten();
        let call = within.or(named.and_then(|named| self.dialog_named(&named)).map(|(call, _)| call));
        if let Some(call) = call {
            let busy = self.referrals.iter().any(|(_, referral)| referral.waits_in(call));
            let ready = self.calls.get(call).is_some_and(|call| call.state == CallState::Established);
            if busy || !ready {
                return self.refuse(now, server, &request, source, StatusCode::REQUEST_PENDING, &[]);
            }
        }
        if self.shutdown.is_some() {
            return self.refuse(now, server, &request, source, StatusCode::TEMPORARILY_UNAVAILABLE, &[]);
        }
        if self.transfers() >= LIMIT {
            let headers = [("Retry-After", "30")];
            return self.refuse(now, server, &request, source, StatusCode::SERVICE_UNAVAILABLE, &headers);
        }
        let Ok(from) = request.from() else { return };
        let asked = TransferRequest {
            call: call.map(CallId),
            from: from.to_owned(),
            referred_by: request.referred_by().ok().flatten().map(|by| by.referrer.to_owned()),
            headers: headers_of(&request),
            target,
        };
        self.ask_to_follow(now, server, request, source, within, asked);
    }

    /// # Errors
    ///
    /// The status and phrase to refuse it with.
    fn may_follow(&self, target: &ReferTarget, source: Path) -> Result<(), (StatusCode, Option<&'static str>)> {
        match target.uri.view() {
            UriRef::Sip(_) | UriRef::Tel { .. } => {}
            _ => return Err((StatusCode::UNSUPPORTED_URI_SCHEME, None)),
        }
        if target.method != Method::Invite {
            return Err((StatusCode::NOT_IMPLEMENTED, Some("Only INVITE Is Followed")));
        }
        let ours = match target.replaces() {
            Some(Ok(replaces)) => self.is_dialog_of_ours(&replaces),
            Some(Err(_)) => return Err((StatusCode::BAD_REQUEST, Some("Replaces Cannot Be Read"))),
            None => {
                let uri = target.uri.as_str();
                same_user(uri, self.config.aor.as_str()) || same_user(uri, &self.contact_uri(source, false, false))
            }
        };
        // Some send the call they transfer in place of the target (baresip#3763).
        if ours { Err((StatusCode::LOOP_DETECTED, Some("That Is Here"))) } else { Ok(()) }
    }

    /// Whether one end of the dialog is here, from whichever side it is named.
    fn is_dialog_of_ours(&self, named: &Replaces<'_>) -> bool {
        let turned = Replaces { to_tag: named.from_tag, from_tag: named.to_tag, ..*named };
        self.dialog_named(named).is_some() || self.dialog_named(&turned).is_some()
    }
}
