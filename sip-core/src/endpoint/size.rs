//! Requests too long for a datagram: over TCP, and over UDP after all where nobody answers there (RFC 3261 18.1.1).

use std::time::Duration;

use super::connection::Hop;
use super::{Endpoint, Error};
use crate::arena::Key;
use crate::time::Instant;
use crate::transport::{Path, Target, Transport};

/// How long the connection may take to come up, as a multiple of T1: who does not accept connections often does not say so.
const PATIENCE: u32 = 4;

/// How long a peer that did not accept a connection is not asked again.
const MEMORY: Duration = Duration::from_secs(300);

/// How a request that may be too long for a datagram goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Length {
    /// Not looked at yet, or short enough.
    #[default]
    Fits,
    /// Over TCP instead of this way.
    Stream(Path),
    /// TCP was no way.
    Datagram,
}

impl Length {
    /// The way whose address others are told.
    pub(super) fn contact(self, path: Path) -> Path {
        match self {
            // A connection's own port is nobody's to connect to; our socket is.
            Length::Stream(datagram) => datagram,
            Length::Fits | Length::Datagram => path,
        }
    }
}

impl Endpoint {
    /// Whether a request of this length, about to go by this way, goes over TCP instead; then that is under way.
    pub(super) fn goes_by_stream(&mut self, now: Instant, key: Key, path: Path, length: usize) -> bool {
        let fits = self.config.udp_limit.is_none_or(|limit| length <= limit);
        if fits || self.transactions.flows().transport(path.flow) != Some(Transport::Udp) {
            return false;
        }
        let remote = path.remote;
        let untried = self.outgoing.get(key).is_some_and(|outgoing| outgoing.length == Length::Fits);
        if !untried || self.dead.contains(now, Transport::Tcp, remote) {
            return false;
        }
        let host = match remote.ip() {
            std::net::IpAddr::V4(ip) => ip.to_string(),
            std::net::IpAddr::V6(ip) => ["[", &ip.to_string(), "]"].concat(),
        };
        let (host, port, addr) = (host.into(), remote.port(), Some(remote));
        let target = Target { transport: Transport::Tcp, host, port, addr, resource: "".into() };
        let patience = self.config.connect_timeout.min(self.config.timers.t1.saturating_mul(PATIENCE));
        let Ok(stream) = self.path_within(now, &target, patience) else { return false };
        if let Some(outgoing) = self.outgoing.get_mut(key) {
            outgoing.length = Length::Stream(path);
            outgoing.hop = Hop::Path(stream);
        }
        self.try_request(now, key);
        true
    }

    /// Whether a request that failed had only waited for a connection on account of its length; it goes by UDP then.
    pub(super) fn goes_by_datagram(&mut self, now: Instant, key: Key, error: &Error) -> bool {
        let Some(outgoing) = self.outgoing.get_mut(key) else { return false };
        let (Length::Stream(path), Error::Transport(_), None) = (outgoing.length, error, outgoing.client) else {
            return false;
        };
        outgoing.length = Length::Datagram;
        outgoing.hop = Hop::Path(path);
        self.dead.bury(now, Transport::Tcp, path.remote, MEMORY);
        self.try_request(now, key);
        true
    }
}
