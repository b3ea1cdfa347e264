//! The audio of a call of the command line.

use std::path::PathBuf;
use std::time::Duration;

use offhook::media::{Audio, Echo, Media, Options, Player, Recorder, Silence, Stats};
use serde_json::json;

use crate::failure::Failure;
use crate::print::Out;

/// Of recordings and echoes, in hertz.
const RATE: u32 = 16_000;

#[derive(clap::Args, Clone)]
#[command(next_help_heading = "Audio")]
pub(super) struct Sound {
    /// Play this WAV file
    #[arg(long, value_name = "FILE")]
    play: Option<PathBuf>,
    /// Play it again and again
    #[arg(long, requires = "play")]
    repeat: bool,
    /// Record what is heard into this WAV file
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Send back what is heard
    #[arg(long, conflicts_with_all = ["play", "record"])]
    echo: bool,
    /// Offer WebRTC (ICE, DTLS-SRTP) in place of RTP
    #[arg(long)]
    webrtc: bool,
}

impl Sound {
    /// Whether there is something that comes to an end.
    pub(super) fn plays(&self) -> bool {
        self.play.is_some() && !self.repeat
    }

    /// Opens the files.
    pub(super) fn open(&self) -> Result<(Media, Audio), Failure> {
        let media = Media::new(if self.webrtc { Options::webrtc() } else { Options::default() });
        if self.echo {
            return Ok((media, Echo::new(RATE, Duration::ZERO, 1.0).audio()));
        }
        let named = |path: &PathBuf, error| Failure::from(error).of(path.display());
        let player = match &self.play {
            Some(path) => {
                let player = Player::open(path).map_err(|error| named(path, error))?;
                Some(if self.repeat { player.repeat() } else { player })
            }
            None => None,
        };
        let recorder = match &self.record {
            Some(path) => Some(Recorder::create(path, RATE).map_err(|error| named(path, error))?),
            None => None,
        };
        let audio = match (player, recorder) {
            (Some(player), Some(recorder)) => Audio::new(player, recorder),
            (Some(player), None) => Audio::play(player),
            (None, Some(recorder)) => Audio::new(Silence, recorder),
            (None, None) => Audio::silence(),
        };
        Ok((media, audio))
    }
}

/// How it sounded.
pub(super) fn tell(out: Out, stats: &Stats) {
    let mos = stats.quality.as_ref().map(|quality| (quality.mos * 10.0).round() / 10.0);
    let good = mos.map_or(String::new(), |mos| format!(", MOS {mos:.1}"));
    let (sent, received, lost) = (stats.packets_sent, stats.packets_received, stats.packets_lost);
    out.say(
        format_args!("audio: {sent} packets sent, {received} received, {lost} lost{good}"),
        || json!({ "type": "audio", "sent": sent, "received": received, "lost": lost, "mos": mos }),
    );
}
