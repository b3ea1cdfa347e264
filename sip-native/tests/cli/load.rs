use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use serde_json::Value;

#[cfg(feature = "tls")]
use super::agent::Certificates;

/// How long a test waits for what must come.
const SOON: Duration = Duration::from_secs(30);

fn load(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_offhook")).arg("load").args(args).output().unwrap()
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// A running `offhook load --answer`; killed when a test gives it up.
struct Answering {
    child: Child,
    at: String,
    _words: Receiver<String>,
}

impl Answering {
    fn start(bind: &str, args: &[&str]) -> Answering {
        let mut child = Command::new(env!("CARGO_BIN_EXE_offhook"))
            .args(["load", "--answer", "--json", "--bind", bind])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (told, words) = mpsc::channel();
        let err = child.stderr.take().unwrap();
        thread::spawn(move || {
            for line in BufReader::new(err).lines().map_while(Result::ok) {
                if told.send(line).is_err() {
                    return;
                }
            }
        });
        let said = words.recv_timeout(SOON).expect("it says where it answers");
        let at = said.split_once("answering at ").and_then(|(_, at)| at.split_once(':')).map(|(_, at)| at.to_owned());
        Answering { child, at: at.unwrap_or_else(|| panic!("{said}")), _words: words }
    }

    /// Its report, once it has ended by itself.
    fn ends(mut self) -> Value {
        let out = self.child.stdout.take().unwrap();
        let report = BufReader::new(out).lines().map_while(Result::ok).last().expect("a report");
        assert!(self.child.wait().unwrap().code().is_some());
        serde_json::from_str(&report).unwrap()
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        // One that has ended cannot be killed, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Calls all that the other side waits for, and compares what both counted.
fn both_sides(bind: &str, more: &[&str], target: impl Fn(&str) -> String, with: &[&str]) {
    let answering = Answering::start(bind, &[&["--calls", "60", "--ring", "20ms"], more].concat());
    let target = target(&answering.at);
    let args = ["--rate", "100", "--calls", "60", "-d", "30ms", "--json", "--quiet"];
    let output = load(&[&[target.as_str()], &args[..], with].concat());
    let called = report(&output);
    assert_eq!(output.status.code(), Some(0), "{called}");
    let answered = answering.ends();
    for told in [&called, &answered] {
        let counted = ["placed", "answered", "completed", "failed", "lost"].map(|name| told[name].as_u64().unwrap());
        assert_eq!(counted, [60, 60, 60, 0, 0], "{told}");
    }
    assert_eq!(called["setUp"]["count"], 60, "{called}");
    // It rang for 20 ms.
    assert!(called["setUp"]["p50"].as_f64().unwrap() >= 20.0, "{called}");
    assert_eq!(called["ringing"]["count"], 60, "{called}");
}

#[test]
fn both_sides_count_the_same_over_udp_tcp_and_websockets() {
    both_sides("udp:127.0.0.1:0", &[], |at| format!("sip:bob@{at}"), &[]);
    both_sides("tcp:127.0.0.1:0", &[], |at| format!("sip:bob@{at};transport=tcp"), &["--connections", "3"]);
    // One user on several threads, whose shards end together.
    for bind in ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"] {
        let transport = &bind[..3];
        let target = |at: &str| format!("sip:bob@{at};transport={transport}");
        both_sides(bind, &["--threads", "3"], target, &["--threads", "2", "--connections", "2"]);
    }
    let answering = Answering::start("ws:127.0.0.1:0", &["--calls", "20"]);
    let server = format!("ws://{}", answering.at);
    let output = load(&["sip:bob@test.invalid", "--server", &server, "-m", "20", "-r", "100", "--json", "-q"]);
    assert_eq!(report(&output)["completed"], 20);
    assert_eq!(answering.ends()["completed"], 20);
}

#[cfg(feature = "tls")]
#[test]
fn both_sides_count_the_same_over_tls() {
    let Certificates { roots, certificate, key } = Certificates::of("127.0.0.1");
    let certified = ["--tls-certificate", &certificate, "--tls-key", &key];
    both_sides("tls:127.0.0.1:0", &certified, |at| format!("sips:bob@{at}"), &["--tls-roots", &roots]);
}

#[test]
fn failures_are_told_by_their_cause() {
    let answering = Answering::start("127.0.0.1:0", &["--calls", "10", "--refuse", "486"]);
    let target = format!("sip:bob@{}", answering.at);
    let output = load(&[&target, "-m", "10", "-r", "100", "--json", "-q"]);
    let told = report(&output);
    assert_eq!(output.status.code(), Some(7), "{told}");
    assert_eq!((&told["failed"], &told["causes"]["status"]["486 Busy Here"]), (&10.into(), &10.into()), "{told}");
    assert_eq!(load(&[&target, "-m", "1", "-q", "--allow-failed", "100"]).status.code(), Some(0));

    // It takes every datagram and says nothing.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let target = silent.local_addr().unwrap().to_string();
    let told = report(&load(&[&target, "-m", "8", "-r", "100", "--t1", "5", "--json", "-q"]));
    assert_eq!(told["causes"]["timeout"]["timer B"], 8, "{told}");

    #[cfg(target_os = "linux")]
    {
        // Each is tried, also after many have failed.
        let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let told = report(&load(&[&nobody, "-m", "20", "-r", "200", "--json", "-q"]));
        assert_eq!(told["causes"]["transport"]["refused"], 20, "{told}");
    }
}

#[test]
fn what_waits_for_room_is_counted_from_when_it_was_due() {
    let answering = Answering::start("127.0.0.1:0", &["--calls", "20"]);
    let target = format!("sip:bob@{}", answering.at);
    // Two at a time, of 100 ms each: ten rounds, whatever the rate.
    let output = load(&[&target, "-m", "20", "-r", "1000", "-l", "2", "-d", "100ms", "--json", "-q"]);
    let told = report(&output);
    assert_eq!((&told["completed"], &told["atOnce"]), (&20.into(), &2.into()), "{told}");
    assert!(told["late"]["max"].as_f64().unwrap() >= 800.0, "{told}");
    assert!(told["setUpFromDue"]["max"].as_f64().unwrap() >= 800.0, "{told}");
    assert!(told["seconds"].as_f64().unwrap() >= 0.9, "{told}");
}

#[test]
fn other_requests_are_a_load_too() {
    for what in ["options", "message"] {
        let answering = Answering::start("127.0.0.1:0", &[]);
        let output = load(&[&answering.at, "--what", what, "-m", "30", "-r", "300", "--json", "-q"]);
        let told = report(&output);
        assert_eq!((&told["answered"], &told["failed"]), (&30.into(), &0.into()), "{what}: {told}");
    }
}

#[test]
fn reports_are_written_as_json_and_as_a_picture() {
    let answering = Answering::start("127.0.0.1:0", &["--calls", "10"]);
    let path = |name: &str| format!("{}/{}-load-{name}", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    let (json, svg) = (path("report.json"), path("report.svg"));
    let output = load(&[&answering.at, "-m", "10", "-r", "50", "--report", &json, "--svg", &svg]);
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(words.contains("calls 10 in ") && words.contains("answered 10 (100.00%)"), "{words}");
    assert!(words.contains("set-up         p50 "), "{words}");
    let written: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(written["answered"], 10);
    let picture = std::fs::read_to_string(&svg).unwrap();
    assert!(picture.starts_with("<svg ") && picture.contains("<polyline"), "{picture}");
    for path in [json, svg] {
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn wrong_loads_are_usage() {
    for wrong in [
        &["127.0.0.1", "--rate", "0"][..],
        &["127.0.0.1", "--at-once", "0"],
        &["127.0.0.1", "--at-once", "1", "--connections", "2"],
        &["127.0.0.1", "--users", "3"],
        &["127.0.0.1", "--register"],
        &["--answer", "--refuse", "200"],
        &["--answer", "127.0.0.1"],
        &[],
    ] {
        assert_eq!(load(wrong).status.code(), Some(2), "{wrong:?}");
    }
}
