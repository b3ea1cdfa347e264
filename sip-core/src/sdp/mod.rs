//! Session descriptions (RFC 8866) and their exchange (RFC 3264).
//!
//! [`SdpRef`] reads a description in place; [`SessionDescription`] is one to edit. Both keep every line they do not
//! understand exactly as it was, so that a browser's description can pass through and have one attribute changed.
//! [`negotiate`] makes offers and answers for RTP audio, [`OfferAnswer`] knows whose turn it is in a dialog.
//! Nothing here opens a port or decodes media; WebRTC descriptions are made by the browser or by a media library.

mod base64;
mod candidate;
mod crypto;
mod description;
mod direction;
mod error;
mod fragment;
pub mod negotiate;
mod offer_answer;
mod opus;
mod section;
mod values;
mod view;

pub use candidate::Candidate;
pub use crypto::{Crypto, CryptoSuite};
pub use description::SessionDescription;
pub use direction::{Direction, continue_session, hold, is_held_by_remote, is_same, resume};
pub use error::{SdpError, SdpErrorKind};
pub use fragment::{FRAGMENT_TYPE, Fragment, TrickledCandidate, compose_fragment, read_fragment};
pub use offer_answer::{OfferAnswer, OfferAnswerError, OfferAnswerState};
pub use opus::OpusParameters;
pub use section::Section;
pub use values::{Connection, Fingerprint, MediaLine, Origin, RtpMap, Setup};
pub use view::{Line, MediaRef, SdpRef, SectionRef};
