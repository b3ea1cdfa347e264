//! Parts shared by the example programs.

pub mod echo;
pub mod webrtc;
