//! Calls with audio between two agents on this machine.
#![cfg(feature = "media")]

mod calls;
mod world;
