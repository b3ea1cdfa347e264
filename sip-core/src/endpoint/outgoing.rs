//! Requests of ours from the first try to their final answer: written, sent, challenged, sent again.

use std::borrow::Cow;

use bytes::Bytes;

use super::call::Call;
use super::connection::Hop;
use super::content::SDP;
use super::locate::Whereabouts;
use super::size::Length;
use super::{Endpoint, Error, OpId, Owner};
use crate::arena::Key;
use crate::auth::{Attempt, SecretText};
use crate::message::{Builder, Method, Name, NameAddrRef, Response, StatusCode};
use crate::time::Instant;
use crate::transaction::ClientId;
use crate::transport::{Path, Target, Transport};

/// What we let others know we understand.
pub(super) const ALLOW: &str =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, MESSAGE, PRACK, UPDATE, SUBSCRIBE, NOTIFY, REFER";

/// What a request is for, and so who hears of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Over this one of the ways to the servers.
    Register(usize),
    /// A look at everything that is bound, or its removal, for an operation.
    Bindings(OpId),
    Invite(Key),
    Reinvite(Key),
    Bye(Key),
    /// INFO within a call, for an operation.
    Info(Key, OpId),
    /// INFO with candidates of a call.
    Trickle(Key),
    /// UPDATE for a call; without an offer, for an operation.
    Update(Key, Option<OpId>),
    /// PRACK for a call; with the answer to an offer, for an operation.
    Prack(Key, Option<OpId>),
    /// OPTIONS or MESSAGE outside of any call, for an operation.
    Pager(OpId),
    /// SUBSCRIBE for a subscription of ours.
    Subscribe(Key),
    /// NOTIFY for a subscription of somebody else.
    Notify(Key),
    /// PUBLISH for a publication.
    Publish(Key),
    /// REFER for a transfer of ours.
    Refer(Key),
    /// Nobody waits: the BYE for an answer nobody wants.
    Nobody,
}

impl Purpose {
    /// The call it belongs to.
    pub(super) fn call(self) -> Option<Key> {
        match self {
            Purpose::Invite(call)
            | Purpose::Reinvite(call)
            | Purpose::Bye(call)
            | Purpose::Info(call, _)
            | Purpose::Trickle(call)
            | Purpose::Update(call, _)
            | Purpose::Prack(call, _) => Some(call),
            _ => None,
        }
    }
}

/// One request of ours, over all its tries.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) purpose: Purpose,
    pub(super) method: Method,
    pub(super) uri: Box<str>,
    pub(super) routes: Vec<Box<str>>,
    pub(super) from: Box<str>,
    pub(super) to: Box<str>,
    pub(super) call_id: Box<str>,
    pub(super) cseq: u32,
    pub(super) hop: Hop,
    /// The URI it is sent to where no path is known, if that is not the Request-URI: the first router's.
    pub(super) router: Option<Box<str>>,
    pub(super) contact: bool,
    pub(super) headers: Vec<(Box<str>, Box<str>)>,
    pub(super) body: Option<(Cow<'static, str>, Bytes)>,
    /// How often it was sent again with a longer session interval.
    pub(super) longer: u8,
    pub(super) attempt: Attempt,
    /// The challenge whose credentials it waits for, and how many questions to the application are open.
    pub(super) challenge: Option<(StatusCode, usize)>,
    /// The credentials of the last try: an ACK for a 2xx repeats them (22.1).
    pub(super) authorization: Vec<(Name, SecretText)>,
    pub(super) length: Length,
    pub(super) whereabouts: Whereabouts,
    pub(super) client: Option<ClientId>,
    /// A provisional response has come.
    pub(super) heard: bool,
    pub(super) path: Option<Path>,
    /// When it began to wait for a connection.
    pub(super) waits_since: Option<Instant>,
}

impl Outgoing {
    /// A request with nothing optional in it.
    pub(super) fn new(
        purpose: Purpose,
        method: Method,
        uri: &str,
        from: &str,
        to: &str,
        call_id: &str,
        cseq: u32,
    ) -> Outgoing {
        Outgoing {
            purpose,
            method,
            uri: uri.into(),
            routes: Vec::new(),
            from: from.into(),
            to: to.into(),
            call_id: call_id.into(),
            cseq,
            hop: Hop::Server,
            router: None,
            contact: false,
            headers: Vec::new(),
            body: None,
            longer: 0,
            attempt: Attempt::default(),
            challenge: None,
            authorization: Vec::new(),
            length: Length::Fits,
            whereabouts: Whereabouts::default(),
            client: None,
            heard: false,
            path: None,
            waits_since: None,
        }
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Outgoing {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// A header field whose value is a number.
    pub(super) fn number(mut self, name: &str, value: u32) -> Outgoing {
        self.headers.push((name.into(), value.to_string().into()));
        self
    }

    pub(super) fn body(mut self, content_type: &str, body: Bytes) -> Outgoing {
        self.body = Some((content_type.to_owned().into(), body));
        self
    }

    /// With a session description.
    pub(super) fn described(mut self, sdp: Bytes) -> Outgoing {
        self.body = Some((SDP.into(), sdp));
        self
    }

    /// The URI it is sent to where no path is known.
    pub(super) fn next(&self) -> &str {
        self.router.as_deref().unwrap_or(&self.uri)
    }
}

impl Endpoint {
    /// Sends a request; its end comes by its purpose, also when it cannot even be written.
    pub(super) fn send_request(&mut self, now: Instant, outgoing: Outgoing) -> Key {
        // What ends a call always goes.
        let over = self.outgoing.len() >= self.config.limits.outgoing && !matches!(outgoing.purpose, Purpose::Bye(_));
        let key = self.outgoing.insert(outgoing);
        if self.finished {
            // What waited for a request that has ended with the user agent ends with it too.
            self.on_failure(now, key, Error::Cancelled);
        } else if over {
            self.on_failure(now, key, Error::Limit("too many requests wait for their answer"));
        } else {
            self.try_request(now, key);
        }
        key
    }

    /// Looks for the way and sends once it is known.
    pub(super) fn try_request(&mut self, now: Instant, key: Key) {
        match self.locate(now, key) {
            Ok(Some(path)) => self.transmit_request(now, key, path),
            Ok(None) => {} // a name or a connection brings it back here
            Err(error) => self.on_failure(now, key, error),
        }
    }

    fn transmit_request(&mut self, now: Instant, key: Key, path: Path) {
        let branch = self.entropy.branch();
        let Some(outgoing) = self.outgoing.get(key) else { return };
        if let Err(error) = self.check_security(outgoing, path) {
            return self.on_failure(now, key, error);
        }
        if may_keep(&outgoing.purpose) {
            self.begin_keep_alive(now, path.flow);
        }
        self.probe(now, path.flow);
        self.authorize(key, path);
        let Some(outgoing) = self.outgoing.get(key) else { return };
        match self.write(outgoing, path, &branch) {
            Err(error) => self.on_failure(now, key, error),
            Ok(message) if self.goes_by_stream(now, key, path, message.len()) => {}
            Ok(message) => {
                let Some(outgoing) = self.outgoing.get(key) else { return };
                let method = outgoing.method.clone();
                self.log_sent(outgoing.purpose, method.as_str());
                let client = self.transactions.request(now, path, &method, &branch, message, Owner::Outgoing(key));
                if let Some(outgoing) = self.outgoing.get_mut(key) {
                    outgoing.client = Some(client);
                    outgoing.path = Some(path);
                }
            }
        }
    }

    fn write(&self, outgoing: &Outgoing, path: Path, branch: &str) -> Result<Bytes, Error> {
        let mut builder = Builder::request(&outgoing.method, &outgoing.uri);
        self.push_via(&mut builder, path, branch, may_keep(&outgoing.purpose));
        builder.number(Name::MaxForwards, 70);
        for route in self.routes(outgoing, path) {
            builder.header(Name::Route, route);
        }
        builder.header(Name::From, &outgoing.from);
        builder.header(Name::To, &outgoing.to);
        builder.header(Name::CallId, &outgoing.call_id);
        builder.cseq(outgoing.cseq, &outgoing.method);
        if outgoing.contact {
            let (path, sips) = (outgoing.length.contact(path), outgoing.is_sips());
            let hidden = Endpoint::is_hidden(&outgoing.from);
            match outgoing.purpose {
                Purpose::Register(index) => {
                    builder.header(Name::Contact, &self.register_contact(index, path, sips));
                }
                _ => {
                    let features = self.features_for(outgoing.purpose);
                    builder.parts(Name::Contact, &["<", &self.contact_uri(path, sips, hidden), ">", features]);
                }
            }
        }
        for (name, value) in &outgoing.authorization {
            builder.header(*name, value.reveal());
        }
        if let Some(privacy) = self.privacy_of(&outgoing.purpose) {
            builder.header(Name::Privacy, privacy);
        }
        if matches!(outgoing.method, Method::Invite | Method::Options | Method::Register | Method::Update) {
            builder.header(Name::Allow, ALLOW);
            self.push_events(&mut builder);
        }
        if matches!(outgoing.method, Method::Invite | Method::Update) && !self.config.info_packages.is_empty() {
            builder.header(Name::RecvInfo, &self.recv_info());
        }
        if let Purpose::Register(index) = outgoing.purpose {
            let mut supported = self.supported().concat();
            self.push_register_options(&mut supported, index, path);
            builder.header(Name::Supported, &supported);
        } else {
            builder.parts(Name::Supported, &self.supported());
        }
        if !self.config.user_agent.is_empty() {
            builder.header(Name::UserAgent, &self.config.user_agent);
        }
        for (name, value) in &outgoing.headers {
            builder.named(name, value);
        }
        Ok(match &outgoing.body {
            Some((content_type, body)) => builder.body(content_type, body)?,
            None => builder.finish()?,
        })
    }

    /// The top Via of a request of ours.
    pub(super) fn push_via(&self, builder: &mut Builder, path: Path, branch: &str, keep: bool) {
        let flows = self.transactions.flows();
        let sent_by = flows.sent_by(path.flow);
        let transport = flows.transport(path.flow).map_or("UDP", |transport| transport.via());
        // RFC 6223 4.3: we would send keep-alives.
        let keep = if keep && self.would_keep_alive(path) { ";keep" } else { "" };
        builder.parts(Name::Via, &["SIP/2.0/", transport, " ", sent_by, ";branch=", branch, ";rport", keep]);
    }

    /// The routes of a request; outside of any dialog those the registrar gave us (RFC 3608 6.1).
    fn routes<'a>(&'a self, outgoing: &'a Outgoing, path: Path) -> &'a [Box<str>] {
        let known = self.service_route(path);
        let registers = matches!(outgoing.purpose, Purpose::Register(_) | Purpose::Bindings(_));
        let is_first = || !known.is_empty() && NameAddrRef::parse(&outgoing.to).is_ok_and(|to| to.tag().is_none());
        if outgoing.routes.is_empty() && !registers && is_first() { known } else { &outgoing.routes }
    }

    /// The address of a flow, where others reach us.
    pub(super) fn flow_uri(&self, path: Path, sips: bool) -> String {
        self.uri_on(path, sips, self.config.user())
    }

    /// The same with another name in it.
    pub(super) fn uri_on(&self, path: Path, sips: bool, user: &str) -> String {
        let flows = self.transactions.flows();
        let mut uri = String::with_capacity(64);
        uri.push_str(if sips { "sips:" } else { "sip:" });
        uri.push_str(user);
        uri.push('@');
        flows.push_sent_by(path.flow, &mut uri);
        match flows.transport(path.flow) {
            // The scheme says so.
            Some(Transport::Tls) if sips => {}
            Some(transport) if transport.is_reliable() => {
                uri.push_str(";transport=");
                uri.push_str(transport.uri_param());
            }
            _ => {}
        }
        uri
    }

    /// A response for one of our requests.
    pub(super) fn on_response(&mut self, now: Instant, client: ClientId, key: Key, response: &Response, source: Path) {
        let Some(outgoing) = self.outgoing.get_mut(key) else {
            return self.on_stray(now, response, source);
        };
        if outgoing.client != Some(client) {
            return; // a late answer to a try that was given up
        }
        let purpose = outgoing.purpose;
        let status = response.status();
        let method = outgoing.method.clone();
        let _span = purpose.call().map(|call| {
            let span = self.message_span(call, method.as_str(), Some(status)).entered();
            super::span::log_received();
            span
        });
        let Some(outgoing) = self.outgoing.get_mut(key) else { return };
        if let Some(Target { transport, addr: Some(addr), .. }) = &outgoing.whereabouts.place {
            self.breakers.succeeded(*transport, *addr);
        }
        if status.is_provisional() {
            outgoing.heard = true;
            match purpose {
                Purpose::Invite(call) => self.on_invite_progress(now, call, response, source),
                Purpose::Reinvite(call) => self.on_reinvite_progress(now, call, response),
                _ => {}
            }
            return;
        }
        if matches!(status.code(), 401 | 407) && self.may_retry(purpose) {
            return self.on_challenge(now, key, response);
        }
        if self.may_retry(purpose) && self.lengthen(key, response) {
            return self.retry(now, key);
        }
        if status == StatusCode::SERVICE_UNAVAILABLE && self.is_unavailable(now, key, response) {
            return;
        }
        if may_keep(&purpose) {
            self.note_keep_alive(response, source);
            #[cfg(feature = "stun")]
            self.note_stun(now, purpose, response, source);
        }
        let Some(outgoing) = self.outgoing.remove(key) else { return };
        let proof = self.auth.accepted(response, response.body(), &outgoing.attempt);
        match proof {
            Err(cause) if status.is_success() => self.on_impostor(now, outgoing, response, source, cause),
            _ => self.finish_request(now, outgoing, Ok((response, source))),
        }
    }

    /// The same request once more, as a new transaction with the next CSeq (22.2).
    pub(super) fn retry(&mut self, now: Instant, key: Key) {
        let Some(outgoing) = self.outgoing.get(key) else { return };
        let (purpose, last, to) = (outgoing.purpose, outgoing.cseq, outgoing.to.clone());
        let cseq = self.next_cseq(purpose, last, &to);
        if let Some(outgoing) = self.outgoing.get_mut(key) {
            outgoing.cseq = cseq;
            (outgoing.client, outgoing.heard) = (None, false);
        }
        self.try_request(now, key);
    }

    fn next_cseq(&mut self, purpose: Purpose, last: u32, to: &str) -> u32 {
        match purpose {
            Purpose::Register(index) => self.registration.next_cseq(index),
            Purpose::Bindings(_) => self.registration.next_cseq(0),
            Purpose::Reinvite(call) | Purpose::Bye(call) | Purpose::Info(call, _) | Purpose::Trickle(call) => {
                match self.calls.get_mut(call).and_then(|call| call.dialog_mut()) {
                    Some(dialog) => dialog.next_cseq(),
                    None => last.saturating_add(1),
                }
            }
            // Of several forks the one it is for.
            Purpose::Prack(call, _) | Purpose::Update(call, _) => {
                match self.calls.get_mut(call).and_then(|call| call.dialog_to(to)) {
                    Some(dialog) => dialog.next_cseq(),
                    None => last.saturating_add(1),
                }
            }
            Purpose::Subscribe(key) | Purpose::Notify(key) => self.next_subscription_cseq(key, last),
            Purpose::Publish(key) => self.next_publication_cseq(key, last),
            Purpose::Refer(key) => self.next_refer_cseq(key, last),
            Purpose::Invite(_) | Purpose::Pager(_) | Purpose::Nobody => last.saturating_add(1),
        }
    }

    /// An INVITE that is being cancelled is not tried again with credentials.
    pub(super) fn may_retry(&self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Invite(call) => self.calls.get(call).is_some_and(|call| !call.is_ending()),
            Purpose::Reinvite(call) => !self.calls.get(call).is_some_and(Call::has_given_up),
            _ => true,
        }
    }

    /// A transaction ended without a final response.
    pub(super) fn on_transaction_failed(&mut self, now: Instant, client: ClientId, key: Key, error: Error) {
        if self.outgoing.get(key).is_some_and(|outgoing| outgoing.client == Some(client)) {
            self.on_failure(now, key, error);
        }
    }

    /// The request ended without a final response.
    pub(super) fn on_failure(&mut self, now: Instant, key: Key, error: Error) {
        if self.goes_by_datagram(now, key, &error) {
            return;
        }
        let error = self.blame_connection(now, key, error);
        if self.goes_over_another(now, key, &error) {
            return;
        }
        if matches!(error, Error::Transport(_) | Error::Timeout(_)) && self.fail_over(now, key, &error, None) {
            return;
        }
        if let Some(outgoing) = self.outgoing.remove(key) {
            self.finish_request(now, outgoing, Err(error));
        }
    }

    pub(super) fn finish_request(
        &mut self,
        now: Instant,
        outgoing: Outgoing,
        result: Result<(&Response, Path), Error>,
    ) {
        match outgoing.purpose {
            Purpose::Register(index) => self.on_registered(now, index, outgoing, result),
            Purpose::Bindings(op) => self.on_bindings(now, op, &outgoing, result),
            Purpose::Invite(call) => self.on_invited(now, call, outgoing, result),
            Purpose::Reinvite(call) => self.on_reinvited(now, call, outgoing, result),
            Purpose::Bye(call) => self.on_bye_answered(now, call, result),
            Purpose::Info(call, op) => self.on_info_answered(now, call, op, outgoing.heard, result),
            Purpose::Trickle(call) => self.on_trickled(now, call, outgoing.heard, result),
            Purpose::Update(call, op) => self.on_updated(now, call, op, outgoing, result),
            Purpose::Prack(call, op) => self.on_pracked(call, op, outgoing, result),
            Purpose::Pager(op) => self.on_pager_answered(op, result),
            Purpose::Subscribe(key) => self.on_subscribed(now, key, outgoing, result),
            Purpose::Notify(key) => self.on_notified(now, key, outgoing, result),
            Purpose::Publish(key) => self.on_published(now, key, result),
            Purpose::Refer(key) => self.on_referred(now, key, outgoing.heard, result),
            Purpose::Nobody => {}
        }
    }
}

/// The requests by which keep-alives are negotiated: those that register or make a dialog (RFC 6223 4.2).
fn may_keep(purpose: &Purpose) -> bool {
    matches!(purpose, Purpose::Register(_) | Purpose::Invite(_))
}
