//! From a call to talking: the handle, and how to get it.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::addresses;
use super::digits::Digit;
use super::engine::Engine;
use super::error::MediaError;
use super::frame::{Silence, Sink, Source};
use super::options::Options;
use super::stats::Stats;
use super::task::{Command, Task};
use crate::core::endpoint::{CallOptions, End};
use crate::core::message::{Host, NameAddr};
use crate::{AnswerOptions, Call, StatusCode, UserAgent};

/// What is said in a call, and what is done with what is heard.
pub struct Audio {
    pub(super) source: Box<dyn Source>,
    pub(super) sink: Box<dyn Sink>,
}

impl Audio {
    /// Says what the source has, and gives the sink what is heard.
    pub fn new(source: impl Source + 'static, sink: impl Sink + 'static) -> Audio {
        Audio { source: Box::new(source), sink: Box::new(sink) }
    }

    /// Says nothing and hears nothing: packets flow all the same.
    pub fn silence() -> Audio {
        Audio::new(Silence, Silence)
    }

    /// Says what the source has, and hears nothing.
    pub fn play(source: impl Source + 'static) -> Audio {
        Audio::new(source, Silence)
    }

    /// Says nothing, and gives the sink what is heard.
    pub fn hear(sink: impl Sink + 'static) -> Audio {
        Audio::new(Silence, sink)
    }
}

impl std::fmt::Debug for Audio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Audio({} Hz, {} Hz)", self.source.rate(), self.sink.rate())
    }
}

/// Gives calls their audio, all with the same options.
///
/// ```no_run
/// use offhook::UserAgent;
/// use offhook::media::{Audio, Media, Options, Tone};
///
/// # async fn demo(agent: UserAgent) -> Result<(), offhook::media::MediaError> {
/// let media = Media::new(Options::default());
/// let talk = media.call(&agent, "sip:bob@example.com", Audio::play(Tone::new(440.0).source(8000))).await?;
/// talk.established().await?;
/// talk.press("123#").await?;
/// talk.hangup().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Media {
    options: Options,
}

impl Media {
    /// With these options.
    pub fn new(options: Options) -> Media {
        Media { options }
    }

    /// The options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Calls somebody. Early media are heard; what the source has is said from the first description of the other side on.
    ///
    /// # Errors
    ///
    /// No socket could be opened, or the call could not be made; see [`UserAgent::call`](crate::core::agent::UserAgent::call).
    pub async fn call(&self, agent: &UserAgent, target: &str, audio: Audio) -> Result<Talk, MediaError> {
        self.call_with(agent, target, CallOptions::default(), audio).await
    }

    /// The same with options of the call; a description among them is replaced.
    ///
    /// # Errors
    ///
    /// As for [`Media::call`].
    pub async fn call_with(
        &self,
        agent: &UserAgent,
        target: &str,
        mut options: CallOptions,
        audio: Audio,
    ) -> Result<Talk, MediaError> {
        let (engine, offer) = Engine::offer(&self.options, agent.local_ip(), audio)?;
        options.sdp = Some(offer);
        let call = agent.call(target, options).await?;
        Ok(Talk::start(call, engine))
    }

    /// Answers a call. Done when the other side acknowledged. A call whose offer cannot be answered is refused (488).
    ///
    /// # Errors
    ///
    /// There is nothing in common with the offer, no socket could be opened, or the call has ended meanwhile.
    pub async fn answer(&self, call: &Call, audio: Audio) -> Result<Talk, MediaError> {
        let here = || local_of(call).or_else(addresses::default_route).unwrap_or(Ipv4Addr::LOCALHOST.into());
        let offer = call.invitation().and_then(|invitation| invitation.sdp.clone());
        let made = match offer {
            Some(offer) => Engine::answer(&self.options, here(), audio, &offer),
            // The INVITE asks for our offer; the ACK brings the answer.
            None => Engine::offer(&self.options, here(), audio),
        };
        let (engine, sdp) = match made {
            Ok(made) => made,
            Err(error) => {
                let status = match error {
                    MediaError::Socket(_) => StatusCode::SERVER_INTERNAL_ERROR,
                    _ => StatusCode::NOT_ACCEPTABLE_HERE,
                };
                call.reject(status).await?;
                return Err(error);
            }
        };
        let talk = Talk::start(call.clone(), engine);
        call.answer(AnswerOptions::with_sdp(sdp)).await?;
        Ok(talk)
    }
}

/// The address of this machine that the caller would reach, as far as the Contact of its INVITE tells.
fn local_of(call: &Call) -> Option<IpAddr> {
    let headers = &call.invitation()?.headers;
    let (_, contact) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("Contact"))?;
    let contact = NameAddr::parse(contact).ok()?.uri();
    match contact.view().as_sip()?.host {
        Host::V4(address) => addresses::route(address.into()),
        Host::V6(address) => addresses::route(address.into()),
        Host::Name(_) => None,
    }
}

impl UserAgent {
    /// Calls somebody with audio by [`Options::default`]; see [`Media::call`] for other ones.
    ///
    /// # Errors
    ///
    /// As for [`Media::call`].
    pub async fn call_with_audio(&self, target: &str, audio: Audio) -> Result<Talk, MediaError> {
        Media::default().call(self, target, audio).await
    }
}

/// A call with its audio. Clones name the same; dropping them does not hang up, and the audio ends with the call: its task
/// and its sockets are gone then.
///
/// What the other side wants changed within the call - hold, other formats, another address, a refresh of the session - is
/// answered by itself.
#[derive(Debug, Clone)]
pub struct Talk {
    call: Call,
    commands: mpsc::UnboundedSender<Command>,
    stats: watch::Receiver<Stats>,
    digits: broadcast::WeakSender<Digit>,
}

impl Talk {
    fn start(call: Call, engine: Engine) -> Talk {
        let (commands, orders) = mpsc::unbounded_channel();
        let (publish, stats) = watch::channel(Stats::default());
        let (digits, _) = broadcast::channel(DIGITS);
        let talk = Talk { call: call.clone(), commands, stats, digits: digits.downgrade() };
        tokio::spawn(Task::new(call, engine, orders, publish, digits).run());
        talk
    }

    /// The call.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Answered and acknowledged; or the error it ended with before.
    ///
    /// # Errors
    ///
    /// See [`Call::established`].
    pub async fn established(&self) -> Result<(), MediaError> {
        Ok(self.call.established().await?)
    }

    /// The end of the call, whoever brings it about.
    pub async fn ended(&self) -> Option<End> {
        self.call.ended().await
    }

    /// Ends the call, and waits until its sockets are free.
    ///
    /// # Errors
    ///
    /// See [`Call::hangup`].
    pub async fn hangup(&self) -> Result<(), MediaError> {
        self.call.hangup().await?;
        self.commands.closed().await;
        Ok(())
    }

    /// Holds the other side: it is not heard any more. Done when it agreed; refused means still in the call.
    ///
    /// # Errors
    ///
    /// See [`Call::renegotiate`].
    pub async fn hold(&self) -> Result<(), MediaError> {
        self.ask(|reply| Command::Hold { held: true, reply }).await?
    }

    /// Takes the other side off hold.
    ///
    /// # Errors
    ///
    /// See [`Call::renegotiate`].
    pub async fn resume(&self) -> Result<(), MediaError> {
        self.ask(|reply| Command::Hold { held: false, reply }).await?
    }

    /// Says nothing from now on, or speaks again. Packets flow all the same, and the source goes on.
    pub fn mute(&self, muted: bool) {
        self.order(Command::Mute(muted));
    }

    /// Presses digits, 160 ms each: as telephone events (RFC 4733) where the other side knows them, else by INFO. Done when
    /// all are said.
    ///
    /// # Errors
    ///
    /// [`MediaError::Refused`] for what is no digit: `0`-`9`, `*`, `#`, `A`-`D`; an error of the call.
    pub async fn press(&self, digits: &str) -> Result<(), MediaError> {
        self.press_for(digits, PRESS).await
    }

    /// The same with a length of one's own, from 40 ms to 1.3 s.
    ///
    /// # Errors
    ///
    /// As for [`Talk::press`].
    pub async fn press_for(&self, digits: &str, duration: Duration) -> Result<(), MediaError> {
        let digits = digits.to_owned();
        self.ask(|reply| Command::Press { digits, duration, reply }).await?
    }

    /// The digits that the other side presses from now on, however it sends them.
    pub fn digits(&self) -> Digits {
        Digits(self.digits.upgrade().map(|digits| digits.subscribe()))
    }

    /// Says something else from now on.
    pub fn play(&self, source: impl Source + 'static) {
        self.order(Command::Source(Box::new(source)));
    }

    /// Gives what is heard to somebody else from now on.
    pub fn hear(&self, sink: impl Sink + 'static) {
        self.order(Command::Sink(Box::new(sink)));
    }

    /// Until the source has said its last, or the call has ended.
    pub async fn played(&self) {
        // An error is the end of the call.
        let _ = self.until(|stats| stats.played).await;
    }

    /// How the audio is doing.
    pub fn stats(&self) -> Stats {
        self.stats.borrow().clone()
    }

    /// Waits until the statistics fulfil a condition, and returns them. They change with every packet.
    ///
    /// # Errors
    ///
    /// The audio has ended without fulfilling it.
    pub async fn until(&self, condition: impl FnMut(&Stats) -> bool) -> Result<Stats, MediaError> {
        let mut stats = self.stats.clone();
        let reached = stats.wait_for(condition).await.map_err(|_| MediaError::Closed)?;
        Ok(reached.clone())
    }

    /// An order of which the end of the call may be the answer.
    fn order(&self, command: Command) {
        // After the end there is nothing to change.
        let _ = self.commands.send(command);
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, MediaError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).map_err(|_| MediaError::Closed)?;
        answer.await.map_err(|_| MediaError::Closed)
    }
}

/// Digits as they come.
#[derive(Debug)]
pub struct Digits(Option<broadcast::Receiver<Digit>>);

impl Digits {
    /// The next digit; `None` when the call has ended. Who does not ask for long misses the oldest.
    pub async fn next(&mut self) -> Option<Digit> {
        loop {
            match self.0.as_mut()?.recv().await {
                Ok(digit) => return Some(digit),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

/// How long a digit is pressed.
const PRESS: Duration = Duration::from_millis(160);

/// Digits that wait for a listener.
const DIGITS: usize = 64;
