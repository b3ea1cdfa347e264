//! Lines that say what must follow: what agents see, how their actions end, and what passes on the wire.

use std::time::Duration;

use super::super::lines::{Kept, matches};
use super::super::script::{Pattern, Wire};
use super::super::stage::Stage;
use super::super::told::fits;
use super::{Actor, Player};
use crate::net::label;
use crate::sip::Text;

impl<S: Stage> Player<'_, S> {
    pub(super) fn see(
        &mut self,
        who: usize,
        call: Option<&String>,
        event: &Pattern,
        maybe: bool,
    ) -> Result<(), String> {
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

    pub(super) fn await_outcome(&mut self, who: usize, action: &str, expected: &Pattern) -> Result<(), String> {
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
    pub(super) fn watch(&mut self, wire: &Wire) -> Result<(), String> {
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
    pub(super) fn hear(&mut self, wire: &Wire) -> Result<(), String> {
        let deadline = self.deadline();
        loop {
            let Actor::Puppet(puppet) = &mut self.actors[wire.who] else { return Err("no scripted peer".into()) };
            if wire.label == "ping" {
                match puppet.pings.checked_sub(1) {
                    Some(left) => puppet.pings = left,
                    None if self.advance(&deadline)? => continue,
                    None => return Err("it did not come".into()),
                }
                return Ok(());
            }
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

    pub(super) fn deadline(&self) -> Deadline {
        Deadline(self.stage.now() + self.stage.patience())
    }

    /// Lets the next thing happen; false: the time is over.
    pub(super) fn advance(&mut self, deadline: &Deadline) -> Result<bool, String> {
        match self.stage.next(deadline.0.saturating_sub(self.stage.now())) {
            Some(happening) => self.take(happening).map(|()| true),
            None => Ok(false),
        }
    }
}

/// Until when a line may wait, by the stage's clock.
pub(super) struct Deadline(pub(super) Duration);

/// Whether a message is what a label says: its method, or its status and perhaps the method it is for.
fn is_labelled(text: &Text, wanted: &str) -> bool {
    let label = label(&text.bytes());
    label == wanted || label.split(' ').next() == Some(wanted)
}

pub(super) fn is_trying(text: &Text) -> bool {
    text.start.starts_with("SIP/2.0 100 ")
}

fn indented(text: &Text) -> String {
    String::from_utf8_lossy(&text.bytes()).lines().map(|line| format!("    {line}\n")).collect()
}
