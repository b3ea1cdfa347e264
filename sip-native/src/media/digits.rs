//! Telephone events (RFC 4733): the digits somebody presses, both ways.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A digit that was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digit {
    /// `0`-`9`, `*`, `#`, `A`-`D`.
    pub tone: char,
    /// For how long, as far as is known.
    pub duration: Duration,
    /// How it came.
    pub by: DigitBy,
}

/// How a digit came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DigitBy {
    /// As a telephone event (RFC 4733).
    Rtp,
    /// By INFO.
    Info,
}

/// The digits in the order of their event codes (RFC 4733 3.2).
const EVENTS: &[u8; 16] = b"0123456789*#ABCD";

/// The event code of a digit.
pub(super) fn event_of(tone: char) -> Option<u8> {
    let tone = tone.to_ascii_uppercase();
    EVENTS.iter().position(|known| char::from(*known) == tone).and_then(|code| u8::try_from(code).ok())
}

/// Collects the digits out of telephone-event packets.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    current: Option<Event>,
    /// The timestamp of the last event that is over; late packets have the same.
    last: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Event {
    code: u8,
    timestamp: u32,
    duration: u16,
    /// The clock of its timestamp, in hertz.
    rate: u32,
    heard: Instant,
}

impl Hearing {
    /// Takes a telephone-event payload with its timestamp, whose clock has `rate` hertz. Returns a digit that is over by it.
    pub(super) fn receive(&mut self, now: Instant, timestamp: u32, rate: u32, payload: &[u8]) -> Option<Digit> {
        let [code, flags, high, low, ..] = payload else { return None };
        let duration = u16::from_be_bytes([*high, *low]);
        let over = flags & 0x80 != 0;
        // A packet of an earlier event is a late repetition of its end, unless the sender's clock started over.
        if self.last.is_some_and(|last| last.wrapping_sub(timestamp) < LATE) {
            return None;
        }
        match &mut self.current {
            Some(event) if event.timestamp == timestamp => {
                event.duration = event.duration.max(duration);
                event.heard = now;
                if over { self.end() } else { None }
            }
            Some(event) if event.timestamp.wrapping_sub(timestamp) < LATE => None,
            _ => {
                // The end of the one before was lost.
                let before = self.end();
                self.current = Some(Event { code: *code, timestamp, duration, rate, heard: now });
                if over && before.is_none() { self.end() } else { before }
            }
        }
    }

    /// When to call [`Hearing::expire`].
    pub(super) fn due(&self) -> Option<Instant> {
        self.current.map(|event| event.heard + SILENT)
    }

    /// A digit of which nothing was heard for long is over.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Digit> {
        self.due().filter(|due| *due <= now).and_then(|_| self.end())
    }

    fn end(&mut self) -> Option<Digit> {
        let event = self.current.take()?;
        self.last = Some(event.timestamp);
        let tone = EVENTS.get(usize::from(event.code)).map(|tone| char::from(*tone))?;
        let duration = Duration::from_micros(u64::from(event.duration) * 1_000_000 / u64::from(event.rate.max(1)));
        Some(Digit { tone, duration, by: DigitBy::Rtp })
    }
}

/// Digits on their way out. While one is spoken, its packets take the place of audio.
#[derive(Debug, Default)]
pub(super) struct Speaking {
    waiting: VecDeque<(u8, Duration)>,
    current: Option<Spoken>,
    /// Samples of audio that must pass before the next.
    gap: u64,
}

#[derive(Debug, Clone, Copy)]
struct Spoken {
    code: u8,
    /// Of the timestamp, when it began.
    began: u32,
    samples: u64,
    length: u64,
    /// Packets of its end that are still to be sent.
    ends: u8,
}

/// A packet of a digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EventPacket {
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    pub(super) payload: [u8; 4],
}

impl Speaking {
    /// Adds a digit behind those that wait. Returns whether there was room.
    pub(super) fn push(&mut self, code: u8, duration: Duration) -> bool {
        let room = self.waiting.len() < MOST_DIGITS;
        if room {
            self.waiting.push_back((code, duration.clamp(SHORTEST, LONGEST)));
        }
        room
    }

    /// Whether nothing is left to be said.
    pub(super) fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.current.is_none()
    }

    /// What to send in the place of a frame of `samples` of audio at this timestamp, at `rate`; nothing: the audio.
    pub(super) fn next(&mut self, timestamp: u32, samples: u64, rate: u32) -> Option<EventPacket> {
        let mut marker = false;
        if self.current.is_none() {
            self.gap = self.gap.saturating_sub(samples);
            if self.gap > 0 {
                return None;
            }
            let (code, duration) = self.waiting.pop_front()?;
            let length = (duration.as_millis() as u64 * u64::from(rate) / 1000).min(u64::from(u16::MAX));
            self.current = Some(Spoken { code, began: timestamp, samples: 0, length, ends: 3 });
            marker = true;
        }
        let event = self.current.as_mut()?;
        event.samples = (event.samples + samples).min(event.length);
        let over = event.samples >= event.length;
        let [high, low] = (event.samples as u16).to_be_bytes();
        let flags = VOLUME | if over { 0x80 } else { 0 };
        let packet = EventPacket { timestamp: event.began, marker, payload: [event.code, flags, high, low] };
        if over {
            event.ends -= 1;
            if event.ends == 0 {
                self.current = None;
                self.gap = u64::from(rate) * GAP.as_millis() as u64 / 1000;
            }
        }
        Some(packet)
    }
}

/// How far behind the last event a timestamp counts as late, in its units.
const LATE: u32 = 80_000;

/// After so long without a packet a digit is over.
const SILENT: Duration = Duration::from_millis(200);

/// The power of the tone, in dBm0 without its sign.
const VOLUME: u8 = 10;

/// What is between two digits at least (RFC 4733 3.1 has it from Q.24).
const GAP: Duration = Duration::from_millis(50);
const SHORTEST: Duration = Duration::from_millis(40);
/// The duration has 16 bits: 1.3 s at 48 kHz.
const LONGEST: Duration = Duration::from_millis(1300);

const MOST_DIGITS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn digit(tone: char, millis: u64) -> Option<Digit> {
        Some(Digit { tone, duration: Duration::from_millis(millis), by: DigitBy::Rtp })
    }

    #[test]
    fn a_digit_counts_once_when_it_is_over() {
        let now = Instant::now();
        let mut hearing = Hearing::default();
        assert_eq!(hearing.receive(now, 1000, 8000, &[5, 10, 0, 160]), None);
        assert_eq!(hearing.receive(now, 1000, 8000, &[5, 10, 1, 64]), None);
        assert_eq!(hearing.receive(now, 1000, 8000, &[5, 0x8a, 3, 32]), digit('5', 100));
        for _ in 0..2 {
            assert_eq!(hearing.receive(now, 1000, 8000, &[5, 0x8a, 3, 32]), None);
        }
        assert_eq!(hearing.receive(now, 3000, 8000, &[11, 0x8a, 3, 32]), digit('#', 100), "of which only the end came");
        assert_eq!(hearing.receive(now, 1000, 8000, &[5, 0x8a, 3, 32]), None);
        assert_eq!(hearing.receive(now, 500_000, 8000, &[0, 0x8a, 3, 32]), digit('0', 100));
        assert_eq!(hearing.receive(now, 1000, 8000, &[1, 0x8a, 3, 32]), digit('1', 100), "its clock started over");
    }

    #[test]
    fn a_digit_whose_end_is_lost_ends_by_the_next_or_by_itself() {
        let now = Instant::now();
        let mut hearing = Hearing::default();
        assert_eq!(hearing.receive(now, 1000, 8000, &[1, 10, 1, 64]), None);
        assert_eq!(hearing.receive(now, 9000, 8000, &[2, 10, 0, 160]), digit('1', 40));
        assert_eq!(hearing.due(), Some(now + SILENT));
        assert_eq!(hearing.expire(now + SILENT / 2), None);
        assert_eq!(hearing.expire(now + SILENT), digit('2', 20));
        assert_eq!(hearing.due(), None);
    }

    #[test]
    fn other_events_and_fragments_are_no_digits() {
        let now = Instant::now();
        let mut hearing = Hearing::default();
        assert_eq!(hearing.receive(now, 1000, 8000, &[16, 0x8a, 0, 160]), None);
        assert_eq!(hearing.receive(now, 2000, 8000, &[1, 10, 0]), None);
        assert_eq!(hearing.receive(now, 2000, 8000, &[]), None);
        assert_eq!(hearing.receive(now, 2000, 8000, &[1, 0x80, 0, 0]), digit('1', 0));
    }

    #[test]
    fn what_is_spoken_is_heard() {
        let now = Instant::now();
        let (mut speaking, mut hearing) = (Speaking::default(), Hearing::default());
        for tone in "0*d".chars() {
            assert!(speaking.push(event_of(tone).unwrap(), Duration::from_millis(100)));
        }
        let (mut heard, mut packets, mut markers) = (Vec::new(), 0, 0);
        for tick in 0..40 {
            if let Some(packet) = speaking.next(tick * 160, 160, 8000) {
                packets += 1;
                markers += u32::from(packet.marker);
                heard.extend(hearing.receive(now, packet.timestamp, 8000, &packet.payload));
            }
        }
        assert_eq!(heard, ['0', '*', 'D'].map(|tone| digit(tone, 100).unwrap()));
        assert_eq!((packets, markers), (3 * 7, 3), "five packets of 20 ms, the last of them thrice");
        assert!(speaking.is_done());
        assert_eq!(event_of('x'), None);
    }

    #[test]
    fn who_presses_without_end_is_not_listened_to() {
        let mut speaking = Speaking::default();
        assert_eq!((0..1000).filter(|_| speaking.push(1, SHORTEST)).count(), MOST_DIGITS);
    }
}
