//! Offers that come in a request other than INVITE, and whose answer goes with its 2xx: PRACK (RFC 3262 5) and UPDATE
//! (RFC 3311). They cannot wait long.

use std::sync::Arc;

use bytes::Bytes;

use super::call::Negotiation;
use super::callee::GONE;
use super::content::SDP;
use super::event::{CallEvent, CallState, OpId, Outcome};
use super::{Endpoint, Error, Owner};
use crate::arena::Key;
use crate::message::{Method, Request, StatusCode};
use crate::time::{Instant, part_of};
use crate::transaction::ServerId;
use crate::transport::Path;

impl Endpoint {
    /// An offer in PRACK or UPDATE: answered by rule where nothing changes or the endpoint negotiates, else by the
    /// application, for whom half of what the other side waits is left.
    pub(super) fn on_exchange(
        &mut self,
        now: Instant,
        key: Key,
        server: ServerId,
        request: Arc<Request>,
        source: Path,
        offer: Bytes,
    ) {
        if self.calls.get(key).is_some_and(|call| !matches!(call.negotiation, Negotiation::Idle)) {
            self.target_refused(key);
            return self.refuse(now, server, &request, source, StatusCode::REQUEST_PENDING, &[]);
        }
        if self.config.automatic_media {
            return self.answer_by_rule(now, key, server, &request, source, Some(offer));
        }
        self.stop_glare(key);
        self.time_offer(now, key, part_of(self.config.timers.timeout(), 2));
        let Some(call) = self.calls.get_mut(key) else { return };
        call.negotiation = Negotiation::Offered { server, request, source };
        self.transactions.attach(server, Owner::Call(key));
        self.tell_call(now, key, CallEvent::Offer { sdp: Some(offer) });
    }

    /// The 2xx with the answer.
    #[allow(clippy::too_many_arguments, reason = "the request's three parts and what the 2xx is made of")]
    pub(super) fn answer_exchange(
        &mut self,
        now: Instant,
        key: Key,
        server: ServerId,
        request: &Request,
        source: Path,
        sdp: Option<Bytes>,
        op: Option<OpId>,
    ) -> Result<(), Error> {
        self.stop_exchange(key);
        let tag = request.from().ok().and_then(|from| from.tag().map(str::to_owned)).unwrap_or_default();
        let call = self.calls.get(key).ok_or(GONE)?;
        let mut builder = self.dialog_response(request, source, StatusCode::OK, Some(call.local_tag()));
        let mut session = None;
        let established = call.state == CallState::Established;
        if *request.method() == Method::Update {
            if established {
                session = Some(self.push_session(&mut builder, key, request));
            }
            self.push_call_contact(&mut builder, request, source, key);
            self.push_capabilities(&mut builder);
        }
        let message = match &sdp {
            Some(sdp) => builder.body(SDP, sdp)?,
            None => builder.finish()?,
        };
        // If the flow is gone the request comes again, and finds this answer.
        let _ = self.transactions.respond(now, server, StatusCode::OK, message);
        self.target_taken(key);
        if let Some(agreed) = session {
            self.agree_on_session(now, key, request, agreed);
        }
        self.hear_request_identity(now, key, request, source);
        if let Some(call) = self.calls.get_mut(key) {
            call.agree(&tag, sdp, None);
        }
        if let Some(op) = op {
            self.done(op, Ok(Outcome::Done));
        }
        self.go_on_ringing(now, key);
        Ok(())
    }
}
