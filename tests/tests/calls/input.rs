//! What must not pass: line ends an application smuggles in, garbage from the network, more than the limits allow.

use bytes::Bytes;
use offhook_core::endpoint::{AnswerOptions, CallId, CallOptions, Config, Endpoint, Error, Event};
use offhook_core::message::StatusCode;
use offhook_core::time::Instant;
use offhook_core::transport::{FlowInfo, Machine, Transport};
use offhook_tests::endpoint::{ANSWER, OFFER, Solo, response};
use offhook_tests::net::Rng;
use offhook_tests::sip::Text;

const EVIL: [&str; 4] = ["x\r\nX-Evil: 1", "x\nX-Evil: 1", "x\rX-Evil: 1", "x\0"];

fn invite() -> Text {
    Text::request("INVITE", "z9hG4bK-invite").add("Contact", "<sip:alice@192.0.2.1:5060>").sdp(OFFER)
}

/// The field an input error names, where exactly one operation failed and nothing was sent.
#[track_caller]
fn refused<R>(solo: &mut Solo, act: impl FnOnce(&mut Endpoint, Instant) -> R) -> String {
    solo.fresh();
    solo.events();
    solo.act(act);
    assert_eq!(solo.fresh(), [""; 0], "nothing is sent");
    let events = solo.events();
    let fields: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Done { result: Err(Error::Input(error)), .. } => Some(error.field.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!((fields.len(), events.len()), (1, 1), "{events:?}");
    fields[0].clone()
}

#[test]
fn line_ends_in_what_an_application_gives_are_refused_by_name() {
    for evil in EVIL {
        let mut solo = Solo::new();
        let fail = |solo: &mut Solo, target: &str, options: CallOptions| match solo
            .act(|endpoint, now| endpoint.call(now, target, options))
        {
            Err(Error::Input(error)) => error.field.to_string(),
            other => panic!("{evil:?}: {other:?}"),
        };
        assert_eq!(fail(&mut solo, evil, CallOptions::default()), "target");
        assert_eq!(fail(&mut solo, &format!("sip:{evil}@192.0.2.1"), CallOptions::default()), "target");
        assert_eq!(fail(&mut solo, "sip:a@192.0.2.1", CallOptions::default().header("X-A", evil)), "X-A");
        assert_eq!(fail(&mut solo, "sip:a@192.0.2.1", CallOptions::default().header(evil, "a")), "header field name");
        assert!(solo.sent().is_empty() && solo.events().is_empty(), "there was no call");

        assert_eq!(refused(&mut solo, |endpoint, now| endpoint.options(now, evil)), "target");
        let message = |endpoint: &mut Endpoint, now| endpoint.message(now, "sip:a@192.0.2.1", evil, "x".into());
        assert_eq!(refused(&mut solo, message), "Content-Type");

        let (call, _) = solo.established();
        assert_eq!(refused(&mut solo, |endpoint, now| endpoint.hangup(now, call, Some(evil))), "Reason");
        assert_eq!(refused(&mut solo, |endpoint, now| endpoint.info(now, call, evil, "x".into())), "Content-Type");
        assert_eq!(refused(&mut solo, |endpoint, now| endpoint.dtmf(now, call, '\r', 100)), "tone");

        let call = solo.called(&invite());
        let reject = |endpoint: &mut Endpoint, now| endpoint.reject(now, call, StatusCode::DECLINE, Some(evil));
        assert_eq!(refused(&mut solo, reject), "reason phrase");
        assert_eq!(refused(&mut solo, |endpoint, now| endpoint.redirect(now, call, &[evil])), "target");
        let mut options = AnswerOptions::with_sdp(ANSWER);
        options.headers.push(("X-B".into(), evil.into()));
        assert_eq!(refused(&mut solo, |endpoint, now| endpoint.answer(now, call, options)), "X-B");
        // After all that the calls are as they were.
        solo.act(|endpoint, now| endpoint.answer(now, call, AnswerOptions::with_sdp(ANSWER)));
        solo.last("200 INVITE");
        assert_eq!(solo.endpoint.census().calls, 2);
    }
}

#[test]
fn line_ends_in_settings_are_refused_and_would_send_nothing() {
    for field in ["displayName", "userAgent"] {
        for evil in EVIL {
            let set = |config: &mut Config| match field {
                "displayName" => config.display_name = Some(evil.into()),
                _ => config.user_agent = evil.into(),
            };
            let mut config = Config::new("sip:bob@example.com").expect("a config");
            set(&mut config);
            match config.check() {
                Err(Error::Input(error)) => assert_eq!((&*error.field, error.offset), (field, 1)),
                other => panic!("{other:?}"),
            }
            // And for who does not ask: a name is quoted without them, an agent's name is refused.
            let mut solo = Solo::with(set);
            if field == "userAgent" {
                let options = |endpoint: &mut Endpoint, now| endpoint.options(now, "sip:a@192.0.2.1");
                assert_eq!(refused(&mut solo, options), "User-Agent");
                solo.receive(&Text::request("OPTIONS", "z9hG4bK-o"));
                assert_eq!(solo.last("200 OPTIONS").get("Server"), "", "an answer is owed all the same");
            } else {
                let invite = solo.call().1;
                assert_eq!(invite.all("X-Evil"), [""; 0]);
                assert!(invite.get("From").starts_with("\"x "), "{}", invite.get("From"));
            }
        }
    }
}

#[test]
fn more_requests_than_allowed_are_refused_but_a_bye_always_goes() {
    let mut solo = Solo::with(|config| config.limits.outgoing = 2);
    let (call, _) = solo.established();
    for _ in 0..2 {
        solo.act(|endpoint, now| endpoint.options(now, "sip:a@192.0.2.1"));
    }
    assert_eq!(solo.log(), "");
    solo.act(|endpoint, now| endpoint.options(now, "sip:a@192.0.2.1"));
    solo.act(|endpoint, now| endpoint.dtmf(now, call, '1', 100));
    assert_eq!(solo.log().matches("failed: too many requests wait for their answer").count(), 2);
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    solo.last("BYE");
    solo.finish();
}

#[test]
fn more_requests_of_peers_than_allowed_are_told_to_come_later() {
    let mut solo = Solo::with(|config| config.limits.server_transactions = 3);
    let calls: Vec<CallId> = (0..3).map(|number| solo.called(&number_of(invite(), number))).collect();
    solo.receive(&number_of(invite(), 3));
    solo.receive(&number_of(Text::request("OPTIONS", ""), 4));
    assert_eq!((solo.times("503 INVITE").len(), solo.times("503 OPTIONS").len()), (1, 1));
    assert!(!solo.last("503 OPTIONS").get("Retry-After").is_empty());
    // One that is answered makes room.
    solo.act(|endpoint, now| endpoint.reject(now, calls[0], StatusCode::BUSY_HERE, None));
    solo.receive(&number_of(Text::request("OPTIONS", ""), 5));
    assert_eq!(solo.times("200 OPTIONS").len(), 1);
    for call in calls {
        solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    }
    solo.finish();
}

#[test]
fn answered_requests_linger_for_retransmissions_up_to_a_limit_of_their_own() {
    let mut solo = Solo::with(|config| config.limits.server_transactions = 2);
    for number in 0..102 {
        solo.receive(&number_of(Text::request("OPTIONS", ""), number));
    }
    assert_eq!((solo.times("200 OPTIONS").len(), solo.times("503 OPTIONS").len()), (100, 2));
    solo.finish();
}

/// The same from a call and a transaction of its own.
fn number_of(request: Text, number: usize) -> Text {
    let via = format!("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-{number};rport");
    request.set("Via", &via).set("Call-ID", &format!("call-{number}")).set("From", &format!("<sip:a@b>;tag={number}"))
}

#[test]
fn a_message_beyond_all_limits_is_dropped_or_refused_and_the_agent_goes_on() {
    let mut solo = Solo::new();
    let long = "x".repeat(100_000);
    solo.receive(&invite().add("X-Long", &long));
    let mut many = invite();
    for _ in 0..1000 {
        many = many.add("X-Many", "1");
    }
    solo.receive(&many);
    assert_eq!(solo.endpoint.census().calls, 0);
    let tcp = solo.flow(Transport::Tcp);
    solo.act(|endpoint, now| endpoint.receive(now, tcp, Bytes::from(vec![b'x'; 200_000])));
    assert_eq!(solo.flows().1, [tcp.flow], "a stream that is no stream of messages is closed");
    solo.called(&invite());
}

/// Everything a peer may send in the course of calls, some of it twice broken by chance.
#[test]
fn garbage_never_stops_an_agent() {
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        let mut solo = Solo::with(|config| config.automatic_media = seed % 2 == 0);
        let info = FlowInfo {
            transport: Transport::Tcp,
            local: ([192, 0, 2, 9], 5060).into(),
            remote: Some(solo.path.remote),
        };
        let tcp = solo.act(|endpoint, now| endpoint.flow_opened(now, info));
        let (_, ours) = solo.call();
        solo.called(&invite());
        let mut messages = vec![invite().bytes(), ours.bytes()];
        for _ in 0..60 {
            let act = rng.below(12);
            let known = solo.endpoint.calls();
            match (act, known.get(rng.below(8) as usize).copied()) {
                (0, Some(call)) => {
                    let _ = solo.act(|e, now| e.answer(now, call, AnswerOptions::with_sdp(ANSWER)));
                }
                (1, Some(call)) => {
                    let _ = solo.act(|e, now| e.ring(now, call, None));
                }
                (2, Some(call)) => {
                    let _ = solo.act(|e, now| e.hold(now, call, Some(OFFER.into())));
                }
                (3, Some(call)) => {
                    let _ = solo.act(|e, now| e.accept_offer(now, call, ANSWER.into()));
                }
                (4, Some(call)) if rng.below(4) == 0 => {
                    let _ = solo.act(|e, now| e.hangup(now, call, None));
                }
                (5, _) => {
                    let later = solo.now() + rng.below(5000);
                    solo.at(later);
                }
                (6, _) => {
                    let _ = solo.act(|e, now| e.call(now, "sip:a@192.0.2.1", CallOptions::with_sdp(OFFER)));
                }
                _ => {}
            }
            messages.extend(answers(&mut solo, &mut rng));
            let mut bytes = messages[rng.below(messages.len() as u64) as usize].to_vec();
            for _ in 0..rng.below(4) {
                mutate(&mut bytes, &mut rng);
            }
            match rng.below(4) {
                0 => solo.act(|endpoint, now| {
                    let path = offhook_core::transport::Path { flow: tcp, remote: ([192, 0, 2, 1], 5060).into() };
                    endpoint.receive(now, path, bytes.into());
                }),
                _ => solo.bytes(bytes),
            }
        }
        for call in solo.endpoint.calls() {
            solo.act(|endpoint, now| endpoint.hangup(now, call, None));
        }
        // The peer is silent now. A call of ours that was answered provisionally ends 64 × T1 after its CANCEL.
        solo.finish();
    }
}

/// What a peer might answer to what was sent last, and ask in its turn.
fn answers(solo: &mut Solo, rng: &mut Rng) -> Vec<Bytes> {
    let mut made = Vec::new();
    let sent: Vec<String> = solo.fresh();
    for label in sent.into_iter().filter(|label| !matches!(&**label, "ping" | "pong")) {
        let last = solo.last(&label);
        if label.contains(' ') {
            // Ours was a response: the ACK, a BYE and a re-INVITE within its dialog.
            for method in ["ACK", "BYE", "INVITE", "INFO", "CANCEL"] {
                let number = 7 + rng.below(3);
                let request = Text::request(method, &format!("z9hG4bK-{method}-{}", rng.below(5)))
                    .set("To", last.get("To"))
                    .set("From", last.get("From"))
                    .set("Call-ID", last.get("Call-ID"))
                    .set("CSeq", &format!("{number} {method}"))
                    .add("Contact", "<sip:alice@192.0.2.1:5060>");
                made.push(request.sdp(OFFER).bytes());
            }
        } else {
            for status in [100, 183, 200, 302, 401, 481, 491, 503] {
                let tag = format!("tag{}", rng.below(2));
                let challenge = "Digest realm=\"r\", nonce=\"n\"";
                let response = response(&last, status, &tag, ANSWER).add("WWW-Authenticate", challenge);
                made.push(response.bytes());
            }
        }
    }
    made
}

fn mutate(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let at = rng.below(bytes.len().max(1) as u64) as usize;
    match rng.below(6) {
        0 => bytes.truncate(at),
        1 => bytes[at..].fill(rng.below(256) as u8),
        2 => bytes.insert(at, b" \r\n;,<>\"\0\xff"[rng.below(10) as usize]),
        3 => {
            bytes.remove(at);
        }
        4 => {
            let piece = bytes[at..(at + 40).min(bytes.len())].to_vec();
            let to = rng.below(bytes.len() as u64) as usize;
            bytes.splice(to..to, piece);
        }
        _ => bytes[at] ^= 1 << rng.below(8),
    }
    if bytes.is_empty() {
        bytes.push(b'x');
    }
}

#[test]
fn a_request_is_answered_whatever_the_answer_quotes() {
    let mut solo = Solo::new();
    solo.receive(&invite().add("Require", "100rel\rX-Evil: 1"));
    let refusal = solo.last("420 INVITE");
    assert_eq!((refusal.get("Unsupported"), refusal.all("X-Evil").len()), ("100rel X-Evil: 1", 0));
}
