//! Strict routers (RFC 3261 12.2.1.1, 16.4) and what a Request-URI may not have.

use offhook_core::endpoint::{AnswerOptions, CallId};
use offhook_tests::endpoint::{ANSWER, OFFER, Solo, response};
use offhook_tests::sip::Text;

const STRICT: &str = "<sip:192.0.2.2:5070;method=INVITE;ttl=3;x=y?Subject=hello>";
const LOOSE: &str = "<sip:192.0.2.3;lr>";

fn invite() -> Text {
    Text::request("INVITE", "z9hG4bK-invite").add("Contact", "<sip:alice@192.0.2.1:5060>").sdp(OFFER)
}

/// Each request of ours within a dialog goes to the strict router; the target goes last.
fn goes_by(solo: &Solo, method: &str, rest: &[&str]) {
    let request = solo.last(method);
    assert_eq!(request.start, format!("{method} sip:192.0.2.2:5070;ttl=3;x=y SIP/2.0"));
    let mut routes = rest.to_vec();
    routes.push("<sip:alice@192.0.2.1:5060>");
    assert_eq!(request.all("Route"), routes, "{method}");
    assert_eq!(solo.last_path(method).remote.to_string(), "192.0.2.2:5070", "{method}");
}

fn act_within(solo: &mut Solo, call: CallId, rest: &[&str]) {
    solo.act(|endpoint, now| endpoint.info(now, call, "text/plain", "x".into()));
    goes_by(solo, "INFO", rest);
    solo.act(|endpoint, now| endpoint.update(now, call, None));
    goes_by(solo, "UPDATE", rest);
    solo.act(|endpoint, now| endpoint.hold(now, call, None));
    goes_by(solo, "INVITE", rest);
    let hold = solo.last("INVITE");
    solo.respond(&hold, 200, "", &ANSWER.replace("sendrecv", "recvonly"));
    goes_by(solo, "ACK", rest);
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    goes_by(solo, "BYE", rest);
}

#[test]
fn a_caller_puts_a_strict_router_into_the_request_uri_without_what_may_not_stand_there() {
    let mut solo = Solo::with(|config| config.automatic_media = true);
    let (call, invite) = solo.call();
    let recorded = [LOOSE, STRICT].join(", ");
    solo.receive(
        &response(&invite, 183, "alice", ANSWER)
            .add("Record-Route", &recorded)
            .add("Require", "100rel")
            .add("RSeq", "1"),
    );
    goes_by(&solo, "PRACK", &[LOOSE]);
    let prack = solo.last("PRACK");
    solo.respond(&prack, 200, "", "");
    solo.receive(&response(&invite, 200, "alice", "").add("Record-Route", &recorded));
    goes_by(&solo, "ACK", &[LOOSE]);
    act_within(&mut solo, call, &[LOOSE]);
}

#[test]
fn a_callee_does_so_too() {
    let mut solo = Solo::with(|config| config.automatic_media = true);
    let call = solo.called(&invite().add("Record-Route", STRICT).add("Record-Route", LOOSE));
    solo.act(|endpoint, now| endpoint.answer(now, call, AnswerOptions::with_sdp(ANSWER)));
    let tag = solo.last("200 INVITE").get("To").rsplit("tag=").next().expect("a tag").to_owned();
    solo.receive(&Text::ack(&invite(), &tag));
    act_within(&mut solo, call, &[LOOSE]);
}

#[test]
fn a_strict_router_alone_leaves_the_target_in_the_route() {
    let mut solo = Solo::with(|config| config.automatic_media = true);
    let (call, invite) = solo.call();
    solo.receive(&response(&invite, 200, "alice", ANSWER).add("Record-Route", STRICT));
    act_within(&mut solo, call, &[]);
}

#[test]
fn a_cancel_goes_where_the_invite_went_whatever_was_recorded() {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    solo.receive(&response(&invite, 180, "alice", "").add("Record-Route", STRICT));
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    let cancel = solo.last("CANCEL");
    assert_eq!(cancel.start, "CANCEL sip:alice@192.0.2.1 SIP/2.0", "9.1: the same Request-URI");
    assert!(cancel.all("Route").is_empty(), "and the same Route");
    assert_eq!(solo.last_path("CANCEL"), solo.last_path("INVITE"));
}

#[test]
fn a_request_that_a_strict_router_has_left_as_it_came_is_served() {
    // Route with this user agent in it, and a Request-URI that is somebody else's: 12.2.2 asks for Call-ID and tags.
    let mut solo = Solo::new();
    let call = solo.called(&invite().add("Record-Route", STRICT));
    solo.act(|endpoint, now| endpoint.answer(now, call, AnswerOptions::with_sdp(ANSWER)));
    let to = solo.last("200 INVITE").get("To").to_owned();
    let mut bye = Text::request("BYE", "z9hG4bK-bye").set("To", &to).set("CSeq", "8 BYE");
    bye.start = "BYE sip:192.0.2.2:5070 SIP/2.0".into();
    solo.receive(&bye.add("Route", "<sip:bob@192.0.2.9:5060>"));
    solo.last("200 BYE");
    assert!(solo.log().contains("over, by remote"));
}
