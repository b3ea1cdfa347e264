//! Endpoints under test: alone with the test as their peer, or two of them on the simulated network.

mod log;
mod pair;
mod solo;
mod trio;

pub use log::{log, words};
pub use pair::Pair;
pub use solo::{Solo, response};
pub use trio::Trio;

/// A description with one audio stream, as Alice writes it.
pub const OFFER: &str = "v=0\r\no=alice 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 0\r\na=sendrecv\r\n";

/// A description with one audio stream, as Bob writes it.
pub const ANSWER: &str = "v=0\r\no=bob 1 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\n\
    m=audio 4002 RTP/AVP 0\r\na=sendrecv\r\n";
