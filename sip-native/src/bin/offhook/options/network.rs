//! How messages get there and back.

#[cfg(feature = "tls")]
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use offhook::core::transport::Machine;
use offhook::{Capture, DriverBuilder};
#[cfg(feature = "tls")]
use offhook::{ClientTls, Identity, ServerTls, TlsError, roots_from_pem};

use super::profile::Profile;
use super::{Listen, Protocol};
use crate::failure::Failure;

#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Network")]
pub(crate) struct Network {
    /// Where to receive: [udp:|tcp:|tls:|ws:|wss:]ADDRESS:PORT, may be repeated; port 0 lets the system choose
    ///
    /// The default is UDP on any port, and nothing for a WebSocket server.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) bind: Vec<Listen>,
    /// Trust the authorities in this PEM file, instead of those the system trusts
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE")]
    tls_roots: Option<PathBuf>,
    /// The certificate to show over TLS, with its chain, in a PEM file: where tls: or wss: is received, and to servers
    /// that ask
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// The key of that certificate, in a PEM file
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Write every SIP message, secrets masked, into this file as packets (pcap)
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Send a copy of every SIP message, secrets masked, to this capture server (HEP3 over UDP)
    #[arg(long, value_name = "ADDRESS:PORT")]
    hep: Option<SocketAddr>,
    /// The number this agent has at the capture server [default: 2001]
    #[arg(long, value_name = "NUMBER", requires = "hep")]
    hep_id: Option<u32>,
    /// RFC 3261 timer T1, in milliseconds [default: 500]
    #[arg(long, value_name = "MS")]
    pub(crate) t1: Option<u32>,
    /// RFC 3261 timer T2, in milliseconds [default: 4000]
    #[arg(long, value_name = "MS")]
    pub(crate) t2: Option<u32>,
    /// RFC 3261 timer T4, in milliseconds [default: 5000]
    #[arg(long, value_name = "MS")]
    pub(crate) t4: Option<u32>,
    /// The places of the profile that cannot be read.
    #[arg(skip)]
    unreadable: Option<String>,
}

/// Places to receive, certificates and captures, ready for a driver.
pub(crate) struct Sockets {
    places: Vec<Listen>,
    capture: Option<Capture>,
    #[cfg(feature = "tls")]
    client: ClientTls,
    #[cfg(feature = "tls")]
    server: Option<ServerTls>,
}

impl Sockets {
    pub(crate) fn apply<M: Machine + Send + 'static>(self, mut driver: DriverBuilder<M>) -> DriverBuilder<M> {
        #[cfg(feature = "tls")]
        {
            driver = driver.client_tls(self.client);
        }
        if let Some(capture) = self.capture {
            driver = driver.capture(capture);
        }
        for Listen { protocol, address } in self.places {
            driver = match protocol {
                Protocol::Udp => driver.udp(address),
                Protocol::Tcp => driver.tcp(address),
                Protocol::Ws => driver.ws(address),
                #[cfg(feature = "tls")]
                Protocol::Tls | Protocol::Wss => match (&self.server, protocol) {
                    (Some(server), Protocol::Tls) => driver.tls(address, server.clone()),
                    (Some(server), _) => driver.wss(address, server.clone()),
                    // Refused before.
                    (None, _) => driver,
                },
            };
        }
        driver
    }
}

impl Network {
    pub(super) fn fill(&mut self, profile: &Profile) {
        if self.bind.is_empty() {
            for place in &profile.bind {
                match place.parse() {
                    Ok(place) => self.bind.push(place),
                    Err(error) => self.unreadable = Some(format!("bind {place:?} of the profile: {error}")),
                }
            }
        }
        #[cfg(feature = "tls")]
        {
            if self.tls_roots.is_none() {
                self.tls_roots.clone_from(&profile.tls_roots);
            }
            if self.tls_certificate.is_none() {
                self.tls_certificate.clone_from(&profile.tls_certificate);
                self.tls_key.clone_from(&profile.tls_key);
            }
        }
        #[cfg(not(feature = "tls"))]
        let _ = (&profile.tls_roots, &profile.tls_certificate, &profile.tls_key);
    }

    /// Refuses what of the profile cannot be read.
    fn check(&self) -> Result<(), Failure> {
        self.unreadable.as_ref().map_or(Ok(()), |words| Err(Failure::usage(words)))
    }

    /// Where to listen, with that server; nowhere with a WebSocket server unless it is said.
    pub(crate) fn listen(&self, server: Option<&str>) -> Vec<Listen> {
        let websocket = server.is_some_and(|server| {
            let scheme = server.split(':').next().unwrap_or_default();
            scheme.eq_ignore_ascii_case("ws") || scheme.eq_ignore_ascii_case("wss")
        });
        if self.bind.is_empty() && !websocket {
            return vec![Listen { protocol: Protocol::Udp, address: (Ipv4Addr::UNSPECIFIED, 0).into() }];
        }
        self.bind.clone()
    }

    /// Where copies of the messages go.
    fn capture(&self) -> Result<Option<Capture>, Failure> {
        if self.pcap.is_none() && self.hep.is_none() {
            return Ok(None);
        }
        let mut capture = Capture::new();
        if let Some(path) = &self.pcap {
            let failed = |error| Failure::usage(format!("{}: {error}", path.display()));
            capture = capture.pcap(path).map_err(failed)?;
        }
        if let Some(server) = self.hep {
            let number = self.hep_id.unwrap_or(2001);
            capture = capture.hep(server, number).map_err(|error| Failure::usage(format!("{server}: {error}")))?;
        }
        Ok(Some(capture))
    }

    /// What a driver needs to receive at those places.
    pub(crate) fn sockets(&self, places: Vec<Listen>) -> Result<Sockets, Failure> {
        self.check()?;
        #[cfg(feature = "tls")]
        let (client, server) = self.tls()?;
        #[cfg(feature = "tls")]
        if server.is_none() && places.iter().any(|place| matches!(place.protocol, Protocol::Tls | Protocol::Wss)) {
            return Err(Failure::usage("to receive over TLS takes --tls-certificate and --tls-key"));
        }
        Ok(Sockets {
            places,
            capture: self.capture()?,
            #[cfg(feature = "tls")]
            client,
            #[cfg(feature = "tls")]
            server,
        })
    }

    #[cfg(feature = "tls")]
    fn tls(&self) -> Result<(ClientTls, Option<ServerTls>), Failure> {
        let read =
            |path: &PathBuf| fs::read(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())));
        let named = |path: &PathBuf, error: TlsError| Failure::usage(format!("{}: {error}", path.display()));
        let mut client = ClientTls::new();
        if let Some(path) = &self.tls_roots {
            client = client.roots(roots_from_pem(&read(path)?).map_err(|error| named(path, error))?);
        }
        let (Some(certificate), Some(key)) = (&self.tls_certificate, &self.tls_key) else {
            return Ok((client, None));
        };
        let failed = |error| named(certificate, error);
        let identity = Identity::from_pem(&read(certificate)?, &read(key)?).map_err(failed)?;
        let server = ServerTls::new(identity.clone()).map_err(failed)?;
        Ok((client.identity(identity), Some(server)))
    }
}
