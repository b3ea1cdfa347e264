//! A call's handle.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::events::{Listener, follow, stream, tell};
use super::{Engine, Events, Line, Transfer, TransferRequest};
use crate::endpoint::{
    AnswerOptions, CallEvent, CallId, CallInfo, CallState, Direction, End, Error, Features, Hold, Invitation, Outcome,
    RemoteIdentity, SavedCall, TransferOptions, Transition,
};
use crate::message::{NameAddr, StatusCode};
use crate::sdp::TrickledCandidate;
use crate::time::Instant;

/// Events of a call kept for listeners that come later.
const LOG: usize = 64;

/// A call. Clones name the same call; dropping them does not hang up.
#[derive(Clone, Debug)]
pub struct Call {
    id: CallId,
    line: Line,
    hub: Hub,
    invitation: Option<Arc<Invitation>>,
    span: tracing::Span,
}

/// What the handles of one call share: its latest state, and who listens. The lock is this call's alone and is held
/// for moments.
#[derive(Clone, Debug)]
pub(super) struct Hub(Arc<Mutex<View>>);

#[derive(Debug)]
struct View {
    info: CallInfo,
    remote_sdp: Option<Bytes>,
    end: Option<End>,
    log: Vec<CallEvent>,
    listeners: Vec<Listener<CallEvent>>,
}

impl Hub {
    pub(super) fn new(info: CallInfo) -> Hub {
        Hub(Arc::new(Mutex::new(View { info, remote_sdp: None, end: None, log: Vec::new(), listeners: Vec::new() })))
    }

    fn view(&self) -> MutexGuard<'_, View> {
        // Nothing panics while it is held; if it did, the view is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something happened, after which `refresh` knows how the call is.
    pub(super) fn tell(&self, event: CallEvent, refresh: impl FnOnce(&mut CallInfo)) {
        let mut view = self.view();
        refresh(&mut view.info);
        match &event {
            CallEvent::Progress { sdp: Some(sdp), .. }
            | CallEvent::Answered { sdp: Some(sdp) }
            | CallEvent::Offer { sdp: Some(sdp) }
            | CallEvent::Negotiated { sdp } => view.remote_sdp = Some(sdp.clone()),
            // The call may have gone on since: its latest state is in the info, an end only here.
            CallEvent::State(step) if step.state == CallState::Ended => {
                view.info.state = CallState::Ended;
                view.info.history.push(step.clone());
            }
            CallEvent::Ended(end) => view.end = Some(end.clone()),
            _ => {}
        }
        if view.log.len() < LOG {
            view.log.push(event.clone());
        }
        tell(&mut view.listeners, &event);
        if matches!(event, CallEvent::Ended(_)) {
            view.listeners.clear();
            view.listeners.shrink_to_fit();
        }
    }
}

impl Hub {
    /// The call is lost with the endpoint it was in.
    pub(super) fn fail(&self, now: Instant) {
        let end = End::with_its_endpoint();
        let over = Transition { at: now, state: CallState::Ended, cause: end.phrase.clone() };
        self.tell(CallEvent::State(over), |_| {});
        self.tell(CallEvent::Ended(end), |_| {});
    }
}

impl Call {
    pub(super) fn new(
        id: CallId,
        line: Line,
        hub: Hub,
        invitation: Option<Box<Invitation>>,
        span: tracing::Span,
    ) -> Call {
        let invitation = invitation.map(|invitation| Arc::new(*invitation));
        if let Some(invitation) = &invitation {
            hub.view().remote_sdp = invitation.sdp.clone();
        }
        Call { id, line, hub, invitation, span }
    }

    /// The endpoint's name for it.
    pub fn id(&self) -> CallId {
        self.id
    }

    /// The span in which what happens in this call is logged, for a program's own logs of it; see
    /// [`Endpoint::call_span`](crate::endpoint::Endpoint::call_span).
    pub fn span(&self) -> &tracing::Span {
        &self.span
    }

    /// Who called.
    pub fn direction(&self) -> Direction {
        self.hub.view().info.direction
    }

    /// The state now.
    pub fn state(&self) -> CallState {
        self.hub.view().info.state
    }

    /// How it came to this, with times and causes.
    pub fn history(&self) -> Vec<Transition> {
        self.hub.view().info.history.clone()
    }

    /// The Call-ID.
    pub fn call_id(&self) -> String {
        self.hub.view().info.call_id.to_string()
    }

    /// The other side.
    pub fn remote(&self) -> NameAddr {
        self.hub.view().info.remote.clone()
    }

    /// Who that is, as far as it may be believed: whom to show. It may change; see [`CallEvent::Identity`].
    pub fn identity(&self) -> RemoteIdentity {
        self.hub.view().info.identity.clone()
    }

    /// Who holds.
    pub fn on_hold(&self) -> Hold {
        self.hub.view().info.hold
    }

    /// The INVITE of an incoming call: who, to whom, the offer, every header field.
    pub fn invitation(&self) -> Option<&Invitation> {
        self.invitation.as_deref()
    }

    /// The other side's latest description.
    pub fn remote_sdp(&self) -> Option<Bytes> {
        self.hub.view().remote_sdp.clone()
    }

    /// What happens in this call: first what has happened so far, then what happens next.
    pub fn events(&self) -> Events<CallEvent> {
        let mut view = self.hub.view();
        let View { log, listeners, end, .. } = &mut *view;
        follow(log.iter().cloned(), end.is_none().then_some(listeners))
    }

    /// Answered and acknowledged; or the error it ended with before.
    ///
    /// # Errors
    ///
    /// [`Error::Status`] if it was refused, [`Error::Timeout`], [`Error::Transport`], [`Error::Cancelled`] if this side
    /// gave up.
    pub async fn established(&self) -> Result<(), Error> {
        let mut events = self.events();
        loop {
            if self.state() == CallState::Established {
                return Ok(());
            }
            match events.next().await {
                Some(CallEvent::State(step)) if step.state == CallState::Established => return Ok(()),
                Some(CallEvent::Ended(end)) => return Err(end.error.unwrap_or(Error::Cancelled)),
                Some(_) => {}
                None => return Err(super::STOPPED),
            }
        }
    }

    /// The end of the call, whoever brings it about.
    pub async fn ended(&self) -> Option<End> {
        let mut events = self.events();
        loop {
            if let Some(end) = self.hub.view().end.clone() {
                return Some(end);
            }
            match events.next().await {
                Some(CallEvent::Ended(end)) => return Some(end),
                Some(_) => {}
                None => return None,
            }
        }
    }

    /// See [`Endpoint::ring`](crate::endpoint::Endpoint::ring).
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn ring(&self) -> Result<(), Error> {
        let id = self.id;
        self.line.operate(move |endpoint, now| endpoint.ring(now, id, None)).await.map(drop)
    }

    /// Answers with a description. Done when the ACK is here.
    ///
    /// # Errors
    ///
    /// See [`Endpoint::answer`](crate::endpoint::Endpoint::answer).
    pub async fn answer(&self, options: AnswerOptions) -> Result<(), Error> {
        let id = self.id;
        self.line.operate(move |endpoint, now| endpoint.answer(now, id, options)).await.map(drop)
    }

    /// Refuses an incoming call.
    ///
    /// # Errors
    ///
    /// See [`Endpoint::reject`](crate::endpoint::Endpoint::reject).
    pub async fn reject(&self, status: StatusCode) -> Result<(), Error> {
        let id = self.id;
        self.line.operate(move |endpoint, now| endpoint.reject(now, id, status, None)).await.map(drop)
    }

    /// Sends the caller elsewhere.
    ///
    /// # Errors
    ///
    /// See [`Endpoint::redirect`](crate::endpoint::Endpoint::redirect).
    pub async fn redirect(&self, contact: &str) -> Result<(), Error> {
        let (id, contact) = (self.id, contact.to_owned());
        self.line.operate(move |endpoint, now| endpoint.redirect(now, id, &[&contact])).await.map(drop)
    }

    /// The call as data, with which another user agent can go on ([`UserAgent::restore_call`](super::UserAgent::restore_call)),
    /// e.g. when this program is started again. Ask again when it has changed.
    ///
    /// # Errors
    ///
    /// [`Error::State`] unless the call is established.
    pub async fn save(&self) -> Result<SavedCall, Error> {
        let id = self.id;
        self.line.ask(move |engine, _| engine.endpoint_mut().save_call(id)).await?
    }

    /// Tells the other side of candidates that its description does not have; see
    /// [`Endpoint::trickle`](crate::endpoint::Endpoint::trickle).
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn trickle(&self, candidates: Vec<TrickledCandidate>, end: bool) -> Result<(), Error> {
        let id = self.id;
        self.line.operate(move |endpoint, now| endpoint.trickle(now, id, candidates, end)).await.map(drop)
    }

    /// Ends the call in whatever state it is. Done when it is over.
    ///
    /// # Errors
    ///
    /// [`Error::State`] if the agent has stopped.
    pub async fn hangup(&self) -> Result<(), Error> {
        let id = self.id;
        self.line.operate(move |endpoint, now| endpoint.hangup(now, id, None)).await.map(drop)
    }

    /// Holds the other side. Done when it agreed; refused means still in the call.
    ///
    /// # Errors
    ///
    /// See [`Endpoint::hold`](crate::endpoint::Endpoint::hold).
    pub async fn hold(&self) -> Result<(), Error> {
        let id = self.id;
        self.line.operate(move |endpoint, now| endpoint.hold(now, id, None)).await.map(drop)
    }

    /// Takes the other side off hold.
    ///
    /// # Errors
    ///
    /// See [`Endpoint::resume`](crate::endpoint::Endpoint::resume).
    pub async fn resume(&self) -> Result<(), Error> {
        let id = self.id;
        self.line.operate(move |endpoint, now| endpoint.resume(now, id, None)).await.map(drop)
    }

    /// Offers a new description; gives the other side's answer.
    ///
    /// # Errors
    ///
    /// See [`Endpoint::renegotiate`](crate::endpoint::Endpoint::renegotiate).
    pub async fn renegotiate(&self, sdp: impl Into<Bytes>) -> Result<Option<Bytes>, Error> {
        let (id, sdp) = (self.id, sdp.into());
        match self.line.operate(move |endpoint, now| endpoint.renegotiate(now, id, sdp)).await? {
            Outcome::Negotiated { sdp } => Ok(sdp),
            _ => Ok(None),
        }
    }

    /// Sends an UPDATE, also before the call is answered: with a description a new offer, which gives the other side's
    /// answer; without one, only where to reach us.
    ///
    /// # Errors
    ///
    /// See [`Endpoint::update`](crate::endpoint::Endpoint::update).
    pub async fn update(&self, sdp: Option<Bytes>) -> Result<Option<Bytes>, Error> {
        let id = self.id;
        match self.line.operate(move |endpoint, now| endpoint.update(now, id, sdp)).await? {
            Outcome::Negotiated { sdp } => Ok(sdp),
            _ => Ok(None),
        }
    }

    /// Answers the other side's offer.
    ///
    /// # Errors
    ///
    /// See [`Endpoint::accept_offer`](crate::endpoint::Endpoint::accept_offer).
    pub async fn accept_offer(&self, sdp: impl Into<Bytes>) -> Result<(), Error> {
        let (id, sdp) = (self.id, sdp.into());
        self.line.operate(move |endpoint, now| endpoint.accept_offer(now, id, sdp)).await.map(drop)
    }

    /// Refuses the other side's offer; the call goes on as it was.
    ///
    /// # Errors
    ///
    /// See [`Endpoint::reject_offer`](crate::endpoint::Endpoint::reject_offer).
    pub async fn reject_offer(&self, status: StatusCode) -> Result<(), Error> {
        let id = self.id;
        self.line.operate(move |endpoint, now| endpoint.reject_offer(now, id, status)).await.map(drop)
    }

    /// Asks the other side to call somebody else in the place of this call: a blind transfer (RFC 5589 6). The request is
    /// on its way; see [`Transfer::done`] for what becomes of it.
    ///
    /// # Errors
    ///
    /// See [`Endpoint::transfer`](crate::endpoint::Endpoint::transfer).
    pub async fn transfer(&self, target: &str, options: TransferOptions) -> Result<Transfer, Error> {
        let (id, target) = (self.id, target.to_owned());
        let begin = move |engine: &mut Engine, now| {
            let transfer = engine.endpoint_mut().transfer(now, id, &target, options)?;
            Ok(engine.transfer(transfer))
        };
        self.line.ask(begin).await?
    }

    /// Brings the other sides of this call and another together: an attended transfer (RFC 5589 7.3). While the other call
    /// still rings its answer is waited for first.
    ///
    /// # Errors
    ///
    /// See [`Endpoint::transfer_to`](crate::endpoint::Endpoint::transfer_to).
    pub async fn transfer_to(&self, other: &Call, options: TransferOptions) -> Result<Transfer, Error> {
        if !self.line.is(&other.line) {
            // It is another shard's, which knows whether it is there.
            let consulted = other.id;
            other.line.ask(move |engine, _| engine.endpoint().check_consulted(consulted)).await??;
        }
        let (id, other) = (self.id, other.id);
        let begin = move |engine: &mut Engine, now| {
            let transfer = engine.endpoint_mut().transfer_to(now, id, other, options)?;
            Ok(engine.transfer(transfer))
        };
        self.line.ask(begin).await?
    }

    /// Asks a peer to take this side's place in the call, e.g. a server that parks it or plays music (RFC 5359 2.15). The call
    /// is ended by its other side when that has worked, and goes on otherwise.
    ///
    /// # Errors
    ///
    /// See [`Endpoint::hand_over`](crate::endpoint::Endpoint::hand_over).
    pub async fn hand_over(&self, peer: &str, options: TransferOptions) -> Result<Transfer, Error> {
        let (id, peer) = (self.id, peer.to_owned());
        let begin = move |engine: &mut Engine, now| {
            let transfer = engine.endpoint_mut().hand_over(now, id, &peer, options)?;
            Ok(engine.transfer(transfer))
        };
        self.line.ask(begin).await?
    }

    /// The call in detail, as it is now: its history, its dialog, its session timer, what the other side can do.
    ///
    /// # Errors
    ///
    /// [`Error::State`] if it is over.
    pub async fn inspect(&self) -> Result<CallInfo, Error> {
        let id = self.id;
        let info = self.line.ask(move |engine: &mut Engine, _| engine.endpoint_mut().call_info(id)).await?;
        info.ok_or(Error::State("the call is over"))
    }

    /// What this side's Contact says of it from now on (RFC 3840), e.g. that it is the focus of a conference.
    ///
    /// # Errors
    ///
    /// See [`Endpoint::set_features`](crate::endpoint::Endpoint::set_features).
    pub async fn set_features(&self, features: Features) -> Result<(), Error> {
        let id = self.id;
        self.line.ask(move |engine: &mut Engine, _| engine.endpoint_mut().set_features(id, &features)).await?
    }

    /// The transfers that the other side of this call asks for from now on, to be accepted or rejected. With no such
    /// stream, here or at the [`UserAgent`](super::UserAgent::transfer_requests), they are refused.
    pub fn transfer_requests(&self) -> Events<TransferRequest> {
        let (listener, events) = stream();
        let id = self.id;
        // If the engine is gone the stream ends at once.
        self.line.post(move |engine, _| engine.listen_to_transfers(Some(id), listener));
        events
    }

    /// Sends an INFO.
    ///
    /// # Errors
    ///
    /// See [`Endpoint::info`](crate::endpoint::Endpoint::info).
    pub async fn send_info(&self, content_type: &str, body: impl Into<Bytes>) -> Result<(), Error> {
        let (id, content_type, body) = (self.id, content_type.to_owned(), body.into());
        self.line.operate(move |endpoint, now| endpoint.info(now, id, &content_type, body)).await.map(drop)
    }

    /// Sends an INFO of a package that the other side takes (RFC 6086).
    ///
    /// # Errors
    ///
    /// See [`Endpoint::info_package`](crate::endpoint::Endpoint::info_package).
    pub async fn send_info_package(
        &self,
        package: &str,
        content_type: &str,
        body: impl Into<Bytes>,
    ) -> Result<(), Error> {
        let (id, package, content_type, body) = (self.id, package.to_owned(), content_type.to_owned(), body.into());
        let sent =
            self.line.operate(move |endpoint, now| endpoint.info_package(now, id, &package, &content_type, body));
        sent.await.map(drop)
    }

    /// Sends digits by INFO, one after the other, 250 ms each.
    ///
    /// # Errors
    ///
    /// See [`Endpoint::dtmf`](crate::endpoint::Endpoint::dtmf).
    pub async fn send_dtmf(&self, tones: &str) -> Result<(), Error> {
        for tone in tones.chars() {
            let id = self.id;
            self.line.operate(move |endpoint, now| endpoint.dtmf(now, id, tone, 250)).await?;
        }
        Ok(())
    }
}
