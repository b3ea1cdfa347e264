//! What is tried with each server over each transport.

use std::time::{Duration, Instant};

use offhook_tests::programs::Agent;
use serde_json::{Value, json};

use crate::exchange::{Exchange, Kind, answers, call, ended, established, sdp};

/// Each by its name.
pub(crate) const BEHAVIOURS: [(&str, fn(&Exchange)); 10] = [
    ("register, refresh, unregister", register),
    ("call, DTMF, hang up", calls),
    ("cancel, decline", cancel_and_decline),
    ("hold, resume", hold_and_resume),
    ("blind transfer", blind_transfer),
    ("attended transfer", attended_transfer),
    ("session refresh", session_refresh),
    ("MESSAGE", message),
    ("SUBSCRIBE", subscribe),
    ("OPTIONS", options),
];

fn register(exchange: &Exchange) {
    let mut alice = exchange.agent("alice", &["--expires", "10"]);
    // Asterisk tells what is left of it, which may be a second less.
    let granted = alice.must("register", json!({}))["expires"].clone();
    assert!(granted == 10 || granted == 9, "{granted}");
    let registered = Instant::now();
    alice.reaches("registration", "registered");
    let bindings = alice.must("bindings", json!({}))["bindings"].clone();
    let ours = |bindings: &Value| bindings.as_array().expect("a list").iter().filter(|one| one["ours"] == true).count();
    assert_eq!(ours(&bindings), 1, "{bindings}");
    alice.reaches("registration", "registered");
    assert!(registered.elapsed() < Duration::from_secs(10), "before it is over");
    alice.must("unregister", json!({}));
    alice.reaches("registration", "unregistered");
    let bindings = alice.must("bindings", json!({}))["bindings"].clone();
    assert_eq!(bindings, json!([]));
    alice.end();
}

fn calls(exchange: &Exchange) {
    let [mut alice, mut bob] = ["alice", "bob"].map(|user| exchange.registered(user));
    let (a, b) = call(&mut alice, &mut bob, "sip:bob@sip.test");
    alice.must("dtmf", json!({ "call": a, "tone": "5", "duration": 160 }));
    if exchange.kind == Kind::Kamailio {
        // Asterisk makes a tone of it, which is in the media here.
        assert_eq!(bob.hears("info")["dtmf"]["tone"], "5");
    }
    alice.must("hangup", json!({ "call": a }));
    ended(&mut alice, &a, "local");
    ended(&mut bob, &b, "remote");
    // The other way round, and the other one hangs up.
    let (b, a) = call(&mut bob, &mut alice, "sip:alice@sip.test");
    alice.must("hangup", json!({ "call": a }));
    ended(&mut alice, &a, "local");
    ended(&mut bob, &b, "remote");
    for agent in [alice, bob] {
        agent.end();
    }
}

fn cancel_and_decline(exchange: &Exchange) {
    let [mut alice, mut bob] = ["alice", "bob"].map(|user| exchange.registered(user));
    let rings = |alice: &mut Agent, bob: &mut Agent| {
        let a = alice.must("call", json!({ "target": "sip:bob@sip.test", "sdp": sdp() }))["call"].clone();
        let b = bob.hears("incoming")["call"].clone();
        bob.must("ring", json!({ "call": b }));
        alice.hears_that("state", |said| said["call"] == a && said["state"] == "ringing");
        (a, b)
    };
    let (a, b) = rings(&mut alice, &mut bob);
    alice.must("hangup", json!({ "call": a }));
    ended(&mut alice, &a, "local");
    assert_eq!(ended(&mut bob, &b, "remote")["status"], 487);
    let (a, b) = rings(&mut alice, &mut bob);
    bob.must("reject", json!({ "call": b, "status": 486 }));
    assert_eq!(ended(&mut alice, &a, "remote")["status"], 486);
    ended(&mut bob, &b, "local");
    for agent in [alice, bob] {
        agent.end();
    }
}

fn hold_and_resume(exchange: &Exchange) {
    let [mut alice, mut bob] = ["alice", "bob"].map(|user| exchange.registered(user));
    let (a, b) = call(&mut alice, &mut bob, "sip:bob@sip.test");
    holds(&mut alice, &a, &mut bob, &b);
    holds(&mut bob, &b, &mut alice, &a);
    bob.must("hangup", json!({ "call": b }));
    ended(&mut alice, &a, "remote");
    for agent in [alice, bob] {
        agent.end();
    }
}

fn holds(holder: &mut Agent, ours: &Value, held: &mut Agent, theirs: &Value) {
    for (kind, now) in [("hold", true), ("resume", false)] {
        holder.must(kind, json!({ "call": ours }));
        holder.hears_that("hold", |said| said["call"] == *ours && said["local"] == now && said["remote"] == false);
        held.hears_that("hold", |said| said["call"] == *theirs && said["remote"] == now && said["local"] == false);
    }
}

fn blind_transfer(exchange: &Exchange) {
    let [mut alice, mut bob, mut carol] = ["alice", "bob", "carol"].map(|user| exchange.registered(user));
    let (a, b) = call(&mut alice, &mut bob, "sip:bob@sip.test");
    puts_on_hold(&mut alice, &a, &mut bob);
    let transfer = alice.must("transfer", json!({ "call": a, "target": "sip:carol@sip.test" }))["transfer"].clone();
    let other = follows(exchange, &mut bob).unwrap_or_else(|| b.clone());
    let c = answers(&mut carol);
    transferred(&mut alice, &transfer, &a);
    together(exchange, (&mut bob, &b, &other), (&mut carol, &c));
    for agent in [alice, bob, carol] {
        agent.end();
    }
}

fn attended_transfer(exchange: &Exchange) {
    let [mut alice, mut bob, mut carol] = ["alice", "bob", "carol"].map(|user| exchange.registered(user));
    let (a, b) = call(&mut alice, &mut bob, "sip:bob@sip.test");
    puts_on_hold(&mut alice, &a, &mut bob);
    let (consulted, mut c) = call(&mut alice, &mut carol, "sip:carol@sip.test");
    puts_on_hold(&mut alice, &consulted, &mut carol);
    let transfer = alice.must("transferTo", json!({ "call": a, "other": consulted }))["transfer"].clone();
    let mut other = b.clone();
    if let Some(new) = follows(exchange, &mut bob) {
        let incoming = carol.hears("incoming");
        assert_eq!(incoming["replaces"], c, "{incoming}");
        let replaced = c;
        (other, c) = (new, incoming["call"].clone());
        carol.must("answer", json!({ "call": c, "sdp": sdp() }));
        established(&mut carol, &c);
        ended(&mut carol, &replaced, "local");
    }
    transferred(&mut alice, &transfer, &a);
    alice.once_told("ended", |said| said["call"] == consulted);
    together(exchange, (&mut bob, &b, &other), (&mut carol, &c));
    for agent in [alice, bob, carol] {
        agent.end();
    }
}

/// As one does before a transfer. Asterisk answers a caller a moment before it has joined the two, and refuses to transfer
/// in between (400); that the other side hears of the hold says that it has.
fn puts_on_hold(agent: &mut Agent, call: &Value, other: &mut Agent) {
    agent.must("hold", json!({ "call": call }));
    other.hears_that("hold", |said| said["remote"] == true);
}

/// Through a proxy it is the other side that calls anew; Asterisk does it itself, and the call stays.
fn follows(exchange: &Exchange, agent: &mut Agent) -> Option<Value> {
    if exchange.kind == Kind::Asterisk {
        return None;
    }
    let transfer = agent.hears("transferRequest")["transfer"].clone();
    Some(agent.must("acceptTransfer", json!({ "transfer": transfer, "sdp": sdp() }))["call"].clone())
}

/// Whoever asked for it is told of its success, and is out of it.
fn transferred(agent: &mut Agent, transfer: &Value, call: &Value) {
    let done = agent.hears_that("transferDone", |said| said["transfer"] == *transfer);
    assert_eq!(done["status"], 200, "{done}");
    agent.once_told("ended", |said| said["call"] == *call);
}

/// Those who were brought together are, until one hangs up.
fn together(exchange: &Exchange, bob: (&mut Agent, &Value, &Value), carol: (&mut Agent, &Value)) {
    let (bob, old, call) = bob;
    if exchange.kind == Kind::Kamailio {
        established(bob, call);
        ended(bob, old, "remote");
    }
    carol.0.must("hangup", json!({ "call": carol.1 }));
    ended(carol.0, carol.1, "local");
    ended(bob, call, "remote");
}

/// A session of 90 s, the shortest there may be (RFC 4028 4), is refreshed after 45 s.
fn session_refresh(exchange: &Exchange) {
    let options = ["--session-expires", "90", "--expires", "300"];
    let [mut alice, mut bob] = ["alice", "bob"].map(|user| {
        let mut agent = exchange.agent(user, &options);
        agent.must("register", json!({}));
        agent
    });
    let (a, b) = call(&mut alice, &mut bob, "sip:bob@sip.test");
    let timer = alice.must("inspect", json!({ "call": a }))["sessionTimer"].clone();
    assert_eq!(timer["expires"], 90, "{timer}");
    let before = refreshes(&alice);
    let patience = Instant::now() + Duration::from_secs(60);
    while refreshes(&alice) == before {
        assert!(Instant::now() < patience, "nobody refreshes it");
        std::thread::sleep(Duration::from_millis(500));
        // What it says in the meantime is read by asking it something.
        alice.must("inspect", json!({ "call": a }));
    }
    let timer = alice.must("inspect", json!({ "call": a }))["sessionTimer"].clone();
    assert_eq!(timer["expires"], 90, "{timer}");
    alice.must("hangup", json!({ "call": a }));
    ended(&mut alice, &a, "local");
    ended(&mut bob, &b, "remote");
    for agent in [alice, bob] {
        agent.end();
    }
}

/// How many refreshes of a session were answered, whoever sent them.
fn refreshes(agent: &Agent) -> usize {
    let messages = agent.messages();
    let answered = messages.iter().filter(|(_, text)| text.starts_with("SIP/2.0 200"));
    let refreshing = |text: &str| {
        ["UPDATE", "INVITE"]
            .iter()
            .any(|method| text.lines().any(|line| line.starts_with("CSeq:") && line.ends_with(method)))
            && text.contains("Session-Expires")
    };
    answered.filter(|(_, text)| refreshing(text)).count()
}

fn message(exchange: &Exchange) {
    let [mut alice, mut bob] = ["alice", "bob"].map(|user| exchange.registered(user));
    let text = json!({ "target": "sip:bob@sip.test", "contentType": "text/plain", "body": "Grüße 👋" });
    let answer = alice.must("message", text);
    assert!(answer["status"] == 200 || answer["status"] == 202, "{answer}");
    let message = bob.hears("message");
    assert_eq!(message["body"], "Grüße 👋");
    assert!(message["from"]["uri"].as_str().is_some_and(|uri| uri.starts_with("sip:alice@")), "{message}");
    for agent in [alice, bob] {
        agent.end();
    }
}

fn subscribe(exchange: &Exchange) {
    match exchange.kind {
        Kind::Kamailio => {
            subscribe_to_a_server(exchange);
            subscribe_to_each_other(exchange);
        }
        Kind::Asterisk => subscribe_to_the_state_of_a_phone(exchange),
    }
}

fn presence(state: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:bob@sip.test\">\
         <tuple id=\"t\"><status><basic>{state}</basic></status></tuple></presence>"
    )
}

fn with(state: &str) -> impl Fn(&Value) -> bool {
    let basic = format!("<basic>{state}</basic>");
    move |said| said["body"].as_str().is_some_and(|body| body.contains(&basic))
}

/// Bob publishes, Kamailio tells Alice.
fn subscribe_to_a_server(exchange: &Exchange) {
    let [mut alice, mut bob] = ["alice", "bob"].map(|user| exchange.registered(user));
    let wanted = json!({ "target": "sip:bob@sip.test", "event": "presence", "expires": 60 });
    let subscription = alice.must("subscribe", wanted)["subscription"].clone();
    alice.hears("notice");
    let pidf = "application/pidf+xml";
    let published = bob
        .must("publish", json!({ "event": "presence", "contentType": pidf, "body": presence("open"), "expires": 60 }));
    alice.hears_that("notice", with("open"));
    let publication = published["publication"].clone();
    bob.must(
        "updatePublication",
        json!({ "publication": publication, "contentType": pidf, "body": presence("closed") }),
    );
    alice.hears_that("notice", with("closed"));
    alice.must("refreshSubscription", json!({ "subscription": subscription }));
    bob.must("removePublication", json!({ "publication": publication }));
    alice.must("unsubscribe", json!({ "subscription": subscription }));
    alice.hears_that("subscriptionEnded", |said| said["subscription"] == subscription);
    for agent in [alice, bob] {
        agent.end();
    }
}

/// Bob tells Alice himself, through the proxy.
fn subscribe_to_each_other(exchange: &Exchange) {
    let mut alice = exchange.registered("alice");
    let mut bob = exchange.agent("bob", &["--packages", "dialog"]);
    bob.must("register", json!({}));
    let wanted = json!({ "target": "sip:bob@sip.test", "event": "dialog", "expires": 60 });
    let ours = alice.must("subscribe", wanted)["subscription"].clone();
    let theirs = bob.hears("incomingSubscription")["subscription"].clone();
    let state =
        |body: &str| json!({ "subscription": theirs, "contentType": "application/dialog-info+xml", "body": body });
    bob.must("acceptSubscription", state("<one/>"));
    alice.hears_that("notice", |said| said["subscription"] == ours && said["body"] == "<one/>");
    bob.must("notify", state("<two/>"));
    alice.hears_that("notice", |said| said["body"] == "<two/>");
    alice.must("unsubscribe", json!({ "subscription": ours }));
    bob.hears_that("subscriptionEnded", |said| said["subscription"] == theirs);
    for agent in [alice, bob] {
        agent.end();
    }
}

/// Asterisk tells Alice what Bob's phone does.
fn subscribe_to_the_state_of_a_phone(exchange: &Exchange) {
    let [mut alice, mut bob, mut carol] = ["alice", "bob", "carol"].map(|user| exchange.registered(user));
    let wanted = json!({
        "target": "sip:bob@sip.test", "event": "dialog", "expires": 60, "accept": "application/dialog-info+xml"
    });
    let subscription = alice.must("subscribe", wanted)["subscription"].clone();
    let tells = |state: &str| {
        let state = format!("<state>{state}</state>");
        move |said: &Value| said["body"].as_str().is_some_and(|body| body.contains(&state))
    };
    alice.hears_that("notice", tells("terminated"));
    let (c, b) = call(&mut carol, &mut bob, "sip:bob@sip.test");
    alice.hears_that("notice", tells("confirmed"));
    carol.must("hangup", json!({ "call": c }));
    ended(&mut bob, &b, "remote");
    alice.hears_that("notice", tells("terminated"));
    alice.must("refreshSubscription", json!({ "subscription": subscription }));
    alice.must("unsubscribe", json!({ "subscription": subscription }));
    alice.hears_that("subscriptionEnded", |said| said["subscription"] == subscription);
    for agent in [alice, bob, carol] {
        agent.end();
    }
}

fn options(exchange: &Exchange) {
    let [mut alice, bob] = ["alice", "bob"].map(|user| exchange.registered(user));
    assert_eq!(alice.must("options", json!({ "target": "sip:bob@sip.test" }))["status"], 200);
    for agent in [alice, bob] {
        agent.end();
    }
}
