//! Descriptions of plain RTP: what this end offers and answers, by the core's helpers.

use std::net::IpAddr;

use bytes::Bytes;
use offhook_core::sdp::negotiate::{self, Capabilities, Local, Stream};
use offhook_core::sdp::{Crypto, CryptoSuite, Direction, SdpRef, SessionDescription, continue_session, hold, resume};

use super::codec::Codec;
use super::error::MediaError;
use super::options::{Options, Srtp};
use super::random;
use super::speak::Kind;

/// What this end said last, and what it could say, for one call.
#[derive(Debug)]
pub(super) struct Agreement {
    capabilities: Capabilities,
    at: Local,
    /// The description in force, or offered first.
    local: Option<SessionDescription>,
    /// An offer that is not answered yet.
    offered: Option<SessionDescription>,
    /// What this end would like.
    held: bool,
}

/// A stream that was agreed on, and what may come in on it.
#[derive(Debug, Clone)]
pub(super) struct Agreed {
    pub(super) stream: Stream,
    pub(super) formats: Vec<(u8, Kind, u32)>,
}

impl Agreement {
    /// For media at this address.
    pub(super) fn new(options: &Options, address: IpAddr, port: u16) -> Agreement {
        let crypto = match options.srtp {
            Srtp::Never => Vec::new(),
            _ => (1..).zip(SUITES).filter_map(|(tag, suite)| key(tag, suite)).collect(),
        };
        let capabilities = Capabilities {
            codecs: options.codecs.iter().map(|codec| codec.in_sdp()).collect(),
            ptime: u32::try_from(options.ptime.as_millis()).ok(),
            secure: options.srtp == Srtp::Required,
            crypto,
            rtcp_mux: options.rtcp_mux,
            ..Capabilities::default()
        };
        let mut at = Local::new(options.public.unwrap_or(address), port);
        // As a decimal number of 62 bits, which all can read (RFC 3264 5).
        at.session_id = random::number() >> 2;
        Agreement { capabilities, at, local: None, offered: None, held: false }
    }

    /// A first offer, or the description in force once more.
    pub(super) fn offer(&mut self) -> Bytes {
        let offer = match &self.local {
            Some(local) => local.clone(),
            None => negotiate::offer(&self.capabilities, &self.at),
        };
        self.offered = Some(offer.clone());
        offer.to_bytes()
    }

    /// An offer that holds the other side, or takes it off hold.
    pub(super) fn offer_hold(&mut self, held: bool) -> Result<Bytes, MediaError> {
        let local = self.local.as_ref().ok_or(MediaError::NoOffer)?;
        let offer = if held { hold(local) } else { resume(local) };
        let bytes = offer.to_bytes();
        self.offered = Some(offer);
        Ok(bytes)
    }

    /// Takes the answer to the last offer. `early`: another may follow.
    pub(super) fn accept(&mut self, answer: &[u8], early: bool) -> Result<Agreed, MediaError> {
        let offer = self.offered.as_ref().or(self.local.as_ref()).ok_or(MediaError::NoOffer)?;
        let answer = SdpRef::parse(answer)?;
        let stream = negotiate::complete(&offer.view(), &answer)?;
        let agreed = Agreed { formats: formats(&offer.view(), stream.index), stream };
        if !early && let Some(offer) = self.offered.take() {
            self.held = !offer.view().media_at(agreed.stream.index).is_some_and(|media| media.direction().receives());
            self.local = Some(offer);
        }
        Ok(agreed)
    }

    /// The last offer came to nothing: what was before is in force.
    pub(super) fn give_up(&mut self) {
        if self.local.is_some() {
            self.offered = None;
        }
    }

    /// Answers an offer.
    pub(super) fn answer(&mut self, offer: &[u8]) -> Result<(Bytes, Agreed), MediaError> {
        let offer = SdpRef::parse(offer)?;
        // Who holds goes on holding, whoever offers (RFC 6337 5.3).
        let direction = if self.held { Direction::SendOnly } else { Direction::SendRecv };
        let at = Local { direction, ..self.at };
        let (mut answer, stream) = negotiate::answer(&offer, &self.capabilities, &at)?;
        if let Some(local) = &self.local {
            continue_session(&local.view(), &mut answer);
        }
        let agreed = Agreed { formats: formats(&answer.view(), stream.index), stream };
        let bytes = answer.to_bytes();
        (self.local, self.offered) = (Some(answer), None);
        Ok((bytes, agreed))
    }
}

/// What the payload types of a description of ours mean.
pub(super) fn formats(local: &SdpRef<'_>, index: usize) -> Vec<(u8, Kind, u32)> {
    let Some(media) = local.media_at(index) else { return Vec::new() };
    let kind = |map: offhook_core::sdp::RtpMap<'_>| {
        if map.encoding.eq_ignore_ascii_case("telephone-event") {
            return Some((map.payload, Kind::Event, map.clock));
        }
        let codec = Codec::ALL.into_iter().find(|codec| codec.in_sdp().map().is_same_format(&map))?;
        Some((map.payload, Kind::Audio(codec), map.clock))
    };
    media.codecs().filter_map(kind).collect()
}

fn key(tag: u32, suite: CryptoSuite) -> Option<Crypto> {
    Crypto::new(tag, suite, &random::bytes(suite.material_length())?)
}

/// What is offered, the preferred first: what everybody has goes before what few have, and short tags are not offered.
const SUITES: [CryptoSuite; 4] = [
    CryptoSuite::AesCm128HmacSha1_80,
    CryptoSuite::AesCm256HmacSha1_80,
    CryptoSuite::AeadAes128Gcm,
    CryptoSuite::AeadAes256Gcm,
];
