//! The switchboard as its peers see it, message by message, in virtual time.

mod calls;
mod flows;
mod forks;
mod registrar;
mod requests;
mod world;
