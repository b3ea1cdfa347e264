//! The task of a session: it moves datagrams and time for the WebRTC stack, and audio packets when they are due.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::media::Pt;
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpPacket;
use str0m::{Event, IceConnectionState, Input, Output};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep_until;

use super::addresses;
use super::audio::{Audio, Packet};
use super::codec::Codec;
use super::digits::Digits;
use super::error::Error;
use super::options::Options;
use super::peer::{Payload, Peer, stated_by};
use super::sockets::{Received, Sockets};
use super::stats::{Connection, Stats};

/// What the handle asks of the task. The end of the channel asks it to end.
#[derive(Debug)]
pub(super) enum Command {
    /// Answer another offer.
    Reoffer { offer: String, reply: oneshot::Sender<Result<String, Error>> },
    /// Take the answer to our offer.
    Accept { answer: String, reply: oneshot::Sender<Result<(), Error>> },
}

/// Everything a running session owns.
#[derive(Debug)]
pub(super) struct Driver {
    options: Options,
    peer: Peer,
    sockets: Sockets,
    commands: mpsc::Receiver<Command>,
    audio: Option<Audio>,
    digits: Digits,
    stats: Stats,
    published: watch::Sender<Stats>,
}

impl Driver {
    /// A driver for a peer whose candidates are `sockets`.
    pub(super) fn new(
        options: Options,
        peer: Peer,
        sockets: Sockets,
        commands: mpsc::Receiver<Command>,
        published: watch::Sender<Stats>,
    ) -> Self {
        let (audio, digits, stats) = (None, Digits::default(), Stats::default());
        let mut driver = Driver { options, peer, sockets, commands, audio, digits, stats, published };
        driver.adopt();
        driver.publish();
        driver
    }

    /// Runs until the handle is dropped or the peer closes the connection.
    pub(super) async fn run(mut self) {
        let mut buffer = vec![0; DATAGRAM];
        while let Some(timeout) = self.drain() {
            let now = Instant::now();
            if let Some((pt, packet)) = self.next_packet(now) {
                self.send(pt, packet, now);
                self.handle(Input::Timeout(now));
                continue;
            }
            self.publish();
            let timeout = self.audio.as_ref().map_or(timeout, |audio| timeout.min(audio.due()));
            // Never idle for so long that arithmetic on the instant could fail.
            let timeout = timeout.min(now + LONGEST_WAIT);
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => self.command(command),
                    None => break,
                },
                received = self.sockets.receive(&mut buffer) => match received {
                    Ok(received) => self.receive(received, &buffer),
                    Err(error) => tracing::debug!(%error, "receiving media"),
                },
                () = sleep_until(timeout.into()) => self.handle(Input::Timeout(Instant::now())),
            }
        }
        self.close();
    }

    /// Carries out what the stack wants done. Returns when to call on it again, or nothing once it has ended.
    fn drain(&mut self) -> Option<Instant> {
        loop {
            match self.peer.rtc.poll_output() {
                Ok(Output::Transmit(datagram)) => {
                    self.sockets.send(datagram.source, datagram.destination, &datagram.contents);
                }
                Ok(Output::Event(event)) => self.event(event),
                Ok(Output::Timeout(timeout)) => return self.peer.rtc.is_alive().then_some(timeout),
                Err(error) => {
                    tracing::debug!(%error, "the media stack gave up");
                    return None;
                }
            }
        }
    }

    /// Gives the stack something. What it does not like came from the network and is dropped.
    fn handle(&mut self, input: Input<'_>) {
        if let Err(error) = self.peer.rtc.handle_input(input) {
            tracing::debug!(%error, "the media stack refused an input");
        }
    }

    fn receive(&mut self, received: Received, buffer: &[u8]) {
        let Received { source, destination, length } = received;
        let Ok(datagram) = Receive::new(Protocol::Udp, source, destination, &buffer[..length]) else {
            return;
        };
        let input = Input::Receive(Instant::now(), datagram);
        if self.peer.rtc.accepts(&input) {
            self.handle(input);
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connected => {
                let now = Instant::now();
                let codec = self.stats.codec.unwrap_or(Codec::Pcmu);
                self.audio.get_or_insert_with(|| Audio::new(&self.options, codec, now, super::random()));
            }
            Event::IceConnectionStateChange(state) => {
                self.stats.connection = match state {
                    IceConnectionState::Disconnected => Connection::Disconnected,
                    _ => Connection::Connecting,
                };
            }
            Event::RtpPacket(packet) => self.heard(&packet),
            _ => {}
        }
        if self.peer.rtc.is_connected() {
            self.stats.connection = Connection::Connected;
        }
    }

    fn heard(&mut self, packet: &RtpPacket) {
        let Some(payload) = self.peer.payload(packet.header.payload_type).filter(|_| self.peer.receives()) else {
            return;
        };
        self.stats.packets_received += 1;
        self.stats.bytes_received += packet.payload.len() as u64;
        let time = packet.time.numer();
        match payload {
            Payload::TelephoneEvent => {
                if let Some(digit) = self.digits.receive(time, &packet.payload) {
                    self.stats.push_digit(digit);
                }
            }
            Payload::Audio(codec) => {
                let Some(audio) = &mut self.audio else { return };
                if let Some(level) = audio.receive(codec, time, &packet.payload, stated_by(packet)) {
                    self.stats.level_in = level;
                }
            }
        }
    }

    fn next_packet(&mut self, now: Instant) -> Option<(Pt, Packet)> {
        let sending_as = self.peer.sending_as();
        // An ICE restart does not interrupt the media: the old path is used until the new one works.
        let reachable = self.stats.connection != Connection::Disconnected;
        let sending = sending_as.is_some() && self.peer.sends() && reachable;
        let packet = self.audio.as_mut()?.poll(now, sending)?;
        Some((sending_as?.0, packet))
    }

    fn send(&mut self, pt: Pt, packet: Packet, now: Instant) {
        self.stats.packets_sent += 1;
        self.stats.bytes_sent += packet.payload.len() as u64;
        self.stats.level_out = packet.level.unwrap_or(self.stats.level_out);
        self.peer.send(pt, packet, now);
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Reoffer { offer, reply } => {
                let added = self.open_sockets(&offer);
                let answer = self.peer.reoffer(&offer, added.into_iter());
                self.negotiated(answer, reply);
            }
            Command::Accept { answer, reply } => {
                let accepted = self.peer.accept(&answer);
                self.negotiated(accepted, reply);
            }
        }
    }

    /// Takes over what was negotiated, then says so.
    fn negotiated<T>(&mut self, result: Result<T, Error>, reply: oneshot::Sender<Result<T, Error>>) {
        self.adopt();
        self.publish();
        // Whoever asked may have lost interest, which is no reason to undo anything.
        let _ = reply.send(result);
    }

    /// Opens the sockets that the candidates of a new offer call for.
    fn open_sockets(&mut self, offer: &str) -> Vec<SocketAddr> {
        let addresses = addresses::to_listen_on(self.options.bind, Some(offer));
        addresses.into_iter().filter_map(|address| self.sockets.add(address).ok().flatten()).collect()
    }

    /// Sends and receives as the descriptions now say.
    fn adopt(&mut self) {
        self.stats.codec = self.peer.sending_as().map(|(_, codec)| codec);
        self.stats.sending = self.peer.sends();
        self.stats.receiving = self.peer.receives();
        if let (Some(audio), Some(codec)) = (&mut self.audio, self.stats.codec) {
            audio.set_codec(codec, Instant::now());
        }
    }

    fn publish(&mut self) {
        self.published.send_if_modified(|published| {
            let changed = *published != self.stats;
            if changed {
                published.clone_from(&self.stats);
            }
            changed
        });
    }

    /// Tells the peer goodbye, as far as that needs no answer.
    fn close(&mut self) {
        if self.peer.rtc.is_alive() && self.peer.rtc.close().is_ok() {
            for _ in 0..CLOSING_ROUNDS {
                if self.drain().is_none() {
                    break;
                }
                self.handle(Input::Timeout(Instant::now()));
            }
        }
        self.stats.connection = Connection::Closed;
        self.publish();
    }
}

/// Room for a datagram of any MTU a peer would use.
const DATAGRAM: usize = 2000;

const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How often to ask the closing stack for more; it takes two or three rounds.
const CLOSING_ROUNDS: usize = 8;
