//! What is on the other side of agents on real sockets: the switchboard, and scripted peers.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use offhook::{Driver, Handle};
use offhook_core::transport::{Path, Transport};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::mailbox::Mailbox;
use super::programs::program;
use super::sockets::SOON;
use super::stage::{Address, Happening};
use crate::certificates::Certificates;

/// A program that ends with its owner.
pub(super) struct Program(pub(super) Child);

impl Drop for Program {
    fn drop(&mut self) {
        // One that has ended cannot be killed, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The switchboard of this build.
pub(super) struct Switchboard {
    _program: Program,
    addresses: Value,
}

impl Switchboard {
    /// Starts one on free ports of the loopback.
    pub(super) fn start() -> Result<Switchboard, String> {
        let any = "127.0.0.1:0";
        let certificates = Certificates::of_this_process()?;
        let mut child = Command::new(program("offhook-examples", "switchboard")?)
            .args(["--json", "--quiet", "--udp", any, "--tcp", any, "--http", any, "--tls", any, "--https", any])
            .arg("--certificate")
            .arg(&certificates.certificate)
            .arg("--key")
            .arg(&certificates.key)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let output = child.stdout.take().ok_or("no standard output")?;
        let program = Program(child);
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).map_err(|error| error.to_string())?;
        let addresses =
            serde_json::from_str(&line).map_err(|error| format!("the switchboard said {line:?}: {error}"))?;
        Ok(Switchboard { _program: program, addresses })
    }

    /// Where it listens for that.
    pub(super) fn address(&self, transport: Transport) -> SocketAddr {
        let name = match transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Ws => "http",
            Transport::Wss => "https",
        };
        let text = self.addresses[name].as_str().unwrap_or_default();
        text.parse().unwrap_or_else(|_| panic!("the switchboard does not listen for {name}: {}", self.addresses))
    }
}

/// A scripted peer.
pub(super) struct Peer {
    /// Where it is.
    pub(super) address: Address,
    handle: Handle<Mailbox>,
    runtime: Runtime,
}

impl Peer {
    /// Starts one on the loopback that tells what it hears.
    pub(super) fn start(who: usize, transport: Transport, heard: Sender<Happening>) -> Result<Peer, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let driver = Driver::builder(Mailbox::default());
        let driver = match transport {
            Transport::Udp => driver.udp(any),
            Transport::Ws => driver.ws(any),
            other => return Err(format!("scripted peers do not speak {other}")),
        };
        let entered = runtime.enter();
        let handle = driver
            .spawn(move |(path, bytes)| {
                // A stage that has closed does not want to know.
                let _ = heard.send(Happening::Heard(who, path, bytes));
            })
            .map_err(|error| error.to_string())?;
        drop(entered);
        let local = handle.local_addrs().first().map(|listen| listen.addr).ok_or("no address")?;
        Ok(Peer { address: Address { transport, local }, handle, runtime })
    }

    /// The way to an agent that listens there, or that has connected: the agent may know of that a moment earlier.
    pub(super) fn path(&self, remote: SocketAddr) -> Option<Path> {
        let patience = Instant::now() + SOON;
        loop {
            let path = self.runtime.block_on(self.handle.run(move |mailbox, _| mailbox.path(remote))).ok()?;
            if path.is_some() || Instant::now() > patience {
                return path;
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Sends a message.
    pub(super) fn post(&self, path: Path, bytes: Bytes) {
        // A peer that has stopped sends nothing, which the scenario will notice.
        let _ = self.handle.post(move |mailbox, _| mailbox.post(path, bytes));
    }
}
