//! Reads a scenario. The language is described in `tests/scenarios/README.md`.

use std::time::Duration;

use super::events;
use super::script::{
    Arguments, Deed, Fault, Flying, Lines, Part, Pattern, Role, Runtime, Scenario, Send, Sent, Settings, Step, What,
    Wire,
};
use super::words::{Words, duration};

/// What is wrong, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.line, self.reason)
    }
}

type Result<T> = std::result::Result<T, String>;

/// The actions of the API, each with what it takes.
const ACTIONS: [&str; 31] = [
    "connect",
    "register",
    "unregister",
    "bindings",
    "clearBindings",
    "credentials",
    "call",
    "ring",
    "answer",
    "reject",
    "redirect",
    "hangup",
    "hold",
    "resume",
    "renegotiate",
    "update",
    "acceptOffer",
    "rejectOffer",
    "info",
    "dtmf",
    "message",
    "options",
    "inspect",
    "transfer",
    "transferTo",
    "refer",
    "handOver",
    "setFeatures",
    "acceptTransfer",
    "rejectTransfer",
    "shutdown",
];

fn is_action(word: &str) -> bool {
    ACTIONS.contains(&word) || events::ACTIONS.contains(&word)
}

/// Reads a scenario of this name.
///
/// # Errors
///
/// The first line that says something else than the language knows.
pub fn parse(name: &str, text: &str) -> std::result::Result<Scenario, ParseError> {
    let mut scenario = Scenario {
        name: name.into(),
        title: String::new(),
        sections: Vec::new(),
        guards: Vec::new(),
        cast: Vec::new(),
        switchboard: false,
        connections: false,
        skips: Vec::new(),
        lossless: None,
        steps: Vec::new(),
    };
    let lines: Vec<&str> = text.lines().collect();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let number = at + 1;
        at += 1;
        let failed = |reason: String| ParseError { line: number, reason };
        let line = line.trim();
        if let Some(comment) = line.strip_prefix('#') {
            read_comment(&mut scenario, comment.trim());
            continue;
        }
        if line.is_empty() {
            continue;
        }
        let mut more = Vec::new();
        while let Some(line) = lines.get(at).and_then(|line| line.trim_start().strip_prefix('|')) {
            more.push(line.strip_prefix(' ').unwrap_or(line));
            at += 1;
        }
        if !read_head(&mut scenario, line).map_err(failed)? {
            let what = read_step(&scenario, line, &more).map_err(failed)?;
            scenario.steps.push(Step { line: number, text: line.into(), what });
        }
    }
    let failed = |reason: &str| ParseError { line: 1, reason: reason.into() };
    if scenario.title.is_empty() {
        return Err(failed("a comment on top says in a sentence what happens"));
    }
    if scenario.sections.is_empty() && scenario.guards.is_empty() {
        return Err(failed("a comment names the RFC section (`# RFC 3665 3.1: …`) or what it guards against"));
    }
    Ok(scenario)
}

fn read_comment(scenario: &mut Scenario, comment: &str) {
    if let Some(rest) = comment.strip_prefix("RFC ") {
        let (section, words) = rest.split_once(": ").unwrap_or((rest, ""));
        scenario.sections.push((format!("RFC {section}"), words.into()));
    } else if let Some(words) = comment.strip_prefix("Guards against: ") {
        scenario.guards.push(words.into());
    } else if scenario.title.is_empty() {
        scenario.title = comment.into();
    }
}

/// Reads a line about who and where; false if it is a step.
fn read_head(scenario: &mut Scenario, line: &str) -> Result<bool> {
    let mut words = Words::new(line)?;
    match words.next().as_deref() {
        Some("agent") => {
            let name = words.expect("a name")?;
            let settings = read_settings(&mut words)?;
            scenario.cast.push(Role { name, part: Part::Agent(settings) });
        }
        Some("scripted") => {
            let name = words.expect("a name")?;
            scenario.cast.push(Role { name, part: Part::Scripted });
        }
        Some("through") => {
            words.take_all(&["the", "switchboard"])?;
            scenario.switchboard = true;
        }
        Some("over") => {
            words.take_all(&["connections"])?;
            scenario.connections = true;
        }
        Some("not") => {
            let name = words.expect("a runtime")?;
            if name == "bad" {
                words.take_all(&["networks:"])?;
                scenario.lossless = Some(words.rest());
                return Ok(true);
            }
            let name = name.strip_suffix(':').unwrap_or(&name);
            let runtime = Runtime::ALL.into_iter().find(|runtime| runtime.name() == name);
            let runtime = runtime.ok_or_else(|| format!("{name}? simulated, native or browser"))?;
            scenario.skips.push((runtime, words.rest()));
        }
        _ => return Ok(false),
    }
    words.end()?;
    Ok(true)
}

fn read_settings(words: &mut Words) -> Result<Settings> {
    let mut settings = Settings::default();
    while let Some(word) = words.next() {
        match word.as_str() {
            "," | "and" => {}
            "password" => settings.password = Some(words.expect("a password")?),
            "refuses" => {
                words.take_all(&["offers"])?;
                settings.refuses_offers = true;
            }
            "decides" => {
                words.take_all(&["on", "offers"])?;
                settings.manual_offers = true;
            }
            "automatic" => {
                words.take_all(&["media"])?;
                settings.automatic_media = true;
            }
            "never" => {
                words.take_all(&["replaced"])?;
                settings.never_replaced = true;
            }
            "may" => {
                words.take_all(&["be", "joined"])?;
                settings.joined = true;
            }
            "T1" => settings.t1 = Some(read_duration(words)?),
            "session" => settings.session = Some(read_duration(words)?),
            "expires" => settings.expires = Some(words.number()?),
            "servers" => loop {
                settings.servers.push(words.expect("a scripted peer")?);
                if !words.skip("and") {
                    break;
                }
            },
            "two" => {
                words.take_all(&["flows"])?;
                settings.flows = Some(2);
            }
            "token" => settings.token = Some(words.quoted()?),
            "asks" => {
                words.take_all(&["for", "credentials"])?;
                settings.asks = true;
            }
            "rings" => {
                words.take_all(&["for"])?;
                settings.rings = Some(read_duration(words)?);
            }
            "offers" => {
                words.take_all(&["for"])?;
                settings.offers = Some(read_duration(words)?);
            }
            "serves" => settings.packages.push(words.expect("an event package")?),
            other => return Err(format!("`{other}` is no setting")),
        }
    }
    Ok(settings)
}

fn read_duration(words: &mut Words) -> Result<Duration> {
    let number = words.expect("a number")?;
    let unit = words.expect("s or ms")?;
    duration(&number, &unit)
}

fn read_step(scenario: &Scenario, line: &str, more: &[&str]) -> Result<What> {
    if let Some((who, rest)) = line.split_once(": ")
        && !who.contains(' ')
    {
        let mut words = Words::new(rest)?;
        let what = match who {
            "network" => read_fault(scenario, &mut words).map(What::Network)?,
            "time" => What::Wait(read_duration(&mut words)?),
            name => {
                let who = scenario.role(name).ok_or_else(|| format!("who is {name}?"))?;
                match scenario.cast[who].part {
                    Part::Scripted => What::Send(read_send(who, &mut words, more)?),
                    Part::Agent(_) => What::Do(read_deed(who, &mut words, more)?),
                }
            }
        };
        words.end()?;
        return Ok(what);
    }
    let mut words = Words::new(line)?;
    let mut who = Vec::new();
    loop {
        let word = words.expect("what somebody sees, sends or receives")?;
        let what = match word.as_str() {
            "," | "and" => continue,
            "sees" | "see" => read_sight(who, &mut words, false)?,
            "may" => {
                words.take_all(&["see"])?;
                read_sight(who, &mut words, true)?
            }
            "sends" | "receives" => What::Wire(read_wire(one(&who)?, word == "sends", false, &mut words, more)?),
            "has" => {
                words.take_all(&["not"])?;
                let verb = words.expect("sent or received")?;
                let sends = match verb.as_str() {
                    "sent" => true,
                    "received" => false,
                    other => return Err(format!("`{other}`? sent or received")),
                };
                What::Wire(read_wire(one(&who)?, sends, true, &mut words, more)?)
            }
            name => {
                who.push(scenario.role(name).ok_or_else(|| format!("who is {name}?"))?);
                continue;
            }
        };
        words.end()?;
        return Ok(what);
    }
}

fn one(who: &[usize]) -> Result<usize> {
    match who {
        [who] => Ok(*who),
        _ => Err("one participant at a time".into()),
    }
}

// ---- what agents do

fn read_deed(who: usize, words: &mut Words, more: &[&str]) -> Result<Deed> {
    let action = words.expect("an action")?;
    if !is_action(&action) {
        return Err(format!(
            "`{action}` is no action; there are {}, {}",
            ACTIONS.join(", "),
            events::ACTIONS.join(", ")
        ));
    }
    let mut deed = Deed { who, call: None, action: action.clone(), arguments: Arguments::default() };
    let arguments = &mut deed.arguments;
    match action.as_str() {
        "transfer" | "handOver" => read_transfer(&mut deed, words)?,
        "setFeatures" => arguments.field("features", read_feature(words)?),
        "refer" => {
            arguments.targets.push(words.expect("whom")?);
            words.take_all(&["to"])?;
            arguments.targets.push(words.expect("whom to")?);
        }
        "call" | "options" => arguments.targets.push(words.expect("whom")?),
        "message" => {
            arguments.targets.push(words.expect("whom")?);
            arguments.text = Some(words.quoted()?);
            arguments.content_type = Some("text/plain".into());
        }
        "info" => {
            arguments.content_type = Some(words.expect("a type")?);
            arguments.text = Some(words.quoted()?);
        }
        "dtmf" => arguments.text = Some(words.expect("a digit")?),
        "credentials" => match words.expect("token, password or none")?.as_str() {
            "token" => arguments.field("token", words.quoted()?),
            "password" => arguments.field("password", words.quoted()?),
            "none" => {}
            other => return Err(format!("`{other}`? token, password or none")),
        },
        "redirect" => {
            words.skip("to");
            while words.peek().is_some_and(|word| !word.starts_with('(')) {
                arguments.targets.push(words.expect("whom to")?);
                words.skip("and");
            }
        }
        "reject" | "rejectOffer" | "rejectTransfer" if words.peek().is_some_and(|word| word.parse::<u16>().is_ok()) => {
            arguments.status = Some(words.number()?);
        }
        _ => _ = events::read_deed(&action, words, arguments)?,
    }
    let arguments = &mut deed.arguments;
    if matches!(action.as_str(), "reject" | "hangup" | "rejectTransfer") && words.is_quoted() {
        arguments.text = Some(words.quoted()?);
    }
    while let Some(word) = words.next() {
        match word.as_str() {
            "following" => {
                arguments.follows = Some(words.number()?);
                words.take_all(&["redirections"])?;
            }
            "for" if action == "call" => {
                words.take_all(&["at", "most"])?;
                arguments.at_most = Some(read_duration(words)?);
            }
            "without" => {
                words.take_all(&["offer"])?;
                arguments.description = Some(false);
            }
            "with" if words.skip("feature") => {
                arguments.field("features", read_feature(words)?);
            }
            "by" => {
                words.take_all(&["contact"])?;
                arguments.field("toContact", true);
            }
            "with" if words.skip("push") => {
                let (provider, prid) = (words.expect("a push service")?, words.quoted()?);
                arguments.field("push", serde_json::json!({ "provider": provider, "prid": prid }));
            }
            "with" => {
                if !words.skip("offer") {
                    words.take_all(&["early", "media"])?;
                }
                arguments.description = Some(true);
            }
            "anonymously" => arguments.field("anonymous", true),
            "as" => arguments.field("preferredIdentity", words.expect("as whom")?),
            "keeping" => {
                let mut values = Vec::new();
                while !words.skip("private") {
                    values.push(words.expect("what to keep private")?);
                    words.skip("and");
                }
                arguments.field("privacy", values);
            }
            "within" => arguments.field("timeout", read_duration(words)?.as_millis() as u64),
            "staying" => arguments.stays = true,
            "quietly" => arguments.quiet = true,
            other => match other.strip_prefix('(').and_then(|name| name.strip_suffix(')')) {
                Some(name) => deed.call = Some(name.into()),
                None => return Err(format!("what is `{other}`?")),
            },
        }
    }
    let (headers, body) = read_lines(more)?;
    if body.is_some() {
        return Err("only scripted peers bring bodies of their own".into());
    }
    arguments.headers = headers;
    Ok(deed)
}

/// `isfocus`, `+sip.rendering=no`.
fn read_feature(words: &mut Words) -> Result<serde_json::Value> {
    let word = words.expect("a feature")?;
    let (name, value) = word.split_once('=').map_or((&*word, None), |(name, value)| (name, Some(value)));
    Ok(serde_json::json!([[name, value]]))
}

/// `transfer to carol`, `transfer (bob) to (carol)`: a name is somebody to call, one in brackets whom one talks to.
fn read_transfer(deed: &mut Deed, words: &mut Words) -> Result<()> {
    let bare = |word: &str| word.strip_prefix('(').and_then(|name| name.strip_suffix(')')).map(str::to_owned);
    if let Some(name) = words.peek().and_then(|word| bare(&word)) {
        deed.call = Some(name);
        words.next();
    }
    words.take_all(&["to"])?;
    let target = words.expect("whom to")?;
    match bare(&target) {
        Some(name) => {
            deed.action = "transferTo".into();
            deed.arguments.other = Some(name);
        }
        None => deed.arguments.targets.push(target),
    }
    Ok(())
}

// ---- what agents see

fn read_sight(who: Vec<usize>, words: &mut Words, maybe: bool) -> Result<What> {
    if let Some(action) = words.peek()
        && let Some(kind) = words.peek_at(1)
        && is_action(&action)
        && matches!(kind.as_str(), "done" | "fail")
    {
        words.next();
        words.next();
        let mut expected = Pattern::new(if kind == "done" { "done" } else { "failed" });
        while let Some(word) = words.next() {
            expected = match word.as_str() {
                "with" if words.skip("feature") => expected.with("feature", words.expect("a feature")?),
                "with" if words.is_quoted() => expected.with("bindings", words.quoted()?),
                "with" => expected,
                word if word.parse::<u16>().is_ok() => expected.with("status", word),
                "sendrecv" | "sendonly" | "recvonly" | "inactive" => expected.with("sdp", word),
                kind => expected.with("error", kind),
            };
        }
        return Ok(What::Outcome { who, action, expected });
    }
    let event = read_event(words)?;
    let mut call = None;
    if let Some(word) = words.next() {
        let name = word.strip_prefix('(').and_then(|name| name.strip_suffix(')'));
        call = Some(name.ok_or_else(|| format!("what is `{word}`?"))?.to_owned());
    }
    Ok(What::See { who, call, event, maybe })
}

fn read_event(words: &mut Words) -> Result<Pattern> {
    let kind = words.expect("what")?;
    Ok(match kind.as_str() {
        "incoming" => {
            words.take_all(&["from"])?;
            let mut event = Pattern::new("incoming").with("from", words.expect("from whom")?);
            if words.skip("known") {
                words.take_all(&["as"])?;
                event = event.with("shown", words.expect("as whom")?);
            }
            if words.skip("anonymously") {
                event = event.with("anonymous", "true");
            }
            if words.skip("diverted") {
                words.take_all(&["by"])?;
                event = event.with("diverter", words.expect("by whom")?);
            }
            let event = read_description(event, words)?;
            if words.skip("to") {
                words.take_all(&["join", "the", "call", "with"])?;
                return Ok(event.with("joins", words.expect("with whom")?));
            }
            if !words.skip("in") {
                return Ok(event);
            }
            words.take_all(&["place", "of", "the", "call", "with"])?;
            event.with("replaces", words.expect("with whom")?)
        }
        "ringing" => read_description(Pattern::new("progress").with("status", "180"), words)?,
        "early" => {
            words.take_all(&["media"])?;
            Pattern::new("progress").with("sdp", "any")
        }
        "progress" => {
            let event = Pattern::new("progress").with("status", words.expect("a status")?);
            read_description(event, words)?
        }
        "redirected" => {
            words.take_all(&["to"])?;
            let event = Pattern::new("redirected").with("to", words.expect("whom to")?);
            match words.peek().filter(|word| word.parse::<u16>().is_ok()) {
                Some(status) => {
                    words.next();
                    event.with("status", status)
                }
                None => event,
            }
        }
        "identity" => {
            let mut event = Pattern::new("identity").with("shown", words.expect("whose")?);
            for source in ["claimed", "asserted"] {
                if words.skip(source) {
                    event = event.with("source", source);
                }
            }
            if words.skip("instead") {
                words.take_all(&["of"])?;
                event = event.with("previous", words.expect("of whom")?);
            }
            event
        }
        "established" => Pattern::new("established"),
        "recovered" => Pattern::new("recovered"),
        "offer" => read_direction(Pattern::new("offer").with("sdp", "any"), words),
        "request" => {
            words.take_all(&["for", "an", "offer"])?;
            Pattern::new("offer").with("sdp", "none")
        }
        "holding" if words.peek().as_deref() == Some("and") => {
            words.take_all(&["and", "held"])?;
            Pattern::new("hold").with("local", "true").with("remote", "true")
        }
        "holding" => Pattern::new("hold").with("local", "true").with("remote", "false"),
        "held" => Pattern::new("hold").with("local", "false").with("remote", "true"),
        "no" => {
            words.take_all(&["hold"])?;
            Pattern::new("hold").with("local", "false").with("remote", "false")
        }
        "transfer" => match words.expect("accepted, a status, request, untold or expired")?.as_str() {
            "accepted" => Pattern::new("transfer accepted"),
            "untold" => Pattern::new("transferred").with("status", "none"),
            "expired" => Pattern::new("transfer expired"),
            "request" => {
                words.take_all(&["to"])?;
                let event = Pattern::new("transfer request").with("to", words.expect("whom to")?);
                if words.skip("in") {
                    words.take_all(&["place", "of", "another", "call"])?;
                    event.with("replaces", "true")
                } else {
                    event.with("replaces", "false")
                }
            }
            status => Pattern::new("transfer progress").with("status", status),
        },
        "transferred" => Pattern::new("transferred").with("status", words.expect("a status")?),
        "not" => {
            words.take_all(&["transferred"])?;
            let event = Pattern::new("not transferred");
            match words.expect("a status, or with which error")?.as_str() {
                "with" => event.with("error", words.expect("which error")?),
                status => event.with("status", status),
            }
        }
        "dtmf" => Pattern::new("dtmf").with("tone", words.expect("a digit")?),
        "info" => Pattern::new("info").with("type", words.expect("a type")?).with("body", words.quoted()?),
        "message" => {
            words.take_all(&["from"])?;
            Pattern::new("message").with("from", words.expect("from whom")?).with("body", words.quoted()?)
        }
        "registered" => {
            let mut event = Pattern::new("registered");
            if words.skip("for") {
                event = event.with("expires", words.expect("seconds")?);
                words.take_all(&["s"])?;
            }
            event
        }
        "unregistered" => Pattern::new("unregistered"),
        "registration" => {
            words.take_all(&["failed"])?;
            let mut event = Pattern::new("registration failed");
            if let Some(word) = words.next() {
                let name = if word.parse::<u16>().is_ok() { "status" } else { "error" };
                event = event.with(name, word);
            }
            event
        }
        "credentials" => {
            words.take_all(&["needed"])?;
            let event = Pattern::new("credentials needed");
            match words.next() {
                Some(why) => event.with("why", why),
                None => event,
            }
        }
        "connected" => Pattern::new("connected"),
        "disconnected" => Pattern::new("disconnected"),
        "malformed" => Pattern::new("malformed"),
        "ended" => read_end(words)?,
        other => match events::read_event(other, words)? {
            Some(event) => event,
            None => return Err(format!("`{other}` is nothing to see")),
        },
    })
}

fn read_end(words: &mut Words) -> Result<Pattern> {
    words.take_all(&["by"])?;
    let by = words.expect("local, remote or network")?;
    if !["local", "remote", "network"].contains(&by.as_str()) {
        return Err(format!("`{by}`? local, remote or network"));
    }
    let mut event = Pattern::new("ended").with("by", by);
    if words.is_quoted() {
        return Ok(event.with("reason", words.quoted()?));
    }
    while let Some(word) = words.peek() {
        if word.parse::<u16>().is_ok() {
            event = event.with("status", word);
        } else if word == "with" {
            words.next();
            event = event.with("error", words.peek().ok_or("with which error?")?);
        } else if word == "because" {
            words.next();
            let protocol = words.expect("SIP or Q.850")?;
            event = event.with("cause", format!("{protocol} {}", words.peek().ok_or("which cause?")?));
        } else {
            break;
        }
        words.next();
        if words.is_quoted() {
            event = event.with("reason", words.quoted()?);
        }
    }
    Ok(event)
}

/// `with offer`, `without offer`, `with early media`, each with a direction.
fn read_description(event: Pattern, words: &mut Words) -> Result<Pattern> {
    if words.skip("without") {
        words.take_all(&["offer"])?;
        return Ok(event.with("sdp", "none"));
    }
    if !words.skip("with") {
        return Ok(event);
    }
    match words.expect("offer or early media")?.as_str() {
        "offer" => {}
        "early" => words.take_all(&["media"])?,
        other => return Err(format!("with {other}? offer or early media")),
    }
    Ok(read_direction(event.with("sdp", "any"), words))
}

fn read_direction(event: Pattern, words: &mut Words) -> Pattern {
    for direction in DIRECTIONS {
        if words.skip(direction) {
            return event.with("sdp", direction);
        }
    }
    event
}

const DIRECTIONS: [&str; 4] = ["sendrecv", "sendonly", "recvonly", "inactive"];

// ---- what passes on the wire

fn read_wire(who: usize, sends: bool, never: bool, words: &mut Words, more: &[&str]) -> Result<Wire> {
    let label = read_label(words)?;
    let again = words.skip("again");
    let mut lines = Vec::new();
    for line in more {
        match line.strip_prefix("no ") {
            Some(name) => lines.push((name.trim().to_owned(), None)),
            None => {
                let (name, value) = line.split_once(':').ok_or("`Name: what it looks like`, or `no Name`")?;
                lines.push((name.trim().to_owned(), Some(value.trim().to_owned())));
            }
        }
    }
    Ok(Wire { who, sends, label, never, again, lines })
}

/// `INVITE`, `180`, `200 to BYE`.
fn read_label(words: &mut Words) -> Result<String> {
    let mut label = words.expect("a message")?;
    if label.parse::<u16>().is_ok() && words.skip("to") {
        label = format!("{label} {}", words.expect("a method")?);
    }
    Ok(label)
}

fn read_send(who: usize, words: &mut Words, more: &[&str]) -> Result<Send> {
    words.take_all(&["send"])?;
    let what = words.expect("what")?;
    let what = if what == "again" {
        Sent::Again
    } else if what == "pong" {
        Sent::Pong
    } else if let Ok(status) = what.parse() {
        let method = if words.skip("to") { Some(words.expect("a method")?) } else { None };
        Sent::Response(status, method)
    } else {
        let to = if words.skip("to") { Some(words.expect("whom")?) } else { None };
        Sent::Request(what, to)
    };
    let (mut description, mut offers, mut tag) = (None, false, None);
    while let Some(word) = words.next() {
        match word.as_str() {
            "with" => match words.expect("what")?.as_str() {
                kind @ ("offer" | "answer" | "media") => {
                    offers = kind == "offer";
                    let direction = DIRECTIONS.into_iter().find(|direction| words.skip(direction));
                    description = Some(direction.unwrap_or("sendrecv").to_owned());
                }
                "tag" => tag = Some(words.expect("a tag")?),
                "the" => {
                    words.take_all(&["same", "description"])?;
                    description = Some("same".to_owned());
                }
                other => return Err(format!("with {other}? offer, answer, media, the same description or tag")),
            },
            "," | "and" => {}
            other => return Err(format!("what is `{other}`?")),
        }
    }
    let (lines, body) = read_lines(more)?;
    Ok(Send { who, what, description, offers, tag, lines, body })
}

/// Header lines, then perhaps an empty one and a body.
fn read_lines(more: &[&str]) -> Result<(Lines, Option<String>)> {
    let mut lines = Vec::new();
    let mut more = more.iter();
    for line in more.by_ref() {
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or("a header line is `Name: value`")?;
        lines.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    let body: Vec<&str> = more.copied().collect();
    Ok((lines, (!body.is_empty()).then(|| body.join("\r\n"))))
}

// ---- what the network does

fn read_fault(scenario: &Scenario, words: &mut Words) -> Result<Fault> {
    let role = |words: &mut Words| {
        let name = words.expect("whom")?;
        scenario.role(&name).ok_or_else(|| format!("who is {name}?"))
    };
    let flying = |words: &mut Words| -> Result<Flying> {
        let label = read_label(words)?;
        words.take_all(&["from"])?;
        Ok(Flying { from: role(words)?, label })
    };
    Ok(match words.expect("what it does")?.as_str() {
        "loses" => {
            let flying = flying(words)?;
            let times = match words.next().as_deref() {
                None | Some("once") => 1,
                Some("twice") => 2,
                Some(number) => {
                    words.take_all(&["times"])?;
                    number.parse().map_err(|_| format!("how often is `{number}`?"))?
                }
            };
            Fault::Loses(flying, times)
        }
        "delays" => {
            let flying = flying(words)?;
            words.take_all(&["by"])?;
            Fault::Delays(flying, read_duration(words)?)
        }
        "doubles" => Fault::Doubles(flying(words)?),
        "cuts" => {
            words.take_all(&["off"])?;
            Fault::CutsOff(role(words)?)
        }
        "rejoins" => Fault::Rejoins(role(words)?),
        "breaks" => {
            words.take_all(&["the"])?;
            let which = ["first", "second"].into_iter().position(|which| words.skip(which));
            words.take_all(&["connection", "of"])?;
            Fault::Breaks(role(words)?, which)
        }
        other => return Err(format!("the network cannot `{other}`")),
    })
}
