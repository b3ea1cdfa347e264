//! `offhook options`: is it there, and how fast does it answer.

use std::time::{Duration, Instant};

use offhook::Error;
use offhook::core::agent::Response;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::failure::{Code, Failure};
use crate::options::{Common, Seconds};
use crate::print::{Out, millis, time};
use crate::session::{block_on, complete};

/// Ping a SIP server or phone with OPTIONS
///
/// Whatever final answer comes, somebody is there; the exit code is 0 if every one was a 2xx, 3 if some refused, 5 or 6 if
/// some were lost. Pings go at their times whether or not those before them were answered.
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// Whom: a URI, host[:port], or a user of our own domain
    target: String,
    /// How many pings; 0: until Ctrl-C
    #[arg(long, short, value_name = "COUNT", default_value_t = 4)]
    count: u64,
    /// The time from one to the next
    #[arg(long, short, value_name = "TIME", default_value = "1s")]
    interval: Seconds,
    /// How long an answer is waited for [default: timer F, 32 s]
    #[arg(long, short = 'W', value_name = "TIME")]
    timeout: Option<Seconds>,
    /// Print the statistics alone
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    common: Common,
}

const EXAMPLES: &str = "\
Examples:
    $ offhook options sip.example.com
    $ offhook options 'sip:192.0.2.7:5060;transport=tcp' --count 10 --interval 200ms
  For a monitor: one ping, two seconds, an exit code:
    $ offhook options sip:sip.example.com --count 1 --timeout 2s --quiet";

/// What became of one.
struct Ping {
    number: u64,
    took: Duration,
    result: Result<Response, Error>,
    /// It was not waited for any longer.
    late: bool,
}

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    block_on(serve(args))
}

async fn serve(args: Args) -> Result<(), Failure> {
    let common = args.common.completed()?;
    let target = complete(&args.target);
    let out = common.out().quiet(args.quiet);
    if args.interval.0.is_zero() {
        return Err(Failure::usage("--interval: a time, e.g. 200ms"));
    }
    let mut session = common.session(&target).await?;
    out.words(format_args!("OPTIONS {target}"));
    let (told, mut answers) = mpsc::unbounded_channel();
    let started = Instant::now();
    let (agent, to, patience) = (session.agent.clone(), target.clone(), args.timeout);
    let pings = tokio::spawn(async move {
        let mut ticks = interval(args.interval.0);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut number = 0;
        while args.count == 0 || number < args.count {
            ticks.tick().await;
            number += 1;
            let (agent, to, told) = (agent.clone(), to.clone(), told.clone());
            tokio::spawn(async move {
                let sent = Instant::now();
                let answer = agent.options(&to);
                let answer = match patience {
                    Some(Seconds(long)) => timeout(long, answer).await.ok(),
                    None => Some(answer.await),
                };
                let (late, result) = (answer.is_none(), answer.unwrap_or(Err(Error::Cancelled)));
                // Whoever interrupts does not want to know.
                let _ = told.send(Ping { number, took: sent.elapsed(), result, late });
            });
        }
    });
    let mut tally = Tally::default();
    let interrupted = loop {
        let ping = tokio::select! {
            ping = answers.recv() => ping,
            () = session.interrupts.next() => break true,
        };
        let Some(ping) = ping else { break false };
        // What cannot be sent at all is told once.
        if let Err(error @ Error::Input(_)) = ping.result {
            return Err(error.into());
        }
        tally.add(&ping);
        tell(out, &target, &ping);
    };
    pings.abort();
    session.close().await;
    tally.tell(out.quiet(false), &target, started.elapsed());
    tally.verdict(interrupted)
}

fn tell(out: Out, target: &str, ping: &Ping) {
    let Ping { number, took, result, late } = ping;
    match result {
        Ok(Response { status, phrase }) => {
            let status = status.code();
            out.say(format_args!("{status} {phrase}: seq={number} time={}", time(*took)), || {
                json!({ "target": target, "seq": number, "status": status, "phrase": phrase, "time": millis(*took) })
            });
        }
        Err(error) => {
            let words = if *late { "no answer in time".to_owned() } else { error.to_string() };
            out.say(
                format_args!("{words}: seq={number} after {}", time(*took)),
                || json!({ "target": target, "seq": number, "error": words, "time": millis(*took) }),
            );
        }
    }
}

/// All of them.
#[derive(Default)]
struct Tally {
    answered: u64,
    refused: u64,
    timeouts: u64,
    lost: u64,
    times: Vec<Duration>,
}

impl Tally {
    fn add(&mut self, ping: &Ping) {
        match &ping.result {
            Ok(response) => {
                self.answered += 1;
                self.refused += u64::from(!response.status.is_success());
                self.times.push(ping.took);
            }
            Err(_) if ping.late => self.timeouts += 1,
            Err(Error::Timeout(_)) => self.timeouts += 1,
            Err(_) => self.lost += 1,
        }
    }

    /// Shortest, mean, longest, and the mean deviation as ping(8) has it.
    fn round_trips(&self) -> Option<[Duration; 4]> {
        let count = self.times.len() as f64;
        let (shortest, longest) = (self.times.iter().min()?, self.times.iter().max()?);
        let seconds = || self.times.iter().map(Duration::as_secs_f64);
        let mean = seconds().sum::<f64>() / count;
        let deviation = (seconds().map(|time| time * time).sum::<f64>() / count - mean * mean).max(0.0).sqrt();
        Some([*shortest, Duration::from_secs_f64(mean), *longest, Duration::from_secs_f64(deviation)])
    }

    fn tell(&self, out: Out, target: &str, took: Duration) {
        let sent = self.answered + self.timeouts + self.lost;
        let lost = sent - self.answered;
        let share = if sent == 0 { 0.0 } else { lost as f64 * 100.0 / sent as f64 };
        let trips = self.round_trips();
        if out.is_json() {
            let trips = trips
                .map(|trips| trips.map(millis))
                .map(|[min, avg, max, mdev]| json!({ "min": min, "avg": avg, "max": max, "mdev": mdev }));
            return out.say("", || {
                json!({
                    "target": target, "sent": sent, "answered": self.answered, "refused": self.refused,
                    "timeouts": self.timeouts, "lost": self.lost, "rtt": trips,
                })
            });
        }
        out.words(format_args!("--- {target} ---"));
        let answered = self.answered;
        let took = time(took);
        out.words(format_args!("{sent} sent, {answered} answered, {share:.0}% lost, {took}"));
        if let Some([min, avg, max, mdev]) = trips.map(|trips| trips.map(time)) {
            out.words(format_args!("rtt min {min}, avg {avg}, max {max}, mdev {mdev}"));
        }
    }

    fn verdict(&self, interrupted: bool) -> Result<(), Failure> {
        let code = match self {
            Tally { lost: 1.., answered: 0, .. } => Code::Transport,
            Tally { timeouts: 1.., .. } => Code::Timeout,
            Tally { lost: 1.., .. } => Code::Transport,
            Tally { refused: 1.., .. } => Code::Refused,
            Tally { answered: 0, .. } if interrupted => Code::Interrupted,
            _ => return Ok(()),
        };
        Err(Failure::silent(code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_those_of_ping() {
        let times = [1, 2, 3, 4].map(Duration::from_millis).to_vec();
        let tally = Tally { times, ..Tally::default() };
        let trips = tally.round_trips().unwrap().map(|time| time.as_micros());
        assert_eq!(trips, [1000, 2500, 4000, 1118]);
        assert_eq!(Tally::default().round_trips(), None);
    }
}
