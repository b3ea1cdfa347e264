//! Finding servers (RFC 3263): which questions to ask the domain name system, and which places to try in which order.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use super::records::in_order;
use super::{FlowError, FlowErrorKind, Record, RecordKind, Srv, Target, Transport};

/// How many records of one answer count.
const RECORDS: usize = 32;

/// What an address says of where to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The host as a URI has it.
    pub host: Box<str>,
    /// The port, if one is named.
    pub port: Option<u16>,
    /// The transport, if one is named.
    pub transport: Option<Transport>,
    /// Only over TLS.
    pub secure: bool,
}

/// A question to the resolver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The addresses of a host.
    Addresses(Box<str>),
    /// Records of a name.
    Records(Box<str>, RecordKind),
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Find {
    /// Ask this, and give the answer to [`Finder::addresses`] or [`Finder::records`].
    Ask(Question),
    /// Try this place. `last`: it was put off before.
    Try {
        /// The place.
        target: Target,
        /// It was [put off](Finder::put_off) before.
        last: bool,
    },
    /// There is nothing more to try; why, if nothing was ever found.
    Nowhere(Option<FlowError>),
}

/// The places to try for one address, found as far as they are needed.
#[derive(Clone, Debug)]
pub struct Finder {
    /// What the certificates of servers must be for, wherever they are (RFC 5922 7.3).
    domain: Box<str>,
    secure: bool,
    /// The transports we may choose, the preferred first.
    able: Box<[Transport]>,
    agenda: VecDeque<Step>,
    /// Records named a server: the domain itself is none then.
    located: bool,
    error: Option<FlowError>,
}

#[derive(Clone, Debug)]
enum Step {
    /// The domain's NAPTR records.
    Pointers,
    /// SRV records.
    Services(Box<str>, Transport),
    /// The domain itself, at a port or that of the transport, unless records named a server.
    Domain(Option<u16>, Transport),
    /// A host that a record named.
    Host(Box<str>, u16, Transport),
    Target(Target, bool),
}

impl Finder {
    /// Looks for the servers of an address. `able` are the transports to choose from where it names none, the preferred
    /// first.
    pub fn new(wanted: &Wanted, able: &[Transport]) -> Finder {
        let usable = |transport: &Transport| !wanted.secure || transport.is_secure();
        let able: Box<[Transport]> = able.iter().copied().filter(usable).collect();
        let named = wanted.transport.map(|transport| match (wanted.secure, transport) {
            (true, Transport::Ws | Transport::Wss) => Transport::Wss,
            (true, _) => Transport::Tls,
            (false, transport) => transport,
        });
        let usual = if wanted.secure { Transport::Tls } else { able.first().copied().unwrap_or(Transport::Udp) };
        let is_address = unbracketed(&wanted.host).parse::<IpAddr>().is_ok();
        let step = match (named, wanted.port) {
            (None, None) if !is_address => Step::Pointers,
            (Some(transport), None) if !is_address => services(&wanted.host, transport),
            (named, port) => Step::Domain(port, named.unwrap_or(usual)),
        };
        let mut agenda = VecDeque::from([step]);
        if !matches!(agenda.front(), Some(Step::Domain(..) | Step::Pointers)) {
            agenda.push_back(Step::Domain(None, named.unwrap_or(usual)));
        }
        Finder { domain: wanted.host.clone(), secure: wanted.secure, able, agenda, located: false, error: None }
    }

    /// A place that is known.
    pub fn at(target: Target) -> Finder {
        let agenda = VecDeque::from([Step::Target(target, true)]);
        Finder { domain: "".into(), secure: false, able: Box::default(), agenda, located: true, error: None }
    }

    /// What to do next. After [`Find::Ask`] the answer has to come first.
    pub fn advance(&mut self) -> Find {
        while let Some(step) = self.agenda.pop_front() {
            let question = match &step {
                Step::Target(target, last) => return Find::Try { target: target.clone(), last: *last },
                Step::Domain(..) if self.located => continue,
                Step::Domain(port, transport) => {
                    let (transport, host) = (*transport, self.domain.clone());
                    let port = port.unwrap_or(transport.default_port());
                    let addr = unbracketed(&host).parse().ok().map(|ip: IpAddr| SocketAddr::new(ip, port));
                    // Whoever opens connections tries all addresses of a host by itself.
                    if addr.is_some() || transport.is_reliable() {
                        let target = Target { transport, host, port, addr, resource: "".into() };
                        return Find::Try { target, last: false };
                    }
                    Question::Addresses(host)
                }
                Step::Host(host, ..) => Question::Addresses(host.clone()),
                Step::Services(name, _) => Question::Records(name.clone(), RecordKind::Srv),
                Step::Pointers => Question::Records(self.domain.clone(), RecordKind::Naptr),
            };
            // It is still what the answer is about.
            self.agenda.push_front(step);
            return Find::Ask(question);
        }
        Find::Nowhere(self.error.take())
    }

    /// Whether there may be more to try.
    pub fn has_more(&self) -> bool {
        self.agenda.iter().any(|step| !(self.located && matches!(step, Step::Domain(..))))
    }

    /// Comes back to a place after all others.
    pub fn put_off(&mut self, target: Target) {
        self.agenda.push_back(Step::Target(target, true));
    }

    /// The addresses of a host.
    pub fn addresses(&mut self, answer: Result<Vec<IpAddr>, FlowError>) {
        let Some(step) = self.agenda.pop_front() else { return };
        let (port, transport) = match step {
            Step::Domain(port, transport) => (port.unwrap_or(transport.default_port()), transport),
            Step::Host(_, port, transport) => (port, transport),
            other => return self.agenda.push_front(other),
        };
        match answer {
            Ok(found) => {
                if found.is_empty() {
                    self.error = Some(FlowError::new(FlowErrorKind::Unresolved, "the host name has no address"));
                }
                for ip in found.into_iter().take(RECORDS).rev() {
                    let (host, addr) = (self.domain.clone(), Some(SocketAddr::new(ip, port)));
                    let target = Target { transport, host, port, addr, resource: "".into() };
                    self.agenda.push_front(Step::Target(target, false));
                }
            }
            Err(error) => self.error = Some(error),
        }
    }

    /// Records that were asked for. A resolver that has none says so by an empty answer; one that fails is not asked for
    /// records again. `below` gives a number by chance below another.
    pub fn records(&mut self, answer: Result<Vec<Record>, FlowError>, below: &mut dyn FnMut(u64) -> u64) {
        match (self.agenda.pop_front(), answer) {
            (Some(Step::Pointers), Ok(records)) => self.pointers(records),
            (Some(Step::Services(_, transport)), Ok(records)) => self.services(transport, records, below),
            (Some(step @ (Step::Pointers | Step::Services(..))), Err(_)) => {
                self.agenda.retain(|step| !matches!(step, Step::Services(..)));
                if matches!(step, Step::Pointers) {
                    self.agenda.push_back(Step::Domain(None, self.usual()));
                }
            }
            (Some(other), _) => self.agenda.push_front(other),
            (None, _) => {}
        }
    }

    fn usual(&self) -> Transport {
        if self.secure { Transport::Tls } else { self.able.first().copied().unwrap_or(Transport::Udp) }
    }

    fn pointers(&mut self, records: Vec<Record>) {
        let mut pointers = Vec::new();
        for record in records.into_iter().take(RECORDS) {
            if let Record::Naptr(naptr) = record
                && let Some(transport) = naptr.transport().filter(|transport| self.able.contains(transport))
            {
                pointers.push((naptr.order, naptr.preference, naptr.replacement, transport));
            }
        }
        pointers.sort_by_key(|(order, preference, ..)| (*order, *preference));
        self.agenda.push_front(Step::Domain(None, self.usual()));
        if pointers.is_empty() {
            for transport in self.able.iter().rev().filter(|transport| !transport.is_websocket()) {
                self.agenda.push_front(services(&self.domain, *transport));
            }
        }
        for (_, _, name, transport) in pointers.into_iter().rev() {
            self.agenda.push_front(Step::Services(name, transport));
        }
    }

    fn services(&mut self, transport: Transport, records: Vec<Record>, below: &mut dyn FnMut(u64) -> u64) {
        let services = records.into_iter().take(RECORDS).filter_map(|record| match record {
            Record::Srv(srv) => Some(srv),
            Record::Naptr(_) => None,
        });
        let services: Vec<Srv> = services.collect();
        if services.is_empty() {
            return;
        }
        // Also where they say that there is no such service: then there is none.
        self.located = true;
        if services.iter().all(|srv| &*srv.target == ".") {
            self.error = Some(FlowError::new(FlowErrorKind::Unresolved, "the domain has no such service"));
        }
        for srv in in_order(services, below).into_iter().rev().filter(|srv| &*srv.target != ".") {
            let host = srv.target.strip_suffix('.').unwrap_or(&srv.target);
            self.agenda.push_front(Step::Host(host.into(), srv.port, transport));
        }
    }
}

/// The SRV records of a domain for a transport; a WebSocket has none, so that it is at the domain itself.
fn services(domain: &str, transport: Transport) -> Step {
    let prefix = match transport {
        Transport::Udp => "_sip._udp.",
        Transport::Tcp => "_sip._tcp.",
        Transport::Tls => "_sips._tcp.",
        Transport::Ws | Transport::Wss => return Step::Domain(None, transport),
    };
    let mut name = String::with_capacity(prefix.len().saturating_add(domain.len()));
    name.push_str(prefix);
    name.push_str(domain);
    Step::Services(name.into(), transport)
}

fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
#[path = "finder_tests.rs"]
mod tests;
