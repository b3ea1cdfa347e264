//! Every scenario in Chromium, by the public classes of the JavaScript package: through the switchboard, or with scripted
//! peers that speak WebSocket. Not part of `cargo test`, since it needs what `scripts/build.sh wasm js` builds.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use offhook_tests::scenario::{Browser, Runtime, Scenario, play, program};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let scenarios = Scenario::all().into_iter().filter(|scenario| scenario.skipped(Runtime::Browser).is_none());
    let scenarios: Vec<Scenario> = scenarios.collect();
    if arguments.list {
        let trials = scenarios.into_iter().map(|scenario| Trial::test(scenario.name, || Ok(()))).collect();
        return libtest_mimic::run(&arguments, trials).exit_code();
    }
    program("offhook-examples", "switchboard").unwrap_or_else(|error| panic!("{error}"));
    let browser = Browser::start().unwrap_or_else(|error| panic!("{error}"));
    let trial = |scenario: Scenario| {
        let browser = browser.clone();
        Trial::test(scenario.name.clone(), move || play(&browser, &scenario).map_err(Into::into))
    };
    let conclusion = libtest_mimic::run(&arguments, scenarios.into_iter().map(trial).collect());
    match browser.stop() {
        Ok(()) => conclusion.exit_code(),
        Err(error) => panic!("{error}"),
    }
}
