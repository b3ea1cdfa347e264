//! The way to the server and to others: connecting, losing it, coming back, names, and shutting down. The test plays the
//! driver and the server.

use std::time::Duration;

use offhook_core::auth::Credential;
use offhook_core::endpoint::{AnswerOptions, CallOptions, Endpoint, Server};
use offhook_core::transport::{FlowChange, FlowError, FlowErrorKind, Machine, Transport};
use offhook_tests::endpoint::{ANSWER, OFFER, Solo, response};
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

fn with_server(server: &str) -> Solo {
    Solo::with(|config| {
        config.server = Some(Server::parse(server).expect("a server"));
        config.credentials = vec![Credential::password("bob", "secret")];
        config.automatic_media = true;
    })
}

fn browser() -> Solo {
    with_server("wss://sip.example.com/ws")
}

fn grant(solo: &mut Solo, request: &Text) {
    let contact = format!("{};expires=300", request.get("Contact"));
    solo.receive(&Text::response(&request.bytes(), 200, "r").add("Contact", &contact));
}

/// Registered over a WebSocket, as a browser is.
fn registered() -> Solo {
    let mut solo = browser();
    solo.act(Endpoint::register);
    solo.connect(true);
    let request = solo.last("REGISTER");
    grant(&mut solo, &request);
    solo.log();
    solo.fresh();
    solo
}

// ---- connecting

#[test]
fn a_websocket_is_opened_and_hides_what_nobody_tells() {
    let mut solo = browser();
    solo.act(Endpoint::connect);
    let (_, target) = solo.opened();
    assert_eq!(target.url(), "wss://sip.example.com:443/ws");
    solo.at(30);
    solo.connect(true);
    expect(
        &solo.log(),
        "
             0  connecting
            30  connected
            30  done
        ",
    );
    solo.act(Endpoint::connect);
    assert_eq!(solo.log(), "    30  done\n", "it is up already");
    assert_eq!(solo.flows().0, 1);

    let (_, invite) = solo.call();
    let via = invite.get("Via");
    assert!(via.starts_with("SIP/2.0/WSS ") && via.contains(".invalid;branch="), "{via}");
    let contact = invite.get("Contact");
    assert!(contact.starts_with("<sip:bob@") && contact.ends_with(".invalid;transport=ws>"), "{contact}");
}

#[test]
fn a_request_waits_for_its_connection_and_then_names_our_address() {
    let mut solo = with_server("sip:sip.example.com;transport=tcp");
    let options = CallOptions::with_sdp(OFFER);
    solo.act(|endpoint, now| endpoint.call(now, "alice", options)).expect("a call");
    assert!(solo.sent().is_empty(), "nothing is written before the address is known");
    solo.at(2000);
    solo.connect(false);
    let invite = solo.last("INVITE");
    assert_eq!(invite.start, "INVITE sip:alice@example.com SIP/2.0");
    assert!(invite.get("Via").starts_with("SIP/2.0/TCP 192.0.2.9:40000;"), "{}", invite.get("Via"));
    assert_eq!(invite.get("Contact"), "<sip:bob@192.0.2.9:40000;transport=tcp>");
    assert_eq!(solo.times("INVITE"), [2000]);
    solo.at(40_000);
    assert_eq!(solo.times("INVITE"), [2000], "a connection needs no retransmission");
    expect(
        &solo.log(),
        "
                0  calling (INVITE sent)
                0  connecting
             2000  connected
            34000  ended (no answer in time (timer B))
            34000  over, by network, no answer in time (timer B): no answer in time (timer B)
        ",
    );
}

#[test]
fn a_call_hung_up_before_the_connection_is_up_was_never_made() {
    let mut solo = browser();
    let call = solo.act(|endpoint, now| endpoint.call(now, "alice", CallOptions::with_sdp(OFFER))).expect("a call");
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    solo.connect(true);
    assert!(solo.sent().is_empty(), "{:?}", solo.sent());
    expect(
        &solo.log(),
        "
            0  calling (INVITE sent)
            0  connecting
            0  ended (given up by this side)
            0  done
            0  over, by local, given up by this side: given up by this side
            0  connected
        ",
    );
}

#[test]
fn a_server_that_refuses_fails_everything_that_waits_for_it() {
    let mut solo = browser();
    solo.act(Endpoint::connect);
    solo.act(Endpoint::register);
    solo.act(|endpoint, now| endpoint.options(now, "alice"));
    let (flow, _) = solo.opened();
    let error = FlowError::new(FlowErrorKind::Refused, "connection refused");
    solo.at(20);
    solo.change(flow, FlowChange::Failed(error));
    expect(
        &solo.log(),
        "
             0  connecting
             0  registering
            20  disconnected: connection refused
            20  failed: connection refused
            20  registration failed: connection refused
            20  failed: connection refused
            20  failed: connection refused
        ",
    );
    solo.finish();
    assert_eq!(solo.flows().0, 1, "a first connection is the application's to try again");
}

#[test]
fn a_server_that_says_nothing_fails_everything_within_the_time_to_connect() {
    let mut solo = browser();
    solo.act(Endpoint::connect);
    solo.act(|endpoint, now| endpoint.options(now, "alice"));
    solo.at(7999);
    assert!(!solo.log().contains("failed"));
    solo.at(8000);
    expect(
        &solo.log(),
        "
            8000  disconnected: no connection in time
            8000  failed: no connection in time
            8000  failed: no connection in time
        ",
    );
    let (flow, _) = solo.opened();
    assert_eq!(solo.flows().1, [flow], "the driver is told to give it up");
    solo.finish();
}

#[test]
fn a_peer_that_is_silent_over_tcp_fails_the_call_in_time() {
    let mut solo = Solo::with(|config| config.connect_timeout = Duration::from_secs(3));
    let target = "sip:alice@192.0.2.1;transport=tcp";
    solo.act(|endpoint, now| endpoint.call(now, target, CallOptions::with_sdp(OFFER))).expect("a call");
    solo.act(|endpoint, now| endpoint.options(now, target));
    assert_eq!(solo.flows().0, 1, "one connection for both");
    solo.at(3000);
    expect(
        &solo.log(),
        "
               0  calling (INVITE sent)
            3000  ended (no connection in time)
            3000  over, by network, no connection in time: no connection in time
            3000  failed: no connection in time
        ",
    );
    solo.finish();
}

// ---- names

#[test]
fn a_udp_server_is_resolved_first() {
    let mut solo = with_server("sip:sip.example.com");
    solo.act(Endpoint::connect);
    solo.act(Endpoint::register);
    assert_eq!(solo.names(), ["sip.example.com"]);
    solo.at(5);
    solo.resolve(Ok(vec!["2001:db8::1".parse().expect("an address"), [192, 0, 2, 1].into()]));
    let request = solo.last("REGISTER");
    assert_eq!(solo.last_path("REGISTER"), solo.path, "the first address there is a socket for");
    grant(&mut solo, &request);
    expect(
        &solo.log(),
        "
            0  registering
            5  connected
            5  done
            5  registered for 300 s
            5  done: registered for 300 s
        ",
    );
    assert_eq!(solo.names().len(), 1);
}

#[test]
fn a_name_that_has_no_address_fails_what_waits() {
    for result in [Ok(vec![]), Err(FlowError::new(FlowErrorKind::Unresolved, "no such name"))] {
        let mut solo = with_server("sip:sip.example.com");
        solo.act(Endpoint::connect);
        solo.act(Endpoint::register);
        solo.resolve(result.clone());
        let why = result.map_or_else(|error| error.to_string(), |_| "the host name has no address".into());
        let log = solo.log();
        assert_eq!(log.matches(&format!(" failed: {why}\n")).count(), 3, "connect, registration, register: {log}");
        solo.finish();
    }
}

#[test]
fn a_resolver_that_says_nothing_fails_what_waits_in_time() {
    let mut solo = with_server("sip:sip.example.com");
    solo.act(Endpoint::connect);
    solo.act(Endpoint::register);
    solo.at(8000);
    expect(
        &solo.log(),
        "
               0  registering
            8000  disconnected: the host name was not resolved in time
            8000  failed: the host name was not resolved in time
            8000  registration failed: the host name was not resolved in time
            8000  failed: the host name was not resolved in time
        ",
    );
    solo.resolve(Ok(vec![[192, 0, 2, 1].into()])); // too late
    assert!(solo.sent().is_empty());
    solo.finish();
}

#[test]
fn without_a_server_each_target_is_resolved() {
    let mut solo = Solo::new();
    let target = "sip:alice@phone.example.com:5080";
    solo.act(|endpoint, now| endpoint.call(now, target, CallOptions::with_sdp(OFFER))).expect("a call");
    solo.resolve(Ok(vec![[198, 51, 100, 7].into()]));
    assert_eq!(solo.last_path("INVITE").remote.to_string(), "198.51.100.7:5080");
    solo.act(|endpoint, now| endpoint.options(now, "sip:x@silent.example.com"));
    solo.at(100);
    let cancelled = solo.act(|endpoint, now| endpoint.call(now, "sip:x@silent.example.com", CallOptions::default()));
    solo.act(|endpoint, now| endpoint.hangup(now, cancelled.expect("a call"), None));
    solo.at(8200);
    expect(
        &solo.log(),
        "
               0  calling (INVITE sent)
             100  calling (INVITE sent)
             100  ended (given up by this side)
             100  done
             100  over, by local, given up by this side: given up by this side
            8000  failed: the host name was not resolved in time
        ",
    );
}

#[test]
fn where_no_socket_leads_is_an_error_at_once() {
    let mut solo = Solo::new();
    let call = |endpoint: &mut Endpoint, now| endpoint.call(now, "sip:alice@[2001:db8::1]", CallOptions::default());
    let error = solo.act(call).expect_err("no socket");
    assert_eq!(error.to_string(), "no UDP socket of the target's address family is bound");
    let call = |endpoint: &mut Endpoint, now| endpoint.call(now, "tel:+4930123", CallOptions::default());
    let error = solo.act(call).expect_err("no server");
    assert!(error.to_string().starts_with("target: no server is set"), "{error}");
    assert_eq!(solo.log(), "");
    solo.finish();
}

#[test]
fn without_a_server_a_request_in_a_dialog_follows_the_route_over_a_new_connection() {
    let mut solo = Solo::new();
    let tcp = solo.flow(Transport::Tcp);
    let invite = Text::request("INVITE", "z9hG4bK-i")
        .set("Via", "SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK-i")
        .add("Contact", "<sip:alice@192.0.2.99;transport=tcp>")
        .add("Record-Route", "<sip:192.0.2.50:5055;transport=tcp;lr>")
        .sdp(OFFER);
    solo.path = tcp;
    let call = solo.called(&invite);
    solo.act(|endpoint, now| endpoint.answer(now, call, AnswerOptions::with_sdp(ANSWER)));
    let to = solo.last("200 INVITE").get("To").to_owned();
    let ack = Text::request("ACK", "z9hG4bK-a").set("To", &to).set("CSeq", "7 ACK");
    solo.receive(&ack);
    solo.lose(tcp.flow);
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    let (_, target) = solo.opened();
    assert_eq!((target.transport, target.addr), (Transport::Tcp, Some(([192, 0, 2, 50], 5055).into())));
    solo.connect(false);
    assert_eq!(solo.last("BYE").get("Route"), "<sip:192.0.2.50:5055;transport=tcp;lr>");
}

// ---- losing the connection

#[test]
fn a_lost_websocket_is_opened_again_and_registered_over() {
    let mut solo = registered();
    solo.at(1000);
    solo.lose(solo.path.flow);
    expect(
        &solo.log(),
        "
            1000  disconnected: connection reset
        ",
    );
    assert_eq!(solo.flows().0, 1, "not at once");
    let wait = solo.endpoint.poll_timeout().expect("a timer").as_millis() - 1000;
    assert!((1000..=1500).contains(&wait), "{wait} ms");
    solo.at(1000 + wait);
    assert_eq!(solo.flows().0, 2);
    solo.connect(true);
    assert_eq!(solo.fresh(), ["ping", "REGISTER"]);
    let request = solo.last("REGISTER");
    assert_eq!(request.get("CSeq"), "2 REGISTER");
    grant(&mut solo, &request);
    let log = solo.log();
    for state in ["connecting", "connected", "registered for 300 s"] {
        assert!(log.contains(state), "{log}");
    }
}

#[test]
fn the_waits_between_tries_grow_to_half_a_minute() {
    let mut solo = registered();
    solo.lose(solo.path.flow);
    let mut waits = Vec::new();
    for _ in 0..8 {
        let before = solo.now();
        let opened = solo.flows().0;
        while solo.flows().0 == opened {
            let due = solo.endpoint.poll_timeout().expect("it goes on trying");
            solo.at(due.as_millis());
        }
        waits.push(solo.now() - before);
        let (flow, _) = solo.opened();
        solo.change(flow, FlowChange::Failed(FlowError::new(FlowErrorKind::Refused, "no")));
    }
    for (wait, base) in waits.iter().zip([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]) {
        assert!((base..=base * 3 / 2).contains(wait), "{waits:?}");
    }
}

#[test]
fn a_call_survives_the_loss_of_its_websocket() {
    let mut solo = registered();
    let (call, invite) = solo.established();
    let old = solo.path.flow;
    solo.lose(old);
    solo.at(5000);
    let new = solo.connect(true);
    assert_ne!(new.flow, old);
    assert_eq!(solo.endpoint.census().calls, 1);
    // Ours take the new way ...
    solo.act(|endpoint, now| endpoint.hold(now, call, None));
    assert_eq!(solo.last_path("INVITE").flow, new.flow);
    let hold = solo.last("INVITE");
    solo.receive(&response(&hold, 200, "", &ANSWER.replace("sendrecv", "recvonly")));
    assert_eq!(solo.last_path("ACK").flow, new.flow);
    // ... and theirs are taken from it.
    let bye = Text::request("BYE", "z9hG4bK-bye")
        .set("From", &format!("{};tag=alice", invite.get("To")))
        .set("To", invite.get("From"))
        .set("Call-ID", invite.get("Call-ID"))
        .set("CSeq", "1 BYE");
    solo.receive(&bye);
    assert_eq!(solo.last_path("200 BYE").flow, new.flow);
    assert!(solo.log().contains("over, by remote"));
}

#[test]
fn a_hang_up_without_connection_waits_for_the_new_one() {
    let mut solo = registered();
    let (call, _) = solo.established();
    solo.lose(solo.path.flow);
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    assert_eq!(solo.flows().0, 2, "a request does not wait for the next try");
    assert!(solo.times("BYE").is_empty());
    solo.at(300);
    solo.connect(true);
    let bye = solo.last("BYE");
    solo.receive(&Text::response(&bye.bytes(), 200, ""));
    assert!(solo.log().contains("over, by local"));
}

#[test]
fn an_answer_is_sent_again_over_the_new_connection() {
    let mut solo = registered();
    let invite = Text::request("INVITE", "z9hG4bK-i")
        .set("Via", "SIP/2.0/WSS df.invalid;branch=z9hG4bK-i")
        .add("Contact", "<sip:alice@df.invalid;transport=ws>")
        .sdp(OFFER);
    let call = solo.called(&invite);
    solo.act(|endpoint, now| endpoint.answer(now, call, AnswerOptions::with_sdp(ANSWER)));
    solo.lose(solo.path.flow);
    solo.at(3000);
    let new = solo.connect(true);
    solo.at(4000);
    assert_eq!(solo.last_path("200 INVITE").flow, new.flow);
    let to = solo.last("200 INVITE").get("To").to_owned();
    let ack = Text::request("ACK", "z9hG4bK-a").set("To", &to).set("CSeq", "7 ACK");
    solo.receive(&ack);
    assert!(solo.log().contains("established"));
}

#[test]
fn a_call_that_rang_when_its_connection_broke_can_be_answered_over_the_new_one() {
    let mut solo = registered();
    let invite = Text::request("INVITE", "z9hG4bK-i").add("Contact", "<sip:alice@df.invalid;transport=ws>").sdp(OFFER);
    let call = solo.called(&invite);
    solo.lose(solo.path.flow);
    solo.at(3000);
    let new = solo.connect(true);
    solo.act(|endpoint, now| endpoint.answer(now, call, AnswerOptions::with_sdp(ANSWER)));
    assert_eq!(solo.last_path("200 INVITE").flow, new.flow);
}

#[test]
fn a_call_being_made_fails_with_its_connection() {
    let mut solo = registered();
    solo.call();
    solo.lose(solo.path.flow);
    expect(
        &solo.log(),
        "
            0  calling (INVITE sent)
            0  ended (connection reset)
            0  over, by network, connection reset: connection reset
            0  disconnected: connection reset
        ",
    );
}

#[test]
fn an_offer_that_breaks_off_waits_for_the_next_connection() {
    let mut solo = registered();
    let (call, _) = solo.established();
    solo.act(|endpoint, now| endpoint.hold(now, call, None));
    solo.lose(solo.path.flow);
    assert!(!solo.log().contains("failed"));
    assert_eq!(solo.endpoint.census().calls, 1);
}

// pjsip#5033: a dead TCP connection was kept after a REGISTER timeout
#[test]
fn a_connection_that_only_seems_to_be_up_is_opened_anew() {
    let mut solo = registered();
    let old = solo.path.flow;
    solo.until("REGISTER", 2);
    solo.at(solo.now() + 32_000);
    let log = solo.log();
    for what in
        ["registration failed: no answer in time (timer F)", "disconnected: the server does not answer any more"]
    {
        assert!(log.contains(what), "{log}");
    }
    assert_eq!(solo.flows().1, [old]);
    solo.at(solo.now() + 2000);
    assert_eq!(solo.flows().0, 2);
}

// ---- shutting down

#[test]
fn a_shutdown_ends_calls_and_unregisters() {
    let mut solo = registered();
    let (_, _) = solo.established();
    let ringing = Text::request("INVITE", "z9hG4bK-i").add("Contact", "<sip:alice@df.invalid;transport=ws>").sdp(OFFER);
    solo.called(&ringing);
    let (_, calling) = solo.call();
    solo.respond(&calling, 180, "x", "");
    solo.fresh();
    solo.log();
    solo.act(|endpoint, now| endpoint.shutdown(now, Duration::from_secs(5)));
    assert_eq!(solo.fresh(), ["BYE", "486 INVITE", "CANCEL", "REGISTER"]);
    solo.at(100);
    let (bye, register) = (solo.last("BYE"), solo.last("REGISTER"));
    assert_eq!(register.get("Expires"), "0");
    solo.receive(&Text::response(&bye.bytes(), 200, ""));
    solo.receive(&Text::response(&register.bytes(), 200, "r"));
    assert!(!solo.log().contains("stopped"), "a call is left");
    solo.receive(&Text::response(&calling.bytes(), 487, "x"));
    expect(
        &solo.log(),
        "
            100  ended (487 Whatever)
            100  over, by local, 487 Whatever: given up by this side
            100  done
            100  stopped
        ",
    );
    assert!(solo.endpoint.is_finished());
    assert_eq!(solo.flows().1.len(), 2, "both flows are closed: {:?}", solo.flows());
}

#[test]
fn a_shutdown_ends_by_its_deadline_and_fails_what_is_under_way() {
    let mut solo = registered();
    let (call, _) = solo.established();
    solo.act(|endpoint, now| {
        endpoint.options(now, "alice");
        endpoint.dtmf(now, call, '1', 100);
        endpoint.hold(now, call, None);
        endpoint.shutdown(now, Duration::from_secs(2));
        endpoint.shutdown(now, Duration::from_secs(9));
    });
    solo.at(1999);
    solo.log();
    solo.at(2000);
    expect(
        &solo.log(),
        "
            2000  failed: given up by this side
            2000  failed: given up by this side
            2000  failed: given up by this side
            2000  ended (hung up)
            2000  over, by local, 200 hung up
            2000  unregistered
            2000  failed: given up by this side
            2000  done
            2000  done
            2000  stopped
        ",
    );
    assert_eq!(solo.endpoint.census().calls, 0);
}

#[test]
fn after_a_shutdown_nothing_begins() {
    let mut solo = registered();
    let busy = Text::request("INVITE", "z9hG4bK-i").add("Contact", "<sip:alice@df.invalid;transport=ws>").sdp(OFFER);
    solo.act(|endpoint, now| endpoint.shutdown(now, Duration::from_secs(2)));
    solo.receive(&busy);
    solo.last("486 INVITE");
    solo.at(3000);
    solo.log();
    solo.fresh();
    solo.act(|endpoint, now| {
        endpoint.connect(now);
        endpoint.register(now);
        endpoint.unregister(now);
        endpoint.options(now, "alice");
        endpoint.shutdown(now, Duration::from_secs(2));
        assert!(endpoint.call(now, "alice", CallOptions::default()).is_err());
    });
    solo.receive(&busy);
    expect(
        &solo.log(),
        "
            3000  failed: the user agent is shutting down
            3000  failed: the user agent is shutting down
            3000  done
            3000  failed: the user agent is shutting down
            3000  done
        ",
    );
    assert!(solo.fresh().is_empty());
    assert_eq!(solo.endpoint.poll_timeout(), None);
}

#[test]
fn an_endpoint_at_rest_shuts_down_at_once() {
    let mut solo = Solo::new();
    solo.act(|endpoint, now| endpoint.shutdown(now, Duration::from_secs(2)));
    expect(
        &solo.log(),
        "
            0  done
            0  done
            0  stopped
        ",
    );
}
