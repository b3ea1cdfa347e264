//! What an application can choose about a session.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::tone::Tone;

/// How a [`Session`](super::Session) behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Where to receive media.
    ///
    /// - A loopback address (the default) serves peers on this machine. A browser may well hide its loopback address and
    ///   state that of a network card, so a socket is opened on such an address too if it belongs to this machine, and on
    ///   the address of the default route if the browser hides its addresses altogether (mDNS, RFC 8828).
    /// - The unspecified address serves everybody: loopback, the default route, and the way to each candidate.
    /// - Any other address is used alone.
    pub bind: IpAddr,
    /// What to play once the media flows. Only G.711 can carry it; with Opus nothing is played.
    pub tone: Tone,
    /// How much later the echo comes, at most [`Options::LONGEST_DELAY`].
    pub delay: Duration,
    /// The loudness of the echo as a factor. Below one, an echo between two echoes, or between a loudspeaker and its
    /// microphone, dies away. Opus is echoed unchanged.
    pub gain: f32,
    /// Play a tune without end, in place of the echo. Like the tone it needs G.711.
    pub tune: bool,
}

impl Options {
    /// The longest echo.
    pub const LONGEST_DELAY: Duration = Duration::from_secs(5);
}

impl Default for Options {
    /// On loopback, with the default tone, and an echo after 400 ms at 0.7; no tune.
    fn default() -> Self {
        Options {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            tone: Tone::default(),
            delay: Duration::from_millis(400),
            gain: 0.7,
            tune: false,
        }
    }
}
