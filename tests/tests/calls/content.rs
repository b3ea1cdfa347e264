//! Bodies of requests: found in multipart ones, and refused when they cannot be understood.

use offhook_core::endpoint::{AnswerOptions, CallEvent, CallState, Event};
use offhook_tests::endpoint::{ANSWER, OFFER, Solo};
use offhook_tests::sip::Text;

fn invite() -> Text {
    Text::request("INVITE", "z9hG4bK-invite").add("Contact", "<sip:alice@192.0.2.1:5060>")
}

/// As another request than those before.
fn anew(request: Text, number: u32) -> Text {
    let method = request.start.split(' ').next().unwrap_or_default().to_owned();
    request
        .set("Via", &format!("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-{number}"))
        .set("Call-ID", &format!("call-{number}"))
        .set("CSeq", &format!("{number} {method}"))
}

/// A body of parts, each with its header lines.
fn multipart(parts: &[(&str, &str)]) -> String {
    let parts = parts.iter().map(|(head, body)| format!("--x\r\n{head}\r\n\r\n{body}\r\n")).collect::<String>();
    format!("{parts}--x--\r\n")
}

const MIXED: &str = "multipart/mixed;boundary=x";

fn offered(solo: &mut Solo) -> Vec<String> {
    let description = |event: Event| match event {
        Event::Incoming { invitation, .. } => {
            Some(invitation.sdp.map(|sdp| String::from_utf8(sdp.to_vec()).unwrap()).unwrap_or_default())
        }
        _ => None,
    };
    solo.events().into_iter().filter_map(description).collect()
}

#[test]
fn a_body_nobody_can_read_is_refused() {
    let mut solo = Solo::new();
    solo.receive(&invite().body("application/isup", "x"));
    assert!(solo.last("415 INVITE").get("Accept").contains("application/sdp, multipart/mixed"));
    let optional =
        anew(invite(), 2).body("application/isup", "x").add("Content-Disposition", "signal;handling=optional");
    solo.receive(&optional);
    assert_eq!(offered(&mut solo), [""], "as if it had none");
}

#[test]
fn a_description_among_other_parts_is_found() {
    let mut solo = Solo::new();
    let sdp = ("Content-Type: application/sdp", OFFER);
    let location = "Content-Type: application/pidf+xml\r\nContent-Disposition: by-reference;handling=optional";
    let early = "Content-Type: application/sdp\r\nContent-Disposition: early-session;handling=optional";
    let nested = multipart(&[("Content-Type: text/plain", "hi"), sdp]).replace("--x", "--y");
    let alternative = ("Content-Type: multipart/alternative;boundary=y", &*nested);
    for (number, parts) in
        [vec![(location, "<presence/>"), sdp], vec![(early, ANSWER), sdp], vec![(location, ""), alternative]]
            .into_iter()
            .enumerate()
    {
        solo.receive(&anew(invite(), number as u32 + 1).body(MIXED, &multipart(&parts)));
        assert_eq!(offered(&mut solo), [OFFER], "{parts:?}");
    }
    // One for early media alone is no offer of the session: the answer brings ours.
    solo.receive(&anew(invite(), 8).body("application/sdp", OFFER).add("Content-Disposition", "early-session"));
    assert_eq!(offered(&mut solo), [""]);
    // A part that must be understood and is not.
    let parts = [sdp, ("Content-Type: application/isup", "x")];
    solo.receive(&anew(invite(), 9).body(MIXED, &multipart(&parts)));
    assert!(solo.last("415 INVITE").get("Accept").contains("multipart/mixed"));
    assert_eq!(solo.log(), "");
}

#[test]
fn an_answer_among_other_parts_is_found() {
    let mut solo = Solo::new();
    let (_, invite) = solo.call();
    let parts = [
        ("Content-Type: text/plain\r\nContent-Disposition: render;handling=optional", "hi"),
        ("Content-Type: application/sdp", ANSWER),
    ];
    let ok = offhook_tests::endpoint::response(&invite, 200, "alice", "").body(MIXED, &multipart(&parts));
    solo.receive(&ok);
    solo.last("ACK");
    let answer = solo.events().into_iter().find_map(|event| match event {
        Event::Call { event: CallEvent::Answered { sdp }, .. } => sdp,
        _ => None,
    });
    assert_eq!(answer.as_deref(), Some(ANSWER.as_bytes()));
}

#[test]
fn what_is_compressed_is_refused_but_a_goodbye_is_a_goodbye() {
    let mut solo = Solo::new();
    for (number, request) in [
        invite().sdp("x"),
        Text::request("MESSAGE", "").body("text/plain", "x"),
        Text::request("SUBSCRIBE", "").add("Event", "presence").body("text/plain", "x"),
    ]
    .into_iter()
    .enumerate()
    {
        let request = anew(request, number as u32 + 1).add("Content-Encoding", "gzip");
        solo.receive(&request);
        let label = format!("415 {}", request.start.split(' ').next().unwrap());
        assert_eq!(solo.last(&label).get("Accept-Encoding"), "identity");
    }
    assert_eq!(solo.log(), "");
    solo.receive(&anew(invite(), 4).sdp(OFFER).add("Content-Encoding", "identity"));
    assert_eq!(offered(&mut solo), [OFFER]);

    let call = solo.called(&anew(invite(), 5).sdp(OFFER));
    solo.act(|endpoint, now| endpoint.answer(now, call, AnswerOptions::with_sdp(ANSWER)));
    let to = solo.last("200 INVITE").get("To").to_owned();
    let bye = anew(Text::request("BYE", "").body("text/plain", "x").set("To", &to), 6).set("Call-ID", "call-5");
    solo.receive(&bye.add("Content-Encoding", "gzip"));
    solo.last("200 BYE");
}

#[test]
fn a_description_that_is_none_is_refused_with_the_place() {
    let mut solo = Solo::new();
    for (number, (sdp, reason)) in [
        ("garbage", "400 Bad session description line 1, byte 0: not of the form <letter>=<value>"),
        ("o=- 1 1 IN IP4 h\r\n", "400 Bad session description line 1, byte 0: does not begin with v=0"),
        ("v=0\r\nm=audio\r\n", "400 Bad session description line 2, byte 5: bad m= line"),
    ]
    .into_iter()
    .enumerate()
    {
        solo.receive(&anew(invite(), number as u32 + 1).sdp(sdp));
        assert_eq!(solo.last("400 INVITE").start, format!("SIP/2.0 {reason}"));
    }
    solo.receive(&anew(invite(), 4).body(MIXED, "no boundary in it"));
    assert!(solo.last("400 INVITE").start.starts_with("SIP/2.0 400 Bad Request: body"));
    assert_eq!(solo.log(), "", "no call was made of any");

    // In a call it stands as it was.
    let (call, invite) = solo.established();
    let reinvite = Text::request("INVITE", "z9hG4bK-re")
        .set("From", &format!("{};tag=alice", invite.get("To")))
        .set("To", invite.get("From"))
        .set("Call-ID", invite.get("Call-ID"))
        .add("Contact", "<sip:alice@192.0.2.1:5060>");
    solo.receive(&reinvite.sdp("garbage"));
    solo.last("400 INVITE");
    assert_eq!(solo.log(), "");
    let info = solo.endpoint.call_info(call).unwrap();
    assert_eq!(info.state, CallState::Established);

    // Names in another character set are not needed.
    let latin =
        [b"v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=caf\xe9".as_slice(), &OFFER.as_bytes()[OFFER.find("\r\nc=").unwrap()..]]
            .concat();
    let head = anew(self::invite(), 7).body("application/sdp", &"x".repeat(latin.len())).bytes();
    solo.bytes([&head[..head.len() - latin.len()], &latin].concat());
    assert_eq!(solo.events().len(), 2, "a call, and its state");
}

#[test]
fn another_version_of_the_protocol_is_refused_as_that() {
    let mut solo = Solo::new();
    let mut request = Text::request("OPTIONS", "z9hG4bK-o");
    request.start = "OPTIONS sip:bob@example.com SIP/7.0".into();
    solo.receive(&request);
    assert_eq!(solo.last("505 OPTIONS").start, "SIP/2.0 505 Version Not Supported");
    assert!(solo.log().contains("malformed"), "it is told, too");
}
