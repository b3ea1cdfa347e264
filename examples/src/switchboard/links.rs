//! The flows the switchboard stands on, and by which names and addresses it is itself meant.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use offhook_core::message::{Host, SipUri};
use offhook_core::transport::{FlowId, FlowInfo, Path, Transport};

use super::token::Place;

/// Open flows, own names and own addresses.
#[derive(Debug)]
pub(super) struct Links {
    domains: Vec<String>,
    open: BTreeMap<u64, Link>,
    /// Every address a peer has ever reached us at: a Route may name one whose connection is gone.
    own: BTreeSet<SocketAddr>,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    id: FlowId,
    transport: Transport,
    /// Where peers reach us on this transport.
    local: SocketAddr,
}

impl Links {
    pub(super) fn new(domains: &[String]) -> Links {
        Links { domains: domains.to_vec(), open: BTreeMap::new(), own: BTreeSet::new() }
    }

    pub(super) fn opened(&mut self, id: FlowId, info: &FlowInfo) {
        self.own.insert(info.local);
        self.open.insert(id.number(), Link { id, transport: info.transport, local: info.local });
    }

    pub(super) fn closed(&mut self, id: FlowId) {
        self.open.remove(&id.number());
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// The path a token named, if its flow is still there.
    pub(super) fn path(&self, place: &Place) -> Option<Path> {
        self.open.get(&place.flow).map(|link| Path { flow: link.id, remote: place.remote })
    }

    pub(super) fn transport(&self, flow: FlowId) -> Option<Transport> {
        self.open.get(&flow.number()).map(|link| link.transport)
    }

    /// Our own Via for peers on this flow.
    pub(super) fn via(&self, flow: FlowId, branch: &str) -> Option<String> {
        let link = self.open.get(&flow.number())?;
        Some(format!("SIP/2.0/{} {};branch={branch}", link.transport.via(), link.local))
    }

    /// A Record-Route value with a token that makes peers on this flow come back to us on the same transport.
    pub(super) fn record_route(&self, flow: FlowId, token: &str) -> Option<String> {
        let link = self.open.get(&flow.number())?;
        let transport = match link.transport {
            Transport::Udp => String::new(),
            other => format!(";transport={}", other.uri_param()),
        };
        Some(format!("<sip:{token}@{}{transport};lr>", link.local))
    }

    /// Whether a URI's host and port mean this switchboard: one of its domains, or an address it is reached at.
    pub(super) fn is_own(&self, uri: &SipUri<'_>) -> bool {
        let port = uri.port;
        let own_port = |port: u16| self.own.iter().any(|own| own.port() == port);
        match uri.host {
            Host::Name(name) => self.is_domain(name) && port.is_none_or(own_port),
            Host::V4(ip) => self.is_own_address(IpAddr::V4(ip), port),
            Host::V6(ip) => self.is_own_address(IpAddr::V6(ip), port),
        }
    }

    fn is_domain(&self, name: &str) -> bool {
        self.domains.iter().any(|domain| domain.eq_ignore_ascii_case(name))
    }

    fn is_own_address(&self, ip: IpAddr, port: Option<u16>) -> bool {
        match port {
            Some(port) => self.own.contains(&SocketAddr::new(ip, port)),
            None => self.own.iter().any(|own| own.ip() == ip) || self.is_domain(&ip.to_string()),
        }
    }
}

/// The address that a URI's host spells out, with the port it names or `default_port`.
pub(super) fn literal(uri: &SipUri<'_>, default_port: u16) -> Option<SocketAddr> {
    Some(SocketAddr::new(uri.host.ip()?, uri.port.unwrap_or(default_port)))
}
