//! Packages of INFO (RFC 6086): what each side takes, and what is refused.

use offhook_core::endpoint::{AnswerOptions, CallEvent, CallId, Event};
use offhook_tests::endpoint::{ANSWER, OFFER, Solo, response};
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

fn trickling() -> Solo {
    Solo::with(|config| config.info_packages = vec!["trickle-ice".into(), "x-note".into()])
}

/// An established outgoing call whose answer lists those packages; the INVITE.
fn established(solo: &mut Solo, packages: &str) -> (CallId, Text) {
    let (call, invite) = solo.call();
    solo.receive(&response(&invite, 200, "alice", ANSWER).add("Recv-Info", packages));
    solo.log();
    (call, invite)
}

/// The peer's INFO in the dialog of our INVITE.
fn info(invite: &Text, cseq: u32) -> Text {
    Text::request("INFO", &format!("z9hG4bK-info-{cseq}"))
        .set("From", &format!("{};tag=alice", invite.get("To")))
        .set("To", invite.get("From"))
        .set("Call-ID", invite.get("Call-ID"))
        .set("CSeq", &format!("{cseq} INFO"))
        .body(FRAGMENT, "a=end-of-candidates\r\n")
}

#[test]
fn who_takes_packages_says_so_and_is_told_of_them() {
    let mut solo = trickling();
    let (call, invite) = established(&mut solo, "X-Note, trickle-ice;v=1");
    assert_eq!(invite.get("Recv-Info"), "trickle-ice, x-note");
    assert!(invite.get("Supported").contains("trickle-ice"));
    solo.act(|endpoint, now| endpoint.info_package(now, call, "trickle-ice", FRAGMENT, "a=mid:0".into()));
    let sent = solo.last("INFO");
    assert_eq!(sent.get("Info-Package"), "trickle-ice");
    assert_eq!(sent.get("Content-Disposition"), "Info-Package");
    assert_eq!((sent.get("Content-Type"), sent.body.as_str()), (FRAGMENT, "a=mid:0"));
    assert!(sent.all("Recv-Info").is_empty(), "RFC 6086 4.2.1");
    solo.receive(&Text::response(&sent.bytes(), 200, ""));

    solo.receive(&info(&invite, 1).add("Info-Package", "X-Note"));
    assert!(solo.last("200 INFO").start.starts_with("SIP/2.0 200"));
    solo.receive(&info(&invite, 2));
    let packages: Vec<_> = (solo.events().into_iter())
        .filter_map(|event| match event {
            Event::Call { event: CallEvent::Info { package, .. }, .. } => Some(package.map(String::from)),
            _ => None,
        })
        .collect();
    assert_eq!(packages, [Some("X-Note".to_owned()), None]);
}

#[test]
fn a_package_nobody_asked_for_is_refused_and_the_call_goes_on() {
    let mut solo = trickling();
    let (_, invite) = established(&mut solo, "");
    solo.receive(&info(&invite, 1).add("Info-Package", "x-other"));
    let refused = solo.last("469 INFO");
    assert_eq!(refused.get("Recv-Info"), "trickle-ice, x-note");
    let mut none = Solo::new();
    let (_, invite) = established(&mut none, "x-other");
    assert!(invite.all("Recv-Info").is_empty());
    none.receive(&info(&invite, 1).add("Info-Package", "x-other"));
    assert_eq!(none.last("469 INFO").get("Recv-Info"), "");
    for solo in [&mut solo, &mut none] {
        expect(&solo.log(), "");
        assert_eq!(solo.endpoint.census().calls, 1);
    }
}

#[test]
fn a_package_the_other_side_does_not_take_is_not_sent() {
    let mut solo = trickling();
    let (call, _) = established(&mut solo, "x-note");
    for package in ["trickle-ice", "", "x-note,x-note", "x-note\r\nEvil: 1"] {
        solo.act(|endpoint, now| endpoint.info_package(now, call, package, FRAGMENT, "x".into()));
    }
    assert_eq!(solo.times("INFO").len(), 0);
    assert_eq!(solo.log().matches("does not take this package of INFO").count(), 4);
    // 469 is about this request alone (RFC 6086 4.2.2).
    solo.act(|endpoint, now| endpoint.info_package(now, call, "x-note", "text/plain", "x".into()));
    let sent = solo.last("INFO");
    solo.receive(&Text::response(&sent.bytes(), 469, ""));
    assert!(solo.log().contains("failed: 469"));
    assert_eq!(solo.endpoint.census().calls, 1);
}

#[test]
fn an_answer_lists_packages_only_to_who_listed_theirs() {
    let ours: &[&str] = &["trickle-ice, x-note"];
    for (theirs, ours) in [(Some("x-note"), ours), (Some(""), ours), (None, &[])] {
        let mut solo = trickling();
        let mut invite =
            Text::request("INVITE", "z9hG4bK-invite").add("Contact", "<sip:alice@192.0.2.1:5060>").sdp(OFFER);
        if let Some(theirs) = theirs {
            invite = invite.add("Recv-Info", theirs);
        }
        let call = solo.called(&invite);
        solo.act(|endpoint, now| endpoint.answer(now, call, AnswerOptions::with_sdp(ANSWER)));
        assert_eq!(solo.last("200 INVITE").all("Recv-Info"), ours);
    }
}

#[test]
fn packages_are_tokens() {
    let config = |package: &str| {
        let mut config = offhook_core::endpoint::Config::new("sip:a@b").expect("a config");
        config.info_packages = vec![package.into()];
        config.check()
    };
    assert!(config("trickle-ice").is_ok());
    for package in ["", "a b", "a,b", "a\r\nb"] {
        assert!(config(package).is_err(), "{package:?}");
    }
}
