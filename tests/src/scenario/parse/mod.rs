//! Reads a scenario. The language is described in `tests/scenarios/README.md`.

mod deed;
mod sight;
mod wire;

use std::time::Duration;

use super::script::{Part, Role, Runtime, Scenario, Settings, Step, What};
use super::words::{Words, duration};
use deed::read_deed;
use sight::read_sight;
use wire::{read_fault, read_send, read_wire};

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

const DIRECTIONS: [&str; 4] = ["sendrecv", "sendonly", "recvonly", "inactive"];
