//! One peer connection with one audio stream each way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use offhook_core::sdp::OpusParameters;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::format::Codec as Format;
use str0m::media::{Direction, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive, Transmit};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite};
use str0m::{Event, IceConnectionState, IceCreds, Input, Output, Rtc};

use super::senders::Senders;
use super::stack::{Plan, add_candidates};
use super::{destination, fingerprint, rejected};
use crate::media::codec::Codec;
use crate::media::digits::Digit;
use crate::media::error::MediaError;
use crate::media::frame::{Sink, Source};
use crate::media::level::SILENCE;
use crate::media::listen::Heard;
use crate::media::rtp::Theirs;
use crate::media::speak::{self, Kind};
use crate::media::stats::{Connection, Stats};
use crate::media::voice::Voice;

/// What is said and heard, and the length of its packets.
pub(in crate::media) struct Parts {
    pub(in crate::media) source: Box<dyn Source>,
    pub(in crate::media) sink: Box<dyn Sink>,
    pub(in crate::media) period: Duration,
    /// Random, for what RFC 3550 wants unpredictable.
    pub(in crate::media) seed: u64,
}

pub(in crate::media) struct Peer {
    rtc: Rtc,
    mid: Mid,
    pending: Option<SdpPendingOffer>,
    /// What our first offer was made by, until its final answer is here.
    plan: Option<Plan>,
    /// Whose early answer to that was taken.
    early: Option<IceCreds>,
    /// The extended sequence number of the next packet.
    sequence: u64,
    voice: Option<Voice>,
    parts: Option<Parts>,
    connection: Connection,
    round_trip: Option<Duration>,
    theirs: Option<Theirs>,
    /// When the stack wants to be asked again.
    timeout: Instant,
    senders: Senders,
    /// Whether this end holds the other.
    held: bool,
}

impl Peer {
    /// Answers an offer with the first of its formats that is among `codecs`. Our addresses are `local`.
    pub(in crate::media) fn answer(
        offer: &str,
        codecs: &[Codec],
        local: impl Iterator<Item = SocketAddr>,
        parts: Parts,
        now: Instant,
    ) -> Result<(Peer, String), MediaError> {
        let text = offer;
        let offer = parse_offer(text)?;
        let (mid, codec) = choose_audio(&offer, codecs).ok_or(MediaError::NoAudio)?;
        let mut peer = Peer::new(Plan::new(&[codec], local)?, mid, parts, now)?;
        peer.plan = None;
        let answer = peer.rtc.sdp_api().accept_offer(offer)?;
        if peer.sending_as().is_none() {
            return Err(MediaError::NoAudio);
        }
        peer.adopt(now);
        Ok((peer, destination::named(&rejected::complete(&answer.to_sdp_string(), text))))
    }

    /// Makes an offer of these formats.
    pub(in crate::media) fn offer(
        codecs: &[Codec],
        local: impl Iterator<Item = SocketAddr>,
        parts: Parts,
        now: Instant,
    ) -> Result<(Peer, String), MediaError> {
        let mut peer = Peer::new(Plan::new(codecs, local)?, Mid::from("0"), parts, now)?;
        let mut changes = peer.rtc.sdp_api();
        peer.mid = changes.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        let (offer, pending) = changes.apply().ok_or(MediaError::NoOffer)?;
        peer.pending = Some(pending);
        Ok((peer, destination::named(&offer.to_sdp_string())))
    }

    /// Takes the answer to our offer. `early`: others may follow, of this peer or of another that the call was forked to.
    ///
    /// Of those the first is heard, and the others once they answer finally: there is one connection.
    pub(in crate::media) fn accept(&mut self, answer: &str, early: bool, now: Instant) -> Result<(), MediaError> {
        let answer = SdpAnswer::from_sdp_string(&fingerprint::comparable(answer))
            .map_err(|error| MediaError::Description(error.to_string()))?;
        let from = answer.session.ice_creds().or_else(|| answer.media_lines.iter().find_map(|line| line.ice_creds()));
        let again = self.early.is_some() && self.early == from;
        if self.plan.is_some() && self.pending.is_none() && !again {
            if early {
                return Ok(());
            }
            self.offer_to_another(now)?;
        }
        if !(again && self.pending.is_none()) {
            let pending = self.pending.take().ok_or(MediaError::NoOffer)?;
            self.rtc.sdp_api().accept_answer(pending, answer)?;
            self.sending_as().ok_or(MediaError::NoAudio)?;
            self.adopt(now);
        }
        self.early = from.filter(|_| early);
        if !early {
            self.plan = None;
        }
        Ok(())
    }

    /// Makes the offer stand as if nobody had answered it yet.
    fn offer_to_another(&mut self, now: Instant) -> Result<(), MediaError> {
        let plan = self.plan.as_ref().ok_or(MediaError::NoOffer)?;
        let source = self.rtc.direct_api().stream_tx_by_mid(self.mid, None).map(|stream| stream.ssrc());
        let (rtc, pending) = plan.twin(self.mid, source, now)?;
        (self.rtc, self.pending) = (rtc, Some(pending));
        (self.senders, self.theirs, self.round_trip) = (Senders::default(), None, None);
        (self.connection, self.timeout) = (Connection::Connecting, now);
        if let Some(voice) = &mut self.voice {
            voice.listener.restart(now);
        }
        Ok(())
    }

    /// Answers another offer of the same peer. `local` are addresses of ours that are new.
    pub(in crate::media) fn reoffer(
        &mut self,
        offer: &str,
        local: impl Iterator<Item = SocketAddr>,
        now: Instant,
    ) -> Result<String, MediaError> {
        let text = offer;
        let offer = parse_offer(text)?;
        let fingerprint =
            offer.session.fingerprint().or_else(|| offer.media_lines.iter().find_map(|line| line.fingerprint()));
        let known = self.rtc.direct_api().remote_dtls_fingerprint().cloned();
        if known.is_some() && fingerprint.is_some() && fingerprint != known {
            return Err(MediaError::OtherPeer);
        }
        add_candidates(&mut self.rtc, local)?;
        (self.pending, self.plan) = (None, None);
        let answer = self.rtc.sdp_api().accept_offer(offer)?;
        self.adopt(now);
        Ok(destination::named(&rejected::complete(&answer.to_sdp_string(), text)))
    }

    /// An offer that holds the other side, or takes it off hold.
    pub(in crate::media) fn offer_hold(&mut self, held: bool) -> Result<String, MediaError> {
        let direction = if held { Direction::SendOnly } else { Direction::SendRecv };
        let mut changes = self.rtc.sdp_api();
        changes.set_direction(self.mid, direction);
        // Where nothing changes the same is offered once more, with a new path.
        if !changes.has_changes() {
            changes.ice_restart(true);
        }
        let (offer, pending) = changes.apply().ok_or(MediaError::NoOffer)?;
        self.pending = Some(pending);
        self.held = held;
        Ok(destination::named(&offer.to_sdp_string()))
    }

    /// What is in force as an offer, with a new path.
    pub(in crate::media) fn offer_again(&mut self) -> Result<String, MediaError> {
        let mut changes = self.rtc.sdp_api();
        changes.ice_restart(true);
        let (offer, pending) = changes.apply().ok_or(MediaError::NoOffer)?;
        self.pending = Some(pending);
        Ok(destination::named(&offer.to_sdp_string()))
    }

    /// The last offer came to nothing.
    pub(in crate::media) fn give_up(&mut self, held: bool) {
        self.pending = None;
        self.held = held;
    }

    pub(in crate::media) fn is_held(&self) -> bool {
        self.held
    }

    /// What is said and heard, once that is agreed on.
    pub(in crate::media) fn voice(&mut self) -> Option<&mut Voice> {
        self.voice.as_mut()
    }

    /// What is to be said and heard, as long as that is not agreed on.
    pub(in crate::media) fn parts(&mut self) -> Option<&mut Parts> {
        self.parts.as_mut()
    }

    /// Whether digits can be said as telephone events.
    pub(in crate::media) fn says_digits(&self) -> bool {
        self.sends() && self.event_type().is_some()
    }

    pub(in crate::media) fn digit(&mut self) -> Option<Digit> {
        self.voice.as_mut().and_then(Voice::digit)
    }

    /// Takes a datagram that came in at `destination`, an address of ours.
    pub(in crate::media) fn receive(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        bytes: &[u8],
    ) {
        let datagram = || Receive::new(Protocol::Udp, source, destination, bytes).ok();
        let Some(input) = datagram().map(|datagram| Input::Receive(now, datagram)) else { return };
        if !self.rtc.accepts(&input) {
            return;
        }
        self.handle(input);
        if self.senders.expect_unknown(bytes, self.mid, &mut self.rtc)
            && let Some(datagram) = datagram()
        {
            self.handle(Input::Receive(now, datagram));
        }
    }

    /// The next datagram to send by now. Call until there is none; frames that are due are heard meanwhile.
    pub(in crate::media) fn poll(&mut self, now: Instant) -> Option<Transmit> {
        if let Some(voice) = &mut self.voice {
            voice.listener.poll(now);
        }
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Transmit(datagram)) => return Some(datagram),
                Ok(Output::Event(event)) => self.event(event, now),
                Ok(Output::Timeout(timeout)) => {
                    self.timeout = timeout;
                    let alive = self.rtc.is_alive();
                    if !alive {
                        self.connection = Connection::Closed;
                    } else if self.speak(now) || timeout <= now {
                        self.handle(Input::Timeout(now));
                        continue;
                    }
                    return None;
                }
                Err(error) => {
                    tracing::debug!(%error, "the media stack gave up");
                    self.connection = Connection::Closed;
                    return None;
                }
            }
        }
    }

    /// When to call [`Peer::poll`] next.
    pub(in crate::media) fn due(&self) -> Instant {
        let voice = self.voice.as_ref();
        let speaker = voice.map(|voice| voice.speaker.due());
        let listener = voice.and_then(|voice| voice.listener.due());
        [speaker, listener].into_iter().flatten().fold(self.timeout, Instant::min)
    }

    /// Tells the peer goodbye: what is polled from here on is that.
    pub(in crate::media) fn close(&mut self) {
        if self.rtc.is_alive()
            && let Err(error) = self.rtc.close()
        {
            tracing::debug!(%error, "closing the media stack");
        }
        self.connection = Connection::Closed;
    }

    /// Whether the stack goes on.
    pub(in crate::media) fn is_alive(&self) -> bool {
        self.rtc.is_alive()
    }

    /// Lets the stack know the time.
    pub(in crate::media) fn tick(&mut self, now: Instant) {
        self.handle(Input::Timeout(now));
    }

    pub(in crate::media) fn stats(&self, now: Instant) -> Stats {
        let mut stats = Stats {
            connection: self.connection,
            encrypted: true,
            sending: self.sends(),
            receiving: self.receives(),
            level_in: SILENCE,
            theirs: self.theirs,
            ..Stats::default()
        };
        if let Some(voice) = &self.voice {
            voice.count(now, self.round_trip, &mut stats);
        }
        stats
    }

    fn new(plan: Plan, mid: Mid, parts: Parts, now: Instant) -> Result<Peer, MediaError> {
        let rtc = plan.build(now)?;
        // Low enough that a packet lost at the start cannot confuse the count of rollovers (RFC 3711 3.3.1).
        let sequence = parts.seed & 0x3fff;
        Ok(Peer {
            rtc,
            mid,
            pending: None,
            plan: Some(plan),
            early: None,
            sequence,
            voice: None,
            parts: Some(parts),
            connection: Connection::Connecting,
            round_trip: None,
            theirs: None,
            timeout: now,
            senders: Senders::default(),
            held: false,
        })
    }

    /// Speaks and listens as the descriptions now say.
    fn adopt(&mut self, now: Instant) {
        let Some((_, codec)) = self.sending_as() else { return };
        if let Some(voice) = &mut self.voice {
            let format = format(codec, voice.speaker.period());
            voice.speaker.set_format(format, now);
        } else if let Some(parts) = self.parts.take() {
            let timestamp = (parts.seed >> 32) as u32;
            self.voice = Some(Voice::new(format(codec, parts.period), parts.source, parts.sink, now, timestamp));
        }
    }

    fn event(&mut self, event: Event, now: Instant) {
        match event {
            Event::IceConnectionStateChange(state) => {
                self.connection = match state {
                    IceConnectionState::Disconnected => Connection::Disconnected,
                    _ => Connection::Connecting,
                };
            }
            Event::RtpPacket(packet) => self.heard(&packet, now),
            Event::MediaEgressStats(stats) if stats.mid == self.mid => {
                self.round_trip = stats.rtt.or(self.round_trip);
                let rate = self.voice.as_ref().map_or(48_000, |voice| voice.speaker.codec().rate());
                if let Some(remote) = stats.remote {
                    self.theirs = Some(Theirs {
                        loss: f64::from(stats.loss.unwrap_or_default()),
                        lost: u32::try_from(remote.packets_lost).unwrap_or(u32::MAX),
                        jitter: Duration::from_micros(u64::from(remote.jitter) * 1_000_000 / u64::from(rate)),
                    });
                }
                if let (Some(voice), Some(loss)) = (&mut self.voice, stats.loss) {
                    voice.speaker.expect_loss(loss);
                }
            }
            _ => {}
        }
        if self.rtc.is_connected() {
            self.connection = Connection::Connected;
        }
    }

    fn heard(&mut self, packet: &RtpPacket, now: Instant) {
        let header = &packet.header;
        let another = self.senders.heard(header.ssrc, &mut self.rtc);
        let (payload, receives) = (self.payload(header.payload_type), self.receives());
        let Some(voice) = &mut self.voice else { return };
        if another {
            voice.listener.restart(now);
        }
        let Some((kind, clock)) = payload.filter(|_| receives) else { return };
        voice.heard(now);
        voice.listener.receive(
            now,
            Heard {
                kind,
                sequence: header.sequence_number,
                timestamp: header.timestamp,
                clock,
                payload: &packet.payload,
            },
        );
    }

    /// Hands the stack a packet that is due. It sends it at the next timeout.
    fn speak(&mut self, now: Instant) -> bool {
        let sending_as = self.sending_as();
        let event = self.event_type();
        // An ICE restart does not interrupt the media: the old path is used until the new one works.
        let reachable = self.rtc.is_connected() && self.connection != Connection::Disconnected;
        let sending = sending_as.is_some() && self.sends() && reachable;
        let Some(voice) = &mut self.voice else { return false };
        let Some(packet) = voice.speaker.poll(now, sending, event.is_some()) else { return false };
        let payload_type = match packet.kind {
            Kind::Audio(_) => sending_as.map(|(pt, _)| pt),
            Kind::Event => event,
        };
        let (level, speech) = stated_level(packet.level);
        let extensions =
            ExtensionValues { audio_level: Some(level), voice_activity: Some(speech), ..ExtensionValues::default() };
        let (timestamp, marker, level) = (packet.timestamp, packet.marker, packet.level);
        let payload: Arc<[u8]> = packet.payload.into();
        let mut api = self.rtc.direct_api();
        let (Some(payload_type), Some(stream)) = (payload_type, api.stream_tx_by_mid(self.mid, None)) else {
            return true;
        };
        voice.sent(payload.len(), level);
        let write = RtpWrite::new(payload_type, self.sequence.into(), timestamp, now, payload);
        stream.write_rtp(write.marker(marker).ext_vals(extensions));
        self.sequence += 1;
        true
    }

    /// Gives the stack something. What it does not like came from the network and is dropped.
    fn handle(&mut self, input: Input<'_>) {
        if let Err(error) = self.rtc.handle_input(input) {
            tracing::debug!(%error, "the media stack refused an input");
        }
    }

    /// Whether the agreed direction lets us send.
    fn sends(&self) -> bool {
        self.rtc.media(self.mid).is_some_and(|media| !media.disabled() && media.direction().is_sending())
    }

    /// Whether the agreed direction lets the peer send.
    fn receives(&self) -> bool {
        self.rtc.media(self.mid).is_some_and(|media| !media.disabled() && media.direction().is_receiving())
    }

    /// The codec to send, and its payload type: the first that the peer names.
    fn sending_as(&self) -> Option<(Pt, Codec)> {
        let payload_types = self.rtc.media(self.mid)?.remote_pts();
        payload_types.iter().find_map(|pt| match self.payload(*pt)? {
            (Kind::Audio(codec), _) => Some((*pt, codec)),
            (Kind::Event, _) => None,
        })
    }

    /// The payload type for events at the clock of what is sent.
    fn event_type(&self) -> Option<Pt> {
        let (_, codec) = self.sending_as()?;
        let payload_types = self.rtc.media(self.mid)?.remote_pts();
        payload_types.iter().copied().find(|pt| self.payload(*pt) == Some((Kind::Event, codec.rate())))
    }

    /// What packets of a payload type carry, with its clock in hertz.
    fn payload(&self, pt: Pt) -> Option<(Kind, u32)> {
        let params = self.rtc.codec_config().find(|params| params.pt() == pt)?;
        let spec = params.spec();
        match spec.codec {
            Format::Tele => Some((Kind::Event, spec.clock_rate.get())),
            format => codec_of(format).map(|codec| (Kind::Audio(codec), codec.rate())),
        }
    }
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer").field("mid", &self.mid).field("connection", &self.connection).finish_non_exhaustive()
    }
}

/// Whoever speaks WebRTC decodes what opus repeats of lost packets.
fn format(codec: Codec, period: Duration) -> speak::Format {
    speak::Format { codec, wanted: OpusParameters { inband_fec: true, ..OpusParameters::default() }, period }
}

fn parse_offer(offer: &str) -> Result<SdpOffer, MediaError> {
    let prepared = fingerprint::comparable(&rejected::prepare(offer));
    SdpOffer::from_sdp_string(&prepared).map_err(|error| MediaError::Description(error.to_string()))
}

/// The first audio stream of an offer that has a codec of ours, and the first such codec.
fn choose_audio(offer: &SdpOffer, codecs: &[Codec]) -> Option<(Mid, Codec)> {
    offer.media_lines.iter().filter(|line| !line.disabled).find_map(|line| {
        let params = line.rtp_params();
        let first =
            params.iter().filter_map(|params| codec_of(params.spec().codec)).find(|codec| codecs.contains(codec))?;
        Some((line.mid(), first))
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

/// The level to tell the other side in the header extension (RFC 6464), and whether somebody speaks.
fn stated_level(level: f32) -> (i8, bool) {
    (level.clamp(SILENCE, 0.0).round() as i8, level > SPEECH)
}

/// Louder than this counts as speech, in dBov.
const SPEECH: f32 = -60.0;
