//! What agents see.

use super::super::events;
use super::super::script::{Pattern, What};
use super::super::words::Words;
use super::deed::is_action;
use super::{DIRECTIONS, Result};

pub(super) fn read_sight(who: Vec<usize>, words: &mut Words, maybe: bool) -> Result<What> {
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
