//! What can be done in a plan. A new command of the agents' language is a line in [`VERBS`].

use serde_json::{Value, json};

use super::NAMES;
use super::run::{Agent, Call, State};
use crate::net::Rng;
use crate::scenario::sdp;

/// What a verb comes to.
pub(super) enum Doing {
    /// A command, without its number.
    Command(Value),
    /// What happens to the network around the agent.
    Network(Fault),
}

/// What happens to an agent's network.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// Its connections break.
    Breaks,
    /// It cannot reach anybody.
    CutOff,
    /// It can again.
    Rejoins,
}

/// Which of its calls an agent does something in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum In {
    /// None.
    No,
    /// One that is not over, to be ended.
    Any,
    /// One that came in and was not answered.
    Ringing,
    /// One that is not over, answered or not.
    Live,
    /// One that is established.
    Established,
    /// None, but it was asked for a transfer.
    Asked,
    /// One in which the other side offers.
    Offered,
}

type Verb = (&'static str, u64, In, fn(&mut Agent, u32) -> Doing);

/// Name, how often it is done, in which call, and what it is. The number chooses whatever else there is to choose.
const VERBS: &[Verb] = &[
    ("call", 8, In::No, |agent, number| {
        let target = agent.target(number);
        let mut command = json!({ "type": "call", "target": target });
        if number & 28 != 28 {
            command["sdp"] = agent.describe("sendrecv").into();
        }
        Doing::Command(command)
    }),
    ("ring", 6, In::Ringing, |agent, number| {
        let mut command = json!({ "type": "ring", "call": agent.chosen });
        if number & 64 != 0 {
            command["sdp"] = agent.describe("sendrecv").into();
        }
        Doing::Command(command)
    }),
    ("answer", 10, In::Ringing, |agent, number| {
        let mut command = json!({ "type": "answer", "call": agent.chosen });
        if number & 448 != 0 {
            command["sdp"] = agent.describe(direction(number)).into();
        }
        Doing::Command(command)
    }),
    ("reject", 2, In::Ringing, |agent, number| {
        let status = [486, 480, 603, 404, 488][number as usize / 8 % 5];
        Doing::Command(json!({ "type": "reject", "call": agent.chosen, "status": status }))
    }),
    ("redirect", 1, In::Ringing, |agent, number| {
        let contacts = [agent.target(number / 8)];
        Doing::Command(json!({ "type": "redirect", "call": agent.chosen, "contacts": contacts }))
    }),
    ("hangup", 8, In::Any, |agent, _| Doing::Command(json!({ "type": "hangup", "call": agent.chosen }))),
    ("hold", 6, In::Established, |agent, number| offer(agent, number, "hold", "sendonly")),
    ("resume", 4, In::Established, |agent, number| offer(agent, number, "resume", "sendrecv")),
    ("renegotiate", 4, In::Established, |agent, number| {
        let sdp = agent.describe(direction(number));
        Doing::Command(json!({ "type": "renegotiate", "call": agent.chosen, "sdp": sdp }))
    }),
    ("update", 4, In::Live, |agent, number| {
        let mut command = json!({ "type": "update", "call": agent.chosen });
        if number & 64 != 0 {
            command["sdp"] = agent.describe(direction(number)).into();
        }
        Doing::Command(command)
    }),
    ("accept-offer", 8, In::Offered, |agent, number| {
        let sdp = agent.describe(direction(number));
        Doing::Command(json!({ "type": "acceptOffer", "call": agent.chosen, "sdp": sdp }))
    }),
    ("reject-offer", 3, In::Offered, |agent, _| {
        Doing::Command(json!({ "type": "rejectOffer", "call": agent.chosen, "status": 488 }))
    }),
    ("info", 3, In::Established, |agent, _| {
        Doing::Command(json!({ "type": "info", "call": agent.chosen, "contentType": "text/plain", "body": "hi" }))
    }),
    ("dtmf", 2, In::Established, |agent, _| {
        Doing::Command(json!({ "type": "dtmf", "call": agent.chosen, "tone": "5" }))
    }),
    ("inspect", 1, In::Established, |agent, _| Doing::Command(json!({ "type": "inspect", "call": agent.chosen }))),
    ("message", 2, In::No, |agent, number| {
        let target = agent.target(number);
        Doing::Command(json!({ "type": "message", "target": target, "contentType": "text/plain", "body": "hi" }))
    }),
    ("options", 1, In::No, |agent, number| {
        Doing::Command(json!({ "type": "options", "target": agent.target(number) }))
    }),
    ("transfer", 4, In::Established, |agent, number| {
        let target = agent.target(number / 8);
        Doing::Command(json!({
            "type": "transfer",
            "call": agent.chosen,
            "target": target,
            "hangUp": number & 64 == 0,
            "follow": number & 128 == 0,
            "timeout": ([500, 5_000, 180_000][number as usize / 256 % 3]),
        }))
    }),
    ("transfer-to", 3, In::Established, |agent, number| {
        let other = agent.some_call(number / 8);
        Doing::Command(json!({ "type": "transferTo", "call": agent.chosen, "other": other, "timeout": 40_000 }))
    }),
    ("refer", 1, In::No, |agent, number| {
        let (target, to) = (agent.target(number), agent.target(number / 8));
        Doing::Command(json!({ "type": "refer", "target": target, "referTo": to, "timeout": 40_000 }))
    }),
    ("accept-transfer", 6, In::Asked, |agent, number| {
        let (transfer, sdp) = (agent.asked(number), agent.describe("sendrecv"));
        Doing::Command(json!({ "type": "acceptTransfer", "transfer": transfer, "sdp": sdp }))
    }),
    ("reject-transfer", 2, In::Asked, |agent, number| {
        Doing::Command(json!({ "type": "rejectTransfer", "transfer": agent.asked(number) }))
    }),
    ("connect", 1, In::No, |_, _| Doing::Command(json!({ "type": "connect" }))),
    ("register", 3, In::No, |_, _| Doing::Command(json!({ "type": "register" }))),
    ("unregister", 1, In::No, |_, _| Doing::Command(json!({ "type": "unregister" }))),
    ("shutdown", 1, In::No, |_, number| Doing::Command(json!({ "type": "shutdown", "deadline": number % 4000 }))),
    ("replace", 2, In::No, |agent, number| {
        let replaces = agent.replacement(number);
        let (target, sdp) = (agent.target(number / 8), agent.describe("sendrecv"));
        Doing::Command(json!({ "type": "call", "target": target, "sdp": sdp, "replaces": replaces }))
    }),
    ("breaks", 3, In::No, |_, _| Doing::Network(Fault::Breaks)),
    ("cut-off", 1, In::No, |_, _| Doing::Network(Fault::CutOff)),
    ("rejoins", 2, In::No, |_, _| Doing::Network(Fault::Rejoins)),
];

fn direction(number: u32) -> &'static str {
    ["sendrecv", "sendrecv", "sendonly", "recvonly", "inactive"][number as usize / 16 % 5]
}

/// Hold and resume: with a description or by the agent's own rewriting.
fn offer(agent: &mut Agent, number: u32, kind: &str, direction: &str) -> Doing {
    let mut command = json!({ "type": kind, "call": agent.chosen });
    if number & 192 != 0 {
        command["sdp"] = agent.describe(direction).into();
    }
    Doing::Command(command)
}

impl Agent {
    /// The last call in which the verb makes sense, if there is one.
    pub(super) fn fitting(&self, verb: usize) -> Option<u32> {
        let wanted = VERBS[verb].2;
        if wanted == In::Asked {
            return self.asked.last().map(|_| 0);
        }
        let fits = |(_, call): &(&u32, &Call)| match wanted {
            In::No | In::Asked => false,
            In::Any | In::Live => call.state != State::Over,
            In::Ringing => call.state == State::Ringing,
            In::Established => call.state == State::Established,
            In::Offered => call.state == State::Established && call.offered,
        };
        self.calls.iter().rev().find(fits).map(|(number, _)| *number)
    }

    /// One of its last three calls, which may be over; one that never was if there is none.
    pub(super) fn some_call(&self, number: u32) -> u32 {
        let last: Vec<u32> = self.calls.keys().rev().take(3).copied().collect();
        if last.is_empty() { 99 } else { last[number as usize % last.len()] }
    }

    /// The last transfer it was asked for; it is decided about once.
    fn asked(&mut self, number: u32) -> u32 {
        if number & 2048 != 0 { self.asked.last().copied().unwrap_or(99) } else { self.asked.pop().unwrap_or(99) }
    }

    /// Somebody else, now and then oneself.
    fn target(&self, number: u32) -> String {
        let others = [1, 2, 1, 2, 1, 2, 0];
        let who = (self.who + others[number as usize % 7]) % NAMES.len();
        self.targets[who].clone()
    }

    fn describe(&mut self, direction: &str) -> String {
        self.descriptions += 1;
        sdp::description(NAMES[self.who], self.descriptions, direction)
    }

    /// What somebody could know of a call of the agent's.
    fn replacement(&self, number: u32) -> Value {
        match self.replacements.len() {
            0 => json!({ "callId": "none", "toTag": "a", "fromTag": "b" }),
            count => self.replacements[number as usize % count].clone(),
        }
    }
}

/// One of them, by how often each is done.
pub(super) fn pick(rng: &mut Rng) -> usize {
    let mut at = rng.below(VERBS.iter().map(|(_, weight, ..)| weight).sum());
    for (index, (_, weight, ..)) in VERBS.iter().enumerate() {
        if at < *weight {
            return index;
        }
        at -= weight;
    }
    0
}

pub(super) fn find(name: &str) -> Option<usize> {
    VERBS.iter().position(|(known, ..)| *known == name)
}

pub(super) fn named(name: &str) -> usize {
    find(name).unwrap_or_else(|| panic!("there is no verb {name}"))
}

pub(super) fn name(verb: usize) -> &'static str {
    VERBS[verb].0
}

/// Whether it is done in a call.
pub(super) fn is_in_call(verb: usize) -> bool {
    VERBS[verb].2 != In::No
}

pub(super) fn carry_out(verb: usize, agent: &mut Agent, number: u32) -> Doing {
    (VERBS[verb].3)(agent, number)
}
