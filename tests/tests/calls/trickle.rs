//! Candidates that follow their description, by INFO (RFC 8840).

use offhook_core::endpoint::{AnswerOptions, CallEvent, CallId, Endpoint, Event};
use offhook_core::sdp::TrickledCandidate;
use offhook_core::time::Instant;
use offhook_tests::endpoint::{Solo, response};
use offhook_tests::sip::Text;

const TYPE: &str = "application/trickle-ice-sdpfrag";
const HOST: &str = "1 1 udp 2122260223 192.0.2.9 5000 typ host";
const REFLEXIVE: &str = "2 1 udp 1686052607 198.51.100.9 6000 typ srflx raddr 192.0.2.9 rport 5000";

fn description(ufrag: &str, candidate: &str) -> String {
    let candidate = if candidate.is_empty() { String::new() } else { format!("a=candidate:{candidate}\r\n") };
    format!(
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=ice-options:trickle\r\n\
         m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:0123456789012345678901\r\n{candidate}"
    )
}

fn fragment(ufrag: &str, candidates: &[&str], end: bool) -> String {
    let mut body = String::from(if end { "a=end-of-candidates\r\n" } else { "" });
    body.push_str("m=audio 9 RTP/AVP 0\r\na=ice-pwd:0123456789012345678901\r\n");
    body.push_str(&format!("a=ice-ufrag:{ufrag}\r\na=mid:0\r\n"));
    for candidate in candidates {
        body.push_str(&format!("a=candidate:{candidate}\r\n"));
    }
    body
}

fn candidate(value: &str) -> TrickledCandidate {
    TrickledCandidate { mid: "0".into(), candidate: value.into() }
}

fn trickling() -> Solo {
    Solo::with(|config| config.info_packages = vec!["trickle-ice".into()])
}

fn trickle(values: &[&str], end: bool) -> impl FnOnce(&mut Endpoint, Instant, CallId) {
    let candidates = values.iter().map(|value| candidate(value)).collect();
    move |endpoint, now, call| {
        endpoint.trickle(now, call, candidates, end);
    }
}

fn able(message: Text) -> Text {
    message.add("Supported", "trickle-ice").add("Recv-Info", "trickle-ice")
}

/// A call of ours that is answered; the INVITE.
fn established(answer: impl FnOnce(Text) -> Text) -> (Solo, CallId, Text) {
    let mut solo = trickling();
    let options = offhook_core::endpoint::CallOptions::with_sdp(description("ours", HOST));
    let call = solo.act(|endpoint, now| endpoint.call(now, "sip:alice@192.0.2.1", options)).expect("a call");
    let invite = solo.last("INVITE");
    solo.receive(&answer(response(&invite, 200, "alice", &description("them", ""))));
    solo.log();
    (solo, call, invite)
}

fn info(invite: &Text, cseq: u32, body: &str) -> Text {
    Text::request("INFO", &format!("z9hG4bK-info-{cseq}"))
        .set("From", &format!("{};tag=alice", invite.get("To")))
        .set("To", invite.get("From"))
        .set("Call-ID", invite.get("Call-ID"))
        .set("CSeq", &format!("{cseq} INFO"))
        .add("Info-Package", "trickle-ice")
        .body(TYPE, body)
}

/// What was told of candidates: each, and whether there are no more.
fn told(solo: &mut Solo) -> Vec<(Vec<String>, bool)> {
    let events = solo.events().into_iter();
    let of = |event| match event {
        Event::Call { event: CallEvent::Candidates { candidates, end }, .. } => {
            Some((candidates.into_iter().map(|one| one.candidate.into()).collect(), end))
        }
        _ => None,
    };
    events.filter_map(of).collect()
}

#[test]
fn candidates_go_once_the_call_is_established_each_info_with_all() {
    let mut solo = trickling();
    let options = offhook_core::endpoint::CallOptions::with_sdp(description("ours", HOST));
    let call = solo.act(|endpoint, now| endpoint.call(now, "sip:alice@192.0.2.1", options)).expect("a call");
    let invite = solo.last("INVITE");
    assert!(invite.get("Supported").contains("trickle-ice") && invite.get("Recv-Info") == "trickle-ice");
    solo.act(|endpoint, now| trickle(&[HOST, REFLEXIVE], false)(endpoint, now, call));
    assert!(solo.times("INFO").is_empty());
    solo.receive(&able(response(&invite, 200, "alice", &description("them", ""))));
    let first = solo.last("INFO");
    assert_eq!((first.get("Info-Package"), first.get("Content-Disposition")), ("trickle-ice", "Info-Package"));
    assert_eq!(first.get("Content-Type"), TYPE);
    assert_eq!(first.body, fragment("ours", &[HOST, REFLEXIVE], false));

    // One at a time.
    let third = "3 1 udp 41885695 203.0.113.5 7000 typ relay raddr 198.51.100.9 rport 6000";
    solo.act(|endpoint, now| trickle(&[HOST, REFLEXIVE, third], true)(endpoint, now, call));
    assert_eq!(solo.times("INFO").len(), 1);
    solo.receive(&Text::response(&first.bytes(), 200, ""));
    let second = solo.last("INFO");
    assert_eq!(second.body, fragment("ours", &[HOST, REFLEXIVE, third], true));
    solo.receive(&Text::response(&second.bytes(), 200, ""));
    solo.act(|endpoint, now| trickle(&[HOST, REFLEXIVE, third], true)(endpoint, now, call));
    assert_eq!(solo.times("INFO").len(), 2, "nothing new");
}

#[test]
fn who_has_told_all_in_the_description_sends_nothing() {
    let (mut solo, call, _) = established(able);
    solo.act(|endpoint, now| trickle(&[HOST], true)(endpoint, now, call));
    assert!(solo.times("INFO").is_empty());
}

#[test]
fn a_peer_that_does_not_take_them_gets_none() {
    let halves: [fn(Text) -> Text; 3] = [
        |answer| answer,
        |answer| answer.add("Supported", "trickle-ice"),
        |answer| answer.add("Recv-Info", "trickle-ice"),
    ];
    for half in halves {
        let (mut solo, call, _) = established(half);
        solo.act(|endpoint, now| trickle(&[REFLEXIVE], true)(endpoint, now, call));
        assert!(solo.times("INFO").is_empty());
        assert!(solo.log().contains("done"), "it is no mistake");
    }
    // One that said so and refuses all the same is not asked again.
    let (mut solo, call, _) = established(able);
    solo.act(|endpoint, now| trickle(&[REFLEXIVE], false)(endpoint, now, call));
    let sent = solo.last("INFO");
    solo.receive(&Text::response(&sent.bytes(), 469, ""));
    solo.act(|endpoint, now| trickle(&[REFLEXIVE], true)(endpoint, now, call));
    assert_eq!(solo.times("INFO").len(), 1);
    assert_eq!(solo.endpoint.census().calls, 1);
}

#[test]
fn theirs_are_told_once_and_only_those_of_the_ice_session_that_goes_on() {
    let (mut solo, _, invite) = established(able);
    solo.receive(&info(&invite, 1, &fragment("them", &[HOST], false)));
    assert!(solo.last("200 INFO").start.starts_with("SIP/2.0 200"));
    solo.receive(&info(&invite, 2, &fragment("them", &[HOST, REFLEXIVE], true)));
    solo.receive(&info(&invite, 3, &fragment("them", &[HOST, REFLEXIVE], false)));
    solo.receive(&info(&invite, 4, &fragment("old", &["9 1 udp 1 192.0.2.77 9 typ host"], true)));
    solo.receive(&info(&invite, 5, "m=nonsense\r\n"));
    assert_eq!(told(&mut solo), [(vec![HOST.to_owned()], false), (vec![REFLEXIVE.to_owned()], true)]);
}

#[test]
fn no_more_than_so_many_are_told() {
    let (mut solo, _, invite) = established(able);
    let many: Vec<String> = (0..300).map(|port| format!("1 1 udp 1 192.0.2.7 {port} typ host")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    solo.receive(&info(&invite, 1, &fragment("them", &many, false)));
    assert_eq!(told(&mut solo).iter().map(|(candidates, _)| candidates.len()).sum::<usize>(), 128);
}

#[test]
fn an_answer_need_not_wait_where_the_caller_can_trickle() {
    let invite = |branch: &str| {
        Text::request("INVITE", branch).add("Contact", "<sip:alice@192.0.2.1>").sdp(&description("them", HOST))
    };
    let invited = |solo: &mut Solo, invite: &Text| {
        solo.receive(invite);
        let events = solo.events();
        let found = events.iter().find_map(|event| match event {
            Event::Incoming { call, invitation, .. } => Some((*call, invitation.trickle)),
            _ => None,
        });
        found.expect("a call")
    };
    let mut solo = trickling();
    assert!(!invited(&mut solo, &invite("z9hG4bK-a")).1);
    let mut solo = Solo::new();
    assert!(!invited(&mut solo, &able(invite("z9hG4bK-b"))).1, "we cannot");
    let mut solo = trickling();
    let invite = able(invite("z9hG4bK-c"));
    let (call, may) = invited(&mut solo, &invite);
    assert!(may);
    let answer = AnswerOptions::with_sdp(description("ours", ""));
    solo.act(|endpoint, now| endpoint.answer(now, call, answer));
    solo.act(|endpoint, now| trickle(&[HOST], true)(endpoint, now, call));
    assert!(solo.times("INFO").is_empty(), "there is no confirmed dialog yet");
    let tag = solo.last("200 INVITE").get("To").split("tag=").nth(1).unwrap_or_default().to_owned();
    solo.receive(&Text::ack(&invite.set("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-k"), &tag));
    assert_eq!(solo.last("INFO").body, fragment("ours", &[HOST], true));
}

#[test]
fn candidates_of_a_new_ice_session_go_with_its_credentials() {
    let (mut solo, call, _) = established(able);
    solo.act(|endpoint, now| endpoint.renegotiate(now, call, description("new1", "").into()));
    let of = |ufrag: &str| format!("{REFLEXIVE} generation 0 ufrag {ufrag}");
    let (old, new) = (of("ours"), of("new1"));
    solo.act(|endpoint, now| trickle(&[&old, &new], false)(endpoint, now, call));
    assert_eq!(solo.last("INFO").body, fragment("new1", &[&new], false));
}

#[test]
fn what_is_no_candidate_is_refused() {
    let (mut solo, call, _) = established(able);
    for wrong in ["", "x", "1 1 udp 1 192.0.2.9 5000 typ host\r\na=evil"] {
        solo.act(|endpoint, now| trickle(&[wrong], false)(endpoint, now, call));
    }
    assert_eq!(solo.log().matches("failed:").count(), 3);
    let many: Vec<&str> = std::iter::repeat_n(HOST, 129).collect();
    solo.act(|endpoint, now| trickle(&many, false)(endpoint, now, call));
    assert!(solo.log().contains("failed: too many candidates"));
    assert!(solo.times("INFO").is_empty());
}
