//! `offhook trace`: recorded or live messages as ladders.

mod filter;
mod hep;
mod ladder;
mod log;
mod packets;
mod seen;
mod source;
mod streams;
mod svg;
mod talks;

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::failure::{Code, Failure};
use crate::print::{Out, line};
use filter::Filter;
use ladder::Columns;
use seen::Seen;
use source::Source;
use talks::{Copies, Talk};

/// Show recorded or live SIP messages as ladders
///
/// Reads captures (pcap, pcapng) of UDP, TCP and WebSocket in the clear, HEP3 as capture servers get it (a file, within a
/// capture, or live by --listen), and what `offhook agent --json --trace` printed. Each Call-ID is a ladder of its own.
/// Passwords, tokens and keys are masked in everything that is shown.
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// The file; - reads standard input
    #[arg(required_unless_present = "listen")]
    file: Option<PathBuf>,
    /// Be a capture server at this UDP address: show what agents and proxies send by HEP3
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with_all = ["file", "follow", "list", "svg"])]
    listen: Option<SocketAddr>,
    /// Go on with what is written to the file, until Ctrl-C
    #[arg(long, short, conflicts_with_all = ["list", "svg"])]
    follow: bool,
    /// List the calls and other talks, a line each, without ladders
    #[arg(long, short)]
    list: bool,
    /// Show the messages themselves under their arrows
    #[arg(long, short, conflicts_with = "list")]
    messages: bool,
    /// Write the ladders into this file as a picture (SVG)
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print JSON, one line a message; with --list one line a talk
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    filter: Filter,
}

const EXAMPLES: &str = "\
Examples:
    $ offhook trace calls.pcap --list
    $ offhook trace calls.pcapng --call-id 3848276298 --messages
    $ offhook trace calls.pcap --user bob --svg bob.svg
    $ tcpdump -i any -U -w - port 5060 | offhook trace - --follow
  A capture server for everything that speaks HEP3, offhook among it:
    $ offhook trace --listen 127.0.0.1:9060
    $ offhook register --profile work --hep 127.0.0.1:9060";

/// The longest datagram.
const DATAGRAM: usize = 65_536;

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if let Some(address) = args.listen {
        return listen(args, address);
    }
    let path = args.file.as_deref().unwrap_or_else(|| "-".as_ref());
    let mut source = Source::open(path, args.follow)?;
    let mut live = Live::new(args);
    let mut messages = Vec::new();
    let broken = loop {
        match source.next() {
            Ok(Some(seen)) if !args.filter.wants(&seen) => {}
            Ok(Some(seen)) if args.follow => live.show(&seen),
            Ok(Some(seen)) => messages.push(seen),
            Ok(None) => break None,
            Err(error) => break Some(Failure::io(path.display(), &error)),
        }
    };
    if !args.follow {
        // Captures of several interfaces are not always in the order of time.
        messages.sort_by_key(|seen| seen.at);
        show(args, messages)?;
    }
    // What was read before is shown all the same.
    broken.map_or(Ok(()), Err)
}

/// Shows all there is.
fn show(args: &Args, messages: Vec<Seen>) -> Result<(), Failure> {
    if messages.is_empty() {
        let words = "there is no such SIP message in it";
        return Err(Failure::new(Code::Failed, words)
            .hint("TLS cannot be read from captures: let offhook record by --pcap or --hep"));
    }
    if args.json && !args.list {
        let mut copies = Copies::default();
        for seen in &messages {
            let again = copies.has(seen);
            line(&told(seen, again, true));
        }
        return Ok(());
    }
    let talks = Talk::all(messages);
    if let Some(path) = &args.svg {
        fs::write(path, svg::draw(&talks)).map_err(|error| Failure::io(path.display(), &error))?;
        return Ok(());
    }
    let out = Out::new(args.json);
    for (index, talk) in talks.iter().enumerate() {
        if args.list {
            out.say(ladder::summary(talk), || {
                json!({
                    "callId": talk.call_id, "method": talk.method(), "from": talk.from, "to": talk.to,
                    "outcome": talk.outcome(), "messages": talk.messages.len(),
                    "seconds": talk.length().as_secs_f64(),
                })
            });
            continue;
        }
        if index > 0 {
            line(&"");
        }
        line(&ladder::draw(talk, args.messages).trim_end());
    }
    Ok(())
}

/// A message for programs.
fn told(seen: &Seen, again: bool, whole: bool) -> Value {
    json!({
        "at": seen.at.as_secs_f64(), "from": seen.from.0, "to": seen.to.0, "transport": seen.transport,
        "label": seen.label(), "kind": seen.kind().name(), "callId": seen.call_id(), "again": again,
        "text": whole.then(|| seen.text()),
    })
}

/// Shows messages as they come, all in one ladder.
struct Live<'a> {
    args: &'a Args,
    columns: Columns,
    begin: Option<Duration>,
    copies: Copies,
}

impl<'a> Live<'a> {
    fn new(args: &'a Args) -> Live<'a> {
        Live { args, columns: Columns::new(Vec::new(), std::iter::empty()), begin: None, copies: Copies::default() }
    }

    fn show(&mut self, seen: &Seen) {
        let again = self.copies.has(seen);
        if self.args.json {
            return line(&told(seen, again, true));
        }
        let begin = *self.begin.get_or_insert(seen.at);
        if self.columns.admit(seen) {
            line(&self.columns.head());
        }
        line(&self.columns.arrow(seen.at.saturating_sub(begin), seen, again));
        if self.args.messages && !again {
            line(&seen.text().trim_end());
        }
    }
}

fn listen(args: &Args, address: SocketAddr) -> Result<(), Failure> {
    let socket = UdpSocket::bind(address).map_err(|error| Failure::io(address, &error))?;
    let bound = socket.local_addr().map_err(|error| Failure::io(address, &error))?;
    eprintln!("offhook trace: listening for HEP3 at udp:{bound}");
    let mut live = Live::new(args);
    let mut buffer = vec![0; DATAGRAM];
    loop {
        match socket.recv_from(&mut buffer) {
            Ok((length, _)) => {
                let seen = buffer.get(..length).and_then(hep::decode);
                if let Some(seen) = seen.filter(|seen| args.filter.wants(seen)) {
                    live.show(&seen);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            // The network says that somebody is gone, which is no matter here.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
            Err(error) => return Err(Failure::io(bound, &error)),
        }
    }
}
