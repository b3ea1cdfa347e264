//! The end of a call (RFC 3261 15 and 9.1): whatever ends it in its state.

use super::call::{Call, Setup};
use super::callee::GONE;
use super::event::{CallId, CallState, End, EndedBy, OpId, Outcome};
use super::outgoing::Purpose;
use super::{Endpoint, Error, Reason};
use crate::arena::Key;
use crate::message::{Method, Name, Request, Response, StatusCode};
use crate::time::Instant;
use crate::transport::Path;

impl Endpoint {
    /// Ends a call, in whatever state it is: CANCEL, BYE or a final response. Done when it is over; a call that is over
    /// already is no error. `reason` is the value of a Reason header (RFC 3326), e.g. `SIP;cause=200;text="done"`.
    pub fn hangup(&mut self, now: Instant, call: CallId, reason: Option<&str>) -> OpId {
        let op = self.op();
        if let Some(reason) = reason
            && let Err(error) = super::headers::check_values(&[("Reason".into(), reason.into())])
        {
            self.done(op, Err(error));
            return op;
        }
        match self.calls.get_mut(call.0) {
            None => self.done(op, Ok(Outcome::Done)),
            Some(entry) => {
                entry.hangups.push(op);
                self.begin_hang_up(now, call.0, reason);
            }
        }
        self.pump(now);
        op
    }

    pub(super) fn begin_hang_up(&mut self, now: Instant, key: Key, reason: Option<&str>) {
        let Some(call) = self.calls.get_mut(key) else { return };
        if call.is_ending() {
            return;
        }
        if let Setup::Calling { outgoing } = call.setup {
            return self.cancel_call(now, key, outgoing, reason);
        }
        if let Setup::Called { .. } = call.setup {
            // A refusal cannot fail here: the call waits for an answer, and the response is our own.
            let _ = self.try_refuse(now, key, StatusCode::BUSY_HERE, None, &[]);
            return;
        }
        if call.accepted.is_some() && call.state == CallState::Answered {
            call.bye_after_ack = Some(reason.map(Into::into));
            return self.set_state(now, key, CallState::Ending, "hung up, the ACK is awaited");
        }
        self.send_bye_with(now, key, None, reason);
    }

    pub(super) fn cancel_call(&mut self, now: Instant, key: Key, outgoing: Key, reason: Option<&str>) {
        match self.outgoing.get(outgoing).and_then(|request| request.client) {
            Some(client) if self.transactions.client_state(client).is_some() => {
                self.set_state(now, key, CallState::Ending, "CANCEL sent");
                self.transactions.cancel(now, client, reason);
            }
            // The INVITE never left: nobody needs to be told.
            _ => self.on_failure(now, outgoing, Error::Cancelled),
        }
    }

    /// Ends a confirmed dialog with a BYE. `end` is what the application is told; by default that this side ended it.
    pub(super) fn send_bye(&mut self, now: Instant, key: Key, end: Option<End>) {
        self.send_bye_with(now, key, end, None);
    }

    pub(super) fn send_bye_with(&mut self, now: Instant, key: Key, end: Option<End>, reason: Option<&str>) {
        if let Some(call) = self.calls.get(key)
            && let super::call::Negotiation::Answering { cseq, authorization } = &call.negotiation
        {
            // Their 2xx still waits for its ACK, which goes first; the answer it should carry is of no use any more.
            let (cseq, authorization) = (*cseq, authorization.clone());
            self.acknowledge(now, key, cseq, &authorization, None);
        }
        let Some(call) = self.calls.get(key) else { return };
        if call.bye.is_some() {
            return;
        }
        let Some(mut dialog) = call.dialog().cloned() else { return };
        let mut outgoing = self.dialog_request(&mut dialog, Purpose::Bye(key), Method::Bye);
        if let Some(reason) = reason {
            outgoing = outgoing.header("Reason", reason);
        }
        let end = end.unwrap_or_else(|| End {
            by: EndedBy::Local,
            status: Some(StatusCode::OK),
            phrase: "hung up".into(),
            reason: reason.and_then(Reason::parse),
            error: None,
        });
        if let Some(call) = self.calls.get_mut(key) {
            if let Some(slot) = call.dialog_mut() {
                slot.raise_cseq(dialog.local_cseq());
            }
            call.end = Some(end);
        }
        self.set_state(now, key, CallState::Ending, "BYE sent");
        let bye = self.send_request(now, outgoing);
        if let Some(call) = self.calls.get_mut(key) {
            call.bye = Some(bye);
        }
    }

    /// Whatever the answer to a BYE is, the call is over (15.1.1).
    pub(super) fn on_bye_answered(&mut self, now: Instant, key: Key, _result: Result<(&Response, Path), Error>) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let Some(end) = call.end.take() else { return };
        self.end_call(now, key, end);
    }

    /// The other side ends the call.
    pub(super) fn on_bye(&mut self, now: Instant, key: Key, request: &Request) {
        let ours = self.calls.get(key).map(Call::is_ending).unwrap_or_default();
        let outgoing = match self.calls.get(key) {
            Some(Call { setup: Setup::Calling { outgoing }, .. }) => Some(*outgoing),
            _ => None,
        };
        if let Some(client) = outgoing.and_then(|key| self.outgoing.get(key)).and_then(|request| request.client) {
            // A BYE in an early dialog ends that dialog; the INVITE is given up with it.
            self.transactions.cancel(now, client, None);
        }
        if let Some(outgoing) = outgoing {
            self.outgoing.remove(outgoing);
        }
        self.answer_finally(now, key, StatusCode::REQUEST_TERMINATED);
        let by = if ours { EndedBy::Local } else { EndedBy::Remote };
        let reason = Reason::of(request);
        let end = End { by, status: Some(StatusCode::OK), phrase: "BYE received".into(), reason, error: None };
        self.end_call(now, key, end);
    }

    /// The INVITE of a call that is not answered gets its final response: after CANCEL, or a BYE before it (15.1.2).
    pub(super) fn answer_finally(&mut self, now: Instant, key: Key, status: StatusCode) {
        self.answer_finally_with(now, key, status, &[]);
    }

    pub(super) fn answer_finally_with(&mut self, now: Instant, key: Key, status: StatusCode, headers: &[(Name, &str)]) {
        let Some(call) = self.calls.get(key) else { return };
        let Setup::Called { server, request, source } = &call.setup else { return };
        let server = *server;
        let mut builder = crate::transaction::respond_to(request, source.remote, status, None, Some(call.local_tag()));
        for (name, value) in headers {
            builder.header(*name, value);
        }
        if let Ok(message) = builder.finish() {
            // If the flow is gone the caller's own timers end its side.
            let _ = self.transactions.respond(now, server, status, message);
        }
    }

    /// What a failed request within a dialog says of the dialog (12.2.1.2): it is over where the peer knows it no more
    /// (481), and is ended where the peer does not answer (408, or nothing at all: not so much as a provisional response,
    /// which is `heard`).
    pub(super) fn end_if_gone(&mut self, now: Instant, key: Key, error: Error, heard: bool) {
        if self.calls.get(key).is_none_or(Call::is_ending) {
            return;
        }
        match &error {
            Error::Status(refusal) if refusal.status == StatusCode::CALL_DOES_NOT_EXIST => {
                self.drop_call(now, key, error);
            }
            Error::Status(refusal) if refusal.status == StatusCode::REQUEST_TIMEOUT => {
                self.send_bye(now, key, Some(End::failed(error, false)));
            }
            Error::Timeout(_) if !heard => self.send_bye(now, key, Some(End::failed(error, false))),
            _ => {}
        }
    }

    /// Ends a call without a word to the peer.
    pub(super) fn drop_call(&mut self, now: Instant, key: Key, error: Error) {
        self.end_call(now, key, End::failed(error, false));
    }
}

impl End {
    pub(super) fn failed(error: Error, by_us: bool) -> End {
        let (by, status, phrase, reason) = match &error {
            Error::Status(refusal) => {
                (EndedBy::Remote, Some(refusal.status), refusal.phrase.to_string().into(), refusal.reason.clone())
            }
            Error::Authentication { status, .. } => (EndedBy::Remote, Some(*status), status.reason().into(), None),
            Error::Cancelled => (EndedBy::Local, None, error.to_string().into(), None),
            _ => (EndedBy::Network, None, error.to_string().into(), None),
        };
        End { by: if by_us { EndedBy::Local } else { by }, status, phrase, reason, error: Some(error) }
    }

    pub(super) fn protocol(message: &str) -> End {
        End::failed(Error::Protocol(message.into()), false)
    }
}

impl Error {
    /// What operations that wait on a call are told when it ends.
    pub(super) fn from_end(end: &End) -> Error {
        let by_peer = end.by == EndedBy::Remote;
        end.error.clone().unwrap_or(if by_peer { GONE } else { Error::Cancelled })
    }
}
