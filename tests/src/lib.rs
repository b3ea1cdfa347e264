//! What tests of several crates share.

pub mod certificates;
pub mod endpoint;
pub mod interleaving;
pub mod layer;
pub mod lives;
pub mod net;
pub mod programs;
pub mod scenario;
pub mod screen;
pub mod sip;
pub mod text;
