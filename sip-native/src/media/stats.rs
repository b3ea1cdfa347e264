//! How a session is doing.

use std::time::Duration;

use super::codec::Codec;
use super::level::SILENCE;
use super::quality::Quality;
use super::rtp::Theirs;

/// A snapshot of a session.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Whether media can flow.
    pub connection: Connection,
    /// What is sent, once agreed on.
    pub codec: Option<Codec>,
    /// What was heard last.
    pub codec_in: Option<Codec>,
    /// Whether packets are encrypted, both ways.
    pub encrypted: bool,
    /// Whether the agreed direction lets us send.
    pub sending: bool,
    /// Whether the agreed direction lets the peer send.
    pub receiving: bool,
    /// Whether this end says nothing, though it could.
    pub muted: bool,
    /// RTP packets that came in, telephone events included.
    pub packets_received: u64,
    /// Bytes of payload in them.
    pub bytes_received: u64,
    /// Packets the network lost on the way to us.
    pub packets_lost: u64,
    /// Packets that came too late to be heard.
    pub packets_late: u64,
    /// Packets that came twice.
    pub packets_duplicate: u64,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// Bytes of payload in them.
    pub bytes_sent: u64,
    /// What had to be made up for packets that did not come in time.
    pub concealed: Duration,
    /// The level of the last frame heard in dBov: 0 is the loudest possible, -127 silence.
    pub level_in: f32,
    /// The level of the last packet sent, likewise.
    pub level_out: f32,
    /// How good it sounds here, once something was heard.
    pub quality: Option<Quality>,
    /// How the other side hears us, once it reported.
    pub theirs: Option<Theirs>,
    /// For how long nothing has been heard; nothing before the first packet.
    pub silent_for: Option<Duration>,
    /// The source has said its last.
    pub played: bool,
}

impl Default for Stats {
    fn default() -> Self {
        Stats {
            connection: Connection::Connecting,
            codec: None,
            codec_in: None,
            encrypted: false,
            sending: false,
            receiving: false,
            muted: false,
            packets_received: 0,
            bytes_received: 0,
            packets_lost: 0,
            packets_late: 0,
            packets_duplicate: 0,
            packets_sent: 0,
            bytes_sent: 0,
            concealed: Duration::ZERO,
            level_in: SILENCE,
            level_out: SILENCE,
            quality: None,
            theirs: None,
            silent_for: None,
            played: false,
        }
    }
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// Nothing is agreed on yet; or ICE or DTLS is at work, for the first time or after an ICE restart.
    Connecting,
    /// Media can flow.
    Connected,
    /// The peer no longer answers. It may come back.
    Disconnected,
    /// The session has ended, by us or by the peer.
    Closed,
}
