//! Hold as it was before RFC 3264: a connection address of 0.0.0.0 (RFC 3264 8.4, RFC 6337 5.3), in both roles.

use offhook_core::endpoint::{AnswerOptions, CallId, Hold};
use offhook_tests::endpoint::{ANSWER, OFFER, Solo};
use offhook_tests::sip::Text;

fn nowhere(sdp: &str, version: u32) -> String {
    let sdp = sdp.replace("c=IN IP4 10.0.0.1", "c=IN IP4 0.0.0.0").replace("c=IN IP4 10.0.0.2", "c=IN IP4 0.0.0.0");
    sdp.replace(" 1 1 IN", &format!(" 1 {version} IN"))
}

fn later(sdp: &str, version: u32) -> String {
    sdp.replace(" 1 1 IN", &format!(" 1 {version} IN"))
}

fn automatic() -> Solo {
    Solo::with(|config| config.automatic_media = true)
}

fn hold(solo: &Solo, call: CallId) -> (bool, bool) {
    let Hold { local, remote } = solo.endpoint.call_info(call).expect("a call").hold;
    (local, remote)
}

/// The callee's re-INVITE in the dialog of our INVITE.
fn re_invite(invite: &Text, cseq: u32, sdp: &str) -> Text {
    Text::request("INVITE", &format!("z9hG4bK-re-{cseq}"))
        .set("From", &format!("{};tag=alice", invite.get("To")))
        .set("To", invite.get("From"))
        .set("Call-ID", invite.get("Call-ID"))
        .set("CSeq", &format!("{cseq} INVITE"))
        .add("Contact", "<sip:alice@192.0.2.1:5060>")
        .sdp(sdp)
}

#[test]
fn the_other_side_holds_and_resumes_so() {
    let mut solo = automatic();
    let (call, invite) = solo.established();
    for (cseq, sdp, held) in [(1, nowhere(ANSWER, 2), true), (2, later(ANSWER, 3), false)] {
        let offer = re_invite(&invite, cseq, &sdp);
        solo.receive(&offer);
        let answer = solo.last("200 INVITE");
        assert!(answer.body.contains("c=IN IP4 10.0.0.1"), "we are where we were");
        assert!(answer.body.contains("m=audio 4000"), "and the stream is kept");
        solo.receive(&offer.method("ACK"));
        assert_eq!(hold(&solo, call), (false, held));
        assert!(solo.log().contains(if held { "hold: remote" } else { "nobody holds" }), "told");
    }
}

#[test]
fn both_sides_hold_each_in_its_way() {
    let mut solo = automatic();
    let (call, invite) = solo.established();
    let offer = re_invite(&invite, 1, &nowhere(ANSWER, 2));
    solo.receive(&offer);
    solo.receive(&offer.method("ACK"));
    solo.act(|endpoint, now| endpoint.hold(now, call, None));
    let ours = solo.last("INVITE");
    assert!(ours.body.contains("a=sendonly") || ours.body.contains("a=inactive"), "{}", ours.body);
    solo.respond(&ours, 200, "", &nowhere(&ANSWER.replace("sendrecv", "recvonly"), 3));
    assert_eq!(hold(&solo, call), (true, true));
    solo.act(|endpoint, now| endpoint.resume(now, call, None));
    let ours = solo.last("INVITE");
    solo.respond(&ours, 200, "", &nowhere(ANSWER, 4));
    assert_eq!(hold(&solo, call), (false, true), "ours ends, theirs does not");
}

#[test]
fn an_answer_may_hold_so_from_the_start() {
    let mut solo = automatic();
    let (call, invite) = solo.call();
    solo.respond(&invite, 200, "alice", &nowhere(ANSWER, 1));
    assert_eq!(hold(&solo, call), (false, true));
}

#[test]
fn an_offer_may_hold_so_from_the_start() {
    // RFC 3725 4.1: a controller that does not know yet where media should go.
    let mut solo = automatic();
    let invite = Text::request("INVITE", "z9hG4bK-invite").add("Contact", "<sip:alice@192.0.2.1:5060>");
    let call = solo.called(&invite.clone().sdp(&nowhere(OFFER, 1)));
    assert_eq!(hold(&solo, call), (false, true));
    solo.act(|endpoint, now| endpoint.answer(now, call, AnswerOptions::with_sdp(ANSWER)));
    let tag = solo.last("200 INVITE").get("To").rsplit("tag=").next().expect("a tag").to_owned();
    solo.receive(&Text::ack(&invite, &tag));
    // Then it says where.
    let real = Text::request("INVITE", "z9hG4bK-real")
        .set("To", solo.last("200 INVITE").get("To"))
        .set("CSeq", "8 INVITE")
        .add("Contact", "<sip:alice@192.0.2.1:5060>")
        .sdp(&later(OFFER, 2));
    solo.receive(&real);
    assert_eq!(hold(&solo, call), (false, false));
}

#[test]
fn one_stream_of_two_holds_nobody_and_ice_finds_its_own_address() {
    let mut solo = automatic();
    let (call, invite) = solo.call();
    let two = format!("{}m=audio 4010 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\na=sendrecv\r\n", ANSWER);
    solo.respond(&invite, 200, "alice", &two);
    assert_eq!(hold(&solo, call), (false, false));

    let mut solo = automatic();
    let (call, invite) = solo.call();
    let ice =
        nowhere(ANSWER, 1).replace("a=sendrecv", "a=sendrecv\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901");
    solo.respond(&invite, 200, "alice", &ice);
    assert_eq!(hold(&solo, call), (false, false), "RFC 8839 4.3.1: 0.0.0.0 with ICE is no hold");
}
