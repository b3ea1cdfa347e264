//! The INVITE server transaction: the 100 of RFC 3261 17.2.1, timers G, H, I, and L of RFC 6026, to the millisecond.

use std::time::Duration;

use bytes::Bytes;
use offhook_core::transaction::{ServerState, TimerConfig};
use offhook_core::transport::Transport;
use offhook_tests::layer::Layer;
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

/// When a final response that nobody acknowledges is sent, after the first time: doubling up to T2.
const SCHEDULE: [u64; 11] = [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];

const RELIABLE: [Transport; 4] = [Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss];

fn invite() -> Text {
    Text::request("INVITE", "z9hG4bKinvite")
}

fn heard(at: u64, words: &str) -> (u64, String) {
    (at, words.to_owned())
}

// ---- Proceeding

#[test]
fn a_100_goes_out_by_itself_after_200_ms() {
    for transport in RELIABLE.into_iter().chain([Transport::Udp]) {
        let mut layer = Layer::new();
        let path = layer.flow(transport);
        layer.at(1000);
        layer.receive(path, &invite());
        assert_eq!(layer.heard(), [heard(1000, "INVITE")]);
        assert_eq!(layer.next(), Some(1200));
        layer.at(60_000);
        assert_eq!(layer.sent(), [heard(1200, "100 INVITE")]);
        assert_eq!(layer.next(), None);
        let expected = "
            SIP/2.0 100 Trying
            Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKinvite
            From: Alice <sip:alice@example.com>;tag=alice
            To: Bob <sip:bob@example.com>
            Call-ID: a-call
            CSeq: 7 INVITE
            Content-Length: 0
        ";
        expect(&String::from_utf8_lossy(&layer.last().bytes()).replace("\r\n", "\n"), expected);
    }
}

#[test]
fn the_100_repeats_the_timestamp() {
    let mut layer = Layer::new();
    let path = layer.udp();
    layer.receive(path, &invite().add("Timestamp", "54"));
    layer.at(200);
    assert_eq!(layer.last().get("Timestamp"), "54");
}

#[test]
fn no_100_goes_out_where_the_user_answered_in_time() {
    for code in [100, 180, 200, 486] {
        let mut layer = Layer::new();
        let path = layer.udp();
        layer.receive(path, &invite());
        let server = layer.server();
        layer.at(199);
        layer.respond(server, code);
        layer.at(450);
        assert_eq!(layer.sent(), [(199, format!("{code} INVITE"))]);
    }
}

#[test]
fn a_retransmitted_invite_gets_the_last_provisional_response_again() {
    let mut layer = Layer::new();
    let path = layer.udp();
    layer.receive(path, &invite());
    let server = layer.server();
    layer.at(150);
    layer.receive(path, &invite());
    assert!(layer.sent().is_empty(), "there is none yet");
    layer.at(500);
    layer.receive(path, &invite());
    layer.at(600);
    layer.respond(server, 180);
    layer.at(700);
    layer.respond(server, 183);
    layer.at(1500);
    layer.receive(path, &invite());
    let expected =
        [(200, "100 INVITE"), (500, "100 INVITE"), (600, "180 INVITE"), (700, "183 INVITE"), (1500, "183 INVITE")];
    assert_eq!(layer.sent(), expected.map(|(at, label)| heard(at, label)));
    assert!(layer.heard().is_empty(), "the user hears of an INVITE once");
    assert_eq!(layer.transactions.server_state(server), Some(ServerState::Proceeding));
}

// ---- Completed and Confirmed: timers G, H, I

#[test]
fn a_rejection_is_repeated_by_timer_g_until_timer_h() {
    let mut layer = Layer::new();
    let path = layer.udp();
    layer.receive(path, &invite());
    let server = layer.server();
    layer.at(100);
    layer.transactions.attach(server, 5);
    layer.respond(server, 486);
    assert_eq!(layer.transactions.server_state(server), Some(ServerState::Completed));
    assert_eq!(layer.finish(), 32_100);
    assert_eq!(layer.times("486 INVITE"), SCHEDULE.map(|offset| 100 + offset));
    assert_eq!(layer.heard(), [heard(32_100, "no ACK for 5")]);
}

#[test]
fn other_base_values_scale_timers_g_h_and_i() {
    let timers = TimerConfig {
        t1: Duration::from_millis(100),
        t2: Duration::from_millis(300),
        t4: Duration::from_millis(1000),
        ..TimerConfig::default()
    };
    let mut layer = Layer::with(timers, 10);
    let path = layer.udp();
    layer.receive(path, &invite());
    let server = layer.server();
    layer.respond(server, 600);
    layer.at(2000);
    assert_eq!(layer.times("600 INVITE"), [0, 100, 300, 600, 900, 1200, 1500, 1800]);
    layer.receive(path, &Text::ack(&invite(), "bob"));
    assert_eq!(layer.finish(), 3000, "timer I is T4");

    let mut layer = Layer::with(timers, 10);
    let path = layer.udp();
    layer.receive(path, &invite());
    let server = layer.server();
    layer.respond(server, 600);
    assert_eq!(layer.finish(), 6400, "timer H is 64 T1");
}

#[test]
fn a_retransmitted_invite_gets_the_rejection_again_and_timer_g_goes_on() {
    let mut layer = Layer::new();
    let path = layer.udp();
    layer.receive(path, &invite());
    let server = layer.server();
    layer.respond(server, 486);
    layer.at(700);
    layer.receive(path, &invite());
    layer.at(1600);
    assert_eq!(layer.times("486 INVITE"), [0, 500, 700, 1500]);
    assert!(layer.heard().is_empty());
}

#[test]
fn an_ack_stops_timer_g_and_timer_i_absorbs_more_of_them() {
    let mut layer = Layer::new();
    let path = layer.udp();
    layer.receive(path, &invite());
    let server = layer.server();
    layer.respond(server, 486);
    layer.at(600);
    layer.receive(path, &Text::ack(&invite(), "bob"));
    assert_eq!(layer.transactions.server_state(server), Some(ServerState::Confirmed));
    layer.at(5599);
    layer.receive(path, &Text::ack(&invite(), "bob"));
    layer.receive(path, &invite());
    assert_eq!(layer.finish(), 5600, "timer I: T4 after the first ACK");
    assert_eq!(layer.times("486 INVITE"), [0, 500]);
    assert!(layer.heard().is_empty(), "this ACK is the transaction's own");
}

#[test]
fn reliable_transports_run_no_timer_g_but_timer_h() {
    for transport in RELIABLE {
        let mut layer = Layer::new();
        let path = layer.flow(transport);
        layer.receive(path, &invite());
        let server = layer.server();
        layer.respond(server, 486);
        assert_eq!(layer.finish(), 32_000);
        assert_eq!(layer.times("486 INVITE"), [0]);
        assert_eq!(layer.heard(), [heard(32_000, "no ACK")]);
    }
}

#[test]
fn timer_i_is_zero_on_a_reliable_transport() {
    for transport in RELIABLE {
        let mut layer = Layer::new();
        let path = layer.flow(transport);
        layer.receive(path, &invite());
        let server = layer.server();
        layer.respond(server, 486);
        layer.at(30);
        layer.receive(path, &Text::ack(&invite(), "bob"));
        assert!(layer.transactions.is_empty());
        assert_eq!(layer.next(), None);
        assert!(layer.heard().is_empty());
    }
}

#[test]
fn only_the_first_final_response_counts() {
    let mut layer = Layer::new();
    let path = layer.udp();
    layer.receive(path, &invite());
    let server = layer.server();
    layer.respond(server, 486);
    for (code, message) in [(200, "late"), (180, "later"), (603, "last")] {
        layer.respond_with(server, code, Bytes::from_static(message.as_bytes()));
    }
    layer.at(500);
    assert_eq!(layer.sent(), [heard(0, "486 INVITE"), heard(500, "486 INVITE")]);
    assert_eq!(layer.transactions.server_state(server), Some(ServerState::Completed));
}

// ---- Accepted: timer L

#[test]
fn after_a_2xx_retransmitted_invites_are_absorbed_until_timer_l() {
    for transport in RELIABLE.into_iter().chain([Transport::Udp]) {
        let mut layer = Layer::new();
        let path = layer.flow(transport);
        layer.receive(path, &invite());
        let server = layer.server();
        layer.at(100);
        layer.respond(server, 200);
        assert_eq!(layer.transactions.server_state(server), Some(ServerState::Accepted));
        layer.at(500);
        layer.receive(path, &invite());
        layer.at(32_099);
        layer.receive(path, &invite());
        assert_eq!(layer.times("200 INVITE"), [100], "the 2xx is the user's to repeat");
        assert!(layer.heard().is_empty());
        assert_eq!(layer.finish(), 32_100);
        assert!(layer.heard().is_empty(), "that no ACK came is the user's to notice");
    }
}

#[test]
fn the_user_repeats_its_2xx_through_the_transaction() {
    let mut layer = Layer::new();
    let path = layer.udp();
    layer.receive(path, &invite());
    let server = layer.server();
    layer.respond(server, 200);
    let ok = layer.last().bytes();
    for at in [500, 1500] {
        layer.at(at);
        layer.respond_with(server, 200, ok.clone());
    }
    assert_eq!(layer.times("200 INVITE"), [0, 500, 1500]);
    layer.respond_with(server, 486, Bytes::from_static(b"too late"));
    layer.respond_with(server, 180, Bytes::from_static(b"too late"));
    assert_eq!(layer.times("200 INVITE"), [0, 500, 1500]);
    assert_eq!(layer.sent().len(), 3);
    assert_eq!(layer.finish(), 32_000, "timer L counts from the first");
}

#[test]
fn acks_for_a_2xx_come_up_and_change_nothing() {
    let mut layer = Layer::new();
    let path = layer.udp();
    layer.receive(path, &invite());
    let server = layer.server();
    layer.respond(server, 200);
    layer.at(40);
    // Its own transaction by its branch; some peers use the INVITE's.
    layer.receive(path, &Text::ack(&Text::request("INVITE", "z9hG4bKack"), "bob"));
    layer.receive(path, &Text::ack(&invite(), "bob"));
    assert_eq!(layer.heard(), [heard(40, "ACK"), heard(40, "ACK")]);
    assert_eq!(layer.transactions.server_state(server), Some(ServerState::Accepted));
    assert_eq!(layer.finish(), 32_000);
}

#[test]
fn a_lost_flow_leaves_the_transaction_to_its_timers() {
    // RFC 6026 7.1: a transport error ends no server transaction.
    let mut layer = Layer::new();
    let path = layer.flow(Transport::Ws);
    layer.receive(path, &invite());
    let server = layer.server();
    layer.change(path, offhook_core::transport::FlowChange::Closed);
    assert_eq!(layer.heard(), [heard(0, "down")]);
    assert_eq!(layer.transactions.server_state(server), Some(ServerState::Proceeding));
    let now = offhook_core::time::Instant::from_millis(0);
    let status = offhook_core::message::StatusCode::OK;
    let result = layer.transactions.respond(now, server, status, Bytes::from_static(b"SIP/2.0 200 OK\r\n\r\n"));
    assert!(result.is_err(), "the user hears that it cannot be sent");
    assert_eq!(layer.finish(), 32_000);
    assert!(layer.sent().is_empty());
}
