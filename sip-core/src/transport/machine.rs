//! The contract between a machine and the driver that runs it.

use std::any::Any;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::{FlowChange, FlowError, FlowId, FlowInfo, Path, Record, RecordKind, Target};
use crate::time::Instant;

/// A protocol machine without I/O: what every driver (tokio, browser, the simulated network) knows how to run.
///
/// The rule: after each call that takes `&mut self` and a time, drain [`poll_output`](Machine::poll_output) until it
/// returns `None`, then wait for I/O, the time of [`poll_timeout`](Machine::poll_timeout), or the waker given to
/// [`poll_inbox`](Machine::poll_inbox). `now` never goes backwards.
pub trait Machine {
    /// What the machine tells its owner beside bytes; `Infallible` where it has its own way to tell.
    type Event;

    /// The driver bound a UDP socket or accepted a connection; the id names it from now on.
    fn flow_opened(&mut self, now: Instant, info: FlowInfo) -> FlowId;

    /// Another machine of the same user agent has a flow, which this one is to use as well. It has the same number in
    /// both, and is up. What comes over a stream comes in whole messages.
    fn flow_shared(&mut self, _now: Instant, _flow: FlowId, _info: FlowInfo) {}

    /// Another machine of the same user agent has told something by [`Output::Tell`].
    fn noted(&mut self, _now: Instant, _note: Note) {}

    /// The machine has panicked within another call: it is to begin anew, with nothing of what it had. Its flows that are
    /// up are then told by [`flow_shared`](Machine::flow_shared). `false`: it cannot.
    fn begin_anew(&mut self, _now: Instant) -> bool {
        false
    }

    /// A flow changed: opened as asked, failed, closed. A flow that failed or closed is forgotten; its id may still
    /// come in calls already on their way, which are ignored.
    fn flow_changed(&mut self, now: Instant, flow: FlowId, change: FlowChange);

    /// Bytes came in: one datagram, one WebSocket message, or any part of a stream.
    fn receive(&mut self, now: Instant, path: Path, bytes: Bytes);

    /// A datagram was not delivered: the system did not send it, or the network says that nobody takes it there (RFC 3261
    /// 18.4). `quoted` is as much of it as is told.
    fn undelivered(&mut self, _now: Instant, _path: Path, _quoted: Bytes, _error: FlowError) {}

    /// The answer to [`Output::Resolve`].
    fn resolved(&mut self, now: Instant, query: QueryId, result: Result<Vec<IpAddr>, FlowError>);

    /// The answer to [`Output::Lookup`]; none of that kind is an empty answer.
    fn looked_up(&mut self, _now: Instant, _query: QueryId, _result: Result<Vec<Record>, FlowError>) {}

    /// The time of `poll_timeout` has come (calling it early or late is harmless).
    fn handle_timeout(&mut self, now: Instant);

    /// When to call `handle_timeout` next; `None`: no timer runs.
    fn poll_timeout(&self) -> Option<Instant>;

    /// What the driver must carry out next; `None`: nothing more until the next call.
    fn poll_output(&mut self) -> Option<Output<Self::Event>>;

    /// Takes in what handles of this machine asked for since the last call. `Ready` means something was taken in and
    /// outputs may wait; `Pending` means the waker will be called.
    fn poll_inbox(&mut self, _cx: &mut Context<'_>, _now: Instant) -> Poll<()> {
        Poll::Pending
    }

    /// The machine is done for good: the driver may stop and free everything.
    fn is_finished(&self) -> bool {
        false
    }
}

/// What one machine of a user agent tells the others; only they know what is in it.
#[derive(Clone)]
pub struct Note(Arc<dyn Any + Send + Sync>);

impl Note {
    /// Something to tell.
    pub fn new(news: impl Any + Send + Sync) -> Note {
        Note(Arc::new(news))
    }

    /// What is told, if it is that.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }

    /// Whether that is told.
    pub fn is<T: Any>(&self) -> bool {
        self.0.is::<T>()
    }
}

impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Note(…)")
    }
}

/// Names a question to the resolver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QueryId(pub(crate) u64);

impl QueryId {
    /// An id with this number, for a [`Machine`] outside this crate, which numbers its own questions.
    pub const fn from_number(number: u64) -> QueryId {
        QueryId(number)
    }

    /// The number behind the id, for logs.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// What a machine wants done.
#[non_exhaustive]
pub enum Output<E> {
    /// Send these bytes: one datagram, one WebSocket message (text), or a piece of a stream.
    Transmit {
        /// Where.
        path: Path,
        /// What.
        bytes: Bytes,
    },
    /// Open a connection and report by [`Machine::flow_changed`].
    OpenFlow {
        /// The id the flow will have.
        flow: FlowId,
        /// Where to.
        target: Target,
    },
    /// Close a flow after what was sent on it before; no `flow_changed` is owed.
    CloseFlow {
        /// Which.
        flow: FlowId,
    },
    /// Look up the addresses of a host name and report by [`Machine::resolved`].
    Resolve {
        /// Names the question.
        query: QueryId,
        /// The host name.
        name: Box<str>,
    },
    /// Look up records of the domain name system and report by [`Machine::looked_up`].
    Lookup {
        /// Names the question.
        query: QueryId,
        /// The name they are under.
        name: Box<str>,
        /// Which are wanted.
        kind: RecordKind,
    },
    /// Tell the other machines of the same user agent by [`Machine::noted`]; with none there is nobody to tell.
    Tell(Note),
    /// Something for the machine's owner.
    Event(E),
}

impl<E: fmt::Debug> fmt::Debug for Output<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Credentials are in it.
            Output::Transmit { path, bytes } => {
                f.debug_struct("Transmit").field("path", path).field("bytes", &bytes.len()).finish()
            }
            Output::OpenFlow { flow, target } => {
                f.debug_struct("OpenFlow").field("flow", flow).field("target", target).finish()
            }
            Output::CloseFlow { flow } => f.debug_struct("CloseFlow").field("flow", flow).finish(),
            Output::Resolve { query, name } => {
                f.debug_struct("Resolve").field("query", query).field("name", name).finish()
            }
            Output::Lookup { query, name, kind } => {
                f.debug_struct("Lookup").field("query", query).field("name", name).field("kind", kind).finish()
            }
            Output::Tell(note) => f.debug_tuple("Tell").field(note).finish(),
            Output::Event(event) => f.debug_tuple("Event").field(event).finish(),
        }
    }
}

impl<E> Output<E> {
    /// Parts what is for the owner from what is for the driver.
    ///
    /// # Errors
    ///
    /// `Err` is the driver's part.
    pub fn into_event(self) -> Result<E, Output<std::convert::Infallible>> {
        Err(match self {
            Output::Event(event) => return Ok(event),
            Output::Transmit { path, bytes } => Output::Transmit { path, bytes },
            Output::OpenFlow { flow, target } => Output::OpenFlow { flow, target },
            Output::CloseFlow { flow } => Output::CloseFlow { flow },
            Output::Resolve { query, name } => Output::Resolve { query, name },
            Output::Lookup { query, name, kind } => Output::Lookup { query, name, kind },
            Output::Tell(note) => Output::Tell(note),
        })
    }
}

impl Output<std::convert::Infallible> {
    /// The same for a machine whose events are of another type.
    pub fn lift<E>(self) -> Output<E> {
        match self {
            Output::Transmit { path, bytes } => Output::Transmit { path, bytes },
            Output::OpenFlow { flow, target } => Output::OpenFlow { flow, target },
            Output::CloseFlow { flow } => Output::CloseFlow { flow },
            Output::Resolve { query, name } => Output::Resolve { query, name },
            Output::Lookup { query, name, kind } => Output::Lookup { query, name, kind },
            Output::Tell(note) => Output::Tell(note),
            Output::Event(never) => match never {},
        }
    }
}
