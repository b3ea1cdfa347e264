//! Two peers with no network between them, in virtual time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::net::Transmit;

use super::senders::source_of;
use super::{Parts, Peer};
use crate::media::codec::Codec;
use crate::media::rtp::session_tests::{ALICE, BOB, Ear, address};
use crate::media::stats::Connection;
use crate::media::{Tone, tone_level};

fn parts(frequency: f64, ear: &Ear, seed: u64) -> Parts {
    let source = Box::new(Tone::new(frequency).source(16_000));
    Parts { source, sink: Box::new(ear.clone()), period: Duration::from_millis(20), seed }
}

/// To connect, and to say a tone for more than a second.
const TALK: Duration = Duration::from_millis(2500);

/// Somebody with a peer and an ear.
struct Person {
    address: SocketAddr,
    peer: Peer,
    ear: Ear,
}

impl Person {
    /// Makes an offer, and says a tone.
    fn calls(codecs: &[Codec], frequency: f64, now: Instant) -> (Person, String) {
        let (address, ear) = (address(ALICE), Ear::default());
        let (peer, offer) = Peer::offer(codecs, [address].into_iter(), parts(frequency, &ear, 1), now).unwrap();
        (Person { address, peer, ear }, offer)
    }

    /// Answers an offer at an address, and says a tone.
    fn answers(offer: &str, at: &str, codecs: &[Codec], frequency: f64, now: Instant) -> (Person, String) {
        let (address, ear) = (address(at), Ear::default());
        let (peer, answer) =
            Peer::answer(offer, codecs, [address].into_iter(), parts(frequency, &ear, 2), now).unwrap();
        (Person { address, peer, ear }, answer)
    }

    /// Asserts that in the last second a tone was heard as loud as it was said, and another was not.
    fn hears(&self, frequency: f64, but: f64, what: &str) {
        let (level, other) = (self.level(frequency), self.level(but));
        assert!((level + 20.0).abs() < 0.5, "{what}: {level} dBov at {frequency} Hz");
        assert!(other < -50.0, "{what}: {other} dBov at {but} Hz");
    }

    /// The level of a tone in the middle one of the last ten tenths of a second: where the delay was changed in between, the
    /// phase is another.
    fn level(&self, frequency: f64) -> f64 {
        let heard = self.ear.heard();
        let last = &heard[heard.len().saturating_sub(8000)..];
        let mut levels: Vec<f64> = last.chunks(800).map(|part| tone_level(part, 8000, frequency)).collect();
        levels.sort_by(f64::total_cmp);
        levels.get(levels.len() / 2).copied().unwrap_or(-127.0)
    }
}

/// Moves datagrams among them, and time; `seen` sees each datagram.
fn run(people: &mut [&mut Person], now: &mut Instant, time: Duration, mut seen: impl FnMut(&Transmit)) {
    let end = *now + time;
    while *now < end {
        let mut datagrams = Vec::new();
        for person in people.iter_mut() {
            datagrams.extend(std::iter::from_fn(|| person.peer.poll(*now)));
        }
        for datagram in datagrams {
            seen(&datagram);
            let to = people.iter_mut().find(|person| person.address == datagram.destination);
            if let Some(person) = to {
                person.peer.receive(*now, datagram.source, datagram.destination, &datagram.contents);
            }
        }
        *now += Duration::from_millis(1);
    }
}

/// Two who talk: Alice at 1000 Hz, Bob at 600 Hz. Each reads of the other's description what `filter` leaves of it.
struct Pair {
    alice: Person,
    bob: Person,
    now: Instant,
}

impl Pair {
    fn new(codecs: &[Codec], filter: impl Fn(&str) -> String) -> Pair {
        let now = Instant::now();
        let (mut alice, offer) = Person::calls(codecs, 1000.0, now);
        let (bob, answer) = Person::answers(&filter(&offer), BOB, codecs, 600.0, now);
        alice.peer.accept(&filter(&answer), false, now).unwrap();
        Pair { alice, bob, now }
    }

    fn run(&mut self, time: Duration, seen: impl FnMut(&Transmit)) {
        run(&mut [&mut self.alice, &mut self.bob], &mut self.now, time, seen);
    }

    /// Asserts that each hears the other's tone as it was said, and not his own.
    fn both_hear(&self, what: &str) {
        self.bob.hears(1000.0, 600.0, what);
        self.alice.hears(600.0, 1000.0, what);
    }
}

/// Without what names the sources of a stream: no `a=ssrc`, and no header extensions.
fn without_sources(description: &str) -> String {
    let names =
        |line: &&str| ["a=ssrc:", "a=ssrc-group:", "a=msid:", "a=extmap:"].iter().any(|name| line.starts_with(name));
    description.lines().filter(|line| !names(line)).flat_map(|line| [line, "\r\n"]).collect()
}

/// Whether a datagram is a packet of RTP with something in its header extension.
fn is_extended(datagram: &Transmit) -> bool {
    let is_rtp = source_of(&datagram.contents).is_some() && datagram.contents[0] & 0x10 != 0;
    is_rtp && datagram.contents[14..16] != [0, 0]
}

#[test]
fn a_tone_is_heard_as_it_was_said() {
    for codec in Codec::ALL {
        let mut pair = Pair::new(&[codec], str::to_owned);
        pair.run(TALK, |_| {});
        pair.both_hear(&format!("{codec:?}"));
    }
}

#[test]
fn a_peer_is_heard_that_names_no_source() {
    for codec in Codec::ALL {
        let mut pair = Pair::new(&[codec], without_sources);
        pair.run(TALK, |datagram| assert!(!is_extended(datagram), "nothing names the stream"));
        pair.both_hear(&format!("{codec:?}"));
        let stats = pair.alice.peer.stats(pair.now);
        assert_eq!((stats.connection, stats.packets_lost), (Connection::Connected, 0), "{codec:?}");
    }
}

#[test]
fn sources_that_a_stranger_makes_up_disturb_nobody() {
    let mut pair = Pair::new(&[Codec::Pcmu], without_sources);
    for number in 0_u32..250 {
        pair.run(Duration::from_millis(10), |_| {});
        let mut forged = vec![0x80, 0, 0, 1, 0, 0, 0, 2];
        forged.extend((number * 7 + 1).to_be_bytes());
        forged.extend([0; 170]);
        pair.bob.peer.receive(pair.now, address(ALICE), address(BOB), &forged);
    }
    pair.both_hear("among strangers");
    assert_eq!(pair.bob.peer.stats(pair.now).packets_lost, 0);
}

const CAROL: &str = "192.0.2.3:6000";

#[test]
fn who_sends_early_media_is_heard_before_the_answer_and_after_it() {
    let mut now = Instant::now();
    let (mut alice, offer) = Person::calls(&[Codec::Opus], 1000.0, now);
    let (mut bob, answer) = Person::answers(&offer, BOB, &[Codec::Opus], 600.0, now);
    alice.peer.accept(&answer, true, now).unwrap();
    run(&mut [&mut alice, &mut bob], &mut now, TALK, |_| {});
    alice.hears(600.0, 1000.0, "before the answer");
    alice.peer.accept(&answer, false, now).unwrap();
    run(&mut [&mut alice, &mut bob], &mut now, TALK, |_| {});
    alice.hears(600.0, 1000.0, "after the answer");
    bob.hears(1000.0, 600.0, "after the answer");
    assert_eq!(alice.peer.stats(now).packets_lost, 0);
    assert!(alice.peer.accept(&answer, false, now).is_err(), "nothing is offered any more");
}

#[test]
fn another_fork_answers_than_the_one_that_was_heard() {
    let mut now = Instant::now();
    let (mut alice, offer) = Person::calls(&[Codec::Pcmu], 1000.0, now);
    let (mut bob, early) = Person::answers(&offer, BOB, &[Codec::Pcmu], 600.0, now);
    let (mut carol, answer) = Person::answers(&offer, CAROL, &[Codec::Pcmu], 800.0, now);
    for answer in [&early, &answer] {
        alice.peer.accept(answer, true, now).unwrap();
    }
    run(&mut [&mut alice, &mut bob, &mut carol], &mut now, TALK, |_| {});
    alice.hears(600.0, 800.0, "the first that sent early media");

    alice.peer.accept(&answer, false, now).unwrap();
    run(&mut [&mut alice, &mut bob, &mut carol], &mut now, TALK, |_| {});
    alice.hears(800.0, 600.0, "the one that answered");
    carol.hears(1000.0, 600.0, "the one that answered");
    // It goes on as every call does.
    let hold = alice.peer.offer_hold(true).unwrap();
    let held = carol.peer.reoffer(&hold, std::iter::empty(), now).unwrap();
    alice.peer.accept(&held, false, now).unwrap();
    assert!(!carol.peer.stats(now).sending && carol.peer.stats(now).receiving);
}

#[test]
fn an_early_answer_that_cannot_be_used_does_not_spoil_the_last_one() {
    let mut now = Instant::now();
    let (mut alice, offer) = Person::calls(&[Codec::Pcma], 1000.0, now);
    let (mut bob, answer) = Person::answers(&offer, BOB, &[Codec::Pcma], 600.0, now);
    let unusable = answer.replace("a=fingerprint:", "a=nothing:");
    assert!(alice.peer.accept(&unusable, true, now).is_err());
    alice.peer.accept(&answer, false, now).unwrap();
    run(&mut [&mut alice, &mut bob], &mut now, TALK, |_| {});
    alice.hears(600.0, 1000.0, "all the same");
}
