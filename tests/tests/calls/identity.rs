//! Who the other side of a call is: what it says itself, what a trusted network asserts (RFC 3325), how that changes within
//! a call (RFC 4916), and what is told of this side.

use offhook_core::endpoint::{
    AnswerOptions, CallEvent, CallId, CallOptions, Endpoint, Error, Event, FollowOptions, IdentityTrust, Invitation,
    RemoteIdentity, Server,
};
use offhook_core::message::{IdentitySource, NameAddr, Privacy, StatusCode, TargetKind};
use offhook_core::transport::{Path, Transport};
use offhook_tests::endpoint::{ANSWER, OFFER, Pair, Solo, response};
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

const ASSERTED: &str = "\"Bank\" <sip:bank@example.com>";

fn invite() -> Text {
    Text::request("INVITE", "z9hG4bK-invite").add("Contact", "<sip:alice@192.0.2.1:5060>").sdp(OFFER)
}

/// An endpoint whose server is the peer.
fn behind_a_server() -> Solo {
    server_with(IdentityTrust::Server)
}

fn server_with(trust: IdentityTrust) -> Solo {
    let mut solo = Solo::with(|config| {
        config.server = Some(Server::parse("192.0.2.1").expect("a server"));
        config.trust_identity = trust;
    });
    solo.act(|endpoint, now| endpoint.connect(now));
    solo.log();
    solo
}

/// The invitation that an INVITE makes.
#[track_caller]
fn invitation(solo: &mut Solo, invite: &Text) -> (CallId, Invitation) {
    solo.receive(invite);
    let incoming = solo.events().into_iter().find_map(|event| match event {
        Event::Incoming { call, invitation, .. } => Some((call, *invitation)),
        _ => None,
    });
    incoming.unwrap_or_else(|| panic!("no call came, but {:?}", solo.sent()))
}

#[track_caller]
fn identity(solo: &Solo, call: CallId) -> RemoteIdentity {
    solo.endpoint.call_info(call).expect("a call").identity
}

#[track_caller]
fn shown(solo: &Solo, call: CallId) -> String {
    identity(solo, call).shown.as_str().to_owned()
}

/// An incoming call that is answered and acknowledged; our 200.
fn answered(solo: &mut Solo, invite: &Text) -> (CallId, Text) {
    let call = solo.called(invite);
    solo.act(|endpoint, now| endpoint.answer(now, call, AnswerOptions::with_sdp(ANSWER)));
    let answer = solo.last("200 INVITE");
    solo.receive(&within(&answer, "ACK", 7));
    solo.log();
    (call, answer)
}

/// A request of the caller within the dialog of our 200.
fn within(answer: &Text, method: &str, cseq: u32) -> Text {
    Text::request(method, &format!("z9hG4bK-{method}-{cseq}"))
        .set("To", answer.get("To"))
        .set("CSeq", &format!("{cseq} {method}"))
        .add("Contact", "<sip:alice@192.0.2.1:5060>")
}

/// A request of the called side within the dialog of our INVITE.
fn back(invite: &Text, method: &str, cseq: u32) -> Text {
    within(invite, method, cseq)
        .set("From", &format!("{};tag=alice", invite.get("To")))
        .set("To", invite.get("From"))
        .set("Call-ID", invite.get("Call-ID"))
}

/// A call through the server that is established.
fn established(solo: &mut Solo) -> (CallId, Text) {
    let found = solo.established();
    assert!(shown(solo, found.0).contains("sip:alice@192.0.2.1"));
    found
}

fn end(mut solo: Solo, call: CallId) -> Text {
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    let bye = solo.last("BYE");
    solo.respond(&bye, 200, "", "");
    bye
}

// ---- who calls

#[test]
fn the_server_says_who_calls() {
    let mut solo = behind_a_server();
    let invite =
        invite().add("P-Asserted-Identity", &format!("{ASSERTED};x=y")).add("P-Asserted-Identity", "<tel:+4930123456>");
    let (call, invitation) = invitation(&mut solo, &invite);
    let who = invitation.identity;
    assert_eq!((who.shown.as_str(), who.claimed.as_str()), (ASSERTED, "\"Alice\" <sip:alice@example.com>"));
    assert_eq!(who.number.as_ref().map(NameAddr::as_str), Some("<tel:+4930123456>"));
    assert_eq!((who.source, who.screened, who.anonymous), (IdentitySource::PAssertedIdentity, true, false));
    assert!(invitation.trusted);
    assert_eq!(identity(&solo, call), who);
}

#[test]
fn nobody_else_may_say_who_calls() {
    let asserting = invite()
        .add("P-Asserted-Identity", ASSERTED)
        .add("Remote-Party-ID", "<sip:bank@example.com>;party=calling;screen=yes");
    // Without a server nobody is trusted.
    let mut peers = Solo::new();
    let (_, invitation) = self::invitation(&mut peers, &asserting);
    assert_eq!(invitation.identity.shown.as_str(), "\"Alice\" <sip:alice@example.com>");
    assert_eq!((invitation.identity.asserted, invitation.identity.source), (None, IdentitySource::Claimed));
    assert!(!invitation.trusted && !invitation.identity.screened);
    // It is still there to be looked at.
    assert!(invitation.headers.contains(&("P-Asserted-Identity".into(), ASSERTED.into())));

    // With one it is the server alone: not another address, nor a connection from it that it did not get from us.
    let mut solo = behind_a_server();
    let connection = solo.flow(Transport::Tcp);
    let elsewhere = Path { flow: solo.path.flow, remote: ([192, 0, 2, 66], 5060).into() };
    for (path, number) in [(connection, 1), (elsewhere, 2)] {
        let invite = asserting.clone().set("Call-ID", &number.to_string());
        let invite = invite.set("Via", &format!("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-{number}"));
        solo.receive_on(path, &invite);
        let came = solo.events().into_iter().find_map(|event| match event {
            Event::Incoming { invitation, .. } => Some(invitation),
            _ => None,
        });
        assert_eq!(came.expect("a call").identity.source, IdentitySource::Claimed, "{path:?}");
    }
}

#[test]
fn whom_to_believe_is_a_setting() {
    let asserting = invite().add("P-Asserted-Identity", ASSERTED);
    let mut solo = server_with(IdentityTrust::Never);
    assert!(!invitation(&mut solo, &asserting).1.trusted);
    let mut solo = Solo::with(|config| config.trust_identity = IdentityTrust::Always);
    assert_eq!(invitation(&mut solo, &asserting).1.identity.shown.as_str(), ASSERTED);
    for (text, trust) in
        [("never", IdentityTrust::Never), ("server", IdentityTrust::Server), ("always", IdentityTrust::Always)]
    {
        assert_eq!(IdentityTrust::parse(text), Some(trust));
    }
    assert_eq!(IdentityTrust::parse("some"), None);
}

#[test]
fn who_asks_for_privacy_is_not_shown() {
    let mut solo = behind_a_server();
    let invite = invite()
        .set("From", "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=alice")
        .add("Privacy", "id")
        .add("P-Asserted-Identity", ASSERTED);
    let (_, invitation) = invitation(&mut solo, &invite);
    let who = invitation.identity;
    assert!(who.anonymous && who.privacy.id);
    assert_eq!(who.shown.as_str(), "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
    assert_eq!(who.asserted.as_ref().map(NameAddr::as_str), Some(ASSERTED));
}

#[test]
fn the_older_header_field_of_the_server_counts_too() {
    let mut solo = behind_a_server();
    let invite = invite().add("Remote-Party-ID", "\"Bank\" <sip:bank@example.com>;party=calling;screen=no;privacy=off");
    let (_, invitation) = invitation(&mut solo, &invite);
    let who = invitation.identity;
    assert_eq!((who.shown.as_str(), who.source), (ASSERTED, IdentitySource::RemotePartyId));
    assert!(!who.screened && !who.anonymous);
}

#[test]
fn how_a_call_came_here_is_told() {
    let mut solo = behind_a_server();
    let invite = invite()
        .add("Diversion", "<sip:dora@example.com>;reason=no-answer;privacy=full, <sip:cut")
        .add("Diversion", "\"Carl\" <sip:carl@example.com>;reason=user-busy;counter=2")
        .add("History-Info", "<sip:carl@example.com>;index=1, bad")
        .add("History-Info", "\"Dora\" <sip:dora@example.com?Privacy=history&Reason=SIP%3Bcause%3D486>;index=1.1;mp=1");
    let (_, invitation) = invitation(&mut solo, &invite);
    let diversions = &invitation.diversions;
    let counters: Vec<_> = diversions.iter().map(|diverted| (diverted.counter, diverted.private)).collect();
    assert_eq!(counters, [(1, true), (2, false)]);
    let diversions: Vec<_> =
        diversions.iter().map(|diverted| (diverted.diverter.as_str(), diverted.reason.as_deref())).collect();
    let expected =
        [("<sip:dora@example.com>", Some("no-answer")), ("\"Carl\" <sip:carl@example.com>", Some("user-busy"))];
    assert_eq!(diversions, expected);
    let targets: Vec<_> = invitation.targets.iter().map(|past| (past.target.as_str(), &*past.index)).collect();
    assert_eq!(targets, [("<sip:carl@example.com>", "1"), ("\"Dora\" <sip:dora@example.com>", "1.1")]);
    let [first, second] = &invitation.targets[..] else { panic!("two") };
    assert_eq!((&first.found, first.cause, first.private), (&None, None, false));
    let found = Some((TargetKind::MappedToOther, "1".into()));
    assert_eq!((&second.found, second.cause, second.private), (&found, Some(486), true));
}

// ---- who answers, and who is there later

#[test]
fn whoever_answers_is_told_once() {
    let mut solo = behind_a_server();
    let (call, invite) = solo.call();
    solo.log();
    assert_eq!(shown(&solo, call), "<sip:alice@192.0.2.1>");
    let asserting = |status| response(&invite, status, "alice", "").add("P-Asserted-Identity", ASSERTED);
    solo.receive(&asserting(180));
    solo.receive(&asserting(183));
    // One that asserts nothing changes nothing.
    solo.respond(&invite, 200, "alice", ANSWER);
    expect(
        &solo.log(),
        "
             0  identity: \"Bank\" <sip:bank@example.com> instead of <sip:alice@192.0.2.1>
             0  ringing (180 Whatever)
             0  progress 180 Whatever
             0  progress 183 Whatever
             0  answered (200 Whatever)
             0  answered with sdp
             0  established (ACK sent)
        ",
    );
    assert_eq!(identity(&solo, call).claimed.as_str(), "<sip:alice@192.0.2.1>");
}

#[test]
fn another_fork_is_somebody_else() {
    let mut solo = behind_a_server();
    let (call, invite) = solo.call();
    solo.receive(&response(&invite, 180, "one", "").add("P-Asserted-Identity", ASSERTED));
    assert_eq!(shown(&solo, call), ASSERTED);
    solo.respond(&invite, 200, "two", ANSWER);
    assert_eq!(shown(&solo, call), "<sip:alice@192.0.2.1>");
}

#[test]
fn a_transfer_behind_the_server_is_told() {
    let mut solo = behind_a_server();
    let (call, answer) = answered(&mut solo, &invite());
    solo.receive(&within(&answer, "UPDATE", 8).add("P-Asserted-Identity", ASSERTED));
    let carol = within(&answer, "INVITE", 9).sdp(&OFFER.replace(" 1 1 IN", " 1 2 IN").replace("4000", "4400"));
    solo.receive(&carol.add("P-Asserted-Identity", "\"Carol\" <sip:carol@example.com>"));
    expect(
        &solo.log(),
        "
             0  identity: \"Bank\" <sip:bank@example.com> instead of \"Alice\" <sip:alice@example.com>
             0  offer with sdp
        ",
    );
    // Agreed to, it is so.
    solo.act(|endpoint, now| endpoint.accept_offer(now, call, ANSWER.into()));
    solo.receive(&within(&answer, "ACK", 9));
    expect(
        &solo.log(),
        "
             0  identity: \"Carol\" <sip:carol@example.com> instead of \"Bank\" <sip:bank@example.com>
             0  done
        ",
    );
    // To the dialog nobody else has come.
    assert_eq!(end(solo, call).get("To"), "Alice <sip:alice@example.com>;tag=alice");
}

#[test]
fn an_offer_that_is_refused_changes_nobody() {
    let mut solo = behind_a_server();
    let (call, answer) = answered(&mut solo, &invite());
    let offer = OFFER.replace(" 1 1 IN", " 1 2 IN").replace("4000", "4400");
    let carol = within(&answer, "INVITE", 8).set("From", "<sip:carol@example.com>;tag=alice").sdp(&offer);
    solo.receive(&carol.add("P-Asserted-Identity", ASSERTED));
    solo.act(|endpoint, now| endpoint.reject_offer(now, call, StatusCode::NOT_ACCEPTABLE_HERE));
    solo.log();
    assert_eq!(shown(&solo, call), "\"Alice\" <sip:alice@example.com>");
    assert_eq!(end(solo, call).get("To"), "Alice <sip:alice@example.com>;tag=alice");
}

#[test]
fn the_answers_to_our_requests_say_it_too() {
    let mut solo = behind_a_server();
    let (call, _) = established(&mut solo);
    solo.act(|endpoint, now| endpoint.update(now, call, None));
    let update = solo.last("UPDATE");
    solo.receive(&response(&update, 200, "", "").add("P-Asserted-Identity", ASSERTED));
    solo.act(|endpoint, now| endpoint.renegotiate(now, call, OFFER.replace(" 1 1 IN", " 1 2 IN").into()));
    let reinvite = solo.last("INVITE");
    let two = ANSWER.replace(" 1 1 IN", " 1 2 IN");
    let carol = "<sip:carol@example.com>;party=called;privacy=off";
    solo.receive(&response(&reinvite, 200, "", &two).add("Remote-Party-ID", carol));
    expect(
        &solo.log(),
        "
             0  identity: \"Bank\" <sip:bank@example.com> instead of <sip:alice@192.0.2.1>
             0  done: negotiated
             0  identity: <sip:carol@example.com> instead of \"Bank\" <sip:bank@example.com>
             0  done: negotiated with sdp
        ",
    );
}

#[test]
fn another_from_is_another_name() {
    let mut solo = Solo::new();
    let (call, invite) = established(&mut solo);
    assert!(invite.get("Supported").contains("from-change"));
    let carol = back(&invite, "UPDATE", 1).set("From", "\"Carol\" <sip:carol@example.com>;tag=alice");
    solo.receive(&carol);
    // It is nobody's assertion, whatever it says.
    let again = back(&invite, "UPDATE", 2).set("From", carol.get("From"));
    solo.receive(&again.add("P-Asserted-Identity", ASSERTED));
    expect(&solo.log(), "     0  identity: \"Carol\" <sip:carol@example.com> instead of <sip:alice@192.0.2.1>\n");
    let who = identity(&solo, call);
    assert_eq!((who.source, who.asserted), (IdentitySource::Claimed, None));
    assert_eq!(solo.endpoint.call_info(call).expect("a call").remote.as_str(), "\"Carol\" <sip:carol@example.com>");
    // From now on it is who our requests are for (RFC 4916 4.4.2).
    assert_eq!(end(solo, call).get("To"), "\"Carol\" <sip:carol@example.com>;tag=alice");
}

#[test]
fn a_from_without_its_name_is_the_same() {
    let mut solo = Solo::new();
    let (call, answer) = answered(&mut solo, &invite());
    for (from, cseq) in [("<sip:alice@example.com>", 8), ("<sip:alice@EXAMPLE.com>", 9)] {
        solo.receive(&within(&answer, "UPDATE", cseq).set("From", &format!("{from};tag=alice")));
    }
    assert_eq!(solo.log(), "");
    assert_eq!(shown(&solo, call), "\"Alice\" <sip:alice@example.com>");
}

#[test]
fn what_somebody_says_itself_does_not_replace_what_the_server_asserts() {
    let mut solo = behind_a_server();
    let (call, answer) = answered(&mut solo, &invite().add("P-Asserted-Identity", "<sip:mallory@example.com>"));
    solo.receive(&within(&answer, "UPDATE", 8).set("From", "\"Bank\" <sip:bank@example.com>;tag=alice"));
    let who = identity(&solo, call);
    assert_eq!((who.shown.as_str(), who.claimed.as_str()), ("<sip:mallory@example.com>", ASSERTED));
    assert!(solo.log().contains("identity: <sip:mallory@example.com> instead of <sip:mallory@example.com>"));
}

#[test]
fn a_request_that_is_on_its_way_outlives_a_change_of_name() {
    let mut solo = Solo::new();
    let (call, invite) = established(&mut solo);
    solo.act(|endpoint, now| endpoint.update(now, call, None));
    let update = solo.last("UPDATE");
    solo.receive(&back(&invite, "UPDATE", 1).set("From", "<sip:carol@example.com>;tag=alice"));
    // Its answer, whose To is the old one, still moves the target.
    solo.receive(&response(&update, 200, "", "").set("Contact", "<sip:desk@192.0.2.1>"));
    assert!(solo.log().contains("done: negotiated"));
    assert_eq!(end(solo, call).start, "BYE sip:desk@192.0.2.1 SIP/2.0");
}

// ---- who we are

fn call_with(solo: &mut Solo, options: CallOptions) -> Result<CallId, Error> {
    solo.act(|endpoint, now| endpoint.call(now, "sip:alice@192.0.2.1", options))
}

fn options() -> CallOptions {
    CallOptions::with_sdp(OFFER)
}

fn preferred() -> NameAddr {
    NameAddr::parse("\"Sales\" <sip:sales@example.com>;tag=1").expect("an address")
}

#[test]
fn one_of_our_identities_is_preferred() {
    let mut solo = behind_a_server();
    call_with(&mut solo, options().preferring(preferred())).expect("a call");
    let invite = solo.last("INVITE");
    assert_eq!(invite.get("P-Preferred-Identity"), "\"Sales\" <sip:sales@example.com>");
    assert!(invite.get("From").contains("sip:bob@example.com") && invite.get("Privacy").is_empty());
}

#[test]
fn it_is_told_to_no_stranger() {
    let refused = |result: Result<CallId, Error>| match result {
        Err(Error::Input(error)) => error.field.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(call_with(&mut Solo::new(), options().preferring(preferred()))), "preferredIdentity");
    let mut solo = server_with(IdentityTrust::Never);
    assert_eq!(refused(call_with(&mut solo, options().preferring(preferred()))), "preferredIdentity");
    let mail = NameAddr::parse("<mailto:bob@example.com>").expect("an address");
    assert_eq!(refused(call_with(&mut behind_a_server(), options().preferring(mail))), "preferredIdentity");
    for bad in ["critical", "none;id"] {
        let result = call_with(&mut behind_a_server(), options().with_privacy(Privacy::parse(bad)));
        assert_eq!(refused(result), "privacy", "{bad}");
    }
    let both = options().with_privacy(Privacy::parse("none")).anonymously();
    assert_eq!(refused(call_with(&mut behind_a_server(), both)), "privacy");
    assert_eq!(solo.endpoint.census().calls, 0);
}

#[test]
fn privacy_is_asked_for_in_every_request() {
    let mut solo = behind_a_server();
    let privacy = Privacy::parse("id;header;critical");
    let call = call_with(&mut solo, options().with_privacy(privacy)).expect("a call");
    let invite = solo.last("INVITE");
    assert_eq!((invite.get("Privacy"), invite.get("Proxy-Require")), ("header;id;critical", "privacy"));
    assert!(invite.get("From").contains("sip:bob@example.com"));
    solo.respond(&invite, 200, "alice", ANSWER);
    solo.act(|endpoint, now| endpoint.update(now, call, None));
    let update = solo.last("UPDATE");
    assert_eq!((update.get("Privacy"), update.get("Proxy-Require")), ("header;id;critical", ""));
    assert_eq!(end(solo, call).get("Privacy"), "header;id;critical");
}

#[test]
fn an_anonymous_call_does_not_say_who_calls() {
    let mut solo = Solo::with(|config| config.display_name = Some("Bob".into()));
    let call = call_with(&mut solo, options().anonymously()).expect("a call");
    let invite = solo.last("INVITE");
    let from = invite.get("From").to_owned();
    assert!(from.starts_with("\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag="), "{from}");
    assert_eq!((invite.get("Privacy"), invite.get("Contact")), ("id", "<sip:anonymous@192.0.2.9:5060>"));
    solo.respond(&invite, 200, "alice", ANSWER);
    // Neither do what follows, an answer, or a transfer.
    solo.receive(&back(&invite, "UPDATE", 1));
    assert_eq!(solo.last("200 UPDATE").get("Contact"), "<sip:anonymous@192.0.2.9:5060>");
    let transfer =
        |endpoint: &mut Endpoint, now| endpoint.transfer(now, call, "sip:carol@192.0.2.1", Default::default());
    solo.act(transfer).expect("a transfer");
    let refer = solo.last("REFER");
    assert_eq!((refer.get("From"), refer.get("Privacy"), refer.get("Referred-By")), (from.as_str(), "id", ""));
    solo.respond(&refer, 603, "", "");
    let bye = end(solo, call);
    for message in [&invite, &refer, &bye] {
        let text = String::from_utf8_lossy(&message.bytes()).to_lowercase();
        assert!(!text.contains("bob"), "{text}");
    }
}

#[test]
fn whoever_is_unknown_stays_so_to_whom_it_is_sent() {
    let mut solo = Solo::new();
    call_with(&mut solo, options().anonymously()).expect("a call");
    let invite = solo.last("INVITE");
    solo.respond(&invite, 200, "alice", ANSWER);
    solo.receive(&back(&invite, "REFER", 1).add("Refer-To", "<sip:carol@192.0.2.1>"));
    let request = solo.events().into_iter().find_map(|event| match event {
        Event::TransferRequested { request, .. } => Some(request),
        _ => None,
    });
    let follow = FollowOptions::with_sdp(OFFER);
    solo.act(|endpoint, now| endpoint.accept_transfer(now, request.expect("a request"), follow)).expect("a call");
    let followed = solo.last("INVITE");
    assert!(followed.start.contains("carol"));
    assert!(followed.get("From").contains("anonymous.invalid"));
    assert_eq!(followed.get("Privacy"), "id");
}

#[test]
fn between_two_of_us_the_caller_is_unknown_and_reached() {
    let mut pair = Pair::new();
    let call = |alice: &mut Endpoint, now| alice.call(now, "sip:bob@10.0.0.2", options().anonymously());
    pair.net.with(pair.alice, call).expect("a call");
    let there = pair.incoming(pair.bob);
    let who = pair.info(pair.bob, there).expect("a call").identity;
    assert!(who.anonymous && who.shown.as_str().contains("anonymous.invalid"));
    pair.answer(there);
    pair.net.run_for(std::time::Duration::from_millis(50));
    pair.net.with(pair.bob, |bob, now| bob.hangup(now, there, None));
    pair.finish();
    let ended = pair.net.events(pair.alice).iter().find_map(|(_, event)| match event {
        Event::Call { event: CallEvent::Ended(end), .. } => Some(end),
        _ => None,
    });
    assert!(ended.is_some_and(|end| end.error.is_none()), "{}", pair.net.ladder());
}
