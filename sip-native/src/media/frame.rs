//! Audio in and out: frames of samples, and the clock they go by.

use std::time::{Duration, Instant};

/// When a frame is, by the clock of its session.
///
/// Samples are linear 16 bit, one channel. The session's clock counts them: `time` is how many samples of this rate have
/// passed since the session began, so that a frame left out is a gap in `time` and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Samples per second, in hertz.
    pub rate: u32,
    /// The number of the frame's first sample, counted from the beginning of the session.
    pub time: u64,
    /// The instant at which the frame is due: to be spoken into the wire, or to be heard.
    pub at: Instant,
}

impl Stamp {
    /// How far the session was when the frame began.
    ///
    /// ```
    /// # use std::time::{Duration, Instant};
    /// # use offhook::media::Stamp;
    /// let stamp = Stamp { rate: 8000, time: 160, at: Instant::now() };
    /// assert_eq!(stamp.elapsed(), Duration::from_millis(20));
    /// ```
    pub fn elapsed(&self) -> Duration {
        Duration::from_micros(self.time.saturating_mul(1_000_000) / u64::from(self.rate.max(1)))
    }
}

/// What a source had to say for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// The frame is full.
    Audio,
    /// Nothing to say now: the frame is silence, whatever was written into it.
    Silence,
    /// The frame is the last: what was not written is silence, and nobody will ask again.
    Over,
}

/// Where audio comes from: a file, a tone, a microphone, somebody else's call.
///
/// It is asked for the next frame when that is due, and answers at once: it runs on the task of the session, where waiting
/// delays the session's packets. It is not asked while the other side does not listen: before it can, and while it holds. So
/// a file waits until it is heard, and what is live drops what has become old.
pub trait Source: Send {
    /// The rate at which it gives samples, in hertz; the session converts. It stays the same.
    fn rate(&self) -> u32;

    /// Writes the next samples; `frame` comes as zeros.
    fn fill(&mut self, stamp: Stamp, frame: &mut [i16]) -> Filled;
}

/// Where audio goes: a file, a loudspeaker, somebody else's call.
///
/// It is given a frame every 20 ms from the first packet on, gaps filled as well as it can be done. It must not wait.
pub trait Sink: Send {
    /// The rate at which it takes samples, in hertz; the session converts. It stays the same.
    fn rate(&self) -> u32;

    /// Takes the next samples.
    fn take(&mut self, stamp: Stamp, frame: &[i16]);
}

impl Source for Box<dyn Source> {
    fn rate(&self) -> u32 {
        (**self).rate()
    }

    fn fill(&mut self, stamp: Stamp, frame: &mut [i16]) -> Filled {
        (**self).fill(stamp, frame)
    }
}

impl Sink for Box<dyn Sink> {
    fn rate(&self) -> u32 {
        (**self).rate()
    }

    fn take(&mut self, stamp: Stamp, frame: &[i16]) {
        (**self).take(stamp, frame);
    }
}

/// Nothing to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Silence;

impl Source for Silence {
    fn rate(&self) -> u32 {
        8000
    }

    fn fill(&mut self, _: Stamp, _: &mut [i16]) -> Filled {
        Filled::Silence
    }
}

impl Sink for Silence {
    fn rate(&self) -> u32 {
        8000
    }

    fn take(&mut self, _: Stamp, _: &[i16]) {}
}
