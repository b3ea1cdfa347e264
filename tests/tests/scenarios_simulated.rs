//! Every scenario on the simulated network: directly and through the switchboard, clean and, where nobody is scripted, also
//! on bad networks.

use libtest_mimic::{Arguments, Trial};
use offhook_core::transport::Transport;
use offhook_examples::switchboard::{Config, Switchboard};
use offhook_tests::net::{Conditions, Network, NodeId};
use offhook_tests::scenario::{PORT, Runtime, Scenario, Simulated, Variant, play};

/// How many bad networks a scenario is played on.
const SEEDS: u64 = 20;

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for scenario in Scenario::all() {
        if scenario.skipped(Runtime::Simulated).is_some() {
            continue;
        }
        let mut add = |name: &str, transport: Transport, through, bad| {
            if !transport.is_reliable() && scenario.needs_connections() {
                return;
            }
            let server = if through { Some(switchboard as fn(&mut Network) -> NodeId) } else { None };
            trials.push(trial(&scenario, name, transport, server, bad));
        };
        if scenario.harms_datagrams() {
            add("udp", Transport::Udp, false, false);
            continue;
        }
        if scenario.is_scripted() {
            add("udp", Transport::Udp, false, false);
            add("ws", Transport::Ws, false, false);
            continue;
        }
        let lossy = scenario.lossless.is_none();
        if !scenario.switchboard {
            add("udp", Transport::Udp, false, false);
            add("tcp", Transport::Tcp, false, false);
            if lossy {
                add("udp, bad network", Transport::Udp, false, true);
            }
        }
        add("switchboard, udp", Transport::Udp, true, false);
        if lossy {
            add("switchboard, udp, bad network", Transport::Udp, true, true);
        }
        add("switchboard, ws", Transport::Ws, true, false);
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn trial(
    scenario: &Scenario,
    name: &str,
    transport: Transport,
    server: Option<fn(&mut Network) -> NodeId>,
    bad: bool,
) -> Trial {
    let scenario = scenario.clone();
    // A fifth lost, but never all copies of a message, a tenth twice, a tenth overtaken.
    let conditions = if bad { Conditions { loss: 200, streak: 3, ..Conditions::bad() } } else { Conditions::default() };
    Trial::test(format!("{} ({name})", scenario.name), move || {
        for seed in 1..=if bad { SEEDS } else { 1 } {
            let variant = Variant { transport, conditions, seed };
            play(&Simulated { variant, server }, &scenario).map_err(|report| format!("seed {seed}\n{report}"))?;
        }
        Ok(())
    })
}

/// The server between the participants.
fn switchboard(net: &mut Network) -> NodeId {
    let seed = net.rng().seed();
    let node = net.add("switchboard", Switchboard::new(Config::default(), seed));
    net.bind_udp(node, PORT);
    // The second port is for agents that keep two flows.
    for port in [PORT, PORT + 1] {
        net.listen(node, Transport::Tcp, port);
        net.listen(node, Transport::Ws, port);
    }
    node.id()
}
