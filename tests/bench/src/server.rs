//! The process that is called, from outside: Offhook's (see `serve.rs`) or SIPp's.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What it has used and done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// CPU time, ns.
    pub cpu: u64,
    pub calls: u64,
    /// Bytes in memory.
    pub resident: u64,
}

pub struct Server {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    pub port: u16,
}

impl Server {
    pub fn start(transport: &str) -> Result<Server, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        command.args(["serve", transport]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let (input, output) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        let mut server = Server { child, input, output: BufReader::new(output), port: 0 };
        let line = server.line()?;
        let port = line.strip_prefix("ready ").and_then(|port| port.trim().parse().ok());
        server.port = port.ok_or(format!("the server said {line:?}"))?;
        Ok(server)
    }

    pub fn report(&mut self) -> Result<Report, String> {
        writeln!(self.input).map_err(|error| format!("the server is gone: {error}"))?;
        let line = self.line()?;
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        match numbers[..] {
            [cpu, calls, resident] => Ok(Report { cpu, calls, resident }),
            _ => Err(format!("the server said {line:?}")),
        }
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(|error| format!("the server is gone: {error}"))?;
        Ok(line)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
