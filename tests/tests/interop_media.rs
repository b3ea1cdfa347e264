//! Audio with real phones and exchanges, verified by its content: a tone that is said is the tone that comes back, at its
//! level. `make interop` runs it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use offhook::UserAgent;
use offhook::media::{
    Audio, Codec, Connection, DigitBy, Media, Options, Sink, Srtp, Stamp, Stats, Talk, Tone, tone_level,
};
use offhook_core::transport::Transport;
use offhook_tests::programs::{Asterisk, Baresip, Kamailio};
use tokio::time::timeout;

/// Everything here takes a few seconds. What has not happened by then never will.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Vec<i16>>>);

impl Ear {
    /// The level of a tone in the middle one of the last five tenths of a second, in dBov.
    fn level(&self, frequency: f64) -> f64 {
        let heard = self.0.lock().unwrap();
        let Some(from) = heard.len().checked_sub(4000) else { return -127.0 };
        let mut levels: Vec<f64> = heard[from..].chunks(800).map(|part| tone_level(part, 8000, frequency)).collect();
        levels.sort_by(f64::total_cmp);
        levels[2]
    }
}

impl Sink for Ear {
    fn rate(&self) -> u32 {
        8000
    }

    fn take(&mut self, _: Stamp, frame: &[i16]) {
        self.0.lock().unwrap().extend_from_slice(frame);
    }
}

async fn agent(user: &str, server: &str) -> UserAgent {
    let agent = UserAgent::builder(&format!("sip:{user}@sip.test")).server(server).password(format!("{user}-secret"));
    let agent = agent.connect().await.expect("the server is there");
    agent.register().await.expect("everybody may register");
    agent
}

async fn until(talk: &Talk, what: &str, condition: impl FnMut(&Stats) -> bool) -> Stats {
    let reached = timeout(PATIENCE, talk.until(condition)).await;
    reached
        .unwrap_or_else(|_| panic!("{what}: still {:?}", talk.stats()))
        .unwrap_or_else(|error| panic!("{what}: {error}, {:?}", talk.call().history()))
}

/// Says a tone and waits until it comes back as loud, and nothing else.
async fn comes_back(talk: &Talk, ear: &Ear, what: &str) {
    until(talk, what, |_| (ear.level(1000.0) + 20.0).abs() < 1.5).await;
    assert!(ear.level(1400.0) < -45.0, "{what}: {}", ear.level(1400.0));
}

async fn call(agent: &UserAgent, target: &str, options: Options) -> (Talk, Ear) {
    let ear = Ear::default();
    let audio = Audio::new(Tone::new(1000.0).source(16_000), ear.clone());
    let talk = Media::new(options).call(agent, target, audio).await.expect("a call");
    timeout(PATIENCE, talk.established()).await.expect("in time").expect("an answer");
    (talk, ear)
}

/// The next digit.
async fn digit(digits: &mut offhook::media::Digits) -> (char, DigitBy) {
    let digit = timeout(PATIENCE, digits.next()).await.expect("in time").expect("a digit");
    (digit.tone, digit.by)
}

#[tokio::test]
async fn asterisk_echoes_over_plain_rtp_and_digits_come_back_both_ways() {
    let asterisk = Asterisk::start();
    let alice = agent("alice", &asterisk.address(Transport::Udp)).await;
    let (talk, ear) = call(&alice, "sip:600@sip.test", Options::default()).await;
    comes_back(&talk, &ear, "RTP").await;
    let stats = talk.stats();
    assert_eq!((stats.codec, stats.encrypted, stats.packets_lost), (Some(Codec::Pcmu), false, 0));
    let mut digits = talk.digits();
    talk.press("5").await.expect("it is said");
    assert_eq!(digit(&mut digits).await, ('5', DigitBy::Rtp), "said and heard by RTP");
    // By INFO it comes back as it was agreed: by RTP.
    talk.call().send_dtmf("7").await.expect("it is taken");
    assert_eq!(digit(&mut digits).await.0, '7', "said by INFO");
    talk.hold().await.expect("it agrees");
    until(&talk, "hold", |stats| !stats.receiving).await;
    talk.resume().await.expect("it agrees");
    comes_back(&talk, &ear, "RTP after a hold").await;
    until(&talk, "a report", |stats| stats.theirs.is_some()).await;
    // Its echo ends at #, perhaps before that is over.
    let _ = talk.press("#").await;
    timeout(PATIENCE, talk.ended()).await.expect("it hangs up");
}

#[tokio::test]
async fn asterisk_sends_digits_by_info_where_that_is_agreed() {
    let asterisk = Asterisk::start();
    let dave = agent("dave", &asterisk.address(Transport::Udp)).await;
    let (talk, ear) = call(&dave, "sip:600@sip.test", Options::default()).await;
    comes_back(&talk, &ear, "RTP").await;
    let mut digits = talk.digits();
    talk.press("8").await.expect("it is said");
    assert_eq!(digit(&mut digits).await, ('8', DigitBy::Info), "said and heard by INFO");
    talk.hangup().await.expect("an end");
}

#[tokio::test]
async fn asterisk_echoes_over_webrtc() {
    let asterisk = Asterisk::start();
    let dora = agent("dora", &asterisk.address(Transport::Ws)).await;
    let (talk, ear) = call(&dora, "sip:600@sip.test", Options::webrtc().bind([127, 0, 0, 1])).await;
    comes_back(&talk, &ear, "WebRTC").await;
    let stats = talk.stats();
    assert_eq!((stats.connection, stats.encrypted), (Connection::Connected, true));
    let mut digits = talk.digits();
    talk.press("3").await.expect("it is said");
    assert_eq!(digit(&mut digits).await, ('3', DigitBy::Rtp));
    talk.hold().await.expect("it agrees");
    until(&talk, "hold", |stats| !stats.receiving).await;
    talk.resume().await.expect("it agrees");
    comes_back(&talk, &ear, "WebRTC after a hold").await;
    talk.hangup().await.expect("an end");
}

#[tokio::test]
async fn asterisk_echoes_over_srtp_with_keys_in_the_description() {
    let asterisk = Asterisk::start();
    let frank = agent("frank", &asterisk.address(Transport::Udp)).await;
    let (talk, ear) = call(&frank, "sip:600@sip.test", Options::default().srtp(Srtp::Required)).await;
    comes_back(&talk, &ear, "SRTP").await;
    assert!(talk.stats().encrypted);
    talk.hangup().await.expect("an end");
}

// What baresip says is waited for on this thread.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn baresip_sends_back_what_it_hears_whoever_calls() {
    let kamailio = Kamailio::full();
    let address = kamailio.address(Transport::Udp);
    let mut phone = Baresip::start("bob", &address, Transport::Udp);
    let alice = agent("alice", &address).await;

    let ear = Ear::default();
    let audio = Audio::new(Tone::new(1000.0).source(16_000), ear.clone());
    let talk = Media::default().call(&alice, "sip:bob@sip.test", audio).await.expect("a call");
    phone.hears("CALL_INCOMING");
    phone.command("accept", "");
    timeout(PATIENCE, talk.established()).await.expect("in time").expect("an answer");
    comes_back(&talk, &ear, "called").await;
    talk.press("6").await.expect("it is said");
    assert_eq!(phone.hears("CALL_DTMF_START")["param"], "6");
    let mut digits = talk.digits();
    phone.command("sndcode", "9");
    assert_eq!(digit(&mut digits).await, ('9', DigitBy::Rtp));
    phone.command("hangup", "");
    timeout(PATIENCE, talk.ended()).await.expect("it hangs up");

    let mut incoming = alice.incoming();
    phone.command("dial", "sip:alice@sip.test");
    let call = timeout(PATIENCE, incoming.next()).await.expect("in time").expect("a call");
    let ear = Ear::default();
    let audio = Audio::new(Tone::new(1000.0).source(16_000), ear.clone());
    let talk = Media::default().answer(&call, audio).await.expect("an answer");
    comes_back(&talk, &ear, "calling").await;
    talk.hangup().await.expect("an end");
}
