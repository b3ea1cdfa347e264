//! What the core knows of transports: their names, the flows messages travel on, where a request goes, and the
//! contract between a machine that speaks SIP and the driver that moves its bytes. No socket is opened here.

mod breaker;
mod dead;
mod finder;
mod flow;
mod flows;
mod machine;
mod rate;
mod records;
mod router;
#[cfg(feature = "stun")]
mod stun;
mod target;

pub use breaker::Breakers;
pub use dead::Dead;
pub use finder::{Find, Finder, Question, Wanted};
pub use flow::{FlowChange, FlowError, FlowErrorKind, FlowId, FlowInfo, Path, Transport};

pub use flows::{Flows, Received};
pub use machine::{Machine, Note, Output, QueryId};
pub(crate) use rate::Buckets;
pub use rate::MessageRate;
pub use records::{Naptr, Record, RecordKind, Srv};
pub use router::Router;
#[cfg(feature = "stun")]
pub use stun::{Stun, StunId, is_stun};
pub use target::Target;

pub use crate::sharding::{Shard, Sharding};
