//! How an endpoint is set up.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use super::{Error, GruuUse, IdentityTrust, Push, Replacing};
use crate::auth::{Algorithm, Credential};
use crate::message::{EventRef, Host, Limits, Uri, UriRef};
use crate::transaction::TimerConfig;
use crate::transport::{Finder, MessageRate, Shard, Target, Transport, Wanted};

/// The settings of one endpoint: one user agent with one address of record.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The address of record: whose phone this is.
    pub aor: Uri,
    /// The name others see.
    pub display_name: Option<String>,
    /// The server every request outside a dialog goes to. `None`: each request goes where its URI says.
    pub server: Option<Server>,
    /// Further servers, in the order in which they are tried when those before cannot be reached.
    pub more_servers: Vec<Server>,
    /// How many servers to be connected and registered with at a time (RFC 5626 4.2.1), where there are so many; 1.
    pub flows: usize,
    /// Register by RFC 5626 over connections, so that requests come back over them; true.
    pub outbound: bool,
    /// What tells this user agent from others of the same address of record (RFC 5626 4.1): a UUID, the same after every
    /// start. `None`: another each time.
    pub instance: Option<Box<str>>,
    /// Which of its addresses others are told (RFC 5627); by default that of the connection.
    pub gruu: GruuUse,
    /// The priority of this user agent among those of the same address of record, from 0 to 1000 (RFC 3261 20.10).
    pub priority: Option<u16>,
    /// How a server can wake this user agent (RFC 8599).
    pub push: Option<Push>,
    /// What challenges are answered with.
    pub credentials: Vec<Credential>,
    /// Whether the application is asked for credentials that are missing or were refused, by
    /// [`Event::CredentialsNeeded`](super::Event::CredentialsNeeded).
    pub ask_credentials: bool,
    /// How long a request waits for credentials that were asked for; 60 s.
    pub credentials_timeout: Duration,
    /// The weakest digest algorithm that is answered; any of them if there is none.
    pub weakest_digest: Option<Algorithm>,
    /// Send tokens also where others can read them. Otherwise they go over TLS, WSS and to this machine only.
    pub allow_unprotected_tokens: bool,
    /// The User-Agent and Server header; empty: none is sent.
    pub user_agent: String,
    /// The registration lifetime to ask for; 300 s.
    pub expires: Duration,
    /// The timers of RFC 3261.
    pub timers: TimerConfig,
    /// How long a connection may take to come up; 8 s.
    pub connect_timeout: Duration,
    /// The longest request sent by UDP, in bytes; a longer one goes over TCP, and by UDP only where TCP is refused (RFC 3261
    /// 18.1.1). `None`: all go by UDP. 1,300.
    pub udp_limit: Option<usize>,
    /// How often keep-alives go over the connections that this side opened, and over UDP to servers that answer them, at most;
    /// servers can ask for more (RFC 5626 4.4, RFC 6223). 30 s, which finds a dead connection sooner than the 120 s of RFC 5626
    /// 4.4.1 (over UDP 24 to 29 s, by 4.4.2); zero: none are sent.
    pub keep_alive: Duration,
    /// How long the answer to a keep-alive may take on a connection; then that is dead and another is opened. 10 s.
    pub pong_timeout: Duration,
    /// The configured servers are known to answer STUN where they take SIP by UDP (RFC 5626 4.4 and 8): keep-alives go there
    /// though no server says so when this side registers. Of one that does not know STUN they make a dead one. `false`.
    #[cfg(feature = "stun")]
    pub server_answers_stun: bool,
    /// Leave a place alone for a while where five requests in a row failed ([`FlowErrorKind::Avoided`]); true. A program
    /// that measures a place asks it all the same.
    ///
    /// [`FlowErrorKind::Avoided`]: crate::transport::FlowErrorKind::Avoided
    pub avoid_failing: bool,
    /// What one endpoint takes on.
    pub limits: EndpointLimits,
    /// The endpoint rewrites descriptions for hold and resume and answers re-offers by itself, for programs whose media
    /// do not change within a call. Otherwise the application negotiates.
    pub automatic_media: bool,
    /// Whether provisional responses are acknowledged (RFC 3262).
    pub reliable: Reliability,
    /// How many redirections (3xx) a call of ours follows by itself; 0: the application is told where else the callee is,
    /// and calls there if it likes (RFC 3261 8.1.3.4). 0.
    pub follow_redirects: u8,
    /// Whether calls that nobody refreshes end by themselves (RFC 4028).
    pub session_timers: SessionTimers,
    /// How long an incoming call may wait for its answer; then it is refused with 480 (RFC 3261 21.4.18), or with 487 where
    /// the Expires header field of the INVITE says less (13.3.1). 5 min; zero: as long as the caller likes.
    pub ring_timeout: Duration,
    /// How long the other side may take to answer a call of ours, which its INVITE then says (Expires, RFC 3261 13.2.1);
    /// after that it is cancelled. [`CallOptions::answer_timeout`](super::CallOptions::answer_timeout) is for one call.
    /// `None`: as long as it rings there. `None`.
    pub answer_timeout: Option<Duration>,
    /// How long a call of ours waits without a further provisional response, which is owed each minute (RFC 3261 13.3.1.1);
    /// then it is cancelled, as proxies do by timer C (16.8). 5 min; zero: for ever.
    pub progress_timeout: Duration,
    /// How long an offer within a call may take: one of ours in a re-INVITE that got provisional responses alone is
    /// cancelled then, and one of theirs that the application does not answer is refused with 480 (in PRACK and UPDATE
    /// after half of 64 × T1, with 504). The call goes on as it was. 60 s; zero: for ever.
    pub offer_timeout: Duration,
    /// Who may replace a call of ours by another (RFC 3891).
    pub replacing: Replacing,
    /// Whose assertions of who calls are believed (RFC 3325); those of the servers.
    pub trust_identity: IdentityTrust,
    /// Who may join a call of ours by another (RFC 3911), which the application then mixes with it. By default nobody, since
    /// not every application can.
    pub joining: Replacing,
    /// The event packages others may subscribe to, e.g. `presence`, with the application's consent each time. A SUBSCRIBE
    /// to others is answered 489. None.
    pub packages: Vec<Box<str>>,
    /// The event packages that a NOTIFY may tell of though nobody subscribed: many servers tell of waiting messages so
    /// (not RFC 6665, whose answer for others is 481). `message-summary`.
    pub unsolicited: Vec<Box<str>>,
    /// The packages of INFO that are taken, e.g. `trickle-ice` (RFC 6086 5.2); INFO of others is answered 469. None.
    pub info_packages: Vec<Box<str>>,
    /// Report every message.
    pub trace: bool,
    /// Which of several endpoints of one user agent this is; see [`Config::sharded`].
    pub(crate) shard: Option<Shard>,
}

/// Whether provisional responses, e.g. that it rings, are acknowledged like final ones (RFC 3262).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reliability {
    /// Not at all: `100rel` is not supported, and who requires it is answered 420.
    Never,
    /// Wherever the other side supports it.
    #[default]
    Supported,
    /// Always: it is required of the other side, and a caller without it is answered 421.
    Required,
}

impl Reliability {
    /// Reads `never`, `supported` or `required`.
    pub fn parse(text: &str) -> Option<Reliability> {
        match text {
            "never" => Some(Reliability::Never),
            "supported" => Some(Reliability::Supported),
            "required" => Some(Reliability::Required),
            _ => None,
        }
    }
}

/// Limits, each with a defined answer when it is reached.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EndpointLimits {
    /// Calls at a time; more incoming ones are answered 486, more outgoing ones refused with [`Error::Limit`]. 10,000.
    pub calls: usize,
    /// Requests of peers being worked on; more are answered 503 with Retry-After. 20,000. Fifty times as many may linger
    /// after their final response, for retransmissions.
    pub server_transactions: usize,
    /// Requests of ours that wait for their answer. 20,000.
    pub outgoing: usize,
    /// Size of messages and headers.
    pub message: Limits,
    /// Transitions kept in a call's history; the oldest after the first go. 64.
    pub history: usize,
    /// Subscriptions of either role at a time; more of others are answered 503, more of ours refused with
    /// [`Error::Limit`]. 10,000.
    pub subscriptions: usize,
    /// Subscriptions of one peer, told by its From URI, at a time; more are answered 503. 64.
    pub subscriptions_per_peer: usize,
    /// Publications at a time; more are refused with [`Error::Limit`]. 1,000.
    pub publications: usize,
    /// How long a subscription of others lasts at least and at most between refreshes: less is answered 423, more is
    /// shortened. A minute, a day.
    pub subscription_expires: (Duration, Duration),
    /// Messages of one source, in the long run and at once; more are passed over unread, as if they had been lost. What
    /// comes from the configured servers is not counted: they speak for many. `None`, no limit; the native `UserAgent` and
    /// `offhook agent` set [`MessageRate::default`], 1,000 a second and 5,000 at once.
    pub message_rate: Option<MessageRate>,
}

/// Session timers (RFC 4028): a session is refreshed again and again, so that one is over whose other side has vanished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionTimers {
    /// Whether.
    pub mode: SessionTimerMode,
    /// How long a session should last without a refresh; 30 min. At least `min_se`.
    pub expires: Duration,
    /// The shortest that others may want; 90 s, which is the least there is. Less is answered 422.
    pub min_se: Duration,
}

/// With whom session timers are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SessionTimerMode {
    /// With nobody: `timer` is not supported.
    Never,
    /// With everybody who supports them.
    #[default]
    Supported,
    /// With everybody: where the other side does not support them, this one refreshes for its own sake (RFC 4028 7.2).
    Always,
}

impl SessionTimerMode {
    /// Reads `never`, `supported` or `always`.
    pub fn parse(text: &str) -> Option<SessionTimerMode> {
        match text {
            "never" => Some(SessionTimerMode::Never),
            "supported" => Some(SessionTimerMode::Supported),
            "always" => Some(SessionTimerMode::Always),
            _ => None,
        }
    }
}

impl Default for SessionTimers {
    fn default() -> SessionTimers {
        SessionTimers {
            mode: SessionTimerMode::default(),
            expires: Duration::from_secs(1800),
            min_se: Duration::from_secs(90),
        }
    }
}

impl Default for EndpointLimits {
    fn default() -> EndpointLimits {
        EndpointLimits {
            calls: 10_000,
            server_transactions: 20_000,
            outgoing: 20_000,
            message: Limits::default(),
            history: 64,
            subscriptions: 10_000,
            subscriptions_per_peer: 64,
            publications: 1000,
            subscription_expires: (Duration::from_secs(60), Duration::from_secs(86_400)),
            message_rate: None,
        }
    }
}

impl Config {
    /// The defaults for an address of record, e.g. `sip:alice@example.com`.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if it is no SIP or SIPS URI with a user part.
    pub fn new(aor: &str) -> Result<Config, Error> {
        let uri = Uri::parse(aor).map_err(|error| Error::unparsable("aor", &error))?;
        match uri.view() {
            UriRef::Sip(sip) if sip.user.is_some() => {}
            _ => {
                return Err(Error::input(
                    "aor",
                    0,
                    "an address of record is a SIP URI with a user, e.g. sip:alice@example.com",
                ));
            }
        }
        Ok(Config {
            aor: uri,
            display_name: None,
            server: None,
            more_servers: Vec::new(),
            flows: 1,
            outbound: true,
            instance: None,
            gruu: GruuUse::default(),
            priority: None,
            push: None,
            credentials: Vec::new(),
            ask_credentials: false,
            credentials_timeout: Duration::from_secs(60),
            weakest_digest: None,
            allow_unprotected_tokens: false,
            user_agent: concat!("Offhook/", env!("CARGO_PKG_VERSION")).into(),
            expires: Duration::from_secs(300),
            timers: TimerConfig::default(),
            connect_timeout: Duration::from_secs(8),
            udp_limit: Some(1300),
            keep_alive: Duration::from_secs(30),
            #[cfg(feature = "stun")]
            server_answers_stun: false,
            pong_timeout: Duration::from_secs(10),
            avoid_failing: true,
            limits: EndpointLimits::default(),
            automatic_media: false,
            reliable: Reliability::default(),
            follow_redirects: 0,
            session_timers: SessionTimers::default(),
            ring_timeout: Duration::from_secs(300),
            answer_timeout: None,
            progress_timeout: Duration::from_secs(300),
            offer_timeout: Duration::from_secs(60),
            replacing: Replacing::default(),
            trust_identity: IdentityTrust::default(),
            joining: Replacing::Never,
            packages: Vec::new(),
            unsolicited: vec!["message-summary".into()],
            info_packages: Vec::new(),
            trace: false,
            shard: None,
        })
    }

    /// Refuses what cannot stand in a message, before anything is sent.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] naming the field.
    pub fn check(&self) -> Result<(), Error> {
        let is_package = |package: &str| EventRef::parse(package).is_ok_and(|event| event.package == package);
        if self.packages.iter().any(|package| !is_package(package)) {
            return Err(Error::input("packages", 0, "an event package is a token, e.g. presence"));
        }
        if self.info_packages.iter().any(|package| !is_package(package)) {
            return Err(Error::input("infoPackages", 0, "a package of INFO is a token, e.g. trickle-ice"));
        }
        let texts =
            [("displayName", self.display_name.as_deref().unwrap_or_default()), ("userAgent", &self.user_agent)];
        for (field, text) in texts {
            if let Some(offset) = text.find(|character: char| character.is_control()) {
                return Err(Error::input(field, offset, "a control character"));
            }
        }
        let SessionTimers { expires, min_se, .. } = self.session_timers;
        if min_se < Duration::from_secs(90) {
            return Err(Error::input("sessionTimers.minSe", 0, "a session lasts at least 90 s"));
        }
        if expires < min_se {
            return Err(Error::input("sessionTimers.expires", 0, "it is shorter than minSe"));
        }
        self.credentials.iter().try_for_each(check_credential)?;
        self.check_reach()?;
        Ok(())
    }

    /// All servers in order.
    pub(crate) fn servers(&self) -> impl Iterator<Item = &Server> {
        self.server.iter().chain(&self.more_servers)
    }

    /// The domain of the address of record.
    pub(crate) fn domain(&self) -> String {
        let mut domain = String::new();
        if let UriRef::Sip(sip) = self.aor.view() {
            push_host(&mut domain, &sip.host);
        }
        domain
    }

    /// The user part of the address of record.
    pub fn user(&self) -> &str {
        match self.aor.view() {
            UriRef::Sip(sip) => sip.user.unwrap_or_default(),
            _ => "",
        }
    }

    /// Whether the address of record is reached over TLS alone.
    pub(crate) fn is_sips(&self) -> bool {
        matches!(self.aor.view(), UriRef::Sip(sip) if sip.secure)
    }

    /// The URI a registrar is asked at: the address of record without its user (RFC 3261 10.2).
    pub(crate) fn registrar(&self) -> String {
        let mut uri = String::new();
        if let UriRef::Sip(sip) = self.aor.view() {
            uri.push_str(if sip.secure { "sips:" } else { "sip:" });
            push_host(&mut uri, &sip.host);
            if let Some(port) = sip.port {
                uri.push(':');
                uri.push_str(&port.to_string());
            }
        }
        uri
    }
}

pub(super) fn check_credential(credential: &Credential) -> Result<(), Error> {
    credential.check().map_err(|(field, offset, message)| Error::input(field, offset, message))
}

/// A server by its transport, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    pub(crate) target: Target,
    /// What of it was named, where it is no URL.
    wanted: Option<Wanted>,
    pub(super) weight: u16,
}

impl Server {
    /// Reads `ws://host:port/path`, `wss://…`, `sip:host:port;transport=udp|tcp|tls`, `sips:host`, or a bare
    /// `host[:port]` (UDP).
    ///
    /// # Errors
    ///
    /// [`Error::Input`] naming the byte where it is wrong.
    pub fn parse(text: &str) -> Result<Server, Error> {
        let lower = text.get(..6).unwrap_or(text).to_ascii_lowercase();
        let transport = match lower.as_str() {
            "wss://" => Some(Transport::Wss),
            _ if lower.starts_with("ws://") => Some(Transport::Ws),
            _ => None,
        };
        match transport {
            Some(transport) => Server::parse_url(text, transport),
            None if lower.starts_with("sip:") || lower.starts_with("sips:") => Server::parse_uri(text, text),
            None => {
                let mut uri = String::from("sip:");
                uri.push_str(text);
                Server::parse_uri(text, &uri)
            }
        }
    }

    fn parse_url(text: &str, transport: Transport) -> Result<Server, Error> {
        let start = if transport == Transport::Wss { 6 } else { 5 };
        let rest = text.get(start..).unwrap_or_default();
        let (authority, resource) = match rest.find(['/', '?', '#']) {
            Some(at) => rest.split_at_checked(at).unwrap_or((rest, "")),
            None => (rest, ""),
        };
        if authority.contains('@') {
            return Err(Error::input("server", start, "a server URL carries no user or password"));
        }
        let mut uri = String::from("sip:");
        uri.push_str(authority);
        let mut server = Server::parse_uri(text, &uri)?;
        if UriRef::parse(&uri).ok().and_then(|uri| uri.as_sip().and_then(|sip| sip.port)).is_none() {
            server.target.port = transport.default_port();
        }
        if resource.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(Error::input("server", start, "a space or control character in the URL"));
        }
        server.wanted = None;
        server.target.transport = transport;
        server.target.resource = resource.into();
        Ok(server)
    }

    fn parse_uri(text: &str, uri: &str) -> Result<Server, Error> {
        let shift = uri.len().saturating_sub(text.len());
        let parsed = UriRef::parse(uri)
            .map_err(|error| Error::input("server", error.offset().saturating_sub(shift), &error.to_string()))?;
        let UriRef::Sip(sip) = parsed else {
            return Err(Error::input("server", 0, "a server is a sip:, sips:, ws:// or wss:// address"));
        };
        let named = sip.params.value("transport").and_then(Transport::from_name);
        let transport = match (sip.secure, named) {
            (true, Some(Transport::Ws)) => Transport::Wss,
            (true, _) => Transport::Tls,
            (false, named) => named.unwrap_or(Transport::Udp),
        };
        let wanted = Wanted { host: text_of(&sip.host), port: sip.port, transport: named, secure: sip.secure };
        Ok(Server { target: target_of(&sip.host, sip.port, transport), wanted: Some(wanted), weight: 0 })
    }

    /// The same, sharing the load with those beside it in the list that have a weight too: which of them is tried first is
    /// drawn by weight, once for each endpoint (RFC 2782). 0: it is tried where it stands in the list.
    pub fn weighted(mut self, weight: u16) -> Server {
        self.weight = weight;
        self
    }

    /// A search for it.
    pub(super) fn finder(&self, able: &[Transport]) -> Finder {
        match &self.wanted {
            Some(wanted) => Finder::new(wanted, able),
            None => Finder::at(self.target.clone()),
        }
    }

    /// Where it is.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// How it is reached.
    pub fn transport(&self) -> Transport {
        self.target.transport
    }
}

/// A host and port as a target; the address is known where the host is one.
pub(crate) fn target_of(host: &Host<'_>, port: Option<u16>, transport: Transport) -> Target {
    let addr = address_of(host, port, transport);
    Target { transport, host: text_of(host), port: port.unwrap_or(transport.default_port()), addr, resource: "".into() }
}

/// Where a host is that is an address.
pub(super) fn address_of(host: &Host<'_>, port: Option<u16>, transport: Transport) -> Option<SocketAddr> {
    host.ip().map(|ip| SocketAddr::new(ip, port.unwrap_or(transport.default_port())))
}

/// A host as a URI has it.
pub(super) fn text_of(host: &Host<'_>) -> Box<str> {
    let mut text = String::new();
    push_host(&mut text, host);
    text.into()
}

fn push_host(text: &mut String, host: &Host<'_>) {
    match host {
        Host::Name(name) => text.push_str(name),
        // Strings take everything.
        host => drop(write!(text, "{host}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(text: &str) -> (Transport, String, u16, String) {
        let target = Server::parse(text).expect("a server").target;
        (target.transport, target.host.into(), target.port, target.resource.into())
    }

    #[test]
    fn servers_in_every_form() {
        assert_eq!(server("ws://127.0.0.1:8080/ws"), (Transport::Ws, "127.0.0.1".into(), 8080, "/ws".into()));
        assert_eq!(server("WSS://pbx.example.com"), (Transport::Wss, "pbx.example.com".into(), 443, "".into()));
        assert_eq!(server("sip:pbx:5070;transport=tcp"), (Transport::Tcp, "pbx".into(), 5070, "".into()));
        assert_eq!(server("sips:pbx.example.com"), (Transport::Tls, "pbx.example.com".into(), 5061, "".into()));
        assert_eq!(server("[::1]:5080"), (Transport::Udp, "[::1]".into(), 5080, "".into()));
    }

    #[test]
    fn a_bad_server_names_the_field() {
        for text in ["", "http://x", "ws://", "ws://a:b@c/", "sip:host:99999", "ws://h/\r\nX: y"] {
            match Server::parse(text) {
                Err(Error::Input(error)) => assert_eq!(&*error.field, "server", "{text:?}"),
                other => panic!("{text:?} gave {other:?}"),
            }
        }
    }

    #[test]
    fn the_aor_needs_a_user() {
        assert!(Config::new("sip:example.com").is_err());
        assert_eq!(Config::new("sip:alice@example.com:5070").expect("a config").registrar(), "sip:example.com:5070");
    }
}
