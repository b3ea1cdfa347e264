//! Transfer (RFC 5589): REFER (RFC 3515) on both sides, and what becomes of it.
//!
//! The side that asks ([`transferor`]) has a [`TransferId`], the side that is asked ([`transferee`]) a
//! [`TransferRequestId`]; both outlive the call they are about. How the other side is told what becomes of it is a
//! subscription like others; here is only what those say.

mod across;
mod event;
mod refer;
mod transferee;
mod transferor;

pub(super) use across::Consultation;
pub use event::{
    FollowOptions, TransferEvent, TransferId, TransferOptions, TransferOutcome, TransferRequest, TransferRequestId,
};
pub(super) use transferee::Referral;
pub(super) use transferor::Transfer;

use bytes::Bytes;

use super::subscription::Package;
use super::{CallState, Endpoint, Error};
use crate::arena::Key;
use crate::message::{EventRef, StatusCode};
use crate::time::Instant;

/// The option tags.
pub(super) const NO_SUBSCRIPTION: &str = "norefersub";
pub(super) const TARGET_DIALOG: &str = "tdialog";

/// Transfers and requests for them at a time; beyond, ours fail with [`Error::Limit`] and theirs are answered 503.
const LIMIT: usize = 1000;

impl Endpoint {
    /// The transfers that have not ended, of both kinds.
    pub(super) fn transfers(&self) -> usize {
        self.transfers.len().saturating_add(self.referrals.len())
    }

    /// A call reached a state that transfers wait for.
    pub(super) fn on_call_state(&mut self, now: Instant, call: Key, state: CallState) {
        if self.transfers.len() > 0 {
            self.on_consulted(now, call, state);
        }
        if !self.consultations.is_empty() {
            self.end_consultations(call, state);
        }
        if state == CallState::Ended && self.referrals.len() > 0 {
            self.on_referrer_leaves(now, call);
        }
    }

    /// This side goes: what was asked for is not waited for, and nothing is followed any more.
    pub(super) fn end_transfers(&mut self, now: Instant) {
        let ours: Vec<_> = self.transfers.iter().map(|(key, _)| key).collect();
        for key in ours {
            self.end_transfer(now, key, Err(Error::Cancelled));
        }
        let theirs: Vec<_> = self.referrals.iter().map(|(key, _)| key).collect();
        for key in theirs {
            self.drop_referral(now, key);
        }
    }
}

/// What a subscription to the outcome of a REFER is to: the REFER's number tells several in a dialog apart (RFC 3515
/// 2.4.6).
fn package(cseq: u32) -> Package {
    let mut value = String::from("refer;id=");
    value.push_str(&cseq.to_string());
    match EventRef::parse(&value) {
        Ok(event) => Package::of(&event),
        Err(_) => Package { name: "refer".into(), id: None, value: "refer".into() },
    }
}

/// The body of a NOTIFY: a status line.
fn fragment(status: StatusCode, phrase: &str) -> (Box<str>, Bytes) {
    let mut line = String::from("SIP/2.0 ");
    line.push_str(&status.code().to_string());
    line.push(' ');
    line.push_str(phrase);
    line.push_str("\r\n");
    ("message/sipfrag;version=2.0".into(), line.into())
}
