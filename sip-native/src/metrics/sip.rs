//! What an endpoint has and does.

use std::collections::HashMap;

use metrics::{counter, gauge};
use offhook_core::endpoint::{Census, Endpoint, Totals};
use offhook_core::transaction::Kind;

/// Records what an endpoint has done and has since it was looked at last. Several endpoints add up, and one that is gone
/// holds nothing.
#[derive(Clone, Debug, Default)]
pub struct Sampler {
    census: Census,
    registered: bool,
    totals: Totals,
    messages: HashMap<(bool, Kind), u64>,
}

impl Sampler {
    /// One that has seen nothing yet.
    pub fn new() -> Sampler {
        Sampler::default()
    }

    /// Looks at the endpoint.
    pub fn sample(&mut self, endpoint: &Endpoint) {
        // The registration of several shards is the first one's.
        self.present(endpoint.census(), endpoint.is_registered() && endpoint.is_leading());
        let (before, totals) = (self.totals, endpoint.totals());
        self.totals = totals;
        for (direction, calls, established) in [
            ("out", totals.calls_made - before.calls_made, totals.made_established - before.made_established),
            (
                "in",
                totals.calls_received - before.calls_received,
                totals.received_established - before.received_established,
            ),
        ] {
            counter!("offhook_calls_total", "direction" => direction).increment(calls);
            counter!("offhook_calls_established_total", "direction" => direction).increment(established);
        }
        let refused = totals.messages_refused - before.messages_refused;
        counter!("offhook_messages_refused_total").increment(refused);
        for (outgoing, kind, count) in endpoint.traffic().iter() {
            let seen = self.messages.entry((outgoing, kind)).or_default();
            let new = count - *seen;
            *seen = count;
            if new > 0 {
                let direction = if outgoing { "out" } else { "in" };
                match kind {
                    Kind::Request(method) => {
                        counter!("offhook_messages_total", "direction" => direction, "kind" => method).increment(new);
                    }
                    Kind::Response(code) => {
                        let code = code.to_string();
                        counter!("offhook_messages_total", "direction" => direction, "kind" => code).increment(new);
                    }
                }
            }
        }
    }

    fn present(&mut self, census: Census, registered: bool) {
        let before = std::mem::replace(&mut self.census, census);
        let change = |now: usize, before: usize| now as f64 - before as f64;
        gauge!("offhook_calls").increment(change(census.calls, before.calls));
        gauge!("offhook_dialogs").increment(change(census.dialogs, before.dialogs));
        let (client, server) = (
            change(census.client_transactions, before.client_transactions),
            change(census.server_transactions, before.server_transactions),
        );
        gauge!("offhook_transactions", "side" => "client").increment(client);
        gauge!("offhook_transactions", "side" => "server").increment(server);
        let was = std::mem::replace(&mut self.registered, registered);
        gauge!("offhook_registered").increment(change(registered.into(), was.into()));
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.present(Census::default(), false);
    }
}
