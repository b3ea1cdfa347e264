//! One endpoint under a virtual clock: the test plays its peers, its driver and its application.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use offhook_core::endpoint::{CallId, CallOptions, Census, Config, Endpoint, Event};
use offhook_core::time::Instant;
use offhook_core::transport::{
    FlowChange, FlowError, FlowErrorKind, FlowId, FlowInfo, Machine, Note, Output, Path, QueryId, Record, Target,
    Transport,
};

use super::{OFFER, log};
use crate::net::label;
use crate::sip::Text;

/// The endpoint of `sip:bob@example.com` with a UDP socket at 192.0.2.9:5060; its peer is at 192.0.2.1:5060.
pub struct Solo {
    /// The endpoint itself; go through [`act`](Solo::act) for whatever sends or tells.
    pub endpoint: Endpoint,
    /// The way to and from the peer.
    pub path: Path,
    now: Instant,
    sent: Vec<(u64, Path, Bytes)>,
    read: usize,
    events: Vec<(Instant, Event)>,
    opened: Vec<(FlowId, Target)>,
    closed: Vec<FlowId>,
    queries: Vec<(QueryId, Box<str>)>,
    records: HashMap<String, Vec<Record>>,
    lookups: Vec<(QueryId, Box<str>)>,
    answered: usize,
    notes: Vec<Note>,
}

impl Solo {
    /// Nobody's server, descriptions are the application's.
    pub fn new() -> Solo {
        Solo::with(|_| {})
    }

    /// With other settings.
    pub fn with(set: impl FnOnce(&mut Config)) -> Solo {
        let mut config = Config::new("sip:bob@example.com").expect("an address of record");
        set(&mut config);
        let path = Path { flow: FlowId::from_number(0), remote: Path::UNKNOWN };
        let mut solo = Solo {
            endpoint: Endpoint::new(config, [9; 32]),
            path,
            now: Instant::from_millis(0),
            sent: Vec::new(),
            read: 0,
            events: Vec::new(),
            opened: Vec::new(),
            closed: Vec::new(),
            queries: Vec::new(),
            records: HashMap::new(),
            lookups: Vec::new(),
            answered: 0,
            notes: Vec::new(),
        };
        solo.path = solo.flow(Transport::Udp);
        solo
    }

    // ---- flows and names

    /// A UDP socket, or a connection from the peer that was accepted.
    pub fn flow(&mut self, transport: Transport) -> Path {
        let remote = ([192, 0, 2, 1], 5060).into();
        let peer = transport.is_reliable().then_some(remote);
        let info = FlowInfo { transport, local: ([192, 0, 2, 9], 5060).into(), remote: peer };
        let flow = self.act(|endpoint, now| endpoint.flow_opened(now, info));
        Path { flow, remote }
    }

    /// The connection the endpoint asked for last, and where to.
    #[track_caller]
    pub fn opened(&self) -> (FlowId, Target) {
        self.opened.last().cloned().expect("a connection was asked for")
    }

    /// Every connection the endpoint asked for, and where to.
    pub fn all_opened(&self) -> Vec<(FlowId, Target)> {
        self.opened.clone()
    }

    /// How many connections were asked for, and which were closed by the endpoint.
    pub fn flows(&self) -> (usize, &[FlowId]) {
        (self.opened.len(), &self.closed)
    }

    /// The connection asked for last comes up; the peer is at its other end from now on. `browser`: nobody tells the
    /// addresses.
    #[track_caller]
    pub fn connect(&mut self, browser: bool) -> Path {
        let (flow, _) = self.opened();
        let (local, remote) = if browser {
            (Path::UNKNOWN, Path::UNKNOWN)
        } else {
            (([192, 0, 2, 9], 40_000).into(), ([192, 0, 2, 1], 5060).into())
        };
        self.change(flow, FlowChange::Connected { local, remote });
        self.path = Path { flow, remote };
        self.path
    }

    /// A flow changes.
    pub fn change(&mut self, flow: FlowId, change: FlowChange) {
        self.act(|endpoint, now| endpoint.flow_changed(now, flow, change));
    }

    /// A connection breaks.
    pub fn lose(&mut self, flow: FlowId) {
        self.change(flow, FlowChange::Failed(FlowError::new(FlowErrorKind::Lost, "connection reset")));
    }

    /// What the endpoint told the other shards of its user agent since the last call.
    pub fn notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// The names that were asked for.
    pub fn names(&self) -> Vec<&str> {
        self.queries.iter().map(|(_, name)| &**name).collect()
    }

    /// The resolver answers the question asked last.
    #[track_caller]
    pub fn resolve(&mut self, result: Result<Vec<IpAddr>, FlowError>) {
        let query = self.queries.last().expect("a name was asked for").0;
        self.act(|endpoint, now| endpoint.resolved(now, query, result));
    }

    /// The domain name system has these records from now on; of all else it says at once that there is none.
    pub fn publish(&mut self, name: &str, records: Vec<Record>) {
        self.records.insert(name.to_owned(), records);
    }

    /// The domain name system says nothing of records from now on.
    pub fn mute(&mut self) {
        self.answered = usize::MAX;
    }

    /// The names under which records were asked for.
    pub fn lookups(&self) -> Vec<&str> {
        self.lookups.iter().map(|(_, name)| &**name).collect()
    }

    // ---- time

    /// Runs to `millis`, calling for each timeout at exactly the time the endpoint asked for.
    #[track_caller]
    pub fn at(&mut self, millis: u64) {
        let end = Instant::from_millis(millis);
        assert!(end >= self.now, "time does not run backwards");
        while let Some(due) = self.endpoint.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.act(|endpoint, now| endpoint.handle_timeout(now));
            let next = self.endpoint.poll_timeout();
            assert!(next.is_none_or(|next| next > due), "a timer that is over runs again");
        }
        self.now = end;
    }

    /// Runs until so many messages of this [`label`] were sent, and gives the last of them.
    #[track_caller]
    pub fn until(&mut self, of: &str, count: usize) -> Text {
        while self.times(of).len() < count {
            let due = self.endpoint.poll_timeout();
            self.at(due.unwrap_or_else(|| panic!("nothing more is sent than {:?}", self.sent())).as_millis());
        }
        self.last(of)
    }

    /// The present millisecond.
    pub fn now(&self) -> u64 {
        self.now.as_millis()
    }

    /// Runs until no timer is left and gives the time of the last; nothing may be left then.
    #[track_caller]
    pub fn finish(&mut self) -> u64 {
        while let Some(due) = self.endpoint.poll_timeout() {
            self.at(due.as_millis());
        }
        assert_eq!(self.endpoint.census(), Census::default(), "something is left");
        self.now()
    }

    /// Shuts down one that is registered, which takes its binding away; no timer may be left then.
    #[track_caller]
    pub fn leaves_nothing_running(&mut self) {
        self.act(|endpoint, now| endpoint.shutdown(now, Duration::from_secs(1)));
        let request = self.last("REGISTER");
        self.receive(&Text::response(&request.bytes(), 200, "r"));
        assert!(self.log().ends_with("stopped\n"));
        assert_eq!(self.endpoint.census().timers, 0);
    }

    // ---- what goes in

    /// Calls into the endpoint, then takes what it wants.
    pub fn act<R>(&mut self, act: impl FnOnce(&mut Endpoint, Instant) -> R) -> R {
        let result = act(&mut self.endpoint, self.now);
        self.drain();
        while let Some((query, name)) = self.lookups.get(self.answered) {
            self.answered += 1;
            let records = self.records.get(&**name).cloned().unwrap_or_default();
            self.endpoint.looked_up(self.now, *query, Ok(records));
            self.drain();
        }
        result
    }

    /// A message comes in from the peer.
    pub fn receive(&mut self, message: &Text) {
        self.bytes(message.bytes());
    }

    /// A message comes in on another way.
    pub fn receive_on(&mut self, path: Path, message: &Text) {
        self.act(|endpoint, now| endpoint.receive(now, path, message.bytes()));
    }

    /// Bytes come in from the peer.
    pub fn bytes(&mut self, bytes: impl Into<Bytes>) {
        let path = self.path;
        self.act(|endpoint, now| endpoint.receive(now, path, bytes.into()));
    }

    /// The peer answers a request with its Contact, and with a description if `sdp` is not empty.
    pub fn respond(&mut self, request: &Text, status: u16, tag: &str, sdp: &str) {
        self.receive(&response(request, status, tag, sdp));
    }

    /// Calls the peer with an offer; its INVITE.
    #[track_caller]
    pub fn call(&mut self) -> (CallId, Text) {
        let options = CallOptions::with_sdp(OFFER);
        let call = self.act(|endpoint, now| endpoint.call(now, "sip:alice@192.0.2.1", options)).expect("a call");
        (call, self.last("INVITE"))
    }

    /// A call to the peer that is established; the INVITE, and what was sent and told is forgotten.
    #[track_caller]
    pub fn established(&mut self) -> (CallId, Text) {
        let (call, invite) = self.call();
        self.respond(&invite, 200, "alice", super::ANSWER);
        self.last("ACK");
        self.events.clear();
        (call, invite)
    }

    /// A call from the peer; the INVITE's events are taken.
    #[track_caller]
    pub fn called(&mut self, invite: &Text) -> CallId {
        self.receive(invite);
        let events = std::mem::take(&mut self.events);
        let incoming = events.iter().find_map(|(_, event)| match event {
            Event::Incoming { call, .. } => Some(*call),
            _ => None,
        });
        incoming.unwrap_or_else(|| panic!("no call came, but {:?}", self.sent()))
    }

    // ---- what came out

    /// Everything sent, by [`label`], with the millisecond.
    pub fn sent(&self) -> Vec<(u64, String)> {
        self.sent.iter().map(|(at, _, bytes)| (*at, label(bytes))).collect()
    }

    /// What was sent since the last call, by [`label`].
    pub fn fresh(&mut self) -> Vec<String> {
        let labels = self.sent.iter().skip(self.read).map(|(_, _, bytes)| label(bytes)).collect();
        self.read = self.sent.len();
        labels
    }

    /// The milliseconds at which messages of this [`label`] were sent.
    pub fn times(&self, of: &str) -> Vec<u64> {
        self.sent().into_iter().filter(|(_, label)| label == of).map(|(at, _)| at).collect()
    }

    /// The last message sent of this [`label`].
    #[track_caller]
    pub fn last(&self, of: &str) -> Text {
        Text::parse(&self.find(of).2)
    }

    /// The same as it went out.
    #[track_caller]
    pub fn last_bytes(&self, of: &str) -> Bytes {
        self.find(of).2.clone()
    }

    /// The last message sent of this [`label`] on a path.
    #[track_caller]
    pub fn last_on(&self, path: Path, of: &str) -> Text {
        let found = self.sent.iter().rfind(|(_, sent, bytes)| *sent == path && label(bytes) == of);
        Text::parse(&found.unwrap_or_else(|| panic!("no {of} was sent there, but {:?}", self.sent())).2)
    }

    /// Where the last message of this [`label`] went.
    #[track_caller]
    pub fn last_path(&self, of: &str) -> Path {
        self.find(of).1
    }

    #[track_caller]
    fn find(&self, of: &str) -> &(u64, Path, Bytes) {
        let found = self.sent.iter().rfind(|(_, _, bytes)| label(bytes) == of);
        found.unwrap_or_else(|| panic!("no {of} was sent, but {:?}", self.sent()))
    }

    /// What the endpoint told since the last call, in words.
    pub fn log(&mut self) -> String {
        let events = std::mem::take(&mut self.events);
        log(events.iter().map(|(at, event)| (*at, event)))
    }

    /// What the endpoint told since the last call.
    pub fn events(&mut self) -> Vec<Event> {
        self.events.drain(..).map(|(_, event)| event).collect()
    }

    fn drain(&mut self) {
        let now = self.now;
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit { path, bytes } => self.sent.push((now.as_millis(), path, bytes)),
                Output::OpenFlow { flow, target } => self.opened.push((flow, target)),
                Output::CloseFlow { flow } => self.closed.push(flow),
                Output::Resolve { query, name } => self.queries.push((query, name)),
                Output::Lookup { query, name, .. } => self.lookups.push((query, name)),
                Output::Event(event) => self.events.push((now, event)),
                Output::Tell(note) => self.notes.push(note),
                other => panic!("not known: {other:?}"),
            }
        }
    }
}

impl Default for Solo {
    fn default() -> Solo {
        Solo::new()
    }
}

/// The peer's response with its Contact, and a description if `sdp` is not empty.
pub fn response(request: &Text, status: u16, tag: &str, sdp: &str) -> Text {
    let tag = if request.get("To").contains(";tag=") { "" } else { tag };
    let response = Text::response(&request.bytes(), status, tag).set("Contact", "<sip:alice@192.0.2.1:5060>");
    if sdp.is_empty() { response } else { response.sdp(sdp) }
}
