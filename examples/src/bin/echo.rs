//! `echo`: a native agent that answers every call, of browsers and of phones, plays a tone and echoes, or plays a tune.

use std::net::IpAddr;

use clap::Parser;
use offhook::UserAgent;
use offhook::media::{Media, Options};
use offhook_examples::echo::{self, Sound};
use offhook_examples::stop_signal;

/// Answers every call, plays a tone, and lets callers hear themselves. Press # in a call and it hangs up.
#[derive(Parser)]
struct Args {
    /// Address of record.
    #[arg(long, default_value = "sip:echo@offhook.test")]
    aor: String,
    /// The server, e.g. ws://127.0.0.1:8080/ws or sip:127.0.0.1:5060;transport=udp.
    #[arg(long)]
    server: String,
    /// The password; better given by the environment.
    #[arg(long, env = "OFFHOOK_PASSWORD", hide_env_values = true, default_value = "")]
    password: String,
    /// The address audio is received on.
    #[arg(long, default_value = "127.0.0.1")]
    media: IpAddr,
    /// Play a tune, instead of tone and echo.
    #[arg(long)]
    tune: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let args = Args::parse();
    let agent = UserAgent::builder(&args.aor)
        .display_name(if args.tune { "Music" } else { "Echo" })
        .server(&args.server)
        .password(&args.password)
        .connect()
        .await?;
    agent.register().await?;
    println!("registered {}", args.aor);
    let media = Media::new(Options::default().bind(args.media));
    let sound = if args.tune { Sound::Tune } else { Sound::default() };
    tokio::select! {
        () = echo::serve(&agent, media, sound) => {}
        () = stop_signal() => {}
    }
    agent.shutdown(echo::FAREWELL).await?;
    Ok(())
}
