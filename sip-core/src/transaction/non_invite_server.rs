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

/// A 100 goes out if nothing else did by the time a client's timer E reaches T2 (RFC 4320 4.1): over UDP not before.
pub(super) fn start(timers: &TimerConfig) -> (State, Step) {
    let retransmit = Change::Start(Timer::Trying, timers.until_t2());
    (State::Trying, Step { retransmit, pass_up: true, ..Step::none() })
}

pub(super) fn on_retransmission(state: State) -> (State, Step) {
    match state {
        State::Proceeding | State::Completed => (state, Step { send: true, ..Step::none() }),
        State::Trying | State::Terminated => (state, Step::none()),
    }
}

pub(super) fn on_respond(state: State, status: StatusCode, timers: &TimerConfig, reliable: bool) -> (State, Step) {
    match (state, status.code()) {
        (State::Trying | State::Proceeding, 100..=199) => {
            (State::Proceeding, Step { retransmit: Change::Stop, send: true, ..Step::none() })
        }
        (State::Trying | State::Proceeding, _) if reliable => (State::Terminated, Step { send: true, ..Step::over() }),
        (State::Trying | State::Proceeding, _) => (
            State::Completed,
            Step {
                retransmit: Change::Stop,
                bound: Change::Start(Timer::J, timers.timeout()),
                send: true,
                ..Step::none()
            },
        ),
        (state, _) => (state, Step::none()),
    }
}

pub(super) fn on_timer(state: State, timer: Timer) -> (State, Step) {
    match (state, timer) {
        (State::Completed, Timer::J) => (State::Terminated, Step::over()),
        (state, _) => (state, Step::none()),
    }
}
