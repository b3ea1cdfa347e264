//! Makes a plan that fails as small as it gets.

use super::{Act, Plan, SETTINGS};

/// The smallest plan found that still fails.
pub fn shrink(mut plan: Plan, fails: impl Fn(&Plan) -> bool) -> Plan {
    loop {
        let Some(smaller) = candidates(&plan).into_iter().find(|candidate| *candidate != plan && fails(candidate))
        else {
            return plan;
        };
        plan = smaller;
    }
}

/// Plans that are a little simpler, the boldest first.
fn candidates(plan: &Plan) -> Vec<Plan> {
    let with = |change: &dyn Fn(&mut Plan)| {
        let mut candidate = plan.clone();
        change(&mut candidate);
        candidate
    };
    let mut candidates = Vec::new();
    let mut size = plan.acts.len();
    while size > 0 {
        for at in (0..plan.acts.len()).step_by(size) {
            candidates.push(with(&|plan| drop(plan.acts.drain(at..plan.acts.len().min(at + size)))));
        }
        size /= 2;
    }
    candidates.push(with(&|plan| plan.bad = false));
    candidates.push(with(&|plan| plan.way = super::Way::Udp));
    for who in 0..3 {
        candidates.push(with(&|plan| plan.settings[who] = 0));
        for bit in 0..SETTINGS {
            candidates.push(with(&|plan| plan.settings[who] &= !(1 << bit)));
        }
    }
    for at in 0..plan.acts.len() {
        let simpler = |change: &dyn Fn(&mut Act)| with(&|plan| change(&mut plan.acts[at]));
        candidates.push(simpler(&|act| act.after = 0));
        candidates.push(simpler(&|act| act.after = act.after.min(100)));
        candidates.push(simpler(&|act| act.number = 0));
        candidates.push(simpler(&|act| act.number %= 8));
    }
    candidates
}
