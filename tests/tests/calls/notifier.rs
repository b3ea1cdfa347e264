//! The notifier (RFC 6665 4.2): the test plays the subscriber.

use std::time::Duration;

use bytes::Bytes;
use offhook_core::endpoint::{AcceptOptions, Endpoint, Event, SubscriptionId};
use offhook_core::message::StatusCode;
use offhook_tests::endpoint::Solo;
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

fn solo() -> Solo {
    Solo::with(|config| config.packages = vec!["presence".into(), "dialog".into()])
}

fn request(event: &str, branch: &str) -> Text {
    Text::request("SUBSCRIBE", branch)
        .set("Call-ID", branch)
        .add("Event", event)
        .add("Expires", "600")
        .add("Contact", "<sip:alice@192.0.2.1:5060>")
}

/// A SUBSCRIBE comes, and is told.
#[track_caller]
fn asked(solo: &mut Solo, request: &Text) -> SubscriptionId {
    solo.receive(request);
    let events = solo.events();
    let id = events.iter().find_map(|event| match event {
        Event::IncomingSubscription { subscription, .. } => Some(*subscription),
        _ => None,
    });
    id.unwrap_or_else(|| panic!("nobody subscribes, but {:?}", solo.sent()))
}

fn accept(solo: &mut Solo, id: SubscriptionId, set: impl FnOnce(&mut AcceptOptions)) {
    let mut options = AcceptOptions::default();
    set(&mut options);
    solo.act(|endpoint, now| endpoint.accept_subscription(now, id, options));
}

fn notify(solo: &mut Solo, id: SubscriptionId, body: &str) {
    let body = Bytes::copy_from_slice(body.as_bytes());
    solo.act(|endpoint, now| endpoint.notify(now, id, "text/plain", body));
}

/// The subscriber answers the last NOTIFY.
fn answer(solo: &mut Solo, status: u16) {
    let notify = solo.last("NOTIFY");
    solo.receive(&Text::response(&notify.bytes(), status, ""));
}

/// One that is active since 0 ms, for 600 s; what was told of it is forgotten.
fn active(solo: &mut Solo) -> SubscriptionId {
    let id = asked(solo, &request("presence", "z9hG4bK1"));
    accept(solo, id, |_| {});
    answer(solo, 200);
    solo.log();
    solo.fresh();
    id
}

/// The same subscription once more, with the tags of its dialog.
fn again(solo: &Solo, number: u32, expires: &str) -> Text {
    let notify = solo.last("NOTIFY");
    let (us, them) = (notify.get("From").to_owned(), notify.get("To").to_owned());
    request("presence", &format!("z9hG4bKagain{number}"))
        .set("From", &them)
        .set("To", &us)
        .set("Call-ID", notify.get("Call-ID"))
        .set("CSeq", &format!("{number} SUBSCRIBE"))
        .set("Expires", expires)
}

#[test]
fn a_subscription_from_its_beginning_to_its_end() {
    let mut solo = solo();
    solo.receive(&request("presence;id=7", "z9hG4bK1"));
    let events = solo.events();
    let Some(Event::IncomingSubscription { subscription, request, .. }) = events.first() else { panic!("{events:?}") };
    let id = *subscription;
    assert_eq!((&*request.package, &*request.event, request.expires), ("presence", "presence;id=7", 600));
    accept(&mut solo, id, |options| options.content = Some(("text/plain".into(), "here".into())));
    let accepted = solo.last("200 SUBSCRIBE");
    assert_eq!((accepted.get("Expires"), accepted.get("Contact")), ("600", "<sip:bob@192.0.2.9:5060>"));
    let first = solo.last("NOTIFY");
    assert_eq!(first.start, "NOTIFY sip:alice@192.0.2.1:5060 SIP/2.0");
    assert_eq!((first.get("Event"), first.get("Subscription-State")), ("presence;id=7", "active;expires=600"));
    assert_eq!((first.get("From"), first.get("CSeq")), (accepted.get("To"), "1 NOTIFY"));
    assert_eq!((first.get("Contact"), &*first.body), ("<sip:bob@192.0.2.9:5060>", "here"));
    answer(&mut solo, 200);
    solo.at(10_000);
    notify(&mut solo, id, "away");
    let second = solo.last("NOTIFY");
    assert_eq!((second.get("Subscription-State"), &*second.body), ("active;expires=590", "away"));
    answer(&mut solo, 200);
    solo.act(|endpoint, now| endpoint.terminate_subscription(now, id, "giveup", Some(60), None));
    assert_eq!(solo.last("NOTIFY").get("Subscription-State"), "terminated;reason=giveup;retry-after=60");
    answer(&mut solo, 200);
    expect(
        &solo.log(),
        "
            0  active for 600 s
            0  done
        10000  done
        10000  ending
        10000  done
        10000  terminated
        10000  subscription over, by local, giveup
        ",
    );
    solo.finish();
}

#[test]
fn what_nobody_serves_is_refused_with_what_is() {
    let mut solo = solo();
    for event in ["reg", "Presence", "presence.winfo"] {
        solo.receive(&request(event, event));
        assert_eq!(solo.last("489 SUBSCRIBE").get("Allow-Events"), "presence, dialog", "{event}");
    }
    solo.receive(&request("", "z9hG4bKnone").without("Event"));
    solo.receive(&request(";", "z9hG4bKbad"));
    solo.receive(&request("presence", "z9hG4bKcontact").without("Contact"));
    solo.receive(&request("presence", "z9hG4bKexpires").set("Expires", "soon"));
    let answers = ["489 SUBSCRIBE", "489 SUBSCRIBE", "489 SUBSCRIBE", "489 SUBSCRIBE", "400 SUBSCRIBE"];
    assert_eq!(solo.fresh(), [&answers[..], &["400 SUBSCRIBE", "400 SUBSCRIBE"]].concat());
    assert_eq!(solo.log(), "");
    solo.finish();
    let mut solo = Solo::new();
    solo.receive(&request("presence", "z9hG4bK1"));
    assert!(solo.last("489 SUBSCRIBE").all("Allow-Events").is_empty());
}

#[test]
fn capabilities_say_it() {
    let mut solo = solo();
    solo.receive(&Text::request("OPTIONS", "z9hG4bKo"));
    let answer = solo.last("200 OPTIONS");
    assert_eq!(answer.get("Allow-Events"), "presence, dialog");
    assert!(answer.get("Allow").contains("SUBSCRIBE, NOTIFY"));
    let (_, invite) = solo.call();
    assert_eq!(invite.get("Allow-Events"), "presence, dialog");
}

#[test]
fn an_interval_that_is_too_brief_is_refused() {
    let mut solo = solo();
    solo.receive(&request("presence", "z9hG4bK1").set("Expires", "59"));
    assert_eq!(solo.last("423 SUBSCRIBE").get("Min-Expires"), "60");
    let id = asked(&mut solo, &request("presence", "z9hG4bK2").set("Expires", "100000"));
    accept(&mut solo, id, |_| {});
    assert_eq!(solo.last("200 SUBSCRIBE").get("Expires"), "86400", "and one that is too long is shortened");
}

#[test]
fn the_application_may_grant_less_but_not_more() {
    for (wanted, granted) in [(90, "90"), (9000, "600")] {
        let mut solo = solo();
        let id = asked(&mut solo, &request("presence", "z9hG4bK1"));
        accept(&mut solo, id, |options| options.expires = Some(wanted));
        assert_eq!(solo.last("200 SUBSCRIBE").get("Expires"), granted);
        assert_eq!(solo.last("NOTIFY").get("Subscription-State"), format!("active;expires={granted}"));
    }
}

#[test]
fn it_is_rejected() {
    let mut solo = solo();
    let id = asked(&mut solo, &request("presence", "z9hG4bK1"));
    let reason = Some("Not For You");
    solo.act(|endpoint, now| endpoint.reject_subscription(now, id, StatusCode::FORBIDDEN, reason));
    assert_eq!(solo.last("403 SUBSCRIBE").start, "SIP/2.0 403 Not For You");
    expect(
        &solo.log(),
        "
            0  terminated
            0  subscription over, by local, rejected
            0  done
        ",
    );
    solo.finish();
}

#[test]
fn what_takes_a_persons_time_is_pending() {
    let mut solo = solo();
    let id = asked(&mut solo, &request("presence", "z9hG4bK1"));
    solo.at(1999);
    assert!(solo.fresh().is_empty());
    solo.at(2000);
    assert_eq!(solo.fresh(), ["200 SUBSCRIBE", "NOTIFY"]);
    assert_eq!(solo.last("NOTIFY").get("Subscription-State"), "pending;expires=600");
    answer(&mut solo, 200);
    solo.at(20_000);
    accept(&mut solo, id, |options| options.content = Some(("text/plain".into(), "here".into())));
    assert_eq!(solo.last("NOTIFY").get("Subscription-State"), "active;expires=582");
    answer(&mut solo, 200);
    expect(
        &solo.log(),
        "
             2000  pending for 600 s
            20000  active for 582 s
            20000  done
        ",
    );
}

#[test]
fn what_is_pending_may_be_rejected() {
    let mut solo = solo();
    let id = asked(&mut solo, &request("presence", "z9hG4bK1"));
    accept(&mut solo, id, |options| options.pending = true);
    answer(&mut solo, 200);
    solo.act(|endpoint, now| endpoint.reject_subscription(now, id, StatusCode::DECLINE, None));
    assert_eq!(solo.last("NOTIFY").get("Subscription-State"), "terminated;reason=rejected");
    answer(&mut solo, 200);
    assert!(solo.log().ends_with("subscription over, by local, rejected\n"));
    solo.finish();
}

#[test]
fn a_state_is_fetched_once() {
    let mut solo = solo();
    let id = asked(&mut solo, &request("presence", "z9hG4bK1").set("Expires", "0"));
    accept(&mut solo, id, |options| options.content = Some(("text/plain".into(), "here".into())));
    assert_eq!(solo.last("200 SUBSCRIBE").get("Expires"), "0");
    let state = solo.last("NOTIFY");
    assert_eq!((state.get("Subscription-State"), &*state.body), ("terminated;reason=timeout", "here"));
    answer(&mut solo, 200);
    expect(
        &solo.log(),
        "
            0  ending
            0  done
            0  terminated
            0  subscription over, by remote, timeout
        ",
    );
    solo.finish();
}

#[test]
fn its_time_runs_out() {
    let mut solo = solo();
    let id = active(&mut solo);
    notify(&mut solo, id, "here");
    answer(&mut solo, 200);
    solo.at(600_000);
    let last = solo.last("NOTIFY");
    assert_eq!((last.get("Subscription-State"), &*last.body), ("terminated;reason=timeout", "here"));
    answer(&mut solo, 200);
    assert!(solo.log().ends_with("600000  subscription over, by network, timeout\n"));
    solo.finish();
}

#[test]
fn a_refresh_brings_the_state_again() {
    let mut solo = solo();
    let id = active(&mut solo);
    notify(&mut solo, id, "here");
    answer(&mut solo, 200);
    solo.log();
    solo.at(500_000);
    let refresh = again(&solo, 8, "900").set("Contact", "<sip:alice@192.0.2.1:5070>");
    solo.receive(&refresh);
    assert_eq!(solo.last("200 SUBSCRIBE").get("Expires"), "900");
    let told = solo.last("NOTIFY");
    assert_eq!((told.get("Subscription-State"), &*told.body), ("active;expires=900", "here"));
    assert_eq!(told.start, "NOTIFY sip:alice@192.0.2.1:5070 SIP/2.0", "it is a target refresh");
    answer(&mut solo, 200);
    expect(&solo.log(), "500000  refreshed for 900 s");
    solo.receive(&again(&solo, 9, "30"));
    assert_eq!(solo.last("423 SUBSCRIBE").get("Min-Expires"), "60");
    solo.at(1_399_999);
    assert_eq!(solo.times("NOTIFY").len(), 3);
    solo.at(1_400_000);
    assert_eq!(solo.last("NOTIFY").get("Subscription-State"), "terminated;reason=timeout");
}

#[test]
fn the_subscriber_ends_it() {
    let mut solo = solo();
    active(&mut solo);
    solo.receive(&again(&solo, 8, "0"));
    assert_eq!(solo.last("200 SUBSCRIBE").get("Expires"), "0");
    assert_eq!(solo.last("NOTIFY").get("Subscription-State"), "terminated;reason=timeout");
    answer(&mut solo, 200);
    assert!(solo.log().ends_with("subscription over, by remote, timeout\n"));
    // Then it is not known any more.
    solo.receive(&again(&solo, 9, "600"));
    assert_eq!(solo.fresh().last().map(String::as_str), Some("481 SUBSCRIBE"));
    solo.finish();
}

#[test]
fn notifications_go_one_after_the_other() {
    let mut solo = solo();
    let id = active(&mut solo);
    for body in ["one", "two", "three"] {
        notify(&mut solo, id, body);
    }
    assert_eq!(solo.times("NOTIFY").len(), 2);
    for body in ["one", "two", "three"] {
        assert_eq!(solo.last("NOTIFY").body, body);
        answer(&mut solo, 200);
    }
    assert_eq!(solo.log().matches("done").count(), 3);
    let more = (0..66).map(|number| notify(&mut solo, id, &number.to_string())).count();
    assert_eq!((more, solo.log()), (66, "     0  failed: too many notifications wait\n".into()));
}

#[test]
fn the_end_takes_the_place_of_what_waits() {
    let mut solo = solo();
    let id = active(&mut solo);
    notify(&mut solo, id, "one");
    notify(&mut solo, id, "two");
    solo.act(|endpoint, now| endpoint.terminate_subscription(now, id, "noresource", None, None));
    answer(&mut solo, 200);
    assert_eq!(solo.last("NOTIFY").get("Subscription-State"), "terminated;reason=noresource");
    answer(&mut solo, 200);
    expect(
        &solo.log(),
        "
            0  failed: the subscription is over
            0  ending
            0  done
            0  done
            0  terminated
            0  subscription over, by local, noresource
        ",
    );
    solo.finish();
}

#[test]
fn a_subscriber_that_does_not_know_it_any_more_is_forgotten() {
    for status in [404, 481, 489] {
        let mut solo = solo();
        let id = active(&mut solo);
        notify(&mut solo, id, "here");
        answer(&mut solo, status);
        let log = solo.log();
        assert!(log.ends_with(&format!("by remote, Whatever: {status} Whatever\n")), "{log}");
        solo.finish();
    }
    // Another failure says nothing of the subscription.
    let mut solo = solo();
    let id = active(&mut solo);
    notify(&mut solo, id, "here");
    answer(&mut solo, 500);
    assert_eq!(solo.log(), "     0  failed: 500 Whatever\n");
    assert_eq!(solo.endpoint.census().subscriptions, 1);
}

#[test]
fn a_subscriber_that_does_not_answer_is_forgotten() {
    let mut solo = solo();
    let id = active(&mut solo);
    notify(&mut solo, id, "here");
    assert_eq!(solo.finish(), 32_000);
    assert!(solo.log().ends_with("by network, no answer in time (timer F): no answer in time (timer F)\n"));
}

#[test]
fn there_are_limits() {
    let mut solo = Solo::with(|config| {
        config.packages = vec!["presence".into()];
        config.limits.subscriptions = 3;
        config.limits.subscriptions_per_peer = 2;
    });
    let from = |user: &str| {
        request("presence", &format!("z9hG4bK{user}"))
            .set("From", &format!("<sip:{}@example.com>;tag={user}", &user[..1]))
    };
    for (user, fits) in [("a1", true), ("a2", true), ("a3", false), ("b1", true), ("c1", false)] {
        solo.receive(&from(user));
        match fits {
            true => assert!(solo.fresh().is_empty(), "{user}"),
            false => assert_eq!(solo.fresh(), ["503 SUBSCRIBE"], "{user}"),
        }
    }
    assert_eq!(solo.last("503 SUBSCRIBE").get("Retry-After"), "60");
}

#[test]
fn what_makes_no_sense_in_a_state_is_refused() {
    let mut solo = solo();
    let id = asked(&mut solo, &request("presence", "z9hG4bK1"));
    notify(&mut solo, id, "too early");
    accept(&mut solo, id, |_| {});
    accept(&mut solo, id, |_| {});
    solo.act(|endpoint, now| endpoint.reject_subscription(now, id, StatusCode::DECLINE, None));
    solo.act(|endpoint, now| endpoint.reject_subscription(now, id, StatusCode::OK, None));
    solo.act(|endpoint, now| endpoint.terminate_subscription(now, id, "no token", None, None));
    solo.act(|endpoint, now| endpoint.unsubscribe(now, id));
    solo.act(|endpoint, now| endpoint.notify(now, id, "a/b\r\nX: y", Bytes::new()));
    expect(
        &solo.log(),
        "
            0  failed: the subscription is not accepted yet
            0  active for 600 s
            0  failed: the subscription waits for no decision
            0  failed: the subscription waits for no decision
            0  failed: status: a subscription is refused with a status from 300 to 699
            0  failed: reason: no character of a token
            0  failed: the subscription is the other side's: terminate it
            0  failed: Content-Type: a line end or NUL
        ",
    );
}

#[test]
fn a_shutdown_ends_it() {
    let mut solo = solo();
    active(&mut solo);
    let waits = request("presence", "z9hG4bK2");
    asked(&mut solo, &waits);
    solo.act(|endpoint: &mut Endpoint, now| endpoint.shutdown(now, Duration::from_secs(5)));
    assert_eq!(solo.fresh(), ["NOTIFY", "480 SUBSCRIBE"]);
    assert_eq!(solo.last("NOTIFY").get("Subscription-State"), "terminated;reason=probation");
    solo.receive(&request("presence", "z9hG4bK3"));
    assert_eq!(solo.fresh(), ["480 SUBSCRIBE"]);
    answer(&mut solo, 200);
    assert!(solo.log().ends_with("stopped\n"));
}
