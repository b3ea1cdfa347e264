//! Calls that go on in another endpoint: saved, restored, offered anew.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use offhook_core::agent::UserAgent;
use offhook_core::endpoint::{
    AnswerOptions, CallId, CallOptions, CallState, Census, Config, EndedBy, Endpoint, Error, Hold, SavedCall,
    SessionTimerMode,
};
use offhook_tests::endpoint::{ANSWER, OFFER, Pair, Solo, log, response};
use offhook_tests::net::{Conditions, Network, Node};
use offhook_tests::sip::Text;

/// What media that are new would say.
const ANEW: &str = "v=0\r\no=- 7654321 2 IN IP4 10.0.0.3\r\ns=-\r\nc=IN IP4 10.0.0.3\r\nt=0 0\r\n\
    m=audio 4004 RTP/AVP 0\r\na=sendrecv\r\n";

// ---- between two

/// Alice is gone without a word; she comes back elsewhere with what she had saved.
#[track_caller]
fn comes_back(pair: &mut Pair, saved: &SavedCall) -> (Node<Endpoint>, CallId) {
    pair.net.isolate(pair.alice);
    let mut config = Config::new("sip:alice@10.0.0.3").expect("an address of record");
    config.automatic_media = true;
    config.session_timers.mode = SessionTimerMode::Never;
    let alice = pair.net.add("again", Endpoint::new(config, [9; 32]));
    pair.net.bind_udp(alice, 5060);
    let call = pair.net.with(alice, |alice, now| alice.restore_call(now, saved)).expect("a call");
    (alice, call)
}

#[test]
fn a_call_goes_on_in_another_endpoint() {
    let mut pair = Pair::new();
    let (here, there) = pair.established();
    let saved = pair.net.machine(pair.alice).save_call(here).expect("an established call");
    let (again, call) = comes_back(&mut pair, &saved);
    let info = pair.net.machine(again).call_info(call).expect("a call");
    assert_eq!((info.state, &*info.call_id), (CallState::Established, saved.call_id.as_str()));
    assert_eq!((&*info.history[0].cause, info.history[0].at.as_millis()), ("restored", saved.since));
    pair.net.with(again, |alice, now| alice.renegotiate(now, call, ANEW.into()));
    pair.net.run_for(Duration::from_millis(100));
    let told = log(pair.net.take_events(again).iter().map(|(at, event)| (*at, event)));
    let told: Vec<&str> = told.lines().map(|line| line[6..].trim()).collect();
    assert_eq!(told[0], "established (restored)");
    assert!(told.contains(&"done: negotiated with sdp"), "{told:?}");
    // Bob speaks to her where she is now.
    pair.net.with(pair.bob, |bob, now| bob.hold(now, there, None));
    pair.net.run_for(Duration::from_millis(100));
    let hold = pair.info(again, call).expect("a call").hold;
    assert_eq!(hold, Hold { local: false, remote: true });
    pair.net.with(again, |alice, now| alice.hangup(now, call, None));
    pair.net.run_until_idle();
    assert!(pair.info(pair.bob, there).is_none());
    for node in [again, pair.bob] {
        assert_eq!(pair.net.machine(node).census(), Census::default());
    }
}

#[test]
fn a_call_that_the_other_side_has_ended_is_over_when_it_is_offered_anew() {
    let mut pair = Pair::new();
    let (here, there) = pair.established();
    let saved = pair.net.machine(pair.alice).save_call(here).expect("an established call");
    pair.net.isolate(pair.alice);
    pair.net.with(pair.bob, |bob, now| bob.hangup(now, there, None));
    pair.net.run_for(Duration::from_secs(40));
    let (again, call) = comes_back(&mut pair, &saved);
    pair.net.with(again, |alice, now| alice.renegotiate(now, call, ANEW.into()));
    pair.net.run_for(Duration::from_millis(100));
    assert!(pair.log(again).contains("over, by remote, 481"), "{}", pair.log(again));
    pair.net.run_until_idle();
    assert_eq!(pair.net.machine(again).census(), Census::default());
}

/// Runs the network until a future is ready.
#[track_caller]
fn wait<T>(net: &mut Network, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..1_000 {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        net.run_for(Duration::from_millis(10));
    }
    panic!("it never comes to an end\n{}", net.ladder());
}

#[test]
fn a_program_that_is_started_again_has_its_calls() {
    let mut net = Network::new(5, Conditions::default());
    let mut agent = |name: &str, host: &str, number: u8| {
        let mut config = Config::new(&format!("sip:{name}@{host}")).expect("an address of record");
        config.automatic_media = true;
        let (agent, engine) = UserAgent::new(config, [number; 32]);
        let node = net.add(name, engine);
        net.bind_udp(node, 5060);
        (agent, node)
    };
    let ((alice, node), (bob, _), (again, _)) =
        (agent("alice", "10.0.0.1", 1), agent("bob", "10.0.0.2", 2), agent("again", "10.0.0.3", 3));
    let mut incoming = bob.incoming();
    let ours = wait(&mut net, alice.call("sip:bob@10.0.0.2", CallOptions::with_sdp(OFFER))).expect("a call");
    let theirs = wait(&mut net, incoming.next()).expect("alice calls");
    wait(&mut net, theirs.answer(AnswerOptions::with_sdp(ANSWER))).expect("answered");
    wait(&mut net, ours.established()).expect("established");
    let saved = wait(&mut net, ours.save()).expect("established");
    net.isolate(node);
    let call = wait(&mut net, again.restore_call(saved.clone())).expect("a call");
    assert_eq!((call.state(), call.call_id()), (CallState::Established, saved.call_id.clone()));
    wait(&mut net, call.renegotiate(ANEW)).expect("agreed");
    wait(&mut net, theirs.hangup()).expect("over");
    assert_eq!(wait(&mut net, call.ended()).map(|end| end.by), Some(EndedBy::Remote));
    assert!(wait(&mut net, call.save()).is_err());
}

// ---- on the wire

/// A call of another endpoint, through a proxy, with a session that it refreshes.
fn solo_saved() -> (SavedCall, Text) {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    let answer = response(&invite, 200, "alice", ANSWER)
        .add("Record-Route", "<sip:192.0.2.1;lr>")
        .add("Allow", "INVITE, BYE, ACK")
        .add("Session-Expires", "1800;refresher=uac")
        .add("Require", "timer");
    solo.receive(&answer);
    solo.last("ACK");
    let saved = solo.act(|endpoint, _| endpoint.save_call(call)).expect("an established call");
    (saved, invite)
}

#[track_caller]
fn restored(saved: &SavedCall) -> (Solo, CallId) {
    let mut solo = Solo::new();
    let call = solo.act(|endpoint, now| endpoint.restore_call(now, saved)).expect("a call");
    (solo, call)
}

// RFC 3261 12.2.1.1, RFC 3264 8
#[test]
fn the_dialog_and_the_session_are_the_same() {
    let (saved, invite) = solo_saved();
    assert_eq!(saved.streams, ["audio"]);
    let (mut solo, call) = restored(&saved);
    solo.act(|endpoint, now| endpoint.renegotiate(now, call, ANEW.into()));
    let again = solo.last("INVITE");
    for name in ["Call-ID", "From"] {
        assert_eq!(again.get(name), invite.get(name));
    }
    assert!(again.get("To").ends_with(";tag=alice"), "{}", again.get("To"));
    assert_eq!(again.get("Route"), "<sip:192.0.2.1;lr>");
    let number = |text: &Text| text.get("CSeq").split(' ').next().and_then(|number| number.parse::<u32>().ok());
    // Numbers that were used after it was saved are not used again.
    assert!(number(&again) > number(&invite).map(|number| number + 10));
    let origin = |text: &Text| {
        let bytes = text.bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        text.lines().find(|line| line.starts_with("o=")).map(str::to_owned)
    };
    assert_eq!(origin(&again).as_deref(), Some("o=alice 1 2 IN IP4 10.0.0.1"), "not that of the new media");
    solo.respond(&again, 200, "alice", ANSWER);
    solo.last("ACK");
    solo.act(|endpoint, now| endpoint.hold(now, call, Some(ANEW.replace("sendrecv", "sendonly").into())));
    assert_eq!(origin(&solo.last("INVITE")).as_deref(), Some("o=alice 1 3 IN IP4 10.0.0.1"));
}

#[test]
fn saved_twice_it_is_the_same_but_for_its_numbers() {
    let (saved, _) = solo_saved();
    let (mut solo, call) = restored(&saved);
    let again = solo.act(|endpoint, _| endpoint.save_call(call)).expect("an established call");
    assert_eq!(SavedCall { local_cseq: saved.local_cseq, ..again }, saved);
}

// RFC 4028 10
#[test]
fn the_session_expires_when_it_would_have() {
    let (saved, _) = solo_saved();
    let (mut solo, call) = restored(&saved);
    // It takes no UPDATE, and there is nothing to offer yet: the session is not refreshed.
    solo.at(1_767_999);
    assert!(solo.sent().is_empty(), "{:?}", solo.sent());
    solo.at(1_768_000);
    let bye = solo.last("BYE");
    solo.respond(&bye, 200, "", "");
    assert!(solo.log().contains("the session expired"));
    assert_eq!(solo.act(|endpoint, _| endpoint.call_info(call)), None);
    let late = solo.act(|endpoint, now| endpoint.restore_call(now, &SavedCall { call_id: "another".into(), ..saved }));
    assert_eq!(late, Err(Error::State("the session has expired")));
}

// ---- what cannot be

#[test]
fn only_established_calls_are_saved() {
    let mut solo = Solo::new();
    let (call, _) = solo.call();
    let saved = solo.act(|endpoint, _| endpoint.save_call(call));
    assert_eq!(saved, Err(Error::State("the call is not established")));
}

#[test]
fn a_call_is_restored_once() {
    let (saved, _) = solo_saved();
    let (mut solo, _) = restored(&saved);
    let twice = solo.act(|endpoint, now| endpoint.restore_call(now, &saved));
    assert_eq!(twice, Err(Error::State("the call is here already")));
}

#[test]
fn what_is_no_call_is_refused_with_the_field() {
    let (good, _) = solo_saved();
    let with = |change: fn(&mut SavedCall)| {
        let mut saved = good.clone();
        change(&mut saved);
        saved
    };
    let bad = [
        ("version", with(|saved| saved.version = 2)),
        ("callId", with(|saved| saved.call_id = "a b".into())),
        ("callId", with(|saved| saved.call_id.clear())),
        ("local", with(|saved| saved.local = "<sip:bob@example.com>".into())),
        ("local", with(|saved| saved.local.push_str("\r\nVia: x"))),
        ("remote", with(|saved| saved.remote = "<sip:bob".into())),
        ("target", with(|saved| saved.target = "sip:bob@example.com\r\n".into())),
        ("target", with(|saved| saved.target = "x".repeat(3000))),
        ("routeSet", with(|saved| saved.route_set = vec!["<".into()])),
        ("routeSet", with(|saved| saved.route_set = vec!["<sip:a;lr>".into(); 33])),
        ("streams", with(|saved| saved.streams = vec!["audio".into(); 33])),
        ("origin", with(|saved| saved.origin = Some("a\r\nb".into()))),
        ("privacy", with(|saved| saved.privacy = Some("id\r\nb: c".into()))),
    ];
    for (field, saved) in bad {
        let mut solo = Solo::new();
        match solo.act(|endpoint, now| endpoint.restore_call(now, &saved)) {
            Err(Error::Input(error)) => assert_eq!(&*error.field, field),
            other => panic!("{field}: {other:?}"),
        }
        assert_eq!(solo.act(|endpoint, _| endpoint.census()), Census::default());
    }
}

#[test]
fn limits_hold_for_restored_calls_too() {
    let (saved, _) = solo_saved();
    let mut solo = Solo::with(|config| config.limits.calls = 1);
    solo.act(|endpoint, now| endpoint.restore_call(now, &saved)).expect("the first");
    let other = SavedCall { call_id: "other".into(), ..saved };
    assert_eq!(solo.act(|endpoint, now| endpoint.restore_call(now, &other)), Err(Error::Limit("too many calls")));
}
