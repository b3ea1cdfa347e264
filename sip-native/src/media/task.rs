//! The task behind a call with audio: datagrams, time, what the call tells and what the application wants.

use std::future::{Future, pending};
use std::pin::Pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use offhook_core::endpoint::CallEvent;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::sleep_until;

use super::digits::{Digit, DigitBy, event_of};
use super::engine::{Buffers, Engine};
use super::error::MediaError;
use super::frame::{Sink, Source};
use super::stats::{Connection, Stats};
use crate::{Call, Error, StatusCode};

type Reply = oneshot::Sender<Result<(), MediaError>>;

/// What the handle asks of the task.
pub(super) enum Command {
    Hold { held: bool, reply: Reply },
    Mute(bool),
    Press { digits: String, duration: Duration, reply: Reply },
    Source(Box<dyn Source>),
    Sink(Box<dyn Sink>),
}

/// Something that was asked of the call, done.
enum Done {
    /// An offer of ours was answered, or not.
    Offered { result: Result<Option<Bytes>, Error>, reply: Option<Reply> },
    /// Digits were sent by INFO.
    Sent { result: Result<(), Error>, reply: Reply },
    /// Anything whose result is told by the call.
    Other,
}

type Doing = Pin<Box<dyn Future<Output = Done> + Send>>;

/// Everything a call with audio owns.
pub(super) struct Task {
    call: Call,
    engine: Engine,
    commands: mpsc::UnboundedReceiver<Command>,
    published: watch::Sender<Stats>,
    digits: broadcast::Sender<Digit>,
    doing: FuturesUnordered<Doing>,
    /// Who waits until all digits are said.
    pressing: Vec<Reply>,
    /// The peer closed its connection, and the call is being ended for that.
    leaving: bool,
    /// The description that was answered or taken last: one that comes once more changes nothing.
    known: Option<Bytes>,
}

impl Task {
    pub(super) fn new(
        call: Call,
        engine: Engine,
        commands: mpsc::UnboundedReceiver<Command>,
        published: watch::Sender<Stats>,
        digits: broadcast::Sender<Digit>,
    ) -> Task {
        let (doing, pressing) = (FuturesUnordered::new(), Vec::new());
        Task { call, engine, commands, published, digits, doing, pressing, leaving: false, known: None }
    }

    /// Runs until the call is over.
    pub(super) async fn run(mut self) {
        let mut buffers = Buffers::new();
        let mut events = self.call.events();
        let mut listening = true;
        loop {
            self.turn();
            let due = self.engine.due();
            tokio::select! {
                biased;
                event = events.next() => match event {
                    Some(CallEvent::Ended(_)) | None => break,
                    Some(event) => self.event(event),
                },
                Some(done) = self.doing.next() => self.done(done),
                command = self.commands.recv(), if listening => match command {
                    Some(command) => self.command(command),
                    // Nobody has the handle any more; the call goes on.
                    None => listening = false,
                },
                received = self.engine.receive(&mut buffers) => match received {
                    Ok(received) => self.engine.take(Instant::now(), received, &buffers),
                    // E.g. nobody listens where we send, which ICMP tells (on Linux).
                    Err(error) => tracing::debug!(%error, "receiving media"),
                },
                () = wait(due) => {}
            }
        }
        self.engine.close();
        self.publish(Instant::now());
    }

    /// What is due, and what came of it.
    fn turn(&mut self) {
        let now = Instant::now();
        self.engine.drive(now);
        while let Some(digit) = self.engine.digit() {
            self.tell(digit);
        }
        if !self.pressing.is_empty() && self.engine.voice().is_none_or(|voice| voice.speaker.is_silent()) {
            for reply in self.pressing.drain(..) {
                // Who does not wait any more does not want to know.
                let _ = reply.send(Ok(()));
            }
        }
        self.publish(now);
        if self.published.borrow().connection == Connection::Closed && !self.leaving {
            self.leaving = true;
            self.hangup();
        }
    }

    fn event(&mut self, event: CallEvent) {
        match event {
            CallEvent::Progress { sdp: Some(sdp), .. } => self.accept(&sdp, true),
            CallEvent::Answered { sdp: Some(sdp) } | CallEvent::Negotiated { sdp } => self.accept(&sdp, false),
            CallEvent::Offer { sdp: Some(offer) } => {
                let call = self.call.clone();
                let answer = self.engine.reoffer(&offer);
                self.other(async move {
                    match answer {
                        Ok(answer) => call.accept_offer(answer).await,
                        Err(error) => {
                            tracing::debug!(%error, "an offer that cannot be answered");
                            call.reject_offer(StatusCode::NOT_ACCEPTABLE_HERE).await
                        }
                    }
                });
            }
            CallEvent::Offer { sdp: None } => {
                let call = self.call.clone();
                let offer = self.engine.offer_again();
                self.other(async move {
                    match offer {
                        Ok(offer) => call.accept_offer(offer).await,
                        Err(_) => call.reject_offer(StatusCode::NOT_ACCEPTABLE_HERE).await,
                    }
                });
            }
            CallEvent::Info { dtmf: Some(dtmf), .. } => {
                let duration = Duration::from_millis(dtmf.duration.into());
                self.tell(Digit { tone: dtmf.tone, duration, by: DigitBy::Info });
            }
            _ => {}
        }
    }

    /// The other side's answer. Without a usable one there is no audio, and no call.
    fn accept(&mut self, answer: &Bytes, early: bool) {
        if self.known.as_ref() == Some(answer) && early {
            return;
        }
        match self.engine.accept(answer, early) {
            Ok(()) => self.known = Some(answer.clone()),
            // What came early and reliably may be told again.
            Err(MediaError::NoOffer) if self.known.as_ref() == Some(answer) => {}
            Err(error) if early => tracing::debug!(%error, "early media that cannot be heard"),
            Err(error) => {
                tracing::debug!(%error, "an answer that cannot be used");
                self.hangup();
            }
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Mute(muted) => self.engine.set_muted(muted),
            Command::Source(source) => self.engine.set_source(source),
            Command::Sink(sink) => self.engine.set_sink(sink),
            Command::Hold { held, reply } => match self.engine.offer_hold(held) {
                Ok(offer) => {
                    let call = self.call.clone();
                    self.doing.push(Box::pin(async move {
                        Done::Offered { result: call.renegotiate(offer).await, reply: Some(reply) }
                    }));
                }
                Err(error) => answer(reply, Err(error)),
            },
            Command::Press { digits, duration, reply } => self.press(&digits, duration, reply),
        }
    }

    fn press(&mut self, digits: &str, duration: Duration, reply: Reply) {
        if let Some(tone) = digits.chars().find(|tone| event_of(*tone).is_none()) {
            return answer(reply, Err(MediaError::Refused(format!("{tone:?} is no digit"))));
        }
        if self.engine.says_digits() {
            let Some(voice) = self.engine.voice() else { return answer(reply, Err(MediaError::Closed)) };
            if digits.chars().all(|tone| voice.speaker.press(tone, duration)) {
                self.pressing.push(reply);
            } else {
                answer(reply, Err(MediaError::Refused("too many digits at once".into())));
            }
            return;
        }
        let (call, digits) = (self.call.clone(), digits.to_owned());
        self.doing.push(Box::pin(async move { Done::Sent { result: call.send_dtmf(&digits).await, reply } }));
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Offered { result, reply } => {
                let result = match result {
                    Ok(Some(sdp)) => self.engine.accept(&sdp, false),
                    Ok(None) => Err(MediaError::NoOffer),
                    Err(error) => Err(error.into()),
                };
                if result.is_err() {
                    self.engine.give_up();
                }
                if let Some(reply) = reply {
                    answer(reply, result);
                }
            }
            Done::Sent { result, reply } => answer(reply, result.map_err(MediaError::from)),
            Done::Other => {}
        }
    }

    fn hangup(&mut self) {
        let call = self.call.clone();
        self.other(async move { call.hangup().await });
    }

    /// Something of which the call tells how it went.
    fn other(&mut self, doing: impl Future<Output = Result<(), Error>> + Send + 'static) {
        self.doing.push(Box::pin(async move {
            if let Err(error) = doing.await {
                tracing::debug!(%error, "a call with audio");
            }
            Done::Other
        }));
    }

    fn tell(&self, digit: Digit) {
        // Without listeners there is nobody to tell.
        let _ = self.digits.send(digit);
    }

    fn publish(&self, now: Instant) {
        let stats = self.engine.stats(now);
        self.published.send_if_modified(|published| {
            let changed = *published != stats;
            *published = stats;
            changed
        });
    }
}

/// Who does not wait any more does not want to know.
fn answer(reply: Reply, result: Result<(), MediaError>) {
    let _ = reply.send(result);
}

/// Never idle for so long that arithmetic on the instant could fail.
async fn wait(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due.min(Instant::now() + LONGEST_WAIT).into()).await,
        None => pending().await,
    }
}

const LONGEST_WAIT: Duration = Duration::from_secs(60);
