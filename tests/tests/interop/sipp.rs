//! With SIPp as the other phone, through Kamailio.

use offhook_core::transport::Transport;
use offhook_tests::programs::{Kamailio, Sipp, free_port};
use serde_json::json;

use crate::exchange::{agent, answers, ended, established, sdp};

pub(crate) const BEHAVIOURS: [(&str, fn(Transport)); 2] = [("it calls", calls), ("it is called", is_called)];

fn calls(transport: Transport) {
    let kamailio = Kamailio::full();
    let mut bob = agent("bob", &kamailio.address(transport), &[]);
    bob.must("register", json!({}));
    let credentials = ["-s", "bob", "-au", "alice", "-ap", "alice-secret"];
    let sipp = Sipp::over(transport, "caller.xml", kamailio.port, free_port(), &credentials);
    let call = answers(&mut bob);
    // A BYE right behind the ACK could overtake it in Kamailio, which has several processes for UDP.
    bob.must("dtmf", json!({ "call": call, "tone": "1" }));
    ended(&mut bob, &call, "remote");
    sipp.succeeds();
    bob.end();
}

fn is_called(transport: Transport) {
    let kamailio = Kamailio::full();
    let port = free_port();
    Sipp::over(transport, "register.xml", kamailio.port, port, &["-au", "bob", "-ap", "bob-secret"]).succeeds();
    let sipp = Sipp::over(transport, "called.xml", kamailio.port, port, &[]);
    let mut alice = agent("alice", &kamailio.address(transport), &[]);
    let call = alice.must("call", json!({ "target": "sip:bob@sip.test", "sdp": sdp() }))["call"].clone();
    // Its 180 is overtaken by the 200 now and then: Kamailio has several processes for UDP.
    established(&mut alice, &call);
    let held = alice.must("hold", json!({ "call": call }));
    assert!(held["sdp"].as_str().is_some_and(|sdp| sdp.contains("a=recvonly")), "{held}");
    alice.must("hangup", json!({ "call": call }));
    ended(&mut alice, &call, "local");
    sipp.succeeds();
    alice.end();
}
