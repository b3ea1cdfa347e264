//! Whole calls and registrations, on the simulated network and against a peer that the test plays.

mod agent;
mod auth;
mod basic;
mod connection;
mod control;
mod credentials;
mod datagrams;
mod dialog;
mod finding;
mod info;
mod input;
mod interleaving;
mod keep_alive;
mod load;
mod notifier;
mod publish;
mod register;
mod reliable;
mod replaces;
mod replay;
mod session;
mod session_timer;
mod sips;
mod subscribe;
mod transfer;
mod update;
