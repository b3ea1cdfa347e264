//! What an endpoint tells its owner.

use std::borrow::Cow;

use bytes::Bytes;

use super::credentials::CredentialQuery;
use super::error::{Error, Reason};
use super::identity::{Diverted, PastTarget, RemoteIdentity};
use super::publication::{PublicationId, PublicationState};
use super::received::Headers;
use super::registration::ContactBinding;
use super::subscription::{Notice, SubscriptionEvent, SubscriptionId, SubscriptionRequest};
use super::transfer::{TransferEvent, TransferId, TransferRequest, TransferRequestId};
use crate::arena::Key;
use crate::auth::CredentialRequest;
use crate::message::{NameAddr, ParseError, StatusCode, Uri, Wire};
use crate::sdp::TrickledCandidate;
use crate::time::Instant;
use crate::transport::{FlowId, Path, Transport};

/// Names a call of one endpoint; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(pub(crate) Key);

impl CallId {
    /// The number behind it, the same in every language's handles.
    pub const fn number(self) -> u64 {
        self.0.to_u64()
    }
}

/// Names an operation whose end is told by [`Event::Done`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OpId(pub(crate) u64);

/// What an operation came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Done, nothing to add.
    Done,
    /// The registrar granted this many seconds.
    Registered {
        /// Seconds.
        expires: u32,
    },
    /// A re-INVITE was agreed on; the peer's description, if it sent one.
    Negotiated {
        /// The peer's description.
        sdp: Option<Bytes>,
    },
    /// The compositor has what was published.
    Published {
        /// The publication.
        publication: PublicationId,
        /// Seconds granted.
        expires: u32,
    },
    /// Everything that is bound to the address of record.
    Bindings(Vec<ContactBinding>),
    /// The final response to a request outside of a call.
    Response {
        /// Its status.
        status: StatusCode,
        /// Its phrase.
        phrase: Box<str>,
    },
}

/// A call's state. RFC 3261's dialog states are one level below: see [`DialogState`](crate::dialog::DialogState).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallState {
    /// INVITE sent, nothing heard.
    Calling,
    /// 100 heard.
    Proceeding,
    /// The other side rings (18x), or it rings here.
    Ringing,
    /// 2xx sent or heard, the ACK not yet.
    Answered,
    /// Answered and acknowledged.
    Established,
    /// CANCEL or BYE on its way.
    Ending,
    /// Over.
    Ended,
}

impl CallState {
    /// The state in one word.
    pub const fn name(self) -> &'static str {
        match self {
            CallState::Calling => "calling",
            CallState::Proceeding => "proceeding",
            CallState::Ringing => "ringing",
            CallState::Answered => "answered",
            CallState::Established => "established",
            CallState::Ending => "ending",
            CallState::Ended => "ended",
        }
    }
}

/// One step of a call's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// When.
    pub at: Instant,
    /// Into which state.
    pub state: CallState,
    /// What did it, e.g. `180 Ringing`.
    pub cause: Cow<'static, str>,
}

/// Who called whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// We did.
    Outgoing,
    /// The other side did.
    Incoming,
}

/// Whose doing the end of a call was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// This side's application.
    Local,
    /// The other side.
    Remote,
    /// Time or transport.
    Network,
}

impl EndedBy {
    /// It in one word.
    pub const fn name(self) -> &'static str {
        match self {
            EndedBy::Local => "local",
            EndedBy::Remote => "remote",
            EndedBy::Network => "network",
        }
    }
}

/// Why a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Whose doing.
    pub by: EndedBy,
    /// The final status, where there was one: 200 after a BYE, 486, 487 ….
    pub status: Option<StatusCode>,
    /// The phrase, or other words.
    pub phrase: Cow<'static, str>,
    /// The Reason header of the BYE, CANCEL or response (RFC 3326).
    pub reason: Option<Reason>,
    /// The error, unless the call ended in order.
    pub error: Option<Error>,
}

impl End {
    /// The call is lost with the endpoint it was in.
    pub(crate) fn with_its_endpoint() -> End {
        let phrase = "the user agent has failed".into();
        End { by: EndedBy::Network, status: None, phrase, reason: None, error: Some(Error::BEGUN_ANEW) }
    }
}

/// Which side holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hold {
    /// This side holds the other.
    pub local: bool,
    /// The other side holds this one.
    pub remote: bool,
}

/// An incoming INVITE.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// Call-ID.
    pub call_id: Box<str>,
    /// From.
    pub from: NameAddr,
    /// To.
    pub to: NameAddr,
    /// Who calls, as far as it may be believed.
    pub identity: RemoteIdentity,
    /// It came from somebody whose assertions are believed (see [`IdentityTrust`](super::IdentityTrust)): then what follows
    /// may be, too.
    pub trusted: bool,
    /// Who diverted the call to here, the last first (RFC 5806).
    pub diversions: Vec<Diverted>,
    /// Where the call was meant to go, in the order of its way (RFC 7044).
    pub targets: Vec<PastTarget>,
    /// The offer; `None`: ours is asked for in the answer.
    pub sdp: Option<Bytes>,
    /// The call of ours whose place it wants to take (RFC 3891), which ends when this one is established, and goes on as
    /// it was otherwise. Who may ask for that: see [`Replacing`](super::Replacing).
    pub replaces: Option<CallId>,
    /// The call of ours that it wants to be mixed with (RFC 3911). Who may ask for that: see
    /// [`Config::joining`](super::Config::joining).
    pub joins: Option<CallId>,
    /// Who sent the caller here (RFC 3892), as the caller says.
    pub referred_by: Option<NameAddr>,
    /// The caller takes candidates that come after the answer (RFC 8840), and so do we: the answer need not wait for them.
    pub trickle: bool,
    /// Every header field, in order.
    pub headers: Headers,
}

/// A digit by INFO (`application/dtmf-relay` or `application/dtmf`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dtmf {
    /// `0`-`9`, `*`, `#`, `A`-`D`.
    pub tone: char,
    /// Milliseconds.
    pub duration: u32,
}

/// What happened within one call.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CallEvent {
    /// The state changed.
    State(Transition),
    /// A provisional response other than 100.
    Progress {
        /// Its status.
        status: StatusCode,
        /// Its phrase.
        phrase: Box<str>,
        /// Early media.
        sdp: Option<Bytes>,
    },
    /// The call goes on elsewhere: it was redirected, or a place it was redirected to failed (RFC 3261 8.1.3.4).
    Redirected {
        /// Why.
        status: StatusCode,
        /// Its phrase.
        phrase: Box<str>,
        /// Where to.
        target: Uri,
    },
    /// The other side's description of an answered call: with its 2xx or, reliably, before it; or with its ACK after an
    /// INVITE without offer.
    Answered {
        /// The description.
        sdp: Option<Bytes>,
    },
    /// The other side offers anew, or its first reliable response offers because our INVITE did not: accept or reject.
    Offer {
        /// The offer; `None`: ours is asked for.
        sdp: Option<Bytes>,
    },
    /// The ACK brought the answer to our offer in a 2xx to a re-INVITE, or the PRACK that to our offer in a provisional
    /// response.
    Negotiated {
        /// The answer.
        sdp: Bytes,
    },
    /// The other side is somebody else, or more is known of who it is: it was said in a response, a re-INVITE or an UPDATE
    /// (RFC 3325, RFC 4916), e.g. because the other side was transferred.
    Identity {
        /// Who it is.
        identity: Box<RemoteIdentity>,
        /// Who it was.
        previous: Box<RemoteIdentity>,
    },
    /// Who holds changed.
    Hold(Hold),
    /// INFO (RFC 6086).
    Info {
        /// The package, if it is of one of [`Config::info_packages`](super::Config::info_packages).
        package: Option<Box<str>>,
        /// Content-Type.
        content_type: Box<str>,
        /// The body.
        body: Bytes,
        /// The digit, if it was one.
        dtmf: Option<Dtmf>,
    },
    /// The connection the call was made over was lost, and the other side knows by now where this one is reached instead.
    /// Media that did not outlive that need a new path (ICE restart).
    Recovered,
    /// The other side takes candidates one by one, as they are found (RFC 8840): see
    /// [`Endpoint::trickle`](super::Endpoint::trickle). Told once the call is established.
    Trickle,
    /// Candidates of the other side that its description does not have, each told once.
    Candidates {
        /// In the order in which it told them.
        candidates: Vec<TrickledCandidate>,
        /// There are no more.
        end: bool,
    },
    /// It is over; nothing follows.
    Ended(End),
}

/// A registration's state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegistrationState {
    /// REGISTER on its way, for the first time or after a failure.
    Registering,
    /// 2xx; refreshed by itself.
    Registered {
        /// Seconds granted.
        expires: u32,
    },
    /// Not registered, as asked.
    Unregistered,
    /// Refused or lost. Tried again after a while if it had been registered.
    Failed(Error),
}

/// The state of the way to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionState {
    /// Being opened.
    Connecting,
    /// Up.
    Connected,
    /// Down; tried again by itself once it had been up.
    Disconnected(Option<Box<str>>),
}

/// Everything an endpoint tells.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// An operation came to its end.
    Done {
        /// Which.
        op: OpId,
        /// How.
        result: Result<Outcome, Error>,
    },
    /// The way to the server changed.
    Connection {
        /// How.
        state: ConnectionState,
        /// When.
        at: Instant,
    },
    /// The registration changed.
    Registration {
        /// How.
        state: RegistrationState,
        /// When.
        at: Instant,
    },
    /// Somebody calls.
    Incoming {
        /// The new call.
        call: CallId,
        /// Who and what.
        invitation: Box<Invitation>,
        /// When.
        at: Instant,
    },
    /// Something happened in a call.
    Call {
        /// Which.
        call: CallId,
        /// What.
        event: CallEvent,
        /// When.
        at: Instant,
    },
    /// Something happened to a transfer of ours.
    Transfer {
        /// Which.
        transfer: TransferId,
        /// What.
        event: TransferEvent,
        /// When.
        at: Instant,
    },
    /// The other side asks for a transfer: accept or reject.
    TransferRequested {
        /// Which.
        request: TransferRequestId,
        /// Who asks for what.
        asked: Box<TransferRequest>,
        /// When.
        at: Instant,
    },
    /// A request for a transfer was neither accepted nor rejected in time.
    TransferExpired {
        /// Which.
        request: TransferRequestId,
        /// When.
        at: Instant,
    },
    /// A MESSAGE outside of any dialog (RFC 3428), answered 200.
    Message {
        /// Who.
        from: NameAddr,
        /// Content-Type.
        content_type: Box<str>,
        /// The body.
        body: Bytes,
        /// When.
        at: Instant,
    },
    /// Something happened to a subscription, of either role.
    Subscription {
        /// Which.
        subscription: SubscriptionId,
        /// What.
        event: SubscriptionEvent,
        /// When.
        at: Instant,
    },
    /// Somebody subscribes (RFC 6665 4.2.1): accept or reject. Without a word within 4 × T1 it is pending.
    IncomingSubscription {
        /// The new subscription.
        subscription: SubscriptionId,
        /// Who and what.
        request: Box<SubscriptionRequest>,
        /// When.
        at: Instant,
    },
    /// A publication changed (RFC 3903).
    Publication {
        /// Which.
        publication: PublicationId,
        /// How.
        state: PublicationState,
        /// When.
        at: Instant,
    },
    /// A NOTIFY that nobody subscribed to, of a package in [`Config::unsolicited`](super::Config::unsolicited).
    Notice {
        /// Who.
        from: NameAddr,
        /// What.
        notice: Notice,
        /// When.
        at: Instant,
    },
    /// A server wants credentials that only the application can give (only if [`Config::ask_credentials`] is set). The
    /// requests it asked in wait for [`Endpoint::credentials`].
    ///
    /// [`Config::ask_credentials`]: super::Config::ask_credentials
    /// [`Endpoint::credentials`]: super::Endpoint::credentials
    CredentialsNeeded {
        /// Names the question.
        query: CredentialQuery,
        /// Who asks for what, and why.
        request: Box<CredentialRequest>,
        /// When.
        at: Instant,
    },
    /// Something came that cannot be read.
    Malformed {
        /// From where.
        source: Path,
        /// What is wrong with it, where.
        error: ParseError,
        /// When.
        at: Instant,
    },
    /// A message passed (only if tracing is on).
    Trace {
        /// True: it went out.
        outgoing: bool,
        /// On which flow.
        flow: FlowId,
        /// How.
        transport: Option<Transport>,
        /// From or to whom.
        remote: std::net::SocketAddr,
        /// The message, whole: credentials are in it. Show it by [`redacted`](crate::message::redacted) only.
        bytes: Wire,
        /// When.
        at: Instant,
    },
    /// Shut down: nothing follows.
    Stopped {
        /// When.
        at: Instant,
    },
}
