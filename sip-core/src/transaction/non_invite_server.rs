//! The non-INVITE server transaction (RFC 3261 figure 8, RFC 4320).

use super::{Change, Step, Timer, TimerConfig};
use crate::message::StatusCode;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Trying,
    Proceeding,
    Completed,
    Terminated,
}

pub(super) fn start() -> (State, Step) {
    (State::Trying, Step { pass_up: true, ..Step::none() })
}

pub(super) fn on_retransmission(state: State) -> (State, Step) {
    match state {
        State::Proceeding | State::Completed => (state, Step { send: true, ..Step::none() }),
        State::Trying | State::Terminated => (state, Step::none()),
    }
}

pub(super) fn on_respond(state: State, status: StatusCode, timers: &TimerConfig, reliable: bool) -> (State, Step) {
    match (state, status.code()) {
        (State::Trying | State::Proceeding, 100..=199) => (State::Proceeding, Step { send: true, ..Step::none() }),
        (State::Trying | State::Proceeding, _) if reliable => (State::Terminated, Step { send: true, ..Step::over() }),
        (State::Trying | State::Proceeding, _) => {
            (State::Completed, Step { bound: Change::Start(Timer::J, timers.timeout()), send: true, ..Step::none() })
        }
        (state, _) => (state, Step::none()),
    }
}

pub(super) fn on_timer(state: State, timer: Timer) -> (State, Step) {
    match (state, timer) {
        (State::Completed, Timer::J) => (State::Terminated, Step::over()),
        (state, _) => (state, Step::none()),
    }
}
