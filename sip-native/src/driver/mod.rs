//! The tokio driver: runs any [`Machine`] on UDP, TCP, TLS, WebSocket and WebSocket under TLS.
//!
//! One task owns the machine. It waits for whatever comes first of: bytes, connections, answers of the resolver, calls
//! through a [`Handle`], the machine's own inbox, its next timeout; gives that to the machine; and carries out every
//! [`Output`](offhook_core::transport::Output) before it waits again. Each connection has a task of its own that
//! moves bytes between its socket and that one.
//!
//! What it promises:
//!
//! - What is sent on one connection leaves in order, also what was sent before it was up; `CloseFlow` closes after it.
//! - A connection whose peer does not read is failed as `Lost` once [`Limits::queue`] bytes wait. A peer that sends
//!   faster than the machine takes in is held back by its transport; datagrams are dropped by the kernel.
//! - A WebSocket is up only when both sides agreed to the subprotocol `sip` (RFC 7118 4); else it has failed as
//!   `Handshake`. Messages go out as text; text and binary are taken in.
//! - An ICMP error or a failing peer never stops the loop. A datagram that the system does not send, or of which the
//!   network says that nobody takes it (on Linux), is told to the machine.
//! - The driver stops when its machine is finished, when it is [told to](Handle::stop), or when the last handle is
//!   gone and was not [detached](Handle::detach). Then it closes everything it opened, at the latest after
//!   [`Limits::linger`], and leaves no task behind.
//! - Datagrams are read in batches, and what they are answered with is sent together; on Linux each with one system call.
//! - `OpenFlow` over UDP binds a socket of its own on the address from which the target is reached.
//! - TLS and WSS verify the server's certificate, by [`ClientTls`]; a refusal says whether its name, its time or its
//!   issuer was wrong. Without the feature `tls` they fail as `Unsupported`.
//! - An accepted connection has [`Limits::handshake`] until it is ready for messages. One that nobody uses is closed after
//!   [`Limits::idle`]; one whose peer is gone is found by probes (TCP) and pings (WebSocket).
//! - Where connections cannot be accepted, e.g. because file descriptors have run out, it is tried again ten times a second.
//!
//! Several machines of one user agent ([`Driver::sharded`]) run on a task each, with sockets of their own on the same
//! addresses. A message is handed to the task it belongs to; connections, whoever opened them, are used by all. A machine that
//! panics begins anew if it can ([`Machine::begin_anew`]), on the same sockets and connections, and the others go on.
//!
//! What it does not: know SIP, cut streams into messages (but for a [`Capture`]), decide where to send.

mod activity;
mod batch;
mod capture;
mod clock;
mod connect;
mod connection;
mod datagrams;
mod dns;
mod handle;
#[cfg(feature = "http")]
mod http;
mod icmp;
mod input;
mod limits;
mod listen;
mod outputs;
mod queue;
mod run;
mod sample;
mod shards;
mod sources;
mod tls;
mod udp;
mod websocket;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use offhook_core::transport::{Machine, Sharding, Transport};
use tokio::sync::{mpsc, watch};

pub use capture::Capture;
pub use dns::Dns;
pub use handle::{Handle, ListenAddr, Stopped};
#[cfg(feature = "http")]
pub use http::HttpService;
pub use limits::Limits;
#[cfg(feature = "tls")]
pub use tls::{ClientTls, Identity, ServerTls, TlsError, roots_from_pem};
pub use websocket::Origins;

use capture::Recorder;
use handle::Command;
use listen::{Accept, Listener, Speaks};
use run::Run;
use sample::Sample;
use shards::{Inbox, Mailbox};
use tls::{Acceptor, Connector};

/// Runs machines; see the [module](self).
#[derive(Debug)]
pub struct Driver;

impl Driver {
    /// A driver for `machine` that listens nowhere yet.
    pub fn builder<M>(machine: M) -> DriverBuilder<M>
    where
        M: Machine + Send + 'static,
    {
        Driver::of(vec![machine], None)
    }

    /// A driver for the machines of one user agent, made with this sharding, each of which has a task of its own: see
    /// [`DriverBuilder::spawn_shards`]. The first has the listeners; connections are used by all.
    pub fn sharded<M>(machines: Vec<M>, sharding: Sharding) -> DriverBuilder<M>
    where
        M: Machine + Send + 'static,
    {
        let sharding = (machines.len() > 1).then_some(sharding);
        Driver::of(machines, sharding)
    }

    fn of<M>(machines: Vec<M>, sharding: Option<Sharding>) -> DriverBuilder<M> {
        DriverBuilder {
            machines,
            sharding,
            listen: Vec::new(),
            origins: Origins::default(),
            limits: Limits::default(),
            dns: Dns::default(),
            sample: None,
            capture: None,
            #[cfg(feature = "tls")]
            tls: ClientTls::default(),
        }
    }
}

/// Where a driver shall listen, and its limits.
#[must_use = "a driver runs once it is spawned"]
pub struct DriverBuilder<M> {
    machines: Vec<M>,
    sharding: Option<Sharding>,
    listen: Vec<(SocketAddr, Listen)>,
    origins: Origins,
    limits: Limits,
    dns: Dns,
    sample: Option<(Duration, Looks<M>)>,
    capture: Option<Capture>,
    #[cfg(feature = "tls")]
    tls: ClientTls,
}

/// What looks at a machine.
type Look<M> = Box<dyn FnMut(&M) + Send>;

/// What makes that for each machine.
type Looks<M> = Box<dyn Fn() -> Look<M> + Send>;

enum Listen {
    Udp,
    Connections(Speaks, Option<Acceptor>),
}

impl<M> DriverBuilder<M>
where
    M: Machine + Send + 'static,
{
    /// Binds a UDP socket. It is told to the machine by `flow_opened` before anything else happens; one bound to an
    /// unspecified address is told with the address of the default route, which a Via or Contact may name.
    pub fn udp(self, address: SocketAddr) -> DriverBuilder<M> {
        self.listen(address, Listen::Udp)
    }

    /// Accepts TCP connections.
    pub fn tcp(self, address: SocketAddr) -> DriverBuilder<M> {
        self.listen(address, Listen::Connections(Speaks::Sip, None))
    }

    /// Accepts TLS connections.
    #[cfg(feature = "tls")]
    pub fn tls(self, address: SocketAddr, tls: impl Into<ServerTls>) -> DriverBuilder<M> {
        self.listen(address, Listen::Connections(Speaks::Sip, Some(tls.into())))
    }

    /// Accepts WebSocket connections (RFC 7118), whatever their path.
    pub fn ws(self, address: SocketAddr) -> DriverBuilder<M> {
        self.listen(address, Listen::Connections(Speaks::WebSocket, None))
    }

    /// Accepts WebSocket connections under TLS.
    #[cfg(feature = "tls")]
    pub fn wss(self, address: SocketAddr, tls: impl Into<ServerTls>) -> DriverBuilder<M> {
        self.listen(address, Listen::Connections(Speaks::WebSocket, Some(tls.into())))
    }

    /// Accepts HTTP/1.1 connections: one path is SIP over WebSocket, the others are the service's.
    #[cfg(feature = "http")]
    pub fn http(self, address: SocketAddr, service: HttpService) -> DriverBuilder<M> {
        self.listen(address, Listen::Connections(Speaks::Http(service), None))
    }

    /// The same under TLS.
    #[cfg(all(feature = "http", feature = "tls"))]
    pub fn https(self, address: SocketAddr, service: HttpService, tls: impl Into<ServerTls>) -> DriverBuilder<M> {
        self.listen(address, Listen::Connections(Speaks::Http(service), Some(tls.into())))
    }

    /// Which web pages may open WebSockets; default: all.
    pub fn origins(mut self, origins: Origins) -> DriverBuilder<M> {
        self.origins = origins;
        self
    }

    /// Other limits than the default.
    pub fn limits(mut self, limits: Limits) -> DriverBuilder<M> {
        self.limits = limits;
        self
    }

    /// Looks at the machine so often, and when the driver stops: for metrics. `look` must not block. Of several machines
    /// each has a copy that looks at it.
    pub fn sample(mut self, every: Duration, look: impl FnMut(&M) + Clone + Send + 'static) -> DriverBuilder<M> {
        self.sample = Some((every, Box::new(move || Box::new(look.clone()))));
        self
    }

    /// Copies every message that passes, its secrets masked, to a file or a capture server.
    pub fn capture(mut self, capture: Capture) -> DriverBuilder<M> {
        self.capture = Some(capture);
        self
    }

    /// Where to look names up; default: where the system does.
    pub fn dns(mut self, dns: Dns) -> DriverBuilder<M> {
        self.dns = dns;
        self
    }

    /// How to open TLS to servers: which authorities to trust, which certificate to show; or the application's own
    /// `Arc<ClientConfig>`. Default: trusts whom the system trusts.
    #[cfg(feature = "tls")]
    pub fn client_tls(mut self, tls: impl Into<ClientTls>) -> DriverBuilder<M> {
        self.tls = tls.into();
        self
    }

    /// Binds the sockets and runs the machine on the current tokio runtime. `on_event` is called on the driver's
    /// task for each event of the machine and must not block.
    ///
    /// # Errors
    ///
    /// Where an address cannot be bound, naming it, or the TLS settings cannot be used, or there are several machines; then
    /// nothing was started.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O and time enabled.
    pub fn spawn<F>(self, on_event: F) -> io::Result<Handle<M>>
    where
        F: FnMut(M::Event) + Send + 'static,
    {
        let mut on_event = Some(on_event);
        let one = io::Error::new(io::ErrorKind::InvalidInput, "there is not one machine");
        let alone = self.machines.len() == 1;
        let handles = self.start(|_| on_event.take().filter(|_| alone))?;
        handles.into_iter().next().ok_or(one)
    }

    /// Binds the sockets and runs each machine on a task of its own; gives their handles in order. `on_event` is called with
    /// the place of the machine an event is of, on that one's task.
    ///
    /// # Errors
    ///
    /// As [`spawn`](DriverBuilder::spawn).
    ///
    /// # Panics
    ///
    /// As [`spawn`](DriverBuilder::spawn).
    pub fn spawn_shards<F>(self, on_event: F) -> io::Result<Vec<Handle<M>>>
    where
        F: FnMut(usize, M::Event) + Clone + Send + 'static,
    {
        self.start(|index| {
            let mut on_event = on_event.clone();
            Some(move |event| on_event(index, event))
        })
    }

    /// Starts all machines for which there is somebody to tell their events.
    fn start<F>(self, mut on_event: impl FnMut(usize) -> Option<F>) -> io::Result<Vec<Handle<M>>>
    where
        F: FnMut(M::Event) + Send + 'static,
    {
        let limits = Arc::new(self.limits);
        #[cfg(feature = "tls")]
        let tls = Connector::new(self.tls).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        #[cfg(not(feature = "tls"))]
        let tls = Connector::default();
        let (boxes, mails): (Vec<Mailbox>, Vec<_>) = self.machines.iter().map(|_| run::mailbox()).unzip();
        let boxes: Arc<[Mailbox]> = boxes.into();
        let recorder = self.capture.map(Recorder::start).transpose()?;
        let (mut runs, mut handles) = (Vec::new(), Vec::new());
        for ((index, machine), mail) in self.machines.into_iter().enumerate().zip(mails) {
            let inbox = match self.sharding {
                Some(sharding) => Inbox::of_several(index, sharding, boxes.clone()),
                None => boxes.get(index).map(|own| Inbox::alone(own.inputs.clone())),
            };
            let Some((inbox, on_event)) = inbox.zip(on_event(index)) else { continue };
            let (commands, orders) = mpsc::unbounded_channel::<Command<M>>();
            let (alive, running) = watch::channel(());
            let (dns, tls) = (self.dns.clone(), tls.clone());
            let mut run = Run::new(machine, on_event, orders, limits.clone(), dns, tls, (inbox, mail));
            if let Some(recorder) = &recorder {
                run.add_capture(recorder.another());
            }
            if let Some((every, looks)) = &self.sample {
                run.add_sample(Sample::new(*every, looks()));
            }
            runs.push((run, alive));
            handles.push(Handle { commands, local_addrs: Arc::default(), running });
        }
        let mut local_addrs = Vec::new();
        for (address, listen) in self.listen {
            let named = |error: io::Error| io::Error::new(error.kind(), format!("{address}: {error}"));
            let accept = match listen {
                Listen::Udp => {
                    let sockets = udp::bind_several(address, runs.len()).map_err(named)?;
                    let mut number = None;
                    for ((run, _), socket) in runs.iter_mut().zip(sockets) {
                        let addr = socket.local_addr()?;
                        if number.is_none() {
                            local_addrs.push(ListenAddr { transport: Transport::Udp, addr });
                        }
                        number = Some(run.add_udp(socket, addr, number));
                    }
                    continue;
                }
                Listen::Connections(speaks, tls) => Accept { speaks, tls, origins: self.origins.clone() },
            };
            let listener = Listener::bind(address, accept).map_err(named)?;
            local_addrs.push(ListenAddr { transport: listener.accept.transport(), addr: listener.local_addr()? });
            if let Some((run, _)) = runs.first_mut() {
                run.add_listener(listener);
            }
        }
        let local_addrs: Arc<[ListenAddr]> = local_addrs.into();
        for (run, alive) in runs {
            tokio::spawn(async move {
                // Dropped last: whoever waits for the end finds everything closed.
                let _alive = alive;
                run.until_stopped().await;
            });
        }
        for handle in &mut handles {
            handle.local_addrs = local_addrs.clone();
        }
        Ok(handles)
    }

    fn listen(mut self, address: SocketAddr, listen: Listen) -> DriverBuilder<M> {
        self.listen.push((address, listen));
        self
    }
}

impl<M> fmt::Debug for DriverBuilder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses: Vec<_> = self.listen.iter().map(|(address, _)| address).collect();
        f.debug_struct("DriverBuilder")
            .field("listen", &addresses)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
