//! The sans-I/O SIP core of Offhook.
#![forbid(unsafe_code)]

pub mod auth;
pub mod message;
pub mod sdp;
pub mod time;
pub mod timer;
pub mod transport;
