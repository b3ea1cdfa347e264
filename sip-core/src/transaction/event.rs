//! What the transaction layer tells its user.

use std::sync::Arc;

use bytes::Bytes;

use super::{ClientId, ServerId, Timer};
use crate::message::{ParseError, Request, Response, Wire};
use crate::transport::{FlowError, FlowId, Path};

/// What the transaction layer tells its user. `U` is what the user attached to the transaction.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<U> {
    /// A request that begins a new server transaction. Answer it with [`Transactions::respond`](super::Transactions::respond).
    Request {
        /// The transaction.
        server: ServerId,
        /// The request.
        request: Arc<Request>,
        /// Where it came from.
        source: Path,
        /// For a CANCEL: the INVITE transaction it matches, and what the user attached to that.
        cancels: Option<(ServerId, Option<U>)>,
    },
    /// An ACK for a 2xx: its own transaction, so it comes up by itself.
    Ack {
        /// The ACK.
        request: Arc<Request>,
        /// Where it came from.
        source: Path,
    },
    /// A response for a client transaction.
    Response {
        /// The transaction.
        client: ClientId,
        /// Whose it is.
        user: U,
        /// The response.
        response: Arc<Response>,
        /// Where it came from.
        source: Path,
    },
    /// A 2xx to an INVITE whose transaction is over or has ended by another final response: a late fork or a
    /// retransmission (RFC 3261 13.2.2.4).
    Stray {
        /// The response.
        response: Arc<Response>,
        /// Where it came from.
        source: Path,
    },
    /// A client transaction ended without a final response.
    Failed {
        /// The transaction.
        client: ClientId,
        /// Whose it is.
        user: U,
        /// Why.
        failure: Failure,
    },
    /// No ACK came for a final response other than 2xx (timer H).
    Unacknowledged {
        /// The transaction.
        server: ServerId,
        /// Whose it is.
        user: Option<U>,
    },
    /// Something came that is no message. The flow goes on, unless it is a stream whose framing is lost: that is closed.
    Malformed {
        /// Where it came from.
        source: Path,
        /// What was wrong, where.
        error: ParseError,
        /// What came.
        bytes: Bytes,
    },
    /// A connection is up.
    FlowUp {
        /// Which.
        flow: FlowId,
    },
    /// A connection failed or closed; its client transactions have failed before this.
    FlowDown {
        /// Which.
        flow: FlowId,
        /// Why, if it did not close in order.
        error: Option<FlowError>,
    },
    /// A keep-alive was answered.
    Pong {
        /// On which flow.
        flow: FlowId,
    },
    /// A keep-alive over UDP was answered (RFC 5626 4.4.2).
    #[cfg(feature = "stun")]
    Stun {
        /// By whom.
        source: Path,
        /// How.
        stun: crate::transport::Stun,
    },
    /// A message passed (only if tracing is on).
    Trace {
        /// True: it went out.
        outgoing: bool,
        /// From or to whom.
        path: Path,
        /// The message.
        bytes: Wire,
    },
}

/// Why a client transaction ended without a final response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Timer B or F.
    Timeout(Timer),
    /// The flow could not be opened or was lost.
    Transport(FlowError),
}
