//! A machine that tells everything it is told, echoes if asked to, and does what a test says.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use offhook::core::time::Instant;
use offhook::core::transport::{
    FlowChange, FlowError, FlowErrorKind, FlowId, FlowInfo, Machine, Output, Path, QueryId, Record, Target, Transport,
};
use offhook::{Driver, DriverBuilder, Handle};
use tokio::sync::mpsc;

/// How long a test waits for what must come.
pub(crate) const SOON: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) enum Seen {
    Opened(FlowId, FlowInfo),
    Changed(FlowId, FlowChange),
    Received(Path, Bytes),
    Undelivered(Path, Bytes, FlowError),
    Resolved(QueryId, Result<Vec<IpAddr>, FlowError>),
    LookedUp(QueryId, Result<Vec<Record>, FlowError>),
    Timeout(Instant),
    Inbox,
}

#[derive(Default)]
pub(crate) struct Echo {
    pub(crate) outputs: VecDeque<Output<Seen>>,
    pub(crate) timeout: Option<Instant>,
    pub(crate) finished: bool,
    pub(crate) inbox: Inbox,
    echo: bool,
    next: u64,
}

/// What a handle of a machine would have: a flag and a waker.
#[derive(Clone, Default)]
pub(crate) struct Inbox(Arc<Mutex<(bool, Option<Waker>)>>);

impl Inbox {
    pub(crate) fn put(&self) {
        let mut inbox = self.0.lock().unwrap();
        inbox.0 = true;
        if let Some(waker) = inbox.1.take() {
            waker.wake();
        }
    }
}

impl Echo {
    /// A machine that only listens.
    pub(crate) fn silent() -> Echo {
        Echo::default()
    }

    /// A machine that sends back what it gets.
    pub(crate) fn echoing() -> Echo {
        Echo { echo: true, ..Echo::default() }
    }

    pub(crate) fn send(&mut self, path: Path, bytes: impl Into<Bytes>) {
        self.outputs.push_back(Output::Transmit { path, bytes: bytes.into() });
    }

    pub(crate) fn open(&mut self, target: Target) -> FlowId {
        let flow = self.flow();
        self.outputs.push_back(Output::OpenFlow { flow, target });
        flow
    }

    pub(crate) fn close(&mut self, flow: FlowId) {
        self.outputs.push_back(Output::CloseFlow { flow });
    }

    fn flow(&mut self) -> FlowId {
        self.next += 1;
        FlowId::from_number(self.next)
    }

    fn see(&mut self, seen: Seen) {
        self.outputs.push_back(Output::Event(seen));
    }
}

impl Machine for Echo {
    type Event = Seen;

    fn flow_opened(&mut self, _: Instant, info: FlowInfo) -> FlowId {
        let flow = self.flow();
        self.see(Seen::Opened(flow, info));
        flow
    }

    fn flow_changed(&mut self, _: Instant, flow: FlowId, change: FlowChange) {
        self.see(Seen::Changed(flow, change));
    }

    fn receive(&mut self, _: Instant, path: Path, bytes: Bytes) {
        if self.echo {
            self.send(path, bytes.clone());
        }
        self.see(Seen::Received(path, bytes));
    }

    fn undelivered(&mut self, _: Instant, path: Path, quoted: Bytes, error: FlowError) {
        self.see(Seen::Undelivered(path, quoted, error));
    }

    fn resolved(&mut self, _: Instant, query: QueryId, result: Result<Vec<IpAddr>, FlowError>) {
        self.see(Seen::Resolved(query, result));
    }

    fn looked_up(&mut self, _: Instant, query: QueryId, result: Result<Vec<Record>, FlowError>) {
        self.see(Seen::LookedUp(query, result));
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.timeout.is_some_and(|at| at <= now) {
            self.timeout = None;
            self.see(Seen::Timeout(now));
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timeout
    }

    fn poll_output(&mut self) -> Option<Output<Seen>> {
        self.outputs.pop_front()
    }

    fn poll_inbox(&mut self, cx: &mut Context<'_>, _: Instant) -> Poll<()> {
        let mut inbox = self.inbox.0.lock().unwrap();
        if std::mem::take(&mut inbox.0) {
            drop(inbox);
            self.see(Seen::Inbox);
            return Poll::Ready(());
        }
        inbox.1 = Some(cx.waker().clone());
        Poll::Pending
    }

    fn is_finished(&self) -> bool {
        self.finished
    }
}

/// A running driver and what its machine saw.
pub(crate) struct Node {
    pub(crate) handle: Handle<Echo>,
    pub(crate) seen: mpsc::UnboundedReceiver<Seen>,
}

pub(crate) fn localhost() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

pub(crate) fn target(transport: Transport, addr: SocketAddr) -> Target {
    let (host, port) = (addr.ip().to_string().into(), addr.port());
    Target { transport, host, port, addr: Some(addr), resource: "".into() }
}

impl Node {
    pub(crate) fn start(machine: Echo, listen: impl FnOnce(DriverBuilder<Echo>) -> DriverBuilder<Echo>) -> Node {
        let (events, seen) = mpsc::unbounded_channel();
        let handle = listen(Driver::builder(machine)).spawn(move |event| drop(events.send(event))).unwrap();
        Node { handle, seen }
    }

    pub(crate) fn client() -> Node {
        Node::start(Echo::silent(), |driver| driver)
    }

    /// The first address it listens on.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.handle.local_addrs()[0].addr
    }

    /// What it sees next.
    pub(crate) async fn next(&mut self) -> Seen {
        let next = tokio::time::timeout(SOON, self.seen.recv()).await;
        next.expect("nothing seen in time").expect("the driver has stopped")
    }

    pub(crate) async fn run<R: Send + 'static>(&self, f: impl FnOnce(&mut Echo, Instant) -> R + Send + 'static) -> R {
        self.handle.run(f).await.unwrap()
    }

    pub(crate) async fn send(&self, path: Path, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        self.run(move |machine, _| machine.send(path, bytes)).await;
    }

    pub(crate) async fn opened(&mut self) -> (FlowId, FlowInfo) {
        match self.next().await {
            Seen::Opened(flow, info) => (flow, info),
            other => panic!("expected a flow to open, saw {other:?}"),
        }
    }

    pub(crate) async fn received(&mut self) -> (Path, Bytes) {
        match self.next().await {
            Seen::Received(path, bytes) => (path, bytes),
            other => panic!("expected bytes, saw {other:?}"),
        }
    }

    pub(crate) async fn undelivered(&mut self) -> (Path, Bytes, FlowError) {
        match self.next().await {
            Seen::Undelivered(path, quoted, error) => (path, quoted, error),
            other => panic!("expected a loss, saw {other:?}"),
        }
    }

    pub(crate) async fn changed(&mut self) -> FlowChange {
        match self.next().await {
            Seen::Changed(_, change) => change,
            other => panic!("expected a change, saw {other:?}"),
        }
    }

    pub(crate) async fn failed(&mut self) -> FlowErrorKind {
        match self.changed().await {
            FlowChange::Failed(error) => error.kind,
            other => panic!("expected a failure, saw {other:?}"),
        }
    }

    /// Opens a flow and waits until it is up.
    pub(crate) async fn connect(&mut self, target: Target) -> Path {
        let flow = self.run(move |machine, _| machine.open(target)).await;
        match self.changed().await {
            FlowChange::Connected { remote, .. } => Path { flow, remote },
            other => panic!("expected a connection, saw {other:?}"),
        }
    }

    /// Opens a flow that must fail.
    pub(crate) async fn refused(&mut self, target: Target) -> FlowErrorKind {
        self.run(move |machine, _| machine.open(target)).await;
        self.failed().await
    }
}

/// What must happen soon.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, future).await.expect("it did not happen in time")
}
