//! Offers and answers for one RTP or SRTP audio stream (RFC 3264 5 to 7): for agents that carry the media themselves. Keys
//! for SRTP are in the descriptions (RFC 4568). Descriptions for WebRTC come from whoever runs ICE and DTLS; of those only
//! [`check_answer`] is asked.
use super::crypto::Crypto;
use super::description::SessionDescription;
use super::direction::Direction;
use super::section::Section;
use super::values::RtpMap;
use super::view::{MediaRef, SdpRef};
use std::net::IpAddr;

/// An audio format this end can send and receive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codec {
    /// The payload type number to offer; an answer takes over the offer's.
    pub payload: u8,
    /// The encoding name, such as `PCMU` or `opus`.
    pub encoding: Box<str>,
    /// The clock rate in Hz.
    pub clock: u32,
    /// The number of channels.
    pub channels: u8,
    /// Parameters for `a=fmtp`.
    pub fmtp: Option<Box<str>>,
}

/// What this end can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The formats, the preferred first.
    pub codecs: Vec<Codec>,
    /// The payload type number to offer telephone events (RFC 4733) with, at 8000 Hz where a format has that; those at other
    /// clock rates get the next numbers that are free, since events go at the rate of the format they interrupt. An
    /// answer takes over the offer's, at the clock rate of the chosen format. `None`: no events.
    pub telephone_event: Option<u8>,
    /// The packet length this end would like to receive, in milliseconds.
    pub ptime: Option<u32>,
    /// Whose order of formats an answer keeps: the offerer's (false, as RFC 3264 6.1 recommends) or this end's (true).
    pub own_order: bool,
    /// The keys with which this end encrypts, one for each suite it has, the preferred first; new ones for each call. With
    /// none there is no SRTP: offers of it are refused.
    pub crypto: Vec<Crypto>,
    /// Nothing but SRTP: offers are `RTP/SAVP`, and others' plain ones are refused. Otherwise offers are plain, and an
    /// answer is what was offered.
    pub secure: bool,
    /// RTCP may come and go on the port of RTP (RFC 5761), if both ends say so.
    pub rtcp_mux: bool,
}

impl Default for Capabilities {
    /// G.711 in both laws and telephone events, in packets of 20 ms: what every phone takes.
    fn default() -> Capabilities {
        Capabilities {
            codecs: vec![Codec::pcmu(), Codec::pcma()],
            telephone_event: Some(101),
            ptime: Some(20),
            own_order: false,
            crypto: Vec::new(),
            secure: false,
            rtcp_mux: false,
        }
    }
}

/// Where this end receives, and what it wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local {
    /// The address.
    pub address: IpAddr,
    /// The RTP port.
    pub port: u16,
    /// The direction it would like; see [`Direction::answer`].
    pub direction: Direction,
    /// The number for the `o=` line, the same for a whole dialog.
    pub session_id: u64,
    /// The version for the `o=` line of a first description; later ones go through
    /// [`continue_session`](super::continue_session).
    pub version: u64,
}

impl Local {
    /// A first description that sends and receives at this address and port.
    pub fn new(address: impl Into<IpAddr>, port: u16) -> Local {
        Local { address: address.into(), port, direction: Direction::SendRecv, session_id: 1, version: 1 }
    }
}

/// An agreed audio stream, seen from this end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Which media description it is, counted from 0.
    pub index: usize,
    /// The format to send, with the payload type number the other end expects and its parameters.
    pub codec: Codec,
    /// The payload type number under which that format arrives here.
    pub receive_payload: u8,
    /// The payload type number to send telephone events with, if both ends know them.
    pub telephone_event: Option<u8>,
    /// The host to send to, as written: an address, seldom a name.
    pub remote_host: Box<str>,
    /// The port to send to.
    pub remote_port: u16,
    /// The host to send RTCP to, where that is another one (RFC 3605).
    pub remote_rtcp_host: Box<str>,
    /// The port to send RTCP to: that of RTP where they share one, else the next one unless the other end says otherwise.
    pub remote_rtcp_port: u16,
    /// RTCP shares the port of RTP, in both directions (RFC 5761).
    pub rtcp_mux: bool,
    /// The keys of an SRTP stream; a stream without is not encrypted.
    pub keys: Option<Keys>,
    /// The packet length the other end would like, in milliseconds.
    pub ptime: Option<u32>,
    /// The longest packet the other end takes, in milliseconds.
    pub maxptime: Option<u32>,
    /// What this end does. It does not send to the address 0.0.0.0.
    pub direction: Direction,
}

/// The keys of an SRTP stream (RFC 4568 5.1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// With which this end encrypts.
    pub send: Crypto,
    /// With which the other end does.
    pub receive: Crypto,
}

/// Why offer and answer do not come together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NegotiationError {
    /// The offer has no media at all.
    #[error("the offer has no media")]
    NoMedia,
    /// No audio stream with a format in common: answer 488.
    #[error("no media format in common")]
    NothingInCommon,
    /// The answer has another number of media descriptions than the offer (RFC 3264 6).
    #[error("offer with {offered} media descriptions, answer with {answered}")]
    MediaCount {
        /// How many the offer has.
        offered: usize,
        /// How many the answer has.
        answered: usize,
    },
    /// The media description at this place is of another kind or protocol than offered.
    #[error("media description {0} is of another kind or protocol than offered")]
    MediaKind(usize),
    /// Encryption is wanted and not had: plain audio alone was offered to an end that takes none, SRTP with no suite in
    /// common, or it was answered without a key that fits: answer 488.
    #[error("no agreement on encryption")]
    Encryption,
}

impl Codec {
    /// G.711 µ-law: payload type 0.
    pub fn pcmu() -> Codec {
        Codec::of(&RtpMap { payload: 0, encoding: "PCMU", clock: 8000, channels: 1 }, None)
    }

    /// G.711 A-law: payload type 8.
    pub fn pcma() -> Codec {
        Codec::of(&RtpMap { payload: 8, encoding: "PCMA", clock: 8000, channels: 1 }, None)
    }

    /// Opus (RFC 7587) at this dynamic payload type number.
    pub fn opus(payload: u8) -> Codec {
        Codec::of(&RtpMap { payload, encoding: "opus", clock: 48_000, channels: 2 }, Some("useinbandfec=1"))
    }

    /// As the `a=rtpmap` line has it.
    pub fn map(&self) -> RtpMap<'_> {
        RtpMap { payload: self.payload, encoding: &self.encoding, clock: self.clock, channels: self.channels }
    }

    fn of(map: &RtpMap<'_>, fmtp: Option<&str>) -> Codec {
        Codec {
            payload: map.payload,
            encoding: map.encoding.into(),
            clock: map.clock,
            channels: map.channels,
            fmtp: fmtp.map(Into::into),
        }
    }
}

/// An offer of one audio stream.
///
/// ```
/// use offhook_core::sdp::{Direction, negotiate::{Capabilities, Codec, Local, answer, complete, offer}};
/// let can = Capabilities { codecs: vec![Codec::pcmu()], ..Capabilities::default() };
/// let at = |address: &str| Local {
///     address: address.parse().unwrap(), port: 4000, direction: Direction::SendRecv, session_id: 1, version: 1,
/// };
/// let offered = offer(&can, &at("192.0.2.1"));
/// let (answered, theirs) = answer(&offered.view(), &can, &at("192.0.2.2"))?;
/// let ours = complete(&offered.view(), &answered.view())?;
/// assert_eq!((&*ours.remote_host, &*theirs.remote_host), ("192.0.2.2", "192.0.2.1"));
/// # Ok::<(), offhook_core::sdp::negotiate::NegotiationError>(())
/// ```
pub fn offer(capabilities: &Capabilities, local: &Local) -> SessionDescription {
    let events = events_for(capabilities);
    let codecs = capabilities.codecs.iter().chain(&events);
    let mut sdp = SessionDescription::new(local.session_id, local.version, local.address);
    let protocol = if capabilities.secure { "RTP/SAVP" } else { "RTP/AVP" };
    let keys = if capabilities.secure { capabilities.crypto.as_slice() } else { &[] };
    let line = Line { protocol, port: local.port, direction: local.direction, rtcp_mux: capabilities.rtcp_mux, keys };
    sdp.push_media(audio(&line, codecs, capabilities.ptime));
    sdp
}

/// The answer to an offer: the first audio stream with a format in common is taken, all others are rejected.
///
/// # Errors
///
/// If nothing can be taken: the request should be answered with 488.
pub fn answer(
    offer: &SdpRef<'_>,
    capabilities: &Capabilities,
    local: &Local,
) -> Result<(SessionDescription, Stream), NegotiationError> {
    let mut sdp = SessionDescription::new(local.session_id, local.version, local.address);
    if let Some(time) = offer.session().first('t') {
        sdp.session_mut().set('t', time); // RFC 3264 6: it must be the offer's
    }
    let mut stream = None;
    let mut unprotected = false;
    for (index, media) in offer.media().enumerate() {
        let common =
            if stream.is_none() && is_rtp_audio(&media) { in_common(&media, capabilities) } else { Vec::new() };
        let keys = protect(&media, capabilities);
        unprotected |= !common.is_empty() && keys.is_none();
        let (Some(first), Some(keys)) = (common.first(), keys) else {
            sdp.push_media(Section::media(media.kind(), 0, media.protocol(), media.line().formats));
            continue;
        };
        let clock = first.clock;
        let event = capabilities.telephone_event.and_then(|_| media.telephone_event(clock)).map(|p| events(p, clock));
        let direction = media.direction().answer(local.direction);
        let codecs = common.iter().chain(&event);
        let rtcp_mux = capabilities.rtcp_mux && media.has_rtcp_mux();
        let own = keys.as_ref().map(|keys: &Keys| std::slice::from_ref(&keys.send)).unwrap_or_default();
        let line = Line { protocol: media.protocol(), port: local.port, direction, rtcp_mux, keys: own };
        sdp.push_media(audio(&line, codecs, capabilities.ptime));
        let codec = Codec { fmtp: media.fmtp(first.payload).map(Into::into), ..first.clone() };
        stream = Some(Stream {
            index,
            receive_payload: first.payload,
            codec,
            telephone_event: event.map(|event| event.payload),
            keys,
            ..Stream::towards(&media, direction, rtcp_mux)
        });
    }
    match stream {
        Some(stream) => Ok((sdp, stream)),
        None if unprotected => Err(NegotiationError::Encryption),
        None if sdp.media_count() == 0 => Err(NegotiationError::NoMedia),
        None => Err(NegotiationError::NothingInCommon),
    }
}

/// The stream that an answer to this end's offer leads to.
///
/// # Errors
///
/// Those of [`check_answer`], and [`NothingInCommon`](NegotiationError::NothingInCommon) if every audio stream was
/// rejected or answered with formats that were not offered, or [`Encryption`](NegotiationError::Encryption) if the answer
/// to SRTP has no key for one of the suites that were offered.
pub fn complete(offer: &SdpRef<'_>, answer: &SdpRef<'_>) -> Result<Stream, NegotiationError> {
    check_answer(offer, answer)?;
    for (index, (ours, theirs)) in offer.media().zip(answer.media()).enumerate() {
        if ours.is_rejected() || !is_rtp_audio(&theirs) {
            continue;
        }
        let is_event = |map: &RtpMap<'_>| map.encoding.eq_ignore_ascii_case("telephone-event");
        let agreed = theirs.codecs().filter(|map| !is_event(map)).find_map(|theirs| {
            let ours = ours.codecs().find(|ours| ours.is_same_format(&theirs))?;
            Some((ours, theirs))
        });
        let Some((receive, send)) = agreed else { continue };
        let keys = agreed_keys(&ours, &theirs)?;
        let rtcp_mux = ours.has_rtcp_mux() && theirs.has_rtcp_mux();
        let direction = ours.direction().and(theirs.direction().mirror());
        return Ok(Stream {
            index,
            receive_payload: receive.payload,
            codec: Codec::of(&send, theirs.fmtp(send.payload)),
            telephone_event: ours.telephone_event(send.clock).and_then(|_| theirs.telephone_event(send.clock)),
            keys,
            ..Stream::towards(&theirs, direction, rtcp_mux)
        });
    }
    Err(NegotiationError::NothingInCommon)
}

/// Checks that an answer has the shape of its offer: as many media descriptions, of the same kinds in the same order,
/// and the same protocols unless rejected (RFC 3264 6).
///
/// # Errors
///
/// The first difference.
pub fn check_answer(offer: &SdpRef<'_>, answer: &SdpRef<'_>) -> Result<(), NegotiationError> {
    let (offered, answered) = (offer.media().count(), answer.media().count());
    if offered != answered {
        return Err(NegotiationError::MediaCount { offered, answered });
    }
    for (index, (ours, theirs)) in offer.media().zip(answer.media()).enumerate() {
        let same_protocol = ours.protocol().eq_ignore_ascii_case(theirs.protocol());
        if ours.kind() != theirs.kind() || !(same_protocol || theirs.is_rejected()) {
            return Err(NegotiationError::MediaKind(index));
        }
    }
    Ok(())
}

impl Stream {
    /// What a remote media description says about where and how to send; the formats are for the caller to fill in.
    fn towards(remote: &MediaRef<'_>, direction: Direction, rtcp_mux: bool) -> Stream {
        let connection = remote.connection();
        let host = connection.map_or("", |connection| connection.address);
        let (rtcp_port, rtcp_host) = match remote.rtcp().filter(|_| !rtcp_mux) {
            Some((port, connection)) => (port, connection.map_or(host, |connection| connection.address)),
            None => (remote.port().saturating_add(u16::from(!rtcp_mux)), host),
        };
        let nowhere = connection.is_none_or(|connection| connection.is_unspecified());
        Stream {
            index: 0,
            codec: Codec::pcmu(),
            receive_payload: 0,
            telephone_event: None,
            remote_host: host.into(),
            remote_port: remote.port(),
            remote_rtcp_host: rtcp_host.into(),
            remote_rtcp_port: rtcp_port,
            rtcp_mux,
            keys: None,
            ptime: remote.ptime(),
            maxptime: remote.maxptime(),
            direction: direction.and(Direction::new(!nowhere, true)),
        }
    }
}

fn is_rtp_audio(media: &MediaRef<'_>) -> bool {
    let plain = ["RTP/AVP", "RTP/AVPF"].iter().any(|protocol| protocol.eq_ignore_ascii_case(media.protocol()));
    media.kind() == "audio" && (plain || is_protected(media)) && !media.is_rejected()
}

fn is_protected(media: &MediaRef<'_>) -> bool {
    ["RTP/SAVP", "RTP/SAVPF"].iter().any(|protocol| protocol.eq_ignore_ascii_case(media.protocol()))
}

/// The keys for an offered stream, which for a plain one are none; `None` if it cannot be taken like that.
fn protect(media: &MediaRef<'_>, capabilities: &Capabilities) -> Option<Option<Keys>> {
    if !is_protected(media) {
        return (!capabilities.secure).then_some(None);
    }
    media.crypto().find_map(|receive| {
        let own = capabilities.crypto.iter().find(|own| own.suite == receive.suite)?;
        Some(Some(Keys { send: own.answering(receive.tag), receive }))
    })
}

/// The keys by which an answer takes one of the suites offered (RFC 4568 5.1.3).
fn agreed_keys(ours: &MediaRef<'_>, theirs: &MediaRef<'_>) -> Result<Option<Keys>, NegotiationError> {
    if !is_protected(theirs) {
        return Ok(None);
    }
    let receive = theirs.crypto().next().ok_or(NegotiationError::Encryption)?;
    let taken = |own: &Crypto| own.tag == receive.tag && own.suite == receive.suite;
    let send = ours.crypto().find(taken).ok_or(NegotiationError::Encryption)?;
    Ok(Some(Keys { send, receive }))
}

/// This end's formats that are offered, with the offer's payload type numbers.
fn in_common(media: &MediaRef<'_>, capabilities: &Capabilities) -> Vec<Codec> {
    let renumber = |codec: &Codec, offered: &RtpMap<'_>| Codec { payload: offered.payload, ..codec.clone() };
    let own = &capabilities.codecs;
    if capabilities.own_order {
        let find = |codec: &Codec| {
            let offered = media.codecs().find(|offered| offered.is_same_format(&codec.map()))?;
            Some(renumber(codec, &offered))
        };
        return own.iter().filter_map(find).collect();
    }
    let find = |offered: RtpMap<'_>| {
        let codec = own.iter().find(|codec| codec.map().is_same_format(&offered))?;
        Some(renumber(codec, &offered))
    };
    media.codecs().filter_map(find).collect()
}

/// Telephone events at each clock rate there is.
fn events_for(capabilities: &Capabilities) -> Vec<Codec> {
    let mut found: Vec<Codec> = Vec::new();
    let Some(first) = capabilities.telephone_event else { return found };
    let mut clocks: Vec<u32> = capabilities.codecs.iter().map(|codec| codec.clock).collect();
    clocks.sort_by_key(|clock| *clock != 8000);
    for clock in clocks {
        let taken = |number: &u8| capabilities.codecs.iter().chain(&found).any(|codec| codec.payload == *number);
        let number = if found.is_empty() { Some(first) } else { (96..=127).find(|number| !taken(number)) };
        if let Some(number) = number.filter(|_| !found.iter().any(|known| known.clock == clock)) {
            found.push(events(number, clock));
        }
    }
    found
}

fn events(payload: u8, clock: u32) -> Codec {
    Codec::of(&RtpMap { payload, encoding: "telephone-event", clock, channels: 1 }, Some("0-16"))
}

/// What a media description of ours says beside its formats.
struct Line<'a> {
    protocol: &'a str,
    port: u16,
    direction: Direction,
    rtcp_mux: bool,
    keys: &'a [Crypto],
}

fn audio<'c>(line: &Line<'_>, codecs: impl Iterator<Item = &'c Codec> + Clone, ptime: Option<u32>) -> Section {
    let mut formats = String::new();
    for codec in codecs.clone() {
        if !formats.is_empty() {
            formats.push(' ');
        }
        formats.push_str(&codec.payload.to_string());
    }
    let mut section = Section::media("audio", line.port, line.protocol, &formats);
    for codec in codecs {
        section.push_attribute("rtpmap", Some(&codec.map().to_string()));
        if let Some(fmtp) = &codec.fmtp {
            section.push_attribute("fmtp", Some(&[&codec.payload.to_string(), " ", fmtp].concat()));
        }
    }
    if let Some(ptime) = ptime {
        section.push_attribute("ptime", Some(&ptime.to_string()));
    }
    for crypto in line.keys {
        section.push_attribute("crypto", Some(&crypto.to_value()));
    }
    if line.rtcp_mux {
        section.push_attribute("rtcp-mux", None);
    }
    section.set_direction(line.direction);
    section
}

#[cfg(test)]
#[path = "negotiate_tests.rs"]
mod tests;
