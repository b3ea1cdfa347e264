//! The values of single lines, borrowed and taken apart.
use std::fmt;
use std::net::IpAddr;

/// An `o=` line (RFC 8866 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// `-` where there is no such notion.
    pub username: &'a str,
    /// A number as text: it may have any length.
    pub session_id: &'a str,
    /// A number as text; grows by one with each change (RFC 3264 8).
    pub version: &'a str,
    /// The network and address type with the address, as written.
    pub address: &'a str,
}

impl<'a> Origin<'a> {
    pub(super) fn parse(value: &'a str) -> Option<Origin<'a>> {
        let mut parts = value.splitn(4, ' ');
        let origin = Origin {
            username: parts.next().filter(|part| !part.is_empty())?,
            session_id: parts.next().filter(|part| is_number(part))?,
            version: parts.next().filter(|part| is_number(part))?,
            address: parts.next()?,
        };
        (is_text(value) && origin.address.split_ascii_whitespace().count() == 3).then_some(origin)
    }
}

/// A `c=` line (RFC 8866 5.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection<'a> {
    /// `IP4` or `IP6`, normally.
    pub address_type: &'a str,
    /// The address or host name, without a multicast time to live.
    pub address: &'a str,
}

impl<'a> Connection<'a> {
    pub(super) fn parse(value: &'a str) -> Option<Connection<'a>> {
        let mut parts = value.split_ascii_whitespace();
        parts.next()?;
        let (address_type, address) = (parts.next()?, parts.next()?);
        let address = address.split('/').next().filter(|address| !address.is_empty())?;
        (parts.next().is_none() && is_text(value)).then_some(Connection { address_type, address })
    }

    /// True for `0.0.0.0` and `::`: nothing must be sent there. Old agents mean hold by it (RFC 6337 5.4), agents with
    /// trickled candidates mean that they do not know yet.
    pub fn is_unspecified(&self) -> bool {
        self.ip().is_some_and(|ip| ip.is_unspecified())
    }

    /// The address, unless it is a host name.
    pub fn ip(&self) -> Option<IpAddr> {
        self.address.parse().ok()
    }
}

/// An `m=` line (RFC 8866 5.14).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MediaLine<'a> {
    /// `audio`, `video`, `application`, …
    pub kind: &'a str,
    /// The port; zero rejects or ends the stream.
    pub port: u16,
    /// The number of ports, where written.
    pub port_count: Option<u32>,
    /// `RTP/AVP`, `UDP/TLS/RTP/SAVPF`, …
    pub protocol: &'a str,
    /// The formats as written, separated by spaces.
    pub formats: &'a str,
}

impl<'a> MediaLine<'a> {
    pub(super) fn parse(value: &'a str) -> Option<MediaLine<'a>> {
        let (kind, rest) = value.split_once(' ')?;
        let (ports, rest) = rest.trim_start().split_once(' ')?;
        let (protocol, formats) = rest.trim_start().split_once(' ').unwrap_or((rest.trim(), ""));
        let (port, port_count) = match ports.split_once('/') {
            Some((port, count)) => (port, Some(count.parse().ok()?)),
            None => (ports, None),
        };
        let port: u16 = port.parse().ok()?;
        let formats = formats.trim();
        // Some agents leave the formats out when they reject.
        let complete = !kind.is_empty() && !protocol.is_empty() && (port == 0 || !formats.is_empty());
        (complete && is_text(value)).then_some(MediaLine { kind, port, port_count, protocol, formats })
    }
}

/// What a payload type number means: an `a=rtpmap` line (RFC 8866 6.6) or a static assignment (RFC 3551 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpMap<'a> {
    /// The payload type number, 0 to 127.
    pub payload: u8,
    /// The encoding name; compare it without regard to case.
    pub encoding: &'a str,
    /// The clock rate in Hz.
    pub clock: u32,
    /// The number of audio channels, 1 where nothing is written.
    pub channels: u8,
}

impl<'a> RtpMap<'a> {
    pub(super) fn parse(value: &'a str) -> Option<RtpMap<'a>> {
        let (payload, rest) = value.split_once(' ')?;
        let mut parts = rest.trim().split('/');
        let map = RtpMap {
            payload: payload.parse().ok().filter(|&payload| payload < 128)?,
            encoding: parts.next().filter(|encoding| !encoding.is_empty())?,
            clock: parts.next()?.parse().ok()?,
            channels: parts.next().map_or(Some(1), |channels| channels.parse().ok())?,
        };
        Some(map)
    }

    /// The static assignment of a payload type number, for the audio formats still in use.
    pub fn of_static(payload: u8) -> Option<RtpMap<'static>> {
        let (encoding, clock) = match payload {
            0 => ("PCMU", 8000),
            3 => ("GSM", 8000),
            4 => ("G723", 8000),
            8 => ("PCMA", 8000),
            9 => ("G722", 8000),
            13 => ("CN", 8000),
            15 => ("G728", 8000),
            18 => ("G729", 8000),
            _ => return None,
        };
        Some(RtpMap { payload, encoding, clock, channels: 1 })
    }

    /// True if both mean the same format, whatever its number.
    pub fn is_same_format(&self, other: &RtpMap<'_>) -> bool {
        self.clock == other.clock
            && self.channels.max(1) == other.channels.max(1)
            && self.encoding.eq_ignore_ascii_case(other.encoding)
    }
}

impl fmt::Display for RtpMap<'_> {
    /// The value of an `a=rtpmap` line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.payload, self.encoding, self.clock)?;
        if self.channels > 1 { write!(f, "/{}", self.channels) } else { Ok(()) }
    }
}

/// An `a=fingerprint` line (RFC 8122 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint<'a> {
    /// The hash function, such as `sha-256`.
    pub hash: &'a str,
    /// The bytes as written: hexadecimal, upper case, separated by colons.
    pub value: &'a str,
}

impl<'a> Fingerprint<'a> {
    /// True if both are of the same certificate: in hexadecimal and in names of hash functions case says nothing.
    ///
    /// ```
    /// use offhook_core::sdp::Fingerprint;
    /// let of_line = Fingerprint { hash: "SHA-256", value: "19:e2" };
    /// assert!(of_line.is_same(&Fingerprint { hash: "sha-256", value: "19:E2" }));
    /// assert_eq!(of_line.digest(), Some(vec![0x19, 0xe2]));
    /// ```
    pub fn is_same(&self, other: &Fingerprint<'_>) -> bool {
        self.hash.eq_ignore_ascii_case(other.hash) && self.value.eq_ignore_ascii_case(other.value)
    }

    /// The bytes; `None` if it is not written as they must be, two digits each with colons between.
    pub fn digest(&self) -> Option<Vec<u8>> {
        let byte = |text: &str| {
            let digits = text.len() == 2 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
            u8::from_str_radix(text, 16).ok().filter(|_| digits)
        };
        self.value.split(':').map(byte).collect()
    }

    pub(super) fn parse(value: &'a str) -> Option<Fingerprint<'a>> {
        let (hash, value) = value.trim().split_once(' ')?;
        Some(Fingerprint { hash, value: value.trim() })
    }
}

impl fmt::Display for Fingerprint<'_> {
    /// The value of an `a=fingerprint` line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.hash)?;
        f.write_str(" ")?;
        f.write_str(self.value)
    }
}

/// An `a=setup` attribute: who opens the (DTLS) connection (RFC 4145 4, RFC 5763 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// This end opens it.
    Active,
    /// This end waits for it.
    Passive,
    /// Either; only in an offer.
    ActPass,
    /// Not now.
    HoldConn,
}

impl Setup {
    const ALL: [Setup; 4] = [Setup::Active, Setup::Passive, Setup::ActPass, Setup::HoldConn];

    pub(super) fn parse(value: &str) -> Option<Setup> {
        Setup::ALL.into_iter().find(|setup| setup.as_str().eq_ignore_ascii_case(value.trim()))
    }

    /// The attribute's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Setup::Active => "active",
            Setup::Passive => "passive",
            Setup::ActPass => "actpass",
            Setup::HoldConn => "holdconn",
        }
    }

    /// What to answer to this offer; to `actpass` the answerer should be `active` (RFC 5763 5).
    ///
    /// ```
    /// use offhook_core::sdp::Setup;
    /// assert_eq!([Setup::ActPass, Setup::Active].map(Setup::answer), [Setup::Active, Setup::Passive]);
    /// ```
    #[must_use]
    pub const fn answer(self) -> Setup {
        match self {
            Setup::Active => Setup::Passive,
            Setup::Passive | Setup::ActPass => Setup::Active,
            Setup::HoldConn => Setup::HoldConn,
        }
    }
}

/// No control characters: written anew they would become spaces, and the line another one.
fn is_text(value: &str) -> bool {
    !value.contains(|character: char| character.is_ascii_control() && character != '\t')
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_taken_apart() {
        let origin = Origin::parse("- 4962303333179871722 1 IN IP4 0.0.0.0").unwrap();
        assert_eq!((origin.session_id, origin.version, origin.address), ("4962303333179871722", "1", "IN IP4 0.0.0.0"));
        assert_eq!(Origin::parse("- x 1 IN IP4 0.0.0.0"), None);
        assert_eq!(Origin::parse("- 1 1 IN IP4"), None);
        assert_eq!(Origin::parse("- 1 1 IN IP4 a\0b"), None);

        assert!(Connection::parse("IN IP4 0.0.0.0").unwrap().is_unspecified());
        assert!(Connection::parse("IN IP6 ::").unwrap().is_unspecified());
        assert_eq!(Connection::parse("IN IP4 224.2.36.42/127").unwrap().address, "224.2.36.42");
        assert_eq!(Connection::parse("IN IP4"), None);
        assert_eq!(MediaLine::parse("a\0b 0 RTP/AVP 0"), None);

        let line = MediaLine::parse("audio 49170/2 RTP/AVP 0 8").unwrap();
        assert_eq!((line.port, line.port_count, line.formats), (49170, Some(2), "0 8"));
        assert!(MediaLine::parse("audio 0 RTP/AVP").is_some());
        assert_eq!(MediaLine::parse("audio 7 RTP/AVP"), None);
        assert_eq!(MediaLine::parse("audio 70000 RTP/AVP 0"), None);

        let opus = RtpMap::parse("111 opus/48000/2").unwrap();
        assert_eq!((opus.payload, opus.clock, opus.channels), (111, 48_000, 2));
        assert_eq!(opus.to_string(), "111 opus/48000/2");
        assert!(RtpMap::parse("96 pcmu/8000").unwrap().is_same_format(&RtpMap::of_static(0).unwrap()));
        assert_eq!(RtpMap::parse("200 x/1"), None);
        assert_eq!(Setup::parse("ACTPASS").map(Setup::answer), Some(Setup::Active));
    }
}
