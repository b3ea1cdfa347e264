//! The example that shows its metrics to Prometheus, as a process that is registered with the switchboard's registrar.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(command: &mut Command) -> (Program, String) {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
    let output = child.stdout.take().expect("it is piped");
    let program = Program(child);
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).expect("a line");
    (program, line)
}

fn get(at: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(at).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {at}\r\n\r\n").expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn what_is_recorded_is_shown() {
    let any = "127.0.0.1:0";
    let mut switchboard = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    let (_switchboard, addresses) =
        start(switchboard.args(["--json", "--quiet", "--udp", any, "--tcp", any, "--http", any]));
    let addresses: serde_json::Value = serde_json::from_str(&addresses).expect("JSON");
    let server = format!("ws://{}/ws", addresses["http"].as_str().expect("an address"));
    let mut program = Command::new(env!("CARGO_BIN_EXE_prometheus"));
    program.args(["sip:alice@offhook.test", &server, any]).env("OFFHOOK_PASSWORD", "alice-secret");
    let (_program, said) = start(&mut program);
    let at = said.trim().trim_start_matches("metrics at http://").trim_end_matches("/metrics").to_owned();
    // Metrics of registrations are brought up to date every five seconds.
    let patience = Instant::now() + Duration::from_secs(20);
    let shown = loop {
        let shown = get(&at, "/metrics");
        if shown.contains("\noffhook_registered 1") || Instant::now() > patience {
            break shown;
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    assert!(shown.starts_with("HTTP/1.1 200 OK\r\n"), "{shown}");
    for line in [
        "# HELP offhook_registered registrations that hold",
        "# TYPE offhook_connections gauge",
        "offhook_connections{transport=\"ws\"} 1",
        "offhook_registered 1",
    ] {
        assert!(shown.contains(line), "{line} is not in\n{shown}");
    }
    assert!(!shown.contains("alice"), "nobody's name is in it");
    assert!(get(&at, "/").starts_with("HTTP/1.1 404 "));
}
