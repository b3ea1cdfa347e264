//! Processes that end with their owner.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use super::FAREWELL;

/// A running program. It is asked to end when it is dropped, and made to if it does not.
pub(super) struct Program {
    name: String,
    pub(super) child: Child,
}

impl Program {
    pub(super) fn start(name: &str, command: &mut Command) -> Program {
        let child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        Program { name: name.to_owned(), child }
    }

    /// How it ended, once it has by itself.
    pub(super) fn ends(&mut self, within: Duration) -> ExitStatus {
        self.wait(within).unwrap_or_else(|| panic!("{} goes on", self.name))
    }

    fn wait(&mut self, within: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return Some(status);
            }
            if Instant::now() > deadline {
                return None;
            }
            // There is no way to wait for a child with a deadline.
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Program {
    /// Asks it to end and makes it if it does not.
    pub(super) fn stop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        // By its own number; where that fails, the other way is left.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        if self.wait(FAREWELL).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The lines that a program prints.
pub(super) fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (told, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if told.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
