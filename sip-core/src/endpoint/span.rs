//! What happens to calls, for `tracing`: each call has a span, and everything that is logged about it is in there.
//!
//! | span | level | fields |
//! |---|---|---|
//! | `call` | info | `id`: the number of its [`CallId`]; `direction`: `outgoing` or `incoming`; `remote`: the other side's URI, without a password; `shard`: of several, which it is in |
//! | `message`, in `call` | info | `method` of what is handled; `status` of a response |
//!
//! | event | level | fields |
//! |---|---|---|
//! | `state` | info | `state` after it, `cause` |
//! | `received`, `sent` | debug | none; within `message` |
//! | `told` | debug | `event`: the name of a [`CallEvent`] |
//!
//! All have the target `offhook::call`. No header field, description or body is in them, and no Call-ID: who knows that
//! can take part in a call. A span that nobody wants costs one look at whether somebody does.

use tracing::{Span, debug, info, info_span};

use super::call::Call;
use super::event::{CallEvent, CallId, Direction};
use super::outgoing::Purpose;
use super::{Config, Endpoint};
use crate::arena::Key;
use crate::message::{NameAddrRef, StatusCode, UriRef};

const TARGET: &str = "offhook::call";

impl Endpoint {
    /// The span of a call, for an application's own logs; a disabled one if nobody wants it or the call is over.
    pub fn call_span(&self, call: CallId) -> Span {
        self.calls.get(call.0).map_or_else(Span::none, |call| call.span.clone())
    }

    /// A call is there.
    pub(super) fn begin_span(&mut self, key: Key) {
        if let Some(call) = self.calls.get_mut(key) {
            call.span = span_of(&self.config, CallId(key), call);
        }
    }

    /// A message of a call is handled as long as this is held; every log meanwhile is about it.
    pub(super) fn message_span(&self, key: Key, method: &str, status: Option<StatusCode>) -> Span {
        let Some(call) = self.calls.get(key).filter(|call| !call.span.is_disabled()) else { return Span::none() };
        let status = status.map(StatusCode::code);
        info_span!(target: TARGET, parent: &call.span, "message", method, status)
    }

    /// A request of ours goes out.
    pub(super) fn log_sent(&self, purpose: Purpose, method: &str) {
        let Some(key) = purpose.call() else { return };
        let span = self.message_span(key, method, None);
        if !span.is_disabled() {
            debug!(target: TARGET, parent: &span, "sent");
        }
    }
}

/// Something of a call is told the application.
pub(super) fn log_told(span: &Span, event: &CallEvent) {
    if span.is_disabled() {
        return;
    }
    match event {
        CallEvent::State(step) => {
            let cause = &*step.cause;
            info!(target: TARGET, parent: span, state = step.state.name(), cause, "state");
        }
        other => debug!(target: TARGET, parent: span, event = name_of(other), "told"),
    }
}

/// Something came. It is logged in the span that is entered.
pub(super) fn log_received() {
    debug!(target: TARGET, "received");
}

fn span_of(config: &Config, id: CallId, call: &Call) -> Span {
    let span = info_span!(
        target: TARGET,
        parent: None,
        "call",
        id = id.number(),
        direction = match call.direction {
            Direction::Outgoing => "outgoing",
            Direction::Incoming => "incoming",
        },
        remote = tracing::field::Empty,
        shard = tracing::field::Empty,
    );
    if !span.is_disabled() {
        span.record("remote", plain(call.remote_value()).as_str());
        if let Some(shard) = config.shard {
            span.record("shard", shard.index as u64);
        }
    }
    span
}

/// Whose address it is, without what else may stand in one.
fn plain(value: &str) -> String {
    let address = NameAddrRef::parse(value).ok();
    match address.as_ref().and_then(|address| address.uri().ok()) {
        Some(UriRef::Sip(uri)) => {
            let mut text = String::from(if uri.secure { "sips:" } else { "sip:" });
            if let Some(user) = &uri.user {
                text.push_str(user);
                text.push('@');
            }
            text.push_str(&uri.host.to_string());
            text
        }
        _ => address.map(|address| address.uri_text().into()).unwrap_or_default(),
    }
}

const fn name_of(event: &CallEvent) -> &'static str {
    match event {
        CallEvent::State(_) => "state",
        CallEvent::Progress { .. } => "progress",
        CallEvent::Redirected { .. } => "redirected",
        CallEvent::Answered { .. } => "answered",
        CallEvent::Offer { .. } => "offer",
        CallEvent::Negotiated { .. } => "negotiated",
        CallEvent::Identity { .. } => "identity",
        CallEvent::Hold(_) => "hold",
        CallEvent::Info { .. } => "info",
        CallEvent::Recovered => "recovered",
        CallEvent::Trickle => "trickle",
        CallEvent::Candidates { .. } => "candidates",
        CallEvent::Ended(_) => "ended",
    }
}
