//! A voice agent's skeleton: answers calls, streams what it hears to a function and says what that gives back, and is silent
//! as soon as the caller speaks. Put a recogniser, a model and a synthesiser in the place of [`Parrot`].
//!
//!     voice_agent --aor sip:agent@offhook.test --server ws://127.0.0.1:8080/ws

use std::time::Duration;

use clap::Parser;
use offhook::media::{Line, Media, MediaError, Tone};
use offhook::{Call, UserAgent};

/// What the recogniser wants, in hertz.
const RATE: u32 = 16_000;

#[derive(Parser)]
struct Args {
    #[arg(long, default_value = "sip:agent@offhook.test")]
    aor: String,
    #[arg(long)]
    server: String,
    #[arg(long, env = "OFFHOOK_PASSWORD", hide_env_values = true, default_value = "")]
    password: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let agent = UserAgent::builder(&args.aor).server(&args.server).password(&args.password).connect().await?;
    agent.register().await?;
    println!("registered {}", args.aor);
    let mut incoming = agent.incoming();
    loop {
        tokio::select! {
            call = incoming.next() => match call {
                Some(call) => drop(tokio::spawn(async move {
                    match converse(&call, Parrot::default()).await {
                        Ok(()) => println!("a conversation is over"),
                        Err(error) => println!("a conversation failed: {error}"),
                    }
                })),
                None => break,
            },
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    agent.shutdown(Duration::from_secs(2)).await?;
    Ok(())
}

/// What thinks: it is given samples as they are heard, and gives samples to say.
trait Mind {
    /// The first words.
    fn greet(&mut self) -> Vec<i16>;
    /// What to do now.
    fn hear(&mut self, samples: &[i16]) -> Turn;
}

enum Turn {
    /// Go on with what is being said, and listen.
    Listen,
    /// The caller speaks: what is left to be said is left out.
    Yield,
    /// Say this.
    Say(Vec<i16>),
}

async fn converse(call: &Call, mut mind: impl Mind) -> Result<(), MediaError> {
    let (mut line, audio) = Line::new(RATE);
    Media::default().answer(call, audio).await?;
    line.say(&mind.greet()).await;
    while let Some(heard) = line.hear().await {
        match mind.hear(&heard) {
            Turn::Listen => {}
            Turn::Yield => line.be_silent(),
            Turn::Say(samples) => line.say(&samples).await,
        }
    }
    Ok(())
}

/// Says again what was said to it, once the speaker pauses.
#[derive(Default)]
struct Parrot {
    said: Vec<i16>,
    /// For how many samples nothing has been said.
    quiet: usize,
}

impl Mind for Parrot {
    fn greet(&mut self) -> Vec<i16> {
        let beep = Tone { duration: Some(Duration::from_millis(300)), ..Tone::new(880.0) };
        beep.source(RATE).collect()
    }

    fn hear(&mut self, samples: &[i16]) -> Turn {
        let loudest = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or_default();
        if loudest > 600 {
            let begins = self.said.is_empty();
            self.said.extend_from_slice(samples);
            self.quiet = 0;
            return if begins { Turn::Yield } else { Turn::Listen };
        }
        self.quiet += samples.len();
        if self.said.is_empty() || self.quiet < RATE as usize / 2 {
            return Turn::Listen;
        }
        Turn::Say(std::mem::take(&mut self.said))
    }
}
