//! The echo agent: answers every call, plays a tone, and lets callers hear themselves.

use std::time::Duration;

use offhook::media::{Audio, Echo, Filled, Media, MediaError, Sink, Source, Stamp, Tone, ToneSource};
use offhook::{Call, UserAgent};

use crate::tune::Tune;

/// How the agent sounds.
#[derive(Debug, Clone, Copy)]
pub enum Sound {
    /// A tone, and then what the caller says.
    Echo {
        /// What to play once somebody listens.
        tone: Tone,
        /// How much later the echo comes.
        delay: Duration,
        /// The loudness of the echo as a factor.
        gain: f32,
    },
    /// A tune without end.
    Tune,
}

impl Default for Sound {
    /// 440 Hz for 600 ms, then an echo after 400 ms at 0.7.
    fn default() -> Self {
        Sound::Echo { tone: Tone::default(), delay: Duration::from_millis(400), gain: 0.7 }
    }
}

impl Sound {
    fn audio(self) -> Audio {
        match self {
            Sound::Echo { tone, delay, gain } => {
                let echo = Echo::new(RATE, delay, gain);
                Audio::new(Greeting { tone: tone.source(RATE), echo: echo.clone() }, echo)
            }
            Sound::Tune => Audio::play(Tune::new(RATE)),
        }
    }
}

/// Answers calls until the agent stops. Each call runs in a task of its own.
pub async fn serve(agent: &UserAgent, media: Media, sound: Sound) {
    let mut incoming = agent.incoming();
    while let Some(call) = incoming.next().await {
        let media = media.clone();
        tokio::spawn(async move {
            let who = call.remote();
            println!("call from {}", who.as_str());
            match answer(&call, &media, sound).await {
                Ok(()) => println!("call from {} is over", who.as_str()),
                Err(error) => println!("call from {} failed: {error}", who.as_str()),
            }
        });
    }
}

/// One call, from ringing to its end.
async fn answer(call: &Call, media: &Media, sound: Sound) -> Result<(), MediaError> {
    call.ring().await?;
    let talk = media.answer(call, sound.audio()).await?;
    let mut digits = talk.digits();
    loop {
        tokio::select! {
            _ = talk.ended() => break,
            digit = digits.next() => match digit {
                // A caller who presses # wants the other side to hang up.
                Some(digit) if digit.tone == '#' => talk.hangup().await?,
                Some(_) => {}
                None => break,
            },
        }
    }
    let stats = talk.stats();
    println!("heard {} packets, sent {}", stats.packets_received, stats.packets_sent);
    Ok(())
}

/// First the tone, then the echo, whose line runs meanwhile.
struct Greeting {
    tone: ToneSource,
    echo: Echo,
}

impl Source for Greeting {
    fn rate(&self) -> u32 {
        Sink::rate(&self.echo)
    }

    fn fill(&mut self, stamp: Stamp, frame: &mut [i16]) -> Filled {
        self.echo.fill(stamp, frame);
        for (sample, tone) in frame.iter_mut().zip(&mut self.tone) {
            *sample = tone;
        }
        Filled::Audio
    }
}

/// Wide enough for a voice over opus, in hertz.
const RATE: u32 = 16_000;

/// How long the agent takes to say goodbye.
pub const FAREWELL: Duration = Duration::from_secs(2);
