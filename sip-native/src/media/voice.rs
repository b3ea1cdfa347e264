//! Both halves of a session's audio, whatever carries the packets.

use std::time::{Duration, Instant};

use super::digits::Digit;
use super::frame::{Sink, Source};
use super::level::SILENCE;
use super::listen::Listener;
use super::speak::{Format, Speaker};
use super::stats::Stats;

#[derive(Debug)]
pub(super) struct Voice {
    pub(super) speaker: Speaker,
    pub(super) listener: Listener,
    muted: bool,
    heard: Option<Instant>,
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) level: f32,
}

impl Voice {
    pub(super) fn new(
        format: Format,
        source: Box<dyn Source>,
        sink: Box<dyn Sink>,
        now: Instant,
        timestamp: u32,
    ) -> Voice {
        Voice {
            speaker: Speaker::new(format, source, now, timestamp),
            listener: Listener::new(format.codec, sink, now),
            muted: false,
            heard: None,
            packets: 0,
            bytes: 0,
            level: SILENCE,
        }
    }

    pub(super) fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
        self.speaker.set_muted(muted);
    }

    /// Something came in.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = Some(now);
    }

    /// Something was sent.
    pub(super) fn sent(&mut self, bytes: usize, level: f32) {
        self.packets += 1;
        self.bytes += bytes as u64;
        self.level = level;
    }

    pub(super) fn digit(&mut self) -> Option<Digit> {
        self.listener.digit()
    }

    /// Adds to the statistics what is known here.
    pub(super) fn count(&self, now: Instant, round_trip: Option<Duration>, stats: &mut Stats) {
        let counts = self.listener.counts();
        let rate = u64::from(self.listener.codec().rate());
        stats.codec = Some(self.speaker.codec());
        stats.codec_in = self.heard.map(|_| self.listener.codec());
        stats.muted = self.muted;
        stats.packets_received = counts.packets;
        stats.bytes_received = counts.bytes;
        stats.packets_lost = self.listener.lost();
        stats.packets_late = counts.late;
        stats.packets_duplicate = counts.duplicates;
        stats.packets_sent = self.packets;
        stats.bytes_sent = self.bytes;
        stats.concealed = Duration::from_micros(counts.concealed * 1_000_000 / rate);
        stats.level_in = self.listener.level();
        stats.level_out = self.level;
        stats.quality = self.heard.map(|_| self.listener.quality(now, round_trip));
        stats.silent_for = self.heard.map(|heard| now.saturating_duration_since(heard));
        stats.played = self.speaker.is_over();
    }
}
