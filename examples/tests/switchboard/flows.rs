//! A user agent that is registered over several flows (RFC 5626 7): one is tried at a time.

use offhook_core::message::Name;

use crate::world::{Dialog, Id, Out, World, seconds};

/// Alice, who calls, and two connections of one phone of Bob's, the second registered last.
struct Flows {
    world: World,
    alice: Id,
    first: Id,
    second: Id,
}

fn flows() -> Flows {
    let mut world = World::new();
    let alice = world.ws("alice", 40001);
    let (first, second) = (world.ws("bob", 40011), world.ws("bob", 40012));
    for (phone, number) in [(first, 1), (second, 2)] {
        let contact = world.phones[phone].contact.clone();
        let line = format!("Contact: <{contact}>;+sip.instance=\"<urn:uuid:1>\";reg-id={number}");
        let response = world.register(phone, &[&line, "Supported: outbound"]);
        assert_eq!(response.tokens(Name::Require).collect::<Vec<_>>(), ["outbound"]);
    }
    Flows { world, alice, first, second }
}

impl Flows {
    fn call(&mut self) -> Out {
        let out = self.world.out(self.alice, "INVITE", "sip:bob@localhost");
        self.world.authorized(self.alice, &out)
    }
}

#[test]
fn only_one_flow_is_called() {
    let mut flows = flows();
    let sent = flows.call();
    let Flows { mut world, alice, first, second } = flows;
    let invite = world.request(second, "INVITE");
    world.nothing(first);
    world.respond(second, &invite, 180);
    world.response(alice, 180);
    world.respond(second, &invite, 486);
    world.request(second, "ACK");
    let ended = world.response(alice, 486);
    world.nothing(first);
    world.ack_failure(alice, &sent, &ended);
    world.ended();
}

#[test]
fn a_flow_that_failed_gives_way_to_the_next() {
    for code in [430, 408] {
        let mut flows = flows();
        let sent = flows.call();
        let Flows { mut world, alice, first, second } = flows;
        let invite = world.request(second, "INVITE");
        world.respond(second, &invite, code);
        world.request(second, "ACK");
        let again = world.request(first, "INVITE");
        assert_ne!(invite.via().unwrap().branch(), again.via().unwrap().branch());
        world.respond(first, &again, 200);
        let answered = world.response(alice, 200);
        let mut dialog = Dialog::of_caller(&sent, &answered);
        let ack = dialog.out(&mut world, alice, "ACK");
        world.send(alice, &ack);
        world.request(first, "ACK");
        world.ended();
    }
}

#[test]
fn when_no_flow_is_left_the_caller_learns_why() {
    let mut flows = flows();
    let sent = flows.call();
    let Flows { mut world, alice, first, second } = flows;
    for phone in [second, first] {
        let invite = world.request(phone, "INVITE");
        world.respond(phone, &invite, 430);
        world.request(phone, "ACK");
    }
    let ended = world.response(alice, 430);
    world.ack_failure(alice, &sent, &ended);
    world.ended();
}

#[test]
fn a_connection_that_breaks_under_a_request_gives_way_to_the_next() {
    let mut flows = flows();
    flows.call();
    let Flows { mut world, alice, first, second } = flows;
    world.request(second, "INVITE");
    world.close(second);
    let again = world.request(first, "INVITE");
    world.respond(first, &again, 200);
    world.response(alice, 200);
    world.ended();
}

#[test]
fn a_request_that_was_taken_back_is_not_tried_again() {
    let mut flows = flows();
    let sent = flows.call();
    let Flows { mut world, alice, first, second } = flows;
    let invite = world.request(second, "INVITE");
    world.respond(second, &invite, 180);
    world.response(alice, 180);
    world.cancel(alice, &sent);
    world.response(alice, 200);
    let cancel = world.request(second, "CANCEL");
    world.respond(second, &cancel, 200);
    world.respond(second, &invite, 408);
    world.request(second, "ACK");
    world.response(alice, 487);
    world.nothing(first);
    world.ended();
}

#[test]
fn other_phones_of_the_user_ring_beside_it() {
    let mut flows = flows();
    let desk = flows.world.udp("bob", 6001);
    flows.world.register(desk, &[]);
    flows.call();
    let Flows { mut world, alice, first, second } = flows;
    let (at_desk, invite) = (world.request(desk, "INVITE"), world.request(second, "INVITE"));
    world.respond(second, &invite, 430);
    world.request(second, "ACK");
    let again = world.request(first, "INVITE");
    world.respond(first, &again, 180);
    world.response(alice, 180);
    world.respond(desk, &at_desk, 200);
    world.response(alice, 200);
    let cancel = world.request(first, "CANCEL");
    world.respond(first, &cancel, 200);
    world.respond(first, &again, 487);
    world.request(first, "ACK");
    world.ended();
}

#[test]
fn a_call_over_a_lost_flow_goes_on_over_the_other() {
    let mut flows = flows();
    let sent = flows.call();
    let Flows { mut world, alice, first, second } = flows;
    let invite = world.request(second, "INVITE");
    world.respond(second, &invite, 200);
    let answered = world.response(alice, 200);
    let mut dialog = Dialog::of_caller(&sent, &answered);
    let ack = dialog.out(&mut world, alice, "ACK");
    world.send(alice, &ack);
    world.request(second, "ACK");
    world.advance(seconds(40));
    world.close(second);
    let bye = dialog.out(&mut world, alice, "BYE");
    world.send(alice, &bye);
    let came = world.request(first, "BYE");
    world.respond(first, &came, 200);
    world.response(alice, 200);
    world.ended();
}
