//! Opening a flow as the machine asked: connect, handshake, report, then run the connection.

use std::net::SocketAddr;
use std::sync::Arc;

use offhook_core::transport::{FlowChange, FlowError, FlowErrorKind, FlowId, FlowInfo, Target};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout};

use super::connection::{Io, Link, Opened, prepare};
use super::dns::{Dns, open_error};
use super::input::Input;
use super::limits::Limits;
use super::shards::Inbox;
use super::tls::Connector;
use super::{udp, websocket};
use crate::metrics::connected_within;

/// Opens a connection for the flow of `link` and runs it to its end.
pub(super) async fn open(target: Target, mut link: Link, dns: Dns, tls: Connector) {
    let asked = Instant::now();
    let opened = tokio::select! {
        opened = within(link.limits.clone(), &target, dial(&target, &link.limits, &dns, &tls)) => opened,
        () = link.queue.unwanted(link.limits.linger) => return,
    };
    let (stream, local) = match opened {
        Ok((stream, local, remote)) => {
            link.remote = remote;
            (stream, local)
        }
        Err(error) => return link.report(Some(FlowChange::Failed(error))).await,
    };
    connected_within(target.transport, asked.elapsed());
    link.share(FlowInfo { transport: target.transport, local, remote: Some(link.remote) });
    let change = FlowChange::Connected { local, remote: link.remote };
    // A driver that has stopped meanwhile still sends what waits.
    let _ = link.inputs.send(Input::Changed { flow: link.flow, change }).await;
    link.run(stream).await;
}

/// Binds a UDP socket of its own for `flow`, on the address from which the target is reached.
pub(super) async fn bind(target: Target, flow: FlowId, inputs: Inbox, limits: Arc<Limits>, dns: Dns) {
    let bound = tokio::select! {
        bound = within(limits.clone(), &target, bind_towards(&target, &limits, &dns)) => bound,
        () = inputs.closed() => return,
    };
    let input = match bound {
        Ok((socket, local, remote)) => Input::Bound { flow, socket, local, remote },
        Err(error) => Input::Changed { flow, change: FlowChange::Failed(error) },
    };
    // The driver may have stopped; then nobody wants to know.
    let _ = inputs.send(input).await;
}

async fn within<T>(
    limits: Arc<Limits>,
    target: &Target,
    open: impl Future<Output = Result<T, FlowError>>,
) -> Result<T, FlowError> {
    timeout(limits.connect, open).await.unwrap_or_else(|_| {
        let words = format!("{}:{}: not connected within {:?}", target.host, target.port, limits.connect);
        Err(FlowError::new(FlowErrorKind::Timeout, &words))
    })
}

async fn dial(
    target: &Target,
    limits: &Limits,
    dns: &Dns,
    tls: &Connector,
) -> Result<(Opened, SocketAddr, SocketAddr), FlowError> {
    let stream = connect(target, limits, dns).await?;
    let failed = |error| open_error(&error, &target.host);
    let (local, remote) = (stream.local_addr().map_err(failed)?, stream.peer_addr().map_err(failed)?);
    let io: Box<dyn Io> = match target.transport.is_secure() {
        true => tls.connect(stream, target).await?,
        false => Box::new(stream),
    };
    let opened = if target.transport.is_websocket() {
        Opened::WebSocket(Box::new(websocket::connect(io, &target.url(), limits).await?))
    } else {
        Opened::Stream(io)
    };
    Ok((opened, local, remote))
}

/// Tries the target's addresses in turn.
async fn connect(target: &Target, limits: &Limits, dns: &Dns) -> Result<TcpStream, FlowError> {
    let mut failure = FlowError::new(FlowErrorKind::Unresolved, "no address");
    for address in dns.candidates(target, limits.connect).await? {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                prepare(&stream);
                return Ok(stream);
            }
            Err(error) => failure = open_error(&error, &address.to_string()),
        }
    }
    Err(failure)
}

async fn bind_towards(
    target: &Target,
    limits: &Limits,
    dns: &Dns,
) -> Result<(UdpSocket, SocketAddr, SocketAddr), FlowError> {
    let mut failure = FlowError::new(FlowErrorKind::Unresolved, "no address");
    for remote in dns.candidates(target, limits.connect).await? {
        let bound = udp::address_towards(remote).and_then(|ip| {
            let socket = udp::bind(SocketAddr::new(ip, 0))?;
            let local = socket.local_addr()?;
            Ok((socket, local, remote))
        });
        match bound {
            Ok(bound) => return Ok(bound),
            Err(error) => failure = open_error(&error, &remote.to_string()),
        }
    }
    Err(failure)
}
