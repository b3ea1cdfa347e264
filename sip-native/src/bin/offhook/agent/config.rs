//! The options of `offhook agent`.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use offhook::Capture;
use offhook::core::control::{AgentConfig, SessionTimerValues, TimerValues};
use offhook::core::transport::MessageRate;
#[cfg(feature = "tls")]
use offhook::{ClientTls, Identity, ServerTls, TlsError, roots_from_pem};

/// Run a user agent that scripts can drive: one JSON command a line in, one JSON notification a line out
///
/// Every command has a number and gets exactly one result or error with that number. The agent goes on after a line
/// it cannot read. It shuts down (calls ended, unregistered, sockets closed) on the command "shutdown", at the end of
/// its input, and on Ctrl-C.
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLE)]
pub(crate) struct Args {
    /// Speak JSON lines, the only language there is so far
    #[arg(long)]
    json: bool,
    /// Address of record, e.g. sip:alice@example.com
    #[arg(long, value_name = "URI")]
    aor: String,
    /// The server: sip:host:port;transport=udp|tcp|tls, ws://host/path or wss://host/path
    ///
    /// Without it requests go where their address says.
    #[arg(long, value_name = "URI")]
    server: Option<String>,
    /// Another server, tried when those before cannot be reached; may be repeated
    #[arg(long, value_name = "URI")]
    backup: Vec<String>,
    /// How many servers to be registered with at a time (RFC 5626) [default: 1]
    #[arg(long, value_name = "COUNT")]
    flows: Option<u32>,
    /// Do not register by RFC 5626
    #[arg(long)]
    no_outbound: bool,
    /// A UUID that tells this user agent from others of the same address, the same after every start (RFC 5626 4.1)
    #[arg(long, value_name = "UUID")]
    instance: Option<String>,
    /// The name others see
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// Digest user name [default: the user of the address of record]
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// Read the password from the first line of this file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The password; others on this machine can see it here, so prefer the variable or a file
    #[arg(long, env = "OFFHOOK_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// An access token (RFC 8898), sent over TLS, wss and to this machine only
    #[arg(long, env = "OFFHOOK_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Ask for credentials that are missing or were refused, by "credentialsNeeded" notifications
    #[arg(long)]
    ask_credentials: bool,
    /// The weakest digest algorithm that is answered: MD5, SHA-256 or SHA-512-256 [default: MD5]
    #[arg(long, value_name = "NAME")]
    weakest_digest: Option<String>,
    /// Where to receive: [udp:|tcp:|tls:|ws:|wss:]ADDRESS:PORT, may be repeated; port 0 lets the system choose
    ///
    /// The default is UDP on any port, and nothing for a WebSocket server. The bound addresses are told by
    /// "listening" notifications.
    #[arg(long, value_name = "ADDRESS")]
    bind: Vec<Listen>,
    /// Trust the authorities in this PEM file, instead of those the system trusts
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE")]
    tls_roots: Option<PathBuf>,
    /// The certificate to show over TLS, with its chain, in a PEM file: where tls: or wss: is received, and to servers
    /// that ask
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// The key of that certificate, in a PEM file
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Registration lifetime to ask for, in seconds
    #[arg(long, value_name = "SECONDS")]
    expires: Option<u32>,
    /// User-Agent and Server header
    #[arg(long, value_name = "TEXT")]
    user_agent: Option<String>,
    /// Tell every SIP message, secrets masked, as a "trace" notification
    #[arg(long)]
    trace: bool,
    /// How many messages a second are taken from one address that is not the server's; 0: any number [default: 1000]
    #[arg(long, value_name = "COUNT")]
    message_rate: Option<u32>,
    /// Write every SIP message, secrets masked, into this file as packets (pcap)
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Send a copy of every SIP message, secrets masked, to this capture server (HEP3 over UDP)
    #[arg(long, value_name = "ADDRESS:PORT")]
    hep: Option<SocketAddr>,
    /// The number this agent has at the capture server [default: 2001]
    #[arg(long, value_name = "NUMBER", requires = "hep")]
    hep_id: Option<u32>,
    /// Rewrite descriptions for hold and answer re-offers without being asked
    #[arg(long)]
    automatic_media: bool,
    /// Acknowledged provisional responses (RFC 3262): never, supported or required [default: supported]
    #[arg(long, value_name = "WHEN")]
    reliable: Option<String>,
    /// How many redirections (3xx) a call follows by itself [default: 0]
    #[arg(long, value_name = "COUNT")]
    follow_redirects: Option<u8>,
    /// Session timers (RFC 4028): never, supported or always [default: supported]
    #[arg(long, value_name = "WHEN")]
    session_timers: Option<String>,
    /// How long a session should last without a refresh, in seconds [default: 1800]
    #[arg(long, value_name = "SECONDS")]
    session_expires: Option<u32>,
    /// The shortest session interval that others may want, in seconds [default: 90]
    #[arg(long, value_name = "SECONDS")]
    min_se: Option<u32>,
    /// Event packages others may subscribe to, e.g. presence,dialog
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    packages: Vec<String>,
    /// Who may replace a call by another (RFC 3891): asked, referred or never [default: asked]
    #[arg(long, value_name = "WHO")]
    replacing: Option<String>,
    /// Who may join a call by another (RFC 3911): asked, referred or never [default: never]
    #[arg(long, value_name = "WHO")]
    joining: Option<String>,
    /// How long an incoming call may wait for its answer, in milliseconds; 0: for ever [default: 300000]
    #[arg(long, value_name = "MS")]
    ring_timeout: Option<u32>,
    /// How long the other side may take to answer a call, in milliseconds [default: as long as it rings there]
    #[arg(long, value_name = "MS")]
    answer_timeout: Option<u32>,
    /// How long a call waits without a further provisional response, in milliseconds; 0: for ever [default: 300000]
    #[arg(long, value_name = "MS")]
    progress_timeout: Option<u32>,
    /// How long an offer within a call may take, in milliseconds; 0: for ever [default: 60000]
    #[arg(long, value_name = "MS")]
    offer_timeout: Option<u32>,
    /// RFC 3261 timer T1, in milliseconds
    #[arg(long, value_name = "MS")]
    t1: Option<u32>,
    /// RFC 3261 timer T2, in milliseconds
    #[arg(long, value_name = "MS")]
    t2: Option<u32>,
    /// RFC 3261 timer T4, in milliseconds
    #[arg(long, value_name = "MS")]
    t4: Option<u32>,
}

const EXAMPLE: &str = r#"Example:
  $ OFFHOOK_PASSWORD=… offhook agent --json --aor sip:alice@example.com --server sip:sip.example.com
  {"id":1,"type":"register"}
  {"id":2,"type":"call","target":"sip:bob@example.com","sdp":"v=0\r\n…"}
  {"id":3,"type":"hangup","call":1}
  {"id":4,"type":"shutdown"}"#;

impl Args {
    pub(super) fn config(&self) -> Result<AgentConfig, String> {
        let mut config = AgentConfig::new(&self.aor);
        config.server.clone_from(&self.server);
        config.servers.clone_from(&self.backup);
        config.flows = self.flows;
        config.outbound = self.no_outbound.then_some(false);
        config.instance.clone_from(&self.instance);
        config.display_name.clone_from(&self.display_name);
        config.username.clone_from(&self.username);
        config.password = self.password()?;
        config.token = self.token.as_deref().map(Into::into);
        config.ask_credentials = self.ask_credentials;
        config.weakest_digest.clone_from(&self.weakest_digest);
        config.expires = self.expires;
        config.user_agent.clone_from(&self.user_agent);
        config.reliable.clone_from(&self.reliable);
        config.follow_redirects = self.follow_redirects;
        let mut session_timers = SessionTimerValues::default();
        session_timers.mode.clone_from(&self.session_timers);
        (session_timers.expires, session_timers.min_se) = (self.session_expires, self.min_se);
        config.session_timers = Some(session_timers);
        (config.ring_timeout, config.answer_timeout) = (self.ring_timeout, self.answer_timeout);
        (config.progress_timeout, config.offer_timeout) = (self.progress_timeout, self.offer_timeout);
        config.packages.clone_from(&self.packages);
        config.replacing.clone_from(&self.replacing);
        config.joining.clone_from(&self.joining);
        config.trace = self.trace;
        config.automatic_media = self.automatic_media;
        let rate = self.message_rate.map_or_else(MessageRate::default, MessageRate::per_second);
        config.message_rate = Some(rate).filter(|rate| rate.per_second > 0);
        let mut timers = TimerValues::default();
        (timers.t1, timers.t2, timers.t4) = (self.t1, self.t2, self.t4);
        config.timers = Some(timers);
        Ok(config)
    }

    /// Where to listen.
    pub(super) fn listen(&self) -> Vec<Listen> {
        let websocket = self.server.as_ref().is_some_and(|server| {
            let scheme = server.split(':').next().unwrap_or_default();
            scheme.eq_ignore_ascii_case("ws") || scheme.eq_ignore_ascii_case("wss")
        });
        if self.bind.is_empty() && !websocket {
            return vec![Listen { protocol: Protocol::Udp, address: (Ipv4Addr::UNSPECIFIED, 0).into() }];
        }
        self.bind.clone()
    }

    /// Where copies of the messages go.
    pub(super) fn capture(&self) -> Result<Option<Capture>, String> {
        if self.pcap.is_none() && self.hep.is_none() {
            return Ok(None);
        }
        let mut capture = Capture::new();
        if let Some(path) = &self.pcap {
            capture = capture.pcap(path).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        if let Some(server) = self.hep {
            let number = self.hep_id.unwrap_or(2001);
            capture = capture.hep(server, number).map_err(|error| format!("{server}: {error}"))?;
        }
        Ok(Some(capture))
    }

    /// Whom to trust, and who to be, over TLS.
    #[cfg(feature = "tls")]
    pub(super) fn tls(&self) -> Result<(ClientTls, Option<ServerTls>), String> {
        let read = |path: &PathBuf| fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
        let mut client = ClientTls::new();
        if let Some(path) = &self.tls_roots {
            let roots = roots_from_pem(&read(path)?).map_err(|error| format!("{}: {error}", path.display()))?;
            client = client.roots(roots);
        }
        let (Some(certificate), Some(key)) = (&self.tls_certificate, &self.tls_key) else { return Ok((client, None)) };
        let failed = |error: TlsError| format!("{}: {error}", certificate.display());
        let identity = Identity::from_pem(&read(certificate)?, &read(key)?).map_err(failed)?;
        let server = ServerTls::new(identity.clone()).map_err(failed)?;
        Ok((client.identity(identity), Some(server)))
    }

    fn password(&self) -> Result<Option<String>, String> {
        let Some(path) = &self.password_file else { return Ok(self.password.clone()) };
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Some(text.lines().next().unwrap_or_default().to_owned()))
    }
}

/// One place to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listen {
    pub(super) protocol: Protocol,
    pub(super) address: SocketAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Udp,
    Tcp,
    Ws,
    #[cfg(feature = "tls")]
    Tls,
    #[cfg(feature = "tls")]
    Wss,
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Listen, String> {
        let named = [
            ("udp:", Protocol::Udp),
            ("tcp:", Protocol::Tcp),
            ("ws:", Protocol::Ws),
            #[cfg(feature = "tls")]
            ("tls:", Protocol::Tls),
            #[cfg(feature = "tls")]
            ("wss:", Protocol::Wss),
        ];
        let split = named.into_iter().find_map(|(name, protocol)| Some((protocol, text.strip_prefix(name)?)));
        let (protocol, address) = split.unwrap_or((Protocol::Udp, text));
        let address =
            address.parse().map_err(|_| "not of the form [udp:|tcp:|tls:|ws:|wss:]ADDRESS:PORT".to_owned())?;
        Ok(Listen { protocol, address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_to_listen() {
        let tcp = Listen { protocol: Protocol::Tcp, address: "[::1]:5060".parse().unwrap() };
        assert_eq!("tcp:[::1]:5060".parse(), Ok(tcp));
        assert_eq!("127.0.0.1:0".parse::<Listen>().unwrap().protocol, Protocol::Udp);
        #[cfg(feature = "tls")]
        assert_eq!("wss:127.0.0.1:0".parse::<Listen>().unwrap().protocol, Protocol::Wss);
        assert!("5060".parse::<Listen>().is_err());
    }
}
