//! The location service: which contacts a user is reached at, over which flow, until when (RFC 3261 10, RFC 5626 6).

use std::collections::{BTreeMap, HashMap, VecDeque};

use offhook_core::message::UriRef;
use offhook_core::time::Instant;
use offhook_core::timer::{TimerId, TimerQueue};
use offhook_core::transport::{FlowId, Path};

/// How many contacts are remembered whose flows are gone.
const REMEMBERED: usize = 1000;

/// A contact of a user.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Binding {
    /// The contact's URI as it was registered.
    pub contact: String,
    /// Its other parameters as they were registered (`;q=0.7;+sip.instance="…"`), without `expires`.
    pub params: String,
    /// The flow it was registered over, and the address at the other end.
    pub path: Path,
    /// Whether requests go back to where the REGISTER came from even if the contact names another address.
    pub(super) symmetric: bool,
    /// The Call-ID of the REGISTER that set it last.
    pub call_id: String,
    /// The CSeq number of that REGISTER.
    pub cseq: u32,
    /// The `+sip.instance` and `reg-id` of RFC 5626, which together name a flow of a user agent.
    pub instance: Option<(String, u32)>,
    /// When it ends.
    pub expires: Instant,
}

impl Binding {
    /// Which user agent it is, if it said so by RFC 5626.
    fn instance_id(&self) -> Option<&str> {
        self.instance.as_ref().map(|(instance, _)| &**instance)
    }

    /// Whether a registration of this contact, or of this instance's flow, means this binding.
    pub(super) fn is_same(&self, contact: &str, instance: Option<&(String, u32)>) -> bool {
        match (&self.instance, instance) {
            (Some(mine), Some(other)) => mine == other,
            _ => is_equivalent(&self.contact, contact),
        }
    }
}

/// RFC 3261 19.1.4.
fn is_equivalent(a: &str, b: &str) -> bool {
    a == b || matches!((UriRef::parse(a), UriRef::parse(b)), (Ok(a), Ok(b)) if a.equivalent(&b))
}

/// A contact whose flow is gone, of a user agent that may have others.
#[derive(Debug)]
struct Lost {
    contact: String,
    user: String,
    instance: String,
}

/// All bindings of all users.
#[derive(Debug)]
pub(super) struct Location {
    users: BTreeMap<String, Vec<Entry>>,
    owners: HashMap<u64, String>,
    next: u64,
    queue: TimerQueue<u64>,
    lost: VecDeque<Lost>,
}

#[derive(Debug)]
struct Entry {
    id: u64,
    timer: TimerId,
    binding: Binding,
}

impl Location {
    pub(super) fn new() -> Location {
        Location {
            users: BTreeMap::new(),
            owners: HashMap::new(),
            next: 0,
            queue: TimerQueue::new(),
            lost: VecDeque::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.owners.len()
    }

    /// The bindings of a user, oldest first.
    pub(super) fn bindings(&self, user: &str) -> impl Iterator<Item = &Binding> {
        self.users.get(user).into_iter().flatten().map(|entry| &entry.binding)
    }

    /// Where a request for a user goes: one list for each user agent, of its flows in the order in which they are tried,
    /// the one that was heard of last first (RFC 5626 7). A contact that names no instance stands for itself.
    pub(super) fn ways(&self, user: &str) -> Vec<Vec<&Binding>> {
        let mut ways: Vec<Vec<&Binding>> = Vec::new();
        for binding in self.bindings(user) {
            let is_flow_of = |way: &&mut Vec<&Binding>| {
                way.iter().any(|other| binding.instance.is_some() && other.instance_id() == binding.instance_id())
            };
            match ways.iter_mut().find(is_flow_of) {
                Some(way) => way.insert(0, binding),
                None => ways.push(vec![binding]),
            }
        }
        ways
    }

    /// Sets a binding, in place of those it means the same as.
    pub(super) fn set(&mut self, user: &str, binding: Binding) {
        self.remove(user, |old| old.is_same(&binding.contact, binding.instance.as_ref()));
        self.next += 1;
        let id = self.next;
        let timer = self.queue.insert(binding.expires, id);
        self.owners.insert(id, user.to_owned());
        self.users.entry(user.to_owned()).or_default().push(Entry { id, timer, binding });
    }

    /// Removes the bindings of a user that `which` says.
    pub(super) fn remove(&mut self, user: &str, mut which: impl FnMut(&Binding) -> bool) -> Vec<Binding> {
        let Some(entries) = self.users.get_mut(user) else { return Vec::new() };
        let removed: Vec<Entry> = entries.extract_if(.., |entry| which(&entry.binding)).collect();
        if entries.is_empty() {
            self.users.remove(user);
        }
        for entry in &removed {
            self.queue.cancel(entry.timer);
            self.owners.remove(&entry.id);
        }
        removed.into_iter().map(|entry| entry.binding).collect()
    }

    /// Removes every binding whose flow is gone.
    pub(super) fn drop_flow(&mut self, flow: FlowId) -> Vec<(String, Binding)> {
        let on_flow = |entry: &Entry| entry.binding.path.flow == flow;
        let users = self.users.iter().filter(|(_, entries)| entries.iter().any(on_flow));
        let users: Vec<String> = users.map(|(user, _)| user.clone()).collect();
        let mut dropped = Vec::new();
        for user in users {
            let bindings = self.remove(&user, |binding| binding.path.flow == flow);
            bindings.iter().for_each(|binding| self.remember(&user, binding));
            dropped.extend(bindings.into_iter().map(|binding| (user.clone(), binding)));
        }
        dropped
    }

    /// Requests in dialogs name the contact of a flow even when that flow is gone.
    fn remember(&mut self, user: &str, binding: &Binding) {
        let Some(instance) = binding.instance_id() else { return };
        if self.lost.len() >= REMEMBERED {
            self.lost.pop_front();
        }
        let (contact, user, instance) = (binding.contact.clone(), user.to_owned(), instance.to_owned());
        self.lost.push_back(Lost { contact, user, instance });
    }

    /// When the next binding ends.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.queue.next()
    }

    /// Removes every binding whose time is over.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<(String, Binding)> {
        let mut expired = Vec::new();
        while let Some((id, _)) = self.queue.pop(now) {
            let Some(user) = self.owners.remove(&id) else { continue };
            let Some(entries) = self.users.get_mut(&user) else { continue };
            let ended = entries.extract_if(.., |entry| entry.id == id).map(|entry| (user.clone(), entry.binding));
            expired.extend(ended);
            if entries.is_empty() {
                self.users.remove(&user);
            }
        }
        expired
    }

    /// Where a contact is reached now: over the connection it registered with again, or over another flow of its user agent.
    pub(super) fn path_of(&self, contact: &str) -> Option<Path> {
        let mut all = self.users.values().flatten();
        let known = all.find(|entry| is_equivalent(&entry.binding.contact, contact)).map(|entry| entry.binding.path);
        known.or_else(|| {
            let lost = self.lost.iter().rev().find(|lost| is_equivalent(&lost.contact, contact))?;
            let mut others = self.bindings(&lost.user);
            others.find(|binding| binding.instance_id() == Some(&*lost.instance)).map(|binding| binding.path)
        })
    }
}
