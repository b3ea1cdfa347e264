//! What links do to what is sent over them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::NodeId;

/// The conditions of a link, one way. Chances are in a thousand. Start from [`Conditions::default`] or
/// [`Conditions::latency`] and change what a test is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// The least time anything travels.
    pub latency: Duration,
    /// How much more it may be, at random. Jitter alone never changes the order of datagrams.
    pub jitter: Duration,
    /// How many datagrams are lost. On connections a loss shows as a delay of [`Conditions::RECOVERY`].
    pub loss: u16,
    /// How many copies of one datagram are lost in a row, at most; 0: as many as chance will have it. With it, what is sent
    /// again comes through in the end.
    pub streak: u8,
    /// How many datagrams arrive twice, the copy up to `reorder_by` later.
    pub duplication: u16,
    /// How many datagrams are held back up to `reorder_by`, so that later ones overtake them.
    pub reordering: u16,
    /// How long a datagram is held back, at most.
    pub reorder_by: Duration,
    /// The longest piece a byte stream (TCP, TLS) is delivered in; 0: as it was written.
    pub segment: usize,
}

impl Conditions {
    /// How long a connection takes to notice and repair a loss.
    pub const RECOVERY: Duration = Duration::from_millis(200);

    /// A link without faults, with this latency.
    pub const fn latency(latency: Duration) -> Conditions {
        Conditions {
            latency,
            jitter: Duration::ZERO,
            loss: 0,
            streak: 0,
            duplication: 0,
            reordering: 0,
            reorder_by: Duration::from_millis(100),
            segment: 0,
        }
    }

    /// A bad link: 20 to 60 ms, and a tenth each of loss, duplication and reordering.
    pub const fn bad() -> Conditions {
        let latency = Duration::from_millis(20);
        let jitter = Duration::from_millis(40);
        Conditions { jitter, loss: 100, duplication: 100, reordering: 100, ..Conditions::latency(latency) }
    }
}

impl Default for Conditions {
    /// No faults, 10 ms each way.
    fn default() -> Conditions {
        Conditions::latency(Duration::from_millis(10))
    }
}

/// The conditions of every pair of nodes, and who cannot reach whom.
#[derive(Debug)]
pub(super) struct Links {
    common: Conditions,
    special: BTreeMap<(NodeId, NodeId), Conditions>,
    cut: BTreeSet<(NodeId, NodeId)>,
}

impl Links {
    pub(super) fn new(common: Conditions) -> Links {
        Links { common, special: BTreeMap::new(), cut: BTreeSet::new() }
    }

    pub(super) fn between(&self, from: NodeId, to: NodeId) -> Conditions {
        self.special.get(&(from, to)).copied().unwrap_or(self.common)
    }

    pub(super) fn set_common(&mut self, conditions: Conditions) {
        self.common = conditions;
        self.special.clear();
    }

    pub(super) fn set(&mut self, from: NodeId, to: NodeId, conditions: Conditions) {
        self.special.insert((from, to), conditions);
    }

    pub(super) fn cut(&mut self, from: NodeId, to: NodeId) {
        self.cut.insert((from, to));
    }

    pub(super) fn heal(&mut self, from: NodeId, to: NodeId) {
        self.cut.remove(&(from, to));
    }

    pub(super) fn is_cut(&self, from: NodeId, to: NodeId) -> bool {
        self.cut.contains(&(from, to))
    }
}
