//! Two sessions over a path that loses, delays and reorders, in virtual time: what is heard, and what the figures say of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use offhook_core::sdp::Direction;

use super::session::Session;
use super::session_tests::{ALICE, BOB, Ear, address, agreed, can, session};
use crate::media::codec::Codec;
use crate::media::frame::Source;
use crate::media::stats::Stats;
use crate::media::{Tone, tone_level};

/// What a path does to packets.
#[derive(Clone, Copy)]
struct Conditions {
    /// One way, at least.
    delay: Duration,
    /// Up to this much more, evenly.
    jitter: Duration,
    /// The share that is lost.
    loss: f64,
    /// Packets that are lost in a row, where one is.
    burst: u32,
    /// The share that comes 50 ms later than it would.
    reordered: f64,
    /// How much faster Bob's clock is than Alice's, in millionths.
    drift: u32,
}

const GOOD: Conditions = Conditions {
    delay: Duration::from_millis(20),
    jitter: Duration::ZERO,
    loss: 0.0,
    burst: 1,
    reordered: 0.0,
    drift: 0,
};

struct World {
    start: Instant,
    now: Instant,
    conditions: Conditions,
    alice: Session,
    bob: Session,
    at_bob: Ear,
    flying: BTreeMap<(Instant, u64), (bool, Vec<u8>)>,
    sent: u64,
    losing: [u32; 2],
    random: u64,
    /// How finely time passes.
    step: Duration,
}

impl World {
    fn new(codec: Codec, conditions: Conditions, source: impl Source + 'static) -> World {
        let start = Instant::now();
        let can = can(codec, None, 0);
        let (ours, theirs) = agreed(&can, &can, Direction::SendRecv);
        let at_bob = Ear::default();
        World {
            start,
            now: start,
            conditions,
            alice: session(&ours, source, &Ear::default(), start, 1),
            bob: session(&theirs, Tone::new(800.0).source(8000), &at_bob, start, 2),
            at_bob,
            flying: BTreeMap::new(),
            sent: 0,
            losing: [0; 2],
            random: 4,
            step: Duration::from_millis(1),
        }
    }

    fn chance(&mut self) -> f64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Bob's clock.
    fn of_bob(&self, now: Instant) -> Instant {
        let since = now - self.start;
        now + since.mul_f64(f64::from(self.conditions.drift) / 1e6)
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            let now = self.now;
            let bobs = self.of_bob(now);
            let arrived: Vec<_> = self.flying.range(..=(now, u64::MAX)).map(|(key, _)| *key).collect();
            for key in arrived {
                let Some((to_bob, bytes)) = self.flying.remove(&key) else { continue };
                match to_bob {
                    true => self.bob.receive(bobs, address(ALICE), &bytes),
                    false => self.alice.receive(now, address(BOB), &bytes),
                }
            }
            while let Some(datagram) = self.alice.poll(now) {
                self.send(true, datagram.bytes);
            }
            while let Some(datagram) = self.bob.poll(bobs) {
                self.send(false, datagram.bytes);
            }
            self.now += self.step;
        }
    }

    fn send(&mut self, to_bob: bool, bytes: Vec<u8>) {
        let Conditions { delay, jitter, loss, burst, reordered, .. } = self.conditions;
        let way = usize::from(to_bob);
        if self.losing[way] == 0 && self.chance() < loss / f64::from(burst) {
            self.losing[way] = burst;
        }
        if self.losing[way] > 0 {
            self.losing[way] -= 1;
            return;
        }
        let more = jitter.mul_f64(self.chance());
        let late = if self.chance() < reordered { Duration::from_millis(50) } else { Duration::ZERO };
        self.sent += 1;
        self.flying.insert((self.now + delay + more + late, self.sent), (to_bob, bytes));
    }

    fn at_bob(&self) -> Stats {
        self.bob.stats(self.of_bob(self.now))
    }
}

/// Half a minute of a tone over a path: how loud it is at the other end, and what the figures say.
fn half_a_minute(codec: Codec, conditions: Conditions) -> (f64, Stats) {
    let mut world = World::new(codec, conditions, Tone::new(1000.0).source(8000));
    world.run(Duration::from_secs(30));
    let heard = world.at_bob.heard();
    (loudness(&heard[heard.len() / 10..]), world.at_bob())
}

/// The level of the tone in the middle one of all tenths of a second: where a period more or less was played the phase is
/// another, which is not heard, but would count over a longer time.
fn loudness(heard: &[i16]) -> f64 {
    let mut levels: Vec<f64> = heard.chunks_exact(800).map(|part| tone_level(part, 8000, 1000.0)).collect();
    levels.sort_by(f64::total_cmp);
    levels[levels.len() / 2]
}

#[test]
fn a_good_path_is_as_good_as_a_telephone() {
    let (level, stats) = half_a_minute(Codec::Pcmu, GOOD);
    let quality = stats.quality.unwrap();
    assert!((level + 20.0).abs() < 0.3, "{level}");
    assert!(quality.mos > 4.3 && quality.loss == 0.0 && quality.late == 0.0, "{quality:?}");
    assert_eq!(stats.concealed, Duration::ZERO);
    assert!(quality.buffered <= Duration::from_millis(45), "{quality:?}");
    let trip = quality.round_trip.unwrap().as_millis();
    assert!((39..=42).contains(&trip), "{trip} ms there and back");
    assert!(quality.jitter <= Duration::from_millis(1), "{quality:?}");
}

#[test]
fn jitter_is_taken_up_by_the_buffer() {
    let conditions = Conditions { jitter: Duration::from_millis(60), ..GOOD };
    let (level, stats) = half_a_minute(Codec::Pcmu, conditions);
    let quality = stats.quality.unwrap();
    assert!(level > -22.0, "{level}");
    assert!(quality.late < 0.03, "{quality:?}");
    assert!((50..=110).contains(&quality.buffered.as_millis()), "{quality:?}");
    assert!((10..=30).contains(&quality.jitter.as_millis()), "{quality:?}");
    assert!(quality.mos > 4.0, "{quality:?}");
}

#[test]
fn losses_are_counted_made_up_for_and_scored() {
    for (loss, burst, mos) in [(0.01, 1, 4.2), (0.05, 1, 3.75), (0.05, 3, 3.8), (0.15, 1, 2.9)] {
        let (level, stats) = half_a_minute(Codec::Pcmu, Conditions { loss, burst, ..GOOD });
        let quality = stats.quality.unwrap();
        assert!((quality.loss - loss).abs() < loss / 2.0, "{quality:?}");
        assert!((quality.mos - mos).abs() < 0.35, "{loss} in {burst}: {quality:?}");
        let concealed = stats.concealed.as_secs_f64() / 30.0;
        assert!((concealed - quality.loss).abs() < 0.02, "{concealed} made up, {quality:?}");
        assert!(level > -23.0, "{loss} in {burst}: {level}");
        assert_eq!(stats.packets_late, 0);
    }
}

#[test]
fn packets_out_of_order_are_put_in_order() {
    let (level, stats) = half_a_minute(Codec::Pcma, Conditions { reordered: 0.1, ..GOOD });
    let quality = stats.quality.unwrap();
    assert!((level + 20.0).abs() < 1.0, "{level}");
    assert!(quality.loss == 0.0 && quality.late < 0.03, "{quality:?}");
    assert!(quality.mos > 4.1, "{quality:?}");
}

#[test]
fn opus_makes_up_for_losses_too() {
    let conditions = Conditions { loss: 0.05, jitter: Duration::from_millis(20), ..GOOD };
    let (level, stats) = half_a_minute(Codec::Opus, conditions);
    let quality = stats.quality.unwrap();
    assert!(level > -22.0, "{level}");
    assert!((0.03..0.08).contains(&quality.loss) && quality.mos > 3.5, "{quality:?}");
}

#[test]
fn a_minute_of_bad_path_is_forgotten_when_it_gets_better() {
    let mut world = World::new(
        Codec::Pcmu,
        Conditions { jitter: Duration::from_millis(120), ..GOOD },
        Tone::new(1000.0).source(8000),
    );
    world.run(Duration::from_secs(20));
    assert!(world.at_bob().quality.unwrap().buffered > Duration::from_millis(80));
    world.conditions = GOOD;
    world.run(Duration::from_secs(60));
    assert!(world.at_bob().quality.unwrap().buffered < Duration::from_millis(60), "{:?}", world.at_bob());
    let late = world.at_bob().packets_late;
    world.at_bob.forget();
    world.run(Duration::from_secs(5));
    let heard = world.at_bob.heard();
    assert!(loudness(&heard) > -20.6);
    assert_eq!(world.at_bob().packets_late, late);
}

#[test]
fn an_hour_with_clocks_that_differ_leaves_nothing_behind() {
    let conditions = Conditions { drift: 200, jitter: Duration::from_millis(10), loss: 0.01, ..GOOD };
    let mut world = World::new(Codec::Pcmu, conditions, Tone::new(1000.0).source(8000));
    world.step = Duration::from_millis(10);
    let mut sizes = Vec::new();
    for _ in 0..60 {
        world.at_bob.forget();
        world.run(Duration::from_secs(60));
        let buffered = world.at_bob().quality.unwrap().buffered;
        assert!(buffered < Duration::from_millis(90), "{buffered:?}");
        sizes.push(world.bob.voice().listener.held() + world.alice.voice().listener.held());
    }
    // What waits is bounded by the jitter, not by the time.
    assert!(sizes.iter().all(|size| *size < 4000), "{sizes:?}");
    let heard = world.at_bob.heard();
    assert!((loudness(&heard) + 20.0).abs() < 1.0, "after an hour it is still the tone");
    assert!(world.at_bob().packets_late < 2000, "{:?}", world.at_bob());
}
