//! A name in one language is the same name in the other: `snake_case` in Rust, `camelCase` in JavaScript. What is in one
//! alone stands here, with the reason.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A class in JavaScript and the type in Rust that is the same, and where each is written.
struct Pair {
    name: &'static str,
    script: &'static str,
    /// What only Rust has, in Rust's spelling.
    only_rust: &'static [(&'static str, &'static str)],
    /// What only JavaScript has.
    only_script: &'static [(&'static str, &'static str)],
}

const EVENTS: &str = "JavaScript has `on` and `addEventListener`";
const IDS: &str = "JavaScript compares objects";
const MEDIA: &str = "media of a browser; natively they are those of the feature `media`, or the program's own";
const DESCRIPTIONS: &str = "in JavaScript the media handler makes and takes descriptions";
const INVITATION: &str = "in Rust a field of `Call::invitation`";
const REQUEST: &str = "in Rust a field of `IncomingSubscription::request`";

const PAIRS: &[Pair] = &[
    Pair {
        name: "UserAgent",
        script: "user-agent.ts",
        only_rust: &[
            ("new", "drivers make it; JavaScript has `connect`"),
            ("sharded", "a page has one endpoint"),
            ("events", EVENTS),
            ("credentials", "in JavaScript an option of `connect`"),
            ("set_push", "in JavaScript an option of `register`"),
            ("transfer_requests", "a stream; JavaScript has `onTransferRequest`"),
        ],
        only_script: &[
            ("aor", "in Rust the program's own"),
            ("state", "in Rust told by `AgentEvent::Connection`"),
            ("registration", "in Rust told by `AgentEvent::Registration`"),
            ("calls", "in Rust handles are the program's own"),
            ("restored", "a page that was loaded anew; in Rust `restore_call`"),
            ("onTransferRequest", "a listener; Rust has `transfer_requests`"),
        ],
    },
    Pair {
        name: "Call",
        script: "call.ts",
        only_rust: &[
            ("id", IDS),
            ("events", EVENTS),
            ("invitation", "its fields are the call's in JavaScript"),
            ("remote_sdp", DESCRIPTIONS),
            ("accept_offer", DESCRIPTIONS),
            ("reject_offer", DESCRIPTIONS),
            ("trickle", DESCRIPTIONS),
            ("span", "for logs through the crate `tracing`"),
            ("transfer_requests", "a stream; JavaScript has `onTransferRequest`"),
        ],
        only_script: &[
            ("onTransferRequest", "a listener; Rust has `transfer_requests`"),
            ("local", INVITATION),
            ("headers", INVITATION),
            ("trusted", INVITATION),
            ("diversions", INVITATION),
            ("targets", INVITATION),
            ("replaces", INVITATION),
            ("joins", INVITATION),
            ("referredBy", INVITATION),
            ("muted", MEDIA),
            ("isMuted", MEDIA),
            ("mute", MEDIA),
            ("unmute", MEDIA),
            ("offersVideo", MEDIA),
            ("mediaState", MEDIA),
            ("localStream", MEDIA),
            ("remoteStream", MEDIA),
            ("localScreen", MEDIA),
            ("remoteScreen", MEDIA),
            ("replaceAudio", MEDIA),
            ("addVideo", MEDIA),
            ("removeVideo", MEDIA),
            ("shareScreen", MEDIA),
            ("stopScreen", MEDIA),
            ("openDataChannel", MEDIA),
            ("setSpeaker", MEDIA),
            ("play", MEDIA),
            ("stats", MEDIA),
            ("pickUp", MEDIA),
        ],
    },
    Pair {
        name: "Transfer",
        script: "transfer.ts",
        only_rust: &[("id", IDS), ("events", EVENTS)],
        only_script: &[("progress", "in Rust among `Transfer::events`")],
    },
    Pair {
        name: "TransferRequest",
        script: "transfer.ts",
        only_rust: &[("id", IDS)],
        only_script: &[
            ("open", "in Rust `accept` and `reject` say so"),
            ("replaces", "in Rust a field of `TransferRequest::target`"),
        ],
    },
    Pair {
        name: "Subscription",
        script: "subscription.ts",
        only_rust: &[("id", IDS), ("events", EVENTS), ("forks", "in JavaScript the event `forked`")],
        only_script: &[("event", "in Rust the program's own")],
    },
    Pair {
        name: "IncomingSubscription",
        script: "incoming-subscription.ts",
        only_rust: &[("id", IDS), ("events", EVENTS), ("request", "its fields are the subscription's in JavaScript")],
        only_script: &[
            ("from", REQUEST),
            ("to", REQUEST),
            ("package", REQUEST),
            ("event", REQUEST),
            ("expires", REQUEST),
            ("contentType", REQUEST),
            ("body", REQUEST),
            ("headers", REQUEST),
        ],
    },
    Pair {
        name: "Publication",
        script: "publication.ts",
        only_rust: &[("id", IDS), ("states", "a stream; JavaScript has the event `state`")],
        only_script: &[
            ("event", "in Rust the program's own"),
            ("expires", "in Rust among `states`"),
            ("ended", "in Rust the end of `states`"),
        ],
    },
];

#[test]
fn what_one_language_has_the_other_has_by_the_same_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let rust = read_all(&root.join("sip-core/src/agent"));
    let mut wrong = Vec::new();
    for pair in PAIRS {
        let script = fs::read_to_string(root.join("js/src").join(pair.script)).expect("the class");
        let (rust, script) = (methods(&rust, pair.name), members(&script, pair.name));
        assert!(!rust.is_empty() && !script.is_empty(), "{}: {rust:?} {script:?}", pair.name);
        let only_rust: BTreeSet<_> = pair.only_rust.iter().map(|(name, _)| (*name).to_owned()).collect();
        let only_script: BTreeSet<_> = pair.only_script.iter().map(|(name, _)| (*name).to_owned()).collect();
        for name in &rust {
            if script.contains(&camel(name)) == only_rust.contains(name) {
                wrong.push(format!("{}::{name} in Rust", pair.name));
            }
        }
        for name in &script {
            if rust.iter().any(|other| camel(other) == *name) == only_script.contains(name) {
                wrong.push(format!("{}.{name} in JavaScript", pair.name));
            }
        }
        wrong.extend(only_rust.difference(&rust).map(|name| format!("{}::{name}, which is not in Rust", pair.name)));
        wrong.extend(
            only_script.difference(&script).map(|name| format!("{}.{name}, which is not in JavaScript", pair.name)),
        );
    }
    assert!(wrong.is_empty(), "only in one language and not listed here, or listed and in both:\n{}", wrong.join("\n"));
}

fn read_all(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        text += &fs::read_to_string(entry.expect("readable").path()).expect("text");
    }
    text
}

/// The public functions of a type: those in its own `impl` blocks, as rustfmt writes them.
fn methods(source: &str, name: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for block in source.split(&format!("\nimpl {name} {{\n")).skip(1) {
        let block = block.split("\n}\n").next().unwrap_or_default();
        for line in block.lines() {
            let line = line.strip_prefix("    pub async fn ").or_else(|| line.strip_prefix("    pub fn "));
            found.extend(line.map(word));
        }
    }
    found
}

/// The public members of a class; those marked as internal are not.
fn members(source: &str, name: &str) -> BTreeSet<String> {
    let class = source.split(&format!("\nexport class {name} ")).nth(1).unwrap_or_default();
    let class = class.split("\n}\n").next().unwrap_or_default();
    let mut found = BTreeSet::new();
    let mut internal = false;
    for line in class.lines() {
        let Some(line) = line.strip_prefix("  ").filter(|line| !line.starts_with(' ')) else { continue };
        if line.starts_with("/**") {
            internal = line.contains("@internal");
            continue;
        }
        let mut rest = line;
        for word in ["readonly ", "static ", "async ", "get "] {
            rest = rest.strip_prefix(word).unwrap_or(rest);
        }
        let member = word(rest);
        let after = &rest[member.len()..];
        if !internal && !member.is_empty() && member != "constructor" && after.starts_with(['(', ':', '<', ' ']) {
            let declared = after.starts_with(['(', '<']) || line.starts_with("readonly ");
            found.extend(declared.then_some(member));
        }
        if !line.starts_with('*') {
            internal = false;
        }
    }
    found
}

fn word(line: &str) -> String {
    line.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}
