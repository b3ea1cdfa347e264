//! A session with its sockets: the descriptions of a call in and out, datagrams, and time.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant;

use bytes::Bytes;

use super::addresses;
use super::agree::{Agreed, Agreement};
use super::digits::Digit;
use super::error::MediaError;
use super::frame::{Sink, Source};
use super::options::{Kind, Options};
use super::ports::Ports;
use super::random;
use super::rtp::{self, Wall};
use super::sockets::Sockets;
use super::stats::Stats;
use super::talk::Audio;
use super::voice::Voice;
use super::webrtc::{Parts, Peer};

/// One session, of either kind.
pub(super) enum Engine {
    Rtp(Box<Plain>),
    WebRtc(Box<Web>),
}

/// Plain RTP.
pub(super) struct Plain {
    ports: Ports,
    agreement: Agreement,
    options: Options,
    /// What is said and heard, until a session has it.
    audio: Option<Audio>,
    session: Option<rtp::Session>,
    muted: bool,
}

/// WebRTC.
pub(super) struct Web {
    sockets: Sockets,
    bind: IpAddr,
    peer: Peer,
    held_before: bool,
}

/// A datagram that came in, its bytes being in the caller's buffers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Received {
    source: SocketAddr,
    /// The socket it came in on.
    destination: SocketAddr,
    rtcp: bool,
    length: usize,
}

/// Room for a datagram on each socket.
#[derive(Debug)]
pub(super) struct Buffers {
    first: Vec<u8>,
    second: Vec<u8>,
}

impl Buffers {
    pub(super) fn new() -> Buffers {
        Buffers { first: vec![0; DATAGRAM], second: vec![0; DATAGRAM] }
    }
}

impl Engine {
    /// A session that offers. `here` is the address at which the other side would reach this machine.
    pub(super) fn offer(options: &Options, here: IpAddr, audio: Audio) -> Result<(Engine, Bytes), MediaError> {
        match options.kind {
            Kind::Rtp => {
                let mut plain = Plain::new(options, here, audio)?;
                let offer = plain.agreement.offer();
                Ok((Engine::Rtp(Box::new(plain)), offer))
            }
            Kind::WebRtc => {
                let bind = options.bind.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
                let sockets = Sockets::bind(&addresses::to_listen_on(bind, None))?;
                let parts = parts(options, audio);
                let (peer, offer) = Peer::offer(&options.codecs, sockets.addresses(), parts, Instant::now())?;
                Ok((Engine::WebRtc(Box::new(Web { sockets, bind, peer, held_before: false })), offer.into()))
            }
        }
    }

    /// A session that answers, of the kind that is offered.
    pub(super) fn answer(
        options: &Options,
        here: IpAddr,
        audio: Audio,
        offer: &[u8],
    ) -> Result<(Engine, Bytes), MediaError> {
        let text = std::str::from_utf8(offer).map_err(|error| MediaError::Description(error.to_string()))?;
        if is_webrtc(text) {
            let bind = options.bind.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
            let sockets = Sockets::bind(&addresses::to_listen_on(bind, Some(text)))?;
            let parts = parts(options, audio);
            let (peer, answer) = Peer::answer(text, &options.codecs, sockets.addresses(), parts, Instant::now())?;
            return Ok((Engine::WebRtc(Box::new(Web { sockets, bind, peer, held_before: false })), answer.into()));
        }
        let here = addresses::of_description(text).and_then(addresses::route).unwrap_or(here);
        let mut plain = Plain::new(options, here, audio)?;
        let (answer, agreed) = plain.agreement.answer(offer)?;
        plain.adopt(&agreed)?;
        Ok((Engine::Rtp(Box::new(plain)), answer))
    }

    /// What is in force, as an offer.
    pub(super) fn offer_again(&mut self) -> Result<Bytes, MediaError> {
        match self {
            Engine::Rtp(plain) => Ok(plain.agreement.offer()),
            Engine::WebRtc(web) => web.peer.offer_again().map(Bytes::from),
        }
    }

    /// An offer that holds the other side, or takes it off hold.
    pub(super) fn offer_hold(&mut self, held: bool) -> Result<Bytes, MediaError> {
        match self {
            Engine::Rtp(plain) => plain.agreement.offer_hold(held),
            Engine::WebRtc(web) => {
                web.held_before = web.peer.is_held();
                web.peer.offer_hold(held).map(Bytes::from)
            }
        }
    }

    /// The last offer came to nothing.
    pub(super) fn give_up(&mut self) {
        match self {
            Engine::Rtp(plain) => plain.agreement.give_up(),
            Engine::WebRtc(web) => web.peer.give_up(web.held_before),
        }
    }

    /// Takes the answer to our offer. One that comes `early` may be followed by another, of another fork.
    pub(super) fn accept(&mut self, answer: &[u8], early: bool) -> Result<(), MediaError> {
        match self {
            Engine::Rtp(plain) => {
                let agreed = plain.agreement.accept(answer, early)?;
                plain.adopt(&agreed)
            }
            Engine::WebRtc(web) => {
                let text = std::str::from_utf8(answer).map_err(|error| MediaError::Description(error.to_string()))?;
                web.peer.accept(text, early, Instant::now())
            }
        }
    }

    /// Answers another offer.
    pub(super) fn reoffer(&mut self, offer: &[u8]) -> Result<Bytes, MediaError> {
        match self {
            Engine::Rtp(plain) => {
                let (answer, agreed) = plain.agreement.answer(offer)?;
                plain.adopt(&agreed)?;
                Ok(answer)
            }
            Engine::WebRtc(web) => {
                let text = std::str::from_utf8(offer).map_err(|error| MediaError::Description(error.to_string()))?;
                // The sockets that its candidates call for.
                let addresses = addresses::to_listen_on(web.bind, Some(text));
                let sockets = &mut web.sockets;
                let added: Vec<SocketAddr> =
                    addresses.into_iter().filter_map(|address| sockets.add(address).ok().flatten()).collect();
                web.peer.reoffer(text, added.into_iter(), Instant::now()).map(Bytes::from)
            }
        }
    }

    /// Waits for the next datagram.
    pub(super) async fn receive(&mut self, buffers: &mut Buffers) -> io::Result<Received> {
        match self {
            Engine::Rtp(plain) => {
                let (rtcp, length, source) = plain.ports.receive(&mut buffers.first, &mut buffers.second).await?;
                Ok(Received { source, destination: plain.ports.local(), rtcp, length })
            }
            Engine::WebRtc(web) => {
                let received = web.sockets.receive(&mut buffers.first).await?;
                let (source, destination) = (received.source, received.destination);
                Ok(Received { source, destination, rtcp: false, length: received.length })
            }
        }
    }

    /// Takes a datagram.
    pub(super) fn take(&mut self, now: Instant, received: Received, buffers: &Buffers) {
        let buffer = if received.rtcp { &buffers.second } else { &buffers.first };
        let bytes = buffer.get(..received.length).unwrap_or_default();
        match self {
            Engine::Rtp(plain) => {
                if let Some(session) = &mut plain.session {
                    session.receive(now, received.source, bytes);
                }
            }
            Engine::WebRtc(web) => web.peer.receive(now, received.source, received.destination, bytes),
        }
    }

    /// Sends what is due, and gives the sink what is due.
    pub(super) fn drive(&mut self, now: Instant) {
        match self {
            Engine::Rtp(plain) => {
                let Plain { session: Some(session), ports, .. } = &mut **plain else { return };
                while let Some(datagram) = session.poll(now) {
                    ports.send(datagram.rtcp, datagram.to, &datagram.bytes);
                }
            }
            Engine::WebRtc(web) => {
                while let Some(datagram) = web.peer.poll(now) {
                    web.sockets.send(datagram.source, datagram.destination, &datagram.contents);
                }
            }
        }
    }

    /// When to call [`Engine::drive`] next.
    pub(super) fn due(&self) -> Option<Instant> {
        match self {
            Engine::Rtp(plain) => plain.session.as_ref().map(rtp::Session::due),
            Engine::WebRtc(web) => Some(web.peer.due()),
        }
    }

    /// Tells the other side goodbye, as far as that needs no answer.
    pub(super) fn close(&mut self) {
        let now = Instant::now();
        match self {
            Engine::Rtp(plain) => {
                let farewell = plain.session.as_mut().and_then(|session| session.close(now));
                if let Some(datagram) = farewell {
                    plain.ports.send(datagram.rtcp, datagram.to, &datagram.bytes);
                }
            }
            Engine::WebRtc(web) => {
                web.peer.close();
                for _ in 0..CLOSING_ROUNDS {
                    self.drive(now);
                    let Engine::WebRtc(web) = self else { return };
                    if !web.peer.is_alive() {
                        return;
                    }
                    web.peer.tick(now);
                }
            }
        }
    }

    pub(super) fn stats(&self, now: Instant) -> Stats {
        match self {
            Engine::Rtp(plain) => plain.session.as_ref().map(|session| session.stats(now)).unwrap_or_default(),
            Engine::WebRtc(web) => web.peer.stats(now),
        }
    }

    pub(super) fn digit(&mut self) -> Option<Digit> {
        match self {
            Engine::Rtp(plain) => plain.session.as_mut().and_then(rtp::Session::digit),
            Engine::WebRtc(web) => web.peer.digit(),
        }
    }

    /// Whether digits can be said as telephone events.
    pub(super) fn says_digits(&self) -> bool {
        match self {
            Engine::Rtp(plain) => plain.session.as_ref().is_some_and(rtp::Session::says_digits),
            Engine::WebRtc(web) => web.peer.says_digits(),
        }
    }

    /// What is said and heard, once that is agreed on.
    pub(super) fn voice(&mut self) -> Option<&mut Voice> {
        match self {
            Engine::Rtp(plain) => plain.session.as_mut().map(rtp::Session::voice),
            Engine::WebRtc(web) => web.peer.voice(),
        }
    }

    /// Says something else from now on.
    pub(super) fn set_source(&mut self, source: Box<dyn Source>) {
        if let Some(voice) = self.voice() {
            return voice.speaker.set_source(source);
        }
        match self {
            Engine::Rtp(plain) => {
                if let Some(audio) = &mut plain.audio {
                    audio.source = source;
                }
            }
            Engine::WebRtc(web) => {
                if let Some(parts) = web.peer.parts() {
                    parts.source = source;
                }
            }
        }
    }

    /// Hears with something else from now on.
    pub(super) fn set_sink(&mut self, sink: Box<dyn Sink>) {
        if let Some(voice) = self.voice() {
            return voice.listener.set_sink(sink);
        }
        match self {
            Engine::Rtp(plain) => {
                if let Some(audio) = &mut plain.audio {
                    audio.sink = sink;
                }
            }
            Engine::WebRtc(web) => {
                if let Some(parts) = web.peer.parts() {
                    parts.sink = sink;
                }
            }
        }
    }

    pub(super) fn set_muted(&mut self, muted: bool) {
        if let Engine::Rtp(plain) = self {
            plain.muted = muted;
        }
        if let Some(voice) = self.voice() {
            voice.set_muted(muted);
        }
    }
}

impl Plain {
    fn new(options: &Options, here: IpAddr, audio: Audio) -> Result<Plain, MediaError> {
        let address = options.bind.filter(|address| !address.is_unspecified()).unwrap_or(here);
        let ports = Ports::bind(address, options, random::number())?;
        let agreement = Agreement::new(options, address, ports.local().port());
        Ok(Plain { ports, agreement, options: options.clone(), audio: Some(audio), session: None, muted: false })
    }

    /// Goes on as was agreed.
    fn adopt(&mut self, agreed: &Agreed) -> Result<(), MediaError> {
        let now = Instant::now();
        let formats = agreed.formats.clone();
        let refused = || MediaError::Refused("a stream that cannot be carried".into());
        if let Some(session) = &mut self.session {
            return session.change(&agreed.stream, formats, now).ok_or_else(refused);
        }
        let Some(Audio { source, sink }) = self.audio.take() else { return Err(MediaError::Closed) };
        let latching = self.options.latching;
        let settings = rtp::Settings { source, sink, latching, wall: Wall::now(), seed: random::number() };
        let mut session = rtp::Session::new(&agreed.stream, formats, settings, now).ok_or_else(refused)?;
        session.voice().set_muted(self.muted);
        self.session = Some(session);
        Ok(())
    }
}

fn parts(options: &Options, audio: Audio) -> Parts {
    Parts { source: audio.source, sink: audio.sink, period: options.ptime, seed: random::number() }
}

/// Whether a description is of somebody who speaks WebRTC: DTLS-SRTP.
fn is_webrtc(description: &str) -> bool {
    let audio = description.lines().filter(|line| line.starts_with("m=audio "));
    let mut protocols = audio.filter_map(|line| line.split(' ').nth(2));
    protocols.any(|protocol| protocol.contains("TLS/")) && description.contains("a=fingerprint:")
}

/// Room for a datagram of any MTU a peer would use.
const DATAGRAM: usize = 2048;

/// How often to ask the closing stack for more; it takes two or three rounds.
const CLOSING_ROUNDS: usize = 8;
