//! The calling side of a load.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant as Clock};

use bytes::Bytes;
use offhook::core::endpoint::{CallId, Event, OpId};
use offhook::core::time::Instant;
use offhook::{CallEvent, CallOptions, CallState, Error};

use super::machine::{Desk, Role, Told};
use super::schedule::Schedule;
use super::tally::{Cause, Tally};

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum What {
    /// INVITE, ACK and BYE
    Call,
    /// OPTIONS
    Options,
    /// MESSAGE
    Message,
}

/// What one of several callers does.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) what: What,
    pub(super) schedule: Schedule,
    /// Its place among the callers, and how many there are: it makes each so-many-th call.
    pub(super) place: u64,
    pub(super) callers: u64,
    /// Whom; `{}` stands for the number of the call.
    pub(super) target: String,
    pub(super) offer: Bytes,
    /// How long a call lasts after its answer.
    pub(super) length: Duration,
    /// How long an answer is waited for.
    pub(super) patience: Option<Duration>,
    /// How many at once, at most.
    pub(super) at_once: usize,
    pub(super) headers: Vec<(String, String)>,
}

pub(super) struct Caller {
    plan: Plan,
    tally: Tally,
    /// When the first call of all was due, by both clocks.
    begun: Option<(Instant, Clock)>,
    next: u64,
    /// Due, but too many are going on.
    waiting: VecDeque<(u64, Clock)>,
    calls: HashMap<CallId, Going>,
    requests: HashMap<OpId, Going>,
    stopping: bool,
    finished: bool,
}

/// One that is going on.
#[derive(Clone, Copy, Debug)]
struct Going {
    due: Clock,
    sent: Clock,
    rang: bool,
    answered: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    Next,
    HangUp(CallId),
}

impl Caller {
    pub(super) fn new(plan: Plan, tally: Tally) -> Caller {
        let next = plan.place;
        Caller {
            plan,
            tally,
            begun: None,
            next,
            waiting: VecDeque::new(),
            calls: HashMap::new(),
            requests: HashMap::new(),
            stopping: false,
            finished: false,
        }
    }

    /// Begins; all callers with the same time.
    pub(super) fn begin(&mut self, now: Instant, clock: Clock, desk: &mut Desk<Due>) {
        self.begun = Some((now, clock));
        self.plan_next(desk);
        self.end_if_done(desk);
    }

    /// Calls no more, and ends what is going on.
    pub(super) fn stop(&mut self, now: Instant, desk: &mut Desk<Due>) {
        self.stopping = true;
        self.waiting.clear();
        let calls: Vec<CallId> = self.calls.keys().copied().collect();
        for call in calls {
            desk.endpoint.hangup(now, call, None);
        }
        self.end_if_done(desk);
    }

    /// When the next call is due, rounded up to what timers tell apart.
    fn next_due(&self) -> Option<(Instant, Clock)> {
        let (begun, clock) = self.begun.filter(|_| !self.stopping)?;
        let at = self.plan.schedule.at(self.next)?;
        let millis = at.as_nanos().div_ceil(1_000_000);
        let at = Duration::from_millis(u64::try_from(millis).ok()?);
        Some((begun + at, clock + at))
    }

    fn plan_next(&self, desk: &mut Desk<Due>) {
        if let Some((at, _)) = self.next_due() {
            desk.at(at, Due::Next);
        }
    }

    fn going(&self) -> usize {
        self.calls.len() + self.requests.len()
    }

    fn place(&mut self, number: u64, due: Clock, now: Instant, desk: &mut Desk<Due>) {
        let sent = Clock::now();
        self.tally.counts().placed(sent, sent.saturating_duration_since(due));
        let going = Going { due, sent, rang: false, answered: false };
        let target = if self.plan.target.contains("{}") {
            &self.plan.target.replace("{}", &number.to_string())
        } else {
            &self.plan.target
        };
        let request = match self.plan.what {
            What::Call => {
                let mut options = CallOptions::with_sdp(self.plan.offer.clone());
                options.headers.clone_from(&self.plan.headers);
                options.answer_timeout = self.plan.patience;
                match desk.endpoint.call(now, target, options) {
                    Ok(call) => _ = self.calls.insert(call, going),
                    Err(error) => self.tally.counts().failed(Clock::now(), Cause::of(&error)),
                }
                return;
            }
            What::Options => desk.endpoint.options(now, target),
            What::Message => desk.endpoint.message(now, target, "text/plain", Bytes::from_static(b"load")),
        };
        self.requests.insert(request, going);
    }

    /// Places what waits, as far as there is room.
    fn place_waiting(&mut self, now: Instant, desk: &mut Desk<Due>) {
        while self.going() < self.plan.at_once {
            let Some((number, due)) = self.waiting.pop_front() else { break };
            self.place(number, due, now, desk);
        }
        self.end_if_done(desk);
    }

    fn end_if_done(&mut self, desk: &mut Desk<Due>) {
        let nothing_left = self.next_due().is_none() && self.waiting.is_empty() && self.going() == 0;
        if nothing_left && !self.finished {
            self.finished = true;
            desk.tell(Told::Finished);
        }
    }

    fn on_call_event(&mut self, call: CallId, event: &CallEvent, now: Instant, desk: &mut Desk<Due>) {
        let Some(going) = self.calls.get_mut(&call) else { return };
        match event {
            CallEvent::Progress { .. } if !going.rang => {
                going.rang = true;
                self.tally.counts().rang(going.sent.elapsed());
            }
            CallEvent::State(step) if step.state == CallState::Established && !going.answered => {
                going.answered = true;
                let clock = Clock::now();
                let (after, from_due) = (clock - going.sent, clock.saturating_duration_since(going.due));
                self.tally.counts().answered(clock, after, from_due);
                if self.stopping {
                    desk.endpoint.hangup(now, call, None);
                } else {
                    desk.at(now + self.plan.length, Due::HangUp(call));
                }
            }
            CallEvent::Ended(end) => {
                let (clock, answered) = (Clock::now(), going.answered);
                self.calls.remove(&call);
                let mut counts = self.tally.counts();
                match &end.error {
                    None if answered => counts.completed(clock),
                    Some(error) if answered => counts.lost(clock, Cause::of(error)),
                    None | Some(Error::Cancelled) if self.stopping => counts.given_up(clock),
                    Some(error) => counts.failed(clock, Cause::of(error)),
                    None => counts.failed(clock, Cause { kind: "other", words: end.phrase.to_string() }),
                }
                drop(counts);
                self.place_waiting(now, desk);
            }
            _ => {}
        }
    }
}

impl Role for Caller {
    type Due = Due;

    fn on_event(&mut self, event: Event, now: Instant, desk: &mut Desk<Due>) {
        match event {
            Event::Call { call, event, .. } => self.on_call_event(call, &event, now, desk),
            Event::Done { op, result } => {
                if let Some(going) = self.requests.remove(&op) {
                    let clock = Clock::now();
                    let mut counts = self.tally.counts();
                    match result {
                        Ok(_) => {
                            counts.answered(clock, clock - going.sent, clock.saturating_duration_since(going.due));
                            counts.completed(clock);
                        }
                        Err(error) => counts.failed(clock, Cause::of(&error)),
                    }
                    drop(counts);
                    self.place_waiting(now, desk);
                } else if self.begun.is_none() {
                    desk.tell(Told::Done(op, result.map(drop)));
                }
            }
            _ => {}
        }
    }

    fn on_due(&mut self, due: Due, now: Instant, desk: &mut Desk<Due>) {
        match due {
            Due::HangUp(call) => {
                // It may be over by now.
                if self.calls.contains_key(&call) {
                    desk.endpoint.hangup(now, call, None);
                }
            }
            Due::Next => {
                while let Some((at, clock)) = self.next_due()
                    && at <= now
                {
                    let number = self.next;
                    self.next += self.plan.callers;
                    if self.going() < self.plan.at_once {
                        self.place(number, clock, now, desk);
                    } else {
                        self.waiting.push_back((number, clock));
                    }
                }
                self.plan_next(desk);
                self.end_if_done(desk);
            }
        }
    }
}
