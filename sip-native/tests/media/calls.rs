//! What is said is heard, whatever carries it.

use std::net::Ipv4Addr;
use std::time::Duration;

use offhook::core::endpoint::{CallEvent, CallOptions};
use offhook::core::sdp::SdpRef;
use offhook::core::sdp::negotiate::{self, Capabilities, Local};
use offhook::media::{Audio, Codec, Connection, DigitBy, Echo, Media, MediaError, Options, Silence, Srtp, Tone};
use tokio::time::timeout;

use crate::world::{DEADLINE, World, hears, until, uri};

/// The kinds of session there are.
fn kinds() -> Vec<(&'static str, Options, bool)> {
    vec![
        ("RTP, G.711", Options::default().codecs([Codec::Pcma]), false),
        ("SRTP, opus", Options::default().codecs([Codec::Opus]).srtp(Srtp::Required), true),
        ("WebRTC", Options::webrtc().bind([127, 0, 0, 1]), true),
    ]
}

#[tokio::test]
async fn a_tone_that_is_said_is_heard_both_ways() {
    for (kind, options, encrypted) in kinds() {
        let world = World::new().await;
        let (high, low) = (Tone::new(1000.0).source(16_000), Tone::new(600.0).source(8000));
        let (alice, bob) = world.call(&options, &Options::default(), high, low).await.expect(kind);
        hears(&bob, &world.at_bob, 1000.0, -20.0).await;
        hears(&alice, &world.at_alice, 600.0, -20.0).await;
        assert!(world.at_bob.level(600.0) < -45.0, "{kind}: nobody hears himself");
        for talk in [&alice, &bob] {
            let stats = talk.stats();
            assert_eq!((stats.encrypted, stats.connection), (encrypted, Connection::Connected), "{kind}");
        }
        alice.hangup().await.expect("an end");
        timeout(DEADLINE, bob.ended()).await.expect("the end is told");
        assert!(matches!(until_over(&bob).await, MediaError::Closed), "{kind}");
    }
}

/// What a call says when it is over: its audio has ended, too.
async fn until_over(talk: &offhook::media::Talk) -> MediaError {
    let over = timeout(DEADLINE, talk.until(|_| false)).await.expect("the audio ends with the call");
    over.expect_err("it is over")
}

#[tokio::test]
async fn hold_and_resume_and_mute() {
    for (kind, options, _) in kinds() {
        let world = World::new().await;
        let (high, low) = (Tone::new(1000.0).source(16_000), Tone::new(600.0).source(8000));
        let (alice, bob) = world.call(&options, &Options::default(), high, low).await.expect(kind);
        hears(&alice, &world.at_alice, 600.0, -20.0).await;
        alice.hold().await.expect(kind);
        let held = until(&bob, |stats| !stats.sending && stats.receiving).await;
        assert!(bob.call().on_hold().remote, "{kind}");
        let still = until(&bob, |stats| stats.packets_received > held.packets_received + 20).await;
        assert_eq!(still.packets_sent, held.packets_sent, "{kind}: who is held says nothing");
        alice.resume().await.expect(kind);
        until(&bob, |stats| stats.sending && stats.packets_sent > held.packets_sent + 20).await;
        hears(&alice, &world.at_alice, 600.0, -20.0).await;
        bob.mute(true);
        let muted = until(&bob, |stats| stats.muted).await;
        until(&bob, |stats| stats.packets_sent > muted.packets_sent + 20 && stats.level_out < -90.0).await;
        bob.mute(false);
        hears(&alice, &world.at_alice, 600.0, -20.0).await;
        alice.hangup().await.expect("an end");
    }
}

#[tokio::test]
async fn digits_arrive_as_they_were_pressed() {
    for (kind, options, _) in kinds() {
        let world = World::new().await;
        let (alice, bob) = world.call(&options, &Options::default(), Silence, Silence).await.expect(kind);
        for talk in [&alice, &bob] {
            until(talk, |stats| stats.connection == Connection::Connected).await;
        }
        for (from, to) in [(&alice, &bob), (&bob, &alice)] {
            let mut digits = to.digits();
            timeout(DEADLINE, from.press("12#")).await.expect("in time").expect(kind);
            for tone in ['1', '2', '#'] {
                let digit = timeout(DEADLINE, digits.next()).await.expect("in time").expect("a digit");
                assert_eq!((digit.tone, digit.by), (tone, DigitBy::Rtp), "{kind}");
                assert!((100..=200).contains(&digit.duration.as_millis()), "{kind}: {digit:?}");
            }
        }
        assert!(matches!(alice.press("1x").await, Err(MediaError::Refused(_))));
        // By INFO too.
        let mut digits = bob.digits();
        alice.call().send_dtmf("7").await.expect("an answer");
        let digit = timeout(DEADLINE, digits.next()).await.expect("in time").expect("a digit");
        assert_eq!((digit.tone, digit.by), ('7', DigitBy::Info));
        alice.hangup().await.expect("an end");
        assert_eq!(timeout(DEADLINE, digits.next()).await.expect("in time"), None);
    }
}

#[tokio::test]
async fn an_echo_comes_back() {
    let world = World::new().await;
    let mut incoming = world.bob.incoming();
    let audio = Audio::new(Tone::new(1000.0).source(16_000), world.at_alice.clone());
    let calling = world.alice.call_with_audio(&uri(&world.bob, "bob"), audio).await;
    let call = incoming.next().await.expect("a call");
    let echo = Echo::new(16_000, Duration::from_millis(200), 0.5);
    Media::default().answer(&call, echo.audio()).await.expect("an answer");
    let alice = calling.expect("a call");
    hears(&alice, &world.at_alice, 1000.0, -26.0).await;
    alice.hangup().await.expect("an end");
}

#[tokio::test]
async fn what_cannot_be_agreed_on_is_refused() {
    let world = World::new().await;
    let (a, u) = (Options::default().codecs([Codec::Pcma]), Options::default().codecs([Codec::Pcmu]));
    let refused = world.call(&a, &u, Silence, Silence).await.expect_err("nothing in common");
    assert!(refused.to_string().contains("488") || matches!(refused, MediaError::NoAudio), "{refused}");
    let secure = Options::default().srtp(Srtp::Required);
    let never = Options::default().srtp(Srtp::Never);
    for (caller, callee) in [(&secure, &never), (&never, &secure)] {
        world.call(caller, callee, Silence, Silence).await.expect_err("no agreement on encryption");
    }
}

#[tokio::test]
async fn an_invite_without_offer_gets_one() {
    let world = World::new().await;
    let mut incoming = world.bob.incoming();
    // Alice's audio is made by hand: it answers what Bob offers.
    let socket = tokio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
    let call = world.alice.call(&uri(&world.bob, "bob"), CallOptions::default()).await.expect("a call");
    let mut events = call.events();
    let answering = async {
        let invited = incoming.next().await.expect("a call");
        Media::default().answer(&invited, Audio::play(Tone::new(1000.0).source(8000))).await
    };
    let taking = async {
        let offer = loop {
            if let CallEvent::Offer { sdp: Some(offer) } = events.next().await.expect("an offer") {
                break offer;
            }
        };
        let local = Local::new([127, 0, 0, 1], socket.local_addr().expect("it is bound").port());
        let offer = SdpRef::parse(&offer).expect("a description");
        let (answer, stream) = negotiate::answer(&offer, &Capabilities::default(), &local).expect("a stream");
        call.accept_offer(answer.to_bytes()).await.expect("it is taken");
        stream
    };
    let (talk, stream) = tokio::join!(answering, taking);
    let talk = talk.expect("an answer");
    let mut packet = [0; 2000];
    let received = timeout(DEADLINE, socket.recv_from(&mut packet)).await.expect("in time").expect("a packet");
    assert_eq!((received.0, packet[1] & 0x7f, received.1.port()), (172, stream.codec.payload, stream.remote_port));
    call.hangup().await.expect("an end");
    timeout(DEADLINE, talk.ended()).await.expect("in time");
    until_over(&talk).await;
    assert!(std::net::UdpSocket::bind(("127.0.0.1", stream.remote_port)).is_ok(), "the port is free");
}
