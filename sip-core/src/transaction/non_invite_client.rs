//! The non-INVITE client transaction (RFC 3261 figure 6).

use std::time::Duration;

use super::{Change, Step, Timer, TimerConfig};
use crate::message::StatusCode;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Trying { interval: Duration },
    Proceeding,
    Completed,
    Terminated,
}

pub(super) fn start(timers: &TimerConfig, reliable: bool) -> (State, Step) {
    let retransmit = if reliable { Change::Keep } else { Change::Start(Timer::E, timers.t1) };
    let step = Step { retransmit, bound: Change::Start(Timer::F, timers.timeout()), send: true, ..Step::none() };
    (State::Trying { interval: timers.t1 }, step)
}

pub(super) fn on_response(state: State, status: StatusCode, timers: &TimerConfig, reliable: bool) -> (State, Step) {
    match (state, status.code()) {
        (State::Trying { .. } | State::Proceeding, 100..=199) => {
            (State::Proceeding, Step { pass_up: true, ..Step::none() })
        }
        (State::Trying { .. } | State::Proceeding, _) => (
            if reliable { State::Terminated } else { State::Completed },
            Step {
                retransmit: Change::Stop,
                bound: if reliable { Change::Stop } else { Change::Start(Timer::K, timers.t4) },
                pass_up: true,
                ..Step::none()
            },
        ),
        (state, _) => (state, Step::none()),
    }
}

pub(super) fn on_timer(state: State, timer: Timer, timers: &TimerConfig) -> (State, Step) {
    match (state, timer) {
        (State::Trying { interval }, Timer::E) => {
            let interval = timers.backoff(interval);
            (
                State::Trying { interval },
                Step { retransmit: Change::Start(Timer::E, interval), send: true, ..Step::none() },
            )
        }
        // In Proceeding the interval is T2 (17.1.2.2).
        (State::Proceeding, Timer::E) => {
            (State::Proceeding, Step { retransmit: Change::Start(Timer::E, timers.t2), send: true, ..Step::none() })
        }
        (State::Trying { .. } | State::Proceeding, Timer::F) => {
            (State::Terminated, Step { timed_out: Some(Timer::F), ..Step::over() })
        }
        (State::Completed, Timer::K) => (State::Terminated, Step::over()),
        (state, _) => (state, Step::none()),
    }
}
