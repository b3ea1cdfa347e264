#![doc = include_str!("../../METRICS.md")]

mod sip;
mod transport;

pub use sip::Sampler;

pub(crate) use transport::{
    Meters, accept_failed, capture_dropped, connected_within, handshake_failed, looked_up, refused, restarted,
};

use metrics::Unit;

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Only rises.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Has a distribution.
    Histogram,
}

/// One metric that this crate records.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The labels it has.
    pub labels: &'static [&'static str],
    /// What it says.
    pub meaning: &'static str,
}

const fn counter(name: &'static str, labels: &'static [&'static str], meaning: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, labels, meaning }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], meaning: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, labels, meaning }
}

const fn histogram(name: &'static str, labels: &'static [&'static str], meaning: &'static str) -> Metric {
    Metric { name, kind: Kind::Histogram, labels, meaning }
}

/// Every metric there is.
pub const METRICS: &[Metric] = &[
    gauge("offhook_calls", &[], "calls that are not over"),
    counter("offhook_calls_total", &["direction"], "calls made and received"),
    counter("offhook_calls_established_total", &["direction"], "calls that were answered and acknowledged"),
    gauge("offhook_dialogs", &[], "dialogs of calls"),
    gauge("offhook_transactions", &["side"], "transactions under way, as client and as server"),
    gauge("offhook_registered", &[], "registrations that hold"),
    counter("offhook_messages_total", &["direction", "kind"], "messages by method or status, retransmissions included"),
    counter("offhook_messages_refused_total", &[], "messages passed over because their source sent too many"),
    gauge("offhook_connections", &["transport"], "connections that are up"),
    counter("offhook_connections_total", &["transport", "side"], "connections that came up, accepted or opened"),
    counter("offhook_connection_failures_total", &["transport", "reason"], "connections that could not be opened"),
    counter(
        "offhook_connections_ended_total",
        &["transport", "reason"],
        "connections that the peer or the network ended",
    ),
    counter("offhook_connections_refused_total", &["reason"], "connections closed when they were accepted"),
    counter("offhook_handshake_failures_total", &["transport"], "accepted connections whose handshake failed"),
    counter("offhook_accept_errors_total", &[], "times that accepting failed, e.g. for want of file descriptors"),
    histogram("offhook_connect_seconds", &["transport"], "how long connections took to come up"),
    counter("offhook_bytes_total", &["transport", "direction"], "bytes of messages"),
    counter("offhook_datagrams_dropped_total", &["reason"], "datagrams that were neither sent nor taken in"),
    counter("offhook_undelivered_total", &[], "datagrams known not to have arrived"),
    counter("offhook_restarts_total", &[], "times that a shard of a user agent panicked, and began anew"),
    counter("offhook_capture_dropped_total", &[], "messages that a capture could not write in time"),
    counter("offhook_lookups_total", &["kind", "result"], "questions to the resolver"),
    histogram("offhook_lookup_seconds", &["kind"], "how long the resolver took"),
    histogram("offhook_timer_lag_seconds", &[], "how late timers were served; more than milliseconds: overload"),
];

/// Tells the recorder what each metric means. Call it after installing one.
pub fn describe() {
    for metric in METRICS {
        let unit = if metric.name.ends_with("_seconds") {
            Unit::Seconds
        } else if metric.name.contains("_bytes") {
            Unit::Bytes
        } else {
            Unit::Count
        };
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, unit, metric.meaning),
            Kind::Gauge => metrics::describe_gauge!(metric.name, unit, metric.meaning),
            Kind::Histogram => metrics::describe_histogram!(metric.name, unit, metric.meaning),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_has_every_metric_that_is_recorded_and_no_other() {
        let sources = [include_str!("sip.rs"), include_str!("transport.rs")].concat();
        let recorded: BTreeSet<&str> = sources.split('"').filter(|literal| literal.starts_with("offhook_")).collect();
        let listed: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(recorded, listed);
        assert_eq!(METRICS.len(), listed.len(), "none twice");
    }

    #[test]
    fn the_documented_table_is_that_of_the_code() {
        let mut expected = String::new();
        for Metric { name, kind, labels, meaning } in METRICS {
            let kind = format!("{kind:?}").to_lowercase();
            let labels = labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
            expected.push_str(&format!("| `{name}` | {kind} | {labels} | {meaning} |\n"));
        }
        let written: String = include_str!("../../METRICS.md")
            .lines()
            .filter(|line| line.starts_with("| `offhook_"))
            .fold(String::new(), |mut all, line| {
                all.push_str(line);
                all.push('\n');
                all
            });
        assert_eq!(written, expected, "METRICS.md should say:\n{expected}");
    }
}
