//! Plain RTP (RFC 3550, RFC 3551), as trunks and desk phones speak it: with RTCP, with or without SRTP.
//!
//! A [`Session`] moves no bytes and reads no clock: datagrams and the time go in, datagrams come out.

mod latch;
mod report;
mod session;
mod srtp;

pub use latch::Latching;
pub use report::Theirs;
pub(super) use report::Wall;
pub(super) use session::{Session, Settings};

#[cfg(test)]
mod path_tests;
#[cfg(test)]
pub(in crate::media) mod session_tests;
