//! How dialogs and transactions came to their states, asked at run time.

use std::time::Duration;

use offhook_core::dialog::DialogState;
use offhook_core::endpoint::{AnswerOptions, CallId, Endpoint};
use offhook_core::transaction::TransactionInfo;
use offhook_tests::endpoint::{ANSWER, OFFER, Pair, Solo};
use offhook_tests::net::Node;
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

/// Each transaction in a line: role, method, and its steps.
fn transactions(all: &[(Option<CallId>, TransactionInfo)]) -> String {
    let line = |(call, info): &(Option<CallId>, TransactionInfo)| {
        let role = if info.client { "client" } else { "server" };
        let steps =
            info.history.iter().map(|step| format!("{} {} ({})", step.at.as_millis(), step.state.name(), step.cause));
        assert_eq!(info.history.last().map(|step| step.state), Some(info.state));
        let whose = if call.is_some() { ", of a call" } else { "" };
        format!("{role} {}{whose}: {}\n", info.method, steps.collect::<Vec<_>>().join(", "))
    };
    all.iter().map(line).collect()
}

fn dialogs(solo: &Solo) -> String {
    let line = |dialog: offhook_core::endpoint::DialogInfo| {
        let steps =
            dialog.history.iter().map(|step| format!("{} {:?} ({})", step.at.as_millis(), step.state, step.cause));
        format!("{}: {}\n", dialog.remote_tag, steps.collect::<Vec<_>>().join(", "))
    };
    solo.endpoint.inspect_dialogs().into_iter().map(line).collect()
}

#[test]
fn the_steps_of_an_invite_on_both_sides() {
    let mut pair = Pair::new();
    pair.call();
    pair.net.run_for(Duration::from_millis(100));
    let there = pair.incoming(pair.bob);
    pair.ring(there);
    pair.net.run_for(Duration::from_millis(100));
    let at = |pair: &Pair| {
        let now = |node: Node<Endpoint>| transactions(&pair.net.machine(node).inspect_transactions());
        format!("{}--\n{}", now(pair.alice), now(pair.bob))
    };
    expect(
        &at(&pair),
        r"
        client INVITE, of a call: 0 calling (request), 110 proceeding (180 Ringing)
        --
        server INVITE, of a call: 10 proceeding (request)
        ",
    );
    pair.net.with(pair.bob, |bob, now| bob.answer(now, there, AnswerOptions::with_sdp(ANSWER)));
    pair.net.run_for(Duration::from_millis(500));
    expect(
        &at(&pair),
        r"
        client INVITE: 0 calling (request), 110 proceeding (180 Ringing), 210 accepted (200 OK)
        --
        server INVITE, of a call: 10 proceeding (request), 200 accepted (200 OK)
        ",
    );
    pair.net.run_until_idle();
    assert_eq!(at(&pair), "--\n", "what is over is gone");
}

#[test]
fn each_fork_is_a_dialog_until_one_is_confirmed() {
    let mut solo = Solo::new();
    let (call, invite) = solo.call();
    solo.at(100);
    solo.respond(&invite, 180, "desk", "");
    solo.at(200);
    solo.respond(&invite, 183, "mobile", "");
    expect(
        &dialogs(&solo),
        r"
        desk: 100 Early (180 Ringing heard)
        mobile: 200 Early (183 Session Progress heard)
        ",
    );
    solo.at(900);
    solo.respond(&invite, 200, "mobile", ANSWER);
    expect(&dialogs(&solo), "mobile: 200 Early (183 Session Progress heard), 900 Confirmed (200 OK heard)");
    let dialog = solo.endpoint.inspect_dialogs().remove(0);
    assert_eq!((dialog.call, dialog.state, dialog.local_cseq), (Some(call), DialogState::Confirmed, 1));
    assert_eq!((&*dialog.target, dialog.remote_cseq), ("sip:alice@192.0.2.1:5060", None));
}

#[test]
fn a_rejected_invite_waits_for_its_ack_and_a_subscription_has_a_dialog() {
    let mut solo = Solo::with(|config| config.packages = vec!["presence".into()]);
    let invite = Text::request("INVITE", "z9hG4bK-invite").add("Contact", "<sip:alice@192.0.2.1:5060>").sdp(OFFER);
    let call = solo.called(&invite);
    solo.at(50);
    solo.act(|endpoint, now| endpoint.reject(now, call, offhook_core::message::StatusCode::BUSY_HERE, None));
    let subscribe = Text::request("SUBSCRIBE", "z9hG4bK-subscribe").set("Call-ID", "other");
    solo.receive(&subscribe.add("Contact", "<sip:alice@192.0.2.1:5060>").add("Event", "presence"));
    solo.at(60);
    expect(
        &transactions(&solo.endpoint.inspect_transactions()),
        r"
        server INVITE: 0 proceeding (request), 50 completed (486 Busy Here)
        server SUBSCRIBE: 50 trying (request)
        ",
    );
    expect(&dialogs(&solo), "alice: 50 Confirmed (SUBSCRIBE received)");
    assert!(solo.endpoint.inspect_dialogs()[0].subscription.is_some());
    solo.at(100);
    solo.receive(&Text::request("ACK", "z9hG4bK-invite").set("CSeq", &invite.get("CSeq").replace("INVITE", "ACK")));
    expect(
        &transactions(&solo.endpoint.inspect_transactions()),
        r"
        server INVITE: 0 proceeding (request), 50 completed (486 Busy Here), 100 confirmed (ACK)
        server SUBSCRIBE: 50 trying (request)
        ",
    );
    solo.finish();
}
