//! Every scenario on real sockets: `offhook agent` processes that reach each other directly, through the switchboard
//! over each transport, or speak to a scripted peer.

use libtest_mimic::{Arguments, Trial};
use offhook_core::transport::Transport;
use offhook_tests::scenario::{Native, Runtime, Scenario, play, program};

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for scenario in Scenario::all() {
        if scenario.skipped(Runtime::Native).is_some() {
            continue;
        }
        for (way, theatre) in ways(&scenario) {
            let scenario = scenario.clone();
            trials.push(Trial::test(format!("{} ({way})", scenario.name), move || {
                play(&theatre, &scenario).map_err(Into::into)
            }));
        }
    }
    if !arguments.list {
        for (package, name) in [("offhook", "offhook"), ("offhook-examples", "switchboard")] {
            program(package, name).unwrap_or_else(|error| panic!("{error}"));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// Which of two shards tells first that a call has ended and that the transfer to it has failed is left to chance; what comes of
/// it is held by `a_transfer_waits_for_the_answer_to_a_call_of_another_shard` of `offhook`.
const NOT_SHARDED: [&str; 1] = ["transfer-target-gone"];

/// The ways a scenario is played natively.
fn ways(scenario: &Scenario) -> Vec<(&'static str, Native)> {
    let (udp, tcp, tls) = (Transport::Udp, Transport::Tcp, Transport::Tls);
    let (ws, wss) = (Transport::Ws, Transport::Wss);
    let direct = |transport| Native { transport, through: false, shards: 1 };
    let through = |transport| Native { transport, through: true, shards: 1 };
    let sharded = |way: Native| Native { shards: 2, ..way };
    let suits = |(_, way): &(&str, Native)| way.transport.is_reliable() || !scenario.needs_connections();
    if scenario.is_scripted() {
        let ways = [("udp", direct(udp)), ("ws", direct(ws))];
        return ways.into_iter().filter(suits).collect();
    }
    let mut ways = Vec::new();
    if !scenario.switchboard {
        ways.extend([("udp", direct(udp)), ("tcp", direct(tcp)), ("tls", direct(tls))]);
    }
    if !NOT_SHARDED.contains(&scenario.name.as_str()) {
        if !scenario.switchboard {
            ways.push(("udp, 2 shards", sharded(direct(udp))));
        }
        ways.push(("switchboard, tcp, 2 shards", sharded(through(tcp))));
    }
    ways.push(("switchboard, udp", through(udp)));
    ways.extend([("switchboard, tcp", through(tcp)), ("switchboard, tls", through(tls))]);
    ways.extend([("switchboard, ws", through(ws)), ("switchboard, wss", through(wss))]);
    ways.retain(suits);
    ways
}
