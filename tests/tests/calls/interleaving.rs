//! Whatever a few agents do, in whatever order, on whatever network: every operation ends, every call ends once, and nothing
//! is left.
//!
//!     cargo test -p offhook-tests --test calls interleaving                            # a few hundred plans
//!     OFFHOOK_PLANS=100000 cargo test --release -p offhook-tests --test calls any_plan # many more
//!     OFFHOOK_PLAN='17 udp bad …' cargo test -p offhook-tests --test calls one_plan    # one of them, told

use offhook_core::transport::Transport;
use offhook_examples::switchboard::{Config, Switchboard};
use offhook_tests::interleaving::{Plan, SECOND, run, shrink};
use offhook_tests::net::{Network, NodeId};

/// How many plans are carried out if nobody says.
const PLANS: u64 = 400;

/// Plans that failed once, as small as they got.
const FAILED_ONCE: [&str; 1] = [
    // An UPDATE that waited for another was sent by a user agent that had stopped.
    "5409 udp good 2,0,1: 0 carol call 0; 100 alice answer 0; 0 alice update 0; 0 alice update 0",
];

fn proxy(net: &mut Network) -> NodeId {
    let seed = net.rng().seed();
    let node = net.add("switchboard", Switchboard::new(Config::default(), seed));
    net.bind_udp(node, 5060);
    net.listen(node, Transport::Ws, 5060);
    net.listen(node, Transport::Ws, SECOND);
    node.id()
}

/// Carries a plan out; what was wrong, if something was. A panic is wrong too.
fn failure(plan: &Plan) -> Option<String> {
    match std::panic::catch_unwind(|| run(plan, proxy)) {
        Ok(result) => result.err(),
        Err(panic) => {
            let words = panic.downcast_ref::<String>().cloned();
            let words = words.or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned()));
            Some(format!("{plan}\npanicked: {}", words.unwrap_or_default()))
        }
    }
}

#[test]
fn any_plan_ends_with_nothing_left() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let (plans, first) = (number("OFFHOOK_PLANS").unwrap_or(PLANS), number("OFFHOOK_FIRST_PLAN").unwrap_or(0));
    for seed in first..first + plans {
        let plan = Plan::random(seed);
        if failure(&plan).is_some() {
            let small = shrink(plan, |plan| failure(plan).is_some());
            panic!("plan {seed} fails; as small as it gets:\n{}", failure(&small).unwrap_or_default());
        }
    }
}

#[test]
fn plans_that_failed_once() {
    for text in FAILED_ONCE {
        let plan: Plan = text.parse().expect("a plan");
        if let Some(reason) = failure(&plan) {
            panic!("{reason}");
        }
    }
}

#[test]
fn one_plan() {
    let Ok(text) = std::env::var("OFFHOOK_PLAN") else { return };
    let plan: Plan = text.parse().expect("a plan");
    if let Some(reason) = failure(&plan) {
        panic!("{reason}");
    }
}
