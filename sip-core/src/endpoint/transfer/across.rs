//! Bringing a call together with one of another shard (RFC 5589 7.3 and 7.6). That one's shard is asked whom it leads to, and
//! says so when it is established; until then the transfer waits, as for a call of its own shard.

use super::super::callee::GONE;
use super::super::event::{CallId, CallState};
use super::super::{Endpoint, Error, shard};
use super::{TransferId, TransferOptions};
use crate::arena::Key;
use crate::message::ReferTarget;
use crate::time::Instant;
use crate::transport::{Note, Output};

/// What becomes of transfers to the calls of a shard that fails.
const LOST: Error = Error::Internal("the other call was lost");

/// A question to the shard of a call.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Consultation {
    transfer: TransferId,
    other: CallId,
    to_contact: bool,
}

/// Its answer.
#[derive(Debug)]
struct Consulted {
    transfer: TransferId,
    result: Result<ReferTarget, Error>,
}

/// Calls of a shard are gone: it has begun anew.
#[derive(Debug)]
struct Fallen(usize);

impl Endpoint {
    /// The shard that a call is of, if there are several and it is another one's.
    pub(super) fn shard_of_call(&self, call: CallId) -> Option<usize> {
        let own = self.config.shard?;
        Some(shard::of_key(own.sharding, call.0)).filter(|index| *index != own.index)
    }

    /// As [`transfer_to`](Endpoint::transfer_to) a call of another shard.
    pub(super) fn transfer_across(&mut self, call: CallId, other: CallId, options: TransferOptions) -> TransferId {
        let to_contact = options.to_contact;
        let key = self.insert_transfer(Some(call.0), options);
        if let Some(transfer) = self.transfers.get_mut(key) {
            transfer.consulted = Some(other.0);
        }
        let transfer = TransferId(key);
        self.tell(Consultation { transfer, other, to_contact });
        transfer
    }

    /// Whether a transfer can wait for this call of this shard, or go to whom it leads.
    pub(crate) fn check_consulted(&self, call: CallId) -> Result<(), Error> {
        match self.calls.get(call.0).map(|call| call.state) {
            None | Some(CallState::Ending | CallState::Ended) => Err(GONE),
            Some(_) => Ok(()),
        }
    }

    /// This one has taken the place of another, whose calls are gone.
    pub(in super::super) fn tell_fallen(&mut self) {
        if let Some(shard) = self.config.shard {
            self.tell(Fallen(shard.index));
        }
    }

    fn tell(&mut self, news: impl std::any::Any + Send + Sync) {
        self.transactions.flows_mut().push_output(Output::Tell(Note::new(news)));
    }

    /// What another shard asks, answers or tells of transfers.
    pub(in super::super) fn take_consultation(&mut self, now: Instant, note: &Note) {
        if let Some(asked) = note.get::<Consultation>() {
            if self.shard_of_call(asked.other).is_none() {
                self.consult(*asked);
            }
        } else if let Some(consulted) = note.get::<Consulted>() {
            self.on_consulted_across(now, consulted);
        } else if let Some(Fallen(index)) = note.get::<Fallen>() {
            let waits =
                |other: Option<Key>| other.is_some_and(|other| self.shard_of_call(CallId(other)) == Some(*index));
            let keys: Vec<Key> =
                self.transfers.iter().filter(|(_, transfer)| waits(transfer.consulted)).map(|(key, _)| key).collect();
            for key in keys {
                self.end_transfer(now, key, Err(LOST));
            }
        }
    }

    /// Answers now, or when the call is.
    fn consult(&mut self, asked: Consultation) {
        let Consultation { transfer, other, to_contact } = asked;
        let result = match self.calls.get(other.0).map(|call| call.state) {
            Some(CallState::Established) => self.consulted_target(other.0, to_contact),
            // It was there when the transfer began.
            None if self.config.shard.is_some_and(|own| shard::is_of_predecessor(own, other.0)) => Err(LOST),
            None | Some(CallState::Ending | CallState::Ended) => Err(Error::Cancelled),
            Some(_) => return self.consultations.push(asked),
        };
        self.tell(Consulted { transfer, result });
    }

    /// A call that another shard waits for has got somewhere.
    pub(super) fn end_consultations(&mut self, call: Key, state: CallState) {
        if !matches!(state, CallState::Established | CallState::Ending | CallState::Ended) {
            return;
        }
        let over: Vec<Consultation> = self.consultations.extract_if(.., |asked| asked.other.0 == call).collect();
        for Consultation { transfer, to_contact, .. } in over {
            let result = match state {
                CallState::Established => self.consulted_target(call, to_contact),
                _ => Err(Error::Cancelled),
            };
            self.tell(Consulted { transfer, result });
        }
    }

    fn on_consulted_across(&mut self, now: Instant, consulted: &Consulted) {
        let TransferId(key) = consulted.transfer;
        // One that has ended meanwhile, or is another shard's, does not wait.
        let waited = self.transfers.get_mut(key).and_then(|transfer| transfer.consulted.take());
        match (waited, &consulted.result) {
            (None, _) => {}
            (Some(_), Ok(target)) => self.send_refer(now, key, target, None),
            (Some(_), Err(error)) => self.end_transfer(now, key, Err(error.clone())),
        }
    }
}
