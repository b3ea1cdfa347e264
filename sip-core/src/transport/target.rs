//! Where a flow should lead.

use std::net::SocketAddr;

use super::Transport;

/// One place to connect or send to: a transport, a host and a port, with the address where it is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// How to get there.
    pub transport: Transport,
    /// The host as named: what TLS checks and what a WebSocket URL says.
    pub host: Box<str>,
    /// The port.
    pub port: u16,
    /// The address, once resolved. A browser resolves by itself and leaves it empty.
    pub addr: Option<SocketAddr>,
    /// Path and query of a WebSocket URL, e.g. `/ws`; empty for other transports.
    pub resource: Box<str>,
}

impl Target {
    /// The `ws:` or `wss:` URL of a WebSocket target.
    pub fn url(&self) -> String {
        let mut url = String::with_capacity(self.host.len().saturating_add(self.resource.len()).saturating_add(14));
        url.push_str(if self.transport.is_secure() { "wss://" } else { "ws://" });
        url.push_str(&self.host);
        url.push(':');
        url.push_str(&self.port.to_string());
        url.push_str(if self.resource.is_empty() { "/" } else { &self.resource });
        url
    }
}
