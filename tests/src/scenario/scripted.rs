//! A peer that does just what a scenario says: it knows what every message must carry over from those before it, and
//! nothing of what a user agent should do. No timers, no retransmissions.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use offhook_core::message::StatusCode;
use offhook_core::transport::{Path, Stun, StunId};

use super::lines::{Kept, fill};
use super::script::{Send, Sent};
use super::sdp;
use super::stage::Address;
use crate::sip::Text;

/// The peer's side of a dialog.
#[derive(Clone, Debug)]
struct Dialog {
    call_id: String,
    /// From of our requests.
    local: String,
    /// To of our requests.
    remote: String,
    /// Request-URI of our requests.
    target: String,
    cseq: u32,
}

/// A scripted peer.
#[derive(Debug)]
pub(super) struct Puppet {
    name: String,
    address: Address,
    /// Its descriptions are such as a browser takes.
    web: bool,
    /// What came and was not spoken of yet.
    pub(super) heard: VecDeque<Text>,
    /// Copies of what came before.
    pub(super) repeats: VecDeque<Text>,
    /// Keep-alives that were not spoken of yet.
    pub(super) pings: usize,
    seen: Vec<Bytes>,
    requests: Vec<(Path, Text)>,
    dialogs: BTreeMap<String, Dialog>,
    current: String,
    /// Our last INVITE, and its last response.
    invite: Option<Text>,
    response: Option<Text>,
    /// Where the last message came from.
    path: Option<Path>,
    /// Where the last keep-alive came from, and by what it is told from others where it came over UDP.
    pinged: Option<(Path, Option<StunId>)>,
    sent: Option<(Path, Bytes)>,
    branches: u32,
    calls: u32,
    versions: u32,
    /// Whether it answered the first offer, which says who opens the transport of the media.
    active: Option<bool>,
    /// Our last description.
    description: String,
}

impl Puppet {
    pub(super) fn new(name: &str, address: Address, web: bool) -> Puppet {
        Puppet {
            name: name.into(),
            address,
            web,
            heard: VecDeque::new(),
            repeats: VecDeque::new(),
            pings: 0,
            seen: Vec::new(),
            requests: Vec::new(),
            dialogs: BTreeMap::new(),
            current: name.into(),
            invite: None,
            response: None,
            path: None,
            pinged: None,
            sent: None,
            branches: 0,
            calls: 0,
            versions: 0,
            active: None,
            description: String::new(),
        }
    }

    /// Takes a message in.
    pub(super) fn hear(&mut self, path: Path, bytes: &Bytes) -> Result<(), String> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            self.pings += 1;
            self.pinged = Some((path, None));
            return Ok(());
        }
        if let Some(Stun::Request { id, .. }) = Stun::parse(bytes) {
            // What was not answered in time comes again.
            if self.pinged != Some((path, Some(id))) {
                self.pings += 1;
                self.pinged = Some((path, Some(id)));
            }
            return Ok(());
        }
        let text = Text::parse(bytes);
        self.path = Some(path);
        if self.seen.contains(bytes) {
            self.repeats.push_back(text);
            return Ok(());
        }
        self.seen.push(bytes.clone());
        if text.start.starts_with("SIP/2.0 ") {
            self.take_response(&text);
        } else {
            if !text.get("To").contains(";tag=") {
                self.begin(&text.start);
            }
            self.requests.push((path, text.clone()));
        }
        // Which of its connections it came over, as if it were a line.
        let connection = path.flow.number().to_string();
        self.heard.push_back(text.add("Connection", &connection));
        Ok(())
    }

    /// A request outside of dialogs. A call before it goes on; of subscriptions there is one at a time.
    fn begin(&mut self, start: &str) {
        if start.starts_with("SUBSCRIBE ") {
            self.dialogs.clear();
        }
        if start.starts_with("SUBSCRIBE ") || start.starts_with("INVITE ") {
            self.active = None;
            self.name.clone_into(&mut self.current);
        }
    }

    fn take_response(&mut self, response: &Text) {
        let of = response.get("CSeq").to_owned();
        if !of.ends_with(" INVITE") && !of.ends_with(" SUBSCRIBE") {
            return;
        }
        self.response = Some(response.clone());
        if let Some(dialog) = self.dialogs.get_mut(&self.current) {
            if response.get("To").contains(";tag=") {
                response.get("To").clone_into(&mut dialog.remote);
            }
            if let Some(target) = uri(response.get("Contact")) {
                target.clone_into(&mut dialog.target);
            }
        }
    }

    /// The message a line asks for, and its way. `first` is how an agent is reached that was not heard of.
    pub(super) fn write(
        &mut self,
        send: &Send,
        kept: &Kept,
        first: Option<(String, Option<Path>)>,
    ) -> Result<(Path, Bytes), String> {
        let (path, mut text) = match &send.what {
            Sent::Again => return self.sent.clone().ok_or_else(|| "nothing was sent yet".into()),
            Sent::Pong => {
                let (path, stun) = self.pinged.ok_or("nobody has sent a ping")?;
                let pong = Bytes::from_static(b"\r\n");
                return Ok((path, stun.map_or(pong, |id| Stun::answer(&id, &[], path.remote))));
            }
            Sent::Response(status, method) => self.respond(*status, method.as_deref(), send.tag.as_deref())?,
            Sent::Request(method, _) => self.request(method, send.tag.as_deref(), first)?,
        };
        if let Some(direction) = &send.description {
            text = text.set("Content-Type", "application/sdp");
            if direction != "same" {
                self.versions += 1;
                self.description = match self.web {
                    true => {
                        let active = *self.active.get_or_insert(!send.offers);
                        sdp::web_description(&self.name, self.versions, direction, send.offers, active)
                    }
                    false => sdp::description(&self.name, self.versions, direction),
                };
            }
            text.body.clone_from(&self.description);
        }
        if let Some(body) = &send.body {
            text.body = fill(body, kept);
        }
        for (name, _) in &send.lines {
            text = text.without(name);
        }
        for (name, value) in &send.lines {
            if name == "Request-URI" {
                let method = text.start.split(' ').next().unwrap_or_default().to_owned();
                text.start = format!("{method} {} SIP/2.0", fill(value, kept));
            } else {
                text = text.add(name, &fill(value, kept));
            }
        }
        if !send.lines.iter().any(|(name, _)| name.eq_ignore_ascii_case("Content-Length")) {
            let length = text.body.len().to_string();
            text = text.without("Content-Length").add("Content-Length", &length);
        }
        let bytes = text.bytes();
        self.sent = Some((path, bytes.clone()));
        if text.start.starts_with("INVITE ") {
            self.invite = Some(text);
            self.response = None;
        }
        Ok((path, bytes))
    }

    fn respond(&mut self, status: u16, method: Option<&str>, tag: Option<&str>) -> Result<(Path, Text), String> {
        let wanted = |text: &Text| {
            let named = text.start.split(' ').next().unwrap_or_default();
            method.map_or(named != "ACK", |method| named == method)
        };
        let found = self.requests.iter().rev().find(|(_, text)| wanted(text)).cloned();
        let (path, request) = found.ok_or("there is no request to respond to")?;
        let in_dialog = request.get("To").contains(";tag=");
        let tag = tag.unwrap_or(&self.name).to_owned();
        let new_tag = if in_dialog || status == 100 { "" } else { &tag };
        let mut response = Text::response(&request.bytes(), status, new_tag);
        let phrase = StatusCode::new(status).map_or("", StatusCode::reason);
        response.start = format!("SIP/2.0 {status} {phrase}");
        let made = if request.start.starts_with("INVITE ") { 101..300 } else { 200..300 };
        if makes_dialog(&request.start) && made.contains(&status) {
            response = response.add("Contact", &format!("<{}>", self.uri()));
            if !in_dialog {
                let dialog = Dialog::answered(&request, response.get("To"));
                if self.dialogs.get(&tag).is_none_or(|known| known.call_id != dialog.call_id) {
                    self.dialogs.insert(tag.clone(), dialog);
                }
                self.current = tag;
            }
        }
        Ok((path, response))
    }

    fn request(
        &mut self,
        method: &str,
        tag: Option<&str>,
        first: Option<(String, Option<Path>)>,
    ) -> Result<(Path, Text), String> {
        let mut path = self.path;
        if let Some((target, way)) = first {
            self.calls += 1;
            let tag = tag.unwrap_or(&self.name).to_owned();
            let dialog = Dialog {
                call_id: format!("{}-{}", self.name, self.calls),
                local: format!("<sip:{}@example.com>;tag={tag}", self.name),
                remote: format!("<{target}>"),
                target,
                cseq: 0,
            };
            self.dialogs.insert(tag.clone(), dialog);
            self.current = tag;
            path = way.or(path);
        } else if let Some(tag) = tag {
            tag.clone_into(&mut self.current);
        }
        let path = path.ok_or("nobody was heard of yet, so there is no way to them")?;
        if matches!(method, "CANCEL" | "ACK")
            && let Some(invite) = &self.invite
        {
            let refused = self.response.as_ref().is_none_or(|response| !response.start.starts_with("SIP/2.0 2"));
            if method == "CANCEL" || refused {
                let mut text = invite.clone().method(method).without("Contact").without("Content-Type");
                text.body.clear();
                if method == "ACK"
                    && let Some(response) = &self.response
                {
                    text = text.set("To", response.get("To"));
                }
                return Ok((path, text));
            }
        }
        let (via, contact) = (self.via(), format!("<{}>", self.uri()));
        if method == "NOTIFY" && !self.dialogs.contains_key(&self.current) {
            self.begin_notifying();
        }
        let dialog = self.dialogs.get_mut(&self.current).ok_or("there is no dialog yet")?;
        if method == "ACK" {
            let cseq = self.invite.as_ref().map(|invite| invite.get("CSeq").to_owned()).unwrap_or_default();
            dialog.cseq = cseq.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(dialog.cseq);
        } else {
            dialog.cseq += 1;
        }
        let mut text = Text::new(&format!("{method} {} SIP/2.0", dialog.target))
            .add("Via", &via)
            .add("Max-Forwards", "70")
            .add("From", &dialog.local)
            .add("To", &dialog.remote)
            .add("Call-ID", &dialog.call_id)
            .add("CSeq", &format!("{} {method}", dialog.cseq));
        if matches!(method, "INVITE" | "UPDATE" | "REFER" | "SUBSCRIBE" | "NOTIFY") {
            text = text.add("Contact", &contact);
        }
        Ok((path, text))
    }

    /// A NOTIFY makes a dialog of its own: before the answer to SUBSCRIBE, or as another notifier.
    fn begin_notifying(&mut self) {
        let Some((_, request)) = self.requests.iter().rev().find(|(_, text)| text.start.starts_with("SUBSCRIBE "))
        else {
            return;
        };
        let to = request.get("To").split(";tag=").next().unwrap_or_default();
        let dialog = Dialog::answered(request, &format!("{to};tag={}", self.current));
        self.dialogs.insert(self.current.clone(), dialog);
    }

    fn via(&mut self) -> String {
        self.branches += 1;
        let Address { transport, local } = self.address;
        format!("SIP/2.0/{} {local};branch=z9hG4bK-{}-{}", transport.via(), self.name, self.branches)
    }

    fn uri(&self) -> String {
        let Address { transport, local } = self.address;
        match transport.is_reliable() {
            true => format!("sip:{}@{local};transport={}", self.name, transport.uri_param()),
            false => format!("sip:{}@{local}", self.name),
        }
    }
}

impl Dialog {
    /// The callee's side, with its To value.
    fn answered(request: &Text, to: &str) -> Dialog {
        Dialog {
            call_id: request.get("Call-ID").into(),
            local: to.into(),
            remote: request.get("From").into(),
            target: uri(request.get("Contact")).unwrap_or_default().into(),
            cseq: 100,
        }
    }
}

fn makes_dialog(start: &str) -> bool {
    ["INVITE ", "SUBSCRIBE ", "REFER "].into_iter().any(|method| start.starts_with(method))
}

/// The URI of a Contact, From or To value.
fn uri(value: &str) -> Option<&str> {
    match value.split_once('<') {
        Some((_, rest)) => rest.split_once('>').map(|(uri, _)| uri),
        None => value.split(';').next().map(str::trim).filter(|uri| !uri.is_empty()),
    }
}
