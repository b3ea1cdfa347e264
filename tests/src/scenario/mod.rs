//! Shared scenarios: calls as data, played where Offhook runs. `tests/scenarios/README.md` describes the language.
//!
//! One player holds what happens against what a scenario says; a [`Stage`] is where it happens: the simulated network,
//! `offhook agent` processes on real sockets, or Chromium through the JavaScript classes.

mod browser;
mod documents;
mod events;
mod lines;
mod mailbox;
mod native;
mod parse;
mod player;
mod programs;
mod relay;
mod script;
mod scripted;
pub mod sdp;
mod servers;
mod simulated;
mod sockets;
mod stage;
mod told;
mod words;

pub use browser::Browser;
pub use mailbox::Mailbox;
pub use native::Native;
pub use parse::{ParseError, parse};
pub use player::{play, played};
pub use programs::program;
pub use script::{Fault, Flying, Part, Role, Runtime, Scenario, Settings, folder};
pub use simulated::{DOMAIN, PORT, Simulated, Variant, World};
pub use sockets::Sockets;
pub use stage::{Address, Happening, Stage, Theatre};
