//! The non-INVITE server transaction: timer J of RFC 3261 17.2.2 and the 100 of RFC 4320, to the millisecond.

use std::time::Duration;

use offhook_core::transaction::{ServerState, TimerConfig};
use offhook_core::transport::Transport;
use offhook_tests::layer::Layer;
use offhook_tests::sip::Text;

const RELIABLE: [Transport; 4] = [Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss];

fn options() -> Text {
    Text::request("OPTIONS", "z9hG4bKoptions")
}

fn heard(at: u64, words: &str) -> (u64, String) {
    (at, words.to_owned())
}

#[test]
fn a_retransmission_gets_the_same_final_response_until_timer_j() {
    for code in [200, 302, 404, 500, 603] {
        let mut layer = Layer::new();
        let path = layer.udp();
        layer.receive(path, &options());
        let server = layer.server();
        layer.at(100);
        layer.respond(server, code);
        assert_eq!(layer.transactions.server_state(server), Some(ServerState::Completed));
        for at in [500, 32_099] {
            layer.at(at);
            layer.receive(path, &options());
        }
        assert_eq!(layer.times(&format!("{code} OPTIONS")), [100, 500, 32_099]);
        assert_eq!(layer.finish(), 32_100, "timer J: 64 T1 after the response");
        assert!(layer.heard().is_empty());
        assert!(layer.bytes_sent().windows(2).all(|pair| pair[0] == pair[1]));
        layer.receive(path, &options());
        assert_eq!(layer.heard(), [heard(32_100, "OPTIONS")], "a new transaction");
    }
}

#[test]
fn other_base_values_scale_timer_j() {
    let mut layer = Layer::with(TimerConfig { t1: Duration::from_millis(10), ..TimerConfig::default() }, 10);
    let path = layer.udp();
    layer.receive(path, &options());
    let server = layer.server();
    layer.respond(server, 200);
    assert_eq!(layer.finish(), 640);
}

#[test]
fn timer_j_is_zero_on_a_reliable_transport() {
    for transport in RELIABLE {
        let mut layer = Layer::new();
        let path = layer.flow(transport);
        layer.receive(path, &options());
        let server = layer.server();
        layer.at(30);
        layer.respond(server, 200);
        assert_eq!(layer.sent(), [heard(30, "200 OPTIONS")]);
        assert!(layer.transactions.is_empty());
        assert_eq!(layer.next(), None);
    }
}

#[test]
fn a_retransmission_before_any_response_is_absorbed() {
    let mut layer = Layer::new();
    let path = layer.udp();
    layer.receive(path, &options());
    let server = layer.server();
    layer.at(500);
    layer.receive(path, &options());
    assert!(layer.sent().is_empty() && layer.heard().is_empty());
    assert_eq!(layer.transactions.server_state(server), Some(ServerState::Trying));
}

#[test]
fn a_100_goes_out_when_the_clients_timer_e_would_reach_t2() {
    // RFC 4320 4.1: not before that over UDP, and then it must.
    for transport in RELIABLE.into_iter().chain([Transport::Udp]) {
        let mut layer = Layer::new();
        let path = layer.flow(transport);
        layer.at(1000);
        layer.receive(path, &options());
        let server = layer.server();
        layer.at(20_000);
        assert_eq!(layer.sent(), [heard(4500, "100 OPTIONS")]);
        assert_eq!(layer.transactions.server_state(server), Some(ServerState::Proceeding));
        layer.receive(path, &options());
        assert_eq!(layer.times("100 OPTIONS"), [4500, 20_000], "a retransmission gets it again");
        layer.respond(server, 200);
        let over = if transport.is_reliable() { 20_000 } else { 52_000 };
        assert_eq!(layer.finish(), over);
    }
}

#[test]
fn other_base_values_move_that_100() {
    for (t1, t2, at) in [(100, 800, 700), (100, 700, 700), (100, 801, 1500), (500, 500, 500), (500, 400, 500)] {
        let t1 = Duration::from_millis(t1);
        let mut layer = Layer::with(TimerConfig { t1, t2: Duration::from_millis(t2), ..TimerConfig::default() }, 10);
        let path = layer.udp();
        layer.receive(path, &options());
        layer.at(30_000);
        assert_eq!(layer.times("100 OPTIONS"), [at]);
    }
}

#[test]
fn no_100_goes_out_where_the_user_answered_in_time() {
    let mut layer = Layer::new();
    let path = layer.udp();
    layer.receive(path, &options());
    let server = layer.server();
    layer.at(3499);
    layer.respond(server, 200);
    assert_eq!(layer.finish(), 35_499);
    assert_eq!(layer.sent(), [heard(3499, "200 OPTIONS")]);
}

#[test]
fn only_the_first_final_response_counts() {
    let mut layer = Layer::new();
    let path = layer.udp();
    layer.receive(path, &options());
    let server = layer.server();
    layer.respond(server, 200);
    layer.respond_with(server, 404, "late".into());
    layer.respond_with(server, 100, "later".into());
    layer.receive(path, &options());
    assert_eq!(layer.sent(), [heard(0, "200 OPTIONS"), heard(0, "200 OPTIONS")]);
}
