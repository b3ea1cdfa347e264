//! Every scenario on the simulated network: clean, and between two of ours also on a bad one, from many seeds.

use libtest_mimic::{Arguments, Trial};
use offhook_core::transport::Transport;
use offhook_tests::net::Conditions;
use offhook_tests::scenario::{Runtime, Scenario, Simulated, Variant, play};

/// How many bad networks a scenario is played on.
const SEEDS: u64 = 20;

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for scenario in Scenario::all() {
        if scenario.skipped(Runtime::Simulated).is_some() || scenario.switchboard {
            continue;
        }
        let clean = Conditions::default();
        trials.push(trial(&scenario, "udp", clean, Transport::Udp, 1));
        let second = if scenario.is_scripted() { Transport::Ws } else { Transport::Tcp };
        trials.push(trial(&scenario, second.uri_param(), clean, second, 1));
        if !scenario.is_scripted() {
            trials.push(trial(&scenario, "udp, bad network", bad(), Transport::Udp, SEEDS));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// A fifth lost, a tenth twice, a tenth overtaken.
fn bad() -> Conditions {
    Conditions { loss: 200, ..Conditions::bad() }
}

fn trial(scenario: &Scenario, name: &str, conditions: Conditions, transport: Transport, seeds: u64) -> Trial {
    let scenario = scenario.clone();
    Trial::test(format!("{} ({name})", scenario.name), move || {
        for seed in 1..=seeds {
            let variant = Variant { transport, conditions, seed };
            play(&Simulated(variant), &scenario).map_err(|report| format!("seed {seed}\n{report}"))?;
        }
        Ok(())
    })
}
