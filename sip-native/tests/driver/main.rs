//! The tokio driver on real sockets of the loopback, with a machine that only echoes.

#[cfg(feature = "tls")]
mod authority;
mod capture;
#[cfg(feature = "dns")]
mod dns;
mod echo;
mod metrics;
mod sockets;
mod strain;
mod tls;
mod websocket;
