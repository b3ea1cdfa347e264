//! WebRTC: ICE and DTLS-SRTP by `str0m`, as browsers speak it.
//!
//! A [`Peer`] moves no bytes: datagrams and the time go in, datagrams come out. Its audio is the same as that of plain RTP.

mod destination;
mod fingerprint;
mod peer;
mod rejected;
mod senders;
mod stack;

pub(super) use peer::{Parts, Peer};

#[cfg(test)]
mod peer_tests;
