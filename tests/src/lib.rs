//! What tests of several crates share.

pub mod layer;
pub mod net;
pub mod sip;
pub mod text;
