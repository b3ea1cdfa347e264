//! What becomes of calls whose connection to the server is lost: a re-INVITE over the next one tells the other side where
//! they are, and what the application wanted meanwhile goes then. The test plays the server and the driver.

use std::time::Duration;

use offhook_core::auth::Credential;
use offhook_core::endpoint::{AnswerOptions, CallId, CallOptions, Config, Endpoint, Server};
use offhook_core::transport::{FlowChange, FlowError, FlowErrorKind, Machine};
use offhook_tests::endpoint::{ANSWER, OFFER, Solo, response};
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

fn solo(set: impl FnOnce(&mut Config)) -> Solo {
    Solo::with(|config| {
        config.server = Some(Server::parse("wss://sip.example.com/ws").expect("a server"));
        config.credentials = vec![Credential::password("bob", "secret")];
        config.keep_alive = Duration::ZERO;
        set(config);
    })
}

fn grant(solo: &mut Solo) {
    let request = solo.last("REGISTER");
    let contact = format!("{};expires=3600", request.get("Contact"));
    solo.receive(&Text::response(&request.bytes(), 200, "r").add("Contact", &contact));
}

/// Registered over a WebSocket, in a call, and then the connection breaks.
fn cut_off() -> (Solo, CallId, Text) {
    let mut solo = solo(|_| {});
    solo.act(Endpoint::register);
    solo.connect(true);
    grant(&mut solo);
    let (call, invite) = solo.established();
    solo.at(1000);
    solo.lose(solo.path.flow);
    solo.log();
    solo.fresh();
    (solo, call, invite)
}

/// The connection comes back as soon as it is tried, and we are registered over it.
fn back(solo: &mut Solo) {
    let opened = solo.flows().0;
    while solo.flows().0 == opened {
        let due = solo.endpoint.poll_timeout().expect("it goes on trying").as_millis();
        solo.at(due);
    }
    solo.connect(true);
    grant(solo);
}

fn refuse(solo: &mut Solo) {
    let (flow, _) = solo.opened();
    solo.change(flow, FlowChange::Failed(FlowError::new(FlowErrorKind::Refused, "connection refused")));
}

#[test]
fn the_other_side_is_told_where_we_are_once_we_are_registered_again() {
    let (mut solo, _, invite) = cut_off();
    solo.at(2500);
    let new = solo.connect(true);
    assert_eq!(solo.fresh(), ["REGISTER"], "not before that");
    grant(&mut solo);
    assert_eq!(solo.fresh(), ["INVITE"]);
    let again = solo.last("INVITE");
    assert_eq!(solo.last_path("INVITE"), new);
    assert_eq!(again.get("Call-ID"), invite.get("Call-ID"));
    assert!(again.get("Contact").contains(".invalid"), "{}", again.get("Contact"));
    assert!(again.bytes().ends_with(OFFER.as_bytes()), "what is agreed on already");
    solo.log();
    solo.receive(&response(&again, 200, "", ANSWER));
    assert_eq!(solo.fresh(), ["ACK"]);
    expect(&solo.log(), &format!("{:>6}  recovered\n", solo.now()));
    solo.at(120_000);
    assert_eq!(solo.times("INVITE").len(), 2, "once");
}

#[test]
fn without_a_registration_it_goes_as_soon_as_the_connection_is_up() {
    let mut solo = solo(|_| {});
    solo.act(Endpoint::connect);
    solo.connect(true);
    solo.established();
    solo.lose(solo.path.flow);
    solo.at(2000);
    let new = solo.connect(true);
    assert_eq!((solo.times("INVITE").len(), solo.last_path("INVITE")), (2, new));
}

#[test]
fn a_refused_registration_is_no_reason_to_leave_the_other_side_in_the_dark() {
    let (mut solo, ..) = cut_off();
    solo.at(2500);
    solo.connect(true);
    let request = solo.last("REGISTER");
    solo.receive(&Text::response(&request.bytes(), 403, "r"));
    assert_eq!(solo.fresh(), ["REGISTER", "INVITE"]);
}

#[test]
fn where_the_other_side_is_not_back_itself_it_is_asked_again_for_a_while() {
    let (mut solo, ..) = cut_off();
    back(&mut solo);
    let start = solo.now();
    for tries in 2..=5 {
        let again = solo.until("INVITE", tries);
        solo.receive(&response(&again, 430, "", ""));
    }
    let times: Vec<u64> = solo.times("INVITE").iter().skip(1).map(|at| at - start).collect();
    assert_eq!(times, [0, 1000, 3000, 7000]);
    let again = solo.until("INVITE", 6);
    solo.receive(&response(&again, 200, "", ANSWER));
    assert!(solo.log().contains("recovered"));
    assert_eq!(solo.endpoint.census().calls, 1);
}

#[test]
fn after_half_a_minute_of_that_the_call_is_left_as_it_is() {
    let (mut solo, ..) = cut_off();
    back(&mut solo);
    let start = solo.now();
    let mut tries = 1;
    while solo.now() < start + 60_000 {
        let sent = solo.times("INVITE").len();
        if sent > tries {
            tries = sent;
            let again = solo.last("INVITE");
            solo.receive(&response(&again, 480, "", ""));
        }
        solo.at(solo.now() + 100);
    }
    let last = solo.times("INVITE").last().copied().unwrap_or_default() - start;
    assert!((24_000..40_000).contains(&last), "{last} ms");
    assert_eq!(solo.endpoint.census().calls, 1, "the sound may still be there");
    assert!(!solo.log().contains("over"));
}

#[test]
fn a_call_the_other_side_knows_no_more_is_over() {
    let (mut solo, ..) = cut_off();
    back(&mut solo);
    let again = solo.last("INVITE");
    solo.receive(&response(&again, 481, "", ""));
    assert!(solo.log().contains("over, by remote, 481"));
}

#[test]
fn what_is_wanted_without_a_connection_waits_through_tries_that_fail() {
    let (mut solo, call, _) = cut_off();
    let sdp = OFFER.replace("sendrecv", "sendonly");
    solo.act(|endpoint, now| endpoint.hold(now, call, Some(sdp.into())));
    refuse(&mut solo);
    assert!(!solo.log().contains("failed"), "it waits");
    back(&mut solo);
    let hold = solo.last("INVITE");
    assert_eq!(solo.times("INVITE").len(), 2, "one for both");
    assert!(String::from_utf8_lossy(&hold.bytes()).contains("a=sendonly"));
    solo.log();
    solo.receive(&response(&hold, 200, "", &ANSWER.replace("sendrecv", "recvonly")));
    let log = solo.log();
    assert!(log.contains("done: negotiated") && log.contains("hold: local") && log.contains("recovered"), "{log}");
}

#[test]
fn what_waits_for_a_connection_that_is_being_opened_says_it_all_before_we_are_registered() {
    let (mut solo, call, _) = cut_off();
    solo.at(2500);
    solo.opened();
    let sdp = OFFER.replace("sendrecv", "sendonly");
    solo.act(|endpoint, now| endpoint.hold(now, call, Some(sdp.into())));
    solo.connect(true);
    let hold = solo.last("INVITE");
    solo.log();
    solo.receive(&response(&hold, 200, "", &ANSWER.replace("sendrecv", "recvonly")));
    let log = solo.log();
    assert!(log.contains("hold: local") && log.contains("recovered"), "{log}");
    grant(&mut solo);
    assert_eq!(solo.times("INVITE").len(), 2, "nothing is left to be told");
}

#[test]
fn an_update_over_the_next_connection_does_as_well() {
    let (mut solo, call, _) = cut_off();
    solo.at(2500);
    solo.act(|endpoint, now| endpoint.update(now, call, None));
    solo.connect(true);
    let update = solo.last("UPDATE");
    solo.log();
    solo.receive(&Text::response(&update.bytes(), 200, "").add("Contact", "<sip:alice@192.0.2.1:5060>"));
    let log = solo.log();
    assert!(log.contains("recovered"), "{log}");
    grant(&mut solo);
    assert_eq!(solo.times("INVITE").len(), 1, "nothing is left to be told");
}

#[test]
fn what_is_wanted_without_a_connection_fails_when_there_is_none_for_long() {
    let (mut solo, call, _) = cut_off();
    let started = solo.now();
    solo.act(|endpoint, now| endpoint.info(now, call, "text/plain", "hello".into()));
    let mut log = String::new();
    while !log.contains("failed: connection refused") {
        refuse(&mut solo);
        log.push_str(&solo.log());
        let opened = solo.flows().0;
        while solo.flows().0 == opened {
            let due = solo.endpoint.poll_timeout().expect("it goes on trying").as_millis();
            solo.at(due);
        }
    }
    let took = solo.now() - started;
    assert!((32_000..110_000).contains(&took), "{took} ms");
    assert_eq!(solo.endpoint.census().calls, 1);
}

#[test]
fn an_offer_that_was_on_its_way_is_made_again() {
    let mut solo = solo(|_| {});
    solo.act(Endpoint::register);
    solo.connect(true);
    grant(&mut solo);
    let (call, _) = solo.established();
    let sdp = OFFER.replace("sendrecv", "sendonly");
    solo.act(|endpoint, now| endpoint.hold(now, call, Some(sdp.into())));
    solo.at(500);
    solo.lose(solo.path.flow);
    assert!(!solo.log().contains("failed"));
    back(&mut solo);
    let hold = solo.last("INVITE");
    assert!(String::from_utf8_lossy(&hold.bytes()).contains("a=sendonly"));
    assert_eq!(hold.get("CSeq"), "3 INVITE", "another request");
    solo.receive(&response(&hold, 200, "", &ANSWER.replace("sendrecv", "recvonly")));
    let log = solo.log();
    assert!(log.contains("done: negotiated with sdp") && log.contains("recovered"), "{log}");
}

#[test]
fn a_hang_up_meanwhile_goes_over_the_next_connection() {
    let (mut solo, call, _) = cut_off();
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    refuse(&mut solo);
    back(&mut solo);
    assert_eq!(solo.times("INVITE").len(), 1, "it is ending");
    let bye = solo.last("BYE");
    solo.receive(&Text::response(&bye.bytes(), 200, ""));
    assert!(solo.log().contains("over, by local"));
}

#[test]
fn an_offer_of_theirs_that_comes_first_does_as_well() {
    let (mut solo, call, invite) = cut_off();
    solo.at(2500);
    solo.connect(true);
    let offer = Text::request("INVITE", "z9hG4bK-theirs")
        .set("From", &format!("{};tag=alice", invite.get("To")))
        .set("To", invite.get("From"))
        .set("Call-ID", invite.get("Call-ID"))
        .set("CSeq", "1 INVITE")
        .add("Contact", "<sip:alice@192.0.2.1:5060>")
        .sdp(&OFFER.replace("o=- 1 1", "o=- 1 2").replace("sendrecv", "sendonly"));
    solo.receive(&offer);
    grant(&mut solo);
    solo.act(|endpoint, now| endpoint.accept_offer(now, call, ANSWER.into()));
    let via = "SIP/2.0/WSS df.invalid;branch=z9hG4bK-ack";
    let ack = Text::ack(&offer, "").set("CSeq", "1 ACK").set("To", invite.get("From")).set("Via", via);
    solo.receive(&ack);
    assert!(solo.log().contains("recovered"));
    assert_eq!(solo.times("INVITE").len(), 1, "nothing is left to be told");
}

#[test]
fn a_call_that_rings_is_left_alone() {
    let mut solo = solo(|_| {});
    solo.act(Endpoint::register);
    solo.connect(true);
    grant(&mut solo);
    let invite = Text::request("INVITE", "z9hG4bK-i").add("Contact", "<sip:alice@df.invalid;transport=ws>").sdp(OFFER);
    solo.called(&invite);
    solo.lose(solo.path.flow);
    back(&mut solo);
    assert!(solo.times("INVITE").is_empty());
}

// ---- finding out

#[test]
fn a_look_at_a_lost_connection_tries_it_at_once_and_is_done_when_it_is_up() {
    let (mut solo, ..) = cut_off();
    for _ in 0..4 {
        let opened = solo.flows().0;
        while solo.flows().0 == opened {
            let due = solo.endpoint.poll_timeout().expect("it goes on trying").as_millis();
            solo.at(due);
        }
        refuse(&mut solo);
    }
    let (opened, now) = (solo.flows().0, solo.now());
    solo.log();
    solo.act(Endpoint::check_connection);
    assert_eq!(solo.flows().0, opened + 1);
    solo.connect(true);
    assert!(solo.log().contains(&format!("{now:>6}  done\n")));
    // What failed before was for another network: the next waits begin from the start.
    solo.lose(solo.path.flow);
    let wait = solo.endpoint.poll_timeout().expect("a timer").as_millis() - solo.now();
    assert!((1000..=1500).contains(&wait), "{wait} ms");
}

#[test]
fn a_look_that_finds_no_server_says_so() {
    let (mut solo, ..) = cut_off();
    solo.act(Endpoint::check_connection);
    refuse(&mut solo);
    assert!(solo.log().contains("failed: connection refused"));
    let mut fresh = self::solo(|_| {});
    fresh.act(Endpoint::check_connection);
    assert_eq!(fresh.log(), "     0  failed: connect first\n");
}

/// Registered, with a server that answers pings.
fn answering() -> Solo {
    let mut solo = solo(|config| config.keep_alive = Duration::from_secs(30));
    solo.act(Endpoint::register);
    solo.connect(true);
    grant(&mut solo);
    solo.until("ping", 1);
    solo.bytes("\r\n");
    solo.log();
    solo
}

#[test]
fn a_look_at_a_connection_that_seems_to_be_up_pings_it_and_gives_it_five_seconds() {
    let mut solo = answering();
    solo.at(5000);
    solo.act(Endpoint::check_connection);
    assert_eq!(solo.times("ping"), [1000, 5000]);
    assert_eq!(solo.log(), "");
    solo.at(5040);
    solo.bytes("\r\n");
    assert_eq!(solo.log(), "  5040  done\n");

    solo.at(9000);
    solo.act(Endpoint::check_connection);
    solo.at(13_999);
    assert_eq!(solo.log(), "");
    solo.at(14_000);
    assert!(solo.log().contains("disconnected: the connection is dead"));
    solo.at(15_500);
    solo.connect(true);
    assert!(solo.log().contains("done"));
}

#[test]
fn a_look_at_a_connection_that_answers_no_pings_is_done_at_once() {
    let mut solo = solo(|_| {});
    solo.act(Endpoint::connect);
    solo.connect(true);
    solo.log();
    solo.act(Endpoint::check_connection);
    assert_eq!(solo.log(), "     0  done\n");
}

#[test]
fn whoever_sends_something_after_a_silence_finds_a_dead_connection_within_ten_seconds() {
    let mut solo = answering();
    let (call, _) = solo.established();
    solo.at(8000);
    solo.fresh();
    let sdp = OFFER.replace("sendrecv", "sendonly");
    solo.act(|endpoint, now| endpoint.hold(now, call, Some(sdp.into())));
    assert_eq!(solo.fresh(), ["ping", "INVITE"]);
    solo.at(17_999);
    assert_eq!(solo.log(), "");
    solo.at(18_000);
    let log = solo.log();
    assert!(log.contains("disconnected: the connection is dead") && !log.contains("failed"), "{log}");
    solo.at(19_600);
    solo.connect(true);
    grant(&mut solo);
    assert_eq!(solo.last_path("INVITE"), solo.path);
    assert!(String::from_utf8_lossy(&solo.last("INVITE").bytes()).contains("a=sendonly"), "it goes again");
}

#[test]
fn silence_on_the_whole_connection_is_no_reason_to_hang_up() {
    // A server that answers no pings.
    let mut solo = solo(|config| config.keep_alive = Duration::from_secs(30));
    solo.act(Endpoint::connect);
    solo.connect(true);
    let (call, _) = solo.established();
    solo.act(|endpoint, now| endpoint.hold(now, call, Some(OFFER.into())));
    solo.at(40_000);
    let log = solo.log();
    assert!(log.contains("disconnected: the connection is dead"), "{log}");
    assert!(!log.contains("over, by") && !log.contains("failed"), "{log}");
    let new = solo.connect(true);
    assert_eq!(solo.last_path("INVITE"), new);
}

#[test]
fn servers_with_weights_share_the_load() {
    let first = |seed: u8| {
        let mut config = Config::new("sip:bob@example.com").expect("an address of record");
        let server = |uri: &str, weight| Server::parse(uri).expect("a server").weighted(weight);
        config.server = Some(server("ws://a.example.com", 1));
        config.more_servers = vec![server("ws://b.example.com", 3), server("ws://c.example.com", 0)];
        let mut endpoint = Endpoint::new(config, [seed; 32]);
        endpoint.connect(offhook_core::time::Instant::from_millis(0));
        loop {
            match endpoint.poll_output().expect("a connection is opened") {
                offhook_core::transport::Output::OpenFlow { target, .. } => return target.host,
                _ => continue,
            }
        }
    };
    let hosts: Vec<_> = (0..64).map(first).collect();
    let of = |name: &str| hosts.iter().filter(|host| &***host == name).count();
    let (a, b) = (of("a.example.com"), of("b.example.com"));
    assert_eq!(a + b, 64, "the third is for when both are gone");
    assert!((6..=26).contains(&a), "{a} and {b}");
}

#[test]
fn a_call_made_after_the_loss_is_none_that_was_cut_off() {
    let (mut solo, ..) = cut_off();
    solo.act(|endpoint, now| endpoint.call(now, "alice", CallOptions::with_sdp(OFFER))).expect("a call");
    solo.connect(true);
    grant(&mut solo);
    assert_eq!(solo.times("INVITE").len(), 3, "the new one, and that of the call before");
}

/// Called with an offer that leaves open who opens the media's transport, answered that it is us; then cut off and back. The
/// peer's answer to what is offered then says who it is: `role` is what is left to it.
fn agreed_again(role: &str) -> String {
    let dtls = |sdp: &str, setup: &str| format!("{sdp}a=setup:{setup}\r\na=mid:0\r\n");
    let mut solo = solo(|_| {});
    solo.act(Endpoint::register);
    solo.connect(true);
    grant(&mut solo);
    let invite = Text::request("INVITE", "z9hG4bK-invite").add("Contact", "<sip:alice@192.0.2.1:5060>");
    let invite = invite.sdp(&dtls(OFFER, "actpass"));
    let call = solo.called(&invite);
    solo.act(|endpoint, now| endpoint.answer(now, call, AnswerOptions::with_sdp(dtls(ANSWER, "active"))));
    let tag = solo.last("200 INVITE").get("To").rsplit("tag=").next().expect("a tag").to_owned();
    solo.receive(&Text::ack(&invite, &tag));
    solo.lose(solo.path.flow);
    back(&mut solo);
    solo.log();
    let again = solo.last("INVITE");
    assert!(again.body.contains("a=setup:active"), "{}", again.body);
    solo.receive(&response(&again, 200, "", &dtls(OFFER, role)));
    solo.log().split_whitespace().skip(1).step_by(2).collect::<Vec<_>>().join(" ")
}

#[test]
fn who_opens_the_transport_of_the_media_is_no_news_when_it_was_agreed_on() {
    assert_eq!(agreed_again("passive"), "recovered");
    assert_eq!(agreed_again("active"), "negotiated recovered", "who has changed its mind is heard");
}
