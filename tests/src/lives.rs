//! Scenarios as one of their agents lived them, in the bytes of the fuzz target of the endpoint (`fuzz/src/endpoint.rs`):
//! what came over the wire, with what names our dialogs left to be filled in, and the application's part in it, read off
//! from what the agent sent.

use std::collections::BTreeSet;

use offhook_core::message::{Fields, Limits, Message, Method, Name, Request, Response};
use offhook_core::transport::Transport;

use crate::net::{Conditions, Hop, NodeId};
use crate::scenario::{Part, Scenario, Simulated, Variant, played};

/// The steps of the target.
const WAIT: u8 = 0;
const CALL: u8 = 14;
const ACT: u8 = 15;
const MANAGE: u8 = 19;
const REAL: u8 = 23;

/// The settings of the target.
const SERVER: u8 = 1;
const AUTOMATIC: u8 = 4;
const EVENTS: u8 = 64;
const TRANSFERS: u8 = 128;

/// What each agent of the scenario lived through, by its name. None where it is not played directly over UDP.
///
/// # Errors
///
/// A scenario that does not come true.
pub fn lives(scenario: &Scenario) -> Result<Vec<(String, Vec<u8>)>, String> {
    if scenario.switchboard || scenario.needs_connections() {
        return Ok(Vec::new());
    }
    let variant = Variant { transport: Transport::Udp, conditions: Conditions::default(), seed: 1 };
    let world = played(&Simulated { variant, server: None }, scenario)?;
    let net = world.network();
    let is_scripted = scenario.is_scripted();
    let agents = scenario.cast.iter().enumerate().filter(|(_, role)| matches!(role.part, Part::Agent(_)));
    Ok(agents.map(|(at, role)| (role.name.clone(), Life::of(world.node(at), net.trace(), is_scripted))).collect())
}

/// One agent's life as it is written down.
struct Life {
    bytes: Vec<u8>,
    settings: u8,
    now: u64,
    /// Call-IDs of calls, in order.
    calls: Vec<String>,
    /// What the agent sent already: a retransmission is nobody's act.
    sent: BTreeSet<Vec<u8>>,
}

impl Life {
    fn of(node: NodeId, hops: &[Hop], has_server: bool) -> Vec<u8> {
        let mut seen: Vec<_> = hops
            .iter()
            .filter_map(|hop| {
                let at = if hop.from == node { Some(hop.sent) } else { hop.arrives.filter(|_| hop.to == Some(node)) };
                Some((
                    at?.as_millis(),
                    hop.from == node,
                    Message::parse(hop.bytes()?.clone(), &Limits::default()).ok()?,
                ))
            })
            .collect();
        seen.sort_by_key(|(at, ..)| *at);
        let has = |methods: &[Method]| {
            seen.iter()
                .any(|(_, _, message)| matches!(message, Message::Request(found) if methods.contains(found.method())))
        };
        let events = if has(&[Method::Subscribe, Method::Publish]) { EVENTS } else { 0 };
        let transfers = if has(&[Method::Refer]) { TRANSFERS } else { 0 };
        let settings = AUTOMATIC | events | transfers | if has_server { SERVER } else { 0 };
        let now = seen.first().map_or(0, |(at, ..)| *at);
        let mut life = Life { bytes: vec![settings], settings, now, calls: Vec::new(), sent: BTreeSet::new() };
        for (at, ours, message) in &seen {
            life.wait(*at);
            match message {
                _ if !ours => life.receive(message),
                message if !life.sent.insert(message.fields().bytes().to_vec()) => {}
                Message::Request(request) => life.request(request),
                Message::Response(response) => life.respond(response),
            }
        }
        life.bytes
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn wait(&mut self, until: u64) {
        let gap = until - std::mem::replace(&mut self.now, until);
        match u8::try_from(gap) {
            Ok(0) => {}
            Ok(gap) => self.put(&[WAIT, 2, gap]),
            Err(_) => {
                let [low, high] = u16::try_from(gap / 8).unwrap_or(u16::MAX).to_le_bytes();
                self.put(&[WAIT, 1, low, high]);
            }
        }
    }

    /// The message as it came, without what the target knows better.
    fn receive(&mut self, message: &Message) {
        let fields = message.fields();
        let in_dialog = has_tag(fields, Name::To);
        let (start, known): (_, &[Name]) = match message {
            Message::Response(response) => {
                let method = fields.cseq().map(|cseq| cseq.method.to_string()).unwrap_or_default();
                let known = &[Name::Via, Name::From, Name::To, Name::CallId, Name::CSeq];
                (format!("SIP/2.0 {} {method}\r\n", response.status().code()), known)
            }
            Message::Request(request) => {
                self.note(request);
                let known: &[Name] = if in_dialog { &[Name::From, Name::To, Name::CallId] } else { &[] };
                (format!("{} sip:bob@192.0.2.9 SIP/2.0\r\n", request.method()), known)
            }
        };
        let mut text = start.into_bytes();
        for (name, value) in fields.iter() {
            let tells_nothing = [Name::UserAgent, Name::Server, Name::Date];
            if !known.iter().chain(&tells_nothing).any(|known| *known == Name::parse(name)) {
                text.extend([name, b": ", value, b"\r\n"].concat());
            }
        }
        text.extend_from_slice(b"\r\n");
        text.extend_from_slice(fields.body());
        let [low, high] = u16::try_from(text.len()).unwrap_or(0).to_le_bytes();
        self.put(&[REAL, u8::from(in_dialog), low, high]);
        self.put(&text);
        self.put(&[1]); // the first flow
    }

    /// A call that begins with this request.
    fn note(&mut self, request: &Request) -> bool {
        let id = request.call_id().unwrap_or_default().to_owned();
        let is_new = *request.method() == Method::Invite && !has_tag(request, Name::To) && !self.calls.contains(&id);
        if is_new {
            self.calls.push(id);
        }
        is_new
    }

    /// A second INVITE of the same Call-ID brings credentials, one with Referred-By follows a transfer: nobody's act.
    fn begin(&mut self, request: &Request) {
        if self.note(request) && !request.contains(Name::ReferredBy) {
            self.put(&[CALL, 1, 0, 0, 0, 0]);
        }
    }

    fn request(&mut self, request: &Request) {
        let in_dialog = has_tag(request, Name::To);
        match request.method() {
            Method::Invite if !in_dialog => self.begin(request),
            Method::Invite => {
                let holds = [&b"a=sendonly"[..], b"a=inactive"].iter().any(|line| contains(request.body(), line));
                self.act(request, if holds { 6 } else { 7 }, 0);
            }
            Method::Bye | Method::Cancel => self.act(request, 5, 0),
            Method::Update => self.act(request, 13, 0),
            Method::Info => self.act(request, 11, 0),
            Method::Options => self.put(&[MANAGE, 4, 0]),
            Method::Message => self.put(&[MANAGE, 5, 0]),
            Method::Register => self.put(&[MANAGE, 0]),
            Method::Refer => {
                let how =
                    match (in_dialog, contains(request.raw(Name::ReferTo).next().unwrap_or_default(), b"Replaces")) {
                        (true, true) => 1,
                        (true, false) => 0,
                        (false, _) => 2,
                    };
                self.transfer(how);
            }
            Method::Subscribe => self.event(if in_dialog { 6 } else { 0 }),
            Method::Publish => self.event(2),
            Method::Notify if request.item(Name::Event).is_some_and(|event| !event.is("refer")) => self.event(10),
            _ => {}
        }
    }

    fn respond(&mut self, response: &Response) {
        let Ok(cseq) = response.cseq() else { return };
        match (cseq.method, response.status().code()) {
            (Method::Invite, 180..=199) => self.act(response, 0, 0),
            (Method::Invite, 200..=299) => self.act(response, 1, 0),
            (Method::Invite, 300..=399) => self.act(response, 4, 0),
            (Method::Invite, 400..=486 | 488..) => self.act(response, 3, 17),
            (Method::Subscribe, 200..=299) => self.event(7),
            (Method::Subscribe, 400..) => self.event(8),
            (Method::Refer, 200..=299) => self.transfer(3 | 128),
            (Method::Refer, 400..) => self.transfer(5),
            _ => {}
        }
    }

    /// The application does something in the call of this message: the target's action, and a place in its statuses.
    fn act(&mut self, fields: &Fields, action: u8, status: u8) {
        let id = fields.call_id().unwrap_or_default();
        let call = self.calls.iter().position(|known| known == id).unwrap_or(0);
        self.put(&[ACT]);
        if self.settings & EVENTS != 0 {
            self.put(&[0]);
        }
        if self.settings & TRANSFERS != 0 {
            self.put(&[0]);
        }
        self.put(&[call as u8, 1, 0, status, action]);
    }

    fn event(&mut self, action: u8) {
        // The first subscription and publication, a body, a status, a package, 60 s.
        self.put(&[ACT, 1, 0, 0, 0, 17, 0, 60, action]);
        match action {
            0 => self.put(&[0]),
            2 => self.put(&[60]),
            7 => self.put(&[1]),
            _ => {}
        }
    }

    fn transfer(&mut self, how: u8) {
        self.put(&[ACT]);
        if self.settings & EVENTS != 0 {
            self.put(&[0]);
        }
        // The first call, the second, the first that was asked for, how, and whom.
        self.put(&[1, 0, 1, 0, how, 0]);
        if how == 5 {
            self.put(&[17]);
        }
    }
}

fn has_tag(fields: &Fields, name: Name) -> bool {
    fields.address(name).ok().flatten().is_some_and(|address| address.tag().is_some())
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
