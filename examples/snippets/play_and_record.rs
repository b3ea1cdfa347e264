//! Calls somebody, plays a file, records what is heard, and hangs up when the file is over and the rest was heard.
//!
//!     play_and_record --play question.wav --record answer.wav sip:echo@offhook.test

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use offhook::UserAgent;
use offhook::media::{Audio, Media, Options, Player, Recorder};

#[derive(Parser)]
struct Args {
    /// Who calls.
    #[arg(long, default_value = "sip:alice@offhook.test")]
    aor: String,
    /// The server; without one the call goes where the target says.
    #[arg(long)]
    server: Option<String>,
    #[arg(long, env = "OFFHOOK_PASSWORD", hide_env_values = true, default_value = "")]
    password: String,
    /// The WAV file to play.
    #[arg(long)]
    play: PathBuf,
    /// The WAV file to record.
    #[arg(long)]
    record: PathBuf,
    /// Offer WebRTC in place of RTP.
    #[arg(long)]
    webrtc: bool,
    /// For how long to listen after the file, in seconds.
    #[arg(long, default_value_t = 1.0)]
    after: f64,
    /// Whom to call.
    target: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let mut agent = UserAgent::builder(&args.aor).password(&args.password);
    if let Some(server) = &args.server {
        agent = agent.server(server);
    }
    let agent = agent.connect().await?;

    let media = Media::new(if args.webrtc { Options::webrtc() } else { Options::default() });
    let audio = Audio::new(Player::open(&args.play)?, Recorder::create(&args.record, 16_000)?);
    let talk = media.call(&agent, &args.target, audio).await?;
    talk.established().await?;
    println!("talking to {}", talk.call().remote().as_str());

    talk.played().await;
    tokio::time::sleep(Duration::from_secs_f64(args.after)).await;
    let stats = talk.stats();
    talk.hangup().await?;
    println!("heard {} packets, {} lost; MOS {:.1}", stats.packets_received, stats.packets_lost, mos(&stats));
    agent.shutdown(Duration::from_secs(2)).await?;
    Ok(())
}

fn mos(stats: &offhook::media::Stats) -> f64 {
    stats.quality.map_or(0.0, |quality| quality.mos)
}
