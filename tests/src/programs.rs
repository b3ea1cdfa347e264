//! Programs that a test runs and talks to: `offhook agent`, Kamailio, SIPp. Each ends with the test that started it, and
//! whatever is waited for has a deadline.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long a test waits for what must come.
pub const SOON: Duration = Duration::from_secs(20);

/// How long a program may take to end once it was asked to.
const FAREWELL: Duration = Duration::from_secs(5);

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The `offhook` program of this build. Cargo hands out only the programs of a test's own package, so it is asked to
/// make sure that this one is there.
pub fn offhook() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let test = env::current_exe().expect("the path of this test");
        let folder = test.ancestors().nth(2).expect("a test is built into target/PROFILE/deps");
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        // The packages of `cargo test --workspace`, so that their features are the same and nothing is built twice.
        cargo.args(["build", "--quiet", "--workspace", "--exclude", "offhook-wasm", "--bin", "offhook"]);
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        cargo.arg("--target-dir").arg(folder.parent().expect("target")).current_dir(root());
        assert!(cargo.status().expect("cargo starts").success(), "offhook does not build");
        folder.join("offhook")
    })
}

/// A port of the loopback that is free for UDP and TCP, for programs that cannot choose for themselves. It lies below
/// the range from which the system hands out ports, so that nobody gets it by chance in the meantime.
pub fn free_port() -> u16 {
    const RANGE: std::ops::Range<u64> = 10_000..30_000;
    for attempt in 0..1000 {
        let mut chance = [0; 8];
        fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut chance)).expect("some chance");
        let port = (RANGE.start + (u64::from_le_bytes(chance) ^ attempt) % (RANGE.end - RANGE.start)) as u16;
        let at = (Ipv4Addr::LOCALHOST, port);
        if UdpSocket::bind(at).is_ok() && TcpListener::bind(at).is_ok() {
            return port;
        }
    }
    panic!("no free port")
}

/// A running program. It is asked to end when it is dropped, and made to if it does not.
struct Program {
    name: String,
    child: Child,
}

impl Program {
    fn start(name: &str, command: &mut Command) -> Program {
        let child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        Program { name: name.to_owned(), child }
    }

    /// How it ended, once it has by itself.
    fn ends(&mut self, within: Duration) -> ExitStatus {
        self.wait(within).unwrap_or_else(|| panic!("{} goes on", self.name))
    }

    fn wait(&mut self, within: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return Some(status);
            }
            if Instant::now() > deadline {
                return None;
            }
            // There is no way to wait for a child with a deadline.
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        // By its own number; where that fails, the other way is left.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        if self.wait(FAREWELL).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The lines that a program prints.
fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
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

/// A Kamailio of our own: registrar and proxy of `sip.test`. Users are alice, bob, carol and echo; USER's password is
/// USER-secret.
pub struct Kamailio {
    /// The port for UDP and TCP.
    pub port: u16,
    /// The port for WebSocket.
    pub ws_port: u16,
    _program: Program,
    log: Receiver<String>,
}

impl Kamailio {
    /// Starts one, with digest by MD5.
    pub fn start() -> Kamailio {
        Kamailio::run(&[])
    }

    /// Starts one with digest by SHA-256.
    pub fn with_sha256() -> Kamailio {
        Kamailio::run(&["sha256"])
    }

    fn run(options: &[&str]) -> Kamailio {
        let mut said = String::new();
        // Somebody may have been faster at the port.
        for _ in 0..3 {
            let (port, ws_port) = (free_port(), free_port());
            let mut command = Command::new(root().join("tests/interop/kamailio/run.sh"));
            command.args([port.to_string(), ws_port.to_string()]).args(options);
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut program = Program::start("kamailio", &mut command);
            let output = lines(program.child.stdout.take().expect("it is piped"));
            let log = lines(program.child.stderr.take().expect("it is piped"));
            match output.recv_timeout(SOON) {
                Ok(line) if line == "ready" => return Kamailio { port, ws_port, _program: program, log },
                _ => {
                    drop(program);
                    said = log.iter().collect::<Vec<_>>().join("\n");
                }
            }
        }
        panic!("kamailio does not start:\n{said}")
    }

    /// Where agents find it over UDP.
    pub fn udp(&self) -> String {
        format!("sip:127.0.0.1:{};transport=udp", self.port)
    }

    /// Where agents find it over WebSocket.
    pub fn ws(&self) -> String {
        format!("ws://127.0.0.1:{}", self.ws_port)
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- kamailio\n{}", self.log.try_iter().collect::<Vec<_>>().join("\n"));
        }
    }
}

/// An `offhook agent --json` process. What it says is kept until the test asks for it.
pub struct Agent {
    user: String,
    program: Program,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    /// Everything it said, in order; with `trace` the whole conversation.
    said: Vec<Value>,
    /// How many of them, of each kind that a test waits for, it has seen: the position after the last.
    seen: Vec<(String, usize)>,
    number: u32,
}

impl Agent {
    /// An agent for `sip:USER@sip.test` with that user's password, which tells every message.
    pub fn start(user: &str, server: &str, more: &[&str]) -> Agent {
        Agent::with_password(user, server, &format!("{user}-secret"), more)
    }

    /// The same with another password.
    pub fn with_password(user: &str, server: &str, password: &str, more: &[&str]) -> Agent {
        let mut command = Command::new(offhook());
        command.args(["agent", "--json", "--trace", "--aor", &format!("sip:{user}@sip.test"), "--server", server]);
        if server.starts_with("sip:") {
            command.args(["--bind", "127.0.0.1:0"]);
        }
        command.args(more).env("OFFHOOK_PASSWORD", password).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut program = Program::start(user, &mut command);
        let lines = lines(program.child.stdout.take().expect("it is piped"));
        let input = program.child.stdin.take();
        Agent { user: user.to_owned(), program, input, lines, said: Vec::new(), seen: Vec::new(), number: 0 }
    }

    /// Gives a command and returns its number.
    pub fn tell(&mut self, kind: &str, mut arguments: Value) -> u32 {
        self.number += 1;
        arguments["id"] = json!(self.number);
        arguments["type"] = json!(kind);
        let input = self.input.as_mut().expect("its input is open");
        writeln!(input, "{arguments}").unwrap_or_else(|error| panic!("{}: {error}\n{}", self.user, self.report()));
        self.number
    }

    /// Gives a command; its result, or its typed error.
    pub fn ask(&mut self, kind: &str, arguments: Value) -> Result<Value, Value> {
        let number = self.tell(kind, arguments);
        self.answer(number)
    }

    /// The result of a command given before, or its typed error.
    pub fn answer(&mut self, number: u32) -> Result<Value, Value> {
        let answer = self.find(0, &format!("an answer to command {number}"), |said| {
            said["id"] == number && (said["type"] == "result" || said["type"] == "error")
        });
        match &self.said[answer] {
            said if said["type"] == "result" => Ok(said["value"].clone()),
            said => Err(said["error"].clone()),
        }
    }

    /// The result of a command that must succeed.
    pub fn must(&mut self, kind: &str, arguments: Value) -> Value {
        self.ask(kind, arguments).unwrap_or_else(|error| panic!("{kind}: {error}\n{}", self.report()))
    }

    /// The next notification of that kind, and so on with each time it is asked for.
    pub fn hears(&mut self, kind: &str) -> Value {
        self.hears_that(kind, |_| true)
    }

    /// The next notification of that kind with that state.
    pub fn reaches(&mut self, kind: &str, state: &str) -> Value {
        self.hears_that(kind, |said| said["state"] == state)
    }

    /// The next notification of that kind of which something holds; those before it count as seen.
    pub fn hears_that(&mut self, kind: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let from = self.seen.iter().find(|(seen, _)| seen == kind).map_or(0, |(_, next)| *next);
        let found = self.find(from, kind, |said| said["type"] == kind && holds(said));
        match self.seen.iter_mut().find(|(seen, _)| seen == kind) {
            Some((_, next)) => *next = found + 1,
            None => self.seen.push((kind.to_owned(), found + 1)),
        }
        self.said[found].clone()
    }

    /// The SIP messages so far: `true` and the text for one that it sent, `false` for one that it received.
    pub fn messages(&self) -> Vec<(bool, &str)> {
        let traces = self.said.iter().filter(|said| said["type"] == "trace");
        traces.map(|said| (said["direction"] == "out", said["text"].as_str().unwrap_or_default())).collect()
    }

    /// How many requests of that method it has sent so far, repetitions and all.
    pub fn sent(&self, method: &str) -> usize {
        let begins = format!("{method} ");
        self.messages().iter().filter(|(out, text)| *out && text.starts_with(&begins)).count()
    }

    /// Ends its input; done when it has ended by itself, in order.
    pub fn end(mut self) {
        self.input = None;
        self.hears("stopped");
        let status = self.program.ends(SOON);
        assert!(status.success(), "{}: {status}\n{}", self.user, self.report());
    }

    /// The position of the first thing said from `from` on that it is.
    fn find(&mut self, from: usize, what: &str, is: impl Fn(&Value) -> bool) -> usize {
        let deadline = Instant::now() + SOON;
        let mut at = from;
        loop {
            while at < self.said.len() {
                if is(&self.said[at]) {
                    return at;
                }
                at += 1;
            }
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.said.push(serde_json::from_str(&line).expect("a line of JSON")),
                Err(RecvTimeoutError::Timeout) => panic!("{} never says {what}\n{}", self.user, self.report()),
                Err(RecvTimeoutError::Disconnected) => panic!("{} ended before {what}\n{}", self.user, self.report()),
            }
        }
    }

    /// What it said, for whoever reads a failure.
    fn report(&self) -> String {
        let mut report = format!("--- {}\n", self.user);
        for said in &self.said {
            match said["text"].as_str().filter(|_| said["type"] == "trace") {
                Some(text) => {
                    let arrow = if said["direction"] == "out" { '>' } else { '<' };
                    report += &format!("{arrow} {}\n", text.trim_end().replace('\n', "\n  "));
                }
                None => report += &format!("{said}\n"),
            }
        }
        report
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Without its input it says goodbye; a test that failed does not wait for that.
        if thread::panicking() {
            eprintln!("{}", self.report());
            let _ = self.program.child.kill();
        }
    }
}

/// A SIPp that plays one of the scenarios in `tests/interop/sipp`. Nobody needs to wait until it listens: requests over
/// UDP are sent again.
pub struct Sipp {
    program: Program,
    folder: PathBuf,
}

impl Sipp {
    /// Plays a scenario once, towards a server, from that port.
    pub fn play(scenario: &str, server_port: u16, port: u16, more: &[&str]) -> Sipp {
        let folder = env::temp_dir().join(format!("offhook-sipp-{}-{port}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for its log");
        let mut command = Command::new("sipp");
        command.arg(format!("127.0.0.1:{server_port}"));
        command.arg("-sf").arg(root().join("tests/interop/sipp").join(scenario));
        command.args(["-m", "1", "-t", "u1", "-i", "127.0.0.1", "-p", &port.to_string(), "-nostdin"]);
        command.args(["-timeout", "20s", "-timeout_error", "-trace_msg", "-message_file"]);
        command.arg(folder.join("messages.log")).args(more).current_dir(&folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Sipp { program: Program::start("sipp", &mut command), folder }
    }

    /// Waits for its end, which must be a good one.
    pub fn succeeds(mut self) {
        let status = self.program.ends(SOON + FAREWELL);
        let log = fs::read_to_string(self.folder.join("messages.log")).unwrap_or_default();
        assert!(status.success(), "sipp: {status}\n{log}");
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        // Only a log is lost if it stays.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
