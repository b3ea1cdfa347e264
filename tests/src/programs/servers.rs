//! Servers of our own on free ports of the loopback.

use std::process::{Command, Stdio};
use std::sync::mpsc::Receiver;
use std::thread;

use offhook_core::transport::Transport;

use super::process::{Program, lines};
use super::{SOON, free_port, root};
use crate::certificates::Certificates;

/// Where a server listens.
#[derive(Clone, Copy, Debug)]
struct Ports {
    /// For UDP and TCP.
    sip: u16,
    tls: u16,
    ws: u16,
    wss: u16,
}

impl Ports {
    fn free() -> Ports {
        Ports { sip: free_port(), tls: free_port(), ws: free_port(), wss: free_port() }
    }

    /// Where agents find it.
    fn address(self, transport: Transport, websocket_path: &str) -> String {
        match transport {
            Transport::Udp | Transport::Tcp => {
                format!("sip:127.0.0.1:{};transport={}", self.sip, transport.uri_param())
            }
            Transport::Tls => format!("sip:127.0.0.1:{};transport=tls", self.tls),
            Transport::Ws => format!("ws://127.0.0.1:{}{websocket_path}", self.ws),
            Transport::Wss => format!("wss://127.0.0.1:{}{websocket_path}", self.wss),
        }
    }
}

/// A running server.
struct Server {
    name: &'static str,
    ports: Ports,
    arguments: Vec<String>,
    program: Program,
    log: Receiver<String>,
}

impl Server {
    /// Runs `run.sh` of a folder in `tests/interop` until it says that it is ready.
    fn start(name: &'static str, arguments: impl Fn(Ports) -> Vec<String>) -> Server {
        let mut said = String::new();
        // Somebody may have been faster at a port.
        for _ in 0..3 {
            let ports = Ports::free();
            match Server::run(name, ports, arguments(ports)) {
                Ok(server) => return server,
                Err(log) => said = log,
            }
        }
        panic!("{name} does not start:\n{said}")
    }

    fn run(name: &'static str, ports: Ports, arguments: Vec<String>) -> Result<Server, String> {
        let mut command = Command::new(root().join("tests/interop").join(name).join("run.sh"));
        command.args(&arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut program = Program::start(name, &mut command);
        let output = lines(program.child.stdout.take().expect("it is piped"));
        let log = lines(program.child.stderr.take().expect("it is piped"));
        match output.recv_timeout(SOON) {
            Ok(line) if line == "ready" => Ok(Server { name, ports, arguments, program, log }),
            _ => {
                drop(program);
                Err(log.iter().collect::<Vec<_>>().join("\n"))
            }
        }
    }

    /// Ends it and starts another in its place, on the same ports.
    fn restart(&mut self) {
        self.program.stop();
        let mut said = String::new();
        for _ in 0..3 {
            match Server::run(self.name, self.ports, self.arguments.clone()) {
                Ok(server) => return *self = server,
                Err(log) => said = log,
            }
        }
        panic!("{} does not start again:\n{said}", self.name)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- {}\n{}", self.name, self.log.try_iter().collect::<Vec<_>>().join("\n"));
        }
    }
}

/// What TLS takes of a server.
fn identity() -> [String; 2] {
    let certificates = Certificates::of_this_process().unwrap_or_else(|error| panic!("{error}"));
    [certificates.certificate.display().to_string(), certificates.key.display().to_string()]
}

/// A Kamailio of our own: registrar and proxy of `sip.test`. Users are alice, bob, carol, dave and echo; USER's password is
/// USER-secret.
pub struct Kamailio {
    /// The port for UDP and TCP.
    pub port: u16,
    /// The port for WebSocket.
    pub ws_port: u16,
    server: Server,
}

impl Kamailio {
    /// Starts one, with digest by MD5.
    pub fn start() -> Kamailio {
        Kamailio::run(&[], false)
    }

    /// Starts one with digest by SHA-256.
    pub fn with_sha256() -> Kamailio {
        Kamailio::run(&["sha256"], false)
    }

    /// Starts one that also speaks TLS and WSS, outbound (RFC 5626), and takes publications and subscriptions of presence.
    pub fn full() -> Kamailio {
        Kamailio::run(&[], true)
    }

    fn run(options: &[&str], full: bool) -> Kamailio {
        let server = Server::start("kamailio", |ports| {
            let mut arguments = vec![ports.sip.to_string(), ports.ws.to_string()];
            arguments.extend(options.iter().map(|option| (*option).to_owned()));
            if full {
                arguments.extend(["full".to_owned(), ports.tls.to_string(), ports.wss.to_string()]);
                arguments.extend(identity());
            }
            arguments
        });
        Kamailio { port: server.ports.sip, ws_port: server.ports.ws, server }
    }

    /// Where agents find it over UDP.
    pub fn udp(&self) -> String {
        self.address(Transport::Udp)
    }

    /// Where agents find it over WebSocket.
    pub fn ws(&self) -> String {
        self.address(Transport::Ws)
    }

    /// Where agents find it; over TLS and WSS only a [full](Kamailio::full) one.
    pub fn address(&self, transport: Transport) -> String {
        self.server.ports.address(transport, "")
    }

    /// Ends it, and starts another on the same ports that knows of nothing.
    pub fn restart(&mut self) {
        self.server.restart();
    }
}

/// An Asterisk of our own: the exchange of `sip.test`, which stands between all calls. Users are alice, bob and carol;
/// USER's password is USER-secret.
pub struct Asterisk {
    /// The port for UDP and TCP.
    pub port: u16,
    server: Server,
}

impl Asterisk {
    /// Starts one.
    pub fn start() -> Asterisk {
        let server = Server::start("asterisk", |ports| {
            let ports = [ports.sip, ports.tls, ports.ws, ports.wss].map(|port| port.to_string());
            ports.into_iter().chain(identity()).collect()
        });
        Asterisk { port: server.ports.sip, server }
    }

    /// Where agents find it.
    pub fn address(&self, transport: Transport) -> String {
        self.server.ports.address(transport, "/ws")
    }

    /// Ends it, and starts another on the same ports that knows of nothing.
    pub fn restart(&mut self) {
        self.server.restart();
    }
}
