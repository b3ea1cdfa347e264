//! The sans-I/O engine: one user agent that owns its transactions, calls, registration and timers, and turns inputs
//! into outputs.
//!
//! One input, then drain: after each call with a time, take [`poll_output`](Machine::poll_output) until it is `None`.
//! The same inputs with the same seed give the same outputs.
//!
//! What it does not do: media. Descriptions go through it; who makes and uses them is the application's affair
//! (see [`Config::automatic_media`] for programs that do not care).

mod acknowledge;
mod addresses;
mod call;
mod call_options;
mod callee;
mod caller;
mod capabilities;
mod config;
mod connection;
mod content;
mod credentials;
mod error;
mod event;
mod exchange;
mod features;
mod headers;
mod identity;
mod in_call;
mod in_dialog;
mod incoming;
mod inspect;
mod join;
mod keep_alive;
mod locate;
mod media;
mod outgoing;
mod pager;
mod patience;
mod provisional;
mod publication;
mod reach;
mod received;
mod recovery;
mod redirect;
mod registration;
mod reliable;
mod replaces;
mod respond;
mod saved;
mod session;
mod session_timer;
mod shard;
mod shutdown;
mod sips;
mod size;
mod span;
#[cfg(feature = "stun")]
mod stun;
mod subscription;
mod tag;
mod target;
mod teardown;
mod totals;
mod transfer;
mod trickle;
mod update;

use std::collections::VecDeque;
use std::net::IpAddr;

use bytes::Bytes;

pub use call::{CallInfo, SessionInterval};
pub use call_options::CallOptions;
pub use callee::AnswerOptions;
pub use config::{Config, EndpointLimits, Reliability, Server, SessionTimerMode, SessionTimers};
pub use credentials::CredentialQuery;
pub use error::{Error, InputError, Reason, Refusal};
pub use event::{
    CallEvent, CallId, CallState, ConnectionState, Direction, Dtmf, End, EndedBy, Event, Hold, Invitation, OpId,
    Outcome, RegistrationState, Transition,
};
pub use features::Features;
pub use identity::{Diverted, IdentityTrust, PastTarget, RemoteIdentity};
pub use inspect::DialogInfo;
pub use publication::{PublicationId, PublicationState, PublishOptions};
pub use reach::{GruuUse, Push};
pub use received::Headers;
pub use registration::{ContactBinding, FlowState, PushInfo, RegistrationInfo};
pub use replaces::{Replacement, Replacing};
pub use saved::{SavedCall, SavedSession};
pub use subscription::{
    AcceptOptions, Document, Notice, SubscribeOptions, SubscriptionEnd, SubscriptionEvent, SubscriptionId,
    SubscriptionRequest, SubscriptionState,
};
pub use totals::Totals;
pub use transfer::{
    FollowOptions, TransferEvent, TransferId, TransferOptions, TransferOutcome, TransferRequest, TransferRequestId,
};

use crate::arena::{Arena, Key};
use crate::auth::AuthClient;
use crate::entropy::Entropy;
use crate::hashing::{IdMap, Identity, KeyedHash, take_out};
use crate::message::Wire;
use crate::time::Instant;
use crate::timer::{TimerId, TimerQueue};
use crate::transaction::{self, Traffic, Transactions};
use crate::transport::{
    Breakers, Dead, FlowChange, FlowError, FlowId, FlowInfo, Machine, Note, Output, Path, QueryId, Record, Transport,
};
use call::Call;
use connection::Connection;
use credentials::Asking;
use keep_alive::KeepAlive;
use outgoing::Outgoing;
use publication::Publication;
use registration::Registration;
use shutdown::Shutdown;
use subscription::Subscription;
use transfer::{Referral, Transfer};

/// Whose a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Outgoing(Key),
    Call(Key),
}

/// The endpoint's own timers; those of transactions are below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timer {
    /// Retransmit a 2xx whose ACK has not come (13.3.1.4).
    Accepted(Key),
    /// A stored ACK is not needed any more.
    Ack(Identity),
    /// Try a re-INVITE again after 491 (14.1).
    Glare(Key),
    /// A provisional response again, so that proxies do not give up (13.3.1).
    Ringing(Key),
    /// Retransmit a provisional response whose PRACK has not come (RFC 3262 3).
    Provisional(Key),
    /// The session is to be refreshed, or expires (RFC 4028).
    Session(Key),
    /// A call is not answered, or was not heard of, for too long.
    Patience(Key),
    /// An offer within a call takes too long: ours at the other side, theirs at the application.
    Exchange(Key),
    /// Refresh or retry a publication.
    Publication(Key),
    /// Refresh, retry or end a subscription.
    Subscription(Key),
    /// Timer N: no NOTIFY came after a SUBSCRIBE (RFC 6665 4.1.2.4).
    Notify(Key),
    /// The other side of a transfer has been silent for too long.
    Transfer(Key),
    /// The application takes long to decide about a transfer.
    Consent(Key),
    /// Refresh or retry the registration over one of the ways to the servers.
    Register(usize),
    /// A connection takes too long.
    Connect(FlowId),
    /// The resolver takes too long.
    Resolve(QueryId),
    /// Try a server again.
    Reconnect(usize),
    /// Send a ping, or see whether it was answered.
    KeepAlive(FlowId),
    /// The same over UDP, for one of the ways to the servers.
    #[cfg(feature = "stun")]
    Stun(usize),
    /// The application takes too long to give credentials.
    Credentials(CredentialQuery),
    /// The shutdown's deadline.
    Shutdown,
}

/// An ACK for a 2xx, kept to answer retransmissions of that 2xx (13.2.2.4).
#[derive(Debug)]
struct StoredAck {
    bytes: Wire,
    path: Path,
    timer: TimerId,
}

/// One user agent without I/O.
#[derive(Debug)]
pub struct Endpoint {
    config: Config,
    transactions: Transactions<Owner>,
    entropy: Entropy,
    auth: AuthClient,
    asking: Asking,
    hash: KeyedHash,
    outgoing: Arena<Outgoing>,
    queries: IdMap<QueryId, locate::Query>,
    next_query: u64,
    opening: IdMap<FlowId, connection::Opening>,
    dead: Dead,
    breakers: Breakers,
    totals: Totals,
    keep_alives: IdMap<FlowId, KeepAlive>,
    #[cfg(feature = "stun")]
    stun: Vec<stun::StunFlow>,
    calls: Arena<Call>,
    by_dialog: IdMap<Identity, Key>,
    transfers: Arena<Transfer>,
    referrals: Arena<Referral>,
    /// Calls of ours that transfers in other shards wait for.
    consultations: Vec<transfer::Consultation>,
    acks: IdMap<Identity, StoredAck>,
    ended: replaces::Ended,
    subscriptions: Arena<Subscription>,
    /// Subscriptions by the Call-ID and our tag of their dialogs.
    usages: IdMap<Identity, Vec<Key>>,
    publications: Arena<Publication>,
    timers: TimerQueue<Timer>,
    connection: Connection,
    registration: Registration,
    events: VecDeque<Event>,
    next_op: u64,
    shutdown: Option<Shutdown>,
    finished: bool,
    /// The other shards are to hear of the ways to the servers, or of the registration.
    news: bool,
}

impl Endpoint {
    /// An endpoint at rest. All its randomness comes from `seed`, which must be unpredictable outside of tests.
    pub fn new(config: Config, seed: [u8; 32]) -> Endpoint {
        let shard = config.shard;
        let mut entropy = Entropy::new(seed);
        entropy.belong_to(shard);
        let mut layer_seed = [0; 32];
        for chunk in layer_seed.chunks_exact_mut(8) {
            chunk.copy_from_slice(&entropy.u64().to_le_bytes());
        }
        let limits = &config.limits;
        let mut transactions =
            Transactions::new(config.timers, limits.message.clone(), limits.server_transactions, layer_seed);
        transactions.set_trace(config.trace);
        if !config.user_agent.chars().any(char::is_control) {
            transactions.set_server_name(&config.user_agent);
        }
        transactions.set_message_rate(limits.message_rate);
        transactions.flows_mut().number_from(shard::first_flow(shard));
        let connection = Connection::new(&config, &mut entropy);
        Endpoint {
            transactions,
            auth: credentials::client(&config),
            asking: Asking::after(shard.map_or(0, |shard| (shard.index as u64) << 24)),
            hash: KeyedHash::new(entropy.keys()),
            registration: Registration::new(&config, connection.len(), &mut entropy),
            connection,
            entropy,
            config,
            outgoing: Arena::new(),
            queries: IdMap::default(),
            next_query: 0,
            opening: IdMap::default(),
            dead: Dead::default(),
            breakers: Breakers::default(),
            totals: Totals::default(),
            keep_alives: IdMap::default(),
            #[cfg(feature = "stun")]
            stun: Vec::new(),
            calls: shard::arena(shard),
            by_dialog: IdMap::default(),
            transfers: shard::arena(shard),
            referrals: shard::arena(shard),
            consultations: Vec::new(),
            acks: IdMap::default(),
            ended: replaces::Ended::default(),
            subscriptions: shard::arena(shard),
            usages: IdMap::default(),
            publications: shard::arena(shard),
            timers: TimerQueue::new(),
            events: VecDeque::new(),
            next_op: 0,
            shutdown: None,
            finished: false,
            news: false,
        }
    }

    /// The settings it was made with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How much has been done so far.
    pub fn totals(&self) -> Totals {
        Totals { messages_refused: self.transactions.refused_messages(), ..self.totals }
    }

    /// How many messages have passed.
    pub fn traffic(&self) -> &Traffic {
        self.transactions.traffic()
    }

    /// What is alive now, for metrics and for tests that nothing is left.
    pub fn census(&self) -> Census {
        let (client_transactions, server_transactions) = self.transactions.len();
        Census {
            calls: self.calls.len(),
            dialogs: self.calls.iter().map(|(_, call)| call.dialogs.len()).sum(),
            client_transactions,
            server_transactions,
            transfers: self.transfers(),
            outgoing: self.outgoing.len(),
            acks: self.acks.len(),
            subscriptions: self.subscriptions.len(),
            publications: self.publications.len(),
            timers: self.timers.len(),
        }
    }

    fn op(&mut self) -> OpId {
        self.next_op = self.next_op.wrapping_add(1);
        OpId(self.next_op)
    }

    fn done(&mut self, op: OpId, result: Result<Outcome, Error>) {
        self.events.push_back(Event::Done { op, result });
    }

    fn dialog_identity(&self, call_id: &str, local_tag: &str) -> Identity {
        self.hash.of(&[call_id, local_tag])
    }

    /// Takes in what the transaction layer has to say. Every entry point ends here.
    fn pump(&mut self, now: Instant) {
        while let Some(event) = self.transactions.poll_event() {
            match event {
                transaction::Event::Request { server, request, source, cancels } => {
                    self.on_request(now, server, request, source, cancels);
                }
                transaction::Event::Ack { request, source } => self.on_ack(now, &request, source),
                transaction::Event::Response { client, user: Owner::Outgoing(key), response, source } => {
                    self.on_response(now, client, key, &response, source);
                }
                transaction::Event::Response { user: Owner::Call(_), .. } => {}
                transaction::Event::Stray { response, source } => self.on_stray(now, &response, source),
                transaction::Event::Failed { client, user: Owner::Outgoing(key), failure } => {
                    self.on_transaction_failed(now, client, key, failure.into());
                }
                transaction::Event::Failed { user: Owner::Call(_), .. } => {}
                transaction::Event::Unacknowledged { .. } => {}
                transaction::Event::Malformed { source, error, bytes } => self.on_malformed(now, source, error, &bytes),
                transaction::Event::FlowUp { flow } => self.on_flow_up(now, flow),
                transaction::Event::FlowDown { flow, error } => self.on_flow_down(now, flow, error),
                transaction::Event::Pong { flow } => self.on_pong(flow),
                #[cfg(feature = "stun")]
                transaction::Event::Stun { source, stun } => self.on_stun(now, source, &stun),
                transaction::Event::Trace { outgoing, path, bytes } => {
                    let transport = self.transactions.flows().transport(path.flow);
                    let (flow, remote) = (path.flow, path.remote);
                    self.events.push_back(Event::Trace { outgoing, flow, transport, remote, bytes, at: now });
                }
            }
        }
        self.check_shutdown(now);
        self.tell_shards();
    }
}

/// How many of each thing an endpoint holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Census {
    /// Calls that are not over.
    pub calls: usize,
    /// Dialogs of them.
    pub dialogs: usize,
    /// Client transactions.
    pub client_transactions: usize,
    /// Server transactions.
    pub server_transactions: usize,
    /// Transfers of either side whose outcome is open.
    pub transfers: usize,
    /// Requests that wait for their answer.
    pub outgoing: usize,
    /// ACKs kept for retransmissions.
    pub acks: usize,
    /// Subscriptions of either role.
    pub subscriptions: usize,
    /// Publications.
    pub publications: usize,
    /// Timers of the endpoint itself.
    pub timers: usize,
}

impl Machine for Endpoint {
    type Event = Event;

    fn flow_opened(&mut self, _now: Instant, info: FlowInfo) -> FlowId {
        self.transactions.flow_opened(info)
    }

    fn flow_shared(&mut self, _now: Instant, flow: FlowId, info: FlowInfo) {
        self.take_shared(flow, info);
    }

    fn noted(&mut self, now: Instant, note: Note) {
        if !self.finished {
            self.take_note(now, &note);
            self.pump(now);
        }
    }

    fn flow_changed(&mut self, now: Instant, flow: FlowId, change: FlowChange) {
        if self.finished {
            return;
        }
        self.transactions.flow_changed(flow, change);
        self.pump(now);
    }

    fn receive(&mut self, now: Instant, path: Path, bytes: Bytes) {
        if self.finished {
            return;
        }
        self.heard_on(now, path.flow);
        // The server speaks for many.
        let connection = self.transactions.flows().transport(path.flow).is_some_and(Transport::is_reliable);
        let of_server = (connection && self.is_to_server(path.flow)) || self.connection.link_at(path).is_some();
        self.transactions.receive_within(now, path, bytes, !of_server);
        self.pump(now);
    }

    fn undelivered(&mut self, now: Instant, path: Path, quoted: Bytes, error: FlowError) {
        #[cfg(feature = "stun")]
        self.stun_undelivered(now, path, &quoted, &error);
        self.transactions.undelivered(path, &quoted, error);
        self.pump(now);
    }

    fn resolved(&mut self, now: Instant, query: QueryId, result: Result<Vec<IpAddr>, FlowError>) {
        self.on_resolved(now, query, result);
        self.pump(now);
    }

    fn looked_up(&mut self, now: Instant, query: QueryId, result: Result<Vec<Record>, FlowError>) {
        self.on_looked_up(now, query, result);
        self.pump(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.finished {
            return;
        }
        self.transactions.handle_timeout(now);
        self.pump(now);
        while !self.finished
            && let Some((timer, _)) = self.timers.pop(now)
        {
            match timer {
                Timer::Accepted(call) => self.on_accepted_timer(now, call),
                Timer::Ack(identity) => _ = take_out(&mut self.acks, &identity),
                Timer::Glare(call) => self.on_glare_timer(now, call),
                Timer::Ringing(call) => self.on_ringing_timer(now, call),
                Timer::Provisional(call) => self.on_provisional_timer(now, call),
                Timer::Session(call) => self.on_session_timer(now, call),
                Timer::Patience(call) => self.on_patience_timer(now, call),
                Timer::Exchange(call) => self.on_exchange_timer(now, call),
                Timer::Publication(key) => self.on_publication_timer(now, key),
                Timer::Subscription(key) => self.on_subscription_timer(now, key),
                Timer::Notify(key) => self.on_notify_timer(now, key),
                Timer::Transfer(transfer) => self.on_transfer_timer(now, transfer),
                Timer::Consent(referral) => self.on_consent_timer(now, referral),
                Timer::Register(link) => self.on_register_timer(now, link),
                Timer::Connect(flow) => self.on_connect_timer(flow),
                Timer::Resolve(query) => self.on_resolve_timer(now, query),
                Timer::Reconnect(link) => self.on_reconnect_timer(now, link),
                Timer::KeepAlive(flow) => self.on_keep_alive_timer(now, flow),
                #[cfg(feature = "stun")]
                Timer::Stun(link) => self.on_stun_timer(now, link),
                Timer::Credentials(query) => self.on_credentials_timer(now, query),
                Timer::Shutdown => self.on_shutdown_timer(now),
            }
            self.pump(now);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if self.finished {
            return None;
        }
        [self.transactions.poll_timeout(), self.timers.next()].into_iter().flatten().min()
    }

    fn poll_output(&mut self) -> Option<Output<Event>> {
        if let Some(output) = self.transactions.poll_output() {
            return Some(output.lift());
        }
        self.events.pop_front().map(Output::Event)
    }

    fn is_finished(&self) -> bool {
        self.finished && self.events.is_empty()
    }
}
