//! WebRTC: ICE and DTLS-SRTP by `str0m`, as browsers speak it.
//!
//! A [`Peer`] moves no bytes: datagrams and the time go in, datagrams come out. Its audio is the same as that of plain RTP.

mod fingerprint;
mod peer;
mod rejected;

pub(super) use peer::{Parts, Peer};
