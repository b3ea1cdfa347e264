//! Where requests go: the search for servers (RFC 3263), and what follows when one fails (4.3).

use std::net::IpAddr;
use std::time::Duration;

use super::config::text_of;
use super::connection::Hop;
use super::outgoing::Purpose;
use super::{Endpoint, Error, Refusal, Timer};
use crate::arena::Key;
use crate::message::{Host, Response, UriRef};
use crate::time::Instant;
use crate::timer::TimerId;
use crate::transport::{
    Find, Finder, FlowError, FlowErrorKind, Output, Path, QueryId, Question, Record, Target, Transport, Wanted,
};

/// How long records may take to come; addresses have as long as a connection.
const RECORDS_PATIENCE: Duration = Duration::from_secs(2);

/// How long a place that failed is tried after all others.
const MEMORY: Duration = Duration::from_secs(30);

/// The longest that a server itself asks for, by Retry-After.
const LONGEST_MEMORY: Duration = Duration::from_secs(300);

/// How often one request is sent to another server.
const TRIES: u32 = 16;

/// Whose search it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Search {
    /// That for the configured servers of this one of the ways there.
    Server(usize),
    /// That for a request's own target.
    Request(Key),
}

/// A question that waits for its answer.
#[derive(Debug)]
pub(super) struct Query {
    search: Search,
    timer: TimerId,
}

/// What a search has come to.
pub(super) enum Found {
    Target(Target),
    /// The resolver was asked.
    Asked,
    Nowhere(FlowError),
}

/// What a request knows of where it goes; nothing where it follows its dialog.
#[derive(Debug, Default)]
pub(super) struct Whereabouts {
    /// Its own search.
    finder: Option<Finder>,
    /// The place it goes to.
    pub(super) place: Option<Target>,
    /// Why it did not stay at the last one.
    failure: Option<Error>,
    tries: u32,
}

impl Endpoint {
    /// The transports there are to choose from where an address names none.
    pub(super) fn able(&self) -> Vec<Transport> {
        let mut able = vec![Transport::Udp, Transport::Tcp, Transport::Tls];
        able.retain(|transport| *transport != Transport::Udp || self.transactions.flows().has_udp());
        able
    }

    /// The next place to try. Those that failed lately come last.
    pub(super) fn search(&mut self, now: Instant, search: Search) -> Found {
        let mut failure = None;
        loop {
            let finder = match search {
                Search::Server(link) => self.connection.finder(link),
                Search::Request(key) => {
                    self.outgoing.get_mut(key).and_then(|outgoing| outgoing.whereabouts.finder.as_mut())
                }
            };
            let nowhere = || FlowError::new(FlowErrorKind::Unresolved, "there is no more to try");
            let Some(finder) = finder else { return Found::Nowhere(failure.unwrap_or_else(nowhere)) };
            match finder.advance() {
                Find::Ask(question) => {
                    self.ask(now, question, search);
                    return Found::Asked;
                }
                Find::Try { target, last } => {
                    let failed = target.addr.is_some_and(|addr| self.dead.contains(now, target.transport, addr));
                    if failed && !last && finder.has_more() {
                        finder.put_off(target);
                    } else if target.transport == Transport::Udp
                        && self.transactions.flows_mut().path(&target).is_none()
                    {
                        let message = "no UDP socket of the target's address family is bound";
                        failure = Some(FlowError::new(FlowErrorKind::Unsupported, message));
                    } else if let (Search::Request(_), Some(addr)) = (search, target.addr)
                        && self.config.avoid_failing
                        && !self.breakers.admit(now, target.transport, addr)
                    {
                        let message = "it has failed too often lately, and is tried again in a while";
                        failure = Some(FlowError::new(FlowErrorKind::Avoided, message));
                    } else {
                        return Found::Target(target);
                    }
                }
                Find::Nowhere(error) => {
                    failure = error.or(failure);
                    let further = match search {
                        Search::Server(link) => self.connection.next_finder(link),
                        Search::Request(_) => false,
                    };
                    if !further {
                        return Found::Nowhere(failure.unwrap_or_else(nowhere));
                    }
                }
            }
        }
    }

    fn ask(&mut self, now: Instant, question: Question, search: Search) {
        self.next_query = self.next_query.wrapping_add(1);
        let query = QueryId(self.next_query);
        let patience = self.config.connect_timeout;
        let (patience, output) = match question {
            Question::Addresses(name) => (patience, Output::Resolve { query, name }),
            Question::Records(name, kind) => (patience.min(RECORDS_PATIENCE), Output::Lookup { query, name, kind }),
        };
        let timer = self.timers.insert(now + patience, Timer::Resolve(query));
        self.queries.insert(query, Query { search, timer });
        self.transactions.flows_mut().push_output(output);
    }

    pub(super) fn on_resolve_timer(&mut self, now: Instant, query: QueryId) {
        let error = FlowError::new(FlowErrorKind::Timeout, "the host name was not resolved in time");
        // Whichever it was that was asked, the other changes nothing.
        let Some(query) = self.queries.remove(&query) else { return };
        if let Some(finder) = self.finder(query.search) {
            finder.addresses(Err(error.clone()));
            finder.records(Err(error), &mut |_| 0);
        }
        self.search_on(now, query.search);
    }

    pub(super) fn on_resolved(&mut self, now: Instant, query: QueryId, result: Result<Vec<IpAddr>, FlowError>) {
        let Some(search) = self.take_query(query) else { return };
        if let Some(finder) = self.finder(search) {
            finder.addresses(result);
        }
        self.search_on(now, search);
    }

    pub(super) fn on_looked_up(&mut self, now: Instant, query: QueryId, result: Result<Vec<Record>, FlowError>) {
        let Some(search) = self.take_query(query) else { return };
        let entropy = &mut self.entropy;
        let finder = match search {
            Search::Server(link) => self.connection.finder(link),
            Search::Request(key) => {
                self.outgoing.get_mut(key).and_then(|outgoing| outgoing.whereabouts.finder.as_mut())
            }
        };
        if let Some(finder) = finder {
            finder.records(result, &mut |bound| entropy.below(bound));
        }
        self.search_on(now, search);
    }

    fn take_query(&mut self, query: QueryId) -> Option<Search> {
        let query = self.queries.remove(&query)?;
        self.timers.cancel(query.timer);
        Some(query.search)
    }

    fn finder(&mut self, search: Search) -> Option<&mut Finder> {
        match search {
            Search::Server(link) => self.connection.finder(link),
            Search::Request(key) => self.outgoing.get_mut(key)?.whereabouts.finder.as_mut(),
        }
    }

    fn search_on(&mut self, now: Instant, search: Search) {
        match search {
            Search::Server(link) => self.server_found(now, link),
            Search::Request(key) => self.try_request(now, key),
        }
    }

    /// The path to where a request's URI leads: known now, or when the resolver has answered (`None`).
    pub(super) fn locate_uri(&mut self, now: Instant, key: Key) -> Result<Option<Path>, Error> {
        let Some(outgoing) = self.outgoing.get_mut(key) else { return Ok(None) };
        // It stays where it has been, e.g. with credentials.
        let target = match outgoing.whereabouts.place.clone() {
            Some(place) => place,
            None => {
                if outgoing.whereabouts.finder.is_none() {
                    let wanted = wanted(outgoing.next())?;
                    let finder = Finder::new(&wanted, &self.able());
                    if let Some(outgoing) = self.outgoing.get_mut(key) {
                        outgoing.whereabouts.finder = Some(finder);
                    }
                }
                match self.search(now, Search::Request(key)) {
                    Found::Asked => return Ok(None),
                    Found::Target(target) => target,
                    Found::Nowhere(error) => return Err(self.last_failure(key, error)),
                }
            }
        };
        let path = self.path_to(now, &target).map_err(Error::Transport)?;
        if let Some(outgoing) = self.outgoing.get_mut(key) {
            outgoing.whereabouts.place = Some(target);
        }
        Ok(Some(path))
    }

    /// Whether a request that failed for want of an answer goes to another place (4.3); that is under way then. `rest`: how
    /// long the server that said so does not want to be asked.
    pub(super) fn fail_over(&mut self, now: Instant, key: Key, error: &Error, rest: Option<Duration>) -> bool {
        let Some(outgoing) = self.outgoing.get_mut(key) else { return false };
        let purpose = outgoing.purpose;
        let Some(place) = outgoing.whereabouts.place.take() else { return false };
        if let (Error::Transport(_) | Error::Timeout(_), Some(addr)) = (error, place.addr) {
            self.breakers.failed(now, place.transport, addr);
        }
        let only = match outgoing.hop {
            Hop::Link(link) => Some(link),
            Hop::Server | Hop::Path(_) => None,
        };
        let own = outgoing.whereabouts.finder.as_ref().is_some_and(Finder::has_more);
        outgoing.whereabouts.tries = outgoing.whereabouts.tries.saturating_add(1);
        let again = outgoing.whereabouts.tries < TRIES && self.shutdown.is_none() && self.may_retry(purpose);
        self.bury(now, &place, rest);
        let elsewhere = match self.connection.has_server() {
            true => again && self.leave_server(now, only, &place),
            false => again && own,
        };
        if let Some(outgoing) = self.outgoing.get_mut(key)
            && elsewhere
        {
            outgoing.whereabouts.failure = Some(error.clone());
            outgoing.hop = only.map_or(Hop::Server, Hop::Link);
            outgoing.length = Default::default();
            outgoing.client = None;
            self.try_request(now, key);
        }
        elsewhere
    }

    /// Whether a request whose connection broke goes over another one that is up (RFC 5626 4.3). Not within a call, which
    /// tells the other side where it is now, but for its end; not an INVITE that has got somewhere, which would ring twice.
    pub(super) fn goes_over_another(&mut self, now: Instant, key: Key, error: &Error) -> bool {
        let (Error::Transport(_), Some(outgoing)) = (error, self.outgoing.get(key)) else { return false };
        let flows = self.transactions.flows();
        if outgoing.path.is_none_or(|path| flows.contains(path.flow)) {
            return false;
        }
        let may = match (outgoing.purpose, &outgoing.hop) {
            (Purpose::Register(_), _) => false,
            (purpose @ Purpose::Invite(_), _) => !outgoing.heard && self.may_retry(purpose),
            (Purpose::Bye(_) | Purpose::Nobody, _) | (_, Hop::Server) => true,
            _ => false,
        };
        let other = self.connection.ups().find(|path| flows.contains(path.flow));
        let (true, Some(other)) = (may && outgoing.whereabouts.tries < TRIES, other) else { return false };
        if let Some(outgoing) = self.outgoing.get_mut(key) {
            outgoing.whereabouts.tries = outgoing.whereabouts.tries.saturating_add(1);
            outgoing.whereabouts.place = None;
            outgoing.hop = Hop::Path(other);
            outgoing.length = Default::default();
            outgoing.client = None;
        }
        self.try_request(now, key);
        true
    }

    /// What to tell of a request for which there is no place left: what came of the last one, if there was any.
    pub(super) fn last_failure(&mut self, key: Key, error: FlowError) -> Error {
        let before = self.outgoing.get_mut(key).and_then(|outgoing| outgoing.whereabouts.failure.take());
        before.unwrap_or(Error::Transport(error))
    }

    /// Whether a request that was answered 503 goes to another place instead.
    pub(super) fn is_unavailable(&mut self, now: Instant, key: Key, response: &Response) -> bool {
        let Some(outgoing) = self.outgoing.get(key) else { return false };
        // A phone that has rung may ring again elsewhere, which nobody wants.
        if let Purpose::Invite(call) = outgoing.purpose
            && self.calls.get(call).is_some_and(|call| !call.dialogs.is_empty())
        {
            return false;
        }
        let refusal = Refusal::of(response.status(), response.reason(), response);
        let rest = refusal.retry_after.map(|seconds| Duration::from_secs(seconds.into()));
        self.fail_over(now, key, &Error::Status(refusal), rest)
    }

    /// Nobody answered there.
    pub(super) fn bury(&mut self, now: Instant, place: &Target, rest: Option<Duration>) {
        if let Some(addr) = place.addr {
            let long = rest.unwrap_or(MEMORY).min(LONGEST_MEMORY);
            self.dead.bury(now, place.transport, addr, long);
        }
    }
}

/// What a URI says of where to go.
fn wanted(uri: &str) -> Result<Wanted, Error> {
    let parsed = UriRef::parse(uri).map_err(|error| Error::unparsable("target", &error))?;
    let Some(sip) = parsed.as_sip() else {
        return Err(Error::input("target", 0, "no server is set, and only sip: and sips: addresses name one"));
    };
    let host = match sip.params.value("maddr") {
        Some(maddr) => Host::Name(maddr),
        None => sip.host,
    };
    let transport = sip.params.value("transport").and_then(Transport::from_name);
    Ok(Wanted { host: text_of(&host), port: sip.port, transport, secure: sip.secure })
}
