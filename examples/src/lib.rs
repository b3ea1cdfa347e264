//! Parts shared by the example programs.

pub mod echo;
pub mod switchboard;
pub mod webrtc;
