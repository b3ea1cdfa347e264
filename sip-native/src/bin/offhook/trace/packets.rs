//! Packets as captures have them: from the link to the bytes of a datagram or of a stream, fragments put together.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use etherparse::defrag::IpDefragPool;
use etherparse::{EtherType, IpNumber, NetSlice, SlicedPacket, TcpSlice, TransportSlice, UdpSlice};
use pcap_parser::Linktype;

/// How long the rest of a packet is waited for.
const FRAGMENTS: Duration = Duration::from_secs(30);

/// Linux cooked capture, version 2.
const SLL2: i32 = 276;

/// What one packet carried.
pub(super) enum Carried<'a> {
    Datagram(Ends, &'a [u8]),
    Segment(Ends, Segment<'a>),
}

/// Between whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ends {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
}

/// A piece of a stream.
pub(super) struct Segment<'a> {
    pub(super) number: u32,
    pub(super) syn: bool,
    /// FIN or RST.
    pub(super) last: bool,
    pub(super) bytes: &'a [u8],
}

/// Takes packets apart.
#[derive(Debug)]
pub(super) struct Packets {
    fragments: IpDefragPool<Duration, ()>,
    /// What was put together last.
    whole: Vec<u8>,
}

impl Packets {
    pub(super) fn new() -> Packets {
        Packets { fragments: IpDefragPool::new(), whole: Vec::new() }
    }

    /// What a packet carries; `None`: nothing that SIP travels in, or not the whole of it yet.
    pub(super) fn open<'a>(&'a mut self, link: Linktype, at: Duration, bytes: &'a [u8]) -> Option<Carried<'a>> {
        let packet = slice(link, bytes)?;
        let (from, to) = addresses(packet.net.as_ref()?)?;
        if let Some(transport) = packet.transport {
            return match transport {
                TransportSlice::Udp(udp) => Some(datagram(from, to, &udp)),
                TransportSlice::Tcp(tcp) => Some(segment(from, to, &tcp)),
                _ => None,
            };
        }
        let whole = self.fragments.process_sliced_packet(&packet, at, ()).ok()??;
        self.fragments.retain(|since| at.saturating_sub(*since) < FRAGMENTS);
        let number = whole.ip_number;
        self.whole = whole.payload;
        match number {
            IpNumber::UDP => UdpSlice::from_slice(&self.whole).ok().map(|udp| datagram(from, to, &udp)),
            IpNumber::TCP => TcpSlice::from_slice(&self.whole).ok().map(|tcp| segment(from, to, &tcp)),
            _ => None,
        }
    }
}

fn slice(link: Linktype, bytes: &[u8]) -> Option<SlicedPacket<'_>> {
    let packet = match link {
        Linktype::ETHERNET => SlicedPacket::from_ethernet(bytes),
        Linktype::LINUX_SLL => SlicedPacket::from_linux_sll(bytes),
        Linktype::NULL | Linktype::LOOP => SlicedPacket::from_ip(bytes.get(4..)?),
        // 12 and 14 are what some systems call raw IP.
        Linktype::RAW | Linktype::IPV4 | Linktype::IPV6 | Linktype(12 | 14) => SlicedPacket::from_ip(bytes),
        Linktype(SLL2) => {
            let kind = u16::from_be_bytes(bytes.get(..2)?.try_into().ok()?);
            SlicedPacket::from_ether_type(EtherType(kind), bytes.get(20..)?)
        }
        _ => return None,
    };
    packet.ok()
}

fn addresses(net: &NetSlice<'_>) -> Option<(IpAddr, IpAddr)> {
    match net {
        NetSlice::Ipv4(ip) => Some((ip.header().source_addr().into(), ip.header().destination_addr().into())),
        NetSlice::Ipv6(ip) => Some((ip.header().source_addr().into(), ip.header().destination_addr().into())),
        _ => None,
    }
}

fn datagram<'a>(from: IpAddr, to: IpAddr, udp: &UdpSlice<'a>) -> Carried<'a> {
    let ends = Ends { from: SocketAddr::new(from, udp.source_port()), to: SocketAddr::new(to, udp.destination_port()) };
    Carried::Datagram(ends, udp.payload())
}

fn segment<'a>(from: IpAddr, to: IpAddr, tcp: &TcpSlice<'a>) -> Carried<'a> {
    let ends = Ends { from: SocketAddr::new(from, tcp.source_port()), to: SocketAddr::new(to, tcp.destination_port()) };
    let segment =
        Segment { number: tcp.sequence_number(), syn: tcp.syn(), last: tcp.fin() || tcp.rst(), bytes: tcp.payload() };
    Carried::Segment(ends, segment)
}
