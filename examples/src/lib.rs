//! Parts shared by the example programs.

pub mod bridge;
pub mod echo;
pub mod sound;
mod stop;
pub mod switchboard;
mod tune;

pub use stop::stop_signal;
