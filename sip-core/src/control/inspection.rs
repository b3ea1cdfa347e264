//! Dialogs and transactions as plain data.

use super::Control;
use super::json::writes;
use super::snapshot::{TransitionValue, history};
use crate::dialog::DialogState;
use crate::endpoint::{CallId, DialogInfo};
use crate::transaction::TransactionInfo;

/// A dialog as it is now.
#[derive(Clone, Debug)]
pub struct DialogValue {
    /// The number of the call that uses it.
    pub call: Option<u32>,
    /// The number of the subscription whose own it is.
    pub subscription: Option<u32>,
    /// Call-ID.
    pub call_id: String,
    /// Our tag.
    pub local_tag: String,
    /// The other side's.
    pub remote_tag: String,
    /// `early` or `confirmed`.
    pub state: &'static str,
    /// The number of our last request.
    pub local_cseq: u32,
    /// The number of theirs.
    pub remote_cseq: Option<u32>,
    /// Where our requests go.
    pub target: String,
    /// And on what way.
    pub route_set: Vec<String>,
    /// How it came to this.
    pub history: Vec<TransitionValue>,
}

/// A transaction as it is now.
#[derive(Clone, Debug)]
pub struct TransactionValue {
    /// The number of its call, while that is known.
    pub call: Option<u32>,
    /// `client`: the request is ours; `server`: it is not.
    pub role: &'static str,
    /// Of the request.
    pub method: &'static str,
    /// The RFC's name of the state.
    pub state: &'static str,
    /// How it came to this.
    pub history: Vec<TransitionValue>,
}

impl Control {
    pub(super) fn dialogs(&self) -> Vec<DialogValue> {
        let dialogs = self.endpoint.inspect_dialogs().into_iter();
        dialogs
            .map(|info| {
                let call = info.call.and_then(|call| self.numbers.get(&call)).copied();
                // Those of transfers have no number.
                let subscription = info.subscription.and_then(|subscription| self.subscriptions.number(subscription));
                DialogValue::new(call, subscription, info)
            })
            .collect()
    }

    pub(super) fn transactions(&self) -> Vec<TransactionValue> {
        let number = |call: CallId| self.numbers.get(&call).copied();
        let transactions = self.endpoint.inspect_transactions();
        transactions.iter().map(|(call, info)| TransactionValue::new(call.and_then(number), info)).collect()
    }
}

impl DialogValue {
    pub(super) fn new(call: Option<u32>, subscription: Option<u32>, info: DialogInfo) -> DialogValue {
        let name = |state| match state {
            DialogState::Early => "early",
            DialogState::Confirmed => "confirmed",
            DialogState::Terminated => "terminated",
        };
        DialogValue {
            call,
            subscription,
            call_id: info.call_id.into(),
            local_tag: info.local_tag.into(),
            remote_tag: info.remote_tag.into(),
            state: name(info.state),
            local_cseq: info.local_cseq,
            remote_cseq: info.remote_cseq,
            target: info.target.into(),
            route_set: info.route_set.into_iter().map(String::from).collect(),
            history: history(info.history.iter().map(|step| (step.at, name(step.state), &step.cause))),
        }
    }
}

impl TransactionValue {
    pub(super) fn new(call: Option<u32>, info: &TransactionInfo) -> TransactionValue {
        TransactionValue {
            call,
            role: if info.client { "client" } else { "server" },
            method: info.method,
            state: info.state.name(),
            history: history(info.history.iter().map(|step| (step.at, step.state.name(), &step.cause))),
        }
    }
}

writes!(DialogValue {
    call,
    subscription,
    call_id,
    local_tag,
    remote_tag,
    state,
    local_cseq,
    remote_cseq,
    target,
    route_set,
    history
});

writes!(TransactionValue { call, role, method, state, history });
