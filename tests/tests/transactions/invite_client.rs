//! The INVITE client transaction: timers A, B, D of RFC 3261 17.1.1 and M of RFC 6026, its ACK and its CANCEL, to the
//! millisecond.

use std::time::Duration;

use offhook_core::transaction::{ClientState, TimerConfig};
use offhook_core::transport::Transport;
use offhook_tests::layer::Layer;
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

/// When an unanswered INVITE is sent with the timers of RFC 3261.
const SCHEDULE: [u64; 7] = [0, 500, 1500, 3500, 7500, 15_500, 31_500];

fn invite() -> Text {
    Text::request("INVITE", "z9hG4bKinvite")
}

fn fast() -> TimerConfig {
    TimerConfig {
        t1: Duration::from_millis(100),
        t2: Duration::from_millis(800),
        t4: Duration::from_millis(1000),
        d: Duration::from_millis(6500),
    }
}

fn heard(at: u64, words: &str) -> (u64, String) {
    (at, words.to_owned())
}

// ---- timers A and B

#[test]
fn an_unanswered_invite_is_sent_seven_times_and_fails_by_timer_b() {
    let mut layer = Layer::new();
    let path = layer.udp();
    layer.request(path, &invite(), 1);
    assert_eq!(layer.next(), Some(500));
    assert_eq!(layer.finish(), 32_000);
    assert_eq!(layer.times("INVITE"), SCHEDULE);
    assert_eq!(layer.heard(), [heard(32_000, "timer B for 1")]);
    assert!(layer.bytes_sent().iter().all(|bytes| *bytes == invite().bytes()), "every copy is the same");
}

#[test]
fn other_base_values_scale_timers_a_and_b() {
    let mut layer = Layer::with(fast(), 10);
    let path = layer.udp();
    layer.request(path, &invite(), 1);
    assert_eq!(layer.finish(), 6400);
    assert_eq!(layer.times("INVITE"), [0, 100, 300, 700, 1500, 3100, 6300], "timer A has no upper bound, unlike E");
}

#[test]
fn a_reliable_transport_sends_once_and_still_fails_by_timer_b() {
    for transport in [Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss] {
        let mut layer = Layer::new();
        let path = layer.flow(transport);
        layer.request(path, &invite(), 1);
        assert_eq!(layer.next(), Some(32_000));
        assert_eq!(layer.finish(), 32_000);
        assert_eq!(layer.times("INVITE"), [0]);
        assert_eq!(layer.heard(), [heard(32_000, "timer B for 1")]);
    }
}

#[test]
fn timer_b_counts_from_the_request_not_from_the_connection() {
    let mut layer = Layer::new();
    let path = layer.open(Transport::Ws);
    layer.request(path, &invite(), 1);
    layer.at(20_000);
    assert!(layer.sent().is_empty());
    layer.connected(path);
    assert_eq!(layer.times("INVITE"), [20_000]);
    assert_eq!(layer.finish(), 32_000);
    assert_eq!(layer.heard(), [heard(20_000, "up"), heard(32_000, "timer B for 1")]);
}

// ---- provisional responses

#[test]
fn a_provisional_response_stops_timers_a_and_b() {
    let mut layer = Layer::new();
    let path = layer.udp();
    let client = layer.request(path, &invite(), 1);
    layer.at(1600);
    layer.answer(path, 100, "");
    assert_eq!(layer.transactions.client_state(client), Some(ClientState::Proceeding));
    assert_eq!(layer.next(), None, "it may ring for as long as it wants");
    layer.at(600_000);
    layer.answer(path, 180, "b1");
    layer.answer(path, 183, "b1");
    assert_eq!(layer.times("INVITE"), [0, 500, 1500]);
    let expected =
        [heard(1600, "100 INVITE for 1"), heard(600_000, "180 INVITE for 1"), heard(600_000, "183 INVITE for 1")];
    assert_eq!(layer.heard(), expected);
}

// ---- final responses other than 2xx: timer D and the ACK

#[test]
fn a_rejection_is_acknowledged_and_its_retransmissions_are_absorbed_until_timer_d() {
    let mut layer = Layer::new();
    let path = layer.udp();
    let client = layer.request(path, &invite(), 1);
    layer.at(700);
    layer.answer(path, 486, "b1");
    assert_eq!(layer.transactions.client_state(client), Some(ClientState::Completed));
    let busy = Text::response(&invite().bytes(), 486, "b1");
    for at in [1200, 2200, 32_699] {
        layer.at(at);
        layer.receive(path, &busy);
    }
    assert_eq!(layer.finish(), 32_700, "timer D: 32 s after the response");
    assert_eq!(layer.times("INVITE"), [0, 500]);
    assert_eq!(layer.times("ACK"), [700, 1200, 2200, 32_699]);
    assert_eq!(layer.heard(), [heard(700, "486 INVITE for 1")], "only the first comes up");
    layer.receive(path, &busy);
    assert_eq!(layer.times("ACK").len(), 4, "nothing matches after timer D");
    assert!(layer.heard().is_empty());
}

#[test]
fn timer_d_can_be_set() {
    let mut layer = Layer::with(fast(), 10);
    let path = layer.udp();
    layer.request(path, &invite(), 1);
    layer.answer(path, 600, "b1");
    assert_eq!(layer.finish(), 6500);
}

#[test]
fn timer_d_is_zero_on_a_reliable_transport() {
    for transport in [Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss] {
        let mut layer = Layer::new();
        let path = layer.flow(transport);
        layer.request(path, &invite(), 1);
        layer.at(50);
        layer.answer(path, 404, "b1");
        assert_eq!(layer.times("ACK"), [50]);
        assert!(layer.transactions.is_empty());
        assert_eq!(layer.next(), None);
        assert_eq!(layer.heard(), [heard(50, "404 INVITE for 1")]);
    }
}

#[test]
fn every_class_of_rejection_is_acknowledged() {
    for status in [300, 302, 401, 407, 487, 500, 503, 600, 699] {
        let mut layer = Layer::new();
        let path = layer.udp();
        layer.request(path, &invite(), 1);
        layer.answer(path, 180, "b1");
        layer.answer(path, status, "b1");
        assert_eq!(layer.times("ACK"), [0], "{status}");
        assert_eq!(layer.finish(), 32_000);
    }
}

#[test]
fn the_ack_is_made_of_the_invite_and_the_to_of_the_response() {
    let mut layer = Layer::new();
    let path = layer.udp();
    let mut invite = Text::request("INVITE", "z9hG4bKx.1")
        .set("Via", "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKx.1;rport")
        .set("Max-Forwards", "69")
        .add("Route", "<sip:p1.example.com;lr>, <sip:p2.example.com;lr>")
        .add("Route", "<sip:p3.example.com;lr>")
        .add("Contact", "<sip:alice@192.0.2.9>")
        .add("Supported", "100rel")
        .add("Content-Type", "text/plain")
        .set("Content-Length", "2");
    invite.start = "INVITE sip:bob@example.com;transport=udp SIP/2.0".into();
    invite.body = "hi".into();
    layer.request(path, &invite, 1);
    let mut response = Text::response(&invite.bytes(), 488, "b;x=y");
    response = response.set("Via", "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKx.1;rport=5060;received=192.0.2.9");
    layer.receive(path, &response);
    expect(
        &String::from_utf8_lossy(&layer.last().bytes()).replace("\r\n", "\n"),
        "
        ACK sip:bob@example.com;transport=udp SIP/2.0
        Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKx.1;rport
        Max-Forwards: 69
        Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>
        Route: <sip:p3.example.com;lr>
        From: Alice <sip:alice@example.com>;tag=alice
        To: Bob <sip:bob@example.com>;tag=b;x=y
        Call-ID: a-call
        CSeq: 7 ACK
        Content-Length: 0
        ",
    );
    assert_eq!(layer.last_path(), path, "where the INVITE went");
}

#[test]
fn what_comes_after_a_rejection_changes_nothing() {
    let mut layer = Layer::new();
    let path = layer.udp();
    layer.request(path, &invite(), 1);
    layer.answer(path, 486, "b1");
    layer.heard();
    layer.receive(path, &Text::response(&invite().bytes(), 180, "b1"));
    assert!(layer.heard().is_empty());
    assert_eq!(layer.times("ACK"), [0]);
    assert_eq!(layer.finish(), 32_000);
}

#[test]
fn a_2xx_after_a_rejection_is_reported_so_that_it_can_be_acknowledged_and_ended() {
    // A proxy passes a late 2xx of a fork on even after it sent another final response (RFC 3261 16.7).
    let mut layer = Layer::new();
    let path = layer.udp();
    layer.request(path, &invite(), 1);
    layer.answer(path, 408, "proxy");
    layer.heard();
    layer.receive(path, &Text::response(&invite().bytes(), 200, "b2"));
    assert_eq!(layer.heard(), [heard(0, "stray 200 INVITE")]);
    assert_eq!(layer.times("ACK"), [0], "a 2xx is acknowledged by the user");
    assert_eq!(layer.finish(), 32_000);
}

// ---- 2xx: timer M

#[test]
fn every_2xx_comes_up_until_timer_m_and_none_is_acknowledged_here() {
    let mut layer = Layer::new();
    let path = layer.udp();
    let client = layer.request(path, &invite(), 1);
    layer.at(600);
    layer.answer(path, 180, "b1");
    layer.at(3000);
    layer.answer(path, 200, "b1");
    assert_eq!(layer.transactions.client_state(client), Some(ClientState::Accepted));
    layer.at(3500);
    layer.answer(path, 200, "b1");
    layer.at(4000);
    layer.answer(path, 202, "b2");
    layer.at(34_999);
    layer.answer(path, 200, "b3");
    layer.heard();
    assert_eq!(layer.finish(), 35_000, "64 T1 after the first 2xx, whatever came since");
    assert_eq!(layer.sent(), [heard(0, "INVITE"), heard(500, "INVITE")]);
    layer.receive(path, &Text::response(&invite().bytes(), 200, "b4"));
    assert_eq!(layer.heard(), [heard(35_000, "stray 200 INVITE")]);
}

#[test]
fn forks_come_up_one_by_one() {
    let mut layer = Layer::new();
    let path = layer.udp();
    layer.request(path, &invite(), 9);
    for (at, tag) in [(10, "b1"), (20, "b2"), (30, "b1")] {
        layer.at(at);
        layer.answer(path, 200, tag);
    }
    let tags: Vec<String> = layer.events().iter().filter_map(tag_of).collect();
    assert_eq!(tags, ["b1", "b2", "b1"]);
}

fn tag_of(event: &offhook_core::transaction::Event<u32>) -> Option<String> {
    match event {
        offhook_core::transaction::Event::Response { response, .. } => Some(response.to().ok()?.tag()?.to_owned()),
        _ => None,
    }
}

#[test]
fn timer_m_runs_on_reliable_transports_too() {
    for transport in [Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss] {
        let mut layer = Layer::with(fast(), 10);
        let path = layer.flow(transport);
        layer.request(path, &invite(), 1);
        layer.at(1000);
        layer.answer(path, 200, "b1");
        assert_eq!(layer.finish(), 7400);
    }
}

#[test]
fn what_is_no_2xx_is_ignored_once_accepted() {
    let mut layer = Layer::new();
    let path = layer.udp();
    layer.request(path, &invite(), 1);
    layer.answer(path, 200, "b1");
    layer.heard();
    layer.answer(path, 180, "b2");
    layer.answer(path, 486, "b2");
    assert!(layer.heard().is_empty());
    assert!(layer.times("ACK").is_empty());
    assert_eq!(layer.finish(), 32_000);
}

// ---- CANCEL

#[test]
fn a_cancel_is_made_of_the_invite() {
    let mut layer = Layer::new();
    let path = layer.udp();
    let invite = invite()
        .set("Via", "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKinvite;rport")
        .add("Route", "<sip:p1.example.com;lr>")
        .add("Route", "<sip:p2.example.com;lr>")
        .add("Require", "100rel")
        .add("Contact", "<sip:alice@192.0.2.9>");
    let client = layer.request(path, &invite, 1);
    layer.answer(path, 180, "b1");
    layer.cancel(client, Some("SIP;cause=200;text=\"Call completed elsewhere\""));
    expect(
        &String::from_utf8_lossy(&layer.last().bytes()).replace("\r\n", "\n"),
        r#"
        CANCEL sip:bob@example.com SIP/2.0
        Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKinvite;rport
        Max-Forwards: 70
        Route: <sip:p1.example.com;lr>
        Route: <sip:p2.example.com;lr>
        From: Alice <sip:alice@example.com>;tag=alice
        To: Bob <sip:bob@example.com>
        Reason: SIP;cause=200;text="Call completed elsewhere"
        Call-ID: a-call
        CSeq: 7 CANCEL
        Content-Length: 0
        "#,
    );
    assert_eq!(layer.last_path(), path);
}

#[test]
fn a_cancel_waits_for_something_provisional() {
    let mut layer = Layer::new();
    let path = layer.udp();
    let client = layer.request(path, &invite(), 1);
    layer.at(100);
    layer.cancel(client, None);
    layer.at(1700);
    assert!(layer.times("CANCEL").is_empty());
    assert_eq!(layer.times("INVITE"), [0, 500, 1500], "the INVITE is still to be heard");
    layer.answer(path, 100, "");
    assert_eq!(layer.times("CANCEL"), [1700]);
    layer.cancel(client, None);
    assert_eq!(layer.times("CANCEL"), [1700], "once");
}

#[test]
fn a_cancelled_call_ends_by_its_487() {
    let mut layer = Layer::new();
    let path = layer.udp();
    let client = layer.request(path, &invite(), 1);
    layer.answer(path, 180, "b1");
    layer.at(1000);
    layer.cancel(client, None);
    layer.at(1010);
    layer.answer(path, 200, "b1"); // to the CANCEL
    layer.at(1020);
    layer.receive(path, &Text::response(&invite().bytes(), 487, "b1"));
    let expected = [heard(0, "180 INVITE for 1"), heard(1020, "487 INVITE for 1")];
    assert_eq!(layer.heard(), expected, "the CANCEL's own answer is nobody's");
    assert_eq!(layer.times("CANCEL"), [1000]);
    assert_eq!(layer.times("ACK"), [1020]);
    assert_eq!(layer.finish(), 33_020, "timer D; timer K of the CANCEL was over before");
}

#[test]
fn a_cancel_nobody_answers_is_retransmitted_and_the_invite_fails_64_t1_after_it() {
    let mut layer = Layer::new();
    let path = layer.udp();
    let client = layer.request(path, &invite(), 1);
    layer.answer(path, 180, "b1");
    layer.at(10_000);
    layer.cancel(client, None);
    assert_eq!(layer.finish(), 42_000);
    let offsets = [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
    assert_eq!(layer.times("CANCEL"), offsets.map(|offset| 10_000 + offset));
    assert_eq!(layer.heard(), [heard(0, "180 INVITE for 1"), heard(42_000, "timer B for 1")]);
}

#[test]
fn a_cancelled_invite_without_a_final_response_fails_64_t1_after_the_cancel() {
    let mut layer = Layer::new();
    let path = layer.flow(Transport::Ws);
    let client = layer.request(path, &invite(), 1);
    layer.answer(path, 180, "b1");
    layer.at(10_000);
    layer.cancel(client, None);
    layer.answer(path, 200, "b1");
    layer.at(20_000);
    layer.receive(path, &Text::response(&invite().bytes(), 180, "b1"));
    assert_eq!(layer.finish(), 42_000, "more ringing does not put it off");
    assert_eq!(layer.times("CANCEL"), [10_000]);
    let last = layer.heard().pop();
    assert_eq!(last, Some(heard(42_000, "timer B for 1")));
}

#[test]
fn a_call_answered_in_the_moment_of_the_cancel_is_answered() {
    let mut layer = Layer::new();
    let path = layer.udp();
    let client = layer.request(path, &invite(), 1);
    layer.answer(path, 180, "b1");
    layer.cancel(client, None);
    layer.receive(path, &Text::response(&invite().bytes(), 200, "b1"));
    let heard_words: Vec<String> = layer.heard().into_iter().map(|(_, words)| words).collect();
    assert_eq!(heard_words, ["180 INVITE for 1", "200 INVITE for 1"]);
    assert_eq!(layer.finish(), 32_000, "timer M replaced the CANCEL's bound");
}

#[test]
fn a_final_response_takes_a_waiting_cancel_back() {
    for (status, tag) in [(200, "b1"), (486, "b1")] {
        let mut layer = Layer::new();
        let path = layer.udp();
        let client = layer.request(path, &invite(), 1);
        layer.cancel(client, None);
        layer.at(300);
        layer.answer(path, status, tag);
        layer.at(400);
        // Late, overtaken by the final response: no reason to cancel any more.
        layer.receive(path, &Text::response(&invite().bytes(), 180, tag));
        assert!(layer.times("CANCEL").is_empty(), "after {status}");
        assert_eq!(layer.finish(), 32_300, "after {status}");
    }
}

#[test]
fn nothing_is_cancelled_after_a_final_response() {
    let mut layer = Layer::new();
    let path = layer.udp();
    let client = layer.request(path, &invite(), 1);
    layer.answer(path, 200, "b1");
    layer.cancel(client, None);
    layer.finish();
    layer.cancel(client, None);
    assert_eq!(layer.sent(), [heard(0, "INVITE")]);
}
