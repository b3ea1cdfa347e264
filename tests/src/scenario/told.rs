//! Notifications as what a scenario speaks of.

use serde_json::Value;

use super::script::Pattern;

/// What a notification means to a scenario.
#[derive(Clone, Debug)]
pub(super) enum Told {
    /// Something a line may speak of.
    Event { call: Option<u64>, event: Pattern },
    /// The answer to a command.
    Outcome { id: u64, outcome: Pattern },
    /// The other side offers anew.
    Offer { call: u64, event: Pattern },
    /// A message passed.
    Message { sent: bool, text: String },
    /// Nothing follows.
    Stopped,
    /// A step on the way that no line speaks of.
    Nothing,
}

impl Told {
    pub(super) fn read(notification: &Value) -> Told {
        let call = notification["call"].as_u64();
        let event = |event| Told::Event { call, event };
        let sdp = &notification["sdp"];
        match notification["type"].as_str().unwrap_or_default() {
            "result" => Told::Outcome { id: id(notification), outcome: result(&notification["value"]) },
            "error" => {
                let outcome = with_error(Pattern::new("failed"), &notification["error"]);
                Told::Outcome { id: id(notification), outcome }
            }
            "transport" => match text(&notification["state"]).as_str() {
                "connected" => event(Pattern::new("connected")),
                "disconnected" => event(Pattern::new("disconnected")),
                _ => Told::Nothing,
            },
            "registration" => match text(&notification["state"]).as_str() {
                "registered" => event(Pattern::new("registered").with("expires", notification["expires"].to_string())),
                "unregistered" => event(Pattern::new("unregistered")),
                "failed" => event(with_error(Pattern::new("registration failed"), &notification["error"])),
                _ => Told::Nothing,
            },
            "incoming" => {
                let from = user(&notification["from"]["uri"]);
                let pattern = with_identity(Pattern::new("incoming").with("from", from), &notification["identity"]);
                let diverter = &notification["diversions"][0]["diverter"]["uri"];
                event(with_sdp(pattern.with("diverter", user(diverter)), sdp))
            }
            "state" if notification["state"] == "established" => event(Pattern::new("established")),
            "progress" => {
                let status = notification["status"].to_string();
                event(with_sdp(Pattern::new("progress").with("status", status), sdp))
            }
            "redirected" => {
                let pattern = Pattern::new("redirected").with("to", user(&notification["target"]));
                event(pattern.with("status", notification["status"].to_string()))
            }
            "recovered" => event(Pattern::new("recovered")),
            "identity" => {
                let previous = user(&notification["previous"]["shown"]["uri"]);
                let pattern = Pattern::new("identity").with("previous", previous);
                event(with_identity(pattern, &notification["identity"]))
            }
            "offer" => Told::Offer { call: call.unwrap_or_default(), event: with_sdp(Pattern::new("offer"), sdp) },
            "hold" => {
                let pattern = Pattern::new("hold").with("local", notification["local"].to_string());
                event(pattern.with("remote", notification["remote"].to_string()))
            }
            "info" if notification["dtmf"].is_object() => {
                event(Pattern::new("dtmf").with("tone", text(&notification["dtmf"]["tone"])))
            }
            "info" => {
                let pattern = Pattern::new("info").with("type", text(&notification["contentType"]));
                event(pattern.with("body", text(&notification["body"])))
            }
            "message" => {
                let pattern = Pattern::new("message").with("from", user(&notification["from"]["uri"]));
                event(pattern.with("body", text(&notification["body"])))
            }
            "credentialsNeeded" => event(Pattern::new("credentials needed").with("why", text(&notification["why"]))),
            "transferAccepted" => event(Pattern::new("transfer accepted")),
            "transferExpired" => event(Pattern::new("transfer expired")),
            "transferProgress" => {
                event(Pattern::new("transfer progress").with("status", notification["status"].to_string()))
            }
            "transferDone" if notification["error"].is_null() => {
                let status = notification["status"].as_u64().map_or("none".to_owned(), |status| status.to_string());
                event(Pattern::new("transferred").with("status", status))
            }
            "transferDone" => event(with_error(Pattern::new("not transferred"), &notification["error"])),
            "transferRequest" => {
                let pattern = Pattern::new("transfer request").with("to", user(&notification["target"]["uri"]));
                event(pattern.with("replaces", notification["replaces"].to_string()))
            }
            "ended" => event(end(&notification["end"])),
            "malformed" => event(Pattern::new("malformed")),
            "trace" => Told::Message { sent: notification["direction"] == "out", text: text(&notification["text"]) },
            "stopped" => Told::Stopped,
            _ => super::events::told(notification).map_or(Told::Nothing, |event| Told::Event { call: None, event }),
        }
    }
}

/// Whether what was told is what a line asks for.
pub(super) fn fits(told: &Pattern, asked: &Pattern) -> bool {
    let attribute = |(name, value): (&&'static str, &String)| match told.attributes.get(name) {
        // Some description, whatever it says; the runner has looked whose it is.
        Some(sdp) if *name == "sdp" && value == "any" => sdp != "none",
        Some(found) => found == value,
        None => false,
    };
    told.kind == asked.kind && asked.attributes.iter().all(attribute)
}

fn result(value: &Value) -> Pattern {
    let mut pattern = Pattern::new("done");
    for (key, name) in [("status", "status"), ("expires", "expires"), ("call", "call")] {
        if let Some(number) = value[key].as_u64() {
            pattern = pattern.with(name, number.to_string());
        }
    }
    if let Some(bindings) = value["bindings"].as_array() {
        let uris: Vec<String> = bindings.iter().map(|binding| text(&binding["uri"])).collect();
        pattern = pattern.with("bindings", uris.join(" "));
    }
    for feature in value["features"].as_array().into_iter().flatten() {
        pattern = pattern.with("feature", text(&feature[0]));
    }
    if value.get("sdp").is_some() {
        pattern = with_sdp(pattern, &value["sdp"]);
    }
    pattern
}

fn end(end: &Value) -> Pattern {
    let mut pattern = Pattern::new("ended").with("by", text(&end["by"])).with("reason", text(&end["reason"]));
    if let Some(status) = end["status"].as_u64() {
        pattern = pattern.with("status", status.to_string());
    }
    if let Some(protocol) = end["cause"]["protocol"].as_str() {
        pattern = pattern.with("cause", format!("{protocol} {}", end["cause"]["cause"]));
    }
    if let Some(kind) = end["error"]["kind"].as_str() {
        pattern = pattern.with("error", kind);
    }
    pattern
}

/// Who somebody is, by what matters of it.
fn with_identity(pattern: Pattern, identity: &Value) -> Pattern {
    let source = if identity["source"] == "claimed" { "claimed" } else { "asserted" };
    let pattern = pattern.with("shown", user(&identity["shown"]["uri"])).with("source", source);
    pattern.with("anonymous", identity["anonymous"].to_string())
}

fn with_error(pattern: Pattern, error: &Value) -> Pattern {
    let mut pattern = pattern.with("error", text(&error["kind"]));
    if let Some(status) = error["status"].as_u64() {
        pattern = pattern.with("status", status.to_string());
    }
    pattern
}

/// A description by what matters of it: its direction.
fn with_sdp(pattern: Pattern, sdp: &Value) -> Pattern {
    match sdp.as_str() {
        None => pattern.with("sdp", "none"),
        Some(sdp) => pattern.with("sdp", super::sdp::direction(sdp)),
    }
}

fn id(notification: &Value) -> u64 {
    notification["id"].as_u64().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The user part of a URI.
pub(super) fn user(uri: &Value) -> String {
    let uri = uri.as_str().unwrap_or_default();
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    rest.split_once('@').map_or(rest, |(user, _)| user).to_owned()
}
