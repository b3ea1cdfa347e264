//! One user agent in several endpoints side by side (see [`Router`](crate::transport::Router)): the first has the ways to
//! the servers and the registration, and tells the others, who use them as their own. What they tell each other is carried
//! by their drivers as [`Note`]s.

use std::sync::Arc;

use super::registration::Following;
use super::{Config, Endpoint};
use crate::arena::{Arena, Key};
use crate::time::Instant;
use crate::transport::{FlowError, FlowErrorKind, FlowId, FlowInfo, Note, Output, Path, Shard, Sharding, Target};

/// What the first tells the others.
#[derive(Debug)]
struct Lead {
    /// The host that stands for ours where it is not known.
    invalid_host: Box<str>,
    ways: Vec<Way>,
    registration: Following,
}

/// One of the ways to the servers.
#[derive(Debug)]
struct Way {
    place: Option<Target>,
    /// Where it leads, if it is up.
    up: Option<Path>,
    /// It is being opened.
    trying: bool,
}

/// What the others ask of the first: a way to the servers, and what there is to know of it.
#[derive(Debug)]
struct Wanted;

impl Config {
    /// The settings of each shard of one user agent: each takes its part of the limits, so that together they are what
    /// was set (the rate of one source excepted, which is each one's).
    pub fn sharded(&self, sharding: &Sharding) -> Vec<Config> {
        let count = sharding.count();
        sharding
            .shards()
            .map(|shard| {
                let mut config = self.clone();
                let limits = &mut config.limits;
                for limit in [
                    &mut limits.calls,
                    &mut limits.server_transactions,
                    &mut limits.outgoing,
                    &mut limits.subscriptions,
                    &mut limits.publications,
                ] {
                    *limit = limit.div_ceil(count);
                }
                config.shard = Some(shard);
                config
            })
            .collect()
    }
}

/// The shard in whose table a key is.
pub(super) fn of_key(sharding: Sharding, key: Key) -> usize {
    let share = share(sharding).max(1);
    (key.generation().checked_div(share).unwrap_or(0) as usize).min(sharding.count().saturating_sub(1))
}

/// How many generations of keys each shard has.
fn share(sharding: Sharding) -> u32 {
    let count = u32::try_from(sharding.count()).unwrap_or(1);
    u32::MAX.checked_div(count).unwrap_or(u32::MAX)
}

/// A table of things that have names outside: those of other shards, and of predecessors, name nothing in it.
pub(super) fn arena<T>(shard: Option<Shard>) -> Arena<T> {
    shard.map_or_else(Arena::new, |shard| Arena::from_generation(first_generation(shard)))
}

/// Each shard has a share of all generations, and of that each of those that take its place one after the other a part.
fn first_generation(shard: Shard) -> u32 {
    let (share, index) = (share(shard.sharding), u32::try_from(shard.index).unwrap_or(0));
    let part = share.checked_div(256).unwrap_or(0);
    share.saturating_mul(index).saturating_add(part.saturating_mul(shard.incarnation.into()))
}

/// Whether a key of this shard is one of those that have failed in its place.
pub(super) fn is_of_predecessor(shard: Shard, key: Key) -> bool {
    key.generation() < first_generation(shard)
}

/// The number of the first flow that a shard opens: no two give the same number.
pub(super) fn first_flow(shard: Option<Shard>) -> u64 {
    shard.map_or(0, |shard| (shard.index as u64) << 56 | u64::from(shard.incarnation) << 48)
}

impl Endpoint {
    /// Whether this is the one that registers: always, unless it is one of several shards and not the first.
    pub fn is_leading(&self) -> bool {
        self.config.shard.is_none_or(|shard| shard.index == 0)
    }

    /// One in the place of this one, which has failed: with the same settings and nothing else, but for what others know
    /// it by. Its randomness comes from that of this one.
    pub(crate) fn successor(&self) -> Endpoint {
        let mut config = self.config.clone();
        config.instance = Some(self.registration.instance().into());
        if let Some(shard) = &mut config.shard {
            shard.incarnation = shard.incarnation.wrapping_add(1);
        }
        let mut successor = Endpoint::new(config, self.entropy.apart("successor").seed());
        if self.config.shard.is_none() {
            successor.calls = self.calls.successor();
        }
        successor.transactions.flows_mut().number_after(self.transactions.flows());
        successor
    }

    /// Whether the application wants it to be registered.
    pub(crate) fn wants_registration(&self) -> bool {
        self.registration.is_wanted() && self.is_leading()
    }

    /// Begins where one left off that has failed.
    pub(crate) fn begin_again(&mut self, now: Instant, registered: bool) {
        if !self.is_leading() {
            self.want_lead();
        } else if self.connection.has_server() {
            self.connect(now);
        }
        if registered {
            self.register(now);
        }
        self.tell_fallen();
        self.pump(now);
    }

    /// See [`Machine::flow_shared`](crate::transport::Machine::flow_shared).
    pub(super) fn take_shared(&mut self, flow: FlowId, info: FlowInfo) {
        self.transactions.flows_mut().shared(flow, info);
    }

    /// The others are to hear how things are.
    pub(super) fn lead_changed(&mut self) {
        self.news = self.config.shard.is_some_and(|shard| shard.index == 0);
    }

    /// Tells the others, if there is anything new.
    pub(super) fn tell_shards(&mut self) {
        if !std::mem::take(&mut self.news) {
            return;
        }
        let lead = Lead {
            invalid_host: self.transactions.flows().invalid_host().into(),
            ways: self.ways().map(|(place, up, trying)| Way { place, up, trying }).collect(),
            registration: self.registration.following(),
        };
        self.transactions.flows_mut().push_output(Output::Tell(Note::new(Arc::new(lead))));
    }

    /// One of the others needs a way to the servers.
    pub(super) fn want_lead(&mut self) {
        self.transactions.flows_mut().push_output(Output::Tell(Note::new(Wanted)));
    }

    /// See [`Machine::noted`](crate::transport::Machine::noted).
    pub(super) fn take_note(&mut self, now: Instant, note: &Note) {
        if let Some(lead) = note.get::<Arc<Lead>>()
            && !self.is_leading()
        {
            self.follow(now, lead);
        } else if note.is::<Wanted>() && self.is_leading() {
            self.lead_changed();
            if self.shutdown.is_none() {
                self.open_links(now);
            }
        } else {
            self.take_consultation(now, note);
        }
    }

    fn follow(&mut self, now: Instant, lead: &Lead) {
        self.transactions.flows_mut().set_invalid_host(&lead.invalid_host);
        self.registration.follow(&lead.registration);
        for (index, way) in lead.ways.iter().enumerate() {
            match way.up {
                Some(path) if self.transactions.flows().contains(path.flow) => {
                    self.follow_way(now, index, path, way.place.clone());
                }
                // It was lost again meanwhile.
                Some(_) => {}
                None => {
                    let error = FlowError::new(FlowErrorKind::Refused, "the server cannot be reached");
                    self.lose_way(now, index, way.trying, error);
                }
            }
        }
    }
}
