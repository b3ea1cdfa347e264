//! Delay lines: what was heard comes out again a while later.
//!
//! Both lines follow the RTP timestamps of the sender, so loss leaves a gap of the right length and packets out of order
//! fall into place. Both start over when the timestamps jump or the two clocks have drifted too far apart.

use std::collections::VecDeque;
use std::sync::Arc;

/// Delays linear samples. Reading never waits: what is missing is silence.
#[derive(Debug)]
pub(super) struct SampleLine {
    /// The sample of timestamp `t` is at `t` modulo the length.
    ring: Vec<i16>,
    /// The timestamp to read next, once something was written.
    next: Option<u64>,
    delay: u64,
}

impl SampleLine {
    /// A line of `delay` samples.
    pub(super) fn new(delay: u64) -> Self {
        SampleLine { ring: vec![0; (2 * delay) as usize + LARGEST_PACKET], next: None, delay }
    }

    /// Takes the samples that begin at the extended timestamp `time`.
    pub(super) fn write(&mut self, time: u64, samples: impl ExactSizeIterator<Item = i16>) {
        // The origin is moved so that a stream near timestamp 0 can be delayed too.
        let time = time.wrapping_add(1 << 62);
        let in_range = self.next.is_some_and(|next| (next..=next + 2 * self.delay).contains(&time));
        if !in_range {
            self.ring.fill(0);
            self.next = Some(time.wrapping_sub(self.delay));
        }
        for (time, sample) in (time..).zip(samples.take(LARGEST_PACKET)) {
            let index = self.index(time);
            self.ring[index] = sample;
        }
    }

    /// Fills `samples` with what comes next.
    pub(super) fn read(&mut self, samples: &mut [i16]) {
        for sample in samples {
            *sample = match self.next {
                Some(next) => {
                    self.next = Some(next.wrapping_add(1));
                    let index = self.index(next);
                    std::mem::take(&mut self.ring[index])
                }
                None => 0,
            };
        }
    }

    fn index(&self, time: u64) -> usize {
        (time % self.ring.len() as u64) as usize
    }
}

/// Delays encoded frames as they are, for codecs that are not decoded here.
#[derive(Debug)]
pub(super) struct FrameLine {
    queue: VecDeque<DelayedFrame>,
    /// What to add to the sender's timestamps to get ours.
    offset: Option<u64>,
    delay: u64,
}

/// A frame on its way through a [`FrameLine`].
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DelayedFrame {
    /// Our timestamp.
    pub(super) time: u64,
    pub(super) payload: Arc<[u8]>,
    /// The level the sender stated, in dBov.
    pub(super) level: Option<f32>,
}

impl FrameLine {
    /// A line of `delay` timestamp units.
    pub(super) fn new(delay: u64) -> Self {
        FrameLine { queue: VecDeque::new(), offset: None, delay }
    }

    /// Takes a frame with the sender's extended timestamp `time` while our own clock shows `now`.
    pub(super) fn write(&mut self, now: u64, time: u64, payload: Arc<[u8]>, level: Option<f32>) {
        let in_range = |offset: &u64| (now..=now + 2 * self.delay).contains(&time.wrapping_add(*offset));
        let offset = self.offset.filter(in_range).unwrap_or_else(|| {
            self.queue.clear();
            (now + self.delay).wrapping_sub(time)
        });
        self.offset = Some(offset);
        let time = time.wrapping_add(offset);
        let place = self.queue.partition_point(|frame| frame.time < time);
        let duplicate = self.queue.get(place).is_some_and(|frame| frame.time == time);
        if !duplicate && self.queue.len() < MOST_FRAMES {
            self.queue.insert(place, DelayedFrame { time, payload, level });
        }
    }

    /// The next frame whose time has come.
    pub(super) fn read(&mut self, now: u64) -> Option<DelayedFrame> {
        self.queue.front().filter(|frame| frame.time <= now)?;
        self.queue.pop_front()
    }
}

/// No packet over a network of ordinary MTU carries more samples.
const LARGEST_PACKET: usize = 2000;

/// More frames than a line can hold at any sensible frame length; a bound against abuse.
const MOST_FRAMES: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn write(line: &mut SampleLine, time: u64, value: i16) {
        line.write(time, [value; 160].into_iter());
    }

    fn read(line: &mut SampleLine) -> i16 {
        let mut samples = [0; 160];
        line.read(&mut samples);
        assert!(samples.iter().all(|sample| *sample == samples[0]), "{samples:?}");
        samples[0]
    }

    #[test]
    fn samples_come_out_after_the_delay() {
        let mut line = SampleLine::new(320);
        assert_eq!(read(&mut line), 0);
        let heard: Vec<i16> = (0..100)
            .map(|packet| {
                write(&mut line, 160 * packet, packet as i16 + 1);
                read(&mut line)
            })
            .collect();
        assert_eq!(heard[..4], [0, 0, 1, 2]);
        assert_eq!(heard[99], 98);
    }

    #[test]
    fn loss_leaves_a_gap_and_disorder_none() {
        let mut line = SampleLine::new(480);
        write(&mut line, 0, 1);
        write(&mut line, 480, 4);
        write(&mut line, 160, 2);
        let heard: Vec<i16> = (0..7).map(|_| read(&mut line)).collect();
        assert_eq!(heard, [0, 0, 0, 1, 2, 0, 4]);
    }

    #[test]
    fn a_jump_of_the_timestamps_starts_over() {
        let mut line = SampleLine::new(320);
        write(&mut line, 1_000_000, 1);
        write(&mut line, 5_000, 2);
        let heard: Vec<i16> = (0..4).map(|_| read(&mut line)).collect();
        assert_eq!(heard, [0, 0, 2, 0]);
    }

    #[test]
    fn a_fast_sender_never_overruns_the_ring() {
        let mut line = SampleLine::new(320);
        for packet in 0..1000 {
            write(&mut line, 160 * packet, 7);
        }
        line.write(160_000, std::iter::repeat_n(7, 100_000));
        assert!((0..4).map(|_| read(&mut line)).all(|sample| sample == 0 || sample == 7));
    }

    #[test]
    fn frames_keep_their_spacing_and_order() {
        let mut line = FrameLine::new(1000);
        let frame = |value: u8| Arc::from([value]);
        line.write(50_000, 10, frame(1), None);
        line.write(50_000, 970, frame(3), None);
        line.write(50_000, 490, frame(2), Some(-30.0));
        line.write(50_000, 490, frame(2), None);
        assert_eq!(line.read(50_999), None);
        let out: Vec<(u64, u8)> =
            std::iter::from_fn(|| line.read(52_000)).map(|frame| (frame.time, frame.payload[0])).collect();
        assert_eq!(out, [(51_000, 1), (51_480, 2), (51_960, 3)]);
    }

    #[test]
    fn a_flood_of_frames_is_bounded() {
        let mut line = FrameLine::new(20_000);
        for time in 0..10_000 {
            line.write(0, time, Arc::from([0]), None);
        }
        assert_eq!(line.queue.len(), MOST_FRAMES);
    }
}
