//! A toy resolver: names and what it says when asked for them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use offhook_core::transport::{FlowError, FlowErrorKind, Record, RecordKind};

/// What the resolver does when asked for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Gives these addresses, in this order.
    Addresses(Vec<IpAddr>),
    /// Fails.
    Fails(FlowErrorKind),
    /// Says nothing, ever.
    Silent,
}

#[derive(Debug)]
pub(super) struct Resolver {
    names: BTreeMap<Box<str>, Answer>,
    records: BTreeMap<Box<str>, Vec<Record>>,
    pub(super) latency: Duration,
}

impl Resolver {
    pub(super) fn new() -> Resolver {
        Resolver { names: BTreeMap::new(), records: BTreeMap::new(), latency: Duration::from_millis(5) }
    }

    pub(super) fn set(&mut self, name: &str, answer: Answer) {
        self.names.insert(name.to_ascii_lowercase().into(), answer);
    }

    /// `None`: silence.
    pub(super) fn ask(&self, name: &str) -> Option<Result<Vec<IpAddr>, FlowError>> {
        match self.names.get(name.to_ascii_lowercase().as_str()) {
            Some(Answer::Addresses(addresses)) => Some(Ok(addresses.clone())),
            Some(Answer::Fails(kind)) => Some(Err(FlowError::new(*kind, "the resolver failed"))),
            Some(Answer::Silent) => None,
            None => Some(Err(FlowError::new(FlowErrorKind::Unresolved, "no such name"))),
        }
    }

    pub(super) fn publish(&mut self, name: &str, records: Vec<Record>) {
        self.records.insert(name.to_ascii_lowercase().into(), records);
    }

    pub(super) fn has_records(&self) -> bool {
        !self.records.is_empty()
    }

    /// `None`: silence. A name that fails for addresses fails for records as well.
    pub(super) fn look_up(&self, name: &str, kind: RecordKind) -> Option<Result<Vec<Record>, FlowError>> {
        let name = name.to_ascii_lowercase();
        match self.names.get(name.as_str()) {
            Some(Answer::Fails(kind)) => return Some(Err(FlowError::new(*kind, "the resolver failed"))),
            Some(Answer::Silent) => return None,
            Some(Answer::Addresses(_)) | None => {}
        }
        let mut records = self.records.get(name.as_str()).cloned().unwrap_or_default();
        records.retain(|record| match record {
            Record::Srv(_) => kind == RecordKind::Srv,
            Record::Naptr(_) => kind == RecordKind::Naptr,
        });
        Some(Ok(records))
    }

    /// What the runtime of a client finds for a host it was told to connect to: an address is its own answer.
    pub(super) fn first(&self, host: &str) -> Option<IpAddr> {
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = literal.parse() {
            return Some(address);
        }
        self.ask(host)?.ok()?.first().copied()
    }
}
