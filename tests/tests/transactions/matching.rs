//! Which message belongs to which transaction (RFC 3261 17.1.3, 17.2.3, 9.2, 8.2.2.2).

use offhook_core::transaction::{Event, ServerId, ServerState};
use offhook_core::transport::Transport;
use offhook_tests::layer::{Layer, words};
use offhook_tests::sip::Text;

fn invite() -> Text {
    Text::request("INVITE", "z9hG4bKinvite")
}

fn heard(layer: &mut Layer) -> Vec<String> {
    layer.heard().into_iter().map(|(_, words)| words).collect()
}

/// The transactions of the requests that came, in order.
fn servers(layer: &mut Layer) -> Vec<ServerId> {
    let requests = layer.events().into_iter().filter_map(|event| match event {
        Event::Request { server, .. } => Some(server),
        _ => None,
    });
    requests.collect()
}

// ---- responses

#[test]
fn a_response_belongs_to_the_request_of_its_branch_and_method() {
    let mut layer = Layer::new();
    let path = layer.udp();
    let (first, second) = (Text::request("OPTIONS", "z9hG4bK1"), Text::request("OPTIONS", "z9hG4bK2"));
    layer.request(path, &first, 1);
    layer.request(path, &second, 2);
    layer.receive(path, &Text::response(&second.bytes(), 200, "b"));
    layer.receive(path, &Text::response(&first.bytes(), 404, "b"));
    assert_eq!(heard(&mut layer), ["200 OPTIONS for 2", "404 OPTIONS for 1"]);

    let other_branch = Text::request("OPTIONS", "z9hG4bK3");
    layer.receive(path, &Text::response(&other_branch.bytes(), 200, "b"));
    let other_method = Text::request("INFO", "z9hG4bK1");
    layer.receive(path, &Text::response(&other_method.bytes(), 200, "b"));
    assert!(heard(&mut layer).is_empty());
}

#[test]
fn a_cancel_and_its_invite_share_a_branch_and_nothing_else() {
    let mut layer = Layer::new();
    let path = layer.udp();
    let client = layer.request(path, &invite(), 1);
    layer.answer(path, 180, "b");
    layer.cancel(client, None);
    layer.receive(path, &Text::response(&invite().method("CANCEL").bytes(), 481, "b"));
    assert_eq!(heard(&mut layer), ["180 INVITE for 1"], "what the CANCEL got does not concern the INVITE");
    layer.receive(path, &Text::response(&invite().bytes(), 200, "b"));
    assert_eq!(heard(&mut layer), ["200 INVITE for 1"]);
}

#[test]
fn only_a_2xx_to_an_invite_is_reported_without_a_transaction() {
    let mut layer = Layer::new();
    let path = layer.udp();
    for status in [100, 180, 200, 299, 302, 486, 600] {
        layer.receive(path, &Text::response(&invite().bytes(), status, "b"));
    }
    assert_eq!(heard(&mut layer), ["stray 200 INVITE", "stray 299 INVITE"]);
    assert!(layer.sent().is_empty());
}

#[test]
fn a_response_may_come_another_way_than_the_request_went() {
    let mut layer = Layer::new();
    let there = layer.udp();
    let back = layer.flow(Transport::Tcp);
    layer.request(there, &invite(), 1);
    layer.receive(back, &Text::response(&invite().bytes(), 200, "b"));
    assert_eq!(heard(&mut layer), ["200 INVITE for 1"]);
}

// ---- requests

#[test]
fn branch_sent_by_and_method_make_a_server_transaction() {
    let mut layer = Layer::new();
    let path = layer.udp();
    let via = |sent_by: &str, branch: &str| {
        let text = Text::request("OPTIONS", "x").set("Via", &format!("SIP/2.0/UDP {sent_by};branch={branch}"));
        text.set("Call-ID", &format!("{sent_by}{branch}"))
    };
    let same = via("192.0.2.1:5060", "z9hG4bK1");
    layer.receive(path, &same);
    for other in [
        via("192.0.2.1:5061", "z9hG4bK1"),
        via("192.0.2.1", "z9hG4bK1"),
        via("192.0.2.2:5060", "z9hG4bK1"),
        via("example.com:5060", "z9hG4bK1"),
        via("[2001:db8::1]:5060", "z9hG4bK1"),
        via("192.0.2.1:5060", "z9hG4bK2"),
        same.clone().method("INFO"),
    ] {
        layer.receive(path, &other);
    }
    assert_eq!(heard(&mut layer).len(), 8);
    layer.receive(path, &same);
    // Neither does the rest of the message matter, nor where it came from, nor how the host is written.
    layer.receive(path, &same.clone().set("Call-ID", "another").set("CSeq", "9 OPTIONS"));
    let mut elsewhere = path;
    elsewhere.remote = ([203, 0, 113, 7], 5).into();
    layer.receive(elsewhere, &same);
    layer.receive(path, &via("EXAMPLE.com:5060", "z9hG4bK1"));
    assert!(heard(&mut layer).is_empty());
}

#[test]
fn an_ack_belongs_to_its_invite_if_that_was_rejected() {
    let mut layer = Layer::new();
    let path = layer.udp();
    layer.receive(path, &invite());
    let server = layer.server();
    layer.receive(path, &Text::ack(&invite(), "bob"));
    assert_eq!(layer.transactions.server_state(server), Some(ServerState::Proceeding), "nothing to acknowledge yet");
    assert!(heard(&mut layer).is_empty());
    layer.respond(server, 486);
    layer.receive(path, &Text::ack(&Text::request("INVITE", "z9hG4bKother"), "bob"));
    assert_eq!(layer.transactions.server_state(server), Some(ServerState::Completed));
    assert_eq!(heard(&mut layer), ["ACK"]);
    layer.receive(path, &Text::ack(&invite(), "bob"));
    assert_eq!(layer.transactions.server_state(server), Some(ServerState::Confirmed));
}

#[test]
fn an_ack_never_begins_a_transaction() {
    let mut layer = Layer::new();
    let path = layer.udp();
    layer.receive(path, &Text::ack(&invite(), "bob"));
    assert_eq!(heard(&mut layer), ["ACK"]);
    assert!(layer.transactions.is_empty());
}

// ---- peers of RFC 2543: no branch, or one without the magic cookie

#[test]
fn requests_of_rfc_2543_match_by_their_fields() {
    for via in [
        "SIP/2.0/UDP 192.0.2.1:5060",
        "SIP/2.0/UDP 192.0.2.1:5060;branch=1",
        "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK",
    ] {
        let mut layer = Layer::new();
        let path = layer.udp();
        let invite = invite().set("Via", via);
        layer.receive(path, &invite);
        let server = layer.server();
        layer.receive(path, &invite);
        assert!(heard(&mut layer).is_empty(), "a retransmission: {via}");
        layer.respond(server, 486);
        layer.receive(path, &invite);
        assert_eq!(layer.times("486 INVITE"), [0, 0]);
        layer.receive(path, &Text::ack(&invite, "bob"));
        assert_eq!(layer.transactions.server_state(server), Some(ServerState::Confirmed), "{via}");

        for other in [
            invite.clone().set("Call-ID", "another"),
            invite.clone().set("CSeq", "8 INVITE"),
            invite.clone().set("From", "Alice <sip:alice@example.com>;tag=other"),
            invite.clone().set("Via", "SIP/2.0/UDP 192.0.2.1:5070"),
            invite.clone().method("MESSAGE"),
            Text { start: "INVITE sip:carol@example.com SIP/2.0".into(), ..invite.clone() },
        ] {
            layer.receive(path, &other);
            assert_eq!(heard(&mut layer).len(), 1, "another transaction: {other:?}");
        }
    }
}

#[test]
fn an_ack_for_a_2xx_of_an_rfc_2543_peer_comes_up() {
    let mut layer = Layer::new();
    let path = layer.udp();
    let invite = invite().set("Via", "SIP/2.0/UDP 192.0.2.1:5060");
    layer.receive(path, &invite);
    let server = layer.server();
    layer.respond(server, 200);
    layer.receive(path, &Text::ack(&invite, "bob"));
    assert_eq!(heard(&mut layer), ["ACK"]);
}

#[test]
fn a_cancel_of_an_rfc_2543_peer_finds_its_invite() {
    let mut layer = Layer::new();
    let path = layer.udp();
    let invite = invite().set("Via", "SIP/2.0/UDP 192.0.2.1:5060");
    layer.receive(path, &invite);
    let server = layer.server();
    layer.transactions.attach(server, 4);
    layer.receive(path, &invite.method("CANCEL"));
    assert_eq!(heard(&mut layer), ["CANCEL of 4"]);
}

// ---- CANCEL

#[test]
fn a_cancel_names_the_invite_it_cancels_and_is_a_transaction_of_its_own() {
    let mut layer = Layer::new();
    let path = layer.udp();
    layer.receive(path, &invite());
    let server = layer.server();
    layer.transactions.attach(server, 4);
    layer.receive(path, &invite().method("CANCEL"));
    let events = layer.events();
    let Some(Event::Request { server: cancel, cancels, .. }) = events.first() else { panic!("{events:?}") };
    assert_eq!(*cancels, Some((server, Some(4))));
    layer.respond(*cancel, 200);
    layer.respond(server, 487);
    assert_eq!(layer.times("200 CANCEL"), [0]);
    assert_eq!(layer.times("487 INVITE"), [0]);
    layer.receive(path, &invite().method("CANCEL"));
    assert_eq!(layer.times("200 CANCEL"), [0, 0], "a retransmission");
    assert!(heard(&mut layer).is_empty());
}

#[test]
fn a_cancel_that_matches_nothing_or_no_invite_cancels_nothing() {
    let mut layer = Layer::new();
    let path = layer.udp();
    layer.receive(path, &Text::request("OPTIONS", "z9hG4bKoptions"));
    layer.receive(path, &Text::request("CANCEL", "z9hG4bKoptions"));
    layer.receive(path, &Text::request("CANCEL", "z9hG4bKnothing"));
    assert_eq!(heard(&mut layer), ["OPTIONS", "CANCEL", "CANCEL"]);
}

// ---- merged requests

#[test]
fn a_second_copy_of_a_request_by_another_way_is_merged() {
    let mut layer = Layer::new();
    let path = layer.udp();
    let copy = |branch: &str| Text::request("INVITE", branch);
    layer.receive(path, &copy("z9hG4bK1"));
    layer.receive(path, &copy("z9hG4bK2"));
    layer.receive(path, &copy("z9hG4bK3").set("CSeq", "8 INVITE"));
    layer.receive(path, &copy("z9hG4bK4").set("From", "<sip:alice@example.com>;tag=other"));
    layer.receive(path, &copy("z9hG4bK5").set("Call-ID", "other"));
    layer.receive(path, &copy("z9hG4bK6").method("MESSAGE"));
    let servers = servers(&mut layer);
    let merged: Vec<bool> = servers.iter().map(|server| layer.transactions.is_merged(*server)).collect();
    assert_eq!(merged, [false, true, false, false, false, false]);
}

#[test]
fn a_copy_counts_as_merged_as_long_as_the_first_lives() {
    let mut layer = Layer::new();
    let path = layer.udp();
    layer.receive(path, &Text::request("OPTIONS", "z9hG4bK1"));
    let first = layer.server();
    layer.respond(first, 200);
    layer.at(31_999);
    layer.receive(path, &Text::request("OPTIONS", "z9hG4bK2"));
    let second = layer.server();
    assert!(layer.transactions.is_merged(second));
    layer.respond(second, 482);
    layer.at(32_000);
    layer.receive(path, &Text::request("OPTIONS", "z9hG4bK3"));
    let third = layer.server();
    assert!(!layer.transactions.is_merged(third), "the first is over; the second was only a copy");
}

#[test]
fn ids_of_ended_transactions_name_nothing() {
    let mut layer = Layer::new();
    let path = layer.flow(Transport::Ws);
    layer.receive(path, &Text::request("OPTIONS", "z9hG4bK1"));
    let server = layer.server();
    layer.respond(server, 200);
    let client = layer.request(path, &Text::request("OPTIONS", "z9hG4bK2"), 1);
    layer.answer(path, 200, "b");
    layer.receive(path, &Text::request("OPTIONS", "z9hG4bK3"));
    let next = layer.server();
    assert_ne!(server, next);
    assert_eq!(layer.transactions.server_state(server), None);
    assert_eq!(layer.transactions.client_state(client), None);
    assert!(!layer.transactions.is_merged(server) && !layer.transactions.is_invite(server));
    assert!(layer.transactions.pending_request(server).is_none() && layer.transactions.response_path(server).is_none());
    layer.cancel(client, None);
    let before = layer.sent().len();
    layer.respond_with(server, 200, "late".into());
    assert_eq!(layer.sent().len(), before);
    assert!(layer.events().iter().all(|event| words(event) != "OPTIONS"));
}
