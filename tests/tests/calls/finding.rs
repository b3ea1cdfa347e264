//! Finding servers, and going to the next one when one fails (RFC 3263). The test plays the domain name system.

use std::net::{IpAddr, SocketAddr};

use offhook_core::endpoint::{CallId, CallOptions, Endpoint, Server};
use offhook_core::transport::{FlowChange, FlowError, FlowErrorKind, Machine, Naptr, Path, Record, Srv, Transport};
use offhook_tests::endpoint::{ANSWER, OFFER, Solo};
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

const FIRST: [u8; 4] = [192, 0, 2, 1];
const SECOND: [u8; 4] = [192, 0, 2, 2];

fn srv(priority: u16, target: &str, port: u16) -> Record {
    Record::Srv(Srv { priority, weight: 0, port, target: target.into() })
}

fn naptr(order: u16, service: &str, replacement: &str) -> Record {
    let (flags, service) = ("s".into(), service.into());
    Record::Naptr(Naptr { order, preference: 1, flags, service, replacement: replacement.into() })
}

/// A domain with two servers, by UDP and by TCP; the first is preferred.
fn two_servers(server: Option<&str>) -> Solo {
    let mut solo = Solo::with(|config| config.server = server.map(|server| Server::parse(server).expect("a server")));
    for name in ["_sip._udp.example.com", "_sip._tcp.example.com"] {
        solo.publish(name, vec![srv(2, "b.example.com", 5060), srv(1, "a.example.com", 5060)]);
    }
    solo
}

fn found(solo: &mut Solo, address: [u8; 4]) {
    solo.resolve(Ok(vec![IpAddr::from(address)]));
}

fn at(address: [u8; 4]) -> SocketAddr {
    (address, 5060).into()
}

fn call(solo: &mut Solo) -> CallId {
    let options = CallOptions::with_sdp(OFFER);
    solo.act(|endpoint, now| endpoint.call(now, "sip:alice@example.com", options)).expect("a call")
}

/// The network says that nobody takes what was sent last.
fn unreachable(solo: &mut Solo, of: &str) {
    let (path, quoted) = (solo.last_path(of), solo.last(of).bytes());
    let error = FlowError::new(FlowErrorKind::Refused, "nobody listens there");
    solo.act(|endpoint, now| endpoint.undelivered(now, path, quoted, error));
}

fn refused(solo: &mut Solo) {
    let (flow, _) = solo.opened();
    solo.change(flow, FlowChange::Failed(FlowError::new(FlowErrorKind::Refused, "nobody listens there")));
}

// ---- finding

#[test]
fn naptr_srv_and_addresses_lead_to_a_server_whose_certificate_is_for_the_domain() {
    let mut solo = Solo::with(|config| config.server = Some(Server::parse("sip:example.com").expect("a server")));
    solo.publish("example.com", vec![naptr(20, "SIP+D2U", "_sip._udp.x"), naptr(10, "SIPS+D2T", "_sips._tcp.x")]);
    solo.publish("_sips._tcp.x", vec![srv(1, "edge.example.net", 5071)]);
    solo.act(Endpoint::connect);
    assert_eq!(solo.lookups(), ["example.com", "_sips._tcp.x"]);
    assert_eq!(solo.names(), ["edge.example.net"]);
    found(&mut solo, FIRST);
    let (_, target) = solo.opened();
    assert_eq!((target.transport, &*target.host), (Transport::Tls, "example.com"));
    assert_eq!(target.addr, Some((FIRST, 5071).into()));
    solo.connect(false);
    assert!(solo.log().ends_with("connected\n     0  done\n"));
}

#[test]
fn a_call_to_a_domain_goes_to_its_server() {
    let mut solo = two_servers(None);
    call(&mut solo);
    assert_eq!(solo.lookups(), ["example.com", "_sip._udp.example.com"]);
    assert_eq!(solo.names(), ["a.example.com"]);
    found(&mut solo, FIRST);
    assert_eq!(solo.last_path("INVITE"), Path { remote: at(FIRST), ..solo.path });
}

#[test]
fn a_silent_domain_name_system_costs_two_seconds_and_no_call() {
    let mut solo = two_servers(None);
    solo.mute();
    call(&mut solo);
    solo.at(1_999);
    assert!(solo.names().is_empty());
    solo.at(2_000);
    assert_eq!((solo.lookups(), solo.names()), (vec!["example.com"], vec!["example.com"]));
    found(&mut solo, FIRST);
    assert_eq!(solo.times("INVITE"), [2_000]);
}

// ---- the next one

#[test]
fn where_nobody_listens_the_next_server_gets_the_same_request_in_a_new_transaction() {
    let mut solo = two_servers(None);
    call(&mut solo);
    found(&mut solo, FIRST);
    let first = solo.last("INVITE");
    unreachable(&mut solo, "INVITE");
    assert_eq!(solo.names(), ["a.example.com", "b.example.com"]);
    found(&mut solo, SECOND);
    let second = solo.last("INVITE");
    assert_eq!(solo.last_path("INVITE").remote, at(SECOND));
    for same in ["Call-ID", "CSeq", "From", "To", "Contact"] {
        assert_eq!(first.get(same), second.get(same));
    }
    assert_eq!((&first.start, &first.body), (&second.start, &second.body));
    assert_ne!(first.get("Via"), second.get("Via"));
    let path = solo.last_path("INVITE");
    solo.receive_on(path, &offhook_tests::endpoint::response(&second, 200, "alice", ANSWER));
    assert!(solo.log().contains("established"));
}

#[test]
fn when_all_have_failed_the_last_failure_is_told() {
    let mut solo = two_servers(None);
    call(&mut solo);
    found(&mut solo, FIRST);
    unreachable(&mut solo, "INVITE");
    found(&mut solo, SECOND);
    unreachable(&mut solo, "INVITE");
    // By TCP there are two more.
    found(&mut solo, FIRST);
    refused(&mut solo);
    found(&mut solo, SECOND);
    refused(&mut solo);
    expect(
        &solo.log(),
        "
            0  calling (INVITE sent)
            0  ended (nobody listens there)
            0  over, by network, nobody listens there: nobody listens there
        ",
    );
    solo.finish();
}

#[test]
fn a_server_that_is_silent_is_left_when_the_timer_fires() {
    let mut solo = two_servers(None);
    solo.act(|endpoint, now| endpoint.options(now, "sip:alice@example.com"));
    found(&mut solo, FIRST);
    solo.at(32_000);
    assert_eq!(solo.names(), ["a.example.com", "b.example.com"]);
    found(&mut solo, SECOND);
    assert_eq!(solo.last_path("OPTIONS").remote, at(SECOND));
    let (path, options) = (solo.last_path("OPTIONS"), solo.last("OPTIONS"));
    solo.receive_on(path, &Text::response(&options.bytes(), 200, "a"));
    assert!(solo.log().contains("done"));
}

#[test]
fn a_server_that_is_unavailable_is_left_and_not_asked_first_as_long_as_it_says() {
    let mut solo = two_servers(None);
    call(&mut solo);
    found(&mut solo, FIRST);
    let (path, invite) = (solo.last_path("INVITE"), solo.last("INVITE"));
    solo.receive_on(path, &Text::response(&invite.bytes(), 503, "p").add("Retry-After", "60"));
    found(&mut solo, SECOND);
    assert_eq!(solo.last_path("INVITE").remote, at(SECOND));

    solo.at(59_000);
    call(&mut solo);
    found(&mut solo, FIRST);
    found(&mut solo, SECOND);
    assert_eq!(solo.last_path("INVITE").remote, at(SECOND), "the first is put off");
    solo.at(61_000);
    call(&mut solo);
    found(&mut solo, FIRST);
    assert_eq!(solo.last_path("INVITE").remote, at(FIRST));
}

#[test]
fn a_phone_that_has_rung_is_not_rung_elsewhere() {
    let mut solo = two_servers(None);
    call(&mut solo);
    found(&mut solo, FIRST);
    let (path, invite) = (solo.last_path("INVITE"), solo.last("INVITE"));
    solo.receive_on(path, &offhook_tests::endpoint::response(&invite, 180, "p", ""));
    solo.receive_on(path, &Text::response(&invite.bytes(), 503, "p"));
    assert!(solo.log().contains("503"));
    assert_eq!(solo.times("INVITE").len(), 1);
}

#[test]
fn a_call_that_was_hung_up_is_not_made_elsewhere() {
    let mut solo = two_servers(None);
    let id = call(&mut solo);
    found(&mut solo, FIRST);
    solo.act(|endpoint, now| endpoint.hangup(now, id, None));
    unreachable(&mut solo, "INVITE");
    assert_eq!(solo.names(), ["a.example.com"]);
    solo.finish();
}

#[test]
fn requests_within_a_call_stay_with_it() {
    let mut solo = two_servers(None);
    let id = call(&mut solo);
    found(&mut solo, FIRST);
    let (path, invite) = (solo.last_path("INVITE"), solo.last("INVITE"));
    solo.receive_on(path, &offhook_tests::endpoint::response(&invite, 200, "alice", ANSWER));
    solo.act(|endpoint, now| endpoint.hangup(now, id, None));
    unreachable(&mut solo, "BYE");
    assert_eq!(solo.names(), ["a.example.com"]);
    assert_eq!(solo.times("BYE").len(), 1);
}

// ---- a configured server

#[test]
fn a_registration_goes_to_the_next_server() {
    let mut solo = two_servers(Some("sip:example.com"));
    solo.act(Endpoint::register);
    found(&mut solo, FIRST);
    unreachable(&mut solo, "REGISTER");
    found(&mut solo, SECOND);
    assert_eq!(solo.last_path("REGISTER").remote, at(SECOND));
    let (path, register) = (solo.last_path("REGISTER"), solo.last("REGISTER"));
    solo.receive_on(path, &Text::response(&register.bytes(), 200, "r").add("Expires", "300"));
    assert!(solo.log().contains("registered for 300"));
    // What follows goes to the one that answers.
    call(&mut solo);
    assert_eq!(solo.last_path("INVITE").remote, at(SECOND));
}

#[test]
fn connections_are_tried_one_after_another_before_any_fails() {
    let mut solo = two_servers(Some("sip:example.com;transport=tcp"));
    solo.act(Endpoint::register);
    found(&mut solo, FIRST);
    assert_eq!(solo.opened().1.addr, Some(at(FIRST)));
    refused(&mut solo);
    found(&mut solo, SECOND);
    assert_eq!(solo.opened().1.addr, Some(at(SECOND)));
    solo.connect(false);
    assert_eq!(solo.times("REGISTER").len(), 1);
    let log = solo.log();
    assert!(!log.contains("disconnected") && log.contains("connected"), "{log}");
}

#[test]
fn a_connection_that_takes_too_long_is_given_up_for_the_next() {
    let mut solo = two_servers(Some("sip:example.com;transport=tcp"));
    solo.act(Endpoint::connect);
    found(&mut solo, FIRST);
    solo.at(8_000);
    found(&mut solo, SECOND);
    solo.connect(false);
    assert!(solo.log().contains("8000  done"));
}

#[test]
fn a_server_that_is_lost_is_not_the_first_to_be_tried_again() {
    let mut solo = two_servers(Some("sip:example.com;transport=tcp"));
    solo.act(Endpoint::connect);
    found(&mut solo, FIRST);
    let path = solo.connect(false);
    solo.at(1_000);
    solo.lose(path.flow);
    solo.at(3_000);
    found(&mut solo, FIRST);
    found(&mut solo, SECOND);
    assert_eq!(solo.opened().1.addr, Some(at(SECOND)));
}

#[test]
fn an_unavailable_server_is_left_for_a_connection_of_its_own_to_the_next() {
    let mut solo = two_servers(Some("sip:example.com;transport=tcp"));
    solo.act(Endpoint::connect);
    found(&mut solo, FIRST);
    let first = solo.connect(false);
    call(&mut solo);
    let invite = solo.last("INVITE");
    solo.receive(&Text::response(&invite.bytes(), 503, "p"));
    found(&mut solo, SECOND);
    assert_eq!(solo.flows().0, 2);
    let second = solo.connect(false);
    assert_ne!(first.flow, second.flow);
    assert_eq!(solo.last_path("INVITE").flow, second.flow);
    assert!(solo.flows().1.is_empty(), "whatever else is on the first goes on");
}

#[test]
fn the_only_server_there_is_says_itself_that_it_is_unavailable() {
    let mut solo = Solo::with(|config| config.server = Some(Server::parse("sip:192.0.2.1").expect("a server")));
    call(&mut solo);
    let invite = solo.last("INVITE");
    solo.receive(&Text::response(&invite.bytes(), 503, "p"));
    let log = solo.log();
    assert!(log.contains("503") && !log.contains("disconnected"), "{log}");
    assert_eq!(solo.times("INVITE").len(), 1);
}
