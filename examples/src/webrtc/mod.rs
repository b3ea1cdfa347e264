//! The media of the echo agent: a WebRTC peer that plays a short tone and then sends back what it hears.
//!
//! A [`Session`] takes the session descriptions that SIP carries and runs the media between them: ICE, DTLS-SRTP and
//! RTP by `str0m`, G.711 and the echo by the files beside this one. It knows nothing of SIP, plays no files, mixes
//! nothing, and rejects video.
//!
//! | file | concern |
//! |---|---|
//! | `session` | the handle |
//! | `driver` | the task behind it: datagrams, time, commands |
//! | `peer` | negotiation, and RTP in and out of the WebRTC stack |
//! | `sdp` | what to change in the descriptions around it |
//! | `sockets`, `addresses` | UDP, and where a peer can reach us |
//! | `audio` | tone, then echo; `clock`, `echo`, `tone`, `tune`, `level`, `codec` and `g711` are its parts |
//! | `digits` | telephone events |

mod addresses;
mod audio;
mod clock;
mod codec;
mod digits;
mod driver;
mod echo;
mod error;
mod g711;
mod level;
mod options;
mod peer;
mod sdp;
mod session;
mod sockets;
mod stats;
mod tone;
mod tune;

pub use codec::Codec;
pub use error::Error;
pub use options::Options;
pub use session::Session;
pub use stats::{Connection, Stats};
pub use tone::Tone;

/// A random number, for what RFC 3550 wants unpredictable.
fn random() -> u32 {
    // Without a source of entropy DTLS has failed before; a constant is then as good as anything.
    getrandom::u32().unwrap_or_default()
}
