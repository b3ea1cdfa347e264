//! Copies of the messages that pass: as packets into a file, and to a capture server. Secrets are masked
//! ([`redacted`](offhook_core::message::redacted)).
//!
//! The driver's task only hands the bytes over; a thread masks and writes. What comes faster than that is left out and
//! counted.

mod hep;
mod packet;
mod pcap;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path as FilePath;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use offhook_core::message::{Frame, Limits, StreamDecoder, is_keep_alive, redacted};
use offhook_core::transport::{FlowId, Path, Transport, is_stun};

use crate::metrics::capture_dropped;
use hep::Hep;
use pcap::Pcap;

/// How many messages may wait to be written.
const WAITING: usize = 4096;

/// Where messages are copied to, for [`DriverBuilder::capture`](super::DriverBuilder::capture): in time order, each with
/// its direction's addresses. What went over TLS or a WebSocket is there in the clear, without its secrets.
///
/// ```no_run
/// # fn demo(driver: offhook::DriverBuilder<offhook::core::agent::Engine>) -> std::io::Result<()> {
/// let capture = offhook::Capture::new().pcap("calls.pcap")?.hep(([192, 0, 2, 1], 9060).into(), 2001)?;
/// let driver = driver.capture(capture);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Capture {
    pcap: Option<Pcap<BufWriter<File>>>,
    hep: Vec<Hep>,
}

impl Capture {
    /// Nowhere yet.
    pub fn new() -> Capture {
        Capture::default()
    }

    /// Into a new file in the format of pcap, which Wireshark, tcpdump and sngrep read. Messages of connections are there as
    /// TCP whatever carried them.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn pcap(mut self, path: impl AsRef<FilePath>) -> io::Result<Capture> {
        self.pcap = Some(Pcap::new(BufWriter::new(File::create(path)?))?);
        Ok(self)
    }

    /// To a capture server (Homer and others) by HEP version 3 over UDP; `agent` is the number this program has there.
    ///
    /// # Errors
    ///
    /// If there is no socket to send from.
    pub fn hep(mut self, server: SocketAddr, agent: u32) -> io::Result<Capture> {
        self.hep.push(Hep::new(server, agent)?);
        Ok(self)
    }
}

/// One message on its way.
#[derive(Debug)]
struct Passed {
    /// Since the Unix epoch.
    at: Duration,
    transport: Transport,
    from: SocketAddr,
    to: SocketAddr,
    bytes: Bytes,
}

/// What the writing thread is told.
enum Entry {
    Message(Passed),
    /// Nothing follows between these two.
    Over(SocketAddr, SocketAddr),
}

/// The driver's end of a capture.
pub(super) struct Recorder {
    flows: HashMap<FlowId, Flow>,
    entries: Option<SyncSender<Entry>>,
    /// Dropped after that: the last one waits for the writing.
    writer: Option<Arc<Writer>>,
}

/// The thread that writes.
struct Writer(Option<JoinHandle<()>>);

impl Drop for Writer {
    /// Waits until everything is written.
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            // One that panicked has nothing left to write.
            let _ = thread.join();
        }
    }
}

struct Flow {
    transport: Transport,
    local: SocketAddr,
    remote: Option<SocketAddr>,
    /// What cuts a stream into messages, for each direction; none any more once it cannot be cut.
    cut: Option<Box<[StreamDecoder; 2]>>,
}

impl Recorder {
    pub(super) fn start(capture: Capture) -> io::Result<Recorder> {
        let (entries, waiting) = sync_channel(WAITING);
        let writer = thread::Builder::new().name("offhook-capture".into()).spawn(move || write(capture, &waiting))?;
        let writer = Some(Arc::new(Writer(Some(writer))));
        Ok(Recorder { flows: HashMap::new(), entries: Some(entries), writer })
    }

    /// Another that writes to the same places, for another machine.
    pub(super) fn another(&self) -> Recorder {
        Recorder { flows: HashMap::new(), entries: self.entries.clone(), writer: self.writer.clone() }
    }

    /// A flow is there.
    pub(super) fn opened(&mut self, flow: FlowId, transport: Transport, local: SocketAddr, remote: Option<SocketAddr>) {
        let stream = matches!(transport, Transport::Tcp | Transport::Tls);
        let decoder = || StreamDecoder::new(&Limits::default());
        let cut = stream.then(|| Box::new([decoder(), decoder()]));
        self.flows.insert(flow, Flow { transport, local, remote, cut });
    }

    /// A flow is gone.
    pub(super) fn closed(&mut self, flow: FlowId) {
        if let Some(Flow { local, remote: Some(remote), .. }) = self.flows.remove(&flow) {
            self.put(Entry::Over(local, remote));
        }
    }

    pub(super) fn sent(&mut self, path: Path, bytes: &Bytes) {
        self.passed(path, bytes, true);
    }

    pub(super) fn received(&mut self, path: Path, bytes: &Bytes) {
        self.passed(path, bytes, false);
    }

    fn passed(&mut self, path: Path, bytes: &Bytes, out: bool) {
        let Some(flow) = self.flows.get_mut(&path.flow) else { return };
        let (transport, local, remote) = (flow.transport, flow.local, flow.remote.unwrap_or(path.remote));
        let (from, to) = if out { (local, remote) } else { (remote, local) };
        let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let passed = |bytes| Entry::Message(Passed { at, transport, from, to, bytes });
        if !matches!(transport, Transport::Tcp | Transport::Tls) {
            if !is_keep_alive(bytes) && !is_stun(bytes) {
                self.put(passed(bytes.clone()));
            }
            return;
        }
        let mut whole = Vec::new();
        if let Some(cut) = &mut flow.cut {
            let [sent, received] = &mut **cut;
            let decoder = if out { sent } else { received };
            decoder.push(bytes);
            let broken = loop {
                match decoder.next_frame() {
                    Ok(Some(Frame::Message(bytes))) => whole.push(bytes),
                    Ok(Some(Frame::Ping | Frame::Pong)) => {}
                    Ok(None) => break false,
                    Err(_) => break true,
                }
            };
            if broken {
                flow.cut = None;
            }
        }
        for bytes in whole {
            self.put(passed(bytes));
        }
    }

    fn put(&self, entry: Entry) {
        if self.entries.as_ref().is_some_and(|entries| entries.try_send(entry).is_err()) {
            capture_dropped();
        }
    }
}

impl Drop for Recorder {
    /// The last one waits until everything is written.
    fn drop(&mut self) {
        self.entries = None;
        self.writer = None;
    }
}

/// Writes what comes, and flushes when nothing waits.
fn write(mut capture: Capture, entries: &Receiver<Entry>) {
    while let Ok(first) = entries.recv() {
        for entry in std::iter::once(first).chain(entries.try_iter()) {
            match entry {
                Entry::Message(passed) => write_one(&mut capture, &passed),
                Entry::Over(one, other) => {
                    if let Some(pcap) = &mut capture.pcap {
                        pcap.over(one, other);
                    }
                }
            }
        }
        let flushed = capture.pcap.as_mut().map(|pcap| pcap.flush());
        given_up(&mut capture, flushed);
    }
}

fn write_one(capture: &mut Capture, passed: &Passed) {
    let text = redacted(&passed.bytes);
    for server in &capture.hep {
        if server.send(passed, text.as_bytes()).is_err() {
            capture_dropped();
        }
    }
    let written = capture.pcap.as_mut().map(|pcap| pcap.write(passed, text.as_bytes()));
    given_up(capture, written);
}

/// A file that cannot be written (a full disk) is written no more: half a packet in it would hide the rest.
fn given_up(capture: &mut Capture, result: Option<io::Result<()>>) {
    if let Some(Err(error)) = result {
        tracing::error!(%error, "the capture file cannot be written: it ends here");
        capture.pcap = None;
    }
}

/// Whether it travels in datagrams.
fn is_datagram(transport: Transport) -> bool {
    !transport.is_reliable()
}

/// A socket of the address family of whom it sends to.
fn socket_towards(server: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = if server.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
    let socket = UdpSocket::bind(any)?;
    socket.connect(server)?;
    Ok(socket)
}
