//! The `offhook` command line, run as its users run it.

mod agent;
mod call;
mod help;
mod load;
mod parse;
mod trace;
