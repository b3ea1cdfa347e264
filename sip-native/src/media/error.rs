//! What can go wrong with a session.

use std::io;

use offhook_core::sdp::SdpError;
use offhook_core::sdp::negotiate::NegotiationError;
use str0m::RtcError;

/// Why a session could not be set up or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// The peer's session description is malformed.
    #[error("malformed session description: {0}")]
    Description(String),
    /// The peer's session description has no audio, or only in formats that are not spoken here.
    #[error("no audio in a common format in the session description")]
    NoAudio,
    /// The two sides do not agree on encryption.
    #[error("no agreement on encryption")]
    Encryption,
    /// The peer's session description is well-formed but cannot be agreed to.
    #[error("cannot agree to the session description: {0}")]
    Refused(String),
    /// The peer's offer names another certificate: it comes from another WebRTC connection and needs its own session.
    #[error("the offer comes from another connection")]
    OtherPeer,
    /// The caller applied an answer, but no offer of ours is open.
    #[error("no offer is waiting for an answer")]
    NoOffer,
    /// No socket could be opened.
    #[error("cannot open a media socket: {0}")]
    Socket(io::ErrorKind),
    /// A file could not be read or written.
    #[error("{0}")]
    File(String),
    /// The session has ended.
    #[error("the session has ended")]
    Closed,
    /// The call failed.
    #[error(transparent)]
    Call(#[from] crate::Error),
}

impl From<RtcError> for MediaError {
    fn from(error: RtcError) -> Self {
        match error {
            RtcError::Sdp(error) => MediaError::Description(error.to_string()),
            error => MediaError::Refused(error.to_string()),
        }
    }
}

impl From<SdpError> for MediaError {
    fn from(error: SdpError) -> Self {
        MediaError::Description(error.to_string())
    }
}

impl From<NegotiationError> for MediaError {
    fn from(error: NegotiationError) -> Self {
        match error {
            NegotiationError::NoMedia | NegotiationError::NothingInCommon => MediaError::NoAudio,
            NegotiationError::Encryption => MediaError::Encryption,
            error => MediaError::Refused(error.to_string()),
        }
    }
}

impl From<io::Error> for MediaError {
    fn from(error: io::Error) -> Self {
        MediaError::Socket(error.kind())
    }
}
