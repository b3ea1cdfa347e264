//! What a driver counts.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use offhook_core::transport::{FlowErrorKind, Transport};

const TRANSPORTS: [Transport; 5] = [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss];

/// A transport as labels have it.
const fn name_of(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
        Transport::Tls => "tls",
        Transport::Ws => "ws",
        Transport::Wss => "wss",
    }
}

/// The metrics that are counted often, looked up once.
pub(crate) struct Meters {
    bytes: [[Counter; 2]; 5],
    open: [Gauge; 5],
    lag: Histogram,
    pub(crate) undelivered: Counter,
    pub(crate) congested: Counter,
}

impl Meters {
    pub(crate) fn new() -> Meters {
        let bytes = |transport: Transport, direction: &'static str| counter!("offhook_bytes_total", "transport" => name_of(transport), "direction" => direction);
        Meters {
            bytes: TRANSPORTS.map(|transport| [bytes(transport, "in"), bytes(transport, "out")]),
            open: TRANSPORTS.map(|transport| gauge!("offhook_connections", "transport" => name_of(transport))),
            lag: histogram!("offhook_timer_lag_seconds"),
            undelivered: counter!("offhook_undelivered_total"),
            congested: counter!("offhook_datagrams_dropped_total", "reason" => "congested"),
        }
    }

    pub(crate) fn received(&self, transport: Transport, bytes: usize) {
        let [received, _] = &self.bytes[index(transport)];
        received.increment(bytes as u64);
    }

    pub(crate) fn sent(&self, transport: Transport, bytes: usize) {
        let [_, sent] = &self.bytes[index(transport)];
        sent.increment(bytes as u64);
    }

    /// A connection is up.
    pub(crate) fn came_up(&self, transport: Transport, accepted: bool) {
        self.open[index(transport)].increment(1);
        let side = if accepted { "accepted" } else { "opened" };
        counter!("offhook_connections_total", "transport" => name_of(transport), "side" => side).increment(1);
    }

    /// A connection that was up is gone.
    pub(crate) fn went_down(&self, transport: Transport) {
        self.open[index(transport)].decrement(1);
    }

    /// A connection could not be opened, or ended though this side did not close it.
    pub(crate) fn failed(&self, transport: Transport, was_up: bool, reason: Option<FlowErrorKind>) {
        let (transport, reason) = (name_of(transport), reason.map_or("closed", FlowErrorKind::name));
        let name = if was_up { "offhook_connections_ended_total" } else { "offhook_connection_failures_total" };
        counter!(name, "transport" => transport, "reason" => reason).increment(1);
    }

    pub(crate) fn timer_served(&self, late: Duration) {
        self.lag.record(late);
    }
}

const fn index(transport: Transport) -> usize {
    match transport {
        Transport::Udp => 0,
        Transport::Tcp => 1,
        Transport::Tls => 2,
        Transport::Ws => 3,
        Transport::Wss => 4,
    }
}

/// An accepted connection did not become a flow.
pub(crate) fn handshake_failed(transport: Transport) {
    counter!("offhook_handshake_failures_total", "transport" => name_of(transport)).increment(1);
}

/// A connection was closed when it was accepted.
pub(crate) fn refused(reason: &'static str) {
    counter!("offhook_connections_refused_total", "reason" => reason).increment(1);
}

/// The system gave no connection.
pub(crate) fn accept_failed() {
    counter!("offhook_accept_errors_total").increment(1);
}

/// A connection came up so fast.
pub(crate) fn connected_within(transport: Transport, time: Duration) {
    histogram!("offhook_connect_seconds", "transport" => name_of(transport)).record(time);
}

/// A message was not written where messages are copied to.
pub(crate) fn capture_dropped() {
    counter!("offhook_capture_dropped_total").increment(1);
}

/// The resolver answered, or did not.
pub(crate) fn looked_up(kind: &'static str, result: Result<bool, FlowErrorKind>, time: Duration) {
    let result = match result {
        Ok(true) => "found",
        Ok(false) => "none",
        Err(kind) => kind.name(),
    };
    counter!("offhook_lookups_total", "kind" => kind, "result" => result).increment(1);
    histogram!("offhook_lookup_seconds", "kind" => kind).record(time);
}

/// A machine has panicked, and begun anew.
pub(crate) fn restarted() {
    counter!("offhook_restarts_total").increment(1);
}
