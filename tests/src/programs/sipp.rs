//! SIPp, caller and callee.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use offhook_core::transport::Transport;

use super::process::Program;
use super::{FAREWELL, SOON, root};

/// A SIPp that plays one of the scenarios in `tests/interop/sipp`. Nobody needs to wait until it listens: requests over
/// UDP are sent again.
pub struct Sipp {
    program: Program,
    folder: PathBuf,
}

impl Sipp {
    /// Plays a scenario once over UDP, towards a server, from that port.
    pub fn play(scenario: &str, server_port: u16, port: u16, more: &[&str]) -> Sipp {
        Sipp::over(Transport::Udp, scenario, server_port, port, more)
    }

    /// The same over UDP or TCP.
    pub fn over(transport: Transport, scenario: &str, server_port: u16, port: u16, more: &[&str]) -> Sipp {
        let mode = if transport == Transport::Udp { "u1" } else { "t1" };
        let folder = env::temp_dir().join(format!("offhook-sipp-{}-{port}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for its log");
        let mut command = Command::new("sipp");
        command.arg(format!("127.0.0.1:{server_port}"));
        command.arg("-sf").arg(root().join("tests/interop/sipp").join(scenario));
        command.args(["-m", "1", "-t", mode, "-i", "127.0.0.1", "-p", &port.to_string(), "-nostdin"]);
        command.args(["-timeout", "20s", "-timeout_error", "-trace_msg", "-message_file"]);
        command.arg(folder.join("messages.log")).args(more).current_dir(&folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Sipp { program: Program::start("sipp", &mut command), folder }
    }

    /// Waits for its end, which must be a good one.
    pub fn succeeds(mut self) {
        let status = self.program.ends(SOON + FAREWELL);
        let log = fs::read_to_string(self.folder.join("messages.log")).unwrap_or_default();
        assert!(status.success(), "sipp: {status}\n{log}");
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        // Only a log is lost if it stays.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
