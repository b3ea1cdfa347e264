//! What the driver's other tasks tell the one that owns the machine.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use offhook_core::transport::{FlowChange, FlowError, FlowId, FlowInfo, Path, QueryId, Record};
use tokio::net::UdpSocket;
use tokio::sync::oneshot;

use super::queue;

#[derive(Debug)]
pub(super) enum Input {
    /// A connection brought bytes.
    Received { path: Path, bytes: Bytes },
    /// A connection came up, failed or ended.
    Changed { flow: FlowId, change: FlowChange },
    /// A listener has a new connection, ready for messages; `answer` tells its task the id.
    Accepted { info: FlowInfo, queue: queue::Sender, answer: oneshot::Sender<FlowId> },
    /// A datagram was not delivered.
    Undelivered { path: Path, quoted: Bytes, error: FlowError },
    /// The UDP socket for an opened flow is bound.
    Bound { flow: FlowId, socket: UdpSocket, local: SocketAddr, remote: SocketAddr },
    /// The resolver answered.
    Resolved { query: QueryId, result: Result<Vec<IpAddr>, FlowError> },
    /// The same for records.
    LookedUp { query: QueryId, result: Result<Vec<Record>, FlowError> },
}
