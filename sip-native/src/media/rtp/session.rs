//! One audio stream each way with one peer.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook_core::sdp::negotiate::Stream;
use offhook_core::sdp::{Direction, OpusParameters};
use rtp_types::{RtpPacket, RtpPacketBuilder};

use super::latch::{Latch, Latching};
use super::report::{Reports, Sent, Telling, Wall};
use super::srtp::Protection;
use crate::media::codec::Codec;
use crate::media::digits::Digit;
use crate::media::frame::{Sink, Source};
use crate::media::listen::Heard;
use crate::media::speak::{Format, Kind};
use crate::media::stats::{Connection, Stats};
use crate::media::voice::Voice;

/// What a session is begun with.
pub(in crate::media) struct Settings {
    pub(in crate::media) source: Box<dyn Source>,
    pub(in crate::media) sink: Box<dyn Sink>,
    pub(in crate::media) latching: Latching,
    pub(in crate::media) wall: Wall,
    /// Random, for what RFC 3550 wants unpredictable.
    pub(in crate::media) seed: u64,
}

/// A datagram to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::media) struct Transmit {
    /// From the socket for RTCP.
    pub(in crate::media) rtcp: bool,
    pub(in crate::media) to: SocketAddr,
    pub(in crate::media) bytes: Vec<u8>,
}

#[derive(Debug)]
pub(in crate::media) struct Session {
    voice: Voice,
    direction: Direction,
    /// The payload type to send audio with, and that for events.
    sends: (u8, Option<u8>),
    /// What the payload types mean under which things come in, with their clocks.
    formats: Vec<(u8, Kind, u32)>,
    protection: Option<Protection>,
    latch: Latch,
    rtcp_to: Option<SocketAddr>,
    rtcp_mux: bool,
    random: Random,
    ours: u32,
    sequence: u16,
    cname: String,
    /// Ours is another than at first: somebody had it.
    renumbered: bool,
    theirs: Option<u32>,
    /// A sender that is not believed yet.
    stranger: Option<u32>,
    last: Option<Instant>,
    wall: Wall,
    reports: Reports,
    report_at: Instant,
    /// Packets sent at the last report.
    reported: u64,
    left: bool,
    closed: bool,
}

impl Session {
    /// A session for a stream that was agreed on. `formats` are those of the description of this end: what may come in.
    pub(in crate::media) fn new(
        stream: &Stream,
        formats: Vec<(u8, Kind, u32)>,
        settings: Settings,
        now: Instant,
    ) -> Option<Session> {
        let mut random = Random(settings.seed | 1);
        let format = format_of(stream)?;
        let mut session = Session {
            voice: Voice::new(format, settings.source, settings.sink, now, random.next()),
            direction: stream.direction,
            sends: (stream.codec.payload, stream.telephone_event),
            formats,
            protection: None,
            latch: Latch::new(settings.latching),
            rtcp_to: None,
            rtcp_mux: stream.rtcp_mux,
            ours: random.next(),
            // Low enough that a packet lost at the start cannot confuse the count of rollovers (RFC 3711 3.3.1).
            sequence: (random.next() & 0x3fff) as u16,
            cname: format!("{:08x}{:08x}", random.next(), random.next()),
            renumbered: false,
            theirs: None,
            stranger: None,
            last: None,
            wall: settings.wall,
            reports: Reports::default(),
            report_at: now + random.around(REPORTS / 2),
            reported: 0,
            left: false,
            closed: false,
            random,
        };
        session.agree(stream, now)?;
        Some(session)
    }

    /// Goes on as a new description has it.
    pub(in crate::media) fn change(
        &mut self,
        stream: &Stream,
        formats: Vec<(u8, Kind, u32)>,
        now: Instant,
    ) -> Option<()> {
        let format = format_of(stream)?;
        self.voice.speaker.set_format(format, now);
        self.formats = formats;
        self.sends = (stream.codec.payload, stream.telephone_event);
        self.direction = stream.direction;
        self.rtcp_mux = stream.rtcp_mux;
        self.left = false;
        self.agree(stream, now)
    }

    fn agree(&mut self, stream: &Stream, _now: Instant) -> Option<()> {
        let address = |host: &str, port: u16| Some(SocketAddr::new(host.parse().ok()?, port)).filter(|_| port != 0);
        let described = address(&stream.remote_host, stream.remote_port).filter(|to| !to.ip().is_unspecified());
        self.latch.describe(described);
        self.rtcp_to =
            address(&stream.remote_rtcp_host, stream.remote_rtcp_port).filter(|to| !to.ip().is_unspecified());
        match &stream.keys {
            None => self.protection = None,
            // The same keys go on with the same counters: to begin anew would use the same keystream twice.
            Some(keys) if self.protection.as_ref().is_some_and(|protection| protection.keys() == keys) => {}
            Some(keys) => self.protection = Some(Protection::new(keys)?),
        }
        Some(())
    }

    pub(in crate::media) fn voice(&mut self) -> &mut Voice {
        &mut self.voice
    }

    /// Whether digits can be said as telephone events.
    pub(in crate::media) fn says_digits(&self) -> bool {
        self.sends.1.is_some() && self.direction.sends()
    }

    /// Takes a datagram.
    pub(in crate::media) fn receive(&mut self, now: Instant, source: SocketAddr, bytes: &[u8]) {
        if self.closed {
            return;
        }
        // RFC 5761 4: the second byte tells them apart.
        let Some(second) = bytes.get(1) else { return };
        if (192..=223).contains(second) {
            self.receive_rtcp(now, source, bytes)
        } else {
            self.receive_rtp(now, source, bytes)
        }
    }

    fn receive_rtcp(&mut self, now: Instant, source: SocketAddr, bytes: &[u8]) {
        let opened;
        let bytes = match &mut self.protection {
            Some(protection) => match protection.decrypt(true, bytes) {
                Some(plain) => {
                    opened = plain;
                    &opened[..]
                }
                None => return,
            },
            // Reports change how we send: from strangers they are not taken.
            None if self.latch.target().is_none_or(|target| target.ip() != source.ip())
                && self.rtcp_to.is_none_or(|target| target.ip() != source.ip()) =>
            {
                return;
            }
            None => bytes,
        };
        let rate = self.voice.speaker.codec().rate();
        let brought = self.reports.read(now, &self.wall, self.ours, rate, bytes);
        if brought.heard_of_us
            && let Some(theirs) = &self.reports.theirs
        {
            self.voice.speaker.expect_loss(theirs.loss as f32);
        }
        if brought.bye.is_some() && brought.bye == self.theirs {
            self.left = true;
            self.theirs = None;
        }
    }

    fn receive_rtp(&mut self, now: Instant, source: SocketAddr, bytes: &[u8]) {
        let opened;
        let bytes = match &mut self.protection {
            Some(protection) => match protection.decrypt(false, bytes) {
                Some(plain) => {
                    opened = plain;
                    &opened[..]
                }
                None => return,
            },
            None => bytes,
        };
        let Ok(packet) = RtpPacket::parse(bytes) else { return };
        let Some(&(_, kind, clock)) = self.formats.iter().find(|(payload, ..)| *payload == packet.payload_type())
        else {
            return;
        };
        if !self.latch.accepts(now, source, self.protection.is_some()) || !self.direction.receives() {
            return;
        }
        if !self.is_of_the_stream(packet.ssrc(), now) {
            return;
        }
        self.last = Some(now);
        self.left = false;
        self.voice.heard(now);
        let (sequence, timestamp) = (packet.sequence_number(), packet.timestamp());
        self.voice.listener.receive(now, Heard { kind, sequence, timestamp, clock, payload: packet.payload() });
    }

    /// Whether a packet of this sender is of the stream that is heard. Another sender takes the place of one that is silent,
    /// or with its second packet in a row (RFC 3550 A.1).
    fn is_of_the_stream(&mut self, sender: u32, now: Instant) -> bool {
        if self.theirs == Some(sender) {
            self.stranger = None;
            return true;
        }
        let silent = self.last.is_none_or(|last| now.saturating_duration_since(last) > SILENT);
        if self.theirs.is_some() && !silent && self.stranger != Some(sender) {
            self.stranger = Some(sender);
            return false;
        }
        if sender == self.ours && !self.renumbered {
            // Somebody has our number, or what we send comes back (RFC 3550 8.2). That the next one is taken as well is no
            // coincidence: it comes back, and is heard as what it is.
            (self.ours, self.renumbered) = (self.random.next(), true);
        }
        if self.theirs.is_some() {
            self.voice.listener.restart(now);
        }
        self.theirs = Some(sender);
        self.stranger = None;
        true
    }

    /// The next datagram to send by now. Call until there is none; frames that are due are heard meanwhile.
    pub(in crate::media) fn poll(&mut self, now: Instant) -> Option<Transmit> {
        self.voice.listener.poll(now);
        if self.closed {
            return None;
        }
        loop {
            let to = self.latch.target();
            let sending = self.direction.sends() && to.is_some();
            let Some(packet) = self.voice.speaker.poll(now, sending, self.sends.1.is_some()) else { break };
            let payload_type = match packet.kind {
                Kind::Audio(_) => self.sends.0,
                Kind::Event => self.sends.1.unwrap_or(self.sends.0),
            };
            let bytes = RtpPacketBuilder::<&[u8], &[u8]>::new()
                .payload_type(payload_type)
                .marker_bit(packet.marker)
                .sequence_number(self.sequence)
                .timestamp(packet.timestamp)
                .ssrc(self.ours)
                .payload(packet.payload)
                .write_vec();
            let (length, level) = (packet.payload.len(), packet.level);
            // An empty packet is an encoder's failure: the next will do.
            let Some(bytes) = bytes.ok().filter(|_| length > 0) else { continue };
            self.sequence = self.sequence.wrapping_add(1);
            let bytes = match &mut self.protection {
                Some(protection) => protection.encrypt(false, &bytes),
                None => Some(bytes),
            };
            self.voice.sent(length, level);
            if let (Some(to), Some(bytes)) = (to, bytes) {
                return Some(Transmit { rtcp: false, to, bytes });
            }
        }
        if now < self.report_at {
            return None;
        }
        self.report_at = now + self.random.around(REPORTS);
        self.report(now, false)
    }

    /// When to call [`Session::poll`] next.
    pub(in crate::media) fn due(&self) -> Instant {
        let due = self.voice.speaker.due().min(self.report_at);
        self.voice.listener.due().map_or(due, |listener| due.min(listener))
    }

    /// Ends the session: a last report and BYE (RFC 3550 6.6).
    pub(in crate::media) fn close(&mut self, now: Instant) -> Option<Transmit> {
        let farewell = (!self.closed).then(|| self.report(now, true)).flatten();
        self.closed = true;
        farewell
    }

    fn report(&mut self, now: Instant, bye: bool) -> Option<Transmit> {
        let to = match self.rtcp_mux {
            true => self.latch.target()?,
            false => self.rtcp_to?,
        };
        let (packets, bytes) = (self.voice.packets, self.voice.bytes);
        let sent = (packets > self.reported).then(|| {
            let timestamp = self.voice.speaker.timestamp_at(now);
            Sent { timestamp, packets, bytes }
        });
        self.reported = packets;
        let heard = self.theirs.map(|theirs| (theirs, self.voice.listener.report()));
        let bytes =
            self.reports.write(now, &self.wall, &Telling { ours: self.ours, cname: &self.cname, sent, heard, bye });
        let bytes = match &mut self.protection {
            Some(protection) => protection.encrypt(true, &bytes)?,
            None => bytes,
        };
        Some(Transmit { rtcp: !self.rtcp_mux, to, bytes })
    }

    pub(in crate::media) fn digit(&mut self) -> Option<Digit> {
        self.voice.digit()
    }

    pub(in crate::media) fn stats(&self, now: Instant) -> Stats {
        let mut stats = Stats {
            connection: match (self.closed, self.left) {
                (true, _) => Connection::Closed,
                (false, true) => Connection::Disconnected,
                (false, false) => Connection::Connected,
            },
            encrypted: self.protection.is_some(),
            sending: self.direction.sends(),
            receiving: self.direction.receives(),
            theirs: self.reports.theirs,
            ..Stats::default()
        };
        self.voice.count(now, self.reports.round_trip, &mut stats);
        stats
    }
}

/// How a stream is to be sent.
fn format_of(stream: &Stream) -> Option<Format> {
    let codec = Codec::of_sdp(&stream.codec)?;
    let wanted = stream.codec.fmtp.as_deref().map(OpusParameters::parse).unwrap_or_default();
    let most = stream.maxptime.unwrap_or(60);
    // What opus and phones know: 10, 20, 40 and 60 ms.
    let wish = stream.ptime.unwrap_or(20).min(most);
    let period = [60, 40, 20].into_iter().find(|length| *length <= wish).unwrap_or(10);
    Some(Format { codec, wanted, period: Duration::from_millis(period.into()) })
}

/// A generator for what must only be unlike that of others (xorshift).
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u32
    }

    /// Half of it to one and a half, so that reports do not fall into step (RFC 3550 6.3.1).
    fn around(&mut self, interval: Duration) -> Duration {
        interval / 2 + interval.mul_f64(f64::from(self.next()) / f64::from(u32::MAX))
    }
}

/// How often reports are sent, in the mean (RFC 3550 6.2).
const REPORTS: Duration = Duration::from_secs(5);

/// After so long another sender may take the place of the one that was heard.
const SILENT: Duration = Duration::from_millis(500);
