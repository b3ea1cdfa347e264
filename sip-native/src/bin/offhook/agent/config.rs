//! The options of `offhook agent`.

use offhook::core::control::{AgentConfig, SessionTimerValues, TimerValues};
use offhook::core::transport::MessageRate;

use crate::failure::Failure;
use crate::options::{Account, Shared};

/// Run a phone: a live view for people, or JSON lines for scripts
///
/// On a terminal it shows the registration and the calls, and takes orders by keys and in words: type help. Where there is
/// no terminal it takes the same orders a line each, and tells what happens in lines. It registers if there is a server.
/// There is no sound in it: descriptions are exchanged, audio is not.
///
/// With --json it speaks JSON: one command a line in, one notification a line out. Every command has a number and gets exactly one result or error with that number. The agent goes on after a line
/// it cannot read. It shuts down (calls ended, unregistered, sockets closed) on the command "shutdown", at the end of
/// its input, and on Ctrl-C.
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLE)]
pub(crate) struct Args {
    /// Speak JSON lines
    #[arg(long)]
    pub(super) json: bool,
    /// Speak in lines also on a terminal
    #[arg(long, conflicts_with = "json")]
    pub(super) plain: bool,
    /// Do not register at the start; with --json it never does by itself
    #[arg(long, conflicts_with = "json")]
    pub(super) no_register: bool,
    /// How many servers to be registered with at a time (RFC 5626) [default: 1]
    #[arg(long, value_name = "COUNT")]
    flows: Option<u32>,
    /// How many endpoints share the work, each on a thread of its own [default: 1]
    #[arg(long, value_name = "COUNT")]
    shards: Option<usize>,
    /// Do not register by RFC 5626
    #[arg(long)]
    no_outbound: bool,
    /// A UUID that tells this user agent from others of the same address, the same after every start (RFC 5626 4.1)
    #[arg(long, value_name = "UUID")]
    instance: Option<String>,
    /// Ask for credentials that are missing or were refused, by "credentialsNeeded" notifications
    #[arg(long)]
    ask_credentials: bool,
    /// Tell every SIP message, secrets masked, as a "trace" notification
    #[arg(long)]
    trace: bool,
    /// How many messages a second are taken from one address that is not the server's; 0: any number [default: 1000]
    #[arg(long, value_name = "COUNT")]
    message_rate: Option<u32>,
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
    #[command(flatten)]
    pub(super) shared: Shared,
}

const EXAMPLE: &str = r#"Examples:
  $ offhook agent --profile work
  > call bob
  > transfer carol

  $ OFFHOOK_PASSWORD=… offhook agent --json --aor sip:alice@example.com --server sip:sip.example.com
  {"id":1,"type":"register"}
  {"id":2,"type":"call","target":"sip:bob@example.com","sdp":"v=0\r\n…"}
  {"id":3,"type":"hangup","call":1}
  {"id":4,"type":"shutdown"}"#;

impl Args {
    /// How many shards there are to be.
    pub(super) fn shards(&self) -> usize {
        self.shards.unwrap_or(1)
    }

    pub(super) fn config(&self) -> Result<AgentConfig, Failure> {
        let Shared { account, network } = &self.shared;
        let mut config = AgentConfig::new(account.required_aor()?);
        config.server.clone_from(&account.server);
        config.servers.clone_from(&account.backup);
        config.flows = self.flows;
        config.outbound = self.no_outbound.then_some(false);
        config.instance.clone_from(&self.instance);
        config.display_name.clone_from(&account.display_name);
        config.username.clone_from(&account.username);
        config.password = account.password()?;
        config.token = Account::token()?.map(Into::into);
        config.ask_credentials = self.ask_credentials;
        config.weakest_digest.clone_from(&account.weakest_digest);
        config.expires = account.expires;
        config.user_agent.clone_from(&account.user_agent);
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
        // People have nobody who writes descriptions.
        config.automatic_media = self.automatic_media || !self.json;
        let rate = self.message_rate.map_or_else(MessageRate::default, MessageRate::per_second);
        config.message_rate = Some(rate).filter(|rate| rate.per_second > 0);
        let mut timers = TimerValues::default();
        (timers.t1, timers.t2, timers.t4) = (network.t1, network.t2, network.t4);
        config.timers = Some(timers);
        Ok(config)
    }
}
