//! The classic file format of libpcap: a header, then packets with their time and length. They begin with the IP header.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::SocketAddr;

use super::packet::{datagram, segment};
use super::{Passed, is_datagram};

/// Microseconds, in the byte order of what follows.
const MAGIC: u32 = 0xa1b2_c3d4;

/// LINKTYPE_RAW.
const RAW: u32 = 101;

/// The longest packet there is.
const SNAPLEN: u32 = 65_535;

/// The longest text of one packet.
const LONGEST: usize = 65_000;

/// A file of packets.
#[derive(Debug)]
pub(super) struct Pcap<W> {
    out: W,
    /// How many bytes each direction of a connection has carried.
    carried: HashMap<(SocketAddr, SocketAddr), u32>,
}

impl<W: Write> Pcap<W> {
    pub(super) fn new(mut out: W) -> io::Result<Pcap<W>> {
        out.write_all(&MAGIC.to_le_bytes())?;
        out.write_all(&2_u16.to_le_bytes())?;
        out.write_all(&4_u16.to_le_bytes())?;
        // The zone and the accuracy, which nobody fills in.
        out.write_all(&[0; 8])?;
        out.write_all(&SNAPLEN.to_le_bytes())?;
        out.write_all(&RAW.to_le_bytes())?;
        out.flush()?;
        Ok(Pcap { out, carried: HashMap::new() })
    }

    pub(super) fn write(&mut self, passed: &Passed, text: &[u8]) -> io::Result<()> {
        let Passed { from, to, .. } = *passed;
        if is_datagram(passed.transport) {
            return self.packet(passed, &datagram(from, to, text.get(..LONGEST).unwrap_or(text)));
        }
        for part in text.chunks(LONGEST) {
            // Both begin with 1, as after a handshake.
            let acknowledged = self.carried.get(&(to, from)).map_or(1, |carried| carried.wrapping_add(1));
            let carried = self.carried.entry((from, to)).or_default();
            let packet = segment(from, to, carried.wrapping_add(1), acknowledged, part);
            *carried = carried.wrapping_add(part.len() as u32);
            self.packet(passed, &packet)?;
        }
        Ok(())
    }

    /// The connection between these two is over.
    pub(super) fn over(&mut self, one: SocketAddr, other: SocketAddr) {
        self.carried.remove(&(one, other));
        self.carried.remove(&(other, one));
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn packet(&mut self, passed: &Passed, packet: &[u8]) -> io::Result<()> {
        let length = packet.len() as u32;
        self.out.write_all(&(passed.at.as_secs() as u32).to_le_bytes())?;
        self.out.write_all(&passed.at.subsec_micros().to_le_bytes())?;
        self.out.write_all(&length.to_le_bytes())?;
        self.out.write_all(&length.to_le_bytes())?;
        self.out.write_all(packet)
    }
}
