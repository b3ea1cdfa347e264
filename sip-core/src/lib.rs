//! The sans-I/O SIP core of Offhook.
#![forbid(unsafe_code)]
// What comes from the network cannot panic: nothing in this crate may index, unwrap or overflow, and no part is exempt.
#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

#[cfg(all(test, target_arch = "wasm32"))]
#[macro_use]
extern crate offhook_wasm_test;

pub mod agent;
mod arena;
pub mod auth;
pub mod body;
pub mod control;
pub mod dialog;
pub mod endpoint;
mod entropy;
mod hashing;
pub mod message;
#[cfg(feature = "packages")]
pub mod packages;
pub mod sdp;
mod sharding;
pub mod time;
pub mod timer;
pub mod transaction;
pub mod transport;
