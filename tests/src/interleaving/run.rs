//! Carries a plan out and holds the agents to what they promise.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use offhook_core::control::{AgentConfig, Command, Control};
use offhook_core::endpoint::Census;
use offhook_core::transport::Transport;
use serde_json::{Value, json};

use super::verbs::{Doing, Fault, carry_out, is_in_call};
use super::{Act, NAMES, Plan, Way};
use crate::net::{Conditions, Network, Node, NodeId};

/// Longer than anything lives that a call leaves behind: a transaction, and what waits for one.
const QUIET: Duration = Duration::from_secs(300);

const DOMAIN: &str = "offhook.test";
const PORT: u16 = 5060;

/// What is known of an agent.
pub(super) struct Agent {
    pub(super) who: usize,
    node: Node<Control>,
    pub(super) targets: Vec<String>,
    /// Every call it had, by number.
    pub(super) calls: BTreeMap<u32, Call>,
    /// The call that the next command is about.
    pub(super) chosen: u32,
    pub(super) replacements: Vec<Value>,
    /// Transfers that others asked for.
    pub(super) asked: Vec<u32>,
    /// Transfers of its own that are not over.
    transfers: BTreeSet<u32>,
    pub(super) descriptions: u32,
    /// Commands that have not ended.
    waiting: BTreeMap<u32, String>,
    commands: u32,
    heard: usize,
    stopped: bool,
}

/// What is known of a call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Call {
    pub(super) state: State,
    /// The other side offered since.
    pub(super) offered: bool,
}

/// How far a call is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// Neither of the following.
    #[default]
    Begun,
    /// It came in.
    Ringing,
    /// It was answered and acknowledged.
    Established,
    /// It ended.
    Over,
}

/// Carries a plan out. `proxy` adds the server of the ways that have one, which listens at port 5060 for everything.
///
/// # Errors
///
/// The promise that was not kept, and what passed.
pub fn run(plan: &Plan, proxy: fn(&mut Network) -> NodeId) -> Result<(), String> {
    let mut run = Run::new(plan, proxy)?;
    run.play(plan).map_err(|reason| format!("{plan}\n{reason}\n{}", run.net.ladder()))
}

struct Run {
    net: Network,
    agents: Vec<Agent>,
    through: bool,
}

impl Run {
    fn new(plan: &Plan, proxy: fn(&mut Network) -> NodeId) -> Result<Run, String> {
        let conditions = match plan.bad {
            true => Conditions { loss: 200, ..Conditions::bad() },
            false => Conditions::default(),
        };
        let mut net = Network::new(plan.seed, conditions);
        let through = matches!(plan.way, Way::ProxyUdp | Way::ProxyWs);
        let transport = match plan.way {
            Way::Udp | Way::ProxyUdp => Transport::Udp,
            Way::Tcp => Transport::Tcp,
            Way::ProxyWs => Transport::Ws,
        };
        let host = |who: usize| format!("10.0.0.{}", who + 1);
        let target = |who: usize| match plan.way {
            Way::Udp => format!("sip:{}@{}", NAMES[who], host(who)),
            Way::Tcp => format!("sip:{}@{};transport=tcp", NAMES[who], host(who)),
            _ => format!("sip:{}@{DOMAIN}", NAMES[who]),
        };
        let mut agents = Vec::new();
        for (who, name) in NAMES.iter().enumerate() {
            let config: AgentConfig = serde_json::from_value(config(plan, who)).map_err(|error| error.to_string())?;
            let control = Control::new(config, net.rng().seed()).map_err(|error| format!("{error:?}"))?;
            let node = net.add(name, control);
            match transport {
                Transport::Udp => drop(net.bind_udp(node, PORT)),
                Transport::Tcp => net.listen(node, transport, PORT),
                _ => net.is_browser(node),
            }
            agents.push(Agent {
                who,
                node,
                targets: (0..NAMES.len()).map(target).collect(),
                calls: BTreeMap::new(),
                chosen: 0,
                replacements: Vec::new(),
                asked: Vec::new(),
                transfers: BTreeSet::new(),
                descriptions: 0,
                waiting: BTreeMap::new(),
                commands: 0,
                heard: 0,
                stopped: false,
            });
        }
        if through {
            proxy(&mut net);
        }
        Ok(Run { net, agents, through })
    }

    fn play(&mut self, plan: &Plan) -> Result<(), String> {
        if self.through {
            for who in 0..self.agents.len() {
                self.command(who, json!({ "type": "register" }));
            }
            self.net.run_for(Duration::from_secs(if plan.bad { 5 } else { 1 }));
        }
        for act in &plan.acts {
            self.net.run_for(Duration::from_millis(act.after));
            self.listen()?;
            self.act(act);
        }
        self.net.run_for(Duration::from_millis(u64::from(plan.settings[0]) * 4));
        self.listen()?;
        for who in 0..self.agents.len() {
            self.net.rejoin(self.agents[who].node);
        }
        // Half of them hang up before they go.
        if plan.settings[2] & 1 == 0 {
            // What was held back by a connection comes first.
            self.net.run_for(Duration::from_secs(100));
            self.listen()?;
            self.hang_up()?;
        }
        self.shut_down(plan)
    }

    fn act(&mut self, act: &Act) {
        let mut who = act.who;
        if is_in_call(act.verb) {
            // Mostly where it makes sense, by somebody else if need be.
            let others = (0..self.agents.len()).map(|other| (act.who + other) % self.agents.len());
            let found = others.filter_map(|who| Some((who, self.agents[who].fitting(act.verb)?))).next();
            let any = (act.number % 8 == 7).then(|| (act.who, self.agents[act.who].some_call(act.number)));
            let Some((agent, call)) = any.or(found) else { return };
            who = agent;
            self.agents[who].chosen = call;
        }
        match carry_out(act.verb, &mut self.agents[who], act.number) {
            Doing::Command(command) => self.command(who, command),
            Doing::Network(fault) => {
                let node = self.agents[who].node;
                match fault {
                    Fault::Breaks => {
                        for flow in self.net.connections(node) {
                            // The other end of one with itself is gone with the first.
                            if self.net.connections(node).contains(&flow) {
                                self.net.break_connection(node, flow);
                            }
                        }
                    }
                    Fault::CutOff => self.net.isolate(node),
                    Fault::Rejoins => self.net.rejoin(node),
                }
            }
        }
    }

    fn command(&mut self, who: usize, mut command: Value) {
        let agent = &mut self.agents[who];
        if agent.stopped {
            return;
        }
        agent.commands += 1;
        command["id"] = json!(agent.commands);
        agent.waiting.insert(agent.commands, command["type"].to_string());
        let command: Command =
            serde_json::from_value(command.clone()).unwrap_or_else(|error| panic!("{command}: {error}"));
        self.net.with(agent.node, |control, now| control.command(now, command));
    }

    /// Everything is hung up; then nothing may be left but what a registration needs.
    fn hang_up(&mut self) -> Result<(), String> {
        for who in 0..self.agents.len() {
            for call in self.agents[who].calls.keys().copied().collect::<Vec<_>>() {
                self.command(who, json!({ "type": "hangup", "call": call }));
            }
        }
        self.net.run_for(QUIET);
        self.listen()?;
        for agent in &self.agents {
            let mut left = self.net.machine(agent.node).endpoint().census();
            left.timers = 0; // one may be the registration's
            if self.through {
                // It may be refreshed just now.
                (left.outgoing, left.client_transactions) = (0, 0);
            }
            if left != Census::default() {
                return Err(format!("{} keeps something of what was hung up: {left:?}", NAMES[agent.who]));
            }
            if let Some(call) = agent.open() {
                return Err(format!("{}'s call {call} was hung up and is not over", NAMES[agent.who]));
            }
            let ends = |kind: &&String| !matches!(kind.as_str(), "\"register\"" | "\"unregister\"" | "\"connect\"");
            if let Some(kind) = agent.waiting.values().find(ends) {
                return Err(format!("{}'s {kind} does not end", NAMES[agent.who]));
            }
        }
        Ok(())
    }

    fn shut_down(&mut self, plan: &Plan) -> Result<(), String> {
        for who in 0..self.agents.len() {
            let deadline = [0, 10, 300, 2000][usize::from(plan.settings[who] >> 6)];
            self.command(who, json!({ "type": "shutdown", "deadline": deadline }));
        }
        self.net.run_for(QUIET);
        self.listen()?;
        for agent in &self.agents {
            let name = NAMES[agent.who];
            let control = self.net.machine(agent.node);
            if !agent.stopped {
                return Err(format!("{name} does not stop: {:?}", control.endpoint().census()));
            }
            if control.endpoint().census() != Census::default() {
                return Err(format!("{name} stopped with something left: {:?}", control.endpoint().census()));
            }
            if let Some(kind) = agent.waiting.values().next() {
                return Err(format!("{name}'s {kind} never ended"));
            }
            if let Some(transfer) = agent.transfers.first() {
                return Err(format!("{name}'s transfer {transfer} never ended"));
            }
            if let Some(call) = agent.open() {
                return Err(format!("{name}'s call {call} never ended"));
            }
        }
        Ok(())
    }

    /// Takes in what the agents told since the last time.
    fn listen(&mut self) -> Result<(), String> {
        for agent in &mut self.agents {
            let events = self.net.events(agent.node);
            for (at, notification) in &events[agent.heard..] {
                let value = serde_json::to_value(notification).map_err(|error| error.to_string())?;
                let told = agent.hear(&value);
                told.map_err(|reason| format!("{} at {}: {reason}: {value}", NAMES[agent.who], at.as_millis()))?;
            }
            agent.heard = events.len();
        }
        Ok(())
    }
}

impl Agent {
    fn hear(&mut self, notification: &Value) -> Result<(), &'static str> {
        if self.stopped {
            return Err("told after it had stopped");
        }
        let kind = notification["type"].as_str().unwrap_or_default();
        match kind {
            "result" | "error" => {
                let id = notification["id"].as_u64().unwrap_or_default() as u32;
                self.waiting.remove(&id).ok_or("the end of no command, or a second one")?;
                let value = &notification["value"];
                if value["replacement"].is_object() {
                    self.replacements.push(value["replacement"].clone());
                }
                if let Some(transfer) = value["transfer"].as_u64() {
                    self.transfers.insert(transfer as u32);
                }
                if kind == "result" && value["callId"].is_string() && value["state"].is_null() {
                    return self.begin(&value["call"], State::Begun);
                }
            }
            "incoming" => return self.begin(&notification["call"], State::Ringing),
            "stopped" => self.stopped = true,
            "transferRequest" => self.asked.extend(notification["transfer"].as_u64().map(|number| number as u32)),
            "transferDone" => {
                let number = notification["transfer"].as_u64().unwrap_or_default() as u32;
                return if self.transfers.remove(&number) {
                    Ok(())
                } else {
                    Err("the end of no transfer, or a second one")
                };
            }
            _ => {
                let Some(call) = notification["call"].as_u64() else { return Ok(()) };
                let call = self.calls.get_mut(&(call as u32)).ok_or("told of a call that was not told of")?;
                if call.state == State::Over {
                    return Err("told of a call that is over");
                }
                match kind {
                    "ended" => call.state = State::Over,
                    "state" if notification["state"] == "established" => call.state = State::Established,
                    "state" if notification["state"] != "ringing" => call.state = State::Begun,
                    "offer" => call.offered = true,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, call: &Value, state: State) -> Result<(), &'static str> {
        let call = call.as_u64().ok_or("a call without a number")? as u32;
        match self.calls.insert(call, Call { state, offered: false }) {
            None => Ok(()),
            Some(_) => Err("a call that began already"),
        }
    }

    /// A call that did not end.
    fn open(&self) -> Option<u32> {
        self.calls.iter().find(|(_, call)| call.state != State::Over).map(|(number, _)| *number)
    }
}

/// What an agent is set to, made of its byte.
fn config(plan: &Plan, who: usize) -> Value {
    let settings = plan.settings[who];
    let domain = match plan.way {
        Way::Udp | Way::Tcp => format!("10.0.0.{}", who + 1),
        _ => DOMAIN.to_owned(),
    };
    let mut config = json!({ "aor": format!("sip:{}@{domain}", NAMES[who]) });
    let server = NAMES.len() + 1;
    match plan.way {
        Way::ProxyUdp => config["server"] = format!("sip:10.0.0.{server}:{PORT};transport=udp").into(),
        Way::ProxyWs => config["server"] = format!("ws://10.0.0.{server}:{PORT}/").into(),
        _ => {}
    }
    config["password"] = format!("{}-secret", NAMES[who]).into();
    config["automaticMedia"] = (settings & 2 == 0).into();
    config["reliable"] = ["supported", "never", "required", "supported"][usize::from(settings >> 2 & 3)].into();
    if settings & 16 != 0 {
        config["expires"] = 60.into();
    }
    config
}
