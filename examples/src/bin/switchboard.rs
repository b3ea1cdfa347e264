//! `switchboard`: a SIP registrar and proxy for UDP, TCP and browsers, which also serves the web softphone.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow};
use clap::Parser;
use offhook::{Identity, ServerTls};
use offhook_core::auth::Algorithm;
use offhook_examples::switchboard::web::Site;
use offhook_examples::switchboard::{Config, Listen, Notice, Server, parse_user};

/// How long connections may take to close when the switchboard stops.
const FAREWELL: Duration = Duration::from_secs(3);

/// A SIP registrar and proxy for UDP, TCP and browsers, which also serves the web softphone.
///
/// Without --user or --config there are alice, bob, carol, dave and echo, each with the password NAME-secret. Users that
/// nobody registers help testing: busy, decline, ringing, blackhole, and status-300 to status-699.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Where SIP over UDP is spoken; port 0 lets the system choose.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5060")]
    udp: SocketAddr,
    /// Where SIP over TCP is spoken, if at all.
    #[arg(long, value_name = "ADDRESS")]
    tcp: Option<SocketAddr>,
    /// Where web pages are served, and SIP over WebSocket at /ws.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    http: SocketAddr,
    /// Where SIP over TLS is spoken, if at all.
    #[arg(long, value_name = "ADDRESS", requires = "certificate")]
    tls: Option<SocketAddr>,
    /// The same as --http, under TLS.
    #[arg(long, value_name = "ADDRESS", requires = "certificate")]
    https: Option<SocketAddr>,
    /// The certificate for TLS, with its chain, in a PEM file.
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// The key of that certificate, in a PEM file.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// A domain it is responsible for; may be given several times, the first is the realm. Its addresses always are.
    #[arg(long, value_name = "NAME")]
    domain: Vec<String>,
    /// A user; may be given several times.
    #[arg(long, value_name = "NAME:PASSWORD", value_parser = user)]
    user: Vec<(String, String)>,
    /// A digest algorithm to offer; may be given several times, the preferred first.
    #[arg(long, value_name = "NAME", value_parser = algorithm)]
    algorithm: Vec<Algorithm>,
    /// What the routes of calls are signed with: with the same after a restart calls go on.
    #[arg(long, value_name = "TEXT", env = "SWITCHBOARD_SECRET", hide_env_values = true)]
    secret: Option<String>,
    /// A file with lines of domain, user, algorithms, expires, contacts, secret.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder served at /.
    #[arg(long, value_name = "DIR")]
    web: Option<PathBuf>,
    /// The JavaScript package served at /offhook/.
    #[arg(long, value_name = "DIR")]
    package: Option<PathBuf>,
    /// Print the addresses as one line of JSON on standard output.
    #[arg(long)]
    json: bool,
    /// Log every message.
    #[arg(long)]
    trace: bool,
    /// Log nothing.
    #[arg(long, conflicts_with = "trace")]
    quiet: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let config = config(&args)?;
    let site = site(&args);
    let listen = Listen { udp: Some(args.udp), tcp: args.tcp, http: Some(args.http), tls: args.tls, https: args.https };
    let tls = tls(&args)?;
    let quiet = args.quiet;
    let domain = config.realm().to_owned();
    let server = Server::start_secure(config, listen, site, tls, move |notice| {
        if !quiet {
            log(&notice);
        }
    })
    .context("cannot listen")?;
    let mut stop = stop_signal().context("cannot listen for signals")?;
    announce(&server, &domain, args.json);
    stop.recv().await;
    // Whoever does not close in time is cut off.
    let _ = tokio::time::timeout(FAREWELL, server.stop()).await;
    Ok(())
}

fn user(text: &str) -> Result<(String, String), String> {
    parse_user(text).ok_or_else(|| "a user is NAME:PASSWORD".to_owned())
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    Algorithm::parse(text).ok_or_else(|| "MD5, SHA-256 or SHA-512-256, each also with -sess".to_owned())
}

/// The file first, then what stands on the command line.
fn config(args: &Args) -> anyhow::Result<Config> {
    let mut config = Config { trace: args.trace, ..Config::default() };
    if let Some(file) = &args.config {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        config.read(&text).map_err(|error| anyhow!("{}: {error}", file.display()))?;
    }
    if args.secret.is_some() {
        config.secret.clone_from(&args.secret);
    }
    if !args.domain.is_empty() {
        config.domains.clone_from(&args.domain);
    }
    if !args.user.is_empty() {
        config.users = args.user.iter().cloned().collect();
    }
    if !args.algorithm.is_empty() {
        config.algorithms.clone_from(&args.algorithm);
    }
    Ok(config)
}

fn tls(args: &Args) -> anyhow::Result<Option<ServerTls>> {
    let (Some(certificate), Some(key)) = (&args.certificate, &args.key) else { return Ok(None) };
    let read = |file: &PathBuf| std::fs::read(file).with_context(|| format!("cannot read {}", file.display()));
    let identity = Identity::from_pem(&read(certificate)?, &read(key)?);
    Ok(Some(identity.and_then(ServerTls::new).with_context(|| format!("{}", certificate.display()))?))
}

fn site(args: &Args) -> Site {
    let mut site = Site::of_source_tree();
    if let Some(web) = &args.web {
        site = site.with_web(web);
    }
    if let Some(package) = &args.package {
        site = site.with_package(package);
    }
    site
}

fn announce(server: &Server, domain: &str, json: bool) {
    let Listen { udp, tcp, http, tls, https } = server.listen();
    let ws = server.websocket();
    let mut out = std::io::stdout().lock();
    // A reader who has gone does not want to know.
    let _ = if json {
        let line = serde_json::json!({ "domain": domain, "udp": udp, "tcp": tcp, "ws": ws, "http": http, "tls": tls, "https": https });
        writeln!(out, "{line}")
    } else {
        let sip = |address: Option<SocketAddr>, transport| address.map(|a| format!("sip:{a};transport={transport}"));
        let http = http.map(|address| format!("http://{address}/"));
        let https = https.map(|address| format!("https://{address}/"));
        let lines = [
            ("SIP", sip(udp, "udp")),
            ("SIP", sip(tcp, "tcp")),
            ("SIP", sip(tls, "tls")),
            ("SIP", ws),
            ("softphone", http),
            ("softphone", https),
        ];
        let lines = lines.into_iter().filter_map(|(what, address)| Some(format!("\n  {what:<10} {}", address?)));
        writeln!(out, "switchboard for {domain}{}", lines.collect::<String>())
    };
}

/// A line with the time of day (UTC).
fn log(notice: &Notice) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = now.as_secs() % 86_400;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let millis = now.subsec_millis();
    // A reader who has gone does not want to know.
    let _ = writeln!(std::io::stderr(), "{hours:02}:{minutes:02}:{seconds:02}.{millis:03} {notice}");
}

/// Something to wait on for Ctrl-C, or what a supervisor sends.
fn stop_signal() -> std::io::Result<tokio::sync::mpsc::Receiver<()>> {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let sender = sender.clone();
        tokio::spawn(async move {
            terminate.recv().await;
            // Nobody waits any more if another signal came first.
            let _ = sender.send(()).await;
        });
    }
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            let _ = sender.send(()).await;
        }
    });
    Ok(receiver)
}
