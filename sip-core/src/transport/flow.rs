//! Transports, flows and paths.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A SIP transport (RFC 3261 18, RFC 7118).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Datagrams, unreliable.
    Udp,
    /// A byte stream.
    Tcp,
    /// A byte stream under TLS.
    Tls,
    /// WebSocket messages.
    Ws,
    /// WebSocket messages under TLS.
    Wss,
}

impl Transport {
    /// Reliable transports need no retransmission (RFC 3261 17.1.1.2).
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Transport::Udp)
    }

    /// Whether the bytes are encrypted on this hop.
    pub const fn is_secure(self) -> bool {
        matches!(self, Transport::Tls | Transport::Wss)
    }

    /// Whether bytes come as a stream that must be cut into messages (RFC 3261 18.3).
    pub const fn is_stream(self) -> bool {
        matches!(self, Transport::Tcp | Transport::Tls)
    }

    /// Whether it is SIP over WebSocket (RFC 7118).
    pub const fn is_websocket(self) -> bool {
        matches!(self, Transport::Ws | Transport::Wss)
    }

    /// The transport's name in a Via (`UDP`, `TCP`, `TLS`, `WS`, `WSS`).
    pub const fn via(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
            Transport::Ws => "WS",
            Transport::Wss => "WSS",
        }
    }

    /// The value of a URI's `transport` parameter. TLS is written `tls` though RFC 3261 prefers `sips:`;
    /// WebSocket is `ws` for both (RFC 7118 5.2.4).
    pub const fn uri_param(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Ws | Transport::Wss => "ws",
        }
    }

    /// The transport named by a Via or a `transport` parameter, in any case.
    pub fn from_name(name: &str) -> Option<Transport> {
        const ALL: [(&str, Transport); 5] = [
            ("UDP", Transport::Udp),
            ("TCP", Transport::Tcp),
            ("TLS", Transport::Tls),
            ("WS", Transport::Ws),
            ("WSS", Transport::Wss),
        ];
        ALL.into_iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, transport)| transport)
    }

    /// The port used where none is named: 5060, 5061 for TLS, 80 and 443 for WebSocket (RFC 7118 allows any URL).
    pub const fn default_port(self) -> u16 {
        match self {
            Transport::Udp | Transport::Tcp => 5060,
            Transport::Tls => 5061,
            Transport::Ws => 80,
            Transport::Wss => 443,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.via())
    }
}

/// Names a flow of one machine: a connection, or a bound UDP socket. Never reused within a machine's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub(crate) u64);

impl FlowId {
    /// Names no flow.
    pub(crate) const NONE: FlowId = FlowId(u64::MAX);

    /// An id with this number, for a [`Machine`](super::Machine) outside this crate, which numbers its own flows.
    pub const fn from_number(number: u64) -> FlowId {
        FlowId(number)
    }

    /// The number behind the id, for a driver's own tables and for logs.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// A flow and the address at its other end. On a connection the address is fixed; in a browser it is unknown and
/// [`Path::UNKNOWN`] stands for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// The connection or the UDP socket.
    pub flow: FlowId,
    /// The peer's address.
    pub remote: SocketAddr,
}

impl Path {
    /// The address of a peer whose address the runtime does not tell.
    pub const UNKNOWN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
}

/// What a driver tells of a flow that it opened by itself: a UDP socket it bound, a connection it accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowInfo {
    /// How bytes travel.
    pub transport: Transport,
    /// Our address on it; what a Via and a Contact may name.
    pub local: SocketAddr,
    /// The peer of an accepted connection; none for a UDP socket.
    pub remote: Option<SocketAddr>,
}

/// What happened to a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlowChange {
    /// The connection asked for by [`Output::OpenFlow`](super::Output::OpenFlow) is up.
    Connected {
        /// Our address, where the runtime tells it.
        local: SocketAddr,
        /// The peer's, where the runtime tells it.
        remote: SocketAddr,
    },
    /// It could not be opened, or it broke.
    Failed(FlowError),
    /// The peer closed it in order.
    Closed,
}

/// Why a flow could not be used: a kind to decide by, and the driver's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FlowError {
    /// What kind of failure it was.
    pub kind: FlowErrorKind,
    /// The runtime's words, for people.
    pub message: Box<str>,
}

impl FlowError {
    /// An error of a kind with words.
    pub fn new(kind: FlowErrorKind, message: &str) -> FlowError {
        FlowError { kind, message: message.into() }
    }
}

impl FlowErrorKind {
    /// The kind in one word.
    pub const fn name(self) -> &'static str {
        match self {
            FlowErrorKind::Unresolved => "unresolved",
            FlowErrorKind::Refused => "refused",
            FlowErrorKind::Timeout => "timeout",
            FlowErrorKind::Tls => "tls",
            FlowErrorKind::CertificateName => "certificate-name",
            FlowErrorKind::CertificateExpired => "certificate-expired",
            FlowErrorKind::CertificateUntrusted => "certificate-untrusted",
            FlowErrorKind::Handshake => "handshake",
            FlowErrorKind::Lost => "lost",
            FlowErrorKind::Framing => "framing",
            FlowErrorKind::Unsupported => "unsupported",
            FlowErrorKind::Avoided => "avoided",
        }
    }
}

/// The kinds of flow failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlowErrorKind {
    /// The name has no address.
    Unresolved,
    /// Nobody listens there, or the network says no.
    Refused,
    /// Not connected in time.
    Timeout,
    /// TLS failed otherwise than by what follows, e.g. no TLS is spoken there.
    Tls,
    /// The peer's certificate is for another name (RFC 5922 7.3).
    CertificateName,
    /// The peer's certificate has expired, or is not valid yet.
    CertificateExpired,
    /// The peer's certificate was issued by nobody we trust, or revoked.
    CertificateUntrusted,
    /// The WebSocket handshake failed, e.g. the subprotocol `sip` was not accepted (RFC 7118 4).
    Handshake,
    /// An open connection broke.
    Lost,
    /// The peer broke the framing rules of a stream.
    Framing,
    /// This driver has no such transport.
    Unsupported,
    /// Nothing was tried: it has failed too often lately, and will be tried again soon ([`Breakers`](super::Breakers)).
    Avoided,
}
