//! The WebRTC stack of a session: negotiation with the peer, and RTP to and from it.
//!
//! This is the only file that shows str0m what to negotiate. It moves no bytes; [`driver`](super::driver) does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::format::{Codec as Format, FormatParams};
use str0m::media::{Direction, Frequency, MediaKind, Mid, Pt};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite};
use str0m::{Candidate, Rtc};

use super::audio::{Packet, stated_level};
use super::codec::Codec;
use super::error::Error;
use super::sdp;

/// One peer connection with one audio stream each way.
#[derive(Debug)]
pub(super) struct Peer {
    /// The stack, for the driver to feed and to drain.
    pub(super) rtc: Rtc,
    mid: Mid,
    pending: Option<SdpPendingOffer>,
    /// The extended sequence number of the next packet.
    sequence: u64,
}

/// What an incoming RTP packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Payload {
    Audio(Codec),
    TelephoneEvent,
}

impl Peer {
    /// Answers an offer. Our addresses are `local`.
    pub(super) fn answer(offer: &str, local: impl Iterator<Item = SocketAddr>) -> Result<(Peer, String), Error> {
        let text = offer;
        let offer = parse_offer(text)?;
        let (mid, codec) = choose_audio(&offer).ok_or(Error::NoAudio)?;
        let mut peer = Peer::new(&[codec], mid, local)?;
        let answer = peer.rtc.sdp_api().accept_offer(offer)?;
        if peer.sending_as().is_none() {
            return Err(Error::NoAudio);
        }
        Ok((peer, sdp::complete(&answer.to_sdp_string(), text)))
    }

    /// Makes an offer: G.711 both ways, which every WebRTC endpoint has (RFC 7874, section 3).
    pub(super) fn offer(local: impl Iterator<Item = SocketAddr>) -> Result<(Peer, String), Error> {
        let mut peer = Peer::new(&[Codec::Pcmu, Codec::Pcma], Mid::from("0"), local)?;
        let mut changes = peer.rtc.sdp_api();
        peer.mid = changes.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        let (offer, pending) = changes.apply().ok_or(Error::NoOffer)?;
        peer.pending = Some(pending);
        Ok((peer, offer.to_sdp_string()))
    }

    /// Takes the answer to our offer.
    pub(super) fn accept(&mut self, answer: &str) -> Result<(), Error> {
        let answer = SdpAnswer::from_sdp_string(answer).map_err(|error| Error::Description(error.to_string()))?;
        let pending = self.pending.take().ok_or(Error::NoOffer)?;
        self.rtc.sdp_api().accept_answer(pending, answer)?;
        self.sending_as().map(|_| ()).ok_or(Error::NoAudio)
    }

    /// Answers another offer of the same peer. `local` are addresses of ours that are new.
    pub(super) fn reoffer(&mut self, offer: &str, local: impl Iterator<Item = SocketAddr>) -> Result<String, Error> {
        let text = offer;
        let offer = parse_offer(text)?;
        let fingerprint =
            offer.session.fingerprint().or_else(|| offer.media_lines.iter().find_map(|line| line.fingerprint()));
        let known = self.rtc.direct_api().remote_dtls_fingerprint().cloned();
        if known.is_some() && fingerprint.is_some() && fingerprint != known {
            return Err(Error::OtherPeer);
        }
        add_candidates(&mut self.rtc, local)?;
        self.pending = None;
        let answer = self.rtc.sdp_api().accept_offer(offer)?;
        Ok(sdp::complete(&answer.to_sdp_string(), text))
    }

    /// Whether the agreed direction lets us send.
    pub(super) fn sends(&self) -> bool {
        self.rtc.media(self.mid).is_some_and(|media| !media.disabled() && media.direction().is_sending())
    }

    /// Whether the agreed direction lets the peer send.
    pub(super) fn receives(&self) -> bool {
        self.rtc.media(self.mid).is_some_and(|media| !media.disabled() && media.direction().is_receiving())
    }

    /// The codec to send, and its payload type: the first that the peer names.
    pub(super) fn sending_as(&self) -> Option<(Pt, Codec)> {
        let payload_types = self.rtc.media(self.mid)?.remote_pts();
        payload_types.iter().find_map(|pt| match self.payload(*pt)? {
            Payload::Audio(codec) => Some((*pt, codec)),
            Payload::TelephoneEvent => None,
        })
    }

    /// What packets of a payload type carry.
    pub(super) fn payload(&self, pt: Pt) -> Option<Payload> {
        let params = self.rtc.codec_config().find(|params| params.pt() == pt)?;
        match params.spec().codec {
            Format::Tele => Some(Payload::TelephoneEvent),
            format => codec_of(format).map(Payload::Audio),
        }
    }

    /// Queues a packet. The stack sends it at the next timeout.
    pub(super) fn send(&mut self, pt: Pt, packet: Packet, now: Instant) {
        let (audio_level, voice_activity) = packet.level.map(stated_level).unzip();
        let extensions = ExtensionValues { audio_level, voice_activity, ..ExtensionValues::default() };
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(self.mid, None) else {
            return;
        };
        let write = RtpWrite::new(pt, self.sequence.into(), packet.time as u32, now, packet.payload);
        stream.write_rtp(write.marker(packet.marker).ext_vals(extensions));
        self.sequence += 1;
    }

    fn new(codecs: &[Codec], mid: Mid, local: impl Iterator<Item = SocketAddr>) -> Result<Peer, Error> {
        let mut config = Rtc::builder()
            .set_crypto_provider(Arc::new(str0m::crypto::from_feature_flags()))
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_pcmu(codecs.contains(&Codec::Pcmu), false)
            .enable_pcma(codecs.contains(&Codec::Pcma), false)
            .enable_opus(codecs.contains(&Codec::Opus), false);
        let rate = if codecs.contains(&Codec::Opus) { Frequency::FORTY_EIGHT_KHZ } else { Frequency::EIGHT_KHZ };
        let telephone_event = Pt::from(TELEPHONE_EVENT);
        config.codec_config().add_config(telephone_event, None, Format::Tele, rate, None, FormatParams::default());
        let mut rtc = config.build(Instant::now());
        add_candidates(&mut rtc, local)?;
        // Low enough that a packet lost at the start cannot confuse the count of rollovers (RFC 3711, section 3.3.1).
        let sequence = u64::from(super::random() & 0x3fff);
        Ok(Peer { rtc, mid, pending: None, sequence })
    }
}

/// The level an incoming packet states for itself, in dBov.
pub(super) fn stated_by(packet: &RtpPacket) -> Option<f32> {
    packet.header.ext_vals.audio_level.map(f32::from)
}

fn add_candidates(rtc: &mut Rtc, local: impl Iterator<Item = SocketAddr>) -> Result<(), Error> {
    for address in local {
        let candidate = Candidate::host(address, "udp").map_err(|error| Error::Refused(error.to_string()))?;
        rtc.add_local_candidate(candidate);
    }
    Ok(())
}

fn parse_offer(offer: &str) -> Result<SdpOffer, Error> {
    SdpOffer::from_sdp_string(&sdp::prepare(offer)).map_err(|error| Error::Description(error.to_string()))
}

/// The first audio stream of an offer that has a codec of ours, and the codec we like best of those it has.
///
/// G.711 goes first although Opus sounds better: the tone and the echo can then be made and measured here.
fn choose_audio(offer: &SdpOffer) -> Option<(Mid, Codec)> {
    offer.media_lines.iter().filter(|line| !line.disabled).find_map(|line| {
        let params = line.rtp_params();
        let offered = params.iter().filter_map(|params| codec_of(params.spec().codec));
        let best = offered.min_by_key(|codec| match codec {
            Codec::Pcmu => 0,
            Codec::Pcma => 1,
            Codec::Opus => 2,
        })?;
        Some((line.mid(), best))
    })
}

fn codec_of(format: Format) -> Option<Codec> {
    match format {
        Format::PCMU => Some(Codec::Pcmu),
        Format::PCMA => Some(Codec::Pcma),
        Format::Opus => Some(Codec::Opus),
        _ => None,
    }
}

/// The payload type of telephone events in our offers, by custom.
const TELEPHONE_EVENT: u8 = 101;
