//! Floods and dead places: what one source sends too many of is passed over, and what fails again and again is left alone.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use offhook_core::endpoint::{CallOptions, Endpoint, Error, Event, OpId, Outcome, Server};
use offhook_core::transport::{FlowErrorKind, MessageRate, Path, Transport};
use offhook_tests::endpoint::{ANSWER, OFFER, Solo};
use offhook_tests::sip::Text;

/// Twenty a second, a hundred at once.
fn limited() -> Solo {
    Solo::with(|config| config.limits.message_rate = Some(MessageRate::per_second(20)))
}

fn from(solo: &Solo, address: [u8; 4]) -> Path {
    Path { remote: SocketAddr::from((address, 5060)), ..solo.path }
}

fn options(number: usize) -> Text {
    Text::request("OPTIONS", &format!("z9hG4bKflood{number}")).set("Call-ID", &format!("flood{number}"))
}

/// How many of so many OPTIONS are answered.
fn answered(solo: &mut Solo, path: Path, numbers: std::ops::Range<usize>) -> usize {
    let before = solo.sent().len();
    for number in numbers {
        solo.receive_on(path, &options(number));
    }
    solo.sent().len() - before
}

#[test]
fn a_flood_is_cut_to_its_share_and_the_calls_of_others_go_on() {
    let mut solo = limited();
    let flooder = from(&solo, [203, 0, 113, 5]);
    let (call, _) = solo.established();
    assert_eq!(answered(&mut solo, flooder, 0..10_000), 100, "a burst");
    // Another source is heard in the middle of it, on the same socket.
    let invite = Text::request("INVITE", "z9hG4bKbob").set("Contact", "<sip:alice@192.0.2.1>").sdp(OFFER);
    solo.called(&invite.set("Call-ID", "another"));
    solo.at(1000);
    assert_eq!(answered(&mut solo, flooder, 10_000..20_000), 20, "and then the rate");
    let hang_up = solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    let bye = solo.last("BYE");
    solo.respond(&bye, 200, "", "");
    assert!(solo.events().iter().any(|event| matches!(event, Event::Done { op, result: Ok(_), .. } if *op == hang_up)));
    assert_eq!(solo.endpoint.totals().messages_refused, 20_000 - 120);
}

#[test]
fn a_flood_over_a_connection_is_cut_as_well_and_the_connection_stays() {
    let mut solo = limited();
    let path = solo.flow(Transport::Tcp);
    let flood: Vec<u8> = (0..1000).flat_map(|number| options(number).bytes().to_vec()).collect();
    let before = solo.sent().len();
    solo.act(|endpoint, now| offhook_core::transport::Machine::receive(endpoint, now, path, Bytes::from(flood)));
    assert_eq!(solo.sent().len() - before, 100);
    assert!(solo.flows().1.is_empty());
    solo.at(10_000);
    assert_eq!(answered(&mut solo, path, 1000..1001), 1);
}

#[test]
fn the_server_speaks_for_many_and_is_not_limited() {
    let mut solo = Solo::with(|config| {
        config.server = Some(Server::parse("192.0.2.1").expect("a server"));
        config.limits.message_rate = Some(MessageRate::per_second(20));
    });
    solo.act(Endpoint::register);
    let path = solo.path;
    assert_eq!(answered(&mut solo, path, 0..1000), 1000);
    let stranger = from(&solo, [203, 0, 113, 5]);
    assert_eq!(answered(&mut solo, stranger, 1000..2000), 100);
}

#[test]
fn without_a_rate_nothing_is_refused() {
    let mut solo = Solo::new();
    let path = solo.path;
    assert_eq!(answered(&mut solo, path, 0..10_000), 10_000);
    assert_eq!(solo.endpoint.totals().messages_refused, 0);
}

// ---- places that fail

fn message(solo: &mut Solo) -> OpId {
    solo.act(|endpoint, now| endpoint.message(now, "sip:alice@192.0.2.1", "text/plain", Bytes::from_static(b"hello")))
}

/// The operations that failed, and whether nothing was tried for them.
fn failures(solo: &mut Solo) -> Vec<(OpId, bool)> {
    let failed = |event: Event| match event {
        Event::Done { op, result: Err(Error::Transport(error)), .. } => {
            Some((op, error.kind == FlowErrorKind::Avoided))
        }
        Event::Done { op, result: Err(Error::Timeout(_)), .. } => Some((op, false)),
        _ => None,
    };
    solo.events().into_iter().filter_map(failed).collect()
}

#[test]
fn a_place_that_fails_again_and_again_is_left_alone_for_a_while() {
    let mut solo = Solo::new();
    let silent: Vec<OpId> = (0..5).map(|_| message(&mut solo)).collect();
    solo.at(33_000);
    assert_eq!(failures(&mut solo), silent.iter().map(|op| (*op, false)).collect::<Vec<_>>());
    let sent = solo.sent().len();
    // Nothing is sent, and nobody waits for half a minute.
    let at_once = message(&mut solo);
    assert_eq!(failures(&mut solo), [(at_once, true)]);
    let call = solo.act(|endpoint, now| endpoint.call(now, "sip:alice@192.0.2.1", CallOptions::with_sdp(OFFER)));
    assert!(matches!(call, Err(Error::Transport(error)) if error.kind == FlowErrorKind::Avoided));
    assert_eq!(solo.sent().len(), sent);
    // Another place is none of its affair.
    let elsewhere = solo.act(|endpoint, now| endpoint.options(now, "sip:carol@192.0.2.2"));
    assert_eq!(solo.sent().len(), sent + 1);
    assert!(failures(&mut solo).iter().all(|(op, _)| *op != elsewhere));
}

#[test]
fn one_request_tries_it_and_what_becomes_of_that_decides() {
    let mut solo = Solo::new();
    for _ in 0..5 {
        message(&mut solo);
    }
    solo.at(32_000 + 5000);
    solo.events();
    let attempt = message(&mut solo);
    let other = message(&mut solo);
    assert_eq!(failures(&mut solo), [(other, true)]);
    let request = solo.last("MESSAGE");
    solo.respond(&request, 200, "alice", "");
    let answered =
        |event: &Event| matches!(event, Event::Done { op, result: Ok(Outcome::Response { .. }), .. } if *op == attempt);
    assert!(solo.events().iter().any(answered));
    let (_, invite) = solo.call();
    solo.respond(&invite, 200, "alice", ANSWER);
    solo.last("ACK");
    let next = message(&mut solo);
    assert!(failures(&mut solo).iter().all(|(op, _)| *op != next));
    assert_eq!(solo.now(), Duration::from_secs(37).as_millis() as u64);
}

#[test]
fn who_answers_now_and_then_even_to_refuse_is_not_left_alone() {
    let mut solo = Solo::new();
    for round in 0..4_u64 {
        for _ in 0..4 {
            message(&mut solo);
        }
        solo.at((round + 1) * 40_000 - 1000);
        let refused = message(&mut solo);
        let request = solo.last("MESSAGE");
        solo.respond(&request, 404, "alice", "");
        assert!(failures(&mut solo).iter().all(|(op, avoided)| !avoided && *op != refused));
        solo.at((round + 1) * 40_000);
    }
}
