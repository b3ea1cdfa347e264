//! Agents that are user agents of the JavaScript package, in one Chromium. A Node process (`tests/web/scenarios/bridge.ts`)
//! runs it; a page of it is a stage, and its agents speak the lines of `offhook agent --json`.

use std::collections::HashMap;
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;

use offhook_core::transport::Transport;
use serde_json::{Value, json};

use super::script::Scenario;
use super::servers::Program;
use super::sockets::{Remote, SOON, Sockets, Start};
use super::stage::{Happening, Theatre};

/// Opens stages in one Chromium.
#[derive(Clone)]
pub struct Browser(Arc<Bridge>);

struct Bridge {
    input: Mutex<Option<ChildStdin>>,
    pages: Pages,
    opened: AtomicU64,
    program: Mutex<Program>,
}

type Pages = Arc<Mutex<HashMap<u64, Listener>>>;

/// Who listens to a page.
struct Listener {
    told: Sender<Happening>,
    said: Sender<Value>,
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Browser")
    }
}

impl Browser {
    /// Starts Chromium.
    ///
    /// # Errors
    ///
    /// What is missing: `scripts/setup.sh test` and `scripts/build.sh wasm js` make it be there.
    pub fn start() -> Result<Browser, String> {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/web"));
        let bundle = Command::new("npm")
            .args(["run", "--silent", "bundle"])
            .current_dir(folder)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("npm: {error}"))?;
        if !bundle.status.success() {
            return Err(format!("npm run bundle in tests/web: {}", String::from_utf8_lossy(&bundle.stderr)));
        }
        let mut child = Command::new("node")
            .arg("dist/bridge.js")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("node: {error}"))?;
        let (input, output) = (child.stdin.take(), child.stdout.take().ok_or("no standard output")?);
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let program = Program(child);
        match lines.next().as_deref() {
            Some("ready") => {}
            other => return Err(format!("the bridge to Chromium did not start: {}", other.unwrap_or_default())),
        }
        let pages = Pages::default();
        let bridge = Bridge {
            input: Mutex::new(input),
            pages: pages.clone(),
            opened: AtomicU64::new(0),
            program: Mutex::new(program),
        };
        thread::spawn(move || {
            for line in lines {
                let value: Value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                deliver(&pages, value);
            }
        });
        Ok(Browser(Arc::new(bridge)))
    }

    /// Ends Chromium.
    ///
    /// # Errors
    ///
    /// What is wrong with how it ended.
    pub fn stop(self) -> Result<(), String> {
        if let Ok(mut input) = self.0.input.lock() {
            *input = None;
        }
        let mut program = self.0.program.lock().map_err(|error| error.to_string())?;
        match program.0.wait() {
            Ok(status) if status.success() => Ok(()),
            other => Err(format!("the bridge to Chromium ended with {other:?}")),
        }
    }
}

/// Hands what a page says to who listens to it.
fn deliver(pages: &Pages, mut line: Value) {
    let page = line["page"].as_u64().unwrap_or_default();
    let Ok(pages) = pages.lock() else { return };
    // A page that nobody listens to any more has nothing to say.
    let Some(listener) = pages.get(&page) else { return };
    let _ = match (line["agent"].as_u64(), line.get_mut("told")) {
        (Some(agent), Some(told)) => listener.told.send(Happening::Told(agent as usize, told.take())).map_err(|_| ()),
        _ => listener.said.send(line).map_err(|_| ()),
    };
}

impl Bridge {
    fn write(&self, line: &Value) {
        if let Ok(mut input) = self.input.lock()
            && let Some(input) = input.as_mut()
        {
            // A browser that has gone will be missed by the next line.
            let _ = writeln!(input, "{line}");
        }
    }
}

impl Theatre for Browser {
    type Stage = Sockets;

    fn open(&self, scenario: &Scenario) -> Result<Sockets, String> {
        let bridge = &self.0;
        let number = bridge.opened.fetch_add(1, Ordering::Relaxed) + 1;
        let mut page: Option<Rc<Page>> = None;
        Sockets::open(scenario, Transport::Ws, !scenario.is_scripted(), true, |start| {
            let page = page.get_or_insert_with(|| Rc::new(Page::open(bridge.clone(), number, start.told.clone())));
            Ok(Box::new(Agent::start(page.clone(), start)))
        })
    }
}

struct Page {
    bridge: Arc<Bridge>,
    number: u64,
    said: Receiver<Value>,
}

impl Page {
    fn open(bridge: Arc<Bridge>, number: u64, told: Sender<Happening>) -> Page {
        let (sender, said) = mpsc::channel();
        if let Ok(mut pages) = bridge.pages.lock() {
            pages.insert(number, Listener { told, said: sender });
        }
        bridge.write(&json!({ "page": number, "open": true }));
        Page { bridge, number, said }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.bridge.write(&json!({ "page": self.number, "close": true }));
        if let Ok(mut pages) = self.bridge.pages.lock() {
            pages.remove(&self.number);
        }
    }
}

struct Agent {
    page: Rc<Page>,
    who: usize,
}

impl Agent {
    fn start(page: Rc<Page>, Start { who, settings, config, .. }: Start<'_>) -> Agent {
        let start = json!({ "config": config, "refusesOffers": settings.refuses_offers });
        page.bridge.write(&json!({ "page": page.number, "agent": who, "start": start }));
        Agent { page, who }
    }
}

impl Remote for Agent {
    fn command(&mut self, command: &Value) {
        self.page.bridge.write(&json!({ "page": self.page.number, "agent": self.who, "command": command }));
    }

    /// What the page finds wrong: an error nobody caught, a call or media that did not end.
    fn end(&mut self) -> Result<(), String> {
        self.page.bridge.write(&json!({ "page": self.page.number, "agent": self.who, "end": true }));
        let said = self.page.said.recv_timeout(SOON).map_err(|_| "is not there any more".to_owned())?;
        match said["problems"].as_array().map(Vec::as_slice) {
            Some([]) => Ok(()),
            _ => Err(format!("ended, but: {}", said["problems"])),
        }
    }
}
