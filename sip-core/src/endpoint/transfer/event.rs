//! What transfers are made with, and what they tell.

use std::time::Duration;

use bytes::Bytes;

use super::super::{CallId, Error};
use crate::arena::Key;
use crate::message::{NameAddr, ReferTarget, StatusCode};

/// Names a transfer that this side asked for; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransferId(pub(crate) Key);

impl TransferId {
    /// The number behind it, the same in every language's handles.
    pub const fn number(self) -> u64 {
        self.0.to_u64()
    }
}

/// Names a transfer that the other side asks for; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransferRequestId(pub(crate) Key);

impl TransferRequestId {
    /// The number behind it, the same in every language's handles.
    pub const fn number(self) -> u64 {
        self.0.to_u64()
    }
}

/// How a transfer is asked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TransferOptions {
    /// End the call that was transferred once the other side tells that the new one is answered. True; it goes on in any
    /// case where that fails.
    pub hang_up: bool,
    /// Have the other side tell how it goes; else, if it agrees to that (RFC 4488), the transfer is over when it is
    /// accepted, its outcome unknown. True.
    pub follow: bool,
    /// Name the side that takes the call over by its Contact, not by its address of record: where that address leads to
    /// another phone, or nowhere (RFC 5589 7.5). For attended transfers and calls that are handed over. False.
    pub to_contact: bool,
    /// How long the other side may be silent, from one word of it to the next; 180 s.
    pub timeout: Duration,
    /// Further header fields of the REFER.
    pub headers: Vec<(String, String)>,
}

impl Default for TransferOptions {
    fn default() -> TransferOptions {
        TransferOptions {
            hang_up: true,
            follow: true,
            to_contact: false,
            timeout: Duration::from_secs(180),
            headers: Vec::new(),
        }
    }
}

impl TransferOptions {
    /// Without the end of the call that is transferred.
    #[must_use]
    pub fn stay(mut self) -> TransferOptions {
        self.hang_up = false;
        self
    }

    /// Without being told how it goes.
    #[must_use]
    pub fn quiet(mut self) -> TransferOptions {
        self.follow = false;
        self
    }

    /// Naming the other side by its Contact.
    #[must_use]
    pub fn to_contact(mut self) -> TransferOptions {
        self.to_contact = true;
        self
    }

    /// With another time that the other side may be silent.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> TransferOptions {
        self.timeout = timeout;
        self
    }

    /// With one more header field of the REFER.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> TransferOptions {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// What came of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferOutcome {
    /// The final status of the new call, always a 2xx. `None`: the other side agreed to transfer but tells no more.
    pub status: Option<StatusCode>,
    /// Its phrase.
    pub phrase: Box<str>,
}

/// What happened to a transfer that this side asked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TransferEvent {
    /// The other side took the request. It may still ask its user, and nothing is transferred yet.
    Accepted,
    /// What the other side tells of the new call (the sipfrag of a NOTIFY): 100, 180, and the final status, each once.
    Progress {
        /// The status.
        status: StatusCode,
        /// Its phrase.
        phrase: Box<str>,
    },
    /// It is over; nothing follows. [`Error::Status`] is the refusal of the request or the failure of the new call,
    /// [`Error::Timeout`] says that no more was heard.
    Ended(Result<TransferOutcome, Error>),
}

/// A REFER that waits for the application (RFC 3515 2.4.2): nobody is called without its consent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TransferRequest {
    /// The call it is about: whose dialog it came in, or that it names by Target-Dialog (RFC 4538). `None`: it stands
    /// for itself, and nothing is known of who sent it but what it says.
    pub call: Option<CallId>,
    /// Who asks.
    pub from: NameAddr,
    /// Whom to call, and the header fields that are asked for, of which only those that do no harm are followed: Replaces,
    /// Subject, Priority, Accept-Contact, Reject-Contact, Request-Disposition, In-Reply-To, User-to-User.
    pub target: ReferTarget,
    /// Who refers, for the called side to see (RFC 3892).
    pub referred_by: Option<NameAddr>,
    /// Every header field, in order.
    pub headers: Vec<(String, String)>,
}

/// How a transfer is followed.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct FollowOptions {
    /// The offer of the new call. Without one the other side is asked to offer.
    pub sdp: Option<Bytes>,
    /// Further header fields of its INVITE.
    pub headers: Vec<(String, String)>,
}

impl FollowOptions {
    /// With an offer.
    pub fn with_sdp(sdp: impl Into<Bytes>) -> FollowOptions {
        FollowOptions { sdp: Some(sdp.into()), headers: Vec::new() }
    }

    /// With one more header field of the INVITE.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> FollowOptions {
        self.headers.push((name.into(), value.into()));
        self
    }
}
