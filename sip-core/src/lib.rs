//! The sans-I/O SIP core of Offhook.
#![forbid(unsafe_code)]

#[cfg(all(test, target_arch = "wasm32"))]
#[macro_use]
extern crate offhook_wasm_test;

pub mod agent;
mod arena;
pub mod auth;
pub mod body;
#[cfg(feature = "serde")]
pub mod control;
pub mod dialog;
pub mod endpoint;
mod entropy;
mod hashing;
pub mod message;
#[cfg(feature = "packages")]
pub mod packages;
pub mod sdp;
pub mod time;
pub mod timer;
pub mod transaction;
pub mod transport;
