//! Holds what happens on a stage against what a scenario says.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::lines::{Kept, fill, matches};
use super::script::{Arguments, Deed, Part, Pattern, Scenario, Settings, Step, What, Wire};
use super::scripted::Puppet;
use super::sdp;
use super::stage::{Happening, Stage, Theatre};
use super::told::{Told, fits};
use crate::net::label;
use crate::sip::Text;

/// What is told of the way to the server, which goes on as long as there is an agent; lines may ask for it.
const CONNECTION: [&str; 5] = ["connected", "disconnected", "registered", "unregistered", "registration failed"];

/// Plays a scenario; says in full what was wrong.
///
/// # Errors
///
/// The line that did not come true, what was seen instead, and everything that passed.
pub fn play<T: Theatre>(theatre: &T, scenario: &Scenario) -> Result<(), String> {
    let stage = theatre.open(scenario)?;
    let actors = (0..scenario.cast.len()).map(|who| actor(scenario, &stage, who)).collect();
    let kept = addresses(scenario, &stage);
    let mut player = Player { scenario, stage, actors, kept, commands: 0, closing: false };
    let mut line = None;
    let result = player.prepare().and_then(|()| {
        for step in &scenario.steps {
            line = Some(step);
            player.step(step)?;
        }
        line = None;
        player.finish()
    });
    result.map_err(|reason| player.report(line, &reason))
}

/// What lines may say of scripted peers: `{bob.address}`.
fn addresses<S: Stage>(scenario: &Scenario, stage: &S) -> Kept {
    let scripted = scenario.cast.iter().enumerate().filter(|(_, role)| matches!(role.part, Part::Scripted));
    scripted.map(|(who, role)| (format!("{}.address", role.name), stage.address(who).local.to_string())).collect()
}

fn actor<S: Stage>(scenario: &Scenario, stage: &S, who: usize) -> Actor {
    let role = &scenario.cast[who];
    match &role.part {
        Part::Scripted => Actor::Puppet(Box::new(Puppet::new(&role.name, stage.address(who), stage.negotiates()))),
        Part::Agent(settings) => {
            let mut agent = Agent { settings: settings.clone(), ..Agent::default() };
            agent.ignores = CONNECTION.into_iter().filter(|kind| !mentions(scenario, who, kind)).collect();
            Actor::Agent(Box::new(agent))
        }
    }
}

/// Whether a line asks whether somebody sees this.
fn mentions(scenario: &Scenario, who: usize, kind: &str) -> bool {
    let speaks = |step: &Step| matches!(&step.what, What::See { who: whom, event, .. } if whom.contains(&who) && event.kind == kind);
    scenario.steps.iter().any(speaks)
}

enum Actor {
    Agent(Box<Agent>),
    Puppet(Box<Puppet>),
}

/// What is known of an agent.
#[derive(Default)]
struct Agent {
    settings: Settings,
    /// What it told and no line spoke of yet: about the call with whom, what.
    told: VecDeque<(Option<String>, Pattern)>,
    /// What it may still tell.
    optional: Vec<(Option<String>, Pattern)>,
    ignores: Vec<&'static str>,
    /// Everything it told.
    history: Vec<String>,
    /// Everything it sent and got; which of it lines have spoken of.
    wire: Vec<(bool, Text)>,
    read: usize,
    /// With whom its calls are, by number; the last is the youngest.
    calls: Vec<Call>,
    known: super::events::Known,
    /// Whom it calls, until the call has a number.
    calling: VecDeque<String>,
    /// The requests for transfers, and whom they want called.
    asked: Vec<(u64, String)>,
    waiting: HashMap<u64, String>,
    outcomes: Vec<(String, Pattern)>,
    descriptions: u32,
    stopped: bool,
}

struct Call {
    number: u64,
    with: String,
    live: bool,
    holds: bool,
    /// The direction of the offer that waits.
    offered: String,
}

struct Player<'a, S> {
    scenario: &'a Scenario,
    stage: S,
    actors: Vec<Actor>,
    kept: Kept,
    commands: u64,
    /// The scenario is over, everybody goes.
    closing: bool,
}

impl<S: Stage> Player<'_, S> {
    // ---- before and after

    /// Agents with a server are connected to it, and registered, unless that is what the scenario is about.
    fn prepare(&mut self) -> Result<(), String> {
        for who in 0..self.actors.len() {
            let Actor::Agent(_) = self.actors[who] else { continue };
            let does = |action: &str| {
                let same =
                    |step: &Step| matches!(&step.what, What::Do(deed) if deed.who == who && deed.action == action);
                self.scenario.steps.iter().any(same)
            };
            let first = match self.stage.has_registrar() {
                true if does("connect") => continue,
                true if does("register") => "connect",
                true => "register",
                false if self.scenario.is_scripted() && !does("connect") => "connect",
                false => continue,
            };
            self.command(who, first, json!({ "type": first }))?;
            self.await_outcome(who, first, &Pattern::new("done"))?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), String> {
        for actor in &mut self.actors {
            if let Actor::Agent(agent) = actor {
                agent.ignores = CONNECTION.to_vec();
            }
        }
        let late = self.stage.settle();
        self.take_all(late)?;
        self.nothing_left()?;
        self.closing = true;
        for who in 0..self.actors.len() {
            if matches!(&self.actors[who], Actor::Agent(agent) if !agent.stopped) {
                let deadline = if self.scenario.is_scripted() { 300 } else { 2000 };
                self.command(who, "shutdown", json!({ "type": "shutdown", "deadline": deadline }))?;
            }
        }
        let all = |player: &Player<'_, S>| {
            player.actors.iter().all(|actor| matches!(actor, Actor::Puppet(_)) || player_stopped(actor))
        };
        self.wait_until("everybody to stop", all)?;
        self.nothing_left()?;
        for (who, actor) in self.actors.iter().enumerate() {
            let Actor::Agent(agent) = actor else { continue };
            if let Some(action) = agent.waiting.values().next() {
                return Err(format!("{} was never told what became of {action}", self.name(who)));
            }
            if let Some((action, outcome)) = agent.outcomes.iter().find(|(_, outcome)| outcome.kind == "failed") {
                return Err(format!("{}'s {action} {outcome}, which no line speaks of", self.name(who)));
            }
        }
        self.stage.autopsy()
    }

    /// Whatever was told or sent to a scripted peer must have been spoken of.
    fn nothing_left(&mut self) -> Result<(), String> {
        for who in 0..self.actors.len() {
            match &mut self.actors[who] {
                Actor::Agent(agent) => {
                    while let Some(told) = agent.told.pop_front() {
                        if !agent.take_optional(&told) {
                            return Err(format!("{} also saw: {}", self.name(who), told.1));
                        }
                    }
                }
                Actor::Puppet(puppet) if !self.closing => {
                    let left = puppet.heard.iter().find(|text| !is_trying(text));
                    if let Some(start) = left.map(|text| text.start.clone()) {
                        return Err(format!("{} also received: {start}", self.name(who)));
                    }
                }
                Actor::Puppet(_) => {}
            }
        }
        Ok(())
    }

    // ---- steps

    fn step(&mut self, step: &Step) -> Result<(), String> {
        match &step.what {
            What::Do(deed) => self.act(deed),
            What::See { who, call, event, maybe } => {
                who.iter().try_for_each(|who| self.see(*who, call.as_ref(), event, *maybe))
            }
            What::Outcome { who, action, expected } => {
                who.iter().try_for_each(|who| self.await_outcome(*who, action, expected))
            }
            What::Wire(wire) => match self.actors[wire.who] {
                Actor::Agent(_) => self.watch(wire),
                Actor::Puppet(_) => self.hear(wire),
            },
            What::Send(send) => {
                let first = match &send.what {
                    super::script::Sent::Request(_, Some(name)) => {
                        let to = self.scenario.role(name).ok_or_else(|| format!("who is {name}?"))?;
                        Some((self.stage.target(send.who, to), self.stage.path(send.who, to)))
                    }
                    _ => None,
                };
                let Actor::Puppet(puppet) = &mut self.actors[send.who] else { return Err("no scripted peer".into()) };
                let (path, bytes) = puppet.write(send, &self.kept, first)?;
                self.stage.post(send.who, path, bytes);
                Ok(())
            }
            What::Network(fault) => {
                self.stage.fault(fault);
                Ok(())
            }
            What::Wait(time) => {
                let happenings = self.stage.wait(*time);
                self.take_all(happenings)
            }
        }
    }

    fn see(&mut self, who: usize, call: Option<&String>, event: &Pattern, maybe: bool) -> Result<(), String> {
        // A provisional response is sent once; on a lossy network it may not arrive.
        let maybe = maybe || (self.stage.is_lossy() && matches!(event.kind, "progress" | "transfer progress"));
        let is_it = |told: &(Option<String>, Pattern)| {
            fits(&told.1, event) && call.is_none_or(|call| told.0.as_ref() == Some(call))
        };
        let deadline = self.deadline();
        loop {
            let agent = self.agent(who)?;
            match agent.told.front() {
                Some(told) if is_it(told) => {
                    agent.told.pop_front();
                    return Ok(());
                }
                Some(told) => {
                    let told = told.clone();
                    if agent.take_optional(&told) {
                        agent.told.pop_front();
                        continue;
                    }
                    if !maybe {
                        return Err(format!("{} saw instead: {}", self.name(who), told.1));
                    }
                }
                None => {}
            }
            if maybe {
                agent.optional.push((call.cloned(), event.clone()));
                return Ok(());
            }
            if !self.advance(&deadline)? {
                return Err(format!("{} did not see it", self.name(who)));
            }
        }
    }

    fn await_outcome(&mut self, who: usize, action: &str, expected: &Pattern) -> Result<(), String> {
        let deadline = self.deadline();
        loop {
            let agent = self.agent(who)?;
            if let Some(at) = agent.outcomes.iter().position(|(of, _)| of == action) {
                let (_, outcome) = agent.outcomes.remove(at);
                if fits(&outcome, expected) {
                    return Ok(());
                }
                return Err(format!("{}'s {action} was {outcome}", self.name(who)));
            }
            if !self.advance(&deadline)? {
                return Err(format!("{}'s {action} does not come to an end", self.name(who)));
            }
        }
    }

    /// A message an agent sends or receives; those between do not matter.
    fn watch(&mut self, wire: &Wire) -> Result<(), String> {
        let deadline = self.deadline();
        loop {
            let mut kept = self.kept.clone();
            let agent = self.agent(wire.who)?;
            let is_it = |(sent, text): &(bool, Text), kept: &mut Kept| {
                *sent == wire.sends && is_labelled(text, &wire.label) && matches(text, &wire.lines, kept)
            };
            if wire.never {
                return match agent.wire.iter().any(|message| is_it(message, &mut kept)) {
                    true => Err("but it was so".into()),
                    false => Ok(()),
                };
            }
            let from = agent.read;
            if let Some(at) = agent.wire.iter().skip(from).position(|message| is_it(message, &mut kept)) {
                agent.read = from + at + 1;
                self.kept = kept;
                return Ok(());
            }
            if !self.advance(&deadline)? {
                return Err("no such message passed".into());
            }
        }
    }

    /// A message a scripted peer receives; nothing else may come before it.
    fn hear(&mut self, wire: &Wire) -> Result<(), String> {
        let deadline = self.deadline();
        loop {
            let Actor::Puppet(puppet) = &mut self.actors[wire.who] else { return Err("no scripted peer".into()) };
            let heard = if wire.again { &mut puppet.repeats } else { &mut puppet.heard };
            if wire.never {
                let is_it =
                    |text: &Text| is_labelled(text, &wire.label) && matches(text, &wire.lines, &mut self.kept.clone());
                return match heard.iter().any(is_it) {
                    true => Err("but it was so".into()),
                    false => Ok(()),
                };
            }
            while let Some(text) = heard.pop_front() {
                if is_labelled(&text, &wire.label) {
                    if matches(&text, &wire.lines, &mut self.kept) {
                        return Ok(());
                    }
                    return Err(format!("it does not look like that:\n{}", indented(&text)));
                }
                if !wire.again && !is_trying(&text) {
                    return Err(format!("{} received instead: {}", self.name(wire.who), text.start));
                }
            }
            if !self.advance(&deadline)? {
                return Err("it did not come".into());
            }
        }
    }

    // ---- commands

    fn act(&mut self, deed: &Deed) -> Result<(), String> {
        let who = deed.who;
        let Arguments {
            follows,
            targets,
            status,
            text,
            content_type,
            description,
            headers,
            fields,
            other,
            stays,
            quiet,
        } = &deed.arguments;
        let mut command = json!({ "type": deed.action });
        let targets: Vec<String> = targets
            .iter()
            .map(|target| match self.scenario.role(target) {
                Some(to) => self.stage.target(who, to),
                None => target.clone(),
            })
            .collect();
        match deed.action.as_str() {
            "redirect" => command["contacts"] = json!(targets),
            "refer" => {
                command["target"] = json!(targets[0]);
                command["referTo"] = json!(targets[1]);
            }
            _ if !targets.is_empty() => command["target"] = json!(targets[0]),
            _ => {}
        }
        if let Some(status) = status {
            command["status"] = json!(status);
        }
        if let Some(content_type) = content_type {
            command["contentType"] = json!(content_type);
        }
        if let Some(text) = text {
            let field = match deed.action.as_str() {
                "dtmf" => "tone",
                "reject" | "hangup" | "rejectTransfer" => "reason",
                _ => "body",
            };
            command[field] = json!(text);
        }
        if *stays {
            command["hangUp"] = json!(false);
        }
        if *quiet {
            command["follow"] = json!(false);
        }
        if let Some(follows) = follows {
            command["followRedirects"] = json!(follows);
        }
        if !headers.is_empty() {
            let filled: Vec<_> = headers.iter().map(|(name, value)| (name, fill(value, &self.kept))).collect();
            command["headers"] = json!(filled);
        }
        for (name, value) in fields {
            command[*name] = value.clone();
        }
        if super::events::ACTIONS.contains(&deed.action.as_str()) {
            self.agent(who)?.known.name(&deed.action, &mut command)?;
            return self.command(who, &deed.action, command);
        }
        if matches!(deed.action.as_str(), "hold" | "resume" | "renegotiate" | "update") {
            self.settle_offers(who)?;
        }
        let in_call = !matches!(
            deed.action.as_str(),
            "connect"
                | "register"
                | "unregister"
                | "call"
                | "options"
                | "message"
                | "refer"
                | "acceptTransfer"
                | "rejectTransfer"
                | "shutdown"
        );
        let agent = self.agent(who)?;
        let call = match in_call {
            true => Some(agent.find_call(deed.call.as_deref().or(agent.besides(other.as_deref())))?),
            false => None,
        };
        if let Some(at) = call {
            command["call"] = json!(agent.calls[at].number);
        }
        if let Some(other) = other {
            command["other"] = json!(agent.calls[agent.find_call(Some(other))?].number);
        }
        if matches!(deed.action.as_str(), "acceptTransfer" | "rejectTransfer") {
            let (number, whom) = agent.asked.last().cloned().ok_or("nobody asked for a transfer")?;
            command["transfer"] = json!(number);
            if deed.action == "acceptTransfer" {
                agent.calling.push_back(whom);
            }
        }
        if deed.action == "call" {
            agent.calling.push_back(deed.arguments.targets.first().cloned().unwrap_or_default());
        }
        let direction = agent.direction(&deed.action, call, *description);
        if let Some(direction) = direction {
            command["sdp"] = json!(self.describe(who, direction));
        }
        self.command(who, &deed.action, command)
    }

    /// One negotiation at a time, as any application does it: the answer to their offer is acknowledged first.
    fn settle_offers(&mut self, who: usize) -> Result<(), String> {
        self.wait_until("the ACK for the answer to an offer", |player| {
            let Actor::Agent(agent) = &player.actors[who] else { return true };
            !agent.waiting.values().any(|action| action == "acceptOffer")
        })
    }

    fn describe(&mut self, who: usize, direction: &str) -> String {
        let name = self.scenario.cast[who].name.clone();
        let Actor::Agent(agent) = &mut self.actors[who] else { return String::new() };
        agent.descriptions += 1;
        sdp::description(&name, agent.descriptions, direction)
    }

    fn command(&mut self, who: usize, action: &str, mut command: Value) -> Result<(), String> {
        self.commands += 1;
        command["id"] = json!(self.commands);
        let id = self.commands;
        let agent = self.agent(who)?;
        agent.waiting.insert(id, action.to_owned());
        agent.history.push(format!("> {action}"));
        self.stage.command(who, &command);
        Ok(())
    }

    // ---- what happens

    fn deadline(&self) -> Deadline {
        Deadline(self.stage.now() + self.stage.patience())
    }

    /// Lets the next thing happen; false: the time is over.
    fn advance(&mut self, deadline: &Deadline) -> Result<bool, String> {
        match self.stage.next(deadline.0.saturating_sub(self.stage.now())) {
            Some(happening) => self.take(happening).map(|()| true),
            None => Ok(false),
        }
    }

    fn take_all(&mut self, happenings: Vec<Happening>) -> Result<(), String> {
        happenings.into_iter().try_for_each(|happening| self.take(happening))
    }

    fn wait_until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) -> Result<(), String> {
        let deadline = self.deadline();
        while !condition(self) {
            if !self.advance(&deadline)? {
                return Err(format!("waited in vain for {what}"));
            }
        }
        Ok(())
    }

    fn take(&mut self, happening: Happening) -> Result<(), String> {
        match happening {
            Happening::Heard(who, path, bytes) => match &mut self.actors[who] {
                Actor::Puppet(puppet) => puppet.hear(path, &bytes),
                Actor::Agent(_) => Ok(()),
            },
            Happening::Told(who, notification) => self.take_told(who, &notification),
        }
    }

    fn take_told(&mut self, who: usize, notification: &Value) -> Result<(), String> {
        self.check_owner(who, notification)?;
        let negotiates = self.stage.negotiates();
        let agent = self.agent(who)?;
        if notification["type"] != "trace" {
            agent.history.push(format!("  {notification}"));
        }
        agent.learn_call(notification);
        agent.known.learn(notification);
        if notification["type"] == "transferRequest" {
            let whom = super::told::user(&notification["target"]["uri"]);
            agent.asked.push((notification["transfer"].as_u64().unwrap_or_default(), whom));
        }
        let replaced = notification["replaces"].as_u64().and_then(|number| agent.with(number));
        match Told::read(notification) {
            Told::Event { call, event } => agent.push(
                call,
                match replaced {
                    Some(with) => event.with("replaces", with),
                    None => event,
                },
            ),
            Told::Offer { call, event } => {
                let offered = event.attributes.get("sdp").cloned().unwrap_or_default();
                let at = agent.calls.iter().position(|known| known.number == call);
                if let Some(at) = at {
                    agent.calls[at].offered.clone_from(&offered);
                }
                agent.push(Some(call), event);
                if !negotiates && !agent.settings.manual_offers && !agent.settings.automatic_media {
                    self.decide(who, call, &offered)?;
                }
            }
            Told::Outcome { id, outcome } => {
                let action = agent.waiting.remove(&id).ok_or("an outcome of no command, or a second one")?;
                // What the player answers to an offer by itself fails if a hangup overtakes the ACK.
                let over = ["cancelled", "state"].map(|kind| Some(kind.to_owned()));
                let over = over.contains(&outcome.attributes.get("error").cloned());
                let own = matches!(action.as_str(), "acceptOffer" | "rejectOffer") && !agent.settings.manual_offers;
                if action != "shutdown" && !(own && over) {
                    agent.outcomes.push((action, outcome));
                }
            }
            Told::Message { sent, text } => {
                if !text.trim().is_empty() {
                    agent.wire.push((sent, Text::parse(text.as_bytes())));
                }
            }
            Told::Stopped => agent.stopped = true,
            Told::Nothing => {}
        }
        Ok(())
    }

    /// The application's answer to an offer.
    fn decide(&mut self, who: usize, call: u64, offered: &str) -> Result<(), String> {
        let agent = self.agent(who)?;
        if agent.settings.refuses_offers {
            return self.command(who, "rejectOffer", json!({ "type": "rejectOffer", "call": call, "status": 488 }));
        }
        let holds = agent.calls.iter().any(|known| known.number == call && known.holds);
        let direction = sdp::answer(offered, holds);
        let sdp = self.describe(who, direction);
        self.command(who, "acceptOffer", json!({ "type": "acceptOffer", "call": call, "sdp": sdp }))
    }

    /// A description that comes to somebody is never their own.
    fn check_owner(&self, who: usize, notification: &Value) -> Result<(), String> {
        let sdp = notification["sdp"].as_str().or_else(|| notification["value"]["sdp"].as_str());
        match sdp.map(sdp::owner) {
            Some(owner) if owner == self.scenario.cast[who].name => {
                Err(format!("{owner} was told their own description: {notification}"))
            }
            _ => Ok(()),
        }
    }

    fn agent(&mut self, who: usize) -> Result<&mut Agent, String> {
        match &mut self.actors[who] {
            Actor::Agent(agent) => Ok(agent),
            Actor::Puppet(_) => Err(format!("{} is scripted", self.scenario.cast[who].name)),
        }
    }

    fn name(&self, who: usize) -> &str {
        &self.scenario.cast[who].name
    }

    // ---- reports

    fn report(&self, line: Option<&Step>, reason: &str) -> String {
        let mut text = String::new();
        match line {
            Some(step) => {
                let _ = writeln!(text, "{}.scenario:{}: {}", self.scenario.name, step.line, step.text);
            }
            None => {
                let _ = writeln!(text, "{}.scenario, before or after its lines:", self.scenario.name);
            }
        }
        let _ = writeln!(text, "  {reason}");
        for (who, actor) in self.actors.iter().enumerate() {
            if let Actor::Agent(agent) = actor {
                let _ = writeln!(text, "\n{}:", self.name(who));
                for line in &agent.history {
                    let _ = writeln!(text, "  {line}");
                }
            }
        }
        let _ = write!(text, "\n{}", self.stage.ladder());
        text
    }
}

fn player_stopped(actor: &Actor) -> bool {
    matches!(actor, Actor::Agent(agent) if agent.stopped)
}

impl Agent {
    fn push(&mut self, call: Option<u64>, event: Pattern) {
        let with = call.and_then(|number| {
            let call = self.calls.iter_mut().find(|call| call.number == number)?;
            match event.kind {
                "ended" => call.live = false,
                "hold" => call.holds = event.attributes.get("local").is_some_and(|value| value == "true"),
                "incoming" => {
                    call.offered = event.attributes.get("sdp").cloned().unwrap_or_default();
                }
                _ => {}
            }
            Some(call.with.clone())
        });
        if !self.ignores.contains(&event.kind) {
            self.told.push_back((with, event));
        }
    }

    /// The first word of a call says with whom it is.
    fn learn_call(&mut self, notification: &Value) {
        let number = notification["call"].as_u64().or_else(|| notification["value"]["call"].as_u64());
        let Some(number) = number else { return };
        if self.calls.iter().any(|call| call.number == number) {
            return;
        }
        let with = match notification["type"] == "incoming" {
            true => super::told::user(&notification["from"]["uri"]),
            false => self.calling.pop_front().unwrap_or_default(),
        };
        self.calls.push(Call { number, with, live: true, holds: false, offered: String::new() });
    }

    /// With whom a call is.
    fn with(&self, number: u64) -> Option<String> {
        self.calls.iter().find(|call| call.number == number).map(|call| call.with.clone())
    }

    /// With whom the one call is that is not with somebody.
    fn besides(&self, other: Option<&str>) -> Option<&str> {
        let mut live = self.calls.iter().filter(|call| call.live && Some(call.with.as_str()) != other);
        match (other, live.next(), live.next()) {
            (Some(_), Some(call), None) => Some(&call.with),
            _ => None,
        }
    }

    /// The call with somebody; the only one that is not over, or the last that was.
    fn find_call(&self, with: Option<&str>) -> Result<usize, String> {
        let mut live = self.calls.iter().enumerate().filter(|(_, call)| call.live);
        let named = |call: &Call| with.is_some_and(|with| call.with == with);
        match (with, live.next(), live.next()) {
            (Some(name), ..) => {
                let found = self.calls.iter().rposition(named);
                found.ok_or_else(|| format!("there is no call with {name}"))
            }
            (None, Some((at, _)), None) => Ok(at),
            (None, None, _) if !self.calls.is_empty() => Ok(self.calls.len() - 1),
            (None, None, _) => Err("there is no call yet".into()),
            (None, Some(_), Some(_)) => Err("which call? say with whom in brackets".into()),
        }
    }

    /// What an action's description asks for; `None`: it brings none.
    fn direction(&self, action: &str, call: Option<usize>, description: Option<bool>) -> Option<&'static str> {
        let call = call.and_then(|at| self.calls.get(at));
        let holds = call.is_some_and(|call| call.holds);
        let offered = call.map_or("", |call| call.offered.as_str());
        match action {
            "call" | "acceptTransfer" => description.unwrap_or(true).then_some("sendrecv"),
            "ring" => description.unwrap_or(false).then(|| sdp::answer(offered, false)),
            "answer" => Some(sdp::answer(offered, false)),
            "acceptOffer" => Some(sdp::answer(offered, holds)),
            "hold" | "resume" if self.settings.automatic_media => None,
            // What this side wants, whatever the other side's hold is (RFC 6337 5.3).
            "hold" => Some("sendonly"),
            "resume" => Some("sendrecv"),
            "update" => description.unwrap_or(false).then(|| sdp::answer("sendrecv", holds)),
            "renegotiate" => Some(sdp::answer("sendrecv", holds)),
            _ => None,
        }
    }

    /// Whether this may be told; what may be told before it then does not come any more.
    fn take_optional(&mut self, told: &(Option<String>, Pattern)) -> bool {
        let may = |(call, event): &(Option<String>, Pattern)| {
            fits(&told.1, event) && (call.is_none() || call.as_ref() == told.0.as_ref())
        };
        match self.optional.iter().position(may) {
            Some(at) => {
                self.optional.drain(..=at);
                true
            }
            None => false,
        }
    }
}

/// Until when a line may wait, by the stage's clock.
struct Deadline(Duration);

/// Whether a message is what a label says: its method, or its status and perhaps the method it is for.
fn is_labelled(text: &Text, wanted: &str) -> bool {
    let label = label(&text.bytes());
    label == wanted || label.split(' ').next() == Some(wanted)
}

fn is_trying(text: &Text) -> bool {
    text.start.starts_with("SIP/2.0 100 ")
}

fn indented(text: &Text) -> String {
    String::from_utf8_lossy(&text.bytes()).lines().map(|line| format!("    {line}\n")).collect()
}
