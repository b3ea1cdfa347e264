//! `terminal_phone`: a softphone for the terminal, with the microphone and the loudspeaker of this machine.

use clap::Parser;
use offhook::media::{Media, MediaError, Options, Talk};
use offhook::{Call, UserAgent};
use offhook_examples::sound::{self, Devices};
use tokio::io::{AsyncBufReadExt, BufReader};

const HELP: &str = "call WHOM · answer · hangup · hold · resume · mute · unmute · stats · digits such as 42# · quit";

/// A phone in the terminal: type what to do. Build it with `--features sound` to speak and to hear.
#[derive(Parser)]
struct Args {
    /// Address of record.
    #[arg(long, default_value = "sip:alice@offhook.test")]
    aor: String,
    /// The server, e.g. ws://127.0.0.1:8080/ws or sip:127.0.0.1:5060;transport=udp.
    #[arg(long)]
    server: String,
    /// The password; better given by the environment.
    #[arg(long, env = "OFFHOOK_PASSWORD", hide_env_values = true, default_value = "")]
    password: String,
    /// Call by WebRTC, e.g. browsers.
    #[arg(long)]
    webrtc: bool,
}

/// What the phone is doing.
#[derive(Default)]
struct Phone {
    media: Media,
    talk: Option<(Talk, Devices)>,
    ringing: Option<Call>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let agent = UserAgent::builder(&args.aor).server(&args.server).password(&args.password).connect().await?;
    agent.register().await?;
    println!("registered {}\n{HELP}", args.aor);
    let options = if args.webrtc { Options::webrtc() } else { Options::default() };
    let mut phone = Phone { media: Media::new(options), ..Phone::default() };
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut incoming = agent.incoming();
    loop {
        tokio::select! {
            line = lines.next_line() => match line?.as_deref().map(str::trim) {
                Some("quit") | None => break,
                Some("") => {}
                Some(words) => if let Err(error) = phone.obey(&agent, words).await {
                    println!("that did not work: {error}");
                },
            },
            Some(call) = incoming.next() => phone.rings(call).await,
            () = phone.over() => {}
        }
    }
    agent.shutdown(std::time::Duration::from_secs(2)).await?;
    Ok(())
}

impl Phone {
    async fn rings(&mut self, call: Call) {
        println!("{} calls", call.remote().as_str());
        // A call that is over by now needs no ringing.
        let _ = call.ring().await;
        self.ringing = Some(call);
    }

    async fn obey(&mut self, agent: &UserAgent, words: &str) -> Result<(), MediaError> {
        let (word, rest) = words.split_once(' ').unwrap_or((words, ""));
        match (word, &self.talk) {
            ("call", None) => {
                let (audio, devices) = sound::open();
                devices.missing.iter().for_each(|missing| println!("{missing}"));
                let talk = self.media.call(agent, rest.trim(), audio).await?;
                self.talk = Some((talk.clone(), devices));
                talk.established().await?;
                println!("talking to {}", talk.call().remote().as_str());
            }
            ("answer", None) => {
                let Some(call) = self.ringing.take() else {
                    println!("nobody calls");
                    return Ok(());
                };
                let (audio, devices) = sound::open();
                devices.missing.iter().for_each(|missing| println!("{missing}"));
                let talk = self.media.answer(&call, audio).await?;
                println!("talking to {}", call.remote().as_str());
                self.talk = Some((talk, devices));
            }
            ("call" | "answer", Some(_)) => println!("hang up first"),
            ("hangup", Some((talk, _))) => talk.hangup().await?,
            ("hold", Some((talk, _))) => talk.hold().await.map(|()| println!("held"))?,
            ("resume", Some((talk, _))) => talk.resume().await.map(|()| println!("resumed"))?,
            ("mute", Some((talk, _))) => talk.mute(true),
            ("unmute", Some((talk, _))) => talk.mute(false),
            ("stats", Some((talk, _))) => println!("{:#?}", talk.stats()),
            (digits, Some((talk, _))) if digits.chars().all(|tone| "0123456789*#".contains(tone)) => {
                talk.press(digits).await?;
                println!("pressed {digits}");
            }
            (_, None) => println!("no call; {HELP}"),
            _ => println!("{HELP}"),
        }
        Ok(())
    }

    /// Waits for the end of the call, if there is one.
    async fn over(&mut self) {
        let Some((talk, _)) = &self.talk else { return std::future::pending().await };
        let end = talk.ended().await;
        println!(
            "the call is over{}",
            end.and_then(|end| end.error).map_or(String::new(), |error| format!(": {error}"))
        );
        self.talk = None;
    }
}
