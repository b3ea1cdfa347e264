//! Reading a description in place: nothing is copied, and a line is looked at when somebody asks for it.
use super::candidate::Candidate;
use super::crypto::Crypto;
use super::description::SessionDescription;
use super::direction::Direction;
use super::error::{SdpError, SdpErrorKind};
use super::section::Section;
use super::values::{Connection, Fingerprint, MediaLine, Origin, RtpMap, Setup};

/// A whole description, borrowed from the text it was read from or from a [`SessionDescription`].
///
/// ```
/// use offhook_core::sdp::{Direction, SdpRef};
/// let text = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
///              m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendonly\r\n";
/// let sdp = SdpRef::parse(text)?;
/// let audio = sdp.media_at(0).unwrap();
/// assert_eq!((audio.port(), audio.direction()), (4000, Direction::SendOnly));
/// assert_eq!(audio.telephone_event(8000), Some(101));
/// # Ok::<(), offhook_core::sdp::SdpError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SdpRef<'a> {
    session: SectionRef<'a>,
    media: Media<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Media<'a> {
    Text(&'a str),
    Sections(&'a [Section]),
}

/// The lines before the first `m=` line, or those from one `m=` line to the next.
#[derive(Clone, Copy, Debug)]
pub struct SectionRef<'a> {
    text: &'a str,
}

/// A media description: its own lines, with the session's behind them where those apply to all media.
#[derive(Clone, Copy, Debug)]
pub struct MediaRef<'a> {
    session: SectionRef<'a>,
    section: SectionRef<'a>,
    line: MediaLine<'a>,
}

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The letter before `=`.
    pub kind: char,
    /// What stands behind `=`, without the line end.
    pub value: &'a str,
}

impl<'a> SdpRef<'a> {
    /// Reads a description. Line ends may be CRLF or LF, the last may be missing, empty lines are ignored; the `s=`
    /// and `t=` lines that RFC 8866 demands may be missing.
    ///
    /// # Errors
    ///
    /// If the text is not UTF-8, does not begin with `v=0`, has a line without `=` behind its letter, or an `o=`,
    /// `c=` or `m=` line that cannot be read. Attributes are not judged here.
    pub fn parse(bytes: &'a [u8]) -> Result<SdpRef<'a>, SdpError> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let offset = error.valid_up_to();
            let line = bytes.iter().take(offset).filter(|&&byte| byte == b'\n').count().saturating_add(1);
            SdpError::new(line, offset, SdpErrorKind::NotUtf8)
        })?;
        let mut offset = 0_usize;
        let mut first = true;
        for (index, raw) in text.split_inclusive('\n').enumerate() {
            let fail = |kind| Err(SdpError::new(index.saturating_add(1), offset, kind));
            if !strip_end(raw).is_empty() {
                let Some(line) = Line::parse(raw) else {
                    return fail(SdpErrorKind::NotALine);
                };
                if first && (line.kind != 'v' || line.value.trim() != "0") {
                    return fail(SdpErrorKind::Version);
                }
                first = false;
                match line.kind {
                    'o' if Origin::parse(line.value).is_none() => return fail(SdpErrorKind::Syntax("o=")),
                    'c' if Connection::parse(line.value).is_none() => return fail(SdpErrorKind::Syntax("c=")),
                    'm' if MediaLine::parse(line.value).is_none() => return fail(SdpErrorKind::Syntax("m=")),
                    _ => {}
                }
            }
            offset = offset.saturating_add(raw.len());
        }
        if first {
            return Err(SdpError::new(1, 0, SdpErrorKind::Version));
        }
        let (session, media) = split_section(text);
        Ok(SdpRef { session: SectionRef { text: session }, media: Media::Text(media) })
    }

    pub(super) fn of_sections(session: &'a Section, media: &'a [Section]) -> SdpRef<'a> {
        SdpRef { session: session.view(), media: Media::Sections(media) }
    }

    /// The lines before the first `m=` line.
    pub fn session(&self) -> SectionRef<'a> {
        self.session
    }

    /// The media descriptions in order, rejected ones too.
    pub fn media(&self) -> impl Iterator<Item = MediaRef<'a>> + use<'a> {
        let session = self.session;
        let mut left = self.media;
        std::iter::from_fn(move || {
            let section = match &mut left {
                Media::Text("") => return None,
                Media::Text(text) => {
                    let (section, rest) = split_section(text);
                    *text = rest;
                    SectionRef { text: section }
                }
                Media::Sections(sections) => {
                    let (section, rest) = sections.split_first()?;
                    *sections = rest;
                    section.view()
                }
            };
            let line = section.first('m').and_then(MediaLine::parse).unwrap_or_default();
            Some(MediaRef { session, section, line })
        })
    }

    /// The media description at this place, counted from 0.
    pub fn media_at(&self, index: usize) -> Option<MediaRef<'a>> {
        self.media().nth(index)
    }

    /// The media description with this `a=mid` (RFC 5888).
    pub fn media_with_mid(&self, mid: &str) -> Option<MediaRef<'a>> {
        self.media().find(|media| media.mid() == Some(mid))
    }

    /// The `o=` line.
    pub fn origin(&self) -> Option<Origin<'a>> {
        self.session.first('o').and_then(Origin::parse)
    }

    /// The mids of each `a=group:BUNDLE` line, as written (RFC 9143). The first of them says the address of all.
    ///
    /// ```
    /// use offhook_core::sdp::SdpRef;
    /// let sdp = SdpRef::parse(b"v=0\r\na=group:BUNDLE 0 1\r\na=group:LS 0 1\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n\
    ///     m=video 0 RTP/AVP 31\r\na=mid:1\r\na=bundle-only\r\n")?;
    /// assert_eq!(sdp.bundles().collect::<Vec<_>>(), ["0 1"]);
    /// assert!(sdp.media().all(|media| media.is_bundled() && !media.is_rejected()));
    /// # Ok::<(), offhook_core::sdp::SdpError>(())
    /// ```
    pub fn bundles(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        bundles(self.session)
    }

    /// True with `a=ice-lite`: the writer's ICE is the short one, that of somebody with an address of his own
    /// (RFC 8839 5.3).
    pub fn is_ice_lite(&self) -> bool {
        self.session.has("ice-lite")
    }

    /// An editable copy.
    pub fn to_description(&self) -> SessionDescription {
        SessionDescription::from_view(self)
    }
}

impl<'a> SectionRef<'a> {
    pub(super) fn of(text: &'a str) -> SectionRef<'a> {
        SectionRef { text }
    }

    /// The text with its line ends.
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// Every line in order.
    pub fn lines(&self) -> impl Iterator<Item = Line<'a>> + use<'a> {
        self.text.split_inclusive('\n').filter_map(Line::parse)
    }

    /// The value of the first line with this letter.
    pub fn first(&self, kind: char) -> Option<&'a str> {
        self.lines().find(|line| line.kind == kind).map(|line| line.value)
    }

    /// Every attribute in order: the name, and the value if there is a colon.
    pub fn attributes(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> + use<'a> {
        self.lines().filter_map(|line| line.attribute())
    }

    /// True if there is an attribute of this name, with or without value.
    pub fn has(&self, name: &str) -> bool {
        self.attributes().any(|(other, _)| other == name)
    }

    /// The value of the first attribute of this name that has one.
    pub fn attribute(&self, name: &str) -> Option<&'a str> {
        self.attributes().find(|&(other, value)| other == name && value.is_some()).and_then(|(_, value)| value)
    }

    /// The values of all attributes of this name.
    pub fn values<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.attributes().filter(move |&(other, _)| other == name).filter_map(|(_, value)| value)
    }

    /// The direction attribute of this section alone, the last if there are several.
    pub fn direction(&self) -> Option<Direction> {
        self.attributes().filter(|(_, value)| value.is_none()).filter_map(|(name, _)| Direction::parse(name)).last()
    }
}

impl<'a> MediaRef<'a> {
    /// The lines of this media description.
    pub fn section(&self) -> SectionRef<'a> {
        self.section
    }

    /// The `m=` line.
    pub fn line(&self) -> MediaLine<'a> {
        self.line
    }

    /// `audio`, `video`, `application`, …
    pub fn kind(&self) -> &'a str {
        self.line.kind
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.line.port
    }

    /// The transport protocol, such as `RTP/AVP`.
    pub fn protocol(&self) -> &'a str {
        self.line.protocol
    }

    /// The formats of the `m=` line, the preferred first.
    pub fn formats(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.line.formats.split_ascii_whitespace()
    }

    /// True if the port is zero and that does not mean "only within a bundle" (RFC 9143 6): the stream is rejected or
    /// was ended.
    pub fn is_rejected(&self) -> bool {
        self.line.port == 0 && !(self.section.has("bundle-only") && self.is_bundled())
    }

    /// True if a BUNDLE group of the session names this stream's mid (RFC 9143).
    pub fn is_bundled(&self) -> bool {
        self.mid()
            .is_some_and(|mid| bundles(self.session).any(|mids| mids.split_ascii_whitespace().any(|of| of == mid)))
    }

    /// The direction: the section's own, else the session's, else `sendrecv` (RFC 8866 6.7).
    pub fn direction(&self) -> Direction {
        self.section.direction().or_else(|| self.session.direction()).unwrap_or_default()
    }

    /// Where media goes: the section's own `c=` line, else the session's.
    pub fn connection(&self) -> Option<Connection<'a>> {
        self.section.first('c').or_else(|| self.session.first('c')).and_then(Connection::parse)
    }

    /// What a payload type number of this stream means, by `a=rtpmap` or by static assignment.
    pub fn rtpmap(&self, payload: u8) -> Option<RtpMap<'a>> {
        let mut maps = self.section.values("rtpmap").filter_map(RtpMap::parse);
        maps.find(|map| map.payload == payload).or_else(|| RtpMap::of_static(payload))
    }

    /// The formats of the `m=` line whose meaning is known, in order.
    pub fn codecs(&self) -> impl Iterator<Item = RtpMap<'a>> + use<'a> {
        let media = *self;
        self.formats().filter_map(move |format| media.rtpmap(format.parse().ok()?))
    }

    /// The parameters of the `a=fmtp` line for a payload type number.
    pub fn fmtp(&self, payload: u8) -> Option<&'a str> {
        self.section
            .values("fmtp")
            .filter_map(|value| value.split_once(' '))
            .find(|(format, _)| format.parse() == Ok(payload))
            .map(|(_, parameters)| parameters.trim())
    }

    /// The payload type number for telephone events (RFC 4733) at this clock rate in Hz.
    pub fn telephone_event(&self, clock: u32) -> Option<u8> {
        self.codecs()
            .find(|map| map.clock == clock && map.encoding.eq_ignore_ascii_case("telephone-event"))
            .map(|map| map.payload)
    }

    /// `a=ptime`: the preferred packet length in milliseconds.
    pub fn ptime(&self) -> Option<u32> {
        self.section.attribute("ptime").and_then(|value| value.trim().parse().ok())
    }

    /// `a=maxptime`: the longest packet in milliseconds.
    pub fn maxptime(&self) -> Option<u32> {
        self.section.attribute("maxptime").and_then(|value| value.trim().parse().ok())
    }

    /// `a=rtcp`: the port for RTCP, and the address where it is another one (RFC 3605).
    pub fn rtcp(&self) -> Option<(u16, Option<Connection<'a>>)> {
        let value = self.section.attribute("rtcp")?.trim();
        let (port, address) = value.split_once(' ').unwrap_or((value, ""));
        Some((port.parse().ok()?, Connection::parse(address)))
    }

    /// The keys for SRTP that can be used (RFC 4568), the preferred first.
    pub fn crypto(&self) -> impl Iterator<Item = Crypto> + use<'a> {
        self.section.values("crypto").filter_map(Crypto::parse)
    }

    /// `a=mid` (RFC 5888).
    pub fn mid(&self) -> Option<&'a str> {
        self.section.attribute("mid").map(str::trim)
    }

    /// True with `a=rtcp-mux` (RFC 5761): RTP and RTCP share a port.
    pub fn has_rtcp_mux(&self) -> bool {
        self.section.has("rtcp-mux")
    }

    /// `a=ice-ufrag` of the section or the session (RFC 8839 5.4).
    pub fn ice_ufrag(&self) -> Option<&'a str> {
        self.inherited("ice-ufrag")
    }

    /// `a=ice-pwd` of the section or the session (RFC 8839 5.4).
    pub fn ice_pwd(&self) -> Option<&'a str> {
        self.inherited("ice-pwd")
    }

    /// The words of `a=ice-options` of the section and of the session, such as `trickle` and `ice2` (RFC 8839 5.6).
    pub fn ice_options(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let values = self.section.values("ice-options").chain(self.session.values("ice-options"));
        values.flat_map(str::split_ascii_whitespace)
    }

    /// True with `a=end-of-candidates` of the section or the session: no more of them will follow (RFC 8840 8.2).
    pub fn has_end_of_candidates(&self) -> bool {
        self.section.has("end-of-candidates") || self.session.has("end-of-candidates")
    }

    /// The ICE candidates that can be read.
    pub fn candidates(&self) -> impl Iterator<Item = Candidate<'a>> + use<'a> {
        self.section.values("candidate").filter_map(Candidate::parse)
    }

    /// The certificate fingerprints: the section's own, else the session's (RFC 8122 5).
    pub fn fingerprints(&self) -> impl Iterator<Item = Fingerprint<'a>> + use<'a> {
        let from = if self.section.has("fingerprint") { self.section } else { self.session };
        from.values("fingerprint").filter_map(Fingerprint::parse)
    }

    /// `a=setup` of the section or the session (RFC 5763 5).
    pub fn setup(&self) -> Option<Setup> {
        self.inherited("setup").and_then(Setup::parse)
    }

    fn inherited(&self, name: &str) -> Option<&'a str> {
        self.section.attribute(name).or_else(|| self.session.attribute(name))
    }
}

impl<'a> Line<'a> {
    pub(super) fn parse(raw: &'a str) -> Option<Line<'a>> {
        let line = strip_end(raw);
        match line.as_bytes() {
            [kind, b'=', ..] if kind.is_ascii_alphabetic() => {
                Some(Line { kind: char::from(*kind), value: line.get(2..)? })
            }
            _ => None,
        }
    }

    /// Name and value, if this is an `a=` line.
    pub fn attribute(&self) -> Option<(&'a str, Option<&'a str>)> {
        if self.kind != 'a' {
            return None;
        }
        Some(match self.value.split_once(':') {
            Some((name, value)) => (name, Some(value)),
            None => (self.value.trim_end(), None),
        })
    }
}

fn bundles<'a>(session: SectionRef<'a>) -> impl Iterator<Item = &'a str> + use<'a> {
    let mids = |group: &'a str| {
        let (kind, mids) = group.trim().split_once(' ').unwrap_or((group.trim(), ""));
        (kind == "BUNDLE").then_some(mids.trim())
    };
    session.values("group").filter_map(mids)
}

fn strip_end(raw: &str) -> &str {
    let raw = raw.strip_suffix('\n').unwrap_or(raw);
    raw.strip_suffix('\r').unwrap_or(raw)
}

/// Cuts before the next `m=` line after the first line.
fn split_section(text: &str) -> (&str, &str) {
    let mut end = 0_usize;
    for raw in text.split_inclusive('\n') {
        if end > 0 && raw.starts_with("m=") {
            break;
        }
        end = end.saturating_add(raw.len());
    }
    text.split_at_checked(end).unwrap_or((text, ""))
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
