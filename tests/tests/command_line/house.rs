//! A switchboard, and the command line at work there.

use std::io::Write;
use std::net::Ipv4Addr;
use std::process::{Command, Output, Stdio};
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
    ended: mpsc::Receiver<Output>,
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
    let (told, ended) = mpsc::channel();
    thread::spawn(move || told.send(child.wait_with_output().expect("it can be waited for")));
    let quoted =
        args.iter().map(|arg| if arg.contains([' ', ';', '#']) { format!("'{arg}'") } else { (*arg).to_owned() });
    Running { command: format!("offhook {}", quoted.collect::<Vec<_>>().join(" ")), ended, id }
}

impl Running {
    pub(crate) fn ends(self) -> Ran {
        let output = self.ended.recv_timeout(SOON).unwrap_or_else(|_| {
            // By its own number.
            let _ = Command::new("kill").arg(self.id.to_string()).status();
            let output = self.ended.recv_timeout(SOON);
            panic!("{} goes on: {output:?}", self.command)
        });
        Ran {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("words"),
            err: String::from_utf8(output.stderr).expect("words"),
            command: self.command,
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
