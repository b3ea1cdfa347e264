//! What tests of several crates share.

pub mod net;
pub mod text;
