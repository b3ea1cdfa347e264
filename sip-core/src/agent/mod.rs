//! Handles for async programs: [`UserAgent`], [`Call`] and [`Transfer`], cheap to clone, usable from any task on any executor.
//!
//! The handles talk to an [`Engine`] that a driver runs; they share no lock with each other's calls and know no
//! runtime. What a promise means here: done, never merely sent.
//!
//! ```
//! use offhook_core::agent::UserAgent;
//! use offhook_core::endpoint::{CallOptions, Config};
//!
//! # fn main() -> Result<(), offhook_core::endpoint::Error> {
//! // A driver runs `engine`; see the `offhook` crate for the one on tokio.
//! let (agent, engine) = UserAgent::new(Config::new("sip:alice@example.com")?, [7; 32]);
//! let talk = async move {
//!     agent.register().await?;
//!     let call = agent.call("sip:bob@example.com", CallOptions::with_sdp("v=0\r\n…")).await?;
//!     call.established().await?;
//!     call.hangup().await
//! };
//! # drop((talk, engine));
//! # Ok(())
//! # }
//! ```

mod call;
mod credentials;
mod engine;
mod events;
mod publication;
mod subscription;
mod transfer;
mod user_agent;
mod watched;

pub use call::Call;
pub use engine::Engine;
pub use events::Events;
pub use publication::Publication;
pub use subscription::{IncomingSubscription, Notices, Subscription};
pub use transfer::{Transfer, TransferRequest};
pub use user_agent::{AgentEvent, Response, UserAgent};

use std::sync::{Arc, Weak};

use futures_channel::mpsc::UnboundedSender;
use futures_channel::oneshot;

use crate::endpoint::{Error, OpId, Outcome};
use crate::time::Instant;

/// One thing a handle wants done by the engine.
type Job = Box<dyn FnOnce(&mut Engine, Instant) + Send>;

const STOPPED: Error = Error::State("the user agent has stopped");

/// The handles' end of the line to the engine.
#[derive(Clone, Debug)]
struct Line {
    own: Arc<UnboundedSender<Job>>,
    /// The line to the first of several engines, which has the ways to the servers: it goes on as long as somebody holds
    /// anything of any of them.
    lead: Arc<UnboundedSender<Job>>,
}

/// A line that keeps nobody going.
#[derive(Clone, Debug, Default)]
struct WeakLine {
    own: Weak<UnboundedSender<Job>>,
    lead: Weak<UnboundedSender<Job>>,
}

impl WeakLine {
    fn upgrade(&self) -> Option<Line> {
        Some(Line { own: self.own.upgrade()?, lead: self.lead.upgrade()? })
    }
}

impl Line {
    fn downgrade(&self) -> WeakLine {
        WeakLine { own: Arc::downgrade(&self.own), lead: Arc::downgrade(&self.lead) }
    }

    /// Whether both lead to the same engine.
    fn is(&self, other: &Line) -> bool {
        Arc::ptr_eq(&self.own, &other.own)
    }

    /// Has the engine do something. If it is gone, nobody is left to do it for.
    fn post(&self, job: impl FnOnce(&mut Engine, Instant) + Send + 'static) {
        let _ = self.own.unbounded_send(Box::new(job));
    }

    /// Has the engine do something and waits for what it gives.
    async fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Engine, Instant) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |engine, now| {
            // The asker may have gone: then nobody wants the answer.
            let _ = sender.send(job(engine, now));
        });
        self.own.unbounded_send(job).map_err(|_| STOPPED)?;
        receiver.await.map_err(|_| STOPPED)
    }

    /// Begins an operation and waits for its end.
    async fn operate(
        &self,
        begin: impl FnOnce(&mut crate::endpoint::Endpoint, Instant) -> OpId + Send + 'static,
    ) -> Result<Outcome, Error> {
        self.begin(begin)?.await.map_err(|_| STOPPED)?
    }

    /// Begins an operation; its end comes later.
    fn begin(
        &self,
        begin: impl FnOnce(&mut crate::endpoint::Endpoint, Instant) -> OpId + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<Outcome, Error>>, Error> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |engine, now| engine.begin(now, begin, sender));
        self.own.unbounded_send(job).map_err(|_| STOPPED)?;
        Ok(receiver)
    }
}
