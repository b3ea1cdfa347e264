//! The sans-I/O SIP core of Offhook.
#![forbid(unsafe_code)]

mod arena;
pub mod auth;
mod entropy;
pub mod message;
pub mod sdp;
pub mod time;
pub mod timer;
pub mod transaction;
pub mod transport;
