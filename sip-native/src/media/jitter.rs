//! The jitter buffer: packets come as the network brings them, and leave in order when it is their time.
//!
//! No clock and no socket here: the instant is an argument. The buffer delays the stream by as much as nearly all packets
//! need, which it learns from how late they were lately, compared with the fastest. Whoever plays
//! the stream asks for one packet after the other, and is told what to do where one is missing, and when the delay should
//! be made shorter or longer. Silence between two packets that follow each other is no loss.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A packet that waits.
#[derive(Debug)]
struct Waiting {
    sequence: u16,
    payload: Vec<u8>,
}

/// What became of a packet that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Insertion {
    Taken,
    /// Its time has passed.
    Late,
    /// It is here already, or was.
    Duplicate,
}

/// What to play next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Packet(Vec<u8>),
    /// So many samples are missing. `next` is the packet after them, if that is all that is missing before it.
    Lost {
        samples: usize,
        next: Option<Vec<u8>>,
    },
    /// The sender said nothing for so many samples.
    Pause {
        samples: usize,
    },
    /// Packets are on their way, or the stream ran dry: make something up; the delay gets longer by that.
    Dry,
    /// Nothing has come, or nothing for long.
    Idle,
}

/// How the delay should change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Adapt {
    Keep,
    Shorten,
    Lengthen,
}

#[derive(Debug)]
pub(super) struct Jitter {
    /// Samples a second.
    rate: u32,
    packets: BTreeMap<u64, Waiting>,
    state: State,
    /// The extended timestamp of the newest packet.
    newest: Option<u64>,
    /// The samples of a packet, as seen last.
    length: u64,
    began: Instant,
    delays: Delays,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Until the first packet has been here for the target delay.
    Waiting,
    /// The extended timestamp to play next, the sequence number played last, and how often in a row there was nothing.
    Playing { next: u64, last: Option<u16>, dry: u32 },
}

impl Jitter {
    /// A buffer for a stream of `rate` samples a second, from now on.
    pub(super) fn new(rate: u32, now: Instant) -> Jitter {
        Jitter {
            rate,
            packets: BTreeMap::new(),
            state: State::Waiting,
            newest: None,
            length: u64::from(rate / 50),
            began: now,
            delays: Delays::new(rate),
        }
    }

    /// Takes a packet that came in.
    pub(super) fn insert(&mut self, now: Instant, sequence: u16, timestamp: u32, payload: &[u8]) -> Insertion {
        let mut time = self.extend(timestamp);
        if self.newest.is_some_and(|newest| newest.abs_diff(time) > u64::from(self.rate) * JUMP) {
            // The sender's clock started over. What waits belongs to the past.
            self.restart();
            time = self.extend(timestamp);
        }
        self.newest = Some(self.newest.map_or(time, |newest| newest.max(time)));
        let arrival = self.ticks(now);
        self.delays.note(arrival, arrival as i64 - time as i64);
        if let State::Playing { next, last, .. } = self.state
            && time < next
        {
            return if last == Some(sequence) { Insertion::Duplicate } else { Insertion::Late };
        }
        if self.packets.contains_key(&time) {
            return Insertion::Duplicate;
        }
        self.packets.insert(time, Waiting { sequence, payload: payload.to_vec() });
        while self.packets.len() > MOST_PACKETS {
            self.packets.pop_first();
        }
        Insertion::Taken
    }

    /// The next thing to play.
    pub(super) fn next(&mut self, now: Instant) -> Next {
        let State::Playing { next, last, dry } = self.state else { return self.begin(now) };
        let next = self.catch_up(now, next);
        // What overlaps with what was played has no place any more.
        while self.packets.first_key_value().is_some_and(|(&time, _)| time < next) {
            self.packets.pop_first();
        }
        let Some((&first, waiting)) = self.packets.first_key_value() else {
            if dry >= MOST_DRY {
                self.state = State::Waiting;
                return Next::Idle;
            }
            let samples = self.length as usize;
            let short = self.slack(now).is_none_or(|delay| delay < self.target_ticks() as i64);
            let next = if short { next } else { next + self.length };
            self.state = State::Playing { next, last, dry: dry + 1 };
            return if short { Next::Dry } else { Next::Lost { samples, next: None } };
        };
        let gap = first - next;
        if gap == 0 {
            let Some((_, packet)) = self.packets.pop_first() else { return Next::Idle };
            self.state = State::Playing { next, last: Some(packet.sequence), dry: 0 };
            return Next::Packet(packet.payload);
        }
        let follows = last.is_some_and(|last| waiting.sequence == last.wrapping_add(1));
        if gap > u64::from(self.rate) / 5 {
            // Too much to be made up: the stream begins anew, after its delay.
            self.state = State::Waiting;
            return self.begin(now);
        }
        let samples = gap.min(self.length) as usize;
        self.state = State::Playing { next: next + samples as u64, last, dry: 0 };
        if follows {
            return Next::Pause { samples };
        }
        let copy = (samples as u64 == gap).then(|| waiting.payload.clone());
        Next::Lost { samples, next: copy }
    }

    /// After a stall, of this machine or of the network, what is much too late is left out at once: nobody wants to hear it a
    /// second later for minutes.
    fn catch_up(&mut self, now: Instant, next: u64) -> u64 {
        let target = self.target_ticks() as i64;
        let behind = |slack: i64| slack > target + (u128::from(self.rate) * MOST_BEHIND.as_millis() / 1000) as i64;
        let Some(slack) = self.slack(now).filter(|slack| behind(*slack)) else { return next };
        let wanted = next.saturating_add_signed(slack - target);
        let Some((&last, _)) = self.packets.last_key_value() else { return next };
        while self.packets.len() > 1 && self.packets.first_key_value().is_some_and(|(&time, _)| time < wanted) {
            self.packets.pop_first();
        }
        let first = self.packets.first_key_value().map_or(last, |(&time, _)| time);
        if let State::Playing { next, last, .. } = &mut self.state {
            (*next, *last) = (first, None);
        }
        first
    }

    /// Begins with the first packet once that has been here for long enough.
    fn begin(&mut self, now: Instant) -> Next {
        let Some((&first, waiting)) = self.packets.first_key_value() else { return Next::Idle };
        let due = first as i64 + self.delays.fastest() + self.target_ticks() as i64;
        if (self.ticks(now) as i64) < due && self.packets.len() < MOST_PACKETS {
            return Next::Idle;
        }
        self.state = State::Playing { next: first, last: Some(waiting.sequence.wrapping_sub(1)), dry: 0 };
        self.next(now)
    }

    /// A packet that was given out had so many samples.
    pub(super) fn played(&mut self, samples: usize) {
        if let State::Playing { next, .. } = &mut self.state {
            *next += samples as u64;
        }
        if samples > 0 {
            self.length = samples as u64;
        }
    }

    /// Whether the delay should change, before the next packet is taken.
    pub(super) fn adapt(&self, now: Instant) -> Adapt {
        let Some(delay) = self.slack(now) else { return Adapt::Keep };
        let (target, some) = (self.target_ticks() as i64, i64::from(self.rate) / 50);
        if delay > target + some {
            Adapt::Shorten
        } else if delay < target {
            Adapt::Lengthen
        } else {
            Adapt::Keep
        }
    }

    /// How much the stream is delayed here, compared with packets played as they come from the fastest way, while `pending`
    /// samples that were given out have not been played yet.
    pub(super) fn delay(&self, now: Instant, pending: usize) -> Duration {
        let ticks = self.slack(now).unwrap_or_default().max(0) as u64 + pending as u64;
        Duration::from_micros(ticks * 1_000_000 / u64::from(self.rate))
    }

    /// Whether the delay is far from what it should be, so that it may be changed where that is heard.
    pub(super) fn is_off(&self, now: Instant) -> bool {
        let target = self.target_ticks() as i64;
        self.slack(now).is_some_and(|slack| slack > 2 * target + i64::from(self.rate) / 25)
    }

    /// How late, in samples, the packet to be played next may be beside the fastest and still be here now.
    fn slack(&self, now: Instant) -> Option<i64> {
        let State::Playing { next, .. } = self.state else { return None };
        Some(self.ticks(now) as i64 - next as i64 - self.delays.fastest())
    }

    /// The bytes that wait, for tests.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.packets.values().map(|packet| packet.payload.len()).sum()
    }

    /// What all but one in fifty packets need.
    fn target_ticks(&self) -> u64 {
        self.delays.target()
    }

    fn restart(&mut self) {
        self.packets.clear();
        self.state = State::Waiting;
        self.newest = None;
        self.delays = Delays::new(self.rate);
    }

    /// The timestamp with the rollovers that the newest one has.
    fn extend(&self, timestamp: u32) -> u64 {
        match self.newest {
            // Far from zero, so that packets before the first have room.
            None => (1 << 33) + u64::from(timestamp),
            Some(newest) => {
                let step = i64::from(timestamp.wrapping_sub(newest as u32) as i32);
                newest.saturating_add_signed(step)
            }
        }
    }

    fn ticks(&self, now: Instant) -> u64 {
        (now.saturating_duration_since(self.began).as_nanos() * u128::from(self.rate) / 1_000_000_000) as u64
    }
}

/// How late packets have been lately, beside the fastest of them.
#[derive(Debug)]
struct Delays {
    rate: u32,
    /// The least transit time of the window before and of this one, in samples; the clocks of sender and receiver need not
    /// agree, so only differences mean something.
    fastest: (i64, i64),
    /// When this window began, in samples.
    window: u64,
    /// The share of packets by how late they were, in steps of [`STEP`].
    shares: Vec<f32>,
    count: u32,
}

impl Delays {
    fn new(rate: u32) -> Delays {
        let bins = (LONGEST.as_millis() / STEP.as_millis()) as usize;
        Delays { rate, fastest: (i64::MAX, i64::MAX), window: 0, shares: vec![0.0; bins], count: 0 }
    }

    fn note(&mut self, arrival: u64, transit: i64) {
        if arrival.saturating_sub(self.window) > u64::from(self.rate) * WINDOW {
            self.window = arrival;
            self.fastest = (self.fastest.1, i64::MAX);
        }
        self.fastest.1 = self.fastest.1.min(transit);
        let late = (transit - self.fastest()).max(0) as u64;
        let bin = ((late / self.ticks(STEP)) as usize).min(self.shares.len() - 1);
        self.count = self.count.saturating_add(1);
        // The first packets count in full, later ones make the older be forgotten.
        let new = (1.0 / self.count as f32).max(LEARNING);
        for share in &mut self.shares {
            *share *= 1.0 - new;
        }
        self.shares[bin] += new;
    }

    fn fastest(&self) -> i64 {
        let fastest = self.fastest.0.min(self.fastest.1);
        if fastest == i64::MAX { 0 } else { fastest }
    }

    /// In samples.
    fn target(&self) -> u64 {
        let mut sum = 0.0;
        let bin = self.shares.iter().position(|share| {
            sum += share;
            sum >= ENOUGH
        });
        let wanted = STEP * (bin.unwrap_or_default() as u32 + 1);
        let least = if self.count < FEW { FIRST_DELAY } else { LEAST_DELAY };
        self.ticks(wanted.clamp(least, LONGEST))
    }

    fn ticks(&self, time: Duration) -> u64 {
        time.as_millis() as u64 * u64::from(self.rate) / 1000
    }
}

/// The steps in which lateness is counted, and the most that counts.
const STEP: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_millis(500);

/// How much of the memory each packet takes.
const LEARNING: f32 = 1.0 / 500.0;

/// The share of packets that should come in time.
const ENOUGH: f32 = 0.98;

/// The delay while little is known, and the least there is: the frame that is being played.
const FIRST_DELAY: Duration = Duration::from_millis(40);
const LEAST_DELAY: Duration = Duration::from_millis(20);
const FEW: u32 = 50;

/// Seconds after which the fastest packet is looked for anew, since clocks drift.
const WINDOW: u64 = 10;

/// A timestamp so many seconds away from the newest is of another clock.
const JUMP: u64 = 10;

/// What waits here at most: two seconds of packets of 10 ms.
const MOST_PACKETS: usize = 200;

/// A delay longer than wanted by more than this is not made shorter little by little.
const MOST_BEHIND: Duration = Duration::from_millis(200);

/// After so many packets' time of nothing the stream has paused.
const MOST_DRY: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(20);

    fn payload(index: u64) -> Vec<u8> {
        index.to_be_bytes().to_vec()
    }

    fn insert(jitter: &mut Jitter, now: Instant, index: u64) -> Insertion {
        jitter.insert(now, index as u16, (160 * index) as u32, &payload(index))
    }

    fn next(jitter: &mut Jitter, now: Instant) -> Next {
        let next = jitter.next(now);
        if matches!(next, Next::Packet(_)) {
            jitter.played(160);
        }
        next
    }

    #[test]
    fn packets_leave_in_order_after_the_delay() {
        let start = Instant::now();
        let mut jitter = Jitter::new(8000, start);
        assert_eq!(next(&mut jitter, start), Next::Idle);
        for index in [0, 2, 1] {
            assert_eq!(insert(&mut jitter, start + FRAME * index, index.into()), Insertion::Taken);
        }
        assert_eq!(next(&mut jitter, start + FRAME), Next::Idle, "it waits 40 ms");
        for index in 0..3 {
            assert_eq!(next(&mut jitter, start + FRAME * (index + 2)), Next::Packet(payload(index.into())));
        }
        assert_eq!(insert(&mut jitter, start + FRAME * 5, 2), Insertion::Duplicate);
        assert_eq!(insert(&mut jitter, start + FRAME * 5, 1), Insertion::Late);
    }

    #[test]
    fn a_loss_is_told_with_what_comes_after_it() {
        let start = Instant::now();
        let mut jitter = Jitter::new(8000, start);
        for index in [0, 2, 5] {
            insert(&mut jitter, start, index);
        }
        let now = start + FRAME * 2;
        assert_eq!(next(&mut jitter, now), Next::Packet(payload(0)));
        assert_eq!(next(&mut jitter, now), Next::Lost { samples: 160, next: Some(payload(2)) });
        assert_eq!(next(&mut jitter, now), Next::Packet(payload(2)));
        assert_eq!(next(&mut jitter, now), Next::Lost { samples: 160, next: None });
        assert_eq!(next(&mut jitter, now), Next::Lost { samples: 160, next: Some(payload(5)) });
        assert_eq!(next(&mut jitter, now), Next::Packet(payload(5)));
    }

    #[test]
    fn silence_that_was_left_out_is_no_loss() {
        let start = Instant::now();
        let mut jitter = Jitter::new(8000, start);
        jitter.insert(start, 7, 0, &payload(0));
        jitter.insert(start, 8, 480, &payload(1));
        let now = start + FRAME * 2;
        assert_eq!(next(&mut jitter, now), Next::Packet(payload(0)));
        for _ in 0..2 {
            assert_eq!(next(&mut jitter, now), Next::Pause { samples: 160 });
        }
        assert_eq!(next(&mut jitter, now), Next::Packet(payload(1)));
    }

    #[test]
    fn a_stream_that_runs_dry_pauses_and_begins_again() {
        let start = Instant::now();
        let mut jitter = Jitter::new(8000, start);
        insert(&mut jitter, start, 0);
        let now = start + FRAME * 2;
        assert_eq!(next(&mut jitter, now), Next::Packet(payload(0)));
        let nothing: Vec<Next> = (1..=11).map(|tick| next(&mut jitter, now + FRAME * tick)).collect();
        assert_eq!(nothing.last(), Some(&Next::Idle));
        let later = start + Duration::from_secs(5);
        insert(&mut jitter, later, 250);
        assert_eq!(next(&mut jitter, later), Next::Idle);
        assert_eq!(next(&mut jitter, later + FRAME * 2), Next::Packet(payload(250)));
    }

    #[test]
    fn timestamps_and_sequence_numbers_roll_over() {
        let start = Instant::now();
        let mut jitter = Jitter::new(8000, start);
        for index in 0..4_u32 {
            let now = start + FRAME * index;
            let (sequence, time) = (65_534_u16.wrapping_add(index as u16), (u32::MAX - 200).wrapping_add(160 * index));
            assert_eq!(jitter.insert(now, sequence, time, &payload(index.into())), Insertion::Taken);
        }
        for index in 0..4 {
            assert_eq!(next(&mut jitter, start + FRAME * (index + 3)), Next::Packet(payload(index.into())));
        }
    }

    #[test]
    fn a_sender_whose_clock_starts_over_is_followed() {
        let start = Instant::now();
        let mut jitter = Jitter::new(8000, start);
        insert(&mut jitter, start, 0);
        assert_eq!(next(&mut jitter, start + FRAME * 2), Next::Packet(payload(0)));
        let now = start + FRAME * 3;
        jitter.insert(now, 9000, 3_000_000_000, &payload(9));
        assert_eq!(next(&mut jitter, now + FRAME * 2), Next::Packet(payload(9)));
    }

    #[test]
    fn the_delay_follows_the_jitter_both_ways() {
        let start = Instant::now();
        let mut jitter = Jitter::new(8000, start);
        let mut arrive = |from: u64, count: u64, late: fn(u64) -> u64| {
            for index in from..from + count {
                let at = start + Duration::from_millis(20 * index + late(index));
                insert(&mut jitter, at, index);
                jitter.packets.clear();
            }
            Duration::from_millis(jitter.target_ticks() / 8)
        };
        assert_eq!(arrive(0, 500, |_| 0), Duration::from_millis(20));
        let rough = arrive(500, 1500, |index| if index % 10 == 0 { 80 } else { index % 3 * 10 });
        assert!((85..=90).contains(&rough.as_millis()), "{rough:?}");
        let calm = arrive(2000, 4000, |_| 0);
        assert_eq!(calm, Duration::from_millis(20));
    }

    #[test]
    fn after_a_stall_what_is_too_late_is_left_out() {
        let start = Instant::now();
        let mut jitter = Jitter::new(8000, start);
        for index in 0..100_u32 {
            insert(&mut jitter, start + FRAME * index, index.into());
            if index < 50 {
                next(&mut jitter, start + FRAME * index);
            }
        }
        // For a second nobody asked.
        let now = start + FRAME * 100;
        let Next::Packet(first) = next(&mut jitter, now) else { panic!("something to play") };
        assert!(first >= payload(98), "{first:?}");
        assert!(jitter.delay(now, 0) < Duration::from_millis(60));
    }

    #[test]
    fn what_waits_is_bounded() {
        let start = Instant::now();
        let mut jitter = Jitter::new(8000, start);
        for index in 0..400 {
            insert(&mut jitter, start, index);
        }
        assert_eq!(jitter.packets.len(), MOST_PACKETS);
    }
}
