//! The INVITE client transaction (RFC 3261 figure 5 as amended by RFC 6026 figure 3).

use std::time::Duration;

use super::{Change, Step, Timer, TimerConfig};
use crate::message::StatusCode;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Calling { interval: Duration },
    Proceeding,
    Accepted,
    Completed,
    Terminated,
}

pub(super) fn start(timers: &TimerConfig, reliable: bool) -> (State, Step) {
    let retransmit = if reliable { Change::Keep } else { Change::Start(Timer::A, timers.t1) };
    let step = Step { retransmit, bound: Change::Start(Timer::B, timers.timeout()), send: true, ..Step::none() };
    (State::Calling { interval: timers.t1 }, step)
}

pub(super) fn on_response(state: State, status: StatusCode, timers: &TimerConfig, reliable: bool) -> (State, Step) {
    let wait_d = if reliable { Duration::ZERO } else { timers.d };
    match (state, status.code()) {
        (State::Calling { .. }, 100..=199) => {
            (State::Proceeding, Step { retransmit: Change::Stop, bound: Change::Stop, pass_up: true, ..Step::none() })
        }
        // After a CANCEL the bound runs in Proceeding (RFC 3261 9.1); a late 1xx leaves it alone.
        (State::Proceeding, 100..=199) => (State::Proceeding, Step { pass_up: true, ..Step::none() }),
        (State::Calling { .. } | State::Proceeding, 200..=299) => (
            State::Accepted,
            Step {
                retransmit: Change::Stop,
                bound: Change::Start(Timer::M, timers.timeout()),
                pass_up: true,
                ..Step::none()
            },
        ),
        (State::Calling { .. } | State::Proceeding, _) => (
            if reliable { State::Terminated } else { State::Completed },
            Step {
                retransmit: Change::Stop,
                bound: if reliable { Change::Stop } else { Change::Start(Timer::D, wait_d) },
                ack: true,
                pass_up: true,
                ..Step::none()
            },
        ),
        (State::Accepted, 200..=299) => (State::Accepted, Step { pass_up: true, ..Step::none() }),
        (State::Completed, 300..) => (State::Completed, Step { send: true, ..Step::none() }),
        (state, _) => (state, Step::none()),
    }
}

pub(super) fn on_timer(state: State, timer: Timer) -> (State, Step) {
    match (state, timer) {
        (State::Calling { interval }, Timer::A) => {
            let interval = interval.saturating_mul(2);
            (
                State::Calling { interval },
                Step { retransmit: Change::Start(Timer::A, interval), send: true, ..Step::none() },
            )
        }
        (State::Calling { .. } | State::Proceeding, Timer::B) => {
            (State::Terminated, Step { timed_out: Some(Timer::B), ..Step::over() })
        }
        (State::Completed, Timer::D) | (State::Accepted, Timer::M) => (State::Terminated, Step::over()),
        (state, _) => (state, Step::none()),
    }
}
