//! The `offhook` command line, run as its users run it.

mod agent;
mod parse;
