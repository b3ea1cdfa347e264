//! The transaction layer alone: matching, every timer to the millisecond, and its transport.

mod invite_client;
mod invite_server;
mod matching;
mod non_invite_client;
mod non_invite_server;
mod transport;
