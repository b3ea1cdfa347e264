//! A switchboard and its phones in virtual time: what one sends is there at once, and nothing else happens until
//! somebody sends or time moves.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use offhook_core::auth::{Attempt, AuthClient, Credential, Sending};
use offhook_core::message::{Fields, Limits, Message, Name, Request, Response, StatusCode};
use offhook_core::time::Instant;
use offhook_core::transaction::respond_to;
use offhook_core::transport::{FlowChange, FlowInfo, Machine, Output, Path, Transport};
use offhook_examples::switchboard::{Config, Switchboard};

pub(crate) const UDP: &str = "127.0.0.1:5060";
pub(crate) const WS: &str = "127.0.0.1:8080";

pub(crate) struct World {
    pub(crate) board: Switchboard,
    pub(crate) now: Instant,
    pub(crate) notices: Vec<String>,
    pub(crate) phones: Vec<Phone>,
    /// Whether a message to nobody is a mistake.
    pub(crate) strict: bool,
    udp: offhook_core::transport::FlowId,
    serial: u32,
}

pub(crate) struct Phone {
    pub(crate) user: &'static str,
    pub(crate) path: Path,
    pub(crate) transport: Transport,
    pub(crate) contact: String,
    via_host: String,
    inbox: VecDeque<Message>,
    auth: AuthClient,
}

/// Names a phone of a world.
pub(crate) type Id = usize;

/// A request as a phone writes it.
#[derive(Clone, Debug)]
pub(crate) struct Out {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) call_id: String,
    pub(crate) cseq: u32,
    pub(crate) branch: String,
    pub(crate) lines: Vec<String>,
    pub(crate) body: String,
}

impl Out {
    pub(crate) fn line(mut self, line: impl Into<String>) -> Out {
        self.lines.push(line.into());
        self
    }
}

impl World {
    pub(crate) fn new() -> World {
        World::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> World {
        let mut board = Switchboard::new(config, [7; 32]);
        let now = Instant::from_millis(1_700_000_000_000);
        let info = FlowInfo { transport: Transport::Udp, local: UDP.parse().unwrap(), remote: None };
        let udp = board.flow_opened(now, info);
        World { board, now, notices: Vec::new(), phones: Vec::new(), strict: true, udp, serial: 0 }
    }

    /// A phone with a UDP socket on this port.
    pub(crate) fn udp(&mut self, user: &'static str, port: u16) -> Id {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let path = Path { flow: self.udp, remote: address };
        self.phone(user, path, Transport::Udp, format!("sip:{user}@{address}"), address.to_string())
    }

    /// A phone in a browser: a WebSocket from this port, and addresses that do not resolve.
    pub(crate) fn ws(&mut self, user: &'static str, port: u16) -> Id {
        let path = self.connect(port);
        let host = format!("{user}{port}.invalid");
        self.phone(user, path, Transport::Ws, format!("sip:{user}@{host};transport=ws"), host)
    }

    /// A new WebSocket.
    pub(crate) fn connect(&mut self, port: u16) -> Path {
        let remote = SocketAddr::from(([127, 0, 0, 1], port));
        let info = FlowInfo { transport: Transport::Ws, local: WS.parse().unwrap(), remote: Some(remote) };
        Path { flow: self.board.flow_opened(self.now, info), remote }
    }

    fn phone(&mut self, user: &'static str, path: Path, transport: Transport, contact: String, host: String) -> Id {
        let auth = AuthClient::new(vec![Credential::password(user, format!("{user}-secret"))], "");
        let inbox = VecDeque::new();
        self.phones.push(Phone { user, path, transport, contact, via_host: host, inbox, auth });
        self.phones.len() - 1
    }

    pub(crate) fn set_password(&mut self, phone: Id, password: &str) {
        let user = self.phones[phone].user;
        self.phones[phone].auth = AuthClient::new(vec![Credential::password(user, password)], "");
    }

    // ---- sending

    fn serial(&mut self) -> u32 {
        self.serial += 1;
        self.serial
    }

    /// A request outside of dialogs, from the phone's user.
    pub(crate) fn out(&mut self, phone: Id, method: &str, uri: &str) -> Out {
        let n = self.serial();
        let user = self.phones[phone].user;
        Out {
            method: method.into(),
            uri: uri.into(),
            from: format!("<sip:{user}@localhost>;tag=from{n}"),
            to: format!("<{uri}>"),
            call_id: format!("call-{n}"),
            cseq: 1,
            branch: format!("z9hG4bKphone{n}"),
            lines: vec![format!("Contact: <{}>", self.phones[phone].contact)],
            body: String::new(),
        }
    }

    /// The same request, as another transaction.
    pub(crate) fn again(&mut self, out: &Out) -> Out {
        Out { branch: format!("z9hG4bKphone{}", self.serial()), cseq: out.cseq + 1, ..out.clone() }
    }

    pub(crate) fn text(&self, phone: Id, out: &Out) -> String {
        let phone = &self.phones[phone];
        let mut text = format!(
            "{} {} SIP/2.0\r\nVia: SIP/2.0/{} {};branch={};rport\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {} {}\r\n\
             Max-Forwards: 70\r\n",
            out.method,
            out.uri,
            phone.transport,
            phone.via_host,
            out.branch,
            out.from,
            out.to,
            out.call_id,
            out.cseq,
            out.method
        );
        out.lines.iter().for_each(|line| text.push_str(&format!("{line}\r\n")));
        text.push_str(&format!("Content-Length: {}\r\n\r\n{}", out.body.len(), out.body));
        text
    }

    pub(crate) fn send(&mut self, phone: Id, out: &Out) {
        let text = self.text(phone, out);
        self.raw(phone, text);
    }

    pub(crate) fn raw(&mut self, phone: Id, bytes: impl Into<Bytes>) {
        let path = self.phones[phone].path;
        self.board.receive(self.now, path, bytes.into());
        self.drain();
    }

    /// Sends a request, answers the challenge it must meet, and returns what was sent last.
    pub(crate) fn authorized(&mut self, phone: Id, out: &Out) -> Out {
        self.send(phone, out);
        let code = if out.method == "REGISTER" { 401 } else { 407 };
        let challenge = self.response(phone, code);
        if out.method == "INVITE" {
            self.ack_failure(phone, out, &challenge);
        }
        let mut again = self.again(out);
        let mut attempt = Attempt::default();
        let auth = &mut self.phones[phone].auth;
        let (method, uri, call_id, body) = (&*out.method, &*out.uri, &*out.call_id, out.body.as_bytes());
        let sending = Sending { method, uri, call_id, body, protected: false };
        auth.challenged(&challenge, &sending, &mut attempt).unwrap();
        for (name, value) in auth.authorize(&mut attempt, &sending, &mut || 42) {
            again.lines.push(format!("{name}: {}", value.reveal()));
        }
        self.send(phone, &again);
        again
    }

    /// Registers the phone's contact with these further lines and returns the final response.
    pub(crate) fn register(&mut self, phone: Id, lines: &[&str]) -> Response {
        let mut out = self.out(phone, "REGISTER", "sip:localhost");
        out.to = format!("<sip:{}@localhost>", self.phones[phone].user);
        if lines.iter().any(|line| line.starts_with("Contact") || line.starts_with("X-No-Contact")) {
            out.lines.clear();
        }
        lines.iter().for_each(|line| out.lines.push((*line).to_owned()));
        self.authorized(phone, &out);
        self.any_response(phone)
    }

    /// The ACK for a failure: part of the INVITE's transaction.
    pub(crate) fn ack_failure(&mut self, phone: Id, invite: &Out, response: &Response) {
        let ack = Out {
            method: "ACK".into(),
            to: response.to().unwrap().as_str().to_owned(),
            lines: Vec::new(),
            body: String::new(),
            ..invite.clone()
        };
        self.send(phone, &ack);
    }

    pub(crate) fn cancel(&mut self, phone: Id, invite: &Out) {
        let cancel = Out { method: "CANCEL".into(), lines: Vec::new(), body: String::new(), ..invite.clone() };
        self.send(phone, &cancel.line("Reason: SIP;cause=487"));
    }

    /// Answers a request.
    pub(crate) fn respond(&mut self, phone: Id, request: &Request, code: u16) -> Response {
        let status = StatusCode::new(code).unwrap();
        let board = if self.phones[phone].transport == Transport::Udp { UDP } else { WS };
        let tag = format!("to{phone}");
        let mut builder = respond_to(request, board.parse().unwrap(), status, None, Some(&tag));
        builder.copy(Name::RecordRoute, request);
        builder.parts(Name::Contact, &["<", &self.phones[phone].contact, ">"]);
        if code == 407 {
            builder.parts(Name::ProxyAuthenticate, &["Digest realm=\"", &tag, "\", nonce=\"1\""]);
        }
        let bytes = builder.finish().unwrap();
        self.raw(phone, bytes.clone());
        match parse(bytes) {
            Message::Response(response) => response,
            Message::Request(_) => unreachable!(),
        }
    }

    // ---- receiving

    fn drain(&mut self) {
        while let Some(output) = self.board.poll_output() {
            match output {
                Output::Transmit { path, bytes } => match self.phones.iter_mut().find(|phone| phone.path == path) {
                    Some(phone) => phone.inbox.push_back(parse(bytes)),
                    None if !self.strict => {}
                    None => panic!("nobody at {path:?}: {}", String::from_utf8_lossy(&bytes)),
                },
                Output::Event(notice) => self.notices.push(notice.to_string()),
                other => panic!("{other:?}"),
            }
        }
    }

    pub(crate) fn try_next(&mut self, phone: Id) -> Option<Message> {
        self.phones[phone].inbox.pop_front()
    }

    pub(crate) fn next(&mut self, phone: Id) -> Message {
        self.try_next(phone).unwrap_or_else(|| panic!("nothing came to phone {phone}; log: {:#?}", self.notices))
    }

    pub(crate) fn request(&mut self, phone: Id, method: &str) -> Request {
        match self.next(phone) {
            Message::Request(request) if request.method().as_str() == method => request,
            other => panic!("{method} wanted, came {}", String::from_utf8_lossy(other.fields().bytes())),
        }
    }

    pub(crate) fn any_response(&mut self, phone: Id) -> Response {
        match self.next(phone) {
            Message::Response(response) => response,
            other => panic!("a response wanted, came {}", String::from_utf8_lossy(other.fields().bytes())),
        }
    }

    pub(crate) fn response(&mut self, phone: Id, code: u16) -> Response {
        let response = self.any_response(phone);
        assert_eq!(response.status().code(), code, "{}", String::from_utf8_lossy(response.bytes()));
        response
    }

    pub(crate) fn nothing(&mut self, phone: Id) {
        if let Some(message) = self.try_next(phone) {
            panic!("came {}", String::from_utf8_lossy(message.fields().bytes()));
        }
    }

    // ---- time and flows

    pub(crate) fn advance(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(at) = self.board.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.board.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    pub(crate) fn close(&mut self, phone: Id) {
        let flow = self.phones[phone].path.flow;
        self.board.flow_changed(self.now, flow, FlowChange::Closed);
        self.drain();
    }

    /// All that requests left behind has ended; registrations are not counted.
    pub(crate) fn ended(&mut self) {
        self.advance(Duration::from_secs(400));
        let counts = self.board.counts();
        assert_eq!((counts.contexts, counts.clients, counts.servers, counts.timers), (0, 0, 0, 0));
    }
}

/// One side of a dialog, as a phone keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Dialog {
    local: String,
    remote: String,
    call_id: String,
    target: String,
    routes: Vec<String>,
    cseq: u32,
}

impl Dialog {
    pub(crate) fn of_caller(invite: &Out, response: &Response) -> Dialog {
        let mut routes = record_routes(response);
        routes.reverse();
        Dialog {
            local: invite.from.clone(),
            remote: response.to().unwrap().as_str().to_owned(),
            call_id: invite.call_id.clone(),
            target: contact(response),
            routes,
            cseq: invite.cseq,
        }
    }

    pub(crate) fn of_callee(invite: &Request, response: &Response) -> Dialog {
        Dialog {
            local: response.to().unwrap().as_str().to_owned(),
            remote: invite.from().unwrap().as_str().to_owned(),
            call_id: invite.call_id().unwrap().to_owned(),
            target: contact(invite),
            routes: record_routes(invite),
            cseq: 0,
        }
    }

    /// A request in the dialog; an ACK has the INVITE's CSeq.
    pub(crate) fn out(&mut self, world: &mut World, phone: Id, method: &str) -> Out {
        if method != "ACK" {
            self.cseq += 1;
        }
        let mut out = world.out(phone, method, &self.target);
        (out.from, out.to) = (self.local.clone(), self.remote.clone());
        (out.call_id, out.cseq) = (self.call_id.clone(), self.cseq);
        out.lines.extend(self.routes.iter().map(|route| format!("Route: {route}")));
        out
    }

    pub(crate) fn routes(&self) -> &[String] {
        &self.routes
    }
}

fn record_routes(fields: &Fields) -> Vec<String> {
    fields.addresses(Name::RecordRoute).map(|route| route.unwrap().as_str().to_owned()).collect()
}

fn contact(fields: &Fields) -> String {
    fields.addresses(Name::Contact).next().unwrap().unwrap().uri_text().to_owned()
}

pub(crate) fn parse(bytes: Bytes) -> Message {
    let limits = Limits { message: 1 << 20, ..Limits::default() };
    Message::parse(bytes.clone(), &limits).unwrap_or_else(|error| {
        let shown = bytes.get(..1000).unwrap_or(&bytes);
        panic!("{error} in {}", String::from_utf8_lossy(shown))
    })
}

pub(crate) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
