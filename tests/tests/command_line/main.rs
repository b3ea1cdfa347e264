//! The subcommands of `offhook` that need somebody at the other end, run as their users run them: against the switchboard,
//! against agents, against SIPp. `UPDATE=1` keeps what they print as the pictures of docs/command-line.md.

mod calls;
mod house;
#[cfg(unix)]
mod live;
mod load;
mod requests;
mod settings;
