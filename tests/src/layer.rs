//! The transaction layer alone under a virtual clock: the test plays its user, its peers and its driver.

use bytes::Bytes;
use offhook_core::message::{Limits, Message, StatusCode};
use offhook_core::time::Instant;
use offhook_core::transaction::{ClientId, Event, Failure, ServerId, TimerConfig, Transactions, respond_to};
use offhook_core::transport::{FlowChange, FlowId, FlowInfo, Output, Path, Target, Transport};

use crate::net::label;
use crate::sip::Text;

/// The layer, its clock, and everything that came out of it.
pub struct Layer {
    /// The layer itself.
    pub transactions: Transactions<u32>,
    now: Instant,
    sent: Vec<(u64, Path, Bytes)>,
    events: Vec<(u64, Event<u32>)>,
    opened: Vec<FlowId>,
    closed: Vec<FlowId>,
}

impl Layer {
    /// A layer with the timers of RFC 3261 and room for 1000 server transactions.
    pub fn new() -> Layer {
        Layer::with(TimerConfig::default(), 1000)
    }

    /// A layer with other timers and a limit of its own.
    pub fn with(timers: TimerConfig, server_limit: usize) -> Layer {
        let transactions = Transactions::new(timers, Limits::default(), server_limit, [7; 32]);
        let (sent, events) = (Vec::new(), Vec::new());
        let now = Instant::from_millis(0);
        Layer { transactions, now, sent, events, opened: Vec::new(), closed: Vec::new() }
    }

    // ---- flows

    /// Binds a UDP socket at 192.0.2.9:5060 and gives the path to the peer at 192.0.2.1:5060.
    pub fn udp(&mut self) -> Path {
        self.flow(Transport::Udp)
    }

    /// A UDP socket, or a connection from the peer at 192.0.2.1:5060 that was accepted.
    pub fn flow(&mut self, transport: Transport) -> Path {
        let remote = ([192, 0, 2, 1], 5060).into();
        let peer = transport.is_reliable().then_some(remote);
        let info = FlowInfo { transport, local: ([192, 0, 2, 9], 5060).into(), remote: peer };
        let flow = self.transactions.flow_opened(info);
        self.drain();
        Path { flow, remote }
    }

    /// Opens a connection to the peer at 192.0.2.1:5060, which is not up yet.
    pub fn open(&mut self, transport: Transport) -> Path {
        let addr = Some(([192, 0, 2, 1], 5060).into());
        let target = Target { transport, host: "192.0.2.1".into(), port: 5060, addr, resource: "".into() };
        let path = self.transactions.flows_mut().open(target);
        self.drain();
        path
    }

    /// Tells what happened to a flow.
    pub fn change(&mut self, path: Path, change: FlowChange) {
        self.transactions.flow_changed(path.flow, change);
        self.drain();
    }

    /// A connection asked for is up.
    pub fn connected(&mut self, path: Path) {
        let local = ([192, 0, 2, 9], 40_000).into();
        self.change(path, FlowChange::Connected { local, remote: path.remote });
    }

    /// The user closes a flow.
    pub fn close(&mut self, path: Path) {
        self.transactions.close_flow(path.flow);
        self.drain();
    }

    // ---- time

    /// Runs to `millis`, calling for each timeout at exactly the time the layer asked for.
    pub fn at(&mut self, millis: u64) {
        let end = Instant::from_millis(millis);
        assert!(end >= self.now, "time does not run backwards");
        while let Some(due) = self.transactions.poll_timeout().filter(|due| *due <= end) {
            assert!(due >= self.now, "a timer of the past");
            self.now = due;
            self.transactions.handle_timeout(due);
            self.drain();
            assert!(self.transactions.poll_timeout().is_none_or(|next| next > due), "a timer that is over runs again");
        }
        self.now = end;
    }

    /// Runs until no timer is left and gives the time of the last; nothing may be left then.
    #[track_caller]
    pub fn finish(&mut self) -> u64 {
        while let Some(due) = self.transactions.poll_timeout() {
            self.at(due.as_millis());
        }
        assert!(self.transactions.is_empty(), "left: {:?} clients and servers", self.transactions.len());
        self.now.as_millis()
    }

    /// The time of the next timer.
    pub fn next(&self) -> Option<u64> {
        self.transactions.poll_timeout().map(Instant::as_millis)
    }

    // ---- what goes in

    /// Begins a client transaction; `user` is attached.
    pub fn request(&mut self, path: Path, request: &Text, user: u32) -> ClientId {
        let bytes = request.bytes();
        let Ok(Message::Request(parsed)) = Message::parse(bytes.clone(), &Limits::default()) else {
            panic!("no request: {request:?}");
        };
        let branch = parsed.via().ok().and_then(|via| via.branch()).expect("a branch").to_owned();
        let id = self.transactions.request(self.now, path, parsed.method(), &branch, bytes, user);
        self.drain();
        id
    }

    /// Cancels an INVITE.
    pub fn cancel(&mut self, client: ClientId, reason: Option<&str>) {
        self.transactions.cancel(self.now, client, reason);
        self.drain();
    }

    /// A message comes in.
    pub fn receive(&mut self, path: Path, message: &Text) {
        self.bytes(path, message.bytes());
    }

    /// Bytes come in.
    pub fn bytes(&mut self, path: Path, bytes: impl Into<Bytes>) {
        self.transactions.receive(self.now, path, bytes.into());
        self.drain();
    }

    /// The peer answers the request that was sent last.
    pub fn answer(&mut self, path: Path, status: u16, tag: &str) {
        let (_, _, request) =
            self.sent.iter().rfind(|(_, _, bytes)| !bytes.starts_with(b"SIP/2.0")).expect("a request");
        let response = Text::response(request, status, tag);
        self.receive(path, &response);
    }

    /// The user answers a request whose transaction still waits for it.
    pub fn respond(&mut self, server: ServerId, code: u16) {
        let status = StatusCode::new(code).expect("a status code");
        let (request, source) = self.transactions.pending_request(server).expect("a request to answer");
        let tag = (code > 100).then_some("bob");
        let message = respond_to(&request, source.remote, status, None, tag).finish().expect("a response");
        self.respond_with(server, code, message);
    }

    /// The user answers with these bytes.
    pub fn respond_with(&mut self, server: ServerId, code: u16, message: Bytes) {
        let status = StatusCode::new(code).expect("a status code");
        let _ = self.transactions.respond(self.now, server, status, message);
        self.drain();
    }

    // ---- what came out

    /// Messages sent, by [`label`], with the millisecond.
    pub fn sent(&self) -> Vec<(u64, String)> {
        self.sent.iter().map(|(at, _, bytes)| (*at, label(bytes))).collect()
    }

    /// The milliseconds at which messages of this [`label`] were sent.
    pub fn times(&self, of: &str) -> Vec<u64> {
        self.sent().into_iter().filter(|(_, label)| label == of).map(|(at, _)| at).collect()
    }

    /// The message sent last.
    #[track_caller]
    pub fn last(&self) -> Text {
        Text::parse(&self.sent.last().expect("something was sent").2)
    }

    /// Where the last message went.
    #[track_caller]
    pub fn last_path(&self) -> Path {
        self.sent.last().expect("something was sent").1
    }

    /// All bytes sent, in order.
    pub fn bytes_sent(&self) -> Vec<Bytes> {
        self.sent.iter().map(|(_, _, bytes)| bytes.clone()).collect()
    }

    /// Events since the last call, in short form with the millisecond: see [`words`].
    pub fn heard(&mut self) -> Vec<(u64, String)> {
        self.events.drain(..).map(|(at, event)| (at, words(&event))).collect()
    }

    /// The events themselves since the last call.
    pub fn events(&mut self) -> Vec<Event<u32>> {
        self.events.drain(..).map(|(_, event)| event).collect()
    }

    /// The transaction of the request that came last, whose event is taken with those before it.
    #[track_caller]
    pub fn server(&mut self) -> ServerId {
        let id = self.events.drain(..).rev().find_map(|(_, event)| match event {
            Event::Request { server, .. } => Some(server),
            _ => None,
        });
        id.expect("a request came")
    }

    /// Connections the layer asked for, and those it closed.
    pub fn flows(&self) -> (&[FlowId], &[FlowId]) {
        (&self.opened, &self.closed)
    }

    fn drain(&mut self) {
        let now = self.now.as_millis();
        while let Some(event) = self.transactions.poll_event() {
            self.events.push((now, event));
        }
        while let Some(output) = self.transactions.poll_output() {
            match output {
                Output::Transmit { path, bytes } => self.sent.push((now, path, bytes)),
                Output::OpenFlow { flow, .. } => self.opened.push(flow),
                Output::CloseFlow { flow } => self.closed.push(flow),
                other => panic!("not asked for: {other:?}"),
            }
        }
    }
}

impl Default for Layer {
    fn default() -> Layer {
        Layer::new()
    }
}

/// An event in a few words: `INVITE`, `ACK`, `180 INVITE for 1`, `timer B for 1`, `lost for 1`, `no ACK` …
pub fn words(event: &Event<u32>) -> String {
    match event {
        Event::Request { request, cancels, .. } => {
            let cancels = match cancels {
                Some((_, Some(user))) => format!(" of {user}"),
                Some((_, None)) => " of somebody".into(),
                None => String::new(),
            };
            format!("{}{cancels}", request.method().as_str())
        }
        Event::Ack { .. } => "ACK".into(),
        Event::Response { user, response, .. } => format!("{} for {user}", label(response.bytes())),
        Event::Stray { response, .. } => format!("stray {}", label(response.bytes())),
        Event::Failed { user, failure: Failure::Timeout(timer), .. } => format!("timer {} for {user}", timer.name()),
        Event::Failed { user, failure: Failure::Transport(error), .. } => format!("{:?} for {user}", error.kind),
        Event::Unacknowledged { user, .. } => match user {
            Some(user) => format!("no ACK for {user}"),
            None => "no ACK".into(),
        },
        Event::Malformed { error, .. } => format!("malformed {}", error.field()),
        Event::FlowUp { .. } => "up".into(),
        Event::FlowDown { error, .. } => match error {
            Some(error) => format!("down {:?}", error.kind),
            None => "down".into(),
        },
        Event::Pong { .. } => "pong".into(),
        Event::Trace { outgoing, bytes, .. } => format!("{} {}", if *outgoing { ">" } else { "<" }, label(bytes)),
        _ => "something new".into(),
    }
}
