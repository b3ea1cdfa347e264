//! Dialogs seen from the wire (RFC 3261 12, 13): targets, routes, numbers, and requests that cannot be served.
//! The test plays the peer.

use offhook_core::endpoint::{AnswerOptions, CallId, CallOptions};
use offhook_core::message::StatusCode;
use offhook_core::transport::{Path, Transport};
use offhook_tests::endpoint::{ANSWER, OFFER, Solo, response};
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

fn invite() -> Text {
    Text::request("INVITE", "z9hG4bK-invite").add("Contact", "<sip:alice@192.0.2.1:5060>").sdp(OFFER)
}

/// A request of the caller within the dialog of `answer`, our 200 to its INVITE.
fn within(answer: &Text, method: &str, cseq: u32) -> Text {
    Text::request(method, &format!("z9hG4bK-{method}-{cseq}"))
        .set("To", answer.get("To"))
        .set("CSeq", &format!("{cseq} {method}"))
}

/// A request of the called side within the dialog of our INVITE.
fn back(invite: &Text, method: &str, cseq: u32) -> Text {
    Text::request(method, &format!("z9hG4bK-{method}-{cseq}"))
        .set("From", &format!("{};tag=alice", invite.get("To")))
        .set("To", invite.get("From"))
        .set("Call-ID", invite.get("Call-ID"))
        .set("CSeq", &format!("{cseq} {method}"))
}

fn answered(solo: &mut Solo, invite: &Text) -> (CallId, Text) {
    let call = solo.called(invite);
    solo.act(|endpoint, now| endpoint.answer(now, call, AnswerOptions::with_sdp(ANSWER)));
    let answer = solo.last("200 INVITE");
    let ack = within(&answer, "ACK", 7);
    solo.receive(&ack);
    assert!(solo.log().contains("established"));
    (call, answer)
}

fn hangup(solo: &mut Solo, call: CallId) -> Text {
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    solo.last("BYE")
}

// ---- targets and routes

#[test]
fn what_an_invite_says() {
    let mut solo = Solo::with(|config| config.display_name = Some("Bob \"B\"".into()));
    let (_, invite) = solo.call();
    assert_eq!(invite.start, "INVITE sip:alice@192.0.2.1 SIP/2.0");
    assert!(invite.get("From").starts_with("\"Bob \\\"B\\\"\" <sip:bob@example.com>;tag="), "{}", invite.get("From"));
    assert_eq!(invite.get("To"), "<sip:alice@192.0.2.1>");
    assert_eq!((invite.get("CSeq"), invite.get("Max-Forwards")), ("1 INVITE", "70"));
    assert_eq!(invite.get("Contact"), "<sip:bob@192.0.2.9:5060>");
    assert!(invite.get("Via").starts_with("SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK"));
    assert!(invite.get("Via").ends_with(";rport"));
    assert_eq!(invite.get("Content-Type"), "application/sdp");
    assert!(invite.get("Allow").contains("BYE"));
    assert!(invite.get("User-Agent").starts_with("Offhook/"));
    assert_eq!(invite.body, OFFER);
}

#[test]
fn a_target_leaves_its_headers_behind() {
    let mut solo = Solo::new();
    let target = "sip:alice@192.0.2.1;user=phone;method=BYE?Subject=x";
    solo.act(|endpoint, now| endpoint.call(now, target, CallOptions::default())).expect("a call");
    assert_eq!(solo.last("INVITE").start, "INVITE sip:alice@192.0.2.1;user=phone SIP/2.0");
    assert_eq!(solo.last("INVITE").get("To"), "<sip:alice@192.0.2.1;user=phone>");
}

#[test]
fn requests_go_to_the_contact_of_the_answer() {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    let answer = response(&invite, 200, "alice", ANSWER).set("Contact", "\"A\" <sip:a1@192.0.2.77:5077;x=y>;q=1");
    solo.receive(&answer);
    let ack = solo.last("ACK");
    assert_eq!(ack.start, "ACK sip:a1@192.0.2.77:5077;x=y SIP/2.0");
    assert_eq!((ack.get("CSeq"), ack.get("To")), ("1 ACK", "<sip:alice@192.0.2.1>;tag=alice"));
    assert_eq!(solo.last_path("ACK").remote.to_string(), "192.0.2.77:5077");
    assert_eq!(hangup(&mut solo, call).start, "BYE sip:a1@192.0.2.77:5077;x=y SIP/2.0");
}

#[test]
fn a_contact_with_a_hash_drops_nothing() {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    solo.receive(&response(&invite, 200, "alice", ANSWER).set("Contact", "<sip:a#1@192.0.2.1:5060>"));
    assert_eq!(solo.last("ACK").start, "ACK sip:a#1@192.0.2.1:5060 SIP/2.0");
    assert!(solo.log().contains("established"));
    assert_eq!(hangup(&mut solo, call).start, "BYE sip:a#1@192.0.2.1:5060 SIP/2.0");
}

#[test]
fn an_answer_without_a_readable_contact_is_acknowledged_where_the_invite_went() {
    for contact in [None, Some("<sip:unfinished"), Some("*"), Some("")] {
        let mut solo = Solo::new();
        let (call, invite) = solo.call();
        let answer = response(&invite, 200, "alice", ANSWER).without("Contact");
        solo.receive(&contact.into_iter().fold(answer, |answer, contact| answer.add("Contact", contact)));
        assert_eq!(solo.last("ACK").start, "ACK sip:alice@192.0.2.1 SIP/2.0", "{contact:?}");
        assert_eq!(hangup(&mut solo, call).start, "BYE sip:alice@192.0.2.1 SIP/2.0");
    }
}

#[test]
fn a_contact_that_does_not_resolve_is_reached_the_way_it_came() {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    let contact = "<sip:alice@df7jal23ls0d.invalid;transport=ws>";
    solo.receive(&response(&invite, 200, "alice", ANSWER).set("Contact", contact));
    assert_eq!(solo.last("ACK").start, "ACK sip:alice@df7jal23ls0d.invalid;transport=ws SIP/2.0");
    hangup(&mut solo, call);
    for label in ["ACK", "BYE"] {
        assert_eq!(solo.last_path(label), solo.path, "{label}");
    }
    assert!(solo.names().is_empty(), "nobody is asked for a name that cannot exist");
}

#[test]
fn the_caller_reverses_the_recorded_route() {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    let answer = response(&invite, 200, "alice", ANSWER)
        .add("Record-Route", "<sip:192.0.2.3;lr>, <sip:192.0.2.2;lr>")
        .add("Record-Route", "<sip:192.0.2.1;lr>");
    solo.receive(&answer);
    let routes = ["<sip:192.0.2.1;lr>", "<sip:192.0.2.2;lr>", "<sip:192.0.2.3;lr>"];
    assert_eq!(solo.last("ACK").all("Route"), routes);
    // A request of the peer cannot change it, nor can a re-INVITE's answer.
    let request = back(&invite, "INFO", 1).add("Record-Route", "<sip:198.51.100.1;lr>");
    solo.receive(&request);
    let bye = hangup(&mut solo, call);
    assert_eq!(bye.all("Route"), routes);
    assert_eq!(bye.start, "BYE sip:alice@192.0.2.1:5060 SIP/2.0");
    assert_eq!(solo.last_path("BYE").remote.to_string(), "192.0.2.1:5060");
}

#[test]
fn the_called_side_keeps_the_recorded_route_in_order() {
    let mut solo = Solo::new();
    let recorded = ["<sip:192.0.2.1;lr>", "<sip:192.0.2.2;lr;x=\"a,b\">"];
    let invite = invite().add("Record-Route", recorded[0]).add("Record-Route", recorded[1]);
    let (call, answer) = answered(&mut solo, &invite);
    assert_eq!(answer.all("Record-Route"), recorded);
    assert_eq!(hangup(&mut solo, call).all("Route"), recorded);
}

#[test]
fn a_strict_router_takes_the_place_of_the_target() {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    let answer =
        response(&invite, 200, "alice", ANSWER).add("Record-Route", "<sip:192.0.2.3;lr>, <sip:192.0.2.2:5070>");
    solo.receive(&answer);
    hangup(&mut solo, call);
    for label in ["ACK", "BYE"] {
        let request = solo.last(label);
        assert_eq!(request.start, format!("{label} sip:192.0.2.2:5070 SIP/2.0"));
        assert_eq!(request.all("Route"), ["<sip:192.0.2.3;lr>", "<sip:alice@192.0.2.1:5060>"]);
        assert_eq!(solo.last_path(label).remote.to_string(), "192.0.2.2:5070");
    }
}

#[test]
fn a_re_invite_of_the_peer_moves_the_target_but_not_the_route() {
    let mut solo = Solo::with(|config| config.automatic_media = true);
    let invite = invite().add("Record-Route", "<sip:192.0.2.1;lr>");
    let (call, answer) = answered(&mut solo, &invite);
    let request = within(&answer, "INVITE", 8)
        .add("Contact", "<sip:alice@192.0.2.88:5088>")
        .add("Record-Route", "<sip:198.51.100.1;lr>")
        .sdp(OFFER);
    solo.receive(&request);
    let bye = hangup(&mut solo, call);
    assert_eq!(bye.start, "BYE sip:alice@192.0.2.88:5088 SIP/2.0");
    assert_eq!(bye.all("Route"), ["<sip:192.0.2.1;lr>"]);
}

// ---- numbers and tags

#[test]
fn each_direction_counts_for_itself() {
    let mut solo = Solo::new();
    let (call, answer) = answered(&mut solo, &invite());
    for cseq in [8, 9, 4_000_000_000] {
        let info = within(&answer, "INFO", cseq).body("text/plain", "x");
        solo.receive(&info);
        assert_eq!(solo.last("200 INFO").get("CSeq"), format!("{cseq} INFO"));
    }
    solo.act(|endpoint, now| endpoint.dtmf(now, call, '5', 100));
    assert_eq!(solo.last("INFO").get("CSeq"), "1 INFO");
    assert_eq!(hangup(&mut solo, call).get("CSeq"), "2 BYE");
}

#[test]
fn a_request_out_of_order_is_refused() {
    let mut solo = Solo::new();
    let (_, answer) = answered(&mut solo, &invite());
    solo.receive(&within(&answer, "INFO", 20));
    solo.receive(&within(&answer, "BYE", 19));
    assert_eq!(solo.last("500 BYE").get("CSeq"), "19 BYE");
    solo.receive(&within(&answer, "BYE", 21));
    expect(
        &solo.log(),
        "
            0  info
            0  ended (BYE received)
            0  over, by remote, 200 BYE received
        ",
    );
    solo.finish();
}

#[test]
fn what_belongs_to_no_dialog_is_481() {
    let mut solo = Solo::new();
    let (_, answer) = answered(&mut solo, &invite());
    let other_from = within(&answer, "BYE", 8).set("From", "Alice <sip:alice@example.com>;tag=mallory");
    solo.receive(&other_from.set("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-other"));
    for method in ["BYE", "INFO", "INVITE", "OPTIONS", "MESSAGE", "UPDATE", "REFER"] {
        let request = Text::request(method, &format!("z9hG4bK-{method}"))
            .set("To", "Bob <sip:bob@example.com>;tag=nobody")
            .set("Call-ID", "another")
            .add("Contact", "<sip:alice@192.0.2.1>");
        solo.receive(&request);
        solo.last(&format!("481 {method}"));
    }
    solo.receive(&Text::request("CANCEL", "z9hG4bK-no-such-invite"));
    solo.last("481 CANCEL");
    solo.receive(&Text::request("BYE", "z9hG4bK-no-tag"));
    assert_eq!(solo.times("481 BYE").len(), 3);
    assert_eq!(solo.endpoint.census().calls, 1);
}

#[test]
fn a_cancel_with_an_empty_tag_is_a_cancel() {
    let mut solo = Solo::new();
    let call = solo.called(&invite());
    solo.act(|endpoint, now| endpoint.ring(now, call, None));
    let cancel = invite().without("Contact").method("CANCEL").set("To", "Bob <sip:bob@example.com>;tag=");
    solo.receive(&cancel);
    let tag = solo.last("180 INVITE").get("To").to_owned();
    assert_eq!(solo.last("487 INVITE").get("To"), tag);
    assert_eq!(solo.last("200 CANCEL").get("To"), tag, "with our tag, and only once");
}

#[test]
fn an_invite_with_an_empty_tag_begins_a_call() {
    let mut solo = Solo::new();
    let (call, answer) = answered(&mut solo, &invite().set("To", "Bob <sip:bob@example.com>;tag="));
    assert_eq!(answer.get("To").matches("tag=").count(), 1, "{}", answer.get("To"));
    assert_eq!(hangup(&mut solo, call).get("From"), answer.get("To"));
}

#[test]
fn a_peer_without_tags_is_served() {
    let mut solo = Solo::new();
    let from = "Alice <sip:alice@example.com>";
    let call = solo.called(&invite().set("From", from));
    solo.act(|endpoint, now| endpoint.answer(now, call, AnswerOptions::with_sdp(ANSWER)));
    let answer = solo.last("200 INVITE");
    solo.receive(&within(&answer, "ACK", 7).set("From", from));
    solo.receive(&within(&answer, "BYE", 8).set("From", from));
    assert!(solo.log().contains("by remote"));

    let mut solo = Solo::new();
    let (_, invite) = solo.call();
    solo.receive(&response(&invite, 200, "", ANSWER));
    assert_eq!(solo.last("ACK").get("To"), "<sip:alice@192.0.2.1>");
    solo.receive(&response(&invite, 200, "", ANSWER));
    assert_eq!(solo.times("ACK").len(), 2);
    assert!(solo.times("BYE").is_empty());
    solo.receive(&back(&invite, "BYE", 1).set("From", "<sip:alice@192.0.2.1>"));
    solo.last("200 BYE");
}

#[test]
fn a_provisional_response_never_changes_the_dialog_that_is_up() {
    let mut solo = Solo::new();
    let (call, invite) = solo.established();
    solo.receive(&response(&invite, 183, "other", "").set("Contact", "<sip:mallory@198.51.100.1>"));
    assert_eq!(hangup(&mut solo, call).start, "BYE sip:alice@192.0.2.1:5060 SIP/2.0");
    assert!(solo.last("BYE").get("To").ends_with(";tag=alice"));
}

// ---- what cannot be served

#[test]
fn an_extension_nobody_knows_is_refused() {
    let mut solo = Solo::new();
    solo.receive(&invite().add("Require", "100rel, teleport"));
    assert_eq!(solo.last("420 INVITE").get("Unsupported"), "teleport");
    solo.receive(&Text::request("OPTIONS", "z9hG4bK-o").add("Require", "x"));
    assert_eq!(solo.last("420 OPTIONS").get("Unsupported"), "x");
    assert_eq!(solo.log(), "");
}

#[test]
fn what_is_no_message_is_answered_if_it_can_be_and_the_agent_goes_on() {
    let mut solo = Solo::new();
    let good = invite();
    for broken in [
        good.clone().set("CSeq", "x INVITE"),
        good.clone().set("From", "<sip:alice"),
        good.clone().set("CSeq", "7 OPTIONS"),
        good.clone().without("Call-ID"),
        good.clone().add("Call-ID", "another"),
        good.clone().set("Contact", "nonsense"),
        good.clone().without("Contact"),
        good.clone().set("Content-Length", "99999"),
    ] {
        let mut solo = Solo::new();
        solo.receive(&broken);
        assert_eq!(solo.sent().len(), 1, "{broken:?}");
        assert_eq!(solo.sent()[0].1.get(..4), Some("400 "), "{broken:?}");
        assert_eq!(solo.endpoint.census().calls, 0);
    }
    for noise in
        [&b"\0\xff\xfe"[..], b"SIP/2.0", b"SIP/2.0 200 OK\r\n\r\n", b"INVITE\r\n\r\n", b"ACK sip:x SIP/2.0\r\n\r\n"]
    {
        solo.bytes(bytes::Bytes::copy_from_slice(noise));
    }
    assert!(solo.sent().is_empty(), "{:?}", solo.sent());
    solo.called(&good);
}

#[test]
fn methods_that_are_not_served_name_those_that_are() {
    let mut solo = Solo::new();
    for (method, status) in [("PUBLISH", 405), ("REGISTER", 405), ("FANCY", 501)] {
        solo.receive(&Text::request(method, &format!("z9hG4bK-{method}")).add("Contact", "<sip:alice@192.0.2.1>"));
        let answer = solo.last(&format!("{status} {method}"));
        assert!(answer.get("Allow").contains("INVITE"), "{method}");
    }
    // Within a call it is the same, and the call goes on.
    let (_, invite) = solo.established();
    for (cseq, method, status) in [(1, "PUBLISH", 405), (2, "FANCY", 501)] {
        solo.receive(&back(&invite, method, cseq));
        let answer = solo.last(&format!("{status} {method}"));
        assert!(answer.get("Allow").contains("INVITE") && answer.get("To") == invite.get("From"), "{method}");
    }
    assert_eq!(solo.endpoint.census().calls, 1);
}

#[test]
fn a_request_that_came_two_ways_is_answered_once() {
    let mut solo = Solo::new();
    solo.called(&invite());
    solo.receive(&invite().set("Via", "SIP/2.0/UDP 192.0.2.5:5060;branch=z9hG4bK-other-way"));
    solo.last("482 INVITE");
    assert_eq!(solo.endpoint.census().calls, 1);
}

#[test]
fn more_calls_than_allowed_are_busy() {
    let mut solo = Solo::with(|config| config.limits.calls = 1);
    solo.called(&invite());
    let second = invite().set("Call-ID", "second").set("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-2");
    solo.receive(&second);
    solo.last("486 INVITE");
    solo.receive(&Text::request("OPTIONS", "z9hG4bK-o"));
    solo.last("486 OPTIONS");
    assert_eq!(solo.log(), "");
}

// ---- OPTIONS, MESSAGE, INFO

#[test]
fn options_tell_what_we_can_do() {
    let mut solo = Solo::new();
    solo.receive(&Text::request("OPTIONS", "z9hG4bK-o"));
    let answer = solo.last("200 OPTIONS");
    assert!(answer.get("Allow").contains("INFO"));
    assert!(answer.get("Accept").contains("application/sdp"));
    assert_eq!(answer.get("Contact"), "<sip:bob@192.0.2.9:5060>");
    assert!(answer.get("To").contains(";tag="));

    solo.act(|endpoint, now| endpoint.options(now, "sip:alice@192.0.2.1"));
    let request = solo.last("OPTIONS");
    solo.receive(&Text::response(&request.bytes(), 486, "a"));
    assert_eq!(solo.log(), "     0  done: 486 Whatever\n");
    solo.act(|endpoint, now| endpoint.options(now, "alice@nowhere example"));
    assert!(solo.log().contains("failed: target"));
}

#[test]
fn messages_pass_both_ways() {
    let mut solo = Solo::new();
    solo.receive(&Text::request("MESSAGE", "z9hG4bK-m").body("text/plain", "hello"));
    solo.last("200 MESSAGE");
    solo.act(|endpoint, now| endpoint.message(now, "sip:alice@192.0.2.1", "text/plain;charset=utf-8", "hi".into()));
    let request = solo.last("MESSAGE");
    assert_eq!((request.get("Content-Type"), &*request.body), ("text/plain;charset=utf-8", "hi"));
    solo.receive(&Text::response(&request.bytes(), 404, "a"));
    expect(
        &solo.log(),
        r#"
            0  message from sip:alice@example.com: text/plain "hello"
            0  failed: 404 Whatever
        "#,
    );
    let (_, answer) = answered(&mut solo, &invite());
    solo.receive(&within(&answer, "MESSAGE", 8).body("text/plain", "within the call"));
    expect(
        &solo.log(),
        r#"
            0  message from sip:alice@example.com: text/plain "within the call"
        "#,
    );
}

#[test]
fn digits_pass_both_ways() {
    let mut solo = Solo::new();
    let (call, invite) = solo.established();
    solo.act(|endpoint, now| endpoint.dtmf(now, call, '#', 200));
    let info = solo.last("INFO");
    assert_eq!(info.get("Content-Type"), "application/dtmf-relay");
    assert_eq!(info.body, "Signal=#\r\nDuration=200\r\n");
    solo.receive(&Text::response(&info.bytes(), 200, ""));
    solo.receive(&back(&invite, "INFO", 1).body("application/dtmf-relay", "Signal=a\r\nDuration=120"));
    solo.receive(&back(&invite, "INFO", 2).body("application/x-other", "..."));
    solo.act(|endpoint, now| endpoint.info(now, call, "text/plain", "x".into()));
    let info = solo.last("INFO");
    solo.receive(&Text::response(&info.bytes(), 415, ""));
    expect(
        &solo.log(),
        "
            0  done
            0  digit A for 120 ms
            0  info application/x-other
            0  failed: 415 Whatever
        ",
    );
}

// ---- a peer that is gone

#[test]
fn a_peer_that_knows_the_call_no_more_ends_it() {
    let mut solo = Solo::new();
    let (call, _) = solo.established();
    solo.act(|endpoint, now| endpoint.dtmf(now, call, '1', 100));
    let info = solo.last("INFO");
    solo.receive(&Text::response(&info.bytes(), 481, ""));
    expect(
        &solo.log(),
        "
            0  failed: 481 Whatever
            0  ended (481 Whatever)
            0  over, by remote, 481 Whatever: 481 Whatever
        ",
    );
    assert!(solo.times("BYE").is_empty(), "nobody is there to hear it");
    solo.finish();
}

#[test]
fn a_peer_that_answers_nothing_ends_the_call() {
    let mut solo = Solo::new();
    let (call, _) = solo.established();
    solo.act(|endpoint, now| endpoint.dtmf(now, call, '1', 100));
    solo.at(100_000);
    expect(
        &solo.log(),
        "
            32000  failed: no answer in time (timer F)
            32000  ending (BYE sent)
            64000  ended (no answer in time (timer F))
            64000  over, by network, no answer in time (timer F): no answer in time (timer F)
        ",
    );
    assert_eq!(solo.times("BYE").first(), Some(&32_000));
    solo.finish();
}

#[test]
fn a_bye_answered_481_ends_the_call_in_order() {
    let mut solo = Solo::new();
    let (call, _) = solo.established();
    let bye = hangup(&mut solo, call);
    solo.receive(&Text::response(&bye.bytes(), 481, ""));
    expect(
        &solo.log(),
        "
            0  ending (BYE sent)
            0  ended (hung up)
            0  done
            0  over, by local, 200 hung up
        ",
    );
    solo.finish();
}

#[test]
fn a_bye_before_the_answer_ends_the_call_and_answers_the_invite() {
    let mut solo = Solo::new();
    let call = solo.called(&invite());
    solo.act(|endpoint, now| endpoint.ring(now, call, None));
    let ringing = solo.last("180 INVITE");
    solo.receive(&within(&ringing, "BYE", 8));
    solo.last("200 BYE");
    solo.last("487 INVITE");
    expect(
        &solo.log(),
        "
            0  done
            0  ended (BYE received)
            0  over, by remote, 200 BYE received
        ",
    );
}

#[test]
fn a_call_over_a_connection_stays_on_it() {
    let mut solo = Solo::new();
    let tcp = solo.flow(Transport::Tcp);
    solo.path = Path { remote: ([192, 0, 2, 1], 43_210).into(), ..tcp };
    let invite = invite().set("Via", "SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK-tcp");
    let (call, answer) = answered(&mut solo, &invite);
    assert_eq!(answer.get("Contact"), "<sip:bob@192.0.2.9:5060;transport=tcp>");
    hangup(&mut solo, call);
    assert_eq!(solo.last_path("BYE").flow, tcp.flow);
    assert!(solo.last("BYE").get("Via").starts_with("SIP/2.0/TCP 192.0.2.9:5060;"));
    assert_eq!(solo.flows().0, 0, "no connection is opened");
}

#[test]
fn what_the_application_adds_goes_out_and_what_is_ours_does_not() {
    let mut solo = Solo::new();
    let options = CallOptions::with_sdp(OFFER).header("X-Mine", "1").header("Subject", "lunch");
    solo.act(|endpoint, now| endpoint.call(now, "sip:alice@192.0.2.1", options)).expect("a call");
    let invite = solo.last("INVITE");
    assert_eq!((invite.get("X-Mine"), invite.get("Subject")), ("1", "lunch"));
    for name in ["Via", "v", "FROM", "To", "Call-ID", "CSeq", "Content-Length", "Contact", "Max-Forwards"] {
        let options = CallOptions::default().header(name, "1");
        let error = solo.act(|endpoint, now| endpoint.call(now, "sip:alice@192.0.2.1", options)).expect_err(name);
        assert!(error.to_string().starts_with(name), "{error}");
    }
    let call = solo.called(&self::invite());
    let mut options = AnswerOptions::with_sdp(ANSWER);
    options.headers.push(("X-Yours".into(), "2".into()));
    solo.act(|endpoint, now| endpoint.answer(now, call, options));
    assert_eq!(solo.last("200 INVITE").get("X-Yours"), "2");
}

#[test]
fn refusals_of_an_incoming_call_carry_the_tag_of_its_ringing() {
    let mut solo = Solo::new();
    let call = solo.called(&invite());
    solo.act(|endpoint, now| endpoint.ring(now, call, None));
    solo.act(|endpoint, now| endpoint.reject(now, call, StatusCode::DECLINE, Some("Not now")));
    let refusal = solo.last("603 INVITE");
    assert_eq!(refusal.start, "SIP/2.0 603 Not now");
    assert_eq!(refusal.get("To"), solo.last("180 INVITE").get("To"));
}
