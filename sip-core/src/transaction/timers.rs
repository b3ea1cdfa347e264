//! The timers of RFC 3261 table 4 and RFC 6026.

use std::time::Duration;

/// A transaction timer by its letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// INVITE request retransmission, unreliable transports only.
    A,
    /// INVITE client transaction timeout.
    B,
    /// Provisional responses to an INVITE have stopped: a proxy's timeout, and that of a user agent that calls.
    C,
    /// Wait for response retransmissions after a final response to an INVITE.
    D,
    /// Non-INVITE request retransmission, unreliable transports only.
    E,
    /// Non-INVITE client transaction timeout.
    F,
    /// INVITE final response retransmission.
    G,
    /// Wait for the ACK.
    H,
    /// Wait for ACK retransmissions.
    I,
    /// Wait for non-INVITE request retransmissions.
    J,
    /// Wait for response retransmissions.
    K,
    /// Wait for accepted INVITE request retransmissions (RFC 6026).
    L,
    /// Wait for retransmission of 2xx to an INVITE, or more of them from forks (RFC 6026).
    M,
    /// Wait for the NOTIFY after a SUBSCRIBE (RFC 6665 4.1.2.4), which no transaction has.
    N,
    /// A 100 goes out if nothing else did: 200 ms after an INVITE came (RFC 3261 17.2.1), for other requests when timer
    /// E of their client reaches T2 (RFC 4320).
    Trying,
    /// Wait for the PRACK (RFC 3262 3).
    Prack,
    /// Wait for a refresh of the session (RFC 4028 10).
    Session,
    /// An invitation is good for no longer: its Expires header field (RFC 3261 13.3.1).
    Expires,
    /// Wait for the application to answer a call.
    Ring,
    /// Wait for the other side to answer a call.
    Answer,
    /// Wait for an answer to an offer within a call.
    Offer,
}

impl Timer {
    /// The letter, or `100` for [`Timer::Trying`]; what else has none is named.
    pub const fn name(self) -> &'static str {
        match self {
            Timer::A => "A",
            Timer::B => "B",
            Timer::C => "C",
            Timer::D => "D",
            Timer::E => "E",
            Timer::F => "F",
            Timer::G => "G",
            Timer::H => "H",
            Timer::I => "I",
            Timer::J => "J",
            Timer::K => "K",
            Timer::L => "L",
            Timer::M => "M",
            Timer::N => "N",
            Timer::Trying => "100",
            Timer::Prack => "PRACK",
            Timer::Session => "Session-Expires",
            Timer::Expires => "Expires",
            Timer::Ring => "ring",
            Timer::Answer => "answer",
            Timer::Offer => "offer",
        }
    }
}

/// The base values all timers are made of (RFC 3261 17.1.1.1 and table 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerConfig {
    /// Round-trip time estimate; 500 ms.
    pub t1: Duration,
    /// The longest interval between retransmissions of non-INVITE requests and INVITE responses; 4 s.
    pub t2: Duration,
    /// How long a message may stay in the network; 5 s.
    pub t4: Duration,
    /// Timer D on unreliable transports; at least 32 s.
    pub d: Duration,
}

impl Default for TimerConfig {
    fn default() -> TimerConfig {
        TimerConfig {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            d: Duration::from_secs(32),
        }
    }
}

impl TimerConfig {
    /// 64 × T1: how long a transaction waits for its other side (timers B, F, H, J, L, M).
    pub fn timeout(&self) -> Duration {
        self.t1.saturating_mul(64)
    }

    /// How long until timer E of a client is set to T2 for the first time; 3.5 s.
    pub(super) fn until_t2(&self) -> Duration {
        let mut interval = self.t1;
        let mut after = interval;
        loop {
            interval = self.backoff(interval);
            if interval >= self.t2 || interval.is_zero() {
                return after;
            }
            after = after.saturating_add(interval);
        }
    }

    /// The interval after `interval` for retransmissions that double up to T2 (timers E and G).
    pub(super) fn backoff(&self, interval: Duration) -> Duration {
        interval.saturating_mul(2).min(self.t2)
    }
}

/// What a step does to one of a transaction's two timers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Change {
    #[default]
    Keep,
    Stop,
    Start(Timer, Duration),
}

/// What a state machine wants done after an input. Every machine has at most two timers: one that retransmits
/// (A, E, G, the 100) and one that ends a state (B, D, F, H, I, J, K, L, M).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// The retransmission timer.
    pub(super) retransmit: Change,
    /// The timer that bounds the state.
    pub(super) bound: Change,
    /// Send the last message of this transaction (again).
    pub(super) send: bool,
    /// Build an ACK for this response and send it; it becomes the last message.
    pub(super) ack: bool,
    /// Hand the message to the transaction user.
    pub(super) pass_up: bool,
    /// Tell the transaction user that this timer ended the transaction.
    pub(super) timed_out: Option<Timer>,
}

impl Step {
    pub(super) const fn none() -> Step {
        Step { retransmit: Change::Keep, bound: Change::Keep, send: false, ack: false, pass_up: false, timed_out: None }
    }

    /// Both timers stop: the transaction is over.
    pub(super) const fn over() -> Step {
        Step { retransmit: Change::Stop, bound: Change::Stop, ..Step::none() }
    }
}
