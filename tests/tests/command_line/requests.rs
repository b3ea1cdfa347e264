//! `register`, `options`, `message` and `subscribe`.

use offhook_tests::programs::free_port;
use serde_json::json;

use crate::house::{House, start, with_input};

#[test]
fn an_account_is_tried_and_left_as_it_was() {
    let house = House::new();
    let ran = house.alice(&["register"]).ends().with_code(0).pictured("register");
    assert!(ran.out.starts_with("registered sip:alice@sip.test for "), "{ran:?}");
    assert!(ran.out.contains("(this one)"), "{ran:?}");
    let ran = house.alice(&["register", "--bindings"]).ends().with_code(0);
    assert_eq!(ran.out, "nothing is bound to sip:alice@sip.test\n");
}

#[test]
fn a_registration_is_left_listed_and_taken_away() {
    let house = House::new();
    let ran = house.alice(&["register", "--leave", "--json"]).ends().with_code(0);
    let told = &ran.json()[0];
    assert_eq!((&told["aor"], &told["bindings"][0]["ours"]), (&json!("sip:alice@sip.test"), &json!(true)));
    let ran = house.alice(&["register", "--bindings", "--json"]).ends().with_code(0);
    assert_eq!(ran.json()[0]["bindings"].as_array().unwrap().len(), 1, "{ran:?}");
    house.alice(&["register", "--remove"]).ends().with_code(0);
    let ran = house.alice(&["register", "--bindings", "--json"]).ends().with_code(0);
    assert_eq!(ran.json()[0]["bindings"], json!([]));
}

#[test]
fn somebody_who_stays_registered_is_so_until_the_interrupt() {
    let house = House::new();
    let mut staying = house.alice(&["register", "--stay"]);
    let bound = || house.alice(&["register", "--bindings", "--json"]).ends().with_code(0).json()[0]["bindings"].clone();
    staying.says("(this one)");
    assert_ne!(bound(), json!([]));
    staying.interrupt();
    staying.ends().with_code(0);
    assert_eq!(bound(), json!([]));
}

#[test]
fn what_fails_has_its_code_and_says_what_to_do() {
    let house = House::new();
    let server = house.udp();
    let alice = [("OFFHOOK_AOR", "sip:alice@sip.test"), ("OFFHOOK_SERVER", &*server)];
    let ran = start(&["register"], &alice).ends().with_code(4);
    assert!(ran.err.contains("OFFHOOK_PASSWORD"), "{ran:?}");
    let wrong = [&alice[..], &[("OFFHOOK_PASSWORD", "wrong")]].concat();
    let ran = start(&["register"], &wrong).ends().with_code(4);
    assert!(ran.err.contains("wrong user name or password") && !ran.err.contains("\"wrong\""), "{ran:?}");
    let ran = start(&["register"], &alice[1..]).ends().with_code(2);
    assert!(ran.err.contains("--aor"), "{ran:?}");
    let nobody = format!("sip:127.0.0.1:{};transport=tcp", free_port());
    let ran = start(&["register"], &[alice[0], ("OFFHOOK_SERVER", &nobody)]).ends().with_code(6);
    assert!(ran.err.contains("nobody listens there"), "{ran:?}");
}

#[test]
fn a_server_is_pinged_over_each_transport() {
    let house = House::new();
    let server = house.udp();
    let ran =
        start(&["options", &server, "--count", "4", "--interval", "50ms"], &[]).ends().with_code(0).pictured("options");
    assert!(ran.out.contains("4 sent, 4 answered, 0% lost") && ran.out.contains("rtt min "), "{ran:?}");
    let over = [("OFFHOOK_SERVER", house.tcp()), ("OFFHOOK_SERVER", house.websocket())];
    for (name, server) in &over {
        let args = ["options", "sip:sip.test", "--count", "2", "--interval", "10ms", "--json"];
        let ran = start(&args, &[(*name, server)]).ends().with_code(0);
        let told = ran.json();
        assert_eq!((&told[0]["status"], &told[2]["answered"]), (&json!(200), &json!(2)), "{server}: {ran:?}");
        assert!(told[2]["rtt"]["avg"].as_f64().unwrap() > 0.0, "{ran:?}");
    }
}

#[test]
fn pings_without_an_answer_are_told_apart() {
    let house = House::new();
    let nobody = format!("127.0.0.1:{}", free_port());
    let ran = start(&["options", &nobody, "--count", "1"], &[]).ends().with_code(6);
    assert!(ran.out.contains("1 sent, 0 answered, 100% lost"), "{ran:?}");
    // It takes the request and says nothing.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = silent.local_addr().unwrap().to_string();
    let ran = start(&["options", &at, "--count", "2", "--interval", "10ms", "--timeout", "200ms", "--quiet"], &[]);
    let ran = ran.ends().with_code(5);
    assert!(ran.out.starts_with("--- ") && ran.out.contains("2 sent, 0 answered"), "{ran:?}");
    // Somebody is there, and refuses.
    house.alice(&["options", "status-503", "--count", "1"]).ends().with_code(3);
}

#[test]
fn a_message_comes_as_it_was_typed_or_piped() {
    let house = House::new();
    let mut bob = house.somebody("bob");
    let ran = house.alice(&["message", "bob", "lunch at one?"]).ends().with_code(0).pictured("message");
    assert!(ran.out.starts_with("200 OK after "), "{ran:?}");
    let heard = bob.hears("message");
    assert_eq!((&heard["body"], &heard["contentType"]), (&json!("lunch at one?"), &json!("text/plain")));
    let server = house.udp();
    let alice =
        [("OFFHOOK_AOR", "sip:alice@sip.test"), ("OFFHOOK_SERVER", &*server), ("OFFHOOK_PASSWORD", "alice-secret")];
    let args = ["message", "bob", "--type", "application/json", "--json"];
    let ran = with_input(&args, &alice, "{\"a\":1}").ends().with_code(0);
    assert_eq!(ran.json()[0]["status"], 200);
    assert_eq!(bob.hears("message")["body"], "{\"a\":1}");
    let ran = house.alice(&["message", "carol", "hello"]).ends().with_code(3);
    assert!(ran.err.contains("480") && ran.err.contains("not registered"), "{ran:?}");
    bob.end();
}

const PRESENCE: &str = r#"<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="pres:bob@sip.test"><tuple id="1"><status><basic>open</basic></status><note>in the garden</note></tuple></presence>"#;

#[test]
fn what_is_told_of_a_package_is_printed_as_what_it_says() {
    let house = House::new();
    let mut bob = house.somebody("bob");
    let watching = house.alice(&["subscribe", "bob", "--event", "presence", "--count", "1"]);
    let asked = bob.hears("incomingSubscription");
    let state =
        json!({ "subscription": asked["subscription"], "contentType": "application/pidf+xml", "body": PRESENCE });
    bob.must("acceptSubscription", state);
    let ran = watching.ends().with_code(0).pictured("subscribe");
    assert!(ran.out.contains("pres:bob@sip.test: open, \"in the garden\""), "{ran:?}");

    let once = house.alice(&["subscribe", "bob", "--event", "presence", "--once", "--json"]);
    let asked = bob.hears("incomingSubscription");
    assert_eq!(asked["expires"], 0);
    let state =
        json!({ "subscription": asked["subscription"], "contentType": "application/pidf+xml", "body": PRESENCE });
    bob.must("acceptSubscription", state);
    let ran = once.ends().with_code(0);
    let told = ran.json().into_iter().find(|told| told["type"] == "notice").unwrap_or_else(|| panic!("{ran:?}"));
    assert_eq!((&told["package"], &told["body"]), (&json!("presence"), &json!(PRESENCE)));

    let ran = house.alice(&["subscribe", "bob", "--event", "weather"]).ends().with_code(3);
    assert!(ran.err.contains("489"), "{ran:?}");
    bob.end();
}

#[test]
fn a_message_is_taken_apart() {
    let message = "OPTIONS sip:bob@b.test SIP/2.0\r\nVia: SIP/2.0/UDP a:port\r\nFrom: <sip:alice@a.test>;tag=1\r\n\
        To: <sip:bob@b.test>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    let mut ran = with_input(&["parse"], &[], message).ends().with_code(1);
    assert!(ran.err.contains("Via: ") && ran.err.contains("line 2, column 20"), "{ran:?}");
    // The end of a long answer is enough to see what it looks like.
    let lines: Vec<&str> = ran.out.lines().collect();
    let last = lines[lines.len().saturating_sub(22)..].join("\n");
    ran.out = format!("...\n{last}\n");
    ran.command = "offhook parse < message.txt".into();
    ran.pictured("parse");
}
