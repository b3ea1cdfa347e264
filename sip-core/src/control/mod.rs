//! An endpoint behind plain messages: one [`Command`] in, [`Notification`]s out, all of it data. The browser's classes
//! and `offhook agent --json` speak it; `js/src/protocol/` says the same in TypeScript.
//!
//! What it does not do: no protocol. Each command is one call on the [`Endpoint`], each event one notification.

mod command;
mod config;
mod error;
mod events;
mod identity;
mod inspection;
mod json;
mod notification;
mod numbers;
mod registration;
mod revival;
mod saved;
mod shards;
mod snapshot;
mod transfer;

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;

pub use command::{BadCommand, CandidateValue, Command, Kind, ReplacementValue};
pub use config::{AgentConfig, Ha1, SessionTimerValues, TimerValues};
pub use error::{EndValue, ErrorValue, ReasonValue};
pub use events::{CountsValue, SubscriptionEndValue, SummaryValue};
pub use identity::{DiversionValue, FoundValue, IdentityValue, PastTargetValue};
pub use inspection::{DialogValue, TransactionValue};
pub use json::ToJson;
pub use notification::{AddressValue, DtmfValue, Notification, ResultValue};
pub use registration::{BindingValue, FlowValue, PushStateValue, PushValue, RegistrationSnapshot};
pub use shards::{Commands, Consulted, Part, Recipient};
pub use snapshot::{HoldValue, SessionTimerValue, Snapshot, TransitionValue};

use crate::auth::Credential;
use crate::endpoint::{
    AnswerOptions, CallId, CallOptions, Config, CredentialQuery, Endpoint, Error, Event, OpId, Outcome, PublicationId,
    SavedCall, SubscriptionId,
};
use crate::hashing::take_out;
use crate::message::StatusCode;
use crate::time::Instant;
use crate::transport::{FlowChange, FlowError, FlowId, FlowInfo, Machine, Note, Output, Path, QueryId, Record};
use numbers::Numbers;

/// How long a shutdown may take if the command does not say.
const DEADLINE: Duration = Duration::from_secs(2);

/// An endpoint that is spoken to in plain messages.
#[derive(Debug)]
pub struct Control {
    endpoint: Endpoint,
    /// Which command waits for which operation.
    waiting: HashMap<OpId, u32>,
    /// Calls by the small numbers their handles carry outside.
    calls: HashMap<u32, CallId>,
    numbers: HashMap<CallId, u32>,
    next_call: u32,
    transfers: transfer::Numbers,
    subscriptions: Numbers<SubscriptionId>,
    publications: Numbers<PublicationId>,
    notifications: VecDeque<Notification>,
    /// Established calls as they were told last; `None`: they are not.
    saved: Option<HashMap<u32, SavedCall>>,
    /// It was begun anew, and was to be registered before.
    resumes: Option<bool>,
}

impl Control {
    /// An agent at rest.
    ///
    /// # Errors
    ///
    /// An `input` error naming the field that cannot be used.
    pub fn new(config: AgentConfig, seed: [u8; 32]) -> Result<Control, ErrorValue> {
        let keeps = config.keep_calls;
        let config = config.into_config().map_err(ErrorValue::from)?;
        Ok(Control::of(config, seed, keeps))
    }

    fn of(config: Config, seed: [u8; 32], keeps: bool) -> Control {
        let saved = keeps.then(HashMap::new);
        let first = shards::first_number(config.shard.map_or(0, |shard| shard.index));
        Control {
            endpoint: Endpoint::new(config, seed),
            waiting: HashMap::new(),
            calls: HashMap::new(),
            numbers: HashMap::new(),
            next_call: first,
            transfers: transfer::Numbers::after(first),
            subscriptions: Numbers::after(first),
            publications: Numbers::after(first),
            notifications: VecDeque::new(),
            saved,
            resumes: None,
        }
    }

    /// The endpoint itself.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Carries a command out. Exactly one `result` or `error` with its number answers it, now or later.
    pub fn command(&mut self, now: Instant, command: Command) {
        let id = command.id;
        match self.carry_out(now, command) {
            Ok(Some(op)) => {
                self.waiting.insert(op, id);
            }
            Ok(None) => {}
            Err(error) => self.notifications.push_back(Notification::Error { id, error }),
        }
    }

    fn carry_out(&mut self, now: Instant, mut command: Command) -> Result<Option<OpId>, ErrorValue> {
        Ok(Some(match command.kind {
            Kind::Connect => self.endpoint.connect(now),
            Kind::CheckConnection => self.endpoint.check_connection(now),
            Kind::Register => {
                if let Some(push) = command.push.take() {
                    self.endpoint.set_push(Some(push.into()))?;
                }
                self.endpoint.register(now)
            }
            Kind::Unregister => self.endpoint.unregister(now),
            Kind::Bindings => self.endpoint.bindings(now),
            Kind::ClearBindings => self.endpoint.clear_bindings(now),
            Kind::InspectRegistration => {
                let snapshot = RegistrationSnapshot::from(self.endpoint.inspect_registration());
                self.answer(command.id, ResultValue::Registration(Box::new(snapshot)));
                return Ok(None);
            }
            Kind::InspectDialogs => {
                let dialogs = self.dialogs();
                self.answer(command.id, ResultValue::Dialogs { dialogs });
                return Ok(None);
            }
            Kind::InspectTransactions => {
                let transactions = self.transactions();
                self.answer(command.id, ResultValue::Transactions { transactions });
                return Ok(None);
            }
            Kind::Call => return self.place_call(now, command),
            Kind::Ring => {
                let (call, sdp) = (self.call(&command)?, command.sdp());
                self.endpoint.ring(now, call, sdp)
            }
            Kind::Answer => {
                let call = self.call(&command)?;
                let options = AnswerOptions { sdp: command.sdp(), headers: command.headers.take().unwrap_or_default() };
                self.endpoint.answer(now, call, options)
            }
            Kind::Reject => {
                let (call, status) = (self.call(&command)?, status(&command, StatusCode::BUSY_HERE)?);
                self.endpoint.reject(now, call, status, command.reason.as_deref())
            }
            Kind::Redirect => {
                let call = self.call(&command)?;
                let contacts = command.contacts.take().ok_or_else(|| missing("contacts"))?;
                let contacts: Vec<&str> = contacts.iter().map(String::as_str).collect();
                self.endpoint.redirect(now, call, &contacts)
            }
            // A call that is over already has been hung up.
            Kind::Hangup => match self.calls.get(&command.call.ok_or_else(|| missing("call"))?) {
                Some(call) => self.endpoint.hangup(now, *call, command.reason.as_deref()),
                None => {
                    self.answer(command.id, ResultValue::Null(()));
                    return Ok(None);
                }
            },
            Kind::Hold => {
                let (call, sdp) = (self.call(&command)?, command.sdp());
                self.endpoint.hold(now, call, sdp)
            }
            Kind::Resume => {
                let (call, sdp) = (self.call(&command)?, command.sdp());
                self.endpoint.resume(now, call, sdp)
            }
            Kind::Renegotiate => {
                let sdp = command.sdp().ok_or_else(|| missing("sdp"))?;
                self.endpoint.renegotiate(now, self.call(&command)?, sdp)
            }
            Kind::Update => {
                let (call, sdp) = (self.call(&command)?, command.sdp());
                self.endpoint.update(now, call, sdp)
            }
            Kind::AcceptOffer => {
                let sdp = command.sdp().ok_or_else(|| missing("sdp"))?;
                self.endpoint.accept_offer(now, self.call(&command)?, sdp)
            }
            Kind::RejectOffer => {
                let (call, status) = (self.call(&command)?, status(&command, StatusCode::NOT_ACCEPTABLE_HERE)?);
                self.endpoint.reject_offer(now, call, status)
            }
            Kind::Info => {
                let call = self.call(&command)?;
                let (content_type, body) = command.content()?;
                match command.package {
                    Some(package) => self.endpoint.info_package(now, call, &package, &content_type, body),
                    None => self.endpoint.info(now, call, &content_type, body),
                }
            }
            Kind::Trickle => {
                let call = self.call(&command)?;
                let candidates = command.candidates.take().ok_or_else(|| missing("candidates"))?;
                self.endpoint.trickle(now, call, candidates.into_iter().map(Into::into).collect(), command.end)
            }
            Kind::Dtmf => {
                let call = self.call(&command)?;
                let tone = command.tone.as_deref().ok_or_else(|| missing("tone"))?;
                // More than one character is no digit, which the endpoint says.
                let tone = if tone.chars().count() == 1 { tone.chars().next() } else { None }.unwrap_or('?');
                self.endpoint.dtmf(now, call, tone, command.duration.unwrap_or(250))
            }
            Kind::Options => {
                let target = command.target.take().ok_or_else(|| missing("target"))?;
                self.endpoint.options(now, &target)
            }
            Kind::Message => {
                let target = command.target.take().ok_or_else(|| missing("target"))?;
                let (content_type, body) = command.content()?;
                self.endpoint.message(now, &target, &content_type, body)
            }
            Kind::Subscribe
            | Kind::Unsubscribe
            | Kind::RefreshSubscription
            | Kind::AcceptSubscription
            | Kind::RejectSubscription
            | Kind::Notify
            | Kind::TerminateSubscription
            | Kind::Publish
            | Kind::UpdatePublication
            | Kind::RemovePublication => return self.carry_out_event(now, command),
            Kind::Inspect => {
                let call = self.call(&command)?;
                let number = command.call.unwrap_or_default();
                let info = self.endpoint.call_info(call).ok_or_else(gone)?;
                let snapshot = Snapshot::new(number, &info, self.endpoint.replacement(call)?);
                self.answer(command.id, ResultValue::Snapshot(Box::new(snapshot)));
                return Ok(None);
            }
            Kind::SaveCall => {
                let saved = Box::new(self.endpoint.save_call(self.call(&command)?)?);
                self.answer(command.id, ResultValue::Saved { saved });
                return Ok(None);
            }
            Kind::RestoreCall => {
                let saved = command.saved.take().ok_or_else(|| missing("saved"))?;
                let call = self.endpoint.restore_call(now, &saved)?;
                self.answer_call(command.id, call);
                return Ok(None);
            }
            Kind::Transfer => return self.transfer(now, command),
            Kind::TransferTo => return self.transfer_to(now, command),
            Kind::Refer => return self.refer(now, command),
            Kind::HandOver => return self.hand_over(now, command),
            Kind::SetFeatures => {
                let call = self.call(&command)?;
                let features = command.features.take().ok_or_else(|| missing("features"))?;
                self.endpoint.set_features(call, &features)?;
                self.answer(command.id, ResultValue::Null(()));
                return Ok(None);
            }
            Kind::AcceptTransfer => return self.accept_transfer(now, command),
            Kind::RejectTransfer => return self.reject_transfer(now, &command),
            Kind::Shutdown => {
                let deadline = command.deadline.map_or(DEADLINE, |millis| Duration::from_millis(millis.into()));
                self.endpoint.shutdown(now, deadline)
            }
            Kind::Credentials => {
                let query = CredentialQuery::from_number(command.query.ok_or_else(|| missing("query"))?);
                let credential = credential(&mut command, self.endpoint.config())?;
                self.endpoint.credentials(now, query, credential)?;
                self.answer(command.id, ResultValue::Null(()));
                return Ok(None);
            }
        }))
    }

    fn place_call(&mut self, now: Instant, mut command: Command) -> Result<Option<OpId>, ErrorValue> {
        let target = command.target.take().ok_or_else(|| missing("target"))?;
        let options = CallOptions {
            sdp: command.sdp(),
            headers: command.headers.take().unwrap_or_default(),
            replaces: command.replaces.take().map(Into::into),
            joins: command.joins.take().map(Into::into),
            features: command.features.take().unwrap_or_default(),
            follow_redirects: command.follow_redirects,
            preferred_identity: identity::preferred(command.preferred_identity.take())?,
            privacy: identity::privacy(command.privacy.take())?,
            anonymous: command.anonymous,
            answer_timeout: command.answer_timeout.map(|millis| Duration::from_millis(millis.into())),
        };
        let id = self.endpoint.call(now, &target, options)?;
        self.answer_call(command.id, id);
        Ok(None)
    }

    fn answer_call(&mut self, id: u32, call: CallId) {
        let call_id = self.endpoint.call_info(call).map(|info| info.call_id.into()).unwrap_or_default();
        let call = self.number(call);
        self.answer(id, ResultValue::Call { call, call_id });
    }

    fn answer(&mut self, id: u32, value: ResultValue) {
        self.notifications.push_back(Notification::Result { id, value });
    }

    fn number(&mut self, call: CallId) -> u32 {
        if let Some(number) = self.numbers.get(&call) {
            return *number;
        }
        self.next_call = self.next_call.wrapping_add(1);
        self.calls.insert(self.next_call, call);
        self.numbers.insert(call, self.next_call);
        self.next_call
    }

    fn call(&self, command: &Command) -> Result<CallId, ErrorValue> {
        let number = command.call.ok_or_else(|| missing("call"))?;
        self.calls.get(&number).copied().ok_or_else(gone)
    }

    /// Tells of established calls that are not as they were told last.
    fn tell_saved(&mut self) {
        let Some(told) = &mut self.saved else { return };
        for (number, call) in &self.calls {
            let Ok(saved) = self.endpoint.save_call(*call) else { continue };
            if told.get(number) != Some(&saved) {
                told.insert(*number, saved.clone());
                self.notifications.push_back(Notification::Saved { call: *number, saved: Box::new(saved) });
            }
        }
    }

    fn translate(&mut self, event: Event) -> Option<Notification> {
        Some(match event {
            Event::Done { op, result } => {
                let id = take_out(&mut self.waiting, &op)?;
                match result {
                    Ok(Outcome::Published { publication, expires }) => {
                        let publication = self.publications.of(publication);
                        Notification::Result { id, value: ResultValue::Published { publication, expires } }
                    }
                    Ok(outcome) => Notification::Result { id, value: outcome.into() },
                    Err(error) => Notification::Error { id, error: error.into() },
                }
            }
            Event::Incoming { call, invitation, at } => {
                let call = self.number(call);
                let replaces = invitation.replaces.map(|replaced| self.number(replaced));
                let joins = invitation.joins.map(|joined| self.number(joined));
                Notification::incoming(call, replaces, joins, *invitation, at)
            }
            Event::Call { call, event, at } => {
                let number = self.number(call);
                let notification = Notification::of_call(number, event, at);
                if let Some(Notification::Ended { .. }) = &notification {
                    take_out(&mut self.numbers, &call);
                    take_out(&mut self.calls, &number);
                    if let Some(saved) = &mut self.saved {
                        saved.remove(&number);
                    }
                }
                return notification;
            }
            Event::Transfer { transfer, event, at } => return self.on_transfer(transfer, event, at),
            Event::TransferRequested { request, asked, at } => self.on_transfer_requested(request, *asked, at),
            Event::TransferExpired { request, at } => return self.on_transfer_expired(request, at),
            Event::IncomingSubscription { subscription, request, at } => {
                self.on_incoming_subscription(subscription, *request, at)
            }
            Event::Subscription { subscription, event, at } => return self.on_subscription(subscription, event, at),
            Event::Publication { publication, state, at } => self.on_publication(publication, state, at),
            // There is one connection, one registration and one end, of which the first shard tells.
            Event::Connection { .. } | Event::Registration { .. } | Event::Stopped { .. }
                if !self.endpoint.is_leading() =>
            {
                return None;
            }
            other => return Notification::of_agent(other),
        })
    }
}

fn status(command: &Command, default: StatusCode) -> Result<StatusCode, ErrorValue> {
    match command.status {
        None => Ok(default),
        Some(code) => StatusCode::new(code)
            .ok_or_else(|| Error::input("status", 0, "a status is a number from 100 to 699").into()),
    }
}

/// A token, a stored hash or a password; or nothing.
fn credential(command: &mut Command, config: &Config) -> Result<Option<Credential>, Error> {
    let username = command.username.take().unwrap_or_else(|| config::default_username(config));
    if let Some(token) = command.token.take() {
        return Ok(Some(Credential::token(token)));
    }
    match command.ha1.take() {
        Some(ha1) => ha1.credential(username).map(Some),
        None => Ok(command.password.take().map(|password| Credential::password(username, password))),
    }
}

fn missing(field: &str) -> ErrorValue {
    Error::input(field, 0, "this command needs it").into()
}

fn gone() -> ErrorValue {
    Error::State("the call is over").into()
}

impl Machine for Control {
    type Event = Notification;

    fn flow_opened(&mut self, now: Instant, info: FlowInfo) -> FlowId {
        self.endpoint.flow_opened(now, info)
    }

    fn flow_shared(&mut self, now: Instant, flow: FlowId, info: FlowInfo) {
        self.endpoint.flow_shared(now, flow, info);
    }

    fn noted(&mut self, now: Instant, note: Note) {
        self.endpoint.noted(now, note);
    }

    fn begin_anew(&mut self, now: Instant) -> bool {
        self.revive(now);
        true
    }

    fn flow_changed(&mut self, now: Instant, flow: FlowId, change: FlowChange) {
        self.endpoint.flow_changed(now, flow, change);
    }

    fn receive(&mut self, now: Instant, path: Path, bytes: Bytes) {
        self.endpoint.receive(now, path, bytes);
    }

    fn undelivered(&mut self, now: Instant, path: Path, quoted: Bytes, error: FlowError) {
        self.endpoint.undelivered(now, path, quoted, error);
    }

    fn resolved(&mut self, now: Instant, query: QueryId, result: Result<Vec<IpAddr>, FlowError>) {
        self.endpoint.resolved(now, query, result);
    }

    fn looked_up(&mut self, now: Instant, query: QueryId, result: Result<Vec<Record>, FlowError>) {
        self.endpoint.looked_up(now, query, result);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.endpoint.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.endpoint.poll_timeout()
    }

    fn poll_inbox(&mut self, _cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        match self.resumes.take() {
            Some(registered) => {
                self.endpoint.begin_again(now, registered);
                Poll::Ready(())
            }
            None => Poll::Pending,
        }
    }

    fn poll_output(&mut self) -> Option<Output<Notification>> {
        loop {
            if let Some(notification) = self.notifications.pop_front() {
                return Some(Output::Event(notification));
            }
            let Some(output) = self.endpoint.poll_output() else {
                self.tell_saved();
                return self.notifications.pop_front().map(Output::Event);
            };
            match output.into_event() {
                Ok(event) => {
                    if let Some(notification) = self.translate(event) {
                        return Some(Output::Event(notification));
                    }
                }
                Err(output) => return Some(output.lift()),
            }
        }
    }

    fn is_finished(&self) -> bool {
        self.endpoint.is_finished() && self.notifications.is_empty()
    }
}
