//! Plain messages (`offhook_core::control`): every command is answered once, with what `js/src/protocol/` knows alone.

use std::time::Duration;

use offhook_core::control::{AgentConfig, Command, Control, ErrorValue};
use offhook_tests::endpoint::{ANSWER, OFFER};
use offhook_tests::net::{Conditions, Network, Node};
use serde_json::{Value, json};

use super::protocol::{Names, commands, exported, keys, told, union};

struct Agents {
    net: Network,
    alice: Node<Control>,
    bob: Node<Control>,
    next: u32,
    /// What was asked of whom, and has to be answered once.
    asked: Vec<(Node<Control>, u32, String)>,
}

impl Agents {
    fn new() -> Agents {
        let mut net = Network::new(1, Conditions::default());
        let agent = |name: &str, seed: u8| {
            let mut config = AgentConfig::new(name);
            config.trace = true;
            config.packages = vec!["presence".into()];
            Control::new(config, [seed; 32]).expect("an agent")
        };
        let alice = net.add("alice", agent("sip:alice@10.0.0.1", 1));
        let bob = net.add("bob", agent("sip:bob@10.0.0.2", 2));
        net.bind_udp(alice, 5060);
        net.bind_udp(bob, 5060);
        Agents { net, alice, bob, next: 0, asked: Vec::new() }
    }

    /// Gives a command as JSON and runs for a while.
    fn ask(&mut self, node: Node<Control>, mut command: Value) -> u32 {
        self.next += 1;
        let id = self.next;
        command["id"] = id.into();
        self.asked.push((node, id, command["type"].as_str().expect("a type").to_owned()));
        let command = Command::from_json(&command.to_string()).expect("a command");
        self.net.with(node, |control, now| control.command(now, command));
        self.net.run_for(Duration::from_millis(100));
        id
    }

    fn said(&self, node: Node<Control>) -> Vec<Value> {
        self.net.events(node).iter().map(|(_, notification)| told(notification)).collect()
    }

    fn answers(&self, node: Node<Control>, id: u32) -> Vec<Value> {
        let answers = |value: &Value| matches!(value["type"].as_str(), Some("result" | "error")) && value["id"] == id;
        self.said(node).into_iter().filter(answers).collect()
    }

    /// The one answer to a command.
    #[track_caller]
    fn answer(&self, node: Node<Control>, id: u32) -> Value {
        let answers = self.answers(node, id);
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers[0].clone()
    }
}

#[test]
fn every_command_is_answered_once() {
    let mut agents = Agents::new();
    let (alice, bob) = (agents.alice, agents.bob);
    // In a life that needs every command, in states where they work ...
    agents.ask(alice, json!({ "type": "connect" }));
    agents.ask(alice, json!({ "type": "register" }));
    agents.ask(alice, json!({ "type": "unregister" }));
    agents.ask(alice, json!({ "type": "options", "target": "sip:bob@10.0.0.2" }));
    let text = json!({ "type": "message", "target": "sip:bob@10.0.0.2", "contentType": "text/plain", "body": "hi" });
    agents.ask(alice, text);
    let target = "sip:bob@10.0.0.2";
    for last in ["reject", "redirect", "answer"] {
        agents.ask(alice, json!({ "type": "call", "target": target, "sdp": OFFER, "headers": [["X-A", "1"]] }));
        let call =
            agents.said(bob).iter().rev().find(|value| value["type"] == "incoming").expect("a call")["call"].clone();
        agents.ask(bob, json!({ "type": "ring", "call": call }));
        agents.ask(bob, json!({ "type": last, "call": call, "sdp": ANSWER, "contacts": ["sip:carol@10.0.0.3"] }));
    }
    let id = agents.ask(alice, json!({ "type": "inspect", "call": 3 }));
    let snapshot = agents.answer(alice, id)["value"].clone();
    assert_eq!((&snapshot["state"], &snapshot["direction"]), (&json!("established"), &json!("outgoing")));
    assert_eq!(snapshot["history"][0], json!({ "at": 1100, "state": "calling", "cause": "INVITE sent" }));
    let id = agents.ask(alice, json!({ "type": "inspectDialogs" }));
    let dialogs = agents.answer(alice, id)["value"]["dialogs"].clone();
    assert_eq!((&dialogs[0]["call"], &dialogs[0]["state"]), (&json!(3), &json!("confirmed")));
    assert_eq!(dialogs[0]["history"][1]["cause"], "200 OK heard");
    let id = agents.ask(bob, json!({ "type": "inspectTransactions" }));
    let transactions = agents.answer(bob, id)["value"]["transactions"].clone();
    let mut invites = transactions.as_array().expect("a list").iter().filter(|entry| entry["method"] == "INVITE");
    let last = invites.next_back().expect("that of the call");
    assert_eq!((&last["role"], &last["call"], &last["state"]), (&json!("server"), &json!(3), &json!("accepted")));
    assert_eq!(last["history"][0]["cause"], "request");
    for (ours, theirs) in
        [("hold", "acceptOffer"), ("resume", "rejectOffer"), ("renegotiate", "acceptOffer"), ("update", "acceptOffer")]
    {
        agents.ask(alice, json!({ "type": ours, "call": 3, "sdp": OFFER }));
        agents.ask(bob, json!({ "type": theirs, "call": 3, "sdp": ANSWER }));
    }
    agents.ask(alice, json!({ "type": "info", "call": 3, "contentType": "text/plain", "body": "x" }));
    agents.ask(bob, json!({ "type": "dtmf", "call": 3, "tone": "5" }));
    for (last, transfer) in [("rejectTransfer", 1), ("acceptTransfer", 2)] {
        agents.ask(alice, json!({ "type": "transfer", "call": 3, "target": target, "hangUp": false, "follow": true }));
        agents.ask(bob, json!({ "type": last, "transfer": transfer, "sdp": OFFER, "status": 603 }));
    }
    agents.ask(alice, json!({ "type": "refer", "target": target, "referTo": "sip:carol@10.0.0.3", "timeout": 1000 }));
    agents.ask(alice, json!({ "type": "hangup", "call": 3, "reason": "SIP;cause=200" }));
    agents.ask(alice, json!({ "type": "hangup", "call": 3 }));
    // ... and each once more with nothing, and for a call that is not there.
    for kind in commands().keys().filter(|kind| *kind != "shutdown") {
        agents.ask(alice, json!({ "type": kind }));
        let all = json!({
            "type": kind, "call": 77, "target": "sip:x@192.0.2.200", "sdp": "", "contentType": "text/plain", "body": "",
            "subscription": 77, "publication": 77, "event": "presence", "tone": "12", "contacts": [], "status": 99,
        });
        agents.ask(alice, all);
    }
    agents.ask(bob, json!({ "type": "call", "target": "sip:nobody@192.0.2.200" }));
    agents.ask(bob, json!({ "type": "shutdown", "deadline": 500 }));
    agents.ask(alice, json!({ "type": "shutdown" }));
    agents.net.run_until_idle();
    let asked: Names = agents.asked.iter().map(|(_, _, kind)| kind.clone()).collect();
    assert_eq!(asked, commands().keys().cloned().collect(), "no command is left out");
    for (node, id, kind) in &agents.asked {
        let answers = agents.answers(*node, *id);
        assert_eq!(answers.len(), 1, "{kind} {id}: {answers:?}");
    }
    for node in [alice, bob] {
        assert_eq!(agents.said(node).last().expect("something")["type"], "stopped", "nothing follows");
    }
}

#[test]
fn calls_are_kept_and_go_on() {
    let mut agents = Agents::new();
    let (alice, bob) = (agents.alice, agents.bob);
    agents.ask(alice, json!({ "type": "call", "target": "sip:bob@10.0.0.2", "sdp": OFFER }));
    agents.ask(bob, json!({ "type": "answer", "call": 1, "sdp": ANSWER }));
    let id = agents.ask(alice, json!({ "type": "saveCall", "call": 1 }));
    let saved = agents.answer(alice, id)["value"]["saved"].clone();
    assert!(agents.said(alice).iter().all(|value| value["type"] != "saved"), "nobody wanted to know");
    let mut config = AgentConfig::new("sip:alice@10.0.0.3");
    config.keep_calls = true;
    let again = agents.net.add("again", Control::new(config, [7; 32]).expect("a configuration"));
    agents.net.bind_udp(again, 5060);
    agents.net.isolate(alice);
    let id = agents.ask(again, json!({ "type": "restoreCall", "saved": saved }));
    let answer = agents.answer(again, id)["value"].clone();
    assert_eq!(answer, json!({ "call": 1, "callId": saved["callId"] }));
    agents.ask(again, json!({ "type": "renegotiate", "call": 1, "sdp": OFFER }));
    agents.ask(bob, json!({ "type": "acceptOffer", "call": 1, "sdp": ANSWER }));
    let kept = |agents: &Agents| -> Vec<Value> {
        agents
            .said(again)
            .into_iter()
            .filter(|value| value["type"] == "saved")
            .map(|value| value["saved"].clone())
            .collect()
    };
    let told = kept(&agents);
    assert!(told.len() > 1, "when it was restored, and when it went on");
    let number = |value: &Value| value["localCseq"].as_u64();
    assert!(number(&told[told.len() - 1]) > number(&told[0]) && number(&told[0]) > number(&saved));
    agents.ask(again, json!({ "type": "options", "target": "sip:bob@10.0.0.2" }));
    assert_eq!(kept(&agents), told, "told once");
    agents.ask(bob, json!({ "type": "hangup", "call": 1 }));
    assert_eq!(agents.said(again).last().map(|value| value["type"].clone()), Some(json!("ended")));
}

#[test]
fn what_was_said_has_only_what_the_protocol_knows() {
    let mut agents = Agents::new();
    let (alice, bob) = (agents.alice, agents.bob);
    agents.ask(alice, json!({ "type": "call", "target": "sip:bob@10.0.0.2", "sdp": OFFER }));
    agents.ask(bob, json!({ "type": "ring", "call": 1, "sdp": ANSWER }));
    agents.ask(bob, json!({ "type": "answer", "call": 1, "sdp": ANSWER }));
    agents.ask(bob, json!({ "type": "hangup", "call": 1, "reason": "Q.850;cause=16;text=\"done\"" }));
    let known = union(&exported("Notification"), "type");
    for value in agents.said(alice).into_iter().chain(agents.said(bob)) {
        let kind = value["type"].as_str().expect("a type");
        let mut names = keys(&value);
        names.remove("type");
        assert_eq!(Some(&names), known.get(kind), "{value}");
    }
    let ended = agents.said(alice).into_iter().find(|value| value["type"] == "ended").expect("an end");
    let cause = json!({ "protocol": "Q.850", "cause": 16, "text": "done" });
    let end = json!({ "by": "remote", "status": 200, "reason": "BYE received", "cause": cause, "error": null });
    assert_eq!(ended["end"], end);
}

#[test]
fn subscriptions_go_by_plain_messages() {
    let mut agents = Agents::new();
    let (alice, bob) = (agents.alice, agents.bob);
    let target = "sip:bob@10.0.0.2";
    let subscribe = json!({ "type": "subscribe", "target": target, "event": "presence", "expires": 600 });
    let id = agents.ask(alice, subscribe);
    assert_eq!(agents.answer(alice, id)["value"], json!({ "subscription": 1 }));
    let body = "Messages-Waiting: yes\r\nVoice-Message: 2/8\r\n";
    let content_type = "application/simple-message-summary";
    let first = json!({
        "type": "acceptSubscription", "subscription": 1, "expires": 300, "contentType": content_type, "body": body,
    });
    for (node, command) in [
        (bob, first),
        (bob, json!({ "type": "notify", "subscription": 1, "contentType": "text/plain", "body": "away" })),
        (alice, json!({ "type": "refreshSubscription", "subscription": 1 })),
        (alice, json!({ "type": "unsubscribe", "subscription": 1 })),
        (alice, json!({ "type": "unsubscribe", "subscription": 1 })),
        (bob, json!({ "type": "terminateSubscription", "subscription": 1 })),
    ] {
        let id = agents.ask(node, command);
        assert_eq!(agents.answer(node, id)["value"], Value::Null);
    }
    let told = |node, kind: &str| {
        let values = agents.said(node).into_iter().filter(|value| value["type"] == kind);
        values.collect::<Vec<Value>>()
    };
    let counts = json!([{ "class": "Voice-Message", "new": 2, "old": 8 }]);
    let notices = told(alice, "notice");
    assert_eq!(notices[0]["summary"], json!({ "waiting": true, "account": null, "counts": counts }));
    let bodies: Vec<&Value> = notices.iter().map(|notice| &notice["body"]).collect();
    assert_eq!(bodies, [body, "away", "away", "away"]);
    let states = told(alice, "subscription");
    let states: Vec<&Value> = states.iter().map(|value| &value["state"]).collect();
    assert_eq!(states, ["subscribing", "active", "ending"]);
    let end = json!({ "by": "local", "reason": "unsubscribed", "retryAfter": null, "error": null });
    assert_eq!(told(alice, "subscriptionEnded")[0]["end"], end);
    assert_eq!(told(bob, "refreshed")[0]["expires"], 600);
    assert_eq!(told(bob, "incomingSubscription")[0]["from"]["uri"], "sip:alice@10.0.0.1");
    let known = union(&exported("Notification"), "type");
    for value in agents.said(alice).into_iter().chain(agents.said(bob)) {
        let mut names = keys(&value);
        names.remove("type");
        assert_eq!(Some(&names), known.get(value["type"].as_str().expect("a type")), "{value}");
    }
}

#[test]
fn missing_fields_are_named() {
    let mut agents = Agents::new();
    let alice = agents.alice;
    for (kind, field) in [
        ("call", "target"),
        ("hangup", "call"),
        ("renegotiate", "sdp"),
        ("options", "target"),
        ("dtmf", "call"),
        ("inspect", "call"),
        ("subscribe", "target"),
        ("unsubscribe", "subscription"),
        ("publish", "event"),
        ("removePublication", "publication"),
    ] {
        let id = agents.ask(alice, json!({ "type": kind }));
        let answer = agents.answer(alice, id);
        assert_eq!((&answer["error"]["kind"], &answer["error"]["field"]), (&json!("input"), &json!(field)), "{kind}");
    }
    for (config, field) in [
        (json!({ "aor": "bob" }), "aor"),
        (json!({ "aor": "sip:a@b", "server": "ftp://x" }), "server"),
        (json!({ "aor": "sip:a@b", "displayName": "a\r\nX: y" }), "displayName"),
        (json!({ "aor": "sip:a@b", "userAgent": "a\nb" }), "userAgent"),
        (json!({ "aor": "sip:a@b", "timers": { "t1": 0 } }), "timers.t1"),
        (json!({ "aor": "sip:a@b", "packages": ["a b"] }), "packages"),
        (json!({ "aor": "sip:a@b", "replacing": "?" }), "replacing"),
        (json!({ "aor": "sip:a@b", "ha1": { "algorithm": "ROT13", "realm": "x", "hex": "" } }), "ha1.algorithm"),
    ] {
        let config = AgentConfig::from_json(&config.to_string()).expect("a config");
        match Control::new(config, [0; 32]) {
            Err(ErrorValue::Input { field: named, .. }) => assert_eq!(named, field),
            other => panic!("{field}: {other:?}"),
        }
    }
}
