//! What each fuzz target does with its bytes. A finding is a panic: of the core, or of an assertion here.

mod bodies;
mod endpoint;
mod input;
mod messages;
mod sdp;

pub use bodies::{multipart, packages};
pub use endpoint::endpoint;
pub use messages::{message, stream, uri};
pub use sdp::sdp;
