//! Session descriptions.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use offhook_core::sdp::{
    Candidate, Direction, Fingerprint, MediaLine, RtpMap, SdpRef, Section, SessionDescription, Setup,
};
use proptest::prelude::*;

use super::text::{line, token, word};

/// Foundation, component, priority, address, port, related address and port.
type Way = (String, u16, u32, IpAddr, u16, Option<(IpAddr, u16)>);

#[derive(Clone, Debug)]
struct Media {
    kind: String,
    port: u16,
    protocol: String,
    maps: Vec<(u8, String, u32, u8)>,
    direction: Option<Direction>,
    setup: Option<Setup>,
    candidates: Vec<Way>,
    attributes: Vec<(String, Option<String>)>,
}

impl Media {
    fn formats(&self) -> String {
        self.maps.iter().map(|(payload, ..)| payload.to_string()).collect::<Vec<_>>().join(" ")
    }

    fn write(&self) -> Section {
        let mut section = Section::media(&self.kind, self.port, &self.protocol, &self.formats());
        for map in &self.maps {
            section.push_attribute("rtpmap", Some(&map_of(map).to_string()));
        }
        if let Some(direction) = self.direction {
            section.set_direction(direction);
        }
        if let Some(setup) = self.setup {
            section.set_attribute("setup", Some(setup.as_str()));
        }
        section.set_attribute("fingerprint", Some(&Fingerprint { hash: "sha-256", value: "AA:BB" }.to_string()));
        for candidate in &self.candidates {
            section.push_attribute("candidate", Some(&written(candidate)));
        }
        for (name, value) in &self.attributes {
            section.push_attribute(name, value.as_deref());
        }
        section
    }

    fn check(&self, sdp: &SdpRef<'_>, at: usize) {
        let media = sdp.media_at(at).unwrap();
        let formats = self.formats();
        let line = MediaLine {
            kind: &self.kind,
            port: self.port,
            port_count: None,
            protocol: &self.protocol,
            formats: &formats,
        };
        assert_eq!(media.line(), line);
        assert_eq!(media.direction(), self.direction.unwrap_or(Direction::SendRecv));
        let section = media.section();
        assert_eq!(section.values("rtpmap").collect::<Vec<_>>().len(), self.maps.len());
        let maps = self.maps.iter().map(|map| map_of(map).to_string());
        assert!(section.values("rtpmap").eq(maps));
        assert_eq!(section.attribute("setup"), self.setup.map(Setup::as_str));
        assert_eq!(section.attribute("fingerprint"), Some("sha-256 AA:BB"));
        assert_eq!(section.values("candidate").count(), self.candidates.len());
        for (found, candidate) in section.values("candidate").zip(&self.candidates) {
            let read = Candidate::parse(found).unwrap();
            assert_eq!(read.to_string(), written(candidate));
            let (foundation, component, priority, ip, port, related) = candidate;
            assert_eq!((read.foundation, read.component, read.priority), (&**foundation, *component, *priority));
            assert_eq!((read.address.parse(), read.port), (Ok(*ip), *port));
            assert_eq!(read.related_port, related.map(|(_, port)| port));
        }
        for (name, value) in &self.attributes {
            assert!(section.attributes().any(|found| found == (&**name, value.as_deref())), "{name}");
        }
    }
}

fn map_of((payload, encoding, clock, channels): &(u8, String, u32, u8)) -> RtpMap<'_> {
    RtpMap { payload: *payload, encoding, clock: *clock, channels: *channels }
}

fn written(candidate: &Way) -> String {
    let (foundation, component, priority, ip, port, related) = candidate;
    let (address, related_ip) = (ip.to_string(), related.map(|(ip, _)| ip.to_string()));
    let candidate = Candidate {
        foundation,
        component: *component,
        transport: "udp",
        priority: *priority,
        address: &address,
        port: *port,
        kind: if related.is_some() { "srflx" } else { "host" },
        related_address: related_ip.as_deref(),
        related_port: related.map(|(_, port)| port),
        extensions: "generation 0",
    };
    candidate.to_string()
}

fn ip() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(|bytes| Ipv4Addr::from(bytes).into()),
        any::<[u16; 8]>().prop_map(|words| Ipv6Addr::from(words).into()),
    ]
}

/// An attribute that means nothing to the reader.
fn attribute() -> impl Strategy<Value = (String, Option<String>)> {
    // What a line may hold; spaces around the value are its own.
    let value = line().prop_map(|text| text.chars().filter(|found| !found.is_control()).collect::<String>());
    (word(), proptest::option::of(value)).prop_map(|(name, value)| (format!("x-{name}"), value))
}

fn media() -> impl Strategy<Value = Media> {
    let directions = [
        None,
        Some(Direction::SendRecv),
        Some(Direction::SendOnly),
        Some(Direction::RecvOnly),
        Some(Direction::Inactive),
    ];
    let setups = [None, Some(Setup::Active), Some(Setup::Passive), Some(Setup::ActPass), Some(Setup::HoldConn)];
    let map = (0_u8..128, word(), any::<u32>(), 1_u8..8);
    let related = proptest::option::of((ip(), any::<u16>()));
    let candidate = (word(), any::<u16>(), any::<u32>(), ip(), any::<u16>(), related);
    let line = (word(), any::<u16>(), prop::sample::select(&["RTP/AVP", "UDP/TLS/RTP/SAVPF"][..]));
    let ways = (prop::sample::select(directions.to_vec()), prop::sample::select(setups.to_vec()));
    let attributes = prop::collection::vec(attribute(), 0..4);
    (line, prop::collection::vec(map, 1..5), ways, prop::collection::vec(candidate, 0..4), attributes).prop_map(
        |((kind, port, protocol), maps, (direction, setup), candidates, attributes)| Media {
            kind,
            port,
            protocol: protocol.to_owned(),
            maps,
            direction,
            setup,
            candidates,
            attributes,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn descriptions_read_back(
        numbers in any::<(u64, u64)>(),
        address in ip(),
        name in token(),
        attributes in prop::collection::vec(attribute(), 0..4),
        media in prop::collection::vec(media(), 0..4),
    ) {
        let mut sdp = SessionDescription::new(numbers.0, numbers.1, address);
        sdp.session_mut().set('s', &name);
        for (name, value) in &attributes {
            sdp.session_mut().push_attribute(name, value.as_deref());
        }
        media.iter().for_each(|media| sdp.push_media(media.write()));

        let bytes = sdp.to_bytes();
        let view = SdpRef::parse(&bytes).unwrap();
        let origin = view.origin().unwrap();
        prop_assert_eq!(origin.session_id.parse(), Ok(numbers.0));
        prop_assert_eq!(origin.version.parse(), Ok(numbers.1));
        prop_assert_eq!(view.session().first('s'), Some(&*name));
        for (name, value) in &attributes {
            prop_assert!(view.session().attributes().any(|found| found == (&**name, value.as_deref())));
        }
        prop_assert_eq!(view.media().count(), media.len());
        media.iter().enumerate().for_each(|(at, media)| media.check(&view, at));
        let read = view.to_description();
        prop_assert_eq!(&read, &sdp);
        prop_assert_eq!(read.to_bytes(), bytes);
    }
}
