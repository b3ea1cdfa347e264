//! UDP where it does not do: datagrams that are not delivered (RFC 3261 18.4), and requests too long for one (18.1.1).

use bytes::Bytes;
use offhook_core::endpoint::{CallOptions, Error, Server};
use offhook_core::transport::{FlowChange, FlowError, FlowErrorKind, Machine, Path, Transport};
use offhook_tests::endpoint::{ANSWER, OFFER, Solo};
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

fn unreachable(solo: &mut Solo, path: Path, quoted: impl Into<Bytes>) {
    let error = FlowError::new(FlowErrorKind::Refused, "nobody listens there");
    solo.act(|endpoint, now| endpoint.undelivered(now, path, quoted.into(), error));
}

// ---- not delivered

#[test]
fn an_unreachable_port_ends_a_call_at_once() {
    let mut solo = Solo::new();
    let (_, invite) = solo.call();
    let path = solo.path;
    solo.at(3);
    unreachable(&mut solo, path, invite.bytes());
    expect(
        &solo.log(),
        "
            0  calling (INVITE sent)
            3  ended (nobody listens there)
            3  over, by network, nobody listens there: nobody listens there
        ",
    );
    assert_eq!(solo.finish(), 3);
}

#[test]
fn as_much_as_networks_quote_is_enough() {
    let mut solo = Solo::new();
    let (_, invite) = solo.call();
    let path = solo.path;
    unreachable(&mut solo, path, invite.bytes().slice(..200));
    assert!(solo.log().contains("nobody listens there"));
}

#[test]
fn what_strangers_could_have_made_up_is_not_believed() {
    let mut solo = Solo::new();
    let (_, invite) = solo.call();
    let path = solo.path;
    let elsewhere = Path { remote: ([198, 51, 100, 7], 5060).into(), ..path };
    unreachable(&mut solo, elsewhere, invite.bytes());
    unreachable(&mut solo, path, Bytes::new());
    unreachable(&mut solo, path, invite.bytes().slice(..40));
    unreachable(&mut solo, path, Text::request("INVITE", "z9hG4bKguess").bytes());
    solo.log();
    solo.at(1000);
    assert_eq!(solo.log(), "");
    assert_eq!(solo.times("INVITE"), [0, 500]);
}

#[test]
fn who_has_answered_is_there_whatever_networks_say() {
    let mut solo = Solo::new();
    let (_, invite) = solo.call();
    let path = solo.path;
    solo.respond(&invite, 180, "alice", "");
    solo.log();
    unreachable(&mut solo, path, invite.bytes());
    assert_eq!(solo.log(), "");
    solo.respond(&invite, 200, "alice", ANSWER);
    assert!(solo.log().contains("established"));
}

#[test]
fn other_requests_fail_at_once_as_well() {
    let mut solo = Solo::new();
    let path = solo.path;
    solo.act(|endpoint, now| endpoint.options(now, "sip:alice@192.0.2.1"));
    let options = solo.last("OPTIONS");
    unreachable(&mut solo, path, options.bytes());
    assert!(solo.log().contains("nobody listens there"));
    assert_eq!(solo.finish(), 0);
}

// ---- too long

fn long_offer() -> String {
    format!("{OFFER}{}", "a=candidate:1 1 UDP 1 192.0.2.9 4000 typ host\r\n".repeat(30))
}

fn long_call(solo: &mut Solo) -> Result<(), Error> {
    let options = CallOptions::with_sdp(long_offer());
    solo.act(|endpoint, now| endpoint.call(now, "sip:alice@192.0.2.1", options)).map(drop)
}

fn refuse(solo: &mut Solo) {
    let (flow, _) = solo.opened();
    solo.change(flow, FlowChange::Failed(FlowError::new(FlowErrorKind::Refused, "nobody listens there")));
}

#[test]
fn a_long_request_goes_over_tcp_and_names_our_socket() {
    let mut solo = Solo::new();
    long_call(&mut solo).unwrap();
    let (_, target) = solo.opened();
    assert_eq!((target.transport, target.addr), (Transport::Tcp, Some(([192, 0, 2, 1], 5060).into())));
    assert!(solo.sent().is_empty());
    solo.connect(false);
    let invite = solo.last("INVITE");
    assert!(invite.get("Via").starts_with("SIP/2.0/TCP "), "{}", invite.get("Via"));
    assert_eq!(invite.get("Contact"), "<sip:bob@192.0.2.9:5060>");
    solo.respond(&invite, 200, "alice", ANSWER);
    assert_eq!(solo.last_path("ACK"), solo.path, "the dialog stays there");
}

#[test]
fn where_tcp_is_refused_it_goes_by_udp_and_so_does_the_next_one() {
    let mut solo = Solo::new();
    let udp = solo.path;
    long_call(&mut solo).unwrap();
    refuse(&mut solo);
    assert_eq!(solo.last_path("INVITE"), udp);
    assert!(solo.last("INVITE").get("Via").starts_with("SIP/2.0/UDP "));
    long_call(&mut solo).unwrap();
    assert_eq!(solo.flows().0, 1, "TCP is not tried again so soon");
    assert_eq!(solo.times("INVITE").len(), 2);
    solo.at(301_000);
    long_call(&mut solo).unwrap();
    assert_eq!(solo.flows().0, 2);
}

#[test]
fn where_tcp_is_silent_it_goes_by_udp_after_two_seconds() {
    let mut solo = Solo::new();
    let udp = solo.path;
    long_call(&mut solo).unwrap();
    solo.at(10_000);
    assert_eq!(solo.times("INVITE")[0], 2000);
    assert_eq!(solo.last_path("INVITE"), udp);
    assert_eq!(solo.flows().1.len(), 1, "the driver is told to give it up");
}

#[test]
fn the_limit_can_be_set_or_lifted() {
    let mut solo = Solo::with(|config| config.udp_limit = None);
    long_call(&mut solo).unwrap();
    assert_eq!((solo.flows().0, solo.times("INVITE").len()), (0, 1));

    let mut solo = Solo::with(|config| config.udp_limit = Some(100));
    let options = CallOptions::with_sdp(OFFER);
    solo.act(|endpoint, now| endpoint.call(now, "sip:alice@192.0.2.1", options)).unwrap();
    assert_eq!((solo.flows().0, solo.times("INVITE").len()), (1, 0));
}

#[test]
fn a_request_over_a_connection_has_no_limit() {
    let mut solo = Solo::with(|config| config.server = Some(Server::parse("sip:192.0.2.1;transport=tcp").unwrap()));
    long_call(&mut solo).unwrap();
    solo.connect(false);
    assert_eq!((solo.flows().0, solo.times("INVITE").len()), (1, 1));
    assert_eq!(solo.last("INVITE").get("Contact"), "<sip:bob@192.0.2.9:40000;transport=tcp>");
}

#[test]
fn a_call_hung_up_while_the_connection_is_opened_was_never_made() {
    let mut solo = Solo::new();
    let options = CallOptions::with_sdp(long_offer());
    let call = solo.act(|endpoint, now| endpoint.call(now, "sip:alice@192.0.2.1", options)).unwrap();
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    refuse(&mut solo);
    assert!(solo.sent().is_empty(), "{:?}", solo.sent());
    solo.finish();
}

#[test]
fn a_challenged_request_stays_on_its_connection() {
    let mut solo = Solo::with(|config| {
        config.credentials = vec![offhook_core::auth::Credential::password("bob", "secret")];
    });
    long_call(&mut solo).unwrap();
    solo.connect(false);
    let invite = solo.last("INVITE");
    let challenge = "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256, qop=\"auth\"";
    solo.receive(&Text::response(&invite.bytes(), 401, "a").add("WWW-Authenticate", challenge));
    let again = solo.last("INVITE");
    assert!(again.get("CSeq").starts_with("2 "));
    assert_eq!((solo.last_path("INVITE"), solo.flows().0), (solo.path, 1));
    assert_eq!(again.get("Contact"), "<sip:bob@192.0.2.9:5060>");
}
