//! Publications (RFC 3903): the test plays the compositor.

use std::time::Duration;

use bytes::Bytes;
use offhook_core::auth::{Credential, Verifier};
use offhook_core::endpoint::{Endpoint, Event, Outcome, PublicationId, PublishOptions, Server};
use offhook_core::time::Instant;
use offhook_core::transport::Transport;
use offhook_tests::endpoint::Solo;
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

fn solo() -> Solo {
    Solo::with(|config| {
        config.server = Some(Server::parse("192.0.2.1").expect("a server"));
        config.credentials = vec![Credential::password("bob", "secret")];
    })
}

fn publish(solo: &mut Solo, body: &'static str, set: impl FnOnce(&mut PublishOptions)) -> Text {
    let mut options = PublishOptions::default().expires(600);
    set(&mut options);
    solo.act(|endpoint, now| {
        endpoint.publish(now, "presence", "text/plain", Bytes::from_static(body.as_bytes()), options)
    });
    solo.last("PUBLISH")
}

fn update(solo: &mut Solo, id: PublicationId, body: &'static str) {
    let body = Bytes::from_static(body.as_bytes());
    solo.act(|endpoint, now| endpoint.update_publication(now, id, "text/plain", body));
}

fn remove(solo: &mut Solo, id: PublicationId) {
    solo.act(|endpoint, now| endpoint.remove_publication(now, id));
}

fn grant(solo: &mut Solo, etag: &str, expires: u32) {
    let request = solo.last("PUBLISH");
    let response = Text::response(&request.bytes(), 200, "c").add("Expires", &expires.to_string());
    solo.receive(&if etag.is_empty() { response } else { response.add("SIP-ETag", etag) });
}

fn refuse(solo: &mut Solo, status: u16) {
    let request = solo.last("PUBLISH");
    solo.receive(&Text::response(&request.bytes(), status, "c"));
}

/// A publication that is there since 0 ms, for 600 s; what was told of it is forgotten.
#[track_caller]
fn published(solo: &mut Solo) -> PublicationId {
    publish(solo, "here", |_| {});
    grant(solo, "tag-1", 600);
    let events = solo.events();
    let id = events.iter().find_map(|event| match event {
        Event::Done { result: Ok(Outcome::Published { publication, .. }), .. } => Some(*publication),
        _ => None,
    });
    id.expect("a publication")
}

#[test]
fn a_publication_from_its_beginning_to_its_end() {
    let mut solo = solo();
    let first = publish(&mut solo, "here", |_| {});
    assert_eq!(first.start, "PUBLISH sip:bob@example.com SIP/2.0");
    assert_eq!((first.get("Event"), first.get("Expires"), &*first.body), ("presence", "600", "here"));
    assert!(first.all("SIP-If-Match").is_empty() && first.all("Contact").is_empty());
    grant(&mut solo, "tag-1", 600);
    let events = solo.events();
    let Some(Event::Done { result: Ok(Outcome::Published { publication, expires: 600 }), .. }) = events.last() else {
        panic!("{events:?}");
    };
    let id = *publication;
    // A refresh is without a body (4.1).
    let refresh = solo.until("PUBLISH", 2);
    let at = solo.now();
    assert!((480_000..541_000).contains(&at), "at {at}");
    assert_eq!((refresh.get("SIP-If-Match"), refresh.get("CSeq"), &*refresh.body), ("tag-1", "2 PUBLISH", ""));
    assert_eq!(refresh.get("Call-ID"), first.get("Call-ID"));
    grant(&mut solo, "tag-2", 600);
    assert_eq!(solo.log(), "", "nothing has changed");
    // A change has the new state, and the tag of the last answer.
    update(&mut solo, id, "away");
    let change = solo.last("PUBLISH");
    assert_eq!((change.get("SIP-If-Match"), &*change.body), ("tag-2", "away"));
    grant(&mut solo, "tag-3", 600);
    remove(&mut solo, id);
    let end = solo.last("PUBLISH");
    assert_eq!((end.get("SIP-If-Match"), end.get("Expires"), &*end.body), ("tag-3", "0", ""));
    grant(&mut solo, "", 0);
    expect(
        &solo.log().replace(&at.to_string(), "-"),
        "
            -  done: published for 600 s
            -  done
            -  publication over
        ",
    );
    solo.finish();
}

#[test]
fn what_the_compositor_has_lost_is_published_anew() {
    let mut solo = solo();
    published(&mut solo);
    solo.until("PUBLISH", 2);
    refuse(&mut solo, 412);
    let anew = solo.last("PUBLISH");
    assert_eq!((anew.all("SIP-If-Match").len(), &*anew.body, anew.get("CSeq")), (0, "here", "3 PUBLISH"));
    grant(&mut solo, "tag-9", 600);
    assert_eq!(solo.log(), "", "nobody needs to know");
    let refresh = solo.until("PUBLISH", 4);
    assert_eq!(refresh.get("SIP-If-Match"), "tag-9");
    // And so a change.
    grant(&mut solo, "tag-10", 600);
    let mut solo = self::solo();
    let id = published(&mut solo);
    update(&mut solo, id, "away");
    refuse(&mut solo, 412);
    let anew = solo.last("PUBLISH");
    assert_eq!((anew.all("SIP-If-Match").len(), &*anew.body), (0, "away"));
    grant(&mut solo, "tag-2", 600);
    assert_eq!(solo.log(), "     0  done: published for 600 s\n");
    // What is gone need not be taken back.
    remove(&mut solo, id);
    refuse(&mut solo, 412);
    assert_eq!(solo.log(), "     0  done\n     0  publication over\n");
    solo.finish();
}

#[test]
fn an_interval_that_is_too_brief_is_raised() {
    let mut solo = solo();
    let first = publish(&mut solo, "here", |options| options.expires = 60);
    solo.receive(&Text::response(&first.bytes(), 423, "c").add("Min-Expires", "900"));
    let second = solo.last("PUBLISH");
    assert_eq!((second.get("Expires"), &*second.body, second.get("CSeq")), ("900", "here", "2 PUBLISH"));
    grant(&mut solo, "tag-1", 900);
    assert!(solo.log().ends_with("done: published for 900 s\n"));
    let mut solo = self::solo();
    publish(&mut solo, "here", |_| {});
    for minimum in ["601", "602", "603", "604"] {
        let request = solo.last("PUBLISH");
        solo.receive(&Text::response(&request.bytes(), 423, "c").add("Min-Expires", minimum));
    }
    assert!(solo.log().ends_with("failed: 423 Whatever\n"));
    solo.finish();
}

#[test]
fn a_first_one_that_is_refused_is_none() {
    for status in [403, 404, 489, 503] {
        let mut solo = solo();
        publish(&mut solo, "here", |_| {});
        refuse(&mut solo, status);
        expect(&solo.log(), &format!("     0  connected\n     0  failed: {status} Whatever"));
        solo.finish();
    }
    let mut solo = solo();
    publish(&mut solo, "here", |_| {});
    assert_eq!(solo.finish(), 32_000);
    assert!(solo.log().ends_with("failed: no answer in time (timer F)\n"));
}

#[test]
fn of_several_changes_the_last_is_sent() {
    let mut solo = solo();
    let id = published(&mut solo);
    for body in ["one", "two", "three"] {
        update(&mut solo, id, body);
    }
    assert_eq!(solo.last("PUBLISH").body, "one");
    grant(&mut solo, "tag-2", 600);
    assert_eq!((solo.times("PUBLISH").len(), &*solo.last("PUBLISH").body), (3, "three"));
    grant(&mut solo, "tag-3", 600);
    assert_eq!(solo.log().matches("done: published").count(), 3);
}

#[test]
fn a_change_that_is_refused_leaves_what_was() {
    let mut solo = solo();
    let id = published(&mut solo);
    update(&mut solo, id, "nonsense");
    refuse(&mut solo, 415);
    assert_eq!(solo.log(), "     0  failed: 415 Whatever\n");
    let refresh = solo.until("PUBLISH", 3);
    assert_eq!((refresh.get("SIP-If-Match"), &*refresh.body), ("tag-1", ""));
    refuse(&mut solo, 412);
    assert_eq!(solo.last("PUBLISH").body, "here");
}

#[test]
fn a_refresh_that_fails_is_tried_again() {
    let mut solo = solo();
    published(&mut solo);
    let refresh = solo.until("PUBLISH", 2);
    let at = solo.now();
    solo.receive(&Text::response(&refresh.bytes(), 503, "c").add("Retry-After", "20"));
    assert!(solo.log().ends_with("publication lost: 503 Whatever\n"));
    solo.until("PUBLISH", 3);
    assert_eq!(solo.now(), at + 20_000);
    refuse(&mut solo, 500);
    solo.until("PUBLISH", 4);
    grant(&mut solo, "tag-2", 600);
    assert!(solo.log().ends_with("published for 600 s\n"), "it is back");
    // For good where it is refused for good.
    solo.until("PUBLISH", 5);
    refuse(&mut solo, 403);
    assert!(solo.log().ends_with("publication over: 403 Whatever\n"));
    solo.finish();
}

#[test]
fn challenges_are_answered() {
    let mut solo = solo();
    let mut verifier = Verifier::new("example.com", "key");
    let first = publish(&mut solo, "here", |_| {});
    let mut response = Text::response(&first.bytes(), 401, "c");
    for value in verifier.challenges(Instant::from_millis(0), false) {
        response = response.add("WWW-Authenticate", &value);
    }
    solo.receive(&response);
    let second = solo.last("PUBLISH");
    assert_eq!((second.get("CSeq"), &*second.body), ("2 PUBLISH", "here"));
    assert!(second.get("Authorization").starts_with("Digest "));
    grant(&mut solo, "tag-1", 600);
    assert!(solo.log().ends_with("done: published for 600 s\n"));
}

#[test]
fn without_an_entity_tag_the_whole_state_is_sent_each_time() {
    let mut solo = solo();
    publish(&mut solo, "here", |_| {});
    grant(&mut solo, "", 600);
    let refresh = solo.until("PUBLISH", 2);
    assert_eq!((refresh.all("SIP-If-Match").len(), &*refresh.body), (0, "here"));
}

#[test]
fn it_is_refreshed_when_the_connection_is_back() {
    let mut solo = Solo::with(|config| {
        config.server = Some(Server::parse("sip:192.0.2.1;transport=tcp").expect("a server"));
    });
    solo.act(Endpoint::connect);
    let path = solo.connect(false);
    published(&mut solo);
    assert_eq!(solo.last_path("PUBLISH").flow, path.flow);
    solo.lose(path.flow);
    while solo.flows().0 < 2 {
        let due = solo.now() + 100;
        solo.at(due);
    }
    solo.connect(false);
    let refresh = solo.last("PUBLISH");
    assert_eq!((solo.times("PUBLISH").len(), refresh.get("SIP-If-Match")), (2, "tag-1"));
    assert!(refresh.get("Via").starts_with(&format!("SIP/2.0/{}", Transport::Tcp.via())));
}

#[test]
fn what_cannot_be_sent_is_refused_before_it_is() {
    let mut solo = solo();
    let mut publish = |event: &str, content_type: &str, options: PublishOptions| {
        solo.act(|endpoint, now| endpoint.publish(now, event, content_type, Bytes::new(), options));
        solo.log()
    };
    let options = PublishOptions::default().header("SIP-If-Match", "x");
    assert!(publish("presence", "a/b", options).contains("SIP-If-Match: this header field is written"));
    assert!(publish("", "a/b", PublishOptions::default()).contains("failed: event:"));
    assert!(publish("presence", "a/b\r\nX: y", PublishOptions::default()).contains("failed: Content-Type:"));
    let options = PublishOptions::default().target("sip:");
    assert!(publish("presence", "a/b", options).contains("failed: target:"));
    assert_eq!(solo.finish(), 0);
}

#[test]
fn there_is_a_limit_and_an_end() {
    let mut solo = Solo::with(|config| {
        config.server = Some(Server::parse("192.0.2.1").expect("a server"));
        config.limits.publications = 1;
    });
    let id = published(&mut solo);
    publish(&mut solo, "more", |_| {});
    assert_eq!(solo.log(), "     0  failed: too many publications\n");
    solo.act(|endpoint, now| endpoint.shutdown(now, Duration::from_secs(5)));
    assert_eq!(solo.last("PUBLISH").get("Expires"), "0");
    update(&mut solo, id, "too late");
    grant(&mut solo, "", 0);
    expect(
        &solo.log(),
        "
            0  done
            0  failed: the publication is over
            0  publication over
            0  done
            0  stopped
        ",
    );
}
