//! Holds what happens on a stage against what a scenario says.

mod act;
mod agent;
mod expect;
mod report;
mod take;

use serde_json::json;

use super::lines::Kept;
use super::script::{Part, Pattern, Scenario, Sent, Step, What};
use super::scripted::Puppet;
use super::stage::{Stage, Theatre};
use agent::Agent;
use expect::is_trying;

/// What is told of the way to the server, which goes on as long as there is an agent; lines may ask for it.
const CONNECTION: [&str; 5] = ["connected", "disconnected", "registered", "unregistered", "registration failed"];

/// Plays a scenario; says in full what was wrong.
///
/// # Errors
///
/// The line that did not come true, what was seen instead, and everything that passed.
pub fn play<T: Theatre>(theatre: &T, scenario: &Scenario) -> Result<(), String> {
    played(theatre, scenario).map(drop)
}

/// Plays a scenario and leaves the stage as it is at the end.
///
/// # Errors
///
/// As [`play`].
pub fn played<T: Theatre>(theatre: &T, scenario: &Scenario) -> Result<T::Stage, String> {
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
    result.map_err(|reason| player.report(line, &reason))?;
    Ok(player.stage)
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
                    Sent::Request(_, Some(name)) => {
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

    fn agent(&mut self, who: usize) -> Result<&mut Agent, String> {
        match &mut self.actors[who] {
            Actor::Agent(agent) => Ok(agent),
            Actor::Puppet(_) => Err(format!("{} is scripted", self.scenario.cast[who].name)),
        }
    }

    fn name(&self, who: usize) -> &str {
        &self.scenario.cast[who].name
    }
}

fn player_stopped(actor: &Actor) -> bool {
    matches!(actor, Actor::Agent(agent) if agent.stopped)
}
