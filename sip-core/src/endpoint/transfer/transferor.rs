//! The side that asks for a transfer: REFER, what its NOTIFYs tell, and the end of the call that was transferred.

use super::super::event::{CallId, CallState, End, EndedBy, Event};
use super::super::headers::check_headers;
use super::super::outgoing::{self, Outgoing};
use super::super::replaces::{REPLACES, value_of};
use super::super::subscription::{Notice, Purpose, Seat, SubscriptionEnd, SubscriptionState};
use super::super::{Endpoint, Error, Refusal, Timer};
use super::{LIMIT, TARGET_DIALOG, TransferEvent, TransferId, TransferOptions, TransferOutcome, package};
use crate::arena::Key;
use crate::body::{Fragment, fragment_status};
use crate::message::{Method, NameAddrRef, ReferTarget, Response, StatusCode, Uri, UriRef};
use crate::time::Instant;
use crate::timer::TimerId;
use crate::transaction;
use crate::transport::Path;

/// Seconds to ask for when the subscription to the outcome is refreshed.
const LIFETIME: u32 = 300;

/// Header fields of a REFER that have options of their own.
const FROM_OPTIONS: [&str; 6] = ["refer-to", "r", "refer-sub", "target-dialog", "referred-by", "b"];

/// A transfer that this side asked for.
#[derive(Debug)]
pub(in super::super) struct Transfer {
    /// The call that is transferred.
    call: Option<Key>,
    /// The call with the target, while its answer is waited for (RFC 5589 7.6).
    pub(super) consulted: Option<Key>,
    options: TransferOptions,
    accepted: bool,
    /// What was told last, so that a refreshed report of it tells nothing.
    told: Option<(StatusCode, Box<str>)>,
    subscription: Option<Key>,
    timer: Option<TimerId>,
}

impl Transfer {
    /// The call that is transferred.
    pub(in super::super) fn call(&self) -> Option<Key> {
        self.call
    }
}

impl Endpoint {
    /// Asks the other side of a call to call somebody else in its place: a blind transfer (RFC 5589 6). The REFER is on its
    /// way when this returns; what becomes of it is told by [`Event::Transfer`], also after the call has ended.
    ///
    /// The target may carry header fields for the new INVITE, as in `sip:carol@example.com?Subject=x`.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] for a target or header that cannot be sent, [`Error::State`] unless the call is established, or
    /// if it is being transferred already, [`Error::Limit`] with too many transfers.
    pub fn transfer(
        &mut self,
        now: Instant,
        call: CallId,
        target: &str,
        options: TransferOptions,
    ) -> Result<TransferId, Error> {
        let target = self.refer_target(target)?;
        self.may_transfer(call, &options)?;
        let key = self.insert_transfer(Some(call.0), options);
        self.send_refer(now, key, &target, None);
        self.begun(now, key)
    }

    /// Brings the other sides of two calls together: an attended transfer (RFC 5589 7.3). The other side of `call` calls
    /// that of `other` with Replaces, so that the new call takes the place of `other`, which the other side ends.
    ///
    /// While `other`, a call of ours, still rings its answer is waited for first (7.6). If it is not answered the transfer
    /// fails, and `call` goes on. Of several shards `call` is this one's, and `other` may be another one's.
    ///
    /// # Errors
    ///
    /// As [`transfer`](Endpoint::transfer), and [`Error::Input`] if both are the same call.
    pub fn transfer_to(
        &mut self,
        now: Instant,
        call: CallId,
        other: CallId,
        options: TransferOptions,
    ) -> Result<TransferId, Error> {
        if call == other {
            return Err(Error::input("other", 0, "a call is not transferred to itself"));
        }
        self.may_transfer(call, &options)?;
        if self.shard_of_call(other).is_some() {
            return Ok(self.transfer_across(call, other, options));
        }
        let consulted = self.calls.get(other.0).ok_or(super::super::callee::GONE)?;
        match consulted.state {
            CallState::Established => {}
            CallState::Calling | CallState::Proceeding | CallState::Ringing | CallState::Answered => {
                let key = self.insert_transfer(Some(call.0), options);
                if let Some(transfer) = self.transfers.get_mut(key) {
                    transfer.consulted = Some(other.0);
                }
                return Ok(TransferId(key));
            }
            CallState::Ending | CallState::Ended => return Err(super::super::callee::GONE),
        }
        let target = self.consulted_target(other.0, options.to_contact)?;
        let key = self.insert_transfer(Some(call.0), options);
        self.send_refer(now, key, &target, None);
        self.begun(now, key)
    }

    /// Asks a peer to call somebody, outside of any call. What becomes of it is told by [`Event::Transfer`].
    ///
    /// # Errors
    ///
    /// As [`transfer`](Endpoint::transfer).
    pub fn refer(
        &mut self,
        now: Instant,
        peer: &str,
        target: &str,
        options: TransferOptions,
    ) -> Result<TransferId, Error> {
        let peer = self.complete_target(peer)?.request_uri();
        let target = self.refer_target(target)?;
        self.check_transfer(&options)?;
        let key = self.insert_transfer(None, options);
        self.send_refer(now, key, &target, Some(&peer));
        self.begun(now, key)
    }

    /// Asks a peer to take this side's place in a call, e.g. a server that plays music or parks the call: it calls the other
    /// side with Replaces, which then ends the call with us (RFC 5359 2.3, 2.15). What becomes of it is told by
    /// [`Event::Transfer`].
    ///
    /// # Errors
    ///
    /// As [`transfer`](Endpoint::transfer).
    pub fn hand_over(
        &mut self,
        now: Instant,
        call: CallId,
        peer: &str,
        options: TransferOptions,
    ) -> Result<TransferId, Error> {
        let peer = self.complete_target(peer)?.request_uri();
        self.may_transfer(call, &options)?;
        let target = self.consulted_target(call.0, options.to_contact)?;
        let key = self.insert_transfer(None, options);
        self.send_refer(now, key, &target, Some(&peer));
        self.begun(now, key)
    }

    fn refer_target(&self, target: &str) -> Result<ReferTarget, Error> {
        let uri = self.complete_target(target)?;
        let mut text = String::from("<");
        text.push_str(uri.as_str());
        text.push('>');
        ReferTarget::parse(&text).map_err(|error| Error::unparsable("target", &error))
    }

    fn check_transfer(&self, options: &TransferOptions) -> Result<(), Error> {
        self.may_begin()?;
        check_headers(&options.headers)?;
        let own = |name: &str| FROM_OPTIONS.iter().any(|own| own.eq_ignore_ascii_case(name));
        if let Some((name, _)) = options.headers.iter().find(|(name, _)| own(name)) {
            return Err(Error::input(name, 0, "this header field is written by the endpoint itself"));
        }
        match self.transfers() < LIMIT {
            true => Ok(()),
            false => Err(Error::Limit("too many transfers")),
        }
    }

    fn may_transfer(&self, call: CallId, options: &TransferOptions) -> Result<(), Error> {
        self.check_transfer(options)?;
        let entry = self.calls.get(call.0).ok_or(super::super::callee::GONE)?;
        if entry.state != CallState::Established {
            return Err(Error::State("the call is not established"));
        }
        match self.transfers.iter().any(|(_, transfer)| transfer.call == Some(call.0)) {
            true => Err(Error::State("the call is being transferred already")),
            false => Ok(()),
        }
    }

    pub(super) fn insert_transfer(&mut self, call: Option<Key>, options: TransferOptions) -> Key {
        self.transfers.insert(Transfer {
            call,
            consulted: None,
            options,
            accepted: false,
            told: None,
            subscription: None,
            timer: None,
        })
    }

    /// One that failed before anybody had its handle: its events are taken back, its error is all there is to tell.
    fn begun(&mut self, now: Instant, key: Key) -> Result<TransferId, Error> {
        self.pump(now);
        let id = TransferId(key);
        if self.transfers.get(key).is_some() {
            return Ok(id);
        }
        let mut cause = Error::Cancelled;
        self.events.retain(|event| match event {
            Event::Transfer { transfer, event, .. } if *transfer == id => {
                if let TransferEvent::Ended(Err(error)) = event {
                    cause = error.clone();
                }
                false
            }
            _ => true,
        });
        Err(cause)
    }

    /// Where the other side of a call is reached from elsewhere, and which dialog to replace there. With a server its
    /// address of record: its Contact may be reachable only within the dialog (RFC 5589 7.5). The new INVITE then requires
    /// Replaces, so that no other phone of that address answers it as a call like any other.
    pub(super) fn consulted_target(&self, other: Key, to_contact: bool) -> Result<ReferTarget, Error> {
        let dialog = self.calls.get(other).and_then(|call| call.dialog()).ok_or(super::super::callee::GONE)?;
        let address = NameAddrRef::parse(dialog.remote()).ok();
        let record = address.as_ref().map_or("", |address| address.uri_text());
        let direct = to_contact || self.config.server.is_none() || is_gruu(dialog.target());
        let uri = Uri::parse(if direct { dialog.target() } else { record });
        let uri = uri.or_else(|_| Uri::parse(record)).map_err(|error| Error::unparsable("target", &error))?;
        let replaces = value_of(dialog.call_id(), dialog.remote_tag(), dialog.local_tag());
        Ok(ReferTarget::new(&uri, Method::Invite).with_header("Replaces", &replaces).with_header("Require", REPLACES))
    }

    /// Sends the REFER: within the call, unless its other side is a GRUU, which takes it as a request of its own that
    /// names the call (RFC 7647 4); to a peer where there is no call.
    pub(super) fn send_refer(&mut self, now: Instant, key: Key, target: &ReferTarget, peer: Option<&Uri>) {
        let purpose = outgoing::Purpose::Refer(key);
        let call = self.transfers.get(key).and_then(|transfer| transfer.call);
        let dialog = call.and_then(|call| self.calls.get(call)).and_then(|call| call.dialog()).cloned();
        let hidden = dialog.as_ref().is_some_and(|dialog| Endpoint::is_hidden(dialog.local()));
        let (outgoing, seat) = match (dialog, call, peer) {
            // Another request of ours would tell who we are.
            (Some(mut dialog), Some(call), _) if hidden || !is_gruu(dialog.target()) => {
                let outgoing = self.dialog_request(&mut dialog, purpose, Method::Refer);
                if let Some(slot) = self.calls.get_mut(call).and_then(|call| call.dialog_mut()) {
                    slot.raise_cseq(dialog.local_cseq());
                }
                (outgoing, Seat::Call(call, dialog.remote_tag().into()))
            }
            (Some(dialog), ..) => {
                let mut value = String::from(dialog.call_id());
                for (name, tag) in [(";local-tag=", dialog.remote_tag()), (";remote-tag=", dialog.local_tag())] {
                    value.push_str(name);
                    value.push_str(tag);
                }
                let (outgoing, seat) = self.refer_outside(purpose, dialog.target());
                (outgoing.header("Require", TARGET_DIALOG).header("Target-Dialog", &value), seat)
            }
            (None, _, Some(peer)) => self.refer_outside(purpose, peer.as_str()),
            (None, _, None) => return self.end_transfer(now, key, Err(super::super::callee::GONE)),
        };
        let mut outgoing = outgoing.header("Refer-To", &target.to_string());
        if !hidden {
            outgoing = outgoing.header("Referred-By", &self.referrer());
        }
        outgoing.contact = true;
        let Some(transfer) = self.transfers.get(key) else { return };
        if !transfer.options.follow {
            outgoing = outgoing.header("Refer-Sub", "false");
        }
        for (name, value) in &transfer.options.headers {
            outgoing = outgoing.header(name, value);
        }
        let cseq = outgoing.cseq;
        let subscription = self.begin_subscriber(now, seat, package(cseq), Purpose::Transfer(key), LIFETIME);
        if let Some(transfer) = self.transfers.get_mut(key) {
            transfer.subscription = Some(subscription);
        }
        self.restart_transfer_timer(now, key);
        self.send_request(now, outgoing);
    }

    fn refer_outside(&mut self, purpose: outgoing::Purpose, target: &str) -> (Outgoing, Seat) {
        let mut awaited = self.awaited(target);
        awaited.cseq = 1;
        let mut to = String::from("<");
        to.push_str(target);
        to.push('>');
        let outgoing = Outgoing::new(purpose, Method::Refer, target, &awaited.local, &to, &awaited.call_id, 1);
        (outgoing, Seat::Awaited(awaited))
    }

    /// Our Referred-By value.
    fn referrer(&self) -> String {
        let mut value = String::from("<");
        value.push_str(self.config.aor.as_str());
        value.push('>');
        value
    }

    /// The number for a REFER that is sent once more: its NOTIFYs name that one.
    pub(in super::super) fn next_refer_cseq(&mut self, key: Key, last: u32) -> u32 {
        let transfer = self.transfers.get(key);
        let (call, subscription) = transfer.map_or((None, None), |transfer| (transfer.call, transfer.subscription));
        let next = match subscription {
            Some(subscription) => self.next_subscription_cseq(subscription, last),
            None => match call.and_then(|call| self.calls.get_mut(call)).and_then(|call| call.dialog_mut()) {
                Some(dialog) => dialog.next_cseq(),
                None => last.saturating_add(1),
            },
        };
        if let Some(subscription) = subscription {
            self.set_subscription_package(subscription, package(next));
        }
        next
    }

    pub(in super::super) fn on_referred(
        &mut self,
        now: Instant,
        key: Key,
        heard: bool,
        result: Result<(&Response, Path), Error>,
    ) {
        let call = self.transfers.get(key).and_then(|transfer| transfer.call);
        let error = match result {
            Ok((response, _)) if response.status().is_success() => {
                self.accepted(now, key);
                if response.refer_sub() == Some(false) {
                    let outcome = TransferOutcome { status: None, phrase: response.reason().into() };
                    self.forget_outcome(now, key);
                    self.end_transfer(now, key, Ok(outcome));
                }
                return;
            }
            Ok((response, _)) => Error::Status(Refusal::of(response.status(), response.reason(), response)),
            Err(error) => error,
        };
        if self.transfers.get(key).is_some_and(|transfer| !transfer.accepted) {
            self.forget_outcome(now, key);
            self.end_transfer(now, key, Err(error.clone()));
        }
        if let Some(call) = call {
            self.end_if_gone(now, call, error, heard);
        }
    }

    fn accepted(&mut self, now: Instant, key: Key) {
        let Some(transfer) = self.transfers.get_mut(key) else { return };
        if !std::mem::replace(&mut transfer.accepted, true) {
            self.tell_transfer(now, key, TransferEvent::Accepted);
        }
    }

    /// A NOTIFY of the side that is transferred. It is the proof that the REFER was taken, also before its 2xx is here.
    pub(in super::super) fn on_refer_notice(&mut self, now: Instant, key: Key, notice: &Notice) {
        if !self.listens(key) {
            return;
        }
        self.accepted(now, key);
        let Some((status, phrase)) = fragment_status(&notice.body) else { return };
        let step = (status, Box::<str>::from(phrase));
        let Some(transfer) = self.transfers.get_mut(key) else { return };
        if transfer.told.replace(step.clone()).as_ref() != Some(&step) {
            self.tell_transfer(now, key, TransferEvent::Progress { status, phrase: step.1 });
        }
        if status.is_provisional() {
            return self.restart_transfer_timer(now, key);
        }
        let result = match status.is_success() {
            true => Ok(TransferOutcome { status: Some(status), phrase: phrase.into() }),
            false => Err(Error::Status(refusal_of(status, phrase, notice))),
        };
        // Some never say that this was the last: then it is ended from here (diago#147).
        if notice.state == SubscriptionState::Terminated {
            self.forget_subscription_of(key);
        }
        self.end_transfer(now, key, result);
    }

    /// There will be no more NOTIFY, and none of them was final.
    pub(in super::super) fn on_refer_over(&mut self, now: Instant, key: Key, end: &SubscriptionEnd) {
        if !self.listens(key) {
            return;
        }
        self.forget_subscription_of(key);
        let timeout = matches!(&*end.reason, "timeout" | "giveup" | "expired");
        let result = match &end.error {
            Some(error) => Err(error.clone()),
            None if timeout => Err(Error::Timeout(transaction::Timer::N)),
            None => Ok(TransferOutcome { status: None, phrase: end.reason.clone() }),
        };
        self.end_transfer(now, key, result);
    }

    pub(in super::super) fn on_transfer_timer(&mut self, now: Instant, key: Key) {
        if let Some(transfer) = self.transfers.get_mut(key) {
            transfer.timer = None;
            self.end_transfer(now, key, Err(Error::Timeout(transaction::Timer::N)));
        }
    }

    fn restart_transfer_timer(&mut self, now: Instant, key: Key) {
        let Some(transfer) = self.transfers.get_mut(key) else { return };
        let timer = self.timers.insert(now + transfer.options.timeout, Timer::Transfer(key));
        if let Some(old) = transfer.timer.replace(timer) {
            self.timers.cancel(old);
        }
    }

    /// The call whose answer a transfer waits for goes on, or the one that is to be transferred ends.
    pub(super) fn on_consulted(&mut self, now: Instant, call: Key, state: CallState) {
        let concerned = |transfer: &Transfer| {
            transfer.consulted == Some(call) || (transfer.call == Some(call) && transfer.consulted.is_some())
        };
        let keys: Vec<_> =
            self.transfers.iter().filter(|(_, transfer)| concerned(transfer)).map(|(key, _)| key).collect();
        for key in keys {
            let Some(transfer) = self.transfers.get_mut(key) else { continue };
            match state {
                CallState::Established if transfer.consulted == Some(call) => {
                    transfer.consulted = None;
                    let to_contact = transfer.options.to_contact;
                    match self.consulted_target(call, to_contact) {
                        Ok(target) => self.send_refer(now, key, &target, None),
                        Err(error) => self.end_transfer(now, key, Err(error)),
                    }
                }
                CallState::Ending | CallState::Ended => self.end_transfer(now, key, Err(Error::Cancelled)),
                _ => {}
            }
        }
    }

    /// Nobody is told of the outcome any more, and there is none to ask for.
    fn forget_outcome(&mut self, now: Instant, key: Key) {
        if let Some(subscription) = self.transfers.get_mut(key).and_then(|transfer| transfer.subscription.take()) {
            self.drop_subscription(now, subscription);
        }
    }

    /// Whether it is still told what becomes of it.
    fn listens(&self, key: Key) -> bool {
        self.transfers.get(key).is_some_and(|transfer| transfer.subscription.is_some())
    }

    fn forget_subscription_of(&mut self, key: Key) {
        if let Some(transfer) = self.transfers.get_mut(key) {
            transfer.subscription = None;
        }
    }

    /// It is over: told, and the call ended that was transferred.
    pub(super) fn end_transfer(&mut self, now: Instant, key: Key, result: Result<TransferOutcome, Error>) {
        let Some(transfer) = self.transfers.remove(key) else { return };
        if let Some(timer) = transfer.timer {
            self.timers.cancel(timer);
        }
        if let Some(subscription) = transfer.subscription {
            self.begin_unsubscribe(now, subscription);
        }
        let answered = matches!(&result, Ok(TransferOutcome { status: Some(_), .. }));
        let event = TransferEvent::Ended(result);
        self.events.push_back(Event::Transfer { transfer: TransferId(key), event, at: now });
        let call = transfer.call.filter(|_| answered && transfer.options.hang_up);
        if let Some(call) = call
            && self.calls.get(call).is_some_and(|call| call.state == CallState::Established)
        {
            let end = End {
                by: EndedBy::Local,
                status: Some(StatusCode::OK),
                phrase: "transferred".into(),
                reason: None,
                error: None,
            };
            self.send_bye(now, call, Some(end));
        }
    }

    fn tell_transfer(&mut self, now: Instant, key: Key, event: TransferEvent) {
        self.events.push_back(Event::Transfer { transfer: TransferId(key), event, at: now });
    }
}

/// Whether a URI reaches one user agent from everywhere (RFC 5627 4.1).
fn is_gruu(uri: &str) -> bool {
    matches!(UriRef::parse(uri), Ok(UriRef::Sip(sip)) if sip.params.contains("gr"))
}

/// What a NOTIFY tells of the failure, which may be more than a status line.
fn refusal_of(status: StatusCode, phrase: &str, notice: &Notice) -> Refusal {
    match Fragment::parse(notice.body.clone()) {
        Ok(fragment) => Refusal::of(status, phrase, fragment.fields()),
        Err(_) => Refusal { status, phrase: phrase.into(), reason: None, retry_after: None, contacts: Vec::new() },
    }
}
