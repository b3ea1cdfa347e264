//! What can go wrong with a session.

use std::io;

use str0m::RtcError;

/// Why a session could not be set up or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The peer's session description is malformed.
    #[error("malformed session description: {0}")]
    Description(String),
    /// The peer's session description has no audio, or only with codecs that are not spoken here.
    #[error("no audio with G.711 or Opus in the session description")]
    NoAudio,
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
    /// The session has ended.
    #[error("the session has ended")]
    Closed,
}

impl From<RtcError> for Error {
    fn from(error: RtcError) -> Self {
        match error {
            RtcError::Sdp(error) => Error::Description(error.to_string()),
            error => Error::Refused(error.to_string()),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Error::Socket(error.kind())
    }
}
