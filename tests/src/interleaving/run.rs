//! Carries a plan out and holds the agents to what they promise.

use std::time::Duration;

use offhook_core::control::{AgentConfig, Command, Control};
use offhook_core::endpoint::Census;
use offhook_core::transport::Transport;
use serde_json::{Value, json};

use super::known::{Agent, Role};
use super::verbs::{Doing, Fault, In, PACKAGE_OF_INFO, carry_out, place};
use super::{Act, NAMES, Plan, Way};
use crate::net::{Conditions, Network, NodeId};

/// Longer than anything lives that a call leaves behind: a transaction, and what waits for one.
const QUIET: Duration = Duration::from_secs(300);

/// Longer than a request takes, with every challenge.
const LONGEST: Duration = Duration::from_secs(100);

const DOMAIN: &str = "offhook.test";
const PORT: u16 = 5060;
/// The other port of the server for WebSockets.
pub const SECOND: u16 = 5061;

/// Carries a plan out. `proxy` adds the server of the ways that have one, which listens at port 5060 for everything, and at
/// [`SECOND`] for WebSockets.
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
        let through = !matches!(plan.way, Way::Udp | Way::Tcp);
        let transport = match plan.way {
            Way::Udp | Way::ProxyUdp => Transport::Udp,
            Way::Tcp => Transport::Tcp,
            Way::ProxyWs | Way::TwoFlows => Transport::Ws,
        };
        let host = |who: usize| format!("10.0.0.{}", who + 1);
        let target = |who: usize| match plan.way {
            Way::Udp => format!("sip:{}@{}", NAMES[who], host(who)),
            Way::Tcp => format!("sip:{}@{};transport=tcp", NAMES[who], host(who)),
            _ => format!("sip:{}@{DOMAIN}", NAMES[who]),
        };
        let mut agents = Vec::new();
        for (who, name) in NAMES.iter().enumerate() {
            let config =
                AgentConfig::from_json(&config(plan, who).to_string()).map_err(|error| format!("{error:?}"))?;
            let control = Control::new(config, net.rng().seed()).map_err(|error| format!("{error:?}"))?;
            let node = net.add(name, control);
            match transport {
                Transport::Udp => drop(net.bind_udp(node, PORT)),
                Transport::Tcp => net.listen(node, transport, PORT),
                _ => net.is_browser(node),
            }
            agents.push(Agent::new(who, node, (0..NAMES.len()).map(target).collect()));
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
        self.net.run_for(Duration::from_millis(u64::from(plan.settings[0] & 255) * 4));
        self.listen()?;
        for who in 0..self.agents.len() {
            self.net.rejoin(self.agents[who].node);
        }
        // Half of them hang up before they go.
        if plan.settings[2] & 1 == 0 {
            // What was held back by a connection comes first.
            self.net.run_for(Duration::from_secs(100));
            self.listen()?;
            self.hangup()?;
        }
        self.shut_down(plan)
    }

    fn act(&mut self, act: &Act) {
        let mut who = act.who;
        let place = place(act.verb);
        if place != In::No {
            // Mostly where it makes sense, by somebody else if need be.
            let others = (0..self.agents.len()).map(|other| (act.who + other) % self.agents.len());
            let found = others.filter_map(|who| Some((who, self.agents[who].fitting(place)?))).next();
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
        let command = Command::from_json(&command.to_string()).unwrap_or_else(|error| panic!("{command}: {error:?}"));
        self.net.with(agent.node, |control, now| control.command(now, command));
    }

    /// Everything is hung up; then nothing may be left but what a registration needs.
    fn hangup(&mut self) -> Result<(), String> {
        for who in 0..self.agents.len() {
            for call in self.agents[who].calls.keys().copied().collect::<Vec<_>>() {
                self.command(who, json!({ "type": "hangup", "call": call }));
            }
            for (subscription, role) in self.agents[who].open_subscriptions() {
                let kind = if role == Role::Subscriber { "unsubscribe" } else { "terminateSubscription" };
                self.command(who, json!({ "type": kind, "subscription": subscription }));
            }
            for publication in self.agents[who].publications.clone() {
                self.command(who, json!({ "type": "removePublication", "publication": publication }));
            }
        }
        // What a first request of these brings comes too late to be taken back above.
        self.net.run_for(LONGEST);
        self.listen()?;
        for who in 0..self.agents.len() {
            for publication in self.agents[who].publications.clone() {
                self.command(who, json!({ "type": "removePublication", "publication": publication }));
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
            agent.all_told().map_err(|what| format!("{}'s {what} is not over", NAMES[agent.who]))?;
            let ends = |kind: &&String| {
                !matches!(kind.as_str(), "\"register\"" | "\"unregister\"" | "\"connect\"" | "\"checkConnection\"")
            };
            if let Some(kind) = agent.waiting.values().find(ends) {
                return Err(format!("{}'s {kind} does not end", NAMES[agent.who]));
            }
        }
        Ok(())
    }

    fn shut_down(&mut self, plan: &Plan) -> Result<(), String> {
        for who in 0..self.agents.len() {
            let deadline = [0, 10, 300, 2000][usize::from(plan.settings[who] >> 6 & 3)];
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
            agent.all_told().map_err(|what| format!("{name}'s {what} never ended"))?;
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
                let value = serde_json::from_str(&notification.to_json()).map_err(|error| error.to_string())?;
                let told = agent.hear(&value);
                told.map_err(|reason| format!("{} at {}: {reason}: {value}", NAMES[agent.who], at.as_millis()))?;
            }
            agent.heard = events.len();
        }
        Ok(())
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
    let door = |port: u16| format!("ws://10.0.0.{server}:{port}/");
    match plan.way {
        Way::ProxyUdp => config["server"] = format!("sip:10.0.0.{server}:{PORT};transport=udp").into(),
        Way::ProxyWs => config["server"] = door(PORT).into(),
        Way::TwoFlows => {
            config["servers"] = json!([door(PORT), door(SECOND)]);
            config["flows"] = 2.into();
            config["instance"] = format!("00000000-0000-4000-8000-00000000000{who}").into();
        }
        Way::Udp | Way::Tcp => {}
    }
    if settings & 1024 == 0 {
        config["password"] = format!("{}-secret", NAMES[who]).into();
    } else {
        config["askCredentials"] = true.into();
        config["credentialsTimeout"] = 5_000.into();
    }
    config["automaticMedia"] = (settings & 2 == 0).into();
    config["reliable"] = ["supported", "never", "required", "supported"][usize::from(settings >> 2 & 3)].into();
    if settings & 16 != 0 {
        config["expires"] = 60.into();
    }
    if settings & 32 != 0 {
        config["sessionTimers"] = json!({ "mode": "always", "expires": 90, "minSe": 90 });
    }
    if settings & 256 != 0 {
        config["followRedirects"] = 2.into();
    }
    if settings & 512 != 0 {
        config["replacing"] = "referred".into();
    }
    if settings & 2048 == 0 {
        config["packages"] = json!(["presence", "dialog"]);
        config["infoPackages"] = json!([PACKAGE_OF_INFO]);
    }
    config
}
