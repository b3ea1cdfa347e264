//! The description that a call of the command line offers.

use std::fs;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use bytes::Bytes;
use offhook::UserAgent;
use offhook::core::sdp::negotiate::{Capabilities, Local, answer, offer};
use offhook::core::sdp::{SdpRef, SessionDescription};

use crate::failure::Failure;
use crate::options::{Shared, Way};

/// What is offered, and the port that is in it.
pub(crate) struct Description {
    sdp: SessionDescription,
    /// Where audio would come; `None` for a description of somebody else's.
    local: Option<Local>,
    /// Kept open, so that nobody is told that the port is closed.
    _socket: Option<UdpSocket>,
}

impl Description {
    /// One from a file.
    pub(crate) fn read(path: &str) -> Result<Description, Failure> {
        let text = if path == "-" {
            let mut text = String::new();
            io::stdin().lock().read_to_string(&mut text).map(|_| text)
        } else {
            fs::read_to_string(path)
        };
        let text = text.map_err(|error| Failure::usage(format!("{path}: {error}")))?;
        let sdp = SessionDescription::parse(text.as_bytes());
        let sdp = sdp.map_err(|error| Failure::usage(format!("{path}: {error}")))?;
        Ok(Description { sdp, local: None, _socket: None })
    }

    /// G.711 audio at this machine, by the address that leads to the server or the target.
    pub(crate) async fn of_this_machine(
        agent: &UserAgent,
        shared: &Shared,
        target: &str,
    ) -> Result<Description, Failure> {
        let address = own_address(agent, shared, target).await;
        let socket = UdpSocket::bind(SocketAddr::new(address, 0));
        let socket = socket.map_err(|error| Failure::io(format_args!("no port for audio at {address}"), &error))?;
        let port = socket.local_addr().map_err(|error| Failure::io("no port for audio", &error))?.port();
        let local = Local::new(address, port);
        Ok(Description { sdp: offer(&Capabilities::default(), &local), local: Some(local), _socket: Some(socket) })
    }

    pub(crate) fn bytes(&self) -> Bytes {
        self.sdp.to_bytes()
    }

    /// The answer to an offer of the other side.
    pub(crate) fn answer(&self, offered: &[u8]) -> Result<Bytes, Failure> {
        let unusable = |words: String| Failure::new(crate::failure::Code::Failed, words);
        let offered = SdpRef::parse(offered).map_err(|error| unusable(format!("their offer: {error}")))?;
        let Some(local) = &self.local else { return Ok(self.bytes()) };
        let answered = answer(&offered, &Capabilities::default(), local);
        answered.map(|(sdp, _)| sdp.to_bytes()).map_err(|error| unusable(format!("their offer: {error}")))
    }
}

async fn own_address(agent: &UserAgent, shared: &Shared, target: &str) -> IpAddr {
    let bound = agent.local_addrs().iter().map(|listen| listen.addr.ip()).find(|address| !address.is_unspecified());
    if let Some(address) = bound {
        return address;
    }
    Way::find(shared, Some(target)).await.map_or(Ipv4Addr::LOCALHOST.into(), |way| way.local)
}
