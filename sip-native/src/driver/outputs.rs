//! What a machine wants done: sent, opened, closed, looked up, told.

use std::collections::VecDeque;
use std::net::SocketAddr;

use bytes::Bytes;
use offhook_core::transport::{
    FlowChange, FlowError, FlowErrorKind, FlowId, FlowInfo, Machine, Output, Path, Target, Transport,
};

use super::connect;
use super::connection::Link;
use super::input::Input;
use super::queue::{self, QueueError};
use super::run::{Flow, Run, Way};
use super::shards::News;

impl<M, F> Run<M, F>
where
    M: Machine,
    F: FnMut(M::Event),
{
    /// Carries out everything the machine wants.
    pub(super) fn carry_out(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Transmit { path, bytes } => self.transmit(path, bytes),
                Output::OpenFlow { flow, target } => self.open(flow, target),
                Output::CloseFlow { flow } => {
                    self.forget(flow);
                    self.closed.push(flow);
                }
                Output::Tell(note) => self.inbox.tell(|| News::Note(note.clone())),
                Output::Resolve { query, name } => {
                    let (dns, within) = (self.dns.clone(), self.limits.connect);
                    self.ask(async move { Input::Resolved { query, result: dns.addresses(&name, within).await } });
                }
                Output::Lookup { query, name, kind } => {
                    let (dns, within) = (self.dns.clone(), self.limits.connect);
                    self.ask(async move { Input::LookedUp { query, result: dns.records(&name, kind, within).await } });
                }
                Output::Event(event) => (self.on_event)(event),
                other => {
                    tracing::error!(output = ?std::mem::discriminant(&other), "this driver is too old for an output")
                }
            }
        }
        // What one machine gives up is of no use to the others; one that ends leaves it to them.
        let ends = self.machine.is_finished();
        for flow in self.closed.drain(..).filter(|_| !ends) {
            self.inbox.tell(|| News::Closed { flow });
        }
    }

    /// Waits for an answer beside everything else.
    fn ask(&mut self, answer: impl Future<Output = Input> + Send + 'static) {
        let inbox = self.inbox.clone();
        self.tasks.spawn(async move {
            let input = tokio::select! {
                input = answer => input,
                () = inbox.closed() => return,
            };
            // Nobody is left to hear it if the driver has stopped.
            let _ = inbox.send(input).await;
        });
    }

    fn transmit(&mut self, path: Path, bytes: Bytes) {
        let length = bytes.len();
        let Some(Flow { transport, way, .. }) = self.flows.get(&path.flow) else { return };
        let transport = *transport;
        if let Some(capture) = &mut self.capture {
            capture.sent(path, &bytes);
        }
        match way {
            Way::Connection(queue) => match queue.send(bytes) {
                Ok(()) => self.meters.sent(transport, length),
                Err(QueueError::Gone) => self.lose(path.flow, "the connection is gone"),
                Err(QueueError::Full) => self.lose(path.flow, "the peer does not read what is sent"),
            },
            Way::Udp => {
                if let Some(socket) = self.udp.iter_mut().find(|socket| socket.flow == path.flow) {
                    self.meters.sent(transport, length);
                    socket.send(path.remote, bytes, self.limits.queue, &self.meters, &mut self.own_inputs);
                }
            }
            Way::Binding | Way::Lost => {
                tracing::debug!(flow = path.flow.number(), "nothing is sent on a flow that is not open");
            }
        }
    }

    /// Drops a connection at once and tells the machine.
    fn lose(&mut self, flow: FlowId, words: &str) {
        if let Some(entry) = self.flows.get_mut(&flow)
            && let Way::Connection(queue) = std::mem::replace(&mut entry.way, Way::Lost)
        {
            queue.reset();
        }
        let change = FlowChange::Failed(FlowError::new(FlowErrorKind::Lost, words));
        self.own_inputs.push_back(Input::Changed { flow, change });
    }

    fn open(&mut self, flow: FlowId, target: Target) {
        let (inbox, limits) = (self.inbox.clone(), self.limits.clone());
        if target.transport == Transport::Udp {
            self.flows.insert(flow, Flow { transport: target.transport, up: false, info: None, way: Way::Binding });
            self.tasks.spawn(connect::bind(target, flow, inbox, limits, self.dns.clone()));
            return;
        }
        let (sender, queue) = queue::queue(limits.queue);
        let weak = sender.downgrade();
        let entry = Flow { transport: target.transport, up: false, info: None, way: Way::Connection(sender) };
        self.flows.insert(flow, entry);
        let remote = target.addr.unwrap_or(Path::UNKNOWN);
        let link = Link { flow, remote, queue, inputs: inbox, limits, sender: weak, opened: true };
        self.tasks.spawn(connect::open(target, link, self.dns.clone(), self.tls.clone()));
    }

    /// Forgets a flow; its connection closes after what waits was sent. Whether it was known.
    pub(super) fn forget(&mut self, flow: FlowId) -> bool {
        if let Some(capture) = &mut self.capture {
            capture.closed(flow);
        }
        if let Some(at) = self.udp.iter().position(|socket| socket.flow == flow) {
            // What was sent before leaves before; nobody hears of failures any more.
            self.udp.remove(at).flush(&mut VecDeque::new());
        }
        let Some(flow) = self.flows.remove(&flow) else { return false };
        if flow.up {
            self.meters.went_down(flow.transport);
        }
        true
    }

    /// A flow asked for is there. Whether it is still wanted.
    pub(super) fn came_up(&mut self, id: FlowId, local: SocketAddr, remote: SocketAddr) -> bool {
        let Some(flow) = self.flows.get_mut(&id) else { return false };
        let transport = flow.transport;
        flow.info = Some(FlowInfo { transport, local, remote: Some(remote) });
        if transport.is_reliable() {
            flow.up = true;
            self.meters.came_up(transport, false);
            self.note_opened(id, transport, local, Some(remote));
        }
        true
    }

    /// A flow failed, or its peer closed it. Whether it was known.
    pub(super) fn ended(&mut self, id: FlowId, reason: Option<FlowErrorKind>) -> bool {
        if let Some(flow) =
            self.flows.get(&id).filter(|flow| flow.up || flow.info.is_none() || flow.transport == Transport::Udp)
        {
            self.meters.failed(flow.transport, flow.up, reason);
        }
        self.forget(id)
    }
}
