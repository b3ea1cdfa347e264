//! `offhook agent` processes.

use std::io::Write;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::process::{Program, lines};
use super::{SOON, offhook};

/// An `offhook agent --json` process. What it says is kept until the test asks for it.
pub struct Agent {
    user: String,
    program: Program,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    /// Everything it said, in order; with `trace` the whole conversation.
    said: Vec<Value>,
    /// How many of them, of each kind that a test waits for, it has seen: the position after the last.
    seen: Vec<(String, usize)>,
    number: u32,
    patience: Duration,
}

impl Agent {
    /// An agent for `sip:USER@sip.test` with that user's password, which tells every message.
    pub fn start(user: &str, server: &str, more: &[&str]) -> Agent {
        Agent::with_password(user, server, &format!("{user}-secret"), more)
    }

    /// The same with another password.
    pub fn with_password(user: &str, server: &str, password: &str, more: &[&str]) -> Agent {
        let mut command = Command::new(offhook());
        command.args(["agent", "--json", "--trace", "--aor", &format!("sip:{user}@sip.test"), "--server", server]);
        if server.starts_with("sip:") {
            command.args(["--bind", "127.0.0.1:0"]);
        }
        command.args(more).env("OFFHOOK_PASSWORD", password).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut program = Program::start(user, &mut command);
        let lines = lines(program.child.stdout.take().expect("it is piped"));
        let input = program.child.stdin.take();
        Agent {
            user: user.to_owned(),
            program,
            input,
            lines,
            said: Vec::new(),
            seen: Vec::new(),
            number: 0,
            patience: SOON,
        }
    }

    /// How long it is waited for what must come, from now on.
    pub fn wait_for(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Gives a command and returns its number.
    pub fn tell(&mut self, kind: &str, mut arguments: Value) -> u32 {
        self.number += 1;
        arguments["id"] = json!(self.number);
        arguments["type"] = json!(kind);
        let input = self.input.as_mut().expect("its input is open");
        writeln!(input, "{arguments}").unwrap_or_else(|error| panic!("{}: {error}\n{}", self.user, self.report()));
        self.number
    }

    /// Gives a command; its result, or its typed error.
    pub fn ask(&mut self, kind: &str, arguments: Value) -> Result<Value, Value> {
        let number = self.tell(kind, arguments);
        self.answer(number)
    }

    /// The result of a command given before, or its typed error.
    pub fn answer(&mut self, number: u32) -> Result<Value, Value> {
        let answer = self.find(0, &format!("an answer to command {number}"), |said| {
            said["id"] == number && (said["type"] == "result" || said["type"] == "error")
        });
        match &self.said[answer] {
            said if said["type"] == "result" => Ok(said["value"].clone()),
            said => Err(said["error"].clone()),
        }
    }

    /// The result of a command that must succeed.
    pub fn must(&mut self, kind: &str, arguments: Value) -> Value {
        self.ask(kind, arguments).unwrap_or_else(|error| panic!("{kind}: {error}\n{}", self.report()))
    }

    /// The next notification of that kind, and so on with each time it is asked for.
    pub fn hears(&mut self, kind: &str) -> Value {
        self.hears_that(kind, |_| true)
    }

    /// The next notification of that kind with that state.
    pub fn reaches(&mut self, kind: &str, state: &str) -> Value {
        self.hears_that(kind, |said| said["state"] == state)
    }

    /// The next notification of that kind of which something holds; those before it count as seen.
    pub fn hears_that(&mut self, kind: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let from = self.seen.iter().find(|(seen, _)| seen == kind).map_or(0, |(_, next)| *next);
        let found = self.find(from, kind, |said| said["type"] == kind && holds(said));
        match self.seen.iter_mut().find(|(seen, _)| seen == kind) {
            Some((_, next)) => *next = found + 1,
            None => self.seen.push((kind.to_owned(), found + 1)),
        }
        self.said[found].clone()
    }

    /// The first notification of that kind of which something holds, seen before or not.
    pub fn once_told(&mut self, kind: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let found = self.find(0, kind, |said| said["type"] == kind && holds(said));
        self.said[found].clone()
    }

    /// The SIP messages so far: `true` and the text for one that it sent, `false` for one that it received.
    pub fn messages(&self) -> Vec<(bool, &str)> {
        let traces = self.said.iter().filter(|said| said["type"] == "trace");
        traces.map(|said| (said["direction"] == "out", said["text"].as_str().unwrap_or_default())).collect()
    }

    /// How many requests of that method it has sent so far, repetitions and all.
    pub fn sent(&self, method: &str) -> usize {
        let begins = format!("{method} ");
        self.messages().iter().filter(|(out, text)| *out && text.starts_with(&begins)).count()
    }

    /// Ends its input; done when it has ended by itself, in order.
    pub fn end(mut self) {
        self.input = None;
        self.hears("stopped");
        let status = self.program.ends(SOON);
        assert!(status.success(), "{}: {status}\n{}", self.user, self.report());
    }

    /// The position of the first thing said from `from` on that it is.
    fn find(&mut self, from: usize, what: &str, is: impl Fn(&Value) -> bool) -> usize {
        let deadline = Instant::now() + self.patience;
        let mut at = from;
        loop {
            while at < self.said.len() {
                if is(&self.said[at]) {
                    return at;
                }
                at += 1;
            }
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.said.push(serde_json::from_str(&line).expect("a line of JSON")),
                Err(RecvTimeoutError::Timeout) => panic!("{} never says {what}\n{}", self.user, self.report()),
                Err(RecvTimeoutError::Disconnected) => panic!("{} ended before {what}\n{}", self.user, self.report()),
            }
        }
    }

    /// What it said, for whoever reads a failure.
    fn report(&self) -> String {
        let mut report = format!("--- {}\n", self.user);
        for said in &self.said {
            match said["text"].as_str().filter(|_| said["type"] == "trace") {
                Some(text) => {
                    let arrow = if said["direction"] == "out" { '>' } else { '<' };
                    report += &format!("{arrow} {}\n", text.trim_end().replace('\n', "\n  "));
                }
                None => report += &format!("{said}\n"),
            }
        }
        report
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Without its input it says goodbye; a test that failed does not wait for that.
        if thread::panicking() {
            // Also what nobody has waited for.
            self.said.extend(self.lines.try_iter().filter_map(|line| serde_json::from_str(&line).ok()));
            eprintln!("{}", self.report());
            let _ = self.program.child.kill();
        }
    }
}
