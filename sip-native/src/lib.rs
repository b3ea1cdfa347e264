//! The native driver of Offhook: it moves bytes and time for a machine that speaks SIP, on tokio.
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
//! | `tls` | connections over TLS and WSS, verified |
//! | `http` | `DriverBuilder::http`: plain HTTP and SIP over WebSocket on one port |

pub mod driver;
mod entropy;

#[doc(no_inline)]
pub use offhook_core as core;

pub use driver::{Driver, DriverBuilder, Handle, Limits, ListenAddr, Origins, Stopped};
pub use entropy::seed;
#[cfg(feature = "tls")]
#[doc(no_inline)]
pub use tokio_rustls::rustls;
#[cfg(feature = "http")]
pub use {driver::HttpService, hyper::http};
