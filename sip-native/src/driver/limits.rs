//! What one driver takes upon itself for its peers.

use std::time::Duration;

/// Limits of a driver. The defaults suit a user agent and a small server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The longest WebSocket message taken in, in bytes; a longer one fails its flow. Default 65,535, as for UDP.
    pub message: usize,
    /// Bytes that may wait to be sent on one flow. A connection whose peer reads too slowly for that is failed as
    /// [`Lost`](offhook_core::transport::FlowErrorKind::Lost); a datagram too many is dropped. Default 1 MiB.
    pub queue: usize,
    /// Connections and look-ups under way at once; what is accepted beyond is closed at once. Default 16,384.
    pub connections: usize,
    /// Accepted connections at once from one source, which is an IPv4 address or the first 64 bits of an IPv6 address; what
    /// is accepted beyond is closed at once. Default 1,024.
    pub connections_per_source: usize,
    /// How long opening a connection may take, with look-up and handshakes. Default 10 s.
    pub connect: Duration,
    /// How long an accepted connection's handshakes together, or an HTTP request's header, may take. Default 10 s.
    pub handshake: Duration,
    /// How long a connection is kept after `CloseFlow`, to send what waits and to hear the peer close. Default 2 s.
    pub linger: Duration,
    /// How long a connection may be open with nothing sent or received before it is closed. Default 1 h.
    pub idle: Duration,
    /// How long the peer of a WebSocket may be silent before it is sent a ping, and again before it counts as gone.
    /// (TCP connections are probed by the system.) Default 30 s.
    pub ping: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            message: 65_535,
            queue: 1 << 20,
            connections: 16_384,
            connections_per_source: 1024,
            connect: Duration::from_secs(10),
            handshake: Duration::from_secs(10),
            linger: Duration::from_secs(2),
            idle: Duration::from_secs(3600),
            ping: Duration::from_secs(30),
        }
    }
}
