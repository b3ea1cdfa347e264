//! Keep-alives on connections (RFC 5626 4.4.1, RFC 6223): the connection that is dead is found and replaced, the one that is silent is
//! left in peace. The test plays the server.

use std::time::Duration;

use offhook_core::endpoint::{Config, Endpoint, Server};
use offhook_core::transport::{Machine, Transport};
use offhook_tests::endpoint::{ANSWER, Solo, response};
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

fn solo(server: &str, set: impl FnOnce(&mut Config)) -> Solo {
    Solo::with(|config| {
        config.server = Some(Server::parse(server).expect("a server"));
        set(config);
    })
}

/// Registered over a connection, for an hour.
fn registered(server: &str, via: &str, set: impl FnOnce(&mut Config)) -> Solo {
    let mut solo = solo(server, set);
    solo.act(Endpoint::register);
    solo.connect(server.starts_with("ws"));
    let request = solo.last("REGISTER");
    grant(&mut solo, &request, via, None);
    solo.log();
    solo
}

/// The registrar says yes, and in our Via what it thinks of keep-alives.
fn grant(solo: &mut Solo, request: &Text, keep: &str, flow_timer: Option<&str>) {
    let via = request.get("Via").replace(";keep", keep);
    let mut response = Text::response(&request.bytes(), 200, "r").set("Via", &via).add("Expires", "3600");
    if let Some(seconds) = flow_timer {
        response = response.add("Flow-Timer", seconds);
    }
    solo.receive(&response);
}

/// Answers each ping at once until a time.
fn answer_until(solo: &mut Solo, millis: u64) {
    let mut answered = solo.times("ping").len();
    while let Some(due) = solo.endpoint.poll_timeout().filter(|due| due.as_millis() <= millis) {
        solo.at(due.as_millis());
        if solo.times("ping").len() > answered {
            answered += 1;
            solo.bytes("\r\n");
        }
    }
    solo.at(millis);
}

fn gaps(times: &[u64]) -> Vec<u64> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

const KINDS: [&str; 3] = ["sip:192.0.2.1;transport=tcp", "ws://pbx.example.com", "sips:pbx.example.com"];

#[test]
fn a_ping_goes_soon_and_then_about_every_half_minute() {
    for server in KINDS {
        let mut solo = registered(server, "", |_| {});
        assert!(solo.last("REGISTER").get("Via").ends_with(";keep"), "we would");
        answer_until(&mut solo, 600_000);
        let times = solo.times("ping");
        assert_eq!(times[0], 1000);
        let gaps = gaps(&times);
        assert!(gaps.iter().all(|gap| (24_000..=30_000).contains(gap)), "{gaps:?}");
        assert!(gaps.iter().any(|gap| *gap != gaps[0]), "by chance: {gaps:?}");
        assert_eq!(solo.flows().0, 1);
        assert_eq!(solo.log(), "", "nothing happens");
    }
}

// JsSIP#402: a dead socket was noticed after minutes
#[test]
fn a_connection_that_does_not_answer_any_more_is_replaced() {
    for server in KINDS {
        let mut solo = registered(server, "", |_| {});
        answer_until(&mut solo, 20_000);
        let flow = solo.path.flow;
        let pinged = solo.until("ping", 2);
        assert_eq!(pinged.start, "");
        let at = solo.now();
        solo.at(at + 9_999);
        assert_eq!(solo.log(), "");
        solo.at(at + 10_000);
        assert!(solo.log().ends_with("disconnected: the connection is dead: nothing answers a keep-alive\n"));
        assert_eq!(solo.flows().1, [flow]);
        solo.at(at + 11_500);
        assert_eq!(solo.flows().0, 2);
        solo.connect(server.starts_with("ws"));
        let again = solo.last("REGISTER");
        assert_eq!((again.get("CSeq"), solo.times("REGISTER").len()), ("2 REGISTER", 2));
        grant(&mut solo, &again, "", None);
        assert!(solo.log().ends_with("registered for 3600 s\n"));
    }
}

#[test]
fn a_server_that_never_answers_is_no_dead_one() {
    let mut solo = registered("sip:192.0.2.1;transport=tcp", "", |_| {});
    solo.at(600_000);
    assert!(solo.times("ping").len() > 15, "they hold doors open all the same");
    assert_eq!((solo.flows().0, solo.log()), (1, String::new()));
}

// RFC 6223 4.3
#[test]
fn a_server_that_said_it_answers_is_held_to_it_from_the_start() {
    let mut solo = registered("ws://pbx.example.com", ";keep=0", |_| {});
    solo.at(10_999);
    assert_eq!(solo.log(), "");
    solo.at(11_000);
    assert!(solo.log().contains("the connection is dead"));
}

#[test]
fn a_server_gets_as_many_as_it_asks_for() {
    for (keep, flow_timer) in [(";keep=10", None), (";keep=\"10\"", None), ("", Some("10")), (";keep=10", Some("10"))] {
        let mut solo = solo("sip:192.0.2.1;transport=tcp", |_| {});
        solo.act(Endpoint::register);
        solo.connect(false);
        let request = solo.last("REGISTER");
        grant(&mut solo, &request, keep, flow_timer);
        answer_until(&mut solo, 300_000);
        let gaps = gaps(&solo.times("ping"));
        assert!(gaps.iter().all(|gap| (8_000..=10_000).contains(gap)), "{gaps:?}");
    }
    // Fewer than we want anyway: ours.
    let mut solo = registered("sip:192.0.2.1;transport=tcp", ";keep=120", |_| {});
    answer_until(&mut solo, 300_000);
    let gaps = gaps(&solo.times("ping"));
    assert!(gaps.iter().all(|gap| (24_000..=30_000).contains(gap)), "{gaps:?}");
}

#[test]
fn whatever_is_heard_is_a_sign_of_life() {
    let mut solo = registered("ws://pbx.example.com", ";keep=0", |_| {});
    solo.until("ping", 1);
    solo.at(5_000);
    solo.receive(&Text::request("OPTIONS", "z9hG4bK1").set("Via", "SIP/2.0/WS x.invalid;branch=z9hG4bK1"));
    solo.at(20_000);
    assert_eq!((solo.flows().0, solo.flows().1.len()), (1, 0));
}

#[test]
fn a_call_goes_on_over_the_new_connection() {
    let mut solo = registered("ws://pbx.example.com", ";keep=0", |_| {});
    let (call, _) = solo.established();
    solo.at(12_000);
    assert!(solo.log().contains("the connection is dead"));
    solo.at(13_500);
    solo.connect(true);
    let again = solo.last("REGISTER");
    grant(&mut solo, &again, "", None);
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    assert_eq!(solo.last_path("BYE").flow, solo.path.flow);
}

#[test]
fn they_can_be_turned_off_and_set() {
    let mut off = registered("ws://pbx.example.com", "", |config| config.keep_alive = Duration::ZERO);
    assert!(!off.last("REGISTER").get("Via").contains("keep"));
    off.at(120_000);
    assert!(off.times("ping").is_empty());

    let mut quick = registered("ws://pbx.example.com", ";keep=0", |config| {
        config.keep_alive = Duration::from_secs(4);
        config.pong_timeout = Duration::from_millis(500);
    });
    quick.at(1_499);
    assert_eq!(quick.log(), "");
    quick.at(1_500);
    assert!(quick.log().contains("the connection is dead"));
}

#[test]
fn the_connection_of_a_call_is_looked_after_as_long_as_the_call() {
    let mut solo = Solo::with(|config| config.automatic_media = true);
    let options = offhook_core::endpoint::CallOptions::with_sdp(offhook_tests::endpoint::OFFER);
    let call =
        solo.act(|endpoint, now| endpoint.call(now, "sip:alice@192.0.2.1;transport=tcp", options)).expect("a call");
    solo.connect(false);
    let invite = solo.last("INVITE");
    solo.receive(&response(&invite, 200, "alice", ANSWER));
    solo.at(100_000);
    assert!(solo.times("ping").len() > 2);
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    let bye = solo.last("BYE");
    solo.receive(&Text::response(&bye.bytes(), 200, ""));
    solo.finish();
    assert!(solo.now() < 200_000, "and no longer");
}

#[test]
fn what_is_left_ends_with_the_endpoint() {
    let mut solo = registered("ws://pbx.example.com", "", |_| {});
    solo.leaves_nothing_running();
}

#[test]
fn pings_of_theirs_are_answered() {
    for transport in [Transport::Tcp, Transport::Ws] {
        let mut solo = Solo::new();
        solo.path = solo.flow(transport);
        solo.bytes("\r\n\r\n");
        expect(&format!("{:?}", solo.sent()), r#"[(0, "pong")]"#);
    }
}
