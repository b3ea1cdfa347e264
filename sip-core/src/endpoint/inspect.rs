//! Dialogs and transactions as they are now, for people who ask.

use super::{CallId, Endpoint, Owner, SubscriptionId};
use crate::dialog::{Dialog, DialogState, DialogStep};
use crate::transaction::TransactionInfo;

/// A dialog as it is now (RFC 3261 12).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DialogInfo {
    /// The call that uses it.
    pub call: Option<CallId>,
    /// The subscription whose own it is.
    pub subscription: Option<SubscriptionId>,
    /// The Call-ID.
    pub call_id: Box<str>,
    /// Our tag.
    pub local_tag: Box<str>,
    /// The other side's tag; empty for one that has none.
    pub remote_tag: Box<str>,
    /// Early or confirmed: one that is over is gone.
    pub state: DialogState,
    /// The number of our last request.
    pub local_cseq: u32,
    /// The number of the other side's last request.
    pub remote_cseq: Option<u32>,
    /// Where our requests go: the other side's last Contact.
    pub target: Box<str>,
    /// The way they take, the nearest hop first.
    pub route_set: Box<[Box<str>]>,
    /// How it came to this.
    pub history: Vec<DialogStep>,
}

impl DialogInfo {
    fn new(dialog: &Dialog, call: Option<CallId>, subscription: Option<SubscriptionId>) -> DialogInfo {
        DialogInfo {
            call,
            subscription,
            call_id: dialog.call_id().into(),
            local_tag: dialog.local_tag().into(),
            remote_tag: dialog.remote_tag().into(),
            state: dialog.state(),
            local_cseq: dialog.local_cseq(),
            remote_cseq: dialog.remote_cseq(),
            target: dialog.target().into(),
            route_set: dialog.route_set().into(),
            history: dialog.history().collect(),
        }
    }
}

impl Endpoint {
    /// The dialogs there are, the oldest first: of calls, a fork each while they are early, and of subscriptions that have one
    /// of their own.
    pub fn inspect_dialogs(&self) -> Vec<DialogInfo> {
        let calls = self.calls.iter().flat_map(|(key, call)| {
            call.dialogs.iter().map(move |dialog| DialogInfo::new(dialog, Some(CallId(key)), None))
        });
        let subscriptions = self.subscriptions.iter().filter_map(|(key, subscription)| {
            Some(DialogInfo::new(subscription.dialog()?, None, Some(SubscriptionId(key))))
        });
        let mut dialogs: Vec<_> = calls.chain(subscriptions).collect();
        dialogs.sort_by_key(|dialog| dialog.history.first().map(|step| step.at));
        dialogs
    }

    /// The transactions there are, the oldest first, also those that only wait for copies of what they have seen; with the
    /// call of those whose INVITE, or request within it, is still to be answered.
    pub fn inspect_transactions(&self) -> Vec<(Option<CallId>, TransactionInfo)> {
        let call = |owner| match owner {
            Owner::Call(key) => self.calls.get(key).map(|_| CallId(key)),
            Owner::Outgoing(key) => self.outgoing.get(key)?.purpose.call().map(CallId),
        };
        let mut all: Vec<_> = self.transactions.inspect().map(|(owner, info)| (owner.and_then(call), info)).collect();
        all.sort_by_key(|(_, info)| info.history.first().map(|step| step.at));
        all
    }
}
