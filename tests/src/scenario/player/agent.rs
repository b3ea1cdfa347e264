//! What the player knows of an agent: what it told, its calls, and what it has been asked to do.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

use super::super::script::{Pattern, Settings};
use super::super::sdp;
use super::super::told::fits;
use crate::sip::Text;

/// What is known of an agent.
#[derive(Default)]
pub(super) struct Agent {
    pub(super) settings: Settings,
    /// What it told and no line spoke of yet: about the call with whom, what.
    pub(super) told: VecDeque<(Option<String>, Pattern)>,
    /// What it may still tell.
    pub(super) optional: Vec<(Option<String>, Pattern)>,
    pub(super) ignores: Vec<&'static str>,
    /// Everything it told.
    pub(super) history: Vec<String>,
    /// Everything it sent and got; which of it lines have spoken of.
    pub(super) wire: Vec<(bool, Text)>,
    pub(super) read: usize,
    /// With whom its calls are, by number; the last is the youngest.
    pub(super) calls: Vec<Call>,
    pub(super) known: super::super::events::Known,
    /// Whom it calls, until the call has a number.
    pub(super) calling: VecDeque<String>,
    /// The requests for transfers, and whom they want called.
    pub(super) asked: Vec<(u64, String)>,
    /// The questions for credentials.
    pub(super) queries: Vec<u64>,
    pub(super) waiting: HashMap<u64, String>,
    pub(super) outcomes: Vec<(String, Pattern)>,
    pub(super) descriptions: u32,
    pub(super) stopped: bool,
}

pub(super) struct Call {
    pub(super) number: u64,
    pub(super) with: String,
    pub(super) live: bool,
    pub(super) holds: bool,
    /// The direction of the offer that waits.
    pub(super) offered: String,
}

impl Agent {
    pub(super) fn push(&mut self, call: Option<u64>, event: Pattern) {
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
    pub(super) fn learn_call(&mut self, notification: &Value) {
        let number = notification["call"].as_u64().or_else(|| notification["value"]["call"].as_u64());
        let Some(number) = number else { return };
        if self.calls.iter().any(|call| call.number == number) {
            return;
        }
        let with = match notification["type"] == "incoming" {
            true => super::super::told::user(&notification["from"]["uri"]),
            false => self.calling.pop_front().unwrap_or_default(),
        };
        self.calls.push(Call { number, with, live: true, holds: false, offered: String::new() });
    }

    /// With whom a call is.
    pub(super) fn with(&self, number: u64) -> Option<String> {
        self.calls.iter().find(|call| call.number == number).map(|call| call.with.clone())
    }

    /// With whom the one call is that is not with somebody.
    pub(super) fn besides(&self, other: Option<&str>) -> Option<&str> {
        let mut live = self.calls.iter().filter(|call| call.live && Some(call.with.as_str()) != other);
        match (other, live.next(), live.next()) {
            (Some(_), Some(call), None) => Some(&call.with),
            _ => None,
        }
    }

    /// The call with somebody; the only one that is not over, or the last that was.
    pub(super) fn find_call(&self, with: Option<&str>) -> Result<usize, String> {
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
    pub(super) fn direction(
        &self,
        action: &str,
        call: Option<usize>,
        description: Option<bool>,
    ) -> Option<&'static str> {
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
    pub(super) fn take_optional(&mut self, told: &(Option<String>, Pattern)) -> bool {
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
