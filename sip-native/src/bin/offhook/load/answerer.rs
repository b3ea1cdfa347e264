//! The answering side of a load.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant as Clock};

use bytes::Bytes;
use offhook::core::endpoint::{CallId, Event, Invitation};
use offhook::core::sdp::SdpRef;
use offhook::core::sdp::negotiate::{Capabilities, Local, answer, offer};
use offhook::core::time::Instant;
use offhook::{AnswerOptions, CallEvent, CallState, StatusCode};

use super::machine::{Desk, Role, Told};
use super::tally::{Cause, Tally};

/// The port that answers name; nothing is sent there or from there.
const PORT: u16 = 40_000;

/// How calls are answered.
#[derive(Clone, Debug)]
pub(super) struct Manner {
    /// How long it rings before the answer.
    pub(super) ring: Duration,
    /// Hang up so long after the answer; `None`: when the caller does.
    pub(super) length: Option<Duration>,
    /// Refuse with this.
    pub(super) refuse: Option<StatusCode>,
    /// End after so many, of all shards of the user together.
    pub(super) count: Option<u64>,
    /// Where audio is said to be received.
    pub(super) address: IpAddr,
}

pub(super) struct Answerer {
    manner: Manner,
    tally: Tally,
    calls: HashMap<CallId, Going>,
    /// How many came, to all shards of the user.
    seen: Arc<AtomicU64>,
    /// It is known by all that enough have come.
    enough: bool,
    ready: bool,
    stopping: bool,
    finished: bool,
}

#[derive(Debug)]
struct Going {
    came: Clock,
    offered: Option<Bytes>,
    answered: bool,
    refused: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    Answer(CallId),
    HangUp(CallId),
}

impl Answerer {
    /// One for each shard of a user.
    pub(super) fn several(manner: &Manner, tally: &Tally, shards: usize) -> Vec<Answerer> {
        let seen = Arc::new(AtomicU64::new(0));
        let one = || Answerer {
            manner: manner.clone(),
            tally: tally.clone(),
            calls: HashMap::new(),
            seen: seen.clone(),
            enough: false,
            ready: false,
            stopping: false,
            finished: false,
        };
        std::iter::repeat_with(one).take(shards).collect()
    }

    /// From now on operations that end are nobody's affair.
    pub(super) fn begin(&mut self) {
        self.ready = true;
    }

    pub(super) fn stop(&mut self, now: Instant, desk: &mut Desk<Due>) {
        self.stopping = true;
        let calls: Vec<CallId> = self.calls.keys().copied().collect();
        for call in calls {
            desk.endpoint.hangup(now, call, None);
        }
        self.end_if_done(desk);
    }

    fn on_incoming(&mut self, call: CallId, invitation: &Invitation, now: Instant, desk: &mut Desk<Due>) {
        let came = Clock::now();
        self.count_one(desk);
        self.tally.counts().placed(came, Duration::ZERO);
        let refused = self.manner.refuse.is_some();
        let going = Going { came, offered: invitation.sdp.clone(), answered: false, refused };
        self.calls.insert(call, going);
        if let Some(status) = self.manner.refuse {
            desk.endpoint.reject(now, call, status, None);
        } else if self.manner.ring.is_zero() {
            self.answer(call, now, desk);
        } else {
            desk.endpoint.ring(now, call, None);
            desk.at(now + self.manner.ring, Due::Answer(call));
        }
    }

    fn answer(&mut self, call: CallId, now: Instant, desk: &mut Desk<Due>) {
        let Some(going) = self.calls.get_mut(&call) else { return };
        let (can, local) = (Capabilities::default(), Local::new(self.manner.address, PORT));
        let sdp = match going.offered.take() {
            None => Ok(offer(&can, &local).to_bytes()),
            Some(offered) => SdpRef::parse(&offered)
                .map_err(drop)
                .and_then(|offered| answer(&offered, &can, &local).map_err(drop))
                .map(|(sdp, _)| sdp.to_bytes()),
        };
        match sdp {
            Ok(sdp) => drop(desk.endpoint.answer(now, call, AnswerOptions::with_sdp(sdp))),
            Err(()) => {
                going.refused = true;
                desk.endpoint.reject(now, call, StatusCode::NOT_ACCEPTABLE_HERE, None);
            }
        }
    }

    fn on_call_event(&mut self, call: CallId, event: &CallEvent, now: Instant, desk: &mut Desk<Due>) {
        let Some(going) = self.calls.get_mut(&call) else { return };
        match event {
            CallEvent::State(step) if step.state == CallState::Established && !going.answered => {
                going.answered = true;
                let clock = Clock::now();
                let after = clock - going.came;
                self.tally.counts().answered(clock, after, after);
                if let Some(length) = self.manner.length {
                    desk.at(now + length, Due::HangUp(call));
                }
            }
            CallEvent::Ended(end) => {
                let clock = Clock::now();
                let Some(going) = self.calls.remove(&call) else { return };
                let mut counts = self.tally.counts();
                let status = |words: &str| Cause { kind: "status", words: words.to_owned() };
                match &end.error {
                    None if going.answered => counts.completed(clock),
                    Some(error) if going.answered => counts.lost(clock, Cause::of(error)),
                    _ if going.refused => {
                        let status = self.manner.refuse.unwrap_or(StatusCode::NOT_ACCEPTABLE_HERE);
                        counts
                            .failed(clock, Cause { words: format!("refused with {}", status.code()), kind: "status" });
                    }
                    _ if self.stopping => counts.given_up(clock),
                    None => counts.failed(clock, status("cancelled by the caller")),
                    Some(error) => counts.failed(clock, Cause::of(error)),
                }
                drop(counts);
                self.end_if_done(desk);
            }
            _ => {}
        }
    }

    /// The last of all tells the other shards.
    fn count_one(&mut self, desk: &mut Desk<Due>) {
        // Each is given a number of its own, and nothing else is read by it.
        let seen = self.seen.fetch_add(1, Relaxed) + 1;
        if self.manner.count.is_some_and(|count| seen >= count) && !self.enough {
            self.enough = true;
            desk.tell_others();
        }
    }

    fn end_if_done(&mut self, desk: &mut Desk<Due>) {
        if (self.stopping || self.enough) && self.calls.is_empty() && !self.finished {
            self.finished = true;
            desk.tell(Told::Finished);
        }
    }
}

impl Role for Answerer {
    type Due = Due;

    fn on_event(&mut self, event: Event, now: Instant, desk: &mut Desk<Due>) {
        match event {
            Event::Incoming { call, invitation, .. } => self.on_incoming(call, &invitation, now, desk),
            Event::Call { call, event, .. } => self.on_call_event(call, &event, now, desk),
            Event::Message { .. } => {
                let clock = Clock::now();
                self.count_one(desk);
                let mut counts = self.tally.counts();
                counts.placed(clock, Duration::ZERO);
                counts.answered(clock, Duration::ZERO, Duration::ZERO);
                counts.completed(clock);
                drop(counts);
                self.end_if_done(desk);
            }
            Event::Done { op, result } if !self.ready => desk.tell(Told::Done(op, result.map(drop))),
            _ => {}
        }
    }

    fn on_news(&mut self, desk: &mut Desk<Due>) {
        self.enough = true;
        self.end_if_done(desk);
    }

    fn on_due(&mut self, due: Due, now: Instant, desk: &mut Desk<Due>) {
        match due {
            Due::Answer(call) => self.answer(call, now, desk),
            Due::HangUp(call) => {
                // It may be over by now.
                if self.calls.contains_key(&call) {
                    desk.endpoint.hangup(now, call, None);
                }
            }
        }
    }
}
