//! Transfers between three endpoints (RFC 5589), with everything that passes and everything that is told.

use std::time::Duration;

use offhook_core::endpoint::{
    CallId, Census, Endpoint, Error, Event, FollowOptions, TransferEvent, TransferId, TransferOptions, TransferRequest,
    TransferRequestId,
};
use offhook_core::message::StatusCode;
use offhook_tests::endpoint::{OFFER, Trio};
use offhook_tests::net::{Conditions, Node};
use offhook_tests::sip::Text;
use offhook_tests::text::expect;

const MS: Duration = Duration::from_millis(1);

/// The request for a transfer that came in at a node; the network runs until it is there.
#[track_caller]
fn asked(trio: &mut Trio, node: Node<Endpoint>) -> (TransferRequestId, TransferRequest) {
    let find = |events: &[(_, Event)]| {
        events.iter().rev().find_map(|(_, event)| match event {
            Event::TransferRequested { request, asked, .. } => Some((*request, (**asked).clone())),
            _ => None,
        })
    };
    assert!(trio.net.drive(|net| find(net.events(node)).is_some(), 40_000 * MS), "nobody asked\n{}", trio.net.ladder());
    find(trio.net.events(node)).expect("driven until it was there")
}

/// Bob follows.
#[track_caller]
fn follow(trio: &mut Trio, request: TransferRequestId) -> CallId {
    let bob = trio.bob;
    let options = FollowOptions::with_sdp(OFFER);
    trio.net.with(bob, |bob, now| bob.accept_transfer(now, request, options)).expect("a call")
}

/// A message of this label that passed last.
#[track_caller]
fn last(trio: &Trio, label: &str) -> Text {
    let hop = trio.net.trace().iter().rfind(|hop| hop.label() == label);
    Text::parse(hop.and_then(|hop| hop.bytes()).unwrap_or_else(|| panic!("no {label}\n{}", trio.net.ladder())))
}

fn transfer(trio: &mut Trio, call: CallId, to: &str, options: TransferOptions) -> TransferId {
    let (alice, target) = (trio.alice, trio.address(to));
    trio.net.with(alice, |alice, now| alice.transfer(now, call, &target, options)).expect("asked")
}

// ---- blind (RFC 5589 6)

#[test]
fn a_blind_transfer() {
    let mut trio = Trio::new();
    let (alice, bob, carol) = (trio.alice, trio.bob, trio.carol);
    let (here, there) = trio.established(alice, bob);
    transfer(&mut trio, here, "carol", TransferOptions::default());
    let (request, asked) = asked(&mut trio, bob);
    assert_eq!((asked.call, asked.target.uri.as_str()), (Some(there), "sip:carol@10.0.0.3"));
    trio.net.run_for(1000 * MS);
    assert!(trio.net.sent(bob, carol).is_empty(), "nobody is called without consent");
    let new = follow(&mut trio, request);
    let ringing = trio.incoming(carol);
    trio.net.with(carol, |carol, now| carol.ring(now, ringing, None));
    trio.net.run_for(500 * MS);
    trio.answer(carol, ringing);
    trio.net.run_for(200 * MS);
    expect(
        &trio.net.ladder(),
        "
              ms  alice               bob                 carol
              40  |-------REFER------>|                   |
             540  |-------REFER------>|                   |
            1050  |<----200 REFER-----|                   |
            1050  |<-----NOTIFY-------|                   |
            1050  |                   |------INVITE------>|
            1060  |----200 NOTIFY---->|                   |
            1060  |                   |<---180 INVITE-----|
            1070  |<-----NOTIFY-------|                   |
            1080  |----200 NOTIFY---->|                   |
            1560  |                   |<---200 INVITE-----|
            1570  |                   |--------ACK------->|
            1570  |<-----NOTIFY-------|                   |
            1580  |----200 NOTIFY---->|                   |
            1580  |--------BYE------->|                   |
            1590  |<-----200 BYE------|                   |
        ",
    );
    expect(
        &trio.log(alice),
        "
            1060  transfer accepted
            1060  transfer: 100 Trying
            1080  transfer: 180 Ringing
            1580  transfer: 200 OK
            1580  transferred: 200 OK
            1600  over, by local, 200 transferred
        ",
    );
    expect(
        &trio.log(bob),
        "
              50  asked to call <sip:carol@10.0.0.3>
            1070  progress 180 Ringing
            1570  answered with sdp
            1590  over, by remote, 200 BYE received
        ",
    );
    let refer = last(&trio, "REFER");
    assert_eq!((refer.get("Refer-To"), refer.get("Referred-By")), ("<sip:carol@10.0.0.3>", "<sip:alice@10.0.0.1>"));
    let invite = last(&trio, "INVITE");
    assert_eq!(invite.get("Referred-By"), "<sip:alice@10.0.0.1>");
    assert!(invite.get("Replaces").is_empty());
    let notify = last(&trio, "NOTIFY");
    let cseq = refer.get("CSeq").split(' ').next().expect("a number");
    assert_eq!(notify.get("Event"), format!("refer;id={cseq}"));
    assert_eq!(notify.get("Subscription-State"), "terminated;reason=noresource");
    assert!(notify.get("Content-Type").starts_with("message/sipfrag"));
    assert_eq!(notify.body, "SIP/2.0 200 OK\r\n");
    assert_eq!((trio.state(bob, new), trio.state(bob, there)), ("established", "over"));
    trio.net.with(bob, |bob, now| bob.hangup(now, new, None));
    trio.finish();
}

/// What is accepted may still fail, and what has failed leaves the call as it was (RFC 5589 6.3.1).
#[test]
fn the_target_is_busy() {
    let mut trio = Trio::new();
    let (alice, bob, carol) = (trio.alice, trio.bob, trio.carol);
    let (here, there) = trio.established(alice, bob);
    trio.net.with(alice, |alice, now| alice.hold(now, here, None));
    trio.net.run_for(50 * MS);
    trio.forget();
    for id in [3, 4] {
        transfer(&mut trio, here, "carol", TransferOptions::default());
        let (request, _) = asked(&mut trio, bob);
        follow(&mut trio, request);
        let ringing = trio.incoming(carol);
        trio.net.with(carol, |carol, now| carol.reject(now, ringing, StatusCode::BUSY_HERE, Some("In a meeting")));
        trio.net.run_for(500 * MS);
        assert_eq!(last(&trio, "NOTIFY").body, "SIP/2.0 486 In a meeting\r\n");
        assert_eq!(last(&trio, "NOTIFY").get("Event"), format!("refer;id={id}"));
        assert!(trio.log(alice).contains("not transferred: 486 In a meeting"), "{}", trio.log(alice));
        trio.forget();
    }
    let info = trio.net.machine(alice).call_info(here).expect("the call goes on");
    assert!(info.hold.local, "and so does the hold");
    trio.net.with(bob, |bob, now| bob.hangup(now, there, None));
    trio.finish();
}

/// The transferee gives up an unanswered call (RFC 5589 6.3.2), which is the end of the transfer too.
#[test]
fn the_target_does_not_answer() {
    let mut trio = Trio::new();
    let (alice, bob, carol) = (trio.alice, trio.bob, trio.carol);
    let (here, _) = trio.established(alice, bob);
    transfer(&mut trio, here, "carol", TransferOptions::default());
    let (request, _) = asked(&mut trio, bob);
    let new = follow(&mut trio, request);
    let ringing = trio.incoming(carol);
    trio.net.with(carol, |carol, now| carol.ring(now, ringing, None));
    trio.net.run_for(100_000 * MS);
    trio.net.with(bob, |bob, now| bob.hangup(now, new, None));
    trio.net.run_for(100 * MS);
    assert_eq!(last(&trio, "NOTIFY").body, "SIP/2.0 487 Request Terminated\r\n");
    assert!(trio.log(alice).ends_with("not transferred: 487 Request Terminated\n"), "{}", trio.log(alice));
    trio.net.with(alice, |alice, now| alice.hangup(now, here, None));
    trio.finish();
}

/// The other side's word is not the deed (diago#162), and the call goes on without a word (diago#147).
#[test]
fn accepted_is_not_done() {
    let mut trio = Trio::new();
    let (alice, bob, carol) = (trio.alice, trio.bob, trio.carol);
    let (here, _) = trio.established(alice, bob);
    transfer(&mut trio, here, "carol", TransferOptions::default().timeout(90_000 * MS));
    let (request, _) = asked(&mut trio, bob);
    follow(&mut trio, request);
    trio.incoming(carol);
    trio.net.run_for(1000 * MS);
    expect(&trio.log(alice), "    60  transfer accepted\n    60  transfer: 100 Trying");
    trio.net.isolate(bob);
    trio.net.run_for(91_000 * MS);
    assert!(trio.log(alice).ends_with("90060  not transferred: no answer in time (timer N)\n"), "{}", trio.log(alice));
    assert_eq!(trio.state(alice, here), "established", "for its own part it goes on");
    trio.net.with(alice, |alice, now| alice.hangup(now, here, None));
    trio.net.run_for(100_000 * MS);
    assert_eq!(trio.net.machine(alice).census(), Census::default());
}

#[test]
fn the_call_stays_where_the_application_wants_it() {
    let mut trio = Trio::new();
    let (alice, bob, carol) = (trio.alice, trio.bob, trio.carol);
    let (here, there) = trio.established(alice, bob);
    transfer(&mut trio, here, "carol", TransferOptions::default().stay());
    let (request, _) = asked(&mut trio, bob);
    follow(&mut trio, request);
    let ringing = trio.incoming(carol);
    trio.answer(carol, ringing);
    trio.net.run_for(2000 * MS);
    assert!(trio.log(alice).contains("transferred: 200 OK"));
    assert_eq!((trio.state(alice, here), trio.state(bob, there)), ("established", "established"));
}

// ---- consent

#[test]
fn a_request_that_takes_thought_is_pending() {
    let mut trio = Trio::new();
    let (alice, bob, carol) = (trio.alice, trio.bob, trio.carol);
    let (here, _) = trio.established(alice, bob);
    transfer(&mut trio, here, "carol", TransferOptions::default());
    let (request, _) = asked(&mut trio, bob);
    trio.net.run_for(30_000 * MS);
    let notify = last(&trio, "NOTIFY");
    assert_eq!(notify.get("Subscription-State"), "pending;expires=300");
    assert_eq!(notify.body, "SIP/2.0 100 Trying\r\n");
    expect(&trio.log(alice), "  2060  transfer accepted\n  2060  transfer: 100 Trying");
    follow(&mut trio, request);
    trio.net.run_for(50 * MS);
    assert_eq!(last(&trio, "NOTIFY").get("Subscription-State"), "active;expires=272");
    let ringing = trio.incoming(carol);
    trio.answer(carol, ringing);
    trio.net.run_for(500 * MS);
    assert!(trio.log(alice).contains("transferred: 200 OK"));
}

#[test]
fn a_request_can_be_rejected_at_once() {
    let mut trio = Trio::new();
    let (alice, bob, carol) = (trio.alice, trio.bob, trio.carol);
    let (here, _) = trio.established(alice, bob);
    transfer(&mut trio, here, "carol", TransferOptions::default());
    let (request, _) = asked(&mut trio, bob);
    trio.net.with(bob, |bob, now| bob.reject_transfer(now, request, StatusCode::DECLINE, Some("No, thanks")));
    trio.net.run_for(100 * MS);
    expect(
        &trio.net.ladder(),
        "
              ms  alice               bob                 carol
              40  |-------REFER------>|                   |
              50  |<----603 REFER-----|                   |
        ",
    );
    expect(&trio.log(alice), "    60  not transferred: 603 No, thanks");
    let twice = trio.net.with(bob, |bob, now| bob.accept_transfer(now, request, FollowOptions::default()));
    assert!(matches!(twice, Err(Error::State(_))), "{twice:?}");
    assert_eq!(trio.state(alice, here), "established");
    assert!(trio.net.sent(bob, carol).is_empty());
    trio.net.with(alice, |alice, now| alice.hangup(now, here, None));
    trio.finish();
}

#[test]
fn a_request_can_be_rejected_after_thought_or_never_be_decided() {
    for rejects in [true, false] {
        let mut trio = Trio::new();
        let (alice, bob) = (trio.alice, trio.bob);
        let (here, _) = trio.established(alice, bob);
        transfer(&mut trio, here, "carol", TransferOptions::default());
        let (request, _) = asked(&mut trio, bob);
        trio.net.run_for(10_000 * MS);
        if rejects {
            trio.net.with(bob, |bob, now| bob.reject_transfer(now, request, StatusCode::DECLINE, None));
        }
        trio.net.run_for(100_000 * MS);
        let (status, told) =
            if rejects { ("603 Decline", "done") } else { ("480 Temporarily Unavailable", "not asked any more") };
        assert_eq!(last(&trio, "NOTIFY").get("Subscription-State"), "terminated;reason=noresource");
        assert_eq!(last(&trio, "NOTIFY").body, format!("SIP/2.0 {status}\r\n"));
        assert!(trio.log(alice).ends_with(&format!("not transferred: {status}\n")), "{}", trio.log(alice));
        assert!(trio.log(bob).trim_end().ends_with(told), "{}", trio.log(bob));
        trio.net.with(alice, |alice, now| alice.hangup(now, here, None));
        trio.finish();
    }
}

/// Many hang up as soon as they have asked. The transfer goes on, and so does the call it made (JsSIP #556).
#[test]
fn the_end_of_the_call_is_not_the_end_of_the_transfer() {
    for wait in [1, 500, 5000] {
        let mut trio = Trio::new();
        let (alice, bob, carol) = (trio.alice, trio.bob, trio.carol);
        let (here, _) = trio.established(alice, bob);
        transfer(&mut trio, here, "carol", TransferOptions::default());
        trio.net.run_for(wait * MS);
        trio.net.with(alice, |alice, now| alice.hangup(now, here, None));
        trio.net.run_for(300 * MS);
        assert!(trio.log(bob).contains("over, by remote"));
        let (request, _) = asked(&mut trio, bob);
        let new = follow(&mut trio, request);
        let ringing = trio.incoming(carol);
        trio.answer(carol, ringing);
        trio.net.run_for(2000 * MS);
        assert!(trio.log(alice).ends_with("transferred: 200 OK\n"), "{wait}: {}", trio.log(alice));
        assert_eq!(trio.state(bob, new), "established");
        trio.net.with(bob, |bob, now| bob.hangup(now, new, None));
        trio.finish();
    }
}

/// One that is not there any more to be told what becomes of it changes nothing for those it has brought together.
#[test]
fn a_transferor_that_is_gone_changes_nothing() {
    let mut trio = Trio::new();
    let (alice, bob, carol) = (trio.alice, trio.bob, trio.carol);
    let (here, there) = trio.established(alice, bob);
    transfer(&mut trio, here, "carol", TransferOptions::default());
    let (request, _) = asked(&mut trio, bob);
    trio.net.isolate(alice);
    let new = follow(&mut trio, request);
    let ringing = trio.incoming(carol);
    trio.answer(carol, ringing);
    trio.net.run_for(100_000 * MS);
    assert_eq!(trio.state(bob, new), "established");
    trio.net.rejoin(alice);
    for call in [new, there] {
        trio.net.with(bob, |bob, now| bob.hangup(now, call, None));
    }
    trio.net.with(alice, |alice, now| alice.hangup(now, here, None));
    trio.finish();
}

// ---- attended (RFC 5589 7)

#[test]
fn an_attended_transfer() {
    let mut trio = Trio::new();
    let (alice, bob, carol) = (trio.alice, trio.bob, trio.carol);
    let (first, there) = trio.established(alice, bob);
    let (second, target) = trio.established(alice, carol);
    trio.net
        .with(alice, |alice, now| alice.transfer_to(now, first, second, TransferOptions::default()))
        .expect("asked");
    let (request, asked) = asked(&mut trio, bob);
    assert!(asked.target.replaces().is_some());
    let new = follow(&mut trio, request);
    let replacing = trio.incoming(carol);
    let invitation = trio.net.events(carol).iter().rev().find_map(|(_, event)| match event {
        Event::Incoming { invitation, .. } => Some(invitation.clone()),
        _ => None,
    });
    let invitation = invitation.expect("an invitation");
    assert_eq!(invitation.replaces, Some(target));
    assert_eq!(invitation.referred_by.expect("a referrer").uri().as_str(), "sip:alice@10.0.0.1");
    trio.answer(carol, replacing);
    trio.net.run_for(200 * MS);
    expect(
        &trio.net.ladder(),
        "
             ms  alice               bob                 carol
             80  |-------REFER------>|                   |
             90  |<----200 REFER-----|                   |
             90  |<-----NOTIFY-------|                   |
             90  |                   |------INVITE------>|
            100  |----200 NOTIFY---->|                   |
            100  |                   |<---200 INVITE-----|
            110  |                   |--------ACK------->|
            110  |<-----NOTIFY-------|                   |
            120  |<-----------------BYE------------------|
            120  |----200 NOTIFY---->|                   |
            120  |--------BYE------->|                   |
            130  |----------------200 BYE--------------->|
            130  |<-----200 BYE------|                   |
        ",
    );
    expect(
        &trio.log(alice),
        "
            100  transfer accepted
            100  transfer: 100 Trying
            120  transfer: 200 OK
            120  transferred: 200 OK
            130  over, by remote, 200 BYE received, SIP Some(200)
            140  over, by local, 200 transferred
        ",
    );
    let invite = last(&trio, "INVITE");
    assert_eq!(invite.get("Require"), "replaces");
    assert_eq!((trio.state(bob, new), trio.state(bob, there)), ("established", "over"));
    assert_eq!((trio.state(carol, replacing), trio.state(carol, target)), ("established", "over"));
    assert_eq!((trio.state(alice, first), trio.state(alice, second)), ("over", "over"));
    trio.net.with(carol, |carol, now| carol.hangup(now, replacing, None));
    trio.finish();
}

/// The transferor has called and does not want to wait: its user agent does (RFC 5589 7.6).
#[test]
fn an_attended_transfer_while_it_rings() {
    let mut trio = Trio::new();
    let (alice, bob, carol) = (trio.alice, trio.bob, trio.carol);
    let (first, _) = trio.established(alice, bob);
    let second = trio.call(alice, "carol");
    let ringing = trio.incoming(carol);
    trio.net.with(carol, |carol, now| carol.ring(now, ringing, None));
    trio.net.run_for(100 * MS);
    trio.net
        .with(alice, |alice, now| alice.transfer_to(now, first, second, TransferOptions::default()))
        .expect("waits");
    trio.net.run_for(20_000 * MS);
    assert!(trio.net.sent(alice, bob).is_empty(), "nobody is sent to a phone that rings");
    trio.answer(carol, ringing);
    let (request, _) = asked(&mut trio, bob);
    trio.net.take_events(carol);
    let new = follow(&mut trio, request);
    let replacing = trio.incoming(carol);
    trio.answer(carol, replacing);
    trio.net.run_for(200 * MS);
    assert!(trio.log(alice).contains("transferred: 200 OK"), "{}", trio.log(alice));
    assert_eq!((trio.state(bob, new), trio.state(carol, replacing)), ("established", "established"));
    assert_eq!((trio.state(alice, first), trio.state(alice, second)), ("over", "over"));
    trio.net.with(bob, |bob, now| bob.hangup(now, new, None));
    trio.finish();
}

#[test]
fn a_target_that_is_not_reached_leaves_the_call() {
    for hangs_up in [true, false] {
        let mut trio = Trio::new();
        let (alice, bob, carol) = (trio.alice, trio.bob, trio.carol);
        let (first, _) = trio.established(alice, bob);
        let second = trio.call(alice, "carol");
        let ringing = trio.incoming(carol);
        trio.net
            .with(alice, |alice, now| alice.transfer_to(now, first, second, TransferOptions::default()))
            .expect("waits");
        match hangs_up {
            true => trio.net.with(alice, |alice, now| alice.hangup(now, second, None)),
            false => trio.net.with(carol, |carol, now| carol.reject(now, ringing, StatusCode::BUSY_HERE, None)),
        };
        trio.net.run_for(500 * MS);
        assert!(trio.log(alice).contains("not transferred: given up by this side"), "{}", trio.log(alice));
        assert_eq!(trio.state(alice, first), "established");
        trio.net.with(alice, |alice, now| alice.hangup(now, first, None));
        trio.finish();
    }
}

/// A call cannot be transferred to itself (baresip#3763), nor twice at a time, nor when it is not up.
#[test]
fn what_cannot_be_transferred() {
    let mut trio = Trio::new();
    let (alice, bob, carol) = (trio.alice, trio.bob, trio.carol);
    let (first, _) = trio.established(alice, bob);
    let to =
        |call, other| move |alice: &mut Endpoint, now| alice.transfer_to(now, call, other, TransferOptions::default());
    let field = |error: Result<TransferId, Error>| match error {
        Err(Error::Input(input)) => input.field.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(field(trio.net.with(alice, to(first, first))), "other");
    let ask = |target: &'static str, options: TransferOptions| {
        move |alice: &mut Endpoint, now| alice.transfer(now, first, target, options)
    };
    assert_eq!(field(trio.net.with(alice, ask("", TransferOptions::default()))), "target");
    assert_eq!(field(trio.net.with(alice, ask("sip:a b", TransferOptions::default()))), "target");
    let options = TransferOptions::default().header("Refer-To", "<sip:x@y>");
    assert_eq!(field(trio.net.with(alice, ask("carol", options))), "Refer-To");
    assert!(trio.net.sent(alice, bob).is_empty());
    let second = trio.call(alice, "carol");
    assert!(matches!(trio.net.with(alice, to(second, first)), Err(Error::State(_))), "not up yet");
    transfer(&mut trio, first, "carol", TransferOptions::default());
    let twice = trio.net.with(alice, ask("carol", TransferOptions::default()));
    assert!(matches!(twice, Err(Error::State(_))), "{twice:?}");
    let _ = carol;
}

// ---- bad networks, and ends in the middle

#[test]
fn transfers_come_to_an_end_on_bad_networks() {
    for seed in 1..60 {
        let conditions = Conditions { loss: 100, duplication: 50, jitter: 40 * MS, ..Conditions::default() };
        let mut trio = Trio::with(seed, Conditions::default(), |_| {});
        let (alice, bob, carol) = (trio.alice, trio.bob, trio.carol);
        let (here, _) = trio.established(alice, bob);
        trio.net.set_conditions(conditions);
        transfer(&mut trio, here, "carol", TransferOptions::default());
        let (request, _) = asked(&mut trio, bob);
        let new = follow(&mut trio, request);
        let ringing = trio.incoming(carol);
        trio.answer(carol, ringing);
        trio.net.run_for(70_000 * MS);
        assert!(trio.log(alice).contains("transferred: 200 OK"), "{seed}\n{}\n{}", trio.log(alice), trio.net.ladder());
        trio.net.with(bob, |bob, now| bob.hangup(now, new, None));
        trio.finish();
    }
}

#[test]
fn nothing_is_left_when_somebody_goes_in_the_middle() {
    for (who, wait) in (0..3).flat_map(|who| [0, 15, 70, 2500, 4000].map(|wait| (who, wait))) {
        let mut trio = Trio::new();
        let (alice, bob, carol) = (trio.alice, trio.bob, trio.carol);
        let (here, _) = trio.established(alice, bob);
        transfer(&mut trio, here, "carol", TransferOptions::default());
        if wait > 3000 {
            let (request, _) = asked(&mut trio, bob);
            follow(&mut trio, request);
            let ringing = trio.incoming(carol);
            trio.net.with(carol, |carol, now| carol.ring(now, ringing, None));
        }
        trio.net.run_for(wait * MS);
        trio.net.with([alice, bob, carol][who], |endpoint, now| endpoint.shutdown(now, 2000 * MS));
        trio.net.run_for(200_000 * MS);
        for node in [alice, bob, carol] {
            trio.net.with(node, |endpoint, now| endpoint.shutdown(now, 2000 * MS));
        }
        trio.net.run_until_idle();
        for node in [alice, bob, carol] {
            let left = trio.net.machine(node).census();
            assert_eq!((left.calls, left.transfers, left.subscriptions, left.outgoing), (0, 0, 0, 0), "{who} {wait}");
        }
        let ends = trio
            .net
            .events(alice)
            .iter()
            .filter(|(_, event)| matches!(event, Event::Transfer { event: TransferEvent::Ended(_), .. }));
        assert_eq!(ends.count(), 1, "{who} {wait}: {}", trio.log(alice));
    }
}
