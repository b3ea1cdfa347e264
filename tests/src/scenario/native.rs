//! Agents that are `offhook agent` processes.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use offhook_core::transport::Transport;
use serde_json::Value;

use super::programs::program;
use super::script::Scenario;
use super::servers::Program;
use super::sockets::{Remote, SOON, Sockets, Start};
use super::stage::{Happening, Theatre};
use crate::certificates::Certificates;

/// Opens stages of processes.
#[derive(Clone, Copy, Debug)]
pub struct Native {
    /// How the participants speak.
    pub transport: Transport,
    /// Whether a switchboard is between them.
    pub through: bool,
    /// In how many shards each agent is.
    pub shards: usize,
}

impl Theatre for Native {
    type Stage = Sockets;

    fn open(&self, scenario: &Scenario) -> Result<Sockets, String> {
        let Native { transport, through, shards } = *self;
        Sockets::open(scenario, transport, through, false, |start| {
            Ok(Box::new(Agent::start(start, transport, shards)?))
        })
    }
}

struct Agent {
    program: Program,
    input: Option<ChildStdin>,
    /// Where it listens, if it does.
    local: Option<SocketAddr>,
}

impl Agent {
    fn start(Start { who, config, told, .. }: Start<'_>, transport: Transport, shards: usize) -> Result<Agent, String> {
        let text = |name: &str| config[name].as_str();
        let mut command = Command::new(program("offhook", "offhook")?);
        command.args(["agent", "--json", "--trace", "--aor", text("aor").unwrap_or_default()]);
        if shards > 1 {
            command.args(["--shards", &shards.to_string()]);
        }
        if let Some(server) = text("server") {
            command.args(["--server", server]);
        }
        for server in config["servers"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            command.args(["--backup", server]);
        }
        if let Some(flows) = config["flows"].as_u64() {
            command.args(["--flows", &flows.to_string()]);
        }
        if config["askCredentials"] == true {
            command.arg("--ask-credentials");
        }
        if let Some(token) = text("token") {
            command.env("OFFHOOK_TOKEN", token);
        }
        if config["automaticMedia"] == true {
            command.arg("--automatic-media");
        }
        if let Some(replacing) = text("replacing") {
            command.args(["--replacing", replacing]);
        }
        if let Some(joining) = text("joining") {
            command.args(["--joining", joining]);
        }
        if let Some(t1) = config["timers"]["t1"].as_u64() {
            command.args(["--t1", &t1.to_string()]);
        }
        for (name, flag) in [("ringTimeout", "--ring-timeout"), ("offerTimeout", "--offer-timeout")] {
            if let Some(time) = config[name].as_u64() {
                command.args([flag, &time.to_string()]);
            }
        }
        if let Some(expires) = config["expires"].as_u64() {
            command.args(["--expires", &expires.to_string()]);
        }
        for package in config["packages"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            command.args(["--packages", package]);
        }
        if !transport.is_websocket() {
            command.args(["--bind", &format!("{}:127.0.0.1:0", transport.uri_param())]);
        }
        if transport.is_secure() {
            let certificates = Certificates::of_this_process()?;
            command.arg("--tls-roots").arg(&certificates.roots);
            command.arg("--tls-certificate").arg(&certificates.certificate);
            command.arg("--tls-key").arg(&certificates.key);
        }
        if let Some(password) = text("password") {
            command.env("OFFHOOK_PASSWORD", password);
        }
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
        let (input, output) = (child.stdin.take(), child.stdout.take().ok_or("no standard output")?);
        let mut agent = Agent { program: Program(child), input, local: None };
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        if !transport.is_websocket() {
            let line = lines.next().ok_or("the agent said nothing")?;
            let listening: Value = serde_json::from_str(&line).map_err(|error| format!("{line:?}: {error}"))?;
            agent.local = listening["local"].as_str().and_then(|local| local.parse().ok());
        }
        thread::spawn(move || {
            for line in lines {
                let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if told.send(Happening::Told(who, value)).is_err() {
                    return;
                }
            }
        });
        Ok(agent)
    }
}

impl Remote for Agent {
    fn local(&self) -> Option<SocketAddr> {
        self.local
    }

    fn command(&mut self, command: &Value) {
        if let Some(input) = &mut self.input {
            // An agent that has gone will be missed by the next line.
            let _ = writeln!(input, "{command}");
        }
    }

    fn end(&mut self) -> Result<(), String> {
        self.input = None;
        let patience = Instant::now() + SOON;
        loop {
            match self.program.0.try_wait().map_err(|error| error.to_string())? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("ended with {status}")),
                None if Instant::now() > patience => return Err("does not end".into()),
                None => thread::sleep(Duration::from_millis(2)),
            }
        }
    }
}
