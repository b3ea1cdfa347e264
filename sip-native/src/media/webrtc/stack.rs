//! How the WebRTC stack is set up: formats, addresses, and who it is to others.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::change::SdpPendingOffer;
use str0m::crypto::dtls::DtlsCert;
use str0m::format::{Codec as Format, FormatParams};
use str0m::media::{Direction, Frequency, MediaKind, Mid, Pt};
use str0m::rtp::Ssrc;
use str0m::{Candidate, IceCreds, Rtc};

use crate::media::codec::Codec;
use crate::media::error::MediaError;

/// What a stack is made by, so that another one can be what the first was in an offer.
#[derive(Debug)]
pub(super) struct Plan {
    codecs: Vec<Codec>,
    local: Vec<SocketAddr>,
    credentials: IceCreds,
    certificate: DtlsCert,
}

impl Plan {
    /// With these formats and addresses of ours, and new credentials.
    pub(super) fn new(codecs: &[Codec], local: impl Iterator<Item = SocketAddr>) -> Result<Plan, MediaError> {
        let certificate = str0m::crypto::from_feature_flags().dtls_provider.generate_certificate();
        let certificate = certificate.ok_or_else(|| MediaError::Refused("no certificate can be made".into()))?;
        Ok(Plan { codecs: codecs.to_vec(), local: local.collect(), credentials: IceCreds::new(), certificate })
    }

    /// A stack without media.
    pub(super) fn build(&self, now: Instant) -> Result<Rtc, MediaError> {
        let can = |codec| self.codecs.contains(&codec);
        let mut config = Rtc::builder()
            .set_crypto_provider(Arc::new(str0m::crypto::from_feature_flags()))
            .set_local_ice_credentials(self.credentials.clone())
            .set_dtls_cert(self.certificate.clone())
            .set_rtp_mode(true)
            .set_stats_interval(Some(Duration::from_secs(1)))
            .clear_codecs()
            .enable_opus(can(Codec::Opus), false)
            .enable_pcmu(can(Codec::Pcmu), false)
            .enable_pcma(can(Codec::Pcma), false);
        let wide = can(Codec::Opus);
        let narrow = self.codecs.iter().any(|codec| *codec != Codec::Opus);
        let rates = [(wide, WIDE_EVENT, Frequency::FORTY_EIGHT_KHZ), (narrow, NARROW_EVENT, Frequency::EIGHT_KHZ)];
        for (_, number, rate) in rates.into_iter().filter(|(wanted, ..)| *wanted) {
            let payload = Pt::from(number);
            config.codec_config().add_config(payload, None, Format::Tele, rate, None, FormatParams::default());
        }
        let mut rtc = config.build(now);
        add_candidates(&mut rtc, self.local.iter().copied())?;
        Ok(rtc)
    }

    /// A stack that has made the same offer as another one, for the answer of another peer. `mid` and `source` are those of
    /// the offer.
    pub(super) fn twin(
        &self,
        mid: Mid,
        source: Option<Ssrc>,
        now: Instant,
    ) -> Result<(Rtc, SdpPendingOffer), MediaError> {
        let mut rtc = self.build(now)?;
        let mut stack = rtc.direct_api();
        stack.declare_media(mid, MediaKind::Audio);
        if let Some(source) = source {
            stack.declare_stream_tx(source, None, mid, None);
        }
        // An offer is only made where something changes.
        let mut changes = rtc.sdp_api();
        changes.set_direction(mid, Direction::Inactive);
        changes.set_direction(mid, Direction::SendRecv);
        let (_, pending) = changes.apply().ok_or(MediaError::NoOffer)?;
        Ok((rtc, pending))
    }
}

pub(super) fn add_candidates(rtc: &mut Rtc, local: impl Iterator<Item = SocketAddr>) -> Result<(), MediaError> {
    for address in local {
        let candidate = Candidate::host(address, "udp").map_err(|error| MediaError::Refused(error.to_string()))?;
        rtc.add_local_candidate(candidate);
    }
    Ok(())
}

/// The payload types of telephone events in our offers, by custom.
const NARROW_EVENT: u8 = 101;
const WIDE_EVENT: u8 = 110;
