//! Offhook for Rust programs: a SIP user agent on tokio.
//!
//! [`UserAgent`] registers, calls and is called; [`Call`] is one call. See its example. Beneath it is a driver that
//! moves bytes and time for any machine that speaks SIP:
//!
//! Everything that is protocol lives in [`core`]; nothing here looks into a message. A program gives a
//! [`Machine`](core::transport::Machine) to a [`Driver`], says on which addresses to listen, and talks to the machine
//! through a [`Handle`]:
//!
//! ```no_run
//! # async fn demo<M>(machine: M) -> std::io::Result<()>
//! # where M: offhook::core::transport::Machine + Send + 'static, M::Event: std::fmt::Debug {
//! let handle = offhook::Driver::builder(machine)
//!     .udp(([127, 0, 0, 1], 5060).into())
//!     .spawn(|event| println!("{event:?}"))?;
//! println!("listening on {:?}", handle.local_addrs());
//! handle.stopped().await;
//! # Ok(())
//! # }
//! ```
//!
//! | feature | brings |
//! |---|---|
//! | `cli` (default) | the program `offhook`; a library does without: `default-features = false, features = ["dns", "tls"]` |
//! | `dns` (default) | servers found by NAPTR and SRV records; `Dns::servers` |
//! | `tls` (default) | TLS and WSS, both ways |
//! | `media` | [`media`]: audio for calls by WebRTC, RTP and SRTP |
//! | `http` | `DriverBuilder::http`: plain HTTP and SIP over WebSocket on one port |

mod agent;
pub mod driver;
mod entropy;
#[cfg(feature = "media")]
pub mod media;
pub mod metrics;

#[doc(no_inline)]
pub use offhook_core as core;

pub use agent::{Builder, UserAgent, local_address};
pub use driver::{Capture, Dns, Driver, DriverBuilder, Handle, Limits, ListenAddr, Origins, Stopped};
#[cfg(feature = "tls")]
pub use driver::{ClientTls, Identity, ServerTls, TlsError, roots_from_pem};
pub use entropy::seed;
pub use offhook_core::agent::{AgentEvent, Call, Events, IncomingSubscription, Publication, Subscription};
pub use offhook_core::endpoint::{
    AcceptOptions, AnswerOptions, CallEvent, CallOptions, CallState, Document, End, Error, Notice, PublishOptions,
    SavedCall, SubscribeOptions,
};
pub use offhook_core::message::StatusCode;
#[cfg(feature = "tls")]
#[doc(no_inline)]
pub use tokio_rustls::rustls;
#[cfg(feature = "http")]
pub use {driver::HttpService, hyper::http};
