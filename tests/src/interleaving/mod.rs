//! Plans: what a few agents do, when, on which network. Any plan must end with nothing left and every operation ended.
//!
//! A plan is data with a text form, so that one that fails is made as small as it gets and kept as a test:
//!
//! ```text
//! 17 udp bad 2,5,0: 0 alice call 1; 30 bob answer 0; 500 alice hold 1; 0 bob hangup 0
//! ```
//!
//! The seed, the way, the network, what each agent is set to; then how many milliseconds after the one before, who, what, and
//! a number from which the rest of the command is made.

mod known;
mod run;
mod shrink;
mod verbs;

use std::fmt;
use std::str::FromStr;

use crate::net::Rng;

pub use run::{SECOND, run};
pub use shrink::shrink;

/// Who there is.
pub const NAMES: [&str; 3] = ["alice", "bob", "carol"];

/// How the agents reach each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Directly over UDP.
    Udp,
    /// Directly over TCP.
    Tcp,
    /// By a proxy over UDP.
    ProxyUdp,
    /// By a proxy over WebSocket.
    ProxyWs,
    /// By two doors of one proxy over WebSocket, two flows at a time (RFC 5626).
    TwoFlows,
}

/// All ways, with their names.
const WAYS: [(Way, &str); 5] = [
    (Way::Udp, "udp"),
    (Way::Tcp, "tcp"),
    (Way::ProxyUdp, "proxy-udp"),
    (Way::ProxyWs, "proxy-ws"),
    (Way::TwoFlows, "two-flows"),
];

/// What a few agents do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What chance is made of.
    pub seed: u64,
    /// How they reach each other.
    pub way: Way,
    /// Whether messages get lost, doubled and overtaken.
    pub bad: bool,
    /// What each agent is set to: a bit or two for each setting.
    pub settings: [u16; 3],
    /// What happens.
    pub acts: Vec<Act>,
}

/// One thing done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Act {
    /// Milliseconds after the one before.
    pub after: u64,
    /// Who.
    pub who: usize,
    /// What: the place in the table of verbs.
    verb: usize,
    /// What the rest is made of.
    pub number: u32,
}

/// How many bits the settings of an agent have.
pub(crate) const SETTINGS: u32 = 12;

/// The times between two acts: at once, while messages are on their way, and around timers.
const PAUSES: [u64; 20] = [0, 0, 0, 0, 1, 5, 9, 10, 11, 20, 21, 30, 50, 100, 500, 501, 2_000, 10_000, 33_000, 70_000];

impl Plan {
    /// The plan of this seed.
    pub fn random(seed: u64) -> Plan {
        let mut rng = Rng::new(seed);
        let way = WAYS[rng.below(WAYS.len() as u64) as usize].0;
        let bad = rng.below(2) == 1;
        let settings = [(); 3].map(|()| rng.below(1 << SETTINGS) as u16);
        let mut plan = Plan { seed, way, bad, settings, acts: Vec::new() };
        // Most that goes wrong goes wrong in a call, or in what follows one.
        let wait = if bad { 3_000 } else { 30 };
        let (first, callee) = (rng.below(3) as usize, rng.below(2) as u32);
        let second = (first + 1 + callee as usize) % 3;
        let third = 3 - first - second;
        // A number by which a target is the one who is so many places further.
        let to = |from: usize, to: usize| ((to + 3 - from) % 3) as u32 - 1;
        let mut act = |after: u64, who: usize, verb: &str, number: u32| {
            plan.acts.push(Act { after, who, verb: verbs::named(verb), number });
        };
        let beginning = rng.below(6);
        if beginning > 0 {
            act(0, first, "call", callee);
            act(wait, second, "answer", 0);
            act(wait, second, "inspect", 0);
        }
        match beginning {
            1 => {
                // Asked to call the third: consent is given, refused or left open by what follows.
                act(wait, first, "transfer", 8 * to(first, third));
                act(wait, second, if rng.below(3) > 0 { "accept-transfer" } else { "info" }, 0);
                act(wait, third, if rng.below(3) > 0 { "answer" } else { "ring" }, 0);
            }
            2 => {
                // Two calls become one.
                act(wait, first, "call", to(first, third));
                act(wait, third, "answer", 0);
                act(wait, first, "transfer-to", rng.below(64) as u32);
                act(wait, second, "accept-transfer", 0);
                act(wait, third, "answer", 0);
            }
            3 => {
                act(wait, first, "subscribe", to(first, second));
                act(wait, second, "accept-subscription", 0);
            }
            _ => {}
        }
        for _ in 0..1 + rng.below(32) {
            let after = PAUSES[rng.below(PAUSES.len() as u64) as usize];
            let (who, verb) = (rng.below(3) as usize, verbs::pick(&mut rng));
            plan.acts.push(Act { after, who, verb, number: rng.below(1 << 16) as u32 });
        }
        plan
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = WAYS.iter().find(|(way, _)| *way == self.way).map_or("", |(_, name)| name);
        let network = if self.bad { "bad" } else { "good" };
        let [a, b, c] = self.settings;
        write!(f, "{} {way} {network} {a},{b},{c}:", self.seed)?;
        for (at, Act { after, who, verb, number }) in self.acts.iter().enumerate() {
            let comma = if at == 0 { "" } else { ";" };
            write!(f, "{comma} {after} {} {} {number}", NAMES[*who], verbs::name(*verb))?;
        }
        Ok(())
    }
}

impl FromStr for Plan {
    type Err = String;

    fn from_str(text: &str) -> Result<Plan, String> {
        let (head, acts) = text.split_once(':').ok_or("a plan begins with seed, way, network and settings")?;
        let words: Vec<&str> = head.split_whitespace().collect();
        let [seed, way, network, settings] = words[..] else { return Err(format!("four words, not `{head}`")) };
        let way = WAYS.iter().find(|(_, name)| *name == way).ok_or_else(|| format!("no way is called {way}"))?.0;
        let number = |text: &str| text.parse::<u64>().map_err(|_| format!("`{text}` is no number"));
        let mut numbers = [0; 3];
        for (slot, text) in numbers.iter_mut().zip(settings.split(',')) {
            *slot = number(text)? as u16;
        }
        let act = |text: &str| -> Result<Act, String> {
            let words: Vec<&str> = text.split_whitespace().collect();
            let [after, who, verb, rest] = words[..] else { return Err(format!("four words, not `{text}`")) };
            let who = NAMES.iter().position(|name| *name == who).ok_or_else(|| format!("who is {who}?"))?;
            let verb = verbs::find(verb).ok_or_else(|| format!("what is {verb}?"))?;
            Ok(Act { after: number(after)?, who, verb, number: number(rest)? as u32 })
        };
        let acts = acts.split(';').filter(|text| !text.trim().is_empty()).map(act).collect::<Result<_, _>>()?;
        Ok(Plan { seed: number(seed)?, way, bad: network == "bad", settings: numbers, acts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_reads_back() {
        for seed in 0..50 {
            let plan = Plan::random(seed);
            assert_eq!(plan.to_string().parse(), Ok(plan));
        }
    }
}
