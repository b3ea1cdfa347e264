//! How a session is doing.

use super::codec::Codec;
use super::level::SILENCE;

/// A snapshot of a session.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Whether media can flow.
    pub connection: Connection,
    /// The codec to send with, once negotiated.
    pub codec: Option<Codec>,
    /// Whether the agreed direction lets us send.
    pub sending: bool,
    /// Whether the agreed direction lets the peer send.
    pub receiving: bool,
    /// RTP packets of audio that came in, telephone events included.
    pub packets_received: u64,
    /// Bytes of payload in them.
    pub bytes_received: u64,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// Bytes of payload in them.
    pub bytes_sent: u64,
    /// The level of the last packet received in dBov: 0 is the loudest possible, -127 silence.
    pub level_in: f32,
    /// The level of the last packet sent, likewise.
    pub level_out: f32,
    /// The digits the peer pressed (RFC 4733), the last 64 of them.
    pub digits: String,
}

impl Stats {
    /// Notes a digit.
    pub(super) fn push_digit(&mut self, digit: char) {
        if self.digits.len() >= MOST_DIGITS {
            self.digits.remove(0);
        }
        self.digits.push(digit);
    }
}

impl Default for Stats {
    fn default() -> Self {
        Stats {
            connection: Connection::Connecting,
            codec: None,
            sending: false,
            receiving: false,
            packets_received: 0,
            bytes_received: 0,
            packets_sent: 0,
            bytes_sent: 0,
            level_in: SILENCE,
            level_out: SILENCE,
            digits: String::new(),
        }
    }
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// ICE or DTLS is at work, for the first time or after an ICE restart.
    Connecting,
    /// Media can flow.
    Connected,
    /// The peer no longer answers. It may come back.
    Disconnected,
    /// The session has ended, by us or by the peer.
    Closed,
}

const MOST_DIGITS: usize = 64;
