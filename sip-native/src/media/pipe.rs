//! Audio from one place to another: between two calls, or between a call and a program that reads and writes samples.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::frame::{Filled, Sink, Source, Stamp};
use super::talk::Audio;

/// What waits to be said: a queue of samples, of which clones are the same.
#[derive(Clone, Debug)]
struct Queue {
    rate: u32,
    most: usize,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    samples: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<i16>,
    /// Nothing is given out until so much is here, so that small delays are not heard.
    prepared: bool,
    closed: bool,
}

impl Queue {
    fn new(rate: u32, most: Duration) -> Queue {
        let inner = Inner { samples: Mutex::default(), changed: Notify::new() };
        Queue { rate, most: most.as_millis() as usize * rate as usize / 1000, inner: Arc::new(inner) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held; if it did, the queue is still one of samples.
        self.inner.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Of more than it may hold, the oldest goes.
    fn push(&self, samples: &[i16]) {
        let mut state = self.state();
        state.waiting.extend(samples);
        let surplus = state.waiting.len().saturating_sub(self.most);
        state.waiting.drain(..surplus);
        drop(state);
        self.inner.changed.notify_one();
    }

    fn close(&self) {
        self.state().closed = true;
        self.inner.changed.notify_one();
    }
}

/// One end of a pipe: what is heard goes in.
#[derive(Debug)]
pub struct PipeSink(Queue);

/// The other end: what went in is said.
#[derive(Debug)]
pub struct PipeSource(Queue);

/// A pipe from what one call hears to what another says. It delays by 20 to 40 ms and is never longer than 120 ms: of two
/// clocks that differ, the slower one's calls lose a moment now and then.
///
/// ```no_run
/// # use offhook::{Call, UserAgent};
/// # use offhook::media::{Audio, Media, MediaError, Options, pipe};
/// # async fn bridge(browser: Call, agent: UserAgent) -> Result<(), MediaError> {
/// let (heard_here, said_there) = pipe(16_000);
/// let (heard_there, said_here) = pipe(16_000);
/// let there = Media::default().call(&agent, "sip:desk@192.0.2.7", Audio::new(said_there, heard_there)).await?;
/// let here = Media::default().answer(&browser, Audio::new(said_here, heard_here)).await?;
/// # Ok(())
/// # }
/// ```
pub fn pipe(rate: u32) -> (PipeSink, PipeSource) {
    let queue = Queue::new(rate, Duration::from_millis(120));
    (PipeSink(queue.clone()), PipeSource(queue))
}

impl Sink for PipeSink {
    fn rate(&self) -> u32 {
        self.0.rate
    }

    fn take(&mut self, _: Stamp, frame: &[i16]) {
        self.0.push(frame);
    }
}

impl Source for PipeSource {
    fn rate(&self) -> u32 {
        self.0.rate
    }

    fn fill(&mut self, _: Stamp, frame: &mut [i16]) -> Filled {
        let mut state = self.0.state();
        // A frame more than is given out, so that the other end may be a little late.
        state.prepared |= state.waiting.len() >= 2 * frame.len();
        if !state.prepared {
            return Filled::Silence;
        }
        if state.waiting.len() < frame.len() {
            state.prepared = false;
        }
        for sample in frame {
            *sample = state.waiting.pop_front().unwrap_or_default();
        }
        Filled::Audio
    }
}

/// A program's end of a call: it hears frames and says samples when it likes, e.g. a voice agent between a recogniser and a
/// synthesiser.
#[derive(Debug)]
pub struct Line {
    heard: Queue,
    said: Queue,
}

/// What a [`Line`] has said into a call, of which everything counts.
#[derive(Debug)]
struct LineSource(Queue);

#[derive(Debug)]
struct LineSink(Queue);

impl Line {
    /// A line at `rate` samples a second, and the audio for the call at its other end.
    pub fn new(rate: u32) -> (Line, Audio) {
        let line = Line { heard: Queue::new(rate, HEARD), said: Queue::new(rate, SAID) };
        let audio = Audio::new(LineSource(line.said.clone()), LineSink(line.heard.clone()));
        (line, audio)
    }

    /// The rate in hertz.
    pub fn rate(&self) -> u32 {
        self.heard.rate
    }

    /// What was heard since the last time, 20 ms or more; nothing when the call is over. Who does not ask for 5 s misses the
    /// oldest.
    pub async fn hear(&mut self) -> Option<Vec<i16>> {
        loop {
            {
                let mut state = self.heard.state();
                if !state.waiting.is_empty() {
                    return Some(state.waiting.drain(..).collect());
                }
                if state.closed {
                    return None;
                }
            }
            self.heard.inner.changed.notified().await;
        }
    }

    /// Says samples behind those that wait; returns when there is room for more, which is when they will be said within a
    /// second. Nothing is said any more when the call is over.
    pub async fn say(&mut self, samples: &[i16]) {
        let second = self.said.rate as usize;
        for part in samples.chunks(second.max(1)) {
            loop {
                {
                    let state = self.said.state();
                    if state.closed {
                        return;
                    }
                    if state.waiting.len() < second {
                        break;
                    }
                }
                self.said.inner.changed.notified().await;
            }
            self.said.push(part);
        }
    }

    /// Forgets what waits to be said: the other side speaks, and should not be talked over.
    pub fn be_silent(&mut self) {
        self.said.state().waiting.clear();
        self.said.inner.changed.notify_one();
    }

    /// How long it takes to say what waits.
    pub fn to_say(&self) -> Duration {
        let samples = self.said.state().waiting.len() as u64;
        Duration::from_micros(samples * 1_000_000 / u64::from(self.said.rate.max(1)))
    }

    /// Until everything is said, or the call is over.
    pub async fn said(&mut self) {
        loop {
            {
                let state = self.said.state();
                if state.closed || state.waiting.is_empty() {
                    return;
                }
            }
            self.said.inner.changed.notified().await;
        }
    }
}

impl Source for LineSource {
    fn rate(&self) -> u32 {
        self.0.rate
    }

    fn fill(&mut self, _: Stamp, frame: &mut [i16]) -> Filled {
        let mut state = self.0.state();
        if state.waiting.is_empty() {
            return Filled::Silence;
        }
        for sample in frame {
            *sample = state.waiting.pop_front().unwrap_or_default();
        }
        drop(state);
        self.0.inner.changed.notify_one();
        Filled::Audio
    }
}

impl Sink for LineSink {
    fn rate(&self) -> u32 {
        self.0.rate
    }

    fn take(&mut self, _: Stamp, frame: &[i16]) {
        self.0.push(frame);
    }
}

impl Drop for LineSource {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Drop for LineSink {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// What is kept of what was heard.
const HEARD: Duration = Duration::from_secs(5);

/// What may wait to be said: see [`Line::say`].
const SAID: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn stamp() -> Stamp {
        Stamp { rate: 8000, time: 0, at: Instant::now() }
    }

    #[test]
    fn a_pipe_delays_by_a_frame_and_is_bounded() {
        let (mut sink, mut source) = pipe(8000);
        let mut frame = [0; 160];
        sink.take(stamp(), &[1; 160]);
        assert_eq!(source.fill(stamp(), &mut frame), Filled::Silence);
        sink.take(stamp(), &[2; 160]);
        assert_eq!((source.fill(stamp(), &mut frame), frame), (Filled::Audio, [1; 160]));
        assert_eq!((source.fill(stamp(), &mut frame), frame), (Filled::Audio, [2; 160]));
        source.fill(stamp(), &mut frame);
        assert_eq!(source.fill(stamp(), &mut frame), Filled::Silence, "it ran dry, and waits until it is ready again");
        for _ in 0..100 {
            sink.take(stamp(), &[3; 160]);
        }
        assert_eq!(sink.0.state().waiting.len(), 960);
    }

    #[tokio::test]
    async fn a_line_says_and_hears_until_the_call_is_over() {
        let (mut line, Audio { mut source, mut sink }) = Line::new(8000);
        sink.take(stamp(), &[4; 160]);
        sink.take(stamp(), &[5; 160]);
        assert_eq!(line.hear().await.map(|heard| (heard.len(), heard[0], heard[319])), Some((320, 4, 5)));
        line.say(&[6; 200]).await;
        assert_eq!(line.to_say(), Duration::from_millis(25));
        let mut frame = [0; 160];
        assert_eq!((source.fill(stamp(), &mut frame), frame[159]), (Filled::Audio, 6));
        line.be_silent();
        line.said().await;
        assert_eq!(source.fill(stamp(), &mut frame), Filled::Silence);
        // Two seconds at once: one waits until the other is said.
        let speaking = tokio::spawn(async move {
            line.say(&[7; 16_000]).await;
            line
        });
        let mut played = 0;
        while played < 8000 {
            match source.fill(stamp(), &mut frame) {
                Filled::Audio => played += 160,
                _ => tokio::task::yield_now().await,
            }
        }
        let mut line = speaking.await.expect("it is said");
        drop((source, sink));
        line.say(&[8; 160_000]).await;
        assert_eq!(line.hear().await, None);
    }
}
