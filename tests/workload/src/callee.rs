//! One endpoint that is called by a script, so that what is measured is one side alone.

use std::time::Duration;

use bytes::Bytes;
use offhook_core::endpoint::{AnswerOptions, CallId, Census, Config, Endpoint, Event};
use offhook_core::time::Instant;
use offhook_core::transport::{FlowInfo, Machine, Output, Path, Transport};

use crate::messages::{ANSWER, OFFER};

/// Somebody who is called.
pub struct Callee {
    /// The endpoint itself.
    pub endpoint: Endpoint,
    path: Path,
    now: Instant,
    next: u64,
    answer: Bytes,
}

/// A call that is confirmed, as the caller knows it.
#[derive(Clone, Copy, Debug)]
pub struct Confirmed {
    number: u64,
    /// The callee's tag as it was in the 200; tags of other lengths do not occur.
    tag: ([u8; 32], usize),
}

impl Callee {
    /// With its defaults, but for how many calls it takes.
    pub fn new(calls: usize) -> Callee {
        let mut config = Config::new("sip:bob@192.0.2.9").expect("an address of record");
        config.limits.calls = calls;
        config.limits.server_transactions = calls.saturating_mul(2);
        let mut endpoint = Endpoint::new(config, [7; 32]);
        let info = FlowInfo { transport: Transport::Udp, local: ([192, 0, 2, 9], 5060).into(), remote: None };
        let now = Instant::from_millis(0);
        let flow = endpoint.flow_opened(now, info);
        let path = Path { flow, remote: ([192, 0, 2, 1], 5060).into() };
        Callee { endpoint, path, now, next: 0, answer: Bytes::from_static(ANSWER) }
    }

    /// How many bytes of descriptions a confirmed call holds, which are not counted as the dialog's.
    pub const fn descriptions() -> usize {
        OFFER.len() // the answer is a constant of the program here
    }

    /// A call from INVITE to ACK.
    pub fn confirm(&mut self) -> Confirmed {
        let number = self.next;
        self.next += 1;
        self.receive(request("INVITE", number, 1, None));
        let call = self.incoming();
        self.endpoint.ring(self.now, call, None);
        self.drain(|_| {});
        self.endpoint.answer(self.now, call, AnswerOptions::with_sdp(self.answer.clone()));
        let mut tag = ([0; 32], 0);
        self.drain(|bytes| tag = tag_of(bytes));
        assert!(tag.1 > 0, "it was answered");
        let confirmed = Confirmed { number, tag };
        self.receive(request("ACK", number, 1, Some(confirmed.tag())));
        self.drain(|_| {});
        confirmed
    }

    /// The caller hangs up.
    pub fn hangup(&mut self, call: Confirmed) {
        self.receive(request("BYE", call.number, 2, Some(call.tag())));
        let mut answered = false;
        self.drain(|bytes| answered |= bytes.starts_with(b"SIP/2.0 200"));
        assert!(answered, "the BYE is answered");
    }

    /// Lets time pass.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.endpoint.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.endpoint.handle_timeout(self.now);
            self.drain(|_| {});
        }
        self.now = end;
    }

    /// What it holds.
    pub fn census(&self) -> Census {
        self.endpoint.census()
    }

    fn receive(&mut self, bytes: Vec<u8>) {
        self.endpoint.receive(self.now, self.path, Bytes::from(bytes.into_boxed_slice()));
    }

    fn incoming(&mut self) -> CallId {
        let mut found = None;
        while let Some(output) = self.endpoint.poll_output() {
            if let Output::Event(Event::Incoming { call, .. }) = output {
                found = Some(call);
            }
        }
        found.expect("a call came")
    }

    fn drain(&mut self, mut sent: impl FnMut(&[u8])) {
        while let Some(output) = self.endpoint.poll_output() {
            if let Output::Transmit { bytes, .. } = output {
                sent(&bytes);
            }
        }
    }
}

impl Confirmed {
    fn tag(&self) -> &str {
        let (bytes, length) = &self.tag;
        std::str::from_utf8(&bytes[..*length]).unwrap_or_default()
    }
}

/// A request of the caller: what SIPp's own scenario sends.
fn request(method: &str, number: u64, cseq: u32, to_tag: Option<&str>) -> Vec<u8> {
    let mut text = String::with_capacity(1024);
    let to_tag = to_tag.map(|tag| format!(";tag={tag}")).unwrap_or_default();
    text.push_str(&format!(
        "{method} sip:bob@192.0.2.9:5060 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-{number}-{cseq}-{method}\r\n\
         From: caller <sip:caller@192.0.2.1:5060>;tag=c{number}\r\n\
         To: bob <sip:bob@192.0.2.9:5060>{to_tag}\r\n\
         Call-ID: {number}-4711@192.0.2.1\r\n\
         CSeq: {cseq} {method}\r\n\
         Contact: sip:caller@192.0.2.1:5060\r\n\
         Max-Forwards: 70\r\n\
         Subject: Performance Test\r\n"
    ));
    if method == "INVITE" {
        text.push_str(&format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{OFFER}", OFFER.len()));
    } else {
        text.push_str("Content-Length: 0\r\n\r\n");
    }
    text.into_bytes()
}

fn tag_of(response: &[u8]) -> ([u8; 32], usize) {
    let text = std::str::from_utf8(response).unwrap_or_default();
    let to = text.lines().find(|line| line.starts_with("To:")).unwrap_or_default();
    let tag = to.split(";tag=").nth(1).unwrap_or_default().as_bytes();
    let mut bytes = [0; 32];
    bytes[..tag.len()].copy_from_slice(tag);
    (bytes, tag.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_of_a_call() {
        let mut callee = Callee::new(10);
        let calls: Vec<Confirmed> = (0..10).map(|_| callee.confirm()).collect();
        assert_eq!(callee.census().calls, 10);
        for call in calls {
            callee.hangup(call);
        }
        callee.run_for(Duration::from_secs(120));
        assert_eq!(callee.census(), Census::default());
    }
}
