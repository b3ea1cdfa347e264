//! The `offhook` command line: one module a subcommand; what they share is in `options`, `failure` and `session`.

mod agent;
mod call;
mod failure;
mod load;
mod message;
mod options;
mod parse;
mod ping;
mod print;
mod register;
mod session;
mod shell;
mod subscribe;
mod trace;
mod transfer;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mimalloc::MiMalloc;

/// A call is a hundred small allocations, many of which live for half a minute: this one is made for that.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// One SIP user agent for every runtime: register, call, test and trace from the command line
#[derive(Parser)]
#[command(name = "offhook", version, arg_required_else_help = true, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Whose phone it is comes from options, from variables (OFFHOOK_AOR, OFFHOOK_SERVER, OFFHOOK_USERNAME, \
OFFHOOK_PASSWORD, OFFHOOK_TOKEN) or from a profile in the configuration file (`offhook register --help` shows one).

Exit codes:
  0  done
  1  what was read cannot be used, or this machine failed
  2  wrong usage
  3  the other side refused (its status is printed)
  4  wrong or missing password
  5  no answer in time
  6  the way there is not open (no such name, nobody listens, TLS, WebSocket)
  7  some of what was asked for failed, the rest was done
  130  interrupted before it was done

Set RUST_LOG (e.g. offhook=debug) to see on stderr what happens inside.";

#[derive(Subcommand)]
enum Command {
    Agent(Box<agent::Args>),
    Register(Box<register::Args>),
    Call(Box<call::Args>),
    Options(Box<ping::Args>),
    Message(Box<message::Args>),
    Subscribe(Box<subscribe::Args>),
    Transfer(Box<transfer::Args>),
    Trace(trace::Args),
    Load(Box<load::Args>),
    Parse(parse::Args),
    Completions(shell::Completions),
    Man(shell::Man),
}

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let (name, done) = match Cli::parse().command {
        Command::Agent(args) => ("agent", agent::run(*args)),
        Command::Register(args) => ("register", register::run(*args)),
        Command::Call(args) => ("call", call::run(*args)),
        Command::Options(args) => ("options", ping::run(*args)),
        Command::Message(args) => ("message", message::run(*args)),
        Command::Subscribe(args) => ("subscribe", subscribe::run(*args)),
        Command::Transfer(args) => ("transfer", transfer::run(*args)),
        Command::Trace(args) => ("trace", trace::run(&args)),
        Command::Load(args) => ("load", load::run(*args)),
        Command::Parse(args) => return parse::run(&args),
        Command::Completions(args) => ("completions", shell::completions(&args)),
        Command::Man(args) => ("man", shell::man(&args)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(name),
    }
}
