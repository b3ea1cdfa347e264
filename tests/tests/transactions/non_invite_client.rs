//! The non-INVITE client transaction: timers E, F, K of RFC 3261 17.1.2, to the millisecond.

use std::time::Duration;

use offhook_core::transaction::{ClientState, TimerConfig};
use offhook_core::transport::Transport;
use offhook_tests::layer::Layer;
use offhook_tests::sip::Text;

/// When an unanswered request is sent with the timers of RFC 3261: doubling up to T2.
const SCHEDULE: [u64; 11] = [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];

fn options() -> Text {
    Text::request("OPTIONS", "z9hG4bKoptions")
}

fn heard(at: u64, words: &str) -> (u64, String) {
    (at, words.to_owned())
}

#[test]
fn an_unanswered_request_is_sent_eleven_times_and_fails_by_timer_f() {
    for method in ["OPTIONS", "REGISTER", "BYE", "MESSAGE", "SUBSCRIBE", "PRACK", "FOO"] {
        let mut layer = Layer::new();
        let path = layer.udp();
        layer.request(path, &Text::request(method, "z9hG4bK1"), 1);
        assert_eq!(layer.finish(), 32_000);
        assert_eq!(layer.times(method), SCHEDULE);
        assert_eq!(layer.heard(), [heard(32_000, "timer F for 1")]);
    }
}

#[test]
fn other_base_values_scale_timers_e_and_f() {
    let timers = TimerConfig {
        t1: Duration::from_millis(100),
        t2: Duration::from_millis(800),
        t4: Duration::from_millis(1000),
        ..TimerConfig::default()
    };
    let mut layer = Layer::with(timers, 10);
    let path = layer.udp();
    layer.request(path, &options(), 1);
    assert_eq!(layer.finish(), 6400);
    assert_eq!(layer.times("OPTIONS"), [0, 100, 300, 700, 1500, 2300, 3100, 3900, 4700, 5500, 6300]);

    let mut layer = Layer::with(timers, 10);
    let path = layer.udp();
    layer.request(path, &options(), 1);
    layer.answer(path, 200, "b1");
    assert_eq!(layer.finish(), 1000, "timer K is T4");
}

#[test]
fn a_reliable_transport_sends_once_and_still_fails_by_timer_f() {
    for transport in [Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss] {
        let mut layer = Layer::new();
        let path = layer.flow(transport);
        layer.request(path, &options(), 1);
        assert_eq!(layer.finish(), 32_000);
        assert_eq!(layer.times("OPTIONS"), [0]);
        assert_eq!(layer.heard(), [heard(32_000, "timer F for 1")]);
    }
}

#[test]
fn in_proceeding_it_is_sent_every_t2_until_timer_f() {
    let mut layer = Layer::new();
    let path = layer.udp();
    let client = layer.request(path, &options(), 1);
    layer.at(600);
    layer.answer(path, 100, "");
    assert_eq!(layer.transactions.client_state(client), Some(ClientState::Proceeding));
    layer.at(6000);
    layer.answer(path, 100, "");
    assert_eq!(layer.finish(), 32_000, "a provisional response does not put timer F off");
    // The interval that runs ends as it was set, then it is T2 (17.1.2.2).
    assert_eq!(layer.times("OPTIONS"), [0, 500, 1500, 5500, 9500, 13_500, 17_500, 21_500, 25_500, 29_500]);
    let expected = [heard(600, "100 OPTIONS for 1"), heard(6000, "100 OPTIONS for 1"), heard(32_000, "timer F for 1")];
    assert_eq!(layer.heard(), expected);
}

#[test]
fn a_final_response_ends_it_and_its_retransmissions_are_absorbed_until_timer_k() {
    for status in [200, 302, 404, 500, 603] {
        let mut layer = Layer::new();
        let path = layer.udp();
        let client = layer.request(path, &options(), 1);
        layer.at(700);
        layer.answer(path, status, "b1");
        assert_eq!(layer.transactions.client_state(client), Some(ClientState::Completed));
        for at in [1200, 5699] {
            layer.at(at);
            layer.answer(path, status, "b1");
        }
        assert_eq!(layer.finish(), 5700, "timer K: T4 after the response");
        assert_eq!(layer.times("OPTIONS"), [0, 500]);
        assert_eq!(layer.heard(), [(700, format!("{status} OPTIONS for 1"))]);
        layer.answer(path, status, "b1");
        assert!(layer.heard().is_empty(), "only a 2xx to an INVITE is worth reporting when nothing matches");
    }
}

#[test]
fn a_final_response_after_a_provisional_one() {
    let mut layer = Layer::new();
    let path = layer.udp();
    layer.request(path, &options(), 1);
    layer.at(3600);
    layer.answer(path, 100, "");
    layer.at(8000);
    layer.answer(path, 200, "b1");
    assert_eq!(layer.finish(), 13_000);
    assert_eq!(layer.times("OPTIONS"), [0, 500, 1500, 3500, 7500]);
}

#[test]
fn timer_k_is_zero_on_a_reliable_transport() {
    for transport in [Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss] {
        let mut layer = Layer::new();
        let path = layer.flow(transport);
        layer.request(path, &options(), 1);
        layer.answer(path, 100, "");
        layer.at(40);
        layer.answer(path, 200, "b1");
        assert!(layer.transactions.is_empty());
        assert_eq!(layer.next(), None);
    }
}
