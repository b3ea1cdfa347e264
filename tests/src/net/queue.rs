//! What is on its way, in the order in which it arrives.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use offhook_core::time::Instant;
use offhook_core::transport::{FlowChange, FlowError, QueryId, Record};

use super::NodeId;

/// Something that will happen.
#[derive(Debug)]
pub(super) enum Arrival {
    Datagram {
        from: NodeId,
        to: NodeId,
        source: SocketAddr,
        port: u16,
        bytes: Bytes,
        hop: usize,
    },
    /// A connection's request reaches the listening side.
    Knock {
        connection: usize,
    },
    /// Something reaches an end of a connection.
    Stream {
        connection: usize,
        end: usize,
        item: Item,
    },
    /// What was held at an end while the two were cut off from each other may be delivered.
    Release {
        connection: usize,
        end: usize,
    },
    Resolved {
        node: NodeId,
        query: QueryId,
        result: Result<Vec<IpAddr>, FlowError>,
    },
    LookedUp {
        node: NodeId,
        query: QueryId,
        result: Result<Vec<Record>, FlowError>,
    },
}

/// What a connection carries to one of its ends.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Data(Bytes),
    Change(FlowChange),
}

/// A queue by time; what is due at the same millisecond comes out in the order it was put in.
#[derive(Debug, Default)]
pub(super) struct Queue {
    order: BinaryHeap<Reverse<(Instant, u64)>>,
    arrivals: BTreeMap<u64, Arrival>,
    sequence: u64,
}

impl Queue {
    pub(super) fn push(&mut self, at: Instant, arrival: Arrival) {
        self.order.push(Reverse((at, self.sequence)));
        self.arrivals.insert(self.sequence, arrival);
        self.sequence += 1;
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.order.peek().map(|Reverse((at, _))| *at)
    }

    pub(super) fn pop(&mut self) -> Option<Arrival> {
        let Reverse((_, sequence)) = self.order.pop()?;
        self.arrivals.remove(&sequence)
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }
}
