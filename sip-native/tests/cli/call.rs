use std::net::Ipv4Addr;
use std::process::Stdio;
use std::time::Duration;

use offhook::UserAgent;
use offhook::media::{Echo, Media, Options, tone_level};
use tokio::process::Command;
use tokio::time::timeout;

/// How long a test waits for what must come.
const SOON: Duration = Duration::from_secs(30);

/// A second of a tone of 440 Hz, 8,000 samples a second.
fn tone(path: &str) {
    let spec =
        hound::WavSpec { channels: 1, sample_rate: 8000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut file = hound::WavWriter::create(path, spec).unwrap();
    for sample in 0..8000 {
        let angle = f64::from(sample) * 440.0 * std::f64::consts::TAU / 8000.0;
        file.write_sample((angle.sin() * 8000.0) as i16).unwrap();
    }
    file.finalize().unwrap();
}

/// Somebody who sends back what is heard; the digits that come are told.
async fn echo(options: Options) -> (UserAgent, String, tokio::task::JoinHandle<String>) {
    let localhost = (Ipv4Addr::LOCALHOST, 0).into();
    let bob = UserAgent::builder("sip:bob@127.0.0.1").bind(localhost).connect().await.expect("a socket");
    let at = format!("sip:bob@{}", bob.local_addrs()[0].addr);
    let mut calls = bob.incoming();
    let heard = tokio::spawn(async move {
        let call = calls.next().await.expect("somebody calls");
        let talk = Media::new(options).answer(&call, Echo::new(16_000, Duration::ZERO, 1.0).audio()).await;
        let talk = talk.expect("it is acknowledged");
        let mut digits = talk.digits();
        let mut pressed = String::new();
        while let Some(digit) = digits.next().await {
            pressed.push(digit.tone);
        }
        pressed
    });
    (bob, at, heard)
}

/// Plays a tone to somebody who echoes, and records what comes back.
async fn plays_and_records(webrtc: bool) {
    let path = |name: &str| format!("{}/{}-{webrtc}-{name}.wav", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    let (played, recorded) = (path("played"), path("recorded"));
    tone(&played);
    let (bob, at, heard) = echo(Options::default()).await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_offhook"));
    command.args(["call", &at, "--play", &played, "--record", &recorded, "--dtmf", "4,2"]);
    if webrtc {
        command.arg("--webrtc");
    }
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(SOON, output).await.expect("it ends with the file").expect("it starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert!(out.contains("digits 4,2 sent") && out.contains("audio: "), "{out}{err}");
    assert_eq!(timeout(SOON, heard).await.expect("the call ends").expect("nothing panics"), "42", "{out}{err}");
    let mut file = hound::WavReader::open(&recorded).unwrap();
    let rate = file.spec().sample_rate;
    let samples: Vec<i16> = file.samples().map(Result::unwrap).collect();
    let heard = tone_level(&samples, rate, 440.0);
    for other in [330.0, 660.0, 880.0] {
        assert!(heard > tone_level(&samples, rate, other) + 15.0, "{heard} at 440 Hz: {other} Hz is as loud");
    }
    bob.shutdown(SOON).await.unwrap();
    for path in [played, recorded] {
        std::fs::remove_file(path).unwrap();
    }
}

#[tokio::test]
async fn a_file_is_played_and_what_is_heard_is_recorded() {
    plays_and_records(false).await;
}

#[tokio::test]
async fn the_same_by_webrtc() {
    plays_and_records(true).await;
}

#[tokio::test]
async fn files_that_are_none_are_told_before_anybody_is_called() {
    for args in [["--play", "/no/such/file.wav"], ["--record", "/no/such/folder/file.wav"]] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_offhook")).args(["call", "sip:b@127.0.0.1"]).args(args).output().await;
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(args[1]), "{output:?}");
    }
}
