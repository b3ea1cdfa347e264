//! The tokio driver on real sockets of the loopback, with a machine that only echoes.

mod echo;
mod sockets;
mod tls;
mod websocket;
