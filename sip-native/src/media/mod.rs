//! Audio for calls: from a call to talking in a few lines.
//!
//! | file | concern |
//! |---|---|
//! | `frame` | where audio comes from and goes to: [`Source`], [`Sink`], and their clock |
//! | `codec` | G.711 and opus, what makes up for lost packets, audio made longer and shorter |
//! | `speak`, `listen`, `voice` | from a source to packets, from packets to a sink |
//! | `jitter`, `reception`, `quality` | the jitter buffer, what is lost and late, what that sounds like |
//! | `digits` | telephone events |
//! | `wav` | files to play and to record |
//! | `pipe` | between two calls, or a call and a program |
//! | `echo` | what was heard, said again |
//! | `resample`, `tone`, `level`, `clock` | rates, tones, levels, time |
//! | `rtp`, `agree` | plain RTP and SRTP with RTCP, and its descriptions |
//! | `webrtc` | ICE and DTLS-SRTP |
//! | `engine`, `ports`, `sockets`, `addresses` | a session of either kind with its sockets |
//! | `talk`, `task` | a call with its audio: the handle, and the task behind it |

mod addresses;
mod agree;
mod clock;
mod codec;
mod digits;
mod echo;
mod engine;
mod error;
mod frame;
mod jitter;
mod level;
mod listen;
mod options;
mod pipe;
mod ports;
mod quality;
mod random;
mod reception;
mod resample;
mod rtp;
mod sockets;
mod speak;
mod stats;
mod talk;
mod task;
mod tone;
mod voice;
mod wav;
mod webrtc;

pub use codec::Codec;
pub use digits::{Digit, DigitBy};
pub use echo::Echo;
pub use error::MediaError;
pub use frame::{Filled, Silence, Sink, Source, Stamp};
pub use options::{Kind, Options, Srtp};
pub use pipe::{Line, PipeSink, PipeSource, pipe};
pub use quality::Quality;
pub use rtp::{Latching, Theirs};
pub use stats::{Connection, Stats};
pub use talk::{Audio, Digits, Media, Talk};
pub use tone::{Tone, ToneSource, tone_level};
pub use wav::{Player, Recorder};
