//! Keep-alives over UDP by STUN (RFC 5626 4.4.2 and 8, RFC 6223): where they go, when, what is taken for dead, and what
//! outlives it. The test plays the server.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use offhook_core::endpoint::{CallOptions, Config, Endpoint, Server};
use offhook_core::transport::{FlowError, FlowErrorKind, Machine, MessageRate, Path, Stun, StunId, Transport};
use offhook_tests::endpoint::{ANSWER, OFFER, Solo, response};
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

const OUTSIDE: &str = "203.0.113.5:40000";

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// Asked to register at a server over UDP.
fn registering(set: impl FnOnce(&mut Config)) -> Solo {
    let mut solo = Solo::with(|config| {
        config.server = Some(Server::parse("192.0.2.1").expect("a server"));
        set(config);
    });
    solo.act(Endpoint::register);
    solo
}

/// What a registrar says of keep-alives: in our Via, and in lines of its own.
type Says = (&'static str, &'static [(&'static str, &'static str)]);

/// The registrar says yes to the last REGISTER.
fn grant(solo: &mut Solo, (keep, lines): Says) {
    let request = solo.last("REGISTER");
    let via = request.get("Via").replace(";keep", keep);
    let mut response = Text::response(&request.bytes(), 200, "r").set("Via", &via).add("Expires", "3600");
    for (name, value) in lines {
        response = response.add(name, value);
    }
    solo.receive(&response);
}

/// Registered, and told this.
fn registered(says: Says, set: impl FnOnce(&mut Config)) -> Solo {
    let mut solo = registering(set);
    grant(&mut solo, says);
    solo.log();
    solo
}

/// As [`registered`] where keep-alives are wanted.
fn kept() -> Solo {
    registered((";keep=0", &[]), |_| {})
}

/// The request that was sent last.
fn asked(solo: &Solo) -> StunId {
    match Stun::parse(&solo.last_bytes("STUN")) {
        Some(Stun::Request { id, unknown }) if unknown.is_empty() => id,
        other => panic!("{other:?}"),
    }
}

/// Answers the request that was sent last, as if it had come from there.
fn answer(solo: &mut Solo, seen_as: &str) {
    let id = asked(solo);
    solo.bytes(Stun::answer(&id, &[], address(seen_as)));
}

/// Answers each request at once until a time.
fn answer_until(solo: &mut Solo, millis: u64) {
    let mut answered = solo.times("STUN").len();
    while let Some(due) = solo.endpoint.poll_timeout().filter(|due| due.as_millis() <= millis) {
        solo.at(due.as_millis());
        if solo.times("STUN").len() > answered {
            answered += 1;
            answer(solo, OUTSIDE);
        }
    }
    solo.at(millis);
}

fn gaps(times: &[u64]) -> Vec<u64> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn they_go_to_a_server_that_says_it_answers_them() {
    let says: [Says; 5] = [
        (";keep=0", &[]),
        ("", &[("Flow-Timer", "120")]),
        ("", &[("Require", "outbound")]),
        ("", &[("Path", "<sip:edge.example.com;lr;ob>")]),
        (";keep=\"100\"", &[]),
    ];
    for says in says {
        let mut solo = registering(|_| {});
        let request = solo.last("REGISTER");
        assert!(request.get("Via").ends_with(";keep"), "we would");
        assert!(request.get("Contact").ends_with(";reg-id=1") && request.get("Supported").ends_with("outbound"));
        grant(&mut solo, says);
        solo.log();
        answer_until(&mut solo, 600_000);
        let times = solo.times("STUN");
        assert_eq!(times[0], 1000, "{says:?}");
        let gaps = gaps(&times);
        assert!(gaps.iter().all(|gap| (24_000..=30_000).contains(gap)), "{says:?}: {gaps:?}");
        assert!(gaps.iter().any(|gap| *gap != gaps[0]), "by chance: {gaps:?}");
        assert_eq!(solo.last_path("STUN"), solo.path);
        assert!(solo.times("ping").is_empty(), "CRLF is for connections");
        assert_eq!(solo.log(), "", "nothing happens");
    }
}

#[test]
fn without_a_word_of_the_server_the_time_between_is_that_of_the_rfc() {
    let mut solo = kept();
    answer_until(&mut solo, 3_000_000);
    let gaps = gaps(&solo.times("STUN"));
    assert!(gaps.iter().all(|gap| (24_000..=29_000).contains(gap)), "{gaps:?}");
}

#[test]
fn a_server_gets_as_many_as_it_asks_for() {
    let says: [Says; 3] = [(";keep=10", &[]), ("", &[("Flow-Timer", "10")]), (";keep=60", &[("Flow-Timer", "10")])];
    for says in says {
        let mut solo = registered(says, |_| {});
        answer_until(&mut solo, 300_000);
        let gaps = gaps(&solo.times("STUN"));
        assert!(gaps.iter().all(|gap| (8_000..=10_000).contains(gap)), "{gaps:?}");
    }
}

// RFC 5626 8: a node that gets what it does not know could take us for an attacker
#[test]
fn nobody_else_is_sent_any() {
    let says: [Says; 3] = [("", &[]), (";keep", &[]), ("", &[("Path", "<sip:edge.example.com;lr>")])];
    for says in says {
        let mut solo = registered(says, |_| {});
        solo.at(120_000);
        assert!(solo.times("STUN").is_empty(), "{says:?}");
    }
    // Turned off: then nobody is told that we would.
    let mut off = registering(|config| config.keep_alive = Duration::ZERO);
    let request = off.last("REGISTER");
    assert!(!request.get("Via").contains("keep") && !request.get("Contact").contains("reg-id"));
    grant(&mut off, ("", &[("Flow-Timer", "10")]));
    off.at(120_000);
    assert!(off.times("STUN").is_empty());
    // Who is called directly is no server.
    let mut direct = Solo::new();
    let (_, invite) = direct.call();
    assert!(!invite.get("Via").contains("keep"));
    direct.receive(&response(&invite, 200, "alice", ANSWER).set("Via", &format!("{};keep=10", invite.get("Via"))));
    direct.at(120_000);
    assert!(direct.times("STUN").is_empty());
}

#[test]
fn the_application_may_know_that_a_server_answers_them() {
    let mut solo = registered(("", &[]), |config| config.server_answers_stun = true);
    answer_until(&mut solo, 60_000);
    assert_eq!(solo.times("STUN").len(), 3);
}

// RFC 5389 7.2.1: Rc is 7, Rm is 16, the first round-trip time is T1
#[test]
fn a_server_that_does_not_answer_is_dead_after_the_retransmissions() {
    let mut solo = kept();
    answer_until(&mut solo, 2_000);
    let first = solo.times("STUN").len();
    while solo.times("STUN").len() == first {
        let due = solo.endpoint.poll_timeout().expect("a timer").as_millis();
        solo.at(due);
    }
    let (at, id) = (solo.now(), asked(&solo));
    solo.at(at + 39_499);
    let times: Vec<u64> = solo.times("STUN").iter().skip(first).map(|sent| sent - at).collect();
    assert_eq!(times, [0, 500, 1500, 3500, 7500, 15_500, 31_500]);
    assert_eq!(asked(&solo), id, "the same one");
    assert_eq!((solo.log(), solo.times("REGISTER").len()), (String::new(), 1));
    solo.at(at + 39_500);
    assert!(solo.log().ends_with("disconnected: the connection is dead: nothing answers a keep-alive\n"));
    solo.at(at + 41_000);
    let again = solo.last("REGISTER");
    assert_eq!((again.get("CSeq"), solo.times("REGISTER").len()), ("2 REGISTER", 2));
    assert!(again.get("Contact").ends_with(";reg-id=1"), "it takes the place of the old one");
    assert!(solo.log().contains("connected\n"));
    grant(&mut solo, (";keep=0", &[]));
    assert!(solo.log().ends_with("registered for 3600 s\n"));
    let before = solo.times("STUN").len();
    let now = solo.now();
    answer_until(&mut solo, now + 1000);
    assert_eq!(solo.times("STUN").len(), before + 1, "and it is kept alive as the first was");
}

#[test]
fn silence_of_a_server_that_never_spoke_of_keep_alives_means_nothing() {
    let outbound = [("", &[("Require", "outbound")][..]), ("", &[("Path", "<sip:edge.example.com;lr;ob>")])];
    for says in outbound {
        let mut solo = registered(says, |_| {});
        solo.log();
        solo.at(200_000);
        assert_eq!((solo.times("STUN").len(), solo.times("REGISTER").len(), solo.log()), (7, 1, String::new()));
        // One that has answered once has to go on.
        let mut solo = registered(says, |_| {});
        answer_until(&mut solo, 2_000);
        solo.log();
        solo.at(200_000);
        assert!(solo.log().contains("disconnected: the connection is dead: nothing answers a keep-alive\n"));
    }
}

#[test]
fn an_answer_to_a_retransmission_is_as_good() {
    let mut solo = kept();
    solo.at(8_000);
    assert_eq!(solo.times("STUN"), [1000, 1500, 2500, 4500]);
    answer(&mut solo, OUTSIDE);
    solo.at(31_999);
    assert_eq!((solo.times("STUN").len(), solo.log()), (4, String::new()));
    answer_until(&mut solo, 37_000);
    assert_eq!(solo.times("STUN").len(), 5, "another, and not the rest of the first");
}

#[test]
fn an_address_that_has_become_another_makes_another_flow_and_the_call_goes_on() {
    let mut solo = kept();
    let (call, invite) = solo.established();
    let told = solo.last("INVITE");
    answer_until(&mut solo, 2_000);
    let second = solo.times("STUN").len() + 1;
    while solo.times("STUN").len() < second {
        let due = solo.endpoint.poll_timeout().expect("a timer").as_millis();
        solo.at(due);
    }
    solo.log();
    answer(&mut solo, "203.0.113.5:40001");
    let at = solo.now();
    expect(&solo.log(), &format!("{at:>6}  disconnected: the address that the server sees has changed\n"));
    solo.at(at + 1500);
    assert_eq!(solo.times("REGISTER").len(), 2, "with nothing but what has changed");
    assert_eq!(solo.last("INVITE").get("CSeq"), told.get("CSeq"), "first it registers");
    grant(&mut solo, (";keep=0", &[]));
    let reinvite = solo.last("INVITE");
    assert_eq!(reinvite.get("Call-ID"), invite.get("Call-ID"));
    assert_ne!(reinvite.get("CSeq"), invite.get("CSeq"));
    solo.receive(&response(&reinvite, 200, "alice", ANSWER));
    assert!(solo.log().ends_with("recovered\n"));
    // Nothing of it is left, and the next answer is the first of its flow.
    let now = solo.now();
    solo.at(now + 1000);
    answer(&mut solo, "203.0.113.5:40001");
    assert_eq!(solo.log(), "");
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    assert_eq!(solo.last_path("BYE"), solo.path);
}

#[test]
fn a_refusal_is_a_failure_of_the_flow() {
    let mut solo = kept();
    solo.at(1_000);
    let refusal = Stun::answer(&asked(&solo), &[0x7777], address(OUTSIDE));
    solo.bytes(refusal);
    expect(&solo.log(), "  1000  disconnected: the server refuses a keep-alive\n");
}

#[test]
fn the_network_may_say_that_nobody_is_there() {
    let mut solo = kept();
    solo.at(1_000);
    let (path, sent) = (solo.path, solo.last_bytes("STUN"));
    let undelivered = |solo: &mut Solo, path: Path, quoted: Bytes| {
        let error = FlowError::new(FlowErrorKind::Refused, "port unreachable");
        solo.act(|endpoint, now| endpoint.undelivered(now, path, quoted, error));
    };
    undelivered(&mut solo, path, Stun::request(b"of nobody 12"));
    undelivered(&mut solo, Path { remote: address("192.0.2.2:5060"), ..path }, sent.clone());
    assert_eq!(solo.log(), "", "anybody can send an ICMP message");
    undelivered(&mut solo, path, sent);
    expect(&solo.log(), "  1000  disconnected: port unreachable\n");
}

#[test]
fn what_is_no_answer_of_the_server_changes_nothing() {
    let mut solo = kept();
    solo.at(1_000);
    let (id, path) = (asked(&solo), solo.path);
    let right = Stun::answer(&id, &[], address(OUTSIDE));
    let elsewhere = Path { remote: address("192.0.2.66:5060"), ..path };
    solo.act(|endpoint, now| endpoint.receive(now, elsewhere, Stun::answer(&id, &[7], address(OUTSIDE))));
    solo.bytes(Stun::answer(b"of nobody 12", &[7], address(OUTSIDE)));
    // Those before that are no STUN at all.
    for end in 8..right.len() {
        solo.bytes(right.slice(..end));
    }
    let mut indication = right.to_vec();
    indication[..2].copy_from_slice(&[0, 0x11]);
    solo.bytes(indication);
    assert_eq!(solo.times("STUN answer"), [0_u64; 0]);
    solo.at(1_500);
    assert_eq!((solo.times("STUN"), solo.log()), (vec![1000, 1500], String::new()), "it is still waited for");
    solo.bytes(right.clone());
    solo.bytes(right);
    solo.at(20_000);
    assert_eq!((solo.times("STUN").len(), solo.log()), (2, String::new()));
}

// RFC 6223 4.2.2
#[test]
fn they_are_agreed_on_anew_by_each_registration() {
    let mut solo = kept();
    answer_until(&mut solo, 50_000);
    solo.act(Endpoint::register);
    grant(&mut solo, ("", &[]));
    let before = solo.times("STUN").len();
    solo.at(200_000);
    assert_eq!(solo.times("STUN").len(), before);
    solo.act(Endpoint::register);
    grant(&mut solo, (";keep=20", &[]));
    answer_until(&mut solo, 300_000);
    assert!(solo.times("STUN").len() > before + 3);
    // Taken back, and with it these.
    solo.act(Endpoint::unregister);
    let request = solo.last("REGISTER");
    solo.receive(&Text::response(&request.bytes(), 200, "r"));
    let before = solo.times("STUN").len();
    assert_eq!((solo.finish() < 400_000, solo.times("STUN").len()), (true, before));
}

// RFC 6223 4.2.3
#[test]
fn a_call_can_bring_them_and_takes_them_along_when_it_ends() {
    let mut solo = Solo::with(|config| {
        config.server = Some(Server::parse("192.0.2.1").expect("a server"));
        config.automatic_media = true;
    });
    let options = CallOptions::with_sdp(OFFER);
    let call = solo.act(|endpoint, now| endpoint.call(now, "sip:alice@example.com", options)).expect("a call");
    let invite = solo.last("INVITE");
    let via = invite.get("Via").replace(";keep", ";keep=10");
    solo.receive(&response(&invite, 200, "alice", ANSWER).set("Via", &via).add("Record-Route", "<sip:192.0.2.1;lr>"));
    assert!(!solo.last("ACK").get("Via").contains("keep"));
    answer_until(&mut solo, 60_000);
    assert!(solo.times("STUN").len() > 5);
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    let bye = solo.last("BYE");
    assert!(!bye.get("Via").contains("keep"), "agreed on is agreed on");
    solo.receive(&Text::response(&bye.bytes(), 200, ""));
    let before = solo.times("STUN").len();
    solo.finish();
    assert_eq!(solo.times("STUN").len(), before);
}

#[test]
fn a_look_at_the_connection_asks_at_once_and_waits_five_seconds() {
    let mut solo = kept();
    answer_until(&mut solo, 10_000);
    solo.act(Endpoint::check_connection);
    assert_eq!((solo.times("STUN").last(), solo.log()), (Some(&10_000), String::new()));
    solo.at(10_100);
    answer(&mut solo, OUTSIDE);
    expect(&solo.log(), " 10100  done\n");
    solo.act(Endpoint::check_connection);
    solo.at(15_099);
    assert_eq!(solo.log(), "");
    solo.at(15_100);
    assert!(solo.log().contains(" 15100  disconnected: the connection is dead: nothing answers a keep-alive\n"));
}

#[test]
fn a_silent_server_gives_way_to_the_next() {
    let mut solo = registering(|config| config.more_servers = vec![Server::parse("192.0.2.2").expect("a server")]);
    grant(&mut solo, (";keep=0", &[]));
    solo.log();
    solo.at(40_500);
    assert_eq!(solo.last_path("REGISTER").remote, address("192.0.2.2:5060"));
    assert_eq!(solo.times("REGISTER"), [0, 40_500]);
}

#[test]
fn what_is_left_ends_with_the_endpoint() {
    let mut solo = kept();
    solo.at(1_000);
    solo.leaves_nothing_running();
}

// ---- as a server (RFC 5626 8: whoever takes SIP by UDP)

#[test]
fn requests_of_theirs_are_answered_with_where_they_came_from() {
    let mut solo = Solo::new();
    solo.bytes(Stun::request(b"twelve bytes"));
    let Some(Stun::Success { id, mapped }) = Stun::parse(&solo.last_bytes("STUN answer")) else { panic!("no answer") };
    assert_eq!((&id, mapped), (b"twelve bytes", Some(solo.path.remote)));
    assert_eq!(solo.last_path("STUN answer"), solo.path);
    solo.finish();
    // Over connections it is garbage.
    let mut tcp = Solo::new();
    for transport in [Transport::Ws, Transport::Tcp] {
        tcp.path = tcp.flow(transport);
        tcp.bytes(Stun::request(b"twelve bytes"));
        assert!(tcp.times("STUN answer").is_empty());
    }
}

#[test]
fn a_flood_of_requests_is_not_answered() {
    let mut solo = Solo::with(|config| config.limits.message_rate = Some(MessageRate::per_second(10)));
    for _ in 0..1000 {
        solo.bytes(Stun::request(b"twelve bytes"));
    }
    assert_eq!(solo.times("STUN answer").len(), 50);
}
