//! What was heard is said again a while later.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::frame::{Filled, Sink, Source, Stamp};
use super::talk::Audio;

/// A delay line: a sink and a source in one, of which clones are the same.
#[derive(Debug, Clone)]
pub struct Echo {
    rate: u32,
    gain: f32,
    /// Samples that are delayed at the most: what is more was heard by a clock that runs faster.
    most: usize,
    line: Arc<Mutex<VecDeque<i16>>>,
}

impl Echo {
    /// The longest echo.
    pub const LONGEST_DELAY: Duration = Duration::from_secs(5);

    /// An echo after `delay`, with `gain` as a factor of loudness: below one, an echo between two echoes, or between a
    /// loudspeaker and its microphone, dies away. `rate` is in hertz.
    pub fn new(rate: u32, delay: Duration, gain: f32) -> Echo {
        let delay = delay.min(Echo::LONGEST_DELAY).as_millis() as usize * rate as usize / 1000;
        let line = VecDeque::from(vec![0; delay]);
        Echo { rate, gain, most: delay + rate as usize / 10, line: Arc::new(Mutex::new(line)) }
    }

    /// A call's audio: the other side hears itself.
    pub fn audio(self) -> Audio {
        Audio::new(self.clone(), self)
    }

    fn line(&self) -> MutexGuard<'_, VecDeque<i16>> {
        // Nothing panics while it is held; if it did, the line is still one of samples.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for Echo {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn fill(&mut self, _: Stamp, frame: &mut [i16]) -> Filled {
        let mut line = self.line();
        for sample in frame {
            *sample = (f32::from(line.pop_front().unwrap_or_default()) * self.gain) as i16;
        }
        Filled::Audio
    }
}

impl Sink for Echo {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn take(&mut self, _: Stamp, frame: &[i16]) {
        let mut line = self.line();
        line.extend(frame);
        let surplus = line.len().saturating_sub(self.most);
        line.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn samples_come_out_after_the_delay_and_are_bounded() {
        let mut echo = Echo::new(8000, Duration::from_millis(40), 0.5);
        let stamp = Stamp { rate: 8000, time: 0, at: Instant::now() };
        let mut heard = Vec::new();
        for value in 1..=5 {
            echo.take(stamp, &[value * 100; 160]);
            let mut frame = [0; 160];
            echo.fill(stamp, &mut frame);
            heard.push(frame[0]);
        }
        assert_eq!(heard, [0, 0, 50, 100, 150]);
        for _ in 0..1000 {
            echo.take(stamp, &[1; 160]);
        }
        assert_eq!(echo.line().len(), 320 + 800);
    }
}
