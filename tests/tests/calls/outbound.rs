//! Several servers and several flows (RFC 5626, RFC 3263 4.3): who is tried when, what is registered over what, and what
//! outlives a loss. The test plays the servers.

use std::net::IpAddr;
use std::time::Duration;

use offhook_core::endpoint::{Config, Endpoint, Server};
use offhook_core::transport::{FlowChange, FlowError, FlowErrorKind, FlowId, Machine, Path};
use offhook_tests::endpoint::{ANSWER, Solo, response};
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

const INSTANCE: &str = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

fn solo(servers: &[&str], set: impl FnOnce(&mut Config)) -> Solo {
    Solo::with(|config| {
        let mut servers = servers.iter().map(|server| Server::parse(server).expect("a server"));
        config.server = servers.next();
        config.more_servers = servers.collect();
        config.instance = Some(INSTANCE.into());
        set(config);
    })
}

/// A connection comes up.
fn up(solo: &mut Solo, flow: FlowId, last: u8) -> Path {
    let (local, remote) = (([192, 0, 2, 9], 40_000 + u16::from(last)).into(), ([192, 0, 2, last], 5060).into());
    solo.change(flow, FlowChange::Connected { local, remote });
    Path { flow, remote }
}

fn refuse(solo: &mut Solo, flow: FlowId) {
    solo.change(flow, FlowChange::Failed(FlowError::new(FlowErrorKind::Refused, "connection refused")));
}

/// The registrar agrees to the last REGISTER on a path.
fn grant(solo: &mut Solo, path: Path, outbound: bool) -> Text {
    let request = solo.last_on(path, "REGISTER");
    let contact = format!("{};expires=300", request.get("Contact"));
    let mut response = Text::response(&request.bytes(), 200, "r").add("Contact", &contact);
    if outbound {
        response = response.add("Require", "outbound");
    }
    solo.receive_on(path, &response);
    request
}

const TCP: [&str; 2] = ["sip:192.0.2.1;transport=tcp", "sip:192.0.2.2;transport=tcp"];

/// Registered over two flows.
fn two_flows() -> (Solo, Path, Path) {
    let mut solo = solo(&TCP, |config| config.flows = 2);
    solo.act(Endpoint::register);
    let flows = solo.all_opened();
    assert_eq!(flows.len(), 2);
    let (first, second) = (up(&mut solo, flows[0].0, 1), up(&mut solo, flows[1].0, 2));
    grant(&mut solo, first, true);
    grant(&mut solo, second, true);
    (solo, first, second)
}

// ---- one flow

#[test]
fn a_flow_is_registered_under_its_instance_and_number() {
    let mut solo = solo(&["wss://pbx.example.com"], |_| {});
    solo.act(Endpoint::register);
    let path = solo.connect(true);
    let request = solo.last("REGISTER");
    let contact = request.get("Contact");
    assert!(contact.ends_with(&format!(";transport=ws>;+sip.instance=\"<{INSTANCE}>\";reg-id=1")), "{contact}");
    assert!(request.get("Supported").ends_with(", path, outbound"), "{}", request.get("Supported"));

    // Until the registrar says that it does, requests are not asked back over the flow (4.3).
    let (_, invite) = solo.call();
    assert!(!invite.get("Contact").contains(";ob"));
    grant(&mut solo, path, true);
    let (_, invite) = solo.call();
    assert!(invite.get("Contact").ends_with(";transport=ws;ob>"), "{}", invite.get("Contact"));
    assert!(solo.endpoint.inspect_registration().flows[0].outbound);
}

#[test]
fn a_flow_is_not_marked_where_it_should_not_be() {
    let mut off = solo(&["sip:192.0.2.1;transport=tcp"], |config| config.outbound = false);
    off.act(Endpoint::register);
    off.connect(false);
    assert!(!off.last("REGISTER").get("Contact").contains("reg-id"));
    assert!(!off.last("REGISTER").get("Supported").contains("outbound"));
    // Over UDP it needs keep-alives.
    let mut udp = solo(&["192.0.2.1"], |config| config.keep_alive = Duration::ZERO);
    udp.act(Endpoint::register);
    assert!(!udp.last("REGISTER").get("Contact").contains("reg-id"));
}

#[test]
fn a_first_hop_without_support_is_registered_with_as_ever() {
    let mut solo = solo(&["sip:192.0.2.1;transport=tcp"], |_| {});
    solo.act(Endpoint::register);
    let path = solo.connect(false);
    let first = solo.last("REGISTER");
    solo.receive(&Text::response(&first.bytes(), 439, "r"));
    let second = grant(&mut solo, path, false);
    assert_eq!(second.get("CSeq"), "2 REGISTER");
    assert!(!second.get("Contact").contains("reg-id") && !second.get("Supported").contains("outbound"));
    assert!(solo.log().ends_with("done: registered for 300 s\n"));
}

#[test]
fn an_instance_made_up_is_another_for_each_endpoint_and_the_same_for_all_its_flows() {
    let instance = |seed: u8| {
        let config = Config::new("sip:bob@example.com").expect("a config");
        Endpoint::new(config, [seed; 32]).inspect_registration().instance
    };
    assert_ne!(instance(1), instance(2));
    assert_eq!(instance(1), instance(1));
    let uuid = instance(1).strip_prefix("urn:uuid:").map(str::to_owned).expect("a URN");
    assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"), "{uuid}");
}

// ---- the next server

#[test]
fn a_server_that_refuses_gives_way_to_the_next() {
    let mut solo = solo(&TCP, |_| {});
    let options = offhook_core::endpoint::CallOptions::with_sdp(offhook_tests::endpoint::OFFER);
    solo.act(Endpoint::connect);
    solo.act(|endpoint, now| endpoint.call(now, "sip:alice@example.com", options)).expect("a call");
    let (flow, target) = solo.opened();
    assert_eq!(&*target.host, "192.0.2.1");
    refuse(&mut solo, flow);
    let (flow, target) = solo.opened();
    assert_eq!(&*target.host, "192.0.2.2");
    let path = up(&mut solo, flow, 2);
    assert_eq!(solo.last_path("INVITE"), path, "what waited takes it");
    expect(
        &solo.log(),
        "
            0  connecting
            0  calling (INVITE sent)
            0  connecting
            0  connected
            0  done
        ",
    );
}

#[test]
fn when_none_can_be_reached_all_that_waits_fails() {
    let mut solo = solo(&TCP, |_| {});
    solo.act(Endpoint::register);
    for _ in 0..2 {
        let (flow, _) = solo.opened();
        refuse(&mut solo, flow);
    }
    expect(
        &solo.log(),
        "
            0  registering
            0  connecting
            0  connecting
            0  disconnected: connection refused
            0  registration failed: connection refused
            0  failed: connection refused
        ",
    );
    solo.finish();
}

#[test]
fn a_lost_server_is_left_for_the_next_and_then_both_are_tried() {
    let mut solo = solo(&TCP, |_| {});
    solo.act(Endpoint::register);
    let (flow, _) = solo.opened();
    let path = up(&mut solo, flow, 1);
    grant(&mut solo, path, false);
    solo.log();
    solo.lose(flow);
    let (flow, target) = solo.opened();
    assert_eq!(&*target.host, "192.0.2.2", "at once");
    let path = up(&mut solo, flow, 2);
    let request = grant(&mut solo, path, false);
    assert!(request.get("Contact").contains("reg-id=1"), "it takes the place of the old one");
    assert!(solo.log().ends_with("registered for 300 s\n"));
    solo.lose(flow);
    let count = solo.flows().0;
    solo.at(1_500);
    assert_eq!(solo.flows().0, count + 1);
    assert_eq!(&*solo.opened().1.host, "192.0.2.1", "the first again");
}

#[test]
fn a_server_that_is_overloaded_gives_way_to_the_next() {
    let mut solo = solo(&TCP, |_| {});
    solo.act(Endpoint::register);
    let (flow, _) = solo.opened();
    let path = up(&mut solo, flow, 1);
    let request = solo.last_on(path, "REGISTER");
    solo.receive_on(path, &Text::response(&request.bytes(), 503, "r"));
    let (flow, target) = solo.opened();
    assert_eq!(&*target.host, "192.0.2.2");
    let path = up(&mut solo, flow, 2);
    grant(&mut solo, path, false);
    assert!(solo.log().ends_with("done: registered for 300 s\n"));
}

#[test]
fn a_server_that_says_when_to_come_back_is_waited_for_where_there_is_no_other() {
    let mut solo = solo(&TCP[..1], |_| {});
    solo.act(Endpoint::register);
    let (flow, _) = solo.opened();
    let path = up(&mut solo, flow, 1);
    grant(&mut solo, path, true);
    let refresh = solo.until("REGISTER", 2);
    solo.receive_on(path, &Text::response(&refresh.bytes(), 503, "r").add("Retry-After", "20"));
    let at = solo.now();
    solo.at(at + 19_999);
    assert_eq!((solo.times("REGISTER").len(), solo.flows().0), (2, 1), "the connection stays (4.2.2)");
    solo.at(at + 20_000);
    assert_eq!(solo.last_path("REGISTER"), path);
}

// ---- the next address

fn named() -> Solo {
    let mut solo = solo(&["pbx.example.com"], |_| {});
    solo.act(Endpoint::register);
    let addresses: [IpAddr; 2] = [[192, 0, 2, 1].into(), [192, 0, 2, 2].into()];
    solo.resolve(Ok(addresses.to_vec()));
    solo
}

#[test]
fn a_silent_address_gives_way_to_the_next_of_its_name() {
    let mut solo = named();
    assert_eq!(solo.last_path("REGISTER").remote, ([192, 0, 2, 1], 5060).into());
    solo.at(32_000);
    let path = solo.last_path("REGISTER");
    assert_eq!(path.remote, ([192, 0, 2, 2], 5060).into());
    grant(&mut solo, path, false);
    expect(
        &solo.log(),
        "
                0  registering
                0  connected
            32000  connected
            32000  registered for 300 s
            32000  done: registered for 300 s
        ",
    );
    let (_, invite) = solo.call();
    assert_eq!(solo.last_path("INVITE").remote, path.remote, "{invite:?}");
}

#[test]
fn when_no_address_answers_the_name_is_asked_for_again() {
    let mut solo = named();
    solo.at(64_000);
    assert!(solo.log().contains("failed: no answer in time"));
    solo.act(Endpoint::register);
    solo.at(70_000);
    assert_eq!(solo.names().len(), 2);
}

// ---- two flows

#[test]
fn two_servers_are_registered_with_at_a_time() {
    let (mut solo, first, second) = two_flows();
    let (one, two) = (solo.last_on(first, "REGISTER"), solo.last_on(second, "REGISTER"));
    assert!(one.get("Contact").ends_with("reg-id=1") && two.get("Contact").ends_with("reg-id=2"));
    assert_ne!(one.get("Call-ID"), two.get("Call-ID"), "4.2.1");
    assert_eq!(two.get("Contact").matches(INSTANCE).count(), 1);
    expect(
        &solo.log(),
        "
            0  registering
            0  connecting
            0  connected
            0  registered for 300 s
            0  done: registered for 300 s
        ",
    );
    // Both are refreshed.
    solo.until("REGISTER", 4);
    assert_eq!(solo.last_on(first, "REGISTER").get("CSeq"), "2 REGISTER");
    assert_eq!(solo.last_on(second, "REGISTER").get("CSeq"), "2 REGISTER");
}

#[test]
fn the_loss_of_one_flow_is_no_loss_of_the_registration_nor_of_calls() {
    let (mut solo, first, second) = two_flows();
    // One call to us over each.
    let called = |solo: &mut Solo, path: Path, branch: &str| {
        let invite = Text::request("INVITE", branch)
            .set("Via", &format!("SIP/2.0/TCP 192.0.2.1:5060;branch={branch}"))
            .set("Call-ID", branch)
            .add("Contact", "<sip:alice@192.0.2.77>")
            .sdp(offhook_tests::endpoint::OFFER);
        solo.path = path;
        let call = solo.called(&invite);
        let options = offhook_core::endpoint::AnswerOptions::with_sdp(ANSWER);
        solo.act(|endpoint, now| endpoint.answer(now, call, options));
        let tag = solo.last("200 INVITE").get("To").split("tag=").nth(1).unwrap_or_default().to_owned();
        solo.receive(&Text::ack(&invite.set("Via", &format!("SIP/2.0/TCP 192.0.2.1:5060;branch={branch}k")), &tag));
        call
    };
    let (one, two) = (called(&mut solo, first, "z9hG4bKa"), called(&mut solo, second, "z9hG4bKb"));
    solo.log();
    solo.at(5_000);
    solo.lose(first.flow);
    assert_eq!(solo.log(), "", "nobody notices");
    assert!(solo.endpoint.is_registered() && solo.endpoint.is_connected());
    // New calls take the other, and so do those that were on the lost one.
    solo.call();
    assert_eq!(solo.last_path("INVITE"), second);
    solo.act(|endpoint, now| endpoint.hangup(now, one, None));
    assert_eq!(solo.last_path("BYE"), second);
    solo.act(|endpoint, now| endpoint.hangup(now, two, None));
    assert_eq!((solo.times("BYE").len(), solo.last_path("BYE")), (2, second));
    // The lost one is opened again, and takes the place of the old.
    solo.at(7_000);
    let (flow, target) = solo.opened();
    assert_eq!((&*target.host, solo.flows().0), ("192.0.2.1", 3));
    let third = up(&mut solo, flow, 1);
    let again = grant(&mut solo, third, true);
    assert!(again.get("Contact").ends_with("reg-id=1"));
    let states: Vec<bool> = solo.endpoint.inspect_registration().flows.iter().map(|flow| flow.registered).collect();
    assert_eq!(states, [true, true]);
}

#[test]
fn a_flow_that_cannot_be_formed_is_tried_at_leisure_while_there_is_another() {
    let (mut solo, first, _) = two_flows();
    solo.lose(first.flow);
    solo.at(2_000);
    let mut waits = Vec::new();
    for _ in 0..6 {
        let (flow, target) = solo.opened();
        assert_eq!(&*target.host, "192.0.2.1");
        refuse(&mut solo, flow);
        let (before, opened) = (solo.now(), solo.flows().0);
        while solo.flows().0 == opened {
            let due = solo.endpoint.poll_timeout().expect("it goes on trying");
            solo.at(due.as_millis());
            let answered = solo.times("REGISTER").len();
            let request = solo.last("REGISTER");
            if solo.last_path("REGISTER").flow != first.flow && answered > 2 {
                let path = solo.last_path("REGISTER");
                solo.receive_on(path, &Text::response(&request.bytes(), 200, "r").add("Expires", "300"));
            }
        }
        waits.push((solo.now() - before) / 1000);
    }
    // RFC 5626 4.5: half to the whole of 90 s × 2^failures, at most 1800 s.
    for (wait, bound) in waits.iter().zip([180, 360, 720, 1440, 1800, 1800]) {
        assert!((bound / 2..=bound).contains(wait), "{waits:?}");
    }
}

#[test]
fn one_of_two_that_is_refused_does_not_end_the_other() {
    let mut solo = solo(&TCP, |config| config.flows = 2);
    solo.act(Endpoint::register);
    let flows = solo.all_opened();
    refuse(&mut solo, flows[0].0);
    let second = up(&mut solo, flows[1].0, 2);
    grant(&mut solo, second, true);
    expect(
        &solo.log(),
        "
            0  registering
            0  connecting
            0  connected
            0  registered for 300 s
            0  done: registered for 300 s
        ",
    );
}

#[test]
fn both_are_taken_back() {
    let (mut solo, first, second) = two_flows();
    solo.log();
    solo.act(Endpoint::unregister);
    for path in [first, second] {
        let request = solo.last_on(path, "REGISTER");
        assert_eq!(request.get("Expires"), "0");
        assert_eq!(solo.log(), "");
        solo.receive_on(path, &Text::response(&request.bytes(), 200, "r"));
    }
    expect(&solo.log(), "0  unregistered\n0  done");
}

#[test]
fn a_shutdown_takes_both_back() {
    let (mut solo, first, second) = two_flows();
    solo.act(|endpoint, now| endpoint.shutdown(now, std::time::Duration::from_secs(5)));
    for path in [first, second] {
        let request = solo.last_on(path, "REGISTER");
        solo.receive_on(path, &Text::response(&request.bytes(), 200, "r"));
    }
    assert!(solo.log().ends_with("stopped\n"));
    assert_eq!(solo.endpoint.census(), offhook_core::endpoint::Census::default());
}

#[test]
fn two_flows_to_one_server_are_two_connections() {
    let mut solo = solo(&[TCP[0], TCP[0]], |config| config.flows = 2);
    solo.act(Endpoint::register);
    assert_eq!(solo.all_opened().len(), 2);
}

// ---- requests on their way

/// What broke the first of two flows let go over the second, and what was told.
fn broken(solo: &mut Solo, first: Path) -> (Vec<String>, String) {
    let _ = (solo.fresh(), solo.log());
    solo.lose(first.flow);
    (solo.fresh(), solo.log())
}

#[test]
fn what_is_on_its_way_when_a_flow_breaks_goes_over_the_other() {
    let (mut solo, first, second) = two_flows();
    let text = bytes::Bytes::from_static(b"hi");
    solo.act(|endpoint, now| endpoint.message(now, "sip:alice@192.0.2.77", "text/plain", text));
    solo.act(|endpoint, now| endpoint.options(now, "sip:alice@192.0.2.77"));
    let (_, invite) = solo.call();
    assert_eq!([solo.last_path("MESSAGE"), solo.last_path("OPTIONS"), solo.last_path("INVITE")], [first; 3]);
    let (mut sent, told) = broken(&mut solo, first);
    sent.sort();
    assert_eq!((sent, &*told), (["INVITE", "MESSAGE", "OPTIONS"].map(String::from).to_vec(), ""), "nobody notices");
    assert_eq!([solo.last_path("MESSAGE"), solo.last_path("OPTIONS"), solo.last_path("INVITE")], [second; 3]);
    let again = solo.last("INVITE");
    // The same request by another way, so that who has heard it both ways can tell; with a Contact where we are reached.
    assert_eq!((again.get("Call-ID"), again.get("CSeq")), (invite.get("Call-ID"), invite.get("CSeq")));
    assert!(again.get("Via") != invite.get("Via") && again.get("Contact").contains(":40002"));
    for (method, status) in [("MESSAGE", 202), ("OPTIONS", 200), ("INVITE", 200)] {
        let request = solo.last(method);
        solo.path = second;
        solo.respond(&request, status, "alice", if method == "INVITE" { ANSWER } else { "" });
    }
    let told = solo.log();
    assert!(told.contains("established") && !told.contains("failed"), "{told}");
}

#[test]
fn an_invite_that_has_got_somewhere_does_not_ring_twice() {
    let (mut solo, first, _) = two_flows();
    let (_, invite) = solo.call();
    solo.receive_on(first, &response(&invite, 180, "alice", ""));
    let (sent, told) = broken(&mut solo, first);
    assert!(sent.is_empty() && told.contains("connection reset"), "{sent:?} {told}");
}

#[test]
fn the_end_of_a_call_goes_over_the_other_flow_and_so_does_its_session() {
    let (mut solo, first, second) = two_flows();
    let mut up = || {
        let (call, invite) = solo.call();
        solo.receive_on(first, &response(&invite, 200, "alice", ANSWER));
        call
    };
    let (ends, goes_on) = (up(), up());
    solo.act(|endpoint, now| endpoint.hangup(now, ends, None));
    assert_eq!(solo.last_path("BYE"), first);
    let (sent, _) = broken(&mut solo, first);
    assert_eq!(sent, ["BYE", "INVITE"], "the other side of the other call is told where we are");
    assert_eq!((solo.last_path("BYE"), solo.last_path("INVITE")), (second, second));
    let bye = solo.last("BYE");
    solo.receive_on(second, &response(&bye, 200, "", ""));
    assert!(solo.log().contains("ended"));
    assert!(solo.endpoint.call_info(ends).is_none() && solo.endpoint.call_info(goes_on).is_some());
}

#[test]
fn without_another_flow_what_was_on_its_way_fails() {
    let (mut solo, first, second) = two_flows();
    solo.lose(second.flow);
    solo.act(|endpoint, now| endpoint.options(now, "sip:alice@192.0.2.77"));
    let (sent, told) = broken(&mut solo, first);
    assert!(sent.is_empty() && told.contains("failed: connection reset"), "{sent:?} {told}");
}
