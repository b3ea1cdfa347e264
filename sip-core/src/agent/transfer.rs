//! Handles of transfers: those this side asks for, and those it is asked for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::events::{Listener, follow, tell};
use super::{Call, Events, Line, STOPPED};
use crate::endpoint::{CallId, Error, FollowOptions, TransferEvent, TransferId, TransferOutcome, TransferRequestId};
use crate::message::{NameAddr, ReferTarget, StatusCode};

/// A transfer that this side asked for. It outlives the call it is about: keep it and ask later. Clones name the same
/// transfer; dropping them changes nothing.
#[derive(Clone, Debug)]
pub struct Transfer {
    id: TransferId,
    hub: Hub,
}

/// What the handles of one transfer share.
#[derive(Clone, Debug, Default)]
pub(super) struct Hub(Arc<Mutex<View>>);

#[derive(Debug, Default)]
struct View {
    accepted: bool,
    end: Option<Result<TransferOutcome, Error>>,
    log: Vec<TransferEvent>,
    listeners: Vec<Listener<TransferEvent>>,
}

/// Events kept for listeners that come later.
const LOG: usize = 32;

impl Hub {
    fn view(&self) -> MutexGuard<'_, View> {
        // Nothing panics while it is held; if it did, the view is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell(&self, event: TransferEvent) {
        let mut view = self.view();
        match &event {
            TransferEvent::Accepted => view.accepted = true,
            TransferEvent::Ended(result) => view.end = Some(result.clone()),
            TransferEvent::Progress { .. } => {}
        }
        if view.log.len() < LOG {
            view.log.push(event.clone());
        }
        tell(&mut view.listeners, &event);
        if view.end.is_some() {
            view.listeners = Vec::new();
        }
    }
}

impl Transfer {
    pub(super) fn new(id: TransferId, hub: Hub) -> Transfer {
        Transfer { id, hub }
    }

    /// The endpoint's name for it.
    pub fn id(&self) -> TransferId {
        self.id
    }

    /// What happens to it: first what has happened so far, then what happens next.
    pub fn events(&self) -> Events<TransferEvent> {
        let mut view = self.hub.view();
        let View { log, listeners, end, .. } = &mut *view;
        follow(log.iter().cloned(), end.is_none().then_some(listeners))
    }

    /// The other side took the request; nothing is transferred yet. After that see [`done`](Transfer::done).
    ///
    /// # Errors
    ///
    /// [`Error::Status`] if it refused, [`Error::Timeout`], [`Error::Transport`].
    pub async fn accepted(&self) -> Result<(), Error> {
        let mut events = self.events();
        loop {
            {
                let view = self.hub.view();
                match &view.end {
                    _ if view.accepted => return Ok(()),
                    Some(Err(error)) => return Err(error.clone()),
                    Some(Ok(_)) => return Ok(()),
                    None => {}
                }
            }
            if events.next().await.is_none() && self.hub.view().end.is_none() {
                return Err(STOPPED);
            }
        }
    }

    /// The new call is answered, or the other side tells no more (no status then). The call that was transferred is ended
    /// by itself if it was answered.
    ///
    /// # Errors
    ///
    /// [`Error::Status`] if the request was refused or the new call failed; [`Error::Timeout`] if no more was heard.
    pub async fn done(&self) -> Result<TransferOutcome, Error> {
        let mut events = self.events();
        loop {
            if let Some(end) = self.hub.view().end.clone() {
                return end;
            }
            if events.next().await.is_none() && self.hub.view().end.is_none() {
                return Err(STOPPED);
            }
        }
    }
}

/// A transfer that the other side asks for: nobody is called before it is accepted. One that nobody decides about is
/// refused after a minute.
#[derive(Clone, Debug)]
pub struct TransferRequest {
    id: TransferRequestId,
    line: Line,
    asked: Arc<crate::endpoint::TransferRequest>,
}

impl TransferRequest {
    pub(super) fn new(id: TransferRequestId, line: Line, asked: crate::endpoint::TransferRequest) -> Self {
        TransferRequest { id, line, asked: Arc::new(asked) }
    }

    /// The endpoint's name for it.
    pub fn id(&self) -> TransferRequestId {
        self.id
    }

    /// The call it is about, if it is about one.
    pub fn call(&self) -> Option<CallId> {
        self.asked.call
    }

    /// Who asks.
    pub fn from(&self) -> &NameAddr {
        &self.asked.from
    }

    /// Whom to call.
    pub fn target(&self) -> &ReferTarget {
        &self.asked.target
    }

    /// Who refers, for the called side to see (RFC 3892).
    pub fn referred_by(&self) -> Option<&NameAddr> {
        self.asked.referred_by.as_ref()
    }

    /// Every header field of the request, in order.
    pub fn headers(&self) -> &[(String, String)] {
        &self.asked.headers
    }

    /// Follows it; gives the new call, whose INVITE is on its way. The other side is told by itself how that goes.
    ///
    /// # Errors
    ///
    /// See [`Endpoint::accept_transfer`](crate::endpoint::Endpoint::accept_transfer).
    pub async fn accept(&self, options: FollowOptions) -> Result<Call, Error> {
        let request = self.id;
        let follow = move |engine: &mut super::Engine, now| {
            let id = engine.endpoint_mut().accept_transfer(now, request, options)?;
            engine.handle(id, None).ok_or(Error::State("the call ended at once"))
        };
        self.line.ask(follow).await?
    }

    /// Does not follow it.
    ///
    /// # Errors
    ///
    /// See [`Endpoint::reject_transfer`](crate::endpoint::Endpoint::reject_transfer).
    pub async fn reject(&self, status: StatusCode) -> Result<(), Error> {
        let id = self.id;
        self.line.operate(move |endpoint, now| endpoint.reject_transfer(now, id, status, None)).await.map(drop)
    }
}
