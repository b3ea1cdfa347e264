//! What is known of the agents of a plan, from what they told, and what of it a verb is about.

use std::collections::{BTreeMap, BTreeSet};

use offhook_core::control::Control;
use serde_json::{Value, json};

use super::NAMES;
use super::verbs::In;
use crate::net::Node;
use crate::scenario::sdp;

/// What is known of an agent.
pub(super) struct Agent {
    pub(super) who: usize,
    pub(super) node: Node<Control>,
    targets: Vec<String>,
    /// Every call it had, by number.
    pub(super) calls: BTreeMap<u32, Call>,
    /// The call that the next command is about.
    pub(super) chosen: u32,
    replacements: Vec<Value>,
    /// Transfers that others asked for.
    asked: Vec<u32>,
    /// Transfers of its own that are not over.
    transfers: BTreeSet<u32>,
    /// Every subscription it had, of either role; none: it is over.
    subscriptions: BTreeMap<u32, Option<Role>>,
    /// Publications that are not over.
    pub(super) publications: BTreeSet<u32>,
    /// Questions for credentials that it has not answered.
    pub(super) questions: Vec<u64>,
    descriptions: u32,
    /// Commands that have not ended.
    pub(super) waiting: BTreeMap<u32, String>,
    pub(super) commands: u32,
    pub(super) heard: usize,
    pub(super) stopped: bool,
}

/// What is known of a call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Call {
    state: State,
    /// The other side offered since.
    offered: bool,
}

/// How far a call is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
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

/// Which side of a subscription an agent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Subscriber,
    Notifier,
}

impl Agent {
    /// Nothing is known yet. The targets are everybody's, in the order of [`NAMES`].
    pub(super) fn new(who: usize, node: Node<Control>, targets: Vec<String>) -> Agent {
        Agent {
            who,
            node,
            targets,
            calls: BTreeMap::new(),
            chosen: 0,
            replacements: Vec::new(),
            asked: Vec::new(),
            transfers: BTreeSet::new(),
            subscriptions: BTreeMap::new(),
            publications: BTreeSet::new(),
            questions: Vec::new(),
            descriptions: 0,
            waiting: BTreeMap::new(),
            commands: 0,
            heard: 0,
            stopped: false,
        }
    }

    /// Takes in what it told.
    ///
    /// # Errors
    ///
    /// Which promise it did not keep by that.
    pub(super) fn hear(&mut self, notification: &Value) -> Result<(), &'static str> {
        if self.stopped {
            return Err("told after it had stopped");
        }
        let number = |name: &str| notification[name].as_u64().unwrap_or_default() as u32;
        let kind = notification["type"].as_str().unwrap_or_default();
        match kind {
            "result" | "error" => {
                self.waiting.remove(&number("id")).ok_or("the end of no command, or a second one")?;
                self.result(kind, &notification["value"])
            }
            "incoming" => self.begin(number("call"), State::Ringing),
            "stopped" => {
                self.stopped = true;
                Ok(())
            }
            "transferRequest" => {
                self.asked.push(number("transfer"));
                Ok(())
            }
            "transferExpired" => {
                self.asked.retain(|asked| *asked != number("transfer"));
                Ok(())
            }
            "transferDone" => match self.transfers.remove(&number("transfer")) {
                true => Ok(()),
                false => Err("the end of no transfer, or a second one"),
            },
            "transferAccepted" | "transferProgress" => match self.transfers.contains(&number("transfer")) {
                true => Ok(()),
                false => Err("told of a transfer that is over"),
            },
            "incomingSubscription" => self.begin_subscription(number("subscription"), Role::Notifier),
            "forked" => {
                self.told_of_subscription(number("subscription"))?;
                self.begin_subscription(number("fork"), Role::Subscriber)
            }
            "subscription" | "notice" | "refreshed" => self.told_of_subscription(number("subscription")),
            "subscriptionEnded" => {
                self.told_of_subscription(number("subscription"))?;
                self.subscriptions.insert(number("subscription"), None);
                Ok(())
            }
            "publication" if notification["state"] == "ended" => match self.publications.remove(&number("publication"))
            {
                true => Ok(()),
                false => Err("the end of no publication, or a second one"),
            },
            "publication" => match self.publications.contains(&number("publication")) {
                true => Ok(()),
                false => Err("told of a publication that is over"),
            },
            "credentialsNeeded" => {
                self.questions.extend(notification["query"].as_u64());
                Ok(())
            }
            _ if notification["call"].is_u64() => self.hear_of_call(kind, number("call"), notification),
            _ => Ok(()),
        }
    }

    /// What a command came to.
    fn result(&mut self, kind: &str, value: &Value) -> Result<(), &'static str> {
        let number = |name: &str| value[name].as_u64().map(|number| number as u32);
        if value["replacement"].is_object() {
            self.replacements.push(value["replacement"].clone());
        }
        self.transfers.extend(number("transfer"));
        self.publications.extend(number("publication"));
        if let Some(subscription) = number("subscription") {
            return self.begin_subscription(subscription, Role::Subscriber);
        }
        match number("call") {
            Some(call) if kind == "result" && value["callId"].is_string() && value["state"].is_null() => {
                self.begin(call, State::Begun)
            }
            _ => Ok(()),
        }
    }

    fn hear_of_call(&mut self, kind: &str, call: u32, notification: &Value) -> Result<(), &'static str> {
        let call = self.calls.get_mut(&call).ok_or("told of a call that was not told of")?;
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
        Ok(())
    }

    fn begin(&mut self, call: u32, state: State) -> Result<(), &'static str> {
        match self.calls.insert(call, Call { state, offered: false }) {
            None => Ok(()),
            Some(_) => Err("a call that began already"),
        }
    }

    fn begin_subscription(&mut self, subscription: u32, role: Role) -> Result<(), &'static str> {
        match self.subscriptions.insert(subscription, Some(role)) {
            None => Ok(()),
            Some(_) => Err("a subscription that began already"),
        }
    }

    fn told_of_subscription(&self, subscription: u32) -> Result<(), &'static str> {
        match self.subscriptions.get(&subscription) {
            Some(Some(_)) => Ok(()),
            Some(None) => Err("told of a subscription that is over"),
            None => Err("told of a subscription that was not told of"),
        }
    }

    /// A call that did not end.
    pub(super) fn open(&self) -> Option<u32> {
        self.calls.iter().find(|(_, call)| call.state != State::Over).map(|(number, _)| *number)
    }

    /// Subscriptions that are not over.
    pub(super) fn open_subscriptions(&self) -> Vec<(u32, Role)> {
        self.subscriptions.iter().filter_map(|(number, role)| Some((*number, (*role)?))).collect()
    }

    /// Whether everything but calls is over.
    ///
    /// # Errors
    ///
    /// What is not.
    pub(super) fn all_told(&self) -> Result<(), String> {
        if let Some(transfer) = self.transfers.first() {
            return Err(format!("transfer {transfer}"));
        }
        if let Some((subscription, role)) = self.open_subscriptions().first() {
            return Err(format!("subscription {subscription} as {role:?}"));
        }
        if let Some(publication) = self.publications.first() {
            return Err(format!("publication {publication}"));
        }
        Ok(())
    }
}

/// What of it something is about.
impl Agent {
    /// The last call in which something of that kind makes sense, if there is one; zero for what is done beside calls.
    pub(super) fn fitting(&self, wanted: In) -> Option<u32> {
        let beside_calls = match wanted {
            In::Asked => Some(!self.asked.is_empty()),
            In::Subscribed => Some(self.has_subscription(Role::Subscriber)),
            In::Serving => Some(self.has_subscription(Role::Notifier)),
            In::Published => Some(!self.publications.is_empty()),
            In::Questioned => Some(!self.questions.is_empty()),
            _ => None,
        };
        if let Some(fits) = beside_calls {
            return fits.then_some(0);
        }
        let fits = |(_, call): &(&u32, &Call)| match wanted {
            In::No | In::Asked | In::Subscribed | In::Serving | In::Published | In::Questioned => false,
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
    pub(super) fn asked(&mut self, number: u32) -> u32 {
        if number & 2048 != 0 { self.asked.last().copied().unwrap_or(99) } else { self.asked.pop().unwrap_or(99) }
    }

    fn has_subscription(&self, role: Role) -> bool {
        self.subscriptions.values().any(|known| *known == Some(role))
    }

    /// Its last subscription of that role; now and then any it ever had.
    pub(super) fn subscription(&self, number: u32, role: Role) -> u32 {
        let any = number & 3584 == 3584;
        let mut found = self.subscriptions.iter().rev().filter(|(_, known)| any || **known == Some(role));
        let back = if any { number as usize % 4 } else { number as usize / 16384 };
        found.nth(back).or_else(|| self.subscriptions.last_key_value()).map_or(99, |(number, _)| *number)
    }

    /// Its last publication; now and then another.
    pub(super) fn publication(&self, number: u32) -> u32 {
        let mut found = self.publications.iter().rev();
        found.nth(number as usize / 16384).or_else(|| self.publications.last()).copied().unwrap_or(99)
    }

    /// Somebody else, now and then oneself.
    pub(super) fn target(&self, number: u32) -> String {
        let others = [1, 2, 1, 2, 1, 2, 0];
        let who = (self.who + others[number as usize % 7]) % NAMES.len();
        self.targets[who].clone()
    }

    pub(super) fn describe(&mut self, direction: &str) -> String {
        self.descriptions += 1;
        sdp::description(NAMES[self.who], self.descriptions, direction)
    }

    /// What somebody could know of a call of the agent's.
    pub(super) fn replacement(&self, number: u32) -> Value {
        match self.replacements.len() {
            0 => json!({ "callId": "none", "toTag": "a", "fromTag": "b" }),
            count => self.replacements[number as usize % count].clone(),
        }
    }
}
