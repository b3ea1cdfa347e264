//! What a session hears: packets through the jitter buffer and the decoder into its sink, digits, and how well it goes.
//!
//! No network here and no clock: packets and the time come in, frames go to the sink when they are due.

use std::time::{Duration, Instant};

use super::clock::Clock;
use super::codec::{Codec, Decoder, lengthen, shorten};
use super::digits::{Digit, Hearing};
use super::frame::{Sink, Stamp};
use super::jitter::{Adapt, Insertion, Jitter, Next};
use super::level::{SILENCE, dbov};
use super::quality::{Measured, Quality};
use super::reception::{Reception, Report};
use super::resample::Resampler;
use super::speak::Kind;

/// The receiving half of a session's audio.
pub(super) struct Listener {
    codec: Codec,
    decoder: Decoder,
    jitter: Jitter,
    clock: Clock,
    sink: Box<dyn Sink>,
    resampler: Resampler,
    /// Decoded samples that are not played yet.
    pending: Vec<i16>,
    /// Samples at the sink's rate that are not given to it yet.
    converted: Vec<i16>,
    /// The sink's clock, in its samples, from the first packet on.
    given: Option<u64>,
    reception: Reception,
    counts: Counts,
    digits: Hearing,
    heard: Option<Digit>,
    level: f32,
}

/// A packet that came in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heard<'a> {
    pub(super) kind: Kind,
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    /// The clock of the timestamp, in hertz.
    pub(super) clock: u32,
    pub(super) payload: &'a [u8],
}

/// What was counted since the session began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) late: u64,
    pub(super) duplicates: u64,
    /// Samples that were made up for packets that did not come in time.
    pub(super) concealed: u64,
    /// Samples played, those among them.
    pub(super) played: u64,
    /// How often the delay was made shorter or longer.
    pub(super) adapted: u64,
    /// Of streams before this one, whose numbers had nothing to do with its own.
    expected: u64,
    lost: u64,
    gaps: u64,
}

impl Listener {
    pub(super) fn new(codec: Codec, sink: Box<dyn Sink>, now: Instant) -> Listener {
        let rate = codec.rate();
        Listener {
            codec,
            decoder: Decoder::new(codec),
            jitter: Jitter::new(rate, now),
            clock: Clock::new(now, 0, rate, PERIOD),
            resampler: Resampler::new(rate, sink.rate()),
            sink,
            pending: Vec::new(),
            converted: Vec::new(),
            given: None,
            reception: Reception::new(rate, now),
            counts: Counts::default(),
            digits: Hearing::default(),
            heard: None,
            level: SILENCE,
        }
    }

    /// Takes another sink from the next frame on.
    pub(super) fn set_sink(&mut self, sink: Box<dyn Sink>) {
        self.resampler = Resampler::new(self.codec.rate(), sink.rate());
        self.sink = sink;
        self.converted.clear();
        self.given = self.given.map(|_| 0);
    }

    /// The stream is another one from now on: another sender, with numbers of its own.
    pub(super) fn restart(&mut self, now: Instant) {
        self.counts.expected += self.reception.expected();
        self.counts.lost += self.reception.lost();
        self.counts.gaps += self.reception.gaps();
        let rate = self.codec.rate();
        self.reception = Reception::new(rate, now);
        self.jitter = Jitter::new(rate, now);
        self.digits = Hearing::default();
    }

    /// Takes a packet. Its format may be another than before.
    pub(super) fn receive(&mut self, now: Instant, packet: Heard<'_>) {
        self.counts.packets += 1;
        self.counts.bytes += packet.payload.len() as u64;
        match packet.kind {
            Kind::Event => {
                self.reception.note(now, packet.sequence, None);
                if let Some(digit) = self.digits.receive(now, packet.timestamp, packet.clock, packet.payload) {
                    self.heard.get_or_insert(digit);
                }
            }
            Kind::Audio(codec) => {
                if codec != self.codec {
                    self.switch(codec, now);
                }
                self.reception.note(now, packet.sequence, Some(packet.timestamp));
                match self.jitter.insert(now, packet.sequence, packet.timestamp, packet.payload) {
                    Insertion::Taken => {
                        if self.given.is_none() {
                            self.given = Some(0);
                            self.clock = Clock::new(now, 0, self.codec.rate(), PERIOD);
                        }
                    }
                    Insertion::Late => self.counts.late += 1,
                    Insertion::Duplicate => self.counts.duplicates += 1,
                }
            }
        }
    }

    /// A digit that was heard and not told yet.
    pub(super) fn digit(&mut self) -> Option<Digit> {
        self.heard.take()
    }

    /// When to call [`Listener::poll`] next.
    pub(super) fn due(&self) -> Option<Instant> {
        let frame = self.given.map(|_| self.clock.due());
        [frame, self.digits.due()].into_iter().flatten().min()
    }

    /// Gives the sink the frames that are due by now.
    pub(super) fn poll(&mut self, now: Instant) {
        if let Some(digit) = self.digits.expire(now) {
            self.heard.get_or_insert(digit);
        }
        if self.given.is_none() {
            return;
        }
        while let Some((_, at)) = self.clock.tick(now) {
            self.play(at);
        }
    }

    /// One frame.
    fn play(&mut self, at: Instant) {
        let samples = self.clock.samples() as usize;
        let mut silent = false;
        while self.pending.len() < samples && !silent {
            let before = self.pending.len();
            let (change, far) = (self.jitter.adapt(at), self.jitter.is_off(at));
            match self.jitter.next(at) {
                Next::Packet(payload) => {
                    let decoded = self.decoder.decode(&payload, &mut self.pending);
                    // Of what makes no sense, a frame is taken to be missing.
                    let decoded = if decoded > 0 { decoded } else { self.conceal(samples, None) };
                    self.jitter.played(decoded);
                    self.adapt(change, far, before);
                }
                Next::Lost { samples, next } => {
                    self.conceal(samples, next.as_deref());
                }
                Next::Dry => {
                    self.conceal(samples - before, None);
                }
                Next::Pause { samples } => self.pending.resize(before + samples, 0),
                Next::Idle => silent = true,
            }
        }
        self.pending.resize(self.pending.len().max(samples), 0);
        self.counts.played += samples as u64;
        self.level = dbov(&self.pending[..samples]);
        self.resampler.push(&self.pending[..samples], &mut self.converted);
        self.pending.drain(..samples);
        // The sink gets frames of 20 ms of its own, or what comes nearest.
        let rate = self.sink.rate();
        let frame = (rate / 50).max(1) as usize;
        while self.converted.len() >= frame {
            let time = self.given.get_or_insert(0);
            let stamp = Stamp { rate, time: *time, at };
            *time += frame as u64;
            self.sink.take(stamp, &self.converted[..frame]);
            self.converted.drain(..frame);
        }
    }

    fn conceal(&mut self, missing: usize, next: Option<&[u8]>) -> usize {
        self.decoder.conceal(missing, next, &mut self.pending);
        self.counts.concealed += missing as u64;
        missing
    }

    /// Makes what was just decoded a little longer or shorter where the delay is not what it should be.
    fn adapt(&mut self, change: Adapt, far: bool, from: usize) {
        let rate = self.codec.rate();
        let frame = &self.pending[from..];
        let changed = match change {
            Adapt::Keep => return,
            // Far too late already: better a joint that is heard than that.
            Adapt::Shorten => shorten(frame, rate).or_else(|| far.then(|| frame[frame.len() / 2..].to_vec())),
            Adapt::Lengthen => lengthen(frame, rate),
        };
        if let Some(changed) = changed {
            self.pending.truncate(from);
            self.pending.extend(changed);
            self.counts.adapted += 1;
        }
    }

    /// Another format: what waits in the old one is gone, and its clock with it.
    fn switch(&mut self, codec: Codec, now: Instant) {
        let rate = codec.rate();
        if rate != self.codec.rate() {
            self.restart_clock(rate, now);
        }
        self.codec = codec;
        self.decoder = Decoder::new(codec);
    }

    fn restart_clock(&mut self, rate: u32, now: Instant) {
        self.jitter = Jitter::new(rate, now);
        self.resampler = Resampler::new(rate, self.sink.rate());
        self.pending.clear();
        self.clock = Clock::new(now, 0, rate, PERIOD);
        self.digits = Hearing::default();
    }

    /// The format heard last, or agreed on.
    pub(super) fn codec(&self) -> Codec {
        self.codec
    }

    /// The level of the last frame in dBov.
    pub(super) fn level(&self) -> f32 {
        self.level
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// How many samples and bytes are kept here, for tests.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.pending.capacity() + self.converted.capacity() + self.jitter.held()
    }

    /// What RTCP reports of the stream.
    pub(super) fn report(&mut self) -> Report {
        self.reception.report()
    }

    /// Packets the network lost.
    pub(super) fn lost(&self) -> u64 {
        self.counts.lost + self.reception.lost()
    }

    pub(super) fn quality(&self, now: Instant, round_trip: Option<Duration>) -> Quality {
        let late = self.counts.late;
        Quality::of(&Measured {
            codec: self.codec,
            expected: self.counts.expected + self.reception.expected(),
            lost: self.lost(),
            late,
            gaps: self.counts.gaps + self.reception.gaps() + late,
            jitter: self.reception.jitter(),
            round_trip,
            buffered: self.jitter.delay(now, self.pending.len()),
        })
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("codec", &self.codec).field("counts", &self.counts).finish_non_exhaustive()
    }
}

/// The frames of playing.
const PERIOD: Duration = Duration::from_millis(20);
