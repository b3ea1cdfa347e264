//! Real sockets as a stage: the agents run elsewhere, in processes of their own or in a browser.

use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use bytes::Bytes;
use offhook_core::transport::{Path, Transport};
use serde_json::Value;

use super::relay::Relay;
use super::script::{Fault, Part, Scenario, Settings};
use super::servers::{Peer, Switchboard};
use super::simulated::DOMAIN;
use super::stage::{Address, Happening, Stage, config};
use crate::net::label;

/// How long agents have for what takes them a moment.
pub(super) const SOON: Duration = Duration::from_secs(10);

/// An agent that runs elsewhere and tells what it sees by itself.
pub(super) trait Remote {
    /// Where it listens, if it does.
    fn local(&self) -> Option<SocketAddr> {
        None
    }

    /// Tells it to do something.
    fn command(&mut self, command: &Value);

    /// Waits until it has ended, and says what is wrong with how.
    fn end(&mut self) -> Result<(), String>;
}

/// What an agent is started with.
pub(super) struct Start<'a> {
    /// Its number.
    pub(super) who: usize,
    /// What the scenario says of it.
    pub(super) settings: &'a Settings,
    /// The same and more, as `AgentConfig` reads it.
    pub(super) config: Value,
    /// Where what it sees is told.
    pub(super) told: Sender<Happening>,
}

enum Actor {
    Agent(Box<dyn Remote>, Vec<Relay>),
    Peer(Peer),
}

/// A stage of real sockets.
pub struct Sockets {
    transport: Transport,
    /// Whether the agents have media of their own.
    negotiates: bool,
    switchboard: Option<Switchboard>,
    actors: Vec<Actor>,
    names: Vec<String>,
    receiver: Receiver<Happening>,
    started: Instant,
    /// What agents sent and got, a line each.
    passed: Vec<String>,
}

impl Sockets {
    /// Starts the servers and peers, and the agents by `start`.
    pub(super) fn open(
        scenario: &Scenario,
        transport: Transport,
        through: bool,
        negotiates: bool,
        mut start: impl FnMut(Start<'_>) -> Result<Box<dyn Remote>, String>,
    ) -> Result<Sockets, String> {
        let (sender, receiver) = mpsc::channel();
        let mut stage = Sockets {
            transport,
            negotiates,
            switchboard: if through { Some(Switchboard::start()?) } else { None },
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
                peers.push(Peer::start(who, transport, sender.clone())?);
            }
        }
        let places: Vec<(usize, SocketAddr)> = {
            let scripted = scenario.cast.iter().enumerate().filter(|(_, role)| matches!(role.part, Part::Scripted));
            scripted.map(|(who, _)| who).zip(peers.iter().map(|peer| peer.address.local)).collect()
        };
        let peer = peers.first().map(|peer| peer.address.local);
        let mut peers = peers.into_iter();
        for (who, role) in scenario.cast.iter().enumerate() {
            let actor = match &role.part {
                Part::Scripted => Actor::Peer(peers.next().ok_or("a peer")?),
                Part::Agent(settings) => {
                    let server = peer.or_else(|| stage.switchboard.as_ref().map(|board| board.address(transport)));
                    let place = |name: &String| {
                        let who = scenario.role(name).ok_or_else(|| format!("who is {name}?"))?;
                        let place = places.iter().find(|(at, _)| *at == who).map(|(_, place)| *place);
                        place.ok_or_else(|| format!("{name} is no scripted peer"))
                    };
                    let mut servers = settings.servers.iter().map(place).collect::<Result<Vec<_>, String>>()?;
                    if servers.is_empty() {
                        // Each flow has a way of its own, which can be cut.
                        servers.extend(std::iter::repeat_n(server, settings.flows.unwrap_or(1) as usize).flatten());
                    }
                    let mut relays = Vec::new();
                    if transport.is_reliable() {
                        for server in &mut servers {
                            let relay = Relay::to(*server).map_err(|error| error.to_string())?;
                            *server = relay.local();
                            relays.push(relay);
                        }
                    }
                    let domain = match (server, peer) {
                        (None, _) => "127.0.0.1",
                        (Some(_), Some(_)) => "example.com",
                        (Some(_), None) => DOMAIN,
                    };
                    let servers: Vec<String> = servers.into_iter().map(|at| url(at, transport)).collect();
                    let (aor, password) = (format!("sip:{}@{domain}", role.name), format!("{}-secret", role.name));
                    let config = config(settings, &aor, &servers, Some(&password));
                    Actor::Agent(start(Start { who, settings, config, told: sender.clone() })?, relays)
                }
            };
            stage.actors.push(actor);
        }
        Ok(stage)
    }

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

fn url(at: SocketAddr, transport: Transport) -> String {
    match transport {
        Transport::Ws => format!("ws://{at}/ws"),
        Transport::Wss => format!("wss://{at}/ws"),
        transport => format!("sip:{at};transport={}", transport.uri_param()),
    }
}

impl Stage for Sockets {
    fn negotiates(&self) -> bool {
        self.negotiates
    }

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
            Actor::Agent(..) if self.switchboard.is_some() => format!("sip:{name}@{DOMAIN}"),
            Actor::Agent(agent, _) => match (agent.local(), self.transport) {
                (Some(local), transport @ (Transport::Tcp | Transport::Tls)) => {
                    format!("sip:{name}@{local};transport={}", transport.uri_param())
                }
                (Some(local), _) => format!("sip:{name}@{local}"),
                (None, _) => format!("sip:{name}@example.com"),
            },
        }
    }

    fn command(&mut self, who: usize, command: &Value) {
        if let Actor::Agent(agent, _) = &mut self.actors[who] {
            agent.command(command);
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
            Actor::Agent(..) => unreachable!("only scripted peers are asked for theirs"),
        }
    }

    fn path(&self, from: usize, to: usize) -> Option<Path> {
        let (Actor::Peer(peer), Actor::Agent(agent, _)) = (&self.actors[from], &self.actors[to]) else { return None };
        peer.path(agent.local().unwrap_or(Path::UNKNOWN))
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
            Fault::Breaks(who, which) => {
                let Actor::Agent(_, relays) = &self.actors[*who] else { return };
                let chosen = relays.iter().enumerate().filter(|(at, _)| which.is_none_or(|which| which == *at));
                chosen.for_each(|(_, relay)| relay.cut());
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
            if let Actor::Agent(agent, _) = actor {
                agent.end().map_err(|reason| format!("{} {reason}", self.names[who]))?;
            }
        }
        Ok(())
    }

    fn ladder(&self) -> String {
        self.passed.join("\n")
    }
}
