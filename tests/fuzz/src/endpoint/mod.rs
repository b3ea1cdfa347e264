//! A whole endpoint under arbitrary peers, drivers, applications and times.
//!
//! Besides panics, these are findings: an endpoint that never stops talking, a timer that runs again without end, and
//! anything that is left of calls that were hung up and of an endpoint that was shut down.

mod application;
mod peer;
mod words;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use offhook_core::auth::Credential;
use offhook_core::endpoint::{
    CallId, CallOptions, Config, Endpoint, Event, Outcome, PublicationId, Server, SubscriptionEvent, SubscriptionId,
    TransferRequestId,
};
use offhook_core::message::{Limits, Message};
use offhook_core::time::Instant;
use offhook_core::transport::{
    FlowChange, FlowError, FlowErrorKind, FlowId, FlowInfo, Machine, Naptr, Output, Path, QueryId, Record, Srv,
    Transport,
};

use super::input::Input;
use words::{SDP, TARGETS};

/// How many inputs one run has.
const STEPS: usize = 256;
/// How many outputs one input may have.
const OUTPUTS: usize = 4096;
/// After this time nothing of a call that was hung up is left: longer than every timer of a transaction.
const QUIET: Duration = Duration::from_secs(400);
/// How many timeouts there may be in that time.
const TIMEOUTS: usize = 50_000;
const PEER: ([u8; 4], u16) = ([192, 0, 2, 1], 5060);

/// One life of an endpoint.
pub fn endpoint(data: &[u8]) {
    let mut input = Input::new(data);
    let mut run = Run::new(&mut input);
    for _ in 0..STEPS {
        if input.is_empty() {
            break;
        }
        run.step(&mut input);
        run.drain();
    }
    run.end();
}

struct Run {
    endpoint: Endpoint,
    now: Instant,
    flows: Vec<FlowId>,
    queries: Vec<QueryId>,
    lookups: Vec<QueryId>,
    calls: Vec<CallId>,
    /// Somebody subscribes and publishes in this life.
    events: bool,
    subscriptions: Vec<SubscriptionId>,
    publications: Vec<PublicationId>,
    /// Somebody transfers calls in this life.
    transfers: bool,
    asked: Vec<TransferRequestId>,
    /// The last messages the endpoint sent.
    sent: Vec<Bytes>,
    tags: u32,
    shows: bool,
}

impl Run {
    fn new(input: &mut Input<'_>) -> Run {
        let mut config = Config::new("sip:bob@example.com").expect("an address of record");
        let settings = input.byte();
        let servers = ["", "sip:192.0.2.1", "sip:192.0.2.1;transport=tcp", "ws://proxy.example.com/ws"];
        let server = servers[usize::from(settings & 3)];
        if !server.is_empty() {
            config.server = Some(Server::parse(server).expect("a server"));
        }
        config.automatic_media = settings & 4 != 0;
        config.trace = settings & 8 != 0;
        if settings & 16 != 0 {
            config.credentials.push(Credential::password("bob", "secret"));
        }
        if settings & 32 != 0 {
            config.limits.calls = 2;
            config.limits.outgoing = 4;
            config.limits.server_transactions = 4;
            config.limits.subscriptions = 3;
            config.limits.publications = 2;
        }
        if settings & 64 != 0 {
            config.packages = vec!["presence".into(), "dialog".into()];
        }
        let mut run = Run {
            endpoint: Endpoint::new(config, [7; 32]),
            now: Instant::from_millis(1_000),
            flows: Vec::new(),
            queries: Vec::new(),
            lookups: Vec::new(),
            calls: Vec::new(),
            events: settings & 64 != 0,
            subscriptions: Vec::new(),
            publications: Vec::new(),
            transfers: settings & 128 != 0,
            asked: Vec::new(),
            sent: Vec::new(),
            tags: 0,
            shows: std::env::var_os("OFFHOOK_FUZZ_SHOW").is_some(),
        };
        run.open(Transport::Udp);
        run
    }

    fn open(&mut self, transport: Transport) {
        let remote = transport.is_reliable().then_some(SocketAddr::from(PEER));
        let info = FlowInfo { transport, local: ([192, 0, 2, 9], 5060).into(), remote };
        self.flows.push(self.endpoint.flow_opened(self.now, info));
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let now = self.now;
        match input.byte() % 24 {
            0..=2 => self.wait(input),
            3..=7 => self.respond(input),
            8..=11 => self.request(input),
            12 => {
                let bytes = input.bytes();
                self.receive(input, Bytes::copy_from_slice(bytes));
            }
            13 => self.reflect(input),
            14 => {
                let mut options = CallOptions::default();
                if input.byte() & 1 == 1 {
                    options = CallOptions::with_sdp(input.pick(&SDP));
                }
                if input.byte() & 7 == 1 {
                    options = options.header("X-Mine", &input.text());
                }
                let target = if input.byte() & 7 == 1 { input.text() } else { input.pick(&TARGETS).to_owned() };
                if let Ok(call) = self.endpoint.call(now, &target, options) {
                    self.calls.push(call);
                }
            }
            15..=18 => self.act(input),
            19 => self.manage(input),
            20 => {
                let Some(flow) = self.flow(input) else { return };
                let change = match input.byte() % 4 {
                    0 => FlowChange::Failed(FlowError::new(FlowErrorKind::Lost, "lost")),
                    1 => FlowChange::Closed,
                    _ => FlowChange::Connected { local: ([192, 0, 2, 9], 40_000).into(), remote: PEER.into() },
                };
                self.endpoint.flow_changed(now, flow, change);
            }
            21 => {
                if let Some(query) = self.queries.pop() {
                    let result = match input.byte() % 3 {
                        0 => Err(FlowError::new(FlowErrorKind::Unresolved, "no such name")),
                        1 => Ok(Vec::new()),
                        _ => Ok(vec![IpAddr::from(PEER.0), IpAddr::from([0_u16, 0, 0, 0, 0, 0, 0, 1])]),
                    };
                    self.endpoint.resolved(now, query, result);
                } else if let Some(query) = self.lookups.pop() {
                    let result = match input.byte() % 4 {
                        0 => Err(FlowError::new(FlowErrorKind::Timeout, "silence")),
                        1 => Ok(Vec::new()),
                        2 => Ok(vec![pointer(50, "SIP+D2U", "_sip._udp.b.example"), pointer(10, "sip+d2t", ".")]),
                        _ => Ok(vec![service(2, "a.example."), service(1, "192.0.2.7"), service(1, ".")]),
                    };
                    self.endpoint.looked_up(now, query, result);
                }
            }
            22 if self.flows.len() < 8 => self.open(input.pick(&[Transport::Udp, Transport::Tcp, Transport::Ws])),
            23 => self.real(input),
            _ => self.endpoint.handle_timeout(now),
        }
    }

    /// Time passes: a little, or to the next timeout.
    fn wait(&mut self, input: &mut Input<'_>) {
        let due = self.endpoint.poll_timeout();
        self.now = match (input.byte() % 3, due) {
            (0, Some(due)) => self.now.max(due),
            (1, _) => self.now + Duration::from_millis(u64::from(input.short()) * 8),
            _ => self.now + Duration::from_millis(u64::from(input.byte())),
        };
        self.endpoint.handle_timeout(self.now);
    }

    fn receive(&mut self, input: &mut Input<'_>, bytes: Bytes) {
        if let Some(flow) = self.flow(input) {
            self.show("<<<", &bytes);
            self.endpoint.receive(self.now, Path { flow, remote: PEER.into() }, bytes);
        }
    }

    fn flow(&self, input: &mut Input<'_>) -> Option<FlowId> {
        // Most of the time the first one.
        let at = input.byte();
        self.flows.get(if at & 3 == 0 { usize::from(at >> 2) % self.flows.len() } else { 0 }).copied()
    }

    fn sent(&self, input: &mut Input<'_>) -> Option<Bytes> {
        let back = input.below(8);
        self.sent.iter().rev().nth(back).or(self.sent.last()).cloned()
    }

    /// With `OFFHOOK_FUZZ_SHOW` set, what happens is told on standard error.
    fn show(&self, what: &str, bytes: &[u8]) {
        if self.shows {
            eprintln!("{:>8} {what} {}", self.now.as_millis(), String::from_utf8_lossy(bytes));
        }
    }

    fn drain(&mut self) {
        let mut count = 0;
        while let Some(output) = self.endpoint.poll_output() {
            count += 1;
            assert!(count < OUTPUTS, "an endpoint that never stops talking");
            match output {
                Output::Transmit { bytes, .. } => {
                    self.show(">>>", &bytes);
                    if Message::parse(bytes.clone(), &Limits::default()).is_ok() {
                        self.sent.push(bytes);
                        if self.sent.len() > 16 {
                            self.sent.remove(0);
                        }
                    }
                }
                Output::OpenFlow { flow, .. } => self.flows.push(flow),
                Output::CloseFlow { .. } => {}
                Output::Resolve { query, .. } => self.queries.push(query),
                Output::Lookup { query, .. } => self.lookups.push(query),
                Output::Event(Event::Incoming { call, .. }) => self.calls.push(call),
                Output::Event(Event::IncomingSubscription { subscription, .. }) => {
                    self.subscriptions.push(subscription);
                }
                Output::Event(Event::TransferRequested { request, .. }) => self.asked.push(request),
                Output::Event(Event::Subscription { event: SubscriptionEvent::Forked(fork), .. }) => {
                    self.subscriptions.push(fork);
                }
                Output::Event(Event::Done { result: Ok(Outcome::Published { publication, .. }), .. }) => {
                    self.publications.push(publication);
                }
                Output::Event(event) if self.shows => self.show("---", format!("{event:?}").as_bytes()),
                _ => {}
            }
        }
        self.endpoint.poll_timeout().inspect(|due| assert!(*due < self.now + Duration::from_secs(1 << 33)));
    }

    /// All calls end, time goes on, the endpoint shuts down: nothing may be left.
    fn end(&mut self) {
        for call in self.endpoint.calls() {
            self.endpoint.hangup(self.now, call, None);
            self.drain();
        }
        for subscription in std::mem::take(&mut self.subscriptions) {
            self.endpoint.unsubscribe(self.now, subscription);
            self.drain();
            self.endpoint.terminate_subscription(self.now, subscription, "noresource", None, None);
            self.drain();
        }
        for publication in std::mem::take(&mut self.publications) {
            self.endpoint.remove_publication(self.now, publication);
            self.drain();
        }
        self.endpoint.unregister(self.now);
        self.drain();
        self.run_until(self.now + QUIET);
        // A registration that is tried again may be at it now.
        let left = self.endpoint.census();
        let (calls, dialogs, servers, acks) = (left.calls, left.dialogs, left.server_transactions, left.acks);
        assert_eq!((calls, dialogs, servers, acks), (0, 0, 0, 0), "something is left: {left:?}");
        assert_eq!((left.subscriptions, left.transfers), (0, 0), "something is left: {left:?}");

        self.endpoint.shutdown(self.now, Duration::from_secs(5));
        self.drain();
        self.run_until(self.now + QUIET);
        assert!(self.endpoint.is_finished(), "not finished: {:?}", self.endpoint.census());
        let left = self.endpoint.census();
        assert_eq!((left.calls, left.dialogs, left.outgoing), (0, 0, 0), "something is left: {left:?}");
        let events = (left.subscriptions, left.publications, left.transfers);
        assert_eq!(events, (0, 0, 0), "something is left: {left:?}");
    }

    fn run_until(&mut self, end: Instant) {
        for _ in 0..TIMEOUTS {
            let Some(due) = self.endpoint.poll_timeout().filter(|due| *due <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(due);
            self.endpoint.handle_timeout(self.now);
            self.drain();
        }
        panic!("timers without end: {:?}", self.endpoint.census());
    }
}

fn pointer(order: u16, service: &str, replacement: &str) -> Record {
    let (flags, service) = ("s".into(), service.into());
    Record::Naptr(Naptr { order, preference: 1, flags, service, replacement: replacement.into() })
}

fn service(priority: u16, target: &str) -> Record {
    Record::Srv(Srv { priority, weight: 1, port: 5060, target: target.into() })
}
