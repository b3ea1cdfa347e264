//! Two sessions, or one and a stranger, with no network between them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use offhook_core::sdp::negotiate::{self, Capabilities, Local, Stream};
use offhook_core::sdp::{Crypto, CryptoSuite, Direction};
use rtp_types::RtpPacket;

use super::latch::Latching;
use super::report::Wall;
use super::session::{Session, Settings, Transmit};
use crate::media::agree::formats;
use crate::media::codec::Codec;
use crate::media::frame::{Silence, Sink, Source, Stamp};
use crate::media::stats::Connection;
use crate::media::{Tone, tone_level};

/// A sink that keeps what it is given.
#[derive(Clone, Default)]
pub(in crate::media) struct Ear(Arc<Mutex<Vec<i16>>>);

impl Ear {
    pub(in crate::media) fn heard(&self) -> Vec<i16> {
        self.0.lock().unwrap().clone()
    }

    pub(super) fn forget(&self) {
        self.0.lock().unwrap().clear();
    }
}

impl Sink for Ear {
    fn rate(&self) -> u32 {
        8000
    }

    fn take(&mut self, _: Stamp, frame: &[i16]) {
        self.0.lock().unwrap().extend_from_slice(frame);
    }
}

pub(in crate::media) const ALICE: &str = "192.0.2.1:4000";
pub(in crate::media) const BOB: &str = "192.0.2.2:5000";

pub(in crate::media) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(super) fn can(codec: Codec, suite: Option<CryptoSuite>, fill: u8) -> Capabilities {
    let crypto = suite.map(|suite| Crypto::new(1, suite, &vec![fill; suite.material_length()]).unwrap());
    Capabilities {
        codecs: vec![codec.in_sdp()],
        secure: crypto.is_some(),
        crypto: crypto.into_iter().collect(),
        rtcp_mux: true,
        ..Capabilities::default()
    }
}

/// The streams that two ends agree on, the offerer's first, and what may come in.
pub(super) type Side = (Stream, Vec<(u8, crate::media::speak::Kind, u32)>);

pub(super) fn agreed(offerer: &Capabilities, answerer: &Capabilities, direction: Direction) -> (Side, Side) {
    let local = |at: &str, direction| {
        let at = address(at);
        Local { direction, ..Local::new(at.ip(), at.port()) }
    };
    let offer = negotiate::offer(offerer, &local(ALICE, direction));
    let (answer, theirs) = negotiate::answer(&offer.view(), answerer, &local(BOB, Direction::SendRecv)).unwrap();
    let ours = negotiate::complete(&offer.view(), &answer.view()).unwrap();
    ((ours, formats(&offer.view(), 0)), (theirs, formats(&answer.view(), 0)))
}

pub(super) fn session(side: &Side, source: impl Source + 'static, ear: &Ear, start: Instant, seed: u64) -> Session {
    let wall = Wall { at: start, ntp: seed << 40 };
    let (source, sink) = (Box::new(source), Box::new(ear.clone()));
    let settings = Settings { source, sink, latching: Latching::SameHost, wall, seed };
    Session::new(&side.0, side.1.clone(), settings, start).unwrap()
}

/// Both for some time, with nothing in between.
fn talk(alice: &mut Session, bob: &mut Session, from: Instant, time: Duration) {
    let mut now = from;
    while now < from + time {
        for datagram in std::iter::from_fn(|| alice.poll(now)).collect::<Vec<Transmit>>() {
            assert_eq!(datagram.to, address(BOB));
            bob.receive(now, address(ALICE), &datagram.bytes);
        }
        for datagram in std::iter::from_fn(|| bob.poll(now)).collect::<Vec<Transmit>>() {
            assert_eq!(datagram.to, address(ALICE));
            alice.receive(now, address(BOB), &datagram.bytes);
        }
        now = alice.due().min(bob.due()).max(now + Duration::from_micros(1));
    }
}

#[test]
fn a_tone_is_heard_as_it_was_said_in_every_format_and_suite() {
    let start = Instant::now();
    let suites = [None, Some(CryptoSuite::AesCm128HmacSha1_80), Some(CryptoSuite::AeadAes256Gcm)];
    for (codec, suite) in Codec::ALL.into_iter().zip(suites) {
        let (ours, theirs) = agreed(&can(codec, suite, 1), &can(codec, suite, 2), Direction::SendRecv);
        let (at_alice, at_bob) = (Ear::default(), Ear::default());
        let mut alice = session(&ours, Tone::new(1000.0).source(16_000), &at_alice, start, 1);
        let mut bob = session(&theirs, Tone::new(700.0).source(8000), &at_bob, start, 2);
        talk(&mut alice, &mut bob, start, Duration::from_secs(10));
        for (ear, frequency) in [(&at_bob, 1000.0), (&at_alice, 700.0)] {
            let heard = ear.heard();
            let level = tone_level(&heard[8000..72_000], 8000, frequency);
            assert!((level + 20.0).abs() < 1.0, "{codec:?}: {level} dBov at {frequency} Hz");
        }
        let stats = alice.stats(start + Duration::from_secs(10));
        assert_eq!((stats.encrypted, stats.codec, stats.packets_sent), (suite.is_some(), Some(codec), 500));
        assert_eq!((stats.packets_lost, stats.packets_late, stats.connection), (0, 0, Connection::Connected));
        assert!(stats.quality.unwrap().mos > 4.3, "{stats:?}");
        assert!(stats.theirs.is_some(), "a report came within ten seconds");
        assert_eq!(stats.quality.unwrap().round_trip.map(|trip| trip.as_millis()), Some(0));
    }
}

// RFC 3550 8.2: a loop is not a collision
#[test]
fn a_mirror_is_heard_and_the_number_of_the_source_changes_once() {
    let start = Instant::now();
    let can = can(Codec::Pcmu, None, 0);
    let (ours, _) = agreed(&can, &can, Direction::SendRecv);
    let ear = Ear::default();
    let mut alice = session(&ours, Tone::new(1000.0).source(8000), &ear, start, 1);
    let (mut now, mut sources) = (start, Vec::new());
    while now < start + Duration::from_secs(4) {
        for datagram in std::iter::from_fn(|| alice.poll(now)).collect::<Vec<Transmit>>() {
            if let Some(source) = RtpPacket::parse(&datagram.bytes).ok().filter(|packet| packet.payload_type() == 0) {
                sources.push(source.ssrc());
            }
            alice.receive(now, address(BOB), &datagram.bytes);
        }
        now = alice.due().max(now + Duration::from_micros(1));
    }
    sources.dedup();
    assert_eq!(sources.len(), 2);
    let level = tone_level(&ear.heard()[8000..24_000], 8000, 1000.0);
    assert!((level + 20.0).abs() < 1.0, "{level} dBov");
}

#[test]
fn hold_stops_one_direction_and_a_new_description_moves_the_other() {
    let start = Instant::now();
    let can = can(Codec::Pcmu, None, 0);
    let (ours, theirs) = agreed(&can, &can, Direction::SendRecv);
    let (at_alice, at_bob) = (Ear::default(), Ear::default());
    let mut alice = session(&ours, Tone::new(1000.0).source(8000), &at_alice, start, 1);
    let mut bob = session(&theirs, Tone::new(1000.0).source(8000), &at_bob, start, 2);
    talk(&mut alice, &mut bob, start, Duration::from_secs(1));
    let (ours, theirs) = agreed(&can, &can, Direction::SendOnly);
    let later = start + Duration::from_secs(1);
    alice.change(&ours.0, ours.1, later).unwrap();
    bob.change(&theirs.0, theirs.1, later).unwrap();
    let sent = bob.stats(later).packets_sent;
    at_bob.forget();
    talk(&mut alice, &mut bob, later, Duration::from_secs(1));
    let stats = bob.stats(later + Duration::from_secs(1));
    assert_eq!((stats.packets_sent, stats.sending, stats.receiving), (sent, false, true));
    assert!(tone_level(&at_bob.heard()[1600..], 8000, 1000.0) > -21.0);
    let (ours, _) = agreed(&can, &can, Direction::SendRecv);
    let mut moved = ours.0;
    (moved.remote_port, moved.remote_rtcp_port) = (5010, 5010);
    let again = later + Duration::from_secs(1);
    alice.change(&moved, ours.1, again).unwrap();
    assert_eq!(
        alice.poll(again + Duration::from_millis(20)).map(|datagram| datagram.to),
        Some(address("192.0.2.2:5010"))
    );
}

#[test]
fn digits_arrive_and_packets_of_audio_give_way_to_them() {
    let start = Instant::now();
    let can = can(Codec::Pcmu, None, 0);
    let (ours, theirs) = agreed(&can, &can, Direction::SendRecv);
    let mut alice = session(&ours, Silence, &Ear::default(), start, 1);
    let mut bob = session(&theirs, Silence, &Ear::default(), start, 2);
    assert!(alice.says_digits());
    for tone in "42#".chars() {
        assert!(alice.voice().speaker.press(tone, Duration::from_millis(100)));
    }
    let (mut digits, mut now) = (String::new(), start);
    for _ in 0..100 {
        talk(&mut alice, &mut bob, now, Duration::from_millis(20));
        now += Duration::from_millis(20);
        digits.extend(bob.digit().map(|digit| digit.tone));
    }
    assert_eq!(digits, "42#");
    assert_eq!(bob.stats(now).packets_lost, 0);
}

#[test]
fn strangers_are_not_heard_and_whatever_they_send_does_no_harm() {
    let start = Instant::now();
    for suite in [None, Some(CryptoSuite::AesCm128HmacSha1_80)] {
        let (ours, theirs) = agreed(&can(Codec::Pcmu, suite, 1), &can(Codec::Pcmu, suite, 2), Direction::SendRecv);
        let ear = Ear::default();
        let mut alice = session(&ours, Tone::new(1000.0).source(8000), &Ear::default(), start, 1);
        let mut bob = session(&theirs, Silence, &ear, start, 2);
        let mut stranger = session(
            &agreed(&can(Codec::Pcmu, None, 3), &can(Codec::Pcmu, None, 3), Direction::SendRecv).0,
            Tone::new(300.0).source(8000),
            &Ear::default(),
            start,
            3,
        );
        let mut state = 9_u64;
        for tick in 0..200 {
            let now = start + Duration::from_millis(20) * tick;
            for datagram in std::iter::from_fn(|| stranger.poll(now)).collect::<Vec<_>>() {
                bob.receive(now, address("198.51.100.66:4000"), &datagram.bytes);
                // From where Alice is, but broken.
                let mut bytes = datagram.bytes;
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                bytes[0] = (state >> 33) as u8 & 0x3f;
                bytes.truncate((state >> 40) as usize % bytes.len());
                bob.receive(now, address(ALICE), &bytes);
            }
            talk(&mut alice, &mut bob, now, Duration::from_millis(20));
        }
        let heard = ear.heard();
        assert!(tone_level(&heard[8000..], 8000, 1000.0) > -21.0 && tone_level(&heard[8000..], 8000, 300.0) < -60.0);
        assert_eq!(bob.stats(start).packets_lost, 0, "with {suite:?}");
    }
}

#[test]
fn another_sender_takes_over_and_a_farewell_is_noticed() {
    let start = Instant::now();
    let can = can(Codec::Pcmu, None, 0);
    let (ours, theirs) = agreed(&can, &can, Direction::SendRecv);
    let ear = Ear::default();
    let mut bob = session(&theirs, Silence, &ear, start, 2);
    let mut now = start;
    for (seed, frequency) in [(11, 500.0), (12, 900.0)] {
        let mut alice = session(&ours, Tone::new(frequency).source(8000), &Ear::default(), now, seed);
        ear.forget();
        talk(&mut alice, &mut bob, now, Duration::from_secs(2));
        now += Duration::from_secs(2);
        let heard = ear.heard();
        assert!(tone_level(&heard[4000..], 8000, frequency) > -21.5, "{frequency} Hz");
        if seed == 12 {
            let bye = alice.close(now).expect("a farewell");
            assert_eq!(alice.stats(now).connection, Connection::Closed);
            assert_eq!(alice.poll(now + Duration::from_secs(9)), None);
            bob.receive(now, address(ALICE), &bye.bytes);
        }
    }
    assert_eq!(bob.stats(now).connection, Connection::Disconnected);
    assert_eq!(bob.stats(now).packets_lost, 0, "the numbers of the two have nothing to do with each other");
}
