//! The subscriber (RFC 6665 4.1): the test plays the notifier.

use std::time::Duration;

use offhook_core::endpoint::{Endpoint, Error, SubscribeOptions, SubscriptionId};
use offhook_tests::endpoint::Solo;
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

const SUMMARY: &str = "Messages-Waiting: yes\r\n";

fn subscribe(solo: &mut Solo, options: SubscribeOptions) -> (SubscriptionId, Text) {
    let id = solo.act(|endpoint, now| endpoint.subscribe(now, "sip:alice@192.0.2.1", options)).expect("on its way");
    (id, solo.last("SUBSCRIBE"))
}

fn to(event: &str) -> SubscribeOptions {
    SubscribeOptions::new(event)
}

fn accept(solo: &mut Solo, request: &Text, expires: u32) {
    let response = Text::response(&request.bytes(), 200, if request.get("To").contains(";tag=") { "" } else { "n" });
    solo.receive(&response.add("Contact", "<sip:alice@192.0.2.1:5060>").add("Expires", &expires.to_string()));
}

/// The notifier's NOTIFY for a SUBSCRIBE, by one with this tag.
fn notify(subscribe: &Text, tag: &str, number: u32, state: &str) -> Text {
    let to = subscribe.get("From");
    let from = subscribe.get("To").split(";tag=").next().unwrap_or_default().to_owned();
    let branch = format!("z9hG4bK{}{tag}{number}", subscribe.get("Call-ID"));
    Text::new("NOTIFY sip:bob@192.0.2.9:5060 SIP/2.0")
        .add("Via", &format!("SIP/2.0/UDP 192.0.2.1:5060;branch={branch}"))
        .add("Max-Forwards", "70")
        .add("From", &format!("{from};tag={tag}"))
        .add("To", to)
        .add("Call-ID", subscribe.get("Call-ID"))
        .add("CSeq", &format!("{number} NOTIFY"))
        .add("Contact", "<sip:alice@192.0.2.1:5060>")
        .add("Event", subscribe.get("Event"))
        .add("Subscription-State", state)
        .add("Content-Length", "0")
}

/// A subscription to waiting messages that is active since 0 ms, for 600 s; what was told of it is forgotten.
fn active(solo: &mut Solo) -> (SubscriptionId, Text) {
    let (id, request) = subscribe(solo, to("message-summary").expires(600));
    accept(solo, &request, 600);
    solo.receive(&notify(&request, "n", 1, "active;expires=600"));
    solo.log();
    (id, request)
}

fn unsubscribe(solo: &mut Solo, id: SubscriptionId) {
    solo.act(|endpoint, now| endpoint.unsubscribe(now, id));
}

#[test]
fn a_subscription_from_its_beginning_to_its_end() {
    let mut solo = Solo::new();
    let (id, request) = subscribe(&mut solo, to("message-summary").expires(600));
    assert_eq!(request.start, "SUBSCRIBE sip:alice@192.0.2.1 SIP/2.0");
    assert_eq!((request.get("Event"), request.get("Expires")), ("message-summary", "600"));
    assert_eq!(request.get("Accept"), "application/simple-message-summary");
    assert_eq!(request.get("Contact"), "<sip:bob@192.0.2.9:5060>");
    accept(&mut solo, &request, 600);
    let first = notify(&request, "n", 1, "active;expires=600");
    solo.receive(&first.body("application/simple-message-summary", SUMMARY));
    assert_eq!(solo.fresh(), ["SUBSCRIBE", "200 NOTIFY"]);
    unsubscribe(&mut solo, id);
    let end = solo.last("SUBSCRIBE");
    assert_eq!((end.get("Expires"), end.get("Event")), ("0", "message-summary"));
    assert_eq!((end.get("CSeq"), end.get("To")), ("2 SUBSCRIBE", "<sip:alice@192.0.2.1>;tag=n"));
    accept(&mut solo, &end, 0);
    solo.receive(&notify(&request, "n", 2, "terminated;reason=timeout"));
    expect(
        &solo.log(),
        r#"
            0  subscribing
            0  active for 600 s
            0  message-summary is active: application/simple-message-summary "Messages-Waiting: yes\r\n"
            0  ending
            0  message-summary is terminated:  ""
            0  terminated
            0  done
            0  subscription over, by local, unsubscribed
        "#,
    );
    solo.finish();
}

#[test]
fn it_is_refreshed_before_its_end() {
    let mut solo = Solo::new();
    let (_, request) = active(&mut solo);
    let refresh = solo.until("SUBSCRIBE", 2);
    let at = solo.times("SUBSCRIBE")[1];
    assert!((480_000..541_000).contains(&at), "at {at}");
    assert_eq!((refresh.get("CSeq"), refresh.get("Expires")), ("2 SUBSCRIBE", "600"));
    assert_eq!(refresh.get("Call-ID"), request.get("Call-ID"));
    accept(&mut solo, &refresh, 300);
    solo.receive(&notify(&request, "n", 2, "active;expires=300"));
    solo.log();
    solo.until("SUBSCRIBE", 3);
    let again = solo.times("SUBSCRIBE")[2];
    assert!((at + 240_000..at + 271_000).contains(&again), "at {again}");
}

#[test]
fn a_notify_may_come_before_the_2xx() {
    let mut solo = Solo::new();
    let (_, request) = subscribe(&mut solo, to("presence"));
    solo.receive(&notify(&request, "n", 1, "active;expires=60"));
    accept(&mut solo, &request, 3600);
    expect(
        &solo.log(),
        r#"
            0  subscribing
            0  active for 60 s
            0  presence is active:  ""
        "#,
    );
    solo.until("SUBSCRIBE", 2);
    assert!(solo.now() < 60_000, "what the NOTIFY says counts");
}

#[test]
fn without_a_lifetime_in_the_notify_that_of_the_2xx_counts() {
    let mut solo = Solo::new();
    let (_, request) = subscribe(&mut solo, to("presence"));
    accept(&mut solo, &request, 100);
    solo.receive(&notify(&request, "n", 1, "active"));
    assert!(solo.log().contains("active for 100 s"));
    // And so where it comes the other way round.
    let mut solo = Solo::new();
    let (_, request) = subscribe(&mut solo, to("presence"));
    solo.receive(&notify(&request, "n", 1, "active"));
    accept(&mut solo, &request, 100);
    solo.until("SUBSCRIBE", 2);
    assert!(solo.now() < 3_400_000);
}

#[test]
fn a_state_is_fetched_once() {
    let mut solo = Solo::new();
    let (_, request) = subscribe(&mut solo, to("presence").expires(0));
    assert_eq!(request.get("Expires"), "0");
    accept(&mut solo, &request, 0);
    let state = notify(&request, "n", 1, "terminated;reason=timeout");
    solo.receive(&state.body("application/pidf+xml", "<presence/>"));
    expect(
        &solo.log(),
        r#"
            0  subscribing
            0  presence is terminated: application/pidf+xml "<presence/>"
            0  terminated
            0  subscription over, by remote, timeout
        "#,
    );
    solo.finish();
    assert_eq!(solo.times("SUBSCRIBE").len(), 1, "it is not asked again");
}

#[test]
fn an_interval_that_is_too_brief_is_raised() {
    let mut solo = Solo::new();
    let (_, first) = subscribe(&mut solo, to("presence").expires(60));
    solo.receive(&Text::response(&first.bytes(), 423, "n").add("Min-Expires", "900"));
    let second = solo.last("SUBSCRIBE");
    assert_eq!((second.get("CSeq"), second.get("Expires")), ("2 SUBSCRIBE", "900"));
    assert_eq!(second.get("Call-ID"), first.get("Call-ID"));
    for minimum in ["1000", "1100", "1200"] {
        let request = solo.last("SUBSCRIBE");
        solo.receive(&Text::response(&request.bytes(), 423, "n").add("Min-Expires", minimum));
    }
    assert!(solo.log().ends_with("subscription over, by remote, Whatever: 423 Whatever\n"));
    solo.finish();
    assert_eq!(solo.times("SUBSCRIBE").len(), 4);
}

#[test]
fn a_refusal_of_the_first_request_is_the_end() {
    for status in [403, 404, 489, 503] {
        let mut solo = Solo::new();
        let (_, request) = subscribe(&mut solo, to("presence"));
        solo.receive(&Text::response(&request.bytes(), status, "n"));
        let log = solo.log();
        assert!(log.ends_with(&format!("subscription over, by remote, Whatever: {status} Whatever\n")), "{log}");
        solo.finish();
        assert_eq!(solo.times("SUBSCRIBE").len(), 1);
    }
}

#[test]
fn nobody_answers() {
    let mut solo = Solo::new();
    subscribe(&mut solo, to("presence"));
    assert_eq!(solo.finish(), 32_000);
    assert!(solo.log().ends_with("by network, no answer in time (timer F): no answer in time (timer F)\n"));
}

#[test]
fn timer_n_waits_for_the_first_notify() {
    let mut solo = Solo::new();
    let (_, request) = subscribe(&mut solo, to("presence"));
    accept(&mut solo, &request, 3600);
    assert_eq!(solo.finish(), 32_000);
    assert!(solo.log().ends_with("by network, no answer in time (timer N): no answer in time (timer N)\n"));
    // Then it is too late.
    solo.receive(&notify(&request, "n", 1, "active"));
    assert_eq!(solo.fresh().last().map(String::as_str), Some("481 NOTIFY"));
}

#[test]
fn a_refresh_without_notify_makes_it_anew() {
    let mut solo = Solo::new();
    let (_, request) = active(&mut solo);
    let refresh = solo.until("SUBSCRIBE", 2);
    let at = solo.now();
    accept(&mut solo, &refresh, 600);
    let anew = solo.until("SUBSCRIBE", 3);
    assert_eq!(solo.now(), at + 32_000);
    assert_ne!(anew.get("Call-ID"), request.get("Call-ID"));
    assert!(!anew.get("To").contains("tag"));
    assert!(solo.log().ends_with("subscribing (no answer in time (timer N))\n"));
}

#[test]
fn every_reason_is_acted_on() {
    // The milliseconds until it is subscribed to again, if it is.
    let cases: [(&str, Option<std::ops::Range<u64>>); 9] = [
        ("terminated;reason=deactivated", Some(0..1)),
        ("terminated;reason=timeout", Some(0..1)),
        ("terminated;reason=probation;retry-after=7", Some(7000..7001)),
        ("terminated;reason=giveup;retry-after=9", Some(9000..9001)),
        ("terminated;reason=probation", Some(2000..3001)),
        ("terminated", Some(2000..3001)),
        ("terminated;reason=rejected;retry-after=1", None),
        ("terminated;reason=noresource", None),
        ("terminated;reason=invariant;retry-after=31536000", None),
    ];
    for (state, again) in cases {
        let mut solo = Solo::new();
        let (_, request) = active(&mut solo);
        solo.at(1000);
        solo.receive(&notify(&request, "n", 2, state));
        match again {
            Some(wait) => {
                let anew = solo.until("SUBSCRIBE", 2);
                assert!(wait.contains(&(solo.now() - 1000)), "{state}: after {}", solo.now() - 1000);
                assert_ne!(anew.get("Call-ID"), request.get("Call-ID"));
                assert_eq!((anew.get("Expires"), anew.get("CSeq")), ("600", "1 SUBSCRIBE"));
            }
            None => {
                solo.finish();
                let reason = &state["terminated;reason=".len()..];
                let reason = reason.split(';').next().unwrap_or_default();
                assert!(solo.log().ends_with(&format!("subscription over, by remote, {reason}\n")), "{state}");
                assert_eq!(solo.times("SUBSCRIBE").len(), 1, "{state}");
            }
        }
    }
}

#[test]
fn a_notifier_that_ends_it_at_once_each_time_is_asked_less_and_less_often() {
    let mut solo = Solo::new();
    subscribe(&mut solo, to("presence"));
    for count in 1..8 {
        let request = solo.until("SUBSCRIBE", count);
        accept(&mut solo, &request, 600);
        solo.receive(&notify(&request, "n", 1, "active;expires=600"));
        solo.receive(&notify(&request, "n", 2, "terminated;reason=deactivated"));
    }
    let times = solo.times("SUBSCRIBE");
    let waits: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits[0], 0);
    assert!(waits.windows(2).all(|pair| pair[0] < pair[1]), "{waits:?}");
    assert!(waits[5] >= 32_000, "{waits:?}");
}

#[test]
fn a_fork_makes_a_subscription_of_its_own() {
    let mut solo = Solo::new();
    let (id, request) = subscribe(&mut solo, to("dialog").expires(600));
    accept(&mut solo, &request, 600);
    solo.receive(&notify(&request, "n", 1, "active;expires=600"));
    solo.receive(&notify(&request, "other", 1, "active;expires=300"));
    solo.receive(&notify(&request, "other", 2, "active;expires=300"));
    expect(
        &solo.log(),
        r#"
            0  subscribing
            0  active for 600 s
            0  dialog is active:  ""
            0  forked
            0  active for 300 s
            0  dialog is active:  ""
            0  dialog is active:  ""
        "#,
    );
    assert_eq!(solo.endpoint.census().subscriptions, 2);
    // Each is refreshed in its own dialog.
    let refresh = solo.until("SUBSCRIBE", 2);
    assert!(refresh.get("To").ends_with(";tag=other"));
    // They end together.
    accept(&mut solo, &refresh, 300);
    solo.receive(&notify(&request, "other", 3, "active;expires=300"));
    unsubscribe(&mut solo, id);
    let ends = ["n", "other"].map(|tag| notify(&request, tag, 9, "terminated;reason=timeout"));
    for end in &ends {
        solo.receive(end);
    }
    assert_eq!(solo.endpoint.census().subscriptions, 0);
    assert_eq!(solo.times("SUBSCRIBE").len(), 4);
    for key in ["n", "other"] {
        assert!(solo.times("SUBSCRIBE").len() == 4, "{key}");
    }
}

#[test]
fn a_fork_that_is_not_wanted_is_refused() {
    for (event, forks, answer) in [
        ("presence", None, "481 NOTIFY"),
        ("dialog", Some(false), "481 NOTIFY"),
        ("presence", Some(true), "200 NOTIFY"),
    ] {
        let mut solo = Solo::new();
        let mut options = to(event);
        options.forks = forks;
        let (_, request) = subscribe(&mut solo, options);
        solo.receive(&notify(&request, "n", 1, "active"));
        solo.receive(&notify(&request, "other", 1, "active"));
        assert_eq!(solo.fresh().last().map(String::as_str), Some(answer), "{event} {forks:?}");
    }
}

#[test]
fn a_fork_after_timer_n_is_too_late() {
    let mut solo = Solo::new();
    let (_, request) = subscribe(&mut solo, to("dialog"));
    accept(&mut solo, &request, 3600);
    solo.receive(&notify(&request, "n", 1, "active"));
    solo.at(32_001);
    solo.receive(&notify(&request, "other", 1, "active"));
    assert_eq!(solo.fresh().last().map(String::as_str), Some("481 NOTIFY"));
}

#[test]
fn a_notify_for_nothing_is_refused() {
    let mut solo = Solo::new();
    let (_, request) = active(&mut solo);
    let next = |number| notify(&request, "n", number, "active");
    let cases = [
        (next(2).set("Event", "presence"), "481 NOTIFY"),
        (next(3).set("Event", "message-summary;id=7"), "481 NOTIFY"),
        (next(4).set("To", "<sip:bob@example.com>;tag=nobody"), "481 NOTIFY"),
        (next(5).set("Call-ID", "nobody"), "481 NOTIFY"),
        (next(6).without("Subscription-State"), "400 NOTIFY"),
        (next(7).set("Subscription-State", ";"), "400 NOTIFY"),
        (next(8).set("Event", ";id=1"), "400 NOTIFY"),
        (next(9), "200 NOTIFY"),
        (next(8).set("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKlate"), "500 NOTIFY"),
        (next(10).set("Event", "message-summary;x=y"), "200 NOTIFY"),
    ];
    for (message, answer) in cases {
        solo.receive(&message);
        assert_eq!(solo.fresh().last().map(String::as_str), Some(answer), "{message:?}");
    }
}

#[test]
fn a_refresh_that_finds_nobody_who_knows_makes_it_anew() {
    let mut solo = Solo::new();
    let (_, request) = active(&mut solo);
    let refresh = solo.until("SUBSCRIBE", 2);
    solo.receive(&Text::response(&refresh.bytes(), 481, ""));
    let anew = solo.last("SUBSCRIBE");
    assert_ne!(anew.get("Call-ID"), request.get("Call-ID"));
    accept(&mut solo, &anew, 600);
    solo.receive(&notify(&anew, "m", 1, "active;expires=600"));
    let log = solo.log();
    assert!(log.contains("subscribing (481 Whatever)") && log.contains("active for 600 s"), "{log}");
    // The old dialog is no more.
    solo.receive(&notify(&request, "n", 5, "active"));
    assert_eq!(solo.fresh().last().map(String::as_str), Some("481 NOTIFY"));
}

#[test]
fn a_refresh_that_is_refused_for_good_is_the_end() {
    for status in [404, 489, 501] {
        let mut solo = Solo::new();
        active(&mut solo);
        let refresh = solo.until("SUBSCRIBE", 2);
        solo.receive(&Text::response(&refresh.bytes(), status, ""));
        solo.finish();
        assert!(solo.log().contains(&format!("by remote, Whatever: {status} Whatever")));
    }
}

#[test]
fn a_refresh_that_fails_leaves_it_for_its_time() {
    let mut solo = Solo::new();
    active(&mut solo);
    let refresh = solo.until("SUBSCRIBE", 2);
    let at = solo.now();
    solo.receive(&Text::response(&refresh.bytes(), 503, "").add("Retry-After", "10"));
    assert_eq!(solo.log(), "", "it is active still");
    let again = solo.until("SUBSCRIBE", 3);
    assert_eq!(solo.now(), at + 10_000);
    assert_eq!(again.get("CSeq"), "3 SUBSCRIBE");
    // When its time is over it is made anew.
    solo.receive(&Text::response(&again.bytes(), 503, "").add("Retry-After", "1000"));
    let anew = solo.until("SUBSCRIBE", 4);
    assert_eq!(solo.now(), 600_000);
    assert_eq!(anew.get("CSeq"), "1 SUBSCRIBE");
}

#[test]
fn an_end_before_the_first_notify_waits_for_it() {
    let mut solo = Solo::new();
    let (id, request) = subscribe(&mut solo, to("presence"));
    unsubscribe(&mut solo, id);
    accept(&mut solo, &request, 3600);
    assert_eq!(solo.times("SUBSCRIBE").len(), 1, "nobody knows yet where to send it");
    solo.receive(&notify(&request, "n", 1, "active"));
    let end = solo.last("SUBSCRIBE");
    assert_eq!((end.get("Expires"), end.get("CSeq")), ("0", "2 SUBSCRIBE"));
    accept(&mut solo, &end, 0);
    solo.receive(&notify(&request, "n", 2, "terminated;reason=timeout"));
    solo.finish();
    assert!(solo.log().ends_with("subscription over, by local, unsubscribed\n"));
}

#[test]
fn an_end_whose_last_notify_does_not_come_is_one_after_timer_n() {
    let mut solo = Solo::new();
    let (id, _) = active(&mut solo);
    solo.at(1000);
    unsubscribe(&mut solo, id);
    let end = solo.last("SUBSCRIBE");
    accept(&mut solo, &end, 0);
    assert_eq!(solo.finish(), 33_000);
    expect(
        &solo.log(),
        "
             1000  ending
            33000  terminated
            33000  done
            33000  subscription over, by local, unsubscribed
        ",
    );
}

#[test]
fn a_notify_in_between_does_not_keep_it() {
    let mut solo = Solo::new();
    let (id, request) = active(&mut solo);
    unsubscribe(&mut solo, id);
    solo.receive(&notify(&request, "n", 2, "active;expires=600"));
    let end = solo.last("SUBSCRIBE");
    accept(&mut solo, &end, 0);
    assert_eq!(solo.finish(), 32_000);
}

#[test]
fn what_is_refused_after_a_notify_is_refreshed_still() {
    let mut solo = Solo::new();
    let (_, request) = subscribe(&mut solo, to("dialog").expires(600));
    solo.receive(&notify(&request, "n", 1, "active;expires=600"));
    solo.receive(&Text::response(&request.bytes(), 500, "proxy"));
    solo.until("SUBSCRIBE", 2);
    assert!((480_000..541_000).contains(&solo.now()));
}

#[test]
fn an_end_twice_is_one() {
    let mut solo = Solo::new();
    let (id, request) = active(&mut solo);
    unsubscribe(&mut solo, id);
    unsubscribe(&mut solo, id);
    solo.receive(&notify(&request, "n", 2, "terminated"));
    unsubscribe(&mut solo, id);
    assert_eq!(solo.times("SUBSCRIBE").len(), 2);
    assert_eq!(solo.log().matches("done").count(), 3);
}

#[test]
fn what_cannot_be_sent_is_refused_before_it_is() {
    let mut solo = Solo::new();
    let mut with_header = to("presence");
    with_header.headers = vec![("Expires".into(), "5".into())];
    let mut with_accept = to("presence");
    with_accept.accept = Some("a/b\r\nX: y".into());
    for (target, options, field) in [
        ("sip:alice@192.0.2.1", to(""), "event"),
        ("sip:alice@192.0.2.1", to("a b\r\n"), "event"),
        ("", to("presence"), "target"),
        ("sip:alice@192.0.2.1", with_header, "Expires"),
        ("sip:alice@192.0.2.1", with_accept, "Accept"),
    ] {
        match solo.act(|endpoint, now| endpoint.subscribe(now, target, options)) {
            Err(Error::Input(error)) => assert_eq!(&*error.field, field),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(solo.finish(), 0);
}

#[test]
fn there_is_a_limit() {
    let mut solo = Solo::with(|config| config.limits.subscriptions = 1);
    active(&mut solo);
    let more = solo.act(|endpoint, now| endpoint.subscribe(now, "sip:alice@192.0.2.1", to("presence")));
    assert_eq!(more, Err(Error::Limit("too many subscriptions")));
}

#[test]
fn a_shutdown_ends_it() {
    let mut solo = Solo::new();
    let (_, request) = active(&mut solo);
    solo.act(|endpoint: &mut Endpoint, now| endpoint.shutdown(now, Duration::from_secs(5)));
    let end = solo.last("SUBSCRIBE");
    assert_eq!(end.get("Expires"), "0");
    accept(&mut solo, &end, 0);
    solo.receive(&notify(&request, "n", 2, "terminated;reason=timeout"));
    expect(
        &solo.log(),
        r#"
            0  ending
            0  done
            0  message-summary is terminated:  ""
            0  terminated
            0  subscription over, by local, unsubscribed
            0  done
            0  stopped
        "#,
    );
    // And where nobody answers, the deadline does.
    let mut solo = Solo::new();
    active(&mut solo);
    solo.act(|endpoint: &mut Endpoint, now| endpoint.shutdown(now, Duration::from_secs(5)));
    solo.at(5000);
    assert_eq!(solo.endpoint.census().subscriptions, 0);
    assert!(solo.log().ends_with("stopped\n"));
}

#[test]
fn an_unsolicited_notify_is_told_where_it_is_wanted() {
    let unsolicited = |event: &str| {
        let notify = Text::request("NOTIFY", "z9hG4bKu").add("Subscription-State", "terminated;reason=timeout");
        let notify = if event.is_empty() { notify } else { notify.add("Event", event) };
        notify.body("application/simple-message-summary", SUMMARY)
    };
    for event in ["message-summary", ""] {
        let mut solo = Solo::new();
        solo.receive(&unsolicited(event));
        expect(
            &solo.log(),
            r#"
                0  unsolicited from sip:alice@example.com: message-summary is active: application/simple-message-summary "Messages-Waiting: yes\r\n"
            "#,
        );
        assert_eq!(solo.fresh(), ["200 NOTIFY"]);
        solo.finish();
    }
    let mut solo = Solo::new();
    solo.receive(&unsolicited("presence"));
    assert_eq!(solo.fresh(), ["481 NOTIFY"]);
    let mut solo = Solo::with(|config| config.unsolicited.clear());
    solo.receive(&unsolicited("message-summary"));
    assert_eq!(solo.fresh(), ["481 NOTIFY"]);
    assert_eq!(solo.log(), "");
}
