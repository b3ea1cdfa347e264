//! REFER seen from the wire (RFC 3515, 7647, 4488, 4538): the test plays the other side.

use offhook_core::endpoint::{
    AnswerOptions, CallId, Endpoint, Event, FollowOptions, TransferId, TransferOptions, TransferRequest,
    TransferRequestId,
};
use offhook_core::message::StatusCode;
use offhook_tests::endpoint::{ANSWER, OFFER, Solo, response};
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

// ---- asked for by us; the peer is Alice, called by Bob

/// A call that is being transferred to Carol, and the REFER.
fn referred(solo: &mut Solo, options: TransferOptions) -> (CallId, TransferId, Text) {
    let (call, _) = solo.established();
    let target = "sip:carol@example.com?Subject=about%20x";
    let transfer = solo.act(|endpoint, now| endpoint.transfer(now, call, target, options)).expect("on its way");
    (call, transfer, solo.last("REFER"))
}

/// Alice's NOTIFY in the dialog of a REFER, with a status line if it is not empty.
fn notify(refer: &Text, cseq: u32, state: &str, status: &str) -> Text {
    let id = refer.get("CSeq").split(' ').next().unwrap_or_default();
    let notify = Text::new("NOTIFY sip:bob@192.0.2.9:5060 SIP/2.0")
        .add("Via", &format!("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-{}-{cseq}", refer.get("Call-ID")))
        .add("Max-Forwards", "70")
        .add("From", refer.get("To"))
        .add("To", refer.get("From"))
        .add("Call-ID", refer.get("Call-ID"))
        .add("CSeq", &format!("{cseq} NOTIFY"))
        .add("Contact", "<sip:alice@192.0.2.1:5060>")
        .add("Event", &format!("refer;id={id}"))
        .add("Subscription-State", state)
        .add("Content-Length", "0");
    if status.is_empty() { notify } else { notify.body("message/sipfrag", &format!("SIP/2.0 {status}\r\n")) }
}

#[test]
fn what_a_refer_says() {
    let mut solo = Solo::new();
    let (_, _, refer) = referred(&mut solo, TransferOptions::default().header("X-Why", "just so"));
    assert_eq!(refer.start, "REFER sip:alice@192.0.2.1:5060 SIP/2.0");
    assert!(refer.get("To").ends_with(";tag=alice"), "within the call, whose other side is no GRUU");
    assert_eq!(refer.get("CSeq"), "2 REFER");
    assert_eq!(refer.all("Refer-To"), ["<sip:carol@example.com?Subject=about%20x>"]);
    assert_eq!(refer.get("Referred-By"), "<sip:bob@example.com>");
    assert_eq!(refer.get("Contact"), "<sip:bob@192.0.2.9:5060>");
    assert_eq!(refer.get("X-Why"), "just so");
    assert!(refer.get("Refer-Sub").is_empty() && refer.get("Target-Dialog").is_empty());
    for option in ["replaces", "norefersub", "tdialog"] {
        assert!(refer.get("Supported").contains(option), "{option}");
    }
}

/// The other side's yes is not the end of it (diago#162). Without the last NOTIFY nothing is left (diago#147).
#[test]
fn a_transfer_without_an_outcome_ends() {
    let mut solo = Solo::new();
    let (call, _, refer) = referred(&mut solo, TransferOptions::default());
    solo.respond(&refer, 202, "", "");
    expect(&solo.log(), "     0  transfer accepted");
    solo.receive(&notify(&refer, 1, "active;expires=3600", "100 Trying"));
    solo.last("200 NOTIFY");
    expect(&solo.log(), "     0  transfer: 100 Trying");
    solo.at(179_999);
    assert_eq!(solo.log(), "");
    solo.at(180_000);
    expect(&solo.log(), "180000  not transferred: no answer in time (timer N)");
    let end = solo.last("SUBSCRIBE");
    assert_eq!((end.get("Expires"), end.get("Event")), ("0", "refer;id=2"));
    solo.respond(&end, 200, "", "");
    solo.receive(&notify(&refer, 2, "active", "180 Ringing"));
    solo.receive(&notify(&refer, 3, "terminated;reason=timeout", "180 Ringing"));
    solo.receive(&notify(&refer, 4, "terminated;reason=noresource", "200 OK"));
    assert_eq!(solo.log(), "", "too late");
    solo.last("481 NOTIFY");
    assert_eq!(solo.endpoint.call_info(call).expect("a call").state.name(), "established");
    hangup(&mut solo, call);
    solo.finish();
}

fn hangup(solo: &mut Solo, call: CallId) {
    solo.act(|endpoint, now| endpoint.hangup(now, call, None));
    let bye = solo.last("BYE");
    solo.respond(&bye, 200, "", "");
    solo.log();
}

/// No NOTIFY at all: timer N (RFC 6665 4.1.2.4).
#[test]
fn a_transfer_nobody_reports_ends() {
    let mut solo = Solo::new();
    let (call, _, refer) = referred(&mut solo, TransferOptions::default());
    solo.respond(&refer, 202, "", "");
    solo.at(32_000);
    expect(&solo.log(), "     0  transfer accepted\n 32000  not transferred: no answer in time (timer N)");
    hangup(&mut solo, call);
    solo.finish();
}

/// Many NOTIFYs are faster than the answer to the REFER, and many that are the last do not say so.
#[test]
fn an_outcome_counts_whenever_and_however_it_comes() {
    for (state, ends) in [("terminated;reason=noresource", 0), ("active;expires=60", 1)] {
        let mut solo = Solo::new();
        let (_, _, refer) = referred(&mut solo, TransferOptions::default());
        solo.receive(&notify(&refer, 1, state, "200 OK"));
        expect(
            &solo.log(),
            "
                0  transfer accepted
                0  transfer: 200 OK
                0  transferred: 200 OK
                0  ending (BYE sent)
            ",
        );
        solo.respond(&refer, 202, "", "");
        let bye = solo.last("BYE");
        solo.respond(&bye, 200, "", "");
        assert_eq!(solo.times("SUBSCRIBE").len(), ends, "a subscription that goes on is ended");
        if ends > 0 {
            let end = solo.last("SUBSCRIBE");
            solo.respond(&end, 481, "", "");
        }
        solo.log();
        solo.finish();
    }
}

#[test]
fn what_ends_a_report_without_an_outcome() {
    for (state, status, told) in [
        ("terminated;reason=noresource", "100 Trying", "transferred, perhaps: noresource"),
        ("terminated", "", "transferred, perhaps: "),
        ("terminated;reason=timeout", "180 Ringing", "not transferred: no answer in time (timer N)"),
        ("terminated;reason=giveup", "", "not transferred: no answer in time (timer N)"),
        ("terminated;reason=rejected", "603 Declined", "not transferred: 603 Declined"),
        ("active;expires=60", "503 Service Unavailable", "not transferred: 503 Service Unavailable"),
    ] {
        let mut solo = Solo::new();
        let (call, _, refer) = referred(&mut solo, TransferOptions::default());
        solo.respond(&refer, 202, "", "");
        solo.receive(&notify(&refer, 1, state, status));
        let log = solo.log();
        assert_eq!(log.lines().last().map(|line| line.trim_start_matches([' ', '0'])), Some(told), "{state}");
        assert!(solo.times("BYE").is_empty(), "{state}: nothing is known to have worked");
        assert!(solo.endpoint.call_info(call).is_some());
    }
}

/// Some leave the number out where it is the only REFER (RFC 3515 2.4.6), or write the body as they like.
#[test]
fn reports_are_read_with_forbearance() {
    let mut solo = Solo::new();
    let (_, _, refer) = referred(&mut solo, TransferOptions::default());
    solo.respond(&refer, 202, "", "");
    solo.receive(&notify(&refer, 1, "active", "100 Trying").set("Event", "refer"));
    let bare = notify(&refer, 2, "active", "").body("message/sipfrag;version=2.0", "SIP/2.0 183 Session Progress");
    solo.receive(&bare.set("Event", "refer"));
    let other = notify(&refer, 3, "active", "200 OK").set("Event", "refer;id=77");
    solo.receive(&other);
    solo.last("481 NOTIFY");
    solo.receive(&notify(&refer, 4, "active", "").body("text/plain", "hello"));
    let busy = "SIP/2.0 486 Busy\r\nReason: Q.850;cause=17\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n";
    solo.receive(&notify(&refer, 5, "terminated", "").body("message/sipfrag", busy));
    expect(
        &solo.log(),
        "
            0  transfer accepted
            0  transfer: 100 Trying
            0  transfer: 183 Session Progress
            0  transfer: 486 Busy
            0  not transferred: 486 Busy
        ",
    );
}

#[test]
fn a_refer_that_is_refused() {
    for status in [403, 405, 603] {
        let mut solo = Solo::new();
        let (call, _, refer) = referred(&mut solo, TransferOptions::default());
        solo.respond(&refer, status, "", "");
        expect(&solo.log(), &format!("     0  not transferred: {status} Whatever"));
        hangup(&mut solo, call);
        solo.finish();
    }
    // One that the other side knows nothing of any more ends the call (RFC 5057 5.1).
    let mut solo = Solo::new();
    let (_, _, refer) = referred(&mut solo, TransferOptions::default());
    solo.respond(&refer, 481, "", "");
    assert!(solo.log().contains("over, by remote, 481"));
    solo.finish();
}

/// A challenge makes another REFER, and its number is the one the reports bear.
#[test]
fn a_refer_that_is_challenged() {
    let mut solo = Solo::with(|config| {
        config.credentials.push(offhook_core::auth::Credential::password("bob", "secret"));
    });
    let (_, _, refer) = referred(&mut solo, TransferOptions::default());
    let challenge = response(&refer, 407, "", "").add("Proxy-Authenticate", "Digest realm=\"x\", nonce=\"n\"");
    solo.receive(&challenge);
    let again = solo.last("REFER");
    assert_eq!((again.get("CSeq"), again.get("Refer-To")), ("3 REFER", refer.get("Refer-To")));
    solo.respond(&again, 202, "", "");
    solo.receive(&notify(&refer, 1, "active", "100 Trying"));
    solo.last("481 NOTIFY");
    solo.receive(&notify(&again, 2, "active", "180 Ringing"));
    assert!(solo.log().ends_with("transfer: 180 Ringing\n"));
}

/// Nobody is to be told, and nobody waits (RFC 4488); the other side may insist.
#[test]
fn a_transfer_that_is_not_followed() {
    let mut solo = Solo::new();
    let (call, _, refer) = referred(&mut solo, TransferOptions::default().quiet());
    assert_eq!(refer.get("Refer-Sub"), "false");
    solo.receive(&response(&refer, 200, "", "").add("Refer-Sub", "false"));
    expect(&solo.log(), "     0  transfer accepted\n     0  transferred, perhaps: Whatever");
    hangup(&mut solo, call);
    solo.finish();
    let mut solo = Solo::new();
    let (_, _, refer) = referred(&mut solo, TransferOptions::default().quiet());
    solo.respond(&refer, 200, "", "");
    solo.receive(&notify(&refer, 1, "terminated;reason=noresource", "200 OK"));
    assert!(solo.log().contains("transferred: 200 OK"));
}

/// A GRUU is asked outside of the call, which the request names (RFC 7647 4).
#[test]
fn a_refer_to_a_gruu_has_a_dialog_of_its_own() {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    let contact = "<sip:alice@192.0.2.1:5060;gr=desk>";
    solo.receive(&response(&invite, 200, "alice", ANSWER).set("Contact", contact));
    solo.log();
    let options = TransferOptions::default();
    solo.act(|endpoint, now| endpoint.transfer(now, call, "sip:carol@example.com", options)).expect("on its way");
    let refer = solo.last("REFER");
    assert_eq!(refer.start, "REFER sip:alice@192.0.2.1:5060;gr=desk SIP/2.0");
    assert_eq!(refer.get("To"), "<sip:alice@192.0.2.1:5060;gr=desk>");
    assert_ne!(refer.get("Call-ID"), invite.get("Call-ID"));
    let tag = invite.get("From").rsplit_once("tag=").expect("a tag").1;
    assert_eq!(refer.get("Target-Dialog"), format!("{};local-tag=alice;remote-tag={tag}", invite.get("Call-ID")));
    assert_eq!(refer.get("Require"), "tdialog");
    solo.respond(&refer, 200, "gruu", "");
    let notify = notify(&refer, 1, "terminated;reason=noresource", "200 OK");
    solo.receive(&notify.set("From", &format!("{};tag=gruu", refer.get("To"))));
    assert!(solo.log().contains("transferred: 200 OK"));
    let bye = solo.last("BYE");
    assert_eq!(bye.get("Call-ID"), invite.get("Call-ID"));
    solo.respond(&bye, 200, "", "");
    solo.finish();
}

#[test]
fn a_refer_without_a_call() {
    let mut solo = Solo::new();
    let refer = |endpoint: &mut Endpoint, now| {
        endpoint.refer(now, "sip:desk@192.0.2.1", "sip:carol@example.com", TransferOptions::default())
    };
    solo.act(refer).expect("on its way");
    let refer = solo.last("REFER");
    assert_eq!((refer.get("To"), refer.get("Target-Dialog")), ("<sip:desk@192.0.2.1>", ""));
    solo.respond(&refer, 202, "desk", "");
    let in_dialog =
        |cseq, state, status| notify(&refer, cseq, state, status).set("From", &format!("{};tag=desk", refer.get("To")));
    solo.receive(&in_dialog(1, "active;expires=60", "100 Trying"));
    solo.receive(&in_dialog(2, "terminated;reason=noresource", "200 OK"));
    expect(
        &solo.log(),
        "
            0  transfer accepted
            0  transfer: 100 Trying
            0  transfer: 200 OK
            0  transferred: 200 OK
        ",
    );
    solo.finish();
}

// ---- asked of us; the peer is Alice, who called Bob

fn called(solo: &mut Solo) -> (CallId, Text) {
    let invite = Text::request("INVITE", "z9hG4bK-invite").add("Contact", "<sip:alice@192.0.2.1:5060>").sdp(OFFER);
    let call = solo.called(&invite);
    solo.act(|endpoint, now| endpoint.answer(now, call, AnswerOptions::with_sdp(ANSWER)));
    let answer = solo.last("200 INVITE");
    solo.receive(&within(&answer, "ACK", 7));
    assert!(solo.log().contains("established"));
    (call, answer)
}

fn within(answer: &Text, method: &str, cseq: u32) -> Text {
    Text::request(method, &format!("z9hG4bK-{method}-{cseq}"))
        .set("To", answer.get("To"))
        .set("CSeq", &format!("{cseq} {method}"))
        .add("Contact", "<sip:alice@192.0.2.1:5060>")
}

fn asked(solo: &mut Solo) -> Option<(TransferRequestId, TransferRequest)> {
    solo.events().into_iter().find_map(|event| match event {
        Event::TransferRequested { request, asked, .. } => Some((request, *asked)),
        _ => None,
    })
}

/// What a REFER with these Refer-To lines is answered with; nobody is told.
#[track_caller]
fn refused(targets: &[&str], status: u16) {
    let mut solo = Solo::new();
    let (_, answer) = called(&mut solo);
    let refer = targets.iter().fold(within(&answer, "REFER", 8), |refer, target| refer.add("Refer-To", target));
    solo.receive(&refer);
    solo.last(&format!("{status} REFER"));
    assert!(asked(&mut solo).is_none());
    // Outside of a call it is the same.
    let refer = Text::request("REFER", "z9hG4bK-outside").set("Call-ID", "b").add("Contact", "<sip:a@192.0.2.1>");
    solo.receive(&targets.iter().fold(refer, |refer, target| refer.add("Refer-To", target)));
    assert_eq!(solo.last(&format!("{status} REFER")).get("Call-ID"), "b");
    assert!(asked(&mut solo).is_none());
}

#[test]
fn what_is_refused_at_once() {
    refused(&[], 400);
    refused(&["<sip:carol@example.com>", "<sip:dave@example.com>"], 400);
    refused(&["<sip:carol@example.com>, <sip:dave@example.com>"], 400);
    refused(&["carol"], 400);
    refused(&["<sip:carol@example.com:x>"], 400);
    refused(&["<http://example.com/>"], 416);
    refused(&["<urn:service:sos>"], 416);
    refused(&["<sip:carol@example.com;method=BYE>"], 501);
    refused(&["<sip:carol@example.com;method=SUBSCRIBE>"], 501);
    refused(&["<sip:carol@example.com?Replaces=x>"], 400);
}

/// The target is this phone itself, by its address, its contact, or a call of its own (baresip#3763).
#[test]
fn a_refer_to_ourselves_is_refused() {
    refused(&["<sip:bob@example.com>"], 482);
    refused(&["<sip:bob@EXAMPLE.com:5060;transport=tcp>"], 482);
    refused(&["<sip:bob@192.0.2.9:5060>"], 482);
    let mut solo = Solo::new();
    let (_, answer) = called(&mut solo);
    let tag = answer.get("To").rsplit_once("tag=").expect("a tag").1;
    for (cseq, (to, from)) in [("alice", tag), (tag, "alice")].into_iter().enumerate() {
        let target = format!("<sip:alice@192.0.2.1?Replaces=a-call%3Bto-tag%3D{to}%3Bfrom-tag%3D{from}>");
        solo.receive(&within(&answer, "REFER", 8 + cseq as u32).add("Refer-To", &target));
    }
    assert_eq!(solo.times("482 REFER").len(), 2);
    assert!(asked(&mut solo).is_none());
}

#[test]
fn one_request_at_a_time_and_only_in_a_call_that_is_up() {
    let mut solo = Solo::new();
    let (_, answer) = called(&mut solo);
    solo.receive(&within(&answer, "REFER", 8).add("Refer-To", "<sip:carol@example.com>"));
    assert!(asked(&mut solo).is_some());
    solo.receive(&within(&answer, "REFER", 9).add("Refer-To", "<sip:dave@example.com>"));
    solo.last("491 REFER");
    assert!(asked(&mut solo).is_none());
}

/// What stands in the URI is followed as far as it does no harm (RFC 3261 19.1.5).
#[test]
fn header_fields_of_the_target() {
    let mut solo = Solo::new();
    let (call, answer) = called(&mut solo);
    let target = "<sip:carol@192.0.2.1?Replaces=x%3Bto-tag%3Da%3Bfrom-tag%3Db&Require=100rel&From=x&Subject=hi\
        &Subject=ho&P-Asserted-Identity=x&Route=%3Csip:evil%3E&Authorization=x&X-Any=1&Accept-Contact=*%3Baudio\
        &Priority=a%0D%0AX:1&body=x>";
    let refer =
        within(&answer, "REFER", 8).add("Refer-To", target).add("Referred-By", "Al <sip:alice@example.com>;x=y");
    solo.receive(&refer);
    let (request, asked) = asked(&mut solo).expect("told");
    assert_eq!((asked.call, asked.target.headers.len()), (Some(call), 12));
    let options = FollowOptions::with_sdp(OFFER).header("X-Ours", "1");
    solo.act(|endpoint, now| endpoint.accept_transfer(now, request, options)).expect("a call");
    let invite = solo.last("INVITE");
    assert_eq!(invite.start, "INVITE sip:carol@192.0.2.1 SIP/2.0");
    assert_eq!(invite.all("Replaces"), ["x;to-tag=a;from-tag=b"]);
    assert_eq!((invite.all("Require"), invite.all("Subject")), (vec!["replaces"], vec!["hi"]));
    assert_eq!((invite.get("Accept-Contact"), invite.get("Referred-By")), ("*;audio", "<sip:alice@example.com>"));
    assert_eq!(invite.get("X-Ours"), "1");
    for name in ["P-Asserted-Identity", "Route", "Authorization", "X-Any", "Priority"] {
        assert_eq!(invite.get(name), "", "{name}");
    }
    assert!(invite.get("From").starts_with("<sip:bob@example.com>"));
    assert_eq!(invite.body, OFFER);
}

/// 200, never 202 (RFC 7647 5); without a subscription where none is wanted (RFC 4488).
#[test]
fn how_a_refer_is_answered() {
    for quiet in [false, true] {
        let mut solo = Solo::new();
        let (_, answer) = called(&mut solo);
        let refer = within(&answer, "REFER", 8).add("Refer-To", "<sip:carol@192.0.2.1>");
        solo.receive(&if quiet { refer.add("Refer-Sub", "false") } else { refer });
        let (request, _) = asked(&mut solo).expect("told");
        let follow = |endpoint: &mut Endpoint, now| endpoint.accept_transfer(now, request, FollowOptions::default());
        let new = solo.act(follow).expect("a call");
        let accepted = solo.last("200 REFER");
        assert_eq!(accepted.get("Refer-Sub"), if quiet { "false" } else { "" });
        assert!(accepted.get("Contact").contains("192.0.2.9") && !solo.times("INVITE").is_empty());
        assert_eq!(solo.times("NOTIFY").len(), usize::from(!quiet));
        let busy = solo.last("INVITE");
        solo.respond(&busy, 486, "carol", "");
        assert!(solo.endpoint.call_info(new).is_none());
        if !quiet {
            let first = solo.last("NOTIFY");
            assert_eq!((first.get("Subscription-State"), first.get("Event")), ("active;expires=300", "refer;id=8"));
            solo.respond(&first, 200, "", "");
            let last = solo.last("NOTIFY");
            assert_eq!(last.body, "SIP/2.0 486 Whatever\r\n");
            solo.respond(&last, 200, "", "");
        }
        assert_eq!(solo.endpoint.census().transfers, 0);
        assert_eq!(solo.endpoint.census().subscriptions, 0);
    }
}

/// One that does not want to hear more does not stop what it has begun (RFC 3515 2.4.4).
#[test]
fn a_report_nobody_wants_is_not_the_end() {
    for status in [481, 489] {
        let mut solo = Solo::new();
        let (_, answer) = called(&mut solo);
        solo.receive(&within(&answer, "REFER", 8).add("Refer-To", "<sip:carol@192.0.2.1>"));
        let (request, _) = asked(&mut solo).expect("told");
        let follow =
            |endpoint: &mut Endpoint, now| endpoint.accept_transfer(now, request, FollowOptions::with_sdp(OFFER));
        let new = solo.act(follow).expect("a call");
        let first = solo.last("NOTIFY");
        solo.respond(&first, status, "", "");
        let invite = solo.last("INVITE");
        solo.respond(&invite, 180, "carol", "");
        solo.respond(&invite, 200, "carol", ANSWER);
        solo.last("ACK");
        assert_eq!(solo.times("NOTIFY").len(), 1, "nobody listens");
        assert_eq!(solo.endpoint.call_info(new).expect("a call").state.name(), "established");
        assert_eq!(solo.endpoint.census().transfers, 0);
    }
}

/// Outside of a call, with Target-Dialog or without (RFC 4538): the report has a dialog of its own.
#[test]
fn a_refer_outside_of_a_call() {
    for named in [true, false] {
        let mut solo = Solo::new();
        let (call, answer) = called(&mut solo);
        let tag = answer.get("To").rsplit_once("tag=").expect("a tag").1;
        let dialog = if named {
            format!("a-call;local-tag={tag};remote-tag=alice")
        } else {
            "x;local-tag=a;remote-tag=b".into()
        };
        let refer = Text::request("REFER", "z9hG4bK-outside")
            .set("Call-ID", "outside")
            .add("Contact", "<sip:alice@192.0.2.1:5060>")
            .add("Require", "tdialog")
            .add("Target-Dialog", &dialog)
            .add("Refer-To", "<sip:carol@192.0.2.1>");
        solo.receive(&refer);
        let (request, asked) = asked(&mut solo).expect("told");
        assert_eq!(asked.call, named.then_some(call));
        solo.at(2000);
        let accepted = solo.last("200 REFER");
        let first = solo.last("NOTIFY");
        assert_eq!((first.get("From"), first.get("Call-ID")), (accepted.get("To"), "outside"));
        assert_eq!(first.get("Subscription-State"), "pending;expires=300");
        solo.respond(&first, 200, "", "");
        solo.act(|endpoint, now| endpoint.reject_transfer(now, request, StatusCode::DECLINE, None));
        let last = solo.last("NOTIFY");
        assert_eq!(
            (&*last.body, last.get("Subscription-State")),
            ("SIP/2.0 603 Decline\r\n", "terminated;reason=noresource")
        );
        solo.respond(&last, 200, "", "");
        solo.act(|endpoint, now| endpoint.hangup(now, call, None));
        let bye = solo.last("BYE");
        solo.respond(&bye, 200, "", "");
        solo.finish();
    }
}

/// A SUBSCRIBE makes no report of a transfer that was not asked for (RFC 3515 2.4.4).
#[test]
fn nobody_subscribes_to_a_transfer() {
    let mut solo = Solo::with(|config| config.packages = vec!["refer".into()]);
    let (_, answer) = called(&mut solo);
    solo.receive(&within(&answer, "SUBSCRIBE", 8).add("Event", "refer").add("Expires", "60"));
    solo.last("403 SUBSCRIBE");
    assert_eq!(solo.endpoint.census().subscriptions, 0);
}
