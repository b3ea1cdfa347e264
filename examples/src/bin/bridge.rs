//! `bridge`: connects browsers to a desk phone.

use std::net::IpAddr;
use std::time::Duration;

use clap::Parser;
use offhook::UserAgent;
use offhook::media::{Media, Options};
use offhook_examples::{bridge, stop_signal};

/// Registers where browsers call it, and connects each call to a phone: WebRTC on one side, RTP on the other.
#[derive(Parser)]
struct Args {
    /// Address of record on the side of the browsers.
    #[arg(long, default_value = "sip:carol@offhook.test")]
    aor: String,
    /// The browsers' server, e.g. ws://127.0.0.1:8080/ws.
    #[arg(long)]
    server: String,
    /// The password; better given by the environment.
    #[arg(long, env = "OFFHOOK_PASSWORD", hide_env_values = true, default_value = "")]
    password: String,
    /// Address of record on the side of the phones.
    #[arg(long, default_value = "sip:bridge@offhook.test")]
    phone_aor: String,
    /// The server of the phones; without one they are called where --to says.
    #[arg(long)]
    phone_server: Option<String>,
    /// Which phone to call, e.g. sip:100@192.0.2.7.
    #[arg(long)]
    to: String,
    /// The address audio is received on; by default where each side reaches this machine.
    #[arg(long)]
    media: Option<IpAddr>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let args = Args::parse();
    let mut phones = UserAgent::builder(&args.phone_aor);
    phones = match (&args.phone_server, args.media) {
        (Some(server), _) => phones.server(server),
        (None, Some(address)) => phones.bind((address, 0).into()),
        (None, None) => phones,
    };
    let phones = phones.connect().await?;
    let front = UserAgent::builder(&args.aor).server(&args.server).password(&args.password).connect().await?;
    front.register().await?;
    println!("registered {}", args.aor);
    let media = Media::new(Options { bind: args.media, ..Options::default() });
    tokio::select! {
        () = bridge::serve(&front, &phones, &args.to, &media) => {}
        () = stop_signal() => {}
    }
    front.shutdown(FAREWELL).await?;
    phones.shutdown(FAREWELL).await?;
    Ok(())
}

/// How long the agents take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(2);
