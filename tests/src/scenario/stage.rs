//! Where a scenario is played.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use offhook_core::transport::{Path, Transport};
use serde_json::{Value, json};

use super::script::{Fault, Scenario, Settings};

/// A place where agents and scripted peers live. They have the numbers of the cast.
pub trait Stage {
    /// Whether the agents answer offers themselves, as the JavaScript classes do with their media.
    fn negotiates(&self) -> bool {
        false
    }

    /// Whether there is a registrar between the agents.
    fn has_registrar(&self) -> bool;

    /// Whether messages get lost by chance, so that what is not repeated may never come.
    fn is_lossy(&self) -> bool {
        false
    }

    /// The longest a line may wait.
    fn patience(&self) -> Duration;

    /// The time since the stage was opened, real or virtual.
    fn now(&self) -> Duration;

    /// The URI by which `from` reaches `to`.
    fn target(&self, from: usize, to: usize) -> String;

    /// Tells an agent to do something.
    fn command(&mut self, who: usize, command: &Value);

    /// Lets a scripted peer send something.
    fn post(&mut self, who: usize, path: Path, bytes: Bytes);

    /// Where a scripted peer is reached.
    fn address(&self, who: usize) -> Address;

    /// How a scripted peer reaches an agent it has not heard of.
    fn path(&self, from: usize, to: usize) -> Option<Path>;

    /// The next that happens within this time.
    fn next(&mut self, limit: Duration) -> Option<Happening>;

    /// Lets time pass.
    fn wait(&mut self, time: Duration) -> Vec<Happening>;

    /// Does to the network what the scenario wants.
    fn fault(&mut self, fault: &Fault);

    /// After the last line: what still comes when nobody does anything any more.
    fn settle(&mut self) -> Vec<Happening>;

    /// After all agents have stopped: what is wrong with how they did.
    fn autopsy(&mut self) -> Result<(), String>;

    /// What passed between the participants, for the report of a failure.
    fn ladder(&self) -> String;
}

/// Where a scripted peer is.
#[derive(Clone, Copy, Debug)]
pub struct Address {
    /// How.
    pub transport: Transport,
    /// Where.
    pub local: SocketAddr,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Happening {
    /// An agent told something.
    Told(usize, Value),
    /// A scripted peer got something.
    Heard(usize, Path, Bytes),
}

/// Opens the stage of a scenario.
pub trait Theatre {
    /// The type of its stages.
    type Stage: Stage;

    /// A stage with everybody of the cast on it, not connected yet.
    fn open(&self, scenario: &Scenario) -> Result<Self::Stage, String>;
}

/// What an agent is started with, as `AgentConfig` reads it.
pub(super) fn config(settings: &Settings, aor: &str, servers: &[String], password: Option<&str>) -> Value {
    let mut config = json!({ "aor": aor, "trace": true });
    if let Some((first, more)) = servers.split_first() {
        config["server"] = json!(first);
        config["servers"] = json!(more);
    }
    if let Some(password) = settings.password.as_deref().or(password) {
        config["password"] = json!(password);
    }
    if settings.automatic_media {
        config["automaticMedia"] = json!(true);
    }
    if settings.never_replaced {
        config["replacing"] = json!("never");
    }
    if settings.joined {
        config["joining"] = json!("asked");
    }
    if let Some(t1) = settings.t1 {
        config["timers"] = json!({ "t1": t1.as_millis() });
    }
    if let Some(session) = settings.session {
        config["sessionTimers"] = json!({ "expires": session.as_secs() });
    }
    if let Some(expires) = settings.expires {
        config["expires"] = json!(expires);
    }
    if let Some(flows) = settings.flows {
        config["flows"] = json!(flows);
    }
    if let Some(token) = &settings.token {
        config["token"] = json!(token);
    }
    if settings.token.is_some() || settings.asks {
        config["allowUnprotectedTokens"] = json!(true);
        config["askCredentials"] = json!(settings.asks);
        if let Some(config) = config.as_object_mut() {
            config.remove("password");
        }
    }
    for (name, time) in [("ringTimeout", settings.rings), ("offerTimeout", settings.offers)] {
        if let Some(time) = time {
            config[name] = json!(time.as_millis() as u64);
        }
    }
    if !settings.packages.is_empty() {
        config["packages"] = json!(settings.packages);
    }
    config
}
