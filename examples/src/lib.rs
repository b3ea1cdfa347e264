//! Parts shared by the example programs.

pub mod webrtc;
