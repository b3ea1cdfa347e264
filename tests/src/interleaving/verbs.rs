//! What can be done in a plan. A new command of the agents' language is a line in [`VERBS`].

use serde_json::{Value, json};

use super::NAMES;
use super::known::{Agent, Role};
use crate::net::Rng;

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
    /// None, but it has a subscription of its own.
    Subscribed,
    /// None, but somebody has subscribed to it.
    Serving,
    /// None, but it has published something.
    Published,
    /// None, but it was asked for credentials.
    Questioned,
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
        if number & 96 == 96 {
            command["answerTimeout"] = json!(number % 7000);
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
    ("trickle", 2, In::Live, |agent, number| {
        let candidate = format!("1 1 udp 1 192.0.2.9 {} typ host", number % 4000);
        let candidates = json!([{ "mid": "0", "candidate": candidate }]);
        Doing::Command(json!({ "type": "trickle", "call": agent.chosen, "candidates": candidates }))
    }),
    ("checkConnection", 1, In::No, |_, _| Doing::Command(json!({ "type": "checkConnection" }))),
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
    ("info", 3, In::Established, |agent, number| {
        let mut command = json!({ "type": "info", "call": agent.chosen, "contentType": "text/plain", "body": "hi" });
        if number & 24 == 24 {
            command["package"] = PACKAGE_OF_INFO.into();
        }
        Doing::Command(command)
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
    ("hand-over", 2, In::Established, |agent, number| {
        let target = agent.target(number);
        Doing::Command(json!({ "type": "handOver", "call": agent.chosen, "target": target, "timeout": 40_000 }))
    }),
    ("accept-transfer", 6, In::Asked, |agent, number| {
        let (transfer, sdp) = (agent.asked(number), agent.describe("sendrecv"));
        Doing::Command(json!({ "type": "acceptTransfer", "transfer": transfer, "sdp": sdp }))
    }),
    ("reject-transfer", 2, In::Asked, |agent, number| {
        // Now and then it is taken, but not decided about.
        let status = [603, 603, 480, 202][number as usize / 8 % 4];
        Doing::Command(json!({ "type": "rejectTransfer", "transfer": agent.asked(number), "status": status }))
    }),
    ("subscribe", 4, In::No, |agent, number| {
        let events = ["presence", "presence", "presence", "dialog", "message-summary"];
        Doing::Command(json!({
            "type": "subscribe",
            "target": agent.target(number),
            "event": events[number as usize / 8 % events.len()],
            "expires": ([600, 61, 0, 3600, 1][number as usize / 64 % 5]),
            "forks": number & 4096 != 0,
            "renew": number & 8192 == 0,
        }))
    }),
    ("unsubscribe", 3, In::Subscribed, |agent, number| {
        Doing::Command(json!({ "type": "unsubscribe", "subscription": agent.subscription(number, Role::Subscriber) }))
    }),
    ("refresh-subscription", 2, In::Subscribed, |agent, number| {
        let subscription = agent.subscription(number, Role::Subscriber);
        Doing::Command(json!({ "type": "refreshSubscription", "subscription": subscription }))
    }),
    ("accept-subscription", 6, In::Serving, |agent, number| {
        let mut command = json!({
            "type": "acceptSubscription",
            "subscription": agent.subscription(number, Role::Notifier),
            "pending": number & 24 == 24,
        });
        if number & 32 != 0 {
            command["expires"] = 60.into();
        }
        if number & 64 == 0 {
            command["contentType"] = "text/plain".into();
            command["body"] = "here".into();
        }
        Doing::Command(command)
    }),
    ("reject-subscription", 1, In::Serving, |agent, number| {
        let subscription = agent.subscription(number, Role::Notifier);
        Doing::Command(json!({ "type": "rejectSubscription", "subscription": subscription, "status": 403 }))
    }),
    ("notify", 5, In::Serving, |agent, number| {
        let subscription = agent.subscription(number, Role::Notifier);
        Doing::Command(json!({
            "type": "notify",
            "subscription": subscription,
            "contentType": "text/plain",
            "body": "x".repeat(number as usize % 3 * 700),
        }))
    }),
    ("terminate-subscription", 2, In::Serving, |agent, number| {
        let reasons = ["noresource", "deactivated", "probation", "timeout", "giveup", "rejected"];
        let mut command = json!({
            "type": "terminateSubscription",
            "subscription": agent.subscription(number, Role::Notifier),
            "reason": reasons[number as usize / 8 % reasons.len()],
        });
        if number & 64 != 0 {
            command["retryAfter"] = 2.into();
        }
        Doing::Command(command)
    }),
    ("publish", 2, In::No, |agent, number| {
        let mut command = json!({
            "type": "publish",
            "event": "presence",
            "contentType": "text/plain",
            "body": "here",
            "expires": ([600, 60, 5][number as usize / 8 % 3]),
        });
        if number & 64 != 0 {
            command["target"] = agent.target(number).into();
        }
        Doing::Command(command)
    }),
    ("update-publication", 2, In::Published, |agent, number| {
        let publication = agent.publication(number);
        Doing::Command(json!({
            "type": "updatePublication",
            "publication": publication,
            "contentType": "text/plain",
            "body": "there",
        }))
    }),
    ("remove-publication", 1, In::Published, |agent, number| {
        Doing::Command(json!({ "type": "removePublication", "publication": agent.publication(number) }))
    }),
    ("credentials", 3, In::Questioned, |agent, number| {
        let mut command = json!({ "type": "credentials", "query": agent.questions.pop() });
        if number & 24 != 24 {
            command["password"] =
                format!("{}-{}", NAMES[agent.who], ["secret", "wrong"][number as usize / 64 % 2]).into();
        }
        Doing::Command(command)
    }),
    ("bindings", 1, In::No, |_, _| Doing::Command(json!({ "type": "bindings" }))),
    ("clear-bindings", 1, In::No, |_, _| Doing::Command(json!({ "type": "clearBindings" }))),
    ("inspect-registration", 1, In::No, |_, _| Doing::Command(json!({ "type": "inspectRegistration" }))),
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

/// The package of INFO that agents take.
pub(super) const PACKAGE_OF_INFO: &str = "trickle-ice";

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

/// Where it is done.
pub(super) fn place(verb: usize) -> In {
    VERBS[verb].2
}

pub(super) fn carry_out(verb: usize, agent: &mut Agent, number: u32) -> Doing {
    (VERBS[verb].3)(agent, number)
}
