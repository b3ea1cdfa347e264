//! What an agent is told to do.

use super::json::{self, Bad, Field, Json, Read, one_of, reads, writes};
use super::{ErrorValue, Ha1, Notification, PushValue, missing};
use crate::auth::SecretText;
use crate::endpoint::{Replacement, SavedCall};
use crate::sdp::TrickledCandidate;
use bytes::Bytes;

/// One command: a number chosen by the sender, what to do, and what that needs. Which fields go with which kind is
/// written in `js/src/protocol/`; one that is missing gives an `input` error naming it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Command {
    /// Comes back in the `result` or `error`.
    pub id: u32,
    /// What to do.
    pub kind: Kind,
    /// Which call.
    pub call: Option<u32>,
    /// Whom to call or ask.
    pub target: Option<String>,
    /// A session description.
    pub sdp: Option<String>,
    /// Further header fields.
    pub headers: Option<Vec<(String, String)>>,
    /// The call whose place a new one takes.
    pub replaces: Option<ReplacementValue>,
    /// The call that a new one joins.
    pub joins: Option<ReplacementValue>,
    /// What our Contact says of us.
    pub features: Option<Vec<(String, Option<String>)>>,
    /// Name the side that takes a call over by its Contact.
    pub to_contact: Option<bool>,
    /// How many redirections a new call follows.
    pub follow_redirects: Option<u8>,
    /// As whom to call.
    pub preferred_identity: Option<String>,
    /// What is to be kept private: `id`, `header` ….
    pub privacy: Option<Vec<String>>,
    /// Nobody is to know who calls.
    pub anonymous: bool,
    /// How long the other side may take to answer a call, in ms.
    pub answer_timeout: Option<u32>,
    /// Which request for a transfer.
    pub transfer: Option<u32>,
    /// The call to bring together with `call`.
    pub other: Option<u32>,
    /// Whom a peer is to call.
    pub refer_to: Option<String>,
    /// End the call that was transferred; see [`TransferOptions`](crate::endpoint::TransferOptions).
    pub hang_up: Option<bool>,
    /// Be told how a transfer goes.
    pub follow: Option<bool>,
    /// Milliseconds the other side of a transfer may be silent.
    pub timeout: Option<u32>,
    /// A SIP status.
    pub status: Option<u16>,
    /// A reason phrase, or a Reason header's value.
    pub reason: Option<String>,
    /// Where to redirect to.
    pub contacts: Option<Vec<String>>,
    /// The type of `body`.
    pub content_type: Option<String>,
    /// Which package an INFO is of.
    pub package: Option<String>,
    /// A message's body.
    pub body: Option<String>,
    /// Which subscription.
    pub subscription: Option<u32>,
    /// Which publication.
    pub publication: Option<u32>,
    /// An event package, perhaps with parameters.
    pub event: Option<String>,
    /// Seconds.
    pub expires: Option<u32>,
    /// The media types of notifications.
    pub accept: Option<String>,
    /// Forks make subscriptions of their own.
    pub forks: Option<bool>,
    /// Subscribe again after a loss.
    pub renew: Option<bool>,
    /// Accepted, but not decided about.
    pub pending: bool,
    /// Seconds after which it may be tried again.
    pub retry_after: Option<u32>,
    /// A digit.
    pub tone: Option<String>,
    /// Milliseconds of a digit.
    pub duration: Option<u32>,
    /// Candidates of this side.
    pub candidates: Option<Vec<CandidateValue>>,
    /// There are no more.
    pub end: bool,
    /// Milliseconds a shutdown may take.
    pub deadline: Option<u32>,
    /// How a server can wake us (RFC 8599).
    pub push: Option<PushValue>,
    /// A call of another agent.
    pub saved: Option<Box<SavedCall>>,
    /// Which question for credentials.
    pub query: Option<u64>,
    /// Digest user name.
    pub username: Option<String>,
    /// A password.
    pub password: Option<SecretText>,
    /// In place of a password.
    pub ha1: Option<Ha1>,
    /// An access token.
    pub token: Option<SecretText>,
}

/// A call of somebody else's, as that one names it.
#[derive(Clone, Debug)]
pub struct ReplacementValue {
    /// Call-ID.
    pub call_id: String,
    /// The tag of the side that is called now.
    pub to_tag: String,
    /// The tag of the other side.
    pub from_tag: String,
    /// Only while it is not answered.
    pub early_only: bool,
}

impl From<ReplacementValue> for Replacement {
    fn from(value: ReplacementValue) -> Replacement {
        let ReplacementValue { call_id, to_tag, from_tag, early_only } = value;
        Replacement { call_id: call_id.into(), to_tag: to_tag.into(), from_tag: from_tag.into(), early_only }
    }
}

impl From<Replacement> for ReplacementValue {
    fn from(value: Replacement) -> ReplacementValue {
        let Replacement { call_id, to_tag, from_tag, early_only } = value;
        ReplacementValue { call_id: call_id.into(), to_tag: to_tag.into(), from_tag: from_tag.into(), early_only }
    }
}

/// A candidate and the media it is for.
#[derive(Clone, Debug)]
pub struct CandidateValue {
    /// The `a=mid`.
    pub mid: String,
    /// The value of an `a=candidate` line.
    pub candidate: String,
}

impl From<CandidateValue> for TrickledCandidate {
    fn from(value: CandidateValue) -> TrickledCandidate {
        TrickledCandidate { mid: value.mid.into(), candidate: value.candidate.into() }
    }
}

impl From<TrickledCandidate> for CandidateValue {
    fn from(value: TrickledCandidate) -> CandidateValue {
        CandidateValue { mid: value.mid.into(), candidate: value.candidate.into() }
    }
}

impl Command {
    /// A command with nothing but its kind.
    pub fn new(id: u32, kind: Kind) -> Command {
        Command {
            id,
            kind,
            call: None,
            target: None,
            sdp: None,
            headers: None,
            replaces: None,
            joins: None,
            features: None,
            to_contact: None,
            follow_redirects: None,
            preferred_identity: None,
            privacy: None,
            anonymous: false,
            answer_timeout: None,
            transfer: None,
            other: None,
            refer_to: None,
            hang_up: None,
            follow: None,
            timeout: None,
            status: None,
            reason: None,
            contacts: None,
            content_type: None,
            package: None,
            body: None,
            subscription: None,
            publication: None,
            event: None,
            expires: None,
            accept: None,
            forks: None,
            renew: None,
            pending: false,
            retry_after: None,
            tone: None,
            duration: None,
            candidates: None,
            end: false,
            deadline: None,
            push: None,
            saved: None,
            query: None,
            username: None,
            password: None,
            ha1: None,
            token: None,
        }
    }

    pub(super) fn sdp(&mut self) -> Option<Bytes> {
        self.sdp.take().map(Bytes::from)
    }

    pub(super) fn content(&mut self) -> Result<(String, Bytes), ErrorValue> {
        let content_type = self.content_type.take().ok_or_else(|| missing("contentType"))?;
        let body = self.body.take().ok_or_else(|| missing("body"))?;
        Ok((content_type, body.into()))
    }
}

reads!(Command {
    id, kind as "type", call, target, sdp, headers, replaces, joins, features, to_contact, follow_redirects,
    preferred_identity, privacy, anonymous, answer_timeout, transfer, other, refer_to, hang_up, follow, timeout,
    status, reason, contacts, content_type, package, body, subscription, publication, event, expires, accept, forks,
    renew, pending, retry_after, tone, duration, candidates, end, deadline, push, saved, query, username, password,
    ha1, token,
});

reads!(ReplacementValue { call_id, to_tag, from_tag, early_only });

writes!(ReplacementValue { call_id, to_tag, from_tag, early_only });

reads!(CandidateValue { mid, candidate });

writes!(CandidateValue { mid, candidate });

/// `kinds!(A, B, …)`: the kinds, each read from its name.
macro_rules! kinds {
    ($($kind:ident),* $(,)?) => {
        /// What a command does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        #[allow(missing_docs, reason = "each is the Endpoint's method of that name, described there")]
        pub enum Kind {
            $($kind),*
        }

        impl Read for Kind {
            fn read(json: Json, bad: &mut Option<Bad>) -> Option<Kind> {
                const ALL: &[Kind] = &[$(Kind::$kind),*];
                ALL.get(one_of(json, concat!($(stringify!($kind), " "),*), bad)?).copied()
            }
        }
    };
}

kinds!(
    Connect,
    CheckConnection,
    Register,
    Unregister,
    Call,
    Ring,
    Answer,
    Reject,
    Redirect,
    Hangup,
    Hold,
    Resume,
    Renegotiate,
    Update,
    AcceptOffer,
    RejectOffer,
    Info,
    Trickle,
    Dtmf,
    Options,
    Message,
    Subscribe,
    Unsubscribe,
    RefreshSubscription,
    AcceptSubscription,
    RejectSubscription,
    Notify,
    TerminateSubscription,
    Publish,
    UpdatePublication,
    RemovePublication,
    Inspect,
    Transfer,
    TransferTo,
    HandOver,
    SetFeatures,
    Refer,
    AcceptTransfer,
    RejectTransfer,
    Shutdown,
    Credentials,
    Bindings,
    ClearBindings,
    InspectRegistration,
    InspectDialogs,
    InspectTransactions,
    SaveCall,
    RestoreCall,
);

impl Field for Kind {
    fn nothing() -> Kind {
        Kind::Connect
    }
}

/// A text that is no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadCommand {
    /// The number of the command if that could be read, else 0.
    pub id: u32,
    /// The field that is wrong, or `command`.
    pub field: String,
    /// Where in the text, in bytes.
    pub offset: usize,
    /// What is wrong there.
    pub message: String,
}

impl From<BadCommand> for Notification {
    fn from(bad: BadCommand) -> Notification {
        let BadCommand { id, field, offset, message } = bad;
        Notification::Error { id, error: ErrorValue::Input { field, offset, message } }
    }
}

impl Command {
    /// Reads a command from JSON, as `js/src/protocol/` describes it.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and the number by which that is to be told.
    ///
    /// ```
    /// use offhook_core::control::{Command, Kind};
    ///
    /// let command = Command::from_json(r#"{"id":1,"type":"call","target":"sip:bob@example.com"}"#).unwrap();
    /// assert_eq!(command.kind, Kind::Call);
    /// assert_eq!(Command::from_json(r#"{"id":2,"type":"sing"}"#).unwrap_err().id, 2);
    /// ```
    pub fn from_json(text: &str) -> Result<Command, BadCommand> {
        let number = |json: &Json| json.number_at("id").and_then(|id| id.try_into().ok()).unwrap_or_default();
        json::read(text, "command", number).map_err(|(id, bad)| {
            let Bad { field, offset, message } = bad;
            BadCommand { id, field, offset, message }
        })
    }
}
