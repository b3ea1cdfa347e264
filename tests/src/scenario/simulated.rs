//! The simulated network as a stage: agents are [`Control`]s in virtual time.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use offhook_core::control::{AgentConfig, Command, Control};
use offhook_core::endpoint::Census;
use offhook_core::transport::{Path, Transport};
use serde_json::Value;

use super::mailbox::Mailbox;
use super::script::{Fault, Flying, Part, Scenario};
use super::stage::{Address, Happening, Stage, Theatre, config};
use crate::net::{Conditions, Network, Node, NodeId, Packet, Verdict};

/// The domain of a server between the participants.
pub const DOMAIN: &str = "offhook.test";

/// Where everybody listens.
pub const PORT: u16 = 5060;

/// How a scenario is played on the simulated network.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// How the participants reach each other.
    pub transport: Transport,
    /// What the links do.
    pub conditions: Conditions,
    /// What chance is made of.
    pub seed: u64,
}

/// Opens simulated stages.
#[derive(Clone, Copy, Debug)]
pub struct Simulated {
    /// How.
    pub variant: Variant,
    /// Adds the server that is between the participants, if one is; it listens at [`PORT`] for everything.
    pub server: Option<fn(&mut Network) -> NodeId>,
}

impl Theatre for Simulated {
    type Stage = World;

    fn open(&self, scenario: &Scenario) -> Result<World, String> {
        let Variant { transport, conditions, seed } = self.variant;
        let mut net = Network::new(seed, conditions);
        let host = |at: usize| format!("10.0.0.{}", at + 1);
        let peer = scenario.cast.iter().position(|role| matches!(role.part, Part::Scripted));
        let mut server = peer.map(|at| ("example.com", host(at)));
        let mut actors = Vec::new();
        if self.server.is_some() {
            // Added after the cast, so that everybody has the number of their address.
            server = Some((DOMAIN, host(scenario.cast.len())));
        }
        for (at, role) in scenario.cast.iter().enumerate() {
            let local = host(at);
            actors.push(match &role.part {
                Part::Scripted => {
                    let node = net.add(&role.name, Mailbox::default());
                    match transport {
                        Transport::Udp => drop(net.bind_udp(node, PORT)),
                        _ => net.listen(node, transport, PORT),
                    }
                    Actor::Peer(node)
                }
                Part::Agent(settings) => {
                    let (aor, servers) = match &server {
                        Some((domain, host)) => {
                            // The ways of several flows differ in their ports.
                            let ports = PORT..PORT + settings.flows.unwrap_or(1) as u16;
                            let urls = ports.map(|port| url(host, port, transport)).collect();
                            (format!("sip:{}@{domain}", role.name), urls)
                        }
                        None => (format!("sip:{}@{local}", role.name), Vec::new()),
                    };
                    let named = settings.servers.iter().map(|name| match scenario.role(name) {
                        Some(at) => Ok(url(&host(at), PORT, transport)),
                        None => Err(format!("who is {name}?")),
                    });
                    let named = named.collect::<Result<Vec<String>, String>>()?;
                    let password = format!("{}-secret", role.name);
                    let servers = if named.is_empty() { servers } else { named };
                    let config = config(settings, &aor, &servers, Some(&password));
                    let config = AgentConfig::from_json(&config.to_string()).map_err(|error| format!("{error:?}"))?;
                    let control = Control::new(config, net.rng().seed()).map_err(|error| format!("{error:?}"))?;
                    let node = net.add(&role.name, control);
                    match transport {
                        Transport::Ws | Transport::Wss => net.is_browser(node),
                        Transport::Udp => drop(net.bind_udp(node, PORT)),
                        Transport::Tcp | Transport::Tls => net.listen(node, transport, PORT),
                    }
                    Actor::Agent(node)
                }
            });
        }
        if let Some(add) = self.server {
            add(&mut net);
        }
        let taken = vec![0; actors.len()];
        let mut world = World {
            net,
            server: self.server.is_some(),
            actors,
            transport,
            lossy: conditions.loss > 0,
            taken,
            waiting: VecDeque::new(),
            left: Vec::new(),
            faults: Rc::default(),
        };
        world.meddle();
        Ok(world)
    }
}

/// The server's address as an agent is told it.
fn url(host: &str, port: u16, transport: Transport) -> String {
    match transport {
        Transport::Ws => format!("ws://{host}:{port}/"),
        transport => format!("sip:{host}:{port};transport={}", transport.uri_param()),
    }
}

enum Actor {
    Agent(Node<Control>),
    Peer(Node<Mailbox>),
}

/// A simulated stage.
pub struct World {
    net: Network,
    server: bool,
    actors: Vec<Actor>,
    transport: Transport,
    lossy: bool,
    /// How many events of each were handed out.
    taken: Vec<usize>,
    waiting: VecDeque<Happening>,
    /// What each agent still had when everything was over.
    left: Vec<Census>,
    faults: Rc<RefCell<Vec<(Flying, Planned)>>>,
}

#[derive(Clone, Copy, Debug)]
enum Planned {
    Loses(usize),
    Delays(Duration),
    Doubles,
}

impl World {
    /// The network, with all that passed.
    pub fn network(&self) -> &Network {
        &self.net
    }

    /// Somebody's node, by the place in the cast.
    pub fn node(&self, who: usize) -> NodeId {
        self.actors[who].id()
    }

    /// Lets the network ask what is to be done to each message.
    fn meddle(&mut self) {
        let faults = self.faults.clone();
        let ids: Vec<_> = self.actors.iter().map(|actor| actor.id()).collect();
        self.net.interfere(move |packet: &Packet<'_>| {
            let label = packet.label();
            let short = label.split(' ').next().unwrap_or_default();
            let mut faults = faults.borrow_mut();
            let is_it = |(flying, _): &(Flying, Planned)| {
                ids.get(flying.from) == Some(&packet.from) && (flying.label == label || flying.label == short)
            };
            let Some(at) = faults.iter().position(is_it) else { return Verdict::Pass };
            match &mut faults[at].1 {
                Planned::Loses(times) => {
                    *times -= 1;
                    if *times == 0 {
                        faults.remove(at);
                    }
                    Verdict::Lose
                }
                Planned::Delays(time) => {
                    let time = *time;
                    faults.remove(at);
                    Verdict::Delay(time)
                }
                Planned::Doubles => {
                    faults.remove(at);
                    Verdict::Twice
                }
            }
        });
    }

    fn agents(&self) -> impl Iterator<Item = Node<Control>> {
        self.actors.iter().filter_map(|actor| match actor {
            Actor::Agent(node) => Some(*node),
            Actor::Peer(_) => None,
        })
    }

    /// Hands out what happened since the last time.
    fn collect(&mut self) {
        for (who, actor) in self.actors.iter().enumerate() {
            let taken = &mut self.taken[who];
            match actor {
                Actor::Agent(node) => {
                    for (_, notification) in self.net.events(*node).iter().skip(*taken) {
                        let value = serde_json::from_str(&notification.to_json()).expect("notifications are JSON");
                        self.waiting.push_back(Happening::Told(who, value));
                        *taken += 1;
                    }
                }
                Actor::Peer(node) => {
                    for (_, (path, bytes)) in self.net.events(*node).iter().skip(*taken) {
                        self.waiting.push_back(Happening::Heard(who, *path, bytes.clone()));
                        *taken += 1;
                    }
                }
            }
        }
    }

    fn host(&self, who: usize) -> String {
        self.net.address(self.actors[who].id(), PORT).ip().to_string()
    }
}

impl Actor {
    fn id(&self) -> NodeId {
        match self {
            Actor::Agent(node) => node.id(),
            Actor::Peer(node) => node.id(),
        }
    }
}

impl Stage for World {
    fn has_registrar(&self) -> bool {
        self.server
    }

    fn is_lossy(&self) -> bool {
        self.lossy
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(250)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.net.now().as_millis())
    }

    fn target(&self, from: usize, to: usize) -> String {
        let name = self.net.name(self.actors[to].id());
        match (&self.actors[from], &self.actors[to], self.transport) {
            (Actor::Agent(_), Actor::Peer(_), _) => format!("sip:{name}@example.com"),
            _ if self.server => format!("sip:{name}@{DOMAIN}"),
            (_, _, Transport::Tcp) => format!("sip:{name}@{};transport=tcp", self.host(to)),
            _ => format!("sip:{name}@{}", self.host(to)),
        }
    }

    fn command(&mut self, who: usize, command: &Value) {
        let Actor::Agent(node) = self.actors[who] else { return };
        let command = Command::from_json(&command.to_string()).expect("a command");
        self.net.with(node, |control, now| control.command(now, command));
    }

    fn post(&mut self, who: usize, path: Path, bytes: Bytes) {
        let Actor::Peer(node) = self.actors[who] else { return };
        self.net.with(node, |mailbox, _| mailbox.post(path, bytes));
    }

    fn address(&self, who: usize) -> Address {
        Address { transport: self.transport, local: self.net.address(self.actors[who].id(), PORT) }
    }

    fn path(&self, from: usize, to: usize) -> Option<Path> {
        let Actor::Peer(node) = self.actors[from] else { return None };
        self.net.machine(node).path(self.net.address(self.actors[to].id(), PORT))
    }

    fn next(&mut self, limit: Duration) -> Option<Happening> {
        let end = self.net.now() + limit;
        loop {
            self.collect();
            if let Some(happening) = self.waiting.pop_front() {
                return Some(happening);
            }
            // One thing at a time: what a step tells may be what the scenario waits for.
            if self.net.next_time().is_some_and(|next| next <= end) {
                self.net.step();
            } else {
                self.net.run_for(Duration::from_millis(end.as_millis().saturating_sub(self.net.now().as_millis())));
                return None;
            }
        }
    }

    fn wait(&mut self, time: Duration) -> Vec<Happening> {
        self.net.run_for(time);
        self.collect();
        self.waiting.drain(..).collect()
    }

    fn fault(&mut self, fault: &Fault) {
        let plan = |planned, flying: &Flying| self.faults.borrow_mut().push((flying.clone(), planned));
        match fault {
            Fault::Loses(flying, times) => plan(Planned::Loses(*times), flying),
            Fault::Delays(flying, time) => plan(Planned::Delays(*time), flying),
            Fault::Doubles(flying) => plan(Planned::Doubles, flying),
            Fault::CutsOff(who) => self.net.isolate(self.actors[*who].id()),
            Fault::Rejoins(who) => self.net.rejoin(self.actors[*who].id()),
            Fault::Breaks(who, which) => {
                let node = self.actors[*who].id();
                let all = self.net.connections(node);
                for flow in all.into_iter().enumerate().filter(|(at, _)| which.is_none_or(|which| which == *at)) {
                    let (_, flow) = flow;
                    self.net.break_connection(node, flow);
                }
            }
        }
    }

    /// Longer than any transaction lives.
    fn settle(&mut self) -> Vec<Happening> {
        let happenings = self.wait(Duration::from_secs(70));
        self.left = self.agents().map(|node| self.net.machine(node).endpoint().census()).collect();
        happenings
    }

    fn autopsy(&mut self) -> Result<(), String> {
        for (node, left) in self.agents().zip(&self.left) {
            let mut left = *left;
            left.timers = 0; // one may be the registration's
            if left != Census::default() {
                return Err(format!("{} keeps something: {left:?}", self.net.name(node)));
            }
        }
        match self.faults.borrow().first() {
            Some((flying, planned)) => Err(format!("no {} came to do this to: {planned:?}", flying.label)),
            None => Ok(()),
        }
    }

    fn ladder(&self) -> String {
        self.net.ladder()
    }
}
