//! Commands from standard input.

use std::io::{self, BufRead, Read};
use std::thread;

use offhook::core::control::{BadCommand, Command};
use tokio::sync::mpsc;

/// The longest line taken, in bytes: room for any message and its escapes.
const LONGEST: u64 = 1 << 20;

/// How many commands are read ahead.
const AHEAD: usize = 64;

/// Reads commands on a thread of its own, since reading standard input blocks. An error is to be told, reading goes on;
/// the channel closes at the end of the input.
pub(super) fn read_stdin() -> mpsc::Receiver<Result<Command, BadCommand>> {
    let (commands, receiver) = mpsc::channel(AHEAD);
    // The thread may wait for input for ever; it ends with the process.
    thread::spawn(move || {
        let mut lines = Lines { input: io::stdin().lock(), number: 0 };
        while let Some(command) = lines.next_command() {
            if commands.blocking_send(command).is_err() {
                return;
            }
        }
    });
    receiver
}

struct Lines<R> {
    input: R,
    number: usize,
}

impl<R: BufRead> Lines<R> {
    fn next_command(&mut self) -> Option<Result<Command, BadCommand>> {
        loop {
            let mut line = Vec::new();
            self.number += 1;
            let read = self.input.by_ref().take(LONGEST).read_until(b'\n', &mut line);
            if line.is_empty() || read.is_err() {
                return None;
            }
            if line.len() as u64 == LONGEST && line.last() != Some(&b'\n') {
                if self.input.skip_until(b'\n').is_err() {
                    return None;
                }
                let words = format!("line {}: longer than {LONGEST} bytes", self.number);
                return Some(Err(BadCommand {
                    id: 0,
                    field: "command".to_owned(),
                    offset: line.len(),
                    message: words,
                }));
            }
            if !line.trim_ascii().is_empty() {
                return Some(self.command(&line));
            }
        }
    }

    fn command(&self, line: &[u8]) -> Result<Command, BadCommand> {
        let text = String::from_utf8_lossy(line);
        Command::from_json(&text).map_err(|mut bad| {
            bad.message = format!("line {}, column {}: {}", self.number, bad.offset + 1, bad.message);
            bad
        })
    }
}

#[cfg(test)]
mod tests {
    use offhook::core::control::Kind;

    use super::*;

    fn read(input: &str) -> Vec<Result<(u32, Kind), BadCommand>> {
        let mut lines = Lines { input: input.as_bytes(), number: 0 };
        let mut commands = Vec::new();
        while let Some(command) = lines.next_command() {
            commands.push(command.map(|command| (command.id, command.kind)));
        }
        commands
    }

    #[test]
    fn commands_are_one_a_line_and_blank_lines_none() {
        let commands = read("{\"id\":1,\"type\":\"register\"}\n\n  \r\n{\"id\":2,\"type\":\"shutdown\"}");
        assert_eq!(commands, [Ok((1, Kind::Register)), Ok((2, Kind::Shutdown))]);
    }

    #[test]
    fn an_error_names_line_and_column_and_the_next_line_is_read() {
        let commands = read("\n{\"id\":1,type}\n{\"id\":7,\"type\":\"fly\"}\n[]\n{\"id\":2,\"type\":\"connect\"}\n");
        let [Err(syntax), Err(kind), Err(shape), Ok(good)] = &commands[..] else { panic!("{commands:?}") };
        assert_eq!((syntax.id, syntax.offset), (0, 8));
        assert!(
            syntax.message.starts_with("line 2, column 9: a name in quotes is expected here"),
            "{}",
            syntax.message
        );
        assert_eq!((kind.id, &*kind.field), (7, "type"));
        assert!(kind.message.starts_with("line 3, column 16: none of connect "), "{}", kind.message);
        assert!(shape.message.starts_with("line 4, column 1: an object is expected here"), "{}", shape.message);
        assert_eq!(*good, (2, Kind::Connect));
    }

    #[test]
    fn a_line_too_long_is_passed_over() {
        let long = "x".repeat(LONGEST as usize + 10);
        let commands = read(&format!("{long}\n{{\"id\":2,\"type\":\"connect\"}}\n"));
        let [Err(long), Ok(good)] = &commands[..] else { panic!("expected an error and a command") };
        assert_eq!(long.message, "line 1: longer than 1048576 bytes");
        assert_eq!(*good, (2, Kind::Connect));
    }
}
