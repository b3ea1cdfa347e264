//! What is logged of calls: each in a span of its own, and nothing secret in any.

use std::collections::HashMap;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use offhook_core::endpoint::{AnswerOptions, CallId, CallOptions, Config, Endpoint, Event as Told};
use offhook_core::time::Instant;
use offhook_core::transport::{FlowId, FlowInfo, Machine, Output, Path, Transport};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:secret-key\r\n";

/// Keeps every span and event as text: the spans an event is in from the outermost, then the event.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Collected>>);

#[derive(Default)]
struct Collected {
    next: u64,
    spans: HashMap<u64, (Option<u64>, String)>,
    /// What is entered; the agents run on one thread.
    entered: Vec<u64>,
    lines: Vec<String>,
}

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "offhook::call"
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut text = attributes.metadata().name().to_owned();
        attributes.record(&mut Fields(&mut text));
        let mut collected = self.0.lock().unwrap();
        collected.next += 1;
        let id = collected.next;
        let parent = attributes.parent().map(Id::into_u64).or(collected.entered.last().copied());
        let parent = parent.filter(|_| !attributes.is_root());
        collected.spans.insert(id, (parent, text));
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        if let Some((_, text)) = self.0.lock().unwrap().spans.get_mut(&span.into_u64()) {
            values.record(&mut Fields(text));
        }
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = String::new();
        event.record(&mut Fields(&mut text));
        let mut collected = self.0.lock().unwrap();
        let mut around = event.parent().map(Id::into_u64).or(collected.entered.last().copied());
        while let Some((parent, span)) = around.and_then(|span| collected.spans.get(&span)) {
            text.insert_str(0, &format!("[{span}]"));
            around = *parent;
        }
        collected.lines.push(text);
    }

    fn enter(&self, span: &Id) {
        self.0.lock().unwrap().entered.push(span.into_u64());
    }

    fn exit(&self, span: &Id) {
        let mut collected = self.0.lock().unwrap();
        if let Some(at) = collected.entered.iter().rposition(|entered| *entered == span.into_u64()) {
            collected.entered.remove(at);
        }
    }
}

/// One side: its endpoint, its flow and its call.
struct Side {
    endpoint: Endpoint,
    flow: FlowId,
    port: u16,
    call: Option<CallId>,
}

impl Side {
    fn new(name: &str, port: u16) -> Side {
        let config = Config::new(&format!("sip:{name}@127.0.0.1")).unwrap();
        let mut endpoint = Endpoint::new(config, [port as u8; 32]);
        let info = FlowInfo { transport: Transport::Udp, local: ([127, 0, 0, 1], port).into(), remote: None };
        let flow = endpoint.flow_opened(NOW, info);
        Side { endpoint, flow, port, call: None }
    }
}

const NOW: Instant = Instant::from_millis(1);

/// Carries what each sends to the other until neither says anything more.
fn exchange(sides: &mut [Side; 2]) {
    let mut quiet = false;
    while !std::mem::replace(&mut quiet, true) {
        for (from, to) in [(0, 1), (1, 0)] {
            while let Some(output) = sides[from].endpoint.poll_output() {
                quiet = false;
                match output {
                    Output::Transmit { bytes, .. } => {
                        let path = Path { flow: sides[to].flow, remote: ([127, 0, 0, 1], sides[from].port).into() };
                        sides[to].endpoint.receive(NOW, path, bytes);
                    }
                    Output::Event(Told::Incoming { call, .. }) => sides[from].call = Some(call),
                    _ => {}
                }
            }
        }
    }
}

#[test]
fn everything_of_a_call_is_in_its_span_and_nothing_secret() {
    let collector = Collector::default();
    let collected = collector.0.clone();
    tracing::subscriber::set_global_default(collector).unwrap();
    let mut sides = [Side::new("alice", 5070), Side::new("bob", 5080)];
    let ours = sides[0].endpoint.call(NOW, "sip:bob:hush@127.0.0.1:5080", CallOptions::with_sdp(SDP)).unwrap();
    exchange(&mut sides);
    let theirs = sides[1].call.unwrap();
    sides[1].endpoint.answer(NOW, theirs, AnswerOptions::with_sdp(SDP));
    exchange(&mut sides);
    assert!(!sides[0].endpoint.call_span(ours).is_disabled());
    sides[0].endpoint.info(NOW, ours, "text/plain", "a word between us".into());
    exchange(&mut sides);
    sides[0].endpoint.hangup(NOW, ours, None);
    exchange(&mut sides);
    assert!(sides[0].endpoint.call_span(ours).is_disabled(), "it is over");
    let collected = collected.lock().unwrap();
    let all = collected.lines.join("\n");
    for (id, direction, remote) in
        [(ours, "outgoing", "sip:bob@127.0.0.1"), (theirs, "incoming", "sip:alice@127.0.0.1")]
    {
        let span = format!("[call id={} direction={direction:?} remote={remote:?}]", id.number());
        let mut wanted =
            vec![" message=state state=\"established\"", " message=state state=\"ended\"", "[message method=\"BYE\""];
        wanted.extend(match direction {
            "outgoing" => {
                ["[message method=\"INVITE\"] message=sent", "[message method=\"INVITE\" status=200] message=received"]
            }
            _ => ["[message method=\"INFO\"] message=received", " message=told event=\"info\""],
        });
        for wanted in wanted {
            let found = collected.lines.iter().any(|line| line.starts_with(&span) && line.contains(wanted));
            assert!(found, "{wanted:?} in {span}:\n{all}");
        }
    }
    // Whatever was logged was logged of a call.
    assert!(collected.lines.iter().all(|line| line.starts_with("[call id=")), "{all}");
    for secret in ["hush", "secret", "inline:", "v=0", "a word between us", "tag="] {
        assert!(!all.contains(secret), "{secret:?} in\n{all}");
    }
}
