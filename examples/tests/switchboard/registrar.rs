//! Registrations.

use offhook_core::message::{Name, Response};
use offhook_examples::switchboard::{Config, Expires};

use crate::world::{Id, World, seconds};

fn contacts(response: &Response) -> Vec<String> {
    response.addresses(Name::Contact).map(|contact| contact.unwrap().as_str().to_owned()).collect()
}

fn bindings(world: &World, user: &str) -> Vec<String> {
    world.board.bindings(user).map(|binding| binding.contact.clone()).collect()
}

/// A REGISTER of the phone's contact, ready to be changed.
fn wanted(world: &mut World, phone: Id) -> crate::world::Out {
    let mut out = world.out(phone, "REGISTER", "sip:localhost");
    out.to = format!("<sip:{}@localhost>", world.phones[phone].user);
    out
}

#[test]
fn a_challenge_offers_both_algorithms_the_strongest_first() {
    let mut world = World::new();
    let alice = world.udp("alice", 6001);
    let out = wanted(&mut world, alice);
    world.send(alice, &out);
    let response = world.response(alice, 401);
    let algorithms: Vec<String> = response
        .challenges(Name::WwwAuthenticate)
        .map(|challenge| challenge.unwrap().param("algorithm").unwrap().into_owned())
        .collect();
    assert_eq!(algorithms, ["SHA-256", "MD5"]);
    assert_eq!(world.board.counts().bindings, 0);
}

#[test]
fn a_contact_is_registered_and_listed() {
    let mut world = World::new();
    let alice = world.udp("alice", 6001);
    let response = world.register(alice, &["Expires: 60"]);
    assert_eq!(response.status().code(), 200);
    assert_eq!(contacts(&response), ["<sip:alice@127.0.0.1:6001>;expires=60"]);
    world.advance(seconds(15));
    assert_eq!(contacts(&world.register(alice, &["X-No-Contact: x"])), ["<sip:alice@127.0.0.1:6001>;expires=45"]);
    world.ended();
}

#[test]
fn a_wrong_password_is_challenged_again_and_nothing_changes() {
    let mut world = World::new();
    let alice = world.udp("alice", 6001);
    world.set_password(alice, "wrong");
    let response = world.register(alice, &[]);
    assert_eq!(response.status().code(), 401);
    assert!(response.challenges(Name::WwwAuthenticate).all(|challenge| challenge.unwrap().param("stale").is_none()));
    assert_eq!(world.board.counts().bindings, 0);
}

#[test]
fn nobody_registers_for_somebody_else() {
    let mut world = World::new();
    let alice = world.udp("alice", 6001);
    let mut out = wanted(&mut world, alice);
    out.to = "<sip:bob@localhost>".to_owned();
    world.authorized(alice, &out);
    world.response(alice, 403);
    assert_eq!(world.board.counts().bindings, 0);
}

#[test]
fn a_user_has_several_contacts_each_with_its_own_time() {
    let mut world = World::new();
    let desk = world.udp("alice", 6001);
    let browser = world.ws("alice", 40001);
    world.register(desk, &["Contact: <sip:alice@127.0.0.1:6001>;q=0.5;expires=20", "Expires: 100"]);
    world.register(browser, &["Expires: 100"]);
    assert_eq!(bindings(&world, "alice").len(), 2);
    world.advance(seconds(19));
    let listed = contacts(&world.register(browser, &["X-No-Contact: x"]));
    assert_eq!(
        listed,
        ["<sip:alice@127.0.0.1:6001>;q=0.5;expires=1", "<sip:alice@alice40001.invalid;transport=ws>;expires=81",]
    );
    world.advance(seconds(1));
    assert_eq!(bindings(&world, "alice"), ["sip:alice@alice40001.invalid;transport=ws"]);
    world.advance(seconds(80));
    assert_eq!(world.board.counts().bindings, 0);
    assert!(world.notices.iter().any(|line| line == "alice: sip:alice@127.0.0.1:6001 expired"));
}

#[test]
fn a_contact_is_refreshed_and_taken_back() {
    let mut world = World::new();
    let alice = world.udp("alice", 6001);
    world.register(alice, &["Expires: 60"]);
    world.advance(seconds(59));
    world.register(alice, &["Expires: 60"]);
    world.advance(seconds(59));
    assert_eq!(bindings(&world, "alice").len(), 1);
    assert_eq!(contacts(&world.register(alice, &["Expires: 0"])), Vec::<String>::new());
    assert_eq!(world.board.counts().bindings, 0);
}

#[test]
fn a_star_takes_back_everything_and_stands_alone() {
    let mut world = World::new();
    let alice = world.udp("alice", 6001);
    let other = world.udp("alice", 6002);
    world.register(alice, &[]);
    world.register(other, &[]);
    assert_eq!(world.register(alice, &["Contact: *", "Expires: 60"]).status().code(), 400);
    assert_eq!(world.register(alice, &["Contact: *", "Contact: <sip:a@b>", "Expires: 0"]).status().code(), 400);
    assert_eq!(world.board.counts().bindings, 2);
    assert_eq!(world.register(alice, &["Contact: *", "Expires: 0"]).status().code(), 200);
    assert_eq!(world.board.counts().bindings, 0);
}

#[test]
fn too_short_a_time_is_refused_and_too_long_a_one_cut() {
    let mut world = World::with(Config { expires: Expires { default: 60, min: 30, max: 90 }, ..Config::default() });
    let alice = world.udp("alice", 6001);
    let response = world.register(alice, &["Expires: 29"]);
    assert_eq!((response.status().code(), response.number(Name::MinExpires)), (423, Ok(Some(30))));
    assert_eq!(contacts(&world.register(alice, &["Expires: 1000"])), ["<sip:alice@127.0.0.1:6001>;expires=90"]);
    assert_eq!(contacts(&world.register(alice, &[])), ["<sip:alice@127.0.0.1:6001>;expires=60"]);
}

#[test]
fn a_register_that_was_overtaken_changes_nothing() {
    let mut world = World::new();
    let alice = world.udp("alice", 6001);
    let mut out = wanted(&mut world, alice);
    out.cseq = 10;
    world.authorized(alice, &out);
    world.response(alice, 200);
    out.cseq = 5;
    out.lines = vec!["Contact: <sip:alice@127.0.0.1:6001>".to_owned(), "Expires: 0".to_owned()];
    let out = world.again(&out);
    world.authorized(alice, &out);
    world.response(alice, 500);
    assert_eq!(world.board.counts().bindings, 1);
}

#[test]
fn only_so_many_contacts_fit() {
    let mut config = Config::default();
    config.limits.contacts = 2;
    let mut world = World::with(config);
    let alice = world.udp("alice", 6001);
    let line = |ports: &[u16]| {
        let contacts: Vec<String> = ports.iter().map(|port| format!("<sip:alice@127.0.0.1:{port}>")).collect();
        format!("Contact: {}", contacts.join(", "))
    };
    assert_eq!(world.register(alice, &[&line(&[1, 2, 3])]).status().code(), 403);
    assert_eq!(world.register(alice, &[&line(&[1, 2])]).status().code(), 200);
    assert_eq!(world.register(alice, &[&line(&[2])]).status().code(), 200);
    assert_eq!(world.register(alice, &[&line(&[3])]).status().code(), 403);
}

#[test]
fn contacts_go_with_their_connection() {
    let mut world = World::new();
    let browser = world.ws("alice", 40001);
    let desk = world.udp("alice", 6001);
    world.register(browser, &[]);
    world.register(desk, &[]);
    world.close(browser);
    assert_eq!(bindings(&world, "alice"), ["sip:alice@127.0.0.1:6001"]);
    assert_eq!(world.board.counts().flows, 1);
    assert!(world.notices.iter().any(|line| line.ends_with("lost its connection")));
}

#[test]
fn an_instance_that_comes_back_replaces_its_old_flow() {
    let mut world = World::new();
    let contact = |host: &str| {
        format!("Contact: <sip:alice@{host}.invalid;transport=ws>;+sip.instance=\"<urn:uuid:1>\";reg-id=1")
    };
    let before = world.ws("alice", 40001);
    let after = world.ws("alice", 40002);
    let response = world.register(before, &[&contact("a"), "Supported: path, outbound"]);
    assert_eq!(response.tokens(Name::Require).collect::<Vec<_>>(), ["outbound"]);
    assert!(contacts(&response)[0].ends_with(";+sip.instance=\"<urn:uuid:1>\";reg-id=1;expires=3600"));
    world.register(after, &[&contact("b"), "Supported: outbound"]);
    assert_eq!(bindings(&world, "alice"), ["sip:alice@b.invalid;transport=ws"]);
}

/// A Contact of one of an instance's flows.
fn flow(host: &str, instance: u32, number: u32) -> String {
    format!("Contact: <sip:alice@{host}>;+sip.instance=\"<urn:uuid:{instance}>\";reg-id={number}")
}

#[test]
fn flows_are_told_apart_by_instance_and_number_not_by_their_contact() {
    let mut world = World::new();
    let phones: Vec<Id> = (1..=3).map(|n| world.ws("alice", 40000 + n)).collect();
    // Two flows of one, and somebody else behind another router with the same private address.
    for (phone, instance, number) in [(phones[0], 1, 1), (phones[1], 1, 2), (phones[2], 2, 1)] {
        let line = flow("192.168.0.2", instance, number);
        assert_eq!(world.register(phone, &[&line, "Supported: outbound"]).status().code(), 200);
    }
    assert_eq!(bindings(&world, "alice").len(), 3);
    let moved = world.ws("alice", 40004);
    world.register(moved, &[&flow("192.168.0.9", 1, 2), "Supported: outbound"]);
    assert_eq!(
        bindings(&world, "alice"),
        ["sip:alice@192.168.0.2", "sip:alice@192.168.0.2", "sip:alice@192.168.0.9"],
        "the second flow of the first has moved"
    );
    // Nothing but its number and instance is needed to take it back.
    world.register(moved, &[&flow("elsewhere.invalid", 1, 2), "Expires: 0"]);
    assert_eq!(bindings(&world, "alice"), ["sip:alice@192.168.0.2", "sip:alice@192.168.0.2"]);
}

#[test]
fn a_contact_without_an_instance_is_replaced_by_its_uri() {
    let mut world = World::new();
    let (phone, other) = (world.ws("alice", 40001), world.ws("alice", 40002));
    let plain = "Contact: <sip:alice@192.168.0.2>";
    world.register(phone, &[plain]);
    world.register(other, &["Contact: <sip:alice@192.168.0.2;transport=ws>"]);
    assert_eq!(bindings(&world, "alice").len(), 2, "another URI");
    world.register(other, &[plain]);
    let paths: Vec<_> = world.board.bindings("alice").map(|binding| binding.path).collect();
    assert_eq!(paths, [world.phones[other].path; 2]);
    // The same phone after an update that taught it RFC 5626.
    world.register(other, &[&flow("192.168.0.2", 1, 1), "Supported: outbound"]);
    assert_eq!(bindings(&world, "alice").len(), 2);
    // A number without an instance, or number 0, is none.
    for line in ["Contact: <sip:alice@a.invalid>;reg-id=1".to_owned(), flow("a.invalid", 7, 0)] {
        let response = world.register(other, &[&line, "Supported: outbound"]);
        assert_eq!((response.status().code(), response.count(Name::Require)), (200, 1), "{line}");
        assert_eq!(bindings(&world, "alice").iter().filter(|uri| uri.contains("a.invalid")).count(), 1);
    }
}

#[test]
fn one_flow_is_registered_at_a_time() {
    let mut world = World::new();
    let alice = world.ws("alice", 40001);
    let both = format!("{}, <sip:alice@192.168.0.3>", flow("192.168.0.2", 1, 1));
    assert_eq!(world.register(alice, &[&both]).status().code(), 400);
    // Others may be taken back with it.
    let moved = format!("{}, <sip:alice@192.168.0.3>;expires=0", flow("192.168.0.2", 1, 1));
    assert_eq!(world.register(alice, &[&moved]).status().code(), 200);
    assert_eq!(bindings(&world, "alice").len(), 1);
}

#[test]
fn behind_a_proxy_that_knows_no_flows_there_are_none() {
    let mut world = World::new();
    let alice = world.ws("alice", 40001);
    let line = flow("192.168.0.2", 1, 1);
    let via = "Via: SIP/2.0/UDP 192.168.0.2;branch=z9hG4bKdeeper";
    assert_eq!(world.register(alice, &[via, &line, "Supported: outbound"]).status().code(), 439);
    assert_eq!(world.register(alice, &[via, &line]).status().code(), 200, "then it is a contact like any other");
    assert_eq!(world.register(alice, &["Contact: <sip:alice@192.168.0.2>"]).status().code(), 200);
    assert_eq!(bindings(&world, "alice").len(), 1);
}

#[test]
fn what_is_required_must_be_known() {
    let mut world = World::new();
    let alice = world.udp("alice", 6001);
    let out = wanted(&mut world, alice).line("Require: gruu, outbound");
    world.send(alice, &out);
    let response = world.response(alice, 420);
    assert_eq!(response.tokens(Name::Unsupported).collect::<Vec<_>>(), ["gruu"]);
}

#[test]
fn a_nonce_grows_old() {
    let mut world = World::new();
    let alice = world.udp("alice", 6001);
    let out = wanted(&mut world, alice);
    let sent = world.authorized(alice, &out);
    world.response(alice, 200);
    world.advance(seconds(3000));
    let mut late = world.again(&sent);
    late.lines.retain(|line| !line.starts_with("Contact"));
    world.send(alice, &late);
    let response = world.response(alice, 401);
    let stale =
        response.challenges(Name::WwwAuthenticate).next().unwrap().unwrap().param("stale").unwrap().into_owned();
    assert_eq!(stale, "true");
}
