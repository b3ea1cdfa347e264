//! The browser driver of Offhook: WebSockets, timers and entropy for the core's [`Control`], and the surface that the
//! JavaScript classes speak to. It works in a page, in a Worker and in Node; there is no protocol in it.
//!
//! [`Control`]: offhook_core::control::Control

mod clock;
mod driver;
mod reader;
mod socket;
mod surface;

pub use reader::MessageReader;
pub use surface::Agent;
