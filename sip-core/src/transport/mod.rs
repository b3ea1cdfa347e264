//! What the core knows of transports: their names, the flows messages travel on, where a request goes, and the
//! contract between a machine that speaks SIP and the driver that moves its bytes. No socket is opened here.

mod dead;
mod finder;
mod flow;
mod flows;
mod machine;
mod records;
mod target;

pub use dead::Dead;
pub use finder::{Find, Finder, Question, Wanted};
pub use flow::{FlowChange, FlowError, FlowErrorKind, FlowId, FlowInfo, Path, Transport};

pub use flows::{Flows, Received};
pub use machine::{Machine, Output, QueryId};
pub use records::{Naptr, Record, RecordKind, Srv};
pub use target::Target;
