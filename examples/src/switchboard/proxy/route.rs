//! Where a request goes (RFC 3261 16.4 to 16.6): our own Routes taken off, strict routers served, tokens read.

use std::net::SocketAddr;

use offhook_core::message::{Name, NameAddrRef, Request, SipUri, UriRef};
use offhook_core::transport::{Path, Target, Transport};

use crate::switchboard::links::literal;
use crate::switchboard::token::{Place, open, seal};
use crate::switchboard::{Refusal, Switchboard};

/// The purpose of the tokens in Record-Routes.
const ROUTE: &str = "route";
/// The number of a flow that there never is.
const GONE: u64 = u64::MAX;

/// What is left of a request's Request-URI and Routes when our own are taken off.
#[derive(Clone, Debug)]
pub(super) struct Routed {
    pub(super) uri: String,
    pub(super) routes: Vec<String>,
    /// The two ends of the dialog, if a Route of ours named them: caller and callee of the request that set it up.
    pub(super) ends: Option<[Place; 2]>,
}

impl Routed {
    /// If the next hop is a strict router the Request-URI goes to the end of the Routes and the first of them takes
    /// its place (16.6 step 6).
    pub(super) fn send_to_strict_router(&mut self) {
        let Some(first) = self.routes.first().and_then(|first| NameAddrRef::parse(first).ok()) else { return };
        let is_strict = first.uri().is_ok_and(|uri| uri.as_sip().is_some_and(|uri| !uri.is_loose_router()));
        if is_strict {
            let uri = std::mem::replace(&mut self.uri, first.uri_text().to_owned());
            self.routes.remove(0);
            self.routes.push(format!("<{uri}>"));
        }
    }

    /// The URI that says where the request goes next.
    fn next(&self) -> Option<UriRef<'_>> {
        match self.routes.first() {
            Some(first) => NameAddrRef::parse(first).ok()?.uri().ok(),
            None => UriRef::parse(&self.uri).ok(),
        }
    }
}

impl Switchboard {
    pub(super) fn route(&self, request: &Request) -> Result<Routed, Refusal> {
        let call_id = request.call_id()?;
        let mut uri = request.uri_text().to_owned();
        let routes: Result<Vec<_>, _> = request.addresses(Name::Route).collect();
        let mut routes: Vec<String> = routes?.iter().map(|route| route.as_str().to_owned()).collect();
        // A strict router put what was our Record-Route into the Request-URI, and the target at the end (16.4).
        if self.dialog_ends(request.uri()?.as_sip(), call_id).is_some() {
            let last = routes.pop().ok_or(Refusal::because(400, "The Target Is Missing"))?;
            uri = NameAddrRef::parse(&last)?.uri_text().to_owned();
        }
        let mut ends = self.dialog_ends(request.uri()?.as_sip(), call_id);
        while let Some(first) = routes.first() {
            let route = NameAddrRef::parse(first)?.uri()?;
            let Some(own) = route.as_sip().filter(|uri| self.links.is_own(uri)) else { break };
            let named = self.dialog_ends(Some(own), call_id);
            if named.is_none() && own.user.is_some() && request.to()?.tag().is_some() {
                return Err(Refusal::because(403, "Not a Route of Ours")); // RFC 5626 5.3.1
            }
            if ends.is_some() && named.is_some() && named != ends {
                break;
            }
            ends = ends.or(named);
            routes.remove(0);
        }
        Ok(Routed { uri, routes, ends })
    }

    fn dialog_ends(&self, uri: Option<&SipUri<'_>>, call_id: &str) -> Option<[Place; 2]> {
        let uri = uri.filter(|uri| self.links.is_own(uri))?;
        let [mut a, mut b, run]: [Place; 3] = open(&self.routes, ROUTE, call_id, uri.user?)?.try_into().ok()?;
        if run.flow != self.run {
            // The flows of another run are gone, and their numbers are those of others.
            (a.flow, b.flow) = (GONE, GONE);
        }
        Some([a, b])
    }

    /// Our Record-Routes for a request that goes from one path to another, the topmost first: one that leads back to us
    /// from either side, or two where the sides reach us at different addresses (RFC 5658).
    pub(super) fn record_routes(&self, request: &Request, from: Path, to: Path) -> Vec<String> {
        let call_id = request.call_id().unwrap_or_default();
        let run = Place { flow: self.run, remote: Path::UNKNOWN };
        let token = seal(&self.routes, ROUTE, call_id, &[from.into(), to.into(), run]);
        let routes = [to, from].map(|path| self.links.record_route(path.flow, &token));
        let mut routes: Vec<String> = routes.into_iter().flatten().collect();
        routes.dedup();
        routes
    }

    /// The path to the other end of the dialog a request belongs to. `None`: that end's connection is gone, and the
    /// user agent behind it has not come back.
    pub(super) fn other_end(&self, routed: &Routed, ends: [Place; 2], source: Path) -> Option<Path> {
        let other = match self.opposite(ends, source.into()) {
            Some(other) => other,
            // The target's address tells the ends apart, if it is one.
            None => {
                let target = routed.next()?.as_sip().and_then(|uri| literal(uri, Transport::Udp.default_port()));
                let [a, b] = ends;
                if target == Some(a.remote) { a } else { b }
            }
        };
        match self.links.path(&other) {
            Some(path) if self.links.transport(path.flow) == Some(Transport::Udp) => {
                let remote = routed.next()?.as_sip().map(|uri| udp_destination(other.remote, uri, true));
                Some(Path { remote: remote.unwrap_or(other.remote), ..path })
            }
            Some(path) => Some(path),
            // A user agent that came back registered the same contact over its new connection.
            None => self.location.path_of(&routed.uri),
        }
    }

    /// The end that a request from `here` is for; `None` if it came from a third place.
    fn opposite(&self, [a, b]: [Place; 2], here: Place) -> Option<Place> {
        let is_at =
            |end: Place, other: Place| here == end || (here != other && a.flow != b.flow && here.flow == end.flow);
        match (is_at(a, b), is_at(b, a), self.links.path(&a), self.links.path(&b)) {
            (true, ..) => Some(b),
            (_, true, ..) => Some(a),
            // Who was at the end whose connection is gone talks to us over a new one.
            (.., Some(_), None) => Some(a),
            (.., None, _) => Some(b),
            _ => None,
        }
    }

    /// The path to a host that is not ours: an address, over UDP. Names are not looked up, and no connection is opened.
    pub(super) fn next_hop(&mut self, routed: &Routed) -> Option<Path> {
        let next = routed.next()?;
        let uri = next.as_sip().filter(|uri| !uri.secure)?;
        let transport = uri.transport().map_or(Some(Transport::Udp), Transport::from_name);
        let transport = transport.filter(|transport| *transport == Transport::Udp)?;
        let addr = literal(uri, transport.default_port())?;
        let (host, port) = (addr.ip().to_string().into(), addr.port());
        self.transactions.flows_mut().path(&Target { transport, host, port, addr: Some(addr), resource: "".into() })
    }
}

/// Where to send to a UDP peer who was last seen at `seen` and names `uri` as its address. A user agent that asked for
/// symmetric routing (RFC 3581), or that stands behind a NAT, is reached where it was seen; only if it names another
/// port of that same host is it believed.
pub(super) fn udp_destination(seen: SocketAddr, uri: &SipUri<'_>, symmetric: bool) -> SocketAddr {
    match literal(uri, Transport::Udp.default_port()) {
        Some(named) if !symmetric || named.ip() == seen.ip() => named,
        _ => seen,
    }
}
