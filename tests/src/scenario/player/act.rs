//! Lines that agents carry out: commands, with the descriptions an application would bring.

use serde_json::{Value, json};

use super::super::documents;
use super::super::lines::fill;
use super::super::script::{Arguments, Deed};
use super::super::sdp;
use super::super::stage::Stage;
use super::{Actor, Player};

impl<S: Stage> Player<'_, S> {
    pub(super) fn act(&mut self, deed: &Deed) -> Result<(), String> {
        let who = deed.who;
        let Arguments {
            follows,
            at_most,
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
        if let Some(time) = at_most {
            command["answerTimeout"] = json!(time.as_millis() as u64);
        }
        if !headers.is_empty() {
            let filled: Vec<_> = headers.iter().map(|(name, value)| (name, fill(value, &self.kept))).collect();
            command["headers"] = json!(filled);
        }
        for (name, value) in fields {
            command[*name] = value.clone();
        }
        if let Some(state) = command.as_object_mut().and_then(|command| command.remove("dialog")) {
            let name = &self.scenario.cast[who].name;
            command["body"] = json!(documents::dialog(name, self.commands, state.as_str().unwrap_or_default())?);
            command["contentType"] = json!(documents::DIALOG);
        }
        if super::super::events::ACTIONS.contains(&deed.action.as_str()) {
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
                | "bindings"
                | "clearBindings"
                | "credentials"
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
        if deed.action == "credentials" {
            command["query"] = json!(agent.queries.last().ok_or("nobody asked for credentials")?);
        }
        if deed.action == "call" {
            agent.calling.push_back(deed.arguments.targets.first().cloned().unwrap_or_default());
        }
        let direction = agent.direction(&deed.action, call, *description);
        if let Some(direction) = direction {
            command["sdp"] = json!(self.describe(who, direction));
        }
        self.command(who, &deed.action, command)?;
        // What becomes of the other call is for the transfer to hear: it has begun before that goes on.
        if deed.action == "transferTo" {
            self.wait_for_outcome(who, "transferTo", "a transfer to have begun")?;
        }
        Ok(())
    }

    /// One negotiation at a time, as any application does it: the answer to their offer is acknowledged first.
    pub(super) fn settle_offers(&mut self, who: usize) -> Result<(), String> {
        self.wait_for_outcome(who, "acceptOffer", "the ACK for the answer to an offer")
    }

    /// Until no such command of an agent is without its outcome.
    fn wait_for_outcome(&mut self, who: usize, action: &str, what: &str) -> Result<(), String> {
        self.wait_until(what, |player| {
            let Actor::Agent(agent) = &player.actors[who] else { return true };
            !agent.waiting.values().any(|waiting| waiting == action)
        })
    }

    pub(super) fn describe(&mut self, who: usize, direction: &str) -> String {
        let name = self.scenario.cast[who].name.clone();
        let Actor::Agent(agent) = &mut self.actors[who] else { return String::new() };
        agent.descriptions += 1;
        sdp::description(&name, agent.descriptions, direction)
    }

    pub(super) fn command(&mut self, who: usize, action: &str, mut command: Value) -> Result<(), String> {
        self.commands += 1;
        command["id"] = json!(self.commands);
        let id = self.commands;
        let agent = self.agent(who)?;
        agent.waiting.insert(id, action.to_owned());
        agent.history.push(format!("> {action}"));
        self.stage.command(who, &command);
        Ok(())
    }
}
