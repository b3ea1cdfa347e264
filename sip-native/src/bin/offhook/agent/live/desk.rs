//! What somebody at the agent sees: registration, calls, what happened. It is told by notifications and shown by others.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use offhook::core::control::{AddressValue, ErrorValue, Notification};

use crate::print::clock;

/// How many lines of what happened are kept.
const KEPT: usize = 500;

/// How long a call that is over stays in sight.
const OVER: Duration = Duration::from_secs(3);

pub(super) struct Desk {
    pub(super) aor: String,
    pub(super) transport: String,
    pub(super) registration: String,
    pub(super) calls: Vec<Line>,
    /// The call that keys and commands without a number are about.
    pub(super) chosen: Option<u32>,
    pub(super) log: VecDeque<Said>,
    /// A request for a transfer that waits for yes or no.
    pub(super) asked: Option<u32>,
    begun: Instant,
}

/// One call.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) call: u32,
    pub(super) incoming: bool,
    pub(super) who: String,
    pub(super) state: String,
    /// Held by this side, by the other.
    pub(super) hold: (bool, bool),
    /// What the other side offers, for the answer.
    pub(super) offered: Option<String>,
    pub(super) answered: Option<Instant>,
    pub(super) over: Option<Instant>,
    lasted: Duration,
}

/// One line of what happened.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) at: Duration,
    pub(super) tone: Tone,
    pub(super) words: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Good,
    Bad,
    Own,
}

impl Line {
    fn new(call: u32, incoming: bool, who: String, state: &str) -> Line {
        Line {
            call,
            incoming,
            who,
            state: state.to_owned(),
            hold: (false, false),
            offered: None,
            answered: None,
            over: None,
            lasted: Duration::ZERO,
        }
    }

    /// It rings here.
    pub(super) fn waits(&self) -> bool {
        self.incoming && self.answered.is_none() && self.over.is_none()
    }

    /// Its state as people say it.
    pub(super) fn shown(&self) -> String {
        let held = match self.hold {
            _ if self.over.is_some() => "",
            (true, true) => ", held by both",
            (true, false) => ", on hold",
            (false, true) => ", held by them",
            (false, false) => "",
        };
        let state = match &*self.state {
            "established" => "talking",
            state => state,
        };
        format!("{state}{held}")
    }

    /// How long it has lasted since the answer.
    pub(super) fn time(&self, now: Instant) -> String {
        match (self.answered, self.over) {
            (None, _) => String::new(),
            (Some(_), Some(_)) => clock(self.lasted),
            (Some(since), None) => clock(now.saturating_duration_since(since)),
        }
    }
}

impl Desk {
    pub(super) fn new(aor: &str, now: Instant) -> Desk {
        Desk {
            aor: aor.to_owned(),
            transport: "not connected".into(),
            registration: "not registered".into(),
            calls: Vec::new(),
            chosen: None,
            log: VecDeque::new(),
            asked: None,
            begun: now,
        }
    }

    pub(super) fn say(&mut self, now: Instant, tone: Tone, words: impl Into<String>) {
        if self.log.len() >= KEPT {
            self.log.pop_front();
        }
        self.log.push_back(Said { at: now.saturating_duration_since(self.begun), tone, words: words.into() });
    }

    /// A call that this side has made.
    pub(super) fn calls(&mut self, call: u32, target: &str) {
        self.calls.push(Line::new(call, false, target.to_owned(), "calling"));
        self.chosen = Some(call);
    }

    pub(super) fn line(&self, call: u32) -> Option<&Line> {
        self.calls.iter().find(|line| line.call == call)
    }

    fn line_mut(&mut self, call: u32) -> Option<&mut Line> {
        self.calls.iter_mut().find(|line| line.call == call)
    }

    /// The next call, or the one before, is chosen.
    pub(super) fn choose(&mut self, forward: bool) {
        let count = self.calls.len();
        let at = self.calls.iter().position(|line| Some(line.call) == self.chosen);
        let next = match at {
            None => 0,
            Some(at) if forward => (at + 1) % count,
            Some(at) => (at + count - 1) % count,
        };
        self.chosen = self.calls.get(next).map(|line| line.call);
    }

    /// Calls that have been over for a while go.
    pub(super) fn tidy(&mut self, now: Instant) {
        self.calls.retain(|line| line.over.is_none_or(|over| now.saturating_duration_since(over) < OVER));
        if self.chosen.is_none_or(|chosen| self.line(chosen).is_none()) {
            self.chosen = self.calls.last().map(|line| line.call);
        }
    }

    /// Takes in what the agent says.
    pub(super) fn hear(&mut self, notification: &Notification, now: Instant) {
        match notification {
            Notification::Listening { transport, local } => {
                self.say(now, Tone::Plain, format!("listening at {transport}:{local}"));
            }
            Notification::Transport { state, message, .. } => {
                self.transport = (*state).to_owned();
                if let Some(message) = message {
                    self.say(now, Tone::Bad, format!("{state}: {message}"));
                }
            }
            Notification::Registration { state, expires, error, .. } => {
                self.registration = match expires {
                    Some(expires) => format!("{state} for {expires} s"),
                    None => (*state).to_owned(),
                };
                if let Some(error) = error {
                    self.say(now, Tone::Bad, format!("registration: {}", words(error)));
                }
            }
            Notification::Incoming { call, from, sdp, referred_by, .. } => {
                let mut line = Line::new(*call, true, named(from), "ringing");
                line.offered.clone_from(sdp);
                let by = referred_by.as_ref().map_or(String::new(), |by| format!(", sent by {}", named(by)));
                self.say(now, Tone::Good, format!("call {call} from {}{by}: answer or hang up", line.who));
                self.calls.push(line);
                // Whoever talks is not torn away.
                if self.chosen.and_then(|chosen| self.line(chosen)).is_none_or(|line| line.over.is_some()) {
                    self.chosen = Some(*call);
                }
            }
            Notification::State { call, state, cause, .. } => self.on_state(*call, state, cause, now),
            Notification::Hold { call, local, remote, .. } => {
                if let Some(line) = self.line_mut(*call) {
                    line.hold = (*local, *remote);
                }
                let words = match (local, remote) {
                    (false, false) => "goes on",
                    (true, _) => "is on hold",
                    (false, true) => "holds us",
                };
                self.say(now, Tone::Plain, format!("call {call} {words}"));
            }
            Notification::Redirected { call, status, target, .. } => {
                self.say(now, Tone::Plain, format!("call {call} goes on to {target} ({status})"));
            }
            Notification::Info { call, dtmf: Some(digit), .. } => {
                self.say(now, Tone::Plain, format!("call {call} sent the digit {}", digit.tone));
            }
            Notification::Message { from, body, .. } => {
                self.say(now, Tone::Good, format!("{}: {body}", named(from)));
            }
            Notification::Unsolicited { package, summary, .. } => {
                let waiting =
                    summary.as_ref().map_or("", |summary| if summary.waiting { ", messages wait" } else { "" });
                self.say(now, Tone::Plain, format!("told of {package}{waiting}"));
            }
            Notification::TransferAccepted { .. } => self.say(now, Tone::Plain, "the transfer is taken"),
            Notification::TransferProgress { status, reason, .. } => {
                self.say(now, Tone::Plain, format!("transfer: {status} {reason}"));
            }
            Notification::TransferDone { error: Some(error), .. } => {
                self.say(now, Tone::Bad, format!("the transfer failed: {}", words(error)));
            }
            Notification::TransferDone { .. } => self.say(now, Tone::Good, "transferred"),
            Notification::TransferRequest { transfer, from, target, .. } => {
                self.asked = Some(*transfer);
                let asks = format!("{} wants us to call {}: yes or no", named(from), named(target));
                self.say(now, Tone::Good, asks);
            }
            Notification::TransferExpired { transfer, .. } => {
                self.asked = self.asked.filter(|asked| asked != transfer);
            }
            Notification::Ended { call, end, .. } => {
                let why = match &end.error {
                    Some(error) => words(error),
                    None if end.by == "local" => "hung up".into(),
                    None => "they hung up".into(),
                };
                let tone = if end.error.is_some() { Tone::Bad } else { Tone::Plain };
                let mut long = String::new();
                if let Some(line) = self.line_mut(*call) {
                    line.state = "over".into();
                    line.over = Some(now);
                    line.lasted = line.answered.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
                    if line.answered.is_some() {
                        long = format!(", after {}", clock(line.lasted));
                    }
                }
                self.say(now, tone, format!("call {call} is over: {why}{long}"));
            }
            Notification::Malformed { remote, message, .. } => {
                self.say(now, Tone::Bad, format!("{remote} sent what cannot be read: {message}"));
            }
            Notification::Trace { direction, remote, text, .. } => {
                let first = text.lines().next().unwrap_or_default();
                let arrow = if *direction == "out" { "->" } else { "<-" };
                self.say(now, Tone::Plain, format!("{arrow} {remote} {first}"));
            }
            _ => {}
        }
    }

    fn on_state(&mut self, call: u32, state: &str, cause: &str, now: Instant) {
        let Some(line) = self.line_mut(call) else { return };
        line.state = state.to_owned();
        match state {
            "established" => {
                line.answered.get_or_insert(now);
                let words = format!("call {call} with {} is answered", line.who);
                self.say(now, Tone::Good, words);
            }
            "ringing" if !line.incoming => self.say(now, Tone::Plain, format!("call {call}: {cause}")),
            _ => {}
        }
    }
}

fn named(who: &AddressValue) -> String {
    match &who.display_name {
        Some(name) => format!("{name} <{}>", who.uri),
        None => who.uri.clone(),
    }
}

/// An error as people say it.
pub(super) fn words(error: &ErrorValue) -> String {
    match error {
        ErrorValue::Status { status, reason, .. } => format!("{status} {reason}"),
        ErrorValue::Authentication { status, message } => {
            format!("{status}: {message} (OFFHOOK_PASSWORD, --password-file or --ask-password)")
        }
        ErrorValue::Timeout { timer } => format!("no answer in time (timer {timer})"),
        ErrorValue::Input { field, message, .. } => format!("{field}: {message}"),
        ErrorValue::Transport { message }
        | ErrorValue::State { message }
        | ErrorValue::Protocol { message }
        | ErrorValue::Limit { message } => message.clone(),
        ErrorValue::Glare => "the other side's offer came first".into(),
        ErrorValue::Cancelled => "given up by this side".into(),
        _ => "failed".into(),
    }
}
