//! The `offhook` command line.

mod agent;
mod parse;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// One SIP user agent for every runtime.
#[derive(Parser)]
#[command(name = "offhook", version, about, arg_required_else_help = true, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Exit codes: 0 done, 1 the message or the protocol failed, 2 wrong usage.
Set RUST_LOG (e.g. offhook=debug) to see on stderr what happens inside.";

#[derive(Subcommand)]
enum Command {
    Agent(Box<agent::Args>),
    Parse(parse::Args),
}

/// The message could not be read, or the protocol failed.
const FAILED: u8 = 1;

/// What was asked for makes no sense.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    match Cli::parse().command {
        Command::Agent(args) => agent::run(&args),
        Command::Parse(args) => parse::run(&args),
    }
}
