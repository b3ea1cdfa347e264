//! The peer: answers and requests of dialogs that were seen, or of none, whole or broken.

use bytes::Bytes;
use offhook_core::message::{Limits, Message, Method, Name};

use super::super::input::Input;
use super::Run;
use super::words::{BODIES, EXTRA, METHODS, NOTICES, PACKAGES, REFER_TO, SDP, STATUSES, TYPES};

impl Run {
    /// The peer answers one of our requests.
    pub(super) fn respond(&mut self, input: &mut Input<'_>) {
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
    pub(super) fn request(&mut self, input: &mut Input<'_>) {
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
    pub(super) fn real(&mut self, input: &mut Input<'_>) {
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
    pub(super) fn reflect(&mut self, input: &mut Input<'_>) {
        if let Some(sent) = self.sent(input) {
            self.receive(input, sent);
        }
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
