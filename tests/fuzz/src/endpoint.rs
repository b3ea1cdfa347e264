//! A whole endpoint under arbitrary peers, drivers, applications and times.
//!
//! Besides panics, these are findings: an endpoint that never stops talking, a timer that runs again without end, and
//! anything that is left of calls that were hung up and of an endpoint that was shut down.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use offhook_core::auth::Credential;
use offhook_core::endpoint::{
    AcceptOptions, AnswerOptions, CallId, CallOptions, Config, Endpoint, Event, FollowOptions, Outcome, PublicationId,
    PublishOptions, Server, SubscribeOptions, SubscriptionEvent, SubscriptionId, TransferOptions, TransferRequestId,
};
use offhook_core::message::{Limits, Message, Method, Name, StatusCode};
use offhook_core::time::Instant;
use offhook_core::transport::{
    FlowChange, FlowError, FlowErrorKind, FlowId, FlowInfo, Machine, Naptr, Output, Path, QueryId, Record, Srv,
    Transport,
};

use super::input::Input;

/// How many inputs one run has.
const STEPS: usize = 256;
/// How many outputs one input may have.
const OUTPUTS: usize = 4096;
/// After this time nothing of a call that was hung up is left: longer than every timer of a transaction.
const QUIET: Duration = Duration::from_secs(400);
/// How many timeouts there may be in that time.
const TIMEOUTS: usize = 50_000;

const METHODS: [&str; 14] = [
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "INFO",
    "OPTIONS",
    "UPDATE",
    "PRACK",
    "REFER",
    "NOTIFY",
    "SUBSCRIBE",
    "MESSAGE",
    "REGISTER",
    "X",
];
const STATUSES: [u16; 24] = [
    100, 180, 183, 199, 200, 200, 202, 302, 400, 401, 407, 408, 415, 420, 422, 423, 481, 486, 487, 488, 491, 500, 503,
    603,
];
const TARGETS: [&str; 5] =
    ["sip:alice@192.0.2.1", "sip:alice@example.com;transport=tcp", "alice", "sips:a@b", "tel:+1-201-555-0123"];
const SDP: [&str; 4] = [
    "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\n\
     a=rtpmap:101 telephone-event/8000\r\n",
    "v=0\r\no=a 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=sendonly\r\n",
    "v=0\r\no=a 1 3 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\nm=video 9 RTP/AVP 99\r\n",
    "v=0\r\n",
];
/// Header fields a peer may add.
const EXTRA: [&str; 36] = [
    "Contact: <sip:peer@192.0.2.1>",
    "Contact: <sip:peer@192.0.2.1;transport=tcp>;expires=60",
    "Contact: <sip:bob@192.0.2.9:5060>;expires=3600",
    "Contact: *",
    "Contact: <tel:1>",
    "Record-Route: <sip:192.0.2.7;lr>",
    "Record-Route: <sip:192.0.2.7>, <sip:p.example.com;lr>",
    "Route: <sip:192.0.2.7;lr>",
    "Require: 100rel",
    "Require: nonsense",
    "Supported: 100rel, timer, replaces, norefersub",
    "RSeq: 1",
    "RSeq: 2",
    "RAck: 1 1 INVITE",
    "Session-Expires: 90;refresher=uac",
    "Session-Expires: 90;refresher=uas",
    "Min-SE: 4000",
    "Expires: 0",
    "Expires: 60",
    "Min-Expires: 4000",
    "Retry-After: 1",
    "Max-Forwards: 0",
    "WWW-Authenticate: Digest realm=\"a\", nonce=\"1\", qop=\"auth\", algorithm=SHA-256",
    "Proxy-Authenticate: Digest realm=\"b\", nonce=\"2\"",
    "WWW-Authenticate: Digest realm=\"a\", nonce=\"3\", stale=true",
    "Refer-To: <sip:carol@192.0.2.3>",
    "Refer-To: <sip:carol@192.0.2.3?Replaces=1%3Bto-tag%3D2%3Bfrom-tag%3D3>",
    "Refer-Sub: false",
    "Event: refer",
    "Event: message-summary",
    "Event: dialog;id=1",
    "Subscription-State: active;expires=60",
    "Subscription-State: terminated;reason=noresource",
    "Reason: Q.850;cause=16",
    "Service-Route: <sip:192.0.2.7;lr>",
    "P-Asserted-Identity: <sip:boss@example.com>",
];
const TYPES: [&str; 7] = [
    "application/sdp",
    "application/sdp",
    "application/dtmf-relay",
    "message/sipfrag",
    "text/plain",
    "multipart/mixed;boundary=b",
    "application/simple-message-summary",
];
const BODIES: [&str; 4] = [
    "Signal=5\r\nDuration=100\r\n",
    "SIP/2.0 200 OK\r\n",
    "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--\r\n",
    "Messages-Waiting: yes\r\n",
];
/// What a peer says of subscriptions, where it does.
const NOTICES: [&str; 10] = [
    "active;expires=60",
    "active",
    "pending;expires=5",
    "terminated;reason=deactivated",
    "terminated;reason=timeout",
    "terminated;reason=probation;retry-after=3",
    "terminated;reason=noresource",
    "terminated",
    "waiting;expires=0",
    ";",
];
const PACKAGES: [&str; 4] = ["presence", "dialog;id=1", "message-summary", "refer"];
/// Whom a peer wants called.
const REFER_TO: [&str; 6] = [
    "<sip:carol@192.0.2.3>",
    "sip:carol@192.0.2.3",
    "<sip:carol@192.0.2.3;method=BYE>",
    "<sip:bob@example.com>",
    "<tel:+12015550123>",
    "<sip:carol@192.0.2.3?Subject=a&Route=%3Csip:b%3E&X=%0d%0aY>",
];
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

    /// The application does something in a call.
    fn act(&mut self, input: &mut Input<'_>) {
        let now = self.now;
        if self.events && input.byte() & 3 != 0 {
            return self.act_on_events(input);
        }
        if self.transfers && input.byte() & 3 != 0 {
            return self.act_on_transfers(input);
        }
        let Some(call) = self.calls.get(input.below(self.calls.len())).copied() else {
            return;
        };
        let sdp = (input.byte() & 1 == 1).then(|| Bytes::from_static(input.pick(&SDP).as_bytes()));
        let some = sdp.clone().unwrap_or_default();
        let status = StatusCode::new(input.pick(&STATUSES)).expect("a status");
        let endpoint = &mut self.endpoint;
        match input.byte() % 16 {
            0 => drop(endpoint.ring(now, call, sdp)),
            1 | 2 => {
                let mut options = AnswerOptions::default();
                options.sdp = sdp;
                endpoint.answer(now, call, options);
            }
            3 => drop(endpoint.reject(now, call, status, None)),
            4 => drop(endpoint.redirect(now, call, &["sip:carol@192.0.2.3"])),
            5 => drop(endpoint.hangup(now, call, Some("SIP;cause=200"))),
            6 => drop(endpoint.hold(now, call, sdp)),
            7 => drop(endpoint.resume(now, call, sdp)),
            8 => drop(endpoint.renegotiate(now, call, some)),
            9 => drop(endpoint.accept_offer(now, call, some)),
            10 => drop(endpoint.reject_offer(now, call, status)),
            11 => drop(endpoint.info(now, call, "text/plain", some)),
            12 => drop(endpoint.dtmf(now, call, char::from(input.byte()), u32::from(input.short()))),
            13 => drop(endpoint.update(now, call, sdp)),
            14 => drop(endpoint.info_package(now, call, "x", "text/plain", some)),
            _ => drop((endpoint.call_info(call), endpoint.calls(), endpoint.census())),
        }
    }

    /// The application does something about transfers.
    fn act_on_transfers(&mut self, input: &mut Input<'_>) {
        let (now, endpoint) = (self.now, &mut self.endpoint);
        let call = self.calls.get(input.below(self.calls.len())).copied();
        let other = self.calls.get(input.below(self.calls.len())).copied();
        let asked = self.asked.get(input.below(self.asked.len())).copied();
        let how = input.byte();
        let mut options = TransferOptions::default();
        options.hang_up = how & 16 == 0;
        options.follow = how & 32 == 0;
        if how & 64 != 0 {
            options.timeout = Duration::from_millis(u64::from(input.short()));
        }
        let target = input.pick(&TARGETS);
        match (how % 8, call, asked) {
            (0, Some(call), _) => drop(endpoint.transfer(now, call, target, options)),
            (1, Some(call), _) => {
                if let Some(other) = other {
                    drop(endpoint.transfer_to(now, call, other, options));
                }
            }
            (2, ..) => drop(endpoint.refer(now, target, "sip:carol@192.0.2.3", options)),
            (3 | 4, _, Some(asked)) => {
                let options = if how & 128 == 0 { FollowOptions::default() } else { FollowOptions::with_sdp(SDP[0]) };
                if let Ok(call) = endpoint.accept_transfer(now, asked, options) {
                    self.calls.push(call);
                }
            }
            (5, _, Some(asked)) => {
                let status = StatusCode::new(input.pick(&STATUSES)).expect("a status");
                endpoint.reject_transfer(now, asked, status, None);
            }
            (_, Some(call), _) => {
                // Somebody takes the call over: oneself, or whoever is told.
                if let Ok(Some(replacement)) = endpoint.replacement(call) {
                    let mut options = CallOptions::default();
                    options.replaces = Some(replacement);
                    self.calls.extend(endpoint.call(now, target, options));
                }
            }
            _ => {}
        }
    }

    /// The application does something about subscriptions and publications.
    fn act_on_events(&mut self, input: &mut Input<'_>) {
        let (now, endpoint) = (self.now, &mut self.endpoint);
        let subscription = self.subscriptions.get(input.below(self.subscriptions.len())).copied();
        let publication = self.publications.get(input.below(self.publications.len())).copied();
        let body = Bytes::from_static(input.pick(&BODIES).as_bytes());
        let status = StatusCode::new(input.pick(&STATUSES)).expect("a status");
        let options = SubscribeOptions::new(input.pick(&PACKAGES)).expires(u32::from(input.byte()));
        match (input.byte() % 12, subscription, publication) {
            (0 | 1, ..) => {
                if let Ok(subscription) = endpoint.subscribe(now, input.pick(&TARGETS), options) {
                    self.subscriptions.push(subscription);
                }
            }
            (2, ..) => {
                let options = PublishOptions::default().expires(u32::from(input.byte()));
                endpoint.publish(now, "presence", "text/plain", body, options);
            }
            (3, _, Some(publication)) => drop(endpoint.update_publication(now, publication, "text/plain", body)),
            (4, _, Some(publication)) => drop(endpoint.remove_publication(now, publication)),
            (5, Some(subscription), _) => drop(endpoint.unsubscribe(now, subscription)),
            (6, Some(subscription), _) => drop(endpoint.refresh_subscription(now, subscription)),
            (7, Some(subscription), _) => {
                let options = if input.byte() & 1 == 0 { AcceptOptions::pending() } else { AcceptOptions::default() };
                endpoint.accept_subscription(now, subscription, options);
            }
            (8, Some(subscription), _) => drop(endpoint.reject_subscription(now, subscription, status, None)),
            (9, Some(subscription), _) => {
                endpoint.terminate_subscription(now, subscription, "giveup", None, None);
            }
            (_, Some(subscription), _) => drop(endpoint.notify(now, subscription, "text/plain", body)),
            _ => {}
        }
    }

    /// The application does something outside of calls.
    fn manage(&mut self, input: &mut Input<'_>) {
        let (now, endpoint) = (self.now, &mut self.endpoint);
        match input.byte() % 6 {
            0 | 1 => drop(endpoint.register(now)),
            2 => drop(endpoint.unregister(now)),
            3 => drop(endpoint.connect(now)),
            4 => drop(endpoint.options(now, input.pick(&TARGETS))),
            _ => drop(endpoint.message(now, input.pick(&TARGETS), "text/plain", Bytes::from_static(b"hi"))),
        }
    }

    /// The peer answers one of our requests.
    fn respond(&mut self, input: &mut Input<'_>) {
        let Some(sent) = self.sent(input) else { return };
        let Ok(Message::Request(request)) = Message::parse(sent, &Limits::default()) else { return };
        let status = input.pick(&STATUSES);
        let mut text = format!("SIP/2.0 {status} Whatever\r\n");
        for name in [Name::Via, Name::From, Name::CallId, Name::CSeq, Name::RecordRoute] {
            for value in request.raw(name) {
                text += &format!("{name}: {}\r\n", String::from_utf8_lossy(value));
            }
        }
        let to = request.text(Name::To).ok().flatten().unwrap_or_default();
        let tag = match input.byte() % 4 {
            _ if to.contains("tag=") => String::new(),
            0 => String::new(),
            fork => format!(";tag=peer{fork}"),
        };
        text += &format!("To: {to}{tag}\r\n");
        let text = self.complete(input, text);
        self.receive(input, text);
    }

    /// The peer sends a request: within a dialog that was seen, or outside of any.
    fn request(&mut self, input: &mut Input<'_>) {
        let mut method = input.pick(&METHODS);
        if self.events && input.byte() & 3 != 0 {
            method = input.pick(&["NOTIFY", "NOTIFY", "SUBSCRIBE"]);
        }
        if self.transfers && input.byte() & 3 != 0 {
            method = input.pick(&["REFER", "REFER", "REFER", "NOTIFY", "NOTIFY", "INVITE", "BYE", "SUBSCRIBE"]);
        }
        let kind = input.byte();
        let (call_id, from, to) = match self.sent(input).and_then(seen) {
            Some(seen) if kind & 3 != 0 => seen,
            _ => {
                self.tags += 1;
                (
                    format!("c{}", kind >> 4),
                    format!("<sip:alice@192.0.2.1>;tag=a{}", self.tags % 4),
                    "<sip:bob@example.com>".into(),
                )
            }
        };
        let (branch, number) = (input.byte(), input.byte());
        let mut text = format!(
            "{method} sip:bob@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{branch}\r\n\
             From: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {number} {method}\r\n"
        );
        if self.events {
            text += &format!("Event: {}\r\n", input.pick(&PACKAGES));
        }
        if self.events && method == "NOTIFY" {
            text += &format!("Subscription-State: {}\r\n", input.pick(&NOTICES));
        }
        if self.transfers {
            match method {
                "REFER" => text += &self.refer_to(input),
                "NOTIFY" => return self.report(input, text),
                "INVITE" => text += &self.named(input, "Replaces: ", ";to-tag=", ";from-tag=", ""),
                _ => {}
            }
        }
        if matches!(method, "INVITE" | "REFER") || (self.events && method == "SUBSCRIBE") {
            text += "Contact: <sip:alice@192.0.2.1>\r\n";
        }
        let text = self.complete(input, text);
        self.receive(input, text);
    }

    /// Whom to call, perhaps in the place of a dialog that was seen.
    fn refer_to(&self, input: &mut Input<'_>) -> String {
        let choice = input.byte();
        if choice & 3 == 3 {
            let header = self.named(input, "", "%3Bto-tag%3D", "%3Bfrom-tag%3D", "");
            let replaces = header.trim_end();
            return format!("Refer-To: <sip:carol@192.0.2.3?Replaces={replaces}&Require=replaces>\r\n");
        }
        let mut text = format!("Refer-To: {}\r\n", input.pick(&REFER_TO));
        if choice & 4 != 0 {
            text += &self.named(input, "Target-Dialog: ", ";local-tag=", ";remote-tag=", "");
        }
        if choice & 8 != 0 {
            text += "Referred-By: <sip:alice@192.0.2.1>\r\n";
        }
        if choice & 16 != 0 {
            text += "Refer-Sub: false\r\n";
        }
        text
    }

    /// A header field that names a dialog that was seen: by its Call-ID and tags, as the peer sees it. Nothing without one.
    fn named(&self, input: &mut Input<'_>, name: &str, to: &str, from: &str, end: &str) -> String {
        let turned = input.byte();
        if turned & 3 == 3 {
            return String::new();
        }
        let Some((call_id, theirs, ours)) = self.sent(input).and_then(seen) else { return String::new() };
        let tag = |text: &str| text.rsplit_once("tag=").map_or("none", |(_, tag)| tag).to_owned();
        let (ours, theirs) = if turned & 4 == 0 { (ours, theirs) } else { (theirs, ours) };
        format!("{name}{call_id}{to}{}{from}{}{end}\r\n", tag(&ours), tag(&theirs))
    }

    /// What the peer tells of a transfer.
    fn report(&mut self, input: &mut Input<'_>, mut text: String) {
        // The number of the REFER, if one was sent.
        let number = self.sent.iter().rev().find_map(|sent| {
            let Ok(Message::Request(request)) = Message::parse(sent.clone(), &Limits::default()) else { return None };
            (*request.method() == Method::Refer).then(|| request.cseq().map_or(0, |cseq| cseq.number))
        });
        let id = number.filter(|_| input.byte() & 3 != 0).map_or(String::new(), |number| format!(";id={number}"));
        let (state, line) = (input.pick(&NOTICES), input.pick(&STATUSES));
        let body = format!("SIP/2.0 {line} Whatever\r\n");
        text += &format!(
            "Event: refer{id}\r\nSubscription-State: {state}\r\nContact: <sip:alice@192.0.2.1>\r\n\
             Content-Type: message/sipfrag\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.receive(input, text.into());
    }

    /// A message of a real dialog: what says which dialog it belongs to is taken from what the endpoint sent.
    fn real(&mut self, input: &mut Input<'_>) {
        let kind = input.byte();
        let text = String::from_utf8_lossy(input.bytes()).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let (start, fields) = head.split_once("\r\n").unwrap_or((head, ""));
        let back = usize::from(kind >> 4);
        let mut message = format!("{start}\r\n");
        if let Some(line) = start.strip_prefix("SIP/2.0 ") {
            // The answer to the last request of that method.
            let method = line.rsplit(' ').next().unwrap_or_default();
            let Some(request) = self.sent.iter().rev().filter(|sent| sent.starts_with(method.as_bytes())).nth(back)
            else {
                return;
            };
            let Ok(Message::Request(request)) = Message::parse(request.clone(), &Limits::default()) else { return };
            for name in [Name::Via, Name::From, Name::CallId, Name::CSeq] {
                for value in request.raw(name) {
                    message += &format!("{name}: {}\r\n", String::from_utf8_lossy(value));
                }
            }
            let to = request.text(Name::To).ok().flatten().unwrap_or_default();
            let tag = if to.contains("tag=") || kind & 1 == 0 { "" } else { ";tag=real" };
            message += &format!("To: {to}{tag}\r\n");
        } else if kind & 1 == 1 {
            // Within the last dialog.
            let tags = |sent: &&Bytes| sent.windows(5).filter(|five| five == b";tag=").count() > 1;
            let found = self.sent.iter().rev().filter(tags).nth(back).or(self.sent.last()).cloned();
            let Some((call_id, from, to)) = found.and_then(seen) else { return };
            message += &format!("From: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n");
        }
        // What was acknowledged then is what was sent last now.
        let is_rack = |line: &str| line.starts_with("RAck:");
        for line in fields.split("\r\n") {
            let acknowledged = if is_rack(line) { self.sent.iter().rev().find_map(acknowledgement) } else { None };
            message += acknowledged.as_deref().unwrap_or(line);
            message += "\r\n";
        }
        message += "\r\n";
        message += body;
        self.receive(input, message.into());
    }

    /// Adds header fields and maybe a body, and breaks it now and then.
    fn complete(&mut self, input: &mut Input<'_>, mut text: String) -> Bytes {
        for _ in 0..input.byte() % 4 {
            text += input.pick(&EXTRA);
            text += "\r\n";
        }
        let body = match input.byte() % 8 {
            0..=2 => "",
            3..=5 => input.pick(&SDP),
            6 => input.pick(&BODIES),
            _ => &String::from_utf8_lossy(input.bytes()),
        };
        if !body.is_empty() {
            text += &format!("Content-Type: {}\r\n", input.pick(&TYPES));
        }
        text += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
        let mut bytes = text.into_bytes();
        if input.byte() == 1 {
            let at = usize::from(input.short()) % bytes.len();
            bytes[at] = input.byte();
        }
        bytes.into()
    }

    /// What the endpoint sent comes back to it.
    fn reflect(&mut self, input: &mut Input<'_>) {
        if let Some(sent) = self.sent(input) {
            self.receive(input, sent);
        }
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

/// The RAck for a provisional response of ours.
fn acknowledgement(sent: &Bytes) -> Option<String> {
    let Ok(Message::Response(response)) = Message::parse(sent.clone(), &Limits::default()) else { return None };
    let (number, cseq) = (response.number(Name::RSeq).ok()??, response.cseq().ok()?);
    Some(format!("RAck: {number} {cseq}"))
}

/// A dialog in a message of ours, from the peer's side: Call-ID, From, To.
fn seen(sent: Bytes) -> Option<(String, String, String)> {
    let message = Message::parse(sent, &Limits::default()).ok()?;
    let fields = message.fields();
    let (from, to) = (fields.text(Name::From).ok()??.to_owned(), fields.text(Name::To).ok()??.to_owned());
    let call_id = fields.call_id().ok()?.to_owned();
    Some(match message {
        Message::Request(_) => (call_id, to, from),
        Message::Response(_) => (call_id, from, to),
    })
}

fn pointer(order: u16, service: &str, replacement: &str) -> Record {
    let (flags, service) = ("s".into(), service.into());
    Record::Naptr(Naptr { order, preference: 1, flags, service, replacement: replacement.into() })
}

fn service(priority: u16, target: &str) -> Record {
    Record::Srv(Srv { priority, weight: 1, port: 5060, target: target.into() })
}
