//! Two media sessions talk to each other over loopback.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use offhook_examples::webrtc::{Codec, Connection, Error, Options, Session, Stats, Tone};
use tokio::time::timeout;

#[tokio::test]
async fn media_flows_both_ways() {
    let (caller, callee, _) = connect(Options::default()).await;
    for session in [&caller, &callee] {
        let stats = until(session, |stats| stats.packets_received > 50 && stats.packets_sent > 50).await;
        assert_eq!(stats.connection, Connection::Connected);
        assert_eq!(stats.codec, Some(Codec::Pcmu));
        // 20 ms of G.711 in each packet.
        assert_eq!(stats.bytes_sent, 160 * stats.packets_sent);
        assert_eq!(stats.bytes_received, 160 * stats.packets_received);
    }
}

#[tokio::test]
async fn a_tone_comes_back_as_an_echo() {
    let tone = Tone { duration: Duration::from_millis(100), ..Tone::default() };
    let (caller, callee, _) = connect(Options { tone, ..Options::default() }).await;
    until(&callee, |stats| stats.level_in > LOUD).await;
    // The callee says nothing of its own: what the caller hears is its own tone, after a silence.
    until(&caller, |stats| stats.packets_received > 0 && stats.level_in < LOUD).await;
    until(&caller, |stats| stats.level_in > LOUD).await;
}

#[tokio::test]
async fn a_hold_stops_the_media_and_a_resume_restarts_it() {
    let (caller, callee, offer) = connect(Options::default()).await;
    until(&callee, |stats| stats.packets_sent > 10).await;

    for (offered, answered) in [("sendonly", "recvonly"), ("inactive", "inactive")] {
        let answer = callee.reoffer(&offer.replace("sendrecv", offered)).await.expect("an answer to the hold");
        assert!(answer.contains(&format!("a={answered}\r\n")), "{answer}");
        let held = callee.stats();
        assert!(!held.sending);
        assert_eq!(held.receiving, offered == "sendonly");
        if held.receiving {
            let still = until(&callee, |stats| stats.packets_received > held.packets_received + 20).await;
            assert_eq!(still.packets_sent, held.packets_sent);
        }
    }

    let held = callee.stats();
    let heard = caller.stats().packets_received;
    let answer = callee.reoffer(&offer).await.expect("an answer to the resume");
    assert!(answer.contains("a=sendrecv\r\n"), "{answer}");
    until(&callee, |stats| stats.packets_sent > held.packets_sent + 20).await;
    until(&caller, |stats| stats.packets_received > heard + 20).await;
}

#[tokio::test]
async fn closing_one_side_closes_the_other_and_frees_the_sockets() {
    let (caller, callee, offer) = connect(Options::default()).await;
    let port = loopback_port(&offer);
    UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).expect_err("the port is in use");
    caller.close().await;
    UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).expect("the port is free");

    until(&callee, |stats| stats.connection == Connection::Closed).await;
    assert_eq!(callee.reoffer(&offer).await, Err(Error::Closed));
}

#[tokio::test]
async fn dropping_a_session_frees_its_sockets() {
    let (session, offer) = Session::offer(Options::default()).await.expect("an offer");
    let port = loopback_port(&offer);
    drop(session);
    let freed = async {
        while UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, freed).await.expect("the port is free");
}

#[tokio::test]
async fn opus_is_taken_where_there_is_nothing_else() {
    let (_caller, offer) = Session::offer(Options::default()).await.expect("an offer");
    let media = |format: &str, codec: &str| {
        let lines = offer.lines().filter(|line| !line.starts_with("a=rtpmap") && !line.starts_with("a=fmtp"));
        let lines = lines.map(|line| match line.strip_prefix("m=audio ") {
            Some(rest) => format!("m=audio {} UDP/TLS/RTP/SAVPF {format}", rest.split(' ').next().unwrap_or("9")),
            None => line.to_owned(),
        });
        lines.chain([format!("a=rtpmap:{format} {codec}")]).fold(String::new(), |sdp, line| sdp + &line + "\r\n")
    };
    let (session, answer) =
        Session::answer(&media("111", "opus/48000/2"), Options::default()).await.expect("an answer");
    assert_eq!(session.stats().codec, Some(Codec::Opus));
    assert!(answer.contains("a=rtpmap:111 opus/48000/2\r\n"), "{answer}");

    let refused = Session::answer(&media("97", "iLBC/8000"), Options::default()).await;
    assert_eq!(refused.err(), Some(Error::NoAudio));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let malformed = Session::answer("this is no session description", Options::default()).await;
    assert!(matches!(malformed, Err(Error::Description(_))), "{malformed:?}");

    let (caller, callee, offer) = connect(Options::default()).await;
    assert_eq!(caller.accept(&offer).await, Err(Error::NoOffer));
    let (_stranger, other) = Session::offer(Options::default()).await.expect("an offer of another connection");
    assert_eq!(callee.reoffer(&other).await, Err(Error::OtherPeer));
    let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    for byte in 0..=u8::MAX {
        let to = (Ipv4Addr::LOCALHOST, loopback_port(&offer));
        stranger.send_to(&[byte; 100][..usize::from(byte) % 100], to).expect("a datagram leaves");
    }
    // None of that did any harm.
    let before = callee.stats().packets_received;
    until(&callee, |stats| stats.packets_received > before + 20).await;
}

/// Everything here takes a second or two. What has not happened by then never will.
const DEADLINE: Duration = Duration::from_secs(20);

/// Only a tone is louder, in dBov.
const LOUD: f32 = -30.0;

/// Connects a caller to a callee that plays no tone. Returns the offer too.
async fn connect(caller: Options) -> (Session, Session, String) {
    let (caller, offer) = Session::offer(caller).await.expect("an offer");
    let quiet = Options { tone: Tone::SILENT, ..Options::default() };
    let (callee, answer) = Session::answer(&offer, quiet).await.expect("an answer");
    caller.accept(&answer).await.expect("the answer fits the offer");
    for session in [&caller, &callee] {
        until(session, |stats| stats.connection == Connection::Connected).await;
    }
    (caller, callee, offer)
}

async fn until(session: &Session, condition: impl FnMut(&Stats) -> bool) -> Stats {
    let reached = timeout(DEADLINE, session.until(condition)).await;
    reached.unwrap_or_else(|_| panic!("still {:?}", session.stats())).expect("the session goes on")
}

fn loopback_port(description: &str) -> u16 {
    let candidates = description.lines().filter(|line| line.starts_with("a=candidate:"));
    let mut fields = candidates.map(|line| line.split(' ').skip(4));
    let port = fields.find_map(|mut fields| fields.next().filter(|address| *address == "127.0.0.1").and(fields.next()));
    port.and_then(|port| port.parse().ok()).expect("a candidate on loopback")
}
