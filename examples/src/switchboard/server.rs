//! The switchboard on real sockets.

use std::io;
use std::net::SocketAddr;

use offhook::{Driver, Handle, Limits, ServerTls};
use offhook_core::transport::Transport;

use super::web::{Site, WEBSOCKET_PATH};
use super::{Config, Counts, Notice, Switchboard};

/// Where a server shall listen; port 0 lets the system choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listen {
    /// SIP over UDP.
    pub udp: Option<SocketAddr>,
    /// SIP over TCP.
    pub tcp: Option<SocketAddr>,
    /// Web pages, and SIP over WebSocket at [`WEBSOCKET_PATH`].
    pub http: Option<SocketAddr>,
    /// SIP over TLS.
    pub tls: Option<SocketAddr>,
    /// The same as `http`, under TLS.
    pub https: Option<SocketAddr>,
}

/// A running switchboard. It stops when this is dropped.
#[derive(Clone, Debug)]
pub struct Server {
    handle: Handle<Switchboard>,
    listen: Listen,
}

impl Server {
    /// Starts a switchboard that serves this site. Every notice goes to `log`, which must not block.
    ///
    /// # Errors
    ///
    /// Where an address cannot be bound, or the system gives no randomness.
    pub fn start(
        config: Config,
        listen: Listen,
        site: Site,
        log: impl FnMut(Notice) + Send + 'static,
    ) -> io::Result<Server> {
        Server::start_secure(config, listen, site, None, log)
    }

    /// The same with a certificate, which TLS takes.
    ///
    /// # Errors
    ///
    /// Where an address cannot be bound, the system gives no randomness, or TLS is wanted without a certificate.
    pub fn start_secure(
        config: Config,
        listen: Listen,
        site: Site,
        tls: Option<ServerTls>,
        log: impl FnMut(Notice) + Send + 'static,
    ) -> io::Result<Server> {
        let tls = || tls.clone().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "TLS takes a certificate"));
        let mut limits = Limits::default();
        limits.message = config.limits.message.message;
        let mut driver = Driver::builder(Switchboard::new(config, offhook::seed()?)).limits(limits);
        if let Some(udp) = listen.udp {
            driver = driver.udp(udp);
        }
        if let Some(tcp) = listen.tcp {
            driver = driver.tcp(tcp);
        }
        let site = site.service();
        if let Some(http) = listen.http {
            driver = driver.http(http, site.clone());
        }
        if let Some(address) = listen.tls {
            driver = driver.tls(address, tls()?);
        }
        if let Some(https) = listen.https {
            driver = driver.https(https, site, tls()?);
        }
        let handle = driver.spawn(log)?;
        let bound = |transport| {
            let found = handle.local_addrs().iter().find(|listen| listen.transport == transport);
            found.map(|listen| listen.addr)
        };
        let listen = Listen {
            udp: bound(Transport::Udp),
            tcp: bound(Transport::Tcp),
            http: bound(Transport::Ws),
            tls: bound(Transport::Tls),
            https: bound(Transport::Wss),
        };
        Ok(Server { handle, listen })
    }

    /// Where it listens, with the ports the system chose.
    pub fn listen(&self) -> Listen {
        self.listen
    }

    /// The URL of SIP over WebSocket.
    pub fn websocket(&self) -> Option<String> {
        self.listen.http.map(|http| format!("ws://{http}{WEBSOCKET_PATH}"))
    }

    /// How much it holds; nothing once it has stopped.
    pub async fn counts(&self) -> Counts {
        self.handle.run(|board, _| board.counts()).await.unwrap_or_default()
    }

    /// Closes connections, after what waits on them was sent, and sockets.
    pub async fn stop(&self) {
        self.handle.stop();
        self.handle.stopped().await;
    }
}
