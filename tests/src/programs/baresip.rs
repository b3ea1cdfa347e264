//! baresip, another phone.

use std::env;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use offhook_core::transport::Transport;
use serde_json::{Value, json};

use super::process::Program;
use super::{SOON, free_port, root};
use crate::certificates::Certificates;

/// A baresip that is registered with a server and told what to do over its control port.
pub struct Baresip {
    _program: Program,
    control: TcpStream,
    events: Receiver<Value>,
    said: Vec<Value>,
    seen: usize,
    folder: PathBuf,
}

impl Baresip {
    /// Starts one for `sip:USER@sip.test`; done when it is registered.
    pub fn start(user: &str, server: &str, transport: Transport) -> Baresip {
        let (port, control_port) = (free_port(), free_port());
        let folder = env::temp_dir().join(format!("offhook-baresip-{}-{port}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for its configuration");
        let certificates = Certificates::of_this_process().unwrap_or_else(|error| panic!("{error}"));
        let config = fs::read_to_string(root().join("tests/interop/baresip/config")).expect("its configuration");
        let config = config
            .replace("@PORT@", &port.to_string())
            .replace("@CONTROL@", &control_port.to_string())
            .replace("@ROOTS@", &certificates.roots.display().to_string());
        let account = format!(
            "<sip:{user}@sip.test;transport={}>;auth_user={user};auth_pass={user}-secret;outbound=\"{server}\";regint=120\n",
            transport.uri_param()
        );
        for (file, text) in [("config", config), ("accounts", account), ("contacts", String::new())] {
            fs::write(folder.join(file), text).expect("its configuration can be written");
        }
        let mut command = Command::new("baresip");
        command.arg("-f").arg(&folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let program = Program::start("baresip", &mut command);
        let control = connect(control_port);
        let (told, events) = mpsc::channel();
        let reader = control.try_clone().expect("a socket has two sides");
        thread::spawn(move || read(reader, |event| told.send(event).is_ok()));
        let mut phone = Baresip { _program: program, control, events, said: Vec::new(), seen: 0, folder };
        // It may be registered before anybody listens, so it is asked.
        let deadline = Instant::now() + SOON;
        while !phone.command("reginfo", "")["data"].as_str().unwrap_or_default().contains("OK") {
            assert!(Instant::now() < deadline, "baresip is not registered: {:?}", phone.said);
            thread::sleep(Duration::from_millis(100));
        }
        phone
    }

    /// Gives a command, such as `dial`, and returns the answer.
    pub fn command(&mut self, name: &str, parameters: &str) -> Value {
        let token = format!("{}", self.said.len());
        let text = json!({ "command": name, "params": parameters, "token": token }).to_string();
        write!(self.control, "{}:{text},", text.len()).expect("baresip takes commands");
        let answer = self.find(0, name, |said| said["response"] == true && said["token"] == token.as_str());
        self.said[answer].clone()
    }

    /// The next event of that type, such as `CALL_ESTABLISHED`; those before it count as seen.
    pub fn hears(&mut self, kind: &str) -> Value {
        let found = self.find(self.seen, kind, |said| said["event"] == true && said["type"] == kind);
        self.seen = found + 1;
        self.said[found].clone()
    }

    fn find(&mut self, from: usize, what: &str, is: impl Fn(&Value) -> bool) -> usize {
        let deadline = Instant::now() + SOON;
        let mut at = from;
        loop {
            while at < self.said.len() {
                if is(&self.said[at]) {
                    return at;
                }
                at += 1;
            }
            match self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(event) => self.said.push(event),
                Err(_) => panic!("baresip never says {what}: {:#?}", self.said),
            }
        }
    }
}

impl Drop for Baresip {
    fn drop(&mut self) {
        // Only a configuration is left if it stays.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Its control port, once it is there.
fn connect(port: u16) -> TcpStream {
    let deadline = Instant::now() + SOON;
    loop {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            Ok(stream) => return stream,
            Err(error) if Instant::now() > deadline => panic!("baresip does not start: {error}"),
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Reads net strings of JSON until the end.
fn read(mut stream: TcpStream, mut told: impl FnMut(Value) -> bool) {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut part) {
        bytes.extend_from_slice(&part[..count]);
        while let Some(colon) = bytes.iter().position(|byte| *byte == b':') {
            let length: usize = String::from_utf8_lossy(&bytes[..colon]).parse().unwrap_or(0);
            if bytes.len() < colon + length + 2 {
                break;
            }
            let event = serde_json::from_slice(&bytes[colon + 1..colon + 1 + length]).unwrap_or(Value::Null);
            bytes.drain(..colon + length + 2);
            if !told(event) {
                return;
            }
        }
    }
}
