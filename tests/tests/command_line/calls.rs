//! `call` and `transfer`.

use offhook_tests::programs::Agent;
use serde_json::json;

use crate::house::House;

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";

/// Answers the next call.
fn answers(agent: &mut Agent) -> serde_json::Value {
    let call = agent.hears("incoming")["call"].clone();
    agent.must("ring", json!({ "call": call }));
    agent.must("answer", json!({ "call": call, "sdp": SDP }));
    call
}

#[test]
fn a_call_is_told_step_by_step_and_ends_in_time() {
    let house = House::new();
    let mut bob = house.somebody("bob");
    let calling = house.alice(&["call", "bob", "--duration", "300ms", "--dtmf", "4,2", "--header", "X-Test: 7"]);
    let incoming = bob.hears("incoming");
    let headers = incoming["headers"].to_string();
    assert!(headers.contains("X-Test"), "{incoming}");
    assert!(incoming["sdp"].as_str().unwrap().contains("PCMU/8000"), "{incoming}");
    bob.must("ring", json!({ "call": incoming["call"] }));
    bob.must("answer", json!({ "call": incoming["call"], "sdp": SDP }));
    assert_eq!(bob.hears("info")["dtmf"]["tone"], "4");
    assert_eq!(bob.hears("info")["dtmf"]["tone"], "2");
    assert_eq!(bob.hears("ended")["end"]["by"], "remote");
    let ran = calling.ends().with_code(0).pictured("call");
    for step in
        ["calling bob", "180 Ringing after ", "answered by ", "digits 4,2 sent", "hung up by this side after 0:00"]
    {
        assert!(ran.out.contains(step), "{step}: {ran:?}");
    }
    bob.end();
}

#[test]
fn the_other_side_hangs_up_or_the_caller_is_interrupted() {
    let house = House::new();
    let mut bob = house.somebody("bob");
    let calling = house.alice(&["call", "bob", "--json"]);
    let call = answers(&mut bob);
    bob.must("hangup", json!({ "call": call }));
    let ran = calling.ends().with_code(0);
    let told = ran.json();
    let last = told.last().unwrap();
    assert_eq!((&last["type"], &last["by"]), (&json!("ended"), &json!("remote")), "{ran:?}");

    let calling = house.alice(&["call", "bob"]);
    answers(&mut bob);
    bob.reaches("state", "established");
    calling.interrupt();
    calling.ends().with_code(0);
    // Before the answer the call was not made.
    let calling = house.alice(&["call", "bob"]);
    bob.hears("incoming");
    calling.interrupt();
    calling.ends().with_code(130);
    bob.end();
}

#[test]
fn why_a_call_fails_is_in_its_code() {
    let house = House::new();
    let ran = house.alice(&["call", "busy"]).ends().with_code(3);
    assert!(ran.err.contains("busy: 486"), "{ran:?}");
    let ran = house.alice(&["call", "ringing", "--ring-time", "300ms"]).ends().with_code(5);
    assert!(ran.out.contains("180 Ringing"), "{ran:?}");
    house.alice(&["call", "nobody-here"]).ends().with_code(3);
    let ran = house.alice(&["call", "bob", "--sdp", "/no/such/file"]).ends().with_code(2);
    assert!(ran.err.contains("/no/such/file"), "{ran:?}");
    let ran = house.alice(&["call", "bob", "--dtmf", "1x"]).ends().with_code(2);
    assert!(ran.err.contains("'x' is no digit"), "{ran:?}");
}

#[test]
fn redirections_are_followed_as_often_as_was_said() {
    let house = House::new();
    let (mut bob, mut carol) = (house.somebody("bob"), house.somebody("carol"));
    let redirects = |bob: &mut Agent| {
        let call = bob.hears("incoming")["call"].clone();
        bob.must("redirect", json!({ "call": call, "contacts": ["sip:carol@sip.test"] }));
    };
    let calling = house.alice(&["call", "bob"]);
    redirects(&mut bob);
    let ran = calling.ends().with_code(3);
    assert!(ran.err.contains("--follow"), "{ran:?}");
    let calling = house.alice(&["call", "bob", "--follow", "1", "--duration", "50ms"]);
    redirects(&mut bob);
    answers(&mut carol);
    let ran = calling.ends().with_code(0);
    assert!(ran.out.contains("going on to sip:carol@sip.test"), "{ran:?}");
    bob.end();
    carol.end();
}

#[test]
fn an_offer_of_the_other_side_is_answered() {
    let house = House::new();
    let mut bob = house.somebody("bob");
    let calling = house.alice(&["call", "bob", "--no-offer", "--duration", "50ms"]);
    let incoming = bob.hears("incoming");
    assert_eq!(incoming["sdp"], json!(null));
    bob.must("answer", json!({ "call": incoming["call"], "sdp": SDP }));
    assert!(bob.hears("answered")["sdp"].as_str().unwrap().contains("m=audio"));
    calling.ends().with_code(0);
    bob.end();
}

#[test]
fn two_are_brought_together_blindly() {
    let house = House::new();
    let (mut bob, mut carol) = (house.somebody("bob"), house.somebody("carol"));
    let transferring = house.alice(&["transfer", "bob", "--to", "carol"]);
    answers(&mut bob);
    let asked = bob.hears("transferRequest");
    bob.must("acceptTransfer", json!({ "transfer": asked["transfer"], "sdp": SDP }));
    answers(&mut carol);
    let ran = transferring.ends().with_code(0);
    assert!(ran.out.contains("bob tells: 200 OK") && ran.out.ends_with("bob and carol are connected\n"), "{ran:?}");
    bob.end();
    carol.end();
}

#[test]
fn two_are_brought_together_after_a_word_with_both() {
    let house = House::new();
    let (mut bob, mut carol) = (house.somebody("bob"), house.somebody("carol"));
    let transferring = house.alice(&["transfer", "bob", "--to", "carol", "--attended", "--hold"]);
    answers(&mut bob);
    answers(&mut carol);
    let asked = bob.hears("transferRequest");
    bob.must("acceptTransfer", json!({ "transfer": asked["transfer"], "sdp": SDP }));
    let call = carol.hears_that("incoming", |told| !told["replaces"].is_null())["call"].clone();
    carol.must("answer", json!({ "call": call, "sdp": SDP }));
    let ran = transferring.ends().with_code(0).pictured("transfer");
    assert!(ran.out.contains("bob is on hold") && ran.out.ends_with("bob and carol are connected\n"), "{ran:?}");
    bob.end();
    carol.end();
}

#[test]
fn a_transfer_that_is_refused_fails() {
    let house = House::new();
    let mut bob = house.somebody("bob");
    let transferring = house.alice(&["transfer", "bob", "--to", "carol"]);
    answers(&mut bob);
    let asked = bob.hears("transferRequest");
    bob.must("rejectTransfer", json!({ "transfer": asked["transfer"], "status": 603 }));
    let ran = transferring.ends().with_code(3);
    assert!(ran.err.contains("transfer to carol: 603"), "{ran:?}");
    assert_eq!(bob.hears("ended")["end"]["by"], "remote");
    bob.end();
}
