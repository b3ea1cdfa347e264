//! A scenario as data: what a file of `tests/scenarios/` says.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One call, or a few, as a file tells it.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The file's name without its ending.
    pub name: String,
    /// What happens, in a sentence.
    pub title: String,
    /// The sections it shows, e.g. `RFC 3665 3.1`, with the words that follow them in the file.
    pub sections: Vec<(String, String)>,
    /// What other stacks got wrong here.
    pub guards: Vec<String>,
    /// Who takes part.
    pub cast: Vec<Role>,
    /// It needs the switchboard between the participants.
    pub switchboard: bool,
    /// It is about connections: it is not played over UDP.
    pub connections: bool,
    /// Where it cannot be played, and why.
    pub skips: Vec<(Runtime, String)>,
    /// Why it cannot be played where messages get lost by chance, if so.
    pub lossless: Option<String>,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// Where scenarios are played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Runtime {
    /// On the simulated network, in virtual time.
    Simulated,
    /// `offhook agent` processes on real sockets.
    Native,
    /// The JavaScript classes in Chromium.
    Browser,
}

impl Runtime {
    /// All of them.
    pub const ALL: [Runtime; 3] = [Runtime::Simulated, Runtime::Native, Runtime::Browser];

    /// Its name in a file.
    pub const fn name(self) -> &'static str {
        match self {
            Runtime::Simulated => "simulated",
            Runtime::Native => "native",
            Runtime::Browser => "browser",
        }
    }
}

/// A participant.
#[derive(Clone, Debug)]
pub struct Role {
    /// How the file calls it; also the user part of its address.
    pub name: String,
    /// What it is.
    pub part: Part,
}

/// What a participant is.
#[derive(Clone, Debug)]
pub enum Part {
    /// A user agent of ours.
    Agent(Settings),
    /// A peer that sends just what the file says.
    Scripted,
}

/// How an agent is set up.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The password, if it is not the one the server knows.
    pub password: Option<String>,
    /// Offers of the other side are refused with 488.
    pub refuses_offers: bool,
    /// Offers of the other side wait for a step.
    pub manual_offers: bool,
    /// The agent rewrites descriptions and answers offers itself.
    pub automatic_media: bool,
    /// Nobody may replace its calls.
    pub never_replaced: bool,
    /// Others may join its calls.
    pub joined: bool,
    /// RFC 3261 timer T1.
    pub t1: Option<Duration>,
    /// How long a session should last without a refresh.
    pub session: Option<Duration>,
    /// Registration lifetime to ask for, in seconds.
    pub expires: Option<u32>,
    /// How long an incoming call may wait.
    pub rings: Option<Duration>,
    /// How long an offer within a call may take.
    pub offers: Option<Duration>,
    /// Event packages others may subscribe to.
    pub packages: Vec<String>,
    /// The peers that are its servers, in the order in which they are tried.
    pub servers: Vec<String>,
    /// How many flows it keeps to the server at a time.
    pub flows: Option<u32>,
    /// An access token, in place of a password.
    pub token: Option<String>,
    /// It has no credentials before it is asked for them.
    pub asks: bool,
}

/// One line.
#[derive(Clone, Debug)]
pub struct Step {
    /// Where it stands.
    pub line: usize,
    /// How it reads.
    pub text: String,
    /// What it says.
    pub what: What,
}

/// What a line says.
#[derive(Clone, Debug)]
pub enum What {
    /// An agent is told to do something.
    Do(Deed),
    /// Agents are told something.
    See {
        /// Who; each of them on its own.
        who: Vec<usize>,
        /// About the call with whom; by default with anybody.
        call: Option<String>,
        /// What.
        event: Pattern,
        /// It may also not be told.
        maybe: bool,
    },
    /// An action came to its end.
    Outcome {
        /// Whose.
        who: Vec<usize>,
        /// Of which kind, by its first word.
        action: String,
        /// How it ended.
        expected: Pattern,
    },
    /// A message passes.
    Wire(Wire),
    /// A scripted peer sends something.
    Send(Send),
    /// The network misbehaves.
    Network(Fault),
    /// Time passes.
    Wait(Duration),
}

/// Something an agent does.
#[derive(Clone, Debug)]
pub struct Deed {
    /// Who.
    pub who: usize,
    /// In the call with whom; by default in the only one.
    pub call: Option<String>,
    /// The name of the method.
    pub action: String,
    /// Its arguments, as far as the action takes any.
    pub arguments: Arguments,
}

/// Arguments of an action.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    /// How many redirections a call follows.
    pub follows: Option<u8>,
    /// How long the other side may take to answer a call.
    pub at_most: Option<Duration>,
    /// Whom, by name, or a URI.
    pub targets: Vec<String>,
    /// A status.
    pub status: Option<u16>,
    /// Words: a reason, a message, a body.
    pub text: Option<String>,
    /// The type of a body.
    pub content_type: Option<String>,
    /// With a description, without one, or as usual.
    pub description: Option<bool>,
    /// The call to bring together with this one, by with whom it is.
    pub other: Option<String>,
    /// A transfer leaves the call as it is.
    pub stays: bool,
    /// A transfer is not to be reported.
    pub quiet: bool,
    /// Further header fields.
    pub headers: Lines,
    /// Further fields of the command, as they are.
    pub fields: Vec<(&'static str, serde_json::Value)>,
}

impl Arguments {
    pub(super) fn field(&mut self, name: &'static str, value: impl Into<serde_json::Value>) {
        self.fields.push((name, value.into()));
    }
}

/// Header lines: names and values.
pub(super) type Lines = Vec<(String, String)>;

/// What must be told: a kind and those of its attributes that matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The kind, e.g. `ended`.
    pub kind: &'static str,
    /// What must be so, e.g. `by` = `remote`.
    pub attributes: BTreeMap<&'static str, String>,
}

impl Pattern {
    /// With no attribute yet.
    pub fn new(kind: &'static str) -> Pattern {
        Pattern { kind, attributes: BTreeMap::new() }
    }

    /// With one more attribute.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Pattern {
        self.attributes.insert(name, value.into());
        self
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)?;
        for (name, value) in &self.attributes {
            write!(f, " {name}={value}")?;
        }
        Ok(())
    }
}

/// A message on the wire.
#[derive(Clone, Debug)]
pub struct Wire {
    /// Seen from whom.
    pub who: usize,
    /// It leaves there; else it arrives there.
    pub sends: bool,
    /// `INVITE`, `180 INVITE` …; without a method any.
    pub label: String,
    /// It must not have been there.
    pub never: bool,
    /// It must be a copy of an earlier one.
    pub again: bool,
    /// What its lines must look like; `None`: there is no such line.
    pub lines: Vec<(String, Option<String>)>,
}

/// A message of a scripted peer.
#[derive(Clone, Debug)]
pub struct Send {
    /// Which peer.
    pub who: usize,
    /// What.
    pub what: Sent,
    /// With this description: `sendrecv` and so on, or the `same` as before.
    pub description: Option<String>,
    /// The description is an offer.
    pub offers: bool,
    /// Our tag, where it is not the peer's name.
    pub tag: Option<String>,
    /// Lines that take the place of those made by themselves.
    pub lines: Lines,
    /// A body that is no description.
    pub body: Option<String>,
}

/// What a scripted peer sends.
#[derive(Clone, Debug)]
pub enum Sent {
    /// A response, to the last request of that method.
    Response(u16, Option<String>),
    /// A request in the dialog, or the first of a new one to that agent.
    Request(String, Option<String>),
    /// The answer to a keep-alive (RFC 5626 4.4).
    Pong,
    /// The last message once more.
    Again,
}

/// What the network does.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It loses the next so many messages of that label from there.
    Loses(Flying, usize),
    /// It holds the next message of that label from there back.
    Delays(Flying, Duration),
    /// It delivers the next message of that label from there twice.
    Doubles(Flying),
    /// It cuts a participant off.
    CutsOff(usize),
    /// It lets a participant in again.
    Rejoins(usize),
    /// It breaks a participant's connections: all of them, or the one of this number.
    Breaks(usize, Option<usize>),
}

/// A message on its way.
#[derive(Clone, Debug)]
pub struct Flying {
    /// From whom.
    pub from: usize,
    /// What.
    pub label: String,
}

impl Scenario {
    /// The participant of this name.
    pub fn role(&self, name: &str) -> Option<usize> {
        self.cast.iter().position(|role| role.name == name)
    }

    /// Whether a peer in it is scripted.
    pub fn is_scripted(&self) -> bool {
        self.cast.iter().any(|role| matches!(role.part, Part::Scripted))
    }

    /// Whether it needs connections, because it is about them or they break.
    pub fn needs_connections(&self) -> bool {
        self.connections || self.steps.iter().any(|step| matches!(step.what, What::Network(Fault::Breaks(..))))
    }

    /// Whether it needs datagrams, because something happens to one.
    pub fn harms_datagrams(&self) -> bool {
        let harm = |fault: &Fault| matches!(fault, Fault::Loses(..) | Fault::Delays(..) | Fault::Doubles(_));
        self.steps.iter().any(|step| matches!(&step.what, What::Network(fault) if harm(fault)))
    }

    /// Why it is not played there, if it is not.
    pub fn skipped(&self, runtime: Runtime) -> Option<String> {
        if let Some((_, why)) = self.skips.iter().find(|(skipped, _)| *skipped == runtime) {
            return Some(why.clone());
        }
        let fault = |step: &Step| matches!(&step.what, What::Network(fault) if !matches!(fault, Fault::Breaks(..)));
        (runtime != Runtime::Simulated && self.steps.iter().any(fault))
            .then(|| "only the simulated network misbehaves on demand".to_owned())
    }

    /// Every scenario there is, by name.
    ///
    /// # Panics
    ///
    /// Names file and line of what cannot be read.
    pub fn all() -> Vec<Scenario> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
            .expect("the folder of the scenarios")
            .map(|entry| entry.expect("a file").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "scenario"))
            .collect();
        files.sort();
        let read = |path: &PathBuf| {
            let text = std::fs::read_to_string(path).expect("text");
            let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
            super::parse::parse(name, &text).unwrap_or_else(|error| panic!("{}:{error}", path.display()))
        };
        files.iter().map(read).collect()
    }
}

/// Where the scenarios are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}
