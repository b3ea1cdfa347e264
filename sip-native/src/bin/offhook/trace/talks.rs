//! Messages by their Call-ID: who talks with whom about what, and what came of it.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use offhook::core::message::Method;

use super::seen::{Place, Seen};

/// All messages with one Call-ID.
#[derive(Debug)]
pub(super) struct Talk {
    pub(super) call_id: Box<str>,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) messages: Vec<Recorded>,
}

/// A message, and whether the same was sent before.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) seen: Seen,
    pub(super) again: bool,
}

impl Recorded {
    /// What stands on its arrow.
    pub(super) fn label(&self) -> String {
        labelled(&self.seen, self.again)
    }
}

/// What stands on the arrow of a message.
pub(super) fn labelled(seen: &Seen, again: bool) -> String {
    let again = if again { " (again)" } else { "" };
    seen.label() + again
}

/// Tells copies apart from what is new, of what passed within the time that requests are sent again (64 × T1).
#[derive(Debug, Default)]
pub(super) struct Copies {
    known: HashMap<u64, Duration>,
    hasher: RandomState,
}

/// How long copies are known, and how many messages are looked at before old ones are forgotten.
const KNOWN: Duration = Duration::from_secs(40);
const MANY: usize = 4096;

impl Copies {
    /// Whether the same went the same way not long ago.
    pub(super) fn has(&mut self, seen: &Seen) -> bool {
        let now = seen.at;
        if self.known.len() > MANY {
            self.known.retain(|_, at| now.saturating_sub(*at) < KNOWN);
        }
        let identity = self.hasher.hash_one((&seen.from, &seen.to, seen.bytes()));
        let before = self.known.insert(identity, now);
        before.is_some_and(|before| now.saturating_sub(before) < KNOWN)
    }
}

impl Talk {
    /// The messages by Call-ID, in the order of their first ones; those that have none come last.
    pub(super) fn all(messages: Vec<Seen>) -> Vec<Talk> {
        let mut copies = Copies::default();
        let mut places: HashMap<Box<str>, usize> = HashMap::new();
        let mut talks: Vec<Talk> = Vec::new();
        for seen in messages {
            let call_id: Box<str> = seen.call_id().unwrap_or_default().into();
            let place = *places.entry(call_id.clone()).or_insert_with(|| {
                let (from, to) = seen.parties().unwrap_or_default();
                talks.push(Talk { call_id, from, to, messages: Vec::new() });
                talks.len() - 1
            });
            let again = copies.has(&seen);
            talks[place].messages.push(Recorded { seen, again });
        }
        talks.sort_by_key(|talk| talk.call_id.is_empty());
        talks
    }

    pub(super) fn begin(&self) -> Duration {
        self.messages.iter().map(|recorded| recorded.seen.at).min().unwrap_or_default()
    }

    pub(super) fn length(&self) -> Duration {
        let last = self.messages.iter().map(|recorded| recorded.seen.at).max().unwrap_or_default();
        last.saturating_sub(self.begin())
    }

    /// The method it began with.
    pub(super) fn method(&self) -> String {
        let first = self.messages.iter().find_map(|recorded| recorded.seen.request_method().cloned());
        let method = first.or_else(|| self.messages.iter().find_map(|recorded| recorded.seen.method()));
        method.map_or("?".into(), |method| method.as_str().to_owned())
    }

    /// What came of it, in words.
    pub(super) fn outcome(&self) -> String {
        let method = self.method();
        let finals = || {
            self.messages.iter().map(|recorded| &recorded.seen).filter(|seen| {
                let of = seen.method();
                of.is_some_and(|of| of.as_str() == method) && seen.status().is_some_and(|status| status >= 200)
            })
        };
        let answered = finals().find(|seen| seen.status().is_some_and(|status| status < 300));
        // A challenge is answered by asking again: the last word counts.
        let last = answered.or_else(|| finals().last());
        let has = |wanted: &Method| self.messages.iter().any(|recorded| recorded.seen.request_method() == Some(wanted));
        match last {
            None if has(&Method::Cancel) => "cancelled".into(),
            None => "no answer".into(),
            Some(_) if answered.is_some() && has(&Method::Bye) => "answered, ended".into(),
            Some(_) if answered.is_some() && method == "INVITE" => "answered".into(),
            Some(seen) => format!("{} {}", seen.status().unwrap_or_default(), seen.reason()),
        }
    }

    /// Everybody there, in the order of their first words.
    pub(super) fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        for recorded in &self.messages {
            for place in [&recorded.seen.from, &recorded.seen.to] {
                if !places.contains(place) {
                    places.push(place.clone());
                }
            }
        }
        places
    }
}
