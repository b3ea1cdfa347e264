//! What an agent has to say.

use super::command::CandidateValue;
use super::error::{EndValue, ErrorValue};
use super::events::{SubscriptionEndValue, SummaryValue};
use super::identity::{DiversionValue, IdentityValue, PastTargetValue};
use super::inspection::{DialogValue, TransactionValue};
use super::json::{self, Write, Writer, writes, writes_tagged};
use super::registration::{BindingValue, RegistrationSnapshot};
use super::snapshot::Snapshot;
use crate::auth::{Algorithm, Scheme};
use crate::endpoint::{
    CallEvent, CallState, ConnectionState, Event, Invitation, Outcome, RegistrationState, SavedCall,
};
use crate::message::{NameAddr, redacted};
use crate::time::Instant;
use crate::transport::Path;
use bytes::Bytes;

/// One thing an agent says. Times are milliseconds since the Unix epoch.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each field is described where it comes from, in endpoint::Event and CallEvent")]
pub enum Notification {
    /// The command of this number is done.
    Result { id: u32, value: ResultValue },
    /// The command of this number failed.
    Error { id: u32, error: ErrorValue },
    /// The way to the server.
    Transport { state: &'static str, message: Option<String>, at: u64 },
    /// The registration.
    Registration { state: &'static str, expires: Option<u32>, error: Option<ErrorValue>, at: u64 },
    /// Somebody calls.
    Incoming {
        call: u32,
        call_id: String,
        from: AddressValue,
        to: AddressValue,
        identity: IdentityValue,
        trusted: bool,
        diversions: Vec<DiversionValue>,
        targets: Vec<PastTargetValue>,
        sdp: Option<String>,
        replaces: Option<u32>,
        joins: Option<u32>,
        referred_by: Option<AddressValue>,
        trickle: bool,
        headers: Vec<(String, String)>,
        at: u64,
    },
    /// A call's state.
    State { call: u32, state: &'static str, cause: String, at: u64 },
    /// A provisional response.
    Progress { call: u32, status: u16, reason: String, sdp: Option<String>, at: u64 },
    /// The call goes on elsewhere.
    Redirected { call: u32, status: u16, reason: String, target: String, at: u64 },
    /// The other side's description.
    Answered { call: u32, sdp: Option<String>, at: u64 },
    /// The other side offers anew.
    Offer { call: u32, sdp: Option<String>, at: u64 },
    /// The ACK brought the answer to our offer.
    Negotiated { call: u32, sdp: String, at: u64 },
    /// Who the other side is.
    Identity { call: u32, identity: IdentityValue, previous: IdentityValue, at: u64 },
    /// Who holds.
    Hold { call: u32, local: bool, remote: bool, at: u64 },
    /// The other side knows where we are after a loss of the connection.
    Recovered { call: u32, at: u64 },
    /// The other side takes candidates one by one.
    Trickle { call: u32, at: u64 },
    /// Candidates of the other side.
    Candidates { call: u32, candidates: Vec<CandidateValue>, end: bool, at: u64 },
    /// INFO.
    Info { call: u32, package: Option<String>, content_type: String, body: String, dtmf: Option<DtmfValue>, at: u64 },
    /// An established call has changed.
    Saved { call: u32, saved: Box<SavedCall> },
    /// MESSAGE.
    Message { from: AddressValue, content_type: String, body: String, at: u64 },
    /// A subscription's state.
    Subscription { subscription: u32, state: &'static str, expires: Option<u32>, cause: Option<String>, at: u64 },
    /// A NOTIFY for a subscription of ours.
    Notice {
        subscription: u32,
        package: String,
        state: &'static str,
        content_type: String,
        body: String,
        summary: Option<SummaryValue>,
        at: u64,
    },
    /// Another notifier answered.
    Forked { subscription: u32, fork: u32, at: u64 },
    /// The other side asked for more time.
    Refreshed { subscription: u32, expires: u32, at: u64 },
    /// A subscription is over.
    SubscriptionEnded { subscription: u32, end: SubscriptionEndValue, at: u64 },
    /// Somebody subscribes.
    IncomingSubscription {
        subscription: u32,
        call: Option<u32>,
        from: AddressValue,
        to: AddressValue,
        package: String,
        event: String,
        expires: u32,
        content_type: String,
        body: String,
        headers: Vec<(String, String)>,
        at: u64,
    },
    /// A NOTIFY that nobody subscribed to.
    Unsolicited {
        from: AddressValue,
        package: String,
        content_type: String,
        body: String,
        summary: Option<SummaryValue>,
        at: u64,
    },
    /// A publication.
    Publication { publication: u32, state: &'static str, expires: Option<u32>, error: Option<ErrorValue>, at: u64 },
    /// A call is over.
    Ended { call: u32, end: EndValue, at: u64 },
    /// A server wants credentials that are missing or were refused.
    CredentialsNeeded {
        query: u64,
        realm: String,
        proxy: bool,
        schemes: Vec<&'static str>,
        algorithms: Vec<&'static str>,
        authz_server: Option<String>,
        scope: Option<String>,
        why: &'static str,
        at: u64,
    },
    /// A transfer of ours: the other side took the request.
    TransferAccepted { transfer: u32, at: u64 },
    /// What it tells of the new call.
    TransferProgress { transfer: u32, status: u16, reason: String, at: u64 },
    /// It is over.
    TransferDone { transfer: u32, status: Option<u16>, reason: String, error: Option<ErrorValue>, at: u64 },
    /// The other side asks for a transfer.
    TransferRequest {
        transfer: u32,
        call: Option<u32>,
        from: AddressValue,
        target: AddressValue,
        referred_by: Option<AddressValue>,
        replaces: bool,
        headers: Vec<(String, String)>,
        at: u64,
    },
    /// Nobody decided about it in time.
    TransferExpired { transfer: u32, at: u64 },
    /// Something came that cannot be read.
    Malformed { remote: String, message: String, at: u64 },
    /// A message passed; secrets masked.
    Trace { direction: &'static str, transport: &'static str, remote: String, text: String, at: u64 },
    /// Where it can be reached. Told by a native driver, which knows.
    Listening { transport: String, local: String },
    /// Nothing follows.
    Stopped { at: u64 },
}

/// What a command came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are those of Outcome")]
pub enum ResultValue {
    Null(()),
    Registered { expires: u32 },
    Call { call: u32, call_id: String },
    Transfer { transfer: u32 },
    Negotiated { sdp: Option<String> },
    Subscription { subscription: u32 },
    Published { publication: u32, expires: u32 },
    Response { status: u16, reason: String },
    Bindings { bindings: Vec<BindingValue> },
    Snapshot(Box<Snapshot>),
    Saved { saved: Box<SavedCall> },
    Registration(Box<RegistrationSnapshot>),
    Dialogs { dialogs: Vec<DialogValue> },
    Transactions { transactions: Vec<TransactionValue> },
}

/// A display name and a URI.
#[derive(Clone, Debug)]
pub struct AddressValue {
    /// Unquoted; absent if empty.
    pub display_name: Option<String>,
    /// The URI as written.
    pub uri: String,
}

/// A digit.
#[derive(Clone, Copy, Debug)]
pub struct DtmfValue {
    /// `0`-`9`, `*`, `#`, `A`-`D`.
    pub tone: char,
    /// Milliseconds.
    pub duration: u32,
}

impl Notification {
    /// As JSON, the way `js/src/protocol/` describes it.
    ///
    /// ```
    /// let stopped = offhook_core::control::Notification::Stopped { at: 7 };
    /// assert_eq!(stopped.to_json(), r#"{"type":"stopped","at":7}"#);
    /// ```
    pub fn to_json(&self) -> String {
        json::to_json(self)
    }
}

impl Notification {
    pub(super) fn incoming(
        call: u32,
        replaces: Option<u32>,
        joins: Option<u32>,
        invitation: Invitation,
        at: Instant,
    ) -> Notification {
        Notification::Incoming {
            call,
            call_id: invitation.call_id.into(),
            from: (&invitation.from).into(),
            to: (&invitation.to).into(),
            identity: (&invitation.identity).into(),
            trusted: invitation.trusted,
            diversions: invitation.diversions.iter().map(DiversionValue::from).collect(),
            targets: invitation.targets.iter().map(PastTargetValue::from).collect(),
            sdp: invitation.sdp.map(text),
            replaces,
            joins,
            referred_by: invitation.referred_by.as_ref().map(AddressValue::from),
            trickle: invitation.trickle,
            headers: invitation.headers.into_vec(),
            at: at.as_millis(),
        }
    }

    pub(super) fn of_call(call: u32, event: CallEvent, at: Instant) -> Option<Notification> {
        let at = at.as_millis();
        Some(match event {
            CallEvent::State(step) if step.state == CallState::Ended => return None, // `ended` says it
            CallEvent::State(step) => {
                Notification::State { call, state: step.state.name(), cause: step.cause.to_string(), at }
            }
            CallEvent::Progress { status, phrase, sdp } => {
                Notification::Progress { call, status: status.code(), reason: phrase.into(), sdp: sdp.map(text), at }
            }
            CallEvent::Redirected { status, phrase, target } => Notification::Redirected {
                call,
                status: status.code(),
                reason: phrase.into(),
                target: target.as_str().into(),
                at,
            },
            CallEvent::Answered { sdp } => Notification::Answered { call, sdp: sdp.map(text), at },
            CallEvent::Offer { sdp } => Notification::Offer { call, sdp: sdp.map(text), at },
            CallEvent::Negotiated { sdp } => Notification::Negotiated { call, sdp: text(sdp), at },
            CallEvent::Identity { identity, previous } => {
                Notification::Identity { call, identity: (&*identity).into(), previous: (&*previous).into(), at }
            }
            CallEvent::Hold(hold) => Notification::Hold { call, local: hold.local, remote: hold.remote, at },
            CallEvent::Recovered => Notification::Recovered { call, at },
            CallEvent::Trickle => Notification::Trickle { call, at },
            CallEvent::Candidates { candidates, end } => {
                let candidates = candidates.into_iter().map(Into::into).collect();
                Notification::Candidates { call, candidates, end, at }
            }
            CallEvent::Info { package, content_type, body, dtmf } => Notification::Info {
                call,
                package: package.map(Into::into),
                content_type: content_type.into(),
                body: text(body),
                dtmf: dtmf.map(|dtmf| DtmfValue { tone: dtmf.tone, duration: dtmf.duration }),
                at,
            },
            CallEvent::Ended(end) => Notification::Ended { call, end: end.into(), at },
        })
    }

    pub(super) fn of_agent(event: Event) -> Option<Notification> {
        Some(match event {
            Event::Connection { state, at } => {
                let (state, message) = match state {
                    ConnectionState::Connecting => ("connecting", None),
                    ConnectionState::Connected => ("connected", None),
                    ConnectionState::Disconnected(message) => ("disconnected", message.map(String::from)),
                };
                Notification::Transport { state, message, at: at.as_millis() }
            }
            Event::Registration { state, at } => {
                let (state, expires, error) = match state {
                    RegistrationState::Registering => ("registering", None, None),
                    RegistrationState::Registered { expires } => ("registered", Some(expires), None),
                    RegistrationState::Unregistered => ("unregistered", None, None),
                    RegistrationState::Failed(error) => ("failed", None, Some(error.into())),
                };
                Notification::Registration { state, expires, error, at: at.as_millis() }
            }
            Event::Message { from, content_type, body, at } => Notification::Message {
                from: (&from).into(),
                content_type: content_type.into(),
                body: text(body),
                at: at.as_millis(),
            },
            Event::CredentialsNeeded { query, request, at } => Notification::CredentialsNeeded {
                query: query.number(),
                realm: request.realm.into(),
                proxy: request.proxy,
                schemes: request.schemes.into_iter().map(Scheme::as_str).collect(),
                algorithms: request.algorithms.into_iter().map(Algorithm::as_str).collect(),
                authz_server: request.authz_server.map(String::from),
                scope: request.scope.map(String::from),
                why: request.why.name(),
                at: at.as_millis(),
            },
            Event::Malformed { source, error, at } => Notification::Malformed {
                remote: remote(source.remote),
                message: error.to_string(),
                at: at.as_millis(),
            },
            Event::Trace { outgoing, transport, remote: peer, bytes, at, .. } => Notification::Trace {
                direction: if outgoing { "out" } else { "in" },
                transport: transport.map_or("", |transport| transport.via()),
                remote: remote(peer),
                text: redacted(&bytes),
                at: at.as_millis(),
            },
            Event::Notice { from, notice, at } => Notification::unsolicited(&from, notice, at),
            Event::Stopped { at } => Notification::Stopped { at: at.as_millis() },
            // Told by the control itself.
            Event::Done { .. } | Event::Incoming { .. } | Event::Call { .. } => return None,
            Event::Transfer { .. } | Event::TransferRequested { .. } | Event::TransferExpired { .. } => return None,
            Event::Subscription { .. } | Event::IncomingSubscription { .. } | Event::Publication { .. } => return None,
        })
    }
}

fn remote(address: std::net::SocketAddr) -> String {
    if address == Path::UNKNOWN { "server".into() } else { address.to_string() }
}

pub(super) fn text(bytes: Bytes) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

impl From<&NameAddr> for AddressValue {
    fn from(address: &NameAddr) -> AddressValue {
        let view = address.view();
        AddressValue {
            display_name: view.display_name().filter(|name| !name.is_empty()).map(|name| name.into_owned()),
            uri: view.uri_text().into(),
        }
    }
}

impl From<Outcome> for ResultValue {
    fn from(outcome: Outcome) -> ResultValue {
        match outcome {
            Outcome::Done => ResultValue::Null(()),
            Outcome::Registered { expires } => ResultValue::Registered { expires },
            Outcome::Negotiated { sdp } => ResultValue::Negotiated { sdp: sdp.map(text) },
            // Its number is the control's to give.
            Outcome::Published { .. } => ResultValue::Null(()),
            Outcome::Bindings(bindings) => {
                ResultValue::Bindings { bindings: bindings.iter().map(BindingValue::from).collect() }
            }
            Outcome::Response { status, phrase } => {
                ResultValue::Response { status: status.code(), reason: phrase.into() }
            }
        }
    }
}

writes_tagged!(Notification, "type":
    Result { id, value },
    Error { id, error },
    Transport { state, message, at },
    Registration { state, expires, error, at },
    Incoming { call, call_id, from, to, identity, trusted, diversions, targets, sdp, replaces, joins, referred_by, trickle, headers, at },
    State { call, state, cause, at },
    Progress { call, status, reason, sdp, at },
    Redirected { call, status, reason, target, at },
    Answered { call, sdp, at },
    Offer { call, sdp, at },
    Negotiated { call, sdp, at },
    Identity { call, identity, previous, at },
    Hold { call, local, remote, at },
    Recovered { call, at },
    Trickle { call, at },
    Candidates { call, candidates, end, at },
    Info { call, package, content_type, body, dtmf, at },
    Saved { call, saved },
    Message { from, content_type, body, at },
    Subscription { subscription, state, expires, cause, at },
    Notice { subscription, package, state, content_type, body, summary, at },
    Forked { subscription, fork, at },
    Refreshed { subscription, expires, at },
    SubscriptionEnded { subscription, end, at },
    IncomingSubscription { subscription, call, from, to, package, event, expires, content_type, body, headers, at },
    Unsolicited { from, package, content_type, body, summary, at },
    Publication { publication, state, expires, error, at },
    Ended { call, end, at },
    CredentialsNeeded { query, realm, proxy, schemes, algorithms, authz_server, scope, why, at },
    TransferAccepted { transfer, at },
    TransferProgress { transfer, status, reason, at },
    TransferDone { transfer, status, reason, error, at },
    TransferRequest { transfer, call, from, target, referred_by, replaces, headers, at },
    TransferExpired { transfer, at },
    Malformed { remote, message, at },
    Trace { direction, transport, remote, text, at },
    Listening { transport, local },
    Stopped { at }
);

writes!(AddressValue { display_name, uri });

writes!(DtmfValue { tone, duration });

/// `writes_fields!(self, writer; A { a, b }, …)`: an object of the variant's fields, which say by themselves which it is.
macro_rules! writes_fields {
    ($value:expr, $writer:expr; $($variant:ident { $($field:ident),* }),* ; $($other:pat => $write:expr),* $(,)?) => {
        match $value {
            $(ResultValue::$variant { $($field),* } => {
                let outer = $writer.open(concat!($(stringify!($field), " "),*));
                $($writer.field($field);)*
                $writer.close(outer);
            })*
            $($other => $write,)*
        }
    };
}

impl Write for ResultValue {
    fn write(&self, writer: &mut Writer) {
        writes_fields!(self, writer;
            Registered { expires },
            Call { call, call_id },
            Transfer { transfer },
            Negotiated { sdp },
            Subscription { subscription },
            Published { publication, expires },
            Response { status, reason },
            Bindings { bindings },
            Saved { saved },
            Dialogs { dialogs },
            Transactions { transactions };
            ResultValue::Null(()) => writer.null(),
            ResultValue::Snapshot(snapshot) => snapshot.write(writer),
            ResultValue::Registration(registration) => registration.write(writer),
        );
    }
}
