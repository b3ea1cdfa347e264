//! Responses: what all of ours have in common.

use super::Endpoint;
use super::outgoing::ALLOW;
use super::sips::wants_sips;
use crate::message::{Builder, Name, Request, StatusCode};
use crate::time::Instant;
use crate::transaction::{ServerId, respond_to};
use crate::transport::Path;

impl Endpoint {
    /// Answers a request with a final status and nothing else to tell.
    pub(super) fn refuse(
        &mut self,
        now: Instant,
        server: ServerId,
        request: &Request,
        source: Path,
        status: StatusCode,
        headers: &[(&str, &str)],
    ) {
        self.refuse_with(now, server, request, source, status, None, headers);
    }

    /// The same with a phrase of its own.
    #[allow(clippy::too_many_arguments, reason = "the request's parts and the response's")]
    pub(super) fn refuse_with(
        &mut self,
        now: Instant,
        server: ServerId,
        request: &Request,
        source: Path,
        status: StatusCode,
        phrase: Option<&str>,
        headers: &[(&str, &str)],
    ) {
        let in_dialog = request.to().is_ok_and(|to| to.tag().is_some_and(|tag| !tag.is_empty()));
        if in_dialog && phrase.is_none() && headers.is_empty() {
            // If the flow is gone the peer's own timers end its side.
            let _ = self.transactions.reply(now, server, request, source, status);
            return;
        }
        let tag = self.entropy.tag();
        // A response is owed, whatever was in the request it quotes.
        let plain = |text: &str| text.replace(['\r', '\n', '\0'], " ");
        let phrase = phrase.map(plain);
        let mut builder = respond_to(request, source.remote, status, phrase.as_deref(), Some(&tag));
        for (name, value) in headers {
            builder.named(name, &plain(value));
        }
        self.push_server(&mut builder);
        if let Ok(message) = builder.finish() {
            // If the flow is gone the peer's own timers end its side.
            let _ = self.transactions.respond(now, server, status, message);
        }
    }

    /// Starts a response that makes or uses a dialog: with the request's Record-Route (12.1.1).
    pub(super) fn dialog_response(
        &self,
        request: &Request,
        source: Path,
        status: StatusCode,
        tag: Option<&str>,
    ) -> Builder {
        let mut builder = respond_to(request, source.remote, status, None, tag);
        builder.copy(Name::RecordRoute, request);
        // RFC 6086 5.2.3: only in answer to theirs.
        if request.contains(Name::RecvInfo) && !self.config.info_packages.is_empty() {
            builder.header(Name::RecvInfo, &self.recv_info());
        }
        self.push_server(&mut builder);
        builder
    }

    pub(super) fn push_contact(&self, builder: &mut Builder, request: &Request, source: Path) {
        let hidden = request.to().is_ok_and(|to| Endpoint::is_hidden(to.as_str()));
        builder.parts(Name::Contact, &["<", &self.contact_uri(source, wants_sips(request), hidden), ">"]);
    }

    pub(super) fn push_capabilities(&self, builder: &mut Builder) {
        builder.header(Name::Allow, ALLOW);
        builder.parts(Name::Supported, &self.supported());
        self.push_events(builder);
    }

    /// Allow-Events (RFC 6665 4.4.4), if anything may be subscribed to.
    pub(super) fn push_events(&self, builder: &mut Builder) {
        let events = self.allow_events();
        if !events.is_empty() {
            builder.header(Name::AllowEvents, &events);
        }
    }

    pub(super) fn push_server(&self, builder: &mut Builder) {
        // A response is owed, also where the name of this agent cannot stand in it.
        if !self.config.user_agent.is_empty() && !self.config.user_agent.chars().any(char::is_control) {
            builder.header(Name::Server, &self.config.user_agent);
        }
    }
}
