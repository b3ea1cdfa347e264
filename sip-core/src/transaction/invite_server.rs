//! The INVITE server transaction (RFC 3261 figure 7 as amended by RFC 6026 figure 5).

use std::time::Duration;

use super::{Change, Step, Timer, TimerConfig};
use crate::message::StatusCode;

/// How long the transaction user may take before a 100 goes out by itself (RFC 3261 17.2.1).
const TRYING_AFTER: Duration = Duration::from_millis(200);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Proceeding,
    Accepted,
    Completed { interval: Duration },
    Confirmed,
    Terminated,
}

pub(super) fn start() -> (State, Step) {
    let step = Step { retransmit: Change::Start(Timer::Trying, TRYING_AFTER), pass_up: true, ..Step::none() };
    (State::Proceeding, step)
}

/// The same INVITE came again.
pub(super) fn on_retransmission(state: State) -> (State, Step) {
    match state {
        State::Proceeding | State::Completed { .. } => (state, Step { send: true, ..Step::none() }),
        State::Accepted | State::Confirmed | State::Terminated => (state, Step::none()),
    }
}

/// An ACK that matches came.
pub(super) fn on_ack(state: State, timers: &TimerConfig, reliable: bool) -> (State, Step) {
    match state {
        State::Completed { .. } if reliable => (State::Terminated, Step::over()),
        State::Completed { .. } => (
            State::Confirmed,
            Step { retransmit: Change::Stop, bound: Change::Start(Timer::I, timers.t4), ..Step::none() },
        ),
        State::Accepted => (state, Step { pass_up: true, ..Step::none() }),
        state => (state, Step::none()),
    }
}

/// The transaction user answers.
pub(super) fn on_respond(state: State, status: StatusCode, timers: &TimerConfig, reliable: bool) -> (State, Step) {
    match (state, status.code()) {
        (State::Proceeding, 100..=199) => {
            (State::Proceeding, Step { retransmit: Change::Stop, send: true, ..Step::none() })
        }
        (State::Proceeding, 200..=299) => (
            State::Accepted,
            Step {
                retransmit: Change::Stop,
                bound: Change::Start(Timer::L, timers.timeout()),
                send: true,
                ..Step::none()
            },
        ),
        (State::Proceeding, _) => (
            State::Completed { interval: timers.t1 },
            Step {
                retransmit: if reliable { Change::Stop } else { Change::Start(Timer::G, timers.t1) },
                bound: Change::Start(Timer::H, timers.timeout()),
                send: true,
                ..Step::none()
            },
        ),
        // The transaction user retransmits its 2xx itself (13.3.1.4); more than one 2xx passes in a proxy.
        (State::Accepted, 200..=299) => (state, Step { send: true, ..Step::none() }),
        (state, _) => (state, Step::none()),
    }
}

pub(super) fn on_timer(state: State, timer: Timer, timers: &TimerConfig) -> (State, Step) {
    match (state, timer) {
        (State::Completed { interval }, Timer::G) => {
            let interval = timers.backoff(interval);
            (
                State::Completed { interval },
                Step { retransmit: Change::Start(Timer::G, interval), send: true, ..Step::none() },
            )
        }
        (State::Completed { .. }, Timer::H) => (State::Terminated, Step { timed_out: Some(Timer::H), ..Step::over() }),
        (State::Confirmed, Timer::I) | (State::Accepted, Timer::L) => (State::Terminated, Step::over()),
        (state, _) => (state, Step::none()),
    }
}
