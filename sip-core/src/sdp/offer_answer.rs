//! Whose turn it is: the offer/answer exchange of one dialog (RFC 3264 4, RFC 6337 2, RFC 3311 5).
use crate::message::StatusCode;
use bytes::Bytes;

/// The offer/answer state of a dialog. It judges the order of offers and answers, never their contents.
///
/// ```
/// use offhook_core::sdp::{OfferAnswer, OfferAnswerError, OfferAnswerState};
/// let mut exchange = OfferAnswer::new();
/// exchange.send_offer("v=0 ours".into())?;
/// assert_eq!(exchange.receive_offer("v=0 theirs".into()), Err(OfferAnswerError::Glare));
/// exchange.receive_answer("v=0 their answer".into())?;
/// assert_eq!(exchange.state(), OfferAnswerState::Stable);
/// assert_eq!(exchange.remote().map(|sdp| &sdp[..]), Some(&b"v=0 their answer"[..]));
/// # Ok::<(), OfferAnswerError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfferAnswer {
    state: OfferAnswerState,
    local: Option<Bytes>,
    remote: Option<Bytes>,
    offer: Option<Bytes>,
    preview: Option<Bytes>,
}

/// The three states; offers and answers may cross only in the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OfferAnswerState {
    /// No offer is open.
    #[default]
    Stable,
    /// This end's offer waits for an answer.
    LocalOffer,
    /// The other end's offer waits for an answer.
    RemoteOffer,
}

/// An offer or answer out of turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OfferAnswerError {
    /// An offer came while this end's own is open: both ends offered at once.
    #[error("both ends sent an offer")]
    Glare,
    /// An offer came while an earlier one of the same sender is not answered.
    #[error("the last offer is not answered yet")]
    Pending,
    /// An answer without an offer to answer.
    #[error("an answer without an offer")]
    NoOffer,
}

impl OfferAnswerError {
    /// How to refuse the request that carried the offer: 491 for glare (RFC 3261 14.2, RFC 3311 5.2); 500, with a
    /// Retry-After of 0 to 10 seconds, for a second offer; 400 for an answer out of place.
    pub fn status(self) -> StatusCode {
        let code = match self {
            OfferAnswerError::Glare => 491,
            OfferAnswerError::Pending => 500,
            OfferAnswerError::NoOffer => 400,
        };
        StatusCode::new(code).unwrap_or(StatusCode::OK) // all three codes are in range
    }
}

impl OfferAnswer {
    /// Before the first offer.
    pub fn new() -> OfferAnswer {
        OfferAnswer::default()
    }

    /// The state.
    pub fn state(&self) -> OfferAnswerState {
        self.state
    }

    /// True if this end may send an offer now.
    pub fn may_offer(&self) -> bool {
        self.state == OfferAnswerState::Stable
    }

    /// True once an exchange has been completed: there is a session.
    pub fn is_established(&self) -> bool {
        self.local.is_some() && self.remote.is_some()
    }

    /// This end's description as last agreed.
    pub fn local(&self) -> Option<&Bytes> {
        self.local.as_ref()
    }

    /// The other end's description as last agreed.
    pub fn remote(&self) -> Option<&Bytes> {
        self.remote.as_ref()
    }

    /// The open offer, of whichever end.
    pub fn offer(&self) -> Option<&Bytes> {
        self.offer.as_ref()
    }

    /// What an unreliable provisional response said the answer will be: good for early media, binding for nobody
    /// until the answer comes (RFC 6337 3.1.1).
    pub fn preview(&self) -> Option<&Bytes> {
        self.preview.as_ref()
    }

    /// This end sends an offer.
    ///
    /// # Errors
    ///
    /// [`Pending`](OfferAnswerError::Pending) while its last is open, [`Glare`](OfferAnswerError::Glare) while the
    /// other end's is: wait for [`Stable`](OfferAnswerState::Stable).
    pub fn send_offer(&mut self, offer: Bytes) -> Result<(), OfferAnswerError> {
        match self.state {
            OfferAnswerState::Stable => {
                self.open(OfferAnswerState::LocalOffer, offer);
                Ok(())
            }
            OfferAnswerState::LocalOffer => Err(OfferAnswerError::Pending),
            OfferAnswerState::RemoteOffer => Err(OfferAnswerError::Glare),
        }
    }

    /// An offer came.
    ///
    /// # Errors
    ///
    /// Refuse the request with the error's [`status`](OfferAnswerError::status); the state is as before.
    pub fn receive_offer(&mut self, offer: Bytes) -> Result<(), OfferAnswerError> {
        match self.state {
            OfferAnswerState::Stable => {
                self.open(OfferAnswerState::RemoteOffer, offer);
                Ok(())
            }
            OfferAnswerState::LocalOffer => Err(OfferAnswerError::Glare),
            OfferAnswerState::RemoteOffer => Err(OfferAnswerError::Pending),
        }
    }

    /// This end answers, in a reliable message.
    ///
    /// # Errors
    ///
    /// [`NoOffer`](OfferAnswerError::NoOffer) if the other end has none open.
    pub fn send_answer(&mut self, answer: Bytes) -> Result<(), OfferAnswerError> {
        if self.state != OfferAnswerState::RemoteOffer {
            return Err(OfferAnswerError::NoOffer);
        }
        self.remote = self.offer.take();
        self.local = Some(answer);
        self.close();
        Ok(())
    }

    /// An answer came in a reliable message.
    ///
    /// # Errors
    ///
    /// [`NoOffer`](OfferAnswerError::NoOffer) if this end has none open. In a 2xx to an INVITE whose answer came
    /// before, in a reliable provisional response, that is a repetition to ignore (RFC 3261 13.2.1).
    pub fn receive_answer(&mut self, answer: Bytes) -> Result<(), OfferAnswerError> {
        if self.state != OfferAnswerState::LocalOffer {
            return Err(OfferAnswerError::NoOffer);
        }
        self.local = self.offer.take();
        self.remote = Some(answer);
        self.close();
        Ok(())
    }

    /// A description came, or goes, in an unreliable provisional response: a preview of the answer. The offer stays
    /// open; later previews are ignored, since all must be equal (RFC 3261 13.2.1).
    ///
    /// # Errors
    ///
    /// [`NoOffer`](OfferAnswerError::NoOffer) if no offer is open.
    pub fn set_preview(&mut self, answer: Bytes) -> Result<(), OfferAnswerError> {
        if self.state == OfferAnswerState::Stable {
            return Err(OfferAnswerError::NoOffer);
        }
        self.preview.get_or_insert(answer);
        Ok(())
    }

    /// The open offer failed: its request was refused, timed out, or the answer was unusable. The session is what was
    /// agreed before (RFC 3261 14.1). Harmless if none is open.
    pub fn rollback(&mut self) {
        self.close();
    }

    fn open(&mut self, state: OfferAnswerState, offer: Bytes) {
        self.state = state;
        self.offer = Some(offer);
        self.preview = None;
    }

    fn close(&mut self) {
        self.state = OfferAnswerState::Stable;
        self.offer = None;
        self.preview = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    fn stable() -> OfferAnswer {
        let mut exchange = OfferAnswer::new();
        exchange.receive_offer(text("r1")).unwrap();
        exchange.send_answer(text("l1")).unwrap();
        exchange
    }

    #[test]
    fn an_exchange_sets_both_descriptions() {
        let mut exchange = stable();
        assert_eq!((exchange.local(), exchange.remote()), (Some(&text("l1")), Some(&text("r1"))));
        exchange.send_offer(text("l2")).unwrap();
        assert_eq!(exchange.local(), Some(&text("l1")), "an offer is not agreed yet");
        exchange.receive_answer(text("r2")).unwrap();
        assert_eq!((exchange.local(), exchange.remote()), (Some(&text("l2")), Some(&text("r2"))));
        assert_eq!((exchange.offer(), exchange.may_offer()), (None, true));
    }

    #[test]
    fn offers_out_of_turn_are_refused() {
        let mut exchange = stable();
        exchange.send_offer(text("l2")).unwrap();
        let glare = exchange.receive_offer(text("r2")).unwrap_err();
        assert_eq!((glare, glare.status().code()), (OfferAnswerError::Glare, 491));
        assert_eq!(exchange.send_offer(text("l3")), Err(OfferAnswerError::Pending));
        assert_eq!(exchange.send_answer(text("l3")), Err(OfferAnswerError::NoOffer));
        assert_eq!(exchange.offer(), Some(&text("l2")));

        let mut exchange = stable();
        exchange.receive_offer(text("r2")).unwrap();
        assert_eq!(exchange.send_offer(text("l2")), Err(OfferAnswerError::Glare));
        let pending = exchange.receive_offer(text("r3")).unwrap_err();
        assert_eq!((pending, pending.status().code()), (OfferAnswerError::Pending, 500));
        assert_eq!(exchange.receive_answer(text("r3")), Err(OfferAnswerError::NoOffer));
    }

    #[test]
    fn a_failed_offer_leaves_the_session_as_it_was() {
        let before = stable();
        let mut exchange = before.clone();
        exchange.send_offer(text("l2")).unwrap();
        exchange.set_preview(text("p")).unwrap();
        exchange.rollback();
        assert_eq!(exchange, before);
        exchange.rollback();
        assert_eq!(exchange, before);
    }

    #[test]
    fn a_preview_binds_nobody() {
        let mut exchange = OfferAnswer::new();
        assert_eq!(exchange.set_preview(text("p")), Err(OfferAnswerError::NoOffer));
        exchange.send_offer(text("l1")).unwrap();
        exchange.set_preview(text("p1")).unwrap();
        exchange.set_preview(text("p2")).unwrap();
        assert_eq!((exchange.preview(), exchange.is_established()), (Some(&text("p1")), false));
        assert_eq!(exchange.state(), OfferAnswerState::LocalOffer);
        exchange.receive_answer(text("r1")).unwrap();
        assert_eq!((exchange.preview(), exchange.remote()), (None, Some(&text("r1"))));
        assert!(exchange.is_established());
    }
}
