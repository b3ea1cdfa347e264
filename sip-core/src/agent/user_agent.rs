//! The agent's handle.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_channel::mpsc::unbounded;

use super::credentials::Callback;
use super::events::{Listener, stream};
use super::{Call, Engine, Events, IncomingSubscription, Line, Publication, Subscription, Transfer, TransferRequest};
use crate::auth::{Credential, CredentialRequest};
use crate::endpoint::{
    CallId, CallOptions, Config, ConnectionState, ContactBinding, DialogInfo, Error, Event, Notice, Outcome,
    PublishOptions, Push, RegistrationInfo, RegistrationState, SavedCall, SubscribeOptions, TransferOptions,
};
use crate::entropy::Entropy;
use crate::message::{NameAddr, NameAddrRef, StatusCode, redacted};
use crate::transaction::TransactionInfo;
use crate::transport::Sharding;

/// A user agent: one address of record. Clones name the same agent.
#[derive(Clone, Debug)]
pub struct UserAgent {
    /// The line to the engine; of several, to the one that registers.
    line: Line,
    /// The lines to all of several.
    shards: Option<Arc<Shards>>,
}

#[derive(Debug)]
struct Shards {
    sharding: Sharding,
    lines: Vec<Line>,
    /// Whose turn it is to begin something.
    turn: AtomicUsize,
}

/// What happens to an agent apart from its calls.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum AgentEvent {
    /// The way to the server changed.
    Connection(ConnectionState),
    /// The registration changed.
    Registration(RegistrationState),
    /// An instant message (RFC 3428).
    Message {
        /// Who.
        from: NameAddr,
        /// Content-Type.
        content_type: Box<str>,
        /// The body.
        body: Bytes,
    },
    /// A NOTIFY that nobody subscribed to; see [`Config::unsolicited`].
    Notice {
        /// Who.
        from: NameAddr,
        /// What.
        notice: Notice,
    },
    /// A message passed, its secrets masked (only if tracing is on).
    Trace {
        /// True: it went out.
        outgoing: bool,
        /// The message.
        text: String,
    },
}

impl AgentEvent {
    pub(super) fn of(event: Event) -> Option<AgentEvent> {
        Some(match event {
            Event::Connection { state, .. } => AgentEvent::Connection(state),
            Event::Registration { state, .. } => AgentEvent::Registration(state),
            Event::Message { from, content_type, body, .. } => AgentEvent::Message { from, content_type, body },
            Event::Notice { from, notice, .. } => AgentEvent::Notice { from, notice },
            Event::Trace { outgoing, bytes, .. } => AgentEvent::Trace { outgoing, text: redacted(&bytes) },
            _ => return None,
        })
    }
}

/// A final response to a request outside of any call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Its status.
    pub status: StatusCode,
    /// Its phrase.
    pub phrase: Box<str>,
}

impl UserAgent {
    /// A user agent and the engine that a driver must run for it. The seed must be unpredictable outside of tests.
    /// When the last handle of the agent and of its calls is dropped, the engine ends what is left and is finished.
    pub fn new(config: Config, seed: [u8; 32]) -> (UserAgent, Engine) {
        let (sender, receiver) = unbounded();
        let own = Arc::new(sender);
        let line = Line { lead: own.clone(), own };
        let engine = Engine::new(config, seed, receiver, line.downgrade());
        (UserAgent { line, shards: None }, engine)
    }

    /// A user agent in several engines side by side, each of which a driver must run, with no lock between them: what comes
    /// in goes where a [`Router`](crate::transport::Router) says. They share one connection and one registration, which
    /// are the first one's; calls, subscriptions and requests are begun in each in turn. The limits of the settings are
    /// parted among them.
    pub fn sharded(config: &Config, sharding: Sharding, seed: [u8; 32]) -> (UserAgent, Vec<Engine>) {
        let mut entropy = Entropy::new(seed);
        let mut lead = None;
        let made = config.sharded(&sharding).into_iter().map(|config| {
            let (sender, receiver) = unbounded();
            let own = Arc::new(sender);
            let line = Line { lead: lead.get_or_insert_with(|| own.clone()).clone(), own };
            let engine = Engine::new(config, entropy.seed(), receiver, line.downgrade());
            (line, engine)
        });
        let (lines, engines): (Vec<Line>, Vec<Engine>) = made.unzip();
        let Some(line) = lines.first().cloned() else {
            // There is always one.
            let (agent, engine) = UserAgent::new(config.clone(), seed);
            return (agent, vec![engine]);
        };
        let shards = Arc::new(Shards { sharding, lines, turn: AtomicUsize::new(0) });
        (UserAgent { line, shards: Some(shards) }, engines)
    }

    /// The lines to all engines.
    fn lines(&self) -> &[Line] {
        match &self.shards {
            Some(shards) => &shards.lines,
            None => std::slice::from_ref(&self.line),
        }
    }

    /// Where the next thing is begun.
    fn next(&self) -> &Line {
        let Some(shards) = &self.shards else { return &self.line };
        let turn = shards.turn.fetch_add(1, Relaxed);
        turn.checked_rem(shards.lines.len()).and_then(|turn| shards.lines.get(turn)).unwrap_or(&self.line)
    }

    /// Where what comes in belongs that carries this tag of ours.
    fn of_tag(&self, tag: &str) -> &Line {
        let shards = self.shards.as_ref();
        shards.and_then(|shards| shards.lines.get(shards.sharding.of(tag))).unwrap_or(&self.line)
    }

    /// Sets who is asked when a server wants credentials that are missing or were refused, e.g. a token that ran out. The
    /// requests it asked in wait for the answer, all that want the same for one, at most
    /// [`Config::credentials_timeout`]; `None` means that there is none.
    ///
    /// ```
    /// # use offhook_core::agent::UserAgent;
    /// # use offhook_core::auth::{Credential, Scheme};
    /// # async fn fresh_token() -> Option<String> { None }
    /// # fn demo(agent: &UserAgent) {
    /// agent.credentials(|request| async move {
    ///     match request.schemes.contains(&Scheme::Bearer) {
    ///         true => fresh_token().await.map(Credential::token),
    ///         false => Some(Credential::password("alice", "secret")),
    ///     }
    /// });
    /// # }
    /// ```
    pub fn credentials<F>(&self, mut callback: impl FnMut(CredentialRequest) -> F + Send + 'static)
    where
        F: Future<Output = Option<Credential>> + Send + 'static,
    {
        let callback: Callback = Box::new(move |request| Box::pin(callback(request)));
        if self.shards.is_none() {
            return self.line.post(move |engine, _| engine.ask_for_credentials(callback));
        }
        // Held as long as it takes to begin an answer.
        let shared = Arc::new(Mutex::new(callback));
        for line in self.lines() {
            let shared = shared.clone();
            let ask: Callback =
                Box::new(move |request| (shared.lock().unwrap_or_else(PoisonError::into_inner))(request));
            line.post(move |engine, _| engine.ask_for_credentials(ask));
        }
    }

    /// Opens the way to the server. Done when it is up.
    ///
    /// # Errors
    ///
    /// [`Error::Transport`] if it cannot be opened within [`Config::connect_timeout`].
    pub async fn connect(&self) -> Result<(), Error> {
        for line in self.lines() {
            line.operate(|endpoint, now| endpoint.connect(now)).await?;
        }
        Ok(())
    }

    /// Sees at once whether the connection is of use; see [`Endpoint::check_connection`](crate::endpoint::Endpoint::check_connection).
    ///
    /// # Errors
    ///
    /// [`Error::Transport`] if no server can be reached, which is tried again by itself; [`Error::State`] if none has ever
    /// been.
    pub async fn check_connection(&self) -> Result<(), Error> {
        self.line.operate(|endpoint, now| endpoint.check_connection(now)).await.map(drop)
    }

    /// Registers; gives the seconds granted. Refreshes run by themselves.
    ///
    /// # Errors
    ///
    /// [`Error::Authentication`] for a wrong password, [`Error::Status`] if the registrar refused, [`Error::Timeout`].
    pub async fn register(&self) -> Result<Duration, Error> {
        match self.line.operate(|endpoint, now| endpoint.register(now)).await? {
            Outcome::Registered { expires } => Ok(Duration::from_secs(expires.into())),
            _ => Ok(Duration::ZERO),
        }
    }

    /// Takes the registration back.
    ///
    /// # Errors
    ///
    /// As [`register`](UserAgent::register).
    pub async fn unregister(&self) -> Result<(), Error> {
        self.line.operate(|endpoint, now| endpoint.unregister(now)).await.map(drop)
    }

    /// Sets how the server can wake this user agent (RFC 8599); the next [`register`](UserAgent::register) says it.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] for what cannot be sent.
    pub async fn set_push(&self, push: Option<Push>) -> Result<(), Error> {
        self.line.ask(move |engine, _| engine.endpoint_mut().set_push(push)).await?
    }

    /// Asks the registrar for everything that is bound to our address.
    ///
    /// # Errors
    ///
    /// As [`register`](UserAgent::register).
    pub async fn bindings(&self) -> Result<Vec<ContactBinding>, Error> {
        match self.line.operate(|endpoint, now| endpoint.bindings(now)).await? {
            Outcome::Bindings(bindings) => Ok(bindings),
            _ => Ok(Vec::new()),
        }
    }

    /// Takes away everything that is bound to our address, whosever it is; if we are registered, that is made anew.
    ///
    /// # Errors
    ///
    /// As [`register`](UserAgent::register).
    pub async fn clear_bindings(&self) -> Result<(), Error> {
        self.line.operate(|endpoint, now| endpoint.clear_bindings(now)).await.map(drop)
    }

    /// The registration in detail, as it is now.
    ///
    /// # Errors
    ///
    /// [`Error::State`] if the agent has stopped.
    pub async fn inspect_registration(&self) -> Result<RegistrationInfo, Error> {
        self.line.ask(|engine, _| engine.endpoint_mut().inspect_registration()).await
    }

    /// The dialogs of calls and subscriptions, the oldest of each shard first, each with its history.
    ///
    /// # Errors
    ///
    /// [`Error::State`] if the agent has stopped.
    pub async fn inspect_dialogs(&self) -> Result<Vec<DialogInfo>, Error> {
        let mut all = Vec::new();
        for line in self.lines() {
            all.append(&mut line.ask(|engine, _| engine.endpoint_mut().inspect_dialogs()).await?);
        }
        Ok(all)
    }

    /// The transactions, the oldest of each shard first, each with its history, and with its call while that is known.
    ///
    /// # Errors
    ///
    /// [`Error::State`] if the agent has stopped.
    pub async fn inspect_transactions(&self) -> Result<Vec<(Option<CallId>, TransactionInfo)>, Error> {
        let mut all = Vec::new();
        for line in self.lines() {
            all.append(&mut line.ask(|engine, _| engine.endpoint_mut().inspect_transactions()).await?);
        }
        Ok(all)
    }

    /// Calls a target. The INVITE is on its way; see [`Call::established`] for the answer.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] for what cannot be sent, [`Error::Limit`] with too many calls.
    pub async fn call(&self, target: &str, options: CallOptions) -> Result<Call, Error> {
        let target = target.to_owned();
        let place = move |engine: &mut Engine, now| {
            let id = engine.endpoint_mut().call(now, &target, options)?;
            engine.handle(id, None).ok_or(Error::State("the call ended at once"))
        };
        self.next().ask(place).await?
    }

    /// Goes on with a call that another user agent has saved ([`Call::save`]) and has no more, e.g. one of this program
    /// before it was started again. Offer anew ([`Call::renegotiate`]) to have media.
    ///
    /// # Errors
    ///
    /// See [`Endpoint::restore_call`](crate::endpoint::Endpoint::restore_call).
    pub async fn restore_call(&self, saved: SavedCall) -> Result<Call, Error> {
        let tag = NameAddrRef::parse(&saved.local).ok().and_then(|local| local.tag()).unwrap_or_default().to_owned();
        let restore = move |engine: &mut Engine, now| {
            let id = engine.endpoint_mut().restore_call(now, &saved)?;
            engine.handle(id, None).ok_or(Error::State("the call ended at once"))
        };
        self.of_tag(&tag).ask(restore).await?
    }

    /// A stream of what all engines tell; if they are gone it ends at once.
    fn listen<T: Send + 'static>(&self, begin: fn(&mut Engine, Listener<T>)) -> Events<T> {
        let (listener, events) = stream();
        for line in self.lines() {
            let listener = listener.clone();
            line.post(move |engine, _| begin(engine, listener));
        }
        events
    }

    /// The calls that come in from now on, and those that wait.
    pub fn incoming(&self) -> Events<Call> {
        self.listen(Engine::listen)
    }

    /// The transfers that others ask for from now on, within calls and outside of them, to be accepted or rejected. Those
    /// within a call whose handle is asked for them come there alone. With no stream they are refused.
    pub fn transfer_requests(&self) -> Events<TransferRequest> {
        self.listen(|engine, listener| engine.listen_to_transfers(None, listener))
    }

    /// Asks a peer to call somebody, outside of any call (RFC 3515).
    ///
    /// # Errors
    ///
    /// See [`Endpoint::refer`](crate::endpoint::Endpoint::refer).
    pub async fn refer(&self, peer: &str, target: &str, options: TransferOptions) -> Result<Transfer, Error> {
        let (peer, target) = (peer.to_owned(), target.to_owned());
        let begin = move |engine: &mut Engine, now| {
            let transfer = engine.endpoint_mut().refer(now, &peer, &target, options)?;
            Ok(engine.transfer(transfer))
        };
        self.next().ask(begin).await?
    }

    /// Subscribes to an event package at a target (RFC 6665). The SUBSCRIBE is on its way; see
    /// [`Subscription::established`] for the first notification.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] for what cannot be sent, [`Error::Limit`] with too many subscriptions.
    pub async fn subscribe(&self, target: &str, options: SubscribeOptions) -> Result<Subscription, Error> {
        let target = target.to_owned();
        let begin = move |engine: &mut Engine, now| {
            let id = engine.endpoint_mut().subscribe(now, &target, options)?;
            engine.subscription(id).ok_or(super::STOPPED)
        };
        self.next().ask(begin).await?
    }

    /// The subscriptions of others to [`Config::packages`] from now on, and those that wait.
    pub fn incoming_subscriptions(&self) -> Events<IncomingSubscription> {
        self.listen(Engine::listen_for_subscriptions)
    }

    /// Publishes a state of an event package (RFC 3903), e.g. one's presence. Refreshed by itself.
    ///
    /// # Errors
    ///
    /// See [`Endpoint::publish`](crate::endpoint::Endpoint::publish).
    pub async fn publish(
        &self,
        event: &str,
        content_type: &str,
        body: impl Into<Bytes>,
        options: PublishOptions,
    ) -> Result<Publication, Error> {
        let (event, content_type, body) = (event.to_owned(), content_type.to_owned(), body.into());
        let line = self.next();
        let sent = line.operate(move |endpoint, now| endpoint.publish(now, &event, &content_type, body, options));
        let Outcome::Published { publication, .. } = sent.await? else { return Err(super::STOPPED) };
        let gone = Error::State("the publication is over");
        line.ask(move |engine, _| engine.publication(publication)).await?.ok_or(gone)
    }

    /// What happens to the agent from now on.
    pub fn events(&self) -> Events<AgentEvent> {
        self.listen(Engine::watch)
    }

    /// Asks what a target can do.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] and [`Error::Transport`] if it is not there.
    pub async fn options(&self, target: &str) -> Result<Response, Error> {
        let target = target.to_owned();
        self.next().operate(move |endpoint, now| endpoint.options(now, &target)).await.and_then(response)
    }

    /// Sends an instant message.
    ///
    /// # Errors
    ///
    /// [`Error::Status`] if it was refused.
    pub async fn message(&self, target: &str, content_type: &str, body: impl Into<Bytes>) -> Result<Response, Error> {
        let (target, content_type, body) = (target.to_owned(), content_type.to_owned(), body.into());
        let sent = self.next().operate(move |endpoint, now| endpoint.message(now, &target, &content_type, body));
        sent.await.and_then(response)
    }

    /// Ends all calls, unregisters, closes all flows; at the latest after `deadline`.
    ///
    /// # Errors
    ///
    /// [`Error::State`] if it has stopped already.
    pub async fn shutdown(&self, deadline: Duration) -> Result<(), Error> {
        let begun: Vec<_> =
            self.lines().iter().map(|line| line.begin(move |endpoint, now| endpoint.shutdown(now, deadline))).collect();
        let mut result = Ok(());
        for ended in begun {
            let ended = match ended {
                Ok(ended) => ended.await.unwrap_or(Err(super::STOPPED)),
                Err(error) => Err(error),
            };
            result = result.and(ended.map(drop));
        }
        result
    }
}

fn response(outcome: Outcome) -> Result<Response, Error> {
    match outcome {
        Outcome::Response { status, phrase } => Ok(Response { status, phrase }),
        _ => Err(Error::State("no response was kept")),
    }
}
