//! A user agent on tokio: the core's handles with a driver under them.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use offhook_core::agent::Engine;
use offhook_core::auth::{Credential, CredentialRequest};
use offhook_core::endpoint::{Config, Error, Server};
use offhook_core::transaction::TimerConfig;
use offhook_core::transport::{FlowError, FlowErrorKind, MessageRate, Sharding, Target, Transport};

use crate::metrics::Sampler;
use crate::{Driver, DriverBuilder, Handle, ListenAddr};

/// How often metrics of calls and messages are brought up to date.
const SAMPLE: Duration = Duration::from_secs(5);

/// A user agent that runs on tokio. Everything but its making is in [`offhook_core::agent::UserAgent`], to which it
/// derefs. When the last handle of it and of its calls is dropped, what is left is ended in order.
///
/// ```no_run
/// use offhook::{CallOptions, UserAgent};
///
/// # async fn demo(sdp: String) -> Result<(), offhook::Error> {
/// let agent = UserAgent::builder("sip:alice@example.com")
///     .server("wss://sip.example.com/ws")
///     .password(std::env::var("SIP_PASSWORD").unwrap_or_default())
///     .connect()
///     .await?;
/// agent.register().await?;
/// let call = agent.call("sip:bob@example.com", CallOptions::with_sdp(sdp)).await?;
/// call.established().await?;
/// call.hangup().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct UserAgent {
    agent: offhook_core::agent::UserAgent,
    /// One for each shard.
    drivers: Arc<[Handle<Engine>]>,
    local: IpAddr,
}

impl Deref for UserAgent {
    type Target = offhook_core::agent::UserAgent;

    fn deref(&self) -> &Self::Target {
        &self.agent
    }
}

impl UserAgent {
    /// Begins a user agent for an address of record, e.g. `sip:alice@example.com`.
    pub fn builder(aor: &str) -> Builder {
        Builder {
            config: Config::new(aor).map(|mut config| {
                config.limits.message_rate = Some(MessageRate::default());
                config
            }),
            server: None,
            username: None,
            password: None,
            bind: Vec::new(),
            asks: None,
            shards: 1,
            driver: Box::new(|driver| driver),
        }
    }

    /// The addresses it listens on.
    pub fn local_addrs(&self) -> &[ListenAddr] {
        self.drivers.first().map(Handle::local_addrs).unwrap_or_default()
    }

    /// The address of this machine from which its server is reached, or with no server where it listens: where others reach
    /// its media.
    pub fn local_ip(&self) -> IpAddr {
        self.local
    }

    /// Ends all calls, unregisters, closes all flows, at the latest after `deadline`; then waits until every socket is
    /// closed.
    ///
    /// # Errors
    ///
    /// [`Error::State`] if it has stopped already.
    pub async fn shutdown(&self, deadline: Duration) -> Result<(), Error> {
        self.agent.shutdown(deadline).await?;
        for driver in &*self.drivers {
            driver.stopped().await;
        }
        Ok(())
    }

    /// Makes one of the shards panic, to see what becomes of it: for tests.
    #[doc(hidden)]
    pub fn fail_shard(&self, index: usize) {
        if let Some(driver) = self.drivers.get(index) {
            // One that has stopped fails no more.
            let _ = driver.post(|_, _| panic!("a test wants this shard to fail"));
        }
    }
}

/// How a [`UserAgent`] is to be. Values are checked by [`connect`](Builder::connect).
pub struct Builder {
    config: Result<Config, Error>,
    server: Option<String>,
    username: Option<String>,
    password: Option<String>,
    bind: Vec<SocketAddr>,
    /// Tells the agent whom to ask for credentials.
    asks: Option<Asks>,
    shards: usize,
    driver: Change,
}

type Asks = Box<dyn FnOnce(&offhook_core::agent::UserAgent) + Send>;

/// What the program does to the driver under the agent.
type Change = Box<dyn FnOnce(DriverBuilder<Engine>) -> DriverBuilder<Engine> + Send>;

impl Builder {
    /// The server all requests outside of a dialog go to: `ws://…`, `wss://…`, or `sip:host:port;transport=udp`. Without
    /// one each goes where its URI says.
    #[must_use]
    pub fn server(mut self, server: impl Into<String>) -> Builder {
        self.server = Some(server.into());
        self
    }

    /// The user name for digest; by default the user of the address of record.
    #[must_use]
    pub fn username(mut self, username: impl Into<String>) -> Builder {
        self.username = Some(username.into());
        self
    }

    /// The password for digest.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Builder {
        self.password = Some(password.into());
        self
    }

    /// A credential in place of a user name and password: for one realm, or a stored hash.
    #[must_use]
    pub fn credential(self, credential: Credential) -> Builder {
        self.with(|config| config.credentials.push(credential))
    }

    /// Whom to ask for credentials that are missing or were refused; see
    /// [`UserAgent::credentials`](offhook_core::agent::UserAgent::credentials).
    #[must_use]
    pub fn credentials<F>(mut self, callback: impl FnMut(CredentialRequest) -> F + Send + 'static) -> Builder
    where
        F: Future<Output = Option<Credential>> + Send + 'static,
    {
        self.asks = Some(Box::new(|agent| agent.credentials(callback)));
        self
    }

    /// The name others see.
    #[must_use]
    pub fn display_name(self, name: impl Into<String>) -> Builder {
        self.with(|config| config.display_name = Some(name.into()))
    }

    /// The registration lifetime to ask for.
    #[must_use]
    pub fn expires(self, expires: Duration) -> Builder {
        self.with(|config| config.expires = expires)
    }

    /// The timers of RFC 3261.
    #[must_use]
    pub fn timers(self, timers: TimerConfig) -> Builder {
        self.with(|config| config.timers = timers)
    }

    /// Hold and resume by rewriting the last description, and re-offers answered with it: for programs whose media do
    /// not change within a call.
    #[must_use]
    pub fn automatic_media(self) -> Builder {
        self.with(|config| config.automatic_media = true)
    }

    /// Every message as an event of the agent, secrets masked.
    #[must_use]
    pub fn trace(self) -> Builder {
        self.with(|config| config.trace = true)
    }

    /// Any other setting.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Config)) -> Builder {
        if let Ok(config) = &mut self.config {
            change(config);
        }
        self
    }

    /// A UDP address to listen on, e.g. `127.0.0.1:5060`; port 0 lets the system choose. By default, where UDP is what
    /// is spoken, the address this machine reaches the server from.
    #[must_use]
    pub fn bind(mut self, address: SocketAddr) -> Builder {
        self.bind.push(address);
        self
    }

    /// How many endpoints share the work, at most 256; 1. Each runs on a task of its own, so that a runtime of several threads
    /// uses as many cores. They are one user agent still, with one registration, one connection to each server and one socket
    /// for each address others know. A call is one shard's, and no lock is shared between shards. The limits of the settings are
    /// parted among them. A shard that panics loses its own calls, which end with [`Error::Internal`], and begins anew.
    #[must_use]
    pub fn shards(mut self, shards: usize) -> Builder {
        self.shards = shards;
        self
    }

    /// Settings of the driver: other transports to listen on, limits, whom to trust over TLS.
    ///
    /// ```no_run
    /// # fn demo(authorities: &[u8]) -> Result<(), offhook::TlsError> {
    /// let tls = offhook::ClientTls::new().roots(offhook::roots_from_pem(authorities)?);
    /// let agent = offhook::UserAgent::builder("sip:alice@example.com")
    ///     .server("sip:example.com;transport=tls")
    ///     .driver(|driver| driver.client_tls(tls).tcp(([0, 0, 0, 0], 5060).into()));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn driver(
        mut self,
        change: impl FnOnce(DriverBuilder<Engine>) -> DriverBuilder<Engine> + Send + 'static,
    ) -> Builder {
        let before = self.driver;
        self.driver = Box::new(|driver| change(before(driver)));
        self
    }

    /// Starts the agent and opens the way to the server.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] for a setting that cannot be used, [`Error::Transport`] if the server cannot be reached.
    pub async fn connect(self) -> Result<UserAgent, Error> {
        let mut config = self.config?;
        config.server = self.server.as_deref().map(Server::parse).transpose()?;
        config.check()?;
        if let Some(password) = self.password {
            let username = self.username.unwrap_or_else(|| config.user().to_owned());
            config.credentials.push(Credential::password(username, password));
        }
        let mut bind = self.bind;
        let mut servers = config.server.iter().chain(&config.more_servers).peekable();
        let udp = servers.peek().is_none() || servers.any(|server| server.transport() == Transport::Udp);
        let chosen = bind.iter().map(SocketAddr::ip).find(|address| !address.is_unspecified());
        let local = match chosen {
            Some(chosen) => chosen,
            // A domain that is no host is found by its records; the way there is the default one.
            None => local_address(config.server.as_ref()).await.unwrap_or(Ipv4Addr::UNSPECIFIED.into()),
        };
        if bind.is_empty() && udp {
            bind.push(SocketAddr::new(local, 0));
        }
        let seed = crate::seed().map_err(no_socket)?;
        let (agent, driver) = if self.shards > 1 {
            let sharding = Sharding::new(self.shards, crate::seed().map_err(no_socket)?);
            let (agent, engines) = offhook_core::agent::UserAgent::sharded(&config, sharding, seed);
            (agent, Driver::sharded(engines, sharding))
        } else {
            let (agent, engine) = offhook_core::agent::UserAgent::new(config, seed);
            (agent, Driver::builder(engine))
        };
        if let Some(asks) = self.asks {
            asks(&agent);
        }
        let mut sampler = Sampler::new();
        let look = move |engine: &Engine| sampler.sample(engine.endpoint());
        let mut driver = driver.sample(SAMPLE, look);
        for address in bind {
            driver = driver.udp(address);
        }
        let drivers = (self.driver)(driver).spawn_shards(|_, never| match never {}).map_err(no_socket)?;
        // From here the agent's own handles keep it running, so that the last one gone ends it in order.
        drivers.iter().cloned().for_each(Handle::detach);
        agent.connect().await?;
        Ok(UserAgent { agent, drivers: drivers.into(), local })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("config", &self.config).field("server", &self.server).finish_non_exhaustive()
    }
}

/// The address this machine would reach the server from. A connected UDP socket asks the routing table; nothing is sent.
pub async fn local_address(server: Option<&Server>) -> io::Result<IpAddr> {
    let Some(Target { host, port, .. }) = server.map(Server::target) else {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let Some(remote) = tokio::net::lookup_host((host, *port)).await?.next() else {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the server's name has no address"));
    };
    let any: IpAddr = if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = tokio::net::UdpSocket::bind((any, 0)).await?;
    socket.connect(remote).await?;
    Ok(socket.local_addr()?.ip())
}

fn no_socket(error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => FlowErrorKind::Unresolved,
        _ => FlowErrorKind::Refused,
    };
    Error::Transport(FlowError::new(kind, &error.to_string()))
}
