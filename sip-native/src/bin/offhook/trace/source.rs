//! Where messages are read from: captures, HEP3 and logs, told apart by how they begin.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::thread;
use std::time::Duration;

use pcap_parser::traits::PcapReaderIterator;
use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, create_reader};

use super::hep;
use super::log;
use super::packets::{Carried, Packets};
use super::seen::{Place, Seen, is_sip};
use super::streams::Streams;
use crate::failure::{Code, Failure};

/// Room for the longest packet there is, and for what stands around it.
const ROOM: usize = 1 << 20;

/// How often a file that is followed is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// What a pcap file begins with: in both orders, with micro- and with nanoseconds.
const PCAP: [[u8; 4]; 4] =
    [[0xa1, 0xb2, 0xc3, 0xd4], [0xd4, 0xc3, 0xb2, 0xa1], [0xa1, 0xb2, 0x3c, 0x4d], [0x4d, 0x3c, 0xb2, 0xa1]];

/// What a pcapng file begins with, and what tells the order of its bytes.
const PCAPNG: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
const BIG: [u8; 4] = [0x1a, 0x2b, 0x3c, 0x4d];

/// The longest section header that is believed.
const SECTION: usize = 1 << 16;

/// How long the head of a capture is that begins so, of pcapng the part that tells; `None`: it is no capture.
fn head_length(begin: &[u8]) -> Option<usize> {
    match begin.get(..4)? {
        magic if magic == PCAPNG => Some(12),
        magic if PCAP.iter().any(|known| magic == known) => Some(24),
        _ => None,
    }
}

/// The length of the section header that begins so.
fn section_length(begin: &[u8]) -> usize {
    let four = |at: usize| begin.get(at..at + 4).and_then(|four| <[u8; 4]>::try_from(four).ok()).unwrap_or_default();
    let length = if four(8) == BIG { u32::from_be_bytes(four(4)) } else { u32::from_le_bytes(four(4)) };
    usize::try_from(length).unwrap_or(SECTION).min(SECTION)
}

/// Reads on until there are so many bytes, or the input is over.
fn read_up_to(input: &mut impl Read, bytes: &mut Vec<u8>, length: usize) -> io::Result<()> {
    let missing = length.saturating_sub(bytes.len());
    input.take(u64::try_from(missing).unwrap_or(0)).read_to_end(bytes).map(drop)
}

/// The messages of one record, in its order.
pub(super) enum Source {
    Packets(Box<Capture>),
    Hep(Box<dyn Read + Send>),
    Log(Box<dyn BufRead + Send>),
}

impl Source {
    /// Opens a file, or standard input for `-`. One that is followed has no end: more is waited for.
    pub(super) fn open(path: &Path, follow: bool) -> Result<Source, Failure> {
        let named = |error: &io::Error| Failure::io(path.display(), error);
        let mut input: Box<dyn Read + Send> = match path.to_str() {
            Some("-") => Box::new(io::stdin()),
            _ => {
                let file = File::open(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
                if follow { Box::new(Followed(file)) } else { Box::new(file) }
            }
        };
        let mut begin = Vec::new();
        let begun = read_up_to(&mut input, &mut begin, 4).and_then(|()| match head_length(&begin) {
            // The reader of captures wants their whole head at once.
            Some(12) => {
                read_up_to(&mut input, &mut begin, 12)?;
                let length = section_length(&begin);
                read_up_to(&mut input, &mut begin, length)
            }
            Some(length) => read_up_to(&mut input, &mut begin, length),
            None => Ok(()),
        });
        begun.map_err(|error| named(&error))?;
        let is_capture = head_length(&begin).is_some();
        let whole = Box::new(Cursor::new(begin.clone()).chain(input));
        if is_capture {
            let reader =
                create_reader(ROOM, whole).map_err(|_| unreadable(path, "it begins as a capture, but is none"))?;
            return Ok(Source::Packets(Box::new(Capture::new(reader))));
        }
        match begin.first() {
            _ if begin.starts_with(hep::MAGIC) => Ok(Source::Hep(whole)),
            Some(b'{') => Ok(Source::Log(Box::new(BufReader::new(whole)))),
            _ => Err(unreadable(path, "neither pcap, pcapng, HEP3 nor lines of JSON")
                .hint("offhook reads captures of tcpdump, Wireshark and itself, and what agent --json --trace prints")),
        }
    }

    /// The next message.
    pub(super) fn next(&mut self) -> io::Result<Option<Seen>> {
        match self {
            Source::Packets(capture) => capture.next(),
            Source::Log(input) => log::next(input),
            Source::Hep(input) => loop {
                let mut head = [0; 6];
                if !read_whole(input, &mut head)? {
                    return Ok(None);
                }
                let Some(length) = hep::length(&head) else {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "what follows is no HEP3"));
                };
                let mut datagram = head.to_vec();
                datagram.resize(length, 0);
                if !read_whole(input, datagram.get_mut(head.len()..).unwrap_or_default())? {
                    return Ok(None);
                }
                if let Some(seen) = hep::decode(&datagram) {
                    return Ok(Some(seen));
                }
            },
        }
    }
}

fn unreadable(path: &Path, words: &str) -> Failure {
    Failure::new(Code::Failed, format!("{}: {words}", path.display()))
}

/// Fills the buffer; false if the input is over before.
fn read_whole(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match input.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// A file that grows.
struct Followed(File);

impl Read for Followed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.0.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            thread::sleep(LOOK);
        }
    }
}

/// A capture of packets.
pub(super) struct Capture {
    reader: Box<dyn PcapReaderIterator + Send>,
    /// How the packets of each interface begin, and what their times count.
    interfaces: Vec<Interface>,
    packets: Packets,
    streams: Streams,
    ready: VecDeque<Seen>,
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    link: Linktype,
    /// Units of time a second.
    resolution: u64,
    /// Seconds to add.
    offset: i64,
}

impl Capture {
    fn new(reader: Box<dyn PcapReaderIterator + Send>) -> Capture {
        Capture {
            reader,
            interfaces: Vec::new(),
            packets: Packets::new(),
            streams: Streams::default(),
            ready: VecDeque::new(),
        }
    }

    fn next(&mut self) -> io::Result<Option<Seen>> {
        loop {
            if let Some(seen) = self.ready.pop_front() {
                return Ok(Some(seen));
            }
            let Capture { reader, interfaces, packets, streams, ready } = self;
            let wrong = match reader.next() {
                Ok((length, block)) => {
                    on_block(&block, interfaces, |link, at, bytes| {
                        if let Some(carried) = packets.open(link, at, bytes) {
                            on_carried(carried, at, streams, ready);
                        }
                    });
                    reader.consume(length);
                    continue;
                }
                Err(PcapError::Eof) => return Ok(None),
                Err(PcapError::Incomplete(_) | PcapError::UnexpectedEof) => None,
                Err(PcapError::BufferTooSmall) => Some("a packet of more than a megabyte"),
                Err(_) => Some("what follows is no packet"),
            };
            if let Some(words) = wrong {
                return Err(io::Error::new(io::ErrorKind::InvalidData, words));
            }
            // A capture that was cut off ends where it ends.
            if reader.reader_exhausted() {
                return Ok(None);
            }
            let refilled = reader.refill().map_err(|error| format!("{error:?}"));
            refilled.map_err(io::Error::other)?;
        }
    }
}

/// Hands out the packet of a block, if it has one.
fn on_block(
    block: &PcapBlockOwned<'_>,
    interfaces: &mut Vec<Interface>,
    mut packet: impl FnMut(Linktype, Duration, &[u8]),
) {
    match block {
        PcapBlockOwned::LegacyHeader(header) => {
            let resolution = if header.is_nanosecond_precision() { 1_000_000_000 } else { 1_000_000 };
            *interfaces = vec![Interface { link: header.network, resolution, offset: 0 }];
        }
        PcapBlockOwned::Legacy(block) => {
            let Some(Interface { link, resolution, .. }) = interfaces.first().copied() else { return };
            let at = Duration::from_secs(block.ts_sec.into()) + fraction(block.ts_usec.into(), resolution);
            packet(link, at, block.data);
        }
        // Interfaces are numbered anew in each section.
        PcapBlockOwned::NG(Block::SectionHeader(_)) => interfaces.clear(),
        PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => interfaces.push(Interface {
            link: interface.linktype,
            resolution: interface.ts_resolution().filter(|units| *units > 0).unwrap_or(1_000_000),
            offset: interface.ts_offset(),
        }),
        PcapBlockOwned::NG(Block::EnhancedPacket(block)) => {
            let number = usize::try_from(block.if_id).unwrap_or(usize::MAX);
            let Some(Interface { link, resolution, offset }) = interfaces.get(number).copied() else { return };
            let units = u64::from(block.ts_high) << 32 | u64::from(block.ts_low);
            let seconds = (units / resolution).saturating_add_signed(offset);
            let at = Duration::from_secs(seconds) + fraction(units % resolution, resolution);
            let length = usize::try_from(block.caplen).unwrap_or(usize::MAX);
            packet(link, at, block.data.get(..length).unwrap_or(block.data));
        }
        PcapBlockOwned::NG(Block::SimplePacket(block)) => {
            let Some(Interface { link, .. }) = interfaces.first().copied() else { return };
            packet(link, Duration::ZERO, block.data);
        }
        PcapBlockOwned::NG(_) => {}
    }
}

/// So many of that many units of a second.
fn fraction(units: u64, resolution: u64) -> Duration {
    let nanos = u128::from(units) * 1_000_000_000 / u128::from(resolution);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

fn on_carried(carried: Carried<'_>, at: Duration, streams: &mut Streams, ready: &mut VecDeque<Seen>) {
    match carried {
        Carried::Datagram(_, bytes) if bytes.starts_with(hep::MAGIC) => ready.extend(hep::decode(bytes)),
        Carried::Datagram(ends, bytes) if is_sip(bytes) => {
            let (from, to) = (Place::from(ends.from), Place::from(ends.to));
            ready.push_back(Seen::new(at, from, to, "UDP", bytes.to_vec().into()));
        }
        Carried::Datagram(..) => {}
        Carried::Segment(ends, segment) => {
            let (messages, transport) = streams.push(ends, &segment);
            let (from, to) = (Place::from(ends.from), Place::from(ends.to));
            let seen = |bytes| Seen::new(at, from.clone(), to.clone(), transport, bytes);
            ready.extend(messages.into_iter().map(seen));
        }
    }
}
