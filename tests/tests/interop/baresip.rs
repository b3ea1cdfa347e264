//! With baresip as the other phone, through Kamailio.

use offhook_core::transport::Transport;
use offhook_tests::programs::{Agent, Baresip, Kamailio};
use serde_json::{Value, json};

use crate::exchange::{agent, answers, ended, established, sdp};

pub(crate) const BEHAVIOURS: [(&str, fn(Transport)); 5] = [
    ("it calls", calls),
    ("it is called", is_called),
    ("hold, resume", hold_and_resume),
    ("it transfers", transfers),
    ("it is transferred", is_transferred),
];

struct World {
    kamailio: Kamailio,
    transport: Transport,
    phone: Baresip,
    alice: Agent,
}

fn open(transport: Transport) -> World {
    let kamailio = Kamailio::full();
    let phone = Baresip::start("bob", &kamailio.address(transport), transport);
    let mut world = World { alice: agent("alice", &kamailio.address(transport), &[]), kamailio, transport, phone };
    world.alice.must("register", json!({}));
    world
}

impl World {
    fn carol(&self) -> Agent {
        let mut carol = agent("carol", &self.kamailio.address(self.transport), &[]);
        carol.must("register", json!({}));
        carol
    }

    /// Alice calls it, and it answers.
    fn call(&mut self) -> Value {
        let call = self.alice.must("call", json!({ "target": "sip:bob@sip.test", "sdp": sdp() }))["call"].clone();
        self.phone.hears("CALL_INCOMING");
        self.phone.command("accept", "");
        established(&mut self.alice, &call);
        self.phone.hears("CALL_ESTABLISHED");
        call
    }
}

fn calls(transport: Transport) {
    let mut world = open(transport);
    world.phone.command("dial", "sip:alice@sip.test");
    let call = answers(&mut world.alice);
    world.phone.hears("CALL_ESTABLISHED");
    world.phone.command("hangup", "");
    ended(&mut world.alice, &call, "remote");
    world.alice.end();
}

fn is_called(transport: Transport) {
    let mut world = open(transport);
    let call = world.call();
    world.alice.must("hangup", json!({ "call": call }));
    ended(&mut world.alice, &call, "local");
    world.phone.hears("CALL_CLOSED");
    // One that is given up while it rings.
    let call = world.alice.must("call", json!({ "target": "sip:bob@sip.test", "sdp": sdp() }))["call"].clone();
    world.phone.hears("CALL_INCOMING");
    world.alice.must("hangup", json!({ "call": call }));
    ended(&mut world.alice, &call, "local");
    world.phone.hears("CALL_CLOSED");
    world.alice.end();
}

fn hold_and_resume(transport: Transport) {
    let mut world = open(transport);
    let call = world.call();
    for (kind, now) in [("hold", true), ("resume", false)] {
        world.alice.must(kind, json!({ "call": call }));
        world.alice.hears_that("hold", |said| said["local"] == now && said["remote"] == false);
    }
    for (kind, now) in [("hold", true), ("resume", false)] {
        world.phone.command(kind, "");
        world.alice.hears_that("hold", |said| said["remote"] == now && said["local"] == false);
    }
    world.phone.command("hangup", "");
    ended(&mut world.alice, &call, "remote");
    world.alice.end();
}

fn transfers(transport: Transport) {
    let mut world = open(transport);
    let mut carol = world.carol();
    let call = world.call();
    world.phone.command("transfer", "sip:carol@sip.test");
    let transfer = world.alice.hears("transferRequest")["transfer"].clone();
    let accepted = world.alice.must("acceptTransfer", json!({ "transfer": transfer, "sdp": sdp() }));
    let c = answers(&mut carol);
    established(&mut world.alice, &accepted["call"]);
    ended(&mut world.alice, &call, "remote");
    carol.must("hangup", json!({ "call": c }));
    ended(&mut world.alice, &accepted["call"], "remote");
    for agent in [world.alice, carol] {
        agent.end();
    }
}

fn is_transferred(transport: Transport) {
    let mut world = open(transport);
    let mut carol = world.carol();
    let call = world.call();
    let wanted = json!({ "call": call, "target": "sip:carol@sip.test" });
    let transfer = world.alice.must("transfer", wanted)["transfer"].clone();
    let c = answers(&mut carol);
    let done = world.alice.hears_that("transferDone", |said| said["transfer"] == transfer);
    assert_eq!(done["status"], 200, "{done}");
    world.alice.once_told("ended", |said| said["call"] == call);
    carol.must("hangup", json!({ "call": c }));
    ended(&mut carol, &c, "local");
    for agent in [world.alice, carol] {
        agent.end();
    }
}
