//! Native to native through a real Kamailio, driven by lines of JSON: the same calls over UDP and over WebSocket.

use std::time::{Duration, Instant};

use offhook_tests::programs::{Agent, Kamailio, Sipp, free_port};
use serde_json::{Value, json};

/// A description as an application may bring it; `port` tells one from another.
fn sdp(port: u16, direction: &str) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
    )
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// One of the ways to speak to Kamailio.
type Way = fn(&Kamailio) -> String;

/// Each of these is a test over UDP and one over WebSocket.
macro_rules! each_way {
    ($($name:ident)*) => {
        mod udp { $(#[test] fn $name() { super::$name(super::Kamailio::udp); })* }
        mod ws { $(#[test] fn $name() { super::$name(super::Kamailio::ws); })* }
    };
}

each_way! {
    a_call_is_held_resumed_and_hung_up
    the_called_one_holds_and_hangs_up
    both_hold_at_once
    the_caller_gives_up_while_it_rings
    the_called_one_declines
    messages_and_questions_outside_of_calls
    a_wrong_password_is_told
    who_has_unregistered_is_no_longer_reached
    a_registration_is_refreshed
    the_end_of_an_agent_ends_its_calls
    a_description_of_a_browser_fits
}

/// Two registered agents.
fn two(kamailio: &Kamailio, way: Way) -> (Agent, Agent) {
    let server = way(kamailio);
    let [mut alice, mut bob] = ["alice", "bob"].map(|user| Agent::start(user, &server, &[]));
    for agent in [&mut alice, &mut bob] {
        let granted = agent.must("register", json!({}));
        assert_eq!(granted["expires"], 300);
        assert_eq!(agent.sent("REGISTER"), 2, "the second with credentials");
        agent.reaches("registration", "registered");
    }
    (alice, bob)
}

/// Alice calls and Bob answers; the number of the call on either side.
fn call(alice: &mut Agent, bob: &mut Agent) -> (Value, Value) {
    let outgoing = alice.must("call", json!({ "target": "sip:bob@sip.test", "sdp": sdp(40_000, "sendrecv") }));
    let incoming = bob.hears("incoming");
    assert_eq!(incoming["sdp"], sdp(40_000, "sendrecv"));
    assert_eq!(incoming["from"]["uri"], "sip:alice@sip.test");
    assert_eq!(incoming["callId"], outgoing["callId"]);
    let (a, b) = (outgoing["call"].clone(), incoming["call"].clone());
    bob.must("ring", json!({ "call": b }));
    assert_eq!(alice.hears_that("progress", |progress| progress["status"] == 180)["sdp"], Value::Null);
    bob.must("answer", json!({ "call": b, "sdp": sdp(50_000, "sendrecv") }));
    assert_eq!(alice.hears("answered")["sdp"], sdp(50_000, "sendrecv"));
    alice.reaches("state", "established");
    bob.reaches("state", "established");
    (a, b)
}

/// `holder` holds and resumes; each sees it.
fn hold_and_resume(holder: (&mut Agent, &Value), held: (&mut Agent, &Value), port: u16) {
    for (kind, asked, agreed) in [("hold", "sendonly", "recvonly"), ("resume", "sendrecv", "sendrecv")] {
        let number = holder.0.tell(kind, json!({ "call": holder.1 }));
        let offer = held.0.hears("offer");
        assert!(text(&offer["sdp"]).contains(&format!("a={asked}\r\n")), "{offer}");
        held.0.must("acceptOffer", json!({ "call": held.1, "sdp": sdp(port, agreed) }));
        let result = holder.0.answer(number).expect("the other side agreed");
        assert_eq!(result["sdp"], sdp(port, agreed));
        let held_now = kind == "hold";
        let seen = holder.0.hears("hold");
        assert_eq!((&seen["local"], &seen["remote"]), (&json!(held_now), &json!(false)));
        let seen = held.0.hears("hold");
        assert_eq!((&seen["local"], &seen["remote"]), (&json!(false), &json!(held_now)));
    }
}

fn ends(agent: &mut Agent, by: &str) -> Value {
    let ended = agent.hears("ended");
    assert_eq!(ended["end"]["by"], by, "{ended}");
    ended["end"].clone()
}

fn a_call_is_held_resumed_and_hung_up(way: Way) {
    let kamailio = Kamailio::start();
    let (mut alice, mut bob) = two(&kamailio, way);
    let (a, b) = call(&mut alice, &mut bob);
    hold_and_resume((&mut alice, &a), (&mut bob, &b), 50_000);

    alice.must("info", json!({ "call": a, "contentType": "text/plain", "body": "hello" }));
    let info = bob.hears("info");
    assert_eq!((text(&info["contentType"]), text(&info["body"])), ("text/plain", "hello"));
    bob.must("dtmf", json!({ "call": b, "tone": "#", "duration": 120 }));
    assert_eq!(alice.hears("info")["dtmf"], json!({ "tone": "#", "duration": 120 }));

    alice.must("hangup", json!({ "call": a }));
    ends(&mut alice, "local");
    assert_eq!(ends(&mut bob, "remote")["status"], 200);
    assert_eq!((alice.sent("BYE"), bob.sent("BYE")), (1, 0));
    bob.must("hangup", json!({ "call": b }));
    alice.end();
    bob.end();
}

fn the_called_one_holds_and_hangs_up(way: Way) {
    let kamailio = Kamailio::start();
    let (mut alice, mut bob) = two(&kamailio, way);
    let (a, b) = call(&mut alice, &mut bob);
    hold_and_resume((&mut bob, &b), (&mut alice, &a), 40_000);
    bob.must("hangup", json!({ "call": b }));
    ends(&mut bob, "local");
    ends(&mut alice, "remote");
    assert_eq!((alice.sent("BYE"), bob.sent("BYE")), (0, 1));
    alice.end();
    bob.end();
}

/// Two re-INVITEs may meet (RFC 3261 14.1): both are done in the end, whoever must wait.
fn both_hold_at_once(way: Way) {
    let kamailio = Kamailio::start();
    let server = way(&kamailio);
    let [mut alice, mut bob] = ["alice", "bob"].map(|user| Agent::start(user, &server, &["--automatic-media"]));
    alice.must("register", json!({}));
    bob.must("register", json!({}));
    let (a, b) = call(&mut alice, &mut bob);
    for (kind, held) in [("hold", true), ("resume", false)] {
        let numbers = (alice.tell(kind, json!({ "call": a })), bob.tell(kind, json!({ "call": b })));
        alice.answer(numbers.0).expect("alice's is done");
        bob.answer(numbers.1).expect("bob's is done");
        for agent in [&mut alice, &mut bob] {
            agent.hears_that("hold", |hold| hold["local"] == held && hold["remote"] == held);
        }
    }
    alice.must("hangup", json!({ "call": a }));
    ends(&mut bob, "remote");
}

fn the_caller_gives_up_while_it_rings(way: Way) {
    let kamailio = Kamailio::start();
    let (mut alice, mut bob) = two(&kamailio, way);
    let a = alice.must("call", json!({ "target": "sip:bob@sip.test", "sdp": sdp(40_000, "sendrecv") }))["call"].clone();
    let b = bob.hears("incoming")["call"].clone();
    bob.must("ring", json!({ "call": b }));
    alice.reaches("state", "ringing");
    alice.must("hangup", json!({ "call": a }));
    ends(&mut alice, "local");
    assert_eq!(ends(&mut bob, "remote")["status"], 487);
    assert_eq!((alice.sent("CANCEL"), alice.sent("BYE")), (1, 0));
    // The next call is as good as any.
    call(&mut alice, &mut bob);
    alice.end();
    ends(&mut bob, "remote");
    bob.end();
}

fn the_called_one_declines(way: Way) {
    let kamailio = Kamailio::start();
    let (mut alice, mut bob) = two(&kamailio, way);
    for (arguments, status, reason) in
        [(json!({}), 486, "Busy Here"), (json!({ "status": 603, "reason": "Not Today" }), 603, "Not Today")]
    {
        alice.must("call", json!({ "target": "sip:bob@sip.test", "sdp": sdp(40_000, "sendrecv") }));
        let mut arguments = arguments;
        arguments["call"] = bob.hears("incoming")["call"].clone();
        bob.must("reject", arguments);
        let end = ends(&mut alice, "remote");
        assert_eq!((&end["status"], text(&end["reason"])), (&json!(status), reason), "{end}");
        ends(&mut bob, "local");
    }
    alice.must("call", json!({ "target": "sip:carol@sip.test", "sdp": sdp(40_000, "sendrecv") }));
    assert_eq!(ends(&mut alice, "remote")["status"], 480, "she is not there");
    alice.end();
    bob.end();
}

fn messages_and_questions_outside_of_calls(way: Way) {
    let kamailio = Kamailio::start();
    let (mut alice, mut bob) = two(&kamailio, way);
    let options = alice.must("options", json!({ "target": "sip:bob@sip.test" }));
    assert_eq!(options["status"], 200);
    let sent = json!({ "target": "sip:bob@sip.test", "contentType": "text/plain", "body": "Grüße 👋" });
    assert_eq!(alice.must("message", sent)["status"], 200);
    let message = bob.hears("message");
    assert_eq!((text(&message["from"]["uri"]), text(&message["body"])), ("sip:alice@sip.test", "Grüße 👋"));
    alice.end();
    bob.end();
}

fn a_wrong_password_is_told(way: Way) {
    let kamailio = Kamailio::start();
    let mut alice = Agent::with_password("alice", &way(&kamailio), "not-the-password", &[]);
    let error = alice.ask("register", json!({})).unwrap_err();
    assert_eq!((text(&error["kind"]), &error["status"]), ("authentication", &json!(401)), "{error}");
    assert_eq!(alice.reaches("registration", "failed")["error"]["kind"], "authentication");
    assert_eq!(alice.sent("REGISTER"), 2, "the same credentials are not tried again");
    alice.tell("call", json!({ "target": "sip:bob@sip.test", "sdp": sdp(40_000, "sendrecv") }));
    let end = alice.hears("ended")["end"].clone();
    assert_eq!(end["error"]["kind"], "authentication", "{end}");
    alice.end();
}

fn who_has_unregistered_is_no_longer_reached(way: Way) {
    let kamailio = Kamailio::start();
    let (mut alice, mut bob) = two(&kamailio, way);
    bob.must("unregister", json!({}));
    bob.reaches("registration", "unregistered");
    alice.must("call", json!({ "target": "sip:bob@sip.test", "sdp": sdp(40_000, "sendrecv") }));
    assert_eq!(ends(&mut alice, "remote")["status"], 480);
    bob.must("register", json!({}));
    call(&mut alice, &mut bob);
    alice.end();
    bob.end();
}

fn a_registration_is_refreshed(way: Way) {
    let kamailio = Kamailio::start();
    // The shortest that this Kamailio grants.
    let mut bob = Agent::start("bob", &way(&kamailio), &["--expires", "10"]);
    assert_eq!(bob.must("register", json!({}))["expires"], 10);
    let registered = Instant::now();
    bob.reaches("registration", "registered");
    assert_eq!(bob.reaches("registration", "registered")["expires"], 10);
    assert!(registered.elapsed() < Duration::from_secs(10), "before it is over");
    let mut alice = Agent::start("alice", &way(&kamailio), &[]);
    call(&mut alice, &mut bob);
    alice.end();
    bob.end();
}

fn the_end_of_an_agent_ends_its_calls(way: Way) {
    let kamailio = Kamailio::start();
    let (mut alice, mut bob) = two(&kamailio, way);
    call(&mut alice, &mut bob);
    bob.must("shutdown", json!({}));
    ends(&mut alice, "remote");
    bob.end();
    alice.must("call", json!({ "target": "sip:bob@sip.test", "sdp": sdp(40_000, "sendrecv") }));
    assert_eq!(ends(&mut alice, "remote")["status"], 480, "nor is he registered any more");
    alice.end();
}

/// Such a description has some thousand bytes, more than a datagram that is not to be fragmented.
fn a_description_of_a_browser_fits(way: Way) {
    let kamailio = Kamailio::start();
    let (mut alice, mut bob) = two(&kamailio, way);
    let candidates: String = (0..60)
        .map(|number| {
            format!("a=candidate:{number} 1 udp 2113937151 192.0.2.{number} {} typ host\r\n", 50_000 + number)
        })
        .collect();
    let offer = sdp(40_000, "sendrecv") + &candidates;
    assert!(offer.len() > 3000);
    alice.must("call", json!({ "target": "sip:bob@sip.test", "sdp": offer }));
    let incoming = bob.hears("incoming");
    assert_eq!(incoming["sdp"], offer);
    bob.must("answer", json!({ "call": incoming["call"], "sdp": offer }));
    assert_eq!(alice.hears("answered")["sdp"], offer);
    alice.reaches("state", "established");
    bob.must("hangup", json!({ "call": incoming["call"] }));
    ends(&mut alice, "remote");
    alice.end();
    bob.end();
}

#[test]
fn agents_over_udp_and_websocket_call_each_other() {
    let kamailio = Kamailio::start();
    let mut alice = Agent::start("alice", &kamailio.udp(), &[]);
    let mut bob = Agent::start("bob", &kamailio.ws(), &[]);
    alice.must("register", json!({}));
    bob.must("register", json!({}));
    let (a, b) = call(&mut alice, &mut bob);
    hold_and_resume((&mut alice, &a), (&mut bob, &b), 50_000);
    hold_and_resume((&mut bob, &b), (&mut alice, &a), 40_000);
    bob.must("hangup", json!({ "call": b }));
    ends(&mut alice, "remote");
    alice.end();
    bob.end();
}

#[test]
fn digest_by_sha_256() {
    let kamailio = Kamailio::with_sha256();
    let (mut alice, mut bob) = two(&kamailio, Kamailio::udp);
    assert!(alice.messages().iter().any(|(out, text)| *out && text.contains("algorithm=SHA-256")));
    let (a, _) = call(&mut alice, &mut bob);
    alice.must("hangup", json!({ "call": a }));
    ends(&mut bob, "remote");
    alice.end();
    bob.end();
}

#[test]
fn sipp_calls_an_agent() {
    let kamailio = Kamailio::start();
    let mut bob = Agent::start("bob", &kamailio.udp(), &[]);
    bob.must("register", json!({}));
    let sipp =
        Sipp::play("caller.xml", kamailio.port, free_port(), &["-s", "bob", "-au", "alice", "-ap", "alice-secret"]);
    let incoming = bob.hears("incoming");
    bob.must("ring", json!({ "call": incoming["call"] }));
    bob.must("answer", json!({ "call": incoming["call"], "sdp": sdp(50_000, "sendrecv") }));
    // A BYE right behind the ACK could overtake it in Kamailio, which has several processes for UDP.
    bob.must("dtmf", json!({ "call": incoming["call"], "tone": "1" }));
    ends(&mut bob, "remote");
    sipp.succeeds();
    bob.end();
}

#[test]
fn an_agent_calls_sipp() {
    let kamailio = Kamailio::start();
    let port = free_port();
    Sipp::play("register.xml", kamailio.port, port, &["-au", "bob", "-ap", "bob-secret"]).succeeds();
    let sipp = Sipp::play("called.xml", kamailio.port, port, &[]);
    let mut alice = Agent::start("alice", &kamailio.udp(), &[]);
    let a = alice.must("call", json!({ "target": "sip:bob@sip.test", "sdp": sdp(40_000, "sendrecv") }))["call"].clone();
    // Its 180 is overtaken by the 200 now and then: Kamailio has several processes for UDP.
    alice.reaches("state", "established");
    let held = alice.must("hold", json!({ "call": a }));
    assert!(text(&held["sdp"]).contains("a=recvonly"), "{held}");
    alice.must("hangup", json!({ "call": a }));
    ends(&mut alice, "local");
    sipp.succeeds();
    alice.end();
}
