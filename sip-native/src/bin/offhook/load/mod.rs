//! `offhook load`: offered load, and somebody who answers it.

mod answerer;
mod caller;
mod chart;
mod crew;
mod machine;
mod report;
mod schedule;
mod tally;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use offhook::StatusCode;

use crate::failure::{Code, Failure};
use crate::options::{CONFIGURATION, Header, Seconds, Shared};
use crate::print::line;
use crate::session::complete;
use caller::What;
use report::Words;
use schedule::Schedule;
use tally::Tally;

/// Offer calls at a rate and measure how they are answered, or answer them
///
/// Calls are placed at their times whether or not those before them were answered (open loop), so that a target that is
/// slow is seen to be slow. Tells a line a second and a report at the end: set-up times by percentile, failures by cause.
/// The exit code is 7 if more calls failed than --allow-failed says.
#[derive(clap::Args)]
#[command(after_long_help = format!("{EXAMPLES}\n\n{CONFIGURATION}"))]
pub(crate) struct Args {
    /// Whom: a URI, host[:port], or a user of our own domain; {} stands for the number of the call
    #[arg(required_unless_present = "answer")]
    target: Option<String>,
    /// Answer calls instead of placing them
    #[arg(long, conflicts_with_all = ["target", "rate", "ramp", "what", "at_once"])]
    answer: bool,
    /// End after so many calls
    #[arg(long, short = 'm', value_name = "COUNT")]
    calls: Option<u64>,
    /// End after so long [default: 10s for calls that are placed without --calls]
    #[arg(long, value_name = "TIME")]
    duration: Option<Seconds>,
    /// How long a call lasts after its answer [default: 0 for calls that are placed, else until the caller hangs up]
    #[arg(long, short = 'd', value_name = "TIME")]
    call_length: Option<Seconds>,
    /// Register first, and answer or call as registered
    #[arg(long)]
    register: bool,
    /// How many users call or answer; {} in --aor, --username and the password stands for the number of the user, from 1
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    users: u64,
    /// How many sockets or connections each user has
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    connections: u64,
    /// How many processor threads work at it; one user that answers is shared out to them
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    threads: usize,
    /// How many of a hundred calls may fail before the exit code says so
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    allow_failed: f64,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Write the report as JSON into this file
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write the report as a picture into this file (SVG)
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// No progress line
    #[arg(long, short)]
    quiet: bool,
    // Each of these begins a heading of its own in the help, so they come last.
    #[command(flatten)]
    offered: Offered,
    #[command(flatten)]
    answered: Answered,
    #[command(flatten)]
    shared: Shared,
}

#[derive(clap::Args)]
#[command(next_help_heading = "Calls that are placed")]
struct Offered {
    /// How many a second
    #[arg(long, short, value_name = "RATE", default_value_t = 10.0)]
    rate: f64,
    /// How long it takes to reach the rate, in a straight line from nothing
    #[arg(long, value_name = "TIME", default_value = "0")]
    ramp: Seconds,
    /// How many at once, at most; those that are due wait, and their time counts [default: no limit]
    #[arg(long, short = 'l', value_name = "COUNT")]
    at_once: Option<usize>,
    /// What is sent
    #[arg(long, value_name = "WHAT", default_value = "call")]
    what: What,
    /// How long an answer is waited for [default: timer B, 32 s, and while it rings]
    #[arg(long, short = 'W', value_name = "TIME")]
    timeout: Option<Seconds>,
    /// A header field of each INVITE; may be repeated
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
    headers: Vec<Header>,
}

#[derive(clap::Args)]
#[command(next_help_heading = "Calls that are answered")]
struct Answered {
    /// Ring for so long before the answer
    #[arg(long, value_name = "TIME", default_value = "0", requires = "answer")]
    ring: Seconds,
    /// Refuse with this status
    #[arg(long, value_name = "STATUS", requires = "answer", value_parser = status)]
    refuse: Option<StatusCode>,
}

fn status(text: &str) -> Result<StatusCode, String> {
    let code: u16 = text.parse().map_err(|_| "a status from 300 to 699".to_owned())?;
    StatusCode::new(code).filter(|_| (300..700).contains(&code)).ok_or_else(|| "a status from 300 to 699".into())
}

const EXAMPLES: &str = "\
Examples:
  As `sipp -sn uac -r 100 -m 6000 192.0.2.7`:
    $ offhook load sip:service@192.0.2.7 --rate 100 --calls 6000
  As `sipp -sn uas -p 5060`:
    $ offhook load --answer --bind 0.0.0.0:5060
  A minute of calls of five seconds over TLS, up to 200 a second within 20 s, with reports:
    $ offhook load 'sip:echo@example.com;transport=tls' -r 200 --ramp 20s --duration 60s -d 5s --report r.json --svg r.svg
  A thousand users who register and call one another's numbers:
    $ OFFHOOK_PASSWORD='secret-{}' offhook load 'sip:user{}@example.com' --register --users 1000 \\
        --aor 'sip:user{}@example.com' --server sip:proxy.example.com --rate 50 --duration 10m";

/// The longest that is waited for farewells.
const FAREWELL: Duration = Duration::from_secs(5);

pub(crate) fn run(mut args: Args) -> Result<(), Failure> {
    args.shared = args.shared.completed()?;
    args.check()?;
    let target = args.target.as_deref().map(complete);
    let tally = Tally::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(args.threads).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::io("no runtime", &error))?;
    let worked = runtime.block_on(async {
        match &target {
            Some(target) => crew::call(&args, target, &tally).await,
            None => crew::answer(&args, &tally).await,
        }
    });
    runtime.shutdown_background();
    let interrupted = worked?;
    args.tell(target.as_deref(), &tally)?;
    let counts = tally.counts();
    let failed = counts.failed + counts.lost;
    let share = if counts.placed == 0 { 0.0 } else { failed as f64 * 100.0 / counts.placed as f64 };
    if interrupted && counts.placed == 0 {
        return Err(Failure::silent(Code::Interrupted));
    }
    if share > args.allow_failed { Err(Failure::silent(Code::Partly)) } else { Ok(()) }
}

impl Args {
    fn check(&self) -> Result<(), Failure> {
        let wrong = |words: &str| Err(Failure::usage(words));
        let Args { users, connections, threads, .. } = *self;
        if !(self.offered.rate > 0.0 && self.offered.rate <= 1e6) {
            return wrong("--rate: calls a second, more than 0 and at most a million");
        }
        if users == 0 || connections == 0 || threads == 0 || self.offered.at_once == Some(0) {
            return wrong("--users, --connections, --threads and --at-once are at least 1");
        }
        if users > 1 && !self.shared.account.aor.as_deref().is_some_and(|aor| aor.contains("{}")) {
            return wrong(
                "--users: {} in --aor stands for the number of the user, e.g. --aor 'sip:user{}@example.com'",
            );
        }
        if self.register {
            self.shared.account.required_aor()?;
        }
        if self.answer && self.connections > 1 {
            return wrong("--connections is for calls that are placed");
        }
        Ok(())
    }

    /// When calls are due.
    fn schedule(&self) -> Schedule {
        let Seconds(ramp) = self.offered.ramp;
        let length = match (self.duration, self.calls) {
            (None, None) => Some(Duration::from_secs(10)),
            (length, _) => length.map(|Seconds(length)| length),
        };
        Schedule::new(self.offered.rate, ramp, self.calls, length)
    }

    fn words(&self) -> Words {
        if self.answer {
            return Words { placed: "calls", set_up: "until the ACK" };
        }
        match self.offered.what {
            What::Call => Words { placed: "calls", set_up: "set-up" },
            What::Options => Words { placed: "pings", set_up: "answer" },
            What::Message => Words { placed: "messages", set_up: "answer" },
        }
    }

    /// Prints and writes the reports.
    fn tell(&self, target: Option<&str>, tally: &Tally) -> Result<(), Failure> {
        let target = target.unwrap_or("answered here");
        let counts = tally.counts();
        let write =
            |path: &PathBuf, text: String| fs::write(path, text).map_err(|error| Failure::io(path.display(), &error));
        if self.json {
            line(&report::json(&counts, target));
        } else {
            line(&report::words(&counts, self.words()).trim_end());
        }
        if let Some(path) = &self.report {
            write(path, format!("{:#}\n", report::json(&counts, target)))?;
        }
        if let Some(path) = &self.svg {
            write(path, chart::draw(&counts, target, self.words()))?;
        }
        Ok(())
    }
}
