//! The owner's end of a running driver.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use offhook_core::time::Instant;
use offhook_core::transport::Transport;
use tokio::sync::{mpsc, oneshot, watch};

/// Where a driver listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenAddr {
    /// What is spoken there.
    pub transport: Transport,
    /// The bound address, with the port the system chose where none was named.
    pub addr: SocketAddr,
}

/// The driver has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the driver has stopped")]
pub struct Stopped;

/// Talks to the machine inside a running driver. A cheap clone; the driver stops with the last one, unless it was
/// [detached](Handle::detach).
pub struct Handle<M> {
    pub(super) commands: mpsc::UnboundedSender<Command<M>>,
    pub(super) local_addrs: Arc<[ListenAddr]>,
    pub(super) running: watch::Receiver<()>,
}

impl<M> Handle<M> {
    /// Calls `f` with the machine and the time, carries out what the machine wants after it, and returns what `f`
    /// returned. Only the driver's task runs meanwhile, so `f` must not block.
    ///
    /// A future dropped early leaves the call in place: it runs, and its value is lost.
    ///
    /// # Errors
    ///
    /// [`Stopped`] if the driver has stopped before `f` ran.
    pub async fn run<R, F>(&self, f: F) -> Result<R, Stopped>
    where
        F: FnOnce(&mut M, Instant) -> R + Send + 'static,
        R: Send + 'static,
    {
        let (answer, value) = oneshot::channel();
        self.post(move |machine, now| {
            // The caller may have lost interest.
            let _ = answer.send(f(machine, now));
        })?;
        value.await.map_err(|_| Stopped)
    }

    /// Like [`run`](Handle::run), without waiting: calls run in the order they were posted.
    ///
    /// # Errors
    ///
    /// [`Stopped`] if the driver has stopped. One that stops meanwhile may never run `f`.
    pub fn post<F>(&self, f: F) -> Result<(), Stopped>
    where
        F: FnOnce(&mut M, Instant) + Send + 'static,
    {
        self.commands.send(Command::Run(Box::new(f))).map_err(|_| Stopped)
    }

    /// The addresses the driver listens on, in the order they were asked for.
    pub fn local_addrs(&self) -> &[ListenAddr] {
        &self.local_addrs
    }

    /// Stops the driver, whatever its machine still has to do: connections are closed after what waits on them was
    /// sent, listeners and sockets at once. [`stopped`](Handle::stopped) tells when it is done.
    pub fn stop(&self) {
        // Already stopped is as good.
        let _ = self.commands.send(Command::Stop);
    }

    /// Completes when the driver has stopped and all its sockets are closed. The future is no handle: it does not keep
    /// the driver running.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + use<M> {
        let mut running = self.running.clone();
        async move {
            // Nothing is ever sent; the driver's end going away is the message.
            while running.changed().await.is_ok() {}
        }
    }

    /// Gives up control: the driver goes on without handles, until its machine is finished.
    pub fn detach(self) {
        // Already stopped is as good.
        let _ = self.commands.send(Command::Detach);
    }
}

impl<M> Clone for Handle<M> {
    fn clone(&self) -> Handle<M> {
        Handle { commands: self.commands.clone(), local_addrs: self.local_addrs.clone(), running: self.running.clone() }
    }
}

impl<M> fmt::Debug for Handle<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("local_addrs", &self.local_addrs).finish_non_exhaustive()
    }
}

/// What handles ask of the driver's task.
pub(super) enum Command<M> {
    Run(Call<M>),
    Detach,
    Stop,
}

/// Something to do with the machine.
type Call<M> = Box<dyn FnOnce(&mut M, Instant) + Send>;
