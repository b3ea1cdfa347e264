//! What scenarios say of subscriptions and publications.

use serde_json::{Value, json};

use super::documents;
use super::script::{Arguments, Pattern};
use super::told::user;
use super::words::Words;

/// The actions, by the names of the API.
pub(super) const ACTIONS: [&str; 10] = [
    "subscribe",
    "unsubscribe",
    "refreshSubscription",
    "acceptSubscription",
    "rejectSubscription",
    "notify",
    "terminateSubscription",
    "publish",
    "updatePublication",
    "removePublication",
];

/// Reads what an action takes; false: it is none of these.
pub(super) fn read_deed(action: &str, words: &mut Words, arguments: &mut Arguments) -> Result<bool, String> {
    match action {
        "subscribe" => {
            words.take_all(&["to"])?;
            arguments.field("event", words.expect("an event package")?);
            words.take_all(&["of"])?;
            arguments.targets.push(words.expect("whose")?);
        }
        "publish" => {
            arguments.field("event", words.expect("an event package")?);
            read_body(words, arguments)?;
        }
        "notify" | "updatePublication" => read_body(words, arguments)?,
        "rejectSubscription" => arguments.status = Some(words.number()?),
        "terminateSubscription" if words.is_quoted() => arguments.field("reason", words.quoted()?),
        "unsubscribe"
        | "refreshSubscription"
        | "acceptSubscription"
        | "terminateSubscription"
        | "removePublication" => {}
        _ => return Ok(false),
    }
    while let Some(word) = words.next() {
        match word.as_str() {
            "for" => {
                arguments.field("expires", words.number::<u32>()?);
                words.take_all(&["s"])?;
            }
            "once" => arguments.field("expires", 0),
            "pending" => arguments.field("pending", true),
            "with" => read_body(words, arguments)?,
            "without" => {
                words.take_all(&["forks"])?;
                arguments.field("forks", false);
            }
            "again" => {
                words.take_all(&["after"])?;
                arguments.field("retryAfter", words.number::<u32>()?);
                words.take_all(&["s"])?;
            }
            other => return Err(format!("what is `{other}`?")),
        }
    }
    Ok(true)
}

fn read_body(words: &mut Words, arguments: &mut Arguments) -> Result<(), String> {
    if words.skip("dialog") {
        // The document is written when it is told.
        arguments.field("dialog", words.expect("early, confirmed or terminated")?);
        return Ok(());
    }
    arguments.field("contentType", "text/plain");
    arguments.field("body", words.quoted()?);
    Ok(())
}

/// Reads what is seen; `None`: it is none of these.
pub(super) fn read_event(kind: &str, words: &mut Words) -> Result<Option<Pattern>, String> {
    Ok(Some(match kind {
        "subscribed" => lasting(Pattern::new("subscription").with("state", "active"), words)?,
        "pending" => lasting(Pattern::new("subscription").with("state", "pending"), words)?,
        "waiting" => Pattern::new("subscription").with("state", "waiting"),
        "refreshed" => lasting(Pattern::new("refreshed"), words)?,
        "forked" => Pattern::new("forked"),
        "notice" if words.skip("of") => {
            words.take_all(&["dialog"])?;
            Pattern::new("notice").with("dialog", words.expect("early, confirmed or terminated")?)
        }
        "notice" => Pattern::new("notice").with("body", words.quoted()?),
        "unsolicited" => {
            words.take_all(&["notice", "of"])?;
            Pattern::new("unsolicited").with("package", words.expect("a package")?)
        }
        "subscription" if words.skip("from") => {
            let event = Pattern::new("incomingSubscription").with("from", words.expect("from whom")?);
            words.take_all(&["to"])?;
            event.with("event", words.expect("a package")?)
        }
        "subscription" => {
            words.take_all(&["ended", "by"])?;
            let mut event = Pattern::new("subscriptionEnded").with("by", words.expect("local, remote or network")?);
            if words.is_quoted() {
                event = event.with("reason", words.quoted()?);
            }
            match words.skip("with") {
                true => with_failure(event, words)?,
                false => event,
            }
        }
        "published" => lasting(Pattern::new("publication").with("state", "published"), words)?,
        "publication" => {
            let state = words.expect("lost or ended")?;
            let event = Pattern::new("publication").with("state", state);
            match words.skip("with") {
                true => with_failure(event, words)?,
                false => event,
            }
        }
        _ => return Ok(None),
    }))
}

fn lasting(event: Pattern, words: &mut Words) -> Result<Pattern, String> {
    if !words.skip("for") {
        return Ok(event);
    }
    let event = event.with("expires", words.expect("seconds")?);
    words.take_all(&["s"])?;
    Ok(event)
}

fn with_failure(event: Pattern, words: &mut Words) -> Result<Pattern, String> {
    let word = words.expect("a status or a kind of error")?;
    let name = if word.parse::<u16>().is_ok() { "status" } else { "error" };
    Ok(event.with(name, word))
}

/// What a notification about one of these means; `None`: nothing a line speaks of.
pub(super) fn told(notification: &Value) -> Option<Pattern> {
    let text = |name: &str| notification[name].as_str().unwrap_or_default().to_owned();
    let expires = |pattern: Pattern| match notification["expires"].as_u64() {
        Some(seconds) => pattern.with("expires", seconds.to_string()),
        None => pattern,
    };
    let error = |pattern: Pattern, error: &Value| match (error["kind"].as_str(), error["status"].as_u64()) {
        (Some(kind), Some(status)) => pattern.with("error", kind).with("status", status.to_string()),
        (Some(kind), None) => pattern.with("error", kind),
        _ => pattern,
    };
    Some(match notification["type"].as_str()? {
        "subscription" if matches!(&*text("state"), "active" | "pending" | "waiting") => {
            expires(Pattern::new("subscription").with("state", text("state")))
        }
        "notice" => {
            let pattern = Pattern::new("notice").with("body", text("body")).with("package", text("package"));
            match documents::state(&text("body")) {
                Some(state) if text("contentType") == documents::DIALOG => pattern.with("dialog", state),
                _ => pattern,
            }
        }
        "forked" => Pattern::new("forked"),
        "refreshed" => expires(Pattern::new("refreshed")),
        "subscriptionEnded" => {
            let end = &notification["end"];
            let of = |name: &str| end[name].as_str().unwrap_or_default().to_owned();
            error(Pattern::new("subscriptionEnded").with("by", of("by")).with("reason", of("reason")), &end["error"])
        }
        "incomingSubscription" => {
            let from = user(&notification["from"]["uri"]);
            Pattern::new("incomingSubscription").with("from", from).with("event", text("event"))
        }
        "unsolicited" => Pattern::new("unsolicited").with("package", text("package")).with("body", text("body")),
        "publication" => {
            let pattern = expires(Pattern::new("publication").with("state", text("state")));
            error(pattern, &notification["error"])
        }
        _ => return None,
    })
}

/// The subscriptions and publications of an agent, by number; the last is the youngest.
#[derive(Debug, Default)]
pub(super) struct Known {
    subscriptions: Vec<u64>,
    publications: Vec<u64>,
}

impl Known {
    /// Takes note of what a notification names.
    pub(super) fn learn(&mut self, notification: &Value) {
        let number = |name: &str| notification[name].as_u64().or_else(|| notification["value"][name].as_u64());
        for (name, known) in [
            ("subscription", &mut self.subscriptions),
            ("publication", &mut self.publications),
            ("fork", &mut Vec::new()),
        ] {
            if let Some(number) = number(name).filter(|number| !known.contains(number)) {
                known.push(number);
            }
        }
        // One that is over steps back behind those that are not.
        if notification["type"] == "subscriptionEnded"
            && let Some(at) = self.subscriptions.iter().position(|known| notification["subscription"] == *known)
        {
            let over = self.subscriptions.remove(at);
            self.subscriptions.insert(0, over);
        }
    }

    /// Puts into a command which of them it is about.
    pub(super) fn name(&self, action: &str, command: &mut Value) -> Result<(), String> {
        let (name, known) = match action {
            "subscribe" | "publish" => return Ok(()),
            "updatePublication" | "removePublication" => ("publication", &self.publications),
            _ => ("subscription", &self.subscriptions),
        };
        let number = known.last().ok_or_else(|| format!("there is no {name} yet"))?;
        command[name] = json!(number);
        Ok(())
    }
}
