//! A publication's handle (RFC 3903).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::events::{Listener, follow, tell};
use super::{Events, Line};
use crate::endpoint::{Error, PublicationId, PublicationState};

/// A state of ours that a compositor keeps. Clones name the same; dropping them does not take it back.
#[derive(Clone, Debug)]
pub struct Publication {
    id: PublicationId,
    line: Line,
    hub: PublicationHub,
}

/// What the handles of one publication share.
#[derive(Clone, Debug)]
pub(super) struct PublicationHub(Arc<Mutex<View>>);

#[derive(Debug)]
struct View {
    state: PublicationState,
    listeners: Vec<Listener<PublicationState>>,
}

impl PublicationHub {
    pub(super) fn new(state: PublicationState) -> PublicationHub {
        PublicationHub(Arc::new(Mutex::new(View { state, listeners: Vec::new() })))
    }

    fn view(&self) -> MutexGuard<'_, View> {
        // Nothing panics while it is held; if it did, the view is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell(&self, state: PublicationState) {
        let mut view = self.view();
        tell(&mut view.listeners, &state);
        if matches!(state, PublicationState::Ended(_)) {
            view.listeners = Vec::new();
        }
        view.state = state;
    }
}

impl Publication {
    pub(super) fn new(id: PublicationId, line: Line, hub: PublicationHub) -> Publication {
        Publication { id, line, hub }
    }

    /// The endpoint's name for it.
    pub fn id(&self) -> PublicationId {
        self.id
    }

    /// The state now.
    pub fn state(&self) -> PublicationState {
        self.hub.view().state.clone()
    }

    /// The state now, then what becomes of it.
    pub fn states(&self) -> Events<PublicationState> {
        let mut view = self.hub.view();
        let View { state, listeners, .. } = &mut *view;
        let over = matches!(state, PublicationState::Ended(_));
        follow([state.clone()], (!over).then_some(listeners))
    }

    /// Publishes another state in place of the one before. Done when the compositor has it.
    ///
    /// # Errors
    ///
    /// See [`Endpoint::update_publication`](crate::endpoint::Endpoint::update_publication).
    pub async fn update(&self, content_type: &str, body: impl Into<Bytes>) -> Result<(), Error> {
        let (id, content_type, body) = (self.id, content_type.to_owned(), body.into());
        self.line
            .operate(move |endpoint, now| endpoint.update_publication(now, id, &content_type, body))
            .await
            .map(drop)
    }

    /// Takes it back. Done when the compositor has forgotten it.
    ///
    /// # Errors
    ///
    /// [`Error::Status`], [`Error::Timeout`], [`Error::Transport`]: it then runs out by itself.
    pub async fn remove(&self) -> Result<(), Error> {
        let id = self.id;
        self.line.operate(move |endpoint, now| endpoint.remove_publication(now, id)).await.map(drop)
    }
}
