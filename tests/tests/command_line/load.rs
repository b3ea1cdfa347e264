//! `load` beside SIPp, which counts as well, and with registered users; `trace` of what it did.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use offhook_tests::programs::{SOON, free_port};
use serde_json::Value;

use crate::house::{House, Ran, start};

/// SIPp with a scenario of its own or of `tests/interop/sipp`; killed when a test gives it up.
struct Sipp {
    child: Child,
    folder: PathBuf,
}

/// Rings, answers, is hung up on.
const ANSWERING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/interop/sipp/answering.xml");

impl Sipp {
    fn built_in(scenario: &str, args: &[&str]) -> Sipp {
        Sipp::start(&[&["-sn", scenario], args].concat())
    }

    fn start(args: &[&str]) -> Sipp {
        let folder = env::temp_dir().join(format!("offhook-load-{}-{}", std::process::id(), free_port()));
        fs::create_dir_all(&folder).unwrap();
        let mut command = Command::new("sipp");
        command.args(["-i", "127.0.0.1", "-nostdin", "-trace_stat", "-stf", "counts.csv"]).args(args);
        command.current_dir(&folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Sipp { child: command.spawn().expect("sipp starts"), folder }
    }

    /// What it counted, once it has ended by itself: calls that succeeded and calls that failed.
    fn counted(mut self) -> (u64, u64) {
        let deadline = Instant::now() + SOON;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "sipp goes on");
            // There is no way to wait for a child with a deadline.
            thread::sleep(Duration::from_millis(20));
        }
        let counts = fs::read_to_string(self.folder.join("counts.csv")).unwrap();
        let mut lines = counts.lines();
        let (names, last) = (lines.next().unwrap(), lines.next_back().unwrap());
        let number = |name: &str| {
            let column = names.split(';').position(|known| known == name).unwrap();
            last.split(';').nth(column).unwrap().parse().unwrap()
        };
        (number("SuccessfulCall(C)"), number("FailedCall(C)"))
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        // One that has ended cannot be killed, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn counted(ran: &Ran) -> [u64; 4] {
    let told: Value = ran.json().pop().expect("a report");
    ["placed", "answered", "completed", "failed"].map(|name| told[name].as_u64().unwrap())
}

#[test]
fn sipp_as_the_callee_counts_the_same() {
    for (mode, transport) in [("u1", "udp"), ("t1", "tcp")] {
        let port = free_port().to_string();
        let callee = Sipp::start(&["-sf", ANSWERING, "-p", &port, "-m", "200", "-t", mode]);
        // Over UDP nobody need wait until it listens; a connection finds it once it does.
        let listens = || std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_ok();
        let deadline = Instant::now() + SOON;
        while mode == "t1" && !listens() {
            assert!(Instant::now() < deadline, "sipp does not listen");
        }
        let target = format!("sip:service@127.0.0.1:{port};transport={transport}");
        let args = ["load", &target, "--rate", "100", "--calls", "200", "--call-length", "50ms", "--json", "--quiet"];
        let ran = start(&args, &[]).ends().with_code(0);
        assert_eq!(counted(&ran), [200, 200, 200, 0], "{ran:?}");
        assert_eq!(callee.counted(), (200, 0), "{transport}");
    }
}

#[test]
fn sipp_as_the_caller_counts_the_same() {
    for (mode, transport) in [("u1", "udp"), ("t1", "tcp")] {
        let port = free_port();
        let at = format!("{transport}:127.0.0.1:{port}");
        let answering = start(&["load", "--answer", "--bind", &at, "--calls", "200", "--json", "--quiet"], &[]);
        let deadline = Instant::now() + SOON;
        while mode == "t1" && std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "nobody listens");
        }
        let server = format!("127.0.0.1:{port}");
        let caller = Sipp::built_in("uac", &[&server, "-m", "200", "-r", "100", "-t", mode]);
        let ran = answering.ends().with_code(0);
        assert_eq!(counted(&ran), [200, 200, 200, 0], "{ran:?}");
        assert_eq!(caller.counted(), (200, 0), "{transport}");
    }
}

#[test]
fn registered_users_call_registered_users() {
    let house = House::new();
    let server = house.udp();
    // The switchboard knows four by name; who answers is one of them, who calls another.
    let bob = [("OFFHOOK_AOR", "sip:bob@sip.test"), ("OFFHOOK_SERVER", &*server), ("OFFHOOK_PASSWORD", "bob-secret")];
    let answering = start(&["load", "--answer", "--register", "--calls", "40", "--json", "--quiet"], &bob);
    while house.alice(&["options", "bob", "--count", "1", "--quiet"]).ends().code != Some(0) {}
    let args = ["load", "bob", "--register", "-m", "40", "-r", "100", "-d", "20ms", "--json", "--quiet"];
    let ran = house.alice(&args).ends().with_code(0);
    assert_eq!(counted(&ran), [40, 40, 40, 0], "{ran:?}");
    assert_eq!(counted(&answering.ends().with_code(0)), [40, 40, 40, 0]);
    let wrong = [bob[0], bob[1], ("OFFHOOK_PASSWORD", "wrong")];
    let ran = start(&["load", "alice", "--register", "-m", "1", "--quiet"], &wrong).ends().with_code(4);
    assert!(ran.err.contains("wrong user name or password"), "{ran:?}");
}

#[test]
fn a_load_and_its_trace_are_pictured() {
    let port = free_port().to_string();
    let callee = Sipp::built_in("uas", &["-p", &port, "-m", "150"]);
    let folder = callee.folder.clone();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (pcap, svg) = (path("load.pcap"), path("load.svg"));
    let target = format!("sip:service@127.0.0.1:{port}");
    let args = ["load", &target, "--rate", "50", "--calls", "150", "-d", "500ms"];
    let mut ran = start(&[&args[..], &["--svg", &svg, "--pcap", &pcap]].concat(), &[]).ends().with_code(0);
    ran.command = format!("offhook {} --svg load.svg", args.join(" "));
    // The progress first, as it was seen.
    (ran.out, ran.err) = (ran.err.clone() + &ran.out, String::new());
    let ran = ran.pictured("load");
    assert!(ran.out.contains("answered 150 (100.00%)"), "{ran:?}");
    if env::var_os("UPDATE").is_some() {
        fs::copy(&svg, offhook_tests::screen::path("load-report")).unwrap();
    }

    let list = start(&["trace", &pcap, "--list", "--json"], &[]).ends().with_code(0).json();
    assert_eq!(list.len(), 150);
    let first = list[0]["callId"].as_str().unwrap();
    let ladder = path("call.svg");
    let mut ran = start(&["trace", &pcap, "--call-id", first], &[]).ends().with_code(0);
    ran.command = format!("offhook trace load.pcap --call-id {}", first.get(..8).unwrap_or(first));
    let ran = ran.pictured("trace");
    assert!(ran.out.contains("180 Ringing") && ran.out.contains("BYE"), "{ran:?}");
    start(&["trace", &pcap, "--call-id", first, "--svg", &ladder], &[]).ends().with_code(0);
    if env::var_os("UPDATE").is_some() {
        fs::copy(&ladder, offhook_tests::screen::path("trace-ladder")).unwrap();
    }
    drop(callee);
}
