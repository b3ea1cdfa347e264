//! `offhook parse`: a SIP message on standard input, what it says as JSON on standard output.

mod body;
mod headers;
mod report;

use std::io::{self, Read, Write};
use std::process::ExitCode;

use bytes::Bytes;
use offhook::core::message::Limits;

use crate::failure::Code;
use report::{Report, Unreadable};

/// Read a SIP message on standard input and tell what it says as JSON
///
/// The JSON has the start line, each header field with its name and value, what the known ones mean, and the body
/// with a summary of a session description. What is wrong with the message is listed under `errors`, each with the
/// field and its place, and told in words on standard error; then the exit code is 1.
#[derive(clap::Args)]
#[command(after_long_help = "Example: printf 'OPTIONS sip:bob@example.com SIP/2.0\\r\\n…' | offhook parse")]
pub(crate) struct Args {
    /// Print the JSON on one line
    #[arg(long)]
    json: bool,
    /// The largest message taken, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().message)]
    limit: usize,
}

pub(crate) fn run(args: &Args) -> ExitCode {
    let mut input = Vec::new();
    // One byte more than allowed is enough to know that it is too long.
    let most = u64::try_from(args.limit).unwrap_or(u64::MAX).saturating_add(1);
    if let Err(error) = io::stdin().lock().take(most).read_to_end(&mut input) {
        eprintln!("offhook parse: standard input cannot be read: {error}");
        return ExitCode::from(Code::Failed as u8);
    }
    let input = Bytes::from(input);
    let limits = Limits { message: args.limit, ..Limits::default() };
    let (text, problems) = match Report::read(&input, &limits) {
        Ok(report) => (args.print(&report), report.errors),
        Err(problem) => {
            let unreadable = Unreadable { errors: [problem] };
            (args.print(&unreadable), unreadable.errors.into())
        }
    };
    for problem in &problems {
        eprintln!("offhook parse: {problem}");
    }
    let printed = text.and_then(|text| writeln!(io::stdout().lock(), "{text}"));
    if let Err(error) = printed {
        eprintln!("offhook parse: standard output cannot be written: {error}");
        return ExitCode::from(Code::Failed as u8);
    }
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(Code::Failed as u8) }
}

impl Args {
    fn print(&self, report: &impl serde::Serialize) -> io::Result<String> {
        let print = if self.json { serde_json::to_string } else { serde_json::to_string_pretty };
        Ok(print(report)?)
    }
}
