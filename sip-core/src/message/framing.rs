//! skeleton
use super::{Limits, ParseError};
use bytes::Bytes;
/// What a stream carried next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame { Message(Bytes), Ping, Pong }
/// Cuts a TCP or TLS stream into messages (RFC 3261 18.3) and keep-alives (RFC 5626 4.4.1).
#[derive(Debug)]
pub struct StreamDecoder { _p: () }
impl StreamDecoder {
    pub fn new(_limits: &Limits) -> StreamDecoder { todo!() }
    pub fn push(&mut self, _bytes: &[u8]) { todo!() }
    pub fn next_frame(&mut self) -> Result<Option<Frame>, ParseError> { todo!() }
}
