//! Real sockets as a stage: every agent is an `offhook agent` process.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use offhook::{Driver, Handle};
use offhook_core::transport::{Path, Transport};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::mailbox::Mailbox;
use super::programs::program;
use super::relay::Relay;
use super::script::{Fault, Part, Scenario};
use super::simulated::DOMAIN;
use super::stage::{Address, Happening, Stage, Theatre, config};
use crate::net::label;

/// How long programs have for what takes them a moment.
const SOON: Duration = Duration::from_secs(10);

/// Opens stages of processes.
#[derive(Clone, Copy, Debug)]
pub struct Native {
    /// How the participants speak.
    pub transport: Transport,
    /// Whether a switchboard is between them.
    pub through: bool,
}

impl Theatre for Native {
    type Stage = Processes;

    fn open(&self, scenario: &Scenario) -> Result<Processes, String> {
        let (sender, receiver) = mpsc::channel();
        let mut stage = Processes {
            transport: self.transport,
            switchboard: if self.through { Some(Switchboard::start()?) } else { None },
            actors: Vec::new(),
            names: scenario.cast.iter().map(|role| role.name.clone()).collect(),
            receiver,
            started: Instant::now(),
            passed: Vec::new(),
        };
        // Scripted peers first: the others need to know where they are.
        let mut peers = Vec::new();
        for (who, role) in scenario.cast.iter().enumerate() {
            if let Part::Scripted = role.part {
                peers.push((who, Peer::start(who, self.transport, sender.clone())?));
            }
        }
        let peer = peers.first().map(|(_, peer)| peer.address.local);
        for (who, role) in scenario.cast.iter().enumerate() {
            let actor = match &role.part {
                Part::Scripted => Actor::Peer(peers.remove(0).1),
                Part::Agent(settings) => {
                    let server = peer.or_else(|| stage.switchboard.as_ref().map(|board| board.address(self.transport)));
                    let relay = match server {
                        Some(server) if self.transport.is_reliable() => {
                            Some(Relay::to(server).map_err(|error| error.to_string())?)
                        }
                        _ => None,
                    };
                    let server = relay.as_ref().map(Relay::local).or(server).map(|at| url(at, self.transport));
                    let domain = match (&server, peer) {
                        (None, _) => "127.0.0.1",
                        (Some(_), Some(_)) => "example.com",
                        (Some(_), None) => DOMAIN,
                    };
                    let (aor, password) = (format!("sip:{}@{domain}", role.name), format!("{}-secret", role.name));
                    let config = config(settings, &aor, server.as_deref(), Some(&password));
                    Actor::Agent(Agent::start(who, &config, self.transport, relay, sender.clone())?)
                }
            };
            stage.actors.push(actor);
        }
        Ok(stage)
    }
}

fn url(at: SocketAddr, transport: Transport) -> String {
    match transport {
        Transport::Ws => format!("ws://{at}/ws"),
        transport => format!("sip:{at};transport={}", transport.uri_param()),
    }
}

enum Actor {
    Agent(Agent),
    Peer(Peer),
}

/// A stage of processes.
pub struct Processes {
    transport: Transport,
    switchboard: Option<Switchboard>,
    actors: Vec<Actor>,
    names: Vec<String>,
    receiver: Receiver<Happening>,
    started: Instant,
    /// What agents sent and got, a line each.
    passed: Vec<String>,
}

/// A program that ends with its owner.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // One that has ended cannot be killed, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Switchboard {
    _program: Program,
    addresses: Value,
}

impl Switchboard {
    fn start() -> Result<Switchboard, String> {
        let any = "127.0.0.1:0";
        let mut child = Command::new(program("offhook-examples", "switchboard")?)
            .args(["--json", "--quiet", "--udp", any, "--tcp", any, "--http", any])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let output = child.stdout.take().ok_or("no standard output")?;
        let program = Program(child);
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).map_err(|error| error.to_string())?;
        let addresses =
            serde_json::from_str(&line).map_err(|error| format!("the switchboard said {line:?}: {error}"))?;
        Ok(Switchboard { _program: program, addresses })
    }

    fn address(&self, transport: Transport) -> SocketAddr {
        let name = match transport {
            Transport::Udp => "udp",
            Transport::Tcp | Transport::Tls => "tcp",
            Transport::Ws | Transport::Wss => "http",
        };
        let text = self.addresses[name].as_str().unwrap_or_default();
        text.parse().unwrap_or_else(|_| panic!("the switchboard does not listen for {name}: {}", self.addresses))
    }
}

struct Agent {
    program: Program,
    input: Option<ChildStdin>,
    /// Where it listens, if it does.
    local: Option<SocketAddr>,
    relay: Option<Relay>,
}

impl Agent {
    fn start(
        who: usize,
        config: &Value,
        transport: Transport,
        relay: Option<Relay>,
        told: Sender<Happening>,
    ) -> Result<Agent, String> {
        let text = |name: &str| config[name].as_str();
        let mut command = Command::new(program("offhook", "offhook")?);
        command.args(["agent", "--json", "--trace", "--aor", text("aor").unwrap_or_default()]);
        if let Some(server) = text("server") {
            command.args(["--server", server]);
        }
        if config["automaticMedia"] == true {
            command.arg("--automatic-media");
        }
        if let Some(t1) = config["timers"]["t1"].as_u64() {
            command.args(["--t1", &t1.to_string()]);
        }
        if let Some(expires) = config["expires"].as_u64() {
            command.args(["--expires", &expires.to_string()]);
        }
        if !transport.is_websocket() {
            command.args(["--bind", &format!("{}:127.0.0.1:0", transport.uri_param())]);
        }
        command.env("OFFHOOK_PASSWORD", text("password").unwrap_or_default());
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
        let (input, output) = (child.stdin.take(), child.stdout.take().ok_or("no standard output")?);
        let mut agent = Agent { program: Program(child), input, local: None, relay };
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

    /// Waits until it has ended, and says what is wrong with how.
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

/// A scripted peer.
pub(super) struct Peer {
    /// Where it is.
    pub(super) address: Address,
    handle: Handle<Mailbox>,
    runtime: Runtime,
}

impl Peer {
    /// Starts one on the loopback that tells what it hears.
    pub(super) fn start(who: usize, transport: Transport, heard: Sender<Happening>) -> Result<Peer, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let driver = Driver::builder(Mailbox::default());
        let driver = match transport {
            Transport::Udp => driver.udp(any),
            Transport::Ws => driver.ws(any),
            other => return Err(format!("scripted peers do not speak {other}")),
        };
        let entered = runtime.enter();
        let handle = driver
            .spawn(move |(path, bytes)| {
                // A stage that has closed does not want to know.
                let _ = heard.send(Happening::Heard(who, path, bytes));
            })
            .map_err(|error| error.to_string())?;
        drop(entered);
        let local = handle.local_addrs().first().map(|listen| listen.addr).ok_or("no address")?;
        Ok(Peer { address: Address { transport, local }, handle, runtime })
    }

    /// The way to an agent that listens there, or that has connected.
    pub(super) fn path(&self, remote: SocketAddr) -> Option<Path> {
        self.runtime.block_on(self.handle.run(move |mailbox, _| mailbox.path(remote))).ok().flatten()
    }

    /// Sends a message.
    pub(super) fn post(&self, path: Path, bytes: Bytes) {
        // A peer that has stopped sends nothing, which the scenario will notice.
        let _ = self.handle.post(move |mailbox, _| mailbox.post(path, bytes));
    }
}

impl Processes {
    fn note(&mut self, happening: &Happening) {
        let elapsed = self.started.elapsed().as_millis();
        match happening {
            Happening::Told(who, value) if value["type"] == "trace" => {
                let arrow = if value["direction"] == "out" { "->" } else { "<-" };
                let label = label(value["text"].as_str().unwrap_or_default().as_bytes());
                self.passed.push(format!("{elapsed:>8}  {} {arrow} {label}", self.names[*who]));
            }
            Happening::Told(..) => {}
            Happening::Heard(who, _, bytes) => {
                self.passed.push(format!("{elapsed:>8}  {} <- {}", self.names[*who], label(bytes)));
            }
        }
    }
}

impl Stage for Processes {
    fn has_registrar(&self) -> bool {
        self.switchboard.is_some()
    }

    fn patience(&self) -> Duration {
        SOON
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn target(&self, _from: usize, to: usize) -> String {
        let name = &self.names[to];
        match &self.actors[to] {
            Actor::Peer(_) => format!("sip:{name}@example.com"),
            Actor::Agent(_) if self.switchboard.is_some() => format!("sip:{name}@{DOMAIN}"),
            Actor::Agent(agent) => match (agent.local, self.transport) {
                (Some(local), Transport::Tcp) => format!("sip:{name}@{local};transport=tcp"),
                (Some(local), _) => format!("sip:{name}@{local}"),
                (None, _) => format!("sip:{name}@example.com"),
            },
        }
    }

    fn command(&mut self, who: usize, command: &Value) {
        let Actor::Agent(agent) = &mut self.actors[who] else { return };
        if let Some(input) = &mut agent.input {
            // An agent that has gone will be missed by the next line.
            let _ = writeln!(input, "{command}");
        }
    }

    fn post(&mut self, who: usize, path: Path, bytes: Bytes) {
        let elapsed = self.started.elapsed().as_millis();
        self.passed.push(format!("{elapsed:>8}  {} -> {}", self.names[who], label(&bytes)));
        if let Actor::Peer(peer) = &self.actors[who] {
            peer.post(path, bytes);
        }
    }

    fn address(&self, who: usize) -> Address {
        match &self.actors[who] {
            Actor::Peer(peer) => peer.address,
            Actor::Agent(_) => unreachable!("only scripted peers are asked for theirs"),
        }
    }

    fn path(&self, from: usize, to: usize) -> Option<Path> {
        let (Actor::Peer(peer), Actor::Agent(agent)) = (&self.actors[from], &self.actors[to]) else { return None };
        peer.path(agent.local.unwrap_or(Path::UNKNOWN))
    }

    fn next(&mut self, limit: Duration) -> Option<Happening> {
        match self.receiver.recv_timeout(limit) {
            Ok(happening) => {
                self.note(&happening);
                Some(happening)
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => None,
        }
    }

    fn wait(&mut self, time: Duration) -> Vec<Happening> {
        let end = Instant::now() + time;
        let mut happenings = Vec::new();
        while let Some(happening) = self.next(end.saturating_duration_since(Instant::now())) {
            happenings.push(happening);
        }
        happenings
    }

    fn fault(&mut self, fault: &Fault) {
        match fault {
            Fault::Breaks(who) => {
                if let Actor::Agent(Agent { relay: Some(relay), .. }) = &self.actors[*who] {
                    relay.cut();
                }
            }
            other => unreachable!("scenarios with {other:?} are left to the simulated network"),
        }
    }

    /// What else they have to say they say while they shut down.
    fn settle(&mut self) -> Vec<Happening> {
        self.wait(Duration::ZERO)
    }

    fn autopsy(&mut self) -> Result<(), String> {
        for (who, actor) in self.actors.iter_mut().enumerate() {
            if let Actor::Agent(agent) = actor {
                agent.end().map_err(|reason| format!("{} {reason}", self.names[who]))?;
            }
        }
        Ok(())
    }

    fn ladder(&self) -> String {
        self.passed.join("\n")
    }
}
