//! Memory is bounded, whatever a peer sends: each attack first goes on until it has filled what the limits allow, then as
//! long again, and the heap does not grow any more. When it is over nothing is left.
//!
//! One test: the heap is that of the whole process.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use offhook_core::auth::Credential;
use offhook_core::endpoint::{
    AcceptOptions, AnswerOptions, CallOptions, Census, Config, Endpoint, Event, SubscribeOptions,
};
use offhook_core::time::Instant;
use offhook_core::transport::{FlowInfo, Machine, Output, Path, Transport};
use offhook_tests::endpoint::{ANSWER, OFFER};
use offhook_tests::sip::Text;
use offhook_workload::counting::{Counting, Heap, SYSTEM};

#[global_allocator]
static COUNTING: Counting = SYSTEM;

/// How often an attacker strikes until everything is full, and after that.
const FILLING: u64 = 4_500;
const FURTHER: u64 = 2_500;
/// How long between two strikes: so that filling takes longer than any transaction lives.
const PAUSE: Duration = Duration::from_millis(10);
/// Longer than anything lives that nobody asks for.
const QUIET: Duration = Duration::from_secs(400);
/// What tables keep for the next time, though they are empty.
const KEPT: i64 = 512 * 1024;

/// What is done to an endpoint, and what its application does of itself.
struct Attack {
    name: &'static str,
    strike: fn(&mut Victim, u64),
    react: fn(&mut Victim, Event),
}

const ATTACKS: &[Attack] = &[
    Attack { name: "calls that are never answered", strike: |victim, n| victim.receive(&invite(n)), react: ring },
    Attack {
        name: "answers that are never acknowledged",
        strike: |victim, n| victim.receive(&invite(n)),
        react: answer,
    },
    Attack { name: "questions", strike: |victim, n| victim.receive(&request("OPTIONS", n)), react: nothing },
    Attack {
        name: "questions that came a long way",
        strike: |victim, n| {
            let way = |at: u64| format!("SIP/2.0/UDP host-{at}.example.com;branch=z9hG4bK{n}.{at}");
            victim.receive(&(0..100).fold(request("OPTIONS", n), |text, at| text.add("Via", &way(at))));
        },
        react: nothing,
    },
    Attack {
        name: "header fields without end",
        strike: |victim, n| {
            victim.receive(&(0..2_000).fold(request("MESSAGE", n), |text, at| text.add(&format!("X-{n}-{at}"), "x")));
        },
        react: nothing,
    },
    Attack {
        name: "contacts without end",
        strike: |victim, n| {
            let contacts: Vec<String> = (0..1_000).map(|at| format!("<sip:{n}@192.0.2.{}:{at}>", at % 250)).collect();
            victim.receive(&request("INVITE", n).add("Contact", &contacts.join(", ")).sdp(OFFER));
        },
        react: ring,
    },
    Attack {
        name: "requests in dialogs that never were",
        strike: |victim, n| {
            let method = ["BYE", "INFO", "UPDATE", "PRACK", "NOTIFY", "INVITE", "SUBSCRIBE"][n as usize % 7];
            victim.receive(&request(method, n).set("To", &format!("<sip:bob@example.com>;tag=t{n}")));
        },
        react: nothing,
    },
    Attack {
        name: "responses and acknowledgements to nothing",
        strike: |victim, n| {
            let request = request("INVITE", n);
            victim.receive(&Text::response(&request.bytes(), 200, "x").add("Contact", "<sip:x@192.0.2.1>"));
            victim.receive(&Text::ack(&request, "x"));
            victim.receive(&request.method("CANCEL"));
        },
        react: nothing,
    },
    Attack {
        name: "subscriptions",
        strike: |victim, n| victim.receive(&subscribe(n).set("From", &format!("<sip:{n}@192.0.2.1>;tag=f{n}"))),
        react: accept,
    },
    Attack { name: "subscriptions of one", strike: |victim, n| victim.receive(&subscribe(n)), react: accept },
    Attack {
        name: "subscriptions nobody decides about",
        strike: |victim, n| victim.receive(&subscribe(n).set("From", &format!("<sip:{n}@192.0.2.1>;tag=f{n}"))),
        react: nothing,
    },
    Attack {
        name: "notifications nobody asked for",
        strike: |victim, n| {
            let notify = request("NOTIFY", n).add("Event", "message-summary").add("Subscription-State", "active");
            victim.receive(&notify.body("application/simple-message-summary", "Messages-Waiting: yes\r\n"));
        },
        react: nothing,
    },
    Attack {
        name: "transfers nobody decides about",
        strike: |victim, n| {
            // These wait for longer than others.
            victim.run_for(PAUSE);
            let refer = request("REFER", n).add("Contact", "<sip:alice@192.0.2.1>");
            victim.receive(&refer.add("Refer-To", &format!("<sip:{n}@192.0.2.7>")));
        },
        react: nothing,
    },
    Attack {
        name: "forks of one call, ringing and answering",
        strike: |victim, n| {
            if n.is_multiple_of(1_500) {
                let call = victim.endpoint.call(victim.now, "sip:x@192.0.2.1", CallOptions::with_sdp(OFFER));
                call.expect("a call");
                victim.drain();
            }
            let invite = victim.last("INVITE sip:x");
            for (status, fork) in [(183, "r"), (200, "a")] {
                let contact = format!("<sip:{n}@192.0.2.1>");
                victim.receive(&Text::response(&invite, status, &format!("{fork}{n}")).add("Contact", &contact));
            }
        },
        react: nothing,
    },
    Attack {
        name: "forks of one subscription",
        strike: |victim, n| {
            if n == 0 {
                let options = SubscribeOptions::new("dialog");
                victim.endpoint.subscribe(victim.now, "sip:x@192.0.2.1", options).expect("a subscription");
                victim.drain();
            }
            let subscribe = Text::parse(&victim.last("SUBSCRIBE"));
            let notify = request("NOTIFY", n).set("Call-ID", subscribe.get("Call-ID")).set("To", subscribe.get("From"));
            let notify = notify.set("From", &format!("<sip:x@192.0.2.1>;tag=f{n}")).add("Event", "dialog");
            victim.receive(&notify.add("Subscription-State", "active").add("Contact", "<sip:x@192.0.2.1>"));
        },
        react: nothing,
    },
    Attack {
        name: "challenges by ever other realms",
        strike: |victim, n| {
            victim.endpoint.options(victim.now, &format!("sip:{n}@192.0.2.1"));
            victim.drain();
            let options = victim.last("OPTIONS");
            let challenge = format!("Digest realm=\"r{n}\", nonce=\"n{n}\", qop=\"auth\"");
            victim.receive(&Text::response(&options, 401, "x").add("WWW-Authenticate", &challenge));
            victim.receive(&Text::response(&victim.last("OPTIONS"), 200, "x"));
        },
        react: nothing,
    },
    Attack {
        name: "redirections without end",
        strike: |victim, n| {
            let calls = victim.endpoint.calls().len();
            if calls == 0 {
                let mut options = CallOptions::with_sdp(OFFER);
                options.follow_redirects = Some(200);
                victim.endpoint.call(victim.now, "sip:x@192.0.2.1", options).expect("a call");
                victim.drain();
            }
            let contacts: Vec<String> = (0..200).map(|at| format!("<sip:{n}-{at}@192.0.2.1>")).collect();
            let invite = victim.last("INVITE");
            victim.receive(&Text::response(&invite, 302, "x").add("Contact", &contacts.join(", ")));
        },
        react: nothing,
    },
    Attack {
        name: "a call with no rest",
        strike: |victim, n| {
            if n == 0 {
                victim.receive(&invite(n));
            }
            let answer = Text::parse(&victim.last("SIP/2.0 200"));
            let method = ["INFO", "UPDATE", "INVITE", "MESSAGE", "NOTIFY", "REFER", "OPTIONS"][n as usize % 7];
            let (from, to, id) = (answer.get("From"), answer.get("To"), answer.get("Call-ID"));
            let request = request(method, n).set("From", from).set("To", to).set("Call-ID", id);
            let request = request.set("CSeq", &format!("{} {method}", n + 10)).add("Contact", "<sip:x@192.0.2.1>");
            victim.receive(&request.add("Event", "x").add("Refer-To", "<sip:y@192.0.2.7>").sdp(OFFER));
        },
        react: answer,
    },
    Attack {
        name: "garbage",
        strike: |victim, n| {
            let bytes = request("INVITE", n).sdp(OFFER).bytes();
            let cut = (n as usize * 7) % bytes.len();
            victim.bytes(bytes.slice(..cut));
        },
        react: nothing,
    },
    Attack {
        name: "streams that never come to an end",
        strike: |victim, n| {
            let info = FlowInfo {
                transport: Transport::Tcp,
                local: ([192, 0, 2, 9], 5060).into(),
                remote: Some(victim.path.remote),
            };
            if n.is_multiple_of(200) {
                // The one before stays open, as far as the peer is concerned.
                victim.stream = Some(victim.endpoint.flow_opened(victim.now, info));
            }
            if let Some(flow) = victim.stream {
                let path = Path { flow, remote: victim.path.remote };
                let line = format!(
                    "{}X-{n}: {}\r\n",
                    if n.is_multiple_of(200) { "INVITE sip:b SIP/2.0\r\n" } else { "" },
                    "x".repeat(1000)
                );
                victim.endpoint.receive(victim.now, path, line.into());
                victim.drain();
            }
        },
        react: nothing,
    },
];

fn nothing(_: &mut Victim, _: Event) {}

fn ring(victim: &mut Victim, event: Event) {
    if let Event::Incoming { call, .. } = event {
        victim.endpoint.ring(victim.now, call, None);
    }
}

fn answer(victim: &mut Victim, event: Event) {
    if let Event::Incoming { call, .. } = event {
        victim.endpoint.answer(victim.now, call, AnswerOptions::with_sdp(ANSWER));
    }
}

fn accept(victim: &mut Victim, event: Event) {
    if let Event::IncomingSubscription { subscription, .. } = event {
        let options = AcceptOptions::with("text/plain", "x".repeat(500));
        victim.endpoint.accept_subscription(victim.now, subscription, options);
    }
}

/// A request outside of any dialog, as nobody sent it before.
fn request(method: &str, n: u64) -> Text {
    let from = format!("<sip:alice@192.0.2.1>;tag=f{n}");
    Text::request(method, &format!("z9hG4bK{method}{n}")).set("From", &from).set("Call-ID", &format!("id-{n}"))
}

fn invite(n: u64) -> Text {
    request("INVITE", n).add("Contact", "<sip:alice@192.0.2.1>").sdp(OFFER)
}

fn subscribe(n: u64) -> Text {
    request("SUBSCRIBE", n).add("Contact", "<sip:alice@192.0.2.1>").add("Event", "presence").add("Expires", "600")
}

struct Victim {
    endpoint: Endpoint,
    now: Instant,
    path: Path,
    stream: Option<offhook_core::transport::FlowId>,
    /// The last message of each kind that the endpoint sent.
    sent: Vec<Bytes>,
    react: fn(&mut Victim, Event),
}

impl Victim {
    fn new(attack: &Attack) -> Victim {
        let mut config = Config::new("sip:bob@example.com").expect("an address of record");
        config.automatic_media = true;
        config.packages = vec!["presence".into()];
        config.credentials.push(Credential::password("bob", "secret"));
        config.limits.calls = 50;
        config.limits.server_transactions = 40;
        config.limits.outgoing = 100;
        config.limits.subscriptions = 100;
        config.limits.subscriptions_per_peer = 10;
        let mut endpoint = Endpoint::new(config, [3; 32]);
        let now = Instant::from_millis(1_000);
        let info = FlowInfo { transport: Transport::Udp, local: ([192, 0, 2, 9], 5060).into(), remote: None };
        let flow = endpoint.flow_opened(now, info);
        let path = Path { flow, remote: ([192, 0, 2, 1], 5060).into() };
        Victim { endpoint, now, path, stream: None, sent: Vec::new(), react: attack.react }
    }

    fn receive(&mut self, message: &Text) {
        self.bytes(message.bytes());
    }

    fn bytes(&mut self, bytes: Bytes) {
        self.endpoint.receive(self.now, self.path, bytes);
        self.drain();
    }

    /// The last message that began like this.
    fn last(&self, start: &str) -> Bytes {
        let found = self.sent.iter().find(|sent| sent.starts_with(start.as_bytes()));
        found.unwrap_or_else(|| panic!("no {start} was sent")).clone()
    }

    fn drain(&mut self) {
        let mut events = Vec::new();
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit { bytes, .. } => {
                    let start = |bytes: &Bytes| {
                        bytes.split(|byte| *byte == b' ').take(2).flatten().copied().collect::<Vec<u8>>()
                    };
                    let is_kind = |sent: &Bytes| match bytes.starts_with(b"SIP") {
                        true => start(sent) == start(&bytes),
                        false => sent.split(|byte| *byte == b' ').next() == bytes.split(|byte| *byte == b' ').next(),
                    };
                    self.sent.retain(|sent| !is_kind(sent));
                    self.sent.push(bytes);
                }
                Output::Event(event) => events.push(event),
                _ => {}
            }
        }
        if !events.is_empty() {
            events.into_iter().for_each(|event| (self.react)(self, event));
            self.drain();
        }
    }

    fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(due) = self.endpoint.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.endpoint.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    /// Strikes so many times; the most heap there was, in bytes since `before`.
    fn attacked(&mut self, attack: &Attack, strikes: std::ops::Range<u64>, before: Heap) -> i64 {
        let mut most = 0;
        for n in strikes {
            (attack.strike)(self, n);
            self.run_for(PAUSE);
            most = most.max(Heap::now().since(before).2);
        }
        most
    }
}

#[test]
fn a_hostile_peer_does_not_make_the_heap_grow() {
    // What is printed is kept by the test harness, on the heap that is measured: so it is printed at the end.
    let mut report = String::with_capacity(64 * 1024);
    for attack in ATTACKS {
        let before = Heap::now();
        let mut victim = Victim::new(attack);
        let filled = victim.attacked(attack, 0..FILLING, before);
        let census = victim.endpoint.census();
        let later = victim.attacked(attack, FILLING..FILLING + FURTHER, before);
        let _ = writeln!(report, "{:>7} kB, then {:>7} kB: {} {census:?}", filled / 1024, later / 1024, attack.name);
        // A twentieth more may be how things fall together.
        assert!(later <= filled + filled / 20 + 64 * 1024, "{}: {filled}, then {later}: {census:?}", attack.name);

        victim.react = nothing;
        victim.endpoint.shutdown(victim.now, Duration::from_secs(5));
        victim.drain();
        victim.run_for(QUIET);
        assert_eq!(victim.endpoint.census(), Census::default(), "{}", attack.name);
        victim.sent = Vec::new();
        let left = Heap::now().since(before).2;
        assert!(left <= KEPT, "{} leaves {left} bytes", attack.name);
        drop(victim);
        let leaked = Heap::now().since(before).2;
        assert!(leaked < 4096, "{} leaks {leaked} bytes", attack.name);
    }
    print!("{report}");
}
