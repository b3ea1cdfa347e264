//! A switchboard, and the command line at work there.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::Ipv4Addr;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;

use offhook_examples::switchboard::web::Site;
use offhook_examples::switchboard::{Config, Listen, Server};
use offhook_tests::programs::{Agent, SOON, offhook};
use tokio::runtime::Runtime;

/// A switchboard for `sip.test`, with alice, bob, carol and dave.
pub(crate) struct House {
    server: Server,
    _runtime: Runtime,
}

impl House {
    pub(crate) fn new() -> House {
        let runtime = Runtime::new().unwrap();
        let localhost = Some((Ipv4Addr::LOCALHOST, 0).into());
        let config = Config { domains: vec!["sip.test".into()], ..Config::default() };
        let listen = Listen { udp: localhost, tcp: localhost, http: localhost, ..Listen::default() };
        let start = async { Server::start(config, listen, Site::of_source_tree(), |_| {}) };
        let server = runtime.block_on(start).expect("free ports");
        House { server, _runtime: runtime }
    }

    pub(crate) fn udp(&self) -> String {
        format!("sip:{}", self.server.listen().udp.unwrap())
    }

    pub(crate) fn tcp(&self) -> String {
        format!("sip:{};transport=tcp", self.server.listen().tcp.unwrap())
    }

    pub(crate) fn websocket(&self) -> String {
        self.server.websocket().unwrap()
    }

    /// Somebody who is registered and can be called.
    pub(crate) fn somebody(&self, user: &str) -> Agent {
        let mut agent = Agent::start(user, &self.udp(), &["--automatic-media", "--packages", "presence,dialog"]);
        agent.must("register", serde_json::json!({}));
        agent
    }

    /// `offhook` for alice, with the subcommand and its options.
    pub(crate) fn alice(&self, args: &[&str]) -> Running {
        let server = self.udp();
        start(
            args,
            &[("OFFHOOK_AOR", "sip:alice@sip.test"), ("OFFHOOK_SERVER", &server), ("OFFHOOK_PASSWORD", "alice-secret")],
        )
    }
}

/// A running `offhook`, which ends by itself.
pub(crate) struct Running {
    command: String,
    /// What it prints, as it comes.
    lines: mpsc::Receiver<String>,
    /// What it has printed, as far as that was looked at.
    out: String,
    /// Its status, and what it said of errors.
    ended: mpsc::Receiver<(ExitStatus, String)>,
    id: u32,
}

/// What it came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
    /// As somebody typed it.
    pub(crate) command: String,
}

/// Runs `offhook` with these variables, and no others of its own.
pub(crate) fn start(args: &[&str], variables: &[(&str, &str)]) -> Running {
    with_input(args, variables, "")
}

pub(crate) fn with_input(args: &[&str], variables: &[(&str, &str)], input: &str) -> Running {
    let mut command = Command::new(offhook());
    for name in ["AOR", "SERVER", "USERNAME", "PASSWORD", "PASSWORD_FILE", "TOKEN", "PROFILE", "CONFIG"] {
        command.env_remove(format!("OFFHOOK_{name}"));
    }
    // Nobody's own configuration has a say here.
    command.env("XDG_CONFIG_HOME", "/nonexistent").env("HOME", "/nonexistent");
    command.args(args).envs(variables.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("offhook starts");
    // One that wants no input may have ended.
    let _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
    let id = child.id();
    let (stdout, mut stderr) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
    let (tells, lines) = mpsc::channel();
    let printing = thread::spawn(move || {
        let mut stdout = BufReader::new(stdout);
        let mut next = || {
            let mut line = String::new();
            stdout.read_line(&mut line).expect("words");
            (!line.is_empty()).then_some(line)
        };
        while next().is_some_and(|line| tells.send(line).is_ok()) {}
    });
    let (told, ended) = mpsc::channel();
    thread::spawn(move || {
        let mut err = String::new();
        stderr.read_to_string(&mut err).expect("words");
        printing.join().expect("words");
        told.send((child.wait().expect("it can be waited for"), err))
    });
    let quoted =
        args.iter().map(|arg| if arg.contains([' ', ';', '#']) { format!("'{arg}'") } else { (*arg).to_owned() });
    Running {
        lines,
        out: String::new(),
        command: format!("offhook {}", quoted.collect::<Vec<_>>().join(" ")),
        ended,
        id,
    }
}

impl Running {
    pub(crate) fn ends(mut self) -> Ran {
        let (status, err) = self.ended.recv_timeout(SOON).unwrap_or_else(|_| {
            // By its own number.
            let _ = Command::new("kill").arg(self.id.to_string()).status();
            let ended = self.ended.recv_timeout(SOON);
            panic!("{} goes on: {ended:?}", self.command)
        });
        self.out.extend(self.lines);
        Ran { code: status.code(), out: self.out, err, command: self.command }
    }

    /// Returns when it has printed that.
    pub(crate) fn says(&mut self, words: &str) {
        while !self.out.contains(words) {
            match self.lines.recv_timeout(SOON) {
                Ok(line) => self.out.push_str(&line),
                Err(error) => panic!("{} does not say {words:?} ({error}), but {}", self.command, self.out),
            }
        }
    }

    /// As Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        let sent = Command::new("kill").args(["-INT", &self.id.to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()));
    }
}

impl Ran {
    /// It must have ended so.
    pub(crate) fn with_code(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// The lines of JSON that it printed.
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{self:#?}"))).collect()
    }

    /// Kept as a picture.
    pub(crate) fn pictured(self, name: &str) -> Ran {
        let printed = format!("{}{}", self.out, self.err);
        offhook_tests::screen::keep(name, &self.command, &printed);
        self
    }
}
