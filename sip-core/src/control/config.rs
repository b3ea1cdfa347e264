//! What an agent is started with.

use std::time::Duration;

use super::ErrorValue;
use super::json::{self, reads};
use super::registration::PushValue;
use crate::auth::{Algorithm, Credential, SecretText};
use crate::endpoint::{Config, Error, GruuUse, IdentityTrust, Reliability, Replacing, Server, SessionTimerMode};
use crate::message::UriRef;
use crate::transport::MessageRate;

/// The settings of an agent as plain data.
#[derive(Clone)]
#[non_exhaustive]
pub struct AgentConfig {
    /// Address of record, e.g. `sip:alice@example.com`.
    pub aor: String,
    /// `ws://…`, `wss://…` or `sip:host:port;transport=…`. Natively it may be left out: requests then go where their URI
    /// says.
    pub server: Option<String>,
    /// Servers in the order in which they are tried; in place of `server`, or after it.
    pub servers: Vec<String>,
    /// The weights of `server` and `servers`, in their order; see [`Server::weighted`].
    pub weights: Vec<u16>,
    /// How many servers to be registered with at a time (RFC 5626).
    pub flows: Option<u32>,
    /// Register by RFC 5626 over connections; by default it is done.
    pub outbound: Option<bool>,
    /// The UUID of this user agent, the same after every start (RFC 5626 4.1).
    pub instance: Option<String>,
    /// Which of its addresses others are told: `never`, `public` or `temporary`; see [`GruuUse`].
    pub gruu: Option<String>,
    /// The priority among the user agents of one address of record, from 0 to 1.
    pub q: Option<f64>,
    /// How a server can wake us (RFC 8599).
    pub push: Option<PushValue>,
    /// The name others see.
    pub display_name: Option<String>,
    /// Digest user name; by default the user of the address of record.
    pub username: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// In place of a password.
    pub ha1: Option<Ha1>,
    /// An access token (RFC 8898).
    pub token: Option<SecretText>,
    /// Send a `credentialsNeeded` notification when a server wants what is missing or refused.
    pub ask_credentials: bool,
    /// Milliseconds a request waits for credentials.
    pub credentials_timeout: Option<u32>,
    /// The weakest digest algorithm that is answered.
    pub weakest_digest: Option<String>,
    /// Send tokens also where others can read them.
    pub allow_unprotected_tokens: bool,
    /// Registration lifetime to ask for, in seconds.
    pub expires: Option<u32>,
    /// User-Agent and Server header.
    pub user_agent: Option<String>,
    /// RFC 3261 timers.
    pub timers: Option<TimerValues>,
    /// Milliseconds a connection may take to come up.
    pub connect_timeout: Option<u32>,
    /// Milliseconds between keep-alives on connections, at most; 0: none are sent.
    pub keep_alive: Option<u32>,
    /// Milliseconds the answer to a keep-alive may take.
    pub pong_timeout: Option<u32>,
    /// Acknowledged provisional responses: `never`, `supported` or `required`; see [`Reliability`].
    pub reliable: Option<String>,
    /// How many redirections a call follows by itself; see [`Config::follow_redirects`].
    pub follow_redirects: Option<u8>,
    /// Session timers; see [`SessionTimers`](crate::endpoint::SessionTimers).
    pub session_timers: Option<SessionTimerValues>,
    /// Milliseconds an incoming call may wait for its answer; 0: as long as the caller likes.
    pub ring_timeout: Option<u32>,
    /// Milliseconds the other side may take to answer a call; 0: as long as it rings there.
    pub answer_timeout: Option<u32>,
    /// Milliseconds a call waits without a further provisional response; 0: for ever.
    pub progress_timeout: Option<u32>,
    /// Milliseconds an offer within a call may take; 0: for ever.
    pub offer_timeout: Option<u32>,
    /// Who may replace a call of ours: `asked`, `referred` or `never`; see [`Replacing`].
    pub replacing: Option<String>,
    /// Whose assertions of who calls are believed: `never`, `server` or `always`; see [`IdentityTrust`].
    pub trust_identity: Option<String>,
    /// Who may join a call of ours: `asked`, `referred` or `never`; see [`Config::joining`].
    pub joining: Option<String>,
    /// The event packages others may subscribe to.
    pub packages: Vec<String>,
    /// The event packages that are told of though nobody subscribed; by default `message-summary`.
    pub unsolicited: Option<Vec<String>>,
    /// The packages of INFO that are taken.
    pub info_packages: Vec<String>,
    /// Send a `saved` notification when an established call has changed.
    pub keep_calls: bool,
    /// Send a `trace` notification for each message.
    pub trace: bool,
    /// See [`Config::automatic_media`].
    pub automatic_media: bool,
    /// Messages of one source; see [`EndpointLimits::message_rate`](crate::endpoint::EndpointLimits::message_rate). For
    /// native programs: a browser has no peers but its server.
    pub message_rate: Option<MessageRate>,
}

/// H(username:realm:password) in hexadecimal.
#[derive(Clone, Debug)]
pub struct Ha1 {
    /// `MD5`, `SHA-256` or `SHA-512-256`.
    pub algorithm: String,
    /// The realm it was made for.
    pub realm: String,
    /// The hash.
    pub hex: SecretText,
}

/// The base values of RFC 3261's timers, in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct TimerValues {
    /// Round-trip time estimate.
    pub t1: Option<u32>,
    /// The longest retransmission interval.
    pub t2: Option<u32>,
    /// How long a message may stay in the network.
    pub t4: Option<u32>,
}

/// The user of the address of record.
pub(super) fn default_username(config: &Config) -> String {
    match config.aor.view() {
        UriRef::Sip(sip) => crate::message::unescape(sip.user.unwrap_or_default()).into_owned(),
        _ => String::new(),
    }
}

fn algorithm(field: &str, name: &str) -> Result<Algorithm, Error> {
    Algorithm::parse(name).ok_or_else(|| Error::input(field, 0, "one of MD5, SHA-256, SHA-512-256"))
}

impl Ha1 {
    pub(super) fn credential(self, username: String) -> Result<Credential, Error> {
        let algorithm = algorithm("ha1.algorithm", &self.algorithm)?;
        Ok(Credential::ha1(username, self.realm, algorithm, self.hex))
    }
}

/// Session timers (RFC 4028).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SessionTimerValues {
    /// `never`, `supported` or `always`; see [`SessionTimerMode`].
    pub mode: Option<String>,
    /// How long a session should last without a refresh, in seconds.
    pub expires: Option<u32>,
    /// The shortest that others may want, in seconds.
    pub min_se: Option<u32>,
}

impl std::fmt::Debug for AgentConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentConfig").field("aor", &self.aor).field("server", &self.server).finish_non_exhaustive()
    }
}

impl AgentConfig {
    /// Reads settings from JSON, as `js/src/protocol/` describes them.
    ///
    /// # Errors
    ///
    /// An `input` error naming the field; its offset is where in the text, in bytes.
    pub fn from_json(text: &str) -> Result<AgentConfig, ErrorValue> {
        json::read(text, "config", |_| ()).map_err(|((), bad)| bad.into())
    }
}

impl AgentConfig {
    /// The defaults for an address of record.
    pub fn new(aor: &str) -> AgentConfig {
        AgentConfig {
            aor: aor.into(),
            server: None,
            servers: Vec::new(),
            weights: Vec::new(),
            flows: None,
            outbound: None,
            instance: None,
            gruu: None,
            q: None,
            push: None,
            display_name: None,
            username: None,
            password: None,
            ha1: None,
            token: None,
            ask_credentials: false,
            credentials_timeout: None,
            weakest_digest: None,
            allow_unprotected_tokens: false,
            expires: None,
            user_agent: None,
            timers: None,
            connect_timeout: None,
            keep_alive: None,
            pong_timeout: None,
            packages: Vec::new(),
            unsolicited: None,
            info_packages: Vec::new(),
            reliable: None,
            follow_redirects: None,
            session_timers: None,
            ring_timeout: None,
            answer_timeout: None,
            progress_timeout: None,
            offer_timeout: None,
            replacing: None,
            keep_calls: false,
            trust_identity: None,
            joining: None,
            trace: false,
            automatic_media: false,
            message_rate: None,
        }
    }

    pub(super) fn into_config(self) -> Result<Config, Error> {
        let mut config = Config::new(&self.aor)?;
        let weights = self.weights.iter().copied().chain(std::iter::repeat(0));
        let servers = self.server.iter().chain(&self.servers).zip(weights);
        let servers = servers.map(|(server, weight)| Ok(Server::parse(server)?.weighted(weight)));
        let mut servers = servers.collect::<Result<Vec<Server>, Error>>()?.into_iter();
        config.server = servers.next();
        config.more_servers = servers.collect();
        if let Some(flows) = self.flows {
            config.flows = usize::try_from(flows).unwrap_or(usize::MAX);
        }
        config.outbound = self.outbound.unwrap_or(config.outbound);
        config.instance = self.instance.map(Into::into);
        if let Some(gruu) = self.gruu {
            config.gruu =
                GruuUse::parse(&gruu).ok_or_else(|| Error::input("gruu", 0, "one of never, public, temporary"))?;
        }
        if let Some(q) = self.q {
            if !(0.0..=1.0).contains(&q) {
                return Err(Error::input("q", 0, "a number from 0 to 1"));
            }
            config.priority = Some((q * 1000.0) as u16);
        }
        config.push = self.push.map(Into::into);
        let username = self.username.unwrap_or_else(|| default_username(&config));
        if let Some(ha1) = self.ha1 {
            config.credentials.push(ha1.credential(username)?);
        } else if let Some(password) = self.password {
            config.credentials.push(Credential::password(username, password));
        }
        config.credentials.extend(self.token.map(Credential::token));
        config.ask_credentials = self.ask_credentials;
        config.weakest_digest = self.weakest_digest.map(|name| algorithm("weakestDigest", &name)).transpose()?;
        config.allow_unprotected_tokens = self.allow_unprotected_tokens;
        config.display_name = self.display_name;
        if let Some(expires) = self.expires {
            config.expires = Duration::from_secs(expires.into());
        }
        if let Some(user_agent) = self.user_agent {
            config.user_agent = user_agent;
        }
        if let Some(timers) = self.timers {
            let millis = |field: &str, value: Option<u32>, slot: &mut Duration| match value {
                Some(0) => Err(Error::input(field, 0, "a timer is at least 1 ms")),
                Some(value) => {
                    *slot = Duration::from_millis(value.into());
                    Ok(())
                }
                None => Ok(()),
            };
            millis("timers.t1", timers.t1, &mut config.timers.t1)?;
            millis("timers.t2", timers.t2, &mut config.timers.t2)?;
            millis("timers.t4", timers.t4, &mut config.timers.t4)?;
        }
        for (value, slot) in [
            (self.connect_timeout, &mut config.connect_timeout),
            (self.keep_alive, &mut config.keep_alive),
            (self.pong_timeout, &mut config.pong_timeout),
            (self.credentials_timeout, &mut config.credentials_timeout),
            (self.ring_timeout, &mut config.ring_timeout),
            (self.progress_timeout, &mut config.progress_timeout),
            (self.offer_timeout, &mut config.offer_timeout),
        ] {
            if let Some(millis) = value {
                *slot = Duration::from_millis(millis.into());
            }
        }
        config.answer_timeout = self.answer_timeout.map(|millis| Duration::from_millis(millis.into()));
        config.packages = self.packages.into_iter().map(Into::into).collect();
        config.info_packages = self.info_packages.into_iter().map(Into::into).collect();
        if let Some(unsolicited) = self.unsolicited {
            config.unsolicited = unsolicited.into_iter().map(Into::into).collect();
        }
        if let Some(reliable) = self.reliable {
            config.reliable = Reliability::parse(&reliable)
                .ok_or_else(|| Error::input("reliable", 0, "one of never, supported, required"))?;
        }
        config.follow_redirects = self.follow_redirects.unwrap_or(config.follow_redirects);
        if let Some(timers) = self.session_timers {
            let seconds = |value: Option<u32>, slot: &mut Duration| {
                *slot = value.map_or(*slot, |value| Duration::from_secs(value.into()));
            };
            seconds(timers.expires, &mut config.session_timers.expires);
            seconds(timers.min_se, &mut config.session_timers.min_se);
            if let Some(mode) = timers.mode {
                config.session_timers.mode = SessionTimerMode::parse(&mode)
                    .ok_or_else(|| Error::input("sessionTimers.mode", 0, "one of never, supported, always"))?;
            }
        }
        let who = |field: &str, text: Option<String>, slot: &mut Replacing| {
            let Some(text) = text else { return Ok(()) };
            *slot = Replacing::parse(&text).ok_or_else(|| Error::input(field, 0, "one of asked, referred, never"))?;
            Ok::<(), Error>(())
        };
        who("replacing", self.replacing, &mut config.replacing)?;
        who("joining", self.joining, &mut config.joining)?;
        if let Some(trust) = self.trust_identity {
            config.trust_identity = IdentityTrust::parse(&trust)
                .ok_or_else(|| Error::input("trustIdentity", 0, "one of never, server, always"))?;
        }
        config.trace = self.trace;
        config.automatic_media = self.automatic_media;
        config.limits.message_rate = self.message_rate;
        config.check()?;
        Ok(config)
    }
}

reads!(AgentConfig {
    aor, server, servers, weights, flows, outbound, instance, gruu, q, push, display_name, username, password, ha1,
    token, ask_credentials, credentials_timeout, weakest_digest, allow_unprotected_tokens, expires, user_agent,
    timers, connect_timeout, keep_alive, pong_timeout, reliable, follow_redirects, session_timers, ring_timeout,
    answer_timeout, progress_timeout, offer_timeout, replacing, trust_identity, joining, packages, unsolicited,
    info_packages, keep_calls, trace, automatic_media,
    ; message_rate: None
});

reads!(Ha1 { algorithm, realm, hex });

reads!(TimerValues { t1, t2, t4 });

reads!(SessionTimerValues { mode, expires, min_se });
