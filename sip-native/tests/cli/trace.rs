use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::UdpSocket;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use etherparse::{IpNumber, Ipv4Header, PacketBuilder};
use serde_json::Value;

/// How long a test waits for what must come.
const SOON: Duration = Duration::from_secs(20);

fn trace(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_offhook")).arg("trace").args(args).output().unwrap()
}

fn printed(args: &[&str]) -> String {
    let output = trace(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The messages, as JSON has them.
fn messages(path: &str, args: &[&str]) -> Vec<Value> {
    let text = printed(&[&[path, "--json"], args].concat());
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A file of this test, which goes with it.
struct File(String);

impl File {
    fn with(name: &str, bytes: &[u8]) -> File {
        let path = format!("{}/{}-trace-{name}", env!("CARGO_TARGET_TMPDIR"), std::process::id());
        fs::write(&path, bytes).unwrap();
        File(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // A file that stays does no harm.
        let _ = fs::remove_file(&self.0);
    }
}

const ALICE: ([u8; 4], u16) = ([192, 0, 2, 1], 5060);
const BOB: ([u8; 4], u16) = ([192, 0, 2, 2], 5070);

fn request(method: &str, call: &str, more: &str, body: &str) -> String {
    format!(
        "{method} sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{call}{method}\r\n\
         From: <sip:alice@a.test>;tag=1\r\nTo: <sip:bob@b.test>\r\nCall-ID: {call}\r\nCSeq: 1 {method}\r\n{more}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn response(status: &str, method: &str, call: &str) -> String {
    format!(
        "SIP/2.0 {status}\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{call}{method}\r\nFrom: <sip:alice@a.test>;tag=1\r\n\
         To: <sip:bob@b.test>;tag=2\r\nCall-ID: {call}\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
    )
}

/// A frame of Ethernet, within a VLAN or not, with a datagram.
fn datagram(from: ([u8; 4], u16), to: ([u8; 4], u16), vlan: bool, text: &str) -> Vec<u8> {
    let ethernet = PacketBuilder::ethernet2([2; 6], [4; 6]);
    let mut frame = Vec::new();
    if vlan {
        let builder = ethernet.single_vlan(7.try_into().unwrap()).ipv4(from.0, to.0, 64).udp(from.1, to.1);
        builder.write(&mut frame, text.as_bytes()).unwrap();
    } else {
        ethernet.ipv4(from.0, to.0, 64).udp(from.1, to.1).write(&mut frame, text.as_bytes()).unwrap();
    }
    frame
}

/// The same in two fragments.
fn fragments(from: ([u8; 4], u16), to: ([u8; 4], u16), text: &str) -> [Vec<u8>; 2] {
    let whole = datagram(from, to, false, text);
    let udp = &whole[34..];
    let cut = udp.len() / 2 / 8 * 8;
    let part = |offset: usize, more: bool| {
        let payload = if more { &udp[..cut] } else { &udp[cut..] };
        let mut header = Ipv4Header::new(payload.len() as u16, 64, IpNumber::UDP, from.0, to.0).unwrap();
        header.identification = 77;
        header.dont_fragment = false;
        header.more_fragments = more;
        header.fragment_offset = (offset as u16 / 8).try_into().unwrap();
        header.header_checksum = header.calc_header_checksum();
        let mut frame = whole[..14].to_vec();
        header.write(&mut frame).unwrap();
        frame.extend_from_slice(payload);
        frame
    };
    [part(0, true), part(cut, false)]
}

fn segment(from: ([u8; 4], u16), to: ([u8; 4], u16), number: u32, text: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(from.0, to.0, 64).tcp(from.1, to.1, number, 1000);
    builder.write(&mut frame, text).unwrap();
    frame
}

/// A classic capture of Ethernet, a frame each 10 ms.
fn pcap(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for number in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        file.extend_from_slice(&number.to_le_bytes());
    }
    for (index, frame) in frames.iter().enumerate() {
        for number in [1_780_000_000, index as u32 * 10_000, frame.len() as u32, frame.len() as u32] {
            file.extend_from_slice(&number.to_le_bytes());
        }
        file.extend_from_slice(frame);
    }
    file
}

/// The same as pcapng, with times in nanoseconds.
fn pcapng(frames: &[Vec<u8>]) -> Vec<u8> {
    fn block(file: &mut Vec<u8>, kind: u32, body: &[u8]) {
        let padded = body.len().div_ceil(4) * 4;
        let length = (padded as u32 + 12).to_le_bytes();
        file.extend_from_slice(&kind.to_le_bytes());
        file.extend_from_slice(&length);
        file.extend_from_slice(body);
        file.resize(file.len() + padded - body.len(), 0);
        file.extend_from_slice(&length);
    }
    let mut file = Vec::new();
    let section = [&[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0][..], &[0xff; 8]].concat();
    block(&mut file, 0x0a0d_0d0a, &section);
    // Ethernet; the option if_tsresol says 10^-9.
    block(&mut file, 1, &[1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
    for (index, frame) in frames.iter().enumerate() {
        let units = 1_780_000_000_000_000_000_u64 + index as u64 * 10_000_000;
        let mut body = Vec::new();
        for number in [0, (units >> 32) as u32, units as u32, frame.len() as u32, frame.len() as u32] {
            body.extend_from_slice(&number.to_le_bytes());
        }
        body.extend_from_slice(frame);
        block(&mut file, 6, &body);
    }
    file
}

fn call() -> Vec<Vec<u8>> {
    let invite = request("INVITE", "one", "Content-Type: application/sdp\r\n", "v=0\r\n");
    vec![
        datagram(ALICE, BOB, false, &invite),
        datagram(ALICE, BOB, false, &invite),
        datagram(BOB, ALICE, true, &response("180 Ringing", "INVITE", "one")),
        datagram(BOB, ALICE, false, &response("486 Busy Here", "INVITE", "one")),
        datagram(ALICE, BOB, false, &request("ACK", "one", "", "")),
        datagram(ALICE, BOB, false, "this is no SIP"),
        datagram(ALICE, BOB, false, &request("OPTIONS", "two", "", "")),
        datagram(BOB, ALICE, false, &response("200 OK", "OPTIONS", "two")),
    ]
}

const LADDERS: &str = "\
INVITE sip:alice@a.test -> sip:bob@b.test: 486 Busy Here, 5 messages in 0.040 s, Call-ID one

     192.0.2.1:5060            192.0.2.2:5070
     0.000  |------INVITE (SDP)------>|
     0.010  |--INVITE (SDP) (again)-->|
     0.020  |<------180 Ringing-------|
     0.030  |<-----486 Busy Here------|
     0.040  |-----------ACK---------->|

OPTIONS sip:alice@a.test -> sip:bob@b.test: 200 OK, 2 messages in 0.010 s, Call-ID two

     192.0.2.1:5060          192.0.2.2:5070
     0.000  |--------OPTIONS------->|
     0.010  |<-------200 OK---------|
";

#[test]
fn both_formats_of_captures_give_the_same_ladders() {
    let (classic, new) = (File::with("a.pcap", &pcap(&call())), File::with("a.pcapng", &pcapng(&call())));
    let ladders = printed(&[&classic.0]);
    assert!(ladders == LADDERS, "{ladders}");
    assert_eq!(printed(&[&new.0]), ladders);
    let list = printed(&[&classic.0, "--list"]);
    assert_eq!(list.lines().count(), 2, "{list}");
}

#[test]
fn filters_choose_calls_and_messages() {
    let file = File::with("filters.pcap", &pcap(&call()));
    let count = |args: &[&str]| messages(&file.0, args).len();
    assert_eq!(count(&[]), 7);
    assert_eq!(count(&["--call-id", "two"]), 2);
    assert_eq!(count(&["--method", "options"]), 2);
    assert_eq!(count(&["--address", "192.0.2.2"]), 7);
    assert_eq!(count(&["--address", "192.0.2.2:5070", "--method", "ACK"]), 1);
    assert_eq!(count(&["--user", "alice@a"]), 7);
    let nothing = trace(&[&file.0, "--address", "192.0.2.9"]);
    assert_eq!(nothing.status.code(), Some(1));
    assert_eq!(trace(&[&file.0, "--address", "nowhere"]).status.code(), Some(2));
}

#[test]
fn fragments_and_segments_are_put_together() {
    let body = "x".repeat(3000);
    let long = request("MESSAGE", "long", "", &body);
    let [first, second] = fragments(ALICE, BOB, &long);
    let stream = [request("OPTIONS", "three", "", ""), request("OPTIONS", "four", "", "")].concat().into_bytes();
    let frames = [
        second,
        first,
        // The second half comes first, and the first half twice.
        segment(ALICE, BOB, 500, b"\r\n\r\n"),
        segment(ALICE, BOB, 604, &stream[100..]),
        segment(ALICE, BOB, 504, &stream[..100]),
        segment(ALICE, BOB, 504, &stream[..100]),
    ];
    let file = File::with("parts.pcap", &pcap(&frames));
    let told = messages(&file.0, &[]);
    let ids: Vec<_> = told.iter().map(|told| told["callId"].as_str().unwrap()).collect();
    assert_eq!(ids, ["long", "three", "four"]);
    assert!(told[0]["text"].as_str().unwrap().ends_with(&body));
    assert_eq!((&told[0]["transport"], &told[1]["transport"]), (&"UDP".into(), &"TCP".into()));
}

#[test]
fn secrets_are_masked_and_pictures_are_whole() {
    let secret = "Authorization: Digest username=\"alice\", realm=\"a<b>\", nonce=\"n\", uri=\"sip:b\", response=\"0123456789\"\r\n";
    let sdp = "v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0a2V5\r\na=ice-pwd:hidden\r\n";
    let register = request("REGISTER", "five<&>", secret, sdp);
    let file = File::with("secrets.pcap", &pcap(&[datagram(ALICE, BOB, false, &register)]));
    let whole = printed(&[&file.0, "--messages"]);
    let json = printed(&[&file.0, "--json"]);
    let picture = File::with("secrets.svg", b"");
    printed(&[&file.0, "--svg", &picture.0]);
    let svg = fs::read_to_string(&picture.0).unwrap();
    for text in [&whole, &json, &svg] {
        assert!(text.contains("REGISTER"), "{text}");
        for secret in ["0123456789", "c2VjcmV0a2V5", "hidden"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    assert!(whole.contains("username=\"alice\""), "{whole}");
    assert!(svg.starts_with("<svg ") && svg.contains("five&lt;&amp;&gt;"), "{svg}");
}

#[test]
fn what_is_no_record_is_told() {
    let file = File::with("none", b"hello there");
    let output = trace(&[&file.0]);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(words.contains("neither pcap, pcapng, HEP3 nor lines of JSON"), "{words}");
    assert_eq!(trace(&["/no/such/file"]).status.code(), Some(2));
    assert_eq!(trace(&[]).status.code(), Some(2));
    // One that was cut off, or spoilt, shows what it has.
    let whole = pcap(&call());
    for cut in [0, 3, 20, 24, 30, whole.len() - 1] {
        let file = File::with("cut.pcap", &whole[..cut]);
        let code = trace(&[&file.0, "--json"]).status.code();
        assert_eq!(code, Some(i32::from(cut < whole.len() - 1)), "{cut}");
    }
}

/// A running `offhook`; killed when a test gives it up.
struct Running {
    child: Child,
    lines: Receiver<String>,
    words: Receiver<String>,
}

impl Running {
    fn start(args: &[&str]) -> Running {
        let mut child = Command::new(env!("CARGO_BIN_EXE_offhook"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        fn lines(stream: impl std::io::Read + Send + 'static) -> Receiver<String> {
            let (told, lines) = mpsc::channel();
            thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if told.send(line).is_err() {
                        return;
                    }
                }
            });
            lines
        }
        let (out, err) = (lines(child.stdout.take().unwrap()), lines(child.stderr.take().unwrap()));
        Running { child, lines: out, words: err }
    }

    /// The next line that has this in it.
    fn shows(&self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(SOON).unwrap_or_else(|error| panic!("no {text}: {error}"));
            if line.contains(text) {
                return line;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended cannot be killed, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_capture_server_shows_what_agents_send_it() {
    let live = Running::start(&["trace", "--listen", "127.0.0.1:0"]);
    let said = live.words.recv_timeout(SOON).unwrap();
    let at = said.rsplit("udp:").next().unwrap().to_owned();
    // What is no HEP3 does no harm.
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"HEP3\xff\xffnonsense", &at).unwrap();
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let target = silent.local_addr().unwrap().to_string();
    let ping = ["options", &target, "--count", "1", "--timeout", "100ms", "--hep", &at];
    let status = Command::new(env!("CARGO_BIN_EXE_offhook")).args(ping).output().unwrap().status;
    assert_eq!(status.code(), Some(5));
    let head = live.shows(&target);
    assert!(head.contains("127.0.0.1:"), "{head}");
    assert!(live.shows("OPTIONS").contains("--OPTIONS--"));
}

#[test]
fn a_file_that_grows_is_followed() {
    let frames = call();
    let file = File::with("grows.pcap", &pcap(&frames[..1]));
    let live = Running::start(&["trace", &file.0, "--follow"]);
    live.shows("INVITE (SDP)");
    let more = &pcap(&frames[2..5])[24..];
    let mut open = fs::OpenOptions::new().append(true).open(&file.0).unwrap();
    // Half a packet at first.
    open.write_all(&more[..40]).unwrap();
    open.write_all(&more[40..]).unwrap();
    live.shows("180 Ringing");
    live.shows("486 Busy Here");
}

#[test]
fn what_an_agent_logged_is_shown() {
    let mut agent =
        Running::start(&["agent", "--json", "--trace", "--aor", "sip:alice@127.0.0.1", "--bind", "127.0.0.1:0"]);
    let told: Value = serde_json::from_str(&agent.shows("listening")).unwrap();
    let at = told["local"].as_str().unwrap();
    Command::new(env!("CARGO_BIN_EXE_offhook")).args(["options", at, "--count", "1"]).output().unwrap();
    let traced = [agent.shows("\"trace\""), agent.shows("\"trace\"")].join("\n");
    agent.child.stdin = None;
    let log = File::with("log.json", format!("{{\"type\":\"listening\"}}\n{traced}\nno JSON\n").as_bytes());
    let shown = printed(&[&log.0]);
    assert!(shown.contains("offhook") && shown.contains("OPTIONS") && shown.contains("200 OK"), "{shown}");
    // The datagrams of capture servers, one after the other, are read too.
    let empty = File::with("hep", b"HEP3\0\x06");
    assert_eq!(trace(&[&empty.0]).status.code(), Some(1));
}
