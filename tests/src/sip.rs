//! Messages as text, for tests that play a peer and say exactly what comes over the wire.

use bytes::Bytes;

/// A message being written or taken apart: a start line, header lines as they stand, a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The first line.
    pub start: String,
    /// Names and values in order.
    pub headers: Vec<(String, String)>,
    /// What follows the blank line.
    pub body: String,
}

impl Text {
    /// A message of this start line and nothing else.
    pub fn new(start: &str) -> Text {
        Text { start: start.into(), headers: Vec::new(), body: String::new() }
    }

    /// Takes a message apart. Panics if it is none.
    pub fn parse(bytes: &[u8]) -> Text {
        let text = std::str::from_utf8(bytes).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a blank line");
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap_or_default().into();
        let header = |line: &str| {
            let (name, value) = line.split_once(':').expect("a header line");
            (name.trim().to_owned(), value.trim().to_owned())
        };
        Text { start, headers: lines.map(header).collect(), body: body.into() }
    }

    /// A request as Alice's user agent at 192.0.2.1 sends it outside of a dialog.
    pub fn request(method: &str, branch: &str) -> Text {
        Text::new(&format!("{method} sip:bob@example.com SIP/2.0"))
            .add("Via", &format!("SIP/2.0/UDP 192.0.2.1:5060;branch={branch}"))
            .add("Max-Forwards", "70")
            .add("From", "Alice <sip:alice@example.com>;tag=alice")
            .add("To", "Bob <sip:bob@example.com>")
            .add("Call-ID", "a-call")
            .add("CSeq", &format!("7 {method}"))
            .add("Content-Length", "0")
    }

    /// The PRACK of the caller for a reliable response to such an INVITE (RFC 3262 7.2).
    pub fn prack(progress: &Text, cseq: u32) -> Text {
        Text::request("PRACK", &format!("z9hG4bK-prack-{cseq}"))
            .set("To", progress.get("To"))
            .set("CSeq", &format!("{cseq} PRACK"))
            .add("RAck", &format!("{} 7 INVITE", progress.get("RSeq")))
    }

    /// A response with what it takes over from its request: all Vias, From, To with `tag` (if not empty), Call-ID, CSeq.
    pub fn response(request: &[u8], status: u16, tag: &str) -> Text {
        let request = Text::parse(request);
        let mut response = Text::new(&format!("SIP/2.0 {status} Whatever"));
        for (name, value) in request.headers {
            match name.to_ascii_lowercase().as_str() {
                "via" | "from" | "call-id" | "cseq" => response.headers.push((name, value)),
                "to" if tag.is_empty() => response.headers.push((name, value)),
                "to" => response.headers.push((name, format!("{value};tag={tag}"))),
                _ => {}
            }
        }
        response.add("Content-Length", "0")
    }

    /// The ACK a client transaction makes of its INVITE for a response with this To tag.
    pub fn ack(invite: &Text, tag: &str) -> Text {
        let to = format!("{};tag={tag}", invite.get("To"));
        invite.clone().method("ACK").set("To", &to)
    }

    /// With another method, in the start line and in CSeq.
    pub fn method(mut self, method: &str) -> Text {
        let rest = self.start.split_once(' ').map_or("", |(_, rest)| rest);
        self.start = format!("{method} {rest}");
        let number = self.get("CSeq").split(' ').next().unwrap_or_default().to_owned();
        self.set("CSeq", &format!("{number} {method}"))
    }

    /// With a session description as its body.
    pub fn sdp(self, sdp: &str) -> Text {
        self.body("application/sdp", sdp)
    }

    /// With a body.
    pub fn body(mut self, content_type: &str, body: &str) -> Text {
        self.body = body.into();
        self.set("Content-Type", content_type).set("Content-Length", &body.len().to_string())
    }

    /// With one more header line at the end.
    pub fn add(mut self, name: &str, value: &str) -> Text {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With another value in the first line of that name.
    pub fn set(mut self, name: &str, value: &str) -> Text {
        let found = self.headers.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name));
        match found {
            Some((_, old)) => *old = value.into(),
            None => self.headers.push((name.into(), value.into())),
        }
        self
    }

    /// Without the lines of that name.
    pub fn without(mut self, name: &str) -> Text {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// The first value of that name; empty if there is none.
    pub fn get(&self, name: &str) -> &str {
        self.all(name).first().copied().unwrap_or_default()
    }

    /// All values of that name, one a line.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// As it goes over the wire.
    pub fn bytes(&self) -> Bytes {
        let mut text = format!("{}\r\n", self.start);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.push_str(&self.body);
        Bytes::from(text)
    }
}
