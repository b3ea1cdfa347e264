//! Transfers in plain messages.

use std::collections::HashMap;
use std::time::Duration;

use super::command::Command;
use super::notification::{AddressValue, Notification, ResultValue};
use super::{Control, ErrorValue, gone, missing, status};
use crate::endpoint::{
    Error, FollowOptions, OpId, TransferEvent, TransferId, TransferOptions, TransferRequest, TransferRequestId,
};
use crate::message::StatusCode;
use crate::time::Instant;

/// Transfers of either side by the small numbers they carry outside.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    ours: HashMap<TransferId, u32>,
    theirs: HashMap<u32, TransferRequestId>,
    last: u32,
}

impl Numbers {
    /// The first has the number after that.
    pub(super) fn after(last: u32) -> Numbers {
        Numbers { last, ..Numbers::default() }
    }

    fn next(&mut self) -> u32 {
        self.last = self.last.wrapping_add(1);
        self.last
    }

    /// Those of ours that have not ended, in the order of their numbers.
    pub(super) fn open(&self) -> Vec<TransferId> {
        let mut open: Vec<(u32, TransferId)> = self.ours.iter().map(|(id, number)| (*number, *id)).collect();
        open.sort_unstable_by_key(|(number, _)| *number);
        open.into_iter().map(|(_, id)| id).collect()
    }

    /// Those that wait for a decision, in the same order.
    pub(super) fn asked(&self) -> Vec<TransferRequestId> {
        let mut asked: Vec<(u32, TransferRequestId)> = self.theirs.iter().map(|(number, id)| (*number, *id)).collect();
        asked.sort_unstable_by_key(|(number, _)| *number);
        asked.into_iter().map(|(_, id)| id).collect()
    }
}

impl Control {
    pub(super) fn transfer(&mut self, now: Instant, mut command: Command) -> Result<Option<OpId>, ErrorValue> {
        let call = self.call(&command)?;
        let target = command.target.take().ok_or_else(|| missing("target"))?;
        let transfer = self.endpoint.transfer(now, call, &target, options(&mut command))?;
        self.answer_transfer(command.id, transfer)
    }

    pub(super) fn transfer_to(&mut self, now: Instant, mut command: Command) -> Result<Option<OpId>, ErrorValue> {
        let call = self.call(&command)?;
        let other = command.other.ok_or_else(|| missing("other"))?;
        let other = self.calls.get(&other).copied().ok_or_else(gone)?;
        let transfer = self.endpoint.transfer_to(now, call, other, options(&mut command))?;
        self.answer_transfer(command.id, transfer)
    }

    pub(super) fn refer(&mut self, now: Instant, mut command: Command) -> Result<Option<OpId>, ErrorValue> {
        let peer = command.target.take().ok_or_else(|| missing("target"))?;
        let target = command.refer_to.take().ok_or_else(|| missing("referTo"))?;
        let transfer = self.endpoint.refer(now, &peer, &target, options(&mut command))?;
        self.answer_transfer(command.id, transfer)
    }

    pub(super) fn hand_over(&mut self, now: Instant, mut command: Command) -> Result<Option<OpId>, ErrorValue> {
        let call = self.call(&command)?;
        let peer = command.target.take().ok_or_else(|| missing("target"))?;
        let transfer = self.endpoint.hand_over(now, call, &peer, options(&mut command))?;
        self.answer_transfer(command.id, transfer)
    }

    pub(super) fn answer_transfer(&mut self, id: u32, transfer: TransferId) -> Result<Option<OpId>, ErrorValue> {
        let number = self.transfers.next();
        self.transfers.ours.insert(transfer, number);
        self.answer(id, ResultValue::Transfer { transfer: number });
        Ok(None)
    }

    pub(super) fn accept_transfer(&mut self, now: Instant, mut command: Command) -> Result<Option<OpId>, ErrorValue> {
        let request = self.request(&command)?;
        let options = FollowOptions { sdp: command.sdp(), headers: command.headers.take().unwrap_or_default() };
        let call = self.endpoint.accept_transfer(now, request, options)?;
        self.forget_request(&command);
        self.answer_call(command.id, call);
        Ok(None)
    }

    pub(super) fn reject_transfer(&mut self, now: Instant, command: &Command) -> Result<Option<OpId>, ErrorValue> {
        let (request, status) = (self.request(command)?, status(command, StatusCode::DECLINE)?);
        let op = self.endpoint.reject_transfer(now, request, status, command.reason.as_deref());
        if status.code() >= 400 {
            self.forget_request(command);
        }
        Ok(Some(op))
    }

    fn request(&self, command: &Command) -> Result<TransferRequestId, ErrorValue> {
        let number = command.transfer.ok_or_else(|| missing("transfer"))?;
        let known = self.transfers.theirs.get(&number).copied();
        known.ok_or_else(|| Error::State("the request for a transfer is over").into())
    }

    fn forget_request(&mut self, command: &Command) {
        if let Some(number) = command.transfer {
            self.transfers.theirs.remove(&number);
        }
    }

    pub(super) fn on_transfer(&mut self, id: TransferId, event: TransferEvent, at: Instant) -> Option<Notification> {
        let (transfer, at) = (*self.transfers.ours.get(&id)?, at.as_millis());
        Some(match event {
            TransferEvent::Accepted => Notification::TransferAccepted { transfer, at },
            TransferEvent::Progress { status, phrase } => {
                Notification::TransferProgress { transfer, status: status.code(), reason: phrase.into(), at }
            }
            TransferEvent::Ended(result) => {
                self.transfers.ours.remove(&id);
                let (status, reason, error) = match result {
                    Ok(outcome) => (outcome.status, outcome.phrase.into(), None),
                    Err(error) => (error.status(), error.to_string(), Some(error.into())),
                };
                let status = status.map(|status| status.code());
                Notification::TransferDone { transfer, status, reason, error, at }
            }
        })
    }

    pub(super) fn on_transfer_requested(
        &mut self,
        request: TransferRequestId,
        asked: TransferRequest,
        at: Instant,
    ) -> Notification {
        let transfer = self.transfers.next();
        self.transfers.theirs.insert(transfer, request);
        Notification::TransferRequest {
            transfer,
            call: asked.call.map(|call| self.number(call)),
            from: (&asked.from).into(),
            target: AddressValue {
                display_name: asked.target.display_name.as_deref().map(str::to_owned),
                uri: asked.target.uri.as_str().into(),
            },
            referred_by: asked.referred_by.as_ref().map(AddressValue::from),
            replaces: asked.target.replaces().is_some(),
            headers: asked.headers,
            at: at.as_millis(),
        }
    }

    pub(super) fn on_transfer_expired(&mut self, request: TransferRequestId, at: Instant) -> Option<Notification> {
        let number = self.transfers.theirs.iter().find(|(_, known)| **known == request).map(|(number, _)| *number)?;
        self.transfers.theirs.remove(&number);
        Some(Notification::TransferExpired { transfer: number, at: at.as_millis() })
    }
}

pub(super) fn options(command: &mut Command) -> TransferOptions {
    let mut options = TransferOptions { headers: command.headers.take().unwrap_or_default(), ..Default::default() };
    options.hang_up = command.hang_up.unwrap_or(options.hang_up);
    options.to_contact = command.to_contact.unwrap_or(options.to_contact);
    options.follow = command.follow.unwrap_or(options.follow);
    options.timeout = command.timeout.map_or(options.timeout, |millis| Duration::from_millis(millis.into()));
    options
}
