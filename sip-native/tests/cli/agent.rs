use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// How long a test waits for what must come.
const SOON: Duration = Duration::from_secs(20);

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";

/// A running `offhook agent`; killed when a test gives it up.
struct Agent {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<Value>,
}

impl Agent {
    fn start(aor: &str, args: &[&str]) -> Agent {
        let mut child = Command::new(env!("CARGO_BIN_EXE_offhook"))
            .args(["agent", "--json", "--aor", aor])
            .args(args)
            .env_remove("OFFHOOK_PASSWORD")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (told, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).expect("a line of JSON");
                if told.send(value).is_err() {
                    return;
                }
            }
        });
        Agent { input: child.stdin.take(), child, lines }
    }

    /// One that listens on the loopback, and where.
    fn listening(aor: &str) -> (Agent, String) {
        let mut agent = Agent::start(aor, &["--bind", "127.0.0.1:0"]);
        let local = agent.expect("listening")["local"].as_str().unwrap().to_owned();
        (agent, local)
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    fn command(&mut self, command: Value) {
        self.tell(&command.to_string());
    }

    /// The next notification of that type; others are passed over.
    fn expect(&mut self, kind: &str) -> Value {
        loop {
            let line = self.lines.recv_timeout(SOON).unwrap_or_else(|error| panic!("no {kind}: {error}"));
            if line["type"] == kind {
                return line;
            }
        }
    }

    fn expect_state(&mut self, state: &str) {
        while self.expect("state")["state"] != state {}
    }

    /// Ends the input and waits for the agent to end.
    fn end(mut self) -> (Value, ExitStatus) {
        self.input = None;
        let last = self.expect("stopped");
        assert!(self.lines.recv_timeout(SOON).is_err(), "nothing follows");
        (last, self.child.wait().unwrap())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // One that has ended cannot be killed, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn two_agents_call_each_other_over_udp() {
    let (alice, _) = Agent::listening("sip:alice@127.0.0.1");
    let (bob, at) = Agent::listening("sip:bob@127.0.0.1");
    call(alice, bob, &at);
}

#[test]
fn an_agent_in_shards_tells_of_the_dialogs_of_all() {
    let mut alice = Agent::start("sip:alice@127.0.0.1", &["--bind", "127.0.0.1:0", "--shards", "3"]);
    let (mut bob, at) = Agent::listening("sip:bob@127.0.0.1");
    for id in 0..6 {
        alice.command(json!({ "id": id, "type": "call", "target": format!("sip:bob@{at}"), "sdp": SDP }));
        let call = bob.expect("incoming")["call"].clone();
        bob.command(json!({ "id": id, "type": "answer", "call": call, "sdp": SDP }));
        alice.expect_state("established");
    }
    alice.command(json!({ "id": 10, "type": "inspectDialogs" }));
    alice.command(json!({ "id": 11, "type": "inspectTransactions" }));
    let mut answers = Vec::new();
    while answers.len() < 2 {
        let result = alice.expect("result");
        if result["id"] == 10 || result["id"] == 11 {
            answers.push(result);
        }
    }
    answers.sort_by_key(|answer| answer["id"].as_u64());
    let dialogs = answers[0]["value"]["dialogs"].as_array().unwrap();
    let shards = |values: &[Value]| -> std::collections::BTreeMap<u64, usize> {
        let mut counts = std::collections::BTreeMap::new();
        values.iter().for_each(|value| *counts.entry(value["call"].as_u64().unwrap() >> 24).or_default() += 1);
        counts
    };
    assert_eq!(shards(dialogs), [(0, 2), (1, 2), (2, 2)].into());
    assert!(answers[1]["value"]["transactions"].is_array());
    alice.end();
    bob.end();
}

#[test]
fn two_agents_call_each_other_over_a_connection() {
    for (bind, scheme, transport) in [("tcp:127.0.0.1:0", "sip:", ";transport=tcp"), ("ws:127.0.0.1:0", "ws://", "")] {
        let mut bob = Agent::start("sip:bob@127.0.0.1", &["--bind", bind]);
        let at = bob.expect("listening")["local"].as_str().unwrap().to_owned();
        let server = format!("{scheme}{at}{transport}");
        call(Agent::start("sip:alice@127.0.0.1", &["--server", &server]), bob, &at);
    }
}

#[cfg(feature = "tls")]
#[test]
fn two_agents_call_each_other_over_tls() {
    let Certificates { roots, certificate, key } = Certificates::of("127.0.0.1");
    let trusting = ["--tls-roots", &roots];
    for (bind, scheme) in [("tls:127.0.0.1:0", "sips:"), ("wss:127.0.0.1:0", "wss://")] {
        let certified = ["--bind", bind, "--tls-certificate", &certificate, "--tls-key", &key];
        let mut bob = Agent::start("sip:bob@127.0.0.1", &certified);
        let listening = bob.expect("listening");
        assert!(bind.starts_with(listening["transport"].as_str().unwrap()), "{listening}");
        let at = listening["local"].as_str().unwrap().to_owned();
        let server = format!("{scheme}{at}");
        call(Agent::start("sip:alice@127.0.0.1", &[&["--server", &server][..], &trusting].concat()), bob, &at);
    }
}

/// Files of a certificate and of the authority that issued it.
#[cfg(feature = "tls")]
pub(super) struct Certificates {
    pub(super) roots: String,
    pub(super) certificate: String,
    pub(super) key: String,
}

#[cfg(feature = "tls")]
impl Certificates {
    pub(super) fn of(name: &str) -> Certificates {
        use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        let write = |file: &str, text: String| {
            let path =
                format!("{}/{}-{:?}-{file}", env!("CARGO_TARGET_TMPDIR"), std::process::id(), thread::current().id());
            std::fs::write(&path, text).unwrap();
            path
        };
        Certificates {
            roots: write("roots.pem", authority.pem()),
            certificate: write("certificate.pem", certificate.pem()),
            key: write("key.pem", key.serialize_pem()),
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_call_to_a_port_where_nobody_listens_ends_at_once() {
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (mut alice, _) = Agent::listening("sip:alice@127.0.0.1");
    alice.command(json!({ "id": 1, "type": "call", "target": format!("sip:bob@{nobody}"), "sdp": SDP }));
    let ended = alice.expect("ended");
    assert_eq!(ended["end"]["error"]["kind"], "transport", "{ended}");
}

/// Alice calls, Bob rings, answers and hangs up; both end their agents.
fn call(mut alice: Agent, mut bob: Agent, at: &str) {
    alice.command(json!({ "id": 1, "type": "call", "target": format!("sip:bob@{at}"), "sdp": SDP }));
    let incoming = bob.expect("incoming");
    assert_eq!((&incoming["from"]["uri"], &incoming["sdp"]), (&json!("sip:alice@127.0.0.1"), &json!(SDP)));
    bob.command(json!({ "id": 1, "type": "ring", "call": incoming["call"] }));
    assert_eq!(alice.expect("progress")["status"], 180);
    bob.command(json!({ "id": 2, "type": "answer", "call": incoming["call"], "sdp": SDP }));
    assert_eq!(alice.expect("answered")["sdp"], SDP);
    bob.expect_state("established");
    alice.expect_state("established");
    bob.command(json!({ "id": 3, "type": "hangup", "call": incoming["call"] }));
    assert_eq!(alice.expect("ended")["end"]["by"], "remote");
    assert_eq!(bob.expect("ended")["end"]["by"], "local");
    assert_eq!(alice.end().1.code(), Some(0));
    assert_eq!(bob.end().1.code(), Some(0));
}

#[test]
fn messages_are_copied_to_a_file() {
    let path = format!("{}/{}-agent.pcap", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    let mut bob = Agent::start("sip:bob@127.0.0.1", &["--bind", "127.0.0.1:0", "--pcap", &path]);
    let at = bob.expect("listening")["local"].as_str().unwrap().to_owned();
    let (alice, _) = Agent::listening("sip:alice@127.0.0.1");
    call(alice, bob, &at);
    let written = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
    for begin in ["INVITE sip:bob@", "SIP/2.0 180", "SIP/2.0 200", "ACK sip:", "BYE sip:alice@"] {
        assert!(written.contains(begin), "{begin}");
    }
}

#[test]
fn a_line_that_is_no_command_is_told_and_passed_over() {
    let (mut agent, _) = Agent::listening("sip:alice@127.0.0.1");
    agent.tell("");
    agent.tell(r#"{"id":5,"type":"fly"}"#);
    let error = agent.expect("error");
    assert_eq!((&error["id"], &error["error"]["kind"]), (&json!(5), &json!("input")));
    assert!(error["error"]["message"].as_str().unwrap().starts_with("line 2, column "), "{error}");
    agent.command(json!({ "id": 6, "type": "connect" }));
    assert_eq!(agent.expect("result")["id"], 6);
    agent.command(json!({ "id": 7, "type": "shutdown" }));
    agent.expect("stopped");
    assert_eq!(agent.child.wait().unwrap().code(), Some(0), "it does not wait for the end of the input");
}

#[test]
fn the_end_of_the_input_ends_a_call_in_order() {
    let (mut alice, _) = Agent::listening("sip:alice@127.0.0.1");
    let (mut bob, at) = Agent::listening("sip:bob@127.0.0.1");
    alice.command(json!({ "id": 1, "type": "call", "target": format!("sip:bob@{at}"), "sdp": SDP }));
    let call = bob.expect("incoming")["call"].clone();
    bob.command(json!({ "id": 1, "type": "answer", "call": call, "sdp": SDP }));
    alice.expect_state("established");
    assert_eq!(alice.end().1.code(), Some(0));
    assert_eq!(bob.expect("ended")["end"]["by"], "remote");
}

#[test]
fn what_cannot_be_used_is_told_at_once() {
    let code = |args: &[&str]| {
        let mut agent = Agent::start("sip:alice@127.0.0.1", args);
        agent.input = None;
        agent.child.wait().unwrap().code()
    };
    assert_eq!(code(&["--server", "sip:127.0.0.1:none"]), Some(2));
    assert_eq!(code(&["--bind", "nowhere"]), Some(2));
    assert_eq!(code(&["--password-file", "/no/such/file"]), Some(2));
    assert_eq!(code(&["--bind", "192.0.2.1:5060"]), Some(1));
}
