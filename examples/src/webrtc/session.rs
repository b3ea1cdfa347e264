//! The handle to a running session.

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::addresses;
use super::driver::{Command, Driver};
use super::error::Error;
use super::options::Options;
use super::peer::Peer;
use super::sockets::Sockets;
use super::stats::Stats;

/// One audio session with a WebRTC peer: ICE, DTLS-SRTP, a tone, then an echo.
///
/// A task of the current tokio runtime does the work. Dropping the handle ends it and frees its sockets.
#[derive(Debug)]
pub struct Session {
    commands: mpsc::Sender<Command>,
    stats: watch::Receiver<Stats>,
    task: JoinHandle<()>,
}

impl Session {
    /// Answers an offer. The offer must carry its ICE candidates, and so does the answer: nothing trickles.
    ///
    /// # Errors
    ///
    /// The offer is malformed, has no audio that can be echoed, or cannot be agreed to; or no socket could be opened.
    pub async fn answer(offer: &str, options: Options) -> Result<(Session, String), Error> {
        let sockets = Sockets::bind(&addresses::to_listen_on(options.bind, Some(offer)))?;
        let (peer, answer) = Peer::answer(offer, sockets.addresses())?;
        Ok((Session::start(options, peer, sockets), answer))
    }

    /// Makes an offer. Media starts after [`Session::accept`] took the answer.
    ///
    /// # Errors
    ///
    /// No socket could be opened.
    pub async fn offer(options: Options) -> Result<(Session, String), Error> {
        let sockets = Sockets::bind(&addresses::to_listen_on(options.bind, None))?;
        let (peer, offer) = Peer::offer(sockets.addresses())?;
        Ok((Session::start(options, peer, sockets), offer))
    }

    /// Takes the answer to the offer that [`Session::offer`] made.
    ///
    /// # Errors
    ///
    /// The answer is malformed or does not fit the offer, there is no open offer, or the session has ended. The
    /// offer is open for one well-formed answer only.
    pub async fn accept(&self, answer: &str) -> Result<(), Error> {
        let answer = answer.to_owned();
        self.ask(|reply| Command::Accept { answer, reply }).await
    }

    /// Answers another offer of the same peer: a hold, a resume, an ICE restart, new candidates.
    ///
    /// # Errors
    ///
    /// As for [`Session::answer`]; also, the offer may come from another WebRTC connection, or the session has ended.
    pub async fn reoffer(&self, offer: &str) -> Result<String, Error> {
        let offer = offer.to_owned();
        self.ask(|reply| Command::Reoffer { offer, reply }).await
    }

    /// How the session is doing.
    pub fn stats(&self) -> Stats {
        self.stats.borrow().clone()
    }

    /// Waits until the statistics fulfil a condition, and returns them. They change with every packet.
    ///
    /// # Errors
    ///
    /// The session ended without fulfilling it.
    pub async fn until(&self, condition: impl FnMut(&Stats) -> bool) -> Result<Stats, Error> {
        let mut stats = self.stats.clone();
        let reached = stats.wait_for(condition).await.map_err(|_| Error::Closed)?;
        Ok(reached.clone())
    }

    /// Ends the session and waits until its sockets are free.
    pub async fn close(self) {
        drop(self.commands);
        // The task returns nothing, and its panic was already reported by the runtime.
        let _ = self.task.await;
    }

    fn start(options: Options, peer: Peer, sockets: Sockets) -> Session {
        let (commands, orders) = mpsc::channel(1);
        let (publish, stats) = watch::channel(Stats::default());
        let task = tokio::spawn(Driver::new(options, peer, sockets, orders, publish).run());
        Session { commands, stats, task }
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Command) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }
}
