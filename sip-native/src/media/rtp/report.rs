//! RTCP (RFC 3550 6): reports written and read, by `rtcp-types`.

use std::time::{Duration, Instant};

use rtcp_types::{
    Bye, Compound, CompoundBuilder, Packet, ReceiverReport, ReportBlock, ReportBlockBuilder, RtcpPacketWriterExt, Sdes,
    SdesChunk, SdesItem, SenderReport,
};

use crate::media::reception::Report;

/// The wall clock, as RTCP has it: seconds since 1900 in 32.32 bits, beside the clock of the session.
#[derive(Debug, Clone, Copy)]
pub(in crate::media) struct Wall {
    pub(in crate::media) at: Instant,
    pub(in crate::media) ntp: u64,
}

impl Wall {
    /// The wall clock of this machine.
    pub(in crate::media) fn now() -> Wall {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Wall { at: Instant::now(), ntp: ntp(since).wrapping_add(SINCE_1900 << 32) }
    }

    fn of(&self, now: Instant) -> u64 {
        self.ntp.wrapping_add(ntp(now.saturating_duration_since(self.at)))
    }
}

fn ntp(time: Duration) -> u64 {
    (time.as_secs() << 32) | ((u64::from(time.subsec_nanos()) << 32) / 1_000_000_000)
}

/// What a sender tells of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    /// The RTP timestamp of the instant.
    pub(super) timestamp: u32,
    pub(super) packets: u64,
    pub(super) bytes: u64,
}

/// What a compound packet is to say.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Telling<'a> {
    /// Our number, and our name.
    pub(super) ours: u32,
    pub(super) cname: &'a str,
    /// What was sent, if anything since the last time.
    pub(super) sent: Option<Sent>,
    /// Who is heard, and how.
    pub(super) heard: Option<(u32, Report)>,
    /// This is the last.
    pub(super) bye: bool,
}

/// What the other side said of itself and of us.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reports {
    /// The middle of the NTP time of its last report, and when that came.
    last: Option<(u32, Instant)>,
    pub(super) round_trip: Option<Duration>,
    /// What it has of our packets.
    pub(super) theirs: Option<Theirs>,
}

/// How the other side hears us, as it reported last.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Theirs {
    /// The share of our packets that was lost since the report before, from 0 to 1.
    pub loss: f64,
    /// How many were lost in all.
    pub lost: u32,
    /// How unevenly they come.
    pub jitter: Duration,
}

/// What a compound packet brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Brought {
    /// Somebody left: its number.
    pub(super) bye: Option<u32>,
    /// There was a report of how the other side hears us.
    pub(super) heard_of_us: bool,
}

impl Reports {
    /// Writes a compound packet: what was sent, what is heard of `remote`, who we are; and farewell, at the end.
    pub(super) fn write(&self, now: Instant, wall: &Wall, telling: &Telling<'_>) -> Vec<u8> {
        let Telling { ours, cname, sent, heard, bye } = *telling;
        let block = heard.map(|(remote, report)| self.block(now, remote, report));
        let mut compound: CompoundBuilder<'_> = Compound::builder();
        compound = match sent {
            Some(sent) => {
                let mut report = SenderReport::builder(ours)
                    .ntp_timestamp(wall.of(now))
                    .rtp_timestamp(sent.timestamp)
                    .packet_count(sent.packets as u32)
                    .octet_count(sent.bytes as u32);
                if let Some(block) = block {
                    report = report.add_report_block(block);
                }
                compound.add_packet(report)
            }
            None => {
                let mut report = ReceiverReport::builder(ours);
                if let Some(block) = block {
                    report = report.add_report_block(block);
                }
                compound.add_packet(report)
            }
        };
        let name = SdesItem::builder(SdesItem::CNAME, cname);
        compound = compound.add_packet(Sdes::builder().add_chunk(SdesChunk::builder(ours).add_item(name)));
        if bye {
            compound = compound.add_packet(Bye::builder().add_source(ours));
        }
        let mut bytes = vec![0; LONGEST];
        // All of it is ours and short, so that it can be written.
        let written = compound.write_into(&mut bytes).unwrap_or_default();
        bytes.truncate(written);
        bytes
    }

    fn block(&self, now: Instant, remote: u32, report: Report) -> ReportBlockBuilder {
        let (last, delay) = match self.last {
            Some((last, at)) => (last, (ntp(now.saturating_duration_since(at)) >> 16) as u32),
            None => (0, 0),
        };
        ReportBlock::builder(remote)
            .fraction_lost(report.fraction)
            .cumulative_lost(report.lost)
            .extended_sequence_number(report.highest)
            .interarrival_jitter(report.jitter)
            .last_sender_report_timestamp(last)
            .delay_since_last_sender_report_timestamp(delay)
    }

    /// Reads a compound packet. What is malformed in it is left out. `rate` is the clock of our packets, in hertz.
    pub(super) fn read(&mut self, now: Instant, wall: &Wall, ours: u32, rate: u32, bytes: &[u8]) -> Brought {
        let mut brought = Brought::default();
        let Ok(compound) = Compound::parse(bytes) else { return brought };
        for packet in compound.flatten().take(MOST_PACKETS) {
            match packet {
                Packet::Sr(report) => {
                    self.last = Some(((report.ntp_timestamp() >> 16) as u32, now));
                    for block in report.report_blocks().filter(|block| block.ssrc() == ours) {
                        self.hear(now, wall, rate, &block);
                        brought.heard_of_us = true;
                    }
                }
                Packet::Rr(report) => {
                    for block in report.report_blocks().filter(|block| block.ssrc() == ours) {
                        self.hear(now, wall, rate, &block);
                        brought.heard_of_us = true;
                    }
                }
                Packet::Bye(bye) => brought.bye = bye.ssrcs().next(),
                _ => {}
            }
        }
        brought
    }

    fn hear(&mut self, now: Instant, wall: &Wall, rate: u32, block: &ReportBlock<'_>) {
        let jitter = u64::from(block.interarrival_jitter()) * 1_000_000 / u64::from(rate.max(1));
        // A count of 24 bits with a sign: who got packets twice may have a negative loss.
        let lost = block.cumulative_lost() & 0xff_ffff;
        self.theirs = Some(Theirs {
            loss: f64::from(block.fraction_lost()) / 256.0,
            lost: if lost & 0x80_0000 == 0 { lost } else { 0 },
            jitter: Duration::from_micros(jitter),
        });
        let last = block.last_sender_report_timestamp();
        if last != 0 {
            let since = ((wall.of(now) >> 16) as u32).wrapping_sub(last);
            let way = since.wrapping_sub(block.delay_since_last_sender_report_timestamp());
            // In 65536ths of a second. What cannot be is a report of another clock, or forged.
            if way < MOST_WAY << 16 {
                self.round_trip = Some(Duration::from_micros((u64::from(way) * 1_000_000) >> 16));
            }
        }
    }
}

/// Seconds from 1900 to 1970.
const SINCE_1900: u64 = 2_208_988_800;

/// Longer than what is written here.
const LONGEST: usize = 512;

/// No more packets are read from a compound.
const MOST_PACKETS: usize = 16;

/// The longest way there and back that is believed, in seconds.
const MOST_WAY: u32 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ours: u32) -> Telling<'static> {
        Telling { ours, cname: "somebody", ..Telling::default() }
    }

    #[test]
    fn reports_tell_loss_and_the_way_there_and_back() {
        let start = Instant::now();
        let (alice, bob) = (Wall { at: start, ntp: 1 << 40 }, Wall { at: start, ntp: 77 << 40 });
        let (mut at_alice, mut at_bob) = (Reports::default(), Reports::default());
        let way = Duration::from_millis(40);
        let sent = Sent { timestamp: 5, packets: 10, bytes: 1600 };
        let first = at_alice.write(start, &alice, &Telling { sent: Some(sent), ..of(1) });
        assert_eq!(at_bob.read(start + way, &bob, 2, 8000, &first), Brought::default());
        let later = start + way + Duration::from_secs(3);
        let report = Report { fraction: 64, lost: 7, highest: 70_000, jitter: 80 };
        let second = at_bob.write(later, &bob, &Telling { heard: Some((1, report)), ..of(2) });
        let brought = at_alice.read(later + way, &alice, 1, 8000, &second);
        assert!(brought.heard_of_us);
        let trip = at_alice.round_trip.expect("a round trip").as_millis();
        assert!((79..=80).contains(&trip), "{trip} ms");
        let theirs = at_alice.theirs.expect("a report");
        assert_eq!((theirs.loss, theirs.lost, theirs.jitter), (0.25, 7, Duration::from_millis(10)));
        let last = at_alice.write(later, &alice, &Telling { sent: Some(sent), bye: true, ..of(1) });
        assert_eq!(at_bob.read(later, &bob, 2, 8000, &last).bye, Some(1));
    }

    #[test]
    fn whatever_comes_does_no_harm() {
        let start = Instant::now();
        let wall = Wall { at: start, ntp: 0 };
        let mut reports = Reports::default();
        let report = Report { fraction: 1, lost: 1, highest: 1, jitter: 1 };
        let good = reports.write(start, &wall, &Telling { heard: Some((1, report)), bye: true, ..of(1) });
        let mut state = 3_u64;
        for round in 0..20_000_usize {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let mut bytes = good.clone();
            let at = (state >> 40) as usize % bytes.len();
            bytes[at] = (state >> 32) as u8;
            bytes.truncate(if round % 3 == 0 { (state >> 20) as usize % bytes.len() } else { bytes.len() });
            reports.read(start, &wall, 1, 8000, &bytes);
        }
    }
}
