//! What agents do.

use super::super::events;
use super::super::script::{Arguments, Deed};
use super::super::words::Words;
use super::wire::read_lines;
use super::{Result, read_duration};

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

pub(super) fn is_action(word: &str) -> bool {
    ACTIONS.contains(&word) || events::ACTIONS.contains(&word)
}

pub(super) fn read_deed(who: usize, words: &mut Words, more: &[&str]) -> Result<Deed> {
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
