//! Requests of others: checked, and brought to whom they are for (RFC 3261 8.2 and 12.2.2).

use std::sync::Arc;

use bytes::Bytes;

use super::content::ENCODING;
use super::outgoing::ALLOW;
use super::{Endpoint, Event, Owner};
use crate::arena::Key;
use crate::dialog::DialogError;
use crate::message::{Limits, Method, Name, ParseError, Rejection, Request, StatusCode};
use crate::time::Instant;
use crate::transaction::{ServerId, respond_to};
use crate::transport::Path;

impl Endpoint {
    pub(super) fn on_request(
        &mut self,
        now: Instant,
        server: ServerId,
        request: Arc<Request>,
        source: Path,
        cancels: Option<(ServerId, Option<Owner>)>,
    ) {
        if let Err(rejection) = request.check() {
            let phrase = Some(&*rejection.reason);
            let headers = [("Allow", ALLOW)];
            let headers = if rejection.status == StatusCode::NOT_IMPLEMENTED { &headers[..] } else { &[] };
            return self.refuse_with(now, server, &request, source, rejection.status, phrase, headers);
        }
        let to_tag = request.to().ok().and_then(|to| to.tag().map(str::to_owned));
        if *request.method() == Method::Cancel {
            return self.on_cancel(now, server, &request, source, cancels);
        }
        if let Some(unsupported) = self.unsupported(&request) {
            let headers = [("Unsupported", unsupported.as_str())];
            return self.refuse(now, server, &request, source, StatusCode::BAD_EXTENSION, &headers);
        }
        if self.replaces_in_vain(&request, to_tag.is_some()) || self.joins_in_vain(&request, to_tag.is_some()) {
            return self.refuse(now, server, &request, source, StatusCode::BAD_REQUEST, &[]);
        }
        match to_tag {
            Some(tag) => self.on_dialog_request(now, server, request, source, &tag),
            None if self.transactions.is_merged(server) => {
                self.refuse(now, server, &request, source, StatusCode::LOOP_DETECTED, &[]);
            }
            None => self.on_new_request(now, server, request, source),
        }
    }

    /// A request outside of any dialog.
    fn on_new_request(&mut self, now: Instant, server: ServerId, request: Arc<Request>, source: Path) {
        if self.refuse_insecure(now, server, &request, source)
            || self.refuse_content(now, server, &request, source)
            || self.refuse_taste(now, server, &request, source)
        {
            return;
        }
        match request.method() {
            Method::Invite => self.on_invite(now, server, request, source),
            Method::Options => self.on_options(now, server, &request, source),
            Method::Message => self.on_message(now, server, &request, source),
            Method::Subscribe => self.on_subscribe(now, server, request, source),
            Method::Refer => self.on_refer(now, server, request, source, None),
            Method::Notify => self.on_unsolicited(now, server, &request, source),
            Method::Bye | Method::Info | Method::Update | Method::Prack => {
                self.refuse(now, server, &request, source, StatusCode::CALL_DOES_NOT_EXIST, &[]);
            }
            _ => self.refuse_method(now, server, &request, source),
        }
    }

    /// 405 to a method of an RFC that is not for a user agent, 501 to one nobody knows (8.2.1, 21.5.2).
    fn refuse_method(&mut self, now: Instant, server: ServerId, request: &Request, source: Path) {
        let status = match request.method() {
            Method::Extension(_) => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::METHOD_NOT_ALLOWED,
        };
        self.refuse(now, server, request, source, status, &[("Allow", ALLOW)]);
    }

    fn on_dialog_request(
        &mut self,
        now: Instant,
        server: ServerId,
        request: Arc<Request>,
        source: Path,
        local_tag: &str,
    ) {
        let call = self.dialog_of(&request, local_tag);
        let Some(key) = call.filter(|_| !matches!(request.method(), Method::Subscribe | Method::Notify)) else {
            return self.on_usage_request(now, server, request, source, local_tag);
        };
        let _span = self.message_span(key, request.method().as_str(), None).entered();
        super::span::log_received();
        let remote_tag = request.from().ok().and_then(|from| from.tag().map(str::to_owned)).unwrap_or_default();
        let was_cut_off = self.is_cut_off(key);
        let Some(call) = self.calls.get_mut(key) else { return };
        let accepted = call.dialog_with(&remote_tag).map(|dialog| dialog.accept(&request, source));
        match accepted {
            None => {
                return self.refuse(now, server, &request, source, StatusCode::CALL_DOES_NOT_EXIST, &[]);
            }
            Some(Err(DialogError::OutOfOrder { .. })) => {
                return self.refuse(now, server, &request, source, StatusCode::SERVER_INTERNAL_ERROR, &[]);
            }
            Some(Err(_)) => {
                return self.refuse(now, server, &request, source, StatusCode::BAD_REQUEST, &[]);
            }
            Some(Ok(())) => {}
        }
        if was_cut_off {
            self.found_by_peer(now, key);
        }
        if self.refuse_content(now, server, &request, source) {
            return;
        }
        match request.method() {
            Method::Invite => self.on_reinvite(now, key, server, request, source),
            Method::Bye => {
                self.reply(now, server, &request, source, StatusCode::OK);
                self.on_bye(now, key, &request);
            }
            Method::Update => self.on_update(now, key, server, request, source),
            Method::Info => self.on_info(now, key, server, &request, source),
            Method::Prack => self.on_prack(now, key, server, request, source),
            Method::Options => self.on_options(now, server, &request, source),
            Method::Message => self.on_message(now, server, &request, source),
            Method::Refer => self.on_refer(now, server, request, source, Some(key)),
            _ => self.refuse_method(now, server, &request, source),
        }
    }

    fn dialog_of(&self, request: &Request, local_tag: &str) -> Option<Key> {
        let identity = self.dialog_identity(request.call_id().ok()?, local_tag);
        self.by_dialog.get(&identity).copied()
    }

    fn on_cancel(
        &mut self,
        now: Instant,
        server: ServerId,
        request: &Request,
        source: Path,
        cancels: Option<(ServerId, Option<Owner>)>,
    ) {
        match cancels {
            None => self.refuse(now, server, request, source, StatusCode::CALL_DOES_NOT_EXIST, &[]),
            Some((_, owner)) => {
                // 9.2: 200 to the CANCEL, with the To tag of the INVITE's responses where there is a call.
                match owner {
                    Some(Owner::Call(key)) if self.calls.get(key).is_some() => {
                        let tag = self.calls.get(key).map(|call| call.local_tag().to_owned());
                        self.reply_with_tag(now, server, request, source, tag.as_deref());
                        self.on_cancelled(now, key, request);
                    }
                    _ => self.reply(now, server, request, source, StatusCode::OK),
                }
            }
        }
    }

    /// A plain answer within a dialog: its To tag is there already.
    pub(super) fn reply(
        &mut self,
        now: Instant,
        server: ServerId,
        request: &Request,
        source: Path,
        status: StatusCode,
    ) {
        self.refuse(now, server, request, source, status, &[]);
    }

    fn reply_with_tag(&mut self, now: Instant, server: ServerId, request: &Request, source: Path, tag: Option<&str>) {
        let mut builder = respond_to(request, source.remote, StatusCode::OK, None, tag);
        self.push_server(&mut builder);
        if let Ok(message) = builder.finish() {
            // If the flow is gone the peer's own timers end its side.
            let _ = self.transactions.respond(now, server, StatusCode::OK, message);
        }
    }

    pub(super) fn on_options(&mut self, now: Instant, server: ServerId, request: &Request, source: Path) {
        let busy = self.shutdown.is_some() || self.calls.len() >= self.config.limits.calls;
        // 11.2: the status an INVITE would have got.
        let status = if busy { StatusCode::BUSY_HERE } else { StatusCode::OK };
        let tag = self.entropy.tag();
        let mut builder = respond_to(request, source.remote, status, None, Some(&tag));
        self.push_contact(&mut builder, request, source);
        self.push_capabilities(&mut builder);
        builder.header(Name::Accept, &self.readable());
        builder.header(Name::AcceptEncoding, ENCODING);
        builder.header(Name::AcceptLanguage, "en");
        self.push_server(&mut builder);
        if let Ok(message) = builder.finish() {
            // If the flow is gone the peer's own timers end its side.
            let _ = self.transactions.respond(now, server, status, message);
        }
    }

    fn on_message(&mut self, now: Instant, server: ServerId, request: &Request, source: Path) {
        let Ok(from) = request.from() else { return };
        let content_type = request.content_type().ok().flatten().unwrap_or("text/plain").into();
        let event = Event::Message { from: from.to_owned(), content_type, body: request.body_bytes(), at: now };
        self.reply(now, server, request, source, StatusCode::OK);
        self.events.push_back(event);
    }

    /// Something that is no message: a request whose head can still be read is answered what the error says (8.2, 18.3).
    pub(super) fn on_malformed(&mut self, now: Instant, source: Path, error: ParseError, bytes: &Bytes) {
        if let Some(request) = salvage(bytes, &self.config.limits.message) {
            let tag = self.entropy.tag();
            let Rejection { status, reason, .. } = error.clone().into();
            let mut builder = respond_to(&request, source.remote, status, Some(&reason), Some(&tag));
            self.push_server(&mut builder);
            if let Ok(message) = builder.finish() {
                // The sender of garbage may be gone.
                let _ = self.transactions.send(source, message);
            }
        }
        self.events.push_back(Event::Malformed { source, error, at: now });
    }
}

/// A request in what is no valid message, if enough of it can be read to answer; never an ACK.
fn salvage(bytes: &Bytes, limits: &Limits) -> Option<Request> {
    Request::salvage(bytes.clone(), limits).filter(|request| *request.method() != Method::Ack)
}
