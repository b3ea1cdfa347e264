//! Subscriptions within the dialog of a call (RFC 6665 4.5.2): two usages that begin and end each for itself (RFC 5057). And
//! what OPTIONS says we can do, and what is refused because we cannot (RFC 3261 8.2.2.3, 11.2).

use offhook_core::endpoint::{AcceptOptions, AnswerOptions, CallId, Event, SubscriptionId};
use offhook_tests::endpoint::{ANSWER, OFFER, Solo};
use offhook_tests::sip::Text;

/// A call of Alice's that is answered and acknowledged; our 200.
fn called() -> (Solo, CallId, Text) {
    let mut solo = Solo::with(|config| config.packages = vec!["presence".into(), "dialog".into()]);
    let invite = Text::request("INVITE", "z9hG4bK-invite").add("Contact", "<sip:alice@192.0.2.1:5060>").sdp(OFFER);
    let call = solo.called(&invite);
    solo.act(|endpoint, now| endpoint.answer(now, call, AnswerOptions::with_sdp(ANSWER)));
    let answer = solo.last("200 INVITE");
    solo.receive(&within(&answer, "ACK", 7));
    solo.log();
    (solo, call, answer)
}

/// A request of Alice's within the call.
fn within(answer: &Text, method: &str, cseq: u32) -> Text {
    Text::request(method, &format!("z9hG4bK-{method}-{cseq}"))
        .set("To", answer.get("To"))
        .set("CSeq", &format!("{cseq} {method}"))
}

fn subscribe(answer: &Text, event: &str, cseq: u32, expires: &str) -> Text {
    within(answer, "SUBSCRIBE", cseq)
        .add("Event", event)
        .add("Expires", expires)
        .add("Contact", "<sip:alice@192.0.2.1:5060>")
}

/// Alice subscribes within the call; it is accepted, and she has her first notification.
#[track_caller]
fn subscribed(solo: &mut Solo, call: CallId, request: &Text) -> SubscriptionId {
    solo.receive(request);
    let asked = solo.events().into_iter().find_map(|event| match event {
        Event::IncomingSubscription { subscription, request, .. } => Some((subscription, request.call)),
        _ => None,
    });
    let (subscription, within) = asked.unwrap_or_else(|| panic!("nobody subscribes, but {:?}", solo.sent()));
    assert_eq!(within, Some(call));
    solo.act(|endpoint, now| endpoint.accept_subscription(now, subscription, AcceptOptions::default()));
    answered(solo, "NOTIFY");
    solo.log();
    subscription
}

/// Alice answers our last request of that method.
fn answered(solo: &mut Solo, method: &str) -> Text {
    let request = solo.last(method);
    solo.respond(&request, 200, "", "");
    request
}

#[test]
fn a_subscription_within_a_call_uses_its_dialog() {
    let (mut solo, call, answer) = called();
    let id = subscribed(&mut solo, call, &subscribe(&answer, "presence", 8, "600"));
    let notify = solo.last("NOTIFY");
    assert_eq!((notify.get("Call-ID"), notify.get("From")), ("a-call", answer.get("To")));
    assert_eq!(notify.start, "NOTIFY sip:alice@192.0.2.1:5060 SIP/2.0");
    // One order of numbers for both usages, in each direction.
    assert_eq!(notify.get("CSeq"), "1 NOTIFY");
    solo.act(|endpoint, now| endpoint.update(now, call, None));
    assert_eq!(answered(&mut solo, "UPDATE").get("CSeq"), "2 UPDATE");
    solo.act(|endpoint, now| endpoint.notify(now, id, "text/plain", "here".into()));
    assert_eq!(answered(&mut solo, "NOTIFY").get("CSeq"), "3 NOTIFY");
    solo.receive(&subscribe(&answer, "presence", 7, "600").set("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-late"));
    assert_eq!(solo.sent().last().map(|(_, label)| label.as_str()), Some("500 SUBSCRIBE"));
    // A target that moves moves for both.
    let moved = subscribe(&answer, "presence", 9, "600").set("Contact", "<sip:desk@192.0.2.1>");
    solo.receive(&moved);
    assert_eq!(answered(&mut solo, "NOTIFY").start, "NOTIFY sip:desk@192.0.2.1 SIP/2.0");
    solo.log();
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    assert_eq!(answered(&mut solo, "BYE").start, "BYE sip:desk@192.0.2.1 SIP/2.0");
    solo.finish();
}

#[test]
fn it_outlives_the_call() {
    for theirs in [true, false] {
        let (mut solo, call, answer) = called();
        let id = subscribed(&mut solo, call, &subscribe(&answer, "presence", 8, "600"));
        if theirs {
            solo.receive(&within(&answer, "BYE", 9));
        } else {
            solo.act(|endpoint, now| endpoint.hangup(now, call, None));
            answered(&mut solo, "BYE");
        }
        assert!(solo.log().contains("over, by"));
        let census = solo.endpoint.census();
        assert_eq!((census.calls, census.subscriptions), (0, 1));
        // The dialog goes on: its numbers, and what comes in it.
        solo.act(|endpoint, now| endpoint.notify(now, id, "text/plain", "alone".into()));
        let number = if theirs { "2 NOTIFY" } else { "3 NOTIFY" };
        assert_eq!(answered(&mut solo, "NOTIFY").get("CSeq"), number);
        solo.receive(&subscribe(&answer, "presence", 10, "600"));
        answered(&mut solo, "NOTIFY");
        solo.receive(&within(&answer, "INVITE", 11).add("Contact", "<sip:alice@192.0.2.1>").sdp(OFFER));
        assert_eq!(solo.last("481 INVITE").get("CSeq"), "11 INVITE");
        solo.receive(&subscribe(&answer, "presence", 12, "0"));
        assert!(answered(&mut solo, "NOTIFY").get("Subscription-State").starts_with("terminated"));
        assert!(solo.log().contains("subscription over, by remote"));
        solo.finish();
    }
}

#[test]
fn the_call_outlives_it() {
    let (mut solo, call, answer) = called();
    let first = subscribed(&mut solo, call, &subscribe(&answer, "presence", 8, "600"));
    let second = subscribed(&mut solo, call, &subscribe(&answer, "dialog", 9, "600"));
    solo.act(|endpoint, now| endpoint.terminate_subscription(now, first, "noresource", None, None));
    answered(&mut solo, "NOTIFY");
    // One that the subscriber does not know any more ends for itself (RFC 5057 5.1: 481 to a NOTIFY).
    solo.act(|endpoint, now| endpoint.notify(now, second, "text/plain", "here".into()));
    let notify = solo.last("NOTIFY");
    solo.respond(&notify, 481, "", "");
    let census = solo.endpoint.census();
    assert_eq!((census.calls, census.subscriptions), (1, 0));
    assert_eq!(solo.endpoint.call_info(call).map(|info| info.state.name()), Some("established"));
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    answered(&mut solo, "BYE");
    solo.finish();
}

#[test]
fn what_nobody_serves_is_refused_within_a_call_too() {
    let (mut solo, call, answer) = called();
    solo.receive(&subscribe(&answer, "weather", 8, "600"));
    assert_eq!(solo.last("489 SUBSCRIBE").get("Allow-Events"), "presence, dialog");
    let stray = subscribe(&answer, "presence", 9, "600").set("From", "<sip:eve@example.com>;tag=eve");
    solo.receive(&stray);
    assert_eq!(solo.last("481 SUBSCRIBE").get("CSeq"), "9 SUBSCRIBE");
    assert_eq!(solo.endpoint.census().subscriptions, 0);
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    answered(&mut solo, "BYE");
    solo.finish();
}

// ---- what we can do

fn options(branch: &str) -> Text {
    Text::request("OPTIONS", branch).set("Call-ID", branch).add("Contact", "<sip:alice@192.0.2.1:5060>")
}

#[test]
fn options_say_what_there_is() {
    let mut solo = Solo::with(|config| {
        config.packages = vec!["presence".into()];
        config.info_packages = vec!["trickle-ice".into()];
    });
    solo.receive(&options("z9hG4bK1"));
    let answer = solo.last("200 OPTIONS");
    assert_eq!(
        answer.get("Allow"),
        "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, MESSAGE, PRACK, UPDATE, SUBSCRIBE, NOTIFY, REFER"
    );
    let supported = "199, 100rel, replaces, timer, trickle-ice, norefersub, tdialog, from-change";
    assert_eq!((answer.get("Supported"), answer.get("Allow-Events")), (supported, "presence"));
    let accept: Vec<_> = answer.get("Accept").split(", ").collect();
    for kind in ["application/sdp", "message/sipfrag", "application/simple-message-summary", "text/plain"] {
        assert!(accept.contains(&kind), "{kind} is not in {accept:?}");
    }
    // Every method that is allowed is one we know; any other is not.
    for (number, method) in
        answer.get("Allow").split(", ").filter(|method| !matches!(*method, "ACK" | "CANCEL")).enumerate()
    {
        let branch = format!("z9hG4bK-all-{number}");
        solo.receive(&Text::request(method, &branch).set("Call-ID", &branch));
        let refuses = |label: &str| label == format!("405 {method}") || label == format!("501 {method}");
        let refused = solo.sent().into_iter().any(|(_, label)| refuses(&label));
        assert!(!refused, "{method}");
    }
    solo.receive(&Text::request("PUBLISH", "z9hG4bK-publish").set("Call-ID", "publish"));
    assert_eq!(solo.last("405 PUBLISH").get("Allow"), answer.get("Allow"));
}

#[test]
fn what_is_switched_off_is_not_said_and_not_taken() {
    let mut solo = Solo::with(|config| {
        config.reliable = offhook_core::endpoint::Reliability::Never;
        config.replacing = offhook_core::endpoint::Replacing::Never;
        config.session_timers.mode = offhook_core::endpoint::SessionTimerMode::Never;
        config.unsolicited = Vec::new();
    });
    solo.receive(&options("z9hG4bK1"));
    let answer = solo.last("200 OPTIONS");
    assert_eq!(answer.get("Supported"), "199, norefersub, tdialog, from-change");
    assert!(answer.all("Allow-Events").is_empty() && !answer.get("Accept").contains("message-summary"));
    for (number, option) in
        ["100rel", "replaces", "timer", "outbound", "gruu", "path", "trickle-ice"].iter().enumerate()
    {
        solo.receive(&options(&format!("z9hG4bK-off-{number}")).add("Require", &format!("tdialog, {option}")));
        assert_eq!(solo.last("420 OPTIONS").get("Unsupported"), *option);
    }
}

// RFC 3329 2.3, 2.4: an agreement on security nobody has made is not pretended
#[test]
fn security_is_not_agreed_on_by_header_fields() {
    let mut solo = Solo::new();
    let agreement = |request: Text| {
        let request = request.add("Require", "sec-agree").add("Proxy-Require", "sec-agree");
        request.add("Security-Verify", "ipsec-3gpp;q=0.1").add("Security-Client", "tls;q=0.2")
    };
    let invite = Text::request("INVITE", "z9hG4bK-invite").add("Contact", "<sip:alice@192.0.2.1:5060>").sdp(OFFER);
    for request in [options("z9hG4bK1"), invite, Text::request("MESSAGE", "z9hG4bK2").body("text/plain", "x")] {
        let method = request.start.split(' ').next().expect("a method").to_owned();
        solo.receive(&agreement(request));
        assert_eq!(solo.last(&format!("420 {method}")).get("Unsupported"), "sec-agree");
    }
    assert_eq!(solo.log(), "", "nobody is told of what was refused");
}

// RFC 3329 2.3.1: what a 494 asks for is not ours to give, and the request is over with that status
#[test]
fn a_server_that_asks_for_a_security_agreement_is_told_of_by_its_status() {
    let security = |request: &Text| {
        let response = Text::response(&request.bytes(), 494, "server").add("Security-Server", "tls;q=0.2");
        response.add("Require", "sec-agree")
    };
    let mut solo = Solo::new();
    let (_, invite) = solo.call();
    assert!(!invite.get("Supported").contains("sec-agree"));
    solo.receive(&security(&invite));
    assert_eq!(solo.last("ACK").get("CSeq"), "1 ACK");
    assert!(solo.log().contains("over, by remote, 494 "));
    solo.act(|endpoint, now| endpoint.message(now, "sip:alice@192.0.2.1", "text/plain", "x".into()));
    let message = solo.last("MESSAGE");
    solo.receive(&security(&message));
    assert!(solo.log().contains("failed: 494 "));
    assert_eq!((solo.times("INVITE").len(), solo.times("MESSAGE").len()), (1, 1), "neither is tried again");
    solo.finish();
}

#[test]
fn what_is_required_is_looked_at_where_it_counts() {
    let mut solo = Solo::new();
    let known = "100rel, replaces, timer, tdialog, norefersub, from-change, 199";
    solo.receive(&options("z9hG4bK1").add("Require", known));
    assert_eq!(solo.last("200 OPTIONS").get("CSeq"), "7 OPTIONS");
    solo.receive(&options("z9hG4bK2").add("Require", "gruu").add("Require", "100rel, outbound"));
    assert_eq!(solo.last("420 OPTIONS").get("Unsupported"), "gruu, outbound");
    // What is for proxies is not for us, and an ACK or a CANCEL is never refused (8.2.2.3).
    solo.receive(&options("z9hG4bK3").add("Proxy-Require", "gruu"));
    assert_eq!(solo.sent().last().map(|(_, label)| label.as_str()), Some("200 OPTIONS"));
    let invite = Text::request("INVITE", "z9hG4bK-invite").add("Contact", "<sip:alice@192.0.2.1:5060>").sdp(OFFER);
    solo.called(&invite);
    solo.receive(&invite.clone().method("CANCEL").without("Contact").add("Require", "gruu"));
    assert!(solo.log().contains("over, by remote, 487 Request Terminated"));
    assert!(solo.times("200 CANCEL").len() == 1 && solo.times("487 INVITE").len() == 1);
}
