//! What happens: what agents tell, what scripted peers hear, and what the application does about an offer.

use serde_json::{Value, json};

use super::super::sdp;
use super::super::stage::{Happening, Stage};
use super::super::told::{Told, user};
use super::{Actor, Player};
use crate::sip::Text;

impl<S: Stage> Player<'_, S> {
    pub(super) fn take_all(&mut self, happenings: Vec<Happening>) -> Result<(), String> {
        happenings.into_iter().try_for_each(|happening| self.take(happening))
    }

    pub(super) fn wait_until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) -> Result<(), String> {
        let deadline = self.deadline();
        while !condition(self) {
            if !self.advance(&deadline)? {
                return Err(format!("waited in vain for {what}"));
            }
        }
        Ok(())
    }

    pub(super) fn take(&mut self, happening: Happening) -> Result<(), String> {
        match happening {
            Happening::Heard(who, path, bytes) => match &mut self.actors[who] {
                Actor::Puppet(puppet) => puppet.hear(path, &bytes),
                Actor::Agent(_) => Ok(()),
            },
            Happening::Told(who, notification) => self.take_told(who, &notification),
        }
    }

    pub(super) fn take_told(&mut self, who: usize, notification: &Value) -> Result<(), String> {
        self.check_owner(who, notification)?;
        let negotiates = self.stage.negotiates();
        let agent = self.agent(who)?;
        if notification["type"] != "trace" {
            agent.history.push(format!("  {notification}"));
        }
        agent.learn_call(notification);
        agent.known.learn(notification);
        if notification["type"] == "transferRequest" {
            let whom = user(&notification["target"]["uri"]);
            agent.asked.push((notification["transfer"].as_u64().unwrap_or_default(), whom));
        }
        if notification["type"] == "credentialsNeeded" {
            agent.queries.push(notification["query"].as_u64().unwrap_or_default());
        }
        let replaced = notification["replaces"].as_u64().and_then(|number| agent.with(number));
        let joined = notification["joins"].as_u64().and_then(|number| agent.with(number));
        match Told::read(notification) {
            Told::Event { call, mut event } => {
                for (name, with) in [("replaces", replaced), ("joins", joined)] {
                    event = match with {
                        Some(with) => event.with(name, with),
                        None => event,
                    };
                }
                agent.push(call, event);
            }
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
    pub(super) fn decide(&mut self, who: usize, call: u64, offered: &str) -> Result<(), String> {
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
    pub(super) fn check_owner(&self, who: usize, notification: &Value) -> Result<(), String> {
        let sdp = notification["sdp"].as_str().or_else(|| notification["value"]["sdp"].as_str());
        match sdp.map(sdp::owner) {
            Some(owner) if owner == self.scenario.cast[who].name => {
                Err(format!("{owner} was told their own description: {notification}"))
            }
            _ => Ok(()),
        }
    }
}
